//! One request to one node.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::context::Secret;

use super::ClientError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What to ask.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Method.
    pub(crate) method: Method,
    /// Path and query, beginning with a slash.
    pub(crate) path: String,
    /// Body; empty for none.
    pub(crate) body: Bytes,
    /// Media type of the body.
    pub(crate) content_type: &'static str,
    /// Whether doing it twice is the same as doing it once.
    pub(crate) idempotent: bool,
    /// How long the answer's head may take.
    pub(crate) timeout: Duration,
}

impl Call {
    /// A call without a body, for which half a minute must do.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            idempotent: method != Method::POST,
            method,
            path: path.into(),
            body: Bytes::new(),
            content_type: "application/json",
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// There was no connection, so nothing was done.
    NotSent(String),
    /// The request may have arrived.
    Cut(String),
}

impl Broken {
    /// What happened.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::NotSent(reason) | Self::Cut(reason) => reason,
        }
    }
}

/// HTTP/1.1 over TLS that trusts one CA. Kept-alive connections are reused.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Wire {
    /// Trusts the certificates in `ca` (PEM); with none, only plain HTTP works.
    pub(crate) fn new(ca: &str) -> Result<Self, ClientError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            let certificate = certificate.map_err(|error| ClientError::Ca(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| ClientError::Ca(error.to_string()))?;
        }
        if roots.is_empty() && !ca.trim().is_empty() {
            return Err(ClientError::Ca("it has no certificate in it".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError::Ca(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self {
            client: legacy::Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// Asks the node at `base`; returns when the head of the answer is there.
    pub(crate) async fn send(
        &self,
        base: &Uri,
        call: &Call,
        token: Option<&Secret>,
    ) -> Result<Response<Incoming>, Broken> {
        let request = request(base, call, token)?;
        let answer = tokio::time::timeout(call.timeout, self.client.request(request)).await;
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => Err(Broken::NotSent(innermost(&error))),
            Ok(Err(error)) => Err(Broken::Cut(innermost(&error))),
            Err(_) => Err(Broken::Cut(format!(
                "no answer within {} s",
                call.timeout.as_secs()
            ))),
        }
    }
}

fn request(
    base: &Uri,
    call: &Call,
    token: Option<&Secret>,
) -> Result<Request<Full<Bytes>>, Broken> {
    let unsendable = |error: &dyn std::fmt::Display| Broken::NotSent(error.to_string());
    let uri = Uri::builder()
        .scheme(base.scheme_str().unwrap_or("https"))
        .authority(base.authority().map_or("", |authority| authority.as_str()))
        .path_and_query(call.path.as_str())
        .build()
        .map_err(|error| unsendable(&error))?;
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(uri)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("torii/", env!("CARGO_PKG_VERSION")));
    if !call.body.is_empty() {
        request = request.header(CONTENT_TYPE, call.content_type);
    }
    if let Some(token) = token {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| {
                Broken::NotSent("the token has characters that no token has".to_owned())
            })?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request
        .body(Full::new(call.body.clone()))
        .map_err(|error| unsendable(&error))
}

/// The cause that says something: the last of the chain.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
