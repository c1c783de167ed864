//! IEC 60870-5-104 with c104 (lib60870) on the other side, once as controlling station and once as controlled one.

mod common;

use common::proxy::Proxy;
use common::{Follower, Peer, Served, devices, listener, peer};
use scada::point::{DoublePoint, Flags, Quality, Validity, Value};
use scada::simulate::{Follows, Image};
use scada::supervision::EventKind;
use scada::telecontrol::{NoInterlock, Order, Originator, Telecontrol};
use scada::{UtcTime, device::CommandError};
use serde_json::json;
use std::sync::Arc;

const OURS: &str = r#"
devices:
  - id: ours
    protocol: iec104
    address: 127.0.0.1
    common_address: 1
    points:
      - {name: single, address: 1, type: single, element: none, control: {address: 101}}
      - {name: double, address: 2, type: double, element: none, control: {address: 102, select: true}}
      - {name: step, address: 3, type: step, element: none, control: {address: 104}}
      - {name: bits, address: 4, type: bits, element: none}
      - {name: normalised, address: 5, type: normalised, scale: 100, element: none}
      - {name: scaled, address: 6, type: scaled, scale: 0.1, element: none}
      - {name: float, address: 7, type: float, element: none, control: {address: 107, low: 0, high: 100}}
      - {name: counter, address: 8, type: counter, element: none}
      - {name: event, address: 20, type: float, element: none}
      - {name: other, address: 30, type: double, element: none, control: {address: 103, select: true}}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c104_interrogates_and_commands_a_station_of_ours() {
    let Some(python) = peer() else { return };
    let image = Arc::new(Image::new(&devices(OURS)));
    let set = |name: &str, value, quality| assert!(image.set(image.place(name).unwrap(), value, quality, UtcTime::now()), "{name}");
    set("single", Value::Bool(true), Quality::GOOD);
    set("double", Value::DoublePoint(DoublePoint::Off), Quality::questionable(Flags::BLOCKED));
    set("step", Value::Step { position: -7, moving: true }, Quality::GOOD);
    set("bits", Value::Bits(0xDEAD_BEEF), Quality::GOOD);
    set("normalised", Value::Float(-50.0), Quality::GOOD);
    set("scaled", Value::Float(-123.4), Quality::questionable(Flags::OVERFLOW));
    set("float", Value::Float(49.98), Quality::new(Validity::Good, Flags::SUBSTITUTED));
    set("counter", Value::Counter { count: -77, sequence: 5, carry: false, adjusted: false }, Quality::GOOD);
    set("event", Value::Float(1.0), Quality::GOOD);
    let served = Served::start(&image, &Arc::new(Follows), "ours").await;
    let proxy = Proxy::start(served.at).await;
    let mut client = Peer::start(&python, "iec104_client.py", &[proxy.at.port().to_string()]);
    let seen = client.hear().await;
    for service in ["interrogation", "group", "counters", "clock", "test"] {
        assert_eq!(seen[service], json!(true), "{service}: {seen}");
    }
    let values = &seen["values"];
    assert_eq!(values["single"], json!(true));
    assert_eq!(values["double"], json!("OFF"));
    assert_eq!(values["step"].as_f64(), Some(-7.0), "{values}");
    assert_eq!(values["bits"], json!(0xDEAD_BEEFu32));
    assert_eq!(values["normalised"].as_f64(), Some(-0.5));
    assert_eq!(values["scaled"].as_f64(), Some(-1234.0));
    assert!((values["float"].as_f64().unwrap() - 49.98).abs() < 1e-5);
    assert_eq!(values["counter"].as_f64(), Some(-77.0));
    let qualities = &seen["qualities"];
    let says = |name: &str, word: &str| assert!(qualities[name].as_str().unwrap().contains(word), "{name}: {qualities}");
    says("double", "Blocked");
    says("scaled", "Overflow");
    says("float", "Substituted");

    client.say("go").await;
    set("event", Value::Float(42.5), Quality::GOOD);
    let spontaneous = client.hear().await;
    assert_eq!(spontaneous["came"], json!(true), "{spontaneous}");
    assert!(spontaneous["age_s"].as_f64().unwrap() < 20.0, "{spontaneous}");

    client.say("go").await;
    let outcome = client.hear().await;
    for (command, wanted) in [
        ("single", true),
        ("double", true),
        ("unselected", false),
        ("step", true),
        ("float", true),
        ("nowhere", false),
        ("float_too_high", false),
    ] {
        assert_eq!(outcome[command], json!(wanted), "{command}: {outcome}");
    }
    assert_eq!((&outcome["read"], outcome["float_read"].as_f64()), (&json!(true), Some(17.25)), "{outcome}");
    let holds = |name: &str| image.get(image.place(name).unwrap()).unwrap().value;
    assert_eq!(holds("double"), Value::DoublePoint(DoublePoint::On));
    assert_eq!(holds("other"), Value::DoublePoint(DoublePoint::Intermediate), "nobody selected it");
    assert_eq!(holds("step"), Value::Step { position: -6, moving: false });
    assert_eq!(holds("float"), Value::Float(17.25));
    client.say("end").await;
    client.kill().await;
    let (malformed, read, all) = proxy.dissected(2404, "iec60870_104");
    assert_eq!((malformed, read), (0, all));
    assert!(all > 20, "{all}");
    served.kill().await;
}

