//! Intervals of means whose values go along with their neighbours.
//!
//! Errors of forecasts an hour apart are much alike, so `n` of them tell less than `n` independent ones. Whole blocks of `b` neighbours are drawn with replacement
//! until there are `n` values again; the means of many such draws spread as the mean itself does, as long as a block is longer than neighbours are alike:
//!
//! ```text
//! draw:  y[s_1 .. s_1 + b], y[s_2 .. s_2 + b], …      s_i even from 0 to n - b        interval: quantiles (1 ∓ level) / 2 of the draws' means
//! ```
//!
//! Blocks of one are the plain bootstrap, which fits values of different equipment.
//!
//! **Two things make such an interval too narrow**, and both are put right. Blocks of `b` lose what neighbours have in common across their ends: with `V_b` the variance of
//! the mean by blocks of `b`, the error falls as `1/b`, so that `2 V_b - V_{b/2}` is free of it (Vats and Flegal 2022; never less than `V_b` is taken). And a
//! variance from the few `k = n / b` blocks that a series holds is itself uncertain, as in Student's case: with `k - 1` degrees of freedom. The quantiles are drawn out
//! from the mean by
//!
//! ```text
//! f = sqrt(max(1, 2 - V_{b/2} / V_b)) · sqrt(k / (k - 1)) · t_{k-1}(level) / z(level)
//! ```
//!
//! Sources: H. Künsch, "The jackknife and the bootstrap for general stationary observations", Annals of Statistics 17 (1989); D. Vats and J. Flegal, "Lugsail lag windows
//! for estimating time-average covariance matrices", Biometrika 109 (2022); for quantiles of `t`, G. W. Hill, "Algorithm 396", Communications of the ACM 13 (1970),
//! in the form of the expansion by R. A. Fisher and E. A. Cornish, Technometrics 2 (1960).

use powerflow::estimation::normal_limit;
use studies::synthetic::random::Random;

const PURPOSE: u64 = 0x626c_6f63_6b73;
const DRAWS: usize = 1000;
/// Draws where each is a fit.
const REFITS: usize = 199;

/// Bounds of the mean with probability `level`; none for fewer than four blocks, a value that is no finite number, a level that is not between 0 and 1.
/// The same values give the same bounds.
pub fn mean_interval(values: &[f64], block: usize, level: f64) -> Option<(f64, f64)> {
    let n = values.len();
    if block == 0 || n < block.saturating_mul(4) || !(level > 0.0 && level < 1.0) || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut random = Random::new(1, PURPOSE, 0);
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let (mut sum, mut drawn) = (0.0, 0);
            while drawn < n {
                let start = ((random.unit() * (n - block + 1) as f64) as usize).min(n - block);
                let taken = block.min(n - drawn);
                sum += values[start..start + taken].iter().sum::<f64>();
                drawn += taken;
            }
            sum / n as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |q: f64| means[((q * DRAWS as f64).floor() as usize).min(DRAWS - 1)];
    let mean = values.iter().sum::<f64>() / n as f64;
    let wider = wider(values, mean, block, level);
    let bound = |q: f64| mean + wider * (at(q) - mean);
    let (low, high) = (bound((1.0 - level) / 2.0), bound((1.0 + level) / 2.0));
    // Sums of like values differ in their last digits.
    Some((low.min(high), high.max(low))).filter(|b| b.0.is_finite() && b.1.is_finite())
}

/// Bounds, with probability `level`, of a figure that is estimated from a fit and what the fit leaves: what is left is drawn anew in blocks, put on the fit, and
/// estimated again, so that whatever the estimate chooses on its way (changepoints, parts) is chosen again as well. The bounds are the estimate less what the draws
/// differ from it (the basic bootstrap: a bias of the draws is taken off), drawn out as those of means are. Draws that cannot be estimated are passed over; none when
/// more than a tenth are, or for fewer than four blocks.
///
/// Source: A. Davison and D. Hinkley, *Bootstrap Methods and their Application* (1997), sections 5.2.1 and 8.2.3.
pub fn refitted_interval(
    fitted: &[f64],
    left: &[f64],
    block: usize,
    level: f64,
    found: f64,
    estimate: impl Fn(&[f64]) -> Option<f64>,
) -> Option<(f64, f64)> {
    let n = fitted.len();
    if left.len() != n || block == 0 || n < block.saturating_mul(4) || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let mean = left.iter().sum::<f64>() / n as f64;
    let mut random = Random::new(1, PURPOSE, 1);
    let mut series = vec![0.0; n];
    let mut draws: Vec<f64> = (0..REFITS)
        .filter_map(|_| {
            let mut at = 0;
            while at < n {
                let start = ((random.unit() * (n - block + 1) as f64) as usize).min(n - block);
                for k in 0..block.min(n - at) {
                    series[at + k] = fitted[at + k] + left[start + k] - mean;
                }
                at += block;
            }
            estimate(&series).filter(|e| e.is_finite())
        })
        .collect();
    if draws.len() * 10 < REFITS * 9 {
        return None;
    }
    draws.sort_unstable_by(f64::total_cmp);
    let at = |q: f64| draws[((q * draws.len() as f64).floor() as usize).min(draws.len() - 1)] - found;
    let wider = wider(left, mean, block, level);
    Some((found - wider * at((1.0 + level) / 2.0), found - wider * at((1.0 - level) / 2.0))).filter(|b| b.0 <= b.1)
}

