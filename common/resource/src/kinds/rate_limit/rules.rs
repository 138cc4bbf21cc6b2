//! Kuma's rules for a RateLimit (policies §4.6), and what Envoy refuses beyond them.

use torii_proto::envoy::r#type::v3::StatusCode;
use torii_proto::kuma::mesh::v1alpha1::RateLimit as Spec;
use torii_proto::kuma::mesh::v1alpha1::rate_limit::conf::Http;

use crate::rules::{CANNOT_BE_EMPTY, TagRules, check_selector_list, envoy_duration, envoy_header};
use crate::violation::Violations;

/// Envoy refills no bucket more often, in milliseconds (gateway-xds §11.2).
const MIN_INTERVAL: u32 = 50;
/// Most headers that Envoy adds to its answer.
const MAX_HEADERS: usize = 10;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    check_selector_list(
        "sources",
        &spec.sources,
        TagRules::SELECTOR,
        &mut violations,
    );
    check_selector_list(
        "destinations",
        &spec.destinations,
        TagRules::SELECTOR,
        &mut violations,
    );
    match &spec.conf {
        None => violations.add("conf", "must have conf"),
        Some(conf) => {
            if let Some(http) = &conf.http {
                check_http(http, &mut violations);
            }
        }
    }
    violations
}

fn check_http(http: &Http, violations: &mut Violations) {
    if http.requests == 0 {
        violations.add("conf.http.requests", "requests must be set");
    }
    if http.interval.is_none() {
        violations.add("conf.http.interval", "interval must be set");
    }
    let headers = http.on_rate_limit.iter().flat_map(|on| &on.headers);
    for (index, header) in headers.enumerate() {
        // Not the JSON name: Kuma's path.
        let path = format!("conf.http.onRateLimit.header[\"{index}\"]");
        if header.key.is_empty() {
            violations.add(path.as_str(), format!("key {CANNOT_BE_EMPTY}"));
        }
        if header.value.is_empty() {
            violations.add(path, format!("value {CANNOT_BE_EMPTY}"));
        }
    }
}

pub(super) fn check_strict(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let Some(http) = spec.conf.as_ref().and_then(|conf| conf.http.as_ref()) else {
        return violations;
    };
    envoy_duration(
        "conf.http.interval",
        http.interval.as_ref(),
        MIN_INTERVAL,
        &mut violations,
    );
    let Some(on) = &http.on_rate_limit else {
        return violations;
    };
    // Zero is "not set".
    if on.status.is_some_and(|status| !is_envoy_status(status)) {
        violations.add(
            "conf.http.onRateLimit.status",
            "must be an HTTP status that Envoy knows, e.g. 429",
        );
    }
    if on.headers.len() > MAX_HEADERS {
        violations.add(
            "conf.http.onRateLimit.headers",
            format!("must have at most {MAX_HEADERS} headers"),
        );
    }
    for (index, header) in on.headers.iter().enumerate() {
        let path = format!("conf.http.onRateLimit.headers[{index}]");
        envoy_header(
            format!("{path}.key"),
            &header.key,
            format!("{path}.value"),
            &header.value,
            &mut violations,
        );
    }
    violations
}

fn is_envoy_status(status: u32) -> bool {
    i32::try_from(status).is_ok_and(|status| StatusCode::try_from(status).is_ok())
}
