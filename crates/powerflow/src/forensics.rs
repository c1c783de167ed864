//! Why a solution did not settle, and where.
//!
//! A fixed point that does not settle leaves voltages that mean nothing as a
//! result but much as evidence: the nodes that moved most and those whose power
//! balance is worst, the elements at them, what is odd about the data there,
//! and the share of the load at which the same network still solves.

use crate::certificate::mismatch;
use crate::circuit::NodeNumber;
use crate::error::Place;
use crate::solve::Progress;
use crate::state::State;
use network::{ControlMode, Diagnostic, ElementKind, LineImpedance};
use serde::Serialize;

/// Buses that are named.
const WORST: usize = 10;

/// Steps of the search for the largest load that solves.
const LOAD_STEPS: u32 = 7;

/// Iterations that each step of that search may take.
const LOAD_ITERATIONS: u32 = 200;

/// A bus where the solution is worst.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorstBus {
    /// `bus.node`.
    pub node: String,
    pub mismatch_kva: f64,
    pub v_pu: Option<f64>,
    /// Elements there, loads first, with where they were read.
    pub elements: Vec<String>,
    #[serde(skip)]
    pub first: Option<Place>,
}

/// Evidence about a solution that did not settle.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Forensics {
    /// Voltages settled, but controls did not.
    pub voltages_settled: bool,
    pub iteration_limit: u32,
    pub control_iteration_limit: u32,
    pub largest_change_pu: f64,
    pub worst_buses: Vec<WorstBus>,
    /// Elements whose rated voltage does not fit their bus.
    pub voltage_base_conflicts: Vec<String>,
    /// Lines with an impedance that no line has.
    pub absurd_impedances: Vec<String>,
    /// Nodes that no source feeds.
    pub unsupplied: Vec<String>,
    pub hunting: Vec<String>,
    /// Largest share of the present load at which the network solves with controls off; `None` when not even a hundredth does.
    pub largest_load_factor_that_solves: Option<f64>,
    pub tried: Vec<String>,
}

impl Forensics {
    pub(crate) fn new(state: &State, progress: &Progress, hunting: Vec<String>) -> Self {
        let voltages_settled = progress.convergence.settled;
        let mut tried = vec![format!(
            "fixed point on injected currents, {} iterations in {} control iterations, tolerance {:e} pu",
            progress.iterations, progress.control_iterations, state.options.tolerance_pu
        )];
        let largest_load_factor_that_solves = if voltages_settled { Some(1.0) } else { largest_load_factor(state, &mut tried) };
        Self {
            voltages_settled,
            iteration_limit: state.options.max_iterations,
            control_iteration_limit: state.options.max_control_iterations,
            largest_change_pu: progress.convergence.last_change_pu,
            worst_buses: if voltages_settled { Vec::new() } else { worst_buses(state) },
            voltage_base_conflicts: voltage_base_conflicts(state),
            absurd_impedances: absurd_impedances(state),
            unsupplied: unsupplied(state),
            hunting,
            largest_load_factor_that_solves,
            tried,
        }
    }

    /// The evidence as findings, the planted cause first.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if self.voltages_settled {
            found.push(
                Diagnostic::error("SOLVE.CONTROL.HUNTING", "the controls did not come to rest within the limit of control iterations")
                    .detail(format!(
                        "After {} control iterations these still want to act: {}.",
                        self.control_iteration_limit,
                        or_none(&self.hunting)
                    ))
                    .hint("Widen a dead band, stagger delays, or raise the limit (--max-control-iterations, `set maxcontroliter`)."),
            );
        } else {
            let d = Diagnostic::error("SOLVE.VOLTAGES.UNSETTLED", "the power flow did not settle within its iteration limit");
            let worst = self.worst_buses.first();
            let mut detail = format!(
                "After {} iterations in the last control iteration the largest voltage change is still {} pu.",
                self.iteration_limit,
                few_digits(self.largest_change_pu)
            );
            if let Some(w) = worst {
                detail += &format!(
                    " Worst at {}: {:.1} kVA unaccounted for{}; elements there: {}.",
                    w.node,
                    w.mismatch_kva,
                    w.v_pu.map_or(String::new(), |v| format!(", voltage {v:.3} pu")),
                    or_none(&w.elements)
                );
            }
            for tried in &self.tried {
                detail += &format!(" Tried: {tried}.");
            }
            let hint = match self.largest_load_factor_that_solves {
                Some(f) if f < 0.999 => format!(
                    "The network solves with {:.0} % of its load: look for what is too large, too far, or of the wrong voltage.",
                    f * 100.0
                ),
                Some(_) => "It settles when given more iterations: raise the limit (--max-iterations, `set maxiterations`).".to_owned(),
                None => "Not even a hundredth of the load solves: look at the voltage bases, impedances and connections below.".to_owned(),
            };
            let mut d = d.detail(detail).hint(hint);
            if let Some(place) = worst.and_then(|w| w.first.as_ref()) {
                d = d.element(&place.element).at(&place.source);
            }
            found.push(d);
            if self.worst_buses.len() > 1 {
                let list: Vec<String> = self.worst_buses.iter().map(|w| format!("{} ({:.1} kVA)", w.node, w.mismatch_kva)).collect();
                found.push(Diagnostic::note("SOLVE.VOLTAGES.WORST_NODES", "nodes with the largest mismatch").detail(list.join(", ")));
            }
        }
        let more = [
            (&self.voltage_base_conflicts, "SOLVE.VOLTAGES.BASE_CONFLICT", "rated voltages that do not fit their bus"),
            (&self.absurd_impedances, "SOLVE.LINE.ABSURD_IMPEDANCE", "impedances that no line has"),
            (&self.unsupplied, "SOLVE.ISLAND.UNSUPPLIED", "nodes that no source feeds"),
        ];
        for (list, code, message) in more {
            if !list.is_empty() {
                found.push(Diagnostic::warning(code, message).detail(list.join("; ")));
            }
        }
        found
    }
}

