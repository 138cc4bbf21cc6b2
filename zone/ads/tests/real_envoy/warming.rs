//! What Envoy does in the delta protocol while a cluster warms: the facts that the session is built on. A hand-made server
//! speaks; nothing here is timed: an answer that may not have come yet is compared with one that was asked for later.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use torii_proto::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use torii_proto::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};
use torii_render::TypeUrl;

use crate::backend;
use crate::config::{One, cluster, endpoints, listener, route, runtime};
use crate::process::{self, Envoy};

const DEADLINE: Duration = Duration::from_secs(60);

type Halves = (
    Streaming<DeltaDiscoveryRequest>,
    mpsc::Sender<Result<DeltaDiscoveryResponse, Status>>,
);

/// Hands each stream to the test.
struct Bare(mpsc::Sender<Halves>);

#[tonic::async_trait]
impl AggregatedDiscoveryService for Bare {
    type StreamAggregatedResourcesStream = ReceiverStream<Result<DiscoveryResponse, Status>>;

    async fn stream_aggregated_resources(
        &self,
        _: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented("delta only"))
    }

    type DeltaAggregatedResourcesStream = ReceiverStream<Result<DeltaDiscoveryResponse, Status>>;

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        let (sender, receiver) = mpsc::channel(16);
        self.0
            .send((request.into_inner(), sender))
            .await
            .map_err(|_| Status::unavailable("over"))?;
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// A conversation with an Envoy that has started.
struct Talk {
    inbound: Streaming<DeltaDiscoveryRequest>,
    outbound: mpsc::Sender<Result<DeltaDiscoveryResponse, Status>>,
    nonce: u64,
    blue: SocketAddr,
    gateway: SocketAddr,
    _envoy: Envoy,
}

/// A request in short: `ACK cds 3`, `NACK …`, `+blue` for subscriptions.
fn words(request: &DeltaDiscoveryRequest) -> Vec<String> {
    let of = TypeUrl::parse(&request.type_url).expect("a known type");
    let mut words = Vec::new();
    if !request.response_nonce.is_empty() {
        let word = if request.error_detail.is_some() {
            "NACK"
        } else {
            "ACK"
        };
        words.push(format!("{word} {of:?} {}", request.response_nonce));
    }
    words.extend(
        request
            .resource_names_subscribe
            .iter()
            .map(|name| format!("{of:?}+{name}")),
    );
    words.extend(
        request
            .resource_names_unsubscribe
            .iter()
            .map(|name| format!("{of:?}-{name}")),
    );
    if words.is_empty() {
        words.push(format!("{of:?}"));
    }
    words
}

impl Talk {
    async fn start(address: Ipv4Addr) -> Option<Self> {
        let binary = process::binary()?;
        let listener_socket = tokio::net::TcpListener::bind((address, 0))
            .await
            .expect("the address is local");
        let server = listener_socket.local_addr().expect("it is bound");
        let (streams, mut accepted) = mpsc::channel(4);
        tokio::spawn(
            Server::builder()
                .add_service(AggregatedDiscoveryServiceServer::new(Bare(streams)))
                .serve_with_incoming(TcpListenerStream::new(listener_socket)),
        );
        let envoy = Envoy::start(&binary, server, "DELTA_GRPC");
        let (inbound, outbound) = timeout(DEADLINE, accepted.recv())
            .await
            .expect("Envoy connects")
            .expect("the server lives");
        let blue = backend::serve(address, "blue").await;
        let gateway = SocketAddr::from((address, process::free_port(address)));
        let mut talk = Self {
            inbound,
            outbound,
            nonce: 0,
            blue,
            gateway,
            _envoy: envoy,
        };
        talk.begin().await;
        Some(talk)
    }

    /// Answers everything that Envoy asks at its start.
    async fn begin(&mut self) {
        let mut seen = Vec::new();
        while !seen.contains(&"ACK Route 5".to_owned()) {
            for word in self.next().await {
                match word.as_str() {
                    "Runtime+gateway.listeners" => self.send(&[runtime()]).await,
                    "Cluster" | "Cluster+*" => self.send(&[cluster("blue", 5)]).await,
                    "Endpoint+blue" => self.send(&[endpoints("blue", self.blue)]).await,
                    "Listener" | "Listener+*" => {
                        self.send(&[listener("first", self.gateway, "first")]).await
                    }
                    "Route+first" => self.send(&[route("first", "0", "blue")]).await,
                    _ => 0,
                };
                seen.push(word);
            }
        }
        println!("start: {seen:?}");
    }

