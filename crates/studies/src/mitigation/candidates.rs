//! Changes that may mend a cluster of violations.
//!
//! | cluster | proposed |
//! |---|---|
//! | overload | the smallest line code of the model that carries the current, at every overloaded line of the cluster, and at each alone; a second circuit beside each of the worst lines; the smallest standard size that carries the power, at every overloaded transformer, and at each alone; a battery behind the worst element that shaves its peak |
//! | low voltage | set points of the regulators on the way one and two taps higher; the next fixed tap of the nearest transformer without a regulator; a capacitor bank at the worst primary bus; regulators half-way; the next conductor and a second circuit at the line of the most losses on the way; the next size of the service transformer |
//! | high voltage | set points one and two taps lower; the next fixed tap down; volt-var (IEEE 1547-2018, category B) at the inverters of the cluster and its neighbourhood; capacitor banks of the cluster out of service |
//!
//! "On the way" is the way from the worst node of the cluster to its source.

use super::MitigationOptions;
use super::clusters::{Cluster, Kind, Violation};
use crate::changes::{self, Names, Shaver};
use crate::hosting::VoltVar;
use crate::time_series::FeederResult;
use network::cost::CostCatalogue;
use network::graph::{Graph, Tree, nominal_kv_ll};
use network::{BusId, ElementId, ElementKind, Network, SourceRef};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Banks of capacitors that are tried at a primary bus, kvar of three phases.
const BANKS_KVAR: [f64; 3] = [150.0, 300.0, 600.0];
/// Elements of an overloaded cluster that are changed each alone.
const ALONE: usize = 4;
/// A new regulator holds this voltage on a base of 120 V, within a band of 2 V.
const TARGET_V: f64 = 122.0;
const BAND_V: f64 = 2.0;
/// Shorter lines of a model stand for switches, fuses and joints.
const LAID_M: f64 = 2.0;
/// A battery may be emptied to a fifth.
const USABLE: f64 = 0.8;

/// A change of the network.
#[derive(Clone, Debug, PartialEq)]
pub enum Fix {
    /// Controls, and by how many taps their set points move.
    SetPoints {
        controls: Vec<usize>,
        taps: i32,
    },
    FixedTap {
        transformer: usize,
        winding: usize,
        by: f64,
    },
    /// Lines with the line codes that they get.
    Conductors(Vec<(usize, usize)>),
    SecondCircuit(usize),
    /// Transformers with the sizes that they get, kVA.
    Sizes(Vec<(usize, f64)>),
    Capacitor {
        bus: BusId,
        kvar: f64,
    },
    CapacitorsOut(Vec<usize>),
    Regulator {
        line: usize,
        kva: f64,
    },
    VoltVar(Vec<ElementId>),
    Battery {
        bus: BusId,
        of: BatteryOf,
    },
}

/// A battery and what it watches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatteryOf {
    pub power_kw: f64,
    pub energy_kwh: f64,
    pub watched: ElementId,
    pub target_kw: f64,
}

/// A change that is proposed.
#[derive(Clone, Debug)]
pub struct Proposed {
    pub fix: Fix,
    pub cost: f64,
    pub clusters: Vec<usize>,
}

/// What comes to mind.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub fixes: Vec<Proposed>,
    pub without_cost: Vec<(&'static str, usize)>,
}

