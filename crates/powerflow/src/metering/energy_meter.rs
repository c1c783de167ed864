//! Energy meters: what passes a terminal, and what is lost, used, generated and overloaded in the zone beyond it, added up over time.
//!
//! With `v` the voltages and `i` the currents into an element, one step gives each register a power (see [`super::registers`] for how
//! powers become energies), in kW and kvar:
//!
//! * **The meter's own**: `Σ v i*` over the conductors of the metered terminal.
//! * **Load and generation** of the zone: the same of the first terminals of loads, and with the opposite sign of generators. PV systems
//!   and storage belong to a zone but to none of its registers.
//! * **Losses**: `Σ v i*` over all conductors of each branch. The no-load part is what the magnetising branch of a transformer takes,
//!   the load part the rest. Losses of three-phase lines are also told apart by symmetrical components,
//!   `3 Σ v1 i1* + v2 i2*` (line modes) and `3 Σ v0 i0*` (zero mode) over both ends; and all of them by the voltage base of the bus from
//!   which the branch is fed.
//! * **Overload** of a branch with rating `r` whose largest phase current at its first terminal is `i`: the factor `i/r - 1` if positive,
//!   and the excess power `|p (1 - r/i)|` of the terminal towards the meter. A radial zone shows the largest excess of its branches, a
//!   meshed one their sum. Limits of the meter on the zone's kVA take the place of the branches'.
//! * **Energy exceeding normal (EEN) and unserved (UE)** of a load: its power times a factor. The factor is that of the overload of the
//!   branch above it or of any further up; without one it comes from the lowest voltage `u` at the load, per unit: `(n - u)/(n - e)` below
//!   the normal limit `n`, for UE `(e - u)/(n - e)` below the emergency limit `e`. With the option `T` the factor is 1.
//!
//! The definitions are OpenDSS's (class `EnergyMeter` and the overload of `PDElement`), and so are two peculiarities: an
//! autotransformer's losses count in the zone but not among the transformers', and a load's factor from an overload hides its voltage.

use super::registers::*;
use super::zone::{Surroundings, Zone, delivers_power};
use crate::circuit::Circuit;
use crate::dense::CMatrix;
use crate::element::{Model, Varying};
use crate::error::Place;
use crate::series::{Observer, Step};
use crate::state::State;
use crate::yprim::open_conductors;
use network::{ElementId, ElementKind, Network, SolutionMode, TransformerKind};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

const ZERO: Complex64 = Complex64::new(0.0, 0.0);
/// No position: an element that carries no current, a branch without parent, a bus without base.
const NONE: u32 = u32::MAX;

/// An energy meter that cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnergyMeterError {
    /// The element is missing or of a kind that cannot head a zone.
    #[error("{}: the metered element {found} delivers no power; name a line, transformer, capacitor or reactor", .meter.element)]
    Element { meter: Place, found: String },
    /// `terminal` counts from 1.
    #[error("{}: terminal {terminal} of {element} does not exist; it has {n_terminals}", .meter.element)]
    Terminal { meter: Place, element: String, terminal: usize, n_terminals: usize },
}

/// One register of one meter, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterRow {
    /// Name of the meter, without its class.
    pub meter: String,
    /// The name OpenDSS gives the register.
    pub register: String,
    /// kWh, kvarh, kW, kvar or kVA, as the register's name says; energies without a unit in their name are kWh.
    pub value: f64,
}

/// The enabled energy meters of a circuit, ready to be read at any of its solutions.
#[derive(Debug)]
pub struct EnergyMeters {
    circuit: Arc<Circuit>,
    meters: Vec<Meter>,
}

/// What energy meters have counted, meter by meter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyMeterState {
    meters: Vec<Registers>,
    #[serde(skip)]
    scratch: Scratch,
}

/// Room for one sample.
#[derive(Clone, Debug, Default, PartialEq)]
struct Scratch {
    currents: Vec<Complex64>,
    /// Overload factors of the branches of a zone: normal, emergency.
    overload: Vec<[f64; 2]>,
}

#[derive(Debug)]
struct Meter {
    name: String,
    zone: Zone,
    register_names: Vec<String>,
    mask: Vec<f64>,
    branches: Vec<Branch>,
    loads: Vec<ZoneLoad>,
    /// Positions of generators in the circuit's elements.
    generators: Vec<u32>,
    /// Limits of the zone, kVA; 0 none.
    limit_kva: [f64; 2],
    local_only: bool,
    radial: bool,
    excess_only: bool,
    voltage_only: bool,
    losses: bool,
    line_losses: bool,
    transformer_losses: bool,
    sequence_losses: bool,
    three_phase_losses: bool,
    base_losses: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Transformer,
    AutoTransformer,
    /// Reactor to earth with a resistance across it.
    ParallelReactor,
    Other,
}

