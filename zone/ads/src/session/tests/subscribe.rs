//! Every (re)subscription is answered, and only what is needed is sent.

use super::*;

#[test]
fn runtime_is_answered_at_once_and_alone() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&state(
        1,
        &[runtime(), cluster("blue", ""), listener("l", "", &[])],
    ));
    envoy.subscribe(T, &["gateway.listeners"]);
    assert_eq!(envoy.words(), ["T+gateway.listeners"]);
}

#[test]
fn a_request_that_comes_before_the_state_is_answered_with_it() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.subscribe(T, &["gateway.listeners"]);
    envoy.nothing();
    envoy.desired(&state(1, &[runtime()]));
    assert_eq!(envoy.words(), ["T+gateway.listeners"]);
}

#[test]
fn endpoints_and_secrets_are_answered_while_everything_else_is_pending() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&state(
        1,
        &[cluster("blue", ""), endpoints("blue"), secret("key")],
    ));
    envoy.subscribe(C, &[]);
    assert_eq!(envoy.words(), ["C+blue"]);
    envoy.subscribe(E, &["blue"]);
    assert_eq!(envoy.words(), ["E+blue"]);
    envoy.subscribe(E, &["blue"]);
    assert_eq!(
        envoy.words(),
        ["E+blue"],
        "again, though the first was not answered"
    );
    envoy.subscribe(S, &["key"]);
    assert_eq!(envoy.words(), ["S+key"]);
}

#[test]
fn a_subscription_to_what_does_not_exist_is_answered() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&state(1, &[]));
    envoy.subscribe(E, &["ghost"]);
    assert_eq!(envoy.words(), ["E-ghost"]);
    envoy.subscribe(C, &[]);
    assert_eq!(envoy.words(), ["C"]);
    envoy.subscribe(L, &[]);
    assert_eq!(envoy.words(), ["L"]);
}

#[test]
fn a_reconnect_with_everything_gets_empty_answers_and_its_endpoints() {
    let desired = gateway(7, "", "blue", &["blue"]);
    let part = |of, name| desired.parts.get(of, name).expect("it is there").as_ref();
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&desired);
    envoy.reconnect(C, &[], &[part(C, "blue")]);
    envoy.reconnect(E, &["blue"], &[part(E, "blue")]);
    envoy.reconnect(L, &[], &[part(L, "l")]);
    envoy.reconnect(R, &["r"], &[part(R, "r")]);
    let answers = envoy.all(["C", "E+blue", "L", "R"]);
    assert!(envoy.standing().pending);
    for answer in &answers {
        envoy.ack(answer);
    }
    assert_eq!(envoy.standing().acknowledged, Revision(7));
}

#[test]
fn a_reconnect_gets_what_changed_and_loses_what_is_gone_last() {
    let before = gateway(1, "", "blue", &["blue"]);
    let held = |of, name| before.parts.get(of, name).expect("it is there").as_ref();
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&gateway(2, "", "green", &["green"]));
    envoy.reconnect(C, &[], &[held(C, "blue")]);
    let clusters = envoy.only("C+green");
    envoy.reconnect(E, &["blue"], &[held(E, "blue")]);
    let same_endpoints = envoy.only("E-blue");
    envoy.reconnect(L, &[], &[held(L, "l")]);
    let same = envoy.only("L");
    envoy.reconnect(R, &["r"], &[held(R, "r")]);
    envoy.nothing();
    envoy.subscribe(E, &["green"]);
    let endpoints = envoy.only("E+green");
    for answer in [&same_endpoints, &same, &endpoints, &clusters] {
        envoy.ack(answer);
    }
    let routes = envoy.only("R+r");
    envoy.ack(&routes);
    assert_eq!(
        envoy.words(),
        ["C-blue"],
        "the old route's content was not known: its cluster stayed until it was replaced"
    );
}

#[test]
fn an_acknowledgement_is_not_a_subscription() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.event(Event::Request(Request::new(C)));
    envoy.nothing();
}

#[test]
fn a_stale_nonce_means_nothing() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&gateway(2, "new", "blue", &["blue"]));
    let routes = envoy.only("R+r");
    let mut stale = routes.clone();
    stale.nonce = 1;
    envoy.nack(&stale);
    assert!(envoy.standing().rejections.is_empty());
    assert_eq!(envoy.standing().acknowledged, Revision(1));
    envoy.ack(&routes);
    assert_eq!(envoy.standing().acknowledged, Revision(2));
}

#[test]
fn nonces_count_over_all_types() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&gateway(1, "", "blue", &["blue"]));
    envoy.subscribe(C, &[]);
    envoy.subscribe(E, &["blue"]);
    assert_eq!(
        envoy
            .sent()
            .iter()
            .map(|response| response.nonce)
            .collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn what_envoy_unsubscribed_is_not_sent() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.unsubscribe(R, &["r"]);
    envoy.desired(&gateway(2, "new", "blue", &["blue"]));
    envoy.nothing();
    assert!(
        envoy.standing().pending,
        "the listener uses it: Envoy will ask again"
    );
    envoy.subscribe(R, &["r"]);
    assert_eq!(envoy.words(), ["R+r"]);
}
