//! The power flow of one moment: the fixed point on injected currents, and the
//! control iterations around it.
//!
//! With `Y` the system admittance, which holds every element's primitive
//! admittance, the converters' linearised one among them, the node voltages
//! obey
//!
//! ```text
//! Y v = i(v),   i(v) = i_source + sum over converters of (Y_c v - i_c(v))
//! ```
//!
//! where `i_c(v)` is the current that converter `c` (load, generator, PV
//! system, storage) draws at `v`, and `Y_c` its linearisation. The iteration
//! `v <- Y⁻¹ i(v)` starts from the solution with all converters as admittances.
//! It has settled when no node's voltage magnitude moved by more than the
//! tolerance, per unit of the node's base (relative to itself where the node
//! has no base), after at least `min_iterations`.
//!
//! Voltages that only a trace of admittance holds, such as those of a delta winding
//! without earth, carry the rounding of much larger currents and never come to
//! rest. When the change has stopped falling, the rounding of a solution is
//! estimated by solving for currents of the size of the last place of
//! `|y_nn| |v_n|` at every node; what moves no further than 256 times the
//! answer counts as settled, and the certificate says so.
//!
//! Around it, controls act: solve, let every control sample the solution, do
//! the queued actions of the earliest time, bring the admittance up to date,
//! and solve again, until no action is left.
//!
//! Source of the method: OpenDSS (`Solution.pas`, `SolutionAlgs.pas`); the
//! order of its steps is kept, since taps depend on the path.

use crate::element::Model;
use crate::error::CircuitError;
use crate::state::State;
use network::{Algorithm, LoadSolutionModel, SolutionMode};
use num_complex::Complex64;
use std::sync::Arc;

const ZERO: Complex64 = Complex64 { re: 0.0, im: 0.0 };

/// Changes above this are no rounding, whatever holds the node, per unit.
const STALLED_PU: f64 = 1e-5;

/// A change that falls by less than this from one iteration to the next has perhaps stopped falling.
const STALLED_RATIO: f64 = 0.9;

/// How far beyond the estimate of its rounding a voltage may move and still be at rest.
const ROUNDING_MARGIN: f64 = 256.0;

/// How a fixed point ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convergence {
    pub settled: bool,
    pub iterations: u32,
    /// Largest change of a voltage magnitude in the last iteration, per unit.
    pub last_change_pu: f64,
    /// Nodes that moved by more than the tolerance, but no further than rounding moves them.
    pub rounding_limited: usize,
}

/// How a solution with controls ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub convergence: Convergence,
    /// Iterations of all control iterations together.
    pub iterations: u32,
    pub control_iterations: u32,
    /// No control had anything left to do.
    pub controls_settled: bool,
}

impl Progress {
    pub fn settled(&self) -> bool {
        self.convergence.settled && self.controls_settled
    }
}

impl State {
    /// Solves one moment with controls, from the present clock and operating point.
    ///
    /// # Errors
    /// A circuit that cannot be factored. Non-convergence is not an error; see [`Progress`].
    pub fn solve_moment(&mut self) -> Result<Progress, CircuitError> {
        self.needs_update = true;
        self.iterate_with_controls(0, 0)
    }

    /// Goes on from a solution after which controls have acted.
    ///
    /// # Errors
    /// As [`State::solve_moment`].
    pub(crate) fn go_on_with_controls(&mut self, first: Progress) -> Result<Progress, CircuitError> {
        self.needs_update = true;
        self.refresh()?;
        if first.control_iterations >= self.options.max_control_iterations {
            return Ok(Progress { controls_settled: false, ..first });
        }
        self.iterate_with_controls(first.iterations, first.control_iterations)
    }

    fn iterate_with_controls(&mut self, mut iterations: u32, mut control_iterations: u32) -> Result<Progress, CircuitError> {
        loop {
            control_iterations += 1;
            let convergence = self.solve_without_controls()?;
            iterations += convergence.iterations;
            let mut done = false;
            if control_iterations < self.options.max_control_iterations {
                // A solution that did not settle tells the controls nothing.
                done = !convergence.settled || self.iterate_controls(control_iterations);
            }
            self.refresh()?;
            if done || control_iterations >= self.options.max_control_iterations {
                let controls_settled = convergence.settled && done;
                return Ok(Progress { convergence, iterations, control_iterations, controls_settled });
            }
        }
    }

