//! Rolling origin: forecasts made again and again from the past alone, against what came.
//!
//! ```text
//! series ├── training ──┤ origin ├ horizon ┤
//!        ├── training ───── … ──┤ origin ├ horizon ┤
//! ```
//!
//! A model is fitted to `series[..origin]` and asked for what follows; it is handed nothing later, so nothing later can leak. With errors `e` of step `h` over the
//! origins (Hyndman and Koehler, International Journal of Forecasting 22, 2006):
//!
//! ```text
//! MASE   mean |e| / q,   q = mean |y_t - y_{t-m}| over the part before the first origin, m one season
//! sMAPE  mean 200 |e| / (|y| + |ŷ|) %,   a pair of zeros counting 0
//! RMSE   sqrt(mean e²), in the unit of the series
//! ```
//!
//! A model may refuse an origin ([`FitError::Outside`]), as one by weather does before a heat that it has never seen. Such origins are left out of its figures and told
//! ([`ModelScore::missed`]); models are then compared where all of them answered. Any other failure is one of the model.

use super::{FitError, Forecaster, SeasonalNaive, check};
use serde::{Deserialize, Serialize};

/// Where forecasts begin and how often models are fitted anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BacktestOptions {
    /// Values before the first origin.
    pub first_origin: usize,
    /// Steps from origin to origin.
    pub stride: usize,
    pub horizon: usize,
    /// Steps of the season that scales MASE, and of the seasonal naive forecast.
    pub period: usize,
    /// Origins after which a model is fitted anew; none: once, before the first origin.
    pub refit_every: Option<usize>,
}

/// Fits a model to a past.
pub type Fit<'a> = dyn Fn(&[f64]) -> Result<Box<dyn Forecaster>, FitError> + 'a;

/// Errors over some steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    pub mase: f64,
    pub smape_pct: f64,
    pub rmse: f64,
}

/// Origins that a model refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Missed {
    pub origins: usize,
    /// Why it refused the first of them.
    pub why: String,
}

/// Errors of a model, at the origins that it answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelScore {
    pub model: String,
    pub all: Scores,
    /// By step of the horizon, the first one step ahead.
    pub by_step: Vec<Scores>,
    /// Share of values within the model's intervals, by step; none of a model without them.
    pub coverage: Option<Vec<f64>>,
    /// Absolute error over `q` of each origin, mean of its steps: what models can be compared by in pairs. None where it was not answered.
    pub mase_by_origin: Vec<Option<f64>>,
    /// What was forecast at each origin, step by step.
    pub ahead: Vec<Option<Vec<f64>>>,
    pub missed: Option<Missed>,
}

/// Models side by side, the seasonal naive one first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    pub options: BacktestOptions,
    pub origins: Vec<usize>,
    /// What MASE is scaled by, in the unit of the series.
    pub scale: f64,
    pub models: Vec<ModelScore>,
}

/// Sums of errors.
#[derive(Clone, Copy, Default)]
struct Sums {
    absolute: f64,
    squared: f64,
    shares: f64,
    n: f64,
}

impl Sums {
    fn add(&mut self, truth: f64, found: f64) {
        let e = found - truth;
        self.absolute += e.abs();
        self.squared += e * e;
        let size = truth.abs() + found.abs();
        self.shares += if size > 0.0 { 200.0 * e.abs() / size } else { 0.0 };
        self.n += 1.0;
    }

    fn with(mut self, other: &Self) -> Self {
        self.absolute += other.absolute;
        self.squared += other.squared;
        self.shares += other.shares;
        self.n += other.n;
        self
    }

    fn scores(&self, scale: f64) -> Scores {
        Scores { mase: self.absolute / self.n / scale, smape_pct: self.shares / self.n, rmse: (self.squared / self.n).sqrt() }
    }
}

/// Mean change over a season, which MASE is scaled by.
///
/// # Errors
/// No more values than a season has, or values that repeat to the letter.
pub fn mase_scale(past: &[f64], period: usize) -> Result<f64, FitError> {
    check("the part before the first origin", past, period + 1)?;
    let scale = past[period..].iter().zip(past).map(|(a, b)| (a - b).abs()).sum::<f64>() / (past.len() - period) as f64;
    if scale > 0.0 { Ok(scale) } else { Err(FitError::Constant { what: "the change over a season".into(), value: 0.0 }) }
}

