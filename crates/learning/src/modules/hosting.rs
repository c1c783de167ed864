//! Hosting capacity without the study: boosted trees on features of buses, with intervals that hold on feeders that were never seen.
//!
//! ```text
//! groups (feeders, else branches of the tree) ─► K folds
//!   for each fold: boosting (mean, low and high quantile) on the others but one ─► the one widens the interval ─► the fold is judged
//!   kept: boosting on all rows; the interval is widened by what was left in all folds
//! ```
//!
//! What is learned is `ln(1 + kW)`: capacities of one feeder span two decades, and an interval of so many kilowatts would be too wide for most buses
//! and too narrow for those near the substation. Where a bus is outside of training, or the interval is wide, the answer is to run the study.

use super::common::{SEED, partial};
use super::rows::{features, like, no_better, not_askable, numbered, shown, side_by_side, taken};
use crate::boosting::{Boosting, Objective, Options};
use crate::conformal::Conformal;
use crate::grid_features::{self, bus_features};
use crate::guard::{Fault, Faults, FitError, Needs, Ranges, Reference, answer_faults, table_faults};
use crate::matrix::Matrix;
use crate::metrics;
use crate::module::{
    About, Answer, Better, Card, Figure, Frame, HeldOut, Input, InputKind, Metric, Model, Module, Question, Refused, Reliable, Setting,
    SettingKind, Settings, Wanted, drift_note, number, outside_note, text, unfit, unfit_for,
};
use crate::resample::interval;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use studies::table::{self, Column, Table, Value};

/// See the file's header.
pub struct HostingSurrogate;

const FOLDS: usize = 8;
/// Groups of which one is held out, one calibrates and at least one is learned from.
const LEAST_GROUPS: usize = 3;
const BRANCHES: usize = 8;
const DRAWS: usize = 200;

static ABOUT: About = About {
    id: "hosting-surrogate",
    title: "Hosting capacity at once",
    question: "About how much can each bus host, how sure is that, and for which buses must the study be run?",
    method: "gradient boosting of mean and quantiles (Chen and Guestrin 2016), split conformal intervals (Romano, Patterson and Candes 2019), feeders held out",
    inputs: &[
        Input {
            name: "buses",
            meaning: "buses with the hosting capacity that a study found; when a model is asked, buses with features and without it",
            kind: InputKind::Table {
                columns: &[
                    text("bus", "bus, as the model of the grid names it"),
                    number("hosting_kw", "kW", "hosting capacity of the bus; needed to train; rows without it are left out")
                        .also(&["hosting_capacity_kw"])
                        .optional(),
                    text("feeder", "feeder of the bus; feeders are held out whole").optional(),
                    text("branch", "branch of the feeder, held out whole where there are not three feeders").optional(),
                    text("status", "of a study: rows that are not \"limited\" are left out, since they tell no capacity").optional(),
                    passed("resolution_kw", "kW"),
                    passed("value", ""),
                    passed("limit", ""),
                    passed("step", ""),
                    passed("hour", "h"),
                    passed("x", ""),
                    passed("y", ""),
                ],
                others: "features, such as distance_km, r_ohm, x_ohm, short_circuit_mva, rating_kva, peak_load_kw, base_kv",
            },
            needed_to_fit: true,
            needed_to_apply: false,
        },
        Input {
            name: "network",
            meaning: "model of the grid, from which features of its buses are computed that the table does not hold",
            kind: InputKind::Network,
            needed_to_fit: false,
            needed_to_apply: false,
        },
    ],
    settings: &[
        Setting {
            name: "coverage_pct",
            kind: SettingKind::Number { low: 50.0, high: 99.0 },
            default: Some("90"),
            unit: "%",
            meaning: "part of the buses whose capacity is to lie within its interval",
        },
        Setting {
            name: "widest_pct",
            kind: SettingKind::Number { low: 1.0, high: 100_000.0 },
            default: Some("100"),
            unit: "%",
            meaning: "width of the interval over the answer beyond which the study has to be run",
        },
        Setting {
            name: "widest_kw",
            kind: SettingKind::Number { low: 0.0, high: 1e9 },
            default: None,
            unit: "kW",
            meaning: "width of the interval beyond which the study has to be run, whatever the answer",
        },
        Setting {
            name: "rounds",
            kind: SettingKind::Count { low: 1, high: 2000 },
            default: Some("150"),
            unit: "",
            meaning: "trees of each of the three",
        },
        Setting { name: "depth", kind: SettingKind::Count { low: 1, high: 12 }, default: Some("4"), unit: "", meaning: "depth of a tree" },
        SEED,
    ],
    keeps: true,
    page: "learning-modules-tables",
};

