//! What is measured of the elements between buses: currents, powers, losses, loadings.
//!
//! # Derivation
//!
//! The currents into an element are `i = Y v` with its present primitive admittance `Y`; rows of conductors on the earth carry no power
//! and columns of the earth add nothing, so both are left out (a phase on the earth keeps its row for its current). With conductors `k` of
//! terminal `t`
//!
//! ```text
//! s_t = Σ v_k conj(i_k)          power into terminal t
//! losses = Re Σ_t s_t
//! no-load losses = Σ |v_from - v_to|² g     over the no-load branches of a transformer
//! loading of a line = max |i_k| / normal rating        over phases of all terminals
//! loading of a transformer = max |s_t| / rated kVA     over terminals
//! unbalance = max | |i_k| - m | / m,  m the mean of |i_k|   over the phases of terminal 1
//! ```
//!
//! The admittances of all elements lie behind one another, and each entry is loaded once for [`LANES`] steps. Elements that a control can
//! change are compared with the state before a step joins a block; a block holds steps of equal admittances only.

use super::block::{Block, LANES, Lane, has_fma, multiply_add};
use super::episodes::{Episode, Limit, Open};
use super::histogram::{Histograms, LOADING_PCT};
use network::{ElementId, ElementKind, TransformerKind};
use num_complex::Complex64;
use powerflow::{Circuit, State};

/// Share of its rating below which an element's unbalance says nothing.
pub const UNBALANCE_FROM: f64 = 0.1;

/// A conductor's row of an element's admittance.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// Node of the conductor; 0 the earth.
    node: u32,
    /// 1 / rated current squared, 1/A²; 0 of what is no phase or has no rating.
    weight: f64,
    /// A phase whose current counts as the element's.
    counts: bool,
    /// A phase of terminal 1.
    first: bool,
    /// The last row of its terminal.
    ends_terminal: bool,
}

/// Where an element's data lie.
#[derive(Clone, Copy, Debug)]
struct Head {
    rows: (u32, u32),
    columns: (u32, u32),
    entry: u32,
    kind: Kind,
    /// Loading, %, for one unit of what is compared with the rating (A² weighted, or VA); 0 without a rating.
    pct_per_unit: f64,
    emergency_pct: f64,
    /// Rated current at terminal 1, A; 0 without one.
    rated_a: f64,
    n_phases: u32,
    no_load: (u32, u32),
    no_load_s: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Transformer,
    Other,
}

/// What was measured of one element.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    pub loading_max_pct: f64,
    pub loading_max_hour: f64,
    pub loading_min_pct: f64,
    pub loading_sum_pct: f64,
    pub winding_max_pct: f64,
    pub s_max_va: f64,
    pub i_max_a: f64,
    pub unbalance_max: f64,
    pub unbalance_sum: f64,
    pub unbalance_steps: u32,
    pub steps_above_normal: u32,
    pub steps_above_emergency: u32,
    /// Sums over steps of mean power, W.
    pub forward_w: f64,
    pub reverse_w: f64,
    pub losses_w: f64,
    pub no_load_w: f64,
    overload: Open,
    emergency: Open,
}

/// What each step of a block lost, W.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockLosses {
    pub total: Lane,
    pub lines: Lane,
    pub transformers: Lane,
    pub no_load: Lane,
}

/// One element as tables name it.
#[derive(Clone, Copy, Debug)]
pub struct BranchInfo {
    pub id: ElementId,
    /// Position in [`Circuit::elements`].
    pub index: usize,
    pub rating_a: Option<f64>,
    pub rating_kva: Option<f64>,
    pub emergency_pct: Option<f64>,
}

/// The elements between buses, compiled for measuring, and what was measured.
#[derive(Clone, Debug)]
pub struct Branches {
    pub info: Vec<BranchInfo>,
    pub measured: Vec<Measured>,
    pub histograms: Option<Histograms>,
    pub episodes: Vec<Episode>,
    keeps_episodes: bool,
    /// Settled steps measured.
    pub steps: u32,
    heads: Vec<Head>,
    rows: Vec<Row>,
    /// Row of the primitive admittance, by row.
    row_of: Vec<u32>,
    columns: Vec<u32>,
    column_of: Vec<u32>,
    /// Conductance and susceptance, row by row, element by element.
    entries: Vec<[f64; 2]>,
    no_load: Vec<(u32, u32)>,
    /// Elements whose admittance a control can change.
    changing: Vec<u32>,
    phase_factor: f64,
    has_fma: bool,
}

