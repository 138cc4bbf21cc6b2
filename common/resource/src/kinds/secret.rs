//! Secret: a secret of a mesh, e.g. the certificate of a listener. Any spec is valid; never print it.

use torii_proto::kuma::system::v1alpha1::Secret as Spec;

use crate::kind::{Access, Context, Descriptor, Kind, Scope, SyncFlags};
use crate::violation::Violations;

/// The kind `Secret`.
#[derive(Clone, Copy, Debug)]
pub struct Secret;

impl Kind for Secret {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Secret",
        plural: "secrets",
        aliases: &[],
        short_names: &[],
        scope: Scope::Mesh,
        sync: SyncFlags::DOWN_AND_LOCAL,
        access: Access::Admin,
        message: "kuma.system.v1alpha1.Secret",
        hashed: false,
        namespaced: true,
    };

    fn validate(_spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        Violations::new()
    }
}
