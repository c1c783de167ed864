//! Losses and currents of the branches of a zone, packed for the loop over time.
//!
//! A branch with the primitive admittance `[A B; Bᵀ D]` of its two ends is a series part `Y = -B` and a shunt part `C = A + B` at
//! each end, where `D = A` and `B` is symmetric. Then, with `d = v1 - v2`,
//!
//! ```text
//! i1 = Y d + C v1        losses = d (Y d)* + v1 (C v1)* + v2 (C v2)*
//! ```
//!
//! which is three products of half the order instead of one of the whole, and does not lose the losses of a short line in the
//! difference of what enters and what leaves. Lines are kept in this form, one array for each number of phases. Elements of other shapes
//! (transformers, series reactors) keep their whole admittance without the conductors at earth. What was compiled holds while the element's
//! conductors are all closed and its taps are those of the compilation; a branch that has moved, and one that is of no such shape, is asked
//! of the state.

use crate::circuit::Circuit;
use crate::dense::CMatrix;
use crate::element::{Model, Varying};
use crate::state::State;
use crate::yprim::open_conductors;
use num_complex::Complex64;

const ZERO: Complex64 = Complex64::new(0.0, 0.0);

/// What one branch loses and carries, before the factor of a positive-sequence model.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BranchPower {
    pub losses_va: Complex64,
    /// The part of the losses that is there without load.
    pub no_load_va: Complex64,
    /// Losses of the zero sequence, W; of lines with three phases only.
    pub zero_mode_w: f64,
    /// Square of the largest phase current at the first terminal, A².
    pub largest_a2: f64,
}

/// A line: series and shunt admittance as upper triangles, row by row.
#[derive(Clone, Debug)]
struct Line<const N: usize, const T: usize> {
    branch: u32,
    element: u32,
    nodes: [[u32; N]; 2],
    series: [Complex64; T],
    shunt: [Complex64; T],
}

/// Any other element that does not change by itself.
#[derive(Clone, Debug)]
struct Whole {
    branch: u32,
    element: u32,
    n_phases: u32,
    /// Nodes of the rows; the rows of the phases of the first terminal come first.
    nodes: Box<[u32]>,
    /// Admittance, row-major.
    y: Box<[Complex64]>,
    /// Taps of a transformer for which this holds.
    taps_pu: Box<[f64]>,
    /// Magnetising branches: admittance of one, conjugate, and the nodes between which each stands.
    no_load_conj: Complex64,
    no_load_nodes: Box<[(u32, u32)]>,
}

/// A branch that is asked of the state.
#[derive(Clone, Debug)]
struct Live {
    branch: u32,
    element: u32,
    n_phases: u32,
    is_line: bool,
    /// Conductance of each phase of the first terminal to earth that counts as no-load, S.
    g_no_load: f64,
}

/// The branches of one zone.
#[derive(Clone, Debug, Default)]
pub(super) struct Branches {
    one: Vec<Line<1, 1>>,
    two: Vec<Line<2, 3>>,
    three: Vec<Line<3, 6>>,
    whole: Vec<Whole>,
    live: Vec<Live>,
}

/// What tells a branch of the zone to [`Branches::push`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub element: u32,
    pub n_phases: u32,
    pub is_line: bool,
    pub g_no_load: f64,
}

impl<const N: usize, const T: usize> Line<N, T> {
    /// `None` when the admittance is not that of a line with equal ends.
    fn compile(branch: u32, element: u32, nodes: &[u32], y: &CMatrix) -> Option<Self> {
        if nodes.len() != 2 * N || y.rows() != 2 * N {
            return None;
        }
        let (mut series, mut shunt) = ([ZERO; T], [ZERO; T]);
        let mut at = 0;
        for r in 0..N {
            for c in r..N {
                let through = y[(r, c + N)];
                let same_ends = y[(r, c)] == y[(r + N, c + N)] && y[(r, c)] == y[(c, r)] && y[(r + N, c + N)] == y[(c + N, r + N)];
                if !same_ends || through != y[(c, r + N)] || through != y[(r + N, c)] || through != y[(c + N, r)] {
                    return None;
                }
                series[at] = -through;
                shunt[at] = y[(r, c)] + through;
                at += 1;
            }
        }
        let nodes = [std::array::from_fn(|k| nodes[k]), std::array::from_fn(|k| nodes[N + k])];
        Some(Self { branch, element, nodes, series, shunt })
    }

