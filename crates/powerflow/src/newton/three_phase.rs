//! A solved transmission case as a three-phase network.
//!
//! Every bus becomes a balanced bus of three phases, every per-unit value one in ohms, kilowatts and percent. What is carried is the
//! positive sequence, exactly; a case says nothing of the other sequences, so each element has in all three what it has in the positive one.
//!
//! **Branches.** With the base impedance `Zb = kv² / S`, a pi `r + jx, b` is a line of `(r + jx) Zb` ohm and `b / (w Zb)` farad. Line shunts stand at the
//! buses. A branch between buses of different base voltages hides an ideal transformer of their ratio, which is then written as one.
//!
//! **Transformers.** One leg is `v1 / (t1 exp(ja)) - z i = v2 / t2` (see `transformer.rs`). OpenDSS scales a winding by its rated voltage and tap outside
//! the leakage, which is counted on the turns: with `kv tap = t kv_bus` at both windings and `z` in percent of the system base it is the same equation.
//!
//! **Angles.** A wye-wye transformer whose winding 1 stands on the phases in turned order carries `a = 0, 120, 240` degrees. OpenDSS knows no
//! other angles but those of delta windings. Any angle follows from the phases themselves: for the positive sequence `v_b - v_c = -j sqrt(3) v_a`, so
//!
//! ```text
//! v_a exp(-ja) = cos(a) v_a + (sin(a) / sqrt(3)) (v_b - v_c)
//! ```
//!
//! which is how a phase-shifting transformer is wound: on each phase one winding of `cos(a)` fed from that phase, in series with one of `sin(a)` fed from
//! the two others (ABB, *Electrical Transmission and Distribution Reference Book*, ch. 5, "regulating transformers"). Six transformers of one phase make
//! the turned voltages at a bus of their own, with half of the leakage, and a wye-wye transformer with the other half leads on. The negative sequence turns
//! the other way, as it does in the real device.
//!
//! **Three windings** meet in a star, which is just the three-winding model of OpenDSS where all legs have one angle; otherwise the star point
//! is a bus and each leg a transformer.
//!
//! **Injections.** Machines, direct-current links, controllers and motors stand with the powers of the solution. The swing bus is a source
//! `E = V + z conj(S / V)` behind `z = j 1e-6` per unit, so that the bus itself has the voltage of the case.
//!
//! **Machines** that hold a voltage have none to hold as constant power. A fixed point on injected currents, which programs for distribution networks
//! iterate, has no hold on a meshed grid that a single source supplies: it wanders off or finds a solution that nobody runs. Where told so, such a machine
//! is a source too, behind its own impedance: `E = V + z conj(S / V)` gives its P and Q at the solved voltage, keeps its bus near it elsewhere, and is
//! what a short circuit asks for.

use super::grid::{Grid, NO_NODE, NodeType, Port};
use super::results::{QState, Solution};
use super::transformer::Leg;
use crate::equivalent::{ConversionError, Converted, Names};
use network::*;
use num_complex::Complex64;
use std::collections::HashMap;
use std::f64::consts::PI;

/// Behind the sources of swing buses, per unit.
const SOURCE_X_PU: f64 = 1e-6;
/// Between the buses of a branch without impedance, per unit.
const JOIN_X_PU: f64 = 1e-7;
/// Between them and any real voltage the law of constant power holds.
const V_LAW_PU: [f64; 2] = [0.1, 10.0];
/// Angles nearer than this are one, degrees.
const SAME_DEG: f64 = 1e-9;
/// Subtransient reactance of a machine that tells none, per unit on its own base: of turbine generators, J. J. Grainger and W. D. Stevenson,
/// *Power System Analysis*, table A.2 (0.1 to 0.3).
const X_MACHINE_PU: f64 = 0.2;

/// What machines that hold a voltage become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineForm {
    /// Generators of constant power.
    #[default]
    Power,
    /// Sources behind their impedance.
    Source,
}

/// A transmission case as a three-phase network that has its voltages.
///
/// # Inputs
/// * `network` - a transmission case.
/// * `solution` - its solution with controls as stored (`Controls::Locked`).
/// * `machines` - what machines that hold a voltage become; others are generators of constant power.
///
/// # Returns
/// The network, what became of every kind of value, and findings. Bus names stay; solving it (`Session`) gives the voltages of `solution`
/// in each phase, phase 1 at the angle of the case.
///
/// # Errors
/// A case that cannot be compiled, a solution in which controls have moved what the case stores, and values that no script can hold.
///
/// # Method and source
/// The head of this file; `docs/methods/equivalents.md`. Checked by `crates/gridtwin/tests/conversions.rs`.
pub fn to_three_phase(network: &Network, solution: &Solution, machines: MachineForm) -> Result<Converted, ConversionError> {
    let grid = Grid::compile(network).map_err(|e| ConversionError::from(e.diagnostic()))?;
    if let Some(m) = solution.moves.first() {
        let what = Diagnostic::error("CONVERT.CASE.CONTROLS_MOVED", "the solution has moved taps, shifts or banks of the case");
        return Err(what
            .element(&m.element)
            .detail(format!("Its {} went from {} to {}.", m.quantity, m.before, m.after))
            .hint("Solve with the controls as stored, or store the solved positions first.")
            .into());
    }
    let case = network
        .transmission
        .as_deref()
        .ok_or_else(|| ConversionError::from(Diagnostic::error("CONVERT.CASE.NOT_TRANSMISSION", "the network is no transmission case")))?;
    let hz = if case.frequency_hz > 0.0 { case.frequency_hz } else { 60.0 };
    let name: String = if network.name.is_empty() { "case".into() } else { network.name.clone() };
    let mut out = Network::new(Names::plain(&name));
    out.options.frequency_hz = hz;
    out.options.base_frequency_hz = hz;
    out.options.tolerance_pu = 1e-9;
    out.options.max_iterations = 1000;
    out.options.max_iterations_given = true;
    out.options.control_mode = ControlMode::Off;
    let mut c = Converter {
        network,
        grid: &grid,
        s_mva: grid.s_base,
        hz,
        out,
        bus: Vec::new(),
        kv: Vec::new(),
        names: Names::default(),
        ledger: Ledger::default(),
        diagnostics: Vec::new(),
    };
    if case.frequency_hz <= 0.0 {
        c.defaulted("case.frequency_hz", "60 Hz", "the case does not say it");
    }
    c.buses();
    c.sources(solution)?;
    c.branches();
    c.transformers()?;
    c.loads();
    c.shunts();
    c.injections(solution, machines);
    c.left_out(case);
    c.kept("bus");
    let bases: std::collections::BTreeSet<u64> = c.kv.iter().map(|kv| kv.to_bits()).collect();
    c.out.options.voltage_bases_kv = bases.into_iter().map(f64::from_bits).collect();
    Ok(Converted { network: c.out, ledger: c.ledger, diagnostics: c.diagnostics, unbalance: None })
}

