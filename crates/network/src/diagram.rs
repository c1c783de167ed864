//! Single-line diagrams of a part of a network: which symbols, where, joined by which lines.
//!
//! # The drawing
//! The root stands at the top. Buses are bars, and what leaves a bus goes straight down through the symbol of its element to the bar of the
//! next bus. A bar is as wide as what hangs on it. Rows alternate: bars in even ones, symbols in odd ones; a transformer of three windings
//! has a symbol above two bars. Elements in parallel stand side by side between the same two bars. Columns are given by the contours of the
//! trees below ([`crate::layout`]), with the width of bars taken into account, so that no line crosses another one or a symbol.
//!
//! An element that closes a loop is drawn once, below the bus that was reached first, and ends in a connector that names the bus at its far
//! end; there a connector names the element. Where the drawing ends although the grid goes on, a bus says how many elements are not shown.

use crate::graph::Graph;
use crate::layout::offsets;
use crate::{BusId, ElementId, ElementKind, Network, SwitchingDevice, TransformerKind};
use serde::Serialize;
use std::collections::{HashMap, HashSet, VecDeque};

/// What is drawn, by the symbols of IEC 60617 and IEEE 315.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Symbol {
    /// A bar, or a dot where two things meet.
    Bus,
    /// The grid beyond the model.
    Source,
    Breaker,
    /// Switch or disconnector.
    Switch,
    Fuse,
    Recloser,
    Line,
    TransformerTwoWindings,
    TransformerThreeWindings,
    Autotransformer,
    /// A transformer that does nothing but hold a voltage.
    Regulator,
    ShuntCapacitor,
    SeriesCapacitor,
    ShuntReactor,
    SeriesReactor,
    Load,
    Generator,
    Pv,
    Storage,
    Motor,
    CurrentSource,
    /// A direct-current line with its converters.
    DcLine,
    Facts,
    Fault,
    /// Stands for a bus or element elsewhere in the drawing.
    Connector,
    Other,
}

/// Where a symbol is joined on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolState {
    Closed,
    Open,
    /// Some conductors are open.
    PartlyOpen,
    OutOfService,
}

/// One symbol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiagramNode {
    pub symbol: Symbol,
    /// None of a bus and of a connector.
    #[serde(skip)]
    pub element: Option<ElementId>,
    #[serde(skip)]
    pub bus: Option<BusId>,
    /// Column and row, in steps of the grid of symbols.
    pub x: f64,
    pub y: f64,
    /// Ends of the bar of a bus.
    pub x_from: f64,
    pub x_to: f64,
    pub label: String,
    /// Further lines of text: ratings, voltages.
    pub notes: Vec<String>,
    pub state: SymbolState,
    /// Reached from a source through closed elements.
    pub supplied: bool,
    /// Elements at the bus that are not drawn.
    pub more: usize,
    /// Controls, meters and protective devices.
    #[serde(skip)]
    pub attached: Vec<ElementId>,
}

/// One line between symbols: its points are joined by horizontal and vertical strokes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DiagramEdge {
    /// Numbers of the symbols.
    pub from: usize,
    pub to: usize,
    pub points: Vec<[f64; 2]>,
    #[serde(skip)]
    pub element: Option<ElementId>,
    pub supplied: bool,
}

/// A drawing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagram {
    pub nodes: Vec<DiagramNode>,
    pub edges: Vec<DiagramEdge>,
    /// Columns and rows that are used, from 0.
    pub width: f64,
    pub height: f64,
    /// The grid goes on beyond what is drawn.
    pub truncated: bool,
}

/// How much is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiagramOptions {
    /// Elements between the root and the farthest bus.
    pub depth: u32,
    pub symbols_max: usize,
}

impl Default for DiagramOptions {
    fn default() -> Self {
        Self { depth: 6, symbols_max: 400 }
    }
}