/// Tries models by name; the seasonal naive forecast is always told first.
///
/// # Errors
/// A series too short for one origin, values that are no finite numbers, options of 0, what a model's fit or forecast tells, and a model that refuses every origin.
pub fn backtest(series: &[f64], options: &BacktestOptions, models: &[(&str, &Fit)]) -> Result<Backtest, FitError> {
    let o = options;
    for (what, value) in [("stride", o.stride), ("horizon", o.horizon), ("period", o.period), ("refit_every", o.refit_every.unwrap_or(1))] {
        if value == 0 {
            return Err(FitError::Option { what, needed: "at least 1", found: "0".into() });
        }
    }
    check("the series", series, o.first_origin + o.horizon)?;
    let scale = mase_scale(&series[..o.first_origin], o.period)?;
    let origins: Vec<usize> = (o.first_origin..=series.len() - o.horizon).step_by(o.stride).collect();
    let naive = |_: &[f64]| Ok(Box::new(SeasonalNaive { period: o.period }) as Box<dyn Forecaster>);
    let first: (&str, &Fit) = ("seasonal naive", &naive);
    let mut scores = Vec::with_capacity(models.len() + 1);
    for (name, fit) in std::iter::once(&first).chain(models) {
        scores.push(score(series, o, &origins, scale, name, fit)?);
    }
    Ok(Backtest { options: *o, origins, scale, models: scores })
}

fn score(series: &[f64], o: &BacktestOptions, origins: &[usize], scale: f64, name: &str, fit: &Fit) -> Result<ModelScore, FitError> {
    let mut model: Option<Box<dyn Forecaster>> = None;
    let mut inside = vec![0.0; o.horizon];
    let mut intervals = 0;
    let mut forecasts = Vec::with_capacity(origins.len());
    let mut missed: Option<Missed> = None;
    for (i, &origin) in origins.iter().enumerate() {
        let past = &series[..origin];
        let anew = o.refit_every.is_some_and(|n| i.is_multiple_of(n));
        let model = match model.take() {
            Some(m) if !anew => model.insert(m),
            _ => model.insert(fit(past)?),
        };
        let ahead = match model.forecast(past, o.horizon) {
            Ok(ahead) => ahead,
            Err(why @ FitError::Outside { .. }) => {
                let missed = missed.get_or_insert_with(|| Missed { origins: 0, why: why.to_string() });
                missed.origins += 1;
                if missed.origins == origins.len() {
                    return Err(why);
                }
                forecasts.push(None);
                continue;
            }
            Err(why) => return Err(why),
        };
        if ahead.mean.len() != o.horizon {
            return Err(FitError::Length { what: format!("the forecast of {name}"), expected: o.horizon, found: ahead.mean.len() });
        }
        if let Some(interval) = &ahead.interval {
            intervals += 1;
            for (h, y) in series[origin..origin + o.horizon].iter().enumerate() {
                inside[h] += f64::from(u8::from((interval.low[h]..=interval.high[h]).contains(y)));
            }
        }
        forecasts.push(Some(ahead.mean));
    }
    let answered = origins.len() - missed.as_ref().map_or(0, |m| m.origins);
    let coverage = (intervals == answered).then(|| inside.iter().map(|n| n / intervals as f64).collect());
    Ok(figures(series, o.horizon, origins, scale, ModelScore { coverage, missed, ..ModelScore::of(name, forecasts) }))
}

/// Fills in the figures of what was forecast.
fn figures(series: &[f64], horizon: usize, origins: &[usize], scale: f64, of: ModelScore) -> ModelScore {
    let mut sums = vec![Sums::default(); horizon];
    let by_origin = |(&origin, ahead): (&usize, &Option<Vec<f64>>)| {
        let ahead = ahead.as_ref()?;
        let mut of_origin = 0.0;
        for (h, (&y, &found)) in series[origin..origin + horizon].iter().zip(ahead).enumerate() {
            sums[h].add(y, found);
            of_origin += (y - found).abs();
        }
        Some(of_origin / horizon as f64 / scale)
    };
    let mase_by_origin = origins.iter().zip(&of.ahead).map(by_origin).collect();
    let all = sums.iter().fold(Sums::default(), |a, b| a.with(b)).scores(scale);
    ModelScore { all, by_step: sums.iter().map(|s| s.scores(scale)).collect(), mase_by_origin, ..of }
}

