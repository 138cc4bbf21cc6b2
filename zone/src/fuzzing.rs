//! Doors for fuzz targets: what reads bytes of callers who have proven nothing yet.

use torii_mesh::ProxyId;

/// The body of `POST /bootstrap`, and the document that is made from it.
pub fn bootstrap(body: &[u8]) {
    crate::bootstrap::fuzz(body);
}

/// The Dataplane that a proxy sends, in a bootstrap request or in its node's metadata.
pub fn dataplane(text: &str) {
    let id = ProxyId {
        mesh: "default".to_owned(),
        name: "a".to_owned(),
    };
    let _ = crate::admission::parse_dataplane(text, &id);
}
