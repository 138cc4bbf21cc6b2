//! Flags, environment and file of `torii global run`, merged into one checked [`Config`].
//!
//! The only place of this crate that knows a default, or (through clap) the environment.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;

use torii_runtime::settings::{self, SettingsError};

/// Port of the diagnostics server.
pub const DIAGNOSTICS_PORT: u16 = 5680;
/// Port of the REST API without TLS (off unless asked for).
pub const HTTP_PORT: u16 = 5681;
/// Port of the REST API.
pub const API_PORT: u16 = 5682;
/// Port of KDS.
pub const KDS_PORT: u16 = 5685;
/// Port of Raft and the peer services.
pub const PEER_PORT: u16 = 5686;

/// What the user said, each value possibly absent.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Flags {
    /// YAML file with the same keys as these flags; flags and environment win over it
    #[arg(long, env = "TORII_GLOBAL_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Folder of this node from `torii global init`; without it the node is a cluster of one and makes its own CA
    #[arg(long, env = "TORII_GLOBAL_DIR", value_name = "FOLDER")]
    pub dir: Option<PathBuf>,
    /// Where the node keeps its data [default: FOLDER/data, or ~/.local/share/torii/global]
    #[arg(long, env = "TORII_GLOBAL_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// IP address that every port of the node listens on [default: the node's address from `init`, or 127.0.0.1]
    #[arg(long, env = "TORII_GLOBAL_ADDRESS", value_name = "IP")]
    pub address: Option<IpAddr>,
    /// More names or addresses that clients reach the node by, for its certificate (a cluster of one only)
    #[arg(
        long,
        env = "TORII_GLOBAL_SAN",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub san: Vec<String>,
    /// Port of KDS, for zones [default: 5685]
    #[arg(long, env = "TORII_GLOBAL_KDS_PORT", value_name = "PORT")]
    pub kds_port: Option<u16>,
    /// Port of the REST API (HTTPS) [default: 5682]
    #[arg(long, env = "TORII_GLOBAL_API_PORT", value_name = "PORT")]
    pub api_port: Option<u16>,
    /// Port of `/healthy`, `/ready` and `/metrics` (plain HTTP, read-only) [default: 5680]
    #[arg(long, env = "TORII_GLOBAL_DIAGNOSTICS_PORT", value_name = "PORT")]
    pub diagnostics_port: Option<u16>,
    /// IP address of the diagnostics port when it is not a loopback one
    #[arg(long, env = "TORII_GLOBAL_DIAGNOSTICS_ADDRESS", value_name = "IP")]
    pub diagnostics_address: Option<IpAddr>,
    /// Serve the REST API without TLS too, on 127.0.0.1:5681; a token is needed there as well
    #[arg(long, env = "TORII_GLOBAL_HTTP")]
    pub http: bool,
    /// Admit this zone without a token: a Kuma zone up to 2.14 has none (repeatable)
    #[arg(
        long,
        env = "TORII_GLOBAL_KDS_UNAUTHENTICATED_ZONE",
        value_name = "ZONE",
        value_delimiter = ','
    )]
    pub kds_unauthenticated_zone: Vec<String>,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder from `torii global init`, if the node belongs to a cluster of several.
    pub dir: Option<PathBuf>,
    /// Where the node keeps its data.
    pub data_dir: PathBuf,
    /// Address of every port; `None`: the one that the folder's member list names.
    pub address: Option<IpAddr>,
    /// More names for the certificate of a cluster of one.
    pub san: Vec<String>,
    /// KDS port.
    pub kds_port: u16,
    /// REST port.
    pub api_port: u16,
    /// Diagnostics port.
    pub diagnostics_port: u16,
    /// Diagnostics address; `None`: the node's when that is loopback, else 127.0.0.1.
    pub diagnostics_address: Option<IpAddr>,
    /// Whether plain HTTP is served on loopback.
    pub http: bool,
    /// Zones admitted without a token.
    pub unauthenticated_zones: Vec<String>,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] SettingsError),
    /// No place for the data.
    #[error("there is no home directory to keep data in: say --data-dir FOLDER")]
    NoHome,
}

impl Flags {
    /// Reads the file if there is one, and fills in defaults.
    ///
    /// # Errors
    /// When the file cannot be read or parsed, or when no data directory can be found.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let file: Self = settings::read(self.config.as_deref())?;
        let dir = self.dir.or(file.dir);
        let data_dir = match self.data_dir.or(file.data_dir) {
            Some(folder) => folder,
            None => match &dir {
                Some(dir) => dir.join("data"),
                None => settings::default_data_dir("global").ok_or(ConfigError::NoHome)?,
            },
        };
        Ok(Config {
            dir,
            data_dir,
            address: self.address.or(file.address),
            san: settings::list(self.san, file.san),
            kds_port: self.kds_port.or(file.kds_port).unwrap_or(KDS_PORT),
            api_port: self.api_port.or(file.api_port).unwrap_or(API_PORT),
            diagnostics_port: self
                .diagnostics_port
                .or(file.diagnostics_port)
                .unwrap_or(DIAGNOSTICS_PORT),
            diagnostics_address: self.diagnostics_address.or(file.diagnostics_address),
            http: self.http || file.http,
            unauthenticated_zones: settings::list(
                self.kds_unauthenticated_zone,
                file.kds_unauthenticated_zone,
            ),
        })
    }
}

impl Config {
    /// Where the diagnostics server listens when the node's own address is `node`.
    pub fn diagnostics(&self, node: IpAddr) -> SocketAddr {
        let address = self.diagnostics_address;
        let address = address.unwrap_or_else(|| settings::loopback(node));
        SocketAddr::new(address, self.diagnostics_port)
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("global.yaml");
        std::fs::write(&path, "kds-port: 7001\napi-port: 7002\ndata-dir: data\n").unwrap();
        let config = Flags {
            config: Some(path),
            api_port: Some(8002),
            ..Flags::default()
        }
        .resolve()
        .unwrap();
        assert_eq!(
            (config.kds_port, config.api_port, config.diagnostics_port),
            (7001, 8002, 5680)
        );
    }

    #[test]
    fn an_unknown_key_of_the_file_is_an_error_that_names_file_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("global.yaml");
        std::fs::write(&path, "kds-prot: 7001\n").unwrap();
        let error = Flags {
            config: Some(path),
            ..Flags::default()
        }
        .resolve()
        .unwrap_err()
        .to_string();
        assert!(
            error.contains("global.yaml") && error.contains("kds-prot"),
            "{error}"
        );
    }
}
