//! Jobs whose answers are tables. The parameters of a job are the options of the command of the same study: they are written as a command
//! line, read by its reader, and given to the command's own study.

use super::models::parsed;
use super::{Teller, project_dir};
use crate::cli::Command;
use crate::failure::Failure;
use crate::model::Model;
use crate::{comparison, contingency, hosting, mitigate, reliability, switching};
use ::studies::hosting::HostingResult;
use ::studies::table::Table;
use network::Diagnostic;
use serde::Serialize;
use serde_json::{Value, json};
use server::jobs::{
    ComparisonParams, ContingencyParams, HostingCapacityParams, MitigationParams, ReconfigurationParams, ReliabilityParams,
    RestorationParams, Spec,
};
use store::Lake;
use store::analyses::{Analysis, Writer};

/// Names of parameters that an option of the command line has otherwise: they carry their unit, or are several.
const OTHERWISE: &[(&str, &str)] = &[("step_kw", "step"), ("max_kw", "max"), ("buses", "bus"), ("limits", "limit"), ("aim", "for")];

/// Findings that an answer keeps.
const FINDINGS: usize = 200;

/// The words of a command line that ask what the parameters ask.
fn words(command: &str, params: &impl Serialize) -> Vec<String> {
    let mut words = vec![command.to_owned(), "project".to_owned()];
    let Value::Object(fields) = serde_json::to_value(params).unwrap_or_default() else { return words };
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    for (name, value) in &fields {
        let option = OTHERWISE.iter().find(|(n, _)| n == name).map_or_else(|| name.replace('_', "-"), |(_, o)| (*o).to_owned());
        match (name.as_str(), value) {
            ("network" | "version" | "costs", _) | (_, Value::Null | Value::Bool(false)) => {}
            (_, Value::Bool(true)) => words.push(format!("--{option}")),
            // Of a length in hours the unit is told.
            ("step_length", Value::Number(n)) => words.push(format!("--{option}={n}h")),
            (_, Value::Array(of)) if of.iter().all(Value::is_number) => {
                words.push(format!("--{option}={}", of.iter().map(text).collect::<Vec<_>>().join(",")));
            }
            (_, Value::Array(of)) => words.extend(of.iter().map(|v| format!("--{option}={}", text(v)))),
            (_, Value::Object(of)) => words.extend(of.iter().map(|(k, v)| format!("--{option}={k}={}", text(v)))),
            (_, one) => words.push(format!("--{option}={}", text(one))),
        }
    }
    words
}

/// The version that the job is about, checked as a command checks it.
pub(super) fn model_of(spec: &Spec, network: Option<&str>, version: Option<u64>, lenient: bool, teller: &Teller) -> Result<Model, Failure> {
    teller.stage("Reading the network");
    let mut model = Model::of_version(project_dir(spec)?, network, version)?;
    model.preflight(lenient)?;
    Ok(model)
}

fn record(
    spec: &Spec,
    model: &Model,
    study: &str,
    version: (Option<&str>, Option<u64>),
    params: &impl Serialize,
    summary: Value,
) -> Analysis {
    Analysis {
        format: 0,
        id: spec.job.clone(),
        study: study.to_owned(),
        network: version.0.unwrap_or_default().to_owned(),
        version: version.1.unwrap_or_default(),
        params: serde_json::to_value(params).unwrap_or_default(),
        author: spec.user.clone(),
        time_utc: crate::project::now(),
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        summary,
        findings: model.diagnostics.iter().take(FINDINGS).cloned().collect(),
        tables: Vec::new(),
    }
}

pub(super) fn told(kept: &Analysis) -> Value {
    json!({
        "analysis": kept.id,
        "study": kept.study,
        "network": kept.network,
        "version": kept.version,
        "tables": kept.tables.iter().map(|t| json!({ "name": t.name, "rows": t.rows })).collect::<Vec<_>>(),
    })
}

