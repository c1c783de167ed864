//! Transformers of any number of windings and phases.
//!
//! # Derivation
//!
//! All phases are alike, so one phase of the core is modelled and stamped once a phase. With `n` windings brought to a base of
//! one volt, the short-circuit tests between pairs give the `n - 1` square matrix `Z_B` that holds when winding 1 is the return:
//!
//! ```text
//! Z_B[i,i] = Z_sc(1, i+1)
//! Z_B[i,j] = (Z_sc(1, i+1) + Z_sc(1, j+1) - Z_sc(i+1, j+1)) / 2
//! Z_sc(a, b) = ((r_a + r_b) m + j x_ab f) / S          S: VA of one phase of winding 1
//! ```
//!
//! `f` is the frequency over the base frequency, and `m = f` when the ratio X/R is constant over frequency, else 1. The windings'
//! currents sum to zero, which the incidence `A = [-1 | I]` expresses: `Y_1 = Aᵀ Z_B⁻¹ A`, `n` square. The no-load branch
//! `S (p_nl - j i_mag / f)` stands across winding 2, which is taken as the one nearest to the core.
//!
//! A winding with base `V_k` (across the winding) at tap `t_k` has two ends, `+1/(V_k t_k)` and `-1/(V_k t_k)` of the one-volt
//! winding. Both ends of every winding get half the anti-float admittance `-j ppm S / V_k²` to earth, which keeps a winding without
//! an earthed point solvable. Taps do not enter it, nor the neutral impedance at the neutral conductor: `1/(r + j f x)`,
//! one megasiemens when both are zero, and one more half of anti-float when the neutral is open.
//!
//! The entry between end `p` (sign `s_p`) of winding `a` and end `q` of winding `b` is thus `s_p s_q Y_1[a,b] / (V_a t_a V_b t_b)`.
//! Everything but the taps is known when the transformer is compiled.
//!
//! # Connection
//!
//! A wye winding joins its phase to the neutral, the last conductor of the terminal. A delta winding joins a phase to the next or to the
//! previous one, so that the low side lags (or leads) by 30 degrees against a wye. A delta of two phases is an open one: its
//! missing phase is the last conductor.
//!
//! Below half a hertz windings are resistances without coupling, as geomagnetic studies want them.
//!
//! Method: Dommel, *EMTP Theory Book*, section 6; agrees with OpenDSS 9.8. Checked by `cases/yprim/*`.

use super::auto_transformer;
use crate::dense::{CMatrix, DenseError};
use network::{Connection, LeadLag, Transformer, TransformerKind, Winding};
use num_complex::Complex64;
use thiserror::Error;

const ZERO: Complex64 = Complex64::new(0.0, 0.0);

/// Stands for a tap of zero, which would be a winding without turns.
const SMALLEST_TAP_PU: f64 = 0.0001;

/// Conductance of a solidly earthed neutral, S.
const SOLID_NEUTRAL_S: f64 = 1e6;

/// Below this frequency a winding is its resistance alone, Hz.
const RESISTIVE_BELOW_HZ: f64 = 0.51;

/// Why a transformer has no primitive admittance.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TransformerError {
    /// A value that has to be a positive number is zero, negative or no number.
    #[error("{transformer}: {quantity} is {value}, it has to be a positive number")]
    NotPositive { transformer: String, quantity: &'static str, value: f64 },
    /// The same of one winding, counted from 1.
    #[error("{transformer}, winding {winding}: {quantity} is {value}, it has to be a positive number")]
    WindingNotPositive { transformer: String, winding: usize, quantity: &'static str, value: f64 },
    /// A value is not a finite number.
    #[error("{transformer}: {quantity} is not a finite number")]
    NotFinite { transformer: String, quantity: &'static str },
    /// Too few phases, windings, reactances or taps.
    #[error("{transformer}: {expected} {quantity} are needed, {found} found")]
    Count { transformer: String, quantity: &'static str, expected: usize, found: usize },
    /// Short-circuit impedances that describe no transformer; `winding` (counted from 1) has no impedance of its own.
    #[error("{transformer}: the short-circuit impedances cannot be inverted at winding {winding}")]
    SingularShortCircuit { transformer: String, winding: usize },
}

/// Where the two ends of a winding are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ends {
    from: usize,
    to: usize,
}

/// A transformer without its taps: all that a primitive admittance needs besides them.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformerModel {
    kind: TransformerKind,
    n_phases: usize,
    n_windings: usize,
    n_conductors: usize,
    /// Admittance of one phase on one volt, `n_windings` square; without the no-load branch.
    y_one_volt: CMatrix,
    /// No-load branch of one phase on one volt, across winding 2.
    y_no_load: Complex64,
    /// Base voltage across each winding, V.
    v_base_v: Vec<f64>,
    /// Anti-float admittance at each end of each winding, S.
    y_antifloat: Vec<Complex64>,
    /// Admittances at neutral conductors: row of the primitive admittance, S.
    y_neutral: Vec<(usize, Complex64)>,
    /// Rows of the ends of winding `w` in phase `p`, at `p * n_windings + w`.
    ends: Vec<Ends>,
    /// Rows that `GetWindingVoltages` subtracts; differs from `ends` in one-phase transformers only.
    voltage_ends: Vec<Ends>,
    /// Windings are resistances without coupling.
    resistive: bool,
}

/// Losses of a transformer, W and var.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformerLosses {
    pub total_va: Complex64,
    pub load_va: Complex64,
    pub no_load_va: Complex64,
}

