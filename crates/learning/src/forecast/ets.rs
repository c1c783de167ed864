//! Exponential smoothing with trend and season (Holt and Winters).
//!
//! In the form of a single source of error (Hyndman, Koehler, Snyder and Grose, International Journal of Forecasting 18, 2002), season of `m` steps, damping `φ`:
//!
//! ```text
//! additive season         ŷ = l + φ b + s      e = y - ŷ     l' = l + φ b + α e       b' = φ b + β e       s' = s + γ e
//! multiplicative season   ŷ = (l + φ b) s      e = y - ŷ     l' = l + φ b + α e / s   b' = φ b + β e / s   s' = s + γ e / (l + φ b)
//! ```
//!
//! where `s` is that of one season before; `0 < α < 1`, `0 < β < α`, `0 < γ < 1 - α`, `0.8 <= φ <= 0.98`, the usual ranges. Parameters and the first level and slope
//! are those with the least sum of squares, which for errors of one variance is the greatest likelihood. First seasons come from the first cycles: each value
//! less its centred mean over a season, averaged by place in the season. Forms are compared by Akaike's criterion with its correction,
//!
//! ```text
//! AICc = n ln(SSE / n) + 2 k + 2 k (k + 1) / (n - k - 1),     k: parameters, first states and the variance
//! ```
//!
//! Checked against statsmodels: `cases/learning-ets`.

use super::search::least;
use super::{FitError, Forecast, Forecaster, check, varied};
use serde::{Deserialize, Serialize};

/// Cycles that first seasons are taken from: some, and more; the fit with less left is kept.
const CYCLES: [usize; 2] = [6, 20];
/// Values of the sum of squares that the search from each start may take, and the last one.
const FIRST_VALUES: usize = 120;
const MOST_VALUES: usize = 800;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    None,
    Additive,
    Damped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seasonal {
    None,
    Additive,
    Multiplicative,
}

/// Which form is fitted; the best by AICc of those left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtsOptions {
    /// Steps of a season; 1 for none.
    pub period: usize,
    pub trend: Option<Trend>,
    pub seasonal: Option<Seasonal>,
}

/// Smoothing parameters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    pub alpha: f64,
    pub beta: f64,
    pub gamma: f64,
    pub phi: f64,
}

/// Level, slope and season at some step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct States {
    pub level: f64,
    pub slope: f64,
    /// The season of the next step first.
    pub season: Vec<f64>,
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ets {
    pub period: usize,
    pub trend: Trend,
    pub seasonal: Seasonal,
    pub smoothing: Smoothing,
    /// Before the first value that it was fitted to.
    pub first: States,
    /// Sum of squared errors one step ahead.
    pub sse: f64,
    pub aicc: f64,
    pub n: usize,
}

/// Goes through values; returns the sum of squares, the states after them being in `states`.
fn run(values: &[f64], seasonal: Seasonal, s: Smoothing, states: &mut States) -> f64 {
    let m = states.season.len();
    let mut at = 0;
    let mut sse = 0.0;
    for &y in values {
        let base = states.level + s.phi * states.slope;
        let season = states.season[at];
        let (error, over_season, over_base) = match seasonal {
            Seasonal::None => (y - base, 1.0, 0.0),
            Seasonal::Additive => (y - base - season, 1.0, 1.0),
            Seasonal::Multiplicative => (y - base * season, 1.0 / season, 1.0 / base),
        };
        sse += error * error;
        states.level = base + s.alpha * error * over_season;
        states.slope = s.phi * states.slope + s.beta * error * over_season;
        states.season[at] = season + s.gamma * error * over_base;
        at = (at + 1) % m;
    }
    states.season.rotate_left(at);
    sse
}

/// First states from the first cycles.
fn first_states(y: &[f64], m: usize, cycles: usize, trend: Trend, seasonal: Seasonal) -> States {
    let season = if seasonal == Seasonal::None { vec![0.0; m] } else { first_season(y, m, cycles, seasonal) };
    let adjusted: Vec<f64> = y
        .iter()
        .take((2 * m).max(10))
        .enumerate()
        .map(|(t, v)| match seasonal {
            Seasonal::Multiplicative => v / season[t % m],
            _ => v - season[t % m],
        })
        .collect();
    let n = adjusted.len() as f64;
    let mean = adjusted.iter().sum::<f64>() / n;
    if trend == Trend::None {
        return States { level: mean, slope: 0.0, season };
    }
    let middle = (n - 1.0) / 2.0;
    let (sxy, sxx) = adjusted.iter().enumerate().fold((0.0, 0.0), |(xy, xx), (t, v)| {
        let d = t as f64 - middle;
        (xy + d * (v - mean), xx + d * d)
    });
    let slope = if sxx > 0.0 { sxy / sxx } else { 0.0 };
    States { level: mean - slope * (middle + 1.0), slope, season }
}

