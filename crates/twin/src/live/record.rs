//! What the history keeps of the twin: values, events, and alarms as events.

use super::points::Map;
use super::rules;
use super::trend::figures;
use super::twin::{Order, Site, Told, TwinError, Verdict};
use super::view::Metrics;
use super::writing::{Diary, Writing};
use crate::alarms::notify::Route;
use crate::alarms::{self, Engine, Journal, JournalFault, PointEntry, PointTable};
use crate::history::{Event, EventFilter, Historian, HistoryError, Page, PointId};
use network::{Network, Severity, Station};
use scada::UtcTime;
use scada::device::CommandError;
use scada::point::ValueKind;
use scada::telecontrol::Record;
use serde_json::{Map as Fields, Value as Json};
use std::sync::Arc;
use tokio::sync::broadcast;

/// Device under which the twin's own points stand among those of the alarms.
pub const OWN_DEVICE: &str = "twin";
/// Events that are read at once when alarms are restored.
const PAGE: usize = 10_000;

/// Names and units of the twin's own points, in a fixed order.
pub fn own_points(network: &Network, station: &Station) -> Vec<(String, &'static str)> {
    let unit = |name: &str| match name.rsplit('_').next() {
        Some("mw") => "MW",
        Some("mvar") => "Mvar",
        Some("pct") => "%",
        Some("hz") => "Hz",
        _ => "1",
    };
    let mut all: Vec<(String, &'static str)> =
        figures(&Metrics::default()).into_iter().map(|(name, _)| (format!("twin.{name}"), unit(name))).collect();
    all.extend(network.buses.iter().map(|b| (format!("twin.bus.{}.v_pu", b.name), "pu")));
    for e in &station.equipment {
        all.push((format!("twin.asset.{}.health", e.id), "1"));
        all.push((format!("twin.asset.{}.loading_pct", e.id), "%"));
        all.push((format!("twin.asset.{}.temperature_c", e.id), "C"));
    }
    all
}

/// Adds the twin's own points to the table of the alarms.
pub fn add_own(table: &mut PointTable, network: &Network, station: &Station) {
    let device = table.device(OWN_DEVICE);
    for (name, unit) in own_points(network, station) {
        let id = name.strip_prefix("twin.asset.").and_then(|rest| rest.rsplit_once('.')).map(|(id, _)| id.to_owned());
        let asset = id.and_then(|id| station.find(&id));
        table.add_entry(PointEntry {
            name: name.as_str().into(),
            device,
            kind: ValueKind::Float,
            unit: Some(unit.into()),
            low: None,
            high: None,
            asset: asset.map(|a| a.id.as_str().into()),
            asset_type: asset.map(|a| a.kind.word().into()),
            element: None,
            quantity: name.rsplit('.').next().map(Into::into),
        });
    }
}

/// Number in the history of every point of the table.
///
/// # Errors
/// A point that was recorded in another unit; a history that cannot write.
pub fn ids(map: &Map, history: &dyn Historian) -> Result<Vec<PointId>, HistoryError> {
    map.table.entries().map(|(_, e)| history.point(&e.name, e.unit.as_deref().unwrap_or_default())).collect()
}

/// An event of the history.
pub fn event(kind: &str, severity: Severity, subject: Option<&str>, message: String, fields: &[(&str, Json)]) -> Event {
    Event {
        time: UtcTime::now(),
        kind: kind.to_owned(),
        severity,
        subject: subject.map(str::to_owned),
        message,
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }
}

/// Priority of alarms as the severity of the history.
fn severity_of(priority: Option<alarms::Priority>) -> Severity {
    match priority {
        Some(alarms::Priority::Critical | alarms::Priority::High) => Severity::Error,
        Some(alarms::Priority::Medium) => Severity::Warning,
        _ => Severity::Note,
    }
}

fn severity_word(event: &Event) -> String {
    if let Some(priority) = event.fields.get("priority").and_then(Json::as_str) {
        return priority.to_owned();
    }
    match event.severity {
        Severity::Error => "high",
        Severity::Warning => "medium",
        Severity::Note => "low",
    }
    .to_owned()
}

/// What listeners are told of an event.
pub fn told(sequence: u64, event: &Event) -> Told {
    Told {
        sequence,
        time_ms: event.time.ms(),
        kind: event.kind.clone(),
        severity: severity_word(event),
        subject: event.subject.clone(),
        message: event.message.clone(),
        fields: event.fields.clone(),
    }
}

/// An event of the alarms as one of the history; the whole record is in its fields.
fn of_alarm(alarm: &alarms::Event) -> Event {
    let kind = serde_json::to_value(alarm.kind).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let mut message = match &alarm.text {
        Some(text) => format!("{text}: {}", kind.replace('_', " ")),
        None => kind.replace('_', " "),
    };
    if let Some(value) = &alarm.value {
        message.push_str(&format!(" ({value})"));
    }
    if let Some(who) = &alarm.who {
        message.push_str(&format!(", {who}"));
    }
    if let Some(comment) = &alarm.comment {
        message.push_str(&format!(": {comment}"));
    }
    let fields = match serde_json::to_value(alarm) {
        Ok(Json::Object(fields)) => fields,
        _ => Fields::new(),
    };
    Event {
        time: alarm.time,
        kind: "alarm".to_owned(),
        severity: severity_of(alarm.priority),
        subject: alarm.asset.as_deref().or(alarm.rule.as_deref()).map(str::to_owned),
        message,
        fields,
    }
}

/// Writes the alarms' events into the history, and tells them.
pub struct HistoryJournal<'a> {
    diary: Diary<'a>,
    writing: Writing,
}

