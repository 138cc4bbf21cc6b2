//! VirtualOutbound: names that sidecars resolve to services. Gateways have no outbounds: it has no effect on them.

mod rules;
mod template;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::{Selector, VirtualOutbound as Spec};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ProxyPolicy;
use crate::violation::Violations;

/// The kind `VirtualOutbound`.
#[derive(Clone, Copy, Debug)]
pub struct VirtualOutbound;

impl Kind for VirtualOutbound {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "VirtualOutbound",
        "virtual-outbounds",
        &["virtual-outbound"],
        "kuma.mesh.v1alpha1.VirtualOutbound",
    );

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }
}

impl ProxyPolicy for VirtualOutbound {
    fn selectors(spec: &Spec) -> &[Selector] {
        &spec.selectors
    }
}
