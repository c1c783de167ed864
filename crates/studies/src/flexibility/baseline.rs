//! What a participant would have drawn: baselines from its own metered days, and what is paid by them.
//!
//! High 5 of 10: of the last ten days of the same kind (workdays for a workday, free days for a free one) without event and holiday, the five with
//! the most energy in the hours of the event; their mean, interval by interval. It is the average-day baseline of the New York ISO's day-ahead
//! demand response programme (Day-Ahead Demand Response Program Manual, section 5), with its adjustment to the day: a factor of the metered energy over
//! the baseline's in some hours before the event, held within ±20 %. Fewer than ten such days: the five highest of those there are, five at least.
//!
//! Regression: the energy of interval `i` of the day at degrees `x` past a balance temperature, least squares over all days that count,
//!
//! ```text
//! y = α_i + β x + error     β = Σ (x - x̄_i)(y - ȳ_i) / Sxx,   Sxx = Σ (x - x̄_i)²,   α_i = ȳ_i - β x̄_i
//! s² = Σ error² / (n - intervals - 1)
//! se(β) = s / √Sxx          se(α_i) = s √(1/n_i + x̄_i²/Sxx)
//! se of the sum over m intervals of a new day = s √(m + Σ 1/n_i + (Σ (x - x̄_i))² / Sxx)
//! ```
//!
//! where `n_i` are the days of interval `i` (Frisch and Waugh, Econometrica 1 (1933), for the elimination of the `α_i`). Errors that hang together from
//! one interval to the next make the last line too small.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A metered day.
#[derive(Clone, Debug, PartialEq)]
pub struct MeteredDay {
    pub is_weekend: bool,
    pub is_holiday: bool,
    pub is_event_day: bool,
    /// One an interval: outside, °C, and energy, kWh.
    pub temperature_c: Vec<f64>,
    pub energy_kwh: Vec<f64>,
}

/// Adjustment of a baseline to the day itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SameDay {
    /// Intervals before the event that are compared.
    pub intervals: Range<usize>,
    /// Largest change either way, percent.
    pub cap_pct: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaselineKind {
    #[default]
    HighFiveOfTen,
    Regression,
}

/// What was likely.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// One an interval of the day, kWh.
    pub energy_kwh: Vec<f64>,
    /// Positions of the days that it is made of, latest first.
    pub days: Vec<usize>,
    /// Factor of the adjustment to the day; 1 without.
    pub factor: f64,
}

const LOOKED_BACK: usize = 10;
const AVERAGED: usize = 5;

/// Days that count for a baseline, latest first.
fn eligible(days: &[MeteredDay], is_free_day: bool) -> Vec<usize> {
    let counts = |d: &MeteredDay| !d.is_event_day && (d.is_weekend || d.is_holiday) == is_free_day;
    (0..days.len()).rev().filter(|&i| counts(&days[i])).collect()
}

/// The baseline high 5 of 10; `days` end with the latest, `today` is what was metered on the day of the event. `None`: fewer than five days count.
pub fn high_five_of_ten(
    days: &[MeteredDay],
    is_free_day: bool,
    event: &Range<usize>,
    today: &[f64],
    same_day: Option<&SameDay>,
) -> Option<Baseline> {
    let mut chosen = eligible(days, is_free_day);
    chosen.truncate(LOOKED_BACK);
    if chosen.len() < AVERAGED {
        return None;
    }
    let in_event = |i: usize| days[i].energy_kwh[event.clone()].iter().sum::<f64>();
    // The later of two days that are equal.
    chosen.sort_by(|&a, &b| in_event(b).total_cmp(&in_event(a)).then(b.cmp(&a)));
    chosen.truncate(AVERAGED);
    let mut energy_kwh: Vec<f64> =
        (0..today.len()).map(|s| chosen.iter().map(|&i| days[i].energy_kwh[s]).sum::<f64>() / AVERAGED as f64).collect();
    let mut factor = 1.0;
    if let Some(SameDay { intervals, cap_pct }) = same_day {
        let expected: f64 = energy_kwh[intervals.clone()].iter().sum();
        let metered: f64 = today[intervals.clone()].iter().sum();
        // Nothing drawn before the event on those days: nothing to compare.
        if expected > 1e-9 {
            factor = (metered / expected).clamp(1.0 - cap_pct / 100.0, 1.0 + cap_pct / 100.0);
        }
    }
    energy_kwh.iter_mut().for_each(|e| *e *= factor);
    chosen.sort_unstable_by(|a, b| b.cmp(a));
    Some(Baseline { energy_kwh, days: chosen, factor })
}

