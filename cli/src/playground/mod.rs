//! A whole site on one machine, as real processes of the `torii` binary: a global, zones, gateways, applications.
//!
//! For the demo, end-to-end tests and benchmarks. Every process has a loopback address of its own; nothing outlives the
//! [`Site`].

mod error;
mod guard;
mod layout;
mod options;
mod probe;
mod resources;
mod server;
mod site;
mod start;
mod wait;

pub use error::SiteError;
pub use layout::Layout;
pub use options::{Options, Watcher};
pub use probe::{Answer, Probe};
pub use resources::{gateway, route, route_with_header};
pub use server::Server;
pub use site::{Site, ZoneSite};
pub use wait::wait_until;
