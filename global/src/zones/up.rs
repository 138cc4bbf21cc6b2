//! The zone-to-global stream of one zone: the receiving machine, which decides, into the store.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tonic::{Status, Streaming};

use torii_proto::envoy::service::discovery::v3::DeltaDiscoveryResponse;
use torii_store::Error as StoreError;
use torii_sync::guard::Guard;
use torii_sync::kuma::{self, NodeInfo};
use torii_sync::pump;
use torii_sync::receiver::{self, Receiver, Transaction};
use torii_sync::scope::{self, Origin};

use super::accept::Accepted;
use super::ingest;
use super::roster::Seat;
use super::server::Zones;
use super::session::{ensure_zone, until_ended};

/// How often a transaction is planned anew when others change the same keys.
const ATTEMPTS: usize = 8;

/// Serves a stream until it ends, and tells the client why.
pub(super) async fn serve(
    zones: Zones,
    accepted: Accepted,
    seat: Seat,
    responses: Streaming<DeltaDiscoveryResponse>,
    queue: mpsc::Sender<receiver::Request>,
    end: oneshot::Sender<Status>,
) {
    let streaming = receive(&zones, &accepted, responses, queue);
    let status = until_ended(&zones, &accepted, &seat, streaming).await;
    tracing::info!(zone = %accepted.zone, reason = status.message(), "zone-to-global stream ended");
    // The client may be gone already.
    let _ = end.send(status);
}

/// The global's own node on a zone-to-global stream: it bears the zone's name (kds §1.6).
pub(super) fn node(zones: &Zones, zone: &str) -> NodeInfo {
    NodeInfo {
        id: zone.to_owned(),
        instance: zones.about.instance_id.clone(),
        version: zones.about.version.clone(),
        config: String::new(),
        mark: None,
    }
}

async fn receive(
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

async fn take_in(
    zones: &Zones,
    accepted: &Accepted,
    origin: &Origin,
    transaction: Transaction,
) -> Result<(), String> {
    let mut view = zones.store.view();
    for _ in 0..ATTEMPTS {
        let plan = ingest::plan(&view, &accepted.zone, origin, &transaction);
        match propose(zones, plan.proposals).await {
            Ok(()) => {
                for reason in plan.refused {
                    tracing::warn!(zone = %accepted.zone, %reason, "a resource of the zone is not taken in");
                }
                return Ok(());
            }
            Err(StoreError::Conflict { .. }) => {
                let newest = zones.store.linearizable().await;
                view = newest.map_err(|error| error.to_string())?;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("others keep changing the same resources".to_owned())
}

async fn propose(zones: &Zones, proposals: Vec<torii_store::Proposal>) -> Result<(), StoreError> {
    for proposal in proposals {
        zones.store.propose(proposal).await?;
    }
    Ok(())
}
