//! Preflight: what a network's own data say against it, before anything is solved.
//!
//! Three questions are asked.
//!
//! *Is everything fed?* Nodes are joined into groups by what carries current from one end to the
//! other: lines and series reactors, capacitors and faults conductor by conductor, transformers as a
//! whole. A group with an enabled source is fed. The question is asked twice, with everything as it
//! is and with every switch closed and every element in service, so that a load behind an open switch
//! (a state of operation) is told from one on a bus that nothing reaches (a slip).
//!
//! *Do rated voltages fit their buses?* The voltage across a phase of an element follows from its
//! connection and nodes, with `b` the bus's line-to-neutral base:
//!
//! ```text
//! one phase to earth or a neutral      kV = b, or sqrt(3)/2 b on a bus of two nodes at most, whose base may be that
//!                                      of the whole of a centre-tapped secondary
//! one phase between two phase nodes    kV = sqrt(3) b, or 2 b on a centre-tapped secondary; a node whose wire ends at the
//!                                      earth leads back and is a neutral, whatever its number
//! wye of two or three phases           kV = sqrt(3) b   (line to line, as a nameplate has it)
//! delta                                kV = sqrt(3) b, or 2 b
//! ```
//!
//! *Are impedances those of real equipment?* Lengths and impedances are compared with what any line
//! of that voltage has.

use std::collections::HashMap;

use crate::{
    Bus, BusId, CapacitorSize, Common, Connection, Diagnostic, ElementId, ElementKind, Line, LineImpedance, Network, Severity, SourceRef,
    Terminal,
};
use num_complex::Complex64;

/// What a code of this module means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    pub code: &'static str,
    pub severity: Severity,
    pub meaning: &'static str,
}

macro_rules! code_table {
    ($($name:ident, $code:literal, $severity:ident, $meaning:literal;)*) => {
        $(const $name: CodeInfo = CodeInfo { code: $code, severity: Severity::$severity, meaning: $meaning };)*

        /// Every code that [`check`] can give, with its severity.
        pub fn codes() -> &'static [CodeInfo] {
            &[$($name),*]
        }
    };
}

code_table! {
    NO_SWING, "CHECK.SWING.MISSING", Error, "no bus of a transmission case holds the angle: none is a swing bus with a machine in service";
    SOURCE_MISSING, "CHECK.SOURCE.MISSING", Error, "the network has no source in service";
    LOAD_NOT_FED, "CHECK.LOAD.NOT_FED", Error, "nothing connects a load, generator or storage unit to a source, even with every switch closed";
    PHASE_NOT_FED, "CHECK.LOAD.PHASE_NOT_FED", Error, "a phase of a load, generator or storage unit is connected to a node that no source can feed";
    LOAD_NO_BUS, "CHECK.LOAD.NO_BUS", Warning, "a load, generator or storage unit was given no bus, so that it stands alone and carries nothing";
    LOAD_SWITCHED_OFF, "CHECK.LOAD.SWITCHED_OFF", Warning, "a load, generator or storage unit is cut off by open switches or elements out of service";
    LOAD_KV, "CHECK.LOAD.KV_BASE", Error, "the rated kV of a load, generator or storage unit is more than 2.5 times, or less than 0.4 times, what its bus has";
    LOAD_KV_NEAR, "CHECK.LOAD.KV_BASE_NEAR", Warning, "the rated kV of a load, generator or storage unit is more than 15 % off what its bus has; a factor of the square root of three is told as such";
    DELTA_TO_EARTH, "CHECK.LOAD.DELTA_TO_EARTH", Warning, "a one-phase delta load rated line to line names one node, so its other end is at the earth";
    TRANSFORMER_KV, "CHECK.TRANSFORMER.KV_BASE", Warning, "the rated kV of a transformer's winding is more than 15 % off what its bus has";
    CAPACITOR_KV, "CHECK.CAPACITOR.KV_BASE", Warning, "the rated kV of a capacitor is more than 15 % off what its bus has";
    SOURCE_KV, "CHECK.SOURCE.KV_BASE", Warning, "the kV of a source is more than 15 % off the base of its bus";
    LINE_BASES, "CHECK.LINE.VOLTAGE_BASES", Warning, "the two ends of a line have different voltage bases";
    LINE_LENGTH, "CHECK.LINE.ZERO_LENGTH", Error, "the length of a line is zero or negative";
    LINE_ZERO, "CHECK.LINE.ZERO_IMPEDANCE", Error, "the series impedance of a line is zero";
    LINE_NEGATIVE, "CHECK.LINE.NEGATIVE_RESISTANCE", Warning, "the positive-sequence resistance of a line is negative";
    LINE_RATIO, "CHECK.LINE.IMPEDANCE_RATIO", Warning, "resistance and reactance of a line differ by a factor of more than a thousand";
    LINE_HUGE, "CHECK.LINE.HUGE_IMPEDANCE", Warning, "the impedance of a line leaves less than 10 kVA of short-circuit power at its voltage";
    LINE_TINY, "CHECK.LINE.TINY_IMPEDANCE", Note, "the impedance of a line that is no switch is so small that the equations lose digits";
    LINE_NODES, "CHECK.LINE.PHASES_CHANGE", Note, "a line connects a phase to another phase";
    REPEATED_NODE, "CHECK.ELEMENT.REPEATED_NODE", Warning, "two phase conductors of one terminal are connected to the same node";
    PARALLEL, "CHECK.LINE.PARALLEL", Note, "lines in parallel between the same nodes";
    ISLAND, "CHECK.ISLAND.NO_SOURCE", Warning, "buses that no source feeds";
    DOUBTFUL_BASE, "CHECK.BUS.DOUBTFUL_BASE", Warning, "the voltage base of a bus fits neither its transformer nor what is connected there";
    NO_BASE, "CHECK.BUS.NO_VOLTAGE_BASE", Note, "buses without a voltage base";
    NO_COORDINATES, "CHECK.BUS.NO_COORDINATES", Note, "buses without coordinates, while others have them";
    REGULATOR, "CHECK.REGULATOR.NO_TRANSFORMER", Error, "a regulator control has no transformer, or a winding that its transformer lacks";
    CONTROL_TARGET, "CHECK.CONTROL.NO_TARGET", Warning, "a control has nothing to act on";
    SHAPE_NUMBERS, "CHECK.SHAPE.NOT_FINITE", Error, "a shape over time has a value or an hour that is no finite number";
    NO_RATING, "CHECK.LINE.NO_RATING", Note, "lines without a current rating";
}

/// Off by more than this factor, a rated voltage is an error. Slips between line to line and line to neutral, and between
/// the half and the whole of a centre-tapped secondary, stay below it: the model means something, if not what was meant.
const KV_ERROR: f64 = 2.5;
/// Off by more than this factor, a rated voltage is a warning.
const KV_WARNING: f64 = 1.15;
/// Names that one aggregated finding lists.
const LISTED: usize = 8;

/// Checks `network`, and gives what is found: errors first, then warnings and notes, each in the order
/// of creation. Disabled elements are not checked.
///
/// Cost: linear in the number of elements.
pub fn check(network: &Network) -> Vec<Diagnostic> {
    let mut found = Findings { network, diagnostics: Vec::new() };
    if network.is_transmission() {
        found.swing();
        return found.diagnostics;
    }
    found.supply();
    found.voltages();
    found.lines();
    found.controls();
    found.shapes();
    found.buses();
    found.diagnostics.sort_by_key(|d| std::cmp::Reverse(d.severity));
    found.diagnostics
}

/// Groups of nodes that are joined.
struct Groups {
    index: HashMap<(BusId, u32), usize>,
    parent: Vec<usize>,
    fed: Vec<bool>,
    /// Groups that the wire of a line ties to the earth: they lead back.
    returns: Vec<bool>,
}

