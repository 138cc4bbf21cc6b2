//! `torii global`.

use clap::{Args, Subcommand};

use crate::error::{Exit, Failure};
use crate::output::Terminal;

mod init;
mod run;

/// Run a node of the global control plane, and prepare a cluster of several
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Global {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Init(init::Init),
    Run(Box<run::Run>),
}

impl Global {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        match self.what {
            What::Init(init) => init.run(terminal).await,
            What::Run(run) => run.run().await,
        }
    }
}
