//! Weather: any bytes give series or findings.

#![no_main]

use formats::weather::{self, WeatherOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = weather::read_bytes(bytes, "fuzz", &WeatherOptions::default());
});
