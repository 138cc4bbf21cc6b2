//! The zone-to-global stream: what the zone owns (Dataplanes, its own gateways) on its way up. The zone is the server of
//! the delta protocol here, though it dialled.

use std::sync::Arc;

use tokio::sync::mpsc;
use tonic::transport::Channel;

use torii_proto::kuma::mesh::v1alpha1::sync::client::KDSSyncServiceClient;
use torii_store::{Batch, Event, View};
use torii_sync::Mark;
use torii_sync::kuma::MESSAGE_LIMIT;
use torii_sync::pump;
use torii_sync::scope::Scope;
use torii_sync::sender::{self, Action, Changed, Loaded, Sender};

use super::{Upstream, connect};

/// Events that wait for the sending machine.
const FEED_QUEUE: usize = 16;

/// Runs the stream until it ends; says why.
pub(super) async fn run(upstream: &Upstream, channel: Channel) -> String {
    let (queue, responses) = mpsc::channel(pump::QUEUE);
    let responses = pump::responses(responses, upstream.config.name.clone());
    let request = match connect::request(upstream, responses).await {
        Ok(request) => request,
        Err(error) => return error.to_string(),
    };
    let mut client = KDSSyncServiceClient::new(channel)
        .accept_compressed(tonic::codec::CompressionEncoding::Gzip)
        .max_decoding_message_size(MESSAGE_LIMIT);
    let requests = match client.zone_to_global_sync(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return status.to_string(),
    };
    let (peer, requests) = match pump::introduce(requests).await {
        Ok(introduced) => introduced,
        Err(end) => return end.to_string(),
    };
    let scope = Scope::ToGlobal {
        zone: Arc::from(upstream.config.name.as_str()),
        variant: peer.variant(),
    };
    let (feed, events) = mpsc::channel(FEED_QUEUE);
    // No marks upwards: what the global follows are a zone's resources, not its revisions.
    let sender = Sender::new(sender::Config::default());
    let pump = pump::send(sender, requests, queue, events, |action| {
        if let Action::Rejected(rejected) = action {
            tracing::warn!(type_name = %rejected.type_name, message = %rejected.message, "the global refuses resources of this zone");
        }
    });
    tokio::select! {
        end = pump => end.to_string(),
        () = feed_sender(upstream, &scope, feed) => "the zone's store has stopped".to_owned(),
    }
}

async fn feed_sender(upstream: &Upstream, scope: &Scope, feed: mpsc::Sender<sender::Event>) {
    let view = upstream.store.view();
    let mut watch = upstream.store.watch(view.revision());
    let mut next = Some(sender::Event::Loaded(loaded(upstream, scope, &view)));
    drop(view);
    loop {
        if let Some(event) = next.take()
            && feed.send(event).await.is_err()
        {
            return;
        }
        next = match watch.next().await {
            Some(Event::Batch(batch)) => {
                changed(upstream, scope, &batch).map(sender::Event::Changed)
            }
            Some(Event::Snapshot(view)) => {
                Some(sender::Event::Loaded(loaded(upstream, scope, &view)))
            }
            None => return,
        };
    }
}

fn loaded(upstream: &Upstream, scope: &Scope, view: &View) -> Loaded {
    Loaded {
        mark: mark(upstream, view.epoch(), view.revision()),
        types: scope.sets(view.iter().map(|resource| &**resource)),
    }
}

/// What a batch changes for the global; nothing for a batch that came from it.
fn changed(upstream: &Upstream, scope: &Scope, batch: &Batch) -> Option<Changed> {
    let mut changed = Changed {
        mark: mark(upstream, batch.epoch, batch.revision),
        types: std::collections::BTreeMap::new(),
    };
    for change in &batch.changes {
        let changes = scope.change(change.before.as_deref(), change.after.as_deref());
        if changes.upserts.is_empty() && changes.removals.is_empty() {
            continue;
        }
        let of_type = changed.types.entry(change.key.kind.clone()).or_default();
        of_type.upserts.extend(changes.upserts);
        of_type.removals.extend(changes.removals);
    }
    (!changed.types.is_empty()).then_some(changed)
}

fn mark(upstream: &Upstream, epoch: u64, revision: torii_resource::Revision) -> Mark {
    Mark {
        cluster_id: upstream.config.name.clone(),
        epoch,
        revision,
    }
}
