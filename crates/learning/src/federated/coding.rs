//! From a site's update to the words that are summed, and from their sum to the mean update.
//!
//! A site sends `n_k d_k`, `d_k` shortened to the norm bound `C`, and `n_k` after it; the sum of the former over the sum of the latter is the weighted mean.
//! Under differential privacy every `n_k` is 1 and the noise of [`super::privacy`] is added. The mean of vectors no longer than `C` is no longer than `C`:
//! a sum that says otherwise was made by a site that did not keep to the bound, and is refused.
//!
//! Sums of rows ([`super::trees`]) are sent as they are, and their number after them: nothing is shortened or divided. Their grid is so coarse that no sum of the
//! whole federation needs more than 53 bits, so that floating-point numbers hold each exactly.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::federation::Federation;
use super::fixed::{FixedError, FixedPoint};
use super::privacy::{DiscreteGaussian, PrivacyError, clip, clip_on_grid, norm};
use super::secret::Entropy;

/// Why numbers are not sent or not taken.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CodingError {
    /// They do not go on the grid.
    #[error(transparent)]
    Fixed(#[from] FixedError),
    /// They cannot be hidden.
    #[error(transparent)]
    Privacy(#[from] PrivacyError),
    /// Sums of rows under noise, which is not offered: a bound of one site's histograms would be that of all its rows.
    #[error(
        "sums of rows, as trees need them, are not offered with differential privacy; leave privacy out of the document, or average a model"
    )]
    Noise,
    /// The weights of the sites.
    #[error("a sum of weights of {weight} from {addends} sites")]
    Weight {
        /// As summed.
        weight: i64,
        /// From how many.
        addends: u32,
    },
    /// The mean is longer than any mean of updates within the bound.
    #[error("the mean update has a norm of {norm}, and {limit} at most if every site kept to the bound")]
    Norm {
        /// Of the mean.
        norm: f64,
        /// What it may be.
        limit: f64,
    },
}

/// What a sum says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean update.
    pub values: Vec<f64>,
    /// The sum of weights.
    pub weight: f64,
}

/// How updates of a federation become words.
#[derive(Clone, Copy, Debug)]
pub struct Coding {
    grid: FixedPoint,
    noise: Option<DiscreteGaussian>,
    clip_norm: f64,
    weight_limit: f64,
    /// Of sums of rows, which are neither shortened nor divided.
    sums: bool,
}

/// Numbers of floating point are exact up to two to this.
const EXACT_BITS: f64 = 53.0;

impl Coding {
    /// That of a federation.
    ///
    /// # Errors
    ///
    /// When bounds, members and noise leave no room in 64 bits.
    pub fn new(federation: &Federation) -> Result<Self, CodingError> {
        let members = federation.members.len() as u32;
        let clip_norm = federation.clip_norm;
        let Some(privacy) = &federation.privacy else {
            let weight_limit = federation.weight_limit.floor();
            return Ok(Self {
                grid: FixedPoint::new(clip_norm * weight_limit, members)?,
                noise: None,
                clip_norm,
                weight_limit,
                sums: false,
            });
        };
        // Each of `honest` sites adds a share, so that together they add the planned noise.
        let share = privacy.noise_multiplier * clip_norm / f64::from(privacy.honest).sqrt();
        // Fine enough that the grid is not seen in the noise, coarse enough for the sampler: 2^22 to 2^23 steps.
        let bits = 23 - share.log2().ceil() as i32;
        // Forty standard deviations: never met.
        let grid = FixedPoint::at_most(clip_norm + 40.0 * share, members, bits)?;
        Ok(Self { grid, noise: Some(DiscreteGaussian::new(share / grid.step())?), clip_norm, weight_limit: 1.0, sums: false })
    }

