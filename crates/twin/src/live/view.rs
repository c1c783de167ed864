//! What the twin shows of a moment: plain data with units in its names, made for tables, pages and files.
//!
//! Times are milliseconds since 1970 UTC. A value that nobody knows is absent, never zero.

use scada::point::{Quality, Value};
use serde::Serialize;
use std::sync::Arc;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Measured there, and the estimate agrees.
    Measured,
    /// Follows from other measurements.
    Estimated,
    /// Rests on a profile in place of a measurement.
    Pseudo,
    /// No source feeds it: zero.
    Dead,
    /// Nothing determines it.
    Unknown,
}

/// Voltage of one phase of a bus.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseVoltage {
    /// `A`, `B`, `C`, or the number of another node.
    pub phase: String,
    pub origin: Origin,
    /// Line to neutral.
    pub v_kv: Option<f64>,
    pub v_pu: Option<f64>,
    pub angle_deg: Option<f64>,
    /// Standard deviation of the estimate.
    pub sigma_pu: Option<f64>,
}

/// A bus.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BusMoment {
    pub bus: String,
    /// Base, line to line.
    pub kv_base: f64,
    pub origin: Origin,
    /// Mean of the phases.
    pub v_pu: Option<f64>,
    /// Line to line, of the mean of the phases.
    pub v_kv: Option<f64>,
    /// Negative over positive sequence.
    pub unbalance_pct: Option<f64>,
    pub phases: Vec<PhaseVoltage>,
}

/// Powers and currents at one end of an element, positive into it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndMoment {
    pub bus: String,
    pub origin: Origin,
    pub p_kw: Option<f64>,
    pub q_kvar: Option<f64>,
    /// |P + jQ| of all phases together.
    pub s_kva: Option<f64>,
    /// Amperes of each phase conductor.
    pub i_a: Vec<Option<f64>>,
}

/// An element: branch, transformer, switch, load, shunt or source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ElementMoment {
    /// `class.name`.
    pub element: String,
    /// Equipment of the register that it is.
    pub asset: Option<String>,
    pub ends: Vec<EndMoment>,
    /// Largest current over its rating, or of a transformer largest three-phase apparent power over its rating.
    pub loading_pct: Option<f64>,
    pub losses_kw: Option<f64>,
}

/// A switching device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SwitchMoment {
    pub element: String,
    pub asset: Option<String>,
    /// `breaker` or `isolator`, or the class of another device.
    pub kind: String,
    /// As told by its point, or as the model has it where no point tells; `None` on its way or contradictory.
    pub closed: Option<bool>,
    /// Point that tells, with the quality of what it tells.
    pub point: Option<Arc<str>>,
    pub quality: Option<Quality>,
    /// The measurements contradict what is told.
    pub doubted: bool,
    /// Largest current through it.
    pub i_a: Option<f64>,
    /// Takes commands.
    pub controllable: bool,
}

/// A sensor that contradicts the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspect {
    pub point: String,
    pub element: String,
    pub quantity: String,
    pub unit: String,
    /// In the unit.
    pub measured: f64,
    pub estimated: Option<f64>,
    pub normalised_residual: f64,
    /// Others that the same contradiction would fit as well.
    pub alike: Vec<String>,
}

/// How the estimate went.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EstimateMoment {
    /// `settled`, `unsettled` or `none`.
    pub state: &'static str,
    /// Why there is none, for people.
    pub why: Option<String>,
    pub iterations: u32,
    /// Sum of squared weighted residuals, its expectation, and the limit that it passes by chance in 1 of 100.
    pub objective: Option<f64>,
    pub degrees_of_freedom: Option<f64>,
    pub objective_limit: Option<f64>,
    pub plausible: Option<bool>,
    /// Largest current that is missing at a node, A, and the node.
    pub mismatch_a: Option<f64>,
    pub mismatch_at: Option<String>,
    /// Measurements given, and those that took part.
    pub measurements: usize,
    pub used: usize,
    /// Node voltages that are known, of how many live ones.
    pub nodes_known: usize,
    pub nodes_live: usize,
    pub took_ms: f64,
    pub suspects: Vec<Suspect>,
}

