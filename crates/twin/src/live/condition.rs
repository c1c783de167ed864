//! The condition of transformers and breakers, from the hours that the history keeps ([`crate::watch`]).
//!
//! ```text
//! hourly means of the history ─► records of assets ─► figures of days (residuals of physics) ─► detector: oldest days train it, later ones
//! set its limit ─► the days since are judged
//! ```
//!
//! An asset is followed when every instrument that its physics needs is recorded; which one is missing is told of the others. Hours without a good
//! value are filled in straight lines for the follower, and days that lean on too many such hours are not judged.
//!
//! The days of training are taken for sound: a defect that stood before them is their normal. Nothing is said before there are enough of them.

use super::points::{Map, Mapped};
use super::twin::{Site, TwinError};
use crate::history::{Bucket, Historian, PointId, Query, Resolution, Rows};
use crate::plant::devices::quantity_of;
use crate::plant::service::{BREAKER, Record, TRANSFORMER};
use crate::watch::{Days, Detector, Figures, Method, days_of, judge};
use network::{Equipment, EquipmentKind};
use scada::UtcTime;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Oldest hours that are looked at.
const LOOKED_DAYS: i64 = 365;
/// Points that are asked for at once.
const POINTS: usize = 48;
/// Part of an hour for which a good value has to stand.
const COVERED: f64 = 0.01;
/// Hours of a day, and part of the hours of the fourteen days that end with it, that may be without one.
const MISSING_TODAY: usize = 6;
const MISSING_BEFORE: f64 = 0.25;
/// Days that train the detector at least; days after them by which its limit is set, and their part of all.
pub const TRAINING_DAYS: usize = 20;
pub const SETTING_DAYS: usize = 7;
const TRAINING_PART: f64 = 0.6;
const SETTING_PART: f64 = 0.2;
/// Days that the longest slope looks back.
const BACK_DAYS: usize = 14;

/// Readings with the unit that their quantity has in the devices' document.
const UNITS: &[(&str, &str)] = &[
    ("LOAD", "pu"),
    ("HV.V1", "kV"),
    ("HV.I_UNBALANCE", "%"),
    ("AMBIENT", "C"),
    ("TOP_OIL", "C"),
    ("HOT_SPOT", "C"),
    ("VIBRATION_2F", "mm/s2"),
    ("TAN_DELTA", "%"),
    ("SF6_20C", "bar"),
    ("SF6_GAUGE", "bar"),
    ("GAS_TEMPERATURE", "C"),
    ("CONTACT_LIFE.A", "%"),
];

/// A detector that is at work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trained {
    /// `transformer` or `breaker`.
    pub kind: &'static str,
    pub assets: Vec<String>,
    pub figures: Vec<String>,
    pub training_from_ms: i64,
    pub training_to_ms: i64,
    pub setting_to_ms: i64,
    /// In spreads of the days of training.
    pub threshold: f64,
}

/// What is not followed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotTrained {
    /// An asset, or `transformer`, `breaker` for all of them.
    pub subject: String,
    pub why: String,
}

/// An asset whose days are not as they were.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Odd {
    pub asset: String,
    /// First and last odd day of the run (their beginnings).
    pub since_ms: i64,
    pub last_ms: i64,
    pub odd_days: usize,
    /// Three odd days in a row: an alarm.
    pub alarm: bool,
    /// Of the last odd day; the detector's limit.
    pub score: f64,
    pub threshold: f64,
    /// The figure that is furthest off, and by how many spreads of its sound days.
    pub figure: String,
    pub spreads: f64,
}

/// The condition of the station's equipment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Condition {
    pub at_ms: i64,
    /// Whole days of the history that were looked at.
    pub from_ms: i64,
    pub to_ms: i64,
    pub trained: Vec<Trained>,
    pub not_trained: Vec<NotTrained>,
    /// Assets that are odd on one of the last two days that were judged.
    pub odd: Vec<Odd>,
    /// Days that were judged, of all assets together.
    pub judged_days: usize,
}

/// An asset with its kind, and its points in the history or why it has none.
type Followed<'a> = (&'a Equipment, &'static str, Result<Vec<PointId>, String>);