#[derive(Debug)]
struct Branch {
    /// Position in the circuit's elements.
    element: u32,
    kind: Kind,
    n_phases: u32,
    /// Conductors of the terminal towards the meter.
    from: Range<u32>,
    parent: u32,
    base: u32,
    /// Normal and emergency rating, A; 0 none.
    rating_a: [f64; 2],
    /// Conductance of a reactor's parallel resistance, S.
    g_parallel: f64,
    /// Positions in the meter's loads.
    loads: Range<u32>,
}

#[derive(Debug)]
struct ZoneLoad {
    element: u32,
    /// Position in the circuit's loads.
    load: u32,
    /// Limits of its own, per unit; 0 where the circuit's hold.
    v_min_normal_pu: f64,
    v_min_emergency_pu: f64,
}

fn position(circuit: &Circuit, id: ElementId) -> u32 {
    circuit.index_of(id).map_or(NONE, |i| i as u32)
}

/// Conductors of a terminal that count for its power. The second half of an autotransformer's first terminal is inside it.
fn terminal_conductors(circuit: &Circuit, id: ElementId, terminal: usize) -> Range<u32> {
    let Some(e) = circuit.index_of(id).map(|i| &circuit.elements()[i]) else { return 0..0 };
    let first = terminal * e.n_conductors;
    let is_auto = id.kind == ElementKind::Transformer && circuit.network().transformers[id.index()].kind == TransformerKind::Auto;
    let count = if is_auto && terminal == 0 { e.n_conductors / 2 } else { e.n_conductors };
    first as u32..(first + count) as u32
}

fn option(meter: &network::EnergyMeter, place: usize, letter: &str) -> bool {
    meter.options.get(place).is_some_and(|o| o.eq_ignore_ascii_case(letter))
}

impl Meter {
    fn compile(circuit: &Circuit, surroundings: &mut Surroundings<'_>, meter: &network::EnergyMeter, element: ElementId) -> Self {
        let network = circuit.network();
        let zone = surroundings.zone(meter, element);
        let mut bases: Vec<f64> = Vec::new();
        let (mut branches, mut loads, mut generators) = (Vec::new(), Vec::new(), Vec::new());
        for b in &zone.branches {
            let first_load = loads.len() as u32;
            for &id in &b.shunts {
                match (id.kind, circuit.index_of(id)) {
                    (ElementKind::Load, Some(at)) => {
                        let Model::Load(load) = circuit.elements()[at].model else { continue };
                        let l = &network.loads[id.index()];
                        let (v_min_normal_pu, v_min_emergency_pu) = (l.v_min_normal_pu, l.v_min_emergency_pu);
                        loads.push(ZoneLoad { element: at as u32, load, v_min_normal_pu, v_min_emergency_pu });
                    }
                    (ElementKind::Generator, Some(at)) => generators.push(at as u32),
                    _ => {}
                }
            }
            let common = network.common(b.element);
            let (kind, g_parallel) = match b.element.kind {
                ElementKind::Line => (Kind::Line, 0.0),
                ElementKind::Transformer => match network.transformers[b.element.index()].kind {
                    TransformerKind::Ordinary => (Kind::Transformer, 0.0),
                    TransformerKind::Auto => (Kind::AutoTransformer, 0.0),
                },
                ElementKind::Reactor => {
                    let r = &network.reactors[b.element.index()];
                    let parallel = !r.bus2_defined && r.r_parallel_ohm != 0.0;
                    if parallel { (Kind::ParallelReactor, 1.0 / r.r_parallel_ohm) } else { (Kind::Other, 0.0) }
                }
                _ => (Kind::Other, 0.0),
            };
            branches.push(Branch {
                element: position(circuit, b.element),
                kind,
                n_phases: common.n_phases as u32,
                from: terminal_conductors(circuit, b.element, b.from_terminal),
                parent: b.parent.map_or(NONE, |p| p as u32),
                base: base_number(&mut bases, network.bus(b.from_bus).kv_base_ln),
                rating_a: [common.rating.normal_a, common.rating.emergency_a],
                g_parallel,
                loads: first_load..loads.len() as u32,
            });
        }
        Self {
            name: meter.common.name.clone(),
            register_names: names(&bases),
            mask: meter.mask.clone(),
            zone,
            branches,
            loads,
            generators,
            limit_kva: [meter.kva_normal, meter.kva_emergency],
            local_only: meter.local_only,
            radial: !option(meter, 1, "m"),
            excess_only: !option(meter, 0, "t"),
            voltage_only: option(meter, 2, "v"),
            losses: meter.losses,
            line_losses: meter.line_losses,
            transformer_losses: meter.transformer_losses,
            sequence_losses: meter.sequence_losses,
            three_phase_losses: meter.three_phase_losses,
            base_losses: meter.voltage_base_losses,
        }
    }

