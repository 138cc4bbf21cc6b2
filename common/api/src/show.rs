//! From a stored resource to the document that an answer has.

use serde_json::Value;
use torii_resource::format::{kubernetes, universal};
use torii_resource::{Resource, Scope, registry};

use crate::kri;

/// The Universal document. A resource that this build cannot read (it came from a peer with another idea of its kind)
/// is shown without its spec: one bad resource does not make a list unreadable.
pub(crate) fn universal(resource: &Resource) -> Value {
    let mut document = universal::to_json(resource).unwrap_or_else(|error| {
        tracing::warn!(%error, "a stored resource cannot be shown");
        metadata(resource)
    });
    if let (Some(kri), Value::Object(fields)) = (kri::of(resource), &mut document) {
        fields.insert("kri".to_owned(), Value::from(kri));
    }
    document
}

fn metadata(resource: &Resource) -> Value {
    let key = &resource.key;
    let mut document = serde_json::json!({
        "type": key.kind.as_str(),
        "name": key.name,
        "creationTime": resource.created.time.to_string(),
        "modificationTime": resource.modified.time.to_string(),
        "labels": resource.labels,
    });
    let scope = registry::by_name(key.kind.as_str()).map(|kind| kind.descriptor.scope);
    if scope == Some(Scope::Mesh) {
        document["mesh"] = Value::from(key.mesh.as_str());
    }
    document
}

/// The Kubernetes object; `None` when the stored spec cannot be read.
pub(crate) fn kubernetes(resource: &Resource) -> Option<Value> {
    kubernetes::to_object(resource, kubernetes::SYSTEM_NAMESPACE).ok()
}
