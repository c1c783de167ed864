//! Health of assets a week and a month ahead: a forest of quantiles on past days alone, widened until it holds.
//!
//! ```text
//! days of each asset ─► features of the last days ─► forest of the change over 7 and 30 days ─► quantiles
//!    origins by time: train | 30 days | calibrate (conformal) | 30 days | test (figures)
//! ```
//!
//! The change is learned and not the score, since trees repeat what they saw and could not say a score that is lower than any of training.

use super::common::{SEED, TEST_PART, TREES, calibrate_part, moment, partial};
use super::rows::{Parts, no_better, not_askable, numbered, shown, span, taken};
use crate::conformal::Conformal;
use crate::explain::Explainer;
use crate::forest::{Forest, Options};
use crate::guard::{Fault, Faults, FitError, Needs, Reference, table_faults, time_faults};
use crate::matrix::Matrix;
use crate::metrics;
use crate::module::{
    About, Answer, Better, Card, Figure, Frame, HeldOut, Input, InputKind, Metric, Model, Module, Question, Refused, Reliable, Setting,
    SettingKind, Settings, drift_note_in_time, number, outside_note, text, time, unfit, unfit_for,
};
use crate::resample::interval;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use studies::table::{self, Column, Table, Value};

/// See the file's header.
pub struct HealthForecast;

const DAY_S: i64 = 86_400;
const NEAR_D: i64 = 7;
const FAR_D: i64 = 30;
/// Part of the days of history that must be there.
const LEAST_DAYS: f64 = 0.8;
const DRAWS: usize = 200;
/// Origins that each part has at least: of fewer a quantile cannot be told.
const LEAST_ORIGINS: usize = 40;

static ABOUT: About = About {
    id: "health-forecast",
    title: "Health in 30 days",
    question: "How healthy will each asset be in a week and in a month, and which must be seen to first?",
    method: "quantile regression forest (Breiman 2001, Meinshausen 2006) of the change, widened by conformal prediction (Romano and others 2019)",
    inputs: &[Input {
        name: "health",
        meaning: "one row for each asset and day",
        kind: InputKind::Table {
            columns: &[
                time("time", "day"),
                text("asset", "which asset").also(&["equipment", "element"]),
                number("health_score", "", "health from 0 (worst) to 100"),
            ],
            others: "further features of the day, such as temperature_c, loading_pct; their last value and their mean of a week are used",
        },
        needed_to_fit: true,
        needed_to_apply: true,
    }],
    settings: &[
        Setting {
            name: "limit",
            kind: SettingKind::Number { low: 0.0, high: 100.0 },
            default: Some("70"),
            unit: "",
            meaning: "score below which an asset has to be seen to",
        },
        Setting {
            name: "outside_pct",
            kind: SettingKind::Number { low: 2.0, high: 50.0 },
            default: Some("20"),
            unit: "%",
            meaning: "part of the scores that may lie outside of the interval, half of them below its lower end",
        },
        Setting {
            name: "history_d",
            kind: SettingKind::Count { low: 7, high: 365 },
            default: Some("30"),
            unit: "d",
            meaning: "days looked back; where a fifth of them is missing nothing is answered",
        },
        Setting {
            name: "every_d",
            kind: SettingKind::Count { low: 1, high: 60 },
            default: Some("7"),
            unit: "d",
            meaning: "days between the days that are learned from; neighbours are nearly the same",
        },
        calibrate_part("part of the days, before the latest, that the intervals are widened by"),
        TEST_PART,
        TREES,
        SEED,
    ],
    keeps: true,
    page: "learning-modules-tables",
};

/// Days of one asset by day since 1970.
struct Asset {
    name: String,
    /// Row of each day.
    days: BTreeMap<i64, usize>,
}

/// Assets with their scores and further columns.
struct Health {
    assets: Vec<Asset>,
    score: Vec<f64>,
    others: Vec<(String, Vec<f64>)>,
    history_d: i64,
}

/// A day of an asset from which is looked ahead.
#[derive(Clone, Copy)]
struct Origin {
    asset: usize,
    day: i64,
}

