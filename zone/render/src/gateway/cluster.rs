//! Clusters: one for each destination of each host's tags (gateway-xds §4.1-§4.6, without policies and mTLS).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use torii_mesh::{Endpoint, GatewayView, Protocol, Service};
use torii_proto::envoy::config::cluster::v3::Cluster;
use torii_proto::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType, EdsClusterConfig};
use torii_proto::envoy::config::core::v3::{Http1ProtocolOptions, Http2ProtocolOptions, HttpProtocolOptions as Common};
use torii_proto::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use torii_proto::envoy::extensions::upstreams::http::v3::http_protocol_options::explicit_http_config::ProtocolConfig;
use torii_proto::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    ExplicitHttpConfig, UpstreamProtocolOptions,
};
use torii_resource::tags::{PROTOCOL, SERVICE, Tags, match_rank};
use torii_resource::{ResourceKey, kinds};

use crate::gateway::listener::BUFFER_LIMIT;
use crate::gateway::{chain, name};
use crate::part::Part;
use crate::report::{Place, Report};
use crate::wire;

/// What a route names when its backend cannot be resolved; there is no such cluster, so Envoy answers 500.
pub(crate) const UNRESOLVED: &str = "kuma.io/unresolved-backend";

/// Without a Timeout policy (decisions.md).
const CONNECT_TIMEOUT_MILLIS: u32 = 10_000;

/// A cluster that some route sends to.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) service: &'a str,
    pub(crate) protocol: Protocol,
    /// Ready endpoints with the destination's tags, in order of address and port.
    pub(crate) endpoints: Vec<&'a Endpoint>,
    /// Why there are no endpoints.
    pub(crate) nobody: Option<&'static str>,
}

/// The clusters of a proxy, by name, while its routes are written.
#[derive(Debug)]
pub(crate) struct Clusters<'a> {
    view: &'a GatewayView,
    targets: BTreeMap<Arc<str>, Target<'a>>,
}

impl<'a> Clusters<'a> {
    pub(crate) fn new(view: &'a GatewayView) -> Self {
        Self {
            view,
            targets: BTreeMap::new(),
        }
    }

    /// Adds the cluster of this name, which is the destination's, if it is new.
    pub(crate) fn resolve(
        &mut self,
        name: &Arc<str>,
        destination: &'a Tags,
        report: &mut Report,
    ) -> &Target<'a> {
        let view = self.view;
        self.targets.entry(name.clone()).or_insert_with(|| {
            let known = known(&view.services, destination);
            target(
                &view.proxy.id.mesh,
                known.map(|known| &**known),
                name,
                destination,
                report,
            )
        })
    }

    /// All clusters, in order of name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Target<'a>)> {
        self.targets.iter()
    }
}

/// What is known of the service that a destination names.
pub(crate) fn known<'a>(
    services: &'a BTreeMap<Arc<str>, Arc<Service>>,
    destination: &Tags,
) -> Option<&'a Arc<Service>> {
    services.get(name::service(destination)?)
}

/// The target of the cluster of this name: nothing else about a cluster depends on anything else.
pub(crate) fn target<'a>(
    mesh: &str,
    known: Option<&'a Service>,
    cluster: &str,
    destination: &'a Tags,
    report: &mut Report,
) -> Target<'a> {
    let others: Tags = destination
        .iter()
        .filter(|(key, _)| *key != SERVICE)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let ready = known.map_or(&[][..], |service| &service.endpoints);
    let endpoints: Vec<&Endpoint> = ready
        .iter()
        .map(|endpoint| &**endpoint)
        .filter(|endpoint| match_rank(&others, &endpoint.tags).is_some())
        .filter(|endpoint| usable(endpoint, mesh, cluster, report))
        .collect();
    let nobody = match known {
        _ if !endpoints.is_empty() => None,
        None => Some("no Dataplane of this zone has this service"),
        Some(service) if service.endpoints.is_empty() => {
            Some("no Dataplane with this service is ready")
        }
        Some(_) => Some("no ready Dataplane with this service has these tags and a usable address"),
    };
    let of_tag = destination
        .get(PROTOCOL)
        .and_then(|name| Protocol::parse(name));
    Target {
        service: name::service(destination).unwrap_or_default(),
        protocol: of_tag
            .or_else(|| known.and_then(|service| service.protocol))
            .unwrap_or(Protocol::Http),
        endpoints,
        nobody,
    }
}

/// Envoy refuses the whole assignment for one address that is no IP address or a port that is none.
fn usable(endpoint: &Endpoint, mesh: &str, cluster: &str, report: &mut Report) -> bool {
    let (field, reason) = if !(1..=65_535).contains(&endpoint.port) {
        (
            "networking.inbound",
            format!("{} is not a port", endpoint.port),
        )
    } else if endpoint.address.parse::<IpAddr>().is_err() {
        let reason = format!(
            "'{}' is not an IP address: the endpoint is left out",
            endpoint.address
        );
        ("networking.address", reason)
    } else {
        return true;
    };
    let resource = ResourceKey::of::<kinds::Dataplane>(mesh, &endpoint.dataplane);
    let place = Place {
        part: cluster,
        resource: &resource,
    };
    report.error(place, field, reason);
    false
}

/// The Envoy cluster.
pub(crate) fn part(name: &str, target: &Target<'_>) -> Part {
    let statistics = name::statistics(target.service);
    let mut cluster = Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Eds as i32)),
        eds_cluster_config: Some(EdsClusterConfig {
            eds_config: Some(chain::ads()),
            ..EdsClusterConfig::default()
        }),
        connect_timeout: wire::millis(CONNECT_TIMEOUT_MILLIS),
        per_connection_buffer_limit_bytes: wire::number(BUFFER_LIMIT),
        ..Cluster::default()
    };
    if statistics != target.service {
        cluster.alt_stat_name = statistics;
    }
    if let Some(options) = protocol_options(target.protocol) {
        // One key only: with a second one the map has to be written by `wire`.
        cluster.typed_extension_protocol_options.insert(
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions".to_owned(),
            wire::any(&options),
        );
    }
    Part::new(name, &cluster)
}

/// HTTP options of a protocol of the HTTP family (gateway-xds §4.5).
fn protocol_options(protocol: Protocol) -> Option<HttpProtocolOptions> {
    let config = match protocol {
        Protocol::Http => ProtocolConfig::HttpProtocolOptions(Http1ProtocolOptions::default()),
        Protocol::Http2 | Protocol::Grpc => {
            ProtocolConfig::Http2ProtocolOptions(Http2ProtocolOptions {
                initial_stream_window_size: wire::number(chain::STREAM_WINDOW),
                initial_connection_window_size: wire::number(chain::CONNECTION_WINDOW),
                ..Http2ProtocolOptions::default()
            })
        }
        Protocol::Tcp | Protocol::Kafka => return None,
    };
    Some(HttpProtocolOptions {
        common_http_protocol_options: Some(Common {
            // Without a Timeout policy: disabled, which is not the same as absent.
            idle_timeout: wire::millis(0),
            ..Common::default()
        }),
        upstream_protocol_options: Some(UpstreamProtocolOptions::ExplicitHttpConfig(
            ExplicitHttpConfig {
                protocol_config: Some(config),
            },
        )),
        ..HttpProtocolOptions::default()
    })
}
