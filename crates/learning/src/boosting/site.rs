//! The rows of one site: sums them into histograms and divides them as it is told.
//!
//! Nothing leaves a site but histograms. Rows of a node lie together in one list, which a division parts without disturbing their order. Gradients are
//! gathered once a node, so that the columns of bins are all that is read out of order.

use super::Objective;
use super::bins::{Cuts, MISSING};
use super::grow::{Division, GrowError, Grower, Histogram, Wanted};
use crate::matrix::Matrix;
use crate::tree::Tree;

/// Rows by bins, with where they are in the tree that is being grown.
pub struct Site {
    /// By feature, by row.
    bins: Vec<Vec<u8>>,
    y: Vec<f64>,
    /// Answers so far, before the link.
    margins: Vec<f64>,
    /// Gradient and hessian by row.
    gradients: Vec<[f64; 2]>,
    /// Rows that the tree is grown on, by node.
    rows: Vec<u32>,
    /// By node: its part of `rows`.
    nodes: Vec<(usize, usize)>,
    scratch: Vec<u32>,
    gathered: Vec<[f64; 2]>,
}

impl Site {
    /// A site with the answers `y`, which start from `base` (see [`Objective::base`]).
    pub fn new(x: &Matrix, y: &[f64], cuts: &Cuts, base: f64) -> Self {
        Self {
            bins: cuts.bins(x),
            y: y.to_vec(),
            margins: vec![base; y.len()],
            gradients: vec![[0.0; 2]; y.len()],
            rows: Vec::new(),
            nodes: Vec::new(),
            scratch: Vec::new(),
            gathered: Vec::new(),
        }
    }

    /// Starts a tree on the rows given.
    pub fn start(&mut self, objective: Objective, rows: Vec<u32>) {
        for ((gradient, y), margin) in self.gradients.iter_mut().zip(&self.y).zip(&self.margins) {
            *gradient = objective.gradient(*y, *margin);
        }
        self.nodes = vec![(0, rows.len())];
        self.rows = rows;
    }

    /// Brings every gradient and hessian to the nearest multiple of `step`, a power of two, none beyond `limit`: sums of few enough of them are exact, whatever
    /// their order.
    pub fn round_gradients(&mut self, limit: f64, step: f64) {
        for value in self.gradients.as_flattened_mut() {
            *value = (value.clamp(-limit, limit) / step).round() * step;
        }
    }

    /// Adds the values of a tree that was grown elsewhere to the answers so far.
    pub fn follow(&mut self, tree: &Tree, x: &Matrix) {
        tree.add_to::<true>(x, 0, &mut self.margins);
    }

    /// Rows of a node.
    pub fn count(&self, node: usize) -> usize {
        self.nodes[node].1 - self.nodes[node].0
    }

    /// The one of two siblings with fewer rows here. Several sites have to take the node that is wanted, all the same.
    pub fn lesser(&self, wanted: Wanted) -> usize {
        wanted.or.filter(|&or| self.count(or) < self.count(wanted.node)).unwrap_or(wanted.node)
    }

    /// Sums the rows of a node, for the features `columns`.
    pub fn histogram(&mut self, node: usize, columns: &[usize]) -> Histogram {
        let (from, to) = self.nodes[node];
        let rows = &self.rows[from..to];
        self.gathered.clear();
        self.gathered.extend(rows.iter().map(|&row| self.gradients[row as usize]));
        let mut histogram = Histogram::new(columns.len());
        for (k, &feature) in columns.iter().enumerate() {
            let bins = &self.bins[feature];
            let sums = histogram.column_mut(k);
            for (&row, [g, h]) in rows.iter().zip(&self.gathered) {
                let sum = &mut sums[usize::from(bins[row as usize])];
                sum[0] += g;
                sum[1] += h;
            }
        }
        histogram
    }

    /// Parts the rows of nodes.
    pub fn divide(&mut self, divisions: &[Division]) {
        for d in divisions {
            let (from, to) = self.nodes[d.node];
            let bins = &self.bins[d.feature];
            let rows = &mut self.rows[from..to];
            self.scratch.resize(self.scratch.len().max(rows.len()), 0);
            let (mut l, mut r) = (0, 0);
            for i in 0..rows.len() {
                let row = rows[i];
                let bin = bins[row as usize];
                let left = if bin == MISSING { !d.missing_right } else { bin <= d.bin };
                rows[l] = row;
                self.scratch[r] = row;
                l += usize::from(left);
                r += usize::from(!left);
            }
            rows[l..].copy_from_slice(&self.scratch[..r]);
            self.nodes.resize(self.nodes.len().max(d.left + 2), (0, 0));
            self.nodes[d.left] = (from, from + l);
            self.nodes[d.left + 1] = (from + l, to);
        }
    }

    /// Rows of a leaf.
    pub(super) fn rows_of(&self, node: usize) -> &[u32] {
        let (from, to) = self.nodes[node];
        &self.rows[from..to]
    }

    pub(super) fn answer(&self, row: u32) -> (f64, f64) {
        (self.y[row as usize], self.margins[row as usize])
    }

    /// Adds the values of a finished tree to the answers so far; of `x` only the rows that the tree was not grown on are looked at.
    pub fn take(&mut self, tree: &Tree, x: &Matrix) {
        if self.rows.len() == self.y.len() {
            for node in (0..tree.len()).filter(|&n| tree.question(n).is_none()) {
                let (from, to) = self.nodes[node];
                for &row in &self.rows[from..to] {
                    self.margins[row as usize] += tree.values(node)[0];
                }
            }
        } else {
            tree.add_to::<true>(x, 0, &mut self.margins);
        }
    }

    /// Answers so far, before the link.
    pub fn margins(&self) -> &[f64] {
        &self.margins
    }

    /// Grows a whole tree on this site alone.
    ///
    /// # Errors
    ///
    /// Sums that are not finite.
    pub fn grow(&mut self, mut grower: Grower, cuts: &Cuts) -> Result<(Tree, Vec<(usize, f64)>), GrowError> {
        loop {
            let wanted = grower.wanted();
            if wanted.is_empty() {
                return Ok(grower.finish());
            }
            let histograms = wanted
                .into_iter()
                .map(|w| {
                    let node = self.lesser(w);
                    (node, self.histogram(node, grower.columns()))
                })
                .collect();
            let divisions = grower.supply(cuts, histograms)?;
            self.divide(&divisions);
        }
    }
}
