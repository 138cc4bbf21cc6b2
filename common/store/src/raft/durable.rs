//! How far this node's log is on its own disk. It lets a leader send entries to its peers while it writes them itself.
//!
//! openraft 0.9 sends an entry only after [`append`](openraft::storage::RaftLogStorage::append) has called back. So a
//! leader's log calls back as soon as the entry is in memory, and the network keeps a peer's answer until the entry is
//! on the leader's disk as well (Raft dissertation §10.2.1). An entry is committed when a majority holds it; when every
//! majority has a peer in it, no entry is committed that is not durable on the leader and on enough peers.
//!
//! Two things must hold for that, and [`LogStore`](crate::raft::log::LogStore) sees to them: the leader alone is not a
//! majority, and a leader that ends does not go on as leader of the same term, where it could give another entry the
//! number of one that it lost.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// What log and network know together. A clone is another handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durable {
    progress: watch::Sender<Progress>,
    early: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Progress {
    /// First index that is not durable.
    next: u64,
    /// Appends that were called back before they were durable: the index after each, and since when.
    waiting: VecDeque<(u64, Instant)>,
    failed: bool,
}

impl Durable {
    /// For a log that is on the disk up to an index, exclusive.
    pub(crate) fn new(next: u64) -> Self {
        let durable = Self::default();
        durable.replace(next);
        durable
    }

    /// First index that is not durable.
    pub(crate) fn next(&self) -> u64 {
        self.progress.borrow().next
    }

    /// Everything below `next` is durable.
    pub(crate) fn reached(&self, next: u64) {
        self.progress.send_if_modified(|progress| {
            while progress
                .waiting
                .front()
                .is_some_and(|(end, _)| *end <= next)
            {
                progress.waiting.pop_front();
            }
            let further = progress.next < next;
            progress.next = progress.next.max(next);
            further
        });
    }

    /// The log ends at `next` now, which is durable.
    pub(crate) fn replace(&self, next: u64) {
        self.progress.send_modify(|progress| progress.next = next);
    }

    /// The disk failed: what is not durable never will be.
    pub(crate) fn fail(&self) {
        self.progress.send_modify(|progress| progress.failed = true);
    }

    /// Whether the disk has failed.
    pub(crate) fn failed(&self) -> bool {
        self.progress.borrow().failed
    }

    /// Allows early appends if every majority of these voters (of a joint membership: of each set) has more than one.
    pub(crate) fn vote_by(&self, sets: &[BTreeSet<u64>]) {
        let early = !sets.is_empty() && sets.iter().all(|voters| voters.len() > 1);
        self.early.store(early, Ordering::Release);
    }

    /// Whether a leader may call back before its entries are durable.
    pub(crate) fn may_be_early(&self) -> bool {
        self.early.load(Ordering::Acquire) && !self.failed()
    }

    /// Entries below `next` are called back before they are durable.
    pub(crate) fn note_early(&self, next: u64) {
        self.progress.send_if_modified(|progress| {
            progress.waiting.push_back((next, Instant::now()));
            false
        });
    }

    /// Whether the disk has kept an early append waiting for longer than that. Such a leader must not look alive.
    pub(crate) fn stalled(&self, longest: Duration) -> bool {
        let progress = self.progress.borrow();
        let oldest = progress.waiting.front();
        oldest.is_some_and(|(_, since)| since.elapsed() > longest)
    }

    /// Waits until the entry with this index is durable; `false` when it never will be.
    pub(crate) async fn wait(&self, index: u64) -> bool {
        let mut progress = self.progress.subscribe();
        let done = progress.wait_for(|progress| progress.next > index || progress.failed);
        done.await.is_ok_and(|progress| progress.next > index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_entry_is_waited_for_until_it_is_durable_or_the_disk_has_failed() {
        let durable = Durable::new(5);
        assert!(durable.wait(4).await);
        let (waiter, later) = (durable.clone(), durable.clone());
        let seven = tokio::spawn(async move { waiter.wait(7).await });
        let nine = tokio::spawn(async move { later.wait(9).await });
        durable.reached(8);
        assert!(seven.await.unwrap());
        durable.fail();
        assert!(!nine.await.unwrap());
        assert!(durable.wait(7).await, "what is durable stays so");
    }

    #[test]
    fn a_leader_is_stalled_while_its_oldest_early_append_waits() {
        let durable = Durable::new(5);
        assert!(!durable.stalled(Duration::ZERO));
        durable.note_early(7);
        durable.note_early(8);
        std::thread::yield_now();
        assert!(durable.stalled(Duration::ZERO));
        assert!(!durable.stalled(Duration::from_secs(3600)));
        durable.reached(7);
        assert!(durable.stalled(Duration::ZERO));
        durable.reached(8);
        assert!(!durable.stalled(Duration::ZERO));
    }

    #[test]
    fn nothing_is_early_for_a_voter_that_is_a_majority_alone_or_after_a_failure() {
        let three = [[1, 2, 3].into()];
        let durable = Durable::new(0);
        assert!(!durable.may_be_early());
        durable.vote_by(&three);
        assert!(durable.may_be_early());
        durable.vote_by(&[[1, 2, 3].into(), [1].into()]);
        assert!(!durable.may_be_early());
        durable.vote_by(&[]);
        assert!(!durable.may_be_early());
        durable.vote_by(&three);
        durable.fail();
        assert!(!durable.may_be_early());
    }
}
