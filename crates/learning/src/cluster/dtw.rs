//! Curves that run alike, though not at the same time.
//!
//! Dynamic time warping lays two curves side by side so that each point has at least one partner, in order, at the least cost:
//!
//! ```text
//! D(i, j) = (a_i - b_j)^2 + min(D(i-1, j-1), D(i-1, j), D(i, j-1))        distance = sqrt D(n, m)
//! ```
//!
//! A band (Sakoe and Chiba) allows partners only `band` steps apart, for curves of different lengths so much beyond their difference. It keeps
//! noon from being laid on midnight and costs less.
//!
//! The mean of curves under this distance (DBA) starts from a curve, lays all others along it, and takes for each of its points the mean of all
//! partners, until the sum of squared distances falls no further. [`group`] is k-means with this distance and mean.
//!
//! Sources: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE Trans. ASSP 26 (1978);
//! F. Petitjean, A. Ketterlin, P. Gançarski, "A global averaging method for dynamic time warping", Pattern Recognition 44 (2011).

use crate::guard::{Fault, Faults, FitError};
use serde::{Deserialize, Serialize};
use studies::synthetic::random::Random;

const PURPOSE: u64 = 0x6474_7700;
/// A barycentre is done when the sum falls by less than this part.
const LEAST_FALL: f64 = 1e-5;
const ROUNDS_OF_A_MEAN: usize = 100;

/// Partners of point `i` of the shorter curve among `long` points of the other.
fn partners(i: usize, short: usize, long: usize, band: Option<usize>) -> (usize, usize) {
    match band {
        None => (0, long),
        Some(band) => (i.saturating_sub(band), (i + long - short).saturating_add(band).saturating_add(1).min(long)),
    }
}

/// The distance of two curves, in their unit; none if one is empty.
pub fn distance(a: &[f64], b: &[f64], band: Option<usize>) -> Option<f64> {
    let (a, b) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if a.is_empty() {
        return None;
    }
    // One row of D, with a place of infinite cost before it.
    let mut row = vec![f64::INFINITY; b.len() + 1];
    row[0] = 0.0;
    for (i, x) in a.iter().enumerate() {
        let (from, to) = partners(i, a.len(), b.len(), band);
        let mut corner = row[from];
        row[from] = f64::INFINITY;
        let mut left = f64::INFINITY;
        for j in from..to {
            let above = row[j + 1];
            let d = x - b[j];
            left = d * d + corner.min(above).min(left);
            corner = above;
            row[j + 1] = left;
        }
    }
    Some(row[b.len()].sqrt())
}

