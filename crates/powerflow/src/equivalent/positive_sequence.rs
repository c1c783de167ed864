//! A solved three-phase network as a transmission case in the positive sequence.
//!
//! **One unknown a bus.** The case knows one voltage `v` of a bus; the network has one of each node. They are tied by the pattern `u` of the bus, the
//! voltages that its nodes would have without load, all of magnitude 1 and at their phase angles: `V_n = v u_n kV`. A bus of three phases has
//! `u = 1, a², a`, a lateral of phase b only `a²`, the halves of a split service `u = 1, -1`; the earth and neutrals have 0. The current of a bus is what
//! keeps the power, `3 v conj(i) = Σ V_n conj(I_n)`, so `i = Σ conj(u_n) I_n / 3`. An element of nodal admittance `Y` therefore is
//!
//! ```text
//! y_ij = 1/3 Σ_n∈i Σ_m∈j conj(u_n) Y_nm u_m                                                             (1)
//! ```
//!
//! between the buses `i` and `j`. In a balanced network the voltages are just `v u` and (1) is exact, for any connection of any transformer.
//!
//! **A single-phase lateral** of impedance `z` becomes `3 z` by (1), and its load of power `P` stays `P` in three phases. Its current `i = I / 3` then drops
//! `3 z I / 3 = z I`, which is what the lateral drops, and loses `3 |i|² 3 z = |I|² z`, which is what it loses. Three alike laterals on the three phases are
//! `z` in parallel, as one balanced line. A third of the load on each phase of a line of `z` would lose a third and drop a third: it is wrong.
//!
//! **Lines.** For a line that is not transposed (1) answers for balanced voltages at both its ends; a feeder's currents are set by its loads, so the
//! impedance is taken for balanced currents `I = i u 3/n` in its `n` phases instead,
//!
//! ```text
//! z = 3/n² Σ_k Σ_l conj(u_k) Z_kl u_l                                                                    (2)
//! ```
//!
//! with `Z` the phase matrix with neutrals earthed: for three phases the mean self less the mean mutual impedance plus what the mutual ones
//! differ, `3 z` for one. Both agree when the line is transposed. Its shunt admittance follows (1).
//!
//! **Transformers** have `t = kv_tap / (|Δu| kv_bus)` at each winding, where `Δu` is the pattern across it, so that wye, delta and single-phase windings on
//! one or two phases are all said alike. From (1), with the angles of the patterns in the frame of each bus,
//!
//! ```text
//! y12 = -y exp(jd) / (t1 t2)    y21 = -y exp(-jd) / (t1 t2)    a = frame1 - frame2 + d    ym = y11 - y / t1²
//! ```
//!
//! Single-phase units of one bank, with the jumpers beside them (an open-delta bank has one), become one transformer. By (1) units of unlike taps would
//! stand in parallel and drive a current around that is not there; as with lines it is the load that sets the currents. So the bank is seen from
//! its load: at balanced voltages `u1 v1` and balanced currents `J = u2 3/m i2` into its `m` nodes at bus 2,
//!
//! ```text
//! V2 = Y22⁻¹ (J - Y21 u1 v1)    v2 = conj(u2) V2 / m = A v1 + Z i2    i1 = conj(u1) (Y11 u1 v1 + Y12 V2) / 3 = Yin v1 + B i2     (3)
//! ```
//!
//! with `A = k exp(-jd)`, `B = -k exp(jd)`, which is the two-port `y22 = 1/Z, y12 = y21 = -k/Z, y11 = Yin + k²/Z` behind the angle `d`. The ratio is
//! the mean of the phases', and (1) gives the same where they are alike.
//!
//! Three windings give a triangle of admittances, which is a star.
//!
//! **Powers.** Loads have their solved powers, as constant power, current or admittance after their model, so that they answer to voltage as before.
//! Sources are a swing bus behind their Thevenin impedance.
//!
//! Symmetrical components after C. L. Fortescue (1918); the equivalents are those of W. H. Kersting, *Distribution System Modeling and Analysis*, ch. 4
//! (lines) and 8 (transformers). (1) is a Galerkin projection.

use super::{ConversionError, Converted};
use crate::circuit::Circuit;
use crate::dense::CMatrix;
use crate::element::Model;
use crate::newton;
use crate::results::Solution;
use crate::state::State;
use network::*;
use num_complex::Complex64;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::f64::consts::PI;
use std::sync::Arc;

/// System base of the case, MVA.
const S_BASE_MVA: f64 = 100.0;
/// Negative-sequence voltage beyond which the balanced case is refused unless asked for, percent of the positive one: the limit of unbalance at the
/// meter under no load (ANSI C84.1, annex on voltage unbalance).
const UNBALANCE_LIMIT_PCT: f64 = 3.0;
/// Below this the case is the network's own, per unit.
const EXACT_PU: f64 = 1e-6;
/// A node with less of its base than this has no voltage of its own: a neutral, or nothing feeds it.
const DEAD_PU: f64 = 0.05;
/// Angles of a pattern snap to multiples of 30 degrees within this.
const SNAP_DEG: f64 = 12.0;
/// Shunts smaller than this are rounding, per unit.
const TRACE_PU: f64 = 1e-10;
/// A source behind less than this is stiff: its bus is the swing bus, per unit.
const STIFF_PU: f64 = 1e-9;

/// How a feeder becomes a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransmissionOptions {
    /// Also where the unbalance exceeds what a balanced case can stand for.
    pub balanced: bool,
}

/// How far a network is from a balanced one, and its case from it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Unbalance {
    /// Largest negative- and zero-sequence voltage of a three-phase bus, percent of the positive one.
    pub negative_pct: f64,
    pub negative_bus: String,
    pub zero_pct: f64,
    pub zero_bus: String,
    /// Largest difference between the positive-sequence voltages of the network's solution and the case's, at buses of three phases.
    pub v_pu: f64,
    pub v_bus: String,
    pub angle_deg: f64,
    pub angle_bus: String,
    /// As `v_pu`, at the other buses: the mean voltage of their phases against the case's.
    pub v_lateral_pu: f64,
    pub v_lateral_bus: String,
    /// What the sources give at their buses, in the network and in the case, MW and Mvar.
    pub supplied_mw: [f64; 2],
    pub supplied_mvar: [f64; 2],
}

/// A three-phase network as the positive-sequence case that has its voltages.
///
/// # Inputs
/// * `solution` - a settled solution; taps, steps, switches and powers are its own.
/// * `options` - whether a much unbalanced network may be carried.
///
/// # Returns
/// A transmission case on 100 MVA that stores its own solution, buses numbered in their order with their names as bus names;
/// what became of every kind of value; a finding that holds the unbalance and how far the case's own solution is from the network's.
///
/// # Errors
/// A network of more than 3 % negative-sequence voltage without `balanced`; elements that no case holds; a case that does not solve.
///
/// # Method and source
/// The head of this file; `docs/methods/equivalents.md`. Checked by `crates/gridtwin/tests/conversions.rs`.
pub fn to_transmission(solution: &Solution, options: TransmissionOptions) -> Result<Converted, ConversionError> {
    let state = &solution.state;
    if state.options.positive_sequence {
        let what = Diagnostic::error("CONVERT.FEEDER.ONE_LINE", "the model is a single-phase equivalent already (`cktmodel=positive`)");
        return Err(what.hint("Convert the three-phase model that it was made from.").into());
    }
    let circuit = Arc::clone(state.circuit());
    let patterns = Patterns::of(state, &circuit)?;
    let mut c = Converter {
        network: circuit.network(),
        state,
        circuit: &circuit,
        patterns,
        out: Network::new(&circuit.network().name),
        ledger: Ledger::default(),
        circuits: HashMap::new(),
        load_ids: HashMap::new(),
        leftovers: BTreeMap::new(),
        branches: Vec::new(),
        units: Vec::new(),
        sources: BTreeMap::new(),
        feeds: Vec::new(),
        uneven: Vec::new(),
    };
    c.buses()?;
    c.elements()?;
    c.write_sources()?;
    c.write_branches();
    c.write_transformers();
    c.write_leftovers();
    c.left_out();
    let mut diagnostics = c.findings();
    let unbalance = c.unbalance()?;
    let (out, ledger) = (c.out, c.ledger);
    diagnostics.push(judge(&unbalance, options)?);
    Ok(Converted { network: out, ledger, diagnostics, unbalance: Some(unbalance) })
}

