//! What would be: changes solved upon the state of now, or of a time that is over.

use crate::access::Viewer;
use crate::follow::{problem_of, wire};
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scada::UtcTime;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use twin::live::view::{Metrics, Moment};
use twin::live::{Change, Comparison};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Changes of one question at most.
const CHANGES_MAX: usize = 1_000;
/// Share by which two values differ when they are told as different: what the solver's tolerance leaves is none.
const DIFFERS: f64 = 1e-5;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(solve))
}

/// A question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIf {
    /// ms since 1970; now unless told.
    #[serde(default)]
    at: Option<i64>,
    /// `{element, closed}`, `{load, factor}` or `{load, p_kw, q_kvar}` (`load` may be `all`), `{transformer, tap_position}`, `{capacitor, on}`.
    #[schema(value_type = Vec<Object>)]
    changes: Vec<Value>,
}

/// Changes, each understood for itself so that the one at fault can be named.
pub(in crate::routes) fn changes_of(values: Vec<Value>) -> Result<Vec<Change>, Problem> {
    let unfit = |detail: String| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "A change is not understood")
            .code("TWIN.CHANGE.UNREADABLE")
            .detail(detail)
            .hint("Write {element, closed}, {load, factor}, {load, p_kw, q_kvar}, {transformer, tap_position} or {capacitor, on}.")
            .field("changes")
    };
    if values.len() > CHANGES_MAX {
        return Err(unfit(format!("{} changes are asked for at once; {CHANGES_MAX} can be.", values.len())));
    }
    let mut changes = Vec::new();
    for (i, value) in values.into_iter().enumerate() {
        let keys: Vec<String> = value.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default();
        let change: Change = serde_json::from_value(value).map_err(|_| unfit(format!("Change {} has {}.", i + 1, keys.join(", "))))?;
        let known: &[&str] = match &change {
            Change::Switch { .. } => &["element", "closed"],
            Change::Load { load, factor, p_kw, q_kvar } => {
                if load.eq_ignore_ascii_case("all") && (p_kw.is_some() || q_kvar.is_some()) {
                    return Err(unfit(format!("Change {} would set every load to the same power; of all loads there is a factor.", i + 1)));
                }
                let numbers = [factor, p_kw, q_kvar].map(Option::is_some);
                if !numbers.contains(&true) || numbers[0] && (numbers[1] || numbers[2]) {
                    return Err(unfit(format!("Change {} needs a factor, or powers, and not both.", i + 1)));
                }
                &["load", "factor", "p_kw", "q_kvar"]
            }
            Change::Tap { .. } => &["transformer", "tap_position", "winding"],
            Change::Bank { .. } => &["capacitor", "on"],
        };
        if let Some(strange) = keys.iter().find(|k| !known.contains(&k.as_str())) {
            return Err(unfit(format!("Change {} has \"{strange}\", which does not go with the rest of it.", i + 1)));
        }
        changes.push(change);
    }
    Ok(changes)
}

/// A side of a comparison. Where the iteration came to no solution there is nothing to show: what it ended with is no state of the grid.
fn side(moment: &Moment) -> Value {
    match is_settled(moment) {
        true => json!({ "buses": moment.buses, "elements": moment.elements, "metrics": moment.metrics }),
        false => json!({ "buses": [], "elements": [], "metrics": Metrics::default() }),
    }
}

pub(in crate::routes) fn is_settled(moment: &Moment) -> bool {
    moment.estimate.state == "settled"
}

/// What of two values is told; `None` of what is the same.
fn difference(subject: &str, quantity: &str, unit: &str, before: Option<f64>, after: Option<f64>) -> Option<Value> {
    let is_same = match (before, after) {
        (Some(a), Some(b)) => (a - b).abs() <= DIFFERS * a.abs().max(b.abs()).max(1e-3),
        (None, None) => true,
        _ => false,
    };
    (!is_same).then(|| json!({ "subject": subject, "quantity": quantity, "unit": unit, "before": before, "after": after }))
}

fn figures(m: &Metrics) -> [(&'static str, &'static str, Option<f64>); 8] {
    [
        ("total_load_mw", "MW", m.total_load_mw),
        ("generation_mw", "MW", m.generation_mw),
        ("losses_mw", "MW", m.losses_mw),
        ("reactive_mvar", "Mvar", m.reactive_mvar),
        ("apparent_mva", "MVA", m.apparent_mva),
        ("efficiency_pct", "%", m.efficiency_pct),
        ("power_factor", "", m.power_factor),
        ("voltage_stability_pct", "%", m.voltage_stability_pct),
    ]
}

