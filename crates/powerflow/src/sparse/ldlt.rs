//! LDLᵀ of a complex-symmetric (not Hermitian) or real symmetric matrix on a
//! fixed pattern, without pivoting.
//!
//! Column `k` of `A = L D Lᵀ`, with `u_jk = d_j l_kj`, reads
//!
//! ```text
//! d_k        = a_kk - Σ_j l_kj u_jk
//! l_ik d_k   = a_ik - Σ_j l_ij u_jk        i > k
//! ```
//!
//! with `j` over row `k` of L. The factor is formed column by column from
//! finished columns on the left (*left-looking*), so that a column depends
//! only on its own entries of A and on its descendants in the elimination
//! tree. Recomputing the columns on the paths from changed columns to the root
//! therefore repeats a full factorisation bit by bit.
//!
//! The structure of each update is known beforehand: for every entry of row
//! `k` the analysis stores its place in the arrays of L; the entries after
//! that place in the same column are those that update column `k`.
//!
//! Pivots that cancel. With the row sums `e = A 1`, elimination of row `k` leaves
//! the sums `e_i - l_ik e_k`, so that with `e'` the result of the forward sweep
//! on `e`,
//!
//! ```text
//! d_k = e'_k - Σ_i u_ik          i > k
//! ```
//!
//! which does not pass through the large numbers that cancel in the diagonal.
//! Where the caller knows the row sums, a pivot that has lost more than five
//! digits is taken from them.
//!
//! L and 1/D are stored by columns. A solve is a forward sweep that scatters
//! with the columns of L and a backward sweep that gathers with the same
//! columns; both work in place on the right-hand side, because a second list
//! of row indices names the rows of L as the caller numbers them. There is no
//! permuted copy.

use super::fixed::{Columns, Paths, Stop, judge};
use super::matrix::agree;
use super::scalar::has_fma;
use super::{Matrix, Scalar, SparseError, Symbolic};
use num_complex::Complex64;
use std::any::TypeId;
use std::sync::Arc;

/// An LDLᵀ factor. Usually reached through `Factor`, which also knows what to
/// do when a pivot fails.
#[derive(Debug, Clone)]
pub struct Ldlt<S = Complex64> {
    pub(super) symbolic: Arc<Symbolic>,
    pub(super) l: Vec<S>,
    pub(super) d: Vec<S>,
    pub(super) d_inverse: Vec<S>,
    weak: Vec<bool>,
    /// Row sums after elimination, by column; zero where none are known.
    e: Vec<S>,
    /// Dense work column; zero between calls.
    x: Vec<S>,
    paths: Paths,
    complete: bool,
}

impl<S: Scalar> Ldlt<S> {
    /// Factors a matrix with symmetric values.
    ///
    /// # Errors
    /// `Singular` with the row whose pivot vanished. The matrix may still be
    /// regular: `Factor` then pivots. `Unsymmetric` with a row whose values
    /// differ from their mirrors. `NonFinite`; `OtherPattern`.
    pub fn new(symbolic: &Arc<Symbolic>, matrix: &Matrix<S>) -> Result<Self, SparseError> {
        let mut factor = Self::empty(symbolic);
        factor.refactor(matrix)?;
        Ok(factor)
    }

