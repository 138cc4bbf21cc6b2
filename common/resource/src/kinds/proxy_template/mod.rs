//! ProxyTemplate: changes of what a proxy's Envoy gets, in Envoy's own terms.

mod rules;
mod strict;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::{ProxyTemplate as Spec, Selector};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ProxyPolicy;
use crate::violation::Violations;

/// The kind `ProxyTemplate`.
#[derive(Clone, Copy, Debug)]
pub struct ProxyTemplate;

impl Kind for ProxyTemplate {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "ProxyTemplate",
        "proxytemplates",
        &["proxy-template"],
        "kuma.mesh.v1alpha1.ProxyTemplate",
    );

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        strict::check(spec)
    }
}

impl ProxyPolicy for ProxyTemplate {
    fn selectors(spec: &Spec) -> &[Selector] {
        &spec.selectors
    }
}
