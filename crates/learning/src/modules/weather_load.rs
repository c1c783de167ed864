//! Load and weather of each feeder: balance temperatures, slopes, and energy and peak at usual weather ([`crate::regression`]).
//!
//! **Usual weather.** The calendar of the last 52 weeks of loads is gone through again with the temperatures of each year that the weather table holds whole: the
//! year before, the one before that, and so on. With `E_k`, `P_k` what the model says of energy and peak in weather year `k`, 0 being the year of the loads,
//!
//! ```text
//! normal energy = energy + mean E_k - E_0        normal peak = peak + median P_k - P_0
//! ```
//!
//! so that what the model misses of the year of the loads stays in. Temperatures beyond those of training are taken as the nearest of training and counted: load rises
//! towards both ends, so energy and peak of such a weather year are at least what is told.

use super::common::{FEEDER_LOADS, UTC_OFFSET_H, partial};
use super::hourly::{Course, HOUR_S, alone, filled_note, hour_of_week, hour_text, hourly, of};
use crate::blocks::mean_interval;
use crate::conformal::Conformal;
use crate::metrics::{mean, median, range};
use crate::module::{
    About, Answer, Better, Card, Feature, Figure, HeldOut, Input, InputKind, Metric, Model, Module, Question, Refused, Setting,
    SettingKind, number, outside_note, time, unfit_for,
};
use crate::regression::{LoadBacktest, LoadHours, LoadOptions, LoadQuestion, WeatherLoad, backtest};
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use studies::table::{Column, Table, Value, count as counted, number as figure, text as words};

/// See the file's header.
pub struct LoadAndWeather;

const LEVEL: f64 = 0.9;
const YEAR_H: usize = 364 * 24;
const DAY_H: usize = 24;
/// Hours of temperature that a building still feels.
const BEFORE_H: usize = 240;
/// Hours after training for which growth is followed.
const BEYOND_H: i64 = 8784;
/// Weeks that the model must have before the first block of the backtest.
const FIRST_H: usize = 8 * 168;
const MOST_YEARS: usize = 60;

static ABOUT: About = About {
    id: "weather-load",
    title: "Load and weather",
    question: "How does each feeder answer to temperature, and what would its energy and peak be in usual weather?",
    method: "change-point regression with the hours of the week (ASHRAE Guideline 14), lagged temperature, rolling backtest; split conformal bounds",
    inputs: &[
        Input {
            name: "loads",
            meaning: "load of each feeder through time, an hour or less apart; at least 14 weeks without longer gaps",
            kind: InputKind::Table { columns: FEEDER_LOADS, others: "" },
            needed_to_fit: true,
            needed_to_apply: false,
        },
        Input {
            name: "weather",
            meaning: "temperature of the same hours, and of years before for usual weather; to apply: of the hours that are asked for and of ten days before",
            kind: InputKind::Table {
                columns: &[
                    time("time", "beginning of the reading"),
                    number("temperature_c", "C", "air temperature").also(&["temp_c", "t_c"]),
                ],
                others: "",
            },
            needed_to_fit: true,
            needed_to_apply: true,
        },
    ],
    settings: &[
        Setting {
            name: "held_out_days",
            kind: SettingKind::Count { low: 10, high: 364 },
            default: Some("42"),
            unit: "d",
            meaning: "last days of the loads that errors and bounds are taken from",
        },
        Setting {
            name: "growth",
            kind: SettingKind::Flag,
            default: Some("true"),
            unit: "",
            meaning: "whether load may grow along a line; from a year of loads on",
        },
        UTC_OFFSET_H,
    ],
    keeps: true,
    page: "learning-modules-series",
};

#[derive(Serialize, Deserialize)]
struct Feeder {
    model: WeatherLoad,
    first_h: i64,
    /// Half widths of bounds of 90 %; none where too few were held out.
    hour_kw: Option<f64>,
    peak_kw: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    feeders: BTreeMap<String, Feeder>,
}

/// What is found of one feeder.
struct Found {
    feeder: Feeder,
    tested: LoadBacktest,
    hours: usize,
    energy_kwh: f64,
    peak_kw: f64,
    years: Vec<WeatherYear>,
    normal: Option<(f64, f64)>,
}

struct WeatherYear {
    from_h: i64,
    /// Energy, kWh, and highest hour, kW.
    said: (f64, f64),
    /// Hours whose temperature is beyond training.
    beyond: usize,
}

