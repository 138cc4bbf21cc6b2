//! Tokens of all kinds. Without keys: what comes before the signature is what a stranger reaches.
#![no_main]

use libfuzzer_sys::fuzz_target;

use jiff::Timestamp;

use torii_auth::{KeyRing, token};

fuzz_target!(|text: &str| {
    let (keys, now) = (KeyRing::default(), Timestamp::UNIX_EPOCH);
    let token = token::bearer_or_raw(text);
    let _ = token::verify_zone(token, &keys, now);
    let _ = token::verify_user(token, &keys, now);
    let _ = token::verify_dataplane(token, "default", &keys, now);
});
