//! Daily shapes of meters or feeders, and the groups that they fall into ([`crate::cluster`]).
//!
//! A shape is the mean load of each hour of the day over the workdays, or the weekend days, of a season, over its own mean: 24 numbers with mean 1. Shapes are
//! grouped by k-means (straight distance) and by dynamic time warping with hours up to [`BAND_H`] apart; each takes the number of groups with the largest mean
//! silhouette in its own distance.
//!
//! **None of them.** The mean of `n` days lies off by chance alone: with `s_h²` the variance of hour `h` from day to day, over the squared mean load, the square of a
//! distance has the mean `q = Σ s_h² / n` more, and the deviation `q sqrt(2/24)` for hours that err by themselves. What a shape surely lies off is
//!
//! ```text
//! d_sure² = max(0, d² - q (1 + 2.33 sqrt(2/24)))
//! ```
//!
//! and a new shape that surely lies further from the nearest centre than 99 % of the shapes of that group in training is none of the groups. Without `q` a shape of
//! few days would be none of them for its noise.

use super::common::{SEED, UTC_OFFSET_H, partial};
use super::hourly::{Course, HOUR_S, filled_note, hourly};
use crate::blocks::mean_interval;
use crate::cluster::dtw::{self, CurveGroups};
use crate::cluster::kmeans::{self, KMeans};
use crate::cluster::{silhouette, squared};
use crate::guard::Reference;
use crate::matrix::Matrix;
use crate::metrics::{mean, range};
use crate::module::{
    About, Answer, Better, Card, Feature, Figure, HeldOut, Input, InputKind, Metric, Model, Module, Question, Refused, Setting,
    SettingKind, drift_note, number, outside_note, text, time, unfit, unfit_for,
};
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use studies::table::{Column, Table, Value, count as counted, flag, number as figure, text as words};

/// See the file's header.
pub struct LoadShapes;

const DAY_H: usize = 24;
const BAND_H: usize = 2;
/// Silhouettes cost the square of the shapes: of more, an even choice.
const SAMPLE: usize = 1500;
/// Groups with fewer shapes take the distance of all groups as their limit.
const SMALL: usize = 20;
const LIMIT_SHARE: f64 = 0.99;
/// Part of the hours before which held-out days are not.
const TRAIN_SHARE: f64 = 0.7;
const SEASONS: [&str; 4] = ["Dec-Feb", "Mar-May", "Jun-Aug", "Sep-Nov"];

static ABOUT: About = About {
    id: "load-shapes",
    title: "Load shapes",
    question: "Which daily shapes do meters and feeders have, and which of them are alike?",
    method: "k-means (Lloyd; k-means++) and groups under dynamic time warping (Petitjean et al. 2011), number of groups by silhouette (Rousseeuw 1987)",
    inputs: &[Input {
        name: "loads",
        meaning: "load of each meter or feeder through time, an hour or less apart, without longer gaps",
        kind: InputKind::Table {
            columns: &[
                time("time", "beginning of the reading"),
                number("kw", "kW", "load").also(&["load_kw", "p_kw", "demand_kw"]),
                text("meter", "which meter or feeder").also(&["feeder", "customer"]),
            ],
            others: "",
        },
        needed_to_fit: true,
        needed_to_apply: true,
    }],
    settings: &[
        Setting {
            name: "method",
            kind: SettingKind::Choice { of: &["kmeans", "dtw"] },
            default: Some("kmeans"),
            unit: "",
            meaning: "whose groups are kept; both are told",
        },
        Setting {
            name: "most_groups",
            kind: SettingKind::Count { low: 2, high: 30 },
            default: Some("8"),
            unit: "",
            meaning: "numbers of groups from 2 to this are tried",
        },
        Setting {
            name: "least_days",
            kind: SettingKind::Count { low: 2, high: 60 },
            default: Some("5"),
            unit: "d",
            meaning: "days that a shape is the mean of at least",
        },
        UTC_OFFSET_H,
        SEED,
    ],
    keeps: true,
    page: "learning-modules-series",
};

/// What a shape is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Of {
    name: String,
    season: usize,
    weekend: bool,
}

struct Shape {
    of: Of,
    days: usize,
    mean_kw: f64,
    hours: Vec<f64>,
    /// Mean square by which chance alone takes it off: `q` of the header.
    chance: f64,
}

impl Shape {
    /// What a distance surely is.
    fn sure(&self, distance: f64) -> f64 {
        (distance * distance - self.chance * (1.0 + 2.33 * (2.0 / DAY_H as f64).sqrt())).max(0.0).sqrt()
    }
}

/// Shapes, and how many were left out: of too few days, of a mean that is not above 0.
#[derive(Default)]
struct Shapes {
    all: Vec<Shape>,
    few: usize,
    negative: usize,
}

/// Days, and sums of their hours and of the squares.
type Sums = (usize, [f64; DAY_H], [f64; DAY_H]);