/// Half width from errors that are absolute.
fn half_width(errors: &[f64]) -> Option<f64> {
    Conformal::split(errors, &vec![0.0; errors.len()], 1.0 - LEVEL).ok().map(|c| c.widen)
}

/// Load of `hours` from hour `from` of the fit on at temperatures that begin [`BEFORE_H`] earlier; a day is none where it or the day before lies outside of training.
fn days(model: &WeatherLoad, from: usize, with_before_c: &[f64]) -> Vec<Option<Vec<f64>>> {
    let (low, high) = (model.low_c - model.options.margin_c, model.high_c + model.options.margin_c);
    let n = with_before_c.len() - BEFORE_H;
    (0..n)
        .step_by(DAY_H)
        .map(|day| {
            let (at, end) = (BEFORE_H + day, BEFORE_H + (day + DAY_H).min(n));
            if with_before_c[at - DAY_H..end].iter().any(|t| !(low..=high).contains(t)) {
                return None;
            }
            let q = LoadQuestion {
                from: from + day,
                temperature_c: &with_before_c[at..end],
                holiday: &[],
                before_c: &with_before_c[at - BEFORE_H..at],
                last_error_kw: None,
                level: 0.5,
            };
            model.forecast(&q).ok().map(|f| f.load_kw)
        })
        .collect()
}

/// Energy, kWh, and highest hour, kW, of a weather year.
fn year(model: &WeatherLoad, from: usize, with_before_c: &[f64]) -> Option<(f64, f64)> {
    let hours: Vec<f64> = days(model, from, with_before_c).into_iter().collect::<Option<Vec<_>>>()?.concat();
    Some((hours.iter().sum(), range(&hours).1))
}

fn fit_one(loads: &Course, weather: &Course, options: &LoadOptions, offset_h: i64) -> Result<Found, String> {
    let (first_h, load_kw, temperature_c) = loads.shared(weather).ok_or("loads and weather share no hour")?;
    let n = load_kw.len();
    let options = LoadOptions { growth: options.growth && n >= YEAR_H, ..*options };
    let data = LoadHours { load_kw, temperature_c, holiday: &[], first_hour_of_week: hour_of_week(first_h, offset_h) };
    let held = DAY_H * options.held_out_days;
    if n < FIRST_H + held {
        return Err(format!(
            "{n} hours with temperature are too few: {} are needed, 8 weeks before the {} days held out",
            FIRST_H + held,
            options.held_out_days
        ));
    }
    let model = WeatherLoad::fit(&data, &options).map_err(|e| e.to_string())?;
    // The days that bounds come from begin at midnight.
    let tested = backtest(&data, &options, n - held, 7 * DAY_H).map_err(|e| e.to_string())?;
    if tested.hours == 0 {
        return Err(format!(
            "all of the last {} days are hotter or colder than the days before; give loads of a whole year",
            options.held_out_days
        ));
    }
    let all = [model.cooling_kw_per_c, model.heating_kw_per_c, model.r2, tested.mae_pct, tested.peak_mae_pct, tested.week_before_mae_pct];
    if all.iter().any(|v| !v.is_finite()) {
        return Err("its load has a mean or peaks of 0 kW, of which no percentage can be taken; leave it out, or give gross loads".into());
    }
    let taken = n.min(YEAR_H);
    let last = &load_kw[n - taken..];
    let mut years = Vec::new();
    let mut normal = None;
    if n >= YEAR_H + BEFORE_H {
        let from_h = first_h + (n - YEAR_H) as i64;
        for k in 0..MOST_YEARS as i64 {
            // The same time of year in whole days.
            let back = 24 * (365 * k + k / 4);
            let Some(t) = weather.between(from_h - back - BEFORE_H as i64, from_h - back + YEAR_H as i64) else { break };
            let limited: Vec<f64> = t.iter().map(|t| t.clamp(model.low_c, model.high_c)).collect();
            let beyond = t[BEFORE_H..].iter().zip(&limited[BEFORE_H..]).filter(|(a, b)| a != b).count();
            let Some(said) = year(&model, n - YEAR_H, &limited) else { break };
            years.push(WeatherYear { from_h: from_h - back, said, beyond });
        }
        if let Some(own) = years.first().map(|y| y.said).filter(|_| years.len() > 1) {
            let energy = mean(&years.iter().map(|y| y.said.0).collect::<Vec<f64>>());
            let peak = median(&mut years.iter().map(|y| y.said.1).collect::<Vec<f64>>());
            normal = Some((last.iter().sum::<f64>() + energy - own.0, range(last).1 + peak - own.1));
        }
    }
    let (hour_kw, peak_kw) = (half_width(&model.hour_errors_kw), half_width(&model.peak_errors_kw));
    let feeder = Feeder { model, first_h, hour_kw, peak_kw };
    Ok(Found { feeder, tested, hours: taken, energy_kwh: last.iter().sum(), peak_kw: range(last).1, years, normal })
}

