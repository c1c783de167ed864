//! From a case and its dynamic data to machines at rest.
//!
//! 1. The power flow is solved with controls locked, as a solved case is stored: voltages of buses with machines are held, taps and banks stay.
//! 2. Records are paired with machines and checked.
//! 3. Loads become admittances or drawn currents at the voltages found.
//! 4. What a node still lacks is given by its machines, in the shares that the power flow tells; what a node without a machine lacks (a converter, a
//!    controller, a motor, the tolerance of the power flow) becomes an admittance, so that the start is at rest to the last digits.

use super::check::{Paired, pair};
use super::event::Topology;
use super::grid::Site;
use super::load::{Drawn, LoadModel, Parts};
use super::unit::{Parts as UnitParts, Unit};
use super::{Options, WithoutRecord};
use network::dynamics::Dynamics;
use network::{BusId, Diagnostic, ElementKind, Network, Severity};
use num_complex::Complex64;
use powerflow::newton::{self, Case, Controls, Outcome, Start};
use std::collections::{HashMap, HashSet};

/// Mismatch that counts as the tolerance of the power flow, per unit on the system base.
const MISMATCH_PU: f64 = 1e-6;

/// A case with its machines at rest, ready for any number of runs.
#[derive(Debug)]
pub struct Study {
    pub(super) network: Network,
    pub(super) options: Options,
    pub(super) site: Site,
    pub(super) frequency_hz: f64,
    /// Voltage of every bus at the start, per unit; none where there is none.
    pub(super) v_start: Vec<Option<Complex64>>,
    /// Admittances that stand for loads and other devices.
    pub(super) shunts: Vec<(BusId, Complex64)>,
    pub(super) drawn: Vec<(BusId, Drawn)>,
    pub(super) units: Vec<(Unit, Vec<f64>)>,
    /// What is worth knowing; errors would have refused the study.
    pub findings: Vec<Diagnostic>,
}

impl Study {
    /// How it is made.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Machines in the order of the tables.
    pub fn machines(&self) -> impl Iterator<Item = &str> {
        self.units.iter().map(|(u, _)| u.name.as_str())
    }

    pub(super) fn threshold(&self, bus: BusId) -> f64 {
        // A bus that starts below the threshold draws at the start what the power flow says.
        let start = self.v_start[bus.index()].map_or(1.0, Complex64::norm);
        self.options.load_threshold_pu.min(start)
    }
}

fn finite_positive(x: f64) -> bool {
    x > 0.0 && x.is_finite()
}

fn check_options(o: &Options) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for (name, value) in
        [("step", o.step_s), ("duration", o.duration_s), ("time between samples", o.sample_s), ("angle limit", o.angle_limit_deg)]
    {
        if !finite_positive(value) {
            wrong.push(format!("The {name} is {value}, not a positive number."));
        }
    }
    if o.step_s > 0.05 {
        wrong.push(format!("A step of {} s is too long for the swings of machines.", o.step_s));
    }
    if o.duration_s / o.step_s > 1e8 {
        wrong.push("There are more than 1e8 steps.".to_owned());
    }
    if !(o.load_threshold_pu > 0.0 && o.load_threshold_pu <= 1.0) {
        wrong.push(format!("The voltage threshold of loads is {}, not between 0 and 1.", o.load_threshold_pu));
    }
    if let LoadModel::Zip { p, q } = o.loads
        && [p, q].iter().any(|s| s.iter().any(|x| !x.is_finite()) || (s.iter().sum::<f64>() - 1.0).abs() > 1e-9)
    {
        wrong.push("The shares of a load model do not add up to 1.".to_owned());
    }
    wrong
        .into_iter()
        .map(|w| Diagnostic::error("STABILITY.OPTION.RANGE", "an option is out of its range").detail(w).hint("Correct it."))
        .collect()
}

