//! From an estimate to what is shown: buses, elements, switches, and the figures of the station.
//!
//! # The figures
//! With the estimated powers into sources `S_s`, into loads `S_l`, into machines, solar plants and stores `S_m`, and the losses of all elements
//! between buses `P_v`:
//!
//! ```text
//! generation  G = -Σ P_s - Σ min(P_m, 0)   load  L = Σ P_l + Σ max(P_m, 0), or G - P_v where a load is not observable
//! efficiency    = 100 L / G              power factor = |P| / |P + jQ| of what the sources deliver
//! ```
//!
//! **Voltage stability** is the L index of Kessel and Glavitsch, *IEEE Trans. Power Delivery* 1 (1986), 346 to 354. With one infeed a load bus j has
//! `L_j = |1 - V0_j / V_j|`, where `V0_j` is its voltage without any load at the infeed's present voltage; L is 0 without load and 1 where the
//! voltage collapses. Shown is `100 (1 - max L)`.

use super::estimate::{Held, Reading};
use super::points::{Map, Role};
use super::view::{BusMoment, ElementMoment, EndMoment, EstimateMoment, Metrics, Origin, PhaseVoltage, Suspect, SwitchMoment};
use network::{CapacitorSize, ElementId, ElementKind, EquipmentKind, Network, ReactorImpedance, Station};
use num_complex::Complex64;
use powerflow::estimation::{Estimate, Grid, Status};
use powerflow::{Circuit, State};
use std::collections::HashMap;

fn origin(status: Status) -> Origin {
    match status {
        Status::Measured => Origin::Measured,
        Status::Estimated => Origin::Estimated,
        Status::Pseudo => Origin::Pseudo,
        Status::NotObservable => Origin::Unknown,
        Status::Dead => Origin::Dead,
    }
}

/// The least certain of several.
fn weakest(all: impl IntoIterator<Item = Origin>) -> Origin {
    let rank = |o: &Origin| match o {
        Origin::Measured => 0,
        Origin::Estimated => 1,
        Origin::Pseudo => 2,
        Origin::Dead => 3,
        Origin::Unknown => 4,
    };
    all.into_iter().max_by_key(rank).unwrap_or(Origin::Unknown)
}

pub(super) fn phase_word(node: u32) -> String {
    match node {
        1 => "A".to_owned(),
        2 => "B".to_owned(),
        3 => "C".to_owned(),
        n => n.to_string(),
    }
}

/// Mean voltage of a bus over its phases, nodes 1 to 3; a neutral beside them has next to no voltage and is none. `None` where one is not known.
pub(super) fn mean_pu(nodes: impl Iterator<Item = (u32, Option<f64>)>) -> Option<f64> {
    let all: Vec<(u32, Option<f64>)> = nodes.collect();
    let has_phases = all.iter().any(|n| n.0 <= 3);
    let phases: Option<Vec<f64>> = all.iter().filter(|n| !has_phases || n.0 <= 3).map(|n| n.1).collect();
    phases.filter(|p| !p.is_empty()).map(|p| p.iter().sum::<f64>() / p.len() as f64)
}

/// Magnitudes of positive and negative sequence of three phasors (Fortescue).
fn sequences(abc: [Complex64; 3]) -> (f64, f64) {
    let a = Complex64::from_polar(1.0, 120f64.to_radians());
    let [x, y, z] = abc;
    (((x + a * y + a * a * z) / 3.0).norm(), ((x + a * a * y + a * z) / 3.0).norm())
}

