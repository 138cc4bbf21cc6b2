//! xDS for data plane proxies: the aggregated discovery service, delta first, state of the world for clients that ask it.
//!
//! [`Session`] decides: what a proxy gets, in which order, what waits for what, what is rejected and left alone. It is
//! pure: an [`Event`] goes in, [`Action`]s come out. [`AdsServer`] is the thin tonic shell around it, [`Reports`] is
//! where the rest of the zone reads how far each proxy is. Who may connect and what a proxy shall hold come in through
//! [`Admission`]: this crate knows no tokens, no store and no generators.

mod delta;
mod message;
pub mod metrics;
mod report;
mod server;
mod session;
mod sotw;
mod stream;

pub use message::{
    Action, Answer, Desired, Event, ProxyEvent, Rejection, Request, Response, Standing,
};
pub use report::{ProxyKey, ProxyReporter, ProxyStatus, Reports};
pub use server::{Admission, AdsServer, FirstRequest, ProxyStream};
pub use session::{DEFAULT_HOLD, Dialect, Session};
