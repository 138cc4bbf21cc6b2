//! TLS: the cluster's CA, certificates, and rustls configurations. TLS 1.2 and 1.3, always with *ring*.

mod ca;
mod certificate;
mod config;
mod files;

pub use self::ca::{Ca, Issued, TlsError};
pub use self::certificate::{CertificateInfo, fingerprint};
pub use self::config::{
    ALPN_ANY, ALPN_H2, ClientAuth, Identity, certificates_from_pem, client_config,
    install_provider, key_from_pem, server_config,
};
pub use self::files::{write_private, write_public};

#[cfg(test)]
mod tests;
