//! A service and its endpoints, as a proxy of this zone may reach them.

use std::sync::Arc;

use torii_resource::tags::{self, Tags};

use crate::protocol::Protocol;

/// An address that serves a service. Ordered by address, then port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// IP address (or host name) to connect to.
    pub address: String,
    /// Port, 1..=65535 in valid resources.
    pub port: u32,
    /// Share of the load among the service's endpoints, at least 1.
    pub weight: u32,
    /// Tags of the inbound.
    pub tags: Tags,
    /// Name of the Dataplane, in the mesh of the service.
    pub dataplane: Arc<str>,
}

impl Endpoint {
    /// The zone that it says it is in.
    pub fn zone(&self) -> Option<&str> {
        self.tags.get(tags::ZONE).map(String::as_str)
    }
}

/// Everything known of one service in one mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Value of the tag `kuma.io/service`.
    pub name: Arc<str>,
    /// Endpoints that are ready, in their order.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// Number of inbounds, ready or not.
    pub inbounds: usize,
    /// Protocol that all inbounds (ready or not) have in common.
    pub protocol: Option<Protocol>,
}
