//! Options that a model brings for its own solution.

use crate::{EarthModel, GrowthShapeId, LoadShapeId, PriceShapeId};
use serde::{Deserialize, Serialize};

/// What kind of solution is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SolutionMode {
    #[default]
    Snapshot,
    Daily,
    Yearly,
    DutyCycle,
    /// Time steps on the clock without shapes advancing by mode.
    GeneralTime,
    /// One solve of the linear network with loads as admittances.
    Direct,
    FaultStudy,
    PeakDay,
    LoadDuration1,
    LoadDuration2,
    MonteCarlo1,
    MonteCarlo2,
    MonteCarlo3,
    MonteFault,
    Dynamics,
    Harmonics,
    HarmonicsT,
    AutoAdd,
}

/// How controls act during a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlMode {
    Off,
    /// Act until all are satisfied; time does not pass.
    #[default]
    Static,
    /// Act on events in the order of their time.
    Event,
    /// Act when their time comes on the clock.
    Time,
    MultiRate,
}

/// How the loads enter the network equations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadSolutionModel {
    /// Iterate on injected currents.
    #[default]
    PowerFlow,
    /// Admittances only, no iteration.
    Admittance,
}

/// How the iteration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Fixed point on injected currents.
    #[default]
    Normal,
    /// Newton on the nodal currents.
    Newton,
}

/// Which draws a Monte Carlo or random load setting makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RandomType {
    #[default]
    None,
    Gaussian,
    Uniform,
    LogNormal,
}

/// Which of its shapes an element follows in a mode that is of no kind itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShapeClass {
    #[default]
    None,
    Daily,
    Yearly,
    Duty,
}

/// Options of a solution, with OpenDSS's defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolutionOptions {
    pub mode: SolutionMode,
    pub control_mode: ControlMode,
    pub algorithm: Algorithm,
    pub load_model: LoadSolutionModel,
    /// Largest change of voltage magnitude between two iterations, per unit.
    pub tolerance_pu: f64,
    pub min_iterations: u32,
    pub max_iterations: u32,
    pub max_control_iterations: u32,
    /// The model itself named `max_iterations`, `max_control_iterations`: they are its wish and no default.
    pub max_iterations_given: bool,
    pub max_control_iterations_given: bool,
    pub load_multiplier: f64,
    pub generation_multiplier: f64,
    /// Frequency of the solution and of the model's data, Hz.
    pub frequency_hz: f64,
    pub base_frequency_hz: f64,
    /// Clock: whole hours and seconds within the hour.
    pub hour: i64,
    pub second: f64,
    pub year: i32,
    pub step_s: f64,
    pub number: u32,
    pub default_daily: Option<LoadShapeId>,
    pub default_yearly: Option<LoadShapeId>,
    pub default_growth: Option<GrowthShapeId>,
    pub default_growth_rate_pct: f64,
    pub price: f64,
    pub price_curve: Option<PriceShapeId>,
    pub load_duration_curve: Option<LoadShapeId>,
    /// The shapes that count in [`SolutionMode::GeneralTime`] and dynamics.
    pub load_shape_class: ShapeClass,
    /// Legal voltage bases, kV line to line, as written.
    pub voltage_bases_kv: Vec<f64>,
    pub earth_model: EarthModel,
    /// Solve as a balanced single-phase equivalent.
    pub positive_sequence: bool,
    pub random: RandomType,
    pub seed: u64,
    pub v_min_normal_pu: f64,
    pub v_max_normal_pu: f64,
    pub v_min_emergency_pu: f64,
    pub v_max_emergency_pu: f64,
    /// Leave loads, generators and the like out of the system admittance.
    pub neglect_load_admittance: bool,
    pub trapezoidal: bool,
    /// Correct lines given by sequence values for distributed parameters.
    pub long_line_correction: bool,
    pub ue_weight: f64,
    pub loss_weight: f64,
    pub allocation_iterations: u32,
}

impl Default for SolutionOptions {
    fn default() -> Self {
        Self {
            mode: SolutionMode::Snapshot,
            control_mode: ControlMode::Static,
            algorithm: Algorithm::Normal,
            load_model: LoadSolutionModel::PowerFlow,
            tolerance_pu: 1e-4,
            min_iterations: 2,
            max_iterations: 15,
            max_control_iterations: 10,
            max_iterations_given: false,
            max_control_iterations_given: false,
            load_multiplier: 1.0,
            generation_multiplier: 1.0,
            frequency_hz: 60.0,
            base_frequency_hz: 60.0,
            hour: 0,
            second: 0.0,
            year: 0,
            step_s: 0.001,
            number: 1,
            default_daily: None,
            default_yearly: None,
            default_growth: None,
            default_growth_rate_pct: 2.5,
            price: 25.0,
            price_curve: None,
            load_duration_curve: None,
            load_shape_class: ShapeClass::None,
            voltage_bases_kv: Vec::new(),
            earth_model: EarthModel::Deri,
            positive_sequence: false,
            random: RandomType::Gaussian,
            seed: 1,
            v_min_normal_pu: 0.95,
            v_max_normal_pu: 1.05,
            v_min_emergency_pu: 0.90,
            v_max_emergency_pu: 1.08,
            neglect_load_admittance: false,
            trapezoidal: false,
            long_line_correction: false,
            ue_weight: 1.0,
            loss_weight: 1.0,
            allocation_iterations: 2,
        }
    }
}

impl SolutionOptions {
    /// The clock as fractional hours.
    pub fn hour_f64(&self) -> f64 {
        self.hour as f64 + self.second / 3600.0
    }
}
