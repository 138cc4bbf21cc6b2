//! Envoy resources by hand.

use std::net::SocketAddr;
use std::sync::Arc;

use prost::{Message, Name};

use torii_ads::Desired;
use torii_proto::envoy::config::cluster::v3::Cluster;
use torii_proto::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType, EdsClusterConfig};
use torii_proto::envoy::config::core::v3::address::Address as AddressKind;
use torii_proto::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use torii_proto::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use torii_proto::envoy::config::core::v3::socket_address::PortSpecifier;
use torii_proto::envoy::config::core::v3::{
    Address, AggregatedConfigSource, ApiVersion, ConfigSource, HeaderValue, HeaderValueOption, SocketAddress,
};
use torii_proto::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use torii_proto::envoy::config::endpoint::v3::{ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints};
use torii_proto::envoy::config::listener::v3::filter::ConfigType as FilterConfig;
use torii_proto::envoy::config::listener::v3::{Filter, FilterChain, Listener};
use torii_proto::envoy::config::route::v3::route::Action;
use torii_proto::envoy::config::route::v3::route_action::ClusterSpecifier;
use torii_proto::envoy::config::route::v3::route_match::PathSpecifier;
use torii_proto::envoy::config::route::v3::{DirectResponseAction, Route, RouteAction, RouteConfiguration, RouteMatch, VirtualHost};
use torii_proto::envoy::extensions::filters::http::router::v3::Router;
use torii_proto::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use torii_proto::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType as HttpFilterConfig;
use torii_proto::envoy::extensions::filters::network::http_connection_manager::v3::{HttpConnectionManager, HttpFilter, Rds};
use torii_proto::envoy::google::protobuf::{Any, Duration, Struct};
use torii_proto::envoy::service::runtime::v3::Runtime;
use torii_render::{Part, Parts, TypeUrl, XdsMessage};
use torii_resource::Revision;

pub(crate) type One = (TypeUrl, Part);

fn one<M: XdsMessage>(name: &str, message: &M) -> One {
    (M::TYPE, Part::new(name, message))
}

fn any<M: Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: message.encode_to_vec(),
    }
}

fn ads() -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3.into(),
        config_source_specifier: Some(
            ConfigSourceSpecifier::Ads(AggregatedConfigSource::default()),
        ),
        ..ConfigSource::default()
    }
}

fn address(of: SocketAddr) -> Address {
    Address {
        address: Some(AddressKind::SocketAddress(SocketAddress {
            address: of.ip().to_string(),
            port_specifier: Some(PortSpecifier::PortValue(of.port().into())),
            ..SocketAddress::default()
        })),
    }
}

fn cluster_of(name: &str, kind: DiscoveryType, connect_timeout: i64) -> Cluster {
    Cluster {
        name: name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind.into())),
        connect_timeout: Some(Duration {
            seconds: connect_timeout,
            nanos: 0,
        }),
        ..Cluster::default()
    }
}

/// An EDS cluster; the connect timeout tells versions apart. 0 is one that Envoy refuses.
pub(crate) fn cluster(name: &str, connect_timeout: i64) -> One {
    let mut cluster = cluster_of(name, DiscoveryType::Eds, connect_timeout);
    cluster.eds_cluster_config = Some(EdsClusterConfig {
        eds_config: Some(ads()),
        ..EdsClusterConfig::default()
    });
    one(name, &cluster)
}

/// An EDS cluster that says nothing about where its endpoints come from: Envoy reads it, and refuses it by name.
pub(crate) fn cluster_without_source(name: &str) -> One {
    one(name, &cluster_of(name, DiscoveryType::Eds, 1))
}

/// A cluster that is warm when DNS has answered, whatever it said.
pub(crate) fn dns_cluster(name: &str, host: &str) -> One {
    let mut cluster = cluster_of(name, DiscoveryType::StrictDns, 1);
    let mut endpoint = endpoint_of(SocketAddr::from(([127, 0, 0, 1], 1)));
    if let Some(HostIdentifier::Endpoint(one)) = &mut endpoint.host_identifier
        && let Some(Address {
            address: Some(AddressKind::SocketAddress(socket)),
        }) = &mut one.address
    {
        host.clone_into(&mut socket.address);
    }
    cluster.load_assignment = Some(assignment(name, vec![endpoint]));
    one(name, &cluster)
}