/// The figures of the station, each from the estimated state.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// 0 to 100; `docs/twin.md` says how.
    pub system_health: Option<f64>,
    /// Taken by loads, MW.
    pub total_load_mw: Option<f64>,
    /// Delivered by sources.
    pub generation_mw: Option<f64>,
    pub losses_mw: Option<f64>,
    pub reactive_mvar: Option<f64>,
    pub apparent_mva: Option<f64>,
    /// Load over generation.
    pub efficiency_pct: Option<f64>,
    /// Of what the sources deliver.
    pub power_factor: Option<f64>,
    /// 100 (1 - L) with the largest L index of any bus.
    pub voltage_stability_pct: Option<f64>,
    pub voltage_stability_at: Option<String>,
    pub frequency_hz: Option<f64>,
    /// Mean voltage of the busbars by level: base kV, line to line, and kV.
    pub levels: Vec<(f64, Option<f64>)>,
}

/// How one figure went.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trend {
    pub metric: &'static str,
    pub value: f64,
    /// Mean of the minute an hour before, or of the earliest one kept.
    pub previous: f64,
    pub previous_ms: i64,
    pub change: f64,
    /// `None` when the earlier value is zero.
    pub change_pct: Option<f64>,
    /// `increasing`, `decreasing` or `stable`.
    pub direction: &'static str,
    /// Larger than three standard errors of what the figure does within a minute.
    pub significant: bool,
}

/// One part of what makes the health of an asset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HealthPart {
    /// `hot_spot`, `gas`, `contacts`, …
    pub indicator: &'static str,
    pub value: f64,
    pub unit: &'static str,
    /// From which value on it counts, and at which nothing is left.
    pub good: f64,
    pub bad: f64,
    /// 0 to 100.
    pub score: f64,
}

/// A piece of equipment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AssetMoment {
    pub asset: String,
    /// The lowest score of its parts; `None` when nothing is measured of it.
    pub health: Option<f64>,
    pub parts: Vec<HealthPart>,
    /// `operational`, `open`, `dead`, `maintenance` or `unknown`.
    pub status: &'static str,
    pub loading_pct: Option<f64>,
    pub temperature_c: Option<f64>,
    pub v_kv: Option<f64>,
    pub i_a: Option<f64>,
    pub p_mw: Option<f64>,
    /// Listed alarms of it; `None` of a time that is over.
    pub alarms: Option<usize>,
}

/// A device.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceMoment {
    pub device: Arc<str>,
    pub protocol: &'static str,
    pub address: String,
    /// `None` of a time that is over.
    pub connected: Option<bool>,
    /// Every point has been read since the connection was made.
    pub recovered: Option<bool>,
    pub points: usize,
    pub good: usize,
    pub questionable: usize,
    pub invalid: usize,
    /// When the last value came.
    pub last_ms: Option<i64>,
    /// Last thing that it or its connection said.
    pub remark: Option<String>,
}

/// Everything that the twin knows of one instant.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    /// Counts up by one; 0 before the first estimate.
    pub sequence: u64,
    pub time_ms: i64,
    /// Made from the history, of a time that is over.
    pub replayed: bool,
    pub estimate: EstimateMoment,
    pub metrics: Metrics,
    pub trends: Vec<Trend>,
    pub buses: Vec<BusMoment>,
    pub elements: Vec<ElementMoment>,
    pub switches: Vec<SwitchMoment>,
    pub assets: Vec<AssetMoment>,
    pub devices: Vec<DeviceMoment>,
}

/// A point with what it holds.
#[derive(Clone, Debug, Serialize)]
pub struct PointMoment {
    pub point: Arc<str>,
    pub device: Arc<str>,
    pub unit: Option<Arc<str>>,
    pub asset: Option<Arc<str>>,
    pub element: Option<Arc<str>>,
    pub quantity: Option<Arc<str>>,
    pub terminal: Option<u32>,
    pub phase: Option<char>,
    pub value: Option<Value>,
    /// The value as a number where it is one.
    pub number: Option<f64>,
    pub quality: Quality,
    /// `good`, `questionable` or `invalid`, and the details.
    pub validity: &'static str,
    pub details: Vec<&'static str>,
    /// The source's time where it gave one, else that of receipt.
    pub time_ms: i64,
    pub received_ms: i64,
    pub controllable: bool,
    pub low: Option<f64>,
    pub high: Option<f64>,
}
