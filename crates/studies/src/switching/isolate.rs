//! What an outage takes: the element alone, or all that the nearest switches part with it.

use super::operator::{Operation, Operator, opening};
use super::zones::{Switches, Zones};
use network::{ElementId, ElementKind};
use powerflow::CircuitError;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// How an outage is parted from the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// The element alone is out, as planning takes it: all its terminals are open.
    Element,
    /// A fault on the element: its zone is out, and the switches around it are opened.
    #[default]
    Switches,
}

/// A network with an outage parted from it.
pub struct Isolated {
    /// None where no source is left.
    pub operator: Option<Operator>,
    /// Zones without what is out.
    pub zones: Zones,
    /// Zones that wait for the repair.
    pub is_faulted: Vec<bool>,
    /// What the outage itself opens: the terminals of the elements.
    pub outage: Vec<Operation>,
    /// Switches that are opened around the faulted zones.
    pub isolation: Vec<Operation>,
    /// Sources that stand in a faulted zone, and elements that carry nothing through, such as generators.
    pub removed: Vec<ElementId>,
}

impl Isolated {
    /// All operations that lead from the base to the isolated network.
    pub fn operations(&self) -> Vec<Operation> {
        self.outage.iter().chain(&self.isolation).copied().collect()
    }

    /// Zones that have supply after the isolation.
    pub fn reached(&self) -> Vec<bool> {
        let opened: HashSet<(ElementId, usize)> = self.isolation.iter().map(|o| (o.element, o.terminal)).collect();
        let is_closed = |s: usize| {
            let switch = &self.zones.switches[s];
            switch.is_closed && !opened.contains(&(switch.element, switch.terminal))
        };
        self.zones.reached(is_closed, |z| !self.is_faulted[z])
    }
}

/// Parts an outage of elements from the network.
///
/// # Errors
/// A circuit that cannot be compiled or factored.
pub fn isolate(operator: &Operator, elements: &[ElementId], how: Isolation, switches: Switches) -> Result<Isolated, CircuitError> {
    let network = operator.network();
    let (mut outage, mut removed, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for &id in elements {
        match (opening(network, id), how) {
            (Some(_), Isolation::Switches) => faults.push(id),
            (Some(operations), Isolation::Element) => outage.extend(operations),
            (None, _) => removed.push(id),
        }
    }
    let mut gone: HashSet<ElementId> = removed.iter().copied().collect();
    gone.extend(outage.iter().map(|o| o.element));
    let mut zones = Zones::new(operator.base(), switches, &gone);
    let mut is_faulted = vec![false; zones.n];
    for &id in &faults {
        if let Some(zone) = zones.of_element(network, id) {
            is_faulted[zone] = true;
        }
    }
    let in_faulted = |id: &ElementId| zones.of_element(network, *id).is_some_and(|z| is_faulted[z]);
    let sources: Vec<ElementId> = network.ids(ElementKind::VoltageSource).filter(|id| network.common(*id).enabled).collect();
    let dead_sources: Vec<ElementId> = sources.into_iter().filter(|id| !gone.contains(id)).filter(in_faulted).collect();
    removed.extend(dead_sources);
    zones.sources.retain(|&z| !is_faulted[z]);
    let around = zones.switches.iter().filter(|s| s.is_closed && is_faulted[s.between.0] != is_faulted[s.between.1]);
    let isolation = around.map(|s| Operation { element: s.element, terminal: s.terminal, close: false }).collect();
    Ok(Isolated { operator: operator.without(&removed)?, zones, is_faulted, outage, isolation, removed })
}
