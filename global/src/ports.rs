//! The node's ports: each one with its listener, its TLS and what it serves. Decides nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use torii_auth::tls::TlsError;
use torii_runtime::{BindError, Rule, ServeOptions, Tasks, bind, serve_plain, serve_tls, settings};

use crate::config::{Config, HTTP_PORT, PEER_PORT};
use crate::folder::Folder;
use crate::peers;

/// Listeners of a node.
#[derive(Debug)]
pub(crate) struct Ports {
    /// None in a cluster of one.
    peers: Option<TcpListener>,
    kds: TcpListener,
    api: TcpListener,
    diagnostics: TcpListener,
    /// REST without TLS, if it is asked for.
    http: Option<TcpListener>,
}

/// What each port serves.
pub(crate) struct Routers {
    pub(crate) peers: Router,
    pub(crate) kds: Router,
    pub(crate) api: Router,
    pub(crate) diagnostics: Router,
    pub(crate) http: Router,
}

impl Ports {
    /// Listens on all ports.
    ///
    /// # Errors
    /// When one is taken.
    pub(crate) async fn bind(
        config: &Config,
        address: IpAddr,
        several: bool,
    ) -> Result<Self, BindError> {
        let at = |port| SocketAddr::new(address, port);
        let peers = if several {
            Some(bind(at(PEER_PORT), "Raft and peer services", "--address").await?)
        } else {
            None
        };
        let http = if config.http {
            let loopback = SocketAddr::new(settings::loopback(address), HTTP_PORT);
            Some(bind(loopback, "the REST API over HTTP", "--http").await?)
        } else {
            None
        };
        let diagnostics = config.diagnostics(address);
        Ok(Self {
            peers,
            kds: bind(at(config.kds_port), "KDS", "--kds-port").await?,
            api: bind(at(config.api_port), "the REST API", "--api-port").await?,
            diagnostics: bind(diagnostics, "diagnostics", "--diagnostics-port").await?,
            http,
        })
    }

    /// Starts a task for each.
    ///
    /// # Errors
    /// When the folder's certificates cannot be used.
    pub(crate) fn serve(
        self,
        tasks: &Tasks,
        folder: &Folder,
        routers: Routers,
    ) -> Result<(), TlsError> {
        let stop = || tasks.shutdown().token();
        let public = peers::public_tls(folder)?;
        let mut tls = vec![
            ("kds", self.kds, Arc::clone(&public), routers.kds),
            ("api", self.api, public, routers.api),
        ];
        if let Some(listener) = self.peers {
            tls.push(("peers", listener, peers::server_tls(folder)?, routers.peers));
        }
        for (name, listener, tls, router) in tls {
            let serving = serve_tls(listener, tls, router, stop(), ServeOptions::new(name));
            tasks.spawn(format!("port {name}"), Rule::ESSENTIAL, serving);
        }
        let mut plain = vec![("diagnostics", self.diagnostics, routers.diagnostics)];
        if let Some(listener) = self.http {
            plain.push(("http", listener, routers.http));
        }
        for (name, listener, router) in plain {
            let serving = serve_plain(listener, router, stop(), ServeOptions::new(name));
            tasks.spawn(format!("port {name}"), Rule::ESSENTIAL, serving);
        }
        Ok(())
    }
}
