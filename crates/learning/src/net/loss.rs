//! What a network is blamed for, and the slope of it.
//!
//! With score `o`, target `y`, `e = o - y`, over the `w` outputs of a row:
//!
//! ```text
//! squared        1/w Σ e²
//! absolute       1/w Σ |e|                     with a row's weight 1/scale it is the mean absolute scaled error (Hyndman and Koehler, 2006)
//! quantiles      1/w Σ max((q - 1) d, q d)     d = y - o; outputs: the levels of the first target, those of the second, … (Koenker and Bassett, 1978)
//! cross entropy  -Σ y ln softmax(o)            y: shares that sum to 1
//! logistic       1/w Σ ln(1 + e^o) - y o       y: 0 to 1
//! ```
//!
//! The loss of several rows is the sum of weight times loss over the number of rows. The last two take scores before the softmax or the sigmoid, so that no
//! logarithm of zero is ever asked for; their slope is the difference of probability and target.

use super::real::Real;
use serde::{Deserialize, Serialize};

/// A loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    Squared,
    Absolute,
    /// Levels between 0 and 1; a row has as many scores for each of its targets.
    Quantiles(Vec<f64>),
    CrossEntropy,
    Logistic,
}

impl Loss {
    /// How many targets a row of `outputs` scores has; none where the outputs do not divide.
    pub fn targets(&self, outputs: usize) -> Option<usize> {
        match self {
            Self::Quantiles(levels) if levels.is_empty() || !outputs.is_multiple_of(levels.len()) => None,
            Self::Quantiles(levels) => Some(outputs / levels.len()),
            _ => Some(outputs),
        }
    }

    /// Loss of one row; adds nothing, writes its slope for each score times `factor` to `slope`.
    pub fn row<T: Real>(&self, scores: &[T], targets: &[T], factor: T, slope: &mut [T]) -> f64 {
        let share = T::ONE / T::of(scores.len() as f64);
        let mut sum = 0.0;
        match self {
            Self::Squared => {
                for ((&o, &y), d) in scores.iter().zip(targets).zip(slope) {
                    let e = o - y;
                    sum += (e * e).wide();
                    *d = factor * share * (e + e);
                }
                sum * share.wide()
            }
            Self::Absolute => {
                for ((&o, &y), d) in scores.iter().zip(targets).zip(slope) {
                    let e = o - y;
                    sum += e.abs().wide();
                    *d = factor * share * sign(e);
                }
                sum * share.wide()
            }
            Self::Quantiles(levels) => {
                for (i, (&o, d)) in scores.iter().zip(slope).enumerate() {
                    let q = T::of(levels[i % levels.len()]);
                    let miss = targets[i / levels.len()] - o;
                    let rate = if miss > T::ZERO { q } else { q - T::ONE };
                    sum += (rate * miss).wide();
                    *d = if miss == T::ZERO { T::ZERO } else { -(factor * share * rate) };
                }
                sum * share.wide()
            }
            Self::CrossEntropy => {
                let top = scores.iter().copied().fold(scores[0], Real::greater);
                let total: T = scores.iter().map(|&o| (o - top).exp()).sum();
                let whole: T = targets.iter().copied().sum();
                for ((&o, &y), d) in scores.iter().zip(targets).zip(slope) {
                    sum += (y * (total.ln() - (o - top))).wide();
                    *d = factor * ((o - top).exp() / total * whole - y);
                }
                sum
            }
            Self::Logistic => {
                for ((&o, &y), d) in scores.iter().zip(targets).zip(slope) {
                    // ln(1 + e^o) = max(o, 0) + ln(1 + e^-|o|)
                    sum += (o.greater(T::ZERO) + (T::ONE + (-o.abs()).exp()).ln() - y * o).wide();
                    *d = factor * share * (sigmoid(o) - y);
                }
                sum * share.wide()
            }
        }
    }
}

fn sign<T: Real>(e: T) -> T {
    if e > T::ZERO {
        T::ONE
    } else if e < T::ZERO {
        -T::ONE
    } else {
        T::ZERO
    }
}

/// `1 / (1 + e^-x)` without overflow.
pub fn sigmoid<T: Real>(x: T) -> T {
    let z = (-x.abs()).exp();
    if x < T::ZERO { z / (T::ONE + z) } else { T::ONE / (T::ONE + z) }
}

/// Shares in proportion to `e^score`, in place.
pub fn softmax<T: Real>(scores: &mut [T]) {
    let top = scores.iter().copied().fold(scores[0], Real::greater);
    for s in scores.iter_mut() {
        *s = (*s - top).exp();
    }
    let total: T = scores.iter().copied().sum();
    for s in scores.iter_mut() {
        *s = *s / total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(loss: &Loss, scores: &[f64], targets: &[f64]) -> (f64, Vec<f64>) {
        let mut slope = vec![f64::NAN; scores.len()];
        let value = loss.row(scores, targets, 1.0, &mut slope);
        (value, slope)
    }

    #[test]
    fn worked_by_hand() {
        assert_eq!(of(&Loss::Squared, &[1.0, 4.0], &[3.0, 3.0]), (2.5, vec![-2.0, 1.0]));
        assert_eq!(of(&Loss::Absolute, &[1.0, 4.0], &[3.0, 3.0]), (1.5, vec![-0.5, 0.5]));
        // Levels 0.1 and 0.9 of one target of 3: short by 2 costs 0.1 · 2, over by 1 costs 0.1 · 1.
        let (value, slope) = of(&Loss::Quantiles(vec![0.1, 0.9]), &[1.0, 4.0], &[3.0]);
        assert!((value - 0.15).abs() < 1e-15, "{value}");
        assert!((slope[0] + 0.05).abs() < 1e-15 && (slope[1] - 0.05).abs() < 1e-15, "{slope:?}");
        let (value, slope) = of(&Loss::CrossEntropy, &[0.0, 3.0f64.ln()], &[1.0, 0.0]);
        assert!((value - 4.0f64.ln()).abs() < 1e-15 && (slope[0] + 0.75).abs() < 1e-15 && (slope[1] - 0.75).abs() < 1e-15);
        let (value, slope) = of(&Loss::Logistic, &[3.0f64.ln()], &[0.0]);
        assert!((value - 4.0f64.ln()).abs() < 1e-15 && (slope[0] - 0.75).abs() < 1e-15);
    }

    #[test]
    fn great_scores_do_not_overflow() {
        let (value, slope) = of(&Loss::CrossEntropy, &[1e4, -1e4], &[0.0, 1.0]);
        assert!((value - 2e4).abs() < 1e-9 && slope == [1.0, -1.0], "{value} {slope:?}");
        assert_eq!(of(&Loss::Logistic, &[-1e4], &[1.0]), (1e4, vec![-1.0]));
        assert_eq!((sigmoid(1e4f32), sigmoid(-1e4f32), sigmoid(0.0f32)), (1.0, 0.0, 0.5));
        assert_eq!(Loss::Quantiles(vec![0.1, 0.5, 0.9]).targets(24), Some(8));
        assert_eq!(Loss::Quantiles(vec![0.1, 0.5, 0.9]).targets(25), None);
    }
}
