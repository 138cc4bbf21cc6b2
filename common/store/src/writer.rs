//! One disk thread: gathers what waits, writes it, syncs once, completes each with its result (group commit).
//!
//! Nothing is completed before the sync. After the first failure nothing is written any more: what a failed fsync left
//! on the disk is unknown.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::disk::{Disk, Write};
use crate::metrics;

/// Called on the disk thread once the changes are durable, or never will be.
pub(crate) type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

struct Job {
    changes: Vec<Write>,
    /// `None`: nobody waits, and the changes may come later than others.
    done: Option<Done>,
}

/// Hands changes to the disk thread. The thread ends when the last handle is gone and everything is written.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    jobs: Sender<Job>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(disk: std::sync::Arc<dyn Disk>) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("store-disk".into())
            .spawn(move || run(&*disk, &queue))?;
        Ok((Self { jobs }, thread))
    }

    /// Writes changes and calls back when they are durable. Order is that of the calls.
    pub(crate) fn write(&self, changes: Vec<Write>, done: Done) {
        let job = Job {
            changes,
            done: Some(done),
        };
        if let Err(refused) = self.jobs.send(job)
            && let Some(done) = refused.0.done
        {
            done(Err(stopped()));
        }
    }

    /// Writes changes when nothing else is to do; they become durable with whatever comes after them. Only for changes
    /// that may also come later than changes handed in after them.
    pub(crate) fn write_lazily(&self, changes: Vec<Write>) {
        // A thread that is gone has told everyone who waited.
        let _ = self.jobs.send(Job {
            changes,
            done: None,
        });
    }
}

fn run(disk: &dyn Disk, queue: &Receiver<Job>) {
    let mut failed: Option<io::Error> = None;
    let mut lazy: VecDeque<Vec<Write>> = VecDeque::new();
    while let Some(group) = gather(queue, &mut lazy) {
        let result = match &failed {
            Some(error) => Err(copy(error)),
            None => commit(disk, &group.changes, !group.waiting.is_empty()),
        };
        if let (Err(error), None) = (&result, &failed) {
            tracing::error!(%error, "the disk failed; the store stops");
            failed = Some(copy(error));
        }
        for done in group.waiting {
            done(match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(copy(error)),
            });
        }
    }
    if failed.is_none()
        && let Err(error) = disk.sync()
    {
        tracing::warn!(%error, "the last sync of the store failed");
    }
}

/// What is written in one go.
#[derive(Default)]
struct Group {
    changes: Vec<Write>,
    waiting: Vec<Done>,
}

/// Everything that somebody waits for; when there is nothing, one lazy job. `None` when there will never be more.
fn gather(queue: &Receiver<Job>, lazy: &mut VecDeque<Vec<Write>>) -> Option<Group> {
    let mut group = Group::default();
    loop {
        let job = if !group.waiting.is_empty() || !lazy.is_empty() {
            queue.try_recv().ok()
        } else {
            queue.recv().ok()
        };
        match job {
            Some(Job {
                changes,
                done: Some(done),
            }) => {
                if changes
                    .iter()
                    .any(|change| matches!(change, Write::Purge { .. }))
                {
                    // A purge that somebody waits for must not be overtaken by the remains of an older one.
                    group.changes.extend(lazy.drain(..).flatten());
                }
                group.changes.extend(changes);
                group.waiting.push(done);
            }
            Some(Job {
                changes,
                done: None,
            }) => lazy.push_back(changes),
            None if !group.waiting.is_empty() => return Some(group),
            None => {
                group.changes = lazy.pop_front()?;
                return Some(group);
            }
        }
    }
}

fn commit(disk: &dyn Disk, changes: &[Write], sync: bool) -> io::Result<()> {
    let start = Instant::now();
    disk.write(changes)?;
    if sync {
        disk.sync()?;
        metrics::synced(start.elapsed());
    }
    Ok(())
}

fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

fn stopped() -> io::Error {
    io::Error::other("the disk thread has stopped")
}

#[cfg(test)]
mod tests;
