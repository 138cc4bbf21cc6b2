//! Who may what: nobody nothing, users read, admins write.

use axum::Router;
use axum::response::IntoResponse as _;
use axum::routing::any;
use http::StatusCode;
use torii_api::{Call, json_response, router_with};
use torii_auth::Action;
use tower::ServiceExt as _;

use crate::crud::{GATEWAY, PATH};
use crate::rig::{Rig, reader, request, zone_token};

const EVERYWHERE: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/config"),
    ("GET", "/_resources"),
    ("GET", "/who-am-i"),
    ("GET", "/meshes"),
    ("GET", PATH),
    ("PUT", PATH),
    ("DELETE", PATH),
    ("GET", "/globalsecrets"),
    ("POST", "/tokens/user"),
    ("POST", "/tokens/zone"),
    ("POST", "/tokens/dataplane"),
    ("PUT", "/torii/resources"),
    ("GET", "/torii/watch"),
    ("GET", "/nope"),
    ("OPTIONS", PATH),
];

#[tokio::test]
async fn without_a_good_token_every_path_is_401() {
    let rig = Rig::global().await;
    let before = rig.revision();
    let zone = format!("Bearer {}", zone_token());
    let other_scheme = format!("Basic {}", reader());
    for authorization in ["", "Bearer abc", "Bearer ", &zone, &other_scheme] {
        for (method, path) in EVERYWHERE {
            let local = [("authorization", authorization), ("host", "localhost")];
            let answer = rig.send(request(method, path, Some(GATEWAY), &local)).await;
            assert_eq!(answer.status, 401, "{method} {path} with {authorization:?}");
            assert_eq!(answer.json()["title"], "Invalid authentication data");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    assert_eq!(rig.revision(), before);
}

#[tokio::test]
async fn an_error_never_repeats_the_token() {
    let rig = Rig::global().await;
    let answer = rig
        .send(request(
            "GET",
            "/",
            None,
            &[("authorization", "Bearer not-a-secret-but-still")],
        ))
        .await;
    assert!(
        !answer.text().contains("not-a-secret-but-still"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_reader_reads_open_kinds_and_writes_nothing() {
    let rig = Rig::global().await;
    rig.put(PATH, GATEWAY).await;
    let before = rig.revision();
    let bearer = format!("Bearer {}", reader());
    let bearer = [("authorization", bearer.as_str())];
    let secret = "/meshes/default/secrets/s";
    let user = r#"{"name":"jo","groups":["mesh-system:admin"],"validFor":"1h"}"#;
    for (method, path, body, status) in [
        ("GET", PATH, None, 200),
        ("GET", "/meshgateways", None, 200),
        ("GET", "/", None, 200),
        ("PUT", PATH, Some(GATEWAY), 403),
        ("PUT", PATH, Some("{"), 403),
        ("DELETE", PATH, None, 403),
        ("GET", secret, None, 403),
        ("GET", "/meshes/default/secrets", None, 403),
        ("GET", "/globalsecrets", None, 403),
        ("POST", "/tokens/user", Some(user), 403),
        ("POST", "/tokens/zone", Some("{}"), 403),
        ("PUT", "/torii/resources", Some(GATEWAY), 403),
        ("GET", "/torii/watch?kind=Secret", None, 403),
    ] {
        let answer = rig.send(request(method, path, body, &bearer)).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        if status == 403 {
            assert_eq!(answer.json()["title"], "Access Denied");
        }
    }
    assert_eq!(rig.revision(), before);
}

#[tokio::test]
async fn the_internal_kind_is_not_served() {
    let rig = Rig::global().await;
    assert_eq!(rig.get("/configs").await.status, 404);
    let body = r#"{"type":"Config","name":"kuma-cluster-id","config":"x"}"#;
    let answer = rig.put("/torii/resources", body).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(rig.stored("Config", "", "kuma-cluster-id").is_none());
}

#[tokio::test]
async fn a_planes_own_route_is_behind_the_same_door() {
    let rig = Rig::global().await;
    let own = Router::new().route(
        "/torii/accept",
        any(|call: Call| async move {
            match call.require(Action::AcceptGlobal) {
                Ok(()) => json_response(StatusCode::OK, &"accepted"),
                Err(problem) => problem.into_response(),
            }
        }),
    );
    let router = router_with(rig.api.clone(), own);
    let reads = format!("Bearer {}", reader());
    for (authorization, status) in [(None, 200), (Some(reads.as_str()), 403), (Some(""), 401)] {
        let headers: Vec<_> = authorization
            .map(|value| ("authorization", value))
            .into_iter()
            .collect();
        let sent = request("POST", "/torii/accept", Some("{}"), &headers);
        let response = router.clone().oneshot(sent).await.unwrap();
        assert_eq!(response.status(), status, "{authorization:?}");
    }
}