/// Shapes of the whole local days from hour `from` up to `to` of each course, in shares of its length.
fn shapes(courses: &BTreeMap<String, Course>, from: f64, to: f64, least_days: usize, offset_h: i64) -> Shapes {
    let mut found = Shapes::default();
    for (name, course) in courses {
        let n = course.values.len() as f64;
        let (from_h, to_h) = (course.first_h + (from * n).round() as i64, course.first_h + (to * n).round() as i64);
        let mut sums: BTreeMap<(usize, bool), Sums> = BTreeMap::new();
        let first_day = (from_h + offset_h + DAY_H as i64 - 1).div_euclid(DAY_H as i64);
        let last_day = (to_h + offset_h).div_euclid(DAY_H as i64);
        for day in first_day..last_day {
            let begin = day * DAY_H as i64 - offset_h;
            let Some(hours) = course.between(begin, begin + DAY_H as i64) else { continue };
            let month = network::calendar::civil_from_days(day).1;
            // The first of January 1970 was a Thursday.
            let weekend = (day + 3).rem_euclid(7) >= 5;
            let sum = sums.entry(((month as usize % 12) / 3, weekend)).or_insert((0, [0.0; DAY_H], [0.0; DAY_H]));
            sum.0 += 1;
            sum.1.iter_mut().zip(hours).for_each(|(s, v)| *s += v);
            sum.2.iter_mut().zip(hours).for_each(|(s, v)| *s += v * v);
        }
        for ((season, weekend), (days, sum, squares)) in sums {
            let total: f64 = sum.iter().sum();
            let mean_kw = total / (DAY_H * days) as f64;
            let hours: Vec<f64> = sum.iter().map(|s| DAY_H as f64 * s / total).collect();
            if days < least_days {
                found.few += 1;
            } else if mean_kw <= 1e-9 || hours.iter().any(|h| h.is_nan() || h.abs() >= 1e6) {
                found.negative += 1;
            } else {
                let n = days as f64;
                let variance: f64 = sum.iter().zip(&squares).map(|(s, q)| ((q - s * s / n) / (n - 1.0)).max(0.0)).sum();
                let chance = variance / (n * mean_kw * mean_kw);
                found.all.push(Shape { of: Of { name: name.clone(), season, weekend }, days, mean_kw, hours, chance });
            }
        }
    }
    found
}

impl Shapes {
    fn matrix(&self) -> Matrix {
        Matrix::from_values(DAY_H, self.all.iter().flat_map(|s| s.hours.iter().copied()).collect())
    }

    fn note(&self) -> Option<Diagnostic> {
        (self.few + self.negative > 0).then(|| {
            partial(
                format!("{} shapes are left out", self.few + self.negative),
                format!(
                    "{} are of too few days, {} of a load whose mean is not above 0 (or whose hours are many times its mean).",
                    self.few, self.negative
                ),
                "Give more days, and gross loads where panels feed in.",
            )
        })
    }
}

#[derive(Clone, Serialize, Deserialize)]
enum Groups {
    KMeans(KMeans),
    Dtw(CurveGroups),
}

impl Groups {
    fn centres(&self) -> Vec<&[f64]> {
        match self {
            Self::KMeans(m) => (0..m.groups()).map(|g| m.centre(g)).collect(),
            Self::Dtw(m) => m.centres.iter().map(Vec::as_slice).collect(),
        }
    }

    fn labels(&self) -> &[usize] {
        match self {
            Self::KMeans(m) => &m.labels,
            Self::Dtw(m) => &m.labels,
        }
    }

    fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        match self {
            Self::KMeans(_) => squared(a, b).sqrt(),
            Self::Dtw(m) => dtw::distance(a, b, m.band).unwrap_or(f64::INFINITY),
        }
    }

    /// Nearest group and the distance to its centre.
    fn nearest(&self, shape: &[f64]) -> (usize, f64) {
        let distances = self.centres().into_iter().map(|c| self.distance(c, shape));
        distances.enumerate().fold((0, f64::INFINITY), |best, (g, d)| if d < best.1 { (g, d) } else { best })
    }
}

/// A number of groups that was tried.
struct Tried {
    method: &'static str,
    groups: usize,
    silhouette: f64,
    kept: bool,
}

/// Every so many of the shapes.
fn sample(x: &Matrix) -> Matrix {
    let step = x.rows().div_ceil(SAMPLE).max(1);
    x.select(&(0..x.rows()).step_by(step).collect::<Vec<usize>>())
}

