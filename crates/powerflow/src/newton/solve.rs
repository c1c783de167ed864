//! From a compiled case to an outcome: what is held, the start, limits and controls, and the tables.

use super::control::{self, Regulation, Rounds};
use super::grid::{CaseError, DeviceState, Grid, Holder, NO_NODE, NodeType, Unit, element_error};
use super::iterate::{Effort, Newton, Point, Stop};
use super::results::*;
use crate::certificate::LimitHit;
use network::{BusId, Diagnostic, ElementId, ElementKind, Network};
use num_complex::Complex64;
use std::collections::HashMap;

/// What regulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Controls {
    /// As stored: the stored magnitude is held at buses with machines that hold a voltage, whatever their reactive power; ratios, shifts and banks
    /// stay. This is how the solution in a file is reproduced.
    #[default]
    Locked,
    /// Machines hold their set points, at their own or another bus, within their reactive limits; ratios, shifts, banks and converter taps move.
    Active,
}

/// Voltages that the iteration starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Start {
    /// Magnitude 1 where it is not held, the angle of the swing bus everywhere.
    #[default]
    Flat,
    /// As flat, with the angles of the linear power flow.
    Dc,
    /// The voltages of the network with its loads as admittances and nothing injected, but those that are held: for feeders, whose ratios, shifts and
    /// short branches a flat start contradicts.
    Linear,
    /// The voltages stored in the case.
    Stored,
}

/// How a case is solved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    pub controls: Controls,
    pub start: Start,
    /// Largest mismatch of a balance, per unit on the system base.
    pub tolerance_pu: f64,
    /// Iterations of one power flow.
    pub max_iterations: u32,
    /// Rounds of limits and controls.
    pub max_control_rounds: u32,
    /// After a failure, look for the largest share of all powers that solves.
    pub seek_solvable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            controls: Controls::Locked,
            start: Start::Flat,
            tolerance_pu: 1e-8,
            max_iterations: 30,
            max_control_rounds: 60,
            seek_solvable: true,
        }
    }
}

/// Solves the power flow of a transmission case.
///
/// Finds voltage magnitudes and angles of all buses at which the powers of branches, loads, shunts, machines and direct-current links balance.
///
/// # Errors
/// `CaseError` when the case cannot be set up: no transmission case, no swing bus, data of an element that give no admittance. A power flow that
/// does not converge is no error but `Outcome::Unsolved`.
///
/// # Method and source
/// Newton-Raphson in polar coordinates (Tinney and Hart, 1967), as `docs/methods/newton.md` tells. Checked by `crates/powerflow/tests/newton.rs` (closed
/// forms, published cases) and `crates/gridtwin/tests/transmission.rs` (solutions stored by other programs).
pub fn solve(network: &Network, options: &Options) -> Result<Outcome, CaseError> {
    Ok(Case::compile(network)?.solve(options))
}

/// Mismatch of the stored voltages, without solving anything: how well a case fits its own solution.
///
/// Buses joined without impedance count together; swing buses, and reactive power where a machine holds a voltage, are left out.
///
/// # Errors
/// As [`solve`]; also a direct-current link or motor that has no operating point at the stored voltages.
pub fn stored_mismatch(network: &Network) -> Result<StoredMismatch, CaseError> {
    let mut case = Case::compile(network)?;
    case.hold(Controls::Locked);
    let point = Point::new(&case.grid.v_stored.clone());
    if let Err(stop) = case.newton.mismatch_at(network, &case.grid, &point) {
        return Err(match stop {
            Stop::Device { device, reason } => element_error(network, case.grid.devices[device].element, reason),
            _ => CaseError::Element {
                element: "case".into(),
                place: Default::default(),
                reason: "the stored voltages are no finite numbers".into(),
            },
        });
    }
    let mut found = StoredMismatch { p_mw: 0.0, p_bus: String::new(), q_mvar: 0.0, q_bus: String::new() };
    for (i, (m, ask)) in case.newton.mismatch.iter().zip(&case.newton.asked).enumerate() {
        let (p, q) = ((ask[0] * m.re * case.grid.s_base).abs(), (ask[1] * m.im * case.grid.s_base).abs());
        if p > found.p_mw {
            (found.p_mw, found.p_bus) = (p, case.grid.node_name(network, i));
        }
        if q > found.q_mvar {
            (found.q_mvar, found.q_bus) = (q, case.grid.node_name(network, i));
        }
    }
    Ok(found)
}

/// A case ready for any number of solutions: numbering, admittances, ordering and analysis are made once.
pub struct Case<'n> {
    pub(super) network: &'n Network,
    pub(super) grid: Grid,
    pub(super) newton: Newton,
    pub(super) point: Point,
    /// Injections without the reactive power of what holds a voltage.
    pub(super) base: Vec<Complex64>,
    /// Two-ports, banks and laws have moved since compilation.
    pub(super) moved: bool,
    pristine: Option<Box<Grid>>,
}

/// The equations of a case that is admittances and constant powers alone, per unit.
#[derive(Clone, Debug)]
pub struct Equations {
    pub s_base_mva: f64,
    /// Row, column, value.
    pub admittance: Vec<(u32, u32, Complex64)>,
    /// Injected at each node, without what swing and generator nodes give to hold their voltage.
    pub power: Vec<Complex64>,
    /// The flat start.
    pub start: Vec<Complex64>,
    pub held: Vec<BusState>,
}