    /// Powers of this moment, register by register.
    fn powers(&self, state: &State, scratch: &mut Scratch) -> [f64; N_REGISTERS] {
        let mut p = [0.0; N_REGISTERS];
        let mut excess = [0.0; 2];
        let mut losses = Losses::default();
        let mut zone = ZERO;
        let mut own = ZERO;
        scratch.overload.clear();
        for (k, b) in self.branches.iter().enumerate() {
            let mut overload = [0.0; 2];
            if b.element != NONE {
                let flow = Flow::of(state, b, &mut scratch.currents);
                if k == 0 {
                    own = flow.from_kva;
                }
                for level in 0..2 {
                    if b.rating_a[level] != 0.0 && flow.largest_a > b.rating_a[level] {
                        overload[level] = flow.largest_a / b.rating_a[level] - 1.0;
                        let kw = (flow.from_kva.re * (1.0 - b.rating_a[level] / flow.largest_a)).abs();
                        if self.local_only && k > 0 {
                            continue;
                        }
                        excess[level] = if self.radial || self.local_only { f64::max(excess[level], kw) } else { excess[level] + kw };
                    }
                }
                if self.losses {
                    self.add_losses(state, b, &scratch.currents, &mut losses, &mut p);
                }
            }
            if let Some(above) = scratch.overload.get(b.parent as usize) {
                overload = [overload[0].max(above[0]), overload[1].max(above[1])];
            }
            scratch.overload.push(overload);
            if self.local_only {
                continue;
            }
            let from_overload = if self.radial && !self.voltage_only { overload } else { [0.0; 2] };
            for load in &self.loads[b.loads.start as usize..b.loads.end as usize] {
                let s = state.load_va(load.element as usize) / 1e3;
                zone += s;
                if self.base_losses && b.base != NONE {
                    p[BASE_LOAD + b.base as usize] += s.re;
                }
                let factors = load.factors(state, from_overload);
                for (register, factor) in [LOAD_EEN, LOAD_UE].into_iter().zip(factors) {
                    if factor > 0.0 {
                        p[register] += if self.excess_only { s.re * factor } else { s.re };
                    }
                }
            }
        }
        let generated = self.generators.iter().map(|&g| -element_kva(state, g as usize, &mut scratch.currents)).sum::<Complex64>();
        (p[KWH], p[KVARH], p[MAX_KW], p[MAX_KVA]) = (own.re, own.im, own.re, own.norm());
        (p[ZONE_KWH], p[ZONE_KVARH], p[ZONE_MAX_KW], p[ZONE_MAX_KVA]) = (zone.re, zone.im, zone.re, zone.norm());
        (p[GEN_KWH], p[GEN_KVARH], p[GEN_MAX_KW], p[GEN_MAX_KVA]) = (generated.re, generated.im, generated.re, generated.norm());
        losses.write(&mut p);
        let mut own_kva = own.norm();
        let zone_kw = if self.local_only { own.re } else { zone.re };
        for (level, register) in [OVERLOAD_NORMAL, OVERLOAD_EMERGENCY].into_iter().enumerate() {
            p[register] = if self.limit_kva[level] > 0.0 {
                if own_kva == 0.0 {
                    own_kva = self.limit_kva[level];
                }
                f64::max(0.0, zone_kw * (1.0 - self.limit_kva[level] / own_kva))
            } else {
                excess[level]
            };
        }
        p
    }

