//! Scenarios upon the state of now: a piece of equipment out of service, or a short circuit.

use crate::access::Viewer;
use crate::follow::problem_of;
use crate::moment::{now_ms, rfc3339_ms};
use crate::problem::Problem;
use crate::routes::twin::{changes_of, is_settled, told_comparison};
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use network::document::nearest;
use network::{BusId, ElementId, Network, SolutionMode};
use powerflow::fault_study::{FaultCases, FaultType, faults};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use twin::live::{Change, Twin};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Largest resistance of a fault, ohm.
const R_MAX_OHM: f64 = 10_000.0;
/// Resistance of a fault that has none told, ohm; 0 has no admittance.
const R_OHM: f64 = 1e-4;
/// Tolerance and iterations of a faulted power flow, as `gridtwin faults` has them.
const TOLERANCE_PU: f64 = 1e-9;
const MAX_ITERATIONS: u32 = 500;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(simulate))
}

/// A scenario.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct Simulation {
    /// `contingency` or `fault`.
    #[serde(alias = "scenario_type")]
    scenario: String,
    /// Of a contingency: element or equipment that is out of service.
    #[serde(default, alias = "asset_id", alias = "asset")]
    element: Option<String>,
    /// Of a fault.
    #[serde(default, alias = "location")]
    bus: Option<String>,
    /// Of a fault: `3ph`, `slg`, `ll` or `llg`; `3ph` unless told.
    #[serde(default, rename = "type", alias = "fault_type")]
    kind: Option<String>,
    /// Of a fault, ohm.
    #[serde(default)]
    r_ohm: Option<f64>,
    /// Of a contingency: further changes, as of what-if.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    changes: Vec<Value>,
}

fn unfit(title: impl Into<String>, field: &str, hint: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title).code("TWIN.SIMULATION.UNFIT").field(field).hint(hint)
}

/// Solves a scenario upon the state of now. A contingency opens the switches around the element; a fault is solved in the power flow with
/// all loads in place. Nothing is commanded.
#[utoipa::path(post, path = "/api/simulation", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = Simulation,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn simulate(State(app): State<App>, _: Viewer, Json(asked): Json<Simulation>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    app.twin
        .compute(move || {
            let mut answer = match asked.scenario.trim().to_lowercase().as_str() {
                "contingency" | "n-1" => contingency(&twin, &asked)?,
                "fault" => fault(&twin, &asked)?,
                _ => return Err(unfit("There is no such scenario", "scenario", "Choose contingency or fault.")),
            };
            answer["timestamp"] = rfc3339_ms(now_ms()).into();
            Ok(Json(answer))
        })
        .await
}

/// The element or equipment of a name.
fn elements_named(twin: &Twin, name: &str) -> Result<Vec<ElementId>, Problem> {
    let (network, station) = (&twin.site().network, &twin.site().station);
    if let Some(id) = network.find(name) {
        return Ok(vec![id]);
    }
    if let Some(equipment) = station.find(name) {
        let parts: BTreeSet<ElementId> = equipment.parts.iter().map(|p| p.element).collect();
        if !parts.is_empty() {
            return Ok(parts.into_iter().collect());
        }
        return Err(unfit(
            format!("{} is no element that can be out of service", equipment.id),
            "element",
            "Name one of the elements around it.",
        ));
    }
    let names: Vec<String> =
        network.order.iter().map(|id| network.full_name(*id)).chain(station.equipment.iter().map(|e| e.id.clone())).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = nearest(name, &names).map_or_else(String::new, |n| format!("The nearest is \"{n}\"."));
    Err(Problem::not_found("No element and no equipment has this name").code("TWIN.SUBJECT.UNKNOWN").detail(near).field("element"))
}

fn is_switch(network: &Network, id: ElementId) -> bool {
    id.kind == network::ElementKind::Line && network.lines[id.index()].is_switch
}

/// The switches that take an element out: it itself where it is one, else those at the buses of its ends that nothing else hangs on.
///
/// Of an end whose own switch cannot be told apart from those of its neighbours (a bus with more than the element and switches), none is
/// found: opening what is there would take the neighbours out too.
fn isolating(network: &Network, out: ElementId) -> Result<Vec<ElementId>, BusId> {
    if is_switch(network, out) {
        return Ok(vec![out]);
    }
    let mut switches = Vec::new();
    let shunt_ends = crate::routes::twin::ends(network, out);
    for bus in shunt_ends.iter().filter_map(|b| network.bus_id(b)) {
        let at: Vec<ElementId> = crate::routes::twin::carriers(network)
            .filter(|id| *id != out && network.common(*id).terminals.iter().any(|t| t.bus == bus))
            // What hangs on this bus alone goes with the element: surge capacitors, voltage transformers.
            .filter(|id| crate::routes::twin::ends(network, *id).len() > 1)
            .collect();
        // A bus with nothing beside the element needs no switch.
        if at.is_empty() {
            continue;
        }
        if at.iter().all(|id| is_switch(network, *id)) {
            switches.extend(at);
        } else {
            return Err(bus);
        }
    }
    Ok(switches)
}

