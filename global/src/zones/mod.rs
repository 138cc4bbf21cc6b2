//! Zones: who may come in, and the streams of each one that did.

mod accept;
mod down;
mod encode;
mod ingest;
mod reports;
mod retries;
mod roster;
mod server;
mod session;
mod timing;
mod up;

pub(crate) use encode::Encoder;
pub(crate) use roster::Roster;
pub(crate) use server::{Zones, router};
