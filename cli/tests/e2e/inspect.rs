//! `torii inspect proxy`: the configuration of a running gateway.

use serde_json::Value;
use torii_cli::playground::{Site, route_with_header};

use crate::with_envoy;

const PROXY: &str = "default/gateway-east";
const INSPECT: [&str; 6] = ["inspect", "proxy", PROXY, "--config", "-o", "json"];

#[tokio::test(flavor = "multi_thread")]
async fn a_running_gateway_has_what_is_translated_from_its_resources() {
    let Some(options) = with_envoy() else { return };
    let site = Site::start(options.nodes(1).zones(&["east"]))
        .await
        .unwrap();
    site.apply_and_wait(&route_with_header("x-change", "one"))
        .await
        .unwrap();

    let inspected = site.torii_in("east", &INSPECT, "").await.unwrap();
    assert!(inspected.contains("X-Change"), "{inspected}");
    let inspected: Value = serde_json::from_str(&inspected).unwrap();

    let mut documents = String::new();
    for kind in ["meshes", "dataplanes", "meshgateways", "meshgatewayroutes"] {
        let get = ["get", kind, "-o", "yaml"];
        documents += &site.torii_in("east", &get, "").await.unwrap();
    }
    let translate = [
        "translate",
        "-f",
        "-",
        "--proxy",
        PROXY,
        "--zone",
        "east",
        "-o",
        "json",
    ];
    let translated = site.torii(&translate, &documents).await.unwrap();
    let translated: Value = serde_json::from_str(&translated).unwrap();
    assert_eq!(inspected, translated);

    // Neither a proxy that is not there nor a global has any.
    let absent = ["inspect", "proxy", "default/nobody", "--config"];
    let error = site.torii_in("east", &absent, "").await.unwrap_err();
    assert!(error.to_string().contains("default/nobody"), "{error}");
    let error = site.torii(&INSPECT, "").await.unwrap_err();
    assert!(error.to_string().contains("--context ZONE"), "{error}");
    site.stop().await;
}
