//! Columns of impedance matrices: the voltage at every node for a current of 1 into one.
//!
//! `Y U = I` with series branches `z` behind ideal ratios `t` and branches to earth,
//!
//! ```text
//! y_aa += y/t²    y_ab = y_ba -= y/t    y_bb += y
//! ```
//!
//! is complex symmetric and factored once as LDLᵀ; a column of Z = Y⁻¹ is one solve, refined. Nodes that nothing ties to earth (no source, or no
//! path of the zero sequence) have no impedance: they are left out, and their column does not exist.

use super::grid::find;
use num_complex::Complex64;
use powerflow::sparse::{Factor, GROUND, Matrix, PatternBuilder, SparseError, Symbolic, Work};
use std::sync::Arc;

/// A series branch of a matrix: nodes, ratio on the side of the first, impedance on the side of the second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    pub a: usize,
    pub b: usize,
    pub ratio: f64,
    pub z: Complex64,
}

/// A factored network.
#[derive(Debug)]
pub(super) struct Net {
    /// Row of each node; `GROUND` where it floats.
    row: Vec<u32>,
    solver: Option<(Matrix, Factor)>,
}

impl Net {
    /// Factors a network of `nodes` nodes.
    ///
    /// # Errors
    /// As [`Factor::new`]; a matrix of tied nodes is singular only where impedances resonate.
    pub(super) fn new(nodes: usize, series: &[Series], shunts: &[(usize, Complex64)]) -> Result<Self, SparseError> {
        let mut parent: Vec<usize> = (0..nodes).collect();
        for s in series {
            let (a, b) = (find(&mut parent, s.a), find(&mut parent, s.b));
            parent[a] = b;
        }
        let mut tied = vec![false; nodes];
        for &(node, _) in shunts {
            let root = find(&mut parent, node);
            tied[root] = true;
        }
        let mut row = vec![GROUND; nodes];
        let mut order = 0;
        for node in 0..nodes {
            let root = find(&mut parent, node);
            if tied[root] {
                row[node] = order;
                order += 1;
            }
        }
        if order == 0 {
            return Ok(Self { row, solver: None });
        }
        let mut builder = PatternBuilder::new(order);
        let live = |s: &&Series| row[s.a] != GROUND && s.a != s.b;
        for s in series.iter().filter(live) {
            builder.clique(&[row[s.a], row[s.b]])?;
        }
        let pattern = Arc::new(builder.build()?);
        let mut matrix: Matrix = Matrix::zeros(&pattern);
        for s in series.iter().filter(live) {
            let (a, b, y) = (row[s.a], row[s.b], s.z.inv());
            matrix.add(a, a, y / (s.ratio * s.ratio))?;
            matrix.add(b, b, y)?;
            matrix.add(a, b, -y / s.ratio)?;
            matrix.add(b, a, -y / s.ratio)?;
        }
        for &(node, z) in shunts {
            matrix.add(row[node], row[node], z.inv())?;
        }
        let symbolic = Arc::new(Symbolic::new(&pattern)?);
        let factor = Factor::new(&symbolic, &matrix)?;
        Ok(Self { row, solver: Some((matrix, factor)) })
    }

    /// Voltages of all nodes, per unit, for currents into nodes; zero where a node floats. None when a current goes into a floating node.
    pub(super) fn solve(&self, currents: &[(usize, Complex64)]) -> Option<Vec<Complex64>> {
        let (matrix, factor) = self.solver.as_ref()?;
        let mut x = vec![Complex64::default(); matrix.order()];
        for &(node, i) in currents {
            *x.get_mut(self.row[node] as usize)? += i;
        }
        factor.solve_refined(matrix, &mut x, &mut Work::new()).ok()?;
        Some(self.row.iter().map(|&r| x.get(r as usize).copied().unwrap_or_default()).collect())
    }

    /// Column of the impedance matrix; none for a floating node.
    pub(super) fn column(&self, node: usize) -> Option<Vec<Complex64>> {
        self.solve(&[(node, Complex64::new(1.0, 0.0))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_divider_and_a_floating_node() {
        let z = |x: f64| Complex64::new(0.0, x);
        let series = [Series { a: 0, b: 1, ratio: 2.0, z: z(0.5) }];
        let net = Net::new(3, &series, &[(0, z(4.0))]).expect("sound");
        // The source behind a ratio of 2 is a quarter of itself.
        let column = net.column(1).expect("tied");
        assert!((column[1] - z(1.5)).norm() < 1e-14 && (column[0] - z(2.0)).norm() < 1e-14, "{column:?}");
        assert_eq!(net.column(2), None);
    }
}
