//! LU on a symmetric pattern for matrices whose values are not symmetric
//! (phase shifters, Newton Jacobians), without pivoting.
//!
//! With L unit lower triangular, column `k` of L and row `k` of U have the
//! same pattern, that of column `k` of the symbolic L. With `j` over row `k`:
//!
//! ```text
//! u_kk       = a_kk - Σ_j l_kj u_jk
//! l_ik u_kk  = a_ik - Σ_j l_ij u_jk        i > k
//! u_ki       = a_ki - Σ_j l_kj u_ji        i > k
//! ```
//!
//! so the code is that of `ldlt` with two arrays of values at equal positions:
//! `l[q]` for entry (i, k) and `u[q]` for entry (k, i). What is said there of
//! partial refactorisation and of the solve holds here too.

use super::fixed::{Columns, Paths, Stop, judge};
use super::ldlt::{check_pattern, solve, stop_error};
use super::scalar::has_fma;
use super::{Matrix, Scalar, SparseError, Symbolic};
use num_complex::Complex64;
use std::sync::Arc;

/// An LU factor with the pivots on the diagonal. Usually reached through
/// `Factor`, which also knows what to do when a pivot fails.
#[derive(Debug, Clone)]
pub struct Lu<S = Complex64> {
    pub(super) symbolic: Arc<Symbolic>,
    pub(super) l: Vec<S>,
    pub(super) u: Vec<S>,
    pub(super) d: Vec<S>,
    pub(super) d_inverse: Vec<S>,
    weak: Vec<bool>,
    /// Dense work column and row; zero between calls.
    x: Vec<S>,
    y: Vec<S>,
    paths: Paths,
    complete: bool,
}

impl<S: Scalar> Lu<S> {
    /// Factors a matrix.
    ///
    /// # Errors
    /// `Singular` with the row whose pivot vanished. The matrix may still be
    /// regular: `Factor` then pivots. `NonFinite`; `OtherPattern`.
    pub fn new(symbolic: &Arc<Symbolic>, matrix: &Matrix<S>) -> Result<Self, SparseError> {
        let mut factor = Self::empty(symbolic);
        factor.refactor(matrix)?;
        Ok(factor)
    }

    pub(super) fn empty(symbolic: &Arc<Symbolic>) -> Self {
        let n = symbolic.order();
        Lu {
            symbolic: Arc::clone(symbolic),
            l: vec![S::ZERO; symbolic.factor_entries()],
            u: vec![S::ZERO; symbolic.factor_entries()],
            d: vec![S::ZERO; n],
            d_inverse: vec![S::ZERO; n],
            weak: vec![false; n],
            x: vec![S::ZERO; n],
            y: vec![S::ZERO; n],
            paths: Paths::new(n),
            complete: false,
        }
    }

    /// Factors other values on the same pattern, without allocation.
    ///
    /// # Errors
    /// As `new`.
    pub fn refactor(&mut self, matrix: &Matrix<S>) -> Result<(), SparseError> {
        check_pattern(&self.symbolic, matrix)?;
        self.run_all(matrix).map_err(|stop| stop_error(&self.symbolic, matrix, stop))
    }

    /// The same as `refactor` when only entries in the given rows and columns
    /// have changed since the last call, with the same bits.
    ///
    /// # Errors
    /// As `new`, and `OutOfRange`.
    pub fn refactor_changed(&mut self, matrix: &Matrix<S>, changed: &[u32]) -> Result<(), SparseError> {
        check_pattern(&self.symbolic, matrix)?;
        self.run_changed(matrix, changed)?.map_err(|stop| stop_error(&self.symbolic, matrix, stop))
    }

    pub(super) fn run_all(&mut self, matrix: &Matrix<S>) -> Result<(), Stop> {
        let done = run(
            &self.symbolic,
            matrix.values(),
            Parts {
                l: &mut self.l,
                u: &mut self.u,
                d: &mut self.d,
                d_inverse: &mut self.d_inverse,
                weak: &mut self.weak,
                x: &mut self.x,
                y: &mut self.y,
            },
            Columns::All,
        );
        self.settle(done)
    }

    pub(super) fn run_changed(&mut self, matrix: &Matrix<S>, changed: &[u32]) -> Result<Result<(), Stop>, SparseError> {
        let columns = self.paths.find(&self.symbolic, changed)?;
        if !self.complete {
            return Ok(self.run_all(matrix));
        }
        let done = run(
            &self.symbolic,
            matrix.values(),
            Parts {
                l: &mut self.l,
                u: &mut self.u,
                d: &mut self.d,
                d_inverse: &mut self.d_inverse,
                weak: &mut self.weak,
                x: &mut self.x,
                y: &mut self.y,
            },
            Columns::These(columns),
        );
        Ok(self.settle(done))
    }

    fn settle(&mut self, done: Result<(), Stop>) -> Result<(), Stop> {
        self.complete = done.is_ok();
        if done.is_err() {
            self.x.fill(S::ZERO);
            self.y.fill(S::ZERO);
        }
        done
    }

    /// Whether a pivot or a column asks for a look at the residual.
    pub(super) fn has_weak_column(&self) -> bool {
        self.weak.contains(&true)
    }

