//! One file per kind of proxy: from its view to all of its parts.
//!
//! A file here says which parts there are and in which order they are made, never what is in them.

pub(crate) mod gateway;
pub(crate) mod renderer;
