//! Names and units of the global's metrics, and the only places that record them.

use std::time::Duration;

use torii_telemetry::metrics::{Description, Type};

const ZONE_STORED: &str = "torii_global_zone_stored_seconds";
const ZONE_REJECTIONS: &str = "torii_global_zone_rejections_total";
const UNAUTHENTICATED_ZONES: &str = "torii_global_unauthenticated_zones";

/// Every metric of this crate.
pub(crate) const DESCRIPTIONS: &[Description] = &[
    Description::new(
        ZONE_STORED,
        Type::Histogram,
        "From the change feed of this node to the zone's word that it has stored the revision.",
    ),
    Description::new(
        ZONE_REJECTIONS,
        Type::Counter,
        "Responses that a zone refused, by kind.",
    ),
    Description::new(
        UNAUTHENTICATED_ZONES,
        Type::Gauge,
        "Zone names that the operator admits without a token.",
    ),
];

/// A zone has stored a revision.
pub(crate) fn stored_in_zone(after: Duration) {
    metrics::histogram!(ZONE_STORED).record(after);
}

/// A zone refused resources of a kind.
pub(crate) fn rejected(kind: &str) {
    metrics::counter!(ZONE_REJECTIONS, "kind" => kind.to_owned()).increment(1);
}

/// How many names the operator admits without a token.
pub(crate) fn unauthenticated_zones(count: usize) {
    metrics::gauge!(UNAUTHENTICATED_ZONES).set(count as f64);
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_follow_the_rules() {
        assert_eq!(
            torii_telemetry::metrics::name_problems(super::DESCRIPTIONS),
            Vec::<String>::new()
        );
    }
}
