//! The backtest of all methods for one feeder, and what was found.
//!
//! ```text
//! hours ├─ training ─┤├──────── choosing ────────┤├─ judged ─┤
//!                     ↑ fit        ↑ fit again     ↑ fit again         origins all along, each method from the past of its origin
//! ```
//!
//! The last half of the hours is forecast from rolling origins. Its first two thirds choose, its last third is judged, and no hour of it chose. A method is fitted
//! three times, so that what is judged has seen all that a fit of then would have.
//!
//! **Origins that a method refuses.** The weather regression does not answer for heat or cold that it has not seen. Methods are compared, and the figures taken, at the origins that all
//! compared methods answered; a method that answers fewer than nine tenths of either part is not compared, and the table of methods says why. A method that was asked for by name is
//! kept with what it answers, and how much that is stands beside.

use super::tried::Tried;
use super::{Course, WEEK_H};
use crate::forecast::{BacktestOptions, Ets, EtsOptions, FitError, Forecast, Forecaster, ModelScore, backtest};
use crate::module::Settings;
use crate::modules::hourly::hour_of_week;
use crate::nbeats::{NBeats, NBeatsOptions};
use crate::regression::{LoadError, LoadHours, LoadOptions, LoadQuestion, WeatherLoad};
use std::sync::Arc;
use studies::synthetic::random::Random;

pub(super) const NAIVE: &str = "seasonal-naive";
pub(super) const WEATHER: &str = "weather";
/// The same at the temperatures that came, which nobody knows beforehand; told and never chosen.
const PERFECT: &str = "weather (as measured)";
/// The mean of level methods.
pub(super) const MEAN: &str = "mean";
/// Share of hours that bounds are to hold.
pub(super) const LEVEL: f64 = 0.9;
/// Holt-Winters forgets what is older.
pub(super) const ETS_H: usize = 12 * WEEK_H;
/// The last part is at most this, and at least two horizons and six days.
const MOST_TEST_H: usize = 24 * WEEK_H;
/// Hours before the first origin.
const LEAST_PAST_H: usize = 3 * WEEK_H;
const ORIGINS: usize = 1000;
/// Share of the origins that choose, and of those that are judged, that a method has to answer.
const LEAST_ANSWERED: f64 = 0.9;
/// Steps between origins, and between windows of training: none has a factor in common with a day, so that all hours of the day are seen.
const STRIDES: [usize; 10] = [1, 5, 7, 11, 13, 17, 19, 23, 25, 29];
/// Windows that N-BEATS is trained on at most.
const MOST_WINDOWS: usize = 2100;
/// Hours of temperature that a building still feels.
pub(super) const BEFORE_H: usize = 240;

/// What was asked for.
pub(super) struct Choice {
    pub horizon_h: usize,
    pub lookback_h: usize,
    pub method: String,
    pub temperature_error_c: f64,
    pub offset_h: i64,
    members: usize,
    epochs: usize,
    seed: u64,
}

impl Choice {
    pub fn of(s: &Settings) -> Self {
        Self {
            horizon_h: s.count("horizon_h"),
            lookback_h: s.count("lookback_h"),
            method: s.text("method").to_owned(),
            temperature_error_c: s.number("temperature_error_c"),
            offset_h: s.number("utc_offset_h").round() as i64,
            members: s.count("nbeats_members"),
            epochs: s.count("nbeats_epochs"),
            seed: s.count("seed") as u64,
        }
    }

    fn wants(&self, method: &str) -> bool {
        self.method == "auto" || self.method == method
    }

    pub fn nbeats(&self, past: &[f64]) -> Result<NBeats, FitError> {
        let mut options = NBeatsOptions::week_to_day();
        (options.horizon, options.lookbacks, options.members) = (self.horizon_h, vec![self.lookback_h], self.members);
        (options.train.epochs, options.train.seed) = (self.epochs, self.seed);
        // A feeder is fitted four times, and a long past has more windows than that takes minutes for: some hours on, a window is much like the one before.
        options.stride = STRIDES.into_iter().find(|s| past.len() / s <= MOST_WINDOWS).unwrap_or(31);
        // Bounds come from the backtest, the same way for all methods.
        options.calibration = 0;
        NBeats::fit(&[past], &options, std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }
}

pub(super) fn ets(past: &[f64]) -> Result<(usize, Ets), FitError> {
    let start = past.len().saturating_sub(ETS_H);
    let options = EtsOptions { period: WEEK_H, trend: None, seasonal: None };
    Ok((start, Ets::fit(&past[start..], &options)?))
}

/// Less than a year says nothing of growth beside the season.
pub(super) fn weather_load(load_kw: &[f64], temperature_c: &[f64], first_h: i64, offset_h: i64) -> Result<WeatherLoad, FitError> {
    let options = LoadOptions { growth: load_kw.len() >= 2 * 8760, held_out_days: 7, ..LoadOptions::default() };
    let first_hour_of_week = hour_of_week(first_h, offset_h);
    WeatherLoad::fit(&LoadHours { load_kw, temperature_c, holiday: &[], first_hour_of_week }, &options)
}

/// Holt-Winters that begins somewhere in the history.
struct Later {
    start: usize,
    model: Ets,
}

impl Forecaster for Later {
    fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
        self.model.forecast(&history[self.start..], horizon)
    }
}