    /// That of sums over rows, each of which adds `per_row` at most.
    ///
    /// # Errors
    ///
    /// `Noise` for a federation with differential privacy; `Fixed` when bound and members leave no room.
    pub fn of_sums(federation: &Federation, per_row: f64) -> Result<Self, CodingError> {
        if federation.privacy.is_some() {
            return Err(CodingError::Noise);
        }
        let members = federation.members.len() as u32;
        let weight_limit = federation.weight_limit.floor();
        let bound = weight_limit * per_row;
        // The greatest sum is below 2^53 steps.
        let bits = (EXACT_BITS - (bound * f64::from(members)).log2()).floor() - 1.0;
        let grid = FixedPoint::at_most(bound, members, (bits as i32).min(40))?;
        Ok(Self { grid, noise: None, clip_norm: federation.clip_norm, weight_limit, sums: true })
    }

    /// Distance of neighbouring numbers on the grid, a power of two.
    pub fn step(&self) -> f64 {
        self.grid.step()
    }

    /// Words a vector of `values` numbers takes: one more, for the weight.
    pub fn length(values: usize) -> u32 {
        values as u32 + 1
    }

    /// The words of one update, and its norm before it was shortened (0 of sums, which are not).
    ///
    /// # Errors
    ///
    /// `Privacy` for numbers that are not finite; of sums, `Fixed` for numbers and `Weight` for rows beyond what was agreed.
    pub fn encode(&self, values: &[f64], weight: u64, entropy: &mut Entropy) -> Result<(Vec<i64>, f64), CodingError> {
        if self.sums {
            if !(1.0..=self.weight_limit).contains(&(weight as f64)) {
                return Err(CodingError::Weight { weight: weight as i64, addends: 1 });
            }
            let mut words = self.grid.round(values)?;
            words.push(weight as i64);
            return Ok((words, 0.0));
        }
        let mut values = values.to_vec();
        let before = clip(&mut values, self.clip_norm)?;
        let (mut words, weight) = match &self.noise {
            None => {
                let weight = (weight.max(1) as f64).min(self.weight_limit);
                values.iter_mut().for_each(|v| *v *= weight);
                (self.grid.round(&values)?, weight as i64)
            }
            Some(noise) => {
                let mut words = clip_on_grid(&values, self.clip_norm, &self.grid);
                words.iter_mut().for_each(|w| *w += noise.draw(entropy));
                (words, 1)
            }
        };
        words.push(weight);
        Ok((words, before))
    }

    /// The greatest norm that the mean of `addends` updates can have: the bound, and room for rounding and noise.
    ///
    /// The noise of `d` numbers has a norm of `s sqrt(d)`, and is above `s (sqrt(d) + 6)` with a probability of 2e-8 (Laurent and Massart 2000).
    fn norm_limit(&self, length: usize, addends: u32) -> f64 {
        let length = length as f64;
        let noise = self.noise.map_or(0.0, |n| n.steps() * self.grid.step() * (length.sqrt() + 6.0) / f64::from(addends).sqrt());
        self.clip_norm * (1.0 + 1e-9) + noise + self.grid.step() * length.sqrt()
    }

