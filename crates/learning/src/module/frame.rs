//! A table with typed columns, as a module reads it.

use super::{ColumnKind, Wanted};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Values of a column. A missing number is NaN, a missing word empty; a moment is never missing.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    Number(Vec<f64>),
    Text(Vec<String>),
    /// Seconds since 1970, UTC.
    Time(Vec<i64>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Number(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Time(v) => v.len(),
        }
    }

    fn kind(&self) -> ColumnKind {
        match self {
            Self::Number(_) => ColumnKind::Number,
            Self::Text(_) => ColumnKind::Text,
            Self::Time(_) => ColumnKind::Time,
        }
    }
}

/// Why columns make no frame.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FrameError {
    #[error("column \"{name}\" is missing: {meaning}. Add it to the header and to every row.")]
    Missing { name: &'static str, meaning: &'static str },
    #[error("column \"{name}\" has {found} rows, the others {expected}.")]
    Length { name: String, found: usize, expected: usize },
    #[error("column \"{name}\" holds {found:?}, and {expected:?} is wanted.")]
    Kind { name: String, found: ColumnKind, expected: ColumnKind },
}

/// Columns of one length by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// File or question that it came from.
    pub name: String,
    rows: usize,
    wanted: &'static [Wanted],
    columns: BTreeMap<String, Values>,
}

impl Frame {
    /// Of columns as they were read, held to what is wanted of them. Columns that nobody wants stay, if they are numbers.
    ///
    /// # Errors
    /// A wanted column that is missing or of another kind, columns of several lengths.
    pub fn new(name: &str, wanted: &'static [Wanted], columns: BTreeMap<String, Values>) -> Result<Self, FrameError> {
        for w in wanted {
            match columns.get(w.name) {
                None if w.needed => return Err(FrameError::Missing { name: w.name, meaning: w.meaning }),
                Some(v) if v.kind() != w.kind => {
                    return Err(FrameError::Kind { name: w.name.to_owned(), found: v.kind(), expected: w.kind });
                }
                _ => {}
            }
        }
        let rows = columns.values().next().map_or(0, Values::len);
        if let Some((name, v)) = columns.iter().find(|(_, v)| v.len() != rows) {
            return Err(FrameError::Length { name: name.clone(), found: v.len(), expected: rows });
        }
        Ok(Self { name: name.to_owned(), rows, wanted, columns })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Numbers of a column; none where it is not there.
    pub fn maybe_number(&self, name: &str) -> Option<&[f64]> {
        if let Some(Values::Number(v)) = self.columns.get(name) { Some(v) } else { None }
    }

    /// Words of a column; none where it is not there.
    pub fn maybe_text(&self, name: &str) -> Option<&[String]> {
        if let Some(Values::Text(v)) = self.columns.get(name) { Some(v) } else { None }
    }

    /// Moments of a column, s since 1970 UTC; none where it is not there.
    pub fn maybe_time(&self, name: &str) -> Option<&[i64]> {
        if let Some(Values::Time(v)) = self.columns.get(name) { Some(v) } else { None }
    }

    /// Numbers of a needed column.
    ///
    /// # Panics
    /// When it is not among the needed ones, which is a bug.
    pub fn number(&self, name: &str) -> &[f64] {
        self.maybe_number(name).expect("a needed column of numbers")
    }

    /// Words of a needed column.
    ///
    /// # Panics
    /// As [`Frame::number`].
    pub fn text(&self, name: &str) -> &[String] {
        self.maybe_text(name).expect("a needed column of words")
    }

    /// Moments of a needed column, s since 1970 UTC.
    ///
    /// # Panics
    /// As [`Frame::number`].
    pub fn time(&self, name: &str) -> &[i64] {
        self.maybe_time(name).expect("a needed column of moments")
    }

    /// Columns of numbers that the module did not name, by name.
    pub fn others(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.columns.iter().filter(|(n, _)| !self.wanted.iter().any(|w| w.name == n.as_str())).filter_map(|(n, v)| match v {
            Values::Number(v) => Some((n.as_str(), v.as_slice())),
            _ => None,
        })
    }

    /// Of all values, column after column: the same data give the same text, whatever file they came in.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (name, values) in &self.columns {
            hash.update(name.as_bytes());
            hash.update([0]);
            match values {
                Values::Number(v) => v.iter().for_each(|x| hash.update(x.to_bits().to_le_bytes())),
                Values::Time(v) => v.iter().for_each(|x| hash.update(x.to_le_bytes())),
                Values::Text(v) => v.iter().for_each(|x| {
                    hash.update(x.as_bytes());
                    hash.update([0]);
                }),
            }
        }
        hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