/// A converged point, before tables are made of it.
pub(super) struct Settled {
    pub effort: Effort,
    pub rounds: u32,
    pub regulation: Option<Regulation>,
}

/// A mismatch with the digits that tell it.
fn megas(x: f64) -> String {
    if x == 0.0 || x.abs() >= 1e-3 { format!("{x:.3}") } else { format!("{x:.1e}") }
}

pub(super) struct Failure {
    pub stop: Stop,
    pub effort: Effort,
    pub rounds: u32,
    /// Controls that still moved when their rounds were used up.
    pub unsettled: Vec<String>,
}

impl<'n> Case<'n> {
    /// Sets a case up.
    ///
    /// # Errors
    /// As [`solve`].
    pub fn compile(network: &'n Network) -> Result<Self, CaseError> {
        let grid = Grid::compile(network)?;
        let newton = Newton::new(&grid)?;
        let point = Point::new(&grid.v_stored);
        let n = grid.n();
        Ok(Self { network, grid, newton, point, base: vec![Complex64::ZERO; n], moved: false, pristine: None })
    }

    /// Electrical nodes, with star points of transformers.
    pub fn n_nodes(&self) -> usize {
        self.grid.n()
    }

    /// Entries of the admittance matrix, and blocks of the factor.
    pub fn sizes(&self) -> (usize, usize) {
        (self.newton.entries(), self.newton.factor_blocks())
    }

    /// The complex voltage of each bus after a solution, per unit; none for buses without a node.
    pub fn voltages(&self) -> Vec<Option<Complex64>> {
        let at = |&node: &u32| {
            (node != NO_NODE && self.grid.node_type[node as usize] != NodeType::Dead).then(|| self.point.phasor[node as usize])
        };
        self.grid.node_of_bus.iter().map(at).collect()
    }

    /// Solves and tells the iterations alone: none when it did not converge. What timing needs.
    pub fn iterate(&mut self, options: &Options) -> Option<u32> {
        self.run(options).ok().map(|s| s.effort.iterations)
    }

    /// The equations of the locked case and its flat start, for programs that take them as they are. `None` where loads of constant current or devices
    /// with laws of their own make them more than admittances and constant powers.
    pub fn equations(&mut self) -> Option<Equations> {
        if !self.grid.devices.is_empty() || self.grid.current.iter().any(|c| *c != Complex64::ZERO) || self.grid.dead_islands > 0 {
            return None;
        }
        self.hold(Controls::Locked);
        self.set_start(Start::Flat, None).ok()?;
        let held = self.newton.asked.iter().map(|a| match a {
            [0.0, _] => BusState::Swing,
            [_, 0.0] => BusState::Generator,
            _ => BusState::Load,
        });
        Some(Equations {
            s_base_mva: self.grid.s_base,
            admittance: self.newton.admittance(),
            power: self.newton.spec.clone(),
            start: self.point.phasor.clone(),
            held: held.collect(),
        })
    }

    /// The complex voltages of all nodes after a solution, per unit.
    pub fn node_voltages(&self) -> &[Complex64] {
        &self.point.phasor
    }

    /// Solves and makes the tables.
    pub fn solve(&mut self, options: &Options) -> Outcome {
        match self.run(options) {
            Ok(settled) => match self.solution(&settled, options) {
                Ok(solution) => Outcome::Solved(Box::new(solution)),
                Err(diagnostic) => Outcome::Unsolved(Box::new(Unsolved {
                    diagnostics: vec![*diagnostic],
                    iterations: settled.effort.iterations,
                    control_rounds: settled.rounds,
                    worst: self.worst(),
                    solvable_factor: None,
                })),
            },
            Err(failure) => Outcome::Unsolved(Box::new(self.explain(failure, options))),
        }
    }

    fn run(&mut self, options: &Options) -> Result<Settled, Failure> {
        if self.moved {
            if let Some(pristine) = &self.pristine {
                self.grid = (**pristine).clone();
            }
            self.newton.fill_admittance(&self.grid);
            self.moved = false;
        }
        if options.controls == Controls::Active && self.pristine.is_none() {
            self.pristine = Some(Box::new(self.grid.clone()));
        }
        let regulation = self.hold(options.controls);
        self.set_start(options.start, regulation.as_ref()).map_err(|e| failure(Stop::Sparse(e)))?;
        let mut effort = Effort::default();
        match regulation {
            None => match self.newton_from_here(options, &mut effort) {
                Ok(()) => Ok(Settled { effort, rounds: 0, regulation: None }),
                Err(stop) => Err(Failure { stop, effort, rounds: 0, unsettled: Vec::new() }),
            },
            Some(mut regulation) => {
                let rounds = Rounds {
                    tolerance: options.tolerance_pu,
                    max_iterations: options.max_iterations,
                    max_rounds: options.max_control_rounds,
                };
                let (rounds, done) = control::settle(self, &mut regulation, rounds, &mut effort);
                match done {
                    Ok(()) => Ok(Settled { effort, rounds, regulation: Some(regulation) }),
                    Err((stop, unsettled)) => Err(Failure { stop, effort, rounds, unsettled }),
                }
            }
        }
    }

    pub(super) fn newton_from_here(&mut self, options: &Options, effort: &mut Effort) -> Result<(), Stop> {
        self.newton.solve(self.network, &self.grid, &mut self.point, options.tolerance_pu, options.max_iterations, effort)
    }

