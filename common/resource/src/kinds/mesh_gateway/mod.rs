//! MeshGateway: the listeners of builtin gateways.

mod rules;
mod strict;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::MeshGateway as Spec;

use crate::kind::{Access, Context, Descriptor, Kind, Scope, SyncFlags};
use crate::violation::Violations;

/// The kind `MeshGateway`.
#[derive(Clone, Copy, Debug)]
pub struct MeshGateway;

impl Kind for MeshGateway {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor {
        name: "MeshGateway",
        plural: "meshgateways",
        aliases: &[],
        short_names: &["mgw", "gateway"],
        scope: Scope::Mesh,
        sync: SyncFlags::BOTH,
        access: Access::Open,
        message: "kuma.mesh.v1alpha1.MeshGateway",
        hashed: true,
        namespaced: false,
    };

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        rules::check(spec)
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        strict::check(spec)
    }
}
