//! The tonic service: who is there, may it in, and a task per stream.
//!
//! Tokens, registration and generation are the zone's, behind [`Admission`].

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use torii_proto::envoy::config::core::v3::Node;
use torii_proto::envoy::config::core::v3::node::UserAgentVersionType;
use torii_proto::envoy::google::protobuf::Struct;
use torii_proto::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use torii_proto::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};

use crate::delta::Delta;
use crate::message::Desired;
use crate::metrics::OpenStream;
use crate::report::{ProxyKey, Reports};
use crate::session::DEFAULT_HOLD;
use crate::sotw::Sotw;
use crate::stream::{Outbound, Pump, Wire, going};

/// Responses that may wait for the connection.
const QUEUE: usize = 16;
/// How long a client may take to say who it is.
const FIRST_REQUEST: Duration = Duration::from_secs(10);

/// What the first request of a stream says about the client.
pub struct FirstRequest {
    /// Node id, `<mesh>.<name>` for Kuma's data planes.
    pub node_id: String,
    /// The raw token of the `authorization` metadata (control-plane-api §12.2).
    pub token: Option<String>,
    /// The node's metadata, with `dataplane.resource` and others (control-plane-api §11.6).
    pub metadata: Option<Struct>,
    /// Envoy's version as it says, e.g. `1.40.0`; empty when it does not.
    pub envoy_version: String,
}

impl fmt::Debug for FirstRequest {
    /// Without the token, and without the metadata, which carries whole resources.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FirstRequest")
            .field("node_id", &self.node_id)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("envoy_version", &self.envoy_version)
            .finish_non_exhaustive()
    }
}

/// What an admitted proxy's stream needs.
pub struct ProxyStream {
    /// Which proxy it is.
    pub key: ProxyKey,
    /// What it shall hold; none until it has been generated. When the sender is dropped the stream ends with UNAVAILABLE.
    pub desired: watch::Receiver<Option<Arc<Desired>>>,
    /// Dropped when the stream has ended.
    pub guard: Box<dyn Any + Send>,
}

impl fmt::Debug for ProxyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyStream")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Decides who may connect, registers proxies, and says what they shall hold.
pub trait Admission: Send + Sync + 'static {
    /// Called once per stream. An error ends the stream and is what the client is told.
    fn admit(
        &self,
        first: &FirstRequest,
    ) -> impl Future<Output = Result<ProxyStream, Status>> + Send;
}

impl<A: Admission> Admission for Arc<A> {
    fn admit(
        &self,
        first: &FirstRequest,
    ) -> impl Future<Output = Result<ProxyStream, Status>> + Send {
        (**self).admit(first)
    }
}

/// The aggregated discovery service of a zone.
pub struct AdsServer<A> {
    shared: Arc<Shared<A>>,
}

struct Shared<A> {
    admission: A,
    reports: Reports,
    identifier: Arc<str>,
    hold: Duration,
    shutdown: CancellationToken,
    streams: TaskTracker,
}

impl<A> Clone for AdsServer<A> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<A> fmt::Debug for AdsServer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdsServer")
            .field("identifier", &self.shared.identifier)
            .field("streams", &self.shared.streams.len())
            .finish_non_exhaustive()
    }
}

impl<A: Admission> AdsServer<A> {
    /// A server that is known as `identifier` to its clients and ends its streams when `shutdown` is cancelled.
    pub fn new(
        admission: A,
        reports: Reports,
        identifier: &str,
        shutdown: CancellationToken,
    ) -> Self {
        Self::with_hold(admission, reports, identifier, shutdown, DEFAULT_HOLD)
    }

