//! The reliability diagram of a plant whose units are of several sizes.
//!
//! A number of units out of all says nothing where units differ: losing one large one may leave less than the load. What is meant is that the units that
//! work carry the demand D. With n_g units of capacity c_g in group g this is exactly: some minimal mix (m_1, ..., m_G), sum of m_g c_g >= D and no
//! m_g one less, works, that is at least m_g units of each group. So the block becomes
//!
//! ```text
//! PARALLEL over minimal mixes of SERIES over groups of m_g-of-n_g
//! ```
//!
//! whose parts share components; the exact analysis knows how to take that. Of one group it is m-of-n itself. It can be written to any tool that has
//! blocks, and counting then means the same as adding up megawatts.

use network::Diagnostic;
use network::design::Design;
use network::design::ram::{Block, BlockType};

/// More mixes make a diagram that nobody reads.
const MIXES_MAX: usize = 200;
/// Megawatts that are no shortfall.
const EQUAL_MW: f64 = 1e-6;

/// Units of one capacity: what stands for each in the diagram.
pub(super) struct Group {
    pub id: String,
    pub capacity_mw: f64,
    pub parts: Vec<String>,
}

/// Minimal mixes, each a number of units for each group: in rising order of the first groups.
///
/// Empty where all units together do not carry the demand.
pub(super) fn minimal_mixes(groups: &[&Group], demand_mw: f64) -> Vec<Vec<u32>> {
    let mut found: Vec<Vec<u32>> = Vec::new();
    mixes(groups, demand_mw, &mut Vec::new(), &mut found);
    // Least in no group that could do with one less.
    let carries = |mix: &[u32]| mix.iter().zip(groups).map(|(m, g)| f64::from(*m) * g.capacity_mw).sum::<f64>() >= demand_mw - EQUAL_MW;
    found.retain(|mix| {
        (0..mix.len()).all(|g| {
            let mut less = mix.clone();
            mix[g] == 0 || {
                less[g] -= 1;
                !carries(&less)
            }
        })
    });
    found
}

fn mixes(groups: &[&Group], left_mw: f64, mix: &mut Vec<u32>, found: &mut Vec<Vec<u32>>) {
    let g = groups[mix.len()];
    let n = g.parts.len() as u32;
    if mix.len() + 1 == groups.len() {
        let needed = ((left_mw - EQUAL_MW) / g.capacity_mw).ceil().max(0.0);
        if needed <= f64::from(n) {
            let mut whole = mix.clone();
            whole.push(needed as u32);
            found.push(whole);
        }
        return;
    }
    for m in 0..=n {
        mix.push(m);
        mixes(groups, left_mw - f64::from(m) * g.capacity_mw, mix, found);
        mix.pop();
    }
}

