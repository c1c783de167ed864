//! Documents, right and wrong.

use super::*;
use crate::modbus::map::{RegisterType, WordOrder};
use crate::point::{Accuracy, Deadband, Selection, ValueKind};
use network::Severity;

const GOOD: &str = r#"
devices:
  - id: bay-1
    protocol: modbus
    address: 10.0.1.10
    second_address: 10.0.2.10:1502
    unit: 3
    word_order: CDAB
    poll_s: {fast: 1, slow: 10}
    points:
      - {name: bay1.v, address: "holding:100", type: float32, poll: slow, unit: kV, deadband: 0.5, element: bus.b1, quantity: v_ll_kv}
      - {name: bay1.p, address: 40103, type: int16, scale: 0.1, element: line.l1, quantity: p_kw, terminal: 1, phase: A}
      - {name: bay1.temp, address: "input:0", type: int16, element: none}
      - {name: bay1.set, address: "holding:200", type: uint16, element: none, control: {low: 0, high: 100, read_back: true}}
  - id: station
    protocol: iec104
    address: "[::1]"
    common_address: 7
    points:
      - {name: cb, address: 1001, type: double, element: line.l1, quantity: closed, control: {select: true, address: 2001}}
"#;

fn codes(text: &str) -> Vec<(String, u32)> {
    read(text, "devices.yaml").diagnostics.iter().map(|d| (d.code.clone(), d.source.as_ref().map_or(0, |s| s.line))).collect()
}

#[test]
fn a_document_gives_devices_and_points() {
    let document = read(GOOD, "devices.yaml");
    assert!(document.is_sound(), "{:?}", document.diagnostics);
    let [bay, station] = &document.devices[..] else { panic!() };
    assert_eq!(bay.addresses, ["10.0.1.10:502", "10.0.2.10:1502"]);
    let ProtocolSpec::Modbus(map) = &bay.protocol else { panic!() };
    assert_eq!((map.unit, map.points.len()), (3, 4));
    assert_eq!((map.points[0].register_type, map.points[0].order, map.points[0].poll_s), (RegisterType::Float32, WordOrder::Cdab, 10.0));
    assert_eq!(map.points[1].at.offset, 102);
    assert_eq!(bay.points[0].deadband, Deadband::Absolute(0.5));
    assert_eq!(bay.points[0].stale_s(), Some(30.0));
    assert_eq!(bay.points[1].poll_s, Some(1.0), "the shortest class is that of points that name none");
    assert_eq!(bay.points[3].control.unwrap().high, Some(100.0));
    assert_eq!(station.addresses, ["[::1]:2404"]);
    let ProtocolSpec::Iec104(map) = &station.protocol else { panic!() };
    assert_eq!(map.points[0].command.unwrap().0.object, 2001);
    assert_eq!(map.points[0].at.station, 7);
    assert_eq!(station.points[0].kind, ValueKind::DoublePoint);
    assert_eq!(station.points[0].control.unwrap().selection, Selection::Select);
}

#[test]
fn accuracy_and_equipment_are_read_and_their_faults_told() {
    let document = |of_point: &str| {
        format!(
            "devices:\n - id: a\n   protocol: modbus\n   address: h\n   points:\n    - {{name: x, address: \"input:0\", element: none, {of_point}}}\n"
        )
    };
    let point = |of_point: &str| {
        let read = read(&document(of_point), "d.yaml");
        assert!(read.is_sound(), "{:?}", read.diagnostics);
        let point = &read.devices[0].points[0];
        (point.accuracy, point.asset.clone())
    };
    assert_eq!(point("accuracy: {class_pct: 0.5}, asset: CB-L41"), (Some(Accuracy::ClassPct(0.5)), Some("CB-L41".into())));
    assert_eq!(point("accuracy: {sigma: 0.001}"), (Some(Accuracy::Sigma(0.001)), None));
    assert_eq!(point("unit: kV"), (None, None));
    for (wrong, code) in [
        ("accuracy: {class_pct: 0}", "DEVICE.VALUE.RANGE"),
        ("accuracy: {class_pct: 101}", "DEVICE.VALUE.RANGE"),
        ("accuracy: {sigma: -1}", "DEVICE.VALUE.RANGE"),
        ("accuracy: {sigma: 1, class_pct: 1}", "DEVICE.VALUE.UNKNOWN_WORD"),
        ("accuracy: {}", "DEVICE.KEY.MISSING"),
        ("accuracy: {klass: 1}", "DEVICE.KEY.UNKNOWN"),
        ("accuracy: 0.5", "DEVICE.VALUE.KIND"),
        ("asset: [a]", "DEVICE.VALUE.KIND"),
    ] {
        let found = codes(&document(wrong));
        assert!(found.contains(&(code.to_owned(), 6)), "{wrong}: {found:?}");
    }
}

