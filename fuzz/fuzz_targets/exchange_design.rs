//! Documents of a design, of a sizing, of criteria and of a reliability diagram: any text gives them or findings, a design that is read is exported and becomes
//! a network, and a diagram is looked over and, where it is sound, analysed.

#![no_main]

use formats::exchange::{self, ExportOptions, Tool};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = exchange::read_criteria(text, "fuzz");
    let read = exchange::read_diagram(text, "fuzz");
    let all = read.located(studies::availability::check(&read.diagram));
    assert!(all.len() >= read.findings.len());
    // Larger ones take their time, and nothing else.
    if read.diagram.components.len() <= 30 && all.iter().all(|d| d.severity != network::Severity::Error) {
        let _ = studies::availability::analyse(&read.diagram, &studies::availability::ExactOptions::default());
    }
    let _ = exchange::read_sizing(text, "fuzz", exchange::sample_design);
    if let Ok((design, _)) = exchange::read_design(text, "fuzz") {
        let _ = design.network();
        for tool in [Tool::Etap, Tool::Psse, Tool::Windchill] {
            let _ = exchange::export(&design, tool, &ExportOptions::default());
        }
    }
});
