//! Formats of an answer that has no table.

use clap::ValueEnum;

use super::Format;

/// How to write a document down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataFormat {
    /// For people and programs
    #[default]
    Yaml,
    /// For programs
    Json,
}

impl From<DataFormat> for Format {
    fn from(format: DataFormat) -> Self {
        match format {
            DataFormat::Yaml => Self::Yaml,
            DataFormat::Json => Self::Json,
        }
    }
}
