//! Induction machine in symmetrical components, at a slip that is given or follows the power.
//!
//! Each sequence sees `Z = Zs + Zm ∥ (Zr + Rr (1 - s)/s)` at its slip: `s` in the positive, `2 - s` in the negative sequence; the zero
//! sequence carries nothing. With a variable slip every evaluation moves it towards the power wanted, by the slope `ds/dP` of rated
//! slip and voltage: `s += ds/dP (P - Re V1 I1*)`, with the current of the evaluation before, bounded by the largest slip.
//! In the matrix stands `-j/Zbase` a phase.
//!
//! Fault study: the admittance behind the transient impedance `Rs + j(Xs + Xr Xm/(Xr + Xm))` stands in the matrix.
//!
//! Source: behaviour of OpenDSS 0.14.5 (IndMach012).

use super::generation::{from_sequence, source_base_v, to_sequence};
use super::generator::inject_difference;
use super::{Moment, PcError};
use crate::dense::CMatrix;
use network::{Connection, ElementId, ElementKind, Network, Shapes, SolutionMode};
use num_complex::Complex64;

/// √3 as the slope of slip over power is computed with.
const ROUGH_SQRT3: f64 = 1.732;
/// A delta machine's diagonal in fault study is larger by this, so that it does not float.
const FLOATING_DELTA: f64 = 1.000001;

/// What an induction machine is made of, compiled once.
#[derive(Clone, Debug)]
pub struct InductionMachineModel {
    connection: Connection,
    p_w: f64,
    z_stator: Complex64,
    z_rotor: Complex64,
    z_magnetising: Complex64,
    y_matrix: Complex64,
    y_transient: Complex64,
    slip: f64,
    slip_max: f64,
    slip_fixed: bool,
    slip_per_w: f64,
    rated_v: f64,
    shapes: Shapes,
    base_frequency_hz: f64,
}

/// What changes of an induction machine while solving.
#[derive(Clone, Debug, PartialEq)]
pub struct InductionMachineState {
    /// Power wanted, W a phase, into the machine.
    pub p_w: f64,
    pub slip: f64,
    /// Stator currents of the positive and negative sequence in the last evaluation, A.
    pub i1: Complex64,
    pub i2: Complex64,
    /// Line-to-neutral admittance in the system matrix, S.
    pub y_matrix: Complex64,
    started: bool,
    dynamic: bool,
    shape_is_actual: bool,
}

/// Currents and losses of a machine at its present slip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunningMachine {
    /// Stator and rotor currents of the positive (1) and negative (2) sequence, A.
    pub stator_1_a: f64,
    pub stator_2_a: f64,
    pub rotor_1_a: f64,
    pub rotor_2_a: f64,
    /// Of all three phases, W.
    pub stator_loss_w: f64,
    pub rotor_loss_w: f64,
    /// Mechanical power, W.
    pub shaft_w: f64,
}

impl InductionMachineModel {
    /// Slip before anything was solved.
    pub fn initial_slip(&self) -> f64 {
        self.slip
    }

    /// Currents, losses and mechanical power at the voltages `v` and the present slip.
    ///
    /// The rotor takes of each stator current what the magnetising reactance leaves.
    ///
    /// # Panics
    /// When `nodes` is shorter than three.
    pub fn running(&self, state: &InductionMachineState, nodes: &[u32], v: &[Complex64]) -> RunningMachine {
        let [_, v1, v2] = Self::sequence_voltages(nodes, v);
        let slips = [state.slip, 2.0 - state.slip];
        let stator = [self.stator_current(v1, slips[0]), self.stator_current(v2, slips[1])];
        let rotor = [(v1, stator[0]), (v2, stator[1])].map(|(v, i)| i - (v - i * self.z_stator) / self.z_magnetising);
        let squares = |i: [Complex64; 2]| i[0].norm_sqr() + i[1].norm_sqr();
        let shaft = |k: usize| rotor[k].norm_sqr() * (1.0 - slips[k]) / slips[k];
        RunningMachine {
            stator_1_a: stator[0].norm(),
            stator_2_a: stator[1].norm(),
            rotor_1_a: rotor[0].norm(),
            rotor_2_a: rotor[1].norm(),
            stator_loss_w: 3.0 * squares(stator) * self.z_stator.re,
            rotor_loss_w: 3.0 * squares(rotor) * self.z_rotor.re,
            shaft_w: 3.0 * (shaft(0) + shaft(1)) * self.z_rotor.re,
        }
    }

