//! What generators, PV systems and storage share: the law of a source of power behind voltage limits.
//!
//! With `S` the power that one branch generates and `Vb` the line-to-neutral base, `Y = S*/Vb²` is the line-to-neutral admittance
//! of the generation. Within the limits the current is `(S/V)*`; at or below `min` it is that of `Y/min²`, above `max` that of
//! `Y/max²`. In delta the branch sees line voltage: its magnitude over √3 (two and three phases) is what the limits are compared
//! with, and admittances count a third. A current-limited source keeps `(S/V)*` at any voltage up to the current `|S|/(min Vb)`.
//!
//! Balanced sources (three phases) act on the positive sequence of their branch voltages.
//!
//! Source: behaviour of OpenDSS 0.14.5 (Generator, PVSystem, Storage).

use super::PcError;
use super::branch::Branches;
use network::Connection;
use num_complex::Complex64;

/// Base voltage of a source as the model has it, V.
///
/// # Errors
/// Rated or base voltage that is none.
pub(super) fn source_base_v(element: &str, kv: f64, base_v: f64) -> Result<f64, PcError> {
    let is_voltage = |v: f64| v.is_finite() && v > 0.0;
    if is_voltage(kv) && is_voltage(base_v) { Ok(base_v) } else { Err(PcError::RatedVoltage { element: element.to_owned(), kv }) }
}

/// Generation of one branch at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Output {
    /// `P + jQ` generated, VA.
    pub s: Complex64,
    /// Line-to-neutral admittances of it: at base voltage, at or below the lower limit, above the upper limit.
    pub y: Complex64,
    pub y_min: Complex64,
    pub y_max: Complex64,
    /// Current at which a limited source stops, as a phasor against its voltage, and its magnitude.
    pub limit: Complex64,
    pub limit_a: f64,
}

/// Limits and base of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub base_v: f64,
    pub min_pu: f64,
    pub max_pu: f64,
    pub min_v: f64,
    pub max_v: f64,
}

impl Limits {
    pub fn new(base_v: f64, min_pu: f64, max_pu: f64) -> Self {
        Self { base_v, min_pu, max_pu, min_v: min_pu * base_v, max_v: max_pu * base_v }
    }

    /// Admittances and current limit of the generation `s` of one branch; zero limits stand for none.
    pub fn output(&self, s: Complex64) -> Output {
        let y = s.conj() / (self.base_v * self.base_v);
        let over = |pu: f64| if pu == 0.0 { y } else { y / (pu * pu) };
        let limit = s / self.min_v;
        Output { s, y, y_min: over(self.min_pu), y_max: over(self.max_pu), limit, limit_a: limit.norm() }
    }
}

/// Magnitude that limits are compared with, and the share that line-to-neutral admittances count with.
#[inline]
pub(super) fn against_neutral(branches: &Branches, v_mag: f64) -> (f64, f64) {
    match branches.connection {
        Connection::Wye => (v_mag, 1.0),
        Connection::Delta if matches!(branches.pairs.len(), 2 | 3) => (v_mag / 3f64.sqrt(), 1.0 / 3.0),
        Connection::Delta => (v_mag, 1.0 / 3.0),
    }
}

/// Voltages across the branches; balanced three-phase sources see the positive sequence.
pub(super) fn branch_voltages(branches: &Branches, balanced: bool, nodes: &[u32], v: &[Complex64]) -> BranchVoltages {
    let mut out = BranchVoltages { v: [Complex64::ZERO; 3], rest: Vec::new() };
    let n = branches.pairs.len();
    for k in 0..n.min(3) {
        out.v[k] = branches.voltage(k, nodes, v);
    }
    for k in 3..n {
        out.rest.push(branches.voltage(k, nodes, v));
    }
    if balanced && n == 3 {
        let [_, v1, _] = to_sequence(out.v);
        out.v = from_sequence([Complex64::ZERO, v1, Complex64::ZERO]);
    }
    out
}

/// Up to three branches without allocation, more behind them.
pub(super) struct BranchVoltages {
    v: [Complex64; 3],
    rest: Vec<Complex64>,
}

impl BranchVoltages {
    #[inline]
    pub fn get(&self, k: usize) -> Complex64 {
        if k < 3 { self.v[k] } else { self.rest[k - 3] }
    }
}

/// Rotation by 120 degrees.
pub(super) fn rotation() -> Complex64 {
    Complex64::new(-0.5, 3f64.sqrt() / 2.0)
}

/// Zero, positive and negative sequence of three phasors.
pub(crate) fn to_sequence([a, b, c]: [Complex64; 3]) -> [Complex64; 3] {
    let r = rotation();
    let r2 = r.conj();
    [(a + b + c) / 3.0, (a + r * b + r2 * c) / 3.0, (a + r2 * b + r * c) / 3.0]
}

/// Three phasors of zero, positive and negative sequence.
pub(super) fn from_sequence([z, p, n]: [Complex64; 3]) -> [Complex64; 3] {
    let r = rotation();
    let r2 = r.conj();
    [z + p + n, z + r2 * p + r * n, z + r * p + r2 * n]
}

/// Power over voltage, conjugated: the current of the power `s` at `v`.
#[inline]
pub(super) fn current_of(s: Complex64, v: Complex64) -> Complex64 {
    (s / v).conj()
}
