//! `PUT /torii/resources`: all documents or none, and everything that is wrong at once.

use std::sync::Arc;

use serde_json::json;
use torii_api::{Companions, Problem};
use torii_resource::kinds::{Mesh, Secret};
use torii_resource::{Kind as _, Resource};
use torii_store::{Change, Expect, Op, View};

use crate::rig::{Answer, Rig, empty, request};

const PATH: &str = "/torii/resources";

async fn apply(rig: &Rig, yaml: &str) -> Answer {
    rig.send(request(
        "PUT",
        PATH,
        Some(yaml),
        &[("content-type", "application/yaml")],
    ))
    .await
}

const GOOD: &str = "\
type: MeshGateway
mesh: demo
name: edge
selectors: [{match: {kuma.io/service: edge}}]
conf: {listeners: [{port: 8080, protocol: HTTP}]}
---
type: Mesh
name: demo
---
type: Secret
mesh: demo
name: s
data: YQ==
";

#[tokio::test]
async fn documents_of_a_new_mesh_are_one_revision() {
    let rig = Rig::global().await;
    let before = rig.revision();
    let answer = apply(&rig, GOOD).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(rig.revision(), before + 1);
    assert_eq!(
        answer.header("x-torii-revision"),
        Some((before + 1).to_string().as_str())
    );
    assert_eq!(
        answer.json(),
        json!({"revision": before + 1, "documents": [
            {"document": 0, "type": "MeshGateway", "mesh": "demo", "name": "edge", "outcome": "Created"},
            {"document": 1, "type": "Mesh", "name": "demo", "outcome": "Created"},
            {"document": 2, "type": "Secret", "mesh": "demo", "name": "s", "outcome": "Created"},
        ]})
    );
    let again = apply(&rig, &GOOD.replace("8080", "8081")).await.json();
    let outcomes: Vec<_> = (0..3)
        .map(|index| again["documents"][index]["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["Updated", "Unchanged", "Unchanged"]);
}

#[tokio::test]
async fn one_bad_document_keeps_all_out_and_every_fault_is_named() {
    let rig = Rig::global().await;
    let before = rig.revision();
    let text = format!(
        "{GOOD}---\ntype: MeshGateway\nname: x\nnope: 1\n---\n{}---\ntype: Dataplane\nname: d\nnetworking: {{}}\n",
        "type: MeshGateway\nname: y\nselectors: []\nconf: {listeners: [{port: 0, protocol: HTTP}]}\n"
    );
    let answer = apply(&rig, &text).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(rig.revision(), before);
    let found: Vec<_> = answer.json()["invalid_parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| {
            (
                parameter["document"].as_u64().unwrap(),
                parameter["resource"].as_str().unwrap().to_owned(),
                parameter["field"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [
        (3, "MeshGateway x", "nope"),
        (4, "MeshGateway default/y", "selectors"),
        (4, "MeshGateway default/y", "conf.listeners[0].port"),
        (5, "Dataplane default/d", ""),
    ];
    for (document, resource, field) in expected {
        let wanted = (document, resource.to_owned(), field.to_owned());
        assert!(found.contains(&wanted), "{wanted:?} is not in {found:?}");
    }
    assert!(
        answer.json()["detail"].as_str().unwrap().contains("3 of 6"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_text_that_is_no_yaml_or_empty_is_400() {
    let rig = Rig::global().await;
    for text in ["a: [", "", "# nothing\n"] {
        assert_eq!(apply(&rig, text).await.status, 400, "{text:?}");
    }
    let mut twice = "type: Mesh\nname: m\n---\n".repeat(2);
    assert_eq!(apply(&rig, &twice).await.status, 400);
    twice.truncate(twice.len() / 2);
    assert_eq!(apply(&rig, &twice).await.status, 200);
}

/// Gives a new mesh a secret, as the global gives it a signing key.
struct Key;

impl Companions for Key {
    fn companions(&self, created: &Resource, view: &View) -> Result<Vec<Change>, Problem> {
        if created.key.kind.as_str() != Mesh::DESCRIPTOR.name {
            return Ok(Vec::new());
        }
        let secret = empty::<Secret>(&created.key.name, "key");
        if view.get(&secret.key).is_some() {
            return Ok(Vec::new());
        }
        Ok(vec![Change {
            key: secret.key,
            expect: Expect::Absent,
            op: Op::Put {
                labels: secret.labels,
                spec: secret.spec,
                created: None,
            },
        }])
    }
}

#[tokio::test]
async fn what_belongs_to_a_new_mesh_is_in_the_same_revision() {
    let rig = Rig::with_companions(Arc::new(Key)).await;
    let before = rig.revision();
    let mesh = r#"{"type":"Mesh","name":"demo"}"#;
    assert_eq!(rig.put("/meshes/demo", mesh).await.status, 201);
    assert_eq!(rig.revision(), before + 1);
    let key = rig.stored("Secret", "demo", "key").unwrap();
    let mesh = rig.stored("Mesh", "", "demo").unwrap();
    assert_eq!(key.created.revision, mesh.created.revision);
}

#[tokio::test]
async fn kubernetes_objects_are_taken_too() {
    let rig = Rig::global().await;
    let text = "\
apiVersion: kuma.io/v1alpha1
kind: MeshGateway
mesh: default
metadata: {name: edge}
spec:
  selectors: [{match: {kuma.io/service: edge}}]
  conf: {listeners: [{port: 8080, protocol: HTTP}]}
";
    let answer = apply(&rig, text).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(rig.stored("MeshGateway", "default", "edge").is_some());
}
