//! Resources as the index holds them: decoded once, at the door, and reduced to what generators read.
//!
//! Not here: how they are found (index), and what Envoy gets.

mod dataplane;
mod gateway;
mod route;
mod service;

use std::fmt;

pub use dataplane::GatewayProxy;
pub(crate) use dataplane::{Dataplane, Inbound};
pub use gateway::Gateway;
pub use route::Route;
pub use service::{Endpoint, Service};

/// A proxy of the zone: the key of its Dataplane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyId {
    /// Mesh of the Dataplane.
    pub mesh: String,
    /// Name of the Dataplane.
    pub name: String,
}

impl fmt::Display for ProxyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mesh, self.name)
    }
}
