//! The two distributions that tests of measurements need.
//!
//! The regularised incomplete gamma function comes from its series for `x < a + 1` and from its continued fraction (by Lentz's method)
//! beyond; Abramowitz and Stegun, 6.5.29 and 6.5.31. The normal distribution is a case of it: `P(|Z| > z) = Q(1/2, z²/2)`.

use network::gamma::ln_gamma;

/// Upper regularised incomplete gamma function `Q(a, x)`.
fn gamma_q(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let scale = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..10_000 {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return (1.0 - sum * scale).clamp(0.0, 1.0);
    }
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..10_000 {
        let i = f64::from(i);
        let an = -i * (i - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (scale * h).clamp(0.0, 1.0)
}

/// Probability that a sum of `degrees` squares of standard normal numbers exceeds `x`.
pub fn chi_square_beyond(x: f64, degrees: f64) -> f64 {
    if degrees <= 0.0 { 1.0 } else { gamma_q(degrees / 2.0, x / 2.0) }
}

/// Probability that a standard normal number lies further than `z` from zero, on either side.
pub fn normal_beyond(z: f64) -> f64 {
    gamma_q(0.5, z * z / 2.0)
}

/// The value that a falling function passes `p` at, by bisection.
fn where_it_passes(p: f64, start: f64, beyond: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, start);
    while beyond(high) > p && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if beyond(middle) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The value that a sum of `degrees` squares of standard normal numbers exceeds with probability `p`.
pub fn chi_square_limit(p: f64, degrees: f64) -> f64 {
    where_it_passes(p, degrees.max(1.0), |x| chi_square_beyond(x, degrees))
}

/// The distance from zero that a standard normal number exceeds with probability `p`, both sides together.
pub fn normal_limit(p: f64) -> f64 {
    where_it_passes(p, 1.0, normal_beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_out() {
        // Abramowitz and Stegun, tables 26.7 and 26.8: degrees, upper tail, limit.
        for (degrees, p, limit) in
            [(1.0, 0.05, 3.841), (2.0, 0.05, 5.991), (10.0, 0.05, 18.307), (10.0, 0.01, 23.209), (100.0, 0.01, 135.807)]
        {
            let x = chi_square_limit(p, degrees);
            assert!((x - limit).abs() < 6e-4, "{degrees} degrees beyond {p}: {x}");
        }
        // Two degrees have a closed form.
        for x in [0.1, 1.0, 7.0, 60.0] {
            assert!((chi_square_beyond(x, 2.0) / (-x / 2.0).exp() - 1.0).abs() < 1e-12);
        }
        assert!((normal_limit(0.05) - 1.959_964).abs() < 1e-6);
        assert!((normal_limit(0.01) - 2.575_829).abs() < 1e-6);
    }
}
