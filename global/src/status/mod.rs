//! What zones and their Envoys last told: soft state, never in the log, resent by its zone after every reconnect.

pub(crate) mod receipt;
pub(crate) mod share;
pub(crate) mod soft;
