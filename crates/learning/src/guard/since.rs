//! When rows began to be unlike those that a model was fitted to.
//!
//! New rows are put into periods of equal length (weeks, months of four weeks, quarters of thirteen, or days where weeks are too few), and for each feature and period
//! the distance `D` of its distribution function from that of training is taken (header of [`super::drift`]), standardised for the number of rows:
//!
//! ```text
//! l_p = D_p (s + 0.12 + 0.11 / s),   s = sqrt(n m_p / (n + m_p))
//! ```
//!
//! **Stretches.** The course of `l` is parted into stretches of one mean by PELT ([`crate::growth::pelt`]) twice. First with the penalty `3 ln n σ²` of independent values,
//! `σ` from differences of neighbours, the largest tenth of their squares left out; then with `3 ln n v`, where
//!
//! ```text
//! v = σ_r² (1 + ρ) / (1 - ρ)     σ_r, ρ: deviation and correlation from one period to the next of what the first parting leaves
//! ```
//!
//! is what a value counts for when its neighbours are counted with it. `σ²` is never taken below that of Kolmogorov's distribution, 0.2603². `ρ` has `k / n` added for the `k`
//! means that were taken off, and counts from `2 / sqrt(n)` on: of fifty periods a correlation that is none comes out as one half now and then, and a penalty
//! for it would hide any shift.
//!
//! **Drift.** A stretch has drifted when its mean `l` is beyond chance, its mean `D` lies above the limit of drift and nearer to the largest of all stretches than to
//! the smallest: a single week is never distributed as a whole year of training, and only what goes beyond the usual says when. The drifted stretches must follow one
//! another, and lie further above the others than these lie apart; else the course has no one time to tell, as that of a feature with a season, and none is told.
//!
//! **Bounds.** A border is told with the places at which it may lie as well: those where the sum of squares of both stretches is at most 7.35 `v` above the least, which hold the
//! border of independent values with 95 % (B. Hansen, "Sample splitting and threshold estimation", Econometrica 68, 2000: the quantile of `(1 - exp(-x / 2))²`).
//!
//! **Power**, by the tests below and docs/methods/learning-modules-series.md: a shift of one deviation in 28 independent rows a week is told within its bounds in 98 of 100
//! years, one of half a deviation in 92. Where rows follow one another closely a week tells less. A season of its own in the feature moves the time that is told.

use super::DriftLimits;
use super::drift::{Reference, distance};
use crate::growth::{Cost, pelt};
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

const DAY_S: i64 = 86_400;
/// Lengths of periods, by preference.
const PERIODS_S: [i64; 4] = [7 * DAY_S, 28 * DAY_S, 91 * DAY_S, DAY_S];
/// Periods with rows, and rows of a period, that tell a course.
const LEAST_PERIODS: usize = 8;
const LEAST_ROWS: usize = 8;
/// Periods of a stretch at least.
const LEAST_STRETCH: usize = 2;
/// Mean and deviation of Kolmogorov's distribution: `sqrt(π / 2) ln 2` and `sqrt(π² / 12 - π ln² 2 / 2)`.
const EXPECTED: f64 = 0.8687;
const DEVIATION: f64 = 0.2603;
/// Mean of the lowest nine tenths of squares of normal values: `1 - 2 q φ(q) / 0.9` with `q` 1.645.
const LOWEST_TENTHS: f64 = 0.623;
/// See the header.
const BOUNDS_95: f64 = 7.35;

/// A moment between two periods, s since 1970 UTC, with the moments between which it lies with 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Border {
    pub at_s: i64,
    pub low_s: i64,
    pub high_s: i64,
}

/// Since when a feature has drifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// Beginning of the first period that has drifted; none where no beginning lies within the rows.
    pub from: Option<Border>,
    /// End of the last period that has, if others follow.
    pub until: Option<Border>,
    pub period_s: i64,
}

