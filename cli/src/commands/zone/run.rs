//! `torii zone run`.

use std::path::PathBuf;

use clap::Args;
use torii_runtime::Shutdown;
use torii_zone::Operator;
use torii_zone::config::Flags;

use crate::commands::global::ended;
use crate::commands::way_in;
use crate::context::{ConnectionFlags, Context, Secret};
use crate::error::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  torii generate zone-token --zone east > east.token
  torii zone run --name east --token-file east.token --address 127.0.0.21

The zone's own way in is added to the context file under the zone's name: `torii get dataplanes --context east`.";

/// Run a zone's control plane
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    #[command(flatten)]
    flags: Flags,

    /// Context file that the way in is added to. Default: the one that all commands read
    #[arg(long, value_name = "FILE", env = "TORII_CONFIG")]
    context_file: Option<PathBuf>,

    /// What to log, e.g. `debug` or `info,torii_ads=debug`
    #[arg(long, value_name = "FILTER", env = "TORII_LOG")]
    log: Option<String>,
}

impl Run {
    pub(super) async fn run(self) -> Result<Exit, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Other(error.to_string());
        torii_telemetry::log::init(self.log.as_deref(), None).map_err(|error| failed(&error))?;
        let config = self.flags.resolve().map_err(|error| failed(&error))?;
        let shutdown = Shutdown::new();
        shutdown.listen_for_signals().map_err(|error| failed(&error))?;
        let path = ConnectionFlags {
            config_file: self.context_file,
            ..ConnectionFlags::default()
        }
        .path();
        torii_zone::run(config, shutdown.clone(), |operator| {
            match way_in::keep(&path, &operator.zone, context(operator)) {
                Ok(()) => tracing::info!(file = %path.display(), "the way in is in the context file"),
                Err(error) => tracing::error!(%error, "the way in could not be kept"),
            }
        })
        .await
        .map_err(|error| failed(&error))?;
        ended(&shutdown)
    }
}

fn context(operator: &Operator) -> Context {
    let address = match operator.address {
        std::net::IpAddr::V4(address) => format!("https://{address}:{}", operator.port),
        std::net::IpAddr::V6(address) => format!("https://[{address}]:{}", operator.port),
    };
    Context {
        address: Some(address),
        ca: Some(operator.ca_pem.clone()),
        token: Some(Secret::new(&operator.token)),
        ..Context::default()
    }
}
