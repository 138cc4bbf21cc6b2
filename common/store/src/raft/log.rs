//! openraft's log on a [`Disk`]: the newest entries in memory as well, everything written by the disk thread.
#![expect(clippy::result_large_err, reason = "openraft's error types")]

mod tail;

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, Weak};

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{EntryPayload, ErrorSubject, ErrorVerb, LogState, OptionalSend, RaftLogReader};
use tokio::sync::oneshot;

use crate::codec;
use crate::disk::{Disk, Found, Slot, Write};
use crate::raft::durable::Durable;
use crate::raft::log::tail::{Tail, lock};
use crate::raft::snapshot::SnapshotFolder;
use crate::raft::types::{Entry, LogId, StorageError, Types, Vote, storage_error};
use crate::writer::Writer;

/// Bytes of entries that travel in one append, about; a single larger entry travels alone.
const APPEND_BYTES: usize = 1 << 20;
/// Indexes that are purged in one write, so that appends do not wait behind a long one.
const PURGE_STEP: u64 = 128;

/// The log of one node. A clone is another handle on it.
#[derive(Clone, Debug)]
pub(crate) struct LogStore {
    node: u64,
    writer: Writer,
    disk: Arc<dyn Disk>,
    snapshots: Arc<SnapshotFolder>,
    tail: Arc<Mutex<Tail>>,
}

/// Reads a log; does not keep its disk open.
#[derive(Clone, Debug)]
pub(crate) struct LogReader {
    disk: Weak<dyn Disk>,
    tail: Arc<Mutex<Tail>>,
}

impl LogStore {
    /// The log of `node`, on a disk that was opened and found in order.
    ///
    /// # Errors
    /// `InvalidData` when what was found does not fit together.
    pub(crate) fn new(
        node: u64,
        disk: Arc<dyn Disk>,
        found: &Found,
        writer: Writer,
        snapshots: Arc<SnapshotFolder>,
    ) -> io::Result<Self> {
        let purged = purged(found)?;
        let next = purged.map_or(0, |id| id.index + 1);
        let mut last = purged;
        if let Some(range) = &found.indexes {
            if *range.start() > next {
                return Err(invalid(format!(
                    "the log starts at {} instead of {next}",
                    range.start()
                )));
            }
            if *range.end() >= next {
                let entry = read_entry(&*disk, *range.end())?;
                last = entry.map(|entry| entry.log_id).or(last);
            }
            if *range.start() < next {
                // A purge that was interrupted.
                writer.write_lazily(vec![Write::Purge { to: next - 1 }]);
            }
        }
        let tail = Tail {
            vote: value(found.vote.as_ref(), "vote")?.map(|vote| retired(vote, node)),
            committed: value(found.committed.as_ref(), "committed")?,
            purged,
            last,
            first: next,
            durable: Durable::new(last.map_or(0, |id| id.index + 1)),
            ..Tail::default()
        };
        Ok(Self {
            node,
            writer,
            disk,
            snapshots,
            tail: Arc::new(Mutex::new(tail)),
        })
    }

    /// How far this log is on its disk.
    pub(crate) fn durable(&self) -> Durable {
        lock(&self.tail).durable.clone()
    }

    fn reader(&self) -> LogReader {
        LogReader {
            disk: Arc::downgrade(&self.disk),
            tail: Arc::clone(&self.tail),
        }
    }

    /// Writes and waits until it is durable.
    async fn write(&self, changes: Vec<Write>) -> io::Result<()> {
        let (sender, done) = oneshot::channel();
        self.writer.write(
            changes,
            Box::new(move |result| {
                // Nobody waits any more when the node shuts down.
                let _ = sender.send(result);
            }),
        );
        done.await
            .unwrap_or_else(|_| Err(io::Error::other("the disk thread has stopped")))
    }
}

impl Drop for LogStore {
    fn drop(&mut self) {
        let mut tail = lock(&self.tail);
        if let Some(change) = tail.committed_change() {
            self.writer.write_lazily(vec![change]);
        }
    }
}

