//! Jobs about studies: through time into the project's lake, how long that would take, reports, the demonstration.

use super::models::parsed;
use super::{Teller, project_dir};
use crate::cli::{Command, QstsArguments};
use crate::failure::Failure;
use crate::project::import::{Candidate, ImportRequest, read_candidate};
use crate::qsts::feeder::Question;
use crate::qsts::lake_run::{StudyOutcome, StudyRun, Watch, run_study};
use crate::qsts::models::ModelRef;
use crate::qsts::progress::Done;
use ::studies::synthetic::Utility;
use network::{Diagnostic, Imported, LoadShapeId, Severity, result_table};
use serde_json::{Value, json};
use server::jobs::{DemoParams, ReportParams, SolveYearParams, Spec};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use store::project::{NewVersion, Project, RunRecord, VersionInfo};
use store::{FeederRecord, Lake, Status};

/// How long a process waits for another one that still holds the lake; one that was left by a killed server is gone within milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(20);
/// Steps of the two parts of a trial.
const TRIAL_STEPS: [u32; 2] = [8, 40];

/// Option of a run under which the job that began it is kept.
const JOB: &str = "job";

/// Writes a file for people, whole or not at all.
pub(super) fn put(spec: &Spec, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    fs::create_dir_all(&spec.files).map_err(|e| crate::result_folder::cannot("make the folder", &spec.files, &e))?;
    let mut file = store::PartialFile::create(&spec.files.join(name))?;
    if let Err(e) = file.write_all(bytes) {
        return Err(file.failed(e).into());
    }
    Ok(file.commit()?)
}

/// Tells a run to the server.
struct ToServer<'a> {
    teller: &'a Teller,
    feeders: usize,
    steps: u64,
}

impl Watch for ToServer<'_> {
    fn begins(&mut self, feeders: usize, steps: u64) {
        (self.feeders, self.steps) = (feeders, steps);
        self.teller.stage(&format!("Solving {} of {steps} steps in all", crate::number::count(feeders, "network")));
    }

    fn goes_on(&mut self, done: Done) {
        self.teller.progress(done.steps, self.steps, "steps", || {
            let failed = if done.failed > 0 { format!(", {} failed", done.failed) } else { String::new() };
            format!("{} of {} done{failed}", done.feeders, crate::number::count(self.feeders, "network"))
        });
    }

    fn finds(&mut self, findings: &[Diagnostic]) {
        self.teller.findings(findings);
    }
}

/// Tells nobody.
pub(super) struct Quiet;

impl Watch for Quiet {
    fn begins(&mut self, _: usize, _: u64) {}
    fn goes_on(&mut self, _: Done) {}
    fn finds(&mut self, _: &[Diagnostic]) {}
}

/// The command line of the parameters.
fn arguments(params: &SolveYearParams) -> Result<QstsArguments, Failure> {
    let mut words = vec!["qsts".to_owned(), "project".to_owned()];
    let mut option = |name: &str, value: String| words.push(format!("--{name}={value}"));
    option("steps", params.n_steps().unwrap_or(8760).to_string());
    option("step", format!("{}s", params.step_h().unwrap_or(1.0) * 3600.0));
    let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
    params.mode.iter().for_each(|m| option("mode", word(json!(m))));
    params.controls.iter().for_each(|c| option("controls", word(json!(c))));
    params.tolerance_pu.iter().for_each(|t| option("tolerance", t.to_string()));
    params.max_iterations.iter().for_each(|n| option("max-iterations", n.to_string()));
    params.max_control_iterations.iter().for_each(|n| option("max-control-iterations", n.to_string()));
    params.keep.iter().for_each(|k| option("keep", k.clone()));
    params.range_a.iter().for_each(|[low, high]| option("range-a", format!("{low},{high}")));
    params.range_b.iter().for_each(|[low, high]| option("range-b", format!("{low},{high}")));
    if params.lenient {
        words.push("--lenient".into());
    }
    match parsed(words)? {
        Command::Qsts(arguments) => Ok(arguments),
        _ => unreachable!("the words ask for a run"),
    }
}

/// The question of the parameters, with the scenario of the project that they name.
pub(super) fn question(project: &Path, params: &SolveYearParams) -> Result<Question, Failure> {
    let mut arguments = arguments(params)?;
    arguments.scenario = params.scenario.as_ref().map(|s| super::scenarios::place(project, s)).transpose()?;
    Question::new(&arguments)
}

