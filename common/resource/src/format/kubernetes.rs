//! Kubernetes objects (resources §1.4): `mesh` beside `spec`, Secrets and Config as core objects.
//!
//! Names: a namespaced object's name is `<name>.<namespace>`, except in the system namespace, which Kuma takes off
//! before a name travels (resources §5.2); Secrets and Config have no namespace part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message as _;
use serde_json::{Map, Value};
use torii_proto::kuma::system::v1alpha1 as system;

use super::document::{self, Options, ParsedResource};
use super::node::Node;
use super::{metadata, proto_json};
use crate::kind::{Kind as _, KindEntry, Scope};
use crate::kinds::{Config, GlobalSecret, Secret};
use crate::meta::{Resource, ResourceKey, Stamp, label};
use crate::registry;
use crate::violation::Violations;

/// Namespace of a control plane unless it is told another.
pub const SYSTEM_NAMESPACE: &str = "kuma-system";
/// API group and version of every kind of ours.
const API_VERSION: &str = "kuma.io/v1alpha1";
/// Types of the core Secrets that are resources.
const SECRET_TYPE: &str = "system.kuma.io/secret";
const GLOBAL_SECRET_TYPE: &str = "system.kuma.io/global-secret";
/// Labels that are annotations on Kubernetes: their values may be longer than a label's (kubernetes §4.3).
const ANNOTATIONS: [&str; 3] = [
    label::DISPLAY_NAME,
    "k8s.kuma.io/service-account",
    "kuma.io/workload",
];

/// A resource as a Kubernetes object.
///
/// # Errors
/// When the stored spec is not the kind's message, or the kind is unknown.
pub fn to_object(resource: &Resource, system_namespace: &str) -> Result<Value, Violations> {
    let name = resource.key.kind.as_str();
    let mut violations = Violations::new();
    let Some(kind) = metadata::kind(name, "kind", &mut violations) else {
        return Err(violations);
    };
    if is_secret(kind) || name == Config::DESCRIPTOR.name {
        return core_object(resource, kind, system_namespace);
    }
    let spec = proto_json::encode(kind.descriptor.message, &resource.spec)?;
    let mut object = head(API_VERSION, name);
    let (name, namespace) = match resource.key.name.rsplit_once('.') {
        _ if !kind.descriptor.namespaced => (resource.key.name.as_str(), None),
        Some((name, namespace)) if !name.is_empty() && !namespace.is_empty() => {
            (name, Some(namespace))
        }
        _ => (resource.key.name.as_str(), Some(system_namespace)),
    };
    object.insert(
        "metadata".to_owned(),
        object_metadata(resource, name, namespace),
    );
    if kind.descriptor.scope == Scope::Mesh {
        object.insert("mesh".to_owned(), Value::from(resource.key.mesh.as_str()));
    }
    object.insert("spec".to_owned(), Value::Object(spec));
    Ok(Value::Object(object))
}

/// Secret, GlobalSecret and Config.
fn core_object(
    resource: &Resource,
    kind: &KindEntry,
    system_namespace: &str,
) -> Result<Value, Violations> {
    let name = kind.descriptor.name;
    let mut labelled = resource.clone();
    if name == Secret::DESCRIPTOR.name {
        labelled
            .labels
            .insert(label::MESH.to_owned(), resource.key.mesh.clone());
    }
    let object_meta = object_metadata(&labelled, &resource.key.name, Some(system_namespace));
    let broken = |error: prost::DecodeError| {
        let mut violations = Violations::new();
        violations.add("", format!("not a {}: {error}", kind.descriptor.message));
        violations
    };
    let mut object = if name == Config::DESCRIPTOR.name {
        head("v1", "ConfigMap")
    } else {
        head("v1", "Secret")
    };
    object.insert("metadata".to_owned(), object_meta);
    if name == Config::DESCRIPTOR.name {
        let spec = system::Config::decode(resource.spec.clone()).map_err(broken)?;
        object.insert(
            "data".to_owned(),
            metadata::object([("config".to_owned(), spec.config)]),
        );
    } else {
        let spec = system::Secret::decode(resource.spec.clone()).map_err(broken)?;
        let secret_type = if name == Secret::DESCRIPTOR.name {
            SECRET_TYPE
        } else {
            GLOBAL_SECRET_TYPE
        };
        object.insert("type".to_owned(), Value::from(secret_type));
        let data = spec
            .data
            .map(|data| ("value".to_owned(), BASE64.encode(data)));
        object.insert("data".to_owned(), metadata::object(data));
    }
    Ok(Value::Object(object))
}

