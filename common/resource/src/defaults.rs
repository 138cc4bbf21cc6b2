//! The policies that every new Mesh gets (resources §4.2). Who writes them, and when, is the global's business.

use bytes::Bytes;
use prost::Message as _;
use prost_types::Duration;
use torii_proto::kuma::mesh::v1alpha1::circuit_breaker::conf::Thresholds;
use torii_proto::kuma::mesh::v1alpha1::retry::conf::{BackOff, Grpc, Http as RetryHttp, Tcp};
use torii_proto::kuma::mesh::v1alpha1::timeout::conf::{Http as TimeoutHttp, Tcp as TimeoutTcp};
use torii_proto::kuma::mesh::v1alpha1::traffic_route::LoadBalancer;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::load_balancer::{LbType, RoundRobin};
use torii_proto::kuma::mesh::v1alpha1::{self as kuma, Selector};

use crate::kind::Kind;
use crate::kinds::{CircuitBreaker, Retry, Timeout, TrafficPermission, TrafficRoute};
use crate::meta::ResourceKey;
use crate::tags::{ANY, SERVICE, Tags};

/// In `skipCreatingInitialPolicies`: none at all.
const SKIP_ALL: &str = "*";

/// The policies of a new mesh, without those whose type name is in `skip` (`skipCreatingInitialPolicies`; `*` = none at
/// all), as keys and encoded specs in order of kind. An object that already exists is left alone by who writes them.
pub fn default_policies(mesh: &str, skip: &[String]) -> Vec<(ResourceKey, Bytes)> {
    let all = [
        policy::<CircuitBreaker>("circuit-breaker-all", mesh, &circuit_breaker()),
        policy::<Retry>("retry-all", mesh, &retry()),
        policy::<Timeout>("timeout-all", mesh, &timeout()),
        policy::<TrafficPermission>("allow-all", mesh, &traffic_permission()),
        policy::<TrafficRoute>("route-all", mesh, &traffic_route()),
    ];
    all.into_iter()
        .filter(|(key, _)| {
            !skip
                .iter()
                .any(|name| name == SKIP_ALL || name == key.kind.as_str())
        })
        .collect()
}

fn policy<K: Kind>(prefix: &str, mesh: &str, spec: &K::Spec) -> (ResourceKey, Bytes) {
    (
        ResourceKey::of::<K>(mesh, &format!("{prefix}-{mesh}")),
        spec.encode_to_vec().into(),
    )
}

fn any_service() -> Tags {
    Tags::from([(SERVICE.to_owned(), ANY.to_owned())])
}

fn everything() -> Vec<Selector> {
    vec![Selector {
        r#match: any_service(),
    }]
}

