//! The customers of a network: how many at each load, of which class, behind which transformer.

use network::scenario::{Allocation, Scenario, ScenarioData, fits};
use network::{ElementId, ElementKind, Graph, Network, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// Class of a load that nothing says one of.
pub const UNKNOWN: &str = "unknown";

/// Beginnings of shape names, and the class that they stand for.
const CLASS_OF_SHAPE: [(&str, &str); 10] = [
    ("residential", "residential"),
    ("commercial", "commercial"),
    ("office", "commercial"),
    ("retail", "commercial"),
    ("food", "commercial"),
    ("school", "commercial"),
    ("industrial", "industrial"),
    ("agricultural", "agricultural"),
    ("irrigation", "agricultural"),
    ("dairy", "agricultural"),
];

/// A load and its customers.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Position among the network's loads.
    pub load: usize,
    pub name: String,
    pub customers: u32,
    pub class: String,
    /// The nearest transformer towards the supply that changes the voltage.
    pub transformer: Option<usize>,
    pub feeder: String,
}

/// All loads in service.
#[derive(Clone, Debug)]
pub struct Sites {
    pub all: Vec<Site>,
}

/// A transformer that changes the voltage, as a regulator does not.
fn changes_voltage(network: &Network, id: ElementId) -> bool {
    if id.kind != ElementKind::Transformer {
        return false;
    }
    let windings = &network.transformers[id.index()].windings;
    let (Some(first), Some(last)) = (windings.first(), windings.last()) else { return false };
    (first.kv / last.kv.max(1e-12) - 1.0).abs() > 0.05
}

impl Sites {
    pub fn new(network: &Network, scenario: &Scenario) -> Self {
        let graph = Graph::new(network);
        let tree = graph.reach(&network.supply_buses());
        let transformer = |load: usize| transformer_of(network, &graph, &tree, load);
        let all = network
            .loads
            .iter()
            .enumerate()
            .filter(|(_, l)| l.common.enabled)
            .map(|(load, l)| Site {
                load,
                name: l.common.name.clone(),
                customers: customers(l.n_customers, l.p_kw, scenario.customers.kw_per_customer),
                class: class(network, load, scenario),
                transformer: transformer(load),
                feeder: if l.common.feeder.is_empty() { network.name.clone() } else { l.common.feeder.clone() },
            })
            .collect();
        Self { all }
    }

    /// Customers by class.
    pub fn classes(&self) -> BTreeMap<&str, u32> {
        let mut out = BTreeMap::new();
        for s in &self.all {
            *out.entry(s.class.as_str()).or_insert(0) += s.customers;
        }
        out
    }

    pub fn customers(&self) -> u32 {
        self.all.iter().map(|s| s.customers).sum()
    }

    pub fn feeders(&self) -> BTreeSet<&str> {
        self.all.iter().map(|s| s.feeder.as_str()).collect()
    }

    /// Positions of the sites that an allocation admits.
    pub fn admitted(&self, network: &Network, a: &Allocation) -> Vec<usize> {
        let any = |patterns: &[String], name: &str| patterns.is_empty() || patterns.iter().any(|p| fits(p, name));
        let of_transformer = |t: Option<usize>| match t {
            _ if a.transformers.is_empty() => true,
            Some(t) => any(&a.transformers, &network.transformers[t].common.name),
            None => false,
        };
        let admits = |s: &Site| {
            any(&a.feeders, &s.feeder)
                && any(&a.loads, &s.name)
                && (a.classes.is_empty() || a.classes.iter().any(|c| c.eq_ignore_ascii_case(&s.class)))
                && of_transformer(s.transformer)
        };
        (0..self.all.len()).filter(|&i| admits(&self.all[i])).collect()
    }

    /// Weight of a customer at a site; 1 unless the allocation says otherwise.
    pub fn weight(&self, site: usize, a: &Allocation, data: &ScenarioData) -> f64 {
        let s = &self.all[site];
        let by_class = a.propensity.iter().find(|(class, _)| class.eq_ignore_ascii_case(&s.class)).map_or(1.0, |(_, w)| *w);
        let by_load = a.weights_csv.as_ref().and_then(|f| data.weights.get(f)).map_or(1.0, |w| w.get(&s.name).copied().unwrap_or(1.0));
        by_class * by_load
    }
}

fn customers(told: u32, p_kw: f64, kw_per_customer: Option<f64>) -> u32 {
    match kw_per_customer {
        Some(kw) if told <= 1 => (p_kw / kw).round().clamp(1.0, 1e6) as u32,
        _ => told.max(1),
    }
}

fn class(network: &Network, load: usize, scenario: &Scenario) -> String {
    let l = &network.loads[load];
    let shape = l.shapes.yearly.or(l.shapes.daily).map_or("", |id| network.load_shapes[id.index()].name.as_str());
    let rules = &scenario.customers.classes;
    let told = rules.iter().find(|r| {
        r.loads.iter().any(|p| fits(p, &l.common.name))
            || r.shapes.iter().any(|p| fits(p, shape))
            || r.numbers.contains(&i64::from(l.class))
    });
    if let Some(rule) = told {
        return rule.class.clone();
    }
    let shape = shape.to_lowercase();
    CLASS_OF_SHAPE.iter().find(|(begin, _)| shape.starts_with(begin)).map_or(UNKNOWN, |c| c.1).to_owned()
}

fn transformer_of(network: &Network, graph: &Graph, tree: &Tree, load: usize) -> Option<usize> {
    let bus = network.loads[load].common.terminals.first()?.bus;
    tree.to_root(bus).map(|(_, link)| graph.links[link as usize].element).find(|&id| changes_voltage(network, id)).map(|id| id.index())
}