impl Health {
    fn of(frame: &Frame, others: &[String], history_d: i64) -> Self {
        let (numbers, names) = numbered(frame.text("asset"));
        let score = frame.number("health_score").to_vec();
        let mut assets: Vec<Asset> = names.into_iter().map(|name| Asset { name, days: BTreeMap::new() }).collect();
        for (row, (&a, &t)) in numbers.iter().zip(frame.time("time")).enumerate() {
            if score[row].is_finite() {
                assets[a as usize].days.insert(t.div_euclid(DAY_S), row);
            }
        }
        let column = |n: &String| (n.clone(), frame.maybe_number(n).expect("a column that was looked for").to_vec());
        Self { assets, score, others: others.iter().map(column).collect(), history_d }
    }

    fn names(&self) -> Vec<String> {
        let h = self.history_d;
        let mut names: Vec<String> = ["score", "score_mean_7d", "score_slope_7d"].map(String::from).to_vec();
        names.extend([format!("score_mean_{h}d"), format!("score_least_{h}d"), format!("score_slope_{h}d"), format!("score_sd_{h}d")]);
        for (name, _) in &self.others {
            names.extend([name.clone(), format!("{name}, mean of 7 d")]);
        }
        names
    }

    /// What is known on a day of the days before and of itself; none with too little history, or a gap in a further column.
    fn row(&self, origin: Origin) -> Option<Vec<f64>> {
        let days = &self.assets[origin.asset].days;
        let today = *days.get(&origin.day)?;
        let back =
            |d: i64| days.range(origin.day - d + 1..=origin.day).map(|(&day, &row)| ((day - origin.day) as f64, row)).collect::<Vec<_>>();
        let (long, week) = (back(self.history_d), back(NEAR_D));
        if (long.len() as f64) < LEAST_DAYS * self.history_d as f64 || week.len() < 3 {
            return None;
        }
        let of = |rows: &[(f64, usize)], values: &[f64]| rows.iter().map(|(d, i)| (*d, values[*i])).collect::<Vec<_>>();
        let (long_score, week_score) = (of(&long, &self.score), of(&week, &self.score));
        let least = long_score.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
        let mut row = vec![self.score[today], mean(&week_score), slope(&week_score)];
        row.extend([mean(&long_score), least, slope(&long_score), deviation(&long_score)]);
        for (_, values) in &self.others {
            row.extend([values[today], mean(&of(&week, values))]);
        }
        row.iter().all(|v| v.is_finite()).then_some(row)
    }

    /// How the score changes within so many days; none where that day is missing.
    fn change(&self, origin: Origin, ahead_d: i64) -> Option<f64> {
        let days = &self.assets[origin.asset].days;
        Some(self.score[*days.get(&(origin.day + ahead_d))?] - self.score[*days.get(&origin.day)?])
    }
}

fn mean(points: &[(f64, f64)]) -> f64 {
    points.iter().map(|p| p.1).sum::<f64>() / points.len() as f64
}

/// Of the straight line of least squares, a day.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let (d, y) = (points.iter().map(|p| p.0).sum::<f64>() / n, mean(points));
    let spread: f64 = points.iter().map(|p| (p.0 - d).powi(2)).sum();
    if spread > 0.0 { points.iter().map(|p| (p.0 - d) * (p.1 - y)).sum::<f64>() / spread } else { 0.0 }
}

fn deviation(points: &[(f64, f64)]) -> f64 {
    let y = mean(points);
    (points.iter().map(|p| (p.1 - y).powi(2)).sum::<f64>() / points.len() as f64).sqrt()
}

/// A forest of the change within some days, and by how much its quantiles are widened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ahead {
    forest: Forest,
    conformal: Conformal,
}

impl Ahead {
    /// Low, middle and high change of rows within training.
    fn say(&self, x: &Matrix) -> [Vec<f64>; 3] {
        let (q, _) = self.forest.predict_quantiles(x, &levels(self.conformal.alpha)).expect("rows within the ranges of training");
        let mut said = [Vec::new(), q.column(1).collect(), Vec::new()];
        for (low, high) in q.column(0).zip(q.column(2)) {
            let (low, high) = self.conformal.between(low, high);
            said[0].push(low);
            said[2].push(high);
        }
        // Where intervals are drawn in past the median, the median gives way.
        for k in 0..said[1].len() {
            said[1][k] = said[1][k].clamp(said[0][k], said[2][k]);
        }
        said
    }
}

fn levels(alpha: f64) -> [f64; 3] {
    [alpha / 2.0, 0.5, 1.0 - alpha / 2.0]
}

