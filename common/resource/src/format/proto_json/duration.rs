//! Durations: Go's text on input, seconds on output (resources §1.3, D5 and E4).

use prost_types::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Go's `time.ParseDuration`: signed decimal numbers, each with a unit: `300ms`, `1h30m`, `-1.5s`, `0`.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(Duration::default());
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(nanoseconds(number, *nanos)?)?;
        rest = tail;
    }
    let total = if negative { -total } else { total };
    Some(Duration {
        seconds: total / NANOS_PER_SECOND,
        nanos: i32::try_from(total % NANOS_PER_SECOND).ok()?,
    })
}

/// A decimal number of units in nanoseconds; what is below one nanosecond is cut off, as in Go.
fn nanoseconds(number: &str, unit: u64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut total = u128::from(whole) * u128::from(unit);
    if !fraction.is_empty() {
        // Units have at most 13 digits: further digits of the fraction are below a nanosecond.
        let digits = fraction.get(..fraction.len().min(18))?;
        let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
        total += u128::from(digits.parse::<u64>().ok()?) * u128::from(unit) / scale;
    }
    i64::try_from(total).ok()
}

/// `90s`, `0.500s`, `-1.000000001s`: 0, 3, 6 or 9 digits.
pub(crate) fn print(seconds: i64, nanos: i32) -> String {
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    let nanos = nanos.unsigned_abs();
    if nanos == 0 {
        format!("{sign}{seconds}s")
    } else if nanos.is_multiple_of(1_000_000) {
        format!("{sign}{seconds}.{:03}s", nanos / 1_000_000)
    } else if nanos.is_multiple_of(1_000) {
        format!("{sign}{seconds}.{:06}s", nanos / 1_000)
    } else {
        format!("{sign}{seconds}.{nanos:09}s")
    }
}
