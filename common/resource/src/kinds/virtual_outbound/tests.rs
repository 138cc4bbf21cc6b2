//! Rules of policies §4.13.

use crate::kinds::checks::{kuma, kuma_fields, strict};

fn conf(conf: &str) -> String {
    format!("type: VirtualOutbound\nname: v\nselectors: [{{match: {{v: '*'}}}}]\n{conf}")
}

const SERVICE: &str = "{name: service, tagKey: kuma.io/service}";

#[test]
fn templates_of_declared_parameters_are_valid() {
    for (host, port) in [
        ("'{{.service}}.mesh'", "'80'"),
        ("'{{.service}}.{{.v}}.mesh'", "'{{.v}}'"),
        ("'{{.service | lower}}.mesh'", "'80'"),
    ] {
        let yaml = conf(&format!(
            "conf: {{host: {host}, port: {port}, parameters: [{SERVICE}, {{name: v}}]}}"
        ));
        assert!(kuma(&yaml).is_empty(), "{host}: {:?}", kuma(&yaml));
        assert!(strict(&yaml).is_empty(), "{host}");
    }
}

#[test]
fn missing_and_wrong_parts_are_named() {
    assert_eq!(kuma(&conf("")), ["conf: cannot be empty"]);
    assert_eq!(
        kuma_fields(&conf("conf: {}")),
        ["conf.parameters", "conf.host", "conf.port"]
    );
    for (text, field) in [
        (
            format!("host: a, port: '0', parameters: [{SERVICE}]"),
            "conf.port",
        ),
        (
            format!("host: a, port: '{{{{.service}}}}x', parameters: [{SERVICE}]"),
            "conf.port",
        ),
        (
            format!("host: '{{{{.other}}}}', port: '1', parameters: [{SERVICE}]"),
            "conf.host",
        ),
        (
            format!("host: '{{{{.service', port: '1', parameters: [{SERVICE}]"),
            "conf.host",
        ),
        (
            format!("host: 10.0.0.1, port: '1', parameters: [{SERVICE}]"),
            "conf.host",
        ),
        (
            format!("host: a, port: '1', parameters: [{SERVICE}, {{name: a-b, tagKey: c}}]"),
            "conf.parameters[1].name",
        ),
        (
            format!("host: a, port: '1', parameters: [{SERVICE}, {{name: service}}]"),
            "conf.parameters[1].name",
        ),
        (
            format!("host: a, port: '1', parameters: [{SERVICE}, {{name: b, tagKey: 'a b'}}]"),
            "conf.parameters[1].tagKey",
        ),
        (
            "host: a, port: '1', parameters: [{name: service}]".to_owned(),
            "conf.parameters",
        ),
    ] {
        assert_eq!(
            kuma_fields(&conf(&format!("conf: {{{text}}}"))),
            [field],
            "{text}"
        );
    }
}
