//! The envelope: what every resource has, whatever its kind.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use prost::Message as _;
use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// Number of a committed batch of changes: grows by one with every applied batch, starts at 1. 0 = nothing yet.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// Before the first change.
    pub const ZERO: Self = Self(0);

    /// The revision after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Name of a kind, e.g. `MeshGateway`. Not necessarily one that this build knows: look it up in the registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KindName(Arc<str>);

impl KindName {
    /// Wraps a name without a look-up.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KindName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What makes a resource unique. `mesh` is empty for kinds of global scope. Ordered by kind, mesh, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ResourceKey {
    /// Kind name.
    pub kind: KindName,
    /// Mesh name, or empty.
    pub mesh: String,
    /// Name within kind and mesh.
    pub name: String,
}

impl ResourceKey {
    /// A key from its three parts.
    pub fn new(kind: &str, mesh: &str, name: &str) -> Self {
        Self {
            kind: KindName::new(kind),
            mesh: mesh.to_owned(),
            name: name.to_owned(),
        }
    }

    /// A key of kind `K`.
    pub fn of<K: Kind>(mesh: &str, name: &str) -> Self {
        Self::new(K::DESCRIPTOR.name, mesh, name)
    }
}

impl fmt::Display for ResourceKey {
    /// `MeshGateway default/edge-gateway`, or `Mesh default` without a mesh.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mesh.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.mesh, self.name)
        }
    }
}

/// When something happened: in the order of changes, and by the clock of the node that proposed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Revision of the change.
    pub revision: Revision,
    /// Wall-clock time of the proposal (UTC).
    pub time: Timestamp,
}

impl Default for Stamp {
    fn default() -> Self {
        Self {
            revision: Revision::ZERO,
            time: Timestamp::UNIX_EPOCH,
        }
    }
}

/// A stored resource: key, labels, protobuf-encoded spec, and when it was made and last changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Identity.
    pub key: ResourceKey,
    /// All labels, Kuma's own (`kuma.io/…`) included.
    pub labels: BTreeMap<String, String>,
    /// The spec message of the kind, deterministically encoded.
    pub spec: Bytes,
    /// Creation. For a synced resource: the creation at its origin.
    pub created: Stamp,
    /// Last change.
    pub modified: Stamp,
}

impl fmt::Debug for Resource {
    /// Without the spec: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("key", &self.key)
            .field("labels", &self.labels)
            .field("spec_bytes", &self.spec.len())
            .field("created", &self.created)
            .field("modified", &self.modified)
            .finish()
    }
}

impl Resource {
    /// A resource of kind `K` that is not stored yet (both stamps zero).
    pub fn new<K: Kind>(mesh: &str, name: &str, spec: &K::Spec) -> Self {
        Self {
            key: ResourceKey::of::<K>(mesh, name),
            labels: BTreeMap::new(),
            spec: Bytes::from(spec.encode_to_vec()),
            created: Stamp::default(),
            modified: Stamp::default(),
        }
    }

    /// The spec as kind `K`'s message.
    ///
    /// # Errors
    /// When the bytes are not that message: the resource came from a peer that encodes it otherwise.
    pub fn decode<K: Kind>(&self) -> Result<K::Spec, prost::DecodeError> {
        K::Spec::decode(self.spec.clone())
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.get(key).map(String::as_str)
    }

    /// The name that its writer gave: the display-name label, else the key's name.
    pub fn display_name(&self) -> &str {
        self.label(label::DISPLAY_NAME).unwrap_or(&self.key.name)
    }
}

/// Label and tag keys with a meaning (resources §1.10, §5.6).
pub mod label {
    /// `global` or `zone`: who owns the resource, as the receiver sees it.
    pub const ORIGIN: &str = "kuma.io/origin";
    /// Zone of origin; also the tag of a Dataplane's inbounds.
    pub const ZONE: &str = "kuma.io/zone";
    /// Mesh of the resource.
    pub const MESH: &str = "kuma.io/mesh";
    /// Name that the writer gave, without hash or namespace.
    pub const DISPLAY_NAME: &str = "kuma.io/display-name";
    /// `kubernetes` or `universal`.
    pub const ENV: &str = "kuma.io/env";
    /// `sidecar`, `gateway`, `zoneingress`, `zoneegress`.
    pub const PROXY_TYPE: &str = "kuma.io/proxy-type";
    /// `enabled` or `disabled`: whether KDS carries the resource.
    pub const KDS_SYNC: &str = "kuma.io/kds-sync";
    /// Namespace at a Kubernetes origin.
    pub const NAMESPACE: &str = "k8s.kuma.io/namespace";
}
