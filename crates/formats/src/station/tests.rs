use super::*;
use crate::MemoryFiles;
use crate::opendss::{ReadOptions, read};
use network::{EquipmentKind, Network, RelayFunction};
use std::path::Path;

/// Commands of the small models need no engine.
struct NoEngine;

impl network::Engine for NoEngine {
    fn voltage_bases(&mut self, _: &Network) -> Result<Vec<f64>, network::EngineError> {
        unreachable!("the model asks for none")
    }
    fn solve(&mut self, _: &Network) -> Result<network::SolveReport, network::EngineError> {
        unreachable!("the model does not solve")
    }
    fn allocate_loads(&mut self, _: &Network) -> Result<network::SolveReport, network::EngineError> {
        unreachable!("the model allocates nothing")
    }
    fn forget_voltages(&mut self) {}
    fn reset(&mut self) {}
}

fn network() -> Network {
    let script = "clear\nnew circuit.c bus1=a basekv=33\nnew line.q bus1=a bus2=b switch=yes\nnew transformer.t buses=[b c] kvs=[33 11] kvas=[1000 1000]\n";
    let files = MemoryFiles::new().with("m.dss", script);
    read(&files, Path::new("m.dss"), &mut NoEngine, &ReadOptions::default()).expect("it reads").network
}

const BREAKER: &str = "equipment:
  - id: CB1
    kind: breaker
    name: breaker
    maker: m
    product: p
    commissioned: 2010-02-03
    bay: B1
    place: {x_m: 1, y_m: 2, z_m: 3}
    elements: [line.q]
    rating: {kv: 36, normal_a: 1600, breaking_ka: 31.5, open_ms: 40, close_ms: 60, full_breaking_operations: 50, mechanical_operations: 10000, sf6_rated_bar: 1.5, sf6_alarm_bar: 1.3, sf6_lockout_bar: 1.2, sf6_leak_pct_per_year: 0.5}
";

#[test]
fn a_breaker_is_read_with_its_element_and_rating() {
    let read = read_equipment(BREAKER, "a.yaml", &network());
    assert!(read.findings.is_empty(), "{:?}", read.findings);
    let station = read.value.expect("a station");
    let b = station.find("cb1").expect("the breaker");
    assert_eq!((b.kind, b.rated("open_ms"), b.place.z_m, b.source.line), (EquipmentKind::Breaker, 40.0, 3.0, 2));
    assert_eq!(network().full_name(b.parts[0].element), "line.q");
}

#[test]
fn every_fault_of_a_register_is_told_at_once_with_its_line() {
    let text = BREAKER
        .replace("line.q]", "line.qq, line.q:3]")
        .replace("2010-02-03", "3 Feb")
        .replace("kv: 36,", "kv: -1,")
        .replace("bay: B1", "bya: B1");
    let read = read_equipment(&text, "a.yaml", &network());
    assert!(read.value.is_none());
    let mut found: Vec<(String, u32)> = read.findings.iter().map(|d| (d.code.clone(), d.source.as_ref().map_or(0, |s| s.line))).collect();
    found.sort();
    let expected = [
        ("STATION.DATE.UNREADABLE", 7),
        ("STATION.ELEMENT.UNKNOWN", 10),
        ("STATION.EQUIPMENT.NOWHERE", 2),
        ("STATION.FIELD.MISSING", 2),
        ("STATION.FIELD.RANGE", 11),
        ("STATION.FIELD.UNKNOWN", 8),
        ("STATION.TERMINAL.UNKNOWN", 10),
    ];
    assert_eq!(found, expected.map(|(c, l)| (c.to_owned(), l)));
    assert!(read.findings.iter().any(|d| d.hint.as_deref() == Some("did you mean \"line.q\"?")), "{:?}", read.findings);
}

#[test]
fn what_stands_twice_and_what_is_of_another_kind_is_told() {
    let twice = format!("{BREAKER}{}", &BREAKER["equipment:\n".len()..]);
    let codes = |text: &str| read_equipment(text, "a.yaml", &network()).findings.into_iter().map(|d| d.code).collect::<Vec<_>>();
    assert_eq!(codes(&twice), ["STATION.ID.TWICE", "STATION.ELEMENT.TWICE"]);
    assert_eq!(codes(&BREAKER.replace("line.q]", "transformer.t]")), ["STATION.EQUIPMENT.KIND"]);
    assert_eq!(codes(&BREAKER.replace("    bay: B1\n", "    bay: B1\n    bay: B2\n")), ["STATION.FIELD.TWICE"]);
    assert_eq!(codes("equipment: 3"), ["STATION.FIELD.KIND"]);
    assert_eq!(codes("a: [\n"), ["STATION.FILE.SYNTAX"]);
    assert_eq!(codes(""), ["STATION.FILE.SYNTAX"]);
    assert_eq!(codes(&" ".repeat((16 << 20) + 1)), ["STATION.FILE.SIZE"]);
}

#[test]
fn relays_are_read_and_their_faults_told() {
    let text = "relays:
  - id: 51-A
    kind: overcurrent
    at: line.q:2
    phase: [{pickup_a: 400, curve: iec_standard, time: 0.1}, {pickup_a: 4000, time: 0.05}]
    earth: []
    trips: [line.q]
  - {id: 81, kind: frequency, bus: a, under: [{value: 49.2, time_s: 0.2}], over: [], trips: []}
";
    let read = read_relays(text, "p.yaml", &network());
    assert!(read.findings.is_empty(), "{:?}", read.findings);
    let relays = read.value.expect("relays");
    assert_eq!(relays[1].id, "81");
    let RelayFunction::Overcurrent { at, phase, .. } = &relays[0].function else { panic!("{:?}", relays[0]) };
    assert_eq!((at.terminal, phase.len(), phase[1].curve), (Some(1), 2, None));
    let codes = |text: String| read_relays(&text, "p.yaml", &network()).findings.into_iter().map(|d| d.code).collect::<Vec<_>>();
    assert_eq!(codes(text.replace("trips: [line.q]", "trips: [transformer.t]")), ["STATION.RELAY.TRIPS"]);
    assert_eq!(codes(text.replace("iec_standard", "iec")), ["STATION.WORD.UNKNOWN"]);
    assert_eq!(codes(text.replace("bus: a", "bus: z")), ["STATION.BUS.UNKNOWN"]);
    assert_eq!(codes(text.replace("kind: overcurrent", "kind: over")).first().map(String::as_str), Some("STATION.WORD.UNKNOWN"));
}
