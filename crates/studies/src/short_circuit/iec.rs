//! Short-circuit currents by IEC 60909-0:2016: the equivalent voltage source `c Un/√3` at the fault, all other sources replaced by their
//! impedances.
//!
//! With Z1, Z2, Z0 the impedances of the sequences seen from the fault, `E = c Un/√3` (c UrG/√3 at the terminals of a unit's generator) and
//! a = exp(j120°):
//!
//! ```text
//! three-phase         I1 = E/Z1
//! line-line           I1 = -I2 = E/(Z1+Z2)
//! line-line-earth     I1 = E/(Z1 + Z2 Z0/(Z2+Z0)),  I2 = -I1 Z0/(Z2+Z0),  I0 = -I1 Z2/(Z2+Z0)
//! line-earth          I1 = I2 = I0 = E/(Z1+Z2+Z0)
//! ```
//!
//! Converters are positive-sequence current sources J, with a share of `|Z1ij| J` each that is added by size (6.9, 7.1.3 and 8 of the standard): J
//! is given the phase at which it adds most, which keeps Kirchhoff's law in the partial currents. Partial currents are flows in the network whose
//! nodes have the voltages `-Z I` that the fault makes.
//!
//! Peak: `ip = κ √2 Ik''`. (b): κ from R/X of Zk, times 1.15 (no more than 1.8 up to 1 kV, 2.0 above) where the fault is fed through meshes
//! and R/X is 0.3 or more. (c): κ from R/X at 20 Hz (24 Hz), generators with RGf. Where no two sources share a way to the fault, the peaks of
//! the sources are added, each with its own κ, and that sum stands as `ip_ka`; else (c).
//!
//! Breaking, three-phase, sums of phasors: sources that share no way give `|Σ μ q Ik''|`; a fault at the terminals of a unit's generator
//! `|μ IkG'' + the rest|`; meshes, with `ΔU = j K X'' Ik''` at the machines,
//!
//! ```text
//! Ib = | Ik'' - Σ ΔUG/E (1-μ) IkG'' - Σ ΔUM/E (1-μ q) IkM'' |
//! ```
//!
//! A machine with at most twice its rated current does not decay. Faults that are not symmetrical: `Ib = Ik = Ik''`.
//!
//! Steady state: sources that share no way give Ik'' of feeders, λ IrG of generators (see `factors`), nothing of motors; meshes give Ik''
//! without motors.

use super::answer::{BusFaults, DcPart, Fault, FaultKind, Options, Partial, Refused, SideCurrents, Study};
use super::assemble::assemble;
use super::case::{Case, Element};
use super::check::check;
use super::factors;
use super::grid::{Extreme, Grid, Place, Rules, voltage_factor};
use super::nets::{Flows, Nets, PEAK_FREQUENCY, Partials, Sequences, Side, Voltages, flows, sides};
use network::Diagnostic;
use num_complex::Complex64;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::f64::consts::{PI, SQRT_2};

/// Phases a, b, c of sequences.
pub(super) fn phases(i: Sequences) -> [Complex64; 3] {
    let a = Complex64::from_polar(1.0, 2.0 * PI / 3.0);
    let [p, n, z] = i;
    [z + p + n, z + a * a * p + a * n, z + a * p + a * a * n]
}

/// Sequence currents of a fault behind `e`, all per unit.
pub(super) fn sequences(kind: FaultKind, e: f64, z1: Complex64, z2: Complex64, z0: Option<Complex64>) -> Sequences {
    let none = Complex64::default();
    match (kind, z0) {
        (FaultKind::ThreePhase, _) => [e / z1, none, none],
        (FaultKind::LineLine, _) | (FaultKind::LineLineEarth, None) => [e / (z1 + z2), -e / (z1 + z2), none],
        (FaultKind::LineLineEarth, Some(z0)) => {
            let i1 = e / (z1 + z2 * z0 / (z2 + z0));
            [i1, -i1 * z0 / (z2 + z0), -i1 * z2 / (z2 + z0)]
        }
        (FaultKind::LineEarth, Some(z0)) => [e / (z1 + z2 + z0); 3],
        (FaultKind::LineEarth, None) => [none; 3],
    }
}

