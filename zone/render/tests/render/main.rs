//! What a gateway's Envoy gets, seen from outside: golden files, Kuma's own cases, the real Envoy, properties.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests; clippy's own setting covers #[test] functions only"
)]

mod conformance;
mod envoy;
mod golden;
mod hostile;
mod properties;
mod renderer;
mod support;
