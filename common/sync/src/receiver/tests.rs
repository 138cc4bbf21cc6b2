//! Scripted globals against the receiving machine (kds §1.6, §6.4, §11.3 Z1-Z5).

use torii_resource::Stamp;

use super::*;
use crate::version::PROGRESS;

fn kind(name: &str) -> KindName {
    KindName::new(name)
}

fn key(name: &str) -> WireKey {
    WireKey::new("default", name)
}

fn good(name: &str) -> Item {
    let resource = Resource {
        key: torii_resource::ResourceKey::new("A", "default", name),
        labels: BTreeMap::new(),
        spec: bytes::Bytes::new(),
        created: Stamp::default(),
        modified: Stamp::default(),
    };
    Item::Good(key(name), Box::new(resource))
}

fn bad(name: Option<&str>) -> Item {
    Item::Bad {
        key: name.map(key),
        reason: "spec cannot be read".to_owned(),
    }
}

fn response(type_name: &str, nonce: &str, mark: &str, items: Vec<Item>, removed: &[&str]) -> Event {
    Event::Response(Incoming {
        type_name: kind(type_name),
        nonce: nonce.to_owned(),
        mark: mark.parse().ok(),
        items,
        removed: removed.iter().map(|name| key(name)).collect(),
    })
}

fn config(held: &[(&str, &[&str])], guard: Guard) -> Config {
    Config {
        types: ["A", "B", PROGRESS].map(kind).to_vec(),
        held: held
            .iter()
            .map(|(name, names)| (kind(name), names.iter().map(|name| key(name)).collect()))
            .collect(),
        guard,
    }
}

fn zone(held: &[(&str, &[&str])]) -> Receiver {
    Receiver::new(config(held, Guard::new(Memory::default())))
}

fn following(mark: &str, held: &[(&str, &[&str])]) -> Receiver {
    Receiver::new(config(
        held,
        Guard::new(Memory {
            mark: mark.parse().ok(),
            accepted_once: false,
        }),
    ))
}

/// An action in one line.
fn show(action: &Action) -> String {
    match action {
        Action::Send(request) if request.nonce.is_empty() => {
            format!("subscribe {}", request.type_name)
        }
        Action::Send(request) if request.error.is_some() => {
            format!("nack {}#{}", request.type_name, request.nonce)
        }
        Action::Send(request) if !request.subscribe.is_empty() => {
            assert_eq!(request.subscribe, request.unsubscribe);
            format!(
                "resend {}#{} {}",
                request.type_name,
                request.nonce,
                request.subscribe.join(",")
            )
        }
        Action::Send(request) => format!("ack {}#{}", request.type_name, request.nonce),
        Action::Commit(transaction) => {
            let mut text = "commit".to_owned();
            for (name, change) in &transaction.types {
                text += &format!(" {name}{}:", if change.full { "(full)" } else { "" });
                for key in change.upserts.keys() {
                    text += &format!("+{}", key.name);
                }
                for key in &change.removals {
                    text += &format!("-{}", key.name);
                }
            }
            if let Some(mark) = &transaction.mark {
                text += &format!(" @{mark}");
            }
            text
        }
        Action::Held(hold) => format!("hold {} {}/{}", hold.type_name, hold.removed, hold.held),
        Action::End(Ending::Refused(refusal)) => format!("refuse {}", refusal.name()),
        Action::End(ending) => format!("end: {ending}"),
    }
}

fn tell(receiver: &mut Receiver, event: Event) -> Vec<String> {
    receiver.handle(event).iter().map(show).collect()
}

#[test]
fn all_types_are_subscribed_before_anything_is_read() {
    assert_eq!(
        tell(&mut zone(&[]), Event::Start),
        ["subscribe A", "subscribe B", "subscribe torii.Progress"]
    );
}

#[test]
fn everything_up_to_a_progress_mark_is_one_transaction_and_acknowledged_when_stored() {
    let mut zone = zone(&[]);
    assert!(tell(&mut zone, response("A", "1", "c/1/4", vec![good("a")], &[])).is_empty());
    assert!(tell(&mut zone, response("B", "2", "c/1/4", vec![good("b")], &[])).is_empty());
    assert!(
        tell(&mut zone, Event::Idle).is_empty(),
        "silence closes nothing for a Torii peer"
    );
    assert_eq!(
        tell(&mut zone, response(PROGRESS, "3", "c/1/4", vec![], &[])),
        ["commit A(full):+a B(full):+b @c/1/4"]
    );
    assert_eq!(
        tell(&mut zone, Event::Committed),
        ["ack A#1", "ack B#2", "ack torii.Progress#3"]
    );
}

