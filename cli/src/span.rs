//! Lengths of time as people write them: `30s`, `1h30m`, `30d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// A text that is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a length of time: write a number and a unit (ms, s, m, h or d), e.g. 30s, 1h30m or 720h"
)]
pub struct SpanError(String);

/// Longest first, so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

impl Span {
    /// As Go writes durations, which has no days: what the REST API takes (control-plane-api §10.1).
    pub fn to_go(self) -> String {
        let milliseconds = self.0.as_millis();
        if milliseconds.is_multiple_of(1_000) {
            format!("{}s", milliseconds / 1_000)
        } else {
            format!("{milliseconds}ms")
        }
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| SpanError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Span> {
    let mut rest = text.trim();
    let mut total = 0_u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let (unit, milliseconds) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        rest = rest.get(unit.len()..)?;
        total = total.checked_add(number.checked_mul(*milliseconds)?)?;
    }
    Some(Span(Duration::from_millis(total)))
}

impl fmt::Display for Span {
    /// The largest unit that leaves no rest: `30s`, `720h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let (unit, length) = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
            .into_iter()
            .find(|(_, length)| milliseconds >= *length && milliseconds.is_multiple_of(*length))
            .unwrap_or(("ms", 1));
        write!(f, "{}{unit}", milliseconds / length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up_and_days_become_seconds_for_go() {
        let cases = [
            ("30s", 30_000, "30s"),
            ("1h30m", 5_400_000, "5400s"),
            ("30d", 2_592_000_000, "2592000s"),
            ("1500ms", 1_500, "1500ms"),
        ];
        for (text, milliseconds, go) in cases {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.0, Duration::from_millis(milliseconds), "{text}");
            assert_eq!(span.to_go(), go, "{text}");
        }
    }

    #[test]
    fn a_text_without_unit_or_number_is_refused_with_an_example() {
        for text in ["", "30", "s", "5x", "-1s", "1h 2", "99999999999999999999s"] {
            let error = text.parse::<Span>().unwrap_err().to_string();
            assert!(error.contains("e.g. 30s"), "{text}: {error}");
        }
    }

    #[test]
    fn a_span_is_shown_in_its_largest_whole_unit() {
        for text in ["30s", "720h", "90m", "250ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
    }
}
