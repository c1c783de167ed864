//! Tables of outages: any bytes give outages or findings.

#![no_main]

use formats::outages::{self, OutageOptions};
use formats::table::{self, TableOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = table::read_bytes(bytes, "fuzz", &TableOptions::default()) {
        let _ = outages::read(&table, &OutageOptions::default());
    }
});
