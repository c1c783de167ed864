//! Hosting capacity in the columns of published maps.
//!
//! * California: a row a line section, as the layer of circuit segments of Southern California Edison's integration capacity analysis publishes it
//!   (`drpep.sce.com`, service `ICA_Layer`): `uniform_generation`, `ica_overall_load`, `ica_overall_pv` and their `_op_flex` twins in MW, and the
//!   most limiting criterion of each. San Diego Gas & Electric publishes the same quantities as `ICAWOF_UNIGENERATION`, `ICAWOF_UNILOAD` and
//!   `ICAWOF_PVGENERATION`. A section has the capacity of its end away from the source. Uniform generation runs at full output always, PV by a
//!   profile. "Operational flexibility" is the capacity with flows backwards limited too.
//! * New York: a row a feeder, the figures that the Joint Utilities' maps show: lowest and highest local capacity in MW, substation and bank with its rating,
//!   feeder voltage, and which criteria constrain the nodes.

use super::criteria::Criterion;
use super::probe::Der;
use super::{HostingResult, SiteResult};
use crate::table::{Column, Kind, Table, Value};
use network::graph::Graph;
use network::{BusId, ElementKind, Network};
use std::collections::{BTreeMap, HashMap};

const fn text(name: &'static str, meaning: &'static str) -> Column {
    Column { name, kind: Kind::Text, unit: "", meaning }
}

const fn number(name: &'static str, unit: &'static str, meaning: &'static str) -> Column {
    Column { name, kind: Kind::Number, unit, meaning }
}

pub const CALIFORNIA: &[Column] = &[
    text("section_id", "line, cable or switch"),
    text("node_id", "its bus away from the source, to which the figures belong"),
    text("system_name", "name of the model"),
    text("substation_name", "substation of the model's first transformer that is one, or the bus of the source"),
    text("circuit_name", "feeder that the section belongs to, or the name of the model"),
    number("substation_voltage", "kV", "nominal voltage of the source"),
    number("circuit_voltage", "kV", "nominal voltage of the section"),
    text("phase", "phases of the section"),
    number("ica_overall_load", "MW", "capacity for load"),
    number("ica_overall_pv", "MW", "capacity for generation that follows a profile"),
    number("uniform_generation", "MW", "capacity for generation at full output"),
    number("ica_overall_load_op_flex", "MW", "capacity for load with flows backwards limited"),
    number("ica_overall_pv_op_flex", "MW", "capacity for generation with flows backwards limited"),
    text("most_limiting_criteria_ug_sg", "criterion that limits uniform generation"),
    text("most_limiting_criteria_lsg", "criterion that limits load"),
    text("most_limiting_criteria_pv_sg", "criterion that limits generation by profile"),
];

pub const NEW_YORK: &[Column] = &[
    text("feeder", "feeder, or the name of the model"),
    text("der", "generation, load or both"),
    text("substation_bank_name", "substation of the model's first transformer that is one, or the bus of the source"),
    number("substation_bank_rating_mw", "MW", "rating of that transformer at power factor one; empty without one"),
    number("feeder_voltage_kv", "kV", "highest nominal voltage of the feeder's buses, without the source's where there are others"),
    number("local_minimum_hosting_capacity_mw", "MW", "lowest capacity of its buses of three phases, of all where none has three"),
    number("local_maximum_hosting_capacity_mw", "MW", "highest capacity of them"),
    text("nodal_constraints", "criteria that limit its buses, most frequent first"),
];

fn is_backwards(c: Criterion) -> bool {
    matches!(c, Criterion::ReverseFlowHead | Criterion::ReverseFlowRegulator | Criterion::ReverseFlowTransformer)
}

/// Capacity without and with limits of flows backwards, MW, and the criterion.
fn figures(s: &SiteResult) -> (Option<f64>, Option<f64>, Value) {
    let (Some(found), Some(site)) = (&s.found, &s.site) else { return (None, None, Value::Empty) };
    let overall = s.capacity_kw().map(|kw| kw / 1e3);
    let criterion = found.crossing.map_or(Value::Empty, |c| Value::Text(c.criterion.name().to_owned()));
    if !found.criteria.iter().any(|(c, _)| is_backwards(c)) {
        return (overall, None, criterion);
    }
    // Without those limits the capacity is known where each criterion was searched alone.
    let others: Vec<Option<u32>> = found.alone.iter().filter(|a| !is_backwards(a.0)).map(|a| a.1).collect();
    let free = others.iter().flatten().min().map(|k| f64::from(k.saturating_sub(1)) * site.step_kw / 1e3);
    (free.filter(|_| !found.alone.is_empty()), overall, criterion)
}

/// Substation, its rating in MW, and the voltage of the source.
fn substation(network: &Network) -> (String, Option<f64>, Option<f64>) {
    let source = network.supply_buses().first().copied();
    let kv = source.and_then(|b| network.bus(b).kv_base_ll());
    match network.transformers.iter().find(|t| t.is_substation && t.common.enabled) {
        Some(t) => {
            let name = if t.substation.is_empty() { &t.common.name } else { &t.substation };
            (name.clone(), t.windings.first().map(|w| w.kva / 1e3), kv)
        }
        None => (source.map_or_else(String::new, |b| network.bus(b).name.clone()), None, kv),
    }
}

fn of(x: Option<f64>) -> Value {
    x.filter(|x| x.is_finite()).map_or(Value::Empty, Value::Number)
}

