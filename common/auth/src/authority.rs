//! The CA that a process keeps in a folder of its own: made at first start, kept for good.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::tls::{Ca, TlsError, write_private, write_public};

/// File of the CA's certificate: what clients and proxies are given.
pub const CA_CERTIFICATE: &str = "ca.crt";
const CA_KEY: &str = "ca.key";

/// A CA folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {source}")]
    File {
        /// `read` or `write`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One of the two files is there without the other.
    #[error(
        "{0} is missing beside its counterpart: restore it, or remove both to make a new CA (then every client needs the new {CA_CERTIFICATE})"
    )]
    Half(PathBuf),
    /// The files are not a CA, or no CA can be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// The CA of a folder; made, with the folder, when neither of its files is there.
///
/// # Errors
/// When files cannot be read or written, or are not a CA. A broken CA is never replaced silently.
pub fn load_or_create(
    folder: &Path,
    common_name: &str,
    now: Timestamp,
) -> Result<Ca, AuthorityError> {
    let certificate = folder.join(CA_CERTIFICATE);
    let key = folder.join(CA_KEY);
    match (certificate.exists(), key.exists()) {
        (true, true) => Ok(Ca::from_pem(&read(&certificate)?, &read(&key)?)?),
        (false, false) => {
            fs::create_dir_all(folder).map_err(|source| AuthorityError::File {
                what: "write",
                path: folder.to_owned(),
                source,
            })?;
            let ca = Ca::generate(common_name, now)?;
            save(&ca, folder)?;
            Ok(ca)
        }
        (true, false) => Err(AuthorityError::Half(key)),
        (false, true) => Err(AuthorityError::Half(certificate)),
    }
}

/// Writes a CA into a folder: first the key, so that a certificate without its key is never left behind.
///
/// # Errors
/// When a file cannot be written.
pub fn save(ca: &Ca, folder: &Path) -> Result<(), AuthorityError> {
    let key = folder.join(CA_KEY);
    let certificate = folder.join(CA_CERTIFICATE);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AuthorityError::File {
            what: "write",
            path,
            source,
        }
    };
    write_private(&key, ca.key_pem().as_bytes()).map_err(failed(&key))?;
    write_public(&certificate, ca.certificate_pem().as_bytes()).map_err(failed(&certificate))
}

fn read(path: &Path) -> Result<String, AuthorityError> {
    fs::read_to_string(path).map_err(|source| AuthorityError::File {
        what: "read",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let first = load_or_create(folder.path(), "ca", now).unwrap();
        let second = load_or_create(folder.path(), "ca", now).unwrap();
        assert_eq!(first.certificate_pem(), second.certificate_pem());
    }

    #[test]
    fn a_ca_without_its_key_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        load_or_create(folder.path(), "ca", now).unwrap();
        fs::remove_file(folder.path().join(CA_KEY)).unwrap();
        assert!(matches!(
            load_or_create(folder.path(), "ca", now),
            Err(AuthorityError::Half(_))
        ));
    }
}
