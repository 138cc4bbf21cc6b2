//! Rules of resources §3.4, defaults of §3.14.

use serde_json::{Value, json};

use super::Mesh;
use crate::format::{proto_json, universal};
use crate::kind::{Context, Kind as _, Mode};
use crate::kinds::checks::{kuma, kuma_fields, strict};
use crate::registry;

const NONE: [&str; 0] = [];

fn mesh(fields: &str) -> String {
    format!("type: Mesh\nname: m\n{fields}")
}

#[test]
fn an_empty_and_a_full_mesh_are_valid() {
    let full = "mtls: {enabledBackend: ca-1, backends: [{name: ca-1, type: builtin, dpCert: {rotation: {expiration: 1d}}}]}
logging: {defaultBackend: f, backends: [{name: f, type: file, conf: {path: /tmp/log}}, {name: t, type: tcp, conf: {address: '[::1]:5000'}}]}
tracing: {backends: [{name: z, type: zipkin, sampling: 99.5, conf: {url: 'http://z:9411/api/v2/spans'}}, {name: d, type: datadog, conf: {address: d, port: 8126}}]}
metrics: {enabledBackend: p, backends: [{name: p, type: prometheus, conf: {skipMTLS: true, tls: {mode: disabled}, envoy: {filterRegex: 'a.*'}}}]}
constraints: {dataplaneProxy: {requirements: [{tags: {kuma.io/zone: '*'}}]}}
routing: {zoneEgress: true}";
    for good in ["", full] {
        assert_eq!(kuma(&mesh(good)), NONE, "{good}");
        assert_eq!(strict(&mesh(good)), NONE, "{good}");
    }
}

#[test]
fn wrong_backends_are_named_with_kumas_paths() {
    let cases: [(&str, &[&str]); 17] = [
        (
            "mtls: {enabledBackend: x, backends: [{name: a, type: builtin}, {name: a, type: builtin}]}",
            &[
                "mtls.backends",
                "mtls.backends[1].name",
                "mtls.enabledBackend",
            ],
        ),
        (
            "mtls: {backends: [{name: a, type: builtin, dpCert: {}}]}",
            &["mtls.dpcert.rotation.expiration"],
        ),
        (
            "mtls: {backends: [{name: a, type: builtin, dpCert: {rotation: {expiration: 1h30m}}}]}",
            &["mtls.dpcert.rotation.expiration"],
        ),
        (
            "logging: {backends: [{type: x}]}",
            &["logging.backends[0].name", "logging.backends[0].type"],
        ),
        (
            "logging: {backends: [{name: a, type: file}]}",
            &["logging.backends[0].config.path"],
        ),
        (
            "logging: {backends: [{name: a, type: file, conf: {path: 1}}]}",
            &["logging.backends[0].config"],
        ),
        (
            "logging: {backends: [{name: a, type: tcp, conf: {address: a}}]}",
            &["logging.backends[0].config.address"],
        ),
        ("logging: {defaultBackend: x}", &["logging.defaultBackend"]),
        (
            "tracing: {backends: [{name: a, sampling: 101, type: x}]}",
            &["tracing.backends[0].sampling", "tracing.backends[0].type"],
        ),
        (
            "tracing: {backends: [{name: a, type: zipkin, conf: {url: 'http://x/', apiVersion: v9}}]}",
            &[
                "tracing.backends[0].config.apiVersion",
                "tracing.backends[0].config.url",
            ],
        ),
        (
            "tracing: {backends: [{name: a, type: datadog}]}",
            &[
                "tracing.backends[0].config.address",
                "tracing.backends[0].config.port",
            ],
        ),
        (
            "metrics: {backends: [{name: a, type: x}]}",
            &["metrics.backends[0].type"],
        ),
        (
            "metrics: {backends: [{type: prometheus, conf: {skipMTLS: false, tls: {mode: disabled}}}]}",
            &["metrics.backends[0].conf"],
        ),
        (
            "metrics: {backends: [{type: prometheus, conf: {envoy: {filterRegex: '('}}}]}",
            &["metrics.backends[0].conf.envoy.filterRegex"],
        ),
        (
            "metrics: {backends: [{type: prometheus, conf: {aggregate: [{name: a}, {name: a}]}}]}",
            &["metrics.backends[0].conf.aggregate[1].name"],
        ),
        (
            "constraints: {dataplaneProxy: {requirements: [{}], restrictions: [{tags: {'a b': x}}]}}",
            &[
                "constraints.dataplaneProxy.requirements[0].tags",
                "constraints.dataplaneProxy.restrictions[0].tags[\"a b\"]",
            ],
        ),
        ("routing: {zoneEgress: true}", &["mtls"]),
    ];
    for (fields, expected) in cases {
        assert_eq!(kuma_fields(&mesh(fields)), expected, "{fields}");
    }
}

#[test]
fn an_unknown_authority_is_refused_in_the_words_of_kuma() {
    assert_eq!(
        strict(&mesh("mtls: {backends: [{name: ca-1, type: nope}]}")),
        ["mtls.backends[0].type: could not find installed plugin for this type"]
    );
}

fn conf_with_defaults(conf: &str) -> Value {
    let yaml = mesh(&format!(
        "metrics: {{backends: [{{name: p, type: prometheus, conf: {conf}}}]}}"
    ));
    let spec = &universal::parse(&yaml, "test.yaml").unwrap()[0]
        .resource
        .spec;
    let context = Context {
        mode: &Mode::Global,
        mesh: "",
        name: "m",
        create: true,
    };
    let kind = registry::by_name(Mesh::DESCRIPTOR.name).unwrap();
    let spec = kind.set_defaults(spec, &context).unwrap();
    let json = proto_json::encode(Mesh::DESCRIPTOR.message, &spec).unwrap();
    json["metrics"]["backends"][0]["conf"].clone()
}

#[test]
fn prometheus_backends_get_their_defaults() {
    let tags = json!({"kuma.io/service": "dataplane-metrics"});
    let cases = [
        (
            "{}",
            json!({"path": "/metrics", "port": 5670, "tags": tags, "tls": {}}),
        ),
        (
            "{skipMTLS: true, port: 1}",
            json!({"path": "/metrics", "port": 1, "skipMTLS": true, "tags": tags, "tls": {"mode": "disabled"}}),
        ),
        (
            "{skipMTLS: false, path: /x, tags: {a: b}, unknown: 1}",
            json!({"path": "/x", "port": 5670, "skipMTLS": false, "tags": {"a": "b"}, "tls": {}}),
        ),
        (
            "{skipMTLS: true, tls: {mode: providedTLS}}",
            json!({"path": "/metrics", "port": 5670, "tags": tags, "tls": {"mode": "providedTLS"}}),
        ),
    ];
    for (conf, expected) in cases {
        assert_eq!(conf_with_defaults(conf), expected, "{conf}");
    }
}
