//! Rules of policies §4.6.

use torii_proto::kuma::mesh::v1alpha1::{RateLimit as Spec, Selector};

use crate::kinds::RateLimit;
use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

fn conf(conf: &str) -> String {
    format!(
        "type: RateLimit\nname: r\nsources: [{{match: {{version: '1'}}}}]
destinations: [{{match: {{version: '2'}}}}]\n{conf}"
    )
}

#[test]
fn whole_limits_are_valid() {
    for good in [
        "conf: {}",
        "conf: {http: {requests: 1, interval: 50ms}}",
        "conf: {http: {requests: 5, interval: 10s, onRateLimit: {status: 423, headers: [{key: x-a, value: '5%', append: true}]}}}",
        "conf: {http: {requests: 5, interval: 10s, onRateLimit: {status: 0}}}",
    ] {
        assert!(kuma(&conf(good)).is_empty(), "{good}");
        assert!(strict(&conf(good)).is_empty(), "{good}");
    }
}

#[test]
fn missing_values_are_named() {
    assert_eq!(kuma_fields(&conf("")), ["conf"]);
    assert_eq!(
        kuma_fields(&conf(
            "conf: {http: {onRateLimit: {headers: [{key: a, value: b}, {}]}}}"
        )),
        [
            "conf.http.requests",
            "conf.http.interval",
            "conf.http.onRateLimit.header[\"1\"]",
            "conf.http.onRateLimit.header[\"1\"]",
        ]
    );
}

#[test]
fn what_envoy_refuses_is_refused_at_the_door_only() {
    for (text, field) in [
        ("interval: 49ms", "conf.http.interval"),
        ("interval: 0s", "conf.http.interval"),
        ("interval: -1s", "conf.http.interval"),
        (
            "interval: 1s, onRateLimit: {status: 299}",
            "conf.http.onRateLimit.status",
        ),
        (
            "interval: 1s, onRateLimit: {headers: [{key: ':path', value: a}]}",
            "conf.http.onRateLimit.headers[0].key",
        ),
        (
            "interval: 1s, onRateLimit: {headers: [{key: a, value: \"a\\nb\"}]}",
            "conf.http.onRateLimit.headers[0].value",
        ),
    ] {
        let yaml = conf(&format!("conf: {{http: {{requests: 1, {text}}}}}"));
        assert!(kuma(&yaml).is_empty(), "{text}");
        assert_eq!(strict_fields(&yaml), [field], "{text}");
    }
    let headers = "{key: a, value: b}, ".repeat(11);
    let yaml = conf(&format!(
        "conf: {{http: {{requests: 1, interval: 1s, onRateLimit: {{headers: [{headers}]}}}}}}"
    ));
    assert!(kuma(&yaml).is_empty());
    assert_eq!(strict_fields(&yaml), ["conf.http.onRateLimit.headers"]);
}

#[test]
fn destinations_with_more_than_the_service_exclude_an_external_one() {
    for (pairs, expected) in [
        (&[("kuma.io/service", "ext")][..], false),
        (&[("kuma.io/service", "ext"), ("version", "1")], true),
        (&[("kuma.io/service", "*"), ("version", "1")], true),
        (&[("kuma.io/service", "other"), ("version", "1")], false),
        (&[("version", "1"), ("zone", "a")], false),
    ] {
        let spec = Spec {
            destinations: vec![Selector {
                r#match: pairs
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                    .collect(),
            }],
            ..Spec::default()
        };
        assert_eq!(RateLimit::excludes_external(&spec, "ext"), expected);
    }
}
