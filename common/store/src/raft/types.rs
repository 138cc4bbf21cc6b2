//! openraft's types, filled in.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use openraft::{AnyError, ErrorSubject, ErrorVerb};
use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError};
use crate::command::{Command, Committed};
use crate::error::Error;
use crate::members::Member;
use crate::raft::snapshot::SnapshotFile;

openraft::declare_raft_types!(
    pub(crate) Types:
        D = Payload,
        R = Reply,
        NodeId = u64,
        Node = Peer,
        SnapshotData = SnapshotFile,
);

pub(crate) type Raft = openraft::Raft<Types>;
pub(crate) type Entry = openraft::Entry<Types>;
pub(crate) type LogId = openraft::LogId<u64>;
pub(crate) type Vote = openraft::Vote<u64>;
pub(crate) type StorageError = openraft::StorageError<u64>;
pub(crate) type StoredMembership = openraft::StoredMembership<u64, Peer>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<u64, Peer>;
pub(crate) type Snapshot = openraft::Snapshot<Types>;

/// What the replicated membership says of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) address: String,
}

impl From<&Member> for Peer {
    fn from(member: &Member) -> Self {
        Self {
            name: member.name.clone(),
            address: member.address.clone(),
        }
    }
}

/// A command in the log: encoded once by the node that proposes, decoded once by each that applies.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Payload {
    bytes: Bytes,
    /// Set when the entry reaches the log of the node that proposes it, which is how that node can tell "not the
    /// leader, nothing happened" from "was the leader, the entry may survive elsewhere".
    #[serde(skip)]
    logged: Option<Arc<AtomicBool>>,
}

impl Payload {
    pub(crate) fn encode(command: &Command) -> Result<Self, CodecError> {
        Ok(Self::from_bytes(codec::encode(command)?.into()))
    }

    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        Self {
            bytes,
            logged: None,
        }
    }

    pub(crate) fn decode(&self) -> Result<Command, CodecError> {
        codec::decode(&self.bytes)
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The same, with a flag that tells whether it has reached the log.
    pub(crate) fn observed(mut self) -> (Self, Arc<AtomicBool>) {
        let logged = Arc::new(AtomicBool::new(false));
        self.logged = Some(Arc::clone(&logged));
        (self, logged)
    }

    pub(crate) fn mark_logged(&self) {
        if let Some(logged) = &self.logged {
            logged.store(true, Ordering::Release);
        }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl fmt::Debug for Payload {
    // A command may carry secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.bytes.len())
    }
}

/// What the state machine says to an entry; `None` for entries that are not commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply(pub(crate) Option<Result<Committed, Error>>);

/// A failure of disk or data, in openraft's words. Fatal to the node.
pub(crate) fn storage_error(
    subject: ErrorSubject<u64>,
    verb: ErrorVerb,
    error: &dyn fmt::Display,
) -> StorageError {
    StorageError::from_io_error(subject, verb, std::io::Error::other(error.to_string()))
}

/// A text as the error that openraft carries.
pub(crate) fn any_error(error: &dyn fmt::Display) -> AnyError {
    AnyError::error(error)
}
