//! The REST API against a real single-node store, called without a socket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "everything here is a test"
)]

mod batch;
mod crud;
mod input;
mod owners;
mod pages;
mod replay;
mod rig;
mod rights;
mod tokens;
mod watch;