struct Converter<'a> {
    network: &'a Network,
    grid: &'a Grid,
    s_mva: f64,
    hz: f64,
    out: Network,
    /// Of each bus of the case.
    bus: Vec<BusId>,
    /// Line to line, of each bus of the case.
    kv: Vec<f64>,
    names: Names,
    ledger: Ledger,
    diagnostics: Vec<Diagnostic>,
}

/// An end of a transformer in the new network.
#[derive(Clone, Copy)]
struct End {
    bus: BusId,
    kv: f64,
    /// Rated, line to line.
    kv_rated: f64,
    /// Per unit of the bus's base.
    ratio: f64,
    nodes: [u32; 3],
}

const STRAIGHT: [u32; 3] = [1, 2, 3];

/// Nodes on which a winding sees the voltages of its bus turned back by `a` degrees, where that is a turn of the phases.
fn turned(angle_deg: f64) -> Option<[u32; 3]> {
    let a = angle_deg.rem_euclid(360.0);
    let near = |b: f64| (a - b).abs() < SAME_DEG || (a - b - 360.0).abs() < SAME_DEG;
    match () {
        () if near(0.0) => Some(STRAIGHT),
        () if near(120.0) => Some([2, 3, 1]),
        () if near(240.0) => Some([3, 1, 2]),
        () => None,
    }
}