impl Module for LoadAndWeather {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (table, s) = (question.table("loads"), question.settings);
        let w = question.table("weather");
        let loads = hourly("loads", "feeder", table.time("time"), table.number("kw"), table.maybe_text("feeder"));
        let weather = alone("weather", w.time("time"), w.number("temperature_c"));
        let (loads, weather) = match (loads, weather) {
            (Ok(l), Ok(w)) => (l, w),
            (l, w) => return Err(l.err().into_iter().chain(w.err()).flatten().collect()),
        };
        let options = LoadOptions { growth: s.flag("growth"), held_out_days: s.count("held_out_days"), ..LoadOptions::default() };
        let offset_h = s.number("utc_offset_h").round() as i64;
        let (mut found, mut faults) = (BTreeMap::new(), Refused::new());
        for (name, course) in &loads {
            match fit_one(course, &weather, &options, offset_h) {
                Ok(f) => drop(found.insert(name.clone(), f)),
                Err(why) => faults.extend(unfit_for(&of("loads", "feeder", name), &why)),
            }
        }
        if faults.is_empty() { Ok(answer(&found, &loads, &weather)) } else { Err(faults) }
    }

    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        let body: Body = model.body()?;
        let w = question.table("weather");
        let weather = alone("weather", w.time("time"), w.number("temperature_c"))?;
        if weather.values.len() <= BEFORE_H {
            let why = format!(
                "{} hours are there: loads are told after the first {BEFORE_H} hours, of which buildings hold the heat",
                weather.values.len()
            );
            return Err(unfit_for("weather", &why));
        }
        let from_h = weather.first_h + BEFORE_H as i64;
        let n = weather.values.len() - BEFORE_H;
        let (mut rows, mut peaks, mut answered) = (Vec::new(), Vec::new(), 0);
        for (name, feeder) in &body.feeders {
            let (begin_h, end_h) = (feeder.first_h, feeder.first_h + feeder.model.hours as i64 + BEYOND_H);
            // Days before training and more than a year after it are not answered.
            let skipped = (begin_h - from_h).clamp(0, n as i64) as usize;
            let skipped = skipped.div_ceil(DAY_H) * DAY_H;
            let mut of_days: Vec<Option<Vec<f64>>> = Vec::new();
            of_days.resize_with(skipped.min(n.div_ceil(DAY_H) * DAY_H) / DAY_H, || None);
            if skipped < n && from_h + (skipped as i64) < end_h {
                let from = usize::try_from(from_h + skipped as i64 - begin_h).unwrap_or(0);
                of_days.extend(days(&feeder.model, from, &weather.values[skipped..]));
            }
            of_days.resize_with(n.div_ceil(DAY_H), || None);
            for (d, day) in of_days.iter().enumerate() {
                let day_h = from_h + (d * DAY_H) as i64;
                let day = day.as_ref().filter(|_| day_h + DAY_H as i64 <= end_h);
                let length = DAY_H.min(n - d * DAY_H);
                for k in 0..length {
                    let kw = day.map(|d| d[k]);
                    answered += usize::from(kw.is_some());
                    let bound = |sign: f64| Value::maybe(kw.zip(feeder.hour_kw).map(|(v, w)| v + sign * w));
                    rows.push(vec![
                        Value::text(name.as_str()),
                        Value::text(hour_text(day_h + k as i64)),
                        Value::maybe(kw),
                        bound(-1.0),
                        bound(1.0),
                    ]);
                }
                let highest = day.and_then(|d| (0..d.len()).max_by(|&a, &b| d[a].total_cmp(&d[b])).map(|k| (k, d[k])));
                let bound = |sign: f64| Value::maybe(highest.zip(feeder.peak_kw).map(|(p, w)| p.1 + sign * w));
                peaks.push(vec![
                    Value::text(name.as_str()),
                    Value::text(hour_text(day_h + highest.map_or(0, |p| p.0 as i64))),
                    Value::maybe(highest.map(|p| p.1)),
                    bound(-1.0),
                    bound(1.0),
                ]);
            }
        }
        let of_all = rows.len();
        let highest =
            peaks.iter().filter_map(|r| if let Value::Number(x) = r[2] { Some((x, r)) } else { None }).max_by(|a, b| a.0.total_cmp(&b.0));
        let (headline, figures) = match highest {
            Some((kw, row)) => {
                let of = |v: &Value| if let Value::Text(t) = v { t.clone() } else { String::new() };
                (
                    format!("{answered} of {of_all} hours answered; the highest is {kw:.1} kW of {} at {}.", of(&row[0]), of(&row[1])),
                    vec![Figure { name: "peak_kw", unit: "kW", value: kw, meaning: "highest hour of a feeder at these temperatures" }],
                )
            }
            None => (format!("None of {of_all} hours is answered."), Vec::new()),
        };
        let mut notes: Vec<Diagnostic> = outside_note(of_all - answered, of_all).into_iter().collect();
        notes.extend(filled_note(std::iter::once(&weather)));
        let tables = vec![
            Table { name: "loads", meaning: "load at these temperatures", columns: &LOADS, rows },
            Table { name: "peaks", meaning: "highest hour of each day of 24 hours", columns: &PEAKS, rows: peaks },
        ];
        Ok(Answer { headline, figures, tables, notes, model: None })
    }
}

