//! The two number types a grid matrix has: complex for admittances, real for
//! Newton Jacobians. One trait keeps one code for both; every method is a few
//! instructions and is inlined.

use num_complex::Complex64;
use std::fmt::Debug;
use std::ops::{Add, Mul, Neg, Sub};

/// A matrix entry: `f64` or `Complex64`.
pub trait Scalar:
    Copy
    + Debug
    + PartialEq
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + sealed::Sealed
    + 'static
{
    const ZERO: Self;
    const ONE: Self;

    /// `|re| + |im|`: within a factor of √2 of the magnitude, and it neither
    /// overflows nor underflows where the value itself does not.
    fn size(self) -> f64;

    /// The reciprocal, also for values whose square overflows or underflows.
    fn reciprocal(self) -> Self;

    /// Whether every part is finite.
    fn is_finite(self) -> bool;

    /// `self * factor` with a real factor.
    fn scale(self, factor: f64) -> Self;

    /// `self - a * b`; with `FMA` in fused steps, which is fast only in code
    /// compiled for processors that have them.
    fn sub_mul<const FMA: bool>(self, a: Self, b: Self) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for num_complex::Complex64 {}
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn size(self) -> f64 {
        self.abs()
    }

    #[inline(always)]
    fn reciprocal(self) -> Self {
        1.0 / self
    }

    #[inline(always)]
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }

    #[inline(always)]
    fn scale(self, factor: f64) -> Self {
        self * factor
    }

    #[inline(always)]
    fn sub_mul<const FMA: bool>(self, a: Self, b: Self) -> Self {
        if FMA { (-a).mul_add(b, self) } else { self - a * b }
    }
}

impl Scalar for Complex64 {
    const ZERO: Self = Complex64::new(0.0, 0.0);
    const ONE: Self = Complex64::new(1.0, 0.0);

    #[inline(always)]
    fn size(self) -> f64 {
        self.re.abs() + self.im.abs()
    }

    #[inline(always)]
    fn reciprocal(self) -> Self {
        let square = self.re * self.re + self.im * self.im;
        if square > 1e-280 && square < 1e280 {
            let r = 1.0 / square;
            return Complex64::new(self.re * r, -self.im * r);
        }
        let largest = self.re.abs().max(self.im.abs());
        let (re, im) = (self.re / largest, self.im / largest);
        let square = re * re + im * im;
        Complex64::new(re / square / largest, -im / square / largest)
    }

    #[inline(always)]
    fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }

    #[inline(always)]
    fn scale(self, factor: f64) -> Self {
        Complex64::new(self.re * factor, self.im * factor)
    }

    #[inline(always)]
    fn sub_mul<const FMA: bool>(self, a: Self, b: Self) -> Self {
        if FMA {
            Complex64::new(a.im.mul_add(b.im, (-a.re).mul_add(b.re, self.re)), (-a.im).mul_add(b.re, (-a.re).mul_add(b.im, self.im)))
        } else {
            Complex64::new(self.re - a.re * b.re + a.im * b.im, self.im - a.re * b.im - a.im * b.re)
        }
    }
}

/// Scratch space of solves and checks; only a factor with row pivoting, which
/// cannot solve in place, needs it. One per thread, for any number of factors; it
/// grows to the largest order met and then allocates no more.
#[derive(Debug, Clone)]
pub struct Work<S = Complex64> {
    pub(super) x: Vec<S>,
    pub(super) r: Vec<S>,
    pub(super) b: Vec<S>,
}

impl<S: Scalar> Work<S> {
    pub fn new() -> Self {
        Work { x: Vec::new(), r: Vec::new(), b: Vec::new() }
    }
}

impl<S: Scalar> Default for Work<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the AVX2 and FMA kernels may be called on this processor.
#[inline]
pub(super) fn has_fma() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}
