//! Runs that are killed, run out of disk or meet a second one. The process that suffers is this test program itself, started again.

#![cfg(unix)]

mod common;

use common::{begin, jobs, sums, try_write_feeder, write_feeder};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use store::{Lake, StoreError};

const FEEDERS: usize = 40;
const ROWS: usize = 3000;
const FOLDER: &str = "GRIDTWIN_TEST_LAKE";

/// What the started process does: two threads solve what is missing.
#[test]
#[ignore = "started by the tests below"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let lake = Lake::open_or_create(Path::new(&folder)).unwrap();
    let run = begin(&lake, "base");
    let plan = run.plan(&jobs(FEEDERS), false).unwrap();
    let (first, second) = plan.todo.split_at(plan.todo.len() / 2);
    let write = |todo: &[store::Todo]| -> Result<(), StoreError> {
        for t in todo {
            try_write_feeder(&run, t.job, ROWS)?;
        }
        Ok(())
    };
    let result = std::thread::scope(|scope| {
        let other = scope.spawn(|| write(second));
        write(first).and(other.join().unwrap())
    });
    if let Err(e) = result {
        eprintln!("REFUSED {e} | {} | {}", matches!(e, StoreError::NoSpace { .. }), e.hint());
        std::process::exit(3);
    }
}

fn child_command(folder: &Path, through: Option<&str>) -> Command {
    let me = std::env::current_exe().unwrap();
    let arguments = ["--exact", "child", "--ignored", "--nocapture"];
    let mut command = match through {
        None => Command::new(me),
        Some(script) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", script, "sh"]).arg(me);
            shell
        }
    };
    command.args(arguments).env(FOLDER, folder).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn unbroken() -> (tempfile::TempDir, Vec<(String, u64, String)>) {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    let run = begin(&lake, "base");
    (0..FEEDERS).for_each(|i| write_feeder(&run, i, ROWS));
    let sums = sums(&lake);
    assert_eq!(sums.iter().find(|s| s.0 == "steps").unwrap().1, (FEEDERS * ROWS) as u64);
    (dir, sums)
}

/// Every file of two lakes, in order of their paths.
fn content(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut open = vec![root.join("lake"), root.join("runs/base/feeders")];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.push((path.strip_prefix(root).unwrap().display().to_string(), fs::read(&path).unwrap()));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_run_killed_at_any_instant_is_resumed_to_the_same_lake() {
    let (whole_dir, whole) = unbroken();
    let dir = tempfile::tempdir().unwrap();
    // Instants from a small generator: early, late, in between, differently in every round.
    let mut seed: u64 = 0x9E37_79B9_7F4A_7C15;
    let (mut kills, mut done, mut middle) = (0, 0, false);
    for _ in 0..60 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child = child_command(dir.path(), None).spawn().unwrap();
        sleep(Duration::from_millis(20 + (seed >> 33) % 130));
        child.kill().unwrap();
        let status = child.wait_with_output().unwrap().status;
        kills += usize::from(status.signal() == Some(9));
        let Ok(lake) = Lake::open(dir.path()) else { continue };
        // Whatever the instant, all that counts can be read, and nothing that was done is lost.
        let now = lake.records("base").unwrap().len();
        assert!(now >= done, "{now} feeders after {done}");
        middle |= now > done && now < FEEDERS;
        done = now;
        assert_eq!(lake.checksum("feeder_totals", None).unwrap().rows, done as u64);
        if status.success() {
            break;
        }
    }
    assert!(kills >= 2 && middle, "{kills} kills, {done} feeders done");
    let last = child_command(dir.path(), None).output().unwrap();
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
    let lake = Lake::open(dir.path()).unwrap();
    assert_eq!(sums(&lake), whole);
    assert_eq!(lake.check().unwrap(), []);
    assert!(!dir.path().join("aside").exists(), "a kill tears nothing");
    let (resumed, whole) = (content(dir.path()), content(whole_dir.path()));
    let names = |c: &[(String, Vec<u8>)]| c.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&resumed), names(&whole));
    let differ: Vec<&str> = resumed.iter().zip(&whole).filter(|(a, b)| a.1 != b.1).map(|(a, _)| a.0.as_str()).collect();
    assert!(differ.is_empty(), "{differ:?} differ from the unbroken run");
}

#[test]
fn a_second_process_is_refused_and_a_killed_one_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    let run = begin(&lake, "base");
    let second = child_command(dir.path(), None).output().unwrap();
    assert!(!second.status.success());
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(text.contains("Locked") && text.contains(&format!("process {} on ", std::process::id())), "{text}");
    drop(run);
    let mut child = child_command(dir.path(), None).spawn().unwrap();
    while lake.records("base").unwrap().is_empty() {
        assert!(child.try_wait().unwrap().is_none_or(|s| s.success()), "the child failed");
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    begin(&lake, "base");
}

/// A limit on the size of a file fails a write as a full disk does, without needing a disk to fill.
#[test]
fn no_space_is_told_and_what_was_committed_stays() {
    let (_keep, whole) = unbroken();
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    (0..3).for_each(|i| write_feeder(&begin(&lake, "base"), i, ROWS));
    let before = content(dir.path());
    // 512-byte blocks: records fit, the steps do not. The signal is ignored so that the write fails instead.
    let full = child_command(dir.path(), Some("trap '' XFSZ; ulimit -f 16; exec \"$@\"")).output().unwrap();
    let text = String::from_utf8_lossy(&full.stderr).into_owned();
    assert_eq!(full.status.code(), Some(3), "{text}");
    assert!(text.contains("REFUSED no space to write") && text.contains("part.parquet") && text.contains("| true |"), "{text}");
    assert!(text.contains("--resume"), "{text}");
    let after = content(dir.path());
    assert!(before.iter().all(|file| after.contains(file)), "a committed file has changed");
    assert!(after.iter().all(|(path, _)| !path.ends_with(".partial")), "a temporary file was left");
    assert_eq!(lake.records("base").unwrap().len(), 3);
    let rest = child_command(dir.path(), None).output().unwrap();
    assert!(rest.status.success(), "{}", String::from_utf8_lossy(&rest.stderr));
    assert_eq!(sums(&lake), whole);
}
