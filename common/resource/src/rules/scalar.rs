//! Ports, durations and header names (resources §3.2).

use prost_types::Duration;

use super::CANNOT_BE_EMPTY;
use crate::violation::Violations;

const PORT: &str = "port must be in the range [1, 65535]";

/// 1 to 65535.
pub(crate) fn port_in_range(port: u32) -> bool {
    (1..=65_535).contains(&port)
}

/// Notes a port out of range.
pub(crate) fn port(path: impl Into<String>, port: u32, violations: &mut Violations) {
    if !port_in_range(port) {
        violations.add(path, PORT);
    }
}

/// `0`, or a number with one of the units y, w, d, h, m, s, ms.
pub(crate) fn is_simple_duration(text: &str) -> bool {
    if text == "0" {
        return true;
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = text.get(digits..).unwrap_or_default();
    digits > 0 && ["y", "w", "d", "h", "m", "s", "ms"].contains(&unit)
}

/// Notes a duration that is present and zero or not representable; a negative one passes, as in Kuma.
pub(crate) fn positive_duration(
    path: impl Into<String>,
    duration: Option<&Duration>,
    violations: &mut Violations,
) {
    /// Range of `google.protobuf.Duration`.
    const MAX_SECONDS: u64 = 315_576_000_000;
    if duration
        .is_some_and(|d| (d.seconds == 0 && d.nanos == 0) || d.seconds.unsigned_abs() > MAX_SECONDS)
    {
        violations.add(path, "must have a positive value");
    }
}

/// Notes a duration that is missing, zero or not representable.
pub(crate) fn required_duration(
    path: impl Into<String>,
    duration: Option<&Duration>,
    violations: &mut Violations,
) {
    if duration.is_none() {
        violations.add(path, CANNOT_BE_EMPTY);
    } else {
        positive_duration(path, duration, violations);
    }
}

/// No time at all.
pub(crate) fn is_zero(duration: &Duration) -> bool {
    duration.seconds == 0 && duration.nanos == 0
}

/// Notes a duration that Envoy refuses or cannot count: negative, longer than its 292 years, or shorter than this
/// many milliseconds. Envoy counts in milliseconds, so that less than one is none.
pub(crate) fn envoy_duration(
    path: impl Into<String>,
    duration: Option<&Duration>,
    least: u32,
    violations: &mut Violations,
) {
    /// Range of nanoseconds in 64 bits.
    const MAX_SECONDS: i64 = i64::MAX / 1_000_000_000;
    let Some(duration) = duration else {
        return;
    };
    let nanos = i128::from(duration.seconds) * 1_000_000_000 + i128::from(duration.nanos);
    if duration.seconds < 0 || duration.nanos < 0 {
        violations.add(path, "must not be negative");
    } else if duration.seconds >= MAX_SECONDS {
        violations.add(
            path,
            "is longer than Envoy can count: write at most 290 years",
        );
    } else if nanos < i128::from(least) * 1_000_000 {
        violations.add(path, format!("must be at least {least}ms"));
    }
}

/// Notes a percentage that is missing or out of range.
pub(crate) fn percentage(path: impl Into<String>, value: Option<f64>, violations: &mut Violations) {
    match value {
        None => violations.add(path, CANNOT_BE_EMPTY),
        Some(value) if !(0.0..=100.0).contains(&value) => {
            violations.add(path, "has to be in [0.0 - 100.0] range");
        }
        Some(_) => {}
    }
}

/// Notes a header to add that Envoy refuses (gateway-xds §11.2). An empty name is another rule's.
pub(crate) fn envoy_header(
    name_field: impl Into<String>,
    name: &str,
    value_field: impl Into<String>,
    value: &str,
    violations: &mut Violations,
) {
    if name.starts_with(':') || name.eq_ignore_ascii_case("host") {
        violations.add(name_field, format!("{name:?} cannot be added"));
    } else if !name.is_empty() && !is_header_name(name) {
        violations.add(
            name_field,
            "must be an HTTP header name: letters, digits and !#$%&'*+-.^_`|~",
        );
    }
    if value.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        violations.add(value_field, "must not have line breaks or zero bytes");
    }
}

/// An HTTP token (RFC 9110 §5.6.2).
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
