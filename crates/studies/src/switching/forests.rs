//! Forests of a graph: every way to supply zones radially.
//!
//! # Derivation
//!
//! A rooted forest takes zones in one after another: an edge from a zone that is in (or a root) to one that is not either joins it to the forest or is
//! never used. Deciding edges in a fixed order, taken first and left second, meets every forest once: two forests differ in the first edge of their
//! common order that one has and the other has not. Forests that leave zones out stand for partial supply.
//!
//! Spanning forests alone are counted without being made: their number is the determinant of the Laplacian of the graph in which all roots are one node,
//! with the row and column of that node struck out (Kirchhoff's matrix-tree theorem).

/// Edges beyond which forests are not listed: the search goes as deep as there are edges.
pub const MOST_EDGES: usize = 400;

/// Vertices beyond which forests are not counted: the determinant takes their third power.
const MOST_VERTICES: usize = 1_000;

/// An edge between two vertices; roots are vertices below `n_roots`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    pub a: usize,
    pub b: usize,
}

/// Shows every rooted forest, as the edges taken in the order in which they were; false where there were more than `limit`, and not all were shown,
/// or where there are more than [`MOST_EDGES`] edges, and none was.
///
/// `spanning` leaves out the forests that do not reach every vertex.
pub fn each_forest(n: usize, n_roots: usize, edges: &[Edge], spanning: bool, limit: usize, show: &mut dyn FnMut(&[usize])) -> bool {
    if edges.len() > MOST_EDGES {
        return false;
    }
    let mut search = Search {
        edges,
        taken: Vec::new(),
        is_in: (0..n).map(|v| v < n_roots).collect(),
        n_in: n_roots.min(n),
        limit,
        shown: 0,
        spanning,
        show,
    };
    let mut left = vec![false; edges.len()];
    search.go(&mut left)
}

struct Search<'a> {
    edges: &'a [Edge],
    taken: Vec<usize>,
    is_in: Vec<bool>,
    n_in: usize,
    limit: usize,
    shown: usize,
    spanning: bool,
    show: &'a mut dyn FnMut(&[usize]),
}

impl Search<'_> {
    /// Whether all vertices can still be reached.
    fn can_span(&self, left: &[bool]) -> bool {
        let mut is_in = self.is_in.clone();
        let mut n_in = self.n_in;
        loop {
            let before = n_in;
            for (e, edge) in self.edges.iter().enumerate() {
                if !left[e] && is_in[edge.a] != is_in[edge.b] {
                    (is_in[edge.a], is_in[edge.b]) = (true, true);
                    n_in += 1;
                }
            }
            if n_in == is_in.len() {
                return true;
            }
            if n_in == before {
                return false;
            }
        }
    }

    fn go(&mut self, left: &mut [bool]) -> bool {
        if self.spanning && !self.can_span(left) {
            return true;
        }
        let next = (0..self.edges.len()).find(|&e| !left[e] && self.is_in[self.edges[e].a] != self.is_in[self.edges[e].b]);
        let Some(e) = next else {
            if self.spanning && self.n_in < self.is_in.len() {
                return true;
            }
            if self.shown >= self.limit {
                return false;
            }
            self.shown += 1;
            (self.show)(&self.taken);
            return true;
        };
        let joins = if self.is_in[self.edges[e].a] { self.edges[e].b } else { self.edges[e].a };
        self.is_in[joins] = true;
        self.n_in += 1;
        self.taken.push(e);
        let mut whole = self.go(left);
        self.taken.pop();
        self.n_in -= 1;
        self.is_in[joins] = false;
        if whole {
            left[e] = true;
            whole = self.go(left);
            left[e] = false;
        }
        whole
    }
}

/// Number of spanning forests; infinite where it is beyond what a float holds or was not counted, zero where there is none.
pub fn n_spanning(n: usize, n_roots: usize, edges: &[Edge]) -> f64 {
    let m = n - n_roots.min(n);
    if m > MOST_VERTICES {
        return f64::INFINITY;
    }
    let mut y = vec![0.0_f64; m * m];
    for e in edges {
        let place = |v: usize| v.checked_sub(n_roots);
        for (at, other) in [(place(e.a), place(e.b)), (place(e.b), place(e.a))] {
            let Some(i) = at else { continue };
            if e.a == e.b {
                continue;
            }
            y[i * m + i] += 1.0;
            if let Some(j) = other {
                y[i * m + j] -= 1.0;
            }
        }
    }
    // Gauss: the matrix is symmetric and positive semidefinite, so its pivots need no exchange.
    let mut determinant = 1.0;
    for k in 0..m {
        let pivot = y[k * m + k];
        if pivot <= 1e-9 {
            return 0.0;
        }
        determinant *= pivot;
        for i in k + 1..m {
            let factor = y[i * m + k] / pivot;
            if factor != 0.0 {
                for j in k..m {
                    y[i * m + j] -= factor * y[k * m + j];
                }
            }
        }
    }
    // A count: what rounding of the elimination leaves beside a whole number is none of it.
    if determinant < 1e12 { determinant.round() } else { determinant }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
        pairs.iter().map(|&(a, b)| Edge { a, b }).collect()
    }

    fn all(n: usize, roots: usize, e: &[Edge], spanning: bool) -> Vec<BTreeSet<usize>> {
        let mut found = Vec::new();
        assert!(each_forest(n, roots, e, spanning, 1_000_000, &mut |f| found.push(f.iter().copied().collect())));
        found
    }

    #[test]
    fn complete_graphs_have_the_trees_that_cayley_counted() {
        for n in 2..7_usize {
            let pairs: Vec<(usize, usize)> = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect();
            let e = edges(&pairs);
            let found = all(n, 1, &e, true);
            let cayley = n.pow(n as u32 - 2);
            assert_eq!(found.len(), cayley);
            assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), cayley, "each once");
            assert!((n_spanning(n, 1, &e) - cayley as f64).abs() < 1e-6);
        }
    }

    #[test]
    fn forests_leave_zones_out_and_two_roots_are_never_joined() {
        // Roots 0 and 1, zones 2 and 3 in a row between them: none, 2 from 0, 3 from 1, both, and both from either side.
        let e = edges(&[(0, 2), (2, 3), (3, 1)]);
        assert_eq!(all(4, 2, &e, false).len(), 6);
        let spanning = all(4, 2, &e, true);
        assert_eq!(spanning.len(), 3);
        assert!(spanning.iter().all(|f| f.len() == 2));
        assert!((n_spanning(4, 2, &e) - 3.0).abs() < 1e-12);
        assert_eq!(n_spanning(4, 2, &edges(&[(0, 2)])), 0.0);
        assert!(!each_forest(4, 2, &e, false, 3, &mut |_| {}), "a limit is told");
    }
}