impl Reference {
    /// When a column of `now` began to drift; none where the rows are too few for a course, none of its stretches has drifted, or the course has no one time to tell.
    pub fn since(&self, now: &Matrix, times_s: &[i64], column: usize, limits: &DriftLimits) -> Option<Since> {
        if times_s.len() != now.rows() || column >= now.columns() {
            return None;
        }
        let values: Vec<(i64, f64)> = times_s.iter().copied().zip(now.column(column)).filter(|(_, v)| v.is_finite()).collect();
        let (period_s, periods) = PERIODS_S.into_iter().find_map(|length| Some((length, periods(&values, length)?)))?;
        let found: Vec<(f64, f64)> = periods.iter().map(|p| self.apart(column, &p.1)).collect();
        let course: Vec<f64> = found.iter().map(|f| f.1).collect();
        let (borders, variance) = stretches(&course)?;
        // Mean distance of each stretch, and whether it is beyond what chance gives as many periods.
        let means: Vec<(f64, bool)> = borders
            .windows(2)
            .map(|w| {
                let (part, n) = (&found[w[0]..w[1]], (w[1] - w[0]) as f64);
                let mean = |pick: fn(&(f64, f64)) -> f64| part.iter().map(pick).sum::<f64>() / n;
                (mean(|f| f.0), mean(|f| f.1) > EXPECTED + 3.0 * (variance / n).sqrt())
            })
            .collect();
        let (low, high) = ends(means.iter().map(|s| s.0));
        let drifted: Vec<bool> = means.iter().map(|s| s.1 && s.0 > limits.ks && (means.len() == 1 || s.0 > (low + high) / 2.0)).collect();
        let (first, last) = (drifted.iter().position(|d| *d)?, drifted.iter().rposition(|d| *d)?);
        let of = |is: bool| ends(means.iter().zip(&drifted).filter(|(_, d)| **d == is).map(|(s, _)| s.0));
        let (others, gone) = (of(false), of(true));
        // Without others both ends are infinite and the gap is no number that is below anything.
        if drifted[first..=last].contains(&false) || gone.0 - others.1 < others.1 - others.0 {
            return None;
        }
        let border = |i: usize| {
            let (from, at, to) = (borders[i - 1], borders[i], borders[i + 1]);
            let (low, high) = places(&course[from..to], at - from, BOUNDS_95 * variance);
            let begins = |period: usize| periods[period].0 * period_s;
            Border { at_s: begins(at), low_s: begins(from + low), high_s: begins(from + high) }
        };
        Some(Since { from: (first > 0).then(|| border(first)), until: (last + 1 < means.len()).then(|| border(last + 1)), period_s })
    }

    /// Distance of some ascending values from training, plain and standardised.
    fn apart(&self, column: usize, sorted: &[f64]) -> (f64, f64) {
        let d = distance(self.sample(column), sorted);
        let (n, m) = (self.rows() as f64, sorted.len() as f64);
        let s = (n * m / (n + m)).sqrt();
        (d, d * (s + 0.12 + 0.11 / s))
    }
}

/// Least and greatest.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |r, v| (r.0.min(v), r.1.max(v)))
}

