use std::collections::{BTreeMap, BTreeSet};

use torii_resource::kinds::MeshGateway;
use torii_resource::{Kind, KindName, Resource};
use torii_store::{Op, Store};
use torii_sync::WireKey;
use torii_sync::guard::Memory;
use torii_sync::receiver::{Refused, Transaction, TypeChange};

use super::{Plan, accept_global, conflicts, plan};
use crate::local;
use crate::testing::TestZone;

fn gateway(name: &str) -> Resource {
    Resource::new::<MeshGateway>("default", name, &<MeshGateway as Kind>::Spec::default())
}

fn copy(name: &str) -> Resource {
    let mut copy = gateway(name);
    copy.labels
        .insert("kuma.io/origin".to_owned(), "global".to_owned());
    copy
}

fn kind() -> KindName {
    gateway("").key.kind
}

fn transaction(upserts: &[&str], removals: &[&str]) -> Transaction {
    let key = |name: &&str| WireKey::new("default", name);
    let change = TypeChange {
        full: false,
        upserts: upserts
            .iter()
            .map(|name| (key(name), gateway(name)))
            .collect(),
        removals: removals.iter().map(key).collect(),
    };
    Transaction {
        types: BTreeMap::from([(kind(), change)]),
        memory: Memory {
            mark: Some("a/1/9".parse().unwrap()),
            accepted_once: false,
        },
        ..Transaction::default()
    }
}

async fn store(resources: Vec<Resource>) -> TestZone {
    let zone = TestZone::new().await;
    let changes = resources
        .into_iter()
        .map(torii_api::change::create)
        .collect();
    zone.commit(changes, None).await;
    zone
}

/// Name, and whether it is removed, of every change.
fn summary(plan: &Plan) -> Vec<(&str, bool)> {
    let changes = plan.proposals.iter().flat_map(|proposal| &proposal.changes);
    changes
        .map(|change| (change.key.name.as_str(), change.op == Op::Delete))
        .collect()
}

fn told(store: &Store, transaction: &Transaction) -> Plan {
    plan(&store.view(), transaction)
}

#[tokio::test]
async fn what_the_global_sends_becomes_copies_and_the_memory_goes_with_them() {
    let zone = store(vec![copy("b")]).await;
    let plan = told(&zone.store, &transaction(&["a"], &["b"]));
    assert_eq!(summary(&plan), [("a", false), ("b", true)]);
    let [proposal] = &plan.proposals[..] else {
        panic!()
    };
    assert!(proposal.marks.contains_key(local::MEMORY));
    let Op::Put { labels, .. } = &proposal.changes[0].op else {
        panic!()
    };
    assert_eq!(labels["kuma.io/origin"], "global");
    zone.end().await;
}

#[tokio::test]
async fn what_the_zone_has_already_is_not_written_again_but_the_memory_is() {
    let zone = store(vec![copy("a")]).await;
    let plan = told(&zone.store, &transaction(&["a"], &[]));
    assert_eq!(summary(&plan), []);
    assert!(plan.proposals[0].marks.contains_key(local::MEMORY));
    zone.end().await;
}

#[tokio::test]
async fn a_resource_of_the_zone_is_neither_replaced_nor_removed() {
    let zone = store(vec![gateway("mine")]).await;
    let plan = told(&zone.store, &transaction(&["mine", "a"], &[]));
    assert_eq!(summary(&plan), [("a", false)]);
    assert!(
        plan.refused[0].to_string().contains("mine"),
        "{:?}",
        plan.refused
    );
    let plan = told(&zone.store, &transaction(&[], &["mine"]));
    assert_eq!(summary(&plan), []);
    zone.end().await;
}

fn refused(name: &str) -> Refused {
    super::refusal(&kind(), &WireKey::new("default", name), "taken")
}

#[test]
fn a_conflict_is_shown_until_the_global_says_something_new_about_it() {
    let known = BTreeSet::from([refused("a")]);
    let after = |transaction: &Transaction, new: &[&str]| {
        conflicts(
            &known,
            transaction,
            new.iter().map(|name| refused(name)).collect(),
        )
    };
    let other = transaction(&["b"], &[]);
    assert_eq!(
        after(&other, &["b"]),
        BTreeSet::from([refused("a"), refused("b")])
    );
    assert_eq!(after(&transaction(&["a"], &[]), &[]), BTreeSet::new());
    assert_eq!(after(&transaction(&[], &["a"]), &[]), BTreeSet::new());
    let mut full = transaction(&[], &[]);
    full.types.get_mut(&kind()).unwrap().full = true;
    assert_eq!(after(&full, &[]), BTreeSet::new());
}

#[tokio::test]
async fn an_operator_lets_the_next_global_through_whatever_the_memory_is() {
    let zone = TestZone::following().await;
    accept_global(&zone.store).await.unwrap();
    let memory = local::memory(&zone.store.view()).unwrap();
    assert!(memory.accepted_once);
    assert_eq!(memory.mark.unwrap().to_string(), "cluster/1/5");
    zone.end().await;
}
