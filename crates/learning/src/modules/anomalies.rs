//! Odd readings of meters: against what the solved network expects, against limits, and against what is usual (isolation forest).
//!
//! ```text
//! readings ─┬─ less expected states (given, or solved from p_kw and q_kvar) ─► z of the residual beyond a bound ─► by residual ─┐
//!           ├─ limits of voltage, unbalance, temperature, THD, power factor, health ─► by limit ─┼─► rows near in time ─► events
//!           └─ scaled by each meter's own median and spread ─► isolation forest ─► by forest ─┘
//! ```
//!
//! A row is judged in this order, since a residual says most: the state of the network explains load and weather, and what is left is the fault. Spreads
//! of residuals are told apart by the size of what is expected.

use super::common::{SEED, TREES, measure, moment, partial};
use super::rows::{features, like, no_better, not_askable, numbered, shown, span, taken};
use crate::expected::{Drawn, voltages};
use crate::guard::{Faults, Needs, Ranges, Reference, class_faults, split_latest, table_faults, time_faults};
use crate::isolation::{IsolationForest, Options};
use crate::matrix::Matrix;
use crate::metrics::{self, Confusion};
use crate::module::{
    About, Answer, Better, Card, Figure, Frame, HeldOut, Input, InputKind, Metric, Model, Module, Question, Refused, Setting, SettingKind,
    Settings, drift_note_in_time, number, outside_note, text, time, unfit, unfit_for,
};
use crate::resample::interval;
use crate::robust::{Binned, Scale};
use network::{Diagnostic, Network};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use studies::table::{self, Column, Table, Value};

/// See the file's header.
pub struct MeterAnomalies;

/// Readings from which a meter's own median and spread can be told.
const LEAST_READINGS: usize = 20;
const DRAWS: usize = 200;

static ABOUT: About = About {
    id: "meter-anomalies",
    title: "Anomalies of meters",
    question: "When did readings of meters not fit the solved network, the limits, or what is usual, and which of them?",
    method: "residuals of solved states, limits, and an isolation forest (Liu, Ting and Zhou 2008) on robustly scaled readings",
    inputs: &[
        Input {
            name: "readings",
            meaning: "one row for each meter and time",
            kind: InputKind::Table {
                columns: &[
                    time("time", "time of the reading"),
                    text("meter", "which meter").also(&["asset", "element"]),
                    text("group", "meters that are alike and scaled together, such as of one type").optional(),
                    number("fault", "", "1 where a fault is known to have been, otherwise 0; only to judge by").optional(),
                ],
                others: "readings, such as p_kw, q_kvar, v_pu, unbalance_pct, temperature_c, thd_pct, power_factor, health_score",
            },
            needed_to_fit: true,
            needed_to_apply: true,
        },
        Input {
            name: "states",
            meaning: "what the solved network expects of the meters at the same times",
            kind: InputKind::Table {
                columns: &[time("time", "time of the state"), text("meter", "which meter").also(&["asset", "element"])],
                others: "expected values of columns of the readings, under the same names, such as v_pu, p_kw",
            },
            needed_to_fit: false,
            needed_to_apply: false,
        },
        Input {
            name: "network",
            meaning: "model of the grid whose loads have the names of the meters: voltages are solved from p_kw and q_kvar of the readings",
            kind: InputKind::Network,
            needed_to_fit: false,
            needed_to_apply: false,
        },
    ],
    settings: &[
        measure("contamination_pct", 0.01, 50.0, "1", "%", "part of the training rows that the forest calls odd"),
        measure("residual_z", 2.0, 100.0, "6", "", "residual, in spreads of the meter's own, beyond which it is odd"),
        Setting {
            name: "scale",
            kind: SettingKind::Choice { of: &["meter", "group", "all"] },
            default: Some("meter"),
            unit: "",
            meaning: "whose median and spread a reading is scaled by",
        },
        Setting { name: "limits", kind: SettingKind::Flag, default: Some("true"), unit: "", meaning: "whether limits are held too" },
        measure("voltage_pct", 0.1, 50.0, "5", "%", "deviation of a voltage in pu from 1 beyond which it is odd"),
        measure("unbalance_pct", 0.1, 100.0, "10", "%", "unbalance beyond which it is odd"),
        measure("temperature_c", -50.0, 500.0, "80", "C", "temperature beyond which it is odd"),
        measure("thd_pct", 0.1, 100.0, "5", "%", "total harmonic distortion beyond which it is odd"),
        measure("power_factor", 0.0, 1.0, "0.9", "", "size of the power factor below which it is odd"),
        measure("health", 0.0, 100.0, "70", "", "health score below which it is odd"),
        measure("join_min", 0.0, 100_000.0, "120", "min", "longest time between odd rows of one event"),
        measure("test_part", 0.1, 0.5, "0.3", "", "latest part of the rows, which the figures are taken of"),
        TREES,
        Setting {
            name: "sample",
            kind: SettingKind::Count { low: 16, high: 65_536 },
            default: Some("256"),
            unit: "",
            meaning: "rows of each tree",
        },
        SEED,
    ],
    keeps: true,
    page: "learning-modules-tables",
};

