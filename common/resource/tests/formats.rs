//! Every kind goes through all formats and comes back the same; the byte vectors of kds §1.5.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod shared;

use std::collections::BTreeMap;

use prost::Message as _;
use serde_json::{Value, json};
use torii_proto::kuma::mesh::v1alpha1::KumaResource;
use torii_resource::format::{Format, Options, any, from_json, from_text, kubernetes, universal};
use torii_resource::registry::{self, KINDS};
use torii_resource::{ParsedResource, Resource, Revision, Scope, Stamp};

/// A resource of each kind with a spec that says something.
fn example(kind: &str) -> Resource {
    let spec = match kind {
        "Config" => json!({"config": "{\"a\": 1}"}),
        "Dataplane" => json!({"networking": {"address": "10.0.0.1", "gateway":
            {"type": "BUILTIN", "tags": {"kuma.io/service": "edge", "b": "1", "a": "2"}}}}),
        "GlobalSecret" | "Secret" => json!({"data": "c2VjcmV0AP8="}),
        "Mesh" => {
            json!({"mtls": {"enabledBackend": "ca-1", "backends": [{"name": "ca-1", "type": "builtin",
            "conf": {"caCert": {"RSAbits": 2048, "expiration": "10y"}}, "dpCert": {"requestTimeout": "1.5s"}}]},
            "networking": {"outbound": {"passthrough": false}}})
        }
        "MeshGateway" => {
            json!({"selectors": [{"match": {"kuma.io/service": "edge"}}], "tags": {"z": "1", "y": "*"},
            "conf": {"listeners": [{"port": 8080, "protocol": "HTTP", "tls": {}, "crossMesh": true}]}})
        }
        "MeshGatewayRoute" => json!({"selectors": [{"match": {"kuma.io/service": "edge"}}],
            "conf": {"http": {"rules": [{"matches": [{"path": {"match": "PREFIX", "value": "/"}}],
            "filters": [{"mirror": {"percentage": 12.5, "backend": {"destination": {"kuma.io/service": "m"}}}}],
            "backends": [{"weight": 7, "destination": {"kuma.io/service": "b", "version": "2"}}]}]}}}),
        "Zone" => json!({"enabled": false}),
        policy => shared::policies::example(policy),
    };
    let entry = registry::by_name(kind).unwrap();
    let mesh = if entry.descriptor.scope == Scope::Mesh {
        "m1"
    } else {
        ""
    };
    let mut document = json!({"type": kind, "name": "x", "mesh": mesh, "labels": {"team": "a"}});
    document
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    if kind == "Secret" {
        // On Kubernetes the mesh of a Secret is this label.
        document["labels"]["kuma.io/mesh"] = Value::from(mesh);
    }
    let text = document.to_string();
    let parsed = from_json(text.as_bytes(), "example", &Options::default())
        .unwrap()
        .resource;
    Resource {
        key: parsed.key,
        labels: parsed.labels,
        spec: parsed.spec,
        created: Stamp {
            revision: Revision(7),
            time: "2026-11-24T16:19:07.336379189Z".parse().unwrap(),
        },
        modified: Stamp {
            revision: Revision(8),
            time: "2026-11-24T16:32:23.5Z".parse().unwrap(),
        },
    }
}

fn same(resource: &Resource, parsed: &ParsedResource) {
    assert_eq!(parsed.key, resource.key);
    assert_eq!(parsed.labels, resource.labels);
    assert_eq!(parsed.spec, resource.spec, "{}", resource.key);
}

#[test]
fn every_kind_comes_back_from_universal_json_and_yaml() {
    for kind in KINDS {
        let resource = example(kind.descriptor.name);
        let json = universal::to_json(&resource).unwrap().to_string();
        same(
            &resource,
            &from_json(json.as_bytes(), "x", &Options::default())
                .unwrap()
                .resource,
        );
        let yaml = universal::to_yaml(&resource).unwrap();
        let documents = from_text(&yaml, "x", &Options::default()).unwrap();
        assert_eq!(documents[0].format, Format::Universal);
        same(&resource, &documents[0].resource);
    }
}

#[test]
fn policies_are_printed_as_they_were_written() {
    for kind in shared::policies::KINDS {
        let json = universal::to_json(&example(kind)).unwrap();
        for (field, value) in shared::policies::example(kind).as_object().unwrap() {
            assert_eq!(&json[field], value, "{kind}");
        }
    }
}

#[test]
fn every_kind_comes_back_from_kubernetes() {
    for kind in KINDS {
        let mut resource = example(kind.descriptor.name);
        for (name, namespace) in [("x", "kuma-system"), ("x.y.demo", "demo")] {
            name.clone_into(&mut resource.key.name);
            let object = kubernetes::to_object(&resource, kubernetes::SYSTEM_NAMESPACE).unwrap();
            let core = ["Secret", "GlobalSecret", "Config"].contains(&kind.descriptor.name);
            let expected = if core { "kuma-system" } else { namespace };
            if kind.descriptor.namespaced {
                assert_eq!(object["metadata"]["namespace"], *expected);
            } else {
                assert_eq!(object["metadata"]["name"], *name);
            }
            let document =
                from_json(object.to_string().as_bytes(), "x", &Options::default()).unwrap();
            assert_eq!(document.format, Format::Kubernetes);
            same(&resource, &document.resource);
        }
    }
}

