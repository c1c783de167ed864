//! Capacitors, reactors and faults: elements that join a bus to earth or to another bus.
//!
//! In wye there are two terminals; the second is at earth unless a bus is named, and then the element is in series. In delta there is one
//! terminal, and phase `i` lies between conductors `i` and `i + 1`, the last phase back to conductor 1. One or two phases in delta are an
//! open delta on one conductor more.
//!
//! A capacitor bank is the sum of its closed steps. Each step has capacitance, and possibly a resistance and reactance in series, which
//! may be tuned: `X_L = X_C/h²` for the harmonic `h`, then with `R = X_L/1000` unless one is given. In delta the series part is put into the
//! conductors, not the phases: the nodal matrix, its first diagonal entries grown by a millionth, is inverted, and the series impedance
//! added to those entries before the matrix is inverted back. This is OpenDSS's way, and its numbers.

use num_complex::Complex64;

use super::{
    GIC_FREQUENCY_MAX_HZ, Primitive, YprimError, diagonal_trace, join_phases, join_terminals, join_terminals_exactly, require,
    require_count, require_positive, sequence_to_phase,
};
use crate::dense::CMatrix;

/// Part of a shunt's diagonal that stays in the series matrix.
const SERIES_TRACE: f64 = 1e-10;
/// Growth of the diagonal of a delta before it is inverted, to be invertible at all.
const DELTA_GROWTH: f64 = 1.000_001;

/// How the phases are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connection {
    /// To the second terminal.
    #[default]
    Wye,
    /// Among each other.
    Delta,
    /// Among each other in a row, not closed to a ring, with one conductor more than phases. Delta of one or two phases is the same.
    OpenDelta,
}

/// Voltage across one phase of an element rated `kv`: line to neutral for a wye of two or three phases.
fn phase_kv(kv: f64, n_phases: usize, connection: Connection) -> f64 {
    match (connection, n_phases) {
        (Connection::Wye, 2 | 3) => kv / 3.0_f64.sqrt(),
        _ => kv,
    }
}

/// Conductors of the terminal of a delta, closed or open, with `n_phases`.
fn delta_conductors(connection: Connection, n_phases: usize) -> usize {
    if n_phases <= 2 || connection == Connection::OpenDelta { n_phases + 1 } else { n_phases }
}

/// The same admittance `y` in each phase of a delta.
fn delta_phases(connection: Connection, n_phases: usize, y: Complex64) -> CMatrix {
    let order = delta_conductors(connection, n_phases);
    let mut matrix = CMatrix::square(order);
    for i in 0..n_phases {
        matrix.add_branch(i, (i + 1) % order, y);
    }
    matrix
}

/// Capacitance of a capacitor bank.
#[derive(Debug, Clone, PartialEq)]
pub enum CapacitorSize {
    /// Rating of each step for all phases, at `kv` and the base frequency. As in OpenDSS, every step has the capacitance of
    /// the first one's rating.
    Kvar {
        /// Ratings, kvar.
        kvar: Vec<f64>,
        /// Voltage of the ratings, kV: line to line for two and three phases and in delta, else across a phase.
        kv: f64,
    },
    /// Capacitance a phase of each step, microfarad.
    Microfarad(Vec<f64>),
    /// Nodal capacitance matrix of every step, row-major, phases x phases, microfarad. Wye only.
    Matrix(Vec<f64>),
}

/// One step of a capacitor bank, but for its capacitance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CapacitorStep {
    /// Series resistance, ohm.
    pub r_ohm: f64,
    /// Series reactance at the base frequency, ohm. Not used when the step is tuned.
    pub x_l_ohm: f64,
    /// Harmonic to which a series reactor tunes the step; 0 is not tuned.
    pub harmonic: f64,
    /// Whether the step is in service.
    pub is_closed: bool,
}

impl CapacitorStep {
    /// A closed step without reactor.
    pub const CLOSED: Self = Self { r_ohm: 0.0, x_l_ohm: 0.0, harmonic: 0.0, is_closed: true };
}

/// One capacitor bank.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacitor {
    /// Number of phases.
    pub n_phases: usize,
    /// How they are connected.
    pub connection: Connection,
    /// Its capacitance.
    pub size: CapacitorSize,
    /// The steps.
    pub steps: Vec<CapacitorStep>,
    /// False when the second terminal is at another bus.
    pub is_shunt: bool,
    /// Frequency that ratings and reactances are given for, hertz.
    pub base_frequency_hz: f64,
    /// Frequency of the solution, hertz.
    pub frequency_hz: f64,
}

