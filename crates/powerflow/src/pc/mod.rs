//! Power-conversion elements: what turns power into current at the voltage it finds.
//!
//! Loads, generators, PV systems, storage and induction machines meet the network as a linear admittance that goes into the system
//! matrix, and as the difference between what that admittance would draw and what the element really draws, which is injected:
//!
//! ```text
//! Y v = i_sources + Σ (Yprim v - i(v))
//! ```
//!
//! Every model here has a compiled part (`…Model`, constants made once from a [`Network`] and not changed by solving) and a state
//! (`…State`, what one solution changes). The solver drives them in this order, which is OpenDSS's:
//!
//! 1. `update` sets the powers of the moment (shapes, multipliers, dispatch). Called for every element in the first iteration of
//!    each control iteration, and by `linearise`.
//! 2. `linearise` is `update` and then the choice of the admittance that enters the matrix. Called only when the matrix is built:
//!    when a shape moves later, the matrix stays, and the injection makes up the difference. [`LoadModel::yprim`] and its like give the
//!    admittance chosen last.
//! 3. `inject` adds `Yprim v - i(v)` at the voltages of the moment, once an iteration.
//! 4. `currents` gives `i(v)`, positive into the element, for reports and controls.
//!
//! Branches. All but the induction machine are a few branches between two conductors each: phase to neutral in wye (the last conductor
//! is the neutral), phase to next phase in delta. Two-phase delta has three conductors and two branches. In a branch of voltage `V`
//! every law is `i = y(|V|) V`; the injection is `(y_matrix - y(|V|)) V`.
//!
//! An element with an open conductor: its admittance in the matrix is no longer the one kept here. Loads (set `LoadState::open`), PV
//! systems, storage and induction machines then inject nothing: what the reduced matrix draws is all. Generators go on as if nothing
//! were open, with `Yprim v - i(v)` formed from the reduced matrix.
//!
//! Fault study. The machines and inverters take their state from the power flow before (`enter_dynamics`), then `linearise` at a moment
//! of mode fault study gives the matrix. The open-circuit voltages are one solution with the injections at the voltages of that power
//! flow, loads' among them: `Y v = i_sources + Σ inject(v_before)`. Storage that does not discharge crashes OpenDSS there; here it
//! carries no current, as discharging storage does.
//!
//! Checked by `cases/pc`, whose currents come from OpenDSS at imposed voltages.

mod bank;
mod branch;
mod generation;
mod generator;
mod induction_machine;
mod inverter;
mod lanes;
mod load;
mod power_law;
mod pv_system;
mod storage;

pub use bank::LoadBank;
pub(crate) use generation::to_sequence;
pub use generator::{GeneratorModel, GeneratorState, MachineDynamics};
pub use induction_machine::{InductionMachineModel, InductionMachineState, RunningMachine};
pub use inverter::{InverterRatings, InverterState, VarMode};
pub use lanes::{LaneBank, LaneValues};
pub use load::{LoadModel, LoadState};
pub use pv_system::{PvModel, PvState};
pub use storage::{StorageLosses, StorageModel, StorageState};

use network::{Network, ShapeClass, SolutionMode, SolutionOptions};
use thiserror::Error;

/// What every model reads of the moment; built by the solver.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Shapes, curves and options.
    pub network: &'a Network,
    pub mode: SolutionMode,
    /// Clock in hours, for shapes.
    pub hour: f64,
    pub year: i32,
    pub load_multiplier: f64,
    pub generation_multiplier: f64,
    /// Present price signal.
    pub price: f64,
    /// Frequency of the solution, Hz.
    pub frequency_hz: f64,
    /// Length of a time step, hours.
    pub step_h: f64,
}

impl<'a> Moment<'a> {
    /// The moment that the options of a network describe.
    pub fn of_options(network: &'a Network) -> Self {
        let o = &network.options;
        Self {
            network,
            mode: o.mode,
            hour: o.hour_f64(),
            year: o.year,
            load_multiplier: o.load_multiplier,
            generation_multiplier: o.generation_multiplier,
            price: Self::price_at(o, network, o.hour_f64()),
            frequency_hz: o.frequency_hz,
            step_h: o.step_s / 3600.0,
        }
    }

