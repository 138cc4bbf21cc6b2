//! Lists: order, pages, links, filters.

use serde_json::Value;

use crate::crud::GATEWAY;
use crate::rig::Rig;

async fn filled() -> Rig {
    let rig = Rig::global().await;
    rig.put("/meshes/demo", r#"{"type":"Mesh","name":"demo"}"#)
        .await;
    for (mesh, name) in [
        ("default", "c"),
        ("demo", "a"),
        ("default", "a"),
        ("default", "b"),
    ] {
        let body = GATEWAY
            .replace("\"default\"", &format!("\"{mesh}\""))
            .replace("\"name\":\"edge\"", &format!("\"name\":\"{name}\""))
            .replace(
                "\"conf\"",
                &format!("\"labels\":{{\"team\":\"{name}\"}},\"conf\""),
            );
        let answer = rig
            .put(&format!("/meshes/{mesh}/meshgateways/{name}"), &body)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    rig
}

fn names(list: &Value) -> Vec<String> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            format!(
                "{}/{}",
                item["mesh"].as_str().unwrap(),
                item["name"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn lists_are_ordered_by_mesh_and_name() {
    let rig = filled().await;
    let list = rig.get("/meshgateways").await.json();
    assert_eq!(
        names(&list),
        ["default/a", "default/b", "default/c", "demo/a"]
    );
    assert_eq!((&list["total"], &list["next"]), (&4.into(), &Value::Null));
    let list = rig.get("/meshes/demo/meshgateways").await.json();
    assert_eq!(names(&list), ["demo/a"]);
    let empty = rig.get("/meshes/demo/meshgatewayroutes").await;
    assert_eq!(
        empty.text(),
        "{\n \"total\": 0,\n \"items\": [],\n \"next\": null\n}\n"
    );
}

#[tokio::test]
async fn the_link_to_the_next_page_is_absolute_and_leads_to_the_end() {
    let rig = filled().await;
    let mut seen = Vec::new();
    let mut path = "/meshgateways?size=3".to_owned();
    loop {
        let list = rig.get(&path).await.json();
        assert_eq!(list["total"], 4);
        seen.extend(names(&list));
        let Some(next) = list["next"].as_str() else {
            break;
        };
        assert_eq!(next, "http://global.test:5682/meshgateways?offset=3&size=3");
        path = next
            .strip_prefix("http://global.test:5682")
            .unwrap()
            .to_owned();
    }
    assert_eq!(seen, ["default/a", "default/b", "default/c", "demo/a"]);
}

#[tokio::test]
async fn filters_work_on_names_and_labels() {
    let rig = filled().await;
    let list = rig.get("/meshgateways?name=b").await.json();
    assert_eq!(names(&list), ["default/b"]);
    let list = rig.get("/meshgateways?filter[labels.team]=a").await.json();
    assert_eq!(names(&list), ["default/a", "demo/a"]);
    let wrong = rig.get("/meshes/default/meshgateways?filter[x]=y").await;
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.fields(), ["/meshes/{mesh}/meshgateways.filter[x]"]);
    assert_eq!(wrong.json()["title"], "Could not retrieve resources");
}
