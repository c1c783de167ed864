//! A case as impedances: nodes, series branches and branches to earth, in per unit of the nodes' nominal voltages and 1 MVA.
//!
//! ```text
//! z_pu = Z / Un²                 1 MVA, Un in kV
//! I_base = 1 / (√3 Un)           kA
//! ```
//!
//! Rated ratios are kept: a transformer is `z` on the side of its node `b` behind an ideal ratio `t = (UrA/UrB) / (UnA/UnB)` on the side of `a`.
//! Phase shifts are left out here, which keeps the matrices symmetric, and put back where phase currents are told (`clock`). Closed couplers
//! make one node of two buses.
//!
//! Three-winding transformers become three legs around a node of their own. With the pair impedances `AB`, `BC`, `CA`, each corrected for itself
//! and referred to the highest voltage,
//!
//! ```text
//! za = (AB + CA - BC)/2      zb = (AB + BC - CA)/2      zc = (BC + CA - AB)/2
//! ```
//!
//! Corrections of IEC 60909-0:2016 (`K` multiplies the impedance in all sequences, never an impedance between star point and earth):
//!
//! ```text
//! KT  = 0.95 cmax / (1 + 0.6 xT)                                              6.3.3, largest currents only
//! KG  = Un/(UrG (1+pG)) · cmax / (1 + xd'' sin φ)                             6.6.1
//! KS  = UnQ²/UrG² · UrTLV²/UrTHV² · cmax / (1 + |xd'' - xT| sin φ)            6.7.1, with on-load tap changer
//! KSO = UnQ/(UrG (1+pG)) · UrTLV/UrTHV · (1 - pT) · cmax / (1 + xd'' sin φ)    6.7.2, without
//! ```
//!
//! For a fault between generator and unit transformer, or in the auxiliary network, its generator has `KG,S = cmax/(1 + xd'' sin φ)` and, in
//! the auxiliary network, its transformer `KT,S = cmax/(1 - xT sin φ)`, both divided by `1 + pG` without on-load tap changer; at the terminals
//! the transformer is taken as it is. So the impedances depend on where the fault is: see [`Place`].
//!
//! Zero sequence. What a transformer offers follows from its windings: two earthed stars conduct, an earthed star beside a delta is a branch to
//! earth, an earthed zigzag is one by itself, everything else is open (the magnetising impedance is left out). A leg of a three-winding transformer
//! goes to its bus (earthed star), to earth (delta) or nowhere.

use super::case::{Case, Element, Kind};
use super::factors;
use super::vector_group::{Winding, parse};
use num_complex::Complex64;

/// Whether the largest or the smallest currents are sought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extreme {
    #[default]
    Max,
    Min,
}

/// Where a fault is, as far as corrections depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Network,
    /// Terminals of the generator of a unit.
    Terminals(usize),
    /// Auxiliary network of a unit.
    Auxiliary(usize),
}

/// Corrections of an impedance by the place of the fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Correction {
    pub network: f64,
    pub terminals: f64,
    pub auxiliary: f64,
    pub unit: Option<usize>,
}

impl Correction {
    pub(super) fn fixed(k: f64) -> Self {
        Self { network: k, terminals: k, auxiliary: k, unit: None }
    }

    pub(super) fn at(&self, place: Place) -> f64 {
        match place {
            Place::Terminals(u) if self.unit == Some(u) => self.terminals,
            Place::Auxiliary(u) if self.unit == Some(u) => self.auxiliary,
            _ => self.network,
        }
    }
}

/// A series impedance between two nodes; `terminal_*` is the winding of the element that lies there, none at inner nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub element: Element,
    pub a: usize,
    pub b: usize,
    pub terminal_a: Option<u8>,
    pub terminal_b: Option<u8>,
    pub ratio: f64,
    pub z: Complex64,
    /// Part that no correction touches (three times the star points' impedances).
    pub z_star: Complex64,
    pub k: Correction,
}

