//! Availability of a diagram, exactly.
//!
//! With `U` the probability that a block is down (`super::bdd`), `a_i` and `u_i` of event `i` and `w_i = lambda_i a_i` its failures an hour:
//!
//! ```text
//! A  = 1 - U                                             availability
//! f  = sum of I_i w_i                                    failures an hour (Schneeweiss 1981; Birnbaum 1969 for I_i = U(i failed) - U(i works))
//! mean up time = A / f     mean down time = U / f        downtime = 8760 h U a year
//! ```
//!
//! # Importance of an event or block for the plant
//!
//! `U1` with it failed, `U0` with it working, `u` its unavailability:
//!
//! ```text
//! Birnbaum I = U1 - U0      criticality = (U - U0) / U      risk achievement worth = U1 / U      risk reduction worth = U / U0
//! Fussell-Vesely = P(all of some minimal cut set that holds it has failed) / U
//! ```
//!
//! The last is exact and not the sum over cut sets: a minimal cut with `i` has failed where `i` has and some part of the other failures `J` makes `i`
//! decide, so the event is `i failed and up(critical)`, with `critical` where the plant is up with `i` and down without and `up` the closure under more
//! failures. For a block the same holds with the block held up and down, as something apart from its members.
//!
//! A finding tells where the verdict against the target differs between members counted and capacity added up.

use super::bdd::{Node, Table, TooLarge};
use super::compile::{About, Compiled, Purpose, too_large};
use super::cut_sets::{CutSet, minimal};
use super::plan::{Means, Plan};
use super::{AvailabilityError, HOURS_PER_YEAR};
use network::Diagnostic;
use network::availability::{BlockKind, Diagram};
use serde::{Deserialize, Serialize};

/// How blocks that ask for a number and for a capacity are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// So many members work.
    #[default]
    Count,
    /// Members with so much capacity work.
    Capacity,
}

impl Reading {
    pub fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Capacity => "capacity",
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactOptions {
    /// Least availability that is good enough, 0 to 1; `None` where there is no target.
    pub target_availability: Option<f64>,
    /// Reading of importance and cut sets; availability is told in both.
    pub reading: Reading,
    pub importance: bool,
    /// Events in a cut set at most.
    pub cut_set_order: usize,
    /// Cut sets that are told at most, those with the largest probability.
    pub cut_sets_max: usize,
}

impl Default for ExactOptions {
    fn default() -> Self {
        Self { target_availability: Some(0.9995), reading: Reading::Count, importance: true, cut_set_order: 3, cut_sets_max: 1000 }
    }
}

/// Figures of a block or component.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub id: String,
    pub name: String,
    /// `None` for a component.
    pub kind: Option<BlockKind>,
    pub reading: Reading,
    pub availability: f64,
    pub unavailability: f64,
    /// `None` where a component that matters does not say how often it fails.
    pub failures_per_year: Option<f64>,
    /// Mean up and down time, h; `None` as well where it never fails.
    pub mean_up_h: Option<f64>,
    pub mean_down_h: Option<f64>,
    pub downtime_h_per_year: f64,
    pub meets_target: Option<bool>,
}

impl Figures {
    fn of(id: &str, name: &str, u: f64, a: f64, f_per_h: Option<f64>, target: Option<f64>) -> Self {
        let ratio = |x: f64| f_per_h.filter(|f| *f > 0.0).map(|f| x / f);
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            kind: None,
            reading: Reading::Count,
            availability: a,
            unavailability: u,
            failures_per_year: f_per_h.map(|f| f * HOURS_PER_YEAR),
            mean_up_h: ratio(a),
            mean_down_h: ratio(u),
            downtime_h_per_year: u * HOURS_PER_YEAR,
            // The target is inclusive; the last bit of a sum is not held against it.
            meets_target: target.map(|t| u <= (1.0 - t) * (1.0 + 1e-12) + 1e-15),
        }
    }
}

/// What an event or block means for the plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    pub id: String,
    pub is_block: bool,
    pub unavailability: f64,
    pub birnbaum: f64,
    pub criticality: Option<f64>,
    pub fussell_vesely: Option<f64>,
    pub risk_achievement_worth: Option<f64>,
    /// `None` where the plant never fails without it.
    pub risk_reduction_worth: Option<f64>,
}