    /// Sets what is asked and what is injected; with active controls also what regulates what.
    pub(super) fn hold(&mut self, controls: Controls) -> Option<Regulation> {
        let n = self.grid.n();
        self.base.copy_from_slice(&self.grid.power);
        for u in &self.grid.units {
            let at = &mut self.base[u.node as usize];
            at.re += u.p;
            // The reactive power of what holds a voltage is what the balance leaves.
            if !(u.holds && self.grid.node_type[u.node as usize] != NodeType::Load) {
                at.im += u.q;
            }
        }
        self.newton.spec.copy_from_slice(&self.base);
        self.newton.borders.clear();
        for i in 0..n {
            self.newton.asked[i] = match self.grid.node_type[i] {
                NodeType::Swing | NodeType::Dead => [0.0, 0.0],
                NodeType::Generator => [1.0, 0.0],
                NodeType::Load => [1.0, 1.0],
            };
        }
        (controls == Controls::Active).then(|| Regulation::new(self.network, &self.grid))
    }

    fn set_start(&mut self, start: Start, regulation: Option<&Regulation>) -> Result<(), crate::sparse::SparseError> {
        let reference = self.grid.node_type.iter().position(|&t| t == NodeType::Swing).map_or(0.0, |i| self.grid.v_stored[i].1);
        for i in 0..self.grid.n() {
            let (v, angle) = self.grid.v_stored[i];
            let flat = start != Start::Stored;
            (self.point.v[i], self.point.angle[i]) = match self.grid.node_type[i] {
                NodeType::Swing => (v, angle),
                NodeType::Generator => (v, if flat { reference } else { angle }),
                NodeType::Load => (if flat { 1.0 } else { v }, if flat { reference } else { angle }),
                NodeType::Dead => (1.0, reference),
            };
        }
        if let Some(r) = regulation {
            r.start(&mut self.point, start != Start::Stored);
        }
        self.point.refresh();
        match start {
            Start::Dc => self.newton.dc_angles(self.network, &self.grid, &mut self.point),
            Start::Linear => self.newton.linear_voltages(&self.grid, &mut self.point),
            Start::Flat | Start::Stored => Ok(()),
        }
    }

    fn elements_at(&self, node: usize, limit: usize) -> Vec<String> {
        let buses = &self.grid.buses_of_node[node];
        let here = |id: &&ElementId| {
            self.network.common(**id).enabled && self.network.common(**id).terminals.iter().any(|t| buses.contains(&t.bus))
        };
        self.network.order.iter().filter(here).take(limit).map(|&id| self.network.full_name(id)).collect()
    }

    fn worst(&self) -> Vec<WorstBus> {
        let s = self.grid.s_base;
        let size = |i: usize| {
            let (m, ask) = (self.newton.mismatch[i], self.newton.asked[i]);
            let size = (ask[0] * m.re).abs().max((ask[1] * m.im).abs());
            if size.is_nan() { f64::INFINITY } else { size }
        };
        let mut order: Vec<usize> = (0..self.grid.n()).filter(|&i| size(i) > 0.0).collect();
        order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
        let row = |&i: &usize| WorstBus {
            bus: self.grid.node_name(self.network, i),
            v_pu: self.point.v[i],
            mismatch_mw: self.newton.asked[i][0] * self.newton.mismatch[i].re * s,
            mismatch_mvar: self.newton.asked[i][1] * self.newton.mismatch[i].im * s,
            elements: self.elements_at(i, 6),
        };
        order.iter().take(5).map(row).collect()
    }

