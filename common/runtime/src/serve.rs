//! Servers: accept, hand the connection over, end in time. HTTP/1.1 and HTTP/2 on the same port, with TLS or without.
//!
//! Routes, gRPC services and rights are the caller's: a server takes an [`axum::Router`] and tells it, in the request's
//! extensions, who is at the other end ([`PeerInfo`]).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::connection;

/// Who is at the other end of a connection. In the extensions of every request.
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// Address and port of the other end. Not an identity.
    pub remote: SocketAddr,
    /// The client's certificate chain, leaf first, verified by the handshake. `None`: it showed none, or plain TCP.
    pub client_certs: Option<Arc<Vec<CertificateDer<'static>>>>,
}

/// Bounds of a server. [`ServeOptions::new`] has values for a control plane's ports.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Value of the `server` label in metrics and logs, e.g. `ads`.
    pub name: &'static str,
    /// Longest time for a TLS handshake.
    pub handshake_timeout: Duration,
    /// Longest time for the first bytes of a connection and for the head of an HTTP/1.1 request. Also closes a
    /// kept-alive HTTP/1.1 connection that is idle for so long.
    pub header_read_timeout: Duration,
    /// How often an HTTP/2 client is pinged, so that a dead one is noticed.
    pub keepalive_interval: Duration,
    /// How long an HTTP/2 client may take to answer a ping.
    pub keepalive_timeout: Duration,
    /// Concurrent HTTP/2 streams of a connection.
    pub max_streams: u32,
    /// Connections at a time; more wait in the kernel's queue.
    pub max_connections: usize,
    /// How long requests may go on after the server was asked to stop; then they are cut off.
    pub drain: Duration,
}

impl ServeOptions {
    /// 10 s for a handshake, 5 s for a head, pings every 15 s answered within 15 s, 1000 streams, 10 000 connections,
    /// 5 s to drain.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            handshake_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(5),
            keepalive_interval: Duration::from_secs(15),
            keepalive_timeout: Duration::from_secs(15),
            max_streams: 1000,
            max_connections: 10_000,
            drain: Duration::from_secs(5),
        }
    }
}

/// Serves `router` over TLS until `stop` is cancelled and every connection has ended or `options.drain` has passed.
///
/// Both HTTP versions work with and without ALPN (an Envoy that is given no ALPN speaks HTTP/2 without announcing it).
/// Dropping the future closes everything at once.
///
/// # Errors
/// When the listener has no address (it was closed under the server).
pub async fn serve_tls(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    stop: CancellationToken,
    options: ServeOptions,
) -> io::Result<()> {
    let acceptor = TlsAcceptor::from(tls);
    let options = Arc::new(options);
    accept_loop(listener, &stop, &options, |stream, remote| {
        let (acceptor, router, stop, options) = (
            acceptor.clone(),
            router.clone(),
            stop.clone(),
            Arc::clone(&options),
        );
        Box::pin(async move {
            let handshake = handshake(&acceptor, stream, remote, &options);
            let stream = tokio::select! {
                stream = handshake => stream,
                // Nothing was asked yet: nothing has to be drained.
                () = stop.cancelled() => return,
            };
            let Some(stream) = stream else { return };
            let certs = stream.get_ref().1.peer_certificates();
            let peer = PeerInfo {
                remote,
                client_certs: certs.map(|certs| {
                    Arc::new(certs.iter().map(|cert| cert.clone().into_owned()).collect())
                }),
            };
            connection::serve(stream, peer, router, &stop, &options).await;
        })
    })
    .await
}

/// Serves `router` without TLS: for diagnostics and loopback only. Ends as [`serve_tls`] does.
///
/// # Errors
/// When the listener has no address (it was closed under the server).
pub async fn serve_plain(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    options: ServeOptions,
) -> io::Result<()> {
    let options = Arc::new(options);
    accept_loop(listener, &stop, &options, |stream, remote| {
        let (router, stop, options) = (router.clone(), stop.clone(), Arc::clone(&options));
        Box::pin(async move {
            let peer = PeerInfo {
                remote,
                client_certs: None,
            };
            connection::serve(stream, peer, router, &stop, &options).await;
        })
    })
    .await
}

async fn handshake(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    remote: SocketAddr,
    options: &ServeOptions,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let accepted = tokio::time::timeout(options.handshake_timeout, acceptor.accept(stream)).await;
    let error = match accepted {
        Ok(Ok(stream)) => return Some(stream),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "took too long".to_owned(),
    };
    metrics::counter!("torii_server_handshake_failures_total", "server" => options.name)
        .increment(1);
    tracing::debug!(server = options.name, %remote, %error, "TLS handshake failed");
    None
}

async fn accept_loop<F, H>(
    listener: TcpListener,
    stop: &CancellationToken,
    options: &ServeOptions,
    handle: H,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
    H: Fn(TcpStream, SocketAddr) -> F,
{
    let address = listener.local_addr()?;
    tracing::info!(server = options.name, %address, "listening");
    let gauge = metrics::gauge!("torii_server_connections", "server" => options.name);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {
                gauge.set(connections.len() as f64);
                continue;
            }
            accepted = listener.accept(), if connections.len() < options.max_connections => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                // Answers of a few bytes must not wait for more of them. Fails only when the client is gone already.
                let _ = stream.set_nodelay(true);
                connections.spawn(handle(stream, remote));
                gauge.set(connections.len() as f64);
                if connections.len() == options.max_connections {
                    tracing::warn!(
                        server = options.name,
                        limit = options.max_connections,
                        "connection limit reached: further clients wait"
                    );
                }
            }
            Err(error) => accept_failed(&error, stop, options).await,
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(options.drain, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::info!(
            server = options.name,
            left = connections.len(),
            "cutting off connections after the drain"
        );
        connections.shutdown().await;
    }
    gauge.set(0.0);
    Ok(())
}

/// A client that went away is nothing; out of file descriptors, wait for some to be closed instead of spinning.
async fn accept_failed(error: &io::Error, stop: &CancellationToken, options: &ServeOptions) {
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    ) {
        return;
    }
    tracing::warn!(server = options.name, %error, "cannot accept a connection");
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(Duration::from_millis(100)) => {}
    }
}

#[cfg(test)]
mod tests;
