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
//! difference of what enters and what leaves. Lines are kept in this form. Elements of other shapes (transformers, series reactors) keep
//! their whole admittance without the conductors at earth. Branches of one shape, whose losses go to one cell of the meter, stand four side
//! by side in the lanes of the vector registers. What was compiled holds while an element's conductors are all closed and its taps are those
//! of the compilation; a branch that has moved, and one that is of no such shape, is asked of the state.

use crate::circuit::Circuit;
use crate::dense::CMatrix;
use crate::element::{Model, Varying};
use crate::sparse::Lanes;
use crate::state::State;
use crate::yprim::open_conductors;
use num_complex::Complex64;

const ZERO: Complex64 = Complex64::new(0.0, 0.0);
/// Branches side by side.
const K: usize = 4;
/// An empty lane.
const NONE: u32 = u32::MAX;
/// The earth among the rows of an admittance without it.
const EARTH: u8 = u8::MAX;

/// Losses of the branches of one kind at one voltage base, before the factor of a positive-sequence model.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub total_va: Complex64,
    /// The part of the losses that is there without load.
    pub no_load_va: Complex64,
    /// Losses of the zero sequence, W; of lines with three phases only.
    pub zero_mode_w: f64,
}

/// Where what the branches lose and carry is written.
pub(super) struct Ledger<'a> {
    pub cells: &'a mut [Cell],
    /// Overload factors by branch: normal, emergency. What is not overloaded is left as it was.
    pub overload: &'a mut [[f64; 2]],
    pub overloaded: bool,
}

/// A branch of the zone, and where its losses go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub branch: u32,
    /// Position in the circuit's elements.
    pub element: u32,
    pub cell: u8,
    pub n_phases: u32,
    pub is_line: bool,
    /// Squares of the normal and the emergency rating, A²; infinite where there is none.
    pub rating_a2: [f64; 2],
    /// Conductance of each phase of the first terminal to earth that counts as no-load, S.
    pub g_no_load: f64,
}

/// What one branch loses and carries.
#[derive(Clone, Copy, Debug, Default)]
struct BranchPower {
    losses: Cell,
    /// Square of the largest phase current at the first terminal, A².
    largest_a2: f64,
}

/// The same of the branches side by side.
#[derive(Clone, Copy, Debug)]
struct BlockPower {
    total: Lanes<K>,
    no_load: Lanes<K>,
    zero_mode: [f64; K],
    largest_a2: [f64; K],
}

/// What blocks of any shape have.
#[derive(Clone, Debug)]
struct Block {
    cell: u8,
    elements: [u32; K],
    rating_a2: [[f64; K]; 2],
    /// The branches, lane by lane; the last lanes of a block may be empty.
    places: Box<[Place]>,
}

/// A line: series and shunt admittance as upper triangles, row by row.
#[derive(Clone, Debug)]
struct Line<const N: usize, const T: usize> {
    place: Place,
    nodes: [[u32; N]; 2],
    series: [Complex64; T],
    shunt: [Complex64; T],
}

#[derive(Clone, Debug)]
struct LineBlock<const N: usize, const T: usize> {
    block: Block,
    nodes: [[[u32; K]; N]; 2],
    series: [Lanes<K>; T],
    shunt: [Lanes<K>; T],
}

/// Any other element that does not change by itself, without its conductors at earth.
#[derive(Clone, Debug)]
struct Whole {
    place: Place,
    /// Nodes of the rows; the rows of the phases of the first terminal come first.
    nodes: Box<[u32]>,
    /// Admittance, row-major.
    y: Box<[Complex64]>,
    /// Taps of a transformer for which this holds.
    taps_pu: Box<[f64]>,
    /// Magnetising branches: admittance of one, conjugate, and the rows between which each stands.
    no_load_conj: Complex64,
    no_load_rows: Box<[(u8, u8)]>,
}

#[derive(Clone, Debug)]
struct WholeBlock<const M: usize> {
    block: Block,
    n_phases: usize,
    nodes: [[u32; K]; M],
    y: [[Lanes<K>; M]; M],
    taps_pu: [Box<[f64]>; K],
    no_load_conj: Lanes<K>,
    no_load_rows: Box<[(u8, u8)]>,
}

/// The branches of one zone, as they are gathered.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    one: Vec<Line<1, 1>>,
    two: Vec<Line<2, 3>>,
    three: Vec<Line<3, 6>>,
    whole: Vec<Whole>,
    live: Vec<Place>,
}

