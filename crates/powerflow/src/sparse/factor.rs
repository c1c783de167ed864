//! The one type callers use: it picks the method and guards its accuracy.
//!
//! 1. Symmetric values: LDLᵀ; else LU on the same pattern. Both keep the
//!    pivots on the diagonal, which is right for admittance matrices, whose
//!    diagonals dominate apart from capacitors and tiny earth couplings.
//! 2. A pivot that is rounding noise against the original diagonal stops the
//!    factorisation. A weak pivot or a column much larger than its pivot asks
//!    for a look at the backward error of one solution, and so does the first
//!    factorisation on a pattern.
//! 3. Where either of these fails, LU with row pivoting decides whether the
//!    matrix is singular.
//!
//! The outcome depends on the matrix alone: every refactorisation begins again
//! with step 1, whatever method its predecessor ended with.

use super::fixed::Stop;
use super::lanes::{Triangles, complete_many, solve_many, solve_trailing_many};
use super::ldlt::{self, check_pattern};
use super::{Lanes, Ldlt, Lu, Matrix, PivotLu, Scalar, SparseError, Symbolic, Work};
use num_complex::Complex64;
use std::sync::Arc;

/// Componentwise backward error up to which an unpivoted factor is accepted.
const BACKWARD_ERROR_LIMIT: f64 = 1e-10;

/// Refinement steps that `solve_refined` takes at most.
const REFINEMENT_STEPS: usize = 5;

/// How a matrix was factored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Symmetric values, pivots on the diagonal.
    Ldlt,
    /// Unsymmetric values, pivots on the diagonal.
    Lu,
    /// Row pivoting.
    PivotLu,
}

/// What a factor has to report on its accuracy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    pub method: Method,
    /// Componentwise backward error of a test solution; about 1e-16 at best.
    pub backward_error: f64,
    /// The smallest ratio of a pivot to the diagonal it started from, and its
    /// row in the caller's numbering. A ratio of 1e-12 says that 12 digits
    /// cancelled: the row hangs on almost nothing. `None` after row pivoting.
    pub weakest: Option<(f64, u32)>,
}

/// A factored matrix, ready to solve. `Clone` copies the values and shares the
/// analysis.
#[derive(Debug, Clone)]
pub struct Factor<S = Complex64> {
    symbolic: Arc<Symbolic>,
    /// Which of the three below is valid; `None` after a failure.
    method: Option<Method>,
    ldlt: Option<Ldlt<S>>,
    lu: Option<Lu<S>>,
    pivot: Option<PivotLu<S>>,
    check: Work<S>,
}

/// Factors a matrix: the same as `Factor::new`.
///
/// # Errors
/// As `Factor::new`.
pub fn factor<S: Scalar>(symbolic: &Arc<Symbolic>, matrix: &Matrix<S>) -> Result<Factor<S>, SparseError> {
    Factor::new(symbolic, matrix)
}

impl<S: Scalar> Factor<S> {
    /// Factors a matrix on the pattern of an analysis.
    ///
    /// # Errors
    /// `Singular` and `NonFinite` with the row at fault in the caller's
    /// numbering; `OtherPattern` when `matrix` does not belong to `symbolic`;
    /// `TooLarge` when row pivoting fills in beyond 32-bit indices.
    pub fn new(symbolic: &Arc<Symbolic>, matrix: &Matrix<S>) -> Result<Self, SparseError> {
        let mut factor = Factor { symbolic: Arc::clone(symbolic), method: None, ldlt: None, lu: None, pivot: None, check: Work::new() };
        factor.compute(matrix, None, true)?;
        Ok(factor)
    }

    /// Factors other values on the same pattern. Allocates only when the
    /// method changes or while pivoting. After an error there is no factor:
    /// solves return `NotFactored` until a refactorisation succeeds.
    ///
    /// # Errors
    /// As `new`.
    pub fn refactor(&mut self, matrix: &Matrix<S>) -> Result<(), SparseError> {
        self.compute(matrix, None, false)
    }