impl Fix {
    /// Makes the change; whether it changes anything.
    pub fn apply(&self, network: &mut Network) -> bool {
        let mut names = Names::of(network);
        let nowhere = SourceRef::default();
        match self {
            Self::SetPoints { controls, taps } => {
                let mut is_any = false;
                for &i in controls {
                    let c = &mut network.regulator_controls[i];
                    let step = c.transformer.map_or(0.0, |t| network.transformers[t.index()].windings[c.tap_winding].tap_step_pu());
                    c.forward.v_target_v *= 1.0 + f64::from(*taps) * step;
                    is_any |= step > 0.0;
                }
                is_any
            }
            Self::FixedTap { transformer, winding, by } => {
                let w = &mut network.transformers[*transformer].windings[*winding];
                let tap_pu = (w.tap_pu + by).clamp(w.tap_min_pu, w.tap_max_pu);
                let moves = (tap_pu - w.tap_pu).abs() > 1e-9;
                w.tap_pu = tap_pu;
                moves
            }
            Self::Conductors(lines) => lines.iter().map(|&(line, code)| changes::with_code(network, line, code)).fold(false, |a, b| a | b),
            Self::SecondCircuit(line) => changes::second_circuit(network, &mut names, *line).is_some(),
            Self::Sizes(all) => {
                all.iter().for_each(|&(t, kva)| changes::resize(network, t, kva));
                !all.is_empty()
            }
            Self::Capacitor { bus, kvar } => {
                let name = names.free("capacitor", &format!("new_{}", network.bus(*bus).name));
                changes::capacitor(network, name, *bus, *kvar, nowhere);
                true
            }
            Self::CapacitorsOut(all) => {
                all.iter().for_each(|&c| network.capacitors[c].common.enabled = false);
                !all.is_empty()
            }
            Self::Regulator { line, kva } => {
                let wanted = format!("new_{}", network.lines[*line].common.name);
                changes::regulator(network, &mut names, (&wanted, &nowhere), *line, (*kva, TARGET_V, BAND_V));
                true
            }
            Self::VoltVar(units) => {
                let curve = VoltVar::category_b();
                let q_pu = [curve.q_pu, 0.0, 0.0, -curve.q_pu];
                crate::scenario::storage::volt_var(network, &mut names, ("new_volt_var", nowhere), units.clone(), &curve.v_pu, &q_pu);
                !units.is_empty()
            }
            Self::Battery { bus, of } => {
                let wanted = format!("new_{}", network.bus(*bus).name);
                let shaver = Shaver {
                    power_kw: of.power_kw,
                    energy_kwh: of.energy_kwh,
                    watched: of.watched,
                    target_kw: of.target_kw,
                    charge_below_kw: 0.6 * of.target_kw,
                };
                changes::battery(network, &mut names, (&wanted, &nowhere), *bus, shaver);
                true
            }
        }
    }

    /// The change in words.
    pub fn words(&self, network: &Network) -> String {
        let line = |i: usize| network.full_name(ElementId::new(ElementKind::Line, i));
        let transformer = |i: usize| network.full_name(ElementId::new(ElementKind::Transformer, i));
        let list = |all: Vec<String>| match all.len() {
            n if n > 4 => format!("{} and {} more", all[..3].join(", "), n - 3),
            _ => all.join(", "),
        };
        match self {
            Self::SetPoints { controls, taps } => {
                let way = if *taps > 0 { "higher" } else { "lower" };
                let n = taps.unsigned_abs();
                let names = controls.iter().map(|&c| network.regulator_controls[c].common.name.clone()).collect();
                format!("set point {n} {} {way}: {}", if n == 1 { "tap" } else { "taps" }, list(names))
            }
            Self::FixedTap { transformer: t, winding, by } => {
                format!("fixed tap by {:+.1} % at winding {} of {}", by * 100.0, winding + 1, transformer(*t))
            }
            Self::Conductors(all) => list(all.iter().map(|&(l, c)| format!("{} in {}", network.line_codes[c].name, line(l))).collect()),
            Self::SecondCircuit(l) => format!("second circuit beside {}", line(*l)),
            Self::Sizes(all) => list(all.iter().map(|&(t, kva)| format!("{kva} kVA at {}", transformer(t))).collect()),
            Self::Capacitor { bus, kvar } => format!("capacitor of {kvar} kvar at {}", network.bus(*bus).name),
            Self::CapacitorsOut(all) => {
                format!(
                    "out of service: {}",
                    list(all.iter().map(|&c| network.full_name(ElementId::new(ElementKind::Capacitor, c))).collect())
                )
            }
            Self::Regulator { line: l, kva } => format!("regulators of {kva} kVA a phase at the head of {}", line(*l)),
            Self::VoltVar(units) => format!("volt-var, category B: {}", list(units.iter().map(|&u| network.full_name(u)).collect())),
            Self::Battery { bus, of } => format!(
                "battery of {:.0} kW, {:.0} kWh at {}, holds {} below {:.0} kW",
                of.power_kw,
                of.energy_kwh,
                network.bus(*bus).name,
                network.full_name(of.watched),
                of.target_kw
            ),
        }
    }