/// A regression on temperature and the interval of the day.
#[derive(Clone, Debug, PartialEq)]
pub struct Regression {
    pub balance_c: f64,
    /// kWh a kelvin and interval, with its standard error.
    pub beta: f64,
    pub beta_se: f64,
    /// kWh, one an interval of the day, with standard errors.
    pub alpha: Vec<f64>,
    pub alpha_se: Vec<f64>,
    /// Standard deviation of the errors, kWh, and degrees of freedom.
    pub sigma: f64,
    pub freedom: usize,
    mean_x: Vec<f64>,
    sxx: f64,
    n: f64,
}

/// Fits the regression to days that count. `None`: three days at least are needed, and temperatures that differ.
pub fn fit_regression(days: &[MeteredDay], is_free_day: bool, balance_c: f64) -> Option<Regression> {
    let used = eligible(days, is_free_day);
    let n = used.len();
    if n < 3 {
        return None;
    }
    let m = days[used[0]].energy_kwh.len();
    let x = |i: usize, s: usize| (days[i].temperature_c[s] - balance_c).max(0.0);
    let mean = |of: &dyn Fn(usize) -> f64| used.iter().map(|&i| of(i)).sum::<f64>() / n as f64;
    let mean_x: Vec<f64> = (0..m).map(|s| mean(&|i| x(i, s))).collect();
    let mean_y: Vec<f64> = (0..m).map(|s| mean(&|i| days[i].energy_kwh[s])).collect();
    let (mut sxx, mut sxy) = (0.0, 0.0);
    for &i in &used {
        for s in 0..m {
            let dx = x(i, s) - mean_x[s];
            sxx += dx * dx;
            sxy += dx * (days[i].energy_kwh[s] - mean_y[s]);
        }
    }
    if sxx < 1e-9 {
        return None;
    }
    let beta = sxy / sxx;
    let alpha: Vec<f64> = (0..m).map(|s| mean_y[s] - beta * mean_x[s]).collect();
    let square = |i: usize, s: usize| (days[i].energy_kwh[s] - alpha[s] - beta * x(i, s)).powi(2);
    let squares: f64 = used.iter().flat_map(|&i| (0..m).map(move |s| (i, s))).map(|(i, s)| square(i, s)).sum();
    let freedom = n * m - m - 1;
    let sigma = (squares / freedom as f64).sqrt();
    let alpha_se = mean_x.iter().map(|x| sigma * (1.0 / n as f64 + x * x / sxx).sqrt()).collect();
    Some(Regression { balance_c, beta, beta_se: sigma / sxx.sqrt(), alpha, alpha_se, sigma, freedom, mean_x, sxx, n: n as f64 })
}

impl Regression {
    /// Energy of each interval at the temperatures of a day, kWh.
    pub fn predict(&self, temperature_c: &[f64]) -> Vec<f64> {
        self.alpha.iter().zip(temperature_c).map(|(a, t)| a + self.beta * (t - self.balance_c).max(0.0)).collect()
    }

    /// Standard error of the energy of some intervals of a new day together, kWh.
    pub fn sum_se(&self, temperature_c: &[f64], intervals: &[usize]) -> f64 {
        let m = intervals.len() as f64;
        let apart: f64 = intervals.iter().map(|&s| (temperature_c[s] - self.balance_c).max(0.0) - self.mean_x[s]).sum();
        self.sigma * (m + m / self.n + apart * apart / self.sxx).sqrt()
    }
}

/// What a participant is paid for an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub incentive: f64,
    pub penalty: f64,
}

impl Payment {
    pub fn net(&self) -> f64 {
        self.incentive - self.penalty
    }
}

