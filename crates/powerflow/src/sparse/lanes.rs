//! Solves for `K` right-hand sides side by side.
//!
//! One row of the block of right-hand sides is a `Lanes<K>`: `K` real parts,
//! then `K` imaginary parts. Each entry of L is then loaded once for `K`
//! solutions and meets whole vector registers. `K` = 4, 8 and 16 fill one, two
//! and four 256-bit registers. The kernel is plain loops over the lanes,
//! compiled once for the baseline processor and once each with AVX2 + FMA and
//! AVX-512 enabled; which one runs is decided when called.

use super::scalar::has_fma;
use super::{SparseError, Symbolic};
use num_complex::Complex64;

/// One row of `K` complex right-hand sides.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Lanes<const K: usize> {
    pub re: [f64; K],
    pub im: [f64; K],
}

impl<const K: usize> Lanes<K> {
    pub const ZERO: Self = Lanes { re: [0.0; K], im: [0.0; K] };

    /// The value of one lane. Panics when `lane` is not below `K`.
    #[inline]
    pub fn get(&self, lane: usize) -> Complex64 {
        Complex64::new(self.re[lane], self.im[lane])
    }

    /// Sets one lane. Panics when `lane` is not below `K`.
    #[inline]
    pub fn set(&mut self, lane: usize, value: Complex64) {
        self.re[lane] = value.re;
        self.im[lane] = value.im;
    }
}

/// Runs the kernel made for this processor. The kernels are unsafe: the caller has checked the lengths.
macro_rules! dispatch {
    ($k:expr, $avx512:ident, $fma:ident, $portable:ident, $t:expr, $x:expr) => {{
        #[cfg(target_arch = "x86_64")]
        if $k.is_multiple_of(8) && has_fma() && std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the features; the caller has checked the lengths.
            unsafe { $avx512($t, $x) };
            return Ok(());
        }
        #[cfg(target_arch = "x86_64")]
        if has_fma() {
            // SAFETY: as above.
            unsafe { $fma($t, $x) };
            return Ok(());
        }
        // SAFETY: the caller has checked the lengths.
        unsafe { $portable::<K, false>($t, $x) };
        Ok(())
    }};
}

/// The factor as the kernel needs it.
#[derive(Clone, Copy)]
pub(super) struct Triangles<'a> {
    pub symbolic: &'a Symbolic,
    pub l: &'a [Complex64],
    pub u: &'a [Complex64],
    pub d_inverse: &'a [Complex64],
    /// Whether the rows of U are divided by their diagonal (LDLᵀ).
    pub unit_upper: bool,
}

/// As [`solve_many`] for the trailing rows alone; row `i` of `rhs` is permuted row `leading + i`, which must be the caller's too.
pub(super) fn solve_trailing_many<const K: usize>(t: Triangles, rhs: &mut [Lanes<K>]) -> Result<(), SparseError> {
    let s = t.symbolic;
    let n = s.order() - s.leading;
    if rhs.len() != n {
        return Err(SparseError::Length { expected: n, got: rhs.len() });
    }
    let entries = s.l_row.len();
    assert!(t.l.len() == entries && t.u.len() == entries && t.d_inverse.len() == s.order());
    dispatch!(K, trailing_avx512, trailing_fma, trailing, t, rhs)
}

/// Leading rows of solutions whose trailing rows are known: `x` holds all rows by permuted number.
pub(super) fn complete_many<const K: usize>(t: Triangles, x: &mut [Lanes<K>]) -> Result<(), SparseError> {
    let s = t.symbolic;
    if x.len() != s.order() {
        return Err(SparseError::Length { expected: s.order(), got: x.len() });
    }
    let entries = s.l_row.len();
    assert!(t.l.len() == entries && t.u.len() == entries && t.d_inverse.len() == s.order());
    dispatch!(K, complete_avx512, complete_fma, complete, t, x)
}

pub(super) fn solve_many<const K: usize>(t: Triangles, rhs: &mut [Lanes<K>]) -> Result<(), SparseError> {
    let n = t.symbolic.order();
    if rhs.len() != n {
        return Err(SparseError::Length { expected: n, got: rhs.len() });
    }
    let entries = t.symbolic.l_caller_row.len();
    assert!(t.l.len() == entries && t.u.len() == entries && t.d_inverse.len() == n);
    dispatch!(K, kernel_avx512, kernel_fma, kernel, t, rhs)
}

/// One kernel compiled for three kinds of processor.
macro_rules! kernels {
    ($avx512:ident, $fma:ident, $kernel:ident) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx2,fma")]
        unsafe fn $avx512<const K: usize>(t: Triangles, x: &mut [Lanes<K>]) {
            // SAFETY: as promised by the caller.
            unsafe { $kernel::<K, true>(t, x) }
        }

        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn $fma<const K: usize>(t: Triangles, x: &mut [Lanes<K>]) {
            // SAFETY: as promised by the caller.
            unsafe { $kernel::<K, true>(t, x) }
        }
    };
}

kernels!(kernel_avx512, kernel_fma, kernel);
kernels!(trailing_avx512, trailing_fma, trailing);
kernels!(complete_avx512, complete_fma, complete);

