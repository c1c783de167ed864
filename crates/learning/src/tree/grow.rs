//! Growing a tree on all values (CART), for forests.
//!
//! A split of a node of weight `W` and sum `S` into left (`W_l`, `S_l`) and right is worth what it takes from the squared error,
//!
//! ```text
//! gain = S_l^2 / W_l + S_r^2 / W_r - S^2 / W          of a number
//! gain = sum_k (the same of class k's count)           of classes
//! ```
//!
//! The second is the decrease of Gini's impurity times W. Of two classes it is twice the first with 0 and 1 for numbers, so that two classes
//! are grown as numbers.
//!
//! Every feature's rows are sorted once for the whole forest. A tree takes over those of its own rows in that order, and a split divides every
//! feature's list into two without disturbing it; so no node sorts anything. Each list entry holds a row and the rank of its value, so that a scan
//! reads straight on. Candidates are compared without division: `n_1 / d_1 > n_2 / d_2` as `n_1 d_2 > n_2 d_1`, with
//! `S_l^2 / W_l + S_r^2 / W_r = (S_l^2 W_r + S_r^2 W_l) / (W_l W_r)`.
//!
//! Source: L. Breiman, J. Friedman, R. Olshen, C. Stone, *Classification and Regression Trees* (1984); the lists are those of M. Mehta,
//! R. Agrawal, J. Rissanen, "SLIQ: a fast scalable classifier for data mining" (1996).

use super::Tree;
use crate::matrix::Matrix;
use studies::synthetic::random::Random;

/// Every feature's rows in ascending order of value; made once for a forest.
pub struct Sorted {
    rows: usize,
    /// By feature: rank of the value (equal values have equal ranks) above the row.
    order: Vec<Vec<u64>>,
    /// By feature: value of each rank.
    levels: Vec<Vec<f64>>,
}

impl Sorted {
    /// Of a table without NaN.
    pub fn of(x: &Matrix) -> Self {
        let mut sorted = Self { rows: x.rows(), order: Vec::new(), levels: Vec::new() };
        for c in 0..x.columns() {
            // Adding zero makes one of the two zeros.
            let mut pairs: Vec<(f64, u32)> = x.column(c).zip(0..).map(|(v, i)| (v + 0.0, i)).collect();
            pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let mut levels: Vec<f64> = Vec::new();
            let order = pairs
                .into_iter()
                .map(|(v, row)| {
                    if levels.last() != Some(&v) {
                        levels.push(v);
                    }
                    ((levels.len() as u64 - 1) << 32) | u64::from(row)
                })
                .collect();
            sorted.order.push(order);
            sorted.levels.push(levels);
        }
        sorted
    }

    pub fn columns(&self) -> usize {
        self.order.len()
    }
}

/// What trees are grown towards.
pub enum Target<'a> {
    /// A number a row; also two classes as 0 and 1.
    Number(&'a [f64]),
    /// A class a row, of so many.
    Class(&'a [u32], usize),
}

/// When a node is not split any more, and what is tried.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub depth: usize,
    /// Rows (each counted once) that a leaf has at least.
    pub leaf: usize,
    /// Rows that a node needs to be split.
    pub split: usize,
    /// Features tried at a node.
    pub features: usize,
}

/// A grown tree.
pub struct Grown {
    pub tree: Tree,
    /// Rows by leaf: of leaf `n`, `rows[leaf_rows[n].0..][..leaf_rows[n].1]`; empty for questions.
    pub rows: Vec<u32>,
    pub leaf_rows: Vec<(u32, u32)>,
    /// By feature: what its splits took from the squared error or impurity, as a part of the tree's weight.
    pub importance: Vec<f64>,
}

struct Best {
    feature: usize,
    /// Entries that go left.
    cut: usize,
    numerator: f64,
    denominator: f64,
}

struct Open {
    node: usize,
    from: usize,
    to: usize,
    depth: usize,
    own: Summary,
}

/// What is known of the rows of a node.
#[derive(Clone, Copy)]
struct Summary {
    /// Of numbers: weighted and less the centre.
    sum: f64,
    weight: f64,
    /// All rows have the same answer.
    pure: bool,
}

struct Grower<'a> {
    sorted: &'a Sorted,
    target: &'a Target<'a>,
    /// By row: times that it was drawn.
    weights: &'a [f64],
    /// By row: weight times centred number, and weight.
    sums: Vec<[f64; 2]>,
    /// The mean that numbers are centred on.
    centre: f64,
    lists: Vec<Vec<u64>>,
    scratch: Vec<u64>,
    goes_left: Vec<bool>,
    /// By class, of a node, and of the left side of a scan.
    node_counts: Vec<f64>,
    left_counts: Vec<f64>,
}

