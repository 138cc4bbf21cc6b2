//! The Dataplane that a proxy sends as text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    torii_zone::fuzzing::dataplane(text);
});