/// The branches of one zone.
#[derive(Clone, Debug)]
pub(super) struct Branches {
    one: Vec<LineBlock<1, 1>>,
    two: Vec<LineBlock<2, 3>>,
    three: Vec<LineBlock<3, 6>>,
    whole2: Vec<WholeBlock<2>>,
    whole3: Vec<WholeBlock<3>>,
    whole6: Vec<WholeBlock<6>>,
    /// Branches that are asked of the state.
    live: Vec<Place>,
}

impl<const N: usize, const T: usize> Line<N, T> {
    /// `None` when the admittance is not that of a line with equal ends.
    fn compile(place: Place, nodes: &[u32], y: &CMatrix) -> Option<Self> {
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
        Some(Self { place, nodes, series, shunt })
    }
}

impl Block {
    fn new(places: Vec<Place>) -> Self {
        let of = |lane: usize| places.get(lane);
        Self {
            cell: places[0].cell,
            elements: std::array::from_fn(|t| of(t).map_or(NONE, |p| p.element)),
            rating_a2: std::array::from_fn(|level| std::array::from_fn(|t| of(t).map_or(f64::INFINITY, |p| p.rating_a2[level]))),
            places: places.into(),
        }
    }

    /// Writes down the lanes of which what was compiled holds, and the others as the state has them.
    #[inline(always)]
    fn book(&self, mut power: BlockPower, holds: [bool; K], state: &State, currents: &mut [Complex64], ledger: &mut Ledger<'_>) {
        if holds != [true; K] {
            for (t, place) in self.places.iter().enumerate().filter(|(t, _)| !holds[*t]) {
                power.total.set(t, ZERO);
                power.no_load.set(t, ZERO);
                (power.zero_mode[t], power.largest_a2[t]) = (0.0, 0.0);
                place.ask(state, currents, ledger);
            }
        }
        let cell = &mut ledger.cells[self.cell as usize];
        let sum = |x: &[f64; K]| (x[0] + x[1]) + (x[2] + x[3]);
        cell.total_va += Complex64::new(sum(&power.total.re), sum(&power.total.im));
        cell.no_load_va += Complex64::new(sum(&power.no_load.re), sum(&power.no_load.im));
        cell.zero_mode_w += sum(&power.zero_mode);
        let mut is_over = false;
        for rating_a2 in &self.rating_a2 {
            for t in 0..K {
                is_over |= power.largest_a2[t] > rating_a2[t];
            }
        }
        if is_over {
            for (place, largest_a2) in self.places.iter().zip(power.largest_a2) {
                place.compare(largest_a2, ledger);
            }
        }
    }
}

/// Parts a list into blocks of neighbours that `is_same` says go together.
fn blocks<X, B>(mut list: Vec<X>, key: impl Fn(&X) -> (u8, u32, Vec<(u8, u8)>), make: impl Fn(&[X]) -> B) -> Vec<B> {
    list.sort_by_cached_key(&key);
    list.chunk_by(|a, b| key(a) == key(b)).flat_map(|same| same.chunks(K)).map(make).collect()
}

#[inline(always)]
fn gather(v: &[Complex64], nodes: &[u32; K]) -> Lanes<K> {
    let mut out = Lanes::ZERO;
    for t in 0..K {
        let at = v[nodes[t] as usize];
        (out.re[t], out.im[t]) = (at.re, at.im);
    }
    out
}

#[inline(always)]
fn difference(a: &Lanes<K>, b: &Lanes<K>) -> Lanes<K> {
    let mut out = *a;
    for t in 0..K {
        out.re[t] -= b.re[t];
        out.im[t] -= b.im[t];
    }
    out
}

#[inline(always)]
fn add(to: &mut Lanes<K>, a: &Lanes<K>) {
    for t in 0..K {
        to.re[t] += a.re[t];
        to.im[t] += a.im[t];
    }
}

/// `to + a b`
#[inline(always)]
fn add_product(to: &mut Lanes<K>, a: &Lanes<K>, b: &Lanes<K>) {
    for t in 0..K {
        to.re[t] += a.re[t] * b.re[t] - a.im[t] * b.im[t];
        to.im[t] += a.re[t] * b.im[t] + a.im[t] * b.re[t];
    }
}

/// `to + v i*`
#[inline(always)]
fn add_power(to: &mut Lanes<K>, v: &Lanes<K>, i: &Lanes<K>) {
    for t in 0..K {
        to.re[t] += v.re[t] * i.re[t] + v.im[t] * i.im[t];
        to.im[t] += v.im[t] * i.re[t] - v.re[t] * i.im[t];
    }
}