static LOADS: [Column; 5] = [
    words("feeder", "which feeder"),
    words("time", "beginning of the hour, UTC"),
    figure("kw", "kW", "load; empty outside of training"),
    figure("low_kw", "kW", "lower bound; 90 % of hours lie between the bounds"),
    figure("high_kw", "kW", "upper bound"),
];

static PEAKS: [Column; 5] = [
    words("feeder", "which feeder"),
    words("time", "beginning of the highest hour, UTC"),
    figure("kw", "kW", "highest hour; empty outside of training"),
    figure("low_kw", "kW", "lower bound; 90 % of days lie between the bounds"),
    figure("high_kw", "kW", "upper bound"),
];

static FEEDERS: [Column; 22] = [
    words("feeder", "which feeder"),
    figure("cool_above_c", "C", "temperature above which load rises; empty where cooling has no part"),
    figure("cooling_kw_per_c", "kW/C", "rise per degree above it"),
    figure("heat_below_c", "C", "temperature below which load rises; empty where heating has no part"),
    figure("heating_kw_per_c", "kW/C", "rise per degree below it"),
    figure("tau_h", "h", "time constant by which load follows temperature"),
    figure("growth_pct_per_year", "%", "of the mean load; empty with less than a year of loads"),
    figure("temperature_r2", "", "share of what hours and days leave that temperature explains; below 0.05 it has no part"),
    figure("r2", "", "share of the variance that is explained, in training"),
    figure("mae_pct", "%", "mean absolute error of held-out hours, of the mean load"),
    figure("without_weather_pct", "%", "the same without temperature"),
    figure("week_before_pct", "%", "the same by repeating the week before"),
    figure("peak_mae_pct", "%", "mean absolute error of held-out daily peaks"),
    counted("refused_hours", "held-out hours that were hotter or colder than all before"),
    counted("hours", "last hours that energy and peak are of, at most 52 weeks"),
    figure("energy_mwh", "MWh", "as measured"),
    figure("normal_energy_mwh", "MWh", "at usual weather; empty with less than a year of loads or of weather before it"),
    figure("peak_kw", "kW", "as measured"),
    figure("normal_peak_kw", "kW", "at usual weather"),
    counted("weather_years", "years of weather that usual weather is made of"),
    figure("low_c", "C", "least temperature of training"),
    figure("high_c", "C", "greatest temperature of training"),
];

static YEARS: [Column; 5] = [
    words("feeder", "which feeder"),
    words("from", "first hour of the weather, UTC"),
    figure("energy_mwh", "MWh", "energy of the last 52 weeks in this weather"),
    figure("peak_kw", "kW", "highest expected hour of them"),
    counted("beyond_hours", "hours beyond the temperatures of training, told as at the nearest of them: energy and peak are at least this"),
];

/// First hour, loads and temperatures.
type Shared<'a> = (i64, &'a [f64], &'a [f64]);