fn endpoint_of(at: SocketAddr) -> LbEndpoint {
    let endpoint = Endpoint {
        address: Some(address(at)),
        ..Endpoint::default()
    };
    LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
        ..LbEndpoint::default()
    }
}

fn assignment(name: &str, lb_endpoints: Vec<LbEndpoint>) -> ClusterLoadAssignment {
    ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints,
            ..LocalityLbEndpoints::default()
        }],
        ..ClusterLoadAssignment::default()
    }
}

pub(crate) fn endpoints(name: &str, at: SocketAddr) -> One {
    one(name, &assignment(name, vec![endpoint_of(at)]))
}

pub(crate) fn listener(name: &str, at: SocketAddr, route: &str) -> One {
    let router = HttpFilter {
        name: "envoy.filters.http.router".to_owned(),
        config_type: Some(HttpFilterConfig::TypedConfig(any(&Router::default()))),
        ..HttpFilter::default()
    };
    let manager = HttpConnectionManager {
        stat_prefix: name.to_owned(),
        http_filters: vec![router],
        route_specifier: Some(RouteSpecifier::Rds(Rds {
            config_source: Some(ads()),
            route_config_name: route.to_owned(),
        })),
        ..HttpConnectionManager::default()
    };
    let filter = Filter {
        name: "envoy.filters.network.http_connection_manager".to_owned(),
        config_type: Some(FilterConfig::TypedConfig(any(&manager))),
    };
    let chain = FilterChain {
        filters: vec![filter],
        ..FilterChain::default()
    };
    let message = Listener {
        name: name.to_owned(),
        address: Some(address(at)),
        filter_chains: vec![chain],
        ..Listener::default()
    };
    let (of, part) = one(name, &message);
    (of, part.with_routes([Arc::from(route)]))
}

fn route_with(name: &str, header: &str, action: Action) -> RouteConfiguration {
    let route = Route {
        r#match: Some(RouteMatch {
            path_specifier: Some(PathSpecifier::Prefix("/".to_owned())),
            ..RouteMatch::default()
        }),
        action: Some(action),
        response_headers_to_add: vec![HeaderValueOption {
            header: Some(HeaderValue {
                key: "x-version".to_owned(),
                value: header.to_owned(),
                ..HeaderValue::default()
            }),
            append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
            ..HeaderValueOption::default()
        }],
        ..Route::default()
    };
    let host = VirtualHost {
        name: "all".to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![route],
        ..VirtualHost::default()
    };
    RouteConfiguration {
        name: name.to_owned(),
        virtual_hosts: vec![host],
        ..RouteConfiguration::default()
    }
}

/// Everything to `cluster`, with the response header `x-version`.
pub(crate) fn route(name: &str, header: &str, cluster: &str) -> One {
    let to = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.to_owned())),
        ..RouteAction::default()
    };
    let (of, part) = one(name, &route_with(name, header, Action::Route(to)));
    (of, part.with_clusters([Arc::from(cluster)]))
}

/// A route configuration that Envoy refuses: there is no such status.
pub(crate) fn bad_route(name: &str) -> One {
    let respond = DirectResponseAction {
        status: 10,
        ..DirectResponseAction::default()
    };
    one(
        name,
        &route_with(name, "bad", Action::DirectResponse(respond)),
    )
}

pub(crate) fn runtime() -> One {
    one(
        "gateway.listeners",
        &Runtime {
            name: "gateway.listeners".to_owned(),
            layer: Some(Struct::default()),
        },
    )
}

pub(crate) fn state(revision: u64, parts: &[One]) -> Arc<Desired> {
    let mut all = Parts::new();
    for (of, part) in parts {
        all.insert(*of, part.clone());
    }
    Arc::new(Desired {
        revision: Revision(revision),
        parts: Arc::new(all),
    })
}
