//! Retry: when a request or a connection attempt that failed is made again.

mod rules;
mod strict;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::{Retry as Spec, Selector};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::violation::Violations;

/// The kind `Retry`.
#[derive(Clone, Copy, Debug)]
pub struct Retry;

impl Kind for Retry {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor =
        Descriptor::policy("Retry", "retries", &[], "kuma.mesh.v1alpha1.Retry");

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        strict::check(spec)
    }
}

impl ConnectionPolicy for Retry {
    fn sources(spec: &Spec) -> &[Selector] {
        &spec.sources
    }

    fn destinations(spec: &Spec) -> &[Selector] {
        &spec.destinations
    }
}
