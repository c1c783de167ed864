//! The state of an instant as a network that can be solved, and what would be.
//!
//! The network is put where the estimate is: switches and taps as told, loads with their estimated powers, sources with the voltage that the
//! estimate has at their buses. Loads and sources follow laws of their own (a load's power depends on its voltage, a source stands behind its
//! impedance), so they are led there: solve, compare, scale, until the powers agree to 1e-4 and the voltages to 1e-6. What remains between
//! the two (unbalance of a load, an element whose data are wrong) is told as the largest deviation of a voltage.

use super::estimate::{Held, Reading};
use super::moment::{assets_of, drawn, l_index, levels, loading_pct, mean_pu, phase_word, powers, switches};
use super::points::{Map, regulated_winding};
use super::twin::{Change, TwinError};
use super::view::{BusMoment, ElementMoment, EndMoment, EstimateMoment, Metrics, Moment, Origin, PhaseVoltage};
use network::document::nearest;
use network::{ControlMode, Diagnostic, ElementId, ElementKind, Network, SolutionMode, Station};
use num_complex::Complex64;
use powerflow::estimation::{Estimate, Status};
use powerflow::{Circuit, State};
use std::collections::HashMap;
use std::sync::Arc;

/// Rounds of leading loads and sources to the estimate.
const ROUNDS: usize = 12;
const POWER_TOLERANCE: f64 = 1e-4;
const VOLTAGE_TOLERANCE: f64 = 1e-6;
const MAX_ITERATIONS: u32 = 200;
const TOLERANCE_PU: f64 = 1e-9;

/// A network solved for one instant.
pub struct Solved {
    pub network: Network,
    pub state: State,
    /// Whether a source feeds each node.
    fed: Vec<bool>,
    pub settled: bool,
    pub iterations: u32,
}

impl Solved {
    /// # Errors
    /// A network that cannot be compiled or factored.
    pub fn new(network: Network) -> Result<Self, TwinError> {
        let error = |e: powerflow::CircuitError| TwinError::Circuit(e.to_string());
        let circuit = Arc::new(Circuit::compile(Arc::new(network.clone())).map_err(error)?);
        let mut state = State::new(&circuit).map_err(error)?;
        let progress = state.solve_moment().map_err(error)?;
        Ok(Self { settled: progress.settled(), iterations: progress.iterations, network, fed: state.fed_nodes(), state })
    }

    /// Three-phase power into the first end of an element, W and var.
    fn drawn(&self, id: ElementId) -> (f64, f64) {
        let circuit = self.state.circuit();
        let Some(index) = circuit.index_of(id) else { return (0.0, 0.0) };
        let e = &circuit.elements()[index];
        let i = self.state.element_currents(index);
        let v = self.state.voltages();
        let s: Complex64 =
            (0..e.n_conductors).map(|c| v[e.nodes[c] as usize] * i[c].conj()).sum::<Complex64>() * self.state.phases_for_one();
        (s.re, s.im)
    }

    /// Whether a source feeds each node, by its number.
    pub fn fed(&self) -> &[bool] {
        &self.fed
    }

    /// Mean voltage of a bus, per unit.
    pub fn v_pu(&self, bus: network::BusId) -> Option<f64> {
        let base = self.network.bus(bus).kv_base_ln * 1e3;
        let nodes = self.state.circuit().bus_nodes(bus).iter().filter(|n| n.1 != 0);
        mean_pu(nodes.map(|&(at_bus, n)| (at_bus, (base > 0.0).then(|| self.state.voltages()[n as usize].norm() / base))))
    }

    /// Whether a source feeds a bus.
    pub fn is_fed(&self, bus: network::BusId) -> bool {
        self.state.circuit().bus_nodes(bus).iter().any(|&(_, n)| n != 0 && self.fed[n as usize])
    }
}

