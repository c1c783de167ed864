//! What a request waits for: one moment of a network, the course of one thing through a study, a question to the lake.

use super::models::parsed;
use super::project_dir;
use super::studies::{Quiet, question};
use crate::cli::{Command, IterationArguments, Mode};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::qsts::feeder::{self, Question};
use crate::qsts::lake_run::{StudyRun, run_study};
use crate::qsts::models::ModelRef;
use crate::solve;
use crate::text::Style;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt8Type, UInt32Type};
use arrow_array::{Array, RecordBatch};
use network::{ControlMode, Diagnostic, Network};
use num_complex::Complex64;
use powerflow::newton;
use powerflow::{Outcome, Solution};
use serde_json::{Map, Value, json};
use server::jobs::{ControlsParam, MomentParams, SnapshotParams, Spec, SqlParams};
use std::collections::{BTreeMap, HashMap};
use store::project::Project;
use store::{Lake, Status};

/// Steps of which a course is computed while somebody waits.
const COURSE_STEPS_MAX: u32 = 200_000;

/// Numbers of elements and buses, as the map has them: their places in the order of creation and among the buses.
fn numbers(network: &Network) -> (HashMap<String, usize>, HashMap<String, usize>) {
    let elements = network.order.iter().enumerate().map(|(i, &id)| (network.full_name(id).to_lowercase(), i)).collect();
    let buses = network.buses.iter().enumerate().map(|(i, b)| (b.name.to_lowercase(), i)).collect();
    (elements, buses)
}

/// A solution as the wire has it: nodes with the numbers of their buses, elements with theirs.
fn told(network: &Network, solution: &Solution) -> Value {
    let (element_numbers, bus_numbers) = numbers(network);
    let nodes: Vec<Value> = solution
        .nodes()
        .into_iter()
        .map(|n| {
            json!({
                "i": bus_numbers.get(&n.bus.to_lowercase()),
                "bus": n.bus,
                "node": n.node,
                "phase": n.node.rsplit('.').next().and_then(|p| p.parse::<u32>().ok()),
                "v_pu": n.v_pu,
                "v_v": n.v_v.norm(),
                "angle_deg": n.angle_deg,
            })
        })
        .collect();
    let loadings: HashMap<String, f64> = solution.loadings().into_iter().map(|l| (l.element.to_lowercase(), l.loading_pct)).collect();
    // Of each element: power into terminal 1, and the largest current of a conductor at any terminal.
    let mut flows: BTreeMap<usize, (String, Complex64, f64)> = BTreeMap::new();
    for row in solution.elements() {
        let Some(&i) = element_numbers.get(&row.element.to_lowercase()) else { continue };
        let flow = flows.entry(i).or_insert_with(|| (row.element.clone(), Complex64::ZERO, 0.0));
        if row.terminal == 1 {
            flow.1 += Complex64::new(row.p_kw, row.q_kvar);
        }
        flow.2 = flow.2.max(row.i_a.norm());
    }
    let elements: Vec<Value> = flows
        .into_iter()
        .map(|(i, (id, s, i_a))| {
            let loading_pct = loadings.get(&id.to_lowercase());
            json!({ "i": i, "id": id, "loading_pct": loading_pct, "p_kw": s.re, "q_kvar": s.im, "i_a": i_a })
        })
        .collect();
    let (delivered, losses) = (solution.delivered_kva(), solution.losses_kva());
    json!({
        "settled": true,
        "certificate": solution.certificate(),
        "p_kw": delivered.re,
        "q_kvar": delivered.im,
        "losses_kw": losses.re,
        "losses_kvar": losses.im,
        "nodes": nodes,
        "elements": elements,
        "regulators": solution.regulators(),
        "capacitors": solution.capacitors(),
        "inverters": solution.inverters(),
    })
}

