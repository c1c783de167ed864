//! Small dense complex matrices: the primitive impedances and admittances of single elements.
//!
//! An element has two to some dozens of conductors, so everything here is plain row-major storage and cubic algorithms. Three of
//! them carry the physics of the crate:
//!
//! * **Inverse** `A⁻¹` turns a series impedance matrix into an admittance matrix. It is Gauss-Jordan elimination with partial
//!   (row) pivoting. The inverse of a symmetric matrix is symmetric; since the elimination loses that in the last digits, the
//!   result for an exactly symmetric `A` is averaged with its transpose, so that it is exactly symmetric again. The system matrix
//!   relies on that.
//! * **LU solution** `A x = b` with the same pivoting, for several right-hand sides.
//! * **Kron reduction.** Split the conductors into kept `k` and eliminated `e`. From `[v_k; 0] = [A_kk A_ke; A_ek A_ee] [i_k; i_e]`
//!   follows `v_k = (A_kk - A_ke A_ee⁻¹ A_ek) i_k`: for an impedance matrix the eliminated conductors are grounded, for an
//!   admittance matrix (with `v` and `i` exchanged) they carry no current. Conductors are eliminated one by one,
//!   `a_ij ← a_ij - a_in a_nj / a_nn`, which keeps an exactly symmetric matrix exactly symmetric.
//!
//! A pivot counts as zero when it is not larger than a few units in the last place of what its row held before the elimination:
//! what is left then is rounding, not a number.

use std::ops::{Add, AddAssign, Index, IndexMut, Mul, Neg, Sub, SubAssign};

use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const ZERO: Complex64 = Complex64::new(0.0, 0.0);
const ONE: Complex64 = Complex64::new(1.0, 0.0);

/// A pivot this small against the largest original entry of its row is rounding noise.
const PIVOT_TOLERANCE: f64 = 4.0 * f64::EPSILON;

/// Why a matrix operation has no result.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DenseError {
    /// Elimination met a pivot that is zero (or rounding noise, or not finite).
    #[error("matrix of order {order} is singular: no pivot for row {row}")]
    Singular {
        /// 0-based index of the row (conductor) without a usable pivot.
        row: usize,
        /// Number of rows of the matrix.
        order: usize,
    },
    /// The operation needs a square matrix.
    #[error("a square matrix is needed, found {rows} x {cols}")]
    NotSquare {
        /// Number of rows found.
        rows: usize,
        /// Number of columns found.
        cols: usize,
    },
    /// Two operands, or data and its stated shape, do not fit.
    #[error("size does not fit: expected {expected}, found {found}")]
    Size {
        /// Number of entries, rows or conductors that was needed.
        expected: usize,
        /// Number that was given.
        found: usize,
    },
}

/// A dense complex matrix, `rows` x `cols`, stored row by row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CMatrix {
    rows: usize,
    cols: usize,
    data: Vec<Complex64>,
}

