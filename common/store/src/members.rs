//! Who forms the cluster and who leads it.

use serde::{Deserialize, Serialize};

/// A node that takes part in the cluster, as the operator names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Number of the node in the log; see [`node_id`].
    pub id: u64,
    /// Name of the node, unique in the cluster.
    pub name: String,
    /// Where its peer service listens, `host:port`.
    pub address: String,
}

impl Member {
    /// A member whose number follows from its name.
    pub fn new(name: &str, address: &str) -> Self {
        Self {
            id: node_id(name),
            name: name.to_owned(),
            address: address.to_owned(),
        }
    }
}

/// Number of the node with this name: FNV-1a (64 bits) of the name, so that every node computes the same without
/// asking, whatever the order in its member list. Never 0.
pub fn node_id(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash.max(1)
}

/// A node as the replicated membership has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Number of the node.
    pub id: u64,
    /// Name of the node.
    pub name: String,
    /// Its peer address.
    pub address: String,
    /// Whether it counts for a majority (a learner does not).
    pub voter: bool,
}

/// What a node knows of the cluster at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// All nodes, ordered by id.
    pub nodes: Vec<Node>,
    /// The leader, when one is known.
    pub leader: Option<u64>,
    /// Raft term.
    pub term: u64,
    /// The node that says so.
    pub this: u64,
}

impl Membership {
    /// Whether the node that says so leads.
    pub fn is_leader(&self) -> bool {
        self.leader == Some(self.this)
    }

    /// The node that leads, when it is known and a member.
    pub fn leader_node(&self) -> Option<&Node> {
        let leader = self.leader?;
        self.nodes.iter().find(|node| node.id == leader)
    }
}
