//! PURE: what goes with a resource that is removed, and what forbids its removal (resources §4.4, §4.5).

use torii_resource::kinds::{Dataplane, Mesh, Zone};
use torii_resource::meta::label;
use torii_resource::registry::KINDS;
use torii_resource::{Kind as _, Mode, Resource, ResourceKey, Scope};
use torii_store::{Change, Expect, Op, View};

use crate::problem::{Problem, title};

/// The removals that belong to the removal of `key`; or why it may not be removed.
pub(crate) fn with(mode: &Mode, view: &View, key: &ResourceKey) -> Result<Vec<Change>, Problem> {
    if is_mesh(key) {
        if view
            .list_in(Dataplane::DESCRIPTOR.name, &key.name)
            .next()
            .is_some()
        {
            return Err(Problem::invalid_field(
                title::DELETE,
                "mesh",
                "unable to delete mesh, there are still some dataplanes attached",
            ));
        }
        return Ok(of_mesh(view, &key.name));
    }
    if key.kind.as_str() == Zone::DESCRIPTOR.name && *mode == Mode::Global {
        return Ok(of_zone(view, &key.name));
    }
    Ok(Vec::new())
}

/// Whether the key is of a Mesh.
pub(crate) fn is_mesh(key: &ResourceKey) -> bool {
    key.kind.as_str() == Mesh::DESCRIPTOR.name
}

/// Removal of everything that lives in a mesh, Dataplanes apart: they forbid the removal of their mesh.
pub(crate) fn of_mesh(view: &View, mesh: &str) -> Vec<Change> {
    KINDS
        .iter()
        .map(|kind| &kind.descriptor)
        .filter(|kind| kind.scope == Scope::Mesh && kind.name != Dataplane::DESCRIPTOR.name)
        .flat_map(|kind| view.list_in(kind.name, mesh))
        .map(|resource| removal(resource))
        .collect()
}

/// Removal of everything that the global holds for a zone: copies of what the zone owns.
fn of_zone(view: &View, zone: &str) -> Vec<Change> {
    view.iter()
        .filter(|resource| owner(resource) == Some(Owner::Zone(zone)))
        .map(|resource| removal(resource))
        .collect()
}

fn removal(resource: &Resource) -> Change {
    Change {
        key: resource.key.clone(),
        expect: Expect::Modified(resource.modified.revision),
        op: Op::Delete,
    }
}

/// Which control plane owns a resource, as its labels say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// The global.
    Global,
    /// The zone of this name; empty when the label is missing.
    Zone(&'a str),
}

/// The owner; `None` when no label says it: then it is the control plane that holds the resource.
pub(crate) fn owner(resource: &Resource) -> Option<Owner<'_>> {
    match resource.label(label::ORIGIN)? {
        "global" => Some(Owner::Global),
        "zone" => Some(Owner::Zone(resource.label(label::ZONE).unwrap_or_default())),
        _ => None,
    }
}
