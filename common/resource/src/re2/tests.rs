//! Table of what RE2 takes; `tests/re2_envoy.rs` holds the same table against a real Envoy.

use super::check;

#[test]
fn patterns_of_re2_are_taken() {
    for good in include_str!("accepted.txt").lines() {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    assert_eq!(check(""), Ok(()));
}

#[test]
fn patterns_that_re2_has_not_are_refused_with_a_reason() {
    for bad in include_str!("refused.txt").lines() {
        assert!(check(bad).is_err_and(|reason| !reason.is_empty()), "{bad}");
    }
}

#[test]
fn a_pattern_that_re2_finds_too_large_is_refused() {
    assert_eq!(check(&".{1000}".repeat(20)), Ok(()));
    // A real Envoy takes 232 of them, 53 of \pL{1000}.
    assert!(check(&".{1000}".repeat(233)).is_err());
    assert!(check(&"\\pL{1000}".repeat(54)).is_err());
}
