//! The Dataplane document of the command line.

use std::collections::BTreeMap;

use torii_resource::Resource;
use torii_resource::format::universal;
use torii_resource::kinds::Dataplane;
use torii_resource::{Kind as _, Stamp};

use super::{DataplaneError, render};

/// A proxy that wants to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Mesh.
    pub(crate) mesh: String,
    /// Name.
    pub(crate) name: String,
    /// The resource as JSON; empty when it is stored in the zone already.
    pub(crate) document: String,
}

impl Proxy {
    /// From a template with one Dataplane, Universal or Kubernetes.
    ///
    /// # Errors
    /// When it is not one Dataplane; names the file and the fields.
    pub(crate) fn parse(
        text: &str,
        file: &str,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, DataplaneError> {
        let wrong = |reason: String| DataplaneError::Resource {
            file: file.to_owned(),
            reason,
        };
        let text = render(text, variables).map_err(wrong)?;
        // The error names the file itself.
        let documents = universal::parse(&text, file).map_err(|error| DataplaneError::Flag {
            flag: "--dataplane-file",
            reason: error.to_string(),
        })?;
        let kind = Dataplane::DESCRIPTOR.name;
        let [document] = documents.as_slice() else {
            return Err(wrong(format!(
                "it has {} documents, but must have one {kind}",
                documents.len()
            )));
        };
        let parsed = &document.resource;
        if parsed.key.kind.as_str() != kind {
            return Err(wrong(format!(
                "it has a {}, but must have a {kind}",
                parsed.key.kind
            )));
        }
        let resource = Resource {
            key: parsed.key.clone(),
            labels: parsed.labels.clone(),
            spec: parsed.spec.clone(),
            created: Stamp::default(),
            modified: Stamp::default(),
        };
        let json = universal::to_json(&resource).map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            mesh: resource.key.mesh,
            name: resource.key.name,
            document: json.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATEWAY: &str = "\
type: Dataplane
mesh: default
name: {{ name }}
networking:
  address: 127.0.0.21
  admin:
    port: 9901
  gateway:
    type: BUILTIN
    tags:
      kuma.io/service: edge-gateway
";

    fn variables() -> BTreeMap<String, String> {
        BTreeMap::from([("name".to_owned(), "gw-1".to_owned())])
    }

    #[test]
    fn a_rendered_dataplane_travels_as_json() {
        let proxy = Proxy::parse(GATEWAY, "gw.yaml", &variables()).unwrap();
        assert_eq!(
            (proxy.mesh.as_str(), proxy.name.as_str()),
            ("default", "gw-1")
        );
        let json: serde_json::Value = serde_json::from_str(&proxy.document).unwrap();
        assert_eq!(json["type"], "Dataplane");
        assert_eq!(
            json["networking"]["gateway"]["tags"]["kuma.io/service"],
            "edge-gateway"
        );
        assert_eq!(json["networking"]["admin"]["port"], 9901);
    }

    #[test]
    fn anything_else_than_one_dataplane_is_refused_with_the_files_name() {
        let mesh = "type: Mesh\nname: default\n";
        let two = format!("{GATEWAY}---\n{GATEWAY}");
        let unknown = GATEWAY.replace("address:", "adress:");
        for text in [mesh, two.as_str(), unknown.as_str(), ""] {
            let error = Proxy::parse(text, "gw.yaml", &variables())
                .unwrap_err()
                .to_string();
            assert!(error.contains("gw.yaml"), "{error}");
        }
    }
}
