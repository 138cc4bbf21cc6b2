//! Builds a node's parts in order and runs them until the process is asked to stop. No decisions.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use torii_api::{About, Api};
use torii_auth::KeyRing;
use torii_auth::tls::TlsError;
use torii_resource::Mode;
use torii_runtime::{BindError, Blocker, Readiness, Rule, ServeOptions, Shutdown, Tasks, bind, clock, serve_plain, serve_tls};
use torii_store::{Config as StoreConfig, OpenError, Store};
use torii_telemetry::metrics::{Metrics, MetricsError, describe};

use crate::config::{Config, HTTP_PORT, PEER_PORT};
use crate::first;
use crate::folder::{Folder, FolderError};
use crate::init::{self, InitError, Operator};
use crate::metrics;
use crate::peers::{self, Dialer};
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
pub async fn run(config: Config, shutdown: Shutdown, first_start: impl FnOnce(&Operator)) -> Result<(), StartError> {
    let (folder, operator) = identity(&config)?;
    if let Some(operator) = &operator {
        first_start(operator);
    }
    let address = config
        .address
        .or_else(|| folder.this().map(|member| member.address))
        .ok_or(StartError::NotAMember)?;
    let tasks = Tasks::new(shutdown.clone());
    let readiness = Readiness::new();
    let waiting = readiness.register("store");
    waiting.block("no leader known, or the first start is not done");
    let node = folder.cluster.name.clone();
    let telemetry = Metrics::install(&[("role", "global"), ("node", &node)])?;
    describe(metrics::DESCRIPTIONS);

    // Every port first: a taken one is told before anything else happens.
    let several = folder.cluster.members.len() > 1;
    let ports = Ports::bind(&config, address, several).await?;

    let store = open_store(&config, &folder).await?;
    let shared = Shared::new(&node, shutdown.token());
    if several {
        let dialer = Dialer::new(&folder);
        for member in peers::members(&folder).into_iter().filter(|member| member.name != node) {
            let following = shared.clone().follow(member, dialer.clone());
            tasks.spawn("status of a node", Rule::LOOP, endless(following));
        }
    }
    let keys = Arc::new(ArcSwap::from_pointee(KeyRing::default()));
    tasks.spawn("keys", Rule::LOOP, endless(torii_api::keys::follow(store.clone(), Arc::clone(&keys))));
    tasks.spawn("first start", Rule::LOOP, first::run(store.clone(), folder.clone()));
    tasks.spawn("readiness", Rule::LOOP, endless(follow_readiness(store.clone(), waiting)));

    let about = About::this_process(&node);
    let unauthenticated: BTreeSet<String> = config.unauthenticated_zones.iter().cloned().collect();
    let warnings = warnings(&unauthenticated);
    metrics::unauthenticated_zones(unauthenticated.len());
    let zones = Zones {
        store: store.clone(),
        keys: Arc::clone(&keys),
        shared: shared.clone(),
        about: Arc::new(about.clone()),
        unauthenticated: Arc::new(unauthenticated),
        encoder: zones::Encoder::default(),
        roster: zones::Roster::default(),
        stop: shutdown.token(),
    };
    let picture = Arc::new(Picture {
        node,
        store: store.clone(),
        shared: shared.clone(),
        warnings,
    });
    let api = Api::new(store.clone(), Mode::Global, keys, about).with_companions(Arc::new(first::MeshCompanions));
    ports.serve(&tasks, &folder, &store, shared, &zones, &api, &picture)?;
    plain_ports(&tasks, &config, address, api, picture, telemetry, readiness).await?;

    tasks.spawn("store", Rule::ESSENTIAL, watch_store(store.clone(), shutdown.clone()));
    tracing::info!(%address, "global node runs");
    shutdown.stopping().await;
    // First the streams and requests, then the store under them.
    tasks.join(STOP).await;
    store.shutdown().await;
    Ok(())
}

fn identity(config: &Config) -> Result<(Folder, Option<Operator>), StartError> {
    if let Some(dir) = &config.dir {
        return Ok((Folder::read(dir)?, None));
    }
    let address = config.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let folder = config.data_dir.join("node");
    let made = tokio::task::block_in_place(|| init::single(&folder, address, &config.san, clock::now()));
    Ok(made?)
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
    Ok(Store::open(StoreConfig::replicated(&this, members, data), Some(transport)).await?)
}