impl Groups {
    fn node(&mut self, bus: BusId, node: u32) -> usize {
        let next = self.parent.len();
        let i = *self.index.entry((bus, node)).or_insert(next);
        if i == next {
            self.parent.push(i);
        }
        i
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] != i {
            self.parent[i] = self.parent[self.parent[i]];
            i = self.parent[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parent[b] = a;
    }

    /// Joins nodes of the network as elements do. With `as_is` open conductors and disabled elements
    /// carry nothing; sources count only in service either way.
    fn new(network: &Network, as_is: bool) -> Self {
        let mut groups = Groups { index: HashMap::new(), parent: Vec::new(), fed: Vec::new(), returns: Vec::new() };
        let (mut sources, mut earthed) = (Vec::new(), Vec::new());
        for &id in &network.order {
            let common = network.common(id);
            match id.kind {
                ElementKind::VoltageSource | ElementKind::CurrentSource | ElementKind::GicLine if common.enabled => {
                    for terminal in &common.terminals {
                        for (&node, _) in closed_nodes(terminal, as_is) {
                            sources.push(groups.node(terminal.bus, node));
                        }
                    }
                }
                _ => {}
            }
            if as_is && !common.enabled {
                continue;
            }
            if id.kind == ElementKind::Line
                && let [first, second, ..] = common.terminals.as_slice()
            {
                for (&a, &b) in first.nodes.iter().zip(&second.nodes) {
                    match (a, b) {
                        (0, node) if node != 0 => earthed.push(groups.node(second.bus, node)),
                        (node, 0) if node != 0 => earthed.push(groups.node(first.bus, node)),
                        _ => {}
                    }
                }
            }
            match id.kind {
                ElementKind::Line | ElementKind::Reactor | ElementKind::Capacitor | ElementKind::Fault | ElementKind::GicLine => {
                    groups.conductor_by_conductor(common, as_is);
                }
                ElementKind::Transformer | ElementKind::GicTransformer | ElementKind::Unmodelled => groups.all_together(common, as_is),
                _ => {}
            }
        }
        groups.fed = groups.marks(&sources);
        groups.returns = groups.marks(&earthed);
        groups
    }

    /// Which roots hold one of `nodes`.
    fn marks(&mut self, nodes: &[usize]) -> Vec<bool> {
        let mut marks = vec![false; self.parent.len()];
        for &node in nodes {
            marks[self.root(node)] = true;
        }
        marks
    }

    fn conductor_by_conductor(&mut self, common: &Common, as_is: bool) {
        let [first, second, ..] = common.terminals.as_slice() else { return };
        for i in 0..first.nodes.len().min(second.nodes.len()) {
            let (a, b) = (first.nodes[i], second.nodes[i]);
            if a == 0 || b == 0 || (as_is && !(first.closed[i] && second.closed[i])) {
                continue;
            }
            let (a, b) = (self.node(first.bus, a), self.node(second.bus, b));
            self.join(a, b);
        }
    }

    fn all_together(&mut self, common: &Common, as_is: bool) {
        let mut first = None;
        for terminal in &common.terminals {
            for (&node, _) in closed_nodes(terminal, as_is) {
                let node = self.node(terminal.bus, node);
                match first {
                    None => first = Some(node),
                    Some(first) => self.join(first, node),
                }
            }
        }
    }

    fn is_fed(&mut self, bus: BusId, node: u32) -> bool {
        let root = self.index.get(&(bus, node)).copied().map(|i| self.root(i));
        root.is_some_and(|root| self.fed[root])
    }

    /// Whether `node` leads back to the earth along a wire.
    fn leads_back(&mut self, bus: BusId, node: u32) -> bool {
        let root = self.index.get(&(bus, node)).copied().map(|i| self.root(i));
        node == 0 || root.is_some_and(|root| self.returns[root])
    }
}

/// Nodes of a terminal other than the earth, with their conductors; open ones left out when `as_is`.
fn closed_nodes(terminal: &Terminal, as_is: bool) -> impl Iterator<Item = (&u32, usize)> {
    terminal
        .nodes
        .iter()
        .zip(terminal.closed.iter())
        .enumerate()
        .filter(move |(_, (node, closed))| **node != 0 && (!as_is || **closed))
        .map(|(i, (node, _))| (node, i))
}

/// What draws or injects at one terminal and has a rated voltage.
struct Consumer<'a> {
    id: ElementId,
    common: &'a Common,
    connection: Connection,
    kv: f64,
}

fn consumers(network: &Network) -> impl Iterator<Item = Consumer<'_>> {
    network.order.iter().filter_map(|&id| {
        let i = id.index();
        let (connection, kv) = match id.kind {
            ElementKind::Load => (network.loads[i].connection, network.loads[i].kv),
            ElementKind::Generator => (network.generators[i].connection, network.generators[i].kv),
            ElementKind::PvSystem => (network.pv_systems[i].connection, network.pv_systems[i].kv),
            ElementKind::Storage => (network.storages[i].connection, network.storages[i].kv),
            ElementKind::InductionMachine => (network.induction_machines[i].connection, network.induction_machines[i].kv),
            _ => return None,
        };
        let common = network.common(id);
        (common.enabled && !common.terminals.is_empty()).then_some(Consumer { id, common, connection, kv })
    })
}

/// Conductors that carry a phase: not the neutral of a wye.
fn phase_conductors(connection: Connection, n_phases: usize, n_conductors: usize) -> usize {
    match connection {
        Connection::Wye => n_phases.min(n_conductors),
        Connection::Delta => n_conductors,
    }
}

/// What `kv` is over the voltage that the bus has across one phase; `None` without a base. `wires` tells phases from returns.
fn kv_ratio(network: &Network, wires: &mut Groups, connection: Connection, n_phases: usize, terminal: &Terminal, kv: f64) -> Option<f64> {
    let (bus, nodes) = (network.bus(terminal.bus), terminal.nodes.as_slice());
    let base = bus.kv_base_ln;
    if base <= 0.0 || kv <= 0.0 || nodes.is_empty() {
        return None;
    }
    let line_to_line = [3f64.sqrt(), 2.0];
    let to_earth = [1.0, 0.5 * 3f64.sqrt()];
    let candidates: &[f64] = match (connection, n_phases) {
        (_, 0) => return None,
        (_, 1) => {
            let other = nodes.get(1).copied().unwrap_or(0);
            let between_phases = (1..=3).contains(&other) && !nodes[..2].iter().any(|&n| wires.leads_back(terminal.bus, n));
            match between_phases {
                true => &line_to_line,
                false if bus.nodes.iter().filter(|&&n| n <= 3).count() <= 2 => &to_earth,
                false => &to_earth[..1],
            }
        }
        (Connection::Wye, 2 | 3) => &line_to_line[..1],
        // OpenDSS takes the kV of other numbers of phases as it is.
        (Connection::Wye, _) => &[1.0],
        (Connection::Delta, _) => &line_to_line,
    };
    candidates.iter().map(|c| kv / (c * base)).min_by(|a, b| a.ln().abs().total_cmp(&b.ln().abs()))
}

fn off_by(ratio: f64) -> f64 {
    if ratio >= 1.0 { ratio } else { 1.0 / ratio }
}

fn near(value: f64, target: f64) -> bool {
    (value / target - 1.0).abs() < 0.03
}

/// What a mismatch of rated voltage looks like.
fn kv_hint(ratio: f64) -> &'static str {
    if near(ratio, 3f64.sqrt()) {
        "It is off by the square root of three: give the line-to-neutral voltage here, or check phases and connection."
    } else if near(ratio, 1.0 / 3f64.sqrt()) {
        "It is off by the square root of three: give the line-to-line voltage here, or check phases and connection."
    } else if near(ratio, 1000.0) || near(ratio, 0.001) {
        "It is off by a thousand: kV stand here, not V."
    } else if near(off_by(ratio), 10.0) {
        "It is off by ten: look for a decimal point."
    } else {
        "Give the voltage of the bus, or connect to the bus that was meant."
    }
}

