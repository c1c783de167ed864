//! Random forests: numbers with quantiles, and classes.
//!
//! Trees are grown on samples drawn with replacement, a random choice of features at every node. A number is the mean of the trees' leaves,
//! a class their mean share.
//!
//! Quantiles: each tree gives its leaf's training rows equal weight (times how often each was drawn), the forest the mean of that,
//!
//! ```text
//! w_i(x) = 1/T sum_t  drawn_ti 1[i in leaf_t(x)] / sum_j drawn_tj 1[j in leaf_t(x)]        sum_i w_i y_i = the forest's mean
//! Q(x, q) = least y with sum of w_i(x) over y_i <= y at least q
//! ```
//!
//! Out of bag: every row is also predicted by the trees that did not draw it, which judges the forest without rows set aside. Where rows
//! follow one another in time that is too kind, since the neighbours of a row were drawn: judge by [`crate::guard::split_by_time`] then.
//!
//! Sources: L. Breiman, "Random forests", Machine Learning 45 (2001); N. Meinshausen, "Quantile regression forests", JMLR 7 (2006).

use crate::guard::{Fault, Faults, FitError, Needs, PredictError, Predicted, Ranges, answer_faults, class_faults, table_faults};
use crate::matrix::Matrix;
use crate::metrics;
use crate::tree::Tree;
use crate::tree::grow::{Grown, Limits, Sorted, Target, grow};
use serde::{Deserialize, Serialize};
use studies::synthetic::random::Random;

/// Streams of random numbers of this module.
const PURPOSE: u64 = 0x666f_7265_7374;
/// Rows that all trees are asked about before the next ones, so that they stay near.
const CHUNK: usize = 1024;
/// Fewer rows than these teach nothing.
const LEAST_ROWS: usize = 10;

/// How many features a node tries.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Try {
    All,
    /// The square root of their number, rounded down.
    SquareRoot,
    /// A third of them.
    Third,
    Count(usize),
}

impl Try {
    fn of(self, columns: usize) -> usize {
        match self {
            Self::All => columns,
            Self::SquareRoot => (columns as f64).sqrt() as usize,
            Self::Third => columns / 3,
            Self::Count(n) => n,
        }
        .clamp(1, columns.max(1))
    }
}

/// How a forest is grown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    pub trees: usize,
    pub features: Try,
    /// Longest way from the root.
    pub depth: Option<usize>,
    /// Rows that a leaf has at least, each counted once.
    pub leaf: usize,
    /// Rows that a node needs to be split.
    pub split: usize,
    /// Keeps the training answers of every leaf, for quantiles.
    pub keep_samples: bool,
    pub seed: u64,
    /// Threads that grow trees; the forest is the same for any number.
    pub threads: usize,
}

impl Options {
    /// A hundred full trees, all features tried.
    pub fn numbers() -> Self {
        Self { trees: 100, features: Try::All, depth: None, leaf: 1, split: 2, keep_samples: false, seed: 1, threads: 1 }
    }

    /// Leaves of at least five rows whose answers are kept.
    pub fn quantiles() -> Self {
        Self { leaf: 5, split: 10, keep_samples: true, ..Self::numbers() }
    }

    /// A hundred full trees, as many features as the root of their number.
    pub fn classes() -> Self {
        Self { features: Try::SquareRoot, ..Self::numbers() }
    }

    fn faults(&self, faults: &mut Faults) {
        faults.choice(self.trees > 0, "the number of trees", self.trees as f64, "at least 1");
        faults.choice(self.leaf > 0, "the rows of a leaf", self.leaf as f64, "at least 1");
        faults.choice(self.features != Try::Count(0), "the number of features tried", 0.0, "at least 1");
    }

    fn limits(&self, columns: usize) -> Limits {
        Limits { depth: self.depth.unwrap_or(usize::MAX), leaf: self.leaf, split: self.split.max(2), features: self.features.of(columns) }
    }
}

/// A forest of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    trees: Vec<Tree>,
    pub ranges: Ranges,
    pub options: Options,
    /// R² of the rows that were out of bag; none when no row was, or they did not differ.
    pub out_of_bag_r2: Option<f64>,
    /// By feature: part of the decrease of squared error that its splits made; sums to one.
    pub importance: Vec<f64>,
    samples: Option<Samples>,
}

