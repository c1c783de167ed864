//! Documents of a design, of a sizing and of criteria: any text gives them or findings, and a design that is read is exported and becomes a network.

#![no_main]

use formats::exchange::{self, ExportOptions, Tool};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = exchange::read_criteria(text, "fuzz");
    let _ = exchange::read_sizing(text, "fuzz", exchange::sample_design);
    if let Ok((design, _)) = exchange::read_design(text, "fuzz") {
        let _ = design.network();
        for tool in [Tool::Etap, Tool::Psse, Tool::Windchill] {
            let _ = exchange::export(&design, tool, &ExportOptions::default());
        }
    }
});
