//! Growth of each feeder, when it changed, and the peaks to come ([`crate::growth`]).
//!
//! Loads become means of weeks without weather (where temperatures are given, [`WeatherLoad::normalised_kw`]) or without the usual course of a year (without
//! temperatures, from two years on: the mean of each week of the year less the line of growth). Lines and steps are found in them; the rate is that of the weeks since
//! the last change of slope, weeks on both sides of a step not being compared, so that a new customer counts as a step and not as growth. With `L` the level of the last week, `g` the rate
//! a week and `M` the mean of the last 52 weeks, the peak of the `j`-th year to come is
//!
//! ```text
//! peak_j = peak of the last 52 weeks · (L + 52.18 (j - 1/2) g) / M
//! ```

use super::common::{FEEDER_LOADS, UTC_OFFSET_H, partial};
use super::hourly::{Course, alone, filled_note, hour_of_week, hour_text, hourly, of};
use crate::blocks::{mean_interval, refitted_interval};
use crate::growth::{ChangeKind, Changes, Cost, Growth, changes, growth, growth_within, usual_penalty};
use crate::metrics::{mae, mean, median, range};
use crate::module::{
    About, Answer, Figure, Input, InputKind, Model, Module, Question, Refused, Setting, SettingKind, number, time, unfit_for,
};
use crate::regression::{LoadHours, LoadOptions, WeatherLoad};
use network::Diagnostic;
use std::collections::BTreeMap;
use studies::table::{Column, Table, Value, count as counted, number as figure, text as words};

/// See the file's header.
pub struct LoadGrowth;

const WEEK_H: usize = 168;
const YEAR_W: f64 = 365.25 / 7.0;
/// Weeks of a segment at least.
const LEAST_W: usize = 8;
/// Weeks that a rate is taken from at least.
const RATE_W: usize = 26;
/// Weeks that noise lasts at most, for bounds of the rate.
const BLOCK_W: usize = 6;
/// Weeks held out, and weeks before them at least.
const HELD_W: usize = 26;
const BEFORE_W: usize = 52;

static ABOUT: About = About {
    id: "growth",
    title: "Growth and changes",
    question: "How fast does each feeder grow, when did that change, and what peak does it come to?",
    method: "weekly means without weather or season; PELT (Killick et al. 2012) with lines; rate of Theil and Sen with Kendall's interval",
    inputs: &[
        Input {
            name: "loads",
            meaning: "load of each feeder through time, an hour or less apart, half a year at least",
            kind: InputKind::Table { columns: FEEDER_LOADS, others: "" },
            needed_to_fit: true,
            needed_to_apply: true,
        },
        Input {
            name: "weather",
            meaning: "temperature of the same hours, by which loads are brought to usual weather",
            kind: InputKind::Table {
                columns: &[
                    time("time", "beginning of the reading"),
                    number("temperature_c", "C", "air temperature").also(&["temp_c", "t_c"]),
                ],
                others: "",
            },
            needed_to_fit: false,
            needed_to_apply: false,
        },
    ],
    settings: &[
        Setting {
            name: "years_ahead",
            kind: SettingKind::Count { low: 1, high: 30 },
            default: Some("5"),
            unit: "a",
            meaning: "years whose peak is told",
        },
        Setting {
            name: "rating_kw",
            kind: SettingKind::Number { low: 0.001, high: 1e9 },
            default: None,
            unit: "kW",
            meaning: "load that every feeder may have; tells the year in which its peak passes it",
        },
        UTC_OFFSET_H,
    ],
    keeps: false,
    page: "learning-modules-series",
};

/// What was taken out of weekly means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Without {
    Weather,
    Season,
    Nothing,
}

impl Without {
    fn text(self) -> &'static str {
        match self {
            Self::Weather => "weather",
            Self::Season => "season",
            Self::Nothing => "nothing",
        }
    }
}

