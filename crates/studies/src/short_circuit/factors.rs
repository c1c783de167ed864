//! Factors of IEC 60909-0:2016 that turn one current into another, as functions of plain numbers.
//!
//! Peak: `κ = 1.02 + 0.98 exp(-3 R/X)`. Breaking: `μ(IkG''/IrG, t_min)`, `q(P per pole pair, t_min)`. Thermal: `Ith = Ik'' √(m + n)`, where
//! `m` integrates the dc part of a current that decays so that its first peak is `κ √2 Ik''`, and `n` the ac part, that falls with the time
//! constants T' and T'' = T'/10 from Ik'' over Ik' to Ik:
//!
//! ```text
//! i(t)/Ik = 1 + B exp(-t/T') + C exp(-10 t/T'),  B = Ik'/Ik - 1,  C = Ik''/Ik - Ik'/Ik
//! n = 1/(Ik''/Ik)² · 1/Tk ∫ (i/Ik)² dt
//! Ik'/Ik = (Ik''/Ik) / (0.88 + 0.17 Ik''/Ik),    T' = 3.1 s / (Ik'/Ik)
//! ```
//!
//! (annex A of the standard). Dc part: `√2 Ik'' exp(-2π f t R/X)`, R/X from a network at the equivalent frequency of the time.
//!
//! Steady state. The standard gives λ as curves, which could not be had as formulas. They are replaced by the machine that they were drawn
//! from: the internal voltage at rated load and excitation, `√(1 + 2 xd sin φ + xd²)`, times the ceiling, behind `xd,sat` and the outer
//! reactance, which follows from the subtransient current, `IkG''/IrG = (1 + xd'' sin φ) / (xd'' + xN)`; λ min has the excitation of no load.

use std::f64::consts::{PI, SQRT_2};

/// Peak factor κ of an R/X.
pub fn kappa(r_over_x: f64) -> f64 {
    1.02 + 0.98 * (-3.0 * r_over_x).exp()
}

/// μ of a synchronous machine or motor: `ratio` is its initial current over its rated one, `t_min_s` the least time to contact parting.
///
/// Between the standard's 0.02, 0.05, 0.10 and 0.25 s it is taken at the shorter one, which is the larger current.
pub fn mu(ratio: f64, t_min_s: f64) -> f64 {
    if ratio <= 2.0 {
        return 1.0;
    }
    let (a, b, c) = match step(t_min_s) {
        None => return 1.0,
        Some(0) => (0.84, 0.26, 0.26),
        Some(1) => (0.71, 0.51, 0.30),
        Some(2) => (0.62, 0.72, 0.32),
        Some(_) => (0.56, 0.94, 0.38),
    };
    (a + b * (-c * ratio).exp()).min(1.0)
}

/// q of an asynchronous motor with `mw_per_pole_pair`.
pub fn q(mw_per_pole_pair: f64, t_min_s: f64) -> f64 {
    let (a, b) = match step(t_min_s) {
        None => return 1.0,
        Some(0) => (1.03, 0.12),
        Some(1) => (0.79, 0.12),
        Some(2) => (0.57, 0.12),
        Some(_) => (0.26, 0.10),
    };
    (a + b * mw_per_pole_pair.ln()).clamp(0.0, 1.0)
}

/// Which of the standard's times is the last one that is over; none before 0.02 s.
fn step(t_min_s: f64) -> Option<usize> {
    // A time written as 0.1 and one computed as 6/60 are the same.
    [0.02, 0.05, 0.10, 0.25].iter().rposition(|&t| t_min_s >= t - 1e-9)
}

/// Heat of the dc part, for a fault of `t_k_s` seconds.
pub fn m(kappa: f64, f_hz: f64, t_k_s: f64) -> f64 {
    let l = (kappa - 1.0).ln();
    // A current without resistance keeps its dc part: the limit is 2.
    if l.abs() < 1e-9 { 2.0 } else { ((4.0 * f_hz * t_k_s * l).exp() - 1.0) / (2.0 * f_hz * t_k_s * l) }
}

/// Heat of the ac part; `ratio` is Ik''/Ik. One below 1.25, where the standard has no formula and one is the upper bound.
pub fn n(ratio: f64, t_k_s: f64) -> f64 {
    if ratio < 1.25 || !ratio.is_finite() {
        return 1.0;
    }
    let transient = ratio / (0.88 + 0.17 * ratio);
    let td = 3.1 / transient;
    let (b, c, t) = (transient - 1.0, ratio - transient, t_k_s);
    let part = |k: f64| td / (k * t) * (1.0 - (-k * t / td).exp());
    let sum = 1.0 + c * c * part(20.0) + b * b * part(2.0) + 2.0 * c * part(10.0) + 2.0 * b * part(1.0) + 2.0 * b * c * part(11.0);
    (sum / (ratio * ratio)).min(1.0)
}

