//! What the twin tells in forms of its own, as the wire carries it: times in milliseconds since 1970 UTC.

use network::{Diagnostic, Severity};
use serde::Serialize;
use serde_json::{Map, Value, json};
use twin::alarms::{AlarmView, Counts};
use twin::history::{EventPage, RecordedEvent};
use twin::live::{Told, Verdict, record};

/// The word of a severity.
pub(crate) fn severity(of: Severity) -> &'static str {
    match of {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// An event of the history as it was told when it happened.
pub(crate) fn told(recorded: RecordedEvent) -> Told {
    record::told(recorded.sequence, &recorded.event)
}

/// Events with the findings of the page that they came in.
pub(crate) fn told_all(page: EventPage) -> (Vec<Told>, bool, Vec<Diagnostic>) {
    (page.events.into_iter().map(told).collect(), page.more, page.findings)
}

/// Keys of instants in what serialises itself, which are microseconds there.
const INSTANTS: [&str; 13] =
    ["time", "value_time", "until", "since", "from", "to", "asked", "ended", "raised_at", "changed_at", "flood_since", "clock", "utc"];

/// A value as JSON, with its instants as milliseconds.
pub(crate) fn with_ms(value: &impl Serialize) -> Value {
    serde_json::to_value(value).map_or(Value::Null, ms)
}

fn ms(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(ms).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(entry).collect::<Map<_, _>>()),
        other => other,
    }
}

fn entry((key, value): (String, Value)) -> (String, Value) {
    let is_instant = INSTANTS.contains(&key.as_str()) && (value.is_i64() || value.is_null());
    if is_instant {
        let at = value.as_i64().map(|us| us.div_euclid(1000));
        (key, at.map_or(Value::Null, Value::from))
    } else {
        (key, ms(value))
    }
}

/// Findings as verdicts tell them.
pub(crate) fn findings(of: &[Diagnostic]) -> Vec<Value> {
    of.iter()
        .map(|f| json!({ "code": f.code, "severity": severity(f.severity), "text": f.message, "message": f.message, "detail": f.detail, "hint": f.hint, "element": f.element }))
        .collect()
}

/// A verdict. `token` is of a check.
pub(crate) fn verdict(of: &Verdict, token: Option<&str>) -> Value {
    let overloads =
        of.overloads.iter().map(|e| json!({ "element": e.subject, "loading_pct": e.value, "was_pct": e.was, "limit_pct": e.limit }));
    let voltages = of.voltages.iter().map(|e| json!({ "bus": e.subject, "v_pu": e.value, "was_pu": e.was, "limit_pu": e.limit }));
    json!({
        "allowed": of.allowed,
        "findings": findings(&of.findings),
        "point": of.point,
        "value": of.value,
        "at_ms": of.at_ms,
        "settled": of.settled,
        "before": { "losses_mw": of.losses_before_mw },
        "after": {
            "unsupplied": of.unsupplied,
            "unsupplied_mw": of.unsupplied_mw,
            "overloads": overloads.collect::<Vec<_>>(),
            "voltages": voltages.collect::<Vec<_>>(),
            "losses_mw": of.losses_mw,
        },
        "token": token,
    })
}

/// Alarms and their counts, as a page lists them.
pub(crate) fn alarms(views: &[AlarmView], counts: &Counts) -> (Value, Value) {
    (with_ms(&views), with_ms(counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_become_milliseconds() {
        let value = json!({ "raised_at": 1_500_999, "shelf": { "until": -1 }, "text": "since", "from": "here", "removal": null, "changed_at": null });
        let expected =
            json!({ "raised_at": 1_500, "shelf": { "until": -1 }, "text": "since", "from": "here", "removal": null, "changed_at": null });
        assert_eq!(with_ms(&value), expected);
    }
}