fn answer(found: &BTreeMap<String, Found>, loads: &BTreeMap<String, Course>, weather: &Course) -> Answer {
    let (mut rows, mut years) = (Vec::new(), Vec::new());
    for (name, f) in found {
        let (m, t) = (&f.feeder.model, &f.tested);
        let some = |holds: bool, v: f64| Value::maybe(Some(v).filter(|_| holds));
        rows.push(vec![
            Value::text(name.as_str()),
            some(m.cooling_kw_per_c > 0.0, m.cool_above_c),
            Value::Number(m.cooling_kw_per_c),
            some(m.heating_kw_per_c > 0.0, m.heat_below_c),
            Value::Number(m.heating_kw_per_c),
            Value::Number(m.tau_h),
            some(m.options.growth, 100.0 * 8766.0 * m.growth_kw_per_h / m.mean_kw),
            Value::Number(m.temperature_r2),
            Value::Number(m.r2),
            Value::Number(t.mae_pct),
            Value::maybe(Some(t.without_weather_mae_pct)),
            Value::Number(t.week_before_mae_pct),
            Value::Number(t.peak_mae_pct),
            Value::Count(t.refused_hours as u64),
            Value::Count(f.hours as u64),
            Value::Number(f.energy_kwh / 1000.0),
            Value::maybe(f.normal.map(|n| n.0 / 1000.0)),
            Value::Number(f.peak_kw),
            Value::maybe(f.normal.map(|n| n.1)),
            Value::Count(f.years.len() as u64),
            Value::Number(m.low_c),
            Value::Number(m.high_c),
        ]);
        for y in &f.years {
            years.push(vec![
                Value::text(name.as_str()),
                Value::text(hour_text(y.from_h)),
                Value::Number(y.said.0 / 1000.0),
                Value::Number(y.said.1),
                Value::Count(y.beyond as u64),
            ]);
        }
    }
    let follow = found.values().filter(|f| f.feeder.model.cooling_kw_per_c > 0.0 || f.feeder.model.heating_kw_per_c > 0.0).count();
    let of = |pick: &dyn Fn(&LoadBacktest) -> f64| mean(&found.values().map(|f| pick(&f.tested)).collect::<Vec<f64>>());
    let (own, without, week) = (of(&|t| t.mae_pct), of(&|t| t.without_weather_mae_pct), of(&|t| t.week_before_mae_pct));
    let worse: Vec<&str> =
        found.iter().filter(|(_, f)| f.tested.mae_pct >= f.tested.week_before_mae_pct).map(|(n, _)| n.as_str()).collect();
    let mut notes = Vec::new();
    if !worse.is_empty() {
        notes.push(
            Diagnostic::warning(
                "LEARN.MODEL.NO_BETTER",
                format!("{} of {} feeders are no better told than by the week before", worse.len(), found.len()),
            )
            .detail(format!("Feeders: {}.", worse.join(", ")))
            .hint("Give a longer past, or leave these feeders to load-forecast."),
        );
    }
    let none: Vec<&str> = found.iter().filter(|(_, f)| f.normal.is_none()).map(|(n, _)| n.as_str()).collect();
    if !none.is_empty() {
        notes.push(partial(
            format!("{} of {} feeders have no energy and peak at usual weather", none.len(), found.len()),
            format!("It takes 54 weeks of loads, and a year of weather before the last 52 of them. Feeders: {}.", none.join(", ")),
            "Give more years of weather.",
        ));
    }
    let beyond: usize = found.values().flat_map(|f| &f.years).map(|y| y.beyond).sum();
    if beyond > 0 {
        notes.push(partial(
            format!("{beyond} hours of usual weather are hotter or colder than training"),
            "They are told as at the nearest temperature of training: energy and peak of those years, and so of usual weather, are at least what is told.",
            "Give loads of more years.",
        ));
    }
    let refused: usize = found.values().map(|f| f.tested.refused_hours).sum();
    if refused > 0 {
        notes.push(partial(
            format!("{refused} held-out hours are in no figure"),
            "They were hotter or colder than all hours before, which the model refuses.",
            "Give a longer past.",
        ));
    }
    notes.extend(filled_note(loads.values().chain(std::iter::once(weather))));
    let headline = format!(
        "{follow} of {} feeders answer to temperature; held-out error {own:.1} % of the mean load, {week:.1} % by repeating the week before{}.",
        found.len(),
        if worse.is_empty() { String::new() } else { format!("; no better than that for {}", worse.len()) }
    );
    let mut mae = Metric::new("MAE of hours", "%", own, Better::Lower).against("week before", week);
    // Days of all feeders together: what is drawn is weeks.
    let shortest = found.values().map(|f| f.tested.daily_mae_pct.len()).min().unwrap_or(0);
    let daily: Vec<f64> = (0..shortest)
        .map(|d| mean(&found.values().map(|f| f.tested.daily_mae_pct[f.tested.daily_mae_pct.len() - shortest + d]).collect::<Vec<f64>>()))
        .collect();
    if let Some((low, high)) = mean_interval(&daily, 7, 0.95) {
        mae = mae.between(low, high);
    }
    let mut metrics = vec![mae, Metric::new("MAE of daily peaks", "%", of(&|t| t.peak_mae_pct), Better::Lower)];
    if without.is_finite() {
        metrics.push(
            Metric::new("MAE of hours, temperature or not", "%", own, Better::Lower).against("the same model without temperature", without),
        );
    }
    let spans: Vec<Shared<'_>> = loads.values().filter_map(|l| l.shared(weather)).collect();
    let span = |f: &dyn Fn(&Shared<'_>) -> [i64; 2]| spans.iter().map(f).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    let held_h = found.values().map(|f| 24 * f.feeder.model.options.held_out_days as i64).max().unwrap_or(0);
    let all_c: Vec<f64> = spans.iter().flat_map(|s| s.2.iter().copied()).collect();
    let (low, high) = range(&all_c);
    let card = Card {
        rows: spans.iter().map(|s| s.1.len()).sum(),
        span_s: span(&|s| [s.0 * HOUR_S, (s.0 + s.1.len() as i64) * HOUR_S]),
        features: vec![
            Feature { name: "temperature_c".into(), unit: "C".into(), low: Some(low), high: Some(high), importance: None },
            Feature { name: "hour of the week".into(), unit: "h".into(), low: Some(0.0), high: Some(167.0), importance: None },
        ],
        says: "load of each hour at given temperatures, kW, and the highest hour of each day, with bounds that hold 90 %".into(),
        held_out: HeldOut {
            how: "Last days of each feeder, a week at a time, by a model of all hours before that week, at the temperatures that came: the error of a temperature \
                  forecast comes on top. The kept model is fitted again to all hours."
                .into(),
            rows: found.values().map(|f| f.tested.hours).sum(),
            span_s: span(&|s| [(s.0 + s.1.len() as i64 - held_h) * HOUR_S, (s.0 + s.1.len() as i64) * HOUR_S]),
        },
        metrics,
        calibration: Vec::new(),
        limits: vec![
            "Not for temperatures more than 2 C beyond those of training, nor for the day after such a day.".into(),
            "Not for hours before training, nor more than a year after it: growth goes on along a line until then.".into(),
            "Holidays are not known and count as other days.".into(),
            "Bounds come from the held-out days and hold for days like them; those of another season may err more.".into(),
            "Usual weather is that of the years given; a trend of the climate is not in it.".into(),
            "Drift is not looked for: temperatures of a season are never those of a year, and beyond training nothing is answered.".into(),
        ],
        ..Card::default()
    };
    let body = Body { feeders: found.iter().map(|(n, f)| (n.clone(), f.feeder.again())).collect() };
    let figures = vec![
        Figure { name: "answering", unit: "", value: follow as f64, meaning: "feeders whose load answers to temperature" },
        Figure { name: "mae_pct", unit: "%", value: own, meaning: "mean absolute error of held-out hours, of the mean load" },
    ];
    let mut tables = vec![Table { name: "feeders", meaning: "how each feeder answers to weather", columns: &FEEDERS, rows }];
    if !years.is_empty() {
        tables.push(Table {
            name: "weather_years",
            meaning: "the last 52 weeks in the weather of each year",
            columns: &YEARS,
            rows: years,
        });
    }
    Answer { headline, figures, tables, notes, model: Some(Model::new(card, &body)) }
}

impl Feeder {
    fn again(&self) -> Self {
        Self { model: self.model.clone(), first_h: self.first_h, hour_kw: self.hour_kw, peak_kw: self.peak_kw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Values;
    use crate::modules::common::tests::{asked, fitted};
    use crate::modules::hourly::tests::{MONDAY_H, course_of, table};
    use proptest::prelude::*;
    use studies::synthetic::climate::Climate;
    use studies::synthetic::random::Random;

    const N: usize = 54 * 168;
    /// Weather of five years before the loads.
    const BEFORE: usize = 5 * 8760;

    fn weather() -> Vec<f64> {
        (1..8).flat_map(|seed| Climate::new(seed).temperature_c).collect()
    }

    /// What the load is at a temperature, without noise; balance temperatures 20 and 12 °C.
    fn truth(t: usize, temperature_c: f64) -> f64 {
        let workday = t / 24 % 7 < 5;
        400.0
            + if workday && (8..18).contains(&(t % 24)) { 120.0 } else { 0.0 }
            + 25.0 * (temperature_c - 20.0).max(0.0)
            + 9.0 * (12.0 - temperature_c).max(0.0)
    }

    fn cell(table: &Table, row: usize, column: &str) -> Value {
        table.rows[row][table.columns.iter().position(|c| c.name == column).unwrap()].clone()
    }

    fn num(table: &Table, row: usize, column: &str) -> f64 {
        let Value::Number(x) = cell(table, row, column) else { panic!("no number in {column} of row {row}: {:?}", table.rows[row]) };
        x
    }

    /// Loads from [`MONDAY_H`] on, weather from [`BEFORE`] hours earlier.
    fn fit_truth(noise_kw: f64, weather_hours: usize) -> (Answer, Vec<f64>) {
        let all = weather();
        let mut random = Random::new(51, 0, 0);
        let load: Vec<f64> = (0..N).map(|t| truth(t, all[BEFORE + t]) + noise_kw * random.normal()).collect();
        let first = BEFORE + N - weather_hours;
        let weather = course_of(MONDAY_H - BEFORE as i64 + first as i64, &all[first..BEFORE + N], "temperature_c");
        let loads = course_of(MONDAY_H, &load, "kw");
        let answer = fitted(
            &LoadAndWeather,
            vec![table(&LoadAndWeather, "loads", loads), table(&LoadAndWeather, "weather", weather)],
            &[("growth", "false")],
        );
        (answer.unwrap(), load)
    }

    /// Energy and peak at usual weather are those of the planted answer to each year's weather.
    #[test]
    fn planted_slopes_and_usual_weather_are_found() {
        let (answer, load) = fit_truth(4.0, BEFORE + N);
        println!("{}", answer.headline);
        let feeders = &answer.tables[0];
        println!("{:?}", feeders.rows[0]);
        assert!((num(feeders, 0, "cool_above_c") - 20.0).abs() <= 0.5 && (num(feeders, 0, "heat_below_c") - 12.0).abs() <= 0.5);
        assert!((num(feeders, 0, "cooling_kw_per_c") - 25.0).abs() < 0.5 && (num(feeders, 0, "heating_kw_per_c") - 9.0).abs() < 0.2);
        assert!(num(feeders, 0, "mae_pct") < 0.2 * num(feeders, 0, "week_before_pct"));

        let all = weather();
        let from = N - YEAR_H;
        let (low, high) = range(&all[BEFORE..BEFORE + N]);
        let mut beyond = 0;
        let used: Vec<(f64, f64)> = (0..6usize)
            .filter(|k| BEFORE + from >= 24 * (365 * k + k / 4) + BEFORE_H)
            .map(|k| {
                let t: Vec<f64> = (0..YEAR_H).map(|h| all[BEFORE + from + h - 24 * (365 * k + k / 4)]).collect();
                beyond += t.iter().filter(|t| !(low..=high).contains(*t)).count() as u64;
                let hours: Vec<f64> = t.iter().enumerate().map(|(h, t)| truth(from + h, t.clamp(low, high))).collect();
                (hours.iter().sum::<f64>(), range(&hours).1)
            })
            .collect();
        let told = &answer.tables[1];
        assert_eq!(told.rows.len(), used.len());
        assert_eq!(cell(feeders, 0, "weather_years"), Value::Count(used.len() as u64));
        let said: u64 = (0..used.len()).map(|r| if let Value::Count(n) = cell(told, r, "beyond_hours") { n } else { 0 }).sum();
        assert!(
            said == beyond && beyond > 0 && answer.notes.iter().any(|n| n.message.starts_with(&format!("{beyond} hours"))),
            "{beyond} {said}"
        );
        let last = &load[from..];
        let energy = last.iter().sum::<f64>() + mean(&used.iter().map(|u| u.0).collect::<Vec<_>>()) - used[0].0;
        let peak = range(last).1 + median(&mut used.iter().map(|u| u.1).collect::<Vec<_>>()) - used[0].1;
        let (said_energy, said_peak) = (1000.0 * num(feeders, 0, "normal_energy_mwh"), num(feeders, 0, "normal_peak_kw"));
        println!(
            "normal energy {said_energy:.0} kWh of {energy:.0}, measured {:.0}; normal peak {said_peak:.1} kW of {peak:.1}",
            last.iter().sum::<f64>()
        );
        let moved = (energy - last.iter().sum::<f64>()).abs();
        assert!((said_energy - energy).abs() < 0.05 * moved, "{said_energy} {energy}");
        assert!((said_peak - peak).abs() < 0.01 * peak);
    }

    #[test]
    fn loads_at_new_temperatures_are_answered_within_training_and_not_beyond() {
        let (answer, _) = fit_truth(4.0, N);
        assert!(answer.notes.iter().any(|n| n.code == "LEARN.DATA.PARTIAL"), "no weather before the loads: {:?}", answer.notes);
        let model = answer.model.unwrap();
        println!("{:?}", model.card.metrics);
        let all = weather();
        let from = BEFORE + N - BEFORE_H;
        let ask = |n: usize, change: &dyn Fn(usize, f64) -> f64| {
            let t: Vec<f64> = (0..BEFORE_H + n).map(|k| change(k, all[from + k])).collect();
            asked(
                &LoadAndWeather,
                &model,
                vec![table(&LoadAndWeather, "weather", course_of(MONDAY_H + (N - BEFORE_H) as i64, &t, "temperature_c"))],
            )
            .unwrap()
        };
        let next = ask(24 * 60, &|_, t| t.clamp(-10.0, 25.0));
        let (mut inside, mut of) = (0, 0);
        for k in 0..24 * 60 {
            let y = truth(N + k, all[from + BEFORE_H + k].clamp(-10.0, 25.0));
            if let (Value::Number(low), Value::Number(high)) = (cell(&next.tables[0], k, "low_kw"), cell(&next.tables[0], k, "high_kw")) {
                of += 1;
                inside += usize::from((low..=high).contains(&y));
            }
        }
        println!("{inside} of {of} hours without noise within bounds");
        assert!(of >= 24 * 55 && inside as f64 > 0.95 * f64::from(of), "{inside} {of}");
        // Fifty degrees on the fourth day: it and the day after are not told.
        let hot = ask(24 * 6, &|k, t| if (BEFORE_H + 72..BEFORE_H + 96).contains(&k) { 50.0 } else { t.clamp(-10.0, 25.0) });
        let empty: Vec<usize> = (0..6).filter(|&d| cell(&hot.tables[1], d, "kw") == Value::Empty).collect();
        assert_eq!(empty, [3, 4]);
        assert!(hot.notes[0].message.contains("48 of 144"), "{:?}", hot.notes);
        // Years after training nothing is told.
        let t = vec![15.0; BEFORE_H + 48];
        for first_h in [MONDAY_H + 3 * 8760, MONDAY_H - 2 * 8760] {
            let late = table(&LoadAndWeather, "weather", course_of(first_h, &t, "temperature_c"));
            assert!(asked(&LoadAndWeather, &model, vec![late]).unwrap().headline.starts_with("None of 48"));
        }
    }

    #[test]
    fn too_little_is_refused() {
        let t = weather();
        let ask = |n: usize, load: &dyn Fn(usize) -> f64| {
            let load: Vec<f64> = (0..n).map(load).collect();
            let tables = vec![
                table(&LoadAndWeather, "loads", course_of(MONDAY_H, &load, "kw")),
                table(&LoadAndWeather, "weather", course_of(MONDAY_H, &t, "temperature_c")),
            ];
            fitted(&LoadAndWeather, tables, &[]).unwrap_err()
        };
        assert!(ask(1000, &|t| truth(t, 10.0))[0].detail.as_ref().unwrap().contains("2352 are needed"));
        assert_eq!(ask(3000, &|_| 5.0).len(), 1);
        assert_eq!(ask(3000, &|_| 0.0)[0].code, "LEARN.DATA.UNFIT");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn odd_tables_are_answered_or_refused(
            rows in prop::collection::vec((prop_oneof![0i64..40_000, any::<i64>()], prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(0.0), any::<f64>()]), 0..40),
        ) {
            let (times, values): (Vec<i64>, Vec<f64>) = rows.into_iter().unzip();
            let columns = |name: &'static str| vec![("time", Values::Time(times.clone())), (name, Values::Number(values.clone()))];
            let tables = vec![table(&LoadAndWeather, "loads", columns("kw")), table(&LoadAndWeather, "weather", columns("temperature_c"))];
            let _ = fitted(&LoadAndWeather, tables, &[]);
        }
    }
}
