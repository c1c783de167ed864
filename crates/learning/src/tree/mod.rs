//! Decision trees as flat arrays: what forests, boosting and isolation have in common.
//!
//! A node sends a row left when its feature is not above the threshold. Children lie side by side, so that the next node is
//! `left + (x > threshold)`; a leaf is its own left child with a threshold that nothing exceeds, so that a row may be sent on from there without
//! harm. Eight rows go down a tree at once, which hides the time that memory takes.
//!
//! Beside the structure every node has its value (several numbers for several classes) and its cover, the weight of the training rows that
//! came through it, which [`crate::explain`] needs.

pub mod grow;

use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};

/// Missing values go right. The highest bit of the feature.
const MISSING_RIGHT: u32 = 1 << 31;
/// Rows that go down together.
const LANES: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    threshold: f64,
    feature: u32,
    left: u32,
}

/// A fitted tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Tree {
    nodes: Vec<Node>,
    /// Numbers a node.
    width: usize,
    values: Vec<f64>,
    covers: Vec<f64>,
}

/// What a node asks, as [`crate::explain`] and callers see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    pub feature: usize,
    pub threshold: f64,
    pub left: usize,
    pub right: usize,
    pub missing_right: bool,
}

impl Tree {
    /// A tree of one leaf.
    pub fn leaf(values: &[f64], cover: f64) -> Self {
        let mut tree = Self { nodes: Vec::new(), width: values.len(), values: Vec::new(), covers: Vec::new() };
        tree.push(values, cover);
        tree
    }

    fn push(&mut self, values: &[f64], cover: f64) {
        let own = self.nodes.len() as u32;
        self.nodes.push(Node { threshold: f64::INFINITY, feature: 0, left: own });
        self.values.extend_from_slice(values);
        self.covers.push(cover);
    }

    /// Makes a question of the leaf `node` and gives the number of its left child; the right one follows it. Missing values go left unless
    /// told otherwise.
    pub fn split(&mut self, node: usize, feature: usize, threshold: f64, missing_right: bool, children: [(&[f64], f64); 2]) -> usize {
        let left = self.nodes.len();
        for (values, cover) in children {
            self.push(values, cover);
        }
        let flag = if missing_right { MISSING_RIGHT } else { 0 };
        self.nodes[node] = Node { threshold, feature: feature as u32 | flag, left: left as u32 };
        left
    }

    /// Number of nodes, leaves among them.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Numbers that a node holds.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What `node` asks; none if it is a leaf.
    pub fn question(&self, node: usize) -> Option<Question> {
        let n = self.nodes[node];
        (n.left as usize != node).then(|| Question {
            feature: (n.feature & !MISSING_RIGHT) as usize,
            threshold: n.threshold,
            left: n.left as usize,
            right: n.left as usize + 1,
            missing_right: n.feature & MISSING_RIGHT != 0,
        })
    }

    /// The numbers of a node.
    pub fn values(&self, node: usize) -> &[f64] {
        &self.values[node * self.width..][..self.width]
    }

    /// Sets the first number of a node.
    pub fn set_value(&mut self, node: usize, value: f64) {
        self.values[node * self.width] = value;
    }

    /// Weight of the training rows that came through a node.
    pub fn cover(&self, node: usize) -> f64 {
        self.covers[node]
    }

    /// Longest way from the root, in questions.
    pub fn depth(&self) -> usize {
        let mut depth = vec![0; self.len()];
        let mut most = 0;
        for node in 0..self.len() {
            if let Some(q) = self.question(node) {
                for child in [q.left, q.right] {
                    depth[child] = depth[node] + 1;
                    most = most.max(depth[child]);
                }
            }
        }
        most
    }

    /// The child that a row goes to, or the leaf that it is in.
    #[inline]
    fn next<const MISSING: bool>(&self, node: u32, row: &[f64]) -> u32 {
        let n = self.nodes[node as usize];
        let x = row[(n.feature & !MISSING_RIGHT) as usize];
        let right = if MISSING { (x > n.threshold) | (x.is_nan() & (n.feature & MISSING_RIGHT != 0)) } else { x > n.threshold };
        n.left + u32::from(right)
    }

    /// The leaf of one row; NaN is a missing value.
    pub fn leaf_of(&self, row: &[f64]) -> usize {
        let mut node = 0;
        loop {
            let next = self.next::<true>(node, row);
            if next == node {
                return node as usize;
            }
            node = next;
        }
    }

    /// Calls `found(row, leaf)` for the rows from `from` to `to`.
    #[inline]
    pub fn each_leaf<const MISSING: bool>(&self, x: &Matrix, from: usize, to: usize, mut found: impl FnMut(usize, usize)) {
        let mut row = from;
        while row + LANES <= to {
            let rows: [&[f64]; LANES] = std::array::from_fn(|k| x.row(row + k));
            let mut at = [0u32; LANES];
            loop {
                let mut moved = 0;
                for k in 0..LANES {
                    let next = self.next::<MISSING>(at[k], rows[k]);
                    moved |= next ^ at[k];
                    at[k] = next;
                }
                if moved == 0 {
                    break;
                }
            }
            for (k, leaf) in at.into_iter().enumerate() {
                found(row + k, leaf as usize);
            }
            row += LANES;
        }
        for row in row..to {
            found(row, self.leaf_of(x.row(row)));
        }
    }

