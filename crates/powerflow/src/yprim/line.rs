//! Lines: a pi section of the whole length.
//!
//! The series impedance `Z` (ohm, whole length, at the solution's frequency) is inverted and joins the two ends; half of the shunt admittance
//! stands at each end.
//!
//! Data per unit of length, taken at the base frequency, are carried to another frequency `f = h f_base` as
//! `R + Rg (h - 1)` and `h (X - ½ k ln h)`, with the earth return `Rg`, `Xg` and `k = Xg / ln(658.5 √(ρ/f_base))`.
//! Matrices from line constants hold length and frequency already.
//!
//! **Long-line correction** (an option of the circuit, off by default, for sequence data only): each sequence is replaced by
//! the exact pi of its distributed line, `Z' = Zc sinh γl` and `Y' = 2/Zc · (cosh γl - 1)/sinh γl`. OpenDSS adds 1e-12 S of
//! conductance first, so that lines without capacitance have a `γ`.

use num_complex::Complex64;

use super::{GIC_FREQUENCY_MAX_HZ, OPEN_SIEMENS, Primitive, YprimError, join_terminals, require_count, require_positive};
use crate::dense::CMatrix;

/// Susceptance at each line end in the series matrix only, siemens: about 10 kvar at 345 kV, so that no bus floats.
const SERIES_END_SIEMENS: f64 = 4.2e-8;

/// Earth return that is part of per-length data, ohm per unit of length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarthReturn {
    /// Resistance at the base frequency.
    pub r_ohm: f64,
    /// Reactance at the base frequency.
    pub x_ohm: f64,
    /// Earth resistivity that they were made for, ohm metre.
    pub rho_ohm_m: f64,
}

