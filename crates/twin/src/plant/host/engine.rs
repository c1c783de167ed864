//! The thread that a plant lives on: it lets time pass, takes orders, and shows what comes of both.
//!
//! The plant follows the clock: before an order is carried out, and whenever a step is due, it is led on to the present. In calm a step is due
//! after the interval; while something moves (a fault, an order on its way, a step that had events) after a tenth of a second at most, so that
//! what happened is told soon. An order to a breaker is answered when its contacts have moved, or have not.

use super::sinks::{Change, Sinks};
use super::told::{FaultNow, Log, Moment, Numbered, ScenarioNow, Told, names};
use super::{BreakerName, BusName, Clock, CommandFault, ScenarioInfo};
use crate::plant::devices::{Act, Form, Served};
use crate::plant::points::Group;
use crate::plant::{Command, Event, EventKind, Plant, PlantState};
use scada::UtcTime;
use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, oneshot};

/// Longest time to the next step while something moves.
const LIVELY: Duration = Duration::from_millis(100);
/// Shortest piece of time that is worth a step.
const LEAST: Duration = Duration::from_millis(1);
/// After this long without its contacts having moved, a breaker's order is told to have failed.
const MOVES_WITHIN: Duration = Duration::from_secs(2);
/// How far the plant may fall behind the clock before time is left out.
const BEHIND_MAX: Duration = Duration::from_secs(3);

/// What the thread is asked for.
pub(super) enum Ask {
    Order {
        order: Order,
        reply: oneshot::Sender<Result<(), CommandFault>>,
    },
    /// Whether an order would be taken.
    Check {
        order: Order,
        reply: oneshot::Sender<Result<(), CommandFault>>,
    },
    Snapshot {
        reply: oneshot::Sender<()>,
    },
    Restore {
        reply: oneshot::Sender<Result<(), CommandFault>>,
    },
    Stop,
}

/// An order from a device or the instructor.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Command(Command),
    /// A tap changer to the position beside the present one.
    TapTo {
        transformer: String,
        position: i64,
    },
}

/// What those outside the thread may look at.
pub(super) struct Shared {
    pub log: Mutex<Log>,
    pub moment: Mutex<Moment>,
    pub breakers: Mutex<Vec<BreakerName>>,
    pub station: String,
    pub buses: Vec<BusName>,
    pub scenarios: Vec<ScenarioInfo>,
    pub told: broadcast::Sender<Told>,
}