/// An impedance from a node to earth: a source in positive and negative sequence, a path to earth in the zero sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shunt {
    pub element: Element,
    pub node: usize,
    /// The winding that lies at a bus; none at inner nodes.
    pub terminal: Option<u8>,
    pub z: Complex64,
    pub z_star: Complex64,
    pub k: Correction,
}

/// A machine or feeder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub positive: Shunt,
    pub negative: Complex64,
    /// With the fictitious resistance of generators, for peak currents.
    pub peak: Complex64,
    /// Rated current, kA; none for feeders.
    pub rated_ka: Option<f64>,
    /// q of asynchronous motors: MW per pole pair.
    pub mw_per_pole_pair: Option<f64>,
}

/// A converter: its node.
#[derive(Clone, Copy, Debug)]
pub(super) struct CurrentSource {
    pub element: Element,
    pub node: usize,
}

/// A power-station unit.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub generator: usize,
    pub terminals: usize,
    /// Nodes fed from the terminals without a way round the transformer.
    pub auxiliary: Vec<usize>,
}

/// The case as impedances.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Node of each bus; none out of service.
    pub node_of: Vec<Option<usize>>,
    /// Nominal voltage of each node, kV.
    pub kv: Vec<f64>,
    pub branches: Vec<Branch>,
    pub sources: Vec<Source>,
    pub converters: Vec<CurrentSource>,
    pub zero_branches: Vec<Branch>,
    pub zero_shunts: Vec<Shunt>,
    pub units: Vec<Unit>,
    /// By how many clock hours a node's positive sequence lags the first node of its island.
    pub clock: Vec<i32>,
    /// A transformer at which a loop does not close, by its vector group.
    pub loop_open_at: Option<Element>,
}

/// Voltage factor of a bus.
pub fn voltage_factor(case: &Case, bus: usize, extreme: Extreme) -> f64 {
    let b = &case.buses[bus];
    let low = b.kv <= 1.0;
    // Table 1 of the standard: +6 % or +10 % up to 1 kV.
    let narrow = case.lv_tolerance_pct == Some(6.0);
    match extreme {
        Extreme::Max => b.c_max.unwrap_or(if low && narrow { 1.05 } else { 1.10 }),
        Extreme::Min => b.c_min.unwrap_or(match (low, narrow) {
            (true, true) => 0.95,
            (true, false) => 0.90,
            _ => 1.0,
        }),
    }
}

/// Root of a set of joined places; shortens the way to it.
pub(super) fn find(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// With `z = |Z|` and a ratio R/X.
pub(super) fn by_ratio(z: f64, r_x: f64) -> Complex64 {
    let x = z / (1.0 + r_x * r_x).sqrt();
    Complex64::new(r_x * x, x)
}

/// Fictitious resistance over subtransient reactance of a generator (6.6.1).
pub fn fictitious_r_x(ur_kv: f64, sr_mva: f64) -> f64 {
    match () {
        () if ur_kv <= 1.0 => 0.15,
        () if sr_mva < 100.0 => 0.07,
        () => 0.05,
    }
}

/// Impedance of a motor, per unit of itself, and R/X by the standard where none is given.
pub(super) fn motor_z(m: &super::case::Motor) -> Complex64 {
    let per_pair = m.mechanical_mw() / f64::from(m.pole_pairs);
    let r_x = m.rx.unwrap_or(match () {
        () if m.ur_kv <= 1.0 => 0.42,
        () if per_pair >= 1.0 => 0.10,
        () => 0.15,
    });
    match m.x_pu {
        Some(x) => Complex64::new(r_x * x, x),
        None => by_ratio(1.0 / m.i_lr_ir.unwrap_or(f64::NAN), r_x),
    }
}

/// Which rules make the impedances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    Iec(Extreme),
    /// No corrections, no voltage factor; the zero sequence as in IEC.
    Ansi,
}

impl Rules {
    pub(super) fn extreme(self) -> Extreme {
        if let Self::Iec(e) = self { e } else { Extreme::Max }
    }
}

