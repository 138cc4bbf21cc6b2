//! The calls of the REST API that the CLI makes.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use torii_api::status::Status;
use torii_render::ConfigDocument;
use torii_resource::Scope;
use torii_resource::kind::Descriptor;

use super::rest::Answer;
use super::{Call, Client, ClientError};

/// How many resources a page of a list has.
const PAGE: usize = 1_000;

/// The answer to a batch of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Revision at which the batch is in effect.
    #[serde(default)]
    pub revision: u64,
    /// What became of each document, in their order.
    #[serde(default, alias = "documents")]
    pub outcomes: Vec<Outcome>,
    /// What the writer should know although it was accepted.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// What became of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Kind.
    #[serde(default, alias = "type")]
    pub kind: String,
    /// Mesh; empty for a kind of global scope.
    #[serde(default)]
    pub mesh: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// `created`, `updated` or `unchanged`.
    #[serde(default)]
    pub outcome: String,
}

impl fmt::Display for Outcome {
    /// `MeshGateway default/edge-gateway created`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mesh.is_empty() {
            write!(f, "{} {} {}", self.kind, self.name, self.outcome)
        } else {
            write!(
                f,
                "{} {}/{} {}",
                self.kind, self.mesh, self.name, self.outcome
            )
        }
    }
}

impl Client {
    /// Writes all documents of a YAML or JSON text, or none. `place` names a document by its number, from 0, in errors.
    ///
    /// # Errors
    /// When a document is refused or the control plane cannot be reached.
    pub async fn apply(
        &self,
        text: String,
        place: impl Fn(usize) -> String,
    ) -> Result<Applied, ClientError> {
        let call = Call {
            body: Bytes::from(text),
            content_type: "application/yaml",
            ..Call::new(Method::PUT, "/torii/resources")
        };
        let answer = self.call_with(&call, place).await?;
        let mut applied: Applied = decode(&answer)?;
        for outcome in &mut applied.outcomes {
            outcome.outcome.make_ascii_lowercase();
        }
        if applied.revision == 0 {
            let header = answer.headers.get("x-torii-revision");
            applied.revision = header
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .unwrap_or_default();
        }
        Ok(applied)
    }

    /// One resource as JSON.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be asked for.
    pub async fn get(
        &self,
        kind: &Descriptor,
        mesh: &str,
        name: &str,
    ) -> Result<Value, ClientError> {
        let path = format!("{}/{}", collection(kind, Some(mesh)), segment(name));
        decode(&self.call(&Call::new(Method::GET, path)).await?)
    }

    /// All resources of a kind, in one mesh or in all, page by page.
    ///
    /// # Errors
    /// When they cannot be asked for.
    pub async fn list(
        &self,
        kind: &Descriptor,
        mesh: Option<&str>,
    ) -> Result<Vec<Value>, ClientError> {
        let path = collection(kind, mesh);
        let mut items = Vec::new();
        let mut offset: Option<String> = None;
        loop {
            let query = offset.as_deref().map(|offset| format!("&offset={offset}"));
            let call = Call::new(
                Method::GET,
                format!("{path}?size={PAGE}{}", query.unwrap_or_default()),
            );
            let page: Page = decode(&self.call(&call).await?)?;
            items.extend(page.items);
            offset = page.next.as_deref().and_then(offset_of);
            if offset.is_none() {
                return Ok(items);
            }
        }
    }

    /// Deletes a resource. Returns the revision at which it is gone, when the control plane says it.
    ///
    /// # Errors
    /// When there is none of that name, or it may not be deleted.
    pub async fn delete(
        &self,
        kind: &Descriptor,
        mesh: &str,
        name: &str,
    ) -> Result<Option<u64>, ClientError> {
        let path = format!("{}/{}", collection(kind, Some(mesh)), segment(name));
        let answer = self.call(&Call::new(Method::DELETE, path)).await?;
        let header = answer.headers.get("x-torii-revision");
        Ok(header.and_then(|value| value.to_str().ok()?.parse().ok()))
    }