#[inline(always)]
fn raise(largest_a2: &mut [f64; K], i: &Lanes<K>) {
    for t in 0..K {
        let size = i.re[t] * i.re[t] + i.im[t] * i.im[t];
        largest_a2[t] = if size > largest_a2[t] { size } else { largest_a2[t] };
    }
}

/// Symmetric matrices, given by their upper triangles, times vectors.
#[inline(always)]
fn product<const N: usize, const T: usize>(upper: &[Lanes<K>; T], x: &[Lanes<K>; N]) -> [Lanes<K>; N] {
    let mut out = [Lanes::ZERO; N];
    let mut at = 0;
    for r in 0..N {
        for c in r..N {
            add_product(&mut out[r], &upper[at], &x[c]);
            if c != r {
                add_product(&mut out[c], &upper[at], &x[r]);
            }
            at += 1;
        }
    }
    out
}

impl<const N: usize, const T: usize> LineBlock<N, T> {
    fn new(lines: &[Line<N, T>]) -> Self {
        let mut new = Self {
            block: Block::new(lines.iter().map(|l| l.place).collect()),
            nodes: [[[0; K]; N]; 2],
            series: [Lanes::ZERO; T],
            shunt: [Lanes::ZERO; T],
        };
        for (t, line) in lines.iter().enumerate() {
            for end in 0..2 {
                (0..N).for_each(|k| new.nodes[end][k][t] = line.nodes[end][k]);
            }
            for at in 0..T {
                new.series[at].set(t, line.series[at]);
                new.shunt[at].set(t, line.shunt[at]);
            }
        }
        new
    }

    #[inline(always)]
    fn power(&self, v: &[Complex64]) -> BlockPower {
        let v1: [Lanes<K>; N] = std::array::from_fn(|k| gather(v, &self.nodes[0][k]));
        let v2: [Lanes<K>; N] = std::array::from_fn(|k| gather(v, &self.nodes[1][k]));
        let d: [Lanes<K>; N] = std::array::from_fn(|k| difference(&v1[k], &v2[k]));
        let through = product::<N, T>(&self.series, &d);
        let (c1, c2) = (product::<N, T>(&self.shunt, &v1), product::<N, T>(&self.shunt, &v2));
        let mut p = BlockPower { total: Lanes::ZERO, no_load: Lanes::ZERO, zero_mode: [0.0; K], largest_a2: [0.0; K] };
        let mut sums = [Lanes::ZERO; 4];
        for k in 0..N {
            add_power(&mut p.total, &d[k], &through[k]);
            add_power(&mut p.total, &v1[k], &c1[k]);
            add_power(&mut p.total, &v2[k], &c2[k]);
            let mut i1 = through[k];
            add(&mut i1, &c1[k]);
            raise(&mut p.largest_a2, &i1);
            if N == 3 {
                add(&mut sums[0], &v1[k]);
                add(&mut sums[1], &i1);
                add(&mut sums[2], &v2[k]);
                add(&mut sums[3], &difference(&c2[k], &through[k]));
            }
        }
        if N == 3 {
            let [v1, i1, v2, i2] = &sums;
            for t in 0..K {
                let (first, second) = (v1.re[t] * i1.re[t] + v1.im[t] * i1.im[t], v2.re[t] * i2.re[t] + v2.im[t] * i2.im[t]);
                p.zero_mode[t] = (first + second) / 3.0;
            }
        }
        p
    }

    #[inline(always)]
    fn visit(&self, state: &State, currents: &mut [Complex64], ledger: &mut Ledger<'_>) {
        let holds = std::array::from_fn(|t| self.block.elements[t] == NONE || state.closed[self.block.elements[t] as usize].is_none());
        self.block.book(self.power(state.voltages()), holds, state, currents, ledger);
    }
}

