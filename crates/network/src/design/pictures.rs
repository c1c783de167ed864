//! The pictures of a design.

use super::Design;
use super::ram::BlockType;
use crate::diagram::{DiagramNode, DiagramOptions, diagram};
use crate::graph::Graph;
use crate::picture::blocks::{self, Part, Rule};
use crate::picture::drawing::Drawing;
use crate::picture::single_line::{self, Words};
use crate::{BusId, Diagnostic, ElementKind, Network};
use std::collections::HashMap;

/// More are not legible in one picture.
const SYMBOLS_MAX: usize = 1000;

/// The single line, from the bus on which most hangs.
///
/// # Errors
/// What makes a network of the design impossible.
pub fn single_line(design: &Design) -> Result<Drawing, Vec<Diagnostic>> {
    let network = design.network()?;
    let graph = Graph::new(&network);
    let root = (0..network.buses.len()).map(BusId::from).max_by_key(|b| (graph.elements_at(*b).len(), std::cmp::Reverse(b.index())));
    let Some(root) = root else { return Err(vec![Diagnostic::error("EXCHANGE.DESIGN.EMPTY", "the design has no bus").hint("add one")]) };
    let sources: Vec<BusId> =
        network.machines.iter().filter(|m| m.in_service).filter_map(|m| m.common.terminals.first().map(|t| t.bus)).collect();
    let supply = graph.reach(&sources);
    let options = DiagramOptions { depth: u32::MAX, symbols_max: SYMBOLS_MAX };
    let found = diagram(&network, &graph, &|b| supply.is_reached(b), root, options);
    let title = format!("Single line of {}", design.name);
    let caption = format!(
        "{} buses, {} elements{}.",
        network.buses.len(),
        found.nodes.iter().filter(|n| n.element.is_some()).count(),
        if found.truncated { "; the picture has only part of them" } else { "" }
    );
    Ok(single_line::drawing(&found, &|n| words(design, &network, n), &title, &caption))
}

/// The design's own name of what a symbol stands for.
fn words(design: &Design, network: &Network, node: &DiagramNode) -> Words {
    let notes = node.notes.clone();
    if let Some(bus) = node.bus {
        let number = network.bus(bus).transmission.as_ref().map_or(0, |t| t.number);
        let name = design.bus_of_number(number).map_or_else(|| node.label.clone(), |b| format!("{} {}", b.id, b.name));
        return (name, notes);
    }
    let Some(id) = node.element else { return (node.label.clone(), notes) };
    let i = id.index();
    let label = match id.kind {
        ElementKind::Machine => &network.machines[i].label,
        ElementKind::PowerLoad => &network.power_loads[i].label,
        ElementKind::AcBranch => &network.ac_branches[i].label,
        ElementKind::PowerTransformer => &network.power_transformers[i].label,
        _ => &node.label,
    };
    (if label.is_empty() { node.label.clone() } else { label.clone() }, notes)
}

/// The reliability blocks, from the block that is no part of another. /// `None` for a design without blocks.
pub fn blocks(design: &Design) -> Option<Drawing> {
    let inside = |id: &str| design.blocks.iter().any(|b| b.components.iter().any(|c| c == id));
    let top = design.blocks.iter().find(|b| !inside(&b.block_id))?;
    let mut times: HashMap<&str, usize> = HashMap::new();
    design.blocks.iter().flat_map(|b| &b.components).for_each(|c| *times.entry(c).or_default() += 1);
    let part = part_of(design, &top.block_id, &times);
    let shared = times.iter().filter(|(id, n)| **n > 1 && design.components.iter().any(|c| c.component_id == **id)).count();
    let caption = format!(
        "{} components in {} blocks; what has to work stands on a way from left to right{}.",
        design.components.len(),
        design.blocks.len(),
        if shared > 0 { "; what has a star stands in several places and is one thing" } else { "" }
    );
    Some(blocks::drawing(&part, &format!("Reliability blocks of {}", design.name), &caption))
}

/// The check of a design has seen to it that blocks do not hold themselves.
fn part_of(design: &Design, id: &str, times: &HashMap<&str, usize>) -> Part {
    let Some(block) = design.blocks.iter().find(|b| b.block_id == id) else {
        let component = design.components.iter().find(|c| c.component_id == id);
        let note = component.map_or_else(String::new, |c| format!("A {:.5}, MTTR {:.0} h", c.availability(), c.mttr_h));
        return Part::Unit { name: id.to_owned(), note, is_shared: times.get(id).is_some_and(|n| *n > 1) };
    };
    let rule = match block.block_type {
        BlockType::Series => Rule::All,
        BlockType::Parallel => Rule::Any,
        BlockType::ParallelKOfN => Rule::Some(format!("{} of {}", block.k_required, block.n_total)),
        BlockType::Standby => Rule::Standby(format!("{} of {}", block.k_required, block.n_total)),
    };
    let name = if block.block_name.is_empty() { id.to_owned() } else { format!("{id} {}", block.block_name) };
    Part::Group { name, note: String::new(), rule, parts: block.components.iter().map(|c| part_of(design, c, times)).collect() }
}
