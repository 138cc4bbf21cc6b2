//! Kuma's dialect: headers, node, features, and its messages to and from the machines' words (kds §1.3-1.6, §2).

use std::sync::Arc;

use prost::Message as _;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};

use torii_proto::envoy::config::core::v3::{ControlPlane, Node};
use torii_proto::envoy::google::protobuf::Any;
use torii_proto::envoy::google::rpc::Status as RpcStatus;
use torii_proto::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource as WireResource,
};
use torii_proto::kuma::mesh::v1alpha1::KumaResource;
use torii_resource::format::any::{WRAPPER_TYPE_URL, from_kuma_resource};
use torii_resource::{KindName, Resource, Stamp, registry};

use crate::entry::{Entry, WireKey};
use crate::version::PROGRESS;
use crate::{receiver, sender};

mod node;
#[cfg(test)]
mod tests;

pub use node::{NodeInfo, Peer};

/// Largest message, both ways (kds §1.1).
pub const MESSAGE_LIMIT: usize = 10 << 20;
/// Default KDS port of a global.
pub const PORT: u16 = 5685;

/// Names of the gRPC metadata that a zone sends with every RPC (kds §1.3).
pub mod header {
    /// Name of the zone.
    pub const CLIENT_ID: &str = "client-id";
    /// Generation of the xDS messages: `v3`.
    pub const KDS_VERSION: &str = "kds-version";
    /// Repeated: features of the zone.
    pub const FEATURES: &str = "features";
    /// Version of the zone's control plane.
    pub const VERSION: &str = "version";
    /// Zone token, raw or after `Bearer `.
    pub const AUTHORIZATION: &str = "authorization";
}

/// Feature names, in headers and node metadata (kds §2).
pub mod feature {
    /// Header: the zone calls `HealthCheck`.
    pub const ZONE_PING_HEALTH: &str = "zone-ping-health";
    /// Header and node: names carry a hash.
    pub const HASH_SUFFIX: &str = "hash-suffix";
    /// Node: the zone knows zone tokens.
    pub const ZONE_TOKEN: &str = "zone-token";
    /// Node: the peer is Torii and wants plain names.
    pub const TORII_PLAIN_NAMES: &str = "torii-plain-names";
}

/// Features that a Torii node says in its node metadata, both ways. Only what it does: no forwarding of producer
/// policies, no HostnameGenerator.
pub const NODE_FEATURES: &[&str] = &[
    feature::ZONE_TOKEN,
    feature::HASH_SUFFIX,
    feature::TORII_PLAIN_NAMES,
];

/// Types that a Torii zone subscribes, in order.
pub fn zone_types() -> Vec<KindName> {
    let mut names: Vec<&str> = registry::KINDS
        .iter()
        .filter(|kind| kind.descriptor.sync.consumed_by_zone)
        .map(|kind| kind.descriptor.name)
        .collect();
    let rank = |name: &str| {
        ["Mesh", "Secret", "Config", "GlobalSecret"]
            .iter()
            .position(|first| *first == name)
    };
    names.sort_by_key(|name| (rank(name).unwrap_or(usize::MAX), *name));
    names.push(PROGRESS);
    names.into_iter().map(KindName::new).collect()
}

/// Types that a Torii global subscribes at a zone.
pub fn global_types() -> Vec<KindName> {
    registry::KINDS
        .iter()
        .filter(|kind| kind.descriptor.sync.consumed_by_global)
        .map(|kind| KindName::new(kind.descriptor.name))
        .collect()
}

/// A header value with characters that HTTP does not carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value of header {0} has characters that a header cannot carry")]
pub struct BadHeader(pub &'static str);

/// Adds the headers of a zone to a call. A token is sent as `Bearer <token>`.
///
/// # Errors
/// When a value is not visible ASCII.
pub fn zone_headers(
    metadata: &mut MetadataMap,
    zone: &str,
    version: &str,
    health_checks: bool,
    token: Option<&str>,
) -> Result<(), BadHeader> {
    let mut add = |key: &'static str, value: &str, secret: bool| {
        let mut value = AsciiMetadataValue::try_from(value).map_err(|_| BadHeader(key))?;
        value.set_sensitive(secret);
        metadata.append(key, value);
        Ok(())
    };
    add(header::CLIENT_ID, zone, false)?;
    add(header::KDS_VERSION, "v3", false)?;
    add(header::VERSION, version, false)?;
    if health_checks {
        add(header::FEATURES, feature::ZONE_PING_HEALTH, false)?;
    }
    add(header::FEATURES, feature::HASH_SUFFIX, false)?;
    if let Some(token) = token {
        add(header::AUTHORIZATION, &format!("Bearer {token}"), true)?;
    }
    Ok(())
}

/// What a zone says in its headers. The token is not among it: see the authentication of the global.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ZoneHeaders {
    /// Name of the zone; unproven until the token is checked.
    pub zone: String,
    /// Version of its control plane; empty when it does not say.
    pub version: String,
    /// The zone calls `HealthCheck`.
    pub health_checks: bool,
    /// Names come with a hash, so they are unique between zones.
    pub hash_suffix: bool,
}