#[derive(Serialize, Deserialize)]
struct Body {
    /// Further columns, and the features made of all.
    others: Vec<String>,
    names: Vec<String>,
    history_d: i64,
    near: Ahead,
    far: Ahead,
}

/// Days that are learned from or judged by.
struct Sheet {
    x: Matrix,
    near: Vec<f64>,
    far: Vec<f64>,
    asset: Vec<u32>,
    times_s: Vec<i64>,
}

impl Sheet {
    fn of(health: &Health, every_d: i64) -> Self {
        let mut sheet =
            Self { x: Matrix::new(health.names().len()), near: Vec::new(), far: Vec::new(), asset: Vec::new(), times_s: Vec::new() };
        for (a, asset) in health.assets.iter().enumerate() {
            for &day in asset.days.keys().filter(|d| d.rem_euclid(every_d) == 0) {
                let origin = Origin { asset: a, day };
                let ahead = (health.change(origin, NEAR_D), health.change(origin, FAR_D));
                if let ((Some(near), Some(far)), Some(row)) = (ahead, health.row(origin)) {
                    sheet.x.push(&row);
                    sheet.near.push(near);
                    sheet.far.push(far);
                    sheet.asset.push(a as u32);
                    sheet.times_s.push(day * DAY_S);
                }
            }
        }
        sheet
    }
}

fn ahead(sheet: &Sheet, y: &[f64], train: &[usize], later: &[usize], s: &Settings) -> Result<Ahead, FitError> {
    let options = Options { trees: s.count("trees"), seed: s.count("seed") as u64, ..Options::quantiles() };
    let forest = Forest::fit(&sheet.x.select(train), &taken(y, train), &options)?;
    let inside: Vec<usize> = later.iter().copied().filter(|&i| forest.ranges.holds(sheet.x.row(i))).collect();
    let alpha = s.number("outside_pct") / 100.0;
    if inside.is_empty() {
        return Err(Fault::TooFewRows { found: 0, needed: LEAST_ORIGINS }.into());
    }
    let (q, _) = forest.predict_quantiles(&sheet.x.select(&inside), &levels(alpha)).expect("rows within the ranges of training");
    let (low, high): (Vec<f64>, Vec<f64>) = (q.column(0).collect(), q.column(2).collect());
    let conformal = Conformal::of_quantiles(&taken(y, &inside), &low, &high, alpha)?;
    Ok(Ahead { forest, conformal })
}

impl Module for HealthForecast {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (frame, s) = (question.table("health"), question.settings);
        let others: Vec<String> = frame.others().map(|(n, _)| n.to_owned()).collect();
        refuse_unfit(frame, &others)?;
        let health = Health::of(frame, &others, s.count("history_d") as i64);
        let names = health.names();
        let named: Vec<&str> = names.iter().map(String::as_str).collect();
        let sheet = Sheet::of(&health, s.count("every_d") as i64);
        let gap_s = FAR_D * DAY_S;
        let refuse = |e: FitError| unfit("the days of health that have history before and a month after", &e, &named);
        if sheet.x.rows() < 3 * LEAST_ORIGINS {
            return Err(refuse(Fault::TooFewRows { found: sheet.x.rows(), needed: 3 * LEAST_ORIGINS }.into()));
        }
        let parts = Parts::of(&sheet.times_s, s.number("calibrate_part"), s.number("test_part"), gap_s).map_err(refuse)?;
        for of in [&parts.train, &parts.calibrate, &parts.test] {
            if of.len() < LEAST_ORIGINS {
                return Err(refuse(Fault::TooFewRows { found: of.len(), needed: LEAST_ORIGINS }.into()));
            }
        }
        let far = ahead(&sheet, &sheet.far, &parts.train, &parts.calibrate, s).map_err(refuse)?;
        let near = ahead(&sheet, &sheet.near, &parts.train, &parts.calibrate, s).map_err(refuse)?;
        let answered: Vec<usize> = parts.test.iter().copied().filter(|&i| far.forest.ranges.holds(sheet.x.row(i))).collect();
        if answered.is_empty() {
            return Err(unfit_for("health", &"no held-out day is within what the days before hold; give a longer time or more assets"));
        }
        let judged = Judged::of(&sheet, &answered, &parts.train, [&near, &far], s);
        let no_figure = |e: metrics::MetricError| unfit_for("health", &format!("no figure can be taken of the held-out days: {e}"));
        let (metrics, beaten) = judged.metrics(s).map_err(no_figure)?;
        let calibration = judged.by_quantile(&far, &sheet, &answered);