impl<'a> HistoryJournal<'a> {
    pub fn new(diary: Diary<'a>, writing: Writing) -> Self {
        Self { diary, writing }
    }
}

impl Journal for HistoryJournal<'_> {
    fn append(&mut self, events: &[alarms::Event]) -> Result<(), JournalFault> {
        let all: Vec<Event> = events.iter().map(of_alarm).collect();
        self.diary.write(&all, self.writing).map_err(|e| JournalFault { what: e.to_string() })
    }
}

/// The alarms with the document that they follow.
pub struct Alarms {
    pub engine: Engine,
    pub yaml: String,
    /// Hash of the document that was given at the start.
    pub given: String,
    pub routes: Vec<Route>,
}

impl Alarms {
    /// The alarms as the history left them.
    ///
    /// # Errors
    /// Rules with faults; a history that cannot be read.
    pub fn open(site: &Site, map: &Map, yaml: Option<String>, history: &Arc<dyn Historian>, now: UtcTime) -> Result<Self, TwinError> {
        let mut yaml = yaml.unwrap_or_else(|| rules::of_station(site, map));
        let given = rules::hash(&yaml);
        // Rules that were changed here stand for as long as the document that they were changed from is the same.
        let last = history.events(
            &EventFilter { kinds: vec!["rules".to_owned()], ..EventFilter::default() },
            Page::Before { sequence: u64::MAX, limit: 1 },
        )?;
        let changed = last.events.first().filter(|e| e.event.fields.get("document").and_then(Json::as_str) == Some(&given));
        // Nobody listens yet.
        let nobody = broadcast::channel(1).0;
        let diary = Diary { history: &**history, told: &nobody, unwritten: None };
        let changed = changed.and_then(|e| e.event.fields.get("yaml").and_then(Json::as_str)).map(str::to_owned);
        let mut set_aside = None;
        let mut document = alarms::document::read(changed.as_deref().unwrap_or(&yaml), "alarms.yaml", &map.table);
        if let Some(changed) = changed {
            if document.is_sound() {
                yaml = changed;
            } else {
                // Nobody has a file to mend these in: those of the document stand, and people are told.
                set_aside = Some(document.diagnostics);
                document = alarms::document::read(&yaml, "alarms.yaml", &map.table);
            }
        }
        if !document.is_sound() {
            return Err(TwinError::Documents(document.diagnostics));
        }
        if let Some(faults) = set_aside {
            let first = faults.first().map_or_else(String::new, |d| d.message.clone());
            let message = format!("Alarm rules that were changed here do not fit the points any more and are set aside: {first}");
            let fields = [("faults", faults.len().into())];
            diary.write(&[event("system", Severity::Error, None, message, &fields)], Writing::After)?;
        }
        let mut events: Vec<alarms::Event> = Vec::new();
        let filter = EventFilter { kinds: vec!["alarm".to_owned()], ..EventFilter::default() };
        let mut after = 0;
        loop {
            let page = history.events(&filter, Page::After { sequence: after, limit: PAGE })?;
            for recorded in &page.events {
                after = recorded.sequence;
                let of_alarm = serde_json::from_value(Json::Object(recorded.event.fields.clone()));
                events.extend(of_alarm.ok());
            }
            if !page.more || page.events.is_empty() {
                break;
            }
        }
        let is_new = events.is_empty();
        let mut engine = Engine::restore(map.table.clone(), document.rules, document.settings, None, &events);
        if is_new {
            // What the document plans is planned once; afterwards the schedule is what people make of it.
            for entry in document.maintenance {
                let (who, why) = (entry.who.to_string(), "as planned in the document of alarm rules".to_owned());
                let mut journal = HistoryJournal::new(diary, Writing::First);
                engine.plan_maintenance(now, &entry, alarms::Actor { who: &who, why: &why }, &mut journal)?;
            }
        }
        Ok(Self { engine, yaml, given, routes: document.routes })
    }
}

/// A command as it went, for ever.
pub fn of_command(record: &Record, verdict: &Verdict, overriding: bool, order: &Order) -> Event {
    let overridden = overriding && !verdict.allowed;
    // What was sent may have been done, whatever became of the confirmation.
    let was_sent = matches!(record.outcome, Err(CommandError::Unconfirmed { .. } | CommandError::NotSeen { .. }));
    let end = match (&record.failure, overridden) {
        (Some(failure), _) if was_sent => format!("sent, and not confirmed: {failure}"),
        (Some(failure), _) => format!("not carried out: {failure}"),
        (None, true) => "carried out, against the interlock".to_owned(),
        (None, false) => "carried out".to_owned(),
    };
    let message = format!("{} {} by {}: {end} ({})", order.command, order.subject, record.by.user, record.by.reason);
    let severity = if overridden || was_sent {
        Severity::Error
    } else if record.failure.is_some() {
        Severity::Warning
    } else {
        Severity::Note
    };
    let to_json = |v: serde_json::Result<Json>| v.unwrap_or(Json::Null);
    event(
        "control",
        severity,
        Some(&order.subject),
        message,
        &[
            ("who", record.by.user.clone().into()),
            ("reason", record.by.reason.clone().into()),
            ("overridden", overridden.into()),
            ("record", to_json(serde_json::to_value(record))),
            ("verdict", to_json(serde_json::to_value(verdict))),
        ],
    )
}
