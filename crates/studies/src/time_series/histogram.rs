//! Percentiles of many quantities in bounded memory: one histogram each, on a common scale.
//!
//! A sample `x` falls into bin `floor((x - lowest) / width)`; what lies beyond the scale falls into the first or the last bin. The value
//! below which a share `p` of `n` samples lies is found in the bin where the running count reaches `p n`, on the straight line through
//! the bin; the first occupied bin begins at the least sample and the last one ends at the greatest, so that a percentile never leaves the
//! range of what was seen. Its error is below the width of a bin as long as the samples lie on the scale.

use super::block::{LANES, Lane};

/// A scale of equal bins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Where the first bin begins.
    pub lowest: f64,
    pub width: f64,
    pub bins: usize,
}

/// Voltages: bins of 0.0002 pu from 0.8 to 1.2 pu.
pub const VOLTAGE_PU: Scale = Scale { lowest: 0.8, width: 2e-4, bins: 2000 };

/// Loadings: bins of 0.25 % from 0 to 250 %.
pub const LOADING_PCT: Scale = Scale { lowest: 0.0, width: 0.25, bins: 1000 };

impl Scale {
    /// The bins of a block of samples.
    #[inline(always)]
    fn bins_of(&self, samples: &Lane) -> [i32; LANES] {
        let (width_inverse, last) = (1.0 / self.width, (self.bins - 1) as f64);
        let mut bins = [0; LANES];
        for t in 0..LANES {
            // What is no number becomes bin 0.
            let bin = f64::min(f64::max((samples[t] - self.lowest) * width_inverse, 0.0), last);
            // SAFETY: the value is a number between 0 and the number of bins.
            bins[t] = unsafe { bin.to_int_unchecked() };
        }
        bins
    }
}

/// Counts of one width: narrow ones halve the memory that the step loop touches.
#[derive(Clone, Debug)]
enum Counts {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

/// Histograms of many quantities on one scale.
#[derive(Clone, Debug)]
pub struct Histograms {
    scale: Scale,
    counts: Counts,
}

impl Histograms {
    /// Empty histograms of `n` quantities, each of which gets at most `samples` samples.
    pub fn new(scale: Scale, n: usize, samples: u32) -> Self {
        let size = n * scale.bins;
        let counts = if samples <= u32::from(u16::MAX) { Counts::Narrow(vec![0; size]) } else { Counts::Wide(vec![0; size]) };
        Self { scale, counts }
    }

    /// Adds the first `n` samples of a block to quantity `which`.
    #[inline(always)]
    pub fn add(&mut self, which: usize, samples: &Lane, n: usize) {
        let range = which * self.scale.bins..(which + 1) * self.scale.bins;
        let bins = self.scale.bins_of(samples);
        match &mut self.counts {
            Counts::Narrow(counts) => {
                let counts = &mut counts[range];
                bins[..n].iter().for_each(|&bin| counts[bin as usize] += 1);
            }
            Counts::Wide(counts) => {
                let counts = &mut counts[range];
                bins[..n].iter().for_each(|&bin| counts[bin as usize] += 1);
            }
        }
    }

    /// Adds samples one by one.
    pub fn add_each(&mut self, which: usize, samples: impl IntoIterator<Item = f64>) {
        samples.into_iter().for_each(|x| self.add(which, &[x; LANES], 1));
    }

    /// The values below which the given ascending shares of the samples lie; `least` and `greatest` are the extremes of the samples.
    ///
    /// `None` without samples.
    pub fn percentiles<const N: usize>(&self, which: usize, shares: [f64; N], least: f64, greatest: f64) -> Option<[f64; N]> {
        let range = which * self.scale.bins..(which + 1) * self.scale.bins;
        let count = |bin: usize| match &self.counts {
            Counts::Narrow(counts) => u64::from(counts[range.start + bin]),
            Counts::Wide(counts) => u64::from(counts[range.start + bin]),
        };
        let total: u64 = (0..self.scale.bins).map(count).sum();
        let first = (0..self.scale.bins).find(|&bin| count(bin) > 0)?;
        let last = (0..self.scale.bins).rfind(|&bin| count(bin) > 0)?;
        let mut values = [0.0; N];
        let (mut bin, mut below) = (first, 0);
        for (value, share) in values.iter_mut().zip(shares) {
            let wanted = share * total as f64;
            while bin < last && (below + count(bin)) as f64 <= wanted {
                below += count(bin);
                bin += 1;
            }
            let begin = if bin == first { least } else { self.scale.lowest + bin as f64 * self.scale.width };
            let end = if bin == last { greatest } else { self.scale.lowest + (bin + 1) as f64 * self.scale.width };
            let within = (wanted - below as f64) / (count(bin).max(1)) as f64;
            *value = (begin + within.clamp(0.0, 1.0) * (end - begin)).clamp(least, greatest);
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_bin_of_the_sorted_samples() {
        // Wide counts give what narrow ones give.
        for samples in [1000, 100_000] {
            let mut h = Histograms::new(VOLTAGE_PU, 2, samples);
            let x: Vec<f64> = (0..1000).map(|i| 0.95 + 0.1 * (f64::from(i) * 0.618_034).fract().powi(2)).collect();
            h.add_each(1, x.iter().copied());
            let mut sorted = x.clone();
            sorted.sort_by(f64::total_cmp);
            let shares = [0.01, 0.05, 0.5, 0.95, 0.99];
            let found = h.percentiles(1, shares, sorted[0], sorted[999]).unwrap();
            for (value, share) in found.iter().zip(shares) {
                let exact = sorted[(share * 1000.0) as usize];
                assert!((value - exact).abs() < VOLTAGE_PU.width, "{share}: {value} for {exact}");
            }
            assert_eq!(h.percentiles(0, shares, 0.0, 0.0), None);
        }
    }

    #[test]
    fn samples_beyond_the_scale_stay_within_their_extremes() {
        let mut h = Histograms::new(LOADING_PCT, 1, 10);
        h.add_each(0, [400.0, 380.0, 10.0]);
        let [low, high] = h.percentiles(0, [0.0, 1.0], 10.0, 400.0).unwrap();
        assert_eq!((low, high), (10.0, 400.0));
        let mut h = Histograms::new(VOLTAGE_PU, 1, 10);
        h.add_each(0, [0.3, f64::NAN]);
        assert_eq!(h.percentiles(0, [0.5], 0.3, 0.3), Some([0.3]));
    }

    #[test]
    fn equal_samples_have_that_value_at_every_share() {
        let mut h = Histograms::new(VOLTAGE_PU, 1, 10);
        h.add_each(0, [1.01234; 10]);
        assert_eq!(h.percentiles(0, [0.01, 0.5, 0.99], 1.01234, 1.01234), Some([1.01234; 3]));
    }
}