fn told_newton(network: &Network, solution: &newton::Solution) -> Value {
    let (element_numbers, bus_numbers) = numbers(network);
    let nodes: Vec<Value> = solution
        .buses
        .iter()
        .map(|b| {
            let v_v = b.v_pu.map(|v| v * b.kv_base_ll * 1e3 / 3.0_f64.sqrt());
            json!({ "i": bus_numbers.get(&b.bus.to_lowercase()), "bus": b.bus, "node": b.bus, "v_pu": b.v_pu, "v_v": v_v, "angle_deg": b.angle_deg })
        })
        .collect();
    let mut ends: BTreeMap<usize, Value> = BTreeMap::new();
    for end in &solution.branch_ends {
        let Some(&i) = element_numbers.get(&end.element.to_lowercase()) else { continue };
        let row = ends.entry(i).or_insert_with(|| {
            let kilo = |x: Option<f64>| x.map(|x| x * 1e3);
            json!({ "i": i, "id": end.element, "loading_pct": null, "p_kw": kilo(end.p_mw), "q_kvar": kilo(end.q_mvar), "i_a": null })
        });
        let most = row["loading_pct"].as_f64().into_iter().chain(end.loading_pct).reduce(f64::max);
        row["loading_pct"] = json!(most);
    }
    json!({
        "settled": true,
        "certificate": solution.certificate,
        "p_kw": solution.certificate.generation_mw * 1e3,
        "q_kvar": solution.certificate.generation_mvar * 1e3,
        "losses_kw": solution.certificate.losses_mw * 1e3,
        "losses_kvar": solution.certificate.losses_mvar * 1e3,
        "nodes": nodes,
        "elements": ends.into_values().collect::<Vec<_>>(),
    })
}

/// A network at one moment.
///
/// # Errors
/// A network that a check refuses, that cannot be compiled, or that does not settle, with the evidence.
pub fn snapshot(spec: &Spec, params: &SnapshotParams) -> Result<Value, Failure> {
    let mut model = Model::of_version(project_dir(spec)?, params.network.as_deref(), params.version)?;
    model.preflight(params.lenient)?;
    if model.network.is_transmission() {
        let defaults = newton::Options::default();
        let controls =
            if matches!(params.controls, Some(ControlsParam::Static)) { newton::Controls::Active } else { newton::Controls::Locked };
        let options = newton::Options { controls, tolerance_pu: params.tolerance_pu.unwrap_or(defaults.tolerance_pu), ..defaults };
        if params.load_factor.is_some_and(|f| f != 1.0) {
            return Err(Diagnostic::error("JOB.PARAMETER.VALUE", "a transmission case is solved with the loads that it has")
                .hint("Leave load_factor out.")
                .into());
        }
        let solution = crate::transmission::solve_network(&model.network, &options).map_err(Failure::new)?;
        let mut answer = told_newton(&model.network, &solution);
        answer["findings"] = json!(model.diagnostics);
        return Ok(answer);
    }
    let iteration = IterationArguments { tolerance: params.tolerance_pu, ..IterationArguments::default() };
    solve::set_options(&mut model.network.options, Mode::Snapshot, None, &iteration);
    match params.controls {
        Some(ControlsParam::Off) => model.network.options.control_mode = ControlMode::Off,
        Some(ControlsParam::Static) => model.network.options.control_mode = ControlMode::Static,
        Some(ControlsParam::Time) => model.network.options.control_mode = ControlMode::Time,
        None => {}
    }
    if let Some(factor) = params.load_factor {
        model.network.options.load_multiplier *= factor;
    }
    let solution = solve::solve(&mut model)?;
    let mut answer = told(&model.network, &solution);
    answer["findings"] = json!(model.diagnostics);
    Ok(answer)
}

/// The version of a network that a study solved, with the study's question.
fn of_study(spec: &Spec, params: &MomentParams) -> Result<(ModelRef, Question), Failure> {
    let dir = project_dir(spec)?;
    let version = Project::open(dir)?.version(Some(&params.network), Some(params.version))?;
    Ok((ModelRef::of_project(dir, &version), question(dir, &params.study)?))
}

