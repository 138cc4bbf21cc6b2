//! The service at its door: who gets in, what ends a stream. A plain client, no Envoy.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Status, Streaming};

use torii_ads::{Admission, AdsServer, Desired, FirstRequest, ProxyKey, ProxyStream, Reports};
use torii_proto::envoy::config::cluster::v3::Cluster;
use torii_proto::envoy::config::core::v3::Node;
use torii_proto::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_render::{Part, Parts, TypeUrl};
use torii_resource::Revision;

const DEADLINE: Duration = Duration::from_secs(30);

struct Door {
    desired: watch::Sender<Option<Arc<Desired>>>,
    ended: mpsc::Sender<()>,
}

/// Tells when it is dropped.
struct Guard(mpsc::Sender<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

impl Admission for Door {
    async fn admit(&self, first: &FirstRequest) -> Result<ProxyStream, Status> {
        if first.token.as_deref() != Some("good") {
            return Err(Status::unauthenticated("this token is not valid"));
        }
        assert!(
            !format!("{first:?}").contains("good"),
            "the token is not shown"
        );
        Ok(ProxyStream {
            key: key(),
            desired: self.desired.subscribe(),
            guard: Box::new(Guard(self.ended.clone())),
        })
    }
}

fn key() -> ProxyKey {
    ProxyKey {
        mesh: "default".to_owned(),
        name: "gw".to_owned(),
    }
}

/// A server, and what it needs.
struct World {
    server: AdsServer<Arc<Door>>,
    reports: Reports,
    ended: mpsc::Receiver<()>,
    shutdown: CancellationToken,
    at: SocketAddr,
}

/// The client's end of a stream.
struct Stream {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
}

impl World {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.61:0")
            .await
            .expect("the address is local");
        let at = listener.local_addr().expect("it is bound");
        let (ended_sender, ended) = mpsc::channel(8);
        let part = Part::new(
            "blue",
            &Cluster {
                name: "blue".to_owned(),
                ..Cluster::default()
            },
        );
        let mut parts = Parts::new();
        parts.insert(TypeUrl::Cluster, part);
        let desired = Some(Arc::new(Desired {
            revision: Revision(5),
            parts: Arc::new(parts),
        }));
        let door = Arc::new(Door {
            desired: watch::Sender::new(desired),
            ended: ended_sender,
        });
        let (reports, shutdown) = (Reports::new(), CancellationToken::new());
        let server = AdsServer::new(door, reports.clone(), "zone-east", shutdown.clone());
        let router = Server::builder().add_service(server.clone().into_service());
        tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
        Self {
            server,
            reports,
            ended,
            shutdown,
            at,
        }
    }

    async fn stream(&self, tokens: &[&str]) -> Stream {
        let channel = Channel::from_shared(format!("http://{}", self.at))
            .expect("a URI")
            .connect()
            .await
            .expect("it listens");
        let (requests, receiver) = mpsc::channel(8);
        let mut request = Request::new(ReceiverStream::new(receiver));
        for token in tokens {
            request
                .metadata_mut()
                .append("authorization", token.parse().expect("text"));
        }
        let mut client = AggregatedDiscoveryServiceClient::new(channel);
        let responses = client
            .delta_aggregated_resources(request)
            .await
            .expect("it opens")
            .into_inner();
        Stream {
            requests,
            responses,
        }
    }
}

impl Stream {
    async fn ask(&self, node: &str) {
        let node = Some(Node {
            id: node.to_owned(),
            ..Node::default()
        });
        let request = DeltaDiscoveryRequest {
            node,
            type_url: TypeUrl::Cluster.as_str().to_owned(),
            ..DeltaDiscoveryRequest::default()
        };
        self.requests
            .send(request)
            .await
            .expect("the stream is open");
    }

    async fn next(&mut self) -> Result<Option<DeltaDiscoveryResponse>, Status> {
        timeout(DEADLINE, self.responses.message())
            .await
            .expect("something is said")
    }

    /// What it ends with.
    async fn end(&mut self) -> Status {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended well"),
                Err(status) => return status,
            }
        }
    }
}

#[tokio::test]
async fn an_admitted_proxy_is_served_and_reported() {
    let mut world = World::start().await;
    let mut stream = world.stream(&["good"]).await;
    stream.ask("default.gw").await;
    let response = stream
        .next()
        .await
        .expect("it is served")
        .expect("it is served");
    assert_eq!(
        response
            .control_plane
            .expect("it says who it is")
            .identifier,
        "zone-east"
    );
    assert_eq!(response.nonce, "1");
    assert_eq!(response.resources[0].name, "blue");
    assert_eq!(
        response.resources[0]
            .resource
            .as_ref()
            .expect("a body")
            .type_url,
        TypeUrl::Cluster.as_str()
    );
    assert!(world.reports.get(&key()).expect("it is known").connected);
    drop(stream);
    timeout(DEADLINE, world.ended.recv())
        .await
        .expect("the guard is dropped")
        .expect("the door lives");
    assert!(!world.reports.get(&key()).expect("it is known").connected);
}

#[tokio::test]
async fn a_caller_without_a_good_token_is_refused() {
    let world = World::start().await;
    for tokens in [&[][..], &["bad"], &["good", "good"]] {
        let mut stream = world.stream(tokens).await;
        stream.ask("default.gw").await;
        assert_eq!(
            stream.end().await.code(),
            Code::Unauthenticated,
            "{tokens:?}"
        );
    }
    assert_eq!(world.reports.get(&key()), None);
}

#[tokio::test]
async fn a_stream_names_its_node_once() {
    let world = World::start().await;
    let mut nameless = world.stream(&["good"]).await;
    let request = DeltaDiscoveryRequest {
        type_url: TypeUrl::Cluster.as_str().to_owned(),
        ..DeltaDiscoveryRequest::default()
    };
    nameless
        .requests
        .send(request)
        .await
        .expect("the stream is open");
    assert_eq!(nameless.end().await.code(), Code::InvalidArgument);

    let mut stream = world.stream(&["good"]).await;
    stream.ask("default.gw").await;
    stream.ask("default.gw").await;
    stream.ask("default.other").await;
    let status = stream.end().await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("default.other"),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let world = World::start().await;
    let mut stream = world.stream(&["good"]).await;
    stream.ask("default.gw").await;
    stream.next().await.expect("it is served");
    world.shutdown.cancel();
    assert_eq!(stream.end().await.code(), Code::Unavailable);
    timeout(DEADLINE, world.server.drained())
        .await
        .expect("nothing is left");
}

#[tokio::test]
async fn a_type_that_is_not_served_disturbs_nothing() {
    let world = World::start().await;
    let mut stream = world.stream(&["good"]).await;
    let node = Some(Node {
        id: "default.gw".to_owned(),
        ..Node::default()
    });
    let request = DeltaDiscoveryRequest {
        node,
        type_url: "type.googleapis.com/unknown".to_owned(),
        ..DeltaDiscoveryRequest::default()
    };
    stream
        .requests
        .send(request)
        .await
        .expect("the stream is open");
    stream.ask("default.gw").await;
    assert_eq!(
        stream
            .next()
            .await
            .expect("it is served")
            .expect("it is served")
            .nonce,
        "1"
    );
}
