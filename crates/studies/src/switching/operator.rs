//! Operates switches on a solved network and says what becomes of it.
//!
//! Every question starts from one solved state, the *base*: taps and banks begin where they stood there, the switches move, and the controls act
//! until all are satisfied. So an answer does not depend on what was asked before it. Where the iteration does not settle from the base's voltages it
//! is begun anew from loads as admittances; only where that does not settle either there is *no solution*, which is an answer of its own.
//!
//! A limit that the base crosses is no violation of the question's: it counts as *worse* where the value lies a thousandth of the limit beyond the
//! base's, and not at all otherwise.
//!
//! A load is *unserved* in the conductors whose nodes have no supply (`supply`): with what it drew there in the base.

use crate::hosting::criteria::{At, Criteria, Criterion, SLACK};
use crate::hosting::sense::Sensors;
use network::{BusId, Connection, ElementId, ElementKind, Network};
use powerflow::{Circuit, CircuitError, NodeNumber, Outcome, State, Unsettled, conclude};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::supply::supplied;
use super::zones::{Switches, Zones};

/// The criteria that these studies look at.
pub const CRITERIA: [Criterion; 5] =
    [Criterion::OverVoltage, Criterion::UnderVoltage, Criterion::VoltageUnbalance, Criterion::ThermalLine, Criterion::ThermalTransformer];

/// Voltages and loadings with their usual limits: what counts where nothing else is asked for.
pub fn usual_criteria() -> Criteria {
    Criteria::of(&[Criterion::OverVoltage, Criterion::UnderVoltage, Criterion::ThermalLine, Criterion::ThermalTransformer])
}

/// Where a value was found, the same in every circuit that is made of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Spot {
    /// Bus and node at it.
    Node(BusId, u32),
    Bus(BusId),
    Element(ElementId),
}

impl Spot {
    /// In words: `bus.node`, bus, or `class.name`.
    pub fn name(self, network: &Network) -> String {
        match self {
            Self::Node(bus, node) => format!("{}.{node}", network.bus(bus).name),
            Self::Bus(bus) => network.bus(bus).name.clone(),
            Self::Element(id) => network.full_name(id),
        }
    }

    fn of(circuit: &Circuit, at: At) -> Option<Self> {
        match at {
            At::Node(n) => Some(Self::Node(circuit.node(n).bus, circuit.node(n).at_bus)),
            At::Bus(bus) => Some(Self::Bus(bus)),
            At::Element(id) => Some(Self::Element(id)),
            At::Everywhere => None,
        }
    }
}

/// A switch that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Operation {
    pub element: ElementId,
    /// 0-based.
    pub terminal: usize,
    pub close: bool,
}

impl Operation {
    pub fn word(self) -> &'static str {
        if self.close { "close" } else { "open" }
    }
}

/// A limit that is crossed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    pub criterion: Criterion,
    pub at: Spot,
    pub value: f64,
    pub limit: f64,
    /// What it was in the base where it crossed the limit there too.
    pub before: Option<f64>,
}

impl Violation {
    /// Distance beyond the limit, per unit of it.
    pub fn excess(&self) -> f64 {
        -self.criterion.margin(self.value, self.limit) / self.limit.abs().max(1e-9)
    }
}

/// A value and where it is.
pub type Extreme = Option<(f64, Spot)>;

/// Whether there is a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Solved {
    Yes,
    /// Voltages settle, controls go to and fro: values are those of the last round.
    Hunting,
    No,
    /// Nothing is fed, so there is nothing to solve.
    Dead,
}

impl Solved {
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "solved",
            Self::Hunting => "controls hunting",
            Self::No => "no solution",
            Self::Dead => "nothing fed",
        }
    }
}

/// What becomes of the network. Without a solution all but the counts of what is fed is empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    pub solved: Solved,
    /// Groups of nodes that a source feeds, and that none feeds.
    pub islands_fed: usize,
    pub islands_dead: usize,
    pub unserved_kw: f64,
    pub unserved_customers: f64,
    pub lowest_v: Extreme,
    pub highest_v: Extreme,
    /// Largest loading, percent, of a line and of a transformer.
    pub line_pct: Extreme,
    pub transformer_pct: Extreme,
    pub losses_kw: Option<f64>,
    /// Limits crossed that the base keeps, and those crossed farther than in the base; the farthest beyond its limit first.
    pub violations: Vec<Violation>,
    /// Limits that base and question cross alike.
    pub n_kept: usize,
    /// Sum of what loadings exceed their limits by, percent.
    pub overload_pct: f64,
    /// Largest power mismatch recomputed from scratch, VA; where it was asked for.
    pub mismatch_va: Option<f64>,
}

