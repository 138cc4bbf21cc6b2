//! `torii zone`.

use clap::{Args, Subcommand};

use crate::error::{Exit, Failure};
use crate::output::Terminal;

mod accept_global;
mod run;

/// Run a zone's control plane, and what is particular to zones
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Zone {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Run(Box<run::Run>),
    AcceptGlobal(accept_global::AcceptGlobal),
}

impl Zone {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        match self.what {
            What::Run(run) => run.run().await,
            What::AcceptGlobal(command) => command.run(terminal).await,
        }
    }
}
