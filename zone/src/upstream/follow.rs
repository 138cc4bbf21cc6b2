//! The global-to-zone stream: the receiving machine between the connection and the zone's own store.

use tokio::sync::mpsc;
use tonic::transport::Channel;

use torii_proto::kuma::mesh::v1alpha1::sync::client::KDSSyncServiceClient;
use torii_runtime::Backoff;
use torii_sync::guard::{Guard, Memory};
use torii_sync::kuma::{self, MESSAGE_LIMIT, NodeInfo};
use torii_sync::pump::{self, End};
use torii_sync::receiver::{self, Ending, Receiver};
use torii_sync::scope::{self, Origin};

use super::{Upstream, connect, intake};
use crate::config::GlobalAddress;
use crate::local;

/// Runs the stream until it ends; says why.
pub(super) async fn run(upstream: &Upstream, address: &GlobalAddress, channel: Channel, backoff: &mut Backoff) -> String {
    let view = upstream.store.view();
    let memory = match local::memory(&view) {
        Ok(memory) => memory,
        Err(error) => {
            upstream.set(|standing| standing.guard = error.to_string());
            return error.to_string();
        }
    };
    let (queue, requests) = mpsc::channel(pump::QUEUE);
    let requests = pump::requests(requests, node(upstream, &memory));
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
    let mut client = KDSSyncServiceClient::new(channel)
        .accept_compressed(tonic::codec::CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_LIMIT);
    // The subscriptions wait in the queue for the stream: a Kuma global sends its headers with the first answer only.
    let (controls, control) = mpsc::channel(1);
    let mut subscribing = Subscribed::new(upstream, address, backoff);
    let responses = futures::stream::once(async move { client.global_to_zone_sync(request).await });
    let responses = futures::StreamExt::flat_map(responses, |answer| match answer {
        Ok(answer) => futures::StreamExt::left_stream(answer.into_inner()),
        Err(status) => futures::StreamExt::right_stream(futures::stream::once(async move { Err(status) })),
    });
    let store = |transaction| {
        subscribing.stored();
        intake::store(upstream, transaction)
    };
    let end = pump::receive(receiver, Box::pin(responses), queue, control, store, |hold| {
        tracing::warn!(%hold, "the global's set is held");
        upstream.set(|standing| standing.guard = hold.to_string());
    })
    .await;
    drop(controls);
    ended(upstream, &end)
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

/// The zone follows from the first transaction on that it has stored.
struct Subscribed<'a> {
    upstream: &'a Upstream,
    address: String,
    backoff: &'a mut Backoff,
}

impl<'a> Subscribed<'a> {
    fn new(upstream: &'a Upstream, address: &GlobalAddress, backoff: &'a mut Backoff) -> Self {
        Self {
            upstream,
            address: connect::display(address),
            backoff,
        }
    }

    fn stored(&mut self) {
        self.backoff.reset();
        self.upstream.set(|standing| {
            if standing.connected_to != self.address {
                tracing::info!(global = %self.address, "following the global");
            }
            standing.connected_to.clone_from(&self.address);
            standing.guard.clear();
            standing.error.clear();
        });
    }
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
