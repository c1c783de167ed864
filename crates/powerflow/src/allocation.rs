//! Load allocation: scaling loads until the currents at the meters are met.
//!
//! A meter that knows its peak currents compares them with the solved currents of
//! its terminal, phase by phase; the ratio multiplies the allocation factor of
//! every load in its zone that was sized by its transformer's rating or by its
//! energy. A one-phase load takes the ratio of its phase, another the mean.
//! Within the zone of a meter, a sensor with currents takes the meter's place for
//! what lies beyond it. Solve, scale and solve again, as often as
//! `allocation_iterations` says; the loads stand in the system matrix as they did
//! at first, which decides where iterations of loose tolerance stop.
//!
//! Source of the method: OpenDSS, command `AllocateLoads`.

use crate::session::Session;
use network::{
    BusId, ElementId, ElementKind, Engine, EngineError, LoadBasis, ModeOfChange, Network, OperatingPoint, SolutionMode, SolveReport,
};
use std::collections::{HashMap, HashSet, VecDeque};

/// A place where currents are measured.
struct Meter {
    element: ElementId,
    terminal: usize,
    measured_a: Vec<f64>,
    /// Loads beyond it are allocated; a sensor only measures for those in the zone of a meter.
    opens_zone: bool,
}

/// Scales the loads of `network` and reports their factors as changes.
pub(crate) fn allocate_loads(session: &mut Session, network: &Network) -> Result<SolveReport, EngineError> {
    let mut network = network.clone();
    network.options.load_multiplier = 1.0;
    network.options.mode = SolutionMode::Snapshot;
    let meters = meters(&network);
    let zones = zones(&network, &meters);
    session.keep_load_admittances(false);
    let mut report = session.solve(&network)?;
    let mut factors: HashMap<ElementId, f64> = HashMap::new();
    // What the controls do in an early solution lasts, though the last one finds it done.
    let mut moved = Vec::new();
    for _ in 0..network.options.allocation_iterations {
        apply(&mut network, &report.operating_point);
        moved.append(&mut report.operating_point.changes);
        for (meter, zone) in meters.iter().zip(&zones) {
            let ratios = ratios(session, meter);
            let mean = if ratios.is_empty() { 1.0 } else { ratios.iter().sum::<f64>() / ratios.len() as f64 };
            for &id in zone {
                let load = &mut network.loads[id.index()];
                let ratio = if load.common.n_phases == 1 {
                    let node = load.common.terminals[0].nodes[0] as usize;
                    ratios.get(node.wrapping_sub(1)).copied().unwrap_or(mean)
                } else {
                    mean
                };
                if let Some(factor) = scale(load, ratio) {
                    factors.insert(id, factor);
                }
            }
        }
        session.keep_load_admittances(true);
        let solved = session.solve(&network);
        session.keep_load_admittances(false);
        report = solved?;
    }
    let mut changed: Vec<_> = factors.into_iter().map(|(id, factor)| (id, ModeOfChange::AllocationFactor(factor))).collect();
    changed.sort_by_key(|(id, _)| *id);
    moved.append(&mut report.operating_point.changes);
    moved.extend(changed);
    report.operating_point.changes = moved;
    Ok(report)
}

/// Takes taps and steps of a solution into the network, so that the next one starts from them.
fn apply(network: &mut Network, point: &OperatingPoint) {
    for (id, change) in &point.changes {
        match change {
            ModeOfChange::Tap { winding, tap_pu } => network.transformers[id.index()].windings[*winding].tap_pu = *tap_pu,
            ModeOfChange::CapacitorSteps(steps) => network.capacitors[id.index()].steps.clone_from(steps),
            ModeOfChange::Storage { stored_kwh, state } => {
                let unit = &mut network.storages[id.index()];
                (unit.energy_stored_kwh, unit.mode) = (*stored_kwh, *state);
            }
            ModeOfChange::Closed { terminal, closed } => network.common_mut(*id).terminals[*terminal].closed.clone_from(closed),
            _ => {}
        }
    }
}

