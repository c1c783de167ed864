//! Studies on a cluster: a scheduler and workers as processes on the loopback, killed, refused, and set against one machine.
#![cfg(feature = "cluster")]

mod common;

use common::{gridtwin, root, run_within, text};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const DAY: &str =
    "new loadshape.day npts=24 interval=1 mult=[.45 .42 .4 .4 .42 .5 .62 .75 .8 .82 .85 .88 .9 .9 .92 .95 1.05 1.2 1.3 1.25 1.1 .9 .7 .55]";
const FOLLOW: &str = "batchedit load..* daily=day yearly=day";

/// How long a cluster may take for what these tests ask of it.
const LIMIT: Duration = Duration::from_secs(400);

fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cluster-{name}"));
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

/// A process that ends with its value, and the lines of its error stream.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gridtwin"))
            .args(arguments)
            .current_dir(root())
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || errors.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        Self { child, lines }
    }

    /// The first line with such words in it.
    fn says(&self, words: &str) -> String {
        let mut all = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_secs(60)) {
            if line.contains(words) {
                return line;
            }
            all.push(line);
        }
        panic!("the program did not say \"{words}\" but {all:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Cluster {
    scheduler: Running,
    workers: Vec<Running>,
    url: String,
}

impl Cluster {
    /// A scheduler and so many workers of one slot each.
    fn start(workers: usize) -> Self {
        let scheduler = Running::start(&["cluster", "scheduler", "--port", "0"], &[]);
        let line = scheduler.says("listens on");
        let url = format!("df://{}", line.rsplit(' ').next().unwrap());
        let mut cluster = Self { scheduler, workers: Vec::new(), url };
        (0..workers).for_each(|_| cluster.add(&[]));
        cluster
    }

    fn add(&mut self, environment: &[(&str, &str)]) {
        let worker = Running::start(&["cluster", "worker", "--scheduler", &self.url, "--slots", "1"], environment);
        worker.says("takes 1 feeder");
        self.workers.push(worker);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
        run_within(LIMIT, command.args(arguments).args(["--cluster", &self.url]).current_dir(root()).env("NO_COLOR", "1"))
    }
}

fn ok(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Every file of a lake but those of the lock, by its path.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if !["lock", "lock.json"].contains(&entry.file_name().unwrap().to_str().unwrap()) {
                found.insert(entry.strip_prefix(dir).unwrap().to_str().unwrap().to_owned(), fs::read(&entry).unwrap());
            }
        }
    }
    found
}

/// The folders hold the same files, byte for byte, but for the count of power flows in a summary: every part runs the series of the base itself, so
/// that count says how the work was dealt out, here with threads too.
fn same_files(one: &Path, other: &Path) {
    let (a, b) = (files(one), files(other));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let told = |path: &str, bytes: &[u8]| -> Vec<u8> {
        let is_count = |line: &&[u8]| path == "summary.json" && text(line).trim_start().starts_with("\"solved\":");
        bytes.split(|b| *b == b'\n').filter(|line| !is_count(line)).collect::<Vec<_>>().join(&b'\n')
    };
    let differing: Vec<&String> =
        a.iter().filter(|(path, bytes)| told(path, &b[*path]) != told(path, bytes)).map(|(path, _)| path).collect();
    assert_eq!(differing, Vec::<&String>::new());
}

/// The lakes hold the same files, byte for byte.
fn same(one: &Path, other: &Path) {
    same_files(one, other);
    assert!(files(one).keys().any(|k| k.ends_with(".parquet")), "{:?}", files(one).keys());
    assert_eq!(store::Lake::open(other).unwrap().check().unwrap(), []);
}

fn records(dir: &Path) -> usize {
    let found = fs::read_dir(dir.join("runs/base/feeders"));
    found.map_or(0, |d| d.filter(|e| e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "json"))).count())
}

