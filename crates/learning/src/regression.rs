//! A feeder's load by hour, calendar and temperature.
//!
//! ```text
//! y_t = a(group of t) + c max(0, s_t - Tc) + h max(0, Th - s_t) + g t + e_t,   c, h >= 0
//! s_t = s_{t-1} + (1 - e^{-1/τ}) (T_t - s_{t-1})                                buildings store heat
//! e_t = φ e_{t-1} + noise
//! ```
//!
//! A group is an hour of the week, or an hour of a holiday. For given balance temperatures `Tc`, `Th` and time constant `τ` the groups and the growth `g` are taken
//! out of `y` and of both regressors (Frisch and Waugh, 1933; Lovell, 1963), and `c`, `h` follow from two normal equations; `Tc`, `Th`, `τ` are those of a grid, in
//! steps of 1 °C and then of a quarter around the best, that leave the least squares. This is the change-point model of ASHRAE Guideline 14 with the week in it.
//! `a` is a mean shrunk by ridge to that of its hour over all workdays or weekend days, so that an hour seen twice does not speak for itself alone.
//!
//! **Intervals.** Days at the end are held out, forecast by a model of the days before, and the errors of hours and of daily peaks are kept: the
//! `⌈(n + 1) level⌉`-th smallest bounds the next (split conformal). **Range.** Temperatures more than [`LoadOptions::margin_c`] beyond those seen are refused,
//! those beyond at all are flagged.
//!
//! What scenarios need of it, [`WeatherLoad::response`], is the plain answer that they fit to shapes.

use crate::forecast::{FitError, check, varied};
use serde::{Deserialize, Serialize};
use studies::scenario::Response;
use thiserror::Error;

/// Time constants that are tried, h.
const TAU_H: [f64; 6] = [0.0, 2.0, 3.0, 5.0, 8.0, 24.0];
/// Balance temperatures that are tried, whole °C.
const COOL_C: (i32, i32) = (12, 26);
const HEAT_C: (i32, i32) = (4, 20);
/// Share of what hours and days leave that temperature must explain to count.
pub const LEAST_R2: f64 = 0.05;
/// Hours of the week, and groups with those of holidays.
const WEEK: usize = 168;
const GROUPS: usize = WEEK + 24;

/// Load, temperature and calendar of consecutive hours.
#[derive(Clone, Copy, Debug)]
pub struct LoadHours<'a> {
    pub load_kw: &'a [f64],
    pub temperature_c: &'a [f64],
    /// Whether the hour lies in a holiday; empty where none is known.
    pub holiday: &'a [bool],
    /// Hours since Monday 00:00 of the first one.
    pub first_hour_of_week: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadOptions {
    /// Whether load grows along a line.
    pub growth: bool,
    /// Whether errors go on from hour to hour.
    pub autoregressive: bool,
    /// Hours that the mean of an hour over the like days counts for beside those of the hour itself.
    pub ridge_hours: f64,
    /// Days at the end that intervals are made from.
    pub held_out_days: usize,
    /// Degrees beyond the temperatures seen that are still answered, with a flag.
    pub margin_c: f64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { growth: true, autoregressive: true, ridge_hours: 2.0, held_out_days: 42, margin_c: 2.0 }
    }
}

/// A fitted feeder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeatherLoad {
    pub options: LoadOptions,
    /// Mean of each group at no cooling and heating, kW, at the first hour.
    pub profile_kw: Vec<f64>,
    pub cooling_kw_per_c: f64,
    pub heating_kw_per_c: f64,
    pub cool_above_c: f64,
    pub heat_below_c: f64,
    pub tau_h: f64,
    pub growth_kw_per_h: f64,
    /// From error to error, an hour apart.
    pub phi: f64,
    /// Share of what hours and days leave that temperature explains.
    pub temperature_r2: f64,
    /// Share of the whole variance that the model explains where it was fitted.
    pub r2: f64,
    pub first_hour_of_week: usize,
    pub hours: usize,
    /// Least and greatest temperature that it was fitted to, °C.
    pub low_c: f64,
    pub high_c: f64,
    pub mean_kw: f64,
    /// Errors of the days held out, kW, rising: of hours, and of daily peaks.
    pub hour_errors_kw: Vec<f64>,
    pub peak_errors_kw: Vec<f64>,
}