/// An answer that an attempt before this one made whole: its process was cut off before it could tell.
pub(super) fn kept_before(spec: &Spec) -> Result<Option<Value>, Failure> {
    Ok(store::analyses::find(project_dir(spec)?, &spec.job)?.as_ref().map(told))
}

/// What each bus can host.
///
/// # Errors
/// Parameters that the command would refuse; a network that does not settle; a folder that cannot be written.
pub fn hosting_capacity(spec: &Spec, params: &HostingCapacityParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let Command::HostingCapacity(arguments) = parsed(words("hosting-capacity", params))? else { unreachable!("the words ask for it") };
    let mut model = model_of(spec, params.network.as_deref(), params.version, params.lenient, teller)?;
    teller.stage("Finding what each bus can host");
    let answer = hosting::study(&arguments, &mut model, arguments.hands.here())?;
    teller.findings(&model.diagnostics);
    teller.stage("Writing the tables");
    let mut writer = Writer::begin(project_dir(spec)?, &spec.job)?;
    for table in &answer.tables {
        writer.table(table.name, table.meaning, [table.batch()])?;
    }
    let mut envelopes = answer.results.iter().flat_map(HostingResult::envelopes).map(|t| t.batch()).peekable();
    if envelopes.peek().is_some() {
        writer.table("envelope", "hosting capacity by step", envelopes)?;
    }
    let record = record(spec, &model, "hosting_capacity", (params.network.as_deref(), params.version), params, answer.summary);
    Ok(told(&writer.commit(record)?))
}

/// How often and how long supply will be interrupted.
///
/// # Errors
/// Parameters that the command would refuse; a network without customers; a folder that cannot be written.
pub fn reliability(spec: &Spec, params: &ReliabilityParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let Command::Reliability(arguments) = parsed(words("reliability", params))? else { unreachable!("the words ask for it") };
    let mut model = model_of(spec, params.network.as_deref(), params.version, params.lenient, teller)?;
    teller.stage("Following every failure through the network");
    let prediction = reliability::study(&arguments, &mut model)?;
    teller.findings(&model.diagnostics);
    let summary = reliability::summary(&model, &prediction);
    let version = (params.network.as_deref(), params.version);
    keep(spec, &model, "reliability", version, params, &prediction.tables(&model.network), summary)
}

/// What would mend the violations of a network.
///
/// # Errors
/// Parameters that the command would refuse; a network that cannot be compiled; a folder that cannot be written.
pub fn mitigation(spec: &Spec, params: &MitigationParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let mut asked = words("mitigate", params);
    // The catalogue itself comes with the job.
    asked.push("--costs=job".to_owned());
    let Command::Mitigate(arguments) = parsed(asked)? else { unreachable!("the words ask for it") };
    let mut model = model_of(spec, params.network.as_deref(), params.version, params.lenient, teller)?;
    teller.stage("Running the series, with and without changes");
    let watch = |done: usize, total: usize| teller.progress(done as u64, total as u64, "series", || "Solving every change".to_owned());
    let (found, summary) = mitigate::study(&arguments, params.costs.clone(), &mut model, arguments.hands.here(), &watch)?;
    teller.findings(&model.diagnostics);
    let version = (params.network.as_deref(), params.version);
    keep(spec, &model, "mitigation", version, params, &found.tables(params.costs.losses_per_kwh), summary)
}

/// Keeps the tables of a study of one version.
pub(super) fn keep(
    spec: &Spec,
    model: &Model,
    study: &str,
    version: (Option<&str>, Option<u64>),
    params: &impl Serialize,
    tables: &[Table],
    summary: Value,
) -> Result<Value, Failure> {
    let mut writer = Writer::begin(project_dir(spec)?, &spec.job)?;
    for table in tables {
        writer.table(table.name, table.meaning, [table.batch()])?;
    }
    Ok(told(&writer.commit(record(spec, model, study, version, params, summary))?))
}

