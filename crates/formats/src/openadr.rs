//! Objects of OpenADR 3.1: what a top node (VTN) and its end nodes (VENs) send one another, in JSON.
//!
//! Source: OpenADR Alliance, OpenADR 3.1.0 Definitions (2025-08-07). Names are those of the wire. Attributes that the standard does not know are
//! left out; what it knows has to be right, and [`Object::check`] tells the first fault with its place.

use jiff::{Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Longest name, target or identifier.
pub const NAME_MAX: usize = 128;
/// Most intervals, resources, targets or descriptors of an object.
pub const LIST_MAX: usize = 4096;
/// Longest address.
const URL_MAX: usize = 8000;

/// An attribute that is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path of the attribute, as `intervals[2].payloads[0].values`.
    pub field: String,
    pub message: String,
}

/// A list that may also be `null`.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A value of a payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    Integer(i64),
    Number(f64),
    Boolean(bool),
    Text(String),
    Point { x: f64, y: f64 },
}

impl Value {
    /// As a number, where it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(i) => Some(*i as f64),
            Self::Number(x) => Some(*x),
            _ => None,
        }
    }
}

/// Values of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValuesMap {
    #[serde(rename = "type")]
    pub kind: String,
    pub values: Vec<Value>,
}

/// When intervals begin and how long one is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IntervalPeriod {
    /// RFC 3339.
    pub start: String,
    /// ISO 8601, as `PT15M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub randomize_start: Option<String>,
}

/// An interval with its payloads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    pub id: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_period: Option<IntervalPeriod>,
    pub payloads: Vec<ValuesMap>,
}

/// Where a program is described for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgramDescription {
    #[serde(rename = "URL")]
    pub url: String,
}

/// What values of a payload mean: of an event (units, currency), or of a report (reading, accuracy).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PayloadDescriptor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_type: Option<String>,
    pub payload_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<i32>,
}

/// A report that an event asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportDescriptor {
    pub payload_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<String>,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    #[serde(default)]
    pub aggregate: bool,
    #[serde(default = "at_the_end")]
    pub start_interval: i32,
    #[serde(default = "at_the_end")]
    pub num_intervals: i32,
    #[serde(default = "yes")]
    pub historical: bool,
    #[serde(default = "at_the_end")]
    pub frequency: i32,
    #[serde(default = "once")]
    pub repeat: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_intervals: Option<String>,
}

fn at_the_end() -> i32 {
    -1
}

fn yes() -> bool {
    true
}

fn once() -> i32 {
    1
}

/// A program: the frame of a contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Program {
    pub program_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_period: Option<IntervalPeriod>,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub program_descriptions: Vec<ProgramDescription>,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub payload_descriptors: Vec<PayloadDescriptor>,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<ValuesMap>,
    #[serde(default, deserialize_with = "list")]
    pub targets: Vec<String>,
}

/// A call of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    #[serde(rename = "programID")]
    pub program_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// Lower numbers come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    #[serde(default, deserialize_with = "list")]
    pub targets: Vec<String>,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub report_descriptors: Vec<ReportDescriptor>,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub payload_descriptors: Vec<PayloadDescriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_period: Option<IntervalPeriod>,
    #[serde(default, deserialize_with = "list")]
    pub intervals: Vec<Interval>,
}

/// What a resource did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportResource {
    pub resource_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_period: Option<IntervalPeriod>,
    pub intervals: Vec<Interval>,
}

/// What a VEN tells of an event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    #[serde(rename = "eventID")]
    pub event_id: String,
    pub client_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_name: Option<String>,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub payload_descriptors: Vec<PayloadDescriptor>,
    pub resources: Vec<ReportResource>,
}

/// An end node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ven {
    pub ven_name: String,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<ValuesMap>,
    /// What it is granted: programs and events with one of these are meant for it.
    #[serde(default, deserialize_with = "list")]
    pub targets: Vec<String>,
}

/// What an end node controls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Empty where a node leaves it out, which has one VEN object only.
    #[serde(rename = "venID", default)]
    pub ven_id: String,
    pub resource_name: String,
    #[serde(default, deserialize_with = "list", skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<ValuesMap>,
    #[serde(default, deserialize_with = "list")]
    pub targets: Vec<String>,
}

/// Any of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "objectType", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Object {
    Program(Program),
    Event(Event),
    Report(Report),
    Ven(Ven),
    Resource(Resource),
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Program,
    Event,
    Report,
    Ven,
    Resource,
}

