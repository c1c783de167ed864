//! Monte Carlo: resources at random customers, one after another, until a limit is crossed.
//!
//! A draw is an order of all customers, drawn evenly, and a size for each; after every customer has one resource they get a second in another
//! order, up to `rounds`. Resources come in levels of equal numbers of customers. Every level is probed in turn, from the first, until one crosses
//! a limit: the capacity of the draw is the sum of the sizes at the level before. Nothing is assumed between levels, so nothing is stepped over. Over
//! several moments, the level of a draw is the least over all.
//!
//! # Statistics of the draws
//!
//! Percentiles are order statistics: of `n` sorted capacities, percentile `p` is number `ceil(p n)`. What is known of them without any assumption
//! about the distribution: with `B` binomial of `n` draws with probability `p`, the true percentile lies between order statistics `l` and `u`
//! with probability `P(l <= B < u)`; `l` and `u` are the innermost pair that leaves at most 2.5 % on either side (David and Nagaraja, Order
//! Statistics, 2003, section 7.1). The interval of the mean is `1.96 s / sqrt(n)`. A draw that keeps all limits with every resource in place says
//! only that its capacity is at least so large; what rests on such draws is told as such.
//!
//! Method after EPRI 1026640, "Stochastic Analysis to Determine Feeder Hosting Capacity for Distributed Solar PV" (2012).

use super::criteria::{At, Criterion, Readings};
use super::hours::{Bases, Moment};
use super::one_bus::{Crossing, Study};
use super::options::Stochastic;
use super::probe::first_crossed;
use crate::synthetic::random::Random;
use powerflow::CircuitError;
use serde::{Deserialize, Serialize};

/// Number of the stream of random numbers.
const PURPOSE: u64 = 0x686f_7374;

/// A customer that may get resources: its place and nominal load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Customer {
    pub site: usize,
    pub load_kw: f64,
}

/// What a draw found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draw {
    /// Number of the draw, from 0.
    pub number: u32,
    /// Resources in place, and their sum, kW.
    pub resources: u32,
    pub capacity_kw: f64,
    /// `None` where all resources together keep all limits.
    pub crossing: Option<Crossing>,
    pub base_violates: bool,
    /// Size in place at each site, kW.
    pub at_site_kw: Vec<(usize, f64)>,
    pub n_solved: u64,
}

/// A draw under way.
struct Track {
    number: u32,
    /// Site and size, in the order in which they come.
    sequence: Vec<(usize, f64)>,
    per_level: usize,
    level: usize,
    crossing: Option<Crossing>,
    base_violates: bool,
    n_solved: u64,
}

impl Track {
    fn new(number: u32, customers: &[Customer], s: &Stochastic) -> Self {
        let mut random = Random::new(s.seed, PURPOSE, u64::from(number));
        let n = customers.len();
        let mut sequence = Vec::with_capacity(n * s.rounds as usize);
        for _ in 0..s.rounds {
            let mut order: Vec<usize> = (0..n).collect();
            // Fisher and Yates.
            for i in (1..n).rev() {
                let j = ((random.unit() * (i + 1) as f64) as usize).min(i);
                order.swap(i, j);
            }
            for i in order {
                let customer = customers[i];
                let kw = match s.size_kw {
                    Some((low, high)) => random.between(low, high),
                    None => customer.load_kw * random.between(s.of_load.0, s.of_load.1),
                };
                sequence.push((customer.site, kw));
            }
        }
        let per_level = n.div_ceil(s.levels as usize).max(1);
        let level = sequence.len().div_ceil(per_level);
        Self { number, sequence, per_level, level, crossing: None, base_violates: false, n_solved: 0 }
    }

    /// Resources in place at a level, with those of one site together.
    fn at_level(&self, level: usize) -> Vec<(usize, f64)> {
        let n = (level * self.per_level).min(self.sequence.len());
        let mut placed = self.sequence[..n].to_vec();
        placed.sort_by_key(|p| p.0);
        placed.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        placed
    }

    fn at(&mut self, prober: &mut super::probe::Prober, moment: Moment) -> Result<(), CircuitError> {
        let before = prober.n_solved;
        let mut ok = prober.base_readings;
        let end = |track: &mut Self, level: usize, ok: &Readings, bad: &Readings, criteria| {
            if let Some((criterion, reading)) = first_crossed(ok, bad, criteria) {
                let limit = criteria.limit(criterion).unwrap_or(f64::NAN);
                track.crossing = Some(Crossing { criterion, reading, limit, moment });
            }
            track.level = level;
        };
        if ok.violates(&prober.criteria) {
            let criteria = prober.criteria.clone();
            end(self, 0, &ok, &ok, &criteria);
            self.base_violates = true;
            return Ok(());
        }
        for level in 1..=self.level {
            let probe = prober.probe(&self.at_level(level))?;
            if probe.readings.violates(&prober.criteria) {
                let criteria = prober.criteria.clone();
                end(self, level - 1, &ok, &probe.readings, &criteria);
                break;
            }
            ok = probe.readings;
        }
        self.n_solved += prober.n_solved - before;
        Ok(())
    }
}

