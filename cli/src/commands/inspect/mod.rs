//! `torii inspect`: what a control plane has made of the resources.

use clap::{Args, Subcommand};

use crate::error::{Exit, Failure};
use crate::output::Terminal;

mod proxy;

/// Look at what a control plane has made of the resources
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Inspect {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Proxy(proxy::Proxy),
}

impl Inspect {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        match self.what {
            What::Proxy(proxy) => proxy.run(terminal).await,
        }
    }
}
