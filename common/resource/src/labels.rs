//! Labels of written resources as in Kuma 2.13 (kds §4.8, control-plane-api §5.7): which may be given, which the
//! control plane computes, which never change.
//!
//! Labels of resources that came by KDS are taken as they come.

use std::collections::BTreeMap;

use crate::kind::{Descriptor, KindEntry, Mode, Scope};
use crate::kinds::Dataplane;
use crate::meta::{ResourceKey, label};
use crate::violation::Violations;
use crate::{kind::Kind as _, name};

/// All labels of a resource.
pub type Labels = BTreeMap<String, String>;

/// Values of [`label::ORIGIN`].
pub const ORIGIN_GLOBAL: &str = "global";
/// See [`ORIGIN_GLOBAL`].
pub const ORIGIN_ZONE: &str = "zone";
/// Value of [`label::ENV`] outside of Kubernetes.
pub const ENV_UNIVERSAL: &str = "universal";
const WORKLOAD: &str = "kuma.io/workload";

/// Longest prefix, name and value of a label, in bytes.
const MAX_PREFIX: usize = 253;
const MAX_LABEL: usize = 63;

/// Labels that stay what they were at creation.
const IMMUTABLE: [&str; 3] = [label::ORIGIN, label::ZONE, label::DISPLAY_NAME];

/// What is wrong with the labels that a writer gave.
pub fn check(
    descriptor: &Descriptor,
    key: &ResourceKey,
    given: &Labels,
    mode: &Mode,
) -> Violations {
    let mut violations = Violations::new();
    for (label, value) in given {
        check_syntax(label, value, &mut violations);
    }
    let mut must = |label: &str, wanted: &str, reason: &str| {
        if given.get(label).is_some_and(|value| value != wanted) {
            violations.add(field(label), reason);
        }
    };
    match mode {
        Mode::Global => must(
            label::ORIGIN,
            ORIGIN_GLOBAL,
            "the origin label must be set to 'global'",
        ),
        Mode::Zone(zone) => {
            must(
                label::ORIGIN,
                ORIGIN_ZONE,
                "the origin label must be set to 'zone'",
            );
            must(
                label::ZONE,
                zone,
                &format!("must be the name of this zone, '{zone}'"),
            );
        }
    }
    if descriptor.scope == Scope::Mesh {
        must(
            label::MESH,
            &key.mesh,
            &format!("must be the mesh of the resource, '{}'", key.mesh),
        );
    }
    if descriptor.name == Dataplane::DESCRIPTOR.name
        && let Some(workload) = given.get(WORKLOAD)
        && !is_dns_label(workload)
    {
        violations.add(
            field(WORKLOAD),
            "must be a DNS label: lower case letters, digits and '-', beginning with a letter, at most 63 characters",
        );
    }
    violations
}

/// The given labels and those that the control plane computes.
///
/// # Errors
/// When the spec is not the kind's message.
pub fn compute(
    kind: &KindEntry,
    key: &ResourceKey,
    given: &Labels,
    spec: &[u8],
    mode: &Mode,
) -> Result<Labels, prost::DecodeError> {
    let mut labels = given.clone();
    let mut set = |label: &str, value: &str| {
        labels.insert(label.to_owned(), value.to_owned());
    };
    if kind.descriptor.scope == Scope::Mesh {
        set(label::MESH, &key.mesh);
    }
    if let Mode::Zone(zone) = mode
        && kind.descriptor.sync.provided_by_zone
        && !is_zone_object(&kind.descriptor)
    {
        set(label::ORIGIN, ORIGIN_ZONE);
        set(label::ZONE, zone);
        set(label::ENV, ENV_UNIVERSAL);
    }
    for (label, value) in kind.computed_labels(spec)? {
        set(label, &value);
    }
    Ok(labels)
}

/// What may not change between the stored labels and the new ones, computed ones included.
pub fn check_immutable(before: &Labels, after: &Labels) -> Violations {
    let mut violations = Violations::new();
    for label in IMMUTABLE {
        let (before, after) = (before.get(label), after.get(label));
        if before.is_some() && before != after {
            violations.add(
                field(label),
                "cannot be changed or removed: delete the resource and create it again",
            );
        }
    }
    violations
}

/// Zone objects describe zones; they are not of one.
fn is_zone_object(descriptor: &Descriptor) -> bool {
    descriptor.name == crate::kinds::Zone::DESCRIPTOR.name
}

/// Kubernetes' rules for label keys and values, so that a resource can live there too.
fn check_syntax(label: &str, value: &str, violations: &mut Violations) {
    let (prefix, name) = label
        .split_once('/')
        .map_or((None, label), |(prefix, name)| (Some(prefix), name));
    if prefix.is_some_and(|prefix| prefix.len() > MAX_PREFIX || !name::is_subdomain(prefix)) {
        violations.add(
            field(label),
            "the part of a label key before '/' must be a lower case DNS name",
        );
    }
    if name.is_empty() || !is_qualified(name) {
        violations.add(
            field(label),
            "a label key has letters, digits, '-', '_' and '.', begins and ends with a letter or digit, and has at \
             most 63 characters",
        );
    }
    let good = if label == label::DISPLAY_NAME {
        value.len() <= name::MAX_NAME
    } else {
        value.is_empty() || is_qualified(value)
    };
    if !good {
        violations.add(
            field(label),
            "a label value has letters, digits, '-', '_' and '.', begins and ends with a letter or digit, and has at \
             most 63 characters",
        );
    }
}

fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= MAX_LABEL
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// RFC 1035.
fn is_dns_label(text: &str) -> bool {
    text.len() <= MAX_LABEL
        && !text.contains('.')
        && name::is_subdomain(text)
        && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
}

fn field(label: &str) -> String {
    format!("labels[{label:?}]")
}

#[cfg(test)]
mod tests;
