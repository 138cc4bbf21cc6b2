//! The one list of kinds.

use crate::kind::KindEntry;
use crate::kinds;

/// Every kind that this build knows, in order of name.
pub const KINDS: &[KindEntry] = &[
    KindEntry::of::<kinds::CircuitBreaker>(),
    KindEntry::of::<kinds::Config>(),
    KindEntry::of::<kinds::Dataplane>(),
    KindEntry::of::<kinds::ExternalService>(),
    KindEntry::of::<kinds::FaultInjection>(),
    KindEntry::of::<kinds::GlobalSecret>(),
    KindEntry::of::<kinds::HealthCheck>(),
    KindEntry::of::<kinds::Mesh>(),
    KindEntry::of::<kinds::MeshGateway>(),
    KindEntry::of::<kinds::MeshGatewayRoute>(),
    KindEntry::of::<kinds::ProxyTemplate>(),
    KindEntry::of::<kinds::RateLimit>(),
    KindEntry::of::<kinds::Retry>(),
    KindEntry::of::<kinds::Secret>(),
    KindEntry::of::<kinds::Timeout>(),
    KindEntry::of::<kinds::TrafficLog>(),
    KindEntry::of::<kinds::TrafficPermission>(),
    KindEntry::of::<kinds::TrafficRoute>(),
    KindEntry::of::<kinds::TrafficTrace>(),
    KindEntry::of::<kinds::VirtualOutbound>(),
    KindEntry::of::<kinds::Zone>(),
];

/// The kind of this type name (case-sensitive, as in YAML and on the wire).
pub fn by_name(name: &str) -> Option<&'static KindEntry> {
    KINDS.iter().find(|kind| kind.descriptor.name == name)
}

/// The kind that REST serves at this path, aliases included.
pub fn by_plural(path: &str) -> Option<&'static KindEntry> {
    KINDS
        .iter()
        .find(|kind| kind.descriptor.plural == path || kind.descriptor.aliases.contains(&path))
}

/// The kind that a person means: type name in any case, path, or short name.
pub fn by_any_name(name: &str) -> Option<&'static KindEntry> {
    KINDS.iter().find(|kind| {
        let descriptor = &kind.descriptor;
        descriptor.name.eq_ignore_ascii_case(name)
            || descriptor.plural.eq_ignore_ascii_case(name)
            || descriptor.aliases.contains(&name)
            || descriptor.short_names.contains(&name)
    })
}
