//! One row of a monitor, read of a solved step.

use super::{Quantity, Scope, Scratch, Watch};
use crate::element::{Model, Varying};
use crate::pc::to_sequence;
use crate::series::Step;
use crate::state::State;
use network::{SolutionMode, StorageMode};
use num_complex::Complex64;

/// Magnitude and degrees as the two parts of a number.
fn polar(z: Complex64) -> Complex64 {
    Complex64::new(z.norm(), z.arg().to_degrees())
}

fn push(out: &mut Vec<f64>, z: Complex64) {
    out.push(z.re);
    out.push(z.im);
}

/// −1 charging, 0 idling, 1 discharging.
pub(super) fn storage_sign(mode: StorageMode) -> f64 {
    match mode {
        StorageMode::Charging => -1.0,
        StorageMode::Idling => 0.0,
        StorageMode::Discharging => 1.0,
    }
}

/// Number of a mode, as mode-5 records have it.
fn mode_number(mode: SolutionMode) -> f64 {
    f64::from(match mode {
        SolutionMode::Snapshot => 0,
        SolutionMode::Daily => 1,
        SolutionMode::Yearly => 2,
        SolutionMode::MonteCarlo1 => 3,
        SolutionMode::LoadDuration1 => 4,
        SolutionMode::PeakDay => 5,
        SolutionMode::DutyCycle => 6,
        SolutionMode::Direct => 7,
        SolutionMode::MonteFault => 8,
        SolutionMode::FaultStudy => 9,
        SolutionMode::MonteCarlo2 => 10,
        SolutionMode::MonteCarlo3 => 11,
        SolutionMode::LoadDuration2 => 12,
        SolutionMode::AutoAdd => 13,
        SolutionMode::Dynamics => 14,
        SolutionMode::Harmonics => 15,
        SolutionMode::GeneralTime => 16,
        SolutionMode::HarmonicsT => 17,
    })
}

impl Watch {
    /// Adds the values of one row. Those of an element out of service are zero where it carries them and the nodes' where it does not.
    pub(super) fn read(&self, step: &Step<'_>, solutions: u64, scratch: &mut Scratch, out: &mut Vec<f64>) {
        let state = step.state;
        match self.quantity {
            Quantity::VoltageCurrent { sequence, scope, polar, residual } => {
                self.read_voltage_current(state, scratch, out, (sequence, scope, polar, residual));
            }
            Quantity::Power { sequence, scope, polar } => self.read_power(state, scratch, out, (sequence, scope, polar)),
            Quantity::Tap => {
                let transformer = &state.circuit.network().transformers[self.element.index()];
                let stored = || transformer.windings[self.terminal].tap_pu;
                out.push(state.taps(self.element).map_or_else(stored, |taps| taps[self.terminal]));
            }
            Quantity::Variables => self.variables.read(state, self, scratch, out),
            // The voltages; what the meter makes of them needs all of the series.
            Quantity::Flicker { .. } => self.nodes[..self.n_phases].iter().for_each(|&n| push(out, polar(state.v[n as usize]))),
            Quantity::Solution => read_solution(step, solutions, out),
            Quantity::Steps => {
                let stored = &state.circuit.network().capacitors[self.element.index()].steps;
                let steps = state.capacitor_steps(self.element).unwrap_or(stored);
                out.extend(steps.iter().map(|&closed| f64::from(u8::from(closed))));
            }
            Quantity::Storage => self.read_storage(state, out),
            Quantity::WindingCurrents => {
                if let Some((Model::Transformer(t), Varying::Taps(taps))) = self.model(state) {
                    self.all_voltages(state, &mut scratch.v);
                    t.winding_currents(taps, &scratch.v, &mut scratch.other);
                    // The same current enters a winding at one end and leaves it at the other.
                    scratch.other.iter().step_by(2).for_each(|&i| push(out, polar(i)));
                }
            }
            Quantity::Losses => {
                self.own_currents(state, scratch);
                self.all_voltages(state, &mut scratch.v);
                let losses: Complex64 = scratch.v.iter().zip(&scratch.i).map(|(v, i)| v * i.conj()).sum();
                push(out, losses * state.phase_factor());
            }
            Quantity::WindingVoltages => {
                if let Some((Model::Transformer(t), _)) = self.model(state) {
                    self.all_voltages(state, &mut scratch.v);
                    let row = out.len();
                    out.resize(row + self.columns.len(), 0.0);
                    for winding in 0..self.n_terminals {
                        t.winding_voltages(winding, &scratch.v, &mut scratch.other);
                        for (phase, &v) in scratch.other.iter().enumerate() {
                            let (v, at) = (polar(v), row + 2 * (phase * self.n_terminals + winding));
                            (out[at], out[at + 1]) = (v.re, v.im);
                        }
                    }
                }
            }
            Quantity::Terminals => {
                self.all_voltages(state, &mut scratch.v);
                scratch.v.iter().for_each(|&v| push(out, polar(v)));
                self.push_all_currents(state, scratch, out);
            }
            Quantity::LineToLine => {
                self.all_voltages(state, &mut scratch.v);
                for terminal in scratch.v.chunks_exact(self.n_conductors) {
                    let phases = &terminal[..self.n_phases];
                    for (k, v) in phases.iter().enumerate() {
                        push(out, polar(v - phases[(k + 1) % phases.len()]));
                    }
                }
                self.push_all_currents(state, scratch, out);
            }
        }
    }

