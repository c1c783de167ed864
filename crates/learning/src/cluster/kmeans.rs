//! Groups around means.
//!
//! Rows go to the nearest centre, centres to the mean of their rows, until nothing moves (Lloyd). The first centres are drawn so that a row
//! is taken with a probability in proportion to its squared distance from those already taken, the best of several draws each time (k-means++).
//! Several starts, the least sum of squared distances counts. A centre that loses all its rows takes the row that lies furthest from its own
//! centre, so that there are as many groups as were asked for.
//!
//! Sources: S. Lloyd, "Least squares quantization in PCM" (1982); D. Arthur, S. Vassilvitskii, "k-means++" (2007).

use crate::cluster::{silhouette, squared};
use crate::guard::{Fault, Faults, FitError, Needs, PredictError, Predicted, Ranges, table_faults};
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use studies::synthetic::random::Random;

const PURPOSE: u64 = 0x6b6d_6561_6e73;

/// How groups are looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    pub starts: usize,
    /// Rounds of a start at most.
    pub rounds: usize,
    pub seed: u64,
    /// First centres of a single start, a row each, instead of drawn ones.
    pub centres: Option<Matrix>,
}

impl Default for Options {
    fn default() -> Self {
        Self { starts: 10, rounds: 300, seed: 1, centres: None }
    }
}

/// Groups around centres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KMeans {
    columns: usize,
    /// Row after row.
    centres: Vec<f64>,
    pub ranges: Ranges,
    /// Group of each row of training.
    pub labels: Vec<usize>,
    /// Sum of squared distances to the centres.
    pub inertia: f64,
    /// Whether nothing moved any more in the last round of the start that counts.
    pub settled: bool,
}

impl KMeans {
    /// Looks for `k` groups.
    ///
    /// # Errors
    ///
    /// Fewer rows that differ than groups, values that are not finite, no groups, centres of another shape.
    pub fn fit(x: &Matrix, k: usize, options: &Options) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        table_faults(x, Needs { rows: k.max(2), missing: false, varying: false }, &mut faults);
        faults.choice(k > 0, "the number of groups", k as f64, "at least 1");
        faults.choice(options.starts > 0, "the number of starts", options.starts as f64, "at least 1");
        faults.choice(options.rounds > 0, "the number of rounds", options.rounds as f64, "at least 1");
        if let Some(c) = &options.centres {
            if c.columns() != x.columns() {
                faults.add(Fault::Length { what: "a centre", found: c.columns(), expected: x.columns() });
            }
            if c.rows() != k {
                faults.add(Fault::Length { what: "the list of centres", found: c.rows(), expected: k });
            }
            table_faults(c, Needs { rows: 0, missing: false, varying: false }, &mut faults);
        }
        faults.none()?;
        let mut different: Vec<&[f64]> = (0..x.rows()).map(|i| x.row(i)).collect();
        different.sort_unstable_by(|a, b| a.partial_cmp(b).expect("finite values have an order"));
        different.dedup();
        if different.len() < k {
            return Err(Fault::TooFewRows { found: different.len(), needed: k }.into());
        }
        let starts = if options.centres.is_some() { 1 } else { options.starts };
        let mut best: Option<Self> = None;
        for start in 0..starts as u64 {
            let centres = match &options.centres {
                Some(c) => c.values().to_vec(),
                None => draw(x, k, &mut Random::new(options.seed, PURPOSE, start)),
            };
            let found = lloyd(x, centres, options.rounds);
            if best.as_ref().is_none_or(|b| found.inertia < b.inertia) {
                best = Some(found);
            }
        }
        Ok(best.expect("there is at least one start"))
    }

    pub fn groups(&self) -> usize {
        self.centres.len() / self.columns
    }

    /// A row a group.
    pub fn centre(&self, group: usize) -> &[f64] {
        &self.centres[group * self.columns..][..self.columns]
    }

    /// The nearest group of each row (a whole number), and the rows outside of training.
    ///
    /// # Errors
    ///
    /// Another number of columns; a value that is not finite.
    pub fn predict(&self, x: &Matrix) -> Result<Predicted, PredictError> {
        let outside = self.ranges.look(x)?;
        let values = (0..x.rows()).map(|i| nearest(&self.centres, x.row(i)).0 as f64).collect();
        Ok(Predicted { values, outside })
    }
}

