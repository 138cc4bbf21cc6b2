//! What real Kuma 2.13.9 programs sent and answered: it is read, and ours is the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod shared;

use std::collections::BTreeSet;

use base64::Engine as _;
use prost::Message as _;
use serde_json::Value;
use torii_proto::envoy::service::discovery::v3::DeltaDiscoveryResponse;
use torii_proto::kuma::mesh::v1alpha1::KumaResource;
use torii_resource::format::{Options, Strictness, any, from_json, kubernetes, universal};
use torii_resource::registry;
use torii_resource::{Mode, Resource, Revision, Stamp, admit};

/// Exchanges of a recording, whatever its form.
fn exchanges(lines: &[Value]) -> Vec<Value> {
    lines
        .iter()
        .flat_map(|line| match line.get("http") {
            Some(Value::Array(exchanges)) => exchanges.clone(),
            _ => vec![line.clone()],
        })
        .collect()
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn known(resource: &Value) -> bool {
    resource["type"]
        .as_str()
        .is_some_and(|name| registry::by_name(name).is_some())
        && resource["name"].is_string()
}

/// Resources in a body: itself, or the items of a list.
fn resources(body: &Value) -> Vec<Value> {
    let found = match &body["items"] {
        Value::Array(items) => items.clone(),
        _ => vec![body.clone()],
    };
    found.into_iter().filter(known).collect()
}

fn stored(json: &Value) -> Resource {
    let options = Options {
        strictness: Strictness::Strict,
        ..Options::default()
    };
    let parsed = from_json(json.to_string().as_bytes(), "recorded", &options)
        .unwrap_or_else(|error| panic!("{error}"))
        .resource;
    let stamp = |field: &str| Stamp {
        revision: Revision(1),
        time: json[field].as_str().unwrap().parse().unwrap(),
    };
    Resource {
        key: parsed.key,
        labels: parsed.labels,
        spec: parsed.spec,
        created: stamp("creationTime"),
        modified: stamp("modificationTime"),
    }
}

#[test]
fn recorded_answers_are_read_and_printed_the_same() {
    let Some(folder) = shared::folder() else {
        return;
    };
    let mut count = 0;
    for name in [
        "kumactl/get.jsonl",
        "kumactl/export.jsonl",
        "rest/rest.jsonl",
    ] {
        for exchange in exchanges(&shared::lines(&folder, name)) {
            let body = exchange["response_body"]
                .as_str()
                .and_then(parse)
                .unwrap_or_default();
            for mut json in resources(&body) {
                // Insights beside a Dataplane and sections of overviews are no resources.
                if json.get("dataplane").is_some() || json.get("zone").is_some() {
                    continue;
                }
                let ours = universal::to_json(&stored(&json)).unwrap();
                json.as_object_mut().unwrap().remove("kri");
                assert_eq!(ours, json, "{name}");
                count += 1;
            }
        }
    }
    assert!(count > 50, "only {count} resources found in the recordings");
}

#[test]
fn recorded_writes_are_admitted_as_kuma_did() {
    let Some(folder) = shared::folder() else {
        return;
    };
    let mut count = 0;
    for name in ["kumactl/apply.jsonl", "rest/rest.jsonl"] {
        for exchange in exchanges(&shared::lines(&folder, name)) {
            let status = exchange["status"].as_u64().map_or_else(
                || {
                    exchange["status_line"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned()
                },
                |status| format!("HTTP/1.1 {status}"),
            );
            let taken = status.contains(" 200") || status.contains(" 201");
            let unknown_field = exchange["note"] == "unknown field";
            let Some(body) = exchange["request_body"]
                .as_str()
                .filter(|_| exchange["method"] == "PUT")
            else {
                continue;
            };
            if !taken || unknown_field || !parse(body).is_some_and(|json| known(&json)) {
                continue;
            }
            let parsed = from_json(body.as_bytes(), "recorded", &Options::default())
                .unwrap()
                .resource;
            let zone = ["zone east", "east"]
                .iter()
                .any(|zone| exchange["to"] == **zone)
                || parsed
                    .labels
                    .get("kuma.io/origin")
                    .is_some_and(|origin| origin == "zone");
            let mode = if zone {
                Mode::Zone("east".to_owned())
            } else {
                Mode::Global
            };
            admit(&parsed, None, &mode)
                .unwrap_or_else(|violations| panic!("{}: {violations}", parsed.key));
            count += 1;
        }
    }
    assert!(count > 20, "only {count} writes found in the recordings");
}

#[test]
fn recorded_refusals_have_our_field_and_reason() {
    let Some(folder) = shared::folder() else {
        return;
    };
    let mut count = 0;
    for exchange in shared::lines(&folder, "rest/rest.jsonl") {
        let answer = exchange["response_body"]
            .as_str()
            .and_then(parse)
            .unwrap_or_default();
        let Some(body) = exchange["request_body"]
            .as_str()
            .filter(|_| exchange["method"] == "PUT")
        else {
            continue;
        };
        let (Some(expected), true) = (
            answer["invalid_parameters"].as_array(),
            parse(body).is_some_and(|json| known(&json)),
        ) else {
            continue;
        };
        let from_url = |parameter: &Value| {
            parameter["reason"]
                .as_str()
                .unwrap()
                .contains("from the URL")
        };
        if expected.iter().any(from_url) {
            continue;
        }
        let parsed = from_json(body.as_bytes(), "recorded", &Options::default())
            .unwrap()
            .resource;
        let mode = if exchange["to"] == "global" {
            Mode::Global
        } else {
            Mode::Zone("east".to_owned())
        };
        let ours: Vec<_> = admit(&parsed, None, &mode)
            .unwrap_err()
            .into_iter()
            .map(|violation| (violation.field, violation.reason))
            .collect();
        let theirs: Vec<_> = expected
            .iter()
            .map(|parameter| {
                let text = |key: &str| parameter[key].as_str().unwrap().to_owned();
                (text("field"), text("reason"))
            })
            .collect();
        assert_eq!(ours, theirs);
        count += 1;
    }
    assert!(count >= 5, "only {count} refusals found in the recordings");
}

#[test]
fn the_recorded_kubernetes_form_is_ours() {
    let Some(folder) = shared::folder() else {
        return;
    };
    let lines = shared::lines(&folder, "rest/rest.jsonl");
    let body = |suffix: &str| {
        lines
            .iter()
            .filter(|line| line["path"].as_str().unwrap_or_default().ends_with(suffix))
            .find_map(|line| line["response_body"].as_str().and_then(parse))
            .unwrap()
    };
    let mut resource = stored(&body("/meshes/default/meshgateways/edge-gateway"));
    resource.labels.clear();
    let object = kubernetes::to_object(&resource, kubernetes::SYSTEM_NAMESPACE).unwrap();
    assert_eq!(
        object,
        body("/meshes/default/meshgateways/edge-gateway?format=k8s")
    );
}

#[test]
fn recorded_kds_bodies_are_encoded_byte_for_byte_the_same() {
    let Some(folder) = shared::folder() else {
        return;
    };
    let (mut count, mut kinds) = (0, BTreeSet::new());
    for name in [
        "kds/first-join.jsonl",
        "kds/all-kinds.jsonl",
        "kds/reconnect-and-changes.jsonl",
    ] {
        for line in shared::lines(&folder, name) {
            if line["type"] != "envoy.service.discovery.v3.DeltaDiscoveryResponse" {
                continue;
            }
            let Some(raw) = line["raw"].as_str() else {
                continue;
            };
            let raw = base64::engine::general_purpose::STANDARD
                .decode(raw)
                .unwrap();
            let response = DeltaDiscoveryResponse::decode(raw.as_slice()).unwrap();
            if registry::by_name(&response.type_url).is_none() {
                continue;
            }
            for entry in response.resources {
                let wrapper = entry.resource.unwrap();
                assert_eq!(wrapper.type_url, any::WRAPPER_TYPE_URL);
                let body = KumaResource::decode(wrapper.value.as_slice()).unwrap();
                let received = any::from_kuma_resource(&response.type_url, body).unwrap();
                let resource = Resource {
                    key: received.key,
                    labels: received.labels,
                    spec: received.spec,
                    created: Stamp::default(),
                    modified: Stamp::default(),
                };
                let ours =
                    any::to_kuma_resource(&resource, &resource.key.name, &resource.labels).unwrap();
                assert_eq!(ours.encode_to_vec(), wrapper.value, "{}", entry.name);
                count += 1;
                kinds.insert(response.type_url.clone());
            }
        }
    }
    assert!(count > 20, "only {count} bodies found in the recordings");
    for kind in shared::policies::KINDS {
        // The one policy that was not recorded.
        assert_eq!(kinds.contains(kind), kind != "TrafficTrace", "{kind}");
    }
}
