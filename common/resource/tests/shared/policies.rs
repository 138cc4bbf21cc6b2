//! A spec of each source/destination policy with every field set, as JSON.

use serde_json::{Value, json};

/// These kinds.
pub(crate) const KINDS: [&str; 13] = [
    "CircuitBreaker",
    "ExternalService",
    "FaultInjection",
    "HealthCheck",
    "ProxyTemplate",
    "RateLimit",
    "Retry",
    "Timeout",
    "TrafficLog",
    "TrafficPermission",
    "TrafficRoute",
    "TrafficTrace",
    "VirtualOutbound",
];

pub(crate) fn example(kind: &str) -> Value {
    let conf = match kind {
        "ExternalService" => return external_service(),
        "ProxyTemplate" => return proxy_template(),
        "CircuitBreaker" => circuit_breaker(),
        "FaultInjection" => json!({
            "delay": {"percentage": 50.5, "value": "5s"},
            "abort": {"percentage": 0, "httpStatus": 500},
            "responseBandwidth": {"percentage": 100, "limit": "50 mbps"}}),
        "HealthCheck" => health_check(),
        "RateLimit" => json!({"http": {"requests": 5, "interval": "0.050s", "onRateLimit":
            {"status": 423, "headers": [{"key": "a", "value": "b", "append": false}, {"key": "c", "value": "d"}]}}}),
        "Retry" => retry(),
        "Timeout" => json!({"connectTimeout": "0.300s", "tcp": {"idleTimeout": "3600s"},
            "http": {"requestTimeout": "15s", "idleTimeout": "1s", "streamIdleTimeout": "0s", "maxStreamDuration": "2s"},
            "grpc": {"streamIdleTimeout": "3s", "maxStreamDuration": "4s"}}),
        "TrafficLog" | "TrafficTrace" => json!({"backend": "file"}),
        "TrafficPermission" => Value::Null,
        "TrafficRoute" => traffic_route(),
        "VirtualOutbound" => json!({"host": "{{.service}}.mesh", "port": "{{.port}}",
            "parameters": [{"name": "service", "tagKey": "kuma.io/service"}, {"name": "port"}]}),
        other => panic!("give {other} an example here"),
    };
    let selectors = json!([{"match": {"kuma.io/service": "edge", "b": "1", "a": "*"}}, {}]);
    let mut spec = match kind {
        "TrafficTrace" | "VirtualOutbound" => json!({"selectors": selectors}),
        _ => json!({"sources": selectors, "destinations": [{"match": {"kuma.io/service": "*"}}]}),
    };
    if conf != Value::Null {
        spec["conf"] = conf;
    }
    spec
}

fn external_service() -> Value {
    json!({"networking": {"address": "httpbin.example.com:443", "disableHostDNSEntry": true, "tls": {
            "enabled": true, "caCert": {"inline": "c2VjcmV0AP8="}, "clientCert": {"inlineString": "cert"},
            "clientKey": {"secret": "key"}, "allowRenegotiation": false, "serverName": "a.com"}},
        "tags": {"kuma.io/service": "ext", "kuma.io/protocol": "http", "a": "b"}})
}

fn circuit_breaker() -> Value {
    json!({"interval": "5s", "baseEjectionTime": "30s", "maxEjectionPercent": 0, "splitExternalAndLocalErrors": true,
        "detectors": {"totalErrors": {"consecutive": 20}, "gatewayErrors": {}, "localErrors": {"consecutive": 0},
            "standardDeviation": {"requestVolume": 10, "minimumHosts": 5, "factor": 1.9},
            "failure": {"requestVolume": 10, "minimumHosts": 5, "threshold": 85}},
        "thresholds": {"maxConnections": 1, "maxPendingRequests": 2, "maxRetries": 0, "maxRequests": 4}})
}

fn health_check() -> Value {
    json!({"interval": "10s", "timeout": "2s", "unhealthyThreshold": 3, "healthyThreshold": 1,
        "tcp": {"send": "Zm9v", "receive": ["YmFy", ""]},
        "http": {"path": "/", "requestHeadersToAdd": [{"header": {"key": "a", "value": "b"}, "append": false}, {}],
            "expectedStatuses": [200, 201]},
        "initialJitter": "1s", "intervalJitter": "0.001s", "intervalJitterPercent": 10, "healthyPanicThreshold": 0.1,
        "failTrafficOnPanic": false, "eventLogPath": "/tmp/log", "alwaysLogHealthCheckFailures": true,
        "noTrafficInterval": "60s", "reuseConnection": false})
}

fn retry() -> Value {
    json!({"http": {"numRetries": 0, "perTryTimeout": "0.200s", "backOff": {"baseInterval": "0.025s", "maxInterval": "1s"},
            "retriableStatusCodes": [503, 504], "retriableMethods": ["GET", "NONE"],
            "retryOn": ["all_5xx", "gateway_error", "reset", "connect_failure", "envoy_ratelimited", "retriable_4xx",
                "refused_stream", "retriable_status_codes", "retriable_headers", "http3_post_connect_failure"]},
        "tcp": {"maxConnectAttempts": 3},
        "grpc": {"retryOn": ["cancelled", "deadline_exceeded", "internal", "resource_exhausted", "unavailable"],
            "numRetries": 1, "perTryTimeout": "1s", "backOff": {}}})
}

fn traffic_route() -> Value {
    json!({"split": [{"weight": 0, "destination": {"kuma.io/service": "a", "v": "1"}}, {"destination": {"b": "2", "a": "1"}}],
        "loadBalancer": {"ringHash": {"hashFunction": "XX_HASH", "minRingSize": "1", "maxRingSize": "18446744073709551615"}},
        "destination": {"kuma.io/service": "*"},
        "http": [{"match": {"method": {"exact": ""}, "path": {"prefix": "/"}, "headers": {"b": {"regex": "a+"}, "a": {"exact": "1"}}},
            "modify": {"path": {"regex": {"pattern": "a", "substitution": "b"}}, "host": {"fromPath": {"pattern": "a", "substitution": "b"}},
                "requestHeaders": {"add": [{"name": "a", "value": "b", "append": true}, {"name": "c", "value": "d"}], "remove": [{"name": "x"}]},
                "responseHeaders": {}},
            "split": [{"weight": 1, "destination": {"kuma.io/service": "a"}}]},
            {"modify": {"path": {"rewritePrefix": "/x"}, "host": {"value": "a.com"}}, "destination": {"kuma.io/service": "a"}}]})
}

fn proxy_template() -> Value {
    let listener = json!({"origin": "gateway", "name": "f", "listenerName": "l", "listenerTags": {"b": "1", "a": "2"}});
    json!({"selectors": [{}], "conf": {"imports": ["gateway-proxy"],
        "resources": [{"name": "a", "version": "v1", "resource": "name: a\n# as written\n"}],
        "modifications": [
            {"cluster": {"match": {"origin": "gateway", "name": "c"}, "operation": "patch", "value": "connectTimeout: 5s\n"}},
            {"listener": {"match": {"origin": "gateway", "name": "l", "tags": {"b": "1", "a": "2"}}, "operation": "remove"}},
            {"networkFilter": {"match": listener, "operation": "addFirst", "value": "{}"}},
            {"httpFilter": {"match": listener, "operation": "addBefore", "value": "name: x"}},
            {"virtualHost": {"match": {"origin": "gateway", "name": "v", "routeConfigurationName": "r"}, "operation": "add"}},
            {"cluster": {}},
            {}]}})
}