/// What a reading is about, by the name of its column.
fn kind_of(name: &str) -> &'static str {
    let name = name.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|p| name.contains(p));
    let begins = |parts: &[&str]| parts.iter().any(|p| name.starts_with(p));
    if has(&["thd", "harmonic"]) {
        "thd"
    } else if has(&["unbalance", "imbalance"]) {
        "unbalance"
    } else if has(&["temp"]) || name.ends_with("_c") {
        "temperature"
    } else if has(&["power_factor", "cos_phi"]) || name == "pf" || begins(&["pf_"]) {
        "power_factor"
    } else if has(&["health"]) {
        "health"
    } else if has(&["volt", "_pu", "_kv"]) || begins(&["v_", "u_"]) || name == "v" {
        "voltage"
    } else if begins(&["p_", "q_", "s_", "i_"]) || has(&["kw", "kvar", "kva", "load", "current", "power"]) {
        "load"
    } else {
        "other"
    }
}

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Body {
    names: Vec<String>,
    /// Places of the readings that states were given for.
    expected: Vec<usize>,
    scale: String,
    /// By meter, group or "" for all: of each reading.
    scales: BTreeMap<String, Vec<Scale>>,
    /// By meter: of each residual.
    residuals: BTreeMap<String, Vec<Option<Binned>>>,
    forest: IsolationForest,
    threshold: f64,
    /// Of the largest distance of a row from its medians, which the same part of training exceeds.
    simple: f64,
}

/// Readings and what was expected of them.
struct Readings {
    names: Vec<String>,
    x: Matrix,
    times_s: Vec<i64>,
    meter: Vec<String>,
    group: Vec<String>,
    /// By reading that something is expected of: its place, and what is expected in each row; NaN where nothing is.
    expected: BTreeMap<usize, Vec<f64>>,
    without_state: usize,
}

impl Readings {
    fn of(question: &Question<'_>, names: Vec<String>, x: Matrix) -> Result<Self, Refused> {
        let (frame, states) = (question.table("readings"), question.tables.get("states"));
        let (times_s, meter) = (frame.time("time").to_vec(), frame.text("meter").to_vec());
        let mut expected: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        if let Some(states) = states {
            let key = states.text("meter").iter().zip(states.time("time"));
            let at: HashMap<(&str, i64), usize> = key.zip(0..).map(|((m, t), i)| ((m.as_str(), *t), i)).collect();
            let row: Vec<Option<usize>> = meter.iter().zip(&times_s).map(|(m, t)| at.get(&(m.as_str(), *t)).copied()).collect();
            for (c, name) in names.iter().enumerate() {
                if let Some(values) = states.maybe_number(name) {
                    expected.insert(c, row.iter().map(|r| r.map_or(f64::NAN, |r| values[r])).collect());
                }
            }
        }
        if let Some(network) = question.networks.get("network") {
            let place = |name: &str| names.iter().position(|n| n == name);
            let (Some(v), Some(p)) = (place("v_pu"), place("p_kw")) else {
                return Err(unfit_for(
                    "readings",
                    &"a network was given, but not the columns v_pu and p_kw of the readings, which it is solved for",
                ));
            };
            if let std::collections::btree_map::Entry::Vacant(free) = expected.entry(v) {
                free.insert(solved(network, &times_s, &meter, &x, p, place("q_kvar"))?);
            }
        }
        let known = |i: usize| expected.values().any(|e| e[i].is_finite());
        let without_state = (0..meter.len()).filter(|&i| !known(i)).count();
        let group = frame.maybe_text("group").map_or_else(|| vec![String::new(); meter.len()], <[String]>::to_vec);
        Ok(Self { names, x, times_s, meter, group, expected, without_state })
    }

