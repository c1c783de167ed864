//! Rules back into a document.
//!
//! What was made of a short form (`communication`) is written as the rules that it became; read again, the document gives the same rules.

use super::super::engine::Settings;
use super::super::maintenance::Entry;
use super::super::notify::{Channel, InFlood, Route};
use super::super::points::{PointIndex, PointTable};
use super::super::rule::{Condition, Direction, QualityWord, Rule, StateWord};
use super::read::AlarmDocument;
use scada::UtcTime;
use serde_json::{Map, Value, json};
use std::fmt;

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The document as JSON.
pub fn to_json(document: &AlarmDocument, points: &PointTable) -> Value {
    let mut top = Map::new();
    let standard = Settings::default();
    if document.settings.shelve_longest_s != standard.shelve_longest_s {
        top.insert("shelve_longest_s".into(), json!(document.settings.shelve_longest_s));
    }
    if document.settings.return_s != standard.return_s {
        top.insert("return_s".into(), json!(document.settings.return_s));
    }
    top.insert("alarms".into(), document.rules.iter().map(|r| rule(r, points)).collect());
    if !document.maintenance.is_empty() {
        top.insert("maintenance".into(), document.maintenance.iter().map(maintenance).collect());
    }
    if !document.routes.is_empty() {
        top.insert("notify".into(), document.routes.iter().map(route).collect());
    }
    Value::Object(top)
}

/// The document as YAML.
///
/// # Errors
/// What the writer of YAML says.
pub fn to_yaml(document: &AlarmDocument, points: &PointTable) -> Result<String, fmt::Error> {
    serde_saphyr::to_string(&to_json(document, points)).map_err(|_| fmt::Error)
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> Value {
    words.iter().find(|(_, v)| v == value).map_or(Value::Null, |(w, _)| json!(w))
}

pub(in super::super) fn rule(rule: &Rule, points: &PointTable) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), json!(rule.id));
    out.insert("text".into(), json!(rule.text));
    // Its keys stand among those of the rule.
    if let Value::Object(inner) = condition(&rule.condition, points) {
        out.extend(inner);
    }
    let seconds = [("on_delay_s", rule.on_delay_s), ("off_delay_s", rule.off_delay_s)];
    for (key, value) in seconds.into_iter().filter(|(_, v)| *v != 0.0) {
        out.insert(key.into(), json!(value));
    }
    out.insert("priority".into(), json!(rule.priority.name()));
    let texts = [
        ("class", &rule.class),
        ("group", &rule.group),
        ("asset", &rule.asset),
        ("element", &rule.element),
        ("consequence", &rule.consequence),
        ("response", &rule.response),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            out.insert(key.into(), json!(text));
        }
    }
    if let Some(s) = rule.time_to_respond_s {
        out.insert("time_to_respond_s".into(), json!(s));
    }
    for (key, flag, standard) in [("latching", rule.latching, false), ("shelvable", rule.shelvable, true), ("enabled", rule.enabled, true)]
    {
        if flag != standard {
            out.insert(key.into(), json!(flag));
        }
    }
    if let Some(suppress_if) = &rule.suppress_if {
        out.insert("suppress_if".into(), condition(suppress_if, points));
    }
    Value::Object(out)
}

fn condition(condition_: &Condition, points: &PointTable) -> Value {
    let name = |p: &PointIndex| json!(points.entry(*p).name);
    let parts = |parts: &[Condition]| parts.iter().map(|p| condition(p, points)).collect::<Value>();
    let mut out = match condition_ {
        Condition::High { point, limit, .. } => json!({"point": name(point), "high": limit}),
        Condition::Low { point, limit, .. } => json!({"point": name(point), "low": limit}),
        Condition::Outside { point, low, high, .. } => json!({"point": name(point), "outside": [low, high]}),
        Condition::Inside { point, low, high, .. } => json!({"point": name(point), "inside": [low, high]}),
        Condition::Rate { point, per_s, window_s, direction, .. } => json!({
            "point": name(point), "rate_per_s": per_s, "window_s": window_s, "direction": word(&Direction::ALL, direction),
        }),
        Condition::State { point, one_of } => json!({"point": name(point), "is": one_of.iter().map(state).collect::<Value>()}),
        Condition::Quality { point, any_of } => {
            json!({"point": name(point), "quality": any_of.iter().map(|w| word(&QualityWord::ALL, w)).collect::<Value>()})
        }
        Condition::Device { device } => json!({"device": points.device_id(*device)}),
        Condition::All(all) => json!({"all": parts(all)}),
        Condition::Any(any) => json!({"any": parts(any)}),
        Condition::Not(part) => json!({"not": condition(part, points)}),
    };
    let deadband = match condition_ {
        Condition::High { deadband, .. }
        | Condition::Low { deadband, .. }
        | Condition::Outside { deadband, .. }
        | Condition::Inside { deadband, .. }
        | Condition::Rate { deadband, .. } => *deadband,
        _ => 0.0,
    };
    if deadband != 0.0 {
        out["deadband"] = json!(deadband);
    }
    out
}

fn state(word: &StateWord) -> Value {
    match word {
        StateWord::On => json!("on"),
        StateWord::Off => json!("off"),
        StateWord::Intermediate => json!("intermediate"),
        StateWord::Bad => json!("bad"),
        StateWord::Number(n) => json!(n),
        StateWord::Text(text) => json!(text),
    }
}

/// RFC 3339, UTC.
fn instant(at: UtcTime) -> Value {
    jiff::Timestamp::from_microsecond(at.us).map_or(Value::Null, |t| json!(t.to_string()))
}

fn maintenance(entry: &Entry) -> Value {
    let mut out = json!({"asset": entry.asset, "from": instant(entry.from), "to": instant(entry.to), "who": entry.who, "kind": entry.kind});
    if !entry.note.is_empty() {
        out["note"] = json!(entry.note);
    }
    out
}

fn route(route: &Route) -> Value {
    let mut out = json!({
        "id": route.id, "channel": word(&Channel::ALL, &route.channel), "to": route.to, "priority": route.priority.name(),
        "in_flood": word(&InFlood::ALL, &route.in_flood), "summary_s": route.summary_s,
    });
    if !route.groups.is_empty() {
        out["groups"] = json!(route.groups);
    }
    if !route.kinds.is_empty() {
        out["kinds"] = json!(route.kinds);
    }
    if let Some(hours) = &route.hours {
        let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        let weekdays: Vec<&str> = hours.weekdays.iter().filter_map(|d| WEEKDAYS.get(usize::from(*d)).copied()).collect();
        out["hours"] = json!({"zone": hours.zone, "from": clock(hours.from_min), "to": clock(hours.to_min), "weekdays": weekdays});
    }
    if route.returns {
        out["returns"] = json!(true);
    }
    if let Some(limit) = &route.limit {
        out["limit"] = json!({"notices": limit.notices, "window_s": limit.window_s});
    }
    out
}