/// Grows one tree on the rows whose weight is not zero.
pub fn grow(sorted: &Sorted, target: &Target<'_>, weights: &[f64], limits: &Limits, random: &mut Random) -> Grown {
    let kept = weights.iter().filter(|w| **w > 0.0).count();
    let lists: Vec<Vec<u64>> =
        sorted.order.iter().map(|order| order.iter().copied().filter(|&e| weights[e as u32 as usize] > 0.0).collect()).collect();
    let (centre, classes) = match target {
        Target::Number(y) => {
            let total: f64 = weights.iter().sum();
            (y.iter().zip(weights).map(|(y, w)| y * w).sum::<f64>() / total, 0)
        }
        Target::Class(_, classes) => (0.0, *classes),
    };
    let sums = match target {
        Target::Number(y) => y.iter().zip(weights).map(|(y, &w)| [(y - centre) * w, w]).collect(),
        Target::Class(..) => Vec::new(),
    };
    let mut grower = Grower {
        sorted,
        target,
        weights,
        sums,
        centre,
        lists,
        scratch: vec![0; kept],
        goes_left: vec![false; sorted.rows],
        node_counts: vec![0.0; classes],
        left_counts: vec![0.0; classes],
    };
    grower.run(kept, limits, random)
}

impl Grower<'_> {
    fn run(&mut self, kept: usize, limits: &Limits, random: &mut Random) -> Grown {
        let mut importance = vec![0.0; self.sorted.columns()];
        let (own, values) = self.summary(0, 0, kept);
        let total = own.weight;
        let mut tree = Tree::leaf(&values, total);
        let mut leaf_rows = vec![(0, 0)];
        let mut features: Vec<usize> = (0..self.sorted.columns()).collect();
        let ends = |own: &Summary, length: usize, depth: usize| {
            own.pure || depth >= limits.depth || length < limits.split.max(2) || length < 2 * limits.leaf
        };
        let mut open = vec![Open { node: 0, from: 0, to: kept, depth: 0, own }];
        while let Some(Open { node, from, to, depth, own }) = open.pop() {
            let best = if ends(&own, to - from, depth) { None } else { self.best(from, to, own, limits, &mut features, random) };
            let Some((best, gain)) = best else {
                leaf_rows[node] = (from as u32, (to - from) as u32);
                continue;
            };
            importance[best.feature] += gain / total;
            let list = &self.lists[best.feature][from..to];
            let levels = &self.sorted.levels[best.feature];
            let (low, high) = (levels[(list[best.cut - 1] >> 32) as usize], levels[(list[best.cut] >> 32) as usize]);
            // Halves first, so that the sum cannot become infinite; between neighbours the middle may be the higher one.
            let middle = low / 2.0 + high / 2.0;
            let threshold = if middle >= low && middle < high { middle } else { low };
            let middle = from + best.cut;
            // The list of the split is in the order of its sides already.
            let (own_left, left_values) = self.summary(best.feature, from, middle);
            let (own_right, right_values) = self.summary(best.feature, middle, to);
            let both_end = ends(&own_left, middle - from, depth + 1) && ends(&own_right, to - middle, depth + 1);
            self.divide(from, to, &best, both_end);
            let children = [(&left_values[..], own_left.weight), (&right_values[..], own_right.weight)];
            let left = tree.split(node, best.feature, threshold, false, children);
            leaf_rows.resize(left + 2, (0, 0));
            open.push(Open { node: left + 1, from: middle, to, depth: depth + 1, own: own_right });
            open.push(Open { node: left, from, to: middle, depth: depth + 1, own: own_left });
        }
        let rows = self.lists[0].iter().map(|e| *e as u32).collect();
        Grown { tree, rows, leaf_rows, importance }
    }

    /// What is known of rows in the list of a feature, and the values of their node.
    fn summary(&mut self, feature: usize, from: usize, to: usize) -> (Summary, Vec<f64>) {
        let list = &self.lists[feature][from..to];
        match self.target {
            Target::Number(y) => {
                let (mut sum, mut weight) = (0.0, 0.0);
                let first = y[list[0] as u32 as usize];
                let mut pure = true;
                for e in list {
                    let row = *e as u32 as usize;
                    sum += self.sums[row][0];
                    weight += self.sums[row][1];
                    pure &= y[row] == first;
                }
                (Summary { sum, weight, pure }, vec![if pure { first } else { self.centre + sum / weight }])
            }
            Target::Class(y, _) => {
                let weight = count(list, y, self.weights, &mut self.node_counts);
                let pure = self.node_counts.iter().filter(|c| **c > 0.0).count() == 1;
                (Summary { sum: 0.0, weight, pure }, self.node_counts.iter().map(|c| c / weight).collect())
            }
        }
    }

    /// The best split among features drawn anew, and its gain. Features that are constant in the node do not count as tried.
    fn best(
        &mut self,
        from: usize,
        to: usize,
        own: Summary,
        limits: &Limits,
        features: &mut [usize],
        random: &mut Random,
    ) -> Option<(Best, f64)> {
        let Summary { sum, weight, .. } = own;
        let parent = match self.target {
            Target::Number(_) => sum * sum / weight,
            Target::Class(y, _) => {
                count(&self.lists[0][from..to], y, self.weights, &mut self.node_counts);
                self.node_counts.iter().map(|c| c * c).sum::<f64>() / weight
            }
        };
        let mut best = Best { feature: usize::MAX, cut: 0, numerator: f64::NEG_INFINITY, denominator: 1.0 };
        let mut tried = 0;
        for k in 0..features.len() {
            if tried == limits.features {
                break;
            }
            let other = k + (random.unit() * (features.len() - k) as f64) as usize;
            features.swap(k, other);
            let feature = features[k];
            let list = &self.lists[feature][from..to];
            if list[0] >> 32 == list[list.len() - 1] >> 32 {
                continue;
            }
            tried += 1;
            match self.target {
                Target::Number(_) => {
                    scan_numbers(&self.lists[feature][from..to], &self.sums, (feature, sum, weight, limits.leaf), &mut best)
                }
                Target::Class(y, _) => scan_classes(
                    &self.lists[feature][from..to],
                    y,
                    self.weights,
                    &self.node_counts,
                    &mut self.left_counts,
                    (feature, weight, limits.leaf),
                    &mut best,
                ),
            }
        }
        let gain = best.numerator / best.denominator - parent;
        (best.feature != usize::MAX).then_some((best, gain.max(0.0)))
    }

    /// Sends the rows of a node to its two sides, in every feature's list, and keeps the order within each. Where neither side is
    /// split again, only the first list is needed, for the rows of the leaves.
    fn divide(&mut self, from: usize, to: usize, best: &Best, only_first: bool) {
        for (i, e) in self.lists[best.feature][from..to].iter().enumerate() {
            self.goes_left[*e as u32 as usize] = i < best.cut;
        }
        let lists = if only_first { 1 } else { self.lists.len() };
        for (feature, list) in self.lists[..lists].iter_mut().enumerate() {
            if feature == best.feature {
                continue;
            }
            let list = &mut list[from..to];
            let scratch = &mut self.scratch[..list.len()];
            let (mut l, mut r) = (0, 0);
            for i in 0..list.len() {
                let e = list[i];
                let left = self.goes_left[e as u32 as usize];
                // Both are written, one counts.
                list[l] = e;
                scratch[r] = e;
                l += usize::from(left);
                r += usize::from(!left);
            }
            list[l..].copy_from_slice(&scratch[..r]);
        }
    }
}

