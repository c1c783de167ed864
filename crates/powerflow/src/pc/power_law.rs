//! `(|V|/b)^a / |V|²` without a general power, for loads of model 4.
//!
//! With `x = |V|²/b² - 1` it is `(1 + x)^(a/2 - 1) / b²`, and near the base voltage `b` the binomial series gives the power to the last digits.

/// Terms of the series.
pub(super) const TERMS: usize = 16;

/// The series is taken up to this `|x|`: its first neglected term is then below 1e-14 for exponents from 0 to 4.
pub(super) const SERIES_REACH: f64 = 0.13;

/// Coefficients of `(1 + x)^(a/2 - 1)`.
pub(super) fn binomial(a: f64) -> [f64; TERMS] {
    let e = a / 2.0 - 1.0;
    let mut c = [1.0; TERMS];
    for k in 1..TERMS {
        c[k] = c[k - 1] * (e - (k as f64 - 1.0)) / k as f64;
    }
    c
}

/// The series at `x`, in four interleaved sums so that products need not wait for one another.
#[inline(always)]
pub(super) fn series_at(c: &[f64; TERMS], x: f64) -> f64 {
    let x2 = x * x;
    let x4 = x2 * x2;
    let mut sums = [0.0; 4];
    for k in (0..TERMS / 4).rev() {
        for (j, sum) in sums.iter_mut().enumerate() {
            *sum = *sum * x4 + c[4 * k + j];
        }
    }
    (sums[0] + sums[1] * x) + (sums[2] + sums[3] * x) * x2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_the_power_within_its_reach() {
        for a in [0.0, 0.4, 0.8, 1.0, 1.7, 2.0, 2.6, 3.0, 4.0] {
            let c = binomial(a);
            for k in -13..=13 {
                let x = 0.01 * f64::from(k);
                let (series, power) = (series_at(&c, x), (1.0 + x).powf(a / 2.0 - 1.0));
                assert!((series - power).abs() < 2e-14 * power, "a {a}, x {x}: {series} and {power}");
            }
        }
    }
}
