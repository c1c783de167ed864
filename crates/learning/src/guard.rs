//! What data must be before a model is fitted to them, and when they are no longer what it was fitted to.
//!
//! All models of this crate ask here first, so that each refuses the same things in the same words and tells all of them at once:
//! too few rows, columns that never change, values that are no numbers, answers of another length, the same time twice, and features
//! from after the moment that is predicted. Times are whole seconds since 1970 (UTC); where they come from is the caller's.
//!
//! Drift is told by two figures a feature, each beside what chance alone would give:
//!
//! ```text
//! PSI = sum_b (a_b - e_b) ln(a_b / e_b)      shares of now (a) and of training (e) in ten bins of equal shares of training
//!       without drift PSI / (1/n + 1/m) is chi-squared with bins - 1 degrees of freedom
//! D   = max_x |F_now(x) - F_training(x)|     p = 2 sum_k (-1)^(k-1) exp(-2 k^2 l^2),  l = D (s + 0.12 + 0.11 / s),  s = sqrt(nm / (n + m))
//! ```
//!
//! Sources: N. Siddiqi, *Credit Risk Scorecards* (2006) for the index and its bounds of 0.1 and 0.25; B. Yurdakul, "Statistical properties of
//! population stability index" (2018) for its distribution; M. A. Stephens, "Use of the Kolmogorov-Smirnov, Cramér-von Mises and related
//! statistics without extensive tables", JRSS B 32 (1970), for the small-sample form of `l`.

use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// As many places of a fault are told as one can read; all are counted.
const PLACES: usize = 5;

/// One thing that is wrong with data. Columns and rows count from zero.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    TooFewRows {
        found: usize,
        needed: usize,
    },
    NoColumns,
    /// A list beside the rows has another length than they.
    Length {
        what: &'static str,
        found: usize,
        expected: usize,
    },
    /// All rows of the column hold `value`.
    ConstantColumn {
        column: usize,
        value: f64,
    },
    /// All values of the column are missing.
    EmptyColumn {
        column: usize,
    },
    /// Values that are NaN or infinite: how many, and the first rows.
    NotFinite {
        column: usize,
        count: usize,
        rows: Vec<usize>,
    },
    /// Answers that are NaN or infinite.
    AnswerNotFinite {
        count: usize,
        rows: Vec<usize>,
    },
    /// The answers are all `value`: there is nothing to learn.
    ConstantAnswer {
        value: f64,
    },
    /// A class that is not among `0..classes`.
    UnknownCategory {
        value: f64,
        classes: usize,
        count: usize,
        rows: Vec<usize>,
    },
    /// The same time more than once for one thing.
    DuplicateTime {
        time_s: i64,
        rows: Vec<usize>,
        count: usize,
    },
    /// A feature that became known after the moment it is to predict from.
    FromTheFuture {
        column: usize,
        count: usize,
        row: usize,
        known_s: i64,
        predicted_s: i64,
    },
    /// A choice of the caller that cannot be.
    Choice {
        name: &'static str,
        found: f64,
        must: &'static str,
    },
}

