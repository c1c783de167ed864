//! Automatic management: limits that a feeder is brought back to, with the least that does it.
//!
//! It begins anew each time: what it did before is lifted, the feeder is solved, and what breaks a limit is lowered by as much as the flows
//! say, until nothing breaks one.
//!
//! * A transformer above its rating: with `O` the flow that is not demand and `L` the demand, both complex, the demand is lowered to the
//!   largest `s` with `|O + s L| <= rating`, a quadratic equation. Where power flows out, the same for the generation. A demand that ended
//!   below it is raised again by the same equation, or halfway to the share that last broke the limit where that lies lower.
//! * Power that flows back into the supply: all generators are lowered alike, by the surplus.
//! * A bus that a generator lifts above the limit: its generators are lowered along the line between the voltage without them and that with
//!   them. Where the voltage is above the limit without them too, they are left alone.
//! * A power factor below the least: reactive power of the neighbourhood is compensated down to `P tan(acos(least))`.
//!
//! Each follows a linear law of a network that is not linear, so it is repeated; loads of constant power need one round. What is raised ends
//! in a state that kept all limits: where rounds run out, the last such one.

use super::report::{Report, Supply, report, supplies};
use super::{Act, Desk, DeskState, Refusal, Share};
use num_complex::Complex64;
use powerflow::Solution;
use std::collections::BTreeMap;

const ROUNDS_MAX: usize = 40;
/// A limit counts as kept within this share of it.
const TOLERANCE: f64 = 1e-6;
/// A demand that was lowered is raised again where the flow ends further below the rating, as a share of it; it is aimed between the two.
const BELOW: f64 = 1e-5;
const AIM: f64 = 0.2 * BELOW;
/// Shares of a demand that are one: a control of the feeder steps between them.
const SAME_SHARE: f64 = 1e-6;
/// Power back into the supply that is no power, kW.
const NO_POWER_KW: f64 = 1e-3;

type Causes = BTreeMap<String, String>;
/// Share of what each generator delivers that a round leaves: the smallest that a limit asks for, since all are of the same flows.
type Shares = BTreeMap<String, f64>;

/// Shares of a demand that last kept and last broke the limit of its flow.
#[derive(Default)]
struct Bracket {
    keeps: Option<f64>,
    breaks: Option<f64>,
}

impl Bracket {
    /// Elsewhere things change too: what is seen last counts.
    fn note(&mut self, share: f64, is_kept: bool) {
        if is_kept {
            self.keeps = Some(share);
            self.breaks = self.breaks.filter(|b| *b > share);
        } else {
            self.breaks = Some(share);
            self.keeps = self.keeps.filter(|k| *k < share);
        }
    }

    /// The share that is tried next: the guess, or halfway where it lies outside.
    fn next(&self, guess: f64) -> f64 {
        match (self.keeps, self.breaks) {
            (Some(keeps), Some(breaks)) if breaks - keeps <= SAME_SHARE => keeps,
            (Some(keeps), Some(breaks)) if !(keeps < guess && guess < breaks) => 0.5 * (keeps + breaks),
            _ => guess.min(1.0),
        }
    }
}

/// By number of the neighbourhood.
type Brackets = BTreeMap<u32, Bracket>;

fn lower(shares: &mut Shares, name: &str, share: f64) {
    let entry = shares.entry(name.to_owned()).or_insert(1.0);
    *entry = entry.min(share);
}

/// The state with its limits kept, what was done for it, and the feeder solved.
pub(super) fn manage(desk: &Desk, asked: DeskState) -> Result<(DeskState, Vec<Act>, Report), Refusal> {
    let mut state = asked;
    state.managed.clear();
    state.generators.values_mut().for_each(|g| g.share = 1.0);
    let mut causes = Causes::new();
    let mut acts = Vec::new();
    let mut solution = desk.solve(&state)?;
    let mut brackets = Brackets::new();
    // The last state that broke no limit, while it is still seen whether less would do.
    let mut kept: Option<(DeskState, Solution)> = None;
    for round in 0..=ROUNDS_MAX {
        let before = state.clone();
        let mut shares = Shares::new();
        let supplies = supplies(desk, &before, &solution);
        let compensated = overloads(desk, &mut state, &supplies, &mut brackets, &mut shares, &mut causes);
        reverse_flow(desk, &state, &solution, &mut shares, &mut causes);
        overvoltage(desk, &state, &solution, &mut shares, &mut causes)?;
        // What held for one generation or power factor does not for another.
        if !shares.is_empty() {
            brackets.clear();
        }
        for number in &compensated {
            brackets.remove(number);
        }
        for (name, share) in shares {
            state.generators.entry(name).and_modify(|g| g.share *= share);
        }
        if state == before {
            raise(desk, &mut state, &supplies, &mut brackets);
            if state == before {
                break;
            }
            if round == ROUNDS_MAX {
                state = before;
                break;
            }
            kept = Some((before, std::mem::replace(&mut solution, desk.solve(&state)?)));
            continue;
        }
        if round == ROUNDS_MAX {
            if let Some(last) = kept {
                (state, solution) = last;
                break;
            }
            let act = |effect: &str| Act { subject: "management".into(), cause: "limits are still broken".into(), effect: effect.into() };
            acts.push(act("it did not settle: the limits cannot be kept together, or controls of the feeder act against it"));
            state = before;
            break;
        }
        solution = desk.solve(&state)?;
    }
    for (subject, cause) in causes {
        let effect = effect(desk, &state, &subject, &solution);
        acts.push(Act { subject, cause, effect });
    }
    let report = report(desk, &state, &solution);
    Ok((state, acts, report))
}

