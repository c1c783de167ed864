//! `gridtwin qsts`: the report, and runs into a lake that are killed, resumed, refused.

mod common;

use common::{golden, gridtwin, root, text};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use store::{Lake, Status};

const DAY: &str =
    "new loadshape.day npts=24 interval=1 mult=[.45 .42 .4 .4 .42 .5 .62 .75 .8 .82 .85 .88 .9 .9 .92 .95 1.05 1.2 1.3 1.25 1.1 .9 .7 .55]";
const FOLLOW: &str = "batchedit load..* daily=day yearly=day";

/// A folder of its own for a test, empty.
fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("qsts-{name}"));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("the folder can be made");
    dir
}

/// A list of so many feeders, all of them the 123-node feeder.
fn list(dir: &Path, n: usize) -> String {
    let model = root().join("models/ieee123/ieee123.dss");
    let text: String = (0..n).map(|k| format!("{}, f{k}\n", model.display())).collect();
    let path = dir.join("feeders.csv");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Checksums of all tables.
fn checksums(dir: &Path) -> BTreeMap<String, String> {
    let lake = Lake::open(dir).expect("a lake");
    assert_eq!(lake.check().unwrap(), []);
    let tables = lake.tables().unwrap();
    tables.into_iter().map(|t| (t.clone(), format!("{:?}", lake.checksum(&t, None).unwrap()))).collect()
}

fn spawn(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_gridtwin"))
        .args(arguments)
        .current_dir(root())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Waits until a study holds at least `n` records.
fn wait_for_records(dir: &Path, n: usize) {
    let start = Instant::now();
    let records = dir.join("runs/base/feeders");
    while fs::read_dir(&records)
        .map_or(0, |d| d.filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "json"))).count())
        < n
    {
        assert!(start.elapsed() < Duration::from_secs(100), "no feeder was committed");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_report_of_a_day() {
    let model = "models/ieee13/ieee13.dss";
    // So tight that the figures do not depend on how the iteration goes.
    let arguments =
        ["qsts", model, "--day", "--step", "30m", "--keep", "steps,statistics", "--tolerance", "1e-9", "--dss", DAY, "--dss", FOLLOW];
    let output = gridtwin(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = text(&output.stdout);
    let mut lines = Vec::new();
    for line in report.lines() {
        assert!(line.chars().count() <= 110, "{line}");
        lines.push(if line.starts_with("  iterations ") { "  iterations       #" } else { line });
    }
    let report = lines.join("\n") + "\n";
    golden("qsts_ieee13.txt", &report);
}

#[test]
fn a_killed_run_that_is_resumed_leaves_the_lake_of_an_unbroken_one() {
    let dir = scratch("killed");
    let feeders = list(&dir, 6);
    let (whole, broken) = (dir.join("whole"), dir.join("broken"));
    let arguments = |out: &'static str, more: &[&'static str]| {
        let out = dir.join(out).to_str().unwrap().to_owned();
        let fixed = ["qsts", &feeders, "--steps", "700", "--dss", DAY, "--dss", FOLLOW, "--keep", "all", "--out", &out].map(str::to_owned);
        fixed.into_iter().chain(more.iter().map(|m| (*m).to_owned())).collect::<Vec<String>>()
    };
    fn words(arguments: &[String]) -> Vec<&str> {
        arguments.iter().map(String::as_str).collect()
    }
    let output = gridtwin(&words(&arguments("whole", &["--threads", "3"])));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // Killed twice on the way, at different places, then resumed with another number of threads.
    let first = arguments("broken", &["--threads", "1"]);
    let mut child = spawn(&words(&first));
    wait_for_records(&broken, 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let again = arguments("broken", &["--threads", "2", "--resume"]);
    let mut child = spawn(&words(&again));
    wait_for_records(&broken, 3);
    std::thread::sleep(Duration::from_millis(20));
    child.kill().unwrap();
    child.wait().unwrap();
    let output = gridtwin(&words(&again));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (whole_sums, broken_sums) = (checksums(&whole), checksums(&broken));
    assert!(whole_sums.len() >= 8, "{whole_sums:?}");
    assert_eq!(whole_sums, broken_sums);
    assert_eq!(fs::read(whole.join("runs/base/run.json")).unwrap(), fs::read(broken.join("runs/base/run.json")).unwrap());
    let manifest = Lake::open(&whole).unwrap().study(Some("base")).unwrap();
    assert!(manifest.inputs.iter().all(|i| i.input_hash.len() == 64), "{manifest:?}");
    // Nothing is left: another resumption runs nothing.
    let output = gridtwin(&words(&again));
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("nothing is left to run"), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains("steps of this run"), "{}", text(&output.stdout));
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_cleanly_and_a_second_run_is_refused_meanwhile() {
    let dir = scratch("interrupted");
    let feeders = list(&dir, 40);
    let out = dir.join("lake");
    let arguments = [
        "qsts",
        &feeders,
        "--steps",
        "2000",
        "--dss",
        DAY,
        "--dss",
        FOLLOW,
        "--keep",
        "statistics",
        "--threads",
        "2",
        "--out",
        out.to_str().unwrap(),
    ];
    let child = spawn(&arguments);
    wait_for_records(&out, 1);
    let mut second = arguments.to_vec();
    second.push("--resume");
    let refused = gridtwin(&second);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("another run writes into"), "{}", text(&refused.stderr));
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(signal.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--resume"), "{}", text(&output.stderr));
    let lake = Lake::open(&out).unwrap();
    let records = lake.records("base").unwrap();
    assert!(!records.is_empty() && records.len() < 40, "{} feeders", records.len());
    assert_eq!(lake.check().unwrap(), []);
}

#[test]
fn a_feeder_that_fails_does_not_stop_the_others() {
    let dir = scratch("failed");
    let model = dir.join("good.dss");
    fs::copy(root().join("cases/broken/undefined_linecode/network.dss"), dir.join("bad.dss")).unwrap();
    let good = "clear\nnew circuit.c basekv=12.47\nnew line.l bus1=sourcebus bus2=b length=1\nnew load.a bus1=b kv=12.47 kw=500\nset voltagebases=[12.47]\ncalcvoltagebases\n";
    fs::write(&model, good).unwrap();
    fs::write(dir.join("feeders.txt"), "good.dss\nbad.dss\n").unwrap();
    let (feeders, out) = (dir.join("feeders.txt"), dir.join("lake"));
    let arguments = ["qsts", feeders.to_str().unwrap(), "--day", "--out", out.to_str().unwrap()];
    let output = gridtwin(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("error[RUN.FEEDER.FAILED]: feeder bad:"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 of 2"), "{}", text(&output.stdout));
    let statuses = || {
        let records = Lake::open(&out).unwrap().records("base").unwrap();
        records.into_iter().map(|r| (r.feeder, r.status)).collect::<BTreeMap<_, _>>()
    };
    let before = statuses();
    assert_eq!(before["good"], Status::Done);
    assert!(matches!(&before["bad"], Status::Failed { reason } if !reason.is_empty()), "{before:?}");
    // The study is there, and is not run over.
    let output = gridtwin(&arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("RUN.STUDY.EXISTS"), "{}", text(&output.stderr));
    // Resumed, the failure stands until its model changes; a changed model is run again.
    let resume = |more: &[&str]| gridtwin(&[&arguments[..], &["--resume"], more].concat());
    let output = resume(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("RUN.FEEDER.FAILED_BEFORE"), "{}", text(&output.stderr));
    fs::write(dir.join("bad.dss"), good.replace("kw=500", "kw=700")).unwrap();
    let output = resume(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("1 with a changed model"), "{}", text(&output.stderr));
    assert_eq!(statuses()["bad"], Status::Done);
    // Other options make all of it anew.
    let output = resume(&["--controls", "off"]);
    assert!(text(&output.stderr).contains("2 with other options"), "{}", text(&output.stderr));
}

#[test]
fn steps_that_do_not_settle_are_told() {
    let dir = scratch("unsettled");
    let out = dir.join("lake");
    let shape = "new loadshape.day npts=6 interval=1 mult=[1 1 40 40 1 1]";
    let follow = "batchedit load..* daily=day vminpu=0.01 vlowpu=0.0";
    let arguments = ["qsts", "models/ieee13/ieee13.dss", "--steps", "6", "--mode", "daily", "--dss", shape, "--dss", follow];
    let output = gridtwin(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("warning[RUN.STEP.UNSETTLED]: feeder ieee13: 2 steps of 6 did not settle"),
        "{}",
        text(&output.stderr)
    );
    assert!(text(&output.stdout).contains("2 in 1 feeder"), "{}", text(&output.stdout));
    let output = gridtwin(&arguments);
    assert!(text(&output.stdout).contains("Steps that did not settle"), "{}", text(&output.stdout));
}

#[test]
fn what_cannot_be_run_is_refused() {
    let refused = |arguments: &[&str], status: i32, words: &str| {
        let output = gridtwin(&[&["qsts"], arguments].concat());
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    };
    refused(&["models/ieee13/ieee13.dss", "--step", "0h"], 2, "above zero");
    refused(&["models/ieee13/ieee13.dss", "--step=-1h"], 2, "above zero");
    refused(&["models/ieee13/ieee13.dss", "--day", "--step", "7h"], 1, "RUN.OPTION.LENGTH");
    refused(&["models", "--day"], 1, "RUN.OUT.NEEDED");
    refused(&["models/none.dss", "--day"], 1, "RUN.MODEL.MISSING");
    refused(&["docs", "--day"], 1, "RUN.MODEL.NONE");
    refused(&["models/ieee13/ieee13.dss", "--day", "--keep", "series:line.nothing"], 1, "RUN.SERIES.UNKNOWN");
    refused(&["models/ieee13/ieee13.dss", "--day", "--out", "docs/limits.md"], 1, "OUTPUT.LAKE.REFUSED");
}

#[test]
fn the_shipped_models_are_found_in_their_folder() {
    let out = scratch("folder").join("lake");
    let output = gridtwin(&["qsts", "models", "--day", "--out", out.to_str().unwrap(), "--threads", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let feeders: Vec<String> = Lake::open(&out).unwrap().records("base").unwrap().into_iter().map(|r| r.feeder).collect();
    assert_eq!(feeders, ["ehv-400-220", "ieee123", "ieee13", "ieee34", "ieee37"]);
}
