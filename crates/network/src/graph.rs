//! Which elements join which buses: the network as a graph, and what follows from that alone.
//!
//! An element that stands between two buses is a *link*; one with more terminals gives a link from its first terminal to each other one. What
//! stands at one bus only (a load, a shunt capacitor) is no link but is listed at its bus. Controls, meters and protective devices stand at
//! the element that they watch or operate ([`Graph::attached`]).
//!
//! A link is closed when its element is in service and each terminal has a closed conductor; an opened switch is an open link, which
//! carries nothing but is still drawn.

use crate::{BusId, ElementId, ElementKind, Network, SwitchState, TransformerStatus};
use std::collections::{HashMap, VecDeque};

/// One way from bus to bus through an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub element: ElementId,
    pub from: BusId,
    pub to: BusId,
    /// Terminals at the two buses, 0-based.
    pub from_terminal: u16,
    pub to_terminal: u16,
    pub is_closed: bool,
}

impl Link {
    /// The bus at the other end.
    pub fn other(&self, bus: BusId) -> BusId {
        if self.from == bus { self.to } else { self.from }
    }
}

/// Lists of numbers, one list a bus, in one vector.
#[derive(Clone, Debug)]
struct Lists<T> {
    first: Vec<u32>,
    all: Vec<T>,
}

impl<T: Copy> Lists<T> {
    /// `pairs` in the order that each list shall have.
    fn new(n: usize, pairs: &[(u32, T)]) -> Self {
        let mut first = vec![0_u32; n + 1];
        for (at, _) in pairs {
            first[*at as usize + 1] += 1;
        }
        for i in 0..n {
            first[i + 1] += first[i];
        }
        let mut next = first.clone();
        let mut all: Vec<Option<T>> = vec![None; pairs.len()];
        for (at, value) in pairs {
            all[next[*at as usize] as usize] = Some(*value);
            next[*at as usize] += 1;
        }
        Self { first, all: all.into_iter().flatten().collect() }
    }

    fn of(&self, at: usize) -> &[T] {
        match (self.first.get(at), self.first.get(at + 1)) {
            (Some(&from), Some(&to)) => &self.all[from as usize..to as usize],
            _ => &[],
        }
    }
}

/// The graph of one network.
#[derive(Clone, Debug)]
pub struct Graph {
    pub links: Vec<Link>,
    n_buses: usize,
    at_bus: Lists<u32>,
    elements_at: Lists<ElementId>,
    attached: HashMap<ElementId, Vec<ElementId>>,
}

/// How buses were reached from others.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Bus and link by which each bus was reached; none for roots and for what was not reached.
    pub parent: Vec<Option<(BusId, u32)>>,
    /// Links from the root; `u32::MAX` where not reached.
    pub depth: Vec<u32>,
    /// Buses in the order in which they were reached: parents before children.
    pub order: Vec<BusId>,
    /// The root of each bus reached.
    pub root: Vec<Option<BusId>>,
}

impl Tree {
    pub fn is_reached(&self, bus: BusId) -> bool {
        self.depth.get(bus.index()).is_some_and(|d| *d != u32::MAX)
    }

    /// The links from a bus to its root, with the bus at the far end of each.
    pub fn to_root(&self, bus: BusId) -> impl Iterator<Item = (BusId, u32)> + '_ {
        std::iter::successors(self.parent.get(bus.index()).copied().flatten(), |(bus, _)| self.parent[bus.index()])
    }

    /// Children of each bus, in the order in which they were reached.
    pub fn children(&self) -> Vec<Vec<BusId>> {
        let mut children = vec![Vec::new(); self.parent.len()];
        for &bus in &self.order {
            if let Some((parent, _)) = self.parent[bus.index()] {
                children[parent.index()].push(bus);
            }
        }
        children
    }
}

/// What carries current, in distinction to what watches or acts.
pub fn is_conducting(kind: ElementKind) -> bool {
    !is_attached_kind(kind)
}

fn is_attached_kind(kind: ElementKind) -> bool {
    use ElementKind as K;
    matches!(
        kind,
        K::RegulatorControl
            | K::CapacitorControl
            | K::InverterControl
            | K::ExponentialControl
            | K::StorageController
            | K::SwitchControl
            | K::Fuse
            | K::Relay
            | K::Recloser
            | K::Monitor
            | K::EnergyMeter
            | K::Sensor
    )
}

