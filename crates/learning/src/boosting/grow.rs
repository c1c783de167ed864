//! A tree from sums of gradients and hessians, wherever they were summed.
//!
//! [`Grower`] knows no rows. It asks for the histograms of nodes, decides their splits, and tells the divisions, which whoever holds rows
//! applies ([`super::site::Site`]); then it asks again. Histograms of several sites are simply added. So the same code grows a tree here and of
//! sites that show each other nothing but sums.
//!
//! ```text
//! gain  = 1/2 (G_l^2 / (H_l + lambda) + G_r^2 / (H_r + lambda) - G^2 / (H + lambda)) - gamma
//! value = - G / (H + lambda)
//! ```
//!
//! A split must gain more than nothing and leave both sides a hessian of at least `least_hessian`. Missing values are tried on both sides and
//! stay where the gain is larger; where none were missing they follow the larger hessian. Of two children only one is asked for: the
//! other's histogram is the parent's less its sibling's.
//!
//! Source: T. Chen, C. Guestrin, "XGBoost: a scalable tree boosting system", KDD 2016, equations 5 and 7 and algorithm 3.

use super::bins::{BINS, Cuts, MISSING};
use crate::tree::Tree;
use serde::{Deserialize, Serialize};

/// Sums of gradient and hessian by feature and bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// `sums[feature * 256 + bin]`.
    sums: Vec<[f64; 2]>,
}

impl Histogram {
    /// Of no rows.
    pub fn new(columns: usize) -> Self {
        Self { sums: vec![[0.0; 2]; columns * BINS] }
    }

    pub fn columns(&self) -> usize {
        self.sums.len() / BINS
    }

    /// Gradient and hessian of every bin of a column.
    pub fn column(&self, column: usize) -> &[[f64; 2]; BINS] {
        self.sums[column * BINS..][..BINS].try_into().expect("a column has 256 bins")
    }

    pub(crate) fn column_mut(&mut self, column: usize) -> &mut [[f64; 2]; BINS] {
        (&mut self.sums[column * BINS..][..BINS]).try_into().expect("a column has 256 bins")
    }

    /// Adds the sums of another site.
    ///
    /// # Errors
    ///
    /// Another number of columns.
    pub fn add(&mut self, other: &Self) -> Result<(), GrowError> {
        if other.sums.len() != self.sums.len() {
            return Err(GrowError::Columns { found: other.columns(), expected: self.columns() });
        }
        for (a, b) in self.sums.iter_mut().zip(&other.sums) {
            a[0] += b[0];
            a[1] += b[1];
        }
        Ok(())
    }

    fn subtract(&mut self, other: &Self) {
        for (a, b) in self.sums.iter_mut().zip(&other.sums) {
            a[0] -= b[0];
            a[1] -= b[1];
        }
    }

    /// All numbers, gradient and hessian by turns, as they go through a mask.
    pub fn flat(&self) -> &[f64] {
        self.sums.as_flattened()
    }

    /// From all numbers; none unless they make whole columns.
    pub fn from_flat(flat: &[f64]) -> Option<Self> {
        let (pairs, rest) = flat.as_chunks::<2>();
        (rest.is_empty() && pairs.len().is_multiple_of(BINS)).then(|| Self { sums: pairs.to_vec() })
    }
}

/// What a tree may become.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    pub depth: usize,
    pub lambda: f64,
    pub gamma: f64,
    /// Hessian that each side of a split has at least; with squared error that is its rows.
    pub least_hessian: f64,
}

/// Why no tree can be made of histograms.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GrowError {
    #[error("a histogram has {found} columns instead of {expected}")]
    Columns { found: usize, expected: usize },
    #[error("the histogram of node {node} is missing")]
    Missing { node: usize },
    #[error("the histogram of node {node} was not asked for")]
    NotWanted { node: usize },
    #[error("the histogram of node {node} holds a sum that is not finite, or a negative hessian")]
    NotFinite { node: usize },
    #[error("the columns of the histogram of node {node} do not have the same total: they are not of the same rows")]
    Totals { node: usize },
}

