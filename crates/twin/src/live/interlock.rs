//! What an order would do, before it is given: the switched network is solved, from the estimated state.
//!
//! Refused is what
//!
//! | code | is |
//! |---|---|
//! | `CONTROL.INTERLOCK.UNSUPPLIED` | leaves a load without supply that has one |
//! | `CONTROL.INTERLOCK.OVERLOAD` | loads a branch over its limit, and by more than 2 % of its rating above what it carries now |
//! | `CONTROL.INTERLOCK.VOLTAGE` | takes a live bus out of its band, and by more than 0.005 pu further than it is now |
//! | `CONTROL.INTERLOCK.BREAKS_LOAD` | opens an isolator that carries current and has no closed way beside it |
//! | `CONTROL.INTERLOCK.MAKES_LOAD` | closes an isolator onto a current that does not flow beside it already |
//! | `CONTROL.INTERLOCK.SYNCHRONISM` | closes between two live parts whose voltages differ by more than 10 % or 20° |
//! | `CONTROL.INTERLOCK.UNSETTLED` | ends in a network without a solution |
//! | `CONTROL.INTERLOCK.NO_STATE` | cannot be judged, because the state is not known |
//! | `CONTROL.INTERLOCK.POSITION` | switches a device whose position is doubted or not known |
//!
//! What changes nothing in the network (fans, set-points of devices) is let through. Limits of 10 % and 20° are those in use for closing meshes by a
//! check of synchronism; they are choices of this program.

use super::estimate::{Held, Reading};
use super::points::{Map, Role};
use super::question::{Solved, at_estimate, change, load_mw};
use super::twin::{Change, Excess, Order, OrderError, Settings, Unsupplied, Verdict};
use network::document::nearest;
use network::{BusId, Diagnostic, ElementId, ElementKind, EquipmentKind, Station};
use num_complex::Complex64;
use powerflow::State;
use scada::point::{DoublePoint, Value, ValueKind};

/// Largest current that an isolator may break or make, A: charging of a bay.
const ISOLATOR_A: f64 = 1.0;
/// Differences over a contact that may be closed, per unit and degrees.
const SYNCHRONISM_PU: f64 = 0.10;
const SYNCHRONISM_DEG: f64 = 20.0;
/// Differences over a contact with a closed way beside it, per unit.
const PARALLEL_PU: f64 = 0.005;
/// Changes of which an order is not the cause, percent of the rating and per unit: what is over its limit by less than that for the order is told,
/// and refuses nothing.
const WORSE_PCT: f64 = 2.0;
const WORSE_PU: f64 = 5e-3;

/// An order upon its point.
pub struct Aimed {
    pub point: usize,
    pub value: Value,
    pub change: Option<Change>,
}

