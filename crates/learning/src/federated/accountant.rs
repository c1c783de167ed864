//! How much the released sums tell about whether a site took part: an accountant of Rényi differential privacy.
//!
//! A sum with Gaussian noise of standard deviation `z` times the greatest addend has, for order `alpha` (Mironov, "Rényi differential privacy", CSF 2017,
//! Proposition 7),
//!
//! ```text
//! rdp(alpha) = alpha / (2 z²)
//! ```
//!
//! and when each site is in a round with probability `q`, unknown to the one who looks (Mironov, Talwar, Zhang, "Rényi differential privacy of the sampled
//! Gaussian mechanism", 2019), `rdp(alpha) = ln A / (alpha - 1)` with
//!
//! ```text
//! A = sum over k of C(alpha, k) (1-q)^(alpha-k) q^k exp((k² - k) / (2 z²))                      whole alpha (their section 3.3, eq. 4)
//! A = integral of f(x) (1 - q + q g(x))^alpha dx,  f the density of noise z, g(x) = exp((2x - 1) / (2z²))                broken alpha (their eq. 3)
//! ```
//!
//! The integral is taken by the trapezoidal rule, whose error for a density of Gaussian kind falls exponentially with the number of points; the nearest
//! pole of the integrand lies `pi z²` beside the real axis, so with a step of `z²/4` what is left is `exp(-8 pi²)`. What is integrated is
//! `(1 + u)^alpha - 1 - alpha u` with `u = q (g - 1)`, whose mean is `A - 1` and which is nowhere negative: a small divergence loses no digits.
//!
//! Rounds add. The sum becomes epsilon for a given delta by (Canonne, Kamath, Steinke, "The discrete Gaussian for differential privacy", 2020, Proposition
//! 12; the same bound as Balle et al., "Hypothesis testing interpretations and Rényi differential privacy", 2020, Theorem 21)
//!
//! ```text
//! epsilon = rdp(alpha) + ln(1 - 1/alpha) - ln(alpha delta) / (alpha - 1),   the least over alpha
//! ```
//!
//! The noise of the masked sums is discrete and Gaussian, whose `rdp` is no greater (ibid., Proposition 5).
//! Checked by `cases/learning-privacy`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a number cannot be accounted.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum AccountError {
    /// The probability of being in a round.
    #[error("a sampling rate of {rate}; it is above 0 and at most 1")]
    Rate {
        /// As given.
        rate: f64,
    },
    /// The noise multiplier.
    #[error("a noise multiplier of {multiplier}; it is above 0")]
    Noise {
        /// As given.
        multiplier: f64,
    },
    /// The probability of failure.
    #[error("a delta of {delta}; it is above 0 and below 1")]
    Delta {
        /// As given.
        delta: f64,
    },
}

/// Rényi divergences so far, for a fixed set of orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accountant {
    orders: Vec<f64>,
    rdp: Vec<f64>,
    rounds: u64,
}

impl Default for Accountant {
    fn default() -> Self {
        Self::new()
    }
}

/// ln(e^a + e^b).
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// ln A for a whole order.
fn log_moment_whole(rate: f64, multiplier: f64, order: u32) -> f64 {
    let n = f64::from(order);
    let mut log_choose = 0.0;
    let mut log_a = f64::NEG_INFINITY;
    for k in 0..=order {
        let i = f64::from(k);
        let term = log_choose + i * rate.ln() + (n - i) * (-rate).ln_1p() + (i * i - i) / (2.0 * multiplier * multiplier);
        log_a = log_add(log_a, term);
        log_choose += ((n - i) / (i + 1.0)).ln();
    }
    log_a
}

/// ln A for any order above 1; `None` when it is too large for the sum, as with very little noise.
fn log_moment(rate: f64, multiplier: f64, order: f64) -> Option<f64> {
    let square = multiplier * multiplier;
    let step = (0.25 * square).min(0.125 * multiplier);
    // The integrand is a Gaussian around 0 and one around `order` at the most.
    let (from, to) = (-40.0 * multiplier, order + 40.0 * multiplier);
    let points = ((to - from) / step).ceil();
    if points > 1e7 {
        return None;
    }
    let mut sum = 0.0;
    for k in 0..=points as u64 {
        let x = from + k as f64 * step;
        let density = -x * x / (2.0 * square);
        let shift = (2.0 * x - 1.0) / (2.0 * square);
        // ln(1 + u), u = q (g - 1); for a large g from its logarithm.
        let (u, log) = if shift < 30.0 {
            let u = rate * shift.exp_m1();
            (u, u.ln_1p())
        } else {
            (f64::INFINITY, rate.ln() + shift)
        };
        let term = if (order * log).abs() < 1.0 {
            density.exp() * ((order * log).exp_m1() - order * u)
        } else {
            let of_u = if u.is_finite() { density.exp() * (1.0 + order * u) } else { order * (rate.ln() + shift + density).exp() };
            (order * log + density).exp() - of_u
        };
        sum += term;
    }
    let excess = sum * step / (multiplier * std::f64::consts::TAU.sqrt());
    excess.is_finite().then(|| excess.max(0.0).ln_1p())
}

