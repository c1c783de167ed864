//! What a study of hosting capacity is asked, and why it may not run.

use super::criteria::Criteria;
use super::faults::FaultEffectsError;
use super::probe::Der;
use super::sites::{Joined, Sizes};
use crate::hands::{Hands, HandsError};
use network::SolutionMode;
use powerflow::{CircuitError, Unsettled};

/// What is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// One bus at a time, the size searched by brackets, every probe solved.
    Iterative,
    /// Resources at random customers, one after another, until a limit is crossed; many draws.
    Stochastic,
    /// One bus at a time, probes by superposition on the solution without resources: one triangular solution a bus.
    Streamlined,
}

impl Method {
    pub fn word(self) -> &'static str {
        match self {
            Self::Iterative => "iterative",
            Self::Stochastic => "stochastic",
            Self::Streamlined => "streamlined",
        }
    }
}

/// At which moments limits must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hours {
    /// The model's own operating point, without a clock.
    Snapshot,
    /// These steps of a series, counted from 1.
    Chosen(Vec<u32>),
    /// The steps of a series at which net load, voltages and loadings without resources are extreme.
    Binding,
    /// Every step of a series.
    All,
}

/// The series that hours belong to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesOf {
    pub mode: SolutionMode,
    pub steps: u32,
    pub step_h: f64,
}

/// What is done about limits that are crossed without any resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseViolations {
    /// Nothing can be hosted: the capacity is zero, and the violation is told.
    Zero,
    /// Resources must not make it worse: the limit of that hour becomes the value without resources.
    NotWorse,
}

/// Monte Carlo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stochastic {
    pub seed: u64,
    pub draws: u32,
    /// Size of one customer's resource, kW: evenly between these; by its load where there are none, see `of_load`.
    pub size_kw: Option<(f64, f64)>,
    /// Size as a share of the customer's nominal load, evenly between these.
    pub of_load: (f64, f64),
    /// Levels of penetration between no customer and every customer having one.
    pub levels: u32,
    /// How many resources a customer may get, one a round.
    pub rounds: u32,
}

impl Default for Stochastic {
    fn default() -> Self {
        Self { seed: 1, draws: 200, size_kw: None, of_load: (0.5, 1.5), levels: 100, rounds: 4 }
    }
}

/// How an iterative search makes sure that it steps over no size that crosses a limit; see [`super::search`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofOf {
    /// By trying all of them.
    EveryStep,
    /// Where controls have acted, only as far from the limits as regulators may place their taps otherwise.
    Strict,
    /// Also next to the limits, supposing that taps move one way as the size grows.
    Quick,
}

/// What would relax the binding limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relax {
    None,
    /// Of so many buses, those that host least.
    Worst(u32),
    All,
}

/// A study of hosting capacity.
#[derive(Clone, Debug)]
pub struct HostingOptions {
    pub method: Method,
    pub der: Der,
    pub criteria: Criteria,
    pub base_violations: BaseViolations,
    /// Only these buses, in lower case; all where none are named.
    pub buses: Vec<String>,
    pub sizes: Sizes,
    pub joined: Option<Joined>,
    /// Power factor of the resource; negative where a generator absorbs vars.
    pub power_factor: f64,
    pub hours: Hours,
    pub series: SeriesOf,
    /// Load shape of the model that the output of the resource follows.
    pub profile: Option<String>,
    /// Keep the capacity of every hour.
    pub envelope: bool,
    pub proof: ProofOf,
    /// Search the capacity under each criterion alone as well.
    pub each_criterion: bool,
    pub stochastic: Stochastic,
    pub relax: Relax,
    /// Fault current of a resource over its rated current.
    pub fault_pu: f64,
    pub hands: Hands,
}

impl Default for HostingOptions {
    fn default() -> Self {
        Self {
            method: Method::Iterative,
            der: Der::Generation,
            criteria: Criteria::default(),
            base_violations: BaseViolations::Zero,
            buses: Vec::new(),
            sizes: Sizes { step_kw: None, max_kw: None },
            joined: None,
            power_factor: 1.0,
            hours: Hours::Snapshot,
            series: SeriesOf { mode: SolutionMode::Yearly, steps: 8760, step_h: 1.0 },
            profile: None,
            envelope: false,
            proof: ProofOf::Strict,
            each_criterion: false,
            stochastic: Stochastic::default(),
            relax: Relax::None,
            fault_pu: 1.2,
            hands: Hands::default(),
        }
    }
}

/// Why a study did not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostingError {
    #[error(transparent)]
    Circuit(#[from] CircuitError),
    #[error(transparent)]
    Faults(#[from] FaultEffectsError),
    #[error("the power flow without resources does not settle")]
    Unsettled(Box<Unsettled>),
    #[error("bus \"{bus}\" is not in the model")]
    UnknownBus { bus: String },
    #[error("the model has no load shape \"{profile}\"")]
    UnknownProfile { profile: String },
    #[error("the series has {steps} steps, and step {step} was asked for")]
    UnknownStep { step: u32, steps: u32 },
    #[error("{what} is {value}; it has to be {expected}")]
    Option { what: &'static str, value: f64, expected: &'static str },
    #[error("no bus of the model can host anything: none is fed, with a voltage base and a phase")]
    NoSite,
    #[error("the model has no load, and resources are placed at customers")]
    NoCustomer,
    #[error(transparent)]
    Hands(#[from] HandsError),
}

impl HostingOptions {
    /// Refuses what cannot be run.
    ///
    /// # Errors
    /// [`HostingError::Option`] with the setting and its value.
    pub fn check(&self) -> Result<(), HostingError> {
        let ensure = |holds: bool, what, value, expected| if holds { Ok(()) } else { Err(HostingError::Option { what, value, expected }) };
        let positive = |what, value: f64| ensure(value > 0.0 && value.is_finite(), what, value, "a number above zero");
        positive("the step of sizes", self.sizes.step_kw.unwrap_or(1.0))?;
        positive("the largest size", self.sizes.max_kw.unwrap_or(1.0))?;
        positive("the fault current", self.fault_pu)?;
        positive("the step of the series", self.series.step_h)?;
        positive("the number of steps", f64::from(self.series.steps))?;
        let pf = self.power_factor;
        ensure(pf.abs() > 0.0 && pf.abs() <= 1.0, "the power factor", pf, "between -1 and 1 and not 0")?;
        for (c, limit) in self.criteria.iter() {
            ensure(limit.is_finite(), c.name(), limit, "a number")?;
        }
        let s = &self.stochastic;
        positive("the number of draws", f64::from(s.draws))?;
        positive("the number of levels", f64::from(s.levels))?;
        positive("the number of rounds", f64::from(s.rounds))?;
        for (low, high) in [Some(s.of_load), s.size_kw].into_iter().flatten() {
            positive("the smallest size of a customer's resource", low)?;
            ensure(high >= low && high.is_finite(), "the largest size of a customer's resource", high, "no less than the smallest")?;
        }
        Ok(())
    }

    /// Reactive power for one of active power.
    pub fn q_per_p(&self) -> f64 {
        let pf = self.power_factor;
        (1.0 / (pf * pf) - 1.0).max(0.0).sqrt() * pf.signum()
    }
}
