//! A running child.

use std::io;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::spawner;

/// A running child. Dropping it kills it, and its whole process group if it has one of its own.
#[derive(Debug)]
pub struct Child {
    child: tokio::process::Child,
    pid: Option<Pid>,
    group: bool,
}

impl Child {
    /// Starts a command in this process's group: a terminal's Ctrl-C reaches it too.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(crate) async fn spawn(command: Command) -> io::Result<Self> {
        Self::start(command, false).await
    }

    /// Starts a command in a process group of its own: only we send it signals, and all its children with it.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub(crate) async fn spawn_group(mut command: Command) -> io::Result<Self> {
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
        Self::start(command, true).await
    }

    async fn start(command: Command, group: bool) -> io::Result<Self> {
        let child = spawner::spawn(command).await?;
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Ok(Self { child, pid, group })
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end. Cancel-safe.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// How it ended, or `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM, false);
    }

    /// Kills it and its group (SIGKILL).
    pub fn kill(&self) {
        self.signal(Signal::KILL, self.group);
    }

    /// Asks it to stop, and kills it after `deadline`.
    ///
    /// # Errors
    /// When the system cannot tell how it ended.
    pub async fn stop(&mut self, deadline: Duration) -> io::Result<ExitStatus> {
        self.terminate();
        if let Ok(status) = tokio::time::timeout(deadline, self.wait()).await {
            return status;
        }
        self.kill();
        self.wait().await
    }

    fn signal(&self, signal: Signal, group: bool) {
        // A process that was waited for has given its id back: another may have it. `id` knows.
        let Some(pid) = self.pid.filter(|_| self.child.id().is_some()) else {
            return;
        };
        // An error means that it has just ended.
        let _ = if group {
            kill_process_group(pid, signal)
        } else {
            kill_process(pid, signal)
        };
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        self.kill();
        // A killed process gives its ports back when it is gone, not when it is killed.
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    #[tokio::test]
    async fn a_child_that_ignores_sigterm_is_killed_after_the_deadline() {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let script = format!(
            "trap '' TERM; touch {}; while :; do sleep 1; done",
            ready.display()
        );
        let mut child = Child::spawn_group(sh(&script)).await.unwrap();
        while !ready.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let status = child.stop(Duration::from_millis(50)).await.unwrap();
        assert_eq!(status.signal(), Some(9));
    }

    #[tokio::test]
    async fn a_child_that_obeys_keeps_its_own_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let script = format!(
            "trap 'exit 7' TERM; touch {}; while :; do sleep 0.05; done",
            ready.display()
        );
        let mut child = Child::spawn_group(sh(&script)).await.unwrap();
        while !ready.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(
            child.stop(Duration::from_secs(20)).await.unwrap().code(),
            Some(7)
        );
        assert!(child.id().is_none());
    }

    #[tokio::test]
    async fn dropping_a_group_takes_the_grandchildren_along() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!(
            "sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait",
            file.display()
        );
        let child = Child::spawn_group(sh(&script)).await.unwrap();
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let pid: i32 = std::fs::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        drop(child);
        let gone = || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !gone() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(gone());
    }
}