/// Means of weeks, with what the first `known` weeks say of weather or season taken out of all of them.
fn weekly(load: &Course, temperature_c: Option<&[f64]>, known: usize, offset_h: i64) -> (Vec<f64>, Without) {
    let weeks = |hours: &[f64]| hours.chunks_exact(WEEK_H).map(mean).collect::<Vec<f64>>();
    let first_hour_of_week = hour_of_week(load.first_h, offset_h);
    if let Some(t) = temperature_c {
        let n = known * WEEK_H;
        let part = |n: usize| LoadHours { load_kw: &load.values[..n], temperature_c: &t[..n], holiday: &[], first_hour_of_week };
        let options = LoadOptions { growth: n >= 8760, held_out_days: 0, ..LoadOptions::default() };
        if let Ok(model) = WeatherLoad::fit(&part(n), &options) {
            return (weeks(&model.normalised_kw(&part(load.values.len()))), Without::Weather);
        }
    }
    let all = weeks(&load.values);
    let Some(rate) = (known >= 104).then(|| growth(&all[..known]).ok()).flatten() else { return (all, Without::Nothing) };
    let mut sums = [(0.0, 0.0); 52];
    for (t, y) in all[..known].iter().enumerate() {
        let s = &mut sums[t % 52];
        *s = (s.0 + y - rate.per_step * t as f64, s.1 + 1.0);
    }
    let season: Vec<f64> = sums.iter().map(|s| s.0 / s.1).collect();
    let middle = mean(&season);
    (all.iter().enumerate().map(|(t, y)| y - season[t % 52] + middle).collect(), Without::Season)
}

/// A line that goes on.
struct Trend {
    /// With bounds of the rate that hold its noise alone until [`Trend::sure`] was asked.
    rate: Growth,
    /// At the last week.
    level: f64,
    changes: Changes,
    /// Week from which the rate is taken.
    since: usize,
}

/// Parts of the series between which levels have nothing to do with each other.
fn parts(changes: &Changes, since: usize, n: usize) -> Vec<std::ops::Range<usize>> {
    let steps = changes.changes.iter().filter(|c| c.kind == ChangeKind::Step && c.at > since).map(|c| c.at);
    let borders: Vec<usize> = std::iter::once(since).chain(steps).chain(std::iter::once(n)).collect();
    borders.windows(2).map(|w| w[0]..w[1]).collect()
}

impl Trend {
    /// Widens the bounds of the rate by what noise that lasts for weeks, and the choice of the changes, leave open: everything is estimated again from series whose
    /// noise is drawn anew ([`refitted_interval`]). Bounds never become narrower than Kendall's.
    fn sure(&mut self, series: &[f64]) {
        let n = series.len();
        let mut fitted = series.to_vec();
        for s in &self.changes.segments {
            (s.from..s.to).for_each(|t| fitted[t] = s.level + s.per_step * (t - s.from) as f64);
        }
        for part in parts(&self.changes, self.since, n) {
            let level = median(&mut part.clone().map(|t| series[t] - self.rate.per_step * t as f64).collect::<Vec<f64>>());
            part.for_each(|t| fitted[t] = level + self.rate.per_step * t as f64);
        }
        // What a fit of two parameters a line takes up of the noise is given back.
        let free = (2 * self.changes.segments.len()).min(n / 2);
        let scale = (n as f64 / (n - free) as f64).sqrt();
        let left: Vec<f64> = series.iter().zip(&fitted).map(|(y, f)| scale * (y - f)).collect();
        let again = |s: &[f64]| trend(s).ok().map(|t| t.rate.per_step);
        if let Some((low, high)) = refitted_interval(&fitted, &left, BLOCK_W, self.rate.level, self.rate.per_step, again) {
            (self.rate.low, self.rate.high) = (self.rate.low.min(low), self.rate.high.max(high));
        }
    }
}

fn trend(series: &[f64]) -> Result<Trend, String> {
    let n = series.len();
    // Below a millionth of the load nothing is a change.
    let scale = 1e-6 * mean(&series.iter().map(|v| v.abs()).collect::<Vec<f64>>());
    let penalty = usual_penalty(series, Cost::Line).max(4.0 * (n as f64).ln() * scale * scale);
    let found = changes(series, LEAST_W, Some(penalty)).map_err(|e| e.to_string())?;
    let since = found.changes.iter().rev().find(|c| c.kind == ChangeKind::Slope && n - c.at >= RATE_W).map_or(0, |c| c.at);
    let parts: Vec<&[f64]> = parts(&found, since, n).into_iter().map(|p| &series[p]).collect();
    let rate = growth_within(&parts).map_err(|e| e.to_string())?;
    let now = parts[parts.len() - 1];
    let last = now.len() as f64 - 1.0;
    let level = median(&mut now.iter().enumerate().map(|(t, y)| y + rate.per_step * (last - t as f64)).collect::<Vec<f64>>());
    Ok(Trend { rate, level, changes: found, since })
}

