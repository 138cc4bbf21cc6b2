//! Timeout: how long connections, requests and streams may take or be silent.

use prost_types::Duration;
use torii_proto::kuma::mesh::v1alpha1::{Selector, Timeout as Spec, timeout::Conf};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::rules::{
    CANNOT_BE_EMPTY, check_connection, envoy_duration, is_zero, positive_duration,
    required_duration,
};
use crate::violation::Violations;

/// The kind `Timeout`.
#[derive(Clone, Copy, Debug)]
pub struct Timeout;

impl Kind for Timeout {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor =
        Descriptor::policy("Timeout", "timeouts", &[], "kuma.mesh.v1alpha1.Timeout");

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        let mut violations = Violations::new();
        check_connection(&spec.sources, &spec.destinations, &mut violations);
        match &spec.conf {
            None => violations.add("conf", CANNOT_BE_EMPTY),
            Some(conf) => check_conf(conf, &mut violations),
        }
        violations
    }

    /// Envoy refuses a connect timeout of zero, and anything negative.
    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        let mut violations = Violations::new();
        let Some(conf) = &spec.conf else {
            return violations;
        };
        envoy_duration(
            "conf.connectTimeout",
            conf.connect_timeout.as_ref(),
            1,
            &mut violations,
        );
        for (field, duration) in others(conf) {
            // Zero is Kuma's own rule where it means nothing, and else "no limit".
            envoy_duration(
                field,
                duration.filter(|duration| !is_zero(duration)),
                1,
                &mut violations,
            );
        }
        violations
    }
}

/// Policies §4.12.
fn check_conf(conf: &Conf, violations: &mut Violations) {
    if let Some(tcp) = &conf.tcp {
        required_duration(
            "conf.tcp.idleTimeout",
            tcp.idle_timeout.as_ref(),
            violations,
        );
    }
    if let Some(http) = &conf.http {
        if http.request_timeout.is_none() && http.idle_timeout.is_none() {
            violations.add(
                "conf.http",
                "at least one timeout in section has to be defined: requestTimeout or idleTimeout",
            );
        }
        positive_duration(
            "conf.http.requestTimeout",
            http.request_timeout.as_ref(),
            violations,
        );
        positive_duration(
            "conf.http.idleTimeout",
            http.idle_timeout.as_ref(),
            violations,
        );
    }
    if let Some(grpc) = &conf.grpc {
        if grpc.stream_idle_timeout.is_none() && grpc.max_stream_duration.is_none() {
            violations.add(
                "conf.grpc",
                "at least one timeout in section has to be defined: streamIdleTimeout or maxStreamDuration",
            );
        }
        positive_duration(
            "conf.grpc.streamIdleTimeout",
            grpc.stream_idle_timeout.as_ref(),
            violations,
        );
        positive_duration(
            "conf.grpc.maxStreamDuration",
            grpc.max_stream_duration.as_ref(),
            violations,
        );
    }
}

/// All durations but the connect timeout, with their paths.
fn others(conf: &Conf) -> [(&'static str, Option<&Duration>); 7] {
    let (tcp, http, grpc) = (conf.tcp.as_ref(), conf.http.as_ref(), conf.grpc.as_ref());
    [
        (
            "conf.tcp.idleTimeout",
            tcp.and_then(|tcp| tcp.idle_timeout.as_ref()),
        ),
        (
            "conf.http.requestTimeout",
            http.and_then(|http| http.request_timeout.as_ref()),
        ),
        (
            "conf.http.idleTimeout",
            http.and_then(|http| http.idle_timeout.as_ref()),
        ),
        (
            "conf.http.streamIdleTimeout",
            http.and_then(|http| http.stream_idle_timeout.as_ref()),
        ),
        (
            "conf.http.maxStreamDuration",
            http.and_then(|http| http.max_stream_duration.as_ref()),
        ),
        (
            "conf.grpc.streamIdleTimeout",
            grpc.and_then(|grpc| grpc.stream_idle_timeout.as_ref()),
        ),
        (
            "conf.grpc.maxStreamDuration",
            grpc.and_then(|grpc| grpc.max_stream_duration.as_ref()),
        ),
    ]
}

impl ConnectionPolicy for Timeout {
    fn sources(spec: &Spec) -> &[Selector] {
        &spec.sources
    }

    fn destinations(spec: &Spec) -> &[Selector] {
        &spec.destinations
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::checks::{kuma, kuma_fields, strict, strict_fields};

    fn conf(conf: &str) -> String {
        format!(
            "type: Timeout\nname: t\nsources: [{{match: {{kuma.io/service: '*'}}}}]
destinations: [{{match: {{kuma.io/service: '*'}}}}]\n{conf}"
        )
    }

    #[test]
    fn a_conf_may_be_empty_or_whole() {
        for good in [
            "conf: {}",
            "conf: {connectTimeout: 3s}",
            "conf: {connectTimeout: 1ms, tcp: {idleTimeout: 1h}, http: {requestTimeout: 15s, idleTimeout: 1h, \
             streamIdleTimeout: 0s, maxStreamDuration: 0s}, grpc: {streamIdleTimeout: 1m, maxStreamDuration: 1m}}",
        ] {
            assert!(kuma(&conf(good)).is_empty(), "{good}");
            assert!(strict(&conf(good)).is_empty(), "{good}");
        }
    }

    #[test]
    fn a_section_needs_a_timeout_of_its_own() {
        assert_eq!(kuma(&conf("")), ["conf: cannot be empty"]);
        assert_eq!(
            kuma_fields(&conf(
                "conf: {tcp: {}, http: {streamIdleTimeout: 1s, maxStreamDuration: 1s}, grpc: {}}"
            )),
            ["conf.tcp.idleTimeout", "conf.http", "conf.grpc"]
        );
        assert_eq!(
            kuma(&conf(
                "conf: {tcp: {idleTimeout: 0s}, http: {requestTimeout: 0s, idleTimeout: 0s}, \
                 grpc: {streamIdleTimeout: 0s, maxStreamDuration: 0s}}"
            )),
            [
                "conf.tcp.idleTimeout: must have a positive value",
                "conf.http.requestTimeout: must have a positive value",
                "conf.http.idleTimeout: must have a positive value",
                "conf.grpc.streamIdleTimeout: must have a positive value",
                "conf.grpc.maxStreamDuration: must have a positive value",
            ]
        );
    }

    #[test]
    fn what_envoy_refuses_is_refused_at_the_door_only() {
        let yaml = conf(
            "conf: {connectTimeout: 0s, tcp: {idleTimeout: -1s}, http: {requestTimeout: 500us, idleTimeout: -1ns}}",
        );
        assert!(kuma(&yaml).is_empty());
        assert_eq!(
            strict_fields(&yaml),
            [
                "conf.connectTimeout",
                "conf.tcp.idleTimeout",
                "conf.http.requestTimeout",
                "conf.http.idleTimeout"
            ]
        );
    }
}
