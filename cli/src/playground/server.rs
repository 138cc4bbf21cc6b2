//! One process of a site.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::process::{Child, Launcher};

use super::SiteError;

/// How long a process may take to stop by itself.
const STOP: Duration = Duration::from_secs(10);
/// How much of a log an error shows, in lines.
const TAIL: usize = 15;

/// One process of a site, which can be stopped and started again.
#[derive(Debug)]
pub struct Server {
    name: String,
    launcher: Launcher,
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    context: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Server {
    /// A process that does not run yet, of a site with this context file.
    pub(super) fn new(
        name: &str,
        launcher: Launcher,
        program: &Path,
        arguments: Vec<String>,
        log: PathBuf,
        context: PathBuf,
    ) -> Self {
        Self {
            name: name.to_owned(),
            launcher,
            program: program.to_owned(),
            arguments,
            log,
            context,
            child: Mutex::new(None),
        }
    }

    /// Its name: `global-1`, `east`, `gateway-east`, `app-east`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its log, standard output and standard error together; it goes on after a restart.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id while it runs. A gateway's is that of `torii dp run`.
    pub async fn id(&self) -> Option<u32> {
        self.child.lock().await.as_ref().and_then(Child::id)
    }

    /// Starts it; nothing when it runs.
    ///
    /// # Errors
    /// When the program or its log cannot be opened.
    pub async fn start(&self) -> Result<(), SiteError> {
        let mut child = self.child.lock().await;
        if child.as_mut().is_some_and(|child| child.ended().is_none()) {
            return Ok(());
        }
        let failed = |reason: String| SiteError::Start {
            process: self.name.clone(),
            reason,
        };
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log);
        let log = log.map_err(|error| failed(format!("{}: {error}", self.log.display())))?;
        let copy = log.try_clone().map_err(|error| failed(error.to_string()))?;
        let mut command = self.launcher.command(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(copy)
            .stderr(log);
        clean(&mut command);
        // A control plane adds itself to the context file: to the site's, not to the user's own.
        command.env("TORII_CONFIG", &self.context);
        *child = Some(
            Child::spawn_group(command)
                .await
                .map_err(|error| failed(error.to_string()))?,
        );
        Ok(())
    }

    /// Asks it to stop (SIGTERM), and kills it if it does not within 10 s. Returns when it is gone.
    pub async fn stop(&self) {
        if let Some(mut child) = self.child.lock().await.take() {
            // Only how it ended could not be told.
            let _ = child.stop(STOP).await;
        }
    }

    /// Kills it with everything that it started (SIGKILL). Returns when it is gone.
    pub async fn kill9(&self) {
        if let Some(mut child) = self.child.lock().await.take() {
            child.kill();
            let _ = child.wait().await;
        }
    }

    /// [Stops](Self::stop) and [starts](Self::start) it.
    ///
    /// # Errors
    /// As `start`.
    pub async fn restart(&self) -> Result<(), SiteError> {
        self.stop().await;
        self.start().await
    }

    /// Whether it is there.
    pub async fn is_running(&self) -> bool {
        let mut child = self.child.lock().await;
        child.as_mut().is_some_and(|child| child.ended().is_none())
    }

    /// Nothing while it runs or after it was stopped.
    ///
    /// # Errors
    /// When it ended by itself: with the end of its log.
    pub async fn check(&self) -> Result<(), SiteError> {
        let status = self.child.lock().await.as_mut().and_then(Child::ended);
        match status {
            None => Ok(()),
            Some(status) => Err(SiteError::Ended {
                process: self.name.clone(),
                status: status.to_string(),
                log: self.log.clone(),
                tail: tail(&self.log),
            }),
        }
    }
}

/// A site is the same whatever the environment of who starts it says; logs stay adjustable.
pub(super) fn clean(command: &mut Command) {
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("TORII_") && name != "TORII_LOG" {
            command.env_remove(&key);
        }
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playground::wait_until;

    fn server(folder: &Path, script: &str) -> Server {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        Server::new(
            "test",
            Launcher::Free,
            Path::new("sh"),
            arguments,
            folder.join("test.log"),
            folder.join("context.yaml"),
        )
    }

    async fn logged(server: &Server, words: &str) {
        wait_until(words, Duration::from_secs(60), || async {
            let text = fs::read_to_string(server.log()).unwrap_or_default();
            if text.contains(words) {
                Ok(())
            } else {
                Err(text)
            }
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn a_server_can_be_stopped_and_started_again_with_one_log() {
        let folder = tempfile::tempdir().unwrap();
        let server = server(folder.path(), "echo started $$; exec sleep 600");
        server.start().await.unwrap();
        let first = server.id().await.unwrap();
        logged(&server, &format!("started {first}")).await;
        server.restart().await.unwrap();
        let second = server.id().await.unwrap();
        logged(&server, &format!("started {second}")).await;
        logged(&server, &format!("started {first}")).await;
        server.kill9().await;
        assert!(!server.is_running().await);
        server.check().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_ends_by_itself_is_an_error_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let server = server(folder.path(), "echo port taken >&2; exit 4");
        server.start().await.unwrap();
        let error = wait_until("its end", Duration::from_secs(60), || async {
            match server.check().await {
                Ok(()) => Err("it runs".to_owned()),
                Err(error) => Ok(error.to_string()),
            }
        })
        .await
        .unwrap();
        assert!(
            error.contains("port taken") && error.contains('4'),
            "{error}"
        );
    }

    #[tokio::test]
    async fn dropping_a_server_ends_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let server = server(folder.path(), "exec sleep 600");
        server.start().await.unwrap();
        let id = server.id().await.unwrap();
        drop(server);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}
