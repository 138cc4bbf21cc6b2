//! What every process needs before it does anything of its own: supervised tasks, shutdown, readiness, the clock,
//! backoff, and servers that end in time.
//!
//! Knows nothing of gateways, zones or resources, and depends on no other crate of the workspace.

pub mod backoff;
pub mod bind;
pub mod clock;
mod connection;
pub mod ready;
pub mod serve;
pub mod settings;
pub mod shutdown;
pub mod task;

pub use backoff::Backoff;
pub use bind::{BindError, bind};
pub use ready::{Blocker, Readiness};
pub use serve::{PeerInfo, ServeOptions, serve_plain, serve_tls};
pub use shutdown::{Reason, Shutdown};
pub use task::{OnCancel, OnError, Rule, Tasks};
