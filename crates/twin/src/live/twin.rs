//! The twin as others see it.

use super::condition::{self, Condition};
use super::control::Judge;
use super::estimate::{Follower, Held, Reading};
use super::health::Watched;
use super::improve::{self, Improvement};
use super::outlook::{self, Outlook};
use super::points::Map;
use super::record::{self, Alarms};
use super::trend::Course;
use super::view::{Moment, PointMoment};
use super::writing::{Unwritten, Writing};
use super::{interlock, question, rules, work};
use crate::alarms;
use crate::history::{Historian, PointId};
use network::{Diagnostic, Network, Station, StationRelay};
use powerflow::{Circuit, State};
use scada::UtcTime;
use scada::document::DeviceSpec;
use scada::point::{Flags, Quality, Validity, Value, ValueKind};
use scada::supervision::{DeviceHandle, Supervisor, supervised};
use scada::telecontrol::{Originator, Record, Telecontrol};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// Batches that wait to be taken in.
const BATCHES: usize = 256;
/// Listeners that are this far behind ask the history.
const TOLD: usize = 1024;
const CHANGES: usize = 64;

/// What is followed. Read from files by whoever starts the twin; nothing here opens one.
#[derive(Clone)]
pub struct Site {
    pub name: String,
    /// Path or name of the model, for people.
    pub model: String,
    pub network: Arc<Network>,
    pub station: Arc<Station>,
    pub relays: Arc<Vec<StationRelay>>,
    pub devices: Vec<DeviceSpec>,
    pub settings: Settings,
}

/// How it is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The plant is a simulated one.
    pub simulated: bool,
    /// `host:port` of a simulated plant's instructor.
    pub instructor: Option<String>,
    /// Between two estimates, s.
    pub interval_s: f64,
    /// Loading at which switching is refused, percent of the normal rating.
    pub loading_limit_pct: f64,
    /// Voltages at which switching is refused, per unit.
    pub v_low_pu: f64,
    pub v_high_pu: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { simulated: false, instructor: None, interval_s: 1.0, loading_limit_pct: 100.0, v_low_pu: 0.90, v_high_pu: 1.10 }
    }
}

/// Why the twin cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TwinError {
    #[error("the network has no {kind} \"{name}\"{}", nearest.as_ref().map(|n| format!("; the nearest is \"{n}\"")).unwrap_or_default())]
    Unknown { kind: &'static str, name: String, nearest: Option<String> },
    #[error("{what} must be {expected}, found {found}")]
    Value { what: String, expected: &'static str, found: String },
    #[error("the state is not known: {why}")]
    NoState { why: String },
    #[error("nothing is kept of that time")]
    NotKept,
    #[error(transparent)]
    History(#[from] crate::history::HistoryError),
    #[error(transparent)]
    Journal(#[from] alarms::JournalFault),
    #[error("the network cannot be solved: {0}")]
    Circuit(String),
    #[error("the station's documents have faults")]
    Documents(Vec<Diagnostic>),
}

/// What happened, as it is told to whoever listens; the history has it already.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    pub sequence: u64,
    pub time_ms: i64,
    /// `alarm`, `control`, `comms`, `trip`, `maintenance`, `training`, `estimate` or `system`.
    pub kind: String,
    /// `critical`, `high`, `medium` or `low`.
    pub severity: String,
    pub subject: Option<String>,
    pub message: String,
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// What somebody wants done.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Order {
    /// A point, an element (`line.cb_t1h`) or a piece of equipment.
    pub subject: String,
    /// `open`, `close`, `raise`, `lower`, `automatic`, `manual` or `set`.
    pub command: String,
    /// Of `set`.
    pub value: Option<Value>,
}

/// Why an order was not even looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("nothing is named \"{name}\"{}", nearest.as_ref().map(|n| format!("; the nearest is \"{n}\"")).unwrap_or_default())]
    Unknown { name: String, nearest: Option<String> },
    #[error("\"{name}\" takes no commands")]
    NotControllable { name: String },
    #[error("\"{name}\" does not take \"{command}\"; it takes {takes}")]
    Command { name: String, command: String, takes: String },
    #[error("\"{name}\" is several points: {points}")]
    Ambiguous { name: String, points: String },
    #[error("\"set\" needs a value")]
    NoValue,
    #[error("\"{name}\" does not take {value}; it takes {takes}")]
    Value { name: String, value: String, takes: &'static str },
    #[error("another order to \"{name}\" is under way")]
    UnderWay { name: String },
    #[error("the order could not be judged: {why}")]
    Failed { why: String },
}

/// A bus that a switching leaves without supply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unsupplied {
    pub bus: String,
    pub kv_base: f64,
    /// Load there now.
    pub p_mw: f64,
}

/// A branch that a switching overloads, or a bus that it takes out of its band.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Excess {
    pub subject: String,
    pub value: f64,
    pub was: Option<f64>,
    pub limit: f64,
}

