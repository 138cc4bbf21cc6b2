//! Tag maps and selector lists (resources §3.2).

use torii_proto::kuma::mesh::v1alpha1::Selector;

use crate::tags::{ANY, PROTOCOL, SERVICE, Tags};
use crate::violation::Violations;

/// How a tag map is checked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TagRules<'a> {
    /// `*` and slashes are allowed in values: a selector, not the tags of something.
    pub(crate) selector: bool,
    /// The map may not be empty.
    pub(crate) at_least_one: bool,
    /// `kuma.io/service` must be there.
    pub(crate) service: bool,
    /// Keys that may not be there.
    pub(crate) reserved: &'a [&'a str],
    /// Nothing but `kuma.io/service` may be there.
    pub(crate) only_service: bool,
    /// `kuma.io/protocol` must be one of these; empty: it is not looked at.
    pub(crate) protocols: &'a [&'a str],
}

impl TagRules<'static> {
    /// A selector of services, also the destination of a backend.
    pub(crate) const SERVICE_SELECTOR: Self = Self {
        selector: true,
        at_least_one: true,
        service: true,
        reserved: &[],
        only_service: false,
        protocols: &[],
    };
    /// A selector of one service, or of all.
    pub(crate) const ONLY_SERVICE: Self = Self {
        only_service: true,
        ..Self::SERVICE_SELECTOR
    };
    /// A selector of anything.
    pub(crate) const SELECTOR: Self = Self {
        service: false,
        ..Self::SERVICE_SELECTOR
    };
    /// The tags of a proxy.
    pub(crate) const SERVICE_TAGS: Self = Self {
        selector: false,
        ..Self::SERVICE_SELECTOR
    };
}

/// Checks one tag map at `path`.
pub(crate) fn check_tags(
    path: &str,
    tags: &Tags,
    rules: TagRules<'_>,
    violations: &mut Violations,
) {
    if rules.at_least_one && tags.is_empty() {
        violations.add(path, "must have at least one tag");
    }
    check_whole(path, tags, rules, violations);
    for (key, value) in tags {
        let at_key = || format!("{path}[{key:?}]");
        if key.is_empty() {
            violations.add(path, "tag name must be non-empty");
        } else if !is_tag_name(key) {
            violations.add(
                at_key(),
                "tag name must consist of alphanumeric characters, dots, dashes, slashes, colons and underscores",
            );
        }
        if rules.reserved.contains(&key.as_str()) {
            violations.add(at_key(), format!("tag name must not be {key:?}"));
        }
        if rules.only_service && key != SERVICE {
            violations.add(at_key(), format!("tag {key:?} is not allowed"));
        }
        if value.is_empty() {
            violations.add(at_key(), "tag value must be non-empty");
        } else if rules.selector {
            if value != ANY
                && !value
                    .bytes()
                    .all(|b| is_tag_byte(b) || matches!(b, b'_' | b'/'))
            {
                violations.add(
                    at_key(),
                    "tag value must consist of alphanumeric characters, dots, dashes, slashes, colons and underscores \
                     or be \"*\"",
                );
            }
        } else if !value.bytes().all(|b| is_tag_byte(b) || b == b'_') {
            violations.add(
                at_key(),
                "tag value must consist of alphanumeric characters, dots, dashes, colons and underscores",
            );
        }
    }
    if rules.service && !tags.contains_key(SERVICE) {
        violations.add(path, format!("mandatory tag {SERVICE:?} is missing"));
    }
}

/// Rules of a map as a whole that come before those of its keys.
fn check_whole(path: &str, tags: &Tags, rules: TagRules<'_>, violations: &mut Violations) {
    if rules.only_service && !(tags.len() == 1 && tags.contains_key(SERVICE)) {
        violations.add(path, format!("must consist of exactly one tag {SERVICE:?}"));
    }
    if rules.protocols.is_empty() {
        return;
    }
    match tags.get(PROTOCOL) {
        None => violations.add(path, "protocol must be specified"),
        Some(value) if !rules.protocols.contains(&value.as_str()) => violations.add(
            format!("{path}[{PROTOCOL:?}]"),
            format!("must be one of the [{}]", rules.protocols.join(", ")),
        ),
        Some(_) => {}
    }
}

/// Checks the selectors of a gateway object: at least one, each with a service.
pub(crate) fn check_selectors(selectors: &[Selector], violations: &mut Violations) {
    check_selector_list(
        "selectors",
        selectors,
        TagRules::SERVICE_SELECTOR,
        violations,
    );
}

/// Checks a list of selectors, of which there must be one at least.
pub(crate) fn check_selector_list(
    path: &str,
    selectors: &[Selector],
    rules: TagRules<'_>,
    violations: &mut Violations,
) {
    if selectors.is_empty() {
        violations.add(path, "must have at least one element");
    }
    check_each_selector(path, selectors, rules, violations);
}

/// Checks a list of selectors that may be empty.
pub(crate) fn check_each_selector(
    path: &str,
    selectors: &[Selector],
    rules: TagRules<'_>,
    violations: &mut Violations,
) {
    for (index, selector) in selectors.iter().enumerate() {
        check_tags(
            &format!("{path}[{index}].match"),
            &selector.r#match,
            rules,
            violations,
        );
    }
}

/// Checks sources with a service and destinations of one service or all: most source/destination policies.
pub(crate) fn check_connection(
    sources: &[Selector],
    destinations: &[Selector],
    violations: &mut Violations,
) {
    check_selector_list("sources", sources, TagRules::SERVICE_SELECTOR, violations);
    check_selector_list(
        "destinations",
        destinations,
        TagRules::ONLY_SERVICE,
        violations,
    );
}

/// Notes a `kuma.io/protocol` that no service has, upper case allowed; an empty one is another rule's.
pub(crate) fn check_protocol(path: &str, tags: &Tags, violations: &mut Violations) {
    const PROTOCOLS: [&str; 5] = ["grpc", "http", "http2", "kafka", "tcp"];
    if let Some(protocol) = tags.get(PROTOCOL)
        && !protocol.is_empty()
        && !PROTOCOLS.contains(&protocol.to_ascii_lowercase().as_str())
    {
        violations.add(
            format!("{path}[{PROTOCOL:?}]"),
            format!(
                "tag {PROTOCOL:?} has an invalid value {protocol:?}. Allowed values: {}",
                PROTOCOLS.join(", ")
            ),
        );
    }
}

/// Characters of a tag's name.
pub(crate) fn is_tag_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| is_tag_byte(b) || matches!(b, b'_' | b'/'))
}

fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':')
}