/// Primitive admittance of a transformer with the given taps.
///
/// # Inputs
/// * `taps_pu` - one tap a winding, per unit of its rated voltage; zero counts as 0.0001.
/// * `frequency_hz` - of the solution, not the base frequency.
///
/// # Returns
/// `n_windings * n_conductors` square, S, exactly symmetric.
///
/// # Errors
/// As [`TransformerModel::compile`]; `Count` when there are not as many taps as windings.
pub fn transformer_yprim(t: &Transformer, taps_pu: &[f64], frequency_hz: f64) -> Result<CMatrix, TransformerError> {
    let model = TransformerModel::compile(t, frequency_hz)?;
    if taps_pu.len() != t.windings.len() {
        let (expected, found) = (t.windings.len(), taps_pu.len());
        return Err(TransformerError::Count { transformer: full_name(t), quantity: "taps", expected, found });
    }
    let mut yprim = CMatrix::square(model.order());
    model.yprim(taps_pu, &mut yprim);
    Ok(yprim)
}

impl TransformerModel {
    /// Everything of a transformer that does not depend on its taps.
    ///
    /// # Errors
    /// `WindingNotPositive` for a rated voltage or power that is not a positive number, `NotPositive` for a base frequency
    /// or a frequency that is not, `SingularShortCircuit`, `Count` for fewer than two windings, no phase, or fewer short-circuit
    /// reactances than pairs of windings, `NotFinite`.
    pub fn compile(t: &Transformer, frequency_hz: f64) -> Result<Self, TransformerError> {
        let n_windings = t.windings.len();
        let n_phases = t.common.n_phases;
        check(t, frequency_hz)?;

        let auto = t.kind == TransformerKind::Auto;
        let resistive = frequency_hz < RESISTIVE_BELOW_HZ;
        let frequency_ratio = frequency_hz / t.common.base_frequency_hz;
        let va_phase = t.windings[0].kva * 1000.0 / n_phases as f64;
        let v_base_v = winding_bases_v(t);

        let y_one_volt =
            if resistive { CMatrix::square(n_windings) } else { one_volt_admittance(t, &v_base_v, va_phase, frequency_ratio)? };
        let y_no_load = if resistive {
            ZERO
        } else {
            Complex64::new(t.no_load_loss_pct / 100.0 * va_phase, -t.magnetising_pct / 100.0 * va_phase / frequency_ratio)
        };
        let antifloat_s = |v_base_v: f64| -t.antifloat_ppm * 1e-6 * va_phase / (v_base_v * v_base_v) / 2.0;
        let y_antifloat: Vec<Complex64> = v_base_v
            .iter()
            .map(|&v| if resistive { Complex64::new(-antifloat_s(v), 0.0) } else { Complex64::new(0.0, antifloat_s(v)) })
            .collect();
        let direction = delta_direction(t);
        let n_conductors = if auto { 2 * n_phases } else { n_phases + 1 };
        let y_neutral = if auto { Vec::new() } else { neutral_admittances(t, n_conductors, frequency_ratio, |w| antifloat_s(v_base_v[w])) };

        let mut ends = Vec::with_capacity(n_phases * n_windings);
        let mut voltage_ends = Vec::with_capacity(n_phases * n_windings);
        for phase in 0..n_phases {
            for (w, winding) in t.windings.iter().enumerate() {
                let first = w * n_conductors;
                let rotated = first + rotate_phase(phase, n_phases, direction);
                let from = first + phase;
                let (to, seen) = match (t.kind, winding.connection) {
                    (TransformerKind::Auto, _) if w == 0 => (from + n_phases, n_conductors + phase),
                    (_, Connection::Delta) => (rotated, rotated),
                    (TransformerKind::Auto, Connection::Wye) => (from + n_phases, first + n_phases),
                    (TransformerKind::Ordinary, Connection::Wye) => (first + n_phases, first + n_phases),
                };
                // A one-phase winding joins its two conductors whatever its connection says.
                ends.push(Ends { from, to: if n_phases == 1 { first + n_conductors - 1 } else { to } });
                // The rotation knows nothing of that, so the voltage seen across a one-phase delta winding may be taken against the
                // next winding; past the last one there is nothing to take it against but the winding itself.
                let seen = if seen < n_windings * n_conductors { seen } else { first + n_conductors - 1 };
                voltage_ends.push(Ends { from, to: seen });
            }
        }

        let mut model = Self {
            kind: t.kind,
            n_phases,
            n_windings,
            n_conductors,
            y_one_volt,
            y_no_load,
            v_base_v,
            y_antifloat,
            y_neutral,
            ends,
            voltage_ends,
            resistive,
        };
        if resistive {
            model.set_resistances(t)?;
        }
        Ok(model)
    }

