//! What no radial configuration can do better than: lower bounds that carry a proof.
//!
//! # Derivation
//!
//! A balanced radial network with loads of constant power `p + jq >= 0`, series impedances `r + jx >= 0` and sources held at `E` (all line to line,
//! kV, kW, ohm). Receiving-end powers `P, Q` of a line with far bus `c` obey (Baran and Wu, IEEE Transactions on Power Delivery 4, 1989, 1401-1407)
//!
//! ```text
//! l = (P² + Q²) / v_c²                          three times the square of the current, A²
//! P = loads below + Σ losses below,  Q alike    losses of a line: r l / 1000 kW, x l / 1000 kvar
//! v_c² = v_b² - 2 (r P + x Q) / 1000 - (r² + x²) l / 10⁶
//! ```
//!
//! Every term is positive, so `v <= E` everywhere and `P, Q` are at least the sums `P0, Q0` of the loads below. With a cost `c_e` for each A² of `l`
//! on line `e` (its losses, and what the risk of loading it counts) the objective `J = Σ c_e l_e` of a tree is therefore at least
//!
//! ```text
//! J0 = Σ c_e (P0² + Q0²) / E²
//! ```
//!
//! **Over all trees.** `P0, Q0` satisfy Kirchhoff's current law, so `J0` is at least the least `Σ c_e (P² + Q²) / E²` of all flows that do, loops
//! closed: that flow is the one of a network of resistances `c_e`. With a basis `C` of loops (a column a loop, entries 0, 1, -1), `M = Cᵀ diag(c) C`
//! and `H = M⁻¹`, the least cost at which line `e` carries nothing is higher by
//!
//! ```text
//! rise_e = (P_e² + Q_e²) / (E² h_e),   h_e = C_e H C_eᵀ          then  s = H C_eᵀ,  flow -= C s flow_e / h_e,  H -= s sᵀ / h_e
//! ```
//!
//! so opening one line more is a change of rank one. A line whose bound would rise above the best known configuration stays closed in all better
//! ones.
//!
//! **What losses add.** `v_c² <= E² - 2 D_c`, `D_c = Σ (r P0 + x Q0) / 1000` on the way to `c`, and losses below are carried as well. With `R_k` the
//! part `Σ r P0 / 1000` on the way to load `k`, `Λ = Σ_k p_k R_k = Σ r P0² / 1000`, and `c_e >= r_e / 1000`, both effects together add at least
//!
//! ```text
//! 2 Σ_k p_k R_k² / E⁴ >= 2 (Λ / E²)² / Σ p              (Cauchy and Schwarz)
//! ```
//!
//! and `Λ` is at least its own least value over all flows. Where every load has `q >= τ p` and every line `x >= ξ r` the terms in `Q` make it `(1 +
//! τ²)(1 + ξ τ)` times as much. This part is the same for all trees.
//!
//! **Of one tree.** Started with `v = E` and no losses, sweeps up and down the tree give losses and currents that rise, and voltages that fall, from
//! sweep to sweep, towards the solution: each sweep is a bound, and the last is the solution to rounding.

/// A line of the bound's graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    pub a: usize,
    pub b: usize,
    pub r_ohm: f64,
    pub x_ohm: f64,
    /// Cost of three times the square of its current, kW/A²; at least `r_ohm / 1000`.
    pub cost_kw_per_a2: f64,
    /// The switch that can open it, by its number among those of the radial network.
    pub switch: Option<usize>,
}

/// Loads, lines and source of the bound. Vertex 0 is the source: all sources are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Ways {
    /// By vertex.
    pub p_kw: Vec<f64>,
    pub q_kvar: Vec<f64>,
    pub ways: Vec<Way>,
    /// Greatest voltage of a source, line to line.
    pub e_kv: f64,
}