/// What the model says of an order before it is given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub allowed: bool,
    /// `CONTROL.INTERLOCK.…`: why not, and what else is worth knowing.
    pub findings: Vec<Diagnostic>,
    /// Point that the order goes to, and what it will be told.
    pub point: Arc<str>,
    pub value: Value,
    /// The switched network was solved; without it nothing that changes the network is allowed.
    pub settled: bool,
    pub unsupplied: Vec<Unsupplied>,
    pub unsupplied_mw: f64,
    /// Percent of the rating.
    pub overloads: Vec<Excess>,
    /// Per unit.
    pub voltages: Vec<Excess>,
    pub losses_mw: Option<f64>,
    pub losses_before_mw: Option<f64>,
    /// Moment whose state was taken.
    pub at_ms: i64,
}

/// A change of the state in question.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Change {
    Switch {
        element: String,
        closed: bool,
    },
    /// A load by its name (`load.x` or `x`), or `all`: times a factor, or set.
    Load {
        load: String,
        factor: Option<f64>,
        p_kw: Option<f64>,
        q_kvar: Option<f64>,
    },
    /// Winding from 0: the one that a control moves, else the first, unless told.
    Tap {
        transformer: String,
        tap_position: i32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        winding: Option<usize>,
    },
    Bank {
        capacitor: String,
        on: bool,
    },
}

/// A question answered: the state of an instant, and what it would be.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub at_ms: i64,
    /// Both solved by the same engine, so that they can be compared; how far the first is from the estimate.
    pub before: Moment,
    pub after: Moment,
    pub before_off_estimate_pu: Option<f64>,
    pub findings: Vec<Diagnostic>,
}