/// Draws `numbers`, each over all moments.
///
/// # Errors
/// A circuit that cannot be factored.
pub fn draws(study: &Study<'_>, bases: &Bases, customers: &[Customer], numbers: &[u32]) -> Result<Vec<Draw>, CircuitError> {
    let mut tracks: Vec<Track> = numbers.iter().map(|&n| Track::new(n, customers, &study.options.stochastic)).collect();
    bases.each(&mut |moment, base| {
        let Some(base) = base else {
            for t in &mut tracks {
                let reading = super::criteria::Reading { value: 1.0, at: At::Everywhere };
                t.level = 0;
                t.base_violates = true;
                t.crossing = Some(Crossing { criterion: Criterion::Solution, reading, limit: 0.0, moment });
            }
            return Ok(());
        };
        if moment.output == 0.0 {
            return Ok(());
        }
        let mut prober = study.prober(base, study.behaviour(moment.output));
        prober.criteria = study.criteria_at(&prober.base_readings);
        tracks.iter_mut().try_for_each(|t| t.at(&mut prober, moment))
    })?;
    let draw = |t: Track| {
        let at_site_kw = t.at_level(t.level);
        Draw {
            number: t.number,
            resources: (t.level * t.per_level).min(t.sequence.len()) as u32,
            // Not `sum`: of nothing it is minus zero.
            capacity_kw: at_site_kw.iter().fold(0.0, |sum, p| sum + p.1),
            crossing: t.crossing,
            base_violates: t.base_violates,
            at_site_kw,
            n_solved: t.n_solved,
        }
    };
    Ok(tracks.into_iter().map(draw).collect())
}

/// A figure with what is known about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub value: f64,
    /// Bounds of the 95 % interval; `None` where the draws do not bound it on that side.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Draws that found no limit stand at or above it: it is no more than a lower bound.
    pub at_least: bool,
}

/// Probability left on either side of an interval.
const SIDE: f64 = 0.025;

/// Mean of the capacities with its interval.
pub fn mean(values: &[f64], any_open: bool) -> Estimate {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let half = 1.96 * (variance / n).sqrt();
    let bound = |x: f64| half.is_finite().then_some(x);
    Estimate { value: mean, low: bound(mean - half), high: bound(mean + half), at_least: any_open }
}

/// A percentile of sorted capacities with its interval. `first_open` is the position of the first draw that found no limit.
pub fn percentile(sorted: &[f64], p: f64, first_open: usize) -> Estimate {
    let n = sorted.len();
    let at = ((p * n as f64 - 1e-9).ceil() as usize).clamp(1, n) - 1;
    // Cumulated binomial probabilities P(B <= k), by logarithms, since the first term of many draws is next to nothing.
    let mut below = Vec::with_capacity(n + 1);
    let (mut term, mut sum) = (n as f64 * (1.0 - p).ln(), 0.0);
    for k in 0..=n {
        sum += term.exp();
        below.push(sum);
        term += ((n - k) as f64 / (k + 1) as f64).ln() + (p / (1.0 - p)).ln();
    }
    // P(x_(l) > true) = P(B < l): the largest l, from 1, with P(B <= l - 1) within the side.
    let low = (1..=n).take_while(|&l| below[l - 1] <= SIDE).last();
    // P(x_(u) < true) = P(B >= u): the smallest u with 1 - P(B <= u - 1) within the side.
    let high = (1..=n).find(|&u| 1.0 - below[u - 1] <= SIDE);
    Estimate {
        value: sorted[at],
        low: low.map(|l| sorted[l - 1]),
        high: high.filter(|&u| u - 1 < first_open).map(|u| sorted[u - 1]),
        at_least: at >= first_open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_percentiles_are_those_of_the_tables() {
        // Median of 100: order statistics 40 and 61 (exact binomial: P(B <= 39) = 0.0176, P(B <= 40) = 0.0284).
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let median = percentile(&values, 0.5, 100);
        assert_eq!((median.value, median.low, median.high), (50.0, Some(40.0), Some(61.0)));
        // Too few draws to bound a fifth percentile from below: (1 - 0.05)^20 = 0.358.
        let few: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(percentile(&few, 0.05, 20).low, None);
        assert_eq!(percentile(&few, 0.05, 20).value, 1.0);
        // Of a thousand: P(B <= 36) = 0.0212, P(B <= 37) = 0.0312 at p = 0.05.
        let many: Vec<f64> = (1..=1000).map(f64::from).collect();
        let p5 = percentile(&many, 0.05, 1000);
        assert_eq!((p5.value, p5.low), (50.0, Some(37.0)));
    }

    #[test]
    fn draws_without_a_limit_bound_from_below_only() {
        let values = [1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0];
        let p = percentile(&values, 0.95, 2);
        assert!(p.at_least);
        assert_eq!(p.high, None);
        assert!(!percentile(&values, 0.05, 2).at_least);
    }

    #[test]
    fn a_draw_is_its_number_and_seed() {
        let customers: Vec<Customer> = (0..7).map(|site| Customer { site, load_kw: 10.0 }).collect();
        let s = Stochastic { seed: 5, levels: 3, rounds: 2, ..Stochastic::default() };
        let (a, b) = (Track::new(3, &customers, &s), Track::new(3, &customers, &s));
        assert_eq!(a.sequence, b.sequence);
        assert_ne!(a.sequence, Track::new(4, &customers, &s).sequence);
        assert_eq!((a.sequence.len(), a.per_level, a.level), (14, 3, 5));
        let all = a.at_level(5);
        assert_eq!(all.len(), 7);
        let total: f64 = a.sequence.iter().map(|p| p.1).sum();
        assert!((all.iter().map(|p| p.1).sum::<f64>() - total).abs() < 1e-9);
    }
}