fn by_kmeans(x: &Matrix, most: usize, seed: u64, tried: &mut Vec<Tried>) -> Result<Groups, Refused> {
    let options = kmeans::Options { starts: 5, seed, ..kmeans::Options::default() };
    let part = sample(x);
    let (found, all) = kmeans::choose(&part, most, &options).map_err(|e| unfit("loads", &e, &[]))?;
    let model =
        if part.rows() == x.rows() { found } else { KMeans::fit(x, found.groups(), &options).map_err(|e| unfit("loads", &e, &[]))? };
    tried.extend(all.iter().map(|t| Tried {
        method: "kmeans",
        groups: t.groups,
        silhouette: t.silhouette,
        kept: t.groups == model.groups(),
    }));
    Ok(Groups::KMeans(model))
}

fn by_dtw(x: &Matrix, most: usize, seed: u64, tried: &mut Vec<Tried>) -> Result<Groups, Refused> {
    let options = dtw::Options { band: Some(BAND_H), starts: 2, rounds: 30, seed, centres: None };
    let part = sample(x);
    let n = part.rows();
    let mut between = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..i {
            let d = dtw::distance(part.row(i), part.row(j), Some(BAND_H)).unwrap_or(f64::INFINITY);
            (between[i * n + j], between[j * n + i]) = (d, d);
        }
    }
    let curves = |x: &Matrix, k: usize| {
        let rows: Vec<&[f64]> = (0..x.rows()).map(|i| x.row(i)).collect();
        dtw::group(&rows, k, &options).map_err(|e| unfit("loads", &e, &[]))
    };
    let mut best: Option<(f64, CurveGroups)> = None;
    let from = tried.len();
    for k in 2..=most.min(n) {
        let found = curves(&part, k)?;
        let labels: Vec<Option<usize>> = found.labels.iter().copied().map(Some).collect();
        let Some(values) = silhouette::of_distances(&labels, |i, j| between[i * n + j]) else { continue };
        let value = mean(&values.iter().flatten().copied().collect::<Vec<f64>>());
        tried.push(Tried { method: "dtw", groups: k, silhouette: value, kept: false });
        if best.as_ref().is_none_or(|b| value > b.0) {
            best = Some((value, found));
        }
    }
    let Some((_, found)) = best else { return Err(unfit_for("loads", &"all shapes are the same: there are no groups")) };
    let k = found.centres.len();
    tried[from..].iter_mut().for_each(|t| t.kept = t.groups == k);
    Ok(Groups::Dtw(if n == x.rows() { found } else { curves(x, k)? }))
}

#[derive(Serialize, Deserialize)]
struct Body {
    groups: Groups,
    /// Sure distance by group beyond which a shape is none of it.
    limits: Vec<f64>,
    names: Vec<String>,
    least_days: usize,
    offset_h: i64,
}

/// Of values, the least that `share` of them do not exceed.
fn not_exceeded(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let k = ((values.len() as f64 * share - 1e-9).ceil() as usize).clamp(1, values.len().max(1));
    values.get(k - 1).copied().unwrap_or(0.0)
}

impl Body {
    fn new(groups: Groups, found: &Shapes, least_days: usize, offset_h: i64) -> Self {
        let of = |(s, &g): (&Shape, &usize)| s.sure(groups.distance(groups.centres()[g], &s.hours));
        let own: Vec<f64> = found.all.iter().zip(groups.labels()).map(of).collect();
        let overall = not_exceeded(&mut own.clone(), LIMIT_SHARE);
        let limits = (0..groups.centres().len())
            .map(|g| {
                let mut of: Vec<f64> = own.iter().zip(groups.labels()).filter(|(_, l)| **l == g).map(|(d, _)| *d).collect();
                if of.len() < SMALL { overall } else { not_exceeded(&mut of, LIMIT_SHARE) }
            })
            .collect();
        let names = groups.centres().iter().enumerate().map(|(g, c)| format!("{} {}", g + 1, describe(c))).collect();
        Self { groups, limits, names, least_days, offset_h }
    }

    /// The group of a shape, or none, and the distance to the nearest centre.
    fn of(&self, shape: &Shape) -> (Option<usize>, f64) {
        let (g, d) = self.groups.nearest(&shape.hours);
        // A hair of room for rounding.
        (Some(g).filter(|&g| shape.sure(d) <= self.limits[g] * (1.0 + 1e-9) + 1e-9), d)
    }
}

/// A centre in words.
fn describe(centre: &[f64]) -> &'static str {
    let peak = (0..centre.len()).fold(0, |best, h| if centre[h] > centre[best] { h } else { best });
    if centre[peak] < 1.15 {
        return "flat";
    }
    match peak {
        6..=9 => "morning peak",
        10..=15 => "midday peak",
        16..=21 => "evening peak",
        _ => "night peak",
    }
}

