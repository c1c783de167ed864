//! Solutions one after another, as a model script asks for them.
//!
//! A script edits its model between solutions, so every solution compiles the
//! network anew. What a session carries over is what the model does not say:
//! the voltage profile to start from, and the inner states of converters and
//! controls whose data did not change.

use crate::certificate::{Certificate, LimitHit};
use crate::circuit::Circuit;
use crate::error::CircuitError;
use crate::forensics::Forensics;
use crate::results::{Outcome, Solution, Unsettled, tap_of};
use crate::solve::Progress;
use crate::state::State;
use crate::voltage_bases;
use network::{
    ControlMode, Diagnostic, ElementId, ElementKind, Engine, EngineError, ModeOfChange, Network, OperatingPoint, SolutionMode,
    SolutionOptions, SolveReport,
};
use num_complex::Complex64;
use std::collections::HashMap;
use std::sync::Arc;

/// How much work a session does for a model from an unknown hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub nodes: usize,
    /// Time steps of one solve.
    pub steps: u32,
    /// Iterations and control iterations: a model that asks for more gets these.
    pub iterations: u32,
    pub control_iterations: u32,
}

/// An engine for scripts, and for whoever solves one network after another.
#[derive(Debug, Default)]
pub struct Session {
    limits: Option<Limits>,
    last: Option<State>,
    /// The mode was set: the next solution starts from no voltages, with controls as at first.
    mode_was_set: bool,
    /// Loads of another size stand in the system matrix as in the last solution.
    keeps_load_admittances: bool,
}

impl Session {
    pub fn new() -> Self {
        Self::default()
    }

    /// A session that refuses models and solves beyond `limits`.
    pub fn bounded(limits: Limits) -> Self {
        Self { limits: Some(limits), ..Self::default() }
    }

    /// Holds a compiled circuit to the limits, and its options.
    fn hold(&self, circuit: &Circuit, options: &mut SolutionOptions) -> Result<(), CircuitError> {
        let Some(limits) = self.limits else { return Ok(()) };
        if circuit.n_nodes() > limits.nodes {
            return Err(CircuitError::Beyond { quantity: "nodes", asked: circuit.n_nodes() as u64, limit: limits.nodes as u64 });
        }
        if options.number > limits.steps {
            return Err(CircuitError::Beyond { quantity: "time steps", asked: options.number.into(), limit: limits.steps.into() });
        }
        options.max_iterations = options.max_iterations.min(limits.iterations);
        options.max_control_iterations = options.max_control_iterations.min(limits.control_iterations);
        Ok(())
    }

    /// Solves as the network's options say.
    ///
    /// `fresh` starts from loads as admittances and with controls that have nothing pending, as a change of mode does; otherwise
    /// the solution goes on from the last voltages.
    ///
    /// # Errors
    /// A network without admittance, source or a mode that is not supported. A solution that does not settle is an [`Outcome`].
    pub fn solve_network(&mut self, network: &Network, fresh: bool) -> Result<Outcome, CircuitError> {
        self.mode_was_set |= fresh;
        let mut state = self.prepare(network, fresh)?;
        let progress = run(&mut state);
        let outcome = progress.as_ref().ok().map(|p| conclude(&state, p));
        self.last = Some(state);
        progress?;
        Ok(outcome.expect("a solution that ran has an outcome"))
    }

    /// A state of the network to step through time, with what this session's earlier solutions left in converters and controls.
    ///
    /// `fresh` as in [`Session::solve_network`]: a change of mode was asked for.
    ///
    /// # Errors
    /// A network without admittance or source, or beyond the session's limits.
    pub fn series_state(&mut self, network: &Network, fresh: bool) -> Result<State, CircuitError> {
        self.mode_was_set |= fresh;
        self.prepare(network, fresh)
    }

    /// Whether loads that change their size, by allocation, keep their admittances in the system matrix.
    pub(crate) fn keep_load_admittances(&mut self, keep: bool) {
        self.keeps_load_admittances = keep;
    }

    /// State and controls of the last solution.
    pub fn last_state(&self) -> Option<&State> {
        self.last.as_ref()
    }

    /// Events of the controls in the last solution.
    pub fn events(&self) -> &[crate::control::ControlEvent] {
        self.last.as_ref().map_or(&[], |l| l.events())
    }

    fn prepare(&mut self, network: &Network, fresh: bool) -> Result<State, CircuitError> {
        let circuit = Arc::new(Circuit::compile(Arc::new(network.clone()))?);
        let mut state = State::new(&circuit)?;
        self.hold(&circuit, &mut state.options)?;
        if let Some(last) = self.last.take() {
            if !fresh {
                carry_voltages(&last, &mut state);
            }
            state.adopt(&last, self.keeps_load_admittances);
        }
        if std::mem::take(&mut self.mode_was_set) {
            // Not earlier: what controls set back, such as the state of a storage unit, is theirs to say and not the network's.
            state.reset_controls();
        }
        Ok(state)
    }

