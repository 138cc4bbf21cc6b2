//! The mesh as the zone's generators read it: an index that is changed in place, and immutable views of it.
//!
//! PURE: no I/O, no clock, no store. Resources come in as changes ([`Index::apply`]), the answer says which builtin
//! gateways may need new configuration ([`Touched`]), and [`Index::view`] gives everything that a generator reads for
//! one of them. Envoy is not known here.

mod index;
mod model;
mod protocol;
pub mod select;
mod view;

pub use index::{Index, Problem, Touched};
pub use model::{Endpoint, Gateway, GatewayProxy, ProxyId, Route, Service};
pub use protocol::Protocol;
pub use view::{GatewayView, ListenerView};