#[test]
fn json_is_read_like_yaml() {
    let json = r#"{"devices": [{"id": "a", "protocol": "modbus", "address": "h", "points":
        [{"name": "p", "address": "coil:1", "element": "none"}]}]}"#;
    let document = read(json, "devices.json");
    assert!(document.is_sound(), "{:?}", document.diagnostics);
    assert_eq!(document.devices[0].points[0].kind, ValueKind::Bool);
}

#[test]
fn every_fault_is_told_at_once_with_its_line() {
    let text = r#"devices:
  - id: bay-1
    protocl: modbus
    protocol: modbus
    address: 10.0.1.10:99999
    timeout_s: -1
    points:
      - {name: a, address: "holding:0", type: float32, element: none}
      - {name: A, address: "holding:1", type: float33, element: none}
      - {name: b, address: "holding:70000", type: int16, element: none}
      - {name: c, address: "holding:65535", type: uint32, element: none}
      - {name: d, address: "holding:9", scael: 2, element: none}
      - {name: e, address: "holding:10"}
      - {name: f, address: "input:11", element: none, control: true}
      - {name: g, address: "holding:12", scale: 0, element: none}
      - {name: h, address: "holding:13", element: nothing}
      - {name: i, address: "holding:14", element: none, deadband: {percent: 1}}
      - {name: a, address: "holding:15", element: none, limits: {low: 2, high: 1}}
      - 17
  - id: BAY-1
    protocol: iec104
    address: host
    t2_s: 20
    points: []
"#;
    let found = codes(text);
    for (code, line) in [
        ("DEVICE.KEY.UNKNOWN", 3),
        ("DEVICE.ADDRESS.UNREADABLE", 5),
        ("DEVICE.VALUE.RANGE", 6),
        ("DEVICE.VALUE.UNKNOWN_WORD", 9),
        ("DEVICE.ADDRESS.UNREADABLE", 10),
        ("DEVICE.ADDRESS.RANGE", 11),
        ("DEVICE.KEY.UNKNOWN", 12),
        ("DEVICE.POINT.NO_ELEMENT", 13),
        ("DEVICE.VALUE.RANGE", 15),
        ("DEVICE.POINT.UNKNOWN_ELEMENT", 16),
        ("DEVICE.KEY.MISSING", 17),
        ("DEVICE.VALUE.RANGE", 18),
        ("DEVICE.POINT.NAME_TWICE", 18),
        ("DEVICE.VALUE.KIND", 19),
        ("DEVICE.ID.TWICE", 20),
        ("DEVICE.VALUE.RANGE", 20),
        ("DEVICE.POINT.NONE", 24),
    ] {
        assert!(found.contains(&(code.to_owned(), line)), "{code} in line {line} is not among {found:#?}");
    }
}

#[test]
fn the_nearest_words_are_named() {
    let document = read("devices:\n - {id: a, protocol: modbsu, address: h, points: []}\n", "d.yaml");
    let found = document.diagnostics.iter().find(|d| d.code == "DEVICE.VALUE.UNKNOWN_WORD").unwrap();
    assert!(found.message.contains("the nearest is \"modbus\""), "{}", found.message);
}

