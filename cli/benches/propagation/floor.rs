//! Envoy's own floor: the same change, pushed from prepared bytes by a server that does nothing else.
//!
//! No store, no generation, no TLS: what remains is Envoy's protocol (a new cluster is sent, gets its endpoints, is warm
//! when Envoy acknowledges it; then the route) and Envoy's own work.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use torii_proto::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use torii_proto::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
};
use torii_render::{Part, Parts, TypeUrl};

/// Pushes prepared parts to one Envoy.
#[derive(Debug)]
pub(crate) struct Floor {
    pushes: mpsc::Sender<Arc<Parts>>,
}

impl Floor {
    /// Serves `first` on `address` (plain HTTP/2) until the process ends.
    pub(crate) async fn start(address: SocketAddr, first: Arc<Parts>) -> std::io::Result<Self> {
        let (pushes, incoming) = mpsc::channel(1);
        let service = Service {
            first,
            pushes: Arc::new(Mutex::new(Some(incoming))),
        };
        let listener = tokio::net::TcpListener::bind(address).await?;
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener).map(|stream| {
            stream.inspect(|stream| {
                let _ = stream.set_nodelay(true);
            })
        });
        let server = tonic::transport::Server::builder()
            .add_service(AggregatedDiscoveryServiceServer::new(service))
            .serve_with_incoming(incoming);
        tokio::spawn(server);
        Ok(Self { pushes })
    }

    /// Makes these parts the desired ones.
    pub(crate) fn push(&self, parts: Arc<Parts>) {
        let _ = self.pushes.blocking_send(parts);
    }
}

#[derive(Debug)]
struct Service {
    first: Arc<Parts>,
    pushes: Arc<Mutex<Option<mpsc::Receiver<Arc<Parts>>>>>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AggregatedDiscoveryService for Service {
    type StreamAggregatedResourcesStream = Answers<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Answers<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        _request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented("delta only"))
    }

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        let pushes = self
            .pushes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let pushes = pushes.ok_or_else(|| Status::unavailable("one stream only"))?;
        let (answers, receiver) = mpsc::channel(64);
        let session = Session {
            parts: Arc::clone(&self.first),
            eds: BTreeSet::new(),
            nonce: 0,
            step: Step::Idle,
            answers,
        };
        tokio::spawn(session.run(request.into_inner(), pushes));
        Ok(Response::new(Box::pin(
            ReceiverStream::new(receiver).map(Ok),
        )))
    }
}

/// Where a push stands.
#[derive(Debug)]
enum Step {
    Idle,
    /// New clusters are sent; their acknowledgement says that they are warm.
    Warming {
        nonce: String,
        old: Arc<Parts>,
    },
    /// The route is sent; after its acknowledgement the old clusters go.
    Switching {
        nonce: String,
        old: Arc<Parts>,
    },
}

struct Session {
    parts: Arc<Parts>,
    eds: BTreeSet<String>,
    nonce: u64,
    step: Step,
    answers: mpsc::Sender<DeltaDiscoveryResponse>,
}

impl Session {
    async fn run(
        mut self,
        mut requests: Streaming<DeltaDiscoveryRequest>,
        mut pushes: mpsc::Receiver<Arc<Parts>>,
    ) {
        loop {
            tokio::select! {
                request = requests.next() => match request {
                    Some(Ok(request)) => self.request(request).await,
                    _ => return,
                },
                Some(parts) = pushes.recv() => self.push(parts).await,
            }
        }
    }

    async fn request(&mut self, request: DeltaDiscoveryRequest) {
        let Some(of) = TypeUrl::parse(&request.type_url) else {
            return;
        };
        if !request.response_nonce.is_empty() {
            self.acknowledged(&request.response_nonce).await;
        }
        if of == TypeUrl::Endpoint {
            self.eds
                .extend(request.resource_names_subscribe.iter().cloned());
        }
        let wildcard = matches!(of, TypeUrl::Cluster | TypeUrl::Listener);
        if wildcard && request.response_nonce.is_empty() {
            let all: Vec<_> = self.parts.of_type(of).cloned().collect();
            self.send(of, &all, Vec::new()).await;
        } else if !request.resource_names_subscribe.is_empty() {
            let named: Vec<_> = request
                .resource_names_subscribe
                .iter()
                .filter_map(|name| self.parts.get(of, name).cloned())
                .collect();
            self.send(of, &named, Vec::new()).await;
        }
    }

    async fn push(&mut self, parts: Arc<Parts>) {
        let old = std::mem::replace(&mut self.parts, parts);
        let clusters = changed(&old, &self.parts, TypeUrl::Cluster);
        if clusters.is_empty() {
            self.switch(old).await;
        } else {
            let nonce = self.send(TypeUrl::Cluster, &clusters, Vec::new()).await;
            self.step = Step::Warming { nonce, old };
        }
    }

    async fn switch(&mut self, old: Arc<Parts>) {
        let routes = changed(&old, &self.parts, TypeUrl::Route);
        let nonce = self.send(TypeUrl::Route, &routes, Vec::new()).await;
        self.step = Step::Switching { nonce, old };
    }

    async fn acknowledged(&mut self, nonce: &str) {
        match std::mem::replace(&mut self.step, Step::Idle) {
            Step::Warming { nonce: sent, old } if sent == nonce => self.switch(old).await,
            Step::Switching { nonce: sent, old } if sent == nonce => {
                let gone: Vec<_> = old
                    .of_type(TypeUrl::Cluster)
                    .filter(|part| self.parts.get(TypeUrl::Cluster, &part.name).is_none())
                    .map(|part| part.name.clone())
                    .collect();
                if !gone.is_empty() {
                    self.send(TypeUrl::Cluster, &[], gone).await;
                }
            }
            step => self.step = step,
        }
    }

    async fn send(&mut self, of: TypeUrl, parts: &[Arc<Part>], removed: Vec<String>) -> String {
        self.nonce += 1;
        let nonce = self.nonce.to_string();
        let response = DeltaDiscoveryResponse {
            type_url: of.as_str().to_owned(),
            nonce: nonce.clone(),
            removed_resources: removed,
            resources: parts
                .iter()
                .map(|part| Resource {
                    name: part.name.clone(),
                    version: part.version.to_string(),
                    resource: Some(part.to_any(of)),
                    ..Resource::default()
                })
                .collect(),
            ..DeltaDiscoveryResponse::default()
        };
        let _ = self.answers.send(response).await;
        nonce
    }
}

fn changed(old: &Parts, new: &Parts, of: TypeUrl) -> Vec<Arc<Part>> {
    new.of_type(of)
        .filter(|part| {
            old.get(of, &part.name)
                .is_none_or(|known| known.version != part.version)
        })
        .cloned()
        .collect()
}
