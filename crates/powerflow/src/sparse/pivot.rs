//! LU with row pivoting: the way out for matrices that the fixed pivot
//! sequence does not factor accurately.
//!
//! Columns are taken in the fill-reducing order of the analysis. Column `k` is
//! the solution of a triangular system with the columns of L found so far; the
//! rows that can become nonzero are those reachable from the rows of the
//! column in the graph of L, and a depth-first search finds them in an order
//! in which the system can be solved (Gilbert and Peierls, "Sparse partial
//! pivoting in time proportional to arithmetic operations", SIAM J. Sci. Stat.
//! Comput. 9, 1988). Among the rows without a pivot the diagonal one is taken
//! if it has at least a tenth of the largest size, since that keeps the fill
//! of the ordering; else the largest.
//!
//! Rows are scaled beforehand by the power of two of their largest entry, so
//! that the comparison means something when admittances of 1e-9 S and 1e9 S
//! meet; powers of two do not round.

use super::fixed::NOISE;
use super::ldlt::check_pattern;
use super::{Matrix, Scalar, SparseError, Symbolic, Work};
use num_complex::Complex64;
use std::sync::Arc;

const NONE: u32 = u32::MAX;

/// Share of the largest candidate at which the diagonal is preferred.
const DIAGONAL_PREFERENCE: f64 = 0.1;

/// An LU factor with row pivoting.
#[derive(Debug, Clone)]
pub struct PivotLu<S = Complex64> {
    symbolic: Arc<Symbolic>,
    row_scale: Vec<f64>,
    /// Pivot position of each row of the matrix.
    position: Vec<u32>,
    l_start: Vec<u32>,
    l_row: Vec<u32>,
    l: Vec<S>,
    u_start: Vec<u32>,
    u_row: Vec<u32>,
    u: Vec<S>,
    pivot_inverse: Vec<S>,
    search: Search<S>,
}

/// Work space of the factorisation; `x` is zero between columns.
#[derive(Debug, Clone)]
struct Search<S> {
    x: Vec<S>,
    visited: Vec<u32>,
    /// Rows in reverse topological order.
    found: Vec<u32>,
    /// Rows on the current path and the next entry of L to look at.
    stack: Vec<(u32, u32)>,
}

impl<S: Scalar> PivotLu<S> {
    /// Factors a matrix.
    ///
    /// # Errors
    /// `Singular` with an empty row, else with the row whose column has no
    /// pivot left; `NonFinite`; `OtherPattern`; `TooLarge`.
    pub fn new(symbolic: &Arc<Symbolic>, matrix: &Matrix<S>) -> Result<Self, SparseError> {
        let n = symbolic.order();
        let mut factor = PivotLu {
            symbolic: Arc::clone(symbolic),
            row_scale: Vec::with_capacity(n),
            position: Vec::with_capacity(n),
            l_start: Vec::with_capacity(n + 1),
            l_row: Vec::new(),
            l: Vec::new(),
            u_start: Vec::with_capacity(n + 1),
            u_row: Vec::new(),
            u: Vec::new(),
            pivot_inverse: Vec::with_capacity(n),
            search: Search { x: vec![S::ZERO; n], visited: vec![NONE; n], found: Vec::with_capacity(n), stack: Vec::new() },
        };
        factor.refactor(matrix)?;
        Ok(factor)
    }

    /// Factors other values on the same pattern, choosing pivots anew.
    ///
    /// # Errors
    /// As `new`.
    pub fn refactor(&mut self, matrix: &Matrix<S>) -> Result<(), SparseError> {
        check_pattern(&self.symbolic, matrix)?;
        if let Some(row) = matrix.non_finite_row() {
            return Err(SparseError::NonFinite { row });
        }
        if let Some(row) = matrix.empty_row() {
            return Err(SparseError::Singular { row });
        }
        let pattern = Arc::clone(matrix.pattern());
        let n = matrix.order();
        let values = matrix.values();
        self.row_scale.clear();
        for i in 0..n as u32 {
            let slots = pattern.row_slots(i).unwrap_or(0..0);
            let largest = values[slots].iter().fold(0.0f64, |m, v| m.max(v.size()));
            self.row_scale.push(power_of_two_below(largest).recip());
        }
        self.position.clear();
        self.position.resize(n, NONE);
        self.search.visited.fill(NONE);
        for list in [&mut self.l_row, &mut self.u_row] {
            list.clear();
        }
        self.l.clear();
        self.u.clear();
        self.pivot_inverse.clear();
        self.l_start.clear();
        self.l_start.push(0);
        self.u_start.clear();
        self.u_start.push(0);

        for k in 0..n {
            if let Err(error) = self.column(matrix, k) {
                self.search.x.fill(S::ZERO);
                return Err(error);
            }
            let entries = self.l.len().max(self.u.len());
            if entries >= NONE as usize {
                return Err(SparseError::TooLarge { entries: entries as u64 });
            }
        }
        for row in &mut self.l_row {
            *row = self.position[*row as usize];
        }
        Ok(())
    }

