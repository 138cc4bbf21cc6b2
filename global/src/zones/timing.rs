//! How long a zone takes to store a revision. Measures only; nothing depends on it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use torii_resource::Revision;

/// Revisions whose time is kept; a zone that is further behind is not measured.
const KEPT: usize = 1024;

/// When each revision came off the feed of this node.
#[derive(Debug, Default)]
pub(super) struct Timing(Mutex<VecDeque<(Revision, Instant)>>);

impl Timing {
    /// The feed brings a revision.
    pub(super) fn read(&self, revision: Revision) {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() == KEPT {
            read.pop_front();
        }
        read.push_back((revision, Instant::now()));
    }

    /// The zone has stored everything up to a revision: how long each one of them took.
    pub(super) fn stored(&self, revision: Revision) -> Vec<Duration> {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut took = Vec::new();
        while let Some((_, at)) = read.pop_front_if(|(known, _)| *known <= revision) {
            took.push(at.elapsed());
        }
        took
    }
}