/// Rényi divergence of one round at one order.
fn divergence(rate: f64, multiplier: f64, order: f64) -> f64 {
    if rate == 1.0 {
        return order / (2.0 * multiplier * multiplier);
    }
    // ln A is convex in the order and 0 at order 1, so it lies below the line between its neighbours of whole order.
    let between = || {
        let (low, share) = (order.floor(), order.fract());
        (1.0 - share) * log_moment_whole(rate, multiplier, low as u32) + share * log_moment_whole(rate, multiplier, low as u32 + 1)
    };
    let log_a = if order.fract() == 0.0 {
        log_moment_whole(rate, multiplier, order as u32)
    } else {
        log_moment(rate, multiplier, order).unwrap_or_else(between)
    };
    (log_a / (order - 1.0)).max(0.0)
}

impl Accountant {
    /// With orders from 1.1 to 10.9 by tenths, 11 to 63, and 128, 256, 512, 1024.
    pub fn new() -> Self {
        let mut orders: Vec<f64> = (1..100).map(|tenths| 1.0 + f64::from(tenths) / 10.0).collect();
        orders.extend((11..64).map(f64::from));
        orders.extend([128.0, 256.0, 512.0, 1024.0]);
        let rdp = vec![0.0; orders.len()];
        Self { orders, rdp, rounds: 0 }
    }

    /// Adds `rounds` sums with noise of `multiplier` times the greatest addend, each site being in each of them with probability `rate`.
    ///
    /// Take `rate` below 1 only where the one against whom privacy is stated does not learn who took part. The coordinator of a federation does.
    ///
    /// # Errors
    ///
    /// `Rate`, `Noise`.
    pub fn add_rounds(&mut self, rounds: u64, multiplier: f64, rate: f64) -> Result<(), AccountError> {
        if !(rate > 0.0 && rate <= 1.0) {
            return Err(AccountError::Rate { rate });
        }
        if !(multiplier > 0.0 && multiplier.is_finite()) {
            return Err(AccountError::Noise { multiplier });
        }
        for (rdp, &order) in self.rdp.iter_mut().zip(&self.orders) {
            *rdp += rounds as f64 * divergence(rate, multiplier, order);
        }
        self.rounds += rounds;
        Ok(())
    }

    /// How many sums are in it.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Epsilon for this delta: 0 before the first round.
    ///
    /// # Errors
    ///
    /// `Delta`.
    pub fn epsilon(&self, delta: f64) -> Result<f64, AccountError> {
        if !(delta > 0.0 && delta < 1.0) {
            return Err(AccountError::Delta { delta });
        }
        let least = self.orders.iter().zip(&self.rdp).map(|(&order, &rdp)| {
            // A divergence so small that even total variation stays below delta (Bretagnolle and Huber).
            if delta * delta + (-rdp).exp_m1() > 0.0 {
                return 0.0;
            }
            rdp + (-1.0 / order).ln_1p() - (order * delta).ln() / (order - 1.0)
        });
        Ok(least.fold(f64::INFINITY, f64::min).max(0.0))
    }
}

