//! What is measured of the nodes: voltages against their base.
//!
//! A node counts when its bus has a voltage base and it is a phase: nodes 1 to 3 of a bus, and others that carry more than half their base
//! in the first settled step (nodes beyond 3 are neutrals as a rule). A step in which a node carries less than [`DEAD_BELOW_PU`] finds it
//! without supply: that is an outage, not a low voltage, and the step is not counted for the node.

use super::block::{Block, LANES, Lane, has_fma, multiply_add};
use super::episodes::{Episode, Limit, Open};
use super::histogram::{Histograms, VOLTAGE_PU};
use super::options::VoltageLimits;
use powerflow::State;

/// A node below this carries no supply, pu.
pub const DEAD_BELOW_PU: f64 = 0.05;

/// The kinds of voltage episodes, in the order of [`limits`].
const KINDS: [Limit; 4] = [Limit::BelowA, Limit::AboveA, Limit::BelowB, Limit::AboveB];

fn limits(l: &VoltageLimits) -> [f64; 4] {
    [l.a_low_pu, l.a_high_pu, l.b_low_pu, l.b_high_pu]
}

/// What was measured of one node.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeMeasured {
    pub v_min_pu: f64,
    pub v_min_hour: f64,
    pub v_max_pu: f64,
    pub v_max_hour: f64,
    pub v_sum_pu: f64,
    /// Settled steps in which the node was supplied.
    pub steps: u32,
    /// Steps below A, above A, below B, above B.
    pub beyond: [u32; 4],
    any_open: bool,
}

/// Lowest and highest voltage of each step of a block, and where; node 0 where no node counts.
#[derive(Clone, Copy, Debug)]
pub struct BlockVoltages {
    pub v_min_pu: Lane,
    pub v_min_node: [u32; LANES],
    pub v_max_pu: Lane,
    pub v_max_node: [u32; LANES],
}

/// The nodes that count, and what was measured of them.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// Node numbers, in the order in which the elements first name the nodes.
    pub numbers: Vec<u32>,
    pub measured: Vec<NodeMeasured>,
    pub histograms: Option<Histograms>,
    pub episodes: Vec<Episode>,
    inverse_base: Vec<f64>,
    open: Vec<[Open; 4]>,
    limits: [f64; 4],
    keeps_statistics: bool,
    keeps_episodes: bool,
    has_fma: bool,
}

impl Nodes {
    /// Chooses the nodes that count from the first settled step; `samples` is the number of steps at most.
    pub fn new(state: &State, limits_pu: &VoltageLimits, samples: u32, statistics: bool, episodes: bool) -> Self {
        let circuit = state.circuit();
        let mut numbers = Vec::new();
        let mut inverse_base = Vec::new();
        for &number in circuit.reported() {
            let base_v = circuit.kv_base_ln(number) * 1e3;
            let carries = || state.voltages()[number as usize].norm() > 0.5 * base_v;
            if base_v > 0.0 && (circuit.node(number).at_bus <= 3 || carries()) {
                numbers.push(number);
                inverse_base.push(1.0 / base_v);
            }
        }
        let n = numbers.len();
        let first = NodeMeasured { v_min_pu: f64::INFINITY, v_max_pu: f64::NEG_INFINITY, ..NodeMeasured::default() };
        Self {
            measured: vec![first; n],
            histograms: statistics.then(|| Histograms::new(VOLTAGE_PU, n, samples)),
            episodes: Vec::new(),
            open: if episodes { vec![[Open::default(); 4]; n] } else { Vec::new() },
            limits: limits(limits_pu),
            keeps_statistics: statistics,
            keeps_episodes: episodes,
            has_fma: has_fma(),
            numbers,
            inverse_base,
        }
    }

