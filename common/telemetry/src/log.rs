//! Log set-up: text on a terminal, JSON otherwise, on standard error.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// The environment variable with the filter, e.g. `info,torii_store=debug`.
pub const VARIABLE: &str = "TORII_LOG";
/// The filter when nobody says otherwise.
pub const DEFAULT_FILTER: &str = "warn,torii=info,openraft=error,rustls=error";

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter does not parse.
    #[error("log filter `{filter}`: {reason}; write e.g. `info` or `info,torii_store=debug`")]
    Filter {
        /// As it was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It was set up before in this process.
    #[error("logging is set up already")]
    Twice,
}

/// Sets up logging for the process. `filter`: a flag's value; without one [`VARIABLE`], then [`DEFAULT_FILTER`].
/// `format`: without one, text on a terminal and JSON otherwise.
///
/// # Errors
/// When the filter does not parse, or on the second call in a process.
pub fn init(filter: Option<&str>, format: Option<Format>) -> Result<(), LogError> {
    let variable = std::env::var(VARIABLE)
        .ok()
        .filter(|value| !value.is_empty());
    let filter = filter.or(variable.as_deref()).unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(filter).map_err(|error| LogError::Filter {
        filter: filter.to_owned(),
        reason: error.to_string(),
    })?;
    let terminal = stderr().is_terminal();
    let format = format.unwrap_or(if terminal { Format::Text } else { Format::Json });
    let builder = fmt().with_env_filter(filter).with_writer(stderr);
    match format {
        Format::Text => builder.with_ansi(terminal).with_target(false).try_init(),
        Format::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init(),
    }
    .map_err(|_| LogError::Twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_an_error_that_shows_it_and_a_good_one() {
        let error = init(Some("torii=loud"), None).unwrap_err().to_string();
        assert!(
            error.contains("torii=loud") && error.contains("torii_store=debug"),
            "{error}"
        );
    }
}
