//! The inputs of the golden gateway cases: all are valid by Kuma's rules, and what the door refuses of them is listed.

mod shared;

use torii_resource::format::universal;
use torii_resource::{Context, Mode};

/// Cases that the door refuses on purpose, with the first refused field.
const REFUSED: [(&str, &str); 0] = [];

#[test]
fn golden_inputs_are_valid_and_admitted() {
    let Some(folder) = shared::folder() else {
        return;
    };
    let (mut count, mut refused) = (0, Vec::new());
    for kind in std::fs::read_dir(folder.join("golden/gateway")).unwrap() {
        let mut cases: Vec<_> = std::fs::read_dir(kind.unwrap().path())
            .unwrap()
            .map(|case| case.unwrap().path())
            .collect();
        cases.sort();
        for case in cases {
            let text = std::fs::read_to_string(case.join("inputs.yaml")).unwrap();
            let name = case.file_name().unwrap().to_string_lossy().into_owned();
            // Kinds of later slices stand in the same files.
            for document in text.split("\n---\n") {
                let Ok(documents) = universal::parse(document, &name) else {
                    continue;
                };
                for document in documents {
                    let resource = document.resource;
                    let context = Context {
                        mode: &Mode::Global,
                        mesh: &resource.key.mesh,
                        name: &resource.key.name,
                        create: true,
                    };
                    let violations = resource.kind.validate(&resource.spec, &context).unwrap();
                    assert!(
                        violations.is_empty(),
                        "{name}: {}: {violations}",
                        resource.key
                    );
                    let strict = resource
                        .kind
                        .validate_strict(&resource.spec, &context)
                        .unwrap();
                    refused.extend(
                        strict
                            .iter()
                            .map(|violation| (name.clone(), violation.to_owned())),
                    );
                    count += 1;
                }
            }
        }
    }
    assert!(count > 50, "only {count} documents found");
    let refused: Vec<_> = refused
        .iter()
        .map(|(name, violation)| (name.as_str(), violation.field.as_str()))
        .collect();
    assert_eq!(refused, REFUSED);
}