/// What points have told, as it came: for whoever wants every value at once.
#[derive(Clone, Debug, Serialize)]
pub struct Changes {
    pub device: Arc<str>,
    /// Name of the point, its value as a number, validity, time of the value (ms).
    pub points: Vec<(Arc<str>, Option<f64>, &'static str, i64)>,
}

/// What changes from second to second.
pub(super) struct Core {
    pub values: Vec<Held>,
    /// Switches and taps as they were told, of the newest estimate.
    pub state: Arc<State>,
    pub reading: Option<Arc<Reading>>,
    pub reading_ms: i64,
    pub course: Course,
    pub sequence: u64,
    /// Last thing that each device said.
    pub remarks: Vec<Option<String>>,
    /// When each remark was written down last, s: a device that says the same every second is not to fill the log.
    pub remarked: HashMap<(usize, String), i64>,
    /// When each point was recorded last.
    pub recorded: Vec<UtcTime>,
}

/// Switches and taps, estimate, values and time (ms) of an instant.
type Instant = (Arc<State>, Arc<Reading>, Vec<Held>, i64);

/// A plant that is followed.
pub struct Twin {
    pub(super) site: Site,
    pub(super) circuit: Arc<Circuit>,
    pub(super) map: Arc<Map>,
    pub(super) watched: Watched,
    /// Looked at last.
    condition: Mutex<Option<Arc<Condition>>>,
    outlook: Mutex<Option<Arc<Outlook>>>,
    pub(super) core: Mutex<Core>,
    pub(super) follower: Mutex<Follower>,
    pub(super) alarms: Mutex<Alarms>,
    pub(super) history: Arc<dyn Historian>,
    /// Number in the history of each point of the table.
    pub(super) ids: Vec<PointId>,
    /// Points of the twin's own, by name, in the table.
    pub(super) own: HashMap<String, usize>,
    pub(super) handles: HashMap<Arc<str>, DeviceHandle>,
    pub(super) moment: watch::Sender<Arc<Moment>>,
    pub(super) told: broadcast::Sender<Arc<Told>>,
    pub(super) changes: broadcast::Sender<Arc<Changes>>,
    pub(super) unwritten: Mutex<Unwritten>,
    pub(super) judge: Judge,
    telecontrol: OnceLock<Telecontrol<Judge>>,
    supervisor: Mutex<Option<Supervisor>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) stop: CancellationToken,
    started: UtcTime,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Days since 1970, UTC: condition and outlook are of whole ones.
fn day(time_ms: i64) -> i64 {
    time_ms.div_euclid(86_400_000)
}

/// Whether a value can stand in the place of one of a kind.
fn stands_for(kind: ValueKind, value: &Value) -> bool {
    match kind {
        ValueKind::Bool | ValueKind::DoublePoint => value.as_bool().is_some(),
        ValueKind::Integer | ValueKind::Float | ValueKind::Step | ValueKind::Counter => {
            value.as_bool().is_none() && value.as_f64().is_some_and(f64::is_finite)
        }
        ValueKind::Bits | ValueKind::Text => value.kind() == kind,
    }
}

impl Twin {
    /// Follows a site. Connects to its devices on the current runtime; returns when the history is read.
    ///
    /// # Inputs
    /// * `rules` - the alarm rules as a document; made from the station when `None`.
    ///
    /// # Errors
    /// Points or rules that do not fit the network; a network that cannot be compiled; a history that cannot be read.
    pub fn start(site: Site, rules: Option<String>, history: Arc<dyn Historian>) -> Result<Arc<Self>, TwinError> {
        let started = UtcTime::now();
        let circuit_error = |e: powerflow::CircuitError| TwinError::Circuit(e.to_string());
        let circuit = Arc::new(Circuit::compile(site.network.clone()).map_err(circuit_error)?);
        let state = State::new(&circuit).map_err(circuit_error)?;
        let grid = powerflow::estimation::Grid::of_state(&state).map_err(circuit_error)?;
        let map = Arc::new(Map::new(&site.devices, &site.network, &site.station, &circuit, &grid));
        let follower = Follower::new(&circuit, &grid, &map).map_err(circuit_error)?;
        let alarms = Alarms::open(&site, &map, rules, &history, started)?;
        let ids = record::ids(&map, &*history)?;
        let own = map.table.entries().skip(map.points.len()).map(|(i, e)| (e.name.to_string(), i.0 as usize)).collect();
        let invalid = Held { value: None, quality: Quality::invalid(Flags::NONE), time: started, received: started };
        let core = Core {
            values: vec![invalid; map.points.len()],
            state: follower.state().clone(),
            reading: None,
            reading_ms: 0,
            course: Course::default(),
            sequence: 0,
            remarks: vec![None; site.devices.len()],
            remarked: HashMap::new(),
            recorded: vec![started; map.points.len()],
        };
        let (supervisor, batches) = Supervisor::start(site.devices.iter().filter_map(supervised).collect(), BATCHES);
        let handles = supervisor.handles().clone();
        let empty = work::empty_moment(started.ms());
        let twin = Arc::new_cyclic(|weak| Self {
            watched: Watched::new(&map),
            condition: Mutex::new(None),
            outlook: Mutex::new(None),
            judge: Judge::new(weak.clone()),
            site,
            circuit,
            map,
            core: Mutex::new(core),
            follower: Mutex::new(follower),
            alarms: Mutex::new(alarms),
            history,
            ids,
            own,
            handles,
            moment: watch::channel(Arc::new(empty)).0,
            told: broadcast::channel(TOLD).0,
            changes: broadcast::channel(CHANGES).0,
            unwritten: Mutex::default(),
            telecontrol: OnceLock::new(),
            supervisor: Mutex::new(None),
            threads: Mutex::new(Vec::new()),
            stop: CancellationToken::new(),
            started,
        });
        // The judge is behind the twin, and the telecontrol behind both.
        let _ = twin.telecontrol.set(Telecontrol::new(&supervisor, twin.judge.clone()));
        *lock(&twin.supervisor) = Some(supervisor);
        let mut threads = Vec::new();
        for (name, run) in work::threads(&twin, batches) {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
            threads.push(thread.map_err(|e| TwinError::NoState { why: format!("no thread can be started: {e}") })?);
        }
        *lock(&twin.threads) = threads;
        Ok(twin)
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    pub fn started(&self) -> UtcTime {
        self.started
    }

    /// What was found when the points were looked up in the network.
    pub fn findings(&self) -> &[Diagnostic] {
        &self.map.findings
    }

    /// The newest moment.
    pub fn moment(&self) -> Arc<Moment> {
        self.moment.borrow().clone()
    }

    /// Wakes with every new moment.
    pub fn moments(&self) -> watch::Receiver<Arc<Moment>> {
        self.moment.subscribe()
    }

    /// What happens, as it happens. Who falls behind asks the history.
    pub fn told(&self) -> broadcast::Receiver<Arc<Told>> {
        self.told.subscribe()
    }

    /// Every value as it comes in.
    pub fn changes(&self) -> broadcast::Receiver<Arc<Changes>> {
        self.changes.subscribe()
    }

    /// The points as rules name them; whoever reads a document with it need not hold the alarms.
    pub fn points_table(&self) -> Arc<alarms::PointTable> {
        self.map.table.clone()
    }

    /// Every point with what it holds.
    pub fn points(&self) -> Vec<PointMoment> {
        let core = lock(&self.core);
        self.map.points.iter().zip(&core.values).map(|(p, held)| work::point_moment(p, held, &self.site.devices[p.device].id)).collect()
    }

    /// Holds a point at a value by hand, or lets it follow its device again.
    ///
    /// # Errors
    /// No such point; a history that does not take the record.
    pub fn substitute(&self, point: &str, value: Option<Value>, by: &Originator) -> Result<(), TwinError> {
        let i = self.map.find(point).ok_or_else(|| self.unknown_point(point))?;
        let p = &self.map.points[i];
        let handle = self.handles.get(self.site.devices[p.device].id.as_str());
        let refused = || TwinError::Value {
            what: format!("the value of \"{point}\""),
            expected: "a value of the point's kind",
            found: value.as_ref().map_or_else(String::new, ToString::to_string),
        };
        if value.as_ref().is_some_and(|v| !stands_for(p.spec.kind, v)) {
            return Err(refused());
        }
        let what = value.as_ref().map_or("follows its device again".to_owned(), |v| format!("is held at {v} by hand"));
        // First the record: what nobody can look up must not happen.
        self.record(record::event(
            "control",
            network::Severity::Warning,
            Some(&p.spec.name),
            format!("{} {what}", p.spec.name),
            &[("who", by.user.clone().into()), ("reason", by.reason.clone().into())],
        ))?;
        if !handle.is_some_and(|h| h.outbox.substitute(p.position, value.clone())) {
            return Err(refused());
        }
        Ok(())
    }

    fn unknown_point(&self, name: &str) -> TwinError {
        let names: Vec<&str> = self.map.points.iter().map(|p| &*p.spec.name).collect();
        TwinError::Unknown { kind: "point", name: name.to_owned(), nearest: network::document::nearest(name, &names).map(str::to_owned) }
    }

    /// The history behind it.
    pub fn history(&self) -> &Arc<dyn Historian> {
        &self.history
    }

    /// The state of a time that is over, from the history. Waits for the disk and computes: call it where one may.
    ///
    /// # Errors
    /// `NotKept`.
    pub fn at(&self, time: UtcTime) -> Result<Moment, TwinError> {
        let (values, mut follower) = self.past(time)?;
        let reading = follower.estimate(&values);
        Ok(work::moment(self, &follower, &reading, &values, time.ms(), true, None))
    }

    /// What the points held at a time, and a follower for it.
    fn past(&self, time: UtcTime) -> Result<(Vec<Held>, Follower), TwinError> {
        let states = self.history.states_at(time)?;
        let by_id: HashMap<PointId, usize> = self.ids.iter().take(self.map.points.len()).enumerate().map(|(i, id)| (*id, i)).collect();
        let nothing = Held { value: None, quality: Quality::invalid(Flags::NONE), time, received: time };
        let mut values = vec![nothing; self.map.points.len()];
        let mut any = false;
        for (id, standing) in states.points {
            let Some(&i) = by_id.get(&id) else { continue };
            // A position stands until it is told otherwise; a measurement that stood for longer than the hold is old.
            let is_position = matches!(self.map.points[i].role, super::points::Role::Switch(_) | super::points::Role::Tap(..));
            let mut quality = standing.entry.quality;
            if !standing.stands && !is_position {
                quality = quality.worsened(Validity::Questionable, Flags::OLD);
            }
            any |= standing.stands;
            values[i] = Held { value: standing.entry.value, quality, time: standing.entry.time, received: standing.entry.time };
        }
        if !any {
            return Err(TwinError::NotKept);
        }
        let circuit_error = |e: powerflow::CircuitError| TwinError::Circuit(e.to_string());
        let state = State::new(&self.circuit).map_err(circuit_error)?;
        let grid = powerflow::estimation::Grid::of_state(&state).map_err(circuit_error)?;
        let follower = Follower::new(&self.circuit, &grid, &self.map).map_err(circuit_error)?;
        Ok((values, follower))
    }

    /// What an order would do. Computes: call it where one may.
    ///
    /// # Errors
    /// An order that names nothing, or that its subject does not take.
    pub fn check(&self, order: &Order) -> Result<Verdict, OrderError> {
        let (aimed, state, reading, values, at_ms) = {
            let core = lock(&self.core);
            let aimed = interlock::aim(order, &self.map, &self.site.station, &core.state)?;
            (aimed, core.state.clone(), core.reading.clone(), core.values.clone(), core.reading_ms)
        };
        Ok(interlock::judge(
            &aimed,
            &interlock::Seen {
                map: &self.map,
                station: &self.site.station,
                settings: &self.site.settings,
                follower: &state,
                reading: reading.as_deref(),
                values: &values,
                at_ms,
                now_ms: UtcTime::now().ms(),
            },
        ))
    }

    /// Carries out an order: its verdict is made anew from the state of now, and refuses it unless `overriding`. Whatever becomes of it is
    /// written into the history with who and why.
    ///
    /// # Errors
    /// As of [`Twin::check`].
    pub async fn control(self: &Arc<Self>, order: &Order, by: Originator, overriding: bool) -> Result<(Record, Verdict), OrderError> {
        let (twin, asked) = (self.clone(), order.clone());
        let verdict = match tokio::task::spawn_blocking(move || twin.check(&asked)).await {
            Ok(verdict) => verdict?,
            Err(fault) => return Err(OrderError::Failed { why: fault.to_string() }),
        };
        let under_way = || OrderError::UnderWay { name: verdict.point.to_string() };
        let under_way = self.judge.begin(&verdict, overriding).ok_or_else(under_way)?;
        let sent = scada::telecontrol::Order { point: verdict.point.to_string(), value: verdict.value.clone(), by };
        let record = match self.telecontrol.get() {
            Some(telecontrol) => telecontrol.execute(sent).await,
            None => unreachable!("set before the twin is handed out"),
        };
        drop(under_way);
        let event = record::of_command(&record, &verdict, overriding, order);
        let twin = self.clone();
        // The order is carried out by now: a history that does not take the record is told as an event of the system, not as a failed order.
        let _ = tokio::task::spawn_blocking(move || twin.note(&[event])).await;
        Ok((record, verdict))
    }

    /// What would be, from the state of now or of a time that is over. Computes: call it where one may.
    ///
    /// # Errors
    /// Changes that name nothing, a state that is not known.
    pub fn what_if(&self, changes: &[Change], at: Option<UtcTime>) -> Result<Comparison, TwinError> {
        let (state, reading, values, at_ms) = self.instant(at)?;
        let mut findings = Vec::new();
        let (before, off) = question::at_estimate(&state, &reading, &mut findings)?;
        let mut network = before.network.clone();
        question::change(&mut network, changes)?;
        let after = question::Solved::new(network)?;
        let replayed = at.is_some();
        let shown = |s: &question::Solved| question::shown(s, &self.site.station, &self.map, &values, at_ms, replayed);
        Ok(Comparison { at_ms, before: shown(&before), after: shown(&after), before_off_estimate_pu: off, findings })
    }

    fn instant(&self, at: Option<UtcTime>) -> Result<Instant, TwinError> {
        match at {
            None => {
                let core = lock(&self.core);
                let why = || TwinError::NoState { why: "there is no estimate yet".to_owned() };
                let reading = core.reading.clone().ok_or_else(why)?;
                Ok((core.state.clone(), reading, core.values.clone(), core.reading_ms))
            }
            Some(time) => {
                let (values, mut follower) = self.past(time)?;
                let reading = Arc::new(follower.estimate(&values));
                Ok((follower.state().clone(), reading, values, time.ms()))
            }
        }
    }

    /// The network with loads, switches and taps as the twin knows them: for a study that begins now.
    ///
    /// # Errors
    /// As of [`Twin::what_if`].
    pub fn network(&self, at: Option<UtcTime>) -> Result<Network, TwinError> {
        let (state, reading, _, _) = self.instant(at)?;
        Ok(question::at_estimate(&state, &reading, &mut Vec::new())?.0.network)
    }

    /// The condition of transformers and breakers by the end of the last whole day. Reads the history and computes: call it where one may.
    ///
    /// # Errors
    /// A history that cannot be read.
    pub fn condition(&self) -> Result<Arc<Condition>, TwinError> {
        let now = UtcTime::now();
        // Held while it is made: whoever asks meanwhile gets the same.
        let mut kept = lock(&self.condition);
        if let Some(condition) = kept.as_ref().filter(|c| day(c.at_ms) == day(now.ms())) {
            return Ok(condition.clone());
        }
        let condition = Arc::new(condition::look(&self.site, &self.map, &*self.history, now)?);
        *kept = Some(condition.clone());
        Ok(condition)
    }

    /// The health of equipment in thirty days, predicted by the end of the last whole day. Reads the history and computes: call it where one may.
    ///
    /// # Errors
    /// A history that cannot be read.
    pub fn outlook(&self) -> Result<Arc<Outlook>, TwinError> {
        let now = UtcTime::now();
        let mut kept = lock(&self.outlook);
        if let Some(outlook) = kept.as_ref().filter(|o| day(o.at_ms) == day(now.ms())) {
            return Ok(outlook.clone());
        }
        let outlook = Arc::new(outlook::look(&self.site, &*self.history, now)?);
        *kept = Some(outlook.clone());
        Ok(outlook)
    }

    /// The condition and the outlook as they were looked at last; none before the first time, or while they are being made.
    pub fn known(&self) -> (Option<Arc<Condition>>, Option<Arc<Outlook>>) {
        (self.condition.try_lock().ok().and_then(|k| k.clone()), self.outlook.try_lock().ok().and_then(|k| k.clone()))
    }

    /// What would make the station run better than it does now. Computes: call it where one may.
    ///
    /// # Errors
    /// As of [`Twin::what_if`].
    pub fn improvement(&self) -> Result<Improvement, TwinError> {
        let (state, reading, values, at_ms) = self.instant(None)?;
        let (before, _) = question::at_estimate(&state, &reading, &mut Vec::new())?;
        let asked = improve::Asked { station: &self.site.station, map: &self.map, values: &values, settings: &self.site.settings, at_ms };
        improve::improve(before, &asked)
    }

    /// Looks at the alarms.
    pub fn alarms<T>(&self, look: impl FnOnce(&alarms::Engine) -> T) -> T {
        look(&lock(&self.alarms).engine)
    }

    /// Acts on the alarms: acknowledge, shelve, plan maintenance. Events are durable and told when it returns.
    ///
    /// # Errors
    /// The journal cannot write; nothing has changed then.
    pub fn act<T>(
        &self,
        act: impl FnOnce(&mut alarms::Engine, UtcTime, &mut dyn alarms::Journal) -> Result<T, alarms::JournalFault>,
    ) -> Result<T, TwinError> {
        let mut alarms = lock(&self.alarms);
        let mut journal = record::HistoryJournal::new(self.diary(), Writing::First);
        Ok(act(&mut alarms.engine, UtcTime::now(), &mut journal)?)
    }

    /// The rules as they are, as a document.
    pub fn rules(&self) -> String {
        lock(&self.alarms).yaml.clone()
    }

    /// Where notices go, as the rules have it.
    pub fn notice_routes(&self) -> Vec<alarms::notify::Route> {
        lock(&self.alarms).routes.clone()
    }

    /// Other rules, whole or not at all; gives the findings of a document that is taken.
    ///
    /// # Errors
    /// `Documents` with every fault and its line.
    pub fn set_rules(&self, yaml: &str, by: &Originator) -> Result<Vec<Diagnostic>, TwinError> {
        rules::replace(self, yaml, by)
    }

    /// Writes an event into the history and tells it.
    ///
    /// # Errors
    /// A history that does not take it.
    pub fn record(&self, event: crate::history::Event) -> Result<(), TwinError> {
        self.record_all(std::slice::from_ref(&event))
    }

    /// As [`Twin::record`], of several that are made durable at once.
    ///
    /// # Errors
    /// A history that does not take them.
    pub fn record_all(&self, events: &[crate::history::Event]) -> Result<(), TwinError> {
        Ok(self.diary().write(events, Writing::First)?)
    }

    /// Ends connections, and comes back when everything is written.
    pub async fn stop(&self) {
        self.stop.cancel();
        let supervisor = lock(&self.supervisor).take();
        if let Some(supervisor) = supervisor {
            supervisor.stop().await;
        }
        let threads = std::mem::take(&mut *lock(&self.threads));
        let _ = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|t| drop(t.join()))).await;
    }
}
