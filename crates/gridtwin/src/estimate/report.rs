//! The report of an estimation for people, and its tables.

use super::Errors;
use crate::model::Model;
use crate::number::{count, fixed};
use crate::text::{Style, Table as Text};
use powerflow::estimation::{Estimate, Estimator, Flow, Role, Site, Status};
use serde_json::{Value as Json, json};
use studies::table::{Column, Table, Value, flag, number, text};

/// Rows that a report lists.
const SHOWN: usize = 15;

const NODES: &[Column] = &[
    text("node", "bus.node"),
    text("status", "measured, estimated, pseudo (from a profile alone), not_observable, dead"),
    number("v_pu", "pu", "voltage to earth; empty where nothing determines it"),
    number("v_sigma_pu", "pu", "its standard deviation"),
    number("v_v", "V", "voltage to earth"),
    number("v_sigma_v", "V", "its standard deviation"),
    number("angle_deg", "deg", "angle; empty where nothing determines it"),
    number("angle_sigma_deg", "deg", "its standard deviation"),
    studies::table::count("island", "island of observability; 0 for a node of none"),
];

const FLOWS: &[Column] = &[
    text("element", "class.name"),
    studies::table::count("terminal", "counted from 1"),
    studies::table::count("conductor", "counted from 1"),
    text("node", "bus.node"),
    text("status", "as of nodes"),
    number("i_a", "A", "current into the element"),
    number("i_sigma_a", "A", "its standard deviation"),
    number("i_angle_deg", "deg", "its angle"),
    number("p_kw", "kW", "active power into the element"),
    number("p_sigma_kw", "kW", "its standard deviation"),
    number("q_kvar", "kvar", "reactive power into the element"),
    number("q_sigma_kvar", "kvar", "its standard deviation"),
];

const LOSSES: &[Column] = &[
    text("element", "class.name"),
    number("p_kw", "kW", "active power that it burns; empty where a flow is not observable"),
    number("p_sigma_kw", "kW", "its standard deviation"),
];

const MEASUREMENTS: &[Column] = &[
    text("name", "name of the point"),
    text("quantity", "v, v_angle, i, i_angle, p, q"),
    text("place", "element with terminal and conductor, or node"),
    text("unit", "unit of the figures of this row"),
    number("value", "", "what it reads"),
    number("sigma", "", "standard deviation that it is said to have"),
    number("estimated", "", "what it should read"),
    number("estimated_sigma", "", "standard deviation of that"),
    number("residual", "", "read less estimated"),
    number("normalised_residual", "", "residual over its own deviation; empty for critical ones and those that took no part"),
    number("redundancy", "", "share of the variance that the residual keeps, 0 to 1"),
    text("role", "checked, critical, removed, dead, no_number, no_place"),
    flag("pseudo", "from a profile, not measured"),
    number("error", "", "of one found in error: read less what the others say"),
    number("error_sigma", "", "its standard deviation"),
];

fn place(estimator: &Estimator, site: Site) -> String {
    let grid = estimator.grid();
    match site {
        Site::Node(n) | Site::Drawn(n) => grid.names[n as usize].clone(),
        Site::Between(a, b) => format!("{} - {}", grid.names[a as usize], grid.names[b as usize]),
        Site::Conductor { element, terminal, conductor } => format!("{} {}.{}", grid.elements[element].name, terminal + 1, conductor + 1),
        Site::Terminal { element, terminal } => format!("{} {}", grid.elements[element].name, terminal + 1),
    }
}

pub fn tables(estimator: &Estimator, estimate: &Estimate) -> Vec<Table> {
    let grid = estimator.grid();
    let maybe = Value::maybe;
    let nodes = estimate.nodes.iter().map(|n| {
        let base = grid.v_base[n.node as usize];
        vec![
            Value::text(&grid.names[n.node as usize]),
            Value::text(n.status.word()),
            maybe(n.v_v.map(|v| v.0 / base)),
            maybe(n.v_v.map(|v| v.1 / base)),
            maybe(n.v_v.map(|v| v.0)),
            maybe(n.v_v.map(|v| v.1)),
            maybe(n.angle_rad.map(|a| a.0.to_degrees())),
            maybe(n.angle_rad.map(|a| a.1.to_degrees())),
            Value::Count(u64::from(n.island)),
        ]
    });
    let flows = estimate.flows.iter().map(|f| {
        let of = |value: fn(&Flow) -> f64| maybe(f.flow.as_ref().map(value));
        vec![
            Value::text(&grid.elements[f.element].name),
            Value::Count(f.terminal as u64 + 1),
            Value::Count(f.conductor as u64 + 1),
            Value::text(&grid.names[f.node as usize]),
            Value::text(f.status.word()),
            of(|f| f.i_a),
            of(|f| f.i_sigma_a),
            maybe(f.flow.as_ref().and_then(|f| f.i_angle_rad).map(|a| a.0.to_degrees())),
            of(|f| f.p_w / 1e3),
            of(|f| f.p_sigma_w / 1e3),
            of(|f| f.q_var / 1e3),
            of(|f| f.q_sigma_var / 1e3),
        ]
    });
    let losses = estimate
        .losses
        .iter()
        .map(|l| vec![Value::text(&grid.elements[l.element].name), maybe(l.p_w.map(|p| p.0 / 1e3)), maybe(l.p_w.map(|p| p.1 / 1e3))]);
    let measurements = estimator.measurements().iter().zip(&estimate.measurements).enumerate().map(|(k, (m, r))| {
        let gross = estimate.gross_errors.iter().find(|g| g.measurement == k);
        vec![
            Value::text(&m.name),
            Value::text(m.quantity.word()),
            Value::text(place(estimator, m.site)),
            Value::text(m.quantity.unit()),
            maybe(Some(m.value)),
            maybe(Some(m.sigma)),
            maybe(r.estimated.map(|e| e.0)),
            maybe(r.estimated.map(|e| e.1)),
            maybe(r.residual),
            maybe(r.normalised_residual),
            maybe(r.redundancy),
            Value::text(r.role.word()),
            Value::Flag(m.is_pseudo),
            maybe(gross.and_then(|g| g.error).map(|e| e.0)),
            maybe(gross.and_then(|g| g.error).map(|e| e.1)),
        ]
    });
    vec![
        Table { name: "nodes", meaning: "voltage of every node", columns: NODES, rows: nodes.collect() },
        Table { name: "flows", meaning: "what flows into every conductor of every terminal", columns: FLOWS, rows: flows.collect() },
        Table { name: "losses", meaning: "what elements between buses burn", columns: LOSSES, rows: losses.collect() },
        Table { name: "measurements", meaning: "how every measurement fared", columns: MEASUREMENTS, rows: measurements.collect() },
    ]
}

