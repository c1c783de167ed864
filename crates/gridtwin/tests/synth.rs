//! `gridtwin synth`: the same bytes whatever the threads and the number of feeders, models that check clean and solve.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("gridtwin-synth-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn synth(dir: &Path, feeders: &str, seed: &str, threads: &str) -> std::process::Output {
    let dir = dir.to_str().expect("a folder of plain letters");
    common::gridtwin(&["synth", "--feeders", feeders, "--seed", seed, "--threads", threads, "--out", dir])
}

/// Every file below a folder, by its path.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("below").to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn feeders_depend_on_seed_and_number_alone() {
    let (one, three, few, other) = (folder("one"), folder("three"), folder("few"), folder("other"));
    assert!(synth(&one, "6", "5", "1").status.success());
    assert!(synth(&three, "6", "5", "3").status.success());
    assert!(synth(&few, "2", "5", "2").status.success());
    assert!(synth(&other, "2", "6", "2").status.success());
    let all = files(&one);
    assert!(all == files(&three), "threads change the bytes");
    assert_eq!(all.keys().filter(|k| k.ends_with("master.dss")).count(), 6);
    for (name, bytes) in files(&few).iter().filter(|(name, _)| *name != "index.csv") {
        assert!(all[name] == *bytes, "{name} depends on the number of feeders");
    }
    let others = files(&other);
    assert!(others["feeders/f0001/master.dss"] != all["feeders/f0001/master.dss"], "the seed changes nothing");
    for dir in [one, three, few, other] {
        std::fs::remove_dir_all(dir).expect("the folder is ours");
    }
}

#[test]
fn models_check_clean_and_solve() {
    let dir = folder("solve");
    let made = synth(&dir, "4", "9", "2");
    assert!(made.status.success());
    let report = common::text(&made.stdout);
    assert!(report.contains("4 feeders") && report.contains("customers a transformer"), "{report}");
    let index = std::fs::read_to_string(dir.join("index.csv")).expect("the index");
    let header: Vec<&str> = index.lines().next().expect("a header").split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).expect("a column");
    assert_eq!(index.lines().count(), 5);
    for row in index.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells.len(), header.len());
        let master = dir.join(cells[column("master")]);
        let master = master.to_str().expect("plain letters");
        let check = common::gridtwin(&["check", master]);
        assert!(check.status.success(), "{}", common::text(&check.stdout));
        let solved = common::gridtwin(&["solve", master, "--json"]);
        assert!(solved.status.success(), "{}", common::text(&solved.stderr));
        let view: serde_json::Value = serde_json::from_slice(&solved.stdout).expect("JSON");
        assert_eq!(view["nodes"].as_u64().map(|n| n.to_string()).as_deref(), Some(cells[column("nodes")]), "{}", cells[0]);
    }
    std::fs::remove_dir_all(dir).expect("the folder is ours");
}

#[test]
fn a_folder_that_holds_files_is_refused() {
    let dir = folder("full");
    std::fs::create_dir_all(&dir).expect("a folder");
    std::fs::write(dir.join("mine.txt"), "mine").expect("a file");
    let refused = synth(&dir, "1", "1", "1");
    assert_eq!(refused.status.code(), Some(1));
    let said = common::text(&refused.stderr);
    assert!(said.contains("OUTPUT.SYNTH.NOT_EMPTY") && said.contains("not empty"), "{said}");
    assert_eq!(files(&dir).len(), 1, "nothing was written");
    std::fs::remove_dir_all(dir).expect("the folder is ours");
}