        // What is kept: learned from all days whose month ended before the held-out ones, widened by those.
        let before: Vec<usize> = (0..sheet.times_s.len()).filter(|&i| sheet.times_s[i] < parts.test_from_s.saturating_sub(gap_s)).collect();
        let body = Body {
            near: ahead(&sheet, &sheet.near, &before, &parts.test, s).map_err(refuse)?,
            far: ahead(&sheet, &sheet.far, &before, &parts.test, s).map_err(refuse)?,
            history_d: health.history_d,
            others,
            names: names.clone(),
        };
        let unanswered = parts.test.len() - answered.len();
        let card = Card {
            rows: before.len(),
            span_s: span(&sheet.times_s, &before),
            features: shown(&names, &body.far.forest.ranges, Some(&body.far.forest.importance)),
            says: format!("health score (0 to 100) in {NEAR_D} and {FAR_D} days with an interval, and urgency"),
            held_out: HeldOut {
                how: format!(
                    "by time: days from {} on. A month lies between the days that are learned from, those that widen the intervals and those that are judged. The \
                     kept forest is grown on all days whose month ended before the held-out ones, and its intervals are widened by the held-out ones. \
                     Intervals of figures by drawing assets anew. {unanswered} held-out days were outside of training and are not in the figures",
                    moment(parts.test_from_s)
                ),
                rows: answered.len(),
                span_s: span(&sheet.times_s, &answered),
            },
            metrics,
            calibration,
            limits: vec![
                format!(
                    "An asset with less than {:.0} % of the last {} days, or a gap in a further column, is not answered.",
                    100.0 * LEAST_DAYS,
                    health.history_d
                ),
                "Repairs are not known: a score that a repair would raise is forecast without it, unless training is full of repairs."
                    .to_owned(),
                format!("It looks at the days {NEAR_D} and {FAR_D} ahead; a dip between them is not seen."),
                "Intervals hold over all assets together, not for each of them.".to_owned(),
            ],
            ..Card::default()
        };
        let figure = |name: &str| card.metrics.iter().find(|m| m.name == name).map_or(f64::NAN, |m| m.value);
        let (off, still, covered) = (figure("MAE in 30 days"), judged.still().map_err(no_figure)?, figure("coverage in 30 days"));
        let but = if beaten.is_some() { " It is no better than a score that stays as it is." } else { "" };
        let headline = format!(
            "On {} days that it had not seen the score in {FAR_D} days is off by {off:.2} on average (if it stayed as it is: {still:.2}), and {covered:.1} % lie \
             within their interval ({:.0} % were promised).{but}",
            answered.len(),
            100.0 - s.number("outside_pct")
        );
        let figures = vec![
            Figure { name: "mae", unit: "", value: off, meaning: "mean error of the score in 30 days on held-out days" },
            Figure { name: "mae_as_it_is", unit: "", value: still, meaning: "the same if the score stayed as it is" },
            Figure { name: "coverage_pct", unit: "%", value: covered, meaning: "held-out scores in 30 days within their interval" },
        ];
        let mut notes = Vec::new();
        if let Some(why) = beaten {
            notes.push(no_better(why));
        }
        notes.extend(outside_note(unanswered, parts.test.len()));
        let (table, left) = forecasts(&body, &health, s);
        notes.extend(left);
        let reference = Reference::of(&sheet.x.select(&before)).ok();
        let model = Model::new(card, &body).with_reference(reference);
        Ok(Answer { headline, figures, tables: vec![table], notes, model: Some(model) })
    }

    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        let (frame, s) = (question.table("health"), question.settings);
        let body: Body = model.body()?;
        super::rows::like("health", frame, &body.others)?;
        if frame.rows() == 0 {
            return Err(vec![not_askable("health", "there are no rows")]);
        }
        let health = Health::of(frame, &body.others, body.history_d);
        let (table, mut notes) = forecasts(&body, &health, s);
        let of = |word: &str| table.rows.iter().filter(|r| r[9] == Value::Text(word.to_owned())).count();
        let (week, month) = (of(WITHIN_7), of(WITHIN_30));
        let answered = table.rows.iter().filter(|r| r[9] != Value::Empty).count();
        let headline = format!(
            "{week} of {answered} assets may be below {} within {NEAR_D} days, {month} more within {FAR_D}; {} are not answered.",
            s.number("limit"),
            table.rows.len() - answered
        );
        let figures = vec![
            Figure { name: "within_7_days", unit: "", value: week as f64, meaning: "assets that may be below the limit within 7 days" },
            Figure { name: "within_30_days", unit: "", value: month as f64, meaning: "further assets that may be below it within 30 days" },
            Figure { name: "answered", unit: "", value: answered as f64, meaning: "assets that are answered" },
        ];
        let mut now = Matrix::new(body.names.len());
        latest(&health).filter_map(|o| health.row(o)).for_each(|row| now.push(&row));
        let course = || {
            let (mut rows, mut times_s) = (Matrix::new(body.names.len()), Vec::new());
            for (asset, a) in health.assets.iter().enumerate() {
                for &day in a.days.keys() {
                    let Some(row) = health.row(Origin { asset, day }) else { continue };
                    rows.push(&row);
                    times_s.push(day * DAY_S);
                }
            }
            (rows, times_s)
        };
        notes.extend(drift_note_in_time(model, &now, course));
        Ok(Answer { headline, figures, tables: vec![table], notes, model: None })
    }
}

