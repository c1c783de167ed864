//! What a server that follows a plant tells others: a webhook hears of an alarm once, InfluxDB gets values; with a PostgreSQL server the history
//! lies there.

mod common;

#[path = "common/plant.rs"]
mod plant;
#[path = "common/web.rs"]
mod web;

use common::root;
use plant::{Plant, until};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use web::Server;

/// Everything that was sent to an address: head and body.
type Taken = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

fn listen(answer: &'static str) -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let taken = Taken::default();
    let all = taken.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if let Some(request) = request(&stream) {
                all.lock().unwrap().push(request);
                let _ = (&stream).write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes());
            }
        }
    });
    (at, taken)
}

fn request(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned))?;
    let mut body = vec![0; length.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A database of this test's own, gone when it ends; none without a server.
struct Database {
    server: String,
    name: String,
}

impl Database {
    fn new() -> Option<Self> {
        let server = std::env::var("GRIDTWIN_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
        let Some(server) = server else {
            assert!(
                std::env::var_os("GRIDTWIN_REQUIRE_POSTGRES").is_none(),
                "GRIDTWIN_TEST_POSTGRES names no server; `make test` starts one"
            );
            eprintln!("NOT TESTED WITH POSTGRESQL: GRIDTWIN_TEST_POSTGRES names no server; `make test` starts one");
            return None;
        };
        let database = Self { server, name: format!("serve_sending_{}", std::process::id()) };
        database.sql(&format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    fn sql(&self, sql: &str) {
        let done = Command::new("psql").args(["-q", "-d", &self.server, "-c", sql]).output().expect("psql");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn url(&self) -> String {
        let (head, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        format!("{}/{}?{query}", head.rsplit_once('/').unwrap().0, self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.sql(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

#[test]
fn an_alarm_reaches_a_webhook_once_and_values_reach_influxdb() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::new();
    let (hook, told) = listen("204 Done");
    let (influx, lines) = listen("204 Done");
    let plant = Plant::start(&dir.path().join("devices.yaml"), &["--no-noise", "--start", "2026-03-01T08:00"]);
    fs::write(dir.path().join("secret"), "shared\n").unwrap();
    let site = format!(
        "name: Substation under test\nmodel: {}\ndevices: devices.yaml\nsimulated: true\nurl: https://twin.example\n\
         notify:\n  summary_s: 2\n  webhooks: [{{url: \"{hook}/alarms\", secret_file: secret}}]\n\
         influx: {{url: \"{influx}\", database: twin, points: [\"twin.*\"], gzip: false, every_s: 0.5}}\n",
        root().join("models/ehv-400-220.dss").display(),
    );
    let place = dir.path().join("site.yaml");
    fs::write(&place, site).unwrap();
    let data = dir.path().join("data");
    fs::create_dir_all(&data).unwrap();
    let url = database.as_ref().map(Database::url);
    let mut arguments = vec!["--no-auth", "--twin", place.to_str().unwrap()];
    arguments.extend(url.iter().flat_map(|url| ["--database", url.as_str()]));
    let server = Server::start(&data, &arguments);
    let client = server.client("");
    until(&client, "/api/twin/moment", "an estimate", |m| m["estimate"]["state"] == "settled");
    let past = "/api/twin/history?point=twin.frequency_hz&resolution=raw";
    until(&client, past, "a figure of its own", |h| h["series"][0]["rows"].as_array().is_some_and(|r| !r.is_empty()));
    // The plant is gone: its devices are lost, which is an alarm each.
    drop(plant);
    let begun = Instant::now();
    while told.lock().unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no notice came");
        std::thread::sleep(Duration::from_millis(50));
    }
    let status = until(&client, "/api/twin/sending", "values and notices that were taken", |s| {
        s["notices"]["targets"][0]["delivered"].as_u64().is_some_and(|n| n > 0) && s["influx"]["written"].as_u64().is_some_and(|n| n > 0)
    });
    assert_eq!((&status["notices"]["targets"][0]["given_up"], &status["influx"]["refused"]), (&0.into(), &0.into()), "{status}");
    let (head, body) = told.lock().unwrap()[0].clone();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(head.starts_with("POST /alarms HTTP/1.1") && head.to_lowercase().contains("gridtwin-signature: t="), "{head}");
    assert_eq!((&body["site"]["name"], &body["page"]), (&"Substation under test".into(), &"https://twin.example/alarms".into()));
    assert!(body["alarm"]["rule"].is_string() && body["alarm"]["limit"].is_string() || body["summary"]["events"].is_u64(), "{body}");
    let line = String::from_utf8(lines.lock().unwrap()[0].1.clone()).unwrap();
    assert!(line.starts_with("gridtwin,point=twin."), "{line}");
    let twin = client.ok("/api/twin");
    assert_eq!(twin["history"]["database"], database.is_some());
    let (took, was_well) = server.stop();
    assert!(was_well, "the server did not end well within {took:?}");
    // Begun again, nothing that was taken is told again.
    let server = Server::start(&data, &arguments);
    until(&server.client(""), "/api/twin/sending", "the senders", |s| s["notices"]["cursor"].as_u64().is_some_and(|n| n > 0));
    std::thread::sleep(Duration::from_secs(3));
    let all = told.lock().unwrap().clone();
    let deliveries: Vec<Value> = all.iter().map(|(_, b)| serde_json::from_slice::<Value>(b).unwrap()["delivery"].clone()).collect();
    let different: BTreeSet<&str> = deliveries.iter().filter_map(Value::as_str).collect();
    assert_eq!(different.len(), deliveries.len(), "{deliveries:?}");
    drop(server);
}
