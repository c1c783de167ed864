//! Probabilities that mean what they say: of the rows that are told 0.3, three in ten should come.
//!
//! Two ways from a score to a probability, both to be fitted on rows that the model was not fitted to:
//!
//! * **Platt**: `p = 1 / (1 + e^(a s + b))` of least log loss. Targets are drawn in, `(n_1 + 1) / (n_1 + 2)` for 1 and `1 / (n_0 + 2)` for 0, so that
//!   separable scores do not end at certainty. Newton's steps, halved until the loss falls.
//! * **Isotonic**: the ascending steps of least squared error, by pooling neighbours that are out of order, and straight lines between the
//!   middles of the steps' ends. Needs more rows (some hundreds), but no shape.
//!
//! Sources: J. Platt, "Probabilistic outputs for support vector machines" (1999); H.-T. Lin, C.-J. Lin, R. Weng, "A note on Platt's
//! probabilistic outputs", Machine Learning 68 (2007), for the steps and a loss that does not overflow; M. Ayer and others, "An empirical
//! distribution function for sampling with incomplete information" (1955) for the pooling.

use crate::guard::{Fault, Faults, FitError};
use serde::{Deserialize, Serialize};

/// Fewer rows than these calibrate nothing.
const LEAST_ROWS: usize = 10;

fn look(scores: &[f64], came: &[bool]) -> Result<(), FitError> {
    let mut faults = Faults::default();
    if came.len() != scores.len() {
        faults.add(Fault::Length { what: "the list of what came", found: came.len(), expected: scores.len() });
    }
    if scores.len() < LEAST_ROWS {
        faults.add(Fault::TooFewRows { found: scores.len(), needed: LEAST_ROWS });
    }
    let bad: Vec<usize> = (0..scores.len()).filter(|&i| !scores[i].is_finite()).collect();
    if !bad.is_empty() {
        faults.add(Fault::NotFinite { column: 0, count: bad.len(), rows: bad.into_iter().take(5).collect() });
    }
    if !came.is_empty() && came.iter().all(|c| *c == came[0]) {
        faults.add(Fault::ConstantAnswer { value: f64::from(u8::from(came[0])) });
    }
    faults.none()
}

/// A sigmoid from score to probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Platt {
    pub a: f64,
    pub b: f64,
}

impl Platt {
    /// # Errors
    ///
    /// Fewer than ten rows, one class only, lists of different lengths, scores that are not finite.
    pub fn fit(scores: &[f64], came: &[bool]) -> Result<Self, FitError> {
        look(scores, came)?;
        let positive = came.iter().filter(|c| **c).count() as f64;
        let negative = came.len() as f64 - positive;
        let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
        let target: Vec<f64> = came.iter().map(|&c| if c { high } else { low }).collect();
        // The scores are brought to a spread of one, so that the steps do not depend on their unit.
        let n = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / n;
        let spread = (scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n).sqrt();
        let spread = if spread > 0.0 { spread } else { 1.0 };
        let s: Vec<f64> = scores.iter().map(|v| (v - mean) / spread).collect();
        let loss = |a: f64, b: f64| -> f64 {
            s.iter()
                .zip(&target)
                .map(|(s, t)| {
                    let f = a * s + b;
                    (-f.abs()).exp().ln_1p() + if f >= 0.0 { t * f } else { (t - 1.0) * f }
                })
                .sum()
        };
        let (mut a, mut b) = (0.0, ((negative + 1.0) / (positive + 1.0)).ln());
        let mut now = loss(a, b);
        for _ in 0..100 {
            let (mut h11, mut h22, mut h21, mut g1, mut g2) = (1e-12, 1e-12, 0.0, 0.0, 0.0);
            for (s, t) in s.iter().zip(&target) {
                let p = 1.0 / (1.0 + (a * s + b).exp());
                let d2 = p * (1.0 - p);
                h11 += s * s * d2;
                h22 += d2;
                h21 += s * d2;
                g1 += s * (t - p);
                g2 += t - p;
            }
            if g1.abs() < 1e-9 && g2.abs() < 1e-9 {
                break;
            }
            let determinant = h11 * h22 - h21 * h21;
            let (da, db) = (-(h22 * g1 - h21 * g2) / determinant, -(h11 * g2 - h21 * g1) / determinant);
            let slope = g1 * da + g2 * db;
            let mut step = 1.0;
            while step > 1e-10 {
                let next = loss(a + step * da, b + step * db);
                if next < now + 1e-4 * step * slope {
                    (a, b, now) = (a + step * da, b + step * db, next);
                    break;
                }
                step /= 2.0;
            }
            if step <= 1e-10 {
                break;
            }
        }
        Ok(Self { a: a / spread, b: b - a * mean / spread })
    }

