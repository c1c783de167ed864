//! The circuit of the model that is followed.

use crate::access::Viewer;
use crate::problem::Problem;
use crate::routes::twin::{carriers, ends};
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::State;
use network::{Connection, ElementId, ElementKind, Network};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use twin::live::Twin;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(topology)).routes(routes!(summary))
}

fn of_kind(network: &Network, kind: ElementKind) -> impl Iterator<Item = ElementId> + '_ {
    network.ids(kind).filter(|id| network.common(*id).enabled)
}

fn is_closed(network: &Network, id: ElementId) -> bool {
    network.common(id).terminals.iter().all(network::Terminal::all_closed)
}

fn connection(of: Connection) -> &'static str {
    match of {
        Connection::Wye => "Wye",
        Connection::Delta => "Delta",
    }
}

fn transformer(network: &Network, id: ElementId) -> Value {
    let t = &network.transformers[id.index()];
    json!({
        "name": t.common.name,
        "phases": t.common.n_phases,
        "windings": t.windings.len(),
        "buses": ends(network, id),
        "kvas": t.windings.iter().map(|w| w.kva).collect::<Vec<_>>(),
        "kvs": t.windings.iter().map(|w| w.kv).collect::<Vec<_>>(),
        "connections": t.windings.iter().map(|w| connection(w.connection)).collect::<Vec<_>>(),
        // Of the first winding, as in the language of the model.
        "percent_r": t.windings.first().map(|w| w.r_pct),
        "percent_x": t.x_sc_pct.first(),
        "taps": t.windings.iter().map(|w| w.tap_pu).collect::<Vec<_>>(),
    })
}

fn load(network: &Network, id: ElementId) -> Value {
    let l = &network.loads[id.index()];
    let s = l.p_kw.hypot(l.q_kvar);
    json!({
        "name": l.common.name, "bus": ends(network, id).first(), "kv": l.kv, "kw": l.p_kw, "kvar": l.q_kvar,
        "power_factor": if s > 0.0 { Some(l.p_kw.abs() / s) } else { None },
        "phases": l.common.n_phases,
    })
}

fn line(network: &Network, id: ElementId) -> Value {
    let l = &network.lines[id.index()];
    json!({
        "name": l.common.name, "buses": ends(network, id), "phases": l.common.n_phases, "length": l.length,
        "length_unit": l.length_unit, "normal_amps": l.common.rating.normal_a, "emergency_amps": l.common.rating.emergency_a,
    })
}

/// The whole circuit. Positions of switches are those that the twin knows now, all else is as the model has it.
#[utoipa::path(get, path = "/api/circuit/topology", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn topology(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    blocking(move || Ok(Json(told(&twin)))).await
}

fn told(twin: &Twin) -> Value {
    let network: &Network = &twin.site().network;
    let moment = twin.moment();
    let positions: BTreeMap<&str, Option<bool>> = moment.switches.iter().map(|s| (s.element.as_str(), s.closed)).collect();
    let mut joined: Vec<Vec<String>> = vec![Vec::new(); network.buses.len()];
    for id in carriers(network) {
        for bus in ends(network, id) {
            if let Some(b) = network.bus_id(&bus) {
                joined[b.index()].push(network.common(id).name.clone());
            }
        }
    }
    let buses: Vec<Value> = network
        .buses
        .iter()
        .zip(joined)
        .map(|(b, connections)| json!({ "name": b.name, "base_kv": b.kv_base_ll(), "phases": b.nodes.len(), "connections": connections }))
        .collect();
    let all = |kind, of: &dyn Fn(ElementId) -> Value| -> Vec<Value> { of_kind(network, kind).map(of).collect() };
    let (switches, lines): (Vec<ElementId>, Vec<ElementId>) = of_kind(network, ElementKind::Line)
        .partition(|id| network.lines[id.index()].is_switch || positions.contains_key(network.full_name(*id).as_str()));
    let switch = |id: &ElementId| {
        let element = network.full_name(*id);
        let closed = positions.get(element.as_str()).copied().unwrap_or_else(|| Some(is_closed(network, *id)));
        json!({ "name": network.common(*id).name, "buses": ends(network, *id), "closed": closed })
    };
    let switches: Vec<Value> = switches.iter().map(switch).collect();
    let lines: Vec<Value> = lines.into_iter().map(|id| line(network, id)).collect();
    let transformers = all(ElementKind::Transformer, &|id| transformer(network, id));
    let loads = all(ElementKind::Load, &|id| load(network, id));
    let reactors = all(ElementKind::Reactor, &|id| {
        let r = &network.reactors[id.index()];
        json!({ "name": r.common.name, "buses": ends(network, id), "phases": r.common.n_phases, "kv": r.kv, "kvar": r.kvar })
    });
    let capacitors = all(ElementKind::Capacitor, &|id| {
        let c = &network.capacitors[id.index()];
        let kvar = match &c.size {
            network::CapacitorSize::Kvar(steps) => Some(steps.iter().sum::<f64>()),
            _ => None,
        };
        json!({ "name": c.common.name, "buses": ends(network, id), "phases": c.common.n_phases, "kv": c.kv, "kvar": kvar })
    });
    let sources = all(ElementKind::VoltageSource, &|id| {
        let s = &network.voltage_sources[id.index()];
        json!({ "name": s.common.name, "bus": ends(network, id).first(), "base_kv": s.base_kv, "pu": s.v_pu, "angle": s.angle_deg })
    });
    json!({
        "circuit_name": network.name,
        "frequency": network.options.frequency_hz,
        "base_kv": network.buses.iter().filter_map(network::Bus::kv_base_ll).reduce(f64::max),
        "total_buses": buses.len(),
        "total_transformers": transformers.len(),
        "total_lines": lines.len(),
        "total_switches": switches.len(),
        "total_loads": loads.len(),
        "total_reactors": reactors.len(),
        "total_capacitors": capacitors.len(),
        "total_sources": sources.len(),
        "buses": buses,
        "transformers": transformers,
        "lines": lines,
        "switches": switches,
        "loads": loads,
        "reactors": reactors,
        "capacitors": capacitors,
        "sources": sources,
    })
}

/// How many there are of each: elements of the model by class, equipment of the station by kind.
#[utoipa::path(get, path = "/api/circuit/components/summary", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn summary(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let network: &Network = &twin.site().network;
    let mut elements: BTreeMap<&str, usize> = BTreeMap::new();
    for id in &network.order {
        if network.common(*id).enabled {
            *elements.entry(id.kind.class()).or_default() += 1;
        }
    }
    let mut equipment: BTreeMap<&str, usize> = BTreeMap::new();
    for e in &twin.site().station.equipment {
        *equipment.entry(e.kind.word()).or_default() += 1;
    }
    let (lines, switches) = of_kind(network, ElementKind::Line)
        .fold((0, 0), |(l, s), id| if network.lines[id.index()].is_switch { (l, s + 1) } else { (l + 1, s) });
    Ok(Json(json!({
        "circuit_name": network.name,
        "buses": network.buses.len(),
        "lines": lines,
        "switches": switches,
        "transformers": of_kind(network, ElementKind::Transformer).count(),
        "loads": of_kind(network, ElementKind::Load).count(),
        "reactors": of_kind(network, ElementKind::Reactor).count(),
        "capacitors": of_kind(network, ElementKind::Capacitor).count(),
        "elements": elements,
        "total_assets": twin.site().station.equipment.len(),
        "assets": equipment,
    })))
}