/// Equivalent frequency over the nominal one for the dc part at a time (method C of the standard).
pub fn dc_frequency_ratio(f_hz: f64, t_s: f64) -> f64 {
    let periods = f_hz * t_s;
    [(1.0, 0.27), (2.5, 0.15), (5.0, 0.092)].into_iter().find(|(limit, _)| periods < *limit).map_or(0.055, |(_, ratio)| ratio)
}

/// Dc part at a time, in the unit of `ik`.
pub fn dc(ik: f64, r_over_x: f64, f_hz: f64, t_s: f64) -> f64 {
    SQRT_2 * ik * (-2.0 * PI * f_hz * t_s * r_over_x).exp()
}

/// λ max and λ min: steady-state over rated current of a machine whose initial current is `ratio` times the rated one.
///
/// λ max never exceeds `ratio`: a fault current does not grow.
pub fn lambda(ratio: f64, xdpp: f64, xd_sat: f64, sin_phi: f64, ceiling: f64) -> (f64, f64) {
    if ratio <= 0.0 {
        return (0.0, 0.0);
    }
    let outer = ((1.0 + xdpp * sin_phi) / ratio - xdpp).max(0.0);
    let rated = (1.0 + 2.0 * xd_sat * sin_phi + xd_sat * xd_sat).sqrt();
    let z = xd_sat + outer;
    ((ceiling * rated / z).min(ratio), (1.0 / z).min(ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} against {b}");
    }

    #[test]
    fn factors_at_points_that_can_be_worked_by_hand() {
        near(kappa(0.0), 2.0, 1e-12);
        near(kappa(0.1), 1.02 + 0.98 * 0.740_818_220_681_717_9, 1e-12);
        near(mu(7.1844, 0.1), 0.69225, 5e-5);
        assert_eq!((mu(2.0, 0.1), mu(9.0, 0.01)), (1.0, 1.0));
        near(mu(5.0, 0.02), 0.84 + 0.26 * (-1.3f64).exp(), 1e-12);
        near(mu(5.0, 0.07), mu(5.0, 0.05), 0.0);
        near(mu(5.0, 0.5), 0.56 + 0.94 * (-1.9f64).exp(), 1e-12);
        near(q(1.0, 0.1), 0.57, 1e-12);
        assert_eq!(q(1e-9, 0.25), 0.0);
        assert_eq!(dc_frequency_ratio(50.0, 0.01), 0.27);
        assert_eq!(dc_frequency_ratio(50.0, 0.1), 0.055);
        near(dc(10.0, 0.0, 50.0, 0.1), 10.0 * SQRT_2, 1e-12);
    }

    /// m is the heat of the decaying dc part: of `√2 exp(-t/τ)` with the τ that ln(κ - 1) stands for.
    #[test]
    fn m_and_n_are_the_integrals_that_they_stand_for() {
        let (k, f, tk) = (1.8f64, 50.0, 0.3);
        let rate = -2.0 * f * (k - 1.0).ln();
        let steps = 200_000;
        let heat = |g: &dyn Fn(f64) -> f64| (0..steps).map(|i| g((i as f64 + 0.5) * tk / steps as f64).powi(2)).sum::<f64>() / steps as f64;
        near(m(k, f, tk), heat(&|t| SQRT_2 * (-rate * t).exp()), 1e-6);
        let ratio = 3.0;
        let transient = ratio / (0.88 + 0.17 * ratio);
        let td = 3.1 / transient;
        let course = |t: f64| (1.0 + (transient - 1.0) * (-t / td).exp() + (ratio - transient) * (-10.0 * t / td).exp()) / ratio;
        near(n(ratio, tk), heat(&course), 1e-8);
        near(m(2.0, f, tk), 2.0, 1e-12);
        assert_eq!(n(1.1, 1.0), 1.0);
    }

    /// A terminal fault of an unloaded machine at no-load excitation gives 1/xd; far away the current does not decay.
    #[test]
    fn lambda_has_the_limits_of_the_machine() {
        let (sin, xdpp, xd) = (0.6, 0.2, 1.8);
        let terminal = (1.0 + xdpp * sin) / xdpp;
        let (max, min) = lambda(terminal, xdpp, xd, sin, 1.3);
        near(min, 1.0 / xd, 1e-12);
        near(max, 1.3 * (1.0 + 2.0 * xd * sin + xd * xd).sqrt() / xd, 1e-12);
        let (max, min) = lambda(0.4, xdpp, xd, sin, 1.6);
        assert!(max <= 0.4 && min < max);
    }
}
