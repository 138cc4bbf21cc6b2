//! TrafficTrace: which tracing backend of the Mesh gets the spans of a proxy.

use torii_proto::kuma::mesh::v1alpha1::{Selector, TrafficTrace as Spec};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ProxyPolicy;
use crate::rules::{TagRules, check_selector_list};
use crate::violation::Violations;

/// The kind `TrafficTrace`.
#[derive(Clone, Copy, Debug)]
pub struct TrafficTrace;

impl Kind for TrafficTrace {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "TrafficTrace",
        "traffic-traces",
        &["traffic-trace"],
        "kuma.mesh.v1alpha1.TrafficTrace",
    );

    /// The selectors alone: an unknown backend means no tracing (policies §4.11).
    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        let mut violations = Violations::new();
        check_selector_list(
            "selectors",
            &spec.selectors,
            TagRules::SELECTOR,
            &mut violations,
        );
        violations
    }
}

impl ProxyPolicy for TrafficTrace {
    fn selectors(spec: &Spec) -> &[Selector] {
        &spec.selectors
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::checks::kuma;

    #[test]
    fn a_selector_of_any_tags_is_needed() {
        assert!(
            kuma("type: TrafficTrace\nname: t\nselectors: [{match: {version: '1'}}]").is_empty()
        );
        assert_eq!(
            kuma("type: TrafficTrace\nname: t\nconf: {backend: b}"),
            ["selectors: must have at least one element"]
        );
    }
}