/// One step of a study, reached as the study reached it, so that controls and storage stand as they stood.
///
/// # Errors
/// A network that cannot be solved; a step that does not settle, with the evidence.
pub fn hour(spec: &Spec, params: &MomentParams) -> Result<Value, Failure> {
    let (model, question) = of_study(spec, params)?;
    let ready = feeder::read(&model, &question, &Default::default()).ready?;
    let (model, outcome) = ready.solve_step(&question, params.step)?;
    let mut answer = match outcome {
        Outcome::Settled(solution) => told(&model.network, &solution),
        Outcome::Unsettled(unsettled) => {
            let findings = unsettled.forensics.diagnostics();
            json!({ "settled": false, "certificate": unsettled.certificate, "nodes": [], "elements": [], "findings": findings })
        }
    };
    answer["network"] = json!(params.network);
    answer["version"] = json!(params.version);
    answer["hour"] = json!(f64::from(params.step) * question.options.step_h);
    Ok(answer)
}

/// The course of one element, bus or node through a study: solved again, for a study keeps statistics of a thing and not its course.
///
/// # Errors
/// A name that the network does not have, a network that cannot be solved.
pub fn series(spec: &Spec, params: &MomentParams) -> Result<Value, Failure> {
    let mut study = params.study.clone();
    study.keep = vec![format!("series:{}", params.name)];
    if study.n_steps().unwrap_or(u32::MAX) > COURSE_STEPS_MAX {
        return Err(Diagnostic::error("JOB.PARAMETER.VALUE", "the study is too long for a course while somebody waits")
            .detail(format!("Courses of up to {COURSE_STEPS_MAX} steps are computed."))
            .hint("Run a study that keeps the series of this element, and ask the lake in SQL.")
            .into());
    }
    let (model, question) = of_study(spec, &MomentParams { study, ..params.clone() })?;
    std::fs::create_dir_all(&spec.files).map_err(|e| crate::result_folder::cannot("make the folder", &spec.files, &e))?;
    let run =
        StudyRun { study: "course".into(), out: spec.files.clone(), threads: Some(1), cluster: None, resume: false, retry_failed: false };
    let outcome = run_study(&run, std::slice::from_ref(&model), &question, &mut Quiet)?;
    if let Some(Status::Failed { reason }) = outcome.records.first().map(|r| &r.status) {
        return Err(Diagnostic::error("RUN.SERIES.UNKNOWN", format!("{} has no course in this study", params.name))
            .detail(reason.clone())
            .into());
    }
    let lake = Lake::open(&spec.files)?;
    let mut nodes: BTreeMap<String, Vec<(f64, Option<f64>)>> = BTreeMap::new();
    lake.read("node_series", None, &mut |b| {
        let (hour, node, v_pu) =
            (numbers_of(b, "hour"), texts_of(b, "node"), b.column_by_name("v_pu").map(|c| c.as_primitive::<Float64Type>()));
        for i in 0..b.num_rows() {
            let v = v_pu.and_then(|c| c.is_valid(i).then(|| c.value(i)));
            nodes.entry(node(i)).or_default().push((hour(i), v));
        }
        Ok(())
    })?;
    // By step: hour, largest current, complex power of each terminal.
    let mut moments: BTreeMap<u32, (f64, f64, BTreeMap<u8, Complex64>)> = BTreeMap::new();
    lake.read("element_series", None, &mut |b| {
        let step = b.column_by_name("step").map(|c| c.as_primitive::<UInt32Type>());
        let terminal = b.column_by_name("terminal").map(|c| c.as_primitive::<UInt8Type>());
        let (hour, i_a, p_kw, q_kvar) = (numbers_of(b, "hour"), numbers_of(b, "i_a"), numbers_of(b, "p_kw"), numbers_of(b, "q_kvar"));
        for i in 0..b.num_rows() {
            let (Some(step), Some(terminal)) = (step, terminal) else { continue };
            let moment = moments.entry(step.value(i)).or_insert_with(|| (hour(i), 0.0, BTreeMap::new()));
            moment.1 = moment.1.max(i_a(i));
            *moment.2.entry(terminal.value(i)).or_insert(Complex64::ZERO) += Complex64::new(p_kw(i), q_kvar(i));
        }
        Ok(())
    })?;
    if nodes.is_empty() && moments.is_empty() {
        return Err(Diagnostic::error("RUN.SERIES.UNKNOWN", format!("{} has no course in this study", params.name))
            .detail("No step of it settled.")
            .into());
    }
    let mut answer = Map::new();
    if !nodes.is_empty() {
        let hours: Vec<f64> = nodes.values().next().map_or(Vec::new(), |rows| rows.iter().map(|r| r.0).collect());
        let values: BTreeMap<&String, Vec<Option<f64>>> = nodes.iter().map(|(n, rows)| (n, rows.iter().map(|r| r.1).collect())).collect();
        answer.insert("hours".into(), json!(hours));
        answer.insert("v_pu".into(), json!(values));
    } else {
        let rows: Vec<&(f64, f64, BTreeMap<u8, Complex64>)> = moments.values().collect();
        answer.insert("hours".into(), json!(rows.iter().map(|r| r.0).collect::<Vec<_>>()));
        answer.insert("i_a".into(), json!(rows.iter().map(|r| r.1).collect::<Vec<_>>()));
        let first = |f: fn(&Complex64) -> f64| rows.iter().map(|r| r.2.get(&1).map(f)).collect::<Vec<_>>();
        answer.insert("p_kw".into(), json!(first(|s| s.re)));
        answer.insert("q_kvar".into(), json!(first(|s| s.im)));
        let largest = |r: &BTreeMap<u8, Complex64>| r.values().map(|s| s.norm()).fold(0.0, f64::max);
        answer.insert("s_kva".into(), json!(rows.iter().map(|r| largest(&r.2)).collect::<Vec<_>>()));
    }
    Ok(Value::Object(answer))
}

