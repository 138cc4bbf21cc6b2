//! A zone that gives a bootstrap, late or never.

use std::time::Duration;

use http::Uri;
use serde_json::Value;

use crate::client::Wire;
use crate::testing::{Fake, Reply, nobody};

use super::*;

const GIVEN: &str = r#"{"bootstrap":"bm9kZToge30K","kumaSidecarConfiguration":{}}"#;

fn request() -> ProxyRequest {
    let envoy = EnvoyVersion {
        version: "1.40.0".to_owned(),
        build: "x/1.40.0/Clean/RELEASE/BoringSSL".to_owned(),
    };
    ProxyRequest::new("default", "gw-1", &envoy)
}

async fn ask(
    url: &str,
    ca: &str,
    patience: Duration,
) -> (Result<Vec<u8>, DataplaneError>, Vec<String>) {
    let zone: Uri = url.parse().unwrap();
    let wire = Wire::new(ca).unwrap();
    let mut reasons = Vec::new();
    let asked = Fetch {
        wire: &wire,
        zone: &zone,
        patience,
    };
    let answer = fetch(&asked, &request(), |reason| reasons.push(reason.to_owned())).await;
    (answer, reasons)
}

#[tokio::test]
async fn a_zone_that_is_not_ready_is_asked_again_and_each_reason_is_told_once() {
    let replies = [
        Reply::say(404, ""),
        Reply::say(404, ""),
        Reply::say(503, "starting"),
        Reply::say(200, GIVEN),
    ];
    let zone = Fake::https(&replies).await;
    let (answer, reasons) = ask(&zone.url(), &zone.ca, Duration::from_secs(60)).await;
    assert_eq!(answer.unwrap(), b"node: {}\n");
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(
        reasons[0].contains("does not know this proxy") && reasons[1].contains("starting"),
        "{reasons:?}"
    );
    let seen = zone.seen();
    assert_eq!((seen.len(), seen[0].path.as_str()), (4, "/bootstrap"));
    assert_eq!(seen[0].headers["accept"], "application/json");
    assert_eq!(seen[0].headers["host"], zone.address.to_string());
    let body: Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(body["features"][0], "feature-delta-grpc");
}

#[tokio::test]
async fn a_refusal_ends_the_asking_with_the_zones_words() {
    let zone = Fake::https(&[Reply::say(422, "mesh: mesh \"x\" does not exist")]).await;
    let (answer, reasons) = ask(&zone.url(), &zone.ca, Duration::from_secs(60)).await;
    let error = answer.unwrap_err().to_string();
    assert!(
        error.contains("422") && error.contains("mesh \"x\" does not exist"),
        "{error}"
    );
    assert!(reasons.is_empty());
}

#[tokio::test]
async fn the_asking_ends_when_the_time_is_over_and_says_why() {
    let url = nobody().await.replace("http://", "https://");
    let (answer, reasons) = ask(&url, "", Duration::from_millis(300)).await;
    assert!(
        matches!(answer, Err(DataplaneError::NoBootstrap { .. })),
        "{answer:?}"
    );
    assert_eq!(reasons.len(), 1, "{reasons:?}");
}
