//! A real Envoy against the ADS server: start, changes under load, rejections; and what Envoy itself does with the delta
//! protocol while clusters warm, which the session relies on.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod backend;
mod config;
mod gateway;
mod process;
mod warming;