/// What becomes of a network without each of its elements.
///
/// # Errors
/// Parameters that the command would refuse; a network that does not settle; a folder that cannot be written.
pub fn contingency(spec: &Spec, params: &ContingencyParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let Command::Contingency(arguments) = parsed(words("contingency", params))? else { unreachable!("the words ask for it") };
    let version = (params.network.as_deref(), params.version);
    let mut model = model_of(spec, version.0, version.1, params.lenient, teller)?;
    teller.stage("Solving every outage");
    let answer = contingency::study(&arguments, &mut model, arguments.hands.here())?;
    teller.findings(&model.diagnostics);
    keep(spec, &model, "contingency", version, params, &answer.tables, answer.summary)
}

/// How supply comes back after an outage.
///
/// # Errors
/// Parameters that the command would refuse; a network that does not settle; a folder that cannot be written.
pub fn restoration(spec: &Spec, params: &RestorationParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let Command::Restoration(arguments) = parsed(words("restoration", params))? else { unreachable!("the words ask for it") };
    let version = (params.network.as_deref(), params.version);
    let mut model = model_of(spec, version.0, version.1, params.lenient, teller)?;
    teller.stage("Searching how supply comes back");
    let answer = switching::restoration::study(&arguments, &mut model)?;
    teller.findings(&model.diagnostics);
    keep(spec, &model, "restoration", version, params, &answer.tables, answer.summary)
}

/// The radial network with the least losses or overloads.
///
/// # Errors
/// Parameters that the command would refuse; a network that does not settle or is not radial; a folder that cannot be written.
pub fn reconfiguration(spec: &Spec, params: &ReconfigurationParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let Command::Reconfigure(arguments) = parsed(words("reconfigure", params))? else { unreachable!("the words ask for it") };
    let version = (params.network.as_deref(), params.version);
    let mut model = model_of(spec, version.0, version.1, params.lenient, teller)?;
    teller.stage("Searching which switches to open");
    let answer = switching::reconfigure::study(&arguments, &mut model)?;
    teller.findings(&model.diagnostics);
    keep(spec, &model, "reconfiguration", version, params, &answer.tables, answer.summary)
}

/// What studies have that another has not.
///
/// # Errors
/// Studies that are not there or cannot be compared; a folder that cannot be written.
pub fn comparison(spec: &Spec, params: &ComparisonParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    teller.stage("Comparing the studies");
    let lake = Lake::open(project_dir(spec)?)?;
    let feeders: Vec<String> = params.network.iter().cloned().collect();
    let answer = comparison::study(&lake, &params.base, &params.with, &feeders)?;
    teller.findings(&answer.findings);
    let mut writer = Writer::begin(project_dir(spec)?, &spec.job)?;
    for table in answer.tables() {
        writer.table(table.name, table.meaning, [table.batch()])?;
    }
    writer.table("spans", "times beyond limits that are new, mended or remaining", answer.spans().map(|t| t.batch()))?;
    // Of one feeder that is one version of a network in all studies, the answer is about that version.
    let only = answer.found.first().map(|f| f.feeder.clone()).filter(|f| answer.found.iter().all(|o| o.feeder == *f));
    let version = only.and_then(|f| version_of(&lake, std::iter::once(&params.base).chain(&params.with), &f));
    let analysis = Analysis {
        format: 0,
        id: spec.job.clone(),
        study: "comparison".to_owned(),
        network: version.as_ref().map(|v| v.0.clone()).unwrap_or_default(),
        version: version.map_or(0, |v| v.1),
        params: serde_json::to_value(params).unwrap_or_default(),
        author: spec.user.clone(),
        time_utc: crate::project::now(),
        engine_version: env!("CARGO_PKG_VERSION").to_owned(),
        summary: answer.summary,
        findings: answer.findings.into_iter().take(FINDINGS).collect::<Vec<Diagnostic>>(),
        tables: Vec::new(),
    };
    Ok(told(&writer.commit(analysis)?))
}