/// Exact results.
#[derive(Clone, Debug)]
pub struct Exact {
    /// Id of the block that is the plant.
    pub system: String,
    /// Blocks in the order of the diagram.
    pub blocks: Vec<Figures>,
    /// Blocks that are another thing when capacity is added up: those that ask for both, and what is made of them.
    pub by_capacity: Vec<Figures>,
    pub components: Vec<Figures>,
    /// Events, then blocks, in the order of the diagram.
    pub importance: Vec<Importance>,
    /// Those with the largest probability first.
    pub cut_sets: Vec<CutSet>,
    /// Order up to which cut sets are complete.
    pub cut_set_order: usize,
    /// Sum of the probabilities of all cut sets found: what the unavailability is at most, if all orders are among them.
    pub cut_set_sum: f64,
    /// Nodes of the decision diagram.
    pub nodes: usize,
    pub findings: Vec<Diagnostic>,
}

impl Exact {
    /// Figures of the plant, with members counted.
    pub fn system(&self) -> &Figures {
        self.block(&self.system).unwrap_or_else(|| unreachable!("the plant is a block"))
    }

    pub fn block(&self, id: &str) -> Option<&Figures> {
        self.blocks.iter().find(|f| f.id == id)
    }
}

/// Probabilities of the events of a compiled diagram.
struct Numbers {
    works: Vec<f64>,
    fails: Vec<f64>,
    /// Failures per hour in steady state.
    often: Vec<Option<f64>>,
}

impl Numbers {
    fn new(plan: &Plan<'_>, c: &Compiled) -> Self {
        let mut n = Self { works: Vec::new(), fails: Vec::new(), often: Vec::new() };
        let of_means = |m: &Means| (m.availability, m.unavailability, m.frequency_per_h());
        for e in &c.events {
            let (a, u, w) = match e {
                About::Component(i) => of_means(&plan.own_means[*i]),
                About::Cause(g) => of_means(&plan.causes[*g].means),
                About::Chain(b) => {
                    c.chains[*b].map_or((1.0, 0.0, Some(0.0)), |x| (x.availability, x.unavailability, Some(x.frequency_per_h)))
                }
            };
            n.works.push(a);
            n.fails.push(u);
            n.often.push(w);
        }
        n
    }

    /// Probability to be down, and failures an hour.
    fn figures(&self, c: &Compiled, f: Node, q: &[f64]) -> (f64, Option<f64>) {
        let importance = c.bdd.birnbaum(f, q, &self.works, &self.fails);
        let sum = importance.iter().zip(&self.often).filter(|(i, _)| **i > 0.0).map(|(i, w)| w.map(|w| i * w)).sum();
        (q[f as usize], sum)
    }
}

