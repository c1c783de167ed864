//! What each feature has to do with an answer of trees: exact Shapley values.
//!
//! With `v(S)` the value of a tree when only the features of `S` are known, the others being averaged over the training rows that went each way
//! (cover), the contribution of feature `j` is the mean of what it adds, over all orders in which features may become known:
//!
//! ```text
//! phi_j = sum over S without j of |S|! (M - |S| - 1)! / M! (v(S with j) - v(S))            answer = v(none) + sum_j phi_j
//! ```
//!
//! Instead of all subsets, the algorithm carries along each way through the tree how many subsets of each size follow it (`weight`), with the parts
//! that go along when a feature is unknown (`zero`) and known (`one`), and takes a feature out again where it is asked for a second time.
//! The work is `O(leaves depth^2)` a row and tree.
//!
//! The values are those of the trees as they were grown ("path-dependent"): among features that go together, the one that trees split on gets the
//! credit. They explain the model, not the world.
//!
//! Source: S. Lundberg and others, "From local explanations to global understanding with explainable AI for trees", Nature Machine Intelligence 2
//! (2020), algorithm 2.

use crate::boosting::Boosting;
use crate::forest::{ClassForest, Forest};
use crate::tree::Tree;

/// An answer and its parts: `base + sum of contributions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The answer when nothing is known: the mean over training.
    pub base: f64,
    /// By feature, in the unit of the answer (log odds of a logistic model).
    pub contributions: Vec<f64>,
}

impl Explanation {
    /// The answer that is explained.
    pub fn answer(&self) -> f64 {
        self.base + self.contributions.iter().sum::<f64>()
    }

    /// Features by the size of their contribution, largest first.
    pub fn ranked(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.contributions.len()).collect();
        order.sort_by(|&a, &b| self.contributions[b].abs().total_cmp(&self.contributions[a].abs()));
        order
    }
}

/// One feature on the way from the root.
#[derive(Clone, Copy)]
struct Step {
    feature: usize,
    zero: f64,
    one: f64,
    weight: f64,
}

/// Explains a sum of trees.
pub struct Explainer<'a> {
    trees: &'a [Tree],
    scale: f64,
    output: usize,
    features: usize,
    base: f64,
    /// Ways that are being followed, one behind the other.
    steps: Vec<Step>,
}

/// The mean of a tree over its training rows.
fn mean(tree: &Tree, output: usize, node: usize) -> f64 {
    // Children lie behind their parents, so that going backwards meets them first.
    let mut means = vec![0.0; tree.len()];
    for n in (node..tree.len()).rev() {
        means[n] = match tree.question(n) {
            None => tree.values(n)[output],
            Some(q) => {
                (tree.cover(q.left) * means[q.left] + tree.cover(q.right) * means[q.right]) / (tree.cover(q.left) + tree.cover(q.right))
            }
        };
    }
    means[node]
}

impl<'a> Explainer<'a> {
    /// Of `base + scale * sum of trees` with so many features.
    pub fn new(trees: &'a [Tree], scale: f64, base: f64, features: usize) -> Self {
        let mut explainer = Self { trees, scale, output: 0, features, base, steps: Vec::new() };
        explainer.base += scale * trees.iter().map(|t| mean(t, 0, 0)).sum::<f64>();
        explainer
    }

    /// Of the mean of a forest of numbers.
    pub fn of_forest(forest: &'a Forest) -> Self {
        Self::new(forest.trees(), 1.0 / forest.trees().len() as f64, 0.0, forest.ranges.columns())
    }

