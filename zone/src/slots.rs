//! Where the desired configuration of each connected proxy lies: the engine puts it there, ADS streams take it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use torii_ads::Desired;
use torii_mesh::ProxyId;
use torii_render::Renderer;
use torii_resource::Revision;

/// Newest desired configuration of every proxy that has a stream. Cheap to clone: all clones share one state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<Mutex<BTreeMap<ProxyId, Slot>>>);

#[derive(Debug)]
struct Slot {
    desired: watch::Sender<Option<Arc<Desired>>>,
    streams: usize,
    /// What is remembered of the last rendering; empty while a rendering has it.
    renderer: Renderer,
}

/// A stream's hold on its proxy's slot: dropping the last one empties the slot.
#[derive(Debug)]
pub(crate) struct Hold {
    slots: Slots,
    id: ProxyId,
}

impl Slots {
    /// A stream of this proxy begins. Its configuration is there already if another stream of the proxy is.
    pub(crate) fn open(&self, id: &ProxyId) -> (watch::Receiver<Option<Arc<Desired>>>, Hold) {
        let mut slots = self.lock();
        let slot = slots.entry(id.clone()).or_insert_with(|| Slot {
            desired: watch::Sender::new(None),
            streams: 0,
            renderer: Renderer::default(),
        });
        slot.streams += 1;
        let receiver = slot.desired.subscribe();
        let hold = Hold {
            slots: self.clone(),
            id: id.clone(),
        };
        (receiver, hold)
    }

    /// Ends every stream, for its Envoy to begin another: what is published from now on may have lower revisions than
    /// what the streams have, and those never go back.
    pub(crate) fn start_over(&self) {
        for slot in self.lock().values_mut() {
            slot.desired = watch::Sender::new(None);
        }
    }

    /// Whether anybody waits for this proxy's configuration.
    pub(crate) fn wanted(&self, id: &ProxyId) -> bool {
        self.lock().contains_key(id)
    }

    /// The proxy's renderer, to be brought back with what it renders; none when nobody waits for its configuration.
    /// One that is not brought back costs time only: the next one remembers nothing.
    pub(crate) fn take(&self, id: &ProxyId) -> Option<Renderer> {
        let mut slots = self.lock();
        Some(std::mem::take(&mut slots.get_mut(id)?.renderer))
    }

    /// Puts a proxy's configuration and its renderer into its slot, if it still has one.
    pub(crate) fn publish(&self, id: &ProxyId, desired: Desired, renderer: Renderer) {
        if let Some(slot) = self.lock().get_mut(id) {
            slot.desired.send_replace(Some(Arc::new(desired)));
            slot.renderer = renderer;
        }
    }

    /// Configuration that was published last for a proxy.
    pub(crate) fn desired(&self, id: &ProxyId) -> Option<Arc<Desired>> {
        self.lock().get(id)?.desired.borrow().clone()
    }

    /// Revision of the configuration that was published last for a proxy.
    pub(crate) fn published(&self, id: &ProxyId) -> Option<Revision> {
        self.desired(id).map(|desired| desired.revision)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProxyId, Slot>> {
        // Whole after every statement, so a panic elsewhere does not matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut slots = self.slots.lock();
        let Some(slot) = slots.get_mut(&self.id) else {
            return;
        };
        slot.streams -= 1;
        if slot.streams == 0 {
            let emptied = slots.remove(&self.id);
            // A slot may hold much: nobody waits while it is dropped.
            drop(slots);
            drop(emptied);
        }
    }
}

#[cfg(test)]
mod tests;