    /// The same with another limit for how long a route is held for a cluster that does not get warm.
    pub fn with_hold(
        admission: A,
        reports: Reports,
        identifier: &str,
        shutdown: CancellationToken,
        hold: Duration,
    ) -> Self {
        let shared = Shared {
            admission,
            reports,
            identifier: Arc::from(identifier),
            hold,
            shutdown,
            streams: TaskTracker::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The service, to be added to a tonic router.
    pub fn into_service(self) -> AggregatedDiscoveryServiceServer<Self> {
        AggregatedDiscoveryServiceServer::new(self)
    }

    /// Waits until every stream has ended. Cancel the token first.
    pub async fn drained(&self) {
        self.shared.streams.close();
        self.shared.streams.wait().await;
    }

    fn open<W: Wire>(
        &self,
        request: Request<Streaming<W::In>>,
    ) -> ReceiverStream<Result<W::Out, Status>> {
        let (outbound, receiver) = mpsc::channel(QUEUE);
        let shared = Arc::clone(&self.shared);
        let (metadata, _, inbound) = request.into_parts();
        self.shared.streams.spawn(async move {
            if let Err(status) = shared.serve::<W>(&metadata, inbound, outbound.clone()).await {
                tracing::info!(code = ?status.code(), message = status.message(), "xDS stream ends");
                // The client may be gone, or not reading: nobody waits for that.
                let _ = outbound.try_send(Err(status));
            }
        });
        ReceiverStream::new(receiver)
    }
}

impl<A: Admission> Shared<A> {
    async fn serve<W: Wire>(
        &self,
        metadata: &MetadataMap,
        mut inbound: Streaming<W::In>,
        outbound: Outbound<W>,
    ) -> Result<(), Status> {
        let token = token(metadata)?;
        let first = tokio::select! {
            () = self.shutdown.cancelled() => return Err(going()),
            first = tokio::time::timeout(FIRST_REQUEST, inbound.message()) => first,
        };
        let Some(mut message) =
            first.map_err(|_| Status::deadline_exceeded("no first request within 10 s"))??
        else {
            return Ok(());
        };
        let node = W::take_node(&mut message).ok_or_else(|| {
            Status::invalid_argument("the first request of a stream has to name its node")
        })?;
        let first = first_request(node, token);
        let admitted = tokio::select! {
            () = self.shutdown.cancelled() => return Err(going()),
            admitted = self.admission.admit(&first) => admitted?,
        };
        let ProxyStream {
            key,
            desired,
            guard,
        } = admitted;
        tracing::info!(proxy = %key, envoy = %first.envoy_version, protocol = ?W::DIALECT, "xDS stream begins");
        let _open = OpenStream::new();
        let pump = Pump::<W> {
            inbound,
            outbound,
            desired,
            reporter: self.reports.open(key, first.envoy_version),
            identifier: Arc::clone(&self.identifier),
            node_id: first.node_id,
            hold: self.hold,
            shutdown: self.shutdown.clone(),
        };
        let ended = pump.run(message).await;
        drop(guard);
        ended
    }
}

fn token(metadata: &MetadataMap) -> Result<Option<String>, Status> {
    let mut values = metadata.get_all("authorization").iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Status::unauthenticated(
            "metadata authorization: more than one value",
        ));
    }
    first
        .map(|value| {
            let text = value.to_str();
            text.map(ToOwned::to_owned)
                .map_err(|_| Status::unauthenticated("metadata authorization: not text"))
        })
        .transpose()
}

fn first_request(node: Node, token: Option<String>) -> FirstRequest {
    let envoy_version = match node.user_agent_version_type {
        Some(UserAgentVersionType::UserAgentVersion(version)) => version,
        Some(UserAgentVersionType::UserAgentBuildVersion(build)) => build
            .version
            .map(|version| {
                format!(
                    "{}.{}.{}",
                    version.major_number, version.minor_number, version.patch
                )
            })
            .unwrap_or_default(),
        None => String::new(),
    };
    FirstRequest {
        node_id: node.id,
        token,
        metadata: node.metadata,
        envoy_version,
    }
}

#[tonic::async_trait]
impl<A: Admission> AggregatedDiscoveryService for AdsServer<A> {
    type StreamAggregatedResourcesStream = ReceiverStream<Result<DiscoveryResponse, Status>>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        Ok(Response::new(self.open::<Sotw>(request)))
    }

    type DeltaAggregatedResourcesStream = ReceiverStream<Result<DeltaDiscoveryResponse, Status>>;

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        Ok(Response::new(self.open::<Delta>(request)))
    }
}