    pub fn n_phases(&self) -> usize {
        self.n_phases
    }

    pub fn n_windings(&self) -> usize {
        self.n_windings
    }

    /// Conductors at each terminal.
    pub fn n_conductors(&self) -> usize {
        self.n_conductors
    }

    /// Rows of the primitive admittance: conductors of all terminals.
    pub fn order(&self) -> usize {
        self.n_windings * self.n_conductors
    }

    /// Rated voltage across a winding (0-based), V; the per-unit base of its tap and of a regulator at it.
    pub fn winding_base_v(&self, winding: usize) -> f64 {
        self.v_base_v[winding]
    }

    /// The primitive admittance with these taps, S; allocates nothing.
    ///
    /// # Panics
    /// When there are fewer taps than windings, or `out` is not of [`Self::order`].
    pub fn yprim(&self, taps_pu: &[f64], out: &mut CMatrix) {
        assert!(out.rows() == self.order() && out.cols() == self.order(), "matrix of the wrong order");
        out.as_mut_slice().fill(ZERO);
        self.add_windings(taps_pu, true, out);
        for w in 0..self.n_windings {
            for phase in 0..self.n_phases {
                let ends = self.ends[phase * self.n_windings + w];
                out[(ends.from, ends.from)] += self.y_antifloat[w];
                out[(ends.to, ends.to)] += self.y_antifloat[w];
            }
        }
        for &(row, y) in &self.y_neutral {
            out[(row, row)] += y;
        }
    }

    /// The no-load part of the primitive admittance alone, S: what [`Self::losses`] counts as no-load loss.
    ///
    /// # Panics
    /// As [`Self::yprim`].
    pub fn yprim_no_load(&self, taps_pu: &[f64], out: &mut CMatrix) {
        assert!(out.rows() == self.order() && out.cols() == self.order(), "matrix of the wrong order");
        out.as_mut_slice().fill(ZERO);
        if self.resistive {
            return;
        }
        let y = self.y_no_load * (self.inverse_volts(1, taps_pu) * self.inverse_volts(1, taps_pu));
        for phase in 0..self.n_phases {
            let ends = self.ends[phase * self.n_windings + 1];
            out.add_branch(ends.from, ends.to, y);
        }
    }