/// Multiplies a load's allocation factor and works out its size anew; `None` when the size was given outright.
///
/// The size follows from rating or energy with the present power factor. Before, it may have followed from another:
/// a power factor that is set after the rating does not change the size.
fn scale(load: &mut network::Load, ratio: f64) -> Option<f64> {
    let pf = load.power_factor;
    let (p_kw, factor) = match &mut load.basis {
        LoadBasis::Given => return None,
        LoadBasis::TransformerKva { kva, allocation_factor } => {
            *allocation_factor *= ratio;
            (*kva * *allocation_factor * pf.abs(), *allocation_factor)
        }
        LoadBasis::Energy { kwh, days, c_factor } => {
            *c_factor *= ratio;
            (*kwh / (*days * 24.0) * *c_factor, *c_factor)
        }
    };
    load.p_kw = p_kw;
    load.q_kvar = p_kw * (1.0 / (pf * pf) - 1.0).sqrt() * pf.signum();
    Some(factor)
}

/// Energy meters, which open zones, and sensors, which do not.
fn meters(network: &Network) -> Vec<Meter> {
    let energy = network.energy_meters.iter().filter(|m| m.common.enabled && !m.peak_current_a.is_empty());
    let energy = energy
        .filter_map(|m| Some(Meter { element: m.element?, terminal: m.terminal, measured_a: m.peak_current_a.clone(), opens_zone: true }));
    let sensors = network.sensors.iter().filter(|s| s.common.enabled);
    let sensors =
        sensors.filter_map(|s| Some(Meter { element: s.element?, terminal: s.terminal, measured_a: s.i_a.clone()?, opens_zone: false }));
    energy.chain(sensors).collect()
}

/// Measured over solved current of each phase.
fn ratios(session: &Session, meter: &Meter) -> Vec<f64> {
    let Some(state) = session.last_state() else { return Vec::new() };
    let Some(index) = state.circuit().index_of(meter.element) else { return Vec::new() };
    let e = &state.circuit().elements()[index];
    let n_phases = state.circuit().network().common(meter.element).n_phases;
    let i = state.element_currents(index);
    (0..n_phases.min(meter.measured_a.len()))
        .map(|p| {
            let solved = i[meter.terminal * e.n_conductors + p].norm();
            if solved > 0.0 { meter.measured_a[p] / solved } else { 1.0 }
        })
        .collect()
}

/// Loads that each meter or sensor measures; what a meter further down measures is not the upper one's.
fn zones(network: &Network, meters: &[Meter]) -> Vec<Vec<ElementId>> {
    let mut at_bus: HashMap<BusId, Vec<ElementId>> = HashMap::new();
    for &id in &network.order {
        let delivers = matches!(
            id.kind,
            ElementKind::Line | ElementKind::Transformer | ElementKind::Capacitor | ElementKind::Reactor | ElementKind::Load
        );
        if delivers && network.common(id).enabled {
            for t in &network.common(id).terminals {
                at_bus.entry(t.bus).or_default().push(id);
            }
        }
    }
    let metered: HashSet<ElementId> = meters.iter().filter(|m| m.opens_zone).map(|m| m.element).collect();
    let sensed: HashMap<ElementId, usize> = meters.iter().enumerate().filter(|(_, m)| !m.opens_zone).map(|(k, m)| (m.element, k)).collect();
    let mut zones = vec![Vec::new(); meters.len()];
    for (own, meter) in meters.iter().enumerate().filter(|(_, m)| m.opens_zone) {
        let terminals = &network.common(meter.element).terminals;
        let mut seen: HashSet<BusId> = terminals.get(meter.terminal).map(|t| t.bus).into_iter().collect();
        let mut used: HashSet<ElementId> = [meter.element].into();
        let beyond = terminals.iter().enumerate().filter(|(k, _)| *k != meter.terminal);
        let mut queue: VecDeque<(BusId, usize)> = beyond.map(|(_, t)| (t.bus, own)).collect();
        while let Some((bus, measured_by)) = queue.pop_front() {
            if !seen.insert(bus) {
                continue;
            }
            for &id in at_bus.get(&bus).map_or(&[][..], |v| v) {
                if !used.insert(id) || metered.contains(&id) {
                    continue;
                }
                let measured_by = sensed.get(&id).copied().unwrap_or(measured_by);
                if id.kind == ElementKind::Load {
                    zones[measured_by].push(id);
                } else {
                    // An open end leads nowhere.
                    let common = network.common(id);
                    queue.extend(common.terminals.iter().filter(|t| t.closed.iter().any(|c| *c)).map(|t| (t.bus, measured_by)));
                }
            }
        }
    }
    zones
}
