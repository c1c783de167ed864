//! Tables of forecasts.

use super::kept::{Ahead, Body};
use super::tried::Tried;
use super::tries::MEAN;
use crate::modules::hourly::hour_text;
use std::collections::BTreeMap;
use studies::table::{Column, Table, Value, count, flag, number, text};

static METHODS: [Column; 13] = [
    text("feeder", "which feeder"),
    text("method", "how it is forecast"),
    flag("chosen", "whether it is what is kept; the mean is where several are level"),
    number("weight", "", "part that it has in what is kept"),
    number("mase_choosing", "", "mean absolute error over the mean change from week to week, at the origins that choose"),
    number("surely_behind", "", "by how much that surely (one-sided 90 %) is above that of the best; above 0 it has no part"),
    count("origins_choosing", "origins that choose, those that every compared method answers"),
    count("origins_answered", "origins of the whole backtest that it answers"),
    number("mase", "", "mean absolute error over the mean change from week to week, in the part after them"),
    number("rmse_kw", "kW", "root of the mean squared error in that part"),
    number("against_week_before_pct", "%", "absolute error less that of the week before in that part; below 0 is better"),
    number("held_pct", "%", "of what is kept: hours of that part within bounds of 90 %, from what was known at their origins"),
    text("not_tried", "why there is no figure, or why origins are not answered"),
];

/// Every method of every feeder.
pub(super) fn methods(found: &BTreeMap<String, Tried>) -> Table {
    let mut rows = Vec::new();
    for (feeder, tried) in found {
        for (i, t) in tried.tries.iter().enumerate() {
            let (own, naive) = (tried.judged_mase(i), tried.judged_mase(0));
            rows.push(vec![
                Value::text(feeder.as_str()),
                Value::text(tried.title(i)),
                Value::Flag(i == tried.chosen),
                Value::Number(tried.weight(i)),
                Value::maybe(tried.choosing_mase(i)),
                Value::maybe(if t.name == MEAN { None } else { tried.behind(i) }),
                Value::Count(tried.choosing() as u64),
                Value::Count(t.answered() as u64),
                Value::maybe(own),
                Value::maybe(tried.judged_rmse(i)),
                Value::maybe(own.zip(naive).map(|(a, b)| 100.0 * (a / b - 1.0))),
                Value::maybe(tried.held_share().filter(|_| i == tried.chosen).map(|h| 100.0 * h)),
                Value::text(t.why().unwrap_or_default()),
            ]);
        }
    }
    Table { name: "methods", meaning: "methods in the rolling backtest", columns: &METHODS, rows }
}

static LEADS: [Column; 4] = [
    text("feeder", "which feeder"),
    count("lead_h", "hours after the last load; 1 is the first"),
    number("rmse_kw", "kW", "error of what is kept in the part that is judged"),
    number("half_width_kw", "kW", "bounds of 90 % to both sides"),
];

/// Errors by lead.
pub(super) fn leads(found: &BTreeMap<String, Tried>, body: &Body) -> Table {
    let mut rows = Vec::new();
    for (feeder, tried) in found {
        let widen = body.feeders.get(feeder).and_then(|f| f.widen_kw.as_ref());
        for lead in 0..body.horizon_h {
            rows.push(vec![
                Value::text(feeder.as_str()),
                Value::Count(lead as u64 + 1),
                Value::maybe(tried.lead_rmse(lead)),
                Value::maybe(widen.map(|w| w[lead])),
            ]);
        }
    }
    Table { name: "leads", meaning: "errors by hours ahead", columns: &LEADS, rows }
}

static FORECAST: [Column; 7] = [
    text("feeder", "which feeder"),
    text("time", "beginning of the hour, UTC"),
    count("lead_h", "hours after the last load; 1 is the first"),
    number("kw", "kW", "load"),
    number("low_kw", "kW", "lower bound; 90 % lie between the bounds"),
    number("high_kw", "kW", "upper bound"),
    text("method", "how it is forecast"),
];

static PARTS: [Column; 5] = [
    text("feeder", "which feeder"),
    text("time", "beginning of the hour, UTC"),
    count("lead_h", "hours after the last load; 1 is the first"),
    number("trend_kw", "kW", "level and slope"),
    number("seasonality_kw", "kW", "what the hour of the day or week adds"),
];

/// The forecast, and its parts where methods have them. A feeder that is not answered has rows without load.
pub(super) fn ahead(body: &Body, ahead: &BTreeMap<String, Result<Ahead, String>>) -> Vec<Table> {
    let (mut rows, mut parts) = (Vec::new(), Vec::new());
    for (feeder, found) in ahead {
        let kept = body.feeders.get(feeder);
        let method = kept.map_or(Value::Empty, |f| Value::text(f.method.as_str()));
        let widen = kept.and_then(|f| f.widen_kw.as_ref());
        for lead in 0..body.horizon_h {
            let at = Value::Count(lead as u64 + 1);
            let Ok(found) = found else {
                rows.push(vec![Value::text(feeder.as_str()), Value::Empty, at, Value::Empty, Value::Empty, Value::Empty, method.clone()]);
                continue;
            };
            let time = Value::text(hour_text(found.from_h + lead as i64));
            let kw = found.mean[lead];
            let half = widen.map(|w| found.drawn * w[lead]);
            let bound = |sign: f64| Value::maybe(kw.zip(half).map(|(v, w)| v + sign * w));
            rows.push(vec![
                Value::text(feeder.as_str()),
                time.clone(),
                at.clone(),
                Value::maybe(kw),
                bound(-1.0),
                bound(1.0),
                method.clone(),
            ]);
            if let Some([trend, season]) = &found.parts {
                parts.push(vec![Value::text(feeder.as_str()), time, at, Value::maybe(Some(trend[lead])), Value::maybe(Some(season[lead]))]);
            }
        }
    }
    let mut tables = vec![Table { name: "forecast", meaning: "load of the next hours", columns: &FORECAST, rows }];
    if !parts.is_empty() {
        tables.push(Table { name: "parts", meaning: "trend and seasonality, which add up to the forecast", columns: &PARTS, rows: parts });
    }
    tables
}
