//! What a log keeps in memory: its newest entries and where it begins and ends. No I/O.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::codec;
use crate::disk::{Slot, Write};
use crate::raft::durable::Durable;
use crate::raft::log::size;
use crate::raft::types::{Entry, LogId, Vote};

/// Bytes of entries that stay in memory; those that are not durable yet stay in any case.
const CACHE_BYTES: usize = 16 << 20;
/// Bytes of an append that a leader may call back early. A larger one would be sent again while its disk is busy.
pub(super) const EARLY_BYTES: usize = 128 << 10;

#[derive(Debug, Default)]
pub(super) struct Tail {
    pub(super) vote: Option<Vote>,
    pub(super) committed: Option<LogId>,
    /// Whether `committed` has changed since it was last written.
    pub(super) committed_is_new: bool,
    pub(super) purged: Option<LogId>,
    pub(super) last: Option<LogId>,
    /// Index of the first entry that was appended to an empty log. openraft begins with 0.
    pub(super) first: u64,
    /// The newest entries, without holes.
    pub(super) cached: BTreeMap<u64, Entry>,
    pub(super) cached_bytes: usize,
    pub(super) durable: Durable,
}

impl Tail {
    pub(super) fn push(&mut self, entry: Entry) {
        if self.indexes().is_empty() {
            self.first = entry.log_id.index;
        }
        self.last = Some(entry.log_id);
        self.cached_bytes += size(&entry);
        self.cached.insert(entry.log_id.index, entry);
    }

    pub(super) fn forget(&mut self, index: u64) {
        if let Some(entry) = self.cached.remove(&index) {
            self.cached_bytes -= size(&entry);
        }
    }

    /// Everything below `next` is durable; the oldest may leave memory.
    pub(super) fn durable_up_to(&mut self, next: u64) {
        self.durable.reached(next);
        let durable = self.durable.next();
        while self.cached_bytes > CACHE_BYTES {
            match self.cached.first_key_value() {
                Some((&index, _)) if index < durable => self.forget(index),
                _ => break,
            }
        }
    }

    /// Whether this node appends the entries as the leader that it is, and may let its peers have them at once.
    pub(super) fn may_be_early(&self, node: u64, entries: &[Entry]) -> bool {
        let leads = |entry: &Entry| {
            self.vote.is_some_and(|vote| {
                vote.committed
                    && vote.leader_id.node_id == node
                    && vote.leader_id == entry.log_id.leader_id
            })
        };
        self.durable.may_be_early()
            && entries.iter().all(leads)
            && entries.iter().map(size).sum::<usize>() <= EARLY_BYTES
    }

    /// The write that keeps the newest committed id, if it has changed. A hint: it is never worth a sync of its own.
    pub(super) fn committed_change(&mut self) -> Option<Write> {
        if !std::mem::take(&mut self.committed_is_new) {
            return None;
        }
        let value = codec::encode(&self.committed?).ok()?;
        Some(Write::Set {
            slot: Slot::Committed,
            value,
        })
    }

    pub(super) fn indexes(&self) -> std::ops::Range<u64> {
        let start = self.purged.map_or(0, |id| id.index + 1);
        start.max(self.first)..self.last.map_or(0, |id| id.index + 1)
    }
}

pub(super) fn lock(tail: &Mutex<Tail>) -> MutexGuard<'_, Tail> {
    // No code that can panic runs between two halves of a change.
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}
