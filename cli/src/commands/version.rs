//! `torii version`.

use clap::Args;
use serde_json::json;

use crate::error::{Exit, Failure};
use crate::output::{Format, print, print_document};

/// Show the version of this program
#[derive(Args, Debug)]
pub(crate) struct Version {
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,
}

impl Version {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        let version = env!("CARGO_PKG_VERSION");
        match self.output {
            Format::Table => print(&format!("torii {version}"))?,
            format => print_document(&json!({ "version": version }), format)?,
        }
        Ok(Exit::Success)
    }
}
