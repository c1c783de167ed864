//! A diagram as functions of independent events.
//!
//! # Events
//!
//! A component is one event: it works or it does not. With a common cause of part `beta` its own event keeps the part `1 - beta` of its unavailability,
//! and an event for the cause, with `beta` of it, takes all its components out: `works(i) = own(i) and not cause`. Where members differ the cause takes
//! its part of the geometric mean of their unavailabilities. A block whose members wait for one another (standby, too few crews) is one event with the
//! availability and frequency of its chain ([`super::markov`]), joined by the causes of its members.
//!
//! # Order
//!
//! Events are numbered as a walk from the plant downwards meets them: what stands close together in the diagram stands close in the order, which keeps the
//! functions of nested blocks small. Members that count by capacity come by capacity, largest first.

use super::bdd::{Bdd, DOWN, Node, TooLarge, UP, VARIABLES_MAX};
use super::exact::Reading;
use super::markov::{Chain, Group, UNITS_MAX};
use super::plan::{Member, Plan};
use network::Diagnostic;
use network::availability::BlockKind;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    Component(usize),
    Cause(usize),
    /// A block whose members wait for one another.
    Chain(usize),
}

/// What of the diagram is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Steady state with repair: chains are events.
    Steady,
    /// Moments of a simulation: standby blocks are events, crews are simulated.
    Moments,
    /// Without repair: crews do not matter.
    Unrepaired,
}

pub(super) struct Compiled {
    pub bdd: Bdd,
    /// Event of each variable.
    pub events: Vec<About>,
    /// Of blocks that are chains.
    pub chains: Vec<Option<Chain>>,
    variable_of: Vec<Option<u32>>,
    cause_variable: Vec<Option<u32>>,
    chain_variable: Vec<Option<u32>>,
}

/// A block that its members alone decide, as a group that waits for one another.
fn group(plan: &Plan<'_>, block: usize, purpose: Purpose, uses: &[usize]) -> Option<Group> {
    let b = plan.block(block);
    let components = plan.components_of(block)?;
    let first = *components.first()?;
    let crew = plan.crew_of[first].filter(|c| components.iter().all(|i| plan.crew_of[*i] == Some(*c)));
    // The crews have to be theirs alone.
    let crew = crew.filter(|c| plan.crew_of.iter().filter(|x| **x == Some(*c)).count() == components.len());
    let crews = crew.map_or(components.len(), |c| plan.diagram.crews[c].number as usize).min(components.len());
    let is_standby = b.kind == BlockKind::Standby;
    let waits = crews < components.len()
        && purpose == Purpose::Steady
        && b.capacity_required_mw.is_none()
        && components.iter().all(|i| uses[*i] == 1);
    let alike = components.iter().all(|i| plan.are_alike(first, *i) && plan.own_means[*i].times_h.is_some());
    if !(is_standby || waits && alike) {
        return None;
    }
    let switching = b.switching.unwrap_or_default();
    let (mtbf_h, mttr_h) = plan.own_means[first].times_h.unwrap_or((1.0, 0.0));
    let required = plan.k_of(block)?;
    let running = if is_standby { required } else { components.len() };
    let factor = if is_standby { switching.standby_factor } else { 1.0 };
    let success = if is_standby { switching.success } else { 1.0 };
    let manual_h = switching.manual_h.filter(|_| is_standby);
    Some(Group { units: components.len(), required, running, crews, mtbf_h, mttr_h, standby_factor: factor, success, manual_h })
}

/// The group of a standby block, as it lives without repair.
pub(super) fn unrepaired_group(plan: &Plan<'_>, block: usize) -> Option<Group> {
    let whole = group(plan, block, Purpose::Unrepaired, &plan.uses())?;
    // What common causes leave to the units: the same part of their rate.
    let first = *plan.components_of(block)?.first()?;
    let own = 1.0 - plan.causes_of[first].iter().map(|g| plan.causes[*g].beta).sum::<f64>();
    let (mtbf_h, _) = plan.means[first].times_h?;
    Some(Group { mtbf_h: mtbf_h / own, ..whole })
}

