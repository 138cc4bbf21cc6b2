//! A real Envoy against the ADS server: start, changes under load, rejections; and what Envoy itself does with the delta
//! protocol while clusters warm, which the session relies on.

mod backend;
mod config;
mod gateway;
mod process;
mod warming;