impl CMatrix {
    /// A `rows` x `cols` matrix of zeros.
    #[must_use]
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![ZERO; rows * cols] }
    }

    /// An `n` x `n` matrix of zeros.
    #[must_use]
    pub fn square(n: usize) -> Self {
        Self::zeros(n, n)
    }

    /// The `n` x `n` identity.
    #[must_use]
    pub fn identity(n: usize) -> Self {
        Self::from_diagonal(&vec![ONE; n])
    }

    /// A square matrix with `diagonal` on its diagonal and zeros elsewhere.
    #[must_use]
    pub fn from_diagonal(diagonal: &[Complex64]) -> Self {
        let mut matrix = Self::square(diagonal.len());
        for (i, value) in diagonal.iter().enumerate() {
            matrix[(i, i)] = *value;
        }
        matrix
    }

    /// A matrix with `entry(row, col)` at each place.
    #[must_use]
    pub fn from_fn(rows: usize, cols: usize, mut entry: impl FnMut(usize, usize) -> Complex64) -> Self {
        let mut data = Vec::with_capacity(rows * cols);
        for i in 0..rows {
            for j in 0..cols {
                data.push(entry(i, j));
            }
        }
        Self { rows, cols, data }
    }

    /// A matrix from its entries in row-major order.
    ///
    /// # Errors
    /// `Size` when there are not exactly `rows * cols` entries.
    pub fn from_row_major(rows: usize, cols: usize, data: Vec<Complex64>) -> Result<Self, DenseError> {
        if data.len() != rows * cols {
            return Err(DenseError::Size { expected: rows * cols, found: data.len() });
        }
        Ok(Self { rows, cols, data })
    }

    /// The `n` x `n` matrix of a balanced element: `own` on the diagonal, `mutual` elsewhere.
    #[must_use]
    pub fn balanced(n: usize, own: Complex64, mutual: Complex64) -> Self {
        Self::from_fn(n, n, |i, j| if i == j { own } else { mutual })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// True for a matrix without entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// True when there are as many rows as columns.
    #[must_use]
    pub fn is_square(&self) -> bool {
        self.rows == self.cols
    }

    /// All entries, row by row.
    #[must_use]
    pub fn as_slice(&self) -> &[Complex64] {
        &self.data
    }

    /// All entries, row by row, to change in place.
    pub fn as_mut_slice(&mut self) -> &mut [Complex64] {
        &mut self.data
    }

    /// One row as a slice of `cols` entries.
    ///
    /// # Panics
    /// When `row` is not smaller than the number of rows.
    #[must_use]
    pub fn row(&self, row: usize) -> &[Complex64] {
        &self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// Sets the entry at `(i, j)` and at `(j, i)`.
    pub fn set_symmetric(&mut self, i: usize, j: usize, value: Complex64) {
        self[(i, j)] = value;
        self[(j, i)] = value;
    }

    /// Adds `value` at `(i, j)`, and at `(j, i)` when that is another place.
    pub fn add_symmetric(&mut self, i: usize, j: usize, value: Complex64) {
        self[(i, j)] += value;
        if i != j {
            self[(j, i)] += value;
        }
    }

    /// Adds the two-terminal admittance `y` between conductors `i` and `j`: `+y` on both diagonals, `-y` off them.
    pub fn add_branch(&mut self, i: usize, j: usize, y: Complex64) {
        self[(i, i)] += y;
        self[(j, j)] += y;
        self.add_symmetric(i, j, -y);
    }

    /// Adds `factor * block` with the upper left corner of `block` at `(row, col)`.
    ///
    /// # Panics
    /// When `block` does not fit there.
    pub fn add_block(&mut self, row: usize, col: usize, block: &Self, factor: f64) {
        for i in 0..block.rows {
            for j in 0..block.cols {
                self[(row + i, col + j)] += block[(i, j)] * factor;
            }
        }
    }

    /// The matrix of the given rows and columns, in the given order.
    ///
    /// # Panics
    /// When an index is not in the matrix.
    #[must_use]
    pub fn select(&self, rows: &[usize], cols: &[usize]) -> Self {
        Self::from_fn(rows.len(), cols.len(), |i, j| self[(rows[i], cols[j])])
    }

    /// The upper left corner of order `n`.
    ///
    /// # Panics
    /// When `n` is larger than the number of rows or columns.
    #[must_use]
    pub fn leading(&self, n: usize) -> Self {
        Self::from_fn(n, n, |i, j| self[(i, j)])
    }

    /// The transpose (no conjugation).
    #[must_use]
    pub fn transpose(&self) -> Self {
        Self::from_fn(self.cols, self.rows, |i, j| self[(j, i)])
    }

    /// Every entry times `factor`.
    #[must_use]
    pub fn scaled(&self, factor: Complex64) -> Self {
        self.map(|value| value * factor)
    }

    /// Every entry times the real `factor`.
    #[must_use]
    pub fn scaled_real(&self, factor: f64) -> Self {
        self.map(|value| value * factor)
    }

    /// Every entry passed through `change`.
    #[must_use]
    pub fn map(&self, change: impl FnMut(Complex64) -> Complex64) -> Self {
        Self { rows: self.rows, cols: self.cols, data: self.data.iter().copied().map(change).collect() }
    }

    /// The matrix times a vector of `cols` entries; the result has `rows` entries.
    ///
    /// # Panics
    /// When the vector has another length.
    #[must_use]
    pub fn mul_vec(&self, vector: &[Complex64]) -> Vec<Complex64> {
        assert_eq!(vector.len(), self.cols, "vector length");
        (0..self.rows).map(|i| self.row(i).iter().zip(vector).map(|(a, x)| a * x).sum()).collect()
    }

    /// The largest magnitude among the entries; 0 for an empty matrix.
    #[must_use]
    pub fn max_abs(&self) -> f64 {
        self.data.iter().map(|v| v.norm()).fold(0.0, f64::max)
    }

    /// True when every real and imaginary part is a finite number.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|v| v.re.is_finite() && v.im.is_finite())
    }

    /// True when the matrix is square and `|a_ij - a_ji| <= tolerance * max|a|` everywhere; 0 asks for exact symmetry.
    #[must_use]
    pub fn is_symmetric(&self, tolerance: f64) -> bool {
        if !self.is_square() {
            return false;
        }
        let limit = if tolerance == 0.0 { 0.0 } else { tolerance * self.max_abs() };
        (0..self.rows).all(|i| (0..i).all(|j| (self[(i, j)] - self[(j, i)]).norm() <= limit))
    }

    /// The inverse, by Gauss-Jordan elimination with partial pivoting. Exactly symmetric for an exactly symmetric matrix.
    ///
    /// # Errors
    /// `NotSquare`; `Singular` with the row that has no pivot.
    pub fn inverse(&self) -> Result<Self, DenseError> {
        let n = self.require_square()?;
        let scale = self.row_scales();
        let mut work = self.clone();
        let mut result = Self::identity(n);
        // `origin[i]` is the original row now standing in place `i`; errors name the original row.
        let mut origin: Vec<usize> = (0..n).collect();
        for col in 0..n {
            let pivot_row = work.pivot_row(col, &scale, &origin)?;
            work.swap_rows(col, pivot_row);
            result.swap_rows(col, pivot_row);
            origin.swap(col, pivot_row);
            let pivot_inverse = work[(col, col)].inv();
            for j in 0..n {
                work[(col, j)] *= pivot_inverse;
                result[(col, j)] *= pivot_inverse;
            }
            for i in (0..n).filter(|i| *i != col) {
                let factor = work[(i, col)];
                if factor == ZERO {
                    continue;
                }
                for j in 0..n {
                    let from_work = work[(col, j)];
                    let from_result = result[(col, j)];
                    work[(i, j)] -= factor * from_work;
                    result[(i, j)] -= factor * from_result;
                }
            }
        }
        if self.is_symmetric(0.0) {
            for i in 0..n {
                for j in 0..i {
                    let mean = (result[(i, j)] + result[(j, i)]) * 0.5;
                    result.set_symmetric(i, j, mean);
                }
            }
        }
        Ok(result)
    }

    /// The LU factors with partial pivoting, to solve for right-hand sides.
    ///
    /// # Errors
    /// `NotSquare`; `Singular` with the row that has no pivot.
    pub fn lu(&self) -> Result<Lu, DenseError> {
        let n = self.require_square()?;
        let scale = self.row_scales();
        let mut factors = self.clone();
        let mut origin: Vec<usize> = (0..n).collect();
        for col in 0..n {
            let pivot_row = factors.pivot_row(col, &scale, &origin)?;
            factors.swap_rows(col, pivot_row);
            origin.swap(col, pivot_row);
            for i in col + 1..n {
                let factor = factors[(i, col)] / factors[(col, col)];
                factors[(i, col)] = factor;
                for j in col + 1..n {
                    let above = factors[(col, j)];
                    factors[(i, j)] -= factor * above;
                }
            }
        }
        Ok(Lu { factors, origin })
    }

    /// Kron reduction that eliminates the one conductor `index`; the others keep their order.
    ///
    /// # Errors
    /// `NotSquare`; `Size` when `index` is not in the matrix; `Singular` when its diagonal entry is zero.
    pub fn kron_without(&self, index: usize) -> Result<Self, DenseError> {
        let n = self.require_square()?;
        if index >= n {
            return Err(DenseError::Size { expected: n, found: index + 1 });
        }
        let pivot = self[(index, index)];
        if pivot == ZERO || !pivot.re.is_finite() || !pivot.im.is_finite() {
            return Err(DenseError::Singular { row: index, order: n });
        }
        let kept = |i: usize| if i < index { i } else { i + 1 };
        Ok(Self::from_fn(n - 1, n - 1, |i, j| {
            let (i, j) = (kept(i), kept(j));
            self[(i, j)] - self[(i, index)] * self[(index, j)] / pivot
        }))
    }

    /// Kron reduction to the first `n_kept` conductors, eliminating the last one first.
    ///
    /// # Errors
    /// `NotSquare`; `Size` when `n_kept` is larger than the order; `Singular` when a conductor cannot be eliminated.
    pub fn kron_to(&self, n_kept: usize) -> Result<Self, DenseError> {
        let n = self.require_square()?;
        if n_kept > n {
            return Err(DenseError::Size { expected: n, found: n_kept });
        }
        let mut reduced = self.clone();
        while reduced.rows > n_kept {
            reduced = reduced.kron_without(reduced.rows - 1)?;
        }
        Ok(reduced)
    }

    /// Kron reduction that eliminates the last `count` conductors.
    ///
    /// # Errors
    /// As [`Self::kron_to`].
    pub fn kron_last(&self, count: usize) -> Result<Self, DenseError> {
        let n = self.require_square()?;
        if count > n {
            return Err(DenseError::Size { expected: n, found: count });
        }
        self.kron_to(n - count)
    }

    fn require_square(&self) -> Result<usize, DenseError> {
        if self.is_square() { Ok(self.rows) } else { Err(DenseError::NotSquare { rows: self.rows, cols: self.cols }) }
    }

    fn row_scales(&self) -> Vec<f64> {
        (0..self.rows).map(|i| self.row(i).iter().map(|v| v.norm()).fold(0.0, f64::max)).collect()
    }

    /// The row, from `col` down, with the largest entry in column `col`.
    fn pivot_row(&self, col: usize, scale: &[f64], origin: &[usize]) -> Result<usize, DenseError> {
        let mut best = col;
        let mut best_size = self[(col, col)].norm();
        for i in col + 1..self.rows {
            let size = self[(i, col)].norm();
            if size > best_size {
                best = i;
                best_size = size;
            }
        }
        let usable = best_size.is_finite() && best_size > PIVOT_TOLERANCE * scale[origin[best]];
        if usable { Ok(best) } else { Err(DenseError::Singular { row: origin[best], order: self.rows }) }
    }

    fn swap_rows(&mut self, a: usize, b: usize) {
        if a != b {
            for j in 0..self.cols {
                self.data.swap(a * self.cols + j, b * self.cols + j);
            }
        }
    }
}

