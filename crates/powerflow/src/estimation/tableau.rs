//! The exact equations between voltages and currents, and their columns.
//!
//! Unknown are the voltage of every live node and the current into every conductor of every element at one. What joins them is exact and
//! linear:
//!
//! ```text
//! node        Σ i_k = 0                     over the conductors at it
//! element     Y v - i = 0
//! device      Σ i_k = 0                     where no conductor of it goes to earth
//! angle       Im(v e^-jθ) = 0               at one node of an island without a measured angle
//! ```
//!
//! With the currents as unknowns of their own no admittance is ever squared, and the equations of an element can be scaled: rows of
//! `[Y | -1]` are combined by Gauss's elimination with the largest entry of the voltages' part as the pivot, and each is divided by its
//! largest coefficient. For a line of admittance `y` that gives `v1 - v2 - i1 / y = 0` and `i1 + i2 = 0` (with what its charging adds)
//! however small its impedance is, so that switches and short lines beside long ones do no harm.
//!
//! Voltages are per unit of the node's base, currents of `s_base / v_base` at the node.

use super::grid::{Grid, GridElement};
use num_complex::Complex64;

const ZERO: Complex64 = Complex64 { re: 0.0, im: 0.0 };
const ONE: Complex64 = Complex64 { re: 1.0, im: 0.0 };

/// Below this share of an element's largest admittance a coefficient is what rounding left of a difference.
const ROUNDING: f64 = 1e-14;

/// What an open pole of a switch may have to earth and still count as open, S: OpenDSS's admittance of an open conductor, and charging of a
/// switch's length.
const OPEN_S: f64 = 1e-9;

/// Number of a complex unknown.
pub(super) type Unknown = u32;
pub(super) const NONE: Unknown = u32::MAX;

/// Where an equation comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The currents at a node.
    Node(u32),
    /// An element's admittance.
    Element(u32),
    /// A switch's position: a conductor that is told closed or open.
    Switch { element: u32, conductor: u32 },
    /// The currents of a device.
    Device(u32),
    /// The angle that the others count from.
    Angle(u32),
}

/// A real equation: a sum of coefficients times real unknowns is zero.
#[derive(Clone, Debug)]
pub(super) struct Equation {
    pub origin: Origin,
    pub terms: Vec<(u32, f64)>,
}

/// Unknowns and equations of a grid.
#[derive(Clone, Debug)]
pub(super) struct Tableau {
    pub n_unknowns: usize,
    /// Complex unknown of each node's voltage.
    pub voltage: Vec<Unknown>,
    /// Complex unknown of the current into each conductor, by element.
    pub current: Vec<Vec<Unknown>>,
    pub equations: Vec<Equation>,
    pub s_base: f64,
    /// What one unit of each complex unknown is, V or A.
    pub unit: Vec<f64>,
}

impl Tableau {
    /// `angle_known` tells for each island, by its label, whether an angle is measured in it.
    pub fn new(grid: &Grid, s_base: f64, angle_known: impl Fn(u32) -> bool) -> Self {
        let mut unit = Vec::new();
        let mut voltage = vec![NONE; grid.names.len()];
        for k in 1..grid.names.len() as u32 {
            if grid.is_live(k) {
                voltage[k as usize] = unit.len() as Unknown;
                unit.push(grid.v_base[k as usize]);
            }
        }
        let mut current = Vec::with_capacity(grid.elements.len());
        let mut at_node: Vec<Vec<Unknown>> = vec![Vec::new(); grid.names.len()];
        for e in &grid.elements {
            let mut of_element = vec![NONE; e.nodes.len()];
            for (k, &node) in e.nodes.iter().enumerate().filter(|&(_, &node)| grid.is_live(node)) {
                of_element[k] = unit.len() as Unknown;
                at_node[node as usize].push(of_element[k]);
                unit.push(s_base / grid.v_base[node as usize]);
            }
            current.push(of_element);
        }
        let mut tableau = Self { n_unknowns: unit.len(), voltage, current, equations: Vec::new(), s_base, unit };
        for (k, at) in at_node.iter().enumerate().filter(|(_, at)| !at.is_empty()) {
            let terms: Vec<_> = at.iter().map(|&i| (i, ONE)).collect();
            tableau.push(Origin::Node(k as u32), &terms);
        }
        for (k, e) in grid.elements.iter().enumerate() {
            match &e.y {
                None => tableau.device(k, e),
                Some(_) => tableau.element(k, e),
            }
        }
        for &k in grid.references.iter().filter(|&&k| grid.is_live(k) && !angle_known(grid.island[k as usize])) {
            let v = grid.start[k as usize];
            let at = 2 * tableau.voltage[k as usize];
            let (sin, cos) = (v.im / v.norm(), v.re / v.norm());
            tableau.equations.push(Equation { origin: Origin::Angle(k), terms: vec![(at, -sin), (at + 1, cos)] });
        }
        tableau
    }

    /// Adds the two real equations of a complex one.
    fn push(&mut self, origin: Origin, terms: &[(Unknown, Complex64)]) {
        let mut parts = [Vec::new(), Vec::new()];
        for &(unknown, c) in terms {
            let at = 2 * unknown;
            for (part, re, im) in [(0, c.re, -c.im), (1, c.im, c.re)] {
                parts[part].extend([(at, re), (at + 1, im)].into_iter().filter(|t| t.1 != 0.0));
            }
        }
        self.equations.extend(parts.map(|terms| Equation { origin, terms }));
    }

