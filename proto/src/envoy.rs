//! Envoy's API, as `envoy-types` generates it. Note that it has its own `google.protobuf.Any`.

pub use envoy_types::pb::envoy::*;
pub use envoy_types::pb::google;
