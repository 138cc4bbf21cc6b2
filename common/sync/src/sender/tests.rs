//! Scripted peers against the sending machine (kds §11.3 S1-S4, and the rules of §1.6, §4.10, §10.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use torii_resource::KindName;

use super::*;
use crate::version::PROGRESS;

fn mark(revision: u64) -> Mark {
    format!("c/1/{revision}").parse().unwrap()
}

fn kind(name: &str) -> KindName {
    KindName::new(name)
}

fn entry(name: &str, body: &str) -> Arc<Entry> {
    Arc::new(Entry::new(
        WireKey::new("default", name),
        body.as_bytes().to_vec(),
    ))
}

fn loaded(revision: u64, types: &[(&str, &[Arc<Entry>])]) -> Event {
    Event::Loaded(Loaded {
        mark: mark(revision),
        types: types
            .iter()
            .map(|(name, entries)| (kind(name), entries.to_vec()))
            .collect(),
    })
}

fn changed(revision: u64, name: &str, upserts: &[Arc<Entry>], removals: &[&str]) -> Event {
    let changes = Changes {
        upserts: upserts.to_vec(),
        removals: removals
            .iter()
            .map(|name| WireKey::new("default", name))
            .collect(),
    };
    Event::Changed(Changed {
        mark: mark(revision),
        types: BTreeMap::from([(kind(name), changes)]),
    })
}

fn subscribe(name: &str) -> Event {
    Event::Subscribe {
        type_name: kind(name),
    }
}

fn ack(name: &str, nonce: &str) -> Event {
    Event::Ack {
        type_name: kind(name),
        nonce: nonce.to_owned(),
    }
}

fn nack(name: &str, nonce: &str) -> Event {
    Event::Nack {
        type_name: kind(name),
        nonce: nonce.to_owned(),
        message: "user error: no".to_owned(),
    }
}

/// A response in one line: `Type#nonce full|delta +a,b -c @revision`.
fn show(action: &Action) -> String {
    match action {
        Action::Send(response) => {
            let form = if response.full { "full" } else { "delta" };
            let mut text = format!("{}#{} {form}", response.type_name, response.nonce);
            for entry in &response.entries {
                text += &format!(" +{}", entry.key.name);
            }
            for key in &response.removed {
                text += &format!(" -{}", key.name);
            }
            if let Some(mark) = &response.mark {
                text += &format!(" @{}", mark.revision);
            }
            text
        }
        Action::Acknowledged { type_name, mark } => format!("{type_name} has {}", mark.revision),
        Action::Rejected(rejected) => format!(
            "{} rejects {} keys",
            rejected.type_name,
            rejected.keys.len()
        ),
        Action::TooLarge(large) => format!("{} too large: {}", large.type_name, large.resources),
    }
}

struct Stream(Sender);

impl Stream {
    fn foreign() -> Self {
        Self(Sender::new(Config::default()))
    }

    fn torii() -> Self {
        Self(Sender::new(Config {
            torii: true,
            mesh_first: true,
            ..Config::default()
        }))
    }

    fn tell(&mut self, event: Event) -> Vec<String> {
        self.0.handle(event).unwrap().iter().map(show).collect()
    }
}

/// kds §11.3 S1.
#[test]
fn each_subscribed_type_is_answered_once_in_full_and_an_unknown_one_empty() {
    let mut stream = Stream::foreign();
    assert!(
        stream.tell(subscribe("MeshGateway")).is_empty(),
        "nothing is answered before the state is loaded"
    );
    let first = stream.tell(loaded(
        1,
        &[("MeshGateway", &[entry("a", "1"), entry("b", "1")])],
    ));
    assert_eq!(first, ["MeshGateway#1 full +a +b"]);
    assert_eq!(stream.tell(subscribe("KongThing")), ["KongThing#2 full"]);
    assert_eq!(stream.tell(ack("KongThing", "2")), ["KongThing has 1"]);
    assert_eq!(stream.tell(ack("MeshGateway", "1")), ["MeshGateway has 1"]);
}

/// kds §11.3 S2.
#[test]
fn after_a_refused_first_answer_the_next_one_is_full_and_names_what_went() {
    let mut stream = Stream::foreign();
    stream.tell(loaded(
        1,
        &[(
            "Secret",
            &[entry("a", "1"), entry("b", "1"), entry("c", "1")],
        )],
    ));
    stream.tell(subscribe("Secret"));
    assert_eq!(stream.tell(nack("Secret", "1")), ["Secret rejects 3 keys"]);
    assert_eq!(
        stream.tell(changed(2, "Secret", &[entry("a", "2")], &["b"])),
        ["Secret#2 full +a +c -b"]
    );
    stream.tell(ack("Secret", "2"));
    assert_eq!(
        stream.tell(changed(3, "Secret", &[entry("a", "3")], &[])),
        ["Secret#3 delta +a"]
    );
}

