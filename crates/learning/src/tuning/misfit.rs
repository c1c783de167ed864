//! How badly a prediction fits the readings.
//!
//! A meter of a class has an error that stays (its ratio) and one that does not (what comes anew with each reading). With the relative
//! residual `r_t` of a channel at `n` moments, the standing error normal with `σ_g` and the other with `σ_e`, twice the negative logarithm of
//! the likelihood, the standing error integrated out, is up to a constant
//!
//! ```text
//! χ² = Σ (r_t - r̄)² / σ_e²  +  r̄² / (σ_g² + σ_e²/n)
//! ```
//!
//! (the covariance `σ_e² I + σ_g² 1 1ᵀ` has these eigenvalues). What the source does between its readings, and the noise of its own meter, moves
//! all voltages together: at each moment the residuals around their means share an error of deviation `σ_c`. With `a_k = w_k/σ_e²` of
//! channel `k` and `A = Σ a_k`, the inverse of a diagonal plus a matrix of rank one (Sherman and Morrison) takes from the sum
//!
//! ```text
//! Σ over moments  (Σ a_k (r_kt - r̄_k))² σ_c² / (1 + σ_c² A)
//! ```
//!
//! Without it a hundred meters behind one noisy source would count as a hundred witnesses.
//!
//! All three deviations are estimated from the readings. `σ_c`: what the channels' median does from moment to moment. `σ_e`: the median over the
//! channels of what is left around their means and that, so that a few channels that the model fits badly do not hide in it. `σ_g`: the mean
//! square of the channels' means, with as many degrees of freedom taken off as there are parameters; at most what the class promises
//! (limit/√3, a rectangular distribution), which is also what stands before levels are fitted.
//!
//! What a channel is left with beyond `σ_e`, and what hangs together from moment to moment, is error of the model rather than of the meter
//! and makes the channel count less, by
//!
//! ```text
//! w = (1 - ρ)/(1 + ρ) / max(1, s²/σ_e²)
//! ```
//!
//! with `ρ` the correlation of neighbouring residuals where positive (the effective number of independent readings of a series of first
//! order) and `s²` their variance. What hangs together from channel to channel is error of the model as well: loads that nobody meters move
//! all voltages of a phase. `K` channels with correlations `ρ_ij` count as `K²/Σρ_ij²` independent ones (Bretherton et al. 1999, Journal of
//! Climate 12, equation 5); independent ones of `T` moments would, by chance alone, have `Σρ_ij² = K + K(K - 1)/(T - 1)`. All weights are
//! multiplied by
//!
//! ```text
//! min(1, (K + K(K - 1)/(T - 1)) / Σρ_ij²)
//! ```

use super::readings::{Channel, Quantity, Readings};
use crate::metrics::median_of;

/// Least that the readings of a channel can scatter, relative: no model is exact.
const SCATTER_LEAST: f64 = 2e-4;

/// Errors that are expected.
#[derive(Clone, Debug)]
pub(super) struct Errors {
    /// Deviation of what stays, relative.
    pub gain: f64,
    /// Deviation of what does not, relative, by channel.
    pub scatter: Vec<f64>,
    /// How much each channel counts.
    pub weight: Vec<f64>,
    /// What all voltages have in common, by moment, and its deviation.
    pub common: Vec<f64>,
    pub common_sd: f64,
    /// By how much all channels count less because they hang together.
    pub shared: f64,
}

/// Mean, sum of squares around it, number and correlation of neighbours of what is left of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Left {
    pub mean: f64,
    pub squares: f64,
    pub n: f64,
    pub neighbours: f64,
}

/// Relative residuals of a channel; NaN where not read.
pub(super) fn residuals<'a>(c: &'a Channel, predicted: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    c.measured.iter().zip(predicted).map(|(m, p)| (m - p) / c.scale)
}

pub(super) fn left(r: impl Iterator<Item = f64>) -> Left {
    let r: Vec<f64> = r.filter(|x| x.is_finite()).collect();
    let n = r.len() as f64;
    if r.is_empty() {
        return Left::default();
    }
    let mean = r.iter().sum::<f64>() / n;
    let squares: f64 = r.iter().map(|x| (x - mean).powi(2)).sum();
    let lagged: f64 = r.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum();
    let neighbours = if squares > 0.0 { (lagged / squares).clamp(0.0, 0.95) } else { 0.0 };
    Left { mean, squares, n, neighbours }
}