#[inline(always)]
fn multiply_add<const FMA: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `x - a y` lane by lane.
#[inline(always)]
fn sub_mul<const K: usize, const FMA: bool>(x: &mut Lanes<K>, a: Complex64, y: &Lanes<K>) {
    for t in 0..K {
        let re = multiply_add::<FMA>(-a.re, y.re[t], x.re[t]);
        x.re[t] = multiply_add::<FMA>(a.im, y.im[t], re);
        let im = multiply_add::<FMA>(-a.re, y.im[t], x.im[t]);
        x.im[t] = multiply_add::<FMA>(-a.im, y.re[t], im);
    }
}

/// `x a` lane by lane.
#[inline(always)]
fn scale<const K: usize>(x: &mut Lanes<K>, a: Complex64) {
    for t in 0..K {
        let (re, im) = (x.re[t], x.im[t]);
        x.re[t] = re * a.re - im * a.im;
        x.im[t] = re * a.im + im * a.re;
    }
}

/// Works in place in the caller's numbering, as the single solve does.
///
/// # Safety
/// Slices must have the lengths that `solve_many` checks.
#[inline(always)]
unsafe fn kernel<const K: usize, const FMA: bool>(t: Triangles, x: &mut [Lanes<K>]) {
    let s = t.symbolic;
    let n = s.order();
    // SAFETY: `row_of` is a permutation of 0..n, `l_caller_row` is below n and
    // `l_start` ends at its length.
    unsafe {
        let mut first = 0usize;
        for k in 0..n {
            let end = *s.l_start.get_unchecked(k + 1) as usize;
            let xk = *x.get_unchecked(*s.row_of.get_unchecked(k) as usize);
            for q in first..end {
                let i = *s.l_caller_row.get_unchecked(q) as usize;
                sub_mul::<K, FMA>(x.get_unchecked_mut(i), *t.l.get_unchecked(q), &xk);
            }
            first = end;
        }
        let mut end = s.l_caller_row.len();
        for k in (0..n).rev() {
            let first = *s.l_start.get_unchecked(k) as usize;
            let row = *s.row_of.get_unchecked(k) as usize;
            let mut xk = *x.get_unchecked(row);
            if t.unit_upper {
                scale(&mut xk, *t.d_inverse.get_unchecked(k));
            }
            for q in first..end {
                let i = *s.l_caller_row.get_unchecked(q) as usize;
                sub_mul::<K, FMA>(&mut xk, *t.u.get_unchecked(q), x.get_unchecked(i));
            }
            if !t.unit_upper {
                scale(&mut xk, *t.d_inverse.get_unchecked(k));
            }
            *x.get_unchecked_mut(row) = xk;
            end = first;
        }
    }
}

/// Both sweeps over the trailing columns; `x` begins with the first trailing row.
///
/// # Safety
/// Slices must have the lengths that `solve_trailing_many` checks.
#[inline(always)]
unsafe fn trailing<const K: usize, const FMA: bool>(t: Triangles, x: &mut [Lanes<K>]) {
    let s = t.symbolic;
    let (lead, n) = (s.leading, s.order());
    // SAFETY: rows of trailing columns are trailing rows, below n.
    unsafe {
        let mut first = *s.l_start.get_unchecked(lead) as usize;
        for k in lead..n {
            let end = *s.l_start.get_unchecked(k + 1) as usize;
            let xk = *x.get_unchecked(k - lead);
            for q in first..end {
                let i = *s.l_row.get_unchecked(q) as usize - lead;
                sub_mul::<K, FMA>(x.get_unchecked_mut(i), *t.l.get_unchecked(q), &xk);
            }
            first = end;
        }
        let mut end = s.l_row.len();
        for k in (lead..n).rev() {
            let first = *s.l_start.get_unchecked(k) as usize;
            let mut xk = *x.get_unchecked(k - lead);
            if t.unit_upper {
                scale(&mut xk, *t.d_inverse.get_unchecked(k));
            }
            for q in first..end {
                let i = *s.l_row.get_unchecked(q) as usize - lead;
                sub_mul::<K, FMA>(&mut xk, *t.u.get_unchecked(q), x.get_unchecked(i));
            }
            if !t.unit_upper {
                scale(&mut xk, *t.d_inverse.get_unchecked(k));
            }
            *x.get_unchecked_mut(k - lead) = xk;
            end = first;
        }
    }
}

/// The backward sweep over the leading columns of a right-hand side that is zero there.
///
/// # Safety
/// Slices must have the lengths that `complete_many` checks.
#[inline(always)]
unsafe fn complete<const K: usize, const FMA: bool>(t: Triangles, x: &mut [Lanes<K>]) {
    let s = t.symbolic;
    // SAFETY: rows of L are below n.
    unsafe {
        let mut end = *s.l_start.get_unchecked(s.leading) as usize;
        for k in (0..s.leading).rev() {
            let first = *s.l_start.get_unchecked(k) as usize;
            let mut xk = Lanes::ZERO;
            for q in first..end {
                let i = *s.l_row.get_unchecked(q) as usize;
                sub_mul::<K, FMA>(&mut xk, *t.u.get_unchecked(q), x.get_unchecked(i));
            }
            if !t.unit_upper {
                scale(&mut xk, *t.d_inverse.get_unchecked(k));
            }
            *x.get_unchecked_mut(k) = xk;
            end = first;
        }
    }
}
