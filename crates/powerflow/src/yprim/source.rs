//! Sources: a voltage behind an impedance, and a current.
//!
//! A voltage source has two terminals, the second at earth unless told. Its Norton form is `i = Y [v; 0]` with `v` the phase voltages
//! behind the impedance, so that both the admittance and the voltages are all there is to it.
//!
//! Short-circuit levels determine the sequence impedances: `|Z1| = kV²/MVAsc3` and `X1/R1` give `Z1`, and with `Z2 = Z1`
//! the one-phase level asks for `|2 Z1 + Z0| = 3 V_ln/Isc1`. With `X0 = q R0` that is the quadratic
//! `(1 + q²) R0² + 4 (R1 + q X1) R0 + 4 |Z1|² - (3 V_ln/Isc1)² = 0`, of which the larger root is taken.

use num_complex::Complex64;

use super::{Primitive, YprimError, join_terminals_exactly, require, require_positive, sequence_to_phase};
use crate::dense::CMatrix;

/// Degrees in a radian, to the digits with which OpenDSS turns source angles: half a billionth of a cycle from the truth.
const DEGREES_PER_RADIAN: f64 = 57.295_779_51;

/// Sequence impedances of a source at its base frequency, ohm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SequenceImpedance {
    /// Positive sequence.
    pub z1_ohm: Complex64,
    /// Negative sequence.
    pub z2_ohm: Complex64,
    /// Zero sequence.
    pub z0_ohm: Complex64,
}

/// Strength of a source, in the ways that it is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ShortCircuit {
    /// Short-circuit power of three phases and of one.
    Power {
        /// Three-phase level, MVA.
        mva_3ph: f64,
        /// One-phase level, MVA.
        mva_1ph: f64,
        /// Ratio of reactance to resistance, positive sequence.
        x1_over_r1: f64,
        /// Ratio of reactance to resistance, zero sequence.
        x0_over_r0: f64,
    },
    /// Short-circuit current of three phases and of one.
    Current {
        /// Three-phase current, ampere.
        isc_3ph_a: f64,
        /// One-phase current, ampere.
        isc_1ph_a: f64,
        /// Ratio of reactance to resistance, positive sequence.
        x1_over_r1: f64,
        /// Ratio of reactance to resistance, zero sequence.
        x0_over_r0: f64,
    },
    /// Sequence impedances.
    Ohm(SequenceImpedance),
    /// Sequence impedances per unit of `kv² / base_mva`.
    PerUnit {
        /// Positive sequence.
        z1_pu: Complex64,
        /// Negative sequence.
        z2_pu: Complex64,
        /// Zero sequence.
        z0_pu: Complex64,
        /// Base power, MVA.
        base_mva: f64,
    },
}

impl ShortCircuit {
    /// Sequence impedances of a source with `n_phases` at `kv` (line to line; across the source for one phase).
    ///
    /// # Errors
    /// `Quantity` for a voltage, power, current or ratio that is not positive, and for a one-phase level that no zero-sequence
    /// impedance can give.
    pub fn impedance(&self, kv: f64, n_phases: usize) -> Result<SequenceImpedance, YprimError> {
        require_positive("base kv", kv)?;
        let sqrt3 = 3.0_f64.sqrt();
        let to_phase = if n_phases == 1 { 1.0 } else { sqrt3 };
        match *self {
            Self::Power { mva_3ph, mva_1ph, x1_over_r1, x0_over_r0 } => {
                let isc_1ph_a = mva_1ph * 1000.0 / (to_phase * kv);
                from_levels(kv, to_phase, mva_3ph, isc_1ph_a, x1_over_r1, x0_over_r0)
            }
            Self::Current { isc_3ph_a, isc_1ph_a, x1_over_r1, x0_over_r0 } => {
                let mva_3ph = sqrt3 * kv * isc_3ph_a / 1000.0;
                from_levels(kv, to_phase, mva_3ph, isc_1ph_a, x1_over_r1, x0_over_r0)
            }
            Self::Ohm(impedance) => Ok(one_phase_is_positive(impedance, n_phases)),
            Self::PerUnit { z1_pu, z2_pu, z0_pu, base_mva } => {
                require_positive("base_mva", base_mva)?;
                let base_ohm = kv * kv / base_mva;
                let impedance = SequenceImpedance { z1_ohm: z1_pu * base_ohm, z2_ohm: z2_pu * base_ohm, z0_ohm: z0_pu * base_ohm };
                Ok(one_phase_is_positive(impedance, n_phases))
            }
        }
    }
}

/// A one-phase source has its positive-sequence impedance.
fn one_phase_is_positive(impedance: SequenceImpedance, n_phases: usize) -> SequenceImpedance {
    if n_phases == 1 { SequenceImpedance { z2_ohm: impedance.z1_ohm, z0_ohm: impedance.z1_ohm, ..impedance } } else { impedance }
}

