//! Load of the next hours of each feeder: the method that a rolling backtest finds best, or the mean of those that it cannot tell from the best, with bounds from its
//! errors ([`crate::forecast`], [`crate::nbeats`], [`crate::regression`]).

mod bounds;
mod kept;
mod tables;
#[cfg(test)]
mod tests;
mod tried;
mod tries;

use super::common::{FEEDER_LOADS, SEED, UTC_OFFSET_H, count, partial};
use super::hourly::{Course, HOUR_S, alone, filled_note, hour_text, hourly, of};
use crate::blocks::mean_interval;
use crate::guard::Reference;
use crate::matrix::Matrix;
use crate::metrics::range;
use crate::module::{
    About, Answer, Better, Card, Feature, Figure, HeldOut, Input, InputKind, Metric, Model, Module, Question, Refused, Reliable, Setting,
    SettingKind, drift_note_in_time, number, outside_note, time, unfit_for,
};
use kept::{Ahead, Body, Feeder};
use network::Diagnostic;
use std::collections::BTreeMap;
use tried::Tried;
use tries::{Choice, LEVEL, try_all};

/// See the file's header.
pub struct LoadForecast;

/// Steps of the season that everything is compared with: a week.
const WEEK_H: usize = 168;
/// Hours that are looked at for the range of training.
const RECENT_H: usize = 168;

static ABOUT: About = About {
    id: "load-forecast",
    title: "Load forecast",
    question: "What load do feeders have in the next hours, and how far may it lie off?",
    method: "rolling backtest of seasonal naive, Holt-Winters (Hyndman et al. 2002), N-BEATS (Oreshkin et al., ICLR 2020) and weather regression (ASHRAE Guideline 14); \
             the mean of methods that are level (block bootstrap of paired differences); weighted and adaptive conformal bounds by lead hour (Barber et al. 2023, Gibbs and Candès 2021)",
    inputs: &[
        Input {
            name: "loads",
            meaning: "load of each feeder through time, an hour or less apart, without longer gaps",
            kind: InputKind::Table { columns: FEEDER_LOADS, others: "" },
            needed_to_fit: true,
            needed_to_apply: true,
        },
        Input {
            name: "weather",
            meaning: "temperature of the same hours, and of the hours that are forecast",
            kind: InputKind::Table {
                columns: &[
                    time("time", "beginning of the reading"),
                    number("temperature_c", "C", "air temperature, measured or forecast").also(&["temp_c", "t_c"]),
                ],
                others: "",
            },
            needed_to_fit: false,
            needed_to_apply: false,
        },
    ],
    settings: &[
        count("horizon_h", 1, 168, "24", "h", "hours ahead"),
        count("lookback_h", 48, 672, "168", "h", "hours of the past that N-BEATS looks at"),
        Setting {
            name: "method",
            kind: SettingKind::Choice { of: &["auto", "seasonal-naive", "ets", "nbeats", "weather"] },
            default: Some("auto"),
            unit: "",
            meaning: "auto: by feeder, the one with the least error in the earlier two thirds of the backtest, or the mean of it and those that are not surely worse",
        },
        Setting {
            name: "temperature_error_c",
            kind: SettingKind::Number { low: 0.0, high: 10.0 },
            default: Some("1.5"),
            unit: "C",
            meaning: "standard deviation of errors that temperature forecasts have; put on the measured temperatures of the backtest",
        },
        UTC_OFFSET_H,
        count("nbeats_members", 1, 16, "4", "", "networks of the N-BEATS ensemble"),
        count("nbeats_epochs", 1, 1000, "120", "", "times that N-BEATS sees each window in training"),
        SEED,
    ],
    keeps: true,
    page: "learning-modules-series",
};

/// Weather, if there is any.
fn weather(question: &Question<'_>) -> Result<Option<Course>, Refused> {
    let Some(w) = question.tables.get("weather") else { return Ok(None) };
    alone("weather", w.time("time"), w.number("temperature_c")).map(Some)
}