/// Mean of values less (or over) their centred means, by place in the season.
fn first_season(y: &[f64], m: usize, cycles: usize, seasonal: Seasonal) -> Vec<f64> {
    let n = y.len().min(cycles * m);
    let mut sums = vec![(0.0, 0.0); m];
    let half = m / 2;
    for t in half..n.saturating_sub(half) {
        // An even season takes half of both ends.
        let centred = if m.is_multiple_of(2) {
            (0.5 * (y[t - half] + y[t + half]) + y[t - half + 1..t + half].iter().sum::<f64>()) / m as f64
        } else {
            y[t - half..=t + half].iter().sum::<f64>() / m as f64
        };
        let value = if seasonal == Seasonal::Multiplicative { y[t] / centred } else { y[t] - centred };
        sums[t % m].0 += value;
        sums[t % m].1 += 1.0;
    }
    let season: Vec<f64> = sums.iter().map(|(s, n)| s / n).collect();
    let mean = season.iter().sum::<f64>() / m as f64;
    season.iter().map(|s| if seasonal == Seasonal::Multiplicative { s / mean } else { s - mean }).collect()
}

impl Ets {
    /// Fits the forms that the options leave open and returns the best.
    ///
    /// # Errors
    /// Fewer than two seasons and ten values, values that are no finite numbers or all the same, a multiplicative season where a value is not above 0.
    pub fn fit(series: &[f64], options: &EtsOptions) -> Result<Self, FitError> {
        let m = options.period;
        if m == 0 {
            return Err(FitError::Option { what: "period", needed: "at least 1", found: "0".into() });
        }
        check("the series", series, (2 * m + 2).max(10))?;
        varied("the series", series)?;
        let not_positive = series.iter().position(|v| *v <= 0.0);
        if let (Some(Seasonal::Multiplicative), Some(index)) = (options.seasonal, not_positive) {
            return Err(FitError::NotPositive { what: "the series".into(), index, value: series[index] });
        }
        if m == 1 && !matches!(options.seasonal, None | Some(Seasonal::None)) {
            return Err(FitError::Option { what: "period", needed: "at least 2 for a season", found: "1".into() });
        }
        let trends = options.trend.map_or(vec![Trend::None, Trend::Additive, Trend::Damped], |t| vec![t]);
        let seasons = match options.seasonal {
            Some(s) => vec![s],
            None if m == 1 => vec![Seasonal::None],
            None if not_positive.is_some() => vec![Seasonal::None, Seasonal::Additive],
            None => vec![Seasonal::None, Seasonal::Additive, Seasonal::Multiplicative],
        };
        let mut best: Option<Self> = None;
        for &trend in &trends {
            for &seasonal in &seasons {
                // More cycles are no others where the series has no more, or there is no season.
                let more = seasonal != Seasonal::None && series.len() > CYCLES[0] * m;
                for &cycles in &CYCLES[..1 + usize::from(more)] {
                    let found = Self::fit_form(series, m, cycles, trend, seasonal);
                    if best.as_ref().is_none_or(|b| found.aicc < b.aicc) {
                        best = Some(found);
                    }
                }
            }
        }
        best.ok_or(FitError::Option { what: "forms", needed: "at least one", found: "none".into() })
    }

