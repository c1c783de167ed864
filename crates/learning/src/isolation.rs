//! Isolation forest: how easily a row is cut off from the others.
//!
//! A tree takes a small sample and splits it at random features and random values until every row is alone or a limit of depth is reached. What
//! is odd is alone after few splits. With the mean way to a row's leaf `E(h)`,
//!
//! ```text
//! h      = questions on the way + c(rows in the leaf)
//! c(n)   = 2 (ln(n - 1) + gamma) - 2 (n - 1) / n,  c(2) = 1,  c(1) = 0       mean way of a failed search in a binary tree of n
//! score  = 2^(-E(h) / c(sample))                                              towards 1: odd; 0.5: all alike; below: at home
//! ```
//!
//! **Which features make a score.** `E(h)` is a mean of trees with numbers in their leaves, so that its exact Shapley values ([`crate::explain`])
//! add up to it: `E(h) = base + sum_j phi_j`. Since `log2 score = -E(h) / c`, each feature moves the score by the factor `2^(-phi_j / c)`,
//! and the factors multiply to the score over that of the base. A contribution is given as `-phi_j / c`, in doublings of the score; positive
//! is odd.
//!
//! Source: F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation forest", ICDM 2008.

use crate::explain::Explainer;
use crate::guard::{Faults, FitError, Needs, PredictError, Predicted, Ranges, table_faults};
use crate::matrix::Matrix;
use crate::tree::Tree;
use serde::{Deserialize, Serialize};
use studies::synthetic::random::Random;

const PURPOSE: u64 = 0x6973_6f6c_6174_6500;
const CHUNK: usize = 1024;
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// How a forest is grown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    pub trees: usize,
    /// Rows that each tree takes; all of them if there are fewer.
    pub sample: usize,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { trees: 100, sample: 256, seed: 1 }
    }
}

/// A fitted isolation forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IsolationForest {
    trees: Vec<Tree>,
    pub ranges: Ranges,
    pub options: Options,
    /// Mean way of a failed search among the rows of a sample.
    unit: f64,
}

/// Why a row has its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Reasons {
    pub score: f64,
    /// Score of a row about which nothing is known.
    pub base: f64,
    /// By feature, in doublings of the score: `score = base * 2^(sum)`.
    pub doublings: Vec<f64>,
}

/// Mean way of a failed search in a binary search tree of `n` rows.
pub fn mean_way(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let n = n as f64;
            2.0 * ((n - 1.0).ln() + EULER_GAMMA) - 2.0 * (n - 1.0) / n
        }
    }
}

impl IsolationForest {
    /// Grows a forest to the rows of `x`.
    ///
    /// # Errors
    ///
    /// Fewer than ten rows, values that are not finite, columns that never change, no trees, samples of less than two rows.
    pub fn fit(x: &Matrix, options: &Options) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        table_faults(x, Needs { rows: 10, missing: false, varying: true }, &mut faults);
        faults.choice(options.trees > 0, "the number of trees", options.trees as f64, "at least 1");
        faults.choice(options.sample > 1, "the rows of a sample", options.sample as f64, "at least 2");
        faults.none()?;
        let sample = options.sample.min(x.rows());
        let depth = (sample as f64).log2().ceil() as u32;
        let mut rows: Vec<u32> = (0..x.rows() as u32).collect();
        let trees = (0..options.trees as u64)
            .map(|number| {
                let mut random = Random::new(options.seed, PURPOSE, number);
                // The first places of a shuffle; whatever order the tree before left them in, the draw is as even.
                for k in 0..sample {
                    let other = k + (random.unit() * (rows.len() - k) as f64) as usize;
                    rows.swap(k, other);
                }
                isolate(x, &mut rows[..sample], depth, &mut random)
            })
            .collect();
        Ok(Self { trees, ranges: Ranges::of(x), options: options.clone(), unit: mean_way(sample) })
    }

    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// The score of each row, 0 to 1, and the rows outside of training; those are odd by being there, and their score says how much.
    ///
    /// # Errors
    ///
    /// Another number of columns; a value that is not finite.
    pub fn score(&self, x: &Matrix) -> Result<Predicted, PredictError> {
        let outside = self.ranges.look(x)?;
        let mut values = vec![0.0; x.rows()];
        let scale = -1.0 / (self.trees.len() as f64 * self.unit);
        for (k, chunk) in values.chunks_mut(CHUNK).enumerate() {
            for tree in &self.trees {
                tree.add_to::<false>(x, k * CHUNK, chunk);
            }
            for v in chunk {
                *v = (*v * scale).exp2();
            }
        }
        Ok(Predicted { values, outside })
    }

    /// What each feature has to do with the score of each row.
    ///
    /// # Errors
    ///
    /// As [`IsolationForest::score`].
    pub fn reasons(&self, x: &Matrix) -> Result<Vec<Reasons>, PredictError> {
        self.ranges.look(x)?;
        let scale = -1.0 / (self.trees.len() as f64 * self.unit);
        let mut explainer = Explainer::new(&self.trees, scale, 0.0, x.columns());
        Ok((0..x.rows())
            .map(|row| {
                let why = explainer.explain(x.row(row));
                let sum: f64 = why.contributions.iter().sum();
                Reasons { score: (why.base + sum).exp2(), base: why.base.exp2(), doublings: why.contributions }
            })
            .collect())
    }
}