/// Elements on which a control or a protective device acts.
fn controlled(circuit: &Circuit) -> Vec<ElementId> {
    let n = circuit.network();
    let mut ids: Vec<ElementId> = n.regulator_controls.iter().filter_map(|c| c.transformer).collect();
    ids.extend(n.capacitor_controls.iter().filter_map(|c| c.capacitor));
    ids.extend(n.switch_controls.iter().filter_map(|c| c.switched));
    ids.extend(n.fuses.iter().filter_map(|c| c.protection.switched));
    ids.extend(n.relays.iter().filter_map(|c| c.protection.switched));
    ids.extend(n.reclosers.iter().filter_map(|c| c.protection.switched));
    ids.sort_unstable();
    ids.dedup();
    ids
}

impl Branches {
    /// Compiles the elements between buses of a state; `samples` is the number of steps at most.
    pub fn new(state: &State, samples: u32, statistics: bool, episodes: bool) -> Self {
        let circuit = state.circuit();
        let controlled = controlled(circuit);
        let mut branches = Self {
            info: Vec::new(),
            measured: Vec::new(),
            histograms: None,
            episodes: Vec::new(),
            keeps_episodes: episodes,
            steps: 0,
            heads: Vec::new(),
            rows: Vec::new(),
            row_of: Vec::new(),
            columns: Vec::new(),
            column_of: Vec::new(),
            entries: Vec::new(),
            no_load: Vec::new(),
            changing: Vec::new(),
            phase_factor: state.power_factor_of_phases(),
            has_fma: has_fma(),
        };
        for (index, e) in circuit.elements().iter().enumerate() {
            if state.is_between_buses(e.id) {
                if controlled.binary_search(&e.id).is_ok() {
                    branches.changing.push(branches.heads.len() as u32);
                }
                branches.add(state, index);
            }
        }
        branches.measured = vec![Measured { loading_min_pct: f64::INFINITY, ..Measured::default() }; branches.heads.len()];
        if statistics {
            branches.histograms = Some(Histograms::new(LOADING_PCT, branches.heads.len(), samples));
        }
        for k in 0..branches.heads.len() {
            branches.take_admittance(state, k);
        }
        branches
    }

