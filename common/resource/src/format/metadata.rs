//! Metadata that both document forms share: labels, times, and the search for a kind.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::node::Node;
use super::proto_json::nearest;
use crate::kind::KindEntry;
use crate::meta::Stamp;
use crate::registry::{self, KINDS};
use crate::rules::CANNOT_BE_EMPTY;
use crate::violation::Violations;

/// Kinds of Kuma and of Kubernetes that are created in a zone on Kubernetes and are no resources of a control plane.
const KUBERNETES_ONLY: [&str; 3] = ["MeshGatewayInstance", "MeshGatewayConfig", "ContainerPatch"];

/// What is printed for a time that is not known (control-plane-api §5.4).
const UNKNOWN_TIME: &str = "0001-01-01T00:00:00Z";

/// The kind of this name, or why there is none, noted at `field`.
pub(crate) fn kind(
    name: &str,
    field: &str,
    violations: &mut Violations,
) -> Option<&'static KindEntry> {
    if let Some(kind) = registry::by_name(name) {
        return Some(kind);
    }
    let reason = if KUBERNETES_ONLY.contains(&name) {
        format!(
            "{name} is created in a zone on Kubernetes (kubectl apply there), not at a control plane"
        )
    } else {
        let names = || KINDS.iter().map(|kind| kind.descriptor.name);
        match nearest(name, names()) {
            Some(near) => format!("unknown kind {name:?}, did you mean {near:?}?"),
            None => format!(
                "unknown kind {name:?}; known: {}",
                names().collect::<Vec<_>>().join(", ")
            ),
        }
    };
    violations.add(field, reason);
    None
}

/// Text of a metadata field; empty when it is absent, null or of another type, which is noted.
pub(crate) fn text(node: Option<&Node>, field: &str, violations: &mut Violations) -> String {
    match node {
        None | Some(Node::Null) => String::new(),
        Some(node) => node.as_text().map_or_else(
            || {
                violations.add(field, format!("must be text, not {}", node.describe()));
                String::new()
            },
            str::to_owned,
        ),
    }
}

/// As [`text`], of a field that must be there.
pub(crate) fn required(node: Option<&Node>, field: &str, violations: &mut Violations) -> String {
    let empty = match node {
        None | Some(Node::Null) => true,
        Some(node) => node.as_text() == Some(""),
    };
    if empty {
        violations.add(field, CANNOT_BE_EMPTY);
    }
    text(node, field, violations)
}

/// An object of texts, e.g. labels.
pub(crate) fn texts(
    node: Option<&Node>,
    field: &str,
    violations: &mut Violations,
) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    match node {
        None | Some(Node::Null) => {}
        Some(Node::Map(entries)) => {
            for (key, value) in entries {
                match value.as_text() {
                    Some(text) => {
                        map.insert(key.clone(), text.to_owned());
                    }
                    None => violations.add(
                        format!("{field}[{key:?}]"),
                        format!("must be text (put it in quotes), not {}", value.describe()),
                    ),
                }
            }
        }
        Some(other) => violations.add(
            field,
            format!("must be an object, not {}", other.describe()),
        ),
    }
    map
}

/// Checks a time that is read and ignored: `creationTime`, `modificationTime`.
pub(crate) fn time(node: Option<&Node>, field: &str, violations: &mut Violations) {
    let good = match node {
        None | Some(Node::Null) => true,
        Some(node) => node
            .as_text()
            .is_some_and(|text| text.parse::<Timestamp>().is_ok()),
    };
    if !good {
        violations.add(field, "must be a time such as 2026-11-24T16:19:12Z");
    }
}

/// A stamp's time as REST prints it.
pub(crate) fn print_time(stamp: &Stamp) -> Value {
    if *stamp == Stamp::default() {
        Value::from(UNKNOWN_TIME)
    } else {
        Value::from(stamp.time.to_string())
    }
}

/// An object of texts.
pub(crate) fn object(texts: impl IntoIterator<Item = (String, String)>) -> Value {
    Value::Object(
        texts
            .into_iter()
            .map(|(key, value)| (key, Value::from(value)))
            .collect::<Map<_, _>>(),
    )
}

/// Prefixes the paths of a spec's violations.
pub(crate) fn below(prefix: &str, violations: Violations) -> Violations {
    let mut result = Violations::new();
    for violation in violations {
        let field = match violation.field.as_str() {
            "" => prefix.to_owned(),
            field => format!("{prefix}.{field}"),
        };
        result.add(field, violation.reason);
    }
    result
}
