//! Torii's own services: Raft and status between global nodes, status from zones.

#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications
)]
#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::use_self,
    clippy::default_trait_access
)]

/// `torii.peer.v1`
pub mod peer {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/torii.peer.v1.rs"));
    }
}

/// `torii.status.v1`
pub mod status {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/torii.status.v1.rs"));
    }
}
