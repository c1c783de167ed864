//! The matrix of one Gauss-Newton step, its factor, and covariances out of its inverse.
//!
//! With the weighted gradients `H` (a row of one measurement is divided by its σ), the exact equations `C x = 0`, `r` the weighted
//! residuals and `μ` the multipliers,
//!
//! ```text
//! | ε    C        | | Δμ |   |    - C x     |
//! | Cᵀ  -(HᵀH + δ)| | Δx | = | - Hᵀr - Cᵀμ  |
//! ```
//!
//! `ε` and `δ` are small and make the matrix *quasi-definite*: it has LDLᵀ factors in any order of elimination, so that the order can be
//! chosen for sparsity alone, and it is regular also where measurements do not determine a state. Neither moves the result, since the
//! right-hand side has neither: at rest `C x = 0` and `Hᵀr + Cᵀμ = 0` hold exactly. `δ` shortens the step alone, and the solution is
//! corrected until `ε` has left it (the proximal method of multipliers). What is not determined stays where it started and is known by its variance.
//!
//! The inverse has `-Cov(x)` in the place of x and `Cov(μ)` in that of μ; [`SelectedInverse`] gives both.
//!
//! Sources: Vanderbei, *SIAM J. Optimization* 5 (1995), for the factors; Rockafellar, *Math. Oper. Res.* 1 (1976), for the multipliers;
//! Gjelsvik, Aam and Holten, *IEEE Trans. PAS-104* (1985), for estimation with exact equations kept beside the measurements.

use super::grid::Grid;
use super::measurement::Row;
use super::tableau::{NONE, Tableau};
use crate::sparse::{Ldlt, Matrix, Pattern, PatternBuilder, SelectedInverse, SparseError, Symbolic};
use std::sync::Arc;

/// Variance of an exact equation in a step, per unit squared of its scaled coefficients.
const EPSILON: f64 = 1e-12;
/// Weight that holds voltages and currents at the last iterate, 1 / per unit squared.
pub(super) const DELTA_VOLTAGE: f64 = 1e-6;
pub(super) const DELTA_CURRENT: f64 = 1e-7;
/// A system that rounding leaves singular is held more, by this and then by a hundred times as much.
const DELTA_MORE: f64 = 1e-6;
/// By how much more unknowns are held to see which of them hang on nothing else: a variance that falls is not that of measurements.
pub(super) const FIRMER: f64 = 16.0;
/// Directions of a correction at most.
const DIRECTIONS_MAX: usize = 20;
/// Variance of the equation of a switch whose position is left open.
const EPSILON_RELAXED: f64 = 1e10;

/// What is the same for all values of measurements.
#[derive(Debug)]
pub(super) struct System {
    pub n_equations: usize,
    pub n_unknowns: usize,
    symbolic: Arc<Symbolic>,
    /// Equations and the small diagonal; the measurements come on top.
    constant: Matrix<f64>,
    /// Slots of the products of each measurement's gradient; empty for idle ones.
    slots: Vec<Vec<u32>>,
    diagonal: Vec<u32>,
}

impl System {
    /// # Errors
    /// When the system is too large for the sparse routines.
    pub fn new(grid: &Grid, tableau: &Tableau, rows: &[Option<Row>]) -> Result<Self, SparseError> {
        let (m, n) = (tableau.equations.len(), 2 * tableau.n_unknowns);
        let of = |column: u32| m as u32 + column;
        let mut builder = PatternBuilder::new((m + n) as u32);
        for (k, equation) in tableau.equations.iter().enumerate() {
            for &(column, _) in &equation.terms {
                builder.entry(k as u32, of(column))?;
            }
        }
        let cliques: Vec<Vec<u32>> =
            rows.iter().map(|r| r.as_ref().map_or_else(Vec::new, |r| r.columns.iter().map(|&c| of(c)).collect())).collect();
        for clique in &cliques {
            builder.clique(clique)?;
        }
        // What an element carries and loses is asked for with its deviation.
        for (k, e) in grid.elements.iter().enumerate() {
            builder.clique(&element_columns(tableau, k, &e.nodes).into_iter().map(of).collect::<Vec<_>>())?;
        }
        let pattern: Arc<Pattern> = Arc::new(builder.build()?);
        let mut constant = Matrix::zeros(&pattern);
        for (k, equation) in tableau.equations.iter().enumerate() {
            for &(column, c) in &equation.terms {
                constant.add(k as u32, of(column), c)?;
                constant.add(of(column), k as u32, c)?;
            }
            constant.add(k as u32, k as u32, EPSILON)?;
        }
        let mut is_voltage = vec![false; tableau.n_unknowns];
        tableau.voltage.iter().filter(|&&v| v != NONE).for_each(|&v| is_voltage[v as usize] = true);
        for column in 0..n as u32 {
            let delta = if is_voltage[column as usize / 2] { DELTA_VOLTAGE } else { DELTA_CURRENT };
            constant.add(of(column), of(column), -delta)?;
        }
        let slots = cliques.iter().map(|c| pattern.clique_slots(c)).collect::<Result<_, _>>()?;
        let diagonal = pattern.diagonal_slots().to_vec();
        Ok(Self { n_equations: m, n_unknowns: n, symbolic: Arc::new(Symbolic::new(&pattern)?), constant, slots, diagonal })
    }