/// Flows of least cost with some ways open, and what it costs to open another.
#[derive(Clone, Debug)]
pub struct Meshed {
    /// By way, from `a` to `b`.
    pub p_kw: Vec<f64>,
    pub q_kvar: Vec<f64>,
    /// `h_e` by way, A²/kW.
    relief: Vec<f64>,
    h: Vec<f64>,
    /// Loops that are left.
    pub n_loops: usize,
    pub cost_kw: f64,
}

/// The basis of loops.
#[derive(Clone, Debug)]
pub struct Loops {
    n: usize,
    /// Row after row, one a way.
    c: Vec<f64>,
    /// Relief of each way with all loops closed.
    first: Vec<f64>,
    e2: f64,
}

/// Relief below which a way is on no loop, over what it has with all loops closed: what rounding leaves. On a loop it is more than [`LEAST_SHARE`] of
/// that.
const NO_LOOP: f64 = 1e-11;

/// Least cost of a way over the sum of all: a line of next to no impedance among long ones could be taken for one on no loop.
pub const LEAST_SHARE: f64 = 1e-8;

/// Least sweep-to-sweep change of a tree's bound that is waited for, relative.
const SWEPT: f64 = 1e-13;

impl Ways {
    /// Number of vertices.
    pub fn n(&self) -> usize {
        self.p_kw.len()
    }

    /// Parent way of each vertex over ways that are `closed`, and vertices from the source outwards; none where a loop is closed or a vertex is not
    /// reached.
    fn tree(&self, closed: &dyn Fn(usize) -> bool) -> Option<(Vec<usize>, Vec<usize>)> {
        let mut at = vec![Vec::new(); self.n()];
        let mut n_closed = 0;
        for (e, w) in self.ways.iter().enumerate().filter(|(e, _)| closed(*e)) {
            at[w.a].push(e);
            at[w.b].push(e);
            n_closed += 1;
        }
        let mut up = vec![usize::MAX; self.n()];
        let mut order = vec![0];
        let mut seen = vec![false; self.n()];
        seen[0] = true;
        let mut next = 0;
        while next < order.len() {
            let v = order[next];
            next += 1;
            for &e in &at[v] {
                let to = self.far(e, v);
                if !seen[to] {
                    seen[to] = true;
                    up[to] = e;
                    order.push(to);
                }
            }
        }
        (order.len() == self.n() && n_closed + 1 == self.n()).then_some((up, order))
    }

    fn far(&self, way: usize, from: usize) -> usize {
        let w = &self.ways[way];
        if w.a == from { w.b } else { w.a }
    }

