//! The change feed: a bounded ring of recent batches, and watchers that read it at their own pace.
//!
//! Never an unbounded queue, never a silent gap: a watcher that fell behind the ring gets a snapshot and goes on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;
use torii_resource::{Resource, ResourceKey, Revision};

use crate::metrics;
use crate::state::View;

/// One committed revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Number of the revision; one more than that of the batch before.
    pub revision: Revision,
    /// Epoch of the cluster.
    pub epoch: u64,
    /// Clock of the node that proposed it (UTC).
    pub time: Timestamp,
    /// What changed, in the order of the proposal. Never empty.
    pub changes: Vec<Changed>,
    /// Marks that changed with it; `None` = removed.
    pub marks: BTreeMap<String, Option<Bytes>>,
}

/// One resource's change.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Identity.
    pub key: ResourceKey,
    /// The resource before; `None` = it is new.
    pub before: Option<Arc<Resource>>,
    /// The resource now; `None` = it is gone.
    pub after: Option<Arc<Resource>>,
}

/// What a watcher sees.
#[derive(Clone, Debug)]
pub enum Event {
    /// The next revision.
    Batch(Arc<Batch>),
    /// The watcher fell behind the ring: replace everything by this.
    Snapshot(View),
}

/// Publishes views and batches; cloned by whoever hands out watches.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    shared: Arc<RwLock<Shared>>,
    /// The newest revision, or `None` when the store has stopped. Watchers wait on it.
    head: watch::Sender<Option<Revision>>,
}

#[derive(Debug)]
struct Shared {
    view: View,
    ring: VecDeque<Arc<Batch>>,
    ring_bytes: usize,
    max_batches: usize,
    max_bytes: usize,
}

impl Feed {
    /// A feed that holds nothing yet.
    pub(crate) fn new(max_batches: usize, max_bytes: usize) -> Self {
        let shared = Shared {
            view: View::default(),
            ring: VecDeque::new(),
            ring_bytes: 0,
            max_batches: max_batches.max(1),
            max_bytes,
        };
        Self {
            shared: Arc::new(RwLock::new(shared)),
            head: watch::Sender::new(Some(Revision::ZERO)),
        }
    }

    pub(crate) fn view(&self) -> View {
        self.read().view.clone()
    }

    /// Makes a view and the batches that lead to it visible, together.
    pub(crate) fn publish(&self, view: View, batches: Vec<Arc<Batch>>) {
        let revision = view.revision();
        {
            let mut shared = self.write();
            shared.view = view;
            for batch in batches {
                shared.push(batch);
            }
        }
        self.announce(revision);
    }

    /// Replaces everything: the batches that led to this view are not known, so every watcher starts over.
    pub(crate) fn replace(&self, view: View) {
        let revision = view.revision();
        {
            let mut shared = self.write();
            shared.view = view;
            shared.ring.clear();
            shared.ring_bytes = 0;
        }
        self.announce(revision);
    }

    /// Ends every watch.
    pub(crate) fn close(&self) {
        self.head.send_if_modified(|head| head.take().is_some());
    }

    pub(crate) fn watch(&self, after: Revision) -> Watch {
        metrics::watchers_changed(1.0);
        Watch {
            feed: self.clone(),
            head: self.head.subscribe(),
            after,
        }
    }

    fn announce(&self, revision: Revision) {
        self.head.send_if_modified(|head| match head {
            // A closed feed stays closed, and marks alone wake nobody.
            None => false,
            Some(old) if *old == revision => false,
            Some(old) => {
                *old = revision;
                true
            }
        });
    }

    /// What comes next for a watcher that has seen everything up to `after`.
    fn next_after(&self, after: Revision) -> Option<Event> {
        let shared = self.read();
        let newest = shared.view.revision();
        if newest <= after {
            return None;
        }
        let Some(first) = shared.ring.front().map(|batch| batch.revision) else {
            return Some(Event::Snapshot(shared.view.clone()));
        };
        let offset = (after.0 + 1)
            .checked_sub(first.0)
            .and_then(|offset| usize::try_from(offset).ok());
        match offset.and_then(|offset| shared.ring.get(offset)) {
            Some(batch) => Some(Event::Batch(Arc::clone(batch))),
            None => Some(Event::Snapshot(shared.view.clone())),
        }
    }

    // A panic while the lock is held cannot leave half a change: every writer replaces whole values.
    fn read(&self) -> RwLockReadGuard<'_, Shared> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shared> {
        self.shared.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn push(&mut self, batch: Arc<Batch>) {
        self.ring_bytes += size_of_batch(&batch);
        self.ring.push_back(batch);
        while self.ring.len() > self.max_batches
            || (self.ring_bytes > self.max_bytes && self.ring.len() > 1)
        {
            if let Some(old) = self.ring.pop_front() {
                self.ring_bytes -= size_of_batch(&old);
            }
        }
    }
}

/// Bytes that a batch keeps alive, about: contents, and a flat rate for the structures around them.
fn size_of_batch(batch: &Batch) -> usize {
    const AROUND: usize = 256;
    let resource = |resource: &Option<Arc<Resource>>| {
        resource.as_ref().map_or(0, |resource| {
            let labels: usize = resource
                .labels
                .iter()
                .map(|(key, value)| key.len() + value.len() + 48)
                .sum();
            AROUND + resource.spec.len() + labels
        })
    };
    let changes: usize = batch
        .changes
        .iter()
        .map(|change| AROUND + resource(&change.before) + resource(&change.after))
        .sum();
    let marks: usize = batch
        .marks
        .iter()
        .map(|(name, value)| 64 + name.len() + value.as_ref().map_or(0, Bytes::len))
        .sum();
    AROUND + changes + marks
}

/// A reader of the change feed. Costs a few words, however slow it is: it reads the shared ring.
#[derive(Debug)]
pub struct Watch {
    feed: Feed,
    head: watch::Receiver<Option<Revision>>,
    after: Revision,
}

impl Watch {
    /// The next event in order, once, without a gap; waits for one. `None` when the store has stopped.
    ///
    /// Cancel-safe: an event counts as seen when it was returned.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if self.head.borrow_and_update().is_none() {
                return None;
            }
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            // The sender lives in `self.feed`: this cannot fail while `self` exists.
            self.head.changed().await.ok()?;
        }
    }

    /// The next event if there is one now.
    pub fn try_next(&mut self) -> Option<Event> {
        let event = self.feed.next_after(self.after)?;
        self.after = match &event {
            Event::Batch(batch) => batch.revision,
            Event::Snapshot(view) => view.revision(),
        };
        Some(event)
    }

    /// The newest revision that this watch has returned (or that it began after).
    pub fn seen(&self) -> Revision {
        self.after
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        metrics::watchers_changed(-1.0);
    }
}

#[cfg(test)]
mod tests;
