//! Values by bins: what boosting sees of a feature.
//!
//! A feature has at most 254 cuts; a value is in the bin of the first cut that is not below it, so that "in bin b or before" says `value <= cut
//! b`. The last number of a byte stands for a missing value. Several sites that are to add up their histograms have to agree on cuts first.

use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

/// Numbers of a byte.
pub const BINS: usize = 256;
/// The bin of a missing value.
pub const MISSING: u8 = 255;
/// Cuts are looked for among so many rows at most, evenly taken.
const LOOKED_AT: usize = 200_000;

/// The cuts of every feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cuts {
    cuts: Vec<Vec<f64>>,
}

/// Cuts that are none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the cuts of feature {feature} are more than 254, not ascending or not finite")]
pub struct BadCuts {
    pub feature: usize,
}

impl Cuts {
    /// At most `bins` bins (2 to 255) of about equally many rows for each feature. NaN is a missing value.
    pub fn of(x: &Matrix, bins: usize) -> Self {
        let bins = bins.clamp(2, BINS - 1);
        let step = x.rows().div_ceil(LOOKED_AT).max(1);
        let cuts = (0..x.columns())
            .map(|c| {
                let mut sorted: Vec<f64> = x.column(c).step_by(step).filter(|v| !v.is_nan()).map(|v| v + 0.0).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                cuts_of(&sorted, bins)
            })
            .collect();
        Self { cuts }
    }

    /// Cuts that were agreed on.
    ///
    /// # Errors
    ///
    /// More than 254 of a feature, not ascending, not finite.
    pub fn agreed(cuts: Vec<Vec<f64>>) -> Result<Self, BadCuts> {
        let good = |c: &Vec<f64>| c.len() < BINS - 1 && c.iter().all(|v| v.is_finite()) && c.is_sorted_by(|a, b| a < b);
        match cuts.iter().position(|c| !good(c)) {
            Some(feature) => Err(BadCuts { feature }),
            None => Ok(Self { cuts }),
        }
    }

    pub fn features(&self) -> usize {
        self.cuts.len()
    }

    /// Ascending.
    pub fn of_feature(&self, feature: usize) -> &[f64] {
        &self.cuts[feature]
    }

    /// The bin of a value.
    pub fn bin(&self, feature: usize, value: f64) -> u8 {
        if value.is_nan() { MISSING } else { self.cuts[feature].partition_point(|c| *c < value) as u8 }
    }

    /// The highest value that is in bin `bin` or before. After the last cut that is all.
    pub fn threshold(&self, feature: usize, bin: u8) -> f64 {
        self.cuts[feature].get(usize::from(bin)).copied().unwrap_or(f64::MAX)
    }

    /// The bins of a table, a list a feature.
    pub fn bins(&self, x: &Matrix) -> Vec<Vec<u8>> {
        (0..x.columns()).map(|c| x.column(c).map(|v| self.bin(c, v)).collect()).collect()
    }
}

/// Between values, so that a new row near a cut falls to the nearer side.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle >= low && middle < high { middle } else { low }
}

fn cuts_of(sorted: &[f64], bins: usize) -> Vec<f64> {
    let mut cuts = Vec::new();
    let distinct = sorted.chunk_by(|a, b| a == b).count();
    let (mut left, mut bins_left, mut held) = (sorted.len(), bins, 0);
    let mut groups = sorted.chunk_by(|a, b| a == b).peekable();
    while let Some(group) = groups.next() {
        let Some(next) = groups.peek() else { break };
        held += group.len();
        // What is left is shared anew after every bin, since a value that comes often fills a bin of its own.
        if distinct <= bins || held * bins_left >= left {
            cuts.push(between(group[0], next[0]));
            left -= held;
            bins_left -= 1;
            held = 0;
            if bins_left == 1 && distinct > bins {
                break;
            }
        }
        bins_left = bins_left.max(1);
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each() {
        let x = Matrix::from_values(1, vec![3.0, 1.0, f64::NAN, 1.0, 2.0]);
        let cuts = Cuts::of(&x, 255);
        assert_eq!(cuts.of_feature(0), [1.5, 2.5]);
        assert_eq!(cuts.bins(&x), [[2, 0, MISSING, 0, 1]]);
        assert_eq!(cuts.bin(0, 1.5), 0);
        assert_eq!(cuts.threshold(0, 0), 1.5);
        assert_eq!(cuts.threshold(0, 2), f64::MAX);
    }

    #[test]
    fn many_values_share_bins_evenly_around_one_that_comes_often() {
        let mut values: Vec<f64> = (0..1000).map(f64::from).collect();
        values.extend([500.0; 1000]);
        let x = Matrix::from_values(1, values);
        let cuts = Cuts::of(&x, 11);
        assert_eq!(cuts.of_feature(0).len(), 10, "{cuts:?}");
        let mut rows = [0; 11];
        for b in &cuts.bins(&x)[0] {
            rows[usize::from(*b)] += 1;
        }
        // A thousand rows of one value, and ten bins of what is left.
        assert!(rows.iter().filter(|r| **r > 1000).count() == 1 && rows.iter().filter(|r| **r <= 200).count() == 10, "{rows:?}");
        for most in 2..256 {
            assert!(Cuts::agreed(vec![Cuts::of(&x, most).of_feature(0).to_vec()]).is_ok());
            assert!(Cuts::of(&x, most).of_feature(0).len() < most);
        }
    }

    #[test]
    fn cuts_that_are_none_are_refused() {
        for bad in [vec![1.0, 1.0], vec![f64::NAN], (0..255).map(f64::from).collect()] {
            assert_eq!(Cuts::agreed(vec![vec![], bad]), Err(BadCuts { feature: 1 }));
        }
        assert!(Cuts::agreed(vec![(0..254).map(f64::from).collect()]).is_ok());
    }
}