impl Module for LoadShapes {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (table, s) = (question.table("loads"), question.settings);
        let courses = hourly("loads", "meter", table.time("time"), table.number("kw"), Some(table.text("meter")))?;
        let (least_days, offset_h) = (s.count("least_days"), s.number("utc_offset_h").round() as i64);
        let (most, seed, method) = (s.count("most_groups"), s.count("seed") as u64, s.text("method"));
        let found = shapes(&courses, 0.0, 1.0, least_days, offset_h);
        if found.all.len() < 10 {
            let why = format!(
                "{} shapes are too few: at least 10 are needed ({} were left out, {} of fewer than {least_days} days)",
                found.all.len(),
                found.few + found.negative,
                found.few
            );
            return Err(unfit_for("loads", &why));
        }
        let x = found.matrix();
        let mut tried = Vec::new();
        let kmeans = by_kmeans(&x, most, seed, &mut tried)?;
        let dtw = by_dtw(&x, most, seed, &mut tried)?;
        let alike = alike(kmeans.labels(), dtw.labels());
        let kept = if method == "dtw" { dtw } else { kmeans };
        let body = Body::new(kept, &found, least_days, offset_h);
        let held = held_out(&courses, &body, method, seed);

        let k = body.limits.len();
        let silhouette = tried.iter().find(|t| t.method == method && t.kept).map_or(f64::NAN, |t| t.silhouette);
        let mut headline =
            format!("{} shapes of {} meters fall into {k} groups ({method}, silhouette {silhouette:.2})", found.all.len(), courses.len());
        let mut notes: Vec<Diagnostic> = found.note().into_iter().chain(filled_note(courses.values())).collect();
        let (mut metrics, mut how) = (Vec::new(), String::new());
        match &held {
            Some(h) => {
                let mut distance =
                    Metric::new("distance to the centre", "", h.distance, Better::Lower).against("one group of all", h.one_group);
                if let Some((low, high)) = h.interval {
                    distance = distance.between(low, high);
                }
                metrics.push(distance);
                metrics.push(Metric::new("none of the groups", "", h.none, Better::Near).near(1.0 - LIMIT_SHARE));
                if let Some((stay, commonest)) = h.stay {
                    metrics.push(
                        Metric::new("meters that keep their group", "", stay, Better::Higher)
                            .against("all in the commonest group", commonest),
                    );
                }
                how += "Groups of the first 70 % of each meter's days, with the same number, against shapes of the last 30 %; the kept groups are of all days.";
                if h.distance >= h.one_group {
                    notes.push(
                        Diagnostic::warning(
                            "LEARN.MODEL.NO_BETTER",
                            "later days lie no nearer to their groups than to the mean of all shapes",
                        )
                        .detail(format!("Distance {:.3} against {:.3}.", h.distance, h.one_group))
                        .hint("Take the groups as a picture of these days only."),
                    );
                    headline += ", which later days do not bear out";
                } else {
                    headline += &format!(
                        "; later days lie {:.0} % nearer to them than to one mean shape",
                        100.0 * (1.0 - h.distance / h.one_group)
                    );
                }
            }
            None => {
                how += "None: the days are too few to part them by time.";
                notes.push(partial(
                    "no days are held out".into(),
                    "Parted by time, fewer than 10 shapes are on a side.",
                    "Give more days or meters, or fewer days a shape.",
                ));
            }
        }
        headline.push('.');
        let span = courses.values().map(Course::span_s).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])]);
        let card = Card {
            rows: found.all.len(),
            span_s: span,
            features: (0..DAY_H)
                .map(|h| {
                    let (low, high) = range(&x.column(h).collect::<Vec<f64>>());
                    Feature { name: format!("hour {h}"), unit: "of the mean".into(), low: Some(low), high: Some(high), importance: None }
                })
                .collect(),
            says: "group of a daily shape, or none of them".into(),
            held_out: HeldOut {
                how,
                rows: held.as_ref().map_or(0, |h| h.rows),
                span_s: held.as_ref().and(span).map(|s| [s[0] + (TRAIN_SHARE * (s[1] - s[0]) as f64) as i64 / HOUR_S * HOUR_S, s[1]]),
            },
            metrics,
            limits: vec![
                "A shape says nothing of how much load there is, and is the mean of days: no single day looks like it.".into(),
                "A shape that surely lies further from the nearest centre than 99 % of training is none of the groups; groups of fewer than 20 shapes take the limit of all groups.".into(),
                "Meters whose mean load is not above 0 have no shape.".into(),
                "Names of groups say where the centre is highest; that groups are told apart is no proof that customers are of kinds.".into(),
                "Seasons are of three months, December to February first; holidays count as other days.".into(),
            ],
            ..Card::default()
        };
        let (members, archetypes) = (members(&found, &body), archetypes(&found, &body));
        let figures = vec![
            Figure { name: "groups", unit: "", value: k as f64, meaning: "groups with the largest silhouette" },
            Figure {
                name: "silhouette",
                unit: "",
                value: silhouette,
                meaning: "how much nearer shapes are to their own group than to the next, -1 to 1",
            },
            Figure {
                name: "kmeans_dtw_agreement",
                unit: "",
                value: alike,
                meaning: "pairs of shapes that k-means and time warping treat alike, above chance (adjusted Rand index)",
            },
        ];
        let tables = vec![group_table(&found, &body), centre_table(&body), members, archetypes, tried_table(&tried)];
        let model = Model::new(card, &body).with_reference(Reference::of(&x).ok());
        Ok(Answer { headline, figures, tables, notes, model: Some(model) })
    }

    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        let body: Body = model.body()?;
        let table = question.table("loads");
        let courses = hourly("loads", "meter", table.time("time"), table.number("kw"), Some(table.text("meter")))?;
        let found = shapes(&courses, 0.0, 1.0, body.least_days, body.offset_h);
        let none = found.all.iter().filter(|s| body.of(s).0.is_none()).count();
        let headline = format!("{} of {} shapes belong to a group, {none} to none of them.", found.all.len() - none, found.all.len());
        let mut notes: Vec<Diagnostic> = found.note().into_iter().chain(filled_note(courses.values())).collect();
        notes.extend(outside_note(none, found.all.len()));
        notes.extend(drift_note(model, &found.matrix()));
        let figures = vec![Figure { name: "none", unit: "", value: none as f64, meaning: "shapes that belong to none of the groups" }];
        Ok(Answer { headline, figures, tables: vec![members(&found, &body), archetypes(&found, &body)], notes, model: None })
    }
}