impl ZoneHeaders {
    /// Reads the headers; `None` without `client-id`, which answers `INVALID_ARGUMENT`.
    pub fn read(metadata: &MetadataMap) -> Option<Self> {
        let text = |key: &str| metadata.get(key).and_then(|value| value.to_str().ok());
        let zone = text(header::CLIENT_ID).filter(|zone| !zone.is_empty())?;
        let has = |name: &str| {
            metadata
                .get_all(header::FEATURES)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .any(|feature| feature.trim() == name)
        };
        Some(Self {
            zone: zone.to_owned(),
            version: text(header::VERSION).unwrap_or_default().to_owned(),
            health_checks: has(feature::ZONE_PING_HEALTH),
            hash_suffix: has(feature::HASH_SUFFIX),
        })
    }
}

/// A request as the sending machine's event.
pub fn sender_event(request: DeltaDiscoveryRequest) -> sender::Event {
    let type_name = KindName::new(&request.type_url);
    let nonce = request.response_nonce;
    if nonce.is_empty() {
        return sender::Event::Subscribe { type_name };
    }
    if let Some(error) = request.error_detail {
        return sender::Event::Nack {
            type_name,
            nonce,
            message: error.message,
        };
    }
    let keys: Vec<WireKey> = request
        .resource_names_subscribe
        .iter()
        .filter(|name| *name != "*" && request.resource_names_unsubscribe.contains(name))
        .map(|name| WireKey::parse(name))
        .collect();
    if keys.is_empty() {
        sender::Event::Ack { type_name, nonce }
    } else {
        sender::Event::Resend {
            type_name,
            nonce,
            keys,
        }
    }
}

/// A response in Kuma's message. `identifier` is `global` from the global, and the zone's name from a zone.
pub fn response(response: &sender::Response, identifier: &str) -> DeltaDiscoveryResponse {
    DeltaDiscoveryResponse {
        system_version_info: response
            .mark
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        resources: response.entries.iter().map(wire_resource).collect(),
        type_url: response.type_name.to_string(),
        removed_resources: response.removed.iter().map(ToString::to_string).collect(),
        nonce: response.nonce.clone(),
        control_plane: Some(ControlPlane {
            identifier: identifier.to_owned(),
        }),
        ..DeltaDiscoveryResponse::default()
    }
}

fn wire_resource(entry: &Arc<Entry>) -> WireResource {
    WireResource {
        name: entry.key.to_string(),
        version: entry.version.to_string(),
        resource: Some(Any {
            type_url: WRAPPER_TYPE_URL.to_owned(),
            value: entry.body.to_vec(),
        }),
        ..WireResource::default()
    }
}

/// A request of the receiving machine in Kuma's message: the full node on subscriptions, its id on all others.
pub fn request(request: receiver::Request, node: &NodeInfo) -> DeltaDiscoveryRequest {
    let node = if request.nonce.is_empty() {
        node.to_node()
    } else {
        Node {
            id: node.id.clone(),
            ..Node::default()
        }
    };
    DeltaDiscoveryRequest {
        node: Some(node),
        type_url: request.type_name.to_string(),
        resource_names_subscribe: request.subscribe,
        resource_names_unsubscribe: request.unsubscribe,
        response_nonce: request.nonce,
        // Code 0: for Kuma the presence of the detail is the signal (kds §1.6).
        error_detail: request.error.map(|message| RpcStatus {
            message,
            ..RpcStatus::default()
        }),
        ..DeltaDiscoveryRequest::default()
    }
}

/// A response as the receiving machine takes it. A text that is no mark is Kuma's own version, and none of ours.
pub fn incoming(response: DeltaDiscoveryResponse) -> receiver::Incoming {
    let type_name = KindName::new(&response.type_url);
    let items = response
        .resources
        .into_iter()
        .map(|resource| item(&type_name, resource))
        .collect();
    receiver::Incoming {
        items,
        type_name,
        nonce: response.nonce,
        mark: response.system_version_info.parse().ok(),
        removed: response
            .removed_resources
            .iter()
            .map(|name| WireKey::parse(name))
            .collect(),
    }
}

/// Three outcomes: read; not readable but named; not even named.
fn item(type_name: &KindName, wire: WireResource) -> receiver::Item {
    let outer = Some(wire.name.as_str())
        .filter(|name| !name.is_empty())
        .map(WireKey::parse);
    let bad = |key: Option<WireKey>, reason: String| receiver::Item::Bad { key, reason };
    let Some(any) = wire.resource else {
        return bad(outer, "it has no body".to_owned());
    };
    if any.type_url != WRAPPER_TYPE_URL {
        return bad(
            outer,
            format!(
                "its body is {:?} instead of {WRAPPER_TYPE_URL:?}",
                any.type_url
            ),
        );
    }
    let body = match KumaResource::decode(any.value.as_slice()) {
        Ok(body) => body,
        Err(error) => return bad(outer, format!("its body cannot be read: {error}")),
    };
    let inner = body
        .meta
        .as_ref()
        .filter(|meta| !meta.name.is_empty())
        .map(|meta| WireKey::new(&meta.mesh, &meta.name));
    let Some(key) = inner else {
        return bad(outer, "its body has no name".to_owned());
    };
    if body.spec.is_none() {
        return bad(Some(key), "its body has no spec".to_owned());
    }
    match from_kuma_resource(type_name.as_str(), body) {
        Ok(received) => receiver::Item::Good(
            key,
            Box::new(Resource {
                key: received.key,
                labels: received.labels,
                spec: received.spec,
                created: received.created.unwrap_or_default(),
                modified: Stamp::default(),
            }),
        ),
        Err(error) => bad(Some(key), error.to_string()),
    }
}
