//! The documents of `POST /bootstrap` (control-plane-api §11.2, §11.3), and what its answers mean (§11.4).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::EnvoyVersion;

/// Features that we announce (§11.7): what our Envoy and this program can do.
const FEATURES: [&str; 1] = ["feature-delta-grpc"];

/// What the proxy says about itself.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProxyRequest {
    pub(crate) mesh: String,
    pub(crate) name: String,
    pub(crate) proxy_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) dataplane_token: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) dataplane_token_path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) dataplane_resource: String,
    pub(crate) version: Versions,
    pub(crate) ca_cert: String,
    pub(crate) dynamic_metadata: BTreeMap<String, String>,
    pub(crate) dns_port: u16,
    pub(crate) readiness_port: u16,
    pub(crate) operating_system: &'static str,
    pub(crate) features: Vec<&'static str>,
    pub(crate) resources: Resources,
    pub(crate) workdir: String,
    pub(crate) metrics_resources: MetricsResources,
    pub(crate) system_ca_path: String,
    pub(crate) ipv6_enabled: bool,
}

/// Versions of the two programs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Versions {
    kuma_dp: ProgramVersion,
    envoy: EnvoyBuild,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProgramVersion {
    version: String,
    git_tag: String,
    git_commit: String,
    build_date: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvoyBuild {
    version: String,
    build: String,
    kuma_dp_compatible: bool,
}

impl Versions {
    /// This program with that Envoy.
    pub(crate) fn with(envoy: &EnvoyVersion) -> Self {
        Self {
            kuma_dp: ProgramVersion {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                git_tag: String::new(),
                git_commit: "torii".to_owned(),
                build_date: String::new(),
            },
            envoy: EnvoyBuild {
                version: envoy.version.clone(),
                build: envoy.build.clone(),
                kuma_dp_compatible: true,
            },
        }
    }
}

/// Limits of the proxy's machine.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resources {
    /// Memory that Envoy may use, in bytes; 0: unlimited.
    pub(crate) max_heap_size_bytes: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricsResources {
    cert_path: String,
    key_path: String,
}

impl ProxyRequest {
    /// A request for a data plane proxy, with everything that is always the same.
    pub(crate) fn new(mesh: &str, name: &str, envoy: &EnvoyVersion) -> Self {
        Self {
            mesh: mesh.to_owned(),
            name: name.to_owned(),
            proxy_type: "dataplane",
            dataplane_token: String::new(),
            dataplane_token_path: String::new(),
            dataplane_resource: String::new(),
            version: Versions::with(envoy),
            ca_cert: String::new(),
            dynamic_metadata: BTreeMap::new(),
            dns_port: 15054,
            // No readiness reporter runs beside Envoy.
            readiness_port: 0,
            operating_system: std::env::consts::OS,
            features: FEATURES.to_vec(),
            resources: Resources::default(),
            workdir: String::new(),
            metrics_resources: MetricsResources::default(),
            system_ca_path: String::new(),
            ipv6_enabled: false,
        }
    }
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Envoy's bootstrap, as YAML.
    Start(Vec<u8>),
    /// Not yet, for this reason.
    Retry(String),
    /// Never, for this reason.
    GiveUp(String),
}

#[derive(Deserialize)]
struct Reply {
    bootstrap: String,
}

/// What an answer means (§11.4).
pub(crate) fn judge(status: u16, body: &[u8]) -> Verdict {
    let text: String = String::from_utf8_lossy(body)
        .trim()
        .chars()
        .take(2_000)
        .collect();
    match status {
        200 => match decode(body) {
            Ok(bootstrap) => Verdict::Start(bootstrap),
            Err(reason) => Verdict::GiveUp(format!("its answer cannot be understood: {reason}")),
        },
        404 if text.is_empty() => Verdict::Retry(
            "404: it does not know this proxy or its mesh yet; it may still be waiting for its global".to_owned(),
        ),
        404 if text == "404: Page Not Found" => Verdict::Retry(
            "404: there is no bootstrap here; --cp-address must be the zone's port for proxies (5678), not its REST API"
                .to_owned(),
        ),
        400 | 401 | 403 | 404 | 422 => Verdict::GiveUp(if text.is_empty() {
            "it gives no reason".to_owned()
        } else {
            text
        }),
        _ if text.is_empty() => Verdict::Retry(format!("HTTP status {status}")),
        _ => Verdict::Retry(format!("HTTP status {status}: {text}")),
    }
}

fn decode(body: &[u8]) -> Result<Vec<u8>, String> {
    let reply: Reply = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let bootstrap = STANDARD
        .decode(reply.bootstrap)
        .map_err(|error| error.to_string())?;
    if bootstrap.is_empty() {
        return Err("the bootstrap is empty".to_owned());
    }
    Ok(bootstrap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_mean_what_kuma_dp_makes_of_them() {
        assert_eq!(
            judge(
                200,
                br#"{"bootstrap":"YTogMQo=","kumaSidecarConfiguration":{}}"#
            ),
            Verdict::Start(b"a: 1\n".to_vec())
        );
        for (status, body) in [
            (404, ""),
            (404, "404: Page Not Found"),
            (500, ""),
            (503, "no"),
            (429, ""),
        ] {
            assert!(
                matches!(judge(status, body.as_bytes()), Verdict::Retry(_)),
                "{status}"
            );
        }
        for (status, body) in [
            (422, "mesh: no"),
            (400, ""),
            (404, "gone"),
            (401, ""),
            (403, ""),
            (200, "{}"),
        ] {
            assert!(
                matches!(judge(status, body.as_bytes()), Verdict::GiveUp(_)),
                "{status}"
            );
        }
    }

    #[test]
    fn the_request_has_the_fields_of_the_reference() {
        let envoy = EnvoyVersion {
            version: "1.40.0".to_owned(),
            build: "x/1.40.0/Clean/RELEASE/BoringSSL".to_owned(),
        };
        let request = ProxyRequest {
            operating_system: "linux",
            ..ProxyRequest::new("default", "gw-1", &envoy)
        };
        let mut document = serde_json::to_value(request).unwrap();
        document["version"]["kumaDp"]["version"] = "VERSION".into();
        insta::assert_snapshot!(serde_json::to_string_pretty(&document).unwrap());
    }
}
