//! The examples of this repository: one for every policy, all admitted, and the same through every format.

mod shared;

use std::collections::BTreeSet;
use std::path::Path;

use torii_resource::format::{Options, any, from_json, kubernetes, universal};
use torii_resource::{Mode, Resource, Stamp, admit};

#[test]
fn every_policy_has_an_example_that_is_admitted_and_survives_every_format() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/policies");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let documents = universal::parse(&text, &path.to_string_lossy()).unwrap();
        assert_eq!(documents.len(), 1, "{}", path.display());
        let parsed = documents.into_iter().next().unwrap().resource;
        let admitted = admit(&parsed, None, &Mode::Global)
            .unwrap_or_else(|violations| panic!("{}: {violations}", path.display()));
        assert_eq!(admitted.spec, parsed.spec, "no defaults are written");
        let resource = Resource {
            key: parsed.key.clone(),
            labels: parsed.labels.clone(),
            spec: admitted.spec,
            created: Stamp::default(),
            modified: Stamp::default(),
        };
        let json = universal::to_json(&resource).unwrap();
        let object = kubernetes::to_object(&resource, kubernetes::SYSTEM_NAMESPACE).unwrap();
        for document in [json, object] {
            let text = document.to_string();
            let back = from_json(text.as_bytes(), "again", &Options::default()).unwrap();
            assert_eq!(back.resource.key, parsed.key);
            assert_eq!(back.resource.spec, parsed.spec, "{text}");
        }
        let body = any::to_kuma_resource(&resource, &parsed.key.name, &resource.labels).unwrap();
        let received = any::from_kuma_resource(parsed.key.kind.as_str(), body).unwrap();
        assert_eq!(received.spec, parsed.spec, "{}", parsed.key);
        found.insert(parsed.key.kind.to_string());
    }
    let expected: BTreeSet<String> = shared::policies::KINDS
        .iter()
        .map(|kind| (*kind).to_owned())
        .collect();
    assert_eq!(found, expected);
}