pub(super) fn locked<T>(m: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An order whose contacts are on their way.
struct Pending {
    element: String,
    close: bool,
    until: Instant,
    reply: oneshot::Sender<Result<(), CommandFault>>,
}

pub(super) struct Engine {
    plant: Plant,
    points: Arc<Vec<Served>>,
    sinks: Sinks,
    shared: Arc<Shared>,
    clock: Clock,
    interval: Duration,
    /// The instant at which the plant stands.
    reached: Instant,
    lively: bool,
    pending: Vec<Pending>,
    snapshot: Box<PlantState>,
    /// Statuses as they were told, by point.
    statuses: Vec<f64>,
    /// Points of positions by element, and of relays' pick-ups and trips by relay and timer.
    positions: HashMap<String, usize>,
    relays: HashMap<(String, String), (usize, usize)>,
    moment_told: Instant,
    late_told: Option<Instant>,
    computed_s: f64,
    step_s: f64,
}

impl Engine {
    pub(super) fn new(plant: Plant, points: Arc<Vec<Served>>, sinks: Sinks, clock: Clock, interval: Duration) -> Self {
        let mut positions = HashMap::new();
        let mut relays: HashMap<(String, String), (usize, usize)> = HashMap::new();
        for (k, p) in points.iter().enumerate() {
            if let (Form::Double, Some(element)) = (p.form, &p.element) {
                positions.insert(element.to_lowercase(), k);
            }
            if let (Group::Relay, Some((relay, words))) = (p.group, p.name.split_once('.'))
                && let Some((timer, what)) = words.rsplit_once('.')
            {
                let pair = relays.entry((relay.to_owned(), timer.to_owned())).or_insert((usize::MAX, usize::MAX));
                match what {
                    "PICKUP" => pair.0 = k,
                    "TRIP" => pair.1 = k,
                    _ => {}
                }
            }
        }
        relays.retain(|_, (pickup, trip)| *pickup != usize::MAX && *trip != usize::MAX);
        let (buses, breakers, scenarios) = names(&plant);
        let snapshot = Box::new(plant.snapshot());
        let moment = moment(&plant, clock(), 0, 0.0, 0.0, snapshot.time_s);
        let shared = Arc::new(Shared {
            log: Mutex::default(),
            moment: Mutex::new(moment),
            breakers: Mutex::new(breakers),
            station: plant.station.name.clone(),
            buses,
            scenarios,
            told: broadcast::channel(4096).0,
        });
        let mut engine = Self {
            statuses: Vec::new(),
            plant,
            points,
            sinks,
            shared,
            clock,
            interval,
            reached: Instant::now(),
            lively: false,
            pending: Vec::new(),
            snapshot,
            positions,
            relays,
            moment_told: Instant::now(),
            late_told: None,
            computed_s: 0.0,
            step_s: 0.0,
        };
        // Devices have all values before anybody can ask them.
        engine.show();
        engine
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Lives until it is told to stop.
    pub(super) fn run(mut self, asks: &Receiver<Ask>) {
        self.reached = Instant::now();
        loop {
            match asks.recv_timeout(self.due().saturating_duration_since(Instant::now())) {
                Ok(Ask::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(ask) => self.ask(ask),
                Err(RecvTimeoutError::Timeout) => self.lead(),
            }
        }
    }

    /// When the next step is due.
    fn due(&self) -> Instant {
        let is_lively = self.lively || !self.pending.is_empty() || !self.plant.state().faults.is_empty();
        let usual = self.reached + if is_lively { self.interval.min(LIVELY) } else { self.interval };
        match self.plant.next_due_s() {
            // A little later than the contacts, so that they have moved by then.
            Some(at_s) => usual.min(self.reached + Duration::from_secs_f64((at_s - self.plant.state().time_s).clamp(0.0, 1.0)) + 2 * LEAST),
            None => usual,
        }
    }

    /// Leads the plant on to the present and shows it.
    fn lead(&mut self) {
        let begun = Instant::now();
        let behind = begun.saturating_duration_since(self.reached);
        if behind > BEHIND_MAX.max(3 * self.interval) {
            self.reached = begun.checked_sub(self.interval).unwrap_or(begun);
            // Told once a minute: a computer that is too slow is so at every step.
            if self.late_told.is_none_or(|t| begun.duration_since(t) > Duration::from_secs(60)) {
                self.late_told = Some(begun);
                let cause = format!("{:.1} s were left out: steps take longer than they last", (behind - self.interval).as_secs_f64());
                self.tell(Event { time_s: self.plant.state().time_s, kind: EventKind::Late, subject: "computer".to_owned(), cause });
            }
        }
        let mut passed = 0.0;
        loop {
            let left = begun.saturating_duration_since(self.reached);
            if left < LEAST {
                break;
            }
            let dt = left.min(Duration::from_secs(1));
            if let Err(e) = self.plant.step(dt.as_secs_f64()) {
                self.tell(Event {
                    time_s: self.plant.state().time_s,
                    kind: EventKind::Unsolved,
                    subject: "network".to_owned(),
                    cause: e.to_string(),
                });
            }
            self.reached += dt;
            passed += dt.as_secs_f64();
        }
        if passed > 0.0 {
            self.step_s = passed;
            self.show();
            self.computed_s = begun.elapsed().as_secs_f64();
        }
    }

    fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Order { order, reply } => {
                self.lead();
                self.order(order, reply);
            }
            Ask::Check { order, reply } => {
                let outcome = self.command_of(&order).and_then(|c| Ok(self.plant.check(&c)?));
                let _ = reply.send(outcome);
            }
            Ask::Snapshot { reply } => {
                self.lead();
                *self.snapshot = self.plant.snapshot();
                self.moment();
                let _ = reply.send(());
            }
            Ask::Restore { reply } => {
                for p in self.pending.drain(..) {
                    let _ = p.reply.send(Err(CommandFault::Failed { why: "the training was set back".to_owned() }));
                }
                let outcome = self.plant.restore((*self.snapshot).clone());
                self.reached = Instant::now();
                let time_s = self.plant.state().time_s;
                self.tell(Event { time_s, kind: EventKind::Restored, subject: "plant".to_owned(), cause: "by the instructor".to_owned() });
                self.show();
                let _ = reply.send(outcome.map_err(Into::into));
            }
            Ask::Stop => {}
        }
    }

    /// The plant's command for an order.
    fn command_of(&self, order: &Order) -> Result<Command, CommandFault> {
        match order {
            Order::Command(command) => Ok(command.clone()),
            Order::TapTo { transformer, position } => {
                let now = self.plant.tap_position(transformer).unwrap_or(0);
                if (position - now).abs() != 1 {
                    let why = format!("it stands at {now}, and goes one step at a time, not to {position}");
                    return Err(CommandFault::Failed { why });
                }
                Ok(Command::Tap { transformer: transformer.clone(), up: *position > now })
            }
        }
    }

    fn order(&mut self, order: Order, reply: oneshot::Sender<Result<(), CommandFault>>) {
        let command = match self.command_of(&order) {
            Ok(command) => command,
            Err(fault) => {
                let _ = reply.send(Err(fault));
                return;
            }
        };
        let tap = |plant: &Plant| match &command {
            Command::Tap { transformer, .. } => plant.tap_position(transformer),
            _ => None,
        };
        let before = tap(&self.plant);
        let done = self.plant.command(&command).map_err(CommandFault::from);
        let done = done.and_then(|()| match before {
            Some(position) if tap(&self.plant) == before => {
                Err(CommandFault::Failed { why: format!("the tap changer is at its end, {position}") })
            }
            _ => Ok(()),
        });
        self.lively = true;
        let waits = match (&done, &command) {
            (Ok(()), Command::Switch { element, close }) => {
                let is_breaker = self
                    .positions
                    .get(&element.to_lowercase())
                    .is_some_and(|&k| matches!(self.points[k].act, Some(Act::Switch { is_breaker: true, .. })));
                (is_breaker && self.plant.is_closed(element) != Some(*close)).then(|| (element.to_lowercase(), *close))
            }
            _ => None,
        };
        match waits {
            Some((element, close)) => {
                self.pending.push(Pending { element, close, until: Instant::now() + MOVES_WITHIN, reply });
                self.show();
            }
            None => {
                self.show();
                let _ = reply.send(done);
            }
        }
    }

    /// Writes an event down and tells it.
    fn tell(&mut self, event: Event) -> Numbered {
        let utc = self.utc(event.time_s);
        let numbered = locked(&self.shared.log).push(utc, event);
        // Nobody may be watching.
        let _ = self.shared.told.send(Told::Event(numbered.clone()));
        numbered
    }

    /// The world's time of a time of the plant's clock.
    fn utc(&self, time_s: f64) -> UtcTime {
        let since_reached = Instant::now().saturating_duration_since(self.reached).as_secs_f64();
        let ago_s = (self.plant.state().time_s - time_s).max(0.0) + since_reached;
        UtcTime::from_us((self.clock)().us - (ago_s * 1e6).round() as i64)
    }

    /// Shows the plant as it stands: events, what they changed, values, answers.
    fn show(&mut self) {
        let events: Vec<Event> = self.plant.take_events();
        self.lively = !events.is_empty();
        let events: Vec<Numbered> = events.into_iter().map(|e| self.tell(e)).collect();
        let now = self.utc(self.plant.state().time_s);
        let mut values = self.plant.measured_values();
        let mut changes = Vec::new();
        let points = self.points.clone();
        if self.statuses.is_empty() {
            self.statuses.clone_from(&values);
        } else {
            for e in &events {
                self.changes_of(e, &mut changes);
            }
            // What no event told, and what an event's trace leaves otherwise than it is now.
            for (k, p) in points.iter().enumerate().filter(|(_, p)| matches!(p.form, Form::Single | Form::Double)) {
                if self.statuses[k] != values[k] {
                    let _ = p;
                    self.statuses[k] = values[k];
                    changes.push(Change { point: k, on: values[k] != 0.0, at: now });
                }
            }
        }
        if !self.plant.state().settled {
            // Counters and temperatures go on; what the plant gives as no number is invalid.
            values.iter_mut().filter(|x| x.is_infinite()).for_each(|x| *x = f64::NAN);
        }
        if let Err(e) = self.sinks.show(&points, &changes, &values, now) {
            let time_s = self.plant.state().time_s;
            self.tell(Event { time_s, kind: EventKind::Unsolved, subject: "devices".to_owned(), cause: e.to_string() });
        }
        self.answer(&events);
        self.moment();
    }

    /// Statuses that an event changes, with its time.
    fn changes_of(&mut self, e: &Numbered, changes: &mut Vec<Change>) {
        let mut change = |statuses: &mut [f64], point: usize, on: bool| {
            let x = if on { 1.0 } else { 0.0 };
            if statuses[point] != x {
                statuses[point] = x;
                changes.push(Change { point, on, at: e.utc });
            }
        };
        match e.event.kind {
            EventKind::Opened | EventKind::Closed => {
                if let Some(&k) = self.positions.get(&e.event.subject.to_lowercase()) {
                    change(&mut self.statuses, k, e.event.kind == EventKind::Closed);
                }
            }
            EventKind::PickedUp | EventKind::DroppedOut | EventKind::Tripped => {
                // The cause begins with the timer's name.
                let timer = e.event.cause.split(" at ").next().unwrap_or_default().replace(' ', "_").to_uppercase();
                if let Some(&(pickup, trip)) = self.relays.get(&(e.event.subject.clone(), timer)) {
                    match e.event.kind {
                        EventKind::PickedUp => change(&mut self.statuses, pickup, true),
                        EventKind::Tripped => change(&mut self.statuses, trip, true),
                        _ => {
                            change(&mut self.statuses, pickup, false);
                            change(&mut self.statuses, trip, false);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// Answers orders whose contacts have moved, or will not.
    fn answer(&mut self, events: &[Numbered]) {
        let now = Instant::now();
        for p in std::mem::take(&mut self.pending) {
            let failed = events.iter().find(|e| e.event.kind == EventKind::Failed && e.event.subject.eq_ignore_ascii_case(&p.element));
            let outcome = if self.plant.is_closed(&p.element) == Some(p.close) {
                Ok(())
            } else if let Some(e) = failed {
                Err(CommandFault::Failed { why: e.event.cause.clone() })
            } else if now >= p.until {
                Err(CommandFault::Failed { why: format!("its contacts did not move within {} s", MOVES_WITHIN.as_secs()) })
            } else {
                self.pending.push(p);
                continue;
            };
            let _ = p.reply.send(outcome);
        }
    }

    /// Sets what others see of the moment; tells it once a second.
    fn moment(&mut self) {
        let last = locked(&self.shared.log).last();
        let utc = self.utc(self.plant.state().time_s);
        let moment = moment(&self.plant, utc, last, self.computed_s, self.step_s, self.snapshot.time_s);
        locked(&self.shared.moment).clone_from(&moment);
        for b in locked(&self.shared.breakers).iter_mut() {
            b.closed = self.plant.is_closed(&b.element).unwrap_or(b.closed);
        }
        if self.moment_told.elapsed() >= Duration::from_millis(990) {
            self.moment_told = Instant::now();
            let _ = self.shared.told.send(Told::State(moment));
        }
    }
}

fn moment(plant: &Plant, utc: UtcTime, last_event: u64, computed_s: f64, step_s: f64, snapshot_s: f64) -> Moment {
    let s = plant.state();
    let network = plant.network();
    let scenario = s.running.as_ref().map(|r| ScenarioNow {
        scenario: r.kind,
        since: UtcTime::from_us(utc.us - ((s.time_s - r.since_s) * 1e6) as i64),
        running_s: s.time_s - r.since_s,
        duration_s: r.kind.duration_s(),
    });
    let faults = s.faults.iter().map(|f| FaultNow {
        bus: network.bus(f.circuit.bus).name.clone(),
        kind: f.circuit.kind.clone(),
        phases: f.circuit.phases.clone(),
        r_ohm: f.circuit.r_ohm,
        transient: f.transient,
        left_s: f.until_s.map(|u| (u - s.time_s).max(0.0)),
    });
    Moment {
        utc,
        time_s: s.time_s,
        scenario,
        faults: faults.collect(),
        stuck: s.stuck.iter().map(|b| network.full_name(*b)).collect(),
        frequency_hz: s.frequency.hz(),
        ambient_c: s.ambient_c,
        unsolved: !s.settled,
        computed_s,
        step_s,
        last_event,
        snapshot_s,
    }
}