    fn add_losses(&self, state: &State, b: &Branch, currents: &[Complex64], sums: &mut Losses, p: &mut [f64; N_REGISTERS]) {
        let e = &state.circuit().elements()[b.element as usize];
        let v = state.voltages();
        let scale = state.phase_factor() / 1e3;
        let at = |k: usize| v[e.nodes[k] as usize];
        let total = (0..e.nodes.len()).map(|k| at(k) * currents[k].conj()).sum::<Complex64>() * scale;
        let no_load = match b.kind {
            Kind::Transformer | Kind::AutoTransformer => no_load_va(state, b.element as usize) * scale,
            Kind::ParallelReactor => {
                let v2: f64 = (0..b.n_phases as usize).map(|k| at(k).norm_sqr()).sum();
                Complex64::from(v2 * b.g_parallel * scale)
            }
            Kind::Line | Kind::Other => ZERO,
        };
        let load = total - no_load;
        sums.total += total;
        sums.load += load;
        sums.no_load += no_load;
        if b.kind == Kind::Line && self.line_losses {
            p[LINE_LOSSES] += total.re;
            if self.sequence_losses && b.n_phases == 3 {
                let (mut all, mut zero) = (0.0, 0.0);
                for first in [0, e.n_conductors] {
                    let (v0, i0) = (at(first) + at(first + 1) + at(first + 2), currents[first] + currents[first + 1] + currents[first + 2]);
                    // The three sequences together carry the power of the three phases.
                    zero += (v0 * i0.conj()).re / 3.0;
                    all += (0..3).map(|k| (at(first + k) * currents[first + k].conj()).re).sum::<f64>();
                }
                p[LINE_MODE_LOSSES] += (all - zero) / 1e3;
                p[ZERO_MODE_LOSSES] += zero / 1e3;
            }
            if self.three_phase_losses {
                p[if b.n_phases == 3 { THREE_PHASE_LOSSES } else { FEWER_PHASE_LOSSES }] += total.re;
            }
        } else if b.kind == Kind::Transformer && self.transformer_losses {
            p[TRANSFORMER_LOSSES] += total.re;
        }
        if self.base_losses && b.base != NONE {
            let base = b.base as usize;
            p[BASE_LOSSES + base] += total.re;
            match b.kind {
                Kind::Line => p[BASE_LINE_LOSSES + base] += total.re,
                Kind::Transformer => {
                    p[BASE_LOAD_LOSSES + base] += load.re;
                    p[BASE_NO_LOAD_LOSSES + base] += no_load.re;
                }
                _ => {}
            }
        }
    }
}

/// Number of a voltage base within the zone; bases within one percent are the same, and only so many are kept.
fn base_number(bases: &mut Vec<f64>, kv_ln: f64) -> u32 {
    if let Some(known) = bases.iter().position(|known| (1.0 - kv_ln / known).abs() < 0.01) {
        return known as u32;
    }
    if kv_ln > 0.0 && bases.len() < N_BASES {
        bases.push(kv_ln);
        return bases.len() as u32 - 1;
    }
    NONE
}

/// Losses of a zone, kVA.
#[derive(Default)]
struct Losses {
    total: Complex64,
    load: Complex64,
    no_load: Complex64,
}

impl Losses {
    fn write(&self, p: &mut [f64; N_REGISTERS]) {
        (p[LOSSES_KWH], p[LOSSES_KVARH]) = (self.total.re, self.total.im);
        (p[LOSSES_MAX_KW], p[LOSSES_MAX_KVAR]) = (self.total.re.abs(), self.total.im.abs());
        (p[LOAD_LOSSES_KWH], p[LOAD_LOSSES_KVARH]) = (self.load.re, self.load.im);
        (p[NO_LOAD_LOSSES_KWH], p[NO_LOAD_LOSSES_KVARH]) = (self.no_load.re, self.no_load.im);
        (p[MAX_LOAD_LOSSES], p[MAX_NO_LOAD_LOSSES]) = (self.load.re.abs(), self.no_load.re.abs());
    }
}

/// What flows through a branch.
struct Flow {
    /// Power into the terminal towards the meter.
    from_kva: Complex64,
    /// Largest phase current at the first terminal.
    largest_a: f64,
}

impl Flow {
    /// Leaves the currents of all conductors in `currents`.
    fn of(state: &State, b: &Branch, currents: &mut [Complex64]) -> Self {
        let e = &state.circuit().elements()[b.element as usize];
        let i = &mut currents[..e.nodes.len()];
        state.element_currents_into(b.element as usize, i);
        let largest_a = i[..b.n_phases as usize].iter().map(|i| i.norm_sqr()).fold(0.0, f64::max).sqrt();
        // What leaves an autotransformer's series winding enters its second terminal.
        let series = if b.kind == Kind::AutoTransformer && b.from.start > 0 { b.n_phases as usize } else { 0 };
        let mut from = ZERO;
        for (k, c) in b.from.clone().enumerate() {
            let current = if k < series && b.from.start as usize == e.n_conductors { i[c as usize] + i[series + k] } else { i[c as usize] };
            from += state.voltages()[e.nodes[c as usize] as usize] * current.conj();
        }
        Self { from_kva: from * (state.phase_factor() / 1e3), largest_a }
    }
}