/// Epsilon after `rounds` sums in which every site is counted.
///
/// # Errors
///
/// `Noise`, `Delta`.
pub fn epsilon_after(rounds: u64, multiplier: f64, delta: f64) -> Result<f64, AccountError> {
    let mut accountant = Accountant::new();
    accountant.add_rounds(rounds, multiplier, 1.0)?;
    accountant.epsilon(delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ln erfc(x).
    ///
    /// Below 2 by the series of erf (Abramowitz and Stegun 7.1.6), above by Laplace's continued fraction (7.1.14) from its far end.
    fn log_erfc(x: f64) -> f64 {
        if x < 0.0 {
            return (2.0 - log_erfc(-x).exp()).ln();
        }
        if x < 2.0 {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= 2.0 * x * x / f64::from(2 * n + 1);
                sum += term;
                if term < 1e-18 * sum {
                    break;
                }
            }
            return (1.0 - std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum).ln();
        }
        let mut fraction = x;
        for n in (1..=160).rev() {
            fraction = x + f64::from(n) / 2.0 / fraction;
        }
        -x * x - (fraction * std::f64::consts::PI.sqrt()).ln()
    }

    /// Standard normal distribution function.
    fn phi(x: f64) -> f64 {
        0.5 * log_erfc(-x / std::f64::consts::SQRT_2).exp()
    }

    #[test]
    fn erfc_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 7.1 and 7.3.
        for (x, erfc) in [(0.0, 1.0), (0.5, 0.479_500_122_186_953_5), (1.0, 0.157_299_207_050_285_13), (-1.0, 1.842_700_792_949_715)] {
            assert!((log_erfc(x).exp() - erfc).abs() < 1e-15, "{x}");
        }
        for (x, erfc) in [
            (2.0, 4.677_734_981_047_266e-3),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_035e-12),
            (10.0, 2.088_487_583_762_545e-45),
        ] {
            assert!((log_erfc(x) - f64::ln(erfc)).abs() < 1e-12, "{x}");
        }
        // Both ways meet.
        assert!((log_erfc(2.0 - 1e-9) - log_erfc(2.0)).abs() < 1e-8);
    }

    #[test]
    fn whole_orders_agree_with_the_integral_for_any_order() {
        for (rate, multiplier) in [(0.01, 1.0), (0.2, 0.8), (0.5, 2.0)] {
            for order in [2u32, 5, 17] {
                let (whole, any) = (log_moment_whole(rate, multiplier, order), log_moment(rate, multiplier, f64::from(order)).unwrap());
                assert!((whole - any).abs() < 1e-11 * whole, "{rate} {multiplier} {order}: {whole} {any}");
            }
        }
        // Integrated with 30 digits by mpmath 1.3.
        for (rate, multiplier, order, exact) in [
            (0.1, 1.1, 3.2, 0.054_270_504_984_550_3),
            (0.1, 0.7, 2.3, 0.120_099_337_454_151_93),
            (0.5, 4.0, 3.6, 0.076_799_313_945_109_44),
            (0.5, 1.5, 2.4, 0.230_824_930_499_257_04),
            (0.01, 0.6, 2.5, 0.003_573_797_418_500_426_2),
            (0.1, 0.7, 1.9, 0.052_083_680_311_780_92),
        ] {
            let found = log_moment(rate, multiplier, order).unwrap();
            assert!((found - exact).abs() < 1e-11 * exact, "{rate} {multiplier} {order}: {found} {exact}");
        }
    }

    #[test]
    fn very_little_noise_is_bounded_and_not_lost() {
        let mut accountant = Accountant::new();
        accountant.add_rounds(1, 0.01, 0.5).unwrap();
        let epsilon = accountant.epsilon(1e-5).unwrap();
        // Below that of the same noise without sampling, far above any use.
        assert!(epsilon > 1000.0 && epsilon <= epsilon_after(1, 0.01, 1e-5).unwrap() * 2.0, "{epsilon}");
    }

    #[test]
    fn second_moment_is_the_closed_form() {
        // Order 2: A = 1 + q² (e^(1/z²) - 1).
        let (rate, multiplier): (f64, f64) = (0.1, 1.3);
        let exact = (rate * rate * (1.0 / (multiplier * multiplier)).exp_m1()).ln_1p();
        assert!((log_moment_whole(rate, multiplier, 2) - exact).abs() < 1e-14);
    }

    #[test]
    fn epsilon_is_above_the_exact_one_of_the_gaussian_mechanism_and_near_it() {
        // Balle and Wang (2018), Theorem 8: delta(epsilon) of noise s over sensitivity 1. T rounds with z are one with z/sqrt(T).
        for (rounds, multiplier, delta) in [(1, 1.0, 1e-5), (10, 2.0, 1e-5), (100, 8.0, 1e-6), (30, 1.0, 1e-3)] {
            let s = multiplier / f64::from(rounds).sqrt();
            let delta_of = |e: f64| phi(0.5 / s - e * s) - e.exp() * phi(-0.5 / s - e * s);
            let (mut low, mut high) = (0.0, 500.0);
            for _ in 0..200 {
                let middle = 0.5 * (low + high);
                if delta_of(middle) > delta { low = middle } else { high = middle }
            }
            let bound = epsilon_after(rounds as u64, multiplier, delta).unwrap();
            assert!(bound >= high && bound < 1.25 * high, "{rounds} {multiplier} {delta}: {bound} against {high}");
        }
    }

    #[test]
    fn rounds_add_and_sampling_helps() {
        let mut twice = Accountant::new();
        twice.add_rounds(10, 1.1, 0.2).unwrap();
        twice.add_rounds(10, 1.1, 0.2).unwrap();
        let mut once = Accountant::new();
        once.add_rounds(20, 1.1, 0.2).unwrap();
        assert!((twice.epsilon(1e-5).unwrap() - once.epsilon(1e-5).unwrap()).abs() < 1e-12);
        assert!(once.epsilon(1e-5).unwrap() < epsilon_after(20, 1.1, 1e-5).unwrap());
        assert_eq!(Accountant::new().epsilon(1e-5), Ok(0.0));
        assert!(once.add_rounds(1, f64::NAN, 0.5).is_err() && once.add_rounds(1, 1.0, 0.0).is_err() && once.epsilon(0.0).is_err());
        assert_eq!(once.rounds(), 20);
    }
}