/// One tree on the rows given, which it reorders.
fn isolate(x: &Matrix, rows: &mut [u32], limit: u32, random: &mut Random) -> Tree {
    let way = |depth: u32, n: usize| f64::from(depth) + mean_way(n);
    let mut tree = Tree::leaf(&[way(0, rows.len())], rows.len() as f64);
    let mut open = vec![(0usize, 0usize, rows.len(), 0u32)];
    let mut features: Vec<usize> = (0..x.columns()).collect();
    while let Some((node, from, to, depth)) = open.pop() {
        if depth >= limit || to - from < 2 {
            continue;
        }
        let here = &mut rows[from..to];
        // Features in random order until one differs among the rows.
        let found = (0..features.len()).find_map(|k| {
            let other = k + (random.unit() * (features.len() - k) as f64) as usize;
            features.swap(k, other);
            let feature = features[k];
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for &row in here.iter() {
                let v = x.at(row as usize, feature);
                low = low.min(v);
                high = high.max(v);
            }
            (low < high).then_some((feature, low, high))
        });
        let Some((feature, low, high)) = found else { continue };
        // Halves, so that a range wider than any number stays finite.
        let drawn = low + 2.0 * (random.unit() * (high / 2.0 - low / 2.0));
        let threshold = if drawn >= low && drawn < high { drawn } else { low };
        let mut left = 0;
        for i in 0..here.len() {
            if x.at(here[i] as usize, feature) <= threshold {
                here.swap(i, left);
                left += 1;
            }
        }
        let (n_left, n_right) = (left, here.len() - left);
        let (value_left, value_right) = (way(depth + 1, n_left), way(depth + 1, n_right));
        let child = tree.split(node, feature, threshold, false, [(&[value_left], n_left as f64), (&[value_right], n_right as f64)]);
        open.push((child + 1, from + left, to, depth + 1));
        open.push((child, from, from + left, depth + 1));
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Fault;
    use crate::metrics;

    /// A cloud of two features around zero, and rows far from it; a third feature means nothing.
    fn cloud(rows: usize, odd: usize, seed: u64) -> (Matrix, Vec<bool>) {
        let mut r = Random::new(seed, 0, 0);
        let mut x = Matrix::new(3);
        for i in 0..rows + odd {
            if i < rows {
                x.push(&[r.normal(), r.normal(), r.normal()]);
            } else {
                let angle = r.between(0.0, std::f64::consts::TAU);
                x.push(&[6.0 * angle.cos(), 6.0 * angle.sin(), r.normal()]);
            }
        }
        (x, (0..rows + odd).map(|i| i >= rows).collect())
    }

    #[test]
    fn the_mean_way_is_that_of_the_paper() {
        assert_eq!((mean_way(0), mean_way(1), mean_way(2)), (0.0, 0.0, 1.0));
        // 2 H(255) - 2 * 255 / 256 with the harmonic number itself; the formula's logarithm is off by 1 / (2 * 255) in it.
        let harmonic: f64 = (1..256).map(|k| 1.0 / f64::from(k)).sum();
        assert!((mean_way(256) - (2.0 * harmonic - 2.0 * 255.0 / 256.0)).abs() < 2.0 / 510.0 + 1e-5);
        assert!((mean_way(256) - 10.244_770_920_116_85).abs() < 1e-9);
    }

    #[test]
    fn what_is_far_scores_higher() {
        let (x, odd) = cloud(1000, 20, 1);
        let forest = IsolationForest::fit(&x, &Options::default()).unwrap();
        let scored = forest.score(&x).unwrap();
        assert!(scored.outside.is_empty());
        let auc = metrics::auc(&odd, &scored.values).unwrap();
        assert!(auc > 0.99, "{auc}");
        assert!(scored.values.iter().all(|s| *s > 0.0 && *s < 1.0));
        // One that nothing in training resembles.
        let far = Matrix::from_values(3, vec![30.0, 30.0, 0.0]);
        let scored = forest.score(&far).unwrap();
        assert_eq!(scored.outside, vec![0]);
        assert!(scored.values[0] > 0.7, "{scored:?}");
    }

    #[test]
    fn every_tree_ends_at_single_rows_or_at_the_limit() {
        let (x, _) = cloud(300, 0, 2);
        let forest = IsolationForest::fit(&x, &Options { trees: 20, sample: 64, seed: 3 }).unwrap();
        for tree in forest.trees() {
            assert!(tree.depth() <= 6);
            assert_eq!(tree.cover(0), 64.0);
            for n in 0..tree.len() {
                match tree.question(n) {
                    Some(q) => assert_eq!(tree.cover(n), tree.cover(q.left) + tree.cover(q.right)),
                    None => assert!(tree.cover(n) >= 1.0),
                }
            }
        }
    }

    #[test]
    fn reasons_multiply_to_the_score_and_name_the_feature() {
        let (mut x, _) = cloud(500, 0, 4);
        x.push(&[0.0, 9.0, 0.0]);
        let forest = IsolationForest::fit(&x, &Options::default()).unwrap();
        let scores = forest.score(&x).unwrap().values;
        let reasons = forest.reasons(&x).unwrap();
        for (score, why) in scores.iter().zip(&reasons) {
            assert!((why.score - score).abs() < 1e-10);
            assert!((why.base * why.doublings.iter().sum::<f64>().exp2() - score).abs() < 1e-10);
        }
        let why = &reasons[500].doublings;
        assert!(why[1] > 0.2 && why[1] > 5.0 * why[0].abs() && why[1] > 5.0 * why[2].abs(), "{why:?}");
    }

    #[test]
    fn a_forest_is_fixed_by_its_seed_and_comes_back() {
        let (x, _) = cloud(100, 5, 5);
        let forest = IsolationForest::fit(&x, &Options::default()).unwrap();
        assert_eq!(forest, IsolationForest::fit(&x, &Options::default()).unwrap());
        let back: IsolationForest = serde_json::from_str(&serde_json::to_string(&forest).unwrap()).unwrap();
        assert_eq!(back, forest);
        assert_eq!(back.score(&x), forest.score(&x));
    }

    #[test]
    fn bad_tables_are_refused() {
        let (x, _) = cloud(5, 0, 6);
        let mut values = x.values().to_vec();
        values[4] = f64::INFINITY;
        for row in 0..5 {
            values[row * 3 + 2] = 7.0;
        }
        let error = IsolationForest::fit(&Matrix::from_values(3, values), &Options { trees: 0, sample: 1, seed: 1 }).unwrap_err();
        assert_eq!(error.faults.len(), 5, "{error}");
        assert!(error.faults.contains(&Fault::ConstantColumn { column: 2, value: 7.0 }));
    }
}
