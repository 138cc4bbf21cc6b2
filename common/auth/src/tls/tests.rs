//! Certificates, handshakes with and without a client certificate, files.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const NAMES: [&str; 3] = ["localhost", "127.0.0.11", "::1"];

fn ca(name: &str) -> Ca {
    Ca::generate(name, Timestamp::now()).unwrap()
}

fn node(ca: &Ca, name: &str) -> Identity {
    Identity::try_from(&ca.issue(name, NAMES, YEAR, Timestamp::now()).unwrap()).unwrap()
}

/// What the server saw of the client: the number of its certificates, or that there was no connection.
async fn handshake(
    server: Arc<ServerConfig>,
    client: ClientConfig,
    name: &str,
) -> Result<usize, String> {
    let (left, right) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let accepting = tokio::spawn(async move {
        let mut stream = TlsAcceptor::from(server)
            .accept(left)
            .await
            .map_err(|error| error.to_string())?;
        stream
            .write_all(b"x")
            .await
            .map_err(|error| error.to_string())?;
        Ok::<_, String>(stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len))
    });
    let connected = TlsConnector::from(Arc::new(client))
        .connect(name, right)
        .await;
    let read = match connected {
        // TLS 1.3: a client learns at its first read that its certificate was refused.
        Ok(mut stream) => stream
            .read_u8()
            .await
            .map(drop)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let seen = accepting.await.unwrap()?;
    read.map(|()| seen)
}

#[tokio::test]
async fn a_client_trusts_the_ca_and_each_name_of_the_certificate() {
    install_provider();
    let ca = ca("ca");
    let trusted = [ca.certificate().clone()];
    let server = server_config(node(&ca, "node"), ClientAuth::None).unwrap();
    let client = || client_config(&trusted, None, ALPN_ANY).unwrap();
    for name in NAMES {
        assert_eq!(
            handshake(Arc::clone(&server), client(), name).await,
            Ok(0),
            "{name}"
        );
    }
    let error = handshake(Arc::clone(&server), client(), "127.0.0.12")
        .await
        .unwrap_err();
    assert!(!error.is_empty());
    let other = [self::ca("other").certificate().clone()];
    let stranger = client_config(&other, None, ALPN_ANY).unwrap();
    assert!(handshake(server, stranger, "localhost").await.is_err());
}

#[tokio::test]
async fn a_server_that_requires_certificates_takes_its_cas_only() {
    install_provider();
    let ca = ca("ca");
    let trusted = [ca.certificate().clone()];
    let required = server_config(node(&ca, "node-1"), ClientAuth::Required(&trusted)).unwrap();
    let with = |identity| client_config(&trusted, identity, ALPN_H2).unwrap();
    let own = with(Some(node(&ca, "node-2")));
    assert_eq!(
        handshake(Arc::clone(&required), own, "localhost").await,
        Ok(1)
    );
    assert!(
        handshake(Arc::clone(&required), with(None), "localhost")
            .await
            .is_err()
    );
    let foreign = with(Some(node(&self::ca("ca"), "node-3")));
    assert!(handshake(required, foreign, "localhost").await.is_err());
    let optional = server_config(node(&ca, "node-1"), ClientAuth::Optional(&trusted)).unwrap();
    assert_eq!(handshake(optional, with(None), "localhost").await, Ok(0));
}

#[test]
fn a_ca_reads_itself_and_issues_again() {
    let first = ca("the CA");
    let again = Ca::from_pem(first.certificate_pem(), &first.key_pem()).unwrap();
    let issued = again.issue("node", NAMES, YEAR, Timestamp::now()).unwrap();
    let leaf = certificates_from_pem(issued.certificate_pem.as_bytes())
        .unwrap()
        .swap_remove(0);
    let info = CertificateInfo::read(&leaf).unwrap();
    assert_eq!(info.common_name, "node");
    assert_eq!(info.dns_names, ["localhost"]);
    assert_eq!(info.ip_addresses.len(), 2);
    assert!(!info.is_ca && info.is_of("node") && info.is_of("localhost") && !info.is_of("node-2"));
    assert!(CertificateInfo::read(first.certificate()).unwrap().is_ca);
    assert_eq!(
        identifiers(&leaf).1,
        identifiers(first.certificate()).0,
        "the leaf's issuer key is the CA's"
    );
    assert!(identifiers(&leaf).0.is_some());
    assert_eq!(fingerprint(&leaf).len(), 64);
    assert_ne!(fingerprint(&leaf), fingerprint(first.certificate()));
    assert_eq!(format!("{first:?} {issued:?}"), "Ca(\"the CA\") Issued(…)");
}

/// Subject and authority key identifiers.
fn identifiers(certificate: &CertificateDer<'_>) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};
    let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
    let mut found = (None, None);
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => found.0 = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                found.1 = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            _ => {}
        }
    }
    found
}

#[test]
fn what_is_no_ca_or_does_not_fit_is_refused() {
    let ca = ca("ca");
    let leaf = ca.issue("node", NAMES, YEAR, Timestamp::now()).unwrap();
    assert!(matches!(
        Ca::from_pem(&leaf.certificate_pem, &leaf.key_pem),
        Err(TlsError::NotCa(_))
    ));
    assert!(matches!(
        Ca::from_pem(ca.certificate_pem(), &leaf.key_pem),
        Err(TlsError::KeyMismatch(_))
    ));
    assert!(matches!(
        Ca::from_pem("nothing", &leaf.key_pem),
        Err(TlsError::NoPem(_))
    ));
    assert!(matches!(
        ca.issue("ca", NAMES, YEAR, Timestamp::now()),
        Err(TlsError::SameName(_))
    ));
    for name in ["", "a b", "ünicode", "a/b"] {
        assert!(
            matches!(
                ca.issue("x", [name], YEAR, Timestamp::now()),
                Err(TlsError::Name(_))
            ),
            "{name}"
        );
    }
    let long = Duration::from_secs(u64::MAX);
    assert!(matches!(
        ca.issue("x", NAMES, long, Timestamp::now()),
        Err(TlsError::Validity(_))
    ));
}

#[test]
fn private_files_are_for_their_owner_and_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    write_private(&path, b"one").unwrap();
    write_private(&path, b"two").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let public = folder.path().join("cert.pem");
    write_public(&public, b"three").unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        2,
        "no temporary file is left"
    );
    let error = write_private(&folder.path().join("none/key.pem"), b"x")
        .unwrap_err()
        .to_string();
    assert!(error.contains("none/key.pem"), "{error}");
}