    /// Forgets the voltage profile of the last solution and has the controls begin anew, but keeps the states of converters.
    pub fn forget_profile(&mut self) {
        self.mode_was_set = true;
        if let Some(last) = &mut self.last {
            last.forget_profile();
        }
    }
}

/// Solves in the mode of the state's options and moves its clock.
fn run(state: &mut State) -> Result<Progress, CircuitError> {
    match state.options.mode {
        SolutionMode::Snapshot => state.solve_moment(),
        SolutionMode::Direct => {
            state.needs_update = true;
            let convergence = state.solve_direct()?;
            Ok(Progress { convergence, iterations: 1, control_iterations: 1, controls_settled: true })
        }
        SolutionMode::Daily | SolutionMode::Yearly | SolutionMode::DutyCycle | SolutionMode::GeneralTime => {
            let mut last = None;
            for _ in 0..state.options.number {
                state.clock_before_step();
                let progress = state.solve_moment()?;
                let settled = progress.settled();
                last = Some(progress);
                // A step that did not settle ends as well, and a script that goes on finds it so.
                state.end_of_step();
                state.clock_after_step();
                if !settled {
                    // What would follow stands on nothing.
                    break;
                }
            }
            match last {
                Some(progress) => Ok(progress),
                None => state.solve_moment(),
            }
        }
        mode => Err(CircuitError::UnsupportedMode { mode: format!("{mode:?}").to_lowercase() }),
    }
}

/// The outcome of a moment that was solved, such as a step of a series: certificate and, where it did not settle, evidence.
pub fn conclude(state: &State, progress: &Progress) -> Outcome {
    let network = state.circuit().network();
    let hunting: Vec<String> =
        if progress.controls_settled { Vec::new() } else { state.waiting_controls().into_iter().map(|id| network.full_name(id)).collect() };
    let certificate = Certificate::new(state, progress, hunting.clone(), limits_hit(state));
    if certificate.settled {
        Outcome::Settled(Box::new(Solution { state: state.clone(), certificate }))
    } else {
        Outcome::Unsettled(Box::new(Unsettled { certificate, forensics: Forensics::new(state, progress, hunting) }))
    }
}

/// Regulators at the end of their range.
fn limits_hit(state: &State) -> Vec<LimitHit> {
    let network = state.circuit().network();
    let mut hits = Vec::new();
    if state.options.control_mode == ControlMode::Off {
        return hits;
    }
    for c in network.regulator_controls.iter().filter(|c| c.common.enabled) {
        let Some((id, tap)) = c.transformer.and_then(|id| tap_of(state, id, c.tap_winding).map(|t| (id, t))) else { continue };
        let w = &network.transformers[id.index()].windings[c.tap_winding];
        let limit = if tap <= w.tap_min_pu + 1e-9 {
            "lowest tap"
        } else if tap >= w.tap_max_pu - 1e-9 {
            "highest tap"
        } else {
            continue;
        };
        hits.push(LimitHit { element: format!("regcontrol.{}", c.common.name), limit: format!("{limit} {tap:.5} pu") });
    }
    hits
}

/// Starts `state` from the voltages that `last` had at nodes of the same name.
fn carry_voltages(last: &State, state: &mut State) {
    if !last.has_profile {
        return;
    }
    let (from, to) = (Arc::clone(last.circuit()), Arc::clone(state.circuit()));
    let known: HashMap<(&str, u32), Complex64> =
        from.nodes().iter().enumerate().map(|(i, n)| ((from.network().bus(n.bus).name.as_str(), n.at_bus), last.v[i + 1])).collect();
    let mut v = vec![Complex64::ZERO; to.n_nodes() + 1];
    for (i, n) in to.nodes().iter().enumerate() {
        match known.get(&(to.network().bus(n.bus).name.as_str(), n.at_bus)) {
            Some(&known) => v[i + 1] = known,
            // A new node has no voltage to start from, and half a profile is worse than none.
            None => return,
        }
    }
    state.set_voltages(&v);
}

/// What solving changed of things that the model itself describes.
fn operating_point(state: &State) -> OperatingPoint {
    let circuit = state.circuit();
    let network = circuit.network();
    let mut changes = Vec::new();
    for id in network.ids(ElementKind::Transformer) {
        for (winding, w) in network.transformers[id.index()].windings.iter().enumerate() {
            if let Some(tap_pu) = tap_of(state, id, winding).filter(|&t| t != w.tap_pu) {
                changes.push((id, ModeOfChange::Tap { winding, tap_pu }));
            }
        }
    }
    for id in network.ids(ElementKind::Capacitor) {
        if let Some(steps) = state.capacitor_steps(id).filter(|s| *s != network.capacitors[id.index()].steps) {
            changes.push((id, ModeOfChange::CapacitorSteps(steps.to_vec())));
        }
    }
    for (i, e) in circuit.elements().iter().enumerate() {
        let Some(closed) = &state.closed[i] else { continue };
        for (terminal, t) in network.common(e.id).terminals.iter().enumerate() {
            let now = &closed[terminal * e.n_conductors..(terminal + 1) * e.n_conductors];
            if now != t.closed {
                changes.push((e.id, ModeOfChange::Closed { terminal, closed: now.to_vec() }));
            }
        }
    }
    changes.extend(state.storage_changes());
    OperatingPoint { changes, hour: state.options.hour, second: state.options.second }
}

