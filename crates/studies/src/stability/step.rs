//! One step of time: all machines and the network at once, by the implicit trapezoidal rule.
//!
//! From `t` to `t + h` every unit's states and all voltages satisfy
//!
//! ```text
//! r(x, V) = x - x_n - h/(2 m) (f_n + f(x, V)) = 0          for a state with mass m
//! r(x, V) = -f(x, V) = 0                                   for one without
//! F(x, V) = Σ g(x, V) - I_loads(V) - Y V = 0               at every node; V = 0 at nodes held by a bolted fault
//! ```
//!
//! A state between limits has `r` replaced by the middle one of `x - x_max`, `r`, `x - x_min`: it is `r = 0` within the limits, and at a limit as long as
//! the block wants beyond (non-windup). `f_n` of a state that stands at a limit and wants beyond counts as zero.
//!
//! Newton's method, each unit's states eliminated by themselves. With `A = ∂r/∂x`, `B = ∂r/∂V`, `C = ∂g/∂x`, `D = ∂g/∂V`:
//!
//! ```text
//! Δx = -A⁻¹ (r + B ΔV)
//! (Y + dI_loads/dV - Σ (D - C A⁻¹ B)) ΔV = F - Σ C A⁻¹ r
//! ```
//!
//! The matrix has one real 2 by 2 block where `Y` has an entry and is factored by blocks (`powerflow::sparse::BlockLu`). `A` to `D` are central
//! differences. They and the factor are kept from step to step until an iteration gains too little, a limit is met or left, or the network or the step
//! changes; what is converged is the residual, so kept derivatives cost iterations, never accuracy. The difference of direct and quadrature reactances
//! (saliency) is in `D` and needs no iteration of its own.
//!
//! At an event voltages jump and states do not: the same equations with `h = 0` give the voltages after it.
//!
//! Source: Kundur (1994), section 13.3.6 (simultaneous implicit solution); Milano, *Power System Modelling and Scripting* (2010), ch. 8.

use super::grid::Grid;
use super::load::Drawn;
use super::unit::{Given, STATES, Unit};
use num_complex::Complex64;
use powerflow::sparse::{Block, BlockLu};

/// Largest change of a state or voltage at which an iteration counts as done; that change is made.
const TOLERANCE: f64 = 1e-10;
/// Iterations before a step is given up.
const ITERATIONS: usize = 40;
/// An iteration has to bring the change down by this factor, or derivatives are made anew.
const GAIN: f64 = 0.1;

/// Why a step has no end.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NoStep {
    /// The matrix is singular at this node.
    Singular { node: u32 },
    /// The iteration did not settle; the voltage moved most at this node.
    Unsettled { node: u32 },
}

/// Derivatives of one unit.
#[derive(Clone, Debug)]
struct Local {
    /// LU of `A`, row by row, and its row exchanges.
    lu: [[f64; STATES]; STATES],
    pivot: [usize; STATES],
    /// `A⁻¹ B`.
    z: [[f64; 2]; STATES],
    c: [[f64; STATES]; 2],
    /// `D - C A⁻¹ B`.
    s: [f64; 4],
    /// States that stood at a limit.
    held: u32,
}

/// A unit at a moment.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    pub unit: Unit,
    pub node: u32,
    pub x: Vec<f64>,
    /// Rates times masses at the last moment, zero where a limit holds.
    pub f: [f64; STATES],
    pub given: Given,
    local: Box<Local>,
}

impl Moving {
    pub fn new(unit: Unit, node: u32, x: Vec<f64>, v: Complex64) -> Self {
        let mut f = [0.0; STATES];
        let given = unit.evaluate(&x, v, &mut f);
        let local =
            Local { lu: [[0.0; STATES]; STATES], pivot: [0; STATES], z: [[0.0; 2]; STATES], c: [[0.0; STATES]; 2], s: [0.0; 4], held: 0 };
        Self { unit, node, x, f, given, local: Box::new(local) }
    }