impl Fault {
    /// What is wrong, where, and how to mend it; columns by `names` where they have one.
    pub fn text(&self, names: &[&str]) -> String {
        let column = |c: usize| names.get(c).map_or_else(|| format!("column {c}"), |n| format!("\"{n}\""));
        let places = |rows: &[usize], count: usize| {
            let list = rows.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            if count > rows.len() { format!("rows {list} and {} more", count - rows.len()) } else { format!("row {list}") }
        };
        match self {
            Self::TooFewRows { found, needed } => {
                format!("{found} rows are too few: at least {needed} are needed. Take a longer time or more equipment.")
            }
            Self::NoColumns => "there is no feature. Give at least one column.".into(),
            Self::Length { what, found, expected } => format!("{what} has {found} entries, the table {expected}. Give one for each."),
            Self::ConstantColumn { column: c, value } => {
                format!("{} is {value} in every row and can explain nothing. Leave it out, or take a time in which it changes.", column(*c))
            }
            Self::EmptyColumn { column: c } => format!("{} has no value at all. Leave it out.", column(*c)),
            Self::NotFinite { column: c, count, rows } => {
                format!("{} is no finite number in {}. Leave the rows out, or mend the reading.", column(*c), places(rows, *count))
            }
            Self::AnswerNotFinite { count, rows } => {
                format!("the value to predict is no finite number in {}. Leave the rows out.", places(rows, *count))
            }
            Self::ConstantAnswer { value } => {
                format!("the value to predict is {value} in every row: there is nothing to tell apart. Take a time in which it changes.")
            }
            Self::UnknownCategory { value, classes, count, rows } => {
                format!("{value} in {} is none of the classes 0 to {}. Number the classes from zero.", places(rows, *count), classes - 1)
            }
            Self::DuplicateTime { time_s, rows, count } => {
                format!("the time {time_s} s is there {count} times ({}). Keep one row a time.", places(rows, *count))
            }
            Self::FromTheFuture { column: c, count, row, known_s, predicted_s } => format!(
                "{} was known at {known_s} s, after the prediction of row {row} at {predicted_s} s ({count} such rows). Shift it to what was known by then.",
                column(*c)
            ),
            Self::Choice { name, found, must } => format!("{name} is {found} and must be {must}."),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&[]))
    }
}

/// Why a model was not fitted: every fault that was found.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", self.text(&[]))]
pub struct FitError {
    pub faults: Vec<Fault>,
}

impl FitError {
    /// All faults, a line each, with the columns by name.
    pub fn text(&self, names: &[&str]) -> String {
        self.faults.iter().map(|f| f.text(names)).collect::<Vec<_>>().join("\n")
    }
}

impl From<Fault> for FitError {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

/// Faults gathered until somebody asks whether there were any.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// A choice that must hold.
    pub fn choice(&mut self, holds: bool, name: &'static str, found: f64, must: &'static str) {
        if !holds {
            self.add(Fault::Choice { name, found, must });
        }
    }

    /// # Errors
    ///
    /// All faults, if there is one.
    pub fn none(self) -> Result<(), FitError> {
        if self.0.is_empty() { Ok(()) } else { Err(FitError { faults: self.0 }) }
    }
}

/// What a model asks of its table.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    pub rows: usize,
    /// Whether NaN stands for a missing value, which is then allowed; infinite never is.
    pub missing: bool,
    /// Whether a column that never changes is refused.
    pub varying: bool,
}

/// The faults of a table of features.
pub fn table_faults(x: &Matrix, needs: Needs, faults: &mut Faults) {
    if x.columns() == 0 {
        faults.add(Fault::NoColumns);
        return;
    }
    if x.rows() < needs.rows {
        faults.add(Fault::TooFewRows { found: x.rows(), needed: needs.rows });
    }
    if x.rows() == 0 {
        return;
    }
    let columns = x.columns();
    let mut count = vec![0; columns];
    let mut rows = vec![Vec::new(); columns];
    let mut first: Vec<Option<f64>> = vec![None; columns];
    let mut varies = vec![false; columns];
    for row in 0..x.rows() {
        for (c, &value) in x.row(row).iter().enumerate() {
            if value.is_finite() {
                match first[c] {
                    None => first[c] = Some(value),
                    Some(v) => varies[c] |= v != value,
                }
            } else if !(needs.missing && value.is_nan()) {
                count[c] += 1;
                if rows[c].len() < PLACES {
                    rows[c].push(row);
                }
            }
        }
    }
    for c in 0..columns {
        if count[c] > 0 {
            faults.add(Fault::NotFinite { column: c, count: count[c], rows: std::mem::take(&mut rows[c]) });
        }
        match first[c] {
            None if count[c] == 0 => faults.add(Fault::EmptyColumn { column: c }),
            Some(value) if needs.varying && !varies[c] && x.rows() > 1 => faults.add(Fault::ConstantColumn { column: c, value }),
            _ => {}
        }
    }
}