/// What the drawing is made from: rows of bars and symbols.
enum Part {
    Bus(BusId),
    /// Elements in parallel, and the terminal of the first at the bus above.
    Link(Vec<ElementId>),
    Shunt(ElementId),
    /// An element that closes a loop.
    Loop(ElementId),
    /// Below an element its far end, which is drawn elsewhere; below a bus the element, which is.
    Connector(ElementId, BusId),
}

/// The diagram of what is around a bus, as far as `options` say.
pub fn diagram(network: &Network, graph: &Graph, supplied: &dyn Fn(BusId) -> bool, root: BusId, options: DiagramOptions) -> Diagram {
    let mut parts: Vec<Part> = vec![Part::Bus(root)];
    let mut children: Vec<Vec<usize>> = vec![Vec::new()];
    let mut more: HashMap<usize, usize> = HashMap::new();
    let mut part_of: HashMap<BusId, usize> = HashMap::from([(root, 0)]);
    let mut drawn: HashSet<ElementId> = HashSet::new();
    let mut order = vec![0];
    let mut queue = VecDeque::from([(root, 0_u32)]);
    let mut truncated = false;
    let mut n_symbols = 1;
    let mut put = |part: Part, above: usize, parts: &mut Vec<Part>, children: &mut Vec<Vec<usize>>| {
        parts.push(part);
        children.push(Vec::new());
        children[above].push(parts.len() - 1);
        order.push(parts.len() - 1);
        parts.len() - 1
    };
    while let Some((bus, depth)) = queue.pop_front() {
        let at = part_of[&bus];
        let mut elements: Vec<ElementId> = graph.elements_at(bus).iter().copied().filter(|e| !drawn.contains(e)).collect();
        // What feeds stands at the left, what is fed in the middle, what ends here at the right.
        let is_link = |e: &ElementId| ends(network, *e).len() > 1;
        elements.sort_by_key(|e| (e.kind != ElementKind::VoltageSource, !is_link(e)));
        for id in elements {
            if drawn.contains(&id) {
                continue;
            }
            if n_symbols >= options.symbols_max {
                truncated = true;
                *more.entry(at).or_default() += 1;
                continue;
            }
            let others: Vec<BusId> = ends(network, id).into_iter().filter(|b| *b != bus).collect();
            if others.is_empty() {
                drawn.insert(id);
                n_symbols += 1;
                put(Part::Shunt(id), at, &mut parts, &mut children);
                continue;
            }
            let new: Vec<BusId> = others.iter().copied().filter(|b| !part_of.contains_key(b)).collect();
            if new.is_empty() {
                // Every far end is drawn already: a loop.
                drawn.insert(id);
                n_symbols += 1 + 2 * others.len();
                let here = put(Part::Loop(id), at, &mut parts, &mut children);
                for other in others {
                    put(Part::Connector(id, other), here, &mut parts, &mut children);
                    put(Part::Connector(id, bus), part_of[&other], &mut parts, &mut children);
                }
                continue;
            }
            if depth >= options.depth {
                truncated = true;
                *more.entry(at).or_default() += 1;
                continue;
            }
            let parallel: Vec<ElementId> = graph
                .elements_at(bus)
                .iter()
                .copied()
                .filter(|e| *e != id && !drawn.contains(e) && others.len() == 1 && same_ends(network, *e, id))
                .collect();
            let mut together = vec![id];
            together.extend(parallel);
            drawn.extend(together.iter().copied());
            n_symbols += together.len() + new.len();
            let link = put(Part::Link(together), at, &mut parts, &mut children);
            for other in others {
                if new.contains(&other) {
                    let below = put(Part::Bus(other), link, &mut parts, &mut children);
                    part_of.insert(other, below);
                    queue.push_back((other, depth + 1));
                } else {
                    // One winding of several ends at a bus that is drawn elsewhere.
                    put(Part::Connector(id, other), link, &mut parts, &mut children);
                    put(Part::Connector(id, bus), part_of[&other], &mut parts, &mut children);
                    n_symbols += 2;
                }
            }
        }
    }
    // Connectors may hang on parts that came later than they: the order has to have parents first.
    let order = parents_first(&children);
    let mut above = vec![usize::MAX; parts.len()];
    children.iter().enumerate().for_each(|(part, below)| below.iter().for_each(|c| above[*c] = part));
    let width_of = |part: usize, at: &[f64]| -> (f64, f64) {
        let (low, high) = at.iter().fold((0.0_f64, 0.0_f64), |(l, h), x| (l.min(*x), h.max(*x)));
        match &parts[part] {
            Part::Link(together) => {
                let half = (together.len() - 1) as f64 / 2.0;
                (-half, half)
            }
            Part::Bus(_) => {
                // Elements in parallel take their width of the bars above and below.
                let wide = children[part].iter().zip(at).map(|(c, x)| (half_of(&parts[*c]), *x));
                let half = if above[part] == usize::MAX { 0.0 } else { half_of(&parts[above[part]]) };
                wide.fold((low.min(-half), high.max(half)), |(l, h), (half, x)| (l.min(x - half), h.max(x + half)))
            }
            _ => (0.0, 0.0),
        }
    };
    let (offset, extent) = offsets(&order, &children, 1.0, false, &width_of);
    place(network, graph, supplied, Tree { parts, children, above, order, offset, extent, more, truncated })
}

