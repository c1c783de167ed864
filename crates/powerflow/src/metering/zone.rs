//! The zone of a meter: what it stands above.
//!
//! From the metered element the search goes to its other terminals, takes what stands at their buses, and goes on through every element
//! that delivers power there. It ends at an element that has a meter of its own, that has a terminal with all phases open, or that was
//! reached before, by this meter or one that was made earlier. The search is depth-first and, of the elements at a bus, the one made last
//! comes first. That order decides which of two ways round a loop an element belongs to, and so whose overload marks the loads at it.
//!
//! The rules are OpenDSS's (class `EnergyMeter`, "zone"). Where a model names the elements of the zone itself, OpenDSS gives no result to
//! follow (0.14.5 of its C API ends with a memory fault); the named elements are then taken in their order, each below the one through
//! which it was reached.

use network::{BusId, ElementId, ElementKind, EnergyMeter, Network};
use std::collections::{HashMap, HashSet};

/// An element that delivers power within a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneBranch {
    pub element: ElementId,
    /// Terminal (0-based) at which the zone enters it.
    pub from_terminal: usize,
    pub from_bus: BusId,
    /// Position of the branch above it in the zone; the metered element has none.
    pub parent: Option<usize>,
    /// What stands at the buses of its other terminals: loads, generators, PV systems, storage, shunt capacitors and reactors.
    pub shunts: Vec<ElementId>,
}

/// The branches of a zone, every one after its parent; the first is the metered element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    pub branches: Vec<ZoneBranch>,
}

/// What a network has at its buses, and what earlier zones have taken of it.
pub(super) struct Surroundings<'a> {
    network: &'a Network,
    /// Elements that join buses and could carry power, by bus, in the order of creation.
    branches_at: Vec<Vec<ElementId>>,
    /// Elements with one bus, by bus.
    shunts_at: Vec<Vec<ElementId>>,
    metered: HashSet<ElementId>,
    taken: HashSet<ElementId>,
    /// Terminals from which a search has come.
    entered: HashSet<(ElementId, usize)>,
    by_name: Option<HashMap<String, ElementId>>,
}

/// Elements that deliver power and may be metered.
pub(super) fn delivers_power(kind: ElementKind) -> bool {
    use ElementKind::*;
    matches!(kind, Line | Transformer | Capacitor | Reactor | GicTransformer)
}

/// Capacitors and reactors to earth.
pub(super) fn is_shunt(network: &Network, id: ElementId) -> bool {
    match id.kind {
        ElementKind::Capacitor => !network.capacitors[id.index()].bus2_defined,
        ElementKind::Reactor => !network.reactors[id.index()].bus2_defined,
        _ => false,
    }
}

fn belongs_to_zones(kind: ElementKind) -> bool {
    use ElementKind::*;
    matches!(kind, Load | Generator | PvSystem | Storage)
}

impl<'a> Surroundings<'a> {
    pub fn new(network: &'a Network) -> Self {
        let n_buses = network.buses.len();
        let (mut branches_at, mut shunts_at) = (vec![Vec::new(); n_buses], vec![Vec::new(); n_buses]);
        let mut shunt_branches = Vec::new();
        for &id in network.order.iter().filter(|&&id| network.common(id).enabled) {
            let common = network.common(id);
            let Some(first) = common.terminals.first() else { continue };
            if belongs_to_zones(id.kind) {
                shunts_at[first.bus.index()].push(id);
            } else if delivers_power(id.kind) && is_shunt(network, id) {
                shunt_branches.push((first.bus, id));
            } else if delivers_power(id.kind) && common.terminals.iter().all(|t| t.closed.iter().take(common.n_phases).any(|c| *c)) {
                for t in &common.terminals {
                    branches_at[t.bus.index()].push(id);
                }
            }
        }
        for (bus, id) in shunt_branches {
            shunts_at[bus.index()].push(id);
        }
        let metered = network.energy_meters.iter().filter(|m| m.common.enabled).filter_map(|m| m.element).collect();
        Self { network, branches_at, shunts_at, metered, taken: HashSet::new(), entered: HashSet::new(), by_name: None }
    }

