//! Which resource concerns which peer, how it looks on the wire, and how it is taken in. PURE.
//!
//! Kuma's rules of 2.10 and later (kds §4.3-4.9), with an allow-list where Kuma has a deny-list (kds §10.2 P10). No
//! kind of this build is forwarded from one zone to others, so what goes to a zone does not depend on the zone: an
//! entry is made once per [`Variant`] and shared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use prost::Message as _;

use torii_proto::kuma::system::v1alpha1::Secret;
use torii_resource::format::any::{set_created, to_kuma_resource};
use torii_resource::meta::label;
use torii_resource::{Descriptor, KindName, Resource, ResourceKey, Scope as KindScope, registry};

use crate::entry::{Entry, WireKey};
use crate::sender::Changes;
use torii_resource::name::hashed;

mod adopt;
#[cfg(test)]
mod tests;

pub use adopt::{NotAdopted, Origin};

const GLOBAL: &str = "global";
const ZONE: &str = "zone";
const CLUSTER_ID: &str = "kuma-cluster-id";
const ZONE_SIGNING_KEY: &str = "zone-token-signing-key";
const ZONE_PUBLIC_KEY: &str = "zone-token-signing-public-key";

/// How names look to a peer, and whether the order of creation travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// Torii: plain names, creation revision and time in `meta.version`.
    Torii,
    /// Kuma from 2.6: names with a hash.
    Hashed,
    /// Kuma up to 2.5: plain names.
    Plain,
}

/// Makes the public PEM from a stored private signing key; none when it cannot be read.
pub type PublicKey = fn(&[u8]) -> Option<Vec<u8>>;

/// Which way resources go.
#[derive(Clone, Debug)]
pub enum Scope {
    /// From the global to a zone.
    ToZone {
        /// How names look.
        variant: Variant,
        /// Turns zone token signing keys into what zones may have.
        public_key: PublicKey,
    },
    /// From a zone to its global.
    ToGlobal {
        /// The zone's name.
        zone: Arc<str>,
        /// How names look. A Kuma global gets [`Variant::Hashed`] whatever it says (kds §4.4).
        variant: Variant,
    },
}

impl Scope {
    /// Whether a resource travels this way at all.
    pub fn concerns(&self, resource: &Resource) -> bool {
        let Some(kind) = registry::by_name(resource.key.kind.as_str()) else {
            return false;
        };
        if resource.label(label::KDS_SYNC) == Some("disabled") {
            return false;
        }
        let sync = kind.descriptor.sync;
        let origin = resource.label(label::ORIGIN);
        match self {
            Self::ToZone { .. } => {
                sync.consumed_by_zone
                    && sync.provided_by_global
                    && origin.is_none_or(|origin| origin == GLOBAL)
                    && allowed_in_zones(resource)
            }
            Self::ToGlobal { .. } => {
                sync.consumed_by_global
                    && sync.provided_by_zone
                    && origin.is_none_or(|origin| origin == ZONE)
            }
        }
    }

    /// The key that a resource has on the wire, if it concerns the peer.
    pub fn key(&self, resource: &Resource) -> Option<WireKey> {
        self.concerns(resource)
            .then(|| WireKey::new(&resource.key.mesh, &self.wire_name(resource)))
    }

    /// The resource as the peer gets it, if it concerns the peer.
    pub fn entry(&self, resource: &Resource) -> Option<Entry> {
        if !self.concerns(resource) {
            return None;
        }
        let key = WireKey::new(&resource.key.mesh, &self.wire_name(resource));
        let labels = self.labels(resource, &key.name);
        let public;
        let shown = match self {
            Self::ToZone { public_key, .. } if resource.key.kind.as_str() == "GlobalSecret" => {
                public = public_part(resource, *public_key)?;
                &public
            }
            _ => resource,
        };
        let mut body = to_kuma_resource(shown, &key.name, &labels).ok()?;
        if self.variant() == Variant::Torii {
            set_created(&mut body, &resource.created);
        }
        Some(Entry::new(key, body.encode_to_vec()))
    }

    /// What a change means to the peer: `before` and `after` as the store has them.
    pub fn change(&self, before: Option<&Resource>, after: Option<&Resource>) -> Changes {
        let upsert = after.and_then(|resource| self.entry(resource));
        let removal = before
            .and_then(|resource| self.key(resource))
            .filter(|key| upsert.as_ref().is_none_or(|entry| entry.key != *key));
        Changes {
            upserts: upsert.map(Arc::new).into_iter().collect(),
            removals: removal.into_iter().collect(),
        }
    }