/// Three digits of a number that may be tiny.
pub(crate) fn few_digits(x: f64) -> String {
    match x.abs() {
        size if (1e-3..1e4).contains(&size) => {
            let decimals = (2 - size.log10().floor() as i32).clamp(0, 6) as usize;
            format!("{x:.decimals$}")
        }
        0.0 => "0".to_owned(),
        _ => format!("{x:.2e}"),
    }
}

fn or_none(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn worst_buses(state: &State) -> Vec<WorstBus> {
    let circuit = state.circuit();
    let m = mismatch(state);
    let size = |n: usize| {
        let s = m.power_va[n].norm();
        // A value that is no number is the worst there is.
        if s.is_finite() { s } else { f64::INFINITY }
    };
    let mut nodes: Vec<usize> = (1..m.power_va.len()).collect();
    nodes.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    nodes
        .into_iter()
        .take(WORST)
        .map(|n| {
            let node = n as NodeNumber;
            let mut places = state.elements_at(node);
            places.sort_by_key(|p| !["load.", "generator.", "pvsystem.", "storage."].iter().any(|c| p.element.starts_with(c)));
            let kv = circuit.kv_base_ln(node);
            WorstBus {
                node: circuit.node_name(node),
                mismatch_kva: size(n) / 1e3,
                v_pu: (kv > 0.0).then(|| state.voltages()[n].norm() / (kv * 1e3)),
                elements: places.iter().take(6).map(|p| p.element.clone()).collect(),
                first: places.into_iter().next(),
            }
        })
        .collect()
}

/// Loads whose rated voltage is off their bus's base by more than half.
fn voltage_base_conflicts(state: &State) -> Vec<String> {
    let network = state.circuit().network();
    let mut found = Vec::new();
    for load in network.loads.iter().filter(|l| l.common.enabled) {
        let Some(terminal) = load.common.terminals.first() else { continue };
        let base = network.bus(terminal.bus).kv_base_ln;
        // Rated line to line, unless it stands between one phase and neutral.
        let line_to_line = load.connection == network::Connection::Delta || load.common.n_phases > 1;
        let expected = if line_to_line { base * 3.0_f64.sqrt() } else { base };
        if base > 0.0 && !(0.5..=2.0).contains(&(load.kv / expected)) {
            found.push(format!("load.{} is rated {} kV where {expected:.3} kV is due ({})", load.common.name, load.kv, load.common.source));
        }
    }
    found.truncate(WORST);
    found
}

/// Lines whose positive-sequence impedance is negative in resistance, or beyond 100 kΩ.
fn absurd_impedances(state: &State) -> Vec<String> {
    let network = state.circuit().network();
    let mut found = Vec::new();
    for line in network.lines.iter().filter(|l| l.common.enabled) {
        let per_length = match &line.impedance {
            LineImpedance::Sequence { z1_ohm, .. } => *z1_ohm,
            LineImpedance::Matrix { z_ohm, .. } => z_ohm.first().copied().unwrap_or_default(),
            _ => continue,
        };
        let z = per_length * line.unit_factor * line.length;
        if z.re < 0.0 || z.norm() > 1e5 || line.length <= 0.0 {
            found.push(format!("line.{} has {:.4}{:+.4}j ohm ({})", line.common.name, z.re, z.im, line.common.source));
        }
    }
    found.truncate(WORST);
    found
}

fn unsupplied(state: &State) -> Vec<String> {
    let circuit = state.circuit();
    let islands = circuit.islands(&state.primitives);
    (1..=circuit.n_nodes() as NodeNumber).filter(|&n| !islands.is_fed[n as usize]).take(WORST).map(|n| circuit.node_name(n)).collect()
}

/// Bisection on the load multiplier, controls off, from loads as admittances each time.
fn largest_load_factor(state: &State, tried: &mut Vec<String>) -> Option<f64> {
    let has_load = state.circuit().network().count(ElementKind::Load) > 0;
    let solves = |factor: f64| {
        let mut trial = state.clone();
        trial.options.load_multiplier = state.options.load_multiplier * factor;
        trial.options.control_mode = ControlMode::Off;
        trial.options.max_iterations = LOAD_ITERATIONS.max(state.options.max_iterations);
        trial.forget_profile();
        trial.solve_moment().is_ok_and(|p| p.convergence.settled)
    };
    if solves(1.0) {
        tried.push(format!("the same with {LOAD_ITERATIONS} iterations and controls off, which settles"));
        return Some(1.0);
    }
    if !has_load {
        return None;
    }
    let (mut low, mut high) = (0.01, 1.0);
    if !solves(low) {
        tried.push("a hundredth of the load, which does not settle either".to_owned());
        return None;
    }
    for _ in 0..LOAD_STEPS {
        let middle = (low + high) / 2.0;
        if solves(middle) { low = middle } else { high = middle }
    }
    tried.push(format!("smaller loads: {:.0} % settles", low * 100.0));
    Some(low)
}
