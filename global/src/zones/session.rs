//! The streams of one zone: the store's feed into the sending machine, and the receiving machine into the store.
//!
//! The machines decide (`torii-sync`); this file only connects them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tonic::{Status, Streaming};

use torii_proto::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use torii_resource::kinds::Zone;
use torii_resource::{ResourceKey, Revision};
use torii_runtime::clock;
use torii_store::{Change, Error as StoreError, Event as StoreEvent, Expect, Op, Proposal};
use torii_sync::guard::Guard;
use torii_sync::kuma::{self, NodeInfo, Peer};
use torii_sync::pump::{self, End};
use torii_sync::receiver::{self, Receiver, Transaction};
use torii_sync::scope::{self, Origin};
use torii_sync::sender::{self, Action, Sender};
use torii_sync::{Mark, PROGRESS};

use super::accept::Accepted;
use super::ingest;
use super::roster::{Direction, Seat};
use super::server::Zones;
use crate::first;
use crate::metrics;

/// Events that wait for a sending machine; its source stops reading the feed meanwhile, and the ring bounds that.
const FEED_QUEUE: usize = 16;
/// How often an upward transaction is planned anew when others change the same keys.
const ATTEMPTS: usize = 8;

/// Serves a global-to-zone stream until it ends, and tells the client why.
pub(crate) async fn down(
    zones: Zones,
    accepted: Accepted,
    requests: Streaming<DeltaDiscoveryRequest>,
    queue: mpsc::Sender<sender::Response>,
    end: oneshot::Sender<Status>,
) {
    let seat = zones.roster.enter(&accepted.zone, Direction::Down);
    let status = {
        let streaming = stream_down(&zones, &accepted, requests, queue);
        until_ended(&zones, &accepted, &seat, streaming).await
    };
    if seat.is_current() {
        zones.shared.disconnected(&accepted.zone);
    }
    tracing::info!(zone = %accepted.zone, reason = status.message(), "global-to-zone stream ended");
    // The client may be gone already.
    let _ = end.send(status);
}

async fn stream_down(
    zones: &Zones,
    accepted: &Accepted,
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
    let kind = if peer.torii { "torii" } else { "kuma" };
    let at = u64::try_from(clock::now().as_millisecond()).unwrap_or_default();
    zones.shared.connected(&accepted.zone, kind, accepted.authenticated(), at);
    tracing::info!(zone = %accepted.zone, kind, version = %peer.version, "zone follows");

    let sent: SentTimes = Arc::default();
    let (feed, events) = mpsc::channel(FEED_QUEUE);
    let sender = Sender::new(sender::Config {
        torii: peer.torii,
        mesh_first: true,
        // A Torii zone guards itself, and shows why; for others the linearizable read is the guard.
        at_least: None,
        limits: sender::Limits::default(),
    });
    let pump = pump::send(sender, requests, queue, events, |action| {
        notice(zones, accepted, &peer, &sent, action);
    });
    tokio::select! {
        end = pump => end.status(),
        status = feed_sender(zones, &peer, &sent, feed) => status,
    }
}

/// When each revision came off the feed, for the time that it takes a zone to store it.
type SentTimes = Arc<Mutex<VecDeque<(Revision, Instant)>>>;
/// Revisions whose time is kept; a zone that is further behind is not measured.
const SENT_KEPT: usize = 1024;

/// Reads the state newest on a majority, then every batch after it (kds §10.2 P1). Returns only when that fails.
async fn feed_sender(zones: &Zones, peer: &Peer, sent: &SentTimes, feed: mpsc::Sender<sender::Event>) -> Status {
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
    let mut next = sender::Event::Loaded(loaded);
    loop {
        if feed.send(next).await.is_err() {
            return End::Stopped.status();
        }
        next = match watch.next().await {
            Some(StoreEvent::Batch(batch)) => {
                remember(sent, batch.revision);
                sender::Event::Changed(zones.encoder.changed(variant, &cluster_id, &batch))
            }
            Some(StoreEvent::Snapshot(view)) => {
                sender::Event::Loaded(zones.encoder.loaded(variant, &cluster_id, &view))
            }
            None => return Status::unavailable("the store of this global node has stopped"),
        };
    }
}

fn remember(sent: &SentTimes, revision: Revision) {
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    if sent.len() == SENT_KEPT {
        sent.pop_front();
    }
    sent.push_back((revision, Instant::now()));
}

fn notice(zones: &Zones, accepted: &Accepted, peer: &Peer, sent: &SentTimes, action: Action) {
    let zone = accepted.zone.as_str();
    match action {
        Action::Send(_) => {}
        Action::Acknowledged { type_name, mark } => {
            if type_name.as_str() == PROGRESS {
                observe(sent, &mark);
                zones.shared.followed(zone, &peer.version, &mark);
            }
        }
        Action::Rejected(rejected) => {
            metrics::rejected(rejected.type_name.as_str());
            tracing::warn!(zone, type_name = %rejected.type_name, message = %rejected.message, "the zone refuses resources");
            zones.shared.refused(zone, rejected.type_name.as_str(), &rejected.message);
        }
        Action::TooLarge(too_large) => {
            tracing::error!(zone, error = %too_large, "a kind is not sent to the zone");
            zones.shared.refused(zone, too_large.type_name.as_str(), &too_large.to_string());
        }
    }
}

fn observe(sent: &SentTimes, mark: &Mark) {
    let mut sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    while let Some((_, at)) = sent.pop_front_if(|(revision, _)| *revision <= mark.revision) {
        metrics::stored_in_zone(at.elapsed());
    }
}

