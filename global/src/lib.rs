//! The replicated global control plane: first start, REST, KDS sessions, what zones report, and the nodes among each
//! other.
//!
//! Renders nothing and knows nothing of the zone crates: what passes between them is in `torii-proto` and `torii-sync`.

pub mod config;
mod first;
pub mod folder;
pub mod init;
mod metrics;
mod peers;
mod ports;
mod routes;
mod start;
mod status;
mod zones;

pub use init::{InitError, Operator, init};
pub use start::{StartError, run};
