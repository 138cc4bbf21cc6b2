//! Following a global: one connection, three streams on it, each with its own retries.
//!
//! What to follow and what to refuse is decided in `torii-sync`. Losing the global changes nothing that the zone serves.

mod connect;
mod follow;
mod intake;
mod offer;
mod tell;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use torii_ads::Reports;
use torii_api::About;
use torii_runtime::Backoff;
use torii_store::Store;
use torii_sync::receiver::Refused;

use crate::config::{Config, GlobalAddress};
use crate::metrics;
use crate::regen;
use crate::slots::Slots;

pub(crate) use intake::accept_global;

/// First and longest pause between two attempts.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// How the zone stands with its global, for status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Where the global is that the zone follows now; empty while it follows none.
    pub(crate) connected_to: String,
    /// Why what the global sends is refused or held; empty when it is not.
    pub(crate) guard: String,
    /// Something is held on the stream that runs now: storing other types does not clear `guard`.
    pub(crate) holds: bool,
    /// Why the last attempt failed; empty while connected.
    pub(crate) error: String,
    /// Resources of the global that are not taken over: unreadable, or a resource of the zone has their name.
    pub(crate) conflicts: BTreeSet<Refused>,
}

/// What every stream needs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) engine: regen::Handle,
    pub(crate) slots: Slots,
    pub(crate) reports: Reports,
    pub(crate) about: Arc<About>,
    pub(crate) standing: Arc<watch::Sender<Standing>>,
    /// Told when an operator has accepted the global: try again at once.
    pub(crate) again: Arc<Notify>,
    /// Transactions that are being stored; at most one.
    pub(crate) storing: TaskTracker,
}

impl Upstream {
    /// Follows a global until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        // Closed only means that `wait` may return; spawning goes on.
        self.storing.close();
        let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
        for address in turns(&self.config) {
            let error = tokio::select! {
                () = stop.cancelled() => return,
                error = self.attempt(address) => error,
                () = self.again.notified() => {
                    self.not_following(None);
                    backoff.reset();
                    continue;
                }
            };
            tracing::info!(global = %address, %error, "not following the global");
            if self.not_following(Some(error)) {
                backoff.reset();
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = backoff.wait() => {}
                () = self.again.notified() => backoff.reset(),
            }
        }
    }

    /// One connection; returns why it ended.
    async fn attempt(&self, address: &GlobalAddress) -> String {
        let channel = match connect::channel(&self.config, address).await {
            Ok(channel) => channel,
            Err(error) => return error.to_string(),
        };
        let offering = retry(|| offer::run(self, channel.clone()));
        let telling = retry(|| tell::run(self, channel.clone()));
        tokio::select! {
            error = follow::run(self, address, channel.clone()) => error,
            never = offering => match never {},
            never = telling => match never {},
        }
    }

    /// Notes that no global is followed, and why; returns whether one was.
    fn not_following(&self, error: Option<String>) -> bool {
        let followed = !self.standing.borrow().connected_to.is_empty();
        self.set(|standing| {
            standing.connected_to.clear();
            if let Some(error) = error {
                standing.error = error;
            }
        });
        followed
    }

    fn set(&self, change: impl FnOnce(&mut Standing)) {
        self.standing.send_if_modified(|standing| {
            let before = standing.clone();
            change(standing);
            metrics::connected(!standing.connected_to.is_empty());
            metrics::guarded(!standing.guard.is_empty());
            *standing != before
        });
    }
}

/// Streams that are not the one that is followed fail and come back on their own (kds §10.2 P11). Never returns.
async fn retry<F: Future<Output = String>>(mut stream: impl FnMut() -> F) -> Infallible {
    let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
    loop {
        let started = tokio::time::Instant::now();
        let error = stream().await;
        tracing::debug!(%error, "stream to the global ended");
        if started.elapsed() > PAUSE.1 {
            backoff.reset();
        }
        backoff.wait().await;
    }
}

/// The nodes of the global, again and again. Zones spread over them by their names.
fn turns(config: &Config) -> impl Iterator<Item = &GlobalAddress> {
    let first = config
        .name
        .bytes()
        .fold(0, |sum, byte| (sum * 31 + usize::from(byte)) % 65_521);
    let nodes = config.globals.len();
    let first = first.checked_rem(nodes).unwrap_or_default();
    config.globals.iter().cycle().skip(first)
}