/// The nearest of several centres, the first of equals, and its squared distance.
fn nearest(centres: &[f64], row: &[f64]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (g, centre) in centres.chunks_exact(row.len()).enumerate() {
        let d = squared(centre, row);
        if d < best.1 {
            best = (g, d);
        }
    }
    best
}

/// First centres, by k-means++ with as many tries a centre as the logarithm of their number, and two.
fn draw(x: &Matrix, k: usize, random: &mut Random) -> Vec<f64> {
    let tries = 2 + (k as f64).ln() as usize;
    let n = x.rows();
    let first = (random.unit() * n as f64) as usize;
    let mut centres = x.row(first).to_vec();
    let mut distance: Vec<f64> = (0..n).map(|i| squared(x.row(i), x.row(first))).collect();
    for _ in 1..k {
        let total: f64 = distance.iter().sum();
        let mut best: Option<(f64, Vec<f64>, usize)> = None;
        for _ in 0..tries {
            let mut at = random.unit() * total;
            // The last row with a distance, should rounding leave a rest.
            let mut taken = distance.iter().rposition(|d| *d > 0.0).unwrap_or(0);
            for (i, d) in distance.iter().enumerate().filter(|(_, d)| **d > 0.0) {
                if at < *d {
                    taken = i;
                    break;
                }
                at -= d;
            }
            let now: Vec<f64> = (0..n).map(|i| distance[i].min(squared(x.row(i), x.row(taken)))).collect();
            let sum = now.iter().sum();
            if best.as_ref().is_none_or(|b| sum < b.0) {
                best = Some((sum, now, taken));
            }
        }
        let (_, now, taken) = best.expect("there is at least one try");
        distance = now;
        centres.extend_from_slice(x.row(taken));
    }
    centres
}

fn lloyd(x: &Matrix, mut centres: Vec<f64>, rounds: usize) -> KMeans {
    let (n, columns) = (x.rows(), x.columns());
    let k = centres.len() / columns;
    let mut labels = vec![usize::MAX; n];
    let mut distance = vec![0.0; n];
    let mut settled = false;
    for _ in 0..rounds {
        let mut moved = false;
        for i in 0..n {
            let (group, d) = nearest(&centres, x.row(i));
            moved |= labels[i] != group;
            (labels[i], distance[i]) = (group, d);
        }
        if !moved {
            settled = true;
            break;
        }
        let mut sizes = vec![0usize; k];
        labels.iter().for_each(|&g| sizes[g] += 1);
        for g in 0..k {
            if sizes[g] == 0 {
                // Only from a group that keeps a row.
                let from = (0..n).filter(|&i| sizes[labels[i]] > 1).max_by(|&a, &b| distance[a].total_cmp(&distance[b]).then(b.cmp(&a)));
                if let Some(i) = from {
                    sizes[labels[i]] -= 1;
                    (labels[i], distance[i]) = (g, 0.0);
                    sizes[g] = 1;
                }
            }
        }
        centres.fill(0.0);
        for i in 0..n {
            for (sum, v) in centres[labels[i] * columns..].iter_mut().zip(x.row(i)) {
                *sum += v;
            }
        }
        for (centre, size) in centres.chunks_exact_mut(columns).zip(&sizes) {
            centre.iter_mut().for_each(|c| *c /= *size as f64);
        }
    }
    if !settled {
        for i in 0..n {
            (labels[i], distance[i]) = nearest(&centres, x.row(i));
        }
    }
    let inertia = distance.iter().sum();
    KMeans { columns, centres, ranges: Ranges::of(x), labels, inertia, settled }
}

/// One number of groups that was tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    pub groups: usize,
    pub inertia: f64,
    pub silhouette: f64,
}