fn judge(u: &Unbalance, options: TransmissionOptions) -> Result<Diagnostic, ConversionError> {
    let mut detail = format!(
        "Unbalance: {:.4} % negative sequence at {}, {:.4} % zero sequence at {}. Largest difference of the case from the positive sequence of \
         the solution: {:.2e} pu at {}, {:.2e} degrees at {}.",
        u.negative_pct, u.negative_bus, u.zero_pct, u.zero_bus, u.v_pu, u.v_bus, u.angle_deg, u.angle_bus
    );
    if u.v_lateral_pu > EXACT_PU {
        detail.push_str(&format!(
            " Buses of fewer phases differ from the mean of theirs by up to {:.2e} pu ({}).",
            u.v_lateral_pu, u.v_lateral_bus
        ));
    }
    detail.push_str(&format!(
        " Sources give {:.5} MW and {:.5} Mvar in the network, {:.5} MW and {:.5} Mvar in the case.",
        u.supplied_mw[0], u.supplied_mvar[0], u.supplied_mw[1], u.supplied_mvar[1]
    ));
    if u.negative_pct > UNBALANCE_LIMIT_PCT && !options.balanced {
        return Err(Diagnostic::error(
            "CONVERT.FEEDER.TOO_UNBALANCED",
            format!("the network is too unbalanced for a balanced case: {:.2} % negative sequence", u.negative_pct),
        )
        .element(format!("bus.{}", u.negative_bus))
        .detail(detail)
        .hint("Give --balanced to carry it nonetheless, as an approximation.")
        .into());
    }
    Ok(if u.v_pu.max(u.v_lateral_pu).max(u.angle_deg.to_radians()) < EXACT_PU && u.negative_pct < 100.0 * EXACT_PU {
        Diagnostic::note("CONVERT.FEEDER.BALANCED", "the network is balanced: the case has its voltages").detail(detail)
    } else {
        Diagnostic::warning("CONVERT.FEEDER.UNBALANCED", "the case is the balanced approximation of an unbalanced network")
            .detail(detail)
            .hint("Voltages of single phases, neutral currents and losses of unbalance are not in it.")
    })
}

fn polar_deg(angle: f64) -> Complex64 {
    Complex64::from_polar(1.0, angle.to_radians())
}

/// An angle in (-180, 180], degrees.
fn wrapped(angle: f64) -> f64 {
    let a = (angle + 180.0).rem_euclid(360.0) - 180.0;
    if a <= -180.0 { a + 360.0 } else { a }
}

fn snapped(angle: f64) -> f64 {
    let near = (angle / 30.0).round() * 30.0;
    wrapped(if (angle - near).abs() <= SNAP_DEG { near } else { angle })
}

// ── patterns ─────────────────────────────────────────────────────────────────────────────────────

/// The pattern of every bus: what ties the voltages of its nodes to the one of the case.
struct Patterns {
    /// By node number of the circuit, turned by the frame of its bus; 0 for the earth, neutrals and what nothing feeds.
    u: Vec<Complex64>,
    /// Angle of each bus's frame, degrees; none for a bus without voltage.
    frame_deg: Vec<Option<f64>>,
    /// Base of each bus, kV line to neutral.
    kv_ln: Vec<f64>,
    /// Steps in which the buses were reached from the sources.
    rank: Vec<usize>,
}

impl Patterns {
    /// Solves the network without loads and follows the angles from its sources.
    fn of(state: &State, circuit: &Arc<Circuit>) -> Result<Self, ConversionError> {
        let network = circuit.network();
        let mut bare = (**network).clone();
        for i in 0..bare.order.len() {
            let id = bare.order[i];
            let is_converter = circuit.index_of(id).is_some_and(|k| circuit.elements()[k].model.is_converter());
            if is_converter || id.kind == ElementKind::CurrentSource {
                bare.common_mut(id).enabled = false;
            }
        }
        let failed = |e: crate::error::CircuitError| {
            ConversionError::from(
                Diagnostic::error("CONVERT.FEEDER.NO_LOAD", "the network cannot be solved without its loads").detail(e.to_string()),
            )
        };
        let bare = Arc::new(Circuit::compile(Arc::new(bare)).map_err(failed)?);
        let mut idle = State::new(&bare).map_err(failed)?;
        for e in circuit.elements() {
            for t in 0..e.n_terminals {
                for k in 0..e.n_conductors {
                    idle.set_closed(e.id, t, Some(k), state.is_closed(e.id, t, k));
                }
            }
        }
        idle.options.mode = SolutionMode::Direct;
        idle.solve_direct().map_err(failed)?;
        let at_rest = |n: u32| {
            let node = circuit.node(n);
            let other = bare.bus_nodes(node.bus).iter().find(|(at, _)| *at == node.at_bus);
            other.map_or(Complex64::ZERO, |(_, k)| idle.v[*k as usize])
        };

        let n_buses = network.buses.len();
        let v: Vec<Complex64> = (0..=circuit.n_nodes() as u32).map(|n| if n == 0 { Complex64::ZERO } else { at_rest(n) }).collect();
        let mut kv_ln: Vec<f64> = network.buses.iter().map(|b| b.kv_base_ln).collect();
        for (b, kv) in kv_ln.iter_mut().enumerate().filter(|(_, kv)| **kv <= 0.0) {
            let nodes = circuit.bus_nodes(BusId::from(b));
            *kv = nodes.iter().map(|(_, n)| v[*n as usize].norm() / 1e3).fold(0.0, f64::max);
        }
        let alive = |b: usize, n: u32| kv_ln[b] > 0.0 && v[n as usize].norm() > DEAD_PU * kv_ln[b] * 1e3;
        let first_angle = |b: usize| {
            let mut nodes: Vec<_> = circuit.bus_nodes(BusId::from(b)).to_vec();
            nodes.sort_unstable();
            nodes.into_iter().find(|(_, n)| alive(b, *n)).map(|(_, n)| v[n as usize].arg().to_degrees())
        };
        // Of the three ways to call the first node's phase, the one next to a known angle.
        let nearest = |b: usize, to: f64| {
            let angle = first_angle(b)?;
            let all = [0.0, 120.0, -120.0].map(|turn| wrapped(angle + turn - to));
            all.into_iter().min_by(|x, y| x.abs().total_cmp(&y.abs())).map(|d| to + d)
        };
        let mut joins: Vec<Vec<(usize, bool)>> = vec![Vec::new(); n_buses];
        for e in circuit.elements().iter().filter(|e| !e.model.is_converter()) {
            let buses: Vec<usize> = network.common(e.id).terminals.iter().map(|t| t.bus.index()).collect();
            let turns = e.id.kind == ElementKind::Transformer;
            for (k, &a) in buses.iter().enumerate() {
                for &b in buses.iter().skip(k + 1).filter(|b| **b != a) {
                    joins[a].push((b, turns));
                    joins[b].push((a, turns));
                }
            }
        }
        let mut frame_deg: Vec<Option<f64>> = vec![None; n_buses];
        let mut rank = vec![usize::MAX; n_buses];
        let mut queue = VecDeque::new();
        for &k in circuit.sources() {
            let id = circuit.elements()[k as usize].id;
            let Some(b) = network.common(id).terminals.first().map(|t| t.bus.index()) else { continue };
            if id.kind != ElementKind::VoltageSource || frame_deg[b].is_some() {
                continue;
            }
            let s = &network.voltage_sources[id.index()];
            let told = if s.common.n_phases == 3 { s.angle_deg } else { 0.0 };
            if let Some(angle) = nearest(b, told) {
                frame_deg[b] = Some(if (angle - told).abs() < SNAP_DEG { told } else { angle });
                rank[b] = 0;
                queue.push_back(b);
            }
        }
        while let Some(a) = queue.pop_front() {
            let from = frame_deg[a].unwrap_or(0.0);
            for &(b, turns) in &joins[a] {
                if frame_deg[b].is_some() {
                    continue;
                }
                let Some(angle) = nearest(b, from) else { continue };
                frame_deg[b] = Some(if turns { from + snapped(angle - from) } else { from });
                rank[b] = rank[a] + 1;
                queue.push_back(b);
            }
        }
        let mut u = vec![Complex64::ZERO; v.len()];
        for n in 1..v.len() as u32 {
            let b = circuit.node(n).bus.index();
            if let (Some(frame), true) = (frame_deg[b], alive(b, n)) {
                u[n as usize] = polar_deg(frame + snapped(wrapped(v[n as usize].arg().to_degrees() - frame)));
            }
        }
        Ok(Self { u, frame_deg, kv_ln, rank })
    }
}

// ── elements ─────────────────────────────────────────────────────────────────────────────────────

/// A branch on its way into the case, per unit.
struct Branch {
    ids: Vec<ElementId>,
    buses: [BusId; 2],
    /// Angles of its conductors at the first bus, degrees, rounded.
    phases: Vec<i64>,
    y: Complex64,
    shunts: [Complex64; 2],
    normal_mva: f64,
    emergency_mva: f64,
}

/// A transformer on its way into the case, per unit.
struct Unit {
    ids: Vec<ElementId>,
    /// One bus a winding.
    buses: Vec<BusId>,
    phases: Vec<i64>,
    ratios: Vec<f64>,
    angles_deg: Vec<f64>,
    kv_rated_ll: Vec<f64>,
    /// Admittances of the star legs (three windings) or of the series branch (two).
    y: Vec<Complex64>,
    shunts: Vec<Complex64>,
    normal_mva: f64,
    emergency_mva: f64,
}

struct Converter<'a> {
    network: &'a Network,
    state: &'a State,
    circuit: &'a Circuit,
    patterns: Patterns,
    out: Network,
    ledger: Ledger,
    /// Circuits in use between buses.
    circuits: HashMap<Vec<u32>, u32>,
    load_ids: HashMap<BusId, u32>,
    /// Shunts of transformers and lines that have no record of their own, per unit.
    leftovers: BTreeMap<u32, Complex64>,
    branches: Vec<Branch>,
    units: Vec<Unit>,
    /// Of each bus with sources: Norton current and admittance, per unit, in the frame of the bus.
    sources: BTreeMap<u32, (Complex64, Complex64, Vec<ElementId>)>,
    /// Of the sources as written: the bus that is held, and the impedance between it and theirs, per unit.
    feeds: Vec<(BusId, Complex64)>,
    /// Transformers whose positive sequence turns unlike their negative one.
    uneven: Vec<ElementId>,
}

