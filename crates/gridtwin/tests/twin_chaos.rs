//! What goes wrong in the field, on the wire and in the server, with the program as it is run: a plant in a network of its own, wires through
//! which everything goes, and a server whose history is on a small disk.
//!
//! Held throughout: a value that does not come any more does not stay good; what a device told while nobody could hear it is told
//! afterwards; what was acknowledged is there after `kill -9`; all is well again within ten seconds of its cause's end, without hands.
#![cfg(target_os = "linux")]

mod common;

#[path = "common/plant.rs"]
mod plant;
#[path = "../../scada/tests/common/proxy.rs"]
#[allow(dead_code)]
mod proxy;
#[path = "common/web.rs"]
mod web;

use common::{root, token};
use plant::{Plant, Socket};
use proxy::{Proxy, Wire};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use web::{Client, Server};

/// Recovery without hands, from the moment that the cause is over.
const RECOVERY: Duration = Duration::from_secs(10);
/// A silent device is noticed within this: the 104 asks after five seconds and waits five, IEC 61850 after ten and five, and a value of
/// Modbus is old after three polls.
const NOTICED: Duration = Duration::from_secs(17);
const PORTS: [(&str, u16); 3] = [("plant-modbus", 1502), ("plant-iec104", 2404), ("plant-iec61850", 1102)];

