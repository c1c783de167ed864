//! Restoration: supply for what an outage has parted from its source, over switches that stand open, within all limits.
//!
//! # Derivation
//!
//! After isolation let `E` be the zones with supply, `F` the faulted ones and `D` the healthy zones without supply. A *plan* is a rooted forest over `D`
//! (`forests`), its roots in `E`: each zone that the forest reaches is supplied over exactly one switch, so the network stays radial. What a plan
//! does follows:
//!
//! ```text
//! close   every switch of the forest that stands open
//! open    every closed switch beside the forest with an end that the forest reaches: between two trees, or to what stays without supply
//! ```
//!
//! A plan is *feasible* when the network that it leads to has a solution, and crosses no limit that was kept before the outage, nor one farther than the
//! isolated network does. Of the feasible plans that one is best that leaves the least power unserved, then takes the fewest operations, then has
//! the least losses.
//!
//! **Exact.** All plans are listed. What a plan leaves out, by zones, is a lower bound of the power that it leaves unserved (a switch of one phase
//! may serve less than the whole zone). They are solved in ascending order of (bound, operations), until the bound of the next one lies
//! above the best that was found: what follows cannot be better.
//!
//! **Heuristic**, where there are too many plans to list or to solve: each part of `D` that hangs together is tried whole over each switch that leads to
//! it; what no single switch can take is supplied zone by zone, each time by the feasible step that serves most. The gap told is what it leaves
//! unserved beyond what no plan could serve: the true gap is at most that.
//!
//! The problem and the forests are those of service restoration in the literature (Morelato and Monticelli, IEEE Transactions on Power Delivery
//! 4, 1989, 2235-2241; Miu, Chiang, Yuan and Darling, 13, 1998, 1433-1439); every plan is solved whole here, nothing is estimated.

use super::forests::{Edge, each_forest};
use super::isolate::{Isolated, Isolation, isolate};
use super::operator::{Condition, Operation, Operator, Solved, Violation};
use super::zones::Switches;
use crate::hosting::criteria::SLACK;
use network::ElementId;
use powerflow::CircuitError;
use serde::{Deserialize, Serialize};

/// Unserved powers that differ by less than this are the same, kW.
const SAME_KW: f64 = 1e-6;

/// How plans are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Search {
    /// Exact where there are not too many plans.
    #[default]
    Auto,
    Exact,
    Heuristic,
}

/// What a restoration is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreOptions {
    pub isolation: Isolation,
    pub switches: Switches,
    pub search: Search,
    /// Plans that are listed at most.
    pub max_plans: usize,
    /// Plans that are solved at most.
    pub max_solved: usize,
    /// Operations that a plan may take, isolation not counted.
    pub max_operations: Option<usize>,
    /// Refused plans that are told.
    pub told: usize,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            isolation: Isolation::default(),
            switches: Switches::default(),
            search: Search::Auto,
            max_plans: 50_000,
            max_solved: 2_000,
            max_operations: None,
            told: 20,
        }
    }
}

/// What an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    Isolate,
    /// Opened without voltage.
    Prepare,
    Supply,
}

impl Stage {
    pub fn word(self) -> &'static str {
        match self {
            Self::Isolate => "isolate",
            Self::Prepare => "prepare",
            Self::Supply => "supply",
        }
    }
}

/// One operation, and what becomes of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub stage: Stage,
    pub operation: Operation,
    /// None while the fault is not parted on all sides.
    pub condition: Option<Condition>,
    /// No limit is crossed that was kept, or not farther.
    pub is_within: bool,
}

/// A plan that was solved and refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub operations: Vec<Operation>,
    pub unserved_kw: f64,
    pub reason: Reason,
}

/// Why a plan is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reason {
    /// The violation farthest beyond its limit, and how many there are.
    Violates(Violation, usize),
    NotSolved(Solved),
    /// Feasible, but the plan taken serves more, takes fewer operations or loses less.
    Worse {
        losses_kw: Option<f64>,
    },
}