impl Left {
    /// χ² without the weight.
    pub fn misfit(&self, gain: f64, scatter: f64, with_level: bool) -> f64 {
        if self.n == 0.0 {
            return 0.0;
        }
        let s2 = scatter * scatter;
        let level = if with_level { self.mean * self.mean / (gain * gain + s2 / self.n) } else { 0.0 };
        self.squares / s2 + level
    }

    pub fn variance(&self) -> f64 {
        if self.n > 1.0 { self.squares / (self.n - 1.0) } else { 0.0 }
    }

    /// How much a channel counts that is left with this.
    pub fn weight(&self, scatter: f64) -> f64 {
        (1.0 - self.neighbours) / (1.0 + self.neighbours) / (self.variance() / (scatter * scatter)).max(1.0)
    }
}

/// How many channels count as one because they hang together: 1 where they are independent; see the file's header.
fn together(series: &[Vec<f64>]) -> f64 {
    let normal: Vec<Vec<f64>> = series
        .iter()
        .filter_map(|r| {
            let l = left(r.iter().copied());
            (l.squares > 0.0).then(|| r.iter().map(|x| if x.is_finite() { (x - l.mean) / l.squares.sqrt() } else { 0.0 }).collect())
        })
        .collect();
    let (k, t) = (normal.len() as f64, normal.first().map_or(0.0, |r: &Vec<f64>| r.len() as f64));
    if k < 2.0 || t < 3.0 {
        return 1.0;
    }
    let mut sum = k;
    for i in 0..normal.len() {
        for j in 0..i {
            sum += 2.0 * normal[i].iter().zip(&normal[j]).map(|(a, b)| a * b).sum::<f64>().powi(2);
        }
    }
    ((k + k * (k - 1.0) / (t - 1.0)) / sum).min(1.0)
}

impl Errors {
    /// Of a prediction with `free` parameters fitted to it; `class_pct` is the limit of the meters' class.
    pub fn of(readings: &Readings, predicted: &[Vec<f64>], class_pct: f64, free: usize) -> Self {
        let promised = class_pct / 100.0 / 3f64.sqrt();
        let all: Vec<Vec<f64>> = readings.channels.iter().zip(predicted).map(|(c, p)| residuals(c, p).collect()).collect();
        let means: Vec<f64> = all.iter().map(|r| left(r.iter().copied()).mean).collect();
        let voltages: Vec<usize> = (0..all.len()).filter(|&i| readings.channels[i].quantity == Quantity::Voltage).collect();
        let common: Vec<f64> =
            (0..readings.times_s.len()).map(|t| median_of(voltages.iter().map(|&i| all[i][t] - means[i])).unwrap_or(0.0)).collect();
        // A few channels have no median of their own.
        let common = if voltages.len() < 5 { vec![0.0; common.len()] } else { common };
        let lefts: Vec<Left> = readings
            .channels
            .iter()
            .zip(&all)
            .map(|(c, r)| {
                let taken = if c.quantity == Quantity::Voltage { 1.0 } else { 0.0 };
                left(r.iter().zip(&common).map(|(r, c)| r - taken * c))
            })
            .collect();
        let scatter_of = |is: &dyn Fn(Quantity) -> bool| {
            let chosen = readings.channels.iter().zip(&lefts).filter(|(c, l)| is(c.quantity) && l.n > 1.0);
            median_of(chosen.map(|(_, l)| l.variance().sqrt())).unwrap_or(promised).max(SCATTER_LEAST)
        };
        let voltage = scatter_of(&|q| q == Quantity::Voltage);
        let power = scatter_of(&|q| q != Quantity::Voltage).max(promised);
        let scatter: Vec<f64> = readings.channels.iter().map(|c| if c.quantity == Quantity::Voltage { voltage } else { power }).collect();
        let shared =
            together(&voltages.iter().map(|&i| all[i].iter().zip(&common).map(|(r, c)| r - c).collect()).collect::<Vec<Vec<f64>>>());
        let weight = lefts.iter().zip(&scatter).map(|(l, s)| shared * l.weight(*s)).collect();
        let n = common.len().max(2) as f64;
        let noise = voltage * voltage / voltages.len().max(1) as f64;
        let common_sd = (common.iter().map(|c| c * c).sum::<f64>() / (n - 1.0) - noise).max(0.0).sqrt();
        let k = voltages.len() as f64;
        let freedom = (k - free as f64).max(k / 3.0).max(1.0);
        let gain =
            (voltages.iter().map(|&i| means[i] * means[i]).sum::<f64>() / freedom).sqrt().clamp(SCATTER_LEAST.min(promised), promised);
        Self { gain, scatter, weight, common, common_sd, shared }
    }