/// Looks at the condition. Reads the history and computes: call it where one may.
///
/// # Errors
/// A history that cannot be read.
pub(super) fn look(site: &Site, map: &Map, history: &dyn Historian, now: UtcTime) -> Result<Condition, TwinError> {
    let to_ms = now.ms().div_euclid(DAY_MS) * DAY_MS;
    let mut condition = Condition {
        at_ms: now.ms(),
        from_ms: to_ms - LOOKED_DAYS * DAY_MS,
        to_ms,
        trained: Vec::new(),
        not_trained: Vec::new(),
        odd: Vec::new(),
        judged_days: 0,
    };
    let numbers: HashMap<String, PointId> = history.points().into_iter().map(|p| (p.name.to_lowercase(), p.id)).collect();
    // Points of all assets are asked for together: every question goes through all the files of its range.
    let found: Vec<Followed> =
        site.station.equipment.iter().filter_map(|e| kind_of(e).map(|kind| (e, kind, instruments(map, e, &numbers)))).collect();
    let mut wanted: Vec<PointId> = found.iter().flat_map(|f| f.2.iter().flatten().copied()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let hours = Hours { from_ms: condition.from_ms, to_ms };
    let mut series: HashMap<PointId, Vec<f64>> = HashMap::new();
    for points in wanted.chunks(POINTS) {
        series.extend(points.iter().copied().zip(hours.of(history, points, now)?));
    }
    for kind in ["transformer", "breaker"] {
        let mut all: Vec<(Days, i64)> = Vec::new();
        for (e, _, points) in found.iter().filter(|f| f.1 == kind) {
            let of = |points: &Vec<PointId>| record(site, e, &points.iter().map(|p| series[p].as_slice()).collect::<Vec<_>>(), &hours);
            match points.as_ref().map_err(Clone::clone).and_then(of) {
                Ok(found) => all.push(found),
                Err(why) => condition.not_trained.push(NotTrained { subject: e.id.clone(), why }),
            }
        }
        judged(kind, all, &mut condition);
    }
    Ok(condition)
}

fn kind_of(e: &Equipment) -> Option<&'static str> {
    match (e.thermal.is_some(), e.kind) {
        (true, _) => Some("transformer"),
        (false, EquipmentKind::Breaker) => Some("breaker"),
        (false, EquipmentKind::PowerTransformer | EquipmentKind::DistributionTransformer) => Some("transformer"),
        _ => None,
    }
}

/// The point of an asset that shows a reading: by its quantity and terminal as the devices' document says, else by the name that it would have in
/// the simulated plant. The air is the station's.
fn point<'a>(map: &'a Map, asset: &str, reading: &str) -> Option<&'a Mapped> {
    let (words, terminal) = reading.strip_prefix("HV.").map_or((reading, None), |w| (w, Some(1)));
    let unit = UNITS.iter().find(|(name, _)| *name == reading).map_or("ul/l", |(_, unit)| unit);
    let (quantity, phase) = quantity_of(words, unit);
    let is_air = reading == "AMBIENT";
    let by_quantity = |p: &&Mapped| {
        (is_air || p.asset.as_deref().is_some_and(|a| a.eq_ignore_ascii_case(asset)))
            && p.spec.element.as_ref().is_some_and(|e| {
                *e.quantity == *quantity && (terminal.is_none() || e.terminal == terminal) && (phase.is_none() || phase == e.phase)
            })
    };
    let name = format!("{}.{reading}", if is_air { "STATION" } else { asset });
    let by_name = |p: &&Mapped| p.spec.name.eq_ignore_ascii_case(&name);
    map.points.iter().find(by_quantity).or_else(|| map.points.iter().find(by_name))
}

/// Readings that the physics of an asset needs.
fn readings(e: &Equipment) -> Option<&'static [&'static str]> {
    match (e.thermal, e.kind) {
        (Some(_), _) => Some(&TRANSFORMER),
        (None, EquipmentKind::Breaker) => Some(&BREAKER),
        _ => None,
    }
}