/// A column of the study's answer that no bus has before the study.
const fn passed(name: &'static str, unit: &'static str) -> Wanted {
    number(name, unit, "part of the study's answer, passed over").optional()
}

/// Mean and two quantiles, and what all features were in training, also those that did not change there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Trio {
    /// Places of the features that changed.
    asked: Vec<usize>,
    ranges: Ranges,
    mean: Boosting,
    low: Boosting,
    high: Boosting,
}

/// What is said of rows within training, as it is learned: `ln(1 + kW)`.
#[derive(Default)]
struct Said {
    rows: Vec<usize>,
    mean: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Said {
    fn add(&mut self, other: Said) {
        self.rows.extend(other.rows);
        self.mean.extend(other.mean);
        self.low.extend(other.low);
        self.high.extend(other.high);
    }

    /// In kilowatts, with the intervals widened; none of them below nothing.
    fn widened(mut self, by: &Conformal) -> Self {
        let kw = |v: f64| v.exp_m1().max(0.0);
        for k in 0..self.rows.len() {
            let (low, high) = by.between(self.low[k], self.high[k]);
            (self.low[k], self.high[k]) = (kw(low), kw(high));
            self.mean[k] = kw(self.mean[k]);
        }
        self
    }
}

impl Trio {
    fn fit(x: &Matrix, y: &[f64], alpha: f64, settings: &Settings) -> Result<Self, FitError> {
        let asked: Vec<usize> = (0..x.columns()).filter(|&c| varies(x, c)).collect();
        let columns: Vec<Vec<f64>> = asked.iter().map(|&c| x.column(c).collect()).collect();
        let varying = side_by_side(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let one = |objective: Objective| {
            let mut options = Options::new(objective);
            options.rounds = settings.count("rounds");
            options.learning_rate = 0.08;
            options.limits.depth = settings.count("depth");
            options.limits.least_hessian = 5.0;
            options.seed = settings.count("seed") as u64;
            Boosting::fit(&varying, y, &options)
        };
        let mean = one(Objective::SquaredError)?;
        Ok(Self {
            ranges: Ranges::of(x),
            low: one(Objective::Quantile(alpha / 2.0))?,
            high: one(Objective::Quantile(1.0 - alpha / 2.0))?,
            mean,
            asked,
        })
    }

    /// Of those of the rows that are within training.
    fn say(&self, x: &Matrix, rows: &[usize]) -> Said {
        let rows: Vec<usize> = rows.iter().copied().filter(|&i| self.ranges.holds(x.row(i))).collect();
        let mut inside = Matrix::new(self.asked.len());
        rows.iter().for_each(|&i| inside.push(&taken(x.row(i), &self.asked)));
        let of = |b: &Boosting| b.predict(&inside).expect("rows within the ranges of training").values;
        let (low, high) = (of(&self.low), of(&self.high));
        // Quantiles that cross say no more than their order.
        let (low, high) = low.iter().zip(&high).map(|(l, h)| (l.min(*h), l.max(*h))).unzip();
        Said { mean: of(&self.mean), low, high, rows }
    }
}

fn varies(x: &Matrix, column: usize) -> bool {
    let mut known = x.column(column).filter(|v| v.is_finite());
    known.next().is_some_and(|first| known.any(|v| v != first))
}

#[derive(Serialize, Deserialize)]
struct Body {
    names: Vec<String>,
    trio: Trio,
    conformal: Conformal,
}

/// Buses with features, out of a table, a network, or both.
struct Buses {
    bus: Vec<String>,
    feeder: Option<Vec<String>>,
    branch: Option<Vec<String>>,
    names: Vec<String>,
    x: Matrix,
    hosting_kw: Vec<f64>,
    /// Rows whose study found no limit, or found limits crossed without any resource.
    unlimited: Vec<bool>,
    /// Features of the network that were computed.
    computed: bool,
    notes: Vec<Diagnostic>,
}

impl Buses {
    fn read(question: &Question<'_>) -> Result<Self, Refused> {
        let network = question.networks.get("network");
        let computed = match network {
            Some(n) => Some(bus_features(n, BRANCHES).map_err(|e| vec![not_askable("network", &format!("it cannot be solved: {e}"))])?),
            None => None,
        };
        match (question.tables.get("buses"), computed) {
            (Some(table), None) => {
                let (names, x) = features(table);
                Ok(Self::of_table(table, names, x, None))
            }
            (Some(table), Some(all)) => Ok(Self::joined(table, &all)),
            (None, Some(all)) => {
                let words = |of: fn(&grid_features::BusFeatures) -> String| all.iter().map(of).collect::<Vec<String>>();
                let mut x = Matrix::new(grid_features::NAMES.len());
                all.iter().for_each(|b| x.push(&b.values));
                Ok(Self {
                    bus: words(|b| b.bus.clone()),
                    feeder: Some(words(|b| b.feeder.clone())),
                    branch: Some(words(|b| b.branch.to_string())),
                    names: grid_features::NAMES.map(String::from).to_vec(),
                    hosting_kw: vec![f64::NAN; all.len()],
                    unlimited: vec![false; all.len()],
                    x,
                    computed: true,
                    notes: Vec::new(),
                })
            }
            (None, None) => Err(vec![not_askable("buses", "there is neither a table of buses nor a network")]),
        }
    }

