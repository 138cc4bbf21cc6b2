//! The tables of `re2` against a real Envoy: what we take it takes, what we refuse it refuses (or we say why not).

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use torii_resource::re2;

/// Refused by us on purpose although Envoy takes it.
const STRICTER: [&str; 1] = ["(?P<n>x)(?P<n>y)"];

#[allow(clippy::disallowed_methods, reason = "the test looks for a program")]
fn envoy() -> Option<PathBuf> {
    let names = std::env::var_os("TORII_ENVOY")
        .map(PathBuf::from)
        .into_iter();
    let on_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        .map(|folder| folder.join("envoy"));
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.envoy/bin/envoy");
    let found = names
        .chain(on_path)
        .chain([own])
        .find(|path| path.is_file());
    if found.is_none() {
        let required = std::env::var("TORII_REQUIRE").is_ok_and(|names| names.contains("envoy"));
        assert!(!required, "TORII_REQUIRE names envoy, but there is none");
        println!("skipped: no envoy");
    }
    found
}

/// A bootstrap with a route for each pattern and Kuma's program size limit.
fn bootstrap(patterns: &[&str]) -> Value {
    let routes: Vec<_> = patterns
        .iter()
        .map(|pattern| json!({"match": {"safe_regex": {"regex": pattern}}, "direct_response": {"status": 200}}))
        .collect();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "x",
        "route_config": {"virtual_hosts": [{"name": "x", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "router", "typed_config":
            {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]});
    json!({
        "layered_runtime": {"layers": [{"name": "kuma", "static_layer":
            {"re2.max_program_size.error_level": 4_294_967_295_u32}}]},
        "static_resources": {"listeners": [{
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}]}]}})
}

fn accepts(envoy: &Path, patterns: &[&str]) -> Result<(), String> {
    let output = Command::new(envoy)
        .args([
            "--mode",
            "validate",
            "--log-level",
            "error",
            "--config-yaml",
        ])
        .arg(bootstrap(patterns).to_string())
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn envoy_takes_what_we_take() {
    let Some(envoy) = envoy() else { return };
    let patterns: Vec<_> = include_str!("../src/re2/accepted.txt").lines().collect();
    assert_eq!(accepts(&envoy, &patterns), Ok(()));
}

#[test]
fn envoy_refuses_what_we_refuse() {
    let Some(envoy) = envoy() else { return };
    for pattern in include_str!("../src/re2/refused.txt").lines() {
        let taken = accepts(&envoy, &[pattern]).is_ok();
        assert_eq!(taken, STRICTER.contains(&pattern), "{pattern}");
        assert!(re2::check(pattern).is_err());
    }
}