    fn column(&mut self, matrix: &Matrix<S>, k: usize) -> Result<(), SparseError> {
        let pattern = matrix.pattern();
        let column = self.symbolic.row_of[k];
        let slots = pattern.row_slots(column).unwrap_or(0..0);
        self.search.found.clear();
        let mut original = 0.0f64;
        for (&i, slot) in pattern.row(column).iter().zip(slots) {
            let mirror = pattern.mirror_slots()[slot] as usize;
            let value = matrix.values()[mirror].scale(self.row_scale[i as usize]);
            original = original.max(value.size());
            self.reach(i, k as u32);
            self.search.x[i as usize] = value;
        }

        // Solve with the finished columns of L, in topological order.
        let mut largest = 0.0f64;
        let mut pivot_row = NONE;
        for at in (0..self.search.found.len()).rev() {
            let i = self.search.found[at] as usize;
            let t = self.position[i];
            if t == NONE {
                continue;
            }
            let ut = self.search.x[i];
            self.search.x[i] = S::ZERO;
            self.u_row.push(t);
            self.u.push(ut);
            for q in self.l_start[t as usize] as usize..self.l_start[t as usize + 1] as usize {
                let x = &mut self.search.x[self.l_row[q] as usize];
                *x = x.sub_mul::<false>(self.l[q], ut);
            }
        }
        self.u_start.push(self.u.len() as u32);
        for &i in self.search.found.iter().rev() {
            if self.position[i as usize] == NONE {
                let size = self.search.x[i as usize].size();
                if size > largest {
                    largest = size;
                    pivot_row = i;
                }
            }
        }
        // Overflow shows as an infinite or undefined candidate.
        if !(largest > NOISE * original && largest < f64::INFINITY) {
            return Err(SparseError::Singular { row: column });
        }
        let on_diagonal = self.search.x[column as usize].size();
        if self.position[column as usize] == NONE && on_diagonal >= DIAGONAL_PREFERENCE * largest {
            pivot_row = column;
        }
        let inverse = self.search.x[pivot_row as usize].reciprocal();
        self.pivot_inverse.push(inverse);
        self.position[pivot_row as usize] = k as u32;
        for at in (0..self.search.found.len()).rev() {
            let i = self.search.found[at];
            let value = self.search.x[i as usize];
            self.search.x[i as usize] = S::ZERO;
            if self.position[i as usize] == NONE {
                self.l_row.push(i);
                self.l.push(value * inverse);
            }
        }
        self.l_start.push(self.l.len() as u32);
        Ok(())
    }

    /// Appends the rows reachable from `from` that column `mark` has not met.
    fn reach(&mut self, from: u32, mark: u32) {
        let s = &mut self.search;
        if s.visited[from as usize] == mark {
            return;
        }
        let first_entry = |row: u32| match self.position[row as usize] {
            NONE => 0,
            t => self.l_start[t as usize],
        };
        s.visited[from as usize] = mark;
        s.stack.push((from, first_entry(from)));
        while let Some(top) = s.stack.last_mut() {
            let (row, next) = *top;
            let end = match self.position[row as usize] {
                NONE => 0,
                t => self.l_start[t as usize + 1],
            };
            if next < end {
                top.1 += 1;
                let child = self.l_row[next as usize];
                if s.visited[child as usize] != mark {
                    s.visited[child as usize] = mark;
                    s.stack.push((child, first_entry(child)));
                }
            } else {
                s.found.push(row);
                s.stack.pop();
            }
        }
    }

    /// Solves `A x = b`; `rhs` holds `b` before and `x` after.
    ///
    /// # Errors
    /// `Length` when `rhs` does not have the order of the matrix.
    pub fn solve_in_place(&self, rhs: &mut [S], work: &mut Work<S>) -> Result<(), SparseError> {
        let n = self.symbolic.order();
        if rhs.len() != n {
            return Err(SparseError::Length { expected: n, got: rhs.len() });
        }
        work.x.clear();
        work.x.resize(n, S::ZERO);
        let x = &mut work.x;
        for i in 0..n {
            x[self.position[i] as usize] = rhs[i].scale(self.row_scale[i]);
        }
        for k in 0..n {
            let xk = x[k];
            for q in self.l_start[k] as usize..self.l_start[k + 1] as usize {
                let xi = &mut x[self.l_row[q] as usize];
                *xi = xi.sub_mul::<false>(self.l[q], xk);
            }
        }
        for k in (0..n).rev() {
            let xk = x[k] * self.pivot_inverse[k];
            for q in self.u_start[k] as usize..self.u_start[k + 1] as usize {
                let xi = &mut x[self.u_row[q] as usize];
                *xi = xi.sub_mul::<false>(self.u[q], xk);
            }
            rhs[self.symbolic.row_of[k] as usize] = xk;
        }
        Ok(())
    }
}

/// The largest power of two that is not above a positive value, within the
/// range in which its reciprocal is normal.
fn power_of_two_below(value: f64) -> f64 {
    let exponent = ((value.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    2.0f64.powi(exponent.clamp(-1000, 1000))
}
