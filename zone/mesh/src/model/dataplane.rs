//! Dataplanes: what they serve, and whether they are gateways of ours.

use std::sync::Arc;

use torii_proto::kuma::mesh::v1alpha1::dataplane::Networking;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::gateway::GatewayType;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::inbound::State;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::{Gateway, Inbound as InboundSpec};
use torii_resource::Resource;
use torii_resource::kinds;
use torii_resource::tags::{self, Tags};

use crate::model::{Endpoint, ProxyId};
use crate::protocol::Protocol;

/// A builtin gateway's Dataplane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayProxy {
    /// Its key.
    pub id: ProxyId,
    /// `networking.address`: what its listeners bind to.
    pub address: String,
    /// `networking.gateway.tags`.
    pub tags: Tags,
}

impl GatewayProxy {
    /// Its own service; empty when the tag is missing.
    pub fn service(&self) -> &str {
        self.tags.get(tags::SERVICE).map_or("", String::as_str)
    }
}

/// One inbound of a Dataplane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inbound {
    pub(crate) service: Arc<str>,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) ready: bool,
    pub(crate) protocol: Option<Protocol>,
}

/// A Dataplane, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dataplane {
    /// Set when it is a builtin gateway.
    pub(crate) gateway: Option<Arc<GatewayProxy>>,
    /// In order of the document; those without a service are left out.
    pub(crate) inbounds: Vec<Inbound>,
}

impl Dataplane {
    /// # Errors
    /// When the bytes are not a Dataplane.
    pub(crate) fn decode(resource: &Resource) -> Result<Self, prost::DecodeError> {
        let spec = resource.decode::<kinds::Dataplane>()?;
        let networking = spec.networking.unwrap_or_default();
        let dataplane: Arc<str> = Arc::from(resource.key.name.as_str());
        let inbounds = networking
            .inbound
            .iter()
            .filter_map(|inbound| Inbound::of(&dataplane, &networking, inbound))
            .collect();
        let gateway = networking
            .gateway
            .as_ref()
            .filter(|one| is_builtin(one))
            .map(|one| {
                Arc::new(GatewayProxy {
                    id: ProxyId {
                        mesh: resource.key.mesh.clone(),
                        name: resource.key.name.clone(),
                    },
                    address: networking.address.clone(),
                    tags: one.tags.clone(),
                })
            });
        Ok(Self { gateway, inbounds })
    }
}

fn is_builtin(gateway: &Gateway) -> bool {
    gateway.r#type == GatewayType::Builtin as i32
}

impl Inbound {
    fn of(dataplane: &Arc<str>, networking: &Networking, inbound: &InboundSpec) -> Option<Self> {
        let service = inbound.tags.get(tags::SERVICE)?;
        let own = if inbound.address.is_empty() {
            &networking.address
        } else {
            &inbound.address
        };
        let address = if networking.advertised_address.is_empty() {
            own
        } else {
            &networking.advertised_address
        };
        let protocol = inbound
            .tags
            .get(tags::PROTOCOL)
            .unwrap_or(&inbound.protocol);
        Some(Self {
            service: Arc::from(service.as_str()),
            endpoint: Arc::new(Endpoint {
                address: address.clone(),
                port: inbound.port,
                weight: 1,
                tags: inbound.tags.clone(),
                dataplane: dataplane.clone(),
            }),
            ready: is_ready(inbound),
            protocol: Protocol::parse(protocol),
        })
    }
}

/// Health absent or ready, and the later field `state` not saying otherwise.
fn is_ready(inbound: &InboundSpec) -> bool {
    inbound.state == State::Ready as i32
        && inbound.health.as_ref().is_none_or(|health| health.ready)
}