    fn explain(&mut self, failure: Failure, options: &Options) -> Unsolved {
        // The mismatch is that of the last point accepted, not of the last one tried.
        let _ = self.newton.mismatch_at(self.network, &self.grid, &self.point);
        let worst = self.worst();
        let mut first = match &failure.stop {
            Stop::Device { device, reason } => {
                let id = self.grid.devices[*device].element;
                Diagnostic::error("SOLVE.NEWTON.DEVICE", reason.clone())
                    .element(self.network.full_name(id))
                    .at(&self.network.common(id).source)
                    .hint("Correct its set points and ratings, or take it out of service and look at the voltages at its buses.")
            }
            Stop::Sparse(e) => Diagnostic::error("SOLVE.MATRIX.FAILED", e.to_string()),
            Stop::IterationLimit if !failure.unsettled.is_empty() => {
                Diagnostic::error("SOLVE.CONTROL.HUNTING", format!("controls still moved after {} rounds", failure.rounds))
                    .detail(format!("They are: {}.", failure.unsettled.join(", ")))
                    .hint("Widen their bands, or solve with controls as stored.")
            }
            stop => {
                let why = match stop {
                    Stop::IterationLimit => format!("the power flow did not converge in {} iterations", failure.effort.iterations),
                    Stop::Singular { .. } => "the power flow has no direction to go on: its matrix is singular".to_owned(),
                    Stop::NotFinite => "the power flow met a value that is no finite number".to_owned(),
                    _ => {
                        format!("the power flow came to where no step lessens the mismatch, after {} iterations", failure.effort.iterations)
                    }
                };
                let largest = worst.first().map_or_else(String::new, |w| {
                    format!(
                        "Largest mismatch: {} MW and {} Mvar at bus {} (voltage {:.4} pu).",
                        megas(w.mismatch_mw),
                        megas(w.mismatch_mvar),
                        w.bus,
                        w.v_pu
                    )
                });
                Diagnostic::error("SOLVE.NEWTON.UNSOLVED", why).detail(largest)
            }
        };
        if let (Stop::Singular { node }, None) = (&failure.stop, &first.element) {
            let name = self.grid.node_name(self.network, *node as usize);
            let detail = first.detail.take().unwrap_or_default();
            first = first.detail(format!("{detail} The row is that of bus {name}.").trim().to_owned());
        }
        let mut solvable_factor = None;
        let sought = options.seek_solvable
            && matches!(failure.stop, Stop::IterationLimit | Stop::Singular { .. } | Stop::NoDescent | Stop::NotFinite);
        if sought && failure.unsettled.is_empty() {
            solvable_factor = self.solvable(options);
            first = match solvable_factor {
                Some(f) if f > 0.999 => {
                    first.hint("It solves with controls as stored from another start: try the stored voltages or the start from the linear power flow, and look at limits and set points.")
                }
                Some(f) => first.hint(format!(
                    "{:.0} % of all loads and generation together solves: the case is beyond what its network carries, or an element is wrong by far. Look at the buses listed.",
                    (f * 100.0).floor()
                )),
                None => first.hint("Not even a tenth of its powers solves: look for an impedance, ratio or voltage that is wrong by far at the buses listed."),
            };
        }
        let mut diagnostics = vec![first];
        if !worst.is_empty() {
            let lines: Vec<String> = worst
                .iter()
                .map(|w| {
                    let (p, q) = (megas(w.mismatch_mw), megas(w.mismatch_mvar));
                    format!("{}: {p} MW, {q} Mvar, {:.4} pu ({})", w.bus, w.v_pu, w.elements.join(", "))
                })
                .collect();
            diagnostics
                .push(Diagnostic::note("SOLVE.NEWTON.WORST_BUSES", "buses with the most power unaccounted for").detail(lines.join("; ")));
        }
        diagnostics.extend(self.suspicious_branches());
        diagnostics.append(&mut self.grid.notes.clone());
        Unsolved { diagnostics, iterations: failure.effort.iterations, control_rounds: failure.rounds, worst, solvable_factor }
    }

    /// Series impedances that are negative in resistance, or beyond all others.
    fn suspicious_branches(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for p in &self.grid.ports {
            // The transfer admittance is the negative of the series one.
            let z = -p.two_port.y12.inv();
            if p.terminals[1].is_some() && p.leg.is_none() && (z.norm() > 20.0 || z.re < -0.01) && found.len() < 10 {
                found.push(
                    Diagnostic::warning(
                        "SOLVE.BRANCH.ABSURD_IMPEDANCE",
                        format!("its series impedance is {:.4} + j{:.4} per unit", z.re, z.im),
                    )
                    .element(self.network.full_name(p.element))
                    .at(&self.network.common(p.element).source)
                    .hint("Check the unit and base of its impedance."),
                );
            }
        }
        found
    }

    /// Largest factor of all injections for which the locked case solves from the linear start; bisection to a hundredth.
    fn solvable(&mut self, options: &Options) -> Option<f64> {
        const LARGEST: usize = 50_000;
        if self.grid.n() > LARGEST {
            return None;
        }
        let quiet = Options { controls: Controls::Locked, ..*options };
        let kept = (self.point.clone(), self.newton.asked.clone());
        let unscaled_current = self.grid.current.clone();
        let mut best = None;
        let (mut low, mut high) = (0.0, 1.0);
        let mut factor = 1.0;
        for _ in 0..8 {
            self.hold(Controls::Locked);
            self.newton.spec.iter_mut().for_each(|s| *s *= factor);
            self.grid.current.iter_mut().zip(&unscaled_current).for_each(|(c, u)| *c = u * factor);
            let solved = [Start::Dc, Start::Linear]
                .into_iter()
                .any(|start| self.set_start(start, None).is_ok() && self.newton_from_here(&quiet, &mut Effort::default()).is_ok());
            if solved {
                best = Some(factor);
                low = factor;
            } else {
                high = factor;
            }
            if low >= 1.0 {
                break;
            }
            factor = 0.5 * (low + high);
        }
        self.grid.current = unscaled_current;
        (self.point, self.newton.asked) = kept;
        best.filter(|&f| f >= 0.1)
    }

