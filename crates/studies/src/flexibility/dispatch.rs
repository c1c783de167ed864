//! Events of the same hours: the linear programme, power flow, and the programme again until the solved flow holds the target.
//!
//! ```text
//! devices by their own rule ─► flow f, sensitivities s ─► programme ─► plan ─► flow f ─► … until f <= limit and the plan's value is the programme's
//! ```
//!
//! A target is aimed at a little below its limit (half of the tolerance), so that the solved flow holds the limit itself.

use super::FlexibilityError;
use super::device::{Model, Trace};
use super::flow::Grid;
use super::programme::{Flexible, Floor, Least, Plan, Programme, Row, Slot};
use network::BusId;
use network::flexibility::{Event, FlexibilityCase, Program};
use num_complex::Complex64;
use powerflow::State;
use std::collections::BTreeMap;
use std::ops::Range;

/// Rounds of programme and power flow.
const ROUNDS: u32 = 12;

/// Of these the limit itself has to hold, afterwards within the tolerance.
const STRICT_ROUNDS: u32 = 6;

/// Of the limit: how far the solved flow may lie from what was aimed at.
const TOLERANCE: f64 = 2e-4;

/// Of the value: how far a plan may lie from the optimum of the programme at its own flow.
const GAP: f64 = 1e-3;

/// Events whose hours overlap, with all that is done in them.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// Positions in the case.
    pub events: Vec<usize>,
    pub steps: Range<usize>,
}

fn steps(e: &Event, step_min: u32) -> (usize, usize, usize, usize) {
    let at = |m: u32| (m / step_min) as usize;
    (at(e.start.minute() - e.prepare_min), at(e.start.minute()), at(e.end_min()), at(e.end_min() + e.recovery_min))
}

/// Steps in which an event runs.
pub(super) fn event_steps(e: &Event, step_min: u32) -> Range<usize> {
    let (_, start, end, _) = steps(e, step_min);
    start..end
}

/// Events grouped by overlap, in order of time.
pub(super) fn clusters(case: &FlexibilityCase) -> Vec<Cluster> {
    let mut order: Vec<usize> = (0..case.events.len()).collect();
    let span = |i: usize| {
        let (from, _, _, to) = steps(&case.events[i], case.day.step_min);
        from..to
    };
    order.sort_by_key(|&i| (span(i).start, i));
    let mut found: Vec<Cluster> = Vec::new();
    for i in order {
        let s = span(i);
        match found.last_mut().filter(|c| s.start < c.steps.end) {
            Some(c) => {
                c.events.push(i);
                c.steps.end = c.steps.end.max(s.end);
            }
            None => found.push(Cluster { events: vec![i], steps: s }),
        }
    }
    found
}

/// What became of a cluster.
#[derive(Clone, Debug)]
pub(super) struct Dispatched {
    /// Devices that were told something, with their power in each step of the cluster.
    pub told_kw: BTreeMap<usize, Vec<f64>>,
    /// Kilowatts less that were asked for, by device and step of the cluster.
    pub less_kw: BTreeMap<usize, Vec<f64>>,
    pub value: f64,
    pub optimum: f64,
    pub rounds: u32,
    pub not_returned_kwh: f64,
    /// Step and how much the flow stays above the limit, by event of the case, at the worst step.
    pub missing: BTreeMap<usize, (usize, f64)>,
    /// The last programme, to be solved in another way.
    #[cfg(test)]
    pub programme: Programme,
}

/// What devices draw in a step, kVA by place, from their powers and power factors.
pub(super) fn drawn_kva(case: &FlexibilityCase, grid: &Grid<'_>, step: usize, power_kw: impl Fn(usize) -> f64) -> Vec<Complex64> {
    let mut drawn = vec![Complex64::ZERO; grid.n_places()];
    for d in 0..case.devices.len() {
        let p = power_kw(d);
        drawn[grid.of_device[d]] += Complex64::new(p, p * tangent(case, d, step));
    }
    drawn
}

/// Kilovars of a kilowatt: an event raises the power factor to that of the program.
fn tangent(case: &FlexibilityCase, d: usize, step: usize) -> f64 {
    let device = &case.devices[d];
    let during = case.events.iter().filter(|e| event_steps(e, case.day.step_min).contains(&step));
    let pf = during.filter_map(|e| case.called_under(device, e)?.target_pf).fold(device.pf, f64::max);
    (1.0 / (pf * pf) - 1.0).max(0.0).sqrt()
}

/// Programs under which events of the cluster use a device.
fn programs<'a>(case: &'a FlexibilityCase, cluster: &Cluster, d: usize) -> Vec<(&'a Event, &'a Program)> {
    let of = |&i: &usize| case.called_under(&case.devices[d], &case.events[i]).map(|p| (&case.events[i], p));
    cluster.events.iter().filter_map(of).collect()
}

