//! The binding of a child to its parent.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, id};

/// How children are started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// Through this `torii` binary, so that they end with this process.
    Bound(PathBuf),
    /// Directly: a parent that is killed leaves them.
    Free,
}

impl Launcher {
    /// Binds through the binary that this process runs. Only for the `torii` binary itself.
    pub fn this_binary() -> Self {
        // The link works even when the file has been replaced by a newer build.
        let link = Path::new("/proc/self/exe");
        if link.exists() {
            Self::Bound(link.to_owned())
        } else {
            Self::Free
        }
    }

    /// Binds through a `torii` binary at a known place.
    pub fn through(binary: &Path) -> Self {
        if cfg!(target_os = "linux") {
            Self::Bound(binary.to_owned())
        } else {
            Self::Free
        }
    }

    /// The command that runs `program`.
    pub(crate) fn command(&self, program: &Path) -> Command {
        match self {
            Self::Free => Command::new(program),
            Self::Bound(binary) => {
                let mut command = Command::new(binary);
                command.arg("exec-bound").arg(id().to_string()).arg(program);
                command
            }
        }
    }
}

/// Binds this process to its parent and becomes `program`. Returns only when that failed.
pub(crate) fn become_bound(parent: u32, program: &OsStr, arguments: &[OsString]) -> io::Error {
    match bind(parent) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    }
}

#[cfg(target_os = "linux")]
fn bind(parent: u32) -> io::Result<()> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have died before the kernel knew of the wish.
    let present = getppid().map(Pid::as_raw_nonzero);
    if present.is_none_or(|present| u32::try_from(present.get()) != Ok(parent)) {
        return Err(io::Error::other("the parent process has ended"));
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn bind(_parent: u32) -> io::Result<()> {
    Ok(())
}
