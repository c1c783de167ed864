//! Newton's method on the power balance, in polar coordinates.
//!
//! With `v_i = |v_i| exp(j θ_i)` and the powers of one entry of the admittance matrix
//!
//! ```text
//! s_ij = v_i conj(y_ij v_j) = p_ij + j q_ij        S_i = Σ_j s_ij
//! ```
//!
//! the balance asked for at node `i` is `S_i = spec_i - |v_i| c_i + d_i(|v|)`: constant power, constant current, devices with a law of their own
//! (constant admittance stands in the matrix). The derivatives by angle and by relative magnitude need no trigonometry:
//!
//! ```text
//! ∂S_i/∂θ_j = -j s_ij        |v_j| ∂S_i/∂|v_j| = s_ij                     i ≠ j
//! ∂S_i/∂θ_i = j (S_i - s_ii)   |v_i| ∂S_i/∂|v_i| = S_i + s_ii
//! ```
//!
//! so that the block of a pair, rows P and Q over columns θ and ln |v|, is
//!
//! ```text
//! [  q_ij   p_ij ]                    [ -(Q_i - q_ii)   P_i + p_ii ]
//! [ -p_ij   q_ij ]      and for i = j [   P_i - p_ii    Q_i + q_ii ]
//! ```
//!
//! One pass over the entries gives the mismatch and the Jacobian together. Where a magnitude or an angle is held, its row is that of the identity, so
//! that a machine that meets its limit changes values and not the pattern: ordering and analysis are made once a case. Derivatives of the devices are
//! differences of their laws.
//!
//! A group of machines that holds another node `t` gives reactive power in fixed proportions: one unknown `u` and one equation `|v_t| = v_set` more. With
//! `b` the proportions, both come from solutions with the same factor: of `J z = -F` and `J c = b`, `u` is chosen so that row `t` of `z + c u` brings the
//! magnitude to its value (a bordered matrix; several groups make a small dense system).
//!
//! A step that does not lessen the norm of the mismatch is halved. A block factor that leads nowhere is made again with row pivoting before
//! the iteration gives up. Next to a branch of almost no impedance a tolerance may lie below the rounding of its two large powers, `ε Σ_j |s_ij|`; a point
//! where no step lessens a mismatch of that size is the solution. The certificate tells what is left.
//!
//! Source: Tinney and Hart, *Power flow solution by Newton's method*, IEEE Trans. PAS-86, 1967; Monticelli, *State Estimation in Electric Power Systems*, ch. 4.

use super::grid::{DeviceState, Grid, NodeType};
use super::small::solve_dense;
use crate::sparse::{Block, BlockLu, Factor, Matrix, Pattern, PatternBuilder, PivotLu, SparseError, Symbolic, Work};
use network::Network;
use num_complex::Complex64;
use std::sync::Arc;

/// Halvings of a step before another factor is tried.
const HALVINGS: u32 = 6;

/// Largest change of an angle (radians) or of the logarithm of a magnitude in one step.
const LONGEST_STEP: f64 = 1.5;

/// Roundings that a balance may be off by where no step lessens it: of the phasors of both ends, the product and the sum.
const ROUNDINGS: f64 = 4.0;

/// A linear start with less than this at a node is none for the node, per unit.
const LEAST_START_PU: f64 = 0.1;

/// Difference by which laws of devices are derived, relative.
const DEVICE_STEP: f64 = 1e-6;

/// Where the iteration stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    pub v: Vec<f64>,
    pub angle: Vec<f64>,
    pub phasor: Vec<Complex64>,
}

impl Point {
    pub fn new(polar: &[(f64, f64)]) -> Self {
        let mut point = Self { v: polar.iter().map(|p| p.0).collect(), angle: polar.iter().map(|p| p.1).collect(), phasor: Vec::new() };
        point.phasor = vec![Complex64::ZERO; point.v.len()];
        point.refresh();
        point
    }

    pub fn refresh(&mut self) {
        for ((z, &v), &a) in self.phasor.iter_mut().zip(&self.v).zip(&self.angle) {
            *z = Complex64::from_polar(v, a);
        }
    }
}