/// Adjusted Rand index (Hubert and Arabie, Journal of Classification 2, 1985): pairs that two partitions treat alike, 0 by chance, 1 if they are the same.
fn alike(a: &[usize], b: &[usize]) -> f64 {
    let pairs = |n: usize| (n * n.saturating_sub(1)) as f64 / 2.0;
    let mut both: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let (mut of_a, mut of_b): (BTreeMap<usize, usize>, BTreeMap<usize, usize>) = Default::default();
    for (&x, &y) in a.iter().zip(b) {
        *both.entry((x, y)).or_default() += 1;
        *of_a.entry(x).or_default() += 1;
        *of_b.entry(y).or_default() += 1;
    }
    let sum = |counts: &mut dyn Iterator<Item = usize>| counts.map(pairs).sum::<f64>();
    let (together, in_a, in_b) = (sum(&mut both.into_values()), sum(&mut of_a.into_values()), sum(&mut of_b.into_values()));
    let chance = in_a * in_b / pairs(a.len()).max(1.0);
    let most = 0.5 * (in_a + in_b);
    if most - chance == 0.0 { 1.0 } else { (together - chance) / (most - chance) }
}

struct Held {
    rows: usize,
    distance: f64,
    one_group: f64,
    interval: Option<(f64, f64)>,
    none: f64,
    /// Share of meters, workdays and weekends apart, whose commonest group is that of before, and share of the commonest group.
    stay: Option<(f64, f64)>,
}

/// The commonest group of each meter, workdays and weekends apart.
fn commonest(found: &Shapes, groups: &Groups) -> BTreeMap<(String, bool), usize> {
    let mut days: BTreeMap<(String, bool), BTreeMap<usize, usize>> = BTreeMap::new();
    for s in &found.all {
        *days.entry((s.of.name.clone(), s.of.weekend)).or_default().entry(groups.nearest(&s.hours).0).or_default() += s.days;
    }
    days.into_iter().filter_map(|(key, of)| Some((key, of.into_iter().max_by_key(|(g, n)| (*n, usize::MAX - g))?.0))).collect()
}

/// Groups of the earlier days against the later ones.
fn held_out(courses: &BTreeMap<String, Course>, body: &Body, method: &str, seed: u64) -> Option<Held> {
    let early = shapes(courses, 0.0, TRAIN_SHARE, body.least_days, body.offset_h);
    let late = shapes(courses, TRAIN_SHARE, 1.0, body.least_days, body.offset_h);
    if early.all.len() < 10 || late.all.len() < 10 {
        return None;
    }
    let (x, k) = (early.matrix(), body.limits.len());
    let groups = if method == "dtw" {
        let rows: Vec<&[f64]> = (0..x.rows()).map(|i| x.row(i)).collect();
        Groups::Dtw(dtw::group(&rows, k, &dtw::Options { band: Some(BAND_H), starts: 2, rounds: 30, seed, centres: None }).ok()?)
    } else {
        Groups::KMeans(KMeans::fit(&x, k, &kmeans::Options { starts: 5, seed, ..kmeans::Options::default() }).ok()?)
    };
    let earlier = Body::new(groups, &early, body.least_days, body.offset_h);
    let middle: Vec<f64> = (0..DAY_H).map(|h| mean(&x.column(h).collect::<Vec<f64>>())).collect();
    let mut by_meter: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let (mut none, mut one_group) = (0, Vec::new());
    for s in &late.all {
        let (group, distance) = earlier.of(s);
        none += usize::from(group.is_none());
        by_meter.entry(&s.of.name).or_default().push(distance);
        one_group.push(earlier.groups.distance(&middle, &s.hours));
    }
    let distance = mean(&by_meter.values().flatten().copied().collect::<Vec<f64>>());
    let meters: Vec<f64> = by_meter.values().map(|d| mean(d)).collect();
    let (before, after) = (commonest(&early, &earlier.groups), commonest(&late, &earlier.groups));
    let both: Vec<(usize, usize)> = after.iter().filter_map(|(key, g)| Some((*before.get(key)?, *g))).collect();
    let stay = (!both.is_empty()).then(|| {
        let share = |holds: &dyn Fn(&(usize, usize)) -> bool| both.iter().filter(|b| holds(b)).count() as f64 / both.len() as f64;
        (share(&|b| b.0 == b.1), (0..k).map(|g| share(&|b| b.1 == g)).fold(0.0, f64::max))
    });
    Some(Held {
        rows: late.all.len(),
        distance,
        one_group: mean(&one_group),
        // Shapes of a meter go together; meters do not.
        interval: mean_interval(&meters, 1, 0.95),
        none: none as f64 / late.all.len() as f64,
        stay,
    })
}

