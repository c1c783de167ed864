//! What the two factorisations on a fixed pattern share: pivot rules, how a
//! factorisation stops, and which columns a partial refactorisation visits.

use super::{Scalar, SparseError, Symbolic};

/// A pivot of at most this share of the original diagonal is rounding noise:
/// nothing holds the row.
pub(super) const NOISE: f64 = f64::EPSILON / 8.0;

/// A pivot below this share of the original diagonal has lost so many digits
/// that the factor is accepted only after a look at the residual.
pub(super) const WEAK_PIVOT: f64 = 1e-10;

/// Entries of a column this many times larger than its pivot let rounding
/// errors grow; the factor is accepted only after a look at the residual.
pub(super) const GROWTH: f64 = 1e4;

/// Why a factorisation on the fixed pattern did not finish.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stop {
    /// Values of this permuted column differ from their mirrors, so there is
    /// no LDLᵀ.
    Unsymmetric { column: u32 },
    /// No usable pivot in this permuted column.
    Pivot { column: u32 },
}

/// The columns to compute: all, or an ascending list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Columns<'a> {
    All,
    These(&'a [u32]),
}

/// Marks of the paths to the root, kept between partial refactorisations.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    stamp: Vec<u32>,
    mark: u32,
    columns: Vec<u32>,
}

impl Paths {
    pub fn new(n: usize) -> Self {
        Paths { stamp: vec![0; n], mark: 0, columns: Vec::with_capacity(n) }
    }

    pub fn find(&mut self, s: &Symbolic, changed: &[u32]) -> Result<&[u32], SparseError> {
        if self.mark == u32::MAX {
            self.stamp.fill(0);
            self.mark = 0;
        }
        self.mark += 1;
        s.affected(changed, &mut self.stamp, self.mark, &mut self.columns)?;
        Ok(&self.columns)
    }
}

/// Judges a pivot `d` that started as `diagonal`, with `largest` the greatest
/// other entry of its column: `None` to stop, else whether it is weak.
#[inline(always)]
pub(super) fn judge<S: Scalar>(d: S, diagonal: S, largest: f64) -> Option<bool> {
    let (size, original) = (d.size(), diagonal.size());
    // The comparison is false for a pivot that is not a number.
    if size > NOISE * original && size < f64::INFINITY { Some(size < WEAK_PIVOT * original || largest > GROWTH * size) } else { None }
}