/// Line-to-neutral voltages, kV, that the transformers of each zone are made for. A zone is what lines
/// join; its number is given for each bus.
struct Zones {
    of_bus: Vec<usize>,
    windings_kv_ln: Vec<Vec<f64>>,
}

impl Zones {
    fn new(network: &Network) -> Self {
        let n = network.buses.len();
        let mut groups = Groups { index: HashMap::new(), parent: (0..n).collect(), fed: Vec::new(), returns: Vec::new() };
        for line in network.lines.iter().filter(|l| l.common.enabled) {
            if let [first, second] = line.common.terminals.as_slice() {
                groups.join(first.bus.index(), second.bus.index());
            }
        }
        let of_bus: Vec<usize> = (0..n).map(|i| groups.root(i)).collect();
        let mut windings_kv_ln = vec![Vec::new(); n];
        for transformer in network.transformers.iter().filter(|t| t.common.enabled) {
            for (winding, terminal) in transformer.windings.iter().zip(&transformer.common.terminals) {
                let other = terminal.nodes.get(1).copied().unwrap_or(0);
                let to_earth = transformer.common.n_phases == 1 && winding.connection == Connection::Wye && !(1..=3).contains(&other);
                let kv_ln = if to_earth { winding.kv } else { winding.kv / 3f64.sqrt() };
                windings_kv_ln[of_bus[terminal.bus.index()]].push(kv_ln);
            }
        }
        Self { of_bus, windings_kv_ln }
    }

    /// Notes `id` where the base of the bus's zone is doubted already: that one finding says it all.
    fn doubted(&self, doubts: &mut [Doubt], bus: BusId, id: ElementId) -> bool {
        let zone = self.of_bus[bus.index()];
        let doubt = doubts.iter_mut().find(|d| d.zone == zone);
        let found = doubt.is_some();
        if let Some(doubt) = doubt {
            doubt.elements.push(id);
        }
        found
    }

    /// Whether a transformer of the bus's zone is made for `kv_ln`.
    fn fits(&self, bus: BusId, kv_ln: f64) -> bool {
        self.windings_kv_ln[self.of_bus[bus.index()]].iter().any(|w| off_by(kv_ln / w) < KV_WARNING)
    }
}

/// A zone whose voltage base fits neither its transformer nor what is connected there.
struct Doubt {
    zone: usize,
    /// Where it was found first, and by what rating.
    bus: BusId,
    kv: f64,
    fitting_kv: f64,
    elements: Vec<ElementId>,
}

/// What a bus has, and the rating that would fit an element there.
fn fitting(bus: &Bus, n_phases: usize, connection: Connection, kv: f64) -> String {
    format!(
        "The bus has {:.4} kV line to neutral, {:.4} kV line to line; {kv:.4} kV would fit {n_phases} phase{} in {}.",
        bus.kv_base_ln,
        3f64.sqrt() * bus.kv_base_ln,
        if n_phases == 1 { "" } else { "s" },
        if connection == Connection::Delta { "delta" } else { "wye" },
    )
}

/// `node 2`, `nodes 1, 2`.
fn node_list(nodes: &[u32]) -> String {
    let list: Vec<String> = nodes.iter().map(u32::to_string).collect();
    format!("node{} {}", if nodes.len() == 1 { "" } else { "s" }, list.join(", "))
}

/// The first few names, and how many more there are.
fn listed(names: &[String]) -> String {
    let mut list = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED {
        list.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    list
}

struct Findings<'a> {
    network: &'a Network,
    diagnostics: Vec<Diagnostic>,
}