    fn device(&mut self, k: usize, e: &GridElement) {
        // What has a conductor to earth, or to a dead node, sends there what it likes.
        if self.current[k].contains(&NONE) {
            return;
        }
        let largest = self.current[k].iter().map(|&i| self.unit[i as usize]).fold(0.0, f64::max);
        let terms: Vec<_> = (0..e.nodes.len()).map(|c| self.current[k][c]).map(|i| (i, ONE * (self.unit[i as usize] / largest))).collect();
        self.push(Origin::Device(k as u32), &terms);
    }

    fn element(&mut self, k: usize, e: &GridElement) {
        let Some(y) = &e.y else { return };
        let mut conductors: Vec<usize> = (0..e.nodes.len()).filter(|&c| self.current[k][c] != NONE).collect();
        if let Some(switch) = &e.switch {
            // An open pole of a switch: what goes in comes out, and that it is nothing can be told wrongly.
            for c in (0..e.n_conductors).filter(|&c| !switch[c]) {
                let poles = [c, e.n_conductors + c];
                let carries = |&p: &usize| (0..e.nodes.len()).any(|q| y[(p, q)].norm() > OPEN_S);
                if poles.iter().any(|p| self.current[k][*p] == NONE) || poles.iter().any(carries) {
                    continue;
                }
                let [a, b] = poles.map(|p| self.current[k][p]);
                let largest = self.unit[a as usize].max(self.unit[b as usize]);
                let share = |i: Unknown| ONE * (self.unit[i as usize] / largest);
                self.push(Origin::Element(k as u32), &[(a, share(a)), (b, share(b))]);
                self.push(Origin::Switch { element: k as u32, conductor: c as u32 }, &[(a, ONE)]);
                conductors.retain(|p| !poles.contains(p));
            }
        }
        let n = conductors.len();
        // Rows of [Y | -1] per unit, and what each was divided by since.
        let mut rows: Vec<(Vec<Complex64>, f64)> = Vec::with_capacity(n);
        let mut y_largest = 0.0f64;
        for (at, &c) in conductors.iter().enumerate() {
            let mut row = vec![ZERO; 2 * n];
            for (to, &d) in conductors.iter().enumerate() {
                let v = self.voltage[e.nodes[d] as usize];
                row[to] = y[(c, d)] * self.unit[v as usize] / self.unit[self.current[k][c] as usize];
                y_largest = y_largest.max(row[to].norm());
            }
            row[n + at] = -ONE;
            rows.push((row, 1.0));
        }
        let mut left: Vec<usize> = (0..n).collect();
        let mut is_pivot = vec![false; n];
        let mut done: Vec<(usize, Option<usize>)> = Vec::new();
        while !left.is_empty() {
            for &r in &left {
                let (row, scale) = &mut rows[r];
                for c in &mut row[..n] {
                    if c.norm() < ROUNDING * y_largest * *scale {
                        *c = ZERO;
                    }
                }
                let largest = row.iter().map(|c| c.norm()).fold(0.0, f64::max);
                row.iter_mut().for_each(|c| *c /= largest);
                *scale /= largest;
            }
            let entries = left.iter().flat_map(|&r| (0..n).filter(|&c| !is_pivot[c]).map(move |c| (r, c)));
            let size = |&(r, c): &(usize, usize)| rows[r].0[c].norm();
            // Of equal ones the first, so that the same grid gives the same equations.
            let best = entries.filter(|at| size(at) > 0.0).reduce(|a, b| if size(&b) > size(&a) * (1.0 + 1e-9) { b } else { a });
            let Some((r, c)) = best else {
                done.extend(left.drain(..).map(|r| (r, None)));
                break;
            };
            is_pivot[c] = true;
            left.retain(|&other| other != r);
            done.push((r, Some(c)));
            let (pivot, pivot_scale) = (rows[r].0.clone(), rows[r].1);
            for &other in &left {
                let (row, scale) = &mut rows[other];
                let factor = row[c] / pivot[c];
                if factor != ZERO {
                    row.iter_mut().zip(&pivot).for_each(|(a, p)| *a -= factor * p);
                    row[c] = ZERO;
                    *scale = scale.max(factor.norm() * pivot_scale);
                }
            }
        }
        for (r, pivot) in done {
            let columns =
                conductors.iter().map(|&c| self.voltage[e.nodes[c] as usize]).chain(conductors.iter().map(|&c| self.current[k][c]));
            // Two conductors may share a node.
            let mut terms: Vec<(Unknown, Complex64)> = Vec::with_capacity(2 * n);
            for (unknown, &c) in columns.zip(&rows[r].0).filter(|(_, c)| **c != ZERO) {
                match terms.iter_mut().find(|t| t.0 == unknown) {
                    Some(t) => t.1 += c,
                    None => terms.push((unknown, c)),
                }
            }
            let origin = match (pivot, &e.switch) {
                (Some(c), Some(_)) => Origin::Switch { element: k as u32, conductor: (conductors[c] % e.n_conductors) as u32 },
                _ => Origin::Element(k as u32),
            };
            self.push(origin, &terms);
        }
    }
}