fn effect(desk: &Desk, state: &DeskState, subject: &str, solution: &Solution) -> String {
    let number = subject.strip_prefix("neighbourhood ").and_then(|n| n.parse::<u32>().ok());
    if let Some(number) = number {
        let at = desk.zones.neighbourhoods.iter().position(|z| z.pincode == number);
        let supply = at.and_then(|i| supplies(desk, state, solution).into_iter().nth(i));
        let share = state.managed.get(&number).copied().unwrap_or(Share::WHOLE);
        let flow = supply.map_or(0.0, |s| s.flow.0.hypot(s.flow.1));
        return format!("demand at {:.2} % of its kW and {:.2} % of its kvar; {flow:.1} kVA flow", share.p * 100.0, share.q * 100.0);
    }
    let name = subject.strip_prefix("generator ").unwrap_or(subject);
    state.generators.get(name).map_or_else(String::new, |g| format!("delivers {:.3} of {} kW", g.kw * g.share, g.kw))
}

fn complex((p, q): (f64, f64)) -> Complex64 {
    Complex64::new(p, q)
}

/// The largest `s` with `|o + s l| <= most`; 0 where there is none.
fn largest_share(o: Complex64, l: Complex64, most: f64) -> f64 {
    let (a, b, c) = (l.norm_sqr(), (o * l.conj()).re, o.norm_sqr() - most * most);
    let root = b * b - a * c;
    if a <= 0.0 || root < 0.0 { 0.0 } else { ((root.sqrt() - b) / a).max(0.0) }
}

/// Lowers what flows above a rating, and compensates reactive power: the neighbourhoods of the latter.
fn overloads(
    desk: &Desk,
    state: &mut DeskState,
    supplies: &[Supply],
    brackets: &mut Brackets,
    shares: &mut Shares,
    causes: &mut Causes,
) -> Vec<u32> {
    let mut compensated = Vec::new();
    for (supply, zone) in supplies.iter().zip(&desk.zones.neighbourhoods) {
        let (flow, demand, generation) = (complex(supply.flow), complex(supply.demand), complex(supply.generation));
        let subject = format!("neighbourhood {}", zone.pincode);
        if let Some(kva) = supply.kva.filter(|k| flow.norm() > k * (1.0 + TOLERANCE)) {
            let cause = format!("{:.1} kVA through the transformer of {kva} kVA ({:.1} %)", flow.norm(), flow.norm() / kva * 100.0);
            if flow.re >= 0.0 {
                let share = state.managed.entry(zone.pincode).or_insert(Share::WHOLE);
                let bracket = brackets.entry(zone.pincode).or_default();
                bracket.note(share.p, false);
                let s = largest_share(flow - demand, demand, kva * (1.0 - AIM)).min(1.0);
                *share = scaled(*share, bracket.next(share.p * s));
                causes.entry(subject.clone()).or_insert(cause);
            } else {
                let s = largest_share(flow + generation, -generation, kva).min(1.0);
                for (name, g) in &state.generators {
                    let here = desk.base.bus_id(&g.bus).and_then(|b| desk.zone_of.get(&b));
                    if here.is_some_and(|z| desk.zones.neighbourhoods[*z].pincode == zone.pincode) {
                        lower(shares, name, s);
                        causes.entry(format!("generator {name}")).or_insert_with(|| format!("{cause}, out of {subject}"));
                    }
                }
            }
            continue;
        }
        let least = desk.zones.limits.power_factor_min;
        let q_most = demand.re * (1.0 / (least * least) - 1.0).max(0.0).sqrt();
        if demand.re > 0.0 && demand.im.abs() > q_most * (1.0 + TOLERANCE) {
            let power_factor = demand.re / demand.norm();
            causes.entry(subject).or_insert_with(|| format!("power factor {power_factor:.4}, below {least}"));
            let share = state.managed.entry(zone.pincode).or_insert(Share::WHOLE);
            share.q *= q_most / demand.im.abs();
            compensated.push(zone.pincode);
        }
    }
    compensated
}

