//! The alarm rules of a station: made from its register when nobody has written any, and changed as a whole.
//!
//! What is made is a beginning that a station can be run with, by the limits that equipment has anyway: voltages 5 and 10 % off, loading 100 and
//! 120 %, hottest spot 110 and 130 C, SF6 below alarm and lockout, frequency off by 0.3 and 0.5 Hz, trips of relays, devices that are lost, an
//! estimate that is missing. `docs/twin.md` has the table.

use super::points::Map;
use super::record;
use super::twin::{Site, Twin, TwinError, lock};
use super::writing::Writing;
use crate::alarms::{self, Actor};
use network::{Diagnostic, EquipmentKind, Severity};
use scada::UtcTime;
use scada::telecontrol::Originator;
use serde_json::json;
use std::fmt::Write;

/// What tells documents apart: FNV-1a of 64 bits, by Fowler, Noll and Vo.
pub fn hash(text: &str) -> String {
    let h = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{h:016x}")
}

/// A rule in the making.
struct Draft<'a> {
    id: String,
    text: String,
    point: String,
    test: String,
    priority: &'a str,
    class: &'a str,
    group: String,
    asset: Option<String>,
    delay_s: f64,
    response: &'a str,
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

impl Draft<'_> {
    fn write(&self, out: &mut String) {
        let _ = writeln!(out, "  - id: {}", quoted(&self.id));
        let _ = writeln!(out, "    text: {}", quoted(&self.text));
        let _ = writeln!(out, "    point: {}", quoted(&self.point));
        let _ = writeln!(out, "    {}", self.test);
        let _ = writeln!(out, "    on_delay_s: {}", self.delay_s);
        let _ = writeln!(out, "    priority: {}", self.priority);
        let _ = writeln!(out, "    class: {}", self.class);
        let _ = writeln!(out, "    group: {}", quoted(&self.group));
        if let Some(asset) = &self.asset {
            let _ = writeln!(out, "    asset: {}", quoted(asset));
        }
        let _ = writeln!(out, "    response: {}", quoted(self.response));
    }
}

