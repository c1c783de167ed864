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
//! The definitions are OpenDSS's (class `EnergyMeter` and the overload of `PDElement`), and so are its peculiarities: an
//! autotransformer's losses count in the zone but not among the transformers', the power of its second terminal is that of the series
//! winding alone, and a load's factor from an overload hides its voltage.

use super::branches::{Branches, Cell, Gathered, Ledger, Place as BranchPlace};
use super::registers::*;
use super::zone::{Surroundings, Zone, delivers_power};
use crate::circuit::Circuit;
use crate::element::Model;
use crate::error::Place;
use crate::series::{Observer, Step};
use crate::state::State;
use network::{ElementId, ElementKind, LoadSolutionModel, Network, SolutionMode, TransformerKind};
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
    powers: Branches,
    loads: Vec<ZoneLoad>,
    /// Nodes between which the branches of the loads stand, load by load.
    load_nodes: Vec<(u32, u32)>,
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

/// Whose losses are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ThreePhaseLine,
    OtherLine,
    Transformer,
    Other,
}

const KINDS: [Kind; 4] = [Kind::ThreePhaseLine, Kind::OtherLine, Kind::Transformer, Kind::Other];
/// A branch without voltage base counts in the last column.
const N_COLUMNS: usize = N_BASES + 1;

#[derive(Debug)]
struct Branch {
    /// Position in the circuit's elements.
    element: u32,
    parent: u32,
    /// Conductors of the terminal towards the meter.
    from: Range<u32>,
}

#[derive(Debug)]
struct ZoneLoad {
    element: u32,
    /// Position in the circuit's loads.
    load: u32,
    /// Position of the branch at whose end it stands.
    branch: u32,
    /// Column of its voltage base.
    column: u8,
    /// Positions of its branches in the meter's list of nodes.
    between: Range<u32>,
    /// Squared voltages between which it draws its nominal power; none where its law is another.
    nominal_v2: (f64, f64),
    base_v2: f64,
    /// Limits of its own, per unit; 0 where the circuit's hold.
    v_min_normal_pu: f64,
    v_min_emergency_pu: f64,
}

fn position(circuit: &Circuit, id: ElementId) -> u32 {
    circuit.index_of(id).map_or(NONE, |i| i as u32)
}