/// Analyses a diagram exactly.
///
/// # Errors
/// All faults of the diagram (`RAM.…`), a standby block whose members differ, a diagram that is too entangled.
pub fn analyse(diagram: &Diagram, options: &ExactOptions) -> Result<Exact, AvailabilityError> {
    let (plan, mut findings) = Plan::new(diagram)?;
    if let Some(t) = options.target_availability.filter(|t| !(*t > 0.0 && *t <= 1.0)) {
        let d = Diagnostic::error("RAM.OPTION.TARGET", format!("the availability aimed at is {t}"));
        findings.push(d.hint("Give a part of time, above 0 and not above 1."));
        return Err(findings.into());
    }
    let mut c = match Compiled::new(&plan, Purpose::Steady, &mut findings) {
        Ok(c) => c,
        Err(grave) => {
            findings.extend(grave);
            return Err(findings.into());
        }
    };
    let refuse = |findings: &[Diagnostic]| {
        let all: Vec<Diagnostic> = findings.iter().cloned().chain([too_large(&plan)]).collect();
        AvailabilityError::from(all)
    };
    let by_count = c.blocks(&plan, Reading::Count, None).map_err(|TooLarge| refuse(&findings))?;
    let by_capacity = c.blocks(&plan, Reading::Capacity, None).map_err(|TooLarge| refuse(&findings))?;
    let components: Result<Vec<Node>, TooLarge> = (0..diagram.components.len()).map(|i| c.component(&plan, i)).collect();
    let components = components.map_err(|TooLarge| refuse(&findings))?;
    let numbers = Numbers::new(&plan, &c);
    let q = c.bdd.down(&numbers.works, &numbers.fails);
    let target = options.target_availability;
    let figures = |b: usize, f: Node, reading| {
        let (u, often) = numbers.figures(&c, f, &q);
        let block = plan.block(b);
        Figures { kind: Some(block.kind), reading, ..Figures::of(&block.id, &block.name, u, 1.0 - u, often, target) }
    };
    let blocks: Vec<Figures> = by_count.iter().enumerate().map(|(b, f)| figures(b, *f, Reading::Count)).collect();
    let differs = differing(&plan);
    let other: Vec<Figures> = (0..blocks.len()).filter(|b| differs[*b]).map(|b| figures(b, by_capacity[b], Reading::Capacity)).collect();
    verdicts(&plan, &blocks, &other, target, &mut findings);
    let component = |i: usize| {
        let (id, name) = (&diagram.components[i].id, &diagram.components[i].name);
        let m = &plan.means[i];
        // Where it belongs to a chain it has no event of its own, and where it has causes they count for it as for the blocks.
        if plan.causes_of[i].is_empty() || c.variable(About::Component(i)).is_none() {
            return Figures::of(id, name, m.unavailability, m.availability, m.frequency_per_h(), target);
        }
        let (u, often) = numbers.figures(&c, components[i], &q);
        Figures::of(id, name, u, 1.0 - u, often, target)
    };
    let component_figures = (0..diagram.components.len()).map(component).collect();
    if blocks[plan.system].failures_per_year.is_none() {
        let d = Diagnostic::note(
            "RAM.EXACT.NO_FREQUENCY",
            "some components say their availability alone, so how often the plant fails is unknown",
        );
        findings.push(d.hint("Give them MTBF and MTTR."));
    }
    let chosen = if options.reading == Reading::Count { &by_count } else { &by_capacity };
    let system = chosen[plan.system];
    let u_system = q[system as usize];
    let (sets, order) = minimal(&c.bdd, system, options.cut_set_order);
    if order < options.cut_set_order {
        let d = Diagnostic::warning("RAM.EXACT.CUT_SETS", "there are too many minimal cut sets of the order asked for");
        findings.push(d.detail(format!("They are complete up to order {order}.")).hint("Ask for a lower order."));
    }
    let mut cut_sets: Vec<CutSet> = sets
        .iter()
        .map(|s| {
            let p: f64 = s.iter().map(|v| numbers.fails[*v as usize]).product();
            let share = if u_system > 0.0 { p / u_system } else { 0.0 };
            CutSet { events: s.iter().map(|v| c.name(&plan, *v)).collect(), unavailability: p, share }
        })
        .collect();
    cut_sets.sort_by(|a, b| b.unavailability.total_cmp(&a.unavailability).then_with(|| a.events.len().cmp(&b.events.len())));
    let cut_set_sum = cut_sets.iter().map(|s| s.unavailability).sum();
    cut_sets.truncate(options.cut_sets_max);
    let chosen = chosen.clone();
    let importance =
        if options.importance { importances(&plan, &mut c, &numbers, &chosen, options.reading, &mut findings) } else { Vec::new() };
    Ok(Exact {
        system: plan.block(plan.system).id.clone(),
        blocks,
        by_capacity: other,
        components: component_figures,
        importance,
        cut_sets,
        cut_set_order: order,
        cut_set_sum,
        nodes: c.bdd.nodes(),
        findings,
    })
}

/// Blocks that depend on how k out of n is read.
fn differing(plan: &Plan<'_>) -> Vec<bool> {
    let mut differs = vec![false; plan.members.len()];
    for &b in &plan.order {
        let block = plan.block(b);
        let below = plan.members[b].iter().any(|m| matches!(m, super::plan::Member::Block(i) if differs[*i]));
        differs[b] = below || (block.k_required.is_some() && block.capacity_required_mw.is_some());
    }
    differs
}

/// Tells where counting and adding up come to another verdict.
fn verdicts(plan: &Plan<'_>, blocks: &[Figures], other: &[Figures], target: Option<f64>, findings: &mut Vec<Diagnostic>) {
    for f in other {
        let Some(counted) = blocks.iter().find(|b| b.id == f.id) else { continue };
        if counted.meets_target == f.meets_target {
            continue;
        }
        let source = plan.diagram.blocks.iter().find(|b| b.id == f.id).map(|b| b.source.clone()).unwrap_or_default();
        let d = Diagnostic::warning("RAM.VERDICT.COUNT_AGAINST_CAPACITY", "members counted and capacity added up come to another verdict");
        let d = d.element(f.id.clone()).at(&source).detail(format!(
            "Counted, the availability is {:.8} ({:.3} h down a year); by capacity it is {:.8} ({:.3} h). The target is {}.",
            counted.availability,
            counted.downtime_h_per_year,
            f.availability,
            f.downtime_h_per_year,
            target.unwrap_or(f64::NAN)
        ));
        findings.push(d.hint("Units of unlike size do not stand in for one another: judge by capacity, or require the number that carries the load at worst."));
    }
}

