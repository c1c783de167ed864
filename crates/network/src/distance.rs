//! How far a bus lies from its source along the grid.
//!
//! The distance is the shortest way over elements in service whose ends are closed (Dijkstra's algorithm with the lengths of lines; every
//! other element between buses has none). Several sources count as one. Lengths without unit are metres, as in all tables.

use crate::{BusId, ElementKind, Line, Network};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

impl Line {
    /// Length in metres; a switch is a device of no length.
    pub fn length_m(&self) -> f64 {
        if self.is_switch { 0.0 } else { self.length * self.length_unit.metres() }
    }
}

/// A distance that can be ordered: finite and not negative.
#[derive(PartialEq)]
struct Metres(f64);

impl Eq for Metres {}

impl PartialOrd for Metres {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Metres {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Distance of every bus from the nearest voltage source, km, by position in [`Network::buses`]; none where no closed way leads.
///
/// A length that is negative or no number counts as zero: the checks report it.
pub fn distances_km(network: &Network) -> Vec<Option<f64>> {
    let n = network.buses.len();
    let mut ways: Vec<Vec<(BusId, f64)>> = vec![Vec::new(); n];
    let mut heap = BinaryHeap::new();
    let mut best = vec![f64::INFINITY; n];
    for &id in &network.order {
        let common = network.common(id);
        if !common.enabled {
            continue;
        }
        let is_source = id.kind == ElementKind::VoltageSource;
        let is_closed = |t: &crate::Terminal| t.closed.iter().any(|c| *c);
        let ends: Vec<BusId> = common.terminals.iter().filter(|t| is_closed(t) && t.nodes.iter().any(|n| *n > 0)).map(|t| t.bus).collect();
        if is_source && let Some(first) = ends.first() {
            best[first.index()] = 0.0;
            heap.push(Reverse((Metres(0.0), *first)));
            continue;
        }
        let length = match id.kind {
            ElementKind::Line => network.lines[id.index()].length_m(),
            ElementKind::Transformer | ElementKind::Reactor | ElementKind::Capacitor => 0.0,
            ElementKind::AcBranch | ElementKind::PowerTransformer => 0.0,
            _ => continue,
        };
        let length = if length > 0.0 && length.is_finite() { length } else { 0.0 };
        for (i, a) in ends.iter().enumerate() {
            for b in ends[i + 1..].iter().filter(|b| *b != a) {
                ways[a.index()].push((*b, length));
                ways[b.index()].push((*a, length));
            }
        }
    }
    while let Some(Reverse((Metres(far), bus))) = heap.pop() {
        if far > best[bus.index()] {
            continue;
        }
        for &(next, length) in &ways[bus.index()] {
            let there = far + length;
            if there < best[next.index()] {
                best[next.index()] = there;
                heap.push(Reverse((Metres(there), next)));
            }
        }
    }
    best.into_iter().map(|m| m.is_finite().then_some(m / 1e3)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{add_line, add_source};

    #[test]
    fn the_shortest_closed_way_counts() {
        let mut network = Network::new("t");
        let phases: &[u32] = &[1, 2, 3];
        add_source(&mut network, "s");
        add_line(&mut network, "a", ("s", phases), ("m", phases));
        add_line(&mut network, "b", ("m", phases), ("e", phases));
        add_line(&mut network, "c", ("s", phases), ("e", phases));
        network.bus_or_add("alone");
        for (line, km) in [(0, 2.0), (1, 3.0), (2, 1.5)] {
            network.lines[line].length = km;
        }
        let at = |n: &Network, bus: &str| distances_km(n)[n.bus_id(bus).unwrap().index()];
        assert_eq!(at(&network, "e"), Some(1.5));
        assert_eq!(at(&network, "m"), Some(2.0));
        assert_eq!(at(&network, "alone"), None);
        network.lines[2].common.terminals[1].closed = vec![false; 3];
        assert_eq!(at(&network, "e"), Some(5.0));
        network.lines[2].common.terminals[1].closed = vec![true; 3];
        network.lines[2].is_switch = true;
        assert_eq!(at(&network, "e"), Some(0.0));
        assert_eq!(at(&network, "m"), Some(2.0));
        network.lines[2].common.enabled = false;
        network.lines[0].length = f64::NAN;
        assert_eq!(at(&network, "e"), Some(3.0));
    }
}