/// LU factors of a square matrix, made by [`CMatrix::lu`].
#[derive(Debug, Clone)]
pub struct Lu {
    factors: CMatrix,
    origin: Vec<usize>,
}

impl Lu {
    /// Solves `A x = b` for one right-hand side of `n` entries.
    ///
    /// # Errors
    /// `Size` when `b` has another length.
    pub fn solve(&self, b: &[Complex64]) -> Result<Vec<Complex64>, DenseError> {
        let n = self.factors.rows;
        if b.len() != n {
            return Err(DenseError::Size { expected: n, found: b.len() });
        }
        let mut x: Vec<Complex64> = self.origin.iter().map(|i| b[*i]).collect();
        for i in 0..n {
            for j in 0..i {
                let known = x[j];
                x[i] -= self.factors[(i, j)] * known;
            }
        }
        for i in (0..n).rev() {
            for j in i + 1..n {
                let known = x[j];
                x[i] -= self.factors[(i, j)] * known;
            }
            x[i] /= self.factors[(i, i)];
        }
        Ok(x)
    }
}

impl Index<(usize, usize)> for CMatrix {
    type Output = Complex64;

    fn index(&self, (row, col): (usize, usize)) -> &Complex64 {
        assert!(row < self.rows && col < self.cols, "index in matrix");
        &self.data[row * self.cols + col]
    }
}