/// A forest of classes `0..classes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassForest {
    trees: Vec<Tree>,
    pub classes: usize,
    pub ranges: Ranges,
    pub options: Options,
    /// Part of the rows out of bag whose most probable class was right.
    pub out_of_bag_accuracy: Option<f64>,
    /// By feature: part of the decrease of impurity that its splits made; sums to one.
    pub importance: Vec<f64>,
}

/// The training answers of every leaf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Samples {
    /// Answers of all rows, ascending.
    answers: Vec<f64>,
    trees: Vec<LeafSamples>,
}

/// By node where its entries begin, and entries: place among the answers and times drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LeafSamples {
    from: Vec<u32>,
    places: Vec<u32>,
    drawn: Vec<u16>,
}

/// One tree of a forest and the sample that it was grown on.
struct Raised {
    grown: Grown,
    /// By row: times drawn.
    weights: Vec<f64>,
}

/// Grows the trees on as many threads as told; the order is that of their numbers.
fn raise(x: &Matrix, target: &Target<'_>, options: &Options) -> Vec<Raised> {
    let sorted = Sorted::of(x);
    let limits = options.limits(x.columns());
    let one = |number: usize| {
        let mut random = Random::new(options.seed, PURPOSE, number as u64);
        let mut weights = vec![0.0; x.rows()];
        for _ in 0..x.rows() {
            weights[(random.unit() * x.rows() as f64) as usize] += 1.0;
        }
        let grown = grow(&sorted, target, &weights, &limits, &mut random);
        Raised { grown, weights }
    };
    let threads = options.threads.clamp(1, options.trees);
    if threads == 1 {
        return (0..options.trees).map(one).collect();
    }
    let mut raised: Vec<(usize, Raised)> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|t| {
                let one = &one;
                scope.spawn(move || (t..options.trees).step_by(threads).map(|k| (k, one(k))).collect::<Vec<_>>())
            })
            .collect();
        started.into_iter().flat_map(|s| s.join().expect("a thread that grows trees ends")).collect()
    });
    raised.sort_by_key(|r| r.0);
    raised.into_iter().map(|r| r.1).collect()
}

fn mean_importance(raised: &[Raised], columns: usize) -> Vec<f64> {
    // Each tree's own shares first, as a tree of small error would count for nothing otherwise.
    let mut mean = vec![0.0; columns];
    for r in raised {
        let sum: f64 = r.grown.importance.iter().sum();
        if sum > 0.0 {
            for (m, i) in mean.iter_mut().zip(&r.grown.importance) {
                *m += i / sum;
            }
        }
    }
    let sum: f64 = mean.iter().sum();
    if sum > 0.0 {
        mean.iter_mut().for_each(|m| *m /= sum);
    }
    mean
}

/// By row: sum over the trees that did not draw it, of each number of its leaf; and how many those are.
fn out_of_bag(x: &Matrix, raised: &[Raised], width: usize) -> (Vec<f64>, Vec<u32>) {
    let mut sums = vec![0.0; x.rows() * width];
    let mut trees = vec![0; x.rows()];
    for r in raised {
        for row in (0..x.rows()).filter(|&row| r.weights[row] == 0.0) {
            trees[row] += 1;
            let values = r.grown.tree.values(r.grown.tree.leaf_of(x.row(row)));
            for (sum, v) in sums[row * width..].iter_mut().zip(values) {
                *sum += v;
            }
        }
    }
    (sums, trees)
}