    /// Compiles induction machine number `index` of the network.
    ///
    /// # Errors
    /// [`PcError`]: other than three phases and conductors, rated voltage or kVA zero.
    pub fn compile(network: &Network, index: usize) -> Result<Self, PcError> {
        let m = network.induction_machines.get(index).ok_or(PcError::Index { class: "indmach012", index })?;
        let name = network.full_name(ElementId::new(ElementKind::InductionMachine, index));
        if m.common.n_phases != 3 {
            return Err(PcError::Phases { element: name, n_phases: m.common.n_phases });
        }
        if m.common.n_conductors() != 3 {
            return Err(PcError::Conductors { element: name, n_phases: 3, expected: 3, found: m.common.n_conductors() });
        }
        source_base_v(&name, m.kv, m.kv)?;
        if !(m.kva.is_finite() && m.kva > 0.0) {
            return Err(PcError::Rating { element: name, quantity: "kVA", value: m.kva });
        }
        let z_base = m.kv * m.kv / m.kva * 1000.0;
        let (xs, xr, xm) = (m.x_stator_pu * z_base, m.x_rotor_pu * z_base, m.x_magnetising_pu * z_base);
        let x_transient = xs + xr * xm / (xr + xm);
        let mut model = Self {
            connection: m.connection,
            p_w: 1000.0 * m.p_kw / 3.0,
            z_stator: Complex64::new(m.r_stator_pu * z_base, xs),
            z_rotor: Complex64::new(m.r_rotor_pu * z_base, xr),
            z_magnetising: Complex64::new(0.0, xm),
            y_matrix: Complex64::new(0.0, -1.0 / z_base),
            y_transient: Complex64::new(m.r_stator_pu * z_base, x_transient).inv(),
            slip: 0.0,
            slip_max: m.slip_max,
            slip_fixed: m.slip_fixed,
            slip_per_w: 0.0,
            rated_v: m.kv * 1000.0 / ROUGH_SQRT3,
            shapes: m.shapes,
            base_frequency_hz: m.common.base_frequency_hz,
        };
        model.slip = model.bounded(m.slip);
        let v = Complex64::new(model.rated_v, 0.0);
        let power = (v * model.stator_current(v, model.slip).conj()).re;
        model.slip_per_w = if model.slip == 0.0 || power == 0.0 { 0.0 } else { model.slip / power };
        Ok(model)
    }

    /// State before any solution; `update` or `linearise` comes next.
    pub fn initial_state(&self) -> InductionMachineState {
        InductionMachineState {
            p_w: 0.0,
            slip: self.slip,
            i1: Complex64::ZERO,
            i2: Complex64::ZERO,
            y_matrix: Complex64::ZERO,
            started: false,
            dynamic: false,
            shape_is_actual: false,
        }
    }

    /// Number of conductors of the terminal.
    pub fn n_conductors(&self) -> usize {
        3
    }

    fn bounded(&self, slip: f64) -> f64 {
        if slip.abs() > self.slip_max { self.slip_max.copysign(slip) } else { slip }
    }

    /// Stator current of one sequence at voltage `v` and its slip.
    fn stator_current(&self, v: Complex64, slip: f64) -> Complex64 {
        let load_r = if slip == 0.0 { self.z_rotor.re * 1e6 } else { self.z_rotor.re * (1.0 - slip) / slip };
        let rotor = self.z_rotor + load_r;
        v / (self.z_stator + self.z_magnetising * rotor / (rotor + self.z_magnetising))
    }

