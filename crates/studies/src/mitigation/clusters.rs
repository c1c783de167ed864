//! Violations of a series, and which of them hang together.

use crate::time_series::FeederResult;
use network::{BusId, Graph, Network};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What is violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Overload,
    LowVoltage,
    HighVoltage,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Overload => "overload",
            Self::LowVoltage => "low-voltage",
            Self::HighVoltage => "high-voltage",
        }
    }

    /// Unit of the worst value.
    pub fn unit(self) -> &'static str {
        if self == Self::Overload { "%" } else { "pu" }
    }
}

/// One element or node beyond a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Violation {
    /// `class.name` of an element, `bus.node` of a node.
    pub thing: String,
    pub kind: Kind,
    /// Hours beyond the limit.
    pub hours: f64,
    /// Loading in percent, or voltage in per unit, farthest beyond it.
    pub worst: f64,
    pub worst_hour: Option<f64>,
    pub buses: Vec<BusId>,
}

/// Violations of one kind that hang together.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    pub kind: Kind,
    /// Places among the violations, the worst first.
    pub violations: Vec<usize>,
    pub hours: f64,
}

/// Every violation of a series, in the order of elements and nodes.
pub fn violations(network: &Network, result: &FeederResult) -> Vec<Violation> {
    let mut all = Vec::new();
    for e in result.elements.iter().filter(|e| e.hours_above_normal > 0.0) {
        let buses = [Some(&e.bus_1), e.bus_2.as_ref()].into_iter().flatten().filter_map(|b| network.bus_id(b)).collect();
        all.push(Violation {
            thing: e.element.to_string(),
            kind: Kind::Overload,
            hours: e.hours_above_normal,
            worst: e.loading_max_pct.unwrap_or(f64::NAN),
            worst_hour: e.loading_max_hour,
            buses,
        });
    }
    for n in &result.nodes {
        let buses: Vec<BusId> = network.bus_id(&n.bus).into_iter().collect();
        for (kind, hours, worst, worst_hour) in
            [(Kind::LowVoltage, n.hours_below_a, n.v_min_pu, n.v_min_hour), (Kind::HighVoltage, n.hours_above_a, n.v_max_pu, n.v_max_hour)]
        {
            if hours > 0.0 {
                let worst = worst.unwrap_or(f64::NAN);
                all.push(Violation { thing: n.node.to_string(), kind, hours, worst, worst_hour, buses: buses.clone() });
            }
        }
    }
    all
}

/// The root of a tree of places, with the way to it made short.
fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// Clusters of violations, those of the most hours first.
pub fn clusters(network: &Network, violations: &[Violation]) -> Vec<Cluster> {
    let graph = Graph::new(network);
    let mut parent: Vec<usize> = (0..violations.len()).collect();
    let mut at: HashMap<(Kind, BusId), usize> = HashMap::new();
    for (i, v) in violations.iter().enumerate() {
        for &bus in &v.buses {
            match at.get(&(v.kind, bus)) {
                Some(&other) => {
                    let (a, b) = (root(&mut parent, i), root(&mut parent, other));
                    parent[a.max(b)] = a.min(b);
                }
                None => {
                    at.insert((v.kind, bus), i);
                }
            }
        }
    }
    // Nodes beside one another; elements hang together where they share a bus, which is done.
    for link in graph.links.iter().filter(|l| l.is_closed) {
        for kind in [Kind::LowVoltage, Kind::HighVoltage] {
            if let (Some(&i), Some(&j)) = (at.get(&(kind, link.from)), at.get(&(kind, link.to))) {
                let (a, b) = (root(&mut parent, i), root(&mut parent, j));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    let mut groups: HashMap<usize, Vec<usize>> = HashMap::new();
    for i in 0..violations.len() {
        groups.entry(root(&mut parent, i)).or_default().push(i);
    }
    let beyond = |v: &Violation| if v.kind == Kind::LowVoltage { -v.worst } else { v.worst };
    let mut all: Vec<Cluster> = groups
        .into_values()
        .map(|mut list| {
            list.sort_by(|&a, &b| beyond(&violations[b]).total_cmp(&beyond(&violations[a])).then(a.cmp(&b)));
            Cluster { kind: violations[list[0]].kind, hours: list.iter().map(|&i| violations[i].hours).sum(), violations: list }
        })
        .collect();
    all.sort_by(|a, b| b.hours.total_cmp(&a.hours).then(a.violations.cmp(&b.violations)));
    all
}
