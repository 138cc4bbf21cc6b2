//! Zones: who may come in, and the streams of each one that did.

mod accept;
mod encode;
mod ingest;
mod roster;
mod server;
mod session;

pub(crate) use encode::Encoder;
pub(crate) use roster::Roster;
pub(crate) use server::{Zones, router};
