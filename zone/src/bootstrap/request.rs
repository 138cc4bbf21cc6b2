//! What `kuma-dp` and `torii dp run` send (control-plane-api §11.2). Data only.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The body of `POST /bootstrap`; unknown fields of newer clients are ignored.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Request {
    pub(crate) mesh: String,
    pub(crate) name: String,
    pub(crate) proxy_type: String,
    pub(crate) dataplane_token: String,
    pub(crate) dataplane_token_path: String,
    /// The Dataplane as JSON text; empty when it was written to the zone before.
    pub(crate) dataplane_resource: String,
    pub(crate) version: Value,
    /// PEM of the CA that the client trusts, from `--ca-cert-file`.
    pub(crate) ca_cert: String,
    pub(crate) dynamic_metadata: Option<Map<String, Value>>,
    pub(crate) dns_port: u32,
    pub(crate) readiness_port: u32,
    pub(crate) features: Vec<String>,
    pub(crate) resources: Resources,
    pub(crate) access_log_socket_path: String,
    pub(crate) workdir: String,
    pub(crate) metrics_resources: MetricsResources,
    pub(crate) system_ca_path: String,
    pub(crate) ipv6_enabled: bool,
}

/// Limits of the proxy's host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Resources {
    pub(crate) max_heap_size_bytes: u64,
}

/// Files of the proxy's metrics endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MetricsResources {
    pub(crate) socket_path: String,
    pub(crate) cert_path: String,
    pub(crate) key_path: String,
}

impl Request {
    /// Reads a body. The first thing that is read of a caller who has proven nothing yet.
    ///
    /// # Errors
    /// When it is not a JSON object of this form. (An array of the values would do for serde.)
    pub(crate) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        let body: Map<String, Value> = serde_json::from_slice(body)?;
        serde_json::from_value(Value::Object(body))
    }

    /// Whether the client's Envoy should speak delta xDS.
    pub(crate) fn delta(&self) -> bool {
        self.features
            .iter()
            .any(|feature| feature == "feature-delta-grpc")
    }
}

impl fmt::Debug for Request {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("mesh", &self.mesh)
            .field("name", &self.name)
            .field("proxy_type", &self.proxy_type)
            .finish_non_exhaustive()
    }
}