impl Forest {
    /// Grows a forest to the numbers `y` of the rows of `x`.
    ///
    /// # Errors
    ///
    /// Every fault of the data and options at once: fewer than ten rows, values that are not finite, columns or answers that never change,
    /// lists of different lengths, no trees, leaves without rows.
    pub fn fit(x: &Matrix, y: &[f64], options: &Options) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        table_faults(x, Needs { rows: LEAST_ROWS, missing: false, varying: true }, &mut faults);
        answer_faults(x.rows(), y, &mut faults);
        options.faults(&mut faults);
        faults.none()?;
        let raised = raise(x, &Target::Number(y), options);
        let (sums, trees) = out_of_bag(x, &raised, 1);
        let judged: Vec<usize> = (0..x.rows()).filter(|&i| trees[i] > 0).collect();
        let actual: Vec<f64> = judged.iter().map(|&i| y[i]).collect();
        let said: Vec<f64> = judged.iter().map(|&i| sums[i] / f64::from(trees[i])).collect();
        let importance = mean_importance(&raised, x.columns());
        let samples = options.keep_samples.then(|| Samples::of(y, &raised));
        Ok(Self {
            trees: raised.into_iter().map(|r| r.grown.tree).collect(),
            ranges: Ranges::of(x),
            options: options.clone(),
            out_of_bag_r2: metrics::r2(&actual, &said).ok(),
            importance,
            samples,
        })
    }

    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// The mean of the trees for each row, in the unit of the answers, and the rows outside of training.
    ///
    /// # Errors
    ///
    /// Another number of columns; a value that is not finite.
    pub fn predict(&self, x: &Matrix) -> Result<Predicted, PredictError> {
        let outside = self.ranges.look(x)?;
        let mut values = vec![0.0; x.rows()];
        for (k, chunk) in values.chunks_mut(CHUNK).enumerate() {
            for tree in &self.trees {
                tree.add_to::<false>(x, k * CHUNK, chunk);
            }
            for v in chunk {
                *v /= self.trees.len() as f64;
            }
        }
        Ok(Predicted { values, outside })
    }

    /// Quantiles of each row: a row of the answer holds one number for each of `quantiles` (between 0 and 1), in their order.
    ///
    /// # Errors
    ///
    /// As [`Forest::predict`]; a forest without samples; a quantile that is not between 0 and 1.
    pub fn predict_quantiles(&self, x: &Matrix, quantiles: &[f64]) -> Result<(Matrix, Vec<usize>), PredictError> {
        if let Some(&found) = quantiles.iter().find(|q| !(**q > 0.0 && **q < 1.0)) {
            return Err(PredictError::Choice { name: "a quantile", found, must: "between 0 and 1" });
        }
        let samples = self.samples.as_ref().ok_or(PredictError::NoSamples)?;
        let outside = self.ranges.look(x)?;
        let mut answer = Matrix::new(quantiles.len());
        let mut weights: Vec<(u32, f64)> = Vec::new();
        let mut said = vec![0.0; quantiles.len()];
        for row in 0..x.rows() {
            self.weigh(samples, x.row(row), &mut weights);
            for (q, said) in quantiles.iter().zip(&mut said) {
                // What rounding leaves of the sum must not push a quantile past the sample it falls on.
                let wanted = q - 1e-12;
                let mut sum = 0.0;
                let place = weights.iter().find(|w| {
                    sum += w.1;
                    sum >= wanted
                });
                *said = samples.answers[place.or(weights.last()).map_or(0, |w| w.0 as usize)];
            }
            answer.push(&said);
        }
        Ok((answer, outside))
    }

    /// The weights of the answers for one row, by place; a place may come several times.
    fn weigh(&self, samples: &Samples, row: &[f64], weights: &mut Vec<(u32, f64)>) {
        weights.clear();
        for (tree, kept) in self.trees.iter().zip(&samples.trees) {
            let leaf = tree.leaf_of(row);
            let entries = kept.from[leaf] as usize..kept.from[leaf + 1] as usize;
            let share = 1.0 / (tree.cover(leaf) * self.trees.len() as f64);
            weights.extend(entries.map(|e| (kept.places[e], f64::from(kept.drawn[e]) * share)));
        }
        weights.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    }
}

impl Samples {
    fn of(y: &[f64], raised: &[Raised]) -> Self {
        let mut order: Vec<u32> = (0..y.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| y[a as usize].total_cmp(&y[b as usize]).then(a.cmp(&b)));
        let mut place = vec![0; y.len()];
        for (k, &row) in order.iter().enumerate() {
            place[row as usize] = k as u32;
        }
        let trees = raised
            .iter()
            .map(|r| {
                let mut kept = LeafSamples { from: vec![0], places: Vec::new(), drawn: Vec::new() };
                for &(from, length) in &r.grown.leaf_rows {
                    for &row in &r.grown.rows[from as usize..][..length as usize] {
                        kept.places.push(place[row as usize]);
                        kept.drawn.push(r.weights[row as usize] as u16);
                    }
                    kept.from.push(kept.places.len() as u32);
                }
                kept
            })
            .collect();
        Self { answers: order.into_iter().map(|row| y[row as usize]).collect(), trees }
    }
}