/// Primitive admittance of a capacitor bank, siemens: `2 n_phases` conductors in wye; in delta `n_phases`, and one more for one or
/// two phases.
///
/// # Errors
/// `Quantity` for a closed step without capacitance or a frequency that is not positive, `Count` when a matrix or list does not fit,
/// `NoDelta` for a matrix in delta, `Matrix` when capacitance and reactor cannot be combined: a capacitance matrix between
/// two terminals with a series reactor is such a case.
pub fn capacitor(input: &Capacitor) -> Result<Primitive, YprimError> {
    require_positive("base_frequency_hz", input.base_frequency_hz)?;
    require_positive("frequency_hz", input.frequency_hz)?;
    let order = match input.connection {
        Connection::Delta | Connection::OpenDelta => delta_conductors(input.connection, input.n_phases),
        Connection::Wye => 2 * input.n_phases,
    };
    let mut total = CMatrix::square(order);
    // The phases of a delta's step are added to what the closed steps before it left: so OpenDSS has it, and a bank of
    // two equal steps in delta counts for three.
    let mut delta = CMatrix::square(order);
    for (index, step) in input.steps.iter().enumerate() {
        if step.is_closed {
            let one = capacitor_step(input, index, step, &delta)?;
            total += &one;
            if input.connection != Connection::Wye {
                delta = one;
            }
        }
    }
    let series = if input.is_shunt { diagonal_trace(&total, SERIES_TRACE) } else { total.clone() };
    Ok(Primitive { total, series })
}

/// One step; in delta on top of the closed steps before it.
fn capacitor_step(input: &Capacitor, index: usize, step: &CapacitorStep, delta_before: &CMatrix) -> Result<CMatrix, YprimError> {
    let n = input.n_phases;
    let omega_base = std::f64::consts::TAU * input.base_frequency_hz;
    let omega = std::f64::consts::TAU * input.frequency_hz;
    let c_farad = match &input.size {
        CapacitorSize::Matrix(c_uf) => {
            if input.connection != Connection::Wye {
                return Err(YprimError::NoDelta { what: "a capacitance matrix" });
            }
            require_count("capacitance matrix", n * n, c_uf.len())?;
            let y = CMatrix::from_fn(n, n, |i, j| Complex64::new(0.0, c_uf[i * n + j] * 1e-6 * omega));
            let joined = join_terminals(&y);
            return match series_impedance(step, step.x_l_ohm, input) {
                Some(z) => add_in_series(&joined, n, z),
                None => Ok(joined),
            };
        }
        CapacitorSize::Kvar { kvar, kv } => {
            require_count("kvar", input.steps.len(), kvar.len())?;
            require_positive("kvar", kvar[0])?;
            let kv_phase = phase_kv(*kv, n, input.connection);
            1.0 / (omega_base * kv_phase * kv_phase * 1000.0 / (kvar[0] / n as f64))
        }
        CapacitorSize::Microfarad(c_uf) => {
            require_count("microfarad", input.steps.len(), c_uf.len())?;
            c_uf[index] * 1e-6
        }
    };
    require_positive("capacitance, F", c_farad)?;
    let x_l_ohm = if step.harmonic == 0.0 { step.x_l_ohm } else { 1.0 / (omega_base * c_farad) / (step.harmonic * step.harmonic) };
    let y = Complex64::new(0.0, c_farad * omega);
    match (input.connection, series_impedance(step, x_l_ohm, input)) {
        (Connection::Wye, None) => Ok(join_phases(n, y)),
        (Connection::Wye, Some(z)) => Ok(join_phases(n, (z + y.inv()).inv())),
        (Connection::Delta | Connection::OpenDelta, None) => {
            let mut sum = delta_phases(input.connection, n, y);
            sum += delta_before;
            Ok(sum)
        }
        (Connection::Delta | Connection::OpenDelta, Some(z)) => {
            let mut grown = delta_phases(input.connection, n, y);
            grown += delta_before;
            for i in 0..n {
                grown[(i, i)] *= DELTA_GROWTH;
            }
            add_in_series(&grown, n, z)
        }
    }
}