/// The way of least cost: pairs of points, from the first to the last. None if a curve is empty.
pub fn path(a: &[f64], b: &[f64], band: Option<usize>) -> Option<Vec<(usize, usize)>> {
    if a.len() > b.len() {
        return path(b, a, band).map(|p| p.into_iter().map(|(i, j)| (j, i)).collect());
    }
    if a.is_empty() {
        return None;
    }
    let width = b.len() + 1;
    let mut cost = vec![f64::INFINITY; (a.len() + 1) * width];
    cost[0] = 0.0;
    for (i, x) in a.iter().enumerate() {
        let (from, to) = partners(i, a.len(), b.len(), band);
        for j in from..to {
            let d = x - b[j];
            let before = cost[i * width + j].min(cost[i * width + j + 1]).min(cost[(i + 1) * width + j]);
            cost[(i + 1) * width + j + 1] = d * d + before;
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut path = Vec::with_capacity(i + j);
    while i > 0 && j > 0 {
        path.push((i - 1, j - 1));
        let (both, up, left) = (cost[(i - 1) * width + j - 1], cost[(i - 1) * width + j], cost[i * width + j - 1]);
        if both <= up && both <= left {
            (i, j) = (i - 1, j - 1);
        } else if up <= left {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    path.reverse();
    Some(path)
}

/// The mean of curves, as long as `start`, from which it is sought. None without curves, or with an empty one.
pub fn mean(curves: &[&[f64]], start: &[f64], band: Option<usize>) -> Option<Vec<f64>> {
    if curves.is_empty() || start.is_empty() {
        return None;
    }
    let mut mean = start.to_vec();
    let mut before = f64::INFINITY;
    for _ in 0..ROUNDS_OF_A_MEAN {
        let mut sums = vec![(0.0, 0usize); mean.len()];
        let mut cost = 0.0;
        for curve in curves {
            for (i, j) in path(&mean, curve, band)? {
                let d = mean[i] - curve[j];
                cost += d * d;
                sums[i].0 += curve[j];
                sums[i].1 += 1;
            }
        }
        if before - cost < LEAST_FALL * cost || cost == 0.0 {
            break;
        }
        before = cost;
        for (m, (sum, n)) in mean.iter_mut().zip(sums) {
            *m = sum / n as f64;
        }
    }
    Some(mean)
}

/// How groups of curves are looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub band: Option<usize>,
    pub starts: usize,
    pub rounds: usize,
    pub seed: u64,
    /// First centres of a single start instead of drawn ones.
    pub centres: Option<Vec<Vec<f64>>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { band: None, starts: 3, rounds: 50, seed: 1, centres: None }
    }
}

/// Groups of curves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurveGroups {
    pub centres: Vec<Vec<f64>>,
    pub band: Option<usize>,
    /// Group of each curve.
    pub labels: Vec<usize>,
    /// Sum of squared distances to the centres.
    pub inertia: f64,
    pub settled: bool,
}

/// Finds `k` groups of curves.
///
/// # Errors
///
/// Fewer curves than groups, an empty curve, values that are not finite, no groups, centres of another number.
pub fn group(curves: &[&[f64]], k: usize, options: &Options) -> Result<CurveGroups, FitError> {
    let mut faults = Faults::default();
    faults.choice(k > 0, "the number of groups", k as f64, "at least 1");
    faults.choice(options.starts > 0, "the number of starts", options.starts as f64, "at least 1");
    faults.choice(options.rounds > 0, "the number of rounds", options.rounds as f64, "at least 1");
    if curves.len() < k.max(1) {
        faults.add(Fault::TooFewRows { found: curves.len(), needed: k.max(1) });
    }
    let bad: Vec<usize> = (0..curves.len()).filter(|&i| curves[i].is_empty() || curves[i].iter().any(|v| !v.is_finite())).collect();
    if !bad.is_empty() {
        faults.add(Fault::AnswerNotFinite { count: bad.len(), rows: bad.into_iter().take(5).collect() });
    }
    if let Some(centres) = &options.centres {
        if centres.len() != k {
            faults.add(Fault::Length { what: "the list of centres", found: centres.len(), expected: k });
        }
        faults.choice(centres.iter().all(|c| !c.is_empty()), "the length of a centre", 0.0, "at least 1");
    }
    faults.none()?;
    let starts = if options.centres.is_some() { 1 } else { options.starts };
    let mut best: Option<CurveGroups> = None;
    for start in 0..starts as u64 {
        let centres = match &options.centres {
            Some(c) => c.clone(),
            None => draw(curves, k, options.band, &mut Random::new(options.seed, PURPOSE, start)),
        };
        let found = lloyd(curves, centres, options);
        if best.as_ref().is_none_or(|b| found.inertia < b.inertia) {
            best = Some(found);
        }
    }
    Ok(best.expect("there is at least one start"))
}

fn squared(a: &[f64], b: &[f64], band: Option<usize>) -> f64 {
    let d = distance(a, b, band).expect("curves were looked at");
    d * d
}

/// First centres, each with a probability in proportion to its squared distance from those before.
fn draw(curves: &[&[f64]], k: usize, band: Option<usize>, random: &mut Random) -> Vec<Vec<f64>> {
    let mut taken = vec![(random.unit() * curves.len() as f64) as usize];
    let mut distance: Vec<f64> = curves.iter().map(|c| squared(c, curves[taken[0]], band)).collect();
    while taken.len() < k {
        let total: f64 = distance.iter().sum();
        let mut at = random.unit() * total;
        let far = distance.iter().rposition(|d| *d > 0.0);
        // Curves that are all alike: the first that is not taken yet.
        let mut next = far.or((0..curves.len()).find(|i| !taken.contains(i))).unwrap_or(0);
        for (i, d) in distance.iter().enumerate().filter(|(_, d)| **d > 0.0) {
            if at < *d {
                next = i;
                break;
            }
            at -= d;
        }
        taken.push(next);
        for (d, c) in distance.iter_mut().zip(curves) {
            *d = d.min(squared(c, curves[next], band));
        }
    }
    taken.into_iter().map(|i| curves[i].to_vec()).collect()
}

fn lloyd(curves: &[&[f64]], mut centres: Vec<Vec<f64>>, options: &Options) -> CurveGroups {
    let band = options.band;
    let mut labels = vec![usize::MAX; curves.len()];
    let mut distances = vec![0.0; curves.len()];
    let mut settled = false;
    for _ in 0..options.rounds {
        let mut moved = false;
        for (i, curve) in curves.iter().enumerate() {
            let (group, d) = nearest(&centres, curve, band);
            moved |= labels[i] != group;
            (labels[i], distances[i]) = (group, d);
        }
        if !moved {
            settled = true;
            break;
        }
        for g in 0..centres.len() {
            if !labels.contains(&g) {
                let size = |g: usize| labels.iter().filter(|l| **l == g).count();
                let from = (0..curves.len())
                    .filter(|&i| size(labels[i]) > 1)
                    .max_by(|&a, &b| distances[a].total_cmp(&distances[b]).then(b.cmp(&a)));
                if let Some(i) = from {
                    (labels[i], distances[i]) = (g, 0.0);
                    centres[g] = curves[i].to_vec();
                }
            }
            let own: Vec<&[f64]> = curves.iter().zip(&labels).filter(|(_, l)| **l == g).map(|(c, _)| *c).collect();
            if let Some(m) = mean(&own, &centres[g], band) {
                centres[g] = m;
            }
        }
    }
    if !settled {
        for (i, curve) in curves.iter().enumerate() {
            (labels[i], distances[i]) = nearest(&centres, curve, band);
        }
    }
    CurveGroups { inertia: distances.iter().sum(), centres, band, labels, settled }
}

fn nearest(centres: &[Vec<f64>], curve: &[f64], band: Option<usize>) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (g, centre) in centres.iter().enumerate() {
        let d = squared(centre, curve, band);
        if d < best.1 {
            best = (g, d);
        }
    }
    best
}