/// Buses with their voltages.
pub fn buses(circuit: &Circuit, grid: &Grid, estimate: &Estimate) -> Vec<BusMoment> {
    let network = circuit.network();
    let by_node: HashMap<u32, usize> = estimate.nodes.iter().enumerate().map(|(i, n)| (n.node, i)).collect();
    let mut all = Vec::with_capacity(network.buses.len());
    for (b, bus) in network.buses.iter().enumerate() {
        let mut nodes = circuit.bus_nodes(b.into()).to_vec();
        nodes.sort_by_key(|n| n.0);
        let phases: Vec<(PhaseVoltage, Option<Complex64>)> = nodes
            .iter()
            .filter_map(|&(at_bus, node)| {
                let n = &estimate.nodes[*by_node.get(&node)?];
                let base = grid.v_base[node as usize];
                let phasor = n.v_v.zip(n.angle_rad).map(|(v, a)| Complex64::from_polar(v.0, a.0));
                let shown = PhaseVoltage {
                    phase: phase_word(at_bus),
                    origin: origin(n.status),
                    v_kv: n.v_v.map(|v| v.0 / 1e3),
                    v_pu: n.v_v.map(|v| v.0 / base),
                    angle_deg: n.angle_rad.map(|a| a.0.to_degrees()),
                    sigma_pu: n.v_v.map(|v| v.1 / base),
                };
                Some((shown, phasor))
            })
            .collect();
        let v_pu = mean_pu(nodes.iter().filter(|n| by_node.contains_key(&n.1)).map(|n| n.0).zip(phases.iter().map(|p| p.0.v_pu)));
        // Nodes are in their order, so that a neutral comes last.
        let unbalance_pct = match (&phases[..], nodes.get(2).map(|n| n.0)) {
            ([a, b, c, ..], Some(3)) => a.1.zip(b.1).zip(c.1).and_then(|((a, b), c)| {
                let (positive, negative) = sequences([a, b, c]);
                (positive > 0.0).then(|| 100.0 * negative / positive)
            }),
            _ => None,
        };
        let kv_base = bus.kv_base_ln * 3f64.sqrt();
        all.push(BusMoment {
            bus: bus.name.clone(),
            kv_base,
            origin: weakest(phases.iter().map(|p| p.0.origin)),
            v_pu,
            v_kv: v_pu.map(|v| v * kv_base),
            unbalance_pct,
            phases: phases.into_iter().map(|p| p.0).collect(),
        });
    }
    all
}

/// Loading of an element, percent: of a transformer its three-phase apparent power over its rating at the winding that is loaded most, of a reactor or
/// capacitor its apparent power over what it is rated for at its rated voltage, of a line its largest current over the normal rating.
pub(super) fn loading_pct(network: &Network, id: ElementId, ends: &[EndMoment]) -> Option<f64> {
    let of_power = |kva: f64| ends.first().and_then(|e| e.s_kva).filter(|_| kva > 0.0).map(|s| 100.0 * s / kva);
    match id.kind {
        ElementKind::Transformer => {
            let windings = &network.transformers[id.index()].windings;
            let shares = ends.iter().zip(windings).filter(|(_, w)| w.kva > 0.0).filter_map(|(end, w)| Some(end.s_kva? / w.kva));
            shares.reduce(f64::max).map(|s| 100.0 * s)
        }
        ElementKind::Reactor => match network.reactors[id.index()].impedance {
            ReactorImpedance::Kvar { kvar } => of_power(kvar),
            _ => None,
        },
        ElementKind::Capacitor => match &network.capacitors[id.index()].size {
            CapacitorSize::Kvar(steps) => of_power(steps.iter().sum()),
            _ => None,
        },
        ElementKind::Line => {
            let rating = network.common(id).rating.normal_a;
            let largest = ends.iter().flat_map(|end| end.i_a.iter().flatten().copied()).reduce(f64::max);
            largest.filter(|_| rating > 0.0).map(|i| 100.0 * i / rating)
        }
        _ => None,
    }
}

/// What is below this, in kW, kvar or A, is what an iteration leaves of zero.
const ROUNDING: f64 = 1e-5;

fn rounded(x: f64) -> f64 {
    if x.abs() < ROUNDING { 0.0 } else { x }
}

/// Elements with what flows at their ends.
pub fn elements(circuit: &Circuit, grid: &Grid, estimate: &Estimate, assets: &HashMap<ElementId, String>) -> Vec<ElementMoment> {
    let network = circuit.network();
    let mut flows: Vec<Vec<&powerflow::estimation::FlowEstimate>> = vec![Vec::new(); grid.elements.len()];
    for f in &estimate.flows {
        flows[f.element].push(f);
    }
    let losses: HashMap<usize, f64> = estimate.losses.iter().filter_map(|l| Some((l.element, l.p_w?.0))).collect();
    let mut all = Vec::with_capacity(grid.elements.len());
    for (k, e) in grid.elements.iter().enumerate() {
        let Some(id) = e.id else { continue };
        let common = network.common(id);
        let ends: Vec<EndMoment> = (0..e.n_terminals())
            .map(|t| {
                let mine: Vec<_> = flows[k].iter().filter(|f| f.terminal == t).collect();
                let sum = |of: &dyn Fn(&powerflow::estimation::Flow) -> f64| -> Option<f64> {
                    let all: Option<Vec<f64>> = mine.iter().map(|f| f.flow.as_ref().map(of)).collect();
                    all.filter(|a| !a.is_empty()).map(|a| rounded(a.iter().sum::<f64>() / 1e3))
                };
                let (p_kw, q_kvar) = (sum(&|f| f.p_w), sum(&|f| f.q_var));
                EndMoment {
                    bus: common.terminals.get(t).map_or_else(String::new, |t| network.bus(t.bus).name.clone()),
                    origin: weakest(mine.iter().map(|f| origin(f.status))),
                    p_kw,
                    q_kvar,
                    s_kva: p_kw.zip(q_kvar).map(|(p, q)| p.hypot(q)),
                    i_a: mine.iter().map(|f| f.flow.map(|f| rounded(f.i_a))).collect(),
                }
            })
            // The far side of what is joined to earth carries the same currents.
            .filter(|end| !end.i_a.is_empty())
            .collect();
        let loading_pct = loading_pct(network, id, &ends);
        all.push(ElementMoment {
            element: e.name.clone(),
            asset: assets.get(&id).cloned(),
            ends,
            loading_pct,
            losses_kw: losses.get(&k).map(|w| rounded(w / 1e3)),
        });
    }
    all
}