impl Network {
    /// Whether an element takes part: enabled, and not out of service where its kind says so.
    ///
    /// # Panics
    /// When the id belongs to another network.
    pub fn in_service(&self, id: ElementId) -> bool {
        let i = id.index();
        self.common(id).enabled
            && match id.kind {
                ElementKind::AcBranch => self.ac_branches[i].in_service,
                ElementKind::PowerTransformer => self.power_transformers[i].status != TransformerStatus::Out,
                ElementKind::PowerLoad => self.power_loads[i].in_service,
                ElementKind::FixedShunt => self.fixed_shunts[i].in_service,
                ElementKind::Machine => self.machines[i].in_service,
                ElementKind::SwitchedShunt => self.switched_shunts[i].in_service,
                ElementKind::TwoTerminalDc => self.two_terminal_dcs[i].control != crate::DcControl::Blocked,
                ElementKind::VscDc => self.vsc_dcs[i].in_service,
                ElementKind::MultiTerminalDc => self.multi_terminal_dcs[i].control != crate::DcControl::Blocked,
                ElementKind::FactsDevice => self.facts_devices[i].mode != 0,
                ElementKind::PowerMotor => self.power_motors[i].in_service,
                _ => true,
            }
    }

    /// The elements that a control, meter or protective device watches or operates; none for other kinds.
    ///
    /// # Panics
    /// When the id belongs to another network.
    pub fn subjects(&self, id: ElementId) -> Vec<ElementId> {
        let i = id.index();
        let of_protection = |p: &crate::Protection| [p.switched, p.monitored].into_iter().flatten().collect();
        let mut found: Vec<ElementId> = match id.kind {
            ElementKind::RegulatorControl => self.regulator_controls[i].transformer.into_iter().collect(),
            ElementKind::CapacitorControl => {
                let control = &self.capacitor_controls[i];
                [control.capacitor, control.element].into_iter().flatten().collect()
            }
            ElementKind::InverterControl => self.inverter_controls[i].units.clone(),
            ElementKind::ExponentialControl => self.exponential_controls[i].units.clone(),
            ElementKind::StorageController => {
                let control = &self.storage_controllers[i];
                control.element.into_iter().chain(control.units.iter().copied()).collect()
            }
            ElementKind::SwitchControl => self.switch_controls[i].switched.into_iter().collect(),
            ElementKind::Fuse => of_protection(&self.fuses[i].protection),
            ElementKind::Relay => of_protection(&self.relays[i].protection),
            ElementKind::Recloser => of_protection(&self.reclosers[i].protection),
            ElementKind::Monitor => self.monitors[i].element.into_iter().collect(),
            ElementKind::EnergyMeter => self.energy_meters[i].element.into_iter().collect(),
            ElementKind::Sensor => self.sensors[i].element.into_iter().collect(),
            _ => Vec::new(),
        };
        let mut seen = std::collections::HashSet::new();
        found.retain(|e| seen.insert(*e) && e.index() < self.count(e.kind));
        found
    }

    /// Buses that supply the network: of sources in service, of swing buses; in the order of the model.
    pub fn supply_buses(&self) -> Vec<BusId> {
        let mut found: Vec<BusId> = self
            .ids(ElementKind::VoltageSource)
            .filter(|&id| self.in_service(id))
            .filter_map(|id| self.common(id).terminals.first().map(|t| t.bus))
            .collect();
        let is_swing = |b: &crate::Bus| b.transmission.as_ref().is_some_and(|t| t.kind == crate::BusKind::Swing);
        found.extend(self.buses.iter().enumerate().filter(|(_, b)| is_swing(b)).map(|(i, _)| BusId::from(i)));
        let mut seen = std::collections::HashSet::new();
        found.retain(|b| b.index() < self.buses.len() && seen.insert(*b));
        found
    }
}