/// What can be done about an outage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Restoration {
    pub elements: Vec<ElementId>,
    pub outage: Vec<Operation>,
    pub isolation: Vec<Operation>,
    pub removed: Vec<ElementId>,
    /// Isolated, nothing transferred.
    pub isolated: Condition,
    /// Of what is without supply then: in the faulted zones, which wait for the repair.
    pub faulted_kw: f64,
    pub faulted_customers: f64,
    /// What no switch leads to besides.
    pub unreachable_kw: f64,
    /// Switches that could supply something, as they stand.
    pub n_ties: usize,
    /// The plan, in the order of its steps.
    pub operations: Vec<Operation>,
    pub steps: Vec<Step>,
    /// With the plan done.
    pub restored: Condition,
    /// Loads that have no supply then, in whole or in part.
    pub unserved_loads: Vec<ElementId>,
    /// Every plan was listed, and none can be better.
    pub is_exact: bool,
    /// What the plan leaves unserved beyond a bound that no plan can be below, kW; zero where it is exact.
    pub gap_kw: f64,
    pub n_plans: usize,
    pub n_solved: u64,
    /// The best of those refused first.
    pub refused: Vec<Refused>,
}

impl Restoration {
    pub fn restored_kw(&self) -> f64 {
        (self.isolated.unserved_kw - self.restored.unserved_kw).max(0.0)
    }
}

/// The graph of what can be supplied.
struct Dark {
    /// Vertex 0 stands for all that has supply; then the dark zones.
    edges: Vec<Edge>,
    /// Switch of each edge.
    switch: Vec<usize>,
    n: usize,
    /// Power of each vertex in the base, kW.
    kw: Vec<f64>,
    total_kw: f64,
}

/// A plan and its bound.
#[derive(Clone, Debug)]
struct Plan {
    edges: Vec<u32>,
    unserved_kw: f64,
    n_operations: usize,
}

impl Dark {
    fn new(isolated: &Isolated, operator: &Operator) -> Self {
        let zones = &isolated.zones;
        let reached = isolated.reached();
        let was_reached = zones_before(isolated, operator);
        let by_zone = operator.by_zone(zones);
        let mut vertex = vec![None; zones.n];
        let mut kw = vec![0.0];
        for z in 0..zones.n {
            if reached[z] {
                vertex[z] = Some(0);
            } else if !isolated.is_faulted[z] {
                // What was dark before the outage may serve as a way, but is not missed.
                vertex[z] = Some(kw.len());
                kw.push(if was_reached[z] { by_zone[z].0.max(0.0) } else { 0.0 });
            }
        }
        let (mut edges, mut switch) = (Vec::new(), Vec::new());
        for (s, at) in zones.switches.iter().enumerate() {
            if let (Some(a), Some(b)) = (vertex[at.between.0], vertex[at.between.1])
                && a != b
            {
                edges.push(Edge { a, b });
                switch.push(s);
            }
        }
        let total_kw = kw.iter().sum();
        let mut dark = Self { edges, switch, n: kw.len(), kw, total_kw };
        dark.prune();
        dark
    }

    /// Leaves out what no switch can lead from supply to.
    fn prune(&mut self) {
        let mut is_in = vec![false; self.n];
        is_in[0] = true;
        loop {
            let before = is_in.iter().filter(|x| **x).count();
            for e in &self.edges {
                if is_in[e.a] != is_in[e.b] {
                    (is_in[e.a], is_in[e.b]) = (true, true);
                }
            }
            if is_in.iter().filter(|x| **x).count() == before {
                break;
            }
        }
        let keep: Vec<bool> = self.edges.iter().map(|e| is_in[e.a] && is_in[e.b]).collect();
        let mut k = keep.iter();
        self.edges.retain(|_| *k.next().expect("one each"));
        let mut k = keep.iter();
        self.switch.retain(|_| *k.next().expect("one each"));
        // Vertices are numbered anew, those out of reach left out.
        let mut number = vec![0; self.n];
        let mut kw = Vec::new();
        for v in 0..self.n {
            if is_in[v] {
                number[v] = kw.len();
                kw.push(self.kw[v]);
            }
        }
        self.edges.iter_mut().for_each(|e| (e.a, e.b) = (number[e.a], number[e.b]));
        (self.n, self.kw) = (kw.len(), kw);
    }