impl LogReader {
    fn read(&self, start: u64, end: u64, max_bytes: usize) -> Result<Vec<Entry>, StorageError> {
        if lock(&self.tail).durable.failed() {
            // A leader that was early learns of it here, when it sends again what no peer's answer has confirmed.
            let error = "the disk failed";
            return Err(storage_error(ErrorSubject::Logs, ErrorVerb::Read, &error));
        }
        let mut entries = Vec::new();
        let mut bytes = 0;
        for index in start..end {
            let cached = {
                let tail = lock(&self.tail);
                if !tail.indexes().contains(&index) {
                    break;
                }
                tail.cached.get(&index).cloned()
            };
            let entry = match cached {
                Some(entry) => entry,
                None => self.read_disk(index)?,
            };
            bytes += size(&entry);
            if bytes > max_bytes && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn read_disk(&self, index: u64) -> Result<Entry, StorageError> {
        let failed = |error: &dyn std::fmt::Display| {
            storage_error(ErrorSubject::LogIndex(index), ErrorVerb::Read, error)
        };
        let disk = self
            .disk
            .upgrade()
            .ok_or_else(|| failed(&"the store has stopped"))?;
        let entry = read_entry(&*disk, index).map_err(|error| failed(&error))?;
        entry.ok_or_else(|| failed(&"the entry is missing"))
    }
}

impl RaftLogReader<Types> for LogReader {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        let known = lock(&self.tail).indexes();
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&start) => start + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&end) => end + 1,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => u64::MAX,
        };
        self.read(start.max(known.start), end.min(known.end), usize::MAX)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        self.read(start, end, APPEND_BYTES)
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        self.reader().try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        self.reader().limited_get_log_entries(start, end).await
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        let tail = lock(&self.tail);
        Ok(LogState {
            last_purged_log_id: tail.purged,
            last_log_id: tail.last,
        })
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.reader()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        let failed = |error: &dyn std::fmt::Display| {
            storage_error(ErrorSubject::Vote, ErrorVerb::Write, error)
        };
        let value = codec::encode(vote).map_err(|error| failed(&error))?;
        let slot = Slot::Vote;
        self.write(vec![Write::Set { slot, value }])
            .await
            .map_err(|error| failed(&error))?;
        lock(&self.tail).vote = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        Ok(lock(&self.tail).vote)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let mut tail = lock(&self.tail);
        tail.committed = committed;
        tail.committed_is_new = true;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        Ok(lock(&self.tail).committed)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        callback: LogFlushed<Types>,
    ) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let mut changes = Vec::with_capacity(entries.len() + 1);
        let (next, early) = {
            let mut tail = lock(&self.tail);
            for entry in &entries {
                if let EntryPayload::Membership(membership) = &entry.payload {
                    tail.durable.vote_by(membership.get_joint_config());
                }
            }
            let early = tail.may_be_early(self.node, &entries);
            for entry in entries {
                let index = entry.log_id.index;
                let record = codec::encode(&entry).map_err(|error| {
                    storage_error(ErrorSubject::Log(entry.log_id), ErrorVerb::Write, &error)
                })?;
                if let EntryPayload::Normal(payload) = &entry.payload {
                    payload.mark_logged();
                }
                tail.push(entry);
                changes.push(Write::Append { index, record });
            }
            changes.extend(tail.committed_change());
            let next = tail.indexes().end;
            if early {
                tail.durable.note_early(next);
            }
            (next, early)
        };
        let (at_once, later) = if early {
            (Some(callback), None)
        } else {
            (None, Some(callback))
        };
        let tail = Arc::clone(&self.tail);
        self.writer.write(
            changes,
            Box::new(move |result| {
                let mut tail = lock(&tail);
                match result {
                    Ok(()) => tail.durable_up_to(next),
                    Err(_) => tail.durable.fail(),
                }
                drop(tail);
                if let Some(callback) = later {
                    callback.log_io_completed(result);
                }
            }),
        );
        if let Some(callback) = at_once {
            callback.log_io_completed(Ok(()));
        }
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let failed = |error: &dyn std::fmt::Display| {
            storage_error(ErrorSubject::Log(log_id), ErrorVerb::Delete, error)
        };
        let before = match log_id.index.checked_sub(1) {
            Some(index) => self
                .reader()
                .try_get_log_entries(index..=index)
                .await?
                .pop(),
            None => None,
        };
        {
            let mut tail = lock(&self.tail);
            // Who votes again is not looked up: nothing is early until the next start.
            let cut_membership = tail
                .cached
                .range(log_id.index..)
                .any(|(_, entry)| matches!(entry.payload, EntryPayload::Membership(_)));
            for index in log_id.index..tail.indexes().end {
                tail.forget(index);
            }
            tail.last = before.map(|entry| entry.log_id).or(tail.purged);
            tail.durable.replace(tail.durable.next().min(log_id.index));
            if cut_membership {
                tail.durable.vote_by(&[]);
            }
        }
        let from = log_id.index;
        self.write(vec![Write::Truncate { from }])
            .await
            .map_err(|error| failed(&error))
    }

    async fn purge(&mut self, log_id: LogId) -> Result<(), StorageError> {
        let failed = |error: &dyn std::fmt::Display| {
            storage_error(ErrorSubject::Log(log_id), ErrorVerb::Delete, error)
        };
        let slot = Slot::Purged;
        let value = codec::encode(&log_id).map_err(|error| failed(&error))?;
        let (known, everything) = {
            let mut tail = lock(&self.tail);
            let known = tail.indexes();
            for index in known.start..=log_id.index.min(known.end) {
                tail.forget(index);
            }
            tail.purged = Some(log_id);
            let everything = tail.last <= Some(log_id);
            if everything {
                tail.last = Some(log_id);
                tail.first = log_id.index + 1;
                tail.durable.replace(log_id.index + 1);
            }
            (known, everything)
        };
        if everything {
            let snapshots = Arc::clone(&self.snapshots);
            tokio::task::spawn_blocking(move || snapshots.secure_arrived(log_id))
                .await
                .map_err(|error| failed(&error))?
                .map_err(|error| failed(&error))?;
            // What comes next does not continue what is on the disk: never leave both.
            let to = log_id.index;
            return self
                .write(vec![Write::Set { slot, value }, Write::Purge { to }])
                .await
                .map_err(|error| failed(&error));
        }
        self.writer.write_lazily(vec![Write::Set { slot, value }]);
        let mut to = known.start;
        while to < log_id.index {
            to = log_id.index.min(to + PURGE_STEP);
            self.writer.write_lazily(vec![Write::Purge { to }]);
        }
        Ok(())
    }
}

