//! Documents of flexible demand and of neighbourhoods: any text gives them or findings.

#![no_main]

use formats::{flexibility, neighbourhoods};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = flexibility::read_flexibility(text, "fuzz", None);
    let _ = neighbourhoods::read(text, "fuzz");
});
