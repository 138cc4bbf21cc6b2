//! HealthCheck: how proxies probe the endpoints of a destination themselves.

mod rules;
mod strict;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::{HealthCheck as Spec, Selector};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::violation::Violations;

/// The kind `HealthCheck`.
#[derive(Clone, Copy, Debug)]
pub struct HealthCheck;

impl Kind for HealthCheck {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "HealthCheck",
        "health-checks",
        &["health-check", "healthchecks"],
        "kuma.mesh.v1alpha1.HealthCheck",
    );

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        strict::check(spec)
    }
}

impl ConnectionPolicy for HealthCheck {
    fn sources(spec: &Spec) -> &[Selector] {
        &spec.sources
    }

    fn destinations(spec: &Spec) -> &[Selector] {
        &spec.destinations
    }
}
