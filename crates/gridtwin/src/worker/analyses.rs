//! Jobs whose answers are tables. The parameters of a job are the options of the command of the same study: they are written as a command
//! line, read by its reader, and given to the command's own study.

use super::models::parsed;
use super::{Teller, project_dir};
use crate::cli::Command;
use crate::failure::Failure;
use crate::model::Model;
use crate::{hosting, mitigate, reliability};
use ::studies::hosting::HostingResult;
use serde::Serialize;
use serde_json::{Value, json};
use server::jobs::{HostingCapacityParams, MitigationParams, ReliabilityParams, Spec};
use store::analyses::{Analysis, Writer};

/// Names of parameters that an option of the command line has otherwise: they carry their unit, or are several.
const OTHERWISE: &[(&str, &str)] = &[("step_kw", "step"), ("max_kw", "max"), ("buses", "bus"), ("limits", "limit")];

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
fn model_of(spec: &Spec, network: Option<&str>, version: Option<u64>, lenient: bool, teller: &Teller) -> Result<Model, Failure> {
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

fn told(kept: &Analysis) -> Value {
    json!({
        "analysis": kept.id,
        "study": kept.study,
        "network": kept.network,
        "version": kept.version,
        "tables": kept.tables.iter().map(|t| json!({ "name": t.name, "rows": t.rows })).collect::<Vec<_>>(),
    })
}

/// An answer that an attempt before this one made whole: its process was cut off before it could tell.
fn kept_before(spec: &Spec) -> Result<Option<Value>, Failure> {
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
    let answer = hosting::study(&arguments, &mut model)?;
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
    let mut writer = Writer::begin(project_dir(spec)?, &spec.job)?;
    for table in prediction.tables(&model.network) {
        writer.table(table.name, table.meaning, [table.batch()])?;
    }
    let summary = reliability::summary(&model, &prediction);
    let record = record(spec, &model, "reliability", (params.network.as_deref(), params.version), params, summary);
    Ok(told(&writer.commit(record)?))
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
    let (found, summary) = mitigate::study(&arguments, params.costs.clone(), &mut model, &watch)?;
    teller.findings(&model.diagnostics);
    let mut writer = Writer::begin(project_dir(spec)?, &spec.job)?;
    for table in found.tables(params.costs.losses_per_kwh) {
        writer.table(table.name, table.meaning, [table.batch()])?;
    }
    let record = record(spec, &model, "mitigation", (params.network.as_deref(), params.version), params, summary);
    Ok(told(&writer.commit(record)?))
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
        for costs in [json!({}), json!({ "setting": -1 }), json!({ "seting": 1 })] {
            assert!(Task::parse("mitigation", &json!({ "costs": costs })).is_err(), "{costs}");
        }
        assert!(
            parsed(words("hosting-capacity", &HostingCapacityParams { hours: Some("sometimes".into()), ..Default::default() })).is_err()
        );
    }
}
