//! Fault injection for tests: what networks and machines do to Torii, done on purpose.
//!
//! No product code depends on this crate, and it knows nothing of Torii's protocols.

pub mod proxy;

pub use proxy::{Fault, FaultProxy};
