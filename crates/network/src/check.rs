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
                                     of the whole of a centre-tapped secondary
//! one phase between two phase nodes    kV = sqrt(3) b, or 2 b on a centre-tapped secondary
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
    SOURCE_MISSING, "CHECK.SOURCE.MISSING", Error, "the network has no source in service";
    LOAD_NOT_FED, "CHECK.LOAD.NOT_FED", Error, "nothing connects a load, generator or storage unit to a source, even with every switch closed";
    PHASE_NOT_FED, "CHECK.LOAD.PHASE_NOT_FED", Error, "a phase of a load, generator or storage unit is connected to a node that no source can feed";
    LOAD_SWITCHED_OFF, "CHECK.LOAD.SWITCHED_OFF", Warning, "a load, generator or storage unit is cut off by open switches or elements out of service";
    LOAD_KV, "CHECK.LOAD.KV_BASE", Error, "the rated kV of a load, generator or storage unit is more than half as much again above or below what its bus has";
    LOAD_KV_NEAR, "CHECK.LOAD.KV_BASE_NEAR", Warning, "the rated kV of a load, generator or storage unit is more than 15 % off what its bus has";
    TRANSFORMER_KV, "CHECK.TRANSFORMER.KV_BASE", Warning, "the rated kV of a transformer's winding is more than 15 % off what its bus has";
    CAPACITOR_KV, "CHECK.CAPACITOR.KV_BASE", Warning, "the rated kV of a capacitor is more than 15 % off what its bus has";
    SOURCE_KV, "CHECK.SOURCE.KV_BASE", Warning, "the kV of a source is more than 15 % off the base of its bus";
    LINE_BASES, "CHECK.LINE.VOLTAGE_BASES", Warning, "the two ends of a line have different voltage bases";
    LINE_LENGTH, "CHECK.LINE.ZERO_LENGTH", Error, "the length of a line is zero or negative";
    LINE_ZERO, "CHECK.LINE.ZERO_IMPEDANCE", Error, "the series impedance of a line is zero";
    LINE_NEGATIVE, "CHECK.LINE.NEGATIVE_RESISTANCE", Warning, "the series resistance of a line is negative";
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
    NO_RATING, "CHECK.LINE.NO_RATING", Note, "lines without a current rating";
}

/// Off by more than this factor, a rated voltage is an error.
const KV_ERROR: f64 = 1.5;
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
    found.supply();
    found.voltages();
    found.lines();
    found.controls();
    found.buses();
    found.diagnostics.sort_by_key(|d| std::cmp::Reverse(d.severity));
    found.diagnostics
}

/// Groups of nodes that are joined.
struct Groups {
    index: HashMap<(BusId, u32), usize>,
    parent: Vec<usize>,
    fed: Vec<bool>,
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
        let mut groups = Groups { index: HashMap::new(), parent: Vec::new(), fed: Vec::new() };
        let mut sources = Vec::new();
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
            match id.kind {
                ElementKind::Line | ElementKind::Reactor | ElementKind::Capacitor | ElementKind::Fault | ElementKind::GicLine => {
                    groups.conductor_by_conductor(common, as_is);
                }
                ElementKind::Transformer | ElementKind::GicTransformer | ElementKind::Unmodelled => groups.all_together(common, as_is),
                _ => {}
            }
        }
        groups.fed = vec![false; groups.parent.len()];
        for source in sources {
            let root = groups.root(source);
            groups.fed[root] = true;
        }
        groups
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
        match self.index.get(&(bus, node)) {
            Some(&i) => {
                let root = self.root(i);
                self.fed[root]
            }
            None => false,
        }
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

