//! How the CLI speaks: data to standard output, everything else to standard error.

pub(crate) mod age;
pub(crate) mod data;
pub(crate) mod error;
pub(crate) mod format;
pub(crate) mod progress;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod terminal;

pub(crate) use data::{Format, print, print_document};
pub(crate) use format::DataFormat;
pub(crate) use terminal::Terminal;
