use std::collections::BTreeMap;

use openraft::CommittedLeaderId;
use torii_resource::{ResourceKey, Stamp};

use super::*;

fn meta(index: u64) -> SnapshotMeta {
    SnapshotMeta {
        last_log_id: Some(LogId::new(CommittedLeaderId::new(1, 1), index)),
        ..SnapshotMeta::default()
    }
}

fn state(resources: usize) -> State {
    let mut state = State {
        revision: Revision(7),
        epoch: 2,
        ..State::default()
    };
    state
        .marks
        .insert("cursor".into(), Bytes::from_static(b"9"));
    for number in 0..resources {
        let key = ResourceKey::new("Mesh", "", &format!("mesh-{number}"));
        let resource = Resource {
            key: key.clone(),
            labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
            spec: Bytes::from(vec![number as u8; 100]),
            created: Stamp::default(),
            modified: Stamp::default(),
        };
        state.resources.insert(key, Arc::new(resource));
    }
    state
}

#[test]
fn a_saved_snapshot_is_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, none) = SnapshotFolder::open(folder.path(), None).unwrap();
    assert_eq!(none, None);
    snapshots.save(&meta(5), &state(1000)).unwrap();
    let (_, loaded) = SnapshotFolder::open(folder.path(), None).unwrap();
    assert_eq!(loaded, Some((meta(5), state(1000))));
}

#[test]
fn an_older_snapshot_does_not_replace_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = SnapshotFolder::open(folder.path(), None).unwrap();
    snapshots.save(&meta(5), &state(3)).unwrap();
    snapshots.save(&meta(4), &state(2)).unwrap();
    let (_, loaded) = SnapshotFolder::open(folder.path(), None).unwrap();
    assert_eq!(loaded, Some((meta(5), state(3))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_or_cut_snapshot_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = SnapshotFolder::open(folder.path(), None).unwrap();
    snapshots.save(&meta(5), &state(10)).unwrap();
    let path = folder.path().join(CURRENT);
    let good = std::fs::read(&path).unwrap();
    for at in [0, 9, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, bad).unwrap();
        let error = SnapshotFolder::open(folder.path(), None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "byte {at}");
    }
    for length in [0, 5, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..length]).unwrap();
        let error = SnapshotFolder::open(folder.path(), None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{length} bytes");
    }
}

#[tokio::test]
async fn a_snapshot_that_arrived_before_a_crash_is_there_when_the_log_was_purged_for_it() {
    let sender = tempfile::tempdir().unwrap();
    let (snapshots, _) = SnapshotFolder::open(sender.path(), None).unwrap();
    snapshots.save(&meta(9), &state(50)).unwrap();
    let bytes = std::fs::read(sender.path().join(CURRENT)).unwrap();

    let receive = async |folder: &Path| {
        let (snapshots, _) = SnapshotFolder::open(folder, None).unwrap();
        snapshots.save(&meta(5), &state(3)).unwrap();
        let mut file = snapshots.receive().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut file, &bytes)
            .await
            .unwrap();
        file.settle().await.unwrap();
        snapshots
            .secure_arrived(meta(9).last_log_id.unwrap())
            .unwrap();
        (snapshots, file)
    };
    let folder = tempfile::tempdir().unwrap();
    drop(receive(folder.path()).await);
    // Before the purge was durable, the old snapshot and the log are the truth.
    let (_, loaded) = SnapshotFolder::open(folder.path(), meta(4).last_log_id).unwrap();
    assert_eq!(loaded, Some((meta(5), state(3))));

    let folder = tempfile::tempdir().unwrap();
    drop(receive(folder.path()).await);
    let (_, loaded) = SnapshotFolder::open(folder.path(), meta(9).last_log_id).unwrap();
    assert_eq!(loaded, Some((meta(9), state(50))));
    let (_, loaded) = SnapshotFolder::open(folder.path(), meta(9).last_log_id).unwrap();
    assert_eq!(loaded, Some((meta(9), state(50))));

    let folder = tempfile::tempdir().unwrap();
    let (snapshots, file) = receive(folder.path()).await;
    assert_eq!(snapshots.install(&meta(9), &file).unwrap(), state(50));
    let (_, loaded) = SnapshotFolder::open(folder.path(), meta(9).last_log_id).unwrap();
    assert_eq!(loaded, Some((meta(9), state(50))));
    assert!(!folder.path().join(ARRIVED).exists());
}
