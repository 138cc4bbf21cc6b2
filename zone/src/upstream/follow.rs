//! The global-to-zone stream: the receiving machine between the connection and the zone's own store.

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use tokio::sync::mpsc;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_proto::kuma::mesh::v1alpha1::sync::client::KDSSyncServiceClient;
use torii_sync::guard::{Guard, Memory};
use torii_sync::kuma::{self, MESSAGE_LIMIT, NodeInfo};
use torii_sync::pump::{self, End};
use torii_sync::receiver::{self, Ending, Receiver};
use torii_sync::scope::{self, Origin};

use super::{Standing, Upstream, connect, intake};
use crate::config::GlobalAddress;
use crate::local;

/// Runs the stream until it ends; says why.
pub(super) async fn run(upstream: &Upstream, address: &GlobalAddress, channel: Channel) -> String {
    // What an earlier stream has left behind half-way: this one starts from what it has stored.
    upstream.storing.wait().await;
    let view = upstream.store.view();
    let memory = match local::memory(&view) {
        Ok(memory) => memory,
        Err(error) => {
            upstream.set(|standing| standing.guard = error.to_string());
            return error.to_string();
        }
    };
    upstream.set(|standing| standing.holds = false);
    let (queue, requests) = mpsc::channel(pump::QUEUE);
    let requests = pump::requests(requests, node(upstream, &memory));
    let requests = requests.inspect(follows(upstream, address));
    let receiver = Receiver::new(receiver::Config {
        types: kuma::zone_types(),
        held: scope::held(&Origin::Global, view.iter().map(|resource| &**resource)),
        guard: Guard::new(memory),
    });
    drop(view);
    let request = match connect::request(upstream, requests).await {
        Ok(request) => request,
        Err(error) => return error.to_string(),
    };
    // Held open: what an operator accepts is told by a new stream.
    let (_controls, control) = mpsc::channel(1);
    let responses = Box::pin(responses(channel, request));
    let store = |transaction| {
        // A task of its own: what has begun is stored whatever becomes of the stream.
        let storing = intake::store(upstream.clone(), transaction);
        let storing = upstream.storing.spawn(storing);
        async move { storing.await.unwrap_or_else(|error| Err(error.to_string())) }
    };
    let end = pump::receive(receiver, responses, queue, control, store, |hold| {
        tracing::warn!(%hold, "the global's set is held");
        upstream.set(|standing| held(standing, &hold.to_string()));
    })
    .await;
    ended(upstream, &end)
}

/// What the global sends. The subscriptions wait in the request for the stream: a Kuma global sends its headers with the
/// first answer only.
fn responses(
    channel: Channel,
    request: Request<impl Stream<Item = DeltaDiscoveryRequest> + Send + 'static>,
) -> impl Stream<Item = Result<DeltaDiscoveryResponse, Status>> {
    let mut client = KDSSyncServiceClient::new(channel)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_LIMIT);
    let opening = async move {
        let answer = client.global_to_zone_sync(request).await;
        answer.map(Response::into_inner)
    };
    futures::stream::once(opening).try_flatten()
}

/// The zone's node: the newest mark that it has, unless an operator lets any global through.
fn node(upstream: &Upstream, memory: &Memory) -> NodeInfo {
    NodeInfo {
        id: upstream.config.name.clone(),
        instance: upstream.about.instance_id.clone(),
        version: upstream.about.version.clone(),
        config: r#"{"store":{"type":"memory"}}"#.to_owned(),
        mark: memory.announced().cloned(),
    }
}

/// The zone follows from the first answer on that it acknowledges: then it has stored what the global sent.
fn follows(
    upstream: &Upstream,
    address: &GlobalAddress,
) -> impl FnMut(&DeltaDiscoveryRequest) + Send + 'static {
    let upstream = upstream.clone();
    let address = address.to_string();
    let mut follows = false;
    move |request| {
        if follows || request.response_nonce.is_empty() {
            return;
        }
        follows = true;
        tracing::info!(global = %address, "following the global");
        upstream.set(|standing| {
            standing.connected_to.clone_from(&address);
            if !standing.holds {
                standing.guard.clear();
            }
            standing.error.clear();
        });
    }
}

/// One more type of this stream is held; what an earlier stream was refused for is replaced.
fn held(standing: &mut Standing, hold: &str) {
    if standing.holds {
        standing.guard = format!("{}; {hold}", standing.guard);
    } else {
        hold.clone_into(&mut standing.guard);
    }
    standing.holds = true;
}

fn ended(upstream: &Upstream, end: &End) -> String {
    if let End::Receiver(Ending::Refused(refusal)) = end {
        tracing::warn!(reason = %refusal, "the zone does not follow this global and keeps serving what it has");
        upstream.set(|standing| standing.guard = refusal.to_string());
    }
    match end {
        End::Failed(status) => format!("{:?}: {}", status.code(), status.message()),
        other => other.to_string(),
    }
}