    fn solution(&mut self, settled: &Settled, options: &Options) -> Result<Solution, Box<Diagnostic>> {
        let (network, s) = (self.network, self.grid.s_base);
        let grid = &self.grid;
        let n = grid.n();
        let alive = |i: usize| grid.node_type[i] != NodeType::Dead;

        // What leaves each node through two-ports, from their own powers.
        let mut flows = Vec::with_capacity(grid.ports.len());
        let mut into_ports = vec![Complex64::ZERO; n];
        let mut losses = Complex64::ZERO;
        for p in &grid.ports {
            let [a, b] = p.nodes.map(|i| i as usize);
            let f = if alive(a) { p.two_port.powers(self.point.phasor[a], self.point.phasor[b]) } else { [Complex64::ZERO; 2] };
            into_ports[a] += f[0];
            into_ports[b] += f[1];
            losses += f[0] + f[1];
            flows.push(f);
        }
        // What devices draw.
        let mut device_power = vec![Complex64::ZERO; n];
        let (mut dc, mut motors, mut limits_hit) = (Vec::new(), Vec::new(), Vec::new());
        for (d, state) in grid.devices.iter().zip(&self.newton.device_states) {
            let name = network.full_name(d.element);
            let bus_name = |k: usize| {
                network.common(d.element).terminals.get(k).map_or_else(String::new, |t| network.buses[t.bus.index()].name.clone())
            };
            let v: Vec<f64> = d.nodes.iter().map(|&i| self.point.v[i as usize]).collect();
            if state.is_none() {
                continue;
            }
            let (injected, state) = grid.operate(network, d, &v).map_err(|reason| {
                Box::new(Diagnostic::error("SOLVE.NEWTON.DEVICE", reason).element(name.clone()).at(&network.common(d.element).source))
            })?;
            for (&i, power) in d.nodes.iter().zip(&injected) {
                device_power[i as usize] -= power;
            }
            match state {
                DeviceState::Converters(states) => {
                    for (k, state) in states.into_iter().enumerate() {
                        if state.lacks_voltage {
                            let reason = format!("converter {} lacks voltage for its order at any angle", k + 1);
                            let at = &network.common(d.element).source;
                            return Err(Box::new(Diagnostic::error("SOLVE.NEWTON.DEVICE", reason).element(name).at(at)));
                        }
                        if state.at_limit {
                            limits_hit.push(LimitHit { element: name.clone(), limit: format!("angle of converter {}", k + 1) });
                        }
                        dc.push(DcRow { element: name.clone(), terminal: k + 1, bus: bus_name(k), state });
                    }
                }
                DeviceState::Motor(m) => {
                    motors.push(MotorRow { element: name, bus: bus_name(0), p_mw: m.p_mw, q_mvar: m.q_mvar, slip: m.slip })
                }
            }
        }
        for (i, states) in grid.vsc_states.iter().enumerate() {
            let id = ElementId::new(ElementKind::VscDc, i);
            for (k, state) in states.iter().flatten().enumerate() {
                let bus = network.common(id).terminals.get(k).map_or_else(String::new, |t| network.buses[t.bus.index()].name.clone());
                dc.push(DcRow { element: network.full_name(id), terminal: k + 1, bus, state: *state });
            }
        }

        // Per node: what loads and shunts draw, and what what holds a voltage must therefore give.
        let mut shunt = vec![Complex64::ZERO; n];
        let mut load = vec![Complex64::ZERO; n];
        for i in 0..n {
            if alive(i) {
                let square = self.point.v[i] * self.point.v[i];
                shunt[i] = grid.shunt[i].conj() * square;
                load[i] = grid.current[i] * self.point.v[i] - grid.power[i] + device_power[i];
            }
        }
        for b in &grid.banks {
            if alive(b.node as usize) {
                shunt[b.node as usize] -= Complex64::new(0.0, b.b * self.point.v[b.node as usize].powi(2));
            }
        }
        let mut given = vec![Complex64::ZERO; n];
        let mut residue = vec![Complex64::ZERO; n];
        for i in 0..n {
            if !alive(i) {
                continue;
            }
            let needed = into_ports[i] + shunt[i] + load[i];
            let told = self.newton.spec[i] - grid.power[i];
            let ask = self.newton.asked[i];
            given[i] = Complex64::new(if ask[0] > 0.0 { told.re } else { needed.re }, if ask[1] > 0.0 { told.im } else { needed.im });
            residue[i] = given[i] - needed;
        }
        let machines = self.machine_rows(&given, settled.regulation.as_ref(), &mut limits_hit);
        // A converter that holds a voltage gives what its row tells, which only the solution knows.
        for row in &mut dc {
            if let Some(m) = machines.iter().find(|m| m.bus == row.bus && m.element == row.element && m.state != QState::Fixed) {
                row.state.q_mvar = -m.q_mvar;
            }
        }

        let worst_of = |part: fn(&Complex64) -> f64| {
            let i = (0..n).max_by(|&a, &b| part(&residue[a]).total_cmp(&part(&residue[b]))).unwrap_or(0);
            (residue.get(i).map_or(0.0, part) * s, if n > 0 { grid.node_name(network, i) } else { String::new() })
        };
        let (mismatch_mw, mismatch_mw_bus) = worst_of(|r| r.re.abs());
        let (mismatch_mvar, mismatch_mvar_bus) = worst_of(|r| r.im.abs());
        let total = |parts: &[Complex64]| parts.iter().sum::<Complex64>() * s;
        let (generation, loads, shunts) = (total(&given), total(&load), total(&shunt));
        let balance = generation - loads - shunts - losses * s;
        let dead_buses = (0..n).filter(|&i| !alive(i)).map(|i| grid.buses_of_node[i].len()).sum();
        let (hunting, moves) =
            settled.regulation.as_ref().map_or((Vec::new(), Vec::new()), |r| (r.hunting(network), r.moves(network, grid)));
        if let Some(r) = &settled.regulation {
            limits_hit.extend(r.limits(network));
        }
        // The certificate is of the elements' own powers: what it finds must be what the iteration promised, but for rounding.
        let promised = options.tolerance_pu.max(1e-9) * 10.0 * s;
        if !(mismatch_mw <= promised && mismatch_mvar <= promised) {
            return Err(Box::new(
                Diagnostic::error("SOLVE.NEWTON.CERTIFICATE", "the powers of the elements do not confirm the solution")
                    .detail(format!("{mismatch_mw:.6} MW at bus {mismatch_mw_bus}, {mismatch_mvar:.6} Mvar at bus {mismatch_mvar_bus} are unaccounted for."))
                    .hint("Ask for a wider tolerance; where branches of almost no impedance are the cause, give them none."),
            ));
        }
        let certificate = PowerFlowCertificate {
            iterations: settled.effort.iterations,
            halvings: settled.effort.halvings,
            pivoted: settled.effort.pivoted,
            control_rounds: settled.rounds,
            tolerance_pu: options.tolerance_pu,
            mismatch_mw,
            mismatch_mw_bus,
            mismatch_mvar,
            mismatch_mvar_bus,
            generation_mw: generation.re,
            generation_mvar: generation.im,
            load_mw: loads.re,
            load_mvar: loads.im,
            shunt_mw: shunts.re,
            shunt_mvar: shunts.im,
            losses_mw: losses.re * s,
            losses_mvar: losses.im * s,
            balance_mw: balance.re,
            balance_mvar: balance.im,
            islands: grid.n_islands,
            dead_islands: grid.dead_islands,
            dead_buses,
            limits_hit,
            hunting,
        };
        let per_bus = PerBus::new(self, &given);
        let buses = self.bus_rows(&per_bus);
        let branch_ends = self.branch_rows(&flows, &per_bus);
        Ok(Solution { buses, branch_ends, machines, dc, motors, moves, certificate, notes: grid.notes.clone() })
    }

