//! Flags, environment and file of `torii zone run`, merged into one checked [`Config`].
//!
//! The only place of this crate that knows a default, or (through clap) the environment.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use torii_runtime::settings::{self, SettingsError};

/// Port of bootstrap and ADS, for data plane proxies.
pub const DATAPLANE_PORT: u16 = 5678;
/// Port of the diagnostics server.
pub const DIAGNOSTICS_PORT: u16 = 5680;
/// Port of the REST API without TLS (off unless asked for).
pub const HTTP_PORT: u16 = 5681;
/// Port of the REST API.
pub const API_PORT: u16 = 5682;
/// Where a global is looked for when none is named.
const GLOBAL_ADDRESS: &str = "grpcs://127.0.0.1:5685";

/// What the user said, each value possibly absent.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Flags {
    /// YAML file with the same keys as these flags; flags and environment win over it
    #[arg(long, env = "TORII_ZONE_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Name of the zone; its token must be for this name
    #[arg(long, env = "TORII_ZONE_NAME", value_name = "ZONE")]
    pub name: Option<String>,
    /// Where the global is: one address a node (repeatable) [default: grpcs://127.0.0.1:5685]
    #[arg(
        long,
        env = "TORII_ZONE_GLOBAL_ADDRESS",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub global_address: Vec<String>,
    /// Certificate of the CA that the global's certificate comes from
    /// [default: the one of a global that runs on this machine with its default data folder]
    #[arg(long, env = "TORII_ZONE_GLOBAL_CA_FILE", value_name = "FILE")]
    pub global_ca_file: Option<PathBuf>,
    /// File with the zone's token (`torii generate zone-token --zone ZONE`); read again at every connection
    #[arg(long, env = "TORII_ZONE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Where the zone keeps its durable copy and its own resources [default: ~/.local/share/torii/zone-ZONE]
    #[arg(long, env = "TORII_ZONE_DATA_DIR", value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// IP address that every port of the zone listens on [default: 127.0.0.1]
    #[arg(long, env = "TORII_ZONE_ADDRESS", value_name = "IP")]
    pub address: Option<IpAddr>,
    /// More names or addresses that proxies and clients reach the zone by, for its certificate
    #[arg(
        long,
        env = "TORII_ZONE_SAN",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub san: Vec<String>,
    /// Port of bootstrap and ADS [default: 5678]
    #[arg(long, env = "TORII_ZONE_DATAPLANE_PORT", value_name = "PORT")]
    pub dataplane_port: Option<u16>,
    /// Port of the REST API (HTTPS) [default: 5682]
    #[arg(long, env = "TORII_ZONE_API_PORT", value_name = "PORT")]
    pub api_port: Option<u16>,
    /// Port of `/healthy`, `/ready` and `/metrics` (plain HTTP, read-only) [default: 5680]
    #[arg(long, env = "TORII_ZONE_DIAGNOSTICS_PORT", value_name = "PORT")]
    pub diagnostics_port: Option<u16>,
    /// IP address of the diagnostics port when it is not a loopback one
    #[arg(long, env = "TORII_ZONE_DIAGNOSTICS_ADDRESS", value_name = "IP")]
    pub diagnostics_address: Option<IpAddr>,
    /// Serve the REST API without TLS too, on 127.0.0.1:5681; a token is needed there as well
    #[arg(long, env = "TORII_ZONE_HTTP")]
    pub http: bool,
    /// Seconds that a changed route waits for its new clusters to be warm in Envoy [default: 2]
    #[arg(long, env = "TORII_ZONE_WARMING_SECONDS", value_name = "SECONDS")]
    pub warming_seconds: Option<u64>,
    /// Seconds after which the Dataplane of a proxy that went away is deleted, if the proxy registered it [default: 10]
    #[arg(
        long,
        env = "TORII_ZONE_DEREGISTRATION_SECONDS",
        value_name = "SECONDS"
    )]
    pub deregistration_seconds: Option<u64>,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Zone name.
    pub name: String,
    /// `host:port` of each global node.
    pub globals: Vec<GlobalAddress>,
    /// CA certificate of the global.
    pub global_ca_file: Option<PathBuf>,
    /// File with the zone's token.
    pub token_file: Option<PathBuf>,
    /// Data folder.
    pub data_dir: PathBuf,
    /// Address of every port.
    pub address: IpAddr,
    /// More names for the certificate.
    pub san: Vec<String>,
    /// Bootstrap and ADS port.
    pub dataplane_port: u16,
    /// REST port.
    pub api_port: u16,
    /// Diagnostics address.
    pub diagnostics: SocketAddr,
    /// Whether plain HTTP is served on loopback.
    pub http: bool,
    /// Bound of the hold for warming clusters.
    pub warming: Duration,
    /// Grace of a registered proxy that went away.
    pub deregistration: Duration,
}

/// Where a node of the global is; shown as `grpcs://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalAddress {
    /// Host name or IP address, for TLS.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `grpcs`; plain `grpc` is for tests against a foreign global on loopback.
    pub tls: bool,
}

