//! `torii exec-bound`: see `process`.

use std::ffi::OsString;

use clap::Args;

use crate::error::Failure;
use crate::process::bound::become_bound;

/// Become another program that ends with the process that started it
#[derive(Args, Debug)]
#[command(hide = true)]
pub(crate) struct ExecBound {
    /// Process id of the parent
    parent: u32,

    /// Program to become
    program: OsString,

    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl ExecBound {
    /// Returns only when it failed.
    pub(crate) fn run(self) -> Failure {
        let error = become_bound(self.parent, &self.program, &self.arguments);
        Failure::Other(format!("cannot run {}: {error}", self.program.display()))
    }
}
