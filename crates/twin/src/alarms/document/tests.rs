use super::*;
use crate::alarms::points::PointTable;
use crate::alarms::rule::Condition;
use scada::point::{Checks, PointSpec, ValueKind};

fn points() -> PointTable {
    let mut points = PointTable::default();
    let mut oil = PointSpec::new("tx1.oil_c", ValueKind::Float);
    oil.checks = Checks { low: Some(-40.0), high: Some(150.0), ..Checks::default() };
    points.add("bay1", &oil);
    points.add("bay1", &PointSpec::new("tx1.cb", ValueKind::DoublePoint));
    points.add("bay2", &PointSpec::new("bus1.v_ll_kv", ValueKind::Float));
    points
}

const WHOLE: &str = r#"
shelve_longest_s: 3600
communication: {priority: medium, on_delay_s: 5, group: comms}
alarms:
  - id: tx1.oil_high
    text: Oil of transformer 1 is hot
    point: tx1.oil_c
    high: 95
    deadband: 2
    on_delay_s: 15
    priority: high
    group: tx1
    asset: TX1
    response: Reduce the load
    latching: true
    suppress_if: {point: tx1.cb, is: off}
  - id: tx1.oil_fast
    text: Oil of transformer 1 heats up
    point: tx1.oil_c
    rate_per_s: 0.1
    window_s: 60
    direction: rising
    priority: medium
    group: tx1
  - id: bus1.dead
    text: Busbar 1 is dead, with its breaker closed
    all:
      - {point: bus1.v_ll_kv, low: 40}
      - {not: {point: tx1.cb, is: [off, intermediate, bad]}}
    priority: low
  - id: bus1.bad
    text: Voltage is not to be trusted
    point: bus1.v_ll_kv
    quality: [invalid, old]
    priority: low
maintenance:
  - {asset: TX1, from: "2026-03-01T08:00:00+05:30", to: "2026-03-01T12:00:00+05:30", who: crew, kind: preventive}
notify:
  - id: night
    channel: email
    to: a@example.org
    priority: high
    groups: [tx1, comms]
    kinds: [raised]
    limit: {notices: 5, window_s: 3600}
    hours: {zone: Asia/Kolkata, from: "22:00", to: "06:00", weekdays: [monday]}
"#;

#[test]
fn a_whole_document_is_read_and_comes_back_from_yaml_and_json() {
    let points = points();
    let read_once = read(WHOLE, "a.yaml", &points);
    assert!(read_once.diagnostics.is_empty(), "{:#?}", read_once.diagnostics);
    assert_eq!(read_once.rules.len(), 6, "four, and one for each device");
    assert!(matches!(&read_once.rules[2].condition, Condition::All(parts) if parts.len() == 2));
    for text in [to_yaml(&read_once, &points).unwrap(), to_json(&read_once, &points).to_string()] {
        let again = read(&text, "b", &points);
        assert!(again.diagnostics.is_empty(), "{text}\n{:#?}", again.diagnostics);
        assert_eq!(again.rules, read_once.rules, "{text}");
        assert_eq!(
            (again.settings, again.maintenance, again.routes),
            (read_once.settings, read_once.maintenance.clone(), read_once.routes.clone())
        );
    }
}

