//! What would make the station run better now: taps and banks tried on the model, each with what it would bring.
//!
//! ```text
//! solved state of now ─► every tap one step up or down, every bank switched (and transformers side by side together)
//!                     ─► solve each ─► the one that saves most, if nothing leaves its limits for it ─► again from there
//! ```
//!
//! Every figure is that of a solved network, before and after. Loads keep their powers, sources their voltages: where voltage moves a load, the
//! saving is another by as much. A saving below [`WORTH_KW`] and [`WORTH_SHARE`] of the losses is none: a tap changer wears by every step.

use super::points::{Map, regulated_winding};
use super::question::{self, Solved};
use super::twin::{Change, Settings, TwinError};
use super::view::{Moment, Origin};
use network::{BusId, ElementId, ElementKind, EquipmentKind, Network, Station};
use serde::Serialize;
use std::collections::BTreeMap;

/// Least saving that is worth a switching, kW and share of the losses.
pub const WORTH_KW: f64 = 1.0;
pub const WORTH_SHARE: f64 = 0.002;
/// Switchings that are proposed one upon another.
const ROUNDS: usize = 4;
/// What current flows through.
const CARRYING: [ElementKind; 9] = [
    ElementKind::Line,
    ElementKind::Transformer,
    ElementKind::Capacitor,
    ElementKind::Reactor,
    ElementKind::Load,
    ElementKind::Generator,
    ElementKind::PvSystem,
    ElementKind::Storage,
    ElementKind::VoltageSource,
];

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// `adjust_transformer_taps` or `switch_reactive_bank`.
    pub action: &'static str,
    /// In a sentence, with figures and units.
    pub description: String,
    pub changes: Vec<Change>,
    /// Losses before and after this step, kW.
    pub losses_before_kw: f64,
    pub losses_after_kw: f64,
    /// Largest deviation of a bus from its rated voltage, per unit.
    pub deviation_before_pu: f64,
    pub deviation_after_pu: f64,
}

/// What was tried, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Improvement {
    pub at_ms: i64,
    /// Figures of the station before, and with all proposals.
    pub efficiency_pct: Option<f64>,
    pub efficiency_after_pct: Option<f64>,
    pub voltage_stability_pct: Option<f64>,
    pub voltage_stability_after_pct: Option<f64>,
    pub losses_kw: f64,
    pub losses_after_kw: f64,
    /// In the order in which they were found, each upon those before it.
    pub proposals: Vec<Proposal>,
    pub tried: usize,
}

/// What is asked of.
pub(super) struct Asked<'a> {
    pub station: &'a Station,
    pub map: &'a Map,
    pub values: &'a [super::estimate::Held],
    pub settings: &'a Settings,
    pub at_ms: i64,
}

struct Candidate {
    action: &'static str,
    /// What is done, in words.
    words: String,
    changes: Vec<Change>,
}

