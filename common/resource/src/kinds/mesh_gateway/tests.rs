//! Rules of resources §3.8 and §3.12.

use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

const HEAD: &str = "type: MeshGateway\nname: edge\nselectors: [{match: {kuma.io/service: edge}}]\n";

fn listeners(listeners: &str) -> String {
    format!("{HEAD}conf: {{listeners: [{listeners}]}}")
}

#[test]
fn a_usual_gateway_is_valid() {
    let yaml = format!(
        "{HEAD}tags: {{team: '*'}}
conf:
  listeners:
  - {{port: 80, protocol: HTTP, hostname: a.com, resources: {{connectionLimit: 10}}}}
  - {{port: 80, protocol: HTTP, hostname: b.com, resources: {{connectionLimit: 10}}}}
  - {{port: 80, protocol: HTTP}}
  - {{port: 443, protocol: HTTPS, hostname: '*.a.com', tls: {{mode: TERMINATE, certificates: [{{secret: c}}]}}}}
  - {{port: 443, protocol: HTTPS, hostname: 'x.a.com', tls: {{mode: TERMINATE, certificates: [{{secret: c}}]}}}}
  - {{port: 9000, protocol: TCP, tags: {{port: tcp/9000}}}}
  - {{port: 9001, protocol: TLS, tls: {{mode: PASSTHROUGH}}}}
  - {{port: 9002, protocol: HTTP, crossMesh: true, tls: {{}}}}"
    );
    assert_eq!(kuma(&yaml), Vec::<String>::new());
    assert_eq!(strict(&yaml), Vec::<String>::new());
}

#[test]
fn missing_parts_are_named() {
    assert_eq!(
        kuma("type: MeshGateway\nname: x"),
        [
            "selectors: must have at least one element",
            "conf: cannot be empty"
        ]
    );
    assert_eq!(
        kuma("type: MeshGateway\nname: x\nselectors: [{}]\nconf: {}"),
        [
            "selectors[0].match: must have at least one tag",
            "selectors[0].match: mandatory tag \"kuma.io/service\" is missing",
            "conf.listeners: cannot be empty",
        ]
    );
    assert_eq!(
        kuma(&listeners("{}")),
        [
            "conf.listeners[0].port: port must be in the range [1, 65535]",
            "conf.listeners[0].protocol: cannot be empty",
        ]
    );
}

#[test]
fn reserved_and_malformed_tags_are_named_by_key() {
    let yaml = format!(
        "{HEAD}tags: {{kuma.io/service: x, kuma.io/protocol: x, 'a b': x, c: 'x y', d: ''}}
conf: {{listeners: [{{port: 1, protocol: HTTP, tags: {{kuma.io/zone: x, kuma.io/external-service-name: x}}}}]}}"
    );
    assert_eq!(
        kuma_fields(&yaml),
        [
            "tags[\"a b\"]",
            "tags[\"c\"]",
            "tags[\"d\"]",
            "tags[\"kuma.io/protocol\"]",
            "tags[\"kuma.io/service\"]",
            "conf.listeners[0].tags[\"kuma.io/external-service-name\"]",
            "conf.listeners[0].tags[\"kuma.io/zone\"]",
        ]
    );
}

#[test]
fn tls_rules_depend_on_protocol_and_mode() {
    let cases = [
        (
            "{port: 1, protocol: HTTPS}",
            "conf.listeners[0].tls: cannot be empty",
        ),
        (
            "{port: 1, protocol: HTTPS, tls: {mode: PASSTHROUGH}}",
            "conf.listeners[0].tls.mode: mode is not supported on HTTPS listeners",
        ),
        (
            "{port: 1, protocol: HTTP, tls: {}}",
            "conf.listeners[0].tls.mode: cannot be empty",
        ),
        (
            "{port: 1, protocol: TLS, tls: {mode: TERMINATE}}",
            "conf.listeners[0].tls.certificates: cannot be empty in TLS termination mode",
        ),
        (
            "{port: 1, protocol: TLS, tls: {mode: TERMINATE, certificates: [{}, {}, {}]}}",
            "conf.listeners[0].tls.certificates: cannot have more than 2 certificates",
        ),
        (
            "{port: 1, protocol: HTTP, crossMesh: true, tls: {mode: TERMINATE}}",
            "conf.listeners[0].tls: must be empty with crossMesh",
        ),
        (
            "{port: 1, protocol: HTTPS, crossMesh: true}",
            "conf.listeners[0].protocol: protocol is not supported with crossMesh",
        ),
        (
            "{port: 1, protocol: HTTP, hostname: '*foo.com'}",
            "conf.listeners[0].hostname: invalid wildcard domain",
        ),
        (
            "{port: 1, protocol: HTTP, hostname: Foo.com}",
            "conf.listeners[0].hostname: invalid hostname",
        ),
        (
            "{port: 65536, protocol: HTTP}",
            "conf.listeners[0].port: port must be in the range [1, 65535]",
        ),
    ];
    for (listener, expected) in cases {
        assert_eq!(kuma(&listeners(listener)), [expected], "{listener}");
    }
}