/// The faults of the values to predict.
pub fn answer_faults(rows: usize, y: &[f64], faults: &mut Faults) {
    if y.len() != rows {
        faults.add(Fault::Length { what: "the list of values to predict", found: y.len(), expected: rows });
    }
    let bad: Vec<usize> = (0..y.len()).filter(|&i| !y[i].is_finite()).collect();
    if !bad.is_empty() {
        faults.add(Fault::AnswerNotFinite { count: bad.len(), rows: bad.iter().copied().take(PLACES).collect() });
    } else if y.len() > 1 && y.iter().all(|&v| v == y[0]) {
        faults.add(Fault::ConstantAnswer { value: y[0] });
    }
}

/// The faults of classes that are numbered `0..classes`.
pub fn class_faults(y: &[f64], classes: usize, faults: &mut Faults) {
    let mut unknown: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (i, &v) in y.iter().enumerate().filter(|(_, v)| v.is_finite()) {
        if v < 0.0 || v.fract() != 0.0 || v >= classes as f64 {
            unknown.entry(v.to_bits()).or_default().push(i);
        }
    }
    for (bits, rows) in unknown {
        let shown = rows.iter().copied().take(PLACES).collect();
        faults.add(Fault::UnknownCategory { value: f64::from_bits(bits), classes, count: rows.len(), rows: shown });
    }
}

/// The faults of times, one a row: the same time twice for the same thing. `of` numbers the thing (meter, transformer) of each row; without it
/// all rows are of one.
pub fn time_faults(rows: usize, times_s: &[i64], of: Option<&[u32]>, faults: &mut Faults) {
    if times_s.len() != rows {
        faults.add(Fault::Length { what: "the list of times", found: times_s.len(), expected: rows });
        return;
    }
    if let Some(of) = of.filter(|of| of.len() != rows) {
        faults.add(Fault::Length { what: "the list of things measured", found: of.len(), expected: rows });
        return;
    }
    let mut order: Vec<(u32, i64, usize)> = times_s.iter().enumerate().map(|(i, &t)| (of.map_or(0, |of| of[i]), t, i)).collect();
    order.sort_unstable();
    for same in order.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).filter(|same| same.len() > 1) {
        let rows = same.iter().map(|s| s.2).take(PLACES).collect();
        faults.add(Fault::DuplicateTime { time_s: same[0].1, rows, count: same.len() });
    }
}

/// When the features of a row became known.
#[derive(Clone, Copy, Debug)]
pub enum KnownAt<'a> {
    /// For each column how long after its row's prediction time it becomes known, s. What is known earlier is negative or zero; a value of
    /// the next hour is 3600.
    After(&'a [i64]),
    /// The time of every value, row after row, s.
    Times(&'a [i64]),
}

/// The faults of features that were not yet known when the prediction is made: nothing that a row is predicted from may be younger than
/// its prediction time.
pub fn leak_faults(x: &Matrix, predicted_s: &[i64], known: KnownAt<'_>, faults: &mut Faults) {
    if predicted_s.len() != x.rows() {
        faults.add(Fault::Length { what: "the list of prediction times", found: predicted_s.len(), expected: x.rows() });
        return;
    }
    let (found, expected) = match known {
        KnownAt::After(after) => (after.len(), x.columns()),
        KnownAt::Times(times) => (times.len(), x.rows() * x.columns()),
    };
    if found != expected {
        faults.add(Fault::Length { what: "the list of times at which features became known", found, expected });
        return;
    }
    for column in 0..x.columns() {
        let known_s = |row: usize| match known {
            KnownAt::After(after) => predicted_s[row].saturating_add(after[column]),
            KnownAt::Times(times) => times[row * x.columns() + column],
        };
        let late: Vec<usize> = (0..x.rows()).filter(|&row| known_s(row) > predicted_s[row]).collect();
        if let Some(&row) = late.first() {
            faults.add(Fault::FromTheFuture { column, count: late.len(), row, known_s: known_s(row), predicted_s: predicted_s[row] });
        }
    }
}

/// Rows to fit to and rows, all of them later, to judge by.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    pub train: Vec<usize>,
    pub test: Vec<usize>,
    /// Rows of the gap between, which belong to neither.
    pub dropped: Vec<usize>,
    /// The first moment that is judged, s.
    pub test_from_s: i64,
}