impl IndexMut<(usize, usize)> for CMatrix {
    fn index_mut(&mut self, (row, col): (usize, usize)) -> &mut Complex64 {
        assert!(row < self.rows && col < self.cols, "index in matrix");
        &mut self.data[row * self.cols + col]
    }
}

impl AddAssign<&CMatrix> for CMatrix {
    /// Adds entry by entry; panics when the shapes differ.
    fn add_assign(&mut self, other: &CMatrix) {
        assert_eq!((self.rows, self.cols), (other.rows, other.cols), "shape");
        for (a, b) in self.data.iter_mut().zip(&other.data) {
            *a += b;
        }
    }
}

impl SubAssign<&CMatrix> for CMatrix {
    /// Subtracts entry by entry; panics when the shapes differ.
    fn sub_assign(&mut self, other: &CMatrix) {
        assert_eq!((self.rows, self.cols), (other.rows, other.cols), "shape");
        for (a, b) in self.data.iter_mut().zip(&other.data) {
            *a -= b;
        }
    }
}

impl Add for &CMatrix {
    type Output = CMatrix;

    fn add(self, other: &CMatrix) -> CMatrix {
        let mut sum = self.clone();
        sum += other;
        sum
    }
}

impl Sub for &CMatrix {
    type Output = CMatrix;