    /// Things that it changes: two that change the same do not go together.
    pub fn touches(&self) -> Vec<(&'static str, usize)> {
        match self {
            Self::SetPoints { controls, .. } => controls.iter().map(|&c| ("control", c)).collect(),
            Self::FixedTap { transformer, .. } => vec![("transformer", *transformer)],
            Self::Conductors(all) => all.iter().map(|a| ("line", a.0)).collect(),
            Self::SecondCircuit(l) => vec![("line", *l)],
            // A regulator moves the head of its line, and nothing else of it.
            Self::Regulator { line, .. } => vec![("head", *line)],
            Self::Sizes(all) => all.iter().map(|a| ("transformer", a.0)).collect(),
            Self::Capacitor { bus, .. } => vec![("bank", bus.index())],
            Self::CapacitorsOut(all) => all.iter().map(|&c| ("capacitor", c)).collect(),
            Self::VoltVar(units) => {
                units.iter().map(|u| if u.kind == ElementKind::PvSystem { ("pv", u.index()) } else { ("storage", u.index()) }).collect()
            }
            Self::Battery { of, .. } => vec![("battery", of.watched.index())],
        }
    }

    /// Cost by the catalogue, or the figure that it does not have.
    fn cost(&self, network: &Network, costs: &CostCatalogue) -> Result<f64, &'static str> {
        let km = |l: usize| network.lines[l].length_m() / 1e3;
        let need = |figure: Option<f64>, name: &'static str| figure.ok_or(name);
        // Of two figures of one thing one will do.
        let two = |a: (Option<f64>, &'static str), b: Option<f64>, n: f64, size: f64| match (a.0, b) {
            (None, None) => Err(a.1),
            (fixed, each) => Ok(n * fixed.unwrap_or(0.0) + size * each.unwrap_or(0.0)),
        };
        match self {
            Self::SetPoints { controls, .. } => Ok(need(costs.setting, "setting")? * controls.len() as f64),
            Self::FixedTap { .. } => need(costs.setting, "setting"),
            Self::CapacitorsOut(all) => Ok(need(costs.setting, "setting")? * all.len() as f64),
            Self::VoltVar(units) => Ok(need(costs.volt_var, "volt_var")? * units.len() as f64),
            Self::Conductors(all) => all.iter().try_fold(0.0, |sum, &(l, c)| {
                let own =
                    costs.conductor_per_km_of.iter().find(|(n, _)| n.eq_ignore_ascii_case(&network.line_codes[c].name)).map(|(_, x)| *x);
                Ok(sum + need(own.or(costs.conductor_per_km), "conductor_per_km")? * km(l))
            }),
            Self::SecondCircuit(l) => Ok(need(costs.circuit_per_km, "circuit_per_km")? * km(*l)),
            Self::Sizes(all) => {
                two((costs.transformer, "transformer"), costs.transformer_per_kva, all.len() as f64, all.iter().map(|a| a.1).sum())
            }
            Self::Capacitor { kvar, .. } => two((costs.capacitor, "capacitor"), costs.capacitor_per_kvar, 1.0, *kvar),
            Self::Regulator { line, .. } => {
                let phases = network.lines[*line].common.n_phases.clamp(1, 3) as f64;
                Ok(need(costs.regulator_per_phase, "regulator_per_phase")? * phases)
            }
            Self::Battery { of, .. } => match (costs.battery_per_kw, costs.battery_per_kwh) {
                (None, None) => Err("battery_per_kwh"),
                (kw, kwh) => Ok(kw.unwrap_or(0.0) * of.power_kw + kwh.unwrap_or(0.0) * of.energy_kwh),
            },
        }
    }
}

/// What proposals look at.
struct Looker<'a> {
    network: &'a Network,
    result: &'a FeederResult,
    graph: Graph,
    tree: Tree,
    kv: Vec<f64>,
    by_name: HashMap<String, usize>,
}

