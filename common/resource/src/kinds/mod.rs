//! A kind a file.

#[cfg(test)]
mod checks;
mod circuit_breaker;
mod config;
mod dataplane;
mod external_service;
mod fault_injection;
mod global_secret;
mod health_check;
mod mesh;
mod mesh_gateway;
mod mesh_gateway_route;
mod proxy_template;
mod rate_limit;
mod retry;
mod secret;
mod timeout;
mod traffic_log;
mod traffic_permission;
mod traffic_route;
mod traffic_trace;
mod virtual_outbound;
mod zone;

pub use circuit_breaker::CircuitBreaker;
pub use config::Config;
pub use dataplane::Dataplane;
pub use external_service::ExternalService;
pub use fault_injection::FaultInjection;
pub use global_secret::GlobalSecret;
pub use health_check::HealthCheck;
pub use mesh::Mesh;
pub use mesh_gateway::MeshGateway;
pub use mesh_gateway_route::MeshGatewayRoute;
pub use proxy_template::ProxyTemplate;
pub use rate_limit::RateLimit;
pub use retry::Retry;
pub use secret::Secret;
pub use timeout::Timeout;
pub use traffic_log::TrafficLog;
pub use traffic_permission::TrafficPermission;
pub use traffic_route::TrafficRoute;
pub use traffic_trace::TrafficTrace;
pub use virtual_outbound::VirtualOutbound;
pub use zone::Zone;
