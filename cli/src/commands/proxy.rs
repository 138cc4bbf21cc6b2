//! A proxy as a person names it.

use torii_mesh::ProxyId;

/// `MESH/NAME` of a Dataplane.
pub(super) fn parse(text: &str) -> Result<ProxyId, String> {
    match text.split_once('/') {
        Some((mesh, name)) if !mesh.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(ProxyId {
                mesh: mesh.to_owned(),
                name: name.to_owned(),
            })
        }
        _ => Err("it must be mesh and name of a Dataplane, e.g. default/edge-gateway-1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_by_mesh_and_name() {
        let proxy = parse("default/edge.1").unwrap();
        assert_eq!(
            (proxy.mesh.as_str(), proxy.name.as_str()),
            ("default", "edge.1")
        );
        for wrong in ["", "edge", "/edge", "default/", "a/b/c"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