    #[inline(always)]
    fn power(&self, v: &[Complex64]) -> BranchPower {
        let v1: [Complex64; N] = std::array::from_fn(|k| v[self.nodes[0][k] as usize]);
        let v2: [Complex64; N] = std::array::from_fn(|k| v[self.nodes[1][k] as usize]);
        let d: [Complex64; N] = std::array::from_fn(|k| v1[k] - v2[k]);
        let through = product::<N, T>(&self.series, &d);
        let (c1, c2) = (product::<N, T>(&self.shunt, &v1), product::<N, T>(&self.shunt, &v2));
        let mut p = BranchPower::default();
        let (mut v1_sum, mut v2_sum, mut i1_sum, mut i2_sum) = (ZERO, ZERO, ZERO, ZERO);
        for k in 0..N {
            p.losses_va += d[k] * through[k].conj() + v1[k] * c1[k].conj() + v2[k] * c2[k].conj();
            let (i1, i2) = (through[k] + c1[k], c2[k] - through[k]);
            p.largest_a2 = p.largest_a2.max(i1.norm_sqr());
            (v1_sum, v2_sum, i1_sum, i2_sum) = (v1_sum + v1[k], v2_sum + v2[k], i1_sum + i1, i2_sum + i2);
        }
        if N == 3 {
            p.zero_mode_w = (v1_sum * i1_sum.conj() + v2_sum * i2_sum.conj()).re / 3.0;
        }
        p
    }
}

/// A symmetric matrix, given by its upper triangle, times a vector.
#[inline(always)]
fn product<const N: usize, const T: usize>(upper: &[Complex64; T], x: &[Complex64; N]) -> [Complex64; N] {
    let mut out = [ZERO; N];
    let mut at = 0;
    for r in 0..N {
        for c in r..N {
            out[r] += upper[at] * x[c];
            if c != r {
                out[c] += upper[at] * x[r];
            }
            at += 1;
        }
    }
    out
}

impl Whole {
    fn compile(circuit: &Circuit, branch: u32, shape: Shape) -> Option<Self> {
        let e = &circuit.elements()[shape.element as usize];
        let (y, taps_pu, no_load) = match (&e.model, Varying::initial(circuit.network(), e)) {
            (Model::Fixed(p), _) => (p.total.clone(), Box::default(), None),
            (Model::Transformer(t), Varying::Taps(taps)) => {
                let mut y = CMatrix::square(t.order());
                t.yprim(&taps, &mut y);
                // What an autotransformer's windings share needs no care here: the sum over all conductors holds.
                let nodes: Box<[_]> = t.no_load_ends().map(|(from, to)| (e.nodes[from], e.nodes[to])).collect();
                let no_load = (t.no_load_admittance(&taps).conj(), nodes);
                (y, taps, Some(no_load))
            }
            _ => return None,
        };
        if y.rows() != e.nodes.len() || shape.g_no_load != 0.0 {
            return None;
        }
        let rows: Vec<usize> = (0..e.nodes.len()).filter(|&k| k < shape.n_phases as usize || e.nodes[k] != 0).collect();
        let (no_load_conj, no_load_nodes) = no_load.unwrap_or_default();
        Some(Self {
            branch,
            element: shape.element,
            n_phases: shape.n_phases,
            nodes: rows.iter().map(|&k| e.nodes[k]).collect(),
            y: rows.iter().flat_map(|&r| rows.iter().map(move |&c| (r, c))).map(|at| y[at]).collect(),
            taps_pu,
            no_load_conj,
            no_load_nodes,
        })
    }

    fn holds(&self, state: &State) -> bool {
        let taps_hold = match &state.varying[self.element as usize] {
            Varying::Taps(taps) => taps == &self.taps_pu,
            _ => true,
        };
        taps_hold && state.closed[self.element as usize].is_none()
    }

    #[inline]
    fn power(&self, v: &[Complex64]) -> BranchPower {
        let mut p = BranchPower::default();
        let order = self.nodes.len();
        for (row, (y, &node)) in self.y.chunks_exact(order).zip(&self.nodes).enumerate() {
            let i: Complex64 = y.iter().zip(&self.nodes).map(|(y, &n)| y * v[n as usize]).sum();
            p.losses_va += v[node as usize] * i.conj();
            if row < self.n_phases as usize {
                p.largest_a2 = p.largest_a2.max(i.norm_sqr());
            }
        }
        if self.no_load_conj != ZERO {
            let v2: f64 = self.no_load_nodes.iter().map(|&(from, to)| (v[from as usize] - v[to as usize]).norm_sqr()).sum();
            p.no_load_va = self.no_load_conj * v2;
        }
        p
    }
}

