//! The connection to a node of the global, and the headers of every call on it (kds §1.1, §1.3).

use std::path::PathBuf;
use std::time::Duration;

use tonic::Request;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use torii_sync::kuma::{self, BadHeader};

use super::Upstream;
use crate::config::{Config, GlobalAddress};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// No CA certificate to trust.
    #[error(
        "no certificate to check the global with: say --global-ca-file FILE (`ca.crt` of `torii global init`)"
    )]
    NoCa,
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No connection.
    #[error("cannot connect to the global at {address}: {reason}")]
    Transport {
        /// Where to.
        address: String,
        /// Why.
        reason: String,
    },
    /// A value that a header cannot carry.
    #[error(transparent)]
    Header(#[from] BadHeader),
}

/// Connects. The only thing with a time limit is the connection itself, never a call on it (kds §1.1).
pub(super) async fn channel(
    config: &Config,
    address: &GlobalAddress,
) -> Result<Channel, ConnectError> {
    let failed = |error: tonic::transport::Error| ConnectError::Transport {
        address: address.to_string(),
        reason: sources(&error),
    };
    let scheme = if address.tls { "https" } else { "http" };
    let url = format!("{scheme}://{}", address.authority());
    let mut endpoint = Endpoint::from_shared(url)
        .map_err(failed)?
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(5))
        // Not more often than every 20 s: Kuma counts faster ones as an attack (kds §1.1).
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(15))
        .keep_alive_while_idle(true)
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20);
    if address.tls {
        let path = config.global_ca_file.as_ref().ok_or(ConnectError::NoCa)?;
        let ca = read(path).await?;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(ca))
            .domain_name(&address.host);
        endpoint = endpoint.tls_config(tls).map_err(failed)?;
    }
    endpoint.connect().await.map_err(failed)
}

/// A call with the zone's headers. The token file is read for each, so that tokens rotate without a restart.
pub(super) async fn request<T>(
    upstream: &Upstream,
    message: T,
) -> Result<Request<T>, ConnectError> {
    let config = &upstream.config;
    let token = match &config.token_file {
        Some(path) => {
            let text = read(path).await?;
            Some(
                text.trim_matches(|c: char| c.is_whitespace() || c.is_control())
                    .to_owned(),
            )
        }
        None => None,
    };
    let mut request = Request::new(message);
    kuma::zone_headers(
        request.metadata_mut(),
        &config.name,
        &upstream.about.version,
        false,
        token.as_deref(),
    )?;
    Ok(request)
}

async fn read(path: &std::path::Path) -> Result<String, ConnectError> {
    tokio::fs::read_to_string(path)
        .await
        .map_err(|source| ConnectError::File {
            path: path.to_owned(),
            source,
        })
}

/// An error with its causes: tonic's own text alone is "transport error".
fn sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
