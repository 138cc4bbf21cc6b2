//! The sending end of one stream: the global towards a zone, or a zone towards the global. PURE.
//!
//! Requests and changes go in as [`Event`]s, responses come out as [`Action`]s. The rules (kds §1.6, §4.10, §10.2):
//!
//! * nothing is answered before the first [`Event::Loaded`], and never from a state older than one already used;
//! * every subscription is answered, also with an empty set; a type's responses carry the full set until the peer has
//!   acknowledged one on this stream;
//! * at most one unacknowledged response a type; what changes meanwhile is gathered and sent as one delta;
//! * a removal is sent only for a key that this stream sent before, or that the peer asked about;
//! * Mesh first, its removals last;
//! * to a Torii peer, [`crate::PROGRESS`] says up to which mark everything was sent before it.
//!
//! It may not know what a resource is, nor read a clock: the pump measures how long an answer takes.

use std::collections::BTreeMap;
use std::sync::Arc;

use torii_resource::KindName;

use crate::entry::{Entry, WireKey};
use crate::version::Mark;

mod channel;
mod machine;
#[cfg(test)]
mod tests;

pub use machine::Sender;

/// Sizes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Where a delta is split.
    pub chunk: usize,
    /// The peer's message limit. A response of more than 90 % of it is refused.
    pub message: usize,
}

impl Default for Limits {
    /// 1 MiB a delta, 10 MiB a message (kds §1.1).
    fn default() -> Self {
        Self {
            chunk: 1 << 20,
            message: 10 << 20,
        }
    }
}

impl Limits {
    /// The largest response that is sent.
    pub fn ceiling(self) -> usize {
        self.message / 10 * 9
    }
}

/// What the shell knows about a stream when it opens.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The peer is Torii: responses carry marks, and `torii.Progress` is served.
    pub torii: bool,
    /// Hold other types until the first Mesh answer is acknowledged (global to foreign zone). Without effect towards
    /// a Torii peer, which applies everything up to a mark at once.
    pub mesh_first: bool,
    /// What the peer is known to have: an older state is never answered from (kds §10.2 P1).
    pub at_least: Option<Mark>,
    /// Sizes.
    pub limits: Limits,
}

/// The complete sets of all types at a mark. A type that is absent is empty.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Where the state was taken.
    pub mark: Mark,
    /// Entries by type.
    pub types: BTreeMap<KindName, Vec<Arc<Entry>>>,
}

/// What one committed batch changed for this peer, filter changes included.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The batch's mark.
    pub mark: Mark,
    /// Changes by type; may be empty.
    pub types: BTreeMap<KindName, Changes>,
}

/// Changes of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New or changed entries.
    pub upserts: Vec<Arc<Entry>>,
    /// Keys that are gone for this peer: deleted, or no longer in its scope.
    pub removals: Vec<WireKey>,
}

/// What the machine is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// The whole state. The first one starts the stream; a later one (the feed was overrun) replaces everything.
    Loaded(Loaded),
    /// A batch of the change feed.
    Changed(Changed),
    /// The peer wants a type (a request without nonce).
    Subscribe {
        /// The type.
        type_name: KindName,
    },
    /// The peer has stored a response.
    Ack {
        /// The type.
        type_name: KindName,
        /// Nonce of the response.
        nonce: String,
    },
    /// The peer could not take (all of) a response.
    Nack {
        /// The type.
        type_name: KindName,
        /// Nonce of the response.
        nonce: String,
        /// The peer's words.
        message: String,
    },
    /// The peer asks for these keys again: the same key subscribed and unsubscribed (kds §1.6). Acknowledges too.
    Resend {
        /// The type.
        type_name: KindName,
        /// Nonce of the latest response.
        nonce: String,
        /// The keys.
        keys: Vec<WireKey>,
    },
    /// Send again what the peer refused of this type: its wait is over (kds §10.2 P8).
    Retry {
        /// The type.
        type_name: KindName,
    },
    /// The wait for Mesh took too long: go on without ([`Sender::holding`], kds §10.2 P6).
    Release,
}

/// A response, before it is put into Kuma's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The type.
    pub type_name: KindName,
    /// Unique on the stream.
    pub nonce: String,
    /// New and changed entries; all of them when `full`.
    pub entries: Vec<Arc<Entry>>,
    /// Removed keys.
    pub removed: Vec<WireKey>,
    /// For Torii peers: the state that the response was made from; for `torii.Progress`: what was sent before it.
    pub mark: Option<Mark>,
    /// Whether `entries` is the complete set.
    pub full: bool,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this to the peer.
    Send(Response),
    /// The peer has stored a response. For `torii.Progress`: it durably has everything up to the mark.
    Acknowledged {
        /// The type.
        type_name: KindName,
        /// The mark of the response.
        mark: Mark,
    },
    /// Record that the peer refused a response.
    Rejected(Rejected),
    /// Report that a response would not fit: the type is not sent until it shrinks; others go on.
    TooLarge(TooLarge),
}

/// A refused response, for status and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The type.
    pub type_name: KindName,
    /// The peer's words.
    pub message: String,
    /// What was in the response. One of them is at fault.
    pub keys: Vec<WireKey>,
}

/// A response that exceeds 90 % of the peer's message limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{type_name}: {resources} resources need {bytes} bytes in one message, more than 90 % of the peer's limit of {limit}; \
     remove or shrink some, or raise the limit at both ends"
)]
pub struct TooLarge {
    /// The type.
    pub type_name: KindName,
    /// Number of resources in the response.
    pub resources: usize,
    /// Its size.
    pub bytes: usize,
    /// The message limit.
    pub limit: usize,
}

/// Why a stream cannot go on. End it with `UNAVAILABLE` and this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// The state is older than what the peer has or this stream already used.
    #[error(
        "this node's state is at {have}, the peer already has {needed}; reconnect later or to another node"
    )]
    Stale {
        /// Where the state is.
        have: Mark,
        /// What is needed.
        needed: Mark,
    },
    /// The state is one of another cluster than before.
    #[error("the state changed from cluster {from} to cluster {to}")]
    OtherCluster {
        /// Cluster id before.
        from: String,
        /// Cluster id now.
        to: String,
    },
    /// A change came before the state.
    #[error("a change at {0} came before the complete state")]
    NotLoaded(Mark),
    /// The peer subscribes to more types than anyone has.
    #[error("the peer subscribes to more than {0} types")]
    TooManyTypes(usize),
}
