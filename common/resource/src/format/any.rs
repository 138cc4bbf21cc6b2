//! The body of a resource on KDS: `KumaResource` with the spec as `Any` (kds §1.5). Same resource, same bytes.
//!
//! Knows no streams and no naming rules: the name on the wire is given.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use torii_proto::kuma::mesh::v1alpha1::{KumaResource, kuma_resource};

use super::proto_json::{self, Strictness};
use crate::kind::KindEntry;
use crate::meta::{Resource, ResourceKey, Revision, Stamp};
use crate::registry;

/// Type URL of the `Any` around a [`KumaResource`] in a response.
pub const WRAPPER_TYPE_URL: &str = "type.googleapis.com/kuma.mesh.v1alpha1.KumaResource";

const PREFIX: &str = "type.googleapis.com/";

/// A resource as it came by KDS.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// Kind, mesh and the name on the wire.
    pub key: ResourceKey,
    /// Labels as sent.
    pub labels: BTreeMap<String, String>,
    /// The spec, in its one encoding.
    pub spec: Bytes,
    /// Creation at the origin; a Kuma peer does not say.
    pub created: Option<Stamp>,
}

impl fmt::Debug for Received {
    /// Without the spec: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("key", &self.key)
            .field("labels", &self.labels)
            .field("spec_bytes", &self.spec.len())
            .field("created", &self.created)
            .finish()
    }
}

/// Why a body cannot be read. Fatal for the stream by Kuma's rules, never a rejection of one resource (kds §1.5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnyError {
    /// The kind is none of this build's.
    #[error("kind {0} is unknown to this control plane")]
    UnknownKind(String),
    /// The spec is another message.
    #[error(
        "{resource}: spec has type {found:?} instead of {wanted:?}: the peer's version does not fit"
    )]
    WrongType {
        /// Which resource.
        resource: ResourceKey,
        /// Type URL received.
        found: String,
        /// Type URL of the kind.
        wanted: String,
    },
    /// The bytes are not what the type says.
    #[error("{resource}: spec cannot be read: {reason}")]
    Malformed {
        /// Which resource.
        resource: ResourceKey,
        /// The decoder's words, without the content.
        reason: String,
    },
}

/// The body of a resource, with the name and labels that it has on the wire. `version` is empty, as Kuma sends it.
///
/// # Errors
/// When the kind is unknown.
pub fn to_kuma_resource(
    resource: &Resource,
    wire_name: &str,
    labels: &BTreeMap<String, String>,
) -> Result<KumaResource, AnyError> {
    let kind = lookup(resource.key.kind.as_str())?;
    Ok(KumaResource {
        meta: Some(kuma_resource::Meta {
            name: wire_name.to_owned(),
            mesh: resource.key.mesh.clone(),
            version: String::new(),
            labels: labels.clone(),
        }),
        spec: Some(prost_types::Any {
            type_url: type_url(kind),
            value: resource.spec.to_vec(),
        }),
        status: None,
    })
}

/// Adds the creation order for another Torii: `<revision>@<time>` (decisions.md, "order oldest first").
pub fn set_created(body: &mut KumaResource, created: &Stamp) {
    if let Some(meta) = &mut body.meta {
        meta.version = format!("{}@{}", created.revision, created.time);
    }
}

/// A body as a resource of this kind. Protobuf and JSON specs are both taken, unknown fields are ignored.
///
/// # Errors
/// When the kind is unknown, or the spec is not of it.
pub fn from_kuma_resource(kind: &str, body: KumaResource) -> Result<Received, AnyError> {
    let kind = lookup(kind)?;
    let meta = body.meta.unwrap_or_default();
    let key = ResourceKey::new(kind.descriptor.name, &meta.mesh, &meta.name);
    let wanted = type_url(kind);
    let malformed = |reason: String| AnyError::Malformed {
        resource: key.clone(),
        reason,
    };
    let any = body.spec.unwrap_or_default();
    let bytes = if any.type_url.is_empty() && !any.value.is_empty() {
        let json =
            serde_json::from_slice(&any.value).map_err(|error| malformed(error.to_string()))?;
        proto_json::decode(kind.descriptor.message, &json, Strictness::Lenient)
            .map_err(|violations| malformed(violations.to_string()))?
    } else if any.type_url.is_empty() || any.type_url == wanted {
        any.value
    } else {
        return Err(AnyError::WrongType {
            resource: key,
            found: any.type_url,
            wanted,
        });
    };
    let spec = kind
        .normalize(&bytes)
        .map_err(|error| malformed(error.to_string()))?;
    Ok(Received {
        key,
        labels: meta.labels,
        spec: spec.into(),
        created: parse_created(&meta.version),
    })
}

/// `<revision>@<time>`; anything else is no order, not an error.
fn parse_created(version: &str) -> Option<Stamp> {
    let (revision, time) = version.split_once('@')?;
    Some(Stamp {
        revision: Revision(revision.parse().ok()?),
        time: time.parse::<Timestamp>().ok()?,
    })
}

fn lookup(kind: &str) -> Result<&'static KindEntry, AnyError> {
    registry::by_name(kind).ok_or_else(|| AnyError::UnknownKind(kind.to_owned()))
}

fn type_url(kind: &KindEntry) -> String {
    format!("{PREFIX}{}", kind.descriptor.message)
}