    fn sub(self, other: &CMatrix) -> CMatrix {
        let mut difference = self.clone();
        difference -= other;
        difference
    }
}

impl Neg for &CMatrix {
    type Output = CMatrix;

    fn neg(self) -> CMatrix {
        self.map(|value| -value)
    }
}

impl Mul for &CMatrix {
    type Output = CMatrix;

    /// The matrix product; panics when the inner sizes differ.
    fn mul(self, other: &CMatrix) -> CMatrix {
        assert_eq!(self.cols, other.rows, "inner size");
        CMatrix::from_fn(self.rows, other.cols, |i, j| (0..self.cols).map(|k| self[(i, k)] * other[(k, j)]).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn c(re: f64, im: f64) -> Complex64 {
        Complex64::new(re, im)
    }

    fn sample() -> CMatrix {
        CMatrix::from_row_major(
            3,
            3,
            vec![c(0.0, 0.0), c(2.0, -1.0), c(0.5, 0.0), c(2.0, -1.0), c(1.0, 3.0), c(0.0, 1.0), c(0.5, 0.0), c(0.0, 1.0), c(4.0, 0.25)],
        )
        .unwrap()
    }

    fn assert_close(a: &CMatrix, b: &CMatrix) {
        assert!((a - b).max_abs() < 1e-14, "{a:?}\n{b:?}");
    }

    #[test]
    fn inverse_with_a_zero_on_the_diagonal() {
        let a = sample();
        let inverse = a.inverse().unwrap();
        assert_close(&(&a * &inverse), &CMatrix::identity(3));
        assert!(inverse.is_symmetric(0.0));
    }

    #[test]
    fn inverse_of_an_unsymmetric_matrix_stays_so() {
        let mut a = sample();
        a[(0, 2)] = c(-3.0, 1.0);
        let inverse = a.inverse().unwrap();
        assert_close(&(&inverse * &a), &CMatrix::identity(3));
        assert!(!inverse.is_symmetric(1e-3));
    }

    #[test]
    fn lu_solves_what_the_product_made() {
        let mut a = sample();
        a[(2, 0)] = c(7.0, -1.0);
        let x = [c(1.0, 2.0), c(-3.0, 0.5), c(0.0, 4.0)];
        let solved = a.lu().unwrap().solve(&a.mul_vec(&x)).unwrap();
        for (found, expected) in solved.iter().zip(&x) {
            assert!((found - expected).norm() < 1e-14);
        }
    }

    #[test]
    fn singular_names_the_row() {
        let line = [c(0.3, 1.1), c(0.1, 0.4), c(0.7, 0.2)];
        let a = CMatrix::from_fn(3, 3, |i, j| if i == 1 { c(1.0, j as f64) } else { line[j] });
        assert!(matches!(a.inverse(), Err(DenseError::Singular { row: 0 | 2, order: 3 })));
        assert!(matches!(a.lu(), Err(DenseError::Singular { .. })));
        assert_eq!(CMatrix::square(2).inverse(), Err(DenseError::Singular { row: 0, order: 2 }));
    }

    #[test]
    fn rounding_left_by_equal_rows_is_singular() {
        let a = CMatrix::balanced(3, c(0.1, 0.3), c(0.1, 0.3));
        assert!(matches!(a.inverse(), Err(DenseError::Singular { .. })));
    }

    #[test]
    fn badly_scaled_is_not_singular() {
        let a = CMatrix::from_diagonal(&[c(1e-12, 0.0), c(1e7, 0.0)]);
        assert_close(&(&a * &a.inverse().unwrap()), &CMatrix::identity(2));
    }

    #[test]
    fn kron_equals_the_inverse_of_the_leading_inverse() {
        // Grounding the last conductors of an impedance is dropping their rows of the admittance.
        let a = CMatrix::from_fn(4, 4, |i, j| if i == j { c(1.0 + i as f64, 3.0) } else { c(0.2, 1.0 / (1.0 + (i + j) as f64)) });
        let expected = a.inverse().unwrap().leading(2).inverse().unwrap();
        assert_close(&a.kron_to(2).unwrap(), &expected);
        assert_close(&a.kron_last(2).unwrap(), &expected);
        assert_eq!(a.kron_to(4).unwrap(), a);
    }

    #[test]
    fn kron_of_an_inner_conductor_keeps_the_order() {
        let a = sample();
        let reduced = a.kron_without(1).unwrap();
        let swapped = a.select(&[0, 2, 1], &[0, 2, 1]).kron_to(2).unwrap();
        assert_eq!(reduced, swapped);
        assert!(reduced.is_symmetric(0.0));
        assert_eq!(a.kron_without(0), Err(DenseError::Singular { row: 0, order: 3 }));
    }

    #[test]
    fn shapes_are_checked() {
        assert_eq!(CMatrix::zeros(2, 3).inverse(), Err(DenseError::NotSquare { rows: 2, cols: 3 }));
        assert_eq!(CMatrix::from_row_major(2, 2, vec![ZERO; 3]), Err(DenseError::Size { expected: 4, found: 3 }));
        assert!(CMatrix::identity(2).kron_to(3).is_err());
    }

    #[test]
    fn branch_stamp_has_zero_row_sums() {
        let mut a = CMatrix::square(3);
        a.add_branch(0, 2, c(3.0, -4.0));
        assert_eq!(a.mul_vec(&[ONE; 3]), vec![ZERO; 3]);
        assert!(a.is_symmetric(0.0));
    }
}
