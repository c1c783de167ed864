//! The settings of relays.

use super::Read;
use super::fields::{Context, Fields};
use network::document::tree::{Node, Value};
use network::{CurrentStage, DistanceZone, ElementKind, EquipmentPart, InverseCurve, Network, RelayFunction, StationRelay, Threshold};
use std::collections::HashMap;

/// Reads the settings of a station's relays.
///
/// # Inputs
/// * `text` - the file, YAML; `file` - its name for findings.
/// * `network` - the model whose elements and buses it names.
///
/// # Returns
/// The relays in the order of the file, or `None` with at least one error among the findings.
pub fn read_relays(text: &str, file: &str, network: &Network) -> Read<Vec<StationRelay>> {
    let mut context = Context::new(network, file);
    let (list, _) = context.list_of(text, "relays", &[]);
    let mut relays: Vec<StationRelay> = Vec::new();
    for node in list {
        relays.extend(relay(&mut context, node));
    }
    let mut ids: HashMap<String, u32> = HashMap::new();
    for r in &relays {
        if let Some(first) = ids.insert(r.id.to_lowercase(), r.source.line) {
            let message = format!("two relays are called {}", r.id);
            context.error(
                r.source.line,
                "STATION.ID.TWICE",
                message,
                format!("the other stands in line {first}; give each an id of its own"),
            );
        }
    }
    let value = (!context.has_errors()).then_some(relays);
    Read { value, findings: context.findings }
}

#[derive(Clone, Copy)]
enum Kind {
    Transformer,
    Busbar,
    Distance,
    Overcurrent,
    Voltage,
    Frequency,
    Failure,
}

const KINDS: &[(&str, Kind)] = &[
    ("transformer_differential", Kind::Transformer),
    ("busbar_differential", Kind::Busbar),
    ("distance", Kind::Distance),
    ("overcurrent", Kind::Overcurrent),
    ("voltage", Kind::Voltage),
    ("frequency", Kind::Frequency),
    ("breaker_failure", Kind::Failure),
];

const LONGEST_S: f64 = 3600.0;
const MOST_A: f64 = 1e6;

fn relay(context: &mut Context<'_>, node: Node) -> Option<StationRelay> {
    let line = node.line;
    let mut f = Fields::of(context, node, "an entry of `relays`")?;
    let id = f.text(context, "id").map(|(id, _)| id);
    if let Some(id) = &id {
        f.what = format!("relay {id}");
    }
    let kind = f.word(context, "kind", KINDS);
    let trips: Vec<_> = f.parts(context, "trips").into_iter().map(|p| p.element).collect();
    for &breaker in &trips {
        if breaker.kind != ElementKind::Line || !context.network.lines[breaker.index()].is_switch {
            let message = format!("{} trips {}, which is no switch", f.what, context.network.full_name(breaker));
            context.error(line, "STATION.RELAY.TRIPS", message, "name breakers, `line.…` with `switch=yes`");
        }
    }
    // An unknown kind says nothing about the other fields.
    let function = function(context, &mut f, kind?);
    let source = context.at(line);
    f.end(context);
    Some(StationRelay { id: id?, function: function?, trips, source })
}

