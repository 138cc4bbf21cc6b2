//! The folder of a node: its certificate, the cluster's CA certificate, the member list, and the seed of first start.
//!
//! `torii global init` writes one per node; a cluster of one writes its own at first start.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use torii_auth::authority::CA_CERTIFICATE;
use torii_auth::tls::{write_private, write_public};

const CLUSTER: &str = "cluster.yaml";
const SEED: &str = "seed.yaml";
const CERTIFICATE: &str = "node.crt";
const KEY: &str = "node.key";

/// A node of the cluster, as the operator named it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Name, unique in the cluster.
    pub name: String,
    /// IP address that all its ports listen on.
    pub address: IpAddr,
}

/// Who is in the cluster, and which of them this folder is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cluster {
    /// Id of the cluster: zones remember it.
    pub cluster_id: String,
    /// Name of this node.
    pub name: String,
    /// Every node.
    pub members: Vec<Member>,
}

/// What the first leader puts into the store. Shows nothing of itself.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Seed {
    /// PEM of the key that user tokens are signed with.
    pub user_signing_key: String,
    /// The operator's token.
    pub admin_token: String,
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// Everything in a node's folder.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Who is in the cluster.
    pub cluster: Cluster,
    /// For the first leader.
    pub seed: Seed,
    /// PEM of the cluster's CA certificate.
    pub ca_pem: String,
    /// PEM of the node's certificate.
    pub certificate_pem: String,
    /// PEM of the node's key.
    pub key_pem: KeyPem,
}

/// A private key that does not show itself.
#[derive(Clone)]
pub struct KeyPem(pub String);

impl fmt::Debug for KeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPem(…)")
    }
}

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
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
    /// A file is not what it should be.
    #[error("{path} is not valid: {reason}; make the folder again with `torii global init`")]
    Content {
        /// The file.
        path: PathBuf,
        /// The parser's words.
        reason: String,
    },
}

impl Folder {
    /// Whether there is a node's folder at this path.
    pub fn exists(path: &Path) -> bool {
        path.join(CLUSTER).exists()
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// When a file is missing or not valid.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let cluster: Cluster = read_yaml(&path.join(CLUSTER))?;
        if !cluster
            .members
            .iter()
            .any(|member| member.name == cluster.name)
        {
            return Err(FolderError::Content {
                path: path.join(CLUSTER),
                reason: format!("`members` does not name the node itself, {}", cluster.name),
            });
        }
        Ok(Self {
            cluster,
            seed: read_yaml(&path.join(SEED))?,
            ca_pem: read_text(&path.join(CA_CERTIFICATE))?,
            certificate_pem: read_text(&path.join(CERTIFICATE))?,
            key_pem: KeyPem(read_text(&path.join(KEY))?),
        })
    }

    /// Writes a folder; the member list comes last, so that a folder is whole when it [exists](Self::exists).
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FolderError> {
        fs::create_dir_all(path).map_err(|source| FolderError::File {
            what: "create",
            path: path.to_owned(),
            source,
        })?;
        write_file(&path.join(CA_CERTIFICATE), self.ca_pem.as_bytes(), false)?;
        self.write_certificate(path)?;
        write_file(
            &path.join(SEED),
            to_yaml(&self.seed, path)?.as_bytes(),
            true,
        )?;
        write_file(
            &path.join(CLUSTER),
            to_yaml(&self.cluster, path)?.as_bytes(),
            false,
        )
    }

    /// Writes the node's key and certificate only.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_certificate(&self, path: &Path) -> Result<(), FolderError> {
        write_file(&path.join(KEY), self.key_pem.0.as_bytes(), true)?;
        write_file(
            &path.join(CERTIFICATE),
            self.certificate_pem.as_bytes(),
            false,
        )
    }

    /// The member that the folder is for.
    pub fn this(&self) -> Option<&Member> {
        self.cluster
            .members
            .iter()
            .find(|member| member.name == self.cluster.name)
    }
}

pub(crate) fn write_file(path: &Path, content: &[u8], private: bool) -> Result<(), FolderError> {
    let written = if private {
        write_private(path, content)
    } else {
        write_public(path, content)
    };
    written.map_err(|source| FolderError::File {
        what: "write",
        path: path.to_owned(),
        source,
    })
}

fn read_text(path: &Path) -> Result<String, FolderError> {
    fs::read_to_string(path).map_err(|source| FolderError::File {
        what: "read",
        path: path.to_owned(),
        source,
    })
}

fn read_yaml<T: DeserializeOwned>(path: &Path) -> Result<T, FolderError> {
    serde_saphyr::from_str(&read_text(path)?).map_err(|error| FolderError::Content {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

fn to_yaml<T: Serialize>(value: &T, path: &Path) -> Result<String, FolderError> {
    serde_saphyr::to_string(value).map_err(|error| FolderError::Content {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}
