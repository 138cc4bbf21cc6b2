//! Texts of people as Envoy's messages.

use prost::Message as _;
use serde_json::json;
use torii_proto::descriptor;
use torii_proto::envoy::config::cluster::v3::Cluster;

use super::*;

const CLUSTER: &str = "envoy.config.cluster.v3.Cluster";

#[test]
fn yaml_and_json_give_the_same_message_and_durations_are_go_s() {
    let yaml = message(
        CLUSTER,
        "name: 8080\nconnectTimeout: 1m300ms\ntype: STATIC\naltStatName: yes # text\nmetadata: {filterMetadata: {a: {fields: 5, d: 1s}}}",
    )
    .unwrap();
    let json = message(
        CLUSTER,
        r#"{"name": "8080", "connect_timeout": "60.300s", "type": "STATIC", "alt_stat_name": "yes",
            "metadata": {"filter_metadata": {"a": {"fields": 5, "d": "1s"}}}}"#,
    )
    .unwrap();
    assert_eq!(yaml, json);
    let cluster = Cluster::decode(yaml.as_slice()).unwrap();
    assert_eq!(
        (cluster.name.as_str(), cluster.alt_stat_name.as_str()),
        ("8080", "yes")
    );
    assert_eq!(cluster.connect_timeout.unwrap().nanos, 300_000_000);
}

#[test]
fn durations_inside_of_typed_configs_are_go_s_too() {
    let name = "envoy.config.listener.v3.Filter";
    let bytes = message(
        name,
        "name: envoy.filters.network.tcp_proxy
typedConfig:
  '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
  statPrefix: x
  cluster: c
  idleTimeout: 1h30m
  hashPolicy: [{sourceIp: {}}]",
    )
    .unwrap();
    assert_eq!(
        descriptor::to_json(name, &bytes).unwrap()["typedConfig"]["idleTimeout"],
        json!("5400s")
    );
}

#[test]
fn resources_say_what_they_are() {
    let (name, bytes) =
        resource("'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: a").unwrap();
    assert_eq!(name, CLUSTER);
    assert_eq!(Cluster::decode(bytes.as_slice()).unwrap().name, "a");
    for (text, word) in [
        ("name: a", "@type is missing"),
        (
            "'@type': type.googleapis.com/envoy.config.listener.v3.Filter",
            "must be one of",
        ),
        (
            "'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\nnope: a",
            "nope",
        ),
    ] {
        let reason = resource(text).unwrap_err();
        assert!(reason.contains(word), "{text}: {reason}");
    }
}

#[test]
fn what_is_no_message_has_a_reason() {
    for text in [
        "",
        "a",
        "[a]",
        "{",
        "a: 1\n---\nb: 2",
        "nope: 1",
        "name: {a: b}",
        "connectTimeout: soon",
        "typedExtensionProtocolOptions: {a: {'@type': type.googleapis.com/nope}}",
    ] {
        assert!(!message(CLUSTER, text).unwrap_err().is_empty(), "{text}");
    }
}
