//! Growth of a load, and when it changed.
//!
//! Values are at equal steps, best weekly or daily means of a weather-normalised load ([`crate::regression::WeatherLoad::normalised_kw`]).
//!
//! **Changepoints.** The partition with the least `Σ cost(segment) + β (segments - 1)` is found exactly by PELT (Killick, Fearnhead and Eckley, Journal of the American
//! Statistical Association 107, 2012):
//!
//! ```text
//! F(t) = min over s of F(s) + cost(s, t) + β,     s is dropped for good once F(s) + cost(s, t) > F(t)
//! ```
//!
//! which holds since a segment's sum of squares never falls when it is divided. Where segments have a least length `m`, `s` is dropped for ends from `t + m` on. The
//! cost is the sum of squares around the segment's mean or around its line. `β = k ln n · σ² (1 + ρ) / (1 - ρ)` with `k` 3 for means and 4 for lines: what a new
//! segment adds (1 or 2), and 2 for its place, which is chosen among many; deviation `σ` and correlation `ρ` come from medians of absolute differences one and two steps apart, for which steps and slopes hardly count:
//! `E(y_t - y_{t-1})² = 2σ² (1 - ρ)`, `E(y_t - y_{t-2})² = 2σ² (1 - ρ²)`.
//!
//! **Rate.** The median of the slopes of all pairs (Theil, 1950; Sen, 1968), between those pairs' ranks that Kendall's variance gives, widened for correlation by
//! `(1 + ρ) / (1 - ρ)` (after Hamed and Rao, 1998, for errors of first order).
//!
//! **Steps.** Two lines that meet at a knot, the best one near the border, are compared with the two lines found. Where letting go of the knot takes more than
//! [`STEP_DROP`] variances (of the noise as above) off the sum of squares, the level jumps: a step, as of a new customer. Else the slope changed.

use crate::forecast::{FitError, check};
use crate::metrics::median;
use serde::{Deserialize, Serialize};

/// Variances that the sum of squares must fall by for a step: three deviations of a jump, and the choice of the knot.
pub const STEP_DROP: f64 = 13.0;

/// What a segment is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    Mean,
    Line,
}

/// Sums from the first value on, of values less their mean and times less their middle, so that differences stay exact enough.
struct Sums {
    cost: Cost,
    y: Vec<f64>,
    yy: Vec<f64>,
    ty: Vec<f64>,
    middle: f64,
}

impl Sums {
    fn new(series: &[f64], cost: Cost) -> Self {
        let n = series.len();
        let mean = series.iter().sum::<f64>() / n as f64;
        let middle = (n as f64 - 1.0) / 2.0;
        let mut sums = Self { cost, y: vec![0.0], yy: vec![0.0], ty: vec![0.0], middle };
        let (mut y_sum, mut yy_sum, mut ty_sum) = (0.0, 0.0, 0.0);
        for (t, v) in series.iter().enumerate() {
            let y = v - mean;
            y_sum += y;
            yy_sum += y * y;
            ty_sum += (t as f64 - middle) * y;
            sums.y.push(y_sum);
            sums.yy.push(yy_sum);
            sums.ty.push(ty_sum);
        }
        sums
    }

    /// Sum of squares of the values from `s` up to, without, `t`.
    fn of(&self, s: usize, t: usize) -> f64 {
        let n = (t - s) as f64;
        let y = self.y[t] - self.y[s];
        let around_mean = self.yy[t] - self.yy[s] - y * y / n;
        let explained = match self.cost {
            Cost::Mean => 0.0,
            Cost::Line => {
                let at = (s + t - 1) as f64 / 2.0 - self.middle;
                let sxy = self.ty[t] - self.ty[s] - at * y;
                let sxx = n * (n * n - 1.0) / 12.0;
                if sxx > 0.0 { sxy * sxy / sxx } else { 0.0 }
            }
        };
        (around_mean - explained).max(0.0)
    }
}

