//! A zone without ports, for tests: its store, its engine and its door, in a folder of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use torii_ads::Reports;
use torii_api::change::{create, create_secret};
use torii_auth::token::{Claims, DataplaneClaims, issue};
use torii_auth::{Family, SigningKey};
use torii_mesh::ProxyId;
use torii_resource::kinds::Mesh;
use torii_resource::meta::label;
use torii_resource::{Kind, Resource};
use torii_runtime::{Shutdown, clock};
use torii_store::{Change, Config, Proposal, Store};
use torii_sync::Mark;
use torii_sync::guard::Memory;

use crate::admission::Door;
use crate::local;
use crate::regen::Engine;
use crate::slots::Slots;

/// Keys are slow to make: one for all tests.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());
/// One that the zone does not know.
static OTHER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

const HOUR: Duration = Duration::from_secs(3600);

/// The zone `east`.
pub(crate) struct TestZone {
    pub(crate) store: Store,
    pub(crate) door: Door,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl TestZone {
    /// One that has never followed a global.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Config::single("east", folder.path()), None)
            .await
            .unwrap();
        let slots = Slots::default();
        let (engine, handle) = Engine::new("east", store.clone(), slots.clone());
        let stop = CancellationToken::new();
        tokio::spawn(engine.run(stop.clone()));
        let keys = Arc::new(ArcSwap::from_pointee(torii_api::keys::of_view(
            &store.view(),
        )));
        tokio::spawn(torii_api::keys::follow(store.clone(), Arc::clone(&keys)));
        let door = Door {
            zone: Arc::from("east"),
            store: store.clone(),
            keys,
            slots,
            engine: handle,
            reports: Reports::new(),
            grace: Duration::ZERO,
            shutdown: Shutdown::new(),
            registry: Arc::default(),
        };
        Self {
            store,
            door,
            stop,
            _folder: folder,
        }
    }

    /// One that is at `cluster/1/5` of a global, which has the mesh `default`.
    pub(crate) async fn following() -> Self {
        let zone = Self::new().await;
        let mut mesh = Resource::new::<Mesh>("", "default", &<Mesh as Kind>::Spec::default());
        mesh.labels
            .insert(label::ORIGIN.to_owned(), "global".to_owned());
        let family = Family::Dataplane {
            mesh: "default".to_owned(),
        };
        let key = create_secret(family.signing_key(1), &KEY.to_pem().unwrap());
        zone.commit(vec![create(mesh), key], Some("cluster/1/5"))
            .await;
        // The key ring follows on its own.
        let keys = Arc::clone(&zone.door.keys);
        zone.until(move || keys.load().public_key(&family, 1).is_some())
            .await;
        zone
    }

    /// Commits changes, with the mark of the global that they bring the zone to.
    pub(crate) async fn commit(&self, changes: Vec<Change>, mark: Option<&str>) {
        let memory = mark.map(|mark| Memory {
            mark: Some(mark.parse::<Mark>().unwrap()),
            accepted_once: false,
        });
        let marks = memory.map(|memory| {
            let bytes = Bytes::from(memory.to_bytes());
            (local::MEMORY.to_owned(), Some(bytes))
        });
        let proposal = Proposal {
            changes,
            marks: marks.into_iter().collect::<BTreeMap<_, _>>(),
        };
        self.store.propose(proposal).await.unwrap();
    }

    /// Waits for something that other tasks do.
    pub(crate) async fn until(&self, mut holds: impl FnMut() -> bool) {
        let waiting = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .expect("it never holds");
    }

    /// Waits until the engine is where the store is.
    pub(crate) async fn settled(&self) {
        let revision = self.store.view().revision();
        let mut generated = self.door.engine.generated();
        let reached = generated.wait_for(|generated| generated.local >= revision);
        tokio::time::timeout(Duration::from_secs(30), reached)
            .await
            .expect("the engine follows")
            .unwrap();
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.store.shutdown().await;
    }
}

/// A Dataplane of the mesh `default`.
pub(crate) fn id(name: &str) -> ProxyId {
    ProxyId {
        mesh: "default".to_owned(),
        name: name.to_owned(),
    }
}

/// The text of a builtin gateway's Dataplane.
pub(crate) fn gateway(name: &str, service: &str) -> String {
    serde_json::json!({
        "type": "Dataplane",
        "mesh": "default",
        "name": name,
        "networking": {
            "address": "127.0.0.1",
            "gateway": { "type": "BUILTIN", "tags": { "kuma.io/service": service } },
        },
    })
    .to_string()
}

/// A token for one proxy, valid for an hour.
pub(crate) fn token(name: &str) -> String {
    let claims = DataplaneClaims {
        mesh: "default".to_owned(),
        name: name.to_owned(),
        ..DataplaneClaims::default()
    };
    signed(&claims)
}

/// A token for every proxy of a service, valid for an hour.
pub(crate) fn token_of_service(service: &str) -> String {
    let values = std::iter::once(service.to_owned()).collect();
    let claims = DataplaneClaims {
        mesh: "default".to_owned(),
        tags: BTreeMap::from([("kuma.io/service".to_owned(), values)]),
        ..DataplaneClaims::default()
    };
    signed(&claims)
}

/// A token like [`token`]'s, signed with a key that the zone does not know.
pub(crate) fn forged(name: &str) -> String {
    let claims = DataplaneClaims {
        mesh: "default".to_owned(),
        name: name.to_owned(),
        ..DataplaneClaims::default()
    };
    issue(&claims, &OTHER, 1, clock::now(), HOUR).unwrap()
}

/// A token like [`token`]'s that was valid yesterday.
pub(crate) fn expired(name: &str) -> String {
    let claims = DataplaneClaims {
        mesh: "default".to_owned(),
        name: name.to_owned(),
        ..DataplaneClaims::default()
    };
    let yesterday = clock::now() - Duration::from_secs(24 * 3600);
    issue(&claims, &KEY, 1, yesterday, HOUR).unwrap()
}

fn signed<C: Claims>(claims: &C) -> String {
    issue(claims, &KEY, 1, clock::now(), HOUR).unwrap()
}
