//! Make before break.

use super::*;

#[test]
fn a_header_change_sends_one_route_configuration() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&gateway(2, "x-header", "blue", &["blue"]));
    let routes = envoy.only("R+r");
    assert!(envoy.timers.is_empty(), "it waits for nothing");
    envoy.ack(&routes);
    envoy.nothing();
    assert_eq!(envoy.standing().acknowledged, Revision(2));
}

#[test]
fn a_backend_change_makes_before_it_breaks() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&gateway(2, "", "green", &["green"]));
    let clusters = envoy.only("C+green");
    assert_eq!(envoy.timers.len(), 1);
    assert_eq!(envoy.standing().waiting.as_deref(), Some("green"));
    envoy.subscribe(E, &["green"]);
    let endpoints = envoy.only("E+green");
    envoy.ack(&endpoints);
    let routes = envoy.only("R+r");
    assert_eq!(envoy.standing().waiting, None);
    envoy.ack(&clusters);
    envoy.nothing();
    envoy.ack(&routes);
    let gone = envoy.only("C-blue");
    assert_eq!(envoy.standing().acknowledged, Revision(1));
    envoy.unsubscribe(E, &["blue"]);
    envoy.ack(&gone);
    envoy.nothing();
    assert_eq!(envoy.standing().acknowledged, Revision(2));
    assert!(!envoy.standing().pending);
}

#[test]
fn the_acknowledgement_of_the_cluster_is_a_warm_signal_too() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    let green = [
        listener("l", "", &["r"]),
        route("r", "", &["green"]),
        slow("green", ""),
    ];
    envoy.desired(&state(2, &green));
    let clusters = envoy.only("C+green");
    envoy.nothing();
    envoy.ack(&clusters);
    assert_eq!(envoy.words(), ["R+r"]);
}

#[test]
fn a_changed_cluster_goes_before_the_route_and_its_endpoints_are_sent_again() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&state(
        2,
        &[
            listener("l", "", &["r"]),
            route("r", "x", &["blue"]),
            cluster("blue", "changed"),
            endpoints("blue"),
        ],
    ));
    let [clusters, endpoints] = envoy.all(["C+blue", "E+blue"]);
    envoy.ack(&clusters);
    let routes = envoy.only("R+r");
    envoy.ack(&endpoints);
    envoy.ack(&routes);
    envoy.nothing();
    assert_eq!(envoy.standing().acknowledged, Revision(2));
}

#[test]
fn a_new_listener_waits_for_the_clusters_of_the_route_that_it_brings() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    let old = [
        listener("l", "", &["r"]),
        route("r", "", &["blue"]),
        cluster("blue", ""),
        endpoints("blue"),
    ];
    let new = [
        listener("m", "", &["s"]),
        route("s", "", &["green"]),
        cluster("green", ""),
        endpoints("green"),
    ];
    envoy.desired(&state(2, &[old, new].concat()));
    let clusters = envoy.only("C+green");
    envoy.subscribe(E, &["green"]);
    let endpoints = envoy.only("E+green");
    envoy.ack(&endpoints);
    let listeners = envoy.only("L+m");
    envoy.ack(&listeners);
    envoy.nothing();
    envoy.subscribe(R, &["s"]);
    let routes = envoy.only("R+s");
    envoy.ack(&routes);
    assert_eq!(
        envoy.standing().acknowledged,
        Revision(1),
        "the clusters were not acknowledged"
    );
    envoy.ack(&clusters);
    assert_eq!(envoy.standing().acknowledged, Revision(2));
}

#[test]
fn a_removed_listener_goes_before_its_route_and_that_before_its_cluster() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&state(2, &[]));
    let listeners = envoy.only("L-l");
    envoy.ack(&listeners);
    let routes = envoy.only("R-r");
    envoy.nothing();
    envoy.ack(&routes);
    let clusters = envoy.only("C-blue");
    envoy.ack(&clusters);
    envoy.nothing();
    assert_eq!(envoy.standing().acknowledged, Revision(2));
}

#[test]
fn a_listener_that_takes_an_address_over_comes_in_the_response_that_removes_the_old_one() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    let rest = [
        cluster("green", ""),
        endpoints("green"),
        cluster("blue", ""),
        endpoints("blue"),
    ];
    let new = [listener("renamed", "", &["s"]), route("s", "", &["green"])];
    envoy.desired(&state(2, &[rest.to_vec(), new.to_vec()].concat()));
    envoy.only("C+green");
    envoy.nothing();
    envoy.subscribe(E, &["green"]);
    let endpoints = envoy.only("E+green");
    envoy.ack(&endpoints);
    envoy.only("L+renamed-l");
}

#[test]
fn secrets_go_before_what_uses_them() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.subscribe(S, &["key"]);
    let answer = envoy.only("S-key");
    envoy.ack(&answer);
    let used = [
        secret("key"),
        cluster("blue", "tls"),
        endpoints("blue"),
        listener("l", "tls", &["r"]),
        route("r", "", &["blue"]),
    ];
    envoy.desired(&state(2, &used));
    assert_eq!(envoy.words(), ["S+key", "C+blue", "E+blue", "L+l"]);
}

#[test]
fn an_older_state_is_ignored_and_of_several_the_newest_is_sent() {
    let mut envoy = Script::started(&gateway(5, "", "blue", &["blue"]));
    envoy.desired(&gateway(4, "old", "blue", &["blue"]));
    envoy.nothing();
    envoy.desired(&gateway(6, "six", "blue", &["blue"]));
    let six = envoy.only("R+r");
    envoy.desired(&gateway(7, "seven", "blue", &["blue"]));
    envoy.desired(&gateway(8, "eight", "blue", &["blue"]));
    envoy.nothing();
    envoy.ack(&six);
    assert_eq!(envoy.standing().acknowledged, Revision(6));
    let eight = envoy.only("R+r");
    assert_eq!(
        eight.upserts[0].version,
        gateway(8, "eight", "blue", &["blue"])
            .parts
            .get(R, "r")
            .expect("it is there")
            .version
    );
    envoy.ack(&eight);
    envoy.nothing();
    assert_eq!(envoy.standing().acknowledged, Revision(8));
}

#[test]
fn a_route_to_a_cluster_that_does_not_exist_waits_for_nothing() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&gateway(2, "", "ghost", &["blue"]));
    assert_eq!(envoy.words(), ["R+r"]);
}