/// How far the log on a disk was purged.
///
/// # Errors
/// `InvalidData` when the record cannot be read.
pub(crate) fn purged(found: &Found) -> io::Result<Option<LogId>> {
    value(found.purged.as_ref(), "purged")
}

/// A node's vote as it starts with it. openraft makes a node that led go on as leader of the same term; but it may have
/// sent entries that it lost, and would give their numbers to others. With its vote not known to be granted it has to
/// ask for a new term first. Nobody else goes by that mark of a vote for this node.
fn retired(mut vote: Vote, node: u64) -> Vote {
    vote.committed &= vote.leader_id.node_id != node;
    vote
}

/// Bytes that an entry takes in memory and on the wire, about.
pub(crate) fn size(entry: &Entry) -> usize {
    const AROUND: usize = 128;
    match &entry.payload {
        EntryPayload::Normal(payload) => AROUND + payload.bytes().len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => AROUND,
    }
}

fn read_entry(disk: &dyn Disk, index: u64) -> io::Result<Option<Entry>> {
    let Some(record) = disk.read(index)? else {
        return Ok(None);
    };
    let entry: Entry = codec::decode(&record)
        .map_err(|error| invalid(format!("record {index} is not an entry: {error}")))?;
    if entry.log_id.index == index {
        Ok(Some(entry))
    } else {
        Err(invalid(format!(
            "record {index} holds the entry {}",
            entry.log_id
        )))
    }
}

fn value<T: serde::de::DeserializeOwned>(
    bytes: Option<&Vec<u8>>,
    name: &str,
) -> io::Result<Option<T>> {
    let decode =
        |bytes: &Vec<u8>| codec::decode(bytes).map_err(|error| invalid(format!("{name}: {error}")));
    bytes.map(decode).transpose()
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests;