/// Faults at buses of a case.
///
/// # Errors
/// [`Refused`] with every finding of `check`, when one of them is an error, when a bus that is asked for does not exist, or when impedances
/// resonate.
///
/// # Method and source
/// IEC 60909-0:2016; see the head of this file. Checked by `cases/short-circuit-iec60909-4` and closed forms; the comparison with pandapower is
/// `bench/short_circuit`.
pub fn run(case: &Case, options: &Options) -> Result<Study, Refused> {
    let mut findings = check(case, options.extreme);
    for id in options.buses.iter().filter(|id| case.bus_index(id).is_none()) {
        let d = Diagnostic::error("SHORT.BUS.UNKNOWN", format!("bus \"{id}\" does not exist"));
        findings.push(d.hint("correct the name, or add the bus"));
    }
    for (what, v) in [("t_min_s", options.t_min_s), ("t_k_s", options.t_k_s)] {
        if !(v > 0.0 && v.is_finite()) {
            let d = Diagnostic::error("SHORT.OPTION.BAD_TIME", format!("{what} is {v}"));
            findings.push(d.hint("give a time above zero, in seconds"));
        }
    }
    if findings.iter().any(|d| d.severity == network::Severity::Error) {
        return Err(Refused { findings });
    }
    let motors = options.motors && options.extreme == Extreme::Max;
    let grid = assemble(case, Rules::Iec(options.extreme), motors);
    if let Some(e) = grid.loop_open_at {
        let d = Diagnostic::warning("SHORT.VECTOR_GROUP.LOOP", "the clock numbers of a loop of transformers do not add up to nothing");
        let d = d.element(format!("transformer.{}", case.id_of(e))).detail("The currents are computed as if they did.");
        findings.push(d.hint("correct the vector groups around the loop, or open it"));
    }
    let mut solver = Solver { case, options, grid: &grid, nets: HashMap::new() };
    let mut buses = Vec::new();
    for (index, bus) in case.buses.iter().enumerate() {
        let asked = options.buses.is_empty() || options.buses.iter().any(|id| id.eq_ignore_ascii_case(&bus.id));
        let (Some(node), true) = (grid.node_of[index], asked) else { continue };
        match solver.bus(index, node) {
            Ok(Some(faults)) => buses.push(faults),
            Ok(None) => {
                let d = Diagnostic::warning("SHORT.BUS.NOT_FED", format!("no source is connected with bus \"{}\"", bus.id));
                findings
                    .push(d.element(format!("bus.{}", bus.id)).hint("no current is told for it: connect it, or take it out of service"));
            }
            Err(why) => {
                let d = Diagnostic::error("SHORT.CASE.SINGULAR", "the network cannot be solved").detail(format!("{why}."));
                findings.push(d.hint("look for impedances that cancel, or that differ by more than ten powers of ten"));
                return Err(Refused { findings });
            }
        }
    }
    Ok(Study { extreme: options.extreme, t_min_s: options.t_min_s, t_k_s: options.t_k_s, buses, findings })
}

struct Solver<'a> {
    case: &'a Case,
    options: &'a Options,
    grid: &'a Grid,
    nets: HashMap<Place, Nets>,
}

/// What holds for all kinds of faults at a bus.
struct At {
    node: usize,
    place: Place,
    e: f64,
    base_ka: f64,
    z: (Complex64, Complex64, Option<Complex64>),
    columns: [Option<Vec<Complex64>>; 3],
    kappa_b: f64,
    kappa_c: f64,
    /// Effective κ of the three-phase fault.
    kappa: f64,
    sides: Vec<Side>,
    meshed: bool,
    dc: Vec<(f64, f64)>,
}

