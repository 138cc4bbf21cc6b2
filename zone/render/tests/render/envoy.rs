//! The real Envoy takes what is rendered, without a word about deprecated fields.

use std::path::Path;
use std::process::Command;

use torii_render::Parts;

use crate::support::{bootstrap, envoy, golden_inputs, golden_resources, rendered, resources};

/// Asks Envoy to validate a configuration.
pub(crate) fn assert_accepted(envoy: &Path, what: &str, parts: &Parts) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bootstrap.json");
    std::fs::write(&file, bootstrap(parts).to_string()).unwrap();
    let output = Command::new(envoy)
        .args(["--mode", "validate", "--log-level", "warning", "-c"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: Envoy refuses it: {said}");
    assert!(!said.contains("deprecated"), "{what}: {said}");
}

#[test]
fn every_golden_file_is_accepted_by_envoy() {
    let Some(envoy) = envoy() else { return };
    for (name, input) in golden_inputs() {
        assert_accepted(
            &envoy,
            &name,
            &rendered(&golden_resources(&input), "gw").parts,
        );
    }
}

/// Envoy knows each operator that is left alone in header values, and nothing else in them upsets it.
#[test]
fn header_values_with_operators_and_percent_signs_are_accepted_by_envoy() {
    let Some(envoy) = envoy() else { return };
    let plain = "BYTES_RECEIVED BYTES_SENT CONNECTION_ID CONNECTION_TERMINATION_DETAILS \
        DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_PORT \
        DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_REMOTE_PORT \
        DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT DOWNSTREAM_LOCAL_SUBJECT \
        DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_FINGERPRINT_256 \
        DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_URI_SAN \
        DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT DOWNSTREAM_TLS_CIPHER \
        DOWNSTREAM_TLS_SESSION_ID DOWNSTREAM_TLS_VERSION DOWNSTREAM_TRANSPORT_FAILURE_REASON DURATION HOSTNAME \
        PROTOCOL REQUESTED_SERVER_NAME RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_FLAGS ROUTE_NAME START_TIME \
        STREAM_ID UPSTREAM_CLUSTER UPSTREAM_HOST UPSTREAM_LOCAL_ADDRESS UPSTREAM_PROTOCOL UPSTREAM_REMOTE_ADDRESS \
        UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_PORT UPSTREAM_TRANSPORT_FAILURE_REASON \
        VIRTUAL_CLUSTER_NAME";
    let with = "DYNAMIC_METADATA ENVIRONMENT FILTER_STATE QUERY_PARAM REQ RESP TRAILER";
    let operators = plain
        .split_whitespace()
        .map(|name| format!("%{name}%"))
        .chain(
            with.split_whitespace()
                .flat_map(|name| [format!("%{name}(a)%"), format!("%{name}(a):3%")]),
        );
    let others = [
        "100%",
        "%",
        "%NO%",
        "%REQ()%",
        "%REQ(",
        "%REQ(a",
        "%REQ(a)",
        "%REQ(a):%",
        "%START_TIME(%Y)%",
        "%%",
        "%REQ(a?b)%",
    ];
    let mut filters = String::new();
    for (i, value) in operators.chain(others.map(str::to_owned)).enumerate() {
        filters += &format!("        - {{name: X-{i}, value: '{value}'}}\n");
    }
    let input = format!(
        "{GATEWAY}---\n{ROUTE}      filters:\n      - requestHeader:\n          set:\n{filters}      - responseHeader:\n          add:\n{filters}"
    )
    .replace("        - {name", "          - {name");
    let rendered = rendered(&golden_resources(&input), "gw");
    assert!(rendered.errors.is_empty(), "{:?}", rendered.errors);
    assert_accepted(&envoy, "operators", &rendered.parts);
}

pub(crate) const GATEWAY: &str = "type: MeshGateway
name: edge
selectors: [{match: {kuma.io/service: edge-gateway}}]
conf: {listeners: [{port: 8080, protocol: HTTP}]}
";
const ROUTE: &str = "type: MeshGatewayRoute
name: route
selectors: [{match: {kuma.io/service: edge-gateway}}]
conf:
  http:
    rules:
    - matches: [{path: {match: PREFIX, value: /}}]
      backends: [{destination: {kuma.io/service: blue}}]
";

#[test]
fn a_gateway_on_ipv6_is_accepted_by_envoy() {
    let Some(envoy) = envoy() else { return };
    let dataplane = "type: Dataplane
name: six
networking: {address: '::1', gateway: {type: BUILTIN, tags: {kuma.io/service: edge-gateway}}}
";
    let (all, unknown) = resources(&format!("{GATEWAY}\n---\n{ROUTE}\n---\n{dataplane}"));
    assert!(unknown.is_empty());
    assert_accepted(&envoy, "ipv6", &rendered(&all, "six").parts);
}
