//! What the planes create by themselves, beside what is written: the one place that adds it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use torii_resource::defaults::default_policies;
use torii_resource::kinds::Mesh;
use torii_resource::{Kind, Resource, ResourceKey, Stamp};

/// The Mesh `default`, and the default policies of every Mesh; nothing that is written. All are older than every
/// document.
///
/// Of a Mesh that is written more than once the last document says which policies it wants.
pub(super) fn created_by_planes(
    written: &BTreeMap<ResourceKey, Resource>,
    meshes: &BTreeSet<&str>,
) -> Vec<Arc<Resource>> {
    let mut created = Vec::new();
    for mesh in meshes {
        let key = ResourceKey::of::<Mesh>("", mesh);
        // What is written has passed the rules, so it can be read.
        let spec = written
            .get(&key)
            .and_then(|mesh| mesh.decode::<Mesh>().ok())
            .unwrap_or_default();
        let policies = default_policies(mesh, &spec.skip_creating_initial_policies);
        created.push(Resource::new::<Mesh>(
            "",
            mesh,
            &<Mesh as Kind>::Spec::default(),
        ));
        created.extend(policies.into_iter().map(|(key, spec)| Resource {
            key,
            spec,
            labels: BTreeMap::new(),
            created: Stamp::default(),
            modified: Stamp::default(),
        }));
    }
    created
        .into_iter()
        .filter(|one| !written.contains_key(&one.key))
        .map(Arc::new)
        .collect()
}
