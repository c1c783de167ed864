//! What data must be before a model is fitted to them, and when they are no longer what it was fitted to.
//!
//! All models of this crate ask here first, so that each refuses the same things in the same words and tells all of them at once:
//! too few rows, columns that never change, values that are no numbers, answers of another length, the same time twice, and features
//! from after the moment that is predicted. Times are whole seconds since 1970 (UTC); where they come from is the caller's.
//!
//! [`Split`] parts rows by time, [`Ranges`] remembers what a model was fitted to, [`Reference`] tells when the rows have become others.

pub mod drift;
pub mod ranges;
pub mod since;
pub mod split;

pub use drift::{Drift, DriftLimits, Reference};
pub use ranges::{PredictError, Predicted, Ranges};
pub use since::{Border, Since};
pub use split::{Split, split_by_time, split_latest};

use crate::matrix::Matrix;
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

/// Squares of larger values, summed over rows, would end at infinity.
const LARGEST_ANSWER: f64 = 1e100;

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
    } else if let Some(&found) = y.iter().find(|v| v.abs() > LARGEST_ANSWER) {
        faults.add(Fault::Choice { name: "a value to predict", found, must: "at most 1e100 in size; take a larger unit" });
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
