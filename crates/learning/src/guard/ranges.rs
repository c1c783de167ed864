//! What a model was fitted to, so that it can say when it is asked about something else.

use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

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
        (0..row.len()).filter(|&c| !(row[c] >= self.low[c] && row[c] <= self.high[c] || row[c].is_nan() && self.missing[c])).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[f64; 2]]) -> Matrix {
        Matrix::from_values(2, rows.concat())
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
}