    /// Adds what couples the windings, phase by phase.
    fn add_windings(&self, taps_pu: &[f64], with_no_load: bool, out: &mut CMatrix) {
        for a in 0..self.n_windings {
            let inverse_a = self.inverse_volts(a, taps_pu);
            for b in 0..=a {
                let mut y = self.y_one_volt[(a, b)];
                if with_no_load && a == 1 && b == 1 {
                    y += self.y_no_load;
                }
                let y = if self.resistive { y } else { y * (inverse_a * self.inverse_volts(b, taps_pu)) };
                if y == ZERO {
                    continue;
                }
                for phase in 0..self.n_phases {
                    let ends_a = self.ends[phase * self.n_windings + a];
                    let ends_b = self.ends[phase * self.n_windings + b];
                    if a == b {
                        out.add_branch(ends_a.from, ends_a.to, y);
                    } else {
                        out.add_symmetric(ends_a.from, ends_b.from, y);
                        out.add_symmetric(ends_a.to, ends_b.to, y);
                        out.add_symmetric(ends_a.from, ends_b.to, -y);
                        out.add_symmetric(ends_a.to, ends_b.from, -y);
                    }
                }
            }
        }
    }

    fn inverse_volts(&self, winding: usize, taps_pu: &[f64]) -> f64 {
        let tap = if taps_pu[winding] == 0.0 { SMALLEST_TAP_PU } else { taps_pu[winding] };
        1.0 / (self.v_base_v[winding] * tap)
    }

    /// Voltages across a winding (0-based), V, one a phase, from the voltages of all conductors to earth.
    ///
    /// This is what a regulator measures.
    ///
    /// # Panics
    /// When `v_v` holds fewer than [`Self::order`] voltages or there is no such winding.
    pub fn winding_voltages(&self, winding: usize, v_v: &[Complex64], out: &mut Vec<Complex64>) {
        out.clear();
        out.extend((0..self.n_phases).map(|phase| {
            let ends = self.voltage_ends[phase * self.n_windings + winding];
            v_v[ends.from] - v_v[ends.to]
        }));
    }

    /// Currents into both ends of every winding, A: phase by phase, winding by winding, first end then second.
    ///
    /// # Panics
    /// When `v_v` holds fewer than [`Self::order`] voltages.
    pub fn winding_currents(&self, taps_pu: &[f64], v_v: &[Complex64], out: &mut Vec<Complex64>) {
        out.clear();
        for phase in 0..self.n_phases {
            for a in 0..self.n_windings {
                let ends_a = self.ends[phase * self.n_windings + a];
                let mut through = ZERO;
                for b in 0..self.n_windings {
                    let ends_b = self.ends[phase * self.n_windings + b];
                    let mut y = self.y_one_volt[(a, b)];
                    if a == 1 && b == 1 {
                        y += self.y_no_load;
                    }
                    let scale = if self.resistive { 1.0 } else { self.inverse_volts(a, taps_pu) * self.inverse_volts(b, taps_pu) };
                    through += y * scale * (v_v[ends_b.from] - v_v[ends_b.to]);
                }
                out.push(through + self.y_antifloat[a] * v_v[ends_a.from]);
                out.push(-through + self.y_antifloat[a] * v_v[ends_a.to]);
            }
        }
    }

    /// Losses from the voltages of all conductors and the currents into them (`i = Y v`), both of [`Self::order`] entries.
    ///
    /// The no-load part is what the branch across winding 2 takes; the load part is the rest.
    ///
    /// # Panics
    /// When a slice is shorter than [`Self::order`].
    pub fn losses(&self, taps_pu: &[f64], v_v: &[Complex64], i_a: &[Complex64]) -> TransformerLosses {
        let total_va: Complex64 = (0..self.order()).map(|k| v_v[k] * i_a[k].conj()).sum();
        let mut no_load_va = ZERO;
        if !self.resistive {
            let inverse = self.inverse_volts(1, taps_pu);
            let y = self.y_no_load * (inverse * inverse);
            for phase in 0..self.n_phases {
                let ends = self.ends[phase * self.n_windings + 1];
                no_load_va += (v_v[ends.from] - v_v[ends.to]).norm_sqr() * y.conj();
            }
        }
        TransformerLosses { total_va, load_va: total_va - no_load_va, no_load_va }
    }

    /// Rows between which the no-load branch of each phase stands; none near zero frequency.
    pub fn no_load_ends(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let phases = if self.resistive { 0 } else { self.n_phases };
        (0..phases).map(|phase| self.ends[phase * self.n_windings + 1]).map(|ends| (ends.from, ends.to))
    }

    /// Admittance of the no-load branch of one phase, S.
    pub fn no_load_admittance(&self, taps_pu: &[f64]) -> Complex64 {
        let inverse = self.inverse_volts(1, taps_pu);
        self.y_no_load * (inverse * inverse)
    }