impl Grid {
    /// The auxiliary network of a unit: what hangs on the terminals without a way round the transformer.
    pub(super) fn auxiliaries(&mut self, unit_of: &[Option<usize>]) {
        for unit in 0..self.units.len() {
            let own = unit_of.iter().position(|u| *u == Some(unit)).map(|index| Element { kind: Kind::Transformer, index });
            let mut parent: Vec<usize> = (0..self.kv.len()).collect();
            let mut far = None;
            for b in &self.branches {
                if Some(b.element) == own {
                    far = Some(b.a);
                } else {
                    let (x, y) = (find(&mut parent, b.a), find(&mut parent, b.b));
                    parent[x] = y;
                }
            }
            let terminals = self.units[unit].terminals;
            let root = find(&mut parent, terminals);
            if far.is_some_and(|f| find(&mut parent, f) == root) {
                continue;
            }
            let mut inside = Vec::new();
            for node in 0..parent.len() {
                if node != terminals && find(&mut parent, node) == root {
                    inside.push(node);
                }
            }
            self.units[unit].auxiliary = inside;
        }
    }

    /// Clock hours by which each node lags, from island to island.
    pub(super) fn clocks(&mut self, case: &Case) {
        let n = self.kv.len();
        let mut edges: Vec<Vec<(usize, i32, Element)>> = vec![Vec::new(); n];
        for b in &self.branches {
            let lag = |windings: &[Winding], at: Option<u8>| at.map_or(0, |i| i32::from(windings[usize::from(i)].clock));
            let hours = match b.element.kind {
                Kind::Transformer => parse(&case.transformers[b.element.index].vector_group, 2).map_or(0, |w| lag(&w, b.terminal_b)),
                Kind::Transformer3 => parse(&case.transformers3[b.element.index].vector_group, 3).map_or(0, |w| lag(&w, b.terminal_b)),
                _ => 0,
            };
            edges[b.a].push((b.b, hours, b.element));
            edges[b.b].push((b.a, -hours, b.element));
        }
        let mut clock: Vec<Option<i32>> = vec![None; n];
        for start in 0..n {
            if clock[start].is_some() {
                continue;
            }
            clock[start] = Some(0);
            let mut open = vec![start];
            while let Some(at) = open.pop() {
                let own = clock[at].unwrap_or(0);
                for &(other, hours, element) in &edges[at] {
                    let due = (own + hours).rem_euclid(12);
                    match clock[other] {
                        None => {
                            clock[other] = Some(due);
                            open.push(other);
                        }
                        Some(has) if has != due && self.loop_open_at.is_none() => self.loop_open_at = Some(element),
                        Some(_) => {}
                    }
                }
            }
        }
        self.clock = clock.into_iter().map(|c| c.unwrap_or(0)).collect();
    }

    /// What corrections a fault at a node asks for.
    pub(super) fn place(&self, node: usize) -> Place {
        let terminals = self.units.iter().position(|u| u.terminals == node).map(Place::Terminals);
        terminals.or_else(|| self.units.iter().position(|u| u.auxiliary.contains(&node)).map(Place::Auxiliary)).unwrap_or(Place::Network)
    }

    /// kA of 1 per unit at a node.
    pub(super) fn base_ka(&self, node: usize) -> f64 {
        1.0 / (3f64.sqrt() * self.kv[node])
    }
}

impl Source {
    /// What remains of its initial current at contact parting: μ, or μ q; one where the fault is far from it (IkM''/IrM up to 2).
    pub(super) fn remains(&self, ik_ka: f64, t_min_s: f64) -> f64 {
        let Some(rated) = self.rated_ka else { return 1.0 };
        let ratio = ik_ka / rated;
        if ratio <= 2.0 {
            return 1.0;
        }
        factors::mu(ratio, t_min_s) * self.mw_per_pole_pair.map_or(1.0, |m| factors::q(m, t_min_s))
    }
}
