//! How nodes of one cluster reach each other: Raft's messages, forwarded writes, questions for the read index.

pub(crate) mod client;
pub mod server;
pub mod transport;

/// Largest message between peers, in bytes. An append is about 1 MiB, or one command of up to 8 MiB.
const MAX_MESSAGE: usize = 64 << 20;
