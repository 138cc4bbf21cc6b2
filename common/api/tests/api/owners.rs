//! Who owns what, and preconditions: 405, 409, 412 in both modes.

use torii_resource::kinds::MeshGateway;
use torii_resource::{Resource, Revision};

use crate::crud::{GATEWAY, PATH};
use crate::rig::{Rig, empty, request};

const DATAPLANE: &str = r#"{"type":"Dataplane","mesh":"default","name":"d1","networking":{"address":"127.0.0.1","inbound":[{"port":1,"tags":{"kuma.io/service":"s"}}]}}"#;
const ROUTE: &str = r#"{"type":"MeshGatewayRoute","mesh":"default","name":"x","selectors":[{"match":{"kuma.io/service":"x"}}],"conf":{"http":{"rules":[{"matches":[{"path":{"match":"PREFIX","value":"/"}}],"backends":[{"destination":{"kuma.io/service":"b"}}]}]}}}"#;

fn copy() -> Resource {
    empty::<MeshGateway>("default", "edge")
}

#[tokio::test]
async fn a_zone_writes_its_dataplanes_and_nothing_of_the_globals() {
    let rig = Rig::zone().await;
    let created = rig.put("/meshes/default/dataplanes/d1", DATAPLANE).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let document = rig.get("/meshes/default/dataplanes/d1").await.json();
    assert_eq!(document["kri"], "kri_dp_default_east__d1_");
    assert_eq!(document["labels"]["kuma.io/origin"], "zone");
    assert_eq!(
        document["networking"]["inbound"][0]["tags"]["kuma.io/zone"],
        "east"
    );

    for (method, path, body) in [
        ("PUT", "/meshes/default/meshgatewayroutes/x", Some(ROUTE)),
        ("DELETE", "/meshes/default/meshgatewayroutes/x", None),
        ("PUT", "/meshes/m2", Some(r#"{"type":"Mesh","name":"m2"}"#)),
        ("DELETE", "/meshes/default", None),
    ] {
        let answer = rig.call(method, path, body).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        let document = answer.json();
        assert_eq!(document["title"], "Method not allowed");
        assert!(
            document["detail"]
                .as_str()
                .unwrap()
                .starts_with("On zone control plane")
        );
    }
}

#[tokio::test]
async fn the_global_does_not_write_dataplanes() {
    let rig = Rig::global().await;
    for (method, body) in [("PUT", Some(DATAPLANE)), ("DELETE", None)] {
        let answer = rig
            .call(method, "/meshes/default/dataplanes/d1", body)
            .await;
        assert_eq!(answer.status, 405);
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .starts_with("On global control plane")
        );
    }
}

#[tokio::test]
async fn a_zone_does_not_change_a_copy_of_what_the_global_owns() {
    let rig = Rig::zone().await;
    rig.store(copy(), &[("kuma.io/origin", "global")]).await;
    let before = rig.revision();
    for (method, body) in [("PUT", Some(GATEWAY)), ("DELETE", None)] {
        let answer = rig.call(method, PATH, body).await;
        assert_eq!(answer.status, 405, "{}", answer.text());
        assert!(answer.text().contains("global"), "{}", answer.text());
    }
    assert_eq!(rig.revision(), before);
    let own = GATEWAY.replace("\"edge\",\"sel", "\"own\",\"sel");
    assert_eq!(
        rig.put("/meshes/default/meshgateways/own", &own)
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn the_global_does_not_change_what_a_zone_owns_and_names_the_zone() {
    let rig = Rig::global().await;
    rig.store(
        copy(),
        &[("kuma.io/origin", "zone"), ("kuma.io/zone", "west")],
    )
    .await;
    let before = rig.revision();
    for (method, body, status) in [("PUT", Some(GATEWAY), 409), ("DELETE", None, 405)] {
        let answer = rig.call(method, PATH, body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains("west"), "{}", answer.text());
    }
    assert_eq!(rig.revision(), before);
}

#[tokio::test]
async fn a_stale_if_match_is_412_and_a_fresh_one_is_taken() {
    let rig = Rig::global().await;
    let first = rig
        .put(PATH, GATEWAY)
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let second = rig.put(PATH, &GATEWAY.replace("8080", "8081")).await;
    let second = second.header("etag").unwrap().to_owned();
    for (method, body) in [("PUT", Some(GATEWAY)), ("DELETE", None)] {
        let answer = rig
            .send(request(method, PATH, body, &[("if-match", &first)]))
            .await;
        assert_eq!(answer.status, 412, "{}", answer.text());
        assert_eq!(answer.json()["title"], "Precondition Failed");
    }
    let answer = rig
        .send(request(
            "PUT",
            PATH,
            Some(GATEWAY),
            &[("if-match", &second)],
        ))
        .await;
    assert_eq!(answer.status, 200);
    let third = answer.header("etag").unwrap().to_owned();
    let answer = rig
        .send(request("DELETE", PATH, None, &[("if-match", &third)]))
        .await;
    assert_eq!(answer.status, 200);
    let answer = rig
        .send(request("PUT", PATH, Some(GATEWAY), &[("if-match", &third)]))
        .await;
    assert_eq!(answer.status, 412, "it does not exist any more");
}

#[tokio::test]
async fn if_none_match_creates_only() {
    let rig = Rig::global().await;
    let absent = [("if-none-match", "*")];
    assert_eq!(
        rig.send(request("PUT", PATH, Some(GATEWAY), &absent))
            .await
            .status,
        201
    );
    assert_eq!(
        rig.send(request("PUT", PATH, Some(GATEWAY), &absent))
            .await
            .status,
        412
    );
    let wrong = [("if-match", "yesterday")];
    assert_eq!(
        rig.send(request("PUT", PATH, Some(GATEWAY), &wrong))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn writers_that_race_without_a_precondition_all_succeed() {
    let rig = Rig::global().await;
    rig.put(PATH, GATEWAY).await;
    let bodies: Vec<_> = (9000..9004)
        .map(|port| GATEWAY.replace("8080", &port.to_string()))
        .collect();
    let before = rig.revision();
    let answers = futures::future::join_all(bodies.iter().map(|body| rig.put(PATH, body))).await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(rig.revision(), before + 4);
    let modified = rig
        .stored("MeshGateway", "default", "edge")
        .unwrap()
        .modified
        .revision;
    assert_eq!(modified, Revision(before + 4));
}

#[tokio::test]
async fn a_mesh_that_is_deleted_while_something_is_created_in_it_leaves_no_orphan() {
    let rig = Rig::global().await;
    let path = "/meshes/demo/meshgateways/edge";
    let body = GATEWAY.replace("\"default\"", "\"demo\"");
    for round in 0..20 {
        rig.put("/meshes/demo", r#"{"type":"Mesh","name":"demo"}"#)
            .await;
        let (deleted, created) =
            futures::future::join(rig.delete("/meshes/demo"), rig.put(path, &body)).await;
        assert_eq!(deleted.status, 200, "round {round}: {}", deleted.text());
        assert!(
            matches!(created.status.as_u16(), 201 | 404),
            "round {round}: {}",
            created.text()
        );
        assert!(rig.stored("Mesh", "", "demo").is_none(), "round {round}");
        assert!(
            rig.stored("MeshGateway", "demo", "edge").is_none(),
            "round {round}"
        );
    }
}
