//! FaultInjection: delays, errors and slow answers on purpose.

mod bandwidth;
mod rules;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::{FaultInjection as Spec, Selector};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::violation::Violations;

/// The kind `FaultInjection`.
#[derive(Clone, Copy, Debug)]
pub struct FaultInjection;

impl FaultInjection {
    /// The limit of a `responseBandwidth` such as `50 mbps`, in kilobits per second. `None`: it is not one.
    pub fn kbps(limit: &str) -> Option<u64> {
        bandwidth::kbps(limit)
    }
}

impl Kind for FaultInjection {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "FaultInjection",
        "fault-injections",
        &["fault-injection"],
        "kuma.mesh.v1alpha1.FaultInjection",
    );

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check_strict(spec)
    }
}

impl ConnectionPolicy for FaultInjection {
    fn sources(spec: &Spec) -> &[Selector] {
        &spec.sources
    }

    fn destinations(spec: &Spec) -> &[Selector] {
        &spec.destinations
    }
}