    /// The same as `refactor` when only entries in the given rows and columns
    /// (caller's numbering, any order, repeats allowed) differ from the matrix
    /// of the last factorisation. It recomputes only the columns on their
    /// paths to the root of the elimination tree and gives the same bits as
    /// `refactor`. Naming either end of a changed entry is enough.
    ///
    /// # Errors
    /// As `new`, and `OutOfRange` for a row outside the matrix, which leaves
    /// the factor as it was.
    pub fn refactor_changed(&mut self, matrix: &Matrix<S>, changed: &[u32]) -> Result<(), SparseError> {
        self.compute(matrix, Some(changed), false)
    }

    fn compute(&mut self, matrix: &Matrix<S>, changed: Option<&[u32]>, first: bool) -> Result<(), SparseError> {
        check_pattern(&self.symbolic, matrix)?;
        let order = self.symbolic.order() as u32;
        if let Some(&row) = changed.unwrap_or(&[]).iter().find(|&&i| i >= order) {
            return Err(SparseError::OutOfRange { row, column: row, order });
        }
        let before = self.method.take();
        // LDLᵀ finds out about asymmetry as it goes; only a matrix that was
        // not symmetric before, or a new one, is looked at beforehand.
        let mut symmetric = before == Some(Method::Ldlt) || matrix.is_symmetric();
        if symmetric {
            let symbolic = &self.symbolic;
            let ldlt = self.ldlt.get_or_insert_with(|| Ldlt::empty(symbolic));
            let done = match changed {
                Some(changed) if before == Some(Method::Ldlt) => ldlt.run_changed(matrix, changed)?,
                _ => ldlt.run_all(matrix),
            };
            let weak = ldlt.has_weak_column();
            match done {
                Ok(()) => {
                    self.method = Some(Method::Ldlt);
                    if !(first || weak) || self.is_accurate(matrix)? {
                        return Ok(());
                    }
                }
                Err(Stop::Unsymmetric { .. }) => symmetric = false,
                // A pivot may fail before the first unsymmetric column.
                Err(Stop::Pivot { .. }) => symmetric = matrix.is_symmetric(),
            }
        }
        if !symmetric {
            let symbolic = &self.symbolic;
            let lu = self.lu.get_or_insert_with(|| Lu::empty(symbolic));
            let done = match changed {
                Some(changed) if before == Some(Method::Lu) => lu.run_changed(matrix, changed)?,
                _ => lu.run_all(matrix),
            };
            let weak = lu.has_weak_column();
            if done.is_ok() {
                self.method = Some(Method::Lu);
                if !(first || weak) || self.is_accurate(matrix)? {
                    return Ok(());
                }
            }
        }
        self.method = None;
        match &mut self.pivot {
            Some(pivot) => pivot.refactor(matrix)?,
            None => self.pivot = Some(PivotLu::new(&self.symbolic, matrix)?),
        }
        self.method = Some(Method::PivotLu);
        Ok(())
    }

    fn is_accurate(&mut self, matrix: &Matrix<S>) -> Result<bool, SparseError> {
        let mut work = std::mem::take(&mut self.check);
        let error = self.test_error(matrix, &mut work);
        self.check = work;
        Ok(error? <= BACKWARD_ERROR_LIMIT)
    }

    /// Backward error of the solution whose exact values are of size one and
    /// have no regularity of sign. (A right-hand side chosen directly, say in
    /// proportion to the diagonal, can miss the rows that matter.)
    fn test_error(&self, matrix: &Matrix<S>, work: &mut Work<S>) -> Result<f64, SparseError> {
        let mut b = std::mem::take(&mut work.b);
        let mut x = std::mem::take(&mut work.r);
        x.clear();
        let mut bits = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..matrix.order() {
            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            let size = 0.5 + (bits >> 12) as f64 / (1u64 << 53) as f64;
            x.push(S::ONE.scale(if bits & 1 == 0 { size } else { -size }));
        }
        b.clear();
        b.resize(x.len(), S::ZERO);
        matrix.mul(&x, &mut b)?;
        x.copy_from_slice(&b);
        let error = self.solve_in_place(&mut x, work).and_then(|()| matrix.backward_error(&x, &b));
        work.b = b;
        work.r = x;
        error
    }