/// Weather regression with temperatures that are wrong by as much as a forecast's.
struct Warmth {
    model: WeatherLoad,
    temperature_c: Arc<[f64]>,
    error_c: f64,
}

/// Load after `n` hours from the first of the fit on, at these temperatures.
pub(super) fn warm_forecast(model: &WeatherLoad, n: usize, last_kw: f64, before_c: &[f64], ahead_c: &[f64]) -> Result<Vec<f64>, LoadError> {
    let ask = |from: usize, before_c: &[f64], temperature_c: &[f64], last_error_kw| {
        let q = LoadQuestion { from, temperature_c, holiday: &[], before_c, last_error_kw, level: 0.5 };
        model.forecast(&q).map(|f| f.load_kw)
    };
    let short = || FitError::TooShort { what: "the temperature before the forecast".into(), needed: 1, found: 0 };
    let (last_c, earlier_c) = before_c.split_last().ok_or_else(short)?;
    let said = ask(n - 1, earlier_c, &[*last_c], None)?;
    ask(n, before_c, ahead_c, Some(last_kw - said[0]))
}

impl Forecaster for Warmth {
    fn forecast(&self, history: &[f64], horizon: usize) -> Result<Forecast, FitError> {
        let n = history.len();
        let mut random = Random::new(1, 0x7765_6174_6865_7221, n as u64);
        let (mut error, keep) = (random.normal(), 0.9f64);
        let margin = self.model.options.margin_c;
        let ahead: Vec<f64> = self.temperature_c[n..n + horizon]
            .iter()
            .map(|&t| {
                error = keep * error + (1.0 - keep * keep).sqrt() * random.normal();
                if self.error_c == 0.0 {
                    return t;
                }
                // What was put on must not be what is refused, nor what lets pass.
                let room = |t: f64| (self.model.low_c - margin..=self.model.high_c + margin).contains(&t);
                let wrong = t + self.error_c * error;
                if room(wrong) == room(t) { wrong } else { t }
            })
            .collect();
        let before = &self.temperature_c[n.saturating_sub(BEFORE_H)..n];
        let mean = warm_forecast(&self.model, n, history[n - 1], before, &ahead).map_err(|e| match e {
            LoadError::OutOfRange { .. } => FitError::Outside { what: "the temperature", why: e.to_string() },
            LoadError::Data(e) => e,
            other => FitError::Option { what: "the forecast by weather", needed: "one that can be made", found: other.to_string() },
        })?;
        Ok(Forecast { mean, ..Forecast::default() })
    }
}

/// One method's forecasts.
pub(super) struct Try {
    pub name: &'static str,
    /// Or why it was not tried.
    pub score: Result<ModelScore, String>,
    pub may_be_chosen: bool,
    /// Why it has no part in the comparison.
    pub left_out: Option<String>,
}

impl Try {
    pub fn new(name: &'static str, score: Result<ModelScore, String>) -> Self {
        Self { name, score, may_be_chosen: name != PERFECT, left_out: None }
    }

    /// Its forecasts, if it is compared.
    pub fn compared(&self) -> Option<&ModelScore> {
        self.score.as_ref().ok().filter(|_| self.left_out.is_none())
    }

    pub fn answers(&self, origin: usize) -> bool {
        self.score.as_ref().is_ok_and(|s| s.ahead[origin].is_some())
    }

    /// Origins that it answered.
    pub fn answered(&self) -> usize {
        self.score.as_ref().map_or(0, |s| s.ahead.iter().flatten().count())
    }

    /// Why there is no figure of it, or not of all origins.
    pub fn why(&self) -> Option<&str> {
        let missed = || self.score.as_ref().ok().and_then(|s| s.missed.as_ref()).map(|m| m.why.as_str());
        self.score.as_ref().err().or(self.left_out.as_ref()).map(String::as_str).or_else(missed)
    }
}

