//! `GET /torii/watch`: committed changes as lines.

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::crud::{GATEWAY, PATH};
use crate::rig::{Rig, reader, request};

async fn line(body: &mut Body) -> Value {
    let next = tokio::time::timeout(std::time::Duration::from_secs(20), body.frame());
    let frame = next.await.expect("no line came").unwrap().unwrap();
    serde_json::from_slice(&frame.into_data().unwrap()).unwrap()
}

#[tokio::test]
async fn changes_after_a_revision_come_in_order() {
    let rig = Rig::global().await;
    let start = rig.revision();
    rig.put(PATH, GATEWAY).await;
    rig.put(
        "/globalsecrets/s",
        r#"{"type":"GlobalSecret","name":"s","data":"YQ=="}"#,
    )
    .await;
    let mut body = rig
        .open(&format!("/torii/watch?after={start}&kind=MeshGateway"))
        .await;
    let first = line(&mut body).await;
    assert_eq!(first["revision"], start + 1);
    assert_eq!(first["changes"][0]["type"], "MeshGateway");
    assert_eq!(
        first["changes"][0]["resource"]["conf"]["listeners"][0]["port"],
        8080
    );
    rig.delete(PATH).await;
    let second = line(&mut body).await;
    assert_eq!(
        second["revision"],
        start + 3,
        "the secret is not of the kind asked for"
    );
    assert_eq!(second["changes"][0]["resource"], Value::Null);
}

#[tokio::test]
async fn a_reader_sees_no_secrets() {
    let rig = Rig::global().await;
    let start = rig.revision();
    rig.put(
        "/globalsecrets/s",
        r#"{"type":"GlobalSecret","name":"s","data":"YQ=="}"#,
    )
    .await;
    rig.put(PATH, GATEWAY).await;
    let bearer = format!("Bearer {}", reader());
    let path = format!("/torii/watch?after={start}");
    let sent = request("GET", &path, None, &[("authorization", &bearer)]);
    let mut body = rig.respond(sent).await;
    assert_eq!(line(&mut body).await["changes"][0]["type"], "MeshGateway");
}

#[tokio::test]
async fn a_wrong_revision_or_kind_is_400() {
    let rig = Rig::global().await;
    for (query, field) in [
        ("after=x", "after"),
        ("kind=Nope", "kind"),
        ("kind=Config", "kind"),
    ] {
        let answer = rig.get(&format!("/torii/watch?{query}")).await;
        assert_eq!(answer.status, 400);
        assert_eq!(answer.fields(), [field]);
    }
}

#[tokio::test]
async fn the_feed_ends_when_the_process_is_asked_to_stop() {
    let rig = Rig::global().await;
    let mut body = rig.open("/torii/watch").await;
    rig.api.stop.cancel();
    let end = tokio::time::timeout(std::time::Duration::from_secs(20), body.frame());
    assert!(end.await.expect("it does not end").is_none());
}
