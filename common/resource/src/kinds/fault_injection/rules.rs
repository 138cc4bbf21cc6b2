//! Kuma's rules for a FaultInjection (policies §4.3), and what Envoy refuses beyond them.

use torii_proto::kuma::mesh::v1alpha1::FaultInjection as Spec;
use torii_proto::kuma::mesh::v1alpha1::fault_injection::Conf;
use torii_proto::kuma::mesh::v1alpha1::fault_injection::conf::{Abort, Delay, ResponseBandwidth};

use super::bandwidth;
use crate::rules::{CANNOT_BE_EMPTY, TagRules, check_selector_list, envoy_duration, percentage};
use crate::violation::Violations;

const DESTINATIONS: TagRules<'static> = TagRules {
    protocols: &["http", "http2", "grpc"],
    ..TagRules::SELECTOR
};

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
        DESTINATIONS,
        &mut violations,
    );
    check_conf(spec.conf.as_ref(), &mut violations);
    violations
}

fn check_conf(conf: Option<&Conf>, violations: &mut Violations) {
    let delay = conf.and_then(|conf| conf.delay.as_ref());
    let abort = conf.and_then(|conf| conf.abort.as_ref());
    let bandwidth = conf.and_then(|conf| conf.response_bandwidth.as_ref());
    if delay.is_none_or(|fault| *fault == Delay::default())
        && abort.is_none_or(|fault| *fault == Abort::default())
        && bandwidth.is_none_or(|fault| *fault == ResponseBandwidth::default())
    {
        violations.add("conf", "must have at least one of the faults configured");
    }
    if let Some(delay) = delay {
        percentage("conf.delay.percentage", delay.percentage, violations);
        if delay.value.is_none() {
            violations.add("conf.delay.value", CANNOT_BE_EMPTY);
        }
    }
    if let Some(abort) = abort {
        percentage("conf.abort.percentage", abort.percentage, violations);
        match abort.http_status {
            None => violations.add("conf.abort.httpStatus", CANNOT_BE_EMPTY),
            Some(status) if !has_phrase(status) => {
                violations.add("conf.abort.httpStatus", "http status code is incorrect");
            }
            Some(_) => {}
        }
    }
    if let Some(bandwidth) = bandwidth {
        percentage(
            "conf.responseBandwidth.percentage",
            bandwidth.percentage,
            violations,
        );
        match &bandwidth.limit {
            None => violations.add("conf.responseBandwidth.limit", CANNOT_BE_EMPTY),
            Some(limit) if !bandwidth::has_unit(limit) => violations.add(
                "conf.responseBandwidth.limit",
                "has to be in kbps/mbps/gbps units",
            ),
            Some(_) => {}
        }
    }
}

/// Statuses for which Go knows a reason phrase.
fn has_phrase(status: u32) -> bool {
    matches!(
        status,
        100..=103
            | 200..=208
            | 226
            | 300..=305
            | 307
            | 308
            | 400..=418
            | 421..=426
            | 428
            | 429
            | 431
            | 451
            | 500..=508
            | 510
            | 511
    )
}

/// Envoy refuses a delay of nothing, statuses below 200, and a limit below 1 kbps.
pub(super) fn check_strict(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    let Some(conf) = &spec.conf else {
        return violations;
    };
    envoy_duration(
        "conf.delay.value",
        conf.delay.as_ref().and_then(|delay| delay.value.as_ref()),
        1,
        &mut violations,
    );
    let status = conf.abort.as_ref().and_then(|abort| abort.http_status);
    if status.is_some_and(|status| has_phrase(status) && status < 200) {
        violations.add(
            "conf.abort.httpStatus",
            "must be 200 or more: the answer of a request ends with it",
        );
    }
    let limit = conf
        .response_bandwidth
        .as_ref()
        .and_then(|bandwidth| bandwidth.limit.as_deref());
    if limit.is_some_and(|limit| {
        bandwidth::has_unit(limit) && bandwidth::kbps(limit).is_none_or(|kbps| kbps == 0)
    }) {
        violations.add(
            "conf.responseBandwidth.limit",
            "must be a whole number above zero and one of kbps, mbps, gbps, e.g. 50 mbps",
        );
    }
    violations
}
