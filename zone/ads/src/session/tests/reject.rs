//! A refused resource costs itself only.

use super::*;

fn with_bad_cluster(revision: u64, content: &str) -> Arc<Desired> {
    let parts = [
        listener("l", "", &["r"]),
        route("r", "", &["blue", "bad", "green"]),
        cluster("blue", ""),
        endpoints("blue"),
        cluster("bad", content),
        endpoints("bad"),
        cluster("green", ""),
        endpoints("green"),
    ];
    state(revision, &parts)
}

#[test]
fn a_rejected_batch_is_sent_one_by_one_and_only_the_guilty_stays_behind() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&with_bad_cluster(2, "x"));
    let both = envoy.only("C+bad+green");
    envoy.nack(&both);
    let [bad, green] = envoy.all(["C+bad", "C+green"]);
    envoy.nack(&bad);
    envoy.nothing();
    envoy.ack(&green);
    let routes = envoy.only("R+r");
    envoy.ack(&routes);
    envoy.nothing();
    let standing = envoy.standing();
    assert_eq!(
        (standing.sent, standing.acknowledged, standing.pending),
        (Revision(2), Revision(1), false)
    );
    assert_eq!(standing.rejections.len(), 1);
    assert_eq!(
        (
            standing.rejections[0].of,
            standing.rejections[0].resource.as_str()
        ),
        (C, "bad")
    );
    assert_eq!(standing.rejections[0].message, "no, said Envoy");
    assert_eq!(standing.rejections[0].revision, Revision(2));
}

#[test]
fn a_rejected_version_is_not_sent_again_until_its_content_changes() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&gateway(2, "bad", "blue", &["blue"]));
    let routes = envoy.only("R+r");
    envoy.nack(&routes);
    envoy.nothing();
    envoy.desired(&gateway(3, "bad", "blue", &["blue"]));
    envoy.nothing();
    assert_eq!(envoy.standing().rejections[0].revision, Revision(2));
    envoy.desired(&gateway(4, "good", "blue", &["blue"]));
    let routes = envoy.only("R+r");
    assert!(envoy.standing().rejections.is_empty());
    envoy.ack(&routes);
    assert_eq!(envoy.standing().acknowledged, Revision(4));
}

#[test]
fn going_back_to_what_envoy_kept_sends_nothing_and_is_acknowledged_at_once() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&gateway(2, "bad", "blue", &["blue"]));
    let routes = envoy.only("R+r");
    envoy.nack(&routes);
    envoy.desired(&gateway(3, "", "blue", &["blue"]));
    envoy.nothing();
    assert_eq!(envoy.standing().acknowledged, Revision(3));
}

#[test]
fn a_rejected_route_keeps_its_old_cluster() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    envoy.desired(&gateway(2, "", "green", &["green"]));
    let clusters = envoy.only("C+green");
    envoy.ack(&clusters);
    let routes = envoy.only("R+r");
    envoy.nack(&routes);
    envoy.nothing();
    assert!(
        !envoy.standing().pending,
        "nothing will move until it is mended"
    );
    assert_eq!(envoy.standing().sent, Revision(2));
    envoy.desired(&gateway(3, "fixed", "green", &["green"]));
    let routes = envoy.only("R+r");
    envoy.ack(&routes);
    assert_eq!(envoy.words(), ["C-blue"]);
}

#[test]
fn the_last_good_version_of_a_rejected_cluster_is_as_warm_as_before() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    let changed = [
        listener("l", "", &["r"]),
        route("r", "x", &["blue"]),
        cluster("blue", "bad"),
        endpoints("blue"),
    ];
    envoy.desired(&state(2, &changed));
    let [clusters, _] = envoy.all(["C+blue", "E+blue"]);
    envoy.nack(&clusters);
    envoy.only("R+r");
    envoy.desired(&gateway(3, "y", "blue", &["blue"]));
    assert!(envoy.standing().rejections.is_empty());
}

#[test]
fn a_rejected_listener_response_loses_no_removal() {
    let mut envoy = Script::started(&gateway(1, "", "blue", &["blue"]));
    let rest = [
        cluster("blue", ""),
        endpoints("blue"),
        route("r", "", &["blue"]),
    ];
    envoy.desired(&state(
        2,
        &[
            rest.to_vec(),
            vec![listener("bad", "", &["r"]), listener("good", "", &["r"])],
        ]
        .concat(),
    ));
    let listeners = envoy.only("L+bad+good-l");
    envoy.nack(&listeners);
    let [removal, bad, good] = envoy.all(["L-l", "L+bad", "L+good"]);
    envoy.ack(&removal);
    envoy.nack(&bad);
    envoy.ack(&good);
    envoy.nothing();
    assert_eq!(envoy.standing().rejections.len(), 1);
    assert!(!envoy.standing().pending);
}

#[test]
fn a_rejected_secret_or_endpoint_is_quarantined_too() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&state(
        1,
        &[cluster("blue", ""), endpoints("blue"), secret("key")],
    ));
    envoy.subscribe(C, &[]);
    let clusters = envoy.only("C+blue");
    envoy.subscribe(E, &["blue"]);
    let first = envoy.only("E+blue");
    envoy.nack(&first);
    envoy.ack(&clusters);
    envoy.nothing();
    envoy.subscribe(E, &["blue"]);
    assert_eq!(
        envoy.words(),
        ["E"],
        "asked again it is answered, but not with the same"
    );
}

#[test]
fn an_empty_response_that_is_rejected_is_not_repeated() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&state(1, &[]));
    envoy.subscribe(L, &[]);
    let empty = envoy.only("L");
    envoy.nack(&empty);
    envoy.nothing();
}

#[test]
fn what_envoy_says_is_shown_without_the_resource_and_never_about_a_secret() {
    let mut envoy = Script::new(Dialect::Delta);
    envoy.desired(&state(1, &[cluster("blue", ""), secret("key")]));
    envoy.subscribe(C, &[]);
    let clusters = envoy.only("C+blue");
    let printed = "goo.gle/debugproto \nname: \"blue\"\nconnect_timeout {\n}\n: Proto constraint validation failed";
    envoy.answer(&clusters, Some(printed));
    envoy.subscribe(S, &["key"]);
    let secrets = envoy.only("S+key");
    envoy.answer(&secrets, Some("cannot use PRIVATE KEY"));
    let [cluster, secret] = envoy.standing().rejections.as_slice() else {
        panic!("two")
    };
    assert_eq!(cluster.message, "Proto constraint validation failed");
    assert!(!secret.message.contains("PRIVATE"));
}