impl Condition {
    /// Solved, and no limit is crossed that the base keeps.
    pub fn is_feasible(&self) -> bool {
        matches!(self.solved, Solved::Yes | Solved::Dead) && self.violations.is_empty()
    }

    fn without_values(solved: Solved) -> Self {
        Self {
            solved,
            islands_fed: 0,
            islands_dead: 0,
            unserved_kw: 0.0,
            unserved_customers: 0.0,
            lowest_v: None,
            highest_v: None,
            line_pct: None,
            transformer_pct: None,
            losses_kw: None,
            violations: Vec::new(),
            n_kept: 0,
            overload_pct: 0.0,
            mismatch_va: None,
        }
    }

    /// Nothing is fed.
    pub(crate) fn dead() -> Self {
        Self::without_values(Solved::Dead)
    }

    /// No solution.
    pub(crate) fn unsolved() -> Self {
        Self::without_values(Solved::No)
    }
}

/// A load and what it drew.
#[derive(Clone, Debug)]
struct Drawn {
    load: ElementId,
    customers: f64,
    /// Phase nodes (bus, node) with the power drawn there, kW.
    at: Vec<((BusId, u32), f64)>,
}

/// Limits, and how the base stands to them.
#[derive(Clone, Debug)]
pub struct Judge {
    pub criteria: Criteria,
    /// Loadings count from emergency ratings.
    pub emergency: bool,
    crossed: HashMap<(Criterion, Spot), f64>,
    loads: Vec<Drawn>,
}

/// Operates switches on one solved state.
#[derive(Clone, Debug)]
pub struct Operator {
    base: State,
    work: State,
    sensors: Arc<Sensors>,
    judge: Arc<Judge>,
    pub base_condition: Arc<Condition>,
    /// Power flows solved.
    pub n_solved: u64,
}

