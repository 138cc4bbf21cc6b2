//! The examples that every version must accept as they stand (mission.md).

mod shared;

use torii_resource::format::{FormatError, universal};
use torii_resource::{Mode, admit};

#[test]
fn every_example_of_the_mission_is_admitted_but_the_one_for_kubernetes() {
    let Some(folder) = shared::folder() else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("mission.md")).unwrap();
    let (mut admitted, mut refused) = (0, 0);
    for block in text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
    {
        for document in block.split("\n---\n") {
            match universal::parse(document, "mission.md") {
                Ok(documents) => {
                    for document in documents {
                        let mode = match document.resource.kind.descriptor.name {
                            "Dataplane" => Mode::Zone("east".to_owned()),
                            _ => Mode::Global,
                        };
                        let result = admit(&document.resource, None, &mode);
                        assert!(
                            result.is_ok(),
                            "{}: {}",
                            document.resource.key,
                            result.unwrap_err()
                        );
                        admitted += 1;
                    }
                }
                Err(FormatError::Invalid { violations, .. })
                    if document.contains("kind: MeshGatewayInstance") =>
                {
                    assert!(
                        violations.to_string().contains("zone on Kubernetes"),
                        "{violations}"
                    );
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!((admitted, refused), (8, 1));
}
