//! MeshGatewayRoute: what the listeners of a MeshGateway do with requests and connections.

mod header;
mod rules;
mod strict;
#[cfg(test)]
mod tests;

use torii_proto::kuma::mesh::v1alpha1::MeshGatewayRoute as Spec;

use crate::kind::{Access, Context, Descriptor, Kind, Scope, SyncFlags};
use crate::violation::Violations;

/// The kind `MeshGatewayRoute`.
#[derive(Clone, Copy, Debug)]
pub struct MeshGatewayRoute;

impl Kind for MeshGatewayRoute {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor {
        name: "MeshGatewayRoute",
        plural: "meshgatewayroutes",
        aliases: &[],
        short_names: &["mgr", "route"],
        scope: Scope::Mesh,
        sync: SyncFlags::GLOBAL_TO_ZONE,
        access: Access::Open,
        message: "kuma.mesh.v1alpha1.MeshGatewayRoute",
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
