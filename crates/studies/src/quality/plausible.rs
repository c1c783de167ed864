//! Values that no equipment has, and values that contradict one another.
//!
//! Bounds are those of equipment that is made and of what distances allow; they are wide, so that what
//! is found is a slip and not a matter of taste.

use super::place_of;
use network::{Diagnostic, ElementId, ElementKind, LonLat, Network};

/// A line may be a little shorter than the distance of its ends, for positions are not exact.
const SHORTER_THAN_DISTANCE: f64 = 0.9;
/// Metres by which positions may be off.
const POSITION_M: f64 = 20.0;
/// A line longer than this many times the distance of its ends is not the one on the map.
const LONGER_THAN_DISTANCE: f64 = 3.0;
/// Short-circuit voltages of transformers, percent: the smallest pole types to reactance-increased ones.
const SHORT_CIRCUIT_PCT: (f64, f64) = (0.5, 40.0);
/// kVA of transformers in a distribution model, from instrument-sized to the largest substations'.
const TRANSFORMER_KVA: (f64, f64) = (0.5, 1.0e6);
/// Taps further from nominal than this are none, per unit.
const TAP_PU: (f64, f64) = (0.7, 1.3);

pub(super) fn find(network: &Network, findings: &mut Vec<Diagnostic>) {
    for id in network.ids(ElementKind::Line).filter(|&id| network.common(id).enabled) {
        length(network, id, findings);
    }
    for id in network.ids(ElementKind::Transformer).filter(|&id| network.common(id).enabled) {
        transformer(network, id, findings);
    }
    for id in network.ids(ElementKind::Load).filter(|&id| network.common(id).enabled) {
        load(network, id, findings);
    }
}

fn about(network: &Network, id: ElementId, diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.element(network.full_name(id)).at(&network.common(id).source)
}

/// Metres along the route where one is known, else between the ends.
fn ground_m(network: &Network, id: ElementId) -> Option<(f64, LonLat)> {
    let c = network.common(id);
    let (a, b) = (place_of(network, c.terminals.first()?.bus)?, place_of(network, c.terminals.get(1)?.bus)?);
    let points = [a].into_iter().chain(c.route.iter().copied()).chain([b]);
    let points: Vec<LonLat> = points.collect();
    Some((points.windows(2).map(|w| w[0].distance_m(w[1])).sum(), a))
}

fn length(network: &Network, id: ElementId, findings: &mut Vec<Diagnostic>) {
    let line = &network.lines[id.index()];
    if line.is_switch || line.length_unit == network::LengthUnit::None {
        return;
    }
    let Some((ground, place)) = ground_m(network, id) else { return };
    let length = line.length * line.length_unit.metres();
    let detail = format!("Length {length:.0} m, {ground:.0} m on the map.");
    let what = if length + POSITION_M < SHORTER_THAN_DISTANCE * ground {
        Diagnostic::warning("QUALITY.LENGTH.SHORTER_THAN_MAP", "a line is shorter than the distance it spans")
            .hint("look at the unit of the length, and at the positions of its ends")
    } else if length > LONGER_THAN_DISTANCE * (ground + POSITION_M) {
        Diagnostic::warning("QUALITY.LENGTH.LONGER_THAN_MAP", "a line is more than three times as long as its route on the map")
            .hint("look at the unit of the length, and at the positions of its ends")
    } else {
        return;
    };
    findings.push(about(network, id, what.detail(detail)).place(place));
}

fn transformer(network: &Network, id: ElementId, findings: &mut Vec<Diagnostic>) {
    let t = &network.transformers[id.index()];
    // Regulators are modelled with hardly any impedance.
    let regulates = network.regulator_controls.iter().any(|c| c.transformer == Some(id)) || !t.bank.is_empty();
    for w in &t.windings {
        if !(TRANSFORMER_KVA.0..=TRANSFORMER_KVA.1).contains(&w.kva) {
            let what =
                Diagnostic::warning("QUALITY.TRANSFORMER.POWER", format!("a winding is rated {} kVA, which no transformer is", w.kva));
            findings.push(about(network, id, what.hint("look whether the rating is in kVA")));
            break;
        }
    }
    for w in &t.windings {
        if !(TAP_PU.0..=TAP_PU.1).contains(&w.tap_pu) {
            let what = Diagnostic::warning("QUALITY.TRANSFORMER.TAP", format!("a tap of {} per unit is beyond any tap changer", w.tap_pu));
            findings.push(about(network, id, what.hint("look whether the tap is in percent or a position")));
        }
    }
    if let Some(&x) = t.x_sc_pct.first().filter(|_| !regulates)
        && !(SHORT_CIRCUIT_PCT.0..=SHORT_CIRCUIT_PCT.1).contains(&x.abs())
    {
        let what = Diagnostic::note("QUALITY.TRANSFORMER.IMPEDANCE", format!("a short-circuit reactance of {x} % is unusual"));
        findings.push(about(network, id, what.hint("look whether it is in percent on the transformer's own rating")));
    }
}

fn load(network: &Network, id: ElementId, findings: &mut Vec<Diagnostic>) {
    let l = &network.loads[id.index()];
    let s_kva = l.p_kw.hypot(l.q_kvar);
    if s_kva > 0.0 && l.p_kw.abs() / s_kva < 0.3 {
        let what = Diagnostic::note(
            "QUALITY.LOAD.POWER_FACTOR",
            format!("{} kW and {} kvar are a power factor of {:.2}", l.p_kw, l.q_kvar, l.p_kw.abs() / s_kva),
        );
        findings.push(about(network, id, what.hint("look whether active and reactive power are swapped")));
    }
    if l.p_kw < 0.0 {
        let what = Diagnostic::warning("QUALITY.LOAD.NEGATIVE", format!("a load draws {} kW", l.p_kw));
        findings.push(about(network, id, what.hint("model generation as a generator or PV system, so that studies know it")));
    }
}
