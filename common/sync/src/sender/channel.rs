//! One type of one stream: what the peer should have, what it was sent, and what waits. Knows no other type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::entry::{Entry, WireKey};
use crate::sender::{Changes, Limits};
use crate::version::{Mark, ResourceVersion};

/// A key: what it should be, and the version that was sent last.
#[derive(Debug, Default)]
struct Slot {
    entry: Option<Arc<Entry>>,
    sent: Option<ResourceVersion>,
}

impl Slot {
    fn upsert(&self) -> Option<&Arc<Entry>> {
        self.entry
            .as_ref()
            .filter(|entry| self.sent != Some(entry.version))
    }
}

/// A response without its acknowledgement.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) nonce: String,
    pub(super) mark: Mark,
    pub(super) keys: Vec<WireKey>,
}

/// Contents of the next response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) entries: Vec<Arc<Entry>>,
    pub(super) removed: Vec<WireKey>,
    pub(super) full: bool,
}

/// A response that does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Oversize {
    pub(super) resources: usize,
    pub(super) bytes: usize,
}

/// Whether removals may be part of the next delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removals {
    Now,
    Later,
}

#[derive(Debug, Default)]
pub(super) struct Channel {
    slots: BTreeMap<WireKey, Slot>,
    /// Keys to look at; `true`: send even if the peer should have it already.
    dirty: BTreeMap<WireKey, bool>,
    /// Mark of the oldest change that is not sent.
    since: Option<Mark>,
    subscribed: bool,
    /// A subscription waits for its answer.
    owed: bool,
    acked: bool,
    nacked: bool,
    pub(super) pending: Option<Pending>,
    pub(super) last_nonce: Option<String>,
    rejected: BTreeSet<WireKey>,
    /// Size that was reported as too large.
    pub(super) reported: Option<usize>,
}

impl Channel {
    pub(super) fn subscribed(&self) -> bool {
        self.subscribed
    }

    /// A subscription of which no answer went out yet.
    pub(super) fn owed(&self) -> bool {
        self.owed
    }

    /// Whether the peer has judged a response on this stream.
    pub(super) fn judged(&self) -> bool {
        self.acked || self.nacked
    }

    pub(super) fn since(&self) -> Option<&Mark> {
        self.since.as_ref()
    }

    /// A (new) subscription: whatever the peer held on this stream, it wants an answer. An unacknowledged response is
    /// given up: the peer asked anew instead of judging it.
    pub(super) fn subscribe(&mut self) {
        self.subscribed = true;
        self.owed = true;
        self.pending = None;
    }

    /// Replaces the set. `since`: the first mark of which something in it may not be sent yet.
    pub(super) fn load(&mut self, entries: Vec<Arc<Entry>>, since: &Mark) {
        let incoming: BTreeMap<WireKey, Arc<Entry>> = entries
            .into_iter()
            .map(|entry| (entry.key.clone(), entry))
            .collect();
        let gone: Vec<WireKey> = self
            .slots
            .iter()
            .filter(|(key, slot)| slot.entry.is_some() && !incoming.contains_key(key))
            .map(|(key, _)| key.clone())
            .collect();
        let fresh = incoming
            .into_values()
            .filter(|entry| {
                let slot = self.slots.get(&entry.key);
                slot.and_then(|slot| slot.entry.as_ref())
                    .map(|held| held.version)
                    != Some(entry.version)
            })
            .collect();
        self.change(
            Changes {
                upserts: fresh,
                removals: gone,
            },
            since,
        );
    }

    /// Applies a batch, or several.
    pub(super) fn change(&mut self, changes: Changes, since: &Mark) {
        for entry in changes.upserts {
            let key = entry.key.clone();
            self.slots.entry(key.clone()).or_default().entry = Some(entry);
            self.touch(key, since);
        }
        for key in changes.removals {
            let Some(slot) = self.slots.get_mut(&key) else {
                continue;
            };
            slot.entry = None;
            if slot.sent.is_none() {
                self.slots.remove(&key);
                self.dirty.remove(&key);
            } else {
                self.touch(key, since);
            }
        }
        self.settle();
    }

    fn touch(&mut self, key: WireKey, since: &Mark) {
        if self.subscribed {
            self.dirty.entry(key).or_default();
            self.since.get_or_insert_with(|| since.clone());
        }
    }

    /// Marks keys as not delivered. They were sent before, so no mark is held up by them.
    pub(super) fn force(&mut self, keys: impl IntoIterator<Item = WireKey>) {
        self.dirty.extend(keys.into_iter().map(|key| (key, true)));
    }

    /// Sends what was refused again.
    pub(super) fn retry(&mut self) {
        let rejected = std::mem::take(&mut self.rejected);
        if !self.acked && self.nacked {
            self.owed = true;
        } else {
            self.force(rejected);
        }
    }

