//! What many histories say together.
//!
//! With `x_h` the figure of history `h` of `n`, the mean is `m = sum x / n`, and its 95 % interval `m +- t s / sqrt(n)`, with `s^2 = sum (x - m)^2 / (n - 1)` and
//! `t` the 0.975 quantile of Student's distribution with `n - 1` degrees of freedom (expansion by Cornish and Fisher in `1 / (n - 1)`, Abramowitz and Stegun
//! 26.7.5, four digits from 20 histories on). Where nothing failed in `T` years the interval is one-sided: fewer than `-ln(0.05) / T` failures a year with 95 %
//! confidence, and nothing is known of how long they last.

use super::HOURS_PER_YEAR;
use super::engine::History;
use super::exact::Reading;
use super::simulate::SimulationOptions;
use network::Diagnostic;

/// The 0.975 quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;
/// Failures below which an interval by the normal distribution is too sure of itself.
const FEW: u64 = 30;
/// Bounds of the histogram of yearly downtime, h; 4.38 h is 0.05 % of a year.
const BOUNDS_H: [f64; 14] = [0.0, 0.5, 1.0, 2.0, 4.38, 8.76, 15.0, 25.0, 50.0, 100.0, 200.0, 500.0, 2000.0, HOURS_PER_YEAR];

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

impl Interval {
    pub fn holds(&self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }

    /// Of the figures of histories; at least two.
    pub fn of(figures: &[f64]) -> Self {
        let n = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / n;
        let variance = figures.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0).max(1.0);
        let half = student(n - 1.0) * (variance / n).sqrt();
        Self { mean, low: mean - half, high: mean + half }
    }
}

/// The 0.975 quantile of Student's distribution.
fn student(freedom: f64) -> f64 {
    let (z3, z5) = (Z.powi(3), Z.powi(5));
    let g3 = (3.0 * Z.powi(7) + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / 384.0;
    Z + (z3 + Z) / 4.0 / freedom + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / 96.0 / freedom.powi(2) + g3 / freedom.powi(3)
}

/// Years with a downtime above one bound and up to the next; the first bin has the years without any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct YearBin {
    pub above_h: f64,
    pub up_to_h: f64,
    pub years: u64,
}

/// Where the mean stood after some histories.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convergence {
    pub histories: u32,
    pub availability: Interval,
}

/// What was simulated.
#[derive(Clone, Debug)]
pub struct Simulated {
    pub reading: Reading,
    pub histories: u32,
    pub mission_years: u32,
    pub seed: u64,
    pub availability: Interval,
    pub failures_per_year: Interval,
    pub downtime_h_per_year: Interval,
    /// Mean time down a failure, h; `None` where nothing failed.
    pub mean_down_h: Option<f64>,
    /// Failures seen in all histories.
    pub failures: u64,
    /// Downtime that half of the years, 90, 95 and 99 of a hundred do not pass, and the longest, h.
    pub years_p50_p90_p95_p99_max_h: [f64; 5],
    /// Part of the years that fall short of the target.
    pub years_below_target: Option<f64>,
    pub years: Vec<YearBin>,
    pub convergence: Vec<Convergence>,
    pub findings: Vec<Diagnostic>,
}

pub(super) fn summarise(histories: &[History], options: &SimulationOptions, mut findings: Vec<Diagnostic>) -> Simulated {
    let years = f64::from(options.mission_years);
    let down: Vec<f64> = histories.iter().map(|h| h.down_h.iter().sum::<f64>() / years).collect();
    let up: Vec<f64> = down.iter().map(|d| 1.0 - d / HOURS_PER_YEAR).collect();
    let often: Vec<f64> = histories.iter().map(|h| f64::from(h.failures) / years).collect();
    let failures: u64 = histories.iter().map(|h| u64::from(h.failures)).sum();
    let all_years = years * histories.len() as f64;
    let down_all: f64 = down.iter().sum::<f64>() * years;
    let mut failures_per_year = Interval::of(&often);
    let [mut availability, mut downtime] = [Interval::of(&up), Interval::of(&down)];
    for part in [&mut availability.low, &mut availability.high] {
        *part = part.clamp(0.0, 1.0);
    }
    failures_per_year.low = failures_per_year.low.max(0.0);
    downtime.low = downtime.low.max(0.0);
    if failures == 0 && down_all == 0.0 {
        failures_per_year.high = -(0.05f64.ln()) / all_years;
        // Nothing is known of how long a failure lasts, so any availability is possible.
        (availability.low, downtime.high) = (0.0, HOURS_PER_YEAR);
        let d = Diagnostic::warning("RAM.SIMULATION.NO_FAILURES", format!("the plant did not fail in {all_years} years"));
        let d =
            d.detail(format!("With 95 % confidence it fails less than {:.3e} times a year; more cannot be said.", failures_per_year.high));
        findings.push(d.hint("Ask for more histories, or rely on the exact result."));
    } else if failures < FEW {
        let d = Diagnostic::warning("RAM.SIMULATION.FEW_FAILURES", format!("the plant failed {failures} times only"));
        findings
            .push(d.detail("The intervals are narrower than what is known.").hint("Ask for more histories, or rely on the exact result."));
    }
    let mut sorted: Vec<f64> = histories.iter().flat_map(|h| h.down_h.iter().copied()).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
    let mut bins = vec![YearBin { above_h: 0.0, up_to_h: 0.0, years: 0 }];
    bins.extend(BOUNDS_H.windows(2).map(|w| YearBin { above_h: w[0], up_to_h: w[1], years: 0 }));
    for d in &sorted {
        let i = bins.iter().position(|b| *d <= b.up_to_h).unwrap_or(bins.len() - 1);
        bins[i].years += 1;
    }
    let below = |t: f64| sorted.iter().filter(|d| **d > (1.0 - t) * HOURS_PER_YEAR * (1.0 + 1e-12)).count() as f64 / sorted.len() as f64;
    let mut steps: Vec<usize> = (1..9).flat_map(|p| [1, 2, 5].map(|s| s * 10_usize.pow(p))).filter(|n| *n < up.len()).collect();
    steps.push(up.len());
    Simulated {
        reading: options.reading,
        histories: options.histories,
        mission_years: options.mission_years,
        seed: options.seed,
        availability,
        failures_per_year,
        downtime_h_per_year: downtime,
        mean_down_h: (failures > 0).then(|| down_all / failures as f64),
        failures,
        years_p50_p90_p95_p99_max_h: [at(0.5), at(0.9), at(0.95), at(0.99), at(1.0)],
        years_below_target: options.target_availability.map(below),
        years: bins,
        convergence: steps.into_iter().map(|n| Convergence { histories: n as u32, availability: Interval::of(&up[..n]) }).collect(),
        findings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, expected) in [(19.0, 2.0930), (29.0, 2.0452), (60.0, 2.0003), (120.0, 1.9799), (1e6, 1.9600)] {
            assert!((student(freedom) - expected).abs() < 6e-5, "{freedom}: {}", student(freedom));
        }
    }
}
