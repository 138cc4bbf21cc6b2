//! What a proxy's Envoy would get for given documents, without a server.
//!
//! PURE: documents in, parts out, through the very rules and generators that the planes run. Reads no file, asks
//! nobody, prints nothing.

mod admit;
mod defaults;
mod error;
#[cfg(test)]
mod tests;

use torii_mesh::{Index, ProxyId};
use torii_render::{PartError, Parts, Renderer};
use torii_resource::{Document, ResourceKey, kinds};

pub use error::{OfflineError, Refused};

/// What a proxy would get.
#[derive(Clone, Debug)]
pub struct Translated {
    /// What goes to Envoy.
    pub parts: Parts,
    /// What is left out or may surprise, with resource and field; in a fixed order.
    pub warnings: Vec<PartError>,
}

/// What `proxy` gets in a site where these documents were written in their order, one after another; a later document
/// of the same key is an update of the earlier. Without `zone` there are no zones: no Dataplane gets a zone's tag.
///
/// # Errors
/// When a document would be refused, or the proxy is no builtin gateway of the documents.
pub fn translate(
    documents: &[Document],
    proxy: &ProxyId,
    zone: Option<&str>,
) -> Result<Translated, OfflineError> {
    let resources = admit::resources(documents, zone)?;
    let key = ResourceKey::of::<kinds::Dataplane>(&proxy.mesh, &proxy.name);
    if !resources.iter().any(|resource| resource.key == key) {
        return Err(OfflineError::NoDataplane(proxy.clone()));
    }
    let mut index = Index::new(zone.unwrap_or_default());
    index.apply(
        resources
            .into_iter()
            .map(|resource| (resource.key.clone(), Some(resource))),
    );
    let view = index
        .view(proxy)
        .ok_or_else(|| OfflineError::NotAGateway(proxy.clone()))?;
    let rendered = Renderer::default().render(view);
    let mut warnings = rendered.errors;
    warnings.extend(rendered.notes);
    Ok(Translated {
        parts: rendered.parts,
        warnings,
    })
}