/// Conductors whose power is that of a terminal.
///
/// An autotransformer's first terminal holds both ends of its series winding. OpenDSS counts its terminals in steps of the phases, so that
/// the second one is seen as the second end of that winding, without what its common winding draws.
fn terminal_conductors(circuit: &Circuit, id: ElementId, terminal: usize) -> Range<u32> {
    let Some(e) = circuit.index_of(id).map(|i| &circuit.elements()[i]) else { return 0..0 };
    let is_auto = id.kind == ElementKind::Transformer && circuit.network().transformers[id.index()].kind == TransformerKind::Auto;
    let count = if is_auto { circuit.network().common(id).n_phases } else { e.n_conductors };
    (terminal * count) as u32..((terminal + 1) * count) as u32
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
        let mut powers = Gathered::default();
        let mut load_nodes = Vec::new();
        for (k, b) in zone.branches.iter().enumerate() {
            let branch = k as u32;
            let column = column_of(&mut bases, network.bus(b.from_bus).kv_base_ln);
            for &id in &b.shunts {
                match (id.kind, circuit.index_of(id)) {
                    (ElementKind::Load, Some(at)) => {
                        let Model::Load(load) = circuit.elements()[at].model else { continue };
                        let l = &network.loads[id.index()];
                        let model = &circuit.loads()[load as usize];
                        let first = load_nodes.len() as u32;
                        load_nodes.extend(model.branch_nodes(&circuit.elements()[at].nodes));
                        loads.push(ZoneLoad {
                            element: at as u32,
                            load,
                            branch,
                            column,
                            between: first..load_nodes.len() as u32,
                            nominal_v2: model.constant_power_range().unwrap_or((f64::INFINITY, 0.0)),
                            base_v2: model.base_v() * model.base_v(),
                            v_min_normal_pu: l.v_min_normal_pu,
                            v_min_emergency_pu: l.v_min_emergency_pu,
                        });
                    }
                    (ElementKind::Generator, Some(at)) => generators.push(at as u32),
                    _ => {}
                }
            }
            let common = network.common(b.element);
            let kind = match b.element.kind {
                ElementKind::Line if common.n_phases == 3 => Kind::ThreePhaseLine,
                ElementKind::Line => Kind::OtherLine,
                ElementKind::Transformer if network.transformers[b.element.index()].kind == TransformerKind::Ordinary => Kind::Transformer,
                _ => Kind::Other,
            };
            let element = position(circuit, b.element);
            let squared = |rating_a: f64| if rating_a != 0.0 { rating_a * rating_a } else { f64::INFINITY };
            if element != NONE {
                let place = BranchPlace {
                    branch,
                    element,
                    cell: (kind as usize * N_COLUMNS) as u8 + column,
                    n_phases: common.n_phases as u32,
                    is_line: b.element.kind == ElementKind::Line,
                    rating_a2: [squared(common.rating.normal_a), squared(common.rating.emergency_a)],
                    g_no_load: parallel_s(network, b.element),
                };
                powers.push(circuit, place);
            }
            branches.push(Branch {
                element,
                parent: b.parent.map_or(NONE, |p| p as u32),
                from: terminal_conductors(circuit, b.element, b.from_terminal),
            });
        }
        Self {
            name: meter.common.name.clone(),
            register_names: names(&bases),
            mask: meter.mask.clone(),
            zone,
            branches,
            powers: powers.pack(),
            loads,
            load_nodes,
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
        let mut cells = [Cell::default(); KINDS.len() * N_COLUMNS];
        scratch.overload.clear();
        scratch.overload.resize(self.branches.len(), [0.0; 2]);
        let mut ledger = Ledger { cells: &mut cells, overload: &mut scratch.overload, overloaded: false };
        self.powers.visit(state, &mut scratch.currents, &mut ledger);
        let overloaded = ledger.overloaded;
        if self.losses {
            self.write_losses(&cells, state.phase_factor(), &mut p);
        }
        let own = self.branches.first().map_or(ZERO, |b| from_kva(state, b, &mut scratch.currents));
        let excess = if overloaded { self.overload(state, scratch) } else { [0.0; 2] };
        let zone = if self.local_only { ZERO } else { self.add_loads(state, overloaded.then_some(&scratch.overload), &mut p) };
        let generated = self.generators.iter().map(|&g| -element_kva(state, g as usize, &mut scratch.currents)).sum::<Complex64>();
        (p[KWH], p[KVARH], p[MAX_KW], p[MAX_KVA]) = (own.re, own.im, own.re, own.norm());
        (p[ZONE_KWH], p[ZONE_KVARH], p[ZONE_MAX_KW], p[ZONE_MAX_KVA]) = (zone.re, zone.im, zone.re, zone.norm());
        (p[GEN_KWH], p[GEN_KVARH], p[GEN_MAX_KW], p[GEN_MAX_KVA]) = (generated.re, generated.im, generated.re, generated.norm());
        let zone_kw = if self.local_only { own.re } else { zone.re };
        for (level, register) in [OVERLOAD_NORMAL, OVERLOAD_EMERGENCY].into_iter().enumerate() {
            let limit_kva = self.limit_kva[level];
            p[register] = if limit_kva <= 0.0 {
                excess[level]
            } else if own.norm() <= IDLE * limit_kva {
                0.0
            } else {
                f64::max(0.0, zone_kw * (1.0 - limit_kva / own.norm()))
            };
        }
        p
    }

    /// Hands overloads down to the branches below; returns the excess of the zone, normal and emergency, kW.
    fn overload(&self, state: &State, scratch: &mut Scratch) -> [f64; 2] {
        let mut excess = [0.0; 2];
        for (k, b) in self.branches.iter().enumerate() {
            let own = scratch.overload[k];
            if own[0].max(own[1]) > 0.0 && (k == 0 || !self.local_only) {
                let kw = from_kva(state, b, &mut scratch.currents).re.abs();
                for level in 0..2 {
                    let beyond_kw = kw * (1.0 - 1.0 / (own[level] + 1.0));
                    excess[level] = if self.radial || self.local_only { beyond_kw.max(excess[level]) } else { excess[level] + beyond_kw };
                }
            }
            if b.parent != NONE {
                let above = scratch.overload[b.parent as usize];
                scratch.overload[k] = [own[0].max(above[0]), own[1].max(above[1])];
            }
        }
        excess
    }

    /// Adds what the loads draw and what of it is beyond limits; returns their power, kVA. `overload` is that of the branches, if any.
    fn add_loads(&self, state: &State, overload: Option<&Vec<[f64; 2]>>, p: &mut [f64; N_REGISTERS]) -> Complex64 {
        let overload = overload.filter(|_| self.radial && !self.voltage_only);
        let o = &state.options;
        let v = state.voltages();
        let follows_law = o.load_model == LoadSolutionModel::PowerFlow && o.mode != SolutionMode::Direct;
        let mut by_column = [ZERO; N_COLUMNS];
        for load in &self.loads {
            // One look at the voltages serves both the law of the load and its limits.
            let (mut lowest_v2, mut highest_v2) = (f64::INFINITY, 0.0);
            let between = &self.load_nodes[load.between.start as usize..load.between.end as usize];
            for &(a, b) in between {
                let v2 = (v[a as usize] - v[b as usize]).norm_sqr();
                lowest_v2 = f64::min(lowest_v2, v2);
                highest_v2 = f64::max(highest_v2, v2);
            }
            let is_nominal = lowest_v2 > load.nominal_v2.0 && highest_v2 <= load.nominal_v2.1;
            let now = &state.loads[load.load as usize];
            let s = if is_nominal && follows_law && !now.open {
                Complex64::new(now.p_w, now.q_var) * (between.len() as f64 * state.phase_factor() / 1e3)
            } else {
                state.load_va(load.element as usize) / 1e3
            };
            by_column[load.column as usize] += s;
            let given_or = |own: f64, common: f64| if own != 0.0 { own } else { common };
            let normal = given_or(load.v_min_normal_pu, o.v_min_normal_pu);
            let emergency = given_or(load.v_min_emergency_pu, o.v_min_emergency_pu);
            let highest = normal.max(emergency);
            let above = overload.map_or([0.0; 2], |o| o[load.branch as usize]);
            // The negation holds for a voltage that is no number, too.
            let is_well = lowest_v2 >= highest * highest * load.base_v2 && above == [0.0; 2];
            if is_well {
                continue;
            }
            let v_pu = (lowest_v2 / load.base_v2).sqrt();
            for (register, (above, limit)) in [LOAD_EEN, LOAD_UE].into_iter().zip(above.into_iter().zip([normal, emergency])) {
                let factor = match above {
                    // Where both limits are the same, all of it is beyond them.
                    0.0 if v_pu < limit && normal == emergency => 1.0,
                    0.0 if v_pu < limit => (limit - v_pu) / (normal - emergency),
                    _ => above,
                };
                if factor > 0.0 {
                    p[register] += if self.excess_only { s.re * factor } else { s.re };
                }
            }
        }
        if self.base_losses {
            p[BASE_LOAD..BASE_LOAD + N_BASES].iter_mut().zip(&by_column).for_each(|(p, s)| *p = s.re);
        }
        by_column.iter().sum()
    }

    fn write_losses(&self, cells: &[Cell; KINDS.len() * N_COLUMNS], phase_factor: f64, p: &mut [f64; N_REGISTERS]) {
        let (mut total, mut no_load) = (ZERO, ZERO);
        for (at, cell) in cells.iter().enumerate() {
            let (kind, column) = (KINDS[at / N_COLUMNS], at % N_COLUMNS);
            let cell_total = cell.total_va * (phase_factor / 1e3);
            let cell_no_load = cell.no_load_va * (phase_factor / 1e3);
            let is_line = matches!(kind, Kind::ThreePhaseLine | Kind::OtherLine);
            total += cell_total;
            no_load += cell_no_load;
            if is_line && self.line_losses {
                p[LINE_LOSSES] += cell_total.re;
                if self.sequence_losses && kind == Kind::ThreePhaseLine {
                    // The three sequences together carry the power of the three phases.
                    p[LINE_MODE_LOSSES] += (cell.total_va.re - cell.zero_mode_w) / 1e3;
                    p[ZERO_MODE_LOSSES] += cell.zero_mode_w / 1e3;
                }
                if self.three_phase_losses {
                    p[if kind == Kind::ThreePhaseLine { THREE_PHASE_LOSSES } else { FEWER_PHASE_LOSSES }] += cell_total.re;
                }
            }
            if kind == Kind::Transformer && self.transformer_losses {
                p[TRANSFORMER_LOSSES] += cell_total.re;
            }
            if self.base_losses && column < N_BASES {
                p[BASE_LOSSES + column] += cell_total.re;
                if is_line {
                    p[BASE_LINE_LOSSES + column] += cell_total.re;
                } else if kind == Kind::Transformer {
                    p[BASE_LOAD_LOSSES + column] += (cell_total - cell_no_load).re;
                    p[BASE_NO_LOAD_LOSSES + column] += cell_no_load.re;
                }
            }
        }
        let load = total - no_load;
        (p[LOSSES_KWH], p[LOSSES_KVARH]) = (total.re, total.im);
        (p[LOSSES_MAX_KW], p[LOSSES_MAX_KVAR]) = (total.re.abs(), total.im.abs());
        (p[LOAD_LOSSES_KWH], p[LOAD_LOSSES_KVARH]) = (load.re, load.im);
        (p[NO_LOAD_LOSSES_KWH], p[NO_LOAD_LOSSES_KVARH]) = (no_load.re, no_load.im);
        (p[MAX_LOAD_LOSSES], p[MAX_NO_LOAD_LOSSES]) = (load.re.abs(), no_load.re.abs());
    }
}