/// First values of all segments but the first, and the least of the sum that the module tells.
///
/// # Errors
/// Fewer values than two segments have, values that are no finite numbers, a penalty below 0, a least length below that of the cost (1, or 2 for lines).
pub fn pelt(series: &[f64], cost: Cost, penalty: f64, least: usize) -> Result<(Vec<usize>, f64), FitError> {
    check("the series", series, (2 * least).max(2))?;
    let shortest = if cost == Cost::Line { 2 } else { 1 };
    if least < shortest {
        return Err(FitError::Option { what: "the least length", needed: "at least 1, or 2 for lines", found: least.to_string() });
    }
    if !(penalty >= 0.0 && penalty.is_finite()) {
        return Err(FitError::Option { what: "penalty", needed: "0 or more", found: penalty.to_string() });
    }
    let sums = Sums::new(series, cost);
    let n = series.len();
    let mut best = vec![f64::INFINITY; n + 1];
    let mut from = vec![0; n + 1];
    best[0] = -penalty;
    // Beginnings of the last segment, and the end from which each is no use.
    let mut open: Vec<(usize, usize)> = vec![(0, usize::MAX)];
    for t in least..=n {
        open.retain(|&(_, until)| t < until);
        let mut costs = Vec::with_capacity(open.len());
        for &(s, _) in &open {
            let value = best[s] + sums.of(s, t);
            costs.push(value);
            if value + penalty < best[t] {
                best[t] = value + penalty;
                from[t] = s;
            }
        }
        for (place, value) in open.iter_mut().zip(costs) {
            if place.1 == usize::MAX && value > best[t] {
                place.1 = t + least;
            }
        }
        // A segment that begins here ends `least` steps on at the earliest.
        let next = t + 1 - least;
        if next >= least && next < n {
            open.push((next, usize::MAX));
        }
    }
    let mut places = Vec::new();
    let mut t = n;
    while from[t] > 0 {
        t = from[t];
        places.push(t);
    }
    places.reverse();
    Ok((places, best[n]))
}

/// Deviation and correlation of what is left without steps and slopes.
fn noise(series: &[f64]) -> (f64, f64) {
    // The median of a normal variable's absolute value is 0.6745 deviations.
    let spread = |lag: usize| {
        let differences: Vec<f64> = series[lag..].iter().zip(series).map(|(a, b)| a - b).collect();
        let middle = median(&mut differences.clone());
        (median(&mut differences.iter().map(|d| (d - middle).abs()).collect::<Vec<f64>>()) / 0.6745).powi(2)
    };
    let (one, two) = (spread(1), spread(2));
    if one <= 0.0 {
        return (0.0, 0.0);
    }
    let rho = (two / one - 1.0).clamp(0.0, 0.9);
    ((one / (2.0 * (1.0 - rho))).sqrt(), rho)
}

/// A penalty for each further segment from the noise of the series itself.
pub fn usual_penalty(series: &[f64], cost: Cost) -> f64 {
    let (sigma, rho) = noise(series);
    let k = if cost == Cost::Mean { 3.0 } else { 4.0 };
    k * (series.len() as f64).ln() * sigma * sigma * (1.0 + rho) / (1.0 - rho)
}

/// How fast a series rises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    pub per_step: f64,
    pub low: f64,
    pub high: f64,
    /// Share of values that the interval is to hold.
    pub level: f64,
    /// Of the noise, from step to step.
    pub correlation: f64,
}

/// The rate by Theil and Sen with an interval of 95 %.
///
/// # Errors
/// Fewer than ten values, or more than 5000, of which there are too many pairs; values that are no finite numbers or all the same.
pub fn growth(series: &[f64]) -> Result<Growth, FitError> {
    growth_within(&[series])
}

