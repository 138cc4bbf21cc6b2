//! Kuma's rules for a TrafficRoute (policies §4.9): where requests go. What of a request is matched and changed is in
//! `http`.

use torii_proto::kuma::mesh::v1alpha1::TrafficRoute as Spec;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::load_balancer::LbType;
use torii_proto::kuma::mesh::v1alpha1::traffic_route::{LoadBalancer, Split};

use super::http;
use crate::rules::{CANNOT_BE_EMPTY, TagRules, check_connection, check_tags};
use crate::tags::Tags;
use crate::violation::Violations;

const HASH_FUNCTIONS: [&str; 2] = ["XX_HASH", "MURMUR_HASH_2"];

pub(super) fn check(spec: &Spec) -> Violations {
    let mut violations = Violations::new();
    check_connection(&spec.sources, &spec.destinations, &mut violations);
    let Some(conf) = &spec.conf else {
        violations.add("conf", CANNOT_BE_EMPTY);
        return violations;
    };
    check_target("conf", &conf.split, &conf.destination, &mut violations);
    if let Some(balancer) = &conf.load_balancer {
        check_balancer(balancer, &mut violations);
    }
    for (index, entry) in conf.http.iter().enumerate() {
        http::check(&format!("conf.http[{index}]"), entry, &mut violations);
    }
    violations
}

/// Exactly one of the two.
pub(super) fn check_target(
    path: &str,
    split: &[Split],
    destination: &Tags,
    violations: &mut Violations,
) {
    match (split.is_empty(), destination.is_empty()) {
        (true, true) => violations.add(path, "requires either \"destination\" or \"split\""),
        (false, false) => violations.add(
            path,
            "\"split\" cannot be defined at the same time as \"destination\"",
        ),
        (false, true) => check_split(&format!("{path}.split"), split, violations),
        (true, false) => check_tags(
            &format!("{path}.destination"),
            destination,
            TagRules::SERVICE_SELECTOR,
            violations,
        ),
    }
}

fn check_split(path: &str, split: &[Split], violations: &mut Violations) {
    for (index, entry) in split.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if entry.weight.is_none() {
            violations.add(format!("{path}.weight"), "needs to be defined");
        }
        check_tags(
            &format!("{path}.destination"),
            &entry.destination,
            TagRules::SERVICE_SELECTOR,
            violations,
        );
    }
    if split.iter().all(|entry| entry.weight.unwrap_or(0) == 0) {
        violations.add(
            path,
            "there must be at least one split entry with weight above 0",
        );
    }
}

fn check_balancer(balancer: &LoadBalancer, violations: &mut Violations) {
    if let Some(LbType::RingHash(ring)) = &balancer.lb_type
        && !HASH_FUNCTIONS.contains(&ring.hash_function.as_str())
    {
        violations.add(
            "conf.loadBalancer.ringHash.hashFunction",
            format!("must be one of {}", HASH_FUNCTIONS.join(", ")),
        );
    }
}
