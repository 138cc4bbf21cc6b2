//! A certificate authority: made once, then it issues certificates for nodes and servers.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use super::certificate::CertificateInfo;
use super::config::certificates_from_pem;

/// How long a CA is valid.
const CA_VALIDITY: Duration = Duration::from_secs(20 * 365 * 24 * 3600);
/// How far certificates date back, for clocks that differ.
const SLACK: Duration = Duration::from_secs(3600);

/// Why a certificate, a key or a TLS configuration could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// PEM without what was looked for.
    #[error("no {0} in the PEM text")]
    NoPem(&'static str),
    /// The certificate does not parse.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// A certificate that may not sign others.
    #[error("the certificate of `{0}` is not a CA's: give the CA certificate itself")]
    NotCa(String),
    /// Key and certificate are of different pairs.
    #[error("the private key does not belong to the certificate of `{0}`")]
    KeyMismatch(String),
    /// A leaf with the name of its CA would look self-signed to OpenSSL (dependencies, trap 4).
    #[error("a certificate may not have its CA's common name `{0}`: choose another")]
    SameName(String),
    /// A name that cannot be in a certificate.
    #[error("`{0}` is neither an IP address nor a DNS name")]
    Name(String),
    /// The end of the validity is out of range.
    #[error("a validity of {0:?} is out of range")]
    Validity(Duration),
    /// Signing or encoding failed.
    #[error("cannot make a certificate: {0}")]
    Make(String),
    /// rustls does not take it.
    #[error("TLS configuration: {0}")]
    Config(String),
}

/// A CA with its private key. Shows nothing of the key.
pub struct Ca {
    common_name: String,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct Issued {
    /// PEM of the certificate, without its CA's.
    pub certificate_pem: String,
    /// PEM (PKCS#8) of the private key.
    pub key_pem: String,
}

impl Ca {
    /// A new CA: ECDSA P-256, valid for 20 years.
    ///
    /// # Errors
    /// When the system has no randomness or the name cannot be encoded.
    pub fn generate(common_name: &str, now: Timestamp) -> Result<Self, TlsError> {
        let key = KeyPair::generate().map_err(make)?;
        let mut params = params(common_name, now, CA_VALIDITY)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(make)?;
        Ok(Self {
            common_name: common_name.to_owned(),
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// Reads a CA from its certificate and key.
    ///
    /// # Errors
    /// When one does not parse, the certificate is not a CA's, or the two do not belong together.
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, TlsError> {
        let certificate = certificates_from_pem(certificate_pem.as_bytes())?.swap_remove(0);
        let info = CertificateInfo::read(&certificate)?;
        if !info.is_ca {
            return Err(TlsError::NotCa(info.common_name));
        }
        let key = KeyPair::from_pem(key_pem).map_err(|_| TlsError::NoPem("private key of a CA"))?;
        if key.subject_public_key_info() != info.public_key {
            return Err(TlsError::KeyMismatch(info.common_name));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(make)?;
        Ok(Self {
            common_name: info.common_name,
            certificate,
            certificate_pem: certificate_pem.to_owned(),
            issuer,
        })
    }

    /// A new certificate for servers and clients alike. `names`: DNS names and IP addresses that it is valid for.
    ///
    /// # Errors
    /// When a name cannot be in a certificate, or `common_name` is the CA's own.
    pub fn issue<'a>(
        &self,
        common_name: &str,
        names: impl IntoIterator<Item = &'a str>,
        validity: Duration,
        now: Timestamp,
    ) -> Result<Issued, TlsError> {
        if common_name == self.common_name {
            return Err(TlsError::SameName(common_name.to_owned()));
        }
        let key = KeyPair::generate().map_err(make)?;
        let mut params = params(common_name, now, validity)?;
        // Explicit, because rcgen writes a subject key identifier only then.
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.subject_alt_names = names
            .into_iter()
            .map(alternative_name)
            .collect::<Result<_, _>>()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(make)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// PEM of the CA's certificate.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// PEM (PKCS#8) of the CA's private key. For a file that only its owner reads.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ca").field(&self.common_name).finish()
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issued(…)")
    }
}

fn params(
    common_name: &str,
    now: Timestamp,
    validity: Duration,
) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Torii");
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let since_1970 = u64::try_from(now.as_second()).map_err(|_| TlsError::Validity(validity))?;
    let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(since_1970);
    // X.509 ends with the year 9999; nobody needs more than a century.
    if validity > CA_VALIDITY * 5 {
        return Err(TlsError::Validity(validity));
    }
    params.not_before = now - SLACK;
    params.not_after = now + validity;
    Ok(params)
}

fn alternative_name(name: &str) -> Result<SanType, TlsError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let plausible = !name.is_empty()
        && name.len() <= 253
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*'));
    let dns = Ia5String::try_from(name).ok().filter(|_| plausible);
    dns.map(SanType::DnsName)
        .ok_or_else(|| TlsError::Name(name.to_owned()))
}

fn make(error: rcgen::Error) -> TlsError {
    TlsError::Make(error.to_string())
}