/// A device as the programme sees it; `None` where no event can use it. `nominal` is what it would do at the mean powers of its own rule.
fn flexible(case: &FlexibilityCase, cluster: &Cluster, d: usize, model: &Model, own: &Trace) -> Option<Flexible> {
    let called = programs(case, cluster, d);
    let (_, program) = *called.first()?;
    let h = model.step_h;
    let powers = |s: usize| own.power_kw(s, h);
    let mut nominal = own.until(cluster.steps.start);
    nominal.go_on(model, cluster.steps.end, |s| Some(powers(s)));
    let later_kwh: f64 = model.leaves.map_or(0.0, |(leave, _)| {
        (cluster.steps.end..leave.max(cluster.steps.end)).map(|s| model.laws[s].draw_kw * model.laws[s].beta * h).sum()
    });
    let mut slots = Vec::with_capacity(cluster.steps.len());
    for s in cluster.steps.clone() {
        let law = &model.laws[s];
        let own_kw = powers(s);
        let (mut can_less, mut can_more) = (false, false);
        for (e, _) in &called {
            let (prepare, start, end, last) = steps(e, case.day.step_min);
            can_less |= (start..end).contains(&s);
            can_more |= (prepare..last).contains(&s);
        }
        let (decay, into, out) = law.response(h);
        // A battery that rests can deliver; one that is being filled can wait.
        let delivers = law.deliver_kw > 0.0 && own_kw <= 0.0;
        let x = nominal.at[s + 1].x;
        let (mut lo, hi) = (law.comfort_min - x, law.comfort_max - x);
        if let Some((leave, lack)) = model.leaves {
            if s + 1 == leave {
                lo = lo.max(model.level - lack - x);
            } else if s + 1 == cluster.steps.end && s + 1 < leave {
                lo = lo.max(model.level - lack - later_kwh - x);
            }
        }
        slots.push(Slot {
            c_max: if !can_less {
                0.0
            } else if delivers {
                law.deliver_kw
            } else {
                own_kw.max(0.0)
            },
            r_max: if can_more { (law.draw_kw - own_kw).max(0.0) } else { 0.0 },
            decay,
            per_c: if delivers { out } else { into },
            per_r: into,
            lo: lo.min(0.0),
            hi: hi.max(0.0),
        });
    }
    if slots.iter().all(|s| s.c_max <= 0.0) {
        return None;
    }
    let is_told_back = called.iter().any(|(e, _)| e.recovery_min > 0);
    let stays = model.leaves.is_none_or(|(leave, _)| leave >= cluster.steps.end);
    let beta = model.laws[cluster.steps.start].beta;
    Some(Flexible {
        slots,
        cost_per_kwh: called.iter().map(|(_, p)| p.incentive_per_kwh).fold(0.0, f64::max) + case.devices[d].curtailment_cost_per_kwh,
        priority: called.iter().map(|(_, p)| p.priority).min().unwrap_or(program.priority),
        returned: (is_told_back && stays).then_some(1.0 / beta.abs()),
    })
}