/// Changes for every cluster, each once, with its cost; those that the catalogue has no figure for are counted.
pub fn propose(
    network: &Network,
    result: &FeederResult,
    violations: &[Violation],
    clusters: &[Cluster],
    options: &MitigationOptions,
) -> Found {
    let graph = Graph::new(network);
    let tree = graph.reach(&network.supply_buses());
    let kv = nominal_kv_ll(network, &graph);
    let by_name = result.elements.iter().enumerate().map(|(i, e)| (e.element.to_lowercase(), i)).collect();
    let looker = Looker { network, result, graph, tree, kv, by_name };
    let mut fixes: Vec<Proposed> = Vec::new();
    let mut without: BTreeMap<&'static str, usize> = BTreeMap::new();
    for (k, cluster) in clusters.iter().enumerate() {
        let worst = &violations[cluster.violations[0]];
        let mut all = match cluster.kind {
            Kind::Overload => looker.for_overload(cluster, violations),
            Kind::LowVoltage => looker.for_voltage(worst, 1),
            Kind::HighVoltage => looker.for_voltage(worst, -1),
        };
        if cluster.kind == Kind::HighVoltage {
            all.extend(looker.for_high(cluster, violations));
        }
        let mut n = 0;
        for fix in all {
            if let Some(known) = fixes.iter_mut().find(|p| p.fix == fix) {
                if !known.clusters.contains(&k) {
                    known.clusters.push(k);
                }
                continue;
            }
            match fix.cost(network, &options.costs) {
                Ok(cost) if n < options.candidates_max => {
                    n += 1;
                    fixes.push(Proposed { fix, cost, clusters: vec![k] });
                }
                Ok(_) => {}
                Err(figure) => *without.entry(figure).or_default() += 1,
            }
        }
    }
    Found { fixes, without_cost: without.into_iter().collect() }
}