/// kds §11.3 S3.
#[test]
fn a_type_that_is_never_acknowledged_gathers_its_changes_and_holds_up_no_other() {
    let mut stream = Stream::foreign();
    stream.tell(loaded(1, &[("A", &[]), ("B", &[])]));
    stream.tell(subscribe("A"));
    stream.tell(subscribe("B"));
    stream.tell(ack("B", "2"));
    for revision in 2..100 {
        assert!(
            stream
                .tell(changed(
                    revision,
                    "A",
                    &[entry("x", &revision.to_string())],
                    &[]
                ))
                .is_empty()
        );
    }
    assert_eq!(
        stream.tell(changed(100, "B", &[entry("y", "1")], &[])),
        ["B#3 delta +y"]
    );
    assert_eq!(stream.tell(ack("A", "1")), ["A has 1", "A#4 delta +x"]);
}

#[test]
fn what_came_and_went_between_two_responses_is_not_sent_at_all() {
    let mut stream = Stream::foreign();
    stream.tell(loaded(1, &[("A", &[entry("a", "1")])]));
    stream.tell(subscribe("A"));
    stream.tell(changed(2, "A", &[entry("b", "1"), entry("a", "2")], &[]));
    stream.tell(changed(3, "A", &[entry("a", "1")], &["b"]));
    assert_eq!(stream.tell(ack("A", "1")), ["A has 1"]);
    assert!(
        stream
            .tell(changed(4, "A", &[], &["never-sent"]))
            .is_empty()
    );
}

#[test]
fn an_old_or_unknown_nonce_acknowledges_nothing() {
    let mut stream = Stream::foreign();
    stream.tell(loaded(1, &[("A", &[])]));
    stream.tell(subscribe("A"));
    for nonce in ["0", "7", "x"] {
        assert!(stream.tell(ack("A", nonce)).is_empty());
        assert!(stream.tell(nack("A", nonce)).is_empty());
    }
    assert_eq!(stream.0.unacknowledged().collect::<Vec<_>>(), [("A", "1")]);
}

/// kds §4.10, §10.2 P6.
#[test]
fn mesh_goes_first_and_the_others_wait_for_its_answer() {
    let all = [
        ("Config", &[][..]),
        ("Mesh", &[][..]),
        ("MeshGateway", &[][..]),
        ("Secret", &[][..]),
    ];
    let config = Config {
        mesh_first: true,
        ..Config::default()
    };
    for judged in [ack("Mesh", "1"), nack("Mesh", "1"), Event::Release] {
        let mut stream = Stream(Sender::new(config.clone()));
        stream.tell(loaded(1, &all));
        for name in ["MeshGateway", "Config", "Secret"] {
            assert!(stream.tell(subscribe(name)).is_empty());
        }
        assert_eq!(stream.tell(subscribe("Mesh")), ["Mesh#1 full"]);
        assert!(stream.0.holding());
        let sent = stream.tell(judged);
        assert_eq!(
            sent[sent.len() - 3..],
            ["Secret#2 full", "Config#3 full", "MeshGateway#4 full"]
        );
        assert!(!stream.0.holding());
    }
}

#[test]
fn a_mesh_is_removed_after_what_lives_in_it() {
    let mut stream = Stream::foreign();
    stream.tell(loaded(
        1,
        &[
            ("Mesh", &[entry("m", "1")]),
            ("MeshGateway", &[entry("g", "1")]),
        ],
    ));
    stream.tell(subscribe("Mesh"));
    stream.tell(subscribe("MeshGateway"));
    stream.tell(ack("Mesh", "1"));
    let mut batch = BTreeMap::new();
    for (name, key) in [("Mesh", "m"), ("MeshGateway", "g")] {
        batch.insert(
            kind(name),
            Changes {
                upserts: Vec::new(),
                removals: vec![WireKey::new("default", key)],
            },
        );
    }
    let gone = Event::Changed(Changed {
        mark: mark(2),
        types: batch,
    });
    assert!(
        stream.tell(gone).is_empty(),
        "the gateway's removal waits for its acknowledgement, the mesh for the gateway"
    );
    assert_eq!(
        stream.tell(ack("MeshGateway", "2")),
        [
            "MeshGateway has 1",
            "MeshGateway#3 delta -g",
            "Mesh#4 delta -m"
        ]
    );
}

