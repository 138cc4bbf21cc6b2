//! Go's duration text, as `validFor` has it (control-plane-api §10.1): `1h30m`, `720h`; there are no days.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a duration: {reason}; write e.g. `1h30m` or `720h` (units: ns, us, ms, s, m, h)"
)]
pub struct DurationError {
    text: String,
    reason: &'static str,
}

/// Nanoseconds of Go's longest duration, about 292 years.
const MAX_NANOS: u128 = i64::MAX as u128;

/// Reads a duration. Negative ones are refused: nothing here can last less than no time.
///
/// # Errors
/// When the text is not one of Go's durations, is negative, or longer than about 292 years.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let fail = |reason| DurationError {
        // Bounded: it may be anything that a request had.
        text: text.chars().take(40).collect(),
        reason,
    };
    if text.starts_with('-') {
        return Err(fail("it is negative"));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(fail("it is empty"));
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let scale = unit_nanos(unit).ok_or_else(|| {
            fail(if unit.is_empty() {
                "a unit is missing"
            } else {
                "a unit is unknown"
            })
        })?;
        let nanos =
            scaled(number, scale).ok_or_else(|| fail("a number is malformed or too large"))?;
        total += nanos;
        if total > MAX_NANOS {
            return Err(fail("it is longer than 292 years"));
        }
        rest = tail;
    }
    u64::try_from(total)
        .map(Duration::from_nanos)
        .map_err(|_| fail("it is longer than 292 years"))
}

/// Go's own text of a duration of whole seconds: `24h0m0s`, `1m30s`, `5s`. Fractions of a second are left out.
pub fn format(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}h{minutes}m{rest}s")
    } else if minutes > 0 {
        format!("{minutes}m{rest}s")
    } else {
        format!("{rest}s")
    }
}

fn unit_nanos(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// `number` (digits with at most one point) times `scale`, rounded down.
fn scaled(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 19 {
        return None;
    }
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    // More digits than nanoseconds of an hour have cannot change the result.
    let fraction = &fraction[..fraction.len().min(15)];
    let part = if fraction.is_empty() {
        0
    } else {
        let digits = u32::try_from(fraction.len()).ok()?;
        fraction.parse::<u128>().ok()? * scale / 10_u128.pow(digits)
    };
    Some(whole * scale + part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    #[test]
    fn go_durations_are_read() {
        for (text, millis) in [
            ("0", 0),
            ("720h", 720 * 3_600_000),
            ("1h30m", 5_400_000),
            ("24h0m0s", 86_400_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("5.s", 5_000),
            ("+10ms", 10),
            ("2000us", 2),
            ("2000µs", 2),
            ("3000000ns", 3),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_an_example() {
        for text in [
            "",
            "1",
            "1d",
            "-1h",
            "h",
            "1..2s",
            "1h 2m",
            ".s",
            "9999999h",
            "99999999999999999999s",
            "+",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("1h30m"), "{text}: {error}");
        }
    }

    #[test]
    fn whole_seconds_are_written_as_go_writes_them() {
        for text in ["24h0m0s", "1m30s", "5s", "0s", "1h0m1s"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn parsing_what_looks_like_a_duration_never_panics(text in "[0-9.]{0,25}(ns|us|ms|s|m|h)?[0-9.]{0,25}(s|h)") {
            let _ = parse(&text);
        }
    }
}
