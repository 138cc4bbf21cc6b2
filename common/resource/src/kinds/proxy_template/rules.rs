//! Kuma's rules for a ProxyTemplate (policies §4.5): names, operations, and that values are documents. Whether they
//! are Envoy's messages is in `strict`: Envoy's API grows.

use torii_proto::kuma::mesh::v1alpha1::ProxyTemplate as Spec;
use torii_proto::kuma::mesh::v1alpha1::proxy_template::modifications::Type;
use torii_proto::kuma::mesh::v1alpha1::proxy_template::{Conf, Modifications};

use crate::format::envoy;
use crate::rules::{CANNOT_BE_EMPTY, TagRules, check_each_selector};
use crate::violation::Violations;

/// Profiles that a template may import.
const PROFILES: [&str; 4] = [
    "default-proxy",
    "egress-proxy",
    "gateway-proxy",
    "ingress-proxy",
];
const RESOURCE_OPERATIONS: &[&str] = &["add", "remove", "patch"];
const FILTER_OPERATIONS: &[&str] = &[
    "addFirst",
    "addLast",
    "addBefore",
    "addAfter",
    "remove",
    "patch",
];
pub(super) const HTTP_FILTER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter";

/// A modification, whatever it modifies.
pub(super) struct Change<'a> {
    /// Name of the member, as in JSON.
    pub(super) member: &'static str,
    /// Full name of Envoy's message that `value` is.
    pub(super) message: &'static str,
    pub(super) operation: &'a str,
    pub(super) value: &'a str,
    matched: bool,
    name: &'a str,
    filter: bool,
}

impl<'a> Change<'a> {
    pub(super) fn of(modification: &'a Modifications) -> Option<Self> {
        macro_rules! change {
            ($entry:expr, $member:expr, $message:expr, $filter:expr) => {
                Self {
                    member: $member,
                    message: $message,
                    operation: &$entry.operation,
                    value: &$entry.value,
                    matched: $entry.r#match.is_some(),
                    name: $entry
                        .r#match
                        .as_ref()
                        .map_or("", |found| found.name.as_str()),
                    filter: $filter,
                }
            };
        }
        Some(match modification.r#type.as_ref()? {
            Type::Cluster(entry) => {
                change!(entry, "cluster", "envoy.config.cluster.v3.Cluster", false)
            }
            Type::Listener(entry) => {
                change!(
                    entry,
                    "listener",
                    "envoy.config.listener.v3.Listener",
                    false
                )
            }
            Type::NetworkFilter(entry) => {
                change!(
                    entry,
                    "networkFilter",
                    "envoy.config.listener.v3.Filter",
                    true
                )
            }
            Type::HttpFilter(entry) => change!(entry, "httpFilter", HTTP_FILTER, true),
            Type::VirtualHost(entry) => {
                change!(
                    entry,
                    "virtualHost",
                    "envoy.config.route.v3.VirtualHost",
                    false
                )
            }
        })
    }

    /// Whether `value` means anything.
    pub(super) fn has_value(&self) -> bool {
        self.operations().contains(&self.operation) && self.operation != "remove"
    }

    fn operations(&self) -> &'static [&'static str] {
        if self.filter {
            FILTER_OPERATIONS
        } else {
            RESOURCE_OPERATIONS
        }
    }
}

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    check_each_selector(
        "selectors",
        &spec.selectors,
        TagRules::SERVICE_SELECTOR,
        &mut violations,
    );
    if let Some(conf) = &spec.conf {
        check_conf(conf, &mut violations);
    }
    violations
}

fn check_conf(conf: &Conf, violations: &mut Violations) {
    for (index, import) in conf.imports.iter().enumerate() {
        let field = format!("conf.imports[{index}]");
        if import.is_empty() {
            violations.add(field, CANNOT_BE_EMPTY);
        } else if !PROFILES.contains(&import.as_str()) {
            violations.add(
                field,
                format!(
                    "profile not found. Available profiles: {}",
                    PROFILES.join(",")
                ),
            );
        }
    }
    for (index, resource) in conf.resources.iter().enumerate() {
        let path = format!("conf.resources[{index}]");
        for (field, value) in [("name", &resource.name), ("version", &resource.version)] {
            if value.is_empty() {
                violations.add(format!("{path}.{field}"), CANNOT_BE_EMPTY);
            }
        }
        check_document(format!("{path}.resource"), &resource.resource, violations);
    }
    for (index, modification) in conf.modifications.iter().enumerate() {
        // One without a member is refused at the door only.
        if let Some(change) = Change::of(modification) {
            let path = format!("conf.modifications[{index}].{}", change.member);
            check_change(&path, &change, violations);
        }
    }
}

fn check_change(path: &str, change: &Change<'_>, violations: &mut Violations) {
    match change.operation {
        "add" if change.member == "virtualHost" && !change.name.is_empty() => {
            violations.add(format!("{path}.match.name"), "cannot be defined");
        }
        "add" if !change.filter && change.member != "virtualHost" && change.matched => {
            violations.add(format!("{path}.match"), "cannot be defined");
        }
        "addBefore" | "addAfter" | "patch" if change.filter && change.name.is_empty() => {
            violations.add(
                format!("{path}.match.name"),
                "cannot be empty. You need to pick a filter",
            );
        }
        operation if !change.operations().contains(&operation) => {
            let available: Vec<_> = change
                .operations()
                .iter()
                .map(|operation| format!("{operation:?}"))
                .collect();
            violations.add(
                format!("{path}.operation"),
                format!(
                    "invalid operation. Available operations: {}",
                    available.join(", ")
                ),
            );
        }
        _ => {}
    }
    if change.has_value() {
        check_document(format!("{path}.value"), change.value, violations);
    }
}

fn check_document(field: String, text: &str, violations: &mut Violations) {
    if text.trim().is_empty() {
        violations.add(field, CANNOT_BE_EMPTY);
    } else if let Err(reason) = envoy::document(text) {
        violations.add(
            field,
            format!("native Envoy resource is not valid: {reason}"),
        );
    }
}