    /// Growth of everything that has no growth shape: `rate^(year - 1)`, 1 in year 0.
    pub fn default_growth(&self) -> f64 {
        if self.year == 0 { 1.0 } else { (1.0 + self.network.options.default_growth_rate_pct / 100.0).powi(self.year - 1) }
    }

    /// Level that generators and storage with `dispmode=loadlevel` compare with their triggers: growth, the load multiplier
    /// (not in yearly mode) and, in modes that run on the clock, the default shape, yearly or daily. 1 in fault study.
    pub fn dispatch_reference(&self) -> f64 {
        let at = |shape: Option<network::LoadShapeId>| shape.map_or(1.0, |id| self.network.load_shapes[id.index()].at(self.hour).0);
        let daily = || at(self.network.options.default_daily);
        match self.mode {
            SolutionMode::FaultStudy | SolutionMode::MonteFault => 1.0,
            SolutionMode::AutoAdd => self.default_growth(),
            SolutionMode::Yearly => self.default_growth() * at(self.network.options.default_yearly),
            SolutionMode::Snapshot
            | SolutionMode::Direct
            | SolutionMode::Dynamics
            | SolutionMode::Harmonics
            | SolutionMode::MonteCarlo1 => self.load_multiplier * self.default_growth(),
            _ => self.load_multiplier * self.default_growth() * daily(),
        }
    }

    /// The mode whose shapes are followed: in general time that of the class that was chosen.
    pub fn shape_mode(&self) -> SolutionMode {
        match (self.mode, self.network.options.load_shape_class) {
            (SolutionMode::GeneralTime, ShapeClass::Daily) => SolutionMode::Daily,
            (SolutionMode::GeneralTime, ShapeClass::Yearly) => SolutionMode::Yearly,
            (SolutionMode::GeneralTime, ShapeClass::Duty) => SolutionMode::DutyCycle,
            (mode, _) => mode,
        }
    }

    /// Price at `hour`: the price curve's where the mode follows it, else the signal that was set.
    pub fn price_at(options: &SolutionOptions, network: &Network, hour: f64) -> f64 {
        match (options.mode, options.price_curve) {
            (SolutionMode::Daily | SolutionMode::Yearly, Some(id)) => network.price_shapes[id.index()].at(hour),
            _ => options.price,
        }
    }

    /// In a fault study machines and inverters stand behind their transient impedance.
    pub fn is_dynamic(&self) -> bool {
        matches!(self.mode, SolutionMode::FaultStudy | SolutionMode::MonteFault | SolutionMode::Dynamics)
    }
}

/// Why an element has no model.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PcError {
    /// Currents are computed from the rated voltage, which is zero, negative or not a number.
    #[error("{element}: rated voltage {kv} kV cannot be used")]
    RatedVoltage {
        /// Class and name.
        element: String,
        /// kV as read.
        kv: f64,
    },
    /// A rating that divides is zero, negative or not a number.
    #[error("{element}: {quantity} {value} cannot be used")]
    Rating {
        /// Class and name.
        element: String,
        /// Name of the rating.
        quantity: &'static str,
        /// Value as read.
        value: f64,
    },
    /// The model number is none that the class has.
    #[error("{element}: model {model} does not exist or needs code from outside")]
    Model {
        /// Class and name.
        element: String,
        /// Number as read.
        model: i64,
    },
    /// The model needs data that the element does not have.
    #[error("{element}: {property} is missing")]
    Missing {
        /// Class and name.
        element: String,
        /// Property, as scripts call it.
        property: &'static str,
    },
    /// The number of conductors does not fit the phases and the connection.
    #[error("{element}: {n_phases} phases in this connection need {expected} conductors, found {found}")]
    Conductors {
        /// Class and name.
        element: String,
        /// Phases.
        n_phases: usize,
        /// Conductors needed.
        expected: usize,
        /// Conductors found.
        found: usize,
    },
    /// A number of phases that the model is not made for.
    #[error("{element}: not modelled with {n_phases} phases")]
    Phases {
        /// Class and name.
        element: String,
        /// Phases.
        n_phases: usize,
    },
    /// A mode of operation that is not modelled.
    #[error("{element}: {what} is not modelled")]
    Unsupported {
        /// Class and name.
        element: String,
        /// What was asked for.
        what: &'static str,
    },
    /// The index is beyond the vector of the network.
    #[error("{class} number {index} does not exist")]
    Index {
        /// Class.
        class: &'static str,
        /// 0-based index.
        index: usize,
    },
}