/// What `kv` is over the voltage that the bus has across one phase; `None` without a base.
fn kv_ratio(bus: &Bus, connection: Connection, n_phases: usize, nodes: &[u32], kv: f64) -> Option<f64> {
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
            let between_phases = (1..=3).contains(&other) && nodes[0] != 0;
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
        let mut groups = Groups { index: HashMap::new(), parent: (0..n).collect(), fed: Vec::new() };
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

    /// Whether a transformer of the bus's zone is made for `kv_ln`.
    fn fits(&self, bus: BusId, kv_ln: f64) -> bool {
        self.windings_kv_ln[self.of_bus[bus.index()]].iter().any(|w| off_by(kv_ln / w) < KV_WARNING)
    }
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

    /// One finding that stands for many.
    fn aggregate(&mut self, info: CodeInfo, what: &str, names: &[String], first: Option<&SourceRef>, hint: &str) {
        if names.is_empty() {
            return;
        }
        let mut list = names[..names.len().min(LISTED)].join(", ");
        if names.len() > LISTED {
            list.push_str(&format!(" and {} more", names.len() - LISTED));
        }
        let message = format!("{} {what}", names.len());
        let d = self.add(info, message);
        d.detail = Some(format!("{list}."));
        d.source = first.filter(|s| s.is_known()).cloned();
        if !hint.is_empty() {
            d.hint = Some(hint.to_owned());
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
            let list = |nodes: &[u32]| nodes.iter().map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
            if !phases.is_empty() && never.len() == phases.len() {
                let message = format!("no source can feed bus \"{bus}\"");
                let detail =
                    format!("Nothing connects nodes {} of bus \"{bus}\" to a source, even with every switch closed.", list(&phases));
                self.about(LOAD_NOT_FED, c.id, message, detail, "Correct the name of the bus, or add what connects it.");
            } else if !never.is_empty() {
                let message = format!("no source can feed node {} of bus \"{bus}\"", list(&never));
                let detail = "It draws from phases that nothing brings to this bus.";
                self.about(PHASE_NOT_FED, c.id, message, detail, "Correct the nodes, or the phases of the line to this bus.");
            } else if !not_now.is_empty() && terminal.closed[..n].iter().all(|&closed| closed) {
                let message = format!("bus \"{bus}\" is cut off");
                let detail = format!("Nodes {} are fed only over open switches or elements out of service.", list(&not_now));
                self.about(LOAD_SWITCHED_OFF, c.id, message, detail, "");
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
        self.aggregate(ISLAND, "buses are fed by no source", &dark, None, "");
    }

    fn voltages(&mut self) {
        let network = self.network;
        let zones = Zones::new(network);
        for c in consumers(network) {
            let terminal = &c.common.terminals[0];
            let bus = network.bus(terminal.bus);
            let Some(ratio) = kv_ratio(bus, c.connection, c.common.n_phases, &terminal.nodes, c.kv) else { continue };
            let info = match off_by(ratio) {
                r if r > KV_ERROR => LOAD_KV,
                r if r > KV_WARNING => LOAD_KV_NEAR,
                _ => continue,
            };
            if zones.fits(terminal.bus, bus.kv_base_ln * ratio) {
                let message = format!("the base of bus \"{}\" fits neither its {} kV nor the transformer there", bus.name, c.kv);
                let detail = format!("Bus \"{}\" is {:.4} kV line to neutral.", bus.name, bus.kv_base_ln);
                let hint = "Add the transformer's voltage to the list of voltage bases, or set the base of the bus.";
                self.about(DOUBTFUL_BASE, c.id, message, detail, hint);
                continue;
            }
            let message = format!("its {} kV do not fit bus \"{}\"", c.kv, bus.name);
            let detail = format!(
                "Bus \"{}\" is {:.4} kV line to neutral; {:.4} kV would fit {} phase{} in {}.",
                bus.name,
                bus.kv_base_ln,
                c.kv / ratio,
                c.common.n_phases,
                if c.common.n_phases == 1 { "" } else { "s" },
                if c.connection == Connection::Delta { "delta" } else { "wye" },
            );
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
                let Some(ratio) = kv_ratio(bus, winding.connection, common.n_phases, &terminal.nodes, winding.kv) else { continue };
                if off_by(ratio) > KV_WARNING {
                    let message = format!("the {} kV of winding {} do not fit bus \"{}\"", winding.kv, w + 1, bus.name);
                    let detail = format!("Bus \"{}\" is {:.4} kV line to neutral.", bus.name, bus.kv_base_ln);
                    self.about(TRANSFORMER_KV, ElementId::new(ElementKind::Transformer, i), message, detail, kv_hint(ratio));
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
            let Some(ratio) = kv_ratio(bus, capacitor.connection, common.n_phases, &terminal.nodes, capacitor.kv) else { continue };
            if off_by(ratio) > KV_WARNING {
                let message = format!("its {} kV do not fit bus \"{}\"", capacitor.kv, bus.name);
                let detail = format!("Bus \"{}\" is {:.4} kV line to neutral.", bus.name, bus.kv_base_ln);
                self.about(CAPACITOR_KV, ElementId::new(ElementKind::Capacitor, i), message, detail, kv_hint(ratio));
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
                let message = format!("its {} kV do not fit the base of bus \"{}\"", source.base_kv, bus.name);
                let detail = format!("Bus \"{}\" is {:.4} kV line to neutral.", bus.name, bus.kv_base_ln);
                let hint = "Add the source's voltage to the list of voltage bases, or correct it.";
                self.about(SOURCE_KV, ElementId::new(ElementKind::VoltageSource, i), message, detail, hint);
            }
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
            if a.kv_base_ln > 0.0 && b.kv_base_ln > 0.0 && off_by(a.kv_base_ln / b.kv_base_ln) > 1.05 {
                let message = format!("it joins buses of {:.4} and {:.4} kV line to neutral", a.kv_base_ln, b.kv_base_ln);
                let hint = "A transformer is missing between them, or one of the voltage bases is wrong.";
                self.about(LINE_BASES, id, message, format!("Buses \"{}\" and \"{}\".", a.name, b.name), hint);
            }
            if first.nodes.iter().zip(&second.nodes).any(|(a, b)| a != b && *a != 0 && *b != 0) {
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
        self.aggregate(PARALLEL, "lines run in parallel with another", &parallel, None, "One of a pair may have been entered twice.");
        self.aggregate(NO_RATING, "lines have no current rating", &unrated, first_unrated.as_ref(), "Their loading cannot be told.");
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
            self.about(LINE_NEGATIVE, id, "its series resistance is negative", &text, "Check its data; only an equivalent has this.");
        }
        let (r, x) = (z.re.abs(), z.im.abs());
        if !line.is_switch && r.max(x) > 1e-3 && r.min(x) > 0.0 && r.max(x) / r.min(x) > 1000.0 {
            self.about(LINE_RATIO, id, "its resistance and reactance differ by more than a thousand times", &text, "Check units.");
        }
        if kv_ll > 0.0 && kv_ll * kv_ll / z.norm() < 0.01 {
            let hint = "Check the length and its unit against the unit of the impedance.";
            self.about(LINE_HUGE, id, "its impedance is far too large for its voltage", &text, hint);
        }
        if kv_ll > 0.0 && !line.is_switch && z.norm() < 1e-9 * kv_ll * kv_ll {
            self.about(LINE_TINY, id, "its impedance is very small", &text, "Model it as a switch with switch=yes.");
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
        self.aggregate(NO_BASE, "buses have no voltage base", &no_base, None, hint);
        if no_place.len() < n {
            self.aggregate(NO_COORDINATES, "buses have no coordinates", &no_place, None, "");
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