/// Splits rows by time: what is earlier than `test_from_s - gap_s` trains, what is not earlier than `test_from_s` judges. The gap has to be at
/// least as long as the furthest look ahead of the answer and the furthest look back of the features, so that no reading is on both sides.
///
/// # Errors
///
/// When a side is left without rows, or the gap is negative.
pub fn split_by_time(times_s: &[i64], test_from_s: i64, gap_s: i64) -> Result<Split, FitError> {
    let mut split = Split { train: Vec::new(), test: Vec::new(), dropped: Vec::new(), test_from_s };
    for (row, &t) in times_s.iter().enumerate() {
        let side = if t >= test_from_s {
            &mut split.test
        } else if t < test_from_s.saturating_sub(gap_s) {
            &mut split.train
        } else {
            &mut split.dropped
        };
        side.push(row);
    }
    let mut faults = Faults::default();
    faults.choice(gap_s >= 0, "the gap in seconds", gap_s as f64, "zero or longer");
    for side in [&split.train, &split.test] {
        if side.is_empty() {
            faults.add(Fault::TooFewRows { found: 0, needed: 1 });
        }
    }
    faults.none()?;
    Ok(split)
}

/// The same, with the latest part of the rows (0 to 1) to judge by. Rows of one moment stay together.
///
/// # Errors
///
/// As [`split_by_time`]; when the part is not between 0 and 1.
pub fn split_latest(times_s: &[i64], test_part: f64, gap_s: i64) -> Result<Split, FitError> {
    if !(test_part > 0.0 && test_part < 1.0) {
        return Err(Fault::Choice { name: "the part to judge by", found: test_part, must: "between 0 and 1" }.into());
    }
    let mut sorted = times_s.to_vec();
    sorted.sort_unstable();
    let at = ((1.0 - test_part) * sorted.len() as f64).round() as usize;
    let Some(&from) = sorted.get(at.min(sorted.len().saturating_sub(1))) else {
        return Err(Fault::TooFewRows { found: 0, needed: 2 }.into());
    };
    split_by_time(times_s, from, gap_s)
}

/// The values that each feature took in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranges {
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    /// Whether the feature was ever missing.
    pub missing: Vec<bool>,
}

impl Ranges {
    /// Of a table that was checked.
    pub fn of(x: &Matrix) -> Self {
        let n = x.columns();
        let mut ranges = Self { low: vec![f64::INFINITY; n], high: vec![f64::NEG_INFINITY; n], missing: vec![false; n] };
        for row in 0..x.rows() {
            for (c, &v) in x.row(row).iter().enumerate() {
                ranges.missing[c] |= v.is_nan();
                ranges.low[c] = ranges.low[c].min(v);
                ranges.high[c] = ranges.high[c].max(v);
            }
        }
        ranges
    }

    pub fn columns(&self) -> usize {
        self.low.len()
    }

    /// Whether every feature of the row is within what was trained on.
    pub fn holds(&self, row: &[f64]) -> bool {
        let mut holds = true;
        for (c, v) in row.iter().enumerate() {
            holds &= (*v >= self.low[c] && *v <= self.high[c]) | (v.is_nan() & self.missing[c]);
        }
        holds
    }

    /// The features of the row that are outside of what was trained on.
    pub fn outside(&self, row: &[f64]) -> Vec<usize> {
        (0..row.len()).filter(|&c| !(row[c] >= self.low[c] && row[c] <= self.high[c]) && !(row[c].is_nan() && self.missing[c])).collect()
    }

