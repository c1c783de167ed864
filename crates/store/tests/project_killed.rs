//! Imports that are killed at any instant. The process that suffers is this test program itself, started again.

#![cfg(unix)]

mod project_support;

use network::{InterruptionKind, Moment, OutageStep, Quantity, Reject, SourceRef, StudyFigure};
use project_support::{NOON, Site, everywhere, feeder, imported};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use store::project::{NewRecords, NewVersion, Project, SourceFile};

const FOLDER: &str = "GRIDTWIN_TEST_PROJECT";
const ADDRESS: &str = "GRIDTWIN_TEST_PROJECT_ADDRESS";
const LOADS: usize = 400;

/// What version number `n` holds.
fn content(n: u64) -> network::Imported {
    let mut imported = imported(feeder(LOADS));
    imported.network.loads.iter_mut().for_each(|l| l.p_kw = n as f64);
    let reject = |i| Reject { source: SourceRef::new("f.csv", i), reason: format!("of version {n}"), text: "x".into() };
    imported.rejects = (1..=n as u32 % 5).map(reject).collect();
    imported
}

/// What the started process does: import after import, until it is killed.
#[test]
#[ignore = "started by the test below"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let address = std::env::var(ADDRESS).ok();
    let project = Project::open_at(Path::new(&folder), address.as_deref()).unwrap();
    loop {
        let next = project.history(None).unwrap().len() as u64 + 1;
        let new = content(next);
        project.import(&NewVersion::new("f", &new, NOON)).unwrap();
    }
}

/// Outages as their file says them for the time `n`: the same steps with other customers.
fn steps(n: u64) -> Vec<OutageStep> {
    let moment = |utc_s| Moment { utc_s, day: 0 };
    let step = |i: i64| OutageStep {
        event: format!("e{i}"),
        start: moment(60 * i),
        restored: Some(moment(60 * i + 30)),
        customers: n as f64,
        kind: InterruptionKind::Unplanned,
        feeder: String::new(),
        substation: String::new(),
        device: String::new(),
        device_type: String::new(),
        phases: String::new(),
        cause: String::new(),
        cause_secondary: String::new(),
        weather: String::new(),
        comments: String::new(),
        place: None,
        ci_given: None,
        cmi_given: None,
        source: SourceRef::new("o.csv", 2),
    };
    (0..LOADS as i64).map(step).collect()
}

/// What the other started process does: outages corrected again and again, and a baseline after each time.
#[test]
#[ignore = "started by the test below"]
fn child_of_records() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let address = std::env::var(ADDRESS).ok();
    let project = Project::open_at(Path::new(&folder), address.as_deref()).unwrap();
    let version = project.version(None, None).unwrap();
    loop {
        let n = project.record_imports().unwrap().len() as u64 + 1;
        let source = SourceFile { path: "o.csv".into(), sha256: n.to_string(), bytes: 1 };
        let new = NewRecords { time_utc: NOON, author: "", source, options: serde_json::Value::Null, rejects: &[] };
        project.put_outages(&new, &steps(n)).unwrap();
        let figure = |i: usize| StudyFigure {
            subject: format!("b{i}"),
            phase: None,
            quantity: Quantity::VPu,
            value: n as f64,
            source: SourceRef::default(),
        };
        let figures: Vec<StudyFigure> = (0..LOADS).map(figure).collect();
        project.put_baseline(&version, "b", (NOON, "", ""), &figures).unwrap();
    }
}

#[test]
fn records_killed_at_any_instant_are_those_of_one_file() {
    everywhere(|site| {
        site.project("killed").import(&NewVersion::new("f", &imported(feeder(3)), NOON)).unwrap();
        let mut seed: u64 = 0x9E37_79B9_7F4A_7C15;
        let (mut done, mut rounds) = (0, 0);
        while rounds < 8 || (done < 4 && rounds < 60) {
            rounds += 1;
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut child = start_as(site, "child_of_records");
            sleep(Duration::from_millis(30 + (seed >> 33) % (300 * rounds)));
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(9));
            // A server may have been told to commit and still be at it.
            sleep(Duration::from_millis(100));
            let project = site.open("killed");
            let n = project.record_imports().unwrap().len() as u64;
            assert!(n >= done, "an import is gone");
            let kept = project.outages().unwrap();
            assert!(if n == 0 { kept.is_empty() } else { kept == steps(n) }, "the outages are not those of import {n}");
            if let Some((_, figures)) = project.baseline("f", Some("b")).unwrap() {
                assert!(figures.len() == LOADS && figures.iter().all(|f| f.value == figures[0].value), "the baseline is of two times");
                assert!(figures[0].value == n as f64 || figures[0].value + 1.0 == n as f64, "{} after import {n}", figures[0].value);
            }
            done = n;
        }
        assert!(done >= 2, "{done} imports in {rounds} rounds");
    });
}

fn start(site: &Site) -> std::process::Child {
    start_as(site, "child")
}

fn start_as(site: &Site, test: &str) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(FOLDER, site.dir("killed"));
    if let Some(url) = &site.url {
        command.env(ADDRESS, url);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn an_import_killed_at_any_instant_leaves_all_of_it_or_nothing() {
    everywhere(|site| {
        drop(site.project("killed"));
        let mut seed: u64 = 0x9E37_79B9_7F4A_7C15;
        let (mut done, mut kills, mut rounds) = (0, 0, 0);
        // Instants reach over a few imports of this machine, however fast it is just now.
        let mut reach_ms = 300;
        while rounds < 12 || (done < 4 && rounds < 60) {
            rounds += 1;
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut child = start(site);
            sleep(Duration::from_millis(30 + (seed >> 33) % reach_ms));
            child.kill().unwrap();
            kills += usize::from(child.wait().unwrap().signal() == Some(9));
            let project = site.open("killed");
            let versions = project.history(None).unwrap();
            assert!(versions.len() >= done, "a version is gone");
            assert!(versions.iter().zip(1..).all(|(v, n)| v.number == n), "a number is missing");
            // The newest is whole, and what it says; the others are read at the end.
            if let Some(last) = versions.last().filter(|_| versions.len() > done) {
                assert!(project.network(None, None).unwrap().imported == content(last.number), "version {} is torn", last.number);
            }
            if versions.len() == done {
                reach_ms = (reach_ms * 3 / 2).min(10_000);
            }
            done = versions.len();
        }
        assert!(kills == rounds && done >= 2, "{kills} kills in {rounds} rounds, {done} versions");
        let project = site.open("killed");
        for n in 1..=done as u64 {
            assert!(project.network(Some("f"), Some(n)).unwrap().imported == content(n), "version {n} is torn");
        }
        // One more import mends what a kill between transaction and file left out.
        let next = content(done as u64 + 1);
        project.import(&NewVersion::new("f", &next, NOON)).unwrap();
        assert!(project.check().unwrap().is_empty());
        let files = std::fs::read_dir(site.dir("killed").join("rejects"))
            .map_or(0, |d| d.filter(|e| e.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().ends_with(".csv"))).count());
        let with_rejects = project.history(None).unwrap().iter().filter(|v| v.rejects > 0).count();
        assert_eq!(files, with_rejects);
    });
}