/// Element to asset of the register.
pub fn assets_of(station: &Station) -> HashMap<ElementId, String> {
    let mut all = HashMap::new();
    for e in &station.equipment {
        for part in e.parts.iter().filter(|p| p.terminal.is_none()) {
            all.entry(part.element).or_insert_with(|| e.id.clone());
        }
    }
    all
}

/// Switching devices: those that a point tells of, and those of the register.
pub fn switches(
    network: &Network,
    station: &Station,
    map: &Map,
    values: &[Held],
    state: &State,
    reading: Option<(&Grid, &Estimate)>,
    elements: &[ElementMoment],
) -> Vec<SwitchMoment> {
    let assets = assets_of(station);
    let mut ids: Vec<ElementId> = map.points.iter().filter_map(|p| if let Role::Switch(id) = p.role { Some(id) } else { None }).collect();
    for kind in [EquipmentKind::Breaker, EquipmentKind::IsolatorSet] {
        ids.extend(station.of_kind(kind).flat_map(|e| e.parts.iter().filter(|p| p.terminal.is_none()).map(|p| p.element)));
    }
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(*id));
    let doubted: Vec<&str> = reading.map_or_else(Vec::new, |(grid, estimate)| {
        estimate
            .switch_doubts
            .iter()
            .flat_map(|d| std::iter::once(d.element).chain(d.alike.iter().copied()))
            .map(|k| grid.elements[k].name.as_str())
            .collect()
    });
    let currents: HashMap<&str, f64> = elements
        .iter()
        .filter_map(|e| Some((e.element.as_str(), e.ends.iter().flat_map(|end| end.i_a.iter().flatten().copied()).reduce(f64::max)?)))
        .collect();
    ids.into_iter()
        .map(|id| {
            let element = network.full_name(id);
            let point = map.switch_point(id);
            let kind = station.equipment.iter().find(|e| e.parts.iter().any(|p| p.element == id && p.terminal.is_none()));
            SwitchMoment {
                asset: assets.get(&id).cloned(),
                kind: match kind.map(|e| e.kind) {
                    Some(EquipmentKind::Breaker) => "breaker".to_owned(),
                    Some(EquipmentKind::IsolatorSet) => "isolator".to_owned(),
                    _ => element.split('.').next().unwrap_or_default().to_owned(),
                },
                closed: match point {
                    Some(p) => values[p].position(),
                    None => Some(state.is_closed(id, 0, 0)),
                },
                point: point.map(|p| map.points[p].spec.name.clone()),
                quality: point.map(|p| values[p].quality),
                doubted: doubted.contains(&element.as_str()),
                i_a: currents.get(element.as_str()).copied(),
                controllable: map.points.iter().any(|p| p.controls == Some(id) && matches!(p.role, Role::Switch(_))),
                element,
            }
        })
        .collect()
}

/// Unit of a quantity, and what one of it is in SI.
fn shown_unit(map: &Map, point: usize) -> (String, f64) {
    let spec = &map.points[point].spec;
    let to_si = if let Role::Measurement { to_si, .. } = map.points[point].role { to_si } else { 1.0 };
    (spec.unit.as_deref().unwrap_or_default().to_owned(), to_si)
}