/// Mean absolute errors of the weeks held out, %: of the line, of no growth, and of each week by the line.
struct Tested {
    line_pct: f64,
    flat_pct: f64,
    by_week: Vec<f64>,
}

fn tested(load: &Course, temperature_c: Option<&[f64]>, weeks: usize, offset_h: i64) -> Option<Tested> {
    let known = weeks.checked_sub(HELD_W).filter(|k| *k >= BEFORE_W)?;
    let (series, _) = weekly(load, temperature_c, known, offset_h);
    let line = trend(&series[..known]).ok()?;
    let truth = &series[known..];
    let said: Vec<f64> = (1..=truth.len()).map(|k| line.level + line.rate.per_step * k as f64).collect();
    let flat = vec![mean(&series[known - 13..known]); truth.len()];
    let scale = 100.0 / mean(truth).abs();
    let by_week: Vec<f64> = truth.iter().zip(&said).map(|(y, s)| scale * (y - s).abs()).collect();
    Some(Tested { line_pct: scale * mae(truth, &said).ok()?, flat_pct: scale * mae(truth, &flat).ok()?, by_week })
        .filter(|t| t.line_pct.is_finite())
}

struct Found {
    trend: Trend,
    without: Without,
    first_h: i64,
    end_h: i64,
    weeks: usize,
    /// Mean of the last 52 weeks, or of all.
    mean_kw: f64,
    peak_kw: f64,
    peak_h: i64,
    tested: Option<Tested>,
}

impl Found {
    /// Peak of the `j`-th year to come at a rate; none where the mean load is not above 0.
    fn peak(&self, j: usize, per_week: f64) -> Option<f64> {
        let level = self.trend.level + per_week * YEAR_W * (j as f64 - 0.5);
        (self.mean_kw > 0.0 && self.peak_kw > 0.0).then_some(self.peak_kw * level / self.mean_kw)
    }

    fn pct_per_year(&self, per_week: f64) -> Option<f64> {
        (self.mean_kw > 0.0).then_some(100.0 * per_week * YEAR_W / self.mean_kw)
    }
}

fn fit_one(load: &Course, weather: Option<&Course>, offset_h: i64) -> Result<Found, String> {
    let weeks = load.values.len() / WEEK_H;
    if weeks < RATE_W {
        return Err(format!("{weeks} whole weeks are too few: at least {RATE_W} are needed"));
    }
    let temperature_c = match weather {
        Some(w) => Some(
            w.between(load.first_h, load.end_h())
                .ok_or("there are not temperatures for all of its hours; give them, or leave weather out")?,
        ),
        None => None,
    };
    let (series, without) = weekly(load, temperature_c, weeks, offset_h);
    if series.windows(2).all(|w| w[0] == w[1]) {
        return Err(format!("its weeks all have {} kW: there is nothing to learn", series[0]));
    }
    let mut trend = trend(&series)?;
    trend.sure(&series);
    let last = &series[weeks.saturating_sub(52)..];
    let hours = &load.values[load.values.len().saturating_sub(52 * WEEK_H)..];
    let at = (0..hours.len()).max_by(|&a, &b| hours[a].total_cmp(&hours[b])).unwrap_or(0);
    Ok(Found {
        trend,
        without,
        first_h: load.first_h,
        end_h: load.end_h(),
        weeks,
        mean_kw: mean(last),
        peak_kw: range(hours).1,
        peak_h: load.end_h() - (hours.len() - at) as i64,
        tested: tested(load, temperature_c, weeks, offset_h),
    })
}

