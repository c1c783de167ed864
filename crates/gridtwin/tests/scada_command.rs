//! `gridtwin scada check|read|watch|write|browse` as somebody at a terminal uses them: against simulated devices in this process, against the
//! simulated plant in its own, and against devices that others wrote.

mod common;

#[path = "common/talker.rs"]
mod talker;

use common::{gridtwin, root, run_within, text};
use scada::document;
use scada::point::{DoublePoint, Flags, Quality, Value};
use scada::simulate::{self, Follows, Image, Place};
use serde_json::Value as Json;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};
use talker::{Talker, peers};
use tokio_util::sync::CancellationToken;

const DOCUMENT: &str = "devices:
  - id: bay-1
    protocol: modbus
    address: MODBUS
    poll_s: 0.2
    points:
      - {name: BB1.V, address: \"holding:100\", type: float32, unit: kV, element: bus.b400, quantity: v_ll_kv}
      - {name: BB1.P, address: \"holding:102\", type: int16, scale: 0.1, unit: MW, element: transformer.t1, quantity: p_mw, terminal: 1}
      - {name: OIL, address: \"input:7\", type: int16, unit: °C, element: none}
      - {name: FAN, address: \"coil:3\", element: none, control: {read_back: true}}
  - id: station
    protocol: iec104
    address: IEC104
    points:
      - {name: CB1, address: 1, type: double, element: line.cb1, quantity: closed, control: {select: true, address: 101}}
      - {name: CB2, address: 2, type: double, element: line.cb2, quantity: closed, control: {address: 102}}
      - {name: T1.TAP, address: 3, type: step, element: transformer.t1, quantity: tap_position, control: {address: 103}}
      - {name: SET, address: 4, type: float, unit: kV, element: none, control: {address: 104, low: 380, high: 420}}
      - {name: SF6, address: 5, type: float, unit: bar, element: none}
      - {name: UNSEEN, address: 6, type: single, element: none}
";

/// Follows every command but those to `CB2`, as a bay does that is set to local.
struct Bays;

impl simulate::Plant for Bays {
    fn command(&self, image: &Image, place: Place, value: &Value) -> Result<(), String> {
        match image.point(place).map(|p| &*p.name) {
            Some("CB2") => Err("the bay is set to local".to_owned()),
            _ => simulate::Plant::command(&Follows, image, place, value),
        }
    }
}

/// Two devices with the document that a client reads; they end with it.
struct Devices {
    folder: tempfile::TempDir,
    image: Arc<Image>,
    stop: CancellationToken,
    _runtime: tokio::runtime::Runtime,
}

impl Devices {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listeners: Vec<TcpListener> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let at: Vec<String> = listeners.iter().map(|l| l.local_addr().unwrap().to_string()).collect();
        let text = DOCUMENT.replace("MODBUS", &at[0]).replace("IEC104", &at[1]);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("devices.yaml"), &text).unwrap();
        let document = document::read(&text, "devices.yaml");
        assert!(document.is_sound(), "{:#?}", document.diagnostics);
        let image = Arc::new(Image::new(&document.devices));
        let stop = CancellationToken::new();
        for (listener, id) in listeners.into_iter().zip(["bay-1", "station"]) {
            listener.set_nonblocking(true).unwrap();
            let (image, stop) = (image.clone(), stop.clone());
            let listener = {
                let _in = runtime.enter();
                tokio::net::TcpListener::from_std(listener).unwrap()
            };
            runtime.spawn(simulate::serve(image, Arc::new(Bays), id, listener, stop));
        }
        let devices = Self { folder, image, stop, _runtime: runtime };
        devices.set("BB1.V", Value::Float(f64::from(403.127_f32)), Quality::GOOD);
        devices.set("BB1.P", Value::Float(-98.7), Quality::GOOD);
        devices.set("OIL", Value::Integer(61), Quality::GOOD);
        devices.set("FAN", Value::Bool(false), Quality::GOOD);
        devices.set("CB1", Value::DoublePoint(DoublePoint::On), Quality::GOOD);
        devices.set("CB2", Value::DoublePoint(DoublePoint::Off), Quality::GOOD);
        devices.set("T1.TAP", Value::Step { position: -3, moving: false }, Quality::GOOD);
        devices.set("SET", Value::Float(400.0), Quality::GOOD);
        devices.set("SF6", Value::Float(6.5), Quality::questionable(Flags::BLOCKED));
        devices
    }

    fn set(&self, name: &str, value: Value, quality: Quality) {
        let place = self.image.place(name).unwrap_or_else(|| panic!("no {name}"));
        assert!(self.image.set(place, value, quality, scada::UtcTime::now()), "{name}");
    }

    fn document(&self) -> PathBuf {
        self.folder.path().join("devices.yaml")
    }

    /// Runs `gridtwin scada` with the document after its command.
    fn run(&self, command: &str, arguments: &[&str]) -> Output {
        run(command, &self.document(), arguments)
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn scada(arguments: &[&str]) -> Output {
    gridtwin(&[&["scada"][..], arguments].concat())
}

fn run(command: &str, document: &Path, arguments: &[&str]) -> Output {
    scada(&[&[command, document.to_str().unwrap()][..], arguments].concat())
}

/// What a command printed, once it has ended with this code.
fn said(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// What a command complained of, once it has ended with this code.
fn complaint(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr)
}

/// A text with every instant of the last minute as `TIME`.
fn timeless(text: &str) -> String {
    let now = jiff::Timestamp::now();
    let word = |word: &str| match word.parse::<jiff::Timestamp>() {
        Ok(time) => {
            assert!(word.len() == "2026-01-01T00:00:00.000Z".len(), "not to the millisecond, in UTC: {word}");
            assert!(now.duration_since(time).as_secs() < 60, "not of now: {word}");
            "TIME".to_owned()
        }
        Err(_) => word.to_owned(),
    };
    text.split('\n').map(|l| l.split(' ').map(word).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
}

fn json(output: &Output) -> Json {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", text(&output.stdout), text(&output.stderr)))
}

#[test]
fn reading_shows_value_unit_quality_and_time() {
    let devices = Devices::start();
    let told = said(&devices.run("read", &[]), 0);
    assert_eq!(
        timeless(&told),
        "\
point     value  unit  quality                time
BB1.V   403.127  kV    good                   TIME
BB1.P     -98.7  MW    good                   TIME
OIL          61  °C    good                   TIME
FAN         off        good                   TIME
CB1          on        good                   TIME
CB2         off        good                   TIME
T1.TAP       -3        good                   TIME
SET         400  kV    good                   TIME
SF6         6.5  bar   questionable: blocked  TIME
UNSEEN      off        invalid                TIME
10 of 10 points
"
    );
    // CSV has all digits.
    let told = said(&devices.run("read", &["--csv"]), 0);
    let rows: Vec<Vec<&str>> = told.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(rows[0], ["point", "device", "value", "unit", "quality", "time"]);
    let row = |name: &str| rows.iter().find(|r| r[0] == name).unwrap_or_else(|| panic!("no {name}: {told}"))[1..5].to_vec();
    assert_eq!(row("BB1.V"), ["bay-1", &f64::from(403.127_f32).to_string(), "kV", "good"]);
    assert_eq!(row("T1.TAP"), ["station", "-3", "", "good"]);
    assert_eq!(row("UNSEEN"), ["station", "off", "", "invalid"]);
    assert_eq!(rows.len(), 11);
    // Of some points of some devices, as JSON.
    let told = json(&devices.run("read", &["--json", "--point", "bb1.*", "--point", "CB1", "--point", "UNSEEN"]));
    let told = told.as_array().unwrap();
    let of = |key: &str| told.iter().map(|p| p[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("point"), ["BB1.V", "BB1.P", "CB1", "UNSEEN"]);
    assert_eq!(of("value"), [Json::from(f64::from(403.127_f32)), (-98.7).into(), "on".into(), false.into()]);
    assert_eq!(of("unit"), [Json::from("kV"), "MW".into(), Json::Null, Json::Null]);
    assert_eq!(of("quality"), ["good", "good", "good", "invalid"]);
    let told = said(&devices.run("read", &["--device", "BAY-1", "--point", "*"]), 0);
    assert!(told.contains("4 of 4 points") && !told.contains("CB1"), "{told}");
}

#[test]
fn what_cannot_be_read_is_told_with_what_can() {
    let devices = Devices::start();
    let told = complaint(&devices.run("read", &["--point", "BB1.VV"]), 1);
    assert!(told.contains("DEVICE.CHOICE.UNKNOWN") && told.contains("no point \"BB1.VV\"") && told.contains("\"BB1.V\""), "{told}");
    let told = complaint(&devices.run("read", &["--device", "bay-7"]), 1);
    assert!(told.contains("no device \"bay-7\"") && told.contains("bay-1, station"), "{told}");
    // A device that is not there, beside one that is.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let text_of = std::fs::read_to_string(devices.document()).unwrap();
    let document = document::read(&text_of, "devices.yaml");
    let gone = devices.folder.path().join("gone.yaml");
    std::fs::write(&gone, text_of.replace(&document.devices[0].addresses[0], &free)).unwrap();
    let begun = Instant::now();
    let output = run("read", &gone, &["--timeout", "1"]);
    let (told, why) = (said(&output, 1), complaint(&output, 1));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(told.lines().any(|l| l.split_whitespace().take(3).eq(["CB1", "on", "good"])) && told.contains("10 of 10 points"), "{told}");
    assert!(told.lines().any(|l| l.starts_with("BB1.V") && l.contains("  -  ") && l.contains("comm lost")), "{told}");
    for part in ["DEVICE.READ.NOT_ANSWERED", "device \"bay-1\" was not read within 1 s", &free, "refused", "--timeout"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    let output = run("write", &gone, &["FAN", "on", "--reason", "too warm", "--yes", "--timeout", "1"]);
    let why = complaint(&output, 1);
    assert!(why.contains("DEVICE.READ.NOT_ANSWERED") && why.contains("nothing was sent"), "{why}");
    // A document that is not there, and one that is wrong: all its faults, with their lines.
    let why = complaint(&run("read", &devices.folder.path().join("nowhere.yaml"), &[]), 1);
    assert!(why.contains("DEVICE.DOCUMENT.FILE") && why.contains("nowhere.yaml"), "{why}");
    let wrong = devices.folder.path().join("wrong.yaml");
    std::fs::write(&wrong, text_of.replace("type: float32", "type: floot").replace("protocol: iec104", "protocol: iec105")).unwrap();
    for command in ["read", "watch", "check"] {
        let output = run(command, &wrong, &[]);
        let why = complaint(&output, 1);
        for part in ["\"floot\"", "wrong.yaml:7", "\"iec105\"", "wrong.yaml:12"] {
            assert!(why.contains(part), "{command}, {part}: {why}");
        }
    }
}

#[test]
fn checking_counts_points_and_finds_elements_that_are_not_there() {
    let devices = Devices::start();
    let told = said(&devices.run("check", &[]), 0);
    assert!(told.contains("devices.yaml: sound"), "{told}");
    assert!(told.contains("  bay-1 (Modbus TCP at 127.0.0.1:"), "{told}");
    assert!(told.contains("4 points, 1 commanded, 2 without an element, 4 without an accuracy"), "{told}");
    assert!(told.contains("points about nothing in the network: OIL, FAN, SET, SF6, UNSEEN\n"), "{told}");
    // The shipped substation has a transformer t1 and no lines cb1, cb2 and no bus b400.
    let output = devices.run("check", &["--model", "models/ehv-400-220.dss"]);
    let why = complaint(&output, 1);
    assert!(why.matches("DEVICE.POINT.UNKNOWN_ELEMENT").count() == 3, "{why}");
    for element in ["line.cb1", "line.cb2", "bus.b400"] {
        assert!(why.contains(element), "{why}");
    }
    assert!(said(&output, 1).contains("not sound"));
    let outcome = json(&devices.run("check", &["--model", "models/ehv-400-220.dss", "--json"]));
    assert_eq!(outcome["sound"], false);
    assert_eq!(outcome["findings"].as_array().unwrap().len(), 3);
    assert_eq!((&outcome["devices"][1]["device"], &outcome["devices"][1]["points"]), (&Json::from("station"), &Json::from(6)));
}

#[test]
fn a_command_ends_with_its_record() {
    let devices = Devices::start();
    let order = |point: &str, value: &str| devices.run("write", &[point, value, "--reason", "maintenance of the feeder", "--yes"]);
    let told = timeless(&said(&order("CB1", "open"), 0));
    let user = ["USER", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok()).unwrap_or_else(|| "command line".to_owned());
    let head = format!("TIME CB1 to off by {user}: done\n  reason maintenance of the feeder\n  before on (good)\n  after  off (good)\n");
    assert!(told.starts_with(&head), "{told}");
    assert!(told.contains("  the device said: ") && told.ends_with("  ended  TIME\n"), "{told}");
    let told = said(&order("t1.tap", "up"), 0);
    assert!(told.contains("T1.TAP one step up by") && told.contains("before -3 (good)\n  after  -2 (good)"), "{told}");
    let told = said(&order("SET", "405.5"), 0);
    assert!(told.contains("SET to 405.5 kV by") && told.contains("before 400 (good)\n  after  405.5 (good)"), "{told}");
    let told = said(&order("FAN", "on"), 0);
    assert!(told.contains("before off (good)\n  after  on (good)"), "{told}");
    let record = json(&devices.run("write", &["CB1", "close", "--reason", "back in service", "--yes", "--json"]));
    for (key, value) in [("point", "CB1"), ("device", "station"), ("reason", "back in service"), ("user", user.as_str())] {
        assert_eq!(record[key], value, "{record}");
    }
    assert_eq!((&record["wanted"], &record["done"], &record["failure"]), (&true.into(), &true.into(), &Json::Null), "{record}");
    assert_eq!(record["before"], serde_json::json!({"value": "off", "quality": "good"}), "{record}");
    assert_eq!(record["after"], serde_json::json!({"value": "on", "quality": "good"}), "{record}");
    let (asked, ended) = (record["asked"].as_str().unwrap(), record["ended"].as_str().unwrap());
    assert!(timeless(asked) == "TIME" && timeless(ended) == "TIME" && asked <= ended, "{record}");
}

#[test]
fn a_command_that_is_refused_says_why_and_changes_nothing() {
    let devices = Devices::start();
    let order = |point: &str, value: &str| devices.run("write", &[point, value, "--reason", "test", "--yes"]);
    // By the device: nothing changes, and the record says so.
    let told = said(&order("CB2", "close"), 1);
    assert!(told.contains("CB2 to on by") && told.contains("the device refused: negative confirmation"), "{told}");
    assert!(told.contains("before off (good)\n  after  off (good)"), "{told}");
    let record = json(&devices.run("write", &["CB2", "close", "--reason", "test", "--yes", "--json"]));
    assert_eq!((&record["done"], &record["said"]), (&false.into(), &Json::Null), "{record}");
    assert!(record["failure"].as_str().unwrap().contains("refused"), "{record}");
    // By the document: it never goes out.
    let told = said(&order("SET", "421"), 1);
    assert!(told.contains("421") && told.contains("380") && told.contains("420") && told.contains("after  400 (good)"), "{told}");
    for (point, value, parts) in [
        ("BB1.V", "400", &["DEVICE.WRITE.NO_CONTROL", "takes no commands"][..]),
        ("CB1", "17", &["DEVICE.WRITE.VALUE", "on or off"]),
        ("CB1", "up", &["DEVICE.WRITE.VALUE", "on or off"]),
        ("T1.TAP", "5", &["DEVICE.WRITE.VALUE", "up or down"]),
        ("SET", "high", &["DEVICE.WRITE.VALUE", "a number in the unit of the point"]),
        ("SET", "nan", &["DEVICE.WRITE.VALUE"]),
        ("CB3", "open", &["DEVICE.CHOICE.UNKNOWN", "\"CB1\""]),
        ("CB*", "open", &["DEVICE.CHOICE.UNKNOWN", "its whole name"]),
    ] {
        let why = complaint(&order(point, value), 1);
        assert!(parts.iter().all(|p| why.contains(p)), "{point} {value}: {why}");
    }
    // Nobody there to ask, no reason.
    let why = complaint(&devices.run("write", &["CB1", "open", "--reason", "test"]), 1);
    assert!(why.contains("DEVICE.WRITE.NOT_CONFIRMED") && why.contains("--yes"), "{why}");
    complaint(&devices.run("write", &["CB1", "open", "--yes"]), 2);
    let why = complaint(&devices.run("write", &["CB1", "open", "--yes", "--reason", " "]), 2);
    assert!(why.contains("say why"), "{why}");
    let cb1 = devices.image.get(devices.image.place("CB1").unwrap()).unwrap();
    assert_eq!(cb1.value, Value::DoublePoint(DoublePoint::On));
}

#[test]
fn watching_tells_changes_until_ctrl_c() {
    let devices = Devices::start();
    let watch = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
        command.args(["scada", "watch"]).arg(devices.document()).args(more).current_dir(root()).env("NO_COLOR", "1");
        Talker::start(command, "gridtwin scada watch")
    };
    let mut watched = watch(&["--point", "CB*", "--point", "BB1.V"]);
    let mut read = 0;
    let mut shown = Vec::new();
    // Both devices have been read; what others than those asked for show is not told.
    while read < 2 {
        let line = watched.hear();
        read += usize::from(line.contains("every point has been read"));
        shown.push(timeless(&line));
    }
    for line in ["TIME BB1.V 403.127 kV", "TIME CB1 on", "TIME CB2 off"] {
        assert!(shown.iter().any(|l| l == line), "{line}: {shown:#?}");
    }
    assert!(shown.iter().all(|l| !l.contains("SF6") && !l.contains("no point is for")), "{shown:#?}");
    devices.set("CB1", Value::DoublePoint(DoublePoint::Off), Quality::GOOD);
    assert_eq!(timeless(&watched.until("CB1")), "TIME CB1 off");
    devices.set("BB1.V", Value::Float(401.5), Quality::GOOD);
    assert_eq!(timeless(&watched.until("BB1.V")), "TIME BB1.V 401.5 kV");
    devices.set("CB2", Value::DoublePoint(DoublePoint::Bad), Quality::questionable(Flags::BLOCKED));
    assert_eq!(timeless(&watched.until("CB2")), "TIME CB2 bad (questionable: blocked)");
    assert_eq!(watched.interrupt(), Some(0));
    // As JSON, for a time.
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
    command.args(["scada", "watch"]).arg(devices.document()).args(["--for", "1", "--json", "--point", "SET"]);
    let told = said(&run_within(Duration::from_secs(20), &mut command), 0);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let rows: Vec<Json> = told.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect();
    let value = rows.iter().find(|r| r["point"] == "SET").unwrap_or_else(|| panic!("{told}"));
    assert_eq!((&value["value"], &value["unit"], &value["quality"]), (&400.0.into(), &"kV".into(), &"good".into()));
    assert!(rows.iter().any(|r| r["event"] == "every point has been read" && r["device"] == "station"), "{told}");
}

#[test]
fn browsing_finds_what_is_there() {
    let devices = Devices::start();
    let document = document::read(&std::fs::read_to_string(devices.document()).unwrap(), "devices.yaml");
    let [modbus, iec104] = [0, 1].map(|d| document.devices[d].addresses[0].clone());
    let told = said(&scada(&["browse", "--iec104", &iec104]), 0);
    assert_eq!(
        told,
        "\
station  object  type          value  quality
      1       1     3  double     on  good
      1       2     3  double    off  good
      1       3     5  step       -3  good
      1       4    13  float     400  good
      1       5    13  float     6.5  questionable: blocked
      1       6     1  single    off  invalid
6 objects
"
    );
    let rows = json(&scada(&["browse", "--iec104", &iec104, "--station", "1", "--json"]));
    assert_eq!(rows[3], serde_json::json!({"station": 1, "object": 4, "type": 13, "value": 400.0, "quality": "good"}));
    let why = complaint(&scada(&["browse", "--iec104", &iec104, "--station", "7"]), 1);
    assert!(why.contains("DEVICE.READ.NOT_ANSWERED") && why.contains("station 7 is not known at this address"), "{why}");
    let told = said(&scada(&["browse", "--modbus", &modbus, "--range", "holding:100-103", "--range", "input:7", "--range", "coil:2-3"]), 0);
    let word = |table: &str, offset: u32| {
        let line = told.lines().find(|l| l.split_whitespace().take(2).eq([table, &offset.to_string()])).unwrap_or_else(|| panic!("{told}"));
        line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(word("holding", 102), "64549 0xfc25", "-987 in two's complement");
    assert_eq!((word("input", 7).as_str(), word("coil", 3).as_str()), ("61 0x003d", "0 0x0000"));
    assert_eq!(word("holding", 103), "- exception 2");
    assert!(told.ends_with("5 of 7 places answer\n"), "{told}");
    for (arguments, part) in [
        (&["browse", "--modbus", &modbus][..], "--range"),
        (&["browse", "--modbus", &modbus, "--range", "tank:1"], "\"tank\" is no table"),
        (&["browse"], "--iec104"),
        (&["browse", "--station", "1", &iec104], "--station"),
    ] {
        let why = complaint(&scada(arguments), 2);
        assert!(why.contains(part), "{arguments:?}: {why}");
    }
    // Nobody there, and somebody who speaks otherwise.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = mute.local_addr().unwrap().to_string();
    for arguments in [[&free[..], "--timeout", "1"], [&mute[..], "--timeout", "0.5"], [&iec104[..], "--timeout", "1"]] {
        let why = complaint(&scada(&[&["browse"][..], &arguments[..]].concat()), 1);
        assert!(why.contains("DEVICE.READ.NOT_ANSWERED") && why.contains(arguments[0]), "{why}");
    }
}

#[test]
fn every_command_explains_itself() {
    let told = said(&scada(&["--help"]), 0);
    for command in ["check", "read", "watch", "write", "browse"] {
        assert!(told.contains(&format!("\n  {command} ")), "{told}");
        let told = said(&scada(&[command, "--help"]), 0);
        let page = std::fs::read_to_string(root().join("docs/command-line.md")).unwrap();
        let row = page.lines().find(|l| l.starts_with(&format!("| `{command} ")) && l.contains("FILE") | l.contains("ADDRESS"));
        let row = row.unwrap_or_else(|| panic!("docs/command-line.md does not have {command}"));
        let options =
            told.split_whitespace().filter(|w| w.starts_with("--") && w.len() > 2).map(|w| w.trim_end_matches([']', '>', ')', ',']));
        for option in options.filter(|o| !["--help", "--version"].contains(o)) {
            assert!(row.contains(option), "the page does not have {option} of {command}");
        }
    }
}

/// A plant with all three protocols, and the document to follow it by.
fn plant(folder: &Path, at: [&str; 3]) -> (Talker, PathBuf) {
    let follow = folder.join("follow.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
    command.args(["simulate", "plant", "--no-noise", "--start", "2026-03-01T08:00", "--modbus", at[0], "--iec104", at[1]]);
    command.args(["--iec61850", at[2], "--instructor", "127.0.0.1:0", "--follow-document"]).arg(&follow);
    let mut plant = Talker::start(
        {
            command.current_dir(root()).env("NO_COLOR", "1");
            command
        },
        "gridtwin simulate plant",
    );
    plant.until("instructor");
    (plant, follow)
}

#[test]
fn a_substation_is_read_commanded_lost_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let (first, follow) = plant(folder.path(), ["127.0.0.1:0"; 3]);
    let document = document::read(&std::fs::read_to_string(&follow).unwrap(), "follow.yaml");
    let at = |protocol: document::Protocol| {
        let found = document.devices.iter().find(|d| d.protocol.protocol() == protocol).expect("a device of each protocol");
        found.addresses[0].clone()
    };
    let at = [at(document::Protocol::Modbus), at(document::Protocol::Iec104), at(document::Protocol::Iec61850)];
    let told = said(&run("read", &follow, &[]), 0);
    assert!(told.ends_with("3171 of 3171 points\n"), "{}", told.lines().last().unwrap_or_default());
    // A breaker over IEC 61850, a tap over 104: the record shows what became of them.
    let order = |point: &str, value: &str| run("write", &follow, &[point, value, "--reason", "test", "--yes"]);
    let told = said(&order("CB-F34.CLOSED", "open"), 0);
    assert!(told.contains("before on (good)\n  after  off (good)") && told.contains("carried out"), "{told}");
    let told = said(&order("T1.TAP_AUTOMATIC", "off"), 0);
    assert!(told.contains("after  off (good)"), "{told}");
    let tap = |told: &str, when: &str| -> i32 {
        let line = told.lines().find(|l| l.trim_start().starts_with(when)).unwrap_or_else(|| panic!("{told}"));
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{told}"))
    };
    let told = said(&order("T1.TAP_POSITION", "down"), 0);
    assert_eq!(tap(&told, "after"), tap(&told, "before") - 1, "{told}");
    // What the interlock of the bay forbids: an isolator under load.
    let told = said(&order("Q9_F21.CLOSED", "open"), 1);
    assert!(told.contains("the device refused") && told.contains("before on (good)\n  after  on (good)"), "{told}");
    // The tree of the IEC 61850 device, and that it is another one's port.
    let tree = said(&scada(&["browse", &at[2]]), 0);
    let lines: Vec<&str> = tree.lines().collect();
    assert!(lines[0].starts_with(&format!("{}: GridTwin simulated device ", at[2])), "{}", lines[0]);
    for line in ["PLANTBAY", "  F34CSWI1", "  data set PLANTBAY/LLN0.Stat1", "  report PLANTBAY/LLN0.BR.brcbStat101"] {
        assert!(lines.contains(&line), "{line}");
    }
    let browsed = json(&scada(&["browse", &at[2], "--json"]));
    assert_eq!(browsed["devices"].as_array().unwrap().len(), 8);

    // The station's communication ends, and comes back: every device is followed again without hands within ten seconds.
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
    command.args(["scada", "watch"]).arg(&follow).current_dir(root()).env("NO_COLOR", "1");
    let mut watched = Talker::start(command, "gridtwin scada watch");
    for _ in 0..3 {
        watched.until("every point has been read");
    }
    drop(first);
    watched.until("(questionable: old, comm lost)");
    let ports: Vec<&str> = at.iter().map(String::as_str).collect();
    let (_second, _) = plant(folder.path(), [ports[0], ports[1], ports[2]]);
    let begun = Instant::now();
    let mut took = Vec::new();
    for _ in 0..3 {
        let line = watched.until("every point has been read");
        let device = line.split_whitespace().nth(1).unwrap_or_default().trim_end_matches(':').to_owned();
        took.push((device, begun.elapsed().as_secs_f64()));
    }
    println!("read again after {took:.2?} s");
    assert!(took.iter().all(|(_, s)| *s < 10.0), "{took:?}");
    assert_eq!(watched.interrupt(), Some(0));
}

#[test]
fn devices_of_others_are_browsed_read_and_commanded() {
    let Some(python) = peers() else { return };
    let port = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let [modbus, iec104, iec61850] = [port(), port(), port()];
    let peer = |script: &str, port: &str| {
        let mut peer = Talker::peer(&python, &format!("../../scada/tests/{script}"), &[port]);
        peer.until("ready");
        peer
    };
    let _pymodbus = peer("peers/modbus_server.py", &modbus);
    let mut lib60870 = peer("peers/iec104_server.py", &iec104);
    let mut libiec61850 = peer("iec61850_peers/server.py", &iec61850);
    libiec61850.say("f 12.5");
    libiec61850.until("done");
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("others.yaml");
    let rows = [
        format!("- id: a\n    protocol: modbus\n    address: \"127.0.0.1:{modbus}\"\n    unit: 3\n    points:"),
        "  - {name: A.F, address: \"holding:100\", type: float32, unit: kV, element: none}".to_owned(),
        "  - {name: A.I, address: \"holding:108\", type: int16, scale: 0.1, unit: °C, element: none}".to_owned(),
        format!("- id: b\n    protocol: iec104\n    address: \"127.0.0.1:{iec104}\"\n    points:"),
        "  - {name: B.CB, address: 2, type: double, element: none, control: {select: true, address: 102}}".to_owned(),
        "  - {name: B.NO, address: 1, type: single, element: none, control: {address: 103}}".to_owned(),
        "  - {name: B.F, address: 7, type: float, unit: Hz, element: none}".to_owned(),
        "  - {name: B.S, address: 6, type: scaled, element: none}".to_owned(),
        format!("- id: c\n    protocol: iec61850\n    address: \"127.0.0.1:{iec61850}\"\n    points:"),
        "  - {name: C.F, address: \"PEERLD0/GGIO1.AnIn1.mag.f[MX]\", type: float, element: none}".to_owned(),
        "  - {name: C.S, address: \"PEERLD0/GGIO1.SPCSO4.stVal[ST]\", type: bool, element: none, control: {select: true}}".to_owned(),
        "  - {name: C.NOT, address: \"PEERLD0/GGIO1.AnIn9.mag.f[MX]\", type: float, element: none}".to_owned(),
    ];
    std::fs::write(&document, format!("devices:\n  {}\n", rows.join("\n  ").replace("\n    - {", "\n      - {"))).unwrap();
    let told = said(&run("read", &document, &[]), 0);
    let row = |name: &str| {
        let line = told.lines().find(|l| l.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("no {name}: {told}"));
        line.split_whitespace()
            .skip(1)
            .take_while(|w| !w.contains('T') || w.parse::<jiff::Timestamp>().is_err())
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (name, shown) in [
        ("A.F", "123.456 kV good"),
        ("A.I", "-25 °C good"),
        ("B.CB", "on good"),
        ("B.F", "49.98 Hz good"),
        ("B.S", "-1234 questionable: old, substituted"),
        ("C.F", "12.5 good"),
        ("C.S", "off good"),
        ("C.NOT", "- invalid"),
    ] {
        assert_eq!(row(name), shown, "{name}");
    }
    let order = |point: &str, value: &str| run("write", &document, &[point, value, "--reason", "test", "--yes"]);
    assert!(said(&order("B.CB", "open"), 0).contains("after  off (good)"));
    assert_eq!(lib60870.ask("got"), serde_json::json!([["breaker", "OFF"]]));
    assert!(said(&order("B.NO", "on"), 1).contains("the device refused"));
    assert!(said(&order("C.S", "on"), 0).contains("before off (good)\n  after  on (good)"));
    libiec61850.until("operated SPCSO4 1");
    libiec61850.say("refuse 1");
    libiec61850.until("done");
    let told = said(&order("C.S", "off"), 1);
    assert!(told.contains("blocked by interlocking") && told.contains("after  on (good)"), "{told}");
    let tree = said(&scada(&["browse", &format!("127.0.0.1:{iec61850}")]), 0);
    for line in ["PEERLD0", "  GGIO1", "  data set PEERLD0/LLN0.Events", "  report PEERLD0/LLN0.BR.brcb01"] {
        assert!(tree.lines().any(|l| l == line || l.starts_with(line)), "{line}: {tree}");
    }
    let told = said(&scada(&["browse", "--iec104", &format!("127.0.0.1:{iec104}")]), 0);
    assert!(
        told.lines().any(|l| l.split_whitespace().eq(["1", "6", "11", "scaled", "-1234", "questionable:", "old,", "substituted"])),
        "{told}"
    );
    assert!(TcpStream::connect(format!("127.0.0.1:{modbus}")).is_ok());
    let told = said(&scada(&["browse", "--modbus", &format!("127.0.0.1:{modbus}"), "--unit", "3", "--range", "holding:100-101"]), 0);
    assert!(told.ends_with("2 of 2 places answer\n"), "{told}");
}
