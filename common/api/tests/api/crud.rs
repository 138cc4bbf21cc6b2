//! Create, read, replace, delete; what the answers look like.

use serde_json::json;
use torii_resource::kinds::Dataplane;

use crate::rig::{Rig, empty};

pub(crate) const GATEWAY: &str = r#"{"type":"MeshGateway","mesh":"default","name":"edge","selectors":[{"match":{"kuma.io/service":"edge"}}],"conf":{"listeners":[{"port":8080,"protocol":"HTTP"}]}}"#;
pub(crate) const PATH: &str = "/meshes/default/meshgateways/edge";

#[tokio::test]
async fn a_resource_is_created_read_replaced_and_deleted() {
    let rig = Rig::global().await;
    let created = rig.put(PATH, GATEWAY).await;
    assert_eq!((created.status.as_u16(), created.text()), (201, "{}\n"));
    let first = rig.revision();
    assert_eq!(
        created.header("x-torii-revision"),
        Some(first.to_string().as_str())
    );
    assert_eq!(
        created.header("etag"),
        Some(format!("\"{first}\"").as_str())
    );

    let got = rig.get(PATH).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("etag"), created.header("etag"));
    let document = got.json();
    assert_eq!(document["type"], "MeshGateway");
    assert_eq!(document["kri"], "kri_mgw_default___edge_");
    assert_eq!(document["labels"], json!({"kuma.io/mesh": "default"}));
    assert_eq!(document["conf"]["listeners"][0]["port"], 8080);
    assert_eq!(document["creationTime"], document["modificationTime"]);

    let replaced = rig.put(PATH, &GATEWAY.replace("8080", "8081")).await;
    assert_eq!((replaced.status.as_u16(), replaced.text()), (200, "{}\n"));
    assert_eq!(rig.revision(), first + 1);

    let deleted = rig.delete(PATH).await;
    assert_eq!((deleted.status.as_u16(), deleted.text()), (200, "{}\n"));
    let gone = rig.delete(PATH).await;
    assert_eq!(gone.status, 404);
    assert_eq!(gone.json()["title"], "Could not delete a resource");
    assert_eq!(rig.get(PATH).await.status, 404);
}

#[tokio::test]
async fn the_same_again_changes_nothing() {
    let rig = Rig::global().await;
    rig.put(PATH, GATEWAY).await;
    let before = rig.revision();
    let again = rig.put(PATH, GATEWAY).await;
    assert_eq!(again.status, 200);
    assert_eq!(rig.revision(), before);
    assert_eq!(again.header("etag"), Some(format!("\"{before}\"").as_str()));
}

#[tokio::test]
async fn what_a_get_shows_can_be_put_back() {
    let rig = Rig::global().await;
    rig.put(PATH, GATEWAY).await;
    let shown = rig.get(PATH).await;
    let before = rig.revision();
    assert_eq!(rig.put(PATH, shown.text()).await.status, 200);
    assert_eq!(rig.revision(), before, "nothing changed");
}

#[tokio::test]
async fn a_missing_mesh_is_404_with_its_own_title() {
    let rig = Rig::global().await;
    let path = "/meshes/nomesh/meshgateways/edge";
    let body = GATEWAY.replace("\"default\"", "\"nomesh\"");
    for answer in [
        rig.get(path).await,
        rig.get("/meshes/nomesh/meshgateways").await,
        rig.put(path, &body).await,
        rig.delete(path).await,
    ] {
        assert_eq!(answer.status, 404);
        assert_eq!(answer.json()["title"], "Failed to retrieve Mesh");
        assert_eq!(answer.json()["detail"], "Not found");
    }
    let mesh = rig.get("/meshes/nomesh").await;
    assert_eq!(mesh.json()["title"], "Could not retrieve a resource");
}

#[tokio::test]
async fn both_spellings_of_a_path_and_a_trailing_slash_are_served() {
    let rig = Rig::global().await;
    let secret = r#"{"type":"GlobalSecret","name":"s","data":"YQ=="}"#;
    assert_eq!(rig.put("/globalsecrets/s", secret).await.status, 201);
    for path in [
        "/global-secrets/s",
        "/globalsecrets/s",
        "/globalsecrets/s/",
        "/globalsecrets/s/?x=1",
    ] {
        assert_eq!(rig.get(path).await.json()["data"], "YQ==", "{path}");
    }
}

#[tokio::test]
async fn the_kubernetes_form_is_served_on_request() {
    let rig = Rig::global().await;
    rig.put(PATH, GATEWAY).await;
    for format in ["k8s", "kubernetes"] {
        let object = rig.get(&format!("{PATH}?format={format}")).await.json();
        assert_eq!(object["apiVersion"], "kuma.io/v1alpha1");
        assert_eq!(object["mesh"], "default");
        assert_eq!(object["spec"]["conf"]["listeners"][0]["port"], 8080);
    }
    let other = rig.get(&format!("{PATH}?format=xx")).await;
    assert_eq!(other.status, 400);
    assert_eq!(other.fields(), [""]);
}

