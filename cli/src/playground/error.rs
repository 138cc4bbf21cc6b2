//! What can go wrong with a site.

use std::path::PathBuf;
use std::time::Duration;

use crate::client::ClientError;
use crate::context::ContextError;
use crate::dataplane::DataplaneError;

/// Why a site does not stand or does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// Files of the site.
    #[error("cannot write {}: {reason}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Another site has these addresses.
    #[error(
        "the addresses 127.0.{net}.x are taken by another site (a second `torii demo`?); stop it first"
    )]
    Taken {
        /// Third byte of the addresses.
        net: u8,
    },
    /// No free addresses.
    #[error("no addresses are free for a site: all of 127.0.{first}.x to 127.0.255.x are taken")]
    Full {
        /// First net that was tried.
        first: u8,
    },
    /// A process could not be started.
    #[error("cannot start {process}: {reason}")]
    Start {
        /// Name of the process.
        process: String,
        /// What the system said.
        reason: String,
    },
    /// A process ended although nobody asked it to.
    #[error("{process} has ended ({status}); the end of its log, {}:\n{tail}", .log.display())]
    Ended {
        /// Name of the process.
        process: String,
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A `torii` command failed.
    #[error("`torii {command}` failed with {status}: {stderr}")]
    Command {
        /// The arguments.
        command: String,
        /// How it ended.
        status: String,
        /// What it said.
        stderr: String,
    },
    /// A condition did not come true.
    #[error("{what}: not within {} s; last: {last}", .waited.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// What was seen last.
        last: String,
    },
    /// The site did not come up; its files are left.
    #[error("{source}\nfiles and logs are left in {}", .dir.display())]
    NotUp {
        /// Folder of the site.
        dir: PathBuf,
        /// Why.
        source: Box<Self>,
    },
    /// Something that must hold does not.
    #[error("{0}")]
    Broken(String),
    /// No Envoy.
    #[error(transparent)]
    Envoy(#[from] DataplaneError),
    /// The control plane.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The context file of a control plane.
    #[error(transparent)]
    Context(#[from] ContextError),
}