    /// Of the share of class `class`.
    ///
    /// # Panics
    ///
    /// When there is no such class.
    pub fn of_class(forest: &'a ClassForest, class: usize) -> Self {
        assert!(class < forest.classes, "class {class} of {}", forest.classes);
        let scale = 1.0 / forest.trees().len() as f64;
        let features = forest.ranges.columns();
        match (forest.classes, class) {
            // The trees of two classes hold the share of the second.
            (2, 0) => Self::new(forest.trees(), -scale, 1.0, features),
            (2, _) => Self::new(forest.trees(), scale, 0.0, features),
            _ => {
                let base = scale * forest.trees().iter().map(|t| mean(t, class, 0)).sum::<f64>();
                Self { trees: forest.trees(), scale, output: class, features, base, steps: Vec::new() }
            }
        }
    }

    /// Of the sum of boosted trees before the link.
    pub fn of_boosting(model: &'a Boosting) -> Self {
        Self::new(model.trees(), 1.0, model.base, model.ranges.columns())
    }

    /// Explains one row; NaN is a missing value.
    pub fn explain(&mut self, row: &[f64]) -> Explanation {
        let mut contributions = vec![0.0; self.features];
        for tree in self.trees {
            self.steps.clear();
            let mut walk =
                Walk { tree, row, output: self.output, scale: self.scale, steps: &mut self.steps, contributions: &mut contributions };
            walk.follow(0, 0, 0, Step { feature: usize::MAX, zero: 1.0, one: 1.0, weight: 0.0 });
        }
        Explanation { base: self.base, contributions }
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    row: &'a [f64],
    output: usize,
    scale: f64,
    steps: &'a mut Vec<Step>,
    contributions: &'a mut [f64],
}

impl Walk<'_> {
    /// Follows the way `steps[from..to]` on to `node`, with one more step.
    fn follow(&mut self, node: usize, from: usize, to: usize, step: Step) {
        let begin = self.steps.len();
        self.steps.extend_from_within(from..to);
        extend(self.steps, begin, step);
        match self.tree.question(node) {
            None => {
                let way = &self.steps[begin..];
                let value = self.scale * self.tree.values(node)[self.output];
                for (k, step) in way.iter().enumerate().skip(1) {
                    self.contributions[step.feature] += sum_without(way, k) * (step.one - step.zero) * value;
                }
            }
            Some(q) => {
                let x = self.row[q.feature];
                let right = if x.is_nan() { q.missing_right } else { x > q.threshold };
                let (hot, cold) = if right { (q.right, q.left) } else { (q.left, q.right) };
                let (mut zero, mut one) = (1.0, 1.0);
                if let Some(k) = (begin + 1..self.steps.len()).find(|&k| self.steps[k].feature == q.feature) {
                    (zero, one) = (self.steps[k].zero, self.steps[k].one);
                    take_out(self.steps, begin, k - begin);
                }
                let end = self.steps.len();
                let cover = self.tree.cover(q.left) + self.tree.cover(q.right);
                let part = |child: usize| self.tree.cover(child) / cover;
                let (hot_zero, cold_zero) = (zero * part(hot), zero * part(cold));
                // A side that no training row took and that this row does not take either leads nowhere.
                if hot_zero > 0.0 || one > 0.0 {
                    self.follow(hot, begin, end, Step { feature: q.feature, zero: hot_zero, one, weight: 0.0 });
                }
                if cold_zero > 0.0 {
                    self.follow(cold, begin, end, Step { feature: q.feature, zero: cold_zero, one: 0.0, weight: 0.0 });
                }
            }
        }
        self.steps.truncate(begin);
    }
}

/// Adds a feature to the way that begins at `begin`.
fn extend(steps: &mut Vec<Step>, begin: usize, step: Step) {
    let length = steps.len() - begin;
    steps.push(Step { weight: if length == 0 { 1.0 } else { 0.0 }, ..step });
    let way = &mut steps[begin..];
    let all = (length + 1) as f64;
    for i in (0..length).rev() {
        way[i + 1].weight += step.one * way[i].weight * (i + 1) as f64 / all;
        way[i].weight *= step.zero * (length - i) as f64 / all;
    }
}