/// Impedance in series with a step at the solution's frequency, if there is any.
fn series_impedance(step: &CapacitorStep, x_l_ohm: f64, input: &Capacitor) -> Option<Complex64> {
    let r_ohm = if step.r_ohm == 0.0 && step.harmonic != 0.0 { x_l_ohm / 1000.0 } else { step.r_ohm };
    let ratio = input.frequency_hz / input.base_frequency_hz;
    let has_any = r_ohm + x_l_ohm.abs() > 0.0;
    has_any.then(|| Complex64::new(r_ohm, x_l_ohm * ratio))
}

/// Puts `z` in series with the first `n` conductors of `y`.
fn add_in_series(y: &CMatrix, n: usize, z: Complex64) -> Result<CMatrix, YprimError> {
    let mut impedance = y.inverse()?;
    for i in 0..n {
        impedance[(i, i)] += z;
    }
    Ok(impedance.inverse()?)
}

/// Impedance of a reactor.
#[derive(Debug, Clone, PartialEq)]
pub enum ReactorImpedance {
    /// Rated kvar of all phases at `kv`, and a resistance in series.
    Kvar {
        /// Rating, kvar.
        kvar: f64,
        /// Rated voltage, kV, line to line for two and three phases.
        kv: f64,
        /// Series resistance, ohm.
        r_ohm: f64,
    },
    /// Resistance and reactance in series, a phase.
    Rx {
        /// Resistance, ohm.
        r_ohm: f64,
        /// Reactance at the base frequency, ohm.
        x_ohm: f64,
    },
    /// Matrices, row-major, phases x phases.
    Matrix {
        /// Resistance, ohm.
        r_ohm: Vec<f64>,
        /// Reactance at the base frequency, ohm.
        x_ohm: Vec<f64>,
        /// Resistance and reactance are in parallel.
        is_parallel: bool,
    },
    /// Sequence impedances at the base frequency, ohm.
    Sequence {
        /// Positive sequence.
        z1_ohm: Complex64,
        /// Negative sequence.
        z2_ohm: Complex64,
        /// Zero sequence.
        z0_ohm: Complex64,
    },
}

/// One reactor.
#[derive(Debug, Clone, PartialEq)]
pub struct Reactor {
    /// Number of phases.
    pub n_phases: usize,
    /// How they are connected; delta with `Kvar` and `Rx` only.
    pub connection: Connection,
    /// Its impedance.
    pub impedance: ReactorImpedance,
    /// Resistance in parallel to each phase of `Kvar` and `Rx`, ohm; 0 is none.
    pub r_parallel_ohm: f64,
    /// Factors of resistance and inductance at the solution's frequency, from their curves; 1 without.
    pub curve_factors: (f64, f64),
    /// False when the second terminal is at another bus.
    pub is_shunt: bool,
    /// Frequency that reactances are given for, hertz.
    pub base_frequency_hz: f64,
    /// Frequency of the solution, hertz.
    pub frequency_hz: f64,
}

