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
//! corrected until `ε` has left it (the proximal method of multipliers). What is not determined stays where it started; [`Step::open_directions`] tells
//! what that is.
//!
//! The inverse has `-Cov(x)` in the place of x and `Cov(μ)` in that of μ; [`SelectedInverse`] gives both.
//!
//! Sources: Vanderbei, *SIAM J. Optimization* 5 (1995), for the factors; Rockafellar, *Math. Oper. Res.* 1 (1976), for the multipliers;
//! Gjelsvik, Aam and Holten, *IEEE Trans. PAS-104* (1985), for estimation with exact equations kept beside the measurements.

use super::grid::Grid;
use super::measurement::Row;
use super::simulate::Random;
use super::tableau::{Equation, NONE, Origin, Tableau};
use crate::sparse::{Ldlt, Matrix, Pattern, PatternBuilder, SelectedInverse, SparseError, Symbolic};
use std::sync::Arc;

/// Variance of an exact equation in a step, per unit squared of its scaled coefficients.
const EPSILON: f64 = 1e-12;
/// The same of the position of a switch. Equations that say the same twice (a ring of closed switches) have multipliers of variance 1 / ε, and
/// that times rounding has to stay below the variances of the multipliers by which positions are judged.
const EPSILON_SWITCH: f64 = 1e-10;
/// Weight that holds voltages and currents at the last iterate, 1 / per unit squared.
const DELTA_VOLTAGE: f64 = 1e-6;
const DELTA_CURRENT: f64 = 1e-7;
/// A system that rounding leaves singular is held more, by this and then by a hundred times as much.
const DELTA_MORE: f64 = 1e-6;
/// Variance of an exact equation, and weights of the hold one after the other, where directions are looked for that nothing determines:
/// `ε` is large enough and `δ` first small enough for the factor to tell them apart, which `1 / ε` times rounding does.
const EPSILON_OPEN: f64 = 1e-9;
const DELTA_OPEN: [f64; 3] = [1e-4, 1e-2, 1.0];
/// Such directions that are drawn, and steps of each.
const OPEN_DRAWN: usize = 2;
const OPEN_STEPS: usize = 24;
/// Below this nothing is left of a direction that was drawn with entries about 1.
const OPEN_NOTHING: f64 = 1e-8;
/// A form of the unknowns that moves by less than this share of the largest move along an open direction is determined: an unknown that moved
/// by a thousand per unit would move it by a thousandth.
const OPEN_SHARE: f64 = 1e-6;
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
    /// ε of each equation.
    epsilon: Vec<f64>,
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
        let of_switch = |q: &Equation| if matches!(q.origin, Origin::Switch { .. }) { EPSILON_SWITCH } else { EPSILON };
        let epsilon: Vec<f64> = tableau.equations.iter().map(of_switch).collect();
        for (k, equation) in tableau.equations.iter().enumerate() {
            for &(column, c) in &equation.terms {
                constant.add(k as u32, of(column), c)?;
                constant.add(of(column), k as u32, c)?;
            }
            constant.add(k as u32, k as u32, epsilon[k])?;
        }
        let mut is_voltage = vec![false; tableau.n_unknowns];
        tableau.voltage.iter().filter(|&&v| v != NONE).for_each(|&v| is_voltage[v as usize] = true);
        for column in 0..n as u32 {
            let delta = if is_voltage[column as usize / 2] { DELTA_VOLTAGE } else { DELTA_CURRENT };
            constant.add(of(column), of(column), -delta)?;
        }
        let slots = cliques.iter().map(|c| pattern.clique_slots(c)).collect::<Result<_, _>>()?;
        let diagonal = pattern.diagonal_slots().to_vec();
        Ok(Self { n_equations: m, n_unknowns: n, symbolic: Arc::new(Symbolic::new(&pattern)?), constant, epsilon, slots, diagonal })
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

    /// Begins a matrix without measurements; the equations in `relaxed` are left out.
    pub fn begin(&mut self, relaxed: &[u32]) {
        self.matrix.values_mut().copy_from_slice(self.system.constant.values());
        for &k in relaxed {
            self.matrix.values_mut()[self.system.diagonal[k as usize] as usize] = EPSILON_RELAXED;
        }
    }

    /// The same for [`Step::open_directions`], with a hold of weight `delta`.
    fn begin_open(&mut self, relaxed: &[u32], delta: f64) {
        self.matrix.values_mut().copy_from_slice(self.system.constant.values());
        let (values, n_equations) = (self.matrix.values_mut(), self.system.n_equations);
        for (k, &slot) in self.system.diagonal.iter().enumerate() {
            values[slot as usize] = match k < n_equations {
                true if relaxed.contains(&(k as u32)) => EPSILON_RELAXED,
                true => EPSILON_OPEN,
                false => -delta,
            };
        }
    }

    /// Directions that neither equations nor the measurements (each its row and weighted gradient) determine.
    ///
    /// The variance of a hold cannot tell them: pivots of `1 / ε` leave of a `δ` below rounding what they like. So they are looked for themselves.
    /// A vector drawn at random is replaced again and again by the nearest one, in the sense of `δ`, that lowers `|H x|² + |C x|² / ε`. Of a part
    /// that something determines with the deviation σ a step leaves `δ / (δ + 1 / σ²)`; of an open one it leaves all. This is inverse
    /// iteration (Wielandt) for the eigenvalue 0 of the gain, on all its eigenvectors at once: what comes out is one vector drawn from the
    /// space of open directions, and a form of the unknowns that it does not move is moved by none of them, but with probability zero.
    ///
    /// # Errors
    /// `Singular` when even the firmest hold leaves the matrix so.
    pub fn open_directions(&mut self, relaxed: &[u32], rows: &[(usize, &[f64])]) -> Result<Open, SparseError> {
        let mut held = Err(SparseError::NotFactored);
        let mut delta = 0.0;
        for attempt in DELTA_OPEN {
            delta = attempt;
            self.begin_open(relaxed, delta);
            rows.iter().for_each(|(row, gradient)| self.add(*row, gradient));
            held = match &mut self.factor {
                Some(factor) => factor.refactor(&self.matrix),
                None => Ldlt::new(&self.system.symbolic, &self.matrix).map(|factor| self.factor = Some(factor)),
            };
            if !matches!(held, Err(SparseError::Singular { .. })) {
                break;
            }
        }
        held?;
        let factor = self.factor.as_ref().ok_or(SparseError::NotFactored)?;
        let (m, n) = (self.system.n_equations, self.system.order());
        // Always the same ones, so that the same measurements give the same answer.
        let mut random = Random::new(0x0b5e_7ab1e);
        let mut directions: Vec<(Vec<f64>, f64)> = Vec::new();
        let mut rest = vec![0.0; n];
        for _ in 0..OPEN_DRAWN {
            let mut x: Vec<f64> =
                (m..n).map(|_| (0.5 + 0.5 * random.uniform()) * if random.uniform() < 0.5 { -1.0 } else { 1.0 }).collect();
            let mut size = 1.0;
            for _ in 0..OPEN_STEPS {
                let mut rhs = vec![0.0; n];
                rhs[m..].iter_mut().zip(&x).for_each(|(r, x)| *r = -delta * x);
                let mut solution = rhs.clone();
                factor.solve_in_place(&mut solution)?;
                // One correction, so that what rounding left of determined parts is not taken for open.
                self.matrix.residual(&solution, &rhs, &mut rest)?;
                factor.solve_in_place(&mut rest)?;
                solution.iter_mut().zip(&rest).for_each(|(s, r)| *s += r);
                x.copy_from_slice(&solution[m..]);
                size = x.iter().fold(0.0, |a: f64, b| if b.is_finite() { a.max(b.abs()) } else { f64::INFINITY });
                if size.is_infinite() {
                    size = f64::NAN;
                    break;
                }
                if size < OPEN_NOTHING {
                    break;
                }
            }
            if size.is_nan() || size >= OPEN_NOTHING {
                directions.push((x, size));
            }
        }
        Ok(Open { directions })
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
            (0..self.system.n_equations).filter(|&k| held(k)).for_each(|k| rest[k] += self.system.epsilon[k] * x[k]);
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
            let (mut columns, mut rotations, mut g) = (Vec::<Vec<f64>>::new(), Vec::<(f64, f64)>::new(), vec![beta]);
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
                if g[j + 1].abs() <= wanted || size.is_nan() || size <= 1e-14 * length {
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

/// What nothing determines: see [`Step::open_directions`].
#[derive(Debug)]
pub(super) struct Open {
    /// Each with its largest entry.
    directions: Vec<(Vec<f64>, f64)>,
}

impl Open {
    /// Whether a linear form of unknowns is determined: no open direction moves it.
    pub fn determines(&self, columns: &[u32], coefficients: &[f64]) -> bool {
        let size: f64 = coefficients.iter().map(|c| c.abs()).sum();
        self.directions.iter().all(|(d, largest)| {
            let moved: f64 = columns.iter().zip(coefficients).map(|(&k, c)| c * d[k as usize]).sum();
            // What is no number is not determined either.
            moved.abs() <= OPEN_SHARE * size * largest
        })
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
