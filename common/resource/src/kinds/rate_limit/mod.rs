//! RateLimit: how many requests a proxy lets through in an interval.

mod rules;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::{RateLimit as Spec, Selector};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::tags::{ANY, SERVICE};
use crate::violation::Violations;

/// The kind `RateLimit`.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit;

impl RateLimit {
    /// Whether an ExternalService of this name of a service may not stand beside the policy: its destinations name it,
    /// or all services, with other tags, which nobody can tell of an external service (policies §4.2, §4.6).
    pub fn excludes_external(spec: &Spec, service: &str) -> bool {
        spec.destinations.iter().any(|selector| {
            selector.r#match.len() > 1
                && selector
                    .r#match
                    .get(SERVICE)
                    .is_some_and(|name| name == service || name == ANY)
        })
    }
}

impl Kind for RateLimit {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "RateLimit",
        "rate-limits",
        &["rate-limit"],
        "kuma.mesh.v1alpha1.RateLimit",
    );

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check_strict(spec)
    }
}

impl ConnectionPolicy for RateLimit {
    fn sources(spec: &Spec) -> &[Selector] {
        &spec.sources
    }

    fn destinations(spec: &Spec) -> &[Selector] {
        &spec.destinations
    }
}
