//! Kuma's rules for a HealthCheck (policies §4.4).

use torii_proto::kuma::mesh::v1alpha1::HealthCheck as Spec;
use torii_proto::kuma::mesh::v1alpha1::health_check::Conf;
use torii_proto::kuma::mesh::v1alpha1::health_check::conf::Http;

use crate::rules::{CANNOT_BE_EMPTY, check_connection, positive_duration, required_duration};
use crate::violation::Violations;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    check_connection(&spec.sources, &spec.destinations, &mut violations);
    match &spec.conf {
        None => violations.add("conf", CANNOT_BE_EMPTY),
        Some(conf) => check_conf(conf, &mut violations),
    }
    violations
}

fn check_conf(conf: &Conf, violations: &mut Violations) {
    required_duration("conf.interval", conf.interval.as_ref(), violations);
    required_duration("conf.timeout", conf.timeout.as_ref(), violations);
    for (field, threshold) in [
        ("conf.unhealthyThreshold", conf.unhealthy_threshold),
        ("conf.healthyThreshold", conf.healthy_threshold),
    ] {
        if threshold == 0 {
            violations.add(field, "must have a positive value");
        }
    }
    for (field, duration) in [
        ("conf.initialJitter", &conf.initial_jitter),
        ("conf.intervalJitter", &conf.interval_jitter),
        ("conf.noTrafficInterval", &conf.no_traffic_interval),
    ] {
        positive_duration(field, duration.as_ref(), violations);
    }
    if conf
        .healthy_panic_threshold
        .is_some_and(|percent| !(0.0..=100.0).contains(&percent))
    {
        violations.add(
            "conf.healthyPanicThreshold",
            "must be in range [0.0 - 100.0]",
        );
    }
    if let Some(http) = &conf.http {
        check_http(http, violations);
    }
    if conf.tcp.is_some() && conf.http.is_some() {
        violations.add("conf", "http and tcp cannot be defined at the same time");
    }
}

fn check_http(http: &Http, violations: &mut Violations) {
    if http.path.is_empty() {
        violations.add("conf.http.path", CANNOT_BE_EMPTY);
    }
    for (index, status) in http.expected_statuses.iter().enumerate() {
        if !(100..600).contains(status) {
            violations.add(
                format!("conf.http.expectedStatuses[{index}]"),
                "must be in range [100, 600)",
            );
        }
    }
    for (index, entry) in http.request_headers_to_add.iter().enumerate() {
        let path = format!("conf.http.requestHeadersToAdd[{index}].header");
        match &entry.header {
            None => violations.add(path, CANNOT_BE_EMPTY),
            Some(header) if header.key.is_empty() => {
                violations.add(format!("{path}.key"), CANNOT_BE_EMPTY);
            }
            Some(_) => {}
        }
    }
}
