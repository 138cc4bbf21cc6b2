//! What Kuma stores of a Retry although Envoy refuses it (gateway-xds §11.2).

use prost_types::Duration;
use torii_proto::kuma::mesh::v1alpha1::retry::conf::{BackOff, grpc};
use torii_proto::kuma::mesh::v1alpha1::{HttpMethod, HttpRetryOn, Retry as Spec};

use crate::rules::{envoy_duration, is_zero};
use crate::violation::Violations;

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let Some(conf) = &spec.conf else {
        return violations;
    };
    if let Some(http) = &conf.http {
        check_times(
            "conf.http",
            http.per_try_timeout.as_ref(),
            http.back_off.as_ref(),
            &mut violations,
        );
        for (index, method) in http.retriable_methods.iter().enumerate() {
            if HttpMethod::try_from(*method).is_err() {
                violations.add(
                    format!("conf.http.retriableMethods[{index}]"),
                    "must be the name of an HTTP method, e.g. GET",
                );
            }
        }
        let known = |on| HttpRetryOn::try_from(on).is_ok();
        check_on(
            "conf.http.retryOn",
            &http.retry_on,
            known,
            "gateway_error",
            &mut violations,
        );
    }
    if let Some(grpc) = &conf.grpc {
        check_times(
            "conf.grpc",
            grpc.per_try_timeout.as_ref(),
            grpc.back_off.as_ref(),
            &mut violations,
        );
        let known = |on| grpc::RetryOn::try_from(on).is_ok();
        check_on(
            "conf.grpc.retryOn",
            &grpc.retry_on,
            known,
            "unavailable",
            &mut violations,
        );
    }
    violations
}

fn check_on(
    path: &str,
    list: &[i32],
    known: impl Fn(i32) -> bool,
    example: &str,
    violations: &mut Violations,
) {
    for (index, _) in list.iter().enumerate().filter(|(_, on)| !known(**on)) {
        violations.add(
            format!("{path}[{index}]"),
            format!("must be the name of a condition, e.g. {example}"),
        );
    }
}

/// Zero is Kuma's own rule.
fn check_times(
    path: &str,
    per_try: Option<&Duration>,
    back_off: Option<&BackOff>,
    violations: &mut Violations,
) {
    let nonzero = |duration: Option<Duration>| duration.filter(|duration| !is_zero(duration));
    envoy_duration(
        format!("{path}.perTryTimeout"),
        nonzero(per_try.copied()).as_ref(),
        1,
        violations,
    );
    let base = nonzero(back_off.and_then(|back_off| back_off.base_interval));
    let max = nonzero(back_off.and_then(|back_off| back_off.max_interval));
    envoy_duration(
        format!("{path}.backOff.baseInterval"),
        base.as_ref(),
        1,
        violations,
    );
    envoy_duration(
        format!("{path}.backOff.maxInterval"),
        max.as_ref(),
        1,
        violations,
    );
    if let (Some(base), Some(max)) = (base, max)
        && (max.seconds, max.nanos) < (base.seconds, base.nanos)
    {
        violations.add(
            format!("{path}.backOff.maxInterval"),
            "must not be less than baseInterval",
        );
    }
}
