//! The disk on sled 0.34.7, with what sled leaves open closed: real `fdatasync`, no blob files, checksums, one owner.
//!
//! sled's `flush` is `sync_file_range`, which does not reach the disk's cache nor the file's size. So a sync is sled's
//! flush followed by our own `fdatasync` of its one database file, through a handle of our own (whose error state no
//! other fsync of the process can consume).
//!
//! sled writes an item that is larger than a quarter of a segment (128 KiB) to a file of its own under `blobs/`, which
//! it never syncs. An item is a whole leaf: up to 16 values before it splits, some more while it merges. Therefore
//! records are cut into chunks of 4 KiB: 20 of them stay far below the bound. A test looks for blob files.

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, Found, Slot, Write};
use crate::error::OpenError;

/// Bytes of a record in one value.
const CHUNK: usize = 4096;
/// In front of a record: CRC-32 of all that follows, length of the contents, index.
const HEADER: usize = 4 + 4 + 8;
/// sled's page cache. The log is read from memory nearly always.
const CACHE: u64 = 32 << 20;
/// How often sled collects garbage in its file. It does so only in its periodic flush.
const COLLECT_MS: u64 = 10_000;

/// A folder with one sled database.
pub(crate) struct SledDisk {
    tree: sled::Tree,
    /// The last handle closes the database and lets go of its lock.
    db: sled::Db,
    /// sled's database file, opened a second time for `fdatasync`.
    file: File,
}

impl std::fmt::Debug for SledDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledDisk").finish_non_exhaustive()
    }
}

impl SledDisk {
    /// Opens or creates the database in `folder`, reads every record once and verifies it.
    ///
    /// # Errors
    /// When the folder cannot be used, is held by another process, or holds damaged records.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Found), OpenError> {
        std::fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
        let db = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE)
            .flush_every_ms(Some(COLLECT_MS))
            .open()
            .map_err(|error| opening(folder, &error))?;
        let tree = db
            .open_tree("raft")
            .map_err(|error| opening(folder, &error))?;
        let path = folder.join("db");
        let file = File::open(&path).map_err(|error| unusable(&path, &error))?;
        let disk = Self { tree, db, file };
        disk.sync().map_err(|error| unusable(&path, &error))?;
        for directory in [Some(folder), folder.parent()].into_iter().flatten() {
            sync_directory(directory).map_err(|error| unusable(directory, &error))?;
        }
        let found = disk.scan().map_err(|error| damaged(folder, &error))?;
        Ok((disk, found))
    }

    fn scan(&self) -> io::Result<Found> {
        let mut found = Found {
            vote: self.slot(Slot::Vote)?,
            committed: self.slot(Slot::Committed)?,
            purged: self.slot(Slot::Purged)?,
            owner: self.slot(Slot::Owner)?,
            indexes: None,
        };
        let mut record = Vec::new();
        let mut current: Option<u64> = None;
        for item in self.tree.scan_prefix(b"l") {
            let (key, value) = item.map_err(other)?;
            let (index, chunk) = parse_key(&key)?;
            match current {
                Some(at) if at == index => {}
                _ => {
                    finish(current, &record, &mut found.indexes)?;
                    record.clear();
                    current = Some(index);
                }
            }
            if chunk as usize != record.len().div_ceil(CHUNK) {
                return Err(invalid(format!(
                    "record {index} lacks the chunk before {chunk}"
                )));
            }
            record.extend_from_slice(&value);
        }
        finish(current, &record, &mut found.indexes)?;
        Ok(found)
    }

    fn slot(&self, slot: Slot) -> io::Result<Option<Vec<u8>>> {
        let Some(value) = self.tree.get(slot_key(slot)).map_err(other)? else {
            return Ok(None);
        };
        let contents = open_record(slot as u64, &value)
            .map_err(|error| invalid(format!("{slot:?}: {error}")))?;
        Ok(Some(contents.to_vec()))
    }

    fn remove(&self, batch: &mut sled::Batch, range: RangeInclusive<u64>) -> io::Result<()> {
        let keys = key(*range.start(), 0).to_vec()..=key(*range.end(), u32::MAX).to_vec();
        for item in self.tree.range(keys).keys() {
            batch.remove(item.map_err(other)?);
        }
        Ok(())
    }
}

