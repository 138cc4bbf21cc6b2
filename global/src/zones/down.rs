//! The global-to-zone stream of one zone: the store's feed into the sending machine, which decides.

use tokio::sync::{mpsc, oneshot};
use tonic::{Status, Streaming};

use torii_proto::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use torii_runtime::clock;
use torii_store::Event as StoreEvent;
use torii_sync::kuma::Peer;
use torii_sync::pump::{self, End};
use torii_sync::sender::{self, Action, Event, Sender};
use torii_sync::{Mark, PROGRESS};

use super::accept::Accepted;
use super::retries::Retries;
use super::roster::Seat;
use super::server::Zones;
use super::session::{ensure_zone, until_ended};
use super::timing::Timing;
use crate::first;
use crate::metrics;
use crate::status::soft::Connection;

/// Events that wait for a sending machine; its source stops reading the feed meanwhile, and the ring bounds that.
const FEED_QUEUE: usize = 16;

/// Serves a stream until it ends, and tells the client why.
pub(super) async fn serve(
    zones: Zones,
    accepted: Accepted,
    seat: Seat,
    requests: Streaming<DeltaDiscoveryRequest>,
    queue: mpsc::Sender<sender::Response>,
    end: oneshot::Sender<Status>,
) {
    let streaming = send(&zones, &accepted, &seat, requests, queue);
    let status = until_ended(&zones, &accepted, &seat, streaming).await;
    zones.shared.disconnected(&accepted.zone, seat.number());
    tracing::info!(zone = %accepted.zone, reason = status.message(), "global-to-zone stream ended");
    // The client may be gone already.
    let _ = end.send(status);
}

async fn send(
    zones: &Zones,
    accepted: &Accepted,
    seat: &Seat,
    requests: Streaming<DeltaDiscoveryRequest>,
    queue: mpsc::Sender<sender::Response>,
) -> Status {
    let (peer, requests) = match pump::introduce(requests).await {
        Ok(introduced) => introduced,
        Err(end) => return end.status(),
    };
    if let Err(error) = ensure_zone(zones, &accepted.zone).await {
        return Status::unavailable(error.to_string());
    }
    let connection = connection(accepted, seat, &peer);
    tracing::info!(zone = %accepted.zone, kind = connection.kind, version = %peer.version, "zone follows");
    zones.shared.connected(&accepted.zone, connection);

    let (feed, events) = mpsc::channel(FEED_QUEUE);
    let sender = Sender::new(sender::Config {
        torii: peer.torii,
        mesh_first: true,
        // A Torii zone guards itself, and shows why; for others the linearizable read is the guard.
        at_least: None,
        limits: sender::Limits::default(),
    });
    let notes = Notes {
        zones,
        zone: &accepted.zone,
        timing: Timing::default(),
        retries: Retries::default(),
    };
    let pump = pump::send(sender, requests, queue, events, |action| notes.take(action));
    tokio::select! {
        end = pump => end.status(),
        status = follow(&notes, &peer, feed) => status,
    }
}

fn connection(accepted: &Accepted, seat: &Seat, peer: &Peer) -> Connection {
    Connection {
        number: seat.number(),
        kind: if peer.torii { "torii" } else { "kuma" },
        version: peer.version.clone(),
        authenticated: accepted.authenticated(),
        at_unix_ms: u64::try_from(clock::now().as_millisecond()).unwrap_or_default(),
    }
}

/// Reads the state newest on a majority, then every batch after it (kds §10.2 P1). Returns only when that fails.
async fn follow(notes: &Notes<'_>, peer: &Peer, feed: mpsc::Sender<Event>) -> Status {
    let Notes { zones, .. } = notes;
    let variant = peer.variant();
    let view = match zones.store.linearizable().await {
        Ok(view) => view,
        Err(error) => return Status::unavailable(error.to_string()),
    };
    let Some(cluster_id) = first::cluster_id(&view) else {
        return Status::unavailable("the global has not finished its first start; reconnect later");
    };
    let mut watch = zones.store.watch(view.revision());
    let loaded = zones.encoder.loaded(variant, &cluster_id, &view);
    drop(view);
    let mut next = Event::Loaded(loaded);
    loop {
        if feed.send(next).await.is_err() {
            return End::Stopped.status();
        }
        let event = tokio::select! {
            event = watch.next() => event,
            type_name = notes.retries.due() => {
                next = Event::Retry { type_name };
                continue;
            }
        };
        next = match event {
            Some(StoreEvent::Batch(batch)) => {
                notes.timing.read(batch.revision);
                Event::Changed(zones.encoder.changed(variant, &cluster_id, &batch))
            }
            Some(StoreEvent::Snapshot(view)) => {
                Event::Loaded(zones.encoder.loaded(variant, &cluster_id, &view))
            }
            None => return Status::unavailable("the store of this global node has stopped"),
        };
    }
}

/// What the sending machine has to say about the zone.
struct Notes<'a> {
    zones: &'a Zones,
    zone: &'a str,
    timing: Timing,
    retries: Retries,
}

impl Notes<'_> {
    fn take(&self, action: Action) {
        let Self { zones, zone, .. } = *self;
        match action {
            Action::Send(_) => {}
            Action::Acknowledged { type_name, mark } => {
                self.retries.forget(&type_name);
                zones.shared.taken(zone, type_name.as_str());
                if type_name.as_str() == PROGRESS {
                    self.stored(&mark);
                }
            }
            Action::Rejected(rejected) => {
                let type_name = rejected.type_name.as_str();
                metrics::rejected(type_name);
                tracing::warn!(zone, type_name, message = %rejected.message, "the zone refuses resources");
                zones.shared.refused(zone, type_name, &rejected.message);
                self.retries.add(&rejected.type_name);
            }
            Action::TooLarge(too_large) => {
                tracing::error!(zone, error = %too_large, "a kind is not sent to the zone");
                let type_name = too_large.type_name.as_str();
                zones
                    .shared
                    .refused(zone, type_name, &too_large.to_string());
            }
        }
    }

    fn stored(&self, mark: &Mark) {
        for took in self.timing.stored(mark.revision) {
            metrics::stored_in_zone(took);
        }
    }
}
