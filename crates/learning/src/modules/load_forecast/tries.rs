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
//! **The choice.** The week before stays unless a method is surely better: with `d_i` the MASE of the week before less that of the method at choosing origin `i`, the
//! lower bound of a block bootstrap of the mean of `d` (blocks as long as two forecasts overlap and a day of weather, one-sided 90 %; [`crate::blocks`]) must lie above
//! 0. Of those that are, the one with the least mean error is taken. A method that led by luck of a few days does not get in; one that is as good as the
//! week before has nothing to offer over it.
//!
//! **Origins that a method refuses.** The weather regression does not answer for heat or cold that it has not seen. Methods are compared, and the figures taken, at the origins that all
//! compared methods answered; a method that answers fewer than nine tenths of either part is not compared, and the table of methods says why. A method that was asked for by name is
//! kept with what it answers, and how much that is stands beside.

use super::{Course, WEEK_H};
use crate::blocks::mean_interval;
use crate::conformal::Conformal;
use crate::forecast::{BacktestOptions, Ets, EtsOptions, FitError, Forecast, Forecaster, ModelScore, backtest};
use crate::metrics::{coverage, mae, rmse as rmse_of};
use crate::module::{Reliable, Settings};
use crate::modules::hourly::{HOUR_S, hour_of_week, mean};
use crate::nbeats::{NBeats, NBeatsOptions};
use crate::regression::{LoadError, LoadHours, LoadOptions, LoadQuestion, WeatherLoad};
use std::collections::BTreeMap;
use std::sync::Arc;
use studies::synthetic::random::Random;

