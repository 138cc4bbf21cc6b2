//! The bootstrap document. PURE: request and settings in, Envoy's bootstrap as protobuf JSON out.
//!
//! Every extension in it is one that `kuma-dp` links as well: it decodes the document before Envoy does
//! (control-plane-api §11.3).

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::request::Request;

/// What the document needs beside the request.
#[derive(Clone, Debug)]
pub(crate) struct Settings<'a> {
    /// Host by which the proxy reaches the zone.
    pub(crate) xds_host: &'a str,
    /// Port of ADS.
    pub(crate) xds_port: u16,
    /// Service of the proxy.
    pub(crate) service: &'a str,
    /// Whether it is a builtin gateway.
    pub(crate) gateway: bool,
    /// Envoy's admin port; 0 = no admin interface.
    pub(crate) admin_port: u32,
    pub(crate) trusted_ca_base64: &'a str,
}

/// Most downstream connections of a gateway Envoy (gateway-xds §0.5).
const MAX_DOWNSTREAM_CONNECTIONS: &str = "50000";
const ADMIN_ADDRESS: &str = "127.0.0.1";
const HTTP_OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Builds the document (control-plane-api §11.5, gateway-xds §0.5).
pub(crate) fn document(request: &Request, settings: &Settings<'_>) -> Value {
    let mut document = json!({
        "node": {
            "id": format!("{}.{}", request.mesh, request.name),
            "cluster": settings.service,
            "metadata": metadata(request, settings),
        },
        "layeredRuntime": { "layers": layers(settings.gateway) },
        "dynamicResources": {
            "adsConfig": {
                "apiType": if request.delta() { "DELTA_GRPC" } else { "GRPC" },
                "transportApiVersion": "V3",
                "setNodeOnFirstMessageOnly": true,
                "grpcServices": [ads_service(&request.dataplane_token)],
            },
            "cdsConfig": { "ads": {}, "initialFetchTimeout": "0s", "resourceApiVersion": "V3" },
            "ldsConfig": { "ads": {}, "initialFetchTimeout": "0s", "resourceApiVersion": "V3" },
        },
        "staticResources": {
            "secrets": [validation_context(settings)],
            "clusters": [access_log_sink(request), ads_cluster(settings)],
        },
        "defaultRegexEngine": {
            "name": "envoy.regex_engines.google_re2",
            "typedConfig": { "@type": "type.googleapis.com/envoy.extensions.regex_engines.v3.GoogleRE2" },
        },
    });
    if settings.admin_port != 0 {
        document["admin"] = admin(settings.admin_port);
    }
    if settings.gateway {
        document["overloadManager"] = overload_manager(request.resources.max_heap_size_bytes);
    } else {
        // Not for gateways: each of these regexes is tried on every statistic of every new cluster, which costs Envoy's
        // main thread some 20 ms per cluster (docs/decisions/004-no-stats-tags-on-gateways.md).
        document["statsConfig"] = json!({ "statsTags": stats_tags() });
    }
    document
}

fn admin(port: u32) -> Value {
    json!({
        "accessLog": [{
            "name": "envoy.access_loggers.file",
            "typedConfig": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": "/dev/null",
            },
        }],
        "address": { "socketAddress": { "address": ADMIN_ADDRESS, "portValue": port } },
    })
}

fn ads_service(token: &str) -> Value {
    let mut service = json!({ "envoyGrpc": { "clusterName": "ads_cluster" } });
    if !token.is_empty() {
        service["initialMetadata"] = json!([{ "key": "authorization", "value": token }]);
    }
    service
}

fn layers(gateway: bool) -> Value {
    let mut layers = vec![json!({
        "name": "kuma",
        "staticLayer": {
            "re2.max_program_size.error_level": 4_294_967_295_u32,
            "re2.max_program_size.warn_level": 1000,
        },
    })];
    if gateway {
        layers.push(json!({
            "name": "gateway.listeners",
            "rtdsLayer": {
                "name": "gateway.listeners",
                "rtdsConfig": { "ads": {}, "resourceApiVersion": "V3" },
            },
        }));
    }
    Value::Array(layers)
}

fn stats_tags() -> Value {
    const TAGS: [(&str, &str); 6] = [
        ("name", r"^grpc\.((.+)\.)"),
        ("status", r"^grpc.*streams_closed(_([0-9]+))"),
        ("kafka_name", r"^kafka(\.(\S*[0-9]))\."),
        ("kafka_type", r"^kafka\..*\.(.*?(?=_duration|$))"),
        ("worker", r"(worker_([0-9]+)\.)"),
        ("listener", r"((.+?)\.)rbac\."),
    ];
    TAGS.iter()
        .map(|(name, regex)| json!({ "tagName": name, "regex": regex }))
        .collect()
}

fn validation_context(settings: &Settings<'_>) -> Value {
    let matcher =
        |kind: &str| json!({ "sanType": kind, "matcher": { "exact": settings.xds_host } });
    json!({
        "name": "cp_validation_ctx",
        "validationContext": {
            "trustedCa": { "inlineBytes": settings.trusted_ca_base64 },
            "matchTypedSubjectAltNames": [matcher("DNS"), matcher("IP_ADDRESS")],
        },
    })
}