    fn of_table(table: &Frame, names: Vec<String>, x: Matrix, branch: Option<Vec<String>>) -> Self {
        Self {
            bus: table.text("bus").to_vec(),
            feeder: table.maybe_text("feeder").map(<[String]>::to_vec),
            branch: table.maybe_text("branch").map(<[String]>::to_vec).or(branch),
            names,
            hosting_kw: table.maybe_number("hosting_kw").map_or_else(|| vec![f64::NAN; table.rows()], <[f64]>::to_vec),
            unlimited: table
                .maybe_text("status")
                .map_or_else(|| vec![false; table.rows()], |s| s.iter().map(|s| !s.is_empty() && s != "limited").collect()),
            x,
            computed: false,
            notes: Vec::new(),
        }
    }

    /// Rows of the table with what the network adds. Buses that it does not have lose their features, so that nobody is answered of them.
    fn joined(table: &Frame, all: &[grid_features::BusFeatures]) -> Self {
        let place: BTreeMap<String, usize> = all.iter().enumerate().map(|(i, b)| (b.bus.to_lowercase(), i)).collect();
        let found: Vec<Option<usize>> = table.text("bus").iter().map(|b| place.get(b.trim().to_lowercase().as_str()).copied()).collect();
        let (mut names, own) = features(table);
        let new: Vec<usize> = (0..grid_features::NAMES.len()).filter(|&c| !names.iter().any(|n| n == grid_features::NAMES[c])).collect();
        names.extend(new.iter().map(|&c| grid_features::NAMES[c].to_owned()));
        let mut x = Matrix::new(names.len());
        for (row, at) in found.iter().enumerate() {
            let mut values = if own.columns() > 0 { own.row(row).to_vec() } else { Vec::new() };
            values.extend(new.iter().map(|&c| at.map_or(f64::NAN, |i| all[i].values[c])));
            x.push(&values);
        }
        let branch = found.iter().map(|at| at.map_or_else(String::new, |i| all[i].branch.to_string())).collect();
        let mut buses = Self::of_table(table, names, x, Some(branch));
        if buses.feeder.is_none() {
            buses.feeder = Some(found.iter().map(|at| at.map_or_else(String::new, |i| all[i].feeder.clone())).collect());
        }
        buses.computed = true;
        let unknown: Vec<usize> = (0..found.len()).filter(|&i| found[i].is_none()).collect();
        if !unknown.is_empty() {
            let few: Vec<&str> = unknown.iter().take(5).map(|&i| buses.bus[i].as_str()).collect();
            let what = format!("{} of {} buses are not in the network, or no source reaches them", unknown.len(), found.len());
            buses.notes.push(partial(what, format!("Such as {}.", few.join(", ")), "Name buses as the model does."));
            buses.hosting_kw.iter_mut().zip(&found).filter(|(_, f)| f.is_none()).for_each(|(h, _)| *h = f64::NAN);
        }
        buses
    }

