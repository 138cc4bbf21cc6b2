//! The HTTP side: authenticate, check, answer (control-plane-api §11.2-11.4).

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use serde_json::json;
use tonic::Code;

use torii_auth::tls::{CertificateInfo, certificates_from_pem};
use torii_mesh::ProxyId;
use torii_proto::kuma::mesh::v1alpha1::Dataplane;
use torii_proto::kuma::mesh::v1alpha1::dataplane::networking::gateway::GatewayType;
use torii_resource::kinds::{Dataplane as DataplaneKind, Mesh};
use torii_resource::{ResourceKey, tags};

use super::document::{Settings, document};
use super::request::Request;
use crate::admission::{Door, parse_dataplane};
use crate::local;

/// Envoy's admin port when the Dataplane names none.
const ADMIN_PORT: u32 = 9901;

/// What the endpoint needs.
#[derive(Debug)]
pub(crate) struct Bootstrap {
    pub(crate) door: Door,
    /// PEM of the zone's CA certificate.
    pub(crate) ca_pem: String,
    /// Names in the zone's certificate.
    pub(crate) names: Vec<String>,
    /// Port of ADS: this very port.
    pub(crate) port: u16,
}

/// The route; the method is not checked, as in Kuma.
pub(crate) fn router(bootstrap: Arc<Bootstrap>) -> Router {
    Router::new()
        .route("/bootstrap", any(answer))
        .with_state(bootstrap)
}

/// Why there is no document, in the statuses that `kuma-dp` knows.
enum Refusal {
    /// It gives up and prints the text.
    Invalid(String),
    /// It gives up: the token does not fit.
    Forbidden(String),
    /// It asks again: the body is empty on purpose.
    NotYet,
    /// The request is not JSON.
    Malformed,
    /// It gives up: the zone's certificate does not name the host that it used, or what it trusts is no CA.
    BadRequest(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(text) => (StatusCode::UNPROCESSABLE_ENTITY, text).into_response(),
            Self::Forbidden(text) => (StatusCode::FORBIDDEN, text).into_response(),
            Self::NotYet => StatusCode::NOT_FOUND.into_response(),
            Self::Malformed => StatusCode::BAD_REQUEST.into_response(),
            Self::BadRequest(text) => (StatusCode::BAD_REQUEST, text).into_response(),
        }
    }
}

async fn answer(
    State(bootstrap): State<Arc<Bootstrap>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let request = Request::parse(&body).map_err(|_| Refusal::Malformed)?;
    let host = bootstrap.host(&uri, &headers)?;
    check_ca(&request.ca_cert)?;
    let dataplane = bootstrap.dataplane(&request)?;
    let accepts_json = headers
        .get(ACCEPT)
        .is_some_and(|accept| accept == "application/json");
    Ok(bootstrap.respond(&request, dataplane, &host, accepts_json))
}

/// What the client trusts may be a certificate of the zone itself, but not one that is explicitly no CA.
fn check_ca(pem: &str) -> Result<(), Refusal> {
    let certificates = certificates_from_pem(pem.as_bytes()).unwrap_or_default();
    for certificate in &certificates {
        if CertificateInfo::read(certificate).is_ok_and(|info| !info.is_ca) {
            return Err(Refusal::BadRequest(
                "the certificate of --ca-cert-file is not a CA: give the zone's ca.crt".to_owned(),
            ));
        }
    }
    Ok(())
}