impl Graph {
    pub fn new(network: &Network) -> Self {
        let n_buses = network.buses.len();
        let mut opened: HashMap<ElementId, Vec<usize>> = HashMap::new();
        for control in network.switch_controls.iter().filter(|c| c.common.enabled && c.state == SwitchState::Open) {
            if let Some(switched) = control.switched {
                opened.entry(switched).or_default().push(control.terminal);
            }
        }
        let mut links = Vec::new();
        let mut at: Vec<(u32, ElementId)> = Vec::new();
        let mut attached: HashMap<ElementId, Vec<ElementId>> = HashMap::new();
        for &id in &network.order {
            if is_attached_kind(id.kind) {
                for subject in network.subjects(id) {
                    attached.entry(subject).or_default().push(id);
                }
                continue;
            }
            let common = network.common(id);
            let terminals: Vec<_> = common.terminals.iter().filter(|t| t.bus.index() < n_buses).collect();
            let mut stands_at: Vec<BusId> = Vec::with_capacity(2);
            for t in &terminals {
                if !stands_at.contains(&t.bus) {
                    stands_at.push(t.bus);
                    at.push((t.bus.0, id));
                }
            }
            let Some(first) = terminals.first() else { continue };
            let is_open = |i: usize| {
                let t = &terminals[i];
                (!t.closed.is_empty() && t.closed.iter().all(|c| !c)) || opened.get(&id).is_some_and(|o| o.contains(&i))
            };
            let winding_out = |i: usize| match id.kind {
                ElementKind::PowerTransformer => {
                    network.power_transformers[id.index()].status == TransformerStatus::WindingOut(i as u8 + 1)
                }
                _ => false,
            };
            let in_service = network.in_service(id);
            let mut met = vec![first.bus];
            for (i, t) in terminals.iter().enumerate().skip(1) {
                if met.contains(&t.bus) {
                    continue;
                }
                met.push(t.bus);
                let is_closed = in_service && ![0, i].iter().any(|&i| is_open(i) || winding_out(i));
                links.push(Link { element: id, from: first.bus, to: t.bus, from_terminal: 0, to_terminal: i as u16, is_closed });
            }
        }
        let mut pairs = Vec::with_capacity(links.len() * 2);
        for (i, link) in links.iter().enumerate() {
            pairs.push((link.from.0, i as u32));
            pairs.push((link.to.0, i as u32));
        }
        Self { n_buses, at_bus: Lists::new(n_buses, &pairs), elements_at: Lists::new(n_buses, &at), links, attached }
    }

    pub fn n_buses(&self) -> usize {
        self.n_buses
    }

    /// Numbers of the links at a bus, in the order of their elements.
    pub fn links_at(&self, bus: BusId) -> &[u32] {
        self.at_bus.of(bus.index())
    }

    /// Elements that carry current and have a terminal at a bus, links among them.
    pub fn elements_at(&self, bus: BusId) -> &[ElementId] {
        self.elements_at.of(bus.index())
    }

    /// Controls, meters and protective devices of an element.
    pub fn attached(&self, element: ElementId) -> &[ElementId] {
        self.attached.get(&element).map_or(&[], Vec::as_slice)
    }

    /// Buses reached from `roots` through closed links, each by the fewest links.
    pub fn reach(&self, roots: &[BusId]) -> Tree {
        self.grow(roots, |_| true, false)
    }

    /// As [`Graph::reach`], through links that `may` be passed, closed or not.
    pub fn reach_by(&self, roots: &[BusId], may: impl Fn(u32) -> bool) -> Tree {
        self.grow(roots, may, true)
    }

    /// A tree over every bus: each part of the network from its first root among `roots`, or from `other_root` of its buses. Open links are
    /// taken where no closed one leads.
    pub fn spanning(&self, roots: &[BusId], other_root: impl Fn(&[BusId]) -> BusId) -> Tree {
        let mut tree = self.empty_tree();
        for &root in roots.iter().filter(|r| r.index() < self.n_buses) {
            self.spread(&mut tree, root);
        }
        for i in 0..self.n_buses {
            let bus = BusId::from(i);
            if !tree.is_reached(bus) {
                let mut trial = vec![bus];
                let mut seen = std::collections::HashSet::from([bus]);
                let mut next = 0;
                while let Some(&at) = trial.get(next) {
                    next += 1;
                    for &l in self.links_at(at) {
                        let other = self.links[l as usize].other(at);
                        if seen.insert(other) {
                            trial.push(other);
                        }
                    }
                }
                self.spread(&mut tree, other_root(&trial));
            }
        }
        tree
    }

    fn empty_tree(&self) -> Tree {
        Tree {
            parent: vec![None; self.n_buses],
            depth: vec![u32::MAX; self.n_buses],
            order: Vec::with_capacity(self.n_buses),
            root: vec![None; self.n_buses],
        }
    }

