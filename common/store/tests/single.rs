//! One node: durable, watchable, restarted.

mod support;

use std::collections::BTreeMap;

use bytes::Bytes;
use support::{eventually, expecting, key, put, single};
use torii_resource::Revision;
use torii_store::{Error, Event, Expect, OpenError, Outcome, Proposal};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = single(folder.path(), |_| {}).await.unwrap();
    assert!(store.is_leader());
    let mut proposal = put("a", "1");
    proposal.marks = BTreeMap::from([("cursor".to_owned(), Some(Bytes::from_static(b"7")))]);
    assert_eq!(store.propose(proposal).await.unwrap().revision, Revision(1));
    for number in 0..50 {
        store
            .propose(put(&format!("r{number}"), "x"))
            .await
            .unwrap();
    }
    let before = store.view();
    store.shutdown().await;
    let store = single(folder.path(), |_| {}).await.unwrap();
    assert_eq!(store.view(), before);
    assert_eq!(store.view().mark("cursor").unwrap().as_ref(), b"7");
    assert_eq!(
        store.propose(put("b", "1")).await.unwrap().revision,
        Revision(52)
    );
    assert_eq!(store.linearizable().await.unwrap().revision(), Revision(52));
    store.shutdown().await;
}

#[tokio::test]
async fn a_restart_from_snapshot_and_log_gives_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let small = |config: &mut torii_store::Config| {
        config.snapshot_every = 20;
        config.snapshot_keep = 3;
    };
    let snapshot = folder.path().join("snapshots/current.snapshot");
    let store = single(folder.path(), small).await.unwrap();
    for number in 0..95 {
        store
            .propose(put(&format!("r{}", number % 40), format!("{number}")))
            .await
            .unwrap();
    }
    eventually("a snapshot", async || snapshot.exists().then_some(())).await;
    let before = store.view();
    store.shutdown().await;
    let store = single(folder.path(), small).await.unwrap();
    assert_eq!(store.view(), before);
    assert_eq!(before.list("MeshGateway").count(), 40);
    assert_eq!(before.list_in("MeshGateway", "other").count(), 0);
    store.shutdown().await;

    let mut bytes = std::fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&snapshot, bytes).unwrap();
    let error = single(folder.path(), small).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    std::fs::remove_file(&snapshot).unwrap();
    let error = eventually("the lock is free", async || {
        match single(folder.path(), small).await {
            Err(OpenError::Io { .. }) => None,
            other => other.err(),
        }
    })
    .await;
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let store = single(folder.path(), |_| {}).await.unwrap();
    let held = single(folder.path(), |_| {}).await.unwrap_err();
    assert!(matches!(held, OpenError::Io { .. }), "{held}");
    store.shutdown().await;
    let other = single(folder.path(), |config| config.name = "other".into())
        .await
        .unwrap_err();
    assert!(
        other.to_string().contains("belongs to node alone"),
        "{other}"
    );
}

#[tokio::test]
async fn conflicts_refusals_and_writes_without_effect_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = single(folder.path(), |_| {}).await.unwrap();
    store.propose(put("a", "1")).await.unwrap();
    let conflict = store
        .propose(expecting("a", "2", Expect::Absent))
        .await
        .unwrap_err();
    let found = Revision(1);
    assert_eq!(
        conflict,
        Error::Conflict {
            key: key("a"),
            found
        }
    );
    let huge = store.propose(put("a", vec![0; 9 << 20])).await.unwrap_err();
    assert!(matches!(huge, Error::Refused(_)), "{huge}");
    let again = store.propose(put("a", "1")).await.unwrap();
    assert_eq!(again.outcomes, [Outcome::Unchanged]);
    assert_eq!(store.view().revision(), Revision(1));
    assert_eq!(
        store.propose(Proposal::default()).await.unwrap().revision,
        Revision(1)
    );
    store.shutdown().await;
}

#[tokio::test]
async fn every_watcher_sees_every_revision_once_and_a_slow_one_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let store = single(folder.path(), |config| config.ring = 16)
        .await
        .unwrap();
    let mut slow = store.watch(Revision::ZERO);
    let quick: Vec<_> = (0..20)
        .map(|_| {
            let mut watch = store.watch(Revision::ZERO);
            tokio::spawn(async move {
                let mut seen = Revision::ZERO;
                while seen < Revision(100) {
                    match watch.next().await.unwrap() {
                        Event::Batch(batch) => {
                            assert_eq!(batch.revision, seen.next());
                            seen = batch.revision;
                        }
                        Event::Snapshot(view) => {
                            assert!(view.revision() > seen);
                            seen = view.revision();
                        }
                    }
                }
            })
        })
        .collect();
    for number in 0..100 {
        store.propose(put("a", format!("{number}"))).await.unwrap();
    }
    for watcher in quick {
        watcher.await.unwrap();
    }
    let Some(Event::Snapshot(view)) = slow.next().await else {
        panic!("a batch that the ring cannot hold any more")
    };
    assert_eq!(view.revision(), Revision(100));
    store.propose(put("a", "last")).await.unwrap();
    assert!(
        matches!(slow.next().await, Some(Event::Batch(batch)) if batch.revision == Revision(101))
    );
    store.shutdown().await;
    assert!(slow.next().await.is_none());
    assert_eq!(store.stopped().await, None);
    assert!(matches!(
        store.propose(put("a", "z")).await,
        Err(Error::Stopped(_))
    ));
}