    /// The zone of a meter at an element that delivers power; meters are asked for in the order of their creation.
    pub fn zone(&mut self, meter: &EnergyMeter, element: ElementId) -> Zone {
        let head = ZoneBranch {
            element,
            from_terminal: meter.terminal,
            from_bus: self.network.common(element).terminals[meter.terminal].bus,
            parent: None,
            shunts: Vec::new(),
        };
        self.entered.insert((element, meter.terminal));
        self.taken.insert(element);
        if meter.zone_list.is_empty() { self.search(head) } else { self.listed(head, &meter.zone_list) }
    }

    fn search(&mut self, head: ZoneBranch) -> Zone {
        let mut zone = Zone::default();
        let mut ahead = vec![head];
        while let Some(mut branch) = ahead.pop() {
            let own = zone.branches.len();
            for bus in self.buses_beyond(branch.element) {
                self.take_shunts(bus, &mut branch.shunts);
                for k in 0..self.branches_at[bus.index()].len() {
                    let next = self.branches_at[bus.index()][k];
                    if next == branch.element || self.metered.contains(&next) || !self.taken.insert(next) {
                        continue;
                    }
                    let from_terminal = self.terminal_at(next, bus).unwrap_or(0);
                    self.entered.insert((next, from_terminal));
                    ahead.push(ZoneBranch { element: next, from_terminal, from_bus: bus, parent: Some(own), shunts: Vec::new() });
                }
            }
            zone.branches.push(branch);
        }
        zone
    }

    /// The named elements, in their order; what is not there, is disabled or delivers no power is passed over.
    fn listed(&mut self, mut head: ZoneBranch, names: &[String]) -> Zone {
        let mut reached: HashMap<BusId, usize> = HashMap::new();
        for bus in self.buses_beyond(head.element) {
            self.take_shunts(bus, &mut head.shunts);
            reached.entry(bus).or_insert(0);
        }
        let mut zone = Zone { branches: vec![head] };
        for name in names {
            let Some(element) = self.find(name).filter(|&id| delivers_power(id.kind) && self.network.common(id).enabled) else { continue };
            if zone.branches.iter().any(|b| b.element == element) {
                continue;
            }
            let terminals = &self.network.common(element).terminals;
            let entry = terminals.iter().enumerate().find_map(|(t, at)| reached.get(&at.bus).map(|&parent| (t, parent)));
            let (from_terminal, parent) = entry.unwrap_or((0, 0));
            self.entered.insert((element, from_terminal));
            let mut branch =
                ZoneBranch { element, from_terminal, from_bus: terminals[from_terminal].bus, parent: Some(parent), shunts: Vec::new() };
            for bus in self.buses_beyond(element) {
                self.take_shunts(bus, &mut branch.shunts);
                reached.entry(bus).or_insert(zone.branches.len());
            }
            zone.branches.push(branch);
        }
        zone
    }

    /// Buses of the terminals from which no search has come, in their order.
    fn buses_beyond(&self, id: ElementId) -> Vec<BusId> {
        let terminals = self.network.common(id).terminals.iter().enumerate();
        terminals.filter(|(t, _)| !self.entered.contains(&(id, *t))).map(|(_, at)| at.bus).collect()
    }

    fn take_shunts(&mut self, bus: BusId, shunts: &mut Vec<ElementId>) {
        shunts.extend(self.shunts_at[bus.index()].iter().filter(|&&id| self.taken.insert(id)));
    }

    fn terminal_at(&self, id: ElementId, bus: BusId) -> Option<usize> {
        self.network.common(id).terminals.iter().position(|t| t.bus == bus)
    }

    fn find(&mut self, full_name: &str) -> Option<ElementId> {
        let network = self.network;
        let by_name = self.by_name.get_or_insert_with(|| network.order.iter().map(|&id| (network.full_name(id), id)).collect());
        by_name.get(full_name).copied()
    }
}
