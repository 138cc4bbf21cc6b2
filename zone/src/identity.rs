//! Who the zone is: its CA and certificate, its own signing key for users, and the operator's way in.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::ServerConfig;

use torii_api::change::create_secret;
use torii_auth::authority::{self, AuthorityError};
use torii_auth::keys::{Family, KeyError, SigningKey};
use torii_auth::tls::{self, ClientAuth, TlsError, write_private};
use torii_auth::token::{IssueError, TEN_YEARS, UserClaims, issue};
use torii_resource::ResourceKey;
use torii_resource::kinds::GlobalSecret;
use torii_store::{Error as StoreError, Proposal, Store};

use crate::config::Config;

/// Serial of the first signing key.
const FIRST: u64 = 1;
const ADMIN_TOKEN: &str = "admin-user-token";
const ADMIN_TOKEN_FILE: &str = "admin-token";

/// How an operator gets in; the caller makes a CLI context of it.
#[derive(Clone)]
pub struct Operator {
    /// Name of the zone.
    pub zone: String,
    /// Address of the zone.
    pub address: std::net::IpAddr,
    /// REST port.
    pub port: u16,
    /// PEM of the zone's CA certificate.
    pub ca_pem: String,
    /// User token of the admin.
    pub token: String,
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Operator({} at {}:{})",
            self.zone, self.address, self.port
        )
    }
}

/// Why a zone has no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The CA's folder.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The admin token.
    #[error(transparent)]
    Token(#[from] IssueError),
    /// The store did not take the first key.
    #[error("cannot store the zone's first signing key: {0}")]
    Store(#[from] StoreError),
    /// A file.
    #[error("cannot write {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The zone's certificates.
#[derive(Debug)]
pub(crate) struct Identity {
    /// PEM of the CA certificate: what proxies and clients are given.
    pub(crate) ca_pem: String,
    /// TLS of every port.
    pub(crate) tls: Arc<ServerConfig>,
    /// Host names and addresses in the certificate.
    pub(crate) names: Vec<String>,
}

/// The CA of the data folder, made at first start, and a certificate issued for the names of this start.
pub(crate) fn certificates(config: &Config, now: Timestamp) -> Result<Identity, IdentityError> {
    let ca = authority::load_or_create(
        &config.data_dir,
        &format!("Torii zone {} CA", config.name),
        now,
    )?;
    let mut names = vec![config.address.to_string(), "localhost".to_owned()];
    names.extend(config.san.iter().cloned());
    let common_name = format!("Torii zone {}", config.name);
    let issued = ca.issue(
        &common_name,
        names.iter().map(String::as_str),
        TEN_YEARS,
        now,
    )?;
    let identity =
        tls::Identity::from_pem(issued.certificate_pem.as_bytes(), issued.key_pem.as_bytes())?;
    Ok(Identity {
        ca_pem: ca.certificate_pem().to_owned(),
        tls: tls::server_config(identity, ClientAuth::None)?,
        names,
    })
}

/// The operator's way in: at first start the zone's own user signing key and an admin token are made; later the token
/// is the one of then. `None`: the operator has taken the token's file away.
pub(crate) async fn operator(
    config: &Config,
    ca_pem: &str,
    store: &Store,
    now: Timestamp,
) -> Result<Option<Operator>, IdentityError> {
    let path = config.data_dir.join(ADMIN_TOKEN_FILE);
    let key = Family::User.signing_key(FIRST);
    if store.view().get(&key).is_none() {
        let signing = tokio::task::block_in_place(SigningKey::generate)?;
        let token = issue(&UserClaims::admin(), &signing, FIRST, now, TEN_YEARS)?;
        // The file first: without the key in the store, the next start makes both again.
        write_private(&path, token.as_bytes()).map_err(|source| IdentityError::File {
            path: path.clone(),
            source,
        })?;
        let admin_token = ResourceKey::of::<GlobalSecret>("", ADMIN_TOKEN);
        let changes = vec![
            create_secret(key, &signing.to_pem()?),
            create_secret(admin_token, &token),
        ];
        let proposal = Proposal {
            changes,
            ..Proposal::default()
        };
        store.propose(proposal).await?;
    }
    let token = fs::read_to_string(&path).ok();
    Ok(token.map(|token| Operator {
        zone: config.name.clone(),
        address: config.address,
        port: config.api_port,
        ca_pem: ca_pem.to_owned(),
        token: token.trim().to_owned(),
    }))
}
