//! The builtin gateway: from listeners and routes to Envoy's messages (gateway-xds §1-§4).
//!
//! `listener`, `hosts`, `entry`, `sort` decide; `chain`, `criteria`, `action`, `route`, `cluster`, `endpoint`, `runtime` write messages.
//! Nothing here looks outside of the view.

pub(crate) mod action;
pub(crate) mod chain;
pub(crate) mod cluster;
pub(crate) mod criteria;
pub(crate) mod endpoint;
pub(crate) mod entry;
pub(crate) mod filter;
pub(crate) mod format;
pub(crate) mod hosts;
pub(crate) mod listener;
pub(crate) mod name;
pub(crate) mod route;
pub(crate) mod runtime;
pub(crate) mod sort;