/// A share brought to another of its active power.
fn scaled(share: Share, p: f64) -> Share {
    if share.p > 0.0 { Share { p, q: share.q * p / share.p } } else { Share { p, q: p } }
}

/// Raises what was lowered further than the rating asks for.
fn raise(desk: &Desk, state: &mut DeskState, supplies: &[Supply], brackets: &mut Brackets) {
    for (supply, zone) in supplies.iter().zip(&desk.zones.neighbourhoods) {
        let (flow, demand) = (complex(supply.flow), complex(supply.demand));
        let (Some(kva), Some(share)) = (supply.kva, state.managed.get_mut(&zone.pincode)) else { continue };
        let is_kept = flow.norm() <= kva * (1.0 + TOLERANCE);
        if !is_kept || flow.re < 0.0 || share.p <= 0.0 || share.p >= 1.0 {
            continue;
        }
        let bracket = brackets.entry(zone.pincode).or_default();
        bracket.note(share.p, true);
        if flow.norm() < kva * (1.0 - BELOW) {
            let s = largest_share(flow - demand, demand, kva * (1.0 - AIM));
            *share = scaled(*share, bracket.next(share.p * s).max(share.p));
        }
    }
}

fn reverse_flow(desk: &Desk, state: &DeskState, solution: &Solution, shares: &mut Shares, causes: &mut Causes) {
    let head_kw = solution.delivered_kva().re;
    let surplus_kw = -head_kw - desk.zones.limits.reverse_max_kw;
    let delivered_kw: f64 = state.generators.values().map(|g| g.kw * g.share).sum();
    if surplus_kw <= NO_POWER_KW || delivered_kw <= 0.0 {
        return;
    }
    let s = (1.0 - surplus_kw / delivered_kw).max(0.0);
    for (name, _) in state.generators.iter().filter(|(_, g)| g.kw * g.share > 0.0) {
        lower(shares, name, s);
        let cause = || format!("{:.3} kW flow back into the supply, {} kW may", -head_kw, desk.zones.limits.reverse_max_kw);
        causes.entry(format!("generator {name}")).or_insert_with(cause);
    }
}

/// Highest voltage of each bus that a generator was added at, per unit.
fn voltages(desk: &Desk, state: &DeskState, solution: &Solution) -> BTreeMap<String, f64> {
    let circuit = solution.state().circuit();
    let mut highest = BTreeMap::new();
    for g in state.generators.values() {
        let Some(bus) = desk.base.bus_id(&g.bus) else { continue };
        let of_bus = circuit.bus_nodes(bus).iter().filter(|(at, _)| g.nodes.contains(at)).filter_map(|(_, n)| {
            let base_v = circuit.kv_base_ln(*n) * 1e3;
            (base_v > 0.0).then(|| solution.state().voltages()[*n as usize].norm() / base_v)
        });
        let v = of_bus.fold(0.0, f64::max);
        let entry = highest.entry(g.bus.clone()).or_insert(0.0_f64);
        *entry = entry.max(v);
    }
    highest
}

fn overvoltage(desk: &Desk, state: &DeskState, solution: &Solution, shares: &mut Shares, causes: &mut Causes) -> Result<(), Refusal> {
    let most = desk.zones.limits.v_max_pu;
    let with = voltages(desk, state, solution);
    let above: Vec<(&String, f64)> = with.iter().filter(|(_, v)| **v > most * (1.0 + TOLERANCE)).map(|(b, v)| (b, *v)).collect();
    if above.is_empty() {
        return Ok(());
    }
    let mut without = state.clone();
    without.generators.values_mut().filter(|g| above.iter().any(|(b, _)| **b == g.bus)).for_each(|g| g.share = 0.0);
    let least = voltages(desk, &without, &desk.solve(&without)?);
    for (bus, v) in above {
        let v0 = least.get(bus).copied().unwrap_or(v);
        if v0 >= most || v0 >= v {
            // Not the generator's doing.
            continue;
        }
        // A little below the line, so that the last round ends within the limit.
        let s = (most * (1.0 - 0.1 * TOLERANCE) - v0) / (v - v0);
        for (name, _) in state.generators.iter().filter(|(_, g)| g.bus == *bus) {
            lower(shares, name, s.clamp(0.0, 1.0));
            causes
                .entry(format!("generator {name}"))
                .or_insert_with(|| format!("{v:.4} pu at bus {bus}, {most} may be; {v0:.4} without it"));
        }
    }
    Ok(())
}
