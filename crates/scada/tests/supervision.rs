//! Devices that are killed, cut off, slow, silent, or talk nonsense: every value says what it is worth, and all comes back by itself.

mod common;

use common::proxy::{Proxy, Wire};
use common::{Follower, Served, devices, listener};
use scada::UtcTime;
use scada::device::CommandError;
use scada::document::DeviceSpec;
use scada::point::{DoublePoint, Flags, Quality, Value};
use scada::simulate::{Follows, Image};
use scada::supervision::EventKind;
use scada::telecontrol::{Interlock, NoInterlock, Order, Originator, Telecontrol};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// The test that measures has the machine for itself.
static QUIET: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());

/// Recovery without hands, from the moment that the device is back.
const RECOVERY: Duration = Duration::from_secs(10);

const DEVICES: &str = r#"
devices:
  - id: modbus
    protocol: modbus
    address: MODBUS
    timeout_s: 0.5
    backoff_first_s: 0.1
    backoff_longest_s: 1
    poll_s: 0.1
    points:
      - {name: m.v, address: "holding:0", type: float32, element: none}
      - {name: m.cb, address: "coil:0", element: none, control: {read_back: true, timeout_s: 1}}
  - id: station
    protocol: iec104
    address: STATION
    timeout_s: 0.5
    backoff_first_s: 0.1
    backoff_longest_s: 1
    t1_s: 1
    t2_s: 0.2
    t3_s: 0.5
    command_time: true
    points:
      - {name: s.v, address: 1, type: float, element: none}
      - {name: s.cb, address: 2, type: double, element: none, control: {address: 102, select: true, read_back: true, timeout_s: 1}}
"#;

struct Bench {
    image: Arc<Image>,
    plant: Arc<Follows>,
    modbus: Option<Served>,
    station: Option<Served>,
    wires: [Proxy; 2],
    devices: Vec<DeviceSpec>,
}

impl Bench {
    async fn start() -> Self {
        let image = Arc::new(Image::new(&devices(&DEVICES.replace("MODBUS", "h").replace("STATION", "h"))));
        let plant = Arc::new(Follows);
        let modbus = Served::start(&image, &plant, "modbus").await;
        let station = Served::start(&image, &plant, "station").await;
        let wires = [Proxy::start(modbus.at).await, Proxy::start(station.at).await];
        let text = DEVICES.replace("MODBUS", &wires[0].at.to_string()).replace("STATION", &wires[1].at.to_string());
        let bench = Self { image, plant, modbus: Some(modbus), station: Some(station), wires, devices: devices(&text) };
        bench.set(1.5, true);
        bench
    }

    fn set(&self, v: f64, is_closed: bool) {
        let now = UtcTime::now();
        let position = if is_closed { DoublePoint::On } else { DoublePoint::Off };
        for (name, value) in
            [("m.v", Value::Float(v)), ("m.cb", Value::Bool(is_closed)), ("s.v", Value::Float(v)), ("s.cb", Value::DoublePoint(position))]
        {
            assert!(self.image.set(self.image.place(name).unwrap(), value, Quality::GOOD, now));
        }
    }

    fn wire(&self, wire: &Wire) {
        for w in &self.wires {
            w.set(wire.clone());
        }
    }

    async fn kill(&mut self) -> [std::net::SocketAddr; 2] {
        [self.modbus.take().unwrap().kill().await, self.station.take().unwrap().kill().await]
    }

    async fn revive(&mut self, at: [std::net::SocketAddr; 2]) {
        let [a, b] = [TcpListener::bind(at[0]).await.unwrap(), TcpListener::bind(at[1]).await.unwrap()];
        self.modbus = Some(Served::on(a, &self.image, &self.plant, "modbus"));
        self.station = Some(Served::on(b, &self.image, &self.plant, "station"));
    }
}

fn all_good(f: &Follower, v: f64, is_closed: bool) -> bool {
    let position = if is_closed { DoublePoint::On } else { DoublePoint::Off };
    f.shows("m.v", &Value::Float(v))
        && f.shows("s.v", &Value::Float(v))
        && f.shows("m.cb", &Value::Bool(is_closed))
        && f.shows("s.cb", &Value::DoublePoint(position))
}

