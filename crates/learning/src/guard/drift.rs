//! Whether rows of now are still like those that a model was fitted to.
//!
//! Drift is told by two figures a feature, each beside what chance alone would give:
//!
//! ```text
//! PSI = sum_b (a_b - e_b) ln(a_b / e_b)      shares of now (a) and of training (e) in ten bins of equal shares of training
//!       without drift PSI / (1/n + 1/m) is chi-squared with bins - 1 degrees of freedom
//! D   = max_x |F_now(x) - F_training(x)|     p = 2 sum_k (-1)^(k-1) exp(-2 k^2 l^2),  l = D (s + 0.12 + 0.11 / s),  s = sqrt(nm / (n + m))
//! ```
//!
//! Sources: N. Siddiqi, *Credit Risk Scorecards* (2006) for the index and its bounds of 0.1 and 0.25; B. Yurdakul, "Statistical properties of
//! population stability index" (2018) for its distribution; M. A. Stephens, "Use of the Kolmogorov-Smirnov, Cramér-von Mises and related
//! statistics without extensive tables", JRSS B 32 (1970), for the small-sample form of `l`.

use super::{Fault, Faults, FitError, Needs, table_faults};
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

/// Bins of equal shares of training that the stability index counts in.
const BINS: usize = 10;
/// A bin without rows would make the index infinite.
const LEAST_SHARE: f64 = 1e-4;
/// Order statistics kept of a feature; the distance is then right to 1 / KEPT.
const KEPT: usize = 5000;

/// How the features were distributed in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    rows: usize,
    features: Vec<Distribution>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Distribution {
    /// Inner edges; a value belongs to the first bin whose edge is not below it.
    edges: Vec<f64>,
    shares: Vec<f64>,
    /// Ascending.
    sample: Vec<f64>,
}

/// How far one feature has gone from training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    pub column: usize,
    /// Population stability index. Below 0.1 little, above 0.25 much.
    pub psi: f64,
    /// What the index exceeds by chance in one of a thousand samples of these sizes.
    pub psi_by_chance: f64,
    /// Largest distance of the distribution functions, 0 to 1.
    pub ks: f64,
    /// Probability of such a distance without drift.
    pub p_value: f64,
    pub drifted: bool,
}

/// When drift is flagged.
#[derive(Clone, Copy, Debug)]
pub struct DriftLimits {
    /// The index must exceed this, and what chance gives.
    pub psi: f64,
    /// The p-value of the distance must lie below this over the number of features (Bonferroni) ...
    pub p_value: f64,
    /// ... and the distance itself above this, since among many rows any distance is significant.
    pub ks: f64,
}

impl Default for DriftLimits {
    fn default() -> Self {
        Self { psi: 0.25, p_value: 0.01, ks: 0.1 }
    }
}

impl Reference {
    /// Of the rows that a model is fitted to.
    ///
    /// # Errors
    ///
    /// Fewer than 50 rows, no columns, values that are not finite.
    pub fn of(x: &Matrix) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        table_faults(x, Needs { rows: 50, missing: false, varying: false }, &mut faults);
        faults.none()?;
        let features = (0..x.columns())
            .map(|c| {
                let mut sorted: Vec<f64> = x.column(c).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                let n = sorted.len();
                let mut edges: Vec<f64> = (1..BINS).map(|b| sorted[b * n / BINS]).collect();
                edges.dedup();
                let shares = shares(&edges, &sorted);
                let sample = if n <= KEPT { sorted } else { (0..KEPT).map(|k| sorted[k * (n - 1) / (KEPT - 1)]).collect() };
                Distribution { edges, shares, sample }
            })
            .collect();
        Ok(Self { rows: x.rows(), features })
    }

    /// Rows that it is of.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Values of a feature, ascending.
    pub(super) fn sample(&self, column: usize) -> &[f64] {
        self.features.get(column).map_or(&[], |f| &f.sample)
    }

    /// How far each feature of `now` has gone.
    ///
    /// # Errors
    ///
    /// Fewer than 20 rows, another number of columns, values that are not finite.
    pub fn drift(&self, now: &Matrix, limits: &DriftLimits) -> Result<Vec<Drift>, FitError> {
        let mut faults = Faults::default();
        table_faults(now, Needs { rows: 20, missing: false, varying: false }, &mut faults);
        if now.columns() != self.features.len() {
            faults.add(Fault::Length { what: "a row", found: now.columns(), expected: self.features.len() });
        }
        faults.none()?;
        let (n, m) = (self.rows as f64, now.rows() as f64);
        let alone = limits.p_value / self.features.len() as f64;
        Ok(self
            .features
            .iter()
            .enumerate()
            .map(|(column, then)| {
                let mut sorted: Vec<f64> = now.column(column).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                let actual = shares(&then.edges, &sorted);
                let psi: f64 = actual
                    .iter()
                    .zip(&then.shares)
                    .map(|(&a, &e)| {
                        let (a, e) = (a.max(LEAST_SHARE), e.max(LEAST_SHARE));
                        (a - e) * (a / e).ln()
                    })
                    .sum();
                let psi_by_chance = CHI_SQUARED_999[then.shares.len().max(2) - 2] * (1.0 / n + 1.0 / m);
                let ks = distance(&then.sample, &sorted);
                let p_value = kolmogorov(ks, n, m);
                let drifted = (psi > limits.psi && psi > psi_by_chance) || (p_value < alone && ks > limits.ks);
                Drift { column, psi, psi_by_chance, ks, p_value, drifted }
            })
            .collect())
    }
}