    /// Looks at a table that is to be predicted from: refuses what is no table of this model, and names the rows outside of training.
    ///
    /// # Errors
    ///
    /// Another number of columns; NaN in a feature that was never missing in training, or an infinite value.
    pub fn look(&self, x: &Matrix) -> Result<Vec<usize>, PredictError> {
        if x.columns() != self.columns() {
            return Err(PredictError::Columns { found: x.columns(), expected: self.columns() });
        }
        let mut outside = Vec::new();
        for row in 0..x.rows() {
            let values = x.row(row);
            if !self.holds(values) {
                for (column, v) in values.iter().enumerate() {
                    if v.is_infinite() || (v.is_nan() && !self.missing[column]) {
                        return Err(PredictError::NotFinite { row, column });
                    }
                }
                outside.push(row);
            }
        }
        Ok(outside)
    }
}

/// Answers of a model, and the rows at which it was asked about what it does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// One a row.
    pub values: Vec<f64>,
    /// Rows with a feature outside of the range of training, ascending. Their values are no more than a guess.
    pub outside: Vec<usize>,
}

impl Predicted {
    /// The value of each row, or none where the model was not trained.
    pub fn inside(&self) -> Vec<Option<f64>> {
        let mut values: Vec<Option<f64>> = self.values.iter().copied().map(Some).collect();
        for &row in &self.outside {
            values[row] = None;
        }
        values
    }
}

/// Why a model does not answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    #[error("the table has {found} columns, the model was fitted to {expected}. Give the features that it was fitted to, in their order.")]
    Columns { found: usize, expected: usize },
    #[error("column {column} is no finite number in row {row}, and was never missing in training. Mend the reading or leave the row out.")]
    NotFinite { row: usize, column: usize },
    #[error("{name} is {found} and must be {must}.")]
    Choice { name: &'static str, found: f64, must: &'static str },
    #[error("the model keeps no samples in its leaves. Fit it with `keep_samples`.")]
    NoSamples,
}

/// Bins of equal shares of training that the stability index counts in.
const BINS: usize = 10;
/// A bin without rows would make the index infinite.
const LEAST_SHARE: f64 = 1e-4;
/// Order statistics kept of a feature; the distance is then right to 1 / KEPT.
const KEPT: usize = 5000;

/// How the features were distributed in training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    rows: usize,
    features: Vec<Distribution>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Distribution {
    /// Inner edges; a value belongs to the first bin whose edge is not below it.
    edges: Vec<f64>,
    shares: Vec<f64>,
    /// Ascending.
    sample: Vec<f64>,
}

/// How far one feature has gone from training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    pub column: usize,
    /// Population stability index. Below 0.1 little, above 0.25 much.
    pub psi: f64,
    /// What the index exceeds by chance in one of a thousand samples of these sizes.
    pub psi_by_chance: f64,
    /// Largest distance of the distribution functions, 0 to 1.
    pub ks: f64,
    /// Probability of such a distance without drift.
    pub p_value: f64,
    pub drifted: bool,
}

/// When drift is flagged.
#[derive(Clone, Copy, Debug)]
pub struct DriftLimits {
    /// The index must exceed this, and what chance gives.
    pub psi: f64,
    /// The p-value of the distance must lie below this over the number of features (Bonferroni) ...
    pub p_value: f64,
    /// ... and the distance itself above this, since among many rows any distance is significant.
    pub ks: f64,
}

impl Default for DriftLimits {
    fn default() -> Self {
        Self { psi: 0.25, p_value: 0.01, ks: 0.1 }
    }
}