impl Kind {
    /// In sentences.
    pub fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Event => "event",
            Self::Report => "report",
            Self::Ven => "ven",
            Self::Resource => "resource",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Object {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Program(_) => Kind::Program,
            Self::Event(_) => Kind::Event,
            Self::Report(_) => Kind::Report,
            Self::Ven(_) => Kind::Ven,
            Self::Resource(_) => Kind::Resource,
        }
    }

    /// Targets; a report has none.
    pub fn targets(&self) -> &[String] {
        match self {
            Self::Program(o) => &o.targets,
            Self::Event(o) => &o.targets,
            Self::Ven(o) => &o.targets,
            Self::Resource(o) => &o.targets,
            Self::Report(_) => &[],
        }
    }

    /// The same with other targets; a report stays as it is.
    #[must_use]
    pub fn with_targets(mut self, targets: Vec<String>) -> Self {
        match &mut self {
            Self::Program(o) => o.targets = targets,
            Self::Event(o) => o.targets = targets,
            Self::Ven(o) => o.targets = targets,
            Self::Resource(o) => o.targets = targets,
            Self::Report(_) => {}
        }
        self
    }

    /// Looks the object over.
    ///
    /// # Errors
    /// The first attribute that does not hold what the standard says of it.
    pub fn check(&self) -> Result<(), Fault> {
        names("targets", self.targets())?;
        match self {
            Self::Program(o) => {
                name("programName", &o.program_name)?;
                o.interval_period.iter().try_for_each(|p| period("intervalPeriod", p))?;
                let urls = o.program_descriptions.iter().enumerate();
                urls.into_iter().try_for_each(|(i, d)| length(&format!("programDescriptions[{i}].URL"), &d.url, 2, URL_MAX))?;
                descriptors(&o.payload_descriptors)?;
                payloads("attributes", &o.attributes)
            }
            Self::Event(o) => event(o),
            Self::Report(o) => {
                name("eventID", &o.event_id)?;
                name("clientName", &o.client_name)?;
                o.report_name.iter().try_for_each(|n| length("reportName", n, 0, NAME_MAX))?;
                descriptors(&o.payload_descriptors)?;
                bounded("resources", o.resources.len())?;
                for (i, r) in o.resources.iter().enumerate() {
                    let at = format!("resources[{i}]");
                    name(&format!("{at}.resourceName"), &r.resource_name)?;
                    r.interval_period.iter().try_for_each(|p| period(&format!("{at}.intervalPeriod"), p))?;
                    intervals(&format!("{at}.intervals"), &r.intervals)?;
                }
                Ok(())
            }
            Self::Ven(o) => {
                name("venName", &o.ven_name)?;
                payloads("attributes", &o.attributes)
            }
            Self::Resource(o) => {
                length("venID", &o.ven_id, 0, NAME_MAX)?;
                name("resourceName", &o.resource_name)?;
                payloads("attributes", &o.attributes)
            }
        }
    }
}

fn fault(field: &str, message: impl Into<String>) -> Result<(), Fault> {
    Err(Fault { field: field.to_owned(), message: message.into() })
}

fn length(field: &str, text: &str, least: usize, most: usize) -> Result<(), Fault> {
    let n = text.chars().count();
    if (least..=most).contains(&n) { Ok(()) } else { fault(field, format!("{field} has {n} characters; {least} to {most} are expected")) }
}

fn name(field: &str, text: &str) -> Result<(), Fault> {
    length(field, text, 1, NAME_MAX)
}

fn bounded(field: &str, n: usize) -> Result<(), Fault> {
    if n <= LIST_MAX { Ok(()) } else { fault(field, format!("{field} has {n} entries; up to {LIST_MAX} are taken")) }
}

fn names(field: &str, all: &[String]) -> Result<(), Fault> {
    bounded(field, all.len())?;
    all.iter().enumerate().try_for_each(|(i, n)| name(&format!("{field}[{i}]"), n))
}

fn descriptors(all: &[PayloadDescriptor]) -> Result<(), Fault> {
    bounded("payloadDescriptors", all.len())?;
    all.iter().enumerate().try_for_each(|(i, d)| name(&format!("payloadDescriptors[{i}].payloadType"), &d.payload_type))
}

fn duration(field: &str, text: &str) -> Result<(), Fault> {
    match text.parse::<Span>() {
        // Words, as "1 hour", are read too, and are none of the standard's.
        Ok(span) if !span.is_negative() && text.starts_with('P') => Ok(()),
        _ => fault(field, format!("{field} is \"{text}\"; a duration of ISO 8601 is expected, such as PT15M")),
    }
}