fn with_status(estimate: &Estimate, status: Status) -> usize {
    estimate.nodes.iter().filter(|n| n.status == status).count()
}

fn with_role(estimate: &Estimate, role: Role) -> usize {
    estimate.measurements.iter().filter(|m| m.role == role).count()
}

pub fn summary(model: &Model, estimator: &Estimator, estimate: &Estimate, errors: Option<&Errors>) -> Json {
    let grid = estimator.grid();
    let name = |k: usize| &estimator.measurements()[k].name;
    json!({
        "circuit": model.network.name,
        "certificate": estimate.certificate,
        "plausible": estimate.certificate.is_plausible(),
        "nodes": estimate.nodes.len(),
        "nodes_not_observable": with_status(estimate, Status::NotObservable),
        "nodes_dead": with_status(estimate, Status::Dead),
        "islands_of_observability": estimate.n_islands,
        "measurements": estimate.measurements.len(),
        "critical": with_role(estimate, Role::Critical),
        "total_loss_kw": estimate.total_loss_w.map(|l| l.0 / 1e3),
        "total_loss_sigma_kw": estimate.total_loss_w.map(|l| l.1 / 1e3),
        "gross_errors": estimate.gross_errors.iter().map(|g| json!({
            "name": name(g.measurement),
            "unit": estimator.measurements()[g.measurement].quantity.unit(),
            "error": g.error.map(|e| e.0),
            "error_sigma": g.error.map(|e| e.1),
            "normalised_residual": g.normalised_residual,
            "alike": g.alike.iter().map(|&k| name(k)).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "switches_doubted": estimate.switch_doubts.iter().map(|d| json!({
            "element": grid.elements[d.element].name,
            "told_closed": d.told_closed,
            "normalised_multiplier": d.normalised_multiplier,
            "i_a": d.i_a,
            "v_across_v": d.v_across_v,
        })).collect::<Vec<_>>(),
        "rmse_measured_pu": errors.map(|e| e.measured_pu),
        "rmse_estimated_pu": errors.map(|e| e.estimated_pu),
    })
}

pub fn render(model: &Model, estimator: &Estimator, estimate: &Estimate, errors: Option<&Errors>, style: Style) -> String {
    let c = &estimate.certificate;
    let mut out = format!("{}\n\n", style.bold(&format!("{}  ({})", model.network.name, model.name)));
    let determined = estimate.nodes.len() - with_status(estimate, Status::NotObservable) - with_status(estimate, Status::Dead);
    out.push_str(&format!(
        "{} of {} determined by {}; {} checked by no other\n",
        determined,
        count(estimate.nodes.len(), "node"),
        count(c.n_measurements, "measurement"),
        with_role(estimate, Role::Critical),
    ));
    out.push_str(&format!(
        "at rest after {}; sum of squares {} with {} degrees of freedom (limit {})\n",
        count(c.iterations as usize, "iteration"),
        fixed(c.objective, 1),
        fixed(c.degrees_of_freedom, 1),
        fixed(c.chi_square_limit, 1),
    ));
    out.push_str(&format!("largest sum of currents at a node {:.1e} A ({})\n", c.mismatch_a, c.mismatch_at));
    if let Some((loss, sigma)) = estimate.total_loss_w {
        out.push_str(&format!("losses {} kW (σ {})\n", fixed(loss / 1e3, 3), fixed(sigma / 1e3, 3)));
    }
    if let Some(e) = errors {
        out.push_str(&format!("RMSE of node voltages: measured {:.2e} pu, estimated {:.2e} pu\n", e.measured_pu, e.estimated_pu));
    }
    let mut worst: Vec<usize> =
        (0..estimate.measurements.len()).filter(|&k| estimate.measurements[k].normalised_residual.is_some()).collect();
    let size = |k: usize| estimate.measurements[k].normalised_residual.unwrap_or(0.0);
    worst.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    let mut table = Text::new(&["largest residuals", "read", "estimated", "unit", "normalised"]);
    for &k in worst.iter().take(SHOWN) {
        let (m, r) = (&estimator.measurements()[k], &estimate.measurements[k]);
        let estimated = r.estimated.map_or_else(String::new, |e| format!("{:.6}", e.0));
        table.row([m.name.clone(), format!("{:.6}", m.value), estimated, m.quantity.unit().to_owned(), fixed(size(k), 2)]);
    }
    out.push('\n');
    out.push_str(&table.render());
    out
}