    fn grow(&self, roots: &[BusId], may: impl Fn(u32) -> bool, open_too: bool) -> Tree {
        let mut tree = self.empty_tree();
        let mut queue = VecDeque::new();
        for &root in roots.iter().filter(|r| r.index() < self.n_buses) {
            if !tree.is_reached(root) {
                tree.depth[root.index()] = 0;
                tree.root[root.index()] = Some(root);
                tree.order.push(root);
                queue.push_back(root);
            }
        }
        while let Some(bus) = queue.pop_front() {
            for &l in self.links_at(bus) {
                let link = &self.links[l as usize];
                if (open_too || link.is_closed) && may(l) {
                    Self::take(&mut tree, &mut queue, bus, link.other(bus), l);
                }
            }
        }
        tree
    }

    fn take(tree: &mut Tree, queue: &mut VecDeque<BusId>, from: BusId, to: BusId, link: u32) {
        if tree.is_reached(to) {
            return;
        }
        tree.depth[to.index()] = tree.depth[from.index()] + 1;
        tree.parent[to.index()] = Some((from, link));
        tree.root[to.index()] = tree.root[from.index()];
        tree.order.push(to);
        queue.push_back(to);
    }

    /// All that hangs together with `root`, closed links first.
    fn spread(&self, tree: &mut Tree, root: BusId) {
        if tree.is_reached(root) {
            return;
        }
        tree.depth[root.index()] = 0;
        tree.root[root.index()] = Some(root);
        tree.order.push(root);
        let mut queue = VecDeque::from([root]);
        let mut opens: VecDeque<(BusId, u32)> = VecDeque::new();
        loop {
            if let Some(bus) = queue.pop_front() {
                for &l in self.links_at(bus) {
                    let link = &self.links[l as usize];
                    if link.is_closed {
                        Self::take(tree, &mut queue, bus, link.other(bus), l);
                    } else {
                        opens.push_back((bus, l));
                    }
                }
            } else if let Some((bus, l)) = opens.pop_front() {
                Self::take(tree, &mut queue, bus, self.links[l as usize].other(bus), l);
            } else {
                return;
            }
        }
    }
}

/// Base voltage of each bus, kV line to line: as the model assigns it, else as sources and the rated voltages of transformers give it along
/// the links; 0 where nothing does.
pub fn nominal_kv_ll(network: &Network, graph: &Graph) -> Vec<f64> {
    let root3 = 3f64.sqrt();
    let mut kv: Vec<f64> = network.buses.iter().map(|b| b.kv_base_ll().unwrap_or(0.0)).collect();
    if kv.iter().all(|kv| *kv > 0.0) {
        return kv;
    }
    let across = |n_phases: usize, kv: f64, connection: crate::Connection| match (n_phases, connection) {
        (1, crate::Connection::Wye) => kv * root3,
        _ => kv,
    };
    let mut queue: VecDeque<BusId> = (0..kv.len()).filter(|&i| kv[i] > 0.0).map(BusId::from).collect();
    for source in &network.voltage_sources {
        if let Some(bus) = source.common.terminals.first().map(|t| t.bus.index()).filter(|b| *b < kv.len())
            && kv[bus] <= 0.0
        {
            kv[bus] = across(source.common.n_phases, source.base_kv, crate::Connection::Wye);
            queue.push_back(BusId::from(bus));
        }
    }
    while let Some(bus) = queue.pop_front() {
        for &l in graph.links_at(bus) {
            let link = &graph.links[l as usize];
            let other = link.other(bus);
            if kv[other.index()] > 0.0 {
                continue;
            }
            let terminal = if link.from == other { link.from_terminal } else { link.to_terminal };
            let found = match link.element.kind {
                ElementKind::Transformer => {
                    let t = &network.transformers[link.element.index()];
                    t.windings.get(usize::from(terminal)).map_or(0.0, |w| across(t.common.n_phases, w.kv, w.connection))
                }
                ElementKind::PowerTransformer | ElementKind::TwoTerminalDc | ElementKind::VscDc | ElementKind::MultiTerminalDc => 0.0,
                _ => kv[bus.index()],
            };
            if found.is_finite() && found > 0.0 {
                kv[other.index()] = (found * 1e6).round() / 1e6;
                queue.push_back(other);
            }
        }
    }
    kv
}