fn refuse_unfit(frame: &Frame, others: &[String]) -> Result<(), Refused> {
    let score = frame.number("health_score");
    let days: Vec<i64> = frame.time("time").iter().map(|t| t.div_euclid(DAY_S) * DAY_S).collect();
    let (assets, _) = numbered(frame.text("asset"));
    let mut x = Matrix::new(1 + others.len());
    let columns: Vec<&[f64]> = std::iter::once(score).chain(others.iter().filter_map(|n| frame.maybe_number(n))).collect();
    (0..frame.rows()).for_each(|i| x.push(&columns.iter().map(|c| c[i]).collect::<Vec<_>>()));
    let named: Vec<&str> = std::iter::once("health_score").chain(others.iter().map(String::as_str)).collect();
    let mut faults = Faults::default();
    table_faults(&x, Needs { rows: 200, missing: true, varying: true }, &mut faults);
    time_faults(days.len(), &days, Some(&assets), &mut faults);
    if let Some(&found) = score.iter().find(|v| v.is_finite() && !(0.0..=100.0).contains(*v)) {
        faults.add(Fault::Choice { name: "a health score", found, must: "from 0 to 100" });
    }
    faults.none().map_err(|e| unfit("health", &e, &named))
}

/// What was said of held-out days.
struct Judged {
    /// Score on the day, and 30 days on.
    now: Vec<f64>,
    near: Vec<f64>,
    far: Vec<f64>,
    said_near: [Vec<f64>; 3],
    said_far: [Vec<f64>; 3],
    /// Quantiles of the change over 30 days in training: what "stays as it is" may be off by.
    usual: [f64; 3],
    asset: Vec<u32>,
}

impl Judged {
    fn of(sheet: &Sheet, rows: &[usize], train: &[usize], [near, far]: [&Ahead; 2], s: &Settings) -> Self {
        let x = sheet.x.select(rows);
        let mut past = taken(&sheet.far, train);
        past.sort_unstable_by(f64::total_cmp);
        let at = |q: f64| past[((q * past.len() as f64).ceil() as usize).clamp(1, past.len()) - 1];
        let [low, _, high] = levels(s.number("outside_pct") / 100.0);
        Self {
            now: x.column(0).collect(),
            near: taken(&sheet.near, rows),
            far: taken(&sheet.far, rows),
            said_near: near.say(&x),
            said_far: far.say(&x),
            usual: [at(low), 0.0, at(high)],
            asset: taken(&sheet.asset, rows),
        }
    }

    /// Mean error of a score that stays as it is.
    fn still(&self) -> Result<f64, metrics::MetricError> {
        metrics::mae(&self.far, &vec![0.0; self.far.len()])
    }

