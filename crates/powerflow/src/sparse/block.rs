//! LU of matrices of real 2 by 2 blocks on a symmetric pattern, without pivoting between blocks.
//!
//! The Jacobian of a balanced power flow has one block a pair of neighbouring buses: active and reactive balance over angle and
//! magnitude. Kept as blocks, its pattern is that of the admittance matrix, so the analysis has a quarter of the entries of the
//! scalar matrix, every index serves eight multiply-adds, and a bus whose voltage or angle is held is a row of the identity rather than
//! another pattern. With L unit lower triangular in blocks and `j` over block row `k`:
//!
//! ```text
//! u_kk       = a_kk - Σ_j l_kj u_jk
//! l_ik u_kk  = a_ik - Σ_j l_ij u_jk        i > k
//! u_ki       = a_ki - Σ_j l_kj u_ji        i > k
//! ```
//!
//! as in `lu`, but products do not commute. A diagonal block is inverted whole, whichever of its entries is
//! large, and there is no pivoting beyond. It suffices where the diagonal blocks carry weight, as those of a power flow do away from
//! collapse; what it leaves wrong shows in the mismatch of the next iteration.

use super::scalar::has_fma;
use super::{Pattern, SparseError, Symbolic};
use std::sync::Arc;

/// A real 2 by 2 matrix, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(align(32))]
pub struct Block(pub [f64; 4]);

impl Block {
    pub const ZERO: Block = Block([0.0; 4]);
    pub const IDENTITY: Block = Block([1.0, 0.0, 0.0, 1.0]);

    /// Sum of the sizes of the entries.
    #[inline(always)]
    fn size(self) -> f64 {
        self.0[0].abs() + self.0[1].abs() + self.0[2].abs() + self.0[3].abs()
    }

    /// `self - a b`.
    #[inline(always)]
    fn sub_mul(self, a: Block, b: Block) -> Block {
        let (s, a, b) = (self.0, a.0, b.0);
        Block([
            s[0] - a[0] * b[0] - a[1] * b[2],
            s[1] - a[0] * b[1] - a[1] * b[3],
            s[2] - a[2] * b[0] - a[3] * b[2],
            s[3] - a[2] * b[1] - a[3] * b[3],
        ])
    }

    /// `a b`.
    #[inline(always)]
    fn mul(self, b: Block) -> Block {
        let (a, b) = (self.0, b.0);
        Block([a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2], a[2] * b[1] + a[3] * b[3]])
    }

    /// Inverse by the adjugate; not finite where the block is singular.
    #[inline(always)]
    fn inverse(self) -> Block {
        let [a, b, c, d] = self.0;
        // The adjugate is exact, so the quality is that of the determinant.
        let r = 1.0 / (a * d - b * c);
        Block([d * r, -b * r, -c * r, a * r])
    }
}

/// An LU factor by blocks with room for a right-hand side of two values a row.
#[derive(Debug, Clone)]
pub struct BlockLu {
    symbolic: Arc<Symbolic>,
    /// Block (i, k) of L and (k, i) of U side by side.
    lu: Vec<[Block; 2]>,
    d_inverse: Vec<Block>,
    /// Dense work column and row side by side; zero between calls.
    work: Vec<[Block; 2]>,
    complete: bool,
}

impl BlockLu {
    /// Room for factors of matrices on the pattern of an analysis; nothing is factored yet.
    pub fn new(symbolic: &Arc<Symbolic>) -> Self {
        let n = symbolic.order();
        Self {
            symbolic: Arc::clone(symbolic),
            lu: vec![[Block::ZERO; 2]; symbolic.factor_entries()],
            d_inverse: vec![Block::ZERO; n],
            work: vec![[Block::ZERO; 2]; n],
            complete: false,
        }
    }

    /// The pattern that matrices must have.
    pub fn pattern(&self) -> &Arc<Pattern> {
        self.symbolic.pattern()
    }