    /// Solves with taps, steps and set-points as they stand.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn solve_without_controls(&mut self) -> Result<Convergence, CircuitError> {
        if self.options.load_model == LoadSolutionModel::Admittance || self.options.mode == SolutionMode::Direct {
            return self.solve_direct();
        }
        self.refresh()?;
        if !self.has_profile {
            self.start_from_admittances()?;
        }
        let first = match self.options.algorithm {
            Algorithm::Normal | Algorithm::Newton => self.fixed_point()?,
        };
        if first.settled || !self.linearise_loads_anew()? {
            return Ok(first);
        }
        // A feeder near its limit, or a phase that hangs on its loads, may settle only with loads that stand in the matrix as they are now.
        // What follows keeps them: it would fail likewise.
        self.start_from_admittances()?;
        let second = self.fixed_point()?;
        Ok(Convergence { iterations: first.iterations + second.iterations, ..second })
    }

    /// One solution of the linear network with all converters as admittances.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn solve_direct(&mut self) -> Result<Convergence, CircuitError> {
        self.refresh()?;
        self.inject_sources();
        if self.moment().is_dynamic() {
            self.add_converters();
        }
        self.solve_linear()?;
        self.has_profile = true;
        Ok(Convergence { settled: self.v.iter().all(|v| v.is_finite()), iterations: 1, last_change_pu: 0.0, rounding_limited: 0 })
    }

    /// First iterate: every converter as its admittance.
    fn start_from_admittances(&mut self) -> Result<(), CircuitError> {
        self.inject_sources();
        self.solve_linear()?;
        self.has_profile = true;
        self.start_regulation();
        Ok(())
    }

    /// The fixed point `v <- Y⁻¹ i(v)`.
    fn fixed_point(&mut self) -> Result<Convergence, CircuitError> {
        if self.needs_update {
            self.update_powers();
            // A storage unit that changed its state stands in the matrix with another admittance.
            self.refresh()?;
        }
        let circuit = Arc::clone(&self.circuit);
        let mut magnitude = std::mem::take(&mut self.magnitude);
        magnitude.resize(self.v.len(), 0.0);
        let mut iterations = 0;
        let mut before = f64::INFINITY;
        let (mut next_look, mut wait) = (0, 2);
        let tolerance = self.options.tolerance_pu;
        let trailing = self.sweeps_trailing();
        // What the iteration looks at: all nodes, or those behind the quiet ones.
        let first = if trailing { circuit.n_quiet() + 1 } else { 0 };
        let ended = loop {
            iterations += 1;
            self.inject_sources_from(first);
            self.add_converters();
            if trailing {
                self.solve_trailing()?
            } else {
                self.solve_linear()?
            }
            let without_base = circuit.without_base().iter().map(|&n| n as usize).filter(|&n| n >= first).map(|n| n - first);
            let change = largest_change(&self.v[first..], &mut magnitude[first..], &circuit.inverse_base()[first..], without_base);
            let end = |settled, rounding_limited| Convergence { settled, iterations, last_change_pu: change, rounding_limited };
            if change <= tolerance && iterations >= self.options.min_iterations {
                break end(true, 0);
            }
            if iterations >= self.options.max_iterations || change.is_nan() {
                break end(change <= tolerance, 0);
            }
            if change > tolerance && change < STALLED_PU && change > before * STALLED_RATIO && iterations >= next_look {
                if trailing {
                    self.complete()?;
                    // They were not followed so far, and moved no more than those that were.
                    for (saved, v) in magnitude[..first].iter_mut().zip(&self.v) {
                        *saved = v.norm();
                    }
                }
                if let Some(n) = self.within_rounding(&magnitude)? {
                    iterations += 1;
                    break Convergence { settled: true, iterations, last_change_pu: change, rounding_limited: n };
                }
                // A look costs two solutions; slow convergence must not pay for it at every step.
                wait = (wait * 2).min(16);
                next_look = iterations + wait;
            }
            before = change;
        };
        if ended.last_change_pu.is_nan() {
            // The next solution starts anew and must not be compared with what is no number.
            magnitude.fill(0.0);
        }
        self.magnitude = magnitude;
        if trailing {
            self.complete()?;
        }
        Ok(ended)
    }

    /// Whether one more iteration moves no node beyond tolerance and rounding; the number of nodes that rounding excuses.
    fn within_rounding(&mut self, magnitude: &[f64]) -> Result<Option<usize>, CircuitError> {
        let circuit = Arc::clone(&self.circuit);
        let now = self.v.clone();
        let diagonal = circuit.pattern().diagonal_slots();
        for (n, (&slot, v)) in diagonal.iter().zip(&now[1..]).enumerate() {
            // Signs without pattern, the same in every run.
            let sign = if (n as u32).wrapping_mul(2_654_435_761) & 0x8000 == 0 { 1.0 } else { -1.0 };
            let size = self.matrix.values()[slot as usize].norm() * v.norm() * f64::EPSILON;
            self.injection[n + 1] = Complex64::new(sign * size, 0.0);
        }
        self.solve_linear()?;
        let rounding_v: Vec<f64> = self.v.iter().map(|v| v.norm()).collect();
        self.v.clone_from(&now);
        // Generators that hold a voltage move their vars with every look at it; a mere look must not.
        let regulates = |&&i: &&u32| matches!(&circuit.elements()[i as usize].model, Model::Generator(m) if m.regulates_voltage());
        let vars: Vec<_> = circuit.converters().iter().filter(regulates).map(|&i| (i as usize, self.varying[i as usize].clone())).collect();
        self.inject_sources();
        self.add_converters();
        self.solve_linear()?;
        let excused = self.excused_by(&rounding_v, magnitude, circuit.inverse_base());
        if excused.is_none() {
            self.v = now;
            vars.into_iter().for_each(|(i, before)| self.varying[i] = before);
        }
        Ok(excused)
    }

    /// The number of nodes that moved beyond the tolerance, if rounding explains every one of them.
    fn excused_by(&self, rounding_v: &[f64], magnitude: &[f64], inverse_base: &[f64]) -> Option<usize> {
        let mut excused = 0;
        for n in 1..self.v.len() {
            let change_v = (self.v[n].norm() - magnitude[n]).abs();
            let base_v = if inverse_base[n] > 0.0 { 1.0 / inverse_base[n] } else { self.v[n].norm() };
            if change_v <= self.options.tolerance_pu * base_v {
                continue;
            }
            if change_v > ROUNDING_MARGIN * rounding_v[n] {
                return None;
            }
            excused += 1;
        }
        Some(excused)
    }

    /// Sets the injection to that of the sources alone.
    pub(crate) fn inject_sources(&mut self) {
        self.inject_sources_from(0);
    }

    /// As [`State::inject_sources`] for the nodes from number `first` on; what is left of the others suits [`State::solve_trailing`] alone.
    fn inject_sources_from(&mut self, first: usize) {
        self.injection[first..].copy_from_slice(&self.circuit.source_injection()[first..]);
        for &i in self.circuit.sources() {
            let e = &self.circuit.elements()[i as usize];
            let follows = e.model.follows();
            let usual = follows.map_or(1.0, |f| f.otherwise);
            if let Some(open) = self.open_source_injection(i as usize) {
                for ((&n, now), closed) in e.nodes.iter().zip(open).zip(e.model.source_injection()) {
                    self.injection[n as usize] += now - closed * usual;
                }
            } else if follows.is_some() {
                let beyond = self.source_scale(i as usize) - usual;
                for (&n, injected) in e.nodes.iter().zip(e.model.source_injection()) {
                    self.injection[n as usize] += injected * beyond;
                }
            }
        }
    }

    /// Adds what every converter injects beyond its admittance at the present voltages.
    pub(crate) fn add_converters(&mut self) {
        let circuit = Arc::clone(&self.circuit);
        let mut varying = std::mem::take(&mut self.varying);
        let mut injection = std::mem::take(&mut self.injection);
        self.bank.inject_all(circuit.loads(), &self.loads, &self.v, &mut injection);
        for &i in circuit.converters() {
            let i = i as usize;
            let e = &circuit.elements()[i];
            match &self.closed[i] {
                Some(closed) if closed.iter().any(|c| !c) => self.add_open_converter(i, &varying[i], &mut injection),
                _ => e.model.inject(&mut varying[i], &e.nodes, &self.v, &mut injection),
            }
        }
        if !self.placed.is_empty() {
            self.add_placed(&mut injection);
        }
        self.varying = varying;
        self.injection = injection;
    }

    /// A converter with open conductors. As in the reference engine a generator keeps generating beside its reduced
    /// admittance; of any other, the reduced admittance in the matrix is all there is.
    fn add_open_converter(&self, i: usize, varying: &crate::element::Varying, injection: &mut [Complex64]) {
        let e = &self.circuit.elements()[i];
        if !matches!(e.model, Model::Generator(_)) {
            return;
        }
        let k = e.nodes.len();
        let mut current = vec![ZERO; k];
        e.model.currents(varying, &e.nodes, &self.v, &mut current);
        let y = self.primitives[i].as_slice();
        for row in 0..k {
            let mut drawn = ZERO;
            for column in 0..k {
                drawn += y[row * k + column] * self.v[e.nodes[column] as usize];
            }
            injection[e.nodes[row] as usize] += drawn - current[row];
        }
    }
}

