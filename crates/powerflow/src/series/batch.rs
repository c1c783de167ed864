//! Several steps solved side by side over one factor.
//!
//! While nothing moves a tap or a switch, all steps share the system matrix, and the fixed point of [`crate::solve`] runs for `K` of
//! them at once: one pass over the factor serves `K` right-hand sides in the lanes of the vector registers, and one row of constants
//! serves a load in all of them. Only nodes with injections take part; the others follow at the end
//! ([`crate::sparse::quiet_first`]).
//!
//! A lane has settled when no node's voltage moved by more than the tolerance, as a complex number, per unit of the node's base. That
//! is stricter than the change of magnitude that a single solution is judged by.

use crate::circuit::Circuit;
use crate::element::{Model, Varying};
use crate::error::CircuitError;
use crate::pc::{LaneBank, LaneValues, Moment};
use crate::sparse::Lanes;
use crate::state::State;
use network::{Algorithm, ControlMode, LoadSolutionModel, SolutionMode};
use num_complex::Complex64;

/// Iterations after which a lane is left to the solution of a single step.
const MOST_ITERATIONS: u32 = 40;

/// A change below this part of the tolerance needs no second iteration to be believed.
const AT_ONCE: f64 = 0.1;

/// What the batches of one series share.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The choice of the loads' admittances that it was made with.
    pub(super) linearisations: u32,
    bank: LaneBank,
    /// Quiet nodes; row `r > 0` of the lanes is node `r + n_quiet`, row 0 the earth.
    n_quiet: usize,
    n_rows: usize,
    /// Injections of the sources that are not zero, by row.
    sources: Vec<(u32, Complex64)>,
    /// 1 / base voltage by row, 1/V; 0 where there is none.
    inverse_base: Vec<f64>,
    /// Converters other than loads.
    converters: Vec<Converter>,
}

/// Where a converter stands.
#[derive(Clone, Debug)]
struct Converter {
    /// Position among the circuit's elements.
    element: u32,
    /// Rows of its conductors, and the same counted within the element: 0 is the earth.
    rows: Box<[u32]>,
    within: Box<[u32]>,
}

impl Plan {
    /// The plan, or `None` where a step depends on the one before by more than taps, steps and switches.
    pub(super) fn new(state: &State) -> Option<Self> {
        let circuit: &Circuit = state.circuit();
        let o = &state.options;
        let in_time = matches!(o.mode, SolutionMode::Daily | SolutionMode::Yearly | SolutionMode::DutyCycle | SolutionMode::GeneralTime);
        let plain = o.load_model == LoadSolutionModel::PowerFlow && matches!(o.algorithm, Algorithm::Normal | Algorithm::Newton);
        let symbolic = circuit.symbolic();
        let in_order = symbolic.permutation().iter().enumerate().all(|(k, &row)| k == row as usize);
        // Events carry the clock with them, so that no step knows its time beforehand.
        let by_the_clock = o.control_mode != ControlMode::Event;
        if !(in_time && plain && in_order && by_the_clock && state.sweeps_trailing()) || circuit.controls().move_converters() {
            return None;
        }
        let n_quiet = circuit.n_quiet();
        let row = |n: u32| if n == 0 { 0 } else { n - n_quiet as u32 };
        let is_open = |i: usize| state.closed[i].as_ref().is_some_and(|c| c.iter().any(|c| !c));
        let mut nodes = vec![None; circuit.loads().len()];
        let mut converters = Vec::new();
        for (i, e) in circuit.elements().iter().enumerate() {
            let rows = || e.nodes.iter().map(|&n| row(n)).collect::<Box<[u32]>>();
            let memoryless = match &e.model {
                Model::Load(k) => {
                    nodes[*k as usize] = Some(rows());
                    continue;
                }
                Model::Source(_) | Model::CurrentSource(_) => {
                    if is_open(i) || e.model.follows().is_some() {
                        return None;
                    }
                    continue;
                }
                Model::Pv(_) => true,
                Model::Generator(m) => !m.regulates_voltage(),
                Model::Storage(_) | Model::InductionMachine(_) => false,
                _ => continue,
            };
            if !memoryless || is_open(i) {
                return None;
            }
            let mut known: Vec<u32> = vec![0];
            let within = e.nodes.iter().map(|&n| match known.iter().position(|&k| k == n) {
                Some(at) => at as u32,
                None => {
                    known.push(n);
                    known.len() as u32 - 1
                }
            });
            let within: Box<[u32]> = within.collect();
            converters.push(Converter { element: i as u32, rows: rows(), within });
        }
        let sources = circuit.source_injection().iter().enumerate().filter(|(_, i)| **i != Complex64::ZERO);
        let sources = sources.map(|(n, &i)| (row(n as u32), i)).filter(|(r, _)| *r != 0).collect();
        let mut inverse_base = vec![0.0];
        inverse_base.extend_from_slice(&circuit.inverse_base()[n_quiet + 1..]);
        let bank = LaneBank::new(circuit.loads(), &state.loads, &nodes, &state.moment());
        Some(Self {
            linearisations: state.linearisations,
            bank,
            n_quiet,
            n_rows: circuit.n_nodes() - n_quiet + 1,
            sources,
            inverse_base,
            converters,
        })
    }
}