/// Why the iteration stopped without a solution.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stop {
    IterationLimit,
    /// No step lessens the mismatch.
    NoDescent,
    Singular {
        node: u32,
    },
    NotFinite,
    Device {
        device: usize,
        reason: String,
    },
    Sparse(SparseError),
}

/// Nodes whose reactive powers together hold the voltage of another.
#[derive(Clone, Debug)]
pub(super) struct Border {
    pub target: usize,
    pub v_set: f64,
    /// Nodes and their parts, which add to one.
    pub members: Vec<(usize, f64)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Effort {
    pub iterations: u32,
    pub halvings: u32,
    pub pivoted: u32,
}

/// Matrices on one pattern and what the iteration writes to.
#[derive(Clone, Debug)]
pub(super) struct Newton {
    pattern: Arc<Pattern>,
    symbolic: Arc<Symbolic>,
    start: Vec<u32>,
    column: Vec<u32>,
    diagonal: Vec<u32>,
    port_slots: Vec<[u32; 4]>,
    /// For each device the slots of its nodes' square, row by row.
    device_slots: Vec<Vec<u32>>,
    y: Vec<Complex64>,
    jacobian: Vec<Block>,
    lu: BlockLu,
    /// Mismatch of the last evaluation, and the largest part of it among balances that are asked for.
    pub mismatch: Vec<Complex64>,
    pub largest: f64,
    norm: f64,
    rhs: Vec<[f64; 2]>,
    trial: Point,
    /// 1 where the active and the reactive balance of a node is asked for, else 0.
    pub asked: Vec<[f64; 2]>,
    /// Constant power injected.
    pub spec: Vec<Complex64>,
    pub device_states: Vec<Option<DeviceState>>,
    pub borders: Vec<Border>,
    /// Responses to a unit of each border's unknown, from the last factor.
    columns: Vec<Vec<[f64; 2]>>,
    pivoted: Option<Box<Pivoted>>,
}

/// The scalar matrix of twice the order, for factors with row pivoting.
#[derive(Clone, Debug)]
struct Pivoted {
    matrix: Matrix<f64>,
    symbolic: Arc<Symbolic>,
    /// Slots of the four entries of each block.
    slots: Vec<[u32; 4]>,
}

impl Newton {
    pub fn new(grid: &Grid) -> Result<Self, SparseError> {
        let n = grid.n();
        let mut builder = PatternBuilder::new(u32::try_from(n).map_err(|_| SparseError::TooLarge { entries: n as u64 })?);
        for p in &grid.ports {
            builder.clique(&p.nodes)?;
        }
        for d in &grid.devices {
            builder.clique(&d.nodes)?;
        }
        let pattern = Arc::new(builder.build()?);
        let symbolic = Arc::new(Symbolic::new(&pattern)?);
        let mut start = vec![0u32];
        let mut column = Vec::with_capacity(pattern.entries());
        for i in 0..n as u32 {
            column.extend_from_slice(pattern.row(i));
            start.push(column.len() as u32);
        }
        let slots = |nodes: &[u32]| pattern.clique_slots(nodes);
        let port_slots = grid
            .ports
            .iter()
            .map(|p| {
                let s = slots(&p.nodes)?;
                Ok([s[0], s[1], s[2], s[3]])
            })
            .collect::<Result<Vec<_>, SparseError>>()?;
        let device_slots = grid.devices.iter().map(|d| slots(&d.nodes)).collect::<Result<Vec<_>, _>>()?;
        let mut newton = Self {
            start,
            column,
            diagonal: pattern.diagonal_slots().to_vec(),
            port_slots,
            device_slots,
            y: vec![Complex64::ZERO; pattern.entries()],
            jacobian: vec![Block::ZERO; pattern.entries()],
            lu: BlockLu::new(&symbolic),
            mismatch: vec![Complex64::ZERO; n],
            largest: f64::INFINITY,
            norm: f64::INFINITY,
            rhs: vec![[0.0; 2]; n],
            trial: Point { v: vec![1.0; n], angle: vec![0.0; n], phasor: vec![Complex64::ONE; n] },
            asked: vec![[0.0; 2]; n],
            spec: vec![Complex64::ZERO; n],
            device_states: vec![None; grid.devices.len()],
            borders: Vec::new(),
            columns: Vec::new(),
            pivoted: None,
            pattern,
            symbolic,
        };
        newton.fill_admittance(grid);
        Ok(newton)
    }

