//! Between a device and a consumer that may be slow.
//!
//! A device puts in without ever waiting. What waits to be sent is bounded: of a measurement only the newest value waits, since the one it
//! replaces is no longer true; events (changes of position, counters, texts) wait one by one, up to [`MAX_EVENTS`], and when a consumer
//! leaves more than that, the oldest go. Both are counted, and the counts travel with the next batch.

use crate::point::{Cause, PointSpec, PointState, Reading, Update, Value};
use crate::time::UtcTime;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Events of one device that wait for a consumer.
pub const MAX_EVENTS: usize = 16_384;
/// Remarks of one kind of trouble can come a thousand times a second.
const MAX_REMARKS: usize = 64;

/// What happened to a device, beside its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The device at this address answers.
    Connected {
        address: String,
    },
    /// Every point has been read since.
    Recovered,
    /// The connection ended; every point has been marked.
    Lost {
        address: String,
        why: String,
        next_try_s: f64,
    },
    /// No connection could be made; told when the reason changes.
    Unreachable {
        address: String,
        why: String,
        next_try_s: f64,
    },
    /// From now on the other address is used.
    Switched {
        from: String,
        to: String,
    },
    /// Events did not arrive, or were left by a consumer that is too slow.
    EventsMissed {
        /// `None` when nobody can know.
        count: Option<u64>,
        why: String,
    },
    Remark {
        what: String,
    },
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { address } => write!(f, "connected to {address}"),
            Self::Recovered => f.write_str("every point has been read"),
            Self::Lost { address, why, next_try_s } => {
                write!(f, "connection to {address} lost: {why}; next attempt in {next_try_s:.1} s")
            }
            Self::Unreachable { address, why, next_try_s } => {
                write!(f, "{address} cannot be reached: {why}; next attempt in {next_try_s:.1} s")
            }
            Self::Switched { from, to } => write!(f, "{to} is used in place of {from}"),
            Self::EventsMissed { count: Some(count), why } => write!(f, "{count} events were missed: {why}"),
            Self::EventsMissed { count: None, why } => write!(f, "events may have been missed: {why}"),
            Self::Remark { what } => f.write_str(what),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub time: UtcTime,
    pub kind: EventKind,
}

/// What a device tells at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub device: Arc<str>,
    pub updates: Vec<Update>,
    pub events: Vec<Event>,
    /// Measurements that a newer one overtook before this batch was taken.
    pub overtaken: u64,
}

struct Inner {
    states: Vec<PointState>,
    waiting: VecDeque<Update>,
    /// How many of `waiting` are events.
    event_count: usize,
    /// Number of the update, counted from the first one ever put in, in which the newest measurement of a point waits.
    newest: HashMap<usize, u64>,
    /// Number of the first update in `waiting`.
    first: u64,
    overtaken: u64,
    dropped_events: u64,
    events: VecDeque<Event>,
    address: String,
    is_connected: bool,
    is_recovered: bool,
}

/// The points of one device and what of them waits to be told.
pub struct Outbox {
    device: Arc<str>,
    points: Vec<PointSpec>,
    inner: Mutex<Inner>,
    ready: Notify,
}

impl Outbox {
    pub fn new(device: impl Into<Arc<str>>, points: Vec<PointSpec>, now: UtcTime) -> Self {
        let states = (0..points.len()).map(|i| PointState::new(i, now)).collect();
        Self {
            device: device.into(),
            points,
            inner: Mutex::new(Inner {
                states,
                waiting: VecDeque::new(),
                event_count: 0,
                newest: HashMap::new(),
                first: 0,
                overtaken: 0,
                dropped_events: 0,
                events: VecDeque::new(),
                address: String::new(),
                is_connected: false,
                is_recovered: false,
            }),
            ready: Notify::new(),
        }
    }

    pub fn device(&self) -> &Arc<str> {
        &self.device
    }

    pub fn points(&self) -> &[PointSpec] {
        &self.points
    }