/// Finds the point of an order, what it will be told, and what that changes in the network.
///
/// # Errors
/// An order that names nothing, or that its subject does not take.
pub fn aim(order: &Order, map: &Map, station: &Station, follower: &State) -> Result<Aimed, OrderError> {
    let name = || order.subject.clone();
    let wanted = order.subject.to_lowercase();
    let network = follower.circuit().network();
    let named = |p: &super::points::Mapped| p.spec.element.as_ref().is_some_and(|e| e.element.eq_ignore_ascii_case(&wanted));
    let of_asset = |p: &super::points::Mapped| p.asset.as_deref().is_some_and(|a| a.eq_ignore_ascii_case(&wanted));
    let mut candidates: Vec<usize> = map.find(&wanted).into_iter().collect();
    if candidates.is_empty() {
        candidates = (0..map.points.len()).filter(|&i| named(&map.points[i])).collect();
    }
    if candidates.is_empty() {
        candidates = (0..map.points.len()).filter(|&i| of_asset(&map.points[i])).collect();
    }
    if candidates.is_empty() {
        let mut names: Vec<String> = map.points.iter().map(|p| p.spec.name.to_string()).collect();
        names.extend(station.equipment.iter().map(|e| e.id.clone()));
        names.extend(map.points.iter().filter_map(|p| Some(p.spec.element.as_ref()?.element.to_string())));
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        return Err(OrderError::Unknown { name: name(), nearest: nearest(&order.subject, &all).map(str::to_owned) });
    }
    candidates.retain(|&i| map.points[i].spec.control.is_some());
    if candidates.is_empty() {
        return Err(OrderError::NotControllable { name: name() });
    }
    let is_automatic = |i: usize| {
        let at = map.points[i].spec.element.as_ref();
        at.is_some_and(|e| e.quantity.ends_with("automatic"))
    };
    let is_tap = |i: usize| matches!(map.points[i].role, Role::Tap(..)) || map.points[i].spec.kind == ValueKind::Step;
    let is_switch = |i: usize| matches!(map.points[i].role, Role::Switch(_));
    let takes = |i: usize| -> &'static str {
        if is_switch(i) {
            "open, close"
        } else if is_tap(i) {
            "raise, lower"
        } else if is_automatic(i) {
            "automatic, manual"
        } else {
            "set"
        }
    };
    let fits = |i: &usize| match order.command.as_str() {
        "open" | "close" => is_switch(*i),
        "raise" | "lower" => is_tap(*i),
        "automatic" | "manual" => is_automatic(*i),
        "set" => true,
        _ => false,
    };
    let fitting: Vec<usize> = candidates.iter().copied().filter(fits).collect();
    let point = match fitting[..] {
        [one] => one,
        [] => {
            let mut all: Vec<&str> = candidates.iter().map(|i| takes(*i)).collect();
            all.sort_unstable();
            all.dedup();
            return Err(OrderError::Command { name: name(), command: order.command.clone(), takes: all.join(", ") });
        }
        _ => {
            let points: Vec<&str> = fitting.iter().take(6).map(|i| &*map.points[*i].spec.name).collect();
            return Err(OrderError::Ambiguous { name: name(), points: points.join(", ") });
        }
    };
    let kind = map.points[point].spec.kind;
    let position = |on: bool| match kind {
        ValueKind::DoublePoint => Value::DoublePoint(if on { DoublePoint::On } else { DoublePoint::Off }),
        _ => Value::Bool(on),
    };
    let value = match order.command.as_str() {
        "open" | "manual" | "lower" => position(false),
        "close" | "automatic" | "raise" => position(true),
        _ => order.value.clone().ok_or(OrderError::NoValue)?,
    };
    let change = match map.points[point].role {
        Role::Switch(id) => value.as_bool().map(|closed| Change::Switch { element: network.full_name(id), closed }),
        Role::Tap(id, winding) => value.as_bool().map(|up| {
            let w = &network.transformers[id.index()].windings[winding];
            let tap = follower.taps(id).map_or(w.tap_pu, |t| t[winding]);
            let step = w.tap_step_pu();
            let now = if step > 0.0 { ((tap - (w.tap_max_pu + w.tap_min_pu) / 2.0) / step).round() as i32 } else { 0 };
            Change::Tap { transformer: network.full_name(id), tap_position: now + if up { 1 } else { -1 } }
        }),
        _ => None,
    };
    Ok(Aimed { point, value, change })
}

/// What an order is judged by.
pub struct Seen<'a> {
    pub map: &'a Map,
    pub station: &'a Station,
    pub settings: &'a Settings,
    /// The state with switches and taps as they are told.
    pub follower: &'a State,
    pub reading: Option<&'a Reading>,
    pub values: &'a [Held],
    pub at_ms: i64,
}

