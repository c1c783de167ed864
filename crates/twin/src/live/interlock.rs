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
//! Not known is a state without an estimate, with one that is old, with a switch that has not been heard of, or with one that the network cannot
//! be led to; `CONTROL.INTERLOCK.OFF_ESTIMATE` tells how far off it stays.
//!
//! What changes nothing in the network (fans, set-points of devices) is let through. Limits of 10 % and 20° are those in use for closing meshes by a
//! check of synchronism; they are choices of this program.

use super::estimate::{Held, Reading};
use super::moment::loading_pct;
use super::points::{Map, Role};
use super::question::{Solved, at_estimate, change, ends, load_mw};
use super::twin::{Change, Excess, Order, OrderError, Settings, Unsupplied, Verdict};
use network::document::nearest;
use network::{BusId, Diagnostic, ElementId, ElementKind, EquipmentKind, Station};
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
/// An estimate that is older is none of now, s and intervals.
const OLDEST_S: f64 = 10.0;
const OLDEST_INTERVALS: f64 = 3.0;
/// Voltages by which the network that is switched may be off the estimate before it is told, and before it says nothing about the plant.
const OFF_PU: f64 = 0.01;
const FAR_OFF_PU: f64 = 0.05;

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
    let is_tap = |i: usize| matches!(map.points[i].role, Role::Tap(..) | Role::TapRatio(..)) || map.points[i].spec.kind == ValueKind::Step;
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
    let (kind, role) = (map.points[point].spec.kind, map.points[point].role);
    let position = |on: bool| match kind {
        ValueKind::DoublePoint => Value::DoublePoint(if on { DoublePoint::On } else { DoublePoint::Off }),
        _ => Value::Bool(on),
    };
    let changer = match role {
        Role::Tap(id, winding) | Role::TapRatio(id, winding) => Some(Changer::new(follower, id, winding)),
        _ => None,
    };
    // A step command says up or down; a changer that is set by a number is told the next one.
    let by_one = |up: bool| {
        let next = changer.as_ref().map(|c| c.now + if up { 1 } else { -1 });
        match (kind, role, &changer, next) {
            (ValueKind::Integer | ValueKind::Counter, Role::Tap(..), _, Some(next)) => Value::Integer(i64::from(next)),
            (ValueKind::Float, Role::Tap(..), _, Some(next)) => Value::Float(f64::from(next)),
            (_, Role::TapRatio(..), Some(c), Some(next)) => Value::Float(c.ratio(next)),
            _ => Value::Bool(up),
        }
    };
    let value = match order.command.as_str() {
        "open" | "manual" => position(false),
        "close" | "automatic" => position(true),
        "lower" => by_one(false),
        "raise" => by_one(true),
        _ => order.value.clone().ok_or(OrderError::NoValue)?,
    };
    // What is aimed at a switch or a changer changes the network: a value that says nothing to it is refused, never let through unjudged.
    let unfit = |takes: &'static str| OrderError::Value { name: name(), value: value.to_string(), takes };
    let change = match role {
        Role::Switch(id) => {
            let closed = value.as_bool().ok_or_else(|| unfit("open or closed"))?;
            Some(Change::Switch { element: network.full_name(id), closed })
        }
        Role::Tap(id, winding) | Role::TapRatio(id, winding) => {
            let changer = changer.as_ref().ok_or_else(|| unfit("a position"))?;
            let wanted = match (value.as_bool(), value.as_f64()) {
                (Some(up), _) if kind == ValueKind::Step => changer.now + if up { 1 } else { -1 },
                (None, Some(x)) if x.is_finite() && matches!(role, Role::Tap(..)) && x.fract() == 0.0 => x as i32,
                (None, Some(x)) if x.is_finite() && matches!(role, Role::TapRatio(..)) => changer.position(x),
                _ => return Err(unfit("a position, or up or down")),
            };
            Some(Change::Tap { transformer: network.full_name(id), tap_position: wanted, winding: Some(winding) })
        }
        _ => None,
    };
    Ok(Aimed { point, value, change })
}