    fn reachable_kw(&self) -> f64 {
        self.kw.iter().sum()
    }

    /// The operations of a forest.
    fn operations(&self, isolated: &Isolated, taken: &[u32]) -> Vec<Operation> {
        let mut is_in = vec![false; self.n];
        is_in[0] = true;
        let mut is_taken = vec![false; self.edges.len()];
        for &e in taken {
            let edge = &self.edges[e as usize];
            (is_in[edge.a], is_in[edge.b], is_taken[e as usize]) = (true, true, true);
        }
        let mut found = Vec::new();
        for (e, edge) in self.edges.iter().enumerate() {
            let switch = &isolated.zones.switches[self.switch[e]];
            let close = is_taken[e];
            let meets = is_in[edge.a] || is_in[edge.b];
            if close != switch.is_closed && (close || meets) {
                found.push(Operation { element: switch.element, terminal: switch.terminal, close });
            }
        }
        found
    }

    fn plan(&self, isolated: &Isolated, taken: Vec<u32>) -> Plan {
        let mut served = 0.0;
        let mut is_in = vec![false; self.n];
        is_in[0] = true;
        for &e in &taken {
            for v in [self.edges[e as usize].a, self.edges[e as usize].b] {
                if !is_in[v] {
                    is_in[v] = true;
                    served += self.kw[v];
                }
            }
        }
        let n_operations = self.operations(isolated, &taken).len();
        Plan { edges: taken, unserved_kw: (self.total_kw - served).max(0.0), n_operations }
    }
}

/// Zones that had supply before the outage: their buses are fed in the base.
fn zones_before(isolated: &Isolated, operator: &Operator) -> Vec<bool> {
    let base = operator.base();
    let fed = super::supply::supplied(base, true);
    let circuit = base.circuit();
    let mut reached = vec![false; isolated.zones.n];
    for i in 0..circuit.network().buses.len() {
        let bus = network::BusId::from(i);
        if circuit.bus_nodes(bus).iter().any(|&(_, n)| fed[n as usize]) {
            reached[isolated.zones.of_bus(bus)] = true;
        }
    }
    reached
}

/// Searches what can be supplied after an outage, and in which order switches move.
///
/// # Errors
/// A circuit that cannot be compiled or factored.
pub fn restore(operator: &Operator, elements: &[ElementId], options: &RestoreOptions) -> Result<Restoration, CircuitError> {
    let isolated = isolate(operator, elements, options.isolation, options.switches)?;
    let first = isolated.operations();
    let by_zone = operator.by_zone(&isolated.zones);
    let faulted = (0..isolated.zones.n).filter(|&z| isolated.is_faulted[z]);
    let (faulted_kw, faulted_customers) = faulted.fold((0.0, 0.0), |sum, z| (sum.0 + by_zone[z].0, sum.1 + by_zone[z].1));
    let mut found = Restoration {
        elements: elements.to_vec(),
        outage: isolated.outage.clone(),
        isolation: isolated.isolation.clone(),
        removed: isolated.removed.clone(),
        isolated: operator.judge().all_out(),
        faulted_kw,
        faulted_customers,
        unreachable_kw: 0.0,
        n_ties: 0,
        operations: Vec::new(),
        steps: Vec::new(),
        restored: operator.judge().all_out(),
        unserved_loads: operator.judge().all_loads(),
        is_exact: true,
        gap_kw: 0.0,
        n_plans: 0,
        n_solved: 0,
        refused: Vec::new(),
    };
    let Some(mut at) = isolated.operator.clone() else { return Ok(found) };
    at.n_solved = 0;
    found.isolated = at.ask_certified(&first)?.0;
    found.restored = found.isolated.clone();
    let dark = Dark::new(&isolated, operator);
    found.unreachable_kw = (dark.total_kw - dark.reachable_kw()).max(0.0);
    found.n_ties = dark.switch.iter().filter(|&&s| !isolated.zones.switches[s].is_closed).count();
    let mut search = Searching { isolated: &isolated, dark: &dark, at, first, found, options };
    if search.dark.reachable_kw() > SAME_KW {
        search.run()?;
    }
    search.stage()?;
    search.found.n_solved = search.at.n_solved;
    Ok(search.found)
}