/// The network of an estimate, solved there, and how far a voltage is off it at most, per unit.
///
/// # Errors
/// `NoState` when it does not settle.
pub fn at_estimate(follower: &State, reading: &Reading, findings: &mut Vec<Diagnostic>) -> Result<(Solved, Option<f64>), TwinError> {
    let estimate = match &reading.outcome {
        Ok(estimate) => estimate,
        Err(why) => return Err(TwinError::NoState { why: why.clone() }),
    };
    let circuit = follower.circuit();
    let mut network = Network::clone(circuit.network());
    network.options.mode = SolutionMode::Snapshot;
    network.options.control_mode = ControlMode::Off;
    network.options.max_iterations = MAX_ITERATIONS;
    network.options.tolerance_pu = TOLERANCE_PU;
    for e in circuit.elements() {
        for t in 0..e.n_terminals {
            for c in 0..e.n_conductors {
                let closed = follower.is_closed(e.id, t, c);
                if let Some(flag) = network.common_mut(e.id).terminals.get_mut(t).and_then(|t| t.closed.get_mut(c)) {
                    *flag = closed;
                }
            }
        }
        if let Some(taps) = follower.taps(e.id)
            && e.id.kind == ElementKind::Transformer
        {
            let windings = &mut network.transformers[e.id.index()].windings;
            windings.iter_mut().zip(taps.to_vec()).for_each(|(w, tap)| w.tap_pu = tap);
        }
    }
    // What every load and source should show.
    let mut wanted: Vec<(usize, f64, f64)> = Vec::new();
    let mut unknown = 0;
    for k in 0..network.loads.len() {
        let id = ElementId::new(ElementKind::Load, k);
        let Some(index) = circuit.index_of(id) else { continue };
        match drawn(estimate, index) {
            Some((p, q)) => wanted.push((k, p, q)),
            // What is dead is known: it takes nothing, and what the model says when it is fed again.
            None if estimate.flows.iter().any(|f| f.element == index && f.status != Status::Dead) => unknown += 1,
            None => {}
        }
    }
    if unknown > 0 {
        findings.push(
            Diagnostic::warning("TWIN.STATE.LOADS", format!("{unknown} loads are not observable and stand as the model has them"))
                .hint("Measure the power of their feeders, or take the answer as rough there."),
        );
    }
    let v_estimated: HashMap<u32, f64> =
        estimate.nodes.iter().filter(|n| n.status != Status::Dead).filter_map(|n| Some((n.node, n.v_v?.0))).collect();
    let mut solved = Solved::new(network)?;
    for _ in 0..ROUNDS {
        if !solved.settled {
            return Err(TwinError::NoState { why: "the network does not settle with the estimated loads".to_owned() });
        }
        let mut network = solved.network.clone();
        let mut off: f64 = 0.0;
        for &(k, p, q) in &wanted {
            let id = ElementId::new(ElementKind::Load, k);
            let (p_now, q_now) = solved.drawn(id);
            let load = &mut network.loads[k];
            let scale = p.abs().max(q.abs()).max(1e3);
            off = off.max(((p - p_now).abs() / scale).max((q - q_now).abs() / scale) / POWER_TOLERANCE);
            load.q_follows_pf = false;
            // Where the load draws nothing there is nothing to scale by.
            let lead = |set: f64, want: f64, now: f64| if now.abs() > 1.0 && set != 0.0 { set * want / now } else { want / 1e3 };
            (load.p_kw, load.q_kvar) = (lead(load.p_kw, p, p_now), lead(load.q_kvar, q, q_now));
        }
        for k in 0..network.voltage_sources.len() {
            let id = ElementId::new(ElementKind::VoltageSource, k);
            let Some(index) = circuit.index_of(id) else { continue };
            let nodes = &circuit.elements()[index].nodes;
            let same = solved.state.circuit().index_of(id).map(|i| solved.state.circuit().elements()[i].nodes.clone());
            let Some(same) = same else { continue };
            let pairs: Vec<(f64, f64)> = nodes
                .iter()
                .zip(same.iter())
                .filter(|(n, _)| **n != 0)
                .filter_map(|(n, m)| Some((*v_estimated.get(n)?, solved.state.voltages()[*m as usize].norm())))
                .filter(|p| p.1 > 0.0)
                .collect();
            if pairs.is_empty() {
                continue;
            }
            let ratio = pairs.iter().map(|p| p.0 / p.1).sum::<f64>() / pairs.len() as f64;
            off = off.max((ratio - 1.0).abs() / VOLTAGE_TOLERANCE);
            network.voltage_sources[k].v_pu *= ratio;
        }
        if off <= 1.0 {
            break;
        }
        solved = Solved::new(network)?;
    }
    if !solved.settled {
        return Err(TwinError::NoState { why: "the network does not settle with the estimated loads".to_owned() });
    }
    let there = solved.state.circuit();
    let off = circuit.nodes().iter().enumerate().filter_map(|(i, node)| {
        let v = v_estimated.get(&(i as u32 + 1))?;
        let n = there.node_number(node.bus, node.at_bus);
        let base = circuit.kv_base_ln(i as u32 + 1) * 1e3;
        (n != 0 && base > 0.0).then(|| (solved.state.voltages()[n as usize].norm() - v).abs() / base)
    });
    let off = off.reduce(f64::max);
    Ok((solved, off))
}