    fn add(&mut self, state: &State, index: usize) {
        let circuit = state.circuit();
        let network = circuit.network();
        let e = &circuit.elements()[index];
        let common = network.common(e.id);
        let transformer = (e.id.kind == ElementKind::Transformer).then(|| &network.transformers[e.id.index()]);
        let is_auto = transformer.is_some_and(|t| t.kind == TransformerKind::Auto);
        let positive = |x: f64| (x > 0.0 && x.is_finite()).then_some(x);
        let kind = match e.id.kind {
            ElementKind::Line => Kind::Line,
            ElementKind::Transformer => Kind::Transformer,
            _ => Kind::Other,
        };
        let rating_a = if transformer.is_some() { None } else { positive(common.rating.normal_a) };
        let rating_kva = transformer.and_then(|t| positive(t.windings[0].kva));
        let emergency_pct = match (transformer, rating_a) {
            (Some(t), _) => rating_kva.and_then(|kva| Some(positive(t.emergency_kva)? / kva * 100.0)),
            (None, Some(a)) => positive(common.rating.emergency_a).map(|emergency| emergency / a * 100.0),
            (None, None) => None,
        };
        // Rated current of a winding, A: line current of two- and three-phase windings, winding current of one phase and of a delta.
        let winding_a = |w: usize| -> f64 {
            let Some(t) = transformer else { return rating_a.unwrap_or(0.0) };
            let Some(w) = t.windings.get(w) else { return 0.0 };
            let n = common.n_phases as f64;
            let kv_ln = if common.n_phases == 1 { w.kv } else { w.kv / 3f64.sqrt() };
            if kv_ln > 0.0 { w.kva / n / kv_ln } else { 0.0 }
        };
        let (first_row, first_column) = (self.rows.len() as u32, self.columns.len() as u32);
        let n = e.n_conductors;
        for (k, &node) in e.nodes.iter().enumerate() {
            let (mut terminal, conductor) = (k / n, k % n);
            let is_phase = conductor < common.n_phases;
            // The far end of an autotransformer's series winding is at the next terminal.
            if is_auto && terminal == 0 && !is_phase {
                terminal = 1;
            }
            if node != 0 {
                self.columns.push(node);
                self.column_of.push(k as u32);
            }
            if node != 0 || is_phase {
                let rated = winding_a(k / n);
                if let Some(last) = self.rows[first_row as usize..].last_mut() {
                    let last_terminal = {
                        let k = *self.row_of.last().expect("a row before this one") as usize;
                        if is_auto && k / n == 0 && k % n >= common.n_phases { 1 } else { k / n }
                    };
                    last.ends_terminal = last_terminal != terminal;
                }
                self.rows.push(Row {
                    node,
                    weight: if is_phase && rated > 0.0 { 1.0 / (rated * rated) } else { 0.0 },
                    counts: is_phase && (kind != Kind::Transformer || k / n == 0),
                    first: is_phase && k / n == 0,
                    ends_terminal: true,
                });
                self.row_of.push(k as u32);
            }
        }
        let entry = self.entries.len() as u32;
        let rows = (first_row, self.rows.len() as u32);
        let columns = (first_column, self.columns.len() as u32);
        let size = ((rows.1 - rows.0) * (columns.1 - columns.0)) as usize;
        self.entries.resize(self.entries.len() + size, [0.0; 2]);
        let no_load = self.no_load.len() as u32;
        self.no_load.extend(state.no_load_nodes(index));
        self.heads.push(Head {
            rows,
            columns,
            entry,
            kind,
            pct_per_unit: match (rating_kva, rating_a) {
                (Some(kva), _) => 100.0 / (kva * 1e3),
                (None, Some(_)) => 100.0,
                (None, None) => 0.0,
            },
            emergency_pct: emergency_pct.unwrap_or(f64::INFINITY),
            rated_a: winding_a(0),
            n_phases: common.n_phases.min(n) as u32,
            no_load: (no_load, self.no_load.len() as u32),
            no_load_s: 0.0,
        });
        self.info.push(BranchInfo { id: e.id, index, rating_a, rating_kva, emergency_pct });
    }

    /// Copies the present admittance of element `k`.
    fn take_admittance(&mut self, state: &State, k: usize) {
        let index = self.info[k].index;
        let y = state.primitive_admittance(index);
        let head = &mut self.heads[k];
        head.no_load_s = state.no_load_conductance_s(index);
        let mut at = head.entry as usize;
        for &row in &self.row_of[head.rows.0 as usize..head.rows.1 as usize] {
            let row = y.row(row as usize);
            for &column in &self.column_of[head.columns.0 as usize..head.columns.1 as usize] {
                let y: Complex64 = row[column as usize];
                self.entries[at] = [y.re, y.im];
                at += 1;
            }
        }
    }

    /// Whether element `k` still has the admittance that was copied.
    fn is_current(&self, state: &State, k: usize) -> bool {
        let y = state.primitive_admittance(self.info[k].index);
        let head = &self.heads[k];
        let rows = &self.row_of[head.rows.0 as usize..head.rows.1 as usize];
        let columns = &self.column_of[head.columns.0 as usize..head.columns.1 as usize];
        let mut at = head.entry as usize;
        rows.iter().all(|&row| {
            let row = y.row(row as usize);
            columns.iter().all(|&column| {
                let [g, b] = self.entries[at];
                at += 1;
                row[column as usize].re == g && row[column as usize].im == b
            })
        })
    }

    /// Whether no control has changed an admittance since it was copied.
    pub fn are_current(&self, state: &State) -> bool {
        self.changing.iter().all(|&k| self.is_current(state, k as usize))
    }