static GROUPS: [Column; 8] = [
    words("group", "number, and where its centre is highest"),
    counted("shapes", "shapes in training"),
    counted("meters", "meters that have such a shape"),
    counted("peak_hour", "hour of the day at which the centre is highest, local"),
    figure("peak", "of the mean", "load there"),
    figure("load_factor", "", "mean over peak of the centre"),
    figure("night", "of the mean", "mean of the hours 0 to 5"),
    figure("limit", "", "distance from the centre, less what chance explains, beyond which a shape is none of the group"),
];

fn group_table(found: &Shapes, body: &Body) -> Table {
    let labels = body.groups.labels();
    let row = |(g, centre): (usize, &[f64])| {
        let own: Vec<&Shape> = found.all.iter().zip(labels).filter(|(_, l)| **l == g).map(|(s, _)| s).collect();
        let mut names: Vec<&str> = own.iter().map(|s| s.of.name.as_str()).collect();
        names.dedup();
        let peak = (0..centre.len()).fold(0, |best, h| if centre[h] > centre[best] { h } else { best });
        vec![
            Value::text(body.names[g].as_str()),
            Value::Count(own.len() as u64),
            Value::Count(names.len() as u64),
            Value::Count(peak as u64),
            Value::Number(centre[peak]),
            Value::maybe(Some(mean(centre) / centre[peak])),
            Value::Number(mean(&centre[..6])),
            Value::Number(body.limits[g]),
        ]
    };
    let rows = body.groups.centres().into_iter().enumerate().map(row).collect();
    Table { name: "groups", meaning: "groups of shapes", columns: &GROUPS, rows }
}

static CENTRES: [Column; 3] =
    [words("group", "which group"), counted("hour", "hour of the day, local"), figure("load", "of the mean", "load of the centre")];

fn centre_table(body: &Body) -> Table {
    let centres = body.groups.centres();
    let row = |g: usize, h: usize| vec![Value::text(body.names[g].as_str()), Value::Count(h as u64), Value::Number(centres[g][h])];
    let rows = (0..centres.len()).flat_map(|g| (0..DAY_H).map(move |h| (g, h))).map(|(g, h)| row(g, h)).collect();
    Table { name: "centres", meaning: "centres of the groups", columns: &CENTRES, rows }
}

static MEMBERS: [Column; 7] = [
    words("meter", "which meter or feeder"),
    words("season", "months"),
    words("days_of", "workday or weekend"),
    counted("days", "days that the shape is the mean of"),
    figure("mean_kw", "kW", "mean load of them"),
    words("group", "its group; empty if none of them"),
    figure("distance", "", "from the nearest centre"),
];

fn members(found: &Shapes, body: &Body) -> Table {
    let row = |s: &Shape| {
        let (group, distance) = body.of(s);
        vec![
            Value::text(s.of.name.as_str()),
            Value::text(SEASONS[s.of.season]),
            Value::text(if s.of.weekend { "weekend" } else { "workday" }),
            Value::Count(s.days as u64),
            Value::Number(s.mean_kw),
            group.map_or(Value::Empty, |g| Value::text(body.names[g].as_str())),
            Value::Number(distance),
        ]
    };
    Table { name: "shapes", meaning: "the group of each shape", columns: &MEMBERS, rows: found.all.iter().map(row).collect() }
}

static ARCHETYPES: [Column; 4] = [
    words("meter", "which meter or feeder"),
    words("archetype", "group that most of its days belong to; empty if none"),
    figure("share", "", "share of those days"),
    counted("days", "days with a shape"),
];

