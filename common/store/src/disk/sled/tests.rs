use super::*;

fn append(index: u64, length: usize) -> Write {
    let record = (0..length)
        .map(|at| (at as u64 * 31 + index) as u8)
        .collect();
    Write::Append { index, record }
}

fn reopen(folder: &Path) -> (SledDisk, Found) {
    SledDisk::open(folder).unwrap()
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, found) = reopen(folder.path());
    assert_eq!(found, Found::default());
    let value = vec![7; 30];
    let vote = Write::Set {
        slot: Slot::Vote,
        value: value.clone(),
    };
    disk.write(&[append(5, 10), append(6, 100_000), append(7, 0), vote])
        .unwrap();
    disk.sync().unwrap();
    let long = disk.read(6).unwrap().unwrap();
    assert_eq!(long.len(), 100_000);
    drop(disk);
    let (disk, found) = reopen(folder.path());
    assert_eq!(found.indexes, Some(5..=7));
    assert_eq!(found.vote, Some(value));
    assert_eq!(disk.read(6).unwrap().unwrap(), long);
    assert_eq!(disk.read(7).unwrap().unwrap(), Vec::<u8>::new());
    assert_eq!(disk.read(8).unwrap(), None);
}

#[test]
fn a_shorter_record_replaces_a_longer_one() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, _) = reopen(folder.path());
    disk.write(&[append(1, 20_000)]).unwrap();
    disk.write(&[Write::Truncate { from: 1 }]).unwrap();
    disk.write(&[append(1, 5)]).unwrap();
    assert_eq!(disk.read(1).unwrap().unwrap().len(), 5);
    disk.write(&[append(2, 9), append(3, 9)]).unwrap();
    disk.write(&[Write::Truncate { from: 2 }, append(2, 7)])
        .unwrap();
    assert_eq!(disk.read(2).unwrap().unwrap().len(), 7);
    assert_eq!(disk.read(3).unwrap(), None);
    disk.write(&[Write::Purge { to: 1 }]).unwrap();
    assert_eq!(disk.scan().unwrap().indexes, Some(2..=2));
}

#[test]
fn no_size_of_record_makes_sled_write_a_blob_file() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, _) = reopen(folder.path());
    let sizes = [
        1,
        100,
        CHUNK - HEADER,
        CHUNK,
        3 * CHUNK + 1,
        40_000,
        200_000,
        1 << 20,
        9 << 20,
    ];
    for (index, size) in (1..).zip(sizes.into_iter().cycle().take(27)) {
        disk.write(&[append(index, size)]).unwrap();
        if index % 3 == 0 {
            disk.write(&[Write::Purge { to: index - 3 }]).unwrap();
        }
    }
    disk.write(&[append(28, 9 << 20), append(29, 3), append(30, 9 << 20)])
        .unwrap();
    disk.sync().unwrap();
    let blobs = std::fs::read_dir(folder.path().join("blobs"))
        .unwrap()
        .count();
    assert_eq!(blobs, 0, "blob files are not synced");
}

#[test]
fn a_damaged_record_is_found_at_opening() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, _) = reopen(folder.path());
    disk.write(&[append(1, 10), append(2, 10_000), append(3, 10)])
        .unwrap();
    let damage = |alter: &dyn Fn(&sled::Tree)| {
        alter(&disk.tree);
        let reason = disk.scan().unwrap_err().to_string();
        disk.write(&[Write::Truncate { from: 1 }]).unwrap();
        disk.write(&[append(1, 10), append(2, 10_000), append(3, 10)])
            .unwrap();
        disk.scan().unwrap();
        reason
    };
    let flipped = damage(&|tree| {
        let mut value = tree.get(key(2, 1)).unwrap().unwrap().to_vec();
        value[77] ^= 4;
        tree.insert(key(2, 1), value).unwrap();
    });
    assert_eq!(flipped, "record 2 has a wrong checksum");
    let torn = damage(&|tree| {
        tree.remove(key(2, 2)).unwrap();
    });
    assert_eq!(
        torn,
        format!("record 2 has {} bytes instead of 10000", 2 * CHUNK - HEADER)
    );
    let hole = damage(&|tree| {
        (0..3).for_each(|chunk| drop(tree.remove(key(2, chunk)).unwrap()));
    });
    assert_eq!(hole, "record 1 is followed by record 3");
    let moved = damage(&|tree| {
        tree.insert(key(3, 0), seal_record(1, b"x")).unwrap();
    });
    assert_eq!(moved, "record 3 says that it is record 1");
}

#[test]
fn a_flipped_byte_in_the_file_never_opens_as_good_data() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, _) = reopen(folder.path());
    let marker = b"a value that is easy to find in the file".to_vec();
    disk.write(&[Write::Append {
        index: 1,
        record: marker.clone(),
    }])
    .unwrap();
    disk.sync().unwrap();
    drop(disk);
    let path = folder.path().join("db");
    let mut bytes = std::fs::read(&path).unwrap();
    let places: Vec<usize> = (0..=bytes.len() - marker.len())
        .filter(|&at| bytes[at..].starts_with(&marker))
        .collect();
    assert!(!places.is_empty());
    places.iter().for_each(|&at| bytes[at + 3] ^= 1);
    std::fs::write(&path, bytes).unwrap();
    // sled itself cuts what its own checksum refuses; what it lets through, ours refuses.
    if let Ok((disk, found)) = SledDisk::open(folder.path()) {
        assert_eq!(found.indexes, None);
        assert_eq!(disk.read(1).unwrap(), None);
    }
}

#[test]
fn a_second_process_cannot_open_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (_disk, _) = reopen(folder.path());
    assert!(matches!(
        SledDisk::open(folder.path()),
        Err(OpenError::Io { .. })
    ));
}