#[test]
fn what_goes_wrong_is_seen_and_ends_by_itself() {
    let script = "ip link set lo up && ip link add va type veth peer name vb && ip addr add 10.77.0.1/24 dev va && ip link set va up \
                  && exec \"$0\" --ignored --exact --nocapture \"$1\"";
    let output = Command::new("unshare")
        .args(["-rnm", "bash", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg("in_a_network_of_its_own")
        .env("GRIDTWIN_ON_A_WIRE", "1")
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A network namespace, held by a process that sleeps; ended when it is dropped.
struct Network {
    holder: Child,
}

impl Network {
    fn new() -> Self {
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        let network = Self { holder: Command::new("unshare").args(["-n", "sleep", "900"]).spawn().expect("unshare runs") };
        let place = format!("/proc/{}/ns/net", network.holder.id());
        let begun = Instant::now();
        while fs::read_link(&place).is_ok_and(|n| n == own) {
            assert!(begun.elapsed() < Duration::from_secs(10), "no network of its own");
            std::thread::sleep(Duration::from_millis(10));
        }
        shell(&format!("ip link set vb netns {}", network.holder.id()));
        network.shell("ip link set lo up && ip addr add 10.77.0.2/24 dev vb && ip link set vb up");
        network
    }

    /// A program within it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.holder.id().to_string(), "-n", program]);
        command
    }

    fn shell(&self, script: &str) -> String {
        let output = self.command("bash").args(["-c", script]).output().expect("nsenter runs");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn plant(&self, follow: &Path) -> Plant {
        let mut command = self.command(env!("CARGO_BIN_EXE_gridtwin"));
        command.args(["simulate", "plant", "models/ehv-400-220.dss", "--instructor", "127.0.0.1:7450", "--start", "2026-03-01T08:00"]);
        for (option, (_, port)) in ["--modbus", "--iec104", "--iec61850"].iter().zip(PORTS) {
            command.args([*option, &format!("10.77.0.2:{port}")]);
        }
        Plant::run(command.arg("--follow-document").arg(follow))
    }

    /// A word to the plant's instructor, and what it answers.
    fn instruct(&self, request: &Value) -> Value {
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/7450; echo '{request}' >&3; head -n 1 <&3");
        serde_json::from_str(&self.shell(&script)).expect("JSON")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn shell(script: &str) {
    let output = Command::new("bash").args(["-c", script]).stdin(Stdio::null()).output().expect("bash runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until something holds, for so long at most; how long it took.
fn within(limit: Duration, what: &str, mut fits: impl FnMut() -> Result<(), String>) -> Duration {
    let begun = Instant::now();
    loop {
        match fits() {
            Ok(()) => {
                println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
                return begun.elapsed();
            }
            Err(why) => assert!(begun.elapsed() < limit, "{what}: not within {limit:?}: {why}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Every device has been read and its points are good, as many as at the beginning.
fn is_well(client: &Client, usual: &[u64; 3]) -> Result<(), String> {
    let moment = client.ok("/api/twin/moment");
    let devices = moment["devices"].as_array().expect("devices");
    let is_good = |d: &Value| {
        let k = PORTS.iter().position(|(name, _)| d["device"] == *name).expect("a device of the plant");
        d["recovered"] == true && d["good"].as_u64().expect("a number") >= usual[k]
    };
    let is_settled = moment["estimate"]["state"] == "settled";
    if is_settled && devices.iter().all(is_good) { Ok(()) } else { Err(format!("{} {devices:?}", moment["estimate"]["state"])) }
}

/// No point of the device is good: nothing stands still as if it came.
fn is_marked(client: &Client, device: &str) -> Result<(), String> {
    let points = client.ok(&format!("/api/twin/points?device={device}&size=5000"));
    let points = points["points"].as_array().expect("points");
    assert!(points.len() > 500, "{device}: {} points", points.len());
    let frozen: Vec<&str> = points.iter().filter(|p| p["validity"] == "good").filter_map(|p| p["point"].as_str()).collect();
    if frozen.is_empty() { Ok(()) } else { Err(format!("{} of {device} are good, such as {:?}", frozen.len(), &frozen[..1])) }
}

/// Every device is marked, the moment says so, and no figure is shown as known.
fn all_is_marked(client: &Client) -> Result<(), String> {
    PORTS.iter().try_for_each(|(device, _)| is_marked(client, device))?;
    let moment = client.ok("/api/twin/moment");
    let (state, load) = (&moment["estimate"]["state"], &moment["metrics"]["total_load_mw"]);
    if *state != "settled" && load.is_null() { Ok(()) } else { Err(format!("state {state}, load {load}")) }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}

/// Numbers of all events that the server has.
fn numbers(client: &Client) -> BTreeSet<u64> {
    let (mut found, mut page) = (BTreeSet::new(), None);
    loop {
        let at = page.map_or_else(String::new, |n: u64| format!("&page={n}"));
        let piece = client.ok(&format!("/api/twin/events?order=oldest&size=1000{at}"));
        found.extend(piece["events"].as_array().expect("events").iter().filter_map(|e| e["sequence"].as_u64()));
        page = piece["next"].as_u64();
        if page.is_none() {
            return found;
        }
    }
}

fn plan(client: &Client, note: &str) -> (u16, Value) {
    let (from, to) = (now_ms() + 3_600_000, now_ms() + 7_200_000);
    let work = json!({ "asset": "T1", "from_ms": from, "to_ms": to, "kind": "preventive", "who": "a crew", "note": note });
    client.post("/api/twin/maintenance", &work)
}

fn planned(client: &Client) -> BTreeSet<String> {
    let schedule = client.ok("/api/twin/maintenance");
    schedule["entries"].as_array().expect("entries").iter().filter_map(|e| e["note"].as_str().map(str::to_owned)).collect()
}

struct Bench {
    network: Network,
    wires: Vec<Proxy>,
    data: std::path::PathBuf,
    site: std::path::PathBuf,
    follow: std::path::PathBuf,
    disk: std::path::PathBuf,
    token: String,
    /// Good points of each device when all is well.
    usual: [u64; 3],
}

impl Bench {
    fn server(&self) -> (Server, Client) {
        let server = Server::start(&self.data, &["--twin", self.site.to_str().unwrap()]);
        let client = server.client(&self.token);
        (server, client)
    }

    fn set(&self, wire: &Wire) {
        self.wires.iter().for_each(|w| w.set(wire.clone()));
    }
}

#[test]
#[ignore = "runs within a network of its own, by the test above"]
fn in_a_network_of_its_own() {
    assert!(std::env::var_os("GRIDTWIN_ON_A_WIRE").is_some(), "not within the network that the test above makes");
    let dir = tempfile::tempdir().unwrap();
    let [data, disk, follow, site] = ["data", "disk", "devices.yaml", "site.yaml"].map(|name| dir.path().join(name));
    fs::create_dir_all(&data).unwrap();
    fs::create_dir_all(&disk).unwrap();
    shell(&format!("mount -t tmpfs -o size=192m none {}", disk.display()));
    let network = Network::new();
    let mut plant = network.plant(&follow);
    // Every conversation goes over a wire that can be cut, slowed and spoilt.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let wires: Vec<Proxy> = runtime.block_on(async { vec![wire(PORTS[0].1).await, wire(PORTS[1].1).await, wire(PORTS[2].1).await] });
    let mut document = fs::read_to_string(&follow).unwrap();
    for ((_, port), wire) in PORTS.iter().zip(&wires) {
        document = document.replace(&format!("10.77.0.2:{port}"), &wire.at.to_string());
    }
    fs::write(&follow, document).unwrap();
    let model = root().join("models/ehv-400-220.dss");
    let text = format!(
        "name: Chaos\nmodel: {}\ndevices: devices.yaml\nsimulated: true\nhistory: {{folder: {}}}\n",
        model.display(),
        disk.join("history").display()
    );
    fs::write(&site, text).unwrap();
    let token = token(&data, "operator");
    let mut bench = Bench { network, wires, data, site, follow: dir.path().join("again.yaml"), disk, token, usual: [0; 3] };
    let (server, client) = bench.server();
    within(Duration::from_secs(60), "the plant is followed", || is_well(&client, &[1, 1, 1]));
    std::thread::sleep(Duration::from_secs(3));
    let devices = client.ok("/api/twin/moment")["devices"].clone();
    for (k, (name, _)) in PORTS.iter().enumerate() {
        let of = devices.as_array().unwrap().iter().find(|d| d["device"] == *name).unwrap();
        // A share of a hundredth: what a plant that starts anew has not measured yet.
        bench.usual[k] = of["good"].as_u64().unwrap() * 99 / 100;
        assert!(bench.usual[k] > 500, "{of}");
    }
    let heard = listen(&server, &bench.token);
    plant = killed_devices(&bench, &client, plant);
    a_cut_wire(&bench, &client);
    silent_spoilt_and_slow_wires(&bench, &client);
    let (server, client) = a_killed_server(&bench, server, client, &heard);
    let heard = listen(&server, &bench.token);
    a_full_disk(&bench, &client, &heard);
    let (took, was_well) = server.stop();
    assert!(was_well, "the server did not end well within {took:?}");
    drop(plant);
}

async fn wire(port: u16) -> Proxy {
    Proxy::start(([10, 77, 0, 2], port).into()).await
}

/// Every event that is told from now on.
fn listen(server: &Server, token: &str) -> Arc<Mutex<Vec<Value>>> {
    let mut socket = Socket::open(server, "/api/ws", token).expect("a socket");
    socket.say(&json!({ "subscribe": ["twin:events"] }));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = heard.clone();
    // It ends with the server: reading fails then.
    std::thread::spawn(move || {
        while let Some(told) = socket.try_hear() {
            if told["type"] == "twin_event" {
                into.lock().unwrap().push(told["event"].clone());
            }
        }
    });
    heard
}

/// The plant's process is killed, and started again.
fn killed_devices(bench: &Bench, client: &Client, plant: Plant) -> Plant {
    drop(plant);
    within(Duration::from_secs(5), "killed devices are marked", || all_is_marked(client));
    let order = client.post("/api/twin/control/check", &json!({ "subject": "CB-F21", "command": "open" }));
    assert!(order.1["allowed"] != true, "an order was allowed on a state that is not known: {order:?}");
    std::thread::sleep(Duration::from_secs(4));
    let plant = bench.network.plant(&bench.follow);
    within(RECOVERY, "devices that are back are read", || is_well(client, &bench.usual));
    plant
}

/// The network between is gone: no word of it, only silence. Meanwhile a breaker trips.
fn a_cut_wire(bench: &Bench, client: &Client) {
    let begun = now_ms();
    shell("ip link set va down");
    within(NOTICED, "a cut network is noticed", || all_is_marked(client));
    let fault = json!({ "command": "fault", "bus": "f21_220", "kind": "3ph", "phases": [1, 2, 3], "r_ohm": 0.01 });
    assert_eq!(bench.network.instruct(&fault)["ok"], true);
    std::thread::sleep(Duration::from_secs(2));
    shell("ip link set va up");
    within(RECOVERY, "a network that is back", || is_well(client, &[bench.usual[0] / 2, bench.usual[1] / 2, bench.usual[2] / 2]));
    // What happened in between is known.
    within(RECOVERY, "the breaker that opened meanwhile is told", || {
        let moment = client.ok("/api/twin/moment");
        let switch = moment["switches"].as_array().expect("switches").iter().find(|s| s["element"] == "line.q0_f21").expect("the breaker");
        if switch["closed"] == false { Ok(()) } else { Err(format!("{switch}")) }
    });
    // So is what came and went: the pulse of the relay, at the time at which it was.
    within(RECOVERY, "the trip is told afterwards", || {
        let trip = client.ok(&format!("/api/twin/history?point=21-F21.21_ZONE_1.TRIP&resolution=raw&from={}", begun - 30_000));
        let rows = trip["series"][0]["rows"].as_array().cloned().unwrap_or_default();
        let is_told = rows.iter().any(|r| r[1] == 1.0 && r[0].as_i64().is_some_and(|t| t > begun));
        if is_told { Ok(()) } else { Err(trip.to_string()) }
    });
    within(RECOVERY, "the trip's alarm", || {
        let told = client.ok(&format!("/api/twin/events?kind=alarm&size=200&from={begun}"));
        let of_trip = |e: &&Value| e["subject"].as_str().is_some_and(|s| s.contains("21-F21"));
        let found: Vec<Value> = told["events"].as_array().expect("events").iter().filter(of_trip).cloned().collect();
        if found.len() < 2 { Err(told.to_string()) } else { Ok(()) }
    });
    assert_eq!(bench.network.instruct(&json!({ "command": "restore" }))["ok"], true);
    within(Duration::from_secs(20), "the plant is as before", || is_well(client, &bench.usual));
}

fn silent_spoilt_and_slow_wires(bench: &Bench, client: &Client) {
    // Connections stand and nothing gets through.
    bench.set(&Wire { is_silent: true, ..Wire::default() });
    within(NOTICED, "silence is noticed", || all_is_marked(client));
    bench.set(&Wire::default());
    within(RECOVERY, "a wire that speaks again", || is_well(client, &bench.usual));
    // Garbage in place of every answer.
    let before = client.ok("/api/twin/moment")["metrics"]["total_load_mw"].as_f64().expect("a load");
    for octets in [vec![0xff; 64], (0u8..=255).collect(), b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()] {
        bench.set(&Wire { garbage: Some(octets), ..Wire::default() });
        std::thread::sleep(Duration::from_secs(2));
        if let Some(load) = client.ok("/api/twin/moment")["metrics"]["total_load_mw"].as_f64() {
            assert!((load - before).abs() < 0.1 * before, "garbage became a load of {load} MW in place of {before}");
        }
    }
    within(NOTICED, "garbage is not taken for values", || all_is_marked(client));
    bench.set(&Wire::default());
    within(RECOVERY, "a wire without garbage", || is_well(client, &bench.usual));
    // A slow wire is slow, and no fault.
    bench.set(&Wire { delay: Duration::from_millis(300), ..Wire::default() });
    std::thread::sleep(Duration::from_secs(5));
    within(RECOVERY, "a slow wire", || is_well(client, &bench.usual));
    bench.set(&Wire::default());
    within(RECOVERY, "a quick wire again", || is_well(client, &bench.usual));
}

/// `kill -9` in the middle: what was answered and told is there afterwards.
fn a_killed_server(bench: &Bench, server: Server, client: Client, heard: &Mutex<Vec<Value>>) -> (Server, Client) {
    let answered = plan(&client, "planned before the kill");
    assert_eq!(answered.0, 200, "{answered:?}");
    let query = "/api/twin/history?point=twin.total_load_mw&point=twin.frequency_hz&resolution=raw";
    let rows = |of: &Value| -> Vec<BTreeSet<String>> {
        let series = of["series"].as_array().expect("series");
        series.iter().map(|s| s["rows"].as_array().expect("rows").iter().map(Value::to_string).collect()).collect()
    };
    let recorded = rows(&client.ok(query));
    server.kill();
    let told: BTreeSet<u64> = heard.lock().unwrap().iter().filter_map(|e| e["sequence"].as_u64()).filter(|n| *n > 0).collect();
    assert!(told.len() > 10 && recorded[0].len() > 30, "{} events, {} values", told.len(), recorded[0].len());
    let begun = Instant::now();
    let (server, client) = bench.server();
    within(RECOVERY, "the server is back and follows", || is_well(&client, &bench.usual));
    println!("from its start: {:.1} s", begun.elapsed().as_secs_f64());
    let kept = numbers(&client);
    let missing: Vec<&u64> = told.difference(&kept).collect();
    assert!(missing.is_empty(), "events that were told are gone: {missing:?}");
    assert_eq!(kept.last().copied(), Some(kept.len() as u64), "numbers of events have gaps");
    assert!(planned(&client).contains("planned before the kill"));
    for (before, after) in recorded.iter().zip(rows(&client.ok(query))) {
        let lost: Vec<&String> = before.difference(&after).collect();
        assert!(lost.is_empty(), "values that could be read are gone: {lost:?}");
    }
    (server, client)
}

/// The disk of the history is full for a while: values go on, people are told, what needs a record is refused, and all that waited is written.
fn a_full_disk(bench: &Bench, client: &Client, heard: &Mutex<Vec<Value>>) {
    let filler = bench.disk.join("filler");
    shell(&format!("head -c 1G /dev/zero > {} || true", filler.display()));
    let begun = now_ms();
    within(RECOVERY, "a full disk is told", || {
        let condition = client.ok("/api/twin")["history"].clone();
        let is_told = heard.lock().unwrap().iter().any(|e| e["kind"] == "system" && e["severity"] == "critical");
        if condition["condition"] == "stalled" && is_told { Ok(()) } else { Err(condition.to_string()) }
    });
    let refused = plan(client, "planned on a full disk");
    assert_eq!(refused.0, 503, "{refused:?}");
    // Values, estimate and alarms go on: a device is lost, and its alarm is raised although it cannot be written down.
    let first = client.ok("/api/twin/moment")["sequence"].as_u64().expect("a number");
    bench.wires[1].set(Wire { is_cut: true, ..Wire::default() });
    within(NOTICED, "an alarm while the disk is full", || {
        is_marked(client, PORTS[1].0)?;
        let alarms = client.ok("/api/twin/alarms?size=1000");
        let listed = alarms["alarms"].as_array().expect("alarms");
        let of_device = |a: &Value| a["raised_at"].as_i64().is_some_and(|at| at >= begun) && a.to_string().contains(PORTS[1].0);
        if listed.iter().any(of_device) { Ok(()) } else { Err(format!("{alarms}")) }
    });
    bench.wires[1].set(Wire::default());
    within(RECOVERY, "the device is back while the disk is full", || is_well(client, &bench.usual));
    let moments = client.ok("/api/twin/moment")["sequence"].as_u64().expect("a number") - first;
    assert!(moments >= 4, "only {moments} moments while the disk was full");
    assert_eq!(client.ok("/api/twin")["history"]["condition"], "stalled");
    fs::remove_file(&filler).unwrap();
    let ended = now_ms();
    within(RECOVERY, "the history records again", || {
        let condition = client.ok("/api/twin")["history"].clone();
        if condition["condition"] != "recording" {
            return Err(condition.to_string());
        }
        let answered = plan(client, "planned afterwards");
        if answered.0 == 200 { Ok(()) } else { Err(format!("{answered:?}")) }
    });
    assert!(!planned(client).contains("planned on a full disk"));
    // What waited has been written: the alarm of the device, and a value of every second (the frequency is the lost device's, and stands).
    within(RECOVERY, "what waited is written", || {
        let events = client.ok(&format!("/api/twin/events?kind=alarm&text={}&from={begun}&to={ended}", PORTS[1].0));
        let values = client.ok(&format!("/api/twin/history?point=twin.total_load_mw&resolution=raw&from={begun}&to={ended}"));
        let (events, values) =
            (events["events"].as_array().map_or(0, Vec::len), values["series"][0]["rows"].as_array().map_or(0, Vec::len));
        let seconds = (ended - begun) / 1000;
        if events > 0 && values as i64 + 2 >= seconds { Ok(()) } else { Err(format!("{events} events, {values} values of {seconds} s")) }
    });
    let kept = numbers(client);
    assert_eq!(kept.last().copied(), Some(kept.len() as u64), "numbers of events have gaps");
    within(RECOVERY, "it is told that nothing is missing", || {
        let said = client.ok("/api/twin/events?kind=system&text=records%20again");
        let fields = &said["events"][0]["fields"];
        if fields["missing_values"] == 0 && fields["missing_events"] == 0 { Ok(()) } else { Err(said.to_string()) }
    });
}
