//! Which equipment fails in the coming period: boosted trees, calibrated, with the reasons of every answer.
//!
//! ```text
//! rows by time ─► train (boosting; rounds by its latest fifth) | calibrate (Platt or isotonic) | test (figures)
//!      then once more a part later: boosting on train and calibrate, calibration on test ─► the model that is kept
//! ```

use super::common::{SEED, TEST_PART, calibrate_part, moment};
use super::rows::{Parts, features, like, no_better, not_askable, numbered, shown, span, taken};
use crate::boosting::{Boosting, Objective, Options};
use crate::calibration::{Isotonic, Platt};
use crate::explain::Explainer;
use crate::guard::{Faults, FitError, KnownAt, Needs, Reference, answer_faults, class_faults, leak_faults, table_faults, time_faults};
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
pub struct OutageRisk;

/// Failures that each part has at least: of fewer no frequency can be told.
const LEAST_FAILURES: usize = 10;
const DRAWS: usize = 200;
const BINS: usize = 10;

static ABOUT: About = About {
    id: "outage-risk",
    title: "Outage risk",
    question: "How probable is it that each piece of equipment fails in a period, and what makes it so?",
    method: "gradient boosting with logistic loss (Chen and Guestrin 2016), calibrated (Platt 1999 or isotonic), reasons by TreeSHAP (Lundberg 2020)",
    inputs: &[Input {
        name: "equipment",
        meaning: "one row for each piece of equipment and period, with what was known when the period began",
        kind: InputKind::Table {
            columns: &[
                text("equipment", "which piece of equipment").also(&["asset", "element"]),
                time("time", "start of the period"),
                number("failed", "", "1 if it failed in the period, otherwise 0; needed to train").optional(),
                text("feeder", "feeder that it belongs to").optional(),
                time("known_time", "when the last feature of the row became known; later than the start is refused").optional(),
            ],
            others: "features, such as age_years, loading_pct, trees, wind_ms (as forecast); an empty cell is a missing value",
        },
        needed_to_fit: true,
        needed_to_apply: true,
    }],
    settings: &[
        Setting {
            name: "known_after_s",
            kind: SettingKind::Text,
            default: None,
            unit: "s",
            meaning: "how long after the start of the period features become known, as in \"wind_ms=3600, loading_pct=0\"; later than the start is refused",
        },
        calibrate_part("part of the rows, before the latest, that probabilities are calibrated on"),
        TEST_PART,
        Setting {
            name: "gap_d",
            kind: SettingKind::Number { low: 0.0, high: 3650.0 },
            default: Some("0"),
            unit: "d",
            meaning: "time left out between the parts; needed where features look back over, or failures ahead of, other rows' periods",
        },
        Setting {
            name: "age_column",
            kind: SettingKind::Text,
            default: Some("age_years"),
            unit: "",
            meaning: "feature of the simple rate that the model has to beat: failures by age alone, never falling with it",
        },
        Setting {
            name: "calibration",
            kind: SettingKind::Choice { of: &["auto", "platt", "isotonic"] },
            default: Some("auto"),
            unit: "",
            meaning: "how scores become probabilities; auto takes what has the lower log loss on the later half of the calibration part",
        },
        Setting {
            name: "rounds",
            kind: SettingKind::Count { low: 1, high: 2000 },
            default: Some("300"),
            unit: "",
            meaning: "trees at most",
        },
        Setting { name: "depth", kind: SettingKind::Count { low: 1, high: 12 }, default: Some("4"), unit: "", meaning: "depth of a tree" },
        Setting {
            name: "learning_rate",
            kind: SettingKind::Number { low: 0.001, high: 1.0 },
            default: Some("0.05"),
            unit: "",
            meaning: "part of each tree that is added",
        },
        Setting {
            name: "explained",
            kind: SettingKind::Count { low: 0, high: 1_000_000 },
            default: Some("1000"),
            unit: "",
            meaning: "rows that reasons are given for, the riskiest first",
        },
        SEED,
    ],
    keeps: true,
    page: "learning-modules-tables",
};