    pub(super) fn empty(symbolic: &Arc<Symbolic>) -> Self {
        let n = symbolic.order();
        Ldlt {
            symbolic: Arc::clone(symbolic),
            l: vec![S::ZERO; symbolic.factor_entries()],
            d: vec![S::ZERO; n],
            d_inverse: vec![S::ZERO; n],
            weak: vec![false; n],
            e: vec![S::ZERO; n],
            x: vec![S::ZERO; n],
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
    /// have changed since the last call; it visits only the columns on their
    /// paths to the root of the elimination tree and gives the same bits.
    ///
    /// # Errors
    /// As `new`, and `OutOfRange`.
    pub fn refactor_changed(&mut self, matrix: &Matrix<S>, changed: &[u32]) -> Result<(), SparseError> {
        check_pattern(&self.symbolic, matrix)?;
        self.run_changed(matrix, changed)?.map_err(|stop| stop_error(&self.symbolic, matrix, stop))
    }

    pub(super) fn run_all(&mut self, matrix: &Matrix<S>) -> Result<(), Stop> {
        run(
            &self.symbolic,
            matrix,
            Parts { l: &mut self.l, d: &mut self.d, d_inverse: &mut self.d_inverse, weak: &mut self.weak, e: &mut self.e, x: &mut self.x },
            Columns::All,
        )
        .inspect(|_| self.complete = true)
        .inspect_err(|_| {
            self.complete = false;
            self.x.fill(S::ZERO);
        })
    }

    pub(super) fn run_changed(&mut self, matrix: &Matrix<S>, changed: &[u32]) -> Result<Result<(), Stop>, SparseError> {
        let columns = self.paths.find(&self.symbolic, changed)?;
        if !self.complete {
            return Ok(self.run_all(matrix));
        }
        let done = run(
            &self.symbolic,
            matrix,
            Parts { l: &mut self.l, d: &mut self.d, d_inverse: &mut self.d_inverse, weak: &mut self.weak, e: &mut self.e, x: &mut self.x },
            Columns::These(columns),
        );
        if done.is_err() {
            self.complete = false;
            self.x.fill(S::ZERO);
        }
        Ok(done)
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
        solve(&self.symbolic, &self.l, &self.l, &self.d_inverse, true, 0, rhs)
    }
}

pub(super) fn check_pattern<S: Scalar>(s: &Symbolic, a: &Matrix<S>) -> Result<(), SparseError> {
    // Patterns are equal in content where they were built twice alike.
    if Arc::ptr_eq(&s.pattern, a.pattern()) || *s.pattern == **a.pattern() { Ok(()) } else { Err(SparseError::OtherPattern) }
}

/// Names the row of a failed column.
pub(super) fn stop_error<S: Scalar>(s: &Symbolic, a: &Matrix<S>, stop: Stop) -> SparseError {
    if let Some(row) = a.non_finite_row() {
        return SparseError::NonFinite { row };
    }
    match stop {
        Stop::Unsymmetric { column } => SparseError::Unsymmetric { row: s.row_of[column as usize] },
        Stop::Pivot { column } => SparseError::Singular { row: a.empty_row().unwrap_or(s.row_of[column as usize]) },
    }
}

struct Parts<'a, S> {
    l: &'a mut [S],
    d: &'a mut [S],
    d_inverse: &'a mut [S],
    weak: &'a mut [bool],
    e: &'a mut [S],
    x: &'a mut [S],
}

fn run<S: Scalar>(s: &Symbolic, a: &Matrix<S>, parts: Parts<S>, columns: Columns) -> Result<(), Stop> {
    let n = s.order();
    assert!(a.values().len() == s.pattern.entries() && parts.l.len() == s.l_row.len());
    assert!(parts.d.len() == n && parts.d_inverse.len() == n);
    assert!(parts.x.len() == n && parts.weak.len() == n && parts.e.len() == n);
    assert!(a.row_sums().is_none_or(|r| r.len() == n));
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
unsafe fn run_fma<S: Scalar>(s: &Symbolic, a: &Matrix<S>, parts: Parts<S>, columns: Columns) -> Result<(), Stop> {
    // SAFETY: as promised by the caller.
    unsafe { run_with::<S, true>(s, a, parts, columns) }
}

#[inline(always)]
unsafe fn run_with<S: Scalar, const FMA: bool>(s: &Symbolic, a: &Matrix<S>, mut parts: Parts<S>, columns: Columns) -> Result<(), Stop> {
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

/// A pivot below this share of the original diagonal is taken from the row sums, where they are known.
const CANCELLED: f64 = 1e-5;

/// Computes column `k`.
///
/// # Safety
/// The slices must have the lengths that `run` asserts. All indices within
/// them come from `Symbolic`, whose constructor keeps them in range.
#[inline(always)]
unsafe fn column<S: Scalar, const FMA: bool>(s: &Symbolic, matrix: &Matrix<S>, parts: &mut Parts<S>, k: usize) -> Result<(), Stop> {
    // SAFETY: see above.
    unsafe {
        let a = matrix.values();
        let sums = matrix.row_sums();
        let l = &mut *parts.l;
        let x = &mut *parts.x;
        let mut e = sums.map_or(S::ZERO, |r| *r.get_unchecked(*s.row_of.get_unchecked(k) as usize));
        let mut unsymmetric = false;
        let entries = *s.entry_start.get_unchecked(k) as usize..*s.entry_start.get_unchecked(k + 1) as usize;
        for entry in s.entry.get_unchecked(entries) {
            let value = *a.get_unchecked(entry.upper as usize);
            let mirrored = *a.get_unchecked(entry.lower as usize);
            if value != mirrored {
                unsymmetric |= !agree(value, mirrored);
            }
            *x.get_unchecked_mut(entry.row as usize) = value;
        }
        let diagonal = *a.get_unchecked(*s.diagonal.get_unchecked(k) as usize);
        if unsymmetric {
            // A value that is not a number differs from itself.
            return Err(Stop::Unsymmetric { column: k as u32 });
        }
        let mut d = diagonal;
        let updates = *s.update_start.get_unchecked(k) as usize..*s.update_start.get_unchecked(k + 1) as usize;
        for u in s.update.get_unchecked(updates) {
            let (j, first) = (u.column as usize, u.position as usize);
            let end = *s.l_start.get_unchecked(j + 1) as usize;
            let lkj = *l.get_unchecked(first);
            let ujk = lkj * *parts.d.get_unchecked(j);
            d = d.sub_mul::<FMA>(lkj, ujk);
            e = e.sub_mul::<FMA>(lkj, *parts.e.get_unchecked(j));
            for q in first + 1..end {
                let xi = x.get_unchecked_mut(*s.l_row.get_unchecked(q) as usize);
                *xi = xi.sub_mul::<FMA>(*l.get_unchecked(q), ujk);
            }
        }
        let below = *s.l_start.get_unchecked(k) as usize..*s.l_start.get_unchecked(k + 1) as usize;
        *parts.e.get_unchecked_mut(k) = e;
        if sums.is_some() && d.size() < CANCELLED * diagonal.size() {
            d = e;
            for q in below.clone() {
                d = d - *x.get_unchecked(*s.l_row.get_unchecked(q) as usize);
            }
        }
        let inverse = d.reciprocal();
        let mut largest = 0.0f64;
        for q in below {
            let xi = x.get_unchecked_mut(*s.l_row.get_unchecked(q) as usize);
            let value = *xi;
            *xi = S::ZERO;
            let size = value.size();
            largest = if size > largest { size } else { largest };
            *l.get_unchecked_mut(q) = value * inverse;
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

/// Forward sweep with `l`, division, backward sweep with `u`, all by columns
/// of the pattern of L. `unit_upper` says whether the rows of U were divided
/// by their diagonal (LDLᵀ) or not (LU).
///
/// Columns before `from` are left out of both sweeps: with `from` 0 it solves, with the number of leading rows it solves for the
/// trailing rows of a right-hand side that is zero before them.
pub(super) fn solve<S: Scalar>(
    s: &Symbolic,
    l: &[S],
    u: &[S],
    d_inverse: &[S],
    unit_upper: bool,
    from: usize,
    rhs: &mut [S],
) -> Result<(), SparseError> {
    let n = s.order();
    assert!(from <= n);
    if rhs.len() != n {
        return Err(SparseError::Length { expected: n, got: rhs.len() });
    }
    assert!(l.len() == s.l_row.len() && u.len() == s.l_row.len() && d_inverse.len() == n);
    let x = rhs;
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: the processor has the features; sizes are checked above.
        unsafe {
            if TypeId::of::<S>() == TypeId::of::<Complex64>() {
                // The same slices under their own type.
                let of = |a: &[S]| std::slice::from_raw_parts(a.as_ptr().cast::<Complex64>(), a.len());
                let x = std::slice::from_raw_parts_mut(x.as_mut_ptr().cast::<Complex64>(), n);
                if unit_upper {
                    solve_complex::<true>(s, of(l), of(u), of(d_inverse), from, x);
                } else {
                    solve_complex::<false>(s, of(l), of(u), of(d_inverse), from, x);
                }
            } else if unit_upper {
                solve_fma::<S, true>(s, l, u, d_inverse, from, x);
            } else {
                solve_fma::<S, false>(s, l, u, d_inverse, from, x);
            }
        }
        return Ok(());
    }
    // SAFETY: sizes are checked above.
    unsafe {
        if unit_upper {
            solve_with::<S, true, false>(s, l, u, d_inverse, from, x);
        } else {
            solve_with::<S, false, false>(s, l, u, d_inverse, from, x);
        }
    }
    Ok(())
}

/// Fills in the leading rows of a solution whose trailing rows are known and whose right-hand side is zero in the leading ones.
pub(super) fn complete<S: Scalar>(s: &Symbolic, u: &[S], d_inverse: &[S], unit_upper: bool, x: &mut [S]) -> Result<(), SparseError> {
    let n = s.order();
    if x.len() != n {
        return Err(SparseError::Length { expected: n, got: x.len() });
    }
    assert!(u.len() == s.l_row.len() && d_inverse.len() == n);
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: the processor has the features; sizes are checked above.
        unsafe { complete_fma(s, u, d_inverse, unit_upper, x) };
        return Ok(());
    }
    // SAFETY: sizes are checked above.
    unsafe { complete_with::<S, false>(s, u, d_inverse, unit_upper, x) };
    Ok(())
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn complete_fma<S: Scalar>(s: &Symbolic, u: &[S], d_inverse: &[S], unit_upper: bool, x: &mut [S]) {
    // SAFETY: as promised by the caller.
    unsafe { complete_with::<S, true>(s, u, d_inverse, unit_upper, x) }
}

/// # Safety
/// Slices must have the lengths that `complete` checks.
#[inline(always)]
unsafe fn complete_with<S: Scalar, const FMA: bool>(s: &Symbolic, u: &[S], d_inverse: &[S], unit_upper: bool, x: &mut [S]) {
    // SAFETY: `row_of` is a permutation of 0..n, `l_caller_row` is below n and `l_start` ends at its length.
    unsafe {
        let mut end = *s.l_start.get_unchecked(s.leading) as usize;
        for k in (0..s.leading).rev() {
            let first = *s.l_start.get_unchecked(k) as usize;
            // Two sums, so that one product need not wait for the one before.
            let (mut even, mut odd) = (S::ZERO, S::ZERO);
            let mut q = first;
            while q + 1 < end {
                even = even.sub_mul::<FMA>(*u.get_unchecked(q), *x.get_unchecked(*s.l_caller_row.get_unchecked(q) as usize));
                odd = odd.sub_mul::<FMA>(*u.get_unchecked(q + 1), *x.get_unchecked(*s.l_caller_row.get_unchecked(q + 1) as usize));
                q += 2;
            }
            if q < end {
                even = even.sub_mul::<FMA>(*u.get_unchecked(q), *x.get_unchecked(*s.l_caller_row.get_unchecked(q) as usize));
            }
            let sum = even + odd;
            *x.get_unchecked_mut(*s.row_of.get_unchecked(k) as usize) = if unit_upper { sum } else { sum * *d_inverse.get_unchecked(k) };
            end = first;
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn solve_fma<S: Scalar, const UNIT: bool>(s: &Symbolic, l: &[S], u: &[S], d_inverse: &[S], from: usize, x: &mut [S]) {
    // SAFETY: as promised by the caller.
    unsafe { solve_with::<S, UNIT, true>(s, l, u, d_inverse, from, x) }
}

/// The sweeps of [`solve_with`] on complex numbers as pairs of lanes.
///
/// `a b = a.re (b.re, b.im) + a.im (-b.im, b.re)`, so that with the two vectors of `b` at hand a product is two fused
/// multiplications by a repeated part of `a`, and nothing is shuffled: forward, `b` is the column's own value; backward,
/// the sums over `a.re` and `a.im` are put together once a column.
///
/// # Safety
/// As [`solve_with`], on a processor with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn solve_complex<const UNIT: bool>(
    s: &Symbolic,
    l: &[Complex64],
    u: &[Complex64],
    d_inverse: &[Complex64],
    from: usize,
    x: &mut [Complex64],
) {
    use std::arch::x86_64::{
        __m128d, _mm_addsub_pd, _mm_fmadd_pd, _mm_fnmadd_pd, _mm_loaddup_pd, _mm_loadu_pd, _mm_mul_pd, _mm_setzero_pd, _mm_shuffle_pd,
        _mm_storeu_pd, _mm_sub_pd,
    };
    /// `a b`.
    #[inline(always)]
    unsafe fn times(a: *const f64, b: __m128d) -> __m128d {
        // SAFETY: `a` points at a complex number.
        unsafe {
            let by_im = _mm_mul_pd(_mm_loaddup_pd(a.add(1)), _mm_shuffle_pd::<1>(b, b));
            _mm_addsub_pd(_mm_mul_pd(_mm_loaddup_pd(a), b), by_im)
        }
    }
    let n = s.order();
    let x = x.as_mut_ptr().cast::<f64>();
    let at = |a: &[Complex64], k: usize| unsafe { a.as_ptr().add(k).cast::<f64>() };
    // SAFETY: `row_of` is a permutation of 0..n, `l_caller_row` is below n and `l_start` ends at its length.
    unsafe {
        let mut first = *s.l_start.get_unchecked(from) as usize;
        for k in from..n {
            let end = *s.l_start.get_unchecked(k + 1) as usize;
            let xk = _mm_loadu_pd(x.add(2 * *s.row_of.get_unchecked(k) as usize));
            // i times xk: the two parts change places and the new real one its sign.
            let turned = _mm_addsub_pd(_mm_setzero_pd(), _mm_shuffle_pd::<1>(xk, xk));
            for q in first..end {
                let a = at(l, q);
                let xi = x.add(2 * *s.l_caller_row.get_unchecked(q) as usize);
                let less = _mm_fnmadd_pd(_mm_loaddup_pd(a), xk, _mm_loadu_pd(xi));
                _mm_storeu_pd(xi, _mm_fnmadd_pd(_mm_loaddup_pd(a.add(1)), turned, less));
            }
            first = end;
        }
        let mut end = s.l_caller_row.len();
        for k in (from..n).rev() {
            let first = *s.l_start.get_unchecked(k) as usize;
            let own = x.add(2 * *s.row_of.get_unchecked(k) as usize);
            let mut xk = _mm_loadu_pd(own);
            if UNIT {
                xk = times(at(d_inverse, k), xk);
            }
            let (mut by_re, mut by_im) = (_mm_setzero_pd(), _mm_setzero_pd());
            for q in first..end {
                let a = at(u, q);
                let xi = _mm_loadu_pd(x.add(2 * *s.l_caller_row.get_unchecked(q) as usize));
                by_re = _mm_fmadd_pd(_mm_loaddup_pd(a), xi, by_re);
                by_im = _mm_fmadd_pd(_mm_loaddup_pd(a.add(1)), xi, by_im);
            }
            xk = _mm_sub_pd(xk, _mm_addsub_pd(by_re, _mm_shuffle_pd::<1>(by_im, by_im)));
            if !UNIT {
                xk = times(at(d_inverse, k), xk);
            }
            _mm_storeu_pd(own, xk);
            end = first;
        }
    }
}

/// # Safety
/// Slices must have the lengths that `solve` checks.
#[inline(always)]
unsafe fn solve_with<S: Scalar, const UNIT: bool, const FMA: bool>(
    s: &Symbolic,
    l: &[S],
    u: &[S],
    d_inverse: &[S],
    from: usize,
    x: &mut [S],
) {
    let n = s.order();
    // SAFETY: `row_of` is a permutation of 0..n, `l_caller_row` is below n and
    // `l_start` ends at its length.
    unsafe {
        let mut first = *s.l_start.get_unchecked(from) as usize;
        for k in from..n {
            let end = *s.l_start.get_unchecked(k + 1) as usize;
            let xk = *x.get_unchecked(*s.row_of.get_unchecked(k) as usize);
            for q in first..end {
                let xi = x.get_unchecked_mut(*s.l_caller_row.get_unchecked(q) as usize);
                *xi = xi.sub_mul::<FMA>(*l.get_unchecked(q), xk);
            }
            first = end;
        }
        let mut end = s.l_caller_row.len();
        for k in (from..n).rev() {
            let first = *s.l_start.get_unchecked(k) as usize;
            let row = *s.row_of.get_unchecked(k) as usize;
            let mut xk = *x.get_unchecked(row);
            if UNIT {
                xk = xk * *d_inverse.get_unchecked(k);
            }
            for q in first..end {
                let xi = *x.get_unchecked(*s.l_caller_row.get_unchecked(q) as usize);
                xk = xk.sub_mul::<FMA>(*u.get_unchecked(q), xi);
            }
            if !UNIT {
                xk = xk * *d_inverse.get_unchecked(k);
            }
            *x.get_unchecked_mut(row) = xk;
            end = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;
    use super::*;

    #[test]
    fn portable_code_agrees_with_the_dispatched_code() {
        // A ring of 50 nodes with chords.
        let n = 50u32;
        let chords = (0..n).flat_map(|i| [(i, (i + 1) % n), (i, (i * 7 + 3) % n)]);
        let pattern = Arc::new(Pattern::new(n, chords).unwrap());
        let symbolic = Arc::new(Symbolic::new(&pattern).unwrap());
        let mut matrix = Matrix::zeros(&pattern);
        for i in 0..n {
            for &j in pattern.row(i) {
                let value = if i == j { Complex64::new(9.0, -2.0 - i as f64) } else { Complex64::new(-1.0, (i + j) as f64 / 99.0) };
                matrix.add(i, j, value).unwrap();
            }
        }
        let dispatched = Ldlt::new(&symbolic, &matrix).unwrap();
        let mut portable = Ldlt::empty(&symbolic);
        let parts = Parts {
            e: &mut portable.e,
            l: &mut portable.l,
            d: &mut portable.d,
            d_inverse: &mut portable.d_inverse,
            weak: &mut portable.weak,
            x: &mut portable.x,
        };
        // SAFETY: `empty` made every slice for this analysis.
        unsafe { run_with::<_, false>(&symbolic, &matrix, parts, Columns::All) }.unwrap();
        let b: Vec<_> = (0..n).map(|i| Complex64::new(i as f64, 1.0)).collect();
        let (mut x, mut y) = (b.clone(), b.clone());
        dispatched.solve_in_place(&mut x).unwrap();
        // SAFETY: as above, and `y` has the order of the matrix.
        unsafe { solve_with::<_, true, false>(&symbolic, &portable.l, &portable.l, &portable.d_inverse, 0, &mut y) };
        for (x, y) in x.iter().zip(&y) {
            assert!((x - y).norm() < 1e-13 * (1.0 + x.norm()));
        }
        assert!(matrix.backward_error(&y, &b).unwrap() < 1e-14);
    }
}