/// Puts units of groups into the block that carries the demand.
///
/// # Errors
/// Too many mixes; units that do not carry the demand together leave the block as all in series, which is what then has to work, and more.
pub(super) fn carry(design: &mut Design, block_id: &str, groups: &[Group], demand_mw: f64) -> Result<(), Diagnostic> {
    let groups: Vec<&Group> = groups.iter().filter(|g| !g.parts.is_empty()).collect();
    let found = if groups.is_empty() { Vec::new() } else { minimal_mixes(&groups, demand_mw) };
    if found.len() > MIXES_MAX {
        let what = format!("{} mixes of units carry the demand", found.len());
        return Err(Diagnostic::error("EXCHANGE.SIZING.BLOCKS", what)
            .element(block_id)
            .hint("have fewer kinds of units in one block, or smaller numbers of them"));
    }
    let mut parts: Vec<Block> = Vec::new();
    let mut whole = Vec::new();
    let k_of_n = |g: &Group, k: u32, id: String| Block {
        block_id: id,
        block_name: format!("{k} of {} {}", g.parts.len(), g.id),
        block_type: BlockType::ParallelKOfN,
        components: g.parts.clone(),
        k_required: k,
        n_total: g.parts.len() as u32,
        description: format!("{} MW each", g.capacity_mw),
    };
    let description = format!("{} MW are carried", (demand_mw * 1e6).round() / 1e6);
    let single = groups.len() == 1 && found.len() == 1;
    if !single {
        for (i, mix) in found.iter().enumerate() {
            let mut series = Vec::new();
            for (g, &k) in groups.iter().zip(mix).filter(|(_, k)| **k > 0) {
                let id = format!("{block_id}_{}_{k}", g.id);
                if !parts.iter().any(|p| p.block_id == id) {
                    parts.push(k_of_n(g, k, id.clone()));
                }
                series.push(id);
            }
            let n = series.len() as u32;
            let words: Vec<String> = groups.iter().zip(mix).filter(|(_, k)| **k > 0).map(|(g, k)| format!("{k} {}", g.id)).collect();
            whole.push(format!("{block_id}_MIX_{}", i + 1));
            parts.push(Block {
                block_id: format!("{block_id}_MIX_{}", i + 1),
                block_name: words.join(" and "),
                block_type: BlockType::Series,
                components: series,
                k_required: n,
                n_total: n,
                description: description.clone(),
            });
        }
    }
    let Some(at) = design.blocks.iter().position(|b| b.block_id == block_id) else { return Ok(()) };
    let block = &mut design.blocks[at];
    match (single, found.is_empty()) {
        (true, _) => {
            let changed = k_of_n(groups[0], found[0][0], block_id.to_owned());
            *block = Block { block_name: block.block_name.clone(), description, ..changed };
        }
        (false, true) => {
            let all: Vec<String> = groups.iter().flat_map(|g| g.parts.iter().cloned()).collect();
            let n = all.len() as u32;
            *block = Block { block_type: BlockType::Series, components: all, k_required: n, n_total: n, ..block.clone() };
        }
        (false, false) => {
            let n = whole.len() as u32;
            *block = Block { block_type: BlockType::Parallel, components: whole, k_required: 1, n_total: n, description, ..block.clone() };
        }
    }
    // Parts stand before what lists them.
    design.blocks.splice(at..at, parts);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: &str, capacity_mw: f64, n: usize) -> Group {
        Group { id: id.to_owned(), capacity_mw, parts: (1..=n).map(|i| format!("{id}_{i}")).collect() }
    }

    #[test]
    fn mixes_are_the_minimal_ones() {
        // The plant of document 000: both turbines and six engines, or nothing.
        assert_eq!(minimal_mixes(&[&group("GT", 50.0, 2), &group("RECIP", 18.3, 8)], 200.0), [[2, 6]]);
        // By hand: three, two, one or no turbine of 50 MW with none, three, six or nine engines of 18.3; what is more than needed is no mix.
        assert_eq!(minimal_mixes(&[&group("GT", 50.0, 3), &group("RECIP", 18.3, 9)], 150.0), [[0, 9], [1, 6], [2, 3], [3, 0]]);
        assert!(minimal_mixes(&[&group("GT", 50.0, 2)], 101.0).is_empty());
    }

    /// Against every state of all units.
    #[test]
    fn the_diagram_says_what_adding_up_says() {
        let groups = [group("A", 7.0, 3), group("B", 5.0, 2), group("C", 2.0, 3)];
        for demand in [1.0, 6.0, 9.5, 14.0, 21.0, 30.0, 37.0] {
            let mixes = minimal_mixes(&groups.each_ref(), demand);
            for a in 0..=3u32 {
                for b in 0..=2u32 {
                    for c in 0..=3u32 {
                        let carried = f64::from(7 * a + 5 * b + 2 * c) >= demand;
                        let said = mixes.iter().any(|m| a >= m[0] && b >= m[1] && c >= m[2]);
                        assert_eq!(carried, said, "{a} {b} {c} for {demand}");
                    }
                }
            }
        }
    }
}
