//! The rules D1-D10 and E1-E5 of resources §1.3, on real messages.

use serde_json::{Value, json};

use super::{Strictness, decode, duration, encode};

const GATEWAY: &str = "kuma.mesh.v1alpha1.MeshGateway";
const ROUTE: &str = "kuma.mesh.v1alpha1.MeshGatewayRoute";
const DATAPLANE: &str = "kuma.mesh.v1alpha1.Dataplane";
const MESH: &str = "kuma.mesh.v1alpha1.Mesh";
const SECRET: &str = "kuma.system.v1alpha1.Secret";

fn round(message: &str, json: &Value) -> Value {
    let bytes = decode(message, json, Strictness::Strict).unwrap();
    Value::Object(encode(message, &bytes).unwrap())
}

fn errors(message: &str, json: &Value) -> Vec<String> {
    decode(message, json, Strictness::Strict)
        .unwrap_err()
        .into_iter()
        .map(|violation| format!("{}: {}", violation.field, violation.reason))
        .collect()
}

#[test]
fn both_spellings_of_a_field_are_read_and_the_json_name_wins() {
    let both = json!({"networking": {"transparent_proxying": {"redirect_port_inbound": 1},
                                     "transparentProxying": {"redirectPortInbound": 2}}});
    assert_eq!(
        round(DATAPLANE, &both),
        json!({"networking": {"transparentProxying": {"redirectPortInbound": 2}}})
    );
}

#[test]
fn an_unknown_field_is_named_with_its_path_and_the_nearest_known_one() {
    let wrong = json!({"conf": {"listeners": [{"prot": 80, "protocol": "HTTP"}]}, "zzzzzz": 1});
    assert_eq!(
        errors(GATEWAY, &wrong),
        [
            "conf.listeners[0].prot: unknown field, did you mean \"port\"?",
            "zzzzzz: unknown field; known here: selectors, tags, conf",
        ]
    );
    assert!(decode(GATEWAY, &wrong, Strictness::Lenient).is_ok());
}

#[test]
fn enums_are_read_by_name_and_number_and_unknown_numbers_are_kept() {
    let listener = |protocol: Value| json!({"conf": {"listeners": [{"protocol": protocol}]}});
    assert_eq!(round(GATEWAY, &listener(json!(4))), listener(json!("HTTP")));
    assert_eq!(round(GATEWAY, &listener(json!(77))), listener(json!(77)));
    assert_eq!(
        errors(GATEWAY, &listener(json!("HTP"))),
        [
            "conf.listeners[0].protocol: unknown value \"HTP\", did you mean HTTP? allowed: NONE, TCP, TLS, HTTP, HTTPS"
        ]
    );
    assert_eq!(errors(GATEWAY, &listener(json!("http"))).len(), 1);
}

#[test]
fn numbers_may_be_quoted_but_not_fractional_or_out_of_range() {
    let port = |port: Value| json!({"conf": {"listeners": [{"port": port}]}});
    assert_eq!(round(GATEWAY, &port(json!("8080"))), port(json!(8080)));
    for bad in [
        json!(1.5),
        json!(-1),
        json!(4_294_967_296_u64),
        json!("a"),
        json!("017"),
        json!(true),
        json!([]),
    ] {
        let errors = errors(GATEWAY, &port(bad.clone()));
        assert!(
            errors
                .iter()
                .all(|error| error.starts_with("conf.listeners[0].port: must be ")),
            "{bad}"
        );
        assert_eq!(errors.len(), 1, "{bad}");
    }
}

