//! What a solution shows to people and programs: one set of figures behind the text report and the
//! JSON, so that the two cannot differ.

use network::{ControlMode, Diagnostic, ElementKind, Network, SolutionMode};
use num_complex::Complex64;
use powerflow::{CapacitorRow, Certificate, InverterRow, LoadingRow, NodeRow, RegulatorRow, TerminalRow};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Rows of a list of worst things.
const WORST: usize = 10;

/// Figures of a settled solution.
#[derive(Clone, Debug, Serialize)]
pub struct SolveView {
    pub circuit: String,
    pub model: String,
    pub nodes: usize,
    pub buses: usize,
    pub frequency_hz: f64,
    /// Enabled elements by class.
    pub elements: Vec<ClassCount>,
    pub mode: SolutionMode,
    pub controls: ControlMode,
    pub certificate: Certificate,
    pub power: Power,
    pub voltage_levels: Vec<VoltageLevel>,
    /// Nodes without a voltage base, which no per-unit figure counts.
    pub nodes_without_base: usize,
    pub normal_band: Band,
    pub loading: Loading,
    pub regulators: Vec<RegulatorRow>,
    pub capacitors: Vec<CapacitorRow>,
    pub inverters: Vec<InverterRow>,
    pub open_terminals: Vec<OpenTerminal>,
    pub diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    pub class: String,
    pub count: usize,
}

/// Sums over elements, kW and kvar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PowerSum {
    pub count: usize,
    pub p_kw: f64,
    pub q_kvar: f64,
}

impl PowerSum {
    fn add(&mut self, s: Complex64) {
        self.count += 1;
        self.p_kw += s.re;
        self.q_kvar += s.im;
    }
}

/// Where power comes from and where it stays.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Power {
    /// Delivered by voltage and current sources.
    pub sources: PowerSum,
    /// Injected by generators, PV systems, storage and induction machines.
    pub generation: PowerSum,
    /// Drawn by loads.
    pub loads: PowerSum,
    /// Drawn by capacitors and reactors to earth, negative kvar where they deliver.
    pub shunts: PowerSum,
    pub losses_kw: f64,
    pub losses_kvar: f64,
    /// Losses over the power that sources and generation bring in, percent; none where nothing comes in.
    pub losses_pct: Option<f64>,
}

/// A node and its voltage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeVoltage {
    pub node: String,
    pub v_pu: f64,
    pub kv_base_ln: f64,
}

/// Extremes of one level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VoltageLevel {
    pub kv_base_ln: f64,
    pub kv_base_ll: f64,
    pub nodes: usize,
    pub lowest: NodeVoltage,
    pub highest: NodeVoltage,
}

/// Nodes outside the normal band.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Band {
    pub low_pu: f64,
    pub high_pu: f64,
    pub below: usize,
    pub above: usize,
    /// Live nodes with a base.
    pub of: usize,
    /// Farthest outside first, at most ten.
    pub worst: Vec<NodeVoltage>,
}

/// Elements loaded above their normal rating.
#[derive(Clone, Debug, Serialize)]
pub struct Loading {
    pub overloaded: usize,
    /// Elements with a rating.
    pub of: usize,
    /// Most loaded first, at most ten, overloaded or not.
    pub worst: Vec<LoadingRow>,
}

/// A terminal with conductors that stand open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenTerminal {
    pub element: String,
    /// 1-based.
    pub terminal: usize,
    pub bus: String,
    /// 1-based conductors.
    pub conductors: Vec<usize>,
    pub all: bool,
}

/// The rows of a solution that the figures are made of.
pub struct Rows<'a> {
    pub nodes: &'a [NodeRow],
    pub terminals: &'a [TerminalRow],
    pub loadings: &'a [LoadingRow],
    pub regulators: Vec<RegulatorRow>,
    pub capacitors: Vec<CapacitorRow>,
    pub inverters: Vec<InverterRow>,
    pub certificate: &'a Certificate,
    pub losses_kw: f64,
    pub losses_kvar: f64,
    /// Whether a conductor (0-based) of an element's terminal (0-based) is closed after the solution.
    pub is_closed: &'a dyn Fn(network::ElementId, usize, usize) -> bool,
}

