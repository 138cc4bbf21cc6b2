//! `torii dp run`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use http::Uri;

use crate::client::Wire;
use crate::context::Secret;
use crate::dataplane::{
    DataplaneError, EnvoyOptions, Fetch, Proxy, ProxyRequest, Signals, fetch, find_envoy,
    supervise, variable, version,
};
use crate::error::{Exit, Failure};
use crate::output::Terminal;
use crate::process::Launcher;
use crate::span::Span;

const EXAMPLES: &str = "\
Examples:
  torii dp run --cp-address https://10.0.0.5:5678 --ca-cert-file ca.crt \\
    --dataplane-file gateway.yaml --dataplane-token-file gateway.token
  torii dp run … --dataplane-file gateway.yaml --dataplane-var name=gateway-2 --dataplane-var address=10.0.0.7

The file has one Dataplane; {{ name }} in it is replaced by the value of --dataplane-var name=…. Envoy's log goes to
standard error. SIGTERM and SIGINT stop Envoy; the exit code is Envoy's.";

/// Run an Envoy for a Dataplane: as kuma-dp does
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    /// The zone's port for proxies
    #[arg(
        long,
        value_name = "URL",
        env = "TORII_DP_CP_ADDRESS",
        default_value = "https://127.0.0.1:5678"
    )]
    cp_address: Uri,

    /// Certificate of the CA that signed the zone's certificate (PEM)
    #[arg(long, value_name = "FILE", env = "TORII_DP_CA_CERT_FILE")]
    ca_cert_file: PathBuf,

    /// File with the token of this proxy (torii generate dataplane-token)
    #[arg(long, value_name = "FILE", env = "TORII_DP_DATAPLANE_TOKEN_FILE")]
    dataplane_token_file: Option<PathBuf>,

    /// File with the Dataplane, YAML or JSON; - for standard input
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "TORII_DP_DATAPLANE_FILE",
        required_unless_present_any = ["dataplane", "name"]
    )]
    dataplane_file: Option<PathBuf>,

    /// The Dataplane itself instead of a file
    #[arg(long, value_name = "YAML", conflicts_with_all = ["dataplane_file", "name"])]
    dataplane: Option<String>,

    /// Value for {{ KEY }} in the Dataplane (repeatable)
    #[arg(short = 'v', long = "dataplane-var", value_name = "KEY=VALUE", value_delimiter = ',', value_parser = variable)]
    variables: Vec<(String, String)>,

    /// Name of a Dataplane that the zone has already, instead of a file
    #[arg(
        long,
        value_name = "NAME",
        env = "TORII_DP_NAME",
        conflicts_with = "dataplane_file",
        requires = "mesh"
    )]
    name: Option<String>,

    /// Mesh of that Dataplane
    #[arg(long, value_name = "MESH", env = "TORII_DP_MESH", requires = "name")]
    mesh: Option<String>,

    /// Envoy to run [default: envoy on PATH, else .envoy/bin/envoy here or above]
    #[arg(long, alias = "binary-path", value_name = "PATH", env = "TORII_ENVOY")]
    envoy: Option<PathBuf>,

    /// Worker threads of Envoy [default: the CPUs that it may use]
    #[arg(long, value_name = "COUNT", env = "TORII_DP_CONCURRENCY", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,

    /// Folder for the bootstrap file [default: a temporary one]
    #[arg(
        long,
        alias = "config-dir",
        value_name = "FOLDER",
        env = "TORII_DP_WORK_DIR"
    )]
    work_dir: Option<PathBuf>,

    /// Log level of Envoy
    #[arg(
        long,
        value_name = "LEVEL",
        env = "TORII_DP_ENVOY_LOG_LEVEL",
        default_value = "warn"
    )]
    envoy_log_level: String,

    /// Log levels of Envoy's components, e.g. upstream:debug,config:trace
    #[arg(
        long,
        value_name = "LEVELS",
        env = "TORII_DP_ENVOY_COMPONENT_LOG_LEVEL"
    )]
    envoy_component_log_level: Option<String>,

    /// How long connections of a removed listener may go on
    #[arg(
        long,
        value_name = "TIME",
        env = "TORII_DP_DRAIN_TIME",
        default_value = "30s"
    )]
    drain_time: Span,

    /// How long Envoy may take to stop before it is killed
    #[arg(
        long,
        value_name = "TIME",
        env = "TORII_DP_STOP_TIME",
        default_value = "10s"
    )]
    stop_time: Span,

    /// How long to ask a zone that does not answer, or does not know the proxy yet
    #[arg(
        long,
        value_name = "TIME",
        env = "TORII_DP_RETRY_TIME",
        default_value = "5m"
    )]
    retry_time: Span,

    /// Accepted for kuma-dp's command lines: gateways need no DNS proxy, and none is run
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    dns_enabled: bool,
}

impl Run {
    pub(super) async fn run(self, _terminal: Terminal) -> Result<Exit, Failure> {
        torii_telemetry::log::init(None, None)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        if self.dns_enabled {
            tracing::warn!("--dns-enabled: no DNS proxy is run beside Envoy");
        }
        let mut signals = Signals::listen()?;
        let prepared = tokio::select! {
            prepared = self.prepare() => prepared?,
            name = signals.next() => {
                tracing::info!(signal = name, "stopped before Envoy was started");
                return Ok(Exit::Success);
            }
        };
        let mut command = Launcher::this_binary().command(&prepared.envoy);
        command.args(self.options().arguments(&prepared.bootstrap));
        let code = supervise(command, self.stop_time.0, &mut signals).await?;
        drop(prepared.folder);
        Ok(Exit::Of(code))
    }

