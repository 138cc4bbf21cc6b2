//! Filter chains and the HTTP connection manager (gateway-xds §2.2).
//!
//! Constants are those of 2.13.9 as recorded, without fields that Envoy 1.40 deprecates; every one has its reason in
//! the reference.

use torii_proto::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use torii_proto::envoy::config::core::v3::http_protocol_options::HeadersWithUnderscoresAction;
use torii_proto::envoy::config::core::v3::{
    AggregatedConfigSource, ApiVersion, CidrRange, ConfigSource, Http2ProtocolOptions, HttpProtocolOptions,
    TypedExtensionConfig,
};
use torii_proto::envoy::config::listener::v3::filter::ConfigType as FilterConfig;
use torii_proto::envoy::config::listener::v3::{Filter, FilterChain};
use torii_proto::envoy::extensions::compression::gzip::compressor::v3::Gzip;
use torii_proto::envoy::extensions::filters::http::compressor::v3::Compressor;
use torii_proto::envoy::extensions::filters::http::compressor::v3::compressor::ResponseDirectionConfig;
use torii_proto::envoy::extensions::filters::http::local_ratelimit::v3::LocalRateLimit;
use torii_proto::envoy::extensions::filters::http::router::v3::Router;
use torii_proto::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    InternalAddressConfig, PathWithEscapedSlashesAction, RouteSpecifier, UpgradeConfig,
};
use torii_proto::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use torii_proto::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds,
};
use torii_proto::envoy::google::protobuf::{Any, BoolValue};

use crate::gateway::name;
use crate::wire;

/// HTTP/2 windows, towards clients and towards services.
pub(crate) const STREAM_WINDOW: u32 = 65_536;
pub(crate) const CONNECTION_WINDOW: u32 = 1_048_576;

/// Networks whose clients count as internal (decisions.md: the list of 2.13, `ipam.knownInternalCIDRs`).
const INTERNAL_V4: [(&str, u32); 4] = [
    ("10.0.0.0", 8),
    ("192.168.0.0", 16),
    ("172.16.0.0", 12),
    ("127.0.0.1", 32),
];
/// Its IPv6 entries: only where the listener is IPv6, for an Envoy on a host without IPv6 refuses them.
const INTERNAL_V6: [(&str, u32); 3] = [("fc00::", 7), ("fd00::", 8), ("::1", 128)];

/// The one chain of an HTTP listener.
pub(crate) fn http(service: &str, address: &str, routes: &str) -> FilterChain {
    FilterChain {
        filters: vec![Filter {
            name: "envoy.filters.network.http_connection_manager".to_owned(),
            config_type: Some(FilterConfig::TypedConfig(wire::any(&manager(
                service, address, routes,
            )))),
        }],
        ..FilterChain::default()
    }
}

/// Configuration comes over the same ADS stream.
pub(crate) fn ads() -> ConfigSource {
    ConfigSource {
        resource_api_version: ApiVersion::V3 as i32,
        config_source_specifier: Some(
            ConfigSourceSpecifier::Ads(AggregatedConfigSource::default()),
        ),
        ..ConfigSource::default()
    }
}

fn manager(service: &str, address: &str, routes: &str) -> HttpConnectionManager {
    let on = || Some(BoolValue { value: true });
    HttpConnectionManager {
        stat_prefix: name::statistics(service),
        server_name: "Kuma Gateway".to_owned(),
        route_specifier: Some(RouteSpecifier::Rds(Rds {
            config_source: Some(ads()),
            route_config_name: routes.to_owned(),
        })),
        http_filters: filters(),
        normalize_path: on(),
        merge_slashes: true,
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::UnescapeAndRedirect as i32,
        use_remote_address: on(),
        request_headers_timeout: wire::millis(500),
        stream_idle_timeout: wire::millis(5_000),
        common_http_protocol_options: Some(HttpProtocolOptions {
            idle_timeout: wire::millis(300_000),
            headers_with_underscores_action: HeadersWithUnderscoresAction::RejectRequest as i32,
            ..HttpProtocolOptions::default()
        }),
        http2_protocol_options: Some(Http2ProtocolOptions {
            max_concurrent_streams: wire::number(100),
            initial_stream_window_size: wire::number(STREAM_WINDOW),
            initial_connection_window_size: wire::number(CONNECTION_WINDOW),
            allow_connect: true,
            ..Http2ProtocolOptions::default()
        }),
        internal_address_config: Some(internal(address)),
        upgrade_configs: vec![UpgradeConfig {
            upgrade_type: "websocket".to_owned(),
            ..UpgradeConfig::default()
        }],
        ..HttpConnectionManager::default()
    }
}

fn internal(address: &str) -> InternalAddressConfig {
    let v6: &[_] = if address.contains(':') {
        &INTERNAL_V6
    } else {
        &[]
    };
    let ranges = INTERNAL_V4
        .iter()
        .chain(v6)
        .map(|(prefix, length)| CidrRange {
            address_prefix: (*prefix).to_owned(),
            prefix_len: wire::number(*length),
        });
    InternalAddressConfig {
        cidr_ranges: ranges.collect(),
        ..InternalAddressConfig::default()
    }
}

/// The HTTP filters, in their order: policies put theirs before the router.
fn filters() -> Vec<HttpFilter> {
    let filter = |name: &str, config: Any| HttpFilter {
        name: name.to_owned(),
        config_type: Some(ConfigType::TypedConfig(config)),
        ..HttpFilter::default()
    };
    // Inert unless a route has a bucket of its own.
    let rate_limit = LocalRateLimit {
        stat_prefix: "rate_limit".to_owned(),
        ..LocalRateLimit::default()
    };
    let compressor = Compressor {
        compressor_library: Some(TypedExtensionConfig {
            name: "gzip".to_owned(),
            typed_config: Some(wire::any(&Gzip::default())),
        }),
        response_direction_config: Some(ResponseDirectionConfig {
            disable_on_etag_header: true,
            ..ResponseDirectionConfig::default()
        }),
        ..Compressor::default()
    };
    vec![
        filter("envoy.filters.http.local_ratelimit", wire::any(&rate_limit)),
        filter("gzip-compress", wire::any(&compressor)),
        filter("envoy.filters.http.router", wire::any(&Router::default())),
    ]
}