    fn metrics(&self, s: &Settings) -> Result<(Vec<Metric>, Option<String>), metrics::MetricError> {
        let alpha = s.number("outside_pct") / 100.0;
        let level = levels(alpha);
        let n = self.far.len();
        let constant = |v: f64| vec![v; n];
        let usual = self.usual.map(constant);
        let pinball = |said: &[Vec<f64>; 3], rows: &[usize]| -> Result<f64, metrics::MetricError> {
            let actual = taken(&self.far, rows);
            let of = |k: usize| metrics::pinball(&actual, &taken(&said[k], rows), level[k]);
            Ok((of(0)? + of(1)? + of(2)?) / 3.0)
        };
        let all: Vec<usize> = (0..n).collect();
        let seed = s.count("seed") as u64;
        let sure = |metric: Metric, figure: &dyn Fn(&[usize]) -> Option<f64>| match interval(&self.asset, DRAWS, seed, figure) {
            Some((low, high)) => metric.between(low, high),
            None => metric,
        };
        let covered = |actual: &[f64], said: &[Vec<f64>; 3]| metrics::coverage(actual, &said[0], &said[2]);
        let (near, far, still) = (covered(&self.near, &self.said_near)?, covered(&self.far, &self.said_far)?, covered(&self.far, &usual)?);
        let (ours, simple) = (pinball(&self.said_far, &all)?, pinball(&usual, &all)?);
        let target = 100.0 * (1.0 - alpha);
        let mut list = vec![
            sure(Metric::new("pinball loss in 30 days", "", ours, Better::Lower), &|r| pinball(&self.said_far, r).ok())
                .against("stays as it is, give or take the changes of training", simple),
            sure(Metric::new("MAE in 30 days", "", metrics::mae(&self.far, &self.said_far[1])?, Better::Lower), &|r| {
                metrics::mae(&taken(&self.far, r), &taken(&self.said_far[1], r)).ok()
            })
            .against("stays as it is", self.still()?),
            Metric::new("MAE in 7 days", "", metrics::mae(&self.near, &self.said_near[1])?, Better::Lower)
                .against("stays as it is", metrics::mae(&self.near, &constant(0.0))?),
            sure(Metric::new("coverage in 30 days", "%", 100.0 * far.0, Better::Near).near(target), &|r| {
                let of = |v: &[f64]| taken(v, r);
                metrics::coverage(&of(&self.far), &of(&self.said_far[0]), &of(&self.said_far[2])).ok().map(|c| 100.0 * c.0)
            })
            .against("stays as it is, give or take the changes of training", 100.0 * still.0),
            Metric::new("coverage in 7 days", "%", 100.0 * near.0, Better::Near).near(target),
            Metric::new("width in 30 days", "", far.1, Better::Lower)
                .against("stays as it is, give or take the changes of training", still.1),
        ];
        // Of the assets that will be below the limit, those that are told.
        let limit = s.number("limit");
        let below: Vec<bool> = (0..n).map(|i| self.now[i] + self.far[i] < limit).collect();
        let told: Vec<bool> = (0..n).map(|i| self.now[i] + self.said_far[0][i] < limit).collect();
        let already: Vec<bool> = self.now.iter().map(|v| *v < limit).collect();
        let (c, simple_c) = (metrics::Confusion::of(&below, &told)?, metrics::Confusion::of(&below, &already)?);
        type Of = fn(&metrics::Confusion) -> Option<f64>;
        let figures: [(&str, Of); 2] =
            [("recall of scores below the limit", metrics::Confusion::recall), ("precision of the same", metrics::Confusion::precision)];
        for (name, of) in figures {
            if let Some(v) = of(&c) {
                let metric = Metric::new(name, "", v, Better::Higher);
                list.push(of(&simple_c).map_or(metric.clone(), |b| metric.against("below it already", b)));
            }
        }
        let beaten = (ours >= simple).then(|| format!("Pinball loss {ours:.4}, of a score that stays as it is {simple:.4}."));
        Ok((list, beaten))
    }

    /// Quantiles of the forest, before they are widened, against the part of scores below them.
    fn by_quantile(&self, far: &Ahead, sheet: &Sheet, rows: &[usize]) -> Vec<Reliable> {
        let said = [0.1, 0.3, 0.5, 0.7, 0.9];
        let Ok((q, _)) = far.forest.predict_quantiles(&sheet.x.select(rows), &said) else { return Vec::new() };
        let came = |k: usize| q.column(k).zip(&self.far).filter(|(q, y)| *y <= q).count() as f64 / rows.len() as f64;
        (0..said.len()).map(|k| Reliable { said: said[k], came: came(k), rows: rows.len() }).collect()
    }
}

