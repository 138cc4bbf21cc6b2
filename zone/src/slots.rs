//! Where the desired configuration of each connected proxy lies: the engine puts it there, ADS streams take it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use torii_ads::Desired;
use torii_mesh::ProxyId;
use torii_resource::Revision;

/// Newest desired configuration of every proxy that has a stream. Cheap to clone: all clones share one state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<Mutex<BTreeMap<ProxyId, Slot>>>);

#[derive(Debug)]
struct Slot {
    desired: watch::Sender<Option<Arc<Desired>>>,
    streams: usize,
}

/// A stream's hold on its proxy's slot: dropping the last one empties the slot.
#[derive(Debug)]
pub(crate) struct Hold {
    slots: Slots,
    id: ProxyId,
}

impl Slots {
    /// A stream of this proxy begins. `true`: it is the first, and nothing is rendered yet.
    pub(crate) fn open(&self, id: &ProxyId) -> (watch::Receiver<Option<Arc<Desired>>>, Hold, bool) {
        let mut slots = self.lock();
        let slot = slots.entry(id.clone()).or_insert_with(|| Slot {
            desired: watch::Sender::new(None),
            streams: 0,
        });
        slot.streams += 1;
        let receiver = slot.desired.subscribe();
        let first = slot.desired.borrow().is_none();
        let hold = Hold {
            slots: self.clone(),
            id: id.clone(),
        };
        (receiver, hold, first)
    }

    /// Whether anybody waits for this proxy's configuration.
    pub(crate) fn wanted(&self, id: &ProxyId) -> bool {
        self.lock().contains_key(id)
    }

    /// Puts a proxy's configuration into its slot, if it still has one.
    pub(crate) fn publish(&self, id: &ProxyId, desired: Desired) {
        if let Some(slot) = self.lock().get(id) {
            slot.desired.send_replace(Some(Arc::new(desired)));
        }
    }

    /// Revision of the configuration that was published last for a proxy.
    pub(crate) fn published(&self, id: &ProxyId) -> Option<Revision> {
        let slots = self.lock();
        let desired = slots.get(id)?.desired.borrow();
        desired.as_ref().map(|desired| desired.revision)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProxyId, Slot>> {
        // Whole after every statement, so a panic elsewhere does not matter.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get_mut(&self.id) {
            slot.streams -= 1;
            if slot.streams == 0 {
                slots.remove(&self.id);
            }
        }
    }
}