impl Compiled {
    /// Functions of all events of a plan.
    ///
    /// # Errors
    /// What this purpose has no answer to, and a diagram that is too large.
    pub fn new(plan: &Plan<'_>, purpose: Purpose, findings: &mut Vec<Diagnostic>) -> Result<Self, Vec<Diagnostic>> {
        let uses = plan.uses();
        let n_blocks = plan.members.len();
        let mut grave = Vec::new();
        let mut chains = vec![None; n_blocks];
        let mut is_chain = vec![false; n_blocks];
        for (b, chain) in chains.iter_mut().enumerate() {
            let block = plan.block(b);
            let Some(group) = group(plan, b, purpose, &uses) else { continue };
            let components = plan.components_of(b).unwrap_or_default();
            is_chain[b] = true;
            if group.units > UNITS_MAX {
                grave.push(too_large(plan).element(block.id.clone()).at(&block.source));
                continue;
            }
            if block.kind == BlockKind::Standby {
                if let Some(i) = components.iter().find(|i| uses[**i] > 1) {
                    let d = Diagnostic::error("RAM.STANDBY.SHARED", "a member of a standby block is named by another block too");
                    let d = d.detail(format!("It is {}.", plan.component(*i).id)).element(block.id.clone()).at(&block.source);
                    grave.push(d.hint("Name it once; whether it runs or waits cannot be told for two blocks."));
                }
                let alike = components.iter().all(|i| plan.are_alike(components[0], *i));
                let timed = components.iter().all(|i| plan.own_means[*i].times_h.is_some());
                if purpose != Purpose::Moments && !(alike && timed) {
                    let d = Diagnostic::error(
                        "RAM.STANDBY.UNEQUAL",
                        "the members of a standby block differ, or have no MTBF, so there is no exact result",
                    );
                    let d = d.element(block.id.clone()).at(&block.source);
                    grave.push(d.hint("Simulate it, or give its members the same MTBF and MTTR."));
                    continue;
                }
            }
            if purpose == Purpose::Moments {
                continue;
            }
            if !plan.is_exponential(components[0]) {
                let d = Diagnostic::warning(
                    "RAM.EXACT.EXPONENTIAL",
                    "units that wait for one another are taken with exponential lifetimes in the exact result",
                );
                findings.push(d.element(block.id.clone()).at(&block.source).hint("Simulate it for lifetimes of another kind."));
            }
            *chain = Some(group.solve());
        }
        if purpose == Purpose::Steady {
            let covered = |i: usize| (0..n_blocks).any(|b| is_chain[b] && plan.members[b].contains(&Member::Component(i)));
            let short = |c: usize| (plan.diagram.crews[c].number as usize) < plan.crew_of.iter().filter(|x| **x == Some(c)).count();
            for (c, crews) in plan.diagram.crews.iter().enumerate() {
                let open = (0..plan.crew_of.len()).any(|i| plan.crew_of[i] == Some(c) && !covered(i));
                if short(c) && open {
                    let d = Diagnostic::warning(
                        "RAM.EXACT.CREWS",
                        "crews that may be busy elsewhere are left out of the exact result: repairs begin at once in it",
                    );
                    findings.push(d.element(crews.id.clone()).hint("Simulate it, or compare the simulation with the exact result."));
                }
            }
            for s in plan.diagram.spares.iter().enumerate().filter(|(s, _)| plan.spares_of.contains(&Some(*s))).map(|(_, s)| s) {
                let d = Diagnostic::warning("RAM.EXACT.SPARES", "spares that may run out are left out of the exact result");
                findings.push(d.element(s.id.clone()).hint("Simulate it."));
            }
            for c in plan.diagram.components.iter().filter(|c| c.maintenance.is_some()) {
                let d = Diagnostic::warning("RAM.EXACT.MAINTENANCE", "planned maintenance is left out of the exact result");
                findings.push(d.element(c.id.clone()).at(&c.source).hint("Simulate it."));
            }
        }
        if !grave.is_empty() {
            return Err(grave);
        }
        let mut made = Self {
            bdd: Bdd::new(),
            events: Vec::new(),
            chains,
            variable_of: vec![None; plan.diagram.components.len()],
            cause_variable: vec![None; plan.causes.len()],
            chain_variable: vec![None; n_blocks],
        };
        made.number(plan, &is_chain);
        if made.events.len() > VARIABLES_MAX {
            return Err(vec![too_large(plan)]);
        }
        Ok(made)
    }

    /// Numbers events in the order of a walk.
    fn number(&mut self, plan: &Plan<'_>, is_chain: &[bool]) {
        let mut seen = vec![false; plan.members.len()];
        let starts = std::iter::once(plan.system).chain(plan.order.iter().rev().copied());
        let mut open: Vec<Member> = Vec::new();
        for start in starts {
            open.push(Member::Block(start));
            while let Some(m) = open.pop() {
                match m {
                    Member::Component(i) => self.number_component(plan, i),
                    Member::Block(b) if std::mem::replace(&mut seen[b], true) => {}
                    Member::Block(b) => {
                        if is_chain[b] {
                            let causes: Vec<usize> = plan.members[b].iter().flat_map(|m| self.causes(plan, *m)).collect();
                            causes.into_iter().for_each(|g| self.number_cause(g));
                            let next = self.events.len() as u32;
                            self.chain_variable[b] = Some(next);
                            self.events.push(About::Chain(b));
                            continue;
                        }
                        let mut members: Vec<Member> = plan.members[b].iter().chain(&plan.capacity_members[b]).copied().collect();
                        if plan.block(b).capacity_required_mw.is_some() {
                            members.sort_by_key(|m| std::cmp::Reverse(plan.capacity_w(*m)));
                        }
                        open.extend(members.into_iter().rev());
                    }
                }
            }
        }
    }