/// The points of these readings in the history, or what is missing.
fn instruments(map: &Map, e: &Equipment, numbers: &HashMap<String, PointId>) -> Result<Vec<PointId>, String> {
    let readings = readings(e).ok_or("the register gives no thermal nameplate")?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for reading in readings {
        match point(map, &e.id, reading).and_then(|p| numbers.get(&p.spec.name.to_lowercase())) {
            Some(number) => found.push(*number),
            None => missing.push(*reading),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(format!("nothing is recorded of {}", missing.join(", "))) }
}

/// The hours that are looked at.
struct Hours {
    from_ms: i64,
    to_ms: i64,
}

impl Hours {
    /// Mean of each hour of each point; NaN where no good value stands for long enough.
    fn of(&self, history: &dyn Historian, points: &[PointId], now: UtcTime) -> Result<Vec<Vec<f64>>, TwinError> {
        let n = ((self.to_ms - self.from_ms) / HOUR_MS) as usize;
        let (from, to) = (UtcTime::from_ms(self.from_ms), UtcTime::from_ms(self.to_ms));
        let answer = history.query(&Query { points: points.to_vec(), from, to, resolution: Resolution::Hourly, now })?;
        let mean = |b: &Bucket| b.mean().filter(|_| b.good_us as f64 >= COVERED * b.width_us as f64);
        let series = answer.series.into_iter().map(|s| {
            let mut hours = vec![f64::NAN; n];
            if let Rows::Buckets(buckets) = s.rows {
                for b in &buckets {
                    let at = usize::try_from((b.start.ms() - self.from_ms) / HOUR_MS).ok();
                    if let (Some(hour), Some(value)) = (at.and_then(|k| hours.get_mut(k)), mean(b)) {
                        *hour = value;
                    }
                }
            }
            hours
        });
        Ok(series.collect())
    }
}

/// Figures of the days of an asset from the hours of its readings, and the time of its day 0 (ms).
///
/// # Errors
/// Why there are none.
fn record(site: &Site, e: &Equipment, series: &[&[f64]], hours: &Hours) -> Result<(Days, i64), String> {
    let columns = readings(e).ok_or("the register gives no thermal nameplate")?;
    let n = series[0].len();
    let is_there: Vec<bool> = (0..n).map(|k| series.iter().all(|s| s[k].is_finite())).collect();
    // The record begins with the first whole day on which everything is known.
    let Some(first) = (0..n / 24).find(|d| is_there[d * 24..(d + 1) * 24].iter().filter(|t| !**t).count() <= MISSING_TODAY) else {
        return Err("no whole day is recorded yet".to_owned());
    };
    let rows = first * 24..n;
    let filled: Vec<Vec<f64>> = series.iter().map(|s| filled(&s[rows.clone()])).collect();
    let v_base_kv = e.parts.first().map_or(f64::NAN, |p| {
        let bus = site.network.common(p.element).terminals[0].bus;
        site.network.bus(bus).kv_base_ln
    });
    let mut values = Vec::with_capacity(rows.len() * columns.len());
    for k in 0..rows.len() {
        values.extend(filled.iter().map(|s| s[k]));
    }
    let record = Record {
        asset: e.id.clone(),
        kind: e.kind,
        thermal: e.thermal,
        v_base_kv,
        leak_pct_per_year: e.rating.get("sf6_leak_pct_per_year").copied().unwrap_or(0.0),
        columns,
        time_s: (0..rows.len()).map(|k| k as f64 * 3600.0).collect(),
        values,
        defects: Vec::new(),
    };
    let mut days = days_of(&record, 1.0, Figures::Residual);
    let known = |day: usize| {
        let gone = |from: usize| is_there[(first + from) * 24..(first + day + 1) * 24].iter().filter(|t| !**t).count();
        let back = (day + 1).min(BACK_DAYS);
        gone(day) <= MISSING_TODAY && gone(day + 1 - back) as f64 <= MISSING_BEFORE * (back * 24) as f64
    };
    let kept: Vec<usize> = (0..days.day.len()).filter(|&k| known(days.day[k]) && days.row(k).iter().all(|x| x.is_finite())).collect();
    days.values = kept.iter().flat_map(|&k| days.row(k).to_vec()).collect();
    days.day = kept.iter().map(|&k| days.day[k]).collect();
    Ok((days, hours.from_ms + first as i64 * DAY_MS))
}

/// Gaps in straight lines; before the first and after the last value as these are.
fn filled(values: &[f64]) -> Vec<f64> {
    let mut out = values.to_vec();
    let mut last: Option<usize> = None;
    for k in 0..=values.len() {
        if k < values.len() && !values[k].is_finite() {
            continue;
        }
        let from = last.map_or(0, |l| l + 1);
        for (j, slot) in out.iter_mut().enumerate().take(k).skip(from) {
            *slot = match (last, values.get(k)) {
                (Some(l), Some(next)) => values[l] + (next - values[l]) * (j - l) as f64 / (k - l) as f64,
                (Some(l), None) => values[l],
                (None, Some(next)) => *next,
                (None, None) => f64::NAN,
            };
        }
        last = Some(k);
    }
    out
}

/// Fits the detector of a kind, and judges the days after those that set its limit.
fn judged(kind: &'static str, all: Vec<(Days, i64)>, condition: &mut Condition) {
    // Days of all assets on one axis: that of the oldest.
    let Some(start_ms) = all.iter().map(|a| a.1).min() else { return };
    let on_axis = |(mut days, from_ms): (Days, i64)| {
        let later = ((from_ms - start_ms) / DAY_MS) as usize;
        days.day.iter_mut().for_each(|d| *d += later);
        days
    };
    let mut all: Vec<Days> = all.into_iter().map(on_axis).collect();
    let mut axis: Vec<usize> = all.iter().flat_map(|d| d.day.clone()).collect();
    axis.sort_unstable();
    axis.dedup();
    let needed = TRAINING_DAYS + SETTING_DAYS + 1;
    if axis.len() < needed {
        let why = format!(
            "{} days of figures are recorded; {needed} are needed: {TRAINING_DAYS} to train, {SETTING_DAYS} to set the limit, and one to judge. The first figures of slopes take {BACK_DAYS} days more.",
            axis.len()
        );
        condition.not_trained.push(NotTrained { subject: kind.to_owned(), why });
        return;
    }
    let of = |part: f64, least: usize| ((axis.len() as f64 * part) as usize).max(least);
    let training = of(TRAINING_PART, TRAINING_DAYS);
    let setting = of(SETTING_PART, SETTING_DAYS).min(axis.len() - training - 1);
    let (trained_to, set_to) = (axis[training], axis[training + setting]);
    // Later instruments: an asset with too few days of training is told and left out.
    all.retain(|days| {
        let found = days.day.iter().filter(|d| **d < trained_to).count();
        if found < TRAINING_DAYS {
            let why = format!("{found} of its days are recorded in the time of training; {TRAINING_DAYS} are needed");
            condition.not_trained.push(NotTrained { subject: days.asset.clone(), why });
        }
        found >= TRAINING_DAYS
    });
    let detector = match Detector::fit(&all, 0..trained_to, trained_to..set_to, Method::Largest, 1) {
        Ok(detector) => detector,
        Err(why) => {
            condition.not_trained.push(NotTrained { subject: kind.to_owned(), why: why.to_string() });
            return;
        }
    };
    let day_ms = |day: usize| start_ms + day as i64 * DAY_MS;
    let last_day = axis.last().copied().unwrap_or(0);
    for days in &all {
        // Figures were checked when the detector was fitted.
        let Ok(scores) = detector.score(days) else { continue };
        let judged: BTreeMap<usize, _> = scores.iter().filter(|s| s.day >= set_to).map(|s| (s.day, s)).collect();
        condition.judged_days += judged.len();
        let odd: Vec<usize> = judged.values().filter(|s| s.odd).map(|s| s.day).collect();
        let Some(&last) = odd.last().filter(|d| **d + 2 > last_day) else { continue };
        let run = odd.iter().rev().zip(0..).take_while(|(day, k)| **day + k == last).count();
        let s = judged[&last];
        condition.odd.push(Odd {
            asset: days.asset.clone(),
            since_ms: day_ms(last + 1 - run),
            last_ms: day_ms(last),
            odd_days: run,
            alarm: judge::alarms(&days.asset, &odd).last().is_some_and(|a| a.last == last),
            score: s.score,
            threshold: detector.threshold,
            figure: detector.names()[s.figure].clone(),
            spreads: s.spreads,
        });
    }
    condition.odd.sort_by(|a, b| (b.score / b.threshold).total_cmp(&(a.score / a.threshold)));
    condition.trained.push(Trained {
        kind,
        assets: all.iter().map(|d| d.asset.clone()).collect(),
        figures: detector.names().to_vec(),
        training_from_ms: day_ms(axis[0]),
        training_to_ms: day_ms(trained_to),
        setting_to_ms: day_ms(set_to),
        threshold: detector.threshold,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_in_straight_lines() {
        let n = f64::NAN;
        assert_eq!(filled(&[n, 1.0, n, n, 4.0, n]), [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        assert!(filled(&[n, n]).iter().all(|x| x.is_nan()));
    }
}
