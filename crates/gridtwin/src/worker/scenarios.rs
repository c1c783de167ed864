//! Jobs about scenarios of a project: drafts looked at, scenarios laid upon networks, sweeps.

use super::analyses::{keep, kept_before, model_of};
use super::models::parsed;
use super::{Teller, project_dir};
use crate::cli::Command;
use crate::failure::Failure;
use crate::model::Model;
use crate::scenario::{self, Loaded, lay, load, sweep};
use ::studies::scenario::{Prepared, StackLedger};
use formats::opendss::FileSource;
use network::{Diagnostic, Severity};
use serde_json::{Value, json};
use server::jobs::{ScenarioDraftParams, ScenarioParams, ScenarioRef, Spec, SweepParams};
use std::io;
use std::path::{Path, PathBuf};
use store::scenarios::{self, is_file_name};

/// Steps of the course that is shown: a week.
const SHOWN_DAYS: usize = 7;

/// A draft and the files of the project that it may name; nothing else of the disk.
struct Draft<'a> {
    text: &'a str,
    pool: PathBuf,
}

impl FileSource for Draft<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some(scenarios::TEXT) => Ok(self.text.as_bytes().to_vec()),
            Some(name) if is_file_name(name) => std::fs::read(self.pool.join(name)),
            _ => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "scenarios of a project name the project's scenario files, by their names without folders",
            )),
        }
    }

    fn list_dir(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Place of a scenario that the project keeps.
///
/// # Errors
/// No such scenario or version.
pub(super) fn place(project: &Path, of: &ScenarioRef) -> Result<PathBuf, Failure> {
    let found = scenarios::find(project, &of.name, of.version)?.ok_or_else(|| {
        Diagnostic::error("SCENARIO.PROJECT.UNKNOWN", format!("the project has no scenario \"{}\" of this version", of.name))
            .hint("It was removed; save it again.")
    })?;
    Ok(scenarios::path(project, &found))
}

/// What is wrong with a text, and what it would do to a network.
///
/// # Errors
/// A network that is not there.
pub fn draft(spec: &Spec, params: &ScenarioDraftParams) -> Result<Value, Failure> {
    let dir = project_dir(spec)?;
    let files = Draft { text: &params.text, pool: scenarios::pool(dir) };
    let import = formats::scenario::read(&files, Path::new(scenarios::TEXT));
    let mut sound = import.is_sound();
    let mut findings = import.diagnostics;
    let (mut title, mut layers, mut preview) = (String::new(), Vec::new(), Value::Null);
    let named = import.files.iter().filter_map(|f| f.to_str()).filter(|f| *f != scenarios::TEXT);
    let named: Vec<String> = named.map(str::to_owned).collect();
    if let Some(of) = import.scenario {
        title.clone_from(&of.name);
        layers = of.layers.iter().map(|l| json!({ "name": l.name, "kind": l.what.name() })).collect();
        match Prepared::new(of, import.data) {
            Ok(prepared) => {
                findings.extend(prepared.findings.clone());
                if let Some(network) = params.network.as_deref().filter(|_| sound) {
                    let mut model = Model::of_version(dir, Some(network), params.version)?;
                    model.preflight(true)?;
                    let loaded = Loaded {
                        prepared: std::sync::Arc::new(prepared),
                        findings: Vec::new(),
                        digest: String::new(),
                        path: PathBuf::new(),
                    };
                    match lay(&loaded, &model.network) {
                        Ok(stacked) => {
                            findings.extend(stacked.findings);
                            preview = shown(&stacked.ledger, params.from_day);
                        }
                        Err(failure) => {
                            sound = false;
                            findings.extend(failure.diagnostics);
                        }
                    }
                }
            }
            // Told already where a layer needs weather that is not there at all.
            Err(errors) => {
                sound = false;
                findings.extend(errors.into_iter().filter(|e| !findings.contains(e)).collect::<Vec<_>>());
            }
        }
    }
    sound &= findings.iter().all(|d| d.severity != Severity::Error);
    findings.truncate(500);
    Ok(json!({ "sound": sound, "findings": findings, "title": title, "layers": layers, "files": named, "preview": preview }))
}

/// A course to the watt, which is as close as a picture can be.
fn rounded(course: &[f64]) -> Vec<f64> {
    course.iter().map(|x| (x * 1e3).round() / 1e3).collect()
}

/// What a person is shown of a ledger: figures, extremes of each day, and one week step by step.
fn shown(ledger: &StackLedger, from_day: Option<u32>) -> Value {
    let per_day = ((24.0 / ledger.step_h).round() as usize).max(1);
    let days = ledger.base_kw.len() / per_day;
    let extremes = |course: &[f64]| {
        let of =
            |f: fn(f64, f64) -> f64, from: f64| course.chunks(per_day).map(|day| day.iter().copied().fold(from, f)).collect::<Vec<_>>();
        json!({ "least_kw": rounded(&of(f64::min, f64::INFINITY)), "largest_kw": rounded(&of(f64::max, f64::NEG_INFINITY)) })
    };
    let (peak_step, _) = ::studies::scenario::peak(&ledger.stacked_kw);
    let last = days.saturating_sub(SHOWN_DAYS);
    // The day of the peak in the middle, unless another one is asked for.
    let first = from_day.map_or((peak_step / per_day).saturating_sub(SHOWN_DAYS / 2), |d| d as usize).min(last);
    let range = first * per_day..((first + SHOWN_DAYS) * per_day).min(ledger.base_kw.len());
    let layers: Vec<Value> = ledger
        .layers
        .iter()
        .map(|l| {
            json!({
                "layer": l.layer, "kind": l.kind, "units": l.units, "customers": l.customers, "facts": l.facts,
                "daily": extremes(&l.profile_kw), "week_kw": rounded(&l.profile_kw[range.clone()]),
            })
        })
        .collect();
    json!({
        "network": ledger.network,
        "step_h": ledger.step_h,
        "figures": scenario::record(ledger),
        "layers": layers,
        "base": { "daily": extremes(&ledger.base_kw), "week_kw": rounded(&ledger.base_kw[range.clone()]) },
        "stacked": { "daily": extremes(&ledger.stacked_kw), "week_kw": rounded(&ledger.stacked_kw[range]) },
        "week_first_day": first,
        "residual": ledger.residual(),
    })
}

/// What each layer of a scenario does to a network.
///
/// # Errors
/// A scenario that is not there or does not fit the network; a folder that cannot be written.
pub fn stack(spec: &Spec, params: &ScenarioParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let loaded = load(&place(project_dir(spec)?, &params.scenario)?)?;
    let version = (params.network.as_deref(), params.version);
    let mut model = model_of(spec, version.0, version.1, params.lenient, teller)?;
    teller.stage("Laying the scenario upon the network");
    let stacked = lay(&loaded, &model.network)?;
    model.diagnostics.extend(loaded.findings);
    model.diagnostics.extend(stacked.findings);
    teller.findings(&model.diagnostics);
    let facts: Vec<Value> = stacked.ledger.layers.iter().map(|l| json!({ "layer": l.layer, "facts": l.facts })).collect();
    let summary = json!({ "figures": scenario::record(&stacked.ledger), "facts": facts });
    keep(spec, &model, "scenario", version, params, &stacked.ledger.tables(), summary)
}

/// A scenario for many values of its parameters.
///
/// # Errors
/// A scenario that is not there or does not fit the network; a path or value that is none; samples of which none can be solved.
pub fn sweep(spec: &Spec, params: &SweepParams, teller: &Teller) -> Result<Value, Failure> {
    if let Some(told) = kept_before(spec)? {
        return Ok(told);
    }
    let place = place(project_dir(spec)?, &params.scenario)?;
    let mut words = vec!["scenario".to_owned(), "sweep".to_owned(), "project".to_owned(), place.display().to_string()];
    words.extend(params.vary.iter().map(|v| format!("--vary={v}")));
    let mut option = |name: &str, value: Option<String>| words.extend(value.map(|v| format!("--{name}={v}")));
    option("method", params.method.and_then(|m| json!(m).as_str().map(str::to_owned)));
    option("samples", params.samples.map(|n| n.to_string()));
    option("seed", params.seed.map(|n| n.to_string()));
    option("from-hour", params.from_hour.map(|n| n.to_string()));
    option("hours", params.hours.map(|n| n.to_string()));
    let Command::Scenario(asked) = parsed(words)? else { unreachable!("the words ask for it") };
    let scenario::arguments::ScenarioCommand::Sweep(arguments) = asked.command else { unreachable!("the words ask for it") };
    let loaded = load(&place)?;
    let version = (params.network.as_deref(), params.version);
    let mut model = model_of(spec, version.0, version.1, params.lenient, teller)?;
    let circuit = model.network.name.clone();
    let ready = sweep::make_ready(&arguments, &loaded, &mut model, String::new())?;
    model.diagnostics.extend(loaded.findings);
    model.diagnostics.extend(ready.findings.iter().cloned());
    teller.stage("Solving the samples");
    let watch = |done: usize, total: usize| teller.progress(done as u64, total as u64, "samples", || "Solving the samples".to_owned());
    let answer = sweep::solve(&arguments, ready, &watch)?;
    if let Some(failure) = answer.first_failure() {
        if answer.failed() == answer.rows.len() {
            return Err(Failure::new(failure.diagnostics.clone()));
        }
        let what = format!("{} could not be solved", crate::number::count(answer.failed(), "sample"));
        model.diagnostics.push(Diagnostic::warning("SCENARIO.SWEEP.FAILED", what).hint("Their rows have no figures."));
        model.diagnostics.extend(failure.diagnostics.iter().cloned());
    }
    teller.findings(&model.diagnostics);
    let paths: Vec<String> = arguments.vary.iter().map(|v| v.path.clone()).collect();
    let summary = json!({ "circuit": circuit, "samples": answer.rows.len(), "failed": answer.failed(), "parameters": paths });
    keep(spec, &model, "sweep", version, params, &answer.tables(&paths), summary)
}
