//! What the first leader of a cluster puts into the empty store, and what comes with every new Mesh.
//!
//! Decided here, proposed once; every change expects its key to be absent, so that two leaders cannot both do it.

use std::time::Duration;

use tokio::sync::watch;

use torii_api::change::{create, create_secret};
use torii_api::{Companions, Problem};
use torii_auth::keys::{Family, KeyError, SigningKey};
use torii_proto::kuma::{mesh::v1alpha1 as mesh, system::v1alpha1 as system};
use torii_resource::kinds::{Config, GlobalSecret, Mesh};
use torii_resource::{Resource, ResourceKey};
use torii_store::{Change, Error, Membership, Outcome, Proposal, Store, View};

use crate::folder::Folder;
use crate::init::FIRST;

/// Name of the Config that holds the cluster's id; a zone waits for it.
pub(crate) const CLUSTER_ID: &str = "kuma-cluster-id";
/// Name of the GlobalSecret with the admin's token (control-plane-api §8.5).
const ADMIN_TOKEN: &str = "admin-user-token";
const DEFAULT_MESH: &str = "default";
/// Between two attempts of one leader.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the first start did not come to an end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FirstStartError {
    /// A key could not be made.
    #[error("cannot make the first signing keys: {0}")]
    Key(#[from] KeyError),
    /// The store failed for good.
    #[error("cannot write the first resources: {0}")]
    Store(#[from] Error),
}

/// The id of the cluster in a state; `None` before the first start is done.
pub(crate) fn cluster_id(view: &View) -> Option<String> {
    let resource = view.get(&ResourceKey::of::<Config>("", CLUSTER_ID))?;
    let config = resource.decode::<Config>().ok()?.config;
    (!config.is_empty()).then_some(config)
}

/// Waits until this node leads a cluster without an id, and makes its first resources; or until another node has.
///
/// # Errors
/// When keys cannot be made or the store has stopped.
pub(crate) async fn run(store: Store, folder: Folder) -> Result<(), FirstStartError> {
    let mut members: watch::Receiver<Membership> = store.members();
    let mut feed = store.watch(store.view().revision());
    loop {
        if cluster_id(&store.view()).is_some() {
            return Ok(());
        }
        let leads = members.borrow_and_update().is_leader();
        if leads && attempt(&store, &folder).await? {
            return Ok(());
        }
        tokio::select! {
            changed = members.changed() => if changed.is_err() { return Ok(()) },
            event = feed.next() => if event.is_none() { return Ok(()) },
            // A leader whose majority comes back is told of by nothing else.
            () = tokio::time::sleep(PAUSE), if leads => {}
        }
    }
}

/// `true`: the resources are there. `false`: try again when something has changed.
async fn attempt(store: &Store, folder: &Folder) -> Result<bool, FirstStartError> {
    // What a leader applied so far may lack entries of its predecessor: ask for the newest state.
    match store.linearizable().await {
        Ok(view) if cluster_id(&view).is_some() => return Ok(true),
        Ok(_) => {}
        Err(Error::Stopped(reason)) => return Err(Error::Stopped(reason).into()),
        Err(_) => return Ok(false),
    }
    let changes = tokio::task::block_in_place(|| first_changes(folder))?;
    let proposal = Proposal {
        changes,
        ..Proposal::default()
    };
    match store.propose(proposal).await {
        Ok(committed) => {
            tracing::info!(revision = %committed.revision, cluster = %folder.cluster.cluster_id, "first start is done");
            Ok(committed
                .outcomes
                .iter()
                .all(|outcome| *outcome == Outcome::Created))
        }
        Err(Error::Stopped(reason)) => Err(Error::Stopped(reason).into()),
        // Somebody was faster, or the outcome is unknown: the next look at the state tells.
        Err(error) => {
            tracing::warn!(%error, "first start is tried again");
            Ok(false)
        }
    }
}

fn first_changes(folder: &Folder) -> Result<Vec<Change>, KeyError> {
    let zone_key = SigningKey::generate()?.to_pem()?;
    let seed = &folder.seed;
    let config = system::Config {
        config: folder.cluster.cluster_id.clone(),
    };
    let admin_token = ResourceKey::of::<GlobalSecret>("", ADMIN_TOKEN);
    Ok(vec![
        create(Resource::new::<Config>("", CLUSTER_ID, &config)),
        create_secret(Family::Zone.signing_key(FIRST), &zone_key),
        create_secret(Family::User.signing_key(FIRST), &seed.user_signing_key),
        create_secret(admin_token, &seed.admin_token),
        create(Resource::new::<Mesh>(
            "",
            DEFAULT_MESH,
            &mesh::Mesh::default(),
        )),
        dataplane_key(DEFAULT_MESH)?,
    ])
}

fn dataplane_key(mesh: &str) -> Result<Change, KeyError> {
    let family = Family::Dataplane {
        mesh: mesh.to_owned(),
    };
    let key = SigningKey::generate()?.to_pem()?;
    Ok(create_secret(family.signing_key(FIRST), &key))
}

/// A new Mesh gets the key that its data plane tokens are signed with, in the same revision (resources §4.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeshCompanions;

impl Companions for MeshCompanions {
    fn companions(&self, created: &Resource, view: &View) -> Result<Vec<Change>, Problem> {
        if created.key != ResourceKey::of::<Mesh>("", &created.key.name) {
            return Ok(Vec::new());
        }
        let family = Family::Dataplane {
            mesh: created.key.name.clone(),
        };
        if view.get(&family.signing_key(FIRST)).is_some() {
            return Ok(Vec::new());
        }
        // Making an RSA key takes a tenth of a second: let other tasks of this worker move on.
        let change = tokio::task::block_in_place(|| dataplane_key(&created.key.name));
        change
            .map(|change| vec![change])
            .map_err(|error| Problem::unavailable(format!("no signing key for the mesh: {error}")))
    }
}

#[cfg(test)]
mod tests;
