use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_resource::kinds::MeshGateway;
use torii_resource::meta::label;
use torii_resource::name::hashed;
use torii_resource::{Kind, KindName, Resource, ResourceKey};
use torii_store::{Config, Expect, Op, Proposal, Store, View};
use torii_sync::WireKey;
use torii_sync::receiver::{Transaction, TypeChange};
use torii_sync::scope::Origin;

use super::{Plan, plan};

fn east(prefix: bool) -> Origin {
    Origin::Zone {
        zone: Arc::from("east"),
        prefix,
    }
}

fn gateway(name: &str) -> Resource {
    Resource::new::<MeshGateway>("default", name, &<MeshGateway as Kind>::Spec::default())
}

fn of_zone(zone: &str, name: &str) -> Resource {
    let mut gateway = gateway(name);
    let labels = [(label::ORIGIN, "zone"), (label::ZONE, zone)];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
    gateway.labels.extend(labels);
    gateway
}

fn kind() -> KindName {
    gateway("").key.kind
}

fn upserts(resources: &[Resource]) -> Transaction {
    let upserts = resources.iter().map(|resource| {
        let key = WireKey::new(&resource.key.mesh, &resource.key.name);
        (key, resource.clone())
    });
    let change = TypeChange {
        upserts: upserts.collect(),
        ..TypeChange::default()
    };
    Transaction {
        types: BTreeMap::from([(kind(), change)]),
        ..Transaction::default()
    }
}

fn removals(names: &[&str]) -> Transaction {
    let removals: BTreeSet<_> = names
        .iter()
        .map(|name| WireKey::new("default", name))
        .collect();
    let change = TypeChange {
        removals,
        ..TypeChange::default()
    };
    Transaction {
        types: BTreeMap::from([(kind(), change)]),
        ..Transaction::default()
    }
}

/// A state with these resources.
struct World {
    store: Store,
    _folder: tempfile::TempDir,
}

impl World {
    async fn with(resources: &[Resource]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(Config::single("test", folder.path()), None)
            .await
            .unwrap();
        let changes = resources
            .iter()
            .cloned()
            .map(torii_api::change::create)
            .collect();
        let proposal = Proposal {
            changes,
            ..Proposal::default()
        };
        store.propose(proposal).await.unwrap();
        Self {
            store,
            _folder: folder,
        }
    }

    fn view(&self) -> View {
        self.store.view()
    }

    async fn end(self) {
        self.store.shutdown().await;
    }
}

/// Key, whether it must be absent, and whether it is removed, of every change.
fn summary(plan: &Plan) -> Vec<(String, bool, bool)> {
    let changes = plan.proposals.iter().flat_map(|proposal| &proposal.changes);
    changes
        .map(|change| {
            let absent = change.expect == Expect::Absent;
            (change.key.name.clone(), absent, change.op == Op::Delete)
        })
        .collect()
}

#[tokio::test]
async fn a_resource_of_a_zone_is_stored_under_its_own_name_and_belongs_to_the_zone() {
    let world = World::with(&[]).await;
    let plan = plan(
        &world.view(),
        "east",
        &east(false),
        &upserts(&[gateway("a")]),
    );
    assert_eq!(summary(&plan), [("a".to_owned(), true, false)]);
    let Op::Put { labels, .. } = &plan.proposals[0].changes[0].op else {
        panic!()
    };
    assert_eq!(labels[label::ZONE], "east");
    world.end().await;
}

#[tokio::test]
async fn a_name_that_another_has_falls_back_to_kumas_hashed_one() {
    for taken in [of_zone("west", "a"), gateway("a")] {
        let world = World::with(&[taken]).await;
        let plan = plan(
            &world.view(),
            "east",
            &east(false),
            &upserts(&[gateway("a")]),
        );
        assert_eq!(
            summary(&plan),
            [(hashed("default", "a", &["east"]), true, false)]
        );
        world.end().await;
    }
}

#[tokio::test]
async fn a_resource_whose_both_names_are_taken_is_refused_alone() {
    let hash = hashed("default", "a", &["east"]);
    let world = World::with(&[gateway("a"), gateway(&hash)]).await;
    let sent = upserts(&[gateway("a"), gateway("b")]);
    let plan = plan(&world.view(), "east", &east(false), &sent);
    assert_eq!(summary(&plan), [("b".to_owned(), true, false)]);
    assert!(plan.refused[0].contains(&hash), "{:?}", plan.refused);
    world.end().await;
}

#[tokio::test]
async fn a_zone_removes_only_its_own() {
    let hash = hashed("default", "c", &["east"]);
    let stored = [
        of_zone("east", "a"),
        of_zone("west", "b"),
        of_zone("west", "c"),
        of_zone("east", &hash),
        gateway("d"),
    ];
    let world = World::with(&stored).await;
    let plan = plan(
        &world.view(),
        "east",
        &east(false),
        &removals(&["a", "b", "c", "d", "e"]),
    );
    let expected = [("a".to_owned(), false, true), (hash, false, true)];
    assert_eq!(summary(&plan), expected);
    world.end().await;
}

#[tokio::test]
async fn what_is_stored_alike_is_not_written_again() {
    let world = World::with(&[of_zone("east", "a")]).await;
    let sent = upserts(&[gateway("a")]);
    assert_eq!(
        plan(&world.view(), "east", &east(false), &sent),
        Plan::default()
    );
    world.end().await;
}

#[tokio::test]
async fn names_of_a_kuma_zone_that_are_not_unique_bear_the_zones_name() {
    let world = World::with(&[of_zone("east", "east.b")]).await;
    let sent = upserts(&[gateway("a")]);
    let put = plan(&world.view(), "east", &east(true), &sent);
    assert_eq!(summary(&put), [("east.a".to_owned(), true, false)]);
    let removed = plan(&world.view(), "east", &east(true), &removals(&["b"]));
    assert_eq!(summary(&removed), [("east.b".to_owned(), false, true)]);
    world.end().await;
}

#[tokio::test]
async fn a_kind_that_zones_do_not_send_is_refused() {
    let world = World::with(&[]).await;
    let mut mesh = gateway("a");
    mesh.key = ResourceKey::new("Mesh", "", "a");
    let plan = plan(&world.view(), "east", &east(false), &upserts(&[mesh]));
    assert!(
        plan.proposals.is_empty() && plan.refused.len() == 1,
        "{plan:?}"
    );
    world.end().await;
}