#[test]
fn listeners_that_share_a_port_must_agree() {
    assert_eq!(
        kuma(&listeners(
            "{port: 80, protocol: HTTP}, {port: 80, protocol: HTTP, hostname: '*'}"
        )),
        [
            "conf.listeners[0]: multiple listeners for hostname on this port",
            "conf.listeners[1]: multiple listeners for hostname on this port",
        ]
    );
    assert_eq!(
        kuma(&listeners(
            "{port: 80, protocol: HTTP, hostname: a.com}, {port: 80, protocol: TCP, hostname: b.com}"
        )),
        [
            "conf.listeners[0]: protocol conflicts with other listeners on this port",
            "conf.listeners[1]: protocol conflicts with other listeners on this port",
        ]
    );
    assert_eq!(
        kuma_fields(&listeners(
            "{port: 80, protocol: HTTP, hostname: a.com, resources: {connectionLimit: 10}}, \
             {port: 80, protocol: HTTP, hostname: b.com, resources: {connectionLimit: 20}}, \
             {port: 80, protocol: HTTP, hostname: c.com}"
        )),
        [
            "conf.listeners[0].resources.connectionLimit",
            "conf.listeners[1].resources.connectionLimit"
        ]
    );
}

#[test]
fn a_cross_mesh_gateway_has_one_selector() {
    let yaml = "type: MeshGateway\nname: x
selectors: [{match: {kuma.io/service: a}}, {match: {kuma.io/service: b}}]
conf: {listeners: [{port: 1, protocol: HTTP, crossMesh: true}]}";
    assert_eq!(
        kuma(yaml),
        ["selectors[1]: there can be at most one selector"]
    );
}

#[test]
fn what_kuma_takes_and_cannot_serve_is_refused_at_the_door_only() {
    let cases = [
        (
            "{port: 1, protocol: TCP, crossMesh: true}",
            "conf.listeners[0].protocol",
        ),
        ("{port: 1, protocol: TLS}", "conf.listeners[0].tls"),
        ("{port: 1, protocol: 2}", "conf.listeners[0].protocol"),
        (
            "{port: 1, protocol: HTTP, hostname: a}, {port: 1, protocol: HTTP, hostname: b, crossMesh: true}",
            "conf.listeners[1].crossMesh",
        ),
    ];
    for (listener, expected) in cases {
        assert_eq!(
            kuma(&listeners(listener)),
            Vec::<String>::new(),
            "{listener}"
        );
        assert_eq!(
            strict_fields(&listeners(listener)),
            [expected],
            "{listener}"
        );
    }
    let certificates = [
        ("{}", "conf.listeners[0].tls.certificates[0]"),
        (
            "{secret: ''}",
            "conf.listeners[0].tls.certificates[0].secret",
        ),
        (
            "{file: a.pem}",
            "conf.listeners[0].tls.certificates[0].file",
        ),
        (
            "{inline: AAAA}",
            "conf.listeners[0].tls.certificates[0].inline",
        ),
        (
            "{inlineString: x}",
            "conf.listeners[0].tls.certificates[0].inlineString",
        ),
    ];
    for (certificate, expected) in certificates {
        let yaml = listeners(&format!(
            "{{port: 1, protocol: HTTPS, tls: {{mode: TERMINATE, certificates: [{certificate}]}}}}"
        ));
        assert_eq!(kuma(&yaml), Vec::<String>::new(), "{certificate}");
        assert_eq!(strict_fields(&yaml), [expected], "{certificate}");
    }
}
