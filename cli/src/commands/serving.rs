//! What the two commands that run a control plane have in common: flags, logging, signals, the exit code.

use std::path::PathBuf;

use clap::Args;
use torii_runtime::Shutdown;

use crate::error::{Exit, Failure};

/// Flags of `torii global run` and `torii zone run` that are the program's, not the plane's.
#[derive(Args, Debug)]
pub(super) struct ServingFlags {
    /// Context file that the way in is added to. Default: the one that all commands read
    #[arg(long, value_name = "FILE", env = "TORII_CONFIG")]
    pub(super) context_file: Option<PathBuf>,

    /// What to log, e.g. debug or info,torii_sync=debug
    #[arg(long, value_name = "FILTER", env = "TORII_LOG")]
    log: Option<String>,
}

impl ServingFlags {
    /// Sets logging and signals up.
    pub(super) fn begin(&self) -> Result<Shutdown, Failure> {
        torii_telemetry::log::init(self.log.as_deref(), None)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let shutdown = Shutdown::new();
        shutdown
            .listen_for_signals()
            .map_err(|error| Failure::Other(format!("cannot listen to signals: {error}")))?;
        Ok(shutdown)
    }
}

/// A process that a failed task has stopped exits with a failure.
pub(super) fn ended(shutdown: &Shutdown) -> Result<Exit, Failure> {
    match shutdown.reason() {
        Some(reason) if reason.is_failure() => Err(Failure::Other(reason.to_string())),
        _ => Ok(Exit::Success),
    }
}