impl Converter<'_> {
    fn kept(&mut self, field: &str) {
        self.ledger.record(field, Disposition::Kept, None);
    }

    fn converted(&mut self, field: &str, formula: &str, source: &SourceRef) {
        self.ledger.record(field, Disposition::Converted { formula: formula.to_owned() }, Some(source));
    }

    fn defaulted(&mut self, field: &str, value: &str, reason: &str) {
        self.ledger.record(field, Disposition::Defaulted { value: value.to_owned(), reason: reason.to_owned() }, None);
    }

    fn dropped(&mut self, field: &str, reason: &str, source: Option<&SourceRef>) {
        self.ledger.record(field, Disposition::Dropped { reason: reason.to_owned() }, source);
    }

    /// The common part of an element that stands for `from`, with terminals of the given nodes.
    fn common(&mut self, class: &'static str, name: &str, n_phases: usize, ends: Vec<Terminal>, from: Option<&Common>) -> Common {
        for t in &ends {
            for &node in &t.nodes {
                self.out.note_node(t.bus, node);
            }
        }
        let mut common = Common::new(self.names.free(class, name), n_phases);
        common.base_frequency_hz = self.hz;
        common.terminals = ends;
        if let Some(from) = from {
            common.source = from.source.clone();
            common.feeder = from.feeder.clone();
            common.aliases = from.aliases.clone();
            common.route = from.route.clone();
        }
        common
    }

    /// Ohm of 1 per unit at a base voltage.
    fn z_base(&self, kv: f64) -> f64 {
        kv * kv / self.s_mva
    }

    fn node_type(&self, bus: BusId) -> Option<NodeType> {
        let node = self.grid.node_of_bus[bus.index()];
        (node != NO_NODE).then(|| self.grid.node_type[node as usize])
    }

    /// The bus has a voltage in the solution.
    fn alive(&self, bus: BusId) -> bool {
        self.node_type(bus).is_some_and(|t| t != NodeType::Dead)
    }

    fn all_alive(&self, common: &Common) -> bool {
        common.enabled && !common.terminals.is_empty() && common.terminals.iter().all(|t| self.alive(t.bus))
    }

    fn buses(&mut self) {
        for (i, bus) in self.network.buses.iter().enumerate() {
            let id = self.out.bus_or_add(&Names::plain(&bus.name));
            let kv = bus.transmission.as_ref().map_or(0.0, |t| t.kv_base_ll);
            let kv = if kv > 0.0 {
                kv
            } else {
                self.defaulted("bus.kv_base_ll", "1 kV", "the case does not say it; per-unit values do not depend on it");
                1.0
            };
            let new = &mut self.out.buses[id.index()];
            new.kv_base_ln = kv / 3f64.sqrt();
            (new.xy, new.latitude_longitude_deg) = (bus.xy, bus.latitude_longitude_deg);
            self.bus.push(id);
            self.kv.push(kv);
            if !self.alive(BusId::from(i)) {
                self.dropped("bus", "isolated or without a swing bus in the case, so nothing in service is joined to it", None);
            }
        }
    }

    fn sources(&mut self, solution: &Solution) -> Result<(), ConversionError> {
        let rows: HashMap<BusId, &super::BusRow> = solution.buses.iter().map(|r| (r.id, r)).collect();
        let mut made = 0;
        for node in 0..self.grid.n() {
            if self.grid.node_type[node] != NodeType::Swing {
                continue;
            }
            let buses = &self.grid.buses_of_node[node];
            let is_swing = |b: &&BusId| self.network.bus(**b).transmission.as_ref().is_some_and(|t| t.kind == BusKind::Swing);
            let Some(&bus) = buses.iter().find(is_swing).or(buses.first()) else { continue };
            let Some((v, angle)) = rows.get(&bus).and_then(|r| r.v_pu.zip(r.angle_deg)) else { continue };
            // What the machines of the node give together; converters stand for themselves.
            let names: Vec<&str> = buses.iter().map(|b| self.network.bus(*b).name.as_str()).collect();
            let machines = solution.machines.iter().filter(|m| names.contains(&m.bus.as_str()) && m.element.starts_with("machine."));
            let machines: Complex64 = machines.map(|m| Complex64::new(m.p_mw, m.q_mvar)).sum();
            let v = Complex64::from_polar(v, angle.to_radians());
            let z = Complex64::new(0.0, SOURCE_X_PU);
            let e = v + z * (machines / self.s_mva / v).conj();
            let name = if made == 0 { "source".to_owned() } else { format!("source_{}", self.network.bus(bus).name) };
            self.source(&name, bus, e, z, None);
            let source = self.network.bus(bus).transmission.as_ref().map(|t| t.source.clone()).unwrap_or_default();
            self.converted("bus of kind swing, with its machines", "a source V + z conj(S / V) behind z = j 1e-6 pu", &source);
            made += 1;
        }
        if made == 0 {
            return Err(Diagnostic::error("CONVERT.CASE.NO_SOURCE", "no swing bus of the solution has a voltage")
                .hint("Give the case a swing bus in service.")
                .into());
        }
        Ok(())
    }

    /// A source of `e` behind `z`, per unit, at a bus.
    fn source(&mut self, name: &str, bus: BusId, e: Complex64, z: Complex64, from: Option<&Common>) {
        let kv = self.kv[bus.index()];
        let z_ohm = z * self.z_base(kv);
        let at = self.bus[bus.index()];
        let ends = vec![Terminal::new(at, STRAIGHT.to_vec()), Terminal::new(at, vec![0, 0, 0])];
        let common = self.common("vsource", name, 3, ends, from);
        self.out.add(VoltageSource {
            common,
            base_kv: kv,
            v_pu: e.norm(),
            angle_deg: e.arg().to_degrees(),
            frequency_hz: self.hz,
            z1_ohm: z_ohm,
            z2_ohm: z_ohm,
            z0_ohm: z_ohm,
            ideal: false,
            z_ideal_pu: Complex64::new(1e-6, 1e-3),
            base_mva: self.s_mva,
            scan: SequenceType::Positive,
            sequence: SequenceType::Positive,
            shapes: Shapes::default(),
        });
    }

    // ── branches ─────────────────────────────────────────────────────────────────────────────────

    fn branches(&mut self) {
        for id in self.network.ids(ElementKind::AcBranch) {
            let b = &self.network.ac_branches[id.index()];
            let [from, to] = match b.common.terminals.as_slice() {
                [from, to, ..] => [from.bus, to.bus],
                _ => continue,
            };
            let joined = self.grid.joins.iter().any(|j| j.element == id);
            let in_service = b.in_service && self.all_alive(&b.common);
            let z_pu = if joined { Complex64::new(0.0, JOIN_X_PU) } else { Complex64::new(b.r_pu, b.x_pu) };
            if z_pu == Complex64::ZERO {
                self.dropped("branch", "out of service and without impedance", Some(&b.common.source));
                continue;
            }
            let kv = [self.kv[from.index()], self.kv[to.index()]];
            let name = b.common.name.clone();
            if (kv[0] / kv[1] - 1.0).abs() > 1e-9 {
                if !in_service {
                    self.dropped("branch", "out of service, between buses of different base voltages", Some(&b.common.source));
                    continue;
                }
                let end =
                    |k: usize, bus: BusId| End { bus: self.bus[bus.index()], kv: kv[k], kv_rated: kv[k], ratio: 1.0, nodes: STRAIGHT };
                let ends = [end(0, from), end(1, to)];
                self.two_windings(&name, ends, z_pu, &b.ratings_mva, &b.common);
                for bus in [from, to] {
                    self.shunt(&format!("{name}_charging"), bus, Complex64::new(0.0, b.b_pu / 2.0), true, &b.common);
                }
                self.converted(
                    "branch between buses of different base voltages",
                    "a transformer of their ratio; its charging at the two ends",
                    &b.common.source,
                );
            } else {
                let zb = self.z_base(kv[0]);
                let z = z_pu * zb;
                // A negative charging has no capacitance; it stands at the ends.
                let c_nf = if b.b_pu > 0.0 { b.b_pu / (2.0 * PI * self.hz * zb) * 1e9 } else { 0.0 };
                let ends =
                    vec![Terminal::new(self.bus[from.index()], STRAIGHT.to_vec()), Terminal::new(self.bus[to.index()], STRAIGHT.to_vec())];
                let mut common = self.common("line", &name, 3, ends, Some(&b.common));
                common.enabled = in_service;
                let amps = |mva: f64| mva * 1e3 / (3f64.sqrt() * kv[0]);
                let rating = |k: usize| b.ratings_mva.get(k).copied().filter(|r| *r > 0.0).map(amps);
                common.rating.normal_a = rating(0).unwrap_or(0.0);
                common.rating.emergency_a = rating(1).or(rating(0)).unwrap_or(0.0);
                self.out.add(Line {
                    common,
                    length: 1.0,
                    length_unit: LengthUnit::None,
                    unit_factor: 1.0,
                    impedance: LineImpedance::Sequence { z1_ohm: z, z0_ohm: z, c1_nf: c_nf, c0_nf: c_nf },
                    earth_r_ohm: 0.0,
                    earth_x_ohm: 0.0,
                    rho_ohm_m: 100.0,
                    earth_model: EarthModel::Deri,
                    is_switch: false,
                    line_code: None,
                    line_type: "oh".into(),
                });
                if b.b_pu < 0.0 && in_service {
                    for bus in [from, to] {
                        self.shunt(&format!("{name}_charging"), bus, Complex64::new(0.0, b.b_pu / 2.0), true, &b.common);
                    }
                    self.converted("branch.b_pu below zero", "inductive shunts at its ends", &b.common.source);
                }
                if joined {
                    let formula = format!("a line of j {JOIN_X_PU:e} pu between buses that are one node in the case");
                    self.converted("branch without impedance", &formula, &b.common.source);
                } else {
                    self.converted("branch.r_pu, x_pu, b_pu", "z Zb ohm, b / (w Zb) farad, Zb = kv² / S", &b.common.source);
                }
            }
            for (bus, y, which) in [(from, b.y_from_pu, "from"), (to, b.y_to_pu, "to")] {
                if y != Complex64::ZERO {
                    self.shunt(&format!("{name}_{which}"), bus, y, in_service, &b.common);
                    self.converted("branch.line shunt", "a shunt at its bus", &b.common.source);
                }
            }
            self.defaulted("branch.z0, b0", "as the positive sequence", "a power-flow case has no zero sequence");
            if b.ratings_mva.iter().skip(2).any(|r| *r > 0.0) {
                self.dropped("branch.ratings beyond the second", "a line has a normal and an emergency rating", Some(&b.common.source));
            }
        }
    }

    // ── transformers ─────────────────────────────────────────────────────────────────────────────

    fn transformers(&mut self) -> Result<(), ConversionError> {
        let mut ports: HashMap<ElementId, Vec<&Port>> = HashMap::new();
        for p in self.grid.ports.iter().filter(|p| p.element.kind == ElementKind::PowerTransformer) {
            ports.entry(p.element).or_default().push(p);
        }
        for id in self.network.ids(ElementKind::PowerTransformer) {
            let t = &self.network.power_transformers[id.index()];
            let legs = ports.get(&id).map_or(&[][..], Vec::as_slice);
            if legs.is_empty() || !legs.iter().all(|p| self.port_alive(p, t)) {
                self.dropped("powertransformer", "out of service, or at a bus that is no part of the case", Some(&t.common.source));
                continue;
            }
            for p in legs {
                let Some(leg) = &p.leg else { continue };
                let bus = self.terminal_bus(t, p.terminals[0]);
                if let (Some(bus), true) = (bus, leg.magnetising != Complex64::ZERO) {
                    self.shunt(&format!("{}_magnetising", t.common.name), bus, leg.magnetising, true, &t.common);
                    self.converted("powertransformer.mag1, mag2", "shunts at the bus of winding 1, outside its ratio", &t.common.source);
                }
            }
            self.one_transformer(t, legs);
            self.converted("powertransformer", "kv tap = t kv_bus; z in percent of the system base, on the turns", &t.common.source);
            self.defaulted("powertransformer.zero sequence", "solidly earthed wye windings", "a power-flow case has no zero sequence");
            if t.windings.iter().any(|w| w.control.mode != WindingControlMode::Fixed) {
                self.dropped("powertransformer.control", "taps and shifts stand as solved", Some(&t.common.source));
            }
            if t.windings.iter().any(|w| w.correction != 0) {
                self.converted("powertransformer.correction", "the impedance at the solved tap or shift", &t.common.source);
            }
            if !t.vector_group.trim().is_empty() {
                self.dropped(
                    "powertransformer.vector_group",
                    "the windings are wye; the angle of the case is carried",
                    Some(&t.common.source),
                );
            }
        }
        Ok(())
    }

    fn terminal_bus(&self, t: &PowerTransformer, terminal: Option<u8>) -> Option<BusId> {
        t.common.terminals.get(usize::from(terminal?)).map(|t| t.bus)
    }

    fn port_alive(&self, p: &Port, t: &PowerTransformer) -> bool {
        p.leg.is_some() && p.terminals.iter().all(|k| k.is_none() || self.terminal_bus(t, *k).is_some_and(|b| self.alive(b)))
    }

    /// The series impedance of a leg with its correction, per unit.
    fn leg_z(p: &Port, leg: &Leg) -> Complex64 {
        (p.two_port.y22 * (leg.far_ratio * leg.far_ratio)).inv()
    }

    fn end(&self, t: &PowerTransformer, winding: usize, ratio: f64, nodes: [u32; 3]) -> End {
        let bus = t.common.terminals[winding].bus;
        let kv = self.kv[bus.index()];
        let nominal = t.windings[winding].kv_nominal;
        End { bus: self.bus[bus.index()], kv, kv_rated: if nominal > 0.0 { nominal } else { kv }, ratio, nodes }
    }

    fn one_transformer(&mut self, t: &PowerTransformer, ports: &[&Port]) {
        let legs: Vec<(usize, &Leg, Complex64)> = ports
            .iter()
            .filter_map(|p| {
                let leg = p.leg.as_ref()?;
                Some((usize::from(p.terminals[0]?), leg, Self::leg_z(p, leg)))
            })
            .collect();
        let name = t.common.name.clone();
        if t.windings.len() == 2 {
            let [(w, leg, z)] = legs.as_slice() else { return };
            let ends = [self.end(t, *w, leg.ratio, STRAIGHT), self.end(t, 1 - *w, leg.far_ratio, STRAIGHT)];
            self.leg(&name, ends, leg.angle_rad.to_degrees(), *z, &t.windings[0].ratings_mva, &t.common);
            return;
        }
        let first = legs[0].1.angle_rad.to_degrees();
        let angles: Vec<Option<[u32; 3]>> = legs.iter().map(|(_, leg, _)| turned(leg.angle_rad.to_degrees() - first)).collect();
        if legs.len() >= 2 && angles.iter().all(Option::is_some) {
            // Against each other the windings are only turned; the star point needs no bus.
            let ends: Vec<End> =
                legs.iter().zip(&angles).map(|((w, leg, _), nodes)| self.end(t, *w, leg.ratio, nodes.unwrap_or(STRAIGHT))).collect();
            let z: Vec<Complex64> = legs.iter().map(|l| l.2).collect();
            self.windings(&name, &ends, &z, &t.windings[0].ratings_mva, &t.common);
            return;
        }
        let star = self.own_bus(&format!("{name}_star"), ports_kv(self, t));
        let kv = ports_kv(self, t);
        for (w, leg, z) in &legs {
            let far = End { bus: star, kv, kv_rated: kv, ratio: 1.0, nodes: STRAIGHT };
            let ends = [self.end(t, *w, leg.ratio, STRAIGHT), far];
            let leg_name = format!("{name}_w{}", w + 1);
            self.leg(&leg_name, ends, leg.angle_rad.to_degrees(), *z, &t.windings[*w].ratings_mva, &t.common);
        }
        self.converted(
            "powertransformer of windings at different angles",
            "a bus at its star point and a transformer to each winding",
            &t.common.source,
        );
    }

    /// A bus that the case does not have.
    fn own_bus(&mut self, name: &str, kv: f64) -> BusId {
        let mut free = Names::plain(name);
        while self.out.bus_id(&free).is_some() {
            free.push('_');
        }
        let id = self.out.bus_or_add(&free);
        self.out.buses[id.index()].kv_base_ln = kv / 3f64.sqrt();
        id
    }

    /// One leg: winding 1 leads by `angle_deg`.
    fn leg(&mut self, name: &str, mut ends: [End; 2], angle_deg: f64, z: Complex64, ratings: &[f64], from: &Common) {
        if let Some(nodes) = turned(angle_deg) {
            ends[0].nodes = nodes;
            self.two_windings(name, ends, z, ratings, from);
            return;
        }
        let (sin, cos) = angle_deg.to_radians().sin_cos();
        let middle = self.own_bus(&format!("{name}_shift"), ends[0].kv);
        let kv_ln = ends[0].kv / 3f64.sqrt();
        let kva_phase = self.s_mva * 1e3 / 3.0;
        // Leakages in series on the turned side: shared out by voltage, so that each is the same percentage of its own rating.
        let percent = z / 2.0 / (cos.abs() + sin.abs());
        for phase in 0..3u32 {
            let node = |k: u32| (phase + k) % 3 + 1;
            let inner = if cos.abs() > 1e-12 { node(0) + 3 } else { 0 };
            if cos.abs() > 1e-12 {
                let primary = if cos > 0.0 { [node(0), 0] } else { [0, node(0)] };
                // Where the other part is missing this one stands on the earth.
                let foot = if sin.abs() > 1e-12 { inner } else { 0 };
                let windings = [(ends[0].bus, primary, kv_ln, ends[0].ratio), (middle, [node(0), foot], kv_ln * cos.abs(), 1.0)];
                self.one_phase(&format!("{name}_direct_{}", phase + 1), windings, kva_phase * cos.abs(), percent, from);
            }
            if sin.abs() > 1e-12 {
                let primary = if sin > 0.0 { [node(1), node(2)] } else { [node(2), node(1)] };
                let head = if cos.abs() > 1e-12 { inner } else { node(0) };
                let windings = [(ends[0].bus, primary, ends[0].kv, ends[0].ratio), (middle, [head, 0], kv_ln * sin.abs(), 1.0)];
                self.one_phase(&format!("{name}_quadrature_{}", phase + 1), windings, kva_phase * sin.abs(), percent, from);
            }
        }
        let near = End { bus: middle, kv: ends[0].kv, kv_rated: ends[0].kv, ratio: 1.0, nodes: STRAIGHT };
        self.two_windings(name, [near, ends[1]], z / 2.0, ratings, from);
        self.converted(
            "powertransformer.angle_deg that no turn of phases gives",
            "windings of cos(a) and sin(a) in series at a bus of their own",
            &from.source,
        );
    }

    /// Part of a phase shifter: rated in kV across the windings, `z` per unit of `kva`.
    fn one_phase(&mut self, name: &str, windings: [(BusId, [u32; 2], f64, f64); 2], kva: f64, z: Complex64, from: &Common) {
        let ends = windings.iter().map(|w| Terminal::new(w.0, w.1.to_vec())).collect();
        let mut common = self.common("transformer", name, 1, ends, Some(from));
        (common.rating.normal_a, common.rating.emergency_a) = (1.1 * kva / windings[0].2, 1.5 * kva / windings[0].2);
        let make = |w: &(BusId, [u32; 2], f64, f64)| winding(w.2, kva, w.3, z.re * 50.0);
        self.out.add(transformer(common, windings.iter().map(make).collect(), vec![z.im * 100.0], 0.0));
    }

    fn two_windings(&mut self, name: &str, ends: [End; 2], z: Complex64, ratings: &[f64], from: &Common) {
        self.windings(name, &ends, &[z / 2.0, z / 2.0], ratings, from);
    }

    /// Windings that meet in a star of legs `z`, per unit of the system base.
    fn windings(&mut self, name: &str, ends: &[End], z: &[Complex64], ratings: &[f64], from: &Common) {
        let terminals = ends.iter().map(|e| Terminal::new(e.bus, e.nodes.iter().copied().chain([0]).collect())).collect();
        let mut common = self.common("transformer", name, 3, terminals, Some(from));
        let kva = self.s_mva * 1e3;
        let rated = ratings.iter().map(|r| r * 1e3).find(|r| *r > 0.0);
        let kv_ln = ends[0].kv_rated / 3f64.sqrt();
        let (normal, emergency) = (rated.unwrap_or(1.1 * kva), rated.map_or(1.5 * kva, |r| 1.5 * r));
        (common.rating.normal_a, common.rating.emergency_a) = (normal / 3.0 / kv_ln, emergency / 3.0 / kv_ln);
        let made = ends.iter().zip(z).map(|(e, z)| winding(e.kv_rated, kva, e.ratio * e.kv / e.kv_rated, z.re * 100.0)).collect();
        let mut x_sc_pct = Vec::new();
        for i in 0..ends.len() {
            for j in i + 1..ends.len() {
                x_sc_pct.push((z[i].im + z[j].im) * 100.0);
            }
        }
        let mut t = transformer(common, made, x_sc_pct, 0.0);
        (t.normal_kva, t.emergency_kva) = (normal, emergency);
        self.out.add(t);
    }

    // ── what hangs on buses ──────────────────────────────────────────────────────────────────────

    /// What holds a voltage, as the source that gives `power` (MVA) at `v` from behind `z` on its base.
    #[allow(clippy::too_many_arguments)]
    fn held(&mut self, name: &str, bus: BusId, power: Complex64, v: Complex64, z: Complex64, base_mva: f64, from: &Common) {
        // A base below what it gives is none: behind such an impedance no machine is stable.
        let base = base_mva.max(power.norm()).max(1e-3 * self.s_mva);
        let z = z * (self.s_mva / base);
        let e = v + z * (power / self.s_mva / v).conj();
        self.source(name, bus, e, z, Some(from));
    }

    /// A shunt admittance at a bus, per unit: a bank for its capacitive part, reactors for the rest.
    fn shunt(&mut self, name: &str, bus: BusId, y_pu: Complex64, in_service: bool, from: &Common) {
        let kv = self.kv[bus.index()];
        let at = self.bus[bus.index()];
        let ends = || vec![Terminal::new(at, STRAIGHT.to_vec()), Terminal::new(at, vec![0, 0, 0])];
        if y_pu.im > 0.0 {
            let kvar = y_pu.im * self.s_mva * 1e3;
            let mut common = self.common("capacitor", name, 3, ends(), Some(from));
            common.enabled = in_service;
            let a = kvar / (3f64.sqrt() * kv);
            (common.rating.normal_a, common.rating.emergency_a) = (1.35 * a, 1.8 * a);
            self.out.add(Capacitor {
                common,
                connection: Connection::Wye,
                kv,
                size: CapacitorSize::Kvar(vec![kvar]),
                r_ohm: vec![0.0],
                x_l_ohm: vec![0.0],
                harmonic: vec![0.0],
                steps: vec![true],
                bus2_defined: false,
            });
        }
        for (y, is_b) in [(y_pu.re, false), (y_pu.im.min(0.0), true)] {
            if y == 0.0 {
                continue;
            }
            let ohm = self.z_base(kv) / y.abs();
            let impedance = match is_b {
                true => ReactorImpedance::Rx { r_ohm: 0.0, x_ohm: ohm },
                false => ReactorImpedance::Rx { r_ohm: ohm.copysign(y), x_ohm: 0.0 },
            };
            let name = if is_b { name.to_owned() } else { format!("{name}_g") };
            let mut common = self.common("reactor", &name, 3, ends(), Some(from));
            common.enabled = in_service;
            self.out.add(Reactor {
                common,
                connection: Connection::Wye,
                kv,
                kvar: y.abs() * self.s_mva * 1e3,
                impedance,
                parallel: false,
                r_parallel_ohm: 0.0,
                r_curve: None,
                l_curve: None,
                bus2_defined: false,
            });
        }
    }

    fn loads(&mut self) {
        for id in self.network.ids(ElementKind::PowerLoad) {
            let l = &self.network.power_loads[id.index()];
            let Some(bus) = l.common.terminals.first().map(|t| t.bus) else { continue };
            let in_service = l.in_service && self.all_alive(&l.common);
            let name = l.common.name.clone();
            let parts = [
                ("", Complex64::new(l.p_mw, l.q_mvar), LoadModel::ConstantPq, "load.p_mw, q_mvar"),
                ("_i", Complex64::new(l.p_current_mw, l.q_current_mvar), LoadModel::ConstantI, "load.constant current"),
                ("_z", Complex64::new(l.p_admittance_mw, -l.q_admittance_mvar), LoadModel::ConstantZ, "load.constant admittance"),
            ];
            let none = parts.iter().all(|p| p.1 == Complex64::ZERO);
            for (i, (suffix, power, model, field)) in parts.into_iter().enumerate() {
                if power == Complex64::ZERO && !(none && i == 0) {
                    continue;
                }
                self.load(&format!("{name}{suffix}"), bus, power, model, in_service, &l.common);
                if i == 0 {
                    self.kept(field);
                } else {
                    self.converted(field, "a load of its own that follows its law", &l.common.source);
                }
            }
            let dg = Complex64::new(l.dg_p_mw, l.dg_q_mvar);
            if dg != Complex64::ZERO {
                self.generator(&format!("{name}_dg"), bus, dg, dg.norm(), in_service && l.dg_in_service, Some(&l.common));
                self.converted("load.dg_p_mw, dg_q_mvar", "a generator of its own", &l.common.source);
            }
        }
    }

    fn load(&mut self, name: &str, bus: BusId, power_mva: Complex64, model: LoadModel, in_service: bool, from: &Common) {
        let ends = vec![Terminal::new(self.bus[bus.index()], vec![1, 2, 3, 0])];
        let mut common = self.common("load", name, 3, ends, Some(from));
        common.enabled = in_service;
        let (p_kw, q_kvar) = (power_mva.re * 1e3, power_mva.im * 1e3);
        self.out.add(Load {
            common,
            connection: Connection::Wye,
            kv: self.kv[bus.index()],
            p_kw,
            q_kvar,
            power_factor: power_factor(power_mva),
            q_follows_pf: false,
            model,
            unknown_model: None,
            basis: LoadBasis::Given,
            status: LoadStatus::Variable,
            class: 1,
            n_customers: 1,
            v_min_pu: V_LAW_PU[0],
            v_max_pu: V_LAW_PU[1],
            v_low_pu: V_LAW_PU[0],
            v_min_normal_pu: 0.0,
            v_min_emergency_pu: 0.0,
            cvr_p_exponent: 1.0,
            cvr_q_exponent: 2.0,
            cvr_curve: None,
            zipv: None,
            r_neutral_ohm: -1.0,
            x_neutral_ohm: 0.0,
            shapes: Shapes::default(),
            growth: None,
            mean_pct: 50.0,
            stddev_pct: 10.0,
            series_rl_pct: 50.0,
            relative_weight: 1.0,
            x_harmonic_pu: 0.0,
            xr_harmonic: 6.0,
        });
    }

    fn generator(&mut self, name: &str, bus: BusId, power_mva: Complex64, rating_mva: f64, in_service: bool, from: Option<&Common>) {
        let ends = vec![Terminal::new(self.bus[bus.index()], vec![1, 2, 3, 0])];
        let mut common = self.common("generator", name, 3, ends, from);
        common.enabled = in_service;
        let kv = self.kv[bus.index()];
        let (p_kw, q_kvar) = (power_mva.re * 1e3, power_mva.im * 1e3);
        let kva = if rating_mva > 0.0 { rating_mva * 1e3 } else { power_mva.norm().max(1.0) * 1e3 };
        self.out.add(Generator {
            common,
            connection: Connection::Wye,
            kv,
            base_v: kv / 3f64.sqrt() * 1e3,
            p_kw,
            q_kvar,
            power_factor: power_factor(power_mva),
            kva,
            model: 1,
            v_min_pu: V_LAW_PU[0],
            v_max_pu: V_LAW_PU[1],
            v_target_pu: 1.0,
            q_max_kvar: q_kvar.abs() * 2.0,
            q_min_kvar: -q_kvar.abs() * 2.0,
            pv_factor: 0.1,
            dispatch: DispatchMode::Default,
            dispatch_value: 0.0,
            fixed: false,
            forced_on: false,
            balanced: false,
            class: 1,
            shapes: Shapes::default(),
            duty_start_h: 0.0,
            xd_pu: 1.0,
            xdp_pu: 0.28,
            xdpp_pu: 0.2,
            xr_dp: 20.0,
            h_s: 1.0,
            damping: 1.0,
            fuel: None,
        });
    }

    fn shunts(&mut self) {
        for s in &self.network.fixed_shunts {
            let Some(bus) = s.common.terminals.first().map(|t| t.bus) else { continue };
            let in_service = s.in_service && self.all_alive(&s.common);
            self.shunt(&format!("{}_fixed", s.common.name), bus, Complex64::new(s.g_mw, s.b_mvar) / self.s_mva, in_service, &s.common);
            self.kept("fixedshunt");
        }
        for s in &self.network.switched_shunts {
            let Some(bus) = s.common.terminals.first().map(|t| t.bus) else { continue };
            let in_service = s.in_service && self.all_alive(&s.common);
            let y = Complex64::new(0.0, s.b_mvar / self.s_mva);
            self.shunt(&format!("{}_switched", s.common.name), bus, y, in_service, &s.common);
            self.converted("switchedshunt.b_mvar", "a fixed bank of the solved admittance", &s.common.source);
            if !s.blocks.is_empty() {
                self.dropped("switchedshunt.blocks and control", "the bank stands as solved", Some(&s.common.source));
            }
        }
    }

    /// Everything that the solution tells the power of.
    fn injections(&mut self, solution: &Solution, form: MachineForm) {
        let network = self.network;
        let voltages: HashMap<BusId, Complex64> =
            solution.buses.iter().filter_map(|r| Some((r.id, Complex64::from_polar(r.v_pu?, r.angle_deg?.to_radians())))).collect();
        let holding: std::collections::HashSet<&str> =
            solution.machines.iter().filter(|m| m.state != QState::Fixed).map(|m| m.element.as_str()).collect();
        let given: HashMap<(&str, &str), Complex64> =
            solution.machines.iter().map(|m| ((m.element.as_str(), m.bus.as_str()), Complex64::new(m.p_mw, m.q_mvar))).collect();
        for id in network.ids(ElementKind::Machine) {
            let m = &network.machines[id.index()];
            let Some(bus) = m.common.terminals.first().map(|t| t.bus) else { continue };
            if self.node_type(bus) == Some(NodeType::Swing) && m.in_service && m.common.enabled {
                self.converted("machine at a swing bus", "part of the source there", &m.common.source);
                continue;
            }
            let power = given.get(&(network.full_name(id).as_str(), network.bus(bus).name.as_str())).copied();
            let in_service = m.in_service && self.all_alive(&m.common) && power.is_some();
            let stored = Complex64::new(m.p_mw, m.q_mvar);
            let holds = form == MachineForm::Source && in_service && holding.contains(network.full_name(id).as_str());
            if let (true, Some(power), Some(&v)) = (holds, power, voltages.get(&bus)) {
                let told = m.z_source_pu + m.z_step_up_pu;
                // A reactance of 1 is what files say where they say nothing.
                let is_told = told.is_finite() && told.norm() > 1e-3 && told.norm() < 1.0 && m.z_source_pu != Complex64::new(0.0, 1.0);
                let z = if is_told { told } else { Complex64::new(0.0, X_MACHINE_PU) };
                if !is_told {
                    self.defaulted(
                        "machine.z_source_pu",
                        "j 0.2 pu on its base",
                        "the case does not say it; a usual subtransient reactance",
                    );
                }
                self.held(&m.common.name, bus, power, v, z, m.base_mva, &m.common);
                self.converted("machine that holds a voltage", "a source V + z conj(S / V) behind its impedance z", &m.common.source);
                self.dropped("machine.limits, set point", "its source stands as solved", Some(&m.common.source));
                continue;
            }
            self.generator(&m.common.name, bus, power.unwrap_or(stored), m.base_mva, in_service, Some(&m.common));
            self.converted("machine.p_mw, q_mvar", "a generator of constant power: P and Q as solved", &m.common.source);
            self.dropped("machine.limits, set point, impedance, step-up", "its powers stand as solved", Some(&m.common.source));
        }
        for d in solution.dc.iter() {
            let Some(bus) = self.network.bus_id(&d.bus).or_else(|| bus_named(self.network, &d.bus)) else { continue };
            let from = find(network, &d.element);
            let name = format!("{}_{}", d.element.replace('.', "_"), d.terminal);
            let common = from.map_or_else(|| Common::new("", 3), |id| network.common(id).clone());
            self.load(&name, bus, Complex64::new(d.state.p_mw, d.state.q_mvar), LoadModel::ConstantPq, true, &common);
            self.converted("direct-current link", "a load at each converter: P and Q as solved", &common.source);
        }
        for m in solution.motors.iter() {
            let Some(bus) = self.network.bus_id(&m.bus).or_else(|| bus_named(self.network, &m.bus)) else { continue };
            let common = find(network, &m.element).map_or_else(|| Common::new("", 3), |id| network.common(id).clone());
            let name = m.element.replace('.', "_");
            self.load(&name, bus, Complex64::new(m.p_mw, m.q_mvar), LoadModel::ConstantPq, true, &common);
            self.converted("powermotor", "a load: P and Q as solved", &common.source);
        }
        for (bus, drawn_pu) in &self.grid.frozen {
            let name = format!("powermotor_{}", network.bus(*bus).name);
            self.load(&name, *bus, *drawn_pu * self.s_mva, LoadModel::ConstantPq, true, &Common::new("", 3));
            self.converted("powermotor", "a load: P and Q as solved", &SourceRef::default());
        }
        for id in network.ids(ElementKind::FactsDevice) {
            let d = &network.facts_devices[id.index()];
            let Some(near) = d.common.terminals.first().map(|t| t.bus) else { continue };
            if d.mode == 0 || !d.common.enabled || !self.alive(near) {
                self.dropped("facts", "out of service", Some(&d.common.source));
                continue;
            }
            let holds = form == MachineForm::Source && holding.contains(network.full_name(id).as_str());
            if let Some(&power) = given.get(&(network.full_name(id).as_str(), network.bus(near).name.as_str())) {
                if let (true, Some(&v)) = (holds, voltages.get(&near)) {
                    let z = Complex64::new(0.0, X_MACHINE_PU);
                    self.held(&format!("facts_{}", d.common.name), near, power, v, z, d.shunt_max_mva, &d.common);
                    self.converted(
                        "facts that holds a voltage",
                        "a source V + z conj(S / V) behind z = j 0.2 pu on its rating",
                        &d.common.source,
                    );
                } else {
                    self.generator(&format!("facts_{}", d.common.name), near, power, d.shunt_max_mva, true, Some(&d.common));
                }
            }
            if let Some(far) = d.common.terminals.get(1).map(|t| t.bus).filter(|b| self.alive(*b)) {
                let delivered = Complex64::new(d.p_mw, d.q_mvar);
                self.load(
                    &format!("facts_{}_near", d.common.name),
                    near,
                    Complex64::new(delivered.re, 0.0),
                    LoadModel::ConstantPq,
                    true,
                    &d.common,
                );
                self.load(&format!("facts_{}_far", d.common.name), far, -delivered, LoadModel::ConstantPq, true, &d.common);
            }
            self.converted("facts", "injections at its buses: P and Q as solved", &d.common.source);
        }
    }

    /// What a case says that a three-phase network does not.
    fn left_out(&mut self, case: &TransmissionCase) {
        let groups = [
            ("area", case.areas.len()),
            ("zone", case.zones.len()),
            ("owner", case.owners.len()),
            ("transfer between areas", case.transfers.len()),
            ("multi-section line", case.multi_section_lines.len()),
            ("substation", case.substations.len()),
            ("record kept as text", case.kept.len()),
        ];
        for (what, count) in groups {
            for _ in 0..count {
                self.dropped(what, "a three-phase network has no place for it", None);
            }
        }
        for _ in &self.network.buses {
            self.dropped("bus.area, zone, owner, voltage limits", "a three-phase network has no place for it", None);
        }
    }
}

