//! The crates' table of the design, and what the inner crates must not touch.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crate, and the crates of ours that its row in the design names.
const ALLOWED: &[(&str, &[&str])] = &[
    ("network", &[]),
    ("powerflow", &["network"]),
    ("formats", &["network"]),
    ("store", &["network"]),
    ("scada", &["network"]),
    ("studies", &["powerflow"]),
    ("learning", &["studies"]),
    ("twin", &["scada", "learning", "store"]),
    ("cluster", &["studies", "store"]),
    ("server", &["network", "powerflow", "formats", "store", "scada", "studies", "learning", "twin", "cluster"]),
    ("gridtwin", &["network", "powerflow", "formats", "store", "scada", "studies", "learning", "twin", "cluster", "server"]),
];

/// What a crate may use: its row, and what those use.
fn reachable(name: &str) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let (_, row) = ALLOWED.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("crate {name} has no row in the table"));
        for used in *row {
            if found.insert(*used) {
                open.push((*used).to_owned());
            }
        }
    }
    found
}

#[test]
fn crates_use_only_what_the_design_allows() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(common::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", common::text(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let crates = common::root().join("crates");
    let ours: Vec<(&str, &serde_json::Value)> = packages
        .iter()
        .filter(|p| Path::new(p["manifest_path"].as_str().unwrap()).starts_with(&crates))
        .map(|p| (p["name"].as_str().unwrap(), p))
        .filter(|(_, p)| Path::new(p["manifest_path"].as_str().unwrap()).parent().and_then(Path::parent) == Some(&crates))
        .collect();
    let names: BTreeSet<&str> = ours.iter().map(|(n, _)| *n).collect();
    assert!(names.contains("network") && names.contains("gridtwin"), "{names:?}");
    let mut forbidden = Vec::new();
    for (name, package) in &ours {
        let allowed = reachable(name);
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = dependency["name"].as_str().unwrap();
            // Tests may look outward: a kind is `null` for an ordinary dependency.
            if dependency["kind"].is_null() && names.contains(used) && !allowed.contains(used) {
                forbidden.push(format!("{name} -> {used}"));
            }
        }
    }
    assert!(forbidden.is_empty(), "edges that the design does not allow: {forbidden:?}");
}

/// Source files of a crate, without its tests.
fn sources(name: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![common::root().join("crates").join(name).join("src")];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
            let path = entry.unwrap().path();
            let file_name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && file_name != "tests" {
                open.push(path);
            } else if file_name.ends_with(".rs") && file_name != "tests.rs" {
                files.push(path);
            }
        }
    }
    files
}

/// The lines before a file's own tests, with comments taken out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or("")))
}

#[test]
fn inner_crates_touch_no_file_no_socket_and_no_clock() {
    let common = [
        "std::fs",
        "std::net",
        "File::open",
        "std::process",
        "SystemTime",
        "Instant::now",
        "time::Instant",
        "Timestamp::now",
        "Zoned::now",
        "tokio",
        "println!",
        "eprintln!",
    ];
    let mut found = Vec::new();
    let mut read = 0;
    for name in ["network", "powerflow", "studies", "formats"] {
        if !common::root().join("crates").join(name).is_dir() {
            continue;
        }
        for path in sources(name) {
            let text = std::fs::read_to_string(&path).expect("a source file");
            read += 1;
            for (number, line) in code(&text) {
                for word in common.iter().filter(|w| line.contains(**w)) {
                    found.push(format!("{}:{number}: {word}", path.display()));
                }
            }
        }
    }
    assert!(read > 20, "only {read} source files were found");
    assert!(found.is_empty(), "{}", found.join("\n"));
}