    /// Entries of the factor, blocks of both triangles.
    pub fn factor_blocks(&self) -> usize {
        2 * self.symbolic.factor_entries() + self.pattern.order()
    }

    /// Entries of the admittance matrix.
    pub fn entries(&self) -> usize {
        self.pattern.entries()
    }

    /// Entries of the admittance matrix: row, column, value.
    pub fn admittance(&self) -> Vec<(u32, u32, Complex64)> {
        let rows = (0..self.asked.len()).flat_map(|i| (self.start[i]..self.start[i + 1]).map(move |k| (i as u32, k as usize)));
        rows.map(|(i, k)| (i, self.column[k], self.y[k])).collect()
    }

    /// Makes the admittance matrix again from the two-ports, shunts and banks as they stand.
    pub fn fill_admittance(&mut self, grid: &Grid) {
        self.y.fill(Complex64::ZERO);
        for (p, s) in grid.ports.iter().zip(&self.port_slots) {
            let t = &p.two_port;
            self.y[s[0] as usize] += t.y11;
            self.y[s[1] as usize] += t.y12;
            self.y[s[2] as usize] += t.y21;
            self.y[s[3] as usize] += t.y22;
        }
        for (i, shunt) in grid.shunt.iter().enumerate() {
            self.y[self.diagonal[i] as usize] += shunt;
        }
        for b in &grid.banks {
            self.y[self.diagonal[b.node as usize] as usize] += Complex64::new(0.0, b.b);
        }
    }

    /// Mismatch, and the Jacobian, at a point.
    fn evaluate(&mut self, network: &Network, grid: &Grid, point: &Point) -> Result<(), Stop> {
        let n = self.mismatch.len();
        let mut square = 0.0;
        let mut largest = 0.0f64;
        for i in 0..n {
            let range = self.start[i] as usize..self.start[i + 1] as usize;
            let [ask_p, ask_q] = self.asked[i];
            let vi = point.phasor[i];
            let mut sum = Complex64::ZERO;
            for ((&j, &y), block) in self.column[range.clone()].iter().zip(&self.y[range.clone()]).zip(&mut self.jacobian[range]) {
                let s = vi * (y * point.phasor[j as usize]).conj();
                sum += s;
                *block = Block([ask_p * s.im, ask_p * s.re, -ask_q * s.re, ask_q * s.im]);
            }
            let slot = self.diagonal[i] as usize;
            let own = (self.y[slot] * (vi.re * vi.re + vi.im * vi.im)).conj();
            let c = grid.current[i] * point.v[i];
            self.jacobian[slot] = Block([
                ask_p * (own.im - sum.im) + (1.0 - ask_p),
                ask_p * (sum.re + own.re + c.re),
                ask_q * (sum.re - own.re),
                ask_q * (sum.im + own.im + c.im) + (1.0 - ask_q),
            ]);
            self.mismatch[i] = sum - self.spec[i] + c;
        }
        if !grid.devices.is_empty() {
            self.add_devices(network, grid, point)?;
        }
        for (m, ask) in self.mismatch.iter().zip(&self.asked) {
            let (p, q) = (ask[0] * m.re, ask[1] * m.im);
            square += p * p + q * q;
            largest = largest.max(p.abs()).max(q.abs());
        }
        for b in &self.borders {
            let off = point.v[b.target] - b.v_set;
            square += off * off;
            largest = largest.max(off.abs());
        }
        self.norm = square.sqrt();
        self.largest = largest;
        // `max` passes over what is no number; the sum of squares does not.
        if square.is_finite() { Ok(()) } else { Err(Stop::NotFinite) }
    }

