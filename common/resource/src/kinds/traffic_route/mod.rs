//! TrafficRoute: where the outbounds of sidecars lead. Gateways route by MeshGatewayRoute: it has no effect on them.

mod http;
mod rules;
mod strict;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::{Selector, TrafficRoute as Spec};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::violation::Violations;

/// The kind `TrafficRoute`.
#[derive(Clone, Copy, Debug)]
pub struct TrafficRoute;

impl Kind for TrafficRoute {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "TrafficRoute",
        "traffic-routes",
        &["traffic-route"],
        "kuma.mesh.v1alpha1.TrafficRoute",
    );

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        strict::check(spec)
    }
}

impl ConnectionPolicy for TrafficRoute {
    fn sources(spec: &Spec) -> &[Selector] {
        &spec.sources
    }

    fn destinations(spec: &Spec) -> &[Selector] {
        &spec.destinations
    }
}