/// The versions that are to be solved.
fn versions(project: &Project, params: &SolveYearParams) -> Result<Vec<VersionInfo>, Failure> {
    let named: Vec<&str> = params.network.iter().chain(&params.networks).map(String::as_str).collect();
    if named.is_empty() {
        let all = project.networks()?;
        if all.is_empty() {
            return Err(Diagnostic::error("RUN.PROJECT.EMPTY", "the project has no network").hint("Import a model first.").into());
        }
        return all.iter().map(|n| Ok(project.version(Some(n), None)?)).collect();
    }
    named.into_iter().map(|n| Ok(project.version(Some(n), params.version)?)).collect()
}

/// A study into the project's lake. A job that was interrupted goes on where it was; another job does not touch a study that is there.
///
/// # Errors
/// A study that is there already, networks that are not, a lake that cannot be written.
pub fn solve(spec: &Spec, params: &SolveYearParams, teller: &Teller) -> Result<Value, Failure> {
    let dir = project_dir(spec)?;
    let project = Project::open(dir)?;
    let study = params.study.clone().unwrap_or_else(|| "base".into());
    let noted = project.runs()?.into_iter().find(|r| r.name == study);
    let is_ours = noted.as_ref().is_some_and(|r| r.options[JOB] == spec.job.as_str());
    // A job that is done again solves the versions that it began with, whatever was imported since.
    let versions = match noted.filter(|_| is_ours).and_then(|r| begun_with(&project, &r)) {
        Some(versions) => versions,
        None => versions(&project, params)?,
    };
    let question = question(dir, params)?;
    let models: Vec<ModelRef> = versions.iter().map(|v| ModelRef::of_project(dir, v)).collect();
    if let Some(scenario) = &question.scenario {
        // What fits none of the networks is refused before any is solved.
        let mut found = scenario.findings.clone();
        found.extend(crate::scenario::check_models(&scenario.prepared, &models, &crate::scenario::network_of)?);
        teller.findings(&found);
        if found.iter().any(|d| d.severity == Severity::Error) {
            return Err(Failure::new(found));
        }
    }
    let run = StudyRun {
        study: study.clone(),
        out: dir.to_owned(),
        threads: params.threads,
        cluster: None,
        resume: params.resume || is_ours,
        retry_failed: params.retry_failed,
    };
    if !run.resume && !Lake::open_or_create(dir)?.records(&study)?.is_empty() {
        return Err(Diagnostic::error("RUN.STUDY.EXISTS", format!("the project has a study \"{study}\" already"))
            .hint("Give the study another name, or ask for it to be resumed.")
            .into());
    }
    let only = if let [only] = versions.as_slice() { Some(only) } else { None };
    let record = RunRecord {
        name: study.clone(),
        kind: "solve_year".into(),
        version: None,
        options: json!({
            JOB: spec.job,
            "user": spec.user,
            "params": params,
            "versions": versions.iter().map(|v| json!([v.network, v.number])).collect::<Vec<_>>(),
        }),
        time_utc: crate::project::now(),
        files: Vec::new(),
    };
    project.put_run(&record, only)?;
    let mut watch = ToServer { teller, feeders: 0, steps: 0 };
    let begun = Instant::now();
    let outcome = loop {
        match run_study(&run, &models, &question, &mut watch) {
            Err(failure) if is_locked(&failure) && begun.elapsed() < LOCK_WAIT => std::thread::sleep(Duration::from_millis(100)),
            other => break other?,
        }
    };
    if outcome.interrupted {
        return Err(Diagnostic::error("RUN.INTERRUPTED", "the study was interrupted").into());
    }
    let failed: Vec<&FeederRecord> = outcome.records.iter().filter(|r| matches!(r.status, Status::Failed { .. })).collect();
    if failed.len() == outcome.records.len() {
        let reasons: Vec<Diagnostic> = failed
            .iter()
            .take(20)
            .map(|r| {
                let reason = if let Status::Failed { reason } = &r.status { reason.clone() } else { String::new() };
                Diagnostic::error("RUN.FEEDER.FAILED", format!("network {} was not solved", r.feeder)).detail(reason)
            })
            .collect();
        return Err(Failure::new(reasons));
    }
    Ok(result(&study, &outcome))
}