    /// Takes the pending response if this is its nonce.
    pub(super) fn ack(&mut self, nonce: &str) -> Option<Pending> {
        let pending = self.pending.take_if(|pending| pending.nonce == nonce)?;
        self.acked = true;
        Some(pending)
    }

    /// Takes the pending response if this is its nonce, and remembers what was in it.
    pub(super) fn nack(&mut self, nonce: &str) -> Option<Pending> {
        let pending = self.pending.take_if(|pending| pending.nonce == nonce)?;
        self.nacked = true;
        self.rejected.extend(pending.keys.iter().cloned());
        Some(pending)
    }

    pub(super) fn unsent_upserts(&self) -> bool {
        self.owed
            || self.dirty.keys().any(|key| {
                self.slots
                    .get(key)
                    .is_some_and(|slot| slot.upsert().is_some())
            })
    }

    pub(super) fn unsent_removals(&self) -> bool {
        self.dirty
            .keys()
            .any(|key| self.slots.get(key).is_some_and(|slot| slot.entry.is_none()))
    }

    /// The next response, if one is due; counts as sent.
    ///
    /// # Errors
    /// When it does not fit; then nothing changes.
    pub(super) fn next(
        &mut self,
        limits: Limits,
        removals: Removals,
    ) -> Result<Option<Draft>, Oversize> {
        if !self.subscribed || self.pending.is_some() {
            return Ok(None);
        }
        let draft = if self.owed || (!self.acked && !self.dirty.is_empty()) {
            Some(self.full(limits)?)
        } else {
            self.delta(limits, removals)?
        };
        if let Some(draft) = &draft {
            self.sent(draft);
        }
        self.settle();
        Ok(draft)
    }

    /// The complete set. What this stream sent before and is gone is named too: a peer that refused the first answer
    /// may read this one as a delta (kds §1.6).
    fn full(&self, limits: Limits) -> Result<Draft, Oversize> {
        let entries: Vec<_> = self
            .slots
            .values()
            .filter_map(|slot| slot.entry.clone())
            .collect();
        let bytes = entries.iter().map(|entry| entry.wire_size()).sum();
        if bytes > limits.ceiling() {
            return Err(Oversize {
                resources: entries.len(),
                bytes,
            });
        }
        let removed = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.entry.is_none() && slot.sent.is_some())
            .map(|(key, _)| key.clone())
            .collect();
        Ok(Draft {
            entries,
            removed,
            full: true,
        })
    }

    /// Up to one chunk of what changed; keys that turn out to be as sent are dropped.
    fn delta(&mut self, limits: Limits, removals: Removals) -> Result<Option<Draft>, Oversize> {
        let mut draft = Draft {
            entries: Vec::new(),
            removed: Vec::new(),
            full: false,
        };
        let mut same = Vec::new();
        let mut oversize = None;
        let mut bytes = 0;
        for (key, forced) in &self.dirty {
            let slot = self.slots.get(key);
            match slot.and_then(|slot| slot.entry.as_ref()) {
                Some(entry)
                    if *forced || slot.and_then(|slot| slot.sent) != Some(entry.version) =>
                {
                    let size = entry.wire_size();
                    if size > limits.ceiling() {
                        oversize = Some(Oversize {
                            resources: 1,
                            bytes: size,
                        });
                        continue;
                    }
                    if bytes > 0 && bytes + size > limits.chunk {
                        break;
                    }
                    bytes += size;
                    draft.entries.push(Arc::clone(entry));
                }
                None if *forced || slot.is_some_and(|slot| slot.sent.is_some()) => {
                    if removals == Removals::Later {
                        continue;
                    }
                    let size = key.mesh.len() + key.name.len() + 4;
                    if bytes > 0 && bytes + size > limits.chunk {
                        break;
                    }
                    bytes += size;
                    draft.removed.push(key.clone());
                }
                _ => same.push(key.clone()),
            }
        }
        for key in same {
            self.dirty.remove(&key);
        }
        if !draft.entries.is_empty() || !draft.removed.is_empty() {
            return Ok(Some(draft));
        }
        oversize.map_or(Ok(None), Err)
    }

    fn sent(&mut self, draft: &Draft) {
        if draft.full {
            self.owed = false;
            self.dirty.clear();
            self.rejected.clear();
            self.slots.retain(|_, slot| slot.entry.is_some());
        }
        for entry in &draft.entries {
            self.dirty.remove(&entry.key);
            self.rejected.remove(&entry.key);
            if let Some(slot) = self.slots.get_mut(&entry.key) {
                slot.sent = Some(entry.version);
            }
        }
        for key in &draft.removed {
            self.dirty.remove(key);
            self.rejected.remove(key);
            self.slots.remove(key);
        }
        self.reported = None;
    }

    /// Nothing waits: no mark is held up.
    fn settle(&mut self) {
        if self.dirty.is_empty() {
            self.since = None;
        }
    }
}
