//! A diagram with its names resolved: members by position, blocks in an order in which members come first, means of every component.
//!
//! # Means of a component
//!
//! ```text
//! MTBF as given, or 1 / rate           a = MTBF / (MTBF + MTTR)     u = MTTR / (MTBF + MTTR)     w = 1 / (MTBF + MTTR)
//! ```
//!
//! `w` is how often it fails in steady state, failures per hour. A component that says its availability alone has no `w`.

use super::check::Faults;
use network::Diagnostic;
use network::availability::{Block, BlockKind, Component, Diagram, Lifetime};
use std::collections::HashMap;

/// Half of the smallest step between capacities, MW: they are kept as whole watts, so that sums of them compare exactly.
const W_PER_MW: f64 = 1e6;

/// Capacity in whole watts.
pub(super) fn watts(mw: f64) -> i64 {
    (mw * W_PER_MW).round() as i64
}

/// What a block names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Member {
    Component(usize),
    Block(usize),
}

/// Means of a component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Means {
    pub availability: f64,
    pub unavailability: f64,
    /// MTBF and MTTR in hours.
    pub times_h: Option<(f64, f64)>,
}

impl Means {
    pub fn of_times(mtbf_h: f64, mttr_h: f64) -> Self {
        let cycle = mtbf_h + mttr_h;
        Self { availability: mtbf_h / cycle, unavailability: mttr_h / cycle, times_h: Some((mtbf_h, mttr_h)) }
    }

    /// Failures per hour in steady state. A component that never fails does so zero times.
    pub fn frequency_per_h(&self) -> Option<f64> {
        match self.times_h {
            Some((mtbf, mttr)) => Some(1.0 / (mtbf + mttr)),
            None => (self.unavailability == 0.0).then_some(0.0),
        }
    }

    /// The part of this that is `share` of the unavailability, with the same time to repair.
    pub fn share(&self, share: f64) -> Self {
        let u = self.unavailability * share;
        let times_h = self.times_h.filter(|_| u > 0.0).map(|(_, mttr)| (mttr * (1.0 - u) / u, mttr));
        Self { availability: 1.0 - u, unavailability: u, times_h }
    }
}

/// A common cause: its part, and the components that it takes out.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub id: String,
    pub beta: f64,
    pub members: Vec<usize>,
    /// Of the event itself.
    pub means: Means,
}

/// A diagram that can be worked with.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub diagram: &'a Diagram,
    pub members: Vec<Vec<Member>>,
    pub capacity_members: Vec<Vec<Member>>,
    /// Blocks, each after all blocks that are its members.
    pub order: Vec<usize>,
    pub system: usize,
    /// Of each component, all of it.
    pub means: Vec<Means>,
    /// Of each component, without what it shares with others.
    pub own_means: Vec<Means>,
    pub causes: Vec<Cause>,
    /// Causes of each component.
    pub causes_of: Vec<Vec<usize>>,
    /// Positions in `Diagram::crews` and `Diagram::spares`.
    pub crew_of: Vec<Option<usize>>,
    pub spares_of: Vec<Option<usize>>,
}

impl<'a> Plan<'a> {
    /// # Errors
    /// All faults of the diagram.
    pub fn new(diagram: &'a Diagram) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let mut faults = Faults::default();
        let plan = super::check::resolve(diagram, &mut faults);
        match plan {
            Some(plan) if !faults.is_grave() => Ok((plan, faults.findings)),
            _ => Err(faults.findings),
        }
    }

    pub fn component(&self, i: usize) -> &'a Component {
        &self.diagram.components[i]
    }

    pub fn block(&self, i: usize) -> &'a Block {
        &self.diagram.blocks[i]
    }

    /// How many members of a block have to work, by number.
    pub fn k_of(&self, block: usize) -> Option<usize> {
        let b = self.block(block);
        let n = self.members[block].len();
        match b.kind {
            BlockKind::Series => Some(n),
            BlockKind::Parallel => Some(1),
            BlockKind::ParallelKOfN => b.k_required.map(|k| k as usize),
            BlockKind::Standby => Some(b.k_required.map_or(1, |k| k as usize)),
        }
    }

    /// Capacity of a member, W.
    pub fn capacity_w(&self, member: Member) -> i64 {
        let mw = match member {
            Member::Component(i) => self.component(i).capacity_mw,
            Member::Block(i) => self.block(i).capacity_mw,
        };
        watts(mw.unwrap_or(0.0))
    }

    /// Components that are members of a block, if all its members are.
    pub fn components_of(&self, block: usize) -> Option<Vec<usize>> {
        self.members[block].iter().map(|m| if let Member::Component(i) = m { Some(*i) } else { None }).collect()
    }

    /// How often each component is named by blocks.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.diagram.components.len()];
        for m in self.members.iter().chain(&self.capacity_members).flatten() {
            if let Member::Component(i) = m {
                uses[*i] += 1;
            }
        }
        uses
    }

    /// True where the two components have the same means and lifetimes.
    pub fn are_alike(&self, a: usize, b: usize) -> bool {
        self.own_means[a] == self.own_means[b] && self.component(a).lifetime == self.component(b).lifetime
    }

    pub fn is_exponential(&self, i: usize) -> bool {
        match self.component(i).lifetime {
            Lifetime::Exponential => true,
            Lifetime::Weibull { beta, .. } => beta == 1.0,
        }
    }
}

/// Positions of ids; the first of several that are alike.
pub(super) fn positions<'a>(ids: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    let mut found = HashMap::new();
    ids.enumerate().for_each(|(i, id)| {
        found.entry(id).or_insert(i);
    });
    found
}
