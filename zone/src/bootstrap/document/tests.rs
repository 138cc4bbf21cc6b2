use serde_json::json;

use super::{Settings, document};
use crate::bootstrap::request::Request;

fn request() -> Request {
    serde_json::from_value(json!({
        "mesh": "default",
        "name": "gw-east",
        "proxyType": "dataplane",
        "dataplaneToken": "a.b.c",
        "dataplaneResource": "{\"type\":\"Dataplane\"}",
        "dnsPort": 15054,
        "workdir": "/w",
        "features": ["feature-reuse-port"],
        "version": {"kumaDp": {"version": "2.13.9"}},
        "somethingNewer": true
    }))
    .unwrap()
}

fn settings(host: &str, gateway: bool) -> Settings<'_> {
    Settings {
        xds_host: host,
        xds_port: 5678,
        service: "edge-gateway",
        gateway,
        admin_port: 9901,
        trusted_ca_base64: "Q0E=",
    }
}

#[test]
fn a_gateway_gets_the_runtime_layer_of_its_listeners_and_the_connection_limit() {
    let document = document(&request(), &settings("127.0.0.21", true));
    assert_eq!(
        document["layeredRuntime"]["layers"][1]["name"],
        "gateway.listeners"
    );
    assert_eq!(
        document["overloadManager"]["resourceMonitors"][0]["typedConfig"]["maxActiveDownstreamConnections"],
        "50000"
    );
    assert_eq!(document["node"]["id"], "default.gw-east");
}

#[test]
fn delta_is_used_by_those_who_announce_it() {
    let mut request = request();
    let api = |request: &Request| {
        document(request, &settings("127.0.0.21", true))["dynamicResources"]["adsConfig"]["apiType"]
            .clone()
    };
    assert_eq!(api(&request), "GRPC");
    request.features.push("feature-delta-grpc".to_owned());
    assert_eq!(api(&request), "DELTA_GRPC");
}

#[test]
fn a_host_name_is_resolved_and_an_address_is_not() {
    let kind = |host| {
        document(&request(), &settings(host, true))["staticResources"]["clusters"][1]["type"]
            .clone()
    };
    assert_eq!(kind("127.0.0.21"), "STATIC");
    assert_eq!(kind("zone.example.com"), "STRICT_DNS");
}

#[test]
fn only_proxies_that_are_no_gateways_get_kumas_stats_tags() {
    let document = |gateway| document(&request(), &settings("127.0.0.21", gateway));
    assert!(document(true).get("statsConfig").is_none());
    assert!(document(false)["statsConfig"]["statsTags"].is_array());
}

#[test]
fn the_token_is_in_no_debug_output() {
    assert!(!format!("{:?}", request()).contains("a.b.c"));
}

#[test]
fn envoys_own_schema_takes_the_document() {
    let document = document(&request(), &settings("127.0.0.21", true));
    torii_proto::descriptor::from_json(
        "type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap",
        &document,
    )
    .unwrap();
}
