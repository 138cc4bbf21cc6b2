//! MeshGateways.

use std::sync::Arc;

use torii_proto::kuma::mesh::v1alpha1::mesh_gateway::Listener;
use torii_resource::kinds;
use torii_resource::tags::Tags;
use torii_resource::{Resource, ResourceKey, Stamp};

/// A MeshGateway, decoded. Shared by all proxies that select it: nothing is ever merged into it (gateway-xds §1.4).
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// Its key.
    pub key: ResourceKey,
    /// Creation.
    pub created: Stamp,
    /// Selectors over the tags of gateway proxies.
    pub selectors: Vec<Tags>,
    /// Tags for all listeners.
    pub tags: Tags,
    /// Listeners in order of the document.
    pub listeners: Vec<Arc<Listener>>,
}

impl Gateway {
    /// # Errors
    /// When the bytes are not a MeshGateway.
    pub(crate) fn decode(resource: &Resource) -> Result<Self, prost::DecodeError> {
        let spec = resource.decode::<kinds::MeshGateway>()?;
        let listeners = spec.conf.unwrap_or_default().listeners;
        Ok(Self {
            key: resource.key.clone(),
            created: resource.created,
            selectors: spec
                .selectors
                .into_iter()
                .map(|selector| selector.r#match)
                .collect(),
            tags: spec.tags,
            listeners: listeners.into_iter().map(Arc::new).collect(),
        })
    }
}
