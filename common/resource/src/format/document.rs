//! Text to resources: several documents, each Universal or Kubernetes.
//!
//! Decides only which format a document is in.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use super::error::{FormatError, Place};
use super::node::Node;
use super::{Strictness, kubernetes, universal, yaml};
use crate::kind::KindEntry;
use crate::meta::ResourceKey;
use crate::violation::Violations;

/// The form of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `type`, `mesh`, `name` and the spec's fields side by side.
    Universal,
    /// `apiVersion`, `kind`, `metadata`, `spec`.
    Kubernetes,
}

/// A resource as its writer gave it: nothing is defaulted, computed or validated yet.
#[derive(Clone)]
pub struct ParsedResource {
    /// Its kind.
    pub kind: &'static KindEntry,
    /// Kind, mesh and name; the mesh is the default one when the document had none.
    pub key: ResourceKey,
    /// Labels that the document had.
    pub labels: BTreeMap<String, String>,
    /// The spec, in its one encoding.
    pub spec: Bytes,
}

impl fmt::Debug for ParsedResource {
    /// Without the spec: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedResource")
            .field("key", &self.key)
            .field("labels", &self.labels)
            .field("spec_bytes", &self.spec.len())
            .finish_non_exhaustive()
    }
}

/// One document of a text.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub resource: ParsedResource,
    /// The form it was in.
    pub format: Format,
    /// Where it stands, for messages.
    pub place: Place,
}

/// How to read.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// What an unknown field is.
    pub strictness: Strictness,
    /// Mesh of a mesh-scoped document that names none; without it such a document is wrong.
    pub default_mesh: Option<&'a str>,
    /// Kubernetes namespace that is no part of a name (resources §1.4).
    pub system_namespace: &'a str,
}

impl Default for Options<'_> {
    /// As the CLI reads files: strict, mesh `default`, namespace `kuma-system`.
    fn default() -> Self {
        Self {
            strictness: Strictness::Strict,
            default_mesh: Some("default"),
            system_namespace: kubernetes::SYSTEM_NAMESPACE,
        }
    }
}

/// The resources of a text: YAML with any number of documents, or JSON. `file` stands in messages.
///
/// # Errors
/// For the first document that is malformed or has wrong fields; all wrong fields of that document are named.
pub fn from_text(
    text: &str,
    file: &str,
    options: &Options<'_>,
) -> Result<Vec<Document>, FormatError> {
    yaml::parse(text, file)?
        .iter()
        .enumerate()
        .map(|(index, parsed)| {
            let place = Place {
                file: file.to_owned(),
                document: index + 1,
                line: parsed.line,
                resource: String::new(),
            };
            document(&parsed.node, place, options)
        })
        .collect()
}

/// The resource of one JSON text, e.g. a request's body.
///
/// # Errors
/// When it is not JSON, not an object, or has wrong fields.
pub fn from_json(text: &[u8], file: &str, options: &Options<'_>) -> Result<Document, FormatError> {
    let node = yaml::parse_json(text, file)?;
    let place = Place {
        file: file.to_owned(),
        document: 1,
        ..Place::default()
    };
    document(&node, place, options)
}

fn document(node: &Node, mut place: Place, options: &Options<'_>) -> Result<Document, FormatError> {
    let format = if node.get("apiVersion").is_some() {
        Format::Kubernetes
    } else {
        Format::Universal
    };
    let parsed = match format {
        Format::Universal => universal::read(node, options),
        Format::Kubernetes => kubernetes::read(node, options),
    };
    match parsed {
        Ok(resource) => {
            place.resource = resource.key.to_string();
            Ok(Document {
                resource,
                format,
                place,
            })
        }
        Err(violations) => {
            place.resource = title(node, format);
            Err(FormatError::Invalid {
                place: Box::new(place),
                violations,
            })
        }
    }
}

/// Kind, mesh and name as far as a wrong document has them.
fn title(node: &Node, format: Format) -> String {
    let text = |node: Option<&Node>| node.and_then(Node::as_text).unwrap_or_default().to_owned();
    let (kind, name) = match format {
        Format::Universal => (text(node.get("type")), text(node.get("name"))),
        Format::Kubernetes => (
            text(node.get("kind")),
            text(
                node.get("metadata")
                    .and_then(|metadata| metadata.get("name")),
            ),
        ),
    };
    let mesh = text(node.get("mesh"));
    let separator = if mesh.is_empty() { "" } else { "/" };
    format!("{kind} {mesh}{separator}{name}").trim().to_owned()
}

/// Decodes a spec and brings it into its one encoding.
pub(crate) fn spec(
    kind: &KindEntry,
    node: &Node,
    strictness: Strictness,
) -> Result<Bytes, Violations> {
    let bytes = super::proto_json::decode_node(kind.descriptor.message, node, strictness)?;
    kind.normalize(&bytes).map(Bytes::from).map_err(|error| {
        let mut violations = Violations::new();
        violations.add("", format!("not a {}: {error}", kind.descriptor.message));
        violations
    })
}
