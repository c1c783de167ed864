//! Redundant units that differ: by count and by capacity, exactly.
//!
//! Units fail independently, unit i works with probability a_i.
//! * By count: P(at least k work) from the distribution of the number that works, built unit by unit: p'(m) = (1 - a) p(m) + a p(m - 1).
//! * By capacity: P(sum of capacities that work >= needed) from the distribution of that sum, built alike; sums are kept to the kilowatt, so that
//!   equal ones meet. This is the capacity outage table of Billinton and Allan, *Reliability Evaluation of Power Systems*, ch. 2.
//!
//! A block of blocks is worked out from its parts where no component serves in two places; otherwise parts are not independent and nothing is said.

use network::design::Design;
use network::design::ram::{Block, BlockType};
use std::collections::{BTreeMap, HashSet};

/// Most distinct sums that are followed.
const STATES: usize = 2_000_000;

/// Probability that at least `k` of the units work.
pub fn by_count(availability: &[f64], k: usize) -> f64 {
    let mut p = vec![0.0; availability.len() + 1];
    p[0] = 1.0;
    for (done, a) in availability.iter().enumerate() {
        for m in (0..=done + 1).rev() {
            p[m] = (1.0 - a) * p[m] + if m > 0 { a * p[m - 1] } else { 0.0 };
        }
    }
    p.iter().skip(k).sum()
}

/// Probability that the units that work give at least `needed_mw`. `units` are availability and MW. `None` when there are too many different sums.
pub fn by_capacity(units: &[(f64, f64)], needed_mw: f64) -> Option<f64> {
    let kw = |mw: f64| (mw * 1000.0).round() as i64;
    let mut sums: BTreeMap<i64, f64> = BTreeMap::from([(0, 1.0)]);
    for (a, mw) in units {
        let mut next = BTreeMap::new();
        for (sum, p) in sums {
            *next.entry(sum).or_insert(0.0) += (1.0 - a) * p;
            *next.entry(sum + kw(*mw)).or_insert(0.0) += a * p;
        }
        if next.len() > STATES {
            return None;
        }
        sums = next;
    }
    Some(sums.range(kw(needed_mw)..).map(|(_, p)| p).sum())
}

/// Availability of a block from its components; `None` where a component serves twice, is not known, or waits as a spare.
pub fn block_availability(design: &Design, block: &Block) -> Option<f64> {
    availability(design, block, &mut HashSet::new(), 0)
}

fn availability<'d>(design: &'d Design, block: &'d Block, met: &mut HashSet<&'d str>, depth: usize) -> Option<f64> {
    // A diagram deeper than it has blocks contains itself.
    if depth > design.blocks.len() {
        return None;
    }
    let mut parts = Vec::with_capacity(block.components.len());
    for id in &block.components {
        if !met.insert(id) {
            return None;
        }
        parts.push(match design.components.iter().find(|c| c.component_id == *id) {
            Some(c) => c.availability(),
            None => availability(design, design.blocks.iter().find(|b| b.block_id == *id)?, met, depth + 1)?,
        });
    }
    match block.block_type {
        BlockType::Series => Some(parts.iter().product()),
        BlockType::Parallel => Some(1.0 - parts.iter().map(|a| 1.0 - a).product::<f64>()),
        BlockType::ParallelKOfN => Some(by_count(&parts, block.k_required as usize)),
        BlockType::Standby => None,
    }
}

/// A block of k of n that the plant cannot do without: all blocks above it are series. One among alternatives does not say who carries the load.
pub fn carries_the_load(design: &Design, block: &Block) -> bool {
    let mut above: Vec<&str> = vec![&block.block_id];
    let mut at = 0;
    while let Some(id) = above.get(at).copied() {
        for parent in design.blocks.iter().filter(|b| b.components.iter().any(|c| c == id)) {
            if parent.block_type != BlockType::Series {
                return false;
            }
            if !above.contains(&parent.block_id.as_str()) {
                above.push(&parent.block_id);
            }
        }
        at += 1;
    }
    block.block_type == BlockType::ParallelKOfN
}

/// Availability and MW of each component of a block; `None` unless all have a capacity.
pub fn capacities(design: &Design, block: &Block) -> Option<Vec<(f64, f64)>> {
    let of = |id: &String| design.components.iter().find(|c| c.component_id == *id).and_then(|c| Some((c.availability(), c.capacity_mw?)));
    block.components.iter().map(of).collect()
}