/// Judges an order.
pub fn judge(aimed: &Aimed, seen: &Seen) -> Verdict {
    let &Seen { map, station, settings, follower, reading, values, at_ms } = seen;
    let mut verdict = Verdict {
        allowed: true,
        findings: Vec::new(),
        point: map.points[aimed.point].spec.name.clone(),
        value: aimed.value.clone(),
        settled: false,
        unsupplied: Vec::new(),
        unsupplied_mw: 0.0,
        overloads: Vec::new(),
        voltages: Vec::new(),
        losses_mw: None,
        losses_before_mw: None,
        at_ms,
    };
    let Some(wanted) = &aimed.change else { return verdict };
    let refuse = |verdict: &mut Verdict, d: Diagnostic| {
        verdict.allowed = false;
        verdict.findings.push(d);
    };
    let no_state = |why: String| {
        Diagnostic::error("CONTROL.INTERLOCK.NO_STATE", "the effect cannot be judged, because the state is not known")
            .detail(why)
            .hint("Wait for an estimate, or let an administrator override the interlock.")
    };
    let Some(reading) = reading else {
        refuse(&mut verdict, no_state("There is no estimate yet.".to_owned()));
        return verdict;
    };
    if let Change::Switch { .. } = wanted
        && values[aimed.point].position().is_none()
    {
        let d = Diagnostic::error("CONTROL.INTERLOCK.POSITION", "the position of the device is not known")
            .hint("It may be on its way, or its contacts contradict each other: look at it before it is switched.");
        refuse(&mut verdict, d);
    }
    let (before, _) = match at_estimate(follower, reading, &mut verdict.findings) {
        Ok(before) => before,
        Err(e) => {
            refuse(&mut verdict, no_state(e.to_string()));
            return verdict;
        }
    };
    let mut network = before.network.clone();
    let after = change(&mut network, std::slice::from_ref(wanted)).and_then(|()| Solved::new(network));
    let after = match after {
        Ok(after) if after.settled => after,
        Ok(_) => {
            let d = Diagnostic::error("CONTROL.INTERLOCK.UNSETTLED", "the network would have no solution that can be found")
                .hint("Relieve it first: the loads that remain may be more than the ways that remain can carry.");
            refuse(&mut verdict, d);
            return verdict;
        }
        Err(e) => {
            refuse(&mut verdict, Diagnostic::error("CONTROL.INTERLOCK.UNSETTLED", e.to_string()));
            return verdict;
        }
    };
    verdict.settled = true;
    verdict.losses_before_mw = Some(before.state.losses_kva().re / 1e3);
    verdict.losses_mw = Some(after.state.losses_kva().re / 1e3);
    supply(&mut verdict, reading, follower, &before, &after);
    loading(&mut verdict, settings, &before, &after);
    voltages(&mut verdict, settings, &before, &after);
    if let Change::Switch { element, closed } = wanted
        && let Some(id) = before.network.find(&element.to_lowercase())
    {
        contact(&mut verdict, station, &before, &after, id, *closed);
    }
    verdict.allowed = !verdict.findings.iter().any(|d| d.code.starts_with("CONTROL.INTERLOCK.") && d.severity == network::Severity::Error);
    verdict
}

fn supply(verdict: &mut Verdict, reading: &Reading, follower: &State, before: &Solved, after: &Solved) {
    let (fed, still) = (before.state.fed_nodes(), after.state.fed_nodes());
    let loads = reading.outcome.as_ref().map(|e| load_mw(e, follower.circuit())).unwrap_or_default();
    let network = &before.network;
    for (b, bus) in network.buses.iter().enumerate() {
        let id = BusId::from(b);
        if !before.is_fed(&fed, id) || after.is_fed(&still, id) {
            continue;
        }
        let p_mw: f64 = network
            .loads
            .iter()
            .enumerate()
            .filter(|(_, l)| l.common.enabled && l.common.terminals[0].bus == id)
            .fold(0.0, |s, (k, l)| s + loads.get(&ElementId::new(ElementKind::Load, k)).copied().unwrap_or(l.p_kw / 1e3));
        verdict.unsupplied_mw += p_mw;
        verdict.unsupplied.push(Unsupplied { bus: bus.name.clone(), kv_base: bus.kv_base_ln * 3f64.sqrt(), p_mw });
    }
    verdict.unsupplied.sort_by(|a, b| b.p_mw.total_cmp(&a.p_mw));
    if verdict.unsupplied.iter().any(|u| u.p_mw.abs() > 1e-6) {
        let named: Vec<String> = verdict
            .unsupplied
            .iter()
            .filter(|u| u.p_mw.abs() > 1e-6)
            .take(3)
            .map(|u| format!("{} ({:.1} kV, {:.2} MW)", u.bus, u.kv_base, u.p_mw))
            .collect();
        verdict.findings.push(
            Diagnostic::error("CONTROL.INTERLOCK.UNSUPPLIED", format!("{:.2} MW would lose their supply", verdict.unsupplied_mw))
                .detail(format!("Without supply: {}.", named.join(", ")))
                .hint("Feed them another way first."),
        );
    }
}

