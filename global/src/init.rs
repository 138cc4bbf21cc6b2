//! `torii global init`: the folders of a new cluster, and the operator's way in.
//!
//! Pure but for the files it writes at the end: randomness comes from key generation only.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use torii_auth::authority;
use torii_auth::keys::{KeyError, SigningKey};
use torii_auth::tls::{Ca, Issued, TlsError};
use torii_auth::token::{IssueError, TEN_YEARS, UserClaims, issue};

use crate::folder::{Cluster, Folder, FolderError, KeyPem, Member, Seed, write_file};

/// How long a node's certificate lives.
const CERTIFICATE_VALIDITY: Duration = TEN_YEARS;
/// Name of the cluster's CA certificate.
pub(crate) const CA_NAME: &str = "Torii cluster CA";
/// The serial of the first signing keys.
pub(crate) const FIRST: u64 = 1;

/// How an operator gets in; the caller makes a CLI context of it.
#[derive(Clone)]
pub struct Operator {
    /// Address of every node.
    pub addresses: Vec<IpAddr>,
    /// PEM of the CA certificate.
    pub ca_pem: String,
    /// User token of the admin.
    pub token: String,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// Why a cluster's folders could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// No node.
    #[error("a cluster needs at least one node: say --node NAME=ADDRESS")]
    NoNodes,
    /// Two nodes with one name or address.
    #[error("the {what} {value} is given twice: every node needs its own")]
    Twice {
        /// `name` or `address`.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The target is not empty.
    #[error("{0} exists already: a cluster's keys are never overwritten; choose another --out")]
    Exists(PathBuf),
    /// Files.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// CA files.
    #[error(transparent)]
    Authority(#[from] authority::AuthorityError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The admin token.
    #[error(transparent)]
    Token(#[from] IssueError),
}

/// Writes `OUT/NODE/` for every node and `OUT/ca/` for the operator to keep; gives the operator's way in.
///
/// Makes an RSA key: not on an async worker.
///
/// # Errors
/// When the members are not distinct, the target exists, or keys or files cannot be made.
pub fn init(out: &Path, members: &[Member], now: Timestamp) -> Result<Operator, InitError> {
    distinct(members)?;
    if let Some(taken) = members
        .iter()
        .map(|member| out.join(&member.name))
        .find(|path| path.exists())
    {
        return Err(InitError::Exists(taken));
    }
    let ca = authority::load_or_create(&out.join("ca"), CA_NAME, now)?;
    let cluster_id = uuid::Uuid::new_v4().to_string();
    let seed = seed(now)?;
    for member in members {
        let names = vec![member.name.clone(), member.address.to_string()];
        let folder = folder(&ca, member, members, &cluster_id, &seed, &names, now)?;
        folder.write(&out.join(&member.name))?;
    }
    write_file(
        &out.join(authority::CA_CERTIFICATE),
        ca.certificate_pem().as_bytes(),
        false,
    )?;
    Ok(operator(&ca, members, &seed))
}

/// The folder of a cluster of one: read, or made at first start. Its CA stays with it, so its certificate is issued
/// anew at every start for the names it has then.
///
/// The second value is the operator's way in, at first start only.
///
/// # Errors
/// When keys or files cannot be made or read.
pub fn single(
    path: &Path,
    address: IpAddr,
    more: &[String],
    now: Timestamp,
) -> Result<(Folder, Option<Operator>), InitError> {
    let ca = authority::load_or_create(path, CA_NAME, now)?;
    let member = Member {
        name: "global-1".to_owned(),
        address,
    };
    let mut names = vec![
        member.name.clone(),
        address.to_string(),
        "localhost".to_owned(),
    ];
    names.extend(more.iter().cloned());
    if Folder::exists(path) {
        let mut known = Folder::read(path)?;
        let issued = certificate(&ca, &member.name, &names, now)?;
        known.certificate_pem = issued.certificate_pem;
        known.key_pem = KeyPem(issued.key_pem);
        known.write_certificate(path)?;
        for member in &mut known.cluster.members {
            member.address = address;
        }
        return Ok((known, None));
    }
    let seed = seed(now)?;
    let cluster_id = uuid::Uuid::new_v4().to_string();
    let members = [member];
    let [member] = &members;
    let folder = folder(&ca, member, &members, &cluster_id, &seed, &names, now)?;
    folder.write(path)?;
    Ok((folder, Some(operator(&ca, &members, &seed))))
}

fn distinct(members: &[Member]) -> Result<(), InitError> {
    if members.is_empty() {
        return Err(InitError::NoNodes);
    }
    for (i, member) in members.iter().enumerate() {
        for other in members.iter().skip(i + 1) {
            let (what, value) = if member.name == other.name {
                ("name", member.name.clone())
            } else if member.address == other.address {
                ("address", member.address.to_string())
            } else {
                continue;
            };
            return Err(InitError::Twice { what, value });
        }
    }
    Ok(())
}

fn seed(now: Timestamp) -> Result<Seed, InitError> {
    let key = SigningKey::generate()?;
    Ok(Seed {
        admin_token: issue(&UserClaims::admin(), &key, FIRST, now, TEN_YEARS)?,
        user_signing_key: key.to_pem()?,
    })
}

fn certificate(ca: &Ca, name: &str, names: &[String], now: Timestamp) -> Result<Issued, TlsError> {
    ca.issue(
        name,
        names.iter().map(String::as_str),
        CERTIFICATE_VALIDITY,
        now,
    )
}

fn folder(
    ca: &Ca,
    member: &Member,
    members: &[Member],
    cluster_id: &str,
    seed: &Seed,
    names: &[String],
    now: Timestamp,
) -> Result<Folder, InitError> {
    let issued = certificate(ca, &member.name, names, now)?;
    Ok(Folder {
        cluster: Cluster {
            cluster_id: cluster_id.to_owned(),
            name: member.name.clone(),
            members: members.to_vec(),
        },
        seed: seed.clone(),
        ca_pem: ca.certificate_pem().to_owned(),
        certificate_pem: issued.certificate_pem,
        key_pem: KeyPem(issued.key_pem),
    })
}

fn operator(ca: &Ca, members: &[Member], seed: &Seed) -> Operator {
    Operator {
        addresses: members.iter().map(|member| member.address).collect(),
        ca_pem: ca.certificate_pem().to_owned(),
        token: seed.admin_token.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, last: u8) -> Member {
        Member {
            name: name.to_owned(),
            address: IpAddr::from([127, 0, 0, last]),
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    #[test]
    fn every_node_gets_a_folder_of_the_same_cluster() {
        let out = tempfile::tempdir().unwrap();
        let members = [member("n1", 11), member("n2", 12), member("n3", 13)];
        let operator = init(out.path(), &members, now()).unwrap();
        let folders: Vec<_> = members
            .iter()
            .map(|member| Folder::read(&out.path().join(&member.name)).unwrap())
            .collect();
        assert!(
            folders
                .iter()
                .all(|folder| folder.cluster.members == members)
        );
        assert!(
            folders
                .iter()
                .all(|folder| folder.cluster.cluster_id == folders[0].cluster.cluster_id)
        );
        assert!(
            folders
                .iter()
                .all(|folder| folder.seed.admin_token == operator.token)
        );
        assert!(matches!(
            init(out.path(), &members, now()),
            Err(InitError::Exists(_))
        ));
    }

    #[test]
    fn two_nodes_of_one_address_are_refused() {
        let out = tempfile::tempdir().unwrap();
        let error = init(out.path(), &[member("n1", 11), member("n2", 11)], now()).unwrap_err();
        assert!(error.to_string().contains("127.0.0.11"), "{error}");
    }

    #[test]
    fn a_cluster_of_one_keeps_its_identity_and_gives_its_operator_a_way_in_once() {
        let data = tempfile::tempdir().unwrap();
        let address = IpAddr::from([127, 0, 0, 1]);
        let (first, operator) = single(data.path(), address, &[], now()).unwrap();
        assert!(operator.is_some());
        let (second, operator) = single(data.path(), address, &[], now()).unwrap();
        assert!(operator.is_none());
        assert_eq!(
            (first.cluster, first.ca_pem),
            (second.cluster, second.ca_pem)
        );
    }
}
