//! Rules of policies §4.7 and gateway-xds §11.2.

use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

fn conf(conf: &str) -> String {
    format!(
        "type: Retry\nname: r\nsources: [{{match: {{kuma.io/service: '*'}}}}]
destinations: [{{match: {{kuma.io/service: '*'}}}}]\n{conf}"
    )
}

#[test]
fn a_whole_retry_is_valid() {
    let yaml = conf(
        "conf:
  http:
    numRetries: 5
    perTryTimeout: 16s
    backOff: {baseInterval: 25ms, maxInterval: 250ms}
    retriableStatusCodes: [503, 504]
    retriableMethods: [GET, DELETE]
    retryOn: [all_5xx, retriable_4xx, retriable_status_codes, http3_post_connect_failure]
  grpc: {retryOn: [cancelled, deadline_exceeded], numRetries: 1, backOff: {baseInterval: 1s, maxInterval: 1s}}
  tcp: {maxConnectAttempts: 3}",
    );
    assert!(kuma(&yaml).is_empty(), "{:?}", kuma(&yaml));
    assert!(strict(&yaml).is_empty(), "{:?}", strict(&yaml));
}

#[test]
fn missing_parts_are_named() {
    assert_eq!(kuma(&conf("")), ["conf: cannot be empty"]);
    assert_eq!(kuma_fields(&conf("conf: {}")), ["conf"]);
    assert_eq!(
        kuma(&conf(
            "conf: {http: {}, grpc: {}, tcp: {maxConnectAttempts: 0}}"
        )),
        [
            "conf.http: cannot be empty",
            "conf.grpc: cannot be empty",
            "conf.tcp.maxConnectAttempts: has to be greater than 0",
        ]
    );
}

#[test]
fn numbers_and_times_are_more_than_zero() {
    for section in ["http", "grpc"] {
        let fields = |text: &str| kuma_fields(&conf(&format!("conf: {{{section}: {text}}}")));
        let path = |field: &str| format!("conf.{section}.{field}");
        assert_eq!(
            fields(
                "{numRetries: 0, perTryTimeout: 0s, backOff: {baseInterval: 0s, maxInterval: 0s}}"
            ),
            [
                path("numRetries"),
                path("perTryTimeout"),
                path("backOff.baseInterval")
            ]
        );
        assert_eq!(
            fields("{backOff: {maxInterval: 0s}}"),
            [path("backOff.baseInterval")]
        );
        assert_eq!(
            fields("{backOff: {baseInterval: 1s, maxInterval: 0s}}"),
            [path("backOff.maxInterval")]
        );
    }
}

#[test]
fn conditions_and_methods_must_make_sense() {
    assert_eq!(
        kuma(&conf(
            "conf: {http: {retriableMethods: [GET, NONE], retryOn: [reset, retriable_status_codes]}, \
             grpc: {retryOn: [unavailable, cancelled, unavailable, cancelled, unavailable, internal]}}"
        )),
        [
            "conf.http.retriableMethods[1]: cannot be empty",
            "conf.http.retryOn[1]: cannot be used without retriableStatusCodes",
            "conf.grpc.retryOn: repeated value \"cancelled\" at indexes [1, 3]",
            "conf.grpc.retryOn: repeated value \"unavailable\" at indexes [0, 2, 4]",
        ]
    );
}

#[test]
fn what_envoy_refuses_is_refused_at_the_door_only() {
    for section in ["http", "grpc"] {
        let path = |field: &str| format!("conf.{section}.{field}");
        for (text, field) in [
            (
                "{backOff: {baseInterval: 1s, maxInterval: 999ms}}",
                "backOff.maxInterval",
            ),
            ("{backOff: {baseInterval: 1us}}", "backOff.baseInterval"),
            ("{perTryTimeout: -1s}", "perTryTimeout"),
            ("{retryOn: [77]}", "retryOn[0]"),
        ] {
            let yaml = conf(&format!("conf: {{{section}: {text}}}"));
            assert!(kuma(&yaml).is_empty(), "{text}");
            assert_eq!(strict_fields(&yaml), [path(field)], "{text}");
        }
    }
    let yaml = conf("conf: {http: {retriableMethods: [77]}}");
    assert_eq!(strict_fields(&yaml), ["conf.http.retriableMethods[0]"]);
}