    /// A panic elsewhere must not take the device with it: what is behind the lock is whole after every statement.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_address(&self, address: &str) {
        self.inner().address = address.to_owned();
    }

    pub(crate) fn event(&self, kind: EventKind) {
        self.inner().put_event(kind);
        self.ready.notify_one();
    }

    pub(crate) fn connected(&self) {
        let mut inner = self.inner();
        if !inner.is_connected {
            inner.is_connected = true;
            let address = inner.address.clone();
            inner.put_event(EventKind::Connected { address });
            drop(inner);
            self.ready.notify_one();
        }
    }

    pub(crate) fn recovered(&self) {
        let mut inner = self.inner();
        if !inner.is_recovered {
            inner.is_recovered = true;
            inner.put_event(EventKind::Recovered);
            drop(inner);
            self.ready.notify_one();
        }
    }

    pub(crate) fn missed_events(&self, why: &str) {
        self.event(EventKind::EventsMissed { count: None, why: why.to_owned() });
    }

    pub(crate) fn remark(&self, what: String) {
        let mut inner = self.inner();
        let repeated = inner.events.iter().any(|e| matches!(&e.kind, EventKind::Remark { what: said } if *said == what));
        let many = inner.events.iter().filter(|e| matches!(e.kind, EventKind::Remark { .. })).count() >= MAX_REMARKS;
        if !repeated && !many {
            inner.put_event(EventKind::Remark { what });
            drop(inner);
            self.ready.notify_one();
        }
    }

    pub(crate) fn read(&self, readings: &[Reading]) {
        let now = UtcTime::now();
        let mut inner = self.inner();
        let mut unknown = 0;
        for reading in readings {
            match (self.points.get(reading.point), inner.states.get_mut(reading.point)) {
                (Some(spec), Some(state)) => {
                    if let Some(update) = state.accept(spec, reading, now) {
                        inner.put(update);
                    }
                }
                _ => unknown += 1,
            }
        }
        drop(inner);
        if unknown > 0 {
            self.remark(format!("{unknown} readings of points that the device does not have"));
        }
        self.ready.notify_one();
    }

    /// Every point's quality says from now on that the device cannot be reached. Returns whether it could be before.
    pub(crate) fn lost(&self) -> bool {
        let now = UtcTime::now();
        let mut guard = self.inner();
        let inner = &mut *guard;
        let was_connected = std::mem::replace(&mut inner.is_connected, false);
        inner.is_recovered = false;
        for (spec, state) in self.points.iter().zip(&mut inner.states) {
            if let Some(update) = state.lose(spec, now) {
                put(&mut inner.waiting, &mut inner.newest, &mut inner.event_count, &mut inner.overtaken, inner.first, update);
            }
        }
        inner.drop_oldest_events();
        drop(guard);
        self.ready.notify_one();
        was_connected
    }

    /// Looks at the age of every point.
    pub(crate) fn tick(&self) {
        let now = UtcTime::now();
        let mut guard = self.inner();
        let inner = &mut *guard;
        for (spec, state) in self.points.iter().zip(&mut inner.states) {
            if let Some(update) = state.tick(spec, now) {
                put(&mut inner.waiting, &mut inner.newest, &mut inner.event_count, &mut inner.overtaken, inner.first, update);
            }
        }
        inner.drop_oldest_events();
        let is_ready = inner.has_something();
        drop(guard);
        if is_ready {
            self.ready.notify_one();
        }
    }

    /// Puts a value, in the unit of the point, in the place of that of the process; `None` takes it away. `false` when there is no such point.
    pub fn substitute(&self, point: usize, value: Option<Value>) -> bool {
        let now = UtcTime::now();
        let mut inner = self.inner();
        let (Some(spec), Some(state)) = (self.points.get(point), inner.states.get_mut(point)) else { return false };
        if let Some(update) = state.substitute(spec, value, now) {
            inner.put(update);
            drop(inner);
            self.ready.notify_one();
        }
        true
    }

    /// What holds now of a point.
    pub fn current(&self, point: usize) -> Option<Update> {
        self.inner().states.get(point).map(|s| s.current(Cause::Periodic))
    }

    pub fn is_connected(&self) -> bool {
        self.inner().is_connected
    }

    /// Every point has been read since the connection was made.
    pub fn is_recovered(&self) -> bool {
        self.inner().is_recovered
    }

    /// Comes back when there is something to take.
    pub async fn ready(&self) {
        loop {
            let notified = self.ready.notified();
            if self.inner().has_something() {
                return;
            }
            notified.await;
        }
    }

    /// Takes what waits.
    pub fn take(&self) -> Option<Batch> {
        let mut inner = self.inner();
        if inner.dropped_events > 0 {
            let count = std::mem::take(&mut inner.dropped_events);
            inner.put_event(EventKind::EventsMissed { count: Some(count), why: "the consumer did not take them in time".to_owned() });
        }
        if !inner.has_something() {
            return None;
        }
        let updates: Vec<Update> = inner.waiting.drain(..).collect();
        inner.first += updates.len() as u64;
        inner.newest.clear();
        inner.event_count = 0;
        let events = inner.events.drain(..).collect();
        let overtaken = std::mem::take(&mut inner.overtaken);
        Some(Batch { device: self.device.clone(), updates, events, overtaken })
    }
}

impl Inner {
    fn has_something(&self) -> bool {
        !self.waiting.is_empty() || !self.events.is_empty() || self.dropped_events > 0
    }

    fn put_event(&mut self, kind: EventKind) {
        self.events.push_back(Event { time: UtcTime::now(), kind });
        if self.events.len() > MAX_EVENTS {
            self.events.pop_front();
            self.dropped_events += 1;
        }
    }

    fn put(&mut self, update: Update) {
        put(&mut self.waiting, &mut self.newest, &mut self.event_count, &mut self.overtaken, self.first, update);
        self.drop_oldest_events();
    }

