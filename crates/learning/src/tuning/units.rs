//! What changes its phase as one: a single-phase load on a main, or a single-phase lateral with all that hangs on it.
//!
//! The network is walked from its supply. A line or transformer of one phase that leaves a bus with several begins a lateral; behind a
//! transformer whose other side has a name of its own the nodes are no phases any more and stay, but the loads there belong to the lateral.
//! Loads between two phases move among the pairs of phases. A lateral that closes a loop is none: nothing tells which phase it has alone.

use network::{BusId, ElementId, ElementKind, Graph, Network};
use std::collections::HashMap;

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// `class.name` of the load, or of the element with which the lateral begins.
    pub name: String,
    pub is_lateral: bool,
    /// The bus at which it hangs.
    pub head: BusId,
    /// Nodes at the head that it may be connected to; the first are those of now. A pair for what is between two phases.
    pub candidates: Vec<Vec<u32>>,
    /// Terminals whose nodes change.
    pub moves: Vec<(ElementId, usize)>,
    /// Loads that belong to it, by their place among the network's loads.
    pub loads: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Where {
    Main,
    Lateral(usize),
    /// Behind a transformer: of a lateral, or of none that can be told.
    Behind(Option<usize>),
}

/// The phases among the nodes of a terminal, ascending.
fn phases(network: &Network, id: ElementId, terminal: usize) -> Vec<u32> {
    let Some(t) = network.common(id).terminals.get(terminal) else { return Vec::new() };
    let mut found: Vec<u32> = t.nodes.iter().copied().filter(|n| (1..=3).contains(n)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// All units of a network that hang on a supply, in the order in which they are met from it.
pub fn units_of(network: &Network) -> Vec<Unit> {
    let graph = Graph::new(network);
    let tree = graph.reach(&network.supply_buses());
    let n = network.buses.len();
    let (mut at, mut supplied) = (vec![Where::Main; n], vec![Vec::<u32>::new(); n]);
    let mut units: Vec<Unit> = Vec::new();
    let mut beside: HashMap<(BusId, BusId), Vec<usize>> = HashMap::new();
    for (i, link) in graph.links.iter().enumerate().filter(|(_, l)| l.is_closed) {
        beside.entry((link.from.min(link.to), link.from.max(link.to))).or_default().push(i);
    }
    for source in network.voltage_sources.iter().filter(|s| s.common.enabled) {
        if let Some(t) = source.common.terminals.first() {
            supplied[t.bus.index()].extend(t.nodes.iter().filter(|n| (1..=3).contains(*n)));
        }
    }
    for &bus in &tree.order {
        let Some((parent, number)) = tree.parent[bus.index()] else { continue };
        let links = &beside[&(bus.min(parent), bus.max(parent))];
        let link = &graph.links[number as usize];
        let terminals = |l: &network::graph::Link| {
            let (from, to) = (usize::from(l.from_terminal), usize::from(l.to_terminal));
            if l.from == parent { (from, to) } else { (to, from) }
        };
        let (near, far) = terminals(link);
        let mut nodes: Vec<u32> =
            links.iter().flat_map(|&l| phases(network, graph.links[l].element, terminals(&graph.links[l]).1)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        supplied[bus.index()] = nodes;
        let id = link.element;
        let before = phases(network, id, near);
        let is_transformer = id.kind == ElementKind::Transformer;
        at[bus.index()] = match at[parent.index()] {
            Where::Behind(unit) => Where::Behind(unit),
            Where::Main if links.len() > 1 => Where::Main,
            Where::Main if before.len() == 1 && network.common(id).n_phases == 1 && supplied[parent.index()].len() > 1 => {
                units.push(Unit {
                    name: network.full_name(id),
                    is_lateral: true,
                    head: parent,
                    candidates: singles(before[0], &supplied[parent.index()]),
                    moves: vec![(id, near)],
                    loads: Vec::new(),
                });
                let unit = units.len() - 1;
                beyond(network, &mut units[unit], unit, id, far, &before)
            }
            Where::Main if is_transformer && network.common(id).n_phases == 1 && before.len() == 2 => Where::Behind(None),
            Where::Main => Where::Main,
            Where::Lateral(unit) if before.len() == 1 => {
                units[unit].moves.push((id, near));
                beyond(network, &mut units[unit], unit, id, far, &before)
            }
            Where::Lateral(unit) => Where::Behind(Some(unit)),
        };
    }
    for &bus in &tree.order {
        for &id in graph.elements_at(bus) {
            let common = network.common(id);
            let is_shunt = common.terminals.iter().all(|t| t.bus == bus);
            if !is_shunt || !network.in_service(id) || id.kind == ElementKind::VoltageSource {
                continue;
            }
            let load = (id.kind == ElementKind::Load).then(|| id.index());
            match at[bus.index()] {
                Where::Lateral(unit) => {
                    units[unit].moves.extend((0..common.terminals.len()).map(|t| (id, t)));
                    units[unit].loads.extend(load);
                }
                Where::Behind(Some(unit)) => units[unit].loads.extend(load),
                Where::Behind(None) => {}
                Where::Main => {
                    let (Some(load), 1) = (load, common.n_phases) else { continue };
                    let nodes: Vec<u32> = common.terminals[0].nodes.iter().copied().filter(|n| (1..=3).contains(n)).collect();
                    let candidates = match nodes[..] {
                        [a] => singles(a, &supplied[bus.index()]),
                        [a, b] => pairs([a, b], &supplied[bus.index()]),
                        _ => continue,
                    };
                    let (name, moves, loads) = (network.full_name(id), vec![(id, 0)], vec![load]);
                    units.push(Unit { name, is_lateral: false, head: bus, candidates, moves, loads });
                }
            }
        }
    }
    // A closed link that is not of the tree and leads out of a lateral makes it part of a loop.
    let mut looped = vec![false; units.len()];
    let unit_at = |bus: BusId| match at[bus.index()] {
        Where::Lateral(u) | Where::Behind(Some(u)) => Some(u),
        _ => None,
    };
    for (i, link) in graph.links.iter().enumerate().filter(|(_, l)| l.is_closed) {
        let is_of_tree = [link.from, link.to].iter().any(|b| tree.parent[b.index()].is_some_and(|(_, l)| l as usize == i));
        let (a, b) = (unit_at(link.from), unit_at(link.to));
        if !is_of_tree && a != b {
            a.into_iter().chain(b).for_each(|u| looped[u] = true);
        }
    }
    let mut keep = looped.iter().map(|l| !l);
    units.retain(|u| keep.next().unwrap_or(true) && u.candidates.len() > 1);
    units
}

/// Where the far bus of an element of one phase is, which belongs to a unit.
fn beyond(network: &Network, unit: &mut Unit, number: usize, id: ElementId, far: usize, before: &[u32]) -> Where {
    // The two sides of a regulator have one name for their phase; those of a service transformer with other names stay as they are.
    if id.kind == ElementKind::Transformer && (phases(network, id, far) != before || network.common(id).terminals.len() > 2) {
        return Where::Behind(Some(number));
    }
    unit.moves.push((id, far));
    Where::Lateral(number)
}

fn singles(now: u32, supplied: &[u32]) -> Vec<Vec<u32>> {
    std::iter::once(now).chain(supplied.iter().copied().filter(|&n| n != now)).map(|n| vec![n]).collect()
}

fn pairs(now: [u32; 2], supplied: &[u32]) -> Vec<Vec<u32>> {
    // A pair keeps its direction around: 1-2, 2-3, 3-1 or 2-1, 3-2, 1-3.
    let turned = |by: u32| vec![(now[0] - 1 + by) % 3 + 1, (now[1] - 1 + by) % 3 + 1];
    let others = [1, 2].map(turned).into_iter().filter(|p| p.iter().all(|n| supplied.contains(n)));
    std::iter::once(now.to_vec()).chain(others).collect()
}

/// Connects a unit to other nodes; `from` are those that it has.
pub fn connect(network: &mut Network, unit: &Unit, from: &[u32], to: &[u32]) {
    for &(id, terminal) in &unit.moves {
        let t = &mut network.common_mut(id).terminals[terminal];
        let bus = t.bus;
        for node in &mut t.nodes {
            if let Some(k) = from.iter().position(|f| f == node) {
                *node = to[k];
            }
        }
        let nodes = t.nodes.clone();
        nodes.iter().for_each(|&n| network.note_node(bus, n));
    }
    // Nodes that nothing has any more.
    let touched: Vec<BusId> = unit.moves.iter().map(|&(id, t)| network.common(id).terminals[t].bus).collect();
    let mut used: HashMap<BusId, Vec<u32>> = touched.iter().map(|&b| (b, Vec::new())).collect();
    for &id in &network.order {
        for t in &network.common(id).terminals {
            if let Some(used) = used.get_mut(&t.bus) {
                used.extend(&t.nodes);
            }
        }
    }
    for (bus, used) in used {
        network.buses[bus.index()].nodes.retain(|n| used.contains(n));
    }
}