impl ClassForest {
    /// Grows a forest to the classes `y` (0, 1, ... `classes - 1`) of the rows of `x`.
    ///
    /// # Errors
    ///
    /// As [`Forest::fit`]; a class that is not among them, fewer than two classes.
    pub fn fit(x: &Matrix, y: &[f64], classes: usize, options: &Options) -> Result<Self, FitError> {
        let mut faults = Faults::default();
        table_faults(x, Needs { rows: LEAST_ROWS, missing: false, varying: true }, &mut faults);
        answer_faults(x.rows(), y, &mut faults);
        if classes < 2 {
            faults.add(Fault::Choice { name: "the number of classes", found: classes as f64, must: "at least 2" });
        } else {
            class_faults(y, classes, &mut faults);
        }
        faults.choice(!options.keep_samples, "keeping samples", 1.0, "left out of a forest of classes");
        options.faults(&mut faults);
        faults.none()?;
        let numbers: Vec<u32> = y.iter().map(|&c| c as u32).collect();
        let target = if classes == 2 { Target::Number(y) } else { Target::Class(&numbers, classes) };
        let raised = raise(x, &target, options);
        let width = if classes == 2 { 1 } else { classes };
        let (sums, trees) = out_of_bag(x, &raised, width);
        let (mut judged, mut right) = (0, 0);
        for row in (0..x.rows()).filter(|&row| trees[row] > 0) {
            let shares = &sums[row * width..][..width];
            judged += 1;
            let said = if width == 1 { u32::from(shares[0] > f64::from(trees[row]) / 2.0) } else { largest(shares) as u32 };
            right += usize::from(said == numbers[row]);
        }
        let importance = mean_importance(&raised, x.columns());
        Ok(Self {
            trees: raised.into_iter().map(|r| r.grown.tree).collect(),
            classes,
            ranges: Ranges::of(x),
            options: options.clone(),
            out_of_bag_accuracy: (judged > 0).then(|| right as f64 / judged as f64),
            importance,
        })
    }

    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// The share of every class (a column each) for each row, and the rows outside of training. Shares are no calibrated probabilities:
    /// see [`crate::calibration`].
    ///
    /// # Errors
    ///
    /// Another number of columns; a value that is not finite.
    pub fn predict(&self, x: &Matrix) -> Result<(Matrix, Vec<usize>), PredictError> {
        let outside = self.ranges.look(x)?;
        let mut shares = vec![0.0; x.rows() * self.classes];
        let part = 1.0 / self.trees.len() as f64;
        if self.classes == 2 {
            let mut sums = vec![0.0; CHUNK];
            for (k, chunk) in shares.chunks_mut(2 * CHUNK).enumerate() {
                let sums = &mut sums[..chunk.len() / 2];
                sums.fill(0.0);
                for tree in &self.trees {
                    tree.add_to::<false>(x, k * CHUNK, sums);
                }
                for (pair, sum) in chunk.chunks_exact_mut(2).zip(sums) {
                    pair[1] = *sum * part;
                    pair[0] = 1.0 - pair[1];
                }
            }
        } else {
            let mut from = 0;
            while from < x.rows() {
                let to = (from + CHUNK).min(x.rows());
                for tree in &self.trees {
                    tree.each_leaf::<false>(x, from, to, |row, leaf| {
                        for (share, v) in shares[row * self.classes..].iter_mut().zip(tree.values(leaf)) {
                            *share += v * part;
                        }
                    });
                }
                from = to;
            }
        }
        Ok((Matrix::from_values(self.classes, shares), outside))
    }
}

