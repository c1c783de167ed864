//! A feeder on which people try things: loads, generators, devices, flexibility programs, automatic management.
//!
//! The model is never changed. What was tried is a [`DeskState`] upon it, small and plain; the network that is solved is made of both each
//! time, from taps and switches as the model has them, so that the same state has the same answer whatever was tried before it. An action
//! gives a [`Step`]: the changes of the state, what automatic management did and why, and the solved feeder. Nothing of it holds before
//! [`Desk::take`], and every change has an inverse: whoever keeps the changes can take them back and begin anew with them.
//!
//! Demand of a load: (what was stated for it, else the model's) × its factor × the least share that a program left its bus × the share that
//! management left its neighbourhood. Active and reactive power have shares of their own. Setting a load by hand ends what programs and
//! management did at its bus, for they acted upon what was there before.

mod action;
mod ask;
mod day;
mod grid;
pub mod journal;
mod manage;
mod placed;
mod programs;
mod report;
mod state;
#[cfg(test)]
mod tests;
mod zones;

pub use action::{Action, Fault, ProgramRules, Refusal};
pub use report::{BusReport, Connected, NeighbourhoodReport, NodeVoltage, Report, Voltages};
pub use state::{Change, DeskState, LoadSetting, PlacedDevice, PlacedGenerator, Registered, Share, device_key};
pub use zones::{check as check_neighbourhoods, of_transformers};

use network::neighbourhood::Neighbourhoods;
use network::{BusId, Graph, Network, graph::nominal_kv_ll};
use powerflow::{Session, Solution};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// Most devices and generators on a desk.
pub const PLACED_MAX: usize = 20_000;
/// Voltages are found this close, whatever the model asks for: what is tried may change a flow by little.
const TOLERANCE_PU: f64 = 1e-9;
const ITERATIONS_MAX: u32 = 200;
/// Most programs.
pub const PROGRAMS_MAX: usize = 1000;

/// A feeder with its neighbourhoods and what was tried on it.
#[derive(Clone, Debug)]
pub struct Desk {
    base: Arc<Network>,
    zones: Arc<Neighbourhoods>,
    /// Neighbourhood of each bus, by its place among them.
    zone_of: Arc<HashMap<BusId, usize>>,
    /// Loads at each bus, by their place in the network.
    loads_at: Arc<HashMap<BusId, Vec<usize>>>,
    kv_ll: Arc<Vec<f64>>,
    /// The model before anything was tried, solved once for all copies of a desk.
    before: Arc<OnceLock<Result<Arc<Report>, Refusal>>>,
    state: DeskState,
}

/// What an action leads to.
#[derive(Clone, Debug)]
pub struct Step {
    /// What was done, in a sentence.
    pub message: String,
    pub changes: Vec<Change>,
    /// What management or a program did, with cause and effect.
    pub acts: Vec<Act>,
    /// What people should know of it.
    pub notes: Vec<String>,
    pub report: Report,
}

/// One thing that was done to keep a limit or a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    pub subject: String,
    pub cause: String,
    pub effect: String,
}

impl Desk {
    /// A desk on which nothing was tried yet.
    ///
    /// # Errors
    /// What is wrong with the neighbourhoods, all at once.
    pub fn new(base: Arc<Network>, zones: Neighbourhoods) -> Result<Self, Vec<network::Diagnostic>> {
        let faults = zones::check(&base, &zones);
        if !faults.is_empty() {
            return Err(faults);
        }
        let kv_ll = nominal_kv_ll(&base, &Graph::new(&base));
        let mut zone_of = HashMap::new();
        for (i, z) in zones.neighbourhoods.iter().enumerate() {
            zone_of.extend(z.buses.iter().filter_map(|b| base.bus_id(&b.to_lowercase())).map(|b| (b, i)));
        }
        let mut loads_at: HashMap<BusId, Vec<usize>> = HashMap::new();
        for (i, l) in base.loads.iter().enumerate().filter(|(_, l)| l.common.enabled) {
            loads_at.entry(l.common.terminals[0].bus).or_default().push(i);
        }
        Ok(Self {
            base,
            zones: Arc::new(zones),
            zone_of: Arc::new(zone_of),
            loads_at: Arc::new(loads_at),
            kv_ll: Arc::new(kv_ll),
            before: Arc::default(),
            state: DeskState::default(),
        })
    }

    pub fn state(&self) -> &DeskState {
        &self.state
    }

    pub fn zones(&self) -> &Neighbourhoods {
        &self.zones
    }