const fn seconds(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

const fn milliseconds(milliseconds: i32) -> Option<Duration> {
    Some(Duration {
        seconds: 0,
        nanos: milliseconds * 1_000_000,
    })
}

fn traffic_permission() -> kuma::TrafficPermission {
    kuma::TrafficPermission {
        sources: everything(),
        destinations: everything(),
    }
}

fn traffic_route() -> kuma::TrafficRoute {
    kuma::TrafficRoute {
        sources: everything(),
        destinations: everything(),
        conf: Some(kuma::traffic_route::Conf {
            destination: any_service(),
            load_balancer: Some(LoadBalancer {
                lb_type: Some(LbType::RoundRobin(RoundRobin {})),
            }),
            ..kuma::traffic_route::Conf::default()
        }),
    }
}

fn timeout() -> kuma::Timeout {
    kuma::Timeout {
        sources: everything(),
        destinations: everything(),
        conf: Some(kuma::timeout::Conf {
            connect_timeout: seconds(5),
            tcp: Some(TimeoutTcp {
                idle_timeout: seconds(3_600),
            }),
            http: Some(TimeoutHttp {
                request_timeout: seconds(15),
                idle_timeout: seconds(3_600),
                stream_idle_timeout: seconds(1_800),
                max_stream_duration: None,
            }),
            grpc: None,
        }),
    }
}

fn circuit_breaker() -> kuma::CircuitBreaker {
    kuma::CircuitBreaker {
        sources: everything(),
        destinations: everything(),
        conf: Some(kuma::circuit_breaker::Conf {
            thresholds: Some(Thresholds {
                max_connections: Some(1_024),
                max_pending_requests: Some(1_024),
                max_retries: Some(3),
                max_requests: Some(1_024),
            }),
            ..kuma::circuit_breaker::Conf::default()
        }),
    }
}

fn retry() -> kuma::Retry {
    let back_off = BackOff {
        base_interval: milliseconds(25),
        max_interval: milliseconds(250),
    };
    kuma::Retry {
        sources: everything(),
        destinations: everything(),
        conf: Some(kuma::retry::Conf {
            http: Some(RetryHttp {
                num_retries: Some(5),
                per_try_timeout: seconds(16),
                back_off: Some(back_off),
                ..RetryHttp::default()
            }),
            tcp: Some(Tcp {
                max_connect_attempts: 5,
            }),
            grpc: Some(Grpc {
                num_retries: Some(5),
                per_try_timeout: seconds(16),
                back_off: Some(back_off),
                ..Grpc::default()
            }),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::format::proto_json;
    use crate::kind::{Context, Mode};
    use crate::registry;

    fn names(skip: &[&str]) -> Vec<String> {
        let skip: Vec<String> = skip.iter().map(|name| (*name).to_owned()).collect();
        default_policies("m", &skip)
            .into_iter()
            .map(|(key, _)| key.to_string())
            .collect()
    }

    #[test]
    fn a_mesh_gets_five_policies_unless_they_are_skipped_by_type() {
        assert_eq!(
            names(&[]),
            [
                "CircuitBreaker m/circuit-breaker-all-m",
                "Retry m/retry-all-m",
                "Timeout m/timeout-all-m",
                "TrafficPermission m/allow-all-m",
                "TrafficRoute m/route-all-m",
            ]
        );
        assert_eq!(
            names(&["Retry", "TrafficRoute", "allow-all-m"]),
            [
                "CircuitBreaker m/circuit-breaker-all-m",
                "Timeout m/timeout-all-m",
                "TrafficPermission m/allow-all-m",
            ]
        );
        assert!(names(&["*"]).is_empty() && names(&["Retry", "*"]).is_empty());
    }

    #[test]
    fn their_contents_are_those_of_kuma_and_valid() {
        let all = json!([{"match": {"kuma.io/service": "*"}}]);
        let section = json!({"numRetries": 5, "perTryTimeout": "16s",
            "backOff": {"baseInterval": "0.025s", "maxInterval": "0.250s"}});
        let confs = [
            json!({"thresholds": {"maxConnections": 1024, "maxPendingRequests": 1024, "maxRetries": 3, "maxRequests": 1024}}),
            json!({"http": section, "tcp": {"maxConnectAttempts": 5}, "grpc": section}),
            json!({"connectTimeout": "5s", "tcp": {"idleTimeout": "3600s"},
                "http": {"requestTimeout": "15s", "idleTimeout": "3600s", "streamIdleTimeout": "1800s"}}),
            Value::Null,
            json!({"loadBalancer": {"roundRobin": {}}, "destination": {"kuma.io/service": "*"}}),
        ];
        for ((key, spec), conf) in default_policies("m", &[]).into_iter().zip(confs) {
            let kind = registry::by_name(key.kind.as_str()).unwrap();
            let mut expected = json!({"sources": all, "destinations": all});
            if conf != Value::Null {
                expected["conf"] = conf;
            }
            let json = proto_json::encode(kind.descriptor.message, &spec).unwrap();
            assert_eq!(Value::Object(json), expected, "{key}");
            let context = Context {
                mode: &Mode::Global,
                mesh: &key.mesh,
                name: &key.name,
                create: true,
            };
            assert!(kind.validate(&spec, &context).unwrap().is_empty(), "{key}");
            assert!(
                kind.validate_strict(&spec, &context).unwrap().is_empty(),
                "{key}"
            );
            assert_eq!(kind.normalize(&spec).unwrap(), spec, "{key}");
        }
    }
}
