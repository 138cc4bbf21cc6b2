//! The `torii` program: starts the planes, talks to their REST API, runs Envoy, and plays a whole site on one machine.
//!
//! Holds no rules of its own: what a resource may say is judged by `torii_resource` and by the control planes. Data goes
//! to standard output, everything else to standard error.

mod args;
pub mod client;
mod commands;
pub mod context;
pub mod dataplane;
mod error;
pub mod offline;
mod output;
pub mod playground;
pub mod process;
mod span;
mod start;
#[cfg(test)]
mod testing;

pub use error::{Exit, Failure};
pub use span::{Span, SpanError};
pub use start::main;
