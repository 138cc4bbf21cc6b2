//! What is said about how far a proxy is.

use super::*;

#[test]
fn a_state_that_changes_nothing_is_acknowledged_at_once() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&gateway(9, "", "blue", &["blue"]));
    envoy.nothing();
    assert_eq!(envoy.standing().acknowledged, Revision(9));
    assert_eq!(envoy.standing().sent, Revision(9));
}

#[test]
fn nothing_is_acknowledged_before_envoy_has_asked() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&gateway(3, "", "blue", &["blue"]));
    assert_eq!(envoy.standing().acknowledged, Revision::ZERO);
    assert!(envoy.standing().pending);
}

#[test]
fn a_listener_without_its_route_is_not_acknowledged() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&gateway(3, "", "blue", &["blue"]));
    for (of, names) in [(C, &[][..]), (E, &["blue"]), (L, &[])] {
        envoy.subscribe(of, names);
        for response in envoy.sent() {
            envoy.ack(&response);
        }
    }
    assert_eq!(envoy.standing().acknowledged, Revision::ZERO);
    envoy.subscribe(R, &["r"]);
    let routes = envoy.only("R+r");
    assert_eq!(envoy.standing().sent, Revision(3));
    envoy.ack(&routes);
    assert_eq!(envoy.standing().acknowledged, Revision(3));
}

#[test]
fn a_revision_is_acknowledged_though_newer_ones_keep_coming() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    let mut revision = 1;
    for _ in 0..5 {
        envoy.desired(&gateway(
            revision + 1,
            &format!("h{revision}"),
            "blue",
            &["blue"],
        ));
        let routes = envoy.only("R+r");
        envoy.desired(&gateway(
            revision + 2,
            &format!("g{revision}"),
            "blue",
            &["blue"],
        ));
        envoy.ack(&routes);
        assert_eq!(envoy.standing().acknowledged, Revision(revision + 1));
        let routes = envoy.only("R+r");
        envoy.ack(&routes);
        revision += 2;
    }
}

#[test]
fn standing_is_reported_only_when_it_changed() {
    let mut session = Session::new(Dialect::Delta);
    let first = session.handle(Event::Desired(gateway(1, "", "blue", &["blue"])));
    assert_eq!(first.len(), 1);
    assert!(session.handle(Event::HoldExpired(77)).is_empty());
}
