//! Snapshots on disk: written beside, synced, renamed, directory synced; verified before they are believed.
//!
//! File: magic, length of the header, header, one LZ4 frame of length-prefixed resources, CRC-32 of all of it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use lz4_flex::frame::{FrameDecoder, FrameEncoder};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use torii_resource::{Resource, Revision};

use crate::codec;
use crate::disk::sled::sync_directory;
use crate::raft::types::{LogId, SnapshotMeta};
use crate::state::State;

const MAGIC: &[u8; 8] = b"TORIISN1";
const CURRENT: &str = "current.snapshot";
/// A second name of a snapshot that has arrived and that the log was purged for, before it is installed.
const ARRIVED: &str = "arrived.snapshot";
/// Largest header and largest resource that a reader believes in, in bytes.
const MAX_PART: u32 = 64 << 20;

/// What stands in front of the resources.
#[derive(Serialize, Deserialize)]
struct Header {
    meta: SnapshotMeta,
    revision: Revision,
    epoch: u64,
    marks: Vec<(String, Bytes)>,
    resources: u64,
}

/// The folder with the one current snapshot of a node.
#[derive(Debug)]
pub(crate) struct SnapshotFolder {
    folder: PathBuf,
    current: Mutex<Option<SnapshotMeta>>,
    /// The file that the newest snapshot from a peer arrives in.
    arriving: Mutex<Option<PathBuf>>,
    /// Numbers temporary files.
    next: AtomicU64,
}

impl SnapshotFolder {
    /// Opens the folder, removes what an interrupted writer left, and loads the current snapshot. `purged` is how far
    /// the log was purged: what is purged must be in the snapshot.
    ///
    /// # Errors
    /// `InvalidData` when the snapshot is damaged.
    pub(crate) fn open(
        folder: &Path,
        purged: Option<LogId>,
    ) -> io::Result<(Self, Option<(SnapshotMeta, State)>)> {
        std::fs::create_dir_all(folder)?;
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                std::fs::remove_file(path)?;
            }
        }
        let path = folder.join(CURRENT);
        let mut loaded = if path.try_exists()? {
            Some(load(&path)?)
        } else {
            None
        };
        let arrived = folder.join(ARRIVED);
        if arrived.try_exists()? {
            if last(loaded.as_ref()) < purged {
                loaded = Some(load(&arrived)?);
                std::fs::rename(&arrived, &path)?;
            } else {
                std::fs::remove_file(&arrived)?;
            }
            sync_directory(folder)?;
        }
        let opened = Self {
            folder: folder.to_owned(),
            current: Mutex::new(loaded.as_ref().map(|(meta, _)| meta.clone())),
            arriving: Mutex::new(None),
            next: AtomicU64::new(0),
        };
        Ok((opened, loaded))
    }

    /// Writes a state as the current snapshot, unless a newer one is there already. Blocks.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn save(&self, meta: &SnapshotMeta, state: &State) -> io::Result<()> {
        let path = self.temporary();
        let result = write(&path, meta, state).and_then(|()| self.publish(&path, meta));
        if result.is_err() {
            let _ = std::fs::remove_file(&path);
        }
        result
    }

    /// Makes a snapshot that came from another node the current one, and returns its state. Blocks.
    ///
    /// # Errors
    /// `InvalidData` when it is damaged or is not the one announced.
    pub(crate) fn install(
        &self,
        meta: &SnapshotMeta,
        received: &SnapshotFile,
    ) -> io::Result<State> {
        let path = if received.path.starts_with(&self.folder) {
            received.path.clone()
        } else {
            let path = self.temporary();
            std::fs::copy(&received.path, &path)?;
            path
        };
        let (found, state) = load(&path)?;
        if found.last_log_id != meta.last_log_id {
            return Err(invalid("the snapshot is not the one that was announced"));
        }
        File::open(&path)?.sync_all()?;
        self.publish(&path, meta)?;
        Ok(state)
    }

    /// A file for a snapshot that is about to arrive.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn receive(&self) -> io::Result<SnapshotFile> {
        let path = self.temporary();
        let file = tokio::fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .await?;
        *lock(&self.arriving) = Some(path.clone());
        Ok(SnapshotFile { file, path })
    }

    /// Makes sure that the snapshot up to `end`, which has arrived, survives a crash, although it is not installed yet:
    /// openraft purges the log while the state machine is still busy with it. Blocks.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn secure_arrived(&self, end: LogId) -> io::Result<()> {
        let current = lock(&self.current);
        if current
            .as_ref()
            .is_some_and(|current| current.last_log_id >= Some(end))
        {
            return Ok(());
        }
        let Some(path) = lock(&self.arriving).clone().filter(|path| path.exists()) else {
            return Ok(());
        };
        File::open(&path)?.sync_all()?;
        let arrived = self.folder.join(ARRIVED);
        if arrived.try_exists()? {
            std::fs::remove_file(&arrived)?;
        }
        std::fs::hard_link(&path, &arrived)?;
        sync_directory(&self.folder)
    }

    /// The current snapshot, opened: it stays readable when a newer one replaces it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn current(&self) -> io::Result<Option<(SnapshotMeta, SnapshotFile)>> {
        let current = lock(&self.current);
        let Some(meta) = current.clone() else {
            return Ok(None);
        };
        let path = self.folder.join(CURRENT);
        let file = File::open(&path)?.into();
        Ok(Some((meta, SnapshotFile { file, path })))
    }

    fn publish(&self, path: &Path, meta: &SnapshotMeta) -> io::Result<()> {
        let mut current = lock(&self.current);
        if current
            .as_ref()
            .is_some_and(|current| current.last_log_id > meta.last_log_id)
        {
            return std::fs::remove_file(path);
        }
        std::fs::rename(path, self.folder.join(CURRENT))?;
        sync_directory(&self.folder)?;
        *current = Some(meta.clone());
        Ok(())
    }

    fn temporary(&self) -> PathBuf {
        self.folder
            .join(format!("{}.tmp", self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

/// A snapshot that is read for, or written by, a peer.
#[derive(Debug)]
pub(crate) struct SnapshotFile {
    file: tokio::fs::File,
    path: PathBuf,
}

impl SnapshotFile {
    /// Waits until everything that was written has reached the system.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) async fn settle(&mut self) -> io::Result<()> {
        tokio::io::AsyncWriteExt::flush(&mut self.file).await
    }
}

impl AsyncRead for SnapshotFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_read(cx, buf)
    }
}