    fn push_all_currents(&self, state: &State, scratch: &mut Scratch, out: &mut Vec<f64>) {
        self.currents(state, scratch);
        scratch.i.iter().for_each(|&i| push(out, polar(i)));
    }

    fn model<'a>(&self, state: &'a State) -> Option<(&'a Model, &'a Varying)> {
        self.index.map(|i| (&state.circuit.elements()[i].model, &state.varying[i]))
    }

    /// Voltages of all conductors of all terminals.
    fn all_voltages(&self, state: &State, v: &mut Vec<Complex64>) {
        v.clear();
        match self.index {
            Some(i) => v.extend(state.circuit.elements()[i].nodes.iter().map(|&n| state.v[n as usize])),
            None => {
                let circuit = &state.circuit;
                let terminals = &circuit.network().common(self.element).terminals;
                let nodes = terminals.iter().flat_map(|t| t.nodes.iter().map(|&n| circuit.node_number(t.bus, n)));
                v.extend(nodes.map(|n| state.v[n as usize]));
            }
        }
    }

    /// Currents into all conductors, in `scratch.i`.
    fn own_currents(&self, state: &State, scratch: &mut Scratch) {
        scratch.i.clear();
        scratch.i.resize(self.n_terminals * self.n_conductors, Complex64::ZERO);
        if let Some(index) = self.index {
            state.element_currents_into(index, &mut scratch.i);
        }
    }

    /// Currents into all conductors as reports have them, in `scratch.i`.
    pub(super) fn currents(&self, state: &State, scratch: &mut Scratch) {
        self.own_currents(state, scratch);
        let Some(index) = self.index else { return };
        match &state.circuit.elements()[index].model {
            Model::Transformer(t) => t.report_currents(&mut scratch.i),
            Model::Source(_) if !self.neighbours.is_empty() => self.balance(state, index, scratch),
            _ => {}
        }
    }

    /// Currents of a source as what its neighbours draw, where that is the more exact: see [`State::reported_currents`].
    fn balance(&self, state: &State, index: usize, scratch: &mut Scratch) {
        let first = &state.circuit.elements()[index].nodes[..self.n_conductors];
        let Scratch { i, other, balance, noise, .. } = scratch;
        balance.clear();
        balance.resize(first.len(), Complex64::ZERO);
        noise.clear();
        noise.resize(first.len(), 0.0);
        for &neighbour in &self.neighbours {
            let e = &state.circuit.elements()[neighbour as usize];
            other.clear();
            other.resize(e.nodes.len(), Complex64::ZERO);
            state.element_currents_into(neighbour as usize, other);
            for (k, n) in e.nodes.iter().enumerate() {
                if let Some(at) = first.iter().position(|f| f == n) {
                    balance[at] -= other[k];
                    noise[at] += state.conductor_rounding_a(neighbour as usize, k);
                }
            }
        }
        if (0..first.len()).all(|k| noise[k] < state.conductor_rounding_a(index, k)) {
            for (k, &balanced) in balance.iter().enumerate() {
                i[k] = balanced;
                i[first.len() + k] = -balanced;
            }
        }
    }

    /// Voltages and currents of the terminal, in the first places of `scratch.v` and `scratch.i`, as phases or components.
    fn terminal_quantities(&self, state: &State, scratch: &mut Scratch, sequence: bool) -> usize {
        self.currents(state, scratch);
        let from = self.terminal * self.n_conductors;
        scratch.i.copy_within(from..from + self.n_conductors, 0);
        scratch.v.clear();
        scratch.v.extend(self.nodes.iter().map(|&n| state.v[n as usize]));
        if !sequence {
            return self.n_conductors;
        }
        for of_three in [&mut scratch.v, &mut scratch.i] {
            let components = to_sequence([of_three[0], of_three[1], of_three[2]]);
            of_three[..3].copy_from_slice(&components);
        }
        3
    }

    fn read_voltage_current(
        &self,
        state: &State,
        scratch: &mut Scratch,
        out: &mut Vec<f64>,
        (sequence, scope, is_polar, residual): (bool, Scope, bool, bool),
    ) {
        let n = self.terminal_quantities(state, scratch, sequence);
        let shown = |z: Complex64| if is_polar { polar(z) } else { z };
        for values in [&scratch.v[..n], &scratch.i[..n]] {
            match scope {
                Scope::Whole => values.iter().for_each(|&z| push(out, shown(z))),
                Scope::Magnitudes => out.extend(values.iter().map(|&z| shown(z).re)),
                Scope::Positive if sequence => push(out, shown(values[1])),
                Scope::PositiveMagnitude if sequence => out.push(shown(values[1]).re),
                Scope::Positive | Scope::PositiveMagnitude => {
                    // The mean of the first numbers, and the sum of the second ones.
                    let sum: Complex64 = values[..self.n_phases].iter().map(|&z| shown(z)).sum();
                    out.push(sum.re / self.n_phases as f64);
                    if scope == Scope::Positive {
                        out.push(sum.im);
                    }
                }
            }
            if residual && matches!(scope, Scope::Whole | Scope::Magnitudes) {
                let sum = shown(values[..self.n_phases.min(n)].iter().sum());
                out.push(sum.re);
                if scope == Scope::Whole {
                    out.push(sum.im);
                }
            }
        }
    }

    fn read_power(&self, state: &State, scratch: &mut Scratch, out: &mut Vec<f64>, (sequence, scope, is_polar): (bool, Scope, bool)) {
        let n = self.terminal_quantities(state, scratch, sequence);
        let factor = if sequence { 3.0 } else { state.phase_factor() } * 1e-3;
        let shown = |k: usize| {
            let s = scratch.v[k] * scratch.i[k].conj() * factor;
            if is_polar { polar(s) } else { s }
        };
        match scope {
            Scope::Whole => (0..n).for_each(|k| push(out, shown(k))),
            Scope::Magnitudes => out.extend((0..n).map(|k| shown(k).re)),
            Scope::Positive if sequence => push(out, shown(1)),
            Scope::PositiveMagnitude if sequence => out.push(shown(1).re),
            Scope::Positive => push(out, (0..self.n_phases).map(shown).sum()),
            Scope::PositiveMagnitude => out.push((0..self.n_phases).map(|k| shown(k).re).sum()),
        }
    }

    fn read_storage(&self, state: &State, out: &mut Vec<f64>) {
        let Some((Model::Storage(m), Varying::Storage(s))) = self.model(state) else {
            out.resize(out.len() + self.columns.len(), 0.0);
            return;
        };
        let share_pct = s.stored_kwh / m.energy_limits_kwh().0 * 100.0;
        out.extend([s.inverter.kw_out, s.inverter.kvar_out, s.stored_kwh, share_pct, storage_sign(s.mode)]);
    }
}

/// The engine keeps no clock of its own, so that the two times of computing are zero.
fn read_solution(step: &Step<'_>, solutions: u64, out: &mut Vec<f64>) {
    let (p, o) = (&step.progress, &step.state.options);
    out.extend([
        f64::from(p.convergence.iterations),
        f64::from(p.control_iterations),
        f64::from(o.max_iterations),
        f64::from(o.max_control_iterations),
        f64::from(u8::from(p.convergence.settled)),
        o.step_s / 3600.0,
        solutions as f64,
        mode_number(o.mode),
        step.state.circuit.frequency_hz(),
        f64::from(o.year),
        0.0,
        0.0,
    ]);
}
