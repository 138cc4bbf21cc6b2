//! When to send again what a zone refused: a receiver never asks by itself (kds §10.2 P8).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use torii_resource::KindName;
use torii_runtime::Backoff;

/// First and longest pause, before jitter.
const PAUSE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// The refused types of one stream.
#[derive(Debug, Default)]
pub(super) struct Retries {
    types: Mutex<BTreeMap<KindName, Wait>>,
    changed: Notify,
}

#[derive(Debug)]
struct Wait {
    backoff: Backoff,
    /// None while the retry is under way.
    due: Option<Instant>,
}

impl Retries {
    /// Something of the type was refused.
    pub(super) fn add(&self, type_name: &KindName) {
        let mut types = self.lock();
        let wait = types.entry(type_name.clone()).or_insert_with(|| Wait {
            backoff: Backoff::new(PAUSE.0, PAUSE.1),
            due: None,
        });
        wait.due = Some(Instant::now() + wait.backoff.next_delay());
        drop(types);
        self.changed.notify_one();
    }

    /// The type was taken.
    pub(super) fn forget(&self, type_name: &KindName) {
        self.lock().remove(type_name);
    }

    /// The next type whose pause is over. Cancel-safe.
    pub(super) async fn due(&self) -> KindName {
        loop {
            let next = {
                let types = self.lock();
                types.values().filter_map(|wait| wait.due).min()
            };
            match next {
                // A notification that nobody waited for is kept: a type added meanwhile is not missed.
                None => self.changed.notified().await,
                Some(at) => tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep_until(at) => if let Some(type_name) = self.take(at) {
                        return type_name;
                    },
                },
            }
        }
    }

    fn take(&self, at: Instant) -> Option<KindName> {
        let mut types = self.lock();
        let (type_name, wait) = types.iter_mut().find(|(_, wait)| wait.due == Some(at))?;
        wait.due = None;
        Some(type_name.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<KindName, Wait>> {
        // Whole after every statement, so a panic elsewhere does not matter.
        self.types.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refused_type_is_due_once_for_each_refusal_and_not_when_it_was_taken() {
        let retries = Retries::default();
        let (mesh, route) = (KindName::new("Mesh"), KindName::new("MeshGatewayRoute"));
        retries.add(&mesh);
        retries.add(&route);
        retries.forget(&mesh);
        assert_eq!(retries.due().await, route);
        let idle = tokio::time::timeout(PAUSE.1 * 2, retries.due()).await;
        assert!(idle.is_err(), "nothing is due until it is refused again");
        retries.add(&route);
        assert_eq!(retries.due().await, route);
    }
}