/// `K` steps in the making.
#[derive(Debug)]
pub(super) struct Batch<const K: usize> {
    values: LaneValues<K>,
    v: Vec<Lanes<K>>,
    x: Vec<Lanes<K>>,
    /// All nodes, in the order of their elimination.
    all: Vec<Lanes<K>>,
    /// States of the converters, by converter of the plan.
    varying: Vec<Vec<Varying>>,
    pub iterations: [u32; K],
    pub settled: [bool; K],
    pub last_change_pu: [f64; K],
}

impl<const K: usize> Batch<K> {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            values: LaneValues::default(),
            v: vec![Lanes::ZERO; plan.n_rows],
            x: vec![Lanes::ZERO; plan.n_rows],
            all: vec![Lanes::ZERO; plan.n_rows - 1 + plan.n_quiet],
            varying: Vec::new(),
            iterations: [0; K],
            settled: [false; K],
            last_change_pu: [f64::INFINITY; K],
        }
    }

    /// Solves the steps at `times` (hour, second), which start from the state's voltages; taps and switches are the state's.
    pub(super) fn solve(&mut self, plan: &Plan, state: &State, times: &[(i64, f64); K]) -> Result<(), CircuitError> {
        let circuit = state.circuit();
        self.varying.resize_with(plan.converters.len(), Vec::new);
        for (lane, time) in times.iter().enumerate() {
            let moment = state.moment_at(*time);
            plan.bank.set_lane(&mut self.values, lane, circuit.loads(), &state.loads, &moment);
            self.update_converters(plan, state, lane, &moment);
        }
        for (row, v) in self.v[1..].iter_mut().zip(&state.v[plan.n_quiet + 1..]) {
            *row = Lanes { re: [v.re; K], im: [v.im; K] };
        }
        self.v[0] = Lanes::ZERO;
        self.iterate(plan, state)
    }

    /// States of one lane from those of the lane before: what switches on or off between two limits depends on it.
    fn update_converters(&mut self, plan: &Plan, state: &State, lane: usize, moment: &Moment) {
        for (converter, lanes) in plan.converters.iter().zip(&mut self.varying) {
            let i = converter.element as usize;
            let before = if lane == 0 { &state.varying[i] } else { &lanes[lane - 1] };
            let mut now = before.clone();
            now.update(&state.circuit().elements()[i], moment);
            lanes.truncate(lane);
            lanes.push(now);
        }
    }

    fn iterate(&mut self, plan: &Plan, state: &State) -> Result<(), CircuitError> {
        let circuit = state.circuit();
        let factor = state.factor.as_ref().ok_or(crate::sparse::SparseError::NotFactored).map_err(CircuitError::Sparse)?;
        let tolerance = state.options.tolerance_pu;
        self.settled = [false; K];
        for iteration in 1..=state.options.max_iterations.min(MOST_ITERATIONS) {
            self.x.fill(Lanes::ZERO);
            for &(row, i) in &plan.sources {
                let x = &mut self.x[row as usize];
                for t in 0..K {
                    x.re[t] += i.re;
                    x.im[t] += i.im;
                }
            }
            plan.bank.inject(&self.values, circuit.loads(), &self.v, &mut self.x);
            self.inject_converters(plan, state);
            factor.solve_trailing_many(&mut self.x[1..]).map_err(CircuitError::Sparse)?;
            self.x[0] = Lanes::ZERO;
            self.last_change_pu = largest_change(&self.x, &self.v, &plan.inverse_base);
            std::mem::swap(&mut self.x, &mut self.v);
            for t in 0..K {
                let change = self.last_change_pu[t];
                let limit = if iteration > 1 { tolerance } else { AT_ONCE * tolerance };
                if !self.settled[t] && change <= limit {
                    self.settled[t] = true;
                    self.iterations[t] = iteration;
                }
            }
            if self.settled.iter().all(|s| *s) || self.last_change_pu.iter().any(|c| c.is_nan()) {
                break;
            }
        }
        let mut ambiguous = [false; K];
        plan.bank.mark_ambiguous(circuit.loads(), &self.v, &mut ambiguous);
        for (settled, ambiguous) in self.settled.iter_mut().zip(ambiguous) {
            *settled &= !ambiguous;
        }
        self.all[plan.n_quiet..].copy_from_slice(&self.v[1..]);
        factor.complete_many(&mut self.all).map_err(CircuitError::Sparse)
    }

    fn inject_converters(&mut self, plan: &Plan, state: &State) {
        let mut v = Vec::new();
        let mut injected = Vec::new();
        for (Converter { element, rows, within }, lanes) in plan.converters.iter().zip(&mut self.varying) {
            let model = &state.circuit().elements()[*element as usize].model;
            for (t, varying) in lanes.iter_mut().enumerate() {
                v.clear();
                v.resize(rows.len() + 1, Complex64::ZERO);
                injected.clear();
                injected.resize(rows.len() + 1, Complex64::ZERO);
                for (&row, &at) in rows.iter().zip(within) {
                    v[at as usize] = self.v[row as usize].get(t);
                }
                model.inject(varying, within, &v, &mut injected);
                // Of a node that several conductors share, the sum stands once.
                for (k, (&row, &at)) in rows.iter().zip(within).enumerate() {
                    if at != 0 && !within[..k].contains(&at) {
                        let x = &mut self.x[row as usize];
                        x.set(t, x.get(t) + injected[at as usize]);
                    }
                }
            }
        }
    }

    /// Puts the voltages and converters of one lane into the state; the clock and the loads are the caller's.
    pub(super) fn give(&self, plan: &Plan, lane: usize, state: &mut State) {
        for (v, row) in state.v[1..].iter_mut().zip(&self.all) {
            *v = row.get(lane);
        }
        for (converter, lanes) in plan.converters.iter().zip(&self.varying) {
            state.varying[converter.element as usize].clone_from(&lanes[lane]);
        }
        state.has_profile = true;
    }
}

