//! The bound's graph of a network, where the bound holds: balanced, radial, lines without charging, loads of constant power.

use super::bound::{LEAST_SHARE, Way, Ways};
use super::routing::Routing;
use super::telemetry::terminal_kva;
use crate::hosting::criteria::{Criterion, SLACK};
use network::{BusId, ElementId, ElementKind, Line, LineImpedance, LoadModel, Network};
use num_complex::Complex64;
use std::collections::{BTreeSet, HashMap};

/// Part of the power that may be missing at a bus by rounding before it counts as delivering.
const ROUNDING: f64 = 1e-9;

/// Positive-sequence series impedance of a whole three-phase line, ohm; none where its phases are not alike, it has charging, or its data are of
/// another kind.
pub fn balanced_impedance(line: &Line) -> Option<Complex64> {
    let near = |a: Complex64, b: Complex64, size: f64| (a - b).norm() <= ROUNDING * size;
    let per_length = match &line.impedance {
        LineImpedance::Sequence { z1_ohm, c1_nf, c0_nf, .. } => (*c1_nf == 0.0 && *c0_nf == 0.0).then_some(*z1_ohm)?,
        LineImpedance::Matrix { z_ohm, c_nf } if z_ohm.len() == 9 => {
            let size = z_ohm[0].norm();
            let alike = [4, 8].iter().all(|&k| near(z_ohm[k], z_ohm[0], size))
                && [2, 3, 5, 6, 7].iter().all(|&k| near(z_ohm[k], z_ohm[1], size))
                && c_nf.iter().all(|c| *c == 0.0);
            alike.then(|| z_ohm[0] - z_ohm[1])?
        }
        _ => return None,
    };
    (line.common.n_phases == 3).then(|| per_length * line.length * line.unit_factor)
}

/// The graph, or why there is none: all reasons.
///
/// # Errors
/// What in the network the bound does not hold for, in words.
pub fn ways(routing: &Routing) -> Result<Ways, Vec<String>> {
    let operator = &routing.operator;
    let state = operator.base();
    let network = operator.network();
    let mut reasons = BTreeSet::new();
    let supplied = |bus: BusId| routing.graph.is_supplied(routing.graph.zones.of_bus(bus));
    let mut vertex: HashMap<BusId, usize> = network.supply_buses().into_iter().map(|b| (b, 0)).collect();
    for bus in (0..network.buses.len()).map(BusId::from).filter(|&b| supplied(b)) {
        let next = vertex.values().copied().max().unwrap_or(0) + 1;
        vertex.entry(bus).or_insert(next);
    }
    let mut switch_of: HashMap<ElementId, usize> = HashMap::new();
    for e in 0..routing.graph.edges.len() {
        let id = routing.graph.operation(e, true).element;
        if switch_of.insert(id, e).is_some() {
            reasons.insert(format!("{} has a switch at both ends", network.full_name(id)));
        }
    }
    let n = vertex.values().copied().max().unwrap_or(0) + 1;
    let (mut p_kw, mut q_kvar, mut ways, mut e_kv) = (vec![0.0; n], vec![0.0; n], Vec::new(), 0.0_f64);
    let lowest_pu = lowest_admissible_pu(routing);
    if lowest_pu.is_none() {
        reasons.insert("limits of voltage do not count, so loads may leave the band within which their power is constant".into());
    }
    for e in state.circuit().elements() {
        let name = || network.full_name(e.id);
        let terminals = &network.common(e.id).terminals;
        let Some(at) = terminals.first().map(|t| t.bus) else { continue };
        match e.id.kind {
            ElementKind::VoltageSource => {
                let s = &network.voltage_sources[e.id.index()];
                if s.common.n_phases != 3 {
                    reasons.insert(format!("{} has not three phases", name()));
                }
                e_kv = e_kv.max(s.base_kv * s.v_pu);
            }
            ElementKind::Line => {
                let Some(ends) = (terminals.len() == 2).then(|| (terminals[0].bus, terminals[1].bus)) else { continue };
                let (Some(&a), Some(&b)) = (vertex.get(&ends.0), vertex.get(&ends.1)) else { continue };
                let stands_open = (0..2).any(|t| (0..3).all(|c| !state.is_closed(e.id, t, c)));
                let switch = switch_of.get(&e.id).copied();
                if a == b || (stands_open && switch.is_none()) {
                    continue;
                }
                let z = balanced_impedance(&network.lines[e.id.index()]).filter(|z| z.re > 0.0 && z.im >= 0.0);
                let Some(z) = z.filter(|_| is_plain(network, e.id)) else {
                    reasons.insert(format!("{} is not a balanced line without charging", name()));
                    continue;
                };
                let rating_a = network.common(e.id).rating.normal_a;
                let heat = if rating_a > 0.0 { routing.risk(e.id) / (3.0 * rating_a * rating_a) } else { 0.0 };
                let cost = z.re / 1e3 + routing.options.risk_weight * heat;
                ways.push(Way { a, b, r_ohm: z.re, x_ohm: z.im, cost_kw_per_a2: cost, switch });
            }
            ElementKind::Load | ElementKind::PvSystem | ElementKind::Generator => {
                let Some(&v) = vertex.get(&at) else { continue };
                let is_three_phase = network.common(e.id).n_phases == 3 && [1, 2, 3].iter().all(|n| terminals[0].nodes.contains(n));
                if !is_three_phase || !is_constant(network, e.id, lowest_pu) {
                    reasons
                        .insert(format!("{} is not of constant power on three phases alike at all voltages that are admissible", name()));
                }
                let (p, q) = terminal_kva(state, e.id).first().copied().unwrap_or_default();
                (p_kw[v], q_kvar[v]) = (p_kw[v] + p, q_kvar[v] + q);
            }
            _ => {
                reasons.insert(format!("{} is neither a line nor a load", name()));
            }
        }
    }
    for (&bus, &v) in &vertex {
        let size = p_kw[v].abs().max(q_kvar[v].abs());
        if v > 0 && (p_kw[v] < -ROUNDING * size || q_kvar[v] < -ROUNDING * size) {
            reasons.insert(format!("bus {} delivers power", network.bus(bus).name));
        }
        (p_kw[v], q_kvar[v]) = (p_kw[v].max(0.0), q_kvar[v].max(0.0));
    }
    (p_kw[0], q_kvar[0]) = (0.0, 0.0);
    let total: f64 = ways.iter().map(|w: &Way| w.cost_kw_per_a2).sum();
    if ways.iter().any(|w| w.cost_kw_per_a2 < LEAST_SHARE * total) {
        reasons.insert("impedances of lines lie too far apart".into());
    }
    let controls =
        network.inverter_controls.iter().any(|c| c.common.enabled) || network.exponential_controls.iter().any(|c| c.common.enabled);
    if controls {
        reasons.insert("controls of inverters move power with voltage".into());
    }
    if reasons.is_empty() { Ok(Ways { p_kw, q_kvar, ways, e_kv }) } else { Err(reasons.into_iter().collect()) }
}