    /// Measures the steps of a block.
    pub fn measure(&mut self, block: &Block) -> BlockVoltages {
        let mut of_block = BlockVoltages {
            v_min_pu: [f64::INFINITY; LANES],
            v_min_node: [0; LANES],
            v_max_pu: [f64::NEG_INFINITY; LANES],
            v_max_node: [0; LANES],
        };
        #[cfg(target_arch = "x86_64")]
        if self.has_fma {
            // SAFETY: the processor has AVX2 and FMA.
            unsafe { self.measure_fma(block, &mut of_block) };
            return of_block;
        }
        self.kernel::<false>(block, &mut of_block);
        of_block
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn measure_fma(&mut self, block: &Block, of_block: &mut BlockVoltages) {
        self.kernel::<true>(block, of_block);
    }

    #[inline(always)]
    fn kernel<const FMA: bool>(&mut self, block: &Block, of_block: &mut BlockVoltages) {
        let n = block.n;
        let [low, high, ..] = self.limits;
        // Node numbers as floating-point numbers, so that a choice by voltage is one blend.
        let (mut at_min, mut at_max) = ([0.0; LANES], [0.0; LANES]);
        for k in 0..self.numbers.len() {
            let (number, inverse) = (self.numbers[k], self.inverse_base[k]);
            let lanes = &block.v[number as usize];
            let mut v = [0.0; LANES];
            for t in 0..LANES {
                v[t] = multiply_add::<FMA>(lanes.re[t], lanes.re[t], lanes.im[t] * lanes.im[t]).sqrt() * inverse;
            }
            let (mut least, mut greatest) = (v[0], v[0]);
            for &v in &v[1..n] {
                least = f64::min(least, v);
                greatest = f64::max(greatest, v);
            }
            let number = f64::from(number);
            if least >= DEAD_BELOW_PU {
                for t in 0..LANES {
                    let lower = v[t] < of_block.v_min_pu[t];
                    of_block.v_min_pu[t] = if lower { v[t] } else { of_block.v_min_pu[t] };
                    at_min[t] = if lower { number } else { at_min[t] };
                    let higher = v[t] > of_block.v_max_pu[t];
                    of_block.v_max_pu[t] = if higher { v[t] } else { of_block.v_max_pu[t] };
                    at_max[t] = if higher { number } else { at_max[t] };
                }
                if self.keeps_statistics {
                    let m = &mut self.measured[k];
                    m.steps += n as u32;
                    m.v_sum_pu = v[..n].iter().fold(m.v_sum_pu, |sum, v| sum + v);
                    if least < m.v_min_pu {
                        m.v_min_pu = least;
                        m.v_min_hour = hour_of(block, &v, least);
                    }
                    if greatest > m.v_max_pu {
                        m.v_max_pu = greatest;
                        m.v_max_hour = hour_of(block, &v, greatest);
                    }
                    if let Some(histograms) = &mut self.histograms {
                        histograms.add(k, &v, n);
                    }
                }
                if least < low || greatest > high || self.measured[k].any_open {
                    self.judge(k, block, &v);
                }
            } else {
                self.measure_partly_dead(k, block, &v, of_block, &mut at_min, &mut at_max);
            }
        }
        for t in 0..LANES {
            (of_block.v_min_node[t], of_block.v_max_node[t]) = (at_min[t] as u32, at_max[t] as u32);
        }
    }

    /// Counts steps beyond the limits, and runs of them; steps without supply are beyond none.
    #[cold]
    fn judge(&mut self, k: usize, block: &Block, v: &Lane) {
        let [a_low, a_high, b_low, b_high] = self.limits;
        for t in 0..block.n {
            let v = v[t];
            let supplied = v >= DEAD_BELOW_PU;
            let beyond = [v < a_low && supplied, v > a_high, v < b_low && supplied, v > b_high];
            for (which, is_beyond) in beyond.into_iter().enumerate() {
                self.measured[k].beyond[which] += u32::from(is_beyond);
                if self.keeps_episodes {
                    let open = &mut self.open[k][which];
                    open.step(KINDS[which], k as u32, self.limits[which], is_beyond, v, block.hour[t], &mut self.episodes);
                }
            }
        }
        self.measured[k].any_open = self.keeps_episodes && self.open[k].iter().any(Open::is_open);
    }

    /// A node that some step of the block finds without supply.
    #[cold]
    fn measure_partly_dead(
        &mut self,
        k: usize,
        block: &Block,
        v: &Lane,
        of_block: &mut BlockVoltages,
        at_min: &mut Lane,
        at_max: &mut Lane,
    ) {
        let number = f64::from(self.numbers[k]);
        for t in (0..block.n).filter(|&t| v[t] >= DEAD_BELOW_PU) {
            if v[t] < of_block.v_min_pu[t] {
                (of_block.v_min_pu[t], at_min[t]) = (v[t], number);
            }
            if v[t] > of_block.v_max_pu[t] {
                (of_block.v_max_pu[t], at_max[t]) = (v[t], number);
            }
            if self.keeps_statistics {
                let m = &mut self.measured[k];
                m.steps += 1;
                m.v_sum_pu += v[t];
                if v[t] < m.v_min_pu {
                    (m.v_min_pu, m.v_min_hour) = (v[t], block.hour[t]);
                }
                if v[t] > m.v_max_pu {
                    (m.v_max_pu, m.v_max_hour) = (v[t], block.hour[t]);
                }
                if let Some(histograms) = &mut self.histograms {
                    histograms.add_each(k, [v[t]]);
                }
            }
        }
        self.judge(k, block, v);
    }

    /// Ends all episodes, before a step of which nothing is known and at the end.
    pub fn end_episodes(&mut self) {
        for (k, open) in self.open.iter_mut().enumerate() {
            for (which, open) in open.iter_mut().enumerate() {
                open.end(KINDS[which], k as u32, self.limits[which], &mut self.episodes);
            }
            self.measured[k].any_open = false;
        }
    }
}

/// The hour of the first step of a block with this voltage.
fn hour_of(block: &Block, v: &Lane, value: f64) -> f64 {
    (0..block.n).find(|&t| v[t] == value).map_or(0.0, |t| block.hour[t])
}