/// The same rate in parts whose levels have nothing to do with each other, as before and after a step: pairs are of one part, and the variances of the parts' `S` add
/// up (as Hirsch, Slack and Smith, Water Resources Research 18, 1982, do by season).
///
/// # Errors
/// As [`growth`], for all parts together.
pub fn growth_within(parts: &[&[f64]]) -> Result<Growth, FitError> {
    let n: usize = parts.iter().map(|p| p.len()).sum();
    if n < 10 {
        return Err(FitError::TooShort { what: "the series".into(), needed: 10, found: n });
    }
    for part in parts {
        check("the series", part, 0)?;
    }
    if let Some(first) = parts.iter().find_map(|p| p.first())
        && parts.iter().all(|p| p.iter().all(|v| *v == p[0]))
    {
        return Err(FitError::Constant { what: "the series".into(), value: *first });
    }
    if n > 5000 {
        return Err(FitError::Option {
            what: "the number of values",
            needed: "at most 5000: take means of days or weeks",
            found: n.to_string(),
        });
    }
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    for series in parts {
        for i in 0..series.len() {
            for j in i + 1..series.len() {
                slopes.push((series[j] - series[i]) / (j - i) as f64);
            }
        }
    }
    let per_step = median(&mut slopes);
    let (mut square, mut along) = (0.0, 0.0);
    for series in parts.iter().filter(|p| !p.is_empty()) {
        let level = median(&mut series.iter().enumerate().map(|(t, y)| y - per_step * t as f64).collect::<Vec<f64>>());
        let errors: Vec<f64> = series.iter().enumerate().map(|(t, y)| y - level - per_step * t as f64).collect();
        square += errors.iter().map(|e| e * e).sum::<f64>();
        along += errors[1..].iter().zip(&errors).map(|(a, b)| a * b).sum::<f64>();
    }
    let rho = if square > 0.0 { (along / square).clamp(0.0, 0.95) } else { 0.0 };
    // Kendall's S without ties.
    let of_part = |m: f64| m * (m - 1.0) * (2.0 * m + 5.0) / 18.0;
    let variance = parts.iter().map(|p| of_part(p.len() as f64)).sum::<f64>() * (1.0 + rho) / (1.0 - rho);
    let half = 1.959_964 * variance.sqrt();
    let pairs = slopes.len() as f64;
    let at = |rank: f64| slopes[(rank.round().max(0.0) as usize).min(slopes.len() - 1)];
    Ok(Growth { per_step, low: at((pairs - half) / 2.0 - 1.0), high: at((pairs + half) / 2.0), level: 0.95, correlation: rho })
}

/// A line between two borders.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    pub from: usize,
    pub to: usize,
    /// At `from`.
    pub level: f64,
    pub per_step: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The level jumps: a customer came or went, or load was switched over.
    Step,
    /// The level goes on, the slope does not.
    Slope,
}

/// Where one line ends and another begins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// First step of the new line.
    pub at: usize,
    pub kind: ChangeKind,
    /// From the old line to the new one at `at`, with its standard deviation.
    pub jump: f64,
    pub jump_deviation: f64,
    pub slope_before: f64,
    pub slope_after: f64,
}

/// Lines of a series, and what changed between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    pub penalty: f64,
    pub segments: Vec<Segment>,
    pub changes: Vec<Change>,
}

/// Segments of lines of at least `least` steps by [`pelt`], and whether level or slope changed at each border.
///
/// # Errors
/// As [`pelt`], for segments of at least three values.
pub fn changes(series: &[f64], least: usize, penalty: Option<f64>) -> Result<Changes, FitError> {
    if least < 3 {
        return Err(FitError::Option { what: "the least length", needed: "at least 3", found: least.to_string() });
    }
    check("the series", series, 2 * least)?;
    let penalty = penalty.unwrap_or_else(|| usual_penalty(series, Cost::Line));
    let (places, _) = pelt(series, Cost::Line, penalty, least)?;
    let borders: Vec<usize> = std::iter::once(0).chain(places).chain(std::iter::once(series.len())).collect();
    let (sigma, rho) = noise(series);
    let variance = sigma * sigma * (1.0 + rho) / (1.0 - rho);
    let segments: Vec<Segment> = borders.windows(2).map(|w| line(series, w[0], w[1])).collect();
    let sums = Sums::new(series, Cost::Line);
    let changes = segments
        .windows(2)
        .map(|w| {
            let (a, b) = (w[0], w[1]);
            let jump = b.level - (a.level + a.per_step * (a.to - a.from) as f64);
            let jump_deviation = (variance * (leverage(a, a.to) + leverage(b, b.from))).sqrt();
            let apart = sums.of(a.from, a.to) + sums.of(b.from, b.to);
            let knots = (b.from.saturating_sub(2 * least).max(a.from + 1))..=(b.from + 2 * least).min(b.to - 2);
            let joined = knots.map(|knot| knotted(&series[a.from..b.to], knot - a.from)).fold(f64::INFINITY, f64::min);
            let kind = if joined - apart > STEP_DROP * variance { ChangeKind::Step } else { ChangeKind::Slope };
            Change { at: b.from, kind, jump, jump_deviation, slope_before: a.per_step, slope_after: b.per_step }
        })
        .collect();
    Ok(Changes { penalty, segments, changes })
}