#[test]
fn a_torii_peer_learns_what_is_covered_after_everything_up_to_it() {
    let mut stream = Stream::torii();
    stream.tell(loaded(5, &[("Mesh", &[entry("m", "1")])]));
    assert_eq!(stream.tell(subscribe("Mesh")), ["Mesh#1 full +m @5"]);
    assert_eq!(stream.tell(subscribe("Secret")), ["Secret#2 full @5"]);
    assert_eq!(
        stream.tell(subscribe(PROGRESS)),
        ["torii.Progress#3 delta @5"]
    );
    stream.tell(ack("Mesh", "1"));
    stream.tell(ack("Secret", "2"));
    assert_eq!(stream.tell(ack(PROGRESS, "3")), ["torii.Progress has 5"]);
    assert_eq!(
        stream.tell(changed(6, "Mesh", &[entry("m", "2")], &[])),
        ["Mesh#4 delta +m @6", "torii.Progress#5 delta @6"]
    );
}

#[test]
fn progress_waits_for_a_type_that_is_blocked_but_covers_what_was_sent_before() {
    let mut stream = Stream::torii();
    stream.tell(loaded(1, &[("A", &[]), ("B", &[])]));
    stream.tell(subscribe("A"));
    stream.tell(subscribe("B"));
    stream.tell(subscribe(PROGRESS));
    stream.tell(ack("B", "2"));
    assert!(
        stream
            .tell(changed(2, "A", &[entry("a", "1")], &[]))
            .is_empty()
    );
    assert_eq!(
        stream.tell(changed(3, "B", &[entry("b", "1")], &[])),
        ["B#4 delta +b @3"]
    );
    // Revision 2 is not sent: only 1 can be claimed, and saying it lets the peer acknowledge B.
    assert_eq!(
        stream.tell(ack(PROGRESS, "3")),
        ["torii.Progress has 1", "torii.Progress#5 delta @1"]
    );
    assert_eq!(stream.tell(ack("A", "1")), ["A has 1", "A#6 delta +a @3"]);
    assert_eq!(
        stream.tell(ack(PROGRESS, "5")),
        ["torii.Progress has 1", "torii.Progress#7 delta @3"]
    );
}

#[test]
fn a_change_that_does_not_concern_the_peer_still_moves_its_progress() {
    let mut stream = Stream::torii();
    stream.tell(loaded(1, &[]));
    stream.tell(subscribe(PROGRESS));
    stream.tell(ack(PROGRESS, "1"));
    let elsewhere = Event::Changed(Changed {
        mark: mark(2),
        types: BTreeMap::new(),
    });
    assert_eq!(stream.tell(elsewhere), ["torii.Progress#2 delta @2"]);
}

#[test]
fn a_state_that_replaces_all_is_sent_as_a_difference_and_claims_no_revision_between() {
    let mut stream = Stream::torii();
    stream.tell(loaded(1, &[("A", &[entry("a", "1"), entry("b", "1")])]));
    stream.tell(subscribe("A"));
    stream.tell(subscribe(PROGRESS));
    stream.tell(ack(PROGRESS, "2"));
    assert!(
        stream
            .tell(loaded(9, &[("A", &[entry("a", "1"), entry("c", "1")])]))
            .is_empty()
    );
    assert_eq!(
        stream.tell(ack("A", "1")),
        ["A has 1", "A#3 delta +c -b @9", "torii.Progress#4 delta @9"]
    );
}

/// kds §10.2 P1.
#[test]
fn an_older_state_than_the_peers_or_the_streams_ends_the_stream() {
    let mut sender = Sender::new(Config {
        at_least: Some(mark(7)),
        ..Config::default()
    });
    let stale = |have, needed| SenderError::Stale {
        have: mark(have),
        needed: mark(needed),
    };
    assert_eq!(sender.handle(loaded(6, &[])), Err(stale(6, 7)));
    assert_eq!(sender.handle(loaded(8, &[])), Ok(Vec::new()));
    assert_eq!(sender.handle(changed(7, "A", &[], &[])), Err(stale(7, 8)));
    let other = Event::Loaded(Loaded {
        mark: "d/1/99".parse().unwrap(),
        types: BTreeMap::new(),
    });
    assert!(matches!(
        sender.handle(other),
        Err(SenderError::OtherCluster { .. })
    ));
}