    /// Adds the first number of each row's leaf to `sums`, which has an entry for each row from `from` on.
    pub fn add_to<const MISSING: bool>(&self, x: &Matrix, from: usize, sums: &mut [f64]) {
        if self.width == 1 {
            self.each_leaf::<MISSING>(x, from, from + sums.len(), |row, leaf| sums[row - from] += self.values[leaf]);
        } else {
            self.each_leaf::<MISSING>(x, from, from + sums.len(), |row, leaf| sums[row - from] += self.values[leaf * self.width]);
        }
    }

    /// Highest feature that is asked for, plus one.
    pub fn features(&self) -> usize {
        (0..self.len()).filter_map(|n| self.question(n)).map(|q| q.feature + 1).max().unwrap_or(0)
    }
}

/// A tree as it is stored: leaves have feature -1 and no threshold, since JSON knows no infinite number.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    feature: Vec<i64>,
    threshold: Vec<f64>,
    left: Vec<u32>,
    missing_right: Vec<u32>,
    width: usize,
    values: Vec<f64>,
    covers: Vec<f64>,
}

impl From<Tree> for Stored {
    fn from(tree: Tree) -> Self {
        let questions: Vec<Option<Question>> = (0..tree.len()).map(|n| tree.question(n)).collect();
        Self {
            feature: questions.iter().map(|q| q.map_or(-1, |q| q.feature as i64)).collect(),
            threshold: questions.iter().map(|q| q.map_or(0.0, |q| q.threshold)).collect(),
            left: questions.iter().map(|q| q.map_or(0, |q| q.left as u32)).collect(),
            missing_right: (0..tree.len() as u32).filter(|&n| questions[n as usize].is_some_and(|q| q.missing_right)).collect(),
            width: tree.width,
            values: tree.values,
            covers: tree.covers,
        }
    }
}

/// A stored tree that is none.
#[derive(Debug, thiserror::Error)]
#[error("node {node} of a stored tree of {nodes} nodes: {what}")]
struct Broken {
    node: usize,
    nodes: usize,
    what: &'static str,
}

impl TryFrom<Stored> for Tree {
    type Error = Broken;

    fn try_from(stored: Stored) -> Result<Self, Broken> {
        let nodes = stored.feature.len();
        let broken = |node, what| Broken { node, nodes, what };
        let whole = stored.threshold.len() == nodes
            && stored.left.len() == nodes
            && stored.covers.len() == nodes
            && stored.values.len() == nodes * stored.width;
        if nodes == 0 || stored.width == 0 || !whole {
            return Err(broken(0, "the lists have different lengths or are empty"));
        }
        let mut tree = Self { nodes: Vec::with_capacity(nodes), width: stored.width, values: stored.values, covers: stored.covers };
        for node in 0..nodes {
            let feature = stored.feature[node];
            tree.nodes.push(if feature < 0 {
                Node { threshold: f64::INFINITY, feature: 0, left: node as u32 }
            } else {
                let left = stored.left[node];
                // Children after their parent: no row can go round in circles.
                if left as usize <= node || left as usize + 1 >= nodes {
                    return Err(broken(node, "a child that is not there"));
                }
                let feature = u32::try_from(feature).ok().filter(|f| f & MISSING_RIGHT == 0).ok_or(broken(node, "no such feature"))?;
                Node { threshold: stored.threshold[node], feature, left }
            });
        }
        for node in stored.missing_right {
            let at = tree.nodes.get_mut(node as usize).ok_or(broken(node as usize, "no such node"))?;
            at.feature |= MISSING_RIGHT;
        }
        Ok(tree)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// x0 <= 1 ? (x1 <= 5 ? 10 : 20) : 30; missing x0 goes right.
    pub(crate) fn small() -> Tree {
        let mut tree = Tree::leaf(&[19.0], 10.0);
        let left = tree.split(0, 0, 1.0, true, [(&[14.0], 6.0), (&[30.0], 4.0)]);
        tree.split(left, 1, 5.0, false, [(&[10.0], 4.0), (&[20.0], 2.0)]);
        tree
    }

    #[test]
    fn rows_find_their_leaves_alone_and_eight_at_once() {
        let tree = small();
        let mut x = Matrix::new(2);
        for i in 0..19 {
            x.push(&[f64::from(i % 3), f64::from(i % 7) + 1.0]);
        }
        x.push(&[f64::NAN, 3.0]);
        x.push(&[0.0, f64::NAN]);
        let mut sums = vec![0.0; x.rows()];
        tree.add_to::<true>(&x, 0, &mut sums);
        for row in 0..x.rows() {
            let expected = match (x.at(row, 0), x.at(row, 1)) {
                (a, _) if a.is_nan() || a > 1.0 => 30.0,
                (_, b) if b > 5.0 => 20.0,
                _ => 10.0,
            };
            assert_eq!(sums[row], expected, "row {row}");
            assert_eq!(tree.values(tree.leaf_of(x.row(row)))[0], expected);
        }
        assert_eq!((tree.depth(), tree.len(), tree.features()), (2, 5, 2));
    }

    #[test]
    fn a_stored_tree_comes_back_and_a_broken_one_does_not() {
        let tree = small();
        let text = serde_json::to_string(&tree).unwrap();
        assert_eq!(serde_json::from_str::<Tree>(&text).unwrap(), tree);
        for (from, to) in [("\"left\":[1,3", "\"left\":[0,3"), ("\"left\":[1,3", "\"left\":[4,3"), ("\"width\":1", "\"width\":2")] {
            assert!(text.contains(from), "{text}");
            assert!(serde_json::from_str::<Tree>(&text.replace(from, to)).is_err());
        }
    }
}