    /// Factors a matrix given by its blocks in the order of the pattern's slots, without allocation.
    ///
    /// # Errors
    /// `Length` when there is not one block a slot; `Singular` with the row whose diagonal block has no finite inverse: then nothing can be solved.
    pub fn refactor(&mut self, blocks: &[Block]) -> Result<(), SparseError> {
        let expected = self.symbolic.pattern.entries();
        if blocks.len() != expected {
            return Err(SparseError::Length { expected, got: blocks.len() });
        }
        let n = self.symbolic.order();
        assert!(self.lu.len() == self.symbolic.l_row.len() && self.d_inverse.len() == n && self.work.len() == n);
        let s = &*self.symbolic;
        #[cfg(target_arch = "x86_64")]
        let done = if has_fma() {
            // SAFETY: the processor has the features; sizes are checked above.
            unsafe { run_fma(s, blocks, &mut self.lu, &mut self.d_inverse, &mut self.work) }
        } else {
            // SAFETY: sizes are checked above.
            unsafe { run(s, blocks, &mut self.lu, &mut self.d_inverse, &mut self.work) }
        };
        #[cfg(not(target_arch = "x86_64"))]
        // SAFETY: sizes are checked above.
        let done = unsafe { run(s, blocks, &mut self.lu, &mut self.d_inverse, &mut self.work) };
        self.complete = done.is_ok();
        done.map_err(|k| {
            self.work.fill([Block::ZERO; 2]);
            SparseError::Singular { row: self.symbolic.row_of[k] }
        })
    }

    /// Solves `A x = b`; `rhs` holds two values a row in the caller's numbering, `b` before and `x` after.
    ///
    /// # Errors
    /// `NotFactored`; `Length`.
    pub fn solve_in_place(&self, rhs: &mut [[f64; 2]]) -> Result<(), SparseError> {
        if !self.complete {
            return Err(SparseError::NotFactored);
        }
        let expected = self.symbolic.order();
        if rhs.len() != expected {
            return Err(SparseError::Length { expected, got: rhs.len() });
        }
        let s = &*self.symbolic;
        let apply = |m: &Block, v: [f64; 2]| [m.0[0] * v[0] + m.0[1] * v[1], m.0[2] * v[0] + m.0[3] * v[1]];
        for k in 0..expected {
            let x = rhs[s.row_of[k] as usize];
            let range = s.l_start[k] as usize..s.l_start[k + 1] as usize;
            for (entry, &i) in self.lu[range.clone()].iter().zip(&s.l_caller_row[range]) {
                let y = apply(&entry[0], x);
                let r = &mut rhs[i as usize];
                r[0] -= y[0];
                r[1] -= y[1];
            }
        }
        for k in (0..expected).rev() {
            let row = s.row_of[k] as usize;
            let mut x = rhs[row];
            let range = s.l_start[k] as usize..s.l_start[k + 1] as usize;
            for (entry, &i) in self.lu[range.clone()].iter().zip(&s.l_caller_row[range]) {
                let y = apply(&entry[1], rhs[i as usize]);
                x[0] -= y[0];
                x[1] -= y[1];
            }
            rhs[row] = apply(&self.d_inverse[k], x);
        }
        Ok(())
    }
}

/// Whether the inverse of a diagonal block can be used, judged against what the block was made of.
#[inline(always)]
fn usable(inverse: Block) -> bool {
    inverse.size() < f64::INFINITY
}

/// # Safety
/// Slices must have the lengths that `refactor` checks; all indices within them come from `Symbolic`, whose constructor keeps them in range.
unsafe fn run(s: &Symbolic, a: &[Block], lu: &mut [[Block; 2]], d_inverse: &mut [Block], work: &mut [[Block; 2]]) -> Result<(), usize> {
    // SAFETY: as promised by the caller.
    unsafe {
        for k in 0..s.order() {
            for e in s.entry.get_unchecked(*s.entry_start.get_unchecked(k) as usize..*s.entry_start.get_unchecked(k + 1) as usize) {
                *work.get_unchecked_mut(e.row as usize) = [*a.get_unchecked(e.lower as usize), *a.get_unchecked(e.upper as usize)];
            }
            let mut d = *a.get_unchecked(*s.diagonal.get_unchecked(k) as usize);
            let updates = *s.update_start.get_unchecked(k) as usize..*s.update_start.get_unchecked(k + 1) as usize;
            for update in s.update.get_unchecked(updates) {
                let first = update.position as usize;
                let end = *s.l_start.get_unchecked(update.column as usize + 1) as usize;
                let [lkj, ujk] = *lu.get_unchecked(first);
                d = d.sub_mul(lkj, ujk);
                for q in first + 1..end {
                    let w = work.get_unchecked_mut(*s.l_row.get_unchecked(q) as usize);
                    let entry = lu.get_unchecked(q);
                    w[0] = w[0].sub_mul(entry[0], ujk);
                    w[1] = w[1].sub_mul(lkj, entry[1]);
                }
            }
            let inverse = d.inverse();
            for q in *s.l_start.get_unchecked(k) as usize..*s.l_start.get_unchecked(k + 1) as usize {
                let w = work.get_unchecked_mut(*s.l_row.get_unchecked(q) as usize);
                *lu.get_unchecked_mut(q) = [w[0].mul(inverse), w[1]];
                *w = [Block::ZERO; 2];
            }
            *d_inverse.get_unchecked_mut(k) = inverse;
            if !usable(inverse) {
                return Err(k);
            }
        }
    }
    Ok(())
}