fn from_levels(
    kv: f64,
    to_phase: f64,
    mva_3ph: f64,
    isc_1ph_a: f64,
    x1_over_r1: f64,
    x0_over_r0: f64,
) -> Result<SequenceImpedance, YprimError> {
    require_positive("three-phase short-circuit MVA", mva_3ph)?;
    require_positive("one-phase short-circuit current, A", isc_1ph_a)?;
    require(x1_over_r1 != 0.0, "x1_over_r1", "other than zero", x1_over_r1)?;
    let x1 = kv * kv / mva_3ph / (1.0 + 1.0 / (x1_over_r1 * x1_over_r1)).sqrt();
    let r1 = x1 / x1_over_r1;
    let loop_ohm = 3.0 * kv * 1000.0 / to_phase / isc_1ph_a;
    let a = 1.0 + x0_over_r0 * x0_over_r0;
    let b = 4.0 * (r1 + x1 * x0_over_r0);
    let c = 4.0 * (r1 * r1 + x1 * x1) - loop_ohm * loop_ohm;
    let under_root = b * b - 4.0 * a * c;
    require(
        under_root >= 0.0,
        "discriminant of R0",
        "zero or positive: the one-phase level does not go with the three-phase level",
        under_root,
    )?;
    let r0 = (-b + under_root.sqrt()) / (2.0 * a);
    let z1_ohm = Complex64::new(r1, x1);
    Ok(SequenceImpedance { z1_ohm, z2_ohm: z1_ohm, z0_ohm: Complex64::new(r0, r0 * x0_over_r0) })
}

/// Primitive admittance of a voltage source: `2 n_phases` conductors, siemens. `frequency_ratio` is the solution's frequency
/// over the one that the impedances are given for.
///
/// Where `Z2` differs from `Z1` the matrix is not symmetric, and only three phases are coupled.
///
/// # Errors
/// `Matrix` when the impedance is singular.
pub fn voltage_source(impedance: &SequenceImpedance, n_phases: usize, frequency_ratio: f64) -> Result<Primitive, YprimError> {
    let SequenceImpedance { z1_ohm, z2_ohm, z0_ohm } = *impedance;
    let z = if z1_ohm == z2_ohm {
        let own = (z1_ohm * 2.0 + z0_ohm) / 3.0;
        CMatrix::balanced(n_phases, own, (z0_ohm - z1_ohm) / 3.0)
    } else if n_phases == 3 {
        sequence_to_phase(z1_ohm, z2_ohm, z0_ohm)
    } else {
        CMatrix::from_diagonal(&vec![(z2_ohm + z1_ohm + z0_ohm) / 3.0; n_phases])
    };
    let z = z.map(|value| Complex64::new(value.re, value.im * frequency_ratio));
    Ok(Primitive::joining(join_terminals_exactly(&z.inverse()?)))
}

/// Primitive admittance of a nearly ideal voltage source, the impedance `z_ohm` in each phase.
///
/// # Errors
/// `Matrix` when the impedance is zero.
pub fn ideal_voltage_source(z_ohm: Complex64, n_phases: usize) -> Result<Primitive, YprimError> {
    let z = CMatrix::from_diagonal(&vec![z_ohm; n_phases]);
    Ok(Primitive::joining(join_terminals_exactly(&z.inverse()?)))
}

/// Voltages behind the impedance, volt: `kv` line to line (across the source for one phase) times `v_pu`, the first phase at
/// `angle_deg`, the others following by `360/n` degrees. `sequence` is 1 positive, -1 negative, 0 zero.
#[must_use]
pub fn voltage_source_phasors(kv: f64, v_pu: f64, angle_deg: f64, n_phases: usize, sequence: i8) -> Vec<Complex64> {
    let magnitude_v = match n_phases {
        1 => kv * v_pu * 1000.0,
        n => {
            let half_angle = (180.0 / n as f64).to_radians();
            kv * v_pu * 1000.0 / 2.0 / half_angle.sin()
        }
    };
    let step_deg = -f64::from(sequence) * 360.0 / n_phases as f64;
    (0..n_phases)
        .map(|i| {
            let degrees = 360.0 + angle_deg + i as f64 * step_deg;
            Complex64::from_polar(magnitude_v, degrees / DEGREES_PER_RADIAN)
        })
        .collect()
}

/// Currents of a current source into the first terminal's nodes, ampere; they leave the second. Phases follow by 120 degrees up to three
/// phases, else by `360/n`. Its admittance is zero. `sequence` is 1 positive, -1 negative, 0 zero.
#[must_use]
pub fn current_source_phasors(i_a: f64, angle_deg: f64, n_phases: usize, sequence: i8) -> Vec<Complex64> {
    let step_deg = if n_phases <= 3 { 120.0 } else { 360.0 / n_phases as f64 };
    let step_deg = -f64::from(sequence) * step_deg;
    (0..n_phases)
        .map(|i| {
            let degrees = angle_deg + i as f64 * step_deg;
            Complex64::from_polar(i_a, degrees / DEGREES_PER_RADIAN)
        })
        .collect()
}