    fn scaled_by<'a>(&'a self, scale: &str, row: usize) -> &'a str {
        match scale {
            "meter" => &self.meter[row],
            "group" => &self.group[row],
            _ => "",
        }
    }
}

/// The voltage of each row as the network has it when its loads draw what was read; NaN where that is not known.
fn solved(network: &Network, times_s: &[i64], meter: &[String], x: &Matrix, p: usize, q: Option<usize>) -> Result<Vec<f64>, Refused> {
    let load: HashMap<String, usize> = network.loads.iter().enumerate().map(|(i, l)| (l.common.name.to_lowercase(), i)).collect();
    let mut at: BTreeMap<i64, Vec<(usize, Drawn)>> = BTreeMap::new();
    for row in 0..meter.len() {
        let p_kw = x.at(row, p);
        if let Some(&load) = load.get(meter[row].trim().to_lowercase().as_str()).filter(|_| p_kw.is_finite()) {
            let q_kvar = q.map(|q| x.at(row, q)).filter(|q| q.is_finite());
            at.entry(times_s[row]).or_default().push((row, Drawn { load, p_kw, q_kvar }));
        }
    }
    let drawn: Vec<Vec<Drawn>> = at.values().map(|rows| rows.iter().map(|r| r.1).collect()).collect();
    let said = voltages(network, &drawn).map_err(|e| unfit_for("network", &format!("it cannot be solved: {e}")))?;
    let mut v = vec![f64::NAN; meter.len()];
    for (rows, said) in at.values().zip(said) {
        for ((row, _), said) in rows.iter().zip(said.unwrap_or_default()) {
            v[*row] = said;
        }
    }
    if v.iter().all(|v| v.is_nan()) {
        let why = "at no time was every load in service read and the network solved; name meters as the model names its loads, and give all of them";
        return Err(unfit_for("readings", &why));
    }
    Ok(v)
}

/// Centres and spreads of some rows, by word, for words of enough rows. A reading that never changes there has the spread of all.
fn scales<'a>(rows: &[usize], word: impl Fn(usize) -> &'a str, columns: &[&dyn Fn(usize) -> f64]) -> BTreeMap<String, Vec<Scale>> {
    let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    rows.iter().for_each(|&i| of.entry(word(i)).or_default().push(i));
    let all: Vec<Option<Scale>> = columns.iter().map(|c| Scale::of(rows.iter().map(|&i| c(i)))).collect();
    let known = |own: &[usize]| -> Option<Vec<Scale>> {
        columns
            .iter()
            .zip(&all)
            .map(|(c, all)| {
                let enough = own.iter().filter(|&&i| c(i).is_finite()).count() >= LEAST_READINGS;
                let mut scale = Scale::of(own.iter().map(|&i| c(i))).filter(|_| enough)?;
                if scale.spread == 0.0 {
                    scale.spread = all.map_or(1.0, |a| a.spread);
                }
                Some(scale)
            })
            .collect()
    };
    of.into_iter().filter_map(|(w, own)| Some((w.to_owned(), known(&own)?))).collect()
}

/// Of each meter and each reading that something is expected of, with enough rows: how residuals are spread.
fn residuals(r: &Readings, rows: &[usize]) -> BTreeMap<String, Vec<Option<Binned>>> {
    let mut of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    if !r.expected.is_empty() {
        rows.iter().for_each(|&i| of.entry(r.meter[i].as_str()).or_default().push(i));
    }
    let one = |own: &[usize], c: usize, e: &[f64]| {
        let pairs = || own.iter().map(|&i| (e[i], r.x.at(i, c) - e[i]));
        if pairs().filter(|p| p.1.is_finite()).count() < LEAST_READINGS { None } else { Binned::of(pairs()) }
    };
    of.into_iter().map(|(w, own)| (w.to_owned(), r.expected.iter().map(|(&c, e)| one(&own, c, e)).collect())).collect()
}

/// Why a row is odd.
#[derive(Clone, Debug, PartialEq)]
struct Odd {
    row: usize,
    /// 0 by residual, 1 by limit, 2 by forest: what says most comes first.
    by: usize,
    kind: &'static str,
    score: f64,
    why: String,
}

const BY: [&str; 3] = ["residual", "limit", "forest"];

