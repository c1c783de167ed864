//! Modbus TCP with pymodbus on the other side, once as client and once as server.

mod common;

use common::proxy::Proxy;
use common::{Follower, Peer, Served, devices, listener, peer};
use scada::point::{DoublePoint, Quality, Value};
use scada::simulate::{Follows, Image};
use scada::telecontrol::{NoInterlock, Order, Originator, Telecontrol};
use scada::{UtcTime, device::CommandError};
use serde_json::json;
use std::sync::Arc;

const OURS: &str = r#"
devices:
  - id: bay
    protocol: modbus
    address: 127.0.0.1
    unit: 3
    points:
      - {name: v, address: "holding:100", type: float32, element: none}
      - {name: p, address: "holding:102", type: int16, scale: 0.1, element: none}
      - {name: q, address: "holding:103", type: uint16, element: none}
      - {name: s, address: "holding:106", type: uint16, element: none}
      - {name: t, address: "input:0", type: int16, element: none}
      - {name: bad, address: "input:50", type: int16, element: none}
      - {name: coil, address: "coil:5", element: none, control: true}
      - {name: breaker, address: "discrete:8", type: double_point, element: none}
      - {name: set, address: "holding:200", type: uint16, element: none, control: {low: 0, high: 100}}
      - {name: wide, address: "holding:202", type: float32, element: none, control: true}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pymodbus_reads_and_writes_a_device_of_ours() {
    let Some(python) = peer() else { return };
    let image = Arc::new(Image::new(&devices(OURS)));
    let set = |name: &str, value, quality| assert!(image.set(image.place(name).unwrap(), value, quality, UtcTime::now()), "{name}");
    set("v", Value::Float(f64::from(123.456f32)), Quality::GOOD);
    set("p", Value::Float(-25.0), Quality::GOOD);
    set("q", Value::Integer(7), Quality::GOOD);
    set("t", Value::Integer(-3), Quality::GOOD);
    set("coil", Value::Bool(false), Quality::GOOD);
    set("breaker", Value::DoublePoint(DoublePoint::On), Quality::GOOD);
    set("set", Value::Integer(5), Quality::GOOD);
    set("wide", Value::Float(0.0), Quality::GOOD);
    let served = Served::start(&image, &Arc::new(Follows), "bay").await;
    let proxy = Proxy::start(served.at).await;
    let mut client = Peer::start(&python, "modbus_client.py", &[proxy.at.port().to_string()]);
    let seen = client.hear().await;
    let expected = json!({
        "float": [0x42F6, 0xE979],
        "block": [0x42F6, 0xE979, 65_536 - 250, 7],
        "inputs": [65_536 - 3],
        "coils": [0],
        "discrete": [0, 1],
        "gap": {"exception": 2},
        "too_many": {"exception": 2},
        "invalid": {"exception": 4},
        "wrong_unit": {"exception": 11},
        "set": false,
        "set_seen": [42],
        "set_too_high": {"exception": 3},
        "set_read_only": {"exception": 2},
        "set_half": {"exception": 3},
        "set_whole": false,
        "coil": false,
        "coil_seen": [1],
    });
    for (key, value) in expected.as_object().unwrap() {
        let found = match (&seen[key], value) {
            // Bits come in whole octets; those that were not asked for say nothing.
            (serde_json::Value::Array(bits), serde_json::Value::Array(v)) if bits.len() == 8 => {
                json!(bits[..v.len()].iter().map(|b| u8::from(b == &json!(true) || b == &json!(1))).collect::<Vec<_>>())
            }
            (found, _) => found.clone(),
        };
        assert_eq!(&found, value, "{key}");
    }
    assert_eq!(image.get(image.place("set").unwrap()).unwrap().value.as_f64(), Some(42.0));
    assert_eq!(image.get(image.place("wide").unwrap()).unwrap().value, Value::Float(f64::from(123.456f32)));
    // Seventeen requests with their answers.
    assert_eq!(proxy.dissected(502, "mbtcp"), (0, 34, 34));
    served.kill().await;
}

