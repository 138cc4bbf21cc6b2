//! GlobalSecret: a secret outside of meshes, e.g. a signing key. Any spec is valid; never print it.

use torii_proto::kuma::system::v1alpha1::Secret as Spec;

use crate::kind::{Access, Context, Descriptor, Kind, Scope, SyncFlags};
use crate::violation::Violations;

/// The kind `GlobalSecret`.
#[derive(Clone, Copy, Debug)]
pub struct GlobalSecret;

impl Kind for GlobalSecret {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor {
        name: "GlobalSecret",
        plural: "globalsecrets",
        aliases: &["global-secrets"],
        short_names: &["global-secret"],
        scope: Scope::Global,
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
