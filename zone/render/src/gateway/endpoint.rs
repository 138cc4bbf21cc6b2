//! Endpoint assignments (gateway-xds §4.10).
//!
//! Written piece by piece: endpoint metadata is a map with two keys, which must have an order (see `wire`).

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;

use torii_mesh::Endpoint;
use torii_proto::envoy::config::core::v3::Locality;
use torii_proto::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use torii_proto::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint as EnvoyEndpoint, LbEndpoint, LocalityLbEndpoints,
};
use torii_proto::envoy::google::protobuf::value::Kind;
use torii_resource::tags::SERVICE;

use crate::gateway::cluster::Target;
use crate::gateway::listener;
use crate::part::Part;
use crate::wire;

/// `ClusterLoadAssignment.endpoints`
const ENDPOINTS: u32 = 2;
/// `LocalityLbEndpoints.lb_endpoints`
const LB_ENDPOINTS: u32 = 2;
/// `LbEndpoint.metadata`
const METADATA: u32 = 3;
/// `Metadata.filter_metadata`
const FILTER_METADATA: u32 = 1;

/// The assignment of a cluster: by locality, then address and port. No endpoints: only the name, and Envoy answers 503.
pub(crate) fn part(cluster: &str, target: &Target<'_>) -> Part {
    let mut localities: BTreeMap<Option<&str>, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in &target.endpoints {
        localities
            .entry(endpoint.zone())
            .or_default()
            .push(endpoint);
    }
    let mut body = ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        ..ClusterLoadAssignment::default()
    }
    .encode_to_vec();
    for (zone, endpoints) in localities {
        let mut group = LocalityLbEndpoints {
            locality: zone.map(|zone| Locality {
                zone: zone.to_owned(),
                ..Locality::default()
            }),
            ..LocalityLbEndpoints::default()
        }
        .encode_to_vec();
        for endpoint in endpoints {
            wire::append(&mut group, LB_ENDPOINTS, &lb_endpoint(endpoint));
        }
        wire::append(&mut body, ENDPOINTS, &group);
    }
    Part::from_body(cluster, Bytes::from(body))
}

fn lb_endpoint(endpoint: &Endpoint) -> Vec<u8> {
    let mut body = LbEndpoint {
        load_balancing_weight: wire::number(endpoint.weight.max(1)),
        host_identifier: Some(HostIdentifier::Endpoint(EnvoyEndpoint {
            address: Some(listener::address(&endpoint.address, endpoint.port)),
            ..EnvoyEndpoint::default()
        })),
        ..LbEndpoint::default()
    }
    .encode_to_vec();
    let tags: BTreeMap<&str, Kind> = endpoint
        .tags
        .iter()
        .filter(|(key, _)| *key != SERVICE)
        .map(|(key, value)| (key.as_str(), Kind::StringValue(value.clone())))
        .collect();
    if !tags.is_empty() {
        let tags = wire::structure(&tags);
        let metadata = [
            ("envoy.lb", tags.clone()),
            ("envoy.transport_socket_match", tags),
        ];
        wire::append(&mut body, METADATA, &wire::map(FILTER_METADATA, metadata));
    }
    body
}
