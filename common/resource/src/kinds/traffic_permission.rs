//! TrafficPermission: who may talk to whom. Gateways are clients of it, and it opens external services to them.

use torii_proto::kuma::mesh::v1alpha1::{Selector, TrafficPermission as Spec};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::rules::{TagRules, check_selector_list};
use crate::violation::Violations;

/// The kind `TrafficPermission`.
#[derive(Clone, Copy, Debug)]
pub struct TrafficPermission;

impl Kind for TrafficPermission {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "TrafficPermission",
        "traffic-permissions",
        &["traffic-permission"],
        "kuma.mesh.v1alpha1.TrafficPermission",
    );

    /// Any tags on both sides (policies §1.3).
    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
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
        violations
    }
}

impl ConnectionPolicy for TrafficPermission {
    fn sources(spec: &Spec) -> &[Selector] {
        &spec.sources
    }

    fn destinations(spec: &Spec) -> &[Selector] {
        &spec.destinations
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::checks::{kuma, strict};

    #[test]
    fn any_tags_are_allowed_on_both_sides() {
        let yaml = "type: TrafficPermission\nname: p
sources: [{match: {version: '1'}}]
destinations: [{match: {kuma.io/service: a, version: '*'}}]";
        assert!(kuma(yaml).is_empty() && strict(yaml).is_empty());
    }

    #[test]
    fn both_sides_are_needed() {
        assert_eq!(
            kuma("type: TrafficPermission\nname: p\nsources: [{}]"),
            [
                "sources[0].match: must have at least one tag",
                "destinations: must have at least one element",
            ]
        );
    }
}
