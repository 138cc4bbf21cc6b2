//! A real kuma-dp 2.13.9 and its Envoy 1.40, as recorded, against a running zone.

mod bootstrap;
mod gateway;
mod replay;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use torii_cli::playground::{Site, gateway as mesh_gateway, route};

use crate::https::Https;
use crate::recorded::text;
use crate::without_envoy;

const RECORDING: &str = "dp/gateway-start-and-changes.jsonl";
const ZONE: &str = "east";
const PROXY: &str = "gw-east";

/// A site with a gateway and its route, whose data plane proxy is up to the test.
async fn site() -> Site {
    let site = Site::start(without_envoy().nodes(1).zones(&[ZONE]))
        .await
        .unwrap();
    site.apply(&format!("{}---\n{}", mesh_gateway(), route()))
        .await
        .unwrap();
    site
}

/// A token for the recorded proxy.
async fn token(site: &Site) -> String {
    let made = site
        .torii_in(ZONE, &["generate", "dataplane-token", "--name", PROXY], "")
        .await
        .unwrap();
    made.trim().to_owned()
}

/// The zone's port for proxies.
fn zone(site: &Site) -> Https {
    Https::new(
        (site.layout().zone_address(0), 5678),
        &site.layout().zone_ca(ZONE),
    )
}

/// The recorded exchange of `POST /bootstrap`.
fn exchange(recording: &[Value]) -> &Value {
    recording
        .iter()
        .find(|event| event["event"] == "http")
        .unwrap()
}

/// The recorded Dataplane with this site's address and admin port.
fn dataplane(recording: &[Value], site: &Site) -> String {
    let body = &exchange(recording)["request_body_json"];
    let mut dataplane: Value = serde_json::from_str(text(body, "dataplaneResource")).unwrap();
    let networking = &mut dataplane["networking"];
    networking["address"] = site.layout().zone_address(0).to_string().into();
    networking["admin"]["port"] = site.layout().admin_port(0).into();
    dataplane.to_string()
}

/// The recorded request with this site's token, address and certificate.
fn request(recording: &[Value], site: &Site, token: &str) -> Value {
    let mut body = exchange(recording)["request_body_json"].clone();
    body["dataplaneToken"] = token.into();
    body["dataplaneResource"] = dataplane(recording, site).into();
    body["caCert"] = std::fs::read_to_string(site.layout().zone_ca(ZONE))
        .unwrap()
        .into();
    body["workdir"] = site.layout().dir.display().to_string().into();
    body
}

/// Asks for a bootstrap as kuma-dp does, and gives the answer and the document in it.
async fn fetch(recording: &[Value], site: &Site, token: &str) -> (Value, Value) {
    let recorded = exchange(recording);
    let headers: Vec<(&str, &str)> = ["Accept", "Accept-Encoding", "Content-Type", "User-Agent"]
        .map(|name| (name, recorded["request_headers"][name][0].as_str().unwrap()))
        .into();
    let body = serde_json::to_string_pretty(&request(recording, site, token)).unwrap();
    let answer = zone(site)
        .send("POST", "/bootstrap", &headers, Some(&body))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("content-encoding"), "");
    let answer = answer.json();
    let document = STANDARD.decode(text(&answer, "bootstrap")).unwrap();
    let document = serde_saphyr::from_str(std::str::from_utf8(&document).unwrap()).unwrap();
    (answer, document)
}