    /// Residual of a step of `h` from `x_n`, `f_n` at `x`, `v`; gives the states held by a limit.
    fn residual(&self, x: &[f64], x_n: &[f64], v: Complex64, h: f64, r: &mut [f64; STATES]) -> (Given, u32) {
        let mut f = [0.0; STATES];
        let given = self.unit.evaluate(x, v, &mut f);
        let mut held = 0;
        for i in 0..self.unit.n() {
            let mass = self.unit.masses[i];
            r[i] = if mass > 0.0 { x[i] - x_n[i] - h / (2.0 * mass) * (self.f[i] + f[i]) } else { -f[i] };
            if let Some((low, high)) = self.unit.limits[i] {
                let (above, below) = (x[i] - high, x[i] - low);
                if r[i] < above {
                    r[i] = above;
                    held |= 1 << i;
                } else if r[i] > below {
                    r[i] = below;
                    held |= 1 << i;
                }
            }
        }
        (given, held)
    }

    /// Derivatives at the present state.
    fn differentiate(&mut self, x_n: &[f64], v: Complex64, h: f64) -> bool {
        let n = self.unit.n();
        let (mut r, mut up, mut down) = ([0.0; STATES], [0.0; STATES], [0.0; STATES]);
        let mut local = std::mem::replace(
            &mut self.local,
            Box::new(Local {
                lu: [[0.0; STATES]; STATES],
                pivot: [0; STATES],
                z: [[0.0; 2]; STATES],
                c: [[0.0; STATES]; 2],
                s: [0.0; 4],
                held: 0,
            }),
        );
        let (_, held) = self.residual(&self.x, x_n, v, h, &mut r);
        local.held = held;
        let mut x = [0.0; STATES];
        x[..n].copy_from_slice(&self.x);
        for j in 0..n {
            let step = 1e-6 * self.x[j].abs().max(1.0);
            x[j] = self.x[j] + step;
            let (a, _) = self.residual(&x[..n], x_n, v, h, &mut up);
            x[j] = self.x[j] - step;
            let (b, _) = self.residual(&x[..n], x_n, v, h, &mut down);
            x[j] = self.x[j];
            for i in 0..n {
                local.lu[i][j] = (up[i] - down[i]) / (2.0 * step);
            }
            let c = (a.current - b.current) / (2.0 * step);
            (local.c[0][j], local.c[1][j]) = (c.re, c.im);
        }
        for i in (0..n).filter(|i| (held >> i) & 1 == 1) {
            // At a limit the row is `x - limit`, whichever side a difference falls on.
            local.lu[i][..n].fill(0.0);
            local.lu[i][i] = 1.0;
        }
        let mut d = [[0.0; 2]; 2];
        let mut b = [[0.0; 2]; STATES];
        for k in 0..2 {
            let step = if k == 0 { Complex64::new(1e-6, 0.0) } else { Complex64::new(0.0, 1e-6) };
            let (p, _) = self.residual(&self.x, x_n, v + step, h, &mut up);
            let (m, _) = self.residual(&self.x, x_n, v - step, h, &mut down);
            let g = (p.current - m.current) / 2e-6;
            (d[0][k], d[1][k]) = (g.re, g.im);
            for i in 0..n {
                b[i][k] = if (held >> i) & 1 == 1 { 0.0 } else { (up[i] - down[i]) / 2e-6 };
            }
        }
        let whole = factor(&mut local.lu, &mut local.pivot, n);
        for k in 0..2 {
            let mut column: [f64; STATES] = std::array::from_fn(|i| b[i][k]);
            solve(&local.lu, &local.pivot, n, &mut column);
            for i in 0..n {
                local.z[i][k] = column[i];
            }
        }
        for row in 0..2 {
            for k in 0..2 {
                local.s[2 * row + k] = d[row][k] - (0..n).map(|i| local.c[row][i] * local.z[i][k]).sum::<f64>();
            }
        }
        self.local = local;
        whole
    }

    /// Takes the present state as the one that the next step starts from.
    pub fn settle(&mut self, v: Complex64) {
        self.given = self.unit.evaluate(&self.x, v, &mut self.f);
        for i in 0..self.unit.n() {
            if let Some((low, high)) = self.unit.limits[i] {
                self.x[i] = self.x[i].clamp(low, high);
                if (self.x[i] >= high && self.f[i] > 0.0) || (self.x[i] <= low && self.f[i] < 0.0) {
                    self.f[i] = 0.0;
                }
            }
        }
    }
}