impl ModelScore {
    fn of(name: &str, ahead: Vec<Option<Vec<f64>>>) -> Self {
        let none = Scores { mase: f64::NAN, smape_pct: f64::NAN, rmse: f64::NAN };
        Self { model: name.to_owned(), all: none, by_step: Vec::new(), coverage: None, mase_by_origin: Vec::new(), ahead, missed: None }
    }
}

impl Backtest {
    /// The mean of what several models forecast, as a model of its own: at the origins that all of them answered. `models` are of this backtest or of another with
    /// the same options on the same `series`.
    ///
    /// # Panics
    /// No model, or one with other origins than this backtest has.
    pub fn mean_of(&self, series: &[f64], name: &str, models: &[&ModelScore]) -> ModelScore {
        assert!(!models.is_empty() && models.iter().all(|m| m.ahead.len() == self.origins.len()), "models of other origins");
        let ahead = (0..self.origins.len()).map(|o| mean_ahead(&models.iter().map(|m| m.ahead[o].as_deref()).collect::<Option<Vec<_>>>()?));
        let missed = models.iter().filter_map(|m| m.missed.clone()).max_by_key(|m| m.origins);
        let of = ModelScore { missed, ..ModelScore::of(name, ahead.collect()) };
        figures(series, self.options.horizon, &self.origins, self.scale, of)
    }
}