    /// The mean update from the sum of `addends` vectors; of sums, the sums themselves.
    ///
    /// # Errors
    ///
    /// `Weight`, `Norm` and `Fixed` when the sum cannot come from sites that kept to the bounds.
    pub fn decode(&self, sum: &[u64], addends: u32) -> Result<Mean, CodingError> {
        let (&last, sum) = sum.split_last().ok_or(CodingError::Weight { weight: 0, addends })?;
        let weight = last as i64;
        let most = self.weight_limit * f64::from(addends);
        if weight < i64::from(addends) || weight as f64 > most || addends == 0 {
            return Err(CodingError::Weight { weight, addends });
        }
        let mut values = self.grid.read_sum(sum, addends)?;
        if self.sums {
            return Ok(Mean { values, weight: weight as f64 });
        }
        values.iter_mut().for_each(|v| *v /= weight as f64);
        let (norm, limit) = (norm(&values), self.norm_limit(values.len(), addends));
        if norm > limit {
            return Err(CodingError::Norm { norm, limit });
        }
        Ok(Mean { values, weight: weight as f64 })
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::Digest;
    use super::super::federation::{Aggregation, Member, Privacy};
    use super::super::fixed;
    use super::*;

    fn federation(privacy: Option<Privacy>) -> Federation {
        let member = |i: u8| Member { name: format!("site{i}"), certificate_sha256: Digest::of(&[i]) };
        Federation {
            name: "coding".to_owned(),
            coordinator_sha256: Digest::of(b"c"),
            members: (0..5).map(member).collect(),
            threshold: 3,
            aggregation: Aggregation::Masked,
            clip_norm: 2.0,
            weight_limit: 1000.0,
            privacy,
        }
    }

    fn summed(coding: &Coding, updates: &[(Vec<f64>, u64)], entropy: &mut Entropy) -> Vec<u64> {
        let mut sum = vec![0; updates[0].0.len() + 1];
        for (values, weight) in updates {
            fixed::add(&mut sum, &fixed::words(&coding.encode(values, *weight, entropy).unwrap().0));
        }
        sum
    }

    #[test]
    fn the_mean_is_weighted_by_rows() {
        let coding = Coding::new(&federation(None)).unwrap();
        let mut entropy = Entropy::new(&[1; 32]);
        // The third is too long and counts for no more than the limit.
        let updates = [(vec![1.0, 0.0], 100), (vec![0.0, -1.0], 300), (vec![30.0, 40.0], 5000)];
        let mean = coding.decode(&summed(&coding, &updates, &mut entropy), 3).unwrap();
        assert_eq!(mean.weight, 1400.0);
        let exact = [(100.0 + 1000.0 * 1.2) / 1400.0, (-300.0 + 1000.0 * 1.6) / 1400.0];
        assert!(mean.values.iter().zip(exact).all(|(m, e)| (m - e).abs() < 1e-9), "{mean:?}");
        assert_eq!(coding.encode(&[30.0, 40.0], 1, &mut entropy).unwrap().1, 50.0);
    }

    #[test]
    fn sums_that_no_honest_sites_can_give_are_refused() {
        let coding = Coding::new(&federation(None)).unwrap();
        let mut entropy = Entropy::new(&[2; 32]);
        let updates = [(vec![1.0, 0.0], 100), (vec![0.0, -1.0], 300)];
        let mut sum = summed(&coding, &updates, &mut entropy);
        // A third one that multiplied its update instead of shortening it.
        let mut poison: Vec<i64> = vec![(1900.0 / coding.grid.step()) as i64, 0, 1];
        fixed::add(&mut sum, &fixed::words(&poison));
        assert!(matches!(coding.decode(&sum, 3), Err(CodingError::Norm { .. })));
        poison = vec![i64::MAX / 2, 0, 1];
        fixed::add(&mut sum, &fixed::words(&poison));
        assert!(matches!(coding.decode(&sum, 4), Err(CodingError::Fixed(FixedError::Overflow { index: 0, .. }))));
        let mut sum = summed(&coding, &updates, &mut entropy);
        fixed::add(&mut sum, &fixed::words(&[0, 0, 5000]));
        assert!(matches!(coding.decode(&sum, 3), Err(CodingError::Weight { weight: 5400, .. })));
        assert!(matches!(coding.encode(&[f64::NAN], 1, &mut entropy), Err(CodingError::Privacy(PrivacyError::NotFinite { .. }))));
    }

    #[test]
    fn noise_in_a_sum_is_what_the_plan_says() {
        let privacy = Privacy { noise_multiplier: 1.5, honest: 3, delta: 1e-5, epsilon_limit: 100.0 };
        let coding = Coding::new(&federation(Some(privacy))).unwrap();
        let mut entropy = Entropy::new(&[3; 32]);
        let length = 5000;
        let updates = vec![(vec![0.01; length], 77); 3];
        let mean = coding.decode(&summed(&coding, &updates, &mut entropy), 3).unwrap();
        assert_eq!(mean.weight, 3.0);
        // The sum of three has z C = 3 as standard deviation, the mean a third of that.
        let square = mean.values.iter().map(|v| (v - 0.01).powi(2)).sum::<f64>() / length as f64;
        assert!((square - 1.0).abs() < 5.0 * (2.0 / length as f64).sqrt(), "{square}");
    }
}