    /// Power wanted at the moment: shape by mode.
    pub fn update(&self, state: &mut InductionMachineState, moment: &Moment) {
        state.dynamic = moment.is_dynamic();
        if state.dynamic {
            return;
        }
        let s = &self.shapes;
        let shape = match moment.shape_mode() {
            SolutionMode::Yearly => s.yearly,
            SolutionMode::DutyCycle => s.duty.or(s.daily),
            SolutionMode::Daily
            | SolutionMode::MonteCarlo2
            | SolutionMode::MonteCarlo3
            | SolutionMode::LoadDuration1
            | SolutionMode::LoadDuration2
            | SolutionMode::PeakDay => s.daily,
            _ => None,
        };
        let factor = shape.map_or(1.0, |id| {
            let shape = &moment.network.load_shapes[id.index()];
            state.shape_is_actual = shape.use_actual;
            shape.at(moment.hour).0
        });
        state.p_w = if state.shape_is_actual { 1000.0 * factor / 3.0 } else { self.p_w * factor };
    }

    /// `update`, and the admittance of the moment becomes the one in the system matrix.
    pub fn linearise(&self, state: &mut InductionMachineState, moment: &Moment) {
        self.update(state, moment);
        let y = if state.dynamic { self.y_transient } else { self.y_matrix };
        state.y_matrix = Complex64::new(y.re, y.im * self.base_frequency_hz / moment.frequency_hz);
    }

    /// Admittance matrix that stands in the system matrix since the last `linearise`, S, conductors square.
    pub fn yprim(&self, state: &InductionMachineState, _moment: &Moment) -> CMatrix {
        self.admittance_matrix(state)
    }

    fn admittance_matrix(&self, state: &InductionMachineState) -> CMatrix {
        let y = state.y_matrix;
        match (self.connection, state.dynamic) {
            (Connection::Wye, _) => CMatrix::from_diagonal(&[y; 3]),
            (Connection::Delta, false) => CMatrix::balanced(3, y / 3.0 * 2.0, -y / 3.0),
            (Connection::Delta, true) => CMatrix::balanced(3, y / 3.0 * (2.0 + FLOATING_DELTA), -y / 3.0),
        }
    }

    fn sequence_voltages(nodes: &[u32], v: &[Complex64]) -> [Complex64; 3] {
        to_sequence([v[nodes[0] as usize], v[nodes[1] as usize], v[nodes[2] as usize]])
    }

    /// Moves the slip by the voltages `v` and the current of the evaluation before.
    fn evaluate(&self, state: &mut InductionMachineState, nodes: &[u32], v: &[Complex64]) {
        let [_, v1, v2] = Self::sequence_voltages(nodes, v);
        if !state.started {
            state.i1 = self.stator_current(v1, state.slip);
            state.started = true;
        }
        if !self.slip_fixed {
            let error_w = state.p_w - (v1 * state.i1.conj()).re;
            state.slip = self.bounded(state.slip + self.slip_per_w * error_w);
        }
        state.i1 = self.stator_current(v1, state.slip);
        state.i2 = self.stator_current(v2, 2.0 - state.slip);
    }

    /// Currents into the conductors at the voltages `v` (V by node, `v[0]` the earth) and the present slip, A, one a conductor.
    ///
    /// # Panics
    /// When `nodes` or `i` is shorter than three.
    pub fn currents(&self, state: &InductionMachineState, nodes: &[u32], v: &[Complex64], i: &mut [Complex64]) {
        let [_, v1, v2] = Self::sequence_voltages(nodes, v);
        let i1 = self.stator_current(v1, state.slip);
        let i2 = self.stator_current(v2, 2.0 - state.slip);
        i[..3].copy_from_slice(&from_sequence([Complex64::ZERO, i1, i2]));
    }

    /// Moves the slip, then adds `Yprim v - i(v)` to `injection`, A by node: one call an iteration.
    pub fn inject(&self, state: &mut InductionMachineState, nodes: &[u32], v: &[Complex64], injection: &mut [Complex64]) {
        self.evaluate(state, nodes, v);
        let i = from_sequence([Complex64::ZERO, state.i1, state.i2]);
        inject_difference(&self.admittance_matrix(state), &i, nodes, v, injection);
    }
}