impl Reference {
    /// Of the rows that a model is fitted to.
    ///
    /// # Errors
    ///
    /// Fewer than 50 rows, no columns, values that are not finite.
    pub fn of(x: &Matrix) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        table_faults(x, Needs { rows: 50, missing: false, varying: false }, &mut faults);
        faults.none()?;
        let features = (0..x.columns())
            .map(|c| {
                let mut sorted: Vec<f64> = x.column(c).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                let n = sorted.len();
                let mut edges: Vec<f64> = (1..BINS).map(|b| sorted[b * n / BINS]).collect();
                edges.dedup();
                let shares = shares(&edges, &sorted);
                let sample = if n <= KEPT { sorted } else { (0..KEPT).map(|k| sorted[k * (n - 1) / (KEPT - 1)]).collect() };
                Distribution { edges, shares, sample }
            })
            .collect();
        Ok(Self { rows: x.rows(), features })
    }

    /// How far each feature of `now` has gone.
    ///
    /// # Errors
    ///
    /// Fewer than 20 rows, another number of columns, values that are not finite.
    pub fn drift(&self, now: &Matrix, limits: &DriftLimits) -> Result<Vec<Drift>, FitError> {
        let mut faults = Faults::default();
        table_faults(now, Needs { rows: 20, missing: false, varying: false }, &mut faults);
        if now.columns() != self.features.len() {
            faults.add(Fault::Length { what: "a row", found: now.columns(), expected: self.features.len() });
        }
        faults.none()?;
        let (n, m) = (self.rows as f64, now.rows() as f64);
        let alone = limits.p_value / self.features.len() as f64;
        Ok(self
            .features
            .iter()
            .enumerate()
            .map(|(column, then)| {
                let mut sorted: Vec<f64> = now.column(column).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                let actual = shares(&then.edges, &sorted);
                let psi: f64 = actual
                    .iter()
                    .zip(&then.shares)
                    .map(|(&a, &e)| {
                        let (a, e) = (a.max(LEAST_SHARE), e.max(LEAST_SHARE));
                        (a - e) * (a / e).ln()
                    })
                    .sum();
                let psi_by_chance = chi_squared_999((then.shares.len() - 1).max(1) as f64) * (1.0 / n + 1.0 / m);
                let ks = distance(&then.sample, &sorted);
                let p_value = kolmogorov(ks, n, m);
                let drifted = (psi > limits.psi && psi > psi_by_chance) || (p_value < alone && ks > limits.ks);
                Drift { column, psi, psi_by_chance, ks, p_value, drifted }
            })
            .collect())
    }
}

fn shares(edges: &[f64], sorted: &[f64]) -> Vec<f64> {
    let mut below = 0;
    let mut shares: Vec<f64> = edges
        .iter()
        .map(|edge| {
            let upto = sorted.partition_point(|v| v <= edge);
            let share = (upto - below) as f64 / sorted.len() as f64;
            below = upto;
            share
        })
        .collect();
    shares.push((sorted.len() - below) as f64 / sorted.len() as f64);
    shares
}

/// The largest distance of two empirical distribution functions; both samples ascending.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let at = a[i].min(b[j]);
        while i < a.len() && a[i] <= at {
            i += 1;
        }
        while j < b.len() && b[j] <= at {
            j += 1;
        }
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

/// Probability that samples of `n` and `m` of one distribution are as far apart as `d`.
fn kolmogorov(d: f64, n: f64, m: f64) -> f64 {
    let s = (n * m / (n + m)).sqrt();
    let l = d * (s + 0.12 + 0.11 / s);
    // The series alternates too slowly there, and the sum is one to seven digits.
    if l < 0.3 {
        return 1.0;
    }
    let (mut sum, mut sign) = (0.0, 1.0);
    for k in 1..=100 {
        let term = (-2.0 * f64::from(k * k) * l * l).exp();
        sum += sign * term;
        sign = -sign;
        if term < 1e-18 {
            break;
        }
    }
    (2.0 * sum).clamp(0.0, 1.0)
}