    /// Entries of the factor below the diagonal.
    pub fn factor_entries(&self) -> usize {
        self.symbolic.factor_entries()
    }

    pub fn order(&self) -> usize {
        self.n_equations + self.n_unknowns
    }
}

/// Real unknowns of an element's conductors: voltages, then currents; without repetition.
pub(super) fn element_columns(tableau: &Tableau, element: usize, nodes: &[u32]) -> Vec<u32> {
    let voltages = nodes.iter().map(|&n| tableau.voltage[n as usize]);
    let mut columns: Vec<u32> =
        voltages.chain(tableau.current[element].iter().copied()).filter(|&u| u != NONE).flat_map(|u| [2 * u, 2 * u + 1]).collect();
    columns.sort_unstable();
    columns.dedup();
    columns
}

/// A system with values, and its factor.
#[derive(Debug)]
pub(super) struct Step<'a> {
    system: &'a System,
    matrix: Matrix<f64>,
    factor: Option<Ldlt<f64>>,
    outer: Vec<f64>,
    rhs: Vec<f64>,
    rest: Vec<f64>,
}

impl<'a> Step<'a> {
    pub fn new(system: &'a System) -> Self {
        let n = system.order();
        Self { system, matrix: system.constant.clone(), factor: None, outer: Vec::new(), rhs: vec![0.0; n], rest: vec![0.0; n] }
    }

    /// Begins a matrix without measurements; the equations in `relaxed` are left out. With `firmly` unknowns are held [`FIRMER`] times as much.
    pub fn begin(&mut self, relaxed: &[u32], firmly: bool) {
        self.matrix.values_mut().copy_from_slice(self.system.constant.values());
        for &k in relaxed {
            self.matrix.values_mut()[self.system.diagonal[k as usize] as usize] = EPSILON_RELAXED;
        }
        if firmly {
            for &slot in &self.system.diagonal[self.system.n_equations..] {
                self.matrix.values_mut()[slot as usize] *= FIRMER;
            }
        }
    }

    /// Adds a measurement by its weighted gradient.
    pub fn add(&mut self, row: usize, gradient: &[f64]) {
        self.outer.clear();
        self.outer.extend(gradient.iter().flat_map(|a| gradient.iter().map(move |b| -a * b)));
        self.matrix.add_at(&self.system.slots[row], &self.outer);
    }

    /// # Errors
    /// `Singular` or `NonFinite` by row of the system.
    pub fn factor(&mut self) -> Result<(), SparseError> {
        let mut more = DELTA_MORE;
        loop {
            let done = match &mut self.factor {
                Some(factor) => factor.refactor(&self.matrix),
                None => Ldlt::new(&self.system.symbolic, &self.matrix).map(|factor| self.factor = Some(factor)),
            };
            match done {
                // A direction that meters of great weight leave open altogether may drown in their rounding.
                Err(SparseError::Singular { .. }) if more < 1.0 => {
                    for &slot in &self.system.diagonal[self.system.n_equations..] {
                        self.matrix.values_mut()[slot as usize] -= more;
                    }
                    more *= 100.0;
                }
                other => return other,
            }
        }
    }