    /// Without rows of no known capacity and without computed features that are the same everywhere.
    fn learnable(mut self) -> Self {
        let keep: Vec<usize> = (0..self.bus.len()).filter(|&i| !self.hosting_kw[i].is_nan() && !self.unlimited[i]).collect();
        if keep.len() < self.bus.len() {
            let what = format!("{} of {} rows tell no hosting capacity and are left out", self.bus.len() - keep.len(), self.bus.len());
            let why =
                "Nothing can stand there, the study found no limit up to its largest size, or limits are crossed without any resource.";
            self.notes.push(partial(what, why, "Nothing need be done."));
        }
        for words in [Some(&mut self.bus), self.feeder.as_mut(), self.branch.as_mut()].into_iter().flatten() {
            *words = keep.iter().map(|&i| words[i].clone()).collect();
        }
        self.hosting_kw = taken(&self.hosting_kw, &keep);
        self.unlimited = taken(&self.unlimited, &keep);
        self.x = self.x.select(&keep);
        if self.computed {
            let own = |c: &usize| varies(&self.x, *c) || !grid_features::NAMES.contains(&self.names[*c].as_str());
            let columns: Vec<usize> = (0..self.x.columns()).filter(own).collect();
            let values: Vec<Vec<f64>> = columns.iter().map(|&c| self.x.column(c).collect()).collect();
            self.x = side_by_side(&values.iter().map(Vec::as_slice).collect::<Vec<_>>());
            self.names = columns.iter().map(|&c| self.names[c].clone()).collect();
        }
        self
    }