fn function(context: &mut Context<'_>, f: &mut Fields, kind: Kind) -> Option<RelayFunction> {
    match kind {
        Kind::Transformer => {
            let transformer = f.element(context, "transformer");
            if let Some(id) = transformer.filter(|t| t.kind != ElementKind::Transformer) {
                let message = format!("{}: {} is no transformer", f.what, context.network.full_name(id));
                context.error(f.line, "STATION.EQUIPMENT.KIND", message, "name a transformer");
            }
            let (pickup, slope_1) = (f.number(context, "pickup_pu", 0.05, 2.0), f.number(context, "slope_1_pct", 5.0, 100.0));
            let (knee, slope_2) = (f.number(context, "knee_pu", 0.5, 20.0), f.number(context, "slope_2_pct", 5.0, 200.0));
            let unrestrained = f.number(context, "unrestrained_pu", 1.0, 50.0);
            Some(RelayFunction::TransformerDifferential {
                transformer: transformer?,
                pickup_pu: pickup?,
                slope_1_pct: slope_1?,
                knee_pu: knee?,
                slope_2_pct: slope_2?,
                unrestrained_pu: unrestrained?,
            })
        }
        Kind::Busbar => {
            let (bus, pickup) = (f.bus(context, "bus"), f.number(context, "pickup_a", 1.0, MOST_A));
            let slope = f.number(context, "slope_pct", 5.0, 100.0);
            Some(RelayFunction::BusbarDifferential { bus: bus?, pickup_a: pickup?, slope_pct: slope? })
        }
        Kind::Distance => {
            let at = place(context, f);
            let (k0, angle) = (f.number(context, "k0_magnitude", 0.0, 10.0), f.number(context, "k0_angle_deg", -180.0, 180.0));
            let mut zones = Vec::new();
            for node in f.list(context, "zones") {
                let Some(mut z) = Fields::of(context, node, format!("a zone of {}", f.what)) else { continue };
                let (reach, angle) = (z.number(context, "reach_ohm", 0.001, 1e5), z.number(context, "angle_deg", 0.0, 120.0));
                let time = z.number(context, "time_s", 0.0, LONGEST_S);
                z.end(context);
                if let (Some(reach_ohm), Some(angle_deg), Some(time_s)) = (reach, angle, time) {
                    zones.push(DistanceZone { reach_ohm, angle_deg, time_s });
                }
            }
            Some(RelayFunction::Distance { at: at?, zones, k0_magnitude: k0?, k0_angle_deg: angle? })
        }
        Kind::Overcurrent => {
            let at = place(context, f);
            let (phase, earth) = (stages(context, f, "phase"), stages(context, f, "earth"));
            Some(RelayFunction::Overcurrent { at: at?, phase, earth })
        }
        Kind::Voltage => {
            let bus = f.bus(context, "bus");
            let (under, over) = (thresholds(context, f, "under", 0.0, 1.0), thresholds(context, f, "over", 1.0, 3.0));
            Some(RelayFunction::Voltage { bus: bus?, under, over })
        }
        Kind::Frequency => {
            let bus = f.bus(context, "bus");
            let (under, over) = (thresholds(context, f, "under", 10.0, 70.0), thresholds(context, f, "over", 10.0, 70.0));
            Some(RelayFunction::Frequency { bus: bus?, under, over })
        }
        Kind::Failure => {
            let (breaker, pickup) = (f.element(context, "breaker"), f.number(context, "pickup_a", 0.1, MOST_A));
            let time = f.number(context, "time_s", 0.01, LONGEST_S);
            Some(RelayFunction::BreakerFailure { breaker: breaker?, pickup_a: pickup?, time_s: time? })
        }
    }
}

/// The terminal at which a relay measures; the first when none is told.
fn place(context: &mut Context<'_>, f: &mut Fields) -> Option<EquipmentPart> {
    f.part(context, "at").map(|p| EquipmentPart { terminal: Some(p.terminal.unwrap_or(0)), ..p })
}

fn stages(context: &mut Context<'_>, f: &mut Fields, key: &str) -> Vec<CurrentStage> {
    let mut found = Vec::new();
    for node in f.list(context, key) {
        let Some(mut s) = Fields::of(context, node, format!("a stage of {}", f.what)) else { continue };
        let (pickup, time) = (s.number(context, "pickup_a", 0.1, MOST_A), s.number(context, "time", 0.0, LONGEST_S));
        let curves = InverseCurve::ALL.map(|c| (c.word(), c));
        let curve = match s.take("curve") {
            None => Some(None),
            Some(entry) => {
                let line = entry.line;
                let one = Node { line, value: Value::Map(vec![entry]) };
                Fields::of(context, one, s.what.clone()).and_then(|mut one| one.word(context, "curve", &curves)).map(Some)
            }
        };
        s.end(context);
        if let (Some(pickup_a), Some(time), Some(curve)) = (pickup, time, curve) {
            found.push(CurrentStage { pickup_a, curve, time });
        }
    }
    found
}

fn thresholds(context: &mut Context<'_>, f: &mut Fields, key: &str, low: f64, high: f64) -> Vec<Threshold> {
    let mut found = Vec::new();
    for node in f.list(context, key) {
        let Some(mut t) = Fields::of(context, node, format!("a threshold of {}", f.what)) else { continue };
        let (value, time) = (t.number(context, "value", low, high), t.number(context, "time_s", 0.0, LONGEST_S));
        t.end(context);
        if let (Some(value), Some(time_s)) = (value, time) {
            found.push(Threshold { value, time_s });
        }
    }
    found
}