/// Tries every number of groups from 2 to `most` and takes the one with the largest mean silhouette; the smaller number of equals.
///
/// # Errors
///
/// As [`KMeans::fit`] for two groups; `most` below two. Numbers that there are not enough different rows for are left out.
pub fn choose(x: &Matrix, most: usize, options: &Options) -> Result<(KMeans, Vec<Tried>), FitError> {
    if most < 2 {
        return Err(Fault::Choice { name: "the largest number of groups", found: most as f64, must: "at least 2" }.into());
    }
    let mut best: Option<(f64, KMeans)> = None;
    let mut tried = Vec::new();
    for groups in 2..=most {
        let model = match KMeans::fit(x, groups, options) {
            Ok(model) => model,
            Err(e) if groups == 2 => return Err(e),
            Err(_) => break,
        };
        let Some(silhouette) = silhouette::mean(x, &model.labels) else { continue };
        tried.push(Tried { groups, inertia: model.inertia, silhouette });
        if best.as_ref().is_none_or(|b| silhouette > b.0) {
            best = Some((silhouette, model));
        }
    }
    match best {
        Some((_, model)) => Ok((model, tried)),
        None => Err(Fault::TooFewRows { found: x.rows(), needed: 3 }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clouds(centres: &[[f64; 2]], rows: usize, seed: u64) -> (Matrix, Vec<usize>) {
        let mut r = Random::new(seed, 0, 0);
        let mut x = Matrix::new(2);
        let labels: Vec<usize> = (0..rows).map(|i| i % centres.len()).collect();
        for &g in &labels {
            x.push(&[centres[g][0] + r.normal(), centres[g][1] + r.normal()]);
        }
        (x, labels)
    }

    const FOUR: [[f64; 2]; 4] = [[0.0, 0.0], [12.0, 0.0], [0.0, 12.0], [12.0, 12.0]];

    #[test]
    fn groups_far_apart_are_found_and_counted() {
        let (x, truth) = clouds(&FOUR, 200, 1);
        let (model, tried) = choose(&x, 8, &Options::default()).unwrap();
        assert_eq!((model.groups(), tried.len(), model.settled), (4, 7, true));
        for i in 0..200 {
            for j in 0..200 {
                assert_eq!(truth[i] == truth[j], model.labels[i] == model.labels[j]);
            }
        }
        assert!(tried.is_sorted_by(|a, b| a.inertia > b.inertia), "{tried:?}");
        let new = Matrix::from_values(2, vec![11.5, 0.5, 50.0, 50.0]);
        let said = model.predict(&new).unwrap();
        assert_eq!((said.values[0] as usize, said.outside), (model.labels[1], vec![1]));
        let back: KMeans = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(back, model);
    }

    #[test]
    fn a_fixed_start_is_followed_by_hand() {
        // 0, 1 | 4, 9 from centres 0 and 4: means 0.5 and 6.5, then nothing moves.
        let x = Matrix::from_values(1, vec![0.0, 1.0, 4.0, 9.0]);
        let options = Options { centres: Some(Matrix::from_values(1, vec![0.0, 4.0])), ..Options::default() };
        let model = KMeans::fit(&x, 2, &options).unwrap();
        assert_eq!((model.centre(0), model.centre(1)), (&[0.5][..], &[6.5][..]));
        assert_eq!((model.labels.as_slice(), model.inertia), (&[0, 0, 1, 1][..], 13.0));
    }

    #[test]
    fn a_group_without_rows_takes_the_furthest() {
        // The centre at 100 gets no row; the furthest from its own is 10.
        let x = Matrix::from_values(1, vec![0.0, 1.0, 2.0, 10.0]);
        let options = Options { centres: Some(Matrix::from_values(1, vec![1.0, 100.0])), ..Options::default() };
        let model = KMeans::fit(&x, 2, &options).unwrap();
        assert_eq!(model.labels, [0, 0, 0, 1]);
        assert_eq!((model.centre(1), model.inertia), (&[10.0][..], 2.0));
    }

    #[test]
    fn too_few_different_rows_are_refused() {
        let x = Matrix::from_values(1, vec![1.0, 1.0, 2.0, 2.0]);
        let error = KMeans::fit(&x, 3, &Options::default()).unwrap_err();
        assert_eq!(error.faults, [Fault::TooFewRows { found: 2, needed: 3 }]);
        assert!(KMeans::fit(&x, 0, &Options::default()).is_err());
        assert!(KMeans::fit(&Matrix::from_values(1, vec![1.0, f64::NAN, 2.0]), 2, &Options::default()).is_err());
        let centres = Some(Matrix::from_values(2, vec![1.0, 2.0]));
        assert_eq!(KMeans::fit(&x, 2, &Options { centres, ..Options::default() }).unwrap_err().faults.len(), 2);
        assert!(choose(&x, 1, &Options::default()).is_err());
        // Two spots are two groups, however many are allowed.
        assert_eq!(choose(&x, 5, &Options::default()).unwrap().0.groups(), 2);
    }
}