impl Solver<'_> {
    fn bus(&mut self, index: usize, node: usize) -> Result<Option<BusFaults>, powerflow::sparse::SparseError> {
        let (case, options, grid) = (self.case, self.options, self.grid);
        let place = grid.place(node);
        let mut times = vec![options.t_min_s];
        times.extend(options.dc_times_s.iter().copied().filter(|&t| t != options.t_min_s && t >= 0.0));
        let f = case.frequency_hz();
        if let Entry::Vacant(entry) = self.nets.entry(place) {
            let mut ratios: Vec<f64> = times.iter().map(|&t| factors::dc_frequency_ratio(f, t)).collect();
            ratios.sort_by(f64::total_cmp);
            ratios.dedup();
            let nets = Nets::new(grid, place, &ratios, options.extreme == Extreme::Max)?;
            entry.insert(nets);
        }
        let nets = &self.nets[&place];
        let Some(c1) = nets.positive.column(node) else { return Ok(None) };
        let c2 = nets.negative.as_ref().map_or_else(|| Some(c1.clone()), |n| n.column(node));
        let (Some(c2), Some(peak)) = (c2, nets.peak.column(node)) else { return Ok(None) };
        let c0 = nets.zero.column(node);
        let c = voltage_factor(case, index, options.extreme);
        let e = match place {
            Place::Terminals(u) => c * case.generators[grid.units[u].generator].ur_kv / grid.kv[node],
            _ => c,
        };
        let z = (c1[node], c2[node], c0.as_ref().map(|c| c[node]));
        let all = sides(grid, node);
        let meshed = all.iter().any(|s| s.sources.len() + usize::from(s.has_converter) > 1);
        let r_x = |z: Complex64, ratio: f64| z.re / z.im * ratio;
        let kv = case.buses[index].kv;
        let plain = r_x(z.0, 1.0);
        let most = if kv <= 1.0 { 1.8 } else { 2.0 };
        let kappa_b = (factors::kappa(plain) * if meshed && plain >= 0.3 { 1.15 } else { 1.0 }).min(most);
        let kappa_c = factors::kappa(r_x(peak[node], PEAK_FREQUENCY));
        let dc = times.iter().map(|&t| {
            let ratio = factors::dc_frequency_ratio(f, t);
            let net = nets.dc.iter().find(|(r, _)| *r == ratio).and_then(|(_, n)| n.column(node));
            (t, net.map_or(plain, |c| r_x(c[node], ratio)))
        });
        let mut at = At {
            node,
            place,
            e,
            base_ka: grid.base_ka(node),
            z,
            dc: dc.collect(),
            columns: [Some(c1), Some(c2), c0],
            kappa_b,
            kappa_c,
            kappa: kappa_c,
            sides: all,
            meshed,
        };
        let side_currents = self.sides(&mut at, &peak);
        let faults = options.faults.iter().map(|&kind| self.fault(&at, kind, &side_currents, kv)).collect();
        let ohm = kv * kv;
        Ok(Some(BusFaults {
            bus: case.buses[index].id.clone(),
            kv,
            c,
            meshed,
            z1_ohm: at.z.0 * ohm,
            z2_ohm: at.z.1 * ohm,
            z0_ohm: at.z.2.map(|z| z * ohm),
            faults,
            sides: side_currents,
        }))
    }

    /// Voltages by the fault alone, converters at rest.
    fn voltages(at: &At, i: Sequences) -> [Option<Vec<Complex64>>; 3] {
        std::array::from_fn(|s| at.columns[s].as_ref().map(|c| c.iter().map(|z| -z * i[s]).collect()))
    }

    /// Initial, breaking and peak currents of each side of a three-phase fault, without converters.
    fn sides(&self, at: &mut At, peak: &[Complex64]) -> Vec<SideCurrents> {
        let grid = self.grid;
        let none = vec![Complex64::default(); grid.converters.len()];
        let i = at.e / at.z.0;
        let u = Self::voltages(at, [i, Complex64::default(), Complex64::default()]);
        let at_fault = flows(grid, at.place, at.node, Partials::AtFault, &Voltages { u: [u[0].clone(), None, None], converters: &none });
        let slow: Vec<Complex64> = peak.iter().map(|z| -z / peak[at.node]).collect();
        let u1 = u[0].as_deref().unwrap_or_default();
        let mut sides = Vec::new();
        for side in at.sides.iter().filter(|s| !s.sources.is_empty()) {
            let through = |flows: &Flows| -> Complex64 { side.elements.iter().filter_map(|k| flows.get(k)).map(|(_, i)| i[0]).sum() };
            let flow = through(&at_fault);
            let decayed = side.sources.iter().fold(flow, |left, &s| {
                let source = &grid.sources[s];
                let p = &source.positive;
                let k = p.k.at(at.place);
                let own = -u1[p.node] / (p.z * k);
                let remains = source.remains(own.norm() * grid.base_ka(p.node), self.options.t_min_s);
                if side.sources.len() == 1 {
                    left * remains
                } else {
                    left - Complex64::new(0.0, p.z.im * k) * own / at.e * (1.0 - remains) * own
                }
            });
            // R/X of the side from its share of the slow network's current.
            let share = self.slow_share(at, side, &slow);
            let z = share.inv();
            let kappa = factors::kappa((z.re / z.im * PEAK_FREQUENCY).max(0.0));
            let ka = at.base_ka;
            sides.push(SideCurrents {
                elements: side.elements.clone(),
                ik_ka: flow.norm() * ka,
                ib_ka: decayed.norm() * ka,
                ib: decayed,
                ip_ka: kappa * SQRT_2 * flow.norm() * ka,
            });
        }
        if !at.meshed && !sides.is_empty() {
            at.kappa = sides.iter().map(|s| s.ip_ka).sum::<f64>() / (SQRT_2 * i.norm() * at.base_ka);
        }
        sides
    }

    /// Current that a side brings at the peak's equivalent frequency for 1 per unit at the fault.
    fn slow_share(&self, at: &At, side: &Side, u: &[Complex64]) -> Complex64 {
        let slow = |z: Complex64| Complex64::new(z.re, z.im * PEAK_FREQUENCY);
        let mut sum = Complex64::default();
        for &(element, terminal) in &side.elements {
            for b in self.grid.branches.iter().filter(|b| b.element == element) {
                let z = slow(super::nets::impedance(b, at.place));
                let i = (u[b.a] / b.ratio - u[b.b]) / z;
                if b.b == at.node && b.terminal_b == Some(terminal) {
                    sum += i;
                } else if b.a == at.node && b.terminal_a == Some(terminal) {
                    sum -= i / b.ratio;
                }
            }
            for s in self.grid.sources.iter().filter(|s| s.positive.element == element && s.positive.node == at.node) {
                sum -= u[at.node] / slow(s.peak * s.positive.k.at(at.place));
            }
        }
        // The voltages are those of a current of 1/Z, so that the sum over the sides is 1/Z of the slow network.
        sum
    }

    fn fault(&self, at: &At, kind: FaultKind, sides: &[SideCurrents], kv: f64) -> Fault {
        let (grid, options) = (self.grid, self.options);
        let columns = at.columns[0].as_deref().unwrap_or_default();
        // Converters: size by kind of fault, phase for the largest sum.
        let converters = grid.converters.iter().map(|c| {
            let data = &self.case.converters[c.element.index];
            let ka = match (options.extreme, kind) {
                (Extreme::Min, _) => data.i_min_ka.unwrap_or(0.0),
                (_, FaultKind::ThreePhase) => data.i_3ph_ka,
                (_, FaultKind::LineLine) => data.i_2ph_ka.unwrap_or(data.i_3ph_ka),
                _ => data.i_1ph_ka.unwrap_or(data.i_3ph_ka),
            };
            let z = columns[c.node];
            let reaches = at.z.0.norm() > 0.0 && z.norm() > 0.0;
            if reaches { Complex64::from_polar(ka / grid.base_ka(c.node), -z.arg()) } else { Complex64::default() }
        });
        let converters: Vec<Complex64> = converters.collect();
        let raised: f64 = grid.converters.iter().zip(&converters).map(|(c, i)| (columns[c.node] * i).norm()).sum();
        let (z1, z2, z0) = at.z;
        let i = sequences(kind, at.e + raised, z1, z2, z0);
        let ka = |i: Sequences| i.map(|x| x * at.base_ka);
        let sizes = |i: Sequences| phases(i).map(Complex64::norm);
        let phases_ka = sizes(ka(i));
        let ik = phases_ka.into_iter().fold(0.0, f64::max);
        let machines = ik * at.e / (at.e + raised);
        let of_converters = ik - machines;
        let peak = |kappa: f64| SQRT_2 * (kappa * machines + of_converters);
        let symmetrical = kind == FaultKind::ThreePhase;
        let ib = if symmetrical { self.breaking(at, sides) + of_converters } else { ik };
        let steady = if symmetrical { self.steady(at, machines).map(|i| i + of_converters) } else { Some(ik) };
        let f = self.case.frequency_hz();
        let dc: Vec<DcPart> = at.dc.iter().map(|&(t_s, r_x)| DcPart { t_s, dc_ka: factors::dc(machines, r_x, f, t_s), r_x }).collect();
        let m = factors::m(at.kappa, f, options.t_k_s);
        let n = options.n.unwrap_or_else(|| factors::n(steady.map_or(1.0, |s| ik / s), options.t_k_s));
        Fault {
            kind,
            ik_ka: ik,
            earth_ka: 3.0 * i[2].norm() * at.base_ka,
            sk_mva: 3f64.sqrt() * kv * ik,
            of_converters_ka: of_converters,
            kappa_b: at.kappa_b,
            kappa_c: at.kappa_c,
            ip_b_ka: peak(at.kappa_b),
            ip_c_ka: peak(at.kappa_c),
            ip_ka: peak(at.kappa),
            ib_ka: ib,
            ib_asymmetrical_ka: ib.hypot(dc[0].dc_ka),
            dc,
            ik_steady_ka: steady,
            m,
            n,
            ith_ka: ik * (m + n).sqrt(),
            sequence_ka: ka(i),
            phases_ka,
            partials: self.partials(at, i, &converters),
        }
    }

    fn partials(&self, at: &At, i: Sequences, converters: &[Complex64]) -> Vec<Partial> {
        let (grid, which) = (self.grid, self.options.partials);
        if which == Partials::None {
            return Vec::new();
        }
        let mut u = Self::voltages(at, i);
        let injected: Vec<(usize, Complex64)> =
            grid.converters.iter().zip(converters).map(|(c, &i)| (c.node, i)).filter(|(_, i)| i.norm() > 0.0).collect();
        if !injected.is_empty()
            && let (Some(u), Some(raised)) = (&mut u[0], self.nets[&at.place].positive.solve(&injected))
        {
            u.iter_mut().zip(raised).for_each(|(u, r)| *u += r);
        }
        let turn = |hours: i32| Complex64::from_polar(1.0, -f64::from(hours) * PI / 6.0);
        let one = |((element, terminal), (node, i)): ((Element, u8), (usize, Sequences))| {
            let hours = (grid.clock[node] - grid.clock[at.node]).rem_euclid(12);
            let ka = grid.base_ka(node);
            let i = [i[0] * turn(hours) * ka, i[1] * turn(-hours) * ka, i[2] * ka];
            let phases_ka = phases(i).map(Complex64::norm);
            let id = self.case.id_of(element).to_owned();
            Partial { element, id, terminal, at_fault: node == at.node, sequence_ka: i, phases_ka }
        };
        flows(grid, at.place, at.node, which, &Voltages { u, converters }).into_iter().map(one).collect()
    }

    /// Symmetrical breaking current of a three-phase fault, without converters, kA.
    fn breaking(&self, at: &At, sides: &[SideCurrents]) -> f64 {
        if !at.meshed {
            return sides.iter().map(|s| s.ib).sum::<Complex64>().norm() * at.base_ka;
        }
        let own = match at.place {
            Place::Terminals(u) => Some(self.grid.units[u].generator),
            _ => None,
        };
        self.meshed_breaking(at, own)
    }

    /// The complex formula over all machines; that at whose terminals the fault is decays by μ alone.
    fn meshed_breaking(&self, at: &At, at_terminals: Option<usize>) -> f64 {
        let grid = self.grid;
        let i = at.e / at.z.0;
        let columns = at.columns[0].as_deref().unwrap_or_default();
        let mut left = i;
        for s in &grid.sources {
            let p = &s.positive;
            let k = p.k.at(at.place);
            let own = columns[p.node] * i / (p.z * k);
            let is_there = p.element.kind == super::case::Kind::Generator && Some(p.element.index) == at_terminals;
            let drop = if is_there { Complex64::new(1.0, 0.0) } else { Complex64::new(0.0, p.z.im * k) * own / at.e };
            let remains = s.remains(own.norm() * grid.base_ka(p.node), self.options.t_min_s);
            left -= drop * (1.0 - remains) * own;
        }
        left.norm() * at.base_ka
    }

    /// Steady-state current of a three-phase fault, without converters, kA.
    fn steady(&self, at: &At, machines_ka: f64) -> Option<f64> {
        let grid = self.grid;
        if at.meshed {
            let Some(net) = &self.nets[&at.place].steady else { return Some(machines_ka) };
            return Some(net.column(at.node).map_or(0.0, |c| at.e / c[at.node].norm() * at.base_ka));
        }
        let columns = at.columns[0].as_deref().unwrap_or_default();
        let i = at.e / at.z.0;
        let none = vec![Complex64::default(); grid.converters.len()];
        let u = Some(columns.iter().map(|z| -z * i).collect::<Vec<_>>());
        let at_fault = flows(grid, at.place, at.node, Partials::AtFault, &Voltages { u: [u, None, None], converters: &none });
        let mut sum = Complex64::default();
        for side in &at.sides {
            let Some(&s) = side.sources.first() else { continue };
            let source = &grid.sources[s];
            let flow: Complex64 = side.elements.iter().filter_map(|k| at_fault.get(k)).map(|(_, i)| i[0]).sum();
            let p = &source.positive;
            // What remains of the side's initial current.
            let part = match (p.element.kind, source.rated_ka) {
                (super::case::Kind::Motor, _) => 0.0,
                (super::case::Kind::Generator, Some(rated)) => {
                    let g = &self.case.generators[p.element.index];
                    let own = (columns[p.node] * i / (p.z * p.k.at(at.place))).norm() * grid.base_ka(p.node);
                    let sin = (1.0 - g.cos_phi * g.cos_phi).max(0.0).sqrt();
                    let usual = if g.kind == super::case::MachineKind::SalientPole { 1.6 } else { 1.3 };
                    match (g.xd_sat_pu, self.options.extreme) {
                        (Some(xd), extreme) => {
                            let ratio = own / rated;
                            let (most, least) = factors::lambda(ratio, g.xdpp_pu, xd, sin, g.excitation_ceiling.unwrap_or(usual));
                            if extreme == Extreme::Max { most / ratio } else { least / ratio }
                        }
                        (None, Extreme::Max) => 1.0,
                        (None, Extreme::Min) => return None,
                    }
                }
                _ => 1.0,
            };
            sum += flow * part;
        }
        Some(sum.norm() * at.base_ka)
    }
}