impl Findings<'_> {
    fn add(&mut self, info: CodeInfo, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::new(info.code, info.severity, message));
        self.diagnostics.last_mut().expect("just added")
    }

    fn about(&mut self, info: CodeInfo, id: ElementId, message: impl Into<String>, detail: impl Into<String>, hint: &str) {
        let name = self.network.full_name(id);
        let source = self.network.common(id).source.clone();
        let d = self.add(info, message);
        d.element = Some(name);
        d.source = source.is_known().then_some(source);
        d.detail = Some(detail.into());
        if !hint.is_empty() {
            d.hint = Some(hint.to_owned());
        }
    }

    fn bus_name(&self, bus: BusId) -> &str {
        &self.network.bus(bus).name
    }

    /// One finding that stands for many; `what` is said of one and of several.
    fn aggregate(&mut self, info: CodeInfo, what: [&str; 2], names: &[String], first: Option<&SourceRef>, hint: &str) {
        if names.is_empty() {
            return;
        }
        let message = format!("{} {}", names.len(), what[usize::from(names.len() > 1)]);
        let d = self.add(info, message);
        d.detail = Some(format!("{}.", listed(names)));
        d.source = first.filter(|s| s.is_known()).cloned();
        if !hint.is_empty() {
            d.hint = Some(hint.to_owned());
        }
    }

    /// A transmission case needs a bus whose angle is held; the rest of its checks are the reader's, which knows the records.
    fn swing(&mut self) {
        let network = self.network;
        let at_swing = |m: &&crate::Machine| {
            let bus = m.common.terminals.first().map(|t| network.bus(t.bus));
            m.in_service && bus.and_then(|b| b.transmission.as_ref()).is_some_and(|b| b.kind == crate::BusKind::Swing)
        };
        if !network.machines.iter().any(|m| at_swing(&m)) {
            let d = self.add(NO_SWING, "no swing bus has a machine in service");
            d.hint = Some("Make one bus with a machine in service the swing bus (kind 3).".into());
        }
    }

    fn supply(&mut self) {
        let network = self.network;
        let is_source = |id: &&ElementId| matches!(id.kind, ElementKind::VoltageSource | ElementKind::CurrentSource);
        let in_service = network.order.iter().filter(is_source).any(|&id| network.common(id).enabled);
        if !in_service {
            let first = network.order.iter().find(is_source).copied();
            let source = first.map(|id| network.common(id).source.clone()).unwrap_or_default();
            let name = first.map(|id| network.full_name(id));
            let d = self.add(SOURCE_MISSING, "there is no source in service");
            d.element = name;
            d.source = source.is_known().then_some(source);
            d.hint = Some("Add a voltage source, or enable the one there is.".into());
            // Without a source nothing is fed; saying so for every load adds nothing.
            return;
        }
        let mut now = Groups::new(network, true);
        let mut ever = Groups::new(network, false);
        for c in consumers(network) {
            let terminal = &c.common.terminals[0];
            let n = phase_conductors(c.connection, c.common.n_phases, terminal.nodes.len());
            let phases: Vec<u32> = terminal.nodes[..n].iter().copied().filter(|&node| node != 0).collect();
            let unfed = |groups: &mut Groups| phases.iter().filter(|&&p| !groups.is_fed(terminal.bus, p)).copied().collect::<Vec<_>>();
            let (never, not_now) = (unfed(&mut ever), unfed(&mut now));
            let bus = self.bus_name(terminal.bus).to_owned();
            if !phases.is_empty() && never.len() == phases.len() {
                // Without a bus an element stands at one of its own, called after it.
                if bus == format!("{}_1", c.common.name) {
                    let detail = format!("It stands at a bus of its own, \"{bus}\", and carries nothing.");
                    self.about(LOAD_NO_BUS, c.id, "it was given no bus", detail, "Name its bus: like= does not copy it.");
                    continue;
                }
                let message = format!("no source can feed bus \"{bus}\"");
                let detail =
                    format!("Nothing connects {} of bus \"{bus}\" to a source, even with every switch closed.", node_list(&phases));
                self.about(LOAD_NOT_FED, c.id, message, detail, "Correct the name of the bus, or add what connects it.");
            } else if !never.is_empty() {
                let message = format!("no source can feed {} of bus \"{bus}\"", node_list(&never));
                let detail = "It is connected to phases that nothing brings to this bus.";
                self.about(PHASE_NOT_FED, c.id, message, detail, "Correct the nodes, or the phases of the line to this bus.");
            } else if !not_now.is_empty() && terminal.closed[..n].iter().all(|&closed| closed) {
                let nodes = node_list(&not_now);
                let message = format!("{nodes} of bus \"{bus}\" {} cut off", if not_now.len() == 1 { "is" } else { "are" });
                let detail = "What would feed it is open or out of service.";
                self.about(LOAD_SWITCHED_OFF, c.id, message, detail, "Close the switch or enable the element, unless this is meant.");
            }
        }
        let dark: Vec<String> = (0..network.buses.len())
            .map(BusId::from)
            .filter(|&id| {
                let bus = network.bus(id);
                !bus.nodes.is_empty() && bus.nodes.iter().all(|&node| !now.is_fed(id, node))
            })
            .map(|id| network.bus(id).name.clone())
            .collect();
        let hint = "Their voltages are not determined by the model and are given as zero or nearly so.";
        self.aggregate(ISLAND, ["bus is fed by no source", "buses are fed by no source"], &dark, None, hint);
    }

    fn voltages(&mut self) {
        let network = self.network;
        let zones = Zones::new(network);
        let mut wires = Groups::new(network, false);
        let mut doubts: Vec<Doubt> = Vec::new();
        // The base of a bus follows from the voltage of its first node; where nothing feeds that, it says nothing about ratings.
        let mut now = Groups::new(network, true);
        for c in consumers(network) {
            let terminal = &c.common.terminals[0];
            let bus = network.bus(terminal.bus);
            if bus.nodes.first().is_some_and(|&first| !now.is_fed(terminal.bus, first)) {
                continue;
            }
            let n_phases = c.common.n_phases;
            let Some(ratio) = kv_ratio(network, &mut wires, c.connection, n_phases, terminal, c.kv) else { continue };
            let info = match off_by(ratio) {
                r if r > KV_ERROR => LOAD_KV,
                r if r > KV_WARNING => LOAD_KV_NEAR,
                _ => continue,
            };
            if zones.fits(terminal.bus, bus.kv_base_ln * ratio) {
                let zone = zones.of_bus[terminal.bus.index()];
                match doubts.iter_mut().find(|d| d.zone == zone) {
                    Some(doubt) => doubt.elements.push(c.id),
                    None => doubts.push(Doubt { zone, bus: terminal.bus, kv: c.kv, fitting_kv: c.kv / ratio, elements: vec![c.id] }),
                }
                continue;
            }
            let one_node = c.connection == Connection::Delta && c.common.n_phases == 1 && terminal.nodes.get(1) == Some(&0);
            if one_node && near(ratio, 3f64.sqrt()) {
                let node = terminal.nodes[0];
                let message = format!("it is in delta, but its other end is at the earth of bus \"{}\"", bus.name);
                let detail = format!("Its {} kV are line to line; with node {node} alone it has the voltage of a phase.", c.kv);
                let hint = "Name both nodes, as in bus.1.2.";
                self.about(DELTA_TO_EARTH, c.id, message, detail, hint);
                continue;
            }
            let message = format!("its rated {} kV do not fit bus \"{}\"", c.kv, bus.name);
            let detail = fitting(bus, n_phases, c.connection, c.kv / ratio);
            self.about(info, c.id, message, detail, kv_hint(ratio));
        }
        for (i, transformer) in network.transformers.iter().enumerate() {
            let common = &transformer.common;
            if !common.enabled || transformer.kind == crate::TransformerKind::Auto {
                continue;
            }
            for (w, (winding, terminal)) in transformer.windings.iter().zip(&common.terminals).enumerate() {
                // A bus that several windings share, as of an autotransformer in parts, has several voltages.
                let shared = common.terminals.iter().filter(|t| t.bus == terminal.bus).count() > 1;
                if shared && terminal.nodes.iter().any(|&n| n > 3) {
                    continue;
                }
                let bus = network.bus(terminal.bus);
                if bus.nodes.first().is_some_and(|&first| !now.is_fed(terminal.bus, first)) {
                    continue;
                }
                let (connection, n_phases) = (winding.connection, common.n_phases);
                let Some(ratio) = kv_ratio(network, &mut wires, connection, n_phases, terminal, winding.kv) else { continue };
                let id = ElementId::new(ElementKind::Transformer, i);
                if off_by(ratio) > KV_WARNING && !zones.doubted(&mut doubts, terminal.bus, id) {
                    let message = format!("the rated {} kV of winding {} do not fit bus \"{}\"", winding.kv, w + 1, bus.name);
                    let detail = fitting(bus, n_phases, connection, winding.kv / ratio);
                    self.about(TRANSFORMER_KV, id, message, detail, kv_hint(ratio));
                }
            }
        }
        for (i, capacitor) in network.capacitors.iter().enumerate() {
            let common = &capacitor.common;
            // A series capacitor sees little of the bus's voltage, and one given in microfarad has no rating.
            if !common.enabled || capacitor.bus2_defined || !matches!(capacitor.size, CapacitorSize::Kvar(_)) {
                continue;
            }
            let Some(terminal) = common.terminals.first() else { continue };
            let bus = network.bus(terminal.bus);
            let (connection, n_phases) = (capacitor.connection, common.n_phases);
            let Some(ratio) = kv_ratio(network, &mut wires, connection, n_phases, terminal, capacitor.kv) else { continue };
            let id = ElementId::new(ElementKind::Capacitor, i);
            if off_by(ratio) > KV_WARNING && !zones.doubted(&mut doubts, terminal.bus, id) {
                let message = format!("its rated {} kV do not fit bus \"{}\"", capacitor.kv, bus.name);
                let detail = fitting(bus, n_phases, connection, capacitor.kv / ratio);
                self.about(CAPACITOR_KV, id, message, detail, kv_hint(ratio));
            }
        }
        for (i, source) in network.voltage_sources.iter().enumerate() {
            let Some(terminal) = source.common.terminals.first().filter(|_| source.common.enabled) else { continue };
            let bus = network.bus(terminal.bus);
            let between_buses = source.common.terminals.get(1).is_some_and(|t| t.nodes.iter().any(|&n| n != 0));
            if bus.kv_base_ln <= 0.0 || source.base_kv <= 0.0 || between_buses {
                continue;
            }
            let expected = if source.common.n_phases == 1 { bus.kv_base_ln } else { 3f64.sqrt() * bus.kv_base_ln };
            let ratio = source.base_kv / expected;
            if off_by(ratio) > KV_WARNING {
                let message = format!("its rated {} kV do not fit the base of bus \"{}\"", source.base_kv, bus.name);
                let detail = fitting(bus, source.common.n_phases, Connection::Wye, expected);
                let hint = "Add the source's voltage to the list of voltage bases, or correct it.";
                self.about(SOURCE_KV, ElementId::new(ElementKind::VoltageSource, i), message, detail, hint);
            }
        }
        for doubt in doubts {
            let bus = network.bus(doubt.bus);
            let mut names: Vec<String> = doubt.elements.iter().map(|&id| network.full_name(id)).collect();
            names.dedup();
            let message = format!("the base of bus \"{}\" fits neither its rated {} kV nor the transformer there", bus.name, doubt.kv);
            let detail = format!(
                "The base is {:.4} kV line to neutral, for which {:.4} kV would be right; the buses joined to it by lines, and the ratings of {}, are in doubt with it.",
                bus.kv_base_ln,
                doubt.fitting_kv,
                listed(&names)
            );
            let hint = "Add the transformer's voltage to the list of voltage bases, or set the base of the bus.";
            self.about(DOUBTFUL_BASE, doubt.elements[0], message, detail, hint);
        }
    }

    fn lines(&mut self) {
        let network = self.network;
        let mut unrated = Vec::new();
        let mut first_unrated = None;
        let mut between: HashMap<Vec<(BusId, u32)>, usize> = HashMap::new();
        let mut parallel = Vec::new();
        for (i, line) in network.lines.iter().enumerate() {
            if !line.common.enabled {
                continue;
            }
            let id = ElementId::new(ElementKind::Line, i);
            self.line_data(id, line);
            let [first, second] = line.common.terminals.as_slice() else { continue };
            let (a, b) = (network.bus(first.bus), network.bus(second.bus));
            // The base of a bus is that of its nodes 1 to 3: where an autotransformer has all its windings, others differ.
            let phases = first.nodes.iter().zip(&second.nodes).any(|(a, b)| (1..=3).contains(a) && (1..=3).contains(b));
            if phases && a.kv_base_ln > 0.0 && b.kv_base_ln > 0.0 && off_by(a.kv_base_ln / b.kv_base_ln) > 1.05 {
                let message = format!("it joins buses of {:.4} and {:.4} kV line to neutral", a.kv_base_ln, b.kv_base_ln);
                let hint = "A transformer is missing between them, or one of the voltage bases is wrong.";
                self.about(LINE_BASES, id, message, format!("Buses \"{}\" and \"{}\".", a.name, b.name), hint);
            }
            if first.nodes.iter().zip(&second.nodes).any(|(a, b)| a != b && (1..=3).contains(a) && (1..=3).contains(b)) {
                let list = |t: &Terminal| t.nodes.iter().map(|n| n.to_string()).collect::<Vec<_>>().join(".");
                let detail = format!("Nodes {} go to nodes {}.", list(first), list(second));
                self.about(LINE_NODES, id, "it connects a phase to another phase", detail, "");
            }
            for terminal in [first, second] {
                let nodes = &terminal.nodes;
                let repeated = nodes.iter().enumerate().find(|(i, n)| **n != 0 && nodes[..*i].contains(n)).map(|(_, n)| *n);
                if let Some(node) = repeated {
                    let message = format!("two of its conductors go to node {node} of bus \"{}\"", self.bus_name(terminal.bus));
                    self.about(REPEATED_NODE, id, message, "Its conductors are joined there.", "Correct the list of nodes.");
                }
            }
            let end = |t: &Terminal| t.nodes.iter().map(|&n| (t.bus, n)).collect::<Vec<_>>();
            let (one, other) = (end(first), end(second));
            // The same key whichever way round the line was entered.
            let ends = if other < one { [other, one].concat() } else { [one, other].concat() };
            if let Some(&earlier) = between.get(&ends) {
                let names = (network.lines[earlier].common.name.as_str(), line.common.name.as_str());
                parallel.push(format!("line.{} with line.{}", names.1, names.0));
            } else {
                between.insert(ends, i);
            }
            if line.common.rating.normal_a <= 0.0 {
                unrated.push(format!("line.{}", line.common.name));
                first_unrated.get_or_insert_with(|| line.common.source.clone());
            }
        }
        let what = ["line runs in parallel with another", "lines run in parallel with another"];
        self.aggregate(PARALLEL, what, &parallel, None, "One of a pair may have been entered twice.");
        self.aggregate(
            NO_RATING,
            ["line has no current rating", "lines have no current rating"],
            &unrated,
            first_unrated.as_ref(),
            "Their loading cannot be told.",
        );
    }

    fn line_data(&mut self, id: ElementId, line: &Line) {
        if line.length <= 0.0 || !line.length.is_finite() {
            let message = format!("its length is {}", line.length);
            let hint = "Give a length greater than zero; model a switch with switch=yes.";
            self.about(LINE_LENGTH, id, message, "Its impedance is its length times an impedance a unit of length.", hint);
            return;
        }
        let Some(z) = positive_sequence_ohm(line) else { return };
        let kv_ll = line.common.terminals.first().map_or(0.0, |t| 3f64.sqrt() * self.network.bus(t.bus).kv_base_ln);
        let text = format!("Its positive-sequence impedance is {:.3e} + j{:.3e} ohm over its length.", z.re, z.im);
        if z == Complex64::ZERO {
            let hint = "Give its impedance, or model it as a switch with switch=yes.";
            self.about(LINE_ZERO, id, "its series impedance is zero", text, hint);
            return;
        }
        if z.re < 0.0 {
            let hint = "Check its data: mutual resistances above the own ones do this, and nothing but an equivalent has it.";
            self.about(LINE_NEGATIVE, id, "its positive-sequence resistance is negative", &text, hint);
        }
        let (r, x) = (z.re.abs(), z.im.abs());
        if !line.is_switch && r.max(x) > 1e-3 && r.min(x) > 0.0 && r.max(x) / r.min(x) > 1000.0 {
            let message = "its resistance and reactance differ by more than a thousand times";
            let hint = "Check the units of both; a line made of one of them alone is entered with the other zero.";
            self.about(LINE_RATIO, id, message, &text, hint);
        }
        if kv_ll > 0.0 && kv_ll * kv_ll / z.norm() < 0.01 {
            let hint = "Check the length and its unit against the unit of the impedance.";
            self.about(LINE_HUGE, id, "its impedance is far too large for its voltage", &text, hint);
        }
        if kv_ll > 0.0 && !line.is_switch && z.norm() < 1e-9 * kv_ll * kv_ll {
            self.about(LINE_TINY, id, "its impedance is very small", &text, "Model it as a switch with switch=yes.");
        }
    }

    /// A value that is no number would silently stop every step that it stands for.
    fn shapes(&mut self) {
        let network = self.network;
        let values = |v: &Option<std::sync::Arc<[f64]>>| v.as_deref().unwrap_or_default().to_vec();
        let loads = network.load_shapes.iter().map(|s| ("loadshape", &s.name, [s.p.to_vec(), values(&s.q), values(&s.hours)].concat()));
        let temperatures =
            network.temperature_shapes.iter().map(|s| ("tshape", &s.name, [s.temperature_c.to_vec(), values(&s.hours)].concat()));
        let prices = network.price_shapes.iter().map(|s| ("priceshape", &s.name, [s.price.to_vec(), values(&s.hours)].concat()));
        for (class, name, values) in loads.chain(temperatures).chain(prices) {
            let wrong = values.iter().filter(|x| !x.is_finite()).count();
            if wrong > 0 {
                let d = self.add(SHAPE_NUMBERS, format!("{wrong} of its {} numbers are not finite", values.len()));
                d.element = Some(format!("{class}.{name}"));
                d.hint = Some("Correct the values, or the file that they come from.".to_owned());
            }
        }
    }

    fn controls(&mut self) {
        let network = self.network;
        for (i, control) in network.regulator_controls.iter().enumerate() {
            if !control.common.enabled {
                continue;
            }
            let id = ElementId::new(ElementKind::RegulatorControl, i);
            let hint = "Name a transformer that exists, and one of its windings.";
            match control.transformer {
                None => self.about(REGULATOR, id, "it has no transformer", "The transformer it names does not exist or is not set.", hint),
                Some(transformer) => {
                    let n = network.common(transformer).terminals.len();
                    if control.winding >= n || control.tap_winding >= n {
                        let message =
                            format!("winding {} is asked of a transformer with {n}", control.winding.max(control.tap_winding) + 1);
                        let detail = format!("It regulates {}.", network.full_name(transformer));
                        self.about(REGULATOR, id, message, detail, hint);
                    }
                }
            }
        }
        for (i, control) in network.capacitor_controls.iter().enumerate() {
            if control.common.enabled && control.capacitor.is_none() {
                let id = ElementId::new(ElementKind::CapacitorControl, i);
                self.about(CONTROL_TARGET, id, "it has no capacitor", "It does nothing.", "Name the capacitor it switches.");
            }
        }
        for (i, control) in network.inverter_controls.iter().enumerate() {
            if control.common.enabled && control.units.is_empty() {
                let id = ElementId::new(ElementKind::InverterControl, i);
                self.about(CONTROL_TARGET, id, "it has no unit to control", "There is no PV system and no storage unit.", "");
            }
        }
    }

    fn buses(&mut self) {
        let used = || self.network.buses.iter().filter(|b| !b.nodes.is_empty());
        let names = |without: &dyn Fn(&Bus) -> bool| -> Vec<String> { used().filter(|b| without(b)).map(|b| b.name.clone()).collect() };
        let no_base = names(&|b| b.kv_base_ln <= 0.0);
        let no_place = names(&|b| b.xy.is_none() && b.latitude_longitude_deg.is_none());
        let n = used().count();
        let hint = "Set voltage bases and calculate them, so that rated voltages can be checked.";
        self.aggregate(NO_BASE, ["bus has no voltage base", "buses have no voltage base"], &no_base, None, hint);
        if no_place.len() < n {
            let hint = "They are missing on maps; give them places in the file of coordinates.";
            self.aggregate(NO_COORDINATES, ["bus has no coordinates", "buses have no coordinates"], &no_place, None, hint);
        }
    }
}

