//! Matrix products.
//!
//! ```text
//! C += A B,   A: m × k with any strides,   B: k × n, row after row
//! ```
//!
//! Columns of `B` are packed in panels as wide as a few registers. Over a panel, [`ROWS`] rows of `A` are multiplied at once, so that each packed value serves
//! several rows and each sum stays in a register. A sum runs over `k` from the first to the last whatever the width of the registers, and multiplications are
//! not fused with additions: the result has the same bits on every processor.

use super::real::Real;

/// Rows that are multiplied at once.
const ROWS: usize = 4;

/// A matrix by its values and strides: `at(r, c) = values[r · row + c · column]`.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a, T> {
    pub values: &'a [T],
    pub row: usize,
    pub column: usize,
}

impl<'a, T> Strided<'a, T> {
    /// Rows of `columns` values one after another.
    pub fn rows(values: &'a [T], columns: usize) -> Self {
        Self { values, row: columns, column: 1 }
    }

    /// The transpose of such a matrix.
    pub fn transposed(values: &'a [T], columns: usize) -> Self {
        Self { values, row: 1, column: columns }
    }
}

/// Room for a packed panel, kept between products.
#[derive(Clone, Debug, Default)]
pub struct Panel<T>(Vec<T>);

/// Adds `A B` to `c`, which has `m` rows of `n`; `a` has `k` columns, and so many rows has `b`.
///
/// # Panics
///
/// When the slices are too short for the sizes.
pub fn add_product<T: Real>(c: &mut [T], a: Strided<T>, b: Strided<T>, m: usize, k: usize, n: usize, panel: &mut Panel<T>) {
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    assert!(c.len() >= m * n, "too short a result");
    assert!(a.values.len() > (m - 1) * a.row + (k - 1) * a.column, "too short a left factor");
    assert!(b.values.len() > (k - 1) * b.row + (n - 1) * b.column, "too short a right factor");
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { with_avx512(c, a, b, m, k, n, panel) };
        }
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has what the function is compiled for.
            return unsafe { with_avx2(c, a, b, m, k, n, panel) };
        }
    }
    with_panels::<T, 8>(c, a, b, m, k, n, panel);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2")]
fn with_avx512<T: Real>(c: &mut [T], a: Strided<T>, b: Strided<T>, m: usize, k: usize, n: usize, panel: &mut Panel<T>) {
    with_panels::<T, 32>(c, a, b, m, k, n, panel);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<T: Real>(c: &mut [T], a: Strided<T>, b: Strided<T>, m: usize, k: usize, n: usize, panel: &mut Panel<T>) {
    with_panels::<T, 16>(c, a, b, m, k, n, panel);
}

#[inline(always)]
fn with_panels<T: Real, const W: usize>(c: &mut [T], a: Strided<T>, b: Strided<T>, m: usize, k: usize, n: usize, panel: &mut Panel<T>) {
    panel.0.resize(k * W, T::ZERO);
    for from in (0..n).step_by(W) {
        let width = W.min(n - from);
        for (i, packed) in panel.0.chunks_exact_mut(W).enumerate() {
            if b.column == 1 {
                packed[..width].copy_from_slice(&b.values[i * b.row + from..][..width]);
            } else {
                for (j, value) in packed[..width].iter_mut().enumerate() {
                    *value = b.values[i * b.row + (from + j) * b.column];
                }
            }
            packed[width..].fill(T::ZERO);
        }
        let mut row = 0;
        while row + ROWS <= m {
            let sums = products::<T, W, ROWS>(a, row, &panel.0);
            for (r, sums) in sums.iter().enumerate() {
                for (value, sum) in c[(row + r) * n + from..][..width].iter_mut().zip(sums) {
                    *value += *sum;
                }
            }
            row += ROWS;
        }
        for row in row..m {
            let sums = products::<T, W, 1>(a, row, &panel.0);
            for (value, sum) in c[row * n + from..][..width].iter_mut().zip(&sums[0]) {
                *value += *sum;
            }
        }
    }
}

/// `R` rows of `a` from `row` on times a packed panel.
#[inline(always)]
fn products<T: Real, const W: usize, const R: usize>(a: Strided<T>, row: usize, panel: &[T]) -> [[T; W]; R] {
    let mut sums = [[T::ZERO; W]; R];
    let starts: [usize; R] = std::array::from_fn(|r| (row + r) * a.row);
    for (i, packed) in panel.chunks_exact(W).enumerate() {
        for r in 0..R {
            let left = a.values[starts[r] + i * a.column];
            for j in 0..W {
                sums[r][j] += left * packed[j];
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use studies::synthetic::random::Random;

    fn some(n: usize, index: u64) -> Vec<f32> {
        let mut random = Random::new(1, 2, index);
        (0..n).map(|_| random.normal() as f32).collect()
    }

    #[test]
    fn products_are_sums_of_products_of_every_size_to_the_last_bit() {
        for (m, k, n) in [(1, 1, 1), (3, 5, 7), (4, 8, 32), (5, 168, 33), (17, 9, 65), (32, 64, 16)] {
            let (a, b) = (some(m * k, 1), some(k * n, 2));
            let expected: Vec<f32> = (0..m * n)
                .map(|at| {
                    let (r, c) = (at / n, at % n);
                    1.5 + (0..k).fold(0.0f32, |sum, i| sum + a[r * k + i] * b[i * n + c])
                })
                .collect();
            let a_t: Vec<f32> = (0..m * k).map(|at| a[at % m * k + at / m]).collect();
            let b_t: Vec<f32> = (0..k * n).map(|at| b[at % k * n + at / k]).collect();
            let mut panel = Panel::default();
            for (left, right) in [
                (Strided::rows(&a, k), Strided::rows(&b, n)),
                (Strided::transposed(&a_t, m), Strided::rows(&b, n)),
                (Strided::rows(&a, k), Strided::transposed(&b_t, k)),
            ] {
                let mut c = vec![1.5f32; m * n];
                add_product(&mut c, left, right, m, k, n, &mut panel);
                assert_eq!(c, expected, "{m} {k} {n}");
                // Narrow registers give the same bits.
                let mut c = vec![1.5f32; m * n];
                with_panels::<f32, 8>(&mut c, left, right, m, k, n, &mut panel);
                assert_eq!(c, expected, "{m} {k} {n}");
            }
        }
    }
}