/// Takes feature `at` out of the way.
fn take_out(steps: &mut Vec<Step>, begin: usize, at: usize) {
    let way = &mut steps[begin..];
    let last = way.len() - 1;
    let all = (last + 1) as f64;
    let Step { zero, one, .. } = way[at];
    let mut carried = way[last].weight;
    for j in (0..last).rev() {
        if one != 0.0 {
            let before = way[j].weight;
            way[j].weight = carried * all / ((j + 1) as f64 * one);
            carried = before - way[j].weight * zero * (last - j) as f64 / all;
        } else {
            way[j].weight *= all / (zero * (last - j) as f64);
        }
    }
    for j in at..last {
        let next = way[j + 1];
        way[j] = Step { weight: way[j].weight, ..next };
    }
    steps.pop();
}

/// The sum of the weights that [`take_out`] would leave.
fn sum_without(way: &[Step], at: usize) -> f64 {
    let last = way.len() - 1;
    let all = (last + 1) as f64;
    let Step { zero, one, .. } = way[at];
    let mut carried = way[last].weight;
    let mut sum = 0.0;
    for j in (0..last).rev() {
        if one != 0.0 {
            let weight = carried * all / ((j + 1) as f64 * one);
            sum += weight;
            carried = way[j].weight - weight * zero * (last - j) as f64 / all;
        } else {
            sum += way[j].weight * all / (zero * (last - j) as f64);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boosting::{Objective, Options as BoostingOptions};
    use crate::forest::Options as ForestOptions;
    use crate::matrix::Matrix;
    use studies::synthetic::random::Random;

    /// The value of a tree when the features of `known` are known, directly.
    fn value(tree: &Tree, row: &[f64], known: u32, node: usize) -> f64 {
        let Some(q) = tree.question(node) else { return tree.values(node)[0] };
        if known & (1 << q.feature) != 0 {
            let right = if row[q.feature].is_nan() { q.missing_right } else { row[q.feature] > q.threshold };
            return value(tree, row, known, if right { q.right } else { q.left });
        }
        let (l, r) = (tree.cover(q.left), tree.cover(q.right));
        (l * value(tree, row, known, q.left) + r * value(tree, row, known, q.right)) / (l + r)
    }

    /// Shapley values from all subsets.
    fn by_force(trees: &[Tree], row: &[f64]) -> Vec<f64> {
        let m = row.len();
        let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
        let v: Vec<f64> = (0..1u32 << m).map(|s| trees.iter().map(|t| value(t, row, s, 0)).sum()).collect();
        (0..m)
            .map(|j| {
                (0..1usize << m)
                    .filter(|s| s & (1 << j) == 0)
                    .map(|s| {
                        let size = s.count_ones() as usize;
                        factorial(size) * factorial(m - size - 1) / factorial(m) * (v[s | 1 << j] - v[s])
                    })
                    .sum()
            })
            .collect()
    }

    fn near(a: &[f64], b: &[f64], tolerance: f64) {
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance), "{a:?}\n{b:?}");
    }

    fn sample(rows: usize, holes: bool) -> (Matrix, Vec<f64>) {
        let mut r = Random::new(11, 0, 0);
        let mut x = Matrix::new(6);
        let mut y = Vec::new();
        for _ in 0..rows {
            let mut f: Vec<f64> = (0..6).map(|_| r.normal()).collect();
            y.push(f[0] * f[1] + (3.0 * f[2]).sin() + 0.5 * f[3] + 0.1 * r.normal());
            if holes && r.chance(0.2) {
                f[2] = f64::NAN;
            }
            x.push(&f);
        }
        (x, y)
    }

    #[test]
    fn contributions_of_a_small_tree_by_hand() {
        // x0 <= 1 ? (x1 <= 5 ? 10 : 20) : 30 with covers 4, 2, 4. v() = 20, v(0) = 40 / 3, v(1) = 0.6 * 10 + 12 = 18, v(0, 1) = 10.
        let trees = [crate::tree::tests::small()];
        let why = Explainer::new(&trees, 1.0, 0.0, 2).explain(&[0.0, 0.0]);
        assert!((why.base - 20.0).abs() < 1e-12);
        let x0 = 0.5 * (40.0 / 3.0 - 20.0) + 0.5 * (10.0 - 18.0);
        let x1 = 0.5 * (18.0 - 20.0) + 0.5 * (10.0 - 40.0 / 3.0);
        near(&why.contributions, &[x0, x1], 1e-12);
        assert!((why.answer() - 10.0).abs() < 1e-12);
    }

    #[test]
    fn contributions_are_the_shapley_values_of_all_subsets() {
        let (x, y) = sample(200, false);
        let options = ForestOptions { trees: 5, depth: Some(8), ..ForestOptions::numbers() };
        let forest = Forest::fit(&x, &y, &options).unwrap();
        let mut explainer = Explainer::of_forest(&forest);
        // Trees that ask for the same feature again and again on one way are what the taking out is for.
        assert!(forest.trees().iter().any(|t| t.depth() > 6));
        for row in 0..40 {
            let forced: Vec<f64> = by_force(forest.trees(), x.row(row)).iter().map(|v| v / 5.0).collect();
            near(&explainer.explain(x.row(row)).contributions, &forced, 1e-9);
        }
        let (x, y) = sample(300, true);
        let options = BoostingOptions { rounds: 10, learning_rate: 0.3, ..BoostingOptions::new(Objective::SquaredError) };
        let model = Boosting::fit(&x, &y, &options).unwrap();
        let mut explainer = Explainer::of_boosting(&model);
        let mut holes = 0;
        for row in 0..40 {
            holes += usize::from(x.at(row, 2).is_nan());
            near(&explainer.explain(x.row(row)).contributions, &by_force(model.trees(), x.row(row)), 1e-9);
        }
        assert!(holes > 2);
    }

    #[test]
    fn contributions_add_up_to_the_answer() {
        let (x, y) = sample(400, false);
        let forest = Forest::fit(&x, &y, &ForestOptions { trees: 10, ..ForestOptions::numbers() }).unwrap();
        let answers = forest.predict(&x).unwrap().values;
        let mut explainer = Explainer::of_forest(&forest);
        for row in (0..400).step_by(9) {
            let why = explainer.explain(x.row(row));
            assert!((why.answer() - answers[row]).abs() < 1e-8, "{} {}", why.answer(), answers[row]);
            assert_eq!(why.contributions.len(), 6);
        }
        let class: Vec<f64> = y.iter().map(|&y| f64::from(u8::from(y > 0.5)) + f64::from(u8::from(y > 1.5))).collect();
        for classes in [2, 3] {
            let class: Vec<f64> = class.iter().map(|c| c.min(classes as f64 - 1.0)).collect();
            let options = ForestOptions { trees: 10, ..ForestOptions::classes() };
            let forest = ClassForest::fit(&x, &class, classes, &options).unwrap();
            let (shares, _) = forest.predict(&x).unwrap();
            for k in 0..classes {
                let mut explainer = Explainer::of_class(&forest, k);
                for row in (0..400).step_by(37) {
                    assert!((explainer.explain(x.row(row)).answer() - shares.at(row, k)).abs() < 1e-8);
                }
            }
            let options = BoostingOptions::new(Objective::Logistic);
            let model = Boosting::fit(&x, &class.iter().map(|c| c.min(1.0)).collect::<Vec<_>>(), &options).unwrap();
            let margins = model.margins(&x).unwrap().values;
            let mut explainer = Explainer::of_boosting(&model);
            for row in (0..400).step_by(37) {
                assert!((explainer.explain(x.row(row)).answer() - margins[row]).abs() < 1e-8);
            }
        }
    }

    #[test]
    fn features_are_ranked_by_what_they_do() {
        let why = Explanation { base: 0.0, contributions: vec![0.1, -3.0, 2.0] };
        assert_eq!(why.ranked(), [1, 2, 0]);
    }
}