/// Solves the power flow, checks the dynamic data, and starts every machine at rest.
///
/// # Inputs
/// * `network` - a transmission case, voltages as stored in it or to be found;
/// * `dynamics` - records of its machines and controls;
/// * `options` - step and length, s; model of loads.
///
/// # Errors
/// All findings at once, codes `STABILITY.*`, and those of the power flow if that is not solved.
///
/// # Method and source
/// Start as in Kundur, *Power System Stability and Control* (1994), section 13.3.4. Checked by `crates/studies/tests/stability_rest.rs`.
pub fn prepare(network: &Network, dynamics: &Dynamics, options: &Options) -> Result<Study, Vec<Diagnostic>> {
    let mut found = check_options(options);
    let mut case = Case::compile(network).map_err(|e| [found.clone(), vec![e.diagnostic()]].concat())?;
    let mut solved = None;
    let mut failures = Vec::new();
    for start in [Start::Stored, Start::Flat] {
        let how =
            newton::Options { controls: Controls::Locked, start, tolerance_pu: 1e-11, seek_solvable: false, ..newton::Options::default() };
        match case.solve(&how) {
            Outcome::Solved(solution) => {
                solved = Some(solution);
                break;
            }
            Outcome::Unsolved(unsolved) => failures = unsolved.diagnostics,
        }
    }
    let Some(solution) = solved else {
        let finding = Diagnostic::error("STABILITY.POWERFLOW.UNSOLVED", "the power flow that machines start from is not solved");
        found.push(finding.hint("Solve the case first; the findings below say where it fails."));
        found.extend(failures);
        return Err(found);
    };
    let v_start = case.voltages();
    let alive: Vec<bool> = v_start.iter().map(Option::is_some).collect();
    let (pairs, findings) = pair(network, dynamics, &alive, options.without_record == WithoutRecord::Refuse);
    found.extend(findings);
    if found.iter().any(|f| f.severity == Severity::Error) {
        return Err(found);
    }

    let site = Site::new(network, &alive);
    let s_base = site.s_base;
    let given = network.transmission.as_ref().map_or(0.0, |t| t.frequency_hz);
    let frequency_hz = if finite_positive(given) {
        given
    } else {
        found.push(
            Diagnostic::warning("STABILITY.NETWORK.FREQUENCY", "the case tells no frequency; 60 Hz is taken")
                .hint("Write it in the head of the case."),
        );
        60.0
    };
    let mut study = Study {
        network: network.clone(),
        options: *options,
        site,
        frequency_hz,
        v_start,
        shunts: Vec::new(),
        drawn: Vec::new(),
        units: Vec::new(),
        findings: Vec::new(),
    };
    study.add_loads();
    let powers: HashMap<&str, Complex64> =
        solution.machines.iter().map(|m| (m.element.as_str(), Complex64::new(m.p_mw, m.q_mvar) / s_base)).collect();
    study.start_machines(dynamics, &pairs, &powers, &mut found);
    if found.iter().any(|f| f.severity == Severity::Error) {
        return Err(found);
    }
    study.findings = found;
    Ok(study)
}

impl Study {
    fn add_loads(&mut self) {
        let s = self.site.s_base;
        let mut at: HashMap<BusId, Parts> = HashMap::new();
        for id in self.network.ids(ElementKind::PowerLoad) {
            let l = &self.network.power_loads[id.index()];
            let Some(bus) = l.common.terminals.first().map(|t| t.bus) else { continue };
            let Some(m) = self.v_start[bus.index()].map(Complex64::norm).filter(|_| l.in_service && l.common.enabled) else { continue };
            let mut power = Complex64::new(l.p_mw, l.q_mvar);
            if l.dg_in_service {
                power -= Complex64::new(l.dg_p_mw, l.dg_q_mvar);
            }
            let current = Complex64::new(l.p_current_mw, l.q_current_mvar) * m;
            let admittance = Complex64::new(l.p_admittance_mw, -l.q_admittance_mvar) * (m * m);
            let parts = at.entry(bus).or_default();
            parts.power += power / s;
            parts.current += current / s;
            parts.admittance += admittance / s;
        }
        let mut buses: Vec<BusId> = at.keys().copied().collect();
        buses.sort_by_key(|b| b.index());
        for bus in buses {
            self.draw(bus, at[&bus]);
        }
    }