fn failed(error: CircuitError) -> EngineError {
    error.diagnostic().into()
}

impl Engine for Session {
    fn voltage_bases(&mut self, network: &Network) -> Result<Vec<f64>, EngineError> {
        let circuit = Arc::new(Circuit::compile(Arc::new(network.clone())).map_err(failed)?);
        self.hold(&circuit, &mut network.options.clone()).map_err(failed)?;
        let (bases, state) = voltage_bases::voltage_bases(&circuit).map_err(failed)?;
        // A fault study of a model that was never solved starts from here; a power flow does not.
        self.last.get_or_insert(state);
        Ok(bases)
    }

    fn solve(&mut self, network: &Network) -> Result<SolveReport, EngineError> {
        let fresh = self.last.as_ref().is_none_or(|l| !l.has_profile);
        let mut state = self.prepare(network, fresh).map_err(failed)?;
        let progress = run(&mut state).map_err(failed)?;
        let report = SolveReport {
            converged: progress.settled(),
            iterations: progress.iterations,
            control_iterations: progress.control_iterations,
            operating_point: operating_point(&state),
            diagnostics: stopped_short(&state, &progress),
        };
        self.last = Some(state);
        Ok(report)
    }

    fn allocate_loads(&mut self, network: &Network) -> Result<SolveReport, EngineError> {
        crate::allocation::allocate_loads(self, network)
    }

    fn forget_voltages(&mut self) {
        self.forget_profile();
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// A solve inside a script that stopped at a limit: the model it leaves is not what its author thinks.
fn stopped_short(state: &State, progress: &Progress) -> Vec<Diagnostic> {
    if !progress.convergence.settled {
        vec![
            Diagnostic::warning("SOLVE.SCRIPT.ITERATION_LIMIT", "a solve within the script stopped at its iteration limit")
                .detail(format!(
                    "After {} iterations (limit {} in each of {} control iteration(s)) voltages still move by {} pu; taps and steps stay where it stopped.",
                    progress.iterations,
                    state.options.max_iterations,
                    progress.control_iterations,
                    crate::forensics::few_digits(progress.convergence.last_change_pu)
                ))
                .hint("Raise the limit before that solve: `set maxiterations=…`."),
        ]
    } else if !progress.controls_settled {
        vec![
            Diagnostic::warning("SOLVE.SCRIPT.CONTROL_LIMIT", "a solve within the script stopped at its limit of control iterations")
                .detail(format!("After {} control iterations controls still act.", progress.control_iterations))
                .hint("Raise the limit before that solve: `set maxcontroliter=…`."),
        ]
    } else {
        Vec::new()
    }
}

/// Ids of elements in the order of creation whose data are the same in both networks.
pub(crate) fn unchanged(a: &Network, b: &Network, id: ElementId) -> bool {
    let i = id.index();
    if a.count(id.kind) <= i || b.count(id.kind) <= i {
        return false;
    }
    match id.kind {
        ElementKind::Load => a.loads[i] == b.loads[i],
        ElementKind::Generator => a.generators[i] == b.generators[i],
        ElementKind::PvSystem => a.pv_systems[i] == b.pv_systems[i],
        ElementKind::Storage => {
            // Energy and mode are what a solution writes back itself.
            let mut old = a.storages[i].clone();
            old.energy_stored_kwh = b.storages[i].energy_stored_kwh;
            old.mode = b.storages[i].mode;
            old == b.storages[i]
        }
        ElementKind::RegulatorControl => a.regulator_controls[i] == b.regulator_controls[i],
        ElementKind::CapacitorControl => a.capacitor_controls[i] == b.capacitor_controls[i],
        ElementKind::InverterControl => a.inverter_controls[i] == b.inverter_controls[i] && same_units(a, b, &a.inverter_controls[i].units),
        ElementKind::ExponentialControl => {
            a.exponential_controls[i] == b.exponential_controls[i] && same_units(a, b, &a.exponential_controls[i].units)
        }
        ElementKind::StorageController => {
            a.storage_controllers[i] == b.storage_controllers[i] && same_units(a, b, &a.storage_controllers[i].units)
        }
        ElementKind::InductionMachine => a.induction_machines[i] == b.induction_machines[i],
        _ => a.common(id) == b.common(id),
    }
}

/// Whether the same of these units are in service: what a control remembers goes unit by unit.
fn same_units(a: &Network, b: &Network, units: &[ElementId]) -> bool {
    let is_known = |n: &Network, id: ElementId| id.index() < n.count(id.kind);
    units.iter().all(|&id| is_known(a, id) && is_known(b, id) && a.common(id).enabled == b.common(id).enabled)
}