    /// Changes the currents `i = Y v` into those that are reported.
    ///
    /// The second end of an autotransformer's series winding lies at terminal 2, where its current is added to that of
    /// the common winding; it also stays in its place. Other transformers are left as they are.
    ///
    /// # Panics
    /// When the slice is shorter than [`Self::order`].
    pub fn report_currents(&self, i_a: &mut [Complex64]) {
        if self.kind == TransformerKind::Auto {
            for phase in 0..self.n_phases {
                let series = i_a[self.n_phases + phase];
                i_a[self.n_conductors + phase] += series;
            }
        }
    }

    /// The model near zero frequency: resistances without coupling, taps without effect.
    fn set_resistances(&mut self, t: &Transformer) -> Result<(), TransformerError> {
        let va_base = t.windings[0].kva * 1000.0;
        for (w, winding) in t.windings.iter().enumerate() {
            let v = self.v_base_v[w];
            let r_ohm = if winding.r_dc_ohm > 0.0 { winding.r_dc_ohm } else { (0.85 * winding.r_pct / 100.0).abs() * v * v / va_base };
            if !(r_ohm > 0.0 && r_ohm.is_finite()) {
                return Err(winding_error(t, w, "dc resistance", r_ohm));
            }
            self.y_one_volt[(w, w)] = Complex64::new(1.0 / r_ohm, 0.0);
        }
        Ok(())
    }
}

/// Rated voltage across each winding, V.
pub fn winding_bases_v(t: &Transformer) -> Vec<f64> {
    match t.kind {
        TransformerKind::Auto if t.windings.len() > 1 => auto_transformer::winding_bases_v(t),
        _ => t.windings.iter().map(|w| winding_base_v(w, t.common.n_phases)).collect(),
    }
}

fn full_name(t: &Transformer) -> String {
    let class = if t.kind == TransformerKind::Auto { "autotrans" } else { "transformer" };
    format!("{class}.{}", t.common.name)
}

fn winding_error(t: &Transformer, winding: usize, quantity: &'static str, value: f64) -> TransformerError {
    TransformerError::WindingNotPositive { transformer: full_name(t), winding: winding + 1, quantity, value }
}

fn check(t: &Transformer, frequency_hz: f64) -> Result<(), TransformerError> {
    let n_windings = t.windings.len();
    let count = |quantity, expected, found| TransformerError::Count { transformer: full_name(t), quantity, expected, found };
    if n_windings < 2 {
        return Err(count("windings", 2, n_windings));
    }
    if t.common.n_phases == 0 {
        return Err(count("phases", 1, 0));
    }
    let n_pairs = n_windings * (n_windings - 1) / 2;
    if t.x_sc_pct.len() < n_pairs {
        return Err(count("short-circuit reactances", n_pairs, t.x_sc_pct.len()));
    }
    for (quantity, value) in [("base frequency", t.common.base_frequency_hz), ("frequency", frequency_hz)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(TransformerError::NotPositive { transformer: full_name(t), quantity, value });
        }
    }
    for (w, winding) in t.windings.iter().enumerate() {
        if !(winding.kv > 0.0 && winding.kv.is_finite()) {
            return Err(winding_error(t, w, "kV", winding.kv));
        }
    }
    if !(t.windings[0].kva > 0.0 && t.windings[0].kva.is_finite()) {
        return Err(winding_error(t, 0, "kVA", t.windings[0].kva));
    }
    let finite = |quantity, ok: bool| if ok { Ok(()) } else { Err(TransformerError::NotFinite { transformer: full_name(t), quantity }) };
    finite("winding resistance", t.windings.iter().all(|w| w.r_pct.is_finite()))?;
    finite("neutral impedance", t.windings.iter().all(|w| w.r_neutral_ohm.is_finite() && w.x_neutral_ohm.is_finite()))?;
    finite("short-circuit reactance", t.x_sc_pct.iter().all(|x| x.is_finite()))?;
    finite("no-load loss", t.no_load_loss_pct.is_finite() && t.magnetising_pct.is_finite())?;
    finite("anti-float admittance", t.antifloat_ppm.is_finite())
}

/// Rated voltage across an ordinary winding, V. Two phases count as two of a three-phase set.
pub(super) fn winding_base_v(winding: &Winding, n_phases: usize) -> f64 {
    match (winding.connection, n_phases) {
        (Connection::Wye, 2 | 3) => winding.kv * 1000.0 / 3f64.sqrt(),
        _ => winding.kv * 1000.0,
    }
}