    fn add_devices(&mut self, network: &Network, grid: &Grid, point: &Point) -> Result<(), Stop> {
        for (k, d) in grid.devices.iter().enumerate() {
            if d.nodes.iter().any(|&i| grid.node_type[i as usize] == NodeType::Dead) {
                self.device_states[k] = None;
                continue;
            }
            let stop = |reason| Stop::Device { device: k, reason };
            let mut v: Vec<f64> = d.nodes.iter().map(|&i| point.v[i as usize]).collect();
            let (injected, state) = grid.operate(network, d, &v).map_err(stop)?;
            self.device_states[k] = Some(state);
            for (&i, s) in d.nodes.iter().zip(&injected) {
                self.mismatch[i as usize] -= s;
            }
            for c in 0..d.nodes.len() {
                let at = v[c];
                // One side of the difference may lie beyond a limit of the law; the other then serves alone.
                let mut side = |factor: f64| {
                    v[c] = at * factor;
                    let s = grid.operate(network, d, &v).map(|r| r.0);
                    v[c] = at;
                    s
                };
                let (up, down) = (side(1.0 + DEVICE_STEP), side(1.0 - DEVICE_STEP));
                let (high, low, width) = match (&up, &down) {
                    (Ok(u), Ok(l)) => (u, l, 2.0 * DEVICE_STEP),
                    (Ok(u), Err(_)) => (u, &injected, DEVICE_STEP),
                    (Err(_), Ok(l)) => (&injected, l, DEVICE_STEP),
                    (Err(_), Err(_)) => continue,
                };
                for (r, &i) in d.nodes.iter().enumerate() {
                    let slope = (high[r] - low[r]) / width;
                    let block = &mut self.jacobian[self.device_slots[k][r * d.nodes.len() + c] as usize];
                    block.0[1] -= self.asked[i as usize][0] * slope.re;
                    block.0[3] -= self.asked[i as usize][1] * slope.im;
                }
            }
        }
        Ok(())
    }

    /// Solves for `spec`, holding what is not asked for, from `point`, which becomes the solution.
    pub fn solve(
        &mut self,
        network: &Network,
        grid: &Grid,
        point: &mut Point,
        tolerance: f64,
        max_iterations: u32,
        effort: &mut Effort,
    ) -> Result<(), Stop> {
        self.evaluate(network, grid, point)?;
        let mut iterations = 0;
        while self.largest > tolerance {
            if iterations == max_iterations {
                return Err(Stop::IterationLimit);
            }
            iterations += 1;
            effort.iterations += 1;
            let before = self.norm;
            self.set_rhs();
            let mut direction = std::mem::take(&mut self.rhs);
            let mut solved = self.lu.refactor(&self.jacobian).and_then(|()| self.lu.solve_in_place(&mut direction));
            let mut unknowns = Vec::new();
            if !self.borders.is_empty() && solved.is_ok() {
                let goals: Vec<f64> = self.borders.iter().map(|b| b.v_set / point.v[b.target] - 1.0).collect();
                solved = self.find_columns();
                match self.close_borders(&mut direction, &goals) {
                    Some(u) => unknowns = u,
                    None => solved = solved.and(Err(SparseError::Singular { row: 2 * self.borders[0].target as u32 })),
                }
            }
            let mut pivoted = !self.borders.is_empty();
            loop {
                if solved.is_ok()
                    && direction.iter().flatten().all(|x| x.is_finite())
                    && self.advance(network, grid, point, &direction, &unknowns, before, effort)?
                {
                    break;
                }
                self.evaluate(network, grid, point)?;
                if self.is_rounding(grid, point) {
                    self.rhs = direction;
                    return Ok(());
                }
                if pivoted {
                    self.rhs = direction;
                    return Err(match solved {
                        Err(SparseError::Singular { row }) => Stop::Singular { node: row / 2 },
                        Err(e) => Stop::Sparse(e),
                        Ok(()) => Stop::NoDescent,
                    });
                }
                pivoted = true;
                effort.pivoted += 1;
                self.rhs = direction;
                self.set_rhs();
                direction = std::mem::take(&mut self.rhs);
                solved = self.solve_pivoted(&mut direction);
            }
            self.rhs = direction;
        }
        Ok(())
    }

