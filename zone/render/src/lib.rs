//! From a mesh view to Envoy resources: one pure function per kind of proxy.
//!
//! PURE: no I/O, no clock, no randomness, no unordered maps: the same view gives the same bytes. What goes wrong in
//! one listener or route is reported in [`Rendered::errors`] and leaves the rest serving. Sessions, order and warming
//! are not here: a proxy's [`Parts`] say by name what depends on what.

mod gateway;
mod json;
mod part;
mod proxy;
mod report;
mod wire;

pub use json::{ConfigDocument, PrivateKeys};
pub use part::{Part, PartError, Parts, Rendered, TypeUrl, Version, XdsMessage};
pub use proxy::gateway::render_gateway;
pub use proxy::renderer::Renderer;
