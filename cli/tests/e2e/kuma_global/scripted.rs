//! A Kuma global that says what was recorded: full first sets, hashed names, no marks, gzip. Decides nothing.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};
use torii_cli::playground::wait_until;
use torii_proto::envoy::config::core::v3::Node;
use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_proto::kuma::mesh::v1alpha1::sync::server::{KDSSyncService, KDSSyncServiceServer};

use crate::DEADLINE;
use crate::recorded::{message, messages};

/// What a test tells an open stream.
enum Word {
    Push(DeltaDiscoveryResponse),
    /// The end; `None` is OK.
    End(Option<Status>),
}

/// A global-to-zone stream.
pub(crate) struct Down {
    pub(crate) headers: MetadataMap,
    pub(crate) requests: Vec<DeltaDiscoveryRequest>,
    pub(crate) sent: Vec<DeltaDiscoveryResponse>,
    words: mpsc::UnboundedSender<Word>,
}

/// A zone-to-global stream.
#[derive(Default)]
pub(crate) struct Up {
    pub(crate) responses: Vec<DeltaDiscoveryResponse>,
}

#[derive(Default)]
pub(crate) struct State {
    /// The first set of each type.
    answers: BTreeMap<String, DeltaDiscoveryResponse>,
    /// What the global asks a zone for.
    subscriptions: Vec<DeltaDiscoveryRequest>,
    pub(crate) downs: Vec<Down>,
    pub(crate) ups: Vec<Up>,
}

#[derive(Clone)]
struct Service(Arc<Mutex<State>>);

/// A running global.
pub(crate) struct Global {
    state: Arc<Mutex<State>>,
    pub(crate) address: SocketAddr,
    pub(crate) ca: PathBuf,
}

impl Down {
    /// Whether this response was acknowledged: exact nonce, node, no error.
    pub(crate) fn acknowledged(&self, response: &DeltaDiscoveryResponse) -> bool {
        self.requests.iter().any(|request| {
            request.type_url == response.type_url
                && request.response_nonce == response.nonce
                && request.error_detail.is_none()
        })
    }

    /// The first response of a type.
    pub(crate) fn first(&self, type_url: &str) -> Option<&DeltaDiscoveryResponse> {
        self.sent
            .iter()
            .find(|response| response.type_url == type_url)
    }

    fn respond(&mut self, mut response: DeltaDiscoveryResponse) -> DeltaDiscoveryResponse {
        // One counter a stream, over all types.
        response.nonce = (self.sent.len() + 1).to_string();
        self.sent.push(response.clone());
        response
    }
}

impl State {
    /// The last global-to-zone stream.
    pub(crate) fn down(&self) -> Result<&Down, String> {
        self.downs
            .last()
            .ok_or_else(|| "no global-to-zone stream".to_owned())
    }

    /// A request of the zone; the answer if it is a subscription.
    fn request(
        &mut self,
        stream: usize,
        request: DeltaDiscoveryRequest,
    ) -> Option<DeltaDiscoveryResponse> {
        let subscription = request.response_nonce.is_empty();
        let type_url = request.type_url.clone();
        self.downs[stream].requests.push(request);
        // Kuma knows no `torii.` type, and says nothing.
        if !subscription || type_url.starts_with("torii.") {
            return None;
        }
        let empty = self
            .answers
            .values()
            .next()
            .map(|any| DeltaDiscoveryResponse {
                type_url: type_url.clone(),
                control_plane: any.control_plane.clone(),
                ..DeltaDiscoveryResponse::default()
            });
        let answer = self.answers.get(&type_url).cloned().or(empty)?;
        Some(self.downs[stream].respond(answer))
    }
}

