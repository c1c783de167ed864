//! Tables that studies give: columns with unit and meaning, rows of cells. One shape for files, JSON and the pages of a server.

use arrow_array::builder::{BooleanBuilder, Float64Builder, StringBuilder, UInt64Builder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use std::collections::HashMap;
use std::sync::Arc;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Count,
    Flag,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    /// Unit; empty where there is none.
    pub unit: &'static str,
    pub meaning: &'static str,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Empty,
    Text(String),
    Number(f64),
    Count(u64),
    Flag(bool),
}

impl Value {
    /// A number; empty where there is none or it is not finite.
    pub fn maybe(x: Option<f64>) -> Self {
        x.filter(|x| x.is_finite()).map_or(Self::Empty, Self::Number)
    }

    /// A word; empty where it has no letters.
    pub fn text(x: impl Into<String>) -> Self {
        let x = x.into();
        if x.is_empty() { Self::Empty } else { Self::Text(x) }
    }
}

/// A table of the study.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub name: &'static str,
    pub meaning: &'static str,
    pub columns: &'static [Column],
    pub rows: Vec<Vec<Value>>,
}

/// A column of words.
pub const fn text(name: &'static str, meaning: &'static str) -> Column {
    Column { name, kind: Kind::Text, unit: "", meaning }
}

/// A column of numbers in a unit.
pub const fn number(name: &'static str, unit: &'static str, meaning: &'static str) -> Column {
    Column { name, kind: Kind::Number, unit, meaning }
}

/// A column of counts.
pub const fn count(name: &'static str, meaning: &'static str) -> Column {
    Column { name, kind: Kind::Count, unit: "", meaning }
}

/// A column of truths.
pub const fn flag(name: &'static str, meaning: &'static str) -> Column {
    Column { name, kind: Kind::Flag, unit: "", meaning }
}

impl Table {
    /// The rows as a record batch; unit and meaning travel as metadata of the fields.
    ///
    /// # Panics
    /// When a row has other cells than the columns ask for, which is a bug.
    pub fn batch(&self) -> RecordBatch {
        let field = |c: &Column| {
            let data = match c.kind {
                Kind::Text => DataType::Utf8,
                Kind::Number => DataType::Float64,
                Kind::Count => DataType::UInt64,
                Kind::Flag => DataType::Boolean,
            };
            let about = [("unit", c.unit), ("meaning", c.meaning)].map(|(k, v)| (k.to_owned(), v.to_owned()));
            Field::new(c.name, data, true).with_metadata(HashMap::from(about))
        };
        let schema = Schema::new(self.columns.iter().map(field).collect::<Vec<_>>());
        let array = |(i, c): (usize, &Column)| -> ArrayRef {
            let cells = self.rows.iter().map(|r| &r[i]);
            match c.kind {
                Kind::Text => {
                    let mut b = StringBuilder::new();
                    cells.for_each(|v| b.append_option(if let Value::Text(t) = v { Some(t) } else { None }));
                    Arc::new(b.finish())
                }
                Kind::Number => {
                    let mut b = Float64Builder::new();
                    cells.for_each(|v| b.append_option(if let Value::Number(x) = v { Some(*x) } else { None }));
                    Arc::new(b.finish())
                }
                Kind::Count => {
                    let mut b = UInt64Builder::new();
                    cells.for_each(|v| b.append_option(if let Value::Count(x) = v { Some(*x) } else { None }));
                    Arc::new(b.finish())
                }
                Kind::Flag => {
                    let mut b = BooleanBuilder::new();
                    cells.for_each(|v| b.append_option(if let Value::Flag(x) = v { Some(*x) } else { None }));
                    Arc::new(b.finish())
                }
            }
        };
        let columns = self.columns.iter().enumerate().map(array).collect();
        RecordBatch::try_new(Arc::new(schema), columns).expect("columns fit their schema")
    }
}
