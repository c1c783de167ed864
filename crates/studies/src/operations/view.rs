//! The network as nodes and edges, for a picture and for whoever chooses routes. Nothing here is a second model: every row names what it stands for.

use crate::switching::zones::{Switches, Zones};
use network::graph::Graph;
use network::{BusId, ElementId, ElementKind};
use powerflow::State;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// What stands at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A source or a generator of the model.
    Generator,
    Load,
    /// Neither: a joint of lines.
    Joint,
}

/// A bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    pub bus: String,
    pub kind: NodeKind,
    pub x: Option<f64>,
    pub y: Option<f64>,
    /// Line to line.
    pub v_base_kv: Option<f64>,
    /// Full names of what draws or delivers here.
    pub loads: Vec<String>,
    pub generators: Vec<String>,
}

/// What joins two buses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeView {
    /// `class.name`.
    pub element: String,
    pub from: String,
    pub to: String,
    pub is_closed: bool,
    /// A switch of the model, or what stands open.
    pub can_switch: bool,
    pub rating_a: Option<f64>,
}

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub network: String,
    pub nodes: Vec<NodeView>,
    pub edges: Vec<EdgeView>,
}

/// Nodes and edges of a state's network, switches as they stand in the state.
pub fn view(state: &State, which: Switches) -> View {
    let network = state.circuit().network();
    let graph = Graph::new(network);
    let zones = Zones::new(state, which, &HashSet::new());
    let switched: HashSet<ElementId> = zones.switches.iter().map(|s| s.element).collect();
    let nodes = (0..network.buses.len()).map(|i| {
        let bus = &network.buses[i];
        let here = graph.elements_at(BusId::from(i));
        let named = |kinds: &[ElementKind]| -> Vec<String> {
            here.iter().filter(|id| kinds.contains(&id.kind) && network.in_service(**id)).map(|&id| network.full_name(id)).collect()
        };
        let loads = named(&[ElementKind::Load]);
        let generators = named(&[
            ElementKind::VoltageSource,
            ElementKind::Generator,
            ElementKind::PvSystem,
            ElementKind::Storage,
            ElementKind::InductionMachine,
        ]);
        let is_supply =
            here.iter().any(|id| matches!(id.kind, ElementKind::VoltageSource | ElementKind::Generator) && network.in_service(*id));
        let kind = match (is_supply, loads.is_empty()) {
            (true, _) => NodeKind::Generator,
            (_, false) => NodeKind::Load,
            _ => NodeKind::Joint,
        };
        let (x, y) = bus.xy.unzip();
        NodeView { bus: bus.name.clone(), kind, x, y, v_base_kv: bus.kv_base_ll(), loads, generators }
    });
    let nodes = nodes.collect();
    let edges = graph.links.iter().map(|link| {
        let rating = network.common(link.element).rating.normal_a;
        EdgeView {
            element: network.full_name(link.element),
            from: network.bus(link.from).name.clone(),
            to: network.bus(link.to).name.clone(),
            is_closed: is_closed(state, link.element, [link.from_terminal, link.to_terminal]),
            can_switch: switched.contains(&link.element),
            rating_a: (rating > 0.0).then_some(rating),
        }
    });
    View { network: network.name.clone(), nodes, edges: edges.collect() }
}

/// Whether an element is in service and has a closed phase at both ends.
pub(super) fn is_closed(state: &State, id: ElementId, terminals: [u16; 2]) -> bool {
    let common = state.circuit().network().common(id);
    let n = common.n_phases.min(common.n_conductors());
    state.circuit().index_of(id).is_some() && terminals.iter().all(|&t| (0..n).any(|c| state.is_closed(id, usize::from(t), c)))
}