/// A tap changer as it stands.
struct Changer {
    middle_pu: f64,
    step_pu: f64,
    /// Position, counted from the middle of its range.
    now: i32,
}

impl Changer {
    fn new(state: &State, id: ElementId, winding: usize) -> Self {
        let w = &state.circuit().network().transformers[id.index()].windings[winding];
        let (middle_pu, step_pu) = ((w.tap_max_pu + w.tap_min_pu) / 2.0, w.tap_step_pu());
        let mut changer = Self { middle_pu, step_pu, now: 0 };
        changer.now = changer.position(state.taps(id).map_or(w.tap_pu, |t| t[winding]));
        changer
    }

    fn position(&self, ratio_pu: f64) -> i32 {
        if self.step_pu > 0.0 { ((ratio_pu - self.middle_pu) / self.step_pu).round() as i32 } else { 0 }
    }

    fn ratio(&self, position: i32) -> f64 {
        self.middle_pu + f64::from(position) * self.step_pu
    }
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
    pub now_ms: i64,
}

/// Judges an order.
pub fn judge(aimed: &Aimed, seen: &Seen) -> Verdict {
    let &Seen { map, station, settings, follower, reading, values, at_ms, now_ms } = seen;
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
    let age_s = (now_ms - at_ms) as f64 / 1e3;
    if age_s > OLDEST_S.max(OLDEST_INTERVALS * settings.interval_s) {
        refuse(&mut verdict, no_state(format!("The newest estimate is {age_s:.0} s old.")));
        return verdict;
    }
    let unheard = map.points.iter().zip(values).filter(|(p, held)| matches!(p.role, Role::Switch(_)) && held.value.is_none());
    let unheard: Vec<&str> = unheard.map(|(p, _)| &*p.spec.name).collect();
    if !unheard.is_empty() {
        let named = unheard.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        let why =
            format!("{} switches have not been heard of, such as {named}; put a value in the place of one that cannot be.", unheard.len());
        refuse(&mut verdict, no_state(why));
        return verdict;
    }
    let (before, off) = match at_estimate(follower, reading, &mut verdict.findings) {
        Ok(before) => before,
        Err(e) => {
            refuse(&mut verdict, no_state(e.to_string()));
            return verdict;
        }
    };
    match off {
        Some(off) if off > FAR_OFF_PU => {
            refuse(&mut verdict, no_state(format!("The network that would be switched is {off:.3} pu off the estimate.")));
            return verdict;
        }
        Some(off) if off > OFF_PU => verdict.findings.push(
            Diagnostic::warning("CONTROL.INTERLOCK.OFF_ESTIMATE", format!("the network that is switched is {off:.3} pu off the estimate"))
                .hint("Take the figures as rough: an element's data, or the unbalance of a load, differ from the plant's."),
        ),
        _ => {}
    }
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
    let loads = reading.outcome.as_ref().map(|e| load_mw(e, follower.circuit())).unwrap_or_default();
    let network = &before.network;
    for (b, bus) in network.buses.iter().enumerate() {
        let id = BusId::from(b);
        if !before.is_fed(id) || after.is_fed(id) {
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

/// Loading of every branch with a rating, percent, by the definition of what is shown.
fn loadings(solved: &Solved) -> Vec<Option<f64>> {
    let is_branch = |kind| matches!(kind, ElementKind::Transformer | ElementKind::Line);
    let all = solved.state.circuit().elements().iter().enumerate();
    all.map(|(k, e)| is_branch(e.id.kind).then(|| loading_pct(&solved.network, e.id, &ends(solved, k))).flatten()).collect()
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
    for (b, bus) in after.network.buses.iter().enumerate() {
        let id = BusId::from(b);
        let Some(value) = after.v_pu(id).filter(|_| after.is_fed(id)) else { continue };
        let was = before.v_pu(id).filter(|v| *v > 0.01);
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
    let both_live = open.is_fed(a.bus) && open.is_fed(b.bus);
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
