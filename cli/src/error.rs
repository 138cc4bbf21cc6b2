//! Why a command ended without success, and the exit code that says so.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::client::ClientError;
use crate::context::ContextError;
use crate::dataplane::DataplaneError;
use crate::offline::OfflineError;
use crate::playground::SiteError;

/// The exit codes of `torii`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Success,
    /// 1: an error, which was printed.
    Error,
    /// 2: the command line is wrong.
    Usage,
    /// 3: `--wait`: an Envoy rejected the change, or the time was over.
    NotServed,
    /// The code of the program that `torii` ran in its own place.
    Of(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::NotServed => 3,
            Self::Of(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What clap cannot see: arguments that do not go together, or that name nothing.
    #[error("{0}")]
    Usage(String),
    /// The context file, or the connection that it describes.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// The control plane said no, or could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// `torii dp run`.
    #[error(transparent)]
    Dataplane(#[from] DataplaneError),
    /// `torii demo`.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// `torii translate`.
    #[error(transparent)]
    Offline(#[from] OfflineError),
    /// A file that the user named.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard output could not be written to.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// What has no better name: the text says all.
    #[error("{0}")]
    Other(String),
    /// The change is stored, but is not served everywhere: already printed.
    #[error("the change is stored, but not every gateway serves it")]
    NotServed,
}

impl Failure {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::NotServed => Exit::NotServed,
            // Whoever read our output has seen enough (`torii get … | head -1`).
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
            _ => Exit::Error,
        }
    }

    /// Whether there is anything left to tell.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::NotServed) || self.exit() == Exit::Success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_fixed() {
        let codes = [
            (Failure::Usage("x".into()), 2),
            (Failure::Other("x".into()), 1),
            (Failure::NotServed, 3),
            (Failure::Output(io::ErrorKind::StorageFull.into()), 1),
            (Failure::Output(io::ErrorKind::BrokenPipe.into()), 0),
        ];
        for (failure, code) in codes {
            assert_eq!(failure.exit().code(), code, "{failure}");
        }
        assert_eq!(Exit::Of(137).code(), 137);
    }

    #[test]
    fn a_broken_pipe_is_not_reported() {
        assert!(Failure::Output(io::ErrorKind::BrokenPipe.into()).is_silent());
        assert!(!Failure::Output(io::ErrorKind::StorageFull.into()).is_silent());
    }
}