/// By how much the quantiles are drawn out: see the file's header.
fn wider(values: &[f64], mean: f64, block: usize, level: f64) -> f64 {
    let k = values.len() as f64 / block as f64;
    let cut = if block > 1 {
        let (whole, half) = (variance(values, mean, block), variance(values, mean, block / 2));
        if whole > 0.0 { (2.0 - half / whole).max(1.0) } else { 1.0 }
    } else {
        1.0
    };
    (cut * k / (k - 1.0)).sqrt() * student_over_normal(level, k - 1.0)
}

/// Variance of a value's mean over a block, times the block's length: what a value counts for when its neighbours are counted with it.
fn variance(values: &[f64], mean: f64, block: usize) -> f64 {
    let mut sum: f64 = values[..block].iter().map(|v| v - mean).sum();
    let mut squares = sum * sum;
    for (new, old) in values[block..].iter().zip(values) {
        sum += new - old;
        squares += sum * sum;
    }
    squares / block as f64 / (values.len() - block + 1) as f64
}

/// The two-sided quantile of Student's `t` over that of the normal distribution, by the first four terms in `1 / freedom`: right to 1 % from 3 degrees on.
pub fn student_over_normal(level: f64, freedom: f64) -> f64 {
    let z = normal_limit(1.0 - level);
    let (v, z2) = (freedom.max(1.0), z * z);
    let terms = [1.0, (z2 + 1.0) / 4.0, ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0, (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0];
    terms.iter().rev().fold(0.0, |sum, t| sum / v + t)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The true mean, 0, is held as often as promised to what 1000 series can tell, and less often when blocks are shorter than neighbours are alike.
    #[test]
    fn means_of_errors_that_go_on_are_held() {
        for (n, rho, block, least, most) in
            [(400, 0.8, 25, 0.93, 0.97), (400, 0.0, 1, 0.93, 0.97), (120, 0.5, 10, 0.92, 0.97), (60, 0.3, 6, 0.92, 0.97)]
        {
            let series = noisy(n, rho, 1000);
            let held = |block: usize, level: f64| {
                let held = |s: &&Vec<f64>| mean_interval(s, block, level).is_some_and(|(low, high)| (low..=high).contains(&0.0));
                series.iter().filter(held).count() as f64 / series.len() as f64
            };
            let (long, short, less) = (held(block, 0.95), held(1, 0.95), held(block, 0.8));
            println!(
                "{n} values with correlation {rho}: 95 % hold {:.1} % and 80 % hold {:.1} % with blocks of {block}; 95 % hold {:.1} % with blocks of 1",
                100.0 * long,
                100.0 * less,
                100.0 * short
            );
            assert!((least..=most).contains(&long), "{n} {rho}: {long}");
            assert!(rho < 0.4 || short < 0.85, "{short}");
            assert!((0.75..=0.85).contains(&less), "{n} {rho}: {less}");
        }
    }

    fn noisy(n: usize, rho: f64, count: u64) -> Vec<Vec<f64>> {
        (0..count)
            .map(|index| {
                let mut random = Random::new(5, 5, index);
                let mut e = random.normal();
                (0..n)
                    .map(|_| {
                        e = rho * e + (1.0f64 - rho * rho).sqrt() * random.normal();
                        e
                    })
                    .collect()
            })
            .collect()
    }

    /// Two-sided 95 % of any table of t: 3.182 with 3 degrees of freedom, 2.131 with 15, 1.980 with 120.
    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, t, within) in [(3.0, 3.182, 0.03), (5.0, 2.571, 0.005), (15.0, 2.131, 0.001), (120.0, 1.980, 0.001)] {
            let found = 1.959_964 * student_over_normal(0.95, freedom);
            assert!((found - t).abs() < within, "{freedom}: {found}");
        }
    }

    #[test]
    fn what_gives_no_interval_gives_none() {
        assert_eq!(mean_interval(&[1.0; 7], 2, 0.95), None);
        assert_eq!(mean_interval(&[1.0; 8], 2, 0.95), Some((1.0, 1.0)));
        assert_eq!(mean_interval(&[1.0; 8], 0, 0.95), None);
        assert_eq!(mean_interval(&[1.0; 8], 2, 1.0), None);
        assert_eq!(mean_interval(&[f64::NAN; 8], 2, 0.95), None);
        assert_eq!(mean_interval(&[1.0; 8], usize::MAX, 0.95), None);
    }
}
