//! `gridtwin federated` as people meet it: a folder of keys, a coordinator and three sites as processes of their own, the coordinator killed amid the
//! rounds, and what `status`, the server and its page tell of it.

mod common;
#[path = "common/web.rs"]
mod web;

use common::{gridtwin, run_within, text};
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use studies::synthetic::random::Random;
use web::Server;

const SITES: [&str; 3] = ["north", "south", "west"];

/// Transformers of a site: at the first one faults show as heat, at the others as hydrogen.
fn rows(site: usize) -> String {
    let mut random = Random::new(3, 1, site as u64);
    let mut csv = String::from("h2_ppm,hot_spot_c,state\n");
    for _ in 0..240 {
        let is_faulty = random.between(0.0, 1.0) < 0.3;
        let heat = random.between(60.0, 100.0) + if is_faulty && site == 0 { 45.0 } else { 0.0 };
        let gas = 10f64.powf(random.between(1.0, 2.0)) * if is_faulty && site != 0 { 30.0 } else { 1.0 };
        let _ = writeln!(csv, "{gas:.2},{heat:.1},{}", if is_faulty { "faulty" } else { "healthy" });
    }
    csv
}

/// A process that does not outlive the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn begin(dir: &Path, role: &str, settings: &str) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
    command.args(["federated", role, "--config"]).arg(dir.join(settings)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Process(command.spawn().expect("the program starts"))
}

fn status(dir: &Path, settings: &str) -> Option<Value> {
    let output = gridtwin(&["federated", "status", "--config", dir.join(settings).to_str().unwrap(), "--json"]);
    serde_json::from_slice(&output.stdout).ok()
}

fn wait_for(what: &str, ready: impl Fn() -> bool) {
    let begin = Instant::now();
    while !ready() {
        assert!(begin.elapsed() < Duration::from_secs(120), "waited for {what} in vain");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn three_sites_train_together_over_a_killed_coordinator_and_the_server_shows_it() {
    let dir = tempfile::tempdir().unwrap();
    let trial = dir.path().join("trial");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("localhost:{port}");
    let out = trial.to_str().unwrap();
    let made =
        gridtwin(&["federated", "keys", "--out", out, "--site", "north", "--site", "south", "--site", "west", "--address", &address]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    // Keys are never written over.
    assert!(!gridtwin(&["federated", "keys", "--out", out, "--site", "north", "--site", "south", "--site", "west"]).status.success());
    let task = std::fs::read_to_string(trial.join("task.toml")).unwrap().replace("trees = 30", "trees = 12");
    std::fs::write(trial.join("task.toml"), task).unwrap();
    for (i, site) in SITES.iter().enumerate() {
        std::fs::write(trial.join(format!("{site}.csv")), rows(i)).unwrap();
    }

    let server = |name: &str| trial.join(name).to_str().unwrap().to_owned();
    let (of_coordinator, of_site) = (server("coordinator.toml"), server("north.toml"));
    let data = dir.path().join("data");
    let server = Server::start(&data, &["--no-auth", "--federated", &of_coordinator, "--federated", &of_site]);
    let client = server.client("");
    let before = client.ok("/api/federations");
    assert_eq!(before.as_array().unwrap().len(), 2);
    assert!(before[0]["reason"].as_str().unwrap().contains("not been started"), "{before}");
    assert!(!before.to_string().contains(out), "folders stay out of answers: {before}");

    let coordinator = begin(&trial, "coordinator", "coordinator.toml");
    let sites: Vec<Process> = SITES.iter().map(|s| begin(&trial, "participant", &format!("{s}.toml"))).collect();
    wait_for("the first trees", || status(&trial, "coordinator.toml").is_some_and(|s| s["done"].as_u64() > Some(1)));
    // As `kill -9` does; no site is started again.
    drop(coordinator);
    let mut again = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
    again.args(["federated", "coordinator", "--config"]).arg(trial.join("coordinator.toml"));
    let ended = run_within(Duration::from_secs(180), &mut again);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let end = status(&trial, "coordinator.toml").expect("a page");
    assert_eq!((end["status"].as_str(), end["done"].as_u64(), end["planned"].as_u64()), (Some("finished"), Some(12), Some(12)), "{end}");
    let told = gridtwin(&["federated", "status", "--config", &of_coordinator]);
    let told = text(&told.stdout);
    assert!(told.contains("12 of 12 done") && told.contains("what happened last") && told.contains("north"), "{told}");

    // The site's page is written after the coordinator's.
    server.wait_for(|| client.ok("/api/federations")[1]["page"]["finished"] == true, "the end at the site");
    let shown = client.ok("/api/federations");
    assert_eq!((shown[0]["kind"].as_str(), shown[1]["kind"].as_str()), (Some("coordinator"), Some("participant")), "{shown}");
    assert_eq!(shown[0]["page"], end, "the server tells what the coordinator wrote");
    assert!(shown[0]["written_utc"].is_string());
    let notices = shown[0]["notices"].to_string();
    assert!(notices.contains("was released") && notices.contains("read its journal"), "{notices}");
    // What it is good for: each site alone has not seen the other kind of fault.
    let last = &end["versions"].as_array().unwrap().last().unwrap();
    let (global, local) = (last["global"]["accuracy"].as_f64().unwrap(), last["local"]["accuracy"].as_f64());
    println!("accuracy {global} of the common model, {local:?} of each alone");
    assert!(global > 0.9, "{global}");
    drop(sites);
    // Whoever may not look at the server sees nothing of it.
    let other = Server::start(&dir.path().join("other"), &["--federated", &of_coordinator]);
    assert_eq!(other.client("").get("/api/federations").0, 401);
}
