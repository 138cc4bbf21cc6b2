//! From documents to resources as the planes would hold them.
//!
//! Whether a resource is good is `torii_resource`'s business; here is only in which order and for which plane it is
//! asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_resource::kinds::Mesh;
use torii_resource::meta::label;
use torii_resource::{
    Access, Document, Kind as _, Mode, ParsedResource, Resource, ResourceKey, Revision, Stamp,
    Violations, admit,
};

use super::defaults;
use super::error::{OfflineError, Refused};

/// The mesh that every global makes at its first start.
const DEFAULT_MESH: &str = "default";

/// The resources after all documents were written in their order, and what the planes add by themselves.
pub(super) fn resources(
    documents: &[Document],
    zone: Option<&str>,
) -> Result<Vec<Arc<Resource>>, OfflineError> {
    // Documents may refer to a Mesh that comes after them, as in one `torii apply`.
    let meshes: BTreeSet<&str> = documents
        .iter()
        .map(|document| &document.resource.key)
        .filter(|key| key.kind.as_str() == Mesh::DESCRIPTOR.name)
        .map(|key| key.name.as_str())
        .chain([DEFAULT_MESH])
        .collect();
    let mut written: BTreeMap<ResourceKey, Resource> = BTreeMap::new();
    let mut refused = Vec::new();
    for (number, document) in (1..).zip(documents) {
        let key = &document.resource.key;
        match judge(&document.resource, written.get(key), &meshes, zone) {
            Ok(mut resource) => {
                resource.modified = stamp(number);
                resource.created = written
                    .get(key)
                    .map_or(resource.modified, |old| old.created);
                written.insert(key.clone(), resource);
            }
            Err(violations) => refused.extend(violations.into_iter().map(|violation| Refused {
                place: document.place.to_string(),
                field: violation.field,
                reason: violation.reason,
            })),
        }
    }
    if !refused.is_empty() {
        return Err(OfflineError::Refused(refused));
    }
    let mut all = defaults::created_by_planes(&written, &meshes);
    all.extend(written.into_values().map(Arc::new));
    Ok(all)
}

/// The place in the order of creation; what the planes create themselves has none and is older.
fn stamp(number: u64) -> Stamp {
    Stamp {
        revision: Revision(number),
        ..Stamp::default()
    }
}

fn judge(
    parsed: &ParsedResource,
    existing: Option<&Resource>,
    meshes: &BTreeSet<&str>,
    zone: Option<&str>,
) -> Result<Resource, Violations> {
    let mut violations = Violations::new();
    if parsed.kind.descriptor.access == Access::Internal {
        violations.add(
            "type",
            "is no kind that anybody writes: leave the document out",
        );
        return Err(violations);
    }
    let mesh = parsed.key.mesh.as_str();
    if !mesh.is_empty() && !meshes.contains(mesh) {
        violations.add(
            "mesh",
            format!("mesh {mesh:?} does not exist: add a document of type Mesh with this name"),
        );
    }
    let (parsed, mode) = for_its_plane(parsed, zone);
    match admit(&parsed, existing, &mode) {
        Ok(admitted) if violations.is_empty() => Ok(Resource {
            key: parsed.key,
            labels: admitted.labels,
            spec: admitted.spec,
            created: Stamp::default(),
            modified: Stamp::default(),
        }),
        Ok(_) => Err(violations),
        Err(more) => {
            violations.extend(more);
            Err(violations)
        }
    }
}

/// What is written at the global is judged by the global's rules, the rest by a zone's. Where there are no zones, a
/// document of a zone's kind (say, from `torii get`) may name any as its origin, and none is added.
fn for_its_plane(parsed: &ParsedResource, zone: Option<&str>) -> (ParsedResource, Mode) {
    let mut parsed = parsed.clone();
    if parsed.kind.descriptor.sync.writable_in(&Mode::Global) {
        return (parsed, Mode::Global);
    }
    match zone {
        Some(zone) => (parsed, Mode::Zone(zone.to_owned())),
        None => {
            parsed.labels.remove(label::ORIGIN);
            parsed.labels.remove(label::ZONE);
            (parsed, Mode::Global)
        }
    }
}
