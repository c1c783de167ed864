//! The page of diagnostics against the sources: every code has its row, and every row its code.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const STAGES: [&str; 54] = [
    "OPENADR",
    "DESK",
    "OPERATIONS",
    "FLEXIBILITY",
    "DYR",
    "STABILITY",
    "EXCHANGE",
    "RAM",
    "SHORT",
    "ASK",
    "FEDERATED",
    "LEARN",
    "READ",
    "CHECK",
    "SOLVE",
    "FAULT",
    "HOSTING",
    "RUN",
    "OUTPUT",
    "RAW",
    "MATPOWER",
    "CYME",
    "GIS",
    "TABLE",
    "METERS",
    "MAP",
    "OUTAGES",
    "WEATHER",
    "PROJECT",
    "RECONCILE",
    "REVIEW",
    "QUALITY",
    "COMPARE",
    "SERVER",
    "JOB",
    "UPLOAD",
    "BACKUP",
    "CONVERT",
    "MITIGATION",
    "RELIABILITY",
    "SCENARIO",
    "CONTINGENCY",
    "SWITCHING",
    "CLUSTER",
    "COMPARISON",
    "SCL",
    "DEVICE",
    "HISTORY",
    "ALARM",
    "STATION",
    "ESTIMATION",
    "PLANT",
    "CONTROL",
    "TWIN",
];

fn is_code(text: &str) -> bool {
    let mut parts = text.split('.');
    let is_word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    parts.next().is_some_and(|stage| STAGES.contains(&stage)) && text.contains('.') && parts.all(is_word)
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && path.file_name().is_some_and(|n| n != "tests.rs") {
            found.push(path);
        }
    }
}

/// Codes in the sources, with the severities of the constructors that they are handed to directly.
fn emitted() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(common::root().join("crates")).expect("the crates are there") {
        let src = entry.expect("a crate").path().join("src");
        if src.is_dir() {
            rust_files(&src, &mut files);
        }
    }
    let mut found: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a source is text");
        // Tests make up codes of their own.
        let text = text.split("#[cfg(test)]\nmod tests {").next().expect("a first part");
        for (at, _) in text.match_indices('"') {
            let Some((literal, _)) = text[at + 1..].split_once('"') else { continue };
            if is_code(literal) {
                let severities = found.entry(literal.to_owned()).or_default();
                let before = text[..at].trim_end();
                let made = ["error", "warning", "note"].into_iter().find(|s| before.ends_with(&format!("Diagnostic::{s}(")));
                severities.extend(made);
            }
        }
    }
    found
}

#[test]
fn the_page_has_every_code_and_no_other() {
    let page = fs::read_to_string(common::root().join("docs/diagnostics.md")).expect("the page is there");
    let emitted = emitted();
    let mut section = String::new();
    let mut documented = BTreeSet::new();
    let mut faults = Vec::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.split(':').next().unwrap_or_default().to_owned();
        }
        let Some(row) = line.strip_prefix("| `") else { continue };
        let code = row.split('`').next().unwrap_or_default();
        // A bar within a cell is written with a backslash.
        let cells: Vec<String> = line.replace("\\|", " ").trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect();
        if !is_code(code) || code.split('.').next() != Some(section.as_str()) {
            faults.push(format!("{code} stands in section {section}"));
        }
        if cells.len() != 4 || cells.iter().any(String::is_empty) {
            faults.push(format!("the row of {code} does not have four filled cells"));
        } else if !["error", "warning", "note"].contains(&cells[1].split([' ', ',', ';']).next().unwrap_or_default()) {
            faults.push(format!("{code} has the severity \"{}\"", cells[1]));
        } else if let Some(made) = emitted.get(code).and_then(|all| all.iter().find(|s| !cells[1].contains(**s))) {
            faults.push(format!("{code} is documented as \"{}\", and made as {made}", cells[1]));
        }
        if !documented.insert(code.to_owned()) {
            faults.push(format!("{code} has two rows"));
        }
        if !emitted.contains_key(code) {
            faults.push(format!("{code} is nowhere in the sources"));
        }
    }
    faults.extend(emitted.keys().filter(|c| !documented.contains(*c)).map(|c| format!("{c} has no row")));
    assert!(faults.is_empty(), "docs/diagnostics.md:\n{}", faults.join("\n"));
    // So that a moved folder or another way of writing codes cannot empty the comparison.
    for stage in STAGES {
        assert!(emitted.keys().any(|c| c.starts_with(stage)), "no code of stage {stage} was found");
    }
}