impl Bootstrap {
    fn respond(
        &self,
        request: &Request,
        dataplane: Dataplane,
        host: &str,
        accepts_json: bool,
    ) -> Response {
        let networking = dataplane.networking.unwrap_or_default();
        let admin = networking.admin.map_or(ADMIN_PORT, |admin| admin.port);
        let gateway = networking.gateway.as_ref();
        let service = gateway
            .map(|gateway| &gateway.tags)
            .or_else(|| networking.inbound.first().map(|inbound| &inbound.tags))
            .and_then(|tags| tags.get(tags::SERVICE))
            .cloned()
            .unwrap_or_else(|| "unknown".to_owned());
        let ca = if request.ca_cert.is_empty() {
            &self.ca_pem
        } else {
            &request.ca_cert
        };
        let settings = Settings {
            xds_host: host,
            xds_port: self.port,
            service: &service,
            gateway: gateway.is_some_and(|gateway| gateway.r#type() == GatewayType::Builtin),
            admin_port: admin,
            trusted_ca_base64: &STANDARD.encode(ca),
        };
        // JSON is YAML: one encoder less, and the same bytes for the same request.
        let text = document(request, &settings).to_string();
        if accepts_json {
            let answer = json!({
                "bootstrap": STANDARD.encode(&text),
                "kumaSidecarConfiguration": {
                    "networking": {
                        "isUsingTransparentProxy": false,
                        "corefileTemplate": null,
                        "address": networking.address,
                    },
                    "metrics": { "aggregate": [] },
                },
            });
            return axum::Json(answer).into_response();
        }
        ([(CONTENT_TYPE, "text/x-yaml")], text).into_response()
    }

    /// The host by which the proxy reached the zone, without its port; it must be in the certificate, or the proxy's
    /// Envoy would refuse the connection later.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Refusal> {
        // HTTP/2 has it in the URI.
        let host = match headers.get(HOST) {
            Some(host) => host.to_str().unwrap_or_default(),
            None => uri.authority().map_or("", |authority| authority.as_str()),
        };
        let bare = match host.rsplit_once(':') {
            Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
            _ => host,
        };
        let bare = bare.trim_start_matches('[').trim_end_matches(']');
        if self.names.iter().any(|name| name == bare) {
            return Ok(bare.to_owned());
        }
        Err(Refusal::BadRequest(format!(
            "the zone's certificate does not name {bare:?} but {}: use one of those, or start the zone with --san {bare}",
            self.names.join(", ")
        )))
    }

    /// The Dataplane that is asked for: the one that the proxy brings, or a stored one; and its token fits.
    fn dataplane(&self, request: &Request) -> Result<Dataplane, Refusal> {
        if !matches!(request.proxy_type.as_str(), "" | "dataplane") {
            return Err(Refusal::Invalid(format!(
                "proxy type {:?} is not served by this zone: only data plane proxies are",
                request.proxy_type
            )));
        }
        let id = ProxyId {
            mesh: request.mesh.clone(),
            name: request.name.clone(),
        };
        if request.dataplane_token.is_empty() {
            return Err(Refusal::Invalid(format!(
                "Dataplane {id}: a token is required: make one with `torii generate dataplane-token --mesh {} --name {}` \
                 and start the proxy with --dataplane-token-file",
                id.mesh, id.name
            )));
        }
        let view = self.door.store.view();
        if view.get(&ResourceKey::of::<Mesh>("", &id.mesh)).is_none() {
            // A zone that has not followed its global yet knows no mesh: the proxy shall ask again.
            return Err(if !local::followed(&view) {
                Refusal::NotYet
            } else {
                Refusal::Invalid(format!("mesh: mesh {:?} does not exist", id.mesh))
            });
        }
        let (spec, labels) = if request.dataplane_resource.is_empty() {
            let key = ResourceKey::of::<DataplaneKind>(&id.mesh, &id.name);
            let stored = view.get(&key).ok_or(Refusal::NotYet)?;
            (stored.spec.clone(), stored.labels.clone())
        } else {
            let resource =
                parse_dataplane(&request.dataplane_resource, &id).map_err(Refusal::Invalid)?;
            (resource.spec, resource.labels)
        };
        self.door
            .prove(&request.dataplane_token, &id, &spec, &labels)
            .map_err(|status| match status.code() {
                Code::Unauthenticated | Code::PermissionDenied => {
                    Refusal::Forbidden(status.message().to_owned())
                }
                _ => Refusal::Invalid(status.message().to_owned()),
            })?;
        Dataplane::decode(spec)
            .map_err(|error| Refusal::Invalid(format!("Dataplane {id}: {error}")))
    }
}

#[cfg(test)]
mod tests;