impl Module for LoadGrowth {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (table, s) = (question.table("loads"), question.settings);
        let loads = hourly("loads", "feeder", table.time("time"), table.number("kw"), table.maybe_text("feeder"));
        let weather = question.tables.get("weather").map(|w| alone("weather", w.time("time"), w.number("temperature_c"))).transpose();
        let (loads, weather) = match (loads, weather) {
            (Ok(l), Ok(w)) => (l, w),
            (l, w) => return Err(l.err().into_iter().chain(w.err()).flatten().collect()),
        };
        let offset_h = s.number("utc_offset_h").round() as i64;
        let (mut found, mut faults) = (BTreeMap::new(), Refused::new());
        for (name, course) in &loads {
            match fit_one(course, weather.as_ref(), offset_h) {
                Ok(f) => drop(found.insert(name.clone(), f)),
                Err(why) => faults.extend(unfit_for(&of("loads", "feeder", name), &why)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut answer = answer(&found, s.count("years_ahead"), s.maybe_number("rating_kw"));
        answer.notes.extend(filled_note(loads.values().chain(&weather)));
        Ok(answer)
    }

    fn apply(&self, _: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        self.fit(question)
    }
}

static FEEDERS: [Column; 19] = [
    words("feeder", "which feeder"),
    words("without", "what was taken out of weekly means: weather, season, or nothing"),
    counted("weeks", "whole weeks of loads"),
    figure("growth_kw_per_year", "kW/a", "rate without steps, since the last change of slope"),
    figure("growth_pct_per_year", "%/a", "the same, of the mean load"),
    figure("low_pct_per_year", "%/a", "lower end of its interval of 95 %"),
    figure("high_pct_per_year", "%/a", "upper end"),
    words("rate_since", "week from which the rate is taken"),
    counted("steps", "times that the level jumped"),
    counted("slope_changes", "times that the rate changed"),
    figure("mean_kw", "kW", "mean of the last 52 weeks, or of all, without weather or season"),
    figure("peak_kw", "kW", "highest hour of the last 52 weeks, as measured"),
    words("peak_time", "when it was"),
    figure("held_out_pct", "%", "mean absolute error of the last 26 weeks by the line of the weeks before; empty with less than 78 weeks"),
    figure("held_out_low_pct", "%", "lower end of its interval of 95 %"),
    figure("held_out_high_pct", "%", "upper end"),
    figure("no_growth_pct", "%", "the same error without growth"),
    words("passes_rating", "first year to come whose peak passes the rating, by its beginning"),
    words("passes_rating_earliest", "the same at the upper end of the rate"),
];

static CHANGES: [Column; 8] = [
    words("feeder", "which feeder"),
    words("time", "beginning of the first week after the change"),
    words("kind", "step: the level jumps; slope: the rate changes"),
    figure("jump_kw", "kW", "by which the new line begins above the old one"),
    figure("jump_deviation_kw", "kW", "its standard deviation"),
    figure("jump_pct", "%", "of the mean load"),
    figure("before_kw_per_year", "kW/a", "slope of the line before"),
    figure("after_kw_per_year", "kW/a", "slope of the line after"),
];

static PEAKS: [Column; 6] = [
    words("feeder", "which feeder"),
    counted("year", "years to come; 1 is the next"),
    words("from", "its first hour, UTC"),
    figure("peak_kw", "kW", "peak if the load goes on as now and keeps its shape"),
    figure("low_kw", "kW", "at the lower end of the rate: the weather of that year and new customers come on top"),
    figure("high_kw", "kW", "at the upper end of the rate"),
];

fn answer(found: &BTreeMap<String, Found>, years: usize, rating_kw: Option<f64>) -> Answer {
    let (mut rows, mut changed, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    let year_begin = |f: &Found, j: usize| hour_text(f.end_h + (8766 * (j - 1)) as i64);
    for (name, f) in found {
        let (t, rate) = (&f.trend, &f.trend.rate);
        let passes = |per_week: f64| {
            let rating = rating_kw?;
            let first = (1..=years).find(|&j| f.peak(j, per_week).is_some_and(|p| p > rating))?;
            Some(year_begin(f, first))
        };
        let steps = t.changes.changes.iter().filter(|c| c.kind == ChangeKind::Step).count();
        let held = f.tested.as_ref();
        let bounds = held.and_then(|h| mean_interval(&h.by_week, 4, 0.95));
        rows.push(vec![
            Value::text(name.as_str()),
            Value::text(f.without.text()),
            Value::Count(f.weeks as u64),
            Value::Number(rate.per_step * YEAR_W),
            Value::maybe(f.pct_per_year(rate.per_step)),
            Value::maybe(f.pct_per_year(rate.low)),
            Value::maybe(f.pct_per_year(rate.high)),
            Value::text(hour_text(f.first_h + (t.since * WEEK_H) as i64)),
            Value::Count(steps as u64),
            Value::Count((t.changes.changes.len() - steps) as u64),
            Value::Number(f.mean_kw),
            Value::Number(f.peak_kw),
            Value::text(hour_text(f.peak_h)),
            Value::maybe(held.map(|h| h.line_pct)),
            Value::maybe(bounds.map(|b| b.0)),
            Value::maybe(bounds.map(|b| b.1)),
            Value::maybe(held.map(|h| h.flat_pct)),
            Value::text(passes(rate.per_step).unwrap_or_default()),
            Value::text(passes(rate.high).unwrap_or_default()),
        ]);
        for c in &t.changes.changes {
            changed.push(vec![
                Value::text(name.as_str()),
                Value::text(hour_text(f.first_h + (c.at * WEEK_H) as i64)),
                Value::text(if c.kind == ChangeKind::Step { "step" } else { "slope" }),
                Value::Number(c.jump),
                Value::Number(c.jump_deviation),
                Value::maybe((f.mean_kw > 0.0).then(|| 100.0 * c.jump / f.mean_kw)),
                Value::Number(c.slope_before * YEAR_W),
                Value::Number(c.slope_after * YEAR_W),
            ]);
        }
        for j in 1..=years {
            peaks.push(vec![
                Value::text(name.as_str()),
                Value::Count(j as u64),
                Value::text(year_begin(f, j)),
                Value::maybe(f.peak(j, rate.per_step)),
                Value::maybe(f.peak(j, rate.low)),
                Value::maybe(f.peak(j, rate.high)),
            ]);
        }
    }
    let fastest = found.iter().filter_map(|(n, f)| Some((f.pct_per_year(f.trend.rate.per_step)?, n, f))).max_by(|a, b| a.0.total_cmp(&b.0));
    let changes: usize = found.values().map(|f| f.trend.changes.changes.len()).sum();
    let growing = found.values().filter(|f| f.trend.rate.low > 0.0).count();
    let mut headline = format!("{growing} of {} feeders surely grow", found.len());
    if let Some((pct, name, f)) = fastest {
        let (low, high) = (f.pct_per_year(f.trend.rate.low).unwrap_or(f64::NAN), f.pct_per_year(f.trend.rate.high).unwrap_or(f64::NAN));
        headline += &format!("; fastest is {name} with {pct:.2} % a year ({low:.2} to {high:.2})");
    }
    let what = if changes == 1 { "change was" } else { "changes were" };
    headline += &format!("; {changes} {what} found.");
    let mut notes = Vec::new();
    let plain: Vec<&str> = found.iter().filter(|(_, f)| f.without == Without::Nothing).map(|(n, _)| n.as_str()).collect();
    if !plain.is_empty() {
        notes.push(partial(
            format!("weather and season are still in {} of {} feeders", plain.len(), found.len()),
            format!("Growth and changes may be those of a season. Feeders: {}.", plain.join(", ")),
            "Give weather, or loads of two years.",
        ));
    }
    let negative: Vec<&str> = found.iter().filter(|(_, f)| f.peak(1, 0.0).is_none()).map(|(n, _)| n.as_str()).collect();
    if !negative.is_empty() {
        notes.push(partial(
            format!("{} feeders have no rate in % and no peak to come", negative.len()),
            format!("Their mean load is not above 0. Feeders: {}.", negative.join(", ")),
            "Give gross loads.",
        ));
    }
    let worse: Vec<&str> =
        found.iter().filter(|(_, f)| f.tested.as_ref().is_some_and(|t| t.line_pct >= t.flat_pct)).map(|(n, _)| n.as_str()).collect();
    if !worse.is_empty() {
        notes.push(
            Diagnostic::warning(
                "LEARN.MODEL.NO_BETTER",
                format!("for {} of {} feeders the last 26 weeks are no better told by growth than without", worse.len(), found.len()),
            )
            .detail(format!("Feeders: {}.", worse.join(", ")))
            .hint("Read the interval of the rate: it may hold 0."),
        );
        headline = format!("{} For {} feeders growth tells the last 26 weeks no better than no growth.", headline, worse.len());
    }
    let figures = vec![
        Figure { name: "growing", unit: "", value: growing as f64, meaning: "feeders whose interval of growth lies above 0" },
        Figure { name: "changes", unit: "", value: changes as f64, meaning: "steps and changes of slope" },
    ];
    let tables = vec![
        Table { name: "feeders", meaning: "growth of each feeder", columns: &FEEDERS, rows },
        Table { name: "changes", meaning: "when levels and rates changed", columns: &CHANGES, rows: changed },
        Table { name: "peaks", meaning: "peaks of the years to come", columns: &PEAKS, rows: peaks },
    ];
    Answer { headline, figures, tables, notes, model: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Values;
    use crate::modules::common::tests::fitted;
    use crate::modules::hourly::tests::{MONDAY_H, course_of, hours, table};
    use proptest::prelude::*;
    use studies::synthetic::climate::Climate;
    use studies::synthetic::random::Random;

    fn cell(table: &Table, row: usize, column: &str) -> Value {
        table.rows[row][table.columns.iter().position(|c| c.name == column).unwrap()].clone()
    }

    fn num(table: &Table, row: usize, column: &str) -> f64 {
        let Value::Number(x) = cell(table, row, column) else { panic!("no number in {column} of row {row}: {:?}", table.rows[row]) };
        x
    }

    /// Load that rises by `pct` of 1000 kW a year, has days, a step, an answer to temperature, and noise that lasts some days.
    fn made(n: usize, pct: f64, step: Option<(usize, f64)>, temperature_c: Option<&[f64]>, index: u64) -> Vec<f64> {
        let mut random = Random::new(61, 1, index);
        let mut level = 0.0;
        (0..n)
            .map(|t| {
                level = 0.98 * level + 4.0 * random.normal();
                let day = 150.0 * (std::f64::consts::TAU * ((t % 24) as f64 - 18.0) / 24.0).cos();
                let season = match temperature_c {
                    Some(c) => 20.0 * (c[t] - 18.0).max(0.0) + 12.0 * (14.0 - c[t]).max(0.0),
                    None => 120.0 * (std::f64::consts::TAU * t as f64 / 8736.0).cos(),
                };
                let jump = step.map_or(0.0, |(at, kw)| if t >= at { kw } else { 0.0 });
                1000.0 + 10.0 * pct * t as f64 / 8766.0 + day + season + jump + level
            })
            .collect()
    }

    #[test]
    fn planted_growth_step_and_peak_are_found() {
        let n = 156 * WEEK_H;
        let (mut held, mut errors, mut steps, mut jumps) = ([0; 2], Vec::new(), 0, Vec::new());
        let runs = 40;
        for index in 0..runs {
            let step = (index % 2 == 1).then_some((90 * WEEK_H, 80.0));
            let temperature: Vec<f64> = (0..4).flat_map(|y| Climate::new(100 + 4 * index + y).temperature_c).collect();
            let load = made(n + 8766, 3.0, step, Some(&temperature), index);
            let tables = vec![
                table(&LoadGrowth, "loads", course_of(MONDAY_H, &load[..n], "kw")),
                table(&LoadGrowth, "weather", course_of(MONDAY_H, &temperature[..n], "temperature_c")),
            ];
            let answer = fitted(&LoadGrowth, tables, &[]).unwrap();
            let feeders = &answer.tables[0];
            assert_eq!(cell(feeders, 0, "without"), Value::Text("weather".into()));
            let rate = num(feeders, 0, "growth_kw_per_year");
            errors.push((rate - 30.0).abs());
            let scale = rate / num(feeders, 0, "growth_pct_per_year");
            held[index as usize % 2] +=
                usize::from((num(feeders, 0, "low_pct_per_year") * scale..=num(feeders, 0, "high_pct_per_year") * scale).contains(&30.0));
            for c in &answer.tables[1].rows {
                if let (Some((at, _)), Value::Text(time), Value::Text(kind)) = (step, &c[1], &c[2])
                    && kind == "step"
                    && (88..=92).any(|w| *time == hour_text(MONDAY_H + (w * WEEK_H) as i64))
                {
                    steps += 1;
                    assert_eq!(at, 90 * WEEK_H);
                    jumps.push(if let Value::Number(j) = c[3] { (j - 80.0).abs() } else { f64::NAN });
                }
            }
            if index == 1 {
                println!("{}", answer.headline);
            }
        }
        let half = runs / 2;
        println!(
            "rate of 30 kW/a: median error {:.1} kW/a, within its interval {} of {half} without a step, {} of {half} with one; step of 80 kW found {steps} of {half}, median error {:.1} kW",
            median(&mut errors),
            held[0],
            held[1],
            median(&mut jumps)
        );
        assert!(held[0] + held[1] >= 34, "{held:?}");
        assert!(steps >= 18, "{steps}");
        assert!(median(&mut errors) < 5.0 && median(&mut jumps) < 12.0);
    }

    #[test]
    fn a_line_without_noise_is_told_to_the_digit() {
        // 5 % of 1000 kW a year, days that do not change: weekly means lie on a line.
        let load: Vec<f64> =
            (0..60 * WEEK_H).map(|t| 1000.0 + 50.0 * t as f64 / 8766.0 + f64::from(u8::from(t % 24 == 18)) * 200.0).collect();
        let answer = fitted(
            &LoadGrowth,
            vec![table(&LoadGrowth, "loads", course_of(MONDAY_H, &load, "kw"))],
            &[("rating_kw", "1300"), ("years_ahead", "6")],
        )
        .unwrap();
        let (feeders, peaks) = (&answer.tables[0], &answer.tables[2]);
        assert!((num(feeders, 0, "growth_kw_per_year") - 50.0).abs() < 1e-6, "{}", answer.headline);
        assert_eq!((cell(feeders, 0, "steps"), cell(feeders, 0, "slope_changes")), (Value::Count(0), Value::Count(0)));
        assert!(answer.notes.iter().any(|n| n.code == "LEARN.DATA.PARTIAL"), "season is still in");
        // The peak keeps its ratio to the mean of the year.
        let mean_last = mean(&load[8 * WEEK_H..]);
        for j in 1..=6usize {
            let level = mean(&load[59 * WEEK_H..]) + 50.0 * (j as f64 - 0.5);
            assert!((num(peaks, j - 1, "peak_kw") - num(feeders, 0, "peak_kw") * level / mean_last).abs() < 1e-3);
        }
        let first = (1..=6).find(|&j| num(peaks, j - 1, "peak_kw") > 1300.0).unwrap();
        assert_eq!(cell(feeders, 0, "passes_rating"), cell(peaks, first - 1, "from"));
    }

    #[test]
    fn a_season_is_taken_out_of_two_years() {
        let load = made(156 * WEEK_H, 2.0, None, None, 5);
        let answer = fitted(&LoadGrowth, vec![table(&LoadGrowth, "loads", course_of(MONDAY_H, &load, "kw"))], &[]).unwrap();
        let feeders = &answer.tables[0];
        println!("{} {:?}", answer.headline, feeders.rows[0]);
        assert_eq!(cell(feeders, 0, "without"), Value::Text("season".into()));
        assert!((num(feeders, 0, "growth_kw_per_year") - 20.0).abs() < 8.0);
        assert!(num(feeders, 0, "held_out_pct") < 5.0);
    }

    #[test]
    fn faults_of_all_feeders_are_told() {
        let n = 30 * WEEK_H;
        let Values::Time(times) = hours(MONDAY_H, n) else { unreachable!() };
        let names: Vec<String> = (0..n + 500).map(|i| if i < n { "constant" } else { "short" }.to_owned()).collect();
        let columns = vec![
            ("time", Values::Time(times.iter().chain(&times[..500]).copied().collect())),
            ("kw", Values::Number(vec![3.0; n + 500])),
            ("feeder", Values::Text(names)),
        ];
        let faults = fitted(&LoadGrowth, vec![table(&LoadGrowth, "loads", columns)], &[]).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn odd_tables_are_answered_or_refused(
            rows in prop::collection::vec((prop_oneof![0i64..40_000, any::<i64>()], prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(0.0), any::<f64>()]), 0..40),
            plain in prop::collection::vec(prop_oneof![Just(0.0), -1e12..1e12f64, Just(f64::NAN)], 26 * 6..28 * 6),
        ) {
            let (times, values): (Vec<i64>, Vec<f64>) = rows.into_iter().unzip();
            let columns = |name: &'static str| vec![("time", Values::Time(times.clone())), (name, Values::Number(values.clone()))];
            let tables = vec![table(&LoadGrowth, "loads", columns("kw")), table(&LoadGrowth, "weather", columns("temperature_c"))];
            let _ = fitted(&LoadGrowth, tables, &[]);
            // Half a year whose hours are odd.
            let long: Vec<f64> = plain.iter().flat_map(|v| [*v; 28]).collect();
            let _ = fitted(&LoadGrowth, vec![table(&LoadGrowth, "loads", course_of(MONDAY_H, &long, "kw"))], &[]);
        }
    }
}
