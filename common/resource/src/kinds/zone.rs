//! Zone: a zone that the global knows. Any spec is valid; absent `enabled` means enabled.

use torii_proto::kuma::system::v1alpha1::Zone as Spec;

use crate::kind::{Access, Context, Descriptor, Kind, Scope, SyncFlags};
use crate::violation::Violations;

/// The kind `Zone`.
#[derive(Clone, Copy, Debug)]
pub struct Zone;

impl Kind for Zone {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor {
        name: "Zone",
        plural: "zones",
        aliases: &[],
        short_names: &[],
        scope: Scope::Global,
        sync: SyncFlags::LOCAL,
        access: Access::Open,
        message: "kuma.system.v1alpha1.Zone",
        hashed: false,
        namespaced: false,
    };

    fn validate(_spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        Violations::new()
    }
}