    /// Standing deviation of a channel: of a power that of the class, which its few channels cannot tell.
    pub fn standing(&self, c: &Channel, class_pct: f64) -> f64 {
        if c.quantity == Quantity::Voltage { self.gain } else { class_pct / 100.0 / 3f64.sqrt() }
    }

    /// What the common error takes from a quadratic form, by moment, for the sums of `a_k` of that moment.
    pub fn common_share(&self, a: f64) -> f64 {
        let c2 = self.common_sd * self.common_sd;
        c2 / (1.0 + c2 * a)
    }

    /// χ² of a prediction.
    pub fn misfit(&self, readings: &Readings, predicted: &[Vec<f64>], with_level: bool, class_pct: f64) -> f64 {
        let moments = readings.times_s.len();
        let (mut sums, mut a_sums) = (vec![0.0; moments], vec![0.0; moments]);
        let mut total = 0.0;
        for (i, (c, p)) in readings.channels.iter().zip(predicted).enumerate() {
            let of = left(residuals(c, p));
            total += self.weight[i] * of.misfit(self.standing(c, class_pct), self.scatter[i], with_level);
            if c.quantity == Quantity::Voltage {
                let a = self.weight[i] / self.scatter[i].powi(2);
                for (t, r) in residuals(c, p).enumerate().filter(|(_, r)| r.is_finite()) {
                    sums[t] += a * (r - of.mean);
                    a_sums[t] += a;
                }
            }
        }
        total - sums.iter().zip(&a_sums).map(|(s, a)| s * s * self.common_share(*a)).sum::<f64>()
    }
}

/// Root mean square of the relative voltage residuals of some channels, percent; none where there are none.
pub(super) fn rms_pct(readings: &Readings, predicted: &[Vec<f64>], of: impl Fn(usize) -> bool) -> Option<f64> {
    let chosen = readings.channels.iter().zip(predicted).enumerate().filter(|(i, (c, _))| c.quantity == Quantity::Voltage && of(*i));
    let (sum, n) =
        chosen.flat_map(|(_, (c, p))| residuals(c, p)).filter(|r| r.is_finite()).fold((0.0, 0.0), |(s, n), r| (s + r * r, n + 1.0));
    (n > 0.0).then(|| 100.0 * f64::sqrt(sum / n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_that_are_copies_count_as_one() {
        use studies::synthetic::random::Random;
        let mut random = Random::new(1, 1, 1);
        let one: Vec<f64> = (0..400).map(|_| random.normal()).collect();
        let copies = vec![one; 20];
        // 20 copies have Σρ² = 400; 20 independent series of 400 moments 20 + 380/399.
        assert!((together(&copies) - (20.0 + 380.0 / 399.0) / 400.0).abs() < 1e-9);
        let independent: Vec<Vec<f64>> = (0..20).map(|_| (0..400).map(|_| random.normal()).collect()).collect();
        assert!(together(&independent) > 0.95, "{}", together(&independent));
    }

    /// Against the quadratic form with the covariance written out, for two readings.
    #[test]
    fn the_misfit_is_the_quadratic_form() {
        let (g, s, r) = (0.003, 0.002, [0.004, -0.001]);
        let (a, b) = (s * s + g * g, g * g);
        let det = a * a - b * b;
        let form = (a * (r[0] * r[0] + r[1] * r[1]) - 2.0 * b * r[0] * r[1]) / det;
        assert!((left(r.into_iter()).misfit(g, s, true) - form).abs() < 1e-9 * form);
        assert_eq!(left([f64::NAN; 3].into_iter()).misfit(g, s, true), 0.0);
    }
}
