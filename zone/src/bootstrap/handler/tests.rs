use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Bootstrap, router};
use crate::testing::{TestZone, expired, forged, gateway, id, token};

struct Answer {
    status: StatusCode,
    body: String,
}

async fn send(zone: &TestZone, host: &str, accept: &str, body: impl Into<Body>) -> Answer {
    let bootstrap = Bootstrap {
        door: zone.door.clone(),
        ca_pem: "the zone's CA".to_owned(),
        names: vec![
            "127.0.0.21".to_owned(),
            "::1".to_owned(),
            "localhost".to_owned(),
        ],
        port: 5678,
    };
    let request = Request::post("/bootstrap")
        .header("host", host)
        .header("accept", accept)
        .body(body.into())
        .unwrap();
    let response = router(Arc::new(bootstrap)).oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

async fn ask(zone: &TestZone, body: &Value) -> Answer {
    send(
        zone,
        "127.0.0.21:5678",
        "application/json",
        body.to_string(),
    )
    .await
}

fn body(token: &str) -> Value {
    json!({
        "mesh": "default",
        "name": "gw",
        "dataplaneToken": token,
        "dataplaneResource": gateway("gw", "edge"),
    })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test]
async fn a_proxy_gets_the_document_as_kuma_dp_reads_it() {
    let zone = TestZone::following().await;
    let answer = ask(&zone, &body(&token("gw"))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    assert!(answer["bootstrap"].is_string());
    let networking = &answer["kumaSidecarConfiguration"]["networking"];
    assert_eq!(networking["address"], "127.0.0.1");
    assert!(
        zone.store
            .view()
            .get(&crate::admission::key(&id("gw")))
            .is_none(),
        "only ADS registers"
    );
    zone.end().await;
}

#[tokio::test]
async fn an_old_proxy_gets_the_document_alone() {
    let zone = TestZone::following().await;
    let answer = send(&zone, "localhost", "*/*", body(&token("gw")).to_string()).await;
    assert_eq!(answer.status, 200);
    let document: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(document["node"]["id"], "default.gw");
    zone.end().await;
}

/// control-plane-api §11.4.
#[tokio::test]
async fn what_is_wrong_decides_whether_a_proxy_gives_up_or_asks_again() {
    let zone = TestZone::following().await;
    let good = || body(&token("gw"));
    let leaf = leaf_certificate();
    let rows = [
        (
            "no token",
            with(good(), "dataplaneToken", json!("")),
            422,
            "token",
        ),
        (
            "another mesh",
            with(good(), "mesh", json!("x")),
            422,
            "mesh",
        ),
        (
            "another name",
            with(good(), "name", json!("x")),
            422,
            "the same",
        ),
        (
            "no resource",
            with(good(), "dataplaneResource", json!("[]")),
            422,
            "object",
        ),
        (
            "an ingress",
            with(good(), "proxyType", json!("ingress")),
            422,
            "ingress",
        ),
        (
            "nothing stored",
            with(good(), "dataplaneResource", json!("")),
            404,
            "",
        ),
        ("another proxy's token", body(&token("other")), 403, "other"),
        ("a forged token", body(&forged("gw")), 403, "token"),
        ("an expired token", body(&expired("gw")), 403, "expired"),
        (
            "a certificate that is no CA",
            with(good(), "caCert", json!(leaf)),
            400,
            "CA",
        ),
    ];
    for (what, body, status, word) in rows {
        let answer = ask(&zone, &body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert!(answer.body.contains(word), "{what}: {}", answer.body);
        assert_eq!(
            word.is_empty(),
            answer.body.is_empty(),
            "{what}: {}",
            answer.body
        );
    }
    zone.end().await;
}

fn leaf_certificate() -> String {
    let now = torii_runtime::clock::now();
    let ca = torii_auth::tls::Ca::generate("test", now).unwrap();
    let hour = std::time::Duration::from_secs(3600);
    ca.issue("leaf", ["localhost"], hour, now)
        .unwrap()
        .certificate_pem
}

#[tokio::test]
async fn a_zone_that_has_never_followed_a_global_asks_for_patience() {
    let zone = TestZone::new().await;
    let answer = ask(&zone, &body(&token("gw"))).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (404, ""));
    zone.end().await;
}

#[tokio::test]
async fn what_is_not_json_is_a_400_without_words() {
    let zone = TestZone::following().await;
    for text in ["", "{", "[]", "\u{0}", "{\"dnsPort\": -1}"] {
        let answer = send(&zone, "localhost", "application/json", text).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (400, ""),
            "{text:?}"
        );
    }
    zone.end().await;
}

#[tokio::test]
async fn a_host_that_the_certificate_does_not_name_is_refused_with_the_flag_that_helps() {
    let zone = TestZone::following().await;
    let asked = body(&token("gw")).to_string();
    for (host, status) in [
        ("[::1]:5678", 200),
        ("localhost:5678", 200),
        ("elsewhere:5678", 400),
    ] {
        let answer = send(&zone, host, "application/json", asked.clone()).await;
        assert_eq!(answer.status, status, "{host}: {}", answer.body);
        assert_eq!(
            answer.body.contains("--san elsewhere"),
            status == 400,
            "{host}"
        );
    }
    zone.end().await;
}

proptest::proptest! {
    #[test]
    fn no_body_breaks_the_reader(body in proptest::collection::vec(0_u8.., 0..400)) {
        crate::bootstrap::fuzz(&body);
    }

    #[test]
    fn no_changed_body_breaks_the_reader(at in 0_usize..300, byte in 0_u8..) {
        let mut body = body("a.b.c").to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        crate::bootstrap::fuzz(&body);
    }
}