/// Tries them from a solved state.
///
/// # Errors
/// A network that cannot be compiled.
pub(super) fn improve(before: Solved, asked: &Asked) -> Result<Improvement, TwinError> {
    let shown = |s: &Solved| question::shown(s, asked.station, asked.map, asked.values, asked.at_ms, false);
    let (mut now, mut network) = (shown(&before), before.network);
    let first = now.metrics.clone();
    let (mut proposals, mut tried) = (Vec::new(), 0);
    for _ in 0..ROUNDS {
        let mut best: Option<(Candidate, Moment, Network)> = None;
        for candidate in candidates(&network, asked.station) {
            let mut changed = network.clone();
            // A step beyond the last one is no candidate.
            if question::change(&mut changed, &candidate.changes).is_err() {
                continue;
            }
            tried += 1;
            let solved = Solved::new(changed)?;
            if !solved.settled {
                continue;
            }
            let after = shown(&solved);
            let least = best.as_ref().map_or_else(|| losses_kw(&now), |(_, m, _)| losses_kw(m));
            if losses_kw(&after) < least && keeps_limits(&now, &after, asked.settings) {
                best = Some((candidate, after, solved.network));
            }
        }
        let Some((candidate, after, changed)) = best else { break };
        let (old, new) = (losses_kw(&now), losses_kw(&after));
        if old - new < WORTH_KW.max(WORTH_SHARE * old) {
            break;
        }
        let (from, to) = (deviation_pu(&now), deviation_pu(&after));
        proposals.push(Proposal {
            action: candidate.action,
            description: format!(
                "{}: losses fall from {old:.1} kW to {new:.1} kW, the largest deviation of a voltage goes from {:.2} % to {:.2} %.",
                candidate.words,
                100.0 * from,
                100.0 * to
            ),
            changes: candidate.changes,
            losses_before_kw: old,
            losses_after_kw: new,
            deviation_before_pu: from,
            deviation_after_pu: to,
        });
        (now, network) = (after, changed);
    }
    Ok(Improvement {
        at_ms: asked.at_ms,
        efficiency_pct: first.efficiency_pct,
        efficiency_after_pct: now.metrics.efficiency_pct,
        voltage_stability_pct: first.voltage_stability_pct,
        voltage_stability_after_pct: now.metrics.voltage_stability_pct,
        losses_kw: first.losses_mw.unwrap_or(f64::NAN) * 1e3,
        losses_after_kw: losses_kw(&now),
        proposals,
        tried,
    })
}

fn losses_kw(moment: &Moment) -> f64 {
    moment.metrics.losses_mw.map_or(f64::INFINITY, |l| 1e3 * l)
}

fn deviation_pu(moment: &Moment) -> f64 {
    let live = moment.buses.iter().filter(|b| b.origin != Origin::Dead);
    live.filter_map(|b| b.v_pu).map(|v| (v - 1.0).abs()).fold(0.0, f64::max)
}

/// No load loses its supply, nothing that was within its limits leaves them, and nothing that was beyond goes further. A bank that is switched off
/// leaves its own bus dead.
fn keeps_limits(before: &Moment, after: &Moment, settings: &Settings) -> bool {
    // Rounding of two solutions of one network.
    const SAME: f64 = 1e-6;
    let supplied = |m: &Moment| m.metrics.total_load_mw.unwrap_or(0.0);
    if supplied(after) < supplied(before) * (1.0 - 1e-3) {
        return false;
    }
    let beyond = |v: f64| (v - settings.v_high_pu).max(settings.v_low_pu - v).max(0.0);
    let voltages = before.buses.iter().zip(&after.buses).filter(|(_, a)| a.origin != Origin::Dead).all(|(b, a)| match (b.v_pu, a.v_pu) {
        (Some(b), Some(a)) => beyond(a) <= beyond(b) + SAME,
        (None, Some(a)) => beyond(a) <= SAME,
        (_, None) => true,
    });
    let over = |l: f64| (l - settings.loading_limit_pct).max(0.0);
    let loadings = before.elements.iter().zip(&after.elements).all(|(b, a)| match (b.loading_pct, a.loading_pct) {
        (Some(b), Some(a)) => over(a) <= over(b) + SAME,
        _ => true,
    });
    voltages && loadings
}

/// Position of a tap from the middle of its range, in steps.
fn position(network: &Network, transformer: usize, winding: usize) -> Option<i32> {
    let w = &network.transformers[transformer].windings[winding];
    let step = w.tap_step_pu();
    (step > 0.0).then(|| ((w.tap_pu - (w.tap_max_pu + w.tap_min_pu) / 2.0) / step).round() as i32)
}