impl AsyncWrite for SnapshotFile {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.file).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.file).poll_shutdown(cx)
    }
}

impl AsyncSeek for SnapshotFile {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.file).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.file).poll_complete(cx)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Only whole values are put in.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The last entry that a loaded snapshot contains.
fn last(loaded: Option<&(SnapshotMeta, State)>) -> Option<LogId> {
    loaded.and_then(|(meta, _)| meta.last_log_id)
}

fn write(path: &Path, meta: &SnapshotMeta, state: &State) -> io::Result<()> {
    let header = Header {
        meta: meta.clone(),
        revision: state.revision,
        epoch: state.epoch,
        marks: state
            .marks
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        resources: state.resources.len() as u64,
    };
    let mut output = Summing {
        inner: BufWriter::new(File::create(path)?),
        sum: crc32fast::Hasher::new(),
    };
    output.write_all(MAGIC)?;
    write_part(&mut output, &header)?;
    let mut frame = FrameEncoder::new(&mut output);
    for resource in state.resources.values() {
        write_part(&mut frame, &**resource)?;
    }
    frame.finish().map_err(io::Error::other)?;
    let sum = output.sum.finalize();
    let mut file = output.inner;
    file.write_all(&sum.to_le_bytes())?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

fn load(path: &Path) -> io::Result<(SnapshotMeta, State)> {
    let mut input = BufReader::new(File::open(path)?);
    let length = verify(&mut input)?;
    input.seek(SeekFrom::Start(MAGIC.len() as u64))?;
    let mut input = input.take(length - MAGIC.len() as u64);
    let header: Header = read_part(&mut input)?;
    let mut frame = FrameDecoder::new(input);
    let mut state = State {
        revision: header.revision,
        epoch: header.epoch,
        marks: header.marks.into_iter().collect(),
        ..State::default()
    };
    for _ in 0..header.resources {
        let resource: Resource = read_part(&mut frame)?;
        state
            .resources
            .insert(resource.key.clone(), Arc::new(resource));
    }
    Ok((header.meta, state))
}

/// Checks magic and checksum; the length without the checksum.
fn verify(input: &mut BufReader<File>) -> io::Result<u64> {
    let length = input.get_ref().metadata()?.len();
    let Some(length) = length
        .checked_sub(4)
        .filter(|length| *length > MAGIC.len() as u64)
    else {
        return Err(invalid("the snapshot is cut"));
    };
    let mut sum = Summing {
        inner: io::sink(),
        sum: crc32fast::Hasher::new(),
    };
    let mut magic = [0; 8];
    input.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(invalid("the file is not a snapshot of this version"));
    }
    sum.write_all(&magic)?;
    io::copy(&mut input.take(length - MAGIC.len() as u64), &mut sum)?;
    let mut expected = [0; 4];
    input.read_exact(&mut expected)?;
    if u32::from_le_bytes(expected) == sum.sum.finalize() {
        Ok(length)
    } else {
        Err(invalid("the snapshot has a wrong checksum"))
    }
}

fn write_part<T: Serialize>(output: &mut impl Write, part: &T) -> io::Result<()> {
    let bytes = codec::encode(part).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(&bytes)
}

fn read_part<T: serde::de::DeserializeOwned>(input: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MAX_PART {
        return Err(invalid("a part of the snapshot is too long"));
    }
    let mut bytes = vec![0; length as usize];
    input.read_exact(&mut bytes)?;
    codec::decode(&bytes).map_err(|error| invalid(&error.to_string()))
}

/// Computes the checksum of what passes.
struct Summing<W> {
    inner: W,
    sum: crc32fast::Hasher,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests;