/// Share of a limit below which a metered terminal carries nothing but rounding.
const IDLE: f64 = 1e-6;

/// Conductance across each phase of a reactor to earth that counts as its no-load loss, S.
fn parallel_s(network: &Network, id: ElementId) -> f64 {
    if id.kind != ElementKind::Reactor {
        return 0.0;
    }
    let reactor = &network.reactors[id.index()];
    if reactor.bus2_defined || reactor.r_parallel_ohm == 0.0 { 0.0 } else { 1.0 / reactor.r_parallel_ohm }
}

/// Column of a voltage base within the zone; bases within one percent are the same, and only so many are kept.
fn column_of(bases: &mut Vec<f64>, kv_ln: f64) -> u8 {
    if let Some(known) = bases.iter().position(|known| (1.0 - kv_ln / known).abs() < 0.01) {
        return known as u8;
    }
    if kv_ln > 0.0 && bases.len() < N_BASES {
        bases.push(kv_ln);
        return bases.len() as u8 - 1;
    }
    N_BASES as u8
}

/// Power into the terminal of a branch that is towards the meter, kVA.
fn from_kva(state: &State, b: &Branch, currents: &mut [Complex64]) -> Complex64 {
    if b.element == NONE {
        return ZERO;
    }
    let e = &state.circuit().elements()[b.element as usize];
    let i = &mut currents[..e.nodes.len()];
    state.element_currents_into(b.element as usize, i);
    let power: Complex64 = b.from.clone().map(|c| state.voltages()[e.nodes[c as usize] as usize] * i[c as usize].conj()).sum();
    power * (state.phase_factor() / 1e3)
}

/// Power into all conductors of an element, kVA.
fn element_kva(state: &State, element: usize, currents: &mut [Complex64]) -> Complex64 {
    let e = &state.circuit().elements()[element];
    let i = &mut currents[..e.nodes.len()];
    state.element_currents_into(element, i);
    let power: Complex64 = e.nodes.iter().zip(&*i).map(|(&n, i)| state.voltages()[n as usize] * i.conj()).sum();
    power * (state.phase_factor() / 1e3)
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