/// What is known of a line.
#[derive(Debug, Clone, PartialEq)]
pub enum LineData {
    /// Sequence values per unit of length at the base frequency.
    Sequence {
        /// Positive-sequence impedance, ohm.
        z1_ohm: Complex64,
        /// Zero-sequence impedance, ohm; not used with one phase.
        z0_ohm: Complex64,
        /// Positive-sequence capacitance, nanofarad.
        c1_nf: f64,
        /// Zero-sequence capacitance, nanofarad; not used with one phase.
        c0_nf: f64,
        /// Correct for distributed parameters.
        long_line: bool,
    },
    /// Phase matrices per unit of length at the base frequency.
    Matrix {
        /// Series impedance, phases x phases, ohm.
        z_ohm: CMatrix,
        /// Nodal capacitance, row-major, phases x phases, nanofarad.
        c_nf: Vec<f64>,
    },
    /// Whole line at the solution's frequency, as line constants give it.
    Whole {
        /// Series impedance, phases x phases, ohm.
        z_ohm: CMatrix,
        /// Shunt admittance, phases x phases, siemens.
        y_siemens: CMatrix,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct LineInput {
    /// Number of phases, which is the number of conductors of each terminal.
    pub n_phases: usize,
    /// Length in its own unit. Not used with [`LineData::Whole`].
    pub length: f64,
    /// Factor that takes a value per unit of the data's length to one per unit of `length`.
    pub unit_factor: f64,
    /// Impedance and capacitance.
    pub data: LineData,
    /// Earth return for other frequencies than the base.
    pub earth: EarthReturn,
    /// Frequency that per-length data are given for, hertz.
    pub base_frequency_hz: f64,
    /// Frequency of the solution, hertz.
    pub frequency_hz: f64,
}

/// Primitive admittance of a line: `2 n_phases` conductors, siemens.
///
/// # Errors
/// `Matrix` when the series impedance is singular (a line without length or impedance), `Quantity` for a frequency that is
/// not positive, `Count` when a matrix does not fit the phases.
pub fn line(input: &LineInput) -> Result<Primitive, YprimError> {
    require_positive("base_frequency_hz", input.base_frequency_hz)?;
    require_positive("frequency_hz", input.frequency_hz)?;
    let n = input.n_phases;
    let (z_ohm, shunt) = match &input.data {
        LineData::Whole { z_ohm, y_siemens } => {
            check_order("z_ohm", n, z_ohm)?;
            check_order("y_siemens", n, y_siemens)?;
            (z_ohm.clone(), y_siemens.clone())
        }
        LineData::Matrix { z_ohm, c_nf } => {
            check_order("z_ohm", n, z_ohm)?;
            require_count("c_nf", n * n, c_nf.len())?;
            let per_nf = std::f64::consts::TAU * input.base_frequency_hz * 1e-9;
            let susceptance = CMatrix::from_fn(n, n, |i, j| Complex64::new(0.0, c_nf[i * n + j] * per_nf));
            (series_at_frequency(z_ohm, input), shunt_at_frequency(&susceptance, input))
        }
        LineData::Sequence { long_line: true, .. } => long_line(input)?,
        LineData::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf, .. } => {
            let (z0_ohm, c0_nf) = if n == 1 { (z1_ohm, c1_nf) } else { (z0_ohm, c0_nf) };
            let per_nf = std::f64::consts::TAU * input.base_frequency_hz * 1e-9;
            let z = balanced(n, *z1_ohm, *z0_ohm);
            let y = balanced(n, Complex64::new(0.0, c1_nf * per_nf), Complex64::new(0.0, c0_nf * per_nf));
            (series_at_frequency(&z, input), shunt_at_frequency(&y, input))
        }
    };

    let mut y = z_ohm.inverse()?;
    let is_gic = input.frequency_hz < GIC_FREQUENCY_MAX_HZ;
    if is_gic {
        y = positive_sequence_conductance(&z_ohm)?;
    }
    let mut total = join_terminals(&y);
    let mut series = total.clone();
    for i in 0..2 * n {
        series[(i, i)] += Complex64::new(0.0, SERIES_END_SIEMENS);
    }
    if !is_gic {
        total.add_block(0, 0, &shunt, 0.5);
        total.add_block(n, n, &shunt, 0.5);
    }
    Ok(Primitive { total, series })
}

/// Phase matrix of balanced sequence values: own `(2 v1 + v0)/3`, mutual `(v0 - v1)/3`.
fn balanced(n: usize, v1: Complex64, v0: Complex64) -> CMatrix {
    CMatrix::balanced(n, (v1 * 2.0 + v0) / 3.0, (v0 - v1) / 3.0)
}

fn check_order(quantity: &'static str, n: usize, matrix: &CMatrix) -> Result<(), YprimError> {
    require_count(quantity, n, matrix.rows())?;
    require_count(quantity, n, matrix.cols())
}

fn whole_length(input: &LineInput) -> f64 {
    input.length * input.unit_factor
}

fn frequency_ratio(input: &LineInput) -> f64 {
    input.frequency_hz / input.base_frequency_hz
}

/// `½ k ln h`, by which the earth's reactance shrinks per unit of length at `h` times the base frequency.
fn earth_reactance_shift(input: &LineInput) -> f64 {
    if input.earth.x_ohm == 0.0 {
        return 0.0;
    }
    let depth = (658.5 * (input.earth.rho_ohm_m / input.base_frequency_hz).sqrt()).ln();
    0.5 * (input.earth.x_ohm / depth) * frequency_ratio(input).ln()
}

fn series_at_frequency(z_per_length: &CMatrix, input: &LineInput) -> CMatrix {
    let length = whole_length(input);
    let ratio = frequency_ratio(input);
    let shift = earth_reactance_shift(input);
    z_per_length.map(|z| Complex64::new((z.re + input.earth.r_ohm * (ratio - 1.0)) * length, (z.im - shift) * length * ratio))
}

fn shunt_at_frequency(y_per_length: &CMatrix, input: &LineInput) -> CMatrix {
    let factor = whole_length(input) * frequency_ratio(input);
    y_per_length.map(|y| Complex64::new(0.0, y.im * factor))
}

/// Series impedance and shunt admittance of the whole line, corrected for its length.
fn long_line(input: &LineInput) -> Result<(CMatrix, CMatrix), YprimError> {
    let LineData::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf, .. } = &input.data else {
        unreachable!("called for sequence data only");
    };
    require_positive("length", input.length)?;
    let n = input.n_phases;
    let (z1, y1) = exact_pi(*z1_ohm, *c1_nf, input);
    let (z0, y0) = if n == 1 { (z1, y1) } else { exact_pi(*z0_ohm, *c0_nf, input) };
    let ratio = frequency_ratio(input);
    let shift = earth_reactance_shift(input);
    let length = whole_length(input);
    let series =
        balanced(n, z1, z0).map(|z| Complex64::new((z.re + input.earth.r_ohm * (ratio - 1.0)) * length, (z.im - shift * ratio) * length));
    // OpenDSS counts the unit factor for the susceptance, not for the conductance, which is there for the whole line.
    let shunt = balanced(n, y1, y0).map(|y| Complex64::new(y.re, y.im * length));
    Ok((series, shunt))
}

/// Impedance per unit of length, and shunt with conductance of the whole line and susceptance per unit of length.
fn exact_pi(z_ohm: Complex64, c_nf: f64, input: &LineInput) -> (Complex64, Complex64) {
    let length = input.length;
    let z = Complex64::new(z_ohm.re * length, z_ohm.im * length * frequency_ratio(input));
    let omega = std::f64::consts::TAU * input.frequency_hz;
    let y = Complex64::new(OPEN_SIEMENS, omega * c_nf * 1e-9 * length);
    let gamma_length = (z * y).sqrt();
    let surge = (z / y).sqrt();
    let sinh = gamma_length.sinh();
    let z_pi = surge * sinh;
    let y_pi = surge.inv() * ((gamma_length.cosh() - 1.0) / sinh) * 2.0;
    (z_pi / length, Complex64::new(y_pi.re, y_pi.im / length))
}

/// Conductance in each phase by the positive-sequence resistance, for studies of geomagnetic currents.
fn positive_sequence_conductance(z_ohm: &CMatrix) -> Result<CMatrix, YprimError> {
    let n = z_ohm.rows();
    let own: Complex64 = (0..n).map(|i| z_ohm[(i, i)]).sum::<Complex64>() / n as f64;
    let pairs = (n * n.saturating_sub(1) / 2) as f64;
    let mutual = if n > 1 {
        let sum: Complex64 = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|at| z_ohm[at]).sum();
        sum / pairs
    } else {
        Complex64::ZERO
    };
    let r1 = Complex64::new((own - mutual).re, 0.0);
    Ok(CMatrix::from_diagonal(&vec![r1; n]).inverse()?)
}
