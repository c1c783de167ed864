//! Terminal rows of all elements, controls and meters among them.
//!
//! OpenDSS lists controls and meters beside the elements that carry current: with the conductors
//! that they watch, and zeros. Result files that are compared with its own need those rows, too.

use network::{BusId, CapacitorControlType, ElementId, ElementKind, Network, Terminal};
use num_complex::Complex64;
use powerflow::{Solution, TerminalRow};
use std::collections::HashMap;

/// Rows of every enabled element in the order of creation.
pub fn element_rows(network: &Network, solution: &Solution) -> Vec<TerminalRow> {
    let carrying = solution.elements();
    let mut at: HashMap<&str, std::ops::Range<usize>> = HashMap::new();
    for (i, row) in carrying.iter().enumerate() {
        at.entry(&row.element).or_insert(i..i).end = i + 1;
    }
    let mut rows = Vec::with_capacity(carrying.len());
    for &id in &network.order {
        let element = network.full_name(id);
        if let Some(range) = at.get(element.as_str()) {
            rows.extend_from_slice(&carrying[range.clone()]);
        } else if network.common(id).enabled {
            let (bus, nodes) = watched(network, id).unwrap_or((BusId(0), Vec::new()));
            for (k, node) in nodes.into_iter().enumerate() {
                rows.push(TerminalRow {
                    element: element.clone(),
                    terminal: 1,
                    conductor: k + 1,
                    node: format!("{}.{node}", network.bus(bus).name),
                    i_a: Complex64::ZERO,
                    p_kw: 0.0,
                    q_kvar: 0.0,
                });
            }
        }
    }
    rows
}

/// Bus and nodes that a control or meter is said to be at; none for other elements and where it watches nothing.
fn watched(network: &Network, id: ElementId) -> Option<(BusId, Vec<u32>)> {
    let i = id.index();
    // Phases alone, or every conductor.
    let phases = |element: Option<ElementId>, terminal: usize| {
        let element = element?;
        let common = network.common(element);
        let t: &Terminal = common.terminals.get(terminal)?;
        Some((t.bus, t.nodes.iter().take(common.n_phases).copied().collect()))
    };
    let conductors = |element: Option<ElementId>, terminal: usize| {
        let t = network.common(element?).terminals.get(terminal)?;
        Some((t.bus, t.nodes.clone()))
    };
    match id.kind {
        ElementKind::RegulatorControl => {
            let c = &network.regulator_controls[i];
            match &c.remote_bus {
                // One phase and its earth.
                Some(remote) => Some((remote.bus, vec![remote.nodes.first().copied().unwrap_or(1), 0])),
                None => phases(c.transformer, c.winding),
            }
        }
        ElementKind::CapacitorControl => {
            let c = &network.capacitor_controls[i];
            match c.control_type {
                // The clock is watched at no element; the control is said to be at its capacitor.
                CapacitorControlType::Time => phases(c.capacitor, 0),
                _ => phases(c.element.or(c.capacitor), c.terminal),
            }
        }
        ElementKind::InverterControl => phases(network.inverter_controls[i].units.first().copied(), 0),
        ElementKind::ExponentialControl => phases(network.exponential_controls[i].units.first().copied(), 0),
        ElementKind::StorageController => phases(network.storage_controllers[i].element, network.storage_controllers[i].terminal),
        ElementKind::SwitchControl => phases(network.switch_controls[i].switched, network.switch_controls[i].terminal),
        ElementKind::Fuse => phases(network.fuses[i].protection.monitored, network.fuses[i].protection.monitored_terminal),
        ElementKind::Relay => phases(network.relays[i].protection.monitored, network.relays[i].protection.monitored_terminal),
        ElementKind::Recloser => phases(network.reclosers[i].protection.monitored, network.reclosers[i].protection.monitored_terminal),
        ElementKind::Monitor => conductors(network.monitors[i].element, network.monitors[i].terminal),
        ElementKind::EnergyMeter => conductors(network.energy_meters[i].element, network.energy_meters[i].terminal),
        ElementKind::Sensor => conductors(network.sensors[i].element, network.sensors[i].terminal),
        _ => None,
    }
}