fn head(api_version: &str, kind: &str) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("kind".to_owned(), Value::from(kind));
    object.insert("apiVersion".to_owned(), Value::from(api_version));
    object
}

fn object_metadata(resource: &Resource, name: &str, namespace: Option<&str>) -> Value {
    let mut map = Map::new();
    map.insert("name".to_owned(), Value::from(name));
    if let Some(namespace) = namespace {
        map.insert("namespace".to_owned(), Value::from(namespace));
    }
    let (annotations, labels): (Vec<_>, Vec<_>) = resource
        .labels
        .clone()
        .into_iter()
        .partition(|(key, _)| ANNOTATIONS.contains(&key.as_str()));
    if !labels.is_empty() {
        map.insert("labels".to_owned(), metadata::object(labels));
    }
    if !annotations.is_empty() {
        map.insert("annotations".to_owned(), metadata::object(annotations));
    }
    if resource.created != Stamp::default() {
        let time = resource.created.time.strftime("%Y-%m-%dT%H:%M:%SZ");
        map.insert(
            "creationTimestamp".to_owned(),
            Value::from(time.to_string()),
        );
    }
    Value::Object(map)
}

/// Reads one Kubernetes object.
pub(crate) fn read(node: &Node, options: &Options<'_>) -> Result<ParsedResource, Violations> {
    let mut violations = Violations::new();
    let api_version = metadata::text(node.get("apiVersion"), "apiVersion", &mut violations);
    let kind_name = metadata::text(node.get("kind"), "kind", &mut violations);
    let kind = match (api_version.as_str(), kind_name.as_str()) {
        ("v1", "Secret") => secret_kind(node, &mut violations),
        ("v1", "ConfigMap") => registry::by_name(Config::DESCRIPTOR.name),
        (API_VERSION, "Secret" | "GlobalSecret" | "Config") => {
            violations.add(
                "kind",
                "on Kubernetes this is a v1 Secret or ConfigMap (resources of the core API)",
            );
            None
        }
        (API_VERSION, name) => metadata::kind(name, "kind", &mut violations),
        (other, name) => {
            violations.add(
                "apiVersion",
                format!("{other} {name} is not a resource of this control plane; {API_VERSION} is"),
            );
            None
        }
    };
    let Some(kind) = kind else {
        return Err(violations);
    };
    let empty = Node::Map(Vec::new());
    let object_meta = node.get("metadata").unwrap_or(&empty);
    let mut labels = metadata::texts(
        object_meta.get("labels"),
        "metadata.labels",
        &mut violations,
    );
    let annotations = metadata::texts(
        object_meta.get("annotations"),
        "metadata.annotations",
        &mut violations,
    );
    labels.extend(
        annotations
            .into_iter()
            .filter(|(key, _)| ANNOTATIONS.contains(&key.as_str())),
    );
    let name = name(kind, object_meta, options, &mut violations);
    let mesh = mesh(kind, node, &labels, options, &mut violations);
    let spec = match kind.descriptor.name {
        name if name == Config::DESCRIPTOR.name => config_spec(node, &mut violations),
        _ if is_secret(kind) => secret_spec(node, &mut violations),
        _ => spec(kind, node, options, &mut violations),
    };
    if violations.is_empty() {
        Ok(ParsedResource {
            kind,
            key: ResourceKey::new(kind.descriptor.name, &mesh, &name),
            labels,
            spec: spec.into(),
        })
    } else {
        Err(violations)
    }
}

fn is_secret(kind: &KindEntry) -> bool {
    [Secret::DESCRIPTOR.name, GlobalSecret::DESCRIPTOR.name].contains(&kind.descriptor.name)
}