/// +1 when a delta winding joins a phase to the next, -1 to the previous.
fn delta_direction(t: &Transformer) -> isize {
    let [first, second] = [&t.windings[0], &t.windings[1]];
    if t.kind == TransformerKind::Auto || first.connection == second.connection {
        return 1;
    }
    let high = if first.kv >= second.kv { first } else { second };
    match (high.connection, t.lead_lag) {
        (Connection::Wye, LeadLag::Lag) | (Connection::Delta, LeadLag::Lead) => 1,
        (Connection::Wye, LeadLag::Lead) | (Connection::Delta, LeadLag::Lag) => -1,
    }
}

/// The conductor (0-based) that a delta joins to `phase`.
fn rotate_phase(phase: usize, n_phases: usize, direction: isize) -> usize {
    match (direction > 0, n_phases > 2) {
        (true, true) => (phase + 1) % n_phases,
        (false, true) => (phase + n_phases - 1) % n_phases,
        (true, false) => phase + 1,
        // The phase before the first of an open delta is the third.
        (false, false) => phase.checked_sub(1).unwrap_or(2),
    }
}

/// Admittance of one phase on one volt, `n_windings` square.
fn one_volt_admittance(t: &Transformer, v_base_v: &[f64], va_phase: f64, frequency_ratio: f64) -> Result<CMatrix, TransformerError> {
    let n = t.windings.len();
    let r_factor = if t.x_over_r_constant { frequency_ratio } else { 1.0 };
    let r_pu = |w: usize| t.windings[w].r_pct / 100.0;
    // Between windings `a < b`; `position` is that of the pair in the list of reactances.
    let z_sc = |a: usize, b: usize, x_pu: f64| Complex64::new(r_factor * (r_pu(a) + r_pu(b)), frequency_ratio * x_pu) / va_phase;
    let x_pu = |position: usize| t.x_sc_pct[position] / 100.0;

    let diagonal: Vec<Complex64> = (0..n - 1)
        .map(|i| match t.kind {
            TransformerKind::Ordinary => z_sc(0, i + 1, x_pu(i)),
            TransformerKind::Auto => {
                let (x, factor) = auto_transformer::short_circuit_to_series(t, v_base_v, i);
                z_sc(0, i + 1, x) * factor
            }
        })
        .collect();
    let mut z = CMatrix::from_diagonal(&diagonal);
    let mut position = n - 1;
    for i in 0..n - 1 {
        for j in i + 1..n - 1 {
            z.set_symmetric(i, j, (diagonal[i] + diagonal[j] - z_sc(i + 1, j + 1, x_pu(position))) * 0.5);
            position += 1;
        }
    }
    let z_inverse = z.inverse().map_err(|error| {
        let winding = if let DenseError::Singular { row, .. } = error { row + 2 } else { 1 };
        TransformerError::SingularShortCircuit { transformer: full_name(t), winding }
    })?;

    let mut y = CMatrix::square(n);
    for i in 0..n - 1 {
        for j in 0..n - 1 {
            let entry = z_inverse[(i, j)];
            y[(i + 1, j + 1)] += entry;
            y[(0, 0)] += entry;
            y[(0, j + 1)] -= entry;
            y[(j + 1, 0)] -= entry;
        }
    }
    Ok(y)
}

/// Admittances at the neutral conductors of wye windings.
fn neutral_admittances(
    t: &Transformer,
    n_conductors: usize,
    frequency_ratio: f64,
    antifloat_s: impl Fn(usize) -> f64,
) -> Vec<(usize, Complex64)> {
    let wye = t.windings.iter().enumerate().filter(|(_, w)| w.connection == Connection::Wye);
    wye.map(|(w, winding)| {
        let (r, x) = (winding.r_neutral_ohm, winding.x_neutral_ohm);
        let y = if r < 0.0 {
            Complex64::new(0.0, antifloat_s(w))
        } else if r == 0.0 && x == 0.0 {
            Complex64::new(SOLID_NEUTRAL_S, 0.0)
        } else {
            Complex64::new(r, x * frequency_ratio).inv()
        };
        ((w + 1) * n_conductors - 1, y)
    })
    .collect()
}

#[cfg(test)]
mod tests;
