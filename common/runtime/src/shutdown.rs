//! The end of a process, in phases: stop accepting, drain, force.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Why the process ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Somebody asked for it: a signal's name, or a caller's words.
    Asked(String),
    /// A task without which the process is of no use failed.
    Failed {
        /// The task's name.
        task: String,
        /// What it said.
        error: String,
    },
}

impl Reason {
    /// Whether the process should exit with a failure.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(by) => write!(f, "asked by {by}"),
            Self::Failed { task, error } => write!(f, "task {task} failed: {error}"),
        }
    }
}

/// The shared switch. First [`stop`](Self::stop): servers stop accepting and drain, tasks finish. Then, when the
/// deadline has passed or the operator asks a second time, [`force`](Self::force): what is left is dropped.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    stopping: CancellationToken,
    forced: CancellationToken,
    reason: Arc<OnceLock<Reason>>,
}

impl Shutdown {
    /// A process that runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the end. The first reason is kept; later calls change nothing.
    pub fn stop(&self, reason: Reason) {
        if self.reason.set(reason).is_ok()
            && let Some(reason) = self.reason.get()
        {
            tracing::info!(%reason, "stopping");
        }
        self.stopping.cancel();
    }

    /// Ends everything at once, with what is left undone.
    pub fn force(&self) {
        self.stopping.cancel();
        self.forced.cancel();
    }

    /// Cancelled when the process should stop accepting and drain.
    pub fn token(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Cancelled when nothing may be waited for any more.
    pub fn forced(&self) -> CancellationToken {
        self.forced.clone()
    }

    /// Whether the end has begun.
    pub fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Why, once the end has begun.
    pub fn reason(&self) -> Option<Reason> {
        self.reason.get().cloned()
    }

    /// Returns when the end begins. Cancel-safe.
    pub async fn stopping(&self) -> Reason {
        self.stopping.cancelled().await;
        self.reason()
            .unwrap_or_else(|| Reason::Asked("force".to_owned()))
    }

    /// Stops on the first SIGINT or SIGTERM, forces on the second. The listener ends with the process's work.
    ///
    /// # Errors
    /// When the system does not let the process listen to signals.
    pub fn listen_for_signals(&self) -> io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = interrupt.recv() => "SIGINT",
                    _ = terminate.recv() => "SIGTERM",
                    () = shutdown.forced.cancelled() => return,
                };
                if shutdown.is_stopping() {
                    tracing::warn!(signal = name, "second signal: not waiting any longer");
                    shutdown.force();
                } else {
                    shutdown.stop(Reason::Asked(name.to_owned()));
                }
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_is_kept_and_forcing_also_stops() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.is_stopping());
        shutdown.stop(Reason::Asked("a test".to_owned()));
        shutdown.stop(Reason::Failed {
            task: "late".to_owned(),
            error: "too late".to_owned(),
        });
        assert_eq!(
            shutdown.stopping().await,
            Reason::Asked("a test".to_owned())
        );
        assert!(!shutdown.forced().is_cancelled());
        let other = Shutdown::new();
        other.force();
        assert!(other.is_stopping());
        assert!(!other.stopping().await.is_failure());
    }
}