impl Operator {
    /// An operator on a settled state.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn new(base: &State, criteria: &Criteria, emergency: bool) -> Result<Self, CircuitError> {
        let sensors = Arc::new(all_sensors(base)?);
        let judge = Judge { criteria: criteria.clone(), emergency, crossed: HashMap::new(), loads: drawn(base) };
        let mut operator = Self {
            base: base.clone(),
            work: base.clone(),
            sensors,
            judge: Arc::new(judge),
            base_condition: Arc::new(Condition::dead()),
            n_solved: 0,
        };
        let mut condition = operator.read(base, Solved::Yes);
        let crossed = condition.violations.iter().map(|v| ((v.criterion, v.at), v.value)).collect();
        condition.n_kept = condition.violations.len();
        condition.violations.clear();
        let judge = Judge { crossed, ..(*operator.judge).clone() };
        operator.judge = Arc::new(judge);
        operator.base_condition = Arc::new(condition);
        Ok(operator)
    }

    pub fn base(&self) -> &State {
        &self.base
    }

    /// The state that the last question ended with.
    pub fn state(&self) -> &State {
        &self.work
    }

    /// Loadings of the state that the last question ended with, percent of the rating that the judge counts from; what has no rating, or no supply, is left out.
    pub fn loadings(&self) -> Vec<(ElementId, f64)> {
        let fed = supplied(&self.work, true);
        let mut found = Vec::new();
        self.sensors.each(&self.work, &fed, self.judge.emergency, &mut |criterion, at, value| {
            if let (Criterion::ThermalLine | Criterion::ThermalTransformer, At::Element(id)) = (criterion, at) {
                found.push((id, value));
            }
        });
        found
    }

    pub fn network(&self) -> &Arc<Network> {
        self.base.circuit().network()
    }

    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Limits that the base crosses, in the order of criteria and places.
    pub fn crossed(&self) -> Vec<Violation> {
        let of = |(&(criterion, at), &value): (&(Criterion, Spot), &f64)| {
            let limit = self.judge.criteria.limit(criterion).unwrap_or(f64::NAN);
            Violation { criterion, at, value, limit, before: Some(value) }
        };
        let mut found: Vec<Violation> = self.judge.crossed.iter().map(of).collect();
        found.sort_by_key(|v| (v.criterion, v.at));
        found
    }

    /// Power that the loads of each zone drew in the base, kW, and their customers.
    pub fn by_zone(&self, zones: &Zones) -> Vec<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0); zones.n];
        for load in &self.judge.loads {
            if let Some(((bus, _), _)) = load.at.first() {
                let sum = &mut sums[zones.of_bus(*bus)];
                sum.0 += load.at.iter().map(|a| a.1).sum::<f64>();
                sum.1 += load.customers;
            }
        }
        sums
    }

    /// The same question on a network without some elements: what carries no power through itself (sources, generators, loads) is taken out of the
    /// model, see [`opening`] for what is switched off instead. None where no source is left.
    ///
    /// # Errors
    /// A circuit that cannot be compiled or factored.
    pub fn without(&self, removed: &[ElementId]) -> Result<Option<Self>, CircuitError> {
        if removed.is_empty() {
            return Ok(Some(self.clone()));
        }
        let mut network = (**self.network()).clone();
        for &id in removed {
            network.common_mut(id).enabled = false;
        }
        let circuit = match Circuit::compile(Arc::new(network)) {
            Ok(circuit) => Arc::new(circuit),
            Err(CircuitError::NoSource) => return Ok(None),
            Err(e) => return Err(e),
        };
        let base = moved_to(&circuit, &self.base)?;
        let sensors = Arc::new(all_sensors(&base)?);
        Ok(Some(Self {
            work: base.clone(),
            base,
            sensors,
            judge: Arc::clone(&self.judge),
            base_condition: Arc::clone(&self.base_condition),
            n_solved: self.n_solved,
        }))
    }

    /// The base with its switches elsewhere, not solved: what zones are drawn from.
    pub fn switched(&self, operations: &[Operation]) -> State {
        let mut state = self.base.clone();
        operate(&mut state, operations);
        state
    }

    /// Moves switches and solves.
    ///
    /// # Errors
    /// A circuit that cannot be factored. What does not settle is an answer.
    pub fn ask(&mut self, operations: &[Operation]) -> Result<Condition, CircuitError> {
        self.solve(operations).map(|answer| answer.0)
    }

    /// As [`Operator::ask`], with the certificate's mismatch, and the evidence where there is no solution.
    ///
    /// # Errors
    /// As [`Operator::ask`].
    pub fn ask_certified(&mut self, operations: &[Operation]) -> Result<(Condition, Option<Box<Unsettled>>), CircuitError> {
        let (mut condition, progress) = self.solve(operations)?;
        match conclude(&self.work, &progress) {
            Outcome::Settled(solution) => {
                condition.mismatch_va = Some(solution.certificate().mismatch_va);
                Ok((condition, None))
            }
            Outcome::Unsettled(unsettled) => {
                if condition.solved == Solved::Yes {
                    // The iteration came to rest at what is no solution.
                    condition = self.read(&self.work, Solved::No);
                }
                Ok((condition, Some(unsettled)))
            }
        }
    }

    fn solve(&mut self, operations: &[Operation]) -> Result<(Condition, powerflow::solve::Progress), CircuitError> {
        self.work.restore(&self.base);
        operate(&mut self.work, operations);
        self.n_solved += 1;
        let mut progress = self.work.solve_moment()?;
        if !progress.settled() {
            let warm = (self.work.clone(), progress);
            self.work.restore(&self.base);
            operate(&mut self.work, operations);
            self.work.forget_profile();
            self.n_solved += 1;
            progress = self.work.solve_moment()?;
            if !progress.convergence.settled && warm.1.convergence.settled {
                (self.work, progress) = warm;
            }
        }
        let solved = match (progress.convergence.settled, progress.settled()) {
            (_, true) => Solved::Yes,
            (true, false) => Solved::Hunting,
            (false, false) => Solved::No,
        };
        Ok((self.read(&self.work, solved), progress))
    }

    /// Reads a state. Values that are no numbers are violations.
    fn read(&self, state: &State, solved: Solved) -> Condition {
        let mut condition = Condition::without_values(solved);
        let circuit = state.circuit();
        (condition.islands_fed, condition.islands_dead) = islands(state);
        let fed = supplied(state, solved != Solved::No);
        for load in &self.judge.loads {
            // A load that is taken out itself has no supply wherever it stood.
            let is_gone = circuit.index_of(load.load).is_none();
            let is_out = |&&((bus, at), _): &&((BusId, u32), f64)| {
                let n = circuit.node_number(bus, at);
                is_gone || n == 0 || !fed[n as usize]
            };
            if load.at.iter().any(|a| is_out(&a)) {
                condition.unserved_kw += load.at.iter().filter(is_out).map(|a| a.1).sum::<f64>().max(0.0);
                condition.unserved_customers += load.customers;
            }
        }
        if solved == Solved::No {
            return condition;
        }
        condition.losses_kw = Some(state.losses_kva().re);
        let judge = &self.judge;
        let mut violations = Vec::new();
        let (mut n_kept, mut overload_pct) = (0, 0.0);
        self.sensors.each(state, &fed, judge.emergency, &mut |criterion, at, value| {
            let Some(spot) = Spot::of(circuit, at) else { return };
            let worst = match criterion {
                Criterion::OverVoltage => Some((&mut condition.highest_v, 1.0)),
                Criterion::UnderVoltage => Some((&mut condition.lowest_v, -1.0)),
                Criterion::ThermalLine => Some((&mut condition.line_pct, 1.0)),
                Criterion::ThermalTransformer => Some((&mut condition.transformer_pct, 1.0)),
                _ => None,
            };
            if let Some((worst, sign)) = worst
                && worst.is_none_or(|(w, _)| sign * (value - w) > 0.0 || value.is_nan())
            {
                *worst = Some((value, spot));
            }
            if matches!(criterion, Criterion::ThermalLine | Criterion::ThermalTransformer) && value > 100.0 {
                overload_pct += value - 100.0;
            }
            let Some(limit) = judge.criteria.limit(criterion) else { return };
            if criterion.margin(value, limit) >= 0.0 {
                return;
            }
            let before = judge.crossed.get(&(criterion, spot)).copied();
            let is_worse = before.is_none_or(|b| criterion.margin(value, b) < -SLACK * limit.abs() || value.is_nan());
            if is_worse {
                violations.push(Violation { criterion, at: spot, value, limit, before });
            } else {
                n_kept += 1;
            }
        });
        violations.sort_by(|a, b| b.excess().total_cmp(&a.excess()).then_with(|| (a.criterion, a.at).cmp(&(b.criterion, b.at))));
        (condition.violations, condition.n_kept, condition.overload_pct) = (violations, n_kept, overload_pct);
        condition
    }
}

