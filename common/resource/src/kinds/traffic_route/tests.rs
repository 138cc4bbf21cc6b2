//! Rules of policies §4.9.

use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

fn conf(conf: &str) -> String {
    format!(
        "type: TrafficRoute\nname: r\nsources: [{{match: {{kuma.io/service: '*'}}}}]
destinations: [{{match: {{kuma.io/service: '*'}}}}]\n{conf}"
    )
}

/// One HTTP item with a usual target.
fn http(item: &str) -> String {
    conf(&format!(
        "conf: {{destination: {{kuma.io/service: a}}, http: [{{destination: {{kuma.io/service: b}}, {item}}}]}}"
    ))
}

#[test]
fn whole_routes_are_valid() {
    for good in [
        "conf: {destination: {kuma.io/service: '*'}, loadBalancer: {roundRobin: {}}}",
        "conf: {split: [{weight: 90, destination: {kuma.io/service: a, v: '1'}}, {weight: 0, destination: {kuma.io/service: b}}], \
         loadBalancer: {ringHash: {hashFunction: XX_HASH, minRingSize: 1, maxRingSize: '18446744073709551615'}}}",
    ] {
        assert!(kuma(&conf(good)).is_empty(), "{good}");
        assert!(strict(&conf(good)).is_empty(), "{good}");
    }
    let yaml = http(
        "match: {method: {exact: ''}, path: {prefix: /a}, headers: {x: {regex: 'a+'}}}, \
         modify: {path: {rewritePrefix: /b}, host: {fromPath: {pattern: 'a', substitution: b}}, \
         requestHeaders: {add: [{name: x, value: y, append: true}], remove: [{name: z}]}, responseHeaders: {}}",
    );
    assert!(kuma(&yaml).is_empty(), "{:?}", kuma(&yaml));
    assert!(strict(&yaml).is_empty());
}

#[test]
fn there_is_one_target() {
    assert_eq!(kuma(&conf("")), ["conf: cannot be empty"]);
    assert_eq!(kuma_fields(&conf("conf: {}")), ["conf"]);
    assert_eq!(
        kuma_fields(&conf(
            "conf: {destination: {kuma.io/service: a}, split: [{weight: 1, destination: {kuma.io/service: a}}]}"
        )),
        ["conf"]
    );
    assert_eq!(
        kuma_fields(&conf(
            "conf: {split: [{weight: 0, destination: {kuma.io/service: a}}, {destination: {v: '1'}}]}"
        )),
        [
            "conf.split[1].weight",
            "conf.split[1].destination",
            "conf.split"
        ]
    );
    assert_eq!(
        kuma_fields(&conf(
            "conf: {destination: {v: '1'}, loadBalancer: {ringHash: {}}}"
        )),
        [
            "conf.destination",
            "conf.loadBalancer.ringHash.hashFunction"
        ]
    );
}

#[test]
fn http_items_are_checked() {
    for (item, fields) in [
        ("match: {}", &["match"][..]),
        (
            "match: {method: {}, path: {prefix: ''}, headers: {x: {regex: ''}}}",
            &[
                "match.method",
                "match.path.prefix",
                "match.headers[\"x\"].regex",
            ],
        ),
        ("match: {headers: {'': {exact: a}}}", &["match.headers"]),
        (
            "match: {path: {exact: /}}, modify: {path: {rewritePrefix: /b}, host: {}}",
            &["modify.path.rewritePrefix", "modify.host"],
        ),
        (
            "match: {path: {prefix: /}}, modify: {path: {}, host: {value: ''}}",
            &["modify.path", "modify.host.value"],
        ),
        (
            "match: {path: {prefix: /}}, modify: {path: {regex: {}}, host: {fromPath: {}}}",
            &[
                "modify.path.regex.pattern",
                "modify.path.regex.substitution",
                "modify.host.fromPath.pattern",
                "modify.host.fromPath.substitution",
            ],
        ),
        (
            "match: {path: {prefix: /}}, modify: {requestHeaders: {add: [{name: ':path'}, {value: a}], remove: [{name: Host}]}}",
            &[
                "modify.requestHeaders.add[0].name",
                "modify.requestHeaders.add[0].value",
                "modify.requestHeaders.add[1].name",
                "modify.requestHeaders.remove[0].name",
            ],
        ),
    ] {
        let expected: Vec<_> = fields
            .iter()
            .map(|field| format!("conf.http[0].{field}"))
            .collect();
        assert_eq!(kuma_fields(&http(item)), expected, "{item}");
    }
}

#[test]
fn what_envoy_refuses_is_refused_at_the_door_only() {
    for (item, field) in [
        ("match: {path: {regex: '('}}", "match.path.regex"),
        (
            "match: {path: {exact: a}}, modify: {path: {regex: {pattern: '(', substitution: a}}}",
            "modify.path.regex.pattern",
        ),
        (
            "match: {path: {exact: a}}, modify: {responseHeaders: {remove: [{name: HOST}]}}",
            "modify.responseHeaders.remove[0].name",
        ),
    ] {
        assert!(kuma(&http(item)).is_empty(), "{item}");
        assert_eq!(
            strict_fields(&http(item)),
            [format!("conf.http[0].{field}")],
            "{item}"
        );
    }
    assert_eq!(
        strict_fields(&conf(
            "conf: {split: [{weight: 4294967295, destination: {kuma.io/service: a}}, {weight: 1, destination: {kuma.io/service: b}}]}"
        )),
        ["conf.split"]
    );
}
