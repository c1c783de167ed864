//! Minimal cut sets: the least that has to fail together for the plant to be down.
//!
//! From the diagram of decisions of a monotone function: of a node "if `v` works then `hi` else `lo`",
//!
//! ```text
//! cuts(node) = cuts(hi)  and  { v } + s  for s in cuts(lo) that are no cuts of hi
//! ```
//!
//! since a cut without `v` has to bring the function down while `v` works, and one with `v` is minimal where the rest alone does not (Rauzy,
//! Reliability Engineering and System Safety 40, 1993, 203-211). Sets of more events than the order asked for are left out on the way.

use super::bdd::{Bdd, DOWN, Node, Table, UP};
use std::rc::Rc;

/// Sets that are kept on the way, at most.
const WORK_MAX: usize = 2_000_000;

/// A minimal cut set.
#[derive(Clone, Debug, PartialEq)]
pub struct CutSet {
    /// Events that fail together, by id; common causes by "common cause" and their id.
    pub events: Vec<String>,
    /// Probability that all of them are failed at a moment.
    pub unavailability: f64,
    /// That, over the unavailability of the plant.
    pub share: f64,
}

/// Sets of variables that may be kept together for many nodes.
type Sets = Rc<Vec<Vec<u32>>>;

struct Search<'b> {
    bdd: &'b Bdd,
    known: Table<(Node, u32), Sets>,
    kept: usize,
}

/// Minimal cuts of `f` up to an order, and the order that was reached: a lower one where there are too many sets.
pub(super) fn minimal(bdd: &Bdd, f: Node, order: usize) -> (Vec<Vec<u32>>, usize) {
    let mut order = order;
    loop {
        let mut search = Search { bdd, known: Table::default(), kept: 0 };
        match search.below(f, order as u32) {
            Some(sets) => return (sets.to_vec(), order),
            None if order == 0 => return (Vec::new(), 0),
            None => order -= 1,
        }
    }
}

impl Search<'_> {
    fn below(&mut self, f: Node, order: u32) -> Option<Sets> {
        match f {
            UP => return Some(Rc::new(Vec::new())),
            DOWN => return Some(Rc::new(vec![Vec::new()])),
            _ => {}
        }
        if let Some(found) = self.known.get(&(f, order)) {
            return Some(found.clone());
        }
        let (v, lo, hi) = self.bdd.at(f);
        let mut sets = self.below(hi, order)?.to_vec();
        if order > 0 {
            for s in self.below(lo, order - 1)?.iter() {
                if self.bdd.is_up(hi, |x| !s.contains(&x)) {
                    sets.push(std::iter::once(v).chain(s.iter().copied()).collect());
                }
            }
        }
        self.kept += sets.len();
        if self.kept > WORK_MAX {
            return None;
        }
        let sets = Rc::new(sets);
        self.known.insert((f, order), sets.clone());
        Some(sets)
    }
}