/// Positive-sequence series impedance over the whole line, ohm; `None` where a geometry gives it.
fn positive_sequence_ohm(line: &Line) -> Option<Complex64> {
    let factor = line.unit_factor * line.length;
    match &line.impedance {
        LineImpedance::Sequence { z1_ohm, .. } => Some(z1_ohm * factor),
        LineImpedance::Matrix { z_ohm, .. } => {
            let n = line.common.n_phases;
            if n == 0 || z_ohm.len() != n * n {
                return None;
            }
            let own: Complex64 = (0..n).map(|i| z_ohm[i * n + i]).sum::<Complex64>() / n as f64;
            let all: Complex64 = z_ohm.iter().sum();
            let mutual = if n > 1 { (all - own * n as f64) / (n * (n - 1)) as f64 } else { Complex64::ZERO };
            Some((own - mutual) * factor)
        }
        LineImpedance::Geometry { .. } | LineImpedance::Spacing { .. } => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::*;

    /// A feeder that has nothing to find: 12.47 kV source, line `l1` from `a` to `b`, load `d` at `b`.
    fn feeder() -> Network {
        let mut network = Network::new("t");
        add_source(&mut network, "a");
        add_line(&mut network, "l1", ("a", &[1, 2, 3]), ("b", &[1, 2, 3]));
        add_load(&mut network, "d", "b", &[1, 2, 3, 0], 12.47);
        for bus in &mut network.buses {
            bus.kv_base_ln = 12.47 / 3f64.sqrt();
        }
        network
    }

    fn terminal(network: &mut Network, bus: &str, nodes: &[u32]) -> Terminal {
        let bus = network.bus_or_add(bus);
        nodes.iter().for_each(|&n| network.note_node(bus, n));
        Terminal::new(bus, nodes.to_vec())
    }

    fn common(network: &mut Network, name: &str, n_phases: usize, ends: &[(&str, &[u32])]) -> Common {
        let mut common = Common::new(name, n_phases);
        common.rating.normal_a = 400.0;
        common.source = SourceRef::new("t.dss", network.order.len() as u32 + 1);
        common.terminals = ends.iter().map(|(bus, nodes)| terminal(network, bus, nodes)).collect();
        common
    }

    pub(crate) fn add_source(network: &mut Network, bus: &str) {
        let common = common(network, "source", 3, &[(bus, &[1, 2, 3]), (bus, &[0, 0, 0])]);
        let z = Complex64::new(0.1, 0.4);
        network.add(VoltageSource {
            common,
            base_kv: 12.47,
            v_pu: 1.0,
            angle_deg: 0.0,
            frequency_hz: 60.0,
            z1_ohm: z,
            z2_ohm: z,
            z0_ohm: z,
            ideal: false,
            z_ideal_pu: z,
            base_mva: 100.0,
            scan: SequenceType::Positive,
            sequence: SequenceType::Positive,
            shapes: Shapes::default(),
        });
    }

    pub(crate) fn add_line(network: &mut Network, name: &str, from: (&str, &[u32]), to: (&str, &[u32])) {
        let common = common(network, name, from.1.len(), &[from, to]);
        network.add(Line {
            common,
            length: 1.0,
            length_unit: LengthUnit::Kilometre,
            unit_factor: 1.0,
            impedance: LineImpedance::Sequence {
                z1_ohm: Complex64::new(0.3, 0.4),
                z0_ohm: Complex64::new(0.6, 1.2),
                c1_nf: 10.0,
                c0_nf: 5.0,
            },
            earth_r_ohm: 0.0,
            earth_x_ohm: 0.0,
            rho_ohm_m: 100.0,
            earth_model: EarthModel::Deri,
            is_switch: false,
            line_code: None,
            line_type: String::new(),
        });
    }

    fn add_load(network: &mut Network, name: &str, bus: &str, nodes: &[u32], kv: f64) {
        let n_phases = nodes.len() - 1;
        let common = common(network, name, n_phases, &[(bus, nodes)]);
        network.add(Load {
            common,
            connection: Connection::Wye,
            kv,
            p_kw: 10.0,
            q_kvar: 3.0,
            power_factor: 0.95,
            q_follows_pf: false,
            model: LoadModel::ConstantPq,
            unknown_model: None,
            basis: LoadBasis::Given,
            status: LoadStatus::Variable,
            class: 1,
            n_customers: 1,
            v_min_pu: 0.95,
            v_max_pu: 1.05,
            v_low_pu: 0.5,
            v_min_normal_pu: 0.0,
            v_min_emergency_pu: 0.0,
            cvr_p_exponent: 1.0,
            cvr_q_exponent: 2.0,
            cvr_curve: None,
            zipv: None,
            r_neutral_ohm: -1.0,
            x_neutral_ohm: 0.0,
            shapes: Shapes::default(),
            growth: None,
            mean_pct: 50.0,
            stddev_pct: 10.0,
            series_rl_pct: 50.0,
            relative_weight: 1.0,
            x_harmonic_pu: 0.0,
            xr_harmonic: 6.0,
        });
    }

    fn winding(kv: f64) -> Winding {
        Winding {
            connection: Connection::Wye,
            kv,
            kva: 500.0,
            tap_pu: 1.0,
            r_pct: 0.2,
            r_neutral_ohm: 0.0,
            x_neutral_ohm: 0.0,
            tap_min_pu: 0.9,
            tap_max_pu: 1.1,
            n_taps: 32,
            r_dc_ohm: 0.0,
        }
    }

    fn add_transformer(network: &mut Network, name: &str, buses: [&str; 2], kv: [f64; 2]) -> ElementId {
        let common = common(network, name, 3, &[(buses[0], &[1, 2, 3, 0]), (buses[1], &[1, 2, 3, 0])]);
        network.add(Transformer {
            common,
            kind: TransformerKind::Ordinary,
            windings: kv.map(winding).to_vec(),
            x_sc_pct: vec![5.0],
            no_load_loss_pct: 0.0,
            load_loss_pct: 0.4,
            magnetising_pct: 0.0,
            antifloat_ppm: 1.0,
            lead_lag: LeadLag::Lag,
            normal_kva: 550.0,
            emergency_kva: 750.0,
            thermal: TransformerThermal { time_constant_h: 2.0, n: 0.8, m: 0.8, oil_rise_c: 65.0, hot_spot_rise_c: 15.0 },
            is_substation: false,
            substation: String::new(),
            bank: String::new(),
            code: None,
            x_over_r_constant: false,
            core: String::new(),
            ratings_kva: Vec::new(),
        })
    }

    fn set_base(network: &mut Network, bus: &str, kv_ln: f64) {
        let id = network.bus_id(bus).unwrap();
        network.buses[id.index()].kv_base_ln = kv_ln;
    }

    /// Makes a change to the sound feeder and compares the codes found.
    #[track_caller]
    fn finds(change: impl FnOnce(&mut Network), expected: &[CodeInfo]) -> Vec<Diagnostic> {
        let mut network = feeder();
        change(&mut network);
        let found = check(&network);
        let codes: Vec<&str> = found.iter().map(|d| d.code.as_str()).collect();
        let expected: Vec<&str> = expected.iter().map(|i| i.code).collect();
        assert_eq!(codes, expected, "{found:#?}");
        for d in &found {
            let info = codes_by_name(&d.code);
            assert_eq!(d.severity, info.severity, "{}", d.code);
        }
        found
    }

    fn codes_by_name(code: &str) -> CodeInfo {
        *codes().iter().find(|i| i.code == code).unwrap_or_else(|| panic!("{code} is not in the registry"))
    }

    #[test]
    fn a_sound_feeder_has_no_findings() {
        finds(|_| {}, &[]);
    }

    #[test]
    fn a_network_without_a_source_says_so_once() {
        let found = finds(|n| n.voltage_sources[0].common.enabled = false, &[SOURCE_MISSING]);
        assert_eq!(found[0].element.as_deref(), Some("vsource.source"));
    }

    #[test]
    fn a_load_on_a_bus_that_nothing_reaches_is_an_error() {
        let found = finds(|n| add_load(n, "shop", "bb", &[1, 2, 3, 0], 12.47), &[LOAD_NOT_FED, ISLAND, NO_BASE]);
        assert_eq!(found[0].element.as_deref(), Some("load.shop"));
        assert!(found[0].message.contains("bb") && found[0].source.is_some());
    }

    #[test]
    fn a_load_on_a_phase_that_does_not_come_is_an_error() {
        let change = |n: &mut Network| {
            add_line(n, "l2", ("b", &[1, 2]), ("c", &[1, 2]));
            add_load(n, "e", "c", &[2, 3, 0], 12.47);
            set_base(n, "c", 7.2);
        };
        let found = finds(change, &[PHASE_NOT_FED]);
        assert!(found[0].message.contains("node 3"));
    }

    #[test]
    fn a_load_behind_an_open_switch_is_a_warning() {
        finds(|n| n.lines[0].common.terminals[0].closed.fill(false), &[LOAD_SWITCHED_OFF, ISLAND]);
        finds(|n| n.lines[0].common.enabled = false, &[LOAD_SWITCHED_OFF, ISLAND]);
        // A load that is itself open is switched off on purpose.
        finds(|n| n.loads[0].common.terminals[0].closed.fill(false), &[]);
    }

    #[test]
    fn a_rated_voltage_ten_times_too_high_is_an_error_with_a_hint() {
        let found = finds(|n| add_load(n, "shop", "b", &[1, 2, 3, 0], 124.7), &[LOAD_KV]);
        assert!(found[0].hint.as_ref().unwrap().contains("decimal point"));
        assert!(found[0].detail.as_ref().unwrap().contains("12.47"));
    }

    #[test]
    fn a_rated_voltage_off_by_the_square_root_of_three_is_told() {
        let found = finds(|n| add_load(n, "shop", "b", &[1, 0], 12.47), &[LOAD_KV_NEAR]);
        assert!(found[0].hint.as_ref().unwrap().contains("square root of three"));
        finds(|n| add_load(n, "shop", "b", &[1, 0], 7.2), &[]);
        finds(|n| add_load(n, "shop", "b", &[1, 2], 12.47), &[]);
        finds(|n| add_load(n, "shop", "b", &[1, 2], 7.2), &[LOAD_KV_NEAR]);
        // Beyond slips of that kind it is an error, on either side.
        finds(|n| add_load(n, "shop", "b", &[1, 0], 7.2 * 2.6), &[LOAD_KV]);
        finds(|n| add_load(n, "shop", "b", &[1, 0], 7.2 / 2.6), &[LOAD_KV]);
    }

    #[test]
    fn a_wire_that_ends_at_the_earth_is_a_return_whatever_its_number() {
        let change = |n: &mut Network| {
            add_line(n, "l2", ("b", &[1, 0]), ("c", &[1, 2]));
            add_load(n, "e", "c", &[1, 2], 7.2);
            set_base(n, "c", 7.2);
        };
        finds(change, &[]);
        let change = |n: &mut Network| {
            add_line(n, "l2", ("b", &[1, 2]), ("c", &[1, 2]));
            add_load(n, "e", "c", &[1, 2], 7.2);
            set_base(n, "c", 7.2);
        };
        finds(change, &[LOAD_KV_NEAR]);
    }

    #[test]
    fn a_load_without_a_bus_is_a_warning() {
        let found = finds(|n| add_load(n, "shop", "shop_1", &[1, 2, 3, 0], 12.47), &[LOAD_NO_BUS, ISLAND, NO_BASE]);
        assert!(found[0].hint.as_ref().unwrap().contains("like="));
    }

    #[test]
    fn a_delta_load_with_one_node_is_told() {
        let change = |n: &mut Network| {
            add_load(n, "shop", "b", &[1, 0], 12.47);
            n.loads[1].connection = Connection::Delta;
        };
        let found = finds(change, &[DELTA_TO_EARTH]);
        assert!(found[0].hint.as_ref().unwrap().contains("bus.1.2"));
    }

    #[test]
    fn a_rated_voltage_a_little_off_is_a_warning() {
        finds(|n| add_load(n, "shop", "b", &[1, 2, 3, 0], 10.0), &[LOAD_KV_NEAR]);
        finds(|n| add_load(n, "shop", "b", &[1, 2, 3, 0], 11.5), &[]);
    }

    #[test]
    fn half_of_a_centre_tapped_secondary_may_have_the_base_of_the_whole() {
        let change = |n: &mut Network| {
            add_line(n, "l2", ("b", &[1, 2]), ("c", &[1, 2]));
            add_load(n, "e", "c", &[1, 0], 0.12);
            set_base(n, "b", 0.24 / 3f64.sqrt());
            set_base(n, "c", 0.24 / 3f64.sqrt());
            set_base(n, "a", 0.24 / 3f64.sqrt());
            n.voltage_sources[0].base_kv = 0.24;
            n.loads[0].kv = 0.24;
        };
        finds(change, &[]);
    }

    #[test]
    fn a_base_that_contradicts_transformer_and_load_is_what_is_doubted() {
        let change = |n: &mut Network| {
            add_transformer(n, "t", ["b", "c"], [12.47, 4.16]);
            add_load(n, "e", "c", &[1, 2, 3, 0], 4.16);
            set_base(n, "c", 7.2);
        };
        let found = finds(change, &[DOUBTFUL_BASE]);
        let detail = found[0].detail.as_ref().unwrap();
        assert!(detail.contains("load.e, transformer.t") && detail.contains("12.47"), "{detail}");
    }

    #[test]
    fn windings_capacitors_and_sources_are_held_against_their_buses() {
        let change = |n: &mut Network| {
            add_transformer(n, "t", ["b", "c"], [4.8, 0.48]);
            set_base(n, "c", 0.48 / 3f64.sqrt());
        };
        finds(change, &[TRANSFORMER_KV]);
        finds(|n| n.voltage_sources[0].base_kv = 7.2, &[SOURCE_KV]);
        let change = |n: &mut Network| {
            let common = common(n, "c", 3, &[("b", &[1, 2, 3]), ("b", &[0, 0, 0])]);
            n.add(Capacitor {
                common,
                connection: Connection::Wye,
                kv: 7.2,
                size: CapacitorSize::Kvar(vec![300.0]),
                r_ohm: vec![0.0],
                x_l_ohm: vec![0.0],
                harmonic: vec![0.0],
                steps: vec![true],
                bus2_defined: false,
            });
        };
        let found = finds(change, &[CAPACITOR_KV]);
        assert!(found[0].hint.as_ref().unwrap().contains("line-to-line"));
    }

    #[test]
    fn a_line_between_two_voltages_lacks_a_transformer() {
        let change = |n: &mut Network| {
            add_line(n, "l2", ("b", &[1, 2, 3]), ("c", &[1, 2, 3]));
            set_base(n, "c", 2.4);
        };
        finds(change, &[LINE_BASES]);
        // Other nodes than 1 to 3 may have any voltage.
        let change = |n: &mut Network| {
            add_line(n, "l2", ("b", &[4, 5, 6]), ("c", &[1, 2, 3]));
            set_base(n, "c", 2.4);
        };
        finds(change, &[ISLAND]);
    }

    fn line_with(z1_ohm: Complex64) -> impl FnOnce(&mut Network) {
        move |n| n.lines[0].impedance = LineImpedance::Sequence { z1_ohm, z0_ohm: z1_ohm, c1_nf: 0.0, c0_nf: 0.0 }
    }

    #[test]
    fn impedances_that_no_line_has_are_found() {
        finds(|n| n.lines[0].length = 0.0, &[LINE_LENGTH]);
        finds(|n| n.lines[0].length = -1.0, &[LINE_LENGTH]);
        finds(line_with(Complex64::ZERO), &[LINE_ZERO]);
        finds(line_with(Complex64::new(-0.1, 0.4)), &[LINE_NEGATIVE]);
        finds(line_with(Complex64::new(0.0001, 0.4)), &[LINE_RATIO]);
        finds(line_with(Complex64::new(10_000.0, 20_000.0)), &[LINE_HUGE]);
        finds(line_with(Complex64::new(1e-8, 1e-8)), &[LINE_TINY]);
        let switch = |n: &mut Network| {
            line_with(Complex64::new(1e-8, 1e-8))(n);
            n.lines[0].is_switch = true;
        };
        finds(switch, &[]);
        // Of a matrix the positive sequence counts: the own less the mutual impedance.
        let matrix = |n: &mut Network| {
            let one = Complex64::new(1.0, 2.0);
            n.lines[0].impedance = LineImpedance::Matrix { z_ohm: vec![one; 9], c_nf: vec![0.0; 9] };
        };
        finds(matrix, &[LINE_ZERO]);
    }

    #[test]
    fn nodes_of_lines_are_looked_at() {
        finds(|n| add_line(n, "l2", ("b", &[1]), ("c", &[2])), &[LINE_NODES, NO_BASE]);
        finds(|n| add_line(n, "l2", ("b", &[1, 1]), ("c", &[1, 2])), &[REPEATED_NODE, LINE_NODES, NO_BASE]);
        let found = finds(|n| add_line(n, "l2", ("b", &[1, 2, 3]), ("a", &[1, 2, 3])), &[PARALLEL]);
        assert!(found[0].detail.as_ref().unwrap().contains("line.l2 with line.l1"));
    }

    #[test]
    fn what_is_missing_is_noted_once() {
        finds(|n| n.lines[0].common.rating.normal_a = 0.0, &[NO_RATING]);
        finds(|n| n.buses[0].xy = Some((1.0, 2.0)), &[NO_COORDINATES]);
        finds(|n| set_base(n, "b", 0.0), &[NO_BASE]);
    }

    #[test]
    fn a_shape_has_numbers() {
        let shape = |p: &[f64]| crate::LoadShape {
            name: "s".into(),
            interval_h: 1.0,
            hours: None,
            p: p.into(),
            q: None,
            use_actual: false,
            p_base: 0.0,
            q_base: 0.0,
            p_max: 1.0,
            q_max: 1.0,
            mean: 1.0,
            stddev: 0.0,
            interpolation: crate::Interpolation::Average,
        };
        finds(|n| n.load_shapes.push(shape(&[1.0, 0.5])), &[]);
        let found = finds(|n| n.load_shapes.push(shape(&[1.0, f64::NAN, f64::INFINITY])), &[SHAPE_NUMBERS]);
        assert_eq!(found[0].message, "2 of its 3 numbers are not finite");
    }

    fn add_regulator(n: &mut Network, transformer: Option<ElementId>, winding: usize) {
        let common = common(n, "r", 3, &[]);
        let setting = RegulatorSetting { v_target_v: 120.0, band_v: 3.0, ldc_r_v: 0.0, ldc_x_v: 0.0, ldc_z_v: 0.0 };
        n.add(RegulatorControl {
            common,
            transformer,
            winding,
            tap_winding: winding,
            forward: setting,
            reverse: setting,
            pt_ratio: 60.0,
            remote_pt_ratio: 60.0,
            ct_primary_a: 300.0,
            pt_phase: MonitoredPhase::First,
            remote_bus: None,
            delay_s: 15.0,
            tap_delay_s: 2.0,
            max_tap_change: 16,
            inverse_time: false,
            v_limit_v: 0.0,
            reversible: false,
            reverse_neutral: false,
            reverse_threshold_kw: 100.0,
            reverse_delay_s: 60.0,
            cogeneration: false,
        });
    }

    #[test]
    fn a_regulator_needs_a_transformer_that_has_its_winding() {
        finds(|n| add_regulator(n, None, 1), &[REGULATOR]);
        let with = |winding: usize| {
            move |n: &mut Network| {
                let t = add_transformer(n, "t", ["b", "c"], [12.47, 0.48]);
                set_base(n, "c", 0.48 / 3f64.sqrt());
                add_regulator(n, Some(t), winding);
            }
        };
        finds(with(1), &[]);
        finds(with(2), &[REGULATOR]);
    }

    #[test]
    fn a_control_without_a_target_is_told() {
        let change = |n: &mut Network| {
            let common = common(n, "k", 3, &[]);
            n.add(CapacitorControl {
                common,
                control_type: CapacitorControlType::Voltage,
                capacitor: None,
                element: None,
                terminal: 0,
                pt_ratio: 60.0,
                ct_ratio: 60.0,
                pt_phase: MonitoredPhase::First,
                ct_phase: MonitoredPhase::First,
                on_setting: 300.0,
                off_setting: 200.0,
                delay_s: 15.0,
                delay_off_s: 15.0,
                dead_time_s: 300.0,
                v_override: false,
                v_min_v: 115.0,
                v_max_v: 126.0,
                v_bus: None,
                min_kvar_pct: 50.0,
                control_signal: None,
            });
        };
        finds(change, &[CONTROL_TARGET]);
    }

    /// Every code has its row in the documentation and its test above.
    #[test]
    fn every_code_is_documented_and_tested() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/diagnostics.md")).unwrap();
        let source = include_str!("check.rs");
        let tests = &source[source.find("mod tests").unwrap()..];
        for info in codes() {
            let severity = match info.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            let row = format!("| `{}` | {severity} | {} |", info.code, info.meaning);
            assert!(page.contains(&row), "docs/diagnostics.md lacks the row\n{row}");
            let definition = format!(", \"{}\", ", info.code);
            let name = source.lines().find(|l| l.contains(&definition)).and_then(|l| l.trim().split(',').next()).unwrap();
            assert!(tests.contains(name), "{} has no test", info.code);
        }
    }

    #[test]
    fn a_transmission_case_needs_a_swing_bus() {
        let mut network = Network::new("case");
        network.transmission = Some(Box::default());
        assert_eq!(check(&network).iter().map(|d| d.code.as_str()).collect::<Vec<_>>(), [NO_SWING.code]);
    }
}
