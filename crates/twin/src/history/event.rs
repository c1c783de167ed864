//! Events: what happened, for ever.
//!
//! They lie in logs ([`super::framed`]) of some megabytes, named after the sequence number of their first event, and in the order of these
//! numbers. A log that is full gets a summary beside it (first and last time), so that a search of a range passes over it unread.

use super::error::HistoryError;
use super::files::{self, DiskFaults, write_whole};
use super::framed::{self, FILE_HEADER, LogHeader};
use network::{Diagnostic, Severity};
use scada::UtcTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const MAGIC: [u8; 8] = *b"GTHEVT\r\n";
/// Length from which on another log is begun, octets.
pub(crate) const LOG_OCTETS: u64 = 4 << 20;
/// Longest event as text, octets.
pub const EVENT_MAX: usize = 1 << 20;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub time: UtcTime,
    /// What kind of thing, as one word: `alarm`, `command`, `device`.
    pub kind: String,
    pub severity: Severity,
    /// What it happened to, as `class.name` or the name of a point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// For people.
    pub message: String,
    /// Everything else by name: who, before, after, value.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

/// An event and its number in this history: 1, 2, 3 in the order in which they were acknowledged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedEvent {
    pub sequence: u64,
    #[serde(flatten)]
    pub event: Event,
}

/// Which events are wanted. All that is said has to hold; nothing said is everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventFilter {
    /// From this instant on, and before the other.
    pub from: Option<UtcTime>,
    pub to: Option<UtcTime>,
    /// Any of these kinds.
    pub kinds: Vec<String>,
    /// At least as severe.
    pub severity: Option<Severity>,
    pub subject: Option<String>,
    /// Words that all have to be found in kind, subject, message or fields, small and capital letters alike.
    pub text: Option<String>,
    /// Fields that have to be there with this value.
    pub fields: Vec<(String, Value)>,
}

impl EventFilter {
    pub fn matches(&self, event: &Event) -> bool {
        self.from.is_none_or(|t| event.time >= t)
            && self.to.is_none_or(|t| event.time < t)
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && self.severity.is_none_or(|s| event.severity >= s)
            && self.subject.as_ref().is_none_or(|s| event.subject.as_ref() == Some(s))
            && self.fields.iter().all(|(name, value)| event.fields.get(name) == Some(value))
            && self.text.as_ref().is_none_or(|text| {
                let mut all = format!("{}\n{}\n{}\n", event.kind, event.subject.as_deref().unwrap_or_default(), event.message);
                for (name, value) in &event.fields {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    all.push_str(&format!("{name}\n{value}\n"));
                }
                let all = all.to_lowercase();
                text.to_lowercase().split_whitespace().all(|word| all.contains(word))
            })
    }
}

/// Which part of the events that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The first so many after this number, ascending.
    After { sequence: u64, limit: usize },
    /// The last so many before this number, descending; `u64::MAX` for the newest.
    Before { sequence: u64, limit: usize },
}

/// Events that match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventPage {
    pub events: Vec<RecordedEvent>,
    /// Whether there may be more in the same direction; they are asked for with the last number here.
    pub more: bool,
    /// Logs that are damaged. What could be read is among the events.
    pub findings: Vec<Diagnostic>,
}

/// One log of events.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventLog {
    pub path: PathBuf,
    pub first_sequence: u64,
    /// The last number; one less than the first when it is empty.
    pub last_sequence: u64,
    /// Octets that have been acknowledged.
    pub octets: u64,
    /// Times of the earliest and the latest event.
    pub times: Option<(UtcTime, UtcTime)>,
}

#[derive(Serialize, Deserialize)]
struct Summary {
    last_sequence: u64,
    octets: u64,
    times: Option<(UtcTime, UtcTime)>,
}

impl EventLog {
    pub(crate) fn place(folder: &Path, first_sequence: u64) -> PathBuf {
        folder.join(format!("{first_sequence:020}.log"))
    }

    pub(crate) fn summary_place(&self) -> PathBuf {
        self.path.with_extension("json")
    }

    pub(crate) fn met(&mut self, time: UtcTime) {
        self.times = Some(self.times.map_or((time, time), |(a, b)| (a.min(time), b.max(time))));
    }

    /// Says of a full log what is in it. Can be made anew from the log.
    pub(crate) fn summarise(&self, faults: &DiskFaults) -> Result<(), HistoryError> {
        let summary = Summary { last_sequence: self.last_sequence, octets: self.octets, times: self.times };
        let text = serde_json::to_vec(&summary).expect("three plain fields");
        write_whole(&self.summary_place(), &text, faults)
    }