fn largest(shares: &[f64]) -> usize {
    (1..shares.len()).fold(0, |best, k| if shares[k] > shares[best] { k } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten features of which five matter, noise of standard deviation one (Friedman 1991, his first function).
    pub(crate) fn friedman(rows: usize, seed: u64) -> (Matrix, Vec<f64>) {
        let mut r = Random::new(seed, 1, 0);
        let x = Matrix::from_values(10, (0..rows * 10).map(|_| r.unit()).collect());
        let y = (0..rows)
            .map(|i| {
                let f = x.row(i);
                10.0 * (std::f64::consts::PI * f[0] * f[1]).sin() + 20.0 * (f[2] - 0.5).powi(2) + 10.0 * f[3] + 5.0 * f[4] + r.normal()
            })
            .collect();
        (x, y)
    }

    #[test]
    fn a_forest_learns_and_judges_itself_rightly() {
        let (x, y) = friedman(1000, 1);
        let (x_test, y_test) = friedman(1000, 2);
        let forest = Forest::fit(&x, &y, &Options::numbers()).unwrap();
        let r2 = metrics::r2(&y_test, &forest.predict(&x_test).unwrap().values).unwrap();
        // The noise alone leaves 1 - 1 / 24.8 = 0.96 to be had; a forest of 1000 rows comes to 0.86 to 0.88 (docs/methods/learning-trees.md).
        assert!(r2 > 0.84, "{r2}");
        let own = forest.out_of_bag_r2.unwrap();
        assert!((own - r2).abs() < 0.03, "{own} {r2}");
        let weakest = forest.importance[..5].iter().copied().fold(1.0, f64::min);
        let noise = forest.importance[5..].iter().copied().fold(0.0, f64::max);
        assert!(weakest > 1.2 * noise, "{:?}", forest.importance);
        assert!((forest.importance.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_same_seed_gives_the_same_forest_on_any_number_of_threads_and_through_json() {
        let (x, y) = friedman(200, 3);
        let options = Options { trees: 7, ..Options::quantiles() };
        let one = Forest::fit(&x, &y, &options).unwrap();
        let three = Forest::fit(&x, &y, &Options { threads: 3, ..options.clone() }).unwrap();
        assert_eq!(one.trees, three.trees);
        assert_eq!(one.samples, three.samples);
        let back: Forest = serde_json::from_str(&serde_json::to_string(&one).unwrap()).unwrap();
        assert_eq!(back, one);
        assert_eq!(back.predict(&x).unwrap(), one.predict(&x).unwrap());
        assert_eq!(back.predict_quantiles(&x, &[0.1, 0.9]).unwrap(), one.predict_quantiles(&x, &[0.1, 0.9]).unwrap());
        let other = Forest::fit(&x, &y, &Options { seed: 2, ..options }).unwrap();
        assert_ne!(other.trees, one.trees);
    }

    #[test]
    fn the_weights_of_the_samples_give_the_mean_of_the_forest() {
        let (x, y) = friedman(300, 4);
        let forest = Forest::fit(&x, &y, &Options { trees: 20, ..Options::quantiles() }).unwrap();
        let mean = forest.predict(&x).unwrap().values;
        let samples = forest.samples.as_ref().unwrap();
        let mut weights = Vec::new();
        for row in 0..x.rows() {
            forest.weigh(samples, x.row(row), &mut weights);
            let sum: f64 = weights.iter().map(|w| w.1).sum();
            let weighted: f64 = weights.iter().map(|w| w.1 * samples.answers[w.0 as usize]).sum();
            assert!((sum - 1.0).abs() < 1e-12 && (weighted - mean[row]).abs() < 1e-10);
        }
    }

    #[test]
    fn quantiles_of_a_known_spread_come_back() {
        // y is normal with a deviation that grows with x: the 5 % and 95 % quantiles are mean -+ 1.645 deviations.
        let mut r = Random::new(8, 0, 0);
        let make = |n: usize, r: &mut Random| {
            let x = Matrix::from_values(1, (0..n).map(|_| r.between(0.0, 10.0)).collect());
            let y: Vec<f64> = (0..n).map(|i| x.at(i, 0) + (0.2 + 0.2 * x.at(i, 0)) * r.normal()).collect();
            (x, y)
        };
        let (x, y) = make(4000, &mut r);
        let forest = Forest::fit(&x, &y, &Options { leaf: 40, split: 80, ..Options::quantiles() }).unwrap();
        let (x, y) = make(2000, &mut r);
        let (q, outside) = forest.predict_quantiles(&x, &[0.05, 0.5, 0.95]).unwrap();
        assert!(outside.len() < 10);
        let low: Vec<f64> = q.column(0).collect();
        let high: Vec<f64> = q.column(2).collect();
        let (covered, _) = metrics::coverage(&y, &low, &high).unwrap();
        // Three standard errors of 2000 rows are 0.02.
        assert!((covered - 0.9).abs() < 0.03, "{covered}");
        let mean = |from: f64, to: f64| {
            let rows: Vec<usize> = (0..2000).filter(|&i| x.at(i, 0) > from && x.at(i, 0) < to).collect();
            rows.iter().map(|&i| high[i] - low[i]).sum::<f64>() / rows.len() as f64
        };
        // 2 x 1.645 x (0.2 + 0.2 x) at 1.5 and 8.5.
        assert!((mean(1.0, 2.0) / 1.645 - 1.0).abs() < 0.2, "{}", mean(1.0, 2.0));
        assert!((mean(8.0, 9.0) / 6.251 - 1.0).abs() < 0.15, "{}", mean(8.0, 9.0));
        assert_eq!(
            forest.predict_quantiles(&x, &[1.0]).unwrap_err(),
            PredictError::Choice { name: "a quantile", found: 1.0, must: "between 0 and 1" }
        );
    }

    #[test]
    fn three_classes_are_told_apart() {
        let mut r = Random::new(9, 0, 0);
        let make = |n: usize, r: &mut Random| {
            let class: Vec<f64> = (0..n).map(|i| (i % 3) as f64).collect();
            let x = class.iter().flat_map(|&c| [r.normal() + 4.0 * c, r.normal() - 4.0 * (c - 1.0).abs(), r.normal()]).collect();
            (Matrix::from_values(3, x), class)
        };
        let (x, y) = make(300, &mut r);
        let forest = ClassForest::fit(&x, &y, 3, &Options { trees: 30, ..Options::classes() }).unwrap();
        let (x, y) = make(300, &mut r);
        let (shares, _) = forest.predict(&x).unwrap();
        let right = (0..300).filter(|&i| largest(shares.row(i)) == y[i] as usize).count();
        // Centres are at least 5.6 deviations apart: a row is nearer to another one in 0.3 %.
        assert!(right >= 290, "{right}");
        assert!(forest.out_of_bag_accuracy.unwrap() > 0.96);
        assert!((0..300).all(|i| (shares.row(i).iter().sum::<f64>() - 1.0).abs() < 1e-12));
        let back: ClassForest = serde_json::from_str(&serde_json::to_string(&forest).unwrap()).unwrap();
        assert_eq!(back.predict(&x).unwrap(), forest.predict(&x).unwrap());
    }

    #[test]
    fn what_cannot_be_learned_is_refused() {
        let (x, y) = friedman(50, 5);
        let fit = |x: &Matrix, y: &[f64], o: &Options| Forest::fit(x, y, o).map(|_| ()).unwrap_err().faults;
        let bad = Options { trees: 0, leaf: 0, ..Options::numbers() };
        assert_eq!(fit(&x, &y[..49], &bad).len(), 3);
        assert_eq!(fit(&x, &[1.0; 50], &Options::numbers()), vec![Fault::ConstantAnswer { value: 1.0 }]);
        assert_eq!(fit(&x.select(&[0, 1, 2]), &y[..3], &Options::numbers()), vec![Fault::TooFewRows { found: 3, needed: 10 }]);
        let mut holes = x.values().to_vec();
        holes[13] = f64::NAN;
        let found = fit(&Matrix::from_values(10, holes), &y, &Options::numbers());
        assert_eq!(found, vec![Fault::NotFinite { column: 3, count: 1, rows: vec![1] }]);
        let classes = ClassForest::fit(&x, &y, 2, &Options::classes()).unwrap_err();
        assert!(matches!(classes.faults[0], Fault::UnknownCategory { classes: 2, .. }));
        let forest = Forest::fit(&x, &y, &Options { trees: 2, ..Options::numbers() }).unwrap();
        assert_eq!(forest.predict_quantiles(&x, &[0.5]).unwrap_err(), PredictError::NoSamples);
        let mut far = x.row(0).to_vec();
        far[2] = 7.0;
        assert_eq!(forest.predict(&Matrix::from_values(10, far)).unwrap().outside, vec![0]);
    }
}
