//! What makes one site's part in a sum deniable: a bounded norm and Gaussian noise, added in parts by the sites themselves.
//!
//! Neighbours, in the sense of differential privacy, are two runs that differ in what one site sends: its update, or zero in its place. *That* a site took
//! part is no secret to the coordinator.
//!
//! The update is shortened to the norm bound `C`, rounded to the grid of [`super::fixed`] so that its norm on the grid is at most `C` still, and gets
//! discrete Gaussian noise (Canonne, Kamath, Steinke 2020) with variance `(z C)² / h`. So `h` honest sites together give standard deviation `z C` at least,
//! of which the coordinator can take nothing away; more survivors give more. Sums of discrete Gaussians differ from one discrete Gaussian by a factor of at
//! most `1 ± 10 h exp(-pi² s²)` in any probability, `s` being a site's standard deviation in steps of the grid (Kairouz, Liu, Steinke 2021, Theorem 4); with
//! the 64 steps demanded here that is 1 to more digits than numbers have.
//!
//! The noise is drawn by whole-number arithmetic: floating-point noise would show, by the gaps between its values, what it was added to (Mironov 2012).

use thiserror::Error;

use super::fixed::FixedPoint;
use super::secret::Entropy;

/// Why an update cannot be hidden.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum PrivacyError {
    /// NaN or infinite.
    #[error("number {index} of the update is {value}")]
    NotFinite {
        /// Which.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// Noise that is no noise on the grid, or more than the sampler can draw.
    #[error("noise of standard deviation {steps} steps of the grid; it has to be between 64 and 2^24")]
    Grid {
        /// Standard deviation of one site's noise in steps.
        steps: f64,
    },
}

/// Euclidean norm.
pub fn norm(values: &[f64]) -> f64 {
    // Scaled, so that squares of great numbers do not overflow.
    let greatest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if greatest == 0.0 || !greatest.is_finite() {
        return greatest;
    }
    greatest * values.iter().map(|v| (v / greatest) * (v / greatest)).sum::<f64>().sqrt()
}

/// Shortens to the norm bound; gives the norm before.
///
/// # Errors
///
/// `NotFinite` for NaN or infinity, of which no shortening makes sense.
pub fn clip(values: &mut [f64], bound: f64) -> Result<f64, PrivacyError> {
    if let Some((index, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(PrivacyError::NotFinite { index, value });
    }
    let before = norm(values);
    if before > bound {
        values.iter_mut().for_each(|v| *v *= bound / before);
    }
    Ok(before)
}

/// On the grid, with a norm there of at most `bound`: rounding may lengthen by half the root of the number of values, so it is shortened by that before.
pub fn clip_on_grid(values: &[f64], bound: f64, grid: &FixedPoint) -> Vec<i64> {
    let slack = 0.5 * (values.len() as f64).sqrt() * grid.step();
    let target = (bound - slack).max(0.0);
    let before = norm(values);
    let factor = if before > target { target / before } else { 1.0 };
    values.iter().map(|v| (v * factor / grid.step()).round() as i64).collect()
}

/// A whole number below `bound`, evenly.
fn below(entropy: &mut Entropy, bound: u128) -> u128 {
    let mask = u128::MAX >> (bound - 1).leading_zeros().min(127);
    loop {
        let high = if mask > u128::from(u64::MAX) { u128::from(entropy.word()) << 64 } else { 0 };
        let drawn = (high | u128::from(entropy.word())) & mask;
        if drawn < bound {
            return drawn;
        }
    }
}

/// True with probability exp(-numerator/denominator), for a fraction of at most 1 (ibid., Algorithm 1).
fn exp_of_fraction(entropy: &mut Entropy, numerator: u128, denominator: u128) -> bool {
    let mut k = 1;
    // The first k at which a coin of chance fraction/k fails is odd with probability exp(-fraction).
    while below(entropy, denominator * k) < numerator {
        k += 1;
    }
    k % 2 == 1
}

/// True with probability exp(-numerator/denominator).
fn exp_of(entropy: &mut Entropy, mut numerator: u128, denominator: u128) -> bool {
    while numerator > denominator {
        if !exp_of_fraction(entropy, 1, 1) {
            return false;
        }
        numerator -= denominator;
    }
    exp_of_fraction(entropy, numerator, denominator)
}

/// Whole numbers with probability proportional to exp(-|x|/scale) (ibid., Algorithm 2).
fn laplace(entropy: &mut Entropy, scale: u128) -> i64 {
    loop {
        let part = below(entropy, scale);
        if !exp_of_fraction(entropy, part, scale) {
            continue;
        }
        let mut whole = 0;
        while exp_of_fraction(entropy, 1, 1) {
            whole += 1;
        }
        let magnitude = (part + scale * whole) as i64;
        match (entropy.word() & 1 == 1, magnitude) {
            // Zero would come twice.
            (true, 0) => {}
            (negative, magnitude) => return if negative { -magnitude } else { magnitude },
        }
    }
}

/// Discrete Gaussian noise: whole numbers with probability proportional to exp(-x²/(2 s²)).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiscreteGaussian {
    /// s, a whole number of 1/16 steps or more: s² = square / 256.
    sixteenths: u64,
}

impl DiscreteGaussian {
    /// With at least this standard deviation in steps, rounded up to a sixteenth.
    ///
    /// # Errors
    ///
    /// `Grid` below 64 steps or above 2^24.
    pub fn new(steps: f64) -> Result<Self, PrivacyError> {
        if (64.0..=24f64.exp2()).contains(&steps) {
            Ok(Self { sixteenths: (steps * 16.0).ceil() as u64 })
        } else {
            Err(PrivacyError::Grid { steps })
        }
    }

    /// Standard deviation of the Gaussian in steps.
    pub fn steps(&self) -> f64 {
        self.sixteenths as f64 / 16.0
    }