    /// Copies what controls have changed. No block may be under way.
    pub fn update(&mut self, state: &State) {
        for i in 0..self.changing.len() {
            let k = self.changing[i] as usize;
            if !self.is_current(state, k) {
                self.take_admittance(state, k);
            }
        }
    }

    /// Measures the steps of a block.
    pub fn measure(&mut self, block: &Block) -> BlockLosses {
        let mut losses = BlockLosses::default();
        #[cfg(target_arch = "x86_64")]
        if self.has_fma {
            // SAFETY: the processor has AVX2 and FMA.
            unsafe { self.measure_fma(block, &mut losses) };
            self.steps += block.n as u32;
            return losses;
        }
        self.kernel::<false>(block, &mut losses);
        self.steps += block.n as u32;
        losses
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn measure_fma(&mut self, block: &Block, losses: &mut BlockLosses) {
        self.kernel::<true>(block, losses);
    }

    #[inline(always)]
    fn kernel<const FMA: bool>(&mut self, block: &Block, losses: &mut BlockLosses) {
        let n = block.n;
        let v = &block.v[..];
        for (k, head) in self.heads.iter().enumerate() {
            let columns = &self.columns[head.columns.0 as usize..head.columns.1 as usize];
            let rows = &self.rows[head.rows.0 as usize..head.rows.1 as usize];
            let mut entries = self.entries[head.entry as usize..].chunks_exact(columns.len().max(1));
            let mut loss = [0.0; LANES];
            let mut first_power = [0.0; LANES];
            let (mut p, mut q) = ([0.0; LANES], [0.0; LANES]);
            let mut s2_max = [0.0; LANES];
            let mut weighted_max = [0.0; LANES];
            let mut i2_max = [0.0; LANES];
            let (mut i_sum, mut i_low, mut i_high) = ([0.0; LANES], [f64::INFINITY; LANES], [0.0; LANES]);
            let mut is_first_terminal = true;
            for row in rows {
                let (mut re, mut im) = ([0.0; LANES], [0.0; LANES]);
                if !columns.is_empty() {
                    let row_entries = entries.next().expect("as many entries as rows and columns");
                    for (&[g, b], &column) in row_entries.iter().zip(columns) {
                        let v = &v[column as usize];
                        for t in 0..LANES {
                            re[t] = multiply_add::<FMA>(-b, v.im[t], multiply_add::<FMA>(g, v.re[t], re[t]));
                            im[t] = multiply_add::<FMA>(b, v.re[t], multiply_add::<FMA>(g, v.im[t], im[t]));
                        }
                    }
                }
                let v = &v[row.node as usize];
                let mut i2 = [0.0; LANES];
                for t in 0..LANES {
                    p[t] += multiply_add::<FMA>(v.re[t], re[t], v.im[t] * im[t]);
                    q[t] += multiply_add::<FMA>(v.im[t], re[t], -(v.re[t] * im[t]));
                    i2[t] = multiply_add::<FMA>(re[t], re[t], im[t] * im[t]);
                }
                for t in 0..LANES {
                    weighted_max[t] = f64::max(weighted_max[t], i2[t] * row.weight);
                }
                if row.counts {
                    for t in 0..LANES {
                        i2_max[t] = f64::max(i2_max[t], i2[t]);
                    }
                }
                if row.first && head.n_phases > 1 {
                    for t in 0..LANES {
                        let i = i2[t].sqrt();
                        i_sum[t] += i;
                        i_low[t] = f64::min(i_low[t], i);
                        i_high[t] = f64::max(i_high[t], i);
                    }
                }
                if row.ends_terminal {
                    if is_first_terminal {
                        first_power = p;
                        is_first_terminal = false;
                    }
                    for t in 0..LANES {
                        s2_max[t] = f64::max(s2_max[t], multiply_add::<FMA>(p[t], p[t], q[t] * q[t]));
                        loss[t] += p[t];
                    }
                    (p, q) = ([0.0; LANES], [0.0; LANES]);
                }
            }
            let mut no_load = [0.0; LANES];
            for &(from, to) in &self.no_load[head.no_load.0 as usize..head.no_load.1 as usize] {
                let (a, b) = (&v[from as usize], &v[to as usize]);
                for t in 0..LANES {
                    let (re, im) = (a.re[t] - b.re[t], a.im[t] - b.im[t]);
                    no_load[t] += multiply_add::<FMA>(re, re, im * im) * head.no_load_s;
                }
            }
            let factor = self.phase_factor;
            let mut loading = [0.0; LANES];
            for t in 0..LANES {
                loss[t] *= factor;
                no_load[t] *= factor;
                first_power[t] *= factor;
                s2_max[t] *= factor * factor;
                loading[t] = if head.kind == Kind::Transformer { s2_max[t] } else { weighted_max[t] }.sqrt() * head.pct_per_unit;
                losses.total[t] += loss[t];
            }
            match head.kind {
                Kind::Line => (0..LANES).for_each(|t| losses.lines[t] += loss[t]),
                Kind::Transformer => (0..LANES).for_each(|t| {
                    losses.transformers[t] += loss[t];
                    losses.no_load[t] += no_load[t];
                }),
                Kind::Other => {}
            }
            let m = &mut self.measured[k];
            let greatest = |lane: &Lane| lane[..n].iter().copied().fold(0.0, f64::max);
            for t in 0..n {
                m.loading_sum_pct += loading[t];
                m.losses_w += loss[t];
                m.no_load_w += no_load[t];
                m.forward_w += first_power[t].max(0.0);
                m.reverse_w += (-first_power[t]).max(0.0);
                m.loading_min_pct = m.loading_min_pct.min(loading[t]);
            }
            let loading_max = greatest(&loading);
            if loading_max > m.loading_max_pct {
                m.loading_max_pct = loading_max;
                m.loading_max_hour = (0..n).find(|&t| loading[t] == loading_max).map_or(0.0, |t| block.hour[t]);
            }
            m.s_max_va = m.s_max_va.max(greatest(&s2_max).sqrt());
            m.i_max_a = m.i_max_a.max(greatest(&i2_max).sqrt());
            m.winding_max_pct = m.winding_max_pct.max(greatest(&weighted_max).sqrt() * 100.0);
            if head.n_phases > 1 && head.rated_a > 0.0 {
                let phases = f64::from(head.n_phases);
                for t in 0..n {
                    let mean = i_sum[t] / phases;
                    if mean >= UNBALANCE_FROM * head.rated_a {
                        let unbalance = f64::max(i_high[t] - mean, mean - i_low[t]) / mean;
                        m.unbalance_max = m.unbalance_max.max(unbalance);
                        m.unbalance_sum += unbalance;
                        m.unbalance_steps += 1;
                    }
                }
            }
            if head.pct_per_unit > 0.0 {
                if let Some(histograms) = &mut self.histograms {
                    histograms.add(k, &loading, n);
                }
                if loading_max > 100.0 || m.overload.is_open() || m.emergency.is_open() {
                    for t in 0..n {
                        let (over, emergency) = (loading[t] > 100.0, loading[t] > head.emergency_pct);
                        m.steps_above_normal += u32::from(over);
                        m.steps_above_emergency += u32::from(emergency);
                        if self.keeps_episodes {
                            let (asset, hour, ended) = (k as u32, block.hour[t], &mut self.episodes);
                            m.overload.step(Limit::Overload, asset, 100.0, over, loading[t], hour, ended);
                            let limit = head.emergency_pct;
                            m.emergency.step(Limit::OverEmergency, asset, limit, emergency, loading[t], hour, ended);
                        }
                    }
                }
            }
        }
    }

    /// Ends all episodes, before a step of which nothing is known and at the end.
    pub fn end_episodes(&mut self) {
        for (k, m) in self.measured.iter_mut().enumerate() {
            m.overload.end(Limit::Overload, k as u32, 100.0, &mut self.episodes);
            m.emergency.end(Limit::OverEmergency, k as u32, self.heads[k].emergency_pct, &mut self.episodes);
        }
    }

    pub fn len(&self) -> usize {
        self.heads.len()
    }

    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }
}
