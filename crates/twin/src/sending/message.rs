//! A notice as people and programs read it.

use crate::alarms::notify::{Content, Notice};
use crate::alarms::{Condition, Event, EventKind, PointTable};
use jiff::Timestamp;
use scada::UtcTime;
use scada::point::{Validity, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::sync::Arc;

/// Version of the JSON that webhooks are sent.
pub const VERSION: u32 = 1;

/// What a notice needs that its event does not say, taken when it is planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub unit: Option<Arc<str>>,
    /// In words: `above 95 C`.
    pub limit: Option<String>,
    pub element: Option<Arc<str>>,
    pub since: Option<UtcTime>,
    pub consequence: Option<Arc<str>>,
    pub response: Option<Arc<str>>,
    pub time_to_respond_s: Option<f64>,
}

/// What a condition asks, in words.
pub fn condition_words(condition: &Condition, points: &PointTable) -> String {
    let unit = |p| points.entry(p).unit.as_ref().map_or_else(String::new, |u| format!(" {u}"));
    let joined = |parts: &[Condition], word: &str| {
        let of_part = |p: &Condition| {
            let name = p.point().map_or_else(String::new, |p| format!("{} ", points.entry(p).name));
            format!("{name}{}", condition_words(p, points))
        };
        parts.iter().map(of_part).collect::<Vec<_>>().join(word)
    };
    match condition {
        Condition::High { point, limit, .. } => format!("above {limit}{}", unit(*point)),
        Condition::Low { point, limit, .. } => format!("below {limit}{}", unit(*point)),
        Condition::Outside { point, low, high, .. } => format!("below {low} or above {high}{}", unit(*point)),
        Condition::Inside { point, low, high, .. } => format!("from {low} to {high}{}", unit(*point)),
        Condition::Rate { point, per_s, window_s, .. } => format!("faster than {per_s}{} a second over {window_s} s", unit(*point)),
        Condition::State { one_of, .. } => {
            let words = one_of.iter().map(|w| match w {
                crate::alarms::StateWord::On => "on".to_owned(),
                crate::alarms::StateWord::Off => "off".to_owned(),
                crate::alarms::StateWord::Intermediate => "intermediate".to_owned(),
                crate::alarms::StateWord::Bad => "bad".to_owned(),
                crate::alarms::StateWord::Number(n) => n.to_string(),
                crate::alarms::StateWord::Text(t) => t.to_string(),
            });
            format!("is {}", words.collect::<Vec<_>>().join(" or "))
        }
        Condition::Quality { any_of, .. } => {
            let name = |q: &crate::alarms::QualityWord| crate::alarms::QualityWord::ALL.iter().find(|(_, w)| w == q).map_or("", |(n, _)| n);
            format!("is {}", any_of.iter().map(name).collect::<Vec<_>>().join(" or "))
        }
        Condition::Device { device } => format!("every point of {} is lost", points.device_id(*device)),
        Condition::All(parts) => joined(parts, " and "),
        Condition::Any(parts) => joined(parts, " or "),
        Condition::Not(part) => format!("not ({})", joined(std::slice::from_ref(&**part), "")),
    }
}

/// RFC 3339 with milliseconds, UTC.
pub fn rfc3339(time: UtcTime) -> String {
    match Timestamp::from_millisecond(time.ms()) {
        Ok(t) => format!("{t:.3}"),
        Err(_) => format!("{} ms after 1970", time.ms()),
    }
}

/// For people: to the second, and with the zone.
fn clock(time: UtcTime) -> String {
    match Timestamp::from_millisecond(time.ms()) {
        Ok(t) => t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => rfc3339(time),
    }
}

