//! Entries of an inverse where the factor has entries.
//!
//! From `A = L D Lᵀ` follows `Z = A⁻¹ = D⁻¹ L⁻¹ + (1 - Lᵀ) Z`, of which the lower triangle of the first term is `D⁻¹` alone. So, with the
//! rows `i`, `k` of column `j` of L and columns taken from the last,
//!
//! ```text
//! z_ij = - Σ_k z_ik l_kj             i > j, k > j
//! z_jj = 1/d_j - Σ_k l_kj z_kj
//! ```
//!
//! needs no entry of Z outside the pattern of L + Lᵀ: two rows of one column of L always meet in a later column. That gives every variance,
//! and every covariance of neighbours, at about the price of a factorisation. Source: Takahashi, Fagan and Chen, *Formation of a sparse bus
//! impedance matrix and its application to short circuit study*, PICA 1973; Erisman and Tinney, *Comm. ACM* 18 (1975).

use super::{Ldlt, Symbolic};
use std::sync::Arc;

const ABSENT: u32 = u32::MAX;

/// Entries of the inverse of a real symmetric matrix on the pattern of its factor.
#[derive(Debug, Clone)]
pub struct SelectedInverse {
    symbolic: Arc<Symbolic>,
    diagonal: Vec<f64>,
    /// Below the diagonal, at the places of the entries of L.
    lower: Vec<f64>,
}

impl SelectedInverse {
    /// Inverts a factored matrix where its factor has entries. Cost as of the factorisation.
    ///
    /// A factor that failed gives values that are not finite.
    pub fn new(factor: &Ldlt<f64>) -> Self {
        let s = &factor.symbolic;
        let n = s.order();
        let mut diagonal = vec![0.0; n];
        let mut lower = vec![0.0; s.l_row.len()];
        // Place of a row in the column at hand, and the sums of that column.
        let mut place = vec![ABSENT; n];
        let mut sum: Vec<f64> = Vec::new();
        for j in (0..n).rev() {
            let range = s.l_start[j] as usize..s.l_start[j + 1] as usize;
            let (rows, l) = (&s.l_row[range.clone()], &factor.l[range.clone()]);
            sum.clear();
            sum.resize(rows.len(), 0.0);
            for (at, &row) in rows.iter().enumerate() {
                place[row as usize] = at as u32;
            }
            for (at, &k) in rows.iter().enumerate() {
                let k = k as usize;
                sum[at] += diagonal[k] * l[at];
                for q in s.l_start[k] as usize..s.l_start[k + 1] as usize {
                    let other = place[s.l_row[q] as usize];
                    if other != ABSENT {
                        sum[other as usize] += lower[q] * l[at];
                        sum[at] += lower[q] * l[other as usize];
                    }
                }
            }
            let mut own = factor.d_inverse[j];
            for (at, &row) in rows.iter().enumerate() {
                place[row as usize] = ABSENT;
                lower[range.start + at] = -sum[at];
                own += l[at] * sum[at];
            }
            diagonal[j] = own;
        }
        Self { symbolic: Arc::clone(s), diagonal, lower }
    }

    /// Entry (`row`, `row`) of the inverse, in the caller's numbering.
    pub fn diagonal(&self, row: u32) -> f64 {
        self.diagonal[self.symbolic.position_of[row as usize] as usize]
    }

    /// Entry (`row`, `column`) of the inverse, in the caller's numbering; `None` outside the pattern of the factor.
    pub fn get(&self, row: u32, column: u32) -> Option<f64> {
        let s = &self.symbolic;
        let (a, b) = (s.position_of[row as usize], s.position_of[column as usize]);
        let (low, high) = (a.min(b), a.max(b));
        if low == high {
            return Some(self.diagonal[low as usize]);
        }
        let start = s.l_start[low as usize] as usize;
        let rows = &s.l_row[start..s.l_start[low as usize + 1] as usize];
        rows.binary_search(&high).ok().map(|at| self.lower[start + at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sparse::{Matrix, Pattern};

    /// A ring with spokes: every entry that the factor has must be that of the dense inverse.
    #[test]
    fn entries_are_those_of_the_whole_inverse() -> Result<(), crate::sparse::SparseError> {
        let n = 12u32;
        let mut entries: Vec<(u32, u32)> = (0..n).map(|i| (i, (i + 1) % n)).collect();
        entries.extend([(0, 5), (2, 9), (3, 7)]);
        let pattern = Arc::new(Pattern::new(n, entries.iter().copied())?);
        let mut matrix = Matrix::<f64>::zeros(&pattern);
        for i in 0..n {
            // Signs change, as in the matrices of estimation.
            matrix.add(i, i, if i % 3 == 0 { -4.0 - f64::from(i) } else { 5.0 + f64::from(i) })?;
        }
        for (k, &(i, j)) in entries.iter().enumerate() {
            let value = 0.3 + 0.1 * k as f64;
            matrix.add(i, j, value)?;
            matrix.add(j, i, value)?;
        }
        let symbolic = Arc::new(Symbolic::new(&pattern)?);
        let factor = Ldlt::new(&symbolic, &matrix)?;
        let inverse = SelectedInverse::new(&factor);
        let mut seen = 0;
        for j in 0..n {
            let mut column = vec![0.0; n as usize];
            column[j as usize] = 1.0;
            factor.solve_in_place(&mut column)?;
            for i in 0..n {
                if let Some(value) = inverse.get(i, j) {
                    seen += 1;
                    assert!((value - column[i as usize]).abs() < 1e-13, "({i}, {j}): {value} against {}", column[i as usize]);
                }
            }
        }
        // The pattern of the matrix at least.
        assert!(seen >= pattern.entries(), "{seen} of {}", pattern.entries());
        Ok(())
    }
}