    /// Least cost of a flow with all ways closed, and the loops it is changed by. `costs` takes the place of the ways' own.
    ///
    /// None where a vertex hangs on nothing.
    pub fn meshed(&self, costs: &dyn Fn(&Way) -> f64) -> Option<(Loops, Meshed)> {
        let mut sets = crate::switching::zones::Sets::new(self.n());
        let in_tree: Vec<bool> = self.ways.iter().map(|w| sets.join(w.a, w.b)).collect();
        let (up, order) = self.tree(&|e| in_tree[e])?;
        let m = self.ways.len();
        // The tree alone carries everything.
        let (mut p, mut q) = (vec![0.0; m], vec![0.0; m]);
        let (mut below_p, mut below_q) = (self.p_kw.clone(), self.q_kvar.clone());
        let mut depth = vec![0_usize; self.n()];
        for &v in &order[1..] {
            depth[v] = depth[self.far(up[v], v)] + 1;
        }
        for &v in order[1..].iter().rev() {
            let e = up[v];
            let parent = self.far(e, v);
            let sign = if self.ways[e].b == v { 1.0 } else { -1.0 };
            (p[e], q[e]) = (sign * below_p[v], sign * below_q[v]);
            below_p[parent] += below_p[v];
            below_q[parent] += below_q[v];
        }
        let chords: Vec<usize> = (0..m).filter(|&e| !in_tree[e]).collect();
        let n = chords.len();
        let mut c = vec![0.0; m * n];
        for (j, &e) in chords.iter().enumerate() {
            c[e * n + j] = 1.0;
            // Back from b to a along the tree: a step up from v runs with its way where v is its end a.
            let (mut from, mut to) = (self.ways[e].b, self.ways[e].a);
            while from != to {
                let rises = depth[from] >= depth[to];
                let v = if rises { from } else { to };
                let w = up[v];
                let with = (self.ways[w].a == v) == rises;
                c[w * n + j] += if with { 1.0 } else { -1.0 };
                let parent = self.far(w, v);
                *(if rises { &mut from } else { &mut to }) = parent;
            }
        }
        let cost: Vec<f64> = self.ways.iter().map(costs).collect();
        let mut matrix = vec![0.0; n * n];
        for e in 0..m {
            let row = &c[e * n..(e + 1) * n];
            for i in (0..n).filter(|&i| row[i] != 0.0) {
                for j in 0..n {
                    matrix[i * n + j] += cost[e] * row[i] * row[j];
                }
            }
        }
        let h = inverse(matrix, n)?;
        let mut loops = Loops { n, c, first: Vec::new(), e2: self.e_kv * self.e_kv };
        let shift = |flow: &mut Vec<f64>| {
            let mut rhs = vec![0.0; n];
            for e in 0..m {
                for (r, c) in rhs.iter_mut().zip(loops.row(e)) {
                    *r -= cost[e] * c * flow[e];
                }
            }
            let y: Vec<f64> = (0..n).map(|i| (0..n).map(|j| h[i * n + j] * rhs[j]).sum()).collect();
            for (e, flow) in flow.iter_mut().enumerate() {
                *flow += loops.row(e).iter().zip(&y).map(|(c, y)| c * y).sum::<f64>();
            }
        };
        shift(&mut p);
        shift(&mut q);
        let cost_kw = (0..m).map(|e| cost[e] * (p[e] * p[e] + q[e] * q[e])).sum::<f64>() / loops.e2;
        let mut relief = vec![0.0; m];
        for (e, relief) in relief.iter_mut().enumerate() {
            let row = loops.row(e);
            *relief = (0..n).map(|i| row[i] * (0..n).map(|j| h[i * n + j] * row[j]).sum::<f64>()).sum();
        }
        loops.first.clone_from(&relief);
        Some((loops, Meshed { p_kw: p, q_kvar: q, relief, h, n_loops: n, cost_kw }))
    }

    /// What losses and the fall of voltage add to the bound of any tree at least, kW.
    pub fn losses_add_kw(&self) -> f64 {
        let Some((_, flow)) = self.meshed(&|w| w.r_ohm / 1e3) else { return 0.0 };
        let loads = self.p_kw.iter().zip(&self.q_kvar).skip(1).filter(|(p, q)| **p > 0.0 || **q > 0.0);
        let tau = loads.map(|(p, q)| if *p > 0.0 { q / p } else { f64::INFINITY }).fold(f64::INFINITY, f64::min);
        let xi = self.ways.iter().map(|w| w.x_ohm / w.r_ohm).fold(f64::INFINITY, f64::min);
        let total: f64 = self.p_kw.iter().sum();
        if !(total > 0.0 && tau.is_finite() && xi.is_finite()) {
            return 0.0;
        }
        let e2 = self.e_kv * self.e_kv;
        let active = self.ways.iter().zip(&flow.p_kw).map(|(w, p)| w.r_ohm / 1e3 * p * p).sum::<f64>() / e2;
        2.0 * active * active / total * (1.0 + tau * tau) * (1.0 + xi * tau)
    }

