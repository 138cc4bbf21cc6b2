//! Answers peers. Mount it on the peer port, behind mutual TLS: whoever reaches it is believed.

use std::fmt;
use std::time::Duration;

use openraft::raft::InstallSnapshotRequest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::{Request, Response, Status};
use torii_proto::torii::peer::v1 as pb;
use torii_proto::torii::peer::v1::raft_peer_server::{RaftPeer, RaftPeerServer};

use crate::codec;
use crate::leader;
use crate::peer::MAX_MESSAGE;
use crate::raft::types::{Payload, Raft, Types};

/// One node's answers to its peers.
#[derive(Clone)]
pub struct PeerService {
    raft: Raft,
    this: u64,
    patience: Duration,
}

impl fmt::Debug for PeerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerService")
            .field("this", &self.this)
            .finish_non_exhaustive()
    }
}

impl PeerService {
    pub(crate) fn server(raft: Raft, this: u64, patience: Duration) -> RaftPeerServer<Self> {
        RaftPeerServer::new(Self {
            raft,
            this,
            patience,
        })
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
    }

    fn meant(&self, target: u64) -> Result<(), Status> {
        if target == self.this {
            return Ok(());
        }
        Err(Status::failed_precondition(format!(
            "this is node {}, not node {target}: check the addresses of the members",
            self.this
        )))
    }
}

#[tonic::async_trait]
impl RaftPeer for PeerService {
    async fn append_entries(
        &self,
        request: Request<pb::RaftRequest>,
    ) -> Result<Response<pb::RaftReply>, Status> {
        let request = request.into_inner();
        self.meant(request.target)?;
        raft_reply(&self.raft.append_entries(decode(&request.payload)?).await)
    }

    async fn vote(
        &self,
        request: Request<pb::RaftRequest>,
    ) -> Result<Response<pb::RaftReply>, Status> {
        let request = request.into_inner();
        self.meant(request.target)?;
        raft_reply(&self.raft.vote(decode(&request.payload)?).await)
    }

    async fn install_snapshot(
        &self,
        request: Request<pb::SnapshotChunk>,
    ) -> Result<Response<pb::RaftReply>, Status> {
        let request = request.into_inner();
        self.meant(request.target)?;
        let mut chunk: InstallSnapshotRequest<Types> = decode(&request.header)?;
        chunk.data = request.data;
        raft_reply(&Box::pin(self.raft.install_snapshot(chunk)).await)
    }

    async fn forward(
        &self,
        request: Request<pb::ForwardRequest>,
    ) -> Result<Response<pb::ForwardReply>, Status> {
        let request = request.into_inner();
        self.meant(request.target)?;
        let payload = Payload::from_bytes(request.command.into());
        // What the leader cannot read must not enter the log, where it would stop every node.
        payload
            .decode()
            .map_err(|error| Status::failed_precondition(format!("the command is {error}")))?;
        let outcome = encode(&leader::propose(&self.raft, payload, self.patience).await)?;
        Ok(Response::new(pb::ForwardReply { outcome }))
    }

    async fn read_index(
        &self,
        request: Request<pb::ReadIndexRequest>,
    ) -> Result<Response<pb::ReadIndexReply>, Status> {
        self.meant(request.into_inner().target)?;
        let outcome = encode(&leader::read_index(&self.raft).await)?;
        Ok(Response::new(pb::ReadIndexReply { outcome }))
    }
}

fn raft_reply<T: Serialize>(result: &T) -> Result<Response<pb::RaftReply>, Status> {
    let result = encode(result)?;
    Ok(Response::new(pb::RaftReply { result }))
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Status> {
    codec::encode(value).map_err(|error| Status::internal(error.to_string()))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Status> {
    codec::decode(bytes)
        .map_err(|error| Status::failed_precondition(format!("the request is {error}")))
}