impl SolveView {
    /// Sums and sorts the rows of one solution of `network`, read from `model`.
    pub fn new(network: &Network, model: &str, rows: Rows<'_>, diagnostics: Vec<Diagnostic>) -> Self {
        let live: Vec<NodeVoltage> = rows
            .nodes
            .iter()
            .filter_map(|n| {
                let v_pu = n.v_pu.filter(|&v| v > 0.0)?;
                Some(NodeVoltage { node: n.node.clone(), v_pu, kv_base_ln: n.kv_base_ln })
            })
            .collect();
        Self {
            circuit: network.name.clone(),
            model: model.to_owned(),
            nodes: rows.nodes.len(),
            buses: network.buses.len(),
            frequency_hz: network.options.frequency_hz,
            elements: class_counts(network, true),
            mode: network.options.mode,
            controls: network.options.control_mode,
            certificate: rows.certificate.clone(),
            power: power(network, rows.terminals, rows.losses_kw, rows.losses_kvar),
            voltage_levels: levels(&live),
            nodes_without_base: rows.nodes.iter().filter(|n| n.kv_base_ln == 0.0).count(),
            normal_band: band(&live, network.options.v_min_normal_pu, network.options.v_max_normal_pu),
            loading: loading(rows.loadings),
            regulators: rows.regulators,
            capacitors: rows.capacitors,
            inverters: rows.inverters,
            open_terminals: open_terminals(network, rows.is_closed),
            diagnostics,
        }
    }
}

/// Elements of each class, in the order of the network's vectors; only enabled ones if told so.
pub fn class_counts(network: &Network, enabled_only: bool) -> Vec<ClassCount> {
    let mut counts: Vec<ClassCount> = Vec::new();
    for &kind in ElementKind::ALL {
        let mut of_kind: BTreeMap<String, usize> = BTreeMap::new();
        for id in network.ids(kind).filter(|&id| !enabled_only || network.common(id).enabled) {
            let full_name = network.full_name(id);
            let class = full_name.split_once('.').map_or("", |(class, _)| class);
            match of_kind.get_mut(class) {
                Some(n) => *n += 1,
                None => {
                    of_kind.insert(class.to_owned(), 1);
                }
            }
        }
        counts.extend(of_kind.into_iter().map(|(class, count)| ClassCount { class, count }));
    }
    counts
}

/// Power by what elements do. A row's power is into the element, so that what a source delivers is negative there.
fn power(network: &Network, terminals: &[TerminalRow], losses_kw: f64, losses_kvar: f64) -> Power {
    let mut by_element: Vec<(&str, Complex64)> = Vec::new();
    let mut at: HashMap<&str, usize> = HashMap::new();
    for row in terminals {
        let i = *at.entry(&row.element).or_insert_with(|| {
            by_element.push((&row.element, Complex64::ZERO));
            by_element.len() - 1
        });
        by_element[i].1 += Complex64::new(row.p_kw, row.q_kvar);
    }
    let in_series: std::collections::HashSet<String> = network
        .ids(ElementKind::Capacitor)
        .filter(|id| network.capacitors[id.index()].bus2_defined)
        .chain(network.ids(ElementKind::Reactor).filter(|id| network.reactors[id.index()].bus2_defined))
        .map(|id| network.full_name(id))
        .collect();
    let [mut sources, mut generation, mut loads, mut shunts] = [PowerSum::default(); 4];
    for (element, s) in by_element {
        match element.split_once('.').map_or("", |(class, _)| class) {
            "vsource" | "isource" => sources.add(-s),
            "generator" | "pvsystem" | "storage" | "indmach012" => generation.add(-s),
            "load" => loads.add(s),
            "capacitor" | "reactor" if !in_series.contains(element) => shunts.add(s),
            _ => {}
        }
    }
    let brought_in = sources.p_kw.max(0.0) + generation.p_kw.max(0.0);
    let losses_pct = (brought_in > 0.0).then(|| 100.0 * losses_kw / brought_in);
    Power { sources, generation, loads, shunts, losses_kw, losses_kvar, losses_pct }
}

