//! Builds a node's parts in order and runs them until the process is asked to stop. No decisions.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use torii_api::{About, Api, router_with};
use torii_auth::KeyRing;
use torii_auth::tls::TlsError;
use torii_resource::Mode;
use torii_runtime::{BindError, Blocker, Readiness, Rule, Shutdown, Tasks, clock};
use torii_store::{Config as StoreConfig, OpenError, Store};
use torii_telemetry::diagnostics;
use torii_telemetry::metrics::{Metrics, MetricsError, describe};

use crate::config::Config;
use crate::first;
use crate::folder::{Folder, FolderError};
use crate::init::{self, InitError, Operator};
use crate::metrics;
use crate::peers::{self, Dialer};
use crate::ports::{Ports, Routers};
use crate::routes::{self, Picture};
use crate::status::share::Shared;
use crate::zones::{self, Zones};

/// How long everything may take to end once the process is asked to stop.
const STOP: Duration = Duration::from_secs(8);

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The node's folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The folder of a cluster of one could not be made.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A taken port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The metrics recorder.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A node that is not in its own member list: the folder was edited.
    #[error("the folder's member list does not name the node itself")]
    NotAMember,
}

/// Runs a node until `shutdown`. `first_start` is told the operator's way in when a cluster of one is made.
///
/// # Errors
/// When the node cannot start; a part that fails later stops the process through `shutdown`.
pub async fn run(
    config: Config,
    shutdown: Shutdown,
    first_start: impl FnOnce(&Operator),
) -> Result<(), StartError> {
    let known = config.dir.as_deref().map(Folder::read).transpose()?;
    let address = address(&config, known.as_ref())?;
    let several = known
        .as_ref()
        .is_some_and(|folder| folder.cluster.members.len() > 1);
    // Every port first: a taken one is told before anything else happens.
    let ports = Ports::bind(&config, address, several).await?;
    let folder = match known {
        Some(folder) => folder,
        None => alone(&config, address, first_start)?,
    };
    let node = folder.cluster.name.clone();
    let telemetry = Metrics::install(&[("role", "global"), ("node", &node)])?;
    describe(metrics::DESCRIPTIONS);

    let tasks = Tasks::new(shutdown.clone());
    let readiness = Readiness::new();
    let waiting = readiness.register("store");
    let store = open_store(&config, &folder).await?;
    let shared = Shared::new(&node, shutdown.token());
    let keys: Arc<ArcSwap<KeyRing>> = Arc::default();
    tasks.spawn_loop(
        "keys",
        torii_api::keys::follow(store.clone(), Arc::clone(&keys)),
    );
    tasks.spawn(
        "first start",
        Rule::LOOP,
        first::run(store.clone(), folder.clone()),
    );
    tasks.spawn_loop("readiness", follow_readiness(store.clone(), waiting));
    tasks.spawn_loop("metrics upkeep", telemetry.clone().upkeep(shutdown.token()));
    follow_nodes(&tasks, &folder, &shared);

    let about = About::this_process(&node);
    let zones = zones(&config, &store, &keys, &shared, &about, &shutdown);
    let picture = Arc::new(Picture {
        node,
        store: store.clone(),
        shared: shared.clone(),
        warnings: warnings(&zones.unauthenticated),
    });
    let api = Api::new(store.clone(), Mode::Global, keys, about)
        .with_companions(Arc::new(first::MeshCompanions))
        .with_stop(shutdown.token());
    let routers = Routers {
        peers: peers::router(&store, shared),
        kds: zones::router(&zones),
        http: router_with(
            api.clone().over_plain_http(),
            routes::routes(Arc::clone(&picture)),
        ),
        api: router_with(api, routes::routes(picture)),
        diagnostics: diagnostics::router(readiness, telemetry),
    };
    ports.serve(&tasks, &folder, routers)?;

    tasks.spawn("store", Rule::LOOP, failure(store.clone()));
    tracing::info!(%address, "global node runs");
    shutdown.stopping().await;
    // First the streams and requests, then the store under them.
    tasks.join(STOP).await;
    store.shutdown().await;
    Ok(())
}