impl Disk for SledDisk {
    fn write(&self, changes: &[Write]) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        for change in changes {
            match change {
                Write::Append { index, record } => {
                    for (chunk, part) in (0_u32..).zip(seal_record(*index, record).chunks(CHUNK)) {
                        batch.insert(&key(*index, chunk), part);
                    }
                }
                Write::Truncate { from } => self.remove(&mut batch, *from..=u64::MAX)?,
                Write::Purge { to } => self.remove(&mut batch, 0..=*to)?,
                Write::Set { slot, value } => {
                    batch.insert(slot_key(*slot), seal_record(*slot as u64, value))
                }
            }
        }
        self.tree.apply_batch(batch).map_err(other)
    }

    fn sync(&self) -> io::Result<()> {
        self.db.flush().map_err(other)?;
        self.file.sync_data()
    }

    fn read(&self, index: u64) -> io::Result<Option<Vec<u8>>> {
        let mut record = Vec::new();
        for item in self.tree.scan_prefix(&key(index, 0)[..9]) {
            let (_, value) = item.map_err(other)?;
            record.extend_from_slice(&value);
        }
        if record.is_empty() {
            return Ok(None);
        }
        Ok(Some(open_record(index, &record)?.to_vec()))
    }
}

/// `l`, index, chunk: in order of the log.
fn key(index: u64, chunk: u32) -> [u8; 13] {
    let mut key = [b'l'; 13];
    key[1..9].copy_from_slice(&index.to_be_bytes());
    key[9..].copy_from_slice(&chunk.to_be_bytes());
    key
}

fn parse_key(key: &[u8]) -> io::Result<(u64, u32)> {
    let parsed = key.split_at_checked(1).and_then(|(_, rest)| {
        let (index, chunk) = rest.split_at_checked(8)?;
        Some((
            u64::from_be_bytes(index.try_into().ok()?),
            u32::from_be_bytes(chunk.try_into().ok()?),
        ))
    });
    parsed.ok_or_else(|| invalid(format!("key {key:?} is not of the log")))
}

fn slot_key(slot: Slot) -> &'static [u8] {
    match slot {
        Slot::Vote => b"s/vote",
        Slot::Committed => b"s/committed",
        Slot::Purged => b"s/purged",
        Slot::Owner => b"s/owner",
    }
}

fn seal_record(index: u64, contents: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER + contents.len());
    record.extend_from_slice(&[0; 4]);
    // Proposals are bounded to megabytes long before they come here.
    record.extend_from_slice(
        &u32::try_from(contents.len())
            .unwrap_or(u32::MAX)
            .to_le_bytes(),
    );
    record.extend_from_slice(&index.to_le_bytes());
    record.extend_from_slice(contents);
    let checksum = crc32fast::hash(&record[4..]);
    record[..4].copy_from_slice(&checksum.to_le_bytes());
    record
}

fn open_record(index: u64, record: &[u8]) -> io::Result<&[u8]> {
    let parts = record
        .split_first_chunk::<4>()
        .and_then(|(checksum, rest)| {
            let (length, rest) = rest.split_first_chunk::<4>()?;
            let (number, contents) = rest.split_first_chunk::<8>()?;
            Some((
                u32::from_le_bytes(*checksum),
                u32::from_le_bytes(*length),
                u64::from_le_bytes(*number),
                contents,
            ))
        });
    let Some((checksum, length, number, contents)) = parts else {
        return Err(invalid(format!("record {index} is cut inside its header")));
    };
    if length as usize != contents.len() {
        return Err(invalid(format!(
            "record {index} has {} bytes instead of {length}",
            contents.len()
        )));
    }
    if checksum != crc32fast::hash(&record[4..]) {
        return Err(invalid(format!("record {index} has a wrong checksum")));
    }
    if number != index {
        return Err(invalid(format!(
            "record {index} says that it is record {number}"
        )));
    }
    Ok(contents)
}

/// Verifies a record that the scan has gathered and adds it to the range.
fn finish(
    index: Option<u64>,
    record: &[u8],
    indexes: &mut Option<RangeInclusive<u64>>,
) -> io::Result<()> {
    let Some(index) = index else { return Ok(()) };
    open_record(index, record)?;
    *indexes = Some(match indexes.take() {
        None => index..=index,
        Some(range) if *range.end() + 1 == index => *range.start()..=index,
        Some(range) => {
            return Err(invalid(format!(
                "record {} is followed by record {index}",
                range.end()
            )));
        }
    });
    Ok(())
}

/// Makes names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn other(error: sled::Error) -> io::Error {
    match error {
        sled::Error::Io(error) => error,
        error @ sled::Error::Corruption { .. } => invalid(error.to_string()),
        error => io::Error::other(error),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> OpenError {
    OpenError::Io {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn opening(path: &Path, error: &sled::Error) -> OpenError {
    match error {
        sled::Error::Corruption { .. } => OpenError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        },
        _ => unusable(path, error),
    }
}

fn damaged(path: &Path, error: &io::Error) -> OpenError {
    match error.kind() {
        io::ErrorKind::InvalidData => OpenError::Damaged {
            path: PathBuf::from(path),
            reason: error.to_string(),
        },
        _ => unusable(path, error),
    }
}

#[cfg(test)]
mod tests;