impl CurveGroups {
    /// The nearest group of a curve and its distance; none for an empty curve.
    pub fn nearest(&self, curve: &[f64]) -> Option<(usize, f64)> {
        (!curve.is_empty()).then(|| {
            let (group, d) = nearest(&self.centres, curve, self.band);
            (group, d.sqrt())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least cost over all ways, directly.
    fn by_force(a: &[f64], b: &[f64], i: usize, j: usize, band: Option<usize>) -> f64 {
        let allowed = |i: usize, j: usize| {
            let (s, l, si, lj) = if a.len() <= b.len() { (a.len(), b.len(), i, j) } else { (b.len(), a.len(), j, i) };
            band.is_none_or(|band| lj + band >= si && lj <= si + l - s + band)
        };
        if !allowed(i, j) {
            return f64::INFINITY;
        }
        let d = (a[i] - b[j]).powi(2);
        let before = match (i, j) {
            (0, 0) => 0.0,
            (0, _) => by_force(a, b, 0, j - 1, band),
            (_, 0) => by_force(a, b, i - 1, 0, band),
            _ => by_force(a, b, i - 1, j - 1, band).min(by_force(a, b, i - 1, j, band)).min(by_force(a, b, i, j - 1, band)),
        };
        d + before
    }

    #[test]
    fn distances_and_paths_are_the_least_of_all_ways() {
        let mut r = Random::new(1, 0, 0);
        for round in 0..60 {
            let curve = |r: &mut Random| (0..r.whole(1, 7)).map(|_| r.normal()).collect::<Vec<f64>>();
            let (a, b) = (curve(&mut r), curve(&mut r));
            let band = [None, Some(0), Some(1), Some(2), Some(10)][round % 5];
            let least = by_force(&a, &b, a.len() - 1, b.len() - 1, band);
            let found = distance(&a, &b, band).unwrap();
            assert!((found * found - least).abs() < 1e-12, "{found} {least} {band:?}");
            assert_eq!(distance(&b, &a, band), Some(found));
            let path = path(&a, &b, band).unwrap();
            let cost: f64 = path.iter().map(|&(i, j)| (a[i] - b[j]).powi(2)).sum();
            assert!((cost - least).abs() < 1e-12);
            assert_eq!((path[0], path[path.len() - 1]), ((0, 0), (a.len() - 1, b.len() - 1)));
            assert!(path.windows(2).all(|w| w[1].0 - w[0].0 <= 1 && w[1].1 - w[0].1 <= 1 && w[0] != w[1]));
        }
        assert_eq!(distance(&[], &[1.0], None), None);
    }

    #[test]
    fn a_shift_costs_nothing_and_a_band_of_zero_is_the_straight_distance() {
        let a = [0.0, 0.0, 1.0, 2.0, 1.0, 0.0];
        let b = [0.0, 1.0, 2.0, 1.0, 0.0, 0.0];
        assert_eq!(distance(&a, &b, None), Some(0.0));
        assert_eq!(distance(&a, &b, Some(1)), Some(0.0));
        assert_eq!(distance(&a, &b, Some(0)), Some(2.0));
    }

    /// A morning or an evening peak, an hour early or late.
    fn days(seed: u64, n: usize) -> Vec<Vec<f64>> {
        let mut r = Random::new(seed, 0, 0);
        (0..n)
            .map(|i| {
                let peak = if i % 2 == 0 { 8.0 } else { 18.0 } + r.between(-1.5, 1.5);
                (0..24).map(|h| (-(f64::from(h) - peak).powi(2) / 4.0).exp() + 0.02 * r.normal()).collect()
            })
            .collect()
    }

    #[test]
    fn the_mean_of_shifted_peaks_keeps_the_peak() {
        let days = days(2, 20);
        let mornings: Vec<&[f64]> = days.iter().step_by(2).map(Vec::as_slice).collect();
        let straight: Vec<f64> = (0..24).map(|h| mornings.iter().map(|d| d[h]).sum::<f64>() / 10.0).collect();
        let warped = mean(&mornings, mornings[0], None).unwrap();
        let top = |c: &[f64]| c.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(top(&straight) < 0.85 && top(&warped) > 0.9, "{} {}", top(&straight), top(&warped));
        let sum = |c: &[f64]| mornings.iter().map(|m| squared(c, m, None)).sum::<f64>();
        assert!(sum(&warped) < sum(&straight) && sum(&warped) < sum(mornings[0]));
        assert_eq!(mean(&[], &[1.0], None), None);
    }

    #[test]
    fn kinds_of_day_are_found() {
        let days = days(3, 30);
        let curves: Vec<&[f64]> = days.iter().map(Vec::as_slice).collect();
        let found = group(&curves, 2, &Options { band: Some(3), ..Options::default() }).unwrap();
        assert!(found.settled);
        assert!((0..30).all(|i| found.labels[i] == found.labels[i % 2]) && found.labels[0] != found.labels[1]);
        assert_eq!(found.nearest(curves[4]).unwrap().0, found.labels[0]);
        let back: CurveGroups = serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
        assert_eq!(back, found);
    }

    #[test]
    fn bad_curves_are_refused() {
        let error = group(&[&[1.0], &[]], 3, &Options { centres: Some(vec![vec![]]), ..Options::default() }).unwrap_err();
        assert_eq!(error.faults.len(), 4, "{error}");
        // Equal curves make as many groups as there are curves, at no cost.
        let same = group(&[&[1.0, 2.0], &[1.0, 2.0]], 2, &Options::default()).unwrap();
        assert_eq!(same.inertia, 0.0);
    }
}
