use std::net::SocketAddr;

use openraft::CommittedLeaderId;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use torii_proto::torii::peer::v1::raft_peer_server::{RaftPeer, RaftPeerServer};

use crate::members::Member;
use crate::peer::transport::Transport;

use super::*;

/// A peer that takes everything, and says when it has.
struct Willing(tokio::sync::mpsc::UnboundedSender<()>);

#[tonic::async_trait]
impl RaftPeer for Willing {
    async fn append_entries(
        &self,
        _: Request<pb::RaftRequest>,
    ) -> Result<Response<pb::RaftReply>, Status> {
        let answer: Result<_, RaftError<u64>> = Ok(AppendEntriesResponse::<u64>::Success);
        let result = codec::encode(&answer).unwrap();
        self.0.send(()).unwrap();
        Ok(Response::new(pb::RaftReply { result }))
    }

    async fn vote(&self, _: Request<pb::RaftRequest>) -> Result<Response<pb::RaftReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn install_snapshot(
        &self,
        _: Request<pb::SnapshotChunk>,
    ) -> Result<Response<pb::RaftReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn forward(
        &self,
        _: Request<pb::ForwardRequest>,
    ) -> Result<Response<pb::ForwardReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn read_index(
        &self,
        _: Request<pb::ReadIndexRequest>,
    ) -> Result<Response<pb::ReadIndexReply>, Status> {
        Err(Status::unimplemented(""))
    }
}

/// A network to one peer, of a node whose log is durable up to index 4 and which counts an append of index 5 early.
async fn network() -> (
    Durable,
    PeerNetwork,
    tokio::sync::mpsc::UnboundedReceiver<()>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let (sender, received) = tokio::sync::mpsc::unbounded_channel();
    let service = RaftPeerServer::new(Willing(sender));
    let server = Server::builder().add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let member = Member::new("peer", &address.to_string());
    let durable = Durable::new(5);
    let mut network = Network {
        peers: Arc::new(Peers::new(
            Some(Transport::plaintext()),
            vec![member.clone()],
        )),
        durable: durable.clone(),
        longest_stall: Duration::from_secs(3600),
    };
    let peer = Peer::from(&member);
    let network = network.new_client(member.id, &peer).await;
    durable.note_early(6);
    (durable, network, received)
}

fn append() -> (AppendEntriesRequest<Types>, RPCOption) {
    let id = |index| LogId::new(CommittedLeaderId::new(1, 1), index);
    let entry = openraft::Entry {
        log_id: id(5),
        payload: openraft::EntryPayload::Blank,
    };
    let request = AppendEntriesRequest {
        vote: Vote::new_committed(1, 1),
        prev_log_id: Some(id(4)),
        entries: vec![entry],
        leader_commit: None,
    };
    (request, RPCOption::new(Duration::from_secs(60)))
}

#[tokio::test]
async fn a_peers_answer_counts_only_once_the_entry_is_on_this_nodes_disk_too() {
    let (durable, mut network, mut received) = network().await;
    let (request, option) = append();
    let mut answer = std::pin::pin!(network.append_entries(request, option));
    // The peer has it and has answered, but the answer does not come out.
    tokio::select! {
        biased;
        answer = &mut answer => panic!("{answer:?}"),
        got = received.recv() => assert_eq!(got, Some(())),
    }
    for _ in 0..100 {
        tokio::select! {
            biased;
            answer = &mut answer => panic!("{answer:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    durable.reached(6);
    assert!(matches!(answer.await, Ok(AppendEntriesResponse::Success)));
}

#[tokio::test]
async fn with_a_failed_disk_no_peers_answer_counts() {
    let (durable, mut network, _received) = network().await;
    durable.fail();
    let (request, option) = append();
    let answer = network.append_entries(request, option).await;
    assert!(matches!(answer, Err(RPCError::Network(_))), "{answer:?}");
}

#[tokio::test]
async fn a_leader_whose_disk_hangs_gives_no_sign_of_life() {
    let (_durable, mut network, mut received) = network().await;
    network.longest_stall = Duration::ZERO;
    let (mut request, option) = append();
    request.entries.clear();
    let answer = network.append_entries(request, option).await;
    assert!(
        matches!(answer, Err(RPCError::Unreachable(_))),
        "{answer:?}"
    );
    assert!(received.try_recv().is_err());
}
