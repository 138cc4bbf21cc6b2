//! The shell of a zone: it follows a global, keeps a durable copy, and drives the Envoys of its site.
//!
//! Decisions are elsewhere: what a global may do in `torii-sync`, what a gateway is in `torii-mesh`, what Envoy gets in
//! `torii-render`, in which order in `torii-ads`. This crate only connects them.

mod admission;
mod bootstrap;
pub mod config;
mod config_dump;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod identity;
mod local;
mod metrics;
mod ports;
mod regen;
mod report;
mod routes;
mod slots;
mod start;
#[cfg(test)]
mod testing;
mod upstream;

pub use identity::{IdentityError, Operator};
pub use start::{StartError, run};
