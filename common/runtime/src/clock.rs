//! The one place that reads the wall clock. Decisions take the time as an argument.

use jiff::Timestamp;

/// The time of this machine, UTC.
pub fn now() -> Timestamp {
    Timestamp::now()
}
