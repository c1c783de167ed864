//! Writing down what happens, also while the disk does not take it.
//!
//! What somebody wants done is written down first, and not done when it cannot be. What has happened, has happened: it is told at once, waits for
//! the disk, and nothing waits for it. Values and alarms go on while a disk is full; people are told that nothing is recorded, and how much
//! is missing when it is over.

use super::record;
use super::twin::{Told, Twin, lock};
use crate::history::{Condition, Event, Historian, HistoryError, Sample};
use network::Severity;
use scada::UtcTime;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// Longest wait for the disk of what is to be done, and of what has happened.
const FIRST: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(2);
/// Between two words about the same trouble.
const AGAIN: Duration = Duration::from_secs(60);
/// Waits for a queue that is full although the disk takes what comes.
const PATIENCE: Duration = Duration::from_millis(50);
const PATIENCES: u32 = 20;

/// When something is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// Before it is done.
    First,
    /// When it has happened.
    After,
}

/// What is not in the history, and what people know of it.
#[derive(Debug, Default)]
pub struct Unwritten {
    samples: u64,
    events: u64,
    /// Since when nothing has been acknowledged.
    since: Option<UtcTime>,
    /// When people were told of a fault last, and which.
    told: Option<(Instant, String)>,
}

/// Where events are written and told.
#[derive(Clone, Copy)]
pub struct Diary<'a> {
    pub history: &'a dyn Historian,
    pub told: &'a broadcast::Sender<Arc<Told>>,
    pub unwritten: Option<&'a Mutex<Unwritten>>,
}

impl Diary<'_> {
    /// Writes events and tells them. Told before they are on the disk they have the number 0.
    ///
    /// # Errors
    /// [`Writing::First`]: the history does not take them, and nobody is told. [`Writing::After`] has none but a history that is closed.
    pub fn write(&self, events: &[Event], writing: Writing) -> Result<(), HistoryError> {
        if events.is_empty() {
            return Ok(());
        }
        let stalled = match self.history.condition() {
            Condition::Stalled { trouble, .. } => Some(trouble),
            _ => None,
        };
        if let (Writing::First, Some(trouble)) = (writing, &stalled) {
            return Err(trouble.clone());
        }
        let numbers = match self.history.append_events(events) {
            // What waits for a disk that refuses is written when it gives way.
            Ok(_) if stalled.is_some() => None,
            Ok(ticket) => match ticket.wait_for(if writing == Writing::First { FIRST } else { AFTER }) {
                Ok(numbers) => Some(numbers),
                // It waits and will be written: to take it back now would be to have it written and not done.
                Err(HistoryError::NotYet { .. }) => None,
                Err(fault) => return Err(fault),
            },
            Err(fault) if writing == Writing::First => return Err(fault),
            Err(HistoryError::Closed) => return Err(HistoryError::Closed),
            Err(_) => {
                if let Some(unwritten) = self.unwritten {
                    lock(unwritten).events += events.len() as u64;
                }
                None
            }
        };
        let first = numbers.map(|n| n.start);
        for (i, event) in events.iter().enumerate() {
            // Nobody listening is no fault.
            let _ = self.told.send(Arc::new(record::told(first.map_or(0, |n| n + i as u64), event)));
        }
        Ok(())
    }
}

impl Twin {
    pub(super) fn diary(&self) -> Diary<'_> {
        Diary { history: &*self.history, told: &self.told, unwritten: Some(&self.unwritten) }
    }

    /// Writes down what has happened; a history that does not take it is told of.
    pub(super) fn note(&self, events: &[Event]) {
        if let Err(fault) = self.diary().write(events, Writing::After) {
            self.fault(&fault.to_string());
        }
    }

    /// Hands samples to the history. A queue that is full is waited for a little, unless the disk refuses: then nothing would come of it.
    pub(super) fn append(&self, samples: Vec<Sample>, now: UtcTime) {
        if samples.is_empty() {
            return;
        }
        let count = samples.len() as u64;
        for attempt in 1..=PATIENCES {
            match self.history.append(samples.clone(), now) {
                Ok(_) => return,
                Err(HistoryError::QueueFull { .. }) if attempt < PATIENCES && !self.stop.is_cancelled() => {
                    if matches!(self.history.condition(), Condition::Stalled { .. }) {
                        break;
                    }
                    std::thread::sleep(PATIENCE);
                }
                Err(HistoryError::QueueFull { .. }) => break,
                Err(fault) => {
                    self.fault(&fault.to_string());
                    break;
                }
            }
        }
        lock(&self.unwritten).samples += count;
    }

    /// Looks whether the history records, and tells when that changes and what is missing. To be called every second.
    pub(super) fn watch_history(&self, now: UtcTime) {
        let trouble = match self.history.condition() {
            Condition::Stalled { trouble, .. } => Some(trouble.to_string()),
            _ => None,
        };
        if let Some(trouble) = trouble {
            lock(&self.unwritten).since.get_or_insert(now);
            self.fault(&trouble);
            return;
        }
        let (since, samples, events) = {
            let mut unwritten = lock(&self.unwritten);
            let was = std::mem::take(&mut *unwritten);
            (was.since, was.samples, was.events)
        };
        if since.is_none() && samples + events == 0 {
            return;
        }
        let what = since.map_or_else(
            || "The history could not keep up".to_owned(),
            |at| format!("The history records again after {:.0} s", now.seconds_since(at)),
        );
        let lost = match (samples, events) {
            (0, 0) => "nothing is missing".to_owned(),
            (samples, events) => format!("{samples} values and {events} events are missing"),
        };
        let fields = [("missing_values", samples.into()), ("missing_events", events.into())];
        let severity = if samples + events == 0 { Severity::Note } else { Severity::Error };
        self.note(&[record::event("system", severity, None, format!("{what}: {lost}"), &fields)]);
    }

    /// Something that the history cannot keep: told to whoever listens, once a minute while it lasts.
    pub(super) fn fault(&self, what: &str) {
        {
            let mut unwritten = lock(&self.unwritten);
            if unwritten.told.as_ref().is_some_and(|(at, told)| told == what && at.elapsed() < AGAIN) {
                return;
            }
            unwritten.told = Some((Instant::now(), what.to_owned()));
        }
        let told = Told {
            sequence: 0,
            time_ms: UtcTime::now().ms(),
            kind: "system".to_owned(),
            severity: "critical".to_owned(),
            subject: None,
            message: format!("The history does not record: {what}"),
            fields: serde_json::Map::new(),
        };
        // Nobody listening is no fault.
        let _ = self.told.send(Arc::new(told));
    }

    /// A fault of the program itself, which goes on.
    pub(super) fn panicked(&self, when: &str, fault: &str) {
        let message = format!("A fault of this program while {when}: {fault}; please report it");
        self.note(&[record::event("system", Severity::Error, None, message, &[])]);
    }
}
