//! The requests that a real `kumactl` 2.13.9 made, against us: same status, same documents as its Kuma gave.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use torii_api::{Companions, Problem};
use torii_resource::format::{self, Options};
use torii_resource::{Access, Resource, ResourceKey, Stamp, registry};
use torii_store::{Change, View};

use crate::rig::{Rig, request};

/// The folder of recordings; `None` prints why the test is skipped, or fails where it must not be.
fn recordings() -> Option<PathBuf> {
    let folder = std::env::var_os("TORII_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            let this = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
            this.ancestors()
                .map(|parent| parent.join("shared"))
                .find(|shared| shared.is_dir())
        });
    let found = folder
        .map(|folder| folder.join("recordings"))
        .filter(|folder| folder.is_dir());
    if found.is_none() {
        let required = std::env::var("TORII_REQUIRE")
            .unwrap_or_default()
            .contains("shared");
        assert!(!required, "the shared folder is required and absent");
        println!("skipped: no shared folder");
    }
    found
}

fn lines(file: PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// As the recorded global: a connected zone is not deleted.
struct Connected;

impl Companions for Connected {
    fn companions(&self, _created: &Resource, _view: &View) -> Result<Vec<Change>, Problem> {
        Ok(Vec::new())
    }

    fn before_delete(&self, key: &ResourceKey, _view: &View) -> Result<(), Problem> {
        if key.kind.as_str() == "Zone" && key.name == "east" {
            return Err(Problem::invalid_field(
                "Could not delete a resource",
                "zone",
                "unable to delete Zone, Zone CP is still connected, please shut it down first",
            ));
        }
        Ok(())
    }
}

/// Stores what the recorded control plane had: the items of its recorded lists.
async fn seed(rig: &Rig, recorded: &[Value], to: &str) {
    for exchange in recorded {
        let path = exchange["path"].as_str().unwrap();
        let seeded = ["dataplanes", "meshgateways", "meshgatewayroutes", "zones"];
        let listed = seeded
            .iter()
            .any(|kind| path == format!("/meshes/default/{kind}") || path == format!("/{kind}"));
        if exchange["to"] != to || exchange["method"] != "GET" || !listed {
            continue;
        }
        let Ok(list) = serde_json::from_str::<Value>(exchange["response_body"].as_str().unwrap())
        else {
            continue;
        };
        for item in list["items"].as_array().into_iter().flatten() {
            let name = item["name"].as_str().unwrap();
            if name.starts_with("rec-") || name == "north" {
                continue;
            }
            let text = item.to_string();
            let parsed =
                format::from_json(text.as_bytes(), "recording", &Options::default()).unwrap();
            let resource = Resource {
                key: parsed.resource.key,
                labels: parsed.resource.labels,
                spec: parsed.resource.spec,
                created: Stamp::default(),
                modified: Stamp::default(),
            };
            rig.store(resource, &[]).await;
        }
    }
}

/// Whether the path is one that we serve: the index, or that of a kind that we have.
fn served(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or(path);
    let segments: Vec<_> = path.trim_matches('/').split('/').collect();
    let kind = match segments.as_slice() {
        [""] => return true,
        ["meshes", _, kind, ..] | [kind, ..] => kind,
        [] => return false,
    };
    registry::by_plural(kind).is_some_and(|kind| kind.descriptor.access != Access::Internal)
}

/// A document without what differs from run to run.
fn timeless(document: &Value) -> Value {
    match document {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| !key.ends_with("ationTime"));
            Value::Object(
                kept.map(|(key, value)| (key.clone(), timeless(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

fn keys(document: &Value) -> Vec<&String> {
    document
        .as_object()
        .map(Map::keys)
        .into_iter()
        .flatten()
        .collect()
}

/// Compares our answer with the recorded one; the words say where it was.
fn compare(what: &str, recorded: &Value, ours: &Value) {
    if let Some(title) = recorded.get("title") {
        assert_eq!(sorted(keys(recorded)), sorted(keys(ours)), "{what}");
        // Kuma's Mesh manager has a title of its own for a wrong CA backend.
        if title != "Failed to create a resource" {
            assert_eq!(recorded["title"], ours["title"], "{what}");
        }
    } else if recorded.get("product").is_some() {
        for key in keys(recorded) {
            assert!(ours.get(key).is_some(), "{what}: no {key}");
        }
    } else if let Some(items) = recorded["items"].as_array() {
        assert_eq!(sorted(keys(recorded)), sorted(keys(ours)), "{what}");
        for item in items.iter().filter(|item| expected(item)) {
            let found = ours["items"]
                .as_array()
                .unwrap()
                .iter()
                .find(|own| own["name"] == item["name"] && own["mesh"] == item["mesh"]);
            let found = found.unwrap_or_else(|| panic!("{what}: no {}", item["name"]));
            assert_eq!(timeless(item), timeless(found), "{what}");
        }
    } else {
        assert_eq!(timeless(recorded), timeless(ours), "{what}");
    }
}

fn sorted(mut keys: Vec<&String>) -> Vec<&String> {
    keys.sort();
    keys
}

/// Whether we have an item too: not what came by KDS after the seed, and not the recorded control plane's own keys.
fn expected(item: &Value) -> bool {
    let name = item["name"].as_str().unwrap();
    let secret = matches!(item["type"].as_str(), Some("Secret" | "GlobalSecret"));
    !(name.starts_with("rec-zone-gateway") || secret && !name.starts_with("rec-"))
}

#[tokio::test]
async fn a_real_kumactl_gets_the_answers_that_its_kuma_gave() {
    let Some(folder) = recordings() else { return };
    let mut before = lines(folder.join("rest/rest.jsonl"));
    // What kumactl found later, apart from what it made itself.
    for command in lines(folder.join("kumactl/get.jsonl")) {
        before.extend(command["http"].as_array().unwrap().iter().cloned());
    }
    let global = Rig::with_companions(Arc::new(Connected)).await;
    let zone = Rig::zone().await;
    seed(&global, &before, "global").await;
    seed(&zone, &before, "zone east").await;
    let mut replayed = 0;
    for file in ["apply", "get", "delete"] {
        for (number, command) in lines(folder.join(format!("kumactl/{file}.jsonl")))
            .iter()
            .enumerate()
        {
            for exchange in command["http"].as_array().unwrap() {
                let rig = if exchange["to"] == "global" {
                    &global
                } else {
                    &zone
                };
                if served(exchange["path"].as_str().unwrap()) {
                    replay(rig, exchange, &format!("{file} {number}")).await;
                    replayed += 1;
                }
            }
        }
    }
    assert!(replayed > 100, "only {replayed} requests were replayed");
}

async fn replay(rig: &Rig, exchange: &Value, place: &str) {
    let text = |key: &str| exchange[key].as_str().unwrap_or_default();
    let mut headers: Vec<_> = exchange["request_headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
        .collect();
    headers.push(("host", text("host")));
    let body = exchange["request_body"].as_str();
    let answer = rig
        .send(request(text("method"), text("path"), body, &headers))
        .await;
    let what = format!("{place}: {} {}", text("method"), text("path"));
    assert_eq!(
        answer.status.as_u16(),
        exchange["status"].as_u64().unwrap() as u16,
        "{what}: {}",
        answer.text()
    );
    let recorded: Value = serde_json::from_str(text("response_body")).unwrap();
    compare(&what, &recorded, &answer.json());
}

/// Where we differ from Kuma on purpose: an unknown field is an error, and a zone does not change what the global owns.
const DIFFERENT: [&str; 2] = ["unknown field", "a copy that came from the global"];
/// The recorded requests of which a caller without a token is an admin have one here; those that show what a caller
/// who is none gets are not replayed, as we answer 401.
const NOBODY: [&str; 2] = ["X-Forwarded-For", "Host"];

#[tokio::test]
async fn a_raw_client_gets_the_statuses_and_titles_that_kuma_gave() {
    let Some(folder) = recordings() else { return };
    let recorded = lines(folder.join("rest/rest.jsonl"));
    let global = Rig::with_companions(Arc::new(Connected)).await;
    let zone = Rig::zone().await;
    seed(&global, &recorded, "global").await;
    seed(&zone, &recorded, "zone east").await;
    let mut replayed = 0;
    for (number, exchange) in recorded.iter().enumerate() {
        let text = |key: &str| exchange[key].as_str().unwrap_or_default();
        let segments = text("path")
            .split(['?', '/'])
            .filter(|part| !part.is_empty());
        let views = segments.clone().any(|part| part.starts_with('_')) || segments.count() > 4;
        let skipped = views
            || !served(text("path"))
            || DIFFERENT.contains(&text("note"))
            || NOBODY
                .iter()
                .any(|name| exchange["request_headers"].get(name).is_some());
        if skipped || text("note") == "invalid token" {
            continue;
        }
        let rig = if exchange["to"] == "global" {
            &global
        } else {
            &zone
        };
        raw(rig, exchange, number).await;
        replayed += 1;
    }
    assert!(replayed > 60, "only {replayed} requests were replayed");
}

async fn raw(rig: &Rig, exchange: &Value, number: usize) {
    let text = |key: &str| exchange[key].as_str().unwrap_or_default();
    let headers: Vec<_> = exchange["request_headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let body = exchange["request_body"].as_str();
    let path = text("path").replace('[', "%5B").replace(']', "%5D");
    let answer = rig
        .send(request(text("method"), &path, body, &headers))
        .await;
    let what = format!(
        "{number}: {} {} ({})",
        text("method"),
        text("path"),
        text("note")
    );
    let status = text("status_line").split(' ').nth(1).unwrap();
    assert_eq!(answer.status.as_str(), status, "{what}: {}", answer.text());
    if let Ok(Value::Object(document)) = serde_json::from_str(text("response_body"))
        && let Some(title) = document.get("title")
    {
        assert_eq!(*title, answer.json()["title"], "{what}");
        if answer.status != 400 {
            assert_eq!(document["detail"], answer.json()["detail"], "{what}");
        }
    }
    if text("response_body").starts_with("40") || text("response_body").starts_with("41") {
        assert_eq!(text("response_body"), answer.text(), "{what}");
    }
}