#[test]
fn a_response_during_a_commit_goes_into_the_next_transaction() {
    let mut zone = zone(&[]);
    tell(&mut zone, response("A", "1", "c/1/4", vec![good("a")], &[]));
    tell(&mut zone, response(PROGRESS, "2", "c/1/4", vec![], &[]));
    assert!(tell(&mut zone, response("B", "3", "c/1/5", vec![good("b")], &[])).is_empty());
    assert_eq!(
        tell(&mut zone, Event::Committed),
        ["ack A#1", "ack torii.Progress#2"]
    );
    assert_eq!(
        tell(&mut zone, response(PROGRESS, "4", "c/1/5", vec![], &[])),
        ["commit B(full):+b @c/1/5"]
    );
}

#[test]
fn a_foreign_peer_is_committed_when_it_is_silent_and_its_empty_progress_answer_is_harmless() {
    let mut zone = zone(&[("A", &["a", "b"])]);
    tell(
        &mut zone,
        response("A", "1", "", vec![good("a"), good("n")], &[]),
    );
    tell(&mut zone, response(PROGRESS, "2", "", vec![], &[]));
    assert_eq!(tell(&mut zone, Event::Idle), ["commit A(full):+a+n-b"]);
    assert_eq!(
        tell(&mut zone, Event::Committed),
        ["ack A#1", "ack torii.Progress#2"]
    );
    assert_eq!(tell(&mut zone, Event::Idle), [""; 0]);
}

#[test]
fn only_the_first_response_of_a_type_is_the_complete_set() {
    let mut zone = zone(&[]);
    tell(
        &mut zone,
        response("A", "1", "", vec![good("a"), good("b")], &[]),
    );
    tell(&mut zone, Event::Idle);
    tell(&mut zone, Event::Committed);
    tell(
        &mut zone,
        response("A", "2", "", vec![good("c")], &["a", "never-held"]),
    );
    assert_eq!(tell(&mut zone, Event::Idle), ["commit A:+c-a"]);
}

#[test]
fn a_key_in_both_lists_is_an_update() {
    let mut zone = zone(&[("A", &["a"])]);
    tell(&mut zone, response("A", "1", "", vec![good("a")], &["a"]));
    assert_eq!(tell(&mut zone, Event::Idle), ["commit A(full):+a"]);
}

#[test]
fn an_empty_answer_to_an_empty_zone_is_acknowledged_without_a_write() {
    let mut zone = zone(&[]);
    tell(&mut zone, response("A", "1", "", vec![], &[]));
    assert_eq!(tell(&mut zone, Event::Idle), ["ack A#1"]);
}

/// kds §6.4, 2.10: the valid ones are stored, the others are named.
#[test]
fn an_unreadable_resource_is_refused_alone_and_its_old_copy_stays() {
    let mut zone = zone(&[("A", &["x", "y"])]);
    tell(
        &mut zone,
        response("A", "1", "", vec![good("y"), bad(Some("x"))], &[]),
    );
    assert_eq!(tell(&mut zone, Event::Idle), ["commit A(full):+y"]);
    let actions = zone.handle(Event::Committed);
    let [Action::Send(request)] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(
        request.error.as_deref(),
        Some("user error: 1 not stored, all others are: A x.default: spec cannot be read")
    );
    assert_eq!(request.subscribe, ["*"]);
    assert_eq!(tell(&mut zone, Event::Retry), ["resend A#1 x.default"]);
}

#[test]
fn a_resource_without_a_readable_name_removes_nothing() {
    let mut zone = zone(&[("A", &["x", "y"])]);
    tell(
        &mut zone,
        response("A", "1", "", vec![good("y"), bad(None)], &[]),
    );
    assert_eq!(tell(&mut zone, Event::Idle), ["commit A(full):+y"]);
}

#[test]
fn what_is_not_stored_yet_is_not_asked_for_again() {
    let mut zone = zone(&[]);
    tell(&mut zone, response("A", "1", "", vec![bad(Some("x"))], &[]));
    assert!(tell(&mut zone, Event::Retry).is_empty());
}

#[test]
fn a_failed_store_ends_the_stream_and_acknowledges_nothing() {
    let mut zone = zone(&[]);
    tell(&mut zone, response("A", "1", "", vec![good("a")], &[]));
    tell(&mut zone, Event::Idle);
    let end = tell(&mut zone, Event::Failed("disk full".to_owned()));
    assert_eq!(
        end,
        ["end: what the peer sent could not be stored: disk full"]
    );
    assert!(tell(&mut zone, Event::Committed).is_empty());
}

