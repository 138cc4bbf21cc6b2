//! ExternalService: something outside of every mesh that proxies reach under a name of a service.

mod rules;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::ExternalService as Spec;

use crate::kind::{Context, Descriptor, Kind};
use crate::violation::Violations;

/// The kind `ExternalService`.
#[derive(Clone, Copy, Debug)]
pub struct ExternalService;

impl Kind for ExternalService {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "ExternalService",
        "external-services",
        &["external-service"],
        "kuma.mesh.v1alpha1.ExternalService",
    );

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check_strict(spec)
    }
}
