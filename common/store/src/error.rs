//! Why the store did not do what it was asked.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use torii_resource::{ResourceKey, Revision};

/// The three classes that a caller must tell apart: refused for good, worth a retry, outcome unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// A condition of the proposal did not hold; nothing was changed.
    #[error(
        "{key} is at revision {found}, which is not what the write expected; read it again and retry"
    )]
    Conflict {
        /// The key whose condition failed.
        key: ResourceKey,
        /// Revision of its last change; 0 when it does not exist.
        found: Revision,
    },
    /// The proposal can never be taken (too large, a key twice).
    #[error("the store refuses the write: {0}")]
    Refused(String),
    /// Nothing was changed; another try, here or at the leader, may succeed.
    #[error("the store cannot serve now: {reason}; try again")]
    Retry {
        /// Why.
        reason: String,
    },
    /// The proposal may or may not be committed: ask before writing again.
    #[error("the outcome of the write is unknown: {0}")]
    Unknown(String),
    /// The node's disk or state machine failed; it serves no more.
    #[error("the store has stopped: {0}")]
    Stopped(String),
}

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The configuration contradicts itself or the data folder.
    #[error("the store cannot start: {0}")]
    Config(String),
    /// The folder cannot be read or written, or another process holds it.
    #[error("the store cannot use {}: {reason}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// What is on disk is not what was written: the node must not serve from it.
    #[error("the store's data in {} is damaged: {reason}; move the folder away and let the node join anew", path.display())]
    Damaged {
        /// File or folder.
        path: PathBuf,
        /// Which record, and what is wrong with it.
        reason: String,
    },
    /// Raft did not start.
    #[error("the store cannot start: {0}")]
    Raft(String),
}
