//! `torii global run`.

use std::path::PathBuf;

use clap::Args;
use torii_global::config::Flags;
use torii_runtime::Shutdown;

use super::init::context;
use crate::commands::way_in;
use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};

const EXAMPLES: &str = "\
Examples:
  torii global run                       a cluster of one, with defaults that work on one machine
  torii global run --dir cluster/a       a node of a cluster that `torii global init` has prepared

At its first start a cluster of one adds the operator's way in to the context file: `torii status` works at once.";

/// Run a node of the global control plane
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    #[command(flatten)]
    flags: Flags,

    /// Context file that the way in is added to. Default: the one that all commands read
    #[arg(long, value_name = "FILE", env = "TORII_CONFIG")]
    context_file: Option<PathBuf>,

    /// What to log, e.g. `debug` or `info,torii_sync=debug`
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
        torii_global::run(config, shutdown.clone(), |operator| {
            match way_in::keep(&path, "global", context(operator)) {
                Ok(()) => tracing::info!(file = %path.display(), "the way in is in the context file"),
                Err(error) => tracing::error!(%error, "the way in could not be kept"),
            }
        })
        .await
        .map_err(|error| failed(&error))?;
        ended(&shutdown)
    }
}

/// A process that a failed task has stopped exits with a failure.
pub(crate) fn ended(shutdown: &Shutdown) -> Result<Exit, Failure> {
    match shutdown.reason() {
        Some(reason) if reason.is_failure() => Err(Failure::Other(reason.to_string())),
        _ => Ok(Exit::Success),
    }
}