/// A histogram that is asked for: that of `node`, or that of its sibling, whichever is less work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub node: usize,
    pub or: Option<usize>,
}

/// How the rows of a node part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    pub node: usize,
    /// Number of the feature in the table.
    pub feature: usize,
    /// Rows in this bin or before go left.
    pub bin: u8,
    pub missing_right: bool,
    /// The right child follows it.
    pub left: usize,
}

/// A tree on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grower {
    limits: Limits,
    /// Features that the histograms hold, in their order.
    columns: Vec<usize>,
    tree: Tree,
    depth: usize,
    open: Vec<Open>,
    gains: Vec<(usize, f64)>,
}

/// Nodes of the next level: the root alone, or two siblings with their parent's histogram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Open {
    Root,
    Pair { left: usize, parent: Histogram, totals: [[f64; 2]; 2] },
}

struct Split {
    column: usize,
    bin: u8,
    missing_right: bool,
    gain: f64,
    left: [f64; 2],
}

impl Grower {
    /// A tree that will split on the features `columns`.
    pub fn new(columns: Vec<usize>, limits: Limits) -> Self {
        let tree = Tree::leaf(&[0.0], 0.0);
        Self { limits, columns, tree, depth: 0, open: vec![Open::Root], gains: Vec::new() }
    }

