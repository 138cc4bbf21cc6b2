//! `torii apply`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use torii_api::status::Receipt;

use crate::client::Applied;
use crate::context::ConnectionFlags;
use crate::error::{Exit, Failure};
use crate::output::{Format, Terminal, error, print, print_document};
use crate::span::Span;

use super::sources::Sources;
use super::{connect, wait};

const EXAMPLES: &str = "\
Examples:
  torii apply -f gateway.yaml                 create or update what the file has
  torii apply -f gateway.yaml --wait          and return when every gateway in every connected zone serves it
  torii apply -f gateways/ -f routes.yaml --wait=2m
  kustomize build . | torii apply -f -

All documents are written as one change, or none. With --wait the exit code is 3 when an Envoy rejects the change (its
words are printed) or the time is over (what is missing is printed); the change stays stored in both cases. Zones that
are not connected are listed as unknown and not waited for.";

/// Create or update resources from files
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Apply {
    /// File, folder of files, or - for standard input; YAML or JSON, any number of documents
    #[arg(short = 'f', long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Return when every gateway serves the change, or after this time
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "30s")]
    pub(crate) wait: Option<Span>,

    /// How to print the answer
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    connection: ConnectionFlags,
}

#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    applied: &'a Applied,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<&'a Receipt>,
}

impl Apply {
    pub(crate) async fn run(self, terminal: Terminal) -> Result<Exit, Failure> {
        let sources = Sources::read(&self.files)?;
        let client = connect(&self.connection, terminal)?;
        let applied = client
            .apply(sources.body.clone(), |number| sources.place(number))
            .await?;
        for warning in &applied.warnings {
            error::warn(warning, terminal);
        }
        let table = self.output == Format::Table;
        if table {
            print(&text(&applied))?;
        }
        let waited = match self.wait {
            Some(span) => Some(wait::wait(&client, applied.revision, span, terminal).await?),
            None => None,
        };
        let receipt = waited.as_ref().and_then(|waited| waited.receipt.as_ref());
        if !table {
            let answer = Answer {
                applied: &applied,
                receipt,
            };
            print_document(&answer, self.output)?;
        }
        waited.map_or(Ok(Exit::Success), |waited| waited.finish(table))
    }
}

fn text(applied: &Applied) -> String {
    let mut text = String::new();
    for outcome in &applied.outcomes {
        text.push_str(&format!("{outcome}\n"));
    }
    text.push_str(&format!("revision {}\n", applied.revision));
    text
}