/// kds §1.6 "resend trick".
#[test]
fn a_key_that_is_asked_for_again_is_sent_again_or_removed() {
    let mut stream = Stream::foreign();
    stream.tell(loaded(1, &[("A", &[entry("a", "1"), entry("b", "1")])]));
    stream.tell(subscribe("A"));
    let resend = |nonce: &str| Event::Resend {
        type_name: kind("A"),
        nonce: nonce.to_owned(),
        keys: vec![
            WireKey::new("default", "a"),
            WireKey::new("default", "nobody"),
        ],
    };
    assert_eq!(
        stream.tell(resend("1")),
        ["A has 1", "A#2 delta +a -nobody"]
    );
    stream.tell(ack("A", "2"));
    assert_eq!(stream.tell(resend("2")), ["A#3 delta +a -nobody"]);
    assert!(
        stream.tell(resend("2")).is_empty(),
        "only the latest nonce counts"
    );
}

#[test]
fn what_was_refused_goes_out_again_when_its_wait_is_over() {
    let mut stream = Stream::foreign();
    stream.tell(loaded(1, &[("A", &[entry("a", "1"), entry("b", "1")])]));
    stream.tell(subscribe("A"));
    let retry = || Event::Retry {
        type_name: kind("A"),
    };
    stream.tell(nack("A", "1"));
    assert_eq!(stream.tell(retry()), ["A#2 full +a +b"]);
    stream.tell(ack("A", "2"));
    stream.tell(changed(2, "A", &[entry("a", "2")], &[]));
    stream.tell(nack("A", "3"));
    assert_eq!(stream.tell(retry()), ["A#4 delta +a"]);
    stream.tell(ack("A", "4"));
    assert!(stream.tell(retry()).is_empty());
}

#[test]
fn a_new_subscription_is_answered_in_full_even_while_an_answer_is_open() {
    let mut stream = Stream::foreign();
    stream.tell(loaded(1, &[("A", &[entry("a", "1")])]));
    stream.tell(subscribe("A"));
    assert_eq!(stream.tell(subscribe("A")), ["A#2 full +a"]);
    assert!(stream.tell(ack("A", "1")).is_empty());
    assert_eq!(stream.tell(ack("A", "2")), ["A has 1"]);
}

#[test]
fn deltas_are_split_and_first_sets_are_not() {
    let limits = Limits {
        chunk: 1000,
        message: 100_000,
    };
    let body = |fill: &str| fill.repeat(300);
    let entries = |fill: &str| ["a", "b", "c", "d"].map(|name| entry(name, &body(fill)));
    let mut stream = Stream(Sender::new(Config {
        limits,
        ..Config::default()
    }));
    stream.tell(loaded(1, &[("A", &entries("1"))]));
    assert_eq!(stream.tell(subscribe("A")), ["A#1 full +a +b +c +d"]);
    stream.tell(ack("A", "1"));
    assert_eq!(
        stream.tell(changed(2, "A", &entries("2"), &[])),
        ["A#2 delta +a +b"]
    );
    assert_eq!(stream.tell(ack("A", "2")), ["A has 2", "A#3 delta +c +d"]);
}

/// kds §11.3 S4, §10.2 P7.
#[test]
fn a_set_over_90_percent_of_the_limit_is_refused_by_name_and_others_go_on() {
    let limits = Limits {
        chunk: 1000,
        message: 2000,
    };
    let mut stream = Stream(Sender::new(Config {
        limits,
        ..Config::default()
    }));
    let entries = ["a", "b", "c", "d"].map(|name| entry(name, &"1".repeat(400)));
    stream.tell(loaded(1, &[("A", &entries), ("B", &[])]));
    assert_eq!(stream.tell(subscribe("A")), ["A too large: 4"]);
    assert_eq!(stream.tell(subscribe("B")), ["B#1 full"]);
    assert_eq!(
        stream.tell(changed(2, "A", &[], &["d"])),
        ["A#2 full +a +b +c"]
    );
    stream.tell(ack("A", "2"));
    let huge = entry("a", &"1".repeat(1900));
    assert_eq!(
        stream.tell(changed(3, "A", &[huge], &[])),
        ["A too large: 1"]
    );
}

#[test]
fn a_peer_cannot_make_the_sender_keep_any_number_of_types() {
    let mut sender = Sender::new(Config::default());
    let refused =
        (0..10_000).find_map(|number| sender.handle(subscribe(&format!("T{number}"))).err());
    assert_eq!(refused, Some(SenderError::TooManyTypes(512)));
}