fn half_of(part: &Part) -> f64 {
    match part {
        Part::Link(together) => (together.len() - 1) as f64 / 2.0,
        _ => 0.0,
    }
}

fn parents_first(children: &[Vec<usize>]) -> Vec<usize> {
    let mut order = vec![0];
    let mut next = 0;
    while let Some(&at) = order.get(next) {
        next += 1;
        order.extend(&children[at]);
    }
    order
}

/// Buses of an element's terminals, each once.
fn ends(network: &Network, id: ElementId) -> Vec<BusId> {
    let mut buses = Vec::new();
    for t in &network.common(id).terminals {
        if !buses.contains(&t.bus) && t.bus.index() < network.buses.len() {
            buses.push(t.bus);
        }
    }
    buses
}

fn same_ends(network: &Network, a: ElementId, b: ElementId) -> bool {
    let (mut a, mut b) = (ends(network, a), ends(network, b));
    a.sort_unstable();
    b.sort_unstable();
    a == b
}

struct Tree {
    parts: Vec<Part>,
    children: Vec<Vec<usize>>,
    /// `usize::MAX` of the root.
    above: Vec<usize>,
    order: Vec<usize>,
    offset: Vec<f64>,
    extent: Vec<(f64, f64)>,
    more: HashMap<usize, usize>,
    truncated: bool,
}