/// All that was judged.
struct Verdicts {
    odd: Vec<Odd>,
    /// Rows that were judged by the forest at least.
    judged: Vec<usize>,
    /// Rows of meters that the model does not know.
    unknown: usize,
    /// Rows with a missing reading, which the forest cannot judge.
    missing: usize,
    /// Odd by the forest alone, by the largest distance alone.
    by_forest: Vec<bool>,
    by_simple: Vec<bool>,
}

impl Body {
    fn fit(r: &Readings, rows: &[usize], s: &Settings) -> Result<Self, Refused> {
        let scale = s.text("scale");
        let column = |c: usize| move |i: usize| r.x.at(i, c);
        let columns: Vec<_> = (0..r.names.len()).map(column).collect();
        let columns: Vec<&dyn Fn(usize) -> f64> = columns.iter().map(|c| c as &dyn Fn(usize) -> f64).collect();
        let scales_of = scales(rows, |i| r.scaled_by(scale, i), &columns);
        let residuals = residuals(r, rows);
        let mut scaled = Matrix::new(r.names.len());
        for &i in rows {
            if let Some(z) = scales_of.get(r.scaled_by(scale, i)).and_then(|own| z_row(own, r.x.row(i))) {
                scaled.push(&z);
            }
        }
        let options = Options { trees: s.count("trees"), sample: s.count("sample"), seed: s.count("seed") as u64 };
        let named: Vec<&str> = r.names.iter().map(String::as_str).collect();
        let forest = IsolationForest::fit(&scaled, &options).map_err(|e| unfit("readings, scaled by their medians", &e, &named))?;
        let mut scores = forest.score(&scaled).map_err(|e| unfit_for("readings", &e))?.values;
        let mut simple: Vec<f64> = (0..scaled.rows()).map(|i| largest(scaled.row(i))).collect();
        let part = s.number("contamination_pct") / 100.0;
        Ok(Self {
            names: r.names.clone(),
            expected: r.expected.keys().copied().collect(),
            scale: scale.to_owned(),
            scales: scales_of,
            residuals,
            threshold: exceeded_by(&mut scores, part),
            simple: exceeded_by(&mut simple, part),
            forest,
        })
    }

    fn judge(&self, r: &Readings, rows: &[usize], s: &Settings) -> Verdicts {
        let mut v = Verdicts { odd: Vec::new(), judged: Vec::new(), unknown: 0, missing: 0, by_forest: Vec::new(), by_simple: Vec::new() };
        let mut scaled = Matrix::new(self.names.len());
        let mut first: HashMap<usize, Odd> = HashMap::new();
        for &i in rows {
            let Some(own) = self.scales.get(r.scaled_by(&self.scale, i)) else {
                v.unknown += 1;
                continue;
            };
            if let Some(odd) = self.by_residual(r, i, s.number("residual_z")).or_else(|| self.by_limit(r, i, own, s)) {
                first.insert(i, odd);
            }
            match z_row(own, r.x.row(i)) {
                Some(z) => {
                    v.judged.push(i);
                    scaled.push(&z);
                }
                None => v.missing += 1,
            }
        }
        let scores =
            if v.judged.is_empty() { Vec::new() } else { self.forest.score(&scaled).expect("finite rows of the forest's columns").values };
        v.by_forest = scores.iter().map(|s| *s > self.threshold).collect();
        v.by_simple = (0..scaled.rows()).map(|k| largest(scaled.row(k)) > self.simple).collect();
        let alone: Vec<usize> = (0..v.judged.len()).filter(|&k| v.by_forest[k] && !first.contains_key(&v.judged[k])).collect();
        let reasons =
            if alone.is_empty() { Vec::new() } else { self.forest.reasons(&scaled.select(&alone)).expect("rows that were scored") };
        v.odd = first.into_values().collect();
        for (&k, why) in alone.iter().zip(reasons) {
            let row = v.judged[k];
            let mut order: Vec<usize> = (0..why.doublings.len()).collect();
            order.sort_by(|&a, &b| why.doublings[b].total_cmp(&why.doublings[a]).then(a.cmp(&b)));
            let words: Vec<String> = order
                .iter()
                .take(3)
                .filter(|&&c| why.doublings[c] > 0.0)
                .map(|&c| format!("{} = {} (score x {:.2})", self.names[c], short(r.x.at(row, c)), why.doublings[c].exp2()))
                .collect();
            v.odd.push(Odd { row, by: 2, kind: kind_of(&self.names[order[0]]), score: why.score, why: words.join(", ") });
        }
        v.odd.sort_by_key(|o| o.row);
        v
    }

