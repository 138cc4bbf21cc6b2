//! Envoy runs; signals go to it; its end is ours.

use std::future::Future;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::process::Child;

use super::DataplaneError;

/// Asks of us to end: SIGTERM or SIGINT.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on: without it the signals would end the process at once.
    pub(crate) fn listen() -> Result<Self, DataplaneError> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(DataplaneError::Run)?,
            interrupt: signal(SignalKind::interrupt()).map_err(DataplaneError::Run)?,
        })
    }

    /// The next one, by name. Cancel-safe.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Runs Envoy to its end. On a signal Envoy gets SIGTERM, and SIGKILL after `deadline` or on a second signal.
/// Returns the code to exit with: Envoy's own.
///
/// # Errors
/// When Envoy cannot be started.
pub(crate) async fn supervise(
    command: Command,
    deadline: Duration,
    signals: &mut Signals,
) -> Result<u8, DataplaneError> {
    let mut envoy = Child::spawn(command).await.map_err(DataplaneError::Run)?;
    tracing::info!(pid = envoy.id(), "Envoy is started");
    tokio::select! {
        status = envoy.wait() => {
            let status = status.map_err(DataplaneError::Run)?;
            tracing::warn!(%status, "Envoy has ended by itself");
            return Ok(code(status));
        }
        name = signals.next() => tracing::info!(signal = name, "stopping Envoy"),
    }
    let status = stop(&mut envoy, deadline, signals.next()).await?;
    Ok(code(status))
}

async fn stop(
    envoy: &mut Child,
    deadline: Duration,
    again: impl Future<Output = &'static str>,
) -> Result<ExitStatus, DataplaneError> {
    envoy.terminate();
    tokio::select! {
        status = envoy.wait() => return status.map_err(DataplaneError::Run),
        () = tokio::time::sleep(deadline) => tracing::warn!("Envoy does not stop: killing it"),
        name = again => tracing::warn!(signal = name, "killing Envoy"),
    }
    envoy.kill();
    envoy.wait().await.map_err(DataplaneError::Run)
}

/// As a shell reports it: 128 and the number of the signal that ended it.
fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    #[tokio::test]
    async fn the_exit_code_is_the_childs() {
        let mut signals = Signals::listen().unwrap();
        let deadline = Duration::from_secs(10);
        assert_eq!(
            supervise(sh("exit 5"), deadline, &mut signals)
                .await
                .unwrap(),
            5
        );
        assert_eq!(
            supervise(sh("kill -9 $$"), deadline, &mut signals)
                .await
                .unwrap(),
            137
        );
    }

    #[tokio::test]
    async fn a_second_signal_does_not_wait_for_the_deadline() {
        let mut child = Child::spawn(sh("trap '' TERM; sleep 600")).await.unwrap();
        let again = std::future::ready("SIGINT");
        let status = stop(&mut child, Duration::from_secs(600), again)
            .await
            .unwrap();
        assert!(matches!(code(status), 137 | 143), "{status}");
    }
}