impl Global {
    /// Starts one that has what the recorded one had.
    pub(crate) async fn start(address: Ipv4Addr, folder: &Path, recording: &[Value]) -> Self {
        let mut state = State::default();
        for event in messages(recording, "GlobalToZoneSync", "server->client") {
            let answer: DeltaDiscoveryResponse = message(event);
            state
                .answers
                .entry(answer.type_url.clone())
                .or_insert(answer);
        }
        let asked = messages(recording, "ZoneToGlobalSync", "server->client")
            .map(message::<DeltaDiscoveryRequest>);
        state.subscriptions = asked
            .filter(|request| request.response_nonce.is_empty())
            .collect();
        let state = Arc::new(Mutex::new(state));

        let made = rcgen::generate_simple_self_signed(vec![address.to_string()]).unwrap();
        let ca = folder.join("kuma-ca.crt");
        std::fs::write(&ca, made.cert.pem()).unwrap();
        let identity = Identity::from_pem(made.cert.pem(), made.signing_key.serialize_pem());
        let service = KDSSyncServiceServer::new(Service(Arc::clone(&state)))
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip);
        let listener = TcpListener::bind((address, 5685)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder()
            .tls_config(ServerTlsConfig::new().identity(identity))
            .unwrap()
            .add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { state, address, ca }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From the next stream on the type has nothing in it.
    pub(crate) fn lose(&self, type_url: &str) {
        let mut state = self.state();
        let answer = state.answers.get_mut(type_url).unwrap();
        answer.resources.clear();
    }

    /// Ends the last global-to-zone stream; `None` is OK.
    pub(crate) fn end(&self, status: Option<Status>) {
        self.word(Word::End(status));
    }

    /// Sends a recorded change on the last global-to-zone stream.
    pub(crate) fn push(&self, response: DeltaDiscoveryResponse) {
        self.word(Word::Push(response));
    }

    fn word(&self, word: Word) {
        let state = self.state();
        assert!(
            state.down().unwrap().words.send(word).is_ok(),
            "the stream is over"
        );
    }

    /// Waits until a look at what happened is satisfied.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        look: impl Fn(&State) -> Result<T, String>,
    ) -> T {
        let look = || std::future::ready(look(&self.state()));
        wait_until(what, DEADLINE, look).await.unwrap()
    }
}

#[tonic::async_trait]
impl KDSSyncService for Service {
    type GlobalToZoneSyncStream = ReceiverStream<Result<DeltaDiscoveryResponse, Status>>;
    type ZoneToGlobalSyncStream = ReceiverStream<Result<DeltaDiscoveryRequest, Status>>;

    async fn global_to_zone_sync(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::GlobalToZoneSyncStream>, Status> {
        let headers = request.metadata().clone();
        let mut requests = request.into_inner();
        let (words, mut told) = mpsc::unbounded_channel();
        let (send, queue) = mpsc::channel(256);
        // As Go's: headers come with the first answer, which needs a request.
        let first = requests.message().await?;
        let state = Arc::clone(&self.0);
        let stream = {
            let mut state = state.lock().unwrap();
            state.downs.push(Down {
                headers,
                requests: Vec::new(),
                sent: Vec::new(),
                words,
            });
            state.downs.len() - 1
        };
        tokio::spawn(async move {
            let mut next = first;
            while let Some(request) = next.take() {
                let answer = state.lock().unwrap().request(stream, request);
                if let Some(answer) = answer {
                    let _ = send.send(Ok(answer)).await;
                }
                while next.is_none() {
                    tokio::select! {
                        request = requests.message() => match request {
                            Ok(Some(request)) => next = Some(request),
                            _ => return,
                        },
                        Some(word) = told.recv() => match word {
                            Word::Push(response) => {
                                let response = state.lock().unwrap().downs[stream].respond(response);
                                let _ = send.send(Ok(response)).await;
                            }
                            Word::End(None) => return,
                            Word::End(Some(status)) => {
                                let _ = send.send(Err(status)).await;
                                return;
                            }
                        },
                    }
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(queue)))
    }

    async fn zone_to_global_sync(
        &self,
        request: Request<Streaming<DeltaDiscoveryResponse>>,
    ) -> Result<Response<Self::ZoneToGlobalSyncStream>, Status> {
        let mut responses = request.into_inner();
        let (send, queue) = mpsc::channel(256);
        let state = Arc::clone(&self.0);
        let (stream, subscriptions) = {
            let mut state = state.lock().unwrap();
            state.ups.push(Up::default());
            (state.ups.len() - 1, state.subscriptions.clone())
        };
        tokio::spawn(async move {
            for subscription in subscriptions {
                let _ = send.send(Ok(subscription)).await;
            }
            while let Ok(Some(response)) = responses.message().await {
                let ack = DeltaDiscoveryRequest {
                    node: Some(Node {
                        id: super::ZONE.to_owned(),
                        ..Node::default()
                    }),
                    type_url: response.type_url.clone(),
                    response_nonce: response.nonce.clone(),
                    ..DeltaDiscoveryRequest::default()
                };
                state.lock().unwrap().ups[stream].responses.push(response);
                let _ = send.send(Ok(ack)).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(queue)))
    }
}