/// Document, code, line.
const FAULTY: &[(&str, &str, u32)] = &[
    ("", "ALARM.TEXT.EMPTY", 1),
    ("alarms: [", "ALARM.TEXT.SYNTAX", 1),
    ("alarm: []", "ALARM.KEY.MISSING", 1),
    ("alarms:\n - {id: a, id: b, text: t, point: tx1.oil_c, high: 1, priority: low}", "ALARM.KEY.TWICE", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 1, priority: low,\n  dedband: 2}", "ALARM.KEY.UNKNOWN", 3),
    ("alarms: 7", "ALARM.VALUE.KIND", 1),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 1, priority: low, on_delay_s: -1}", "ALARM.VALUE.RANGE", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 1, priority: hihg}", "ALARM.VALUE.UNKNOWN_WORD", 2),
    (
        "alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 1, priority: low}\n - {id: a, text: t, point: tx1.oil_c, high: 2, priority: low}",
        "ALARM.ID.TWICE",
        3,
    ),
    ("alarms:\n - {id: a, text: t, priority: low}", "ALARM.CONDITION.NOT_ONE", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 3, low: 1, priority: low}", "ALARM.CONDITION.NOT_ONE", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.cb, is: on, deadband: 1, priority: low}", "ALARM.KEY.NEEDLESS", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.cb, high: 1, priority: low}", "ALARM.POINT.KIND", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, is: on, priority: low}", "ALARM.POINT.KIND", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.oil, high: 1, priority: low}", "ALARM.POINT.UNKNOWN", 2),
    ("alarms:\n - {id: a, text: t, device: bay9, priority: low}", "ALARM.DEVICE.UNKNOWN", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, outside: [5, 2], priority: low}", "ALARM.LIMIT.CONTRADICTION", 2),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, outside: [2, 4], deadband: 1, priority: low}", "ALARM.LIMIT.CONTRADICTION", 2),
    (
        "alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 20, priority: low}\n - {id: b, text: t, point: tx1.oil_c, low: 30, priority: low}",
        "ALARM.LIMIT.CONTRADICTION",
        3,
    ),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 150, priority: low}", "ALARM.LIMIT.UNREACHABLE", 2),
    (
        "alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 90, priority: low}\n - {id: b, text: t, point: tx1.oil_c, high: 80, priority: medium}",
        "ALARM.LIMIT.ORDER",
        3,
    ),
    (
        "alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 90, priority: low}\n - {id: b, text: t, point: tx1.oil_c, high: 90, priority: low}",
        "ALARM.LIMIT.SAME",
        3,
    ),
    ("alarms:\n - {id: a, text: t, point: tx1.oil_c, high: 90, priority: high}", "ALARM.RULE.NO_RESPONSE", 2),
    ("alarms: []\nmaintenance:\n - {asset: X, from: now, to: 2026-01-01T00:00:00Z, who: w, kind: k}", "ALARM.TIME.UNREADABLE", 3),
    (
        "alarms: []\nmaintenance:\n - {asset: X, from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z, who: w, kind: k}",
        "ALARM.ASSET.UNKNOWN",
        3,
    ),
    ("alarms: []\nnotify:\n - {id: n, channel: email, to: a, groups: g}", "ALARM.GROUP.UNKNOWN", 3),
    (
        "alarms: []\nnotify:\n - {id: n, channel: email, to: a, hours: {zone: Mars/Olympus, from: '22:00', to: '06:00'}}",
        "ALARM.TIME.ZONE",
        3,
    ),
];

#[test]
fn each_fault_has_its_code_and_line() {
    let points = points();
    for (text, code, line) in FAULTY {
        let found = read(text, "a.yaml", &points).diagnostics;
        let placed = found.iter().any(|d| d.code == *code && d.source.as_ref().is_some_and(|s| s.line == *line));
        assert!(placed, "{code} in line {line} of\n{text}\nand there is {found:#?}");
        assert!(found.iter().all(|d| d.hint.is_some()), "{found:#?}");
    }
}

#[test]
fn all_faults_are_told_at_once_with_what_is_near() {
    let text = "alarms:\n - {id: a, text: t, point: tx1.oil, high: 1, priority: low}\n - {id: a, text: t, point: bus1.v_ll_kv, hgh: 1, priority: lwo}";
    let found = read(text, "a.yaml", &points()).diagnostics;
    let codes: Vec<&str> = found.iter().map(|d| &*d.code).collect();
    for code in ["ALARM.POINT.UNKNOWN", "ALARM.ID.TWICE", "ALARM.KEY.UNKNOWN", "ALARM.VALUE.UNKNOWN_WORD", "ALARM.CONDITION.NOT_ONE"] {
        assert!(codes.contains(&code), "{code} is not among {codes:?}");
    }
    assert!(found.iter().any(|d| d.message.contains("the nearest is \"tx1.oil_c\"")), "{found:#?}");
}

#[test]
fn the_schema_has_every_key_that_the_reader_asks_for() {
    // Every key that the schema names is known to the reader, wherever it may stand.
    let schema = json_schema();
    let keys = |v: &serde_json::Value| v["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let rule = &schema["properties"]["alarms"]["items"];
    for key in keys(rule) {
        let found = read(&format!("alarms:\n - {{{key}: 1}}"), "a", &points()).diagnostics;
        assert!(found.iter().all(|d| d.code != "ALARM.KEY.UNKNOWN"), "{key}: {found:#?}");
    }
    for key in keys(&schema) {
        let found = read(&format!("{key}: 1"), "a", &points()).diagnostics;
        assert!(found.iter().all(|d| d.code != "ALARM.KEY.UNKNOWN"), "{key}: {found:#?}");
    }
    for (list, key) in
        ["maintenance", "notify"].into_iter().flat_map(|l| keys(&schema["properties"][l]["items"]).into_iter().map(move |k| (l, k)))
    {
        let found = read(&format!("alarms: []\n{list}:\n - {{{key}: 1}}"), "a", &points()).diagnostics;
        assert!(found.iter().all(|d| d.code != "ALARM.KEY.UNKNOWN"), "{key}: {found:#?}");
    }
}

#[test]
fn the_stored_schema_is_the_one_that_is_made() {
    // `GRIDTWIN_UPDATE=1` stores it anew.
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/alarms.schema.json");
    let made = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    if std::env::var_os("GRIDTWIN_UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert!(std::fs::read_to_string(&path).unwrap_or_default() == made, "docs/alarms.schema.json is stale; GRIDTWIN_UPDATE=1 stores it");
}