/// The group that most days of a meter belong to.
fn archetypes(found: &Shapes, body: &Body) -> Table {
    let mut days: BTreeMap<&str, BTreeMap<Option<usize>, usize>> = BTreeMap::new();
    for s in &found.all {
        *days.entry(&s.of.name).or_default().entry(body.of(s).0).or_default() += s.days;
    }
    let rows = days
        .into_iter()
        .map(|(name, of)| {
            let all: usize = of.values().sum();
            // The first of equals.
            let (group, n) = of.into_iter().rev().max_by_key(|o| o.1).unwrap_or((None, 0));
            vec![
                Value::text(name),
                group.map_or(Value::Empty, |g| Value::text(body.names[g].as_str())),
                Value::Number(n as f64 / all.max(1) as f64),
                Value::Count(all as u64),
            ]
        })
        .collect();
    Table { name: "archetypes", meaning: "the kind of each meter or feeder", columns: &ARCHETYPES, rows }
}

static TRIED: [Column; 4] = [
    words("method", "kmeans or dtw"),
    counted("groups", "number of groups"),
    figure("silhouette", "", "mean, in the method's own distance: numbers of one method are comparable, not those of two"),
    flag("chosen", "whether it is the largest of its method"),
];

fn tried_table(tried: &[Tried]) -> Table {
    let row = |t: &Tried| vec![Value::text(t.method), Value::Count(t.groups as u64), Value::maybe(Some(t.silhouette)), Value::Flag(t.kept)];
    Table { name: "tried", meaning: "numbers of groups that were tried", columns: &TRIED, rows: tried.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Values;
    use crate::modules::common::tests::{asked, fitted};
    use crate::modules::hourly::tests::{MONDAY_H, table};
    use proptest::prelude::*;
    use studies::synthetic::random::Random;

    fn cell(table: &Table, row: usize, column: &str) -> Value {
        table.rows[row][table.columns.iter().position(|c| c.name == column).unwrap()].clone()
    }

    /// Kinds of customers: evening peak, midday peak, night peak, flat; shifted by up to an hour from meter to meter.
    fn shape(kind: usize, hour: f64) -> f64 {
        let bump = |at: f64, wide: f64| {
            let d = (hour - at).rem_euclid(24.0);
            (-(d.min(24.0 - d) / wide).powi(2)).exp()
        };
        match kind {
            0 => 0.6 + 1.6 * bump(19.0, 2.5),
            1 => 0.5 + 1.5 * bump(12.5, 3.5),
            2 => 0.6 + 1.7 * bump(2.0, 2.5),
            _ => 1.0,
        }
    }

    fn loads(kinds: &[usize], days: usize, first: u64) -> Vec<(&'static str, Values)> {
        let (mut times, mut kw, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (m, &kind) in kinds.iter().enumerate() {
            let mut random = Random::new(71, 1, first + m as u64);
            let (size, late) = (random.between(0.5, 30.0), random.between(-0.5, 0.5));
            for t in 0..24 * days {
                times.push((MONDAY_H + t as i64) * 3600);
                kw.push(size * shape(kind, (t % 24) as f64 + late) * (1.0 + 0.15 * random.normal()));
                names.push(format!("m{:03}", first + m as u64));
            }
        }
        vec![("time", Values::Time(times)), ("kw", Values::Number(kw)), ("meter", Values::Text(names))]
    }

    #[test]
    fn planted_kinds_are_found_kept_and_others_are_none_of_them() {
        let kinds: Vec<usize> = (0..60).map(|m| m % 4).collect();
        for method in ["kmeans", "dtw"] {
            let answer = fitted(&LoadShapes, vec![table(&LoadShapes, "loads", loads(&kinds, 56, 0))], &[("method", method)]).unwrap();
            println!("{}", answer.headline);
            for row in answer.tables[4].rows.iter().chain(&answer.tables[0].rows) {
                println!("{row:?}");
            }
            assert_eq!(answer.figures[0].value, 4.0);
            let archetypes = &answer.tables[3];
            for (m, kind) in kinds.iter().enumerate() {
                let Value::Text(name) = cell(archetypes, m, "archetype") else { panic!("meter {m} has no kind") };
                assert!(name.ends_with(["evening peak", "midday peak", "night peak", "flat"][*kind]), "{name} {kind}");
            }
            let model = answer.model.unwrap();
            for m in &model.card.metrics {
                println!("{m:?}");
            }
            assert!(model.card.metrics[0].value < 0.5 * model.card.metrics[0].baseline.as_ref().unwrap().value);
            assert!(model.card.metrics[1].value <= 0.1 && model.card.metrics[2].value > 0.95);
            // New meters: of the known kinds, and two that feed machines twice a day.
            let (mut new, mut odd) = (loads(&kinds[..24], 28, 500), loads(&[3, 3], 28, 900));
            if let (Values::Number(kw), Values::Time(times)) = (odd.remove(1).1, odd.remove(0).1) {
                let Values::Text(names) = odd.remove(0).1 else { unreachable!() };
                let twice: Vec<f64> =
                    kw.iter().zip(&times).map(|(v, t)| v * if matches!(t / 3600 % 24, 6 | 14) { 8.0 } else { 1.0 }).collect();
                for ((_, all), more) in new.iter_mut().zip([Values::Time(times), Values::Number(twice), Values::Text(names)]) {
                    match (all, more) {
                        (Values::Time(a), Values::Time(b)) => a.extend(b),
                        (Values::Number(a), Values::Number(b)) => a.extend(b),
                        (Values::Text(a), Values::Text(b)) => a.extend(b),
                        _ => unreachable!(),
                    }
                }
            }
            let told = asked(&LoadShapes, &model, vec![table(&LoadShapes, "loads", new)]).unwrap();
            println!("{}", told.headline);
            let archetypes = &told.tables[1];
            let right = (0..24).filter(|&m| matches!(cell(archetypes, m, "archetype"), Value::Text(n) if n.ends_with(["evening peak", "midday peak", "night peak", "flat"][kinds[m]]))).count();
            assert!(right >= 22, "{right} of 24");
            assert_eq!((cell(archetypes, 24, "archetype"), cell(archetypes, 25, "archetype")), (Value::Empty, Value::Empty));
            assert!(told.notes.iter().any(|n| n.code == "LEARN.DATA.OUTSIDE"));
        }
    }

    #[test]
    fn the_index_of_agreement_is_that_of_the_hand() {
        // Hubert and Arabie: of 6 pairs 2 are together in both; 2 and 3 are in each; by chance 2 * 3 / 15.
        let (a, b) = ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]);
        assert!((alike(&a, &b) - (2.0 - 6.0 * 3.0 / 15.0) / (0.5 * (6.0 + 3.0) - 6.0 * 3.0 / 15.0)).abs() < 1e-12);
        assert_eq!(alike(&a, &[5, 5, 5, 2, 2, 2]), 1.0);
    }

    #[test]
    fn seasons_and_days_are_those_of_the_calendar() {
        let n = 24 * 70;
        // From Monday, 2 January 2023: 42 workdays and 16 weekend days until the end of February, then March.
        let course = Course { first_h: MONDAY_H, values: (0..n).map(|t| 1.0 + f64::from(u8::from(t % 24 == 20))).collect(), filled: 0 };
        let found = shapes(&BTreeMap::from([("m".to_owned(), course)]), 0.0, 1.0, 1, 2);
        let told: Vec<(usize, bool, usize)> = found.all.iter().map(|s| (s.of.season, s.of.weekend, s.days)).collect();
        // The first and last day are not whole at two hours from UTC.
        assert_eq!(told, [(0, false, 41), (0, true, 16), (1, false, 8), (1, true, 4)]);
        let hours = &found.all[0].hours;
        assert!((hours[22] - 2.0 * 24.0 / 25.0).abs() < 1e-12 && (mean(hours) - 1.0).abs() < 1e-12, "{hours:?}");
    }

    #[test]
    fn too_little_is_refused_and_feed_in_is_left_out() {
        let faults = fitted(&LoadShapes, vec![table(&LoadShapes, "loads", loads(&[0, 1], 20, 0))], &[]).unwrap_err();
        assert!(faults[0].detail.as_ref().unwrap().contains("4 shapes are too few"), "{faults:?}");
        let mut columns = loads(&[0; 8], 28, 0);
        if let Values::Number(kw) = &mut columns[1].1 {
            kw[..24 * 28].iter_mut().for_each(|v| *v = -*v);
        }
        let answer = fitted(&LoadShapes, vec![table(&LoadShapes, "loads", columns)], &[]).unwrap();
        assert!(answer.notes.iter().any(|n| n.code == "LEARN.DATA.PARTIAL" && n.message.starts_with("2 shapes")), "{:?}", answer.notes);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn odd_tables_are_answered_or_refused(
            rows in prop::collection::vec((prop_oneof![0i64..40_000, any::<i64>()], prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(0.0), any::<f64>()], "[a-c]?"), 0..40),
            days in prop::collection::vec(prop_oneof![Just(0.0), -1e12..1e12f64, 0.0..5.0f64], 12 * 14 * 4),
        ) {
            let times = rows.iter().map(|r| r.0).collect();
            let kw = rows.iter().map(|r| r.1).collect();
            let names = rows.iter().map(|r| r.2.clone()).collect();
            let columns = vec![("time", Values::Time(times)), ("kw", Values::Number(kw)), ("meter", Values::Text(names))];
            let _ = fitted(&LoadShapes, vec![table(&LoadShapes, "loads", columns)], &[]);
            // Twelve meters of two weeks with odd hours.
            let mut columns = loads(&[0; 12], 14, 0);
            columns[1].1 = Values::Number(days.iter().flat_map(|v| [*v; 6]).collect());
            let _ = fitted(&LoadShapes, vec![table(&LoadShapes, "loads", columns)], &[("least_days", "2"), ("most_groups", "4")]);
        }
    }
}