/// First places of the stretches and the length, and what a value's variance counts for with its neighbours: see the header.
fn stretches(course: &[f64]) -> Option<(Vec<usize>, f64)> {
    let n = course.len();
    let parted = |variance: f64| {
        let penalty = 3.0 * (n as f64).ln() * variance;
        let (places, _) = pelt(course, Cost::Mean, penalty, LEAST_STRETCH).ok()?;
        Some(std::iter::once(0).chain(places).chain(std::iter::once(n)).collect::<Vec<usize>>())
    };
    let mut squares: Vec<f64> = course.windows(2).map(|w| (w[1] - w[0]).powi(2)).collect();
    squares.sort_unstable_by(f64::total_cmp);
    squares.truncate((squares.len() * 9 / 10).max(1));
    let independent = squares.iter().sum::<f64>() / squares.len() as f64 / 2.0 / LOWEST_TENTHS;
    let first = parted(independent.max(DEVIATION * DEVIATION))?;
    let (mut square, mut along) = (0.0, 0.0);
    for w in first.windows(2) {
        let part = &course[w[0]..w[1]];
        let mean = part.iter().sum::<f64>() / part.len() as f64;
        square += part.iter().map(|l| (l - mean).powi(2)).sum::<f64>();
        along += part.windows(2).map(|p| (p[0] - mean) * (p[1] - mean)).sum::<f64>();
    }
    let means = (first.len() - 1) as f64;
    let free = (n as f64 - means).max(1.0);
    let rho = (along / square.max(f64::MIN_POSITIVE) + means / n as f64).clamp(0.0, 0.9);
    let rho = if rho < 2.0 / (n as f64).sqrt() { 0.0 } else { rho };
    let variance = (square / free).max(DEVIATION * DEVIATION) * (1.0 + rho) / (1.0 - rho);
    Some((parted(variance)?, variance))
}

/// First and last place at which two means leave a sum of squares at most `more` above that of the best place; `at` among them.
fn places(course: &[f64], at: usize, more: f64) -> (usize, usize) {
    let around = |part: &[f64]| {
        let mean = part.iter().sum::<f64>() / part.len() as f64;
        part.iter().map(|l| (l - mean).powi(2)).sum::<f64>()
    };
    let sums: Vec<f64> = (1..course.len()).map(|k| around(&course[..k]) + around(&course[k..])).collect();
    let least = ends(sums.iter().copied()).0;
    let near = |s: &f64| *s <= least + more;
    let (first, last) = (sums.iter().position(near).map_or(at, |k| k + 1), sums.iter().rposition(near).map_or(at, |k| k + 1));
    (first.min(at), last.max(at))
}