    fn by_residual(&self, r: &Readings, row: usize, most: f64) -> Option<Odd> {
        let own = self.residuals.get(&r.meter[row])?;
        let z = |k: usize| {
            let expected = r.expected.get(&self.expected[k])?[row];
            let left = r.x.at(row, self.expected[k]) - expected;
            Some(own[k].as_ref()?.z(expected, left)).filter(|z| z.is_finite() && expected.is_finite()).map(|z| (k, z, left))
        };
        let (k, z, left) = (0..self.expected.len()).filter_map(z).max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))?;
        (z.abs() > most).then(|| {
            let name = &self.names[self.expected[k]];
            let why = format!(
                "{name} = {}, {} from what the network expects ({:.1} spreads)",
                short(r.x.at(row, self.expected[k])),
                signed(left),
                z.abs()
            );
            Odd { row, by: 0, kind: kind_of(name), score: z.abs(), why }
        })
    }

    /// The limit that is passed furthest, in spreads of the meter's own.
    fn by_limit(&self, r: &Readings, row: usize, own: &[Scale], s: &Settings) -> Option<Odd> {
        if !s.flag("limits") {
            return None;
        }
        let passed = |c: usize| -> Option<(usize, f64, String)> {
            let (name, x) = (&self.names[c], r.x.at(row, c));
            let (beyond, limit) = match kind_of(name) {
                "voltage" if name.ends_with("_pu") => {
                    ((x - 1.0).abs() - s.number("voltage_pct") / 100.0, format!("1 +- {} %", s.number("voltage_pct")))
                }
                "unbalance" => (x.abs() - s.number("unbalance_pct"), format!("{} %", s.number("unbalance_pct"))),
                "temperature" => (x - s.number("temperature_c"), format!("{} C", s.number("temperature_c"))),
                "thd" => (x - s.number("thd_pct"), format!("{} %", s.number("thd_pct"))),
                "power_factor" => (s.number("power_factor") - x.abs(), format!("{}", s.number("power_factor"))),
                "health" => (s.number("health") - x, format!("{}", s.number("health"))),
                _ => return None,
            };
            let spreads = own[c].z(own[c].centre + beyond);
            (beyond > 0.0).then(|| (c, spreads.abs(), format!("{name} = {}, beyond its limit of {limit}", short(x))))
        };
        let (c, score, why) = (0..self.names.len()).filter_map(passed).max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(Odd { row, by: 1, kind: kind_of(&self.names[c]), score, why })
    }
}

/// A row in spreads from its medians; none with a missing reading.
fn z_row(own: &[Scale], row: &[f64]) -> Option<Vec<f64>> {
    row.iter().all(|v| v.is_finite()).then(|| own.iter().zip(row).map(|(s, v)| s.z(*v)).collect())
}

fn largest(z: &[f64]) -> f64 {
    z.iter().map(|z| z.abs()).fold(0.0, f64::max)
}

/// The value that this part of all exceeds.
fn exceeded_by(values: &mut [f64], part: f64) -> f64 {
    let at = (((1.0 - part) * values.len() as f64).ceil() as usize).clamp(1, values.len()) - 1;
    *values.select_nth_unstable_by(at, f64::total_cmp).1
}

fn short(x: f64) -> String {
    format!("{}", (x * 1e4).round() / 1e4)
}

fn signed(x: f64) -> String {
    format!("{}{}", if x < 0.0 { "" } else { "+" }, short(x))
}

