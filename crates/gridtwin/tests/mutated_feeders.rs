//! The shipped feeders with something broken in them: lines lost, doubled, cut, numbers and letters changed. Whatever
//! comes of it, reading, checking and solving end with a solution that is certified or with a finding, not with a panic.

use formats::opendss::{MemoryFiles, ReadOptions, read};
use powerflow::{Limits, Session};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

const LIMITS: Limits = Limits { nodes: 400, steps: 4, iterations: 50, control_iterations: 10 };

/// One thing done to one line of one file.
#[derive(Clone, Debug)]
enum Slip {
    Drop,
    Double,
    Cut(usize),
    /// Another character in the place of one.
    Character(usize, char),
    /// The word after the k-th equals sign becomes this one.
    Value(usize, &'static str),
    /// The line of another place is put here.
    Swap(usize),
}

const WORDS: [&str; 14] =
    ["", "0", "-1", "1e308", "nan", "1e-300", "999999999", "(1 2", "[0 0 0 | 0]", "nowhere.1.2.3", "a.7.8.9", "\"", "(3 0 /)", "yes"];

fn slip() -> impl Strategy<Value = Slip> {
    prop_oneof![
        Just(Slip::Drop),
        Just(Slip::Double),
        any::<usize>().prop_map(Slip::Cut),
        (any::<usize>(), prop::sample::select(vec!['.', '=', '(', ']', ' ', '0', '9', '-', '!', 'x', '|', '\u{e9}']))
            .prop_map(|(at, c)| Slip::Character(at, c)),
        (any::<usize>(), prop::sample::select(WORDS.to_vec())).prop_map(|(at, w)| Slip::Value(at, w)),
        any::<usize>().prop_map(Slip::Swap),
    ]
}

fn apply(text: &str, at: usize, slip: &Slip) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    let k = at % lines.len();
    let line = lines[k].clone();
    match slip {
        Slip::Drop => {
            lines.remove(k);
        }
        Slip::Double => lines.insert(k, line),
        Slip::Cut(n) => lines[k] = line.chars().take(n % (line.chars().count() + 1)).collect(),
        Slip::Character(n, c) => {
            let place = n % line.chars().count().max(1);
            lines[k] = line.chars().enumerate().map(|(i, old)| if i == place { *c } else { old }).collect();
        }
        Slip::Value(n, word) => {
            let signs: Vec<usize> = line.match_indices('=').map(|(i, _)| i).collect();
            if !signs.is_empty() {
                let from = signs[n % signs.len()] + 1;
                let to = line[from..].find([' ', '\t']).map_or(line.len(), |i| from + i);
                lines[k] = format!("{}{word}{}", &line[..from], &line[to..]);
            }
        }
        Slip::Swap(n) => {
            let other = n % lines.len();
            lines.swap(k, other);
        }
    }
    lines.join("\n")
}

fn shipped(name: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name);
    let mut files: Vec<(PathBuf, String)> = std::fs::read_dir(&folder)
        .expect("the models ship with the project")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|p| p.is_file())
        .map(|p| (PathBuf::from(p.file_name().expect("a name")), std::fs::read_to_string(&p).expect("text")))
        .collect();
    files.sort();
    files
}

fn ends_well(files: &[(PathBuf, String)], master: &str) {
    let mut memory = MemoryFiles::new();
    for (path, text) in files {
        memory = memory.with(path, text.as_bytes());
    }
    for lenient in [false, true] {
        let mut session = Session::bounded(LIMITS);
        let options = ReadOptions { lenient, ..ReadOptions::default() };
        let outcome = match read(&memory, Path::new(master), &mut session, &options) {
            Ok(outcome) => outcome,
            Err(error) => {
                assert!(!error.diagnostics.is_empty(), "an error without a finding");
                continue;
            }
        };
        for finding in network::check::check(&outcome.network) {
            assert!(!finding.to_string().is_empty());
        }
        match session.solve_network(&outcome.network, true).map(powerflow::Outcome::settled) {
            Ok(Ok(solution)) => {
                assert!(solution.certificate().settled);
                assert!(solution.nodes().iter().all(|n| n.v_v.is_finite()), "a certified voltage is no number");
            }
            Ok(Err(unsettled)) => assert!(!unsettled.forensics.diagnostics().is_empty(), "unsettled and not explained"),
            Err(error) => assert!(!error.diagnostic().message.is_empty()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn broken_feeders_end_with_a_solution_or_a_finding(
        model in prop::sample::select(vec!["ieee13", "ieee34", "ieee37"]),
        slips in prop::collection::vec((any::<usize>(), any::<usize>(), slip()), 1..6),
    ) {
        let mut files = shipped(model);
        for (file, line, slip) in &slips {
            let k = file % files.len();
            files[k].1 = apply(&files[k].1, *line, slip);
        }
        ends_well(&files, &format!("{model}.dss"));
    }
}
