//! TrafficLog: which log backend of the Mesh gets a line for every request or connection.

use torii_proto::kuma::mesh::v1alpha1::{Selector, TrafficLog as Spec};

use crate::kind::{Context, Descriptor, Kind};
use crate::policy::ConnectionPolicy;
use crate::rules::check_connection;
use crate::violation::Violations;

/// The kind `TrafficLog`.
#[derive(Clone, Copy, Debug)]
pub struct TrafficLog;

impl Kind for TrafficLog {
    type Spec = Spec;

    const DESCRIPTOR: Descriptor = Descriptor::policy(
        "TrafficLog",
        "traffic-logs",
        &["traffic-log"],
        "kuma.mesh.v1alpha1.TrafficLog",
    );

    /// The selectors alone: an unknown backend means no log (policies §4.10).
    fn validate(spec: &Self::Spec, _context: &Context<'_>) -> Violations {
        let mut violations = Violations::new();
        check_connection(&spec.sources, &spec.destinations, &mut violations);
        violations
    }
}

impl ConnectionPolicy for TrafficLog {
    fn sources(spec: &Spec) -> &[Selector] {
        &spec.sources
    }

    fn destinations(spec: &Spec) -> &[Selector] {
        &spec.destinations
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::checks::kuma;

    #[test]
    fn destinations_have_a_service_and_nothing_else() {
        let log = |selectors: &str| format!("type: TrafficLog\nname: l\n{selectors}");
        assert!(
            kuma(&log(
                "sources: [{match: {kuma.io/service: a, v: '1'}}]\ndestinations: [{match: {kuma.io/service: '*'}}]"
            ))
            .is_empty()
        );
        assert_eq!(
            kuma(&log(
                "sources: [{match: {v: '1'}}]\ndestinations: [{match: {kuma.io/service: a, v: '1'}}, {}]"
            )),
            [
                "sources[0].match: mandatory tag \"kuma.io/service\" is missing",
                "destinations[0].match: must consist of exactly one tag \"kuma.io/service\"",
                "destinations[0].match[\"v\"]: tag \"v\" is not allowed",
                "destinations[1].match: must have at least one tag",
                "destinations[1].match: must consist of exactly one tag \"kuma.io/service\"",
                "destinations[1].match: mandatory tag \"kuma.io/service\" is missing",
            ]
        );
    }
}