#[tokio::test]
async fn a_mesh_with_dataplanes_stays_and_another_takes_everything_along() {
    let rig = Rig::global().await;
    rig.put("/meshes/demo", r#"{"type":"Mesh","name":"demo"}"#)
        .await;
    rig.put(
        "/meshes/demo/meshgateways/edge",
        &GATEWAY.replace("\"default\"", "\"demo\""),
    )
    .await;
    rig.put(
        "/meshes/demo/secrets/s",
        r#"{"type":"Secret","mesh":"demo","name":"s","data":"YQ=="}"#,
    )
    .await;
    let proxy = empty::<Dataplane>("default", "d");
    rig.store(
        proxy,
        &[("kuma.io/origin", "zone"), ("kuma.io/zone", "east")],
    )
    .await;

    let refused = rig.delete("/meshes/default").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.fields(), ["mesh"]);
    assert_eq!(rig.delete("/meshes/demo").await.status, 200);
    assert!(rig.stored("MeshGateway", "demo", "edge").is_none());
    assert!(rig.stored("Secret", "demo", "s").is_none());
    assert!(rig.stored("Mesh", "", "default").is_some());
}

#[tokio::test]
async fn deleting_a_zone_removes_what_came_from_it() {
    let rig = Rig::global().await;
    rig.put("/zones/east", r#"{"type":"Zone","name":"east"}"#)
        .await;
    for (name, zone) in [("a", "east"), ("b", "west")] {
        let proxy = empty::<Dataplane>("default", name);
        rig.store(proxy, &[("kuma.io/origin", "zone"), ("kuma.io/zone", zone)])
            .await;
    }
    assert_eq!(rig.delete("/zones/east").await.status, 200);
    assert!(rig.stored("Dataplane", "default", "a").is_none());
    assert!(rig.stored("Dataplane", "default", "b").is_some());
}

#[tokio::test]
async fn system_documents_satisfy_kumactl() {
    let rig = Rig::global().await;
    let index = rig.get("/").await.json();
    for key in [
        "hostname",
        "tagline",
        "product",
        "version",
        "instanceId",
        "clusterId",
        "gui",
    ] {
        assert!(index[key].is_string(), "{key}: {index}");
    }
    assert_eq!(
        (&index["product"], &index["tagline"]),
        (&json!("Kuma"), &json!("Kuma"))
    );
    let kinds = rig.get("/_resources").await.json();
    let gateway = kinds["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|kind| kind["name"] == "MeshGateway")
        .cloned();
    assert_eq!(
        gateway.unwrap(),
        json!({"includeInFederation": true, "name": "MeshGateway", "path": "meshgateways",
               "pluralDisplayName": "Mesh Gateways", "readOnly": false, "scope": "Mesh", "shortName": "mgw",
               "singularDisplayName": "Mesh Gateway"})
    );
    assert_eq!(
        rig.get("/who-am-i").await.json()["name"],
        "mesh-system:admin"
    );
    assert_eq!(rig.get("/config").await.json()["mode"], "global");
    for path in ["/versions", "/nope", "/meshes/default/nope", "/configs"] {
        let answer = rig.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (404, "404: Page Not Found"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_http_layer_answers_in_plain_text() {
    let rig = Rig::global().await;
    for (method, path, allow) in [
        ("POST", "/meshes/default/meshgateways", "GET"),
        ("PATCH", PATH, "PUT, DELETE, GET"),
        ("OPTIONS", PATH, "PUT, DELETE, GET"),
        ("HEAD", PATH, "PUT, DELETE, GET"),
        ("PUT", "/", "GET"),
        ("GET", "/tokens/user", "POST"),
    ] {
        let answer = rig.call(method, path, None).await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn a_stale_read_is_answered_from_this_node() {
    let rig = Rig::global().await;
    rig.put(PATH, GATEWAY).await;
    assert_eq!(
        rig.get(&format!("{PATH}?consistency=stale")).await.status,
        200
    );
    let wrong = rig.get(&format!("{PATH}?consistency=maybe")).await;
    assert_eq!(wrong.fields(), ["consistency"]);
}

#[tokio::test]
async fn a_store_that_stopped_is_503_and_still_answers_stale_reads() {
    let rig = Rig::global().await;
    rig.put(PATH, GATEWAY).await;
    rig.api.store.shutdown().await;
    for answer in [
        rig.get(PATH).await,
        rig.put(PATH, &GATEWAY.replace("8080", "8081")).await,
        rig.delete(PATH).await,
    ] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.json()["title"], "Service unavailable");
    }
    let stale = rig.get(&format!("{PATH}?consistency=stale")).await;
    assert_eq!(stale.status, 200);
}
