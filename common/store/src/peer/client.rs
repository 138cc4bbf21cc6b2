//! Calls peers. One channel a peer, shared by everything that talks to it.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use tonic::transport::Channel;
use tonic::{ConnectError, Status};
use torii_proto::torii::peer::v1 as pb;
use torii_proto::torii::peer::v1::raft_peer_client::RaftPeerClient;

use crate::codec;
use crate::leader::{Proposed, ReadIndex};
use crate::members::Member;
use crate::peer::MAX_MESSAGE;
use crate::peer::transport::Transport;
use crate::raft::types::{Payload, Peer};

pub(crate) type Client = RaftPeerClient<Channel>;

/// Why a call to a peer gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The peer has certainly not seen the request.
    #[error("{peer} is not reachable: {reason}")]
    NotSent { peer: String, reason: String },
    /// The peer may have acted on the request.
    #[error("no answer from {peer}: {reason}")]
    Lost { peer: String, reason: String },
}

/// The channels to all peers.
#[derive(Debug)]
pub(crate) struct Peers {
    transport: Option<Transport>,
    /// Addresses that the operator gave; they win over those in the replicated membership.
    configured: Vec<Member>,
    channels: Mutex<BTreeMap<u64, (Member, Client)>>,
}

impl Peers {
    pub(crate) fn new(transport: Option<Transport>, configured: Vec<Member>) -> Self {
        Self {
            transport,
            configured,
            channels: Mutex::new(BTreeMap::new()),
        }
    }

    /// A client for a node; connects when it is used.
    ///
    /// # Errors
    /// When the node's address makes no sense, or this store was opened without a transport.
    pub(crate) fn client(&self, id: u64, peer: &Peer) -> Result<Client, CallError> {
        let configured = self.configured.iter().find(|member| member.id == id);
        let member = configured.cloned().unwrap_or_else(|| Member {
            id,
            name: peer.name.clone(),
            address: peer.address.clone(),
        });
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, client)) = channels.get(&id)
            && *known == member
        {
            return Ok(client.clone());
        }
        let not_sent = |reason: String| CallError::NotSent {
            peer: member.name.clone(),
            reason,
        };
        let transport = self.transport.as_ref();
        let transport =
            transport.ok_or_else(|| not_sent("this node has no transport to peers".into()))?;
        let channel = transport
            .channel(&member)
            .map_err(|error| not_sent(format!("{}: {error}", member.address)))?;
        let client = RaftPeerClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        channels.insert(id, (member, client.clone()));
        Ok(client)
    }

    /// Asks a node, which should be the leader, to propose a command.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) async fn forward(
        &self,
        id: u64,
        peer: &Peer,
        payload: &Payload,
    ) -> Result<Proposed, CallError> {
        let request = pb::ForwardRequest {
            command: payload.bytes().to_vec(),
            target: id,
        };
        let reply = self.client(id, peer)?.forward(request).await;
        let reply = reply.map_err(|status| failed(peer, &status))?;
        decode(peer, &reply.into_inner().outcome)
    }

    /// Asks a node, which should be the leader, for the read index.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) async fn read_index(&self, id: u64, peer: &Peer) -> Result<ReadIndex, CallError> {
        let request = pb::ReadIndexRequest { target: id };
        let reply = self.client(id, peer)?.read_index(request).await;
        let reply = reply.map_err(|status| failed(peer, &status))?;
        decode(peer, &reply.into_inner().outcome)
    }
}

pub(crate) fn decode<T: DeserializeOwned>(peer: &Peer, bytes: &[u8]) -> Result<T, CallError> {
    codec::decode(bytes).map_err(|error| CallError::Lost {
        peer: peer.name.clone(),
        reason: format!("its answer makes no sense: {error}"),
    })
}

/// Sorts a failed call by whether the peer can have seen it.
pub(crate) fn failed(peer: &Peer, status: &Status) -> CallError {
    let mut cause = status.source();
    let mut connecting = false;
    while let Some(error) = cause {
        connecting |= error.is::<ConnectError>();
        cause = error.source();
    }
    let (peer, reason) = (peer.name.clone(), status.message().to_owned());
    // A peer that is another node, or that does not know the service, refuses before it acts.
    let refused = matches!(
        status.code(),
        tonic::Code::FailedPrecondition | tonic::Code::Unimplemented
    );
    if connecting || refused {
        CallError::NotSent { peer, reason }
    } else {
        CallError::Lost { peer, reason }
    }
}