    pub fn symbolic(&self) -> &Arc<Symbolic> {
        &self.symbolic
    }

    /// The method in use; `None` after a failed refactorisation.
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// Reports how accurate the factor of `matrix` is. Costs a few solves.
    ///
    /// # Errors
    /// `NotFactored`, `OtherPattern`.
    pub fn quality(&self, matrix: &Matrix<S>) -> Result<Quality, SparseError> {
        check_pattern(&self.symbolic, matrix)?;
        let method = self.method.ok_or(SparseError::NotFactored)?;
        let pivots = match method {
            Method::Ldlt => self.ldlt.as_ref().map(|f| &f.d),
            Method::Lu => self.lu.as_ref().map(|f| &f.d),
            Method::PivotLu => None,
        };
        let mut weakest: Option<(f64, u32)> = None;
        for (k, d) in pivots.into_iter().flatten().enumerate() {
            let original = matrix.values()[self.symbolic.diagonal[k] as usize].size();
            let ratio = d.size() / original;
            if weakest.is_none_or(|(least, _)| ratio < least) {
                weakest = Some((ratio, self.symbolic.row_of[k]));
            }
        }
        Ok(Quality { method, backward_error: self.test_error(matrix, &mut Work::new())?, weakest })
    }

    /// Solves `A x = b`; `rhs` holds `b` before and `x` after, both in the
    /// caller's numbering.
    ///
    /// # Errors
    /// `Length` when `rhs` does not have the order of the matrix,
    /// `NotFactored` after a failed refactorisation.
    pub fn solve_in_place(&self, rhs: &mut [S], work: &mut Work<S>) -> Result<(), SparseError> {
        match (self.method, &self.ldlt, &self.lu, &self.pivot) {
            (Some(Method::Ldlt), Some(f), _, _) => f.solve_in_place(rhs),
            (Some(Method::Lu), _, Some(f), _) => f.solve_in_place(rhs),
            (Some(Method::PivotLu), _, _, Some(f)) => f.solve_in_place(rhs, work),
            _ => Err(SparseError::NotFactored),
        }
    }

    /// Whether [`Factor::solve_trailing`] can be used: not after row pivoting, which mixes the rows.
    pub fn has_trailing(&self) -> bool {
        matches!(self.method, Some(Method::Ldlt | Method::Lu))
    }

    /// Solves for the rows behind the leading ones of the analysis, where `rhs` is zero in the leading rows; what the leading rows hold is
    /// neither read nor written. [`Factor::complete`] fills them in.
    ///
    /// # Errors
    /// As `solve_in_place`; `NotFactored` also after row pivoting.
    pub fn solve_trailing(&self, rhs: &mut [S]) -> Result<(), SparseError> {
        let s = &*self.symbolic;
        match (self.method, &self.ldlt, &self.lu) {
            (Some(Method::Ldlt), Some(f), _) => ldlt::solve(s, &f.l, &f.l, &f.d_inverse, true, s.leading, rhs),
            (Some(Method::Lu), _, Some(f)) => ldlt::solve(s, &f.l, &f.u, &f.d_inverse, false, s.leading, rhs),
            _ => Err(SparseError::NotFactored),
        }
    }

    /// Fills in the leading rows of what [`Factor::solve_trailing`] gave.
    ///
    /// # Errors
    /// As [`Factor::solve_trailing`].
    pub fn complete(&self, x: &mut [S]) -> Result<(), SparseError> {
        let s = &*self.symbolic;
        match (self.method, &self.ldlt, &self.lu) {
            (Some(Method::Ldlt), Some(f), _) => ldlt::complete(s, &f.l, &f.d_inverse, true, x),
            (Some(Method::Lu), _, Some(f)) => ldlt::complete(s, &f.u, &f.d_inverse, false, x),
            _ => Err(SparseError::NotFactored),
        }
    }

