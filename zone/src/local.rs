//! The zone's durable copy: how what the global sent lies in the zone's own store, and how far it has been followed.

use torii_resource::kinds::Mesh;
use torii_resource::{Kind as _, Resource};
use torii_store::{Batch, View};
use torii_sync::Mark;
use torii_sync::guard::{Memory, NotAMemory};
use torii_sync::scope::Origin;

/// Name of the store's mark that holds the guard's memory of the global. It is written in the same batch as what the
/// global sent, so that the copy and the memory are never apart.
pub(crate) const MEMORY: &str = "upstream";

/// The guard's memory in a state.
///
/// # Errors
/// When the stored bytes are damaged: the zone must not follow any global then.
pub(crate) fn memory(view: &View) -> Result<Memory, NotAMemory> {
    view.mark(MEMORY)
        .map_or_else(|| Ok(Memory::default()), |bytes| Memory::from_bytes(bytes))
}

/// Up to which mark of the global a state goes.
pub(crate) fn mark(view: &View) -> Option<Mark> {
    memory(view).ok()?.mark
}

/// The mark that a batch brings the copy to, if it changes it.
pub(crate) fn mark_in(batch: &Batch) -> Option<Mark> {
    let bytes = batch.marks.get(MEMORY)?.as_ref()?;
    Memory::from_bytes(bytes).ok()?.mark
}

/// Whether a resource of the zone's store is a copy from the global.
pub(crate) fn is_copy(resource: &Resource) -> bool {
    Origin::Global.owns(resource)
}

/// Whether the zone has ever followed a global: there is a mark of a Torii one, or a mesh of any.
pub(crate) fn followed(view: &View) -> bool {
    mark(view).is_some() || view.list(Mesh::DESCRIPTOR.name).any(|mesh| is_copy(mesh))
}

#[cfg(test)]
mod tests;