    /// Reactive power of each unit: what its node gives, shared out by ranges; active power likewise at a swing bus.
    fn machine_rows(&self, given: &[Complex64], regulation: Option<&Regulation>, limits_hit: &mut Vec<LimitHit>) -> Vec<MachineRow> {
        let (network, s) = (self.network, self.grid.s_base);
        let shares = unit_shares(&self.grid, given, &self.newton.asked);
        let mut rows = Vec::with_capacity(self.grid.units.len());
        for (u, power) in self.grid.units.iter().zip(&shares) {
            let node = u.node as usize;
            let state = if !u.holds || matches!(self.grid.node_type[node], NodeType::Load | NodeType::Dead) {
                QState::Fixed
            } else {
                regulation.map_or(QState::Holding, |r| r.state_of(u.node))
            };
            let element = network.full_name(holder_id(u.holder));
            if matches!(state, QState::AtMaximum | QState::AtMinimum) {
                let limit = if state == QState::AtMaximum { "largest reactive power" } else { "least reactive power" };
                limits_hit.push(LimitHit { element: element.clone(), limit: limit.to_owned() });
            }
            rows.push(MachineRow {
                element,
                bus: network.buses[u.bus.index()].name.clone(),
                p_mw: power.re * s,
                q_mvar: power.im * s,
                q_min_mvar: u.q_min * s,
                q_max_mvar: u.q_max * s,
                state,
            });
        }
        rows
    }

    fn bus_rows(&self, per_bus: &PerBus) -> Vec<BusRow> {
        let (network, s) = (self.network, self.grid.s_base);
        let mut rows = Vec::with_capacity(network.buses.len());
        for (i, bus) in network.buses.iter().enumerate() {
            let Some(t) = &bus.transmission else { continue };
            let node = self.grid.node_of_bus[i];
            let state = match (node, self.grid.node_type.get(node as usize)) {
                (NO_NODE, _) | (_, None) => BusState::Isolated,
                (_, Some(NodeType::Dead)) => BusState::Dead,
                (_, Some(NodeType::Swing)) => BusState::Swing,
                (n, Some(NodeType::Generator)) if self.newton.asked[n as usize][1] == 0.0 => BusState::Generator,
                (_, Some(_)) => BusState::Load,
            };
            let solved = !matches!(state, BusState::Isolated | BusState::Dead);
            let (generation, load, shunt) = per_bus.of(BusId::from(i));
            rows.push(BusRow {
                id: BusId::from(i),
                bus: bus.name.clone(),
                number: t.number,
                name: t.name.clone(),
                kv_base_ll: t.kv_base_ll,
                state,
                v_pu: solved.then(|| self.point.v[node as usize]),
                // Angles come back to within half a turn.
                angle_deg: solved.then(|| self.point.phasor[node as usize].arg().to_degrees()),
                generation_mw: generation.re * s,
                generation_mvar: generation.im * s,
                load_mw: load.re * s,
                load_mvar: load.im * s,
                shunt_mw: shunt.re * s,
                shunt_mvar: shunt.im * s,
            });
        }
        rows
    }