/// From sums of trees to probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Calibrator {
    Platt(Platt),
    Isotonic(Isotonic),
}

impl Calibrator {
    fn fit(way: &str, margins: &[f64], came: &[bool]) -> Result<Self, FitError> {
        if way == "isotonic" { Isotonic::fit(margins, came).map(Self::Isotonic) } else { Platt::fit(margins, came).map(Self::Platt) }
    }

    fn of(&self, margins: &[f64]) -> Vec<f64> {
        let one = |m: &f64| match self {
            Self::Platt(p) => p.probability(*m),
            Self::Isotonic(i) => i.probability(*m),
        };
        margins.iter().map(one).collect()
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Platt(_) => "Platt's sigmoid",
            Self::Isotonic(_) => "isotonic steps",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Body {
    names: Vec<String>,
    boosting: Boosting,
    calibrator: Calibrator,
    /// Part of the training rows that failed.
    base_rate: f64,
}

/// Rows as they are learned from.
struct Rows {
    names: Vec<String>,
    x: Matrix,
    failed: Vec<f64>,
    times_s: Vec<i64>,
    equipment: Vec<u32>,
}

impl Rows {
    fn read(frame: &Frame, settings: &Settings) -> Result<Self, Refused> {
        let (names, x) = features(frame);
        let mut refused = Refused::new();
        let Some(failed) = frame.maybe_number("failed") else {
            return Err(unfit_for("equipment", &"column \"failed\" is missing: 1 if it failed in the period, otherwise 0"));
        };
        let times_s = frame.time("time").to_vec();
        let (equipment, _) = numbered(frame.text("equipment"));
        let named: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut faults = Faults::default();
        table_faults(&x, Needs { rows: 100, missing: true, varying: true }, &mut faults);
        answer_faults(x.rows().max(failed.len()), failed, &mut faults);
        class_faults(failed, 2, &mut faults);
        time_faults(times_s.len(), &times_s, Some(&equipment), &mut faults);
        if x.rows() == times_s.len() {
            match known_after(settings.maybe_text("known_after_s"), &names) {
                Ok(after) => leak_faults(&x, &times_s, KnownAt::After(&after), &mut faults),
                Err(why) => refused.extend(unfit_for("equipment", &why)),
            }
        }
        if let Err(error) = faults.none() {
            refused.extend(unfit("equipment", &error, &named));
        }
        if let Some(known) = frame.maybe_time("known_time").filter(|_| !times_s.is_empty()) {
            let mut late = Faults::default();
            leak_faults(&Matrix::from_values(1, vec![0.0; known.len()]), &times_s, KnownAt::Times(known), &mut late);
            if let Err(error) = late.none() {
                refused.extend(unfit("equipment", &error, &["a feature (by known_time)"]));
            }
        }
        let rows = Self { names, x, failed: failed.to_vec(), times_s, equipment };
        if refused.is_empty() { Ok(rows) } else { Err(refused) }
    }

    fn came(&self, rows: &[usize]) -> Vec<bool> {
        rows.iter().map(|&i| self.failed[i] == 1.0).collect()
    }

    fn named(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }
}

/// Seconds after the start of the period at which each feature becomes known; zero unless told.
fn known_after(told: Option<&str>, names: &[String]) -> Result<Vec<i64>, String> {
    let mut after = vec![0; names.len()];
    for one in told.unwrap_or("").split(',').map(str::trim).filter(|t| !t.is_empty()) {
        let (name, seconds) = one.split_once('=').ok_or_else(|| format!("known_after_s holds \"{one}\"; write feature=seconds"))?;
        let at = names
            .iter()
            .position(|n| n == name.trim())
            .ok_or_else(|| format!("known_after_s names \"{}\", which is no feature", name.trim()))?;
        after[at] = seconds
            .trim()
            .parse()
            .map_err(|_| format!("known_after_s gives \"{}\" for {}; write whole seconds", seconds.trim(), names[at]))?;
    }
    Ok(after)
}

/// Trees on rows, and what makes probabilities of them on later rows.
fn learn(
    rows: &Rows,
    train: &[usize],
    later: &[usize],
    rounds: Option<usize>,
    settings: &Settings,
) -> Result<(Boosting, Calibrator), Refused> {
    let mut options = Options::new(Objective::Logistic);
    options.rounds = rounds.unwrap_or(settings.count("rounds"));
    options.learning_rate = settings.number("learning_rate");
    options.limits.depth = settings.count("depth");
    options.seed = settings.count("seed") as u64;
    let (x, y) = (rows.x.select(train), taken(&rows.failed, train));
    let refuse = |e: FitError| unfit("the earlier part of equipment", &e, &rows.named());
    let boosting = match rounds {
        Some(_) => Boosting::fit(&x, &y, &options),
        None => {
            let judged = Boosting::fit_in_time(&x, &y, &taken(&rows.times_s, train), 0.2, 0, &options).map_err(refuse)?;
            options.rounds = judged.trees().len().max(1);
            Boosting::fit(&x, &y, &options)
        }
    }
    .map_err(refuse)?;
    let inside: Vec<usize> = later.iter().copied().filter(|&i| boosting.ranges.holds(rows.x.row(i))).collect();
    let margins = margins(&boosting, &rows.x.select(&inside));
    let came = rows.came(&inside);
    let refuse = |e: FitError| unfit("the part of equipment that probabilities are calibrated on", &e, &["the score"]);
    let way = match settings.text("calibration") {
        "auto" => choose(&margins, &came, &taken(&rows.times_s, &inside)),
        told => told,
    };
    let calibrator = Calibrator::fit(way, &margins, &came).map_err(refuse)?;
    Ok((boosting, calibrator))
}

/// What has the lower log loss on the later half, fitted to the earlier one; the sigmoid where that cannot be told.
fn choose(margins: &[f64], came: &[bool], times_s: &[i64]) -> &'static str {
    let Ok(halves) = crate::guard::split_latest(times_s, 0.5, 0) else { return "platt" };
    let loss = |way: &str| -> Option<f64> {
        let fitted = Calibrator::fit(way, &taken(margins, &halves.train), &taken(came, &halves.train)).ok()?;
        metrics::log_loss(&taken(came, &halves.test), &fitted.of(&taken(margins, &halves.test))).ok()
    };
    match (loss("platt"), loss("isotonic")) {
        (Some(p), Some(i)) if i < p => "isotonic",
        _ => "platt",
    }
}

fn margins(boosting: &Boosting, x: &Matrix) -> Vec<f64> {
    boosting.margins(x).expect("rows within the ranges of training").values
}

/// A part that has too few failures to say anything.
fn failures_of(rows: &Rows, parts: &Parts) -> Result<(), Refused> {
    let mut refused = Refused::new();
    for (what, of) in [("to train on", &parts.train), ("to calibrate on", &parts.calibrate), ("to test on", &parts.test)] {
        let failed = rows.came(of).iter().filter(|c| **c).count();
        if failed < LEAST_FAILURES || of.len() < failed + LEAST_FAILURES {
            refused.extend(unfit_for(
                "equipment",
                &format!(
                    "the part {what} has {failed} failures in {} rows; give a longer time or more equipment until each part has at least \
                     {LEAST_FAILURES} failures and as many rows without",
                    of.len()
                ),
            ));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

/// What the model said of held-out rows, and what simpler rates say of them.
struct Judged {
    came: Vec<bool>,
    said: Vec<f64>,
    /// As the trees gave it, before calibration.
    raw: Vec<f64>,
    base: Vec<f64>,
    age: Option<Vec<f64>>,
    equipment: Vec<u32>,
    seed: u64,
}

impl Judged {
    fn metrics(&self) -> Result<Vec<Metric>, metrics::MetricError> {
        type Of = fn(&[bool], &[f64]) -> Result<f64, metrics::MetricError>;
        let figures: [(&str, Of, Better); 3] = [
            ("AUC", metrics::auc, Better::Higher),
            ("average precision", metrics::average_precision, Better::Higher),
            ("Brier score", metrics::brier, Better::Lower),
        ];
        let mut all = Vec::new();
        for (name, of, better) in figures {
            let mut metric = Metric::new(name, "", of(&self.came, &self.said)?, better);
            let drawn = |rows: &[usize]| of(&taken(&self.came, rows), &taken(&self.said, rows)).ok();
            if let Some((low, high)) = interval(&self.equipment, DRAWS, self.seed, drawn) {
                metric = metric.between(low, high);
            }
            if let Some(age) = &self.age {
                let mut against = metric.clone().against("failure rate by age alone", of(&self.came, age)?);
                against.name = format!("{name}, beside age alone");
                all.push(against);
            }
            all.push(metric.against("the same rate for all", of(&self.came, &self.base)?));
        }
        let of = |said: &[f64]| metrics::calibration_error_by_count(&self.came, said, BINS);
        all.push(
            Metric::new("calibration error", "", of(&self.said)?, Better::Lower).against("the trees without calibration", of(&self.raw)?),
        );
        Ok(all)
    }

    /// The simplest rate that the model does not beat in Brier score, with both scores.
    fn beaten_by(&self) -> Result<Option<(&'static str, f64, f64)>, metrics::MetricError> {
        let ours = metrics::brier(&self.came, &self.said)?;
        let mut simple = vec![("the same rate for all", metrics::brier(&self.came, &self.base)?)];
        if let Some(age) = &self.age {
            simple.push(("the failure rate by age alone", metrics::brier(&self.came, age)?));
        }
        let best = simple.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("at least one");
        Ok((ours >= best.1).then_some((best.0, ours, best.1)))
    }
}

/// Failures by age alone, never falling with it; none without the column or with gaps in it.
fn by_age(rows: &Rows, train: &[usize], test: &[usize], column: &str) -> Option<Vec<f64>> {
    let at = rows.names.iter().position(|n| n == column)?;
    let age = |of: &[usize]| of.iter().map(|&i| rows.x.at(i, at)).collect::<Vec<f64>>();
    let rate = Isotonic::fit(&age(train), &rows.came(train)).ok()?;
    let ages = age(test);
    ages.iter().all(|a| a.is_finite()).then(|| ages.iter().map(|&a| rate.probability(a)).collect())
}

impl Module for OutageRisk {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (frame, s) = (question.table("equipment"), question.settings);
        let rows = Rows::read(frame, s)?;
        let gap_s = (s.number("gap_d") * 86_400.0) as i64;
        let parts = Parts::of(&rows.times_s, s.number("calibrate_part"), s.number("test_part"), gap_s)
            .map_err(|e| unfit("equipment, when it is split by time", &e, &[]))?;
        failures_of(&rows, &parts)?;
        let (boosting, calibrator) = learn(&rows, &parts.train, &parts.calibrate, None, s)?;
        let answered: Vec<usize> = parts.test.iter().copied().filter(|&i| boosting.ranges.holds(rows.x.row(i))).collect();
        let margin = margins(&boosting, &rows.x.select(&answered));
        let before: Vec<usize> = parts.train.iter().chain(&parts.calibrate).copied().collect();
        let base_rate = rows.came(&before).iter().filter(|c| **c).count() as f64 / before.len() as f64;
        let judged = Judged {
            came: rows.came(&answered),
            said: calibrator.of(&margin),
            raw: margin.iter().map(|&m| Objective::Logistic.answer(m)).collect(),
            base: vec![base_rate; answered.len()],
            age: by_age(&rows, &before, &answered, s.text("age_column")),
            equipment: taken(&rows.equipment, &answered),
            seed: s.count("seed") as u64,
        };
        let no_figure = |e: metrics::MetricError| unfit_for("equipment", &format!("no figure can be taken of the held-out rows: {e}"));
        let metrics = judged.metrics().map_err(no_figure)?;
        let calibration: Vec<Reliable> = metrics::reliability_by_count(&judged.came, &judged.said, BINS)
            .map_err(no_figure)?
            .into_iter()
            .map(|b| Reliable { said: b.mean_said, came: b.came, rows: b.rows })
            .collect();
        let beaten = judged.beaten_by().map_err(no_figure)?;

        // What is kept: the same a part later, so that the newest rows are learned from too.
        let (kept, kept_calibrator) = learn(&rows, &before, &parts.test, Some(boosting.trees().len()), s)?;
        let unanswered = parts.test.len() - answered.len();
        let mut limits = vec![
            "Rows with a feature outside of its range of training are not answered; old equipment leaves the range first.".to_owned(),
            "Reasons explain the model, not the cause: of features that go together the one that the trees ask gets the credit.".to_owned(),
            "Probabilities are for periods of the length of those of training and mean nothing for others.".to_owned(),
        ];
        if judged.age.is_none() {
            limits.push(format!("It was not compared with a rate by age: there is no column \"{}\" without gaps.", s.text("age_column")));
        }
        let card = Card {
            rows: before.len(),
            span_s: span(&rows.times_s, &before),
            features: shown(&rows.names, &kept.ranges, Some(&kept.importance)),
            says: "probability (0 to 1) that the equipment fails in the period".into(),
            held_out: HeldOut {
                how: format!(
                    "by time: the latest {:.0} % of the rows, from {} on. Trees were grown on rows before the part that probabilities were calibrated on \
                     ({}). The kept model has as many trees, grown on all rows before {}, and is calibrated on the held-out rows. Intervals by \
                     drawing equipment anew. {unanswered} held-out rows were outside of training and are not in the figures",
                    100.0 * s.number("test_part"),
                    moment(parts.test_from_s),
                    calibrator.name(),
                    moment(parts.test_from_s),
                ),
                rows: answered.len(),
                span_s: span(&rows.times_s, &answered),
            },
            metrics,
            calibration: calibration.clone(),
            limits,
            ..Card::default()
        };
        let (auc, ap, brier) = (value(&card, "AUC"), value(&card, "average precision"), value(&card, "Brier score"));
        let age_auc = judged.age.as_ref().and_then(|a| metrics::auc(&judged.came, a).ok());
        let beside = age_auc.map_or_else(String::new, |a| format!(" (by age alone {a:.3})"));
        let but = if beaten.is_some() { " It is no better than something simpler." } else { "" };
        let headline = format!(
            "On {} rows that it had not seen the model ranks a failure above a survival in {:.1} % of pairs: AUC {auc:.3}{beside}.{but}",
            answered.len(),
            100.0 * auc
        );
        let mut figures = vec![
            Figure { name: "auc", unit: "", value: auc, meaning: "area under the ROC curve on held-out rows" },
            Figure { name: "average_precision", unit: "", value: ap, meaning: "average precision on held-out rows" },
            Figure { name: "brier", unit: "", value: brier, meaning: "Brier score on held-out rows" },
            Figure {
                name: "calibration_error",
                unit: "",
                value: value(&card, "calibration error"),
                meaning: "mean distance of probability and frequency in ten bins of equally many held-out rows",
            },
            Figure { name: "base_rate", unit: "", value: base_rate, meaning: "part of the rows before the held-out ones that failed" },
        ];
        figures.extend(age_auc.map(|a| Figure { name: "auc_by_age", unit: "", value: a, meaning: "AUC of the failure rate by age alone" }));
        let mut notes = Vec::new();
        if let Some((name, ours, theirs)) = beaten {
            notes.push(no_better(format!("Brier score {ours:.5}, with {name} {theirs:.5}.")));
        }
        notes.extend(outside_note(unanswered, parts.test.len()));
        let held = Body { names: rows.names.clone(), boosting, calibrator, base_rate };
        let risks = risks(&held, frame, &rows.x, &parts.test, s.count("explained"));
        let points = calibration.iter().map(|c| vec![Value::Number(c.said), Value::Number(c.came), Value::Count(c.rows as u64)]).collect();
        let tables = vec![risks, Table { name: "reliability", meaning: "held-out rows by probability", columns: POINTS, rows: points }];
        let reference = Reference::of(&rows.x.select(&before)).ok();
        let body = Body { boosting: kept, calibrator: kept_calibrator, ..held };
        let model = Model::new(card, &body).with_reference(reference);
        Ok(Answer { headline, figures, tables, notes, model: Some(model) })
    }

    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        let (frame, s) = (question.table("equipment"), question.settings);
        let body: Body = model.body()?;
        let x = like("equipment", frame, &body.names)?;
        if x.rows() == 0 {
            return Err(vec![not_askable("equipment", "there are no rows")]);
        }
        let all: Vec<usize> = (0..x.rows()).collect();
        let table = risks(&body, frame, &x, &all, s.count("explained"));
        let inside: Vec<usize> = all.iter().copied().filter(|&i| body.boosting.ranges.holds(x.row(i))).collect();
        let said = body.calibrator.of(&margins(&body.boosting, &x.select(&inside)));
        let expected: f64 = said.iter().sum();
        let headline = match table.rows.first().map(|r| (&r[0], &r[1], &r[3])) {
            Some((Value::Text(name), Value::Text(at), Value::Number(p))) => format!(
                "{expected:.1} failures are to be expected in {} rows; the riskiest is {name} with {:.2} % in the period from {at}.",
                inside.len(),
                100.0 * p
            ),
            _ => "No row is like those that the model was trained on, and none is answered.".into(),
        };
        let mut tables = vec![table];
        tables.extend(by_feeder(frame, &inside, &said));
        let figures = vec![
            Figure {
                name: "expected_failures",
                unit: "",
                value: expected,
                meaning: "sum of the probabilities of the rows that are answered",
            },
            Figure { name: "answered", unit: "", value: inside.len() as f64, meaning: "rows that are answered" },
        ];
        let notes = outside_note(x.rows() - inside.len(), x.rows())
            .into_iter()
            .chain(drift_note_in_time(model, &x, || (x.clone(), frame.time("time").to_vec())))
            .collect();
        Ok(Answer { headline, figures, tables, notes, model: None })
    }
}

fn value(card: &Card, name: &str) -> f64 {
    card.metrics.iter().find(|m| m.name == name).map_or(f64::NAN, |m| m.value)
}

const RISKS: &[Column] = &[
    table::text("equipment", "piece of equipment"),
    table::text("time", "start of the period, UTC"),
    table::text("feeder", "feeder, where known"),
    table::number("probability", "", "probability that it fails in the period; empty where the model was not trained on such rows"),
    table::number("times_usual", "", "probability over the part of the training rows that failed"),
    table::flag("failed", "whether it did, where known"),
    table::text("reason_1", "feature that moves the odds most, and by what factor, before calibration"),
    table::text("reason_2", "the second"),
    table::text("reason_3", "the third"),
    table::text("outside", "features outside of their range of training"),
];

const POINTS: &[Column] = &[
    table::number("said", "", "mean probability of the bin"),
    table::number("came", "", "part of its rows that failed"),
    table::count("rows", "rows of the bin"),
];

const FEEDERS: &[Column] = &[
    table::text("feeder", "feeder"),
    table::number("expected_failures", "", "sum of the probabilities of its rows"),
    table::count("rows", "rows that are answered"),
];

/// Rows by risk, those without an answer last.
fn risks(body: &Body, frame: &Frame, x: &Matrix, of: &[usize], explained: usize) -> Table {
    let inside: Vec<usize> = of.iter().copied().filter(|&i| body.boosting.ranges.holds(x.row(i))).collect();
    let said = body.calibrator.of(&margins(&body.boosting, &x.select(&inside)));
    let mut ranked: Vec<(usize, f64)> = inside.iter().copied().zip(said).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let (names, times) = (frame.text("equipment"), frame.time("time"));
    let (feeders, failed) = (frame.maybe_text("feeder"), frame.maybe_number("failed"));
    let mut explainer = Explainer::of_boosting(&body.boosting);
    let begin = |i: usize, p: Option<f64>| {
        let known = failed.map(|f| f[i]).filter(|f| *f == 0.0 || *f == 1.0);
        vec![
            Value::text(names[i].as_str()),
            Value::text(moment(times[i])),
            Value::text(feeders.map_or("", |f| f[i].as_str())),
            Value::maybe(p),
            Value::maybe(p.map(|p| p / body.base_rate)),
            known.map_or(Value::Empty, |f| Value::Flag(f == 1.0)),
        ]
    };
    let mut rows: Vec<Vec<Value>> = Vec::with_capacity(of.len());
    for (place, &(i, p)) in ranked.iter().enumerate() {
        let mut row = begin(i, Some(p));
        let reasons = if place < explained { reasons(&mut explainer, &body.names, x.row(i)) } else { Vec::new() };
        row.extend((0..3).map(|k| reasons.get(k).map_or(Value::Empty, |r| Value::text(r.as_str()))));
        row.push(Value::Empty);
        rows.push(row);
    }
    for &i in of.iter().filter(|&&i| !body.boosting.ranges.holds(x.row(i))) {
        let mut row = begin(i, None);
        row.extend([Value::Empty, Value::Empty, Value::Empty]);
        let outside: Vec<&str> = body.boosting.ranges.outside(x.row(i)).into_iter().map(|c| body.names[c].as_str()).collect();
        row.push(Value::text(outside.join(", ")));
        rows.push(row);
    }
    Table { name: "risks", meaning: "equipment and periods by the probability of a failure", columns: RISKS, rows }
}

/// The three features that move the odds of a row most.
fn reasons(explainer: &mut Explainer<'_>, names: &[String], row: &[f64]) -> Vec<String> {
    let why = explainer.explain(row);
    let one = |&c: &usize| {
        let phi = why.contributions[c];
        let at = if row[c].is_nan() { "missing".to_owned() } else { format!("{}", (row[c] * 1e4).round() / 1e4) };
        format!("{} = {at}: odds x {:.2}", names[c], phi.exp())
    };
    why.ranked().iter().filter(|&&c| why.contributions[c] != 0.0).take(3).map(one).collect()
}

fn by_feeder(frame: &Frame, rows: &[usize], said: &[f64]) -> Option<Table> {
    let feeders = frame.maybe_text("feeder")?;
    let mut sums: BTreeMap<&str, (f64, u64)> = BTreeMap::new();
    for (&i, p) in rows.iter().zip(said) {
        let sum = sums.entry(feeders[i].as_str()).or_default();
        *sum = (sum.0 + p, sum.1 + 1);
    }
    let mut list: Vec<(&str, (f64, u64))> = sums.into_iter().collect();
    list.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(a.0.cmp(b.0)));
    let rows = list.into_iter().map(|(f, (e, n))| vec![Value::text(f), Value::Number(e), Value::Count(n)]).collect();
    Some(Table { name: "feeders", meaning: "failures to be expected by feeder", columns: FEEDERS, rows })
}

#[cfg(test)]
mod tests;
