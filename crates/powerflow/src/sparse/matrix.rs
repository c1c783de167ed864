//! Values on a fixed pattern: assembly, product and residual.

use super::{NO_SLOT, Pattern, Scalar, SparseError};
use num_complex::Complex64;
use std::sync::Arc;

/// A square matrix with values by slot of its pattern.
#[derive(Debug, Clone)]
pub struct Matrix<S = Complex64> {
    pattern: Arc<Pattern>,
    values: Vec<S>,
    row_sums: Option<Vec<S>>,
}

impl<S: Scalar> Matrix<S> {
    /// The zero matrix on a pattern.
    pub fn zeros(pattern: &Arc<Pattern>) -> Self {
        Matrix { pattern: Arc::clone(pattern), values: vec![S::ZERO; pattern.entries()], row_sums: None }
    }

    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    pub fn order(&self) -> usize {
        self.pattern.order()
    }

    /// Values by slot.
    pub fn values(&self) -> &[S] {
        &self.values
    }

    /// Values by slot, for assembly.
    pub fn values_mut(&mut self) -> &mut [S] {
        &mut self.values
    }

    /// Row sums `Σ_j a_ij` that the caller knows better than the entries can tell: a node that hangs on a stiff switch has a
    /// diagonal whose last digit is coarser than all that ties it to earth. A pivot that cancels is taken from them.
    pub fn row_sums(&self) -> Option<&[S]> {
        self.row_sums.as_deref()
    }

    pub fn row_sums_mut(&mut self) -> Option<&mut [S]> {
        self.row_sums.as_deref_mut()
    }

    /// Gives or takes the row sums; they must be those of the values.
    ///
    /// # Errors
    /// `Length` when they are not one a row.
    pub fn set_row_sums(&mut self, row_sums: Option<Vec<S>>) -> Result<(), SparseError> {
        let expected = self.order();
        if let Some(got) = row_sums.as_ref().map(Vec::len).filter(|&got| got != expected) {
            return Err(SparseError::Length { expected, got });
        }
        self.row_sums = row_sums;
        Ok(())
    }

    /// Sets every value to zero and keeps the pattern.
    pub fn clear(&mut self) {
        self.values.fill(S::ZERO);
    }

    /// Adds a primitive matrix, given row by row, at the slots that
    /// `Pattern::clique_slots` returned; `NO_SLOT` is skipped. Entries beyond
    /// the shorter of the two slices are ignored.
    #[inline]
    pub fn add_at(&mut self, slots: &[u32], primitive: &[S]) {
        debug_assert_eq!(slots.len(), primitive.len());
        for (&slot, &value) in slots.iter().zip(primitive) {
            if slot != NO_SLOT {
                let entry = &mut self.values[slot as usize];
                *entry = *entry + value;
            }
        }
    }

    /// The value of entry (`row`, `column`): zero where nothing is stored.
    pub fn get(&self, row: u32, column: u32) -> S {
        self.pattern.slot(row, column).map_or(S::ZERO, |slot| self.values[slot as usize])
    }

    /// Adds to entry (`row`, `column`).
    ///
    /// # Errors
    /// `NotInPattern` when the entry is not stored.
    pub fn add(&mut self, row: u32, column: u32, value: S) -> Result<(), SparseError> {
        let slot = self.pattern.slot(row, column).ok_or(SparseError::NotInPattern { row, column })?;
        let entry = &mut self.values[slot as usize];
        *entry = *entry + value;
        Ok(())
    }

    /// `y = A x`.
    ///
    /// # Errors
    /// `Length` when `x` or `y` does not have the order of the matrix.
    pub fn mul(&self, x: &[S], y: &mut [S]) -> Result<(), SparseError> {
        self.check_length(x)?;
        self.check_length(y)?;
        for (i, sum) in y.iter_mut().enumerate() {
            *sum = -self.row_sub(i, S::ZERO, x);
        }
        Ok(())
    }

    /// `r = b - A x`.
    ///
    /// # Errors
    /// `Length` when a vector does not have the order of the matrix.
    pub fn residual(&self, x: &[S], b: &[S], r: &mut [S]) -> Result<(), SparseError> {
        self.check_length(x)?;
        self.check_length(b)?;
        self.check_length(r)?;
        for (i, (r, &b)) in r.iter_mut().zip(b).enumerate() {
            *r = self.row_sub(i, b, x);
        }
        Ok(())
    }

    /// The componentwise backward error of `x`: the largest over the rows of
    /// |b - A x| / (|A| |x| + |b|), in the sizes of `Scalar::size`. Not a
    /// number in `x` gives infinity.
    ///
    /// # Errors
    /// `Length` when a vector does not have the order of the matrix.
    pub fn backward_error(&self, x: &[S], b: &[S]) -> Result<f64, SparseError> {
        self.check_length(x)?;
        self.check_length(b)?;
        let (start, column) = (self.pattern.starts(), self.pattern.columns());
        let mut worst = 0.0f64;
        for i in 0..b.len() {
            let mut r = b[i];
            let mut scale = b[i].size();
            for p in start[i] as usize..start[i + 1] as usize {
                let xj = x[column[p] as usize];
                r = r - self.values[p] * xj;
                scale += self.values[p].size() * xj.size();
            }
            let error = r.size();
            if !(error.is_finite() && scale.is_finite()) {
                return Ok(f64::INFINITY);
            }
            if error > 0.0 {
                worst = worst.max(error / scale);
            }
        }
        Ok(worst)
    }

    /// Whether mirrored values agree to a few rounding errors.
    pub fn is_symmetric(&self) -> bool {
        self.pattern.mirror_slots().iter().zip(&self.values).all(|(&m, &value)| agree(value, self.values[m as usize]))
    }

    /// The first row with a value that is not finite.
    pub(super) fn non_finite_row(&self) -> Option<u32> {
        let slot = self.values.iter().position(|v| !v.is_finite())?;
        Some((self.pattern.starts().partition_point(|&s| s as usize <= slot) - 1) as u32)
    }

    /// The first row, or else column, whose values are all zero.
    pub(super) fn empty_row(&self) -> Option<u32> {
        let rows = 0..self.order() as u32;
        let zero = |slot: usize| self.values[slot] == S::ZERO;
        let mirror = self.pattern.mirror_slots();
        let empty_row = |i: &u32| self.pattern.row_slots(*i).is_some_and(|mut r| r.all(zero));
        let empty_column = |i: &u32| self.pattern.row_slots(*i).is_some_and(|mut r| r.all(|slot| zero(mirror[slot] as usize)));
        rows.clone().find(empty_row).or_else(|| rows.clone().find(empty_column))
    }

    #[inline(always)]
    fn row_sub(&self, i: usize, b: S, x: &[S]) -> S {
        let range = self.pattern.starts()[i] as usize..self.pattern.starts()[i + 1] as usize;
        let mut sum = b;
        for (&j, &a) in self.pattern.columns()[range.clone()].iter().zip(&self.values[range]) {
            sum = sum.sub_mul::<false>(a, x[j as usize]);
        }
        sum
    }

    pub(super) fn check_length(&self, x: &[S]) -> Result<(), SparseError> {
        if x.len() == self.order() { Ok(()) } else { Err(SparseError::Length { expected: self.order(), got: x.len() }) }
    }
}

/// Whether two mirrored values are equal but for the rounding that an
/// element's matrix inversion leaves (64 units in the last place).
#[inline(always)]
pub(super) fn agree<S: Scalar>(a: S, b: S) -> bool {
    a == b || (a - b).size() <= 64.0 * f64::EPSILON * a.size()
}
