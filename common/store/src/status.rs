//! Follows Raft and tells, in our words, who leads and whether the node still runs.

use openraft::RaftMetrics;
use openraft::metrics::RaftServerMetrics;
use tokio::sync::watch;

use crate::feed::Feed;
use crate::members::{Membership, Node};
use crate::raft::types::{Peer, Raft};

/// How a store's life ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Not yet.
    Running,
    /// Somebody called shutdown.
    Asked,
    /// Disk, data or Raft failed.
    Failed(String),
}

/// Starts the task "store-status". It ends with Raft, closes the feed then, and says why Raft ended.
pub(crate) fn follow(
    raft: &Raft,
    feed: Feed,
    asked: watch::Receiver<bool>,
    this: u64,
) -> (watch::Receiver<Membership>, watch::Receiver<End>) {
    let mut server = raft.server_metrics();
    let all = raft.metrics();
    let first = membership(&server.borrow_and_update(), this);
    let (members, members_out) = watch::channel(first);
    let (end, end_out) = watch::channel(End::Running);
    tokio::spawn(async move {
        while server.changed().await.is_ok() {
            let now = membership(&server.borrow_and_update(), this);
            members.send_if_modified(|members| {
                let changed = *members != now;
                if changed {
                    *members = now;
                }
                changed
            });
        }
        members.send_modify(|members| members.leader = None);
        let reason = if *asked.borrow() {
            End::Asked
        } else {
            failure(&all.borrow())
        };
        if let End::Failed(reason) = &reason {
            tracing::error!(%reason, "the store has stopped");
        }
        end.send_replace(reason);
        feed.close();
    });
    (members_out, end_out)
}

fn failure(metrics: &RaftMetrics<u64, Peer>) -> End {
    match &metrics.running_state {
        Ok(()) => End::Failed("Raft ended".into()),
        Err(fatal) => End::Failed(fatal.to_string()),
    }
}

fn membership(metrics: &RaftServerMetrics<u64, Peer>, this: u64) -> Membership {
    let membership = metrics.membership_config.membership();
    let voters: Vec<u64> = membership.voter_ids().collect();
    let nodes = membership.nodes().map(|(id, peer)| Node {
        id: *id,
        name: peer.name.clone(),
        address: peer.address.clone(),
        voter: voters.contains(id),
    });
    Membership {
        nodes: nodes.collect(),
        leader: metrics.current_leader,
        term: metrics.vote.leader_id().get_term(),
        this,
    }
}