struct Searching<'a> {
    isolated: &'a Isolated,
    dark: &'a Dark,
    at: Operator,
    first: Vec<Operation>,
    found: Restoration,
    options: &'a RestoreOptions,
}

/// The best plan so far.
struct Best {
    operations: Vec<Operation>,
    condition: Condition,
}

impl Best {
    /// Less unserved, then fewer operations, then less losses.
    fn is_beaten_by(&self, condition: &Condition, n_operations: usize) -> bool {
        let by = self.condition.unserved_kw - condition.unserved_kw;
        if by.abs() > SAME_KW {
            return by > 0.0;
        }
        if n_operations != self.operations.len() {
            return n_operations < self.operations.len();
        }
        condition.losses_kw.zip(self.condition.losses_kw).is_some_and(|(a, b)| a < b)
    }
}

impl Searching<'_> {
    fn run(&mut self) -> Result<(), CircuitError> {
        let mut plans: Vec<Plan> = Vec::new();
        let mut is_listed = false;
        if self.options.search != Search::Heuristic {
            let (dark, isolated) = (self.dark, self.isolated);
            is_listed = each_forest(dark.n, 1, &dark.edges, false, self.options.max_plans, &mut |taken| {
                plans.push(dark.plan(isolated, taken.iter().map(|&e| e as u32).collect()));
            });
        }
        let nothing = Best { operations: Vec::new(), condition: self.found.isolated.clone() };
        if is_listed {
            self.exact(plans, nothing)
        } else {
            self.found.n_plans = plans.len();
            self.heuristic(nothing)
        }
    }

    fn may_take(&self, n_operations: usize) -> bool {
        self.options.max_operations.is_none_or(|most| n_operations <= most)
    }

    fn exact(&mut self, mut plans: Vec<Plan>, nothing: Best) -> Result<(), CircuitError> {
        plans.retain(|p| self.may_take(p.n_operations) && p.n_operations > 0);
        self.found.n_plans = plans.len();
        plans.sort_by(|a, b| {
            let kw = |p: &Plan| (p.unserved_kw / SAME_KW).round();
            kw(a).total_cmp(&kw(b)).then(a.n_operations.cmp(&b.n_operations)).then_with(|| a.edges.cmp(&b.edges))
        });
        let mut best = nothing;
        for (k, plan) in plans.iter().enumerate() {
            let bound = plan.unserved_kw + self.fixed_kw();
            if bound > best.condition.unserved_kw + SAME_KW
                || (bound > best.condition.unserved_kw - SAME_KW && plan.n_operations > best.operations.len())
            {
                break;
            }
            if k >= self.options.max_solved {
                self.found.is_exact = false;
                self.found.gap_kw = (best.condition.unserved_kw - bound).max(0.0);
                break;
            }
            let operations = self.dark.operations(self.isolated, &plan.edges);
            self.try_plan(operations, &mut best)?;
        }
        self.take(best);
        Ok(())
    }

    /// What no plan serves: the faulted zones and what cannot be reached.
    fn fixed_kw(&self) -> f64 {
        (self.found.isolated.unserved_kw - self.dark.total_kw).max(0.0)
    }

    /// Solves a plan, and keeps it if it is feasible and better.
    fn try_plan(&mut self, operations: Vec<Operation>, best: &mut Best) -> Result<bool, CircuitError> {
        let all: Vec<Operation> = self.first.iter().chain(&operations).copied().collect();
        let condition = self.at.ask(&all)?;
        let unserved_kw = condition.unserved_kw;
        if let Some(reason) = refusal(&condition, &self.found.isolated) {
            self.refuse(Refused { operations, unserved_kw, reason });
            return Ok(false);
        }
        if best.is_beaten_by(&condition, operations.len()) {
            let old = std::mem::replace(best, Best { operations, condition });
            if !old.operations.is_empty() {
                let reason = Reason::Worse { losses_kw: old.condition.losses_kw };
                self.refuse(Refused { operations: old.operations, unserved_kw: old.condition.unserved_kw, reason });
            }
        } else {
            let reason = Reason::Worse { losses_kw: condition.losses_kw };
            self.refuse(Refused { operations, unserved_kw, reason });
        }
        Ok(true)
    }

    fn refuse(&mut self, refused: Refused) {
        if self.found.refused.len() < self.options.told {
            self.found.refused.push(refused);
        }
    }

    fn take(&mut self, best: Best) {
        self.found.operations = best.operations;
        self.found.restored = best.condition;
    }

    /// Whole parts over single switches, then zone by zone.
    fn heuristic(&mut self, nothing: Best) -> Result<(), CircuitError> {
        let dark = self.dark;
        let is_closed = |e: usize| self.isolated.zones.switches[dark.switch[e]].is_closed;
        // Everything that hangs on a vertex over closed switches, as edges.
        let hanging = |from: usize, is_in: &[bool]| {
            let (mut seen, mut taken, mut open) = (is_in.to_vec(), Vec::new(), vec![from]);
            seen[from] = true;
            while let Some(v) = open.pop() {
                for (e, edge) in dark.edges.iter().enumerate().filter(|&(e, _)| is_closed(e)) {
                    let other = if edge.a == v {
                        edge.b
                    } else if edge.b == v {
                        edge.a
                    } else {
                        continue;
                    };
                    if !seen[other] {
                        seen[other] = true;
                        taken.push(e as u32);
                        open.push(other);
                    }
                }
            }
            (taken, seen)
        };
        let mut taken: Vec<u32> = Vec::new();
        let mut is_in = vec![false; dark.n];
        is_in[0] = true;
        let mut best = nothing;
        // Whole parts: over every frontier switch, the best that is feasible, until none is.
        for whole in [true, false] {
            loop {
                let frontier: Vec<usize> = (0..dark.edges.len()).filter(|&e| is_in[dark.edges[e].a] != is_in[dark.edges[e].b]).collect();
                let mut chosen: Option<(Vec<u32>, Vec<bool>, Best, f64)> = None;
                for e in frontier {
                    let edge = dark.edges[e];
                    let next = if is_in[edge.a] { edge.b } else { edge.a };
                    let (more, seen) = if whole {
                        hanging(next, &is_in)
                    } else {
                        let mut seen = is_in.clone();
                        seen[next] = true;
                        (Vec::new(), seen)
                    };
                    let trial: Vec<u32> = taken.iter().copied().chain([e as u32]).chain(more).collect();
                    let operations = dark.operations(self.isolated, &trial);
                    if !self.may_take(operations.len()) || self.at.n_solved as usize >= self.options.max_solved {
                        continue;
                    }
                    let gain: f64 = (0..dark.n).filter(|&v| seen[v] && !is_in[v]).map(|v| dark.kw[v]).sum();
                    let all: Vec<Operation> = self.first.iter().chain(&operations).copied().collect();
                    let condition = self.at.ask(&all)?;
                    if let Some(reason) = refusal(&condition, &self.found.isolated) {
                        let unserved_kw = condition.unserved_kw;
                        self.refuse(Refused { operations, unserved_kw, reason });
                        continue;
                    }
                    let this = Best { operations, condition };
                    let is_better = chosen.as_ref().is_none_or(|(_, _, b, g)| {
                        gain > g + SAME_KW || (gain > g - SAME_KW && b.is_beaten_by(&this.condition, this.operations.len()))
                    });
                    if is_better {
                        chosen = Some((trial, seen, this, gain));
                    }
                }
                let Some((trial, seen, this, _)) = chosen else { break };
                (taken, is_in) = (trial, seen);
                if best.is_beaten_by(&this.condition, this.operations.len()) {
                    best = this;
                }
            }
        }
        self.found.is_exact = false;
        let bound = self.fixed_kw() + dark.total_kw - dark.reachable_kw();
        self.found.gap_kw = (best.condition.unserved_kw - bound).max(0.0);
        if self.found.gap_kw <= SAME_KW {
            self.found.gap_kw = 0.0;
        }
        self.take(best);
        Ok(())
    }

    /// Puts the operations in order and solves after each: what is opened first, without voltage; then what is closed, each time the switch
    /// that keeps the limits and supplies most.
    fn stage(&mut self) -> Result<(), CircuitError> {
        let mut done: Vec<Operation> = self.found.outage.clone();
        let isolation = self.found.isolation.clone();
        for (k, &operation) in isolation.iter().enumerate() {
            done.push(operation);
            let condition = (k + 1 == isolation.len()).then(|| self.found.isolated.clone());
            self.found.steps.push(Step { stage: Stage::Isolate, operation, condition, is_within: true });
        }
        let (mut close, open): (Vec<Operation>, Vec<Operation>) = self.found.operations.iter().partition(|o| o.close);
        let mut order = Vec::new();
        for operation in open {
            done.push(operation);
            order.push(operation);
            let condition = self.at.ask(&done)?;
            let is_within = refusal(&condition, &self.found.isolated).is_none();
            self.found.steps.push(Step { stage: Stage::Prepare, operation, condition: Some(condition), is_within });
        }
        while !close.is_empty() {
            let mut chosen: Option<(usize, Condition, bool)> = None;
            for (k, &operation) in close.iter().enumerate() {
                done.push(operation);
                let condition = self.at.ask(&done)?;
                done.pop();
                let is_within = refusal(&condition, &self.found.isolated).is_none();
                let is_better = chosen.as_ref().is_none_or(|(_, c, within)| match (is_within, *within) {
                    (true, false) => true,
                    (false, true) => false,
                    _ => condition.unserved_kw < c.unserved_kw - SAME_KW,
                });
                if is_better {
                    chosen = Some((k, condition, is_within));
                }
            }
            let Some((k, condition, is_within)) = chosen else { break };
            let operation = close.remove(k);
            done.push(operation);
            order.push(operation);
            self.found.steps.push(Step { stage: Stage::Supply, operation, condition: Some(condition), is_within });
        }
        self.found.restored = self.at.ask_certified(&done)?.0;
        self.found.unserved_loads = self.at.judge().out_in(self.at.state());
        self.found.operations = order;
        Ok(())
    }
}

/// Why a condition is refused, against that of the isolated network.
fn refusal(condition: &Condition, isolated: &Condition) -> Option<Reason> {
    if !matches!(condition.solved, Solved::Yes | Solved::Dead) {
        return Some(Reason::NotSolved(condition.solved));
    }
    let is_new = |v: &&Violation| {
        let there = isolated.violations.iter().find(|b| (b.criterion, b.at) == (v.criterion, v.at));
        there.is_none_or(|b| v.criterion.margin(v.value, b.value) < -SLACK * v.limit.abs() || v.value.is_nan())
    };
    let mut new = condition.violations.iter().filter(is_new);
    let first = new.next()?;
    Some(Reason::Violates(*first, 1 + new.count()))
}
