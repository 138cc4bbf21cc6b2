//! A document in the universal format, as REST and the CLI take it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = torii_resource::format::universal::parse(text, "input");
});
