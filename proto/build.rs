//! Compiles the one list of `.proto` files with protox: no `protoc` is needed on the machine.

use std::path::{Path, PathBuf};

use prost::Message as _;

const MESSAGES: &[&str] = &[
    "kuma/mesh/v1alpha1/circuit_breaker.proto",
    "kuma/mesh/v1alpha1/dataplane.proto",
    "kuma/mesh/v1alpha1/external_service.proto",
    "kuma/mesh/v1alpha1/fault_injection.proto",
    "kuma/mesh/v1alpha1/gateway.proto",
    "kuma/mesh/v1alpha1/gateway_route.proto",
    "kuma/mesh/v1alpha1/health_check.proto",
    "kuma/mesh/v1alpha1/kds.proto",
    "kuma/mesh/v1alpha1/mesh.proto",
    "kuma/mesh/v1alpha1/metrics.proto",
    "kuma/mesh/v1alpha1/proxy_template.proto",
    "kuma/mesh/v1alpha1/rate_limit.proto",
    "kuma/mesh/v1alpha1/retry.proto",
    "kuma/mesh/v1alpha1/selector.proto",
    "kuma/mesh/v1alpha1/timeout.proto",
    "kuma/mesh/v1alpha1/traffic_log.proto",
    "kuma/mesh/v1alpha1/traffic_permission.proto",
    "kuma/mesh/v1alpha1/traffic_route.proto",
    "kuma/mesh/v1alpha1/traffic_trace.proto",
    "kuma/mesh/v1alpha1/virtual_outbound.proto",
    "kuma/system/v1alpha1/config.proto",
    "kuma/system/v1alpha1/datasource.proto",
    "kuma/system/v1alpha1/secret.proto",
    "kuma/system/v1alpha1/zone.proto",
    "torii/peer/v1/raft.proto",
    "torii/status/v1/status.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for proto in MESSAGES {
        println!("cargo::rerun-if-changed={proto}");
    }
    let descriptors = protox::compile(MESSAGES, ["."])?;
    std::fs::write(
        out.join("torii.descriptors.bin"),
        descriptors.encode_to_vec(),
    )?;

    let mut config = prost_build::Config::new();
    // Ordered maps: the same message always has the same bytes (kds §1.5).
    config.btree_map(["."]);
    tonic_prost_build::configure()
        .out_dir(&out)
        .compile_fds_with_config(descriptors, config)?;
    sync_service(&out);
    Ok(())
}

/// Kuma's sync service speaks Envoy's delta messages, which `envoy-types` generates: its stubs are made from this
/// description instead of a `.proto` that would have to import Envoy's API.
fn sync_service(out: &Path) {
    const REQUEST: &str = "envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest";
    const RESPONSE: &str = "envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryResponse";
    let method = |name: &str, route: &str, input: &str, output: &str| {
        tonic_build::manual::Method::builder()
            .name(name)
            .route_name(route)
            .input_type(input)
            .output_type(output)
            .codec_path("tonic_prost::ProstCodec")
            .client_streaming()
            .server_streaming()
            .build()
    };
    let service = tonic_build::manual::Service::builder()
        .name("KDSSyncService")
        .package("kuma.mesh.v1alpha1")
        .method(method(
            "global_to_zone_sync",
            "GlobalToZoneSync",
            REQUEST,
            RESPONSE,
        ))
        .method(method(
            "zone_to_global_sync",
            "ZoneToGlobalSync",
            RESPONSE,
            REQUEST,
        ))
        .build();
    tonic_build::manual::Builder::new()
        .out_dir(out)
        .compile(&[service]);
}
