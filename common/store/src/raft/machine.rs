//! openraft's state machine: the state in memory, rebuilt at start from the snapshot and the log after it.

use std::sync::Arc;

use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, ErrorSubject, ErrorVerb, OptionalSend, RaftSnapshotBuilder};
use tokio::sync::watch;

use crate::apply::{Applied, apply};
use crate::feed::Feed;
use crate::metrics;
use crate::raft::snapshot::{SnapshotFile, SnapshotFolder};
use crate::raft::types::{
    Entry, LogId, Reply, Snapshot, SnapshotMeta, StorageError, StoredMembership, Types,
    storage_error,
};
use crate::state::{State, View};

/// Applies committed entries and publishes what they lead to.
#[derive(Debug)]
pub(crate) struct StateMachine {
    view: View,
    last_applied: Option<LogId>,
    membership: StoredMembership,
    folder: Arc<SnapshotFolder>,
    feed: Feed,
    /// One more than the index of the last applied entry; 0 = none.
    applied: watch::Sender<u64>,
}

impl StateMachine {
    /// Starts from a snapshot, or from nothing.
    pub(crate) fn new(
        folder: Arc<SnapshotFolder>,
        loaded: Option<(SnapshotMeta, State)>,
        feed: Feed,
    ) -> Self {
        let mut machine = Self {
            view: View::default(),
            last_applied: None,
            membership: StoredMembership::default(),
            folder,
            feed,
            applied: watch::Sender::new(0),
        };
        if let Some((meta, state)) = loaded {
            machine.replace(&meta, state);
        }
        machine
    }

    /// Follows the number of applied entries.
    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    fn replace(&mut self, meta: &SnapshotMeta, state: State) {
        self.view = View::new(state);
        self.last_applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.feed.replace(self.view.clone());
        self.announce();
    }

    fn announce(&self) {
        metrics::applied(self.view.revision());
        self.applied
            .send_replace(self.last_applied.map_or(0, |id| id.index + 1));
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        Ok((self.last_applied, self.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Reply>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut replies = Vec::new();
        let mut batches = Vec::new();
        for entry in entries {
            let reply = match entry.payload {
                EntryPayload::Blank => None,
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(entry.log_id), membership);
                    None
                }
                EntryPayload::Normal(payload) => {
                    // Another build could read it: to skip it would make this node differ. It must stop instead.
                    let command = payload.decode().map_err(|error| {
                        storage_error(ErrorSubject::Apply(entry.log_id), ErrorVerb::Read, &error)
                    })?;
                    Some(apply(self.view.state(), &command).map(|applied| {
                        let Applied {
                            state,
                            batch,
                            committed,
                        } = applied;
                        self.view = View::new(state);
                        batches.extend(batch.map(Arc::new));
                        committed
                    }))
                }
            };
            self.last_applied = Some(entry.log_id);
            replies.push(Reply(reply));
        }
        self.feed.publish(self.view.clone(), batches);
        self.announce();
        Ok(replies)
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        let last = self
            .last_applied
            .map_or_else(|| "none".to_owned(), |id| id.to_string());
        SnapshotBuilder {
            view: self.view.clone(),
            meta: SnapshotMeta {
                last_log_id: self.last_applied,
                last_membership: self.membership.clone(),
                snapshot_id: last,
            },
            folder: Arc::clone(&self.folder),
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotFile>, StorageError> {
        let file = self.folder.receive().await;
        file.map(Box::new)
            .map_err(|error| snapshot_error(ErrorVerb::Write, &error))
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<SnapshotFile>,
    ) -> Result<(), StorageError> {
        let mut snapshot = snapshot;
        let failed = |error: &dyn std::fmt::Display| snapshot_error(ErrorVerb::Write, error);
        snapshot.settle().await.map_err(|error| failed(&error))?;
        let (folder, announced) = (Arc::clone(&self.folder), meta.clone());
        let state = tokio::task::spawn_blocking(move || folder.install(&announced, &snapshot))
            .await
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        self.replace(meta, state);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, StorageError> {
        let current = self
            .folder
            .current()
            .map_err(|error| snapshot_error(ErrorVerb::Read, &error))?;
        Ok(current.map(|(meta, file)| Snapshot {
            meta,
            snapshot: Box::new(file),
        }))
    }
}

/// Writes one immutable view as a snapshot, beside everything else.
#[derive(Debug)]
pub(crate) struct SnapshotBuilder {
    view: View,
    meta: SnapshotMeta,
    folder: Arc<SnapshotFolder>,
}

impl RaftSnapshotBuilder<Types> for SnapshotBuilder {
    async fn build_snapshot(&mut self) -> Result<Snapshot, StorageError> {
        let failed = |error: &dyn std::fmt::Display| snapshot_error(ErrorVerb::Write, error);
        let (folder, meta, view) = (
            Arc::clone(&self.folder),
            self.meta.clone(),
            self.view.clone(),
        );
        tokio::task::spawn_blocking(move || folder.save(&meta, view.state()))
            .await
            .map_err(|error| failed(&error))?
            .map_err(|error| failed(&error))?;
        let current = self.folder.current().map_err(|error| failed(&error))?;
        let (meta, file) = current.ok_or_else(|| failed(&"it vanished"))?;
        Ok(Snapshot {
            meta,
            snapshot: Box::new(file),
        })
    }
}

fn snapshot_error(verb: ErrorVerb, error: &dyn std::fmt::Display) -> StorageError {
    storage_error(ErrorSubject::Snapshot(None), verb, error)
}