    async fn send(&mut self, parts: &[One]) -> u64 {
        self.nonce += 1;
        let of = parts[0].0;
        let resource = |(of, part): &One| Resource {
            name: part.name.clone(),
            version: part.version.to_string(),
            resource: Some(part.to_any(*of)),
            ..Resource::default()
        };
        let response = DeltaDiscoveryResponse {
            resources: parts.iter().map(resource).collect(),
            type_url: of.as_str().to_owned(),
            nonce: self.nonce.to_string(),
            ..DeltaDiscoveryResponse::default()
        };
        self.outbound
            .send(Ok(response))
            .await
            .expect("Envoy is there");
        self.nonce
    }

    async fn next(&mut self) -> Vec<String> {
        let message = timeout(DEADLINE, self.inbound.message())
            .await
            .expect("Envoy says something");
        words(&message.expect("no error").expect("the stream goes on"))
    }

    /// Everything that Envoy says up to the given word.
    async fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut seen = Vec::new();
        while !seen.iter().any(|word| word == wanted) {
            seen.extend(self.next().await);
        }
        seen
    }

    /// Everything that Envoy says up to the acknowledgement of a route that is sent now: it has taken in all that was sent before.
    async fn barrier(&mut self) -> Vec<String> {
        let nonce = self
            .send(&[route("first", &format!("barrier {}", self.nonce), "blue")])
            .await;
        self.until(&format!("ACK Route {nonce}")).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_holds_the_acknowledgement_of_clusters_back_until_they_are_warm() {
    let Some(mut talk) = Talk::start(Ipv4Addr::new(127, 0, 0, 66)).await else {
        return;
    };
    let clusters = talk.send(&[cluster("green", 5)]).await;
    let acknowledgement = format!("ACK Cluster {clusters}");
    let mut seen = talk.barrier().await;
    if !seen.contains(&"Endpoint+green".to_owned()) {
        seen.extend(talk.until("Endpoint+green").await);
        seen.extend(talk.barrier().await);
    }
    println!("new cluster, no endpoints yet: {seen:?}");
    assert!(!seen.contains(&acknowledgement), "the cluster is not warm");

    // Another cluster meanwhile: Envoy takes it in, and asks for its endpoints, though CDS is held back.
    let second = talk.send(&[cluster("red", 5)]).await;
    let seen = talk.until("Endpoint+red").await;
    println!("another one meanwhile: {seen:?}");
    let endpoints_of_red = talk.send(&[endpoints("red", talk.blue)]).await;
    let mut seen = talk
        .until(&format!("ACK Endpoint {endpoints_of_red}"))
        .await;
    seen.extend(talk.barrier().await);
    println!("endpoints of the other: {seen:?}");
    assert!(
        !seen.contains(&format!("ACK Cluster {second}")),
        "one that is not warm holds back both acknowledgements"
    );

    let endpoints_of_green = talk.send(&[endpoints("green", talk.blue)]).await;
    let mut seen = talk.until(&format!("ACK Cluster {second}")).await;
    println!("endpoints: {seen:?}");
    if !seen.contains(&format!("ACK Endpoint {endpoints_of_green}")) {
        seen.extend(
            talk.until(&format!("ACK Endpoint {endpoints_of_green}"))
                .await,
        );
    }
    assert!(seen.contains(&acknowledgement));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_does_not_ask_again_for_the_endpoints_of_a_changed_cluster_and_waits_for_them() {
    let Some(mut talk) = Talk::start(Ipv4Addr::new(127, 0, 0, 67)).await else {
        return;
    };
    let clusters = talk.send(&[cluster("blue", 6)]).await;
    let acknowledgement = format!("ACK Cluster {clusters}");
    let mut seen = talk.barrier().await;
    seen.extend(talk.barrier().await);
    println!("changed cluster: {seen:?}");
    let asked = seen.contains(&"Endpoint+blue".to_owned());
    let acknowledged = seen.contains(&acknowledgement);
    println!("asks again for its endpoints: {asked}; acknowledged without them: {acknowledged}");
    assert!(!acknowledged, "it is not warm without endpoints");
    assert!(!asked, "it waits in silence");
    talk.send(&[endpoints("blue", talk.blue)]).await;
    let seen = talk.until(&acknowledgement).await;
    println!("endpoints sent unasked: {seen:?}");
}
