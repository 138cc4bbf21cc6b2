//! `POST /tokens/…`.

use torii_auth::token::{verify_dataplane, verify_user, verify_zone};

use crate::rig::Rig;

#[tokio::test]
async fn tokens_are_issued_that_verify() {
    let rig = Rig::global().await;
    let now = jiff::Timestamp::now();
    let keys = rig.api.keys.load();

    let body =
        r#"{"name":"","mesh":"default","tags":{},"type":"","workload":"","validFor":"24h0m0s"}"#;
    let answer = rig.call("POST", "/tokens/dataplane", Some(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    let claims = verify_dataplane(answer.text(), "default", &keys, now).unwrap();
    assert_eq!(claims.mesh, "default");

    let body = r#"{"zone":"east","scope":["cp"],"validFor":"1h"}"#;
    let answer = rig.call("POST", "/tokens/zone", Some(body)).await;
    assert_eq!(verify_zone(answer.text(), &keys, now).unwrap().zone, "east");

    let body = r#"{"name":"jo","groups":null,"validFor":"1h"}"#;
    let answer = rig.call("POST", "/tokens/user", Some(body)).await;
    assert_eq!(verify_user(answer.text(), &keys, now).unwrap().name, "jo");
}

#[tokio::test]
async fn a_wrong_request_names_the_field() {
    let rig = Rig::global().await;
    for (path, body, field) in [
        ("/tokens/dataplane", r#"{"validFor":"1h"}"#, "mesh"),
        (
            "/tokens/dataplane",
            r#"{"mesh":"default","type":"x"}"#,
            "type",
        ),
        (
            "/tokens/zone",
            r#"{"zone":"east","validFor":"1h"}"#,
            "scope",
        ),
        ("/tokens/zone", r#"{"scope":["cp"]}"#, "zone"),
        ("/tokens/user", r#"{"name":"jo"}"#, "validFor"),
        (
            "/tokens/user",
            r#"{"name":"jo","validFor":"0"}"#,
            "validFor",
        ),
        (
            "/tokens/user",
            r#"{"name":"jo","validFor":"7d"}"#,
            "validFor",
        ),
        ("/tokens/user", r#"{"validFor":"1h"}"#, "name"),
    ] {
        let answer = rig.call("POST", path, Some(body)).await;
        assert_eq!(answer.status, 400, "{path} {body}");
        assert_eq!(answer.fields(), [field], "{path} {body}");
        assert_eq!(answer.json()["title"], "Invalid request");
    }
}

#[tokio::test]
async fn without_a_signing_key_the_secret_that_is_missing_is_named() {
    let rig = Rig::global().await;
    let body = r#"{"mesh":"nomesh","validFor":"1h"}"#;
    let answer = rig.call("POST", "/tokens/dataplane", Some(body)).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["title"], "Signing Key not found");
    assert_eq!(
        answer.json()["detail"],
        "there is no signing key with KID 1. Secret of name \"dataplane-token-signing-key-nomesh-1\" in mesh \
         \"nomesh\" is not found. If signing key was rotated, regenerate the token"
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_is_400_without_a_body() {
    let rig = Rig::global().await;
    let answer = rig.call("POST", "/tokens/user", Some("{")).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (400, ""));
}
