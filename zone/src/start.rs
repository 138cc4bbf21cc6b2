//! Builds a zone's parts in order and runs them until the process is asked to stop. No decisions.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use torii_ads::{AdsServer, Reports};
use torii_api::{About, Api, router_with};
use torii_resource::Mode;
use torii_runtime::{BindError, Blocker, Readiness, Rule, Shutdown, Tasks, clock};
use torii_store::{Config as StoreConfig, OpenError, Store};
use torii_telemetry::diagnostics;
use torii_telemetry::metrics::{Metrics, MetricsError, describe};

use crate::admission::Door;
use crate::bootstrap::{self, Bootstrap};
use crate::config::Config;
use crate::identity::{self, Identity, IdentityError, Operator};
use crate::local;
use crate::metrics;
use crate::ports::{Ports, Routers};
use crate::regen::Engine;
use crate::routes::{self, Picture};
use crate::slots::Slots;
use crate::upstream::{Standing, Upstream};

/// How long everything may take to end once the process is asked to stop.
const STOP: Duration = Duration::from_secs(8);

/// Why a zone did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Certificates and keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A taken port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The store.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The metrics recorder.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// Runs a zone until `shutdown`. `way_in` is told how an operator gets in.
///
/// # Errors
/// When the zone cannot start; a part that fails later stops the process through `shutdown`.
pub async fn run(
    config: Config,
    shutdown: Shutdown,
    way_in: impl FnOnce(&Operator),
) -> Result<(), StartError> {
    let config = Arc::new(config);
    let telemetry = Metrics::install(&[("role", "zone"), ("zone", &config.name)])?;
    describe(metrics::DESCRIPTIONS);
    torii_ads::metrics::describe();

    // Every port first: a taken one is told before anything else happens.
    let ports = Ports::bind(&config).await?;
    let identity = identity::certificates(&config, clock::now())?;
    let data = config.data_dir.join("store");
    let store = Store::open(StoreConfig::single(&config.name, data), None).await?;
    let operator = identity::operator(&config, &identity.ca_pem, &store, clock::now());
    if let Some(operator) = operator.await? {
        way_in(&operator);
    }

    let tasks = Tasks::new(shutdown.clone());
    let readiness = Readiness::new();
    let parts = Parts::new(&config, store.clone(), &tasks, &readiness);
    tasks.spawn_loop("metrics upkeep", telemetry.clone().upkeep(shutdown.token()));
    let tls = Arc::clone(&identity.tls);
    let picture = parts.picture();
    let api = parts.api(&shutdown);
    let plain = api.clone().over_plain_http();
    let routers = Routers {
        dataplane: parts.dataplane(identity, &shutdown),
        http: router_with(plain, routes::routes(Arc::clone(&picture))),
        api: router_with(api, routes::routes(picture)),
        diagnostics: diagnostics::router(readiness, telemetry),
    };
    ports.serve(&tasks, &tls, routers);

    tasks.spawn("store", Rule::LOOP, failure(store.clone()));
    tracing::info!(zone = %config.name, address = %config.address, "zone runs");
    shutdown.stopping().await;
    // First the streams and requests, then the store under them.
    tasks.join(STOP).await;
    store.shutdown().await;
    Ok(())
}

/// What the routes and services of a zone are made from.
struct Parts {
    upstream: Upstream,
    keys: Arc<ArcSwap<torii_auth::KeyRing>>,
}

impl Parts {
    /// Puts the parts together and starts those that are tasks.
    fn new(config: &Arc<Config>, store: Store, tasks: &Tasks, readiness: &Readiness) -> Self {
        let slots = Slots::default();
        let (engine, handle) = Engine::new(&config.name, store.clone(), slots.clone());
        let upstream = Upstream {
            config: Arc::clone(config),
            store: store.clone(),
            engine: handle,
            slots,
            reports: Reports::new(),
            about: Arc::new(About::this_process(&config.name)),
            standing: Arc::new(watch::Sender::new(Standing::default())),
            again: Arc::new(Notify::new()),
            storing: TaskTracker::new(),
        };
        let keys = Arc::new(ArcSwap::from_pointee(torii_api::keys::of_view(
            &store.view(),
        )));
        let stop = tasks.shutdown().token();
        tasks.spawn_loop("engine", engine.run(stop.clone()));
        let copy = readiness.register("copy of the global");
        tasks.spawn_loop("readiness", follow_readiness(upstream.clone(), copy));
        tasks.spawn_loop("keys", torii_api::keys::follow(store, Arc::clone(&keys)));
        tasks.spawn_loop("global", upstream.clone().run(stop));
        Self { upstream, keys }
    }

    fn picture(&self) -> Arc<Picture> {
        let upstream = self.upstream.clone();
        Arc::new(Picture {
            zone: upstream.config.name.clone(),
            store: upstream.store,
            engine: upstream.engine,
            slots: upstream.slots,
            reports: upstream.reports,
            standing: upstream.standing,
            again: upstream.again,
        })
    }

    fn api(&self, shutdown: &Shutdown) -> Api {
        let upstream = &self.upstream;
        let mode = Mode::Zone(upstream.config.name.clone());
        let about = About::clone(&upstream.about);
        Api::new(upstream.store.clone(), mode, Arc::clone(&self.keys), about)
            .with_stop(shutdown.token())
    }

    /// ADS and bootstrap.
    fn dataplane(&self, identity: Identity, shutdown: &Shutdown) -> Router {
        let upstream = self.upstream.clone();
        let config = upstream.config;
        let door = Door {
            zone: Arc::from(config.name.as_str()),
            store: upstream.store,
            keys: Arc::clone(&self.keys),
            slots: upstream.slots,
            engine: upstream.engine,
            reports: upstream.reports.clone(),
            grace: config.deregistration,
            shutdown: shutdown.clone(),
            registry: Arc::default(),
        };
        door.miss_those_who_registered_before();
        let ads = AdsServer::with_hold(
            door.clone(),
            upstream.reports,
            &config.name,
            shutdown.token(),
            config.warming,
        );
        let bootstrap = Bootstrap {
            door,
            ca_pem: identity.ca_pem,
            names: identity.names,
            port: config.dataplane_port,
        };
        Routes::new(ads.into_service())
            .prepare()
            .into_axum_router()
            .merge(bootstrap::router(Arc::new(bootstrap)))
    }
}

/// Ready when there is a copy of a global to serve from, and it is turned into configuration. Whether the global is
/// reachable has nothing to do with it.
async fn follow_readiness(upstream: Upstream, copy: Blocker) {
    copy.block("the zone has never followed a global");
    let mut generated = upstream.engine.generated();
    let mut standing = upstream.standing.subscribe();
    while !local::followed(&upstream.store.view()) {
        let told = tokio::select! {
            told = generated.changed() => told,
            told = standing.changed() => told,
        };
        if told.is_err() {
            return;
        }
    }
    let reached = upstream.store.view().revision();
    if generated
        .wait_for(|generated| generated.local >= reached)
        .await
        .is_ok()
    {
        copy.clear();
    }
    // Dropped, the blocker would be gone too.
    std::future::pending::<()>().await;
}

/// Returns when the store has stopped for another reason than the end of the process.
async fn failure(store: Store) -> Result<(), torii_store::Error> {
    store.stopped().await.map_or(Ok(()), Err)
}
