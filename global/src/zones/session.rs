//! What every stream of a zone has in common: its Zone resource, and what ends it.

use tonic::Status;

use torii_api::change;
use torii_auth::{Family, KeyRing};
use torii_proto::kuma::system::v1alpha1 as system;
use torii_resource::kinds::{GlobalSecret, Zone};
use torii_resource::{Kind as _, Resource, ResourceKey};
use torii_runtime::clock;
use torii_store::{Error as StoreError, Event, Proposal, View, Watch};

use super::accept::Accepted;
use super::roster::Seat;
use super::server::Zones;

/// The Zone resource exists before anything of the zone does (kds §10.2 P14).
pub(super) async fn ensure_zone(zones: &Zones, name: &str) -> Result<(), StoreError> {
    if zones
        .store
        .view()
        .get(&ResourceKey::of::<Zone>("", name))
        .is_some()
    {
        return Ok(());
    }
    let spec = system::Zone {
        enabled: Some(true),
    };
    let proposal = Proposal {
        changes: vec![change::create(Resource::new::<Zone>("", name, &spec))],
        ..Proposal::default()
    };
    match zones.store.propose(proposal).await {
        // A conflict: it exists by now.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Runs a stream until it ends by itself, or something ends it: a newer one, a token that is not valid any more, the
/// end of the process.
pub(super) async fn until_ended(
    zones: &Zones,
    accepted: &Accepted,
    seat: &Seat,
    streaming: impl Future<Output = Status>,
) -> Status {
    tokio::select! {
        status = streaming => status,
        () = seat.superseded() => Status::unavailable("a newer stream of the same zone took over"),
        () = expired(accepted) => Status::unauthenticated(
            "the zone's token has expired: make a new one with `torii generate zone-token`",
        ),
        status = revoked(zones, accepted) => status,
        () = zones.stop.cancelled() => Status::unavailable("this global node shuts down; reconnect to another"),
    }
}

async fn expired(accepted: &Accepted) {
    match accepted.expires_in(clock::now()) {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

/// Returns when keys or revocations have changed so that the zone would not be let in any more.
async fn revoked(zones: &Zones, accepted: &Accepted) -> Status {
    let mut feed = zones.store.watch(zones.store.view().revision());
    loop {
        // At once too: the shared key ring that the zone was let in with may lag behind the state that is watched.
        let keys = zone_keys(&zones.store.view());
        if let Err(status) = accepted.still_valid(&keys, clock::now()) {
            return status;
        }
        if !keys_change(&mut feed).await {
            // The store has stopped, and the process is about to.
            std::future::pending::<()>().await;
        }
    }
}

/// The keys of zone tokens alone: a few, however many meshes with keys of their own there are.
fn zone_keys(view: &View) -> KeyRing {
    let secrets = view.list(GlobalSecret::DESCRIPTOR.name);
    KeyRing::from_resources(
        secrets
            .map(|secret| &**secret)
            .filter(|secret| of_zones(&secret.key)),
    )
}

async fn keys_change(feed: &mut Watch) -> bool {
    while let Some(event) = feed.next().await {
        let relevant = match &event {
            Event::Batch(batch) => batch.changes.iter().any(|change| of_zones(&change.key)),
            Event::Snapshot(_) => true,
        };
        if relevant {
            return true;
        }
    }
    false
}

fn of_zones(key: &ResourceKey) -> bool {
    matches!(Family::of_resource(key), Some((Family::Zone, _)))
}