    /// Whether nothing is left of the mismatch but rounding of the powers that it is the sum of, which no step lessens. One limit for all: what the
    /// balance of a short branch's ends is off by stands at its neighbours as well, because it moves both ends together.
    fn is_rounding(&self, grid: &Grid, point: &Point) -> bool {
        let size = |i: usize| {
            let range = self.start[i] as usize..self.start[i + 1] as usize;
            let flows = self.column[range.clone()].iter().zip(&self.y[range]);
            let sum: f64 = flows.map(|(&j, y)| y.norm() * point.v[j as usize]).sum();
            (sum + grid.current[i].norm()) * point.v[i] + self.spec[i].norm()
        };
        let asked = (0..self.mismatch.len()).filter(|&i| self.asked[i] != [0.0, 0.0]);
        self.largest <= ROUNDINGS * f64::EPSILON * asked.map(size).fold(0.0, f64::max)
    }

    fn set_rhs(&mut self) {
        for ((r, m), ask) in self.rhs.iter_mut().zip(&self.mismatch).zip(&self.asked) {
            *r = [-ask[0] * m.re, -ask[1] * m.im];
        }
    }

    /// Moves `point` along a direction as far as the mismatch gets less; false where it does not.
    fn advance(
        &mut self,
        network: &Network,
        grid: &Grid,
        point: &mut Point,
        direction: &[[f64; 2]],
        unknowns: &[f64],
        before: f64,
        effort: &mut Effort,
    ) -> Result<bool, Stop> {
        let longest = direction.iter().flatten().fold(0.0f64, |m, x| m.max(x.abs()));
        let mut step = if longest > LONGEST_STEP { LONGEST_STEP / longest } else { 1.0 };
        for halving in 0..=HALVINGS {
            for i in 0..direction.len() {
                self.trial.angle[i] = point.angle[i] + step * direction[i][0];
                // Newton's step in the magnitude itself; where that would take most of it away, in its logarithm.
                let relative = step * direction[i][1];
                self.trial.v[i] = point.v[i] * if relative > -0.5 { 1.0 + relative } else { relative.exp() };
            }
            self.trial.refresh();
            self.give(unknowns, step);
            let mut trial = std::mem::take(&mut self.trial);
            let done = self.evaluate(network, grid, &trial);
            let better = match done {
                Ok(()) => self.norm < before,
                // A step into where the laws end is too long.
                Err(Stop::NotFinite | Stop::Device { .. }) => false,
                Err(e) => {
                    self.give(unknowns, -step);
                    return Err(e);
                }
            };
            if better {
                std::mem::swap(point, &mut trial);
                self.trial = trial;
                return Ok(true);
            }
            self.trial = trial;
            self.give(unknowns, -step);
            if halving < HALVINGS {
                effort.halvings += 1;
                step *= 0.5;
            }
        }
        Ok(false)
    }

    /// Adds to the reactive powers of the borders' members.
    fn give(&mut self, unknowns: &[f64], step: f64) {
        for (b, u) in self.borders.iter().zip(unknowns) {
            for &(node, part) in &b.members {
                self.spec[node].im += step * u * part;
            }
        }
    }

    fn find_columns(&mut self) -> Result<(), SparseError> {
        self.columns.resize_with(self.borders.len(), Vec::new);
        for (b, column) in self.borders.iter().zip(&mut self.columns) {
            column.clear();
            column.resize(self.asked.len(), [0.0; 2]);
            for &(node, part) in &b.members {
                column[node][1] += part * self.asked[node][1];
            }
            self.lu.solve_in_place(column)?;
        }
        Ok(())
    }

