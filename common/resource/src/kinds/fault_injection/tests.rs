//! Rules of policies §4.3 and §1.3.

use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

fn conf(conf: &str) -> String {
    format!(
        "type: FaultInjection\nname: f\nsources: [{{match: {{version: '1'}}}}]
destinations: [{{match: {{kuma.io/protocol: http}}}}]\n{conf}"
    )
}

#[test]
fn whole_faults_are_valid() {
    let yaml = conf(
        "conf: {delay: {percentage: 50.5, value: 5s}, abort: {percentage: 0, httpStatus: 500}, \
         responseBandwidth: {percentage: 100, limit: 50 mbps}}",
    );
    assert!(kuma(&yaml).is_empty() && strict(&yaml).is_empty());
}

#[test]
fn destinations_name_an_http_protocol() {
    let yaml = |destination: &str| {
        format!(
            "type: FaultInjection\nname: f\nsources: [{{match: {{v: '1'}}}}]\ndestinations: [{{match: {destination}}}]
conf: {{abort: {{percentage: 1, httpStatus: 500}}}}"
        )
    };
    for good in [
        "{kuma.io/protocol: grpc}",
        "{kuma.io/protocol: http2, kuma.io/service: a, v: '*'}",
    ] {
        assert!(kuma(&yaml(good)).is_empty(), "{good}");
    }
    assert_eq!(
        kuma(&yaml("{kuma.io/service: a}")),
        ["destinations[0].match: protocol must be specified"]
    );
    for bad in ["'*'", "tcp", "HTTP"] {
        assert_eq!(
            kuma(&yaml(&format!("{{kuma.io/protocol: {bad}}}"))),
            ["destinations[0].match[\"kuma.io/protocol\"]: must be one of the [http, http2, grpc]"],
            "{bad}"
        );
    }
}

#[test]
fn missing_and_wrong_values_are_named() {
    let nothing = ["conf: must have at least one of the faults configured"];
    assert_eq!(kuma(&conf("")), nothing);
    assert_eq!(kuma(&conf("conf: {}")), nothing);
    assert_eq!(
        kuma_fields(&conf("conf: {delay: {}, abort: {}}")),
        [
            "conf",
            "conf.delay.percentage",
            "conf.delay.value",
            "conf.abort.percentage",
            "conf.abort.httpStatus",
        ]
    );
    assert_eq!(
        kuma(&conf(
            "conf: {delay: {percentage: 100.1, value: 1s}, abort: {percentage: -1, httpStatus: 306}, \
             responseBandwidth: {percentage: 1, limit: 50 bps}}"
        )),
        [
            "conf.delay.percentage: has to be in [0.0 - 100.0] range",
            "conf.abort.percentage: has to be in [0.0 - 100.0] range",
            "conf.abort.httpStatus: http status code is incorrect",
            "conf.responseBandwidth.limit: has to be in kbps/mbps/gbps units",
        ]
    );
}

#[test]
fn what_envoy_refuses_is_refused_at_the_door_only() {
    for (text, field) in [
        ("delay: {percentage: 1, value: 0s}", "conf.delay.value"),
        ("delay: {percentage: 1, value: -1s}", "conf.delay.value"),
        (
            "abort: {percentage: 1, httpStatus: 100}",
            "conf.abort.httpStatus",
        ),
        (
            "responseBandwidth: {percentage: 1, limit: kbps}",
            "conf.responseBandwidth.limit",
        ),
        (
            "responseBandwidth: {percentage: 1, limit: 0 kbps}",
            "conf.responseBandwidth.limit",
        ),
    ] {
        let yaml = conf(&format!("conf: {{{text}}}"));
        assert!(kuma(&yaml).is_empty(), "{text}");
        assert_eq!(strict_fields(&yaml), [field], "{text}");
    }
}
