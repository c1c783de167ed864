//! Results of other tools: any bytes give results of the sample design or findings.

#![no_main]

use formats::exchange::{self, ResultFile};
use libfuzzer_sys::fuzz_target;
use network::design::Design;
use std::sync::LazyLock;

static DESIGN: LazyLock<Design> =
    LazyLock::new(|| exchange::read_design(include_str!("../../models/exchange/design.yaml"), "design").expect("the sample is a design").0);

fuzz_target!(|bytes: &[u8]| {
    let _ = exchange::read_results(&DESIGN, &[ResultFile { name: "fuzz", bytes }], None);
    let _ = exchange::ram_tables::read_components(bytes, "fuzz");
    let _ = exchange::ram_tables::read_blocks(bytes, "fuzz");
});