impl Module for MeterAnomalies {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (frame, s) = (question.table("readings"), question.settings);
        let (names, x) = features(frame);
        let r = Readings::of(question, names, x)?;
        let fault = frame.maybe_number("fault");
        refuse_unfit(&r, fault, question.tables.get("states"))?;
        let split =
            split_latest(&r.times_s, s.number("test_part"), 0).map_err(|e| unfit("readings, when they are split by time", &e, &[]))?;
        let earlier = Body::fit(&r, &split.train, s)?;
        let held = earlier.judge(&r, &split.test, s);
        if held.judged.is_empty() {
            return Err(unfit_for("readings", &"no meter has readings both before and after the split by time; give a longer time"));
        }
        let all: Vec<usize> = (0..r.times_s.len()).collect();
        let body = Body::fit(&r, &all, s)?;
        let (metrics, beaten) = figures_of(&r, fault, &held, s)
            .map_err(|e| unfit_for("readings", &format!("no figure can be taken of the held-out rows: {e}")))?;
        let few = meters_without(&r, &body);
        let mut limits = vec![
            "Odd is not faulty: a row may be rare and right. Events by residual say most, those by forest least.".to_owned(),
            "What lasted through all of training is usual, and is not found by the forest or by residuals; only limits find it.".to_owned(),
            "Rows outside of what training held are judged all the same, since to be outside is to be odd; meters it does not know are not answered.".to_owned(),
            "The forest does not know the hour: what is odd only for its time of day is found by residuals alone.".to_owned(),
        ];
        if body.expected.is_empty() {
            limits.push("Neither states nor a network were given: no residual is judged.".to_owned());
        }
        if fault.is_none() {
            limits.push("No faults were labelled: how many it finds is not known.".to_owned());
        }
        let ranges = Ranges::of(&r.x);
        let card = Card {
            rows: r.times_s.len(),
            span_s: span(&r.times_s, &all),
            features: shown(&r.names, &ranges, None),
            says: "whether a reading is odd, by what, of which kind, and why".into(),
            held_out: HeldOut {
                how: format!(
                    "by time: the latest {:.0} % of the rows, from {} on. Medians, spreads, forest and threshold come from rows before. The kept model is fitted to \
                     all rows. Intervals by drawing meters anew",
                    100.0 * s.number("test_part"),
                    moment(split.test_from_s)
                ),
                rows: held.judged.len(),
                span_s: span(&r.times_s, &split.test),
            },
            metrics,
            limits,
            ..Card::default()
        };
        let mut notes = notes_of(&r, &held, &few);
        if let Some(beaten) = beaten {
            notes.push(no_better(beaten));
        }
        let model = Model::new(card, &body).with_reference(Reference::of(&whole_rows(&r.x)).ok());
        let mut answer = answer_of(&r, fault, &held, s, "held-out rows");
        for m in model.card.metrics.iter().filter(|m| ["precision", "recall"].contains(&m.name.as_str())) {
            let name = if m.name == "recall" { "recall" } else { "precision" };
            answer.figures.push(Figure { name, unit: "", value: m.value, meaning: "on held-out rows with labels" });
            answer.headline.push_str(&format!(" {} {:.2}.", if name == "recall" { "Recall" } else { "Precision" }, m.value));
        }
        notes.append(&mut answer.notes);
        Ok(Answer { notes, model: Some(model), ..answer })
    }

    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        let (frame, s) = (question.table("readings"), question.settings);
        let body: Body = model.body()?;
        let x = like("readings", frame, &body.names)?;
        if x.rows() == 0 {
            return Err(vec![not_askable("readings", "there are no rows")]);
        }
        let r = Readings::of(question, body.names.clone(), x)?;
        let all: Vec<usize> = (0..r.times_s.len()).collect();
        let verdicts = body.judge(&r, &all, s);
        let mut notes = notes_of(&r, &verdicts, &[]);
        notes.extend(drift_note_in_time(model, &whole_rows(&r.x), || (r.x.clone(), r.times_s.clone())));
        if !body.expected.is_empty() && r.expected.is_empty() {
            let what = "neither states nor a network were given, and no residual is judged".to_owned();
            notes.push(partial(
                what,
                "The model was trained with expected values of the solved network.",
                "Give states=FILE or network=FILE.",
            ));
        }
        let answer = answer_of(&r, frame.maybe_number("fault"), &verdicts, s, "rows");
        Ok(Answer { notes, ..answer })
    }
}

fn whole_rows(x: &Matrix) -> Matrix {
    let rows: Vec<usize> = (0..x.rows()).filter(|&i| x.row(i).iter().all(|v| v.is_finite())).collect();
    x.select(&rows)
}

