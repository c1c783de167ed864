//! Judging single updates, in a federation without masks.
//!
//! An update is refused when it has numbers that are not finite, another length, or a norm above the bound that every site has to keep. Among the others, one
//! is reported as outlying and left out when its distance from the coordinate-wise median of all is more than [`OUTLYING`] times the median of those
//! distances (a median is not moved far by fewer than half of the sites: Yin, Chen, Ramchandran, Bartlett, ICML 2018). Sites with other data send other
//! updates; so the factor is wide, and what slips through is left to the sites' judgement of the candidate.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::federation::Site;
use super::privacy::norm;
use crate::metrics::median;

/// How many times the median distance an update may lie from the middle.
pub const OUTLYING: f64 = 4.0;

/// Why an update is left out.
#[derive(Clone, Copy, Debug, Error, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Poison {
    /// Another number of parameters than the model's.
    #[error("{given} numbers for {needed} parameters")]
    Length {
        /// How many came.
        given: usize,
        /// How many are needed.
        needed: usize,
    },
    /// NaN or infinity.
    #[error("number {index} is not finite")]
    NotFinite {
        /// Which, from 0.
        index: usize,
    },
    /// Longer than agreed.
    #[error("a norm of {norm}, agreed are {bound} at most")]
    Norm {
        /// Of the update.
        norm: f64,
        /// As agreed.
        bound: f64,
    },
    /// Far from all others.
    #[error("{distance} from the median update, {times} times as far as half of the sites")]
    Outlying {
        /// From the median update.
        distance: f64,
        /// Over the median distance.
        times: f64,
    },
}

/// The updates to be left out, and why.
pub fn poisoned(updates: &[(Site, &[f64])], length: usize, bound: f64) -> Vec<(Site, Poison)> {
    let mut found = Vec::new();
    let mut sound = Vec::new();
    for &(site, values) in updates {
        let fault = if values.len() != length {
            Some(Poison::Length { given: values.len(), needed: length })
        } else if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            Some(Poison::NotFinite { index })
        } else {
            // Room for the rounding of the site's own arithmetic.
            let norm = norm(values);
            (norm > bound * (1.0 + 1e-9)).then_some(Poison::Norm { norm, bound })
        };
        match fault {
            Some(fault) => found.push((site, fault)),
            None => sound.push((site, values)),
        }
    }
    // Of two, neither is the odd one.
    if sound.len() < 3 {
        return found;
    }
    let mut column = vec![0.0; sound.len()];
    let middle: Vec<f64> = (0..length)
        .map(|i| {
            column.iter_mut().zip(&sound).for_each(|(c, (_, values))| *c = values[i]);
            median(&mut column)
        })
        .collect();
    let distances: Vec<f64> =
        sound.iter().map(|(_, values)| norm(&values.iter().zip(&middle).map(|(v, m)| v - m).collect::<Vec<_>>())).collect();
    let usual = median(&mut distances.clone());
    for ((site, _), distance) in sound.into_iter().zip(distances) {
        if distance > OUTLYING * usual && distance > 1e-12 * bound {
            found.push((site, Poison::Outlying { distance, times: distance / usual }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_poison_is_named_and_the_rest_kept() {
        let updates: [&[f64]; 8] = [
            &[0.10, 0.20],
            &[0.12, 0.18],
            &[0.08, 0.22],
            &[0.11, 0.25],
            &[f64::NAN, 0.0],
            &[3.0, 4.0],
            &[0.1],
            // Within the bound, but turned round.
            &[-0.6, -0.7],
        ];
        let updates: Vec<(Site, &[f64])> = updates.iter().enumerate().map(|(i, u)| (Site(i as u8), *u)).collect();
        let found = poisoned(&updates, 2, 1.0);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(matches!(found[0], (Site(4), Poison::NotFinite { index: 0 })));
        assert!(matches!(found[1], (Site(5), Poison::Norm { norm: 5.0, .. })));
        assert!(matches!(found[2], (Site(6), Poison::Length { given: 1, needed: 2 })));
        assert!(matches!(found[3], (Site(7), Poison::Outlying { .. })));
        assert_eq!(poisoned(&updates[..4], 2, 1.0), []);
        // The same from all is no reason to leave one out.
        assert_eq!(poisoned(&[(Site(0), [0.1, 0.1].as_slice()); 3], 2, 1.0), []);
    }
}