/// LU with row exchanges in place; false when it is singular.
fn factor(a: &mut [[f64; STATES]; STATES], pivot: &mut [usize; STATES], n: usize) -> bool {
    for k in 0..n {
        let best = (k..n).max_by(|&i, &j| a[i][k].abs().total_cmp(&a[j][k].abs())).unwrap_or(k);
        pivot[k] = best;
        a.swap(k, best);
        let d = a[k][k];
        if d == 0.0 || !d.is_finite() {
            return false;
        }
        for i in k + 1..n {
            let l = a[i][k] / d;
            a[i][k] = l;
            if l != 0.0 {
                for j in k + 1..n {
                    a[i][j] -= l * a[k][j];
                }
            }
        }
    }
    true
}

fn solve(a: &[[f64; STATES]; STATES], pivot: &[usize; STATES], n: usize, b: &mut [f64; STATES]) {
    for k in 0..n {
        b.swap(k, pivot[k]);
    }
    for i in 1..n {
        b[i] -= (0..i).map(|j| a[i][j] * b[j]).sum::<f64>();
    }
    for i in (0..n).rev() {
        b[i] = (b[i] - (i + 1..n).map(|j| a[i][j] * b[j]).sum::<f64>()) / a[i][i];
    }
}

/// The network in its present state, with room for a step.
pub(super) struct Stepper {
    pub grid: Grid,
    /// Loads whose current does not go with the voltage.
    pub drawn: Vec<(u32, Drawn)>,
    matrix: Vec<Block>,
    lu: BlockLu,
    /// Derivatives hold for this step; none: they have to be made.
    made_for_h: Option<f64>,
    mismatch: Vec<Complex64>,
    rhs: Vec<[f64; 2]>,
    /// Iterations and derivatives made, for the certificate.
    pub iterations: u64,
    pub factored: u64,
}

impl Stepper {
    pub fn new(grid: Grid, drawn: Vec<(u32, Drawn)>) -> Self {
        let n = grid.n();
        let lu = BlockLu::new(&grid.symbolic);
        Self {
            matrix: vec![Block::ZERO; grid.y.len()],
            lu,
            made_for_h: None,
            mismatch: vec![Complex64::ZERO; n],
            rhs: vec![[0.0; 2]; n],
            iterations: 0,
            factored: 0,
            grid,
            drawn,
        }
    }

    /// Steps all units and voltages by `h` seconds; 0 finds the voltages that go with the states.
    pub fn step(&mut self, units: &mut [Moving], v: &mut [Complex64], h: f64) -> Result<(), NoStep> {
        let start: Vec<Vec<f64>> = units.iter().map(|u| u.x.clone()).collect();
        let mut residuals = vec![[0.0; STATES]; units.len()];
        let mut last = f64::INFINITY;
        let mut worst = 0;
        for iteration in 0..ITERATIONS {
            self.iterations += 1;
            // Mismatch of the network.
            self.grid.currents(v, &mut self.mismatch);
            self.mismatch.iter_mut().for_each(|m| *m = -*m);
            for (node, load) in &self.drawn {
                self.mismatch[*node as usize] -= load.at(v[*node as usize]).0;
            }
            let mut fresh = self.made_for_h == Some(h);
            for ((u, x_n), r) in units.iter_mut().zip(&start).zip(&mut residuals) {
                let (given, held) = u.residual(&u.x, x_n, v[u.node as usize], h, r);
                self.mismatch[u.node as usize] += given.current;
                fresh &= held == u.local.held;
            }
            if !fresh {
                self.differentiate(units, &start, v, h)?;
            }
            // Right-hand side: the units' states eliminated.
            for (rhs, m) in self.rhs.iter_mut().zip(&self.mismatch) {
                *rhs = [m.re, m.im];
            }
            for (u, r) in units.iter().zip(&mut residuals) {
                solve(&u.local.lu, &u.local.pivot, u.unit.n(), r);
                for (k, out) in self.rhs[u.node as usize].iter_mut().enumerate() {
                    *out -= (0..u.unit.n()).map(|i| u.local.c[k][i] * r[i]).sum::<f64>();
                }
            }
            for (node, _) in self.grid.grounded.iter().enumerate().filter(|(_, g)| **g) {
                self.rhs[node] = [-v[node].re, -v[node].im];
            }
            self.lu.solve_in_place(&mut self.rhs).map_err(|_| NoStep::Singular { node: 0 })?;
            // Changes.
            let mut change = 0.0f64;
            for (node, (v, d)) in v.iter_mut().zip(&self.rhs).enumerate() {
                *v += Complex64::new(d[0], d[1]);
                let size = d[0].abs().max(d[1].abs());
                if size > change || !size.is_finite() {
                    (change, worst) = (if size.is_finite() { size } else { f64::INFINITY }, node as u32);
                }
            }
            for (u, r) in units.iter_mut().zip(&residuals) {
                let d = self.rhs[u.node as usize];
                for i in 0..u.unit.n() {
                    let step = -r[i] - u.local.z[i][0] * d[0] - u.local.z[i][1] * d[1];
                    u.x[i] += step;
                    let size = step.abs() / u.x[i].abs().max(1.0);
                    change = if size.is_finite() { change.max(size) } else { f64::INFINITY };
                }
            }
            if change == f64::INFINITY {
                return Err(NoStep::Unsettled { node: worst });
            }
            if change <= TOLERANCE {
                // The limits' own side must be the one that was assumed.
                let kept = units.iter().zip(&start).all(|(u, x_n)| {
                    let mut r = [0.0; STATES];
                    let (_, held) = u.residual(&u.x, x_n, v[u.node as usize], h, &mut r);
                    held == u.local.held || r.iter().take(u.unit.n()).all(|r| r.abs() < 1e-9)
                });
                if kept {
                    units.iter_mut().for_each(|u| u.settle(v[u.node as usize]));
                    return Ok(());
                }
            }
            if change > GAIN * last || iteration == ITERATIONS / 2 {
                self.made_for_h = None;
            }
            last = change;
        }
        Err(NoStep::Unsettled { node: worst })
    }

