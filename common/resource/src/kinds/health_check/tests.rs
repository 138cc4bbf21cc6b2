//! Rules of policies §4.4.

use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

fn conf(conf: &str) -> String {
    format!(
        "type: HealthCheck\nname: h\nsources: [{{match: {{kuma.io/service: '*'}}}}]
destinations: [{{match: {{kuma.io/service: '*'}}}}]\n{conf}"
    )
}

/// What is needed, and more.
fn with(more: &str) -> String {
    conf(&format!(
        "conf: {{interval: 10s, timeout: 2s, unhealthyThreshold: 3, healthyThreshold: 1, {more}}}"
    ))
}

#[test]
fn whole_checks_are_valid() {
    for more in [
        "",
        "tcp: {}",
        "tcp: {send: Zm9v, receive: [YmFy, YmF6]}",
        "http: {path: /health, requestHeadersToAdd: [{header: {key: x-a, value: '1 %'}, append: false}], expectedStatuses: [200, 599]}",
        "initialJitter: 1s, intervalJitter: 1s, intervalJitterPercent: 10, healthyPanicThreshold: 12.5, failTrafficOnPanic: true, \
         eventLogPath: /tmp/log, alwaysLogHealthCheckFailures: true, noTrafficInterval: 60s, reuseConnection: false",
    ] {
        assert!(kuma(&with(more)).is_empty(), "{more}");
        assert!(strict(&with(more)).is_empty(), "{more}");
    }
}

#[test]
fn missing_parts_are_named() {
    assert_eq!(kuma(&conf("")), ["conf: cannot be empty"]);
    assert_eq!(
        kuma(&conf("conf: {}")),
        [
            "conf.interval: cannot be empty",
            "conf.timeout: cannot be empty",
            "conf.unhealthyThreshold: must have a positive value",
            "conf.healthyThreshold: must have a positive value",
        ]
    );
}

#[test]
fn wrong_values_are_named() {
    for (more, field) in [
        ("initialJitter: 0s", "conf.initialJitter"),
        ("intervalJitter: 0s", "conf.intervalJitter"),
        ("noTrafficInterval: 0s", "conf.noTrafficInterval"),
        ("healthyPanicThreshold: 100.5", "conf.healthyPanicThreshold"),
        ("healthyPanicThreshold: -1", "conf.healthyPanicThreshold"),
        ("http: {}", "conf.http.path"),
        (
            "http: {path: /, expectedStatuses: [200, 600]}",
            "conf.http.expectedStatuses[1]",
        ),
        (
            "http: {path: /, expectedStatuses: [99]}",
            "conf.http.expectedStatuses[0]",
        ),
        (
            "http: {path: /, requestHeadersToAdd: [{}]}",
            "conf.http.requestHeadersToAdd[0].header",
        ),
        (
            "http: {path: /, requestHeadersToAdd: [{header: {value: a}}]}",
            "conf.http.requestHeadersToAdd[0].header.key",
        ),
        ("tcp: {}, http: {path: /}", "conf"),
    ] {
        assert_eq!(kuma_fields(&with(more)), [field], "{more}");
    }
}

#[test]
fn what_envoy_refuses_is_refused_at_the_door_only() {
    for (more, field) in [
        ("initialJitter: -1s", "conf.initialJitter"),
        ("noTrafficInterval: 1us", "conf.noTrafficInterval"),
        ("tcp: {send: ''}", "conf.tcp.send"),
        ("tcp: {receive: [Zm9v, '']}", "conf.tcp.receive[1]"),
        ("http: {path: \"/a\\nb\"}", "conf.http.path"),
        (
            "http: {path: /, requestHeadersToAdd: [{header: {key: Host, value: a}}]}",
            "conf.http.requestHeadersToAdd[0].header.key",
        ),
        (
            "http: {path: /, requestHeadersToAdd: [{header: {key: 'a b', value: a}}]}",
            "conf.http.requestHeadersToAdd[0].header.key",
        ),
    ] {
        assert!(kuma(&with(more)).is_empty(), "{more}");
        assert_eq!(strict_fields(&with(more)), [field], "{more}");
    }
}