    /// The probability of a score.
    pub fn probability(&self, score: f64) -> f64 {
        1.0 / (1.0 + (self.a * score + self.b).exp())
    }
}

/// Ascending steps from score to probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Isotonic {
    /// Ends of the steps, ascending, and the probability at each.
    scores: Vec<f64>,
    probabilities: Vec<f64>,
}

impl Isotonic {
    /// # Errors
    ///
    /// Fewer than ten rows, one class only, lists of different lengths, scores that are not finite.
    pub fn fit(scores: &[f64], came: &[bool]) -> Result<Self, FitError> {
        look(scores, came)?;
        let values: Vec<f64> = came.iter().map(|&c| f64::from(u8::from(c))).collect();
        let (scores, probabilities) = ascending(scores, &values);
        Ok(Self { scores, probabilities })
    }

    /// The probability of a score: between two ends on the line through them, outside that of the nearest end.
    pub fn probability(&self, score: f64) -> f64 {
        let at = self.scores.partition_point(|s| *s < score);
        if at == 0 {
            return self.probabilities[0];
        }
        if at == self.scores.len() {
            return self.probabilities[at - 1];
        }
        let (low, high) = (self.scores[at - 1], self.scores[at]);
        let (from, to) = (self.probabilities[at - 1], self.probabilities[at]);
        from + (to - from) * ((score - low) / (high - low))
    }

    /// Ends of the steps with their probabilities.
    pub fn steps(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.scores.iter().copied().zip(self.probabilities.iter().copied())
    }
}

