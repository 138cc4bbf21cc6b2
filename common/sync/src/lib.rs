//! The delta protocol, both ends: pure sender and receiver machines, Kuma's dialect, and one async pump.
//!
//! [`sender`] and [`receiver`] are machines: an event goes in, actions come out; they know no socket, clock or store.
//! [`guard`] decides whether a zone follows what a global says, [`scope`] which resource concerns whom and how it looks
//! on the wire, [`kuma`] turns both into Kuma's messages, [`pump`] drives a machine over a tonic stream. Servers,
//! clients and stores are not here.

pub mod entry;
pub mod guard;
pub mod held;
pub mod kuma;
pub mod pump;
pub mod receiver;
pub mod scope;
pub mod sender;
pub mod version;

pub use entry::{Entry, WireKey};
pub use version::{Mark, Nonces, PROGRESS, ResourceVersion};
