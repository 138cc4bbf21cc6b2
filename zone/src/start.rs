//! Builds a zone's parts in order and runs them until the process is asked to stop. No decisions.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tonic::service::Routes;

use torii_ads::{AdsServer, Reports};
use torii_api::{About, Api};
use torii_auth::KeyRing;
use torii_resource::Mode;
use torii_runtime::{BindError, Blocker, Readiness, Rule, ServeOptions, Shutdown, Tasks, bind, clock, serve_plain, serve_tls};
use torii_store::{Config as StoreConfig, OpenError, Store};
use torii_telemetry::metrics::{Metrics, MetricsError, describe};

use crate::admission::Door;
use crate::bootstrap::{self, Bootstrap};
use crate::config::Config;
use crate::identity::{self, Identity, IdentityError, Operator};
use crate::metrics;
use crate::regen::{self, Engine};
use crate::routes::{self, Picture};
use crate::slots::Slots;
use crate::upstream::{Standing, Upstream};

/// How long everything may take to end once the process is asked to stop.
const STOP: Duration = Duration::from_secs(8);
const HTTP_PORT: u16 = 5681;

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
pub async fn run(config: Config, shutdown: Shutdown, way_in: impl FnOnce(&Operator)) -> Result<(), StartError> {
    let config = Arc::new(config);
    let tasks = Tasks::new(shutdown.clone());
    let readiness = Readiness::new();
    let copy = readiness.register("copy of the global");
    copy.block("the zone has never followed a global");
    let telemetry = Metrics::install(&[("role", "zone"), ("zone", &config.name)])?;
    describe(metrics::DESCRIPTIONS);

    // Every port first: a taken one is told before anything else happens.
    let ports = Ports::bind(&config).await?;
    let identity = identity::certificates(&config, clock::now())?;
    let store = Store::open(StoreConfig::single(&config.name, config.data_dir.join("store")), None).await?;
    if let Some(operator) = identity::operator(&config, &identity.ca_pem, &store, clock::now()).await? {
        way_in(&operator);
    }

    let slots = Slots::default();
    let (engine, handle) = Engine::new(&config.name, store.clone(), slots.clone());
    tasks.spawn("engine", Rule::LOOP, endless(engine.run(shutdown.token())));
    tasks.spawn("readiness", Rule::LOOP, endless(follow_readiness(handle.clone(), copy)));
    let keys = Arc::new(ArcSwap::from_pointee(torii_api::keys::of_view(&store.view())));
    tasks.spawn("keys", Rule::LOOP, endless(torii_api::keys::follow(store.clone(), Arc::clone(&keys))));

    let about = About::this_process(&config.name);
    let reports = Reports::new();
    let standing = Arc::new(watch::Sender::new(Standing::default()));
    let again = Arc::new(Notify::new());
    let upstream = Upstream {
        config: Arc::clone(&config),
        store: store.clone(),
        engine: handle.clone(),
        slots: slots.clone(),
        reports: reports.clone(),
        about: Arc::new(about.clone()),
        standing: Arc::clone(&standing),
        again: Arc::clone(&again),
    };
    tasks.spawn("global", Rule::LOOP, endless(upstream.run(shutdown.token())));

    let door = Door {
        zone: Arc::from(config.name.as_str()),
        store: store.clone(),
        keys: Arc::clone(&keys),
        slots: slots.clone(),
        engine: handle.clone(),
        grace: config.deregistration,
        shutdown: shutdown.clone(),
    };
    door.miss_those_who_registered_before();
    let picture = Arc::new(Picture {
        zone: config.name.clone(),
        store: store.clone(),
        engine: handle,
        slots,
        reports: reports.clone(),
        standing,
        again,
    });
    let api = api(&config, &store, keys, about);
    ports.serve(&tasks, &config, identity, door, reports, (api, picture), (telemetry, readiness));

    tasks.spawn("store", Rule::ESSENTIAL, watch_store(store.clone(), shutdown.clone()));
    tracing::info!(zone = %config.name, address = %config.address, "zone runs");
    shutdown.stopping().await;
    // First the streams and requests, then the store under them.
    tasks.join(STOP).await;
    store.shutdown().await;
    Ok(())
}

fn api(config: &Config, store: &Store, keys: Arc<ArcSwap<KeyRing>>, about: About) -> Api {
    Api::new(store.clone(), Mode::Zone(config.name.clone()), keys, about)
}

/// Ready when there is a copy of a global to serve from, and it is turned into configuration. Whether the global is
/// reachable has nothing to do with it.
async fn follow_readiness(engine: regen::Handle, copy: Blocker) {
    let followed = engine.generated().wait_for(|generated| generated.mark.is_some()).await.is_ok();
    if followed {
        copy.clear();
    }
    std::future::pending::<()>().await;
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

struct Ports {
    dataplane: TcpListener,
    api: TcpListener,
    diagnostics: TcpListener,
    http: Option<TcpListener>,
}

impl Ports {
    async fn bind(config: &Config) -> Result<Self, BindError> {
        let at = |port| SocketAddr::new(config.address, port);
        let loopback = if config.address.is_loopback() {
            config.address
        } else {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        };
        Ok(Self {
            dataplane: bind(at(config.dataplane_port), "bootstrap and ADS", "--dataplane-port").await?,
            api: bind(at(config.api_port), "the REST API", "--api-port").await?,
            diagnostics: bind(config.diagnostics, "diagnostics", "--diagnostics-port").await?,
            http: if config.http {
                Some(bind(SocketAddr::new(loopback, HTTP_PORT), "the REST API over HTTP", "--http").await?)
            } else {
                None
            },
        })
    }

    #[expect(clippy::too_many_arguments, reason = "every part of the zone meets here once")]
    fn serve(
        self,
        tasks: &Tasks,
        config: &Config,
        identity: Identity,
        door: Door,
        reports: Reports,
        (api, picture): (Api, Arc<Picture>),
        (telemetry, readiness): (Metrics, Readiness),
    ) {
        let stop = tasks.shutdown().token();
        let ads = AdsServer::with_hold(door.clone(), reports, &config.name, stop.clone(), config.warming);
        let bootstrap = Bootstrap {
            door,
            ca_pem: identity.ca_pem,
            names: identity.names,
            port: config.dataplane_port,
        };
        let router = Routes::new(ads.into_service())
            .prepare()
            .into_axum_router()
            .merge(bootstrap::router(Arc::new(bootstrap)));
        let tls = identity.tls;
        let serving = serve_tls(self.dataplane, Arc::clone(&tls), router, stop.clone(), ServeOptions::new("dataplane"));
        tasks.spawn("data plane port", Rule::ESSENTIAL, serving);

        let router = torii_api::router_with(api.clone(), routes::routes(Arc::clone(&picture)));
        let serving = serve_tls(self.api, tls, router, stop.clone(), ServeOptions::new("api"));
        tasks.spawn("REST port", Rule::ESSENTIAL, serving);
        if let Some(listener) = self.http {
            let router = torii_api::router_with(api.over_plain_http(), routes::routes(picture));
            let serving = serve_plain(listener, router, stop.clone(), ServeOptions::new("http"));
            tasks.spawn("REST port without TLS", Rule::ESSENTIAL, serving);
        }

        let router = torii_telemetry::diagnostics::router(readiness, telemetry.clone());
        let serving = serve_plain(self.diagnostics, router, stop.clone(), ServeOptions::new("diagnostics"));
        tasks.spawn("diagnostics port", Rule::ESSENTIAL, serving);
        tasks.spawn("metrics upkeep", Rule::LOOP, endless(telemetry.upkeep(stop)));
    }
}
