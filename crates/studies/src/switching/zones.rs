//! The network as zones that switches part.
//!
//! # Derivation
//!
//! Nodes are the buses and the bodies of elements that join buses; an element stands at a bus by an *edge*, one a terminal. An edge is a *switch*
//! where something can part it:
//!
//! ```text
//! a switch          a line that is one, or has a switch control: at its first terminal, unless a device says where
//! a device          what a relay, recloser or fuse operates: at the terminal that the model names
//! what stands open  at that terminal, whatever the model calls it: it was opened, so it can be closed
//! nothing           where a switch control is locked
//! any line          where every line is taken to have a switch: at its first terminal, or at both
//! ```
//!
//! Nodes that closed edges without switch join are one *zone*: within it nothing can be parted. A network whose zones and closed switches have no
//! cycle is *radial*; all sources together count as one node of that graph, so that two of them must not be joined either. Loops that no switch
//! can open lie within a zone and do not count.
//!
//! These are the zones of predicted reliability (`reliability::predicted`), drawn from the switches of a solved state and not from those of the model.

use network::graph::Graph;
use network::{BusId, ElementId, ElementKind, Network};
use powerflow::State;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet, VecDeque};

/// What counts as a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switches {
    /// What the model says can be opened or stands open.
    #[default]
    Marked,
    /// Every line as well, at its first terminal.
    Lines,
    /// Every line as well, at both ends.
    Ends,
}

/// What parts an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Switch,
    /// Relay or recloser.
    Breaker,
    Fuse,
    /// A line that is only taken to have a switch.
    Line,
}

impl Device {
    pub fn word(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Breaker => "breaker",
            Self::Fuse => "fuse",
            Self::Line => "line",
        }
    }
}

/// A place at which the network can be parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    pub element: ElementId,
    /// 0-based.
    pub terminal: usize,
    pub device: Device,
    pub is_closed: bool,
    /// Zones at its two sides.
    pub between: (usize, usize),
}

impl Switch {
    pub fn other(&self, zone: usize) -> usize {
        if self.between.0 == zone { self.between.1 } else { self.between.0 }
    }
}

/// Disjoint sets.
#[derive(Clone, Debug)]
pub struct Sets(Vec<u32>);

impl Sets {
    pub fn new(n: usize) -> Self {
        Self((0..n as u32).collect())
    }

    pub fn find(&mut self, mut i: usize) -> usize {
        while self.0[i] as usize != i {
            let up = self.0[self.0[i] as usize];
            self.0[i] = up;
            i = up as usize;
        }
        i
    }

    /// Joins two sets; false where they were one already.
    pub fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        // The lowest number leads, so that numbers follow the model.
        self.0[a.max(b)] = a.min(b) as u32;
        a != b
    }
}

/// Zones and the switches between them.
#[derive(Clone, Debug)]
pub struct Zones {
    pub n: usize,
    /// In the order of the model.
    pub switches: Vec<Switch>,
    /// Switches at each zone.
    pub at: Vec<Vec<usize>>,
    /// Zones with a source.
    pub sources: Vec<usize>,
    of_bus: Vec<usize>,
    bodies: HashMap<ElementId, usize>,
    of_node: Vec<usize>,
}

/// Whether all phases of a terminal stand open.
fn stands_open(network: &Network, state: &State, id: ElementId, terminal: usize) -> bool {
    let common = network.common(id);
    let n = common.n_phases.min(common.n_conductors());
    n > 0 && (0..n).all(|c| !state.is_closed(id, terminal, c))
}

fn devices(network: &Network) -> HashMap<(ElementId, usize), Device> {
    let mut found = HashMap::new();
    let mut put = |p: &network::Protection, device| {
        if let Some(element) = p.switched.or(p.monitored) {
            let terminal = if p.switched.is_some() { p.switched_terminal } else { p.monitored_terminal };
            found.entry((element, terminal)).or_insert(device);
        }
    };
    network.reclosers.iter().filter(|d| d.common.enabled).for_each(|d| put(&d.protection, Device::Breaker));
    network.relays.iter().filter(|d| d.common.enabled).for_each(|d| put(&d.protection, Device::Breaker));
    network.fuses.iter().filter(|d| d.common.enabled).for_each(|d| put(&d.protection, Device::Fuse));
    found
}