    /// What a bus draws at the start, as the options model it.
    fn draw(&mut self, bus: BusId, stored: Parts) {
        let (shunt, drawn) = self.model(bus, stored);
        self.shunts.push((bus, shunt));
        self.drawn.extend(drawn.map(|d| (bus, d)));
    }

    pub(super) fn model(&self, bus: BusId, stored: Parts) -> (Complex64, Option<Drawn>) {
        let m = self.v_start[bus.index()].map_or(1.0, Complex64::norm);
        let parts = self.options.loads.split(stored);
        let shunt = parts.admittance.conj() / (m * m);
        let drawn = Drawn { current: parts.current / m, power: parts.power, m_b: self.threshold(bus) };
        (shunt, (drawn.current != Complex64::ZERO || drawn.power != Complex64::ZERO).then_some(drawn))
    }

    fn start_machines(&mut self, dynamics: &Dynamics, pairs: &[Paired], powers: &HashMap<&str, Complex64>, found: &mut Vec<Diagnostic>) {
        let bus_of = |p: &Paired| self.network.machines[p.element.index()].common.terminals[0].bus;
        let sources: Vec<BusId> = pairs.iter().map(bus_of).collect();
        let grid = match self.site.grid(&Topology::default(), &self.shunts, &sources) {
            Ok(grid) => grid,
            Err(finding) => return found.push(finding),
        };
        let mut v = vec![Complex64::ZERO; grid.n()];
        let mut bus_at: Vec<Option<BusId>> = vec![None; grid.n()];
        for (bus, node) in grid.node_of_bus.iter().enumerate() {
            if let (Some(node), Some(at)) = (node, self.v_start[bus]) {
                v[*node as usize] = at;
                bus_at[*node as usize].get_or_insert(BusId::from(bus));
            }
        }
        fill_star_points(&grid, &mut v);
        let mut lack = vec![Complex64::ZERO; grid.n()];
        grid.currents(&v, &mut lack);
        for (bus, load) in &self.drawn {
            if let Some(node) = grid.node_of_bus[bus.index()] {
                lack[node as usize] += load.at(v[node as usize]).0;
            }
        }
        // What machines with records give, as the power flow tells; the rest of a node is small or a device's.
        let mut machines_at: HashMap<u32, Vec<(usize, Complex64)>> = HashMap::new();
        for (k, p) in pairs.iter().enumerate().filter(|(_, p)| p.machine.is_some()) {
            let Some(node) = grid.node_of_bus[bus_of(p).index()] else { continue };
            let power = powers.get(self.network.full_name(p.element).as_str()).copied().unwrap_or_default();
            machines_at.entry(node).or_default().push((k, (power / v[node as usize]).conj()));
        }
        let devices = self.device_buses(pairs);
        let device_nodes: HashSet<u32> = devices.iter().filter_map(|b| grid.node_of_bus[b.index()]).collect();
        let mut currents: Vec<Option<Complex64>> = vec![None; pairs.len()];
        for node in 0..grid.n() {
            let here = machines_at.get(&(node as u32)).map_or(&[][..], Vec::as_slice);
            let rest = lack[node] - here.iter().map(|h| h.1).sum::<Complex64>();
            let Some(bus) = bus_at[node] else { continue };
            let device = device_nodes.contains(&(node as u32));
            if rest.norm() > MISMATCH_PU && !device {
                found.push(
                    Diagnostic::error(
                        "STABILITY.POWERFLOW.MISMATCH",
                        format!("the power flow does not balance at bus {}", self.network.bus(bus).name),
                    )
                    .detail(format!("{:.6} per unit of current is unaccounted for.", rest.norm()))
                    .hint("Solve the case first."),
                );
                continue;
            }
            if device || here.is_empty() {
                if rest != Complex64::ZERO && v[node] != Complex64::ZERO {
                    self.shunts.push((bus, -rest / v[node]));
                }
                here.iter().for_each(|&(k, i)| currents[k] = Some(i));
            } else {
                let share = rest / here.len() as f64;
                here.iter().for_each(|&(k, i)| currents[k] = Some(i + share));
            }
        }
        for bus in devices.into_iter().filter(|b| grid.node_of_bus[b.index()].is_some()) {
            let name = &self.network.bus(bus).name;
            found.push(
                Diagnostic::warning(
                    "STABILITY.DEVICE.ADMITTANCE",
                    format!(
                        "what converters, controllers, motors or machines without a record give at bus {name} is a constant admittance"
                    ),
                )
                .detail("Their own behaviour after a disturbance is not modelled."),
            );
        }
        let omega_0 = std::f64::consts::TAU * self.frequency_hz;
        for (p, current) in pairs.iter().zip(currents) {
            let (Some(k), Some(i)) = (p.machine, current) else { continue };
            let m = &self.network.machines[p.element.index()];
            let bus = m.common.terminals[0].bus;
            let Some(at) = self.v_start[bus.index()] else { continue };
            let parts = UnitParts {
                element: p.element,
                name: self.network.full_name(p.element),
                bus,
                base_mva: m.base_mva,
                z_source_pu: m.z_source_pu,
                machine: &dynamics.machines[k].model,
                exciter: p.exciter.map(|k| &dynamics.exciters[k].model),
                governor: p.governor.map(|k| &dynamics.governors[k].model),
            };
            match Unit::start(parts, self.site.s_base, omega_0, at, i) {
                Ok(unit) => self.units.push(unit),
                Err(limits) => found.extend(limits.into_iter().map(|l| {
                    Diagnostic::error("STABILITY.LIMIT.AT_START", format!("the power flow asks for a {} beyond its limits", l.quantity))
                        .element(self.network.full_name(p.element))
                        .at(&m.common.source)
                        .detail(format!("It would be {:.5} per unit; the limits are {} and {}.", l.value, l.low, l.high))
                        .hint("Correct the limits or the base of the machine, or what the power flow has it give.")
                })),
            }
        }
    }