/// Finds what devices do in a cluster. `own` are their traces to the end of the cluster by their own rules; `before` is the grid at its beginning.
pub(super) fn dispatch(
    case: &FlexibilityCase,
    grid: &Grid<'_>,
    models: &[Model],
    cluster: &Cluster,
    own: &[Trace],
    before: &State,
    least: Least,
) -> Result<Dispatched, FlexibilityError> {
    let h = case.day.step_h();
    let mut who = Vec::new();
    let mut flexibles = Vec::new();
    for d in 0..case.devices.len() {
        if let Some(f) = flexible(case, cluster, d, &models[d], &own[d]) {
            who.push(d);
            flexibles.push(f);
        }
    }
    let at: BTreeMap<usize, usize> = who.iter().enumerate().map(|(i, &d)| (d, i)).collect();
    let mut programme = Programme { step_h: h, flexibles, rows: Vec::new(), floors: Vec::new() };
    programme.floors = floors(case, grid, cluster, &who, own);
    let mut marked = vec![false; grid.n_places()];
    who.iter().for_each(|&d| marked[grid.of_device[d]] = true);
    let first = cluster.steps.start;
    let mut plan = Plan::nothing(&programme);
    let mut per_kva = Vec::new();
    let mut optimum = 0.0;
    let mut rounds = 0;
    loop {
        let powers = |step: usize| {
            drawn_kva(case, grid, step, |d| {
                let b = own[d].power_kw(step, h);
                at.get(&d).map_or(b, |&i| b - plan.less_kw[i][step - first] + plan.more_kw[i][step - first])
            })
        };
        // Later they hardly change, and moving them would keep a plan between two corners from settling.
        let walked = grid.walk(before, cluster.steps.clone(), &powers, (rounds < 2).then_some(&marked[..]))?;
        if rounds < 2 {
            per_kva = walked.per_kva;
        }
        let mut rows = Vec::new();
        let mut over: f64 = 0.0;
        let mut missing = BTreeMap::new();
        let mut missing_at = plan.missing_kw.iter();
        let mut is_within = true;
        for &e in &cluster.events {
            let limit = grid.limits[e].value;
            let tolerance = TOLERANCE * limit.abs().max(1.0);
            let (from, _, _, to) = steps(&case.events[e], case.day.step_min);
            for s in from..to {
                let t = s - first;
                let flow = walked.flows[t].targets[e];
                let per_kw: Vec<f64> = who
                    .iter()
                    .map(|&d| {
                        let (p, q) = per_kva[t][e][grid.of_device[d]];
                        p + q * tangent(case, d, s)
                    })
                    .collect();
                let now: f64 = per_kw.iter().enumerate().map(|(i, k)| k * (plan.less_kw[i][t] - plan.more_kw[i][t])).sum();
                let need_kw = flow - (limit - tolerance / 2.0) + now;
                let allowed = if rounds == 0 { 0.0 } else { missing_at.next().copied().unwrap_or(0.0) };
                // The limit itself; where controls jump about it, the tolerance after some rounds.
                is_within &= flow <= limit + allowed + if rounds < STRICT_ROUNDS && allowed == 0.0 { 0.0 } else { tolerance };
                over = over.max(flow - limit);
                if flow > limit + tolerance {
                    let worst = missing.entry(e).or_insert((s, 0.0));
                    if flow - limit > worst.1 {
                        *worst = (s, flow - limit);
                    }
                }
                rows.push(Row { slot: t, need_kw, per_kw });
            }
        }
        if rounds == 0 && over <= 0.0 {
            return Ok(told(&who, own, &programme, &plan, cluster, h, (0.0, 0.0), rounds, BTreeMap::new()));
        }
        programme.rows = rows;
        let found = programme.solve(least).map_err(FlexibilityError::Solver)?;
        let (value, best) = (plan.value(&programme, least), found.value(&programme, least));
        if rounds > 0 {
            optimum = best;
            let is_best = (value - best).abs() <= GAP * best.abs().max(1e-3);
            if is_within && is_best {
                return Ok(told(&who, own, &programme, &plan, cluster, h, (value, optimum), rounds, missing));
            }
        }
        rounds += 1;
        if rounds > ROUNDS {
            return Err(FlexibilityError::Rounds { rounds: ROUNDS, over, gap: (value - optimum).abs() / optimum.abs().max(1e-9) });
        }
        plan = found;
    }
}

/// Buses that a program keeps above a power: what their devices may give up together.
fn floors(case: &FlexibilityCase, grid: &Grid<'_>, cluster: &Cluster, who: &[usize], own: &[Trace]) -> Vec<Floor> {
    let h = case.day.step_h();
    let mut found = Vec::new();
    let mut of_bus: BTreeMap<BusId, (f64, Vec<usize>)> = BTreeMap::new();
    for (i, &d) in who.iter().enumerate() {
        let kept = programs(case, cluster, d).iter().filter_map(|(_, p)| p.min_power_kw).fold(f64::NEG_INFINITY, f64::max);
        let (bus, _) = grid.bus_load_kw(d, cluster.steps.start);
        let entry = of_bus.entry(bus).or_insert((f64::NEG_INFINITY, Vec::new()));
        entry.0 = entry.0.max(kept);
        entry.1.push(i);
    }
    for (bus, (kept, members)) in of_bus.into_iter().filter(|(_, (kept, _))| kept.is_finite()) {
        for s in cluster.steps.clone() {
            let devices = (0..case.devices.len()).filter(|&d| grid.bus_load_kw(d, s).0 == bus);
            let own_kw: f64 = devices.map(|d| own[d].power_kw(s, h)).sum();
            let room_kw = own_kw + grid.bus_load_kw(who[members[0]], s).1 - kept;
            found.push(Floor { slot: s - cluster.steps.start, members: members.clone(), room_kw });
        }
    }
    found
}

/// The plan as powers of devices; those that it leaves alone go on by their own rule.
fn told(
    who: &[usize],
    own: &[Trace],
    programme: &Programme,
    plan: &Plan,
    cluster: &Cluster,
    h: f64,
    (value, optimum): (f64, f64),
    rounds: u32,
    missing: BTreeMap<usize, (usize, f64)>,
) -> Dispatched {
    let mut told_kw = BTreeMap::new();
    let mut less_kw = BTreeMap::new();
    for (i, &d) in who.iter().enumerate() {
        let (less, more) = (&plan.less_kw[i], &plan.more_kw[i]);
        // A watt is rounding of the programme.
        if less.iter().chain(more).all(|&x| x < 1e-6) {
            continue;
        }
        let power = |(t, s): (usize, usize)| own[d].power_kw(s, h) - less[t] + more[t];
        told_kw.insert(d, cluster.steps.clone().enumerate().map(power).collect());
        less_kw.insert(d, less.clone());
    }
    debug_assert_eq!(programme.flexibles.len(), who.len());
    Dispatched {
        told_kw,
        less_kw,
        value,
        optimum,
        rounds,
        not_returned_kwh: plan.not_returned_kwh,
        missing,
        #[cfg(test)]
        programme: programme.clone(),
    }
}
