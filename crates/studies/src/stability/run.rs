//! A study followed through its events.
//!
//! Steps end on multiples of the step length and at every event; an event is a change of the network or of a machine, after which the voltages are
//! found anew with the states kept. A step whose iteration does not settle is tried once more in eight parts; if these do not either, the run ends
//! there, and says so: the equations have lost their solution, which in a network with loads of constant power is the collapse of its voltage.

use super::event::{Action, Event, Place, Topology};
use super::load::Parts;
use super::prepare::Study;
use super::step::{Moving, NoStep, Stepper};
use super::trajectory::{MachineSample, Sample, Trajectories};
use super::verdict::{Ended, Follow, Verdict};
use network::{BusId, Diagnostic, ElementId, ElementKind};
use num_complex::Complex64;

/// Two moments closer than this are one, s.
const SAME_MOMENT_S: f64 = 1e-9;

/// What a run gives.
#[derive(Clone, Debug)]
pub struct Run {
    pub verdict: Verdict,
    pub trajectories: Trajectories,
    pub certificate: RunCertificate,
}

/// What was done and checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunCertificate {
    pub steps: u64,
    /// Iterations of Newton's method, and times that derivatives were made.
    pub iterations: u64,
    pub derivatives: u64,
    /// Steps that had to be taken in parts.
    pub parted: u64,
    /// Largest current unaccounted for at any node after any step, per unit on the system base, computed from the units' own currents, and its moment.
    pub mismatch_pu: f64,
    pub mismatch_at_s: f64,
}

impl Study {
    /// Events that cannot be: all findings at once.
    fn check_events(&self, events: &[Event]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let n = &self.network;
        for (i, event) in events.iter().enumerate() {
            let mut wrong = |code: &str, message: String, hint: &str| {
                found.push(Diagnostic::error(code, message).detail(format!("It is event {} at {} s.", i + 1, event.t_s)).hint(hint));
            };
            if !(event.t_s >= 0.0 && event.t_s.is_finite()) {
                wrong("STABILITY.EVENT.TIME", "the moment of an event is not a time from 0".into(), "Give it in seconds from the start.");
            }
            let known = |id: ElementId| id.index() < n.count(id.kind);
            let switched = |id: ElementId| matches!(id.kind, ElementKind::AcBranch | ElementKind::PowerTransformer) && known(id);
            let alive = |bus: BusId| self.v_start.get(bus.index()).is_some_and(Option::is_some);
            match event.action {
                Action::Fault { place, kind, z_fault_pu } => {
                    let z = kind.shunt_pu(z_fault_pu);
                    if !z.is_finite() || z.re < 0.0 {
                        wrong(
                            "STABILITY.EVENT.IMPEDANCE",
                            format!("a fault of impedance {z} per unit is none"),
                            "Give a finite impedance whose resistance is not negative.",
                        );
                    }
                    match place {
                        Place::Bus(bus) if !alive(bus) => {
                            wrong("STABILITY.EVENT.BUS", "a fault is at a bus without voltage".into(), "Choose a bus of the network.");
                        }
                        Place::Line { branch, fraction } => {
                            let ok = branch.kind == ElementKind::AcBranch && known(branch) && {
                                let b = &n.ac_branches[branch.index()];
                                b.common.terminals.len() >= 2 && Complex64::new(b.r_pu, b.x_pu) != Complex64::ZERO
                            };
                            if !ok {
                                wrong(
                                    "STABILITY.EVENT.BRANCH",
                                    "a fault is on what is no line".into(),
                                    "Choose a line that has an impedance; faults of transformers are at their buses.",
                                );
                            }
                            if !(fraction > 0.0 && fraction < 1.0) {
                                wrong(
                                    "STABILITY.EVENT.FRACTION",
                                    format!("a fault at the share {fraction} is not on its line"),
                                    "Give a share between 0 and 1; at the ends the fault is at a bus.",
                                );
                            }
                        }
                        Place::Bus(_) => {}
                    }
                }
                Action::Clear { .. } => {}
                Action::Open { branch } | Action::Close { branch } => {
                    if !switched(branch) {
                        wrong(
                            "STABILITY.EVENT.BRANCH",
                            "what is switched is no branch or transformer".into(),
                            "Choose a line, a switching device or a transformer.",
                        );
                    }
                }
                Action::TripMachine { machine } => {
                    if !self.units.iter().any(|(u, _)| u.element == machine) {
                        wrong(
                            "STABILITY.EVENT.MACHINE",
                            "what is tripped is no machine of the study".into(),
                            "Choose a machine in service that has a record.",
                        );
                    }
                }
                Action::LoadStep { bus, p_mw, q_mvar } => {
                    if !alive(bus) || !p_mw.is_finite() || !q_mvar.is_finite() {
                        wrong(
                            "STABILITY.EVENT.BUS",
                            "a step of load is at a bus without voltage, or is no number".into(),
                            "Choose a bus of the network and finite powers.",
                        );
                    }
                }
            }
        }
        found
    }