fn warnings(unauthenticated: &BTreeSet<String>) -> Vec<String> {
    unauthenticated
        .iter()
        .map(|zone| {
            let warning = format!("zone {zone} is admitted without a token (--kds-unauthenticated-zone)");
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

async fn watch_store(store: Store, shutdown: Shutdown) -> Result<(), torii_store::Error> {
    tokio::select! {
        stopped = store.stopped() => stopped.map_or(Ok(()), Err),
        _ = shutdown.stopping() => Ok(()),
    }
}

/// A task that ends only with the process.
async fn endless(task: impl Future<Output = ()>) -> Result<(), std::convert::Infallible> {
    task.await;
    Ok(())
}

/// The two ports without TLS: diagnostics, and REST on loopback if it is asked for.
async fn plain_ports(
    tasks: &Tasks,
    config: &Config,
    address: IpAddr,
    api: Api,
    picture: Arc<Picture>,
    telemetry: Metrics,
    readiness: Readiness,
) -> Result<(), BindError> {
    let stop = tasks.shutdown().token();
    let diagnostics = bind(config.diagnostics(address), "diagnostics", "--diagnostics-port").await?;
    let router = torii_telemetry::diagnostics::router(readiness, telemetry.clone());
    let serving = serve_plain(diagnostics, router, stop.clone(), ServeOptions::new("diagnostics"));
    tasks.spawn("diagnostics port", Rule::ESSENTIAL, serving);
    tasks.spawn("metrics upkeep", Rule::LOOP, endless(telemetry.upkeep(stop.clone())));
    if config.http {
        let loopback = if address.is_loopback() { address } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
        let listener = bind(SocketAddr::new(loopback, HTTP_PORT), "the REST API over HTTP", "--http").await?;
        let router = torii_api::router_with(api.over_plain_http(), routes::routes(picture));
        let serving = serve_plain(listener, router, stop, ServeOptions::new("http"));
        tasks.spawn("REST port without TLS", Rule::ESSENTIAL, serving);
    }
    Ok(())
}

struct Ports {
    peers: Option<tokio::net::TcpListener>,
    kds: tokio::net::TcpListener,
    api: tokio::net::TcpListener,
}

impl Ports {
    async fn bind(config: &Config, address: IpAddr, several: bool) -> Result<Self, BindError> {
        let at = |port| SocketAddr::new(address, port);
        Ok(Self {
            peers: if several {
                Some(bind(at(PEER_PORT), "Raft and peer services", "--address").await?)
            } else {
                None
            },
            kds: bind(at(config.kds_port), "KDS", "--kds-port").await?,
            api: bind(at(config.api_port), "the REST API", "--api-port").await?,
        })
    }

    #[expect(clippy::too_many_arguments, reason = "every part of the node meets here once")]
    fn serve(
        self,
        tasks: &Tasks,
        folder: &Folder,
        store: &Store,
        shared: Shared,
        zones: &Zones,
        api: &Api,
        picture: &Arc<Picture>,
    ) -> Result<(), TlsError> {
        let stop = tasks.shutdown().token();
        if let Some(listener) = self.peers {
            let router = peers::router(store, shared);
            let tls = peers::server_tls(folder)?;
            let serving = serve_tls(listener, tls, router, stop.clone(), ServeOptions::new("peers"));
            tasks.spawn("peer port", Rule::ESSENTIAL, serving);
        }
        let tls = peers::public_tls(folder)?;
        let router = zones::router(zones);
        let serving = serve_tls(self.kds, Arc::clone(&tls), router, stop.clone(), ServeOptions::new("kds"));
        tasks.spawn("KDS port", Rule::ESSENTIAL, serving);
        let router = torii_api::router_with(api.clone(), routes::routes(Arc::clone(picture)));
        let serving = serve_tls(self.api, tls, router, stop, ServeOptions::new("api"));
        tasks.spawn("REST port", Rule::ESSENTIAL, serving);
        Ok(())
    }
}
