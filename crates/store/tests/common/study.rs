//! A small study whose figures can be worked out by hand: two feeders that are done and one that failed.

use super::made::{Cell, batch, begin, job};
use arrow_array::RecordBatch;
use store::{Job, Lake};

pub const GOOD: usize = 0;
pub const BAD: usize = 1;

fn node(name: &str, v: Option<(f64, f64, f64)>, hours: [f64; 4]) -> Vec<(&'static str, Cell)> {
    let (bus, phase) = name.split_once('.').expect("bus and phase");
    vec![
        ("node", Cell::from(name)),
        ("bus", bus.into()),
        ("phase", phase.parse::<f64>().expect("a number").into()),
        ("kv_base_ln", 7.2.into()),
        ("steps", 8760.into()),
        ("v_min_pu", v.map(|v| v.0).into()),
        ("v_min_hour", v.map(|_| 18.0).into()),
        ("v_mean_pu", v.map(|v| v.1).into()),
        ("v_p05_pu", v.map(|v| v.0 + 0.001).into()),
        ("v_p95_pu", v.map(|v| v.2 - 0.001).into()),
        ("v_max_pu", v.map(|v| v.2).into()),
        ("v_max_hour", v.map(|_| 3.0).into()),
        ("hours_below_a", hours[0].into()),
        ("hours_above_a", hours[1].into()),
        ("hours_below_b", hours[2].into()),
        ("hours_above_b", hours[3].into()),
    ]
}

fn element(name: &str, rating: f64, max: Option<f64>, hours: f64) -> Vec<(&'static str, Cell)> {
    let is_line = name.starts_with("line.");
    vec![
        ("element", Cell::from(name)),
        ("kind", if is_line { "line" } else { "transformer" }.into()),
        ("rating_a", is_line.then_some(rating).into()),
        ("rating_kva", (!is_line).then_some(rating).into()),
        ("loading_max_pct", max.into()),
        ("loading_max_hour", max.map(|_| 17.0).into()),
        ("loading_p99_pct", max.map(|m| m * 0.9).into()),
        ("loading_p95_pct", max.map(|m| m * 0.8).into()),
        ("loading_mean_pct", max.map(|m| m * 0.5).into()),
        ("hours_above_normal", hours.into()),
        ("losses_kwh", 12.5.into()),
        ("unbalance_max_pct", if is_line { Cell::Null } else { 7.5.into() }),
    ]
}

fn totals(unsettled: i32, losses: f64) -> RecordBatch {
    batch(
        "feeder_totals",
        &[vec![
            ("nodes", Cell::from(4)),
            ("loads", 3.into()),
            ("line_km", 1.5.into()),
            ("transformer_kva", 75.0.into()),
            ("step_h", 0.5.into()),
            ("steps", 100.into()),
            ("unsettled", unsettled.into()),
            ("peak_kw", 80.0.into()),
            ("peak_hour", 17.0.into()),
            ("energy_kwh", 2000.0.into()),
            ("load_energy_kwh", (2000.0 - losses).into()),
            ("losses_kwh", losses.into()),
            ("line_losses_kwh", (losses * 0.25).into()),
            ("transformer_losses_kwh", (losses * 0.75).into()),
            ("no_load_losses_kwh", 10.0.into()),
            ("control_actions", 42.into()),
        ]],
    )
}

/// Writes the study `base` into a new lake.
pub fn write(lake: &Lake) {
    let run = begin(lake, "base");
    let quiet = [0.0; 4];
    let good = vec![
        ("feeder_totals".to_owned(), vec![totals(0, 60.0)]),
        (
            "node_statistics".to_owned(),
            vec![batch("node_statistics", &[node("a.1", Some((0.97, 1.0, 1.02)), quiet), node("a.2", Some((0.98, 1.01, 1.03)), quiet)])],
        ),
        (
            "element_statistics".to_owned(),
            vec![batch("element_statistics", &[element("line.l1", 200.0, Some(55.0), 0.0), element("transformer.t1", 75.0, None, 0.0)])],
        ),
    ];
    let bad = vec![
        ("feeder_totals".to_owned(), vec![totals(20, 100.0)]),
        (
            "node_statistics".to_owned(),
            vec![batch(
                "node_statistics",
                &[
                    node("b.1", Some((0.93, 0.99, 1.06)), [30.0, 4.0, 0.0, 1.0]),
                    // As low as the first: the first name is told.
                    node("a.3", Some((0.93, 0.97, 1.01)), [50.0, 0.0, 0.0, 0.0]),
                    node("b.2", Some((0.96, 1.0, 1.055)), [0.0, 2.0, 0.0, 0.0]),
                    node("dead.1", None, quiet),
                ],
            )],
        ),
        (
            "element_statistics".to_owned(),
            vec![batch(
                "element_statistics",
                &[
                    element("line.l1", 100.0, Some(104.0), 12.0),
                    element("transformer.t2", 25.0, Some(130.0), 40.0),
                    element("transformer.t1", 50.0, Some(130.0), 0.5),
                ],
            )],
        ),
    ];
    run.commit(&job(GOOD), &good, serde_json::Value::Null).unwrap();
    run.commit(&job(BAD), &bad, serde_json::Value::Null).unwrap();
    let odd = Job::new("feeder, \"quoted\"|piped <tag>", "input", "options");
    run.fail(&odd, "load \"x\" stands on a bus that does not exist").unwrap();
}
