//! How far every proxy is, for the zone's status: written by the streams, read by whoever reports.
//!
//! In memory only; it outlives a stream, so that a proxy that went away is shown as such.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use torii_resource::Revision;

use crate::message::{ProxyEvent, Rejection, Standing};

/// Which proxy: the node id is `<mesh>.<name>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyKey {
    /// Mesh of its Dataplane.
    pub mesh: String,
    /// Name of its Dataplane.
    pub name: String,
}

impl fmt::Display for ProxyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.mesh, self.name)
    }
}

/// How far one proxy is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyStatus {
    /// Whether it has a stream now. When not, the rest is what was last known.
    pub connected: bool,
    /// Newest revision of which everything has been sent.
    pub sent: Revision,
    /// Newest revision of which Envoy has accepted everything.
    pub acknowledged: Revision,
    /// Whether something has still to be sent or answered.
    pub pending: bool,
    /// What Envoy rejects of the current state, with its words.
    pub rejections: Vec<Rejection>,
    /// A cluster that is not warm and that holds, or held up to the limit, what uses it.
    pub waiting: Option<String>,
    /// Version of Envoy as it says, e.g. `1.40.0`; empty when it does not.
    pub envoy_version: String,
}

#[derive(Debug, Default)]
struct Entry {
    status: ProxyStatus,
    stream: u64,
    changed: u64,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<ProxyKey, Entry>,
    streams: u64,
    changes: u64,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

/// The status of all proxies of this process. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub struct Reports(Arc<Shared>);

impl Default for Reports {
    fn default() -> Self {
        Self::new()
    }
}

impl Reports {
    /// No proxies.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        }))
    }

    /// A counter that grows with every change of any proxy's status.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Every proxy whose status changed after the counter had this value, and the value now. 0 gives all.
    pub fn since(&self, counter: u64) -> (u64, Vec<(ProxyKey, ProxyStatus)>) {
        let state = self.lock();
        let changed = state
            .entries
            .iter()
            .filter(|(_, entry)| entry.changed > counter);
        let list = changed
            .map(|(key, entry)| (key.clone(), entry.status.clone()))
            .collect();
        (state.changes, list)
    }

    /// Status of one proxy; none when it never had a stream here.
    pub fn get(&self, key: &ProxyKey) -> Option<ProxyStatus> {
        self.lock()
            .entries
            .get(key)
            .map(|entry| entry.status.clone())
    }

    /// Forgets a proxy that does not exist any more.
    pub fn forget(&self, key: &ProxyKey) {
        self.lock().entries.remove(key);
    }

    /// A stream of this proxy begins. It counts until the reporter is dropped; an older stream of the same proxy that ends later
    /// changes nothing.
    pub fn open(&self, key: ProxyKey, envoy_version: String) -> ProxyReporter {
        let stream = {
            let mut state = self.lock();
            state.streams += 1;
            state.streams
        };
        let reporter = ProxyReporter {
            reports: self.clone(),
            key,
            stream,
        };
        self.update(&reporter.key, |entry| {
            entry.stream = stream;
            entry.status = ProxyStatus {
                connected: true,
                pending: true,
                envoy_version,
                ..ProxyStatus::default()
            };
            true
        });
        reporter
    }

    fn update(&self, key: &ProxyKey, change: impl FnOnce(&mut Entry) -> bool) {
        let changes = {
            let mut state = self.lock();
            let next = state.changes + 1;
            let entry = state.entries.entry(key.clone()).or_default();
            if !change(entry) {
                return;
            }
            entry.changed = next;
            state.changes = next;
            next
        };
        self.0.changes.send_replace(changes);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the status of one proxy for one stream; dropping it says that the stream has ended.
#[derive(Debug)]
pub struct ProxyReporter {
    reports: Reports,
    key: ProxyKey,
    stream: u64,
}

impl ProxyReporter {
    /// Takes a report of the session in.
    pub fn report(&self, event: ProxyEvent) {
        match event {
            // Its effect is in the standing that follows.
            ProxyEvent::Answered { .. } => {}
            ProxyEvent::Standing(standing) => self.set(standing),
        }
    }

    fn set(&self, standing: Standing) {
        self.reports.update(&self.key, |entry| {
            if entry.stream != self.stream {
                return false;
            }
            entry.status.sent = standing.sent;
            entry.status.acknowledged = standing.acknowledged;
            entry.status.pending = standing.pending;
            entry.status.rejections = standing.rejections;
            entry.status.waiting = standing.waiting;
            true
        });
    }
}

impl Drop for ProxyReporter {
    fn drop(&mut self) {
        self.reports.update(&self.key, |entry| {
            let current = entry.stream == self.stream;
            entry.status.connected &= !current;
            current
        });
    }
}

#[cfg(test)]
mod tests;
