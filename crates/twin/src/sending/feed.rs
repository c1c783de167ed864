//! Values on their way out of the house: a bounded queue beside a history.

use super::options::Influx;
use crate::history::line_protocol::Target;
use crate::history::{
    Answer, Condition, Entry, Event, EventFilter, EventPage, EventTicket, Historian, HistoryError, Maintained, Page, PointEntry, PointId,
    Query, Sample, States, Ticket,
};
use network::Diagnostic;
use scada::UtcTime;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What waits, and what had no room.
#[derive(Debug, Default)]
struct Waiting {
    samples: VecDeque<Sample>,
    dropped: u64,
}

/// Samples that wait to be sent.
#[derive(Debug)]
pub struct Feed {
    influx: Influx,
    waiting: Mutex<Waiting>,
    /// Where the lines of a point go; `None` of a point that is not wanted or cannot be written.
    targets: Mutex<HashMap<PointId, Option<Target>>>,
    findings: Mutex<Vec<Diagnostic>>,
    come: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    fn new(influx: Influx) -> Self {
        Self { influx, waiting: Mutex::default(), targets: Mutex::default(), findings: Mutex::default(), come: Condvar::new() }
    }

    fn meet(&self, id: PointId, name: &str, unit: &str) {
        let mut targets = lock(&self.targets);
        if targets.contains_key(&id) {
            return;
        }
        let target = self.influx.takes(name).then(|| {
            let mut tags = vec![("point", name), ("unit", unit)];
            tags.extend(self.influx.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())));
            Target::new(&self.influx.measurement, &tags)
        });
        let target = target.and_then(|t| t.map_err(|faults| lock(&self.findings).extend(faults)).ok());
        targets.insert(id, target);
    }

    /// Takes a copy of what a history has taken. Never waits; the oldest gives way.
    fn offer(&self, samples: Vec<Sample>) {
        let wanted: Vec<Sample> = {
            let targets = lock(&self.targets);
            samples.into_iter().filter(|s| targets.get(&s.point).is_some_and(Option::is_some)).collect()
        };
        let mut waiting = lock(&self.waiting);
        waiting.samples.extend(wanted);
        let over = waiting.samples.len().saturating_sub(self.influx.backlog);
        waiting.samples.drain(..over);
        waiting.dropped += over as u64;
        if waiting.samples.len() >= self.influx.batch {
            self.come.notify_one();
        }
    }

    pub(super) fn options(&self) -> &Influx {
        &self.influx
    }

    /// Points that no line can name.
    pub fn findings(&self) -> Vec<Diagnostic> {
        lock(&self.findings).clone()
    }

    /// Waits for a whole batch, for so long at most.
    pub(super) fn wait(&self, timeout: Duration) {
        let waiting = lock(&self.waiting);
        let few = |w: &mut Waiting| w.samples.len() < self.influx.batch;
        drop(self.come.wait_timeout_while(waiting, timeout, few).unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn wake(&self) {
        self.come.notify_all();
    }

    /// The oldest so many, with where their lines go.
    pub(super) fn take(&self, count: usize) -> Vec<(Target, Sample)> {
        let taken: Vec<Sample> = {
            let mut waiting = lock(&self.waiting);
            let n = count.min(waiting.samples.len());
            waiting.samples.drain(..n).collect()
        };
        let targets = lock(&self.targets);
        taken.into_iter().filter_map(|s| Some((targets.get(&s.point)?.clone()?, s))).collect()
    }

    /// Samples that wait, and samples that had no room since this was last asked.
    pub(super) fn counts(&self) -> (usize, u64) {
        let mut waiting = lock(&self.waiting);
        let dropped = std::mem::take(&mut waiting.dropped);
        (waiting.samples.len(), dropped)
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.waiting).samples.len()
    }
}

/// A history whose samples are also offered to a feed, once they are taken.
struct Tapped {
    inner: Arc<dyn Historian>,
    feed: Arc<Feed>,
}

/// The history with a feed beside it.
pub fn tap(history: Arc<dyn Historian>, influx: Influx) -> (Arc<dyn Historian>, Arc<Feed>) {
    let feed = Arc::new(Feed::new(influx));
    for PointEntry { id, name, unit } in history.points() {
        feed.meet(id, &name, &unit);
    }
    (Arc::new(Tapped { inner: history, feed: feed.clone() }), feed)
}

impl Historian for Tapped {
    fn point(&self, name: &str, unit: &str) -> Result<PointId, HistoryError> {
        let id = self.inner.point(name, unit)?;
        self.feed.meet(id, name, unit);
        Ok(id)
    }

    fn points(&self) -> Vec<PointEntry> {
        self.inner.points()
    }

    fn append(&self, samples: Vec<Sample>, now: UtcTime) -> Result<Ticket, HistoryError> {
        let copy = samples.clone();
        let ticket = self.inner.append(samples, now)?;
        let refused = |i: usize| ticket.refused.iter().any(|r| r.position == i);
        let taken = if ticket.refused.is_empty() {
            copy
        } else {
            copy.into_iter().enumerate().filter(|(i, _)| !refused(*i)).map(|(_, s)| s).collect()
        };
        self.feed.offer(taken);
        Ok(ticket)
    }

    fn append_events(&self, events: &[Event]) -> Result<EventTicket, HistoryError> {
        self.inner.append_events(events)
    }

    fn query(&self, query: &Query) -> Result<Answer, HistoryError> {
        self.inner.query(query)
    }

    fn last(&self, point: PointId) -> Option<Entry> {
        self.inner.last(point)
    }

    fn states_at(&self, at: UtcTime) -> Result<States, HistoryError> {
        self.inner.states_at(at)
    }

    fn events(&self, filter: &EventFilter, page: Page) -> Result<EventPage, HistoryError> {
        self.inner.events(filter, page)
    }

    fn maintain(&self, now: UtcTime) -> Result<Maintained, HistoryError> {
        self.inner.maintain(now)
    }

    fn condition(&self) -> Condition {
        self.inner.condition()
    }
}