/// The operations that take an element which carries power between buses out of service; none for what stands at one bus.
pub fn opening(network: &Network, id: ElementId) -> Option<Vec<Operation>> {
    let terminals = &network.common(id).terminals;
    let is_between = terminals.len() > 1 && terminals.iter().any(|t| t.bus != terminals[0].bus);
    let can_open = matches!(id.kind, ElementKind::Line | ElementKind::Transformer | ElementKind::Reactor | ElementKind::Capacitor);
    (is_between && can_open).then(|| (0..terminals.len()).map(|terminal| Operation { element: id, terminal, close: false }).collect())
}

fn operate(state: &mut State, operations: &[Operation]) {
    for o in operations {
        state.set_closed(o.element, o.terminal, None, o.close);
    }
}

/// What there is to look at when every switch is closed: nodes that nothing feeds in the base may be fed in an answer.
fn all_sensors(base: &State) -> Result<Sensors, CircuitError> {
    let mut closed = base.clone();
    let zones = Zones::new(base, Switches::Marked, &HashSet::new());
    for s in zones.switches.iter().filter(|s| !s.is_closed) {
        closed.set_closed(s.element, s.terminal, None, true);
    }
    closed.refresh()?;
    Sensors::new(&mut closed)
}

/// Islands with and without a source.
fn islands(state: &State) -> (usize, usize) {
    // Nodes of one island are fed alike; the labels are the circuit's own.
    let (labels, fed) = (state.island_labels(), state.fed_nodes());
    let (mut with, mut without) = (HashSet::new(), HashSet::new());
    for n in 1..labels.len() {
        if fed[n] {
            with.insert(labels[n])
        } else {
            without.insert(labels[n])
        };
    }
    (with.len(), without.len())
}

