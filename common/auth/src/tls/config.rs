//! rustls configurations for servers and clients, and reading PEM.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::ca::{Issued, TlsError};

/// HTTP/2, or HTTP/1.1 for those who do not speak it.
pub const ALPN_ANY: &[&[u8]] = &[b"h2", b"http/1.1"];
/// HTTP/2 alone: gRPC clients.
pub const ALPN_H2: &[&[u8]] = &[b"h2"];

/// Makes *ring* the process's provider: first thing in every `main` and every test that uses TLS (dependencies, trap
/// 3). More than once does no harm.
pub fn install_provider() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A certificate chain, leaf first, and its private key.
pub struct Identity {
    /// Leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Of the leaf.
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads both from PEM.
    ///
    /// # Errors
    /// When one of them is not in its text.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self {
            chain: certificates_from_pem(chain)?,
            key: key_from_pem(key)?,
        })
    }
}

impl TryFrom<&Issued> for Identity {
    type Error = TlsError;

    fn try_from(issued: &Issued) -> Result<Self, TlsError> {
        Self::from_pem(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

/// Whether a server asks clients for a certificate.
#[derive(Clone, Copy, Debug)]
pub enum ClientAuth<'a> {
    /// No: they have tokens.
    None,
    /// Yes, of one of these CAs, if they have one.
    Optional(&'a [CertificateDer<'static>]),
    /// Yes, of one of these CAs; without one there is no connection.
    Required(&'a [CertificateDer<'static>]),
}

/// Configuration of a server that shows `identity`, with ALPN [`ALPN_ANY`].
///
/// # Errors
/// When key and certificate do not belong together or a CA certificate does not parse.
pub fn server_config(
    identity: Identity,
    clients: ClientAuth<'_>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .map_err(config)?;
    let builder = match clients {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Optional(cas) | ClientAuth::Required(cas) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots(cas)?), provider());
            let verifier = if matches!(clients, ClientAuth::Optional(_)) {
                verifier.allow_unauthenticated()
            } else {
                verifier
            };
            builder.with_client_cert_verifier(
                verifier
                    .build()
                    .map_err(|error| TlsError::Config(error.to_string()))?,
            )
        }
    };
    let mut server = builder
        .with_single_cert(identity.chain, identity.key)
        .map_err(config)?;
    server.alpn_protocols = ALPN_ANY.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(server))
}

/// Configuration of a client that trusts `cas` alone and shows `identity`, if it has one. `alpn`: [`ALPN_H2`] for
/// gRPC; empty where the HTTP client sets it itself.
///
/// # Errors
/// When key and certificate do not belong together or a CA certificate does not parse.
pub fn client_config(
    cas: &[CertificateDer<'static>],
    identity: Option<Identity>,
    alpn: &[&[u8]],
) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .map_err(config)?
        .with_root_certificates(roots(cas)?);
    let mut client = match identity {
        Some(identity) => builder
            .with_client_auth_cert(identity.chain, identity.key)
            .map_err(config)?,
        None => builder.with_no_client_auth(),
    };
    client.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(client)
}

/// Every certificate of a PEM text, in its order; at least one.
///
/// # Errors
/// When there is none or the PEM is broken.
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::NoPem("certificate"))?;
    if certificates.is_empty() {
        return Err(TlsError::NoPem("certificate"));
    }
    Ok(certificates)
}

/// The first private key of a PEM text: PKCS#8, PKCS#1 or SEC1.
///
/// # Errors
/// When there is none.
pub fn key_from_pem(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| TlsError::NoPem("private key"))
}

const VERSIONS: &[&rustls::SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(cas: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for ca in cas {
        roots.add(ca.clone()).map_err(config)?;
    }
    Ok(roots)
}

fn config(error: rustls::Error) -> TlsError {
    TlsError::Config(error.to_string())
}