    fn causes(&self, plan: &Plan<'_>, m: Member) -> Vec<usize> {
        if let Member::Component(i) = m { plan.causes_of[i].clone() } else { Vec::new() }
    }

    fn number_cause(&mut self, g: usize) {
        if self.cause_variable[g].is_none() {
            self.cause_variable[g] = Some(self.events.len() as u32);
            self.events.push(About::Cause(g));
        }
    }

    fn number_component(&mut self, plan: &Plan<'_>, i: usize) {
        if self.variable_of[i].is_none() {
            plan.causes_of[i].iter().for_each(|g| self.number_cause(*g));
            self.variable_of[i] = Some(self.events.len() as u32);
            self.events.push(About::Component(i));
        }
    }

    /// Up where a component works.
    pub fn component(&mut self, plan: &Plan<'_>, i: usize) -> Result<Node, TooLarge> {
        let own = match self.variable_of[i] {
            Some(v) => self.bdd.works(v)?,
            None => UP,
        };
        self.unless_caused(&plan.causes_of[i], own)
    }

    fn unless_caused(&mut self, causes: &[usize], own: Node) -> Result<Node, TooLarge> {
        let mut f = own;
        for g in causes {
            if let Some(v) = self.cause_variable[*g] {
                let free = self.bdd.works(v)?;
                f = self.bdd.and(f, free)?;
            }
        }
        Ok(f)
    }

    /// Up where each block works, by one reading of k out of n; `held` holds one block up or down whatever its members do, given the functions of
    /// the diagram as it is, of which those are kept that do not depend on it.
    pub fn blocks(&mut self, plan: &Plan<'_>, reading: Reading, held: Option<(usize, bool, &[Node])>) -> Result<Vec<Node>, TooLarge> {
        let mut found = vec![DOWN; plan.members.len()];
        let mut depends = vec![false; plan.members.len()];
        for &b in &plan.order {
            if let Some((block, works, base)) = held {
                let all = plan.members[b].iter().chain(&plan.capacity_members[b]);
                depends[b] = b == block || all.into_iter().any(|m| matches!(m, Member::Block(i) if depends[*i]));
                if b == block {
                    found[b] = if works { UP } else { DOWN };
                    continue;
                }
                if !depends[b] {
                    found[b] = base[b];
                    continue;
                }
            }
            found[b] = self.block(plan, reading, b, &found)?;
        }
        Ok(found)
    }

    fn block(&mut self, plan: &Plan<'_>, reading: Reading, b: usize, found: &[Node]) -> Result<Node, TooLarge> {
        if let Some(v) = self.chain_variable[b] {
            let causes: Vec<usize> = plan.members[b].iter().flat_map(|m| self.causes(plan, *m)).collect();
            let own = self.bdd.works(v)?;
            return self.unless_caused(&causes, own);
        }
        let block = plan.block(b);
        let by_capacity = block.capacity_required_mw.filter(|_| reading == Reading::Capacity || block.k_required.is_none());
        let mut members: Vec<(Member, i64)> = plan.members[b].iter().map(|m| (*m, 1)).collect();
        let mut need = plan.k_of(b).unwrap_or(0) as i64;
        if let Some(mw) = by_capacity {
            members = plan.members[b].iter().chain(&plan.capacity_members[b]).map(|m| (*m, plan.capacity_w(*m))).collect();
            members.sort_by_key(|m| std::cmp::Reverse(m.1));
            need = super::plan::watts(mw);
        }
        let mut items = Vec::with_capacity(members.len());
        for (m, w) in members {
            let f = match m {
                Member::Component(i) => self.component(plan, i)?,
                Member::Block(i) => found[i],
            };
            items.push((f, w));
        }
        self.bdd.at_least(&items, need)
    }

    pub fn variable(&self, about: About) -> Option<u32> {
        match about {
            About::Component(i) => self.variable_of[i],
            About::Cause(g) => self.cause_variable[g],
            About::Chain(b) => self.chain_variable[b],
        }
    }

    /// What an event is called in results.
    pub fn name(&self, plan: &Plan<'_>, variable: u32) -> String {
        match self.events[variable as usize] {
            About::Component(i) => plan.component(i).id.clone(),
            About::Cause(g) => format!("common cause {}", plan.causes[g].id),
            About::Chain(b) => plan.block(b).id.clone(),
        }
    }
}

/// The diagram does not fit.
pub(super) fn too_large(plan: &Plan<'_>) -> Diagnostic {
    let d = Diagnostic::error("RAM.DIAGRAM.TOO_LARGE", "the diagram is too entangled or too large for an exact result");
    let d = d.detail(format!("{} components, {} blocks.", plan.diagram.components.len(), plan.diagram.blocks.len()));
    d.hint("Simulate it, or split it where parts share no component.")
}