    fn differentiate(&mut self, units: &mut [Moving], start: &[Vec<f64>], v: &[Complex64], h: f64) -> Result<(), NoStep> {
        self.factored += 1;
        for (u, x_n) in units.iter_mut().zip(start) {
            if !u.differentiate(x_n, v[u.node as usize], h) {
                return Err(NoStep::Singular { node: u.node });
            }
        }
        for (block, y) in self.matrix.iter_mut().zip(&self.grid.y) {
            *block = Block([y.re, -y.im, y.im, y.re]);
        }
        let pattern = self.grid.symbolic.pattern();
        let diagonal = pattern.diagonal_slots();
        for u in units.iter() {
            let block = &mut self.matrix[diagonal[u.node as usize] as usize].0;
            block.iter_mut().zip(&u.local.s).for_each(|(b, s)| *b -= s);
        }
        for (node, load) in &self.drawn {
            let (_, j) = load.at(v[*node as usize]);
            let block = &mut self.matrix[diagonal[*node as usize] as usize].0;
            block.iter_mut().zip(&j).for_each(|(b, j)| *b += j);
        }
        for (node, _) in self.grid.grounded.iter().enumerate().filter(|(_, g)| **g) {
            if let Some(slots) = pattern.row_slots(node as u32) {
                self.matrix[slots].fill(Block::ZERO);
            }
            self.matrix[diagonal[node] as usize] = Block::IDENTITY;
        }
        self.made_for_h = Some(h);
        self.lu.refactor(&self.matrix).map_err(|e| match e {
            powerflow::sparse::SparseError::Singular { row } => NoStep::Singular { node: row },
            _ => NoStep::Singular { node: 0 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_systems_are_solved_with_row_exchanges() {
        let mut a = [[0.0; STATES]; STATES];
        let rows = [[0.0, 2.0, 1.0], [1.0, 1.0, 0.0], [4.0, 0.0, 3.0]];
        for (a, r) in a.iter_mut().zip(rows) {
            a[..3].copy_from_slice(&r);
        }
        let (mut pivot, mut b) = ([0; STATES], [0.0; STATES]);
        b[..3].copy_from_slice(&[7.0, 3.0, 13.0]);
        assert!(factor(&mut a, &mut pivot, 3));
        solve(&a, &pivot, 3, &mut b);
        for (x, wanted) in b.iter().zip([1.0, 2.0, 3.0]) {
            assert!((x - wanted).abs() < 1e-14);
        }
        let mut flat = [[1.0; STATES]; STATES];
        assert!(!factor(&mut flat, &mut pivot, 2));
    }
}
