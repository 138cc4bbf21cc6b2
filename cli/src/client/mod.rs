//! The client of the REST API: which node to ask, when to ask another one, and what the answers mean.
//!
//! Never sends a request twice that may have been done and is not idempotent.

mod api;
mod error;
mod problem;
mod receipts;
mod rest;
mod retry;
mod wire;

#[cfg(test)]
mod tests;

pub use api::{Applied, Outcome};
pub use error::ClientError;
pub use problem::{Parameter, Problem};
pub use rest::Client;

pub(crate) use wire::{Broken, Call, Wire};
