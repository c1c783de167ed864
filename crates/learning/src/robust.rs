//! Centre and spread that a few odd values do not move.
//!
//! ```text
//! centre = median            spread = 1.4826 median |x - centre|        the deviation of a normal sample; holds with up to half of all values odd
//! z      = (x - centre) / spread
//! ```
//!
//! Where more than half of the values are one value the spread is zero; then the mean distance from the median stands for it, times
//! `sqrt(pi / 2)`, which is again the deviation of a normal sample.
//!
//! Source: P. J. Rousseeuw and C. Croux, "Alternatives to the median absolute deviation", JASA 88 (1993).

use crate::metrics::median_of;
use serde::{Deserialize, Serialize};

/// Of finite values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scale {
    pub centre: f64,
    /// Zero if all values are one.
    pub spread: f64,
}

impl Scale {
    /// Of the values that are finite; none where there is none.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let known: Vec<f64> = values.filter(|v| v.is_finite()).collect();
        let centre = median_of(known.iter().copied())?;
        let away: Vec<f64> = known.iter().map(|v| (v - centre).abs()).collect();
        let spread = 1.4826 * median_of(away.iter().copied())?;
        let mean = away.iter().map(|a| a / away.len() as f64).sum::<f64>();
        let spread = if spread > 0.0 { spread } else { (std::f64::consts::PI / 2.0).sqrt() * mean };
        Some(Self { centre, spread: if spread.is_finite() { spread } else { f64::MAX } })
    }

    /// Spreads from the centre; zero where there is no spread and the value is the centre, else as far as a number can be.
    pub fn z(&self, x: f64) -> f64 {
        let away = x - self.centre;
        if away == 0.0 { 0.0 } else { (away / self.spread).clamp(-1e12, 1e12) }
    }
}

/// Least values of a bin, and bins at most.
const LEAST_IN_BIN: usize = 50;
const MOST_BINS: usize = 5;

/// Centres and spreads of what is left between a value and what was expected, in bins of like expected value: the error of a load grows with the
/// load, and one spread for all would call the highest loads odd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binned {
    /// Between bins, of the expected value.
    edges: Vec<f64>,
    scales: Vec<Scale>,
}

impl Binned {
    /// Of pairs (expected value, what is left) that are finite, in bins of equally many; fewer bins of fewer pairs. None without any.
    pub fn of(pairs: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let mut known: Vec<(f64, f64)> = pairs.filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
        known.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let n = known.len();
        let bins = (n / LEAST_IN_BIN).clamp(1, MOST_BINS);
        let mut edges: Vec<f64> = (1..bins).map(|b| known[b * n / bins].0).collect();
        edges.dedup();
        let bin = |x: f64| edges.partition_point(|e| *e < x);
        let mut scales = Vec::with_capacity(edges.len() + 1);
        for b in 0..=edges.len() {
            let own = || known.iter().filter(|p| bin(p.0) == b);
            // Values that are one number leave a bin empty; all of them stand for it.
            let of = if own().next().is_some() { Scale::of(own().map(|p| p.1)) } else { Scale::of(known.iter().map(|p| p.1)) };
            let mut scale = of?;
            // What rounding leaves is no spread to judge by.
            let size = known.iter().map(|p| p.0.abs()).fold(0.0, f64::max);
            scale.spread = scale.spread.max(1e-9 * size);
            scales.push(scale);
        }
        Some(Self { edges, scales })
    }

    /// Spreads of what is left from its centre, of a value that was expected to be `expected`.
    pub fn z(&self, expected: f64, left: f64) -> f64 {
        self.scales[self.edges.partition_point(|e| *e < expected)].z(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    #[test]
    fn centre_and_spread_by_hand() {
        let s = Scale::of([1.0, 2.0, 3.0, 4.0, 100.0].into_iter()).unwrap();
        assert_eq!((s.centre, s.spread), (3.0, 1.4826));
        // Mostly one value: the mean distance, 2 of five in the mean 0.4, times 1.2533.
        let s = Scale::of([7.0, 7.0, 7.0, 7.0, 9.0, f64::NAN].into_iter()).unwrap();
        assert!((s.spread - 0.4 * 1.253_314).abs() < 1e-6, "{s:?}");
        assert_eq!(Scale::of([5.0; 9].into_iter()).unwrap().z(5.0), 0.0);
        assert_eq!(Scale::of([5.0; 9].into_iter()).unwrap().z(6.0), 1e12);
        assert_eq!(Scale::of([f64::NAN].into_iter()), None);
    }

    /// An error of 2 % of the load: one spread for all calls many high loads odd, bins hardly any.
    #[test]
    fn what_grows_with_the_load_is_judged_by_its_own_bin() {
        let mut r = Random::new(2, 0, 0);
        let pairs: Vec<(f64, f64)> = (0..5000)
            .map(|_| {
                let load = r.between(1.0, 10.0);
                (load, 0.02 * load * r.normal())
            })
            .collect();
        let binned = Binned::of(pairs.iter().copied()).unwrap();
        let one = Scale::of(pairs.iter().map(|p| p.1)).unwrap();
        let beyond = |z: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().filter(|p| z(p).abs() > 4.0).count();
        let (alone, in_bins) = (beyond(&|p| one.z(p.1)), beyond(&|p| binned.z(p.0, p.1)));
        println!("beyond four spreads: {alone} of 5000 with one spread, {in_bins} in bins");
        assert!(in_bins <= 8 && alone >= 2 * in_bins.max(4), "{alone} {in_bins}");
        // Loads beyond all of training are held to the last bin; one value throughout is one bin.
        assert!(binned.z(100.0, 1.0) > 4.0);
        assert_eq!(Binned::of((0..300).map(|i| (3.0, f64::from(i)))).unwrap().z(3.0, 149.5), 0.0);
        assert_eq!(Binned::of(std::iter::empty()), None);
        let back: Binned = serde_json::from_str(&serde_json::to_string(&binned).unwrap()).unwrap();
        assert_eq!(back, binned);
    }

    #[test]
    fn a_tenth_of_odd_values_hardly_moves_it() {
        let mut r = Random::new(1, 0, 0);
        let s = Scale::of((0..10_000).map(|i| if i % 10 == 0 { 1e6 } else { 3.0 + 2.0 * r.normal() })).unwrap();
        // Of the contaminated sample the median lies at the 0.556 quantile of the clean part: 3 + 2 x 0.1397.
        assert!((s.centre - 3.28).abs() < 0.06 && (s.spread / 2.0 - 1.15).abs() < 0.06, "{s:?}");
    }
}