/// Makes the changes in a network.
///
/// # Errors
/// The first change that names nothing, or asks for what cannot be.
pub fn change(network: &mut Network, changes: &[Change]) -> Result<(), TwinError> {
    let unknown = |kind: &'static str, name: &str, names: Vec<String>| {
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        TwinError::Unknown { kind, name: name.to_owned(), nearest: nearest(name, &all).map(str::to_owned) }
    };
    let find = |network: &Network, kind: ElementKind, word: &'static str, name: &str| {
        let full = name.to_lowercase();
        let full = if full.contains('.') { full } else { format!("{word}.{full}") };
        let found = network.find(&full).filter(|id| id.kind == kind);
        found.ok_or_else(|| unknown(word, name, network.ids(kind).map(|id| network.full_name(id)).collect()))
    };
    for c in changes {
        match c {
            Change::Switch { element, closed } => {
                let id = network
                    .find(&element.to_lowercase())
                    .ok_or_else(|| unknown("element", element, network.ids(ElementKind::Line).map(|id| network.full_name(id)).collect()))?;
                network.common_mut(id).terminals.iter_mut().for_each(|t| t.closed.fill(*closed));
            }
            Change::Load { load, factor, p_kw, q_kvar } => {
                let fits = |what: &str, v: Option<f64>, fits: fn(f64) -> bool, expected: &'static str| match v {
                    Some(v) if !fits(v) => Err(TwinError::Value { what: what.to_owned(), expected, found: v.to_string() }),
                    _ => Ok(()),
                };
                fits("factor", *factor, |v| v.is_finite() && v >= 0.0, "a finite number, not negative")?;
                fits("p_kw", *p_kw, f64::is_finite, "a finite number")?;
                fits("q_kvar", *q_kvar, f64::is_finite, "a finite number")?;
                if factor.is_none() && p_kw.is_none() && q_kvar.is_none() {
                    return Err(TwinError::Value {
                        what: format!("the change of \"{load}\""),
                        expected: "factor, p_kw or q_kvar",
                        found: "none".to_owned(),
                    });
                }
                let is_all = load.eq_ignore_ascii_case("all");
                if is_all && (p_kw.is_some() || q_kvar.is_some()) {
                    return Err(TwinError::Value {
                        what: "the change of all loads".to_owned(),
                        expected: "a factor",
                        found: "p_kw or q_kvar, which each of them would get".to_owned(),
                    });
                }
                let which: Vec<usize> =
                    if is_all { (0..network.loads.len()).collect() } else { vec![find(network, ElementKind::Load, "load", load)?.index()] };
                for k in which {
                    let l = &mut network.loads[k];
                    l.q_follows_pf = false;
                    if let Some(f) = factor {
                        (l.p_kw, l.q_kvar) = (l.p_kw * f, l.q_kvar * f);
                    }
                    l.p_kw = p_kw.unwrap_or(l.p_kw);
                    l.q_kvar = q_kvar.unwrap_or(l.q_kvar);
                }
            }
            Change::Tap { transformer, tap_position, winding } => {
                let id = find(network, ElementKind::Transformer, "transformer", transformer)?;
                let winding = winding.or_else(|| regulated_winding(network, id)).unwrap_or(0);
                let windings = &mut network.transformers[id.index()].windings;
                let n = windings.len();
                let w = windings.get_mut(winding).ok_or_else(|| TwinError::Value {
                    what: format!("the winding of \"{transformer}\""),
                    expected: "one that it has, from 0",
                    found: format!("{winding} of {n}"),
                })?;
                let tap = (w.tap_max_pu + w.tap_min_pu) / 2.0 + f64::from(*tap_position) * w.tap_step_pu();
                if !(tap >= w.tap_min_pu - 1e-9 && tap <= w.tap_max_pu + 1e-9) || w.tap_step_pu() == 0.0 {
                    let half = w.n_taps / 2;
                    return Err(TwinError::Value {
                        what: format!("the tap position of \"{transformer}\""),
                        expected: "within its range",
                        found: format!("{tap_position} of -{half} to {half}"),
                    });
                }
                w.tap_pu = tap;
            }
            Change::Bank { capacitor, on } => {
                let id = find(network, ElementKind::Capacitor, "capacitor", capacitor)
                    .or_else(|e| find(network, ElementKind::Reactor, "reactor", capacitor).map_err(|_| e))?;
                network.common_mut(id).terminals[0].closed.fill(*on);
            }
        }
    }
    Ok(())
}

