use std::time::Duration;

use super::*;
use crate::state::State;

fn batch(revision: u64) -> Arc<Batch> {
    Arc::new(Batch {
        revision: Revision(revision),
        epoch: 1,
        time: Timestamp::UNIX_EPOCH,
        changes: vec![Changed {
            key: ResourceKey::new("Mesh", "", "default"),
            before: None,
            after: None,
        }],
        marks: BTreeMap::new(),
    })
}

fn view(revision: u64) -> View {
    View::new(State {
        revision: Revision(revision),
        ..State::default()
    })
}

fn publish(feed: &Feed, revision: u64) {
    feed.publish(view(revision), vec![batch(revision)]);
}

fn drain(watch: &mut Watch) -> Vec<(char, u64)> {
    std::iter::from_fn(|| watch.try_next())
        .map(|event| match event {
            Event::Batch(batch) => ('b', batch.revision.0),
            Event::Snapshot(view) => ('s', view.revision().0),
        })
        .collect()
}

#[test]
fn a_watcher_in_the_ring_gets_every_batch_once_in_order() {
    let feed = Feed::new(8, usize::MAX);
    let mut watch = feed.watch(Revision::ZERO);
    publish(&feed, 1);
    publish(&feed, 2);
    assert_eq!(drain(&mut watch), [('b', 1), ('b', 2)]);
    publish(&feed, 3);
    assert_eq!(drain(&mut watch), [('b', 3)]);
    assert_eq!(drain(&mut feed.watch(Revision(2))), [('b', 3)]);
}

#[test]
fn a_watcher_behind_the_ring_gets_a_snapshot_and_then_batches() {
    let feed = Feed::new(3, usize::MAX);
    let mut watch = feed.watch(Revision(1));
    (1..=10).for_each(|revision| publish(&feed, revision));
    assert_eq!(drain(&mut watch), [('s', 10)]);
    publish(&feed, 11);
    assert_eq!(drain(&mut watch), [('b', 11)]);
    // The oldest batch that is still there is the first that a watcher can get.
    assert_eq!(
        drain(&mut feed.watch(Revision(8))),
        [('b', 9), ('b', 10), ('b', 11)]
    );
    assert_eq!(drain(&mut feed.watch(Revision(7))), [('s', 11)]);
}

#[test]
fn the_ring_is_bounded_by_bytes_too() {
    let feed = Feed::new(1000, size_of_batch(&batch(1)) * 2);
    (1..=10).for_each(|revision| publish(&feed, revision));
    assert_eq!(feed.read().ring.len(), 2);
    assert_eq!(drain(&mut feed.watch(Revision(8))), [('b', 9), ('b', 10)]);
}

#[test]
fn a_replaced_state_makes_every_watcher_start_over() {
    let feed = Feed::new(8, usize::MAX);
    publish(&feed, 1);
    let mut watch = feed.watch(Revision(1));
    feed.replace(view(7));
    assert_eq!(drain(&mut watch), [('s', 7)]);
    publish(&feed, 8);
    assert_eq!(drain(&mut watch), [('b', 8)]);
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing_and_a_closed_feed_ends() {
    let feed = Feed::new(8, usize::MAX);
    let mut watch = feed.watch(Revision::ZERO);
    let cancelled = tokio::time::timeout(Duration::from_millis(1), watch.next()).await;
    assert!(cancelled.is_err());
    publish(&feed, 1);
    assert!(
        matches!(watch.next().await, Some(Event::Batch(batch)) if batch.revision == Revision(1))
    );
    feed.close();
    publish(&feed, 2);
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_waiting_watcher_is_woken() {
    let feed = Feed::new(8, usize::MAX);
    let mut watch = feed.watch(Revision::ZERO);
    let woken = tokio::spawn(async move { watch.next().await.is_some() });
    tokio::task::yield_now().await;
    publish(&feed, 1);
    assert!(woken.await.unwrap());
}