fn begun_with(project: &Project, record: &RunRecord) -> Option<Vec<VersionInfo>> {
    let versions = record.options["versions"].as_array()?;
    versions.iter().map(|v| project.version(Some(v[0].as_str()?), Some(v[1].as_u64()?)).ok()).collect()
}

fn is_locked(failure: &Failure) -> bool {
    failure.diagnostics.iter().any(|d| d.code == "OUTPUT.LAKE.REFUSED" && d.message.starts_with("another run writes into"))
}

fn result(study: &str, outcome: &StudyOutcome) -> Value {
    let done: Vec<&FeederRecord> = outcome.records.iter().filter(|r| matches!(r.status, Status::Done)).collect();
    let sum = |key: &str| done.iter().filter_map(|r| r.summary[key].as_f64()).sum::<f64>();
    let failed: Vec<Value> = outcome
        .records
        .iter()
        .filter_map(
            |r| if let Status::Failed { reason } = &r.status { Some(json!({ "feeder": r.feeder, "reason": reason })) } else { None },
        )
        .take(100)
        .collect();
    json!({
        "study": study,
        "feeders": outcome.models,
        "feeders_done": done.len(),
        "feeders_failed": outcome.records.len() - done.len(),
        "failed": failed,
        "steps": sum("steps"),
        "unsettled": sum("unsettled"),
        "energy_kwh": sum("energy_kwh"),
        "losses_kwh": sum("losses_kwh"),
        "nodes_outside_a": sum("nodes_outside_a"),
        "nodes_outside_b": sum("nodes_outside_b"),
        "elements_overloaded": sum("elements_overloaded"),
        // What estimates of later runs are made from.
        "measured": {
            "solved_steps": outcome.solved_steps,
            "nodes": sum("nodes"),
            "elapsed_s": outcome.elapsed.as_secs_f64(),
            "bytes": done.iter().flat_map(|r| &r.files).map(|f| f.bytes).sum::<u64>(),
        },
    })
}

/// How long a study would take and how much it would write, from a few steps of its largest network, twice, so that reading does not count
/// as solving.
///
/// # Errors
/// Networks that are not there or cannot be solved.
pub fn trial(spec: &Spec, params: &SolveYearParams) -> Result<Value, Failure> {
    let dir = project_dir(spec)?;
    let project = Project::open(dir)?;
    let versions = versions(&project, params)?;
    let largest = versions.iter().max_by_key(|v| v.buses + v.elements).expect("there is at least one");
    let size = |v: &VersionInfo| (v.buses + v.elements).max(1) as f64;
    let models = [ModelRef::of_project(dir, largest)];
    let steps = f64::from(params.n_steps().unwrap_or(8760));
    fs::create_dir_all(&spec.files).map_err(|e| crate::result_folder::cannot("make the folder", &spec.files, &e))?;
    let mut measured = Vec::new();
    for n in TRIAL_STEPS {
        let params = SolveYearParams { steps: Some(n), hours: None, ..params.clone() };
        let question = question(dir, &params)?;
        let run =
            StudyRun { study: n.to_string(), out: spec.files.clone(), threads: Some(1), cluster: None, resume: false, retry_failed: false };
        let outcome = run_study(&run, &models, &question, &mut Quiet)?;
        if let Some(Status::Failed { reason }) = outcome.records.first().map(|r| &r.status) {
            return Err(Diagnostic::error("RUN.FEEDER.FAILED", format!("network {} cannot be solved", largest.network))
                .detail(reason.clone())
                .into());
        }
        let (mut fixed, mut growing) = (0.0, 0.0);
        for file in outcome.records.iter().flat_map(|r| &r.files) {
            let by_step = result_table(&file.table).is_some_and(|t| t.column("step").is_some());
            *(if by_step { &mut growing } else { &mut fixed }) += file.bytes as f64;
        }
        measured.push((f64::from(n), outcome.elapsed.as_secs_f64(), fixed, growing));
    }
    let ((n1, s1, _, g1), (n2, s2, fixed, g2)) = (measured[0], measured[1]);
    let (step_s, step_bytes) = (((s2 - s1) / (n2 - n1)).max(0.0), ((g2 - g1) / (n2 - n1)).max(0.0));
    let (read_s, open_bytes) = ((s1 - n1 * step_s).max(0.0), (g1 - n1 * step_bytes).max(0.0));
    // Other networks as the largest one, by buses and elements.
    let share: f64 = versions.iter().map(|v| size(v) / size(largest)).sum();
    let threads = params.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let side_by_side = threads.min(versions.len()).max(1) as f64;
    Ok(json!({
        "time_s": share * (read_s + steps * step_s) / side_by_side,
        "bytes": (share * (fixed + open_bytes + steps * step_bytes)).ceil(),
        "basis": format!("{} and {} steps of {}, the largest of {}, solved just now", TRIAL_STEPS[0], TRIAL_STEPS[1], largest.network,
            crate::number::count(versions.len(), "network")),
    }))
}