fn contingency(twin: &Twin, asked: &Simulation) -> Result<Value, Problem> {
    let network: &Network = &twin.site().network;
    let name = asked.element.as_deref().map(str::trim).filter(|n| !n.is_empty());
    if name.is_none() && asked.changes.is_empty() {
        return Err(unfit("It is not said what is out of service", "element", "Name an element, a piece of equipment, or changes."));
    }
    let mut opened = Vec::new();
    if let Some(name) = name {
        for id in elements_named(twin, name)? {
            let switches = isolating(network, id).map_err(|bus| {
                unfit(
                    format!("{} has no switch of its own at bus {}", network.full_name(id), network.bus(bus).name),
                    "element",
                    "Name the switches that are to open as `changes`.",
                )
            })?;
            if switches.is_empty() {
                return Err(unfit(format!("No switch takes {} out of service", network.full_name(id)), "element", "Name a switch."));
            }
            opened.extend(switches.iter().map(|s| network.full_name(*s)));
        }
    }
    opened.sort();
    opened.dedup();
    let mut changes: Vec<Change> = opened.iter().map(|e| Change::Switch { element: e.clone(), closed: false }).collect();
    changes.extend(changes_of(asked.changes.clone())?);
    let comparison = twin.what_if(&changes, None).map_err(problem_of)?;
    let limits = &twin.site().settings;
    let after = &comparison.after;
    let overloads: Vec<Value> = after
        .elements
        .iter()
        .filter(|e| e.loading_pct.is_some_and(|l| l > limits.loading_limit_pct))
        .map(|e| json!({ "element": e.element, "loading_percent": e.loading_pct }))
        .collect();
    let voltages: Vec<Value> = after
        .buses
        .iter()
        .filter(|b| b.v_pu.is_some_and(|v| v > 0.0 && !(limits.v_low_pu..=limits.v_high_pu).contains(&v)))
        .map(|b| json!({ "bus": b.bus, "voltage_pu": b.v_pu }))
        .collect();
    let was_live: BTreeSet<&str> =
        comparison.before.buses.iter().filter(|b| b.v_pu.is_some_and(|v| v > 0.0)).map(|b| b.bus.as_str()).collect();
    let dead: Vec<&str> = after
        .buses
        .iter()
        .filter(|b| was_live.contains(b.bus.as_str()) && b.v_pu.is_none_or(|v| v == 0.0))
        .map(|b| b.bus.as_str())
        .collect();
    let change_mw = comparison.before.metrics.total_load_mw.zip(after.metrics.total_load_mw).map(|(before, after)| after - before);
    // What an iteration without a solution ended with says nothing.
    let settled = is_settled(after);
    let known = |value: Value| if settled { value } else { Value::Null };
    Ok(json!({
        "scenario": "contingency",
        "element": name,
        "opened": opened,
        "converged": settled,
        "load_change_mw": known(json!(change_mw)),
        "overloads": known(overloads.into()),
        "voltage_violations": known(voltages.into()),
        "dead_buses": known(json!(dead)),
        "results": told_comparison(&comparison),
    }))
}

fn fault(twin: &Twin, asked: &Simulation) -> Result<Value, Problem> {
    let Some(bus) = asked.bus.as_deref().map(str::trim).filter(|b| !b.is_empty()) else {
        return Err(unfit("It is not said where the fault is", "bus", "Name a bus; GET /api/circuit/topology lists them."));
    };
    let word = asked.kind.as_deref().unwrap_or("3ph").trim().to_lowercase();
    let kind = match word.as_str() {
        "three_phase" | "3-phase" => FaultType::ThreePhase,
        "lg" | "single_line_to_ground" => FaultType::LineGround,
        "line_to_line" => FaultType::LineLine,
        "double_line_to_ground" => FaultType::LineLineGround,
        word => FaultType::of_word(word).ok_or_else(|| unfit("There is no such fault", "type", "Choose 3ph, slg, ll or llg."))?,
    };
    let r_ohm = asked.r_ohm.unwrap_or(0.0);
    if !(0.0..=R_MAX_OHM).contains(&r_ohm) {
        return Err(unfit("The resistance is out of range", "r_ohm", format!("It can be 0 to {R_MAX_OHM} ohm.")));
    }
    let mut network = twin.network(None).map_err(problem_of)?;
    let Some(id) = network.bus_id(bus) else {
        let names: Vec<&str> = network.buses.iter().map(|b| b.name.as_str()).collect();
        let near = nearest(bus, &names).map_or_else(String::new, |n| format!("The nearest is \"{n}\"."));
        return Err(Problem::not_found("The network has no such bus").code("TWIN.SUBJECT.UNKNOWN").detail(near).field("bus"));
    };
    network.options.mode = SolutionMode::Snapshot;
    network.options.tolerance_pu = TOLERANCE_PU;
    network.options.max_iterations = MAX_ITERATIONS;
    let cases = FaultCases { buses: vec![network.bus(id).name.clone()], types: vec![kind], r_ohm: r_ohm.max(R_OHM) };
    let rows = faults(&network, &cases).map_err(|e| Problem::of_finding(StatusCode::UNPROCESSABLE_ENTITY, e.diagnostic()))?;
    let told: Vec<Value> = rows
        .iter()
        .map(|row| {
            let currents: Option<Vec<Value>> = row.converged.then(|| {
                row.nodes
                    .iter()
                    .zip(&row.i_a)
                    .map(|(node, i)| json!({ "node": node, "current_ka": i.norm() / 1000.0, "angle_deg": i.arg().to_degrees() }))
                    .collect()
            });
            json!({ "nodes": row.nodes, "converged": row.converged, "currents": currents })
        })
        .collect();
    let largest = rows.iter().filter(|r| r.converged).flat_map(|r| &r.i_a).map(|i| i.norm() / 1000.0).reduce(f64::max);
    Ok(json!({
        "scenario": "fault",
        "fault_type": kind.word(),
        "location": network.bus(id).name,
        "base_kv": network.bus(id).kv_base_ll(),
        "r_ohm": r_ohm.max(R_OHM),
        "converged": !rows.is_empty() && rows.iter().all(|r| r.converged),
        "fault_current_ka": largest,
        "faults": told,
    }))
}