    /// Follows the machines through `events` for [`Options::duration_s`](super::Options::duration_s).
    ///
    /// # Errors
    /// Findings on events that cannot be, and on a network that cannot be compiled. A run whose equations lose their solution is no error: its verdict
    /// says so.
    pub fn run(&self, events: &[Event]) -> Result<Run, Vec<Diagnostic>> {
        self.follow(events, self.options.duration_s, true)
    }

    /// The network after changes, ready for steps.
    fn stepper(&self, topology: &Topology, units: &[Moving]) -> Result<Stepper, Vec<Diagnostic>> {
        let mut shunts = self.shunts.clone();
        let mut drawn = self.drawn.clone();
        for &(bus, power) in &topology.steps {
            let (shunt, rest) = self.model(bus, Parts { power: power / self.site.s_base, ..Parts::default() });
            shunts.push((bus, shunt));
            drawn.extend(rest.map(|d| (bus, d)));
        }
        let sources: Vec<BusId> = units.iter().map(|u| u.unit.bus).collect();
        let grid = self.site.grid(topology, &shunts, &sources).map_err(|finding| vec![finding])?;
        let drawn = drawn.iter().filter_map(|(bus, d)| Some((grid.node_of_bus[bus.index()]?, *d))).collect();
        Ok(Stepper::new(grid, drawn))
    }

    /// Voltages of a new network's nodes, guessed from those of the buses before.
    fn guess(&self, stepper: &Stepper, at_bus: &[Option<Complex64>]) -> Vec<Complex64> {
        let grid = &stepper.grid;
        let mut v = vec![Complex64::ONE; grid.n()];
        for (node, at) in grid.node_of_bus.iter().zip(at_bus) {
            if let (Some(node), Some(at)) = (node, at) {
                v[*node as usize] = if grid.grounded[*node as usize] { Complex64::ZERO } else { *at };
            }
        }
        v
    }

    pub(super) fn follow(&self, events: &[Event], duration_s: f64, keep: bool) -> Result<Run, Vec<Diagnostic>> {
        let found = self.check_events(events);
        if !found.is_empty() {
            return Err(found);
        }
        let mut events: Vec<Event> = events.to_vec();
        events.sort_by(|a, b| a.t_s.total_cmp(&b.t_s));
        let mut next_event = events.iter().peekable();

        let mut topology = Topology::default();
        let mut units: Vec<Moving> = Vec::with_capacity(self.units.len());
        for (unit, x) in &self.units {
            let at = self.v_start[unit.bus.index()].unwrap_or(Complex64::ONE);
            units.push(Moving::new(unit.clone(), 0, x.clone(), at));
        }
        let order: Vec<ElementId> = units.iter().map(|u| u.unit.element).collect();
        let mut stepper = self.stepper(&topology, &units)?;
        let mut v = self.guess(&stepper, &self.v_start);
        place(&mut units, &stepper);
        let mut certificate = RunCertificate::default();
        let mut trajectories = Trajectories::new(self);
        let mut follow = Follow::new(self.frequency_hz, self.options.angle_limit_deg, events.first().map(|e| e.t_s));
        let mut ended = Ended::Whole;
        let h = self.options.step_s;
        let (mut t, mut grid_step, mut next_sample) = (0.0f64, 0u64, 0.0f64);
        let started = stepper.step(&mut units, &mut v, 0.0);
        let sample =
            |t: f64, after: bool, stepper: &Stepper, units: &[Moving], v: &[Complex64]| self.sample(t, after, &order, stepper, units, v);
        if let Err(no) = started {
            ended = self.no_solution(0.0, &no, &stepper);
        } else {
            follow.note(0.0, &units, &stepper.grid.island);
            if keep {
                trajectories.samples.push(sample(0.0, false, &stepper, &units, &v));
                next_sample = self.options.sample_s;
            }
        }
        while ended == Ended::Whole && t < duration_s - SAME_MOMENT_S {
            // Events that are due.
            let mut due = false;
            while let Some(event) = next_event.next_if(|e| e.t_s <= t + SAME_MOMENT_S) {
                due = true;
                topology.apply(&event.action);
            }
            if due {
                let last = trajectories.samples.last().map(|s| s.t_s);
                if keep && last.is_none_or(|l| l < t - SAME_MOMENT_S) {
                    trajectories.samples.push(sample(t, false, &stepper, &units, &v));
                }
                let at_bus: Vec<Option<Complex64>> =
                    stepper.grid.node_of_bus.iter().map(|node| node.map(|node| v[node as usize])).collect();
                units.retain(|u| !topology.tripped.contains(&u.unit.element));
                certificate.iterations += stepper.iterations;
                certificate.derivatives += stepper.factored;
                stepper = self.stepper(&topology, &units)?;
                v = self.guess(&stepper, &at_bus);
                place(&mut units, &stepper);
                if let Err(no) = stepper.step(&mut units, &mut v, 0.0) {
                    ended = self.no_solution(t, &no, &stepper);
                    break;
                }
                if keep {
                    trajectories.samples.push(sample(t, true, &stepper, &units, &v));
                }
            }
            // To the next multiple of the step, the next event, or the end.
            let mut target = (grid_step + 1) as f64 * h;
            let mut on_grid = true;
            if let Some(event) = next_event.peek()
                && event.t_s < target - SAME_MOMENT_S
            {
                (target, on_grid) = (event.t_s, false);
            }
            if duration_s < target - SAME_MOMENT_S {
                (target, on_grid) = (duration_s, false);
            }
            let whole = on_grid && (t - grid_step as f64 * h).abs() < SAME_MOMENT_S;
            let length = if whole { h } else { target - t };
            if let Err(no) = step(&mut stepper, &mut units, &mut v, length, &mut certificate) {
                ended = self.no_solution(target, &no, &stepper);
                break;
            }
            certificate.steps += 1;
            t = target;
            if on_grid {
                grid_step += 1;
            }
            let mismatch = mismatch(&stepper, &units, &v);
            if mismatch > certificate.mismatch_pu || mismatch.is_nan() {
                (certificate.mismatch_pu, certificate.mismatch_at_s) = (mismatch, t);
            }
            if keep && t >= next_sample - SAME_MOMENT_S {
                trajectories.samples.push(sample(t, false, &stepper, &units, &v));
                while next_sample <= t + SAME_MOMENT_S {
                    next_sample += self.options.sample_s;
                }
            }
            if follow.note(t, &units, &stepper.grid.island) && self.options.stop_when_unstable {
                ended = Ended::Unstable;
            }
        }
        certificate.iterations += stepper.iterations;
        certificate.derivatives += stepper.factored;
        if keep && ended != Ended::Whole && trajectories.samples.last().is_some_and(|s| s.t_s < t - SAME_MOMENT_S) {
            trajectories.samples.push(sample(t, false, &stepper, &units, &v));
        }
        let last_event = events.iter().map(|e| e.t_s).rfind(|&e| e <= t);
        let verdict = follow.verdict(ended, t, last_event, &trajectories);
        Ok(Run { verdict, trajectories, certificate })
    }

