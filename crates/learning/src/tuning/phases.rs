//! Which phase a unit has.
//!
//! # Candidates
//! A unit has a handful of phases to choose from, and there may be hundreds of units: `3^k` settings without order or distance, of which
//! neighbours are no more alike than others. A Gaussian process has nothing to say there. What does: the voltage of a customer follows the
//! voltage of the phase that feeds it. The prediction at the unit's meters in another phase is, to first order, the one of now times the
//! ratio of the voltages at its head,
//!
//! ```text
//! v_c(t) = v_now(t) |v_head,c(t)| / |v_head,now(t)|
//! ```
//!
//! since the drop behind the head hardly depends on the phase. The sum of squares of what it leaves around its mean orders the candidates: for
//! a prediction of the right amplitude it is `(1 - r²)` of the variance measured, `r` the correlation of the two voltages; unlike the
//! correlation it also tells that amplitudes are wrong. All units whose best candidate is clearly better change together, the network is
//! solved anew, and so on until none does. In the first round the level of the voltage does not count, because taps may be wrong as well.
//!
//! # Judgement
//! What the first order leaves in doubt, and each unit that changed, is solved in full, in each of its phases, with all channels of all
//! meters. With `χ²_c` of candidate `c` and a share `e` of units that is expected wrong, the probability of a candidate is
//!
//! ```text
//! P(c) ∝ π_c exp(-χ²_c / 2),   π_now = 1 - e,   π_other = e / (candidates - 1)
//! ```
//!
//! A phase counts as found when it has the probability that was asked for, whether it is that of the model or another; else the unit is not
//! identifiable and stays as it is. So does one for whose change only the meters of others speak and not its own.

use super::bench::{BenchError, Prediction};
use super::misfit::{Errors, left, residuals};
use super::readings::{Channel, Quantity, Readings, Where};
use super::units::Unit;

/// A unit with its phase.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// Candidate that it has.
    pub at: usize,
    /// Channels of voltage of its loads.
    pub channels: Vec<usize>,
    /// χ² of each candidate over that of the best, of the last judgement; empty before.
    pub misfits: Vec<f64>,
    /// The judgement was by full solves.
    pub is_exact: bool,
}

pub(super) fn placed(readings: &Readings, units: &[Unit]) -> Vec<Placed> {
    let of = |u: &Unit| {
        let is_of = |c: &Channel| c.quantity == Quantity::Voltage && matches!(c.place, Where::Load(l) if u.loads.contains(&l));
        readings.channels.iter().enumerate().filter(|(_, c)| is_of(c)).map(|(i, _)| i).collect()
    };
    units.iter().map(|u| Placed { at: 0, channels: of(u), misfits: Vec::new(), is_exact: false }).collect()
}

/// χ² of each candidate of a unit at its own meters, to first order, each with the weight of the best one's residuals.
pub(super) fn first_order(
    readings: &Readings,
    p: &Prediction,
    unit: usize,
    placed: &Placed,
    errors: &Errors,
    with_level: bool,
) -> Vec<f64> {
    let heads = &p.heads[unit];
    let by_channel = placed.channels.iter().map(|&i| {
        let c = &readings.channels[i];
        let lefts: Vec<_> = heads
            .iter()
            .map(|head| {
                let alternative: Vec<f64> = p.channels[i]
                    .iter()
                    .zip(head.iter().zip(&heads[placed.at]))
                    // A unit that nothing feeds where it is has no prediction of its own: that of the head must do.
                    .map(|(v, (other, now))| if *now > 0.1 && *v > 0.1 { v * other / now } else { *other })
                    .collect();
                left(residuals(c, &alternative).zip(&errors.common).map(|(r, common)| r - common))
            })
            .collect();
        let best = lefts.iter().min_by(|a, b| a.squares.total_cmp(&b.squares));
        let weight = errors.shared * best.map_or(1.0, |b| b.weight(errors.scatter[i]));
        lefts.iter().map(|l| weight * l.misfit(errors.gain, errors.scatter[i], with_level)).collect::<Vec<f64>>()
    });
    by_channel.fold(vec![0.0; heads.len()], |sum, of| sum.iter().zip(&of).map(|(a, b)| a + b).collect())
}

/// Probability of each candidate; `now` is that of the model, to which a share `wrong` of units is expected not to be true.
pub(super) fn probabilities(misfits: &[f64], wrong: f64) -> Vec<f64> {
    let least = misfits.iter().copied().fold(f64::INFINITY, f64::min);
    let others = (misfits.len() - 1).max(1) as f64;
    let prior = |c: usize| if c == 0 { 1.0 - wrong } else { wrong / others };
    let odds: Vec<f64> = misfits.iter().enumerate().map(|(c, m)| prior(c) * (-0.5 * (m - least)).exp()).collect();
    let sum: f64 = odds.iter().sum();
    odds.iter().map(|o| o / sum).collect()
}