fn shares(edges: &[f64], sorted: &[f64]) -> Vec<f64> {
    let mut below = 0;
    let mut shares: Vec<f64> = edges
        .iter()
        .map(|edge| {
            let upto = sorted.partition_point(|v| v <= edge);
            let share = (upto - below) as f64 / sorted.len() as f64;
            below = upto;
            share
        })
        .collect();
    shares.push((sorted.len() - below) as f64 / sorted.len() as f64);
    shares
}

/// The largest distance of two empirical distribution functions; both samples ascending.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let at = a[i].min(b[j]);
        while i < a.len() && a[i] <= at {
            i += 1;
        }
        while j < b.len() && b[j] <= at {
            j += 1;
        }
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

/// Probability that samples of `n` and `m` of one distribution are as far apart as `d`.
fn kolmogorov(d: f64, n: f64, m: f64) -> f64 {
    let s = (n * m / (n + m)).sqrt();
    let l = d * (s + 0.12 + 0.11 / s);
    // The series alternates too slowly there, and the sum is one to seven digits.
    if l < 0.3 {
        return 1.0;
    }
    let (mut sum, mut sign) = (0.0, 1.0);
    for k in 1..=100 {
        let term = (-2.0 * f64::from(k * k) * l * l).exp();
        sum += sign * term;
        sign = -sign;
        if term < 1e-18 {
            break;
        }
    }
    (2.0 * sum).clamp(0.0, 1.0)
}

/// The 0.999 quantiles of chi-squared with 1 to 9 degrees of freedom (any table of it).
const CHI_SQUARED_999: [f64; BINS - 1] = [10.828, 13.816, 16.266, 18.467, 20.515, 22.458, 24.322, 26.124, 27.877];

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    #[test]
    fn index_and_distance_of_a_shift_are_those_of_the_formula() {
        // Training: 0..100 once each; now: the upper half twice. Four bins lose all, one keeps its edge, five double.
        let then = Matrix::from_values(1, (0..100).map(f64::from).collect());
        let now = Matrix::from_values(1, (0..100).map(|i| f64::from(50 + i / 2)).collect());
        let reference = Reference::of(&then).unwrap();
        let drift = &reference.drift(&now, &DriftLimits::default()).unwrap()[0];
        // Edges are 10, 20, ...: the bins hold 11, 10, ..., 10, 9 of training.
        let then_shares = [0.11, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.09];
        let now_shares: [f64; 10] = [1e-4, 1e-4, 1e-4, 1e-4, 0.02, 0.2, 0.2, 0.2, 0.2, 0.18];
        let by_hand: f64 = now_shares.iter().zip(then_shares).map(|(a, e)| (a - e) * (a / e).ln()).sum();
        assert!((drift.psi - by_hand).abs() < 1e-12, "{} {by_hand}", drift.psi);
        assert!((drift.ks - 0.5).abs() < 1e-12);
        assert!(drift.drifted);
        // Ten bins have nine degrees of freedom, and 1/100 + 1/100 is 0.02.
        assert!((drift.psi_by_chance - 27.877 * 0.02).abs() < 1e-12, "{}", drift.psi_by_chance);
    }

    #[test]
    fn the_p_value_is_that_of_the_tables() {
        // Kolmogorov's distribution: 1.3581 is exceeded in 5 %, 1.6276 in 1 %. Large samples leave the correction behind.
        let s = (1e12f64 / 2.0).sqrt();
        assert!((kolmogorov(1.3581 / s, 1e12, 1e12) - 0.05).abs() < 1e-5);
        assert!((kolmogorov(1.6276 / s, 1e12, 1e12) - 0.01).abs() < 1e-5);
        assert_eq!(kolmogorov(0.0, 10.0, 10.0), 1.0);
    }

    #[test]
    fn samples_of_the_same_are_not_flagged_and_a_shift_is() {
        let draw = |seed: u64, shift: f64, rows: usize| {
            let mut r = Random::new(seed, 0x6472_6966, 0);
            Matrix::from_values(3, (0..rows * 3).map(|i| r.normal() + if i % 3 == 1 { shift } else { 0.0 }).collect())
        };
        let reference = Reference::of(&draw(1, 0.0, 2000)).unwrap();
        let mut false_flags = 0;
        for seed in 2..102 {
            false_flags += reference.drift(&draw(seed, 0.0, 150), &DriftLimits::default()).unwrap().iter().filter(|d| d.drifted).count();
        }
        // 300 looks: by the p-values 1 of 100 samples at most is flagged on the mean, by the index 0.1 of 100 features.
        assert!(false_flags <= 4, "{false_flags}");
        let drift = reference.drift(&draw(1000, 0.8, 150), &DriftLimits::default()).unwrap();
        assert_eq!(drift.iter().map(|d| d.drifted).collect::<Vec<_>>(), [false, true, false]);
    }
}
