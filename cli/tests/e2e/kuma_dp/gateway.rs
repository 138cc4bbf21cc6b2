//! A real Envoy, started from the bootstrap that a kuma-dp 2.13.9 gets: state of the world, not delta.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};
use torii_cli::playground::{Site, route_with_header, wait_until};

use super::{PROXY, RECORDING, ZONE, fetch, site, token};
use crate::https::operator;
use crate::recorded::lines;
use crate::{DEADLINE, with_envoy};

/// Starts an Envoy as kuma-dp does. It ends when this is dropped.
fn start(envoy: &Path, site: &Site, document: &Value) -> Child {
    let file = site.layout().file("bootstrap.yaml");
    std::fs::write(&file, document.to_string()).unwrap();
    let log = std::fs::File::create(site.layout().log("envoy")).unwrap();
    Command::new(envoy)
        .args(["--disable-hot-restart", "--concurrency", "1"])
        .args(["--log-level", "info", "--config-path"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Waits until the gateway's answers have this header.
async fn served(site: &Site, value: &str) {
    let what = format!("the gateway answers with {value:?}");
    wait_until(&what, DEADLINE, || async {
        let answer = site.ask(ZONE, "/").await?;
        let seen = (
            answer.status.as_u16(),
            answer.body.as_str(),
            answer.header("x-change"),
        );
        (seen == (200, ZONE, value))
            .then_some(())
            .ok_or_else(|| format!("{seen:?}"))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_started_as_by_kuma_dp_serves_and_follows_route_changes() {
    let Some(recording) = lines(RECORDING) else {
        return;
    };
    let Some(envoy) = with_envoy().and_then(|options| options.envoy) else {
        return;
    };
    let site = site().await;
    let token = token(&site).await;
    let (_, document) = fetch(&recording, &site, &token).await;
    assert_eq!(document["dynamicResources"]["adsConfig"]["apiType"], "GRPC");
    let mut running = start(&envoy, &site, &document);
    served(&site, "").await;

    // The Dataplane that came with the stream is the zone's, and with its labels the global's.
    let copy = operator(&site)
        .await
        .get(&format!("/meshes/default/dataplanes/{PROXY}"))
        .await;
    assert_eq!(copy["labels"]["kuma.io/zone"], ZONE);
    assert_eq!(copy["networking"]["gateway"]["type"], "BUILTIN");

    site.apply_and_wait(&route_with_header("x-change", "one"))
        .await
        .unwrap();
    assert_eq!(
        site.ask(ZONE, "/").await.unwrap().header("x-change"),
        "one",
        "--wait knows what a state-of-the-world Envoy has"
    );

    // Its reconnect is a burst with versions: it is answered, goes on serving, and follows.
    let control_plane = &site.zone(ZONE).unwrap().control_plane;
    control_plane.restart().await.unwrap();
    site.zone_ready(ZONE).await.unwrap();
    site.apply(&route_with_header("x-change", "two"))
        .await
        .unwrap();
    served(&site, "two").await;
    assert!(running.try_wait().unwrap().is_none(), "Envoy has ended");
    running.kill().await.unwrap();
    site.stop().await;
}