    /// Full sets of all kinds that travel this way, from a whole store.
    pub fn sets<'a>(
        &self,
        resources: impl IntoIterator<Item = &'a Resource>,
    ) -> BTreeMap<KindName, Vec<Arc<Entry>>> {
        let mut sets: BTreeMap<KindName, Vec<Arc<Entry>>> = BTreeMap::new();
        for resource in resources {
            if let Some(entry) = self.entry(resource) {
                sets.entry(resource.key.kind.clone())
                    .or_default()
                    .push(Arc::new(entry));
            }
        }
        sets
    }

    fn variant(&self) -> Variant {
        match self {
            Self::ToZone { variant, .. } => *variant,
            Self::ToGlobal { variant, .. } if *variant == Variant::Torii => Variant::Torii,
            Self::ToGlobal { .. } => Variant::Hashed,
        }
    }

    fn wire_name(&self, resource: &Resource) -> String {
        if let (Self::ToZone { .. }, Some(name)) = (self, public_key_name(&resource.key)) {
            return name;
        }
        if self.variant() != Variant::Hashed || !hashes(resource) {
            return resource.key.name.clone();
        }
        let namespace = resource.label(label::NAMESPACE);
        let zone = match self {
            Self::ToZone { .. } => resource.label(label::ZONE),
            Self::ToGlobal { zone, .. } => Some(&**zone),
        };
        let extra: Vec<&str> = zone.into_iter().chain(namespace).collect();
        hashed(&resource.key.mesh, resource.display_name(), &extra)
    }

    fn labels(&self, resource: &Resource, wire_name: &str) -> BTreeMap<String, String> {
        let mut labels = resource.labels.clone();
        let mut set = |key: &str, value: &str| {
            labels.insert(key.to_owned(), value.to_owned());
        };
        match self {
            Self::ToZone { .. } => {
                set(label::ORIGIN, GLOBAL);
                // Every renaming leaves the writer's name behind (kds §4.7).
                if wire_name != resource.key.name {
                    set(label::DISPLAY_NAME, resource.display_name());
                }
            }
            Self::ToGlobal { zone, .. } => {
                set(label::ORIGIN, ZONE);
                set(label::ZONE, zone);
                set(label::DISPLAY_NAME, resource.display_name());
                if !resource.key.mesh.is_empty() {
                    set(label::MESH, &resource.key.mesh);
                }
                if resource.label(label::ENV).is_none() {
                    set(label::ENV, "universal");
                }
            }
        }
        labels
    }
}

fn descriptor(key: &ResourceKey) -> Option<&'static Descriptor> {
    registry::by_name(key.kind.as_str()).map(|kind| &kind.descriptor)
}

fn hashes(resource: &Resource) -> bool {
    descriptor(&resource.key).is_some_and(|descriptor| descriptor.hashed)
}

/// The allow-list of system kinds (kds §4.9, §10.2 P10): a cluster's identity, and public keys of zone tokens.
fn allowed_in_zones(resource: &Resource) -> bool {
    match resource.key.kind.as_str() {
        "Config" => resource.key.name == CLUSTER_ID,
        "GlobalSecret" => public_key_name(&resource.key).is_some(),
        _ => true,
    }
}

/// `zone-token-signing-key-N` as zones know it. The bare name is serial 0 (kds §3.2).
fn public_key_name(key: &ResourceKey) -> Option<String> {
    if key.kind.as_str() != "GlobalSecret" {
        return None;
    }
    let serial = key.name.strip_prefix(ZONE_SIGNING_KEY)?;
    let number = serial.strip_prefix('-').unwrap_or("0");
    let is_serial = serial.is_empty()
        || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    is_serial.then(|| format!("{ZONE_PUBLIC_KEY}{serial}"))
}

/// The secret with the public key instead of the private one; nothing rather than the private one.
fn public_part(resource: &Resource, public_key: PublicKey) -> Option<Resource> {
    let secret = Secret::decode(resource.spec.clone()).ok()?;
    let public = Secret {
        data: Some(public_key(&secret.data.unwrap_or_default())?),
    };
    Some(Resource {
        spec: public.encode_to_vec().into(),
        ..resource.clone()
    })
}

/// Whether a kind's resources live in a mesh.
pub(crate) fn in_mesh(key: &ResourceKey) -> bool {
    descriptor(key).is_some_and(|descriptor| descriptor.scope == KindScope::Mesh)
}

/// The keys that are stored and came from a peer, by kind: what a first full set is compared with.
pub fn held<'a>(
    origin: &Origin,
    resources: impl IntoIterator<Item = &'a Resource>,
) -> BTreeMap<KindName, BTreeSet<WireKey>> {
    let mut held: BTreeMap<KindName, BTreeSet<WireKey>> = BTreeMap::new();
    for resource in resources
        .into_iter()
        .filter(|resource| origin.owns(resource))
    {
        held.entry(resource.key.kind.clone())
            .or_default()
            .insert(origin.wire_key(&resource.key));
    }
    held
}
