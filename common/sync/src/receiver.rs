//! The receiving end of one stream: a zone that follows a global, or a global that takes in a zone. PURE.
//!
//! Responses go in as [`Event`]s; out come subscriptions, transactions to store, and acknowledgements once they are
//! stored (kds §1.6, §6.4). From a Torii peer a transaction is everything up to a `torii.Progress`; from a foreign one
//! it is what has arrived when nothing more is buffered. The first response of a type on a stream is the complete set;
//! a resource that cannot be read is refused alone. It may not store anything, nor judge what a resource says.

use std::collections::{BTreeMap, BTreeSet};

use torii_resource::{KindName, Resource};

use crate::entry::WireKey;
use crate::guard::{Guard, Hold, Memory, Refusal};
use crate::version::Mark;

mod batch;
mod machine;
#[cfg(test)]
mod tests;

pub use machine::Receiver;

/// What the shell knows when it opens a stream.
#[derive(Clone, Debug)]
pub struct Config {
    /// Types in the order of subscription. With [`crate::PROGRESS`] (last), a peer that sends marks is followed by them.
    pub types: Vec<KindName>,
    /// By type, the keys that are stored and came from this peer.
    pub held: BTreeMap<KindName, BTreeSet<WireKey>>,
    /// Whether to follow this peer.
    pub guard: Guard,
}

/// A resource of a response: read, or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Read.
    Good(WireKey, Box<Resource>),
    /// Not readable. Without a key, nobody can say which resource it is.
    Bad {
        /// The key, if that much could be read.
        key: Option<WireKey>,
        /// Why.
        reason: String,
    },
}

/// A response, taken out of Kuma's message.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The type.
    pub type_name: KindName,
    /// To be acknowledged with.
    pub nonce: String,
    /// The mark, if the peer sends marks.
    pub mark: Option<Mark>,
    /// Resources.
    pub items: Vec<Item>,
    /// Removed keys.
    pub removed: Vec<WireKey>,
}

/// What the machine is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// The stream is open.
    Start,
    /// A response came.
    Response(Incoming),
    /// Nothing more is buffered.
    Idle,
    /// The transaction of the latest [`Action::Commit`] is durably stored.
    Committed,
    /// It could not be stored.
    Failed(String),
    /// An operator accepts what was held.
    Accepted,
    /// Ask again for what was refused (kds §10.2 P8).
    Retry,
}

/// A request, before it is put into Kuma's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The type.
    pub type_name: KindName,
    /// Nonce of the response that this answers; empty for a subscription.
    pub nonce: String,
    /// Names to subscribe; `*` for all.
    pub subscribe: Vec<String>,
    /// Names to unsubscribe.
    pub unsubscribe: Vec<String>,
    /// Present: the response is refused, with these words.
    pub error: Option<String>,
}

/// Changes of one type that are stored together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeChange {
    /// Came as a complete set; `removals` already says what is not in it.
    pub full: bool,
    /// New or changed resources.
    pub upserts: BTreeMap<WireKey, Resource>,
    /// Removed resources, each held before.
    pub removals: BTreeSet<WireKey>,
}

impl TypeChange {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.removals.is_empty()
    }
}

/// What is stored in one step. Resources that are stored alike already need no write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transaction {
    /// Changes by type.
    pub types: BTreeMap<KindName, TypeChange>,
    /// The mark that is reached; none from a foreign peer, or while something is held.
    pub mark: Option<Mark>,
    /// The guard's memory, to be stored in the same step.
    pub memory: Memory,
    /// What could not be read, for status.
    pub refused: Vec<Refused>,
}

/// A resource that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{type_name} {}: {reason}", key.as_ref().map_or_else(|| "without a readable name".to_owned(), ToString::to_string))]
pub struct Refused {
    /// The type.
    pub type_name: KindName,
    /// The key, if that much could be read.
    pub key: Option<WireKey>,
    /// Why.
    pub reason: String,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send this to the peer.
    Send(Request),
    /// Store this, then say [`Event::Committed`] or [`Event::Failed`].
    Commit(Transaction),
    /// Show that a set is held back until an operator accepts it.
    Held(Hold),
    /// End the stream.
    End(Ending),
}

/// Why a stream ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ending {
    /// The guard does not follow this peer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What came could not be stored.
    #[error("what the peer sent could not be stored: {0}")]
    Store(String),
    /// The peer broke the protocol.
    #[error("the peer sends {0}")]
    Protocol(&'static str),
}