/// Largest change of a voltage in each lane, per unit; relative to the voltage where the node has no base.
fn largest_change<const K: usize>(now: &[Lanes<K>], before: &[Lanes<K>], inverse_base: &[f64]) -> [f64; K] {
    #[cfg(target_arch = "x86_64")]
    {
        if K.is_multiple_of(8) && std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { largest_change_avx512(now, before, inverse_base) };
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { largest_change_avx2(now, before, inverse_base) };
        }
    }
    largest_change_with(now, before, inverse_base)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn largest_change_avx512<const K: usize>(now: &[Lanes<K>], before: &[Lanes<K>], inverse_base: &[f64]) -> [f64; K] {
    largest_change_with(now, before, inverse_base)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn largest_change_avx2<const K: usize>(now: &[Lanes<K>], before: &[Lanes<K>], inverse_base: &[f64]) -> [f64; K] {
    largest_change_with(now, before, inverse_base)
}

#[inline(always)]
fn largest_change_with<const K: usize>(now: &[Lanes<K>], before: &[Lanes<K>], inverse_base: &[f64]) -> [f64; K] {
    let mut largest = [0.0_f64; K];
    // Of a value that is no number the sum is none either, which a comparison would lose.
    let mut sum = [0.0_f64; K];
    for ((now, before), &inverse) in now.iter().zip(before).zip(inverse_base) {
        let scale = inverse * inverse;
        for t in 0..K {
            let (re, im) = (now.re[t] - before.re[t], now.im[t] - before.im[t]);
            let mut change = (re * re + im * im) * scale;
            if inverse == 0.0 {
                let size = now.re[t] * now.re[t] + now.im[t] * now.im[t];
                change = if size > 0.0 { (re * re + im * im) / size } else { 0.0 };
            }
            largest[t] = if change > largest[t] { change } else { largest[t] };
            sum[t] += change;
        }
    }
    std::array::from_fn(|t| if sum[t].is_nan() { f64::NAN } else { largest[t].sqrt() })
}
