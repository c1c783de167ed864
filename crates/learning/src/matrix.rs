//! Numbers in rows and columns, as every model takes them.

/// Rows of equally many numbers, one after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// A matrix without rows.
    pub fn new(columns: usize) -> Self {
        Self { columns, values: Vec::new() }
    }

    /// From values row after row.
    ///
    /// # Panics
    ///
    /// When the values do not fill whole rows.
    pub fn from_values(columns: usize, values: Vec<f64>) -> Self {
        assert!(columns > 0 && values.len().is_multiple_of(columns), "{} values do not make rows of {columns}", values.len());
        Self { columns, values }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len().checked_div(self.columns).unwrap_or(0)
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row `row`.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// The value at `row` and `column`.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.columns + column]
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Adds a row.
    ///
    /// # Panics
    ///
    /// When the row has another length than the others.
    pub fn push(&mut self, row: &[f64]) {
        assert_eq!(row.len(), self.columns, "a row of another length");
        self.values.extend_from_slice(row);
    }

    /// Column `column`, top to bottom.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().skip(column).step_by(self.columns.max(1)).copied()
    }

    /// The rows chosen, in the order given.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut chosen = Self::new(self.columns);
        for &row in rows {
            chosen.push(self.row(row));
        }
        chosen
    }
}