    /// One draw (ibid., Algorithm 3): a Laplace candidate `y` of scale `t = floor(s) + 1`, kept with probability exp(-(|y| - s²/t)²/(2 s²)).
    pub fn draw(&self, entropy: &mut Entropy) -> i64 {
        // With S = 256 s² and D = |y| t 256 - S, the exponent is D² / (512 t² S): below 2^114 for 2^24 steps.
        let scale = u128::from(self.sixteenths / 16 + 1);
        let square = u128::from(self.sixteenths) * u128::from(self.sixteenths);
        loop {
            let y = laplace(entropy, scale);
            let distance = (u128::from(y.unsigned_abs()) * scale * 256).abs_diff(square);
            // A candidate beyond 2^63 would have to be 2^14 standard deviations away: no chance that numbers can hold.
            if distance < 1 << 63 && exp_of(entropy, distance * distance, 512 * square * scale * scale) {
                return y;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_clipped_is_within_the_bound_and_points_where_it_did() {
        let mut values = vec![3.0, -4.0];
        assert_eq!(clip(&mut values, 10.0), Ok(5.0));
        assert_eq!(values, [3.0, -4.0]);
        assert_eq!(clip(&mut values, 1.0), Ok(5.0));
        assert!((values[0] - 0.6).abs() < 1e-15 && (values[1] + 0.8).abs() < 1e-15);
        assert_eq!(norm(&[1e200, 1e200]), 2f64.sqrt() * 1e200);
        for value in [f64::NAN, f64::INFINITY] {
            assert!(matches!(clip(&mut [1.0, value], 1.0), Err(PrivacyError::NotFinite { index: 1, .. })));
        }
    }

    #[test]
    fn the_norm_on_the_grid_is_never_above_the_bound() {
        let grid = FixedPoint::at_most(1.0, 5, 10).unwrap();
        let mut entropy = Entropy::new(&[1; 32]);
        for length in [1, 10, 1000] {
            let values: Vec<f64> = (0..length).map(|_| entropy.word() as f64 / u64::MAX as f64 - 0.5).collect();
            let norm = clip_on_grid(&values, 0.5, &grid).iter().map(|&v| (v as f64 * grid.step()).powi(2)).sum::<f64>().sqrt();
            assert!(norm <= 0.5, "{length}: {norm}");
            assert!(length == 1 || norm > 0.45, "{length}: {norm}");
        }
    }

    #[test]
    fn even_numbers_are_even_and_coins_have_their_chance() {
        let mut entropy = Entropy::new(&[2; 32]);
        let mut counts = [0; 6];
        (0..60_000).for_each(|_| counts[below(&mut entropy, 6) as usize] += 1);
        // Five standard errors of 91.
        assert!(counts.iter().all(|c| (c - 10_000i32).abs() < 460), "{counts:?}");
        assert!((0..1000).all(|_| below(&mut entropy, 1) == 0));
        assert!((0..1000).any(|_| below(&mut entropy, 1 << 100) > 1 << 99));
        for (numerator, denominator) in [(0u128, 1u128), (1, 3), (1, 1), (5, 2)] {
            let chance = (-(numerator as f64) / denominator as f64).exp();
            let met = (0..40_000).filter(|_| exp_of(&mut entropy, numerator, denominator)).count() as f64 / 40_000.0;
            assert!((met - chance).abs() <= 5.0 * (chance * (1.0 - chance) / 40_000.0).sqrt(), "{numerator}/{denominator}: {met}");
        }
    }

    #[test]
    fn noise_has_the_moments_and_the_tails_of_a_gaussian() {
        for steps in [64.0, 1000.0, 16_777_216.0] {
            let noise = DiscreteGaussian::new(steps).unwrap();
            let mut entropy = Entropy::new(&[3; 32]);
            let n = 40_000;
            let drawn: Vec<f64> = (0..n).map(|_| noise.draw(&mut entropy) as f64 / noise.steps()).collect();
            let moment = |power: i32| drawn.iter().map(|v| v.powi(power)).sum::<f64>() / f64::from(n);
            let error = |variance: f64| 5.0 * (variance / f64::from(n)).sqrt();
            assert!(moment(1).abs() < error(1.0), "{steps}: mean {}", moment(1));
            assert!((moment(2) - 1.0).abs() < error(2.0), "{steps}: variance {}", moment(2));
            assert!(moment(3).abs() < error(15.0), "{steps}: third moment {}", moment(3));
            assert!((moment(4) - 3.0).abs() < error(96.0), "{steps}: fourth moment {}", moment(4));
            // P(|x| > 2) of the normal distribution.
            let beyond = drawn.iter().filter(|v| v.abs() > 2.0).count() as f64 / f64::from(n);
            assert!((beyond - 0.0455).abs() < error(0.0455) + 0.003 * 64.0 / steps, "{steps}: {beyond}");
        }
        for steps in [1.0, f64::NAN, 1e9] {
            assert!(matches!(DiscreteGaussian::new(steps), Err(PrivacyError::Grid { .. })));
        }
    }

    #[test]
    fn shares_of_noise_sum_to_the_whole() {
        // Five sites, three of them counted upon: standard deviation of a sum of three is that of the plan.
        let share = DiscreteGaussian::new(900.0 / 3f64.sqrt()).unwrap();
        let mut entropy = Entropy::new(&[4; 32]);
        let n = 20_000;
        let square =
            (0..n).map(|_| (0..3).map(|_| share.draw(&mut entropy) as f64 / 900.0).sum::<f64>().powi(2)).sum::<f64>() / f64::from(n);
        assert!((square - 1.0).abs() < 5.0 * (2.0 / f64::from(n)).sqrt(), "{square}");
    }
}