fn numbers_of<'a>(batch: &'a RecordBatch, name: &str) -> impl Fn(usize) -> f64 + 'a {
    let column = batch.column_by_name(name).map(|c| c.as_primitive::<Float64Type>());
    move |i| column.filter(|c| c.is_valid(i)).map_or(f64::NAN, |c| c.value(i))
}

fn texts_of<'a>(batch: &'a RecordBatch, name: &str) -> impl Fn(usize) -> String + 'a {
    let column = batch.column_by_name(name).map(|c| c.as_string::<i32>());
    move |i| column.map_or_else(String::new, |c| c.value(i).to_owned())
}

/// A question to the lake, answered by the command.
///
/// # Errors
/// A query that is wrong; a program without the query engine.
pub fn sql(spec: &Spec, params: &SqlParams) -> Result<Value, Failure> {
    let dir = project_dir(spec)?;
    let mut words = vec![
        "sql".to_owned(),
        format!("--project={}", dir.display()),
        format!("--limit={}", params.limit),
        format!("--format={}", params.format),
    ];
    if params.format != "json" {
        std::fs::create_dir_all(&spec.files).map_err(|e| crate::result_folder::cannot("make the folder", &spec.files, &e))?;
        words.push(format!("--out={}", spec.files.join("answer").display()));
    }
    words.push("--".into());
    words.push(params.query.clone());
    let Command::Sql(arguments) = parsed(words)? else { unreachable!("the words ask for a query") };
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let style = Style::default();
    crate::sql::run(&arguments, &mut Console { out: &mut out, errors: &mut errors, style, error_style: style })?;
    if params.format == "json" {
        let text = String::from_utf8_lossy(&out);
        return serde_json::from_str(&text)
            .map_err(|e| Diagnostic::error("OUTPUT.SQL.REFUSED", "the answer cannot be told").detail(e.to_string()).into());
    }
    Ok(json!({ "file": spec.files.join("answer") }))
}