/// Base voltage of a star point: that of the first winding.
fn ports_kv(c: &Converter<'_>, t: &PowerTransformer) -> f64 {
    t.common.terminals.first().map_or(1.0, |t| c.kv[t.bus.index()])
}

fn bus_named(network: &Network, name: &str) -> Option<BusId> {
    network.buses.iter().position(|b| b.name == name).map(BusId::from)
}

fn find(network: &Network, full_name: &str) -> Option<ElementId> {
    network.find(full_name)
}

fn power_factor(power: Complex64) -> f64 {
    let s = power.norm();
    if s == 0.0 { 1.0 } else { (power.re.abs() / s).copysign(if power.re * power.im < 0.0 { -1.0 } else { 1.0 }) }
}

fn winding(kv: f64, kva: f64, tap_pu: f64, r_pct: f64) -> Winding {
    // As OpenDSS derives it, so that the script need not say it.
    Winding {
        connection: Connection::Wye,
        kv,
        kva,
        tap_pu,
        r_pct,
        r_neutral_ohm: -1.0,
        x_neutral_ohm: 0.0,
        tap_min_pu: tap_pu.min(0.9),
        tap_max_pu: tap_pu.max(1.1),
        n_taps: 32,
        r_dc_ohm: 0.0,
    }
}

fn transformer(common: Common, mut windings: Vec<Winding>, x_sc_pct: Vec<f64>, antifloat_ppm: f64) -> Transformer {
    let n = common.n_phases;
    let kva = windings.first().map_or(0.0, |w| w.kva);
    for w in &mut windings {
        let v = if n == 1 { w.kv } else { w.kv / 3f64.sqrt() } * 1e3;
        w.r_dc_ohm = (0.85 * w.r_pct / 100.0).abs() * v * v / (kva * 1e3);
    }
    let load_loss_pct = windings.iter().map(|w| w.r_pct).sum();
    Transformer {
        common,
        kind: TransformerKind::Ordinary,
        windings,
        x_sc_pct,
        no_load_loss_pct: 0.0,
        load_loss_pct,
        magnetising_pct: 0.0,
        antifloat_ppm,
        lead_lag: LeadLag::Lag,
        normal_kva: 1.1 * kva,
        emergency_kva: 1.5 * kva,
        thermal: TransformerThermal { time_constant_h: 2.0, n: 0.8, m: 0.8, oil_rise_c: 65.0, hot_spot_rise_c: 15.0 },
        is_substation: false,
        substation: String::new(),
        bank: String::new(),
        code: None,
        x_over_r_constant: false,
        core: "shell".into(),
        ratings_kva: vec![1.1 * kva],
    }
}