/// Load to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadForecast {
    pub load_kw: Vec<f64>,
    pub low_kw: Vec<f64>,
    pub high_kw: Vec<f64>,
    /// Hours, from 0, whose temperature lies beyond those seen.
    pub extrapolated: Vec<usize>,
}

/// The highest hour of a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeakForecast {
    /// Hour of the course, from 0.
    pub hour: usize,
    pub peak_kw: f64,
    pub low_kw: f64,
    pub high_kw: f64,
    pub extrapolated: bool,
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum LoadError {
    #[error(
        "hour {hour} has {temperature_c} °C; the model has seen {low_c} to {high_c} °C and answers up to {margin_c} °C beyond. Fit it to days as hot or as cold"
    )]
    OutOfRange { hour: usize, temperature_c: f64, low_c: f64, high_c: f64, margin_c: f64 },
    #[error("an interval of level {level} needs {needed} {what} held out, the model has {found}")]
    Level { level: f64, what: &'static str, needed: usize, found: usize },
    #[error(transparent)]
    Data(#[from] FitError),
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct LoadQuestion<'a> {
    /// Hours since the first hour of the fit.
    pub from: usize,
    pub temperature_c: &'a [f64],
    /// As in [`LoadHours`].
    pub holiday: &'a [bool],
    /// Temperatures of the hours before, of which buildings still hold the heat; may be empty.
    pub before_c: &'a [f64],
    /// Load less forecast in the last hour before, kW, where known.
    pub last_error_kw: Option<f64>,
    pub level: f64,
}

/// First-order lag that begins at the mean of the first day.
fn lagged(temperature_c: &[f64], tau_h: f64) -> Vec<f64> {
    if tau_h <= 0.0 {
        return temperature_c.to_vec();
    }
    let alpha = 1.0 - (-1.0 / tau_h).exp();
    let first = &temperature_c[..temperature_c.len().min(24)];
    let mut s = first.iter().sum::<f64>() / first.len() as f64;
    temperature_c
        .iter()
        .map(|t| {
            s += alpha * (t - s);
            s
        })
        .collect()
}

fn group(first_hour_of_week: usize, hour: usize, holiday: &[bool], place: usize) -> usize {
    let of_week = (first_hour_of_week + hour) % WEEK;
    if holiday.get(place).copied().unwrap_or(false) { WEEK + of_week % 24 } else { of_week }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Takes group means, and what follows the line of `time`, out of values.
struct Sweep<'a> {
    groups: &'a [usize],
    /// Time without group means; empty without growth.
    time: Vec<f64>,
    time_time: f64,
}

impl<'a> Sweep<'a> {
    fn new(groups: &'a [usize], growth: bool) -> Self {
        let mut sweep = Self { groups, time: Vec::new(), time_time: 0.0 };
        if growth {
            let time: Vec<f64> = (0..groups.len()).map(|t| t as f64).collect();
            sweep.time = sweep.demeaned(&time);
            sweep.time_time = dot(&sweep.time, &sweep.time);
        }
        sweep
    }

    fn demeaned(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = [(0.0, 0.0); GROUPS];
        for (v, &g) in values.iter().zip(self.groups) {
            sums[g] = (sums[g].0 + v, sums[g].1 + 1.0);
        }
        values.iter().zip(self.groups).map(|(v, &g)| v - sums[g].0 / sums[g].1).collect()
    }

    fn swept(&self, values: &[f64]) -> Vec<f64> {
        let mut out = self.demeaned(values);
        if self.time_time > 0.0 {
            let along = dot(&out, &self.time) / self.time_time;
            out.iter_mut().zip(&self.time).for_each(|(o, t)| *o -= along * t);
        }
        out
    }
}

/// Two slopes of least squares, neither below 0, and the sum of squares that they explain.
fn slopes(cc: f64, hh: f64, ch: f64, yc: f64, yh: f64) -> (f64, f64, f64) {
    let (c, h) = studies::scenario::slopes(cc, hh, ch, yc, yh);
    (c, h, 2.0 * (c * yc + h * yh) - (c * c * cc + 2.0 * c * h * ch + h * h * hh))
}

/// The best answer on a grid of balance temperatures: (explained, c, h, Tc, Th).
fn best_of(y: &[f64], s: &[f64], sweep: &Sweep, cool_c: &[f64], heat_c: &[f64]) -> (f64, f64, f64, f64, f64) {
    let cool: Vec<Vec<f64>> = cool_c.iter().map(|t| sweep.swept(&s.iter().map(|s| (s - t).max(0.0)).collect::<Vec<_>>())).collect();
    let heat: Vec<Vec<f64>> = heat_c.iter().map(|t| sweep.swept(&s.iter().map(|s| (t - s).max(0.0)).collect::<Vec<_>>())).collect();
    let of = |x: &[Vec<f64>]| x.iter().map(|x| (dot(x, x), dot(x, y))).collect::<Vec<_>>();
    let (of_cool, of_heat) = (of(&cool), of(&heat));
    let mut best = (0.0, 0.0, 0.0, cool_c[cool_c.len() - 1], heat_c[0]);
    for (i, tc) in cool_c.iter().enumerate() {
        for (j, th) in heat_c.iter().enumerate().filter(|(_, th)| **th <= *tc) {
            let (c, h, explained) = slopes(of_cool[i].0, of_heat[j].0, dot(&cool[i], &heat[j]), of_cool[i].1, of_heat[j].1);
            if explained > best.0 {
                best = (explained, c, h, *tc, *th);
            }
        }
    }
    best
}

fn whole(range: (i32, i32)) -> Vec<f64> {
    (range.0..=range.1).map(f64::from).collect()
}

fn quarters(around: f64) -> Vec<f64> {
    (-3..=3).map(|k| around + 0.25 * f64::from(k)).collect()
}

fn check_hours(data: &LoadHours, needed: usize) -> Result<(), FitError> {
    check("the load", data.load_kw, needed)?;
    check("the temperature", data.temperature_c, needed)?;
    let hours = data.load_kw.len();
    let lengths = [("the temperature", data.temperature_c.len()), ("the list of holidays", data.holiday.len())];
    for (what, found) in lengths {
        if found != hours && !(what != "the temperature" && found == 0) {
            return Err(FitError::Length { what: what.into(), expected: hours, found });
        }
    }
    varied("the load", data.load_kw)?;
    varied("the temperature", data.temperature_c)
}

impl WeatherLoad {
    /// Fits a feeder, with the errors of the last days by a model of the days before.
    ///
    /// # Errors
    /// Fewer than eight weeks before the days held out, lengths that differ, values that are no finite numbers or all the same.
    pub fn fit(data: &LoadHours, options: &LoadOptions) -> Result<Self, FitError> {
        let held = 24 * options.held_out_days;
        check_hours(data, 8 * WEEK + held)?;
        let mut model = Self::fit_all(data, options);
        if held > 0 {
            // Whole days from midnight to midnight.
            let hours = data.load_kw.len();
            let spare = (data.first_hour_of_week + hours) % 24;
            let from = hours - held - spare;
            let rows = backtest_blocks(data, options, from, 7 * 24, hours - spare);
            for row in &rows {
                model.hour_errors_kw.extend(row.hours.iter().map(|(y, f)| (y - f).abs()));
                model.peak_errors_kw.extend(row.peaks.iter().map(|(y, f)| (y - f).abs()));
            }
            model.hour_errors_kw.sort_by(f64::total_cmp);
            model.peak_errors_kw.sort_by(f64::total_cmp);
        }
        Ok(model)
    }

    fn fit_all(data: &LoadHours, options: &LoadOptions) -> Self {
        let n = data.load_kw.len();
        let groups: Vec<usize> = (0..n).map(|t| group(data.first_hour_of_week, t, data.holiday, t)).collect();
        let sweep = Sweep::new(&groups, options.growth);
        let y = sweep.swept(data.load_kw);
        let yy = dot(&y, &y);
        let mut best = (0.0, 0.0, 0.0, 20.0, 15.0);
        let mut tau_h = 0.0;
        // Where it is always as warm, no balance temperature is better than another.
        let warm = data.temperature_c.iter().any(|t| *t != data.temperature_c[0]);
        for tau in TAU_H.into_iter().filter(|_| warm) {
            let found = best_of(&y, &lagged(data.temperature_c, tau), &sweep, &whole(COOL_C), &whole(HEAT_C));
            if found.0 > best.0 * (1.0 + 1e-12) {
                (best, tau_h) = (found, tau);
            }
        }
        let s = lagged(data.temperature_c, tau_h);
        if best.0 > 0.0 {
            let finer = best_of(&y, &s, &sweep, &quarters(best.3), &quarters(best.4));
            if finer.0 > best.0 {
                best = finer;
            }
        }
        let temperature_r2 = if yy > 0.0 { best.0 / yy } else { 0.0 };
        if temperature_r2 < LEAST_R2 {
            best = (0.0, 0.0, 0.0, best.3, best.4);
        }
        let (_, c, h, cool_above_c, heat_below_c) = best;
        let weather = |s: f64| c * (s - cool_above_c).max(0.0) + h * (heat_below_c - s).max(0.0);
        let plain: Vec<f64> = data.load_kw.iter().zip(&s).map(|(y, &s)| y - weather(s)).collect();
        let growth = if sweep.time_time > 0.0 { dot(&sweep.demeaned(&plain), &sweep.time) / sweep.time_time } else { 0.0 };
        let plain: Vec<f64> = plain.iter().enumerate().map(|(t, v)| v - growth * t as f64).collect();
        let profile_kw = shrunk(&plain, &groups, options.ridge_hours);
        let errors: Vec<f64> = plain.iter().zip(&groups).map(|(v, &g)| v - profile_kw[g]).collect();
        let ee = dot(&errors, &errors);
        let phi = if options.autoregressive && ee > 0.0 { (dot(&errors[1..], &errors) / ee).clamp(0.0, 0.999) } else { 0.0 };
        let mean_kw = data.load_kw.iter().sum::<f64>() / n as f64;
        let variance: f64 = data.load_kw.iter().map(|y| (y - mean_kw).powi(2)).sum();
        let t = data.temperature_c;
        Self {
            options: *options,
            profile_kw,
            cooling_kw_per_c: c,
            heating_kw_per_c: h,
            cool_above_c,
            heat_below_c,
            tau_h,
            growth_kw_per_h: growth,
            phi,
            temperature_r2,
            r2: 1.0 - ee / variance,
            first_hour_of_week: data.first_hour_of_week,
            hours: n,
            low_c: t.iter().copied().fold(f64::INFINITY, f64::min),
            high_c: t.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean_kw,
            hour_errors_kw: Vec::new(),
            peak_errors_kw: Vec::new(),
        }
    }

    /// The answer to temperature as scenarios take it, per unit of `base_kw`; the mean load makes it an answer of a shape whose mean is 1.
    pub fn response(&self, base_kw: f64) -> Response {
        Response {
            cooling_per_c: self.cooling_kw_per_c / base_kw,
            heating_per_c: self.heating_kw_per_c / base_kw,
            cool_above_c: self.cool_above_c,
            heat_below_c: self.heat_below_c,
            tau_h: self.tau_h,
            r2: Some(self.temperature_r2),
        }
    }

    /// Cooling and heating at a lagged temperature, kW.
    fn weather_kw(&self, s: f64) -> f64 {
        self.cooling_kw_per_c * (s - self.cool_above_c).max(0.0) + self.heating_kw_per_c * (self.heat_below_c - s).max(0.0)
    }

    /// Load of hours without bounds or checks of range.
    fn course(&self, q: &LoadQuestion) -> Vec<f64> {
        let all: Vec<f64> = q.before_c.iter().chain(q.temperature_c).copied().collect();
        let s = lagged(&all, self.tau_h);
        let mut error = q.last_error_kw.unwrap_or(0.0);
        (0..q.temperature_c.len())
            .map(|k| {
                error *= self.phi;
                let g = group(self.first_hour_of_week, q.from + k, q.holiday, k);
                self.profile_kw[g] + self.growth_kw_per_h * (q.from + k) as f64 + self.weather_kw(s[q.before_c.len() + k]) + error
            })
            .collect()
    }

    /// Load at temperatures to come.
    ///
    /// # Errors
    /// Temperatures too far beyond those seen, lengths that differ, values that are no finite numbers, a level that too few hours were held out for.
    pub fn forecast(&self, q: &LoadQuestion) -> Result<LoadForecast, LoadError> {
        let extrapolated = self.check(q)?;
        let width = bound(&self.hour_errors_kw, q.level, "hours")?;
        let load_kw = self.course(q);
        let low_kw = load_kw.iter().map(|v| v - width).collect();
        let high_kw = load_kw.iter().map(|v| v + width).collect();
        Ok(LoadForecast { load_kw, low_kw, high_kw, extrapolated })
    }

    /// The highest hour of a day at its temperatures, with the bounds of daily peaks.
    ///
    /// # Errors
    /// As [`forecast`](Self::forecast).
    pub fn peak(&self, q: &LoadQuestion) -> Result<PeakForecast, LoadError> {
        let extrapolated = !self.check(q)?.is_empty();
        check("the day", q.temperature_c, 1)?;
        let width = bound(&self.peak_errors_kw, q.level, "days")?;
        let course = self.course(q);
        let hour = highest(&course);
        let peak_kw = course[hour];
        Ok(PeakForecast { hour, peak_kw, low_kw: peak_kw - width, high_kw: peak_kw + width, extrapolated })
    }

    /// Hours whose temperature was not seen; an error where it is too far off.
    fn check(&self, q: &LoadQuestion) -> Result<Vec<usize>, LoadError> {
        check("the temperature", q.temperature_c, 0)?;
        check("the temperature before", q.before_c, 0)?;
        if !q.holiday.is_empty() && q.holiday.len() != q.temperature_c.len() {
            return Err(
                FitError::Length { what: "the list of holidays".into(), expected: q.temperature_c.len(), found: q.holiday.len() }.into()
            );
        }
        let margin_c = self.options.margin_c;
        let beyond = |t: f64| (self.low_c - t).max(t - self.high_c);
        if let Some((hour, &temperature_c)) = q.temperature_c.iter().enumerate().find(|(_, t)| beyond(**t) > margin_c) {
            return Err(LoadError::OutOfRange { hour, temperature_c, low_c: self.low_c, high_c: self.high_c, margin_c });
        }
        Ok((0..q.temperature_c.len()).filter(|&k| beyond(q.temperature_c[k]) > 0.0).collect())
    }

    /// Load as it would have been at a usual temperature: weather's share goes, the mean of that share comes back.
    pub fn normalised_kw(&self, data: &LoadHours) -> Vec<f64> {
        let of: Vec<f64> = lagged(data.temperature_c, self.tau_h).iter().map(|&s| self.weather_kw(s)).collect();
        let mean = of.iter().sum::<f64>() / of.len().max(1) as f64;
        data.load_kw.iter().zip(&of).map(|(y, w)| y - w + mean).collect()
    }
}

fn highest(course: &[f64]) -> usize {
    (0..course.len()).fold(0, |best, k| if course[k] > course[best] { k } else { best })
}

fn bound(errors: &[f64], level: f64, what: &'static str) -> Result<f64, LoadError> {
    let rank = ((errors.len() + 1) as f64 * level - 1e-9).ceil() as usize;
    if level > 0.0 && (1..=errors.len()).contains(&rank) {
        Ok(errors[rank - 1])
    } else {
        Err(LoadError::Level { level, what, needed: (level / (1.0 - level)).ceil() as usize, found: errors.len() })
    }
}

/// Group means shrunk to those of the like hours: workdays, weekend days, holidays (which lean on the weekend).
fn shrunk(values: &[f64], groups: &[usize], ridge_hours: f64) -> Vec<f64> {
    let like = |g: usize| g % 24 + if g % WEEK >= 120 || g >= WEEK { 24 } else { 0 };
    let mut of_group = [(0.0, 0.0); GROUPS];
    let mut of_like = [(0.0, 0.0); 48];
    for (v, &g) in values.iter().zip(groups) {
        of_group[g] = (of_group[g].0 + v, of_group[g].1 + 1.0);
        // Holidays are few and no rule for weekends.
        if g < WEEK {
            let l = &mut of_like[like(g)];
            *l = (l.0 + v, l.1 + 1.0);
        }
    }
    (0..GROUPS)
        .map(|g| {
            let (sum, n) = of_like[like(g)];
            let (own, m) = of_group[g];
            let ridge = if m > 0.0 { ridge_hours } else { 1.0 };
            (own + ridge * sum / n) / (m + ridge)
        })
        .collect()
}

/// One block of a backtest: true and forecast load of hours and of daily peaks, and hours that were refused.
struct Block {
    hours: Vec<(f64, f64)>,
    peaks: Vec<(f64, f64)>,
    refused: usize,
}

/// Fits to the hours before each block and forecasts it at the temperatures that came, from `from` to `to`.
fn backtest_blocks(data: &LoadHours, options: &LoadOptions, from: usize, block_h: usize, to: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    let part = |a: usize, b: usize| if data.holiday.is_empty() { &[][..] } else { &data.holiday[a..b] };
    for start in (from..to).step_by(block_h) {
        let end = (start + block_h).min(to);
        let past =
            LoadHours { load_kw: &data.load_kw[..start], temperature_c: &data.temperature_c[..start], holiday: part(0, start), ..*data };
        let model = WeatherLoad::fit_all(&past, options);
        let mut block = Block { hours: Vec::new(), peaks: Vec::new(), refused: 0 };
        // Day by day, so that a day that is refused takes none but itself along.
        for day in (start..end).step_by(24) {
            let day_end = (day + 24).min(end);
            let q = LoadQuestion {
                from: day,
                temperature_c: &data.temperature_c[day..day_end],
                holiday: part(day, day_end),
                before_c: &data.temperature_c[day.saturating_sub(240)..day],
                last_error_kw: None,
                level: 0.5,
            };
            if model.check(&q).is_err() {
                block.refused += day_end - day;
                continue;
            }
            let course = model.course(&q);
            let truth = &data.load_kw[day..day_end];
            block.peaks.push((truth[highest(truth)], course[highest(&course)]));
            block.hours.extend(truth.iter().copied().zip(course));
        }
        blocks.push(block);
    }
    blocks
}

/// How well a feeder is forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBacktest {
    /// Hours forecast, and hours refused for their temperature.
    pub hours: usize,
    pub refused_hours: usize,
    /// Of the mean load, %: with weather, of the same model without, and of the same hour a week before.
    pub mae_pct: f64,
    pub without_weather_mae_pct: f64,
    pub week_before_mae_pct: f64,
    /// Mean error of daily peaks, % of the peak.
    pub peak_mae_pct: f64,
    /// Of the days forecast, one after another, % of the mean load: what an interval of `mae_pct` is drawn from.
    pub daily_mae_pct: Vec<f64>,
}