/// Tries what was asked for.
///
/// # Errors
/// A course that is too short or never changes; a method that was asked for by name and cannot be tried.
pub(super) fn try_all(course: &Course, weather: Option<&Course>, choice: &Choice) -> Result<Tried, String> {
    let (n, h) = (course.values.len(), choice.horizon_h);
    let least_test = 2 * h + 144;
    let needed = least_test + LEAST_PAST_H;
    if n < needed {
        return Err(format!("{n} hours are too few for {h} hours ahead, at least {needed} are needed"));
    }
    let test = (n / 2).min(n - LEAST_PAST_H).min(MOST_TEST_H).max(least_test);
    let first_origin = n - test;
    let stride = STRIDES.into_iter().find(|s| (test - h) / s < ORIGINS).unwrap_or(31);
    // Three fits: at the first origin and after each third of them. The last third is judged.
    let third = (test - h) / stride / 3 + 1;
    let options = BacktestOptions { first_origin, stride, horizon: h, period: WEEK_H, refit_every: Some(third) };
    let middle = first_origin + 2 * third * stride;
    let series: Arc<[f64]> = course.values.as_slice().into();
    let base = backtest(&series, &options, &[]).map_err(|e| e.to_string())?;
    let run = |fit: &crate::forecast::Fit<'_>, name: &'static str| {
        let score = backtest(&series, &options, &[(name, fit)]).map(|mut b| b.models.remove(1)).map_err(|e| e.to_string());
        let score = score.and_then(|s| {
            let finite = s.ahead.iter().flatten().flatten().all(|v| v.is_finite());
            if finite { Ok(s) } else { Err("its forecasts are no finite numbers".to_owned()) }
        });
        Try::new(name, score)
    };
    let mut tries = vec![Try::new(NAIVE, Ok(base.models[0].clone()))];
    if choice.wants("ets") {
        let fit = |past: &[f64]| ets(past).map(|(start, model)| Box::new(Later { start, model }) as Box<dyn Forecaster>);
        tries.push(run(&fit, "ets"));
    }
    if choice.wants("nbeats") {
        let fit = |past: &[f64]| choice.nbeats(past).map(|m| Box::new(m) as Box<dyn Forecaster>);
        tries.push(run(&fit, "nbeats"));
    }
    if let Some(weather) = weather.filter(|_| choice.wants(WEATHER)) {
        for (name, error_c) in [(WEATHER, choice.temperature_error_c), (PERFECT, 0.0)] {
            let Some(temperature) = weather.between(course.first_h, course.end_h()) else {
                tries.push(Try::new(name, Err("there are not temperatures for all hours of the loads".into())));
                continue;
            };
            let temperature_c: Arc<[f64]> = temperature.into();
            let fit = |past: &[f64]| {
                let model = weather_load(past, &temperature_c[..past.len()], course.first_h, choice.offset_h)?;
                Ok(Box::new(Warmth { model, temperature_c: temperature_c.clone(), error_c }) as Box<dyn Forecaster>)
            };
            tries.push(run(&fit, name));
        }
    }
    if choice.method != "auto"
        && let Some(Try { score: Err(why), .. }) = tries.iter().find(|t| t.name == choice.method)
    {
        return Err(format!("{} cannot be fitted: {why}", choice.method));
    }
    // No hour that choosing has seen the truth of is judged.
    let part = |holds: &dyn Fn(usize) -> bool| (0..base.origins.len()).filter(|&i| holds(base.origins[i])).collect::<Vec<usize>>();
    let (choosing, later) = (part(&|o| o + h <= middle), part(&|o| o >= middle));
    for t in &mut tries {
        let by_name = t.name == choice.method || t.name == PERFECT && choice.method == WEATHER;
        t.left_out = [(&choosing, "choose"), (&later, "are judged")].into_iter().find_map(|(part, which)| {
            let answered = part.iter().filter(|&&o| t.answers(o)).count();
            let enough = if by_name { 1.0 } else { LEAST_ANSWERED * part.len() as f64 };
            let why = t.score.as_ref().ok()?.missed.as_ref().map(|m| m.why.as_str()).unwrap_or_default();
            ((answered as f64) < enough)
                .then(|| format!("it answers {answered} of {} origins that {which}, {:.0} are needed: {why}", part.len(), enough.ceil()))
        });
    }
    if let Some(Try { left_out: Some(why), .. }) = tries.iter().find(|t| t.name == choice.method) {
        return Err(format!("{} cannot be judged: {why}", choice.method));
    }
    let shared = |part: &[usize]| {
        let all = |o: &usize| tries.iter().filter(|t| t.compared().is_some()).all(|t| t.answers(*o));
        part.iter().copied().filter(all).collect::<Vec<usize>>()
    };
    let (choosing, judged) = (shared(&choosing), shared(&later));
    let mut tried = Tried {
        tries,
        chosen: 0,
        members: Vec::new(),
        series,
        horizon_h: h,
        scale: base.scale,
        origins: base.origins.clone(),
        choosing,
        judged,
        later,
    };
    tried.members = if choice.method == "auto" {
        tried.not_behind()
    } else {
        (0..tried.tries.len()).filter(|&i| tried.tries[i].name == choice.method).collect()
    };
    if let [one] = tried.members[..] {
        tried.chosen = one;
    } else {
        let scores: Vec<&ModelScore> = tried.members.iter().filter_map(|&i| tried.score(i)).collect();
        let mean = base.mean_of(&tried.series, MEAN, &scores);
        tried.chosen = tried.tries.len();
        tried.tries.push(Try::new(MEAN, Ok(mean)));
    }
    Ok(tried)
}