/// Feeders of which a report has pictures.
const PICTURES: usize = 6;

/// A report of a study, as a file.
///
/// # Errors
/// No such study; a file that cannot be written.
pub fn report(spec: &Spec, params: &ReportParams, teller: &Teller) -> Result<Value, Failure> {
    teller.stage("Making the report");
    let lake = Lake::open(project_dir(spec)?)?;
    let stem: String = params.run.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect();
    let name = format!("report-{stem}.{}", params.format.ending());
    let wanted = crate::study_report::Wanted {
        study: Some(&params.run),
        against: params.against.as_deref(),
        feeders: &params.feeders,
        pictures: PICTURES,
    };
    let bytes = crate::study_report::written(&lake, &wanted, Path::new(&name))?;
    put(spec, &name, &bytes)?;
    Ok(json!({ "files": [name] }))
}

/// Synthetic feeders and the IEEE 123-node feeder with a year of load, imported and solved.
///
/// # Errors
/// What import and study fail with.
pub fn demo(spec: &Spec, params: &DemoParams, teller: &Teller) -> Result<Value, Failure> {
    let project = Project::open(project_dir(spec)?)?;
    let n = u64::from(params.feeders) + 1;
    teller.stage("Making synthetic feeders");
    let utility = Utility::new(params.seed);
    for i in 0..u64::from(params.feeders) {
        teller.progress(i, n, "networks", || format!("Synthetic feeder {}", i + 1));
        let feeder = utility.feeder(i);
        let imported = Imported { network: feeder.network, ..Imported::default() };
        let model = format!("synthetic utility, seed {}, feeder {}", params.seed, feeder.summary.name);
        keep(spec, &project, teller, imported, &feeder.summary.name, model)?;
    }
    teller.stage("Reading the IEEE 123-node feeder");
    let files = formats::samples::ieee123();
    let Candidate { mut imported, .. } =
        read_candidate(&files, &ImportRequest { model: formats::samples::IEEE123_MASTER.into(), ..ImportRequest::default() })?;
    // Its spot loads are those of one moment; over the year they follow the first shape of the utility.
    let shape = utility.shapes.loads.first().expect("a utility has shapes").clone();
    let model = format!("IEEE 123-node test feeder, loads with the shape {} of the synthetic utility", shape.name);
    let network = &mut imported.network;
    let id = LoadShapeId(network.load_shapes.len() as u32);
    network.load_shapes.push(shape);
    network.loads.iter_mut().for_each(|l| l.shapes.yearly = Some(id));
    imported.diagnostics.retain(|d| !d.code.starts_with("CHECK."));
    keep(spec, &project, teller, imported, "ieee123", model)?;
    let study = SolveYearParams { study: Some("base".into()), hours: Some(f64::from(params.hours)), ..SolveYearParams::default() };
    solve(spec, &study, teller)
}

/// Keeps a network of the demonstration, once for the job.
fn keep(spec: &Spec, project: &Project, teller: &Teller, mut imported: Imported, name: &str, model: String) -> Result<(), Failure> {
    imported.diagnostics.extend(network::check::check(&imported.network));
    let worth: Vec<Diagnostic> = imported.diagnostics.iter().filter(|d| d.severity != Severity::Note).cloned().collect();
    teller.findings(&worth);
    let new = NewVersion {
        model,
        importer: "demonstration".into(),
        program: env!("CARGO_PKG_VERSION").into(),
        author: spec.user.clone(),
        key: Some(format!("{}-{name}", spec.job)),
        ..NewVersion::new(name, &imported, crate::project::now())
    };
    project.import(&new)?;
    Ok(())
}
