//! CircuitBreaker: limits on what goes to a destination, and which of its endpoints are left out after errors.

use torii_proto::kuma::mesh::v1alpha1::circuit_breaker::Conf;
use torii_proto::kuma::mesh::v1alpha1::circuit_breaker::conf::{Detectors, Thresholds};
use torii_proto::kuma::mesh::v1alpha1::{CircuitBreaker as Spec, Selector};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::rules::{CANNOT_BE_EMPTY, check_connection, envoy_duration};
use crate::violation::Violations;

const HUNDRED: &str = "has to be in [0 - 100] range";
/// Envoy takes the factor in thousandths, in 32 bits.
const MAX_FACTOR: f64 = 4_294_967.0;

/// The kind `CircuitBreaker`.
#[derive(Clone, Copy, Debug)]
pub struct CircuitBreaker;

impl Kind for CircuitBreaker {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "CircuitBreaker",
        "circuit-breakers",
        &["circuit-breaker"],
        "kuma.mesh.v1alpha1.CircuitBreaker",
    );

    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        let mut violations = Violations::new();
        check_connection(&spec.sources, &spec.destinations, &mut violations);
        check_conf(spec.conf.as_ref(), &mut violations);
        violations
    }

    fn validate_strict(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        let mut violations = Violations::new();
        let Some(conf) = &spec.conf else {
            return violations;
        };
        envoy_duration("conf.interval", conf.interval.as_ref(), 1, &mut violations);
        envoy_duration(
            "conf.baseEjectionTime",
            conf.base_ejection_time.as_ref(),
            1,
            &mut violations,
        );
        let factor = conf
            .detectors
            .as_ref()
            .and_then(|detectors| detectors.standard_deviation.as_ref())
            .and_then(|deviation| deviation.factor);
        if factor.is_some_and(|factor| !(0.0..=MAX_FACTOR).contains(&factor)) {
            violations.add(
                "conf.detectors.standardDeviation.factor",
                format!("must be from 0 to {MAX_FACTOR}"),
            );
        }
        violations
    }
}

/// Policies §4.1.
fn check_conf(conf: Option<&Conf>, violations: &mut Violations) {
    let detectors = conf.and_then(|conf| conf.detectors.as_ref());
    let thresholds = conf.and_then(|conf| conf.thresholds.as_ref());
    let detected = detectors.is_some_and(has_detector);
    let limited = thresholds.is_some_and(has_number);
    let Some(conf) = conf.filter(|_| detected || limited) else {
        violations.add(
            "conf",
            "must have at least one of the detector or threshold configured",
        );
        return;
    };
    if conf
        .max_ejection_percent
        .is_some_and(|percent| percent > 100)
    {
        violations.add("conf.maxEjectionPercent", HUNDRED);
    }
    if detectors.is_some() && !detected {
        violations.add("conf.detectors", CANNOT_BE_EMPTY);
    }
    let threshold = detectors
        .and_then(|detectors| detectors.failure.as_ref())
        .and_then(|failure| failure.threshold);
    if threshold.is_some_and(|threshold| threshold > 100) {
        violations.add("conf.detectors.failure.threshold", HUNDRED);
    }
    if thresholds.is_some() && !limited {
        violations.add("conf.thresholds", CANNOT_BE_EMPTY);
    }
}

/// An empty detector counts: it has Envoy's defaults.
fn has_detector(detectors: &Detectors) -> bool {
    *detectors != Detectors::default()
}

fn has_number(thresholds: &Thresholds) -> bool {
    *thresholds != Thresholds::default()
}

impl ConnectionPolicy for CircuitBreaker {
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
            "type: CircuitBreaker\nname: c\nsources: [{{match: {{kuma.io/service: '*'}}}}]
destinations: [{{match: {{kuma.io/service: '*'}}}}]\nconf: {conf}"
        )
    }

    #[test]
    fn a_detector_or_a_threshold_is_enough() {
        for good in [
            "{detectors: {totalErrors: {}}}",
            "{thresholds: {maxRetries: 0}}",
            "{interval: 5s, baseEjectionTime: 30s, maxEjectionPercent: 100, splitExternalAndLocalErrors: true, \
             detectors: {totalErrors: {consecutive: 20}, gatewayErrors: {}, localErrors: {}, \
             standardDeviation: {requestVolume: 10, minimumHosts: 5, factor: 1.9}, \
             failure: {requestVolume: 10, minimumHosts: 5, threshold: 85}}, \
             thresholds: {maxConnections: 1, maxPendingRequests: 2, maxRetries: 3, maxRequests: 4}}",
        ] {
            assert!(kuma(&conf(good)).is_empty(), "{good}");
            assert!(strict(&conf(good)).is_empty(), "{good}");
        }
    }

    #[test]
    fn without_either_nothing_else_is_said() {
        for empty in [
            "{}",
            "{maxEjectionPercent: 101}",
            "{detectors: {}, thresholds: {}}",
        ] {
            assert_eq!(
                kuma(&conf(empty)),
                ["conf: must have at least one of the detector or threshold configured"],
                "{empty}"
            );
        }
    }

    #[test]
    fn empty_sections_and_percentages_over_100_are_named() {
        assert_eq!(
            kuma_fields(&conf("{detectors: {}, thresholds: {maxRetries: 1}}")),
            ["conf.detectors"]
        );
        assert_eq!(
            kuma_fields(&conf(
                "{maxEjectionPercent: 101, detectors: {failure: {threshold: 101}}, thresholds: {}}"
            )),
            [
                "conf.maxEjectionPercent",
                "conf.detectors.failure.threshold",
                "conf.thresholds"
            ]
        );
    }

    #[test]
    fn what_envoy_refuses_is_refused_at_the_door_only() {
        let yaml = conf(
            "{interval: 0s, baseEjectionTime: -1s, detectors: {standardDeviation: {factor: -0.1}}}",
        );
        assert!(kuma(&yaml).is_empty());
        assert_eq!(
            strict_fields(&yaml),
            [
                "conf.interval",
                "conf.baseEjectionTime",
                "conf.detectors.standardDeviation.factor"
            ]
        );
    }
}
