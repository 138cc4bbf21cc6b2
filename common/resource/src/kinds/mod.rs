//! A kind a file.

#[cfg(test)]
mod checks;
mod config;
mod dataplane;
mod global_secret;
mod mesh;
mod mesh_gateway;
mod mesh_gateway_route;
mod secret;
mod zone;

pub use config::Config;
pub use dataplane::Dataplane;
pub use global_secret::GlobalSecret;
pub use mesh::Mesh;
pub use mesh_gateway::MeshGateway;
pub use mesh_gateway_route::MeshGatewayRoute;
pub use secret::Secret;
pub use zone::Zone;