    fn no_solution(&self, t_s: f64, no: &NoStep, stepper: &Stepper) -> Ended {
        let (NoStep::Singular { node } | NoStep::Unsettled { node }) = no;
        let bus = stepper.grid.node_of_bus.iter().position(|n| n == &Some(*node));
        Ended::NoSolution { t_s, bus: bus.map_or_else(|| "inside an element".to_owned(), |b| self.network.buses[b].name.clone()) }
    }

    fn sample(&self, t_s: f64, after_event: bool, order: &[ElementId], stepper: &Stepper, units: &[Moving], v: &[Complex64]) -> Sample {
        let grid = &stepper.grid;
        let machines = order
            .iter()
            .map(|element| {
                let u = units.iter().find(|u| u.unit.element == *element)?;
                Some(MachineSample {
                    angle: u.x[0],
                    speed: u.x[1],
                    e_q: u.unit.machine.e_q(&u.x),
                    efd: u.given.efd,
                    mechanical: u.given.mechanical,
                    electrical: u.given.electrical,
                    power: v[u.node as usize] * u.given.current.conj() * self.site.s_base,
                    island: grid.island[u.node as usize],
                })
            })
            .collect();
        let buses = grid.node_of_bus.iter().map(|node| node.map(|node| v[node as usize])).collect();
        Sample { t_s, after_event, machines, buses }
    }
}

/// Gives every unit its node.
fn place(units: &mut [Moving], stepper: &Stepper) {
    for u in units {
        // A unit's bus has a voltage, so it has a node; joined buses may have changed it.
        if let Some(node) = stepper.grid.node_of_bus[u.unit.bus.index()] {
            u.node = node;
        }
    }
}

/// Largest current unaccounted for, nodes of bolted faults left out.
fn mismatch(stepper: &Stepper, units: &[Moving], v: &[Complex64]) -> f64 {
    let mut lack = vec![Complex64::ZERO; v.len()];
    stepper.grid.currents(v, &mut lack);
    for (node, load) in &stepper.drawn {
        lack[*node as usize] += load.at(v[*node as usize]).0;
    }
    for u in units {
        lack[u.node as usize] -= u.given.current;
    }
    lack.iter().zip(&stepper.grid.grounded).filter(|(_, g)| !**g).map(|(l, _)| l.norm()).fold(0.0, f64::max)
}

/// One step, in eight parts if it does not settle whole.
fn step(stepper: &mut Stepper, units: &mut [Moving], v: &mut [Complex64], h: f64, certificate: &mut RunCertificate) -> Result<(), NoStep> {
    let before: Vec<_> = units.iter().map(|u| (u.x.clone(), u.f, u.given)).collect();
    let voltages = v.to_vec();
    if stepper.step(units, v, h).is_ok() {
        return Ok(());
    }
    for (u, (x, f, given)) in units.iter_mut().zip(before) {
        (u.x, u.f, u.given) = (x, f, given);
    }
    v.copy_from_slice(&voltages);
    certificate.parted += 1;
    (0..8).try_for_each(|_| stepper.step(units, v, h / 8.0))
}