impl Converter<'_> {
    fn record(&mut self, field: &str, disposition: Disposition, id: ElementId) {
        let source = self.network.common(id).source.clone();
        self.ledger.record(field, disposition, Some(&source));
    }

    fn converted(&mut self, field: &str, formula: &str, id: ElementId) {
        self.record(field, Disposition::Converted { formula: formula.to_owned() }, id);
    }

    fn dropped(&mut self, field: &str, reason: &str, id: ElementId) {
        self.record(field, Disposition::Dropped { reason: reason.to_owned() }, id);
    }

    /// Per unit of 1 siemens between two buses.
    fn y_unit(&self, a: BusId, b: BusId) -> f64 {
        3.0 * self.patterns.kv_ln[a.index()] * self.patterns.kv_ln[b.index()] / S_BASE_MVA
    }

    fn refuse(&self, id: ElementId, code: &'static str, message: &str, hint: &str) -> ConversionError {
        let found = Diagnostic { code: code.into(), ..Diagnostic::error("CONVERT.ELEMENT.NO_FORM", message) };
        found.element(self.network.full_name(id)).at(&self.network.common(id).source).hint(hint).into()
    }

    /// Positive-sequence voltage of a bus in the solution, per unit, in its frame.
    fn v_frame(&self, bus: BusId) -> Complex64 {
        let nodes = self.circuit.bus_nodes(bus);
        let (mut sum, mut square) = (Complex64::ZERO, 0.0);
        for (_, n) in nodes {
            let u = self.patterns.u[*n as usize];
            sum += u.conj() * self.state.v[*n as usize];
            square += u.norm_sqr();
        }
        if square > 0.0 { sum / (square * self.patterns.kv_ln[bus.index()] * 1e3) } else { Complex64::ZERO }
    }

    fn is_alive(&self, bus: BusId) -> bool {
        self.patterns.frame_deg[bus.index()].is_some()
    }

    fn buses(&mut self) -> Result<(), ConversionError> {
        let o = &self.network.options;
        if self.network.buses.len() > 999_000 {
            let what = Diagnostic::error("CONVERT.FEEDER.TOO_MANY_BUSES", "a case numbers at most 999,997 buses");
            return Err(what.hint("Convert one feeder at a time.").into());
        }
        self.out.options.base_frequency_hz = o.base_frequency_hz;
        self.out.options.frequency_hz = o.frequency_hz;
        let case = TransmissionCase {
            s_base_mva: S_BASE_MVA,
            frequency_hz: o.frequency_hz,
            titles: vec![format!("{}: positive sequence of a three-phase model", self.network.name), String::new()],
            version: 0,
            transformer_rating_code: 1,
            branch_rating_code: 1,
            zero_impedance_pu: 0.0,
            ..TransmissionCase::default()
        };
        self.out.transmission = Some(Box::new(case));
        for (i, bus) in self.network.buses.iter().enumerate() {
            let v = self.v_frame(BusId::from(i));
            let frame = self.patterns.frame_deg[i];
            let kv = self.patterns.kv_ln[i];
            let (xy, place) = (bus.xy, bus.latitude_longitude_deg);
            let kind = if frame.is_some() { BusKind::Load } else { BusKind::Isolated };
            let v = frame.map_or((1.0, 0.0), |f| (v.norm(), wrapped(v.arg().to_degrees() + f)));
            let id = self.bus(&bus.name, kv, kind, v);
            let new = &mut self.out.buses[id.index()];
            (new.xy, new.latitude_longitude_deg) = (xy, place);
        }
        self.ledger.record("bus", Disposition::Converted { formula: "numbered in its order, its name as bus name".into() }, None);
        Ok(())
    }

    /// A new bus of the case, numbered in its turn.
    fn bus(&mut self, name: &str, kv_ln: f64, kind: BusKind, v: (f64, f64)) -> BusId {
        let o = &self.network.options;
        let number = self.out.buses.len() as u32 + 1;
        let id = self.out.bus_or_add(&number.to_string());
        let limit = |v: f64, otherwise: f64| if v > 0.0 { v } else { otherwise };
        let new = &mut self.out.buses[id.index()];
        new.kv_base_ln = kv_ln;
        new.nodes = vec![1, 2, 3];
        new.transmission = Some(Box::new(TransmissionBus {
            number,
            name: name.to_owned(),
            kv_base_ll: kv_ln * 3f64.sqrt(),
            kind,
            area: 1,
            zone: 1,
            owner: 1,
            v_pu: v.0,
            angle_deg: v.1,
            v_max_normal_pu: limit(o.v_max_normal_pu, 1.05),
            v_min_normal_pu: limit(o.v_min_normal_pu, 0.95),
            v_max_emergency_pu: limit(o.v_max_emergency_pu, 1.08),
            v_min_emergency_pu: limit(o.v_min_emergency_pu, 0.9),
            source: SourceRef::default(),
        }));
        id
    }

    fn common(&self, name: String, from: &[ElementId], buses: &[BusId]) -> Common {
        let mut common = Common::new(name, 3);
        common.base_frequency_hz = self.network.options.base_frequency_hz;
        common.terminals = buses.iter().map(|b| Terminal::new(*b, vec![1, 2, 3])).collect();
        if let Some(&id) = from.first() {
            let from = self.network.common(id);
            common.source = from.source.clone();
            common.feeder = from.feeder.clone();
            common.route = from.route.clone();
            common.reliability = from.reliability;
        }
        let system = "three-phase model".to_owned();
        common.aliases = from.iter().map(|id| Alias { system: system.clone(), id: self.network.full_name(*id) }).collect();
        common
    }

    /// Elements of fewer than three phases between the same two buses, where one is a transformer.
    fn banks(&self) -> Vec<Vec<usize>> {
        let mut found: BTreeMap<[u32; 2], Vec<usize>> = BTreeMap::new();
        for (index, e) in self.circuit.elements().iter().enumerate() {
            if !matches!(e.model, Model::Fixed(_) | Model::Transformer(_)) || self.network.common(e.id).n_phases >= 3 {
                continue;
            }
            if let [(a, _), (b, _)] = self.ports(index).as_slice() {
                found.entry([a.0.min(b.0), a.0.max(b.0)]).or_default().push(index);
            }
        }
        let is_bank = |b: &Vec<usize>| b.iter().any(|&i| self.circuit.elements()[i].id.kind == ElementKind::Transformer);
        found.into_values().filter(is_bank).collect()
    }

    fn elements(&mut self) -> Result<(), ConversionError> {
        let mut in_bank = vec![false; self.circuit.elements().len()];
        for bank in self.banks() {
            if self.bank(&bank) {
                bank.iter().for_each(|&i| in_bank[i] = true);
            }
        }
        for index in 0..self.circuit.elements().len() {
            let e = &self.circuit.elements()[index];
            let id = e.id;
            if in_bank[index] {
                continue;
            }
            if !self.network.common(id).terminals.iter().any(|t| self.is_alive(t.bus)) {
                self.dropped("element at buses without voltage", "nothing feeds it", id);
                continue;
            }
            match &e.model {
                Model::Source(_) => self.source(index)?,
                Model::CurrentSource(_) => self.current_source(index),
                Model::Fixed(_) | Model::Capacitor(_) => self.fixed(index)?,
                Model::Transformer(_) => self.transformer(index)?,
                Model::Load(_) => self.load(index),
                Model::Generator(_) | Model::Pv(_) | Model::Storage(_) | Model::InductionMachine(_) => self.generation(index),
            }
        }
        Ok(())
    }

    /// Buses at which an element has conductors with a pattern, with these conductors.
    fn ports(&self, index: usize) -> Vec<(BusId, Vec<usize>)> {
        let e = &self.circuit.elements()[index];
        let mut ports: Vec<(BusId, Vec<usize>)> = Vec::new();
        for (k, &n) in e.nodes.iter().enumerate() {
            if self.patterns.u[n as usize] == Complex64::ZERO {
                continue;
            }
            let bus = self.circuit.node(n).bus;
            match ports.iter_mut().find(|p| p.0 == bus) {
                Some(p) => p.1.push(k),
                None => ports.push((bus, vec![k])),
            }
        }
        ports
    }

    /// (1), per unit.
    fn projected(&self, index: usize, ports: &[(BusId, Vec<usize>)]) -> CMatrix {
        let e = &self.circuit.elements()[index];
        let y = &self.state.primitives[index];
        let u = |k: usize| self.patterns.u[e.nodes[k] as usize];
        CMatrix::from_fn(ports.len(), ports.len(), |i, j| {
            let mut sum = Complex64::ZERO;
            for &r in &ports[i].1 {
                for &c in &ports[j].1 {
                    sum += u(r).conj() * y[(r, c)] * u(c);
                }
            }
            sum / 3.0 * self.y_unit(ports[i].0, ports[j].0)
        })
    }

    /// Angles of an element's conductors, one a phase.
    fn phases(&self, index: usize, conductors: &[usize]) -> Vec<i64> {
        let e = &self.circuit.elements()[index];
        conductors.iter().map(|&k| self.patterns.u[e.nodes[k] as usize].arg().to_degrees().round() as i64).collect()
    }

    fn leave(&mut self, bus: BusId, y: Complex64) {
        *self.leftovers.entry(bus.0).or_default() += y;
    }

    // ── sources ──────────────────────────────────────────────────────────────────────────────────

    fn source(&mut self, index: usize) -> Result<(), ConversionError> {
        let e = &self.circuit.elements()[index];
        let (id, Model::Source(model)) = (e.id, &e.model) else { return Ok(()) };
        let ports = self.ports(index);
        let [(bus, conductors)] = ports.as_slice() else {
            let hint = "Write the source between its bus and the earth.";
            return Err(self.refuse(id, "CONVERT.SOURCE.BETWEEN_BUSES", "a source between two buses has no form in a case", hint));
        };
        let y = self.projected(index, &ports)[(0, 0)];
        let injected = match self.state.open_source_injection(index) {
            Some(open) => open,
            None => {
                let scale = self.state.source_scale(index);
                model.injection.iter().map(|i| i * scale).collect()
            }
        };
        let u = |k: usize| self.patterns.u[e.nodes[k] as usize];
        let i: Complex64 = conductors.iter().map(|&k| u(k).conj() * injected[k]).sum::<Complex64>() / 3.0;
        // A per unit: the base current is S / (3 kV).
        let i_pu = i / (S_BASE_MVA * 1e3 / (3.0 * self.patterns.kv_ln[bus.index()]));
        let at = self.sources.entry(bus.0).or_default();
        at.0 += i_pu;
        at.1 += y;
        at.2.push(id);
        self.converted("vsource", "a swing bus behind its positive-sequence impedance", id);
        Ok(())
    }

    fn write_sources(&mut self) -> Result<(), ConversionError> {
        for (bus, (i, y, ids)) in std::mem::take(&mut self.sources) {
            let bus = BusId(bus);
            let frame = self.patterns.frame_deg[bus.index()].unwrap_or(0.0);
            if y == Complex64::ZERO {
                continue;
            }
            let (e, z) = (i / y, y.inv());
            let (v, angle) = (e.norm(), wrapped(e.arg().to_degrees() + frame));
            let name = self.network.common(ids[0]).name.clone();
            let swing = if z.norm() < STIFF_PU {
                let b = self.out.buses[bus.index()].transmission.as_mut();
                if let Some(b) = b {
                    (b.kind, b.v_pu, b.angle_deg) = (BusKind::Swing, v, angle);
                }
                bus
            } else {
                let swing = self.bus(&name, self.patterns.kv_ln[bus.index()], BusKind::Swing, (v, angle));
                self.out.buses[swing.index()].xy = self.network.bus(bus).xy;
                self.out.buses[swing.index()].latitude_longitude_deg = self.network.bus(bus).latitude_longitude_deg;
                self.ac_branch(&ids, [swing, bus], z, [Complex64::ZERO; 2], [0.0, 0.0], 0.0);
                swing
            };
            self.feeds.push((swing, if swing == bus { Complex64::ZERO } else { z }));
            // What it gives, in the frame of the bus.
            let power = e * ((e - self.v_frame(bus)) * y).conj() * S_BASE_MVA;
            let name = format!("{}-1", self.out.buses[swing.index()].name);
            let common = self.common(name, &ids, &[swing]);
            self.out.add(machine(common, power, v, (-9999.0, 9999.0)));
        }
        Ok(())
    }

    fn current_source(&mut self, index: usize) {
        let id = self.circuit.elements()[index].id;
        let power = self.state.element_power(index) / 1e6;
        if let Some(bus) = self.ports(index).first().map(|p| p.0) {
            self.power_load(id, bus, [power, Complex64::ZERO, Complex64::ZERO], Complex64::ZERO);
            self.converted("isource", "a load of its solved power, which it gives", id);
        }
    }

    // ── branches and shunts ──────────────────────────────────────────────────────────────────────

    fn fixed(&mut self, index: usize) -> Result<(), ConversionError> {
        let e = &self.circuit.elements()[index];
        let id = e.id;
        let ports = self.ports(index);
        let class = id.kind.class();
        match ports.len() {
            0 => self.dropped(class, "nothing feeds it", id),
            1 => {
                let y = self.projected(index, &ports)[(0, 0)];
                let bus = ports[0].0;
                if self.network.common(id).terminals.iter().any(|t| t.bus != bus) {
                    // A line that is open at one end, or leads to what nothing feeds: its charging.
                    self.leave(bus, y);
                    self.dropped(class, "open, or it leads to what nothing feeds; its charging is a shunt", id);
                } else if y.norm() > TRACE_PU {
                    self.fixed_shunt(self.network.common(id).name.clone(), &[id], bus, y);
                    self.converted(class, "a shunt: conj(u) Y u / 3 of its solved steps", id);
                }
            }
            2 => self.branch(index, &ports),
            _ => {
                let hint = "Take it apart into elements between two buses.";
                return Err(self.refuse(
                    id,
                    "CONVERT.ELEMENT.NO_FORM",
                    "an element between more than two buses has no form in a case",
                    hint,
                ));
            }
        }
        Ok(())
    }

    fn branch(&mut self, index: usize, ports: &[(BusId, Vec<usize>)]) {
        let e = &self.circuit.elements()[index];
        let id = e.id;
        let common = self.network.common(id);
        let y = &self.state.primitives[index];
        let n = e.n_conductors;
        let u = |k: usize| self.patterns.u[e.nodes[k] as usize];
        let [a, b] = [ports[0].0, ports[1].0];
        // Conductors that lead from one bus to the other and are closed.
        let on = |k: usize, bus: BusId| u(k) != Complex64::ZERO && self.circuit.node(e.nodes[k]).bus == bus;
        let live: Vec<usize> =
            (0..n).filter(|&k| e.n_terminals == 2 && on(k, a) && on(k + n, b) && y[(k, k + n)] != Complex64::ZERO).collect();
        let alike = live.iter().all(|&k| (u(k) - u(k + n)).norm() < 1e-6);
        let unit = self.y_unit(a, b);
        let projected = self.projected(index, ports);
        let same_base = (self.patterns.kv_ln[a.index()] / self.patterns.kv_ln[b.index()] - 1.0).abs() < 1e-9;
        let series = CMatrix::from_fn(live.len(), live.len(), |i, j| -y[(live[i], live[j] + n)]);
        let inverse = if alike && !live.is_empty() { series.inverse().ok() } else { None };
        let (y_pu, shunts) = match inverse {
            Some(z) => {
                let m = live.len() as f64;
                let mut sum = Complex64::ZERO;
                for (i, &k) in live.iter().enumerate() {
                    for (j, &l) in live.iter().enumerate() {
                        sum += u(k).conj() * z[(i, j)] * u(l);
                    }
                }
                let z_pu = sum * 3.0 / (m * m) / unit;
                // What is left without the series part, end by end.
                let series: Complex64 =
                    live.iter().flat_map(|&k| live.iter().map(move |&l| (k, l))).map(|(k, l)| u(k).conj() * -y[(k, l + n)] * u(l)).sum();
                let own = |bus: BusId| series / 3.0 * self.y_unit(bus, bus);
                (z_pu.inv(), [projected[(0, 0)] - own(a), projected[(1, 1)] - own(b)])
            }
            None => {
                let y12 = -(projected[(0, 1)] + projected[(1, 0)]) / 2.0;
                (y12, [projected[(0, 0)] - y12, projected[(1, 1)] - y12])
            }
        };
        if y_pu.norm() <= TRACE_PU {
            self.leave(a, shunts[0]);
            self.leave(b, shunts[1]);
            self.dropped(id.kind.class(), "open; its charging is a shunt", id);
            return;
        }
        let kv = self.patterns.kv_ln[a.index()];
        let mva = |amps: f64| if amps > 0.0 { live.len().max(1) as f64 * kv * amps / 1e3 } else { 0.0 };
        let phases = self.phases(index, &live);
        let (normal_mva, emergency_mva) = (mva(common.rating.normal_a), mva(common.rating.emergency_a));
        let new = Branch { ids: vec![id], buses: [a, b], phases, y: y_pu, shunts, normal_mva, emergency_mva };
        // The phases of one line or switch may be elements of their own.
        let same = |old: &&mut Branch| {
            old.buses == new.buses && !new.phases.is_empty() && old.phases.len() + new.phases.len() <= 3 && {
                old.ids[0].kind == id.kind && old.phases.iter().all(|p| !new.phases.contains(p)) && same_base
            }
        };
        self.converted(id.kind.class(), "z = 3/n² conj(u) Z u of its phase matrix; its shunt conj(u) Y u / 3", id);
        match self.branches.iter_mut().rev().take(64).find(same) {
            Some(old) => {
                old.ids.push(id);
                old.phases.extend(new.phases);
                old.y += new.y;
                old.shunts = [old.shunts[0] + new.shunts[0], old.shunts[1] + new.shunts[1]];
                old.normal_mva += new.normal_mva;
                old.emergency_mva += new.emergency_mva;
            }
            None => self.branches.push(new),
        }
    }

    fn circuit_id(&mut self, buses: &[BusId]) -> String {
        let mut key: Vec<u32> = buses.iter().map(|b| b.0).collect();
        key.sort_unstable();
        let n = self.circuits.entry(key).or_default();
        *n += 1;
        n.to_string()
    }

    fn branch_name(&self, buses: &[BusId], circuit: &str) -> String {
        let numbers: Vec<&str> = buses.iter().map(|b| self.out.buses[b.index()].name.as_str()).collect();
        format!("{}-{circuit}", numbers.join("-"))
    }

    fn ac_branch(&mut self, ids: &[ElementId], buses: [BusId; 2], z: Complex64, shunts: [Complex64; 2], ratings: [f64; 2], length: f64) {
        let circuit = self.circuit_id(&buses);
        let common = self.common(self.branch_name(&buses, &circuit), ids, &buses);
        // Charging is what the two ends share; the rest stands at its end.
        let b = shunts[0].im + shunts[1].im;
        let rest = shunts.map(|y| {
            let rest = y - Complex64::new(0.0, b / 2.0);
            if rest.norm() > TRACE_PU { rest } else { Complex64::ZERO }
        });
        let label = self.network.common(ids[0]).name.clone();
        self.out.add(AcBranch {
            common,
            circuit,
            label,
            r_pu: z.re,
            x_pu: z.im,
            b_pu: if b.abs() > TRACE_PU { b } else { 0.0 },
            y_from_pu: rest[0],
            y_to_pu: rest[1],
            ratings_mva: vec![ratings[0], ratings[1], 0.0],
            in_service: true,
            metered: MeteredEnd::From,
            length,
            owners: Vec::new(),
            switching: None,
            normally_closed: true,
            rating_set: String::new(),
        });
    }

    fn write_branches(&mut self) {
        for b in std::mem::take(&mut self.branches) {
            let base = self.patterns.kv_ln[b.buses[0].index()] / self.patterns.kv_ln[b.buses[1].index()];
            let length = match b.ids[0].kind {
                ElementKind::Line => self.network.lines[b.ids[0].index()].length,
                _ => 0.0,
            };
            if (base - 1.0).abs() < 1e-9 {
                self.ac_branch(&b.ids, b.buses, b.y.inv(), b.shunts, [b.normal_mva, b.emergency_mva], length);
                continue;
            }
            // In volts the two ends are one; in per unit of two bases there is a ratio between them.
            let ratio = 1.0 / base;
            self.converted("branch between buses of different base voltages", "a transformer of their ratio", b.ids[0]);
            let kv = self.patterns.kv_ln[b.buses[0].index()] * 3f64.sqrt();
            // y is on the product of the two bases; with t1 = 1, t2 = kv1 / kv2 the series branch is y t2.
            let y = b.y * (1.0 / ratio);
            let own = [b.shunts[0] + b.y - y, b.shunts[1] + b.y - y * (ratio * ratio)];
            self.units.push(Unit {
                ids: b.ids,
                buses: b.buses.to_vec(),
                phases: b.phases,
                ratios: vec![1.0, 1.0 / ratio],
                angles_deg: vec![0.0, 0.0],
                kv_rated_ll: vec![kv, kv],
                y: vec![y],
                shunts: own.to_vec(),
                normal_mva: b.normal_mva,
                emergency_mva: b.emergency_mva,
            });
        }
    }

    fn fixed_shunt(&mut self, label: String, ids: &[ElementId], bus: BusId, y: Complex64) {
        let n = self.out.fixed_shunts.iter().filter(|s| s.common.terminals[0].bus == bus).count() + 1;
        let name = format!("{}-{n}", self.out.buses[bus.index()].name);
        let common = self.common(name, ids, &[bus]);
        self.out.add(FixedShunt { common, id: n.to_string(), label, in_service: true, g_mw: y.re * S_BASE_MVA, b_mvar: y.im * S_BASE_MVA });
    }

    fn write_leftovers(&mut self) {
        for (bus, y) in std::mem::take(&mut self.leftovers) {
            if y.norm() > TRACE_PU {
                self.fixed_shunt("magnetising and charging".into(), &[], BusId(bus), y);
                let formula = "a shunt at the bus, where no record holds it".to_owned();
                self.ledger.record("magnetising and charging", Disposition::Converted { formula }, None);
            }
        }
    }

    // ── transformers ─────────────────────────────────────────────────────────────────────────────

    /// Ratio of a winding per unit of its bus and its rated voltage in the case, kV; none where no pattern stands across it.
    fn winding_ratio(&self, index: usize, w: usize) -> Option<(f64, f64)> {
        let e = &self.circuit.elements()[index];
        let t = &self.network.transformers[e.id.index()];
        if t.kind == TransformerKind::Auto {
            return None;
        }
        let winding = t.windings.get(w)?;
        let tap = self.state.taps(e.id)?.get(w).copied()?;
        let u = |k: usize| self.patterns.u[e.nodes[w * e.n_conductors + k] as usize];
        let n = t.common.n_phases;
        let delta = winding.connection == Connection::Delta;
        let across = match delta {
            true => (u(0) - u(1)).norm(),
            false => (u(0) - u(e.n_conductors - 1)).norm(),
        };
        let kv = if delta || n == 1 { winding.kv } else { winding.kv / 3f64.sqrt() };
        let bus = t.common.terminals.get(w)?.bus;
        let base = self.patterns.kv_ln[bus.index()];
        let rated = kv / across;
        (across > 0.1 && kv > 0.0 && tap > 0.0).then_some((tap * rated / base, rated * 3f64.sqrt()))
    }

    /// A bank as one transformer by (3); false where its load side cannot carry balanced currents.
    fn bank(&mut self, members: &[usize]) -> bool {
        let first = self.ports(members[0]);
        let [mut a, mut b] = [first[0].0, first[1].0];
        if self.patterns.rank[a.index()] > self.patterns.rank[b.index()] {
            std::mem::swap(&mut a, &mut b);
        }
        // Nodes of the bank at its two buses, and its nodal admittance between them.
        let mut nodes: [Vec<u32>; 2] = [Vec::new(), Vec::new()];
        for &i in members {
            let e = &self.circuit.elements()[i];
            let y = &self.state.primitives[i];
            for (k, &n) in e.nodes.iter().enumerate() {
                let side = usize::from(n != 0 && self.circuit.node(n).bus == b);
                if self.patterns.u[n as usize] != Complex64::ZERO && y[(k, k)] != Complex64::ZERO && !nodes[side].contains(&n) {
                    nodes[side].push(n);
                }
            }
        }
        let (n1, n2) = (nodes[0].len(), nodes[1].len());
        if n1 == 0 || n2 == 0 {
            return false;
        }
        let all: Vec<u32> = nodes.concat();
        let mut y = CMatrix::square(all.len());
        for &i in members {
            let e = &self.circuit.elements()[i];
            let place: Vec<Option<usize>> = e.nodes.iter().map(|n| all.iter().position(|m| m == n)).collect();
            for (r, row) in place.iter().enumerate() {
                for (c, column) in place.iter().enumerate() {
                    if let (Some(row), Some(column)) = (row, column) {
                        y[(*row, *column)] += self.state.primitives[i][(r, c)];
                    }
                }
            }
        }
        let side_1: Vec<usize> = (0..n1).collect();
        let side_2: Vec<usize> = (n1..n1 + n2).collect();
        let (y11, y12) = (y.select(&side_1, &side_1), y.select(&side_1, &side_2));
        let (y21, y22) = (y.select(&side_2, &side_1), y.select(&side_2, &side_2));
        let u = |side: usize| -> Vec<Complex64> { nodes[side].iter().map(|n| self.patterns.u[*n as usize]).collect() };
        let (u1, u2) = (u(0), u(1));
        let Ok(inverse) = y22.inverse() else { return false };
        let mean = |u: &[Complex64], x: &[Complex64], by: f64| u.iter().zip(x).map(|(u, x)| u.conj() * x).sum::<Complex64>() / by;
        let m = n2 as f64;
        // Volts and amperes at 1 V of bus 1 and 1 A into bus 2.
        let open: Vec<Complex64> = inverse.mul_vec(&y21.mul_vec(&u1)).iter().map(|v| -v).collect();
        let driven = inverse.mul_vec(&u2.iter().map(|u| u * (3.0 / m)).collect::<Vec<_>>());
        let sum = |x: Vec<Complex64>, y: Vec<Complex64>| -> Vec<Complex64> { x.iter().zip(&y).map(|(x, y)| x + y).collect() };
        let (kv_1, kv_2) = (self.patterns.kv_ln[a.index()], self.patterns.kv_ln[b.index()]);
        let forward = mean(&u2, &open, m) * (kv_1 / kv_2);
        let back = mean(&u1, &y12.mul_vec(&driven), 3.0) * (kv_1 / kv_2);
        let z = mean(&u2, &driven, m) / self.y_unit(b, b);
        let y_in = mean(&u1, &sum(y11.mul_vec(&u1), y12.mul_vec(&open)), 3.0) * self.y_unit(a, a);
        // What (1) says of bus 2: far from it, balanced currents would have to flow through what does not carry them.
        let held = mean(&u2, &y22.mul_vec(&u2), 3.0) * self.y_unit(b, b);
        let sound = [forward, back, z, y_in].iter().all(|x| x.is_finite()) && forward.norm() > 1e-3 && back.norm() > 1e-3;
        if !sound || z.norm() == 0.0 || (z * held).norm() > 100.0 {
            return false;
        }
        let mut turn = -(forward / -back).arg() / 2.0;
        let mut k = (-forward * back).sqrt();
        if (forward * Complex64::from_polar(1.0, turn) / k).re < 0.0 {
            k = -k;
        }
        if k.re < 0.0 {
            (k, turn) = (-k, turn + PI);
        }
        let transformers: Vec<usize> =
            members.iter().copied().filter(|&i| self.circuit.elements()[i].id.kind == ElementKind::Transformer).collect();
        let rated = |bus: BusId| -> Option<(f64, f64)> {
            let mut found = Vec::new();
            for &i in &transformers {
                let terminals = &self.network.common(self.circuit.elements()[i].id).terminals;
                let here = terminals.iter().enumerate().filter(|(_, t)| t.bus == bus);
                found.extend(here.filter_map(|(w, _)| self.winding_ratio(i, w)));
            }
            let n = found.len() as f64;
            (!found.is_empty()).then(|| (found.iter().map(|f| f.0).sum::<f64>() / n, found.iter().map(|f| f.1).sum::<f64>() / n))
        };
        let of_base = |bus: BusId| (1.0, self.patterns.kv_ln[bus.index()] * 3f64.sqrt());
        let (rated_1, rated_2) = (rated(a).unwrap_or(of_base(a)), rated(b).unwrap_or(of_base(b)));
        let t2 = rated_2.0;
        let t1 = t2 / k.norm();
        let series = k / z * (t1 * t2);
        let shunts = vec![y_in + k * k / z - series / (t1 * t1), z.inv() - series / (t2 * t2)];
        let frame = |bus: BusId| self.patterns.frame_deg[bus.index()].unwrap_or(0.0);
        let angle = wrapped(frame(a) - frame(b) + turn.to_degrees());
        let ids: Vec<ElementId> = transformers
            .iter()
            .chain(members.iter().filter(|i| !transformers.contains(i)))
            .map(|&i| self.circuit.elements()[i].id)
            .collect();
        if (forward.norm() - back.norm()).abs() > 1e-6 * forward.norm() {
            self.uneven.push(ids[0]);
        }
        let kva = |f: fn(&Transformer) -> f64| -> f64 {
            let of = |i: &usize| f(&self.network.transformers[self.circuit.elements()[*i].id.index()]);
            transformers.iter().map(of).sum::<f64>() / 1e3
        };
        let (normal_mva, emergency_mva) = (kva(|t| t.normal_kva), kva(|t| t.emergency_kva));
        for &id in &ids {
            self.converted(id.kind.class(), "part of a bank, one transformer as its balanced load sees it", id);
        }
        self.units.push(Unit {
            ids,
            buses: vec![a, b],
            phases: Vec::new(),
            ratios: vec![t1, t2],
            angles_deg: vec![angle, 0.0],
            kv_rated_ll: vec![rated_1.1, rated_2.1],
            y: vec![series],
            shunts,
            normal_mva,
            emergency_mva,
        });
        true
    }

    fn transformer(&mut self, index: usize) -> Result<(), ConversionError> {
        let e = &self.circuit.elements()[index];
        let id = e.id;
        let t = &self.network.transformers[id.index()];
        let ports = self.ports(index);
        let y = self.projected(index, &ports);
        if ports.len() < 2 {
            if let Some(p) = ports.first() {
                self.leave(p.0, y[(0, 0)]);
            }
            self.dropped("transformer", "open, or it leads to what nothing feeds; what it draws is a shunt", id);
            return Ok(());
        }
        if ports.len() > 3 {
            let hint = "Write it as transformers of two or three windings.";
            return Err(self.refuse(
                id,
                "CONVERT.TRANSFORMER.WINDINGS",
                "a transformer between more than three buses has no form in a case",
                hint,
            ));
        }
        // Ratio of each port: the mean of its windings'.
        let mut ratios = Vec::new();
        let mut kv_rated_ll = Vec::new();
        for (bus, _) in &ports {
            let here = t.common.terminals.iter().enumerate().filter(|(_, terminal)| terminal.bus == *bus);
            let found: Vec<(f64, f64)> = here.filter_map(|(w, _)| self.winding_ratio(index, w)).collect();
            let m = found.len() as f64;
            ratios.push(if found.is_empty() { f64::NAN } else { found.iter().map(|f| f.0).sum::<f64>() / m });
            kv_rated_ll.push(if found.is_empty() { 0.0 } else { found.iter().map(|f| f.1).sum::<f64>() / m });
        }
        if ratios.iter().any(|r| r.is_nan()) {
            // Of an autotransformer the admittances tell the ratio; what they do not is left over in the shunts.
            for (i, r) in ratios.iter_mut().enumerate() {
                *r = (y[(0, 0)].norm() / y[(i, i)].norm()).sqrt();
                kv_rated_ll[i] = self.patterns.kv_ln[ports[i].0.index()] * 3f64.sqrt();
            }
        }
        let frame = |i: usize| self.patterns.frame_deg[ports[i].0.index()].unwrap_or(0.0);
        let buses: Vec<BusId> = ports.iter().map(|p| p.0).collect();
        let phases = self.phases(index, &ports[0].1);
        let mva = |kva: f64| kva / 1e3;
        let (normal_mva, emergency_mva) = (mva(t.normal_kva), mva(t.emergency_kva));
        let mut uneven = false;
        let mut pair = |i: usize, j: usize| {
            let (there, back) = (y[(i, j)], y[(j, i)]);
            let scale = there.norm().max(back.norm());
            uneven |= (there.norm() - back.norm()).abs() > 1e-6 * scale;
            // Half the angle between the two, next to none.
            let turn = if scale > 0.0 { (there * back.conj()).arg() / 2.0 } else { 0.0 };
            let size = (there.norm() * back.norm()).sqrt();
            let direction = if there.norm() > 0.0 { there / there.norm() } else { Complex64::ONE };
            (-direction * Complex64::from_polar(size * ratios[i] * ratios[j], -turn), turn.to_degrees())
        };
        let unit = if ports.len() == 2 {
            let (mut series, mut turn) = pair(0, 1);
            if series.re < 0.0 && series.im > 0.0 {
                (series, turn) = (-series, turn + 180.0);
            }
            if series.norm() <= TRACE_PU {
                self.leave(buses[0], y[(0, 0)]);
                self.leave(buses[1], y[(1, 1)]);
                self.dropped("transformer", "open; what it draws is a shunt", id);
                return Ok(());
            }
            let shunts = (0..2).map(|i| y[(i, i)] - series / (ratios[i] * ratios[i])).collect();
            let angle = wrapped(frame(0) - frame(1) + turn);
            Unit {
                ids: vec![id],
                buses,
                phases,
                ratios,
                angles_deg: vec![angle, 0.0],
                kv_rated_ll,
                y: vec![series],
                shunts,
                normal_mva,
                emergency_mva,
            }
        } else {
            let (y12, turn2) = pair(0, 1);
            let (y13, turn3) = pair(0, 2);
            let (y23, _) = pair(1, 2);
            let d = y12 * y13 + y13 * y23 + y23 * y12;
            // Admittances of the legs of the star that the triangle is.
            let legs = vec![d / y23, d / y13, d / y12];
            let sums = [y12 + y13, y12 + y23, y13 + y23];
            let shunts = (0..3).map(|i| y[(i, i)] - sums[i] / (ratios[i] * ratios[i])).collect();
            let angles_deg = vec![0.0, wrapped(frame(1) - frame(0) - turn2), wrapped(frame(2) - frame(0) - turn3)];
            if legs.iter().any(|y| !y.is_finite()) {
                let hint = "Give all three of its reactances.";
                return Err(self.refuse(id, "CONVERT.TRANSFORMER.NO_STAR", "its three windings are no star of impedances", hint));
            }
            Unit { ids: vec![id], buses, phases, ratios, angles_deg, kv_rated_ll, y: legs, shunts, normal_mva, emergency_mva }
        };
        if uneven {
            self.uneven.push(id);
        }
        let three = t.common.n_phases >= 3;
        let same = |old: &&mut Unit| {
            let angles = old.angles_deg.iter().zip(&unit.angles_deg);
            !three && !old.phases.is_empty() && old.buses == unit.buses && old.y.len() == 1 && unit.y.len() == 1 && {
                old.phases.iter().all(|p| !unit.phases.contains(p)) && angles.clone().all(|(a, b)| wrapped(a - b).abs() < 1e-6)
            }
        };
        self.converted("transformer", "t = kv tap / (|Δu| kv_bus), z = -t1 t2 / y12 of its solved taps", id);
        match self.units.iter_mut().rev().take(64).find(same) {
            Some(old) => {
                let m = old.ids.len() as f64;
                for (mean, new) in old.ratios.iter_mut().zip(&unit.ratios) {
                    *mean = (*mean * m + new) / (m + 1.0);
                }
                old.y[0] += unit.y[0];
                for (sum, new) in old.shunts.iter_mut().zip(&unit.shunts) {
                    *sum += new;
                }
                old.ids.push(id);
                old.phases.extend(unit.phases);
                old.normal_mva += unit.normal_mva;
                old.emergency_mva += unit.emergency_mva;
                self.converted("transformer of one phase in a bank", "one transformer of the mean ratio and all admittances", id);
            }
            None => self.units.push(unit),
        }
        Ok(())
    }

    fn write_transformers(&mut self) {
        for mut u in std::mem::take(&mut self.units) {
            let n = u.buses.len();
            if n == 2 && u.shunts[1].norm() > u.shunts[0].norm() {
                // The magnetising branch of a case stands at winding 1.
                u.buses.reverse();
                u.ratios.reverse();
                u.kv_rated_ll.reverse();
                u.shunts.reverse();
                u.angles_deg = vec![wrapped(-u.angles_deg[0]), 0.0];
            }
            let circuit = self.circuit_id(&u.buses);
            let common = self.common(self.branch_name(&u.buses, &circuit), &u.ids, &u.buses);
            let z: Vec<Complex64> = u.y.iter().map(Complex64::inv).collect();
            let pair = |z: Complex64| PairImpedance { r: z.re, x: z.im, s_base_mva: S_BASE_MVA };
            let (impedances, star) = if n == 2 {
                (vec![pair(z[0])], (1.0, 0.0))
            } else {
                let mut v = Complex64::ZERO;
                for i in 0..3 {
                    let bus = self.out.buses[u.buses[i].index()].transmission.as_ref();
                    let at = bus.map_or(Complex64::ONE, |b| Complex64::from_polar(b.v_pu, b.angle_deg.to_radians()));
                    v += u.y[i] * at / (u.ratios[i] * polar_deg(u.angles_deg[i]));
                }
                v /= u.y.iter().sum::<Complex64>();
                (vec![pair(z[0] + z[1]), pair(z[1] + z[2]), pair(z[2] + z[0])], (v.norm(), v.arg().to_degrees()))
            };
            for i in 1..n {
                self.leave(u.buses[i], u.shunts[i]);
            }
            let magnetising = if u.shunts[0].norm() > TRACE_PU { u.shunts[0] } else { Complex64::ZERO };
            let windings = (0..n).map(|i| {
                let ratings = if i == 0 || n == 3 { vec![u.normal_mva, u.emergency_mva, 0.0] } else { vec![0.0; 3] };
                power_winding(u.ratios[i], u.kv_rated_ll[i], u.angles_deg[i], ratings)
            });
            let windings = windings.collect();
            let label = self.network.common(u.ids[0]).name.clone();
            self.out.add(PowerTransformer {
                common,
                circuit,
                label,
                ratio_code: RatioCode::BusBase,
                impedance_code: ImpedanceCode::SystemBase,
                magnetising_code: MagnetisingCode::SystemBase,
                mag1: magnetising.re,
                mag2: magnetising.im,
                metered: MeteredEnd::From,
                status: TransformerStatus::In,
                owners: Vec::new(),
                vector_group: String::new(),
                correct_pairs: false,
                impedances,
                v_star_pu: star.0,
                angle_star_deg: star.1,
                windings,
            });
        }
    }

    // ── loads and generation ─────────────────────────────────────────────────────────────────────

    fn element_bus(&self, index: usize) -> Option<BusId> {
        let id = self.circuit.elements()[index].id;
        let terminals = &self.network.common(id).terminals;
        terminals.iter().map(|t| t.bus).find(|b| self.is_alive(*b))
    }

    fn load(&mut self, index: usize) {
        let id = self.circuit.elements()[index].id;
        let Some(bus) = self.element_bus(index) else { return };
        let l = &self.network.loads[id.index()];
        let s = self.state.element_power(index) / 1e6;
        let v = self.v_frame(bus).norm();
        // Shares of constant power, current and admittance of P and of Q at the present voltage.
        let limited = v < l.v_min_pu || v > l.v_max_pu;
        let (p, q) = match l.model {
            _ if limited || l.unknown_model.is_some() => ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0]),
            LoadModel::ConstantPq | LoadModel::ConstantPFixedQ => ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
            LoadModel::ConstantZ => ([0.0, 0.0, 1.0], [0.0, 0.0, 1.0]),
            LoadModel::ConstantI => ([0.0, 1.0, 0.0], [0.0, 1.0, 0.0]),
            LoadModel::Motor | LoadModel::ConstantPFixedX => ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0]),
            LoadModel::Zip => match l.zipv {
                Some(k) => (shares([k[2], k[1], k[0]], v), shares([k[5], k[4], k[3]], v)),
                None => ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
            },
            LoadModel::Cvr => (of_exponent(l.cvr_p_exponent), of_exponent(l.cvr_q_exponent)),
        };
        let part = |k: usize| Complex64::new(s.re * p[k], s.im * q[k]) / if v > 0.0 { v.powi(k as i32) } else { 1.0 };
        self.power_load(id, bus, [part(0), part(1), part(2)], Complex64::ZERO);
        let formula = match l.model {
            LoadModel::Cvr => "its solved power, by the law of the nearest whole exponent",
            _ if limited => "its solved power as constant admittance: its voltage is beyond its limits",
            _ => "its solved power in three phases, by its law of voltage",
        };
        self.converted("load", formula, id);
    }

    fn generation(&mut self, index: usize) {
        let id = self.circuit.elements()[index].id;
        let Some(bus) = self.element_bus(index) else { return };
        let drawn = self.state.element_power(index) / 1e6;
        let class = id.kind.class();
        if id.kind == ElementKind::Generator {
            let g = &self.network.generators[id.index()];
            if g.model == 3 {
                let limits = (g.q_min_kvar / 1e3, g.q_max_kvar / 1e3);
                let v = self.v_frame(bus).norm();
                let n = self.out.machines.iter().filter(|m| m.common.terminals[0].bus == bus).count() + 1;
                let mut m = machine(self.common(format!("{}-{n}", self.out.buses[bus.index()].name), &[id], &[bus]), -drawn, v, limits);
                m.id = n.to_string();
                m.base_mva = g.kva / 1e3;
                self.out.add(m);
                if let Some(b) = self.out.buses[bus.index()].transmission.as_mut().filter(|b| b.kind == BusKind::Load) {
                    b.kind = BusKind::Generator;
                }
                self.converted("generator of model 3", "a machine that holds the solved voltage", id);
                return;
            }
        }
        if drawn.re > 0.0 {
            self.power_load(id, bus, [drawn, Complex64::ZERO, Complex64::ZERO], Complex64::ZERO);
        } else {
            self.power_load(id, bus, [Complex64::ZERO; 3], -drawn);
        }
        self.converted(class, "generation at a load of no power: P and Q as solved", id);
    }

    /// A load in parts of constant power, current and admittance, with generation at it, MVA.
    fn power_load(&mut self, id: ElementId, bus: BusId, parts: [Complex64; 3], dg: Complex64) {
        let n = self.load_ids.entry(bus).or_default();
        *n += 1;
        let n = *n;
        if n > 99 {
            // Identifiers have two characters: what comes later joins the last.
            if let Some(l) = self
                .out
                .power_loads
                .iter_mut()
                .rev()
                .find(|l| l.common.terminals[0].bus == bus && (l.dg_p_mw == 0.0) == (dg == Complex64::ZERO))
            {
                l.p_mw += parts[0].re;
                l.q_mvar += parts[0].im;
                l.p_current_mw += parts[1].re;
                l.q_current_mvar += parts[1].im;
                l.p_admittance_mw += parts[2].re;
                l.q_admittance_mvar -= parts[2].im;
                l.dg_p_mw += dg.re;
                l.dg_q_mvar += dg.im;
                l.common.aliases.push(Alias { system: "three-phase model".into(), id: self.network.full_name(id) });
                return;
            }
        }
        let name = format!("{}-{n}", self.out.buses[bus.index()].name);
        let common = self.common(name, &[id], &[bus]);
        let label = self.network.common(id).name.clone();
        self.out.add(PowerLoad {
            common,
            id: n.to_string(),
            label,
            in_service: true,
            area: 1,
            zone: 1,
            owner: 1,
            p_mw: parts[0].re,
            q_mvar: parts[0].im,
            p_current_mw: parts[1].re,
            q_current_mvar: parts[1].im,
            p_admittance_mw: parts[2].re,
            q_admittance_mvar: -parts[2].im,
            scalable: true,
            interruptible: false,
            dg_p_mw: dg.re,
            dg_q_mvar: dg.im,
            dg_in_service: dg != Complex64::ZERO,
            load_type: String::new(),
        });
    }

    // ── the end ──────────────────────────────────────────────────────────────────────────────────

    fn left_out(&mut self) {
        for &id in &self.network.order {
            let common = self.network.common(id);
            let class = id.kind.class();
            if !common.enabled {
                self.dropped(class, "not enabled", id);
            } else if self.circuit.index_of(id).is_none() {
                let reason = match id.kind {
                    ElementKind::RegulatorControl => "taps stand as solved",
                    ElementKind::CapacitorControl => "steps stand as solved",
                    ElementKind::InverterControl | ElementKind::ExponentialControl | ElementKind::StorageController => {
                        "powers stand as solved"
                    }
                    ElementKind::SwitchControl | ElementKind::Fuse | ElementKind::Relay | ElementKind::Recloser => {
                        "switches stand as solved"
                    }
                    _ => "a power-flow case has no place for it",
                };
                self.dropped(class, reason, id);
            }
        }
        for b in self.network.buses.iter().enumerate().filter(|(i, _)| self.patterns.frame_deg[*i].is_none()) {
            let reason = format!("isolated in the case: nothing feeds it (first: {})", b.1.name);
            let known = self.ledger.entries.iter_mut().find(|e| e.field == "bus without voltage");
            match known {
                Some(entry) => entry.count += 1,
                None => self.ledger.record("bus without voltage", Disposition::Dropped { reason }, None),
            }
        }
        if self.network.load_shapes.iter().any(|s| s.name != "default") {
            let reason = "a case is one moment".to_owned();
            self.ledger.record("loadshape", Disposition::Dropped { reason }, None);
        }
    }

    fn findings(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        if let Some(&first) = self.uneven.first() {
            found.push(
                Diagnostic::warning(
                    "CONVERT.TRANSFORMER.UNEVEN",
                    format!("{} transformers or parts of banks are not alike in their phases", self.uneven.len()),
                )
                .element(self.network.full_name(first))
                .at(&self.network.common(first).source)
                .detail("Their positive sequence depends on the negative one; each is carried by the mean of both directions.")
                .hint("Expect the difference that the finding on unbalance tells."),
            );
        }
        found
    }

    /// Solves the case and sets it against the solution.
    fn unbalance(&mut self) -> Result<Unbalance, ConversionError> {
        let mut u = Unbalance {
            negative_pct: 0.0,
            negative_bus: String::new(),
            zero_pct: 0.0,
            zero_bus: String::new(),
            v_pu: 0.0,
            v_bus: String::new(),
            angle_deg: 0.0,
            angle_bus: String::new(),
            v_lateral_pu: 0.0,
            v_lateral_bus: String::new(),
            supplied_mw: [0.0; 2],
            supplied_mvar: [0.0; 2],
        };
        let mut three_phases = vec![false; self.network.buses.len()];
        for (i, bus) in self.network.buses.iter().enumerate() {
            let nodes = self.circuit.bus_nodes(BusId::from(i));
            let live: Vec<(Complex64, Complex64)> = nodes
                .iter()
                .map(|(_, n)| (self.patterns.u[*n as usize], self.state.v[*n as usize]))
                .filter(|(u, _)| *u != Complex64::ZERO)
                .collect();
            // Three phases: the patterns and their products with themselves add up to nothing.
            let sum: Complex64 = live.iter().map(|l| l.0).sum();
            let square: Complex64 = live.iter().map(|l| l.0 * l.0).sum();
            if live.len() != 3 || sum.norm() > 1e-6 || square.norm() > 1e-6 {
                continue;
            }
            three_phases[i] = true;
            let [one, two, zero] = [
                live.iter().map(|(u, v)| u.conj() * v).sum::<Complex64>(),
                live.iter().map(|(u, v)| u * v).sum::<Complex64>(),
                live.iter().map(|(_, v)| *v).sum::<Complex64>(),
            ];
            let pct = |x: Complex64| x.norm() / one.norm() * 100.0;
            if pct(two) > u.negative_pct || u.negative_bus.is_empty() {
                (u.negative_pct, u.negative_bus) = (pct(two), bus.name.clone());
            }
            if pct(zero) > u.zero_pct || u.zero_bus.is_empty() {
                (u.zero_pct, u.zero_bus) = (pct(zero), bus.name.clone());
            }
        }
        // Not from the voltages of the network: where a lateral leaves the trunk they are those of a phase at one end of a short line and the mean of
        // three at the other, which is no start for Newton's method.
        let mut failed = Vec::new();
        let mut solved = None;
        for start in [newton::Start::Linear, newton::Start::Dc, newton::Start::Flat] {
            let last = start == newton::Start::Flat;
            let options = newton::Options { start, tolerance_pu: 1e-11, seek_solvable: last, ..newton::Options::default() };
            match newton::solve(&self.out, &options) {
                Ok(newton::Outcome::Solved(s)) => {
                    solved = Some(s);
                    break;
                }
                Ok(newton::Outcome::Unsolved(unsolved)) => failed = unsolved.diagnostics,
                Err(e) => return Err(e.diagnostic().into()),
            }
        }
        let Some(solved) = solved else {
            let mut diagnostics = vec![Diagnostic::error("CONVERT.FEEDER.UNSOLVED", "the balanced case of the network does not solve")];
            diagnostics.extend(failed);
            return Err(ConversionError { diagnostics });
        };
        // What is written is a solved case.
        for row in &solved.buses {
            if let (Some(v), Some(angle), Some(b)) = (row.v_pu, row.angle_deg, self.out.buses[row.id.index()].transmission.as_mut()) {
                (b.v_pu, b.angle_deg) = (v, angle);
            }
        }
        for (m, row) in self.out.machines.iter_mut().zip(&solved.machines) {
            (m.p_mw, m.q_mvar) = (row.p_mw, row.q_mvar);
        }
        let supplied: Complex64 = self
            .circuit
            .elements()
            .iter()
            .enumerate()
            .filter(|(_, e)| matches!(e.model, Model::Source(_)))
            .map(|(index, _)| -self.state.element_power(index) / 1e6)
            .sum();
        // What a held bus gives, less what its source impedance takes: 1 MVA of voltage v drives a current of 1 / v.
        let mut carried = Complex64::ZERO;
        for &(held, z) in &self.feeds {
            let here = |m: &&Machine| m.common.terminals.iter().any(|t| t.bus == held);
            let given: Complex64 = self.out.machines.iter().filter(here).map(|m| Complex64::new(m.p_mw, m.q_mvar)).sum();
            let v = self.out.buses[held.index()].transmission.as_ref().map_or(1.0, |b| b.v_pu);
            carried += given - z * (given.norm() / v).powi(2) / S_BASE_MVA;
        }
        (u.supplied_mw, u.supplied_mvar) = ([supplied.re, carried.re], [supplied.im, carried.im]);
        for row in &solved.buses {
            let Some(bus) = self.network.buses.get(row.id.index()) else { continue };
            let (Some(v), Some(angle), Some(frame)) = (row.v_pu, row.angle_deg, self.patterns.frame_deg[row.id.index()]) else { continue };
            let own = self.v_frame(row.id);
            let dv = (own.norm() - v).abs();
            let da = wrapped(own.arg() * 180.0 / PI + frame - angle).abs();
            if !three_phases[row.id.index()] {
                if dv > u.v_lateral_pu {
                    (u.v_lateral_pu, u.v_lateral_bus) = (dv, bus.name.clone());
                }
                continue;
            }
            if dv > u.v_pu || u.v_bus.is_empty() {
                (u.v_pu, u.v_bus) = (dv, bus.name.clone());
            }
            if da > u.angle_deg || u.angle_bus.is_empty() {
                (u.angle_deg, u.angle_bus) = (da, bus.name.clone());
            }
        }
        Ok(u)
    }
}