/// Settles an event: `asked_kwh` was told, `measured_kwh` lies below the baseline.
pub fn settle(program: &network::flexibility::Program, asked_kwh: f64, measured_kwh: f64) -> Payment {
    let delivered = measured_kwh.max(0.0);
    Payment {
        incentive: program.incentive_per_event + program.incentive_per_kwh * delivered,
        penalty: program.penalty_per_kwh * (asked_kwh - delivered).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(energy: [f64; 4]) -> MeteredDay {
        MeteredDay { is_weekend: false, is_holiday: false, is_event_day: false, temperature_c: vec![25.0; 4], energy_kwh: energy.to_vec() }
    }

    /// Worked by hand: twelve days, a weekend, a holiday, an event day among them; the five highest of the last ten that count.
    #[test]
    fn five_of_ten_by_hand() {
        let mut days: Vec<MeteredDay> = (0..13).map(|i| day([1.0, 2.0, f64::from(i), 1.0])).collect();
        days[12].is_weekend = true;
        days[11].is_event_day = true;
        days[10].is_holiday = true;
        days[5].energy_kwh[2] = 30.0;
        // Ten that count, latest first: 9, 8, 7, 6, 5, 4, 3, 2, 1, 0. Highest at interval 2: 5 (30), 9, 8, 7, 6.
        let b = high_five_of_ten(&days, false, &(2..3), &[1.5, 3.0, 0.0, 1.0], None).expect("days enough");
        assert_eq!(b.days, vec![9, 8, 7, 6, 5]);
        assert!((b.energy_kwh[2] - (30.0 + 9.0 + 8.0 + 7.0 + 6.0) / 5.0).abs() < 1e-12);
        // 4.5 kWh metered over 3 kWh expected before the event: 1.5, held to 1.2.
        let same = SameDay { intervals: 0..2, cap_pct: 20.0 };
        let b = high_five_of_ten(&days, false, &(2..3), &[1.5, 3.0, 0.0, 1.0], Some(&same)).expect("days enough");
        assert!((b.factor - 1.2).abs() < 1e-12 && (b.energy_kwh[2] - 14.4).abs() < 1e-12);
        let b = high_five_of_ten(&days, false, &(2..3), &[1.0, 2.3, 0.0, 1.0], Some(&same)).expect("days enough");
        assert!((b.factor - 1.1).abs() < 1e-12);
        // The event day and two free days do not count; four workdays are too few.
        assert!(high_five_of_ten(&days[9..], false, &(2..3), &[0.0; 4], None).is_none());
        assert!(high_five_of_ten(&days, true, &(2..3), &[0.0; 4], None).is_none());
    }

    /// One interval and the textbook's formulas of a straight line: x = 1..5 and y = 2.2, 2.8, 3.6, 4.5, 5.1 give slope 0.75, intercept 1.39, s² = 0.009.
    #[test]
    fn regression_by_hand() {
        let y = [2.2, 2.8, 3.6, 4.5, 5.1];
        let days: Vec<MeteredDay> =
            (0..5).map(|i| MeteredDay { temperature_c: vec![21.0 + i as f64], energy_kwh: vec![y[i]], ..day([0.0; 4]) }).collect();
        let r = fit_regression(&days, false, 20.0).expect("a line");
        assert!((r.beta - 0.75).abs() < 1e-12 && (r.alpha[0] - 1.39).abs() < 1e-12, "{r:?}");
        // Residuals 0.06, -0.09, -0.04, 0.11, -0.04: squares 0.0036 + 0.0081 + 0.0016 + 0.0121 + 0.0016 = 0.027; three degrees of freedom.
        let s = (0.027f64 / 3.0).sqrt();
        assert_eq!(r.freedom, 3);
        assert!((r.sigma - s).abs() < 1e-12);
        assert!((r.beta_se - s / 10f64.sqrt()).abs() < 1e-12 && (r.alpha_se[0] - s * (0.2f64 + 0.9).sqrt()).abs() < 1e-12);
        // A new day at x = 6: s √(1 + 1/5 + 9/10).
        assert!((r.sum_se(&[26.0], &[0]) - s * 2.1f64.sqrt()).abs() < 1e-12);
        assert!((r.predict(&[26.0])[0] - 5.89).abs() < 1e-12);
    }

    /// Two intervals of different level and one slope: the dummies take the levels, exactly.
    #[test]
    fn intervals_have_levels_of_their_own() {
        let days: Vec<MeteredDay> = (0..6)
            .map(|i| {
                let t = [22.0 + f64::from(i), 28.0 + f64::from(i * i % 5)];
                MeteredDay {
                    temperature_c: t.to_vec(),
                    energy_kwh: vec![1.0 + 0.3 * (t[0] - 20.0), 4.0 + 0.3 * (t[1] - 20.0)],
                    ..day([0.0; 4])
                }
            })
            .collect();
        let r = fit_regression(&days, false, 20.0).expect("a line");
        assert!((r.beta - 0.3).abs() < 1e-12 && (r.alpha[0] - 1.0).abs() < 1e-12 && (r.alpha[1] - 4.0).abs() < 1e-12 && r.sigma < 1e-9);
    }

    #[test]
    fn payments_by_hand() {
        let program = network::flexibility::Program {
            incentive_per_kwh: 0.5,
            incentive_per_event: 2.0,
            penalty_per_kwh: 0.25,
            ..network::flexibility::Program::new("p")
        };
        assert_eq!(settle(&program, 3.0, 2.0).net(), 2.0 + 1.0 - 0.25);
        assert_eq!(settle(&program, 3.0, -1.0), Payment { incentive: 2.0, penalty: 0.75 });
        assert_eq!(settle(&program, 1.0, 4.0), Payment { incentive: 4.0, penalty: 0.0 });
    }
}