impl Module for LoadForecast {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let table = question.table("loads");
        let courses = hourly("loads", "feeder", table.time("time"), table.number("kw"), table.maybe_text("feeder"));
        let (courses, weather) = both(courses, weather(question))?;
        let choice = Choice::of(question.settings);
        if choice.method == "weather" && weather.is_none() {
            return Err(unfit_for("weather", &"method weather needs temperatures; give weather=FILE or another method"));
        }
        let (mut faults, mut found) = (Refused::new(), BTreeMap::new());
        for (name, course) in &courses {
            match try_all(course, weather.as_ref(), &choice) {
                Ok(tried) => drop(found.insert(name.clone(), tried)),
                Err(why) => faults.extend(unfit_for(&of("loads", "feeder", name), &why)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut feeders = BTreeMap::new();
        for (name, tried) in &found {
            let fitted = Feeder::fit(&courses[name], weather.as_ref(), tried, &choice);
            match fitted {
                Ok(feeder) => drop(feeders.insert(name.clone(), feeder)),
                Err(why) => faults.extend(unfit_for(&of("loads", "feeder", name), &why)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let body = Body { horizon_h: choice.horizon_h, feeders };
        let ahead: BTreeMap<String, Result<Ahead, String>> =
            courses.iter().map(|(name, c)| (name.clone(), body.feeders[name].ahead(c, weather.as_ref(), body.horizon_h))).collect();
        let mut answer = forecast_answer(&body, &ahead);
        answer.notes.extend(filled_note(courses.values().chain(&weather)));

        let worse: Vec<&str> = found.iter().filter(|(_, t)| !t.beats()).map(|(n, _)| n.as_str()).collect();
        let (mase, naive, bounds) = tried::overall(&found, mean_interval);
        if !worse.is_empty() {
            answer.notes.push(
                Diagnostic::warning(
                    "LEARN.MODEL.NO_BETTER",
                    format!("for {} of {} feeders nothing beats the week before", worse.len(), found.len()),
                )
                .detail(format!("Feeders: {}.", worse.join(", ")))
                .hint("Give a longer past, or temperatures."),
            );
        }
        answer.notes.extend(averaged(&found));
        answer.notes.extend(not_compared(&found));
        let all = found.len();
        let list = kept_words(&found);
        answer.headline = format!(
            "Chosen: {list}; MASE {mase:.3} on later hours, {naive:.3} by repeating the week before{}.",
            if worse.is_empty() { String::new() } else { format!("; no better than that for {} of {all}", worse.len()) }
        );
        answer.figures = vec![
            Figure {
                name: "mase",
                unit: "",
                value: mase,
                meaning: "mean absolute error over the mean change from week to week, held-out hours",
            },
            Figure { name: "mase_naive", unit: "", value: naive, meaning: "the same of repeating the week before" },
        ];
        answer.tables.insert(0, tables::methods(&found));
        answer.tables.push(tables::leads(&found, &body));

        let mut metrics = vec![Metric::new("MASE", "", mase, Better::Lower).against("week before", naive)];
        if let Some((low, high)) = bounds {
            metrics[0] = metrics[0].clone().between(low, high);
        }
        let (rmse, rmse_naive) = tried::rmse(&found);
        metrics.push(Metric::new("RMSE", "kW", rmse, Better::Lower).against("week before", rmse_naive));
        let calibration = tried::calibration(&found);
        if let Some(at) = calibration.iter().find(|r| (r.said - LEVEL).abs() < 1e-9) {
            metrics.push(Metric::new("within bounds of 90 %", "", at.came, Better::Near).near(LEVEL));
        }
        let card = card(&body, &found, &courses, weather.as_ref(), metrics, calibration, &choice);
        let per_unit: Vec<f64> = courses.iter().flat_map(|(n, c)| c.values.iter().map(|v| body.feeders[n].per_unit(*v))).collect();
        let reference = Reference::of(&Matrix::from_values(1, per_unit)).ok();
        answer.model = Some(Model::new(card, &body).with_reference(reference));
        Ok(answer)
    }

    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        let body: Body = model.body()?;
        let table = question.table("loads");
        let courses = hourly("loads", "feeder", table.time("time"), table.number("kw"), table.maybe_text("feeder"));
        let (courses, weather) = both(courses, weather(question))?;
        let ahead: BTreeMap<String, Result<Ahead, String>> = courses
            .iter()
            .map(|(name, c)| {
                let found = body.feeders.get(name).ok_or_else(|| "the model does not know this feeder".to_owned());
                (name.clone(), found.and_then(|f| f.ahead(c, weather.as_ref(), body.horizon_h)))
            })
            .collect();
        let mut answer = forecast_answer(&body, &ahead);
        answer.notes.extend(filled_note(courses.values().chain(&weather)));
        // What came since training.
        let (newer, times_s): (Vec<f64>, Vec<i64>) = courses
            .iter()
            .filter_map(|(n, c)| body.feeders.get(n).map(|f| (f, c)))
            .flat_map(|(f, c)| {
                let skip = usize::try_from(f.end_h.saturating_sub(c.first_h)).unwrap_or(0);
                let hours = c.values.iter().zip(c.first_h..).skip(skip);
                hours.map(|(v, h)| (f.per_unit(*v), h * HOUR_S)).collect::<Vec<(f64, i64)>>()
            })
            .unzip();
        let newer = Matrix::from_values(1, newer);
        answer.notes.extend(drift_note_in_time(model, &newer, || (newer.clone(), times_s)));
        Ok(answer)
    }
}

/// What is kept of how many feeders.
fn kept_words(found: &BTreeMap<String, Tried>) -> String {
    let methods: BTreeMap<String, usize> = found.values().fold(BTreeMap::new(), |mut m, t| {
        *m.entry(t.words()).or_default() += 1;
        m
    });
    let list: Vec<String> = methods.into_iter().map(|(m, n)| if found.len() == 1 { m } else { format!("{m} for {n}") }).collect();
    list.join(", ")
}

/// A note about feeders whose methods are level, and by how much they are apart.
fn averaged(found: &BTreeMap<String, Tried>) -> Option<Diagnostic> {
    let several: Vec<(&String, &Tried)> = found.iter().filter(|(_, t)| t.members.len() > 1).collect();
    if several.is_empty() {
        return None;
    }
    let of = |(name, t): &(&String, &Tried)| {
        let errors: Vec<String> =
            t.members.iter().filter_map(|&i| Some(format!("{} {:.3}", t.tries[i].name, t.choosing_mase(i)?))).collect();
        format!("{name}: {}", errors.join(", "))
    };
    let more = several.len().saturating_sub(10);
    let list: Vec<String> = several.iter().take(10).map(of).collect();
    let and = if more > 0 { format!("; and {more} more") } else { String::new() };
    let what = format!("for {} of {} feeders methods are level, and their mean is kept", several.len(), found.len());
    Some(
        Diagnostic::note("LEARN.MODEL.AVERAGED", what)
            .detail(format!("MASE where the choice is made, not surely (90 %) apart from the least: {}{and}.", list.join("; ")))
            .hint("A longer past tells them apart; a method that is asked for by name is kept alone."),
    )
}

/// A note about methods that are left out, and origins that are, since a method refuses them.
fn not_compared(found: &BTreeMap<String, Tried>) -> Option<Diagnostic> {
    let mut list = Vec::new();
    let (mut missed, mut all) = (0, 0);
    for (name, t) in found {
        let (not_judged, later) = t.not_judged();
        (missed, all) = (missed + not_judged, all + later);
        let told = t.tries.iter().filter(|t| t.score.is_ok() && t.may_be_chosen).filter_map(|t| Some((t, t.why()?)));
        list.extend(told.map(|(m, why)| {
            let what = if m.left_out.is_some() {
                "is left out".to_owned()
            } else {
                format!("answers {} of {} origins", m.answered(), t.origins())
            };
            format!("{name}: {} {what}, {why}", m.name)
        }));
    }
    let more = list.len().saturating_sub(10);
    list.truncate(10);
    (!list.is_empty()).then(|| {
        let and = if more > 0 { format!("; and {more} more") } else { String::new() };
        partial(
            format!("methods refuse origins of the backtest; figures are of {} of {all} origins after the choice", all - missed),
            format!("{}{and}.", list.join("; ")),
            "Give a longer past, that holds such hours before the backtest begins.",
        )
    })
}

/// Both tables, or the faults of both.
fn both<A, B>(a: Result<A, Refused>, b: Result<B, Refused>) -> Result<(A, B), Refused> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(a.err().into_iter().chain(b.err()).flatten().collect()),
    }
}

/// The forecasts of all feeders, and why some have none.
fn forecast_answer(body: &Body, ahead: &BTreeMap<String, Result<Ahead, String>>) -> Answer {
    let rows = body.horizon_h * ahead.len();
    let answered: usize = ahead.values().flatten().map(|a| a.mean.iter().flatten().count()).sum();
    let mut notes: Vec<Diagnostic> = outside_note(rows - answered, rows).into_iter().collect();
    let reasons: BTreeMap<&str, &str> = ahead
        .iter()
        .filter_map(|(n, a)| match a {
            Err(why) => Some((n.as_str(), why.as_str())),
            Ok(a) => a.why.as_deref().map(|why| (n.as_str(), why)),
        })
        .collect();
    if !reasons.is_empty() {
        let list: Vec<String> = reasons.iter().take(10).map(|(n, why)| format!("{n}: {why}")).collect();
        notes.push(partial(
            format!("{} feeders are not forecast in full", reasons.len()),
            format!("{}.", list.join("; ")),
            "Mend what is named.",
        ));
    }
    let peak = ahead
        .iter()
        .filter_map(|(n, a)| a.as_ref().ok().map(|a| (n, a)))
        .flat_map(|(n, a)| a.mean.iter().enumerate().filter_map(move |(k, v)| v.map(|v| (v, n, a.from_h + k as i64))))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let (headline, figures) = match peak {
        Some((kw, name, hour)) => (
            format!("{answered} of {rows} hours forecast; the highest is {kw:.1} kW of {name} at {}.", hour_text(hour)),
            vec![Figure { name: "peak_kw", unit: "kW", value: kw, meaning: "highest forecast hour of a feeder" }],
        ),
        None => (format!("None of {rows} hours is forecast."), Vec::new()),
    };
    Answer { headline, figures, tables: tables::ahead(body, ahead), notes, model: None }
}

fn card(
    body: &Body,
    found: &BTreeMap<String, Tried>,
    courses: &BTreeMap<String, Course>,
    weather: Option<&Course>,
    metrics: Vec<Metric>,
    calibration: Vec<Reliable>,
    choice: &Choice,
) -> Card {
    let span = |f: &dyn Fn(&Course) -> [i64; 2]| {
        courses.values().map(f).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]).expect("there is a feeder")
    };
    let held: Vec<[i64; 2]> = found.iter().map(|(n, t)| t.judged_s(&courses[n])).collect();
    let held_span = held.iter().copied().reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
    let (low, high) =
        courses.values().map(|c| range(&c.values)).fold((f64::INFINITY, f64::NEG_INFINITY), |r, x| (r.0.min(x.0), r.1.max(x.1)));
    let feature = |name: &str, unit: &str, low, high| Feature {
        name: name.into(),
        unit: unit.into(),
        low: Some(low),
        high: Some(high),
        importance: None,
    };
    let mut features = vec![feature("kw", "kW", low, high)];
    let with_weather = body.feeders.values().any(Feeder::needs_weather);
    if let Some(w) = weather.filter(|_| with_weather) {
        let (low, high) = range(&w.values);
        features.push(feature("temperature_c", "C", low, high));
    }
    let mut limits = vec![
        "Bounds follow a change of season within weeks, as newer loads are given; the first days after a change of customers or of switching lie outside more often.".to_owned(),
        "Holidays are not known and forecast as other days.".to_owned(),
        format!("A feeder is not forecast when one of its last {RECENT_H} hours lies more than a tenth of the range outside of training."),
        "Loads of the week before the forecast must be there without gaps; with Holt-Winters all loads since training.".to_owned(),
    ];
    if with_weather {
        limits.push(format!(
            "Weather: temperatures of the hours that are forecast must be given; the held-out figures have an error of {} C put on the measured ones.",
            choice.temperature_error_c
        ));
    }
    Card {
        rows: courses.values().map(|c| c.values.len()).sum(),
        span_s: Some(span(&Course::span_s)),
        features,
        says: format!("load of each of the next {} hours, kW, with bounds that hold 90 %", body.horizon_h),
        held_out: HeldOut {
            how: format!(
                "Rolling origin over the last half of each feeder's hours (24 weeks at most) by models fitted three times to what came before. At the origins of the first \
                 two thirds the method with the least error is chosen, or the mean of it and those that are not surely (90 %) behind it: {}. The figures are of the last \
                 third, which chose nothing; what bounds held there is of bounds from what was known at each origin. The kept models are fitted again to all hours.",
                kept_words(found)
            ),
            rows: found.values().map(|t| t.judged.len() * body.horizon_h).sum(),
            span_s: held_span,
        },
        metrics,
        calibration,
        limits,
        ..Card::default()
    }
}