    /// Solves `A x = b`; `rhs` holds `b` before and `x` after.
    ///
    /// # Errors
    /// `Length` when `rhs` does not have the order of the matrix.
    pub fn solve_in_place(&self, rhs: &mut [S]) -> Result<(), SparseError> {
        solve(&self.symbolic, &self.l, &self.u, &self.d_inverse, false, 0, rhs)
    }
}

struct Parts<'a, S> {
    l: &'a mut [S],
    u: &'a mut [S],
    d: &'a mut [S],
    d_inverse: &'a mut [S],
    weak: &'a mut [bool],
    x: &'a mut [S],
    y: &'a mut [S],
}

fn run<S: Scalar>(s: &Symbolic, a: &[S], parts: Parts<S>, columns: Columns) -> Result<(), Stop> {
    let n = s.order();
    assert!(a.len() == s.pattern.entries());
    assert!(parts.l.len() == s.l_row.len() && parts.u.len() == s.l_row.len());
    assert!(parts.d.len() == n && parts.d_inverse.len() == n && parts.weak.len() == n);
    assert!(parts.x.len() == n && parts.y.len() == n);
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: the processor has the features; sizes are checked above.
        return unsafe { run_fma(s, a, parts, columns) };
    }
    // SAFETY: sizes are checked above.
    unsafe { run_with::<S, false>(s, a, parts, columns) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_fma<S: Scalar>(s: &Symbolic, a: &[S], parts: Parts<S>, columns: Columns) -> Result<(), Stop> {
    // SAFETY: as promised by the caller.
    unsafe { run_with::<S, true>(s, a, parts, columns) }
}

#[inline(always)]
unsafe fn run_with<S: Scalar, const FMA: bool>(s: &Symbolic, a: &[S], mut parts: Parts<S>, columns: Columns) -> Result<(), Stop> {
    match columns {
        Columns::All => {
            for k in 0..s.order() {
                // SAFETY: as promised by the caller.
                unsafe { column::<S, FMA>(s, a, &mut parts, k)? };
            }
        }
        Columns::These(list) => {
            for &k in list {
                // SAFETY: as above; `Symbolic::affected` lists columns below `n`.
                unsafe { column::<S, FMA>(s, a, &mut parts, k as usize)? };
            }
        }
    }
    Ok(())
}

/// Computes column `k` of L and row `k` of U.
///
/// # Safety
/// The slices must have the lengths that `run` asserts. All indices within
/// them come from `Symbolic`, whose constructor keeps them in range.
#[inline(always)]
unsafe fn column<S: Scalar, const FMA: bool>(s: &Symbolic, a: &[S], parts: &mut Parts<S>, k: usize) -> Result<(), Stop> {
    // SAFETY: see above.
    unsafe {
        let (l, u) = (&mut *parts.l, &mut *parts.u);
        let (x, y) = (&mut *parts.x, &mut *parts.y);
        let entries = *s.entry_start.get_unchecked(k) as usize..*s.entry_start.get_unchecked(k + 1) as usize;
        for e in s.entry.get_unchecked(entries) {
            *x.get_unchecked_mut(e.row as usize) = *a.get_unchecked(e.lower as usize);
            *y.get_unchecked_mut(e.row as usize) = *a.get_unchecked(e.upper as usize);
        }
        let diagonal = *a.get_unchecked(*s.diagonal.get_unchecked(k) as usize);
        let mut d = diagonal;
        let updates = *s.update_start.get_unchecked(k) as usize..*s.update_start.get_unchecked(k + 1) as usize;
        for update in s.update.get_unchecked(updates) {
            let first = update.position as usize;
            let end = *s.l_start.get_unchecked(update.column as usize + 1) as usize;
            let (lkj, ujk) = (*l.get_unchecked(first), *u.get_unchecked(first));
            d = d.sub_mul::<FMA>(lkj, ujk);
            for q in first + 1..end {
                let i = *s.l_row.get_unchecked(q) as usize;
                let xi = x.get_unchecked_mut(i);
                *xi = xi.sub_mul::<FMA>(*l.get_unchecked(q), ujk);
                let yi = y.get_unchecked_mut(i);
                *yi = yi.sub_mul::<FMA>(*u.get_unchecked(q), lkj);
            }
        }
        let inverse = d.reciprocal();
        let mut largest = 0.0f64;
        for q in *s.l_start.get_unchecked(k) as usize..*s.l_start.get_unchecked(k + 1) as usize {
            let i = *s.l_row.get_unchecked(q) as usize;
            let (xi, yi) = (*x.get_unchecked(i), *y.get_unchecked(i));
            *x.get_unchecked_mut(i) = S::ZERO;
            *y.get_unchecked_mut(i) = S::ZERO;
            let size = xi.size();
            largest = if size > largest { size } else { largest };
            *l.get_unchecked_mut(q) = xi * inverse;
            *u.get_unchecked_mut(q) = yi;
        }
        *parts.d.get_unchecked_mut(k) = d;
        *parts.d_inverse.get_unchecked_mut(k) = inverse;
        match judge(d, diagonal, largest) {
            Some(weak) => {
                *parts.weak.get_unchecked_mut(k) = weak;
                Ok(())
            }
            None => Err(Stop::Pivot { column: k as u32 }),
        }
    }
}