fn candidates(network: &Network, station: &Station) -> Vec<Candidate> {
    let mut all = Vec::new();
    // Transformers that are moved by a control, alone and with those of the same windings: side by side they have to go together.
    let mut alike: BTreeMap<String, Vec<(String, usize, i32)>> = BTreeMap::new();
    for id in network.ids(ElementKind::Transformer) {
        let t = &network.transformers[id.index()];
        if !t.common.enabled {
            continue;
        }
        let Some(winding) = regulated_winding(network, id) else { continue };
        let Some(at) = position(network, id.index(), winding) else { continue };
        let name = network.full_name(id).split_once('.').map_or_else(String::new, |(_, n)| n.to_owned());
        let kind: Vec<String> = t.windings.iter().map(|w| format!("{:.3}/{:.0}", w.kv, w.kva)).collect();
        alike.entry(kind.join(" ")).or_default().push((name, winding, at));
    }
    for group in alike.values() {
        let singles = group.iter().map(std::slice::from_ref);
        for of in singles.chain((group.len() > 1).then_some(group.as_slice())) {
            for (step, word) in [(1, "up"), (-1, "down")] {
                let names: Vec<&str> = of.iter().map(|g| g.0.as_str()).collect();
                let change = |(name, winding, at): &(String, usize, i32)| Change::Tap {
                    transformer: name.clone(),
                    tap_position: at + step,
                    winding: Some(*winding),
                };
                all.push(Candidate {
                    action: "adjust_transformer_taps",
                    words: format!("Move the tap of {} one step {word}", names.join(" and ")),
                    changes: of.iter().map(change).collect(),
                });
            }
        }
    }
    // What the register calls a bank: coupling and surge capacitors are none.
    let banks = station.equipment.iter().filter(|e| matches!(e.kind, EquipmentKind::Reactor | EquipmentKind::Capacitor));
    for id in banks.flat_map(|e| e.parts.iter().map(|p| p.element)) {
        if matches!(id.kind, ElementKind::Capacitor | ElementKind::Reactor) {
            let common = network.common(id);
            // What stands in series with something is no bank.
            let is_shunt = common.terminals.len() < 2 || common.terminals[1].nodes.iter().all(|n| *n == 0);
            let Some(terminal) = common.terminals.first().filter(|_| common.enabled && is_shunt) else { continue };
            let full = network.full_name(id);
            let switch = switch_of(network, id, terminal.bus);
            let is_on = |id: ElementId| network.common(id).terminals.iter().all(|t| t.closed.iter().all(|c| *c));
            let on = is_on(id) && switch.is_none_or(is_on);
            let mut changes = Vec::new();
            match switch {
                Some(switch) => {
                    changes.push(Change::Switch { element: network.full_name(switch), closed: !on });
                    if !is_on(id) {
                        changes.push(Change::Bank { capacitor: full.clone(), on: true });
                    }
                }
                None => changes.push(Change::Bank { capacitor: full.clone(), on: !on }),
            }
            let by = switch.map_or_else(String::new, |s| format!(" by {}", network.full_name(s)));
            all.push(Candidate {
                action: "switch_reactive_bank",
                words: format!("Switch {full} {}{by}", if on { "off" } else { "on" }),
                changes,
            });
        }
    }
    all
}

/// The switch between a bank and the rest: the first that is open on the way from it, else the last before the way divides. None where the bank
/// is not alone behind switches.
fn switch_of(network: &Network, bank: ElementId, bus: BusId) -> Option<ElementId> {
    let (mut at, mut seen, mut found) = (bus, vec![bank], None);
    loop {
        let mut next = None;
        for kind in CARRYING {
            for id in network.ids(kind).filter(|id| !seen.contains(id)) {
                let common = network.common(id);
                if !common.enabled || !common.terminals.iter().any(|t| t.bus == at) {
                    continue;
                }
                // A second one: the way divides here.
                if next.replace(id).is_some() {
                    return found;
                }
            }
        }
        let switch = next.filter(|id| id.kind == ElementKind::Line && network.lines[id.index()].is_switch)?;
        let common = network.common(switch);
        if !common.terminals.iter().all(|t| t.all_closed()) {
            return Some(switch);
        }
        found = Some(switch);
        seen.push(switch);
        at = common.terminals.iter().map(|t| t.bus).find(|b| *b != at)?;
    }
}