    /// The histograms that are needed next; none when the tree is grown.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.open
            .iter()
            .map(|open| match open {
                Open::Root => Wanted { node: 0, or: None },
                Open::Pair { left, totals, .. } => {
                    let right_is_less = totals[1][1] < totals[0][1];
                    let (node, other) = if right_is_less { (left + 1, *left) } else { (*left, left + 1) };
                    Wanted { node, or: Some(other) }
                }
            })
            .collect()
    }

    /// The features that histograms must hold, in their order.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Takes the histograms that were wanted, each with the node that it is of, and gives the divisions of that level.
    ///
    /// # Errors
    ///
    /// A histogram that is missing or was not asked for, has other columns, holds what is no finite number, or whose columns have
    /// different totals. The tree is then as before.
    pub fn supply(&mut self, cuts: &Cuts, histograms: Vec<(usize, Histogram)>) -> Result<Vec<Division>, GrowError> {
        let wanted = self.wanted();
        let mut given: Vec<Option<(usize, Histogram)>> = wanted.iter().map(|_| None).collect();
        for (node, histogram) in histograms {
            let at = wanted.iter().position(|w| w.node == node || w.or == Some(node)).ok_or(GrowError::NotWanted { node })?;
            self.look(node, &histogram)?;
            given[at] = Some((node, histogram));
        }
        if let Some(at) = given.iter().position(Option::is_none) {
            return Err(GrowError::Missing { node: wanted[at].node });
        }
        let mut divisions = Vec::new();
        let mut next = Vec::new();
        self.depth += 1;
        for (open, (node, histogram)) in std::mem::take(&mut self.open).into_iter().zip(given.into_iter().flatten()) {
            match open {
                Open::Root => {
                    let total = totals(&histogram, 0);
                    self.tree = Tree::leaf(&[self.value(total)], total[1]);
                    self.decide(cuts, 0, total, histogram, &mut divisions, &mut next);
                }
                Open::Pair { left, mut parent, totals } => {
                    parent.subtract(&histogram);
                    let pair = if node == left { [histogram, parent] } else { [parent, histogram] };
                    for (k, histogram) in pair.into_iter().enumerate() {
                        self.decide(cuts, left + k, totals[k], histogram, &mut divisions, &mut next);
                    }
                }
            }
        }
        self.open = next;
        Ok(divisions)
    }

    /// The tree, with `-G / (H + lambda)` in every node and the hessian as its cover, and the gain of each split by feature.
    pub fn finish(self) -> (Tree, Vec<(usize, f64)>) {
        (self.tree, self.gains)
    }

    fn look(&self, node: usize, histogram: &Histogram) -> Result<(), GrowError> {
        if histogram.columns() != self.columns.len() {
            return Err(GrowError::Columns { found: histogram.columns(), expected: self.columns.len() });
        }
        // Sums that went through fixed point may be a hair below zero.
        if histogram.sums.iter().any(|[g, h]| !(g.is_finite() && h.is_finite() && *h > -1e-6)) {
            return Err(GrowError::NotFinite { node });
        }
        let first = totals(histogram, 0);
        let size: f64 = histogram.column(0).iter().map(|[g, h]| g.abs() + h).sum();
        if !(size * size).is_finite() {
            return Err(GrowError::NotFinite { node });
        }
        for column in 1..self.columns.len() {
            let other = totals(histogram, column);
            if (other[0] - first[0]).abs() + (other[1] - first[1]).abs() > 1e-6 * size.max(1e-12) {
                return Err(GrowError::Totals { node });
            }
        }
        Ok(())
    }

    fn value(&self, [g, h]: [f64; 2]) -> f64 {
        let below = h + self.limits.lambda;
        if below > 0.0 { -g / below } else { 0.0 }
    }

    fn decide(
        &mut self,
        cuts: &Cuts,
        node: usize,
        total: [f64; 2],
        histogram: Histogram,
        divisions: &mut Vec<Division>,
        next: &mut Vec<Open>,
    ) {
        if self.depth > self.limits.depth {
            return;
        }
        let Some(split) = self.best(cuts, total, &histogram) else { return };
        let feature = self.columns[split.column];
        let right = [total[0] - split.left[0], total[1] - split.left[1]];
        let children = [(&[self.value(split.left)][..], split.left[1]), (&[self.value(right)][..], right[1])];
        let left = self.tree.split(node, feature, cuts.threshold(feature, split.bin), split.missing_right, children);
        self.gains.push((feature, split.gain));
        divisions.push(Division { node, feature, bin: split.bin, missing_right: split.missing_right, left });
        let may_split = |h: f64| h >= 2.0 * self.limits.least_hessian;
        if self.depth < self.limits.depth && (may_split(split.left[1]) || may_split(right[1])) {
            next.push(Open::Pair { left, parent: histogram, totals: [split.left, right] });
        }
    }

    fn best(&self, cuts: &Cuts, total: [f64; 2], histogram: &Histogram) -> Option<Split> {
        let Limits { lambda, gamma, least_hessian, .. } = self.limits;
        let parent = total[0] * total[0] / (total[1] + lambda);
        // Candidates are compared without division, as `a / b > c / d` is `a d > c b`. The parent's own is what has to be beaten.
        let (mut numerator, mut denominator) = (parent + 2.0 * gamma, 1.0);
        if !numerator.is_finite() {
            return None;
        }
        let mut best: Option<Split> = None;
        for (column, &feature) in self.columns.iter().enumerate() {
            let bins = histogram.column(column);
            let missing = bins[usize::from(MISSING)];
            let some_missing = missing[1] > 0.0;
            let n_bins = cuts.of_feature(feature).len() + 1;
            // After the last bin only missing values are left on the right.
            let candidates = if some_missing { n_bins } else { n_bins - 1 };
            let mut sum = [0.0; 2];
            for (bin, [g, h]) in bins[..candidates].iter().enumerate() {
                sum[0] += g;
                sum[1] += h;
                let mut consider = |left: [f64; 2], missing_right: bool| {
                    let right = [total[0] - left[0], total[1] - left[1]];
                    let (below_left, below_right) = (left[1] + lambda, right[1] + lambda);
                    let above = left[0] * left[0] * below_right + right[0] * right[0] * below_left;
                    let below = below_left * below_right;
                    let better = above * denominator > numerator * below;
                    if better && left[1] >= least_hessian && right[1] >= least_hessian && left[1] > 0.0 && right[1] > 0.0 {
                        (numerator, denominator) = (above, below);
                        best = Some(Split { column, bin: bin as u8, missing_right, gain: 0.0, left });
                    }
                };
                consider(sum, true);
                if some_missing && bin + 1 < n_bins {
                    consider([sum[0] + missing[0], sum[1] + missing[1]], false);
                }
            }
        }
        let mut best = best?;
        best.gain = 0.5 * (numerator / denominator - parent) - gamma;
        let bins = histogram.column(best.column);
        if bins[usize::from(MISSING)][1] <= 0.0 {
            best.missing_right = total[1] - best.left[1] > best.left[1];
        }
        // A difference of rounding is no gain.
        (best.gain > 1e-12 * parent.abs()).then_some(best)
    }
}