impl Live {
    fn power(&self, state: &State, currents: &mut [Complex64]) -> BranchPower {
        let e = &state.circuit().elements()[self.element as usize];
        let v = state.voltages();
        let i = &mut currents[..e.nodes.len()];
        state.element_currents_into(self.element as usize, i);
        let mut p = BranchPower::default();
        let n_phases = self.n_phases as usize;
        for (k, (&n, i)) in e.nodes.iter().zip(&*i).enumerate() {
            p.losses_va += v[n as usize] * i.conj();
            if k < n_phases {
                p.largest_a2 = p.largest_a2.max(i.norm_sqr());
            }
        }
        p.no_load_va = no_load_va(state, self.element as usize);
        if self.g_no_load != 0.0 {
            p.no_load_va += e.nodes[..n_phases].iter().map(|&n| v[n as usize].norm_sqr()).sum::<f64>() * self.g_no_load;
        }
        if self.is_line && n_phases == 3 {
            for first in [0, e.n_conductors] {
                let sum = |at: &dyn Fn(usize) -> Complex64| (first..first + 3).map(at).sum::<Complex64>();
                p.zero_mode_w += (sum(&|k| v[e.nodes[k] as usize]) * sum(&|k| i[k]).conj()).re / 3.0;
            }
        }
        p
    }
}

/// Power that the magnetising branch of a transformer takes, VA; zero of any other element.
fn no_load_va(state: &State, element: usize) -> Complex64 {
    let e = &state.circuit().elements()[element];
    let (Model::Transformer(t), Varying::Taps(taps)) = (&e.model, &state.varying[element]) else { return ZERO };
    let v = state.voltages();
    if let Some(closed) = state.closed[element].as_ref().filter(|closed| closed.iter().any(|c| !c)) {
        // What the open conductors leave of the magnetising branches.
        let open: Vec<bool> = closed.iter().map(|c| !c).collect();
        let mut y = CMatrix::square(t.order());
        t.yprim_no_load(taps, &mut y);
        if open_conductors(&mut y, &open).is_err() {
            return ZERO;
        }
        let v: Vec<Complex64> = e.nodes.iter().map(|&n| v[n as usize]).collect();
        return y.mul_vec(&v).iter().zip(&v).map(|(i, v)| v * i.conj()).sum();
    }
    let y = t.no_load_admittance(taps).conj();
    t.no_load_ends().map(|(from, to)| (v[e.nodes[from] as usize] - v[e.nodes[to] as usize]).norm_sqr() * y).sum()
}

impl Branches {
    /// Takes in branch number `branch` of the zone.
    pub fn push(&mut self, circuit: &Circuit, branch: u32, shape: Shape) {
        let e = &circuit.elements()[shape.element as usize];
        let as_line = match &e.model {
            Model::Fixed(p) if shape.is_line => match shape.n_phases {
                1 => Line::compile(branch, shape.element, &e.nodes, &p.total).map(|l| self.one.push(l)),
                2 => Line::compile(branch, shape.element, &e.nodes, &p.total).map(|l| self.two.push(l)),
                3 => Line::compile(branch, shape.element, &e.nodes, &p.total).map(|l| self.three.push(l)),
                _ => None,
            },
            _ => None,
        };
        if as_line.is_some() {
            return;
        }
        // The zero mode of a line needs its currents end by end.
        match Whole::compile(circuit, branch, shape).filter(|_| !(shape.is_line && shape.n_phases == 3)) {
            Some(whole) => self.whole.push(whole),
            None => {
                let Shape { element, n_phases, is_line, g_no_load } = shape;
                self.live.push(Live { branch, element, n_phases, is_line, g_no_load });
            }
        }
    }

    /// Shows `take` every branch with its number in the zone.
    ///
    /// `currents` is room for the conductors of any element of the circuit.
    pub fn visit(&self, state: &State, currents: &mut [Complex64], mut take: impl FnMut(u32, &BranchPower)) {
        visit_lines(&self.one, state, currents, &mut take);
        visit_lines(&self.two, state, currents, &mut take);
        visit_lines(&self.three, state, currents, &mut take);
        for whole in &self.whole {
            let power = if whole.holds(state) {
                whole.power(state.voltages())
            } else {
                let Whole { branch, element, n_phases, .. } = *whole;
                Live { branch, element, n_phases, is_line: false, g_no_load: 0.0 }.power(state, currents)
            };
            take(whole.branch, &power);
        }
        for live in &self.live {
            take(live.branch, &live.power(state, currents));
        }
    }
}

#[inline(always)]
fn visit_lines<const N: usize, const T: usize>(
    lines: &[Line<N, T>],
    state: &State,
    currents: &mut [Complex64],
    take: &mut impl FnMut(u32, &BranchPower),
) {
    for line in lines {
        let power = if state.closed[line.element as usize].is_none() {
            line.power(state.voltages())
        } else {
            let (branch, element) = (line.branch, line.element);
            Live { branch, element, n_phases: N as u32, is_line: true, g_no_load: 0.0 }.power(state, currents)
        };
        take(line.branch, &power);
    }
}