const THEIRS: &str = r#"
devices:
  - id: theirs
    protocol: iec104
    address: ADDRESS
    common_address: 1
    set_clock: true
    points:
      - {name: single, address: 1, type: single, element: none, control: {address: 103}}
      - {name: double, address: 2, type: double, element: none, control: {address: 102, select: true, read_back: true}}
      - {name: step, address: 3, type: step, element: none}
      - {name: bits, address: 4, type: bits, element: none}
      - {name: normalised, address: 5, type: normalised, scale: 200, element: none}
      - {name: scaled, address: 6, type: scaled, scale: 0.1, element: none}
      - {name: float, address: 7, type: float, element: none, control: {address: 107, low: 0, high: 100, read_back: true}}
      - {name: timed, address: 9, type: single, element: none}
      - {name: mistyped, address: 10, type: scaled, element: none}
      - {name: absent, address: 11, type: float, element: none, control: {address: 999}}
"#;

fn order(point: &str, value: Value) -> Order {
    Order { point: point.to_owned(), value, by: Originator { user: "test".to_owned(), reason: "a test".to_owned() } }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c104_is_interrogated_and_commanded() {
    let Some(python) = peer() else { return };
    let (free, at) = listener().await;
    drop(free);
    let mut server = Peer::start(&python, "iec104_server.py", &[at.port().to_string()]);
    server.hear().await;
    let proxy = Proxy::start(at).await;
    let devices = devices(&THEIRS.replace("ADDRESS", &proxy.at.to_string()));
    let mut follower = Follower::start(&devices);
    follower.until("the station is interrogated", |f| f.recovered() > 0 && f.value("float").is_some()).await;
    for (name, value) in [
        ("single", Value::Bool(true)),
        ("double", Value::DoublePoint(DoublePoint::On)),
        ("step", Value::Step { position: -5, moving: false }),
        ("bits", Value::Bits(0xDEAD_BEEF)),
        ("normalised", Value::Float(-100.0)),
        ("float", Value::Float(f64::from(49.98f32))),
    ] {
        assert!(follower.shows(name, &value), "{name}: {:?}", follower.newest.get(name));
    }
    assert!((follower.value("scaled").unwrap().as_f64().unwrap() + 123.4).abs() < 1e-9);
    assert_eq!(follower.quality("scaled"), Some(Quality::questionable(Flags::OLD | Flags::SUBSTITUTED)));
    // What comes as another type than the document says has no value that could be taken for one.
    assert_eq!(follower.value("mistyped"), None);
    assert_eq!(follower.quality("mistyped").unwrap().validity, Validity::Invalid);
    assert!(follower.count(|k| matches!(k, EventKind::Remark { what } if what.contains("object 77"))) > 0, "{:?}", follower.events);
    assert!(follower.count(|k| matches!(k, EventKind::Remark { what } if what.contains("absent"))) > 0, "{:?}", follower.events);

    server.say("change").await;
    follower.until("spontaneous values come", |f| f.shows("float", &Value::Float(51.25)) && f.shows("timed", &Value::Bool(true))).await;
    let timed = &follower.newest["timed"];
    let age_s = UtcTime::now().seconds_since(timed.source_time.expect("it has a time"));
    assert!((-1.0..20.0).contains(&age_s), "{age_s}");

    let telecontrol = Telecontrol::new(&follower.supervisor, NoInterlock);
    let breaker = telecontrol.execute(order("double", Value::Bool(false))).await;
    assert_eq!(breaker.outcome, Ok(()), "{breaker:?}");
    assert_eq!(breaker.before.clone().unwrap().0, Some(Value::DoublePoint(DoublePoint::On)));
    assert_eq!(breaker.after.clone().unwrap().0, Some(Value::DoublePoint(DoublePoint::Off)), "{breaker:?}");
    let set = telecontrol.execute(order("float", Value::Float(60.5))).await;
    assert_eq!(set.outcome, Ok(()), "{set:?}");
    let refused = telecontrol.execute(order("single", Value::Bool(true))).await;
    assert!(matches!(&refused.outcome, Err(CommandError::Refused { .. })), "{refused:?}");
    let nowhere = telecontrol.execute(order("absent", Value::Float(1.0))).await;
    // It answers with a negative confirmation rather than with cause 47; tests/iec104_station.rs has ours.
    assert!(matches!(&nowhere.outcome, Err(CommandError::Refused { .. })), "{nowhere:?}");
    server.hear().await;
    server.say("got").await;
    assert_eq!(server.hear().await, json!([["breaker", "OFF"], ["setpoint", 60.5]]));

    // The station dies and comes back: everything is marked at once, and read again without hands.
    server.kill().await;
    follower.until("the loss is told", |f| f.newest.values().all(|u| u.quality.flags.has(Flags::COMM_LOST) && !u.quality.is_good())).await;
    assert_eq!(follower.value("step"), Some(&Value::Step { position: -5, moving: false }), "the value stays");
    let mut server = Peer::start(&python, "iec104_server.py", &[at.port().to_string()]);
    server.hear().await;
    follower.until("it recovers", |f| f.recovered() > 1 && f.shows("float", &Value::Float(f64::from(49.98f32)))).await;
    follower.supervisor.stop().await;
    let (malformed, read, all) = proxy.dissected(2404, "iec60870_104");
    assert_eq!((malformed, read), (0, all));
    assert!(all > 20, "{all}");
    server.kill().await;
}
