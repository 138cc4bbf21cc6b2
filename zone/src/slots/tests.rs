use std::sync::Arc;

use torii_ads::Desired;
use torii_render::{Parts, Renderer};
use torii_resource::Revision;

use super::Slots;
use crate::testing::{TestZone, id};

fn desired(revision: u64) -> Desired {
    Desired {
        revision: Revision(revision),
        parts: Arc::new(Parts::default()),
    }
}

#[test]
fn a_slot_lives_as_long_as_a_stream_holds_it() {
    let slots = Slots::default();
    let (_, first) = slots.open(&id("a"));
    let (receiver, second) = slots.open(&id("a"));
    slots.publish(&id("a"), desired(3), Renderer::default());
    assert_eq!(receiver.borrow().as_ref().unwrap().revision, Revision(3));
    drop(first);
    assert!(slots.wanted(&id("a")));
    drop(second);
    assert!(!slots.wanted(&id("a")));
    slots.publish(&id("a"), desired(4), Renderer::default());
    assert_eq!(slots.published(&id("a")), None);
}

#[tokio::test]
async fn starting_over_ends_every_stream_and_serves_those_that_come_after() {
    let slots = Slots::default();
    let (mut before, held) = slots.open(&id("a"));
    slots.publish(&id("a"), desired(9), Renderer::default());
    slots.start_over();
    before.mark_unchanged();
    assert!(before.changed().await.is_err(), "its sender is gone");
    let (after, _hold) = slots.open(&id("a"));
    drop(held);
    slots.publish(&id("a"), desired(2), Renderer::default());
    assert_eq!(after.borrow().as_ref().unwrap().revision, Revision(2));
}

/// Whether a stream that was open before the zone got from one mark of a global to another is still open.
async fn survives(before: &str, after: &str, with_a_change: bool) -> bool {
    let zone = TestZone::following().await;
    zone.commit(vec![change(1)], Some(before)).await;
    zone.settled().await;
    let (desired, _hold) = zone.door.slots.open(&id("a"));
    let changes = if with_a_change {
        vec![change(2)]
    } else {
        Vec::new()
    };
    zone.commit(changes, Some(after)).await;
    let revision = zone.store.view().revision();
    zone.door.engine.followed(after.parse().unwrap(), revision);
    let mut generated = zone.door.engine.generated();
    let reached = generated.wait_for(|generated| {
        generated
            .mark
            .as_ref()
            .is_some_and(|mark| mark.to_string() == after)
    });
    reached.await.unwrap();
    let open = desired.has_changed().is_ok();
    zone.end().await;
    open
}

fn change(number: usize) -> torii_store::Change {
    let key = torii_resource::ResourceKey::new("Secret", "default", &format!("s-{number}"));
    torii_api::change::create_secret(key, "x")
}

#[tokio::test]
async fn streams_go_on_while_the_zone_follows_the_same_global() {
    for with_a_change in [true, false] {
        assert!(survives("a/1/7", "a/1/8", with_a_change).await);
    }
}

#[tokio::test]
async fn streams_start_over_when_another_global_or_an_older_or_restored_one_is_accepted() {
    for (before, after) in [("a/1/7", "b/1/9"), ("a/1/7", "a/1/3"), ("a/1/7", "a/2/9")] {
        for with_a_change in [true, false] {
            let survives = survives(before, after, with_a_change).await;
            assert!(
                !survives,
                "{before} to {after}, with a change: {with_a_change}"
            );
        }
    }
}
