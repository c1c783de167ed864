//! Switching for people: voltages, loadings and steps in words.

use crate::number::fixed;
use network::{ElementId, ElementKind, Network};
use studies::switching::operator::Extreme;
use studies::switching::{Condition, Operation, Spot, Violation};

/// `0.9531 pu (2.289 kV) at 66.1`.
pub fn voltage(network: &Network, x: Extreme) -> String {
    let Some((pu, at)) = x else { return "-".to_owned() };
    let bus = match at {
        Spot::Node(bus, _) | Spot::Bus(bus) => Some(bus),
        Spot::Element(_) => None,
    };
    let kv = bus.and_then(|b| {
        let bus = network.bus(b);
        // Nodes to earth; of a transmission case line to line.
        bus.transmission.as_ref().map(|t| t.kv_base_ll).or(Some(bus.kv_base_ln)).filter(|kv| *kv > 0.0)
    });
    let kv = kv.map_or(String::new(), |kv| format!(" ({} kV)", fixed(pu * kv, 3)));
    format!("{} pu{kv} at {}", fixed(pu, 4), at.name(network))
}

/// `86.1 % (344 A) of line.13_18`.
pub fn loading(network: &Network, x: Extreme, emergency: bool) -> String {
    let Some((pct, at)) = x else { return "-".to_owned() };
    let size = match at {
        Spot::Element(id) => {
            rating(network, id, emergency).map_or(String::new(), |(rating, unit)| format!(" ({} {unit})", fixed(pct / 100.0 * rating, 0)))
        }
        _ => String::new(),
    };
    format!("{} %{size} {}", fixed(pct, 1), at.name(network))
}

/// The rating that loadings count from.
fn rating(network: &Network, id: ElementId, emergency: bool) -> Option<(f64, &'static str)> {
    match id.kind {
        ElementKind::Line | ElementKind::Reactor => {
            let r = &network.common(id).rating;
            Some((if emergency { r.emergency_a.max(r.normal_a) } else { r.normal_a }, "A"))
        }
        ElementKind::Transformer => {
            let t = &network.transformers[id.index()];
            let kva = if t.normal_kva > 0.0 { t.normal_kva } else { t.windings.first().map_or(0.0, |w| w.kva) };
            Some((if emergency { t.emergency_kva.max(kva) } else { kva }, "kVA"))
        }
        _ => None,
    }
    .filter(|r| r.0 > 0.0)
}

/// The heavier of the loadings.
pub fn heaviest(c: &Condition) -> Extreme {
    match (c.line_pct, c.transformer_pct) {
        (Some(a), Some(b)) => Some(if a.0 >= b.0 { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// `under-voltage 0.9312 pu at 66.1 (limit 0.95 pu)`.
pub fn violation(network: &Network, v: &Violation) -> String {
    let digits = if v.criterion.unit() == "pu" { 4 } else { 1 };
    let unit = v.criterion.unit();
    let before = v.before.map_or(String::new(), |b| format!(", before {} {unit}", fixed(b, digits)));
    format!(
        "{} {} {unit} at {} (limit {} {unit}{before})",
        v.criterion.name(),
        fixed(v.value, digits),
        v.at.name(network),
        crate::report::fixed_short(v.limit)
    )
}

/// `close line.sw_151_300`, with the terminal where it is not the first.
pub fn operation(network: &Network, o: &Operation) -> String {
    let terminal = if o.terminal == 0 { String::new() } else { format!(" terminal {}", o.terminal + 1) };
    format!("{} {}{terminal}", o.word(), network.full_name(o.element))
}

pub fn operations(network: &Network, all: &[Operation]) -> String {
    all.iter().map(|o| operation(network, o)).collect::<Vec<_>>().join(", ")
}
