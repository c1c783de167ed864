//! How sure a figure is when rows come in groups: intervals by drawing whole groups anew.
//!
//! Rows of one transformer or feeder go together, so that a hundred of them say less than a hundred rows of as many. Groups `g_1 .. g_G` are drawn
//! `G` times with replacement, the figure is taken of all rows of the groups drawn, and this `N` times:
//!
//! ```text
//! interval of 95 % = from the 0.025 to the 0.975 quantile of the N figures
//! ```
//!
//! Of few groups the interval is too narrow (below some twenty by a fifth of its width and more), and of less than ten none is given.
//!
//! Source: B. Efron and R. Tibshirani, *An Introduction to the Bootstrap* (1993), sections 8.6 and 13.3; A. C. Field and A. H. Welsh, "Bootstrapping
//! clustered data", JRSS B 69 (2007).

use studies::synthetic::random::Random;

const PURPOSE: u64 = 0x7265_7361_6d70;
/// Fewer groups than these tell nothing of how groups differ.
const LEAST_GROUPS: usize = 10;
/// Draws of which a figure cannot be taken (one class only) may be this part of all.
const MOST_UNDEFINED: f64 = 0.2;

/// The 95 % interval of a figure over rows that `of` puts into groups (any numbers). None for fewer than ten groups, or where the figure is not
/// defined for more than a fifth of the draws. The same seed gives the same interval.
pub fn interval(of: &[u32], draws: usize, seed: u64, figure: impl Fn(&[usize]) -> Option<f64>) -> Option<(f64, f64)> {
    let mut rows: Vec<(u32, usize)> = of.iter().copied().zip(0..).collect();
    rows.sort_unstable();
    let groups: Vec<&[(u32, usize)]> = rows.chunk_by(|a, b| a.0 == b.0).collect();
    if groups.len() < LEAST_GROUPS || draws == 0 {
        return None;
    }
    let mut random = Random::new(seed, PURPOSE, 0);
    let mut drawn = Vec::with_capacity(rows.len());
    let mut figures: Vec<f64> = (0..draws)
        .filter_map(|_| {
            drawn.clear();
            for _ in 0..groups.len() {
                let at = ((random.unit() * groups.len() as f64) as usize).min(groups.len() - 1);
                drawn.extend(groups[at].iter().map(|r| r.1));
            }
            figure(&drawn).filter(|f| f.is_finite())
        })
        .collect();
    if (figures.len() as f64) < (1.0 - MOST_UNDEFINED) * draws as f64 {
        return None;
    }
    figures.sort_unstable_by(f64::total_cmp);
    let at = |q: f64| figures[((q * figures.len() as f64).ceil() as usize).clamp(1, figures.len()) - 1];
    Some((at(0.025), at(0.975)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> impl Fn(&[usize]) -> Option<f64> + '_ {
        |rows| Some(rows.iter().map(|&i| values[i]).sum::<f64>() / rows.len() as f64)
    }

    /// The mean of 40 groups whose own means have a deviation of 2 and whose rows are all alike: 1.96 * 2 / sqrt(40) to either side. Rows taken
    /// for independent would promise a fifth of that.
    #[test]
    fn intervals_hold_the_truth_where_rows_go_together() {
        let (groups, each, sets) = (40, 25, 300);
        let (mut held, mut width) = (0, 0.0);
        for set in 0..sets {
            let mut r = Random::new(set, 1, 0);
            let level: Vec<f64> = (0..groups).map(|_| 2.0 * r.normal()).collect();
            let values: Vec<f64> = (0..groups * each).map(|i| level[i % groups]).collect();
            let of: Vec<u32> = (0..groups * each).map(|i| (i % groups) as u32).collect();
            let (low, high) = interval(&of, 400, set, mean(&values)).unwrap();
            held += usize::from(low <= 0.0 && 0.0 <= high);
            width += (high - low) / f64::from(sets as u32);
        }
        let exact = 2.0 * 1.96 * 2.0 / 40.0_f64.sqrt();
        println!("held {held} of {sets}, mean width {width:.3}, of theory {exact:.3}");
        // 95 % of 300 with a standard error of 1.3 %, less the one or two percent that forty groups cost.
        assert!((270..=297).contains(&held), "{held}");
        assert!((width / exact - 1.0).abs() < 0.06, "{width} {exact}");
    }

    #[test]
    fn little_gives_no_interval() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let nine: Vec<u32> = (0..100).map(|i| i % 9).collect();
        assert_eq!(interval(&nine, 100, 1, mean(&values)), None);
        assert_eq!(interval(&[], 100, 1, mean(&values)), None);
        let many: Vec<u32> = (0..100).collect();
        assert_eq!(interval(&many, 100, 1, |_| None), None);
        assert_eq!(interval(&many, 100, 1, mean(&values)), interval(&many, 100, 1, mean(&values)));
    }
}