/// Symbols and lines of a tree whose columns are known.
fn place(network: &Network, graph: &Graph, supplied: &dyn Fn(BusId) -> bool, tree: Tree) -> Diagram {
    let n = tree.parts.len();
    let (mut x, mut y, above) = (vec![0.0_f64; n], vec![0.0_f64; n], &tree.above);
    for &part in &tree.order {
        for &child in &tree.children[part] {
            x[child] = x[part] + tree.offset[child];
            y[child] = y[part] + 1.0;
        }
    }
    let west = tree.order.iter().map(|&p| x[p] + tree.extent[p].0).fold(f64::MAX, f64::min);
    x.iter_mut().for_each(|x| *x -= west);
    let mut diagram = Diagram { truncated: tree.truncated, ..Diagram::default() };
    // Symbols of each part; of elements in parallel several.
    let mut nodes_of: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut buses_of: Vec<Option<BusId>> = vec![None; n];
    for &part in &tree.order {
        let bus_above = above.get(part).and_then(|a| buses_of.get(*a).copied().flatten());
        let mut add = |node: DiagramNode| {
            diagram.nodes.push(node);
            nodes_of[part].push(diagram.nodes.len() - 1);
        };
        let of_element = |id: ElementId, x: f64, y: f64| element_node(network, graph, supplied, id, x, y);
        match &tree.parts[part] {
            Part::Bus(bus) => {
                buses_of[part] = Some(*bus);
                let (low, high) = tree.extent[part];
                let mut node = bus_node(network, supplied, *bus, x[part], y[part]);
                (node.x_from, node.x_to) = (x[part] + low, x[part] + high);
                node.more = tree.more.get(&part).copied().unwrap_or(0);
                add(node);
            }
            Part::Link(together) => {
                let first = x[part] - half_of(&tree.parts[part]);
                together.iter().enumerate().for_each(|(k, id)| add(of_element(*id, first + k as f64, y[part])));
            }
            Part::Shunt(id) | Part::Loop(id) => add(of_element(*id, x[part], y[part])),
            Part::Connector(id, far) => {
                let is_below_element = matches!(tree.parts[above[part]], Part::Link(_) | Part::Loop(_));
                let label = if is_below_element { network.bus(*far).name.clone() } else { network.full_name(*id) };
                let notes = if is_below_element { Vec::new() } else { vec![format!("to {}", network.bus(*far).name)] };
                let is_supplied = supplied(bus_above.unwrap_or(*far));
                add(connector(label, notes, x[part], y[part], is_supplied));
            }
        }
    }
    for &part in &tree.order {
        let Some(upper) = Some(above[part]).filter(|a| *a != usize::MAX) else { continue };
        let bus = buses_of[upper].or(buses_of[part]);
        let is_supplied = bus.is_none_or(&supplied);
        let element = match (&tree.parts[upper], &tree.parts[part]) {
            (Part::Link(together), _) => together.first().copied(),
            (_, Part::Link(_)) => None,
            (_, Part::Shunt(id) | Part::Loop(id) | Part::Connector(id, _)) => Some(*id),
            _ => None,
        };
        let upper_is_bus = matches!(tree.parts[upper], Part::Bus(_));
        for &to in &nodes_of[part] {
            for &from in &nodes_of[upper] {
                let (a, b) = ((diagram.nodes[from].x, y[upper]), (diagram.nodes[to].x, y[part]));
                let lower_is_bus = matches!(tree.parts[part], Part::Bus(_));
                let points = if upper_is_bus {
                    // Straight down from the bar.
                    vec![[b.0, a.1], [b.0, b.1]]
                } else if lower_is_bus && nodes_of[upper].len() > 1 {
                    // Elements in parallel each reach the bar below.
                    vec![[a.0, a.1], [a.0, b.1]]
                } else if a.0 == b.0 {
                    vec![[a.0, a.1], [b.0, b.1]]
                } else {
                    let middle = (a.1 + b.1) / 2.0;
                    vec![[a.0, a.1], [a.0, middle], [b.0, middle], [b.0, b.1]]
                };
                let element = element.or(diagram.nodes[to].element);
                diagram.edges.push(DiagramEdge { from, to, points, element, supplied: is_supplied });
            }
        }
    }
    for node in &diagram.nodes {
        diagram.width = diagram.width.max(node.x).max(node.x_to);
        diagram.height = diagram.height.max(node.y);
    }
    diagram
}

fn connector(label: String, notes: Vec<String>, x: f64, y: f64, supplied: bool) -> DiagramNode {
    DiagramNode {
        symbol: Symbol::Connector,
        element: None,
        bus: None,
        x,
        y,
        x_from: x,
        x_to: x,
        label,
        notes,
        state: SymbolState::Closed,
        supplied,
        more: 0,
        attached: Vec::new(),
    }
}

fn bus_node(network: &Network, supplied: &dyn Fn(BusId) -> bool, id: BusId, x: f64, y: f64) -> DiagramNode {
    let bus = network.bus(id);
    let notes = bus.kv_base_ll().map(|kv| format!("{} kV", short(kv))).into_iter().collect();
    let label =
        bus.transmission.as_ref().filter(|t| !t.name.is_empty()).map_or_else(|| bus.name.clone(), |t| format!("{} {}", bus.name, t.name));
    DiagramNode { symbol: Symbol::Bus, bus: Some(id), notes, ..connector(label, Vec::new(), x, y, supplied(id)) }
}