/// Primitive admittance of a reactor, siemens: `2 n_phases` conductors in wye; in delta `n_phases`, and one more for one or two phases.
///
/// With sequence impedances, one phase has a third of `z1`, and only three phases are coupled: so OpenDSS has it.
///
/// # Errors
/// `Quantity` for a rating or frequency that is not positive, `Count` when a matrix does not fit, `NoDelta` for matrices or sequence
/// impedances in delta, `Matrix` when there is no impedance to invert.
pub fn reactor(input: &Reactor) -> Result<Primitive, YprimError> {
    require_positive("base_frequency_hz", input.base_frequency_hz)?;
    require_positive("frequency_hz", input.frequency_hz)?;
    let n = input.n_phases;
    let is_gic = input.frequency_hz < GIC_FREQUENCY_MAX_HZ;
    let ratio = if is_gic { 0.0 } else { input.frequency_hz / input.base_frequency_hz };
    if input.connection != Connection::Wye {
        let what = match &input.impedance {
            ReactorImpedance::Matrix { .. } => Some("an impedance matrix"),
            ReactorImpedance::Sequence { .. } => Some("a set of sequence impedances"),
            _ => None,
        };
        if let Some(what) = what {
            return Err(YprimError::NoDelta { what });
        }
    }
    let total = match &input.impedance {
        ReactorImpedance::Kvar { kvar, kv, r_ohm } => {
            require_positive("kvar", *kvar)?;
            let kv_phase = phase_kv(*kv, n, input.connection);
            let x_ohm = kv_phase * kv_phase * 1000.0 / (kvar / n as f64);
            reactor_phases(input, *r_ohm, x_ohm, ratio)?
        }
        ReactorImpedance::Rx { r_ohm, x_ohm } => reactor_phases(input, *r_ohm, *x_ohm, ratio)?,
        ReactorImpedance::Matrix { r_ohm, x_ohm, is_parallel } => {
            require_count("resistance matrix", n * n, r_ohm.len())?;
            require_count("reactance matrix", n * n, x_ohm.len())?;
            let at = |values: &[f64], i: usize, j: usize| values[i * n + j];
            let y = if *is_parallel {
                let g = CMatrix::from_fn(n, n, |i, j| at(r_ohm, i, j).into()).inverse()?;
                let b = CMatrix::from_fn(n, n, |i, j| (-at(x_ohm, i, j)).into()).inverse()?;
                CMatrix::from_fn(n, n, |i, j| {
                    let b_siemens = if ratio > 0.0 { b[(i, j)].re / ratio } else { 0.0 };
                    Complex64::new(g[(i, j)].re, b_siemens)
                })
            } else {
                CMatrix::from_fn(n, n, |i, j| Complex64::new(at(r_ohm, i, j), at(x_ohm, i, j) * ratio)).inverse()?
            };
            join_terminals(&y)
        }
        ReactorImpedance::Sequence { z1_ohm, z2_ohm, z0_ohm } => {
            let scale = |z: Complex64| Complex64::new(z.re, z.im * ratio);
            let z = match n {
                1 => CMatrix::from_diagonal(&[scale(*z1_ohm) / 3.0]),
                3 => sequence_to_phase(*z1_ohm, *z2_ohm, *z0_ohm).map(scale),
                _ => {
                    let own = scale(*z2_ohm + *z1_ohm + *z0_ohm) / 3.0;
                    CMatrix::from_diagonal(&vec![own; n])
                }
            };
            join_terminals_exactly(&z.inverse()?)
        }
    };
    let series = match (input.is_shunt, n) {
        (false, _) => total.clone(),
        // One phase is taken for a neutral reactor, which stays.
        (true, 1) => diagonal_trace(&total, 1.0),
        (true, _) => diagonal_trace(&total, SERIES_TRACE),
    };
    Ok(Primitive { total, series })
}

fn reactor_phases(input: &Reactor, r_ohm: f64, x_ohm: f64, ratio: f64) -> Result<CMatrix, YprimError> {
    let n = input.n_phases;
    // A reactor without resistance gets X/R = 50 in a study of geomagnetic currents.
    let r_ohm = if ratio == 0.0 && x_ohm > 0.0 && r_ohm <= 0.0 { x_ohm / 50.0 } else { r_ohm };
    let (r_factor, l_factor) = input.curve_factors;
    let z = Complex64::new(r_ohm * r_factor, x_ohm * l_factor * ratio);
    require(z.norm() > 0.0 && z.norm().is_finite(), "reactor impedance, ohm", "other than zero", z.norm())?;
    let mut y = z.inv();
    if input.r_parallel_ohm != 0.0 {
        y += 1.0 / input.r_parallel_ohm;
    }
    Ok(match input.connection {
        Connection::Wye => join_phases(n, y),
        Connection::Delta | Connection::OpenDelta => delta_phases(input.connection, n, y),
    })
}

/// Primitive admittance of a fault by its resistance: `2 n_phases` conductors, siemens. Zero resistance is 0.0001 ohm.
#[must_use]
pub fn fault_conductance(n_phases: usize, r_ohm: f64, is_shunt: bool) -> Primitive {
    let g = if r_ohm == 0.0 { 10_000.0 } else { 1.0 / r_ohm };
    fault(join_phases(n_phases, g.into()), is_shunt)
}

/// Primitive admittance of a fault by its nodal conductance matrix, row-major, phases x phases, siemens.
///
/// # Errors
/// `Count` when the matrix does not fit.
pub fn fault_matrix(n_phases: usize, g_siemens: &[f64], is_shunt: bool) -> Result<Primitive, YprimError> {
    require_count("conductance matrix", n_phases * n_phases, g_siemens.len())?;
    let g = CMatrix::from_fn(n_phases, n_phases, |i, j| g_siemens[i * n_phases + j].into());
    Ok(fault(join_terminals(&g), is_shunt))
}

fn fault(total: CMatrix, is_shunt: bool) -> Primitive {
    if is_shunt { Primitive { series: CMatrix::square(total.rows()), total } } else { Primitive::joining(total) }
}
