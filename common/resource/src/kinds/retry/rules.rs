//! Kuma's rules for a Retry (policies §4.7).

use std::collections::BTreeMap;

use prost_types::Duration;
use torii_proto::kuma::mesh::v1alpha1::retry::conf::{BackOff, Grpc, Http, grpc};
use torii_proto::kuma::mesh::v1alpha1::{HttpMethod, HttpRetryOn, Retry as Spec};

use crate::rules::{CANNOT_BE_EMPTY, check_connection, positive_duration, required_duration};
use crate::violation::Violations;

const GREATER_THAN_ZERO: &str = "has to be greater than 0 when defined";

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    check_connection(&spec.sources, &spec.destinations, &mut violations);
    let Some(conf) = &spec.conf else {
        violations.add("conf", CANNOT_BE_EMPTY);
        return violations;
    };
    if conf.http.is_none() && conf.grpc.is_none() && conf.tcp.is_none() {
        violations.add("conf", "must have at least one of http, grpc, tcp");
        return violations;
    }
    if let Some(http) = &conf.http {
        check_http(http, &mut violations);
    }
    if let Some(grpc) = &conf.grpc {
        check_grpc(grpc, &mut violations);
    }
    if let Some(tcp) = &conf.tcp
        && tcp.max_connect_attempts == 0
    {
        violations.add("conf.tcp.maxConnectAttempts", "has to be greater than 0");
    }
    violations
}

fn check_http(http: &Http, violations: &mut Violations) {
    if *http == Http::default() {
        violations.add("conf.http", CANNOT_BE_EMPTY);
        return;
    }
    check_tries(
        "conf.http",
        http.num_retries,
        http.per_try_timeout.as_ref(),
        http.back_off.as_ref(),
        violations,
    );
    for (index, method) in http.retriable_methods.iter().enumerate() {
        if *method == i32::from(HttpMethod::None) {
            violations.add(
                format!("conf.http.retriableMethods[{index}]"),
                CANNOT_BE_EMPTY,
            );
        }
    }
    for (index, on) in http.retry_on.iter().enumerate() {
        if *on == i32::from(HttpRetryOn::RetriableStatusCodes)
            && http.retriable_status_codes.is_empty()
        {
            violations.add(
                format!("conf.http.retryOn[{index}]"),
                "cannot be used without retriableStatusCodes",
            );
        }
    }
}

fn check_grpc(grpc: &Grpc, violations: &mut Violations) {
    if *grpc == Grpc::default() {
        violations.add("conf.grpc", CANNOT_BE_EMPTY);
        return;
    }
    let mut places: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for (index, on) in grpc.retry_on.iter().enumerate() {
        places.entry(*on).or_default().push(index.to_string());
    }
    let mut repeated: Vec<String> = places
        .iter()
        .filter(|(_, indexes)| indexes.len() > 1)
        .map(|(on, indexes)| {
            let name = grpc::RetryOn::try_from(*on)
                .map_or_else(|_| on.to_string(), |on| on.as_str_name().to_owned());
            format!(
                "repeated value {name:?} at indexes [{}]",
                indexes.join(", ")
            )
        })
        .collect();
    repeated.sort();
    for reason in repeated {
        violations.add("conf.grpc.retryOn", reason);
    }
    check_tries(
        "conf.grpc",
        grpc.num_retries,
        grpc.per_try_timeout.as_ref(),
        grpc.back_off.as_ref(),
        violations,
    );
}

fn check_tries(
    path: &str,
    retries: Option<u32>,
    per_try: Option<&Duration>,
    back_off: Option<&BackOff>,
    violations: &mut Violations,
) {
    if retries == Some(0) {
        violations.add(format!("{path}.numRetries"), GREATER_THAN_ZERO);
    }
    positive_duration(format!("{path}.perTryTimeout"), per_try, violations);
    let Some(back_off) = back_off else {
        return;
    };
    let mut base = Violations::new();
    required_duration(
        format!("{path}.backOff.baseInterval"),
        back_off.base_interval.as_ref(),
        &mut base,
    );
    if base.is_empty() {
        positive_duration(
            format!("{path}.backOff.maxInterval"),
            back_off.max_interval.as_ref(),
            violations,
        );
    }
    violations.extend(base);
}
