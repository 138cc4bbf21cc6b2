//! Envoy's pool: everything resolves; messages go through JSON and come back.

use prost::Message as _;
use prost_reflect::Kind;

use super::*;
use crate::envoy::config::core::v3::{Address, Metadata, SocketAddress, address, socket_address};
use crate::envoy::config::listener::v3::filter::ConfigType;
use crate::envoy::config::listener::v3::{Filter, FilterChain, Listener};
use crate::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
use crate::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use crate::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use crate::envoy::google::protobuf::{Any, Struct, Value as StructValue, value};

const LISTENER: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
const MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

fn any(name: &str, message: &impl prost::Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{name}"),
        value: message.encode_to_vec(),
    }
}

fn listener() -> Listener {
    let manager = HttpConnectionManager {
        stat_prefix: "edge".to_owned(),
        route_specifier: Some(RouteSpecifier::RouteConfig(RouteConfiguration {
            name: "edge".to_owned(),
            virtual_hosts: vec![VirtualHost {
                name: "all".to_owned(),
                domains: vec!["*".to_owned()],
                ..VirtualHost::default()
            }],
            ..RouteConfiguration::default()
        })),
        ..HttpConnectionManager::default()
    };
    Listener {
        name: "edge".to_owned(),
        address: Some(Address {
            address: Some(address::Address::SocketAddress(SocketAddress {
                address: "127.0.0.1".to_owned(),
                port_specifier: Some(socket_address::PortSpecifier::PortValue(8080)),
                ..SocketAddress::default()
            })),
        }),
        filter_chains: vec![FilterChain {
            filters: vec![Filter {
                name: "http".to_owned(),
                config_type: Some(ConfigType::TypedConfig(any(MANAGER, &manager))),
            }],
            ..FilterChain::default()
        }],
        ..Listener::default()
    }
}

#[test]
fn a_listener_with_a_connection_manager_goes_through_json_and_back() {
    let bytes = listener().encode_to_vec();
    let json = to_json(LISTENER, &bytes).unwrap();
    let expected = serde_json::json!({
        "name": "edge",
        "address": { "socketAddress": { "address": "127.0.0.1", "portValue": 8080 } },
        "filterChains": [{ "filters": [{
            "name": "http",
            "typedConfig": {
                "@type": format!("type.googleapis.com/{MANAGER}"),
                "statPrefix": "edge",
                "routeConfig": { "name": "edge", "virtualHosts": [{ "name": "all", "domains": ["*"] }] },
            },
        }] }],
    });
    assert_eq!(json, expected);
    assert_eq!(from_json(LISTENER, &json).unwrap(), bytes);
    assert_eq!(canonical(LISTENER, &bytes).unwrap(), bytes);
}

#[test]
fn maps_are_encoded_in_order_of_key_also_inside_of_an_any() {
    let text = |text: &str| StructValue {
        kind: Some(value::Kind::StringValue(text.to_owned())),
    };
    let keys: Vec<String> = (0..20).map(|number| format!("key-{number:02}")).collect();
    let metadata = Metadata {
        filter_metadata: keys
            .iter()
            .map(|key| {
                let fields = keys.iter().map(|key| (key.clone(), text(key))).collect();
                (key.clone(), Struct { fields })
            })
            .collect(),
        ..Metadata::default()
    };
    let name = "envoy.config.core.v3.Metadata";
    let nested = any(name, &metadata);
    let bytes = canonical("google.protobuf.Any", &nested.encode_to_vec()).unwrap();
    let again = any(name, &metadata);
    assert_eq!(
        canonical("google.protobuf.Any", &again.encode_to_vec()).unwrap(),
        bytes
    );
    let opened = Any::decode(bytes.as_slice()).unwrap();
    assert_eq!(Metadata::decode(opened.value.as_slice()).unwrap(), metadata);
    let json = to_json(name, &opened.value).unwrap();
    let order: Vec<&String> = json["filterMetadata"].as_object().unwrap().keys().collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(from_json(name, &json).unwrap(), opened.value);
}

#[test]
fn every_message_that_a_message_refers_to_is_in_the_pool() {
    let mut count = 0;
    for message in envoy().all_messages() {
        count += 1;
        for field in message.fields() {
            if let Kind::Message(inner) = field.kind() {
                assert!(
                    envoy().get_message_by_name(inner.full_name()).is_some(),
                    "{}",
                    field.full_name()
                );
            }
        }
    }
    assert!(count > 1500, "only {count} messages");
    for name in [
        "envoy.config.bootstrap.v3.Bootstrap",
        "envoy.config.cluster.v3.Cluster",
        "envoy.config.endpoint.v3.ClusterLoadAssignment",
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "envoy.service.runtime.v3.Runtime",
        "envoy.admin.v3.ConfigDump",
    ] {
        assert!(envoy().get_message_by_name(name).is_some(), "{name}");
    }
}

#[test]
fn unknown_types_and_fields_are_errors_that_name_them() {
    let error = to_json("type.googleapis.com/envoy.Nothing", b"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("envoy.Nothing"), "{error}");
    let error = from_json(LISTENER, &serde_json::json!({ "nmae": "edge" }))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("nmae") && error.contains("envoy.config.listener.v3.Listener"),
        "{error}"
    );
    let error = from_json(LISTENER, &serde_json::json!({ "name": 5 }))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("envoy.config.listener.v3.Listener"),
        "{error}"
    );
    assert!(to_json(LISTENER, b"\xff").is_err());
}