/// How the estimate went.
pub fn summary(map: &Map, reading: &Reading) -> EstimateMoment {
    let mut shown = EstimateMoment {
        state: "none",
        measurements: reading.points.len(),
        used: reading.used,
        took_ms: reading.took_ms,
        ..EstimateMoment::default()
    };
    if let Some(c) = &reading.certificate {
        let finite = |v: f64| v.is_finite().then_some(v);
        (shown.state, shown.iterations) = ("unsettled", c.iterations);
        (shown.objective, shown.degrees_of_freedom) = (finite(c.objective), finite(c.degrees_of_freedom));
        (shown.objective_limit, shown.mismatch_a) = (finite(c.chi_square_limit), finite(c.mismatch_a));
        shown.mismatch_at = Some(c.mismatch_at.clone());
    }
    let estimate = match &reading.outcome {
        Err(why) => {
            shown.why = Some(why.clone());
            return shown;
        }
        Ok(estimate) => estimate,
    };
    shown.state = "settled";
    shown.plausible = Some(estimate.certificate.is_plausible());
    let live = estimate.nodes.iter().filter(|n| n.status != Status::Dead);
    (shown.nodes_live, shown.nodes_known) = (live.clone().count(), live.filter(|n| n.v_v.is_some()).count());
    for g in &estimate.gross_errors {
        let m = &reading.measurements[g.measurement];
        let point = reading.points[g.measurement];
        let (unit, to_si) = shown_unit(map, point);
        let at = map.points[point].spec.element.as_ref();
        shown.suspects.push(Suspect {
            point: m.name.clone(),
            element: at.map_or_else(String::new, |e| e.element.to_string()),
            quantity: at.map_or_else(String::new, |e| e.quantity.to_string()),
            unit,
            measured: m.value / to_si,
            estimated: g.error.map(|(error, _)| (m.value - error) / to_si),
            normalised_residual: g.normalised_residual,
            alike: g.alike.iter().map(|&k| reading.measurements[k].name.clone()).collect(),
        });
    }
    shown
}

/// The figures of the station. Health comes from the assets.
pub fn metrics(
    circuit: &Circuit,
    station: &Station,
    map: &Map,
    values: &[Held],
    reading: &Reading,
    buses: &[BusMoment],
    elements: &[ElementMoment],
) -> Metrics {
    let network = circuit.network();
    let mut m = Metrics { frequency_hz: frequency(map, values), ..Metrics::default() };
    let Ok(estimate) = &reading.outcome else { return m };
    let mut v: Vec<Option<Complex64>> = vec![None; reading.grid.names.len()];
    for n in estimate.nodes.iter().filter(|n| n.status != Status::Dead) {
        v[n.node as usize] = n.v_v.zip(n.angle_rad).map(|(m, a)| Complex64::from_polar(m.0, a.0));
    }
    if let Some((l, at)) = l_index(circuit, &v, &reading.no_load, &reading.grid.island) {
        m.voltage_stability_pct = Some(100.0 * (1.0 - l).max(0.0));
        m.voltage_stability_at = Some(circuit.node_name(at));
    }
    powers(&mut m, network, elements, estimate.total_loss_w.map(|w| w.0 / 1e6));
    m.levels = levels(network, station, buses);
    m
}

/// Powers of the station from those at the ends of its elements; the losses are those of all elements between buses.
pub(super) fn powers(m: &mut Metrics, network: &Network, elements: &[ElementMoment], losses_mw: Option<f64>) {
    let by_name: HashMap<&str, &ElementMoment> = elements.iter().map(|e| (e.element.as_str(), e)).collect();
    let of_kind = |kind: ElementKind| -> Vec<&EndMoment> {
        let ids = network.ids(kind).filter(|id| network.common(*id).enabled).map(|id| network.full_name(id));
        ids.filter_map(|name| by_name.get(name.as_str())?.ends.first()).collect()
    };
    let sum = |ends: &[&EndMoment], of: &dyn Fn(&EndMoment) -> Option<f64>| -> Option<f64> {
        let all: Option<Vec<f64>> = ends.iter().map(|e| of(e)).collect();
        all.map(|a| a.iter().fold(0.0, |s, v| s + v) / 1e3)
    };
    let sources = of_kind(ElementKind::VoltageSource);
    let loads = of_kind(ElementKind::Load);
    // Machines, solar plants and stores deliver or take, as they stand.
    let others: Vec<&EndMoment> = [ElementKind::Generator, ElementKind::InductionMachine, ElementKind::PvSystem, ElementKind::Storage]
        .into_iter()
        .flat_map(of_kind)
        .collect();
    let delivered = sum(&others, &|e| e.p_kw.map(|p| (-p).max(0.0)));
    let taken = sum(&others, &|e| e.p_kw.map(|p| p.max(0.0)));
    let of_sources = |of: &dyn Fn(&EndMoment) -> Option<f64>| if sources.is_empty() { None } else { sum(&sources, of).map(|s| -s) };
    let (p, q) = (of_sources(&|e| e.p_kw), of_sources(&|e| e.q_kvar));
    m.generation_mw = p.zip(delivered).map(|(p, d)| p + d);
    m.reactive_mvar = q;
    m.apparent_mva = p.zip(q).map(|(p, q)| p.hypot(q));
    m.losses_mw = losses_mw;
    let of_loads = sum(&loads, &|e| e.p_kw).zip(taken).map(|(l, t)| l + t);
    m.total_load_mw = of_loads.or_else(|| m.generation_mw.zip(losses_mw).map(|(g, l)| g - l));
    m.efficiency_pct = m.total_load_mw.zip(m.generation_mw).filter(|(_, g)| *g > 0.0).map(|(l, g)| 100.0 * l / g);
    m.power_factor = p.zip(m.apparent_mva).filter(|(_, s)| *s > 0.0).map(|(p, s)| p.abs() / s);
}