fn wait_for_records(dir: &Path, n: usize) {
    let start = Instant::now();
    while records(dir) < n {
        assert!(start.elapsed() < LIMIT, "no feeder was committed");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_worker_that_is_killed_costs_its_feeders_and_not_the_run() {
    let dir = scratch("killed");
    let feeders = list(&dir, 12);
    let run = |out: &str| {
        let out = dir.join(out).to_str().unwrap().to_owned();
        let all = ["qsts", &feeders, "--steps", "1500", "--dss", DAY, "--dss", FOLLOW, "--keep", "all", "--out", &out];
        all.map(str::to_owned)
    };
    let here = run("here");
    ok(&gridtwin(&here.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut cluster = Cluster::start(2);
    let there = run("there");
    let url = cluster.url.clone();
    let client = std::thread::spawn(move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
        run_within(LIMIT, command.args(&there).args(["--cluster", &url]).current_dir(root()).env("NO_COLOR", "1"))
    });
    wait_for_records(&dir.join("there"), 2);
    let mut killed = cluster.workers.remove(0);
    killed.child.kill().expect("it can be killed");
    killed.child.wait().expect("it ends");
    assert!(records(&dir.join("there")) < 12, "the run was over before the worker was killed");
    let told = ok(&client.join().expect("the client ends"));
    assert!(told.contains("12 of 12"), "{told}");
    same(&dir.join("here"), &dir.join("there"));
    // Nothing is left to run, and a run without anything to do needs no cluster at all.
    let again = run("there");
    let again: Vec<&str> = again.iter().map(String::as_str).chain(["--resume"]).collect();
    let output = cluster.run(&again);
    ok(&output);
    assert!(text(&output.stderr).contains("nothing is left to run"), "{}", text(&output.stderr));
    drop(cluster.scheduler);
}

#[test]
fn what_is_wrong_is_said_with_where_and_how_to_mend_it() {
    let dir = scratch("wrong");
    let feeders = list(&dir, 2);
    let out = dir.join("lake").to_str().unwrap().to_owned();
    let arguments = ["qsts", feeders.as_str(), "--steps", "24", "--out", out.as_str()];
    let told = |more: &[&str]| {
        let output = gridtwin(&arguments.iter().chain(more).copied().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        text(&output.stderr)
    };
    // A port that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let nobody = format!("df://127.0.0.1:{free}");
    let errors = told(&["--cluster", &nobody]);
    assert!(errors.contains("CLUSTER.SCHEDULER.UNREACHABLE") && errors.contains(&free), "{errors}");
    let errors = told(&["--resume", "--cluster", "ftp://x"]);
    assert!(errors.contains("CLUSTER.ADDRESS.FORM"), "{errors}");
    let errors = gridtwin(&["cluster", "worker", "--scheduler", &nobody, "--wait", "1"]);
    assert_eq!(errors.status.code(), Some(1));
    assert!(text(&errors.stderr).contains("CLUSTER.SCHEDULER.UNREACHABLE"), "{}", text(&errors.stderr));
    // A model that goes away between the client's look and the worker's.
    let cluster = Cluster::start(1);
    let output = gridtwin(&["cluster", "scheduler", "--port", cluster.url.rsplit(':').next().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("CLUSTER.PORT.REFUSED"), "{}", text(&output.stderr));
}

const STACK: &str = "\
scenario: test stack
seed: 3
weather: {synthetic_seed: 1}
layers:
  - weather: {start: 01-01, length_d: 3, amplitude_c: -8}
  - ev: {penetration_pct: 40, allocation: {classes: [residential]}}
  - solar: {penetration_pct: 30, allocation: {classes: [residential]}}
";

/// Feeders of the synthetic utility of seed 1, as OpenDSS models in folders.
fn utility(dir: &Path, feeders: &str) -> String {
    let out = dir.join("utility").to_str().unwrap().to_owned();
    ok(&gridtwin(&["synth", "--feeders", feeders, "--seed", "1", "--out", &out]));
    out + "/feeders"
}

#[test]
fn scenarios_and_sweeps_come_out_as_on_one_machine() {
    let dir = scratch("scenario");
    let feeders = utility(&dir, "3");
    fs::write(dir.join("stack.yaml"), STACK).unwrap();
    let scenario = dir.join("stack.yaml").to_str().unwrap().to_owned();
    let cluster = Cluster::start(2);
    let place = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let (here, there) = (place("here"), place("there"));
    let run = |out| ["qsts", &feeders, "--steps", "300", "--scenario", &scenario, "--out", out].map(str::to_owned);
    fn words(all: &[String]) -> Vec<&str> {
        all.iter().map(String::as_str).collect()
    }
    let printed_here = ok(&gridtwin(&words(&run(&here))));
    let printed_there = ok(&cluster.run(&words(&run(&there))));
    same(Path::new(&here), Path::new(&there));
    let layers = |text: &str| text.lines().filter(|l| l.trim_start().starts_with("ev ")).map(str::to_owned).collect::<Vec<_>>();
    assert!(!layers(&printed_here).is_empty() && layers(&printed_here) == layers(&printed_there), "{printed_here}\n{printed_there}");

    // One of the feeders, for several numbers of vehicles; the last sample cannot be laid upon it and says so on both ways.
    let model = fs::read_dir(&feeders).unwrap().map(|e| e.unwrap().path().join("master.dss")).min().unwrap();
    let model = model.to_str().unwrap();
    let sweep = |out: &str| {
        let (out, vary) = (place(out), "ev.penetration_pct=0..60");
        ["scenario", "sweep", model, &scenario, "--vary", vary, "--samples", "5", "--hours", "48", "--out", &out].map(str::to_owned)
    };
    ok(&gridtwin(&words(&sweep("sweep-here"))));
    ok(&cluster.run(&words(&sweep("sweep-there"))));
    for name in ["samples.csv", "response.csv"] {
        let read = |folder: &str| fs::read_to_string(dir.join(folder).join(name)).unwrap();
        assert_eq!(read("sweep-here"), read("sweep-there"), "{name}");
        assert!(read("sweep-here").lines().count() > 5);
    }
}

/// Words of studies of one model, whose tables have to be the same however they were asked.
fn studies_of_one_model() -> Vec<(&'static str, Vec<String>)> {
    let model = |path: &str| root().join(path).to_str().unwrap().to_owned();
    let (ieee123, faulty) = (model("models/ieee123/ieee123.dss"), model("cases/mitigation/three_faults/master.dss"));
    let costs = model("cases/mitigation/three_faults/costs.yaml");
    let of = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let some = ["--bus", "13", "--bus", "48", "--bus", "66", "--bus", "83", "--bus", "104", "--bus", "250"];
    let day = ["--series", "daily", "--dss", DAY, "--dss", FOLLOW];
    vec![
        ("iterative", of(&[&["hosting-capacity", &ieee123, "--base-violations", "not-worse", "--relax", "3"], &some[..]].concat())),
        (
            "all-hours",
            of(&[&["hosting-capacity", &ieee123, "--hours", "all", "--envelope", "--base-violations", "not-worse"], &some[..4], &day]
                .concat()),
        ),
        ("stochastic", of(&["hosting-capacity", &ieee123, "--method", "stochastic", "--draws", "40", "--base-violations", "not-worse"])),
        ("streamlined", of(&["hosting-capacity", &ieee123, "--method", "streamlined", "--der", "load"])),
        ("outages", of(&["contingency", &ieee123, "--restore", "--lines", "--pairs", "20"])),
        ("transmission", of(&["contingency", &model("cases/matpower/ieee14/network.m"), "--pairs", "10"])),
        ("mitigation", of(&["mitigate", &faulty, "--costs", &costs, "--series", "daily", "--budget", "12000"])),
    ]
}

#[test]
fn parts_of_a_study_come_out_as_on_one_machine() {
    let dir = scratch("parts");
    let mut cluster = Cluster::start(2);
    let words = |study: &[String], out: &Path| -> Vec<String> {
        study.iter().cloned().chain(["--out".to_owned(), out.display().to_string()]).collect()
    };
    let mut printed = String::new();
    for (name, study) in studies_of_one_model() {
        let (here, there) = (dir.join(format!("{name}-here")), dir.join(format!("{name}-there")));
        let run = |out: &Path| words(&study, out);
        ok(&gridtwin(&run(&here).iter().map(String::as_str).collect::<Vec<_>>()));
        printed = ok(&cluster.run(&run(&there).iter().map(String::as_str).collect::<Vec<_>>()));
        assert!(files(&here).len() >= 3, "{name}: {:?}", files(&here).keys());
        same_files(&here, &there);
    }
    assert!(printed.contains("wrote"), "{printed}");

    // A worker that is killed costs its parts, not the study.
    let model = root().join("models/ieee123/ieee123.dss").display().to_string();
    let long: Vec<String> =
        ["hosting-capacity", &model, "--hours", "all", "--steps", "300", "--dss", DAY, "--dss", FOLLOW, "--base-violations", "not-worse"]
            .map(str::to_owned)
            .to_vec();
    let (here, there) = (dir.join("long-here"), dir.join("long-there"));
    let asked: Vec<String> = words(&long, &there).into_iter().chain(["--cluster".to_owned(), cluster.url.clone()]).collect();
    let mut client = Running::start(&asked.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    std::thread::sleep(Duration::from_secs(4));
    assert!(client.child.try_wait().unwrap().is_none(), "the study was over before the worker was killed");
    drop(cluster.workers.remove(0));
    let begun = Instant::now();
    let status = loop {
        match client.child.try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(begun.elapsed() < LIMIT, "it does not end"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{:?}", client.lines.try_iter().collect::<Vec<_>>());
    ok(&gridtwin(&words(&long, &here).iter().map(String::as_str).collect::<Vec<_>>()));
    same_files(&here, &there);
}

#[test]
fn a_study_without_parts_is_done_whole_by_a_worker() {
    let dir = scratch("whole");
    let cluster = Cluster::start(1);
    let (ieee123, baran) = (root().join("models/ieee123/ieee123.dss"), root().join("cases/switching/baran_wu_33/baran_wu_33.dss"));
    let (ieee123, baran) = (ieee123.to_str().unwrap(), baran.to_str().unwrap());
    let studies: [&[&str]; 3] =
        [&["reliability", ieee123], &["restoration", ieee123, "--outage", "line.sw_13_152"], &["reconfigure", baran]];
    for study in studies {
        let (here, there) = (gridtwin(study), cluster.run(study));
        assert_eq!(here.status.code(), there.status.code(), "{study:?}: {}", text(&there.stderr));
        assert_eq!(text(&here.stdout), text(&there.stdout), "{study:?}");
        assert_eq!(text(&here.stderr), text(&there.stderr), "{study:?}");
        assert!(!here.stdout.is_empty() || here.status.code() == Some(1), "{study:?}");
    }
    // What it writes is in the folder that was named, and what it refuses is said as here.
    let out = dir.join("tables");
    ok(&cluster.run(&["reliability", ieee123, "--out", out.to_str().unwrap()]));
    assert!(out.join("summary.json").exists());
    let nowhere = ["restoration", ieee123, "--outage", "line.nowhere"];
    let (here, there) = (gridtwin(&nowhere), cluster.run(&nowhere));
    assert_eq!((here.status.code(), text(&here.stderr)), (there.status.code(), text(&there.stderr)));
    assert_eq!(here.status.code(), Some(1));
    // So is what a study of parts refuses, before any part or in one.
    let unknown = ["hosting-capacity", ieee123, "--bus", "nowhere"];
    let (here, there) = (gridtwin(&unknown), cluster.run(&unknown));
    assert_eq!((here.status.code(), text(&here.stderr)), (there.status.code(), text(&there.stderr)));
}

#[test]
fn the_process_of_a_worker_refuses_what_is_not_its_study() {
    let model = root().join("models/ieee123/ieee123.dss").display().to_string();
    let told = |words: &[&str], message: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gridtwin"))
            .args(["parts", "--"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        std::io::Write::write_all(child.stdin.as_mut().expect("piped"), format!("{message}\n").as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        text(&output.stdout).to_owned()
    };
    let study = ["hosting-capacity", &model, "--bus", "13"];
    let job =
        |digest: &str, n: usize| format!(r#"{{"number":0,"of":{{"digest":"{digest}","n":{n},"earlier":[]}},"job":{{"indices":[0]}}}}"#);
    let other = told(&study, &job("another", 1));
    assert!(other.contains("CLUSTER.QUESTION.DIFFERS") && other.contains("not the same on this machine"), "{other}");
    let garbage = told(&study, "garbage");
    assert!(garbage.contains("CLUSTER.JOB.FORM"), "{garbage}");
    let no_parts = told(&["reliability", &model], &job("", 1));
    assert!(no_parts.contains("CLUSTER.WORDS.FORM"), "{no_parts}");
    let nonsense = told(&["hosting-capacity", &model, "--no-such-option"], &job("", 1));
    assert!(nonsense.contains("CLUSTER.WORDS.FORM") && nonsense.contains("--no-such-option"), "{nonsense}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_the_query_and_frees_the_workers() {
    let dir = scratch("interrupted");
    let feeders = list(&dir, 8);
    let out = dir.join("lake").to_str().unwrap().to_owned();
    let cluster = Cluster::start(1);
    let arguments = ["qsts", &feeders, "--steps", "12000", "--dss", DAY, "--dss", FOLLOW, "--out", &out, "--cluster", &cluster.url];
    let mut client = Running::start(&arguments, &[]);
    wait_for_records(Path::new(&out), 1);
    let pid = client.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill is there").success());
    let begun = Instant::now();
    let status = loop {
        match client.child.try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(begun.elapsed() < Duration::from_secs(30), "it goes on"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(130));
    let before = records(Path::new(&out));
    assert!((1..8).contains(&before), "{before}");
    // The worker is free for the rest, and no feeder of the cancelled query is still written.
    let again: Vec<&str> = arguments[..arguments.len() - 2].iter().copied().chain(["--resume"]).collect();
    ok(&cluster.run(&again));
    assert_eq!(records(Path::new(&out)), 8);
    assert_eq!(store::Lake::open(Path::new(&out)).unwrap().check().unwrap(), []);
}

/// Runs beside a server that speaks S3, see scripts/with-s3.sh.
#[test]
fn object_storage_holds_the_lake_of_a_folder() {
    let Ok(bucket) = std::env::var("GRIDTWIN_TEST_S3") else {
        assert!(std::env::var_os("GRIDTWIN_REQUIRE_S3").is_none(), "GRIDTWIN_TEST_S3 names no place");
        eprintln!("GRIDTWIN_TEST_S3 names no object storage: not tested");
        return;
    };
    let dir = scratch("storage");
    let feeders = utility(&dir, "4");
    fs::write(dir.join("stack.yaml"), STACK).unwrap();
    fs::copy(dir.join("stack.yaml"), Path::new(&feeders).join("../stack.yaml")).unwrap();
    let place = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let at = |name: &str| format!("{bucket}/run-{}/{name}", std::process::id());
    ok(&gridtwin(&["cluster", "copy", &place("utility"), &at("utility")]));
    let (models, scenario) = (at("utility/feeders"), at("utility/stack.yaml"));
    let cluster = Cluster::start(2);
    let common = ["--steps", "200", "--keep", "all", "--scenario"];
    let run = |models: &str, scenario: &str, out: &str, more: &[&str]| -> Vec<String> {
        let all = [&["qsts", models][..], &common, &[scenario, "--out", out], more].concat();
        all.into_iter().map(str::to_owned).collect()
    };
    fn words(all: &[String]) -> Vec<&str> {
        all.iter().map(String::as_str).collect()
    }
    ok(&gridtwin(&words(&run(&models, &scenario, &place("here"), &[]))));
    ok(&cluster.run(&words(&run(&models, &scenario, &at("there"), &[]))));
    ok(&gridtwin(&["cluster", "copy", &at("there"), &place("there")]));
    same(Path::new(&place("here")), Path::new(&place("there")));
    // One machine writes the same into object storage, and a run over what is there has nothing to do.
    ok(&gridtwin(&words(&run(&models, &scenario, &at("alone"), &[]))));
    ok(&gridtwin(&["cluster", "copy", &at("alone"), &place("alone")]));
    same(Path::new(&place("here")), Path::new(&place("alone")));
    let output = cluster.run(&words(&run(&models, &scenario, &at("there"), &["--resume"])));
    ok(&output);
    assert!(text(&output.stderr).contains("nothing is left to run"), "{}", text(&output.stderr));
    // The tables do not depend on where the models were read.
    ok(&gridtwin(&words(&run(&feeders, &place("stack.yaml"), &place("disk"), &[]))));
    let tables = |out: &str| files(Path::new(&place(out))).into_iter().filter(|(path, _)| path.starts_with("lake/")).collect::<Vec<_>>();
    assert!(tables("disk") == tables("there"));
}