    /// What is held out together, in words and numbers.
    fn groups(&self) -> Result<(&'static str, &'static str, Vec<u32>), Refused> {
        let several = |words: &Vec<String>| words.iter().collect::<BTreeSet<_>>().len() >= LEAST_GROUPS;
        for (what, plural, words) in [("feeder", "feeders", &self.feeder), ("branch", "branches", &self.branch)] {
            if let Some(words) = words.as_ref().filter(|w| several(w)) {
                return Ok((what, plural, numbered(words).0));
            }
        }
        Err(unfit_for(
            "buses",
            &format!(
                "buses of at least {LEAST_GROUPS} feeders or branches are needed to judge a model by what it has not seen; \
                 give more feeders with a column \"feeder\", a column \"branch\", or the network"
            ),
        ))
    }
}

/// Groups dealt to folds of like size, the largest first.
fn deal(groups: &[u32]) -> Vec<Vec<usize>> {
    let mut rows: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    groups.iter().enumerate().for_each(|(i, g)| rows.entry(*g).or_default().push(i));
    let mut list: Vec<Vec<usize>> = rows.into_values().collect();
    list.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    let mut folds = vec![Vec::new(); FOLDS.min(list.len())];
    for group in list {
        let smallest = (0..folds.len()).min_by_key(|&f| folds[f].len()).expect("at least one fold");
        folds[smallest].extend(group);
    }
    folds
}

/// What was said of each fold by those that had not seen it.
struct HeldOutFolds {
    /// As it is learned, not widened.
    raw: Said,
    /// In kilowatts, widened by another fold that had not been seen either.
    widened: Said,
    /// Mean capacity of the rows that the answer was learned from.
    mean_of_others: Vec<f64>,
}

fn held_out(x: &Matrix, kw: &[f64], y: &[f64], folds: &[Vec<usize>], alpha: f64, settings: &Settings) -> Result<HeldOutFolds, FitError> {
    let mut all = HeldOutFolds { raw: Said::default(), widened: Said::default(), mean_of_others: Vec::new() };
    for f in 0..folds.len() {
        let next = (f + 1) % folds.len();
        let train: Vec<usize> = (0..folds.len()).filter(|g| *g != f && *g != next).flat_map(|g| folds[g].iter().copied()).collect();
        let trio = Trio::fit(&x.select(&train), &taken(y, &train), alpha, settings)?;
        let calibrate = trio.say(x, &folds[next]);
        let said = trio.say(x, &folds[f]);
        let mean = train.iter().map(|&i| kw[i]).sum::<f64>() / train.len() as f64;
        // A fold after which too little is left to promise anything is not judged.
        if let Ok(by) = Conformal::of_quantiles(&taken(y, &calibrate.rows), &calibrate.low, &calibrate.high, alpha) {
            let again = trio.say(x, &folds[f]);
            all.mean_of_others.extend(vec![mean; again.rows.len()]);
            all.widened.add(again.widened(&by));
        }
        all.raw.add(said);
    }
    Ok(all)
}

impl Module for HostingSurrogate {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let s = question.settings;
        if question.table("buses").maybe_number("hosting_kw").is_none() {
            return Err(unfit_for("buses", &"column \"hosting_kw\" is missing: the capacity that a study found, kW"));
        }
        let buses = Buses::read(question)?.learnable();
        let (x, y, alpha) = (&buses.x, &buses.hosting_kw, 1.0 - s.number("coverage_pct") / 100.0);
        let named: Vec<&str> = buses.names.iter().map(String::as_str).collect();
        let mut faults = Faults::default();
        table_faults(x, Needs { rows: 60, missing: true, varying: true }, &mut faults);
        answer_faults(x.rows().max(y.len()), y, &mut faults);
        if let Some(&found) = y.iter().find(|v| **v < 0.0) {
            faults.add(Fault::Choice { name: "a hosting capacity", found, must: "zero or more, kW" });
        }
        let mut refused = faults.none().err().map_or_else(Refused::new, |e| unfit("buses", &e, &named));
        let grouped = buses.groups().map_err(|e| refused.extend(e)).ok();
        let Some((what, plural, groups)) = grouped.filter(|_| refused.is_empty()) else { return Err(refused) };
        let folds = deal(&groups);
        let refuse = |e: FitError| unfit(&format!("buses, some {plural} held out"), &e, &named);
        let learned: Vec<f64> = y.iter().map(|kw| kw.ln_1p()).collect();
        let held = held_out(x, y, &learned, &folds, alpha, s).map_err(refuse)?;
        let conformal = Conformal::of_quantiles(&taken(&learned, &held.raw.rows), &held.raw.low, &held.raw.high, alpha).map_err(refuse)?;
        let trio = Trio::fit(x, &learned, alpha, s).map_err(refuse)?;

