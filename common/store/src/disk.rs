//! Where the log lives: a small trait, so that a simulated disk can stand in for the real one.
//!
//! Knows numbered records and three small values; not what is inside them. Never decides when to sync: the writer does.

pub(crate) mod sled;

use std::io;
use std::ops::RangeInclusive;

/// One change; those of one [`Disk::write`] are applied together or, after a crash, not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// Adds a record of the log. Its index must be free: truncate first.
    Append { index: u64, record: Vec<u8> },
    /// Removes all records from this index on.
    Truncate { from: u64 },
    /// Removes all records up to this index, inclusive.
    Purge { to: u64 },
    /// Replaces a small value.
    Set { slot: Slot, value: Vec<u8> },
}

/// The small values beside the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Term and candidate voted for.
    Vote,
    /// Log id that was known to be committed; a hint.
    Committed,
    /// Last log id that was removed from the front.
    Purged,
    /// Format, and the node that the data belongs to.
    Owner,
}

/// What the scan at opening found. Every record was read and its checksum verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) vote: Option<Vec<u8>>,
    pub(crate) committed: Option<Vec<u8>>,
    pub(crate) purged: Option<Vec<u8>>,
    pub(crate) owner: Option<Vec<u8>>,
    /// Indexes of the log, without holes.
    pub(crate) indexes: Option<RangeInclusive<u64>>,
}

/// A durable store of records.
pub(crate) trait Disk: std::fmt::Debug + Send + Sync + 'static {
    /// Applies changes, in order. Visible to [`Disk::read`] at once; durable only after [`Disk::sync`].
    ///
    /// # Errors
    /// The disk must not be used any more.
    fn write(&self, changes: &[Write]) -> io::Result<()>;

    /// Makes everything written so far survive a power loss.
    ///
    /// # Errors
    /// Nothing is known of what was written since the last sync: the disk must not be used any more.
    fn sync(&self) -> io::Result<()>;

    /// One record of the log.
    ///
    /// # Errors
    /// `InvalidData` when it is damaged.
    fn read(&self, index: u64) -> io::Result<Option<Vec<u8>>>;
}