/// Power into all conductors of an element, kVA.
fn element_kva(state: &State, element: usize, currents: &mut [Complex64]) -> Complex64 {
    let e = &state.circuit().elements()[element];
    let i = &mut currents[..e.nodes.len()];
    state.element_currents_into(element, i);
    let power: Complex64 = e.nodes.iter().zip(&*i).map(|(&n, i)| state.voltages()[n as usize] * i.conj()).sum();
    power * (state.phase_factor() / 1e3)
}

/// Power that the magnetising branch of a transformer takes, VA, before the factor of a positive-sequence model.
fn no_load_va(state: &State, element: usize) -> Complex64 {
    let e = &state.circuit().elements()[element];
    let (Model::Transformer(t), Varying::Taps(taps)) = (&e.model, &state.varying[element]) else { return ZERO };
    let v = state.voltages();
    if let Some(open) = state.closed[element].as_ref().filter(|closed| closed.iter().any(|c| !c)) {
        // What the open conductors leave of the magnetising branches.
        let open: Vec<bool> = open.iter().map(|c| !c).collect();
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

impl ZoneLoad {
    /// Shares of the load beyond normal and beyond emergency limits: of the overload above it, else of its own voltage.
    fn factors(&self, state: &State, from_overload: [f64; 2]) -> [f64; 2] {
        if from_overload[0] > 0.0 && from_overload[1] > 0.0 {
            return from_overload;
        }
        let o = &state.options;
        let given_or = |own: f64, common: f64| if own != 0.0 { own } else { common };
        let normal = given_or(self.v_min_normal_pu, o.v_min_normal_pu);
        let emergency = given_or(self.v_min_emergency_pu, o.v_min_emergency_pu);
        let e = &state.circuit().elements()[self.element as usize];
        let v_pu = state.circuit().loads()[self.load as usize].lowest_voltage_pu(&e.nodes, state.voltages());
        let below = |limit: f64| if v_pu < limit { (limit - v_pu) / (normal - emergency) } else { 0.0 };
        let factor = |from_overload: f64, limit: f64| if from_overload > 0.0 { from_overload } else { below(limit) };
        [factor(from_overload[0], normal), factor(from_overload[1], emergency)]
    }
}

impl EnergyMeters {
    /// Finds the zones of all enabled energy meters, in the order of their creation, with the switches as the network has them.
    ///
    /// # Errors
    /// A meter at an element that cannot be metered, or at a terminal that is not there.
    pub fn compile(circuit: &Arc<Circuit>) -> Result<Self, EnergyMeterError> {
        let network: &Network = circuit.network();
        let mut meters = Vec::new();
        let enabled = || network.ids(ElementKind::EnergyMeter).filter(|&id| network.common(id).enabled);
        if enabled().next().is_none() {
            return Ok(Self { circuit: Arc::clone(circuit), meters });
        }
        let mut surroundings = Surroundings::new(network);
        for id in enabled() {
            let meter = &network.energy_meters[id.index()];
            let place = || Place::of(network, id);
            let element = match meter.element {
                Some(element) if delivers_power(element.kind) => element,
                other => {
                    let found = other.map_or_else(|| "(none)".to_owned(), |e| network.full_name(e));
                    return Err(EnergyMeterError::Element { meter: place(), found });
                }
            };
            let n_terminals = network.common(element).terminals.len();
            if meter.terminal >= n_terminals {
                let (element, terminal) = (network.full_name(element), meter.terminal + 1);
                return Err(EnergyMeterError::Terminal { meter: place(), element, terminal, n_terminals });
            }
            meters.push(Meter::compile(circuit, &mut surroundings, meter, element));
        }
        Ok(Self { circuit: Arc::clone(circuit), meters })
    }

    /// Whether OpenDSS reads its meters in this mode of its own accord. In other modes a model asks for it.
    pub fn read_by_default(mode: SolutionMode) -> bool {
        matches!(mode, SolutionMode::Daily | SolutionMode::Yearly | SolutionMode::PeakDay)
    }

    pub fn is_empty(&self) -> bool {
        self.meters.is_empty()
    }

    pub fn len(&self) -> usize {
        self.meters.len()
    }

    /// Registers at zero, as after a change of the solution mode.
    pub fn reset(&self) -> EnergyMeterState {
        let branches = self.meters.iter().map(|m| m.branches.len()).max().unwrap_or(0);
        let mut state = EnergyMeterState { meters: vec![Registers::default(); self.meters.len()], scratch: Scratch::default() };
        state.scratch.overload.reserve_exact(branches);
        self.make_room(&mut state.scratch);
        state
    }

    fn make_room(&self, scratch: &mut Scratch) {
        if scratch.currents.is_empty() {
            let order = self.circuit.elements().iter().map(|e| e.nodes.len()).max().unwrap_or(0);
            scratch.currents.resize(order, ZERO);
        }
    }

    /// Adds the solved step that `solution` holds; its step length and its rule of integration are those of its options.
    ///
    /// Allocates nothing, but for transformers with a single open phase. Costs one product of each branch's admittance with its voltages.
    ///
    /// # Panics
    /// When `registers` or `solution` belong to another circuit.
    pub fn sample(&self, registers: &mut EnergyMeterState, solution: &State) {
        assert!(registers.meters.len() == self.meters.len(), "registers of other meters");
        assert!(Arc::ptr_eq(&self.circuit, solution.circuit()), "a solution of another circuit");
        self.make_room(&mut registers.scratch);
        let hours = solution.options.step_s / 3600.0;
        for (meter, registers_of) in self.meters.iter().zip(&mut registers.meters) {
            let step = meter.powers(solution, &mut registers.scratch);
            registers_of.add(&step, hours, solution.options.trapezoidal);
        }
    }

    /// Every register of every meter.
    ///
    /// # Panics
    /// As [`EnergyMeters::sample`].
    pub fn rows(&self, registers: &EnergyMeterState) -> Vec<MeterRow> {
        assert!(registers.meters.len() == self.meters.len(), "registers of other meters");
        let of = |(meter, registers): (&Meter, &Registers)| {
            let rows = meter.register_names.iter().zip(registers.values());
            rows.map(|(register, value)| MeterRow { meter: meter.name.clone(), register: register.clone(), value }).collect::<Vec<_>>()
        };
        self.meters.iter().zip(&registers.meters).flat_map(of).collect()
    }

    /// Registers of all meters together, each meter's multiplied by its mask, in the order of the registers.
    ///
    /// # Panics
    /// As [`EnergyMeters::sample`].
    pub fn totals(&self, registers: &EnergyMeterState) -> Vec<f64> {
        assert!(registers.meters.len() == self.meters.len(), "registers of other meters");
        let mut totals = vec![0.0; N_REGISTERS];
        for (meter, registers) in self.meters.iter().zip(&registers.meters) {
            let mask = meter.mask.iter().copied().chain(std::iter::repeat(1.0));
            totals.iter_mut().zip(registers.values().zip(mask)).for_each(|(total, (value, mask))| *total += value * mask);
        }
        totals
    }

    /// Name and zone of each meter.
    pub fn zones(&self) -> impl Iterator<Item = (&str, &Zone)> {
        self.meters.iter().map(|m| (m.name.as_str(), &m.zone))
    }

    /// Names of the registers of meter number `meter`.
    pub fn register_names(&self, meter: usize) -> &[String] {
        &self.meters[meter].register_names
    }

    /// Reads these meters at every settled step of a run.
    pub fn observer<'a>(&'a self, registers: &'a mut EnergyMeterState) -> MeterReader<'a> {
        MeterReader { meters: self, registers }
    }
}

impl EnergyMeterState {
    /// Goes on with what was counted of later steps, `hours` long, of the same meters: of a run in blocks, as if it had been one.
    ///
    /// # Panics
    /// When the states belong to different meters.
    pub fn append(&mut self, later: &Self, hours: f64, trapezoidal: bool) {
        assert!(self.meters.len() == later.meters.len(), "registers of other meters");
        for (own, later) in self.meters.iter_mut().zip(&later.meters) {
            own.append(later, hours, trapezoidal);
        }
    }

    /// Registers meter by meter.
    pub fn registers(&self) -> &[Registers] {
        &self.meters
    }
}

/// Reads energy meters while a series runs. A step that did not settle is not read.
#[derive(Debug)]
pub struct MeterReader<'a> {
    meters: &'a EnergyMeters,
    registers: &'a mut EnergyMeterState,
}

impl Observer for MeterReader<'_> {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        if step.progress.settled() {
            self.meters.sample(self.registers, step.state);
        }
        ControlFlow::Continue(())
    }
}
