//! `torii dp`.

use clap::{Args, Subcommand};

use crate::error::{Exit, Failure};
use crate::output::Terminal;

mod run;

/// Run a data plane proxy
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Dp {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Run(Box<run::Run>),
}

impl Dp {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        match self.what {
            What::Run(run) => run.run(terminal).await,
        }
    }
}
