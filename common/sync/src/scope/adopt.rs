//! How a received resource becomes a stored one: who owns it, whatever it says about itself (kds §4.5, §4.6).

use std::sync::Arc;

use prost::Message as _;

use torii_proto::kuma::mesh::v1alpha1::Dataplane;
use torii_resource::meta::label;
use torii_resource::{KindName, Resource, ResourceKey, registry, tags};

use crate::entry::WireKey;
use crate::scope::{GLOBAL, ZONE, in_mesh};

/// Where received resources come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At a zone: from its global.
    Global,
    /// At the global: from a zone.
    Zone {
        /// The authenticated name of the zone; nothing else attributes a resource.
        zone: Arc<str>,
        /// The zone sends plain names that are not unique between zones (header without `hash-suffix`, up to 2.5):
        /// they are stored as `<zone>.<name>`.
        prefix: bool,
    },
}

/// A resource that this peer may not send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is refused: {reason}")]
pub struct NotAdopted {
    /// Which resource.
    pub key: ResourceKey,
    /// Why.
    pub reason: &'static str,
}

impl Origin {
    /// The resource as it is stored here: under the peer's name and labels.
    ///
    /// # Errors
    /// When the kind does not travel this way, or mesh and kind do not fit.
    pub fn adopt(&self, mut resource: Resource) -> Result<Resource, NotAdopted> {
        let refuse = |resource: &Resource, reason| {
            Err(NotAdopted {
                key: resource.key.clone(),
                reason,
            })
        };
        let Some(kind) = registry::by_name(resource.key.kind.as_str()) else {
            return refuse(&resource, "its kind is unknown here");
        };
        if resource.key.name.is_empty() {
            return refuse(&resource, "it has no name");
        }
        if in_mesh(&resource.key) == resource.key.mesh.is_empty() {
            return refuse(&resource, "its mesh does not fit the scope of its kind");
        }
        let sync = kind.descriptor.sync;
        match self {
            Self::Global => {
                if !(sync.consumed_by_zone && sync.provided_by_global) {
                    return refuse(&resource, "a global does not send this kind");
                }
                resource
                    .labels
                    .insert(label::ORIGIN.to_owned(), GLOBAL.to_owned());
            }
            Self::Zone { zone, .. } => {
                if !(sync.consumed_by_global && sync.provided_by_zone) {
                    return refuse(&resource, "a zone does not send this kind");
                }
                resource
                    .labels
                    .insert(label::ORIGIN.to_owned(), ZONE.to_owned());
                resource
                    .labels
                    .insert(label::ZONE.to_owned(), zone.to_string());
                if resource.key.kind.as_str() == "Dataplane" {
                    pin_zone_tags(&mut resource, zone);
                }
                let key = WireKey::new(&resource.key.mesh, &resource.key.name);
                resource.key = self.stored_key(&resource.key.kind, &key);
            }
        }
        Ok(resource)
    }

    /// The stored key of a wire key, e.g. of a removed one.
    pub fn stored_key(&self, kind: &KindName, key: &WireKey) -> ResourceKey {
        let name = match self {
            Self::Zone { zone, prefix: true } => format!("{zone}.{}", key.name),
            _ => key.name.to_string(),
        };
        ResourceKey {
            kind: kind.clone(),
            mesh: key.mesh.to_string(),
            name,
        }
    }

    /// The wire key of a stored key: the inverse of [`Origin::stored_key`].
    pub fn wire_key(&self, key: &ResourceKey) -> WireKey {
        let name = match self {
            Self::Zone { zone, prefix: true } => key
                .name
                .strip_prefix(&**zone)
                .and_then(|rest| rest.strip_prefix('.'))
                .unwrap_or(&key.name),
            _ => &key.name,
        };
        WireKey::new(&key.mesh, name)
    }

    /// Whether a stored resource came from this peer: only such ones may it change or remove.
    pub fn owns(&self, resource: &Resource) -> bool {
        match self {
            Self::Global => resource.label(label::ORIGIN) == Some(GLOBAL),
            Self::Zone { zone, .. } => {
                resource.label(label::ORIGIN) == Some(ZONE)
                    && resource.label(label::ZONE) == Some(&**zone)
            }
        }
    }
}

/// A Dataplane's own zone tags say the zone that sent it (kds §4.5).
fn pin_zone_tags(resource: &mut Resource, zone: &str) {
    let Ok(mut dataplane) = Dataplane::decode(resource.spec.clone()) else {
        return; // stored as it is; nothing here can interpret it
    };
    let mut rewritten = false;
    let networking = dataplane.networking.iter_mut();
    for networking in networking {
        let inbounds = networking
            .inbound
            .iter_mut()
            .map(|inbound| &mut inbound.tags);
        let gateway = networking
            .gateway
            .iter_mut()
            .map(|gateway| &mut gateway.tags);
        for tags in inbounds.chain(gateway) {
            if let Some(value) = tags.get_mut(tags::ZONE).filter(|value| *value != zone) {
                zone.clone_into(value);
                rewritten = true;
            }
        }
    }
    if rewritten {
        resource.spec = dataplane.encode_to_vec().into();
    }
}