/// A solved network as a moment.
pub fn shown(solved: &Solved, station: &Station, map: &Map, values: &[Held], time_ms: i64, replayed: bool) -> Moment {
    let circuit = solved.state.circuit();
    let network = &solved.network;
    let v = solved.state.voltages();
    // What an iteration that did not come to rest left behind is no state: nothing of it is shown.
    let shows = |n: usize| if solved.settled { 0..n } else { 0..0 };
    let buses: Vec<BusMoment> = shows(network.buses.len()).map(|b| bus(solved, b.into())).collect();
    let assets = assets_of(station);
    let elements: Vec<ElementMoment> =
        shows(circuit.elements().len()).map(|k| element(solved, k, circuit.elements()[k].id, &assets)).collect();
    let mut metrics = Metrics { frequency_hz: super::moment::frequency(map, values), ..Metrics::default() };
    if solved.settled {
        powers(&mut metrics, network, &elements, Some(solved.state.losses_kva().re / 1e3));
        metrics.levels = levels(network, station, &buses);
    }
    if solved.settled
        && let Ok(no_load) = super::estimate::without_load(&solved.state)
    {
        let now: Vec<Option<Complex64>> = v.iter().zip(solved.fed()).map(|(v, fed)| fed.then_some(*v)).collect();
        if let Some((l, at)) = l_index(circuit, &now, &no_load, &solved.state.island_labels()) {
            metrics.voltage_stability_pct = Some(100.0 * (1.0 - l).max(0.0));
            metrics.voltage_stability_at = Some(circuit.node_name(at));
        }
    }
    let mut switches = switches(network, station, map, values, &solved.state, None, &elements);
    for s in &mut switches {
        s.closed = network.find(&s.element).map(|id| solved.state.is_closed(id, 0, 0));
        (s.point, s.quality) = (None, None);
    }
    Moment {
        sequence: 0,
        time_ms,
        replayed,
        estimate: EstimateMoment {
            state: if solved.settled { "settled" } else { "unsettled" },
            why: (!solved.settled).then(|| "the network has no solution that the iteration found".to_owned()),
            iterations: solved.iterations,
            ..EstimateMoment::default()
        },
        metrics,
        trends: Vec::new(),
        buses,
        elements,
        switches,
        assets: Vec::new(),
        devices: Vec::new(),
    }
}

