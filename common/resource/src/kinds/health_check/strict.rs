//! What Kuma stores of a HealthCheck although Envoy refuses it (policies §4.4).

use torii_proto::kuma::mesh::v1alpha1::HealthCheck as Spec;
use torii_proto::kuma::mesh::v1alpha1::health_check::conf::{Http, Tcp};

use crate::rules::{CANNOT_BE_EMPTY, envoy_duration, envoy_header, is_zero};
use crate::violation::Violations;

/// Most headers that Envoy adds to a probe.
const MAX_HEADERS: usize = 1_000;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let Some(conf) = &spec.conf else {
        return violations;
    };
    for (field, duration) in [
        ("conf.interval", &conf.interval),
        ("conf.timeout", &conf.timeout),
        ("conf.initialJitter", &conf.initial_jitter),
        ("conf.intervalJitter", &conf.interval_jitter),
        ("conf.noTrafficInterval", &conf.no_traffic_interval),
    ] {
        // Zero is Kuma's own rule.
        let duration = duration.as_ref().filter(|duration| !is_zero(duration));
        envoy_duration(field, duration, 1, &mut violations);
    }
    if let Some(tcp) = &conf.tcp {
        check_tcp(tcp, &mut violations);
    }
    if let Some(http) = &conf.http {
        check_http(http, &mut violations);
    }
    violations
}

fn check_tcp(tcp: &Tcp, violations: &mut Violations) {
    if tcp.send.as_ref().is_some_and(Vec::is_empty) {
        violations.add("conf.tcp.send", CANNOT_BE_EMPTY);
    }
    for (index, _) in tcp
        .receive
        .iter()
        .enumerate()
        .filter(|(_, bytes)| bytes.is_empty())
    {
        violations.add(format!("conf.tcp.receive[{index}]"), CANNOT_BE_EMPTY);
    }
}

fn check_http(http: &Http, violations: &mut Violations) {
    if http
        .path
        .bytes()
        .any(|b| b.is_ascii_control() && b != b'\t')
    {
        violations.add("conf.http.path", "must not have control characters");
    }
    if http.request_headers_to_add.len() > MAX_HEADERS {
        violations.add(
            "conf.http.requestHeadersToAdd",
            format!("must have at most {MAX_HEADERS} headers"),
        );
    }
    for (index, entry) in http.request_headers_to_add.iter().enumerate() {
        if let Some(header) = &entry.header {
            let path = format!("conf.http.requestHeadersToAdd[{index}].header");
            envoy_header(
                format!("{path}.key"),
                &header.key,
                format!("{path}.value"),
                &header.value,
                violations,
            );
        }
    }
}
