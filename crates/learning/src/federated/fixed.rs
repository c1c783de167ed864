//! Numbers as whole multiples of a power of two in the ring of 64 bits, where masks live.
//!
//! A value `v` with `|v| <= bound` becomes `round(v 2^bits)` modulo 2^64. Sums of `addends` such words stay below 2^62 in magnitude when
//!
//! ```text
//! (bound 2^bits + 1) addends <= 2^62
//! ```
//!
//! so that the sum, read as a signed number, is the sum of the rounded values, exactly. `bits` is the largest that satisfies this, 40 at most. Anything
//! read that is greater than what honest addends can give is refused.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why numbers do not go in or out.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum FixedError {
    /// The bound leaves no precision.
    #[error("a bound of {bound} for {addends} addends leaves no room in 64 bits, or is not a number above 0")]
    Bound {
        /// The bound asked for.
        bound: f64,
        /// Addends asked for.
        addends: u32,
    },
    /// A value is not finite or beyond the bound.
    #[error("number {index} is {value}, which is not within {bound} of 0")]
    Range {
        /// Which of the numbers.
        index: usize,
        /// Its value.
        value: f64,
        /// The bound.
        bound: f64,
    },
    /// A sum is beyond what addends within the bound can give.
    #[error("sum {index} of {addends} addends is {value}, which addends within {bound} cannot give")]
    Overflow {
        /// Which of the sums.
        index: usize,
        /// Its value.
        value: f64,
        /// How many were added.
        addends: u32,
        /// The bound of each.
        bound: f64,
    },
}

/// The grid that values are rounded to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FixedPoint {
    bound: f64,
    bits: i32,
    addends: u32,
}

impl FixedPoint {
    /// The finest grid for values within `bound` of 0, of which at most `addends` are summed.
    ///
    /// # Errors
    ///
    /// `Bound` when the grid would be coarser than a 256th of the bound, or the bound is not a positive number.
    pub fn new(bound: f64, addends: u32) -> Result<Self, FixedError> {
        Self::at_most(bound, addends, 40)
    }

    /// The same with a step of no less than `2^-bits`; `bits` may be negative.
    ///
    /// # Errors
    ///
    /// As [`FixedPoint::new`].
    pub fn at_most(bound: f64, addends: u32, bits: i32) -> Result<Self, FixedError> {
        let fits = |bits: i32| (bound * f64::from(bits).exp2() + 1.0) * f64::from(addends) <= 62f64.exp2();
        let error = FixedError::Bound { bound, addends };
        if !(bound > 0.0 && bound.is_finite()) || addends == 0 {
            return Err(error);
        }
        let bits = (-40..=bits.min(40)).rev().find(|&bits| fits(bits)).ok_or(error.clone())?;
        if bound * f64::from(bits).exp2() < 256.0 {
            return Err(error);
        }
        Ok(Self { bound, bits, addends })
    }

    /// The greatest magnitude of one value.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// Distance of neighbouring values on the grid.
    pub fn step(&self) -> f64 {
        (-f64::from(self.bits)).exp2()
    }

    /// The whole multiple of the step nearest to each value.
    ///
    /// # Errors
    ///
    /// `Range` for a value that is not finite or beyond the bound.
    pub fn round(&self, values: &[f64]) -> Result<Vec<i64>, FixedError> {
        let scale = f64::from(self.bits).exp2();
        values
            .iter()
            .enumerate()
            .map(|(index, &value)| {
                // NaN is not within anything.
                if value.abs() <= self.bound {
                    Ok((value * scale).round() as i64)
                } else {
                    Err(FixedError::Range { index, value, bound: self.bound })
                }
            })
            .collect()
    }

    /// Sums of `addends` values, from words summed modulo 2^64.
    ///
    /// # Errors
    ///
    /// `Overflow` for a sum that so many values within the bound cannot give.
    pub fn read_sum(&self, words: &[u64], addends: u32) -> Result<Vec<f64>, FixedError> {
        let greatest = (self.bound / self.step() + 1.0) * f64::from(addends.min(self.addends));
        words
            .iter()
            .enumerate()
            .map(|(index, &word)| {
                let sum = word as i64;
                let value = sum as f64 * self.step();
                if (sum as f64).abs() <= greatest {
                    Ok(value)
                } else {
                    Err(FixedError::Overflow { index, value, addends, bound: self.bound })
                }
            })
            .collect()
    }
}

/// Signed numbers as words of the ring.
pub fn words(values: &[i64]) -> Vec<u64> {
    values.iter().map(|&value| value as u64).collect()
}

/// Adds words modulo 2^64.
pub fn add(sum: &mut [u64], words: &[u64]) {
    for (sum, word) in sum.iter_mut().zip(words) {
        *sum = sum.wrapping_add(*word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_bound_is_reached_by_all_addends_without_overflow() {
        for (bound, addends) in [(1.0, 5), (1e6, 255), (1e-3, 2), (1e15, 3)] {
            let fixed = FixedPoint::new(bound, addends).unwrap();
            for sign in [1.0, -1.0] {
                let word = words(&fixed.round(&[sign * bound]).unwrap());
                let mut sum = vec![0];
                (0..addends).for_each(|_| add(&mut sum, &word));
                let read = fixed.read_sum(&sum, addends).unwrap()[0];
                assert!((read - sign * bound * f64::from(addends)).abs() <= fixed.step() * f64::from(addends), "{read}");
                // One more addend than came is noticed.
                assert!(matches!(fixed.read_sum(&sum, addends - 1), Err(FixedError::Overflow { .. })));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bound in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e80] {
            assert!(matches!(FixedPoint::new(bound, 5), Err(FixedError::Bound { .. })), "{bound}");
        }
        let fixed = FixedPoint::new(2.0, 5).unwrap();
        for value in [2.1, -2.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(fixed.round(&[0.0, value]), Err(FixedError::Range { index: 1, .. })), "{value}");
        }
    }

    proptest! {
        #[test]
        fn sums_are_those_of_the_rounded_values(values in prop::collection::vec(-3.0..3.0f64, 1..20)) {
            let fixed = FixedPoint::new(3.0, 20).unwrap();
            let mut sum = vec![0];
            let mut whole = 0;
            for &value in &values {
                let rounded = fixed.round(&[value]).unwrap();
                whole += rounded[0];
                add(&mut sum, &words(&rounded));
            }
            let read = fixed.read_sum(&sum, values.len() as u32).unwrap()[0];
            prop_assert_eq!(read, whole as f64 * fixed.step());
            prop_assert!((read - values.iter().sum::<f64>()).abs() <= 0.5 * fixed.step() * values.len() as f64 + 1e-12);
        }
    }
}
