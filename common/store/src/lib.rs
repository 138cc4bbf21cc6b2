//! Revisioned, watchable resource store: an in-memory index over a Raft log on disk, alone or replicated.
//!
//! Knows keys, labels, revisions and bytes; not the body of any kind, not REST, not KDS.

mod apply;
mod codec;
pub mod command;
pub mod config;
mod disk;
pub mod error;
pub mod feed;
pub mod handle;
mod leader;
pub mod members;
pub mod metrics;
mod open;
pub mod peer;
mod raft;
pub mod state;
mod status;
mod writer;

pub use command::{Change, Committed, Expect, Op, Outcome, Proposal};
pub use config::{Config, Timing};
pub use error::{Error, OpenError};
pub use feed::{Batch, Changed, Event, Watch};
pub use handle::Store;
pub use members::{Member, Membership, Node, node_id};
pub use peer::server::PeerService;
pub use peer::transport::{Transport, tuned};
pub use state::View;
