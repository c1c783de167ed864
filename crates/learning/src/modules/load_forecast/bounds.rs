//! Bounds around forecasts, from errors of a backtest: later ones count more, and what was missed since widens them.
//!
//! With `r_kl` the absolute error of the forecast from origin `k` at lead `l`, known once its hours have passed, and `a_k` its age in hours:
//!
//! ```text
//! w_k = 2^(-a_k / H)
//! q_l = the least r with  sum of w_k over r_kl <= r   >=   level (1 + sum of w_k)        half width before correction
//! s  <- s + G d (m_k - (1 - level))                                                      m_k: share of the leads of origin k that lay outside its bounds
//! bounds = said ∓ exp(s) q_l                                                             d: days from the origin before it
//! ```
//!
//! Plain split conformal bounds ([`crate::conformal`]) promise their level for errors whose order says nothing. Errors of loads come with the season, so that those of
//! summer are too small for winter. The weights make what is lost by that as small as the change within a half life (R. Barber, E. Candès, A. Ramdas,
//! R. Tibshirani, "Conformal prediction beyond exchangeability", Annals of Statistics 51, 2023). The correction `s` holds the level over time whatever comes: what is missed
//! too often widens, what is held too often narrows (I. Gibbs, E. Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021). It is taken in the logarithm of the
//! width, as quantiles are tracked by A. Angelopoulos, E. Candès, R. Tibshirani, "Conformal PID control for time series prediction", NeurIPS 2023, since a level of
//! 100 % would have no finite bounds, and since steps then need no scale.
//!
//! Each origin is bounded by what was known at it, as a forecast made there would have been; so the share held by that is the one of such forecasts.

use std::collections::VecDeque;

/// `H`, h: four weeks.
const HALF_LIFE_H: f64 = 672.0;
/// `G`, a day.
const GAIN: f64 = 0.1;
/// Hours after which weights are taken anew.
const RENEWED_H: usize = 24;

/// Absolute errors by origin and lead; none where an origin was not answered.
pub(super) struct Errors<'a> {
    /// Hours, rising.
    pub origins: &'a [usize],
    pub horizon: usize,
    pub by_origin: Vec<Option<Vec<f64>>>,
}

/// What going through the origins gave.
pub(super) struct Walk {
    /// Share of the leads within bounds, by origin; none where too little was known for bounds.
    pub held: Vec<Option<f64>>,
    /// Half widths by lead for a forecast at the end.
    pub widths: Option<Vec<f64>>,
}

/// The correction of the width, and what changes it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Correction {
    /// `s`.
    log: f64,
}

impl Correction {
    /// What bounds are multiplied by.
    pub fn factor(self) -> f64 {
        self.log.exp()
    }

    /// After a share of hours was missed at an origin so many hours after the one before.
    pub fn after(self, missed: f64, level: f64, step_h: f64) -> Self {
        Self { log: self.log + GAIN * step_h / 24.0 * (missed - (1.0 - level)) }
    }
}

/// Share of the errors beyond half widths that are drawn out by a factor.
pub(super) fn missed(errors: &[f64], widths: &[f64], factor: f64) -> f64 {
    errors.iter().zip(widths).filter(|(e, w)| **e > factor * **w).count() as f64 / errors.len().max(1) as f64
}