/// Values of each period that has enough, ascending; none where such periods are too few.
fn periods(values: &[(i64, f64)], length_s: i64) -> Option<Vec<(i64, Vec<f64>)>> {
    let mut by: std::collections::BTreeMap<i64, Vec<f64>> = std::collections::BTreeMap::new();
    values.iter().for_each(|(t, v)| by.entry(t.div_euclid(length_s)).or_default().push(*v));
    by.retain(|_, v| v.len() >= LEAST_ROWS);
    by.values_mut().for_each(|v| v.sort_unstable_by(f64::total_cmp));
    (by.len() >= LEAST_PERIODS).then(|| by.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    /// A year of training, and another of which the second column changes by `shift` deviations from one day to another. Rows follow one another with `rho`.
    fn asked(rows_a_day: i64, days: i64, from: i64, to: i64, shift: f64, rho: f64, seed: u64) -> [Option<Since>; 2] {
        let draw = |shifted: &dyn Fn(i64) -> f64, purpose: u64| {
            let mut r = Random::new(seed, purpose, 0);
            let times: Vec<i64> = (0..days * rows_a_day).map(|k| k * DAY_S / rows_a_day).collect();
            let mut state = [r.normal(), r.normal()];
            let values = times
                .iter()
                .flat_map(|t| {
                    state = state.map(|s| rho * s + (1.0 - rho * rho).sqrt() * r.normal());
                    [state[0], state[1] + shifted(t / DAY_S)]
                })
                .collect();
            (Matrix::from_values(2, values), times)
        };
        let (then, _) = draw(&|_| 0.0, 1);
        let reference = Reference::of(&then).unwrap();
        let (now, times) = draw(&|day| if (from..to).contains(&day) { shift } else { 0.0 }, 2);
        [0, 1].map(|column| reference.since(&now, &times, column, &DriftLimits::default()))
    }

    /// Whether the bounds hold a day, that lies in its week.
    fn holds(border: Option<Border>, day: i64) -> bool {
        let week = day.div_euclid(7) * 7;
        border.is_some_and(|b| b.low_s <= (week + 7) * DAY_S && b.high_s >= week * DAY_S)
    }

    /// A planted shift is told with bounds that hold the week that it begins in, or the next, and its end; without one nothing is told. The shares are stated in
    /// the documentation; the limits below are three binomial deviations under them.
    #[test]
    fn a_shift_is_told_within_its_bounds() {
        let runs = 200;
        println!("shift   rho   begin held   told to a week   weeks in bounds   begin and end held   told without a shift");
        for (shift, rho, least_held, least_both) in [
            (0.5, 0.0, 0.70, 0.60),
            (0.75, 0.0, 0.90, 0.85),
            (1.0, 0.0, 0.95, 0.93),
            (1.5, 0.0, 0.97, 0.97),
            (1.0, 0.5, 0.82, 0.75),
            (1.5, 0.9, 0.60, 0.45),
        ] {
            let (mut held, mut near, mut weeks, mut both, mut none) = (0, 0, Vec::new(), 0, 0);
            for seed in 0..runs {
                // The 200th day lies in the week that begins on day 196.
                let [other, since] = asked(4, 364, 200, 364, shift, rho, seed);
                none += usize::from(other.is_some());
                let open = since.filter(|s| s.until.is_none());
                held += usize::from(open.is_some_and(|s| holds(s.from, 200)));
                if let Some(b) = open.and_then(|s| s.from) {
                    near += usize::from((189..=210).contains(&(b.at_s / DAY_S)));
                    weeks.push((b.high_s - b.low_s) as f64 / DAY_S as f64 / 7.0);
                }
                let [_, since] = asked(4, 364, 100, 240, shift, rho, 1000 + seed);
                both += usize::from(since.is_some_and(|s| s.period_s == 7 * DAY_S && holds(s.from, 100) && holds(s.until, 240)));
            }
            let share = |n: usize| n as f64 / runs as f64;
            println!(
                "{shift:5.2} {rho:5.1} {:12.3} {:16.3} {:17.1} {:20.3} {:22.3}",
                share(held),
                share(near),
                crate::metrics::median(&mut weeks),
                share(both),
                share(none)
            );
            assert!(share(held) >= least_held && share(both) >= least_both, "{shift} {rho}: {held} {both} of {runs}");
            // Rows that follow one another are beyond the chance of independent ones; the test of drift stands before this one.
            assert!(rho > 0.0 || share(none) <= 0.05, "{none}");
        }
    }

    #[test]
    fn what_was_so_from_the_first_on_has_no_beginning_and_few_rows_tell_nothing() {
        let all = (0..50)
            .filter(|seed| asked(4, 364, 0, 364, 1.0, 0.0, *seed)[1] == Some(Since { from: None, until: None, period_s: 7 * DAY_S }));
        let all = all.count();
        println!("a shift all along has no beginning in {all} of 50");
        assert!(all >= 46, "{all}");
        // Forty days of 24 rows have days for periods.
        let since = asked(24, 40, 25, 40, 1.5, 0.0, 4)[1].unwrap();
        assert_eq!((since.period_s, since.from.unwrap().at_s / DAY_S), (DAY_S, 25));
        assert_eq!(asked(4, 20, 10, 20, 2.0, 0.0, 5)[1], None);
    }

    /// A course with many levels has no one time to tell.
    #[test]
    fn a_course_of_many_levels_is_not_dated() {
        let mut r = Random::new(9, 1, 0);
        let then: Vec<f64> = (0..1456).map(|_| r.normal()).collect();
        let reference = Reference::of(&Matrix::from_values(1, then)).unwrap();
        let times: Vec<i64> = (0..1456).map(|k| k * DAY_S / 4).collect();
        // Another level every thirteen weeks, up and down.
        let level = |day: i64| [0.0, 2.0, 1.0, 2.5][(day / 91).min(3) as usize];
        let now = times.iter().map(|t| r.normal() + level(t / DAY_S)).collect();
        assert_eq!(reference.since(&Matrix::from_values(1, now), &times, 0, &DriftLimits::default()), None);
    }
}
