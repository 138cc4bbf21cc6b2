//! Limits such as `50 mbps` (policies §4.3).

const UNITS: [(&str, u64); 3] = [("kbps", 1), ("mbps", 1_000), ("gbps", 1_000_000)];

/// The limit in kilobits per second: digits, at most one space, a unit.
pub(super) fn kbps(limit: &str) -> Option<u64> {
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((limit.strip_suffix(unit)?, *factor)))?;
    let number = number.strip_suffix(is_space).unwrap_or(number);
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Kuma's own test, which is not anchored: `\d*\s?[gmk]bps` anywhere.
pub(super) fn has_unit(limit: &str) -> bool {
    UNITS.iter().any(|(unit, _)| limit.contains(unit))
}

/// What `\s` is in RE2.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_a_number_and_a_unit() {
        for (limit, expected) in [
            ("50mbps", 50_000),
            ("50 mbps", 50_000),
            ("1gbps", 1_000_000),
            ("7 kbps", 7),
            ("0kbps", 0),
        ] {
            assert_eq!(kbps(limit), Some(expected), "{limit}");
        }
        for limit in [
            "",
            "kbps",
            "50",
            "50bps",
            "5.5mbps",
            "-1kbps",
            "50  kbps",
            "x50kbps",
            "50 Mbps",
            "18446744073709551615gbps",
        ] {
            assert_eq!(kbps(limit), None, "{limit}");
        }
        assert!(has_unit("x kbps y") && !has_unit("50 bps"));
    }
}