impl Zones {
    /// The zones of a state's network, its switches as they stand in the state, without the elements `removed`.
    pub fn new(state: &State, which: Switches, removed: &HashSet<ElementId>) -> Self {
        let circuit = state.circuit();
        let network = circuit.network();
        let graph = Graph::new(network);
        let protection = devices(network);
        // What is locked moves for nobody: closed it joins its sides for good, open it is no way.
        let locked: HashSet<(ElementId, usize)> = network
            .switch_controls
            .iter()
            .filter(|c| c.common.enabled && c.locked)
            .filter_map(|c| Some((c.switched?, c.terminal)))
            .collect();
        let mut marked: HashSet<ElementId> =
            network.switch_controls.iter().filter(|c| c.common.enabled).filter_map(|c| c.switched).collect();
        marked.extend(network.ids(ElementKind::Line).filter(|id| network.lines[id.index()].is_switch));
        struct Edge {
            element: ElementId,
            terminal: usize,
            bus: usize,
            body: usize,
            is_closed: bool,
            device: Option<Device>,
        }
        let n_buses = graph.n_buses();
        let mut bodies: HashMap<ElementId, usize> = HashMap::new();
        let mut edges: Vec<Edge> = Vec::new();
        let mut seen = HashSet::new();
        for link in &graph.links {
            let id = link.element;
            if removed.contains(&id) || circuit.index_of(id).is_none() {
                continue;
            }
            let next = n_buses + bodies.len();
            let body = *bodies.entry(id).or_insert(next);
            let has_own = (0..network.common(id).terminals.len()).any(|t| protection.contains_key(&(id, t)));
            for (terminal, bus) in [(usize::from(link.from_terminal), link.from), (usize::from(link.to_terminal), link.to)] {
                if !seen.insert((id, terminal)) {
                    continue;
                }
                let is_open = stands_open(network, state, id, terminal);
                let of_line = match which {
                    Switches::Marked => false,
                    Switches::Lines => terminal == 0,
                    Switches::Ends => true,
                } && id.kind == ElementKind::Line;
                let device = match protection.get(&(id, terminal)) {
                    _ if locked.contains(&(id, terminal)) => None,
                    Some(device) => Some(*device),
                    None if marked.contains(&id) && terminal == 0 && !has_own => Some(Device::Switch),
                    None if is_open => Some(Device::Switch),
                    None if of_line => Some(Device::Line),
                    None => None,
                };
                edges.push(Edge { element: id, terminal, bus: bus.index(), body, is_closed: !is_open, device });
            }
        }
        let mut sets = Sets::new(n_buses + bodies.len());
        for e in edges.iter().filter(|e| e.is_closed && e.device.is_none()) {
            sets.join(e.bus, e.body);
        }
        let mut number = HashMap::new();
        let of_node: Vec<usize> = (0..n_buses + bodies.len())
            .map(|i| {
                let (root, next) = (sets.find(i), number.len());
                *number.entry(root).or_insert(next)
            })
            .collect();
        let n = number.len();
        let mut at = vec![Vec::new(); n];
        let mut switches = Vec::new();
        for e in edges {
            let between = (of_node[e.bus], of_node[e.body]);
            let Some(device) = e.device.filter(|_| between.0 != between.1) else { continue };
            at[between.0].push(switches.len());
            at[between.1].push(switches.len());
            switches.push(Switch { element: e.element, terminal: e.terminal, device, is_closed: e.is_closed, between });
        }
        let mut sources: Vec<usize> = network
            .voltage_sources
            .iter()
            .enumerate()
            .map(|(i, s)| (ElementId::new(ElementKind::VoltageSource, i), s))
            .filter(|(id, s)| s.common.enabled && !removed.contains(id))
            .filter_map(|(_, s)| s.common.terminals.first().map(|t| of_node[t.bus.index()]))
            .collect();
        sources.sort_unstable();
        sources.dedup();
        let of_bus = of_node[..n_buses].to_vec();
        Self { n, switches, at, sources, of_bus, bodies, of_node }
    }

    /// Zone of a bus.
    pub fn of_bus(&self, bus: BusId) -> usize {
        self.of_bus[bus.index()]
    }

    /// Zone in which an element that joins buses lies; of others, the zone of their first bus.
    pub fn of_element(&self, network: &Network, id: ElementId) -> Option<usize> {
        if let Some(body) = self.bodies.get(&id) {
            return Some(self.of_node[*body]);
        }
        network.common(id).terminals.first().map(|t| self.of_bus(t.bus))
    }

    /// Zones that sources reach through closed switches and zones that `may` be passed.
    pub fn reached(&self, is_closed: impl Fn(usize) -> bool, may: impl Fn(usize) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.n];
        let mut queue: VecDeque<usize> = self.sources.iter().copied().filter(|&z| may(z)).collect();
        queue.iter().for_each(|&z| reached[z] = true);
        while let Some(zone) = queue.pop_front() {
            for &s in &self.at[zone] {
                let other = self.switches[s].other(zone);
                if is_closed(s) && !reached[other] && may(other) {
                    reached[other] = true;
                    queue.push_back(other);
                }
            }
        }
        reached
    }

    /// A closed switch on a loop, or between two sources; none where the network is radial as its switches stand.
    pub fn loop_switch(&self) -> Option<usize> {
        let mut sets = self.rooted_sets();
        self.switches.iter().position(|s| s.is_closed && !sets.join(s.between.0, s.between.1))
    }

    /// Sets of zones, those with a source in one.
    pub fn rooted_sets(&self) -> Sets {
        let mut sets = Sets::new(self.n);
        for pair in self.sources.windows(2) {
            sets.join(pair[0], pair[1]);
        }
        sets
    }
}
