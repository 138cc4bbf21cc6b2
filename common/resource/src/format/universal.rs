//! Universal documents (resources §1.2): metadata and spec fields side by side, as REST, kumactl and files have them.

use serde_json::{Map, Value};

use super::document::{self, Document, Options, ParsedResource};
use super::error::{FormatError, Place};
use super::node::Node;
use super::{metadata, proto_json, yaml};
use crate::kind::Scope;
use crate::meta::{Resource, ResourceKey};
use crate::registry;
use crate::violation::Violations;

/// Keys that are metadata, not spec. `kri` and `status` are what an answer has and an input may repeat.
const METADATA: [&str; 8] = [
    "type",
    "mesh",
    "name",
    "creationTime",
    "modificationTime",
    "labels",
    "kri",
    "status",
];

/// The resources of a file as the CLI reads it: strict, mesh `default` when a document names none. Kubernetes objects
/// are recognised by their `apiVersion`.
///
/// # Errors
/// For the first document that is malformed or has wrong fields.
pub fn parse(text: &str, file: &str) -> Result<Vec<Document>, FormatError> {
    document::from_text(text, file, &Options::default())
}

/// A resource as REST answers with it: `type, mesh, name, creationTime, modificationTime, labels`, then the spec.
///
/// # Errors
/// When the stored spec is not the kind's message, or the kind is unknown.
pub fn to_json(resource: &Resource) -> Result<Value, FormatError> {
    let failed = |violations| FormatError::Invalid {
        place: Box::new(Place {
            file: "store".to_owned(),
            resource: resource.key.to_string(),
            ..Place::default()
        }),
        violations,
    };
    let name = resource.key.kind.as_str();
    let mut violations = Violations::new();
    let Some(kind) = metadata::kind(name, "type", &mut violations) else {
        return Err(failed(violations));
    };
    let spec = proto_json::encode(kind.descriptor.message, &resource.spec).map_err(failed)?;

    let mut map = Map::new();
    map.insert("type".to_owned(), Value::from(name));
    if kind.descriptor.scope == Scope::Mesh {
        map.insert("mesh".to_owned(), Value::from(resource.key.mesh.as_str()));
    }
    map.insert("name".to_owned(), Value::from(resource.key.name.as_str()));
    map.insert(
        "creationTime".to_owned(),
        metadata::print_time(&resource.created),
    );
    map.insert(
        "modificationTime".to_owned(),
        metadata::print_time(&resource.modified),
    );
    if !resource.labels.is_empty() {
        map.insert(
            "labels".to_owned(),
            metadata::object(resource.labels.clone()),
        );
    }
    map.extend(spec);
    Ok(Value::Object(map))
}

/// A resource as one YAML document, without a `---` line.
///
/// # Errors
/// As [`to_json`].
pub fn to_yaml(resource: &Resource) -> Result<String, FormatError> {
    let json = to_json(resource)?;
    yaml::to_text(&json).map_err(|error| FormatError::Syntax {
        place: Box::new(Place {
            file: "store".to_owned(),
            resource: resource.key.to_string(),
            ..Place::default()
        }),
        line: 0,
        column: 0,
        message: error.to_string(),
    })
}

/// Reads one Universal document.
pub(crate) fn read(node: &Node, options: &Options<'_>) -> Result<ParsedResource, Violations> {
    let mut violations = Violations::new();
    let Node::Map(entries) = node else {
        violations.add(
            "",
            format!("a resource must be an object, not {}", node.describe()),
        );
        return Err(violations);
    };
    let type_name = metadata::text(node.get("type"), "type", &mut violations);
    if type_name.is_empty() {
        if violations.is_empty() {
            violations.add("type", "cannot be empty: give the kind, e.g. MeshGateway");
        }
        return Err(violations);
    }
    let Some(kind) = metadata::kind(&type_name, "type", &mut violations) else {
        return Err(violations);
    };
    let name = metadata::required(node.get("name"), "name", &mut violations);
    let mut mesh = metadata::text(node.get("mesh"), "mesh", &mut violations);
    match kind.descriptor.scope {
        Scope::Global => mesh.clear(),
        Scope::Mesh if mesh.is_empty() => match options.default_mesh {
            Some(default) => default.clone_into(&mut mesh),
            None => violations.add("mesh", "cannot be empty"),
        },
        Scope::Mesh => {}
    }
    let labels = metadata::texts(node.get("labels"), "labels", &mut violations);
    metadata::time(node.get("creationTime"), "creationTime", &mut violations);
    metadata::time(
        node.get("modificationTime"),
        "modificationTime",
        &mut violations,
    );

    let fields = entries
        .iter()
        .filter(|(key, _)| !METADATA.contains(&key.as_str()))
        .cloned()
        .collect();
    match document::spec(kind, &Node::Map(fields), options.strictness) {
        Ok(spec) if violations.is_empty() => Ok(ParsedResource {
            kind,
            key: ResourceKey::new(kind.descriptor.name, &mesh, &name),
            labels,
            spec,
        }),
        Ok(_) => Err(violations),
        Err(more) => {
            violations.extend(more);
            Err(violations)
        }
    }
}

/// The kind that REST serves at this path reads its body: type, mesh and name of body and URL must agree
/// (control-plane-api §5.7).
///
/// # Errors
/// As [`crate::format::from_json`]; and when `type`, `mesh` or `name` differ from the URL's.
pub fn from_request(body: &[u8], url: &ResourceKey) -> Result<ParsedResource, FormatError> {
    let options = Options {
        default_mesh: Some(&url.mesh),
        ..Options::default()
    };
    let parsed = document::from_json(body, "request body", &options);
    let mut violations = Violations::new();
    let mut differs = |field: &str| {
        violations.add(
            field,
            format!("{field} from the URL has to be the same as in body"),
        );
    };
    match parsed {
        Ok(document) => {
            let key = &document.resource.key;
            if key.kind != url.kind {
                differs("type");
            }
            if key.mesh != url.mesh
                && registry::by_name(url.kind.as_str())
                    .is_some_and(|kind| kind.descriptor.scope == Scope::Mesh)
            {
                differs("mesh");
            }
            if key.name != url.name {
                differs("name");
            }
            if violations.is_empty() {
                return Ok(document.resource);
            }
            Err(FormatError::Invalid {
                place: Box::new(document.place),
                violations,
            })
        }
        Err(error) => Err(error),
    }
}