    /// Solves with `ε = 0`; `rhs` becomes the solution.
    ///
    /// The factor is that with `ε`. It differs in a few directions alone: where measurements leave an equation less variance than `ε`, as at
    /// an unearthed winding, whose voltage to earth hangs on a millionth of its admittance. Generalised minimal residuals (Saad and
    /// Schultz, *SIAM J. Sci. Stat. Comput.* 7, 1986) with the factor on the right need about as many steps as there are such directions.
    ///
    /// # Errors
    /// `NotFactored`.
    pub fn solve(&mut self, rhs: &mut [f64], relaxed: &[u32]) -> Result<(), SparseError> {
        let factor = self.factor.as_ref().ok_or(SparseError::NotFactored)?;
        let n = rhs.len();
        let norm = |v: &[f64]| v.iter().map(|a| a * a).sum::<f64>().sqrt();
        self.rhs.copy_from_slice(rhs);
        let (wanted, held) = (norm(rhs) * 1e-14, |k: usize| !relaxed.contains(&(k as u32)));
        factor.solve_in_place(rhs)?;
        let left = |x: &[f64], b: &[f64], rest: &mut [f64]| -> Result<(), SparseError> {
            self.matrix.residual(x, b, rest)?;
            (0..self.system.n_equations).filter(|&k| held(k)).for_each(|k| rest[k] += EPSILON * x[k]);
            Ok(())
        };
        let mut rest = std::mem::take(&mut self.rest);
        left(rhs, &self.rhs, &mut rest)?;
        let beta = norm(&rest);
        if beta > wanted {
            let zero = vec![0.0; n];
            let mut basis: Vec<Vec<f64>> = vec![rest.iter().map(|r| r / beta).collect()];
            let mut directions: Vec<Vec<f64>> = Vec::new();
            // Columns of the triangle that Givens' rotations leave, the rotations, and the rotated right-hand side.
            let (mut columns, mut rotations, mut g): (Vec<Vec<f64>>, Vec<(f64, f64)>, Vec<f64>) = (Vec::new(), Vec::new(), vec![beta]);
            for j in 0..DIRECTIONS_MAX {
                let mut z = basis[j].clone();
                factor.solve_in_place(&mut z)?;
                let mut w = vec![0.0; n];
                left(&z, &zero, &mut w)?;
                w.iter_mut().for_each(|w| *w = -*w);
                directions.push(z);
                let mut h: Vec<f64> = Vec::with_capacity(j + 2);
                for v in &basis {
                    let dot: f64 = v.iter().zip(&w).map(|(a, b)| a * b).sum();
                    w.iter_mut().zip(v).for_each(|(w, v)| *w -= dot * v);
                    h.push(dot);
                }
                let size = norm(&w);
                for (k, &(c, s)) in rotations.iter().enumerate() {
                    (h[k], h[k + 1]) = (c * h[k] + s * h[k + 1], c * h[k + 1] - s * h[k]);
                }
                let length = h[j].hypot(size);
                let (c, s) = if length > 0.0 { (h[j] / length, size / length) } else { (1.0, 0.0) };
                h[j] = length;
                rotations.push((c, s));
                g.push(-s * g[j]);
                g[j] *= c;
                columns.push(h);
                // A direction that adds nothing ends the search as well.
                if g[j + 1].abs() <= wanted || !(size > 1e-14 * length) {
                    break;
                }
                basis.push(w.iter().map(|w| w / size).collect());
            }
            let m = columns.len();
            let mut y = vec![0.0; m];
            for k in (0..m).rev() {
                let known: f64 = (k + 1..m).map(|c| columns[c][k] * y[c]).sum();
                y[k] = if columns[k][k] > 0.0 { (g[k] - known) / columns[k][k] } else { 0.0 };
            }
            for (y, z) in y.iter().zip(&directions) {
                rhs.iter_mut().zip(z).for_each(|(x, z)| *x += y * z);
            }
        }
        self.rest = rest;
        Ok(())
    }

    /// # Errors
    /// `NotFactored`.
    pub fn covariance(&self) -> Result<Covariance, SparseError> {
        let factor = self.factor.as_ref().ok_or(SparseError::NotFactored)?;
        Ok(Covariance { inverse: SelectedInverse::new(factor), n_equations: self.system.n_equations as u32 })
    }
}

/// Variances and covariances of unknowns and multipliers.
#[derive(Debug)]
pub(super) struct Covariance {
    inverse: SelectedInverse,
    n_equations: u32,
}

impl Covariance {
    /// Of two real unknowns that share a measurement, an equation or an element; per unit.
    pub fn of(&self, a: u32, b: u32) -> f64 {
        -self.inverse.get(self.n_equations + a, self.n_equations + b).unwrap_or(0.0)
    }

    /// Of a multiplier with itself.
    pub fn of_multiplier(&self, equation: u32) -> f64 {
        self.inverse.diagonal(equation)
    }

    /// Variance of a linear form of unknowns that share a measurement, an equation or an element.
    pub fn of_form(&self, columns: &[u32], coefficients: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (i, (&a, &ca)) in columns.iter().zip(coefficients).enumerate() {
            if ca == 0.0 {
                continue;
            }
            sum += ca * ca * self.of(a, a);
            for (&b, &cb) in columns[..i].iter().zip(coefficients) {
                if cb != 0.0 {
                    sum += 2.0 * ca * cb * self.of(a, b);
                }
            }
        }
        sum
    }
}