/// Variance of a fitted line at `t`, in variances of a value: `1/n + (t - t̄)² / Sxx`.
fn leverage(segment: Segment, t: usize) -> f64 {
    let n = (segment.to - segment.from) as f64;
    let middle = (segment.from + segment.to - 1) as f64 / 2.0;
    1.0 / n + (t as f64 - middle).powi(2) / (n * (n * n - 1.0) / 12.0)
}

fn line(series: &[f64], from: usize, to: usize) -> Segment {
    let n = (to - from) as f64;
    let mean = series[from..to].iter().sum::<f64>() / n;
    let middle = (n - 1.0) / 2.0;
    let sxy: f64 = series[from..to].iter().enumerate().map(|(k, y)| (k as f64 - middle) * (y - mean)).sum();
    let per_step = sxy / (n * (n * n - 1.0) / 12.0);
    Segment { from, to, level: mean - per_step * middle, per_step }
}

/// Sum of squares around two lines that meet at `knot`.
fn knotted(series: &[f64], knot: usize) -> f64 {
    let around_line = |values: &[f64]| {
        let l = line(values, 0, values.len());
        values.iter().enumerate().map(|(k, v)| v - l.level - l.per_step * k as f64).collect::<Vec<f64>>()
    };
    let bend: Vec<f64> = (0..series.len()).map(|t| t.saturating_sub(knot) as f64).collect();
    let (y, x) = (around_line(series), around_line(&bend));
    let (yy, xy, xx) = y.iter().zip(&x).fold((0.0, 0.0, 0.0), |s, (y, x)| (s.0 + y * y, s.1 + x * y, s.2 + x * x));
    if xx > 0.0 { yy - xy * xy / xx } else { yy }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    fn noisy(n: usize, rho: f64, index: u64) -> Vec<f64> {
        let mut random = Random::new(31, 1, index);
        let mut e = random.normal();
        (0..n)
            .map(|_| {
                e = rho * e + (1.0 - rho * rho).sqrt() * random.normal();
                e
            })
            .collect()
    }

    /// The least sum over all partitions, by dynamic programming without dropping anything.
    fn every_partition(series: &[f64], cost: Cost, penalty: f64, least: usize) -> f64 {
        let sse = |s: usize, t: usize| {
            let part = &series[s..t];
            let n = part.len() as f64;
            let mean = part.iter().sum::<f64>() / n;
            let slope = if cost == Cost::Line { line(series, s, t).per_step } else { 0.0 };
            part.iter().enumerate().map(|(k, y)| (y - mean - slope * (k as f64 - (n - 1.0) / 2.0)).powi(2)).sum::<f64>()
        };
        let n = series.len();
        let mut best = vec![f64::INFINITY; n + 1];
        best[0] = -penalty;
        for t in least..=n {
            for s in 0..=t - least {
                best[t] = best[t].min(best[s] + sse(s, t) + penalty);
            }
        }
        best[n]
    }

    #[test]
    fn pelt_finds_what_trying_every_partition_finds() {
        let mut changed = 0;
        for index in 0..60 {
            let mut random = Random::new(32, 1, index);
            let n = 12 + index as usize % 50;
            let mut series = noisy(n, 0.0, index);
            let place = n / 3;
            let jump = random.between(-4.0, 4.0);
            series[place..].iter_mut().for_each(|v| *v += jump);
            for cost in [Cost::Mean, Cost::Line] {
                for least in [2, 3, 5] {
                    for penalty in [0.0, 0.5, 3.0, 10.0] {
                        let (places, value) = pelt(&series, cost, penalty, least).unwrap();
                        let expected = every_partition(&series, cost, penalty, least);
                        assert!(
                            (value - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                            "{n} {cost:?} {least} {penalty}: {value} {expected}"
                        );
                        changed += places.len();
                        let borders: Vec<usize> = [vec![0], places, vec![n]].concat();
                        assert!(borders.windows(2).all(|w| w[1] - w[0] >= least), "{borders:?}");
                    }
                }
            }
        }
        assert!(changed > 1000, "{changed}");
    }

    #[test]
    fn a_new_customer_is_a_step_and_a_new_quarter_a_slope() {
        // Weeks of three years, kW.
        let noise = noisy(156, 0.3, 1);
        let step: Vec<f64> = (0..156).map(|t| 2000.0 + 0.8 * t as f64 + if t >= 90 { 150.0 } else { 0.0 } + 12.0 * noise[t]).collect();
        let found = changes(&step, 8, None).unwrap();
        assert_eq!(found.changes.len(), 1, "{found:?}");
        let c = found.changes[0];
        assert!(c.kind == ChangeKind::Step && c.at.abs_diff(90) <= 1 && (c.jump - 150.0).abs() < 3.0 * c.jump_deviation, "{c:?}");
        let bend: Vec<f64> = (0..156).map(|t| 2000.0 + 0.8 * t as f64 + 6.0 * (t as f64 - 80.0).max(0.0) + 12.0 * noise[t]).collect();
        let found = changes(&bend, 8, None).unwrap();
        assert_eq!(found.changes.len(), 1, "{found:?}");
        let c = found.changes[0];
        assert!(c.kind == ChangeKind::Slope && c.at.abs_diff(80) <= 6 && (c.slope_after - c.slope_before - 6.0).abs() < 1.0, "{c:?}");
        let again: Changes = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
        assert_eq!(again, found);
    }

    #[test]
    fn where_nothing_changes_little_is_told_and_rates_lie_in_their_intervals() {
        let (mut told, mut inside) = (0, 0);
        for index in 0..200 {
            let rho = 0.3 * (index % 3) as f64;
            let series: Vec<f64> = noisy(120, rho, 1000 + index).iter().enumerate().map(|(t, e)| 500.0 + 0.05 * t as f64 + e).collect();
            told += usize::from(!changes(&series, 8, None).unwrap().changes.is_empty());
            let rate = growth(&series).unwrap();
            inside += usize::from((rate.low..=rate.high).contains(&0.05));
        }
        println!("changes told in {told} of 200 series without any; the rate lies in its interval in {inside} of 200");
        assert!(told <= 20, "{told}");
        assert!((180..=200).contains(&inside), "{inside}");
    }

    #[test]
    fn the_rate_of_a_line_with_a_wild_value_is_that_of_the_line() {
        let mut series: Vec<f64> = (0..40).map(|t| 10.0 + 0.5 * f64::from(t)).collect();
        series[20] = 1000.0;
        assert_eq!(growth(&series).unwrap().per_step, 0.5);
        assert!(growth(&series[..9]).is_err() && growth(&[3.0; 30]).is_err());
        // In two parts the jump between them is no growth.
        let after: Vec<f64> = series[..20].iter().map(|v| v - 500.0).collect();
        assert_eq!(growth_within(&[&series, &after]).unwrap().per_step, 0.5);
        assert_eq!(growth_within(&[&series, &[]]), growth(&series));
        assert!(growth_within(&[&[3.0; 30], &[4.0; 30]]).is_err() && growth_within(&[]).is_err());
        assert!(
            pelt(&series, Cost::Line, -1.0, 3).is_err()
                && pelt(&series, Cost::Line, 1.0, 1).is_err()
                && pelt(&series[..5], Cost::Mean, 1.0, 3).is_err()
        );
        assert!(changes(&series, 2, None).is_err());
    }
}
