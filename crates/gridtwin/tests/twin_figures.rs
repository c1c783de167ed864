//! How soon a value of the plant is on an open page, and what following costs: a simulated plant of more than 2,500 points over three protocols,
//! a server and a WebSocket client, each a process or thread of its own. Run by `make soak`; on a machine that does other work its times are
//! those of that work.
#![cfg(target_os = "linux")]

mod common;

#[path = "common/plant.rs"]
mod plant;
#[path = "common/web.rs"]
mod web;

use common::{root, token};
use plant::{Plant, Socket, until};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use web::Server;

/// Processor time of a process so far, s (user and system; `proc(5)`, ticks of 10 ms).
fn processor_s(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..].split(' ').collect();
    // Without number and name the times are the twelfth and thirteenth.
    [11, 12].iter().map(|&i: &usize| fields[i].parse::<f64>().expect("ticks")).sum::<f64>() / 100.0
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64() * 1e3
}

/// The value below which a share of a sorted list lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// Every change that is told, without a deadband in the client: more than a document with deadbands lets through.
#[test]
#[ignore = "takes more than a minute and wants the machine for itself; `make soak` runs it"]
fn values_are_on_the_page_in_time_and_half_a_core_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let document = dir.path().join("devices.yaml");
    let plant = Plant::start(&document, &["--start", "2026-03-01T08:00"]);
    let devices = fs::read_to_string(&document).unwrap();
    let all: Vec<&str> = devices.lines().filter(|l| l.trim_start().starts_with("- {name:")).collect();
    assert!(all.len() >= 2_500, "only {} points", all.len());
    let without: Vec<String> = devices
        .lines()
        .map(|l| match l.split_once(", deadband: ") {
            Some((before, after)) => format!("{before}{}", &after[after.find([',', '}']).expect("it goes on")..]),
            None => l.to_owned(),
        })
        .collect();
    fs::write(&document, without.join("\n")).unwrap();
    let site =
        format!("name: Figures\nmodel: {}\ndevices: devices.yaml\nsimulated: true\n", root().join("models/ehv-400-220.dss").display());
    fs::write(dir.path().join("site.yaml"), site).unwrap();
    let data = dir.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let viewer = token(&data, "viewer");
    let server = Server::start(&data, &["--twin", dir.path().join("site.yaml").to_str().unwrap()]);
    until(&server.client(&viewer), "/api/twin/moment", "all devices", |m| {
        m["estimate"]["state"] == "settled"
            && m["devices"].as_array().is_some_and(|d| d.len() == 3 && d.iter().all(|d| d["recovered"] == true))
    });
    std::thread::sleep(Duration::from_secs(5));
    // The page that is measured, and one that shows the moment as pages do.
    let mut socket = Socket::open(&server, "/api/ws", &viewer).expect("a socket");
    socket.say(&json!({ "subscribe": ["twin:points", "twin"] }));
    let (begun, used) = (Instant::now(), processor_s(server.pid()));
    let mut late: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut moments: Vec<f64> = Vec::new();
    // A client that says nothing for a minute is let go.
    while begun.elapsed() < Duration::from_secs(40) {
        let told = socket.hear();
        let now = now_ms();
        match told["type"].as_str() {
            Some("twin_points") => {
                let device = told["device"].as_str().expect("a device").to_owned();
                let of = late.entry(device).or_default();
                of.extend(told["points"].as_array().expect("points").iter().map(|p| now - p[3].as_f64().expect("a time")));
            }
            Some("twin") => moments.push(now - told["moment"]["time_ms"].as_f64().expect("a time")),
            Some("gap") => panic!("the page fell behind"),
            _ => {}
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let core = (processor_s(server.pid()) - used) / seconds;
    println!("points {}, three protocols, {seconds:.0} s; processor of the server: {:.1} % of a core", all.len(), 100.0 * core);
    let mut every: Vec<f64> = late.values().flatten().copied().collect();
    every.sort_by(f64::total_cmp);
    for (device, of) in &mut late {
        of.sort_by(f64::total_cmp);
        let [half, most, all_but_one, worst] = [0.5, 0.95, 0.99, 1.0].map(|s| quantile(of, s));
        println!(
            "{device:16} {:7.0} values/s, from the value's time to the page: median {half:.0} ms, 95 % {most:.0} ms, 99 % {all_but_one:.0} ms, worst {worst:.0} ms",
            of.len() as f64 / seconds
        );
    }
    moments.sort_by(f64::total_cmp);
    println!("moments with the estimate {}, from the instant to the page: 95 % {:.0} ms", moments.len(), quantile(&moments, 0.95));
    let most = quantile(&every, 0.95);
    println!("all {:.0} values/s, 95 % within {most:.0} ms", every.len() as f64 / seconds);
    assert_eq!(late.len(), 3, "a protocol tells nothing");
    assert!(every.len() as f64 / seconds >= 1_000.0, "too little is told to say anything");
    assert!(most < 500.0, "95 % of the values are on the page within {most:.0} ms, not 500");
    assert!(moments.len() as f64 / seconds >= 0.9, "the estimate does not keep up with a second");
    if cfg!(debug_assertions) {
        println!("the processor's time is that of a build for tests, and not held against a limit");
    } else {
        assert!(core < 0.5, "following takes {core:.2} of a core");
    }
    drop(plant);
}