    /// Applies changes that were made before, as a journal has them.
    pub fn restore<'a>(&mut self, changes: impl IntoIterator<Item = &'a Change>) {
        changes.into_iter().for_each(|c| self.state.apply(c));
    }

    /// What an action would lead to. Nothing is changed before [`Desk::take`].
    ///
    /// # Inputs
    /// * `at` - RFC 3339, for what is registered.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn ask(&self, action: &Action, at: &str) -> Result<Step, Refusal> {
        let asked = ask::asked(self, action, at)?;
        let ask::Asked { mut state, message, mut acts, notes } = asked;
        let report = if matches!(action, Action::RunSimulation { manage: true }) {
            let (managed, done, report) = manage::manage(self, state)?;
            state = managed;
            acts.extend(done);
            report
        } else {
            self.report_of(&state)?
        };
        let mut notes = notes;
        if report.n_off_model > 0 {
            notes.push(format!(
                "{} loads of constant power draw more or less than they ask for: their voltage is outside the range that their model holds for",
                report.n_off_model
            ));
        }
        Ok(Step { message, changes: self.state.changes_to(&state), acts, notes, report })
    }

    /// Makes a step so.
    pub fn take(&mut self, step: &Step) {
        self.restore(&step.changes);
    }

    /// The feeder as it stands.
    ///
    /// # Errors
    /// It has no solution: a model that never had one.
    pub fn report(&self) -> Result<Report, Refusal> {
        self.report_of(&self.state)
    }

    /// The model before anything was tried.
    ///
    /// # Errors
    /// It has no solution.
    pub fn before(&self) -> Result<Arc<Report>, Refusal> {
        self.before.get_or_init(|| self.report_of(&DeskState::default()).map(Arc::new)).clone()
    }

    /// The network as it stands, to be written in other formats.
    pub fn network(&self) -> Network {
        grid::build(self, &self.state)
    }

    fn report_of(&self, state: &DeskState) -> Result<Report, Refusal> {
        let solution = self.solve(state)?;
        Ok(report::report(self, state, &solution))
    }

    fn solve(&self, state: &DeskState) -> Result<Solution, Refusal> {
        let mut network = grid::build(self, state);
        network.options.tolerance_pu = network.options.tolerance_pu.min(TOLERANCE_PU);
        network.options.max_iterations = network.options.max_iterations.max(ITERATIONS_MAX);
        let outcome = Session::new().solve_network(&network, true);
        let unsolved = |message: String, hint: &str| Refusal::Unsolved { message, hint: hint.to_owned() };
        let hint = "Nothing was changed. Ask for less, or look at the model with `gridtwin check` and `gridtwin solve`.";
        let outcome = outcome.map_err(|e| unsolved(format!("the feeder cannot be solved: {e}"), hint))?;
        outcome.settled().map_err(|u| {
            let c = &u.certificate;
            let what = if c.controls_settled { "the voltages did not settle" } else { "the controls did not settle" };
            let message =
                format!("the feeder has no solution with it: {what} in {} iterations, worst at {}", c.iterations, c.mismatch_node);
            unsolved(message, hint)
        })
    }

    /// Line to line, kV.
    fn kv_ll(&self, bus: BusId) -> f64 {
        self.kv_ll.get(bus.index()).copied().unwrap_or(0.0)
    }

    /// Rated voltage of something at so many phases of a bus, kV.
    fn kv_for(&self, bus: BusId, n_phases: usize) -> f64 {
        if n_phases == 1 { self.kv_ll(bus) / 3f64.sqrt() } else { self.kv_ll(bus) }
    }

    /// What a load of the model was set to before programs and management, kW and kvar.
    fn load_asked(&self, state: &DeskState, load: usize) -> (f64, f64) {
        let l = &self.base.loads[load];
        let setting = state.loads.get(&l.common.name);
        let (p, q) = setting.and_then(|s| s.stated).unwrap_or((l.p_kw, l.q_kvar));
        let factor = setting.map_or(1.0, |s| s.factor);
        (p * factor, q * factor)
    }

    /// Demand asked at a bus, of loads and devices, kW and kvar.
    fn asked_at(&self, state: &DeskState, bus: BusId) -> (f64, f64) {
        let loads = self.loads_at.get(&bus).into_iter().flatten().map(|l| self.load_asked(state, *l));
        let name = &self.base.bus(bus).name;
        let devices = state.devices.values().filter(|d| d.bus == *name).map(|d| (d.kw, d.kvar));
        loads.chain(devices).fold((0.0, 0.0), |(p, q), (dp, dq)| (p + dp, q + dq))
    }
}