    fn branch_rows(&self, flows: &[[Complex64; 2]], per_bus: &PerBus) -> Vec<BranchEndRow> {
        let (network, s) = (self.network, self.grid.s_base);
        let case = network.transmission.as_ref();
        // Ratings may count current instead of power: a code above zero says so.
        let by_current = |kind: ElementKind| {
            case.is_some_and(|c| if kind == ElementKind::AcBranch { c.branch_rating_code > 0 } else { c.transformer_rating_code > 0 })
        };
        let row = |id: ElementId, terminal: usize, power: Option<Complex64>| {
            let bus = network.common(id).terminals[terminal].bus;
            let ratings = match id.kind {
                ElementKind::AcBranch => &network.ac_branches[id.index()].ratings_mva,
                _ => &network.power_transformers[id.index()].windings[terminal].ratings_mva,
            };
            let node = self.grid.node_of_bus[bus.index()] as usize;
            let rating = ratings.first().copied().filter(|r| *r > 0.0);
            let divisor = if by_current(id.kind) { self.point.v[node] } else { 1.0 };
            BranchEndRow {
                id,
                element: network.full_name(id),
                terminal: terminal as u8 + 1,
                bus: network.buses[bus.index()].name.clone(),
                p_mw: power.map(|p| p.re * s),
                q_mvar: power.map(|p| p.im * s),
                s_mva: power.map(|p| p.norm() * s),
                loading_pct: power.and_then(|p| rating.map(|r| p.norm() * s / divisor / r * 100.0)),
            }
        };
        let mut rows = Vec::with_capacity(2 * flows.len());
        let mut beyond: HashMap<BusId, Complex64> = HashMap::new();
        for (p, f) in self.grid.ports.iter().zip(flows) {
            for (terminal, &power) in p.terminals.iter().zip(f) {
                if let Some(t) = terminal {
                    let t = usize::from(*t);
                    rows.push(row(p.element, t, Some(power)));
                    *beyond.entry(network.common(p.element).terminals[t].bus).or_default() += power;
                }
            }
        }
        // Winding 2 of a two-winding transformer shares the ratings of winding 1, as its data have them once.
        for r in &mut rows {
            if r.id.kind == ElementKind::PowerTransformer
                && r.loading_pct.is_none()
                && network.power_transformers[r.id.index()].windings.len() == 2
            {
                let rating = network.power_transformers[r.id.index()].windings[0].ratings_mva.first().copied().filter(|x| *x > 0.0);
                let bus = network.common(r.id).terminals[usize::from(r.terminal) - 1].bus;
                let v = if by_current(r.id.kind) { self.point.v[self.grid.node_of_bus[bus.index()] as usize] } else { 1.0 };
                r.loading_pct = r.s_mva.zip(rating).map(|(s, rating)| s / v / rating * 100.0);
            }
        }
        // Branches without impedance carry what their buses have left: leaves of the tree first.
        let mut left: HashMap<BusId, Complex64> = HashMap::new();
        let mut degree: HashMap<BusId, usize> = HashMap::new();
        for j in &self.grid.joins {
            for &b in &j.buses {
                *degree.entry(b).or_default() += 1;
                left.entry(b).or_insert_with(|| {
                    let (generation, load, shunt) = per_bus.of(b);
                    generation - load - shunt - beyond.get(&b).copied().unwrap_or_default()
                });
            }
        }
        let mut flow: Vec<Option<Complex64>> = vec![None; self.grid.joins.len()];
        let mut at: HashMap<BusId, Vec<usize>> = HashMap::new();
        for (k, j) in self.grid.joins.iter().enumerate() {
            j.buses.iter().for_each(|&b| at.entry(b).or_default().push(k));
        }
        let mut leaves: Vec<BusId> = degree.iter().filter(|d| *d.1 == 1).map(|d| *d.0).collect();
        leaves.sort_unstable();
        while let Some(leaf) = leaves.pop() {
            if degree.get(&leaf) != Some(&1) {
                continue;
            }
            let Some(&k) = at.get(&leaf).and_then(|all| all.iter().find(|&&k| flow[k].is_none())) else { continue };
            let buses = self.grid.joins[k].buses;
            let other = if buses[0] == leaf { buses[1] } else { buses[0] };
            let out = left.get(&leaf).copied().unwrap_or_default();
            flow[k] = Some(if buses[0] == leaf { out } else { -out });
            *left.entry(other).or_default() += out;
            degree.insert(leaf, 0);
            if let Some(d) = degree.get_mut(&other) {
                *d -= 1;
                if *d == 1 {
                    leaves.push(other);
                }
            }
        }
        for (j, f) in self.grid.joins.iter().zip(&flow) {
            rows.push(row(j.element, 0, *f));
            rows.push(row(j.element, 1, f.map(|f| -f)));
        }
        rows
    }
}

/// What each bus of a node gives and draws, for buses that share a node.
struct PerBus {
    generation: HashMap<BusId, Complex64>,
    load: HashMap<BusId, Complex64>,
    shunt: HashMap<BusId, Complex64>,
}