/// The version of a network that a feeder is in all of some studies.
fn version_of<'a>(lake: &Lake, studies: impl Iterator<Item = &'a String>, feeder: &str) -> Option<(String, u64)> {
    let mut found: Option<(String, u64)> = None;
    for study in studies {
        let manifest = lake.study(Some(study)).ok()?;
        let input = manifest.inputs.iter().find(|i| i.feeder == feeder)?;
        let (name, version) = input.model.strip_prefix("network:")?.rsplit_once('@')?;
        let this = (name.to_owned(), version.parse().ok()?);
        if found.as_ref().is_some_and(|f| *f != this) {
            return None;
        }
        found = Some(this);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use server::jobs::Task;

    #[test]
    fn every_parameter_is_an_option_of_the_command() {
        let all = json!({
            "network": "n", "version": 2, "method": "stochastic", "der": ["generation", "load"], "buses": ["650", "671"],
            "criteria": ["over-voltage", "thermal-line"], "limits": { "over-voltage": 1.058 }, "base_violations": "not-worse", "step_kw": 5,
            "max_kw": 1000, "connection": "wye", "power_factor": -0.9, "hours": "1,2,3", "series": "daily", "steps": 24, "step_length": 0.25,
            "profile": "sun", "envelope": true, "each_criterion": true, "relax": "5", "seed": 7, "draws": 20, "levels": 10, "rounds": 2,
            "size": [3, 8], "fault_current": 1.5, "controls": "off", "lenient": true,
        });
        let Ok(Task::HostingCapacity(params)) = Task::parse("hosting_capacity", &all) else {
            panic!("the parameters are those of the job")
        };
        assert_eq!(serde_json::to_value(&params).unwrap().as_object().unwrap().len(), all.as_object().unwrap().len());
        let Ok(Command::HostingCapacity(a)) = parsed(words("hosting-capacity", &params)) else { panic!("the command takes them") };
        assert_eq!((a.bus.len(), a.der.len(), a.limit.len(), a.criteria.len()), (2, 2, 1, 2));
        assert_eq!((a.step_kw, a.max_kw, a.power_factor, a.step_length_h, a.size), (Some(5.0), Some(1000.0), -0.9, 0.25, Some((3.0, 8.0))));
        assert!(a.envelope && a.each_criterion && a.model.lenient);
        let all = json!({
            "switching_h": 0.5, "no_transfer": true, "no_fuses": true, "no_switches": true, "repair_h": { "line": 4 }, "stress": 2, "stress_above": 80,
        });
        let Ok(Task::Reliability(params)) = Task::parse("reliability", &all) else { panic!("the parameters are those of the job") };
        let Ok(Command::Reliability(a)) = parsed(words("reliability", &params)) else { panic!("the command takes them") };
        assert_eq!(
            (a.switching_h, a.stress, a.stress_above, a.repair_h.as_slice()),
            (0.5, 2.0, 80.0, [("line".to_owned(), 4.0)].as_slice())
        );
        let all = json!({
            "costs": { "setting": 500 }, "budget": 10, "candidates": 4, "series": "daily", "steps": 24, "step_length": "30m", "v_low": 0.94,
            "v_high": 1.06, "controls": "static",
        });
        let Ok(Task::Mitigation(params)) = Task::parse("mitigation", &all) else { panic!("the parameters are those of the job") };
        let mut asked = words("mitigate", &params);
        asked.push("--costs=job".to_owned());
        let Ok(Command::Mitigate(a)) = parsed(asked) else { panic!("the command takes them") };
        assert_eq!((a.budget, a.candidates, a.steps, a.step_length_h, a.v_low, a.v_high), (Some(10.0), 4, Some(24), 0.5, 0.94, 1.06));
        let all = json!({
            "network": "n", "version": 2, "lines": true, "transformers": true, "sources": true, "generators": true, "outage": ["line.a"], "pairs": 3,
            "isolation": "switches", "restore": true, "switches": "lines", "search": "exact", "limit_operations": 4, "max_plans": 100,
            "max_solved": 50, "hours": "1,2", "criteria": ["under-voltage"], "limits": { "under-voltage": 0.94 }, "rating": "emergency",
            "series": "daily", "steps": 24, "step_length": 0.5, "controls": "static", "lenient": true,
        });
        let Ok(Task::Contingency(params)) = Task::parse("contingency", &all) else { panic!("the parameters are those of the job") };
        assert_eq!(serde_json::to_value(&params).unwrap().as_object().unwrap().len(), all.as_object().unwrap().len());
        let Ok(Command::Contingency(a)) = parsed(words("contingency", &params)) else { panic!("the command takes them") };
        assert!(a.lines && a.transformers && a.sources && a.generators && a.restore && a.model.lenient);
        assert_eq!((a.pairs, a.search.limit_operations, a.search.max_plans, a.search.max_solved), (3, Some(4), 100, 50));
        assert_eq!((a.state.limit.len(), a.state.criteria.len(), a.state.steps, a.state.step_length_h), (1, 1, Some(24), 0.5));
        let all = json!({
            "outage": ["line.a", "line.b"], "isolation": "element", "switches": "ends", "search": "heuristic", "limit_operations": 4, "max_plans": 100,
            "max_solved": 50, "told": 7, "hour": "peak", "criteria": ["under-voltage"], "limits": { "under-voltage": 0.94 }, "rating": "normal",
            "series": "yearly", "steps": 100, "step_length": 1, "controls": "off",
        });
        let Ok(Task::Restoration(params)) = Task::parse("restoration", &all) else { panic!("the parameters are those of the job") };
        let Ok(Command::Restoration(a)) = parsed(words("restoration", &params)) else { panic!("the command takes them") };
        assert_eq!((a.outage.len(), a.told, a.search.max_plans), (2, 7, 100));
        assert!(Task::parse("restoration", &json!({})).is_err_and(|(_, field)| field.as_deref() == Some("params.outage")));
        let all = json!({
            "aim": "overload", "switches": "lines", "limit_operations": 6, "no_limits": true, "max_trees": 10, "starts": 2, "seed": 9, "hours": "binding",
            "criteria": ["thermal-line"], "limits": { "thermal-line": 90 }, "rating": "emergency", "series": "daily", "steps": 24,
            "step_length": "1h", "controls": "static",
        });
        let Ok(Task::Reconfiguration(params)) = Task::parse("reconfiguration", &all) else { panic!("the parameters are those of the job") };
        let Ok(Command::Reconfigure(a)) = parsed(words("reconfigure", &params)) else { panic!("the command takes them") };
        assert!(a.aim == crate::switching::arguments::AimWord::Overload && a.no_limits);
        assert_eq!((a.limit_operations, a.max_trees, a.starts, a.seed), (Some(6), 10, 2, 9));
        for (params, field) in [
            (json!({ "with": ["a"] }), "params.base"),
            (json!({ "base": "a", "with": [] }), "params.with"),
            (json!({ "base": "a", "with": ["a"] }), "params.with"),
            (json!({ "base": "a", "with": ["b", "b"] }), "params.with"),
        ] {
            assert!(Task::parse("comparison", &params).is_err_and(|(_, f)| f.as_deref() == Some(field)), "{params}");
        }
        for costs in [json!({}), json!({ "setting": -1 }), json!({ "seting": 1 })] {
            assert!(Task::parse("mitigation", &json!({ "costs": costs })).is_err(), "{costs}");
        }
        assert!(
            parsed(words("hosting-capacity", &HostingCapacityParams { hours: Some("sometimes".into()), ..Default::default() })).is_err()
        );
    }
}