fn period(field: &str, p: &IntervalPeriod) -> Result<(), Fault> {
    if start_ms(p).is_none() {
        return fault(&format!("{field}.start"), format!("{field}.start is \"{}\"; a time of RFC 3339 is expected", p.start));
    }
    p.duration.iter().try_for_each(|d| duration(&format!("{field}.duration"), d))?;
    p.randomize_start.iter().try_for_each(|d| duration(&format!("{field}.randomizeStart"), d))
}

/// Whether a value is of a kind.
type Is = fn(&Value) -> bool;

/// What values a kind of payload has, where the standard says it.
fn expected(kind: &str) -> Option<(&'static str, Is)> {
    let number: Is = |v| v.number().is_some_and(f64::is_finite);
    let integer: Is = |v| matches!(v, Value::Integer(_));
    match kind {
        "SIMPLE" | "CTA2045_REBOOT" | "CTA2045_SET_OVERRIDE_STATUS" => Some(("an integer", integer)),
        "CURVE" => Some(("a point", |v| matches!(v, Value::Point { .. }))),
        "PRICE"
        | "EXPORT_PRICE"
        | "GHG"
        | "OLS"
        | "CHARGE_STATE_SETPOINT"
        | "DISPATCH_SETPOINT"
        | "DISPATCH_SETPOINT_RELATIVE"
        | "IMPORT_CAPACITY_LIMIT"
        | "EXPORT_CAPACITY_LIMIT"
        | "READING"
        | "USAGE"
        | "DEMAND"
        | "SETPOINT"
        | "DELTA_USAGE"
        | "BASELINE" => Some(("a number", number)),
        _ => None,
    }
}

fn payloads(field: &str, all: &[ValuesMap]) -> Result<(), Fault> {
    bounded(field, all.len())?;
    for (i, map) in all.iter().enumerate() {
        name(&format!("{field}[{i}].type"), &map.kind)?;
        bounded(&format!("{field}[{i}].values"), map.values.len())?;
        let Some((what, is)) = expected(&map.kind) else { continue };
        if let Some(k) = map.values.iter().position(|v| !is(v)) {
            let at = format!("{field}[{i}].values[{k}]");
            return fault(&at, format!("{at} does not fit {}: {what} is expected", map.kind));
        }
    }
    Ok(())
}

fn intervals(field: &str, all: &[Interval]) -> Result<(), Fault> {
    bounded(field, all.len())?;
    for (i, interval) in all.iter().enumerate() {
        let at = format!("{field}[{i}]");
        interval.interval_period.iter().try_for_each(|p| period(&format!("{at}.intervalPeriod"), p))?;
        payloads(&format!("{at}.payloads"), &interval.payloads)?;
    }
    Ok(())
}

fn event(o: &Event) -> Result<(), Fault> {
    name("programID", &o.program_id)?;
    o.event_name.iter().try_for_each(|n| length("eventName", n, 0, NAME_MAX))?;
    o.duration.iter().try_for_each(|d| duration("duration", d))?;
    o.interval_period.iter().try_for_each(|p| period("intervalPeriod", p))?;
    bounded("reportDescriptors", o.report_descriptors.len())?;
    for (i, r) in o.report_descriptors.iter().enumerate() {
        name(&format!("reportDescriptors[{i}].payloadType"), &r.payload_type)?;
        names(&format!("reportDescriptors[{i}].targets"), &r.targets)?;
    }
    descriptors(&o.payload_descriptors)?;
    intervals("intervals", &o.intervals)?;
    match o.intervals.iter().position(|i| i.payloads.is_empty()) {
        Some(i) => fault(&format!("intervals[{i}].payloads"), format!("intervals[{i}] has no payload")),
        None => Ok(()),
    }
}

/// Beginning of a period, ms since 1970 UTC. A start without a time or an offset, as the standard writes "now", is taken as UTC.
pub fn start_ms(p: &IntervalPeriod) -> Option<i64> {
    let civil = || p.start.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|z| z.timestamp());
    p.start.parse::<Timestamp>().ok().or_else(civil).map(Timestamp::as_millisecond)
}

/// Length of a period, ms; months and years count from its start.
pub fn duration_ms(p: &IntervalPeriod) -> Option<i64> {
    let span: Span = p.duration.as_ref()?.parse().ok()?;
    let start = Timestamp::from_millisecond(start_ms(p)?).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    Some(start.checked_add(span).ok()?.timestamp().as_millisecond() - start.timestamp().as_millisecond())
}