#[test]
fn maps_that_overlap_are_refused() {
    let modbus = r#"devices:
  - id: a
    protocol: modbus
    address: h
    points:
      - {name: x, address: "holding:0", type: float32, element: none}
      - {name: y, address: "holding:1", type: uint16, element: none}
"#;
    assert_eq!(codes(modbus), [("DEVICE.ADDRESS.OVERLAP".to_owned(), 7)]);
    let iec104 = r#"devices:
  - id: a
    protocol: iec104
    address: h
    points:
      - {name: x, address: 5, type: float, element: none}
      - {name: y, address: "1:5", type: single, element: none}
"#;
    assert_eq!(codes(iec104), [("DEVICE.ADDRESS.OVERLAP".to_owned(), 7)]);
    let read_only = "devices:\n - id: a\n   protocol: modbus\n   address: h\n   points:\n    - {name: x, address: \"input:0\", element: none, control: true}\n";
    assert_eq!(codes(read_only), [("DEVICE.ADDRESS.READ_ONLY".to_owned(), 6)]);
}

#[test]
fn what_is_no_document_is_said() {
    for (text, code) in [
        ("", "DEVICE.TEXT.EMPTY"),
        ("a: [1, 2\nb: 3\n", "DEVICE.TEXT.SYNTAX"),
        ("[1, 2]", "DEVICE.VALUE.KIND"),
        ("{}", "DEVICE.KEY.MISSING"),
        ("devices: 3", "DEVICE.VALUE.KIND"),
        ("devices:\n - {id: a, id: b}\n", "DEVICE.KEY.TWICE"),
    ] {
        let found = codes(text);
        assert!(found.iter().any(|(c, _)| c == code), "{text:?}: {found:?}");
    }
    assert!(codes(&" ".repeat((16 << 20) + 1)).iter().any(|(c, _)| c == "DEVICE.TEXT.TOO_LARGE"));
}

#[test]
fn points_are_held_against_the_network() {
    let mut network = network::Network::new("n");
    let bus = network.bus_or_add("b1");
    let mut common = network::Common::new("l1", 3);
    common.terminals = vec![network::Terminal::new(bus, vec![1, 2, 3]); 2];
    let element = network::Fault { common, r_ohm: 1.0, g_siemens: None, stddev_pct: 0.0, on_time_s: 0.0, temporary: false, min_a: 0.0 };
    network.add(element);
    let document = |points: &str| {
        read(&GOOD.replace("element: line.l1, quantity: p_kw, terminal: 1", points).replace("line.", "fault."), "d.yaml").devices
    };
    assert_eq!(check_elements(&document("element: line.l1, quantity: p_kw, terminal: 2"), &network), []);
    let wrong = check_elements(&document("element: line.l11, quantity: p_kw"), &network);
    assert_eq!((wrong[0].code.as_str(), wrong[0].severity), ("DEVICE.POINT.UNKNOWN_ELEMENT", Severity::Error));
    assert!(wrong[0].message.ends_with("\"fault.l1\""), "{}", wrong[0].message);
    let far = check_elements(&document("element: line.l1, quantity: p_kw, terminal: 3"), &network);
    assert_eq!(far[0].code, "DEVICE.POINT.UNKNOWN_TERMINAL");
}

proptest::proptest! {
    /// Pieces of a good document cut out, doubled and overwritten: whatever is left is a document or findings.
    #[test]
    fn any_text_is_read(at in 0usize..1200, length in 0usize..40, with in "[\\PC\n]{0,12}") {
        let good: Vec<char> = GOOD.chars().collect();
        let (from, to) = (at.min(good.len()), (at + length).min(good.len()));
        let text: String = good[..from].iter().copied().chain(with.chars()).chain(good[to..].iter().copied()).collect();
        let document = read(&text, "d.yaml");
        proptest::prop_assert!(document.is_sound() || !document.diagnostics.is_empty());
        for device in document.devices.iter().filter(|_| document.is_sound()) {
            if let ProtocolSpec::Modbus(map) = &device.protocol {
                proptest::prop_assert_eq!(map.points.len(), device.points.len());
            }
        }
    }
}