fn refuse_unfit(r: &Readings, fault: Option<&[f64]>, states: Option<&Frame>) -> Result<(), Refused> {
    let named: Vec<&str> = r.names.iter().map(String::as_str).collect();
    let (meters, _) = numbered(&r.meter);
    let mut faults = Faults::default();
    table_faults(&r.x, Needs { rows: 100, missing: true, varying: true }, &mut faults);
    time_faults(r.times_s.len(), &r.times_s, Some(&meters), &mut faults);
    if let Some(fault) = fault {
        class_faults(fault, 2, &mut faults);
    }
    let mut refused = faults.none().err().map_or_else(Refused::new, |e| unfit("readings", &e, &named));
    if let Some(fault) = fault.filter(|f| f.iter().any(|f| !f.is_finite())) {
        let n = fault.iter().filter(|f| !f.is_finite()).count();
        refused.extend(unfit_for("readings", &format!("column \"fault\" is empty in {n} rows; give 0 or 1, or leave the column out")));
    }
    if let Some(states) = states {
        if r.expected.is_empty() {
            refused.extend(unfit_for("states", &"no column has the name of a reading"));
        } else if r.without_state == r.times_s.len() {
            refused.extend(unfit_for("states", &"no row has the meter and time of a reading"));
        }
        let (meters, _) = numbered(states.text("meter"));
        let mut twice = Faults::default();
        time_faults(states.rows(), states.time("time"), Some(&meters), &mut twice);
        refused.extend(twice.none().err().map_or_else(Refused::new, |e| unfit("states", &e, &[])));
    }
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

fn meters_without(r: &Readings, body: &Body) -> Vec<String> {
    let mut few: Vec<String> =
        (0..r.meter.len()).filter(|&i| !body.scales.contains_key(r.scaled_by(&body.scale, i))).map(|i| r.meter[i].clone()).collect();
    few.sort();
    few.dedup();
    few
}

fn notes_of(r: &Readings, v: &Verdicts, few: &[String]) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    if !few.is_empty() {
        let what = format!("{} meters have fewer than {LEAST_READINGS} readings and are not learned", few.len());
        notes.push(partial(
            what,
            format!("Such as {}.", few.iter().take(5).cloned().collect::<Vec<_>>().join(", ")),
            "Give a longer time.",
        ));
    }
    if v.missing > 0 {
        let what = format!("{} rows have a missing reading, and the forest does not judge them", v.missing);
        notes.push(partial(
            what,
            "Residuals and limits are judged of the readings that are there.",
            "Mend the readings, or leave a column out.",
        ));
    }
    if !r.expected.is_empty() && r.without_state > 0 {
        let what = format!("{} of {} rows have no expected value of the network", r.without_state, r.times_s.len());
        notes.push(partial(
            what,
            "Their residuals are not judged.",
            "Give states at the times of the readings, and readings of all loads.",
        ));
    }
    notes.extend(outside_note(v.unknown, r.times_s.len()));
    notes
}

/// Figures of held-out rows, and what they lose to, if something simpler is as good.
fn figures_of(
    r: &Readings,
    fault: Option<&[f64]>,
    v: &Verdicts,
    s: &Settings,
) -> Result<(Vec<Metric>, Option<String>), metrics::MetricError> {
    let share = |flags: &[bool]| flags.iter().filter(|f| **f).count() as f64 / flags.len() as f64;
    let mut all = vec![
        Metric::new("rows that the forest calls odd", "%", 100.0 * share(&v.by_forest), Better::Near).near(s.number("contamination_pct")),
    ];
    let Some(fault) = fault else { return Ok((all, None)) };
    let came: Vec<bool> = v.judged.iter().map(|&i| fault[i] == 1.0).collect();
    let odd: std::collections::HashSet<usize> = v.odd.iter().map(|o| o.row).collect();
    let said: Vec<bool> = v.judged.iter().map(|i| odd.contains(i)).collect();
    let (ours, simple, forest) = (Confusion::of(&came, &said)?, Confusion::of(&came, &v.by_simple)?, Confusion::of(&came, &v.by_forest)?);
    if !came.contains(&true) {
        return Ok((all, None));
    }
    let of = numbered(&v.judged.iter().map(|&i| r.meter[i].clone()).collect::<Vec<_>>()).0;
    type Of = fn(&Confusion) -> Option<f64>;
    let figures: [(&str, Of); 3] = [("precision", Confusion::precision), ("recall", Confusion::recall), ("F1", Confusion::f1)];
    for (name, figure) in figures {
        let mut metric = Metric::new(name, "", figure(&ours).unwrap_or(0.0), Better::Higher);
        let drawn = |rows: &[usize]| figure(&Confusion::of(&taken(&came, rows), &taken(&said, rows)).ok()?);
        if let Some((low, high)) = interval(&of, DRAWS, s.count("seed") as u64, drawn) {
            metric = metric.between(low, high);
        }
        let mut beside = metric.clone().against("the forest alone", figure(&forest).unwrap_or(0.0));
        beside.name = format!("{name}, beside the forest alone");
        all.push(metric.against("largest distance from the medians", figure(&simple).unwrap_or(0.0)));
        all.push(beside);
    }
    let (f1, theirs) = (ours.f1().unwrap_or(0.0), simple.f1().unwrap_or(0.0));
    let beaten = (f1 <= theirs).then(|| format!("F1 {f1:.3}, of the largest distance of a reading from its median {theirs:.3}."));
    Ok((all, beaten))
}