    /// The oldest events go when more wait than may. What is taken out of the middle moves the numbers, which are then made again.
    fn drop_oldest_events(&mut self) {
        if self.event_count <= MAX_EVENTS {
            return;
        }
        // An eighth at once, so that an overflow that goes on does not walk the queue for every event.
        let mut to_drop = self.event_count - MAX_EVENTS + MAX_EVENTS / 8;
        self.waiting.retain(|u| {
            let goes = to_drop > 0 && is_event(u);
            if goes {
                to_drop -= 1;
                self.event_count -= 1;
                self.dropped_events += 1;
            }
            !goes
        });
        self.newest.clear();
        for (i, update) in self.waiting.iter().enumerate() {
            if !is_event(update) {
                self.newest.insert(update.point, self.first + i as u64);
            }
        }
    }
}

/// A measurement can be overtaken; everything else is an event.
fn is_event(update: &Update) -> bool {
    update.value.as_ref().is_some_and(|v| !v.is_measurement())
}

fn put(
    waiting: &mut VecDeque<Update>,
    newest: &mut HashMap<usize, u64>,
    event_count: &mut usize,
    overtaken: &mut u64,
    first: u64,
    update: Update,
) {
    if is_event(&update) {
        *event_count += 1;
        waiting.push_back(update);
        return;
    }
    let number = first + waiting.len() as u64;
    match newest.get(&update.point).and_then(|n| n.checked_sub(first)).and_then(|i| waiting.get_mut(i as usize)) {
        Some(older) if older.point == update.point => {
            *older = update;
            *overtaken += 1;
        }
        _ => {
            newest.insert(update.point, number);
            waiting.push_back(update);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::{Flags, Quality, ValueKind};

    fn outbox() -> Outbox {
        let points = vec![PointSpec::new("v", ValueKind::Float), PointSpec::new("cb", ValueKind::Bool)];
        Outbox::new("bay", points, UtcTime::now())
    }

    fn reading(point: usize, value: Value) -> Reading {
        Reading::new(point, value, Quality::GOOD, Cause::Spontaneous)
    }

    #[test]
    fn measurements_are_overtaken_and_events_are_not() {
        let outbox = outbox();
        for i in 0..10 {
            outbox.read(&[reading(0, Value::Float(f64::from(i))), reading(1, Value::Bool(i % 2 == 0))]);
        }
        let batch = outbox.take().unwrap();
        let of = |p| batch.updates.iter().filter(|u| u.point == p).collect::<Vec<_>>();
        assert_eq!(of(0).len(), 1);
        assert_eq!(of(0)[0].value, Some(Value::Float(9.0)));
        assert_eq!(batch.overtaken, 9);
        assert_eq!(of(1).len(), 10);
        assert_eq!(outbox.take(), None);
    }

    #[test]
    fn events_that_had_to_go_are_counted() {
        let outbox = outbox();
        let total = MAX_EVENTS + 3000;
        for i in 0..total {
            outbox.read(&[reading(1, Value::Bool(i % 2 == 0)), reading(0, Value::Float(i as f64))]);
        }
        let batch = outbox.take().unwrap();
        let left = batch.updates.iter().filter(|u| u.point == 1).count();
        let missed: u64 =
            batch.events.iter().map(|e| if let EventKind::EventsMissed { count, .. } = e.kind { count.unwrap_or(0) } else { 0 }).sum();
        assert!(missed >= 3000 && left <= MAX_EVENTS, "{missed} {left}");
        assert_eq!(left as u64 + missed, total as u64);
        assert_eq!(batch.updates.iter().filter(|u| u.point == 0).count(), 1);
        assert_eq!(
            batch.updates.iter().rfind(|u| u.point == 1).unwrap().value,
            Some(Value::Bool(!total.is_multiple_of(2))),
            "the newest stay"
        );
    }

    #[test]
    fn a_loss_marks_every_point_at_once() {
        let outbox = outbox();
        outbox.connected();
        outbox.read(&[reading(0, Value::Float(1.0)), reading(1, Value::Bool(true))]);
        outbox.take();
        assert!(outbox.lost());
        let batch = outbox.take().unwrap();
        assert_eq!(batch.updates.len(), 2);
        for update in &batch.updates {
            assert_eq!(update.quality, Quality::questionable(Flags::COMM_LOST | Flags::OLD));
        }
        assert_eq!(batch.updates[0].value, Some(Value::Float(1.0)));
        assert!(!outbox.lost());
        assert_eq!(outbox.take(), None, "said once");
    }

    #[test]
    fn readings_of_no_point_are_told() {
        let outbox = outbox();
        outbox.read(&[reading(7, Value::Float(1.0))]);
        assert!(matches!(&outbox.take().unwrap().events[0].kind, EventKind::Remark { .. }));
    }
}