/// At most four digits that count.
fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    let decimals = (3 - x.abs().log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn element_node(network: &Network, graph: &Graph, supplied: &dyn Fn(BusId) -> bool, id: ElementId, x: f64, y: f64) -> DiagramNode {
    let common = network.common(id);
    let closed = common.terminals.iter().flat_map(|t| &t.closed);
    let (n, n_closed) = (closed.clone().count(), closed.filter(|c| **c).count());
    let is_open_link = graph_open(network, graph, id);
    let state = if !network.in_service(id) {
        SymbolState::OutOfService
    } else if is_open_link || (n > 0 && n_closed == 0) {
        SymbolState::Open
    } else if n_closed < n {
        SymbolState::PartlyOpen
    } else {
        SymbolState::Closed
    };
    let is_supplied = network.in_service(id) && ends(network, id).into_iter().any(&supplied);
    DiagramNode {
        symbol: symbol_of(network, graph, id),
        element: Some(id),
        state,
        notes: notes_of(network, id),
        attached: graph.attached(id).to_vec(),
        ..connector(common.name.clone(), Vec::new(), x, y, is_supplied)
    }
}

fn graph_open(network: &Network, graph: &Graph, id: ElementId) -> bool {
    let Some(first) = network.common(id).terminals.first() else { return false };
    let mut own = graph.links_at(first.bus).iter().map(|l| &graph.links[*l as usize]).filter(|l| l.element == id).peekable();
    own.peek().is_some() && own.all(|l| !l.is_closed)
}

/// The symbol of an element.
pub fn symbol_of(network: &Network, graph: &Graph, id: ElementId) -> Symbol {
    let i = id.index();
    let is_series = || ends(network, id).len() > 1;
    let has = |kind: ElementKind| graph.attached(id).iter().any(|a| a.kind == kind && switches(network, *a, id));
    match id.kind {
        ElementKind::VoltageSource => Symbol::Source,
        ElementKind::CurrentSource => Symbol::CurrentSource,
        ElementKind::Line | ElementKind::AcBranch => {
            let device = if id.kind == ElementKind::AcBranch { network.ac_branches[i].switching } else { None };
            let is_switch = id.kind == ElementKind::Line && network.lines[i].is_switch;
            match device {
                Some(SwitchingDevice::Breaker) => Symbol::Breaker,
                Some(_) => Symbol::Switch,
                None if has(ElementKind::Recloser) => Symbol::Recloser,
                None if has(ElementKind::Relay) => Symbol::Breaker,
                None if has(ElementKind::Fuse) && is_switch => Symbol::Fuse,
                None if is_switch => Symbol::Switch,
                None => Symbol::Line,
            }
        }
        ElementKind::GicLine => Symbol::Line,
        ElementKind::Transformer => {
            let t = &network.transformers[i];
            // One that joins two parts of the same voltage and is controlled does nothing else.
            let kv = |k: usize| t.windings.get(k).map_or(0.0, |w| w.kv);
            let is_same = kv(0) > 0.0 && (kv(1) / kv(0) - 1.0).abs() < 0.01;
            match (ends(network, id).len(), t.kind) {
                (3.., _) => Symbol::TransformerThreeWindings,
                _ if is_same && graph.attached(id).iter().any(|a| a.kind == ElementKind::RegulatorControl) => Symbol::Regulator,
                (_, TransformerKind::Auto) => Symbol::Autotransformer,
                _ => Symbol::TransformerTwoWindings,
            }
        }
        ElementKind::PowerTransformer if network.power_transformers[i].windings.len() > 2 => Symbol::TransformerThreeWindings,
        ElementKind::PowerTransformer | ElementKind::GicTransformer => Symbol::TransformerTwoWindings,
        ElementKind::Capacitor if is_series() => Symbol::SeriesCapacitor,
        ElementKind::Capacitor => Symbol::ShuntCapacitor,
        ElementKind::Reactor if is_series() => Symbol::SeriesReactor,
        ElementKind::Reactor => Symbol::ShuntReactor,
        ElementKind::FixedShunt if network.fixed_shunts[i].b_mvar < 0.0 => Symbol::ShuntReactor,
        ElementKind::SwitchedShunt if network.switched_shunts[i].b_mvar < 0.0 => Symbol::ShuntReactor,
        ElementKind::FixedShunt | ElementKind::SwitchedShunt => Symbol::ShuntCapacitor,
        ElementKind::Fault => Symbol::Fault,
        ElementKind::Load | ElementKind::PowerLoad => Symbol::Load,
        ElementKind::Generator | ElementKind::Machine => Symbol::Generator,
        ElementKind::PvSystem => Symbol::Pv,
        ElementKind::Storage => Symbol::Storage,
        ElementKind::InductionMachine | ElementKind::PowerMotor => Symbol::Motor,
        ElementKind::TwoTerminalDc | ElementKind::VscDc | ElementKind::MultiTerminalDc => Symbol::DcLine,
        ElementKind::FactsDevice => Symbol::Facts,
        ElementKind::Fuse => Symbol::Fuse,
        ElementKind::Relay => Symbol::Breaker,
        ElementKind::Recloser => Symbol::Recloser,
        _ => Symbol::Other,
    }
}

/// Whether a protective device opens an element, in distinction to watching it.
fn switches(network: &Network, device: ElementId, element: ElementId) -> bool {
    let i = device.index();
    let protection = match device.kind {
        ElementKind::Fuse => &network.fuses[i].protection,
        ElementKind::Relay => &network.relays[i].protection,
        ElementKind::Recloser => &network.reclosers[i].protection,
        _ => return false,
    };
    protection.switched == Some(element)
}

/// What a symbol says besides its name.
fn notes_of(network: &Network, id: ElementId) -> Vec<String> {
    let i = id.index();
    match id.kind {
        ElementKind::VoltageSource => {
            let s = &network.voltage_sources[i];
            vec![format!("{} kV, {} pu", short(s.base_kv), short(s.v_pu))]
        }
        ElementKind::Transformer => {
            let t = &network.transformers[i];
            let kv: Vec<String> = t.windings.iter().map(|w| short(w.kv)).collect();
            let kva = t.windings.first().map(|w| format!("{} kVA", short(w.kva)));
            std::iter::once(format!("{} kV", kv.join("/"))).chain(kva).collect()
        }
        ElementKind::Line if network.lines[i].common.rating.normal_a > 0.0 => {
            vec![format!("{} A", short(network.lines[i].common.rating.normal_a))]
        }
        ElementKind::Load => vec![format!("{} kW, {} kvar", short(network.loads[i].p_kw), short(network.loads[i].q_kvar))],
        ElementKind::PowerLoad => {
            let l = &network.power_loads[i];
            vec![format!("{} MW, {} Mvar", short(l.p_mw), short(l.q_mvar))]
        }
        ElementKind::Generator => vec![format!("{} kW", short(network.generators[i].p_kw))],
        ElementKind::Machine => vec![format!("{} MW, {} pu", short(network.machines[i].p_mw), short(network.machines[i].v_set_pu))],
        ElementKind::PvSystem => vec![format!("{} kW", short(network.pv_systems[i].p_mpp_kw))],
        ElementKind::Storage => {
            let s = &network.storages[i];
            vec![format!("{} kW, {} kWh", short(s.p_rated_kw), short(s.energy_rated_kwh))]
        }
        ElementKind::Capacitor => match &network.capacitors[i].size {
            crate::CapacitorSize::Kvar(steps) => vec![format!("{} kvar", short(steps.iter().sum()))],
            _ => Vec::new(),
        },
        ElementKind::FixedShunt => vec![format!("{} Mvar", short(network.fixed_shunts[i].b_mvar))],
        ElementKind::SwitchedShunt => vec![format!("{} Mvar", short(network.switched_shunts[i].b_mvar))],
        ElementKind::AcBranch => {
            let rating = network.ac_branches[i].ratings_mva.first().copied().filter(|r| *r > 0.0);
            rating.map(|r| format!("{} MVA", short(r))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
