//! An HTTPS client as Go's: HTTP/1.1, TLS without ALPN, one connection a request. No cleverness, so that a test sees
//! what was answered.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use torii_cli::playground::Site;

use crate::DEADLINE;

/// A server to ask.
#[derive(Debug)]
pub(crate) struct Https {
    address: SocketAddr,
    config: Arc<ClientConfig>,
    bearer: Option<String>,
}

/// The global's REST API, asked by an operator.
pub(crate) async fn operator(site: &Site) -> Https {
    let asked = [
        "generate",
        "user-token",
        "--name",
        "e2e",
        "--group",
        "mesh-system:admin",
    ];
    let token = site.torii(&asked, "").await.unwrap();
    let address = (site.layout().node_address(0), 5682);
    Https::new(address, &site.layout().global_ca()).bearer(&token)
}

/// What it said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Https {
    /// A server that is trusted through a CA certificate.
    pub(crate) fn new(address: impl Into<SocketAddr>, ca: &Path) -> Self {
        torii_auth::tls::install_provider();
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            address: address.into(),
            config: Arc::new(config),
            bearer: None,
        }
    }

    /// With a token in every request.
    pub(crate) fn bearer(mut self, token: &str) -> Self {
        self.bearer = Some(format!("Bearer {}", token.trim()));
        self
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        tokio::time::timeout(DEADLINE, self.exchange(method, path, headers, body))
            .await
            .unwrap_or_else(|_| panic!("{method} {path}: no answer"))
    }

    /// A document by GET.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self
            .send("GET", path, &[("accept", "application/json")], None)
            .await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> Answer {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::from(self.address.ip());
        let tls = TlsConnector::from(Arc::clone(&self.config))
            .connect(name, tcp)
            .await
            .unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header("authorization", bearer);
        }
        let body = Bytes::from(body.unwrap_or_default().to_owned());
        let response = sender
            .send_request(request.body(Full::new(body)).unwrap())
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header's value, empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}
