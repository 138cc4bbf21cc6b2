//! Names of the store's metrics, and the one place that records them.

use std::time::Duration;

use torii_resource::Revision;

/// Histogram: seconds from a proposal to its application on the node that proposed it.
pub const COMMIT_SECONDS: &str = "torii_store_commit_seconds";
/// Histogram: seconds that one write and sync of the log took on the disk thread.
pub const SYNC_SECONDS: &str = "torii_store_sync_seconds";
/// Gauge: revision that this node has applied.
pub const APPLIED_REVISION: &str = "torii_store_applied_revision";
/// Gauge: open watches of the change feed.
pub const WATCHERS: &str = "torii_store_watchers";

pub(crate) fn committed(took: Duration) {
    metrics::histogram!(COMMIT_SECONDS).record(took.as_secs_f64());
}

pub(crate) fn synced(took: Duration) {
    metrics::histogram!(SYNC_SECONDS).record(took.as_secs_f64());
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; revisions stay far below 2^53"
)]
pub(crate) fn applied(revision: Revision) {
    metrics::gauge!(APPLIED_REVISION).set(revision.0 as f64);
}

pub(crate) fn watchers_changed(by: f64) {
    metrics::gauge!(WATCHERS).increment(by);
}