fn totals(histogram: &Histogram, column: usize) -> [f64; 2] {
    histogram.column(column).iter().fold([0.0; 2], |sum, b| [sum[0] + b[0], sum[1] + b[1]])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { depth: 2, lambda: 1.0, gamma: 0.0, least_hessian: 0.0 };

    /// One feature, bins by hand.
    fn histogram(bins: &[(usize, f64, f64)]) -> Histogram {
        let mut h = Histogram::new(1);
        for &(bin, gradient, hessian) in bins {
            h.column_mut(0)[bin] = [gradient, hessian];
        }
        h
    }

    #[test]
    fn gain_and_values_are_those_of_the_formula() {
        let cuts = Cuts::agreed(vec![vec![1.0, 2.0]]).unwrap();
        let mut grower = Grower::new(vec![0], Limits { depth: 1, ..LIMITS });
        assert_eq!(grower.wanted(), [Wanted { node: 0, or: None }]);
        // Left of the first cut: G 4, H 3; between: -2, 2; right: -6, 5.
        let divisions = grower.supply(&cuts, vec![(0, histogram(&[(0, 4.0, 3.0), (1, -2.0, 2.0), (2, -6.0, 5.0)]))]).unwrap();
        assert_eq!(divisions.len(), 1);
        assert_eq!((divisions[0].bin, divisions[0].left), (0, 1));
        assert!(grower.wanted().is_empty());
        let (tree, gains) = grower.finish();
        let by_hand = 0.5 * (16.0 / 4.0 + 64.0 / 8.0 - 16.0 / 11.0);
        assert!((gains[0].1 - by_hand).abs() < 1e-12);
        assert_eq!((tree.values(1), tree.values(2)), (&[-1.0][..], &[1.0][..]));
        assert_eq!((tree.cover(0), tree.cover(1), tree.cover(2)), (10.0, 3.0, 7.0));
        assert_eq!(tree.question(0).unwrap().threshold, 1.0);
    }

    #[test]
    fn gamma_and_the_least_hessian_forbid_splits() {
        let cuts = Cuts::agreed(vec![vec![1.0, 2.0]]).unwrap();
        let bins = [(0, 4.0, 3.0), (1, -2.0, 2.0), (2, -6.0, 5.0)];
        let gain = 0.5 * (16.0 / 4.0 + 64.0 / 8.0 - 16.0 / 11.0);
        for (gamma, least_hessian, splits) in [(gain - 1e-9, 0.0, 1), (gain + 1e-9, 0.0, 0), (0.0, 3.0, 1), (0.0, 5.1, 0)] {
            let mut grower = Grower::new(vec![0], Limits { depth: 1, gamma, least_hessian, lambda: 1.0 });
            assert_eq!(grower.supply(&cuts, vec![(0, histogram(&bins))]).unwrap().len(), splits, "{gamma} {least_hessian}");
        }
        // With a least hessian of four the second cut is left: G 2, H 5 and -6, 5.
        let mut grower = Grower::new(vec![0], Limits { depth: 1, gamma: 0.0, least_hessian: 4.0, lambda: 1.0 });
        assert_eq!(grower.supply(&cuts, vec![(0, histogram(&bins))]).unwrap()[0].bin, 1);
    }

    #[test]
    fn missing_values_go_where_the_gain_is() {
        let cuts = Cuts::agreed(vec![vec![1.0]]).unwrap();
        for (g, right) in [(5.0, false), (-5.0, true)] {
            let mut grower = Grower::new(vec![0], Limits { depth: 1, ..LIMITS });
            let bins = histogram(&[(0, 4.0, 3.0), (1, -4.0, 2.0), (255, g, 2.0)]);
            assert_eq!(grower.supply(&cuts, vec![(0, bins)]).unwrap()[0].missing_right, right);
        }
        // Missing or not is a question of its own.
        let mut grower = Grower::new(vec![0], Limits { depth: 1, ..LIMITS });
        let bins = histogram(&[(0, 4.0, 3.0), (1, 4.0, 3.0), (255, -8.0, 6.0)]);
        let division = grower.supply(&cuts, vec![(0, bins)]).unwrap()[0];
        assert_eq!((division.bin, division.missing_right), (1, true));
        assert_eq!(grower.finish().0.question(0).unwrap().threshold, f64::MAX);
    }

    #[test]
    fn a_child_may_be_given_as_either_of_two() {
        let cuts = Cuts::agreed(vec![vec![1.0, 2.0, 3.0]]).unwrap();
        let all = histogram(&[(0, 5.0, 2.0), (1, 1.0, 2.0), (2, -2.0, 3.0), (3, -6.0, 3.0)]);
        let grow = |either: bool| {
            let mut grower = Grower::new(vec![0], LIMITS);
            let division = grower.supply(&cuts, vec![(0, all.clone())]).unwrap()[0];
            let wanted = grower.wanted()[0];
            let node = if either { wanted.node } else { wanted.or.unwrap() };
            let inside = |bin: usize| (bin <= usize::from(division.bin)) == (node == division.left);
            let mut part = Histogram::new(1);
            for bin in (0..4).filter(|b| inside(*b)) {
                part.column_mut(0)[bin] = all.column(0)[bin];
            }
            grower.supply(&cuts, vec![(node, part)]).unwrap();
            assert!(grower.wanted().is_empty());
            grower.finish().0
        };
        assert_eq!(grow(true), grow(false));
        assert_eq!(grow(true).len(), 7);
    }

    #[test]
    fn histograms_that_cannot_be_are_refused() {
        let cuts = Cuts::agreed(vec![vec![1.0], vec![1.0]]).unwrap();
        let mut grower = Grower::new(vec![0, 1], LIMITS);
        let before = grower.clone();
        let mut odd = Histogram::new(2);
        odd.column_mut(0)[0] = [1.0, 1.0];
        assert_eq!(grower.supply(&cuts, vec![(0, odd.clone())]), Err(GrowError::Totals { node: 0 }));
        odd.column_mut(1)[0] = [f64::NAN, 1.0];
        assert_eq!(grower.supply(&cuts, vec![(0, odd.clone())]), Err(GrowError::NotFinite { node: 0 }));
        odd.column_mut(1)[0] = [1.0, -1.0];
        assert_eq!(grower.supply(&cuts, vec![(0, odd)]), Err(GrowError::NotFinite { node: 0 }));
        assert_eq!(grower.supply(&cuts, vec![(0, Histogram::new(1))]), Err(GrowError::Columns { found: 1, expected: 2 }));
        assert_eq!(grower.supply(&cuts, vec![(3, Histogram::new(2))]), Err(GrowError::NotWanted { node: 3 }));
        assert_eq!(grower.supply(&cuts, vec![]), Err(GrowError::Missing { node: 0 }));
        assert_eq!(grower, before);
        assert_eq!(Histogram::from_flat(&[0.0; 511]), None);
        let whole = histogram(&[(3, 1.0, 2.0)]);
        assert_eq!(Histogram::from_flat(whole.flat()), Some(whole));
    }
}