    /// Adds what the borders' unknowns do to `z`, so that the targets' magnitudes change by `goals` (relative); none where they cannot.
    fn close_borders(&self, z: &mut [[f64; 2]], goals: &[f64]) -> Option<Vec<f64>> {
        let m = self.borders.len();
        let mut matrix = vec![0.0; m * m];
        let mut u = vec![0.0; m];
        for (k, b) in self.borders.iter().enumerate() {
            u[k] = goals[k] - z[b.target][1];
            for (g, column) in self.columns.iter().enumerate() {
                matrix[k * m + g] = column.get(b.target)?[1];
            }
        }
        if !solve_dense(&mut matrix, &mut u) {
            return None;
        }
        for (column, u) in self.columns.iter().zip(&u) {
            for (z, c) in z.iter_mut().zip(column) {
                z[0] += u * c[0];
                z[1] += u * c[1];
            }
        }
        Some(u)
    }

    fn solve_pivoted(&mut self, rhs: &mut [[f64; 2]]) -> Result<(), SparseError> {
        let n = self.pattern.order() as u32;
        if self.pivoted.is_none() {
            let mut builder = PatternBuilder::new(2 * n);
            for i in 0..n {
                for &j in self.pattern.row(i) {
                    for k in 0..4 {
                        builder.entry(2 * i + k / 2, 2 * j + k % 2)?;
                    }
                }
            }
            let pattern = Arc::new(builder.build()?);
            let mut slots = Vec::with_capacity(self.column.len());
            for i in 0..n {
                for &j in self.pattern.row(i) {
                    let slot = |k: u32| {
                        let (row, column) = (2 * i + k / 2, 2 * j + k % 2);
                        pattern.slot(row, column).ok_or(SparseError::NotInPattern { row, column })
                    };
                    slots.push([slot(0)?, slot(1)?, slot(2)?, slot(3)?]);
                }
            }
            self.pivoted = Some(Box::new(Pivoted { matrix: Matrix::zeros(&pattern), symbolic: Arc::new(Symbolic::new(&pattern)?), slots }));
        }
        let Some(p) = &mut self.pivoted else { return Err(SparseError::NotFactored) };
        let values = p.matrix.values_mut();
        for (slots, block) in p.slots.iter().zip(&self.jacobian) {
            for (&slot, &value) in slots.iter().zip(&block.0) {
                values[slot as usize] = value;
            }
        }
        let lu = PivotLu::new(&p.symbolic, &p.matrix)?;
        let mut flat: Vec<f64> = rhs.iter().flatten().copied().collect();
        lu.solve_in_place(&mut flat, &mut Work::new())?;
        for (r, x) in rhs.iter_mut().zip(flat.chunks_exact(2)) {
            *r = [x[0], x[1]];
        }
        Ok(())
    }

    /// Evaluates and factors at a point, so that [`Newton::response`] can tell how it moves.
    pub fn factor_at(&mut self, network: &Network, grid: &Grid, point: &Point) -> Result<(), Stop> {
        self.evaluate(network, grid, point)?;
        self.lu.refactor(&self.jacobian).map_err(|e| match e {
            SparseError::Singular { row } => Stop::Singular { node: row },
            e => Stop::Sparse(e),
        })?;
        self.find_columns().map_err(Stop::Sparse)
    }

    /// Evaluates at a point.
    pub fn mismatch_at(&mut self, network: &Network, grid: &Grid, point: &Point) -> Result<(), Stop> {
        self.evaluate(network, grid, point)
    }

    /// How angles and relative magnitudes move when injections grow by `rhs` (P and Q a node), from the factor of [`Newton::factor_at`].
    pub fn response(&self, rhs: &mut [[f64; 2]]) -> Result<(), SparseError> {
        for (r, ask) in rhs.iter_mut().zip(&self.asked) {
            r[0] *= ask[0];
            r[1] *= ask[1];
        }
        self.lu.solve_in_place(rhs)?;
        // Held voltages stay where they are; what holds them moves.
        if !self.borders.is_empty() && self.close_borders(rhs, &vec![0.0; self.borders.len()]).is_none() {
            return Err(SparseError::Singular { row: self.borders[0].target as u32 });
        }
        Ok(())
    }

