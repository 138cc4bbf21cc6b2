//! Readiness: ready is when nothing named stands in the way.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

type Key = (String, u64);

struct Inner {
    blockers: Mutex<Blockers>,
    /// Whether anything blocks; changes only when that does.
    blocked: watch::Sender<bool>,
}

#[derive(Default)]
struct Blockers {
    active: BTreeMap<Key, String>,
    next_id: u64,
}

/// What still stands between a process and its work, by name. Cheap to clone: all clones share one state.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

/// One thing that may stand in the way. Dropping it clears it.
pub struct Blocker {
    key: Key,
    inner: Arc<Inner>,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

impl Readiness {
    /// Ready: nothing is registered yet.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            blockers: Mutex::new(Blockers::default()),
            blocked: watch::Sender::new(false),
        }))
    }

    /// Registers a blocker, armed with the reason `starting`.
    pub fn register(&self, name: &str) -> Blocker {
        let id = {
            let mut blockers = self.0.lock();
            blockers.next_id += 1;
            blockers.next_id
        };
        let blocker = Blocker {
            key: (name.to_owned(), id),
            inner: Arc::clone(&self.0),
        };
        blocker.block("starting");
        blocker
    }

    /// Name and reason of everything that blocks, in order of name. Empty when ready.
    pub fn status(&self) -> Vec<(String, String)> {
        self.0
            .lock()
            .active
            .iter()
            .map(|((name, _), reason)| (name.clone(), reason.clone()))
            .collect()
    }

    /// Whether nothing blocks.
    pub fn is_ready(&self) -> bool {
        !*self.0.blocked.borrow()
    }

    /// Returns when nothing blocks. Cancel-safe.
    pub async fn wait(&self) {
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = self
            .0
            .blocked
            .subscribe()
            .wait_for(|blocked| !blocked)
            .await;
    }
}

impl Blocker {
    /// Nothing in the way any more.
    pub fn clear(&self) {
        self.inner
            .change(|active| active.remove(&self.key).is_some());
    }

    /// In the way (again), because of `reason`.
    pub fn block(&self, reason: &str) {
        self.inner.change(|active| {
            active.insert(self.key.clone(), reason.to_owned());
            true
        });
    }
}

impl Drop for Blocker {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Blockers> {
        // The map is whole after every statement, so a panic elsewhere does not matter.
        self.blockers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<Key, String>) -> bool) {
        let mut blockers = self.lock();
        if change(&mut blockers.active) {
            let blocked = !blockers.active.is_empty();
            // Under the lock, so that two changes cannot be announced in the wrong order.
            self.blocked
                .send_if_modified(|current| std::mem::replace(current, blocked) != blocked);
        }
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readiness").field(&self.status()).finish()
    }
}

impl fmt::Debug for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocker").field(&self.key.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(readiness: &Readiness) -> Vec<String> {
        readiness
            .status()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn a_registered_blocker_blocks_until_it_is_cleared_and_can_be_armed_again() {
        let readiness = Readiness::new();
        assert!(readiness.is_ready());
        let store = readiness.register("store");
        assert!(!readiness.is_ready());
        store.clear();
        assert!(readiness.is_ready());
        store.block("no leader");
        assert_eq!(
            readiness.status(),
            [("store".to_owned(), "no leader".to_owned())]
        );
    }

    #[test]
    fn dropping_a_blocker_clears_it_and_leaves_its_namesake() {
        let readiness = Readiness::new();
        let first = readiness.register("port");
        let second = readiness.register("port");
        let other = readiness.register("ca");
        drop(first);
        assert_eq!(names(&readiness), ["ca", "port"]);
        drop((second, other));
        assert!(readiness.is_ready());
    }

    #[tokio::test]
    async fn waiting_ends_when_the_last_blocker_goes() {
        let readiness = Readiness::new();
        let blocker = readiness.register("store");
        let waiting = tokio::spawn({
            let readiness = readiness.clone();
            async move { readiness.wait().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        blocker.clear();
        waiting.await.unwrap();
    }
}