fn all_lost(f: &Follower) -> bool {
    f.newest.len() == 4 && f.newest.values().all(|u| u.quality.flags.has(Flags::COMM_LOST) && !u.quality.is_good() && u.value.is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_are_killed_are_marked_and_come_back() {
    let _here = QUIET.read().await;
    let mut bench = Bench::start().await;
    let mut follower = Follower::start(&bench.devices);
    follower.until("all is read", |f| all_good(f, 1.5, true)).await;
    let at = bench.kill().await;
    let lost = follower.until("all is lost", all_lost).await;
    assert!(lost < Duration::from_secs(3), "{lost:?}");
    assert_eq!(follower.value("s.v"), Some(&Value::Float(1.5)), "the last value stays");
    bench.set(2.5, false);
    bench.revive(at).await;
    let back = follower.until("all is back, and new", |f| all_good(f, 2.5, false)).await;
    assert!(back < RECOVERY, "{back:?}");
    assert_eq!(follower.count(|k| matches!(k, EventKind::Lost { .. })), 2);
    follower.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wires_that_are_cut_silent_or_spoilt_are_seen_through() {
    let _here = QUIET.read().await;
    let bench = Bench::start().await;
    let mut follower = Follower::start(&bench.devices);
    let mut v = 1.5;
    for (what, wire) in [
        ("cut", Wire { is_cut: true, ..Wire::default() }),
        // Nothing says that the connection is gone: only that nothing comes.
        ("silent", Wire { is_silent: true, ..Wire::default() }),
        ("spoilt", Wire { garbage: Some(b"\xff\xfe GET / HTTP/1.1 \x00\x01".repeat(20)), ..Wire::default() }),
        ("spoilt by what looks right", Wire { garbage: Some(vec![0x68, 0x0E, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]), ..Wire::default() }),
        ("slower than the limit", Wire { delay: Duration::from_millis(1600), ..Wire::default() }),
    ] {
        follower.until(&format!("all is well before it is {what}"), |f| all_good(f, v, true)).await;
        bench.wire(&wire);
        // A station that is asked nothing is only found out by its test.
        let lost = follower.until(&format!("{what}: all is lost"), all_lost).await;
        assert!(lost < Duration::from_secs(6), "{what}: {lost:?}");
        v += 1.0;
        bench.set(v, true);
        bench.wire(&Wire::default());
        let back = follower.until(&format!("{what}: all is back"), |f| all_good(f, v, true)).await;
        assert!(back < RECOVERY, "{what}: {back:?}");
    }
    // A delay below the limit is none of the supervision's business.
    let losses = follower.count(|k| matches!(k, EventKind::Lost { .. }));
    bench.wire(&Wire { delay: Duration::from_millis(50), ..Wire::default() });
    follower.follow(Duration::from_secs(2)).await;
    assert_eq!(follower.count(|k| matches!(k, EventKind::Lost { .. })), losses);
    follower.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_address_takes_over_and_keeps_the_connection() {
    let _here = QUIET.read().await;
    let image = Arc::new(Image::new(&devices(&DEVICES.replace("MODBUS", "h").replace("STATION", "h"))));
    let plant = Arc::new(Follows);
    let place = image.place("m.v").unwrap();
    image.set(place, Value::Float(1.0), Quality::GOOD, UtcTime::now());
    image.set(image.place("m.cb").unwrap(), Value::Bool(true), Quality::GOOD, UtcTime::now());
    let (first, second) = (Served::start(&image, &plant, "modbus").await, Served::start(&image, &plant, "modbus").await);
    let both = format!("{}\n    second_address: {}", first.at, second.at);
    let all = devices(&DEVICES.replace("MODBUS", &both).replace("STATION", "127.0.0.1:1"));
    let mut follower = Follower::start(&all[..1]);
    follower.until("the first address answers", |f| f.shows("m.v", &Value::Float(1.0))).await;
    let at = first.kill().await;
    image.set(place, Value::Float(2.0), Quality::GOOD, UtcTime::now());
    let switched = follower.until("the second address answers", |f| f.shows("m.v", &Value::Float(2.0))).await;
    assert!(switched < Duration::from_secs(3), "{switched:?}");
    assert!(follower.count(|k| matches!(k, EventKind::Switched { to, .. } if *to == second.at.to_string())) == 1);
    // The first address is back, and nothing swings back to it while the second one answers.
    let (events, first) = (follower.events.len(), Served::on(TcpListener::bind(at).await.unwrap(), &image, &plant, "modbus"));
    follower.follow(Duration::from_secs(2)).await;
    assert_eq!(follower.events.len(), events, "{:?}", &follower.events[events..]);
    second.kill().await;
    image.set(place, Value::Float(3.0), Quality::GOOD, UtcTime::now());
    follower.until("the first address answers again", |f| f.shows("m.v", &Value::Float(3.0))).await;
    follower.supervisor.stop().await;
    first.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_station_nobody_listened_to_are_told_afterwards_in_order() {
    let _here = QUIET.read().await;
    let bench = Bench::start().await;
    let mut follower = Follower::start(&bench.devices[1..]);
    follower.until("the station is read", |f| f.recovered() > 0).await;
    bench.wires[1].set(Wire { is_cut: true, ..Wire::default() });
    follower.until("it is lost", |f| f.quality("s.cb").is_some_and(|q| q.flags.has(Flags::COMM_LOST))).await;
    let place = bench.image.place("s.cb").unwrap();
    let begun = UtcTime::now();
    let count = 500;
    for i in 0..count {
        let position = if i % 2 == 0 { DoublePoint::Off } else { DoublePoint::On };
        let time = UtcTime::from_ms(begun.ms() + i);
        assert!(bench.image.set(place, Value::DoublePoint(position), Quality::GOOD, time));
    }
    let before = follower.updates.len();
    bench.wires[1].set(Wire::default());
    let times = |f: &Follower| -> Vec<i64> {
        let of = |(n, u): &(Arc<str>, scada::point::Update)| (&**n == "s.cb").then(|| u.source_time.map(|t| t.ms() - begun.ms())).flatten();
        f.updates[before..].iter().filter_map(of).filter(|t| *t >= 0).collect()
    };
    follower.until("all events came", |f| times(f).contains(&(count - 1))).await;
    assert_eq!(times(&follower), (0..count).collect::<Vec<_>>(), "each once, in order");
    follower.supervisor.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_consumer_holds_up_no_device_and_is_told_what_it_missed() {
    let _here = QUIET.read().await;
    let bench = Bench::start().await;
    let mut follower = Follower::with_capacity(&bench.devices, 1);
    follower.until("all is read", |f| all_good(f, 1.5, true)).await;
    let place = bench.image.place("s.cb").unwrap();
    let before = follower.updates.len();
    let count = 3000;
    for i in 0..count {
        let position = if i % 2 == 0 { DoublePoint::Off } else { DoublePoint::On };
        assert!(bench.image.set(place, Value::DoublePoint(position), Quality::GOOD, UtcTime::now()));
        bench.image.set(bench.image.place("s.v").unwrap(), Value::Float(f64::from(i)), Quality::GOOD, UtcTime::now());
        if i % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    // Nobody takes anything for longer than every limit of the protocol.
    tokio::time::sleep(Duration::from_secs(3)).await;
    follower.until("what is newest comes", |f| f.shows("s.v", &Value::Float(f64::from(count - 1)))).await;
    follower.follow(Duration::from_millis(500)).await;
    assert_eq!(follower.count(|k| matches!(k, EventKind::Lost { .. })), 0, "{:?}", follower.events);
    let got = follower.updates[before..].iter().filter(|(n, u)| &**n == "s.cb" && u.cause == scada::point::Cause::Spontaneous).count();
    let missed: u64 =
        follower.events.iter().map(|(_, k)| if let EventKind::EventsMissed { count, .. } = k { count.unwrap_or(0) } else { 0 }).sum();
    assert_eq!(got as u64 + missed, u64::try_from(count).unwrap());
    follower.supervisor.stop().await;
}

struct Never;

impl Interlock for Never {
    async fn check(&self, _: &scada::point::PointSpec, _: &Value) -> Result<(), String> {
        Err("the line would be islanded".to_owned())
    }
}

fn order(point: &str, value: Value) -> Order {
    Order { point: point.to_owned(), value, by: Originator { user: "op".to_owned(), reason: "switching order 7".to_owned() } }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_are_refused_before_they_go_out_or_told_as_unknown() {
    let _here = QUIET.read().await;
    let bench = Bench::start().await;
    let mut follower = Follower::start(&bench.devices);
    follower.until("all is read", |f| all_good(f, 1.5, true)).await;
    let locked = Telecontrol::new(&follower.supervisor, Never);
    let record = locked.execute(order("s.cb", Value::Bool(false))).await;
    assert!(matches!(record.outcome, Err(CommandError::Interlocked { .. })));
    assert_eq!(bench.image.get(bench.image.place("s.cb").unwrap()).unwrap().value, Value::DoublePoint(DoublePoint::On));

    let telecontrol = Telecontrol::new(&follower.supervisor, NoInterlock);
    for name in ["s.cb", "m.cb"] {
        let record = telecontrol.execute(order(name, Value::Bool(false))).await;
        assert_eq!(record.outcome, Ok(()), "{record:?}");
        assert_eq!(record.after.as_ref().unwrap().0.as_ref().unwrap().as_bool(), Some(false), "{record:?}");
    }
    bench.wire(&Wire { is_silent: true, ..Wire::default() });
    let records =
        [telecontrol.execute(order("s.cb", Value::Bool(true))).await, telecontrol.execute(order("m.cb", Value::Bool(true))).await];
    for record in records {
        assert!(record.outcome.is_err(), "{record:?}");
        assert!(record.failure.is_some());
    }
    follower.until("all is lost", all_lost).await;
    let record = telecontrol.execute(order("s.cb", Value::Bool(true))).await;
    assert!(matches!(record.outcome, Err(CommandError::NotConnected { .. })), "{record:?}");
    follower.supervisor.stop().await;
}

/// 2,500 points over both protocols, every one of them moving each second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_five_hundred_points_arrive_within_half_a_second() {
    let _here = QUIET.write().await;
    let mut text = "devices:\n".to_owned();
    let (modbus_at, station_at) = (listener().await, listener().await);
    text += &format!("  - id: m\n    protocol: modbus\n    address: {}\n    poll_s: 1\n    points:\n", modbus_at.1);
    for i in 0..1250 {
        text += &format!("      - {{name: m{i}, address: \"holding:{}\", type: float32, element: none}}\n", 2 * i);
    }
    text += &format!("  - id: s\n    protocol: iec104\n    address: {}\n    points:\n", station_at.1);
    for i in 0..1250 {
        text += &format!("      - {{name: s{i}, address: {}, type: float, element: none}}\n", i + 1);
    }
    let devices = devices(&text);
    let (image, plant) = (Arc::new(Image::new(&devices)), Arc::new(Follows));
    let served = [Served::on(modbus_at.0, &image, &plant, "m"), Served::on(station_at.0, &image, &plant, "s")];
    let places: Vec<_> = image.places().map(|(p, _)| p).collect();
    assert_eq!(places.len(), 2500);
    for place in &places {
        image.set(*place, Value::Float(0.0), Quality::GOOD, UtcTime::now());
    }
    let mut follower = Follower::start(&devices);
    follower.until("all is read", |f| f.newest.len() == 2500 && f.newest.values().all(|u| u.quality.is_good())).await;
    // What the devices set, and when, by the value itself.
    let mut set_at: HashMap<i64, UtcTime> = HashMap::new();
    let before = follower.updates.len();
    for round in 1..=3i64 {
        set_at.insert(round, UtcTime::now());
        for place in &places {
            image.set(*place, Value::Float(round as f64), Quality::GOOD, UtcTime::now());
        }
        follower.follow(Duration::from_secs(1)).await;
    }
    follower.until("the last round is there", |f| f.newest.values().all(|u| u.value == Some(Value::Float(3.0)))).await;
    // Events say themselves how long they took; of what is polled once a second the poll is the wait, and half a second is not promised.
    let mut delays_s: Vec<f64> = follower.updates[before..]
        .iter()
        .filter(|(n, _)| n.starts_with('s'))
        .filter_map(|(_, u)| u.value.as_ref().and_then(Value::as_f64).map(|v| u.receive_time.seconds_since(set_at[&(v as i64)])))
        .collect();
    assert!(delays_s.len() >= 3 * 1250, "{}", delays_s.len());
    delays_s.sort_by(f64::total_cmp);
    let p95_s = delays_s[delays_s.len() * 95 / 100];
    eprintln!("{} events, 95th percentile {:.0} ms", delays_s.len(), 1000.0 * p95_s);
    assert!(p95_s < 0.5, "{p95_s}");
    follower.supervisor.stop().await;
    for s in served {
        s.kill().await;
    }
}