/// Functions that the importance of an event or block is made of.
struct Ways {
    id: String,
    is_block: bool,
    failed: Node,
    working: Node,
    /// The thing itself: up where it works.
    own: Node,
    /// A minimal cut set with it has failed.
    in_cut: Option<Node>,
}

fn importances(
    plan: &Plan<'_>,
    c: &mut Compiled,
    n: &Numbers,
    base: &[Node],
    reading: Reading,
    findings: &mut Vec<Diagnostic>,
) -> Vec<Importance> {
    let system = base[plan.system];
    let mut ways = Vec::new();
    let complete = ways_of(plan, c, base, reading, system, &mut ways).is_ok();
    // One closure after another may fill the table: those that come after it are left empty.
    let closed = complete && ways.iter_mut().all(|w| in_cut(c, w).map(|f| w.in_cut = Some(f)).is_ok());
    if !closed {
        let what = if complete { "the importance after Fussell and Vesely of some parts is" } else { "the importance of some parts is" };
        let d = Diagnostic::warning("RAM.EXACT.IMPORTANCE", format!("{what} left out: the diagram is too entangled"));
        findings.push(d.hint("Look at the others, or at the cut sets."));
    }
    let q = c.bdd.down(&n.works, &n.fails);
    let p = up_all(c, n);
    let u = q[system as usize];
    let over = |x: f64, y: f64| (y > 0.0).then(|| x / y);
    let one = |w: Ways| {
        let (u1, u0) = (q[w.failed as usize], q[w.working as usize]);
        Importance {
            id: w.id,
            is_block: w.is_block,
            unavailability: q[w.own as usize],
            birnbaum: u1 - u0,
            criticality: over(u - u0, u),
            fussell_vesely: w.in_cut.and_then(|f| over(p[f as usize], u)),
            risk_achievement_worth: over(u1, u),
            risk_reduction_worth: over(u, u0),
        }
    };
    ways.into_iter().map(one).collect()
}

/// Probability of every node to be up, as sums of positive terms.
fn up_all(c: &Compiled, n: &Numbers) -> Vec<f64> {
    let mut p = vec![0.0; c.bdd.nodes()];
    p[1] = 1.0;
    for f in 2..c.bdd.nodes() {
        let (v, lo, hi) = c.bdd.at(f as Node);
        p[f] = n.fails[v as usize] * p[lo as usize] + n.works[v as usize] * p[hi as usize];
    }
    p
}

fn ways_of(plan: &Plan<'_>, c: &mut Compiled, base: &[Node], reading: Reading, system: Node, ways: &mut Vec<Ways>) -> Result<(), TooLarge> {
    let mut variables: Vec<u32> = (0..c.events.len() as u32).filter(|v| !matches!(c.events[*v as usize], About::Chain(_))).collect();
    // Components as the diagram has them, then causes.
    variables.sort_by_key(|v| match c.events[*v as usize] {
        About::Component(i) => (0, i),
        About::Cause(g) => (1, g),
        About::Chain(b) => (2, b),
    });
    for v in variables {
        let failed = c.bdd.held(system, v, false)?;
        let working = c.bdd.held(system, v, true)?;
        let own = c.bdd.works(v)?;
        ways.push(Ways { id: c.name(plan, v), is_block: false, failed, working, own, in_cut: None });
    }
    for (b, own) in base.iter().enumerate() {
        let failed = c.blocks(plan, reading, Some((b, false, base)))?[plan.system];
        let working = c.blocks(plan, reading, Some((b, true, base)))?[plan.system];
        ways.push(Ways { id: plan.block(b).id.clone(), is_block: true, failed, working, own: *own, in_cut: None });
    }
    Ok(())
}

fn in_cut(c: &mut Compiled, w: &Ways) -> Result<Node, TooLarge> {
    let down = c.bdd.not(w.failed)?;
    let critical = c.bdd.and(w.working, down)?;
    let closed = c.bdd.with_more_failures(critical, &mut Table::default())?;
    let itself = c.bdd.not(w.own)?;
    c.bdd.and(itself, closed)
}