    fn fit_form(y: &[f64], m: usize, cycles: usize, trend: Trend, seasonal: Seasonal) -> Self {
        let m = if seasonal == Seasonal::None { 1 } else { m };
        let first = first_states(y, m, cycles, trend, seasonal);
        let n = y.len() as f64;
        let mean = y.iter().sum::<f64>() / n;
        let spread = (y.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        // Variables of the search lie anywhere: the ranges are reached by sigmoids, which keep β < α and γ < 1 - α by themselves.
        let smoothing = |p: &[f64]| {
            let alpha = within(p[0], 1e-4, 0.9999);
            let beta = if trend == Trend::None { 0.0 } else { within(p[1], 1e-4, 1.0) * alpha };
            let gamma = if seasonal == Seasonal::None { 0.0 } else { within(p[2], 1e-4, 1.0) * (1.0 - alpha) };
            let phi = match trend {
                Trend::None => 0.0,
                Trend::Additive => 1.0,
                Trend::Damped => within(p[3], 0.8, 0.98),
            };
            Smoothing { alpha, beta, gamma, phi }
        };
        let states = |p: &[f64]| States {
            level: first.level + spread * p[4],
            slope: if trend == Trend::None { 0.0 } else { first.slope + spread / m as f64 * p[5] },
            season: first.season.clone(),
        };
        let starts: [[f64; 6]; 4] = [
            [-1.0, -3.0, -1.0, 2.0, 0.0, 0.0],
            [1.0, -4.0, -2.0, 2.0, 0.0, 0.0],
            [-3.0, -3.0, -2.0, 1.0, 0.0, 0.0],
            [3.0, -4.0, 0.0, 2.0, 0.0, 0.0],
        ];
        // A short search from each start; the best goes on to the end.
        let steps = [0.7, 0.7, 0.7, 0.7, 0.1, 0.1];
        let mut value = |p: &[f64]| run(y, seasonal, smoothing(p), &mut states(p));
        let mut best: Option<(Vec<f64>, f64)> = None;
        for start in &starts {
            let found = least(start, &steps, 1e-9, FIRST_VALUES, &mut value);
            if best.as_ref().is_none_or(|b| found.1 < b.1) {
                best = Some(found);
            }
        }
        let near = best.map_or(starts[0].to_vec(), |b| b.0);
        let (p, sse) = least(&near, &steps.map(|s| 0.3 * s), 1e-9, MOST_VALUES, &mut value);
        let k = 1.0
            + 2.0
            + match trend {
                Trend::None => 0.0,
                Trend::Additive => 2.0,
                Trend::Damped => 3.0,
            }
            + if seasonal == Seasonal::None { 0.0 } else { m as f64 };
        let correction = if n > k + 1.0 { 2.0 * k * (k + 1.0) / (n - k - 1.0) } else { f64::INFINITY };
        let aicc = n * (sse / n).max(f64::MIN_POSITIVE).ln() + 2.0 * k + correction;
        Self { period: m, trend, seasonal, smoothing: smoothing(&p), first: states(&p), sse, aicc, n: y.len() }
    }

    /// States after a history that begins where the fitted series began.
    pub fn states_after(&self, history: &[f64]) -> States {
        let mut states = self.first.clone();
        run(history, self.seasonal, self.smoothing, &mut states);
        states
    }
}

/// From anywhere to between two bounds.
fn within(x: f64, low: f64, high: f64) -> f64 {
    low + (high - low) / (1.0 + (-x).exp())
}

impl Forecaster for Ets {
    /// Goes on from a history that begins where the fitted series began, and may be longer.
    fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
        check("the history", history, 0)?;
        let states = self.states_after(history);
        let mut damped = 0.0;
        let mut factor = 1.0;
        let mut parts = [Vec::new(), Vec::new()];
        for h in 0..horizon {
            factor *= self.smoothing.phi;
            damped += factor;
            let base = states.level + damped * states.slope;
            let season = states.season[h % self.period];
            let value = match self.seasonal {
                Seasonal::None => base,
                Seasonal::Additive => base + season,
                Seasonal::Multiplicative => base * season,
            };
            parts[0].push(base);
            parts[1].push(value - base);
        }
        let mean = parts[0].iter().zip(&parts[1]).map(|(a, b)| a + b).collect();
        let [trend, season] = parts;
        Ok(Forecast { mean, parts: vec![("trend".into(), trend), ("season".into(), season)], ..Forecast::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    #[test]
    fn one_step_worked_by_hand() {
        let smoothing = Smoothing { alpha: 0.5, beta: 0.2, gamma: 0.25, phi: 0.9 };
        let mut states = States { level: 10.0, slope: 1.0, season: vec![2.0, -2.0] };
        // ŷ = 10 + 0.9 + 2 = 12.9, e = 2.
        assert!((run(&[14.9], Seasonal::Additive, smoothing, &mut states) - 4.0).abs() < 1e-12);
        assert!((states.level - 11.9).abs() < 1e-12 && (states.slope - 1.3).abs() < 1e-12, "{states:?}");
        assert_eq!(states.season, [-2.0, 2.5]);
        let mut states = States { level: 10.0, slope: 0.0, season: vec![2.0, 0.5] };
        // ŷ = 20, e = 4; over the season 2, over the level 0.4.
        assert!((run(&[24.0], Seasonal::Multiplicative, smoothing, &mut states) - 16.0).abs() < 1e-12);
        assert!((states.level - 11.0).abs() < 1e-12 && (states.slope - 0.4).abs() < 1e-12, "{states:?}");
        assert!((states.season[1] - 2.1).abs() < 1e-12 && states.season[0] == 0.5, "{states:?}");
    }

    /// A series made by the model itself.
    fn made(seasonal: Seasonal, smoothing: Smoothing, n: usize, sigma: f64) -> Vec<f64> {
        let mut random = Random::new(9, 9, 0);
        let season = match seasonal {
            Seasonal::Multiplicative => vec![0.8, 0.9, 1.2, 1.1],
            _ => vec![-20.0, -10.0, 25.0, 5.0],
        };
        let mut states = States { level: 100.0, slope: 0.5, season };
        (0..n)
            .map(|_| {
                let base = states.level + smoothing.phi * states.slope;
                let y = if seasonal == Seasonal::Multiplicative { base * states.season[0] } else { base + states.season[0] }
                    + sigma * random.normal();
                run(&[y], seasonal, smoothing, &mut states);
                states.season.rotate_left(1);
                // `run` turns the season by one step itself.
                states.season.rotate_right(1);
                y
            })
            .collect()
    }

    #[test]
    fn parameters_of_a_series_made_by_the_model_are_found_again() {
        for (seasonal, phi) in [(Seasonal::Additive, 1.0), (Seasonal::Multiplicative, 1.0), (Seasonal::Additive, 0.9)] {
            let truth = Smoothing { alpha: 0.4, beta: 0.05, gamma: 0.2, phi };
            let series = made(seasonal, truth, 2000, 1.0);
            let trend = if phi < 1.0 { Trend::Damped } else { Trend::Additive };
            let found = Ets::fit(&series, &EtsOptions { period: 4, trend: Some(trend), seasonal: Some(seasonal) }).unwrap();
            let s = found.smoothing;
            // Standard errors are near 1 / sqrt(2000) = 0.022.
            assert!((s.alpha - 0.4).abs() < 0.08 && (s.beta - 0.05).abs() < 0.04 && (s.gamma - 0.2).abs() < 0.08, "{seasonal:?} {s:?}");
            // The variance of the errors is 1; least squares takes some parameters' worth away.
            assert!((found.sse / 2000.0 - 1.0).abs() < 0.1, "{}", found.sse / 2000.0);
        }
    }

    #[test]
    fn a_pure_pattern_goes_on_and_the_form_is_chosen() {
        let line: Vec<f64> = (0..60).map(|t| 50.0 + 2.0 * f64::from(t) + [5.0, -3.0, -2.0][t as usize % 3]).collect();
        let fitted = Ets::fit(&line, &EtsOptions { period: 3, trend: None, seasonal: None }).unwrap();
        assert_eq!((fitted.trend, fitted.seasonal), (Trend::Additive, Seasonal::Additive), "{fitted:?}");
        let ahead = fitted.forecast(&line, 6).unwrap();
        for (h, v) in ahead.mean.iter().enumerate() {
            let expected = 50.0 + 2.0 * (60 + h) as f64 + [5.0, -3.0, -2.0][(60 + h) % 3];
            assert!((v - expected).abs() < 1e-3, "{h}: {v} {expected}");
            assert_eq!(ahead.parts[0].1[h] + ahead.parts[1].1[h], *v);
        }
        let text = serde_json::to_string(&fitted).unwrap();
        let again: Ets = serde_json::from_str(&text).unwrap();
        assert_eq!(again.forecast(&line, 6).unwrap(), ahead);
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let o = EtsOptions { period: 4, trend: None, seasonal: None };
        assert!(matches!(Ets::fit(&[1.0; 9], &o), Err(FitError::TooShort { needed: 10, found: 9, .. })));
        assert!(matches!(Ets::fit(&[1.0; 20], &o), Err(FitError::Constant { .. })));
        let mut y: Vec<f64> = (0..20).map(f64::from).collect();
        let multiplicative = EtsOptions { seasonal: Some(Seasonal::Multiplicative), ..o };
        assert!(matches!(Ets::fit(&y, &multiplicative), Err(FitError::NotPositive { index: 0, .. })));
        assert!(Ets::fit(&y, &EtsOptions { period: 0, ..o }).is_err());
        y[7] = f64::NAN;
        assert!(matches!(Ets::fit(&y, &o), Err(FitError::NotFinite { index: 7, .. })));
    }
}
