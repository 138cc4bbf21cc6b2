//! Connections between the nodes of a cluster: mutual TLS with the cluster's CA, and the port that nodes serve.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use rustls::ServerConfig;
use tonic::service::Routes;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};

use torii_auth::tls::{self, ClientAuth, TlsError, certificates_from_pem};
use torii_proto::torii::status::v1::status_peer_server::StatusPeerServer;
use torii_store::{Member, Store, Transport, tuned};

use crate::config::PEER_PORT;
use crate::folder::Folder;
use crate::status::share::Shared;

/// The store's view of the members: peer addresses are the node's address with the peer port.
pub(crate) fn members(folder: &Folder) -> Vec<Member> {
    let members = folder.cluster.members.iter();
    members
        .map(|member| {
            let address = SocketAddr::new(member.address, PEER_PORT);
            Member::new(&member.name, &address.to_string())
        })
        .collect()
}

/// How a node reaches others: it shows its own certificate and takes only those of the cluster's CA.
#[derive(Clone)]
pub(crate) struct Dialer(ClientTlsConfig);

impl Dialer {
    /// With the node's certificate.
    pub(crate) fn new(folder: &Folder) -> Self {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&folder.ca_pem))
            .identity(Identity::from_pem(
                &folder.certificate_pem,
                &folder.key_pem.0,
            ));
        Self(tls)
    }

    /// A channel that connects when it is used.
    pub(crate) fn channel(&self, member: &Member) -> Result<Channel, Error> {
        let endpoint = Endpoint::from_shared(format!("https://{}", member.address))?;
        // The certificate names the node by its name, whatever its address.
        let endpoint = endpoint.tls_config(self.0.clone().domain_name(&member.name))?;
        Ok(tuned(endpoint).connect_lazy())
    }

    /// The same for the store.
    pub(crate) fn transport(&self) -> Transport {
        let dialer = self.clone();
        Transport::new(move |member| dialer.channel(member))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

/// TLS of the peer port: a certificate of the cluster's CA is required.
pub(crate) fn server_tls(folder: &Folder) -> Result<Arc<ServerConfig>, TlsError> {
    let ca = certificates_from_pem(folder.ca_pem.as_bytes())?;
    let identity = tls::Identity::from_pem(
        folder.certificate_pem.as_bytes(),
        folder.key_pem.0.as_bytes(),
    )?;
    tls::server_config(identity, ClientAuth::Required(&ca))
}

/// TLS of the ports that users and zones call.
pub(crate) fn public_tls(folder: &Folder) -> Result<Arc<ServerConfig>, TlsError> {
    let identity = tls::Identity::from_pem(
        folder.certificate_pem.as_bytes(),
        folder.key_pem.0.as_bytes(),
    )?;
    tls::server_config(identity, ClientAuth::None)
}

/// What the peer port serves.
pub(crate) fn router(store: &Store, shared: Shared) -> Router {
    Routes::new(store.peer_service())
        .add_service(StatusPeerServer::new(shared))
        .prepare()
        .into_axum_router()
}

#[cfg(test)]
mod tests;