fn static_cluster(name: &str, kind: &str, address: &Value) -> Value {
    json!({
        "name": name,
        "type": kind,
        "connectTimeout": "1s",
        "typedExtensionProtocolOptions": {
            HTTP_OPTIONS: {
                "@type": format!("type.googleapis.com/{HTTP_OPTIONS}"),
                "explicitHttpConfig": { "http2ProtocolOptions": {} },
            },
        },
        "upstreamConnectionOptions": {
            "tcpKeepalive": { "keepaliveProbes": 3, "keepaliveTime": 10, "keepaliveInterval": 10 },
        },
        "loadAssignment": {
            "clusterName": name,
            "endpoints": [{ "lbEndpoints": [{ "endpoint": { "address": address } }] }],
        },
    })
}

fn access_log_sink(request: &Request) -> Value {
    let path = if request.access_log_socket_path.is_empty() {
        let folder = if request.workdir.is_empty() {
            "/tmp"
        } else {
            &request.workdir
        };
        // The part before `.sock` is cut at 98 characters: a socket path must stay below 108 (control-plane-api §11.2).
        let stem: String = format!("{folder}/kuma-al-{}-{}", request.name, request.mesh)
            .chars()
            .take(98)
            .collect();
        format!("{stem}.sock")
    } else {
        request.access_log_socket_path.clone()
    };
    static_cluster(
        "access_log_sink",
        "STATIC",
        &json!({ "pipe": { "path": path } }),
    )
}

fn ads_cluster(settings: &Settings<'_>) -> Value {
    let kind = if settings.xds_host.parse::<IpAddr>().is_ok() {
        "STATIC"
    } else {
        "STRICT_DNS"
    };
    let address = json!({ "socketAddress": { "address": settings.xds_host, "portValue": settings.xds_port } });
    let mut cluster = static_cluster("ads_cluster", kind, &address);
    cluster["transportSocket"] = json!({
        "name": "envoy.transport_sockets.tls",
        "typedConfig": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": settings.xds_host,
            "commonTlsContext": {
                "tlsParams": { "tlsMinimumProtocolVersion": "TLSv1_2" },
                "validationContextSdsSecretConfig": { "name": "cp_validation_ctx" },
            },
        },
    });
    cluster
}

fn overload_manager(max_heap_size_bytes: u64) -> Value {
    let mut monitors = vec![json!({
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typedConfig": {
            "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            "maxActiveDownstreamConnections": MAX_DOWNSTREAM_CONNECTIONS,
        },
    })];
    let mut actions = Vec::new();
    if max_heap_size_bytes > 0 {
        monitors.push(json!({
            "name": "envoy.resource_monitors.fixed_heap",
            "typedConfig": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                "maxHeapSizeBytes": max_heap_size_bytes.to_string(),
            },
        }));
        let action = |name: &str, threshold: f64| {
            json!({
                "name": format!("envoy.overload_actions.{name}"),
                "triggers": [{ "name": "envoy.resource_monitors.fixed_heap", "threshold": { "value": threshold } }],
            })
        };
        actions.push(action("shrink_heap", 0.95));
        actions.push(action("stop_accepting_requests", 0.98));
    }
    let mut manager = json!({ "refreshInterval": "0.250s", "resourceMonitors": monitors });
    if !actions.is_empty() {
        manager["actions"] = Value::Array(actions);
    }
    manager
}

/// Node metadata (control-plane-api §11.6): dots are parts of flat keys, ports are strings.
fn metadata(request: &Request, settings: &Settings<'_>) -> Value {
    let mut metadata = Map::new();
    let mut put = |key: &str, value: Value| metadata.insert(key.to_owned(), value);
    if settings.admin_port != 0 {
        put(
            "dataplane.admin.port",
            settings.admin_port.to_string().into(),
        );
        put("dataplane.admin.address", ADMIN_ADDRESS.into());
    }
    put("dataplane.proxyType", "dataplane".into());
    if request.dns_port != 0 {
        put("dataplane.dns.port", request.dns_port.to_string().into());
    }
    if request.readiness_port != 0 {
        put(
            "dataplane.readinessReporter.port",
            request.readiness_port.to_string().into(),
        );
    }
    if !request.dataplane_resource.is_empty() {
        put(
            "dataplane.resource",
            request.dataplane_resource.clone().into(),
        );
    }
    if let Some(dynamic) = request
        .dynamic_metadata
        .as_ref()
        .filter(|map| !map.is_empty())
    {
        put("dynamicMetadata", Value::Object(dynamic.clone()));
    }
    if !request.access_log_socket_path.is_empty() {
        put(
            "accessLogSocketPath",
            request.access_log_socket_path.clone().into(),
        );
    }
    if !request.metrics_resources.socket_path.is_empty() {
        put(
            "metricsSocketPath",
            request.metrics_resources.socket_path.clone().into(),
        );
    }
    put(
        "metricsCertPath",
        request.metrics_resources.cert_path.clone().into(),
    );
    put(
        "metricsKeyPath",
        request.metrics_resources.key_path.clone().into(),
    );
    put("systemCaPath", request.system_ca_path.clone().into());
    put("ipv6Enabled", request.ipv6_enabled.into());
    put("workdir", request.workdir.clone().into());
    put("features", json!(request.features));
    if !request.version.is_null() {
        put("version", request.version.clone());
    }
    Value::Object(metadata)
}

#[cfg(test)]
mod tests;
