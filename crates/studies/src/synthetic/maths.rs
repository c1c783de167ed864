//! Elementary functions whose last bit is the same on every machine.
//!
//! A generated utility must have the same bytes wherever it is made, and the elementary functions of
//! a system's own library differ in their last bits. These use only addition, multiplication,
//! division and square root, which IEEE 754 rounds exactly, and Taylor series after a reduction:
//!
//! ```text
//! exp x = 2^k exp r,           k = round(x / ln 2),  |r| <= ln 2 / 2
//! ln x  = k ln 2 + 2 atanh s,  x = 2^k m,  s = (m - 1) / (m + 1),  sqrt(1/2) <= m < sqrt 2
//! sin x = sin r or cos r by quadrant,  |r| <= pi / 4
//! ```
//!
//! Errors stay below 1e-14 relative for arguments up to some hundreds, far less than the digits that
//! are written.

use std::f64::consts::{FRAC_PI_2, LN_2};

/// The exponential; `x` between -700 and 700.
pub fn exp(x: f64) -> f64 {
    let k = (x / LN_2).round();
    let r = x - k * LN_2;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..20 {
        term *= r / f64::from(n);
        sum += term;
    }
    // A power of two is exact.
    sum * f64::from_bits(((1023 + k as i64) as u64) << 52)
}

/// The natural logarithm of a positive normal number.
pub fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut k = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    if m > std::f64::consts::SQRT_2 {
        m /= 2.0;
        k += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let (mut power, mut sum) = (s, 0.0);
    for n in 0..16 {
        sum += power / f64::from(2 * n + 1);
        power *= square;
    }
    k as f64 * LN_2 + 2.0 * sum
}

/// The sine; `x` in radians, of moderate size.
pub fn sin(x: f64) -> f64 {
    let quarter = (x / FRAC_PI_2).round();
    let r = x - quarter * FRAC_PI_2;
    let square = r * r;
    let series = |first: f64, start: i32| {
        let (mut term, mut sum) = (first, first);
        for n in 0..10 {
            let k = f64::from(start + 2 * n);
            term *= -square / (k * (k + 1.0));
            sum += term;
        }
        sum
    };
    match (quarter as i64).rem_euclid(4) {
        0 => series(r, 2),
        1 => series(1.0, 1),
        2 => -series(r, 2),
        _ => -series(1.0, 1),
    }
}

/// The cosine; `x` in radians, of moderate size.
pub fn cos(x: f64) -> f64 {
    sin(x + FRAC_PI_2)
}

/// `x` rounded to a number of decimals, so that it is written in full with that many.
pub fn round_to(x: f64, decimals: u32) -> f64 {
    let scale = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7][decimals.min(7) as usize];
    (x * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_functions_of_their_names() {
        for i in -400..400 {
            let x = f64::from(i) * 0.137;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-13, "exp {x}");
            assert!((sin(x) - x.sin()).abs() < 1e-13, "sin {x}");
            assert!((cos(x) - x.cos()).abs() < 1e-13, "cos {x}");
            let positive = x.abs() + 1e-3;
            assert!((ln(positive) - positive.ln()).abs() < 1e-13, "ln {positive}");
        }
        assert_eq!(round_to(0.123_456, 4), 0.1235);
    }
}