#[test]
fn a_type_that_nobody_asked_for_is_ignored() {
    let mut zone = zone(&[]);
    assert!(tell(&mut zone, response("Z", "1", "", vec![good("a")], &[])).is_empty());
    assert!(tell(&mut zone, Event::Idle).is_empty());
}

#[test]
fn a_global_of_another_cluster_or_an_older_one_changes_nothing() {
    for (mark, refusal) in [
        ("other/1/90", "refuse other_cluster"),
        ("c/1/9", "refuse older"),
        ("", "refuse no_mark"),
    ] {
        let mut zone = following("c/1/10", &[("A", &["a"])]);
        assert_eq!(
            tell(&mut zone, response("A", "1", mark, vec![], &[])),
            [refusal]
        );
    }
}

#[test]
fn the_followed_global_may_remove_everything_at_a_later_mark() {
    let mut zone = following("c/1/10", &[("A", &["a", "b"])]);
    tell(&mut zone, response("A", "1", "c/1/11", vec![], &[]));
    assert_eq!(
        tell(&mut zone, response(PROGRESS, "2", "c/1/11", vec![], &[])),
        ["commit A(full):-a-b @c/1/11"]
    );
}

/// The reference implementation obeys here (kds §6.3, recorded).
#[test]
fn a_foreign_global_that_came_back_empty_is_held_until_an_operator_accepts() {
    let mut zone = zone(&[("A", &["a"])]);
    assert_eq!(
        tell(&mut zone, response("A", "1", "", vec![], &[])),
        ["hold A 1/1"]
    );
    tell(&mut zone, response("B", "2", "", vec![good("b")], &[]));
    assert_eq!(tell(&mut zone, Event::Idle), ["commit B(full):+b"]);
    assert_eq!(tell(&mut zone, Event::Committed), ["ack B#2"]);
    assert_eq!(tell(&mut zone, Event::Accepted), ["commit A(full):-a"]);
    assert_eq!(tell(&mut zone, Event::Committed), ["ack A#1"]);
}

#[test]
fn a_first_torii_global_does_not_wipe_what_a_foreign_one_left() {
    let mut zone = zone(&[("A", &["a", "b", "c"])]);
    assert_eq!(
        tell(&mut zone, response("A", "1", "c/1/1", vec![], &[])),
        ["hold A 3/3"]
    );
    tell(&mut zone, response("B", "2", "c/1/1", vec![good("b")], &[]));
    assert_eq!(
        tell(&mut zone, response(PROGRESS, "3", "c/1/1", vec![], &[])),
        ["commit B(full):+b"],
        "no mark is reached while something is held"
    );
    assert_eq!(tell(&mut zone, Event::Committed), ["ack B#2"]);
    assert_eq!(
        tell(&mut zone, Event::Accepted),
        ["commit A(full):-a-b-c @c/1/1"]
    );
    assert_eq!(
        tell(&mut zone, Event::Committed),
        ["ack A#1", "ack torii.Progress#3"]
    );
}

#[test]
fn a_progress_that_brings_nothing_new_is_not_stored_again() {
    let mut zone = following("c/1/10", &[]);
    assert_eq!(
        tell(&mut zone, response(PROGRESS, "1", "c/1/10", vec![], &[])),
        ["ack torii.Progress#1"]
    );
    assert_eq!(
        tell(&mut zone, response(PROGRESS, "2", "c/1/11", vec![], &[])),
        ["commit @c/1/11"]
    );
}

#[test]
fn a_peer_cannot_be_torii_now_and_foreign_then() {
    let mut zone = zone(&[]);
    tell(&mut zone, response("A", "1", "c/1/4", vec![], &[]));
    let end = tell(&mut zone, response("B", "2", "", vec![], &[]));
    assert_eq!(
        end,
        ["end: the peer sends a response without a mark after some with one"]
    );
}

#[test]
fn a_global_takes_in_a_torii_zone_without_its_marks() {
    let mut global = Receiver::new(Config {
        types: vec![kind("A")],
        held: BTreeMap::from([(kind("A"), BTreeSet::from([key("old")]))]),
        guard: Guard::off(),
    });
    tell(&mut global, response("A", "1", "east/1/4", vec![], &[]));
    assert_eq!(tell(&mut global, Event::Idle), ["commit A(full):-old"]);
}
