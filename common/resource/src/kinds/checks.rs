//! For tests: the rules of a kind on a YAML document.

use crate::format::universal;
use crate::kind::{Context, Mode};
use crate::violation::Violation;

/// Violations of Kuma's rules as `field: reason`.
pub(super) fn kuma(yaml: &str) -> Vec<String> {
    run(yaml, false)
}

/// Violations of what only REST and CLI refuse, as `field: reason`.
pub(super) fn strict(yaml: &str) -> Vec<String> {
    run(yaml, true)
}

/// Fields of Kuma's rules alone.
pub(super) fn kuma_fields(yaml: &str) -> Vec<String> {
    fields(&kuma(yaml))
}

/// Fields of the strict rules alone.
pub(super) fn strict_fields(yaml: &str) -> Vec<String> {
    fields(&strict(yaml))
}

fn fields(violations: &[String]) -> Vec<String> {
    violations
        .iter()
        .filter_map(|text| text.split_once(": "))
        .map(|(field, _)| field.to_owned())
        .collect()
}

fn run(yaml: &str, strict: bool) -> Vec<String> {
    let documents = universal::parse(yaml, "test.yaml").unwrap();
    let resource = &documents.first().unwrap().resource;
    let context = Context {
        mode: &Mode::Global,
        mesh: &resource.key.mesh,
        name: &resource.key.name,
        create: true,
    };
    let check = if strict {
        resource.kind.validate_strict(&resource.spec, &context)
    } else {
        resource.kind.validate(&resource.spec, &context)
    };
    check
        .unwrap()
        .into_iter()
        .map(|Violation { field, reason }| format!("{field}: {reason}"))
        .collect()
}