/// What every load draws in a state.
fn drawn(state: &State) -> Vec<Drawn> {
    let circuit = state.circuit();
    let network = circuit.network();
    let fed = supplied(state, true);
    let v = state.voltages();
    let mut found = Vec::new();
    for (index, e) in circuit.elements().iter().enumerate().filter(|(_, e)| e.id.kind == ElementKind::Load) {
        let load = &network.loads[e.id.index()];
        let Some(terminal) = load.common.terminals.first() else { continue };
        let i = state.element_currents(index);
        let kw = |k: usize| (v[e.nodes[k] as usize] * i[k].conj()).re / 1e3 * state.phases_for_one();
        let total: f64 = (0..e.nodes.len()).map(kw).sum();
        let n_phases = load.common.n_phases.min(e.n_conductors);
        let is_delta = load.connection == Connection::Delta;
        // A delta of one phase has two phase conductors.
        let conductors: Vec<usize> = (0..if is_delta { e.n_conductors } else { n_phases }).filter(|&k| e.nodes[k] != 0).collect();
        if conductors.is_empty() || !conductors.iter().all(|&k| fed[e.nodes[k] as usize]) {
            // Nobody supplied it, so nothing takes its supply.
            continue;
        }
        let own: f64 = conductors.iter().map(|&k| kw(k)).sum();
        let share = |k: usize| if is_delta || own == 0.0 { total / conductors.len() as f64 } else { kw(k) * total / own };
        let at = conductors.iter().map(|&k| ((terminal.bus, node_at(circuit, e.nodes[k])), share(k))).collect();
        found.push(Drawn { load: e.id, customers: f64::from(load.n_customers), at });
    }
    found
}

fn node_at(circuit: &Circuit, n: NodeNumber) -> u32 {
    circuit.node(n).at_bus
}

/// A state of another circuit of the same network with taps, banks, switches, clock and memory of `from`.
fn moved_to(circuit: &Arc<Circuit>, from: &State) -> Result<State, CircuitError> {
    let mut state = State::new(circuit)?;
    state.options.clone_from(&from.options);
    state.adopt(from, true);
    let network = circuit.network();
    for id in network.ids(ElementKind::Transformer) {
        let taps = from.taps(id).map(<[f64]>::to_vec).unwrap_or_default();
        taps.iter().enumerate().for_each(|(w, &tap)| state.set_tap(id, w, tap));
    }
    for id in network.ids(ElementKind::Capacitor) {
        if let Some(steps) = from.capacitor_steps(id).map(<[bool]>::to_vec)
            && circuit.index_of(id).is_some()
        {
            state.set_capacitor_steps(id, &steps);
        }
    }
    for e in circuit.elements() {
        for terminal in 0..e.n_terminals {
            for c in 0..e.n_conductors {
                let closed = from.is_closed(e.id, terminal, c);
                if closed != state.is_closed(e.id, terminal, c) {
                    state.set_closed(e.id, terminal, Some(c), closed);
                }
            }
        }
    }
    state.build()?;
    Ok(state)
}

impl Judge {
    /// Customers of all loads that the base feeds, and what they drew, kW.
    pub fn served(&self) -> (f64, f64) {
        (self.loads.iter().map(|l| l.customers).sum(), self.loads.iter().flat_map(|l| &l.at).map(|a| a.1).sum())
    }

    /// Everything that the base serves is out.
    pub fn all_out(&self) -> Condition {
        let (customers, kw) = self.served();
        Condition { unserved_kw: kw.max(0.0), unserved_customers: customers, ..Condition::dead() }
    }

    /// Loads that the base feeds.
    pub fn all_loads(&self) -> Vec<ElementId> {
        self.loads.iter().map(|l| l.load).collect()
    }

    /// Loads that the base feeds and a state of its switches does not.
    pub fn out_in(&self, state: &State) -> Vec<ElementId> {
        let fed = supplied(state, true);
        let circuit = state.circuit();
        let is_out = |&((bus, at), _): &((BusId, u32), f64)| {
            let n = circuit.node_number(bus, at);
            n == 0 || !fed[n as usize]
        };
        self.loads.iter().filter(|l| l.at.iter().any(is_out)).map(|l| l.load).collect()
    }
}