fn bus(solved: &Solved, id: network::BusId) -> BusMoment {
    let circuit = solved.state.circuit();
    let bus = solved.network.bus(id);
    let mut nodes = circuit.bus_nodes(id).to_vec();
    nodes.sort_by_key(|n| n.0);
    let kv_base = bus.kv_base_ln * 3f64.sqrt();
    let is_fed = solved.is_fed(id);
    let origin = if is_fed { Origin::Estimated } else { Origin::Dead };
    let phases: Vec<PhaseVoltage> = nodes
        .iter()
        .filter(|n| n.1 != 0)
        .map(|&(at_bus, n)| {
            let v = solved.state.voltages()[n as usize];
            let base = bus.kv_base_ln * 1e3;
            PhaseVoltage {
                phase: phase_word(at_bus),
                origin,
                v_kv: Some(v.norm() / 1e3),
                v_pu: (base > 0.0).then(|| v.norm() / base),
                angle_deg: is_fed.then(|| v.arg().to_degrees()),
                sigma_pu: None,
            }
        })
        .collect();
    let v_pu = solved.v_pu(id);
    BusMoment { bus: bus.name.clone(), kv_base, origin, v_pu, v_kv: v_pu.map(|v| v * kv_base), unbalance_pct: None, phases }
}

/// What flows at the ends of an element, those to earth alone left out.
pub fn ends(solved: &Solved, k: usize) -> Vec<EndMoment> {
    let circuit = solved.state.circuit();
    let e = &circuit.elements()[k];
    let (v, i) = (solved.state.voltages(), solved.state.element_currents(k));
    let (common, phases) = (solved.network.common(e.id), solved.state.phases_for_one());
    let fed = solved.fed();
    let mut ends = Vec::new();
    for t in 0..e.n_terminals {
        let at: Vec<usize> = (t * e.n_conductors..(t + 1) * e.n_conductors).filter(|c| e.nodes[*c] != 0).collect();
        if at.is_empty() {
            continue;
        }
        let s: Complex64 = at.iter().map(|&c| v[e.nodes[c] as usize] * i[c].conj()).sum::<Complex64>() * phases / 1e3;
        let is_fed = at.iter().any(|&c| fed[e.nodes[c] as usize]);
        ends.push(EndMoment {
            bus: common.terminals.get(t).map_or_else(String::new, |t| solved.network.bus(t.bus).name.clone()),
            origin: if is_fed { Origin::Estimated } else { Origin::Dead },
            p_kw: Some(s.re),
            q_kvar: Some(s.im),
            s_kva: Some(s.norm()),
            i_a: at.iter().map(|&c| Some(i[c].norm())).collect(),
        });
    }
    ends
}

fn element(solved: &Solved, k: usize, id: ElementId, assets: &HashMap<ElementId, String>) -> ElementMoment {
    let ends = ends(solved, k);
    let losses_kw = (ends.len() > 1).then(|| ends.iter().filter_map(|e| e.p_kw).fold(0.0, |s, p| s + p));
    ElementMoment {
        element: solved.network.full_name(id),
        asset: assets.get(&id).cloned(),
        loading_pct: loading_pct(&solved.network, id, &ends),
        ends,
        losses_kw,
    }
}

/// The powers of an estimate at loads, for whoever needs them by element.
pub fn load_mw(estimate: &Estimate, circuit: &Circuit) -> HashMap<ElementId, f64> {
    let loads = circuit.elements().iter().enumerate().filter(|(_, e)| e.id.kind == ElementKind::Load);
    loads.filter_map(|(k, e)| Some((e.id, drawn(estimate, k)?.0 / 1e6))).collect()
}
