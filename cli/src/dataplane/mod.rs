//! `torii dp run`: from a Dataplane and a token to a running Envoy.
//!
//! Decides nothing about what Envoy serves: it asks the zone for a bootstrap and gets out of the way.

mod bootstrap;
mod envoy;
mod error;
mod fetch;
mod resource;
mod supervise;
mod template;

#[cfg(test)]
mod tests;

pub use envoy::{EnvoyVersion, find_envoy};
pub use error::DataplaneError;

pub(crate) use bootstrap::ProxyRequest;
pub(crate) use envoy::{EnvoyOptions, version};
pub(crate) use fetch::{Fetch, fetch};
pub(crate) use resource::Proxy;
pub(crate) use supervise::{Signals, supervise};
pub(crate) use template::{render, variable};