pub(super) fn best_of(values: &[f64]) -> usize {
    (0..values.len()).min_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0)
}

/// What the search for phases needs of its surroundings.
pub(super) trait World {
    /// Solves with the units' phases.
    fn predict(&mut self, at: &[usize]) -> Result<Prediction, BenchError>;
}

/// How the search goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub class_pct: f64,
    pub confidence: f64,
    pub wrong: f64,
    pub with_level: bool,
    /// Parameters that were fitted.
    pub free: usize,
}

fn at_of(placed: &[Placed]) -> Vec<usize> {
    placed.iter().map(|p| p.at).collect()
}

/// Changes units together as long as the first order sees some that are clearly better elsewhere. Gives whether any changed.
pub(super) fn together(
    world: &mut impl World,
    readings: &Readings,
    placed: &mut [Placed],
    prediction: &mut Prediction,
    how: &How,
) -> Result<bool, BenchError> {
    let mut changed = false;
    let mut errors = Errors::of(readings, &prediction.channels, how.class_pct, how.free);
    for _ in 0..8 {
        let mut next = at_of(placed);
        for (u, p) in placed.iter().enumerate().filter(|(_, p)| !p.channels.is_empty()) {
            let misfits = first_order(readings, prediction, u, p, &errors, how.with_level);
            let best = best_of(&misfits);
            if best != p.at && probabilities(&misfits, how.wrong)[best] >= how.confidence {
                next[u] = best;
            }
        }
        if next == at_of(placed) {
            break;
        }
        let tried = world.predict(&next)?;
        // Judged by the errors that the better of the two leaves: it is nearer to what the meters do.
        let fresh = Errors::of(readings, &tried.channels, how.class_pct, how.free);
        let of = |e: &Errors, p: &Prediction| e.misfit(readings, &p.channels, how.with_level, how.class_pct);
        if of(&fresh, &tried) >= of(&fresh, prediction) {
            break;
        }
        for (p, at) in placed.iter_mut().zip(next) {
            p.at = at;
        }
        (*prediction, errors, changed) = (tried, fresh, true);
    }
    Ok(changed)
}

/// Solves each doubtful unit in each of its phases, and changes those that are better elsewhere. Gives whether any changed.
pub(super) fn one_by_one(
    world: &mut impl World,
    readings: &Readings,
    placed: &mut [Placed],
    prediction: &mut Prediction,
    how: &How,
    all_in_doubt: f64,
) -> Result<bool, BenchError> {
    let mut changed = false;
    let mut errors = Errors::of(readings, &prediction.channels, how.class_pct, how.free);
    for u in 0..placed.len() {
        if placed[u].channels.is_empty() {
            continue;
        }
        let rough = first_order(readings, prediction, u, &placed[u], &errors, how.with_level);
        let least = rough.iter().copied().fold(f64::INFINITY, f64::min);
        let now = placed[u].at;
        let doubtful =
            placed[u].at != 0 || best_of(&rough) != now || rough.iter().enumerate().any(|(c, m)| c != now && m - least < all_in_doubt);
        if !doubtful {
            (placed[u].misfits, placed[u].is_exact) = (rough.iter().map(|m| m - least).collect(), false);
            continue;
        }
        let mut predictions: Vec<Option<Prediction>> = Vec::new();
        for c in 0..rough.len() {
            predictions.push(if c == now {
                Some(prediction.clone())
            } else {
                let mut at = at_of(placed);
                at[u] = c;
                // A phase in which the network cannot be solved is none.
                world.predict(&at).ok()
            });
        }
        let all = |e: &Errors| -> Vec<f64> {
            let of = |p: &Option<Prediction>| {
                p.as_ref().map_or(f64::INFINITY, |p| e.misfit(readings, &p.channels, how.with_level, how.class_pct))
            };
            predictions.iter().map(of).collect()
        };
        let mut misfits = all(&errors);
        let mut best = best_of(&misfits);
        if best != now
            && let Some(p) = &predictions[best]
        {
            // Judged again with the errors that the better one leaves.
            let fresh = Errors::of(readings, &p.channels, how.class_pct, how.free);
            misfits = all(&fresh);
            best = best_of(&misfits);
            // The unit's own meters are the direct witnesses: a change that only others speak for is the work of something else.
            let own = |p: &Prediction| {
                placed[u].channels.iter().map(|&i| left(residuals(&readings.channels[i], &p.channels[i])).squares).sum::<f64>()
            };
            let is_borne_out = predictions[best].as_ref().is_some_and(|p| own(p) < own(prediction));
            if best != now && is_borne_out && probabilities(&misfits, how.wrong)[best] >= how.confidence {
                (placed[u].at, changed) = (best, true);
                (*prediction, errors) = (p.clone(), fresh);
            }
        }
        let least = misfits[best];
        (placed[u].misfits, placed[u].is_exact) = (misfits.iter().map(|m| m - least).collect(), true);
    }
    Ok(changed)
}