/// The Zone resource exists before anything of the zone does (kds §10.2 P14).
async fn ensure_zone(zones: &Zones, name: &str) -> Result<(), StoreError> {
    let key = ResourceKey::of::<Zone>("", name);
    if zones.store.view().get(&key).is_some() {
        return Ok(());
    }
    let spec = torii_proto::kuma::system::v1alpha1::Zone { enabled: Some(true) };
    let change = Change {
        key,
        expect: Expect::Absent,
        op: Op::Put {
            labels: std::collections::BTreeMap::new(),
            spec: prost::Message::encode_to_vec(&spec).into(),
            created: None,
        },
    };
    let proposal = Proposal {
        changes: vec![change],
        ..Proposal::default()
    };
    match zones.store.propose(proposal).await {
        // A conflict: it exists by now.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Serves a zone-to-global stream until it ends, and tells the client why.
pub(crate) async fn up(
    zones: Zones,
    accepted: Accepted,
    responses: Streaming<DeltaDiscoveryResponse>,
    queue: mpsc::Sender<receiver::Request>,
    end: oneshot::Sender<Status>,
) {
    let seat = zones.roster.enter(&accepted.zone, Direction::Up);
    let status = {
        let streaming = stream_up(&zones, &accepted, responses, queue);
        until_ended(&zones, &accepted, &seat, streaming).await
    };
    tracing::info!(zone = %accepted.zone, reason = status.message(), "zone-to-global stream ended");
    let _ = end.send(status);
}

async fn stream_up(
    zones: &Zones,
    accepted: &Accepted,
    responses: Streaming<DeltaDiscoveryResponse>,
    queue: mpsc::Sender<receiver::Request>,
) -> Status {
    if let Err(error) = ensure_zone(zones, &accepted.zone).await {
        return Status::unavailable(error.to_string());
    }
    let origin = Origin::Zone {
        zone: Arc::from(accepted.zone.as_str()),
        prefix: !accepted.headers.hash_suffix,
    };
    let view = match zones.store.linearizable().await {
        Ok(view) => view,
        Err(error) => return Status::unavailable(error.to_string()),
    };
    let receiver = Receiver::new(receiver::Config {
        types: kuma::global_types(),
        held: scope::held(&origin, view.iter().map(|resource| &**resource)),
        guard: Guard::off(),
    });
    drop(view);
    // Held open: nothing asks this machine for anything from outside.
    let (_control, controls) = mpsc::channel(1);
    let store = |transaction: Transaction| take_in(zones, accepted, &origin, transaction);
    let end = pump::receive(receiver, responses, queue, controls, store, |hold| {
        tracing::warn!(zone = %accepted.zone, %hold, "unexpected: nothing is held at the global");
    })
    .await;
    end.status()
}

/// The global's own node on a zone-to-global stream: it bears the zone's name (kds §1.6).
pub(crate) fn node(zones: &Zones, zone: &str) -> NodeInfo {
    NodeInfo {
        id: zone.to_owned(),
        instance: zones.about.instance_id.clone(),
        version: zones.about.version.clone(),
        config: String::new(),
        mark: None,
    }
}

async fn take_in(zones: &Zones, accepted: &Accepted, origin: &Origin, transaction: Transaction) -> Result<(), String> {
    let mut view = zones.store.view();
    for _ in 0..ATTEMPTS {
        let (proposal, refused) = ingest::plan(&view, &accepted.zone, origin, &transaction);
        for reason in refused {
            tracing::warn!(zone = %accepted.zone, %reason, "a resource of the zone is not taken in");
        }
        if proposal.changes.is_empty() {
            return Ok(());
        }
        match zones.store.propose(proposal).await {
            Ok(_) => return Ok(()),
            Err(StoreError::Conflict { .. }) => {
                view = zones.store.linearizable().await.map_err(|error| error.to_string())?;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("others keep changing the same resources".to_owned())
}

/// Runs a stream until it ends by itself, or something ends it: a newer one, a token that is not valid any more, the
/// end of the process.
async fn until_ended(zones: &Zones, accepted: &Accepted, seat: &Seat, streaming: impl Future<Output = Status>) -> Status {
    tokio::select! {
        status = streaming => status,
        () = seat.superseded() => Status::unavailable("a newer stream of the same zone took over"),
        status = no_longer_valid(zones, accepted) => status,
        () = zones.stop.cancelled() => Status::unavailable("this global node shuts down; reconnect to another"),
    }
}

async fn no_longer_valid(zones: &Zones, accepted: &Accepted) -> Status {
    let expires = async {
        match accepted.expires_in(clock::now()) {
            Some(left) => tokio::time::sleep(left).await,
            None => std::future::pending().await,
        }
    };
    let revoked = async {
        let mut feed = zones.store.watch(zones.store.view().revision());
        loop {
            let Some(event) = feed.next().await else {
                std::future::pending::<()>().await;
                continue;
            };
            let relevant = match &event {
                StoreEvent::Batch(batch) => batch
                    .changes
                    .iter()
                    .any(|change| torii_auth::KeyRing::is_relevant(&change.key)),
                StoreEvent::Snapshot(_) => true,
            };
            if relevant {
                // From the state itself: the shared key ring may lag behind this feed.
                let keys = torii_api::keys::of_view(&zones.store.view());
                if let Err(status) = accepted.still_valid(&keys, clock::now()) {
                    return status;
                }
            }
        }
    };
    tokio::select! {
        () = expires => Status::unauthenticated("the zone's token has expired: make a new one with `torii generate zone-token`"),
        status = revoked => status,
    }
}
