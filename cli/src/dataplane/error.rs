//! What can go wrong on the way to a running Envoy.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a data plane proxy did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum DataplaneError {
    /// A file of the command line.
    #[error("{flag}: cannot read {}: {source}", .path.display())]
    Read {
        /// The flag that named it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A flag's value.
    #[error("{flag}: {reason}")]
    Flag {
        /// The flag.
        flag: &'static str,
        /// Why, and what to do.
        reason: String,
    },
    /// The Dataplane document.
    #[error("{file}: {reason}")]
    Resource {
        /// File that it is from.
        file: String,
        /// What is wrong, with fields.
        reason: String,
    },
    /// No Envoy.
    #[error(
        "there is no Envoy: install envoy 1.40 and put it on PATH, or name it with --envoy or TORII_ENVOY (`make envoy` \
         puts one into .envoy/); looked at {0}"
    )]
    NoEnvoy(String),
    /// The program at that place is no Envoy, or does not run.
    #[error("{} does not work as Envoy: {reason}", .path.display())]
    BadEnvoy {
        /// The program.
        path: PathBuf,
        /// What it did.
        reason: String,
    },
    /// The zone refuses this proxy: trying again would not help.
    #[error("the zone at {address} refuses the proxy ({status}): {reason}")]
    Refused {
        /// The zone.
        address: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        reason: String,
    },
    /// The zone did not answer in time.
    #[error("the zone at {address} gave no bootstrap within {} s; last: {reason}", .waited.as_secs())]
    NoBootstrap {
        /// The zone.
        address: String,
        /// How long it was asked.
        waited: Duration,
        /// Why the last attempt failed.
        reason: String,
    },
    /// Working files.
    #[error("cannot prepare the working folder {}: {source}", .path.display())]
    Work {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Processes and signals.
    #[error("cannot run Envoy: {0}")]
    Run(io::Error),
}
