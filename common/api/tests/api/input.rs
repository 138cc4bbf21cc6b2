//! Bad input: refused with the field's path and the reason, nothing stored.

use axum::body::Body;
use http::{Request, header};

use crate::crud::{GATEWAY, PATH};
use crate::rig::{Rig, admin, request};

const ROUTE: &str = "/meshes/default/meshgatewayroutes/r";
const SPACE: &str = " ";

/// What is wrong, where it is sent to, the body, and the field that the answer must name.
fn table() -> Vec<(&'static str, String, String, &'static str)> {
    let long = "a".repeat(254);
    let gateway = |what: &str, with: &str| GATEWAY.replace(what, with);
    vec![
        ("unknown field", PATH.into(), gateway("\"conf\":", "\"confg\":"), "confg"),
        (
            "unknown field inside",
            PATH.into(),
            gateway("\"port\":8080", "\"port\":8080,\"prot\":1"),
            "conf.listeners[0].prot",
        ),
        (
            "missing service tag",
            PATH.into(),
            gateway("{\"kuma.io/service\":\"edge\"}", "{\"site\":\"east\"}"),
            "selectors[0].match",
        ),
        ("wrong port", PATH.into(), gateway("8080", "0"), "conf.listeners[0].port"),
        ("port above the range", PATH.into(), gateway("8080", "65536"), "conf.listeners[0].port"),
        ("port of another type", PATH.into(), gateway("8080", "\"a\""), "conf.listeners[0].port"),
        ("unknown enum value", PATH.into(), gateway("HTTP", "NOPE"), "conf.listeners[0].protocol"),
        (
            "too long name",
            format!("/meshes/default/meshgateways/{long}"),
            gateway("\"name\":\"edge\"", &format!("\"name\":\"{long}\"")),
            "name",
        ),
        (
            "name with capitals",
            "/meshes/default/meshgateways/X_y".into(),
            gateway("\"name\":\"edge\"", "\"name\":\"X_y\""),
            "name",
        ),
        ("other name", PATH.into(), gateway("\"name\":\"edge\"", "\"name\":\"x\""), "name"),
        ("other mesh", PATH.into(), gateway("\"default\"", "\"other\""), "mesh"),
        ("other type", PATH.into(), gateway("MeshGateway", "MeshGatewayRoute"), "type"),
        ("unknown type", PATH.into(), gateway("MeshGateway", "Nope"), "type"),
        ("no type", PATH.into(), gateway("\"type\":\"MeshGateway\",", ""), "type"),
        (
            "origin of a zone at the global",
            PATH.into(),
            gateway("\"conf\":", "\"labels\":{\"kuma.io/origin\":\"zone\"},\"conf\":"),
            "labels[\"kuma.io/origin\"]",
        ),
        (
            "relative path",
            ROUTE.into(),
            r#"{"type":"MeshGatewayRoute","mesh":"default","name":"r","selectors":[{"match":{"kuma.io/service":"x"}}],
                "conf":{"http":{"rules":[{"matches":[{"path":{"match":"PREFIX","value":"api"}}],
                "backends":[{"destination":{"kuma.io/service":"b"}}]}]}}}"#
                .into(),
            "conf.http.rules[0].matches[0].value",
        ),
        (
            "a mesh's name that is too long",
            format!("/meshes/{}", "m".repeat(64)),
            format!("{{\"type\":\"Mesh\",\"name\":\"{}\"}}", "m".repeat(64)),
            "name",
        ),
    ]
}

#[tokio::test]
async fn every_bad_document_is_refused_by_field_and_nothing_is_stored() {
    let rig = Rig::global().await;
    let before = rig.revision();
    for (what, path, body, field) in table() {
        let answer = rig.put(&path, &body).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        assert!(
            answer.fields().iter().any(|found| found == field),
            "{what}: {}",
            answer.text()
        );
        let document = answer.json();
        assert_eq!(document["type"], "/std-errors", "{what}");
        assert_eq!(document["details"], document["detail"], "{what}");
        assert_eq!(
            document["causes"][0]["field"], document["invalid_parameters"][0]["field"],
            "{what}"
        );
        assert!(
            !document["invalid_parameters"][0]["reason"]
                .as_str()
                .unwrap()
                .is_empty(),
            "{what}"
        );
    }
    assert_eq!(rig.revision(), before, "something was stored");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_in_kumas_words() {
    let rig = Rig::global().await;
    for body in ["{", "", "type: MeshGateway", "[]", "null", SPACE] {
        let answer = rig.put(PATH, body).await;
        assert_eq!(answer.status, 400, "{body:?}: {}", answer.text());
        assert!(
            answer.text().contains("MeshGateway") || answer.text().contains("type"),
            "{body:?}"
        );
    }
    assert!(rig.stored("MeshGateway", "default", "edge").is_none());
}

#[tokio::test]
async fn all_errors_of_a_document_come_at_once() {
    let rig = Rig::global().await;
    let body = r#"{"type":"MeshGateway","mesh":"default","name":"edge","selectors":[],
                   "conf":{"listeners":[{"port":0,"protocol":"HTTP"}]}}"#;
    let fields = rig.put(PATH, body).await.fields();
    assert_eq!(fields, ["selectors", "conf.listeners[0].port"]);
}

#[tokio::test]
async fn only_json_is_taken_and_given() {
    let rig = Rig::global().await;
    let answer = rig
        .send(request(
            "PUT",
            PATH,
            Some(GATEWAY),
            &[("content-type", "application/yaml")],
        ))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (415, "415: Unsupported Media Type")
    );
    let answer = rig
        .send(request("PUT", PATH, Some(GATEWAY), &[("content-type", "")]))
        .await;
    assert_eq!(answer.status, 415);
    let charset = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(
        rig.send(request("PUT", PATH, Some(GATEWAY), &charset))
            .await
            .status,
        201
    );
    let answer = rig
        .send(request("GET", PATH, None, &[("accept", "text/yaml")]))
        .await;
    assert_eq!(answer.status, 406);
    assert_eq!(
        answer.text(),
        "406: Not Acceptable\n\nAvailable representations: application/json"
    );
}

#[tokio::test]
async fn a_body_above_ten_mebibytes_is_413() {
    let rig = Rig::global().await;
    let body = format!("{}{}", GATEWAY, " ".repeat(10 * 1024 * 1024));
    let sent = Request::put(PATH)
        .header(header::AUTHORIZATION, format!("Bearer {}", admin()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap();
    let answer = rig.send(sent).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.json()["status"], 413);
    assert!(rig.stored("MeshGateway", "default", "edge").is_none());
}
