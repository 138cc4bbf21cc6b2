//! Everything that a generator reads for one proxy. Immutable and cheap to make: all that is big is shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::Listener;
use torii_resource::tags::Tags;

use crate::model::{Gateway, GatewayProxy, Route, Service};

/// A builtin gateway proxy, its MeshGateway, its routes and their endpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayView {
    /// The zone that the proxy is in; empty when there are no zones.
    pub zone: Arc<str>,
    /// The proxy.
    pub proxy: Arc<GatewayProxy>,
    /// The MeshGateway that it selects; none: it has no listeners.
    pub gateway: Option<Arc<Gateway>>,
    /// The listeners of that MeshGateway, in order of the document.
    pub listeners: Vec<ListenerView>,
    /// Each service that an attached route names and that anybody has.
    pub services: BTreeMap<Arc<str>, Arc<Service>>,
}

/// One listener of the MeshGateway, as this proxy has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerView {
    /// Position in `conf.listeners`.
    pub index: usize,
    /// The listener.
    pub spec: Arc<Listener>,
    /// Merged tags (gateway-xds §1.4).
    pub tags: Arc<Tags>,
    /// Attached routes that fit its protocol, in order of name.
    pub routes: Vec<Arc<Route>>,
}
