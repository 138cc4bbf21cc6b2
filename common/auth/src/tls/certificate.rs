//! What a certificate says.

use std::fmt::Write as _;
use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::ca::TlsError;

/// What the rest of the code needs of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Common name of the subject; empty without one.
    pub common_name: String,
    /// DNS names that it is valid for.
    pub dns_names: Vec<String>,
    /// IP addresses that it is valid for.
    pub ip_addresses: Vec<IpAddr>,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// End of its validity, in seconds since 1970.
    pub not_after: i64,
    /// DER of the public key with its algorithm.
    pub(crate) public_key: Vec<u8>,
}

impl CertificateInfo {
    /// Reads a certificate. Verifies nothing.
    ///
    /// # Errors
    /// When it does not parse.
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Self, TlsError> {
        let broken = |reason: String| TlsError::Certificate(reason);
        let (_, parsed) =
            X509Certificate::from_der(certificate).map_err(|error| broken(error.to_string()))?;
        let mut info = Self {
            common_name: parsed
                .subject()
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .unwrap_or_default()
                .to_owned(),
            dns_names: Vec::new(),
            ip_addresses: Vec::new(),
            is_ca: parsed.is_ca(),
            not_after: parsed.validity().not_after.timestamp(),
            public_key: parsed.public_key().raw.to_vec(),
        };
        let names = parsed
            .subject_alternative_name()
            .map_err(|error| broken(error.to_string()))?;
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            match name {
                GeneralName::DNSName(name) => info.dns_names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => info.ip_addresses.extend(address(bytes)),
                _ => {}
            }
        }
        Ok(info)
    }

    /// Whether the certificate is that of `name`: a DNS name of it, or its common name (kds §3.4).
    pub fn is_of(&self, name: &str) -> bool {
        self.common_name == name || self.dns_names.iter().any(|dns| dns == name)
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

/// SHA-256 of a certificate, in lower-case hex: how people compare two.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate)
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