/// Forecasts block after block from the hours before it, at the temperatures that came: the error is the model's, not that of a weather forecast.
///
/// # Errors
/// Fewer than eight weeks before the first block, or no block; otherwise as [`WeatherLoad::fit`].
pub fn backtest(data: &LoadHours, options: &LoadOptions, first: usize, block_h: usize) -> Result<LoadBacktest, FitError> {
    check_hours(data, first + 24)?;
    if first < 8 * WEEK || block_h == 0 {
        return Err(FitError::Option {
            what: "the first block",
            needed: "at least eight weeks in, and of at least an hour",
            found: format!("{first}, {block_h}"),
        });
    }
    let blocks = backtest_blocks(data, options, first, block_h, data.load_kw.len());
    let hours: Vec<(f64, f64)> = blocks.iter().flat_map(|b| b.hours.iter().copied()).collect();
    let peaks: Vec<(f64, f64)> = blocks.iter().flat_map(|b| b.peaks.iter().copied()).collect();
    let mean = hours.iter().map(|h| h.0).sum::<f64>() / hours.len() as f64;
    let mae = |pairs: &mut dyn Iterator<Item = (f64, f64)>| {
        let (sum, n) = pairs.fold((0.0, 0.0), |(s, n), (y, f)| (s + (y - f).abs(), n + 1.0));
        100.0 * sum / n / mean
    };
    // The same model, told that it is always as warm as on the first day.
    let level = vec![data.temperature_c[0]; data.load_kw.len()];
    let blind = LoadHours { temperature_c: &level, ..*data };
    let without = backtest_blocks(&blind, options, first, block_h, data.load_kw.len());
    Ok(LoadBacktest {
        hours: hours.len(),
        refused_hours: blocks.iter().map(|b| b.refused).sum(),
        mae_pct: mae(&mut hours.iter().copied()),
        without_weather_mae_pct: mae(&mut without.iter().flat_map(|b| b.hours.iter().copied())),
        week_before_mae_pct: mae(&mut (first..data.load_kw.len()).map(|t| (data.load_kw[t], data.load_kw[t - WEEK]))),
        daily_mae_pct: hours.chunks(24).map(|day| mae(&mut day.iter().copied())).collect(),
        peak_mae_pct: 100.0 * peaks.iter().map(|(y, f)| (y - f).abs() / y).sum::<f64>() / peaks.len() as f64,
    })
}

#[cfg(test)]
mod tests;
