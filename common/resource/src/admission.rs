//! The one way from a parsed resource to what may be proposed: names, labels, rules, defaults.
//!
//! For REST writes and the CLI. What comes by KDS does not pass here: a peer's rules are its own.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use crate::format::ParsedResource;
use crate::kind::{Context, Mode};
use crate::meta::Resource;
use crate::violation::Violations;
use crate::{labels, name};

/// What may be stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Given and computed labels.
    pub labels: BTreeMap<String, String>,
    /// The spec with its defaults, in its one encoding.
    pub spec: Bytes,
}

impl fmt::Debug for Admitted {
    /// Without the spec: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted")
            .field("labels", &self.labels)
            .field("spec_bytes", &self.spec.len())
            .finish()
    }
}

/// Checks a resource that somebody writes and completes it. `existing` is what is stored under its key.
///
/// Rights, read-only kinds and copies, and rules that need other resources are not looked at.
///
/// # Errors
/// Everything that is wrong, in the order name, labels, spec.
pub fn admit(
    parsed: &ParsedResource,
    existing: Option<&Resource>,
    mode: &Mode,
) -> Result<Admitted, Violations> {
    let kind = parsed.kind;
    let context = Context {
        mode,
        mesh: &parsed.key.mesh,
        name: &parsed.key.name,
        create: existing.is_none(),
    };
    let mut violations = name::check(&kind.descriptor, &parsed.key, mode, context.create);
    violations.extend(labels::check(
        &kind.descriptor,
        &parsed.key,
        &parsed.labels,
        mode,
    ));

    // Kuma's order: what was written is validated, then completed (resources §3.14).
    let completed = kind
        .validate(&parsed.spec, &context)
        .and_then(|found| {
            violations.extend(found);
            violations.extend(kind.validate_strict(&parsed.spec, &context)?);
            kind.set_defaults(&parsed.spec, &context)
        })
        .and_then(|spec| {
            let labels = labels::compute(kind, &parsed.key, &parsed.labels, &spec, mode)?;
            Ok((labels, spec))
        });
    let (labels, spec) = match completed {
        Ok(completed) => completed,
        Err(error) => {
            violations.add("", format!("not a {}: {error}", kind.descriptor.message));
            return Err(violations);
        }
    };
    if let Some(existing) = existing {
        violations.extend(labels::check_immutable(&existing.labels, &labels));
    }
    if violations.is_empty() {
        Ok(Admitted {
            labels,
            spec: spec.into(),
        })
    } else {
        Err(violations)
    }
}
