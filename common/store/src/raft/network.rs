//! openraft's network over the peer service.
#![expect(clippy::result_large_err, reason = "openraft's error types")]

use std::sync::Arc;
use std::time::Duration;

use openraft::error::{
    InstallSnapshotError, NetworkError, RPCError, RaftError, RemoteError, Unreachable,
};
use openraft::network::{Backoff, RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use torii_proto::torii::peer::v1 as pb;

use crate::codec;
use crate::peer::client::{CallError, Peers, decode, failed};
use crate::raft::durable::Durable;
use crate::raft::log::size;
use crate::raft::types::{LogId, Peer, Types, Vote, any_error};

/// openraft gives an append the time of one heartbeat, then sends it again. An append of more bytes than this goes on
/// in the background instead, and the repetition picks up its answer: else a large command could never get through.
const SLOW_BYTES: usize = 128 << 10;
/// Pause before a peer that is not reachable is tried again.
const PAUSE: Duration = Duration::from_millis(100);

type AppendResult = Result<AppendEntriesResponse<u64>, RPCError<u64, Peer, RaftError<u64>>>;

/// Makes one [`PeerNetwork`] for each task of openraft that talks to a peer.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) peers: Arc<Peers>,
    /// How far this node's own log is on its disk.
    pub(crate) durable: Durable,
    /// A leader whose disk takes longer falls silent, so that another is elected.
    pub(crate) longest_stall: Duration,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = PeerNetwork;

    async fn new_client(&mut self, target: u64, node: &Peer) -> PeerNetwork {
        PeerNetwork {
            link: Link {
                peers: Arc::clone(&self.peers),
                target,
                peer: node.clone(),
            },
            slow: None,
            durable: self.durable.clone(),
            longest_stall: self.longest_stall,
        }
    }
}

/// One task's way to one peer.
#[derive(Debug)]
pub(crate) struct PeerNetwork {
    link: Link,
    slow: Option<Slow>,
    durable: Durable,
    longest_stall: Duration,
}

/// A large append under way.
#[derive(Debug)]
struct Slow {
    vote: Vote,
    previous: Option<LogId>,
    last: LogId,
    /// One task; it ends with this value.
    task: JoinSet<AppendResult>,
}

#[derive(Clone, Debug)]
struct Link {
    peers: Arc<Peers>,
    target: u64,
    peer: Peer,
}

impl PeerNetwork {
    /// Waits for the large append that a repeated request was about. What it brought may be less than what is asked now.
    async fn join_slow(&mut self, last: LogId) -> AppendResult {
        let Some(slow) = &mut self.slow else {
            return Err(network(&"no append is under way"));
        };
        let answer = slow.task.join_next().await;
        let sent = slow.last;
        self.slow = None;
        match answer {
            Some(Ok(Ok(AppendEntriesResponse::Success))) if sent != last => {
                Ok(AppendEntriesResponse::PartialSuccess(Some(sent)))
            }
            Some(Ok(answer)) => answer,
            Some(Err(error)) => Err(network(&error)),
            None => Err(network(&"the append was given up")),
        }
    }

    async fn send(&mut self, rpc: AppendEntriesRequest<Types>) -> AppendResult {
        let Some(last) = rpc.entries.last().map(|entry| entry.log_id) else {
            return self.link.append(rpc).await;
        };
        let same = |slow: &Slow| {
            slow.vote == rpc.vote
                && slow.previous == rpc.prev_log_id
                && slow.last.index <= last.index
        };
        if self.slow.as_ref().is_some_and(same) {
            return self.join_slow(last).await;
        }
        self.slow = None;
        if rpc.entries.iter().map(size).sum::<usize>() <= SLOW_BYTES {
            return self.link.append(rpc).await;
        }
        let (vote, previous, link) = (rpc.vote, rpc.prev_log_id, self.link.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { link.append(rpc).await });
        self.slow = Some(Slow {
            vote,
            previous,
            last,
            task,
        });
        self.join_slow(last).await
    }
}

impl RaftNetwork<Types> for PeerNetwork {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> AppendResult {
        if self.durable.stalled(self.longest_stall) {
            let error = any_error(&"this node's own disk takes too long");
            return Err(RPCError::Unreachable(Unreachable::new(&error)));
        }
        let last = rpc.entries.last().map(|entry| entry.log_id);
        let last = last.or(rpc.prev_log_id);
        let answer = self.send(rpc).await?;
        // With this answer openraft may count this node and the peer: the entries must be on both disks.
        match last {
            Some(last) if !self.durable.wait(last.index).await => {
                Err(network(&"this node's own disk failed"))
            }
            _ => Ok(answer),
        }
    }

    async fn install_snapshot(
        &mut self,
        mut rpc: InstallSnapshotRequest<Types>,
        _option: RPCOption,
    ) -> Result<
        InstallSnapshotResponse<u64>,
        RPCError<u64, Peer, RaftError<u64, InstallSnapshotError>>,
    > {
        let data = std::mem::take(&mut rpc.data);
        let chunk = pb::SnapshotChunk {
            header: encode(&rpc)?,
            data,
            target: self.link.target,
        };
        let mut client = self.link.client()?;
        let reply = client.install_snapshot(chunk).await;
        self.link.answer(reply)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<u64>,
        _option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, Peer, RaftError<u64>>> {
        let request = self.link.request(&rpc)?;
        let mut client = self.link.client()?;
        let reply = client.vote(request).await;
        self.link.answer(reply)
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(std::iter::repeat(PAUSE))
    }
}

impl Link {
    async fn append(&self, rpc: AppendEntriesRequest<Types>) -> AppendResult {
        let request = self.request(&rpc)?;
        drop(rpc);
        let mut client = self.client()?;
        let reply = client.append_entries(request).await;
        self.answer(reply)
    }

    fn client<E: std::error::Error>(
        &self,
    ) -> Result<crate::peer::client::Client, RPCError<u64, Peer, E>> {
        self.peers
            .client(self.target, &self.peer)
            .map_err(|error| call_error(&error))
    }

    fn request<T: Serialize, E: std::error::Error>(
        &self,
        rpc: &T,
    ) -> Result<pb::RaftRequest, RPCError<u64, Peer, E>> {
        Ok(pb::RaftRequest {
            payload: encode(rpc)?,
            target: self.target,
        })
    }

    /// The peer's answer, or openraft's error from there, or ours from here.
    fn answer<T: DeserializeOwned, E: std::error::Error + DeserializeOwned>(
        &self,
        reply: Result<tonic::Response<pb::RaftReply>, tonic::Status>,
    ) -> Result<T, RPCError<u64, Peer, E>> {
        let reply = reply.map_err(|status| call_error(&failed(&self.peer, &status)))?;
        let result: Result<T, E> =
            decode(&self.peer, &reply.into_inner().result).map_err(|error| call_error(&error))?;
        result.map_err(|error| RPCError::RemoteError(RemoteError::new(self.target, error)))
    }
}

fn encode<T: Serialize, E: std::error::Error>(rpc: &T) -> Result<Vec<u8>, RPCError<u64, Peer, E>> {
    codec::encode(rpc).map_err(|error| network(&error))
}

fn network<E: std::error::Error>(error: &dyn std::fmt::Display) -> RPCError<u64, Peer, E> {
    RPCError::Network(NetworkError::new(&any_error(error)))
}

fn call_error<E: std::error::Error>(error: &CallError) -> RPCError<u64, Peer, E> {
    match error {
        CallError::NotSent { .. } => RPCError::Unreachable(Unreachable::new(&any_error(error))),
        CallError::Lost { .. } => network(error),
    }
}

#[cfg(test)]
mod tests;
