//! Questions in plain words: any text is read or refused, and what is read can be said, asked of a lake and made a scenario file.

#![no_main]

use formats::MemoryFiles;
use learning::questions::{Calendar, Context, Installed, Kind, Named, Outcome, Present, read, scenario_file, sql};
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::OnceLock;

fn context() -> &'static Context {
    static CONTEXT: OnceLock<Context> = OnceLock::new();
    CONTEXT.get_or_init(|| Context {
        feeders: ["FDR-1", "FDR-12", "HARBOR-3", "MILL-3", "ELM_NORTH"].map(str::to_owned).to_vec(),
        elements: vec![Named { kind: Kind::Transformer, name: "T-1041".to_owned() }, Named { kind: Kind::Bus, name: "B-77".to_owned() }],
        studies: vec!["base".to_owned(), "high_ev".to_owned()],
        today: Some("2024-03-15".to_owned()),
    })
}

fuzz_target!(|text: &str| {
    let readings = match read(text, context()) {
        Outcome::Understood(r) => vec![r],
        Outcome::Ambiguous(all) => all,
        Outcome::NotUnderstood(no) => {
            assert!(!(no.words.is_empty() && no.names.is_empty() && no.reasons.is_empty()), "refused without a reason");
            return;
        }
    };
    let some = Some(Installed { in_network_pct: 0.0, in_scenario_pct: 10.0 });
    let present = Present { ev: some, solar: some, storage: some, electrification: some, synthetic_seed: Some(1), ..Present::default() };
    for r in readings {
        assert!(r.words.ends_with('.'));
        let _ = sql(&r.query, "base", Calendar { year: Some(2023), first_weekday: Some(6) });
        if let Ok(file) = scenario_file(&r.query, &present, "asked", 1) {
            let files = MemoryFiles::new().with("s", file.as_bytes().to_vec());
            assert!(formats::scenario::read(&files, Path::new("s")).is_sound(), "{file}");
        }
    }
});