/// Intervals with their beginning and length, ms: each by its own period, else one after the other by the common one. Those whose time is
/// not told are left out.
pub fn timed<'a>(common: Option<&IntervalPeriod>, intervals: &'a [Interval]) -> Vec<(i64, i64, &'a Interval)> {
    let common_at = common.and_then(|p| start_ms(p).zip(duration_ms(p)));
    let at = |(i, interval): (usize, &'a Interval)| {
        let own = interval.interval_period.as_ref();
        let length = own.and_then(duration_ms).or(common_at.map(|c| c.1))?;
        let start = own.and_then(start_ms).or_else(|| common_at.map(|(s, l)| s.saturating_add(l.saturating_mul(i as i64))))?;
        (length > 0).then_some((start, length, interval))
    };
    intervals.iter().enumerate().filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Object {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn an_event_comes_back_and_null_is_an_empty_list() {
        let text = json!({
            "objectType": "EVENT", "programID": "p-1", "eventName": "price event 11-18-2022", "duration": "PT1H", "priority": 0,
            "targets": null, "reportDescriptors": null, "somethingElse": 1,
            "intervalPeriod": { "start": "2023-06-15T09:30:00Z", "duration": "P0Y0M0DT1H0M0S", "randomizeStart": "PT0S" },
            "intervals": [{ "id": 0, "payloads": [{ "type": "PRICE", "values": [0.17] }] }, { "id": 1, "payloads": [{ "type": "PRICE", "values": [1] }] }]
        });
        let object = read(text);
        object.check().unwrap();
        let again = read(serde_json::to_value(&object).unwrap());
        assert_eq!(again, object);
        let Object::Event(e) = object else { panic!("no event") };
        assert!(e.targets.is_empty() && e.report_descriptors.is_empty());
        let timed = timed(e.interval_period.as_ref(), &e.intervals);
        // 2023-06-15T09:30:00Z and an hour later.
        assert_eq!(timed.iter().map(|t| (t.0, t.1)).collect::<Vec<_>>(), [(1_686_821_400_000, 3_600_000), (1_686_825_000_000, 3_600_000)]);
    }

    #[test]
    fn a_fault_is_told_with_its_place() {
        let event = |intervals: serde_json::Value| read(json!({ "objectType": "EVENT", "programID": "p", "intervals": intervals })).check();
        let field = |r: Result<(), Fault>| r.unwrap_err().field;
        assert_eq!(
            field(event(json!([{ "id": 0, "payloads": [{ "type": "PRICE", "values": ["1"] }] }]))),
            "intervals[0].payloads[0].values[0]"
        );
        assert_eq!(
            field(event(json!([{ "id": 0, "payloads": [{ "type": "SIMPLE", "values": [1.5] }] }]))),
            "intervals[0].payloads[0].values[0]"
        );
        assert_eq!(field(event(json!([{ "id": 0, "payloads": [] }]))), "intervals[0].payloads");
        assert!(event(json!([{ "id": 0, "payloads": [{ "type": "OWN", "values": ["any", true, { "x": 1, "y": 2 }] }] }])).is_ok());
        let program = |extra: serde_json::Value| {
            let mut all = json!({ "objectType": "PROGRAM", "programName": "a" });
            all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            read(all).check()
        };
        assert_eq!(field(program(json!({ "programName": "" }))), "programName");
        assert_eq!(field(program(json!({ "targets": ["ok", ""] }))), "targets[1]");
        assert_eq!(field(program(json!({ "intervalPeriod": { "start": "yesterday" } }))), "intervalPeriod.start");
        assert_eq!(
            field(program(json!({ "intervalPeriod": { "start": "2023-06-15T09:30:00Z", "duration": "1 hour" } }))),
            "intervalPeriod.duration"
        );
        assert!(program(json!({ "intervalPeriod": { "start": "0001-01-01T00:00:00Z", "duration": "P9999Y" } })).is_ok());
    }

    #[test]
    fn intervals_without_a_time_are_left_out_and_own_periods_win() {
        let report: ReportResource = serde_json::from_value(json!({ "resourceName": "r", "intervals": [
            { "id": 0, "payloads": [] },
            { "id": 1, "intervalPeriod": { "start": "1970-01-01T00:00:01Z", "duration": "PT1S" }, "payloads": [] }
        ] }))
        .unwrap();
        let found = timed(report.interval_period.as_ref(), &report.intervals);
        assert_eq!(found.iter().map(|t| (t.0, t.1, t.2.id)).collect::<Vec<_>>(), [(1000, 1000, 1)]);
    }
}
