//! `torii status`.

use clap::Args;

use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::{Format, Terminal, print, print_document, status};

use super::connect;

const EXAMPLES: &str = "\
Examples:
  torii status                 nodes and leader, zones, gateways with the revision that each has acknowledged
  torii status -o json
  torii status --context east  as the zone east sees it

Beneath the tables stands what is wrong: what an Envoy rejected, in its own words; what a gateway cannot serve; why a
zone holds back. Whatever is not heard of is shown as unknown.";

/// Show who serves what, and what is wrong
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowStatus {
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    connection: ConnectionFlags,
}

impl ShowStatus {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let document = connect(&self.connection, terminal)?.status().await?;
        match self.output {
            Format::Table => print(&status::render(&document, terminal.paint_out))?,
            format => print_document(&document, format)?,
        }
        Ok(Exit::Success)
    }
}
