//! Intervals that hold what they promise, whatever the model.
//!
//! Of rows that the model was not fitted to, a score says how far each lies outside of what was predicted. A new row that is like them (the order
//! of all of them carries no information: exchangeable) has a score no larger than the `k`-th of `n` with probability at least
//!
//! ```text
//! k / (n + 1),  k = ceil((n + 1) (1 - alpha))        and with at most 1 / (n + 1) more, if scores do not tie
//! ```
//!
//! * **Split**: score `|y - f(x)|`, interval `f(x) -+ s`, equally wide everywhere.
//! * **Of quantiles**: score `max(low(x) - y, y - high(x))`, interval `low(x) - s` to `high(x) + s`: as wide as the quantiles say, which may also be too
//!   wide (`s` below zero draws them in).
//!
//! The promise is one over all rows, not for each kind of row, and ends where the rows change (see [`crate::guard::Reference`]).
//!
//! Sources: H. Papadopoulos and others, "Inductive confidence machines for regression" (2002); Y. Romano, E. Patterson, E. Candès, "Conformalized
//! quantile regression", NeurIPS 2019.

use crate::guard::{Fault, Faults, FitError};
use serde::{Deserialize, Serialize};

/// By how much predictions have to be widened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// In the unit of the answers.
    pub widen: f64,
    /// Part of new rows that may lie outside.
    pub alpha: f64,
    /// Rows that it was judged by.
    pub rows: usize,
}

impl Conformal {
    /// From predictions of rows that the model was not fitted to.
    ///
    /// # Errors
    ///
    /// Fewer rows than the promise needs (`1 / alpha - 1`), lists of different lengths, values that are not finite, `alpha` not between 0 and 1.
    pub fn split(actual: &[f64], said: &[f64], alpha: f64) -> Result<Self, FitError> {
        Self::of_quantiles(actual, said, said, alpha)
    }

    /// From quantiles predicted for rows that the model was not fitted to.
    ///
    /// # Errors
    ///
    /// As [`Conformal::split`].
    pub fn of_quantiles(actual: &[f64], low: &[f64], high: &[f64], alpha: f64) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        let n = actual.len();
        faults.choice(alpha > 0.0 && alpha < 1.0, "the part that may lie outside", alpha, "between 0 and 1");
        for side in [low, high] {
            if side.len() != n {
                faults.add(Fault::Length { what: "the list of predictions", found: side.len(), expected: n });
            }
        }
        faults.none()?;
        let bad: Vec<usize> = (0..n).filter(|&i| !(actual[i].is_finite() && low[i].is_finite() && high[i].is_finite())).collect();
        if !bad.is_empty() {
            return Err(Fault::AnswerNotFinite { count: bad.len(), rows: bad.into_iter().take(5).collect() }.into());
        }
        let mut scores: Vec<f64> = (0..n).map(|i| (low[i] - actual[i]).max(actual[i] - high[i])).collect();
        let k = place(n, alpha);
        if k > n {
            // No finite interval can promise as much.
            return Err(Fault::TooFewRows { found: n, needed: (1.0 / alpha - 1.0 - 1e-9).ceil() as usize }.into());
        }
        let widen = *scores.select_nth_unstable_by(k - 1, f64::total_cmp).1;
        Ok(Self { widen, alpha, rows: n })
    }

    /// The interval around a prediction.
    pub fn around(&self, said: f64) -> (f64, f64) {
        self.between(said, said)
    }

    /// The interval from two quantiles. Where drawing in would turn it round it is their middle.
    pub fn between(&self, low: f64, high: f64) -> (f64, f64) {
        let (from, to) = (low - self.widen, high + self.widen);
        if from <= to { (from, to) } else { (low / 2.0 + high / 2.0, low / 2.0 + high / 2.0) }
    }
}

/// `ceil((n + 1) (1 - alpha))`, without what rounding adds to a whole number.
fn place(n: usize, alpha: f64) -> usize {
    (((n + 1) as f64 * (1.0 - alpha) - 1e-9).ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    #[test]
    fn the_place_is_that_of_the_finite_sample() {
        // Nine rows just suffice for nine in ten, with the largest score; eight do not.
        let said = [0.0; 9];
        let actual = [1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 9.0];
        assert_eq!(Conformal::split(&actual, &said, 0.1).unwrap().widen, 9.0);
        assert_eq!(Conformal::split(&actual, &said, 0.5).unwrap().widen, 5.0);
        assert_eq!(Conformal::split(&actual[..8], &said[..8], 0.1).unwrap_err().faults, [Fault::TooFewRows { found: 8, needed: 9 }]);
        assert_eq!(place(99, 0.1), 90);
        assert_eq!(place(19, 0.05), 19);
    }

    #[test]
    fn quantiles_that_are_too_wide_are_drawn_in() {
        let actual: Vec<f64> = (0..19).map(f64::from).collect();
        let c = Conformal::of_quantiles(&actual, &[-10.0; 19], &[30.0; 19], 0.1).unwrap();
        // Distances to the nearer end are 10 to 19 and 18 to 12 inwards; 18 of 19 lie at least 11 inside.
        assert_eq!(c.widen, -11.0);
        assert_eq!(c.between(-10.0, 30.0), (1.0, 19.0));
        assert_eq!(c.between(0.0, 1.0), (0.5, 0.5));
    }

    #[test]
    fn new_rows_are_covered_as_promised() {
        // Coverage over many draws of 49 rows and a new one: exactly k / (n + 1) for scores without ties.
        let mut r = Random::new(4, 0, 0);
        let (n, alpha, draws) = (49, 0.2, 4000);
        let mut within = 0;
        for _ in 0..draws {
            let noise = |r: &mut Random| r.normal().powi(3);
            let actual: Vec<f64> = (0..n).map(|_| noise(&mut r)).collect();
            let (low, high) = Conformal::split(&actual, &vec![0.0; n], alpha).unwrap().around(0.0);
            let new = noise(&mut r);
            within += usize::from(low <= new && new <= high);
        }
        let promised = place(n, alpha) as f64 / (n + 1) as f64;
        assert_eq!(promised, 0.8);
        let seen = within as f64 / f64::from(draws);
        // Four standard errors.
        assert!((seen - promised).abs() < 4.0 * (0.16 / f64::from(draws)).sqrt(), "{seen}");
    }

    #[test]
    fn bad_lists_are_refused() {
        assert_eq!(Conformal::of_quantiles(&[1.0; 9], &[1.0; 8], &[1.0; 7], 1.0).unwrap_err().faults.len(), 3);
        assert!(Conformal::split(&[f64::NAN; 20], &[1.0; 20], 0.1).is_err());
        let c = Conformal { widen: 0.1 + 0.2, alpha: 0.1, rows: 10 };
        assert_eq!(serde_json::from_str::<Conformal>(&serde_json::to_string(&c).unwrap()).unwrap(), c);
    }
}
