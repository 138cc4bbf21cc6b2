//! Three nodes: writes and reads through any, loss of the leader, snapshot to a node that lags.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::{Cluster, eventually, expecting, key, put, written};
use torii_resource::Revision;
use torii_store::{Error, Event, Expect};

#[tokio::test(flavor = "multi_thread")]
async fn every_node_takes_writes_and_reads_its_own() {
    let cluster = Cluster::start(3, |_| {}).await;
    for (number, store) in (1..).zip(cluster.stores()) {
        let committed = written(&store, put(&format!("r{number}"), "1")).await;
        assert_eq!(committed.revision, Revision(number));
        assert_eq!(store.view().revision(), Revision(number));
        for other in cluster.stores() {
            let view = other.linearizable().await.unwrap();
            assert!(view.get(&key(&format!("r{number}"))).is_some());
        }
    }
    let follower = cluster.store(cluster.follower().await);
    let found = Revision(1);
    let conflict = follower.propose(expecting("r1", "2", Expect::Absent)).await;
    assert_eq!(
        conflict,
        Err(Error::Conflict {
            key: key("r1"),
            found
        })
    );
    let members = follower.members().borrow().clone();
    assert_eq!(members.nodes.iter().filter(|node| node.voter).count(), 3);
    assert!(!members.is_leader());
    assert!(members.term > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_write_through_a_follower_reaches_everyone() {
    let cluster = Cluster::start(3, |_| {}).await;
    let follower = cluster.store(cluster.follower().await);
    written(&follower, put("large", vec![7; 7 << 20])).await;
    for store in cluster.stores() {
        let view = store.linearizable().await.unwrap();
        assert_eq!(view.get(&key("large")).unwrap().spec.len(), 7 << 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_missing_after_the_leader_is_gone() {
    let mut cluster = Cluster::start(3, |_| {}).await;
    let leader = cluster.leader().await;
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|node| {
            let (store, done) = (cluster.store(node), Arc::clone(&done));
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    let name = format!("w{node}-{number}");
                    match store.propose(put(&name, "x")).await {
                        Ok(_) => acknowledged.push(name),
                        Err(Error::Unknown(_) | Error::Retry { .. }) => {}
                        Err(Error::Stopped(_)) if node == leader => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                acknowledged
            })
        })
        .collect();
    let survivor = cluster.store(cluster.follower().await);
    eventually("some writes", async || {
        (survivor.view().revision() > Revision(30)).then_some(())
    })
    .await;
    let crashed = Instant::now();
    cluster.crash(leader);
    let next = eventually("another leader", async || {
        let members = survivor.members().borrow().clone();
        members
            .leader
            .filter(|id| *id != cluster.members[leader].id)
    })
    .await;
    println!("another leader, {next}, after {:?}", crashed.elapsed());
    let at = survivor.linearizable().await.unwrap().revision();
    eventually("more writes", async || {
        (survivor.view().revision() > Revision(at.0 + 30)).then_some(())
    })
    .await;
    done.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeSet::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    cluster.run(leader).await;
    for store in cluster.stores() {
        let view = store.linearizable().await.unwrap();
        let missing: Vec<_> = acknowledged
            .iter()
            .filter(|name| view.get(&key(name)).is_none())
            .collect();
        assert!(missing.is_empty(), "{missing:?} of {}", acknowledged.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lags_behind_the_log_gets_the_snapshot() {
    let mut cluster = Cluster::start(3, |config| {
        config.snapshot_every = 20;
        config.snapshot_keep = 2;
        config.ring = 8;
    })
    .await;
    let lagging = cluster.follower().await;
    written(&cluster.store(lagging), put("first", "1")).await;
    cluster.stop(lagging).await;
    let other = cluster.store(cluster.follower().await);
    for number in 0..150 {
        written(&other, put(&format!("r{number}"), vec![1; 1000])).await;
    }
    cluster.run(lagging).await;
    let store = cluster.store(lagging);
    let mut watch = store.watch(store.view().revision());
    let view = store.linearizable().await.unwrap();
    assert_eq!(view.list("MeshGateway").count(), 151);
    assert_eq!(view, other.linearizable().await.unwrap());
    let snapshot = watch.next().await;
    assert!(matches!(snapshot, Some(Event::Snapshot(_))), "{snapshot:?}");
    // And it is a full member again: it survives a restart, and a majority can be formed with it.
    cluster.crash(lagging);
    cluster.run(lagging).await;
    cluster.crash(cluster.leader().await);
    let store = cluster.store(lagging);
    written(&store, put("last", "1")).await;
    assert_eq!(
        store
            .linearizable()
            .await
            .unwrap()
            .list("MeshGateway")
            .count(),
        152
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_majority_a_write_is_never_reported_as_done_or_failed() {
    let mut cluster = Cluster::start(3, |config| config.patience = Duration::from_secs(2)).await;
    let leader = cluster.leader().await;
    written(&cluster.store(leader), put("a", "1")).await;
    for node in (0..3).filter(|node| *node != leader) {
        cluster.crash(node);
    }
    let store = cluster.store(leader);
    let write = store.propose(put("b", "1")).await;
    assert!(
        matches!(write, Err(Error::Unknown(_) | Error::Retry { .. })),
        "{write:?}"
    );
    let read = store.linearizable().await;
    assert!(matches!(read, Err(Error::Retry { .. })), "{read:?}");
    assert!(store.view().get(&key("b")).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_cluster_restarts_with_what_it_had() {
    let mut cluster = Cluster::start(3, |_| {}).await;
    for number in 0..20 {
        written(&cluster.store(number % 3), put(&format!("r{number}"), "1")).await;
    }
    for node in 0..3 {
        cluster.crash(node);
    }
    for node in 0..3 {
        cluster.run(node).await;
    }
    for store in cluster.stores() {
        assert_eq!(store.linearizable().await.unwrap().revision(), Revision(20));
    }
}