    /// Voltages of the network with admittances for its loads, which draw their power at 1 per unit, and without what is injected: one linear system,
    /// whatever lies between a bus and its source. Written to `point`, where magnitudes that are held stay.
    pub fn linear_voltages(&mut self, grid: &Grid, point: &mut Point) -> Result<(), SparseError> {
        let n = grid.n();
        let complex = |y: Complex64| Block([y.re, -y.im, y.im, y.re]);
        let mut blocks = vec![Block::ZERO; self.y.len()];
        let mut voltages = vec![[0.0; 2]; n];
        for i in 0..n {
            let slot = self.diagonal[i] as usize;
            if self.asked[i][0] == 0.0 {
                blocks[slot] = Block::IDENTITY;
                voltages[i] = [point.phasor[i].re, point.phasor[i].im];
                continue;
            }
            for k in self.start[i] as usize..self.start[i + 1] as usize {
                blocks[k] = complex(self.y[k]);
            }
            let drawn = grid.current[i] - self.spec[i];
            if drawn.re > 0.0 {
                blocks[slot] = complex(self.y[slot] + Complex64::new(drawn.re, -drawn.im * self.asked[i][1]));
            }
        }
        self.lu.refactor(&blocks)?;
        self.lu.solve_in_place(&mut voltages)?;
        for (i, [re, im]) in voltages.into_iter().enumerate() {
            let v = Complex64::new(re, im);
            if !v.is_finite() || v.norm() < LEAST_START_PU {
                continue;
            }
            point.angle[i] = v.arg();
            if self.asked[i][1] != 0.0 {
                point.v[i] = v.norm();
            }
        }
        point.refresh();
        Ok(())
    }

    /// Angles of the linear ("DC") power flow, from active power and series susceptances alone, written to `point`.
    pub fn dc_angles(&self, network: &Network, grid: &Grid, point: &mut Point) -> Result<(), SparseError> {
        let n = grid.n();
        let mut matrix = Matrix::<f64>::zeros(&self.pattern);
        let mut rhs: Vec<f64> = (0..n).map(|i| self.spec[i].re - grid.current[i].re - grid.shunt[i].re).collect();
        for d in grid.devices.iter().filter(|d| d.nodes.iter().all(|&i| grid.node_type[i as usize] != NodeType::Dead)) {
            // A device that has no operating point at the start is left out of it.
            let v: Vec<f64> = d.nodes.iter().map(|&i| point.v[i as usize]).collect();
            if let Ok((injected, _)) = grid.operate(network, d, &v) {
                d.nodes.iter().zip(&injected).for_each(|(&i, s)| rhs[i as usize] += s.re);
            }
        }
        for p in &grid.ports {
            let [a, b] = p.nodes;
            let y12 = p.two_port.y12;
            let shift = p.leg.as_ref().map_or(0.0, |l| l.angle_rad);
            let susceptance = (y12 * Complex64::from_polar(1.0, -shift)).im;
            let susceptance = if susceptance.abs() > 1e-9 { susceptance } else { 1e-9 };
            matrix.add(a, a, susceptance)?;
            matrix.add(b, b, susceptance)?;
            matrix.add(a, b, -susceptance)?;
            matrix.add(b, a, -susceptance)?;
            rhs[a as usize] += susceptance * shift;
            rhs[b as usize] -= susceptance * shift;
        }
        // Held angles: their columns move to the right-hand side, their rows become those of the identity.
        let held: Vec<bool> = self.asked.iter().map(|a| a[0] == 0.0).collect();
        for i in 0..n {
            for (slot, &j) in
                (self.start[i] as usize..self.start[i + 1] as usize).zip(&self.column[self.start[i] as usize..self.start[i + 1] as usize])
            {
                let j = j as usize;
                if held[i] {
                    matrix.values_mut()[slot] = if i == j { 1.0 } else { 0.0 };
                } else if held[j] {
                    rhs[i] -= matrix.values()[slot] * point.angle[j];
                    matrix.values_mut()[slot] = 0.0;
                }
            }
            if held[i] {
                rhs[i] = point.angle[i];
            }
        }
        Factor::new(&self.symbolic, &matrix)?.solve_in_place(&mut rhs, &mut Work::new())?;
        point.angle.copy_from_slice(&rhs);
        point.refresh();
        Ok(())
    }
}
