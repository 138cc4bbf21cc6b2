//! The commands: a file a verb. Each asks the API, a pure crate or a module of this crate, and prints.

use crate::client::Client;
use crate::context::{ConnectionFlags, Target};
use crate::error::Failure;
use crate::output::{Terminal, error};

pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod context;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod demo_app;
pub(crate) mod dp;
pub(crate) mod exec_bound;
pub(crate) mod generate;
pub(crate) mod get;
pub(crate) mod global;
pub(crate) mod inspect;
mod kind;
mod proxy;
mod serving;
mod sources;
pub(crate) mod status;
pub(crate) mod translate;
pub(crate) mod version;
mod wait;
mod way_in;
pub(crate) mod zone;

/// The control plane that the flags and the context file name.
fn connect(flags: &ConnectionFlags, terminal: Terminal) -> Result<Client, Failure> {
    let target = Target::resolve(flags)?;
    for warning in &target.warnings {
        error::warn(warning, terminal);
    }
    Ok(Client::new(&target)?)
}
