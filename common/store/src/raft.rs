//! Adapters between openraft and our log, state machine and network. They translate; they do not decide.

pub(crate) mod durable;
pub(crate) mod log;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod snapshot;
pub(crate) mod types;

#[cfg(test)]
mod tests;