fn address(config: &Config, known: Option<&Folder>) -> Result<IpAddr, StartError> {
    match (config.address, known) {
        (Some(address), _) => Ok(address),
        (None, None) => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        (None, Some(folder)) => {
            let this = folder.this().ok_or(StartError::NotAMember)?;
            Ok(this.address)
        }
    }
}

/// The folder of a cluster of one, made at first start.
fn alone(
    config: &Config,
    address: IpAddr,
    first_start: impl FnOnce(&Operator),
) -> Result<Folder, StartError> {
    let path = config.data_dir.join("node");
    let made = || init::single(&path, address, &config.san, clock::now());
    let (folder, operator) = tokio::task::block_in_place(made)?;
    if let Some(operator) = &operator {
        first_start(operator);
    }
    Ok(folder)
}

/// What every other node tells of its zones.
fn follow_nodes(tasks: &Tasks, folder: &Folder, shared: &Shared) {
    let dialer = Dialer::new(folder);
    let others = peers::members(folder).into_iter();
    for member in others.filter(|member| member.name != folder.cluster.name) {
        let name = format!("status of node {}", member.name);
        tasks.spawn_loop(name, shared.clone().follow(member, dialer.clone()));
    }
}

fn zones(
    config: &Config,
    store: &Store,
    keys: &Arc<ArcSwap<KeyRing>>,
    shared: &Shared,
    about: &About,
    shutdown: &Shutdown,
) -> Zones {
    let unauthenticated: BTreeSet<String> = config.unauthenticated_zones.iter().cloned().collect();
    metrics::unauthenticated_zones(unauthenticated.len());
    Zones {
        store: store.clone(),
        keys: Arc::clone(keys),
        shared: shared.clone(),
        about: Arc::new(about.clone()),
        unauthenticated: Arc::new(unauthenticated),
        encoder: zones::Encoder::default(),
        roster: zones::Roster::default(),
        stop: shutdown.token(),
    }
}

async fn open_store(config: &Config, folder: &Folder) -> Result<Store, StartError> {
    let data = config.data_dir.join("store");
    let members = peers::members(folder);
    if members.len() == 1 {
        return Ok(Store::open(StoreConfig::single(&folder.cluster.name, data), None).await?);
    }
    let this = members
        .iter()
        .find(|member| member.name == folder.cluster.name)
        .cloned()
        .ok_or(StartError::NotAMember)?;
    let transport = Dialer::new(folder).transport();
    Ok(Store::open(
        StoreConfig::replicated(&this, members, data),
        Some(transport),
    )
    .await?)
}

fn warnings(unauthenticated: &BTreeSet<String>) -> Vec<String> {
    unauthenticated
        .iter()
        .map(|zone| {
            let warning =
                format!("zone {zone} is admitted without a token (--kds-unauthenticated-zone)");
            tracing::warn!("{warning}");
            warning
        })
        .collect()
}

/// Ready when a leader is known and the first start is done; not ready whenever the leader is lost.
async fn follow_readiness(store: Store, waiting: Blocker) {
    let mut members = store.members();
    let mut feed = store.watch(store.view().revision());
    loop {
        let leader = members.borrow_and_update().leader.is_some();
        let done = first::cluster_id(&store.view()).is_some();
        match (leader, done) {
            (true, true) => waiting.clear(),
            (false, _) => waiting.block("no leader known: is a majority of the nodes up?"),
            (true, false) => waiting.block("the first start is not done"),
        }
        if done {
            if members.changed().await.is_err() {
                return;
            }
        } else {
            tokio::select! {
                changed = members.changed() => if changed.is_err() { return },
                event = feed.next() => if event.is_none() { return },
            }
        }
    }
}

/// Returns when the store has stopped for another reason than the end of the process.
async fn failure(store: Store) -> Result<(), torii_store::Error> {
    store.stopped().await.map_or(Ok(()), Err)
}