/// The California form of the results of one network: for generation, for load, or both; `by_profile` tells that output followed a profile.
pub fn california(results: &[&HostingResult], by_profile: bool) -> Table {
    let mut rows = Vec::new();
    if let Some(first) = results.first() {
        let network = first.circuit.network();
        let graph = Graph::new(network);
        let tree = graph.reach(&network.supply_buses());
        let (substation_name, _, source_kv) = substation(network);
        let by_bus = |der: Der| -> HashMap<&str, &SiteResult> {
            let of_der = results.iter().filter(|r| r.der == der);
            of_der.flat_map(|r| &r.sites).map(|s| (s.bus.as_str(), s)).collect()
        };
        let (generation, load) = (by_bus(Der::Generation), by_bus(Der::Load));
        for link in graph.links.iter().filter(|l| l.element.kind == ElementKind::Line && l.is_closed) {
            let depth = |b: BusId| tree.depth[b.index()];
            if depth(link.from) == u32::MAX {
                continue;
            }
            let far = if depth(link.from) > depth(link.to) { link.from } else { link.to };
            let bus = network.bus(far);
            let common = network.common(link.element);
            let none = (None, None, Value::Empty);
            let (gen_free, gen_flex, gen_why) = generation.get(bus.name.as_str()).map_or(none.clone(), |s| figures(s));
            let (load_free, load_flex, load_why) = load.get(bus.name.as_str()).map_or(none, |s| figures(s));
            let nodes: Vec<u32> = common.terminals.first().map_or_else(Vec::new, |t| t.nodes.clone());
            let circuit_name = if common.feeder.is_empty() { &network.name } else { &common.feeder };
            let (uniform, pv) = if by_profile { (None, gen_free) } else { (gen_free, None) };
            let (why_uniform, why_pv) = if by_profile { (Value::Empty, gen_why) } else { (gen_why, Value::Empty) };
            rows.push(vec![
                Value::Text(common.name.clone()),
                Value::Text(bus.name.clone()),
                Value::Text(network.name.clone()),
                Value::Text(substation_name.clone()),
                Value::Text(circuit_name.clone()),
                of(source_kv),
                of(bus.kv_base_ll()),
                Value::Text(super::sites::phase_letters(&nodes)),
                of(load_free),
                of(pv),
                of(uniform),
                of(load_flex),
                of(gen_flex),
                why_uniform,
                load_why,
                why_pv,
            ]);
        }
    }
    Table { name: "map_california", meaning: "hosting capacity by line section, as California's maps have it", columns: CALIFORNIA, rows }
}

/// The New York form: lowest and highest by feeder.
pub fn new_york(results: &[&HostingResult]) -> Table {
    let mut rows = Vec::new();
    for result in results {
        let network = result.circuit.network();
        let (substation_name, rating_mw, _) = substation(network);
        let sources = network.supply_buses();
        let mut feeder_of: HashMap<BusId, &str> = HashMap::new();
        for line in network.lines.iter().filter(|l| !l.common.feeder.is_empty()) {
            line.common.terminals.iter().for_each(|t| {
                feeder_of.insert(t.bus, &line.common.feeder);
            });
        }
        let mut feeders: BTreeMap<&str, Vec<&SiteResult>> = BTreeMap::new();
        for s in result.sites.iter().filter(|s| s.found.is_some()) {
            let bus = network.bus_id(&s.bus);
            let feeder = bus.and_then(|b| feeder_of.get(&b).copied()).unwrap_or(&network.name);
            feeders.entry(feeder).or_default().push(s);
        }
        for (feeder, sites) in feeders {
            let three: Vec<&SiteResult> = sites.iter().copied().filter(|s| s.site.as_ref().is_some_and(|s| s.phases.len() == 3)).collect();
            let counted = if three.is_empty() { &sites } else { &three };
            let mw: Vec<f64> = counted.iter().filter_map(|s| s.capacity_kw()).map(|kw| kw / 1e3).collect();
            let kv_of = |s: &SiteResult| network.bus_id(&s.bus).and_then(|b| network.bus(b).kv_base_ll());
            let is_source = |s: &SiteResult| network.bus_id(&s.bus).is_some_and(|b| sources.contains(&b));
            let below: Vec<f64> = sites.iter().filter(|s| !is_source(s)).filter_map(|s| kv_of(s)).collect();
            let all = || sites.iter().filter_map(|s| kv_of(s)).collect::<Vec<_>>();
            let kv = if below.is_empty() { all() } else { below }.into_iter().reduce(f64::max);
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for c in sites.iter().filter_map(|s| s.crossing()) {
                *counts.entry(c.criterion.name()).or_default() += 1;
            }
            let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
            counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            let constraints = counts.iter().map(|c| c.0).collect::<Vec<_>>().join(", ");
            rows.push(vec![
                Value::Text(feeder.to_owned()),
                Value::Text(result.der.word().to_owned()),
                Value::Text(substation_name.clone()),
                of(rating_mw),
                of(kv),
                of(mw.iter().copied().reduce(f64::min)),
                of(mw.iter().copied().reduce(f64::max)),
                if constraints.is_empty() { Value::Empty } else { Value::Text(constraints) },
            ]);
        }
    }
    Table { name: "map_new_york", meaning: "hosting capacity by feeder, as New York's maps have it", columns: NEW_YORK, rows }
}
