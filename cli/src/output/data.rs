//! Standard output: the command's answer, in the format asked for.

use std::io::{self, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use crate::error::Failure;

/// Formats of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// For people and programs; what `torii apply -f` takes
    Yaml,
}

/// Writes text and a line's end.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| {
            if text.ends_with('\n') {
                Ok(())
            } else {
                out.write_all(b"\n")
            }
        })
        .and_then(|()| out.flush())
        .map_err(Failure::Output)
}

/// Writes a document as JSON or YAML. A table is its own command's business.
pub(crate) fn print_document<T: Serialize>(document: &T, format: Format) -> Result<(), Failure> {
    let unwritable = |error: &dyn std::fmt::Display| {
        Failure::Other(format!("cannot write the answer down: {error}"))
    };
    let text = match format {
        Format::Yaml => serde_saphyr::to_string(document).map_err(|error| unwritable(&error))?,
        Format::Table | Format::Json => {
            serde_json::to_string_pretty(document).map_err(|error| unwritable(&error))?
        }
    };
    print(&text)
}