#[test]
fn every_kind_comes_back_from_kds_and_its_creation_with_it() {
    for kind in KINDS {
        let resource = example(kind.descriptor.name);
        let mut body = any::to_kuma_resource(&resource, "x-hash", &resource.labels).unwrap();
        let received = any::from_kuma_resource(kind.descriptor.name, body.clone()).unwrap();
        assert_eq!(
            (received.key.name.as_str(), received.created),
            ("x-hash", None)
        );
        assert_eq!(
            (&received.labels, &received.spec),
            (&resource.labels, &resource.spec)
        );
        any::set_created(&mut body, &resource.created);
        let received = any::from_kuma_resource(kind.descriptor.name, body.clone()).unwrap();
        assert_eq!(received.created, Some(resource.created));

        // A later Kuma sends JSON with an empty type URL.
        let spec =
            torii_resource::format::proto_json::encode(kind.descriptor.message, &resource.spec)
                .unwrap();
        let mut json = spec.clone();
        json.insert("fieldOfTomorrow".to_owned(), Value::from(1));
        body.spec = Some(prost_types::Any {
            type_url: String::new(),
            value: Value::Object(json).to_string().into_bytes(),
        });
        let received = any::from_kuma_resource(kind.descriptor.name, body.clone()).unwrap();
        assert_eq!(received.spec, resource.spec);

        body.spec = Some(prost_types::Any {
            type_url: "type.googleapis.com/other.Message".to_owned(),
            value: Vec::new(),
        });
        assert!(any::from_kuma_resource(kind.descriptor.name, body).is_err());
    }
}

#[test]
fn a_version_that_is_no_creation_is_ignored() {
    for version in ["", "7", "@", "7@yesterday", "x@2026-11-24T16:19:07Z"] {
        let mut body = any::to_kuma_resource(&example("Zone"), "x", &BTreeMap::new()).unwrap();
        body.meta.as_mut().unwrap().version = version.to_owned();
        assert_eq!(
            any::from_kuma_resource("Zone", body).unwrap().created,
            None,
            "{version}"
        );
    }
}

#[test]
fn the_default_mesh_has_the_bytes_of_kuma() {
    // kds §1.5
    const HEX: &str = "0a440a0764656661756c74321f0a146b756d612e696f2f646973706c61792d6e616d65120764656661756c7432180a\
                       0e6b756d612e696f2f6f726967696e1206676c6f62616c122d0a2b747970652e676f6f676c65617069732e636f6d2f\
                       6b756d612e6d6573682e7631616c706861312e4d657368";
    let mut mesh = example("Mesh");
    mesh.spec = bytes::Bytes::new();
    let labels = BTreeMap::from([
        ("kuma.io/origin".to_owned(), "global".to_owned()),
        ("kuma.io/display-name".to_owned(), "default".to_owned()),
    ]);
    let body = any::to_kuma_resource(&mesh, "default", &labels).unwrap();
    let hex: String = body
        .encode_to_vec()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, HEX);
    assert_eq!(
        KumaResource::decode(body.encode_to_vec().as_slice()).unwrap(),
        body
    );
}

#[test]
fn json_answers_have_the_order_of_kuma() {
    let json = universal::to_json(&example("MeshGateway"))
        .unwrap()
        .to_string();
    assert_eq!(
        json,
        r#"{"type":"MeshGateway","mesh":"m1","name":"x","creationTime":"2026-11-24T16:19:07.336379189Z","modificationTime":"2026-11-24T16:32:23.5Z","labels":{"team":"a"},"selectors":[{"match":{"kuma.io/service":"edge"}}],"tags":{"y":"*","z":"1"},"conf":{"listeners":[{"port":8080,"protocol":"HTTP","tls":{},"crossMesh":true}]}}"#
    );
    let mut zone = example("Zone");
    zone.labels.clear();
    zone.created = Stamp::default();
    assert_eq!(
        universal::to_json(&zone).unwrap().to_string(),
        r#"{"type":"Zone","name":"x","creationTime":"0001-01-01T00:00:00Z","modificationTime":"2026-11-24T16:32:23.5Z","enabled":false}"#
    );
}

#[test]
fn debug_prints_never_show_a_secret() {
    let secret = example("Secret");
    let parsed = from_json(
        universal::to_json(&secret).unwrap().to_string().as_bytes(),
        "x",
        &Options::default(),
    )
    .unwrap();
    for text in [format!("{secret:?}"), format!("{parsed:?}")] {
        assert!(!text.contains("secret\\"), "{text}");
        assert!(text.contains("spec_bytes"), "{text}");
    }
}