/// The word of a kind, a state: as it stands in JSON.
fn word<T: Serialize>(of: &T) -> String {
    serde_json::to_value(of).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A number to six figures, as a person reads it; the JSON has every bit.
fn figure(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let decimals = (5 - x.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn value_words(value: &Value, unit: Option<&str>) -> String {
    let text = match value {
        Value::Float(x) => figure(*x),
        other => other.to_string(),
    };
    match unit.filter(|u| !u.is_empty() && value.as_f64().is_some() && !matches!(value, Value::Bool(_) | Value::DoublePoint(_))) {
        Some(unit) => format!("{text} {unit}"),
        None => text,
    }
}

/// What happened, in a word for the subject of a mail.
fn headline(event: &Event) -> String {
    match event.kind {
        EventKind::Raised => event.priority.map_or_else(|| "ALARM".to_owned(), |p| p.name().to_uppercase()),
        EventKind::Cleared => "RETURNED".to_owned(),
        EventKind::FloodBegan => "FLOOD OF ALARMS".to_owned(),
        EventKind::FloodEnded => "END OF THE FLOOD".to_owned(),
        other => word(&other).replace('_', " ").to_uppercase(),
    }
}

/// One line without control characters: what comes from a document must not begin a header of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().chars().take(200).collect()
}

/// Subject of a mail.
pub fn subject(site: &str, notice: &Notice) -> String {
    let what = match &notice.content {
        Content::Event(event) => match &event.text {
            Some(text) => format!("{}: {text}", headline(event)),
            None => headline(event),
        },
        Content::Summary { events, .. } => format!("{events} events, told together"),
    };
    one_line(&format!("[{site}] {what}"))
}

/// Text of a mail.
pub fn body(site: &str, url: Option<&str>, notice: &Notice, context: &Context) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<12}{text}");
    };
    match &notice.content {
        Content::Event(event) => {
            line(
                "What",
                &format!("{} ({})", event.text.as_deref().unwrap_or("the alarms as a whole"), word(&event.kind).replace('_', " ")),
            );
            line("Site", site);
            let place = [("", &event.asset), ("element ", &context.element), ("point ", &event.point), ("group ", &event.group)];
            let place: Vec<String> = place.iter().filter_map(|(name, text)| text.as_ref().map(|t| format!("{name}{t}"))).collect();
            if !place.is_empty() {
                line("Where", &place.join(", "));
            }
            if let Some(value) = &event.value {
                let validity = match event.quality.map(|q| q.validity) {
                    Some(Validity::Questionable) => " (questionable)",
                    Some(Validity::Invalid) => " (invalid)",
                    _ => "",
                };
                line("Value", &format!("{}{validity}", value_words(value, context.unit.as_deref())));
            }
            if let Some(limit) = &context.limit {
                line("Limit", limit);
            }
            if let Some(priority) = event.priority {
                line("Priority", priority.name());
            }
            if let Some(since) = context.since {
                line("Since", &clock(since));
            }
            line("Time", &clock(event.time));
            if event.rule.is_some() {
                line("State", &word(&event.after).replace('_', " "));
            }
            if event.first_out {
                line("First", "of its group");
            }
            if let Some(who) = &event.who {
                line("By", who);
            }
            if let Some(comment) = &event.comment {
                line("Comment", comment);
            }
            if event.kind != EventKind::Cleared {
                if let Some(consequence) = &context.consequence {
                    line("If nothing", &format!("is done: {consequence}"));
                }
                if let Some(response) = &context.response {
                    let soon = context.time_to_respond_s.map_or_else(String::new, |s| format!(" (within {s} s)"));
                    line("To do", &format!("{response}{soon}"));
                }
            }
        }
        Content::Summary { since, events, groups, .. } => {
            line("What", &format!("{events} events since {}, which were not told one by one", clock(*since)));
            line("Site", site);
            for group in groups {
                let name = group.group.as_deref().unwrap_or("without a group");
                let highest = group.highest.map_or_else(String::new, |p| format!(", the highest {}", p.name()));
                let first = group.first_out.as_ref().map_or_else(String::new, |r| format!(", first {r}"));
                line("", &format!("{name}: {}{highest}{first}", group.events));
            }
            line("Time", &clock(notice.time));
        }
    }
    if let Some(link) = link(url) {
        line("Page", &link);
    }
    out
}

/// The page of the alarms.
fn link(url: Option<&str>) -> Option<String> {
    url.map(|base| format!("{}/alarms", base.trim_end_matches('/')))
}

/// What a webhook is sent; docs/notice.schema.json describes it.
pub fn json(site: &str, url: Option<&str>, delivery: &str, notice: &Notice, context: &Context) -> Json {
    let mut out = json!({
        "version": VERSION,
        "delivery": delivery,
        "site": {"name": site, "url": url},
        "route": notice.route,
        "time": rfc3339(notice.time),
        "page": link(url),
    });
    match &notice.content {
        Content::Event(event) => {
            out["kind"] = json!("alarm");
            out["alarm"] = json!({
                "sequence": event.sequence,
                "answers": notice.answers,
                "change": event.kind,
                "time": rfc3339(event.time),
                "rule": event.rule,
                "text": event.text,
                "priority": event.priority,
                "state": event.after,
                "class": event.class,
                "group": event.group,
                "asset": event.asset,
                "element": context.element,
                "point": event.point,
                "value": event.value.as_ref().and_then(Value::as_f64).filter(|x| x.is_finite()),
                "value_text": event.value.as_ref().map(ToString::to_string),
                "unit": context.unit,
                "quality": event.quality.map(|q| word(&q.validity)),
                "limit": context.limit,
                "since": context.since.map(rfc3339),
                "consequence": context.consequence,
                "response": context.response,
                "time_to_respond_s": context.time_to_respond_s,
                "first_out": event.first_out,
                "flood": event.flood,
                "who": event.who,
                "comment": event.comment,
            });
        }
        Content::Summary { since, events, first_sequence, last_sequence, groups } => {
            out["kind"] = json!("summary");
            out["summary"] = json!({
                "since": rfc3339(*since),
                "events": events,
                "first_sequence": first_sequence,
                "last_sequence": last_sequence,
                "groups": groups,
            });
        }
    }
    out
}