/// Loading of every branch with a rating, percent.
fn loadings(solved: &Solved) -> Vec<Option<f64>> {
    let circuit = solved.state.circuit();
    let all = circuit.elements().iter().enumerate().map(|(k, e)| {
        let n = e.n_conductors;
        if e.id.kind == ElementKind::Transformer {
            let windings = &solved.network.transformers[e.id.index()].windings;
            let (v, i) = (solved.state.voltages(), solved.state.element_currents(k));
            let shares = windings.iter().enumerate().filter(|(_, w)| w.kva > 0.0).map(|(t, w)| {
                let s: Complex64 = (t * n..(t + 1) * n).map(|c| v[e.nodes[c] as usize] * i[c].conj()).sum();
                100.0 * s.norm() / 1e3 / w.kva
            });
            return shares.reduce(f64::max);
        }
        let rating = solved.network.common(e.id).rating.normal_a;
        (e.id.kind == ElementKind::Line && rating > 0.0)
            .then(|| 100.0 * solved.state.element_currents(k).iter().map(|i| i.norm()).fold(0.0, f64::max) / rating)
    });
    all.collect()
}

fn loading(verdict: &mut Verdict, settings: &Settings, before: &Solved, after: &Solved) {
    let (was, is) = (loadings(before), loadings(after));
    let there = before.state.circuit();
    for (k, e) in after.state.circuit().elements().iter().enumerate() {
        let Some(value) = is[k].filter(|v| *v > settings.loading_limit_pct) else { continue };
        let was = there.index_of(e.id).and_then(|i| was[i]);
        if was.is_none_or(|w| value > w + WORSE_PCT) {
            verdict.overloads.push(Excess { subject: after.network.full_name(e.id), value, was, limit: settings.loading_limit_pct });
        }
    }
    verdict.overloads.sort_by(|a, b| b.value.total_cmp(&a.value));
    if let Some(worst) = verdict.overloads.first() {
        let was = worst.was.map_or_else(String::new, |w| format!(", now {w:.1} %"));
        verdict.findings.push(
            Diagnostic::error("CONTROL.INTERLOCK.OVERLOAD", format!("{} would carry {:.1} % of its rating", worst.subject, worst.value))
                .detail(format!("The limit is {:.0} %{was}; {} branches in all.", worst.limit, verdict.overloads.len()))
                .hint("Move load away first."),
        );
    }
}