/// [`run`] with a block in one register: `a b` is the sum of its columns of `a`, each repeated along a row, times its rows of `b`, each repeated down.
///
/// # Safety
/// As [`run`], on a processor with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_fma(s: &Symbolic, a: &[Block], lu: &mut [[Block; 2]], d_inverse: &mut [Block], work: &mut [[Block; 2]]) -> Result<(), usize> {
    use std::arch::x86_64::{
        __m256d, _mm256_fmadd_pd, _mm256_fnmadd_pd, _mm256_load_pd, _mm256_mul_pd, _mm256_permute_pd, _mm256_permute2f128_pd,
        _mm256_store_pd,
    };
    // SAFETY: as promised by the caller; blocks are aligned to 32 bytes.
    unsafe {
        let load = |b: &Block| _mm256_load_pd(b.0.as_ptr());
        let columns = |v: __m256d| (_mm256_permute_pd::<0b0000>(v), _mm256_permute_pd::<0b1111>(v));
        let rows = |v: __m256d| (_mm256_permute2f128_pd::<0x00>(v, v), _mm256_permute2f128_pd::<0x11>(v, v));
        for k in 0..s.order() {
            for e in s.entry.get_unchecked(*s.entry_start.get_unchecked(k) as usize..*s.entry_start.get_unchecked(k + 1) as usize) {
                *work.get_unchecked_mut(e.row as usize) = [*a.get_unchecked(e.lower as usize), *a.get_unchecked(e.upper as usize)];
            }
            let mut d = load(a.get_unchecked(*s.diagonal.get_unchecked(k) as usize));
            let updates = *s.update_start.get_unchecked(k) as usize..*s.update_start.get_unchecked(k + 1) as usize;
            for update in s.update.get_unchecked(updates) {
                let first = update.position as usize;
                let end = *s.l_start.get_unchecked(update.column as usize + 1) as usize;
                let entry = lu.get_unchecked(first);
                let (l0, l1) = columns(load(&entry[0]));
                let (u0, u1) = rows(load(&entry[1]));
                d = _mm256_fnmadd_pd(l1, u1, _mm256_fnmadd_pd(l0, u0, d));
                for q in first + 1..end {
                    let w = work.get_unchecked_mut(*s.l_row.get_unchecked(q) as usize);
                    let entry = lu.get_unchecked(q);
                    let (a0, a1) = columns(load(&entry[0]));
                    let (b0, b1) = rows(load(&entry[1]));
                    let x = _mm256_fnmadd_pd(a1, u1, _mm256_fnmadd_pd(a0, u0, load(&w[0])));
                    let y = _mm256_fnmadd_pd(l1, b1, _mm256_fnmadd_pd(l0, b0, load(&w[1])));
                    _mm256_store_pd(w[0].0.as_mut_ptr(), x);
                    _mm256_store_pd(w[1].0.as_mut_ptr(), y);
                }
            }
            let mut pivot = Block::ZERO;
            _mm256_store_pd(pivot.0.as_mut_ptr(), d);
            let inverse = pivot.inverse();
            let (i0, i1) = rows(load(&inverse));
            for q in *s.l_start.get_unchecked(k) as usize..*s.l_start.get_unchecked(k + 1) as usize {
                let w = work.get_unchecked_mut(*s.l_row.get_unchecked(q) as usize);
                let (a0, a1) = columns(load(&w[0]));
                let entry = lu.get_unchecked_mut(q);
                _mm256_store_pd(entry[0].0.as_mut_ptr(), _mm256_fmadd_pd(a1, i1, _mm256_mul_pd(a0, i0)));
                entry[1] = w[1];
                *w = [Block::ZERO; 2];
            }
            *d_inverse.get_unchecked_mut(k) = inverse;
            if !usable(inverse) {
                return Err(k);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sparse::{Factor, Matrix, Work};

    /// A ring with chords, entries from a generator: the scalar matrix of twice the order must have the same solution.
    #[test]
    fn agrees_with_the_scalar_factor_of_twice_the_order() {
        let mut seed = 7u64;
        let mut next = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        let n = 60u32;
        let edges: Vec<(u32, u32)> = (0..n).map(|i| (i, (i + 1) % n)).chain((0..n / 3).map(|i| (i, (i * 7 + 20) % n))).collect();
        let pattern = Arc::new(Pattern::new(n, edges.iter().copied()).unwrap());
        let scalar_edges = (0..n).flat_map(|i| pattern.row(i).to_vec().into_iter().map(move |j| (i, j)));
        let scalar =
            Arc::new(Pattern::new(2 * n, scalar_edges.flat_map(|(i, j)| (0..4).map(move |k| (2 * i + k / 2, 2 * j + k % 2)))).unwrap());
        let mut blocks = vec![Block::ZERO; pattern.entries()];
        let mut matrix = Matrix::<f64>::zeros(&scalar);
        for i in 0..n {
            for (slot, &j) in pattern.row_slots(i).unwrap().zip(pattern.row(i)) {
                for k in 0..4u32 {
                    let value = next() + if i == j && (k == 0 || k == 3) { 4.0 } else { 0.0 };
                    blocks[slot].0[k as usize] = value;
                    matrix.add(2 * i + k / 2, 2 * j + k % 2, value).unwrap();
                }
            }
        }
        let b: Vec<[f64; 2]> = (0..n).map(|_| [next(), next()]).collect();
        let symbolic = Arc::new(Symbolic::new(&pattern).unwrap());
        let mut lu = BlockLu::new(&symbolic);
        let mut x = b.clone();
        assert!(matches!(lu.solve_in_place(&mut x), Err(SparseError::NotFactored)));
        lu.refactor(&blocks).unwrap();
        lu.solve_in_place(&mut x).unwrap();
        let mut reference: Vec<f64> = b.iter().flatten().copied().collect();
        let factor = Factor::new(&Arc::new(Symbolic::new(&scalar).unwrap()), &matrix).unwrap();
        factor.solve_in_place(&mut reference, &mut Work::new()).unwrap();
        for (x, r) in x.iter().flatten().zip(&reference) {
            assert!((x - r).abs() < 1e-12, "{x} {r}");
        }
        // The plain kernel gives the same to rounding.
        let (mut plain, mut d, mut work) =
            (vec![[Block::ZERO; 2]; symbolic.factor_entries()], vec![Block::ZERO; n as usize], vec![[Block::ZERO; 2]; n as usize]);
        // SAFETY: lengths as `refactor` checks them.
        unsafe { run(&symbolic, &blocks, &mut plain, &mut d, &mut work) }.unwrap();
        for (p, q) in plain.iter().flatten().zip(lu.lu.iter().flatten()) {
            assert!(p.sub_mul(*q, Block::IDENTITY).size() < 1e-12);
        }
    }

    #[test]
    fn a_singular_block_is_named_and_leaves_nothing_to_solve_with() {
        let pattern = Arc::new(Pattern::new(3, [(0, 1)]).unwrap());
        let mut lu = BlockLu::new(&Arc::new(Symbolic::new(&pattern).unwrap()));
        let mut blocks = vec![Block::ZERO; pattern.entries()];
        for (row, &slot) in pattern.diagonal_slots().iter().enumerate() {
            blocks[slot as usize] = if row == 2 { Block::ZERO } else { Block::IDENTITY };
        }
        assert_eq!(lu.refactor(&blocks), Err(SparseError::Singular { row: 2 }));
        assert_eq!(lu.solve_in_place(&mut [[0.0; 2]; 3]), Err(SparseError::NotFactored));
        assert_eq!(lu.refactor(&blocks[1..]), Err(SparseError::Length { expected: pattern.entries(), got: pattern.entries() - 1 }));
    }
}