/// Mean of several forecasts, step by step; none of none.
pub fn mean_ahead(of: &[&[f64]]) -> Option<Vec<f64>> {
    let steps = of.first()?.len();
    Some((0..steps).map(|h| of.iter().map(|f| f[h]).sum::<f64>() / of.len() as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Forecast;
    use std::sync::Mutex;

    /// Answers with the last value, and writes down how long the histories are.
    struct Spy<'a>(&'a Mutex<Vec<(&'static str, usize, f64)>>);

    impl Forecaster for Spy<'_> {
        fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
            self.0.lock().unwrap().push(("forecast", history.len(), history[history.len() - 1]));
            Ok(Forecast { mean: vec![history[history.len() - 1]; horizon], ..Forecast::default() })
        }
    }

    #[test]
    fn models_see_the_past_alone_and_errors_are_those_of_the_hand() {
        // 0, 1, 4, 9, …: the last value one step ahead is short by 2t - 1, two ahead by 4t.
        let series: Vec<f64> = (0..10).map(|t| f64::from(t * t)).collect();
        let seen: &'static Mutex<Vec<(&'static str, usize, f64)>> = Box::leak(Box::new(Mutex::new(Vec::new())));
        let fit = |past: &[f64]| {
            seen.lock().unwrap().push(("fit", past.len(), past[past.len() - 1]));
            Ok(Box::new(Spy(seen)) as Box<dyn Forecaster>)
        };
        let options = BacktestOptions { first_origin: 4, stride: 2, horizon: 2, period: 1, refit_every: Some(2) };
        let found = backtest(&series, &options, &[("spy", &fit)]).unwrap();
        assert_eq!(found.origins, [4, 6, 8]);
        let expected = [("fit", 4, 9.0), ("forecast", 4, 9.0), ("forecast", 6, 25.0), ("fit", 8, 49.0), ("forecast", 8, 49.0)];
        assert_eq!(*seen.lock().unwrap(), expected);
        // Before the first origin: changes 1, 3, 5.
        assert_eq!(found.scale, 3.0);
        // One step: 7, 11, 15; two steps: 16, 24, 32.
        let spy = &found.models[1];
        assert!((spy.by_step[0].mase - 11.0 / 3.0).abs() < 1e-12 && (spy.by_step[1].mase - 8.0).abs() < 1e-12);
        assert!((spy.by_step[0].rmse - (395.0f64 / 3.0).sqrt()).abs() < 1e-12);
        let smape = (200.0 * 7.0 / 25.0 + 200.0 * 11.0 / 61.0 + 200.0 * 15.0 / 113.0) / 3.0;
        assert!((spy.by_step[0].smape_pct - smape).abs() < 1e-12);
        assert!((spy.all.mase - (33.0 + 72.0) / 18.0).abs() < 1e-12);
        assert_eq!(spy.mase_by_origin, [23.0 / 6.0, 35.0 / 6.0, 47.0 / 6.0].map(Some));
        assert_eq!(spy.ahead, [[9.0, 9.0], [25.0, 25.0], [49.0, 49.0]].map(|a| Some(a.to_vec())));
        assert_eq!(spy.missed, None);
        // With a season of one step the naive forecast is the spy's.
        assert_eq!((found.models[0].model.as_str(), found.models[0].all), ("seasonal naive", spy.all));
        assert_eq!(spy.coverage, None);
    }

    /// Refuses histories whose last value is above a limit.
    struct Shy(f64);

    impl Forecaster for Shy {
        fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
            let last = history[history.len() - 1];
            if last > self.0 {
                return Err(FitError::Outside { what: "the last value", why: format!("{last} is above {}", self.0) });
            }
            Ok(Forecast { mean: vec![last; horizon], ..Forecast::default() })
        }
    }

    /// An origin that is refused is told and has no part in the figures; a model that refuses all of them is none.
    #[test]
    fn a_model_may_miss_an_origin() {
        let series: Vec<f64> = (0..10).map(|t| f64::from(t * t)).collect();
        let options = BacktestOptions { first_origin: 4, stride: 2, horizon: 2, period: 1, refit_every: None };
        let shy = |limit: f64| move |_: &[f64]| Ok(Box::new(Shy(limit)) as Box<dyn Forecaster>);
        let found = backtest(&series, &options, &[("shy", &shy(30.0))]).unwrap();
        // Origins 4 and 6 are answered, 8 follows 49: of the errors 7, 16, 11, 24 over the scale of 3.
        let shy_score = &found.models[1];
        assert_eq!(shy_score.mase_by_origin, [Some(23.0 / 6.0), Some(35.0 / 6.0), None]);
        assert!((shy_score.all.mase - 58.0 / 12.0).abs() < 1e-12);
        let missed = shy_score.missed.as_ref().unwrap();
        assert!(missed.origins == 1 && missed.why.ends_with("49 is above 30"), "{missed:?}");
        assert_eq!(found.models[0].missed, None);
        assert!(matches!(backtest(&series, &options, &[("shy", &shy(1.0))]), Err(FitError::Outside { .. })));
    }

    /// The mean of a forecast that is too low and one that is too high by as much has no error; where one is silent, so is the mean.
    #[test]
    fn the_mean_of_models_is_a_model() {
        struct Off(f64);
        impl Forecaster for Off {
            fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
                let n = history.len();
                if n == 6 && self.0 > 0.0 {
                    return Err(FitError::Outside { what: "the sixth", why: "silent".into() });
                }
                Ok(Forecast { mean: (n..n + horizon).map(|t| (t * t) as f64 + self.0).collect(), ..Forecast::default() })
            }
        }
        let series: Vec<f64> = (0..10).map(|t| f64::from(t * t)).collect();
        let options = BacktestOptions { first_origin: 4, stride: 2, horizon: 2, period: 1, refit_every: None };
        let fit = |off: f64| move |_: &[f64]| Ok(Box::new(Off(off)) as Box<dyn Forecaster>);
        let (low, high) = (fit(-3.0), fit(5.0));
        let found = backtest(&series, &options, &[("low", &low), ("high", &high)]).unwrap();
        let mean = found.mean_of(&series, "both", &[&found.models[1], &found.models[2]]);
        // One too high everywhere, over the scale of 3; the second origin is silent.
        assert_eq!(mean.mase_by_origin, [Some(1.0 / 3.0), None, Some(1.0 / 3.0)]);
        assert_eq!((mean.ahead[0].as_deref(), mean.ahead[1].as_deref()), (Some(&[17.0, 26.0][..]), None));
        assert!((mean.all.mase - 1.0 / 3.0).abs() < 1e-12 && (mean.all.rmse - 1.0).abs() < 1e-12);
        assert_eq!(mean.missed.map(|m| m.origins), Some(1));
        assert_eq!(mean_ahead(&[]), None);
    }

    #[test]
    fn what_cannot_be_tried_is_refused() {
        let series: Vec<f64> = (0..10).map(f64::from).collect();
        let o = BacktestOptions { first_origin: 4, stride: 1, horizon: 2, period: 1, refit_every: None };
        assert!(backtest(&series, &BacktestOptions { first_origin: 9, ..o }, &[]).is_err());
        assert!(backtest(&series, &BacktestOptions { stride: 0, ..o }, &[]).is_err());
        assert!(backtest(&series, &BacktestOptions { refit_every: Some(0), ..o }, &[]).is_err());
        assert!(matches!(backtest(&[1.0; 10], &o, &[]), Err(FitError::Constant { .. })));
        assert!(backtest(&series, &BacktestOptions { period: 4, ..o }, &[]).is_err());
    }
}