    /// Solves `A x = b` with iterative refinement: the residual of the
    /// solution is solved for and added until the componentwise backward error
    /// no longer halves. `matrix` must be the one that was factored (or one
    /// close to it, of which `self` is then a preconditioner). Returns the
    /// backward error reached.
    ///
    /// # Errors
    /// As `solve_in_place`; `OtherPattern`.
    pub fn solve_refined(&self, matrix: &Matrix<S>, rhs: &mut [S], work: &mut Work<S>) -> Result<f64, SparseError> {
        check_pattern(&self.symbolic, matrix)?;
        matrix.check_length(rhs)?;
        let b = rhs.to_vec();
        let mut r = vec![S::ZERO; b.len()];
        let mut best = vec![S::ZERO; b.len()];
        self.solve_in_place(rhs, work)?;
        let mut error = matrix.backward_error(rhs, &b)?;
        for _ in 0..REFINEMENT_STEPS {
            // Also stops on infinity: a step from there leads nowhere.
            if !(error > f64::EPSILON / 2.0 && error < f64::INFINITY) {
                break;
            }
            best.copy_from_slice(rhs);
            matrix.residual(rhs, &b, &mut r)?;
            self.solve_in_place(&mut r, work)?;
            for (x, &dx) in rhs.iter_mut().zip(&r) {
                *x = *x + dx;
            }
            let after = matrix.backward_error(rhs, &b)?;
            if after >= error {
                rhs.copy_from_slice(&best);
                break;
            }
            let halved = after <= 0.5 * error;
            error = after;
            if !halved {
                break;
            }
        }
        Ok(error)
    }
}

impl Factor<Complex64> {
    /// The factor for the kernels of lanes; `None` after row pivoting.
    fn triangles(&self) -> Option<Triangles<'_>> {
        let symbolic = &*self.symbolic;
        match (self.method, &self.ldlt, &self.lu) {
            (Some(Method::Ldlt), Some(f), _) => Some(Triangles { symbolic, l: &f.l, u: &f.l, d_inverse: &f.d_inverse, unit_upper: true }),
            (Some(Method::Lu), _, Some(f)) => Some(Triangles { symbolic, l: &f.l, u: &f.u, d_inverse: &f.d_inverse, unit_upper: false }),
            _ => None,
        }
    }

    /// As [`Factor::solve_trailing`] for `K` right-hand sides side by side. Row `i` of `rhs` is the row that is eliminated as number `leading + i`.
    ///
    /// # Errors
    /// As [`Factor::solve_trailing`].
    pub fn solve_trailing_many<const K: usize>(&self, rhs: &mut [Lanes<K>]) -> Result<(), SparseError> {
        solve_trailing_many(self.triangles().ok_or(SparseError::NotFactored)?, rhs)
    }

    /// As [`Factor::complete`] for `K` solutions side by side, rows in the order of their elimination.
    ///
    /// # Errors
    /// As [`Factor::solve_trailing`].
    pub fn complete_many<const K: usize>(&self, x: &mut [Lanes<K>]) -> Result<(), SparseError> {
        complete_many(self.triangles().ok_or(SparseError::NotFactored)?, x)
    }

    /// Solves for `K` right-hand sides side by side. Row `i` of `rhs` holds
    /// the `K` values of the caller's row `i`.
    ///
    /// # Errors
    /// As `solve_in_place`.
    pub fn solve_many<const K: usize>(&self, rhs: &mut [Lanes<K>], work: &mut Work) -> Result<(), SparseError> {
        match (self.triangles(), self.method) {
            (Some(triangles), _) => solve_many(triangles, rhs),
            // Row pivoting is the rare way out, taken one lane at a time.
            (None, Some(Method::PivotLu)) => {
                let mut x = Vec::with_capacity(rhs.len());
                for lane in 0..K {
                    x.clear();
                    x.extend(rhs.iter().map(|row| row.get(lane)));
                    self.solve_in_place(&mut x, work)?;
                    for (row, &value) in rhs.iter_mut().zip(&x) {
                        row.set(lane, value);
                    }
                }
                Ok(())
            }
            _ => Err(SparseError::NotFactored),
        }
    }
}