pub(super) const NAIVE: &str = "seasonal-naive";
pub(super) const WEATHER: &str = "weather";
/// The same at the temperatures that came, which nobody knows beforehand; told and never chosen.
const PERFECT: &str = "weather (as measured)";
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
/// How sure the gain over the week before has to be, to both sides: one-sided 90 %.
const SURE: f64 = 0.8;
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
    fn new(name: &'static str, score: Result<ModelScore, String>) -> Self {
        Self { name, score, may_be_chosen: name != PERFECT, left_out: None }
    }

    /// Its forecasts, if it is compared.
    fn compared(&self) -> Option<&ModelScore> {
        self.score.as_ref().ok().filter(|_| self.left_out.is_none())
    }

    fn answers(&self, origin: usize) -> bool {
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

/// All methods of one feeder.
pub(super) struct Tried {
    pub tries: Vec<Try>,
    pub chosen: usize,
    series: Arc<[f64]>,
    horizon_h: usize,
    scale: f64,
    origins: Vec<usize>,
    /// Places in `origins`: those that choose, and those that the figures are of; at all of them every compared method answered.
    choosing: Vec<usize>,
    pub judged: Vec<usize>,
    /// All places that are judged if they are answered.
    later: Vec<usize>,
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
    let mut tried = Tried { tries, chosen: 0, series, horizon_h: h, scale: base.scale, origins: base.origins, choosing, judged, later };
    let error = |i: usize| tried.mase(i, &tried.choosing).unwrap_or(f64::INFINITY);
    tried.chosen = (0..tried.tries.len())
        .filter(|&i| tried.tries[i].may_be_chosen && tried.tries[i].compared().is_some())
        .filter(|&i| {
            if choice.method == "auto" { i == 0 || tried.gain(i).is_some_and(|g| g.1 > 0.0) } else { tried.tries[i].name == choice.method }
        })
        .min_by(|&a, &b| error(a).total_cmp(&error(b)))
        .unwrap_or(0);
    Ok(tried)
}

impl Tried {
    pub fn chosen(&self) -> &Try {
        &self.tries[self.chosen]
    }

    fn score(&self, i: usize) -> Option<&ModelScore> {
        self.tries[i].compared()
    }

    /// Truth and forecast at some origins, of all leads or one.
    fn pairs(&self, i: usize, origins: &[usize], lead: Option<usize>) -> (Vec<f64>, Vec<f64>) {
        let Some(score) = self.score(i) else { return Default::default() };
        let leads = lead.map_or(0..self.horizon_h, |l| l..l + 1);
        let answered = origins.iter().filter_map(|&o| Some((self.origins[o], score.ahead[o].as_ref()?)));
        answered.flat_map(|(from, said)| leads.clone().map(move |l| (self.series[from + l], said[l]))).unzip()
    }

    /// All origins of the backtest.
    pub fn origins(&self) -> usize {
        self.origins.len()
    }

    /// Origins of the judged part at which not every compared method answered, and all of that part.
    pub fn not_judged(&self) -> (usize, usize) {
        (self.later.len() - self.judged.len(), self.later.len())
    }

    pub fn mase(&self, i: usize, origins: &[usize]) -> Option<f64> {
        let (actual, said) = self.pairs(i, origins, None);
        Some(mae(&actual, &said).ok()? / self.scale)
    }

    pub fn choosing_mase(&self, i: usize) -> Option<f64> {
        self.mase(i, &self.choosing)
    }

    /// Origins that choose.
    pub fn choosing(&self) -> usize {
        self.choosing.len()
    }

    /// By how much the MASE of a method is below that of the week before at the choosing origins: the mean, and what it surely is.
    pub fn gain(&self, i: usize) -> Option<(f64, f64)> {
        let (own, naive) = (self.score(i)?, self.score(0)?);
        let gains: Vec<f64> = self.choosing.iter().filter_map(|&o| Some(naive.mase_by_origin[o]? - own.mase_by_origin[o]?)).collect();
        // Of a short past shorter blocks are all that there are.
        let (low, _) = mean_interval(&gains, self.block().min(gains.len() / 4), SURE)?;
        Some((mean(&gains), low))
    }

    /// Origins that go along with each other: the days that forecasts share, and a day of weather.
    fn block(&self) -> usize {
        let stride = self.origins.get(1).zip(self.origins.first()).map_or(1, |(b, a)| b - a);
        (self.horizon_h.max(24) + 24).div_ceil(stride)
    }

    pub fn judged_mase(&self, i: usize) -> Option<f64> {
        self.mase(i, &self.judged)
    }

    pub fn judged_rmse(&self, i: usize) -> Option<f64> {
        let (actual, said) = self.pairs(i, &self.judged, None);
        rmse_of(&actual, &said).ok()
    }

    pub fn lead_rmse(&self, lead: usize) -> Option<f64> {
        let (actual, said) = self.pairs(self.chosen, &self.judged, Some(lead));
        rmse_of(&actual, &said).ok()
    }

    /// Whether the chosen method has less error than repeating the week before, where it was not chosen by.
    pub fn beats(&self) -> bool {
        match (self.judged_mase(self.chosen), self.judged_mase(0)) {
            (Some(a), Some(b)) => a < b,
            _ => false,
        }
    }

    /// By how much forecasts are widened at each lead, from these origins.
    fn widths(&self, origins: &[usize], level: f64) -> Option<Vec<f64>> {
        (0..self.horizon_h)
            .map(|lead| {
                let (actual, said) = self.pairs(self.chosen, origins, Some(lead));
                Conformal::split(&actual, &said, 1.0 - level).ok().map(|c| c.widen)
            })
            .collect()
    }

    /// From all origins that were answered, for the kept model.
    pub fn widen_kw(&self) -> Option<Vec<f64>> {
        self.widths(&(0..self.origins.len()).collect::<Vec<usize>>(), LEVEL)
    }

    /// Share of judged hours within the bounds that the choosing origins give, and their number.
    fn held(&self, level: f64) -> Option<(f64, usize)> {
        let widen = self.widths(&self.choosing, level)?;
        let (mut actual, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
        for (lead, w) in widen.iter().enumerate() {
            let (a, said) = self.pairs(self.chosen, &self.judged, Some(lead));
            low.extend(said.iter().map(|s| s - w));
            high.extend(said.iter().map(|s| s + w));
            actual.extend(a);
        }
        coverage(&actual, &low, &high).ok().map(|(share, _)| (share, actual.len()))
    }

    pub fn judged_s(&self, course: &Course) -> [i64; 2] {
        let at = |i: usize| (course.first_h + i as i64) * HOUR_S;
        let first = self.judged.first().map_or(self.series.len(), |&o| self.origins[o]);
        [at(first), at(self.series.len())]
    }
}

/// A function that gives bounds of a mean.
type Bounds = fn(&[f64], usize, f64) -> Option<(f64, f64)>;

/// MASE of the chosen methods and of the naive one, mean of feeders, with an interval over days.
pub(super) fn overall(found: &BTreeMap<String, Tried>, bounds: Bounds) -> (f64, f64, Option<(f64, f64)>) {
    let of = |pick: &dyn Fn(&Tried) -> usize| mean(&found.values().filter_map(|t| t.judged_mase(pick(t))).collect::<Vec<f64>>());
    // Feeders err together in time: what is drawn is the mean over them, counted from the last origin, of origins that are judged for all.
    let shortest = found.values().map(|t| t.later.len()).min().unwrap_or(0);
    let by_origin: Vec<f64> = (0..shortest)
        .filter_map(|k| {
            let at = |t: &Tried| {
                let origin = t.later[t.later.len() - shortest + k];
                t.judged.binary_search(&origin).ok().and_then(|_| t.score(t.chosen)?.mase_by_origin[origin])
            };
            Some(mean(&found.values().map(at).collect::<Option<Vec<f64>>>()?))
        })
        .collect();
    let first = found.values().next();
    let block = first.map_or(1, Tried::block);
    (of(&|t| t.chosen), of(&|_| 0), bounds(&by_origin, block, 0.95))
}

/// Root of the mean squared error of all feeders, chosen and naive.
pub(super) fn rmse(found: &BTreeMap<String, Tried>) -> (f64, f64) {
    let of = |pick: &dyn Fn(&Tried) -> usize| {
        let squares: Vec<f64> = found.values().filter_map(|t| t.judged_rmse(pick(t))).map(|r| r * r).collect();
        mean(&squares).sqrt()
    };
    (of(&|t| t.chosen), of(&|_| 0))
}

/// Share that bounds of several levels hold.
pub(super) fn calibration(found: &BTreeMap<String, Tried>) -> Vec<Reliable> {
    [0.5, 0.8, LEVEL]
        .into_iter()
        .filter_map(|said| {
            let held: Vec<(f64, usize)> = found.values().filter_map(|t| t.held(said)).collect();
            let rows: usize = held.iter().map(|h| h.1).sum();
            (rows > 0).then(|| Reliable { said, came: held.iter().map(|h| h.0 * h.1 as f64).sum::<f64>() / rows as f64, rows })
        })
        .collect()
}