const EVENTS: &[Column] = &[
    table::text("meter", "meter"),
    table::text("start", "first odd row, UTC"),
    table::text("end", "last odd row, UTC"),
    table::text("kind", "voltage, unbalance, temperature, thd, power_factor, health, load or other"),
    table::text("by", "residual (of the solved network), limit or forest: what judged it"),
    table::number("score", "", "largest score: spreads from what is expected, spreads beyond the limit, or score of the forest, 0 to 1"),
    table::text("why", "readings that made it, at the row of the largest score"),
    table::count("rows", "odd rows of it"),
    table::flag("fault", "whether a fault was labelled in it; empty without labels"),
];

const METERS: &[Column] = &[table::text("meter", "meter"), table::count("odd", "odd rows"), table::count("events", "events")];

type Cells = Vec<Vec<Value>>;

/// Odd rows of a meter that are near in time, what says most first.
fn events(r: &Readings, fault: Option<&[f64]>, v: &Verdicts, join_min: f64) -> (Cells, Cells, BTreeMap<&'static str, usize>) {
    let mut of: BTreeMap<&str, Vec<&Odd>> = BTreeMap::new();
    v.odd.iter().for_each(|o| of.entry(r.meter[o.row].as_str()).or_default().push(o));
    let mut all: Vec<(usize, f64, Vec<Value>)> = Vec::new();
    let (mut meters, mut kinds) = (Vec::new(), BTreeMap::new());
    for (meter, mut odd) in of {
        odd.sort_by_key(|o| (r.times_s[o.row], o.row));
        let near = |a: &&Odd, b: &&Odd| r.times_s[b.row].saturating_sub(r.times_s[a.row]) as f64 <= 60.0 * join_min;
        let mut count = 0;
        for event in odd.chunk_by(near) {
            let top = event.iter().min_by(|a, b| a.by.cmp(&b.by).then(b.score.total_cmp(&a.score))).expect("an event has a row");
            let (first, last) = (event[0].row, event[event.len() - 1].row);
            let labelled = fault.map_or(Value::Empty, |f| Value::Flag(event.iter().any(|o| f[o.row] == 1.0)));
            let cells = vec![
                Value::text(meter),
                Value::text(moment(r.times_s[first])),
                Value::text(moment(r.times_s[last])),
                Value::text(top.kind),
                Value::text(BY[top.by]),
                Value::Number(top.score),
                Value::text(top.why.as_str()),
                Value::Count(event.len() as u64),
                labelled,
            ];
            all.push((top.by, top.score, cells));
            *kinds.entry(top.kind).or_insert(0) += 1;
            count += 1;
        }
        meters.push((odd.len(), vec![Value::text(meter), Value::Count(odd.len() as u64), Value::Count(count)]));
    }
    // Stable: ties stay by meter and time.
    all.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    meters.sort_by_key(|m| std::cmp::Reverse(m.0));
    (all.into_iter().map(|e| e.2).collect(), meters.into_iter().map(|m| m.1).collect(), kinds)
}

fn answer_of(r: &Readings, fault: Option<&[f64]>, v: &Verdicts, s: &Settings, what: &str) -> Answer {
    let (events, meters, kinds) = events(r, fault, v, s.number("join_min"));
    let list: Vec<String> = kinds.iter().map(|(k, n)| format!("{n} of {k}")).collect();
    let headline = if events.is_empty() {
        format!("None of {} {what} is odd.", v.judged.len())
    } else {
        format!("{} of {} {what} are odd, in {} events: {}.", v.odd.len(), v.judged.len() + v.missing, events.len(), list.join(", "))
    };
    let figures = vec![
        Figure { name: "odd", unit: "", value: v.odd.len() as f64, meaning: "odd rows" },
        Figure { name: "events", unit: "", value: events.len() as f64, meaning: "events" },
    ];
    let tables = vec![
        Table { name: "events", meaning: "odd rows that are near in time, what says most first", columns: EVENTS, rows: events },
        Table { name: "meters", meaning: "meters with odd rows, most first", columns: METERS, rows: meters },
    ];
    Answer { headline, figures, tables, notes: Vec::new(), model: None }
}

#[cfg(test)]
mod tests;