#[test]
fn durations_are_go_text_in_and_seconds_out() {
    for (text, printed) in [
        ("300ms", "0.300s"),
        ("1h30m", "5400s"),
        ("1.5s", "1.500s"),
        ("0s", "0s"),
        ("0", "0s"),
        ("-2s", "-2s"),
        ("-0.5s", "-0.500s"),
        ("+1m", "60s"),
        ("1us", "0.000001s"),
        ("1ns", "0.000000001s"),
        (".5h", "1800s"),
        ("1h2m3s4ms", "3723.004s"),
    ] {
        let parsed = duration::parse(text).unwrap();
        assert_eq!(
            duration::print(parsed.seconds, parsed.nanos),
            printed,
            "{text}"
        );
    }
    for bad in [
        "",
        "5",
        "s",
        "1 s",
        "1x",
        "1s2",
        "--1s",
        "1..5s",
        "9999999999h",
        ".",
    ] {
        assert_eq!(duration::parse(bad), None, "{bad}");
    }
    let mesh = |text: &str| json!({"mtls": {"backends": [{"dpCert": {"requestTimeout": text}}]}});
    assert_eq!(round(MESH, &mesh("1m")), mesh("60s"));
    assert_eq!(
        errors(MESH, &mesh("5 seconds")),
        ["mtls.backends[0].dpCert.requestTimeout: must be a duration such as 300ms, 15s or 1h30m"]
    );
}

#[test]
fn wrappers_are_bare_values_and_open_objects_take_anything() {
    let mesh = json!({"networking": {"outbound": {"passthrough": false}},
        "metrics": {"backends": [{"name": "p", "type": "prometheus",
            "conf": {"aggregate": [{"name": "x", "port": 1.5}], "nothing": null, "port": 5670, "skipMTLS": true}}]}});
    assert_eq!(round(MESH, &mesh), mesh);
    assert_eq!(
        round(SECRET, &json!({"data": "AQI="})),
        json!({"data": "AQI="})
    );
    assert_eq!(round(SECRET, &json!({"data": ""})), json!({"data": ""}));
    assert_eq!(
        errors(SECRET, &json!({"data": "AQI"})),
        ["data: must be base64 with padding"]
    );
}

#[test]
fn null_is_unset_and_an_empty_object_is_set() {
    assert_eq!(round(DATAPLANE, &Value::Null), json!({}));
    let inbound = |health: Value| json!({"networking": {"inbound": [{"health": health}]}});
    assert_eq!(
        round(DATAPLANE, &inbound(Value::Null)),
        json!({"networking": {"inbound": [{}]}})
    );
    assert_eq!(round(DATAPLANE, &inbound(json!({}))), inbound(json!({})));
    assert_eq!(
        round(DATAPLANE, &json!({"networking": {"inbound": [null]}})),
        json!({"networking": {"inbound": [{}]}})
    );
}

#[test]
fn of_several_members_of_a_oneof_the_last_declared_wins() {
    let both = json!({"conf": {"http": {}, "tcp": {}}});
    assert_eq!(round(ROUTE, &both), json!({"conf": {"http": {}}}));
}

#[test]
fn defaults_vanish_maps_are_sorted_and_fields_stand_in_declared_order() {
    let gateway = json!({"tags": {"b": "1", "a": "2"}, "conf": {"listeners": [
        {"crossMesh": false, "hostname": "", "port": 80, "tls": {"mode": "NONE"}, "protocol": "HTTP"}]},
        "selectors": []});
    assert_eq!(
        round(GATEWAY, &gateway).to_string(),
        r#"{"tags":{"a":"2","b":"1"},"conf":{"listeners":[{"port":80,"protocol":"HTTP","tls":{}}]}}"#
    );
}

#[test]
fn every_wrong_field_is_reported_in_one_pass() {
    let wrong = json!({"selectors": {}, "tags": {"a": 1, "b": null},
        "conf": {"listeners": ["x", {"crossMesh": "yes", "port": {}}]}});
    assert_eq!(
        errors(GATEWAY, &wrong),
        [
            "selectors: must be a list, not an object",
            "tags[\"a\"]: must be text (put it in quotes), not a number",
            "tags[\"b\"]: must be text, not null: give a value, in quotes if it is one of null, ~ or empty",
            "conf.listeners[0]: must be an object, not text",
            "conf.listeners[1].port: must be a whole number, not an object",
            "conf.listeners[1].crossMesh: must be true or false, not text",
        ]
    );
}
