//! End to end, with real processes: the binary under test, real Envoys, real connections.
//!
//! Each test starts a site of its own on loopback addresses that nobody else uses. Without an Envoy the tests that need
//! one skip with a word; `TORII_REQUIRE=envoy` turns that into a failure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests, their functions included"
)]

mod access;
mod bad_input;
mod cuts;
mod gateway;
mod guard;
mod https;
mod inspect;
mod kuma_dataplanes;
mod kuma_dp;
mod kuma_global;
mod kuma_zone;
mod kumactl;
mod leader;
mod readme;
mod recorded;
mod tags_header;

use std::path::{Path, PathBuf};
use std::time::Duration;

use torii_cli::playground::{Options, Site, wait_until};

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(60);

/// The binary under test.
fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_torii"))
}

/// The site that a test asks for; none when it needs an Envoy and there is none.
fn with_envoy() -> Option<Options> {
    torii_auth::tls::install_provider();
    // `make envoy` puts one into the repository.
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.envoy/bin/envoy");
    let named = std::env::var_os("TORII_ENVOY")
        .map(PathBuf::from)
        .or_else(|| own.exists().then_some(own));
    match torii_cli::dataplane::find_envoy(named.as_deref()) {
        Ok(envoy) => Some(Options::new(&binary()).envoy(&envoy)),
        Err(error) => {
            let required = std::env::var("TORII_REQUIRE").unwrap_or_default();
            assert!(
                !required.contains("envoy"),
                "TORII_REQUIRE wants an Envoy: {error}"
            );
            println!("skipped: {error}");
            None
        }
    }
}

/// A site without gateways.
fn without_envoy() -> Options {
    torii_auth::tls::install_provider();
    Options::new(&binary()).without_gateways()
}

/// Waits until the gateway of zone `east` sets the response header `x-change` to `value`.
async fn answers_with(site: &Site, what: &str, value: &str) {
    wait_until(what, DEADLINE, || async {
        let answer = site.ask("east", "/").await?;
        (answer.header("x-change") == value)
            .then_some(())
            .ok_or_else(|| answer.header("x-change").to_owned())
    })
    .await
    .unwrap();
}