    /// Issues a token; `kind` is `zone`, `dataplane` or `user` (control-plane-api §10.1).
    ///
    /// # Errors
    /// When it is refused.
    pub async fn token(&self, kind: &str, claims: &Value) -> Result<String, ClientError> {
        let call = Call {
            body: Bytes::from(claims.to_string()),
            // A token that nobody received does no harm: issuing one leaves no trace in the store.
            idempotent: true,
            ..Call::new(Method::POST, format!("/tokens/{kind}"))
        };
        let answer = self.call(&call).await?;
        let token = String::from_utf8_lossy(&answer.body).trim().to_owned();
        if token.split('.').count() == 3 {
            Ok(token)
        } else {
            Err(strange(&answer, "no token in it"))
        }
    }

    /// How the control plane and everything that it knows of is doing.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn status(&self) -> Result<Status, ClientError> {
        let call = Call {
            timeout: Duration::from_secs(10),
            ..Call::new(Method::GET, "/torii/status")
        };
        decode(&self.call(&call).await?)
    }

    /// What a proxy's Envoy is to have, from the zone that it is connected to.
    ///
    /// # Errors
    /// When it is not connected there, or the zone cannot be asked.
    pub async fn proxy_config(
        &self,
        mesh: &str,
        name: &str,
    ) -> Result<ConfigDocument, ClientError> {
        let path = format!("/torii/proxies/{}/{}/config", segment(mesh), segment(name));
        decode(&self.call(&Call::new(Method::GET, path)).await?)
    }

    /// Tells a zone to forget which global it has followed, and to follow the one that it is connected to.
    ///
    /// # Errors
    /// When it is refused, e.g. because this is no zone.
    pub async fn accept_global(&self) -> Result<(), ClientError> {
        let call = Call {
            idempotent: true,
            ..Call::new(Method::POST, "/torii/accept-global")
        };
        self.call(&call).await.map(drop)
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    items: Vec<Value>,
    #[serde(default)]
    next: Option<String>,
}

/// The offset in a page's `next`, which is a URL; encoded as it stands there.
fn offset_of(next: &str) -> Option<String> {
    let (_, query) = next.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("offset="))
        .filter(|offset| !offset.is_empty())
        .map(str::to_owned)
}

fn collection(kind: &Descriptor, mesh: Option<&str>) -> String {
    match mesh {
        Some(mesh) if kind.scope == Scope::Mesh => {
            format!("/meshes/{}/{}", segment(mesh), kind.plural)
        }
        _ => format!("/{}", kind.plural),
    }
}

/// A text as one segment of a path (RFC 3986 §2.3).
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn decode<T: DeserializeOwned>(answer: &Answer) -> Result<T, ClientError> {
    serde_json::from_slice(&answer.body).map_err(|error| strange(answer, &error.to_string()))
}

fn strange(answer: &Answer, reason: &str) -> ClientError {
    ClientError::Strange {
        address: answer.address.clone(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_mesh_only_for_kinds_in_a_mesh() {
        let path = |name: &str, mesh| {
            let kind = torii_resource::registry::by_name(name).unwrap();
            collection(&kind.descriptor, mesh)
        };
        assert_eq!(
            path("MeshGateway", Some("default")),
            "/meshes/default/meshgateways"
        );
        assert_eq!(path("MeshGateway", None), "/meshgateways");
        assert_eq!(path("Zone", Some("default")), "/zones");
    }

    #[test]
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(segment("edge-1.ns"), "edge-1.ns");
        assert_eq!(segment("a/../b?c"), "a%2F..%2Fb%3Fc");
    }

    #[test]
    fn the_next_page_is_where_its_url_says() {
        assert_eq!(
            offset_of("https://x:5682/zones?size=2&offset=abc"),
            Some("abc".to_owned())
        );
        assert_eq!(offset_of("https://x:5682/zones?size=2"), None);
    }
}
