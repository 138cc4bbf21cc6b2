//! The zone's ports: each one with its listener and what it serves. Decides nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use rustls::ServerConfig;
use tokio::net::TcpListener;

use torii_runtime::{BindError, Rule, ServeOptions, Tasks, bind, serve_plain, serve_tls, settings};

use crate::config::{Config, HTTP_PORT};

/// Listeners of a zone.
#[derive(Debug)]
pub(crate) struct Ports {
    dataplane: TcpListener,
    api: TcpListener,
    diagnostics: TcpListener,
    /// REST without TLS, if it is asked for.
    http: Option<TcpListener>,
}

/// What each port serves.
pub(crate) struct Routers {
    pub(crate) dataplane: Router,
    pub(crate) api: Router,
    pub(crate) diagnostics: Router,
    pub(crate) http: Router,
}

impl Ports {
    /// Listens on all ports.
    ///
    /// # Errors
    /// When one is taken.
    pub(crate) async fn bind(config: &Config) -> Result<Self, BindError> {
        let at = |port| SocketAddr::new(config.address, port);
        let dataplane = at(config.dataplane_port);
        let http = if config.http {
            let loopback = SocketAddr::new(settings::loopback(config.address), HTTP_PORT);
            Some(bind(loopback, "the REST API over HTTP", "--http").await?)
        } else {
            None
        };
        Ok(Self {
            dataplane: bind(dataplane, "bootstrap and ADS", "--dataplane-port").await?,
            api: bind(at(config.api_port), "the REST API", "--api-port").await?,
            diagnostics: bind(config.diagnostics, "diagnostics", "--diagnostics-port").await?,
            http,
        })
    }

    /// Starts a task for each.
    pub(crate) fn serve(self, tasks: &Tasks, tls: &Arc<ServerConfig>, routers: Routers) {
        let stop = || tasks.shutdown().token();
        let secure = [
            ("dataplane", self.dataplane, routers.dataplane),
            ("api", self.api, routers.api),
        ];
        for (name, listener, router) in secure {
            let options = ServeOptions::new(name);
            let serving = serve_tls(listener, Arc::clone(tls), router, stop(), options);
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
    }
}
