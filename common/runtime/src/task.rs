//! Supervised tasks: each has a name, an owner, and a rule for its end.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use crate::shutdown::{Reason, Shutdown};

/// What happens to a task when the process stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCancel {
    /// It watches the shutdown itself; [`Tasks::join`] waits for it.
    Wait,
    /// It is dropped at its next await.
    Abort,
}

/// What happens to the process when a task fails or panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The error is logged; the others go on.
    Log,
    /// The process stops: without this task it is of no use.
    StopProcess,
}

/// Both rules of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// At the end of the process.
    pub on_cancel: OnCancel,
    /// At the failure of the task.
    pub on_error: OnError,
}

impl Rule {
    /// A part that the process cannot do without and that ends its own work in order: a server, the store.
    pub const ESSENTIAL: Self = Self::new(OnCancel::Wait, OnError::StopProcess);
    /// A loop that can be dropped at any await, but must not fail.
    pub const LOOP: Self = Self::new(OnCancel::Abort, OnError::StopProcess);
    /// Something that may fail and be dropped.
    pub const OPTIONAL: Self = Self::new(OnCancel::Abort, OnError::Log);

    /// A rule from its two parts.
    pub const fn new(on_cancel: OnCancel, on_error: OnError) -> Self {
        Self {
            on_cancel,
            on_error,
        }
    }
}

/// The owner of a process's tasks. Cheap to clone: all clones own the same tasks.
#[derive(Clone)]
pub struct Tasks {
    shutdown: Shutdown,
    tracker: TaskTracker,
    running: Arc<Mutex<Running>>,
}

#[derive(Default)]
struct Running {
    next_id: u64,
    tasks: BTreeMap<u64, (Cow<'static, str>, Option<AbortHandle>)>,
}

/// Takes the task out of the list, also when it is aborted.
struct Entry {
    id: u64,
    running: Arc<Mutex<Running>>,
}

impl Tasks {
    /// No tasks yet. A failing [`OnError::StopProcess`] task stops `shutdown`.
    pub fn new(shutdown: Shutdown) -> Self {
        let tracker = TaskTracker::new();
        // Closed only means that `wait` may return; spawning goes on.
        tracker.close();
        Self {
            shutdown,
            tracker,
            running: Arc::default(),
        }
    }

    /// The shutdown that these tasks obey.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Starts a task. Its panic counts as an error.
    pub fn spawn<F, E>(&self, name: impl Into<Cow<'static, str>>, rule: Rule, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let name = name.into();
        let id = {
            let mut running = lock(&self.running);
            running.next_id += 1;
            let id = running.next_id;
            running.tasks.insert(id, (name.clone(), None));
            id
        };
        let entry = Entry {
            id,
            running: Arc::clone(&self.running),
        };
        let shutdown = self.shutdown.clone();
        // Boxed: the futures of whole servers are large.
        let future = Box::pin(AssertUnwindSafe(future).catch_unwind());
        let handle = self.tracker.spawn(async move {
            let _entry = entry;
            let stopping = shutdown.token();
            let outcome = match rule.on_cancel {
                OnCancel::Wait => future.await,
                OnCancel::Abort => tokio::select! {
                    biased;
                    () = stopping.cancelled() => return,
                    outcome = future => outcome,
                },
            };
            let error = match outcome {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => format!("panicked: {}", panic_text(&*panic)),
            };
            tracing::error!(task = %name, %error, "task failed");
            if rule.on_error == OnError::StopProcess {
                let task = name.into_owned();
                shutdown.stop(Reason::Failed { task, error });
            }
        });
        if let Some(task) = lock(&self.running).tasks.get_mut(&id) {
            task.1 = Some(handle.abort_handle());
        }
    }

    /// Starts a loop that cannot fail and that the end of the process may drop at any await.
    pub fn spawn_loop<F>(&self, name: impl Into<Cow<'static, str>>, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let endless = async move {
            future.await;
            Ok::<_, Infallible>(())
        };
        self.spawn(name, Rule::LOOP, endless);
    }

    /// Names of the tasks that have not ended, in order of their start.
    pub fn running(&self) -> Vec<String> {
        let running = lock(&self.running);
        running
            .tasks
            .values()
            .map(|(name, _)| name.to_string())
            .collect()
    }

    /// Waits until every task has ended, for `deadline` at most or until the shutdown is forced; drops the rest and
    /// returns their names.
    pub async fn join(&self, deadline: Duration) -> Vec<String> {
        let forced = self.shutdown.forced();
        tokio::select! {
            () = self.tracker.wait() => return Vec::new(),
            () = tokio::time::sleep(deadline) => {}
            () = forced.cancelled() => {}
        }
        let left = self.running();
        let handles: Vec<AbortHandle> = lock(&self.running)
            .tasks
            .values()
            .filter_map(|(_, handle)| handle.clone())
            .collect();
        for handle in handles {
            handle.abort();
        }
        if !left.is_empty() {
            tracing::warn!(tasks = ?left, "tasks did not end in time and were dropped");
        }
        left
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.running).tasks.remove(&self.id);
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tasks").field(&self.running()).finish()
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}

#[cfg(test)]
mod tests;
