//! Loads while the voltage moves.
//!
//! What a bus draws at the start is split into parts of constant admittance, current and power. With `m = |V|`:
//!
//! ```text
//! S(m) = S_z (m / m_0)^2 + S_i (m / m_0) + S_p          I = Y(m) V,   Y(m) = conj(S(m)) / m^2
//! ```
//!
//! The first part is in the matrix. Below a threshold `m_b` the others become the admittance that they are there, `Y(m) = Y(m_b)`: a constant power at a
//! vanishing voltage asks for a current without bound, and no load does. `Y` and `I` are continuous at `m_b`. For the iteration
//! `dI = Y dV + V Y'(m) dm`, `dm = (Re V dRe V + Im V dIm V) / m`.
//!
//! Source: Kundur (1994), section 7.1; IEEE Task Force on Load Representation, IEEE Trans. Power Systems 8 (1993).

use num_complex::Complex64;

/// What loads draw when their voltage is not that of the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LoadModel {
    /// All of them are admittances.
    Impedance,
    /// As the case splits them in power, current and admittance.
    AsStored,
    /// Shares of constant admittance, current and power, alike for all loads; each adds up to 1.
    Zip { p: [f64; 3], q: [f64; 3] },
}

/// Parts of what a bus draws, per unit at the voltage of the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Parts {
    pub admittance: Complex64,
    pub current: Complex64,
    pub power: Complex64,
}

impl LoadModel {
    /// Splits what is drawn at the start: powers of the stored kinds, at the voltage of the start.
    pub(super) fn split(&self, stored: Parts) -> Parts {
        let all = stored.admittance + stored.current + stored.power;
        match self {
            Self::Impedance => Parts { admittance: all, ..Parts::default() },
            Self::AsStored => stored,
            Self::Zip { p, q } => {
                let part = |k: usize| Complex64::new(all.re * p[k], all.im * q[k]);
                Parts { admittance: part(0), current: part(1), power: part(2) }
            }
        }
    }
}

/// A load whose current does not go with the voltage, at a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Drawn {
    /// Power of the constant-current part over the voltage of the start.
    pub current: Complex64,
    pub power: Complex64,
    /// Threshold, per unit.
    pub m_b: f64,
}

impl Drawn {
    /// Current drawn at `v`, and its derivative `[dRe/dRe, dRe/dIm, dIm/dRe, dIm/dIm]`.
    pub fn at(&self, v: Complex64) -> (Complex64, [f64; 4]) {
        let m = v.norm();
        let b = m.max(self.m_b);
        let y = self.power.conj() / (b * b) + self.current.conj() / b;
        let slope = if m > self.m_b { -2.0 * self.power.conj() / (m * m * m) - self.current.conj() / (m * m) } else { Complex64::ZERO };
        let (mut re, mut im) = (y, y * Complex64::I);
        if m > self.m_b {
            let along = v * slope / m;
            re += along * v.re;
            im += along * v.im;
        }
        (y * v, [re.re, im.re, re.im, im.im])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_kept_above_the_threshold_and_falls_with_the_square_below() {
        let load = Drawn { current: Complex64::new(0.2, 0.1), power: Complex64::new(1.0, 0.4), m_b: 0.7 };
        for m in [1.1, 0.9, 0.71] {
            let v = Complex64::from_polar(m, 0.3);
            let s = v * load.at(v).0.conj();
            assert!((s - (load.power + load.current * m)).norm() < 1e-15);
        }
        let v = Complex64::from_polar(0.35, -1.0);
        let s = v * load.at(v).0.conj();
        assert!((s - (load.power + load.current * 0.7) * 0.25).norm() < 1e-15);
    }

    #[test]
    fn derivatives_are_those_of_the_current() {
        let load = Drawn { current: Complex64::new(0.2, -0.1), power: Complex64::new(1.0, 0.4), m_b: 0.7 };
        for v in [Complex64::from_polar(0.95, 0.4), Complex64::from_polar(0.4, 2.0)] {
            let (_, j) = load.at(v);
            let h = 1e-6;
            let d = |step: Complex64| (load.at(v + step).0 - load.at(v - step).0) / (2.0 * h);
            let (re, im) = (d(Complex64::new(h, 0.0)), d(Complex64::new(0.0, h)));
            for (a, b) in [re.re, im.re, re.im, im.im].iter().zip(j) {
                assert!((a - b).abs() < 1e-9, "{a} {b}");
            }
        }
    }
}
