//! Wire contracts: Kuma's resources and KDS, Torii's own peer and status services, and Envoy's API.
//!
//! Generated code and descriptors only; no logic and no hand-made message types.

pub mod descriptor;
pub mod envoy;
pub mod kuma;
pub mod torii;
