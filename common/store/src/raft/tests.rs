//! openraft's own conformance suite on our log and state machine.

use std::sync::Arc;

use openraft::testing::{StoreBuilder, Suite};
use tempfile::TempDir;

use crate::disk::Disk;
use crate::disk::sled::SledDisk;
use crate::feed::Feed;
use crate::raft::log::LogStore;
use crate::raft::machine::StateMachine;
use crate::raft::snapshot::SnapshotFolder;
use crate::raft::types::{StorageError, Types};
use crate::writer::Writer;

struct Builder;

impl StoreBuilder<Types, LogStore, StateMachine, TempDir> for Builder {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError> {
        let folder = tempfile::tempdir().unwrap();
        let (disk, found) = SledDisk::open(&folder.path().join("log")).unwrap();
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let (writer, _thread) = Writer::start(Arc::clone(&disk)).unwrap();
        let (snapshots, loaded) =
            SnapshotFolder::open(&folder.path().join("snapshots"), None).unwrap();
        let snapshots = Arc::new(snapshots);
        let log = LogStore::new(0, disk, &found, writer, Arc::clone(&snapshots)).unwrap();
        let machine = StateMachine::new(snapshots, loaded, Feed::new(16, 1 << 20));
        Ok((folder, log, machine))
    }
}

#[test]
fn log_and_state_machine_keep_openrafts_contract() {
    Suite::test_all(Builder).unwrap();
}
