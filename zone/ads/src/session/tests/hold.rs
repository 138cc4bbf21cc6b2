//! The wait for a cluster is bounded, and costs nobody else.

use super::*;

fn two_routes(revision: u64, first: &str, second: &str, clusters: &[One]) -> Arc<Desired> {
    let fixed = [
        listener("l", "", &["r", "s"]),
        route("r", "", &[first]),
        route("s", "", &[second]),
    ];
    state(revision, &[fixed.to_vec(), clusters.to_vec()].concat())
}

/// An Envoy with two routes to `blue`.
fn started() -> Script {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&two_routes(
        1,
        "blue",
        "blue",
        &[cluster("blue", ""), endpoints("blue")],
    ));
    for (of, names) in [(C, &[][..]), (E, &["blue"]), (L, &[]), (R, &["r", "s"])] {
        envoy.subscribe(of, names);
        for response in envoy.sent() {
            envoy.ack(&response);
        }
    }
    envoy.nothing();
    assert_eq!(envoy.standing().acknowledged, Revision(1));
    envoy
}

#[test]
fn the_hold_is_bounded_and_the_status_names_the_cluster() {
    let mut envoy = started();
    envoy.desired(&two_routes(
        2,
        "slow",
        "blue",
        &[cluster("blue", ""), endpoints("blue"), slow("slow", "")],
    ));
    let clusters = envoy.only("C+slow");
    let [timer] = envoy.timers[..] else {
        panic!("one timer")
    };
    envoy.event(Event::HoldExpired(timer));
    let routes = envoy.only("R+r");
    assert_eq!(envoy.standing().waiting.as_deref(), Some("slow"));
    assert_eq!(envoy.standing().sent, Revision(2));
    envoy.ack(&routes);
    assert_eq!(envoy.standing().acknowledged, Revision(1));
    envoy.ack(&clusters);
    assert_eq!(envoy.standing().waiting, None);
    assert_eq!(envoy.standing().acknowledged, Revision(2));
}

#[test]
fn a_slow_cluster_does_not_delay_one_that_was_sent_with_it() {
    let mut envoy = started();
    let clusters = [
        cluster("blue", ""),
        endpoints("blue"),
        slow("slow", ""),
        cluster("green", ""),
        endpoints("green"),
    ];
    envoy.desired(&two_routes(2, "slow", "green", &clusters));
    envoy.only("C+green+slow");
    envoy.subscribe(E, &["green"]);
    let endpoints = envoy.only("E+green");
    envoy.ack(&endpoints);
    assert_eq!(
        envoy.words(),
        ["R+s"],
        "the acknowledgement of the clusters is still held back"
    );
    assert_eq!(envoy.standing().waiting.as_deref(), Some("slow"));
}

#[test]
fn a_change_of_another_route_does_not_wait_for_a_slow_cluster() {
    let mut envoy = started();
    let clusters = [cluster("blue", ""), endpoints("blue"), slow("slow", "")];
    envoy.desired(&two_routes(2, "slow", "blue", &clusters));
    envoy.only("C+slow");
    let fixed = [
        listener("l", "", &["r", "s"]),
        route("r", "", &["slow"]),
        route("s", "header", &["blue"]),
    ];
    envoy.desired(&state(3, &[fixed.to_vec(), clusters.to_vec()].concat()));
    assert_eq!(envoy.words(), ["R+s"]);
}

#[test]
fn clusters_are_sent_while_others_are_not_acknowledged() {
    let mut envoy = started();
    envoy.desired(&two_routes(
        2,
        "slow",
        "blue",
        &[cluster("blue", ""), endpoints("blue"), slow("slow", "")],
    ));
    envoy.only("C+slow");
    let clusters = [
        cluster("blue", ""),
        endpoints("blue"),
        slow("slow", ""),
        cluster("green", ""),
        endpoints("green"),
    ];
    envoy.desired(&two_routes(3, "slow", "green", &clusters));
    envoy.only("C+green");
}

#[test]
fn an_expired_timer_of_a_cluster_that_nobody_wants_any_more_does_nothing() {
    let mut envoy = started();
    envoy.desired(&two_routes(
        2,
        "slow",
        "blue",
        &[cluster("blue", ""), endpoints("blue"), slow("slow", "")],
    ));
    let clusters = envoy.only("C+slow");
    envoy.desired(&two_routes(
        3,
        "blue",
        "blue",
        &[cluster("blue", ""), endpoints("blue")],
    ));
    let removal = envoy.only("C-slow");
    let timer = envoy.timers[0];
    envoy.event(Event::HoldExpired(timer));
    envoy.nothing();
    assert_eq!(envoy.standing().waiting, None);
    envoy.ack(&clusters);
    envoy.ack(&removal);
    assert_eq!(envoy.standing().acknowledged, Revision(3));
}

#[test]
fn each_wait_has_its_own_time() {
    let mut envoy = started();
    let blue = [cluster("blue", ""), endpoints("blue")];
    envoy.desired(&two_routes(
        2,
        "one",
        "blue",
        &[blue.to_vec(), vec![slow("one", "")]].concat(),
    ));
    envoy.only("C+one");
    envoy.desired(&two_routes(
        3,
        "one",
        "two",
        &[blue.to_vec(), vec![slow("one", ""), slow("two", "")]].concat(),
    ));
    envoy.only("C+two");
    let [first, second] = envoy.timers[..] else {
        panic!("two timers")
    };
    envoy.event(Event::HoldExpired(first));
    envoy.only("R+r");
    envoy.event(Event::HoldExpired(second));
    envoy.only("R+s");
}
