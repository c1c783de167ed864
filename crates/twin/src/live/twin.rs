//! The twin as others see it.

use super::view::{Moment, PointMoment};
use crate::alarms::document::AlarmDocument;
use crate::alarms::{self};
use crate::history::Historian;
use network::{Diagnostic, Network, Station, StationRelay};
use scada::UtcTime;
use scada::document::DeviceSpec;
use scada::point::Value;
use scada::telecontrol::{Originator, Record};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::{broadcast, watch};

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
    /// `critical`, `high`, `medium`, `low` of alarms; `error`, `warning`, `note` of the rest.
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
    Tap {
        transformer: String,
        tap_position: i32,
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

/// What a program needs of a twin's rules.
pub struct Program {
    pub document: AlarmDocument,
    pub yaml: String,
}

/// A plant that is followed.
pub struct Twin {
    _private: (),
}

impl Twin {
    /// Follows a site. Connects to its devices on the current runtime; returns at once.
    ///
    /// # Errors
    /// Points or rules that do not fit the network; a network that cannot be compiled; a history that cannot be read.
    pub fn start(site: Site, rules: Option<String>, history: Arc<dyn Historian>) -> Result<Arc<Self>, TwinError> {
        let _ = (site, rules, history);
        todo!()
    }

    pub fn site(&self) -> &Site {
        todo!()
    }

    pub fn started(&self) -> UtcTime {
        todo!()
    }

    /// The newest moment.
    pub fn moment(&self) -> Arc<Moment> {
        todo!()
    }

    /// Wakes with every new moment.
    pub fn moments(&self) -> watch::Receiver<Arc<Moment>> {
        todo!()
    }

    /// What happens, as it happens. Who falls behind asks the history.
    pub fn told(&self) -> broadcast::Receiver<Arc<Told>> {
        todo!()
    }

    /// Every point with what it holds.
    pub fn points(&self) -> Vec<PointMoment> {
        todo!()
    }

    /// Holds a point at a value by hand, or lets it follow its device again.
    ///
    /// # Errors
    /// No such point; a history that does not take the record.
    pub fn substitute(&self, point: &str, value: Option<Value>, by: &Originator) -> Result<(), TwinError> {
        let _ = (point, value, by);
        todo!()
    }

    /// The history behind it.
    pub fn history(&self) -> &Arc<dyn Historian> {
        todo!()
    }

    /// The state of a time that is over, from the history. Waits for the disk and computes: call it where one may.
    ///
    /// # Errors
    /// `NotKept`.
    pub fn at(&self, time: UtcTime) -> Result<Moment, TwinError> {
        let _ = time;
        todo!()
    }

    /// What an order would do. Computes: call it where one may.
    ///
    /// # Errors
    /// An order that names nothing, or that its subject does not take.
    pub fn check(&self, order: &Order) -> Result<Verdict, OrderError> {
        let _ = order;
        todo!()
    }

    /// Carries out an order: its verdict is made anew from the state of now, and refuses it unless `overriding`. Whatever becomes of it is
    /// written into the history with who and why.
    ///
    /// # Errors
    /// As of [`Twin::check`].
    pub async fn control(self: &Arc<Self>, order: &Order, by: Originator, overriding: bool) -> Result<(Record, Verdict), OrderError> {
        let _ = (order, by, overriding);
        todo!()
    }

    /// What would be, from the state of now or of a time that is over. Computes: call it where one may.
    ///
    /// # Errors
    /// Changes that name nothing, a state that is not known.
    pub fn what_if(&self, changes: &[Change], at: Option<UtcTime>) -> Result<Comparison, TwinError> {
        let _ = (changes, at);
        todo!()
    }

    /// The network with loads, switches and taps as the twin knows them: for a study that begins now.
    ///
    /// # Errors
    /// As of [`Twin::what_if`].
    pub fn network(&self, at: Option<UtcTime>) -> Result<Network, TwinError> {
        let _ = at;
        todo!()
    }

    /// Looks at the alarms.
    pub fn alarms<T>(&self, look: impl FnOnce(&alarms::Engine) -> T) -> T {
        let _ = look;
        todo!()
    }

    /// Acts on the alarms: acknowledge, shelve, plan maintenance. Events are durable and told when it returns.
    ///
    /// # Errors
    /// The journal cannot write; nothing has changed then.
    pub fn act<T>(
        &self,
        act: impl FnOnce(&mut alarms::Engine, UtcTime, &mut dyn alarms::Journal) -> Result<T, alarms::JournalFault>,
    ) -> Result<T, TwinError> {
        let _ = act;
        todo!()
    }

    /// The rules as they are, as a document.
    pub fn rules(&self) -> String {
        todo!()
    }

    /// Other rules, whole or not at all; gives the findings of a document that is not taken.
    ///
    /// # Errors
    /// `Documents` with every fault and its line.
    pub fn set_rules(&self, yaml: &str, by: &Originator) -> Result<Vec<Diagnostic>, TwinError> {
        let _ = (yaml, by);
        todo!()
    }

    /// Writes an event into the history and tells it.
    ///
    /// # Errors
    /// A history that does not take it.
    pub fn record(&self, event: crate::history::Event) -> Result<(), TwinError> {
        let _ = event;
        todo!()
    }

    /// Ends connections, and comes back when everything is written.
    pub async fn stop(&self) {
        todo!()
    }
}