/// Levels from the highest to the lowest base. Bases that differ by rounding alone are one level.
fn levels(live: &[NodeVoltage]) -> Vec<VoltageLevel> {
    let mut levels: Vec<VoltageLevel> = Vec::new();
    for node in live {
        let same = |level: &&mut VoltageLevel| (level.kv_base_ln - node.kv_base_ln).abs() <= 1e-6 * node.kv_base_ln;
        match levels.iter_mut().find(same) {
            Some(level) => {
                level.nodes += 1;
                if node.v_pu < level.lowest.v_pu {
                    level.lowest = node.clone();
                }
                if node.v_pu > level.highest.v_pu {
                    level.highest = node.clone();
                }
            }
            None => levels.push(VoltageLevel {
                kv_base_ln: node.kv_base_ln,
                kv_base_ll: node.kv_base_ln * 3.0_f64.sqrt(),
                nodes: 1,
                lowest: node.clone(),
                highest: node.clone(),
            }),
        }
    }
    levels.sort_by(|a, b| b.kv_base_ln.total_cmp(&a.kv_base_ln));
    levels
}

fn band(live: &[NodeVoltage], low_pu: f64, high_pu: f64) -> Band {
    let outside_by = |n: &NodeVoltage| (low_pu - n.v_pu).max(n.v_pu - high_pu);
    let mut worst: Vec<NodeVoltage> = live.iter().filter(|n| outside_by(n) > 0.0).cloned().collect();
    // The sort is stable: equal nodes stay in the order of the network.
    worst.sort_by(|a, b| outside_by(b).total_cmp(&outside_by(a)));
    let below = worst.iter().filter(|n| n.v_pu < low_pu).count();
    let above = worst.len() - below;
    worst.truncate(WORST);
    Band { low_pu, high_pu, below, above, of: live.len(), worst }
}

fn loading(rows: &[LoadingRow]) -> Loading {
    let overloaded = rows.iter().filter(|r| r.loading_pct > 100.0).count();
    // The rows come most loaded first.
    Loading { overloaded, of: rows.len(), worst: rows.iter().take(WORST).cloned().collect() }
}

fn open_terminals(network: &Network, is_closed: &dyn Fn(network::ElementId, usize, usize) -> bool) -> Vec<OpenTerminal> {
    let mut open = Vec::new();
    for &id in &network.order {
        let common = network.common(id);
        if !common.enabled || !is_power_element(id.kind) {
            continue;
        }
        for (t, terminal) in common.terminals.iter().enumerate() {
            let conductors: Vec<usize> = (0..terminal.nodes.len()).filter(|&c| !is_closed(id, t, c)).map(|c| c + 1).collect();
            if !conductors.is_empty() {
                open.push(OpenTerminal {
                    element: network.full_name(id),
                    terminal: t + 1,
                    bus: network.bus(terminal.bus).name.clone(),
                    all: conductors.len() == terminal.nodes.len(),
                    conductors,
                });
            }
        }
    }
    open
}

/// Whether elements of a kind carry current, rather than act on or watch those that do.
pub fn is_power_element(kind: ElementKind) -> bool {
    use ElementKind::*;
    matches!(
        kind,
        VoltageSource
            | CurrentSource
            | Line
            | Transformer
            | Capacitor
            | Reactor
            | Fault
            | GicTransformer
            | GicLine
            | Load
            | Generator
            | PvSystem
            | Storage
            | InductionMachine
    )
}
