//! The thread that starts all children.
//!
//! The kernel's "kill me when my parent dies" means the parent's *thread*: a child that was started by a worker thread
//! would be killed when the runtime lets that thread go. This thread lives as long as the process.

use std::io;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use tokio::process::Child;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Job {
    command: Command,
    runtime: Handle,
    answer: oneshot::Sender<io::Result<Child>>,
}

// One for the process: the thread has no state, and two would do no harm.
static JOBS: OnceLock<Option<Sender<Job>>> = OnceLock::new();

/// Starts a command from the lasting thread.
pub(super) async fn spawn(command: Command) -> io::Result<Child> {
    let gone = || io::Error::other("the thread that starts processes has ended");
    let (answer, result) = oneshot::channel();
    let job = Job {
        command,
        runtime: Handle::current(),
        answer,
    };
    let jobs = JOBS.get_or_init(start).as_ref().ok_or_else(gone)?;
    jobs.send(job).map_err(|_| gone())?;
    result.await.map_err(|_| gone())?
}

fn start() -> Option<Sender<Job>> {
    let (jobs, received) = channel::<Job>();
    let thread = thread::Builder::new().name("spawner".to_owned());
    let run = move || {
        while let Ok(job) = received.recv() {
            let _runtime = job.runtime.enter();
            let mut command = tokio::process::Command::from(job.command);
            let child = command.kill_on_drop(true).spawn();
            // Nobody waits any more: dropping the child kills it.
            drop(job.answer.send(child));
        }
    };
    thread.spawn(run).ok().map(|_| jobs)
}
