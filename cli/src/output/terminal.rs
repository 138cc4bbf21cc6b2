//! What the two output streams are, found out once.

use std::env;
use std::io::{self, IsTerminal as _};

/// Whether a person is looking, and whether colours please them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Colours on standard output.
    pub(crate) paint_out: bool,
    /// Colours on standard error.
    pub(crate) paint_err: bool,
    /// Moving progress on standard error.
    pub(crate) progress: bool,
}

impl Terminal {
    /// Of this process.
    pub(crate) fn detect() -> Self {
        Self::decide(
            io::stdout().is_terminal(),
            io::stderr().is_terminal(),
            env::var("NO_COLOR").is_ok_and(|value| !value.is_empty()),
            env::var("TERM").is_ok_and(|value| value == "dumb"),
        )
    }

    fn decide(stdout: bool, stderr: bool, no_color: bool, dumb: bool) -> Self {
        let paint = !no_color && !dumb;
        Self {
            paint_out: stdout && paint,
            paint_err: stderr && paint,
            progress: stderr && !dumb,
        }
    }
}

/// Colours that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Not known, or not yet.
    Doubt,
    /// Wrong.
    Bad,
    /// Less important than its surroundings.
    Faint,
}

impl Tone {
    /// The text in this tone, or as it is when `paint` is off.
    pub(crate) fn on(self, text: &str, paint: bool) -> String {
        if !paint {
            return text.to_owned();
        }
        let code = match self {
            Self::Good => "32",
            Self::Doubt => "33",
            Self::Bad => "31",
            Self::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_need_a_terminal_and_no_no_color() {
        assert!(Terminal::decide(true, true, false, false).paint_out);
        assert!(!Terminal::decide(false, true, false, false).paint_out);
        assert!(!Terminal::decide(true, true, true, false).paint_out);
        assert!(!Terminal::decide(true, true, false, true).paint_err);
    }

    #[test]
    fn progress_moves_on_terminals_only_with_or_without_colour() {
        assert!(Terminal::decide(false, true, true, false).progress);
        assert!(!Terminal::decide(true, false, false, false).progress);
    }

    #[test]
    fn unpainted_text_has_no_escapes() {
        assert_eq!(Tone::Bad.on("no", false), "no");
        assert_eq!(Tone::Bad.on("no", true), "\u{1b}[31mno\u{1b}[0m");
    }
}
