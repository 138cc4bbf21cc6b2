//! What a process tells about itself: logs, metrics, and the diagnostics port.
//!
//! Holds no rules of the product and never a secret: a token, key or secret may not be a field of a log line or a
//! label of a metric.

pub mod diagnostics;
pub mod log;
pub mod metrics;
mod process;

pub use log::{Format, LogError};
pub use metrics::{Description, Metrics, MetricsError, Type};
