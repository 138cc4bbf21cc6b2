//! Ports, durations and header names (resources §3.2).

use prost_types::Duration;

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

/// An HTTP token (RFC 9110 §5.6.2).
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
