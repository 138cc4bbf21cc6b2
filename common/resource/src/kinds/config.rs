//! Config: internal documents of a control plane, e.g. `kuma-cluster-id`. Any spec is valid.

use torii_proto::kuma::system::v1alpha1::Config as Spec;

use crate::kind::{Access, Context, Descriptor, Kind, Scope, SyncFlags};
use crate::violation::Violations;

/// The kind `Config`.
#[derive(Clone, Copy, Debug)]
pub struct Config;

impl Kind for Config {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Config",
        plural: "configs",
        aliases: &[],
        short_names: &[],
        scope: Scope::Global,
        sync: SyncFlags::DOWN_AND_LOCAL,
        access: Access::Internal,
        message: "kuma.system.v1alpha1.Config",
        hashed: false,
        namespaced: true,
    };

    fn validate(_spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        Violations::new()
    }
}
