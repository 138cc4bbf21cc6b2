//! What a store is opened with.

use std::path::PathBuf;
use std::time::Duration;

use crate::members::{Member, node_id};

/// Identity, place and bounds of one node's store.
#[derive(Clone, Debug)]
pub struct Config {
    /// Number of this node; [`node_id`] of its name unless there is a reason.
    pub node: u64,
    /// Name of this node.
    pub name: String,
    /// Peer address of this node, `host:port`; empty for a single node.
    pub address: String,
    /// All members, this node included; empty = a single node. Used once, at the first start; later starts take the
    /// replicated membership and use this list for addresses only.
    pub peers: Vec<Member>,
    /// Folder that belongs to this store alone.
    pub data_dir: PathBuf,
    /// Batches that the change feed keeps for watchers. At least 1.
    pub ring: usize,
    /// Bytes of resources that the change feed keeps for watchers, about.
    pub ring_bytes: usize,
    /// Log entries between two snapshots.
    pub snapshot_every: u64,
    /// Log entries that stay on disk below a snapshot, for followers that are a little behind.
    pub snapshot_keep: u64,
    /// Bounds of Raft's timers.
    pub timing: Timing,
    /// How long a write or a linearizable read may take, the wait for a leader included.
    pub patience: Duration,
}

impl Config {
    /// A single node: durable, watchable, not replicated.
    pub fn single(name: &str, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            node: node_id(name),
            name: name.to_owned(),
            address: String::new(),
            peers: Vec::new(),
            data_dir: data_dir.into(),
            ring: 4096,
            ring_bytes: 64 << 20,
            snapshot_every: 5_000,
            snapshot_keep: 1_000,
            timing: Timing::default(),
            patience: Duration::from_secs(10),
        }
    }

    /// One node of several. `members` holds all of them, this one included.
    pub fn replicated(this: &Member, members: Vec<Member>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            node: this.id,
            address: this.address.clone(),
            peers: members,
            ..Self::single(&this.name, data_dir)
        }
    }

    /// The members at first start: the peers, or this node alone.
    pub(crate) fn members(&self) -> Vec<Member> {
        if self.peers.is_empty() {
            vec![Member {
                id: self.node,
                name: self.name.clone(),
                address: self.address.clone(),
            }]
        } else {
            self.peers.clone()
        }
    }

    pub(crate) fn is_single(&self) -> bool {
        self.peers.iter().all(|peer| peer.id == self.node)
    }
}

/// Raft's timers. A follower that hears nothing campaigns after the longest election time-out (the leader's lease)
/// plus a random one of its own, checked at every one and a half heartbeats: 0.3 to 0.8 s with the defaults. One that
/// lost an election to a longer log before waits two of the longest time-outs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two signs of life of a leader; also the time-out of one append.
    pub heartbeat: Duration,
    /// Shortest election time-out; more than `heartbeat`.
    pub election_min: Duration,
    /// Longest election time-out; more than `election_min`.
    pub election_max: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(130),
            election_min: Duration::from_millis(200),
            election_max: Duration::from_millis(300),
        }
    }
}