    /// Bound of one tree, the ways that are `closed`: least value of its objective, kW, to rounding the value itself.
    ///
    /// None where the ways are no tree, or have no solution.
    pub fn of_tree(&self, closed: &dyn Fn(usize) -> bool) -> Option<f64> {
        let (up, order) = self.tree(closed)?;
        let n = self.n();
        let e2 = self.e_kv * self.e_kv;
        let mut v2 = vec![e2; n];
        let mut l = vec![0.0; n];
        let (mut p, mut q) = (vec![0.0; n], vec![0.0; n]);
        let mut last = 0.0;
        for _ in 0..200 {
            p.copy_from_slice(&self.p_kw);
            q.copy_from_slice(&self.q_kvar);
            let mut cost = 0.0;
            for &v in order[1..].iter().rev() {
                let w = &self.ways[up[v]];
                l[v] = (p[v] * p[v] + q[v] * q[v]) / v2[v];
                cost += w.cost_kw_per_a2 * l[v];
                let parent = self.far(up[v], v);
                p[parent] += p[v] + w.r_ohm * l[v] / 1e3;
                q[parent] += q[v] + w.x_ohm * l[v] / 1e3;
            }
            for &v in &order[1..] {
                let w = &self.ways[up[v]];
                let z2 = w.r_ohm * w.r_ohm + w.x_ohm * w.x_ohm;
                v2[v] = v2[self.far(up[v], v)] - 2.0 * (w.r_ohm * p[v] + w.x_ohm * q[v]) / 1e3 - z2 * l[v] / 1e6;
                if v2[v] <= 0.0 {
                    return None;
                }
            }
            if cost - last <= SWEPT * cost {
                return Some(cost);
            }
            last = cost;
        }
        Some(last)
    }
}

impl Loops {
    fn row(&self, way: usize) -> &[f64] {
        &self.c[way * self.n..(way + 1) * self.n]
    }

    /// Rise of the bound when a way is opened, kW; infinite where it is on no loop.
    pub fn rise_kw(&self, flow: &Meshed, way: usize) -> f64 {
        let h = flow.relief[way];
        if h <= NO_LOOP * self.first[way] {
            return f64::INFINITY;
        }
        (flow.p_kw[way] * flow.p_kw[way] + flow.q_kvar[way] * flow.q_kvar[way]) / (self.e2 * h)
    }

    /// The flow of least cost with a way more open, which must be on a loop.
    pub fn opened(&self, flow: &Meshed, way: usize) -> Meshed {
        let n = self.n;
        let mut next = flow.clone();
        let row = self.row(way);
        let s: Vec<f64> = (0..n).map(|i| (0..n).filter(|&j| row[j] != 0.0).map(|j| flow.h[i * n + j] * row[j]).sum()).collect();
        let h = flow.relief[way];
        next.cost_kw += self.rise_kw(flow, way);
        let (fp, fq) = (flow.p_kw[way] / h, flow.q_kvar[way] / h);
        for e in 0..flow.p_kw.len() {
            let along: f64 = self.row(e).iter().zip(&s).map(|(c, s)| c * s).sum();
            next.p_kw[e] -= along * fp;
            next.q_kvar[e] -= along * fq;
            next.relief[e] = (flow.relief[e] - along * along / h).max(0.0);
        }
        (next.p_kw[way], next.q_kvar[way], next.relief[way]) = (0.0, 0.0, 0.0);
        for i in 0..n {
            for j in 0..n {
                next.h[i * n + j] -= s[i] * s[j] / h;
            }
        }
        next.n_loops -= 1;
        next
    }
}

/// Inverse of a symmetric positive definite matrix; none where it is not.
fn inverse(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    let mut inverse: Vec<f64> = (0..n * n).map(|k| if k / n == k % n { 1.0 } else { 0.0 }).collect();
    for k in 0..n {
        let pivot = a[k * n + k];
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        for j in 0..n {
            a[k * n + j] /= pivot;
            inverse[k * n + j] /= pivot;
        }
        for i in (0..n).filter(|&i| i != k) {
            let factor = a[i * n + k];
            if factor != 0.0 {
                for j in 0..n {
                    a[i * n + j] -= factor * a[k * n + j];
                    inverse[i * n + j] -= factor * inverse[k * n + j];
                }
            }
        }
    }
    Some(inverse)
}