impl Looker<'_> {
    fn statistics(&self, id: ElementId) -> Option<&crate::time_series::tables::ElementStatistics> {
        self.by_name.get(&self.network.full_name(id).to_lowercase()).map(|&i| &self.result.elements[i])
    }

    fn for_overload(&self, cluster: &Cluster, violations: &[Violation]) -> Vec<Fix> {
        let network = self.network;
        let ids: Vec<ElementId> = cluster.violations.iter().filter_map(|&v| network.find(&violations[v].thing)).collect();
        let mut all = Vec::new();
        let conductors: Vec<(usize, usize)> =
            ids.iter().filter(|id| self.is_laid(**id)).filter_map(|&id| Some((id.index(), self.code_for(id)?))).collect();
        if !conductors.is_empty() {
            all.push(Fix::Conductors(conductors.clone()));
        }
        let sizes: Vec<(usize, f64)> =
            ids.iter().filter(|id| id.kind == ElementKind::Transformer).filter_map(|&id| Some((id.index(), self.size_for(id)?))).collect();
        if !sizes.is_empty() {
            all.push(Fix::Sizes(sizes.clone()));
        }
        if conductors.len() > 1 {
            all.extend(conductors.iter().take(ALONE).map(|c| Fix::Conductors(vec![*c])));
        }
        if sizes.len() > 1 {
            all.extend(sizes.iter().take(ALONE).map(|s| Fix::Sizes(vec![*s])));
        }
        all.extend(ids.iter().filter(|id| self.is_laid(**id)).take(ALONE).map(|id| Fix::SecondCircuit(id.index())));
        all.extend(ids.first().and_then(|&id| self.battery_behind(id)));
        all
    }

    /// A line that has a length: a switch is not laid, and by the kilometre it would cost nothing.
    fn is_laid(&self, id: ElementId) -> bool {
        id.kind == ElementKind::Line && {
            let line = &self.network.lines[id.index()];
            !line.is_switch && line.length_m() >= LAID_M
        }
    }

    /// The smallest line code of as many phases that carries the largest current; the largest of all where none does.
    fn code_for(&self, id: ElementId) -> Option<usize> {
        let line = &self.network.lines[id.index()];
        let i_a = self.statistics(id)?.i_max_a;
        let now = line.common.rating.normal_a;
        let codes = self.network.line_codes.iter().enumerate();
        let larger: Vec<(usize, f64)> = codes
            .filter(|(_, c)| c.n_phases == line.common.n_phases && c.rating.normal_a > now)
            .map(|(i, c)| (i, c.rating.normal_a))
            .collect();
        let carries = larger.iter().filter(|c| c.1 >= i_a).min_by(|a, b| a.1.total_cmp(&b.1));
        carries.or_else(|| larger.iter().max_by(|a, b| a.1.total_cmp(&b.1))).map(|c| c.0)
    }

    /// The smallest standard size that carries the largest power.
    fn size_for(&self, id: ElementId) -> Option<f64> {
        let t = &self.network.transformers[id.index()];
        let now = t.windings.first()?.kva;
        let loading = self.statistics(id)?.loading_max_pct? / 100.0;
        let mut kva = changes::next_kva(now, t.common.n_phases);
        for _ in 0..40 {
            if kva >= now * loading {
                return Some(kva);
            }
            kva = changes::next_kva(kva, t.common.n_phases);
        }
        None
    }

    /// A battery at the bus behind an element, of the power that is too much and the energy of the longest time above the rating.
    fn battery_behind(&self, id: ElementId) -> Option<Fix> {
        let s = self.statistics(id)?;
        let loading = s.loading_max_pct? / 100.0;
        let network = self.network;
        let buses: Vec<BusId> = network.common(id).terminals.iter().map(|t| t.bus).collect();
        let bus = *buses.iter().filter(|b| self.tree.is_reached(**b)).max_by_key(|b| self.tree.depth[b.index()])?;
        if loading <= 1.0 || changes::phases_of(network, bus).is_empty() {
            return None;
        }
        let longest_h = self.result.episodes.iter().filter(|e| e.asset == s.element).map(|e| e.hours).fold(0.0, f64::max).max(1.0);
        // Held below the rating is the apparent power, of which the battery changes the active part.
        let (p, q) = network.loads.iter().filter(|l| l.common.enabled).fold((0.0, 0.0), |(p, q), l| (p + l.p_kw, q + l.q_kvar));
        let q_kvar = s.s_max_kva * if p > 0.0 { q.abs() / p.hypot(q) } else { 0.0 };
        let rated_kva = s.s_max_kva / loading;
        let hold_kva = 0.95 * rated_kva;
        if hold_kva <= q_kvar {
            return None;
        }
        let target_kw = (hold_kva * hold_kva - q_kvar * q_kvar).sqrt();
        let peak_kw = (s.s_max_kva * s.s_max_kva - q_kvar * q_kvar).max(0.0).sqrt();
        let power_kw = ((peak_kw - target_kw) * 1.1).ceil().max(1.0);
        let energy_kwh = (power_kw * longest_h / USABLE).ceil();
        Some(Fix::Battery { bus, of: BatteryOf { power_kw, energy_kwh, watched: id, target_kw } })
    }

    /// Elements on the way from a bus to its source, the nearest first, those beside them included.
    fn on_way(&self, bus: BusId) -> Vec<ElementId> {
        let mut found = Vec::new();
        for (_, link) in self.tree.to_root(bus) {
            let link = self.graph.links[link as usize];
            let ends = [link.from, link.to];
            for &other in self.graph.links_at(link.from) {
                let other = self.graph.links[other as usize];
                if other.is_closed && ends.contains(&other.from) && ends.contains(&other.to) && !found.contains(&other.element) {
                    found.push(other.element);
                }
            }
        }
        found
    }

    /// Changes for a voltage that is too low (`way` 1) or too high (−1) at the worst node.
    fn for_voltage(&self, worst: &Violation, way: i32) -> Vec<Fix> {
        let network = self.network;
        let Some(&bus) = worst.buses.first() else { return Vec::new() };
        if !self.tree.is_reached(bus) {
            return Vec::new();
        }
        let on_way = self.on_way(bus);
        let mut all = Vec::new();
        let controls = network.regulator_controls.iter().enumerate();
        let controls: Vec<usize> =
            controls.filter(|(_, c)| c.common.enabled && c.transformer.is_some_and(|t| on_way.contains(&t))).map(|(i, _)| i).collect();
        if !controls.is_empty() {
            all.extend([1, 2].map(|n| Fix::SetPoints { controls: controls.clone(), taps: way * n }));
        }
        let regulated: HashSet<ElementId> = network.regulator_controls.iter().filter_map(|c| c.transformer).collect();
        let fixed = on_way.iter().find(|id| id.kind == ElementKind::Transformer && !regulated.contains(id));
        if let Some(&id) = fixed {
            let terminals = &network.common(id).terminals;
            if let Some(winding) = (0..terminals.len()).max_by_key(|&t| self.tree.depth[terminals[t].bus.index()]) {
                all.push(Fix::FixedTap { transformer: id.index(), winding, by: 0.025 * f64::from(way) });
            }
        }
        if way < 0 {
            return all;
        }
        // The primary bus that is nearest, and the way from there.
        let primary = std::iter::once(bus).chain(self.tree.to_root(bus).map(|(b, _)| b)).find(|b| self.kv[b.index()] > 1.0);
        if let Some(primary) = primary {
            let n = changes::phases_of(network, primary).len() as f64;
            if n > 0.0 {
                all.extend(BANKS_KVAR.map(|kvar| Fix::Capacitor { bus: primary, kvar: kvar * n / 3.0 }));
            }
        }
        let lines: Vec<ElementId> = on_way.iter().copied().filter(|id| id.kind == ElementKind::Line).collect();
        let of_primary: Vec<ElementId> = lines
            .iter()
            .copied()
            .filter(|id| {
                let l = &network.lines[id.index()];
                !l.is_switch && l.common.terminals.iter().all(|t| self.kv[t.bus.index()] > 1.0)
            })
            .collect();
        if of_primary.len() > 1 {
            // The terminal that is nearer to the source must be the first, for a regulator stands at the head.
            let half = of_primary[of_primary.len() / 2];
            let t = &network.common(half).terminals;
            if self.tree.depth[t[0].bus.index()] < self.tree.depth[t[1].bus.index()] {
                let per_phase = self.statistics(half).map_or(0.0, |s| s.s_max_kva) / network.common(half).n_phases.max(1) as f64;
                all.push(Fix::Regulator { line: half.index(), kva: changes::next_kva(per_phase * 1.25, 1) });
            }
        }
        let lines: Vec<ElementId> = lines.into_iter().filter(|id| self.is_laid(*id)).collect();
        let losses = |id: &ElementId| self.statistics(*id).map_or(0.0, |s| s.losses_kwh);
        if let Some(&id) = lines.iter().max_by(|a, b| losses(a).total_cmp(&losses(b))) {
            all.extend(changes::next_code(network, id.index()).map(|code| Fix::Conductors(vec![(id.index(), code)])));
            all.push(Fix::SecondCircuit(id.index()));
        }
        if self.kv[bus.index()] <= 1.0
            && let Some(&id) = on_way.iter().find(|id| id.kind == ElementKind::Transformer)
        {
            let t = &network.transformers[id.index()];
            all.extend(t.windings.first().map(|w| Fix::Sizes(vec![(id.index(), changes::next_kva(w.kva, t.common.n_phases))])));
        }
        all
    }

    /// Volt-var at inverters of a cluster with high voltage and of the buses beside it, capacitors of the cluster out of service.
    fn for_high(&self, cluster: &Cluster, violations: &[Violation]) -> Vec<Fix> {
        let network = self.network;
        let mut buses: HashSet<BusId> = cluster.violations.iter().flat_map(|&v| violations[v].buses.iter().copied()).collect();
        let beside: Vec<BusId> =
            buses.iter().flat_map(|&b| self.graph.links_at(b).iter().map(move |&l| self.graph.links[l as usize].other(b))).collect();
        buses.extend(beside);
        let stands = |id: ElementId| network.common(id).terminals.first().is_some_and(|t| buses.contains(&t.bus)) && network.in_service(id);
        let ruled: HashSet<ElementId> = network.inverter_controls.iter().flat_map(|c| c.units.iter().copied()).collect();
        let mut units: Vec<ElementId> = network.ids(ElementKind::PvSystem).chain(network.ids(ElementKind::Storage)).collect();
        units.retain(|id| stands(*id) && !ruled.contains(id));
        let mut all = Vec::new();
        if !units.is_empty() {
            all.push(Fix::VoltVar(units));
        }
        let banks: Vec<usize> = network.ids(ElementKind::Capacitor).filter(|id| stands(*id)).map(|id| id.index()).collect();
        if !banks.is_empty() {
            all.push(Fix::CapacitorsOut(banks));
        }
        all
    }
}
