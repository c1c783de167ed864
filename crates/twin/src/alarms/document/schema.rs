//! The schema of the document, in JSON Schema 2020-12.

use super::super::notify::{Channel, InFlood};
use super::super::rule::{Direction, Priority, QualityWord};
use serde_json::{Map, Value, json};

fn choice<T>(words: &[(&'static str, T)]) -> Value {
    json!({"enum": words.iter().map(|(w, _)| *w).collect::<Vec<_>>()})
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The keys by which a condition is written, in a rule or on its own.
fn condition_keys() -> Map<String, Value> {
    let pair = json!({"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2});
    let of = |mut schema: Value, description: &str| {
        schema["description"] = json!(description);
        schema
    };
    let part = json!({"$ref": "#/$defs/condition"});
    let number = || json!({"type": "number"});
    let quality = choice(&QualityWord::ALL);
    let keys = [
        ("point", of(json!({"type": "string"}), "Name of a point.")),
        ("high", of(number(), "Holds above this, in the unit of the point.")),
        ("low", of(number(), "Holds below this.")),
        ("outside", of(pair.clone(), "Holds below the first or above the second.")),
        ("inside", of(pair, "Holds from the first to the second.")),
        ("rate_per_s", of(json!({"type": "number", "minimum": 0}), "Holds when the mean change a second over the window is faster.")),
        ("window_s", of(json!({"type": "number", "minimum": 0.1, "maximum": 86400}), "Window of a rate, seconds.")),
        ("direction", of(choice(&Direction::ALL), "Which way a rate counts.")),
        ("deadband", of(json!({"type": "number", "minimum": 0}), "How far back the value has to be before the condition is gone.")),
        (
            "is",
            of(
                json!({"type": ["string", "integer", "boolean", "array"]}),
                "A state or several: on, off, intermediate, bad, a whole number, a text.",
            ),
        ),
        (
            "quality",
            of(
                json!({"anyOf": [quality.clone(), {"type": "array", "items": quality, "minItems": 1}]}),
                "Holds while the quality is one of these.",
            ),
        ),
        ("device", of(json!({"type": "string"}), "Holds while none of the points of this device can be had.")),
        ("all", of(json!({"type": "array", "items": part.clone(), "minItems": 1}), "Holds while all of these do.")),
        ("any", of(json!({"type": "array", "items": part.clone(), "minItems": 1}), "Holds while one of these does.")),
        ("not", of(part, "Holds while this does not.")),
    ];
    keys.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// The schema, stored as `docs/alarms.schema.json`.
pub fn json_schema() -> Value {
    let text = |description: &str| json!({"type": "string", "minLength": 1, "description": description});
    let seconds = |description: &str| json!({"type": "number", "minimum": 0, "maximum": 604_800, "description": description});
    let flag = |description: &str, standard: bool| json!({"type": "boolean", "default": standard, "description": description});
    let condition = json!({"$ref": "#/$defs/condition"});
    let mut rule = condition_keys();
    let more = json!({
        "id": text("Unique among all alarms."),
        "text": text("What the operator reads."),
        "condition": condition.clone(),
        "on_delay_s": seconds("How long the condition has to hold before the alarm is raised."),
        "off_delay_s": seconds("How long it has to be gone before the alarm returns."),
        "priority": choice(&Priority::ALL),
        "class": text("Kind of alarm, by the house's own list."),
        "group": text("Alarms of one cause: first-out and floods are told by group."),
        "asset": text("Asset that it is of; its maintenance takes the alarm out of service."),
        "element": text("class.name of an element of the network, or bus.name."),
        "consequence": text("What happens when nobody acts."),
        "response": text("What the operator does."),
        "time_to_respond_s": seconds("How long there is to do it."),
        "latching": flag("Stays until it is reset.", false),
        "shelvable": flag("May be put on the shelf.", true),
        "enabled": flag("Is evaluated.", true),
        "suppress_if": condition,
    });
    rule.extend(more.as_object().cloned().unwrap_or_default());
    let hours = object(
        json!({
            "zone": text("Zone of the clock, as Asia/Kolkata."),
            "from": text("As 22:00."),
            "to": text("As 06:00; before `from`, it is on the next day."),
            "weekdays": {"type": ["array", "string"], "description": "monday to sunday; all, when left out."},
        }),
        &["zone", "from", "to"],
    );
    let limit = object(
        json!({"notices": {"type": "integer", "minimum": 1}, "window_s": {"type": "number", "minimum": 1}}),
        &["notices", "window_s"],
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "GridTwin alarms",
        "description": "Alarm rules, planned maintenance, and who is told.",
        "type": "object",
        "properties": {
            "alarms": {"type": "array", "items": object(Value::Object(rule), &["id", "text", "priority"])},
            "shelve_longest_s": {"type": "number", "minimum": 1, "maximum": 604_800, "default": 28_800, "description": "Longest time on the shelf."},
            "return_s": {"type": "number", "minimum": 0, "maximum": 3600, "default": 30, "description": "Time for the points of a device to be heard again after its return."},
            "communication": object(
                json!({
                    "priority": choice(&Priority::ALL), "on_delay_s": seconds("As of an alarm."), "off_delay_s": seconds("As of an alarm."),
                    "group": text("As of an alarm."), "response": text("As of an alarm."),
                }),
                &["priority"],
            ),
            "maintenance": {"type": "array", "items": object(
                json!({
                    "asset": text("Asset that is worked on."), "from": text("Instant with an offset."), "to": text("Instant with an offset."),
                    "who": text("Who does it."), "kind": text("preventive, corrective, predictive, or another word."), "note": text("Anything."),
                }),
                &["asset", "from", "to", "who", "kind"],
            )},
            "notify": {"type": "array", "items": object(
                json!({
                    "id": text("Unique among all routes."), "channel": choice(&Channel::ALL), "to": text("Address."),
                    "priority": choice(&Priority::ALL), "groups": {"type": ["array", "string"], "description": "All, when left out."},
                    "kinds": {"type": ["array", "string"], "description": "Kinds of events; what asks for attention, when left out."},
                    "in_flood": choice(&InFlood::ALL), "summary_s": {"type": "number", "minimum": 1, "maximum": 86_400, "default": 60},
                    "limit": limit, "hours": hours,
                    "returns": {"type": "boolean", "default": false, "description": "Also the return to normal of what was told one by one."},
                }),
                &["id", "channel", "to"],
            )},
        },
        "required": ["alarms"],
        "additionalProperties": false,
        "$defs": {"condition": object(Value::Object(condition_keys()), &[])},
    })
}