/// Rules for a station without any.
pub fn of_station(site: &Site, map: &Map) -> String {
    let mut rules: Vec<Draft> = Vec::new();
    let mut high_and_higher = |id: &str,
                               text: &str,
                               point: &str,
                               unit: &str,
                               limits: (f64, f64),
                               deadband: f64,
                               class: &'static str,
                               group: &str,
                               asset: Option<&str>,
                               delay_s: f64,
                               response: &'static str| {
        for (n, (limit, priority)) in [(limits.0, "medium"), (limits.1, "high")].into_iter().enumerate() {
            rules.push(Draft {
                id: format!("{id}.{}", ["high", "very_high"][n]),
                text: format!("{text} above {limit} {unit}"),
                point: point.to_owned(),
                test: format!("high: {limit}\n    deadband: {deadband}"),
                priority,
                class,
                group: group.to_owned(),
                asset: asset.map(str::to_owned),
                delay_s,
                response,
            });
        }
    };
    for e in &site.station.equipment {
        let id = e.id.as_str();
        match e.kind {
            EquipmentKind::PowerTransformer | EquipmentKind::DistributionTransformer => {
                high_and_higher(
                    &format!("{id}.loading"),
                    &format!("Loading of {}", e.name),
                    &format!("twin.asset.{id}.loading_pct"),
                    "%",
                    (100.0, 120.0),
                    2.0,
                    "thermal",
                    &e.bay,
                    Some(id),
                    10.0,
                    "Reduce the load or move it to another transformer",
                );
            }
            EquipmentKind::Line | EquipmentKind::Feeder => {
                high_and_higher(
                    &format!("{id}.loading"),
                    &format!("Loading of {}", e.name),
                    &format!("twin.asset.{id}.loading_pct"),
                    "%",
                    (100.0, 120.0),
                    2.0,
                    "thermal",
                    &e.bay,
                    Some(id),
                    10.0,
                    "Reduce the load or move it to another way",
                );
            }
            _ => {}
        }
    }
    for p in &map.points {
        let Some(at) = &p.spec.element else { continue };
        if &*at.quantity == "hot_spot_c" {
            let asset = p.asset.as_deref();
            high_and_higher(
                &p.spec.name,
                &format!("Hottest spot of {}", asset.unwrap_or(&at.element)),
                &p.spec.name,
                "C",
                (110.0, 130.0),
                2.0,
                "thermal",
                asset.unwrap_or(&at.element),
                asset,
                30.0,
                "Check the fans, reduce the load",
            );
        }
    }
    let buses: Vec<(&str, Option<&str>)> = {
        let of_register =
            site.station.of_kind(EquipmentKind::Busbar).filter_map(|e| Some((site.network.bus(e.bus?).name.as_str(), Some(e.id.as_str()))));
        of_register.collect()
    };
    for (bus, asset) in buses {
        for (word, low, high, priority) in [("off", 0.95, 1.05, "medium"), ("far_off", 0.90, 1.10, "critical")] {
            rules.push(Draft {
                id: format!("{bus}.voltage_{word}"),
                text: format!("Voltage of {} outside {low:.2} to {high:.2} pu", asset.unwrap_or(bus)),
                point: format!("twin.bus.{bus}.v_pu"),
                test: format!("outside: [{low}, {high}]\n    deadband: 0.002"),
                priority,
                class: "voltage",
                group: bus.to_owned(),
                asset: asset.map(str::to_owned),
                delay_s: 5.0,
                response: "Set taps, reactors and capacitors; ask the load dispatch centre",
            });
        }
    }
    let f = site.network.options.frequency_hz;
    for (word, off, priority) in [("off", 0.3, "medium"), ("far_off", 0.5, "critical")] {
        rules.push(Draft {
            id: format!("frequency_{word}"),
            text: format!("Frequency off by more than {off} Hz"),
            point: "twin.frequency_hz".to_owned(),
            test: format!("outside: [{}, {}]\n    deadband: 0.02", f - off, f + off),
            priority,
            class: "frequency",
            group: "frequency".to_owned(),
            asset: None,
            delay_s: 2.0,
            response: "Prepare for load shedding; ask the load dispatch centre",
        });
    }
    for p in &map.points {
        let quantity = p.spec.element.as_ref().map_or("", |e| &*e.quantity);
        let name = p.spec.name.to_lowercase();
        let is = |word: &str| quantity == word || name.ends_with(&format!(".{word}"));
        let asset = p.asset.as_deref();
        let of = asset.unwrap_or(&p.spec.name);
        let found = if is("sf6_lockout") {
            Some((format!("SF6 of {of} below lockout"), "critical", "gas", "Do not operate the breaker; isolate it"))
        } else if is("sf6_alarm") {
            Some((format!("SF6 of {of} is low"), "medium", "gas", "Refill, look for the leak"))
        } else if is("tripped") || is("trip") {
            Some((
                format!("{} has tripped", p.spec.name.rsplit_once('.').map_or(&*p.spec.name, |n| n.0)),
                "critical",
                "protection",
                "Find the cause before closing again",
            ))
        } else {
            None
        };
        if let Some((text, priority, class, response)) = found {
            let group = asset.and_then(|a| site.station.find(a)).map_or_else(|| of.to_owned(), |e| e.bay.clone());
            let id = p.spec.name.to_string();
            rules.push(Draft {
                id,
                text,
                point: p.spec.name.to_string(),
                test: "is: on".to_owned(),
                priority,
                class,
                group,
                asset: asset.map(str::to_owned),
                delay_s: 0.0,
                response,
            });
        }
    }
    let mut out = String::from("communication:\n  priority: medium\n  on_delay_s: 3\nalarms:\n");
    if rules.is_empty() {
        return "communication:\n  priority: medium\n  on_delay_s: 3\n".to_owned();
    }
    rules.iter().for_each(|r| r.write(&mut out));
    out
}

/// Other rules for a twin that runs.
///
/// # Errors
/// `Documents` with every fault and its line; a journal that cannot write.
pub fn replace(twin: &Twin, yaml: &str, by: &Originator) -> Result<Vec<Diagnostic>, TwinError> {
    let document = alarms::document::read(yaml, "alarms.yaml", &twin.map.table);
    if !document.is_sound() {
        return Err(TwinError::Documents(document.diagnostics));
    }
    let mut alarms = lock(&twin.alarms);
    // The document that was given at the start is what the next start compares with.
    let given = alarms.given.clone();
    let n = document.rules.len();
    twin.record(record::event(
        "rules",
        Severity::Note,
        None,
        format!("{} changed the alarm rules: {n} rules", by.user),
        &[("who", by.user.clone().into()), ("reason", by.reason.clone().into()), ("document", json!(given)), ("yaml", yaml.into())],
    ))?;
    let mut journal = record::HistoryJournal::new(twin.diary(), Writing::After);
    let actor = Actor { who: &by.user, why: &by.reason };
    alarms.engine.replace_rules(UtcTime::now(), document.rules, actor, &mut journal)?;
    (alarms.yaml, alarms.routes) = (yaml.to_owned(), document.routes);
    Ok(document.diagnostics)
}
