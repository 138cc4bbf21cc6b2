//! Names and units of the zone's metrics, and the only places that record them.

use std::time::Duration;

use torii_telemetry::metrics::{Description, Type};

const STORED: &str = "torii_zone_stored_seconds";
const RENDERED: &str = "torii_zone_rendered_seconds";
const CONNECTED: &str = "torii_zone_global_connected";
const GUARD: &str = "torii_zone_global_refused";
const REVISION: &str = "torii_zone_global_revision";

/// Every metric of this crate.
pub(crate) const DESCRIPTIONS: &[Description] = &[
    Description::new(
        STORED,
        Type::Histogram,
        "From what the global sent to the durable copy of it.",
    ),
    Description::new(
        RENDERED,
        Type::Histogram,
        "Generation of the configuration of all proxies that a change touched.",
    ),
    Description::new(
        CONNECTED,
        Type::Gauge,
        "1 while the zone follows its global, else 0.",
    ),
    Description::new(
        GUARD,
        Type::Gauge,
        "1 while the zone refuses or holds what its global sends, else 0; status says why.",
    ),
    Description::new(
        REVISION,
        Type::Gauge,
        "Newest revision of the global that the zone has stored.",
    ),
];

/// A transaction of the global is durable.
pub(crate) fn stored(took: Duration) {
    metrics::histogram!(STORED).record(took);
}

/// The proxies that a change touched are rendered.
pub(crate) fn rendered(took: Duration) {
    metrics::histogram!(RENDERED).record(took);
}

/// Whether the zone follows its global.
pub(crate) fn connected(connected: bool) {
    metrics::gauge!(CONNECTED).set(f64::from(u8::from(connected)));
}

/// Whether the guard stands in the way.
pub(crate) fn guarded(guarded: bool) {
    metrics::gauge!(GUARD).set(f64::from(u8::from(guarded)));
}

/// How far the global has been followed.
pub(crate) fn revision(revision: u64) {
    // A gauge is a float; revisions stay far below 2^53.
    metrics::gauge!(REVISION).set(revision as f64);
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