const WITHIN_7: &str = "within_7_days";
const WITHIN_30: &str = "within_30_days";
const ROUTINE: &str = "routine";

const FORECASTS: &[Column] = &[
    table::text("asset", "asset"),
    table::text("time", "last day known, UTC"),
    table::number("health_score", "", "score on that day"),
    table::number("low_7d", "", "lower end of the interval in 7 days"),
    table::number("mid_7d", "", "median in 7 days"),
    table::number("high_7d", "", "upper end in 7 days"),
    table::number("low_30d", "", "lower end in 30 days"),
    table::number("mid_30d", "", "median in 30 days"),
    table::number("high_30d", "", "upper end in 30 days"),
    table::text("urgency", "within_7_days, within_30_days (the lower end is below the limit by then) or routine; empty where not answered"),
    table::text("why", "features that move the score in 30 days most, in points; or why nothing is answered"),
];

/// The last day of each asset.
fn latest(health: &Health) -> impl Iterator<Item = Origin> + '_ {
    health.assets.iter().enumerate().filter_map(|(asset, a)| a.days.keys().next_back().map(|&day| Origin { asset, day }))
}

/// Forecasts from the last day of each asset, the most urgent first, and what was left out.
fn forecasts(body: &Body, health: &Health, s: &Settings) -> (Table, Vec<network::Diagnostic>) {
    let limit = s.number("limit");
    let mut explainer = Explainer::of_forest(&body.far.forest);
    let (mut rows, mut short, mut outside) = (Vec::new(), 0, 0);
    for origin in latest(health) {
        let asset = &health.assets[origin.asset];
        let score = health.score[asset.days[&origin.day]];
        let mut cells = vec![Value::text(asset.name.as_str()), Value::text(moment(origin.day * DAY_S)), Value::Number(score)];
        let row = health.row(origin);
        let inside = row.as_ref().filter(|r| body.far.forest.ranges.holds(r) && body.near.forest.ranges.holds(r));
        let Some(values) = inside else {
            let why = match &row {
                None => {
                    short += 1;
                    "too little history, or a gap in it".to_owned()
                }
                Some(r) => {
                    outside += 1;
                    let names: Vec<&str> = body.far.forest.ranges.outside(r).into_iter().map(|c| body.names[c].as_str()).collect();
                    format!("outside of training: {}", names.join(", "))
                }
            };
            cells.extend(std::iter::repeat_n(Value::Empty, 7));
            cells.push(Value::text(why));
            rows.push((3, f64::INFINITY, cells));
            continue;
        };
        let x = Matrix::from_values(values.len(), values.clone());
        let said = |a: &Ahead| a.say(&x).map(|v| (score + v[0]).clamp(0.0, 100.0));
        let (near, far) = (said(&body.near), said(&body.far));
        cells.extend(near.into_iter().chain(far).map(Value::Number));
        let (rank, word) = if score < limit || near[0] < limit {
            (0, WITHIN_7)
        } else if far[0] < limit {
            (1, WITHIN_30)
        } else {
            (2, ROUTINE)
        };
        let why = explainer.explain(values);
        let one = |&c: &usize| format!("{} = {:.2}: {:+.2}", body.names[c], values[c], why.contributions[c]);
        let reasons: Vec<String> = why.ranked().iter().take(3).filter(|&&c| why.contributions[c] != 0.0).map(one).collect();
        cells.extend([Value::text(word), Value::text(reasons.join(", "))]);
        rows.push((rank, far[0], cells));
    }
    // Stable: ties stay by name.
    rows.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut notes = Vec::new();
    if short > 0 {
        let what = format!("{short} of {} assets have too little history and are not answered", rows.len());
        notes.push(partial(what, format!("{} days are looked back.", body.history_d), "Wait, or give the days before."));
    }
    notes.extend(outside_note(outside, rows.len()));
    let rows = rows.into_iter().map(|r| r.2).collect();
    (Table { name: "forecasts", meaning: "health of each asset ahead, the most urgent first", columns: FORECASTS, rows }, notes)
}

#[cfg(test)]
mod tests;
