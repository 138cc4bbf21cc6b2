//! What a writer asks for, and what it gets back.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use torii_resource::{ResourceKey, Revision, Stamp};

/// Condition on the present state of a key; when it does not hold, the whole proposal is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expect {
    /// No condition.
    Any,
    /// The key must not exist.
    Absent,
    /// The key must exist and its last change must be this revision.
    Modified(Revision),
}

/// What happens to a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Create or replace labels and spec. Equal content is no change.
    Put {
        /// All labels.
        labels: BTreeMap<String, String>,
        /// Encoded spec.
        spec: Bytes,
        /// Creation at the origin, for a synced resource; otherwise the store stamps it.
        created: Option<Stamp>,
    },
    /// Remove. Absent is no change.
    Delete,
}

/// One key's part of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The key; at most once in a proposal.
    pub key: ResourceKey,
    /// Condition.
    pub expect: Expect,
    /// Effect.
    pub op: Op,
}

/// A batch that is committed whole, as one revision, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Changes of resources.
    pub changes: Vec<Change>,
    /// Small named values that must change together with the resources, e.g. how far a zone has followed its
    /// global. `None` removes. A proposal of marks alone does not make a revision.
    pub marks: BTreeMap<String, Option<Bytes>>,
}

/// What a change of a proposal did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The key is new.
    Created,
    /// The key existed and differs now.
    Updated,
    /// The key already was as asked, or was already absent.
    Unchanged,
    /// The key is gone.
    Deleted,
}

/// Answer to a committed proposal: durable on a majority, applied on the node that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Revision of the batch; the present revision when nothing changed.
    pub revision: Revision,
    /// One outcome a change, in order.
    pub outcomes: Vec<Outcome>,
}

/// Largest encoded command, in bytes.
pub const MAX_COMMAND: usize = 8 << 20;

/// What enters the log: a proposal with everything that its effect depends on and that nodes could see differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Command {
    /// Clock of the node that proposes.
    pub(crate) time: Timestamp,
    /// The node that proposes.
    pub(crate) node: u64,
    /// What to change.
    pub(crate) proposal: Proposal,
}