impl PerBus {
    fn new(case: &Case<'_>, given: &[Complex64]) -> Self {
        let (network, grid, s) = (case.network, &case.grid, case.grid.s_base);
        let mut per_bus = Self { generation: HashMap::new(), load: HashMap::new(), shunt: HashMap::new() };
        let node = |bus: BusId| {
            Some(grid.node_of_bus[bus.index()] as usize).filter(|&n| grid.node_type.get(n).is_some_and(|&t| t != NodeType::Dead))
        };
        let shares = unit_shares(grid, given, &case.newton.asked);
        for (u, power) in grid.units.iter().zip(&shares) {
            if node(u.bus).is_some() {
                *per_bus.generation.entry(u.bus).or_default() += power;
            }
        }
        for l in network.power_loads.iter().filter(|l| l.in_service && l.common.enabled) {
            let Some(bus) = l.common.terminals.first().map(|t| t.bus) else { continue };
            let Some(i) = node(bus) else { continue };
            let v = case.point.v[i];
            let mut drawn = Complex64::new(l.p_mw, l.q_mvar) + Complex64::new(l.p_current_mw, l.q_current_mvar) * v;
            if l.dg_in_service {
                drawn -= Complex64::new(l.dg_p_mw, l.dg_q_mvar);
            }
            *per_bus.load.entry(bus).or_default() += drawn / s;
            *per_bus.shunt.entry(bus).or_default() += Complex64::new(l.p_admittance_mw, -l.q_admittance_mvar) * (v * v / s);
        }
        for f in network.fixed_shunts.iter().filter(|f| f.in_service && f.common.enabled) {
            let Some(bus) = f.common.terminals.first().map(|t| t.bus) else { continue };
            let Some(i) = node(bus) else { continue };
            *per_bus.shunt.entry(bus).or_default() += Complex64::new(f.g_mw, -f.b_mvar) * (case.point.v[i].powi(2) / s);
        }
        for b in &grid.banks {
            let Some(bus) = network.switched_shunts[b.index].common.terminals.first().map(|t| t.bus) else { continue };
            if let Some(i) = node(bus) {
                *per_bus.shunt.entry(bus).or_default() -= Complex64::new(0.0, b.b * case.point.v[i].powi(2));
            }
        }
        // Charging of branches without impedance: half at each end.
        for j in &grid.joins {
            let b = &network.ac_branches[j.element.index()];
            for (bus, y) in j.buses.iter().zip([b.y_from_pu, b.y_to_pu]) {
                if let Some(i) = node(*bus) {
                    *per_bus.shunt.entry(*bus).or_default() += (y + Complex64::new(0.0, b.b_pu / 2.0)).conj() * case.point.v[i].powi(2);
                }
            }
        }
        for d in network.facts_devices.iter().filter(|d| d.common.enabled && d.mode != 0) {
            if let [near, far, ..] = d.common.terminals.as_slice()
                && node(near.bus).is_some()
                && node(far.bus).is_some()
            {
                *per_bus.load.entry(far.bus).or_default() -= Complex64::new(d.p_mw, d.q_mvar) / s;
                *per_bus.load.entry(near.bus).or_default() += Complex64::new(d.p_mw, 0.0) / s;
            }
        }
        for f in &grid.frozen {
            *per_bus.load.entry(f.0).or_default() += f.1;
        }
        for d in &grid.devices {
            let v: Vec<f64> = d.nodes.iter().map(|&i| case.point.v[i as usize]).collect();
            if d.nodes.iter().any(|&i| grid.node_type[i as usize] == NodeType::Dead) {
                continue;
            }
            if let Ok((injected, _)) = grid.operate(network, d, &v) {
                for (t, power) in network.common(d.element).terminals.iter().zip(&injected) {
                    *per_bus.load.entry(t.bus).or_default() -= power;
                }
            }
        }
        per_bus
    }

    fn of(&self, bus: BusId) -> (Complex64, Complex64, Complex64) {
        let get = |m: &HashMap<BusId, Complex64>| m.get(&bus).copied().unwrap_or_default();
        (get(&self.generation), get(&self.load), get(&self.shunt))
    }
}

/// What each unit gives: its own told power, and its part of what its node must give beyond that.
fn unit_shares(grid: &Grid, given: &[Complex64], asked: &[[f64; 2]]) -> Vec<Complex64> {
    let holds = |u: &Unit| u.holds && grid.node_type[u.node as usize] != NodeType::Load;
    // Told powers and weights of a node's units.
    let mut told: HashMap<u32, Complex64> = HashMap::new();
    let mut range: HashMap<u32, (f64, f64)> = HashMap::new();
    let width = |u: &Unit| {
        let w = u.q_max - u.q_min;
        if w > 0.0 && w.is_finite() { w } else { 0.0 }
    };
    for u in &grid.units {
        *told.entry(u.node).or_default() += Complex64::new(u.p, if holds(u) { 0.0 } else { u.q });
        if holds(u) {
            let r = range.entry(u.node).or_default();
            *r = (r.0 + width(u), r.1 + 1.0);
        }
    }
    let part = |u: &Unit| {
        let dead = grid.node_type[u.node as usize] == NodeType::Dead;
        if dead {
            return Complex64::ZERO;
        }
        let own = Complex64::new(u.p, if holds(u) { 0.0 } else { u.q });
        if !holds(u) {
            return own;
        }
        let rest = given[u.node as usize] - told.get(&u.node).copied().unwrap_or_default();
        let (sum, count) = range.get(&u.node).copied().unwrap_or((0.0, 1.0));
        let weight = if sum > 0.0 { width(u) / sum } else { 1.0 / count };
        // Active power beyond what is told is the swing's, shared in equal parts.
        let p = if asked[u.node as usize][0] == 0.0 { rest.re / count } else { 0.0 };
        own + Complex64::new(p, rest.im * weight)
    };
    grid.units.iter().map(part).collect()
}

pub(super) fn holder_id(holder: Holder) -> ElementId {
    match holder {
        Holder::Machine(i) => ElementId::new(ElementKind::Machine, i),
        Holder::VscEnd(i, _) => ElementId::new(ElementKind::VscDc, i),
        Holder::Facts(i) => ElementId::new(ElementKind::FactsDevice, i),
    }
}

fn failure(stop: Stop) -> Failure {
    Failure { stop, effort: Effort::default(), rounds: 0, unsettled: Vec::new() }
}