/// Metrics first, then voltages of buses and loadings of elements, in the order of the model.
fn differences(before: &Moment, after: &Moment) -> Vec<Value> {
    let mut found = Vec::new();
    for ((name, unit, a), (_, _, b)) in figures(&before.metrics).into_iter().zip(figures(&after.metrics)) {
        found.extend(difference("station", name, unit, a, b));
    }
    let buses: HashMap<&str, Option<f64>> = after.buses.iter().map(|b| (b.bus.as_str(), b.v_pu)).collect();
    for bus in &before.buses {
        let b = buses.get(bus.bus.as_str()).copied().flatten();
        found.extend(difference(&format!("bus.{}", bus.bus), "v_pu", "pu", bus.v_pu, b));
    }
    let elements: HashMap<&str, _> = after.elements.iter().map(|e| (e.element.as_str(), e)).collect();
    for element in &before.elements {
        let b = elements.get(element.element.as_str());
        let p = |e: &twin::live::view::ElementMoment| e.ends.first().and_then(|end| end.p_kw);
        found.extend(difference(&element.element, "p_kw", "kW", p(element), b.and_then(|b| p(b))));
        found.extend(difference(&element.element, "loading_pct", "%", element.loading_pct, b.and_then(|b| b.loading_pct)));
    }
    found
}

/// A comparison as the wire carries it.
pub(in crate::routes) fn told(of: &Comparison) -> Value {
    let (estimate, settled) = (&of.after.estimate, is_settled(&of.after));
    let differences = if settled { differences(&of.before, &of.after) } else { Vec::new() };
    json!({
        "at_ms": of.at_ms,
        "before": side(&of.before),
        "after": side(&of.after),
        "differences": differences,
        "before_off_estimate_pu": of.before_off_estimate_pu,
        "certificate": {
            "settled": settled,
            "iterations": estimate.iterations,
            "mismatch": estimate.mismatch_a,
            "mismatch_unit": "A",
            "mismatch_at": estimate.mismatch_at,
            "why": estimate.why,
        },
        "findings": wire::findings(&of.findings),
    })
}

/// What would be with some changes: the state before and after, solved by the same engine, and where they differ. Nothing is commanded.
#[utoipa::path(post, path = "/api/twin/what-if", tag = "twin", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = WhatIf,
    responses((status = 200, body = Object), (status = 404, body = Problem), (status = 409, description = "The state is not known", body = Problem), (status = 422, body = Problem)))]
pub async fn solve(State(app): State<App>, _: Viewer, Json(asked): Json<WhatIf>) -> Result<Json<Value>, Problem> {
    let twin = app.twin.get()?;
    let changes = changes_of(asked.changes)?;
    let at = asked.at.map(|ms| super::meant_ms("at", ms)).transpose()?.map(UtcTime::from_ms);
    app.twin.compute(move || twin.what_if(&changes, at).map(|c| Json(told(&c))).map_err(problem_of)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_say_one_thing() {
        let of = |value: Value| changes_of(vec![value]);
        assert!(matches!(of(json!({ "element": "line.q0", "closed": false })).unwrap()[..], [Change::Switch { closed: false, .. }]));
        assert!(matches!(of(json!({ "load": "all", "factor": 1.2 })).unwrap()[..], [Change::Load { factor: Some(_), p_kw: None, .. }]));
        assert!(matches!(of(json!({ "transformer": "t1", "tap_position": -3 })).unwrap()[..], [Change::Tap { tap_position: -3, .. }]));
        assert!(matches!(of(json!({ "capacitor": "c31", "on": true })).unwrap()[..], [Change::Bank { on: true, .. }]));
        for bad in [
            json!({}),
            json!({ "load": "all" }),
            json!({ "load": "x", "factor": 1.0, "p_kw": 3.0 }),
            json!({ "load": "all", "p_kw": 3.0 }),
            json!({ "element": "line.q0", "closed": true, "on": true }),
            json!({ "element": "line.q0" }),
            json!([1]),
        ] {
            assert_eq!(of(bad.clone()).unwrap_err().code.as_deref(), Some("TWIN.CHANGE.UNREADABLE"), "{bad}");
        }
    }

    #[test]
    fn an_iteration_without_a_solution_shows_no_numbers() {
        let moment = |state| {
            let metrics = Metrics { total_load_mw: Some(1.0), ..Metrics::default() };
            let estimate = twin::live::view::EstimateMoment { state, ..Default::default() };
            let (buses, elements, switches) = (Vec::new(), Vec::new(), Vec::new());
            let (trends, assets, devices) = (Vec::new(), Vec::new(), Vec::new());
            Moment { sequence: 0, time_ms: 0, replayed: false, estimate, metrics, trends, buses, elements, switches, assets, devices }
        };
        let of = |state| {
            let (before, after) = (moment("settled"), moment(state));
            told(&Comparison { at_ms: 0, before, after, before_off_estimate_pu: None, findings: Vec::new() })
        };
        assert_eq!(of("settled")["after"]["metrics"]["total_load_mw"], 1.0);
        let unsettled = of("unsettled");
        assert_eq!((&unsettled["after"]["metrics"]["total_load_mw"], &unsettled["differences"]), (&Value::Null, &json!([])));
        assert_eq!((&unsettled["certificate"]["settled"], &unsettled["before"]["metrics"]["total_load_mw"]), (&json!(false), &json!(1.0)));
    }

    #[test]
    fn what_is_the_same_is_not_told() {
        assert!(difference("x", "v_pu", "pu", Some(1.0), Some(1.000_001)).is_none());
        assert!(difference("x", "v_pu", "pu", None, None).is_none());
        assert_eq!(difference("x", "v_pu", "pu", Some(1.0), None).unwrap()["after"], Value::Null);
        assert!(difference("x", "v_pu", "pu", Some(1.0), Some(0.9999)).is_some());
    }
}