/// The ascending function of least squared error through points: first and last `x` of every step, and its value.
pub fn ascending(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    struct Block {
        from: f64,
        to: f64,
        sum: f64,
        weight: f64,
    }
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_unstable_by(|&a, &b| x[a].total_cmp(&x[b]).then(a.cmp(&b)));
    let mut blocks: Vec<Block> = Vec::new();
    // Points of one score are one point to begin with.
    for same in order.chunk_by(|&a, &b| x[a] == x[b]) {
        let at = x[same[0]];
        let sum = same.iter().map(|&i| y[i]).sum();
        blocks.push(Block { from: at, to: at, sum, weight: same.len() as f64 });
        while let [.., a, b] = &blocks[..] {
            if a.sum * b.weight < b.sum * a.weight {
                break;
            }
            let b = blocks.pop().expect("two blocks");
            let a = blocks.last_mut().expect("two blocks");
            a.to = b.to;
            a.sum += b.sum;
            a.weight += b.weight;
        }
    }
    let (mut ends, mut values) = (Vec::new(), Vec::new());
    for b in &blocks {
        ends.push(b.from);
        values.push(b.sum / b.weight);
        if b.to > b.from {
            ends.push(b.to);
            values.push(b.sum / b.weight);
        }
    }
    (ends, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;
    use studies::synthetic::random::Random;

    #[test]
    fn pooling_by_hand() {
        // 1 before 0 is pooled to a half, twice, and both halves to one.
        let (ends, values) = ascending(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        assert_eq!(ends, [1.0, 2.0, 5.0, 6.0]);
        assert_eq!(values, [0.0, 0.5, 0.5, 1.0]);
        // Ties are one point of their mean.
        assert_eq!(ascending(&[1.0, 1.0, 0.0], &[1.0, 0.0, 0.25]), (vec![0.0, 1.0], vec![0.25, 0.5]));
    }

    #[test]
    fn pooling_is_the_least_squared_error_of_all_ascending_steps() {
        // Against the min-max formula: value i = max over a <= i of min over b >= i of the mean of a..=b.
        let mut r = Random::new(3, 0, 0);
        for _ in 0..30 {
            let n = r.whole(3, 25) as usize;
            let x: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let y: Vec<f64> = (0..n).map(|i| 0.1 * i as f64 + r.normal()).collect();
            let (ends, values) = ascending(&x, &y);
            let mean = |a: usize, b: usize| y[a..=b].iter().sum::<f64>() / (b - a + 1) as f64;
            for i in 0..n {
                let exact = (0..=i).map(|a| (i..n).map(|b| mean(a, b)).fold(f64::INFINITY, f64::min)).fold(f64::NEG_INFINITY, f64::max);
                let step = ends.partition_point(|e| *e < x[i]);
                assert!((values[step] - exact).abs() < 1e-12, "{i}: {} {exact}", values[step]);
            }
        }
    }

    /// Scores whose true probability is the sigmoid of three times the score less one.
    fn scored(rows: usize, seed: u64) -> (Vec<f64>, Vec<bool>) {
        let mut r = Random::new(seed, 0, 0);
        let scores: Vec<f64> = (0..rows).map(|_| r.normal()).collect();
        let came = scores.iter().map(|s| r.chance(1.0 / (1.0 + (1.0 - 3.0 * s).exp()))).collect();
        (scores, came)
    }

    #[test]
    fn a_sigmoid_is_found_back() {
        let (scores, came) = scored(20_000, 1);
        let platt = Platt::fit(&scores, &came).unwrap();
        // Standard errors at this size are about 0.04 and 0.02.
        assert!((platt.a + 3.0).abs() < 0.15 && (platt.b - 1.0).abs() < 0.1, "{platt:?}");
        // The unit of the scores makes no difference.
        let wide: Vec<f64> = scores.iter().map(|s| 1e6 * s + 3e7).collect();
        let other = Platt::fit(&wide, &came).unwrap();
        for (s, w) in scores.iter().zip(&wide).take(100) {
            assert!((platt.probability(*s) - other.probability(*w)).abs() < 1e-6);
        }
        // At the least loss the targets sum to the probabilities.
        let said: f64 = scores.iter().map(|&s| platt.probability(s)).sum();
        let n1 = came.iter().filter(|c| **c).count() as f64;
        let n0 = 20_000.0 - n1;
        assert!((said - (n1 * (n1 + 1.0) / (n1 + 2.0) + n0 / (n0 + 2.0))).abs() < 1e-4);
    }

    #[test]
    fn calibrated_probabilities_come_as_said() {
        let (scores, came) = scored(4000, 2);
        let (test, test_came) = scored(4000, 3);
        let raw: Vec<f64> = test.iter().map(|s| 1.0 / (1.0 + (-s).exp())).collect();
        let before = metrics::calibration_error(&test_came, &raw, 10).unwrap();
        let platt = Platt::fit(&scores, &came).unwrap();
        let isotonic = Isotonic::fit(&scores, &came).unwrap();
        let errors = [
            metrics::calibration_error(&test_came, &test.iter().map(|&s| platt.probability(s)).collect::<Vec<_>>(), 10).unwrap(),
            metrics::calibration_error(&test_came, &test.iter().map(|&s| isotonic.probability(s)).collect::<Vec<_>>(), 10).unwrap(),
        ];
        assert!(before > 0.1 && errors.iter().all(|e| *e < 0.03), "{before} {errors:?}");
        let steps: Vec<(f64, f64)> = isotonic.steps().collect();
        assert!(steps.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        assert_eq!(isotonic.probability(-1e9), steps[0].1);
        assert_eq!(isotonic.probability(1e9), steps[steps.len() - 1].1);
        let back: Isotonic = serde_json::from_str(&serde_json::to_string(&isotonic).unwrap()).unwrap();
        assert_eq!(back, isotonic);
    }

    #[test]
    fn separable_scores_do_not_end_at_certainty() {
        let scores: Vec<f64> = (0..20).map(f64::from).collect();
        let came: Vec<bool> = (0..20).map(|i| i >= 10).collect();
        let platt = Platt::fit(&scores, &came).unwrap();
        assert!(platt.probability(19.0) > 0.9 && platt.probability(19.0) < 1.0, "{platt:?}");
        assert!(platt.probability(0.0) < 0.1 && platt.probability(0.0) > 0.0);
    }

    #[test]
    fn what_calibrates_nothing_is_refused() {
        let error = Platt::fit(&[1.0, f64::NAN], &[true, true, true]).unwrap_err();
        assert_eq!(error.faults.len(), 4, "{error}");
        assert!(Isotonic::fit(&[1.0; 20], &[true; 20]).is_err());
        // Scores that say nothing give the frequency.
        let came: Vec<bool> = (0..20).map(|i| i % 4 == 0).collect();
        assert_eq!(Isotonic::fit(&[1.0; 20], &came).unwrap().probability(0.0), 0.25);
        let platt = Platt::fit(&[1.0; 20], &came).unwrap();
        assert!((platt.probability(1.0) - (5.0 * 6.0 / 7.0 + 15.0 / 17.0) / 20.0).abs() < 1e-6);
    }
}