impl Errors<'_> {
    /// Half widths by lead before correction, from what is known at hour `at`; none where that is too little for the level.
    fn widths(&self, at: usize, level: f64) -> Option<Vec<f64>> {
        let known: Vec<(&Vec<f64>, f64)> = self
            .origins
            .iter()
            .zip(&self.by_origin)
            .filter(|(o, _)| **o + self.horizon <= at)
            .filter_map(|(&o, e)| Some((e.as_ref()?, (-((at - o) as f64) / HALF_LIFE_H).exp2())))
            .collect();
        let all: f64 = known.iter().map(|k| k.1).sum();
        let needed = level * (1.0 + all);
        if needed > all {
            return None;
        }
        let mut order: Vec<(f64, f64)> = Vec::with_capacity(known.len());
        let quantile = |lead: usize| {
            order.clear();
            order.extend(known.iter().map(|(e, w)| (e[lead], *w)));
            order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let mut sum = 0.0;
            let reached = order.iter().find(|(_, w)| {
                sum += w;
                sum >= needed
            });
            // Sums in another order differ in their last digits.
            reached.or(order.last()).map(|r| r.0)
        };
        (0..self.horizon).map(quantile).collect()
    }

    /// Goes through the origins; `end` is the hour after the last of the series.
    pub fn walk(&self, level: f64, end: usize) -> Walk {
        let mut correction = Correction::default();
        let mut widths: Option<(usize, Vec<f64>)> = None;
        // What will be known when: the hour, the share missed, hours since the origin before.
        let mut pending: VecDeque<(usize, f64, f64)> = VecDeque::new();
        let mut learn = |pending: &mut VecDeque<(usize, f64, f64)>, at: usize| {
            while let Some(&(_, missed, step_h)) = pending.front().filter(|p| p.0 <= at) {
                correction = correction.after(missed, level, step_h);
                pending.pop_front();
            }
            correction.factor()
        };
        let mut held = Vec::with_capacity(self.origins.len());
        for (i, (&at, errors)) in self.origins.iter().zip(&self.by_origin).enumerate() {
            let factor = learn(&mut pending, at);
            if widths.as_ref().is_none_or(|w| at >= w.0 + RENEWED_H) {
                widths = self.widths(at, level).map(|w| (at, w));
            }
            let missed = errors.as_ref().zip(widths.as_ref()).map(|(e, w)| missed(e, &w.1, factor));
            if let Some(missed) = missed {
                let step_h = if i == 0 { 0 } else { at - self.origins[i - 1] };
                pending.push_back((at + self.horizon, missed, step_h as f64));
            }
            held.push(missed.map(|m| 1.0 - m));
        }
        let factor = learn(&mut pending, end);
        let widths = self.widths(end, level).map(|all| all.into_iter().map(|w| factor * w).collect());
        Walk { held, widths }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    fn errors(n: usize, step: usize, horizon: usize, size: impl Fn(usize) -> f64) -> (Vec<usize>, Vec<Option<Vec<f64>>>) {
        let mut random = Random::new(44, 1, 0);
        let origins: Vec<usize> = (0..n).map(|k| k * step).collect();
        // Alike within a forecast, as those of one day are.
        let by_origin = origins.iter().map(|&o| Some(vec![size(o) * random.normal().abs(); horizon])).collect();
        (origins, by_origin)
    }

    fn mean_held(walk: &Walk, from: usize) -> f64 {
        let known: Vec<f64> = walk.held[from..].iter().flatten().copied().collect();
        known.iter().sum::<f64>() / known.len() as f64
    }

    /// By hand: weights 1/2 and 1/4 a half life apart, of so many origins that the level can be had.
    #[test]
    fn later_errors_count_more() {
        let horizon = 1;
        let origins: Vec<usize> = (0..60).map(|k| if k < 40 { 0 } else { 672 }).collect();
        let by_origin = (0..60).map(|k| Some(vec![if k < 40 { 1.0 } else { 2.0 }])).collect();
        let e = Errors { origins: &origins, horizon, by_origin };
        // At 1344: 40 of weight 1/4 and 20 of 1/2, ten each. Of 1 + 20 the level 0.45 needs 9.45, which the first ten are; 0.5 needs 10.5.
        assert_eq!(e.widths(1344, 0.45), Some(vec![1.0]));
        assert_eq!(e.widths(1344, 0.5), Some(vec![2.0]));
        // 0.96 would need 20.16 of 20; at 672 the later ones are not known yet, and of 21 the level 0.95 needs 19.95 of 20.
        assert_eq!(e.widths(1344, 0.96), None);
        assert_eq!(e.widths(672, 0.95), Some(vec![1.0]));
    }

    #[test]
    fn the_level_is_held_where_nothing_changes() {
        for level in [0.5, 0.8, 0.9] {
            let (origins, by_origin) = errors(1000, 25, 24, |_| 3.0);
            let walk = Errors { origins: &origins, horizon: 24, by_origin }.walk(level, 25_100);
            let held = mean_held(&walk, 300);
            println!("level {level}: {held:.3} held");
            assert!((held - level).abs() < 0.03, "{held} of {level}");
        }
    }

    /// Errors that grow twofold within two weeks of a year: the bounds follow, where those from before do not.
    #[test]
    fn the_level_is_held_again_after_a_change() {
        let size = |o: usize| 1.0 + ((o as f64 - 12_000.0) / 336.0).clamp(0.0, 1.0);
        let (origins, by_origin) = errors(1000, 25, 24, size);
        let e = Errors { origins: &origins, horizon: 24, by_origin };
        let frozen = e.widths(12_000, 0.9).unwrap();
        let after: Vec<&Vec<f64>> =
            origins.iter().zip(&e.by_origin).filter(|(o, _)| **o >= 12_000).filter_map(|(_, e)| e.as_ref()).collect();
        let stale = 1.0 - after.iter().map(|e| missed(e, &frozen, 1.0)).sum::<f64>() / after.len() as f64;
        let held = mean_held(&e.walk(0.9, 25_100), 480);
        println!("{held:.3} held after the change, {stale:.3} by bounds from before it");
        assert!(stale < 0.7 && (held - 0.9).abs() < 0.025, "{held} {stale}");
    }

    /// No origin is bounded by what was not known at it: other errors later change nothing before.
    #[test]
    fn what_is_not_known_yet_changes_nothing() {
        let (origins, by_origin) = errors(300, 7, 24, |_| 1.0);
        let mut other = by_origin.clone();
        other[200..].iter_mut().flatten().flatten().for_each(|e| *e *= 50.0);
        let walk = |by_origin| Errors { origins: &origins, horizon: 24, by_origin }.walk(0.9, 2200);
        let (one, two) = (walk(by_origin), walk(other));
        assert_eq!(one.held[..200], two.held[..200]);
        assert!(two.held[200..204].iter().all(|h| *h < Some(0.5)), "{:?}", &two.held[200..204]);
        assert!(two.widths.unwrap()[0] > 10.0 * one.widths.unwrap()[0]);
    }
}
