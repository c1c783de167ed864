//! Saturation curves.
//!
//! Through two points `(e1, s1)`, `(e2, s2)`, `s` being the part of the excitation beyond the air-gap line over that on it, goes
//!
//! ```text
//! S(e) = B (e - A)^2 / e      for e > A, else 0
//! ```
//!
//! which is the law that the programs of PSS/E form use. From `r = sqrt(s1 e1 / (s2 e2)) = (e1 - A) / (e2 - A)`:
//! `A = (e1 - r e2) / (1 - r)` and `B = s2 e2 / (e2 - A)^2`. What enters the equations is `e S(e)`, the excitation itself.

use network::dynamics::{ExciterSaturation, MachineSaturation};

/// A law that tells the excitation beyond the air-gap line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Saturation {
    None,
    Quadratic { a: f64, b: f64 },
    Exponential { a: f64, b: f64 },
}

impl Saturation {
    /// Through two points; none where the second says none. `Err` when no such curve goes through them.
    pub fn through(e_1: f64, s_1: f64, e_2: f64, s_2: f64) -> Result<Self, ()> {
        if s_1 == 0.0 && s_2 == 0.0 {
            return Ok(Self::None);
        }
        // Points in either order.
        let (e_1, s_1, e_2, s_2) = if e_1 <= e_2 { (e_1, s_1, e_2, s_2) } else { (e_2, s_2, e_1, s_1) };
        let grows = e_1 > 0.0 && e_2 > e_1 && s_1 >= 0.0 && s_2 * e_2 > s_1 * e_1;
        if !grows {
            return Err(());
        }
        let r = (s_1 * e_1 / (s_2 * e_2)).sqrt();
        let a = (e_1 - r * e_2) / (1.0 - r);
        let b = s_2 * e_2 / (e_2 - a).powi(2);
        Ok(Self::Quadratic { a, b })
    }

    pub fn of_machine(s: &MachineSaturation) -> Result<Self, ()> {
        Self::through(1.0, s.s_10, 1.2, s.s_12)
    }

    pub fn of_exciter(s: &ExciterSaturation) -> Result<Self, ()> {
        match *s {
            ExciterSaturation::Points { e_1, s_1, e_2, s_2 } => Self::through(e_1, s_1, e_2, s_2),
            ExciterSaturation::Exponential { a, b } if a >= 0.0 && b >= 0.0 => Ok(Self::Exponential { a, b }),
            ExciterSaturation::Exponential { .. } => Err(()),
        }
    }

    /// `e S(e)`, per unit of field current.
    pub fn excitation(self, e: f64) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Quadratic { a, b } if e > a => b * (e - a).powi(2),
            Self::Quadratic { .. } => 0.0,
            Self::Exponential { a, b } => e * a * (b * e).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_goes_through_its_points() {
        let s = Saturation::through(1.0, 0.05, 1.2, 0.3).unwrap();
        assert!((s.excitation(1.0) - 0.05).abs() < 1e-14);
        assert!((s.excitation(1.2) - 0.36).abs() < 1e-14);
        assert_eq!(s.excitation(0.5), 0.0);
        assert_eq!(Saturation::through(3.9, 0.33, 2.9, 0.07), Saturation::through(2.9, 0.07, 3.9, 0.33));
    }

    #[test]
    fn a_curve_that_falls_is_refused() {
        assert_eq!(Saturation::through(1.0, 0.3, 1.2, 0.1), Err(()));
        assert_eq!(Saturation::through(0.0, 0.1, 1.2, 0.2), Err(()));
        assert_eq!(Saturation::through(0.0, 0.0, 0.0, 0.0), Ok(Saturation::None));
    }
}
