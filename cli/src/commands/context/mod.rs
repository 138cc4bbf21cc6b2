//! `torii context`: the context file.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::error::{Exit, Failure};
use crate::output::{Terminal, error, print};

mod list;
mod show;
mod switch;

use crate::context::{ConnectionFlags, ContextFile};

/// Show and choose the control plane that commands talk to
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ContextCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::List),
    Use(switch::Use),
    Show(show::Show),
}

/// The context file to work on.
#[derive(Args, Debug)]
struct FileFlag {
    /// Context file. Default: $XDG_CONFIG_HOME/torii/context.yaml, else ~/.config/torii/context.yaml
    #[arg(long, value_name = "FILE", env = "TORII_CONFIG")]
    config_file: Option<PathBuf>,
}

impl FileFlag {
    fn path(&self) -> PathBuf {
        let flags = ConnectionFlags {
            config_file: self.config_file.clone(),
            ..ConnectionFlags::default()
        };
        flags.path()
    }

    fn load(&self) -> Result<(PathBuf, ContextFile), Failure> {
        let path = self.path();
        let file = ContextFile::load(&path)?;
        Ok((path, file))
    }
}

impl ContextCommand {
    pub(crate) fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        match self.what {
            What::List(list) => print(&list.run()?)?,
            What::Use(choice) => error::note(&choice.run()?, terminal),
            What::Show(show) => print(&show.run()?)?,
        }
        Ok(Exit::Success)
    }
}

#[cfg(test)]
mod tests;