/// Mean voltage of the live busbars by level; of all buses where the register has no busbars.
pub(super) fn levels(network: &Network, station: &Station, buses: &[BusMoment]) -> Vec<(f64, Option<f64>)> {
    let mut levels: Vec<f64> = Vec::new();
    let busbars: Vec<String> = station.of_kind(EquipmentKind::Busbar).filter_map(|e| Some(network.bus(e.bus?).name.clone())).collect();
    let shown: Vec<&BusMoment> = buses.iter().filter(|b| busbars.is_empty() || busbars.contains(&b.bus)).collect();
    for b in &shown {
        let kv = (b.kv_base * 10.0).round() / 10.0;
        if kv > 0.0 && !levels.contains(&kv) {
            levels.push(kv);
        }
    }
    levels.sort_by(|a, b| b.total_cmp(a));
    levels
        .into_iter()
        .map(|kv| {
            let live = shown.iter().filter(|b| (b.kv_base - kv).abs() < 0.1 && b.origin != Origin::Dead).filter_map(|b| b.v_kv);
            let all: Vec<f64> = live.collect();
            (kv, (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64))
        })
        .collect()
}

/// Median of the frequencies that are good, Hz.
pub(super) fn frequency(map: &Map, values: &[Held]) -> Option<f64> {
    let points = map.points.iter().enumerate().filter(|(_, p)| p.role == Role::Frequency);
    let mut all: Vec<f64> = points.filter_map(|(i, _)| values[i].good()).collect();
    all.sort_by(f64::total_cmp);
    let (low, high) = (all.get(all.len().checked_sub(1)? / 2)?, all.get(all.len() / 2)?);
    Some((low + high) / 2.0)
}

/// The largest L index and its node; `None` when no voltage beside an infeed's is known.
///
/// # Inputs
/// * `v`, `no_load` - voltages now and without load, V by node number; `island` - label of each node's island.
pub(super) fn l_index(circuit: &Circuit, v: &[Option<Complex64>], no_load: &[Complex64], island: &[u32]) -> Option<(f64, u32)> {
    // How the infeed of an island stands against its own voltage without load.
    let mut infeed: HashMap<u32, Complex64> = HashMap::new();
    for e in circuit.elements().iter().filter(|e| e.id.kind == ElementKind::VoltageSource) {
        let live = || e.nodes.iter().filter(|n| **n != 0);
        let ratios: Vec<Complex64> = live().filter_map(|&n| Some((*v.get(n as usize)?)? / no_load.get(n as usize)?)).collect();
        if let Some(n) = live().next().filter(|_| !ratios.is_empty()) {
            let mean = ratios.iter().sum::<Complex64>() / ratios.len() as f64;
            infeed.entry(island[*n as usize]).or_insert(mean);
        }
    }
    let mut worst: Option<(f64, u32)> = None;
    for (n, (v, v0)) in v.iter().zip(no_load).enumerate().skip(1) {
        let (Some(v), Some(ratio)) = (v, infeed.get(&island[n])) else { continue };
        // A neutral has next to no voltage, and no index.
        if v.norm() < 0.1 * circuit.kv_base_ln(n as u32) * 1e3 {
            continue;
        }
        let l = (Complex64::ONE - v0 * ratio / v).norm();
        if l.is_finite() && worst.is_none_or(|w| l > w.0) {
            worst = Some((l, n as u32));
        }
    }
    worst
}

/// The three-phase power that estimation gives an element's first end, W and var; `None` where a phase is not known.
pub(super) fn drawn(estimate: &Estimate, element: usize) -> Option<(f64, f64)> {
    let mine: Vec<_> = estimate.flows.iter().filter(|f| f.element == element && f.terminal == 0).collect();
    let all: Option<Vec<_>> = mine.iter().map(|f| f.flow).collect();
    all.filter(|a| !a.is_empty()).map(|a| a.iter().fold((0.0, 0.0), |s, f| (s.0 + f.p_w, s.1 + f.q_var)))
}