const THEIRS: &str = r#"
devices:
  - id: theirs
    protocol: modbus
    address: ADDRESS
    unit: 3
    poll_s: 0.1
    points:
      - {name: abcd, address: "holding:100", type: float32, element: none, control: {low: -1000, high: 1000, read_back: true}}
      - {name: cdab, address: "holding:102", type: float32, word_order: CDAB, element: none}
      - {name: badc, address: "holding:104", type: int32, word_order: BADC, element: none}
      - {name: dcba, address: "holding:106", type: uint32, word_order: DCBA, element: none}
      - {name: scaled, address: "holding:108", type: int16, scale: 0.1, offset: 5, element: none}
      - {name: wide, address: "holding:109", type: float64, element: none}
      - {name: sunspec, address: "holding:113", type: int16, scale_register: 114, element: none}
      - {name: bit1, address: "holding:115.1", element: none}
      - {name: bit2, address: "holding:115.2", element: none}
      - {name: set, address: "holding:116", type: uint16, element: none, control: {low: 0, high: 100, read_back: true}}
      - {name: missing, address: "holding:117", type: uint16, element: none}
      - {name: input, address: "input:7", type: uint16, sunspec: true, element: none}
      - {name: coil, address: "coil:1", element: none, control: {read_back: true}}
      - {name: breaker, address: "discrete:1", type: double_point, element: none}
"#;

fn order(point: &str, value: Value) -> Order {
    Order { point: point.to_owned(), value, by: Originator { user: "test".to_owned(), reason: "a test".to_owned() } }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pymodbus_is_polled_and_commanded() {
    let Some(python) = peer() else { return };
    let (free, at) = listener().await;
    drop(free);
    let mut server = Peer::start(&python, "modbus_server.py", &[at.port().to_string()]);
    server.hear().await;
    let proxy = Proxy::start(at).await;
    let devices = devices(&THEIRS.replace("ADDRESS", &proxy.at.to_string()));
    let mut follower = Follower::start(&devices);
    follower.until("the first round is read", |f| f.recovered() > 0 && f.value("breaker").is_some()).await;
    for (name, value) in [
        ("abcd", Value::Float(f64::from(123.456f32))),
        ("cdab", Value::Float(-1.5)),
        ("badc", Value::Integer(-70_000)),
        ("dcba", Value::Integer(3_000_000_000)),
        ("scaled", Value::Float(-20.0)),
        ("wide", Value::Float(0.1)),
        ("sunspec", Value::Float(230.5)),
        ("bit1", Value::Bool(true)),
        ("bit2", Value::Bool(false)),
        ("set", Value::Integer(0)),
        ("coil", Value::Bool(true)),
    ] {
        assert!(follower.shows(name, &value), "{name}: {:?}", follower.newest.get(name));
    }
    // Both contacts of the breaker.
    assert_eq!(follower.value("breaker"), Some(&Value::DoublePoint(DoublePoint::Bad)));
    // A register that the device does not have takes none of its neighbours along.
    assert_eq!((follower.value("missing"), follower.quality("missing").unwrap().is_good()), (None, false));
    assert_eq!((follower.value("input"), follower.quality("input").unwrap().is_good()), (None, false));

    let telecontrol = Telecontrol::new(&follower.supervisor, NoInterlock);
    let done = telecontrol.execute(order("set", Value::Integer(17))).await;
    assert_eq!(done.outcome, Ok(()), "{done:?}");
    assert_eq!(done.before.unwrap().0, Some(Value::Integer(0)));
    assert_eq!(done.after.unwrap().0, Some(Value::Integer(17)));
    let float = telecontrol.execute(order("abcd", Value::Float(0.1))).await;
    assert_eq!(float.outcome, Ok(()), "{float:?}");
    let coil = telecontrol.execute(order("coil", Value::Bool(false))).await;
    assert_eq!(coil.outcome, Ok(()), "{coil:?}");
    follower
        .until("the commands are seen", |f| {
            f.shows("set", &Value::Integer(17)) && f.shows("coil", &Value::Bool(false)) && f.shows("abcd", &Value::Float(f64::from(0.1f32)))
        })
        .await;
    assert!(matches!(telecontrol.execute(order("set", Value::Integer(101))).await.outcome, Err(CommandError::OutOfRange { .. })));
    assert!(matches!(telecontrol.execute(order("wide", Value::Float(1.0))).await.outcome, Err(CommandError::NotControllable { .. })));
    let unknown = telecontrol.execute(order("sett", Value::Integer(1))).await;
    assert!(matches!(unknown.outcome, Err(CommandError::UnknownPoint { nearest: Some(n), .. }) if n == "set"));

    follower.supervisor.stop().await;
    let (malformed, read, all) = proxy.dissected(502, "mbtcp");
    assert_eq!((malformed, read), (0, all));
    assert!(all > 20, "{all}");
    server.kill().await;
}