    /// Buses at which something besides loads and machines with records gives or draws power.
    fn device_buses(&self, pairs: &[Paired]) -> Vec<BusId> {
        let n = &self.network;
        let kinds = [
            ElementKind::TwoTerminalDc,
            ElementKind::MultiTerminalDc,
            ElementKind::VscDc,
            ElementKind::FactsDevice,
            ElementKind::PowerMotor,
        ];
        let devices = kinds.into_iter().flat_map(|kind| n.ids(kind)).filter(|id| n.common(*id).enabled);
        let without = pairs.iter().filter(|p| p.machine.is_none()).map(|p| p.element);
        let mut buses: Vec<BusId> = devices.chain(without).flat_map(|id| n.common(id).terminals.iter().map(|t| t.bus)).collect();
        buses.sort_by_key(|b| b.index());
        buses.dedup();
        buses
    }
}

/// Voltages of nodes that are no bus: nothing is injected there.
fn fill_star_points(grid: &super::grid::Grid, v: &mut [Complex64]) {
    let mut is_bus = vec![false; grid.n()];
    grid.node_of_bus.iter().flatten().for_each(|&node| is_bus[node as usize] = true);
    let pattern = grid.pattern();
    for node in (0..grid.n()).filter(|&i| !is_bus[i]) {
        let slots = pattern.row_slots(node as u32).unwrap_or(0..0);
        let (mut sum, mut own) = (Complex64::ZERO, Complex64::ZERO);
        for (&column, slot) in pattern.row(node as u32).iter().zip(slots) {
            if column as usize == node { own = grid.y[slot] } else { sum += grid.y[slot] * v[column as usize] }
        }
        if own != Complex64::ZERO {
            v[node] = -sum / own;
        }
    }
}