impl Whole {
    fn compile(circuit: &Circuit, place: Place) -> Option<Self> {
        let e = &circuit.elements()[place.element as usize];
        let (y, taps_pu, no_load) = match (&e.model, Varying::initial(circuit.network(), e)) {
            (Model::Fixed(p), _) => (p.total.clone(), Box::default(), None),
            (Model::Transformer(t), Varying::Taps(taps)) => {
                let mut y = CMatrix::square(t.order());
                t.yprim(&taps, &mut y);
                let no_load = (t.no_load_admittance(&taps).conj(), t.no_load_ends().collect::<Vec<_>>());
                (y, taps, Some(no_load))
            }
            _ => return None,
        };
        if y.rows() != e.nodes.len() || place.g_no_load != 0.0 {
            return None;
        }
        let rows: Vec<usize> = (0..e.nodes.len()).filter(|&k| k < place.n_phases as usize || e.nodes[k] != 0).collect();
        let row_of = |conductor: usize| rows.iter().position(|&r| r == conductor).map_or(EARTH, |r| r as u8);
        let (no_load_conj, ends) = no_load.unwrap_or_default();
        let has_no_load = no_load_conj != ZERO;
        Some(Self {
            place,
            nodes: rows.iter().map(|&k| e.nodes[k]).collect(),
            y: rows.iter().flat_map(|&r| rows.iter().map(move |&c| (r, c))).map(|at| y[at]).collect(),
            taps_pu,
            no_load_conj,
            no_load_rows: ends.into_iter().filter(|_| has_no_load).map(|(from, to)| (row_of(from), row_of(to))).collect(),
        })
    }
}

impl<const M: usize> WholeBlock<M> {
    fn all(list: &[Whole]) -> Vec<Self> {
        let of_order: Vec<Whole> = list.iter().filter(|w| w.nodes.len() == M).cloned().collect();
        blocks(of_order, |w| (w.place.cell, w.place.n_phases, w.no_load_rows.to_vec()), Self::new)
    }

    fn new(list: &[Whole]) -> Self {
        let mut new = Self {
            block: Block::new(list.iter().map(|w| w.place).collect()),
            n_phases: list[0].place.n_phases as usize,
            nodes: [[0; K]; M],
            y: [[Lanes::ZERO; M]; M],
            taps_pu: std::array::from_fn(|t| list.get(t).map(|w| w.taps_pu.clone()).unwrap_or_default()),
            no_load_conj: Lanes::ZERO,
            no_load_rows: list[0].no_load_rows.clone(),
        };
        for (t, whole) in list.iter().enumerate() {
            new.no_load_conj.set(t, whole.no_load_conj);
            for r in 0..M {
                new.nodes[r][t] = whole.nodes[r];
                (0..M).for_each(|c| new.y[r][c].set(t, whole.y[r * M + c]));
            }
        }
        new
    }

    #[inline(always)]
    fn power(&self, v: &[Complex64]) -> BlockPower {
        let v: [Lanes<K>; M] = std::array::from_fn(|r| gather(v, &self.nodes[r]));
        let mut p = BlockPower { total: Lanes::ZERO, no_load: Lanes::ZERO, zero_mode: [0.0; K], largest_a2: [0.0; K] };
        for r in 0..M {
            let mut i = Lanes::ZERO;
            for c in 0..M {
                add_product(&mut i, &self.y[r][c], &v[c]);
            }
            add_power(&mut p.total, &v[r], &i);
            if r < self.n_phases {
                raise(&mut p.largest_a2, &i);
            }
        }
        let mut v2 = [0.0; K];
        let at = |row: u8| if row == EARTH { Lanes::ZERO } else { v[row as usize] };
        for &(from, to) in &self.no_load_rows {
            let across = difference(&at(from), &at(to));
            for t in 0..K {
                v2[t] += across.re[t] * across.re[t] + across.im[t] * across.im[t];
            }
        }
        for t in 0..K {
            p.no_load.re[t] = self.no_load_conj.re[t] * v2[t];
            p.no_load.im[t] = self.no_load_conj.im[t] * v2[t];
        }
        p
    }

    #[inline(always)]
    fn visit(&self, state: &State, currents: &mut [Complex64], ledger: &mut Ledger<'_>) {
        let holds = std::array::from_fn(|t| {
            let element = self.block.elements[t];
            element == NONE || {
                let taps_hold = match &state.varying[element as usize] {
                    Varying::Taps(taps) => taps == &self.taps_pu[t],
                    _ => true,
                };
                taps_hold && state.closed[element as usize].is_none()
            }
        });
        self.block.book(self.power(state.voltages()), holds, state, currents, ledger);
    }
}

impl Place {
    /// Asks the state for what the branch loses and carries, and writes it down.
    #[cold]
    fn ask(&self, state: &State, currents: &mut [Complex64], ledger: &mut Ledger<'_>) {
        let power = self.power(state, currents);
        let cell = &mut ledger.cells[self.cell as usize];
        cell.total_va += power.losses.total_va;
        cell.no_load_va += power.losses.no_load_va;
        cell.zero_mode_w += power.losses.zero_mode_w;
        self.compare(power.largest_a2, ledger);
    }