/// Shares that add up to 1 at voltage `v`, of coefficients of `v^0, v^1, v^2`.
fn shares(k: [f64; 3], v: f64) -> [f64; 3] {
    let parts = [k[0], k[1] * v, k[2] * v * v];
    let sum: f64 = parts.iter().sum();
    if sum.abs() > 1e-9 { parts.map(|p| p / sum) } else { [1.0, 0.0, 0.0] }
}

fn of_exponent(exponent: f64) -> [f64; 3] {
    let mut share = [0.0; 3];
    share[exponent.round().clamp(0.0, 2.0) as usize] = 1.0;
    share
}

fn machine(common: Common, power_mva: Complex64, v_set_pu: f64, limits: (f64, f64)) -> Machine {
    Machine {
        common,
        id: "1".into(),
        label: String::new(),
        in_service: true,
        p_mw: power_mva.re,
        q_mvar: power_mva.im,
        q_max_mvar: limits.1,
        q_min_mvar: limits.0,
        p_max_mw: 9999.0,
        p_min_mw: -9999.0,
        v_set_pu,
        regulated_bus: None,
        regulated_node: 0,
        base_mva: S_BASE_MVA,
        z_source_pu: Complex64::new(0.0, 1.0),
        z_step_up_pu: Complex64::ZERO,
        step_up_ratio: 1.0,
        share_pct: 100.0,
        owners: Vec::new(),
        wind_mode: 0,
        wind_power_factor: 1.0,
        base_load: 0,
        droop: String::new(),
    }
}

fn power_winding(ratio: f64, kv_nominal: f64, angle_deg: f64, ratings_mva: Vec<f64>) -> PowerWinding {
    PowerWinding { ratio, kv_nominal, angle_deg, ratings_mva, control: WindingControl::fixed(), correction: 0 }
}