        let judged = &held.widened;
        let actual = taken(y, &judged.rows);
        let own = own_means(&groups, y, &judged.rows);
        let no_figure = |e: metrics::MetricError| unfit_for("buses", &format!("no figure can be taken of held-out {plural}: {e}"));
        let mae = metrics::mae(&actual, &judged.mean).map_err(no_figure)?;
        let (mae_others, mae_own) =
            (metrics::mae(&actual, &held.mean_of_others).map_err(no_figure)?, metrics::mae(&actual, &own).map_err(no_figure)?);
        let r2 = metrics::r2(&actual, &judged.mean).map_err(no_figure)?;
        let (covered, width) = metrics::coverage(&actual, &judged.low, &judged.high).map_err(no_figure)?;
        let of = taken(&groups, &judged.rows);
        let seed = s.count("seed") as u64;
        let drawn = |figure: &dyn Fn(&[usize]) -> Option<f64>| interval(&of, DRAWS, seed, figure);
        let sure = |metric: Metric, figure: &dyn Fn(&[usize]) -> Option<f64>| match drawn(figure) {
            Some((low, high)) => metric.between(low, high),
            None => metric,
        };
        let mae_of = |r: &[usize]| metrics::mae(&taken(&actual, r), &taken(&judged.mean, r)).ok();
        let r2_of = |r: &[usize]| metrics::r2(&taken(&actual, r), &taken(&judged.mean, r)).ok();
        let covered_of =
            |r: &[usize]| metrics::coverage(&taken(&actual, r), &taken(&judged.low, r), &taken(&judged.high, r)).ok().map(|c| 100.0 * c.0);
        let target = s.number("coverage_pct");
        let mae_metric = sure(Metric::new("MAE", "kW", mae, Better::Lower), &mae_of);
        let mut against_own = mae_metric.clone().against(&format!("mean of the {what} itself, which only a study knows"), mae_own);
        against_own.name = format!("MAE, beside the {what}'s own mean");
        let r2_others = metrics::r2(&actual, &held.mean_of_others).map_err(no_figure)?;
        let metrics = vec![
            mae_metric.against(&format!("mean of the other {plural}"), mae_others),
            against_own,
            sure(Metric::new("R2", "", r2, Better::Higher), &r2_of).against(&format!("mean of the other {plural}"), r2_others),
            sure(Metric::new("coverage", "%", 100.0 * covered, Better::Near).near(target), &covered_of),
            Metric::new("mean width of the interval", "kW", width, Better::Lower),
        ];
        let n_groups = groups.iter().collect::<BTreeSet<_>>().len();
        let unanswered = x.rows() - judged.rows.len();
        let mut limits = vec![
            "It answers for the limits, resource and hours of the study that it was trained on, and for no other study.".to_owned(),
            "A bus with a feature outside of training, or with a wide interval, needs the study; so does every connection that is built.".to_owned(),
            format!(
                "The interval is promised over buses of all {plural} together, not within one; with {n_groups} {plural} the promise is itself uncertain by some \
                 {:.0} points.",
                100.0 * (alpha * (1.0 - alpha) / n_groups as f64).sqrt()
            ),
            "Of a feeder that crosses limits without any resource it knows nothing: such rows, and those without a limit, are not learned from.".to_owned(),
            "Without a column \"status\" a capacity at the study's largest size is learned as that size, though it may be more.".to_owned(),
        ];
        if what == "branch" {
            limits.push("Branches of one feeder share its head: on other feeders the errors are larger than these.".to_owned());
        }
        let card = Card {
            rows: x.rows(),
            features: shown(&buses.names, &trio.ranges, Some(&spread(&trio, x.columns()))),
            says: "hosting capacity, kW, with an interval".into(),
            held_out: HeldOut {
                how: format!(
                    "by {what}: {n_groups} {plural} in {} folds; each is predicted by trees that saw neither it nor the fold that widens its interval. The kept \
                     model is fitted to all rows, its interval widened by what was left in all folds. {unanswered} held-out rows were outside of the \
                     others' ranges and are not in the figures",
                    folds.len()
                ),
                rows: judged.rows.len(),
                span_s: None,
            },
            metrics,
            calibration: by_level(&held.raw, &learned, &folds),
            limits,
            ..Card::default()
        };
        let better = mae < mae_others;
        let but = if better { String::new() } else { " That is no better than the mean.".into() };
        let headline = format!(
            "On {plural} that it had not seen the capacity is off by {mae:.0} kW on average (mean of the others: {mae_others:.0} kW), and {:.1} % lie within \
             their interval ({target:.0} % were promised).{but}",
            100.0 * covered
        );
        let figures = vec![
            Figure { name: "mae_kw", unit: "kW", value: mae, meaning: "mean error on held-out groups" },
            Figure { name: "mae_of_mean_kw", unit: "kW", value: mae_others, meaning: "the same of the mean of the other groups" },
            Figure { name: "r2", unit: "", value: r2, meaning: "part of the variance that is explained on held-out groups" },
            Figure { name: "coverage_pct", unit: "%", value: 100.0 * covered, meaning: "held-out buses within their interval" },
            Figure { name: "width_kw", unit: "kW", value: width, meaning: "mean width of the interval" },
        ];
        let mut notes = buses.notes.clone();
        if !better {
            notes.push(no_better(format!("Mean error {mae:.1} kW, of the mean of the other {plural} {mae_others:.1} kW.")));
        }
        notes.extend(outside_note(unanswered, x.rows()));
        let table = capacities(&buses, &trio.ranges, judged, s);
        let body = Body { names: buses.names.clone(), trio, conformal };
        let model = Model::new(card, &body).with_reference(Reference::of(x).ok());
        Ok(Answer { headline, figures, tables: vec![table], notes, model: Some(model) })
    }

    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        let s = question.settings;
        let body: Body = model.body()?;
        let mut buses = Buses::read(question)?;
        let missing: Vec<&String> = body.names.iter().filter(|n| !buses.names.contains(n)).collect();
        if !missing.is_empty() || buses.bus.is_empty() {
            return Err(match question.tables.get("buses").filter(|_| !buses.computed) {
                Some(table) if table.rows() > 0 => like("buses", table, &body.names).err().unwrap_or_default(),
                _ if buses.bus.is_empty() => vec![not_askable("buses", "there are no rows")],
                _ => missing
                    .iter()
                    .map(|n| not_askable("network", &format!("the model was fitted to \"{n}\", which only a table gives")))
                    .collect(),
            });
        }
        let columns: Vec<Vec<f64>> = body
            .names
            .iter()
            .map(|n| buses.x.column(buses.names.iter().position(|m| m == n).expect("looked at above")).collect())
            .collect();
        buses.x = side_by_side(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        buses.names.clone_from(&body.names);
        let all: Vec<usize> = (0..buses.bus.len()).collect();
        let said = body.trio.say(&buses.x, &all).widened(&body.conformal);
        let table = capacities(&buses, &body.trio.ranges, &said, s);
        let study = table.rows.iter().filter(|r| r[6] == Value::Flag(true)).count();
        let headline = format!(
            "{} of {} buses are answered; for {study} run the study: they are outside of training or their interval is wider than asked.",
            said.rows.len(),
            all.len()
        );
        let figures = vec![
            Figure { name: "answered", unit: "", value: said.rows.len() as f64, meaning: "buses that are answered" },
            Figure { name: "run_study", unit: "", value: study as f64, meaning: "buses for which the study has to be run" },
        ];
        let mut notes = buses.notes.clone();
        notes.extend(outside_note(all.len() - said.rows.len(), all.len()));
        notes.extend(drift_note(model, &buses.x));
        Ok(Answer { headline, figures, tables: vec![table], notes, model: None })
    }
}

/// Importance of the mean's features, in the places of all.
fn spread(trio: &Trio, columns: usize) -> Vec<f64> {
    let mut all = vec![0.0; columns];
    trio.asked.iter().zip(&trio.mean.importance).for_each(|(&c, i)| all[c] = *i);
    all
}

/// Mean of each row's own group.
fn own_means(groups: &[u32], y: &[f64], rows: &[usize]) -> Vec<f64> {
    let mut sums: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for (g, v) in groups.iter().zip(y) {
        let sum = sums.entry(*g).or_default();
        *sum = (sum.0 + v, sum.1 + 1.0);
    }
    rows.iter().map(|&i| sums[&groups[i]]).map(|(s, n)| s / n).collect()
}

/// Promised against seen coverage at several levels, of intervals of one width (in ln(1 + kW)) around what was said of held-out rows: the width of a fold is that
/// which the other folds need.
fn by_level(raw: &Said, y: &[f64], folds: &[Vec<usize>]) -> Vec<Reliable> {
    let mut fold_of = vec![0; y.len()];
    folds.iter().enumerate().for_each(|(f, rows)| rows.iter().for_each(|&i| fold_of[i] = f));
    let mut points = Vec::new();
    for said in [0.5, 0.6, 0.7, 0.8, 0.9] {
        let (mut within, mut rows) = (0usize, 0usize);
        for f in 0..folds.len() {
            let (own, others): (Vec<usize>, Vec<usize>) = (0..raw.rows.len()).partition(|&k| fold_of[raw.rows[k]] == f);
            let actual = |of: &[usize]| of.iter().map(|&k| y[raw.rows[k]]).collect::<Vec<f64>>();
            let Ok(by) = Conformal::split(&actual(&others), &taken(&raw.mean, &others), 1.0 - said) else { continue };
            for (&k, actual) in own.iter().zip(actual(&own)) {
                let (low, high) = by.around(raw.mean[k]);
                rows += 1;
                within += usize::from(low <= actual && actual <= high);
            }
        }
        if rows > 0 {
            points.push(Reliable { said, came: within as f64 / rows as f64, rows });
        }
    }
    points
}

const CAPACITIES: &[Column] = &[
    table::text("bus", "bus"),
    table::text("feeder", "feeder, where known"),
    table::number("hosting_kw", "kW", "capacity as the model says; empty where it was not trained on such buses"),
    table::number("low_kw", "kW", "lower end of the interval"),
    table::number("high_kw", "kW", "upper end of the interval"),
    table::number("study_kw", "kW", "capacity that the study found, where known"),
    table::flag("run_study", "the study has to be run"),
    table::text("why", "why it has to be run"),
];

fn capacities(buses: &Buses, ranges: &Ranges, said: &Said, settings: &Settings) -> Table {
    let place: BTreeMap<usize, usize> = said.rows.iter().enumerate().map(|(k, &row)| (row, k)).collect();
    let (widest_pct, widest_kw) = (settings.number("widest_pct"), settings.maybe_number("widest_kw"));
    let row = |i: usize| {
        let mut cells = vec![Value::text(buses.bus[i].as_str()), Value::text(buses.feeder.as_ref().map_or("", |f| f[i].as_str()))];
        let why = match place.get(&i) {
            Some(&k) => {
                let (mean, width) = (said.mean[k], said.high[k] - said.low[k]);
                cells.extend([mean, said.low[k], said.high[k]].map(Value::Number));
                if width > widest_pct / 100.0 * mean {
                    format!("the interval of {width:.0} kW is wider than {widest_pct} % of the answer")
                } else if widest_kw.is_some_and(|w| width > w) {
                    format!("the interval of {width:.0} kW is wider than {} kW", widest_kw.unwrap_or(0.0))
                } else {
                    String::new()
                }
            }
            None => {
                cells.extend([Value::Empty, Value::Empty, Value::Empty]);
                let outside: Vec<&str> = ranges.outside(buses.x.row(i)).into_iter().map(|c| buses.names[c].as_str()).collect();
                if outside.is_empty() {
                    "outside of what the other groups show".into()
                } else {
                    format!("outside of training: {}", outside.join(", "))
                }
            }
        };
        cells.push(Value::maybe(Some(buses.hosting_kw[i])));
        cells.push(Value::Flag(!why.is_empty()));
        cells.push(Value::text(why));
        cells
    };
    Table {
        name: "capacities",
        meaning: "hosting capacity of each bus, and whether to run the study",
        columns: CAPACITIES,
        rows: (0..buses.bus.len()).map(row).collect(),
    }
}

#[cfg(test)]
mod tests;