    fn compare(&self, largest_a2: f64, ledger: &mut Ledger<'_>) {
        for (factor, rating_a2) in ledger.overload[self.branch as usize].iter_mut().zip(self.rating_a2) {
            if largest_a2 > rating_a2 {
                *factor = (largest_a2 / rating_a2).sqrt() - 1.0;
                ledger.overloaded = true;
            }
        }
    }

    fn power(&self, state: &State, currents: &mut [Complex64]) -> BranchPower {
        let e = &state.circuit().elements()[self.element as usize];
        let v = state.voltages();
        let i = &mut currents[..e.nodes.len()];
        state.element_currents_into(self.element as usize, i);
        let mut p = BranchPower::default();
        let n_phases = self.n_phases as usize;
        for (k, (&n, i)) in e.nodes.iter().zip(&*i).enumerate() {
            p.losses.total_va += v[n as usize] * i.conj();
            if k < n_phases {
                p.largest_a2 = p.largest_a2.max(i.norm_sqr());
            }
        }
        p.losses.no_load_va = no_load_va(state, self.element as usize);
        if self.g_no_load != 0.0 {
            p.losses.no_load_va += e.nodes[..n_phases].iter().map(|&n| v[n as usize].norm_sqr()).sum::<f64>() * self.g_no_load;
        }
        if self.is_line && n_phases == 3 {
            for first in [0, e.n_conductors] {
                let sum = |at: &dyn Fn(usize) -> Complex64| (first..first + 3).map(at).sum::<Complex64>();
                p.losses.zero_mode_w += (sum(&|k| v[e.nodes[k] as usize]) * sum(&|k| i[k]).conj()).re / 3.0;
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

impl Gathered {
    /// Takes in a branch of the zone.
    pub fn push(&mut self, circuit: &Circuit, place: Place) {
        let e = &circuit.elements()[place.element as usize];
        let as_line = match &e.model {
            Model::Fixed(p) if place.is_line => match place.n_phases {
                1 => Line::compile(place, &e.nodes, &p.total).map(|l| self.one.push(l)),
                2 => Line::compile(place, &e.nodes, &p.total).map(|l| self.two.push(l)),
                3 => Line::compile(place, &e.nodes, &p.total).map(|l| self.three.push(l)),
                _ => None,
            },
            _ => None,
        };
        if as_line.is_some() {
            return;
        }
        // The zero mode of a line needs its currents end by end.
        let zero_mode = place.is_line && place.n_phases == 3;
        match Whole::compile(circuit, place).filter(|w| !zero_mode && matches!(w.nodes.len(), 2 | 3 | 6)) {
            Some(whole) => self.whole.push(whole),
            None => self.live.push(place),
        }
    }

    pub fn pack(self) -> Branches {
        Branches {
            one: blocks(self.one, |l| (l.place.cell, 0, Vec::new()), LineBlock::new),
            two: blocks(self.two, |l| (l.place.cell, 0, Vec::new()), LineBlock::new),
            three: blocks(self.three, |l| (l.place.cell, 0, Vec::new()), LineBlock::new),
            whole2: WholeBlock::all(&self.whole),
            whole3: WholeBlock::all(&self.whole),
            whole6: WholeBlock::all(&self.whole),
            live: self.live,
        }
    }
}

impl Branches {
    /// Writes down what every branch loses and how far it is overloaded.
    ///
    /// `currents` is room for the conductors of any element of the circuit.
    pub fn visit(&self, state: &State, currents: &mut [Complex64], ledger: &mut Ledger<'_>) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the feature.
            return unsafe { self.visit_avx2(state, currents, ledger) };
        }
        self.visit_with(state, currents, ledger);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    unsafe fn visit_avx2(&self, state: &State, currents: &mut [Complex64], ledger: &mut Ledger<'_>) {
        self.visit_with(state, currents, ledger);
    }

    #[inline(always)]
    fn visit_with(&self, state: &State, currents: &mut [Complex64], ledger: &mut Ledger<'_>) {
        for block in &self.one {
            block.visit(state, currents, ledger);
        }
        for block in &self.two {
            block.visit(state, currents, ledger);
        }
        for block in &self.three {
            block.visit(state, currents, ledger);
        }
        for block in &self.whole2 {
            block.visit(state, currents, ledger);
        }
        for block in &self.whole3 {
            block.visit(state, currents, ledger);
        }
        for block in &self.whole6 {
            block.visit(state, currents, ledger);
        }
        for place in &self.live {
            place.ask(state, currents, ledger);
        }
    }
}