fn secret_kind(node: &Node, violations: &mut Violations) -> Option<&'static KindEntry> {
    match metadata::text(node.get("type"), "type", violations).as_str() {
        SECRET_TYPE => registry::by_name(Secret::DESCRIPTOR.name),
        GLOBAL_SECRET_TYPE => registry::by_name(GlobalSecret::DESCRIPTOR.name),
        _ => {
            violations.add(
                "type",
                format!("must be {SECRET_TYPE} or {GLOBAL_SECRET_TYPE}"),
            );
            None
        }
    }
}

fn name(
    kind: &KindEntry,
    object_meta: &Node,
    options: &Options<'_>,
    violations: &mut Violations,
) -> String {
    let name = metadata::required(object_meta.get("name"), "metadata.name", violations);
    let namespace = metadata::text(
        object_meta.get("namespace"),
        "metadata.namespace",
        violations,
    );
    let core = is_secret(kind) || kind.descriptor.name == Config::DESCRIPTOR.name;
    if !kind.descriptor.namespaced
        || core
        || namespace.is_empty()
        || namespace == options.system_namespace
    {
        name
    } else {
        format!("{name}.{namespace}")
    }
}

fn mesh(
    kind: &KindEntry,
    node: &Node,
    labels: &std::collections::BTreeMap<String, String>,
    options: &Options<'_>,
    violations: &mut Violations,
) -> String {
    if kind.descriptor.scope == Scope::Global {
        if is_secret(kind) && labels.contains_key(label::MESH) {
            violations.add(
                format!("metadata.labels[{:?}]", label::MESH),
                "a global secret has no mesh: remove the label",
            );
        }
        return String::new();
    }
    if is_secret(kind) {
        return labels
            .get(label::MESH)
            .cloned()
            .unwrap_or_else(|| "default".to_owned());
    }
    let mesh = metadata::text(node.get("mesh"), "mesh", violations);
    match options.default_mesh {
        _ if !mesh.is_empty() => mesh,
        Some(default) => default.to_owned(),
        None => {
            violations.add("mesh", "cannot be empty");
            mesh
        }
    }
}

fn spec(
    kind: &KindEntry,
    node: &Node,
    options: &Options<'_>,
    violations: &mut Violations,
) -> Vec<u8> {
    const KEYS: [&str; 6] = ["apiVersion", "kind", "mesh", "metadata", "spec", "status"];
    if let (Node::Map(entries), proto_json::Strictness::Strict) = (node, options.strictness) {
        for (key, _) in entries
            .iter()
            .filter(|(key, _)| !KEYS.contains(&key.as_str()))
        {
            violations.add(
                key.as_str(),
                "unknown field: the fields of the resource stand below spec",
            );
        }
    }
    match document::spec(
        kind,
        node.get("spec").unwrap_or(&Node::Null),
        options.strictness,
    ) {
        Ok(spec) => spec.to_vec(),
        Err(more) => {
            violations.extend(metadata::below("spec", more));
            Vec::new()
        }
    }
}

/// `data.value` in base64, or `stringData.value` as it is.
fn secret_spec(node: &Node, violations: &mut Violations) -> Vec<u8> {
    let plain = node.get("stringData").and_then(|data| data.get("value"));
    let data = if let Some(plain) = plain {
        metadata::text(Some(plain), "stringData.value", violations).into_bytes()
    } else {
        let encoded = node.get("data").and_then(|data| data.get("value"));
        let text = metadata::text(encoded, "data.value", violations);
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        BASE64.decode(text).unwrap_or_else(|_| {
            violations.add("data.value", "must be base64 with padding");
            Vec::new()
        })
    };
    if data.is_empty() && violations.is_empty() {
        violations.add("data.value", "cannot be empty");
    }
    system::Secret { data: Some(data) }.encode_to_vec()
}

fn config_spec(node: &Node, violations: &mut Violations) -> Vec<u8> {
    let config = node.get("data").and_then(|data| data.get("config"));
    let config = metadata::text(config, "data.config", violations);
    system::Config { config }.encode_to_vec()
}
