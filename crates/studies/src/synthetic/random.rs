//! Random numbers that depend on a seed alone.
//!
//! xoshiro256** of Blackman and Vigna (2018), its state filled by SplitMix64, as its authors advise.
//! Every feeder draws from a stream of its own, so that feeder `k` is the same however many are made
//! and whatever the order.

use super::maths::{cos, exp, ln};

/// One step of SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    s: [u64; 4],
}

impl Random {
    /// The stream of `seed` that `purpose` and `index` choose.
    pub fn new(seed: u64, purpose: u64, index: u64) -> Self {
        let mut state = seed;
        let mixed = split_mix(&mut state) ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mut state = mixed;
        state = split_mix(&mut state) ^ index;
        Self { s: std::array::from_fn(|_| split_mix(&mut state)) }
    }

    fn next(&mut self) -> u64 {
        let s = &mut self.s;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Evenly between 0 and 1, without 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly between two bounds.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from `low` to `high`, both included.
    pub fn whole(&mut self, low: i32, high: i32) -> i32 {
        low + (self.unit() * f64::from(high - low + 1)) as i32
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal, by Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * ln(1.0 - self.unit())).sqrt();
        radius * cos(std::f64::consts::TAU * self.unit())
    }

    /// Log-normal by its median and the standard deviation of its logarithm.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }

    /// One of several, by weight.
    pub fn weighted<T: Copy>(&mut self, choices: &[(f64, T)]) -> T {
        let total: f64 = choices.iter().map(|c| c.0).sum();
        let mut at = self.unit() * total;
        for &(weight, choice) in choices {
            if at < weight {
                return choice;
            }
            at -= weight;
        }
        choices[choices.len() - 1].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_and_differ() {
        let draw = |seed, purpose, index| {
            let mut r = Random::new(seed, purpose, index);
            (r.next(), r.next())
        };
        assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
        let all = [draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4), draw(1, 3, 2)];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut r = Random::new(7, 0, 0);
        let n = 20_000;
        let normal: Vec<f64> = (0..n).map(|_| r.normal()).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
        // Five standard errors.
        assert!(mean.abs() < 5.0 / f64::from(n).sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 5.0 * (2.0 / f64::from(n)).sqrt(), "{variance}");
        let counts = (0..n).fold([0; 6], |mut c, _| {
            c[r.whole(1, 6) as usize - 1] += 1;
            c
        });
        assert!(counts.iter().all(|c| (c - n / 6i32).abs() < 300), "{counts:?}");
    }
}