/// Largest change of a magnitude since the last iteration, and remembers the new ones.
///
/// `inverse_base` is 1/V by node number, 0 where the node has no base: there the change is relative to the node's own magnitude.
/// A change that is not a number comes back as one.
fn largest_change(v: &[Complex64], magnitude: &mut [f64], inverse_base: &[f64], without_base: impl Iterator<Item = usize>) -> f64 {
    let mut largest = 0.0_f64;
    for n in without_base {
        let (now, saved) = (v[n].norm_sqr().sqrt(), magnitude[n]);
        let change = if now != 0.0 { (1.0 - saved / now).abs() } else { 0.0 };
        // Not `max`: a change that is not a number must not be lost.
        if change > largest || change.is_nan() {
            largest = change;
        }
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the feature.
        let based = unsafe { largest_change_avx2(v, magnitude, inverse_base) };
        return if based > largest || based.is_nan() { based } else { largest };
    }
    let based = largest_change_based(v, magnitude, inverse_base);
    if based > largest || based.is_nan() { based } else { largest }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn largest_change_avx2(v: &[Complex64], magnitude: &mut [f64], inverse_base: &[f64]) -> f64 {
    largest_change_based(v, magnitude, inverse_base)
}

/// The part of [`largest_change`] for nodes with a base, in lanes that a compiler can put side by side.
#[inline(always)]
fn largest_change_based(v: &[Complex64], magnitude: &mut [f64], inverse_base: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut largest = [0.0_f64; LANES];
    // Of a value that is no number the sum is none either, which a comparison would lose.
    let mut sum = [0.0_f64; LANES];
    let n = v.len().min(magnitude.len()).min(inverse_base.len());
    let whole = n - n % LANES;
    let chunks =
        v[..whole].chunks_exact(LANES).zip(magnitude[..whole].chunks_exact_mut(LANES)).zip(inverse_base[..whole].chunks_exact(LANES));
    for ((v, saved), inverse_base) in chunks {
        for k in 0..LANES {
            let now = (v[k].re * v[k].re + v[k].im * v[k].im).sqrt();
            let change = (now - saved[k]).abs() * inverse_base[k];
            saved[k] = now;
            largest[k] = if change > largest[k] { change } else { largest[k] };
            sum[k] += change;
        }
    }
    for k in whole..n {
        let now = v[k].norm_sqr().sqrt();
        let change = (now - magnitude[k]).abs() * inverse_base[k];
        magnitude[k] = now;
        largest[0] = if change > largest[0] { change } else { largest[0] };
        sum[0] += change;
    }
    if sum.iter().sum::<f64>().is_nan() { f64::NAN } else { largest.into_iter().fold(0.0, f64::max) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirteen nodes, one of them without a base, one at rest, and one that is no number.
    #[test]
    fn changes_are_per_unit_of_the_base_or_of_the_node_itself() {
        let v: Vec<Complex64> = (0..13).map(|k| Complex64::from_polar(100.0 + f64::from(k), 0.3 * f64::from(k))).collect();
        let mut magnitude: Vec<f64> = (0..13).map(|k| 100.0 + f64::from(k) - if k == 7 { 2.0 } else { 0.0 }).collect();
        let mut inverse_base = vec![0.01; 13];
        let change = largest_change(&v, &mut magnitude.clone(), &inverse_base, std::iter::empty());
        assert!((change - 0.02).abs() < 1e-14, "{change}");
        inverse_base[7] = 0.0;
        let change = largest_change(&v, &mut magnitude.clone(), &inverse_base, std::iter::once(7));
        assert!((change - (1.0 - 105.0 / 107.0)).abs() < 1e-14, "{change}");
        let mut broken = v.clone();
        broken[11].re = f64::NAN;
        assert!(largest_change(&broken, &mut magnitude, &inverse_base, std::iter::empty()).is_nan());
    }
}