/// The 0.999 quantile of chi-squared by Wilson and Hilferty's cube.
fn chi_squared_999(degrees: f64) -> f64 {
    const NORMAL_999: f64 = 3.090_232_306_167_813;
    let k = 2.0 / (9.0 * degrees);
    degrees * (1.0 - k + NORMAL_999 * k.sqrt()).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    const PLAIN: Needs = Needs { rows: 3, missing: false, varying: true };

    fn table(rows: &[[f64; 2]]) -> Matrix {
        Matrix::from_values(2, rows.concat())
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let x = table(&[[1.0, 5.0], [1.0, f64::NAN]]);
        let mut faults = Faults::default();
        table_faults(&x, PLAIN, &mut faults);
        answer_faults(2, &[1.0, f64::INFINITY, 2.0], &mut faults);
        time_faults(2, &[60, 60], None, &mut faults);
        leak_faults(&x, &[60, 120], KnownAt::Times(&[60, 0, 121, 0]), &mut faults);
        let error = faults.none().unwrap_err();
        assert_eq!(
            error.faults,
            vec![
                Fault::TooFewRows { found: 2, needed: 3 },
                Fault::ConstantColumn { column: 0, value: 1.0 },
                Fault::NotFinite { column: 1, count: 1, rows: vec![1] },
                Fault::ConstantColumn { column: 1, value: 5.0 },
                Fault::Length { what: "the list of values to predict", found: 3, expected: 2 },
                Fault::AnswerNotFinite { count: 1, rows: vec![1] },
                Fault::DuplicateTime { time_s: 60, rows: vec![0, 1], count: 2 },
                Fault::FromTheFuture { column: 0, count: 1, row: 1, known_s: 121, predicted_s: 120 },
            ]
        );
        assert!(error.text(&["oil_c"]).contains("\"oil_c\" was known at 121 s"), "{error}");
    }

    #[test]
    fn what_is_whole_passes() {
        let x = table(&[[1.0, 5.0], [2.0, 4.0], [3.0, 5.0]]);
        let mut faults = Faults::default();
        table_faults(&x, PLAIN, &mut faults);
        answer_faults(3, &[1.0, 0.0, 2.0], &mut faults);
        class_faults(&[1.0, 0.0, 2.0], 3, &mut faults);
        time_faults(3, &[60, 60, 120], Some(&[0, 1, 0]), &mut faults);
        leak_faults(&x, &[60, 120, 180], KnownAt::After(&[0, -60]), &mut faults);
        assert_eq!(faults.none(), Ok(()));
    }

    #[test]
    fn a_look_ahead_is_refused() {
        let x = table(&[[1.0, 5.0], [2.0, 4.0]]);
        let mut faults = Faults::default();
        leak_faults(&x, &[60, 120], KnownAt::After(&[0, 1]), &mut faults);
        assert_eq!(faults.0, vec![Fault::FromTheFuture { column: 1, count: 2, row: 0, known_s: 61, predicted_s: 60 }]);
    }

    #[test]
    fn classes_are_numbered() {
        let mut faults = Faults::default();
        class_faults(&[0.0, 1.0, 2.0, 0.5, 2.0], 2, &mut faults);
        assert_eq!(faults.0.len(), 2);
        assert!(faults.0.contains(&Fault::UnknownCategory { value: 2.0, classes: 2, count: 2, rows: vec![2, 4] }));
    }

    #[test]
    fn training_comes_before_judging_with_a_gap() {
        let times = [50, 10, 20, 30, 40, 30];
        let split = split_by_time(&times, 40, 15).unwrap();
        assert_eq!(split, Split { train: vec![1, 2], test: vec![0, 4], dropped: vec![3, 5], test_from_s: 40 });
        let split = split_latest(&times, 0.5, 0).unwrap();
        assert_eq!((split.train, split.test), (vec![1, 2], vec![0, 3, 4, 5]));
        assert!(split_by_time(&times, 5, 0).is_err());
        assert!(split_by_time(&times, 40, -1).is_err());
        assert!(split_latest(&times, 1.0, 0).is_err());
        assert!(split_latest(&[], 0.5, 0).is_err());
    }

    #[test]
    fn ranges_flag_and_refuse() {
        let ranges = Ranges::of(&table(&[[1.0, 5.0], [2.0, f64::NAN], [3.0, 7.0]]));
        assert_eq!(ranges.look(&table(&[[1.0, 5.0], [4.0, 6.0], [2.0, f64::NAN]])), Ok(vec![1]));
        assert_eq!(ranges.outside(&[4.0, 4.0]), vec![0, 1]);
        assert_eq!(ranges.look(&table(&[[f64::NAN, 5.0]])), Err(PredictError::NotFinite { row: 0, column: 0 }));
        assert_eq!(ranges.look(&table(&[[2.0, f64::INFINITY]])), Err(PredictError::NotFinite { row: 0, column: 1 }));
        assert_eq!(ranges.look(&Matrix::from_values(1, vec![1.0])), Err(PredictError::Columns { found: 1, expected: 2 }));
    }

    #[test]
    fn index_and_distance_of_a_shift_are_those_of_the_formula() {
        // Training: 0..100 once each; now: the upper half twice. Four bins lose all, one keeps its edge, five double.
        let then = Matrix::from_values(1, (0..100).map(f64::from).collect());
        let now = Matrix::from_values(1, (0..100).map(|i| f64::from(50 + i / 2)).collect());
        let reference = Reference::of(&then).unwrap();
        let drift = &reference.drift(&now, &DriftLimits::default()).unwrap()[0];
        // Edges are 10, 20, ...: the bins hold 11, 10, ..., 10, 9 of training.
        let then_shares = [0.11, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.09];
        let now_shares: [f64; 10] = [1e-4, 1e-4, 1e-4, 1e-4, 0.02, 0.2, 0.2, 0.2, 0.2, 0.18];
        let by_hand: f64 = now_shares.iter().zip(then_shares).map(|(a, e)| (a - e) * (a / e).ln()).sum();
        assert!((drift.psi - by_hand).abs() < 1e-12, "{} {by_hand}", drift.psi);
        assert!((drift.ks - 0.5).abs() < 1e-12);
        assert!(drift.drifted);
        // Chi-squared with 9 degrees exceeds 27.877 once in a thousand (tables).
        assert!((drift.psi_by_chance / 0.02 - 27.877).abs() < 0.03, "{}", drift.psi_by_chance);
    }

    #[test]
    fn the_p_value_is_that_of_the_tables() {
        // Kolmogorov's distribution: 1.3581 is exceeded in 5 %, 1.6276 in 1 %. Large samples leave the correction behind.
        let s = (1e12f64 / 2.0).sqrt();
        assert!((kolmogorov(1.3581 / s, 1e12, 1e12) - 0.05).abs() < 1e-5);
        assert!((kolmogorov(1.6276 / s, 1e12, 1e12) - 0.01).abs() < 1e-5);
        assert_eq!(kolmogorov(0.0, 10.0, 10.0), 1.0);
    }

    #[test]
    fn samples_of_the_same_are_not_flagged_and_a_shift_is() {
        let draw = |seed: u64, shift: f64, rows: usize| {
            let mut r = Random::new(seed, 0x6472_6966, 0);
            Matrix::from_values(3, (0..rows * 3).map(|i| r.normal() + if i % 3 == 1 { shift } else { 0.0 }).collect())
        };
        let reference = Reference::of(&draw(1, 0.0, 2000)).unwrap();
        let mut false_flags = 0;
        for seed in 2..102 {
            false_flags += reference.drift(&draw(seed, 0.0, 150), &DriftLimits::default()).unwrap().iter().filter(|d| d.drifted).count();
        }
        // 300 looks: by the p-values 1 of 100 samples at most is flagged on the mean, by the index 0.1 of 100 features.
        assert!(false_flags <= 4, "{false_flags}");
        let drift = reference.drift(&draw(1000, 0.8, 150), &DriftLimits::default()).unwrap();
        assert_eq!(drift.iter().map(|d| d.drifted).collect::<Vec<_>>(), [false, true, false]);
    }
}