    /// Everything up to a bootstrap file.
    async fn prepare(&self) -> Result<Prepared, DataplaneError> {
        let proxy = self.proxy()?;
        let token = match &self.dataplane_token_file {
            Some(path) => Some(Secret::new(&read("--dataplane-token-file", path)?)),
            None => None,
        };
        let ca = read("--ca-cert-file", &self.ca_cert_file)?;
        let zone = self.zone()?;
        let wire = Wire::new(&ca).map_err(|error| DataplaneError::Flag {
            flag: "--ca-cert-file",
            reason: error.to_string(),
        })?;
        let envoy = find_envoy(self.envoy.as_deref())?;
        let envoy_version = version(&envoy).await?;
        let folder = Folder::make(self.work_dir.as_deref(), &proxy)?;
        let request = ProxyRequest {
            dataplane_token: token
                .map(|token| token.expose().to_owned())
                .unwrap_or_default(),
            dataplane_token_path: self
                .dataplane_token_file
                .as_deref()
                .map(absolute)
                .unwrap_or_default(),
            dataplane_resource: proxy.document.clone(),
            ca_cert: ca,
            workdir: absolute(folder.path()),
            system_ca_path: system_ca(),
            ..ProxyRequest::new(&proxy.mesh, &proxy.name, &envoy_version)
        };
        tracing::info!(
            dataplane = format!("{}/{}", proxy.mesh, proxy.name),
            zone = %zone,
            envoy = envoy_version.version,
            "asking the zone for Envoy's bootstrap"
        );
        let asked = Fetch {
            wire: &wire,
            zone: &zone,
            patience: self.retry_time.0,
        };
        let bootstrap = fetch(&asked, &request, |reason| {
            tracing::warn!(reason, "no bootstrap yet: trying again");
        })
        .await?;
        Ok(Prepared {
            bootstrap: folder.write("bootstrap.yaml", &bootstrap)?,
            envoy,
            folder,
        })
    }

    fn proxy(&self) -> Result<Proxy, DataplaneError> {
        let variables: BTreeMap<String, String> = self.variables.iter().cloned().collect();
        match (&self.dataplane_file, &self.dataplane, &self.name) {
            (Some(path), ..) => Proxy::parse(
                &read("--dataplane-file", path)?,
                &path.display().to_string(),
                &variables,
            ),
            (None, Some(text), _) => Proxy::parse(text, "--dataplane", &variables),
            (None, None, name) => Ok(Proxy {
                mesh: self.mesh.clone().unwrap_or_default(),
                name: name.clone().unwrap_or_default(),
                document: String::new(),
            }),
        }
    }

    fn zone(&self) -> Result<Uri, DataplaneError> {
        if self.cp_address.scheme_str() == Some("https") && self.cp_address.host().is_some() {
            return Ok(self.cp_address.clone());
        }
        Err(DataplaneError::Flag {
            flag: "--cp-address",
            reason: format!(
                "{} is not an HTTPS URL, e.g. https://127.0.0.1:5678",
                self.cp_address
            ),
        })
    }

    fn options(&self) -> EnvoyOptions {
        EnvoyOptions {
            concurrency: self.concurrency,
            log_level: self.envoy_log_level.clone(),
            component_log_level: self.envoy_component_log_level.clone(),
            drain_time: self.drain_time.0,
        }
    }
}

struct Prepared {
    envoy: PathBuf,
    bootstrap: PathBuf,
    // Dropped when Envoy has ended: a temporary folder goes with it.
    folder: Folder,
}

/// Where the bootstrap file is; it has a token in it.
enum Folder {
    Temporary(tempfile::TempDir),
    Given(PathBuf),
}

impl Folder {
    fn make(given: Option<&Path>, proxy: &Proxy) -> Result<Self, DataplaneError> {
        let failed = |path: &Path, source: io::Error| DataplaneError::Work {
            path: path.to_owned(),
            source,
        };
        match given {
            Some(path) => {
                fs::create_dir_all(path).map_err(|error| failed(path, error))?;
                Ok(Self::Given(path.to_owned()))
            }
            None => tempfile::Builder::new()
                .permissions(fs::Permissions::from_mode(0o700))
                .prefix(&format!("torii-dp-{}-", proxy.name))
                .tempdir()
                .map(Self::Temporary)
                .map_err(|error| failed(&std::env::temp_dir(), error)),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Given(path) => path,
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, DataplaneError> {
        let path = self.path().join(name);
        let written = || -> io::Result<()> {
            // An old file may have been readable by others: its mode would stay.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            file.write_all(bytes)
        };
        written().map_err(|source| DataplaneError::Work {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }
}

fn read(flag: &'static str, path: &Path) -> Result<String, DataplaneError> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    text.map_err(|source| DataplaneError::Read {
        flag,
        path: path.to_owned(),
        source,
    })
}

fn absolute(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.display().to_string()
}

/// Where this system keeps the CA certificates of the world, for backends outside the mesh.
fn system_ca() -> String {
    const PLACES: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let found = PLACES.into_iter().find(|place| Path::new(place).exists());
    found.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