impl GlobalAddress {
    /// `HOST:PORT`, with brackets around an IPv6 address.
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        }
    }
}

impl fmt::Display for GlobalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "grpcs" } else { "grpc" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] SettingsError),
    /// No name.
    #[error("a zone needs a name: say --name ZONE")]
    NoName,
    /// A name that Kuma's and Torii's globals would refuse.
    #[error(
        "the zone name {0:?} is not a DNS label: lower-case letters, digits and '-', at most 63 characters"
    )]
    BadName(String),
    /// A global address of another form.
    #[error("the global address {0:?} is not of the form grpcs://HOST:PORT")]
    BadGlobal(String),
    /// No place for the data.
    #[error("there is no home directory to keep data in: say --data-dir FOLDER")]
    NoHome,
}

impl Flags {
    /// Reads the file if there is one, fills in defaults and checks.
    ///
    /// # Errors
    /// When something is missing or malformed.
    pub fn resolve(self) -> Result<Config, ConfigError> {
        let file: Self = settings::read(self.config.as_deref())?;
        let name = self.name.or(file.name).ok_or(ConfigError::NoName)?;
        if !is_label(&name) {
            return Err(ConfigError::BadName(name));
        }
        let data_dir = match self.data_dir.or(file.data_dir) {
            Some(folder) => folder,
            None => {
                settings::default_data_dir(&format!("zone-{name}")).ok_or(ConfigError::NoHome)?
            }
        };
        let mut globals = settings::list(self.global_address, file.global_address);
        if globals.is_empty() {
            globals.push(GLOBAL_ADDRESS.to_owned());
        }
        let address = self
            .address
            .or(file.address)
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let diagnostics = self.diagnostics_address.or(file.diagnostics_address);
        let diagnostics = SocketAddr::new(
            diagnostics.unwrap_or_else(|| settings::loopback(address)),
            self.diagnostics_port
                .or(file.diagnostics_port)
                .unwrap_or(DIAGNOSTICS_PORT),
        );
        let seconds = |flag: Option<u64>, file: Option<u64>, default| {
            Duration::from_secs(flag.or(file).unwrap_or(default))
        };
        Ok(Config {
            globals: globals
                .iter()
                .map(|url| parse_global(url))
                .collect::<Result<_, _>>()?,
            global_ca_file: self
                .global_ca_file
                .or(file.global_ca_file)
                .or_else(local_global_ca),
            token_file: self.token_file.or(file.token_file),
            data_dir,
            address,
            san: settings::list(self.san, file.san),
            dataplane_port: self
                .dataplane_port
                .or(file.dataplane_port)
                .unwrap_or(DATAPLANE_PORT),
            api_port: self.api_port.or(file.api_port).unwrap_or(API_PORT),
            diagnostics,
            http: self.http || file.http,
            warming: seconds(self.warming_seconds, file.warming_seconds, 2),
            deregistration: seconds(self.deregistration_seconds, file.deregistration_seconds, 10),
            name,
        })
    }
}

/// The CA certificate of a global that runs on this machine with its default data folder.
fn local_global_ca() -> Option<PathBuf> {
    let path = settings::default_data_dir("global")?.join("node/ca.crt");
    path.exists().then_some(path)
}

fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn parse_global(url: &str) -> Result<GlobalAddress, ConfigError> {
    let bad = || ConfigError::BadGlobal(url.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(bad)?;
    let tls = match scheme {
        "grpcs" => true,
        "grpc" => false,
        _ => return Err(bad()),
    };
    let (host, port) = rest
        .trim_end_matches('/')
        .rsplit_once(':')
        .ok_or_else(bad)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        return Err(bad());
    }
    Ok(GlobalAddress {
        host: host.to_owned(),
        port: port.parse().map_err(|_| bad())?,
        tls,
    })
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, Flags, GlobalAddress};

    fn named(name: &str) -> Flags {
        Flags {
            name: Some(name.to_owned()),
            data_dir: Some("data".into()),
            ..Flags::default()
        }
    }

    #[test]
    fn a_zone_without_a_name_is_told_the_flag() {
        assert!(matches!(
            Flags::default().resolve(),
            Err(ConfigError::NoName)
        ));
    }

    #[test]
    fn global_addresses_are_urls_with_host_and_port() {
        let mut flags = named("east");
        flags.global_address = vec!["grpcs://[::1]:5685".to_owned()];
        let expected = GlobalAddress {
            host: "::1".to_owned(),
            port: 5685,
            tls: true,
        };
        assert_eq!(expected.to_string(), flags.global_address[0]);
        assert_eq!(flags.clone().resolve().unwrap().globals, [expected]);
        flags.global_address = vec!["https://global".to_owned()];
        assert!(matches!(flags.resolve(), Err(ConfigError::BadGlobal(_))));
    }

    #[test]
    fn names_that_are_not_dns_labels_are_refused() {
        for name in ["", "East", "-east", "a.b", &"x".repeat(64)] {
            assert!(
                matches!(named(name).resolve(), Err(ConfigError::BadName(_))),
                "{name}"
            );
        }
    }
}