    /// What a log holds: from its summary where there is one for a file of this length, else by reading it.
    fn open(path: &Path, findings: &mut Vec<Diagnostic>) -> Result<Self, HistoryError> {
        let io = |e: std::io::Error| HistoryError::io("read", path, &e);
        let name = path.file_stem().and_then(|n| n.to_str()).and_then(|n| n.parse().ok()).filter(|n: &u64| *n > 0);
        let Some(first_sequence) = name else {
            return Err(HistoryError::damaged(path, 0, "its name is not the number of an event"));
        };
        let mut log = Self { path: path.to_owned(), first_sequence, last_sequence: first_sequence - 1, octets: 0, times: None };
        let length = fs::metadata(path).map_err(io)?.len();
        let summary: Option<Summary> = fs::read(log.summary_place()).ok().and_then(|text| serde_json::from_slice(&text).ok());
        if let Some(summary) = summary.filter(|s| s.octets == length) {
            (log.last_sequence, log.octets, log.times) = (summary.last_sequence, length, summary.times);
            return Ok(log);
        }
        let octets = fs::read(path).map_err(io)?;
        if let Err(e) = LogHeader::decode(&octets, MAGIC, path) {
            findings.push(e.diagnostic());
        }
        let scan = framed::scan(&octets, FILE_HEADER.min(octets.len()));
        log.octets = scan.sound as u64;
        for record in scan.records {
            log.last_sequence = log.last_sequence.max(record.sequence);
            if let Ok(event) = serde_json::from_slice::<Event>(&octets[record.text]) {
                log.met(event.time);
            }
        }
        Ok(log)
    }

    /// All logs of a folder, by sequence number.
    pub(crate) fn open_all(folder: &Path, findings: &mut Vec<Diagnostic>) -> Result<Vec<Self>, HistoryError> {
        let mut logs = Vec::new();
        for path in files::list(folder)?.iter().filter(|p| p.extension().is_some_and(|e| e == "log")) {
            match Self::open(path, findings) {
                Ok(log) => logs.push(log),
                Err(e @ HistoryError::Damaged { .. }) => findings.push(e.diagnostic()),
                Err(e) => return Err(e),
            }
        }
        Ok(logs)
    }

    /// The events of this log, and what is wrong with it.
    pub(crate) fn read(&self) -> Result<(Vec<RecordedEvent>, Vec<Diagnostic>), HistoryError> {
        let mut octets = fs::read(&self.path).map_err(|e| HistoryError::io("read", &self.path, &e))?;
        // What lies beyond has not been acknowledged.
        octets.truncate(self.octets as usize);
        let scan = framed::scan(&octets, FILE_HEADER.min(octets.len()));
        let mut findings: Vec<Diagnostic> = scan
            .damaged
            .iter()
            .map(|d| HistoryError::damaged(&self.path, d.start as u64, "the checksum of an event does not hold").diagnostic())
            .collect();
        if scan.sound < self.octets as usize {
            findings.push(HistoryError::damaged(&self.path, scan.sound as u64, "its last events cannot be read").diagnostic());
        }
        let mut events = Vec::with_capacity(scan.records.len());
        for record in scan.records {
            match serde_json::from_slice(&octets[record.text]) {
                Ok(event) => events.push(RecordedEvent { sequence: record.sequence, event }),
                Err(_) => {
                    findings.push(HistoryError::damaged(&self.path, record.offset as u64, "a record is no event").diagnostic());
                }
            }
        }
        Ok((events, findings))
    }
}

/// Looks through logs for one page of what matches.
pub(crate) fn search(logs: &[EventLog], filter: &EventFilter, page: Page) -> Result<EventPage, HistoryError> {
    let mut found = EventPage::default();
    let wanted = |log: &&EventLog| {
        let times = log.times.is_some_and(|(a, b)| filter.from.is_none_or(|t| b >= t) && filter.to.is_none_or(|t| a < t));
        times
            && match page {
                Page::After { sequence, .. } => log.last_sequence > sequence,
                Page::Before { sequence, .. } => log.first_sequence < sequence,
            }
    };
    let mut logs: Vec<&EventLog> = logs.iter().filter(wanted).collect();
    let limit = match page {
        Page::After { limit, .. } => limit,
        Page::Before { limit, .. } => {
            logs.reverse();
            limit
        }
    };
    for log in logs {
        let (mut events, findings) = log.read()?;
        found.findings.extend(findings);
        if matches!(page, Page::Before { .. }) {
            events.reverse();
        }
        for event in events {
            let beyond = match page {
                Page::After { sequence, .. } => event.sequence <= sequence,
                Page::Before { sequence, .. } => event.sequence >= sequence,
            };
            if beyond || !filter.matches(&event.event) {
                continue;
            }
            if found.events.len() == limit {
                found.more = true;
                return Ok(found);
            }
            found.events.push(event);
        }
    }
    Ok(found)
}
