//! The body of `POST /bootstrap`, read before its token is looked at.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    torii_zone::fuzzing::bootstrap(data);
});