fn voltages(verdict: &mut Verdict, settings: &Settings, before: &Solved, after: &Solved) {
    let fed = after.state.fed_nodes();
    let mean = |solved: &Solved, bus: BusId| -> Option<f64> {
        let base = solved.network.bus(bus).kv_base_ln * 1e3;
        let nodes: Vec<f64> = solved
            .state
            .circuit()
            .bus_nodes(bus)
            .iter()
            .filter(|n| (1..=3).contains(&n.0) && n.1 != 0)
            .map(|n| solved.state.voltages()[n.1 as usize].norm())
            .collect();
        (base > 0.0 && !nodes.is_empty()).then(|| nodes.iter().sum::<f64>() / nodes.len() as f64 / base)
    };
    for (b, bus) in after.network.buses.iter().enumerate() {
        let id = BusId::from(b);
        let Some(value) = mean(after, id).filter(|_| after.is_fed(&fed, id)) else { continue };
        let was = mean(before, id).filter(|v| *v > 0.01);
        let out = |v: f64| (settings.v_low_pu - v).max(v - settings.v_high_pu);
        if out(value) > 0.0 && was.is_none_or(|w| out(value) > out(w) + WORSE_PU) {
            let limit = if value > 1.0 { settings.v_high_pu } else { settings.v_low_pu };
            verdict.voltages.push(Excess { subject: bus.name.clone(), value, was, limit });
        }
    }
    verdict.voltages.sort_by(|a, b| (b.value - b.limit).abs().total_cmp(&(a.value - a.limit).abs()));
    if let Some(worst) = verdict.voltages.first() {
        verdict.findings.push(
            Diagnostic::error("CONTROL.INTERLOCK.VOLTAGE", format!("bus {} would stand at {:.3} pu", worst.subject, worst.value))
                .detail(format!("The limit is {:.2} pu; {} buses in all.", worst.limit, verdict.voltages.len()))
                .hint("Set taps, reactors or capacitors first."),
        );
    }
}

/// The contact itself: what it breaks or makes.
fn contact(verdict: &mut Verdict, station: &Station, before: &Solved, after: &Solved, id: ElementId, closes: bool) {
    let is_isolator = station.of_kind(EquipmentKind::IsolatorSet).any(|e| e.parts.iter().any(|p| p.element == id));
    let current = |solved: &Solved| {
        let index = solved.state.circuit().index_of(id);
        index.map_or(0.0, |k| solved.state.element_currents(k).iter().map(|i| i.norm()).fold(0.0, f64::max))
    };
    // Voltages of both sides while the contact is open.
    let open = if closes { before } else { after };
    let common = open.network.common(id);
    let [a, b] = &common.terminals[..] else { return };
    let fed = open.state.fed_nodes();
    let both_live = open.is_fed(&fed, a.bus) && open.is_fed(&fed, b.bus);
    let base = open.network.bus(a.bus).kv_base_ln * 1e3;
    let mut difference: f64 = 0.0;
    let mut angle: f64 = 0.0;
    for (m, n) in a.nodes.iter().zip(&b.nodes).filter(|(m, n)| **m != 0 && **n != 0) {
        let at = |bus, node| open.state.voltages()[open.state.circuit().node_number(bus, node) as usize];
        let (va, vb) = (at(a.bus, *m), at(b.bus, *n));
        difference = difference.max((va - vb).norm() / base);
        if va.norm() > 0.01 * base && vb.norm() > 0.01 * base {
            angle = angle.max((va / vb).arg().abs().to_degrees());
        }
    }
    let has_way_beside = both_live && difference < PARALLEL_PU;
    let name = before.network.full_name(id);
    if is_isolator && !closes && current(before) > ISOLATOR_A && !has_way_beside {
        verdict.findings.push(
            Diagnostic::error("CONTROL.INTERLOCK.BREAKS_LOAD", format!("{name} carries {:.0} A and cannot break it", current(before)))
                .hint("Open the breaker of the bay first, or close the other way (busbar coupler and second isolator)."),
        );
    }
    if is_isolator && closes && current(after) > ISOLATOR_A && !has_way_beside {
        verdict.findings.push(
            Diagnostic::error("CONTROL.INTERLOCK.MAKES_LOAD", format!("{name} would close onto {:.0} A", current(after)))
                .hint("Open the breaker of the bay first, or couple the busbars."),
        );
    }
    if closes && both_live && (difference > SYNCHRONISM_PU || angle > SYNCHRONISM_DEG) {
        verdict.findings.push(
            Diagnostic::error(
                "CONTROL.INTERLOCK.SYNCHRONISM",
                format!("the voltages at both sides of {name} differ by {:.1} % and {angle:.1}°", 100.0 * difference),
            )
            .hint("Bring both sides together first."),
        );
    }
}