/// A line whose data hold at the frequency of the solution as they are.
fn is_plain(network: &Network, id: ElementId) -> bool {
    let o = &network.options;
    network.common(id).base_frequency_hz == o.frequency_hz && !o.long_line_correction && !o.positive_sequence
}

/// Lowest voltage of an admissible configuration; none where voltages may fall freely.
fn lowest_admissible_pu(routing: &Routing) -> Option<f64> {
    let limit = routing.operator.judge().criteria.limit(Criterion::UnderVoltage).filter(|_| routing.options.keep_limits)?;
    let today = routing.operator.base_condition.lowest_v.map_or(limit, |v| v.0);
    Some(limit.min(today) - 2.0 * SLACK)
}

/// Whether an element draws or delivers the same power at every admissible voltage: from the lowest to that of the sources.
fn is_constant(network: &Network, id: ElementId, lowest_pu: Option<f64>) -> bool {
    let i = id.index();
    let base_kv = network.common(id).terminals.first().and_then(|t| network.bus(t.bus).kv_base_ll());
    let source_kv = network.voltage_sources.iter().filter(|s| s.common.enabled).map(|s| s.base_kv * s.v_pu).fold(0.0, f64::max);
    let (Some(base_kv), Some(lowest)) = (base_kv, lowest_pu) else { return lowest_pu.is_none() };
    let within = |kv: f64, v_min_pu: f64, v_max_pu: f64| v_min_pu * kv <= lowest * base_kv && source_kv <= v_max_pu * kv;
    match id.kind {
        ElementKind::Load => {
            let l = &network.loads[i];
            l.model == LoadModel::ConstantPq && l.unknown_model.is_none() && within(l.kv, l.v_min_pu, l.v_max_pu)
        }
        ElementKind::PvSystem => {
            let pv = &network.pv_systems[i];
            let inverter = &pv.inverter;
            inverter.model == 1 && !inverter.limit_current && within(pv.kv, inverter.v_min_pu, inverter.v_max_pu)
        }
        ElementKind::Generator => {
            let g = &network.generators[i];
            g.model == 1 && within(g.kv, g.v_min_pu, g.v_max_pu)
        }
        _ => false,
    }
}