/// Weights by class of the rows of a list, and their sum.
fn count(list: &[u64], y: &[u32], weights: &[f64], counts: &mut [f64]) -> f64 {
    counts.fill(0.0);
    let mut all = 0.0;
    for e in list {
        let row = *e as u32 as usize;
        counts[y[row] as usize] += weights[row];
        all += weights[row];
    }
    all
}

fn scan_numbers(list: &[u64], sums: &[[f64; 2]], (feature, total, weight, leaf): (usize, f64, f64, usize), best: &mut Best) {
    let (mut left, mut left_weight) = (0.0, 0.0);
    for cut in 1..list.len() {
        let entry = list[cut - 1];
        let [s, w] = sums[entry as u32 as usize];
        left += s;
        left_weight += w;
        if entry >> 32 == list[cut] >> 32 || cut < leaf || list.len() - cut < leaf {
            continue;
        }
        let (right, right_weight) = (total - left, weight - left_weight);
        let numerator = left * left * right_weight + right * right * left_weight;
        let denominator = left_weight * right_weight;
        if numerator * best.denominator > best.numerator * denominator {
            *best = Best { feature, cut, numerator, denominator };
        }
    }
}

fn scan_classes(
    list: &[u64],
    y: &[u32],
    weights: &[f64],
    node: &[f64],
    left: &mut [f64],
    (feature, weight, leaf): (usize, f64, usize),
    best: &mut Best,
) {
    left.fill(0.0);
    // Sums of squares of the counts on either side, kept up to date by what one row changes.
    let (mut left_squares, mut right_squares) = (0.0, node.iter().map(|c| c * c).sum::<f64>());
    let mut left_weight = 0.0;
    for cut in 1..list.len() {
        let entry = list[cut - 1];
        let row = entry as u32 as usize;
        let (class, w) = (y[row] as usize, weights[row]);
        left_squares += w * (2.0 * left[class] + w);
        right_squares -= w * (2.0 * (node[class] - left[class]) - w);
        left[class] += w;
        left_weight += w;
        if entry >> 32 == list[cut] >> 32 || cut < leaf || list.len() - cut < leaf {
            continue;
        }
        let right_weight = weight - left_weight;
        let numerator = left_squares * right_weight + right_squares * left_weight;
        let denominator = left_weight * right_weight;
        if numerator * best.denominator > best.numerator * denominator {
            *best = Best { feature, cut, numerator, denominator };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Limits = Limits { depth: usize::MAX, leaf: 1, split: 2, features: usize::MAX };

    fn grow_all(x: &Matrix, target: &Target<'_>, limits: &Limits) -> Grown {
        grow(&Sorted::of(x), target, &vec![1.0; x.rows()], limits, &mut Random::new(1, 2, 3))
    }

    #[test]
    fn the_first_split_is_the_one_of_least_squared_error() {
        // Against all candidates, worked out directly.
        let mut r = Random::new(5, 0, 0);
        for _ in 0..50 {
            let n = r.whole(5, 40) as usize;
            let x = Matrix::from_values(3, (0..3 * n).map(|_| f64::from(r.whole(0, 9))).collect());
            let y: Vec<f64> = (0..n).map(|_| 1e6 + r.normal()).collect();
            let grown = grow_all(&x, &Target::Number(&y), &Limits { depth: 1, leaf: 2, ..ALL });
            let error = |rows: &[usize]| {
                let mean = rows.iter().map(|&i| y[i]).sum::<f64>() / rows.len() as f64;
                rows.iter().map(|&i| (y[i] - mean).powi(2)).sum::<f64>()
            };
            let side = |f: usize, t: f64| (0..n).partition::<Vec<usize>, _>(|&i| x.at(i, f) <= t);
            let mut least = f64::INFINITY;
            for f in 0..3 {
                for t in 0..9 {
                    let (l, r) = side(f, f64::from(t) + 0.5);
                    if l.len() >= 2 && r.len() >= 2 {
                        least = least.min(error(&l) + error(&r));
                    }
                }
            }
            let q = grown.tree.question(0).unwrap();
            let (l, r) = side(q.feature, q.threshold);
            assert!(((error(&l) + error(&r)) / least - 1.0).abs() < 1e-9);
            assert_eq!(grown.tree.cover(q.left) as usize, l.len());
            let all = error(&(0..n).collect::<Vec<_>>());
            assert!((grown.importance[q.feature] * n as f64 - (all - least)).abs() < 1e-6 * all.max(1.0));
        }
    }

    #[test]
    fn two_classes_as_numbers_give_the_tree_of_classes() {
        let mut r = Random::new(6, 0, 0);
        let x = Matrix::from_values(4, (0..4 * 200).map(|_| r.normal()).collect());
        let class: Vec<u32> = (0..200).map(|i| u32::from(x.at(i, 0) + x.at(i, 1) * x.at(i, 2) + r.normal() > 0.1)).collect();
        // Not so deep that splits of equal gain are common, among which rounding decides.
        let limits = Limits { depth: 4, leaf: 10, ..ALL };
        let number: Vec<f64> = class.iter().map(|&c| f64::from(c)).collect();
        let a = grow_all(&x, &Target::Class(&class, 2), &limits).tree;
        let b = grow_all(&x, &Target::Number(&number), &limits).tree;
        assert!(a.len() > 8);
        assert_eq!(a.len(), b.len());
        for n in 0..a.len() {
            assert_eq!(a.question(n), b.question(n));
            assert!((a.values(n)[1] - b.values(n)[0]).abs() < 1e-12);
        }
    }

    #[test]
    fn a_full_tree_knows_its_rows_and_keeps_them_by_leaf() {
        let mut r = Random::new(7, 0, 0);
        let x = Matrix::from_values(3, (0..3 * 150).map(|_| r.normal()).collect());
        let y: Vec<f64> = (0..150).map(|_| r.normal()).collect();
        let grown = grow_all(&x, &Target::Number(&y), &ALL);
        let mut seen = 0;
        for n in 0..grown.tree.len() {
            let (from, length) = grown.leaf_rows[n];
            for &row in &grown.rows[from as usize..][..length as usize] {
                assert_eq!(grown.tree.leaf_of(x.row(row as usize)), n);
                assert_eq!(grown.tree.values(n), [y[row as usize]]);
                seen += 1;
            }
        }
        assert_eq!(seen, 150);
    }

    #[test]
    fn neighbouring_numbers_are_told_apart() {
        let low = 1.0f64;
        let high = low.next_up();
        let x = Matrix::from_values(1, vec![low, high, f64::MAX, -f64::MAX, -0.0, 0.0]);
        let y = [1.0, 2.0, 3.0, 4.0, 5.0, 5.0];
        let tree = grow_all(&x, &Target::Number(&y), &ALL).tree;
        for (row, y) in y.iter().enumerate() {
            assert_eq!(tree.values(tree.leaf_of(x.row(row))), [*y], "row {row}");
        }
    }
}
