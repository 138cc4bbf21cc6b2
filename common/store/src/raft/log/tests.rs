use std::collections::BTreeMap;
use std::sync::Condvar;

use openraft::storage::RaftLogStorageExt;
use openraft::{CommittedLeaderId, Membership};
use tempfile::TempDir;

use crate::raft::log::tail::EARLY_BYTES;
use crate::raft::types::{Payload, Peer};

use super::*;

const THIS: u64 = 1;
const OTHER: u64 = 2;

#[derive(Clone, Copy, Debug, Default)]
enum Sync {
    #[default]
    Works,
    Waits,
    Fails,
}

/// A disk whose syncs do as they are told.
#[derive(Debug, Default)]
struct TestDisk {
    sync: Mutex<Sync>,
    changed: Condvar,
}

impl TestDisk {
    fn set(&self, sync: Sync) {
        *self.sync.lock().unwrap() = sync;
        self.changed.notify_all();
    }
}

impl Disk for TestDisk {
    fn write(&self, _: &[Write]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let sync = self.sync.lock().unwrap();
        let waits = |sync: &mut Sync| matches!(sync, Sync::Waits);
        match *self.changed.wait_while(sync, waits).unwrap() {
            Sync::Fails => Err(io::Error::other("no space")),
            Sync::Works | Sync::Waits => Ok(()),
        }
    }

    fn read(&self, _: u64) -> io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

fn open(found: &Found) -> (TempDir, Arc<TestDisk>, LogStore) {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(TestDisk::default());
    let (writer, _thread) = Writer::start(disk.clone()).unwrap();
    let (snapshots, _) = SnapshotFolder::open(folder.path(), None).unwrap();
    let log = LogStore::new(THIS, disk.clone(), found, writer, Arc::new(snapshots)).unwrap();
    (folder, disk, log)
}

/// The log of one of three voters in term 1 of this leader.
async fn log_in_term_of(leader: u64) -> (TempDir, Arc<TestDisk>, LogStore) {
    let (folder, disk, mut log) = open(&Found::default());
    log.durable().vote_by(&[[1, 2, 3].into()]);
    let vote = Vote::new_committed(1, leader);
    log.save_vote(&vote).await.unwrap();
    (folder, disk, log)
}

fn entry(index: u64, leader: u64, bytes: usize) -> Entry {
    Entry {
        log_id: LogId::new(CommittedLeaderId::new(1, leader), index),
        payload: EntryPayload::Normal(Payload::from_bytes(vec![7; bytes].into())),
    }
}

/// Appends while the disk waits, then lets it go on. Whether the callback came before that.
async fn is_early(disk: &TestDisk, log: &mut LogStore, entry: Entry) -> bool {
    disk.set(Sync::Waits);
    let (index, durable) = (entry.log_id.index, log.durable());
    let mut append = std::pin::pin!(log.blocking_append([entry]));
    // One poll is all that an early append needs.
    let early = tokio::select! {
        biased;
        done = &mut append => {
            done.unwrap();
            true
        }
        () = std::future::ready(()) => false,
    };
    assert_eq!(durable.next(), index, "it cannot be on the disk yet");
    disk.set(Sync::Works);
    if !early {
        append.await.unwrap();
    }
    assert!(durable.wait(index).await);
    early
}

#[tokio::test]
async fn a_leader_is_called_back_before_its_small_entries_are_durable() {
    let (_folder, disk, mut log) = log_in_term_of(THIS).await;
    assert!(is_early(&disk, &mut log, entry(0, THIS, 100)).await);
    assert!(!is_early(&disk, &mut log, entry(1, THIS, EARLY_BYTES)).await);
}

#[tokio::test]
async fn a_leader_that_is_a_majority_alone_is_called_back_after_its_disk() {
    let (_folder, disk, mut log) = log_in_term_of(THIS).await;
    let alone: BTreeMap<u64, Peer> = BTreeMap::from([(THIS, Peer::default())]);
    let membership = Entry {
        payload: EntryPayload::Membership(Membership::from(alone)),
        ..entry(0, THIS, 0)
    };
    assert!(!is_early(&disk, &mut log, membership).await);
    assert!(!is_early(&disk, &mut log, entry(1, THIS, 100)).await);
}

#[tokio::test]
async fn a_follower_is_called_back_after_its_disk() {
    let (_folder, disk, mut log) = log_in_term_of(OTHER).await;
    assert!(!is_early(&disk, &mut log, entry(0, OTHER, 100)).await);
    // An entry that it made as a leader and that another one gives back to it.
    assert!(!is_early(&disk, &mut log, entry(1, THIS, 100)).await);
}

#[tokio::test]
async fn after_its_disk_has_failed_a_leader_neither_sends_nor_appends() {
    let (_folder, disk, mut log) = log_in_term_of(THIS).await;
    disk.set(Sync::Waits);
    log.blocking_append([entry(0, THIS, 100)]).await.unwrap();
    disk.set(Sync::Fails);
    assert!(!log.durable().wait(0).await);
    assert!(log.reader().limited_get_log_entries(0, 1).await.is_err());
    let next = log.blocking_append([entry(1, THIS, 100)]).await;
    assert!(next.is_err());
}

#[tokio::test]
async fn a_node_that_led_does_not_start_as_leader_of_the_same_term() {
    for (leader, committed) in [(THIS, false), (OTHER, true)] {
        let vote = codec::encode(&Vote::new_committed(3, leader)).unwrap();
        let found = Found {
            vote: Some(vote),
            ..Found::default()
        };
        let (_folder, _disk, mut log) = open(&found);
        let vote = log.read_vote().await.unwrap().unwrap();
        assert_eq!((vote.committed, vote.leader_id.term), (committed, 3));
    }
}
