//! A run into a results lake: what is missing is run, a feeder a thread, and committed feeder by feeder.

use super::feeder::{self, Question};
use super::feeder_task::{FeederEnd, FeederTask};
use super::files::HashCache;
use super::models::ModelRef;
use super::progress::{self, Done, Progress};
use super::{INTERRUPTED, interrupt};
use crate::cli::QstsArguments;
use crate::console::Console;
use crate::failure::Failure;
use crate::lake_place::LakePlace;
use crate::number::{count, fixed};
use crate::text::Table;
use network::Diagnostic;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use store::{Cause, FeederRecord, Job, Lake, Plan, Run, RunInput, RunManifest, Status, StoreError, sha256_hex};

/// What a thread tells of a feeder.
enum Ended {
    Done,
    /// Why, with the findings.
    Failed(usize, Failure),
    /// The lake cannot be written; the run ends.
    Fatal(Failure),
}

/// What the threads of a run share.
struct Shared<'a> {
    place: &'a LakePlace,
    run: &'a Run,
    models: &'a [ModelRef],
    jobs: &'a [Job],
    question: &'a Question,
    cache: &'a HashCache,
    plan: &'a Plan,
    next: AtomicUsize,
    steps: AtomicU64,
    stop: AtomicBool,
}

impl Shared<'_> {
    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || interrupt::asked()
    }
}

/// What running the feeders of a plan came to.
#[derive(Debug, Default)]
pub struct Attempt {
    /// Feeders that failed, by job.
    pub failures: Vec<(usize, Failure)>,
    /// Why the run cannot go on.
    pub fatal: Option<Failure>,
    pub solved_steps: u64,
}

/// A run whose feeders others are to do.
pub struct Asked<'a> {
    pub spec: &'a StudyRun,
    pub place: &'a LakePlace,
    pub run: &'a Run,
    pub models: &'a [ModelRef],
    pub jobs: &'a [Job],
    pub question: &'a Question,
    pub plan: &'a Plan,
    pub options_hash: &'a str,
}

/// What a run is told beside its models and its question.
#[derive(Debug, Clone)]
pub struct StudyRun {
    pub study: String,
    /// Folder of the lake.
    pub out: PathBuf,
    /// Feeders side by side; one for each processor without.
    pub threads: Option<u16>,
    /// Scheduler of the cluster that is to do the feeders.
    pub cluster: Option<String>,
    /// Go on with a study that is there.
    pub resume: bool,
    pub retry_failed: bool,
}

/// Who is told while a run goes on.
pub trait Watch {
    /// The run knows what it has to do: so many feeders, of so many steps in all.
    fn begins(&mut self, feeders: usize, steps: u64);
    /// How far it is; several times a second.
    fn goes_on(&mut self, done: Done);
    fn finds(&mut self, findings: &[Diagnostic]);
}

/// What a run came to.
#[derive(Debug)]
pub struct StudyOutcome {
    /// Of the run's models, in their order, as far as they are there.
    pub records: Vec<FeederRecord>,
    pub plan: Plan,
    pub models: usize,
    /// Steps solved by this run.
    pub solved_steps: u64,
    pub elapsed: Duration,
    /// The run was asked to end before all was done.
    pub interrupted: bool,
}

impl StudyOutcome {
    pub fn any_failed(&self) -> bool {
        self.records.iter().any(|r| matches!(r.status, Status::Failed { .. }))
    }
}

/// Tells a run to the console.
struct OnConsole<'a, 'b> {
    console: &'a mut Console<'b>,
    progress: Option<Progress>,
}

impl Watch for OnConsole<'_, '_> {
    fn begins(&mut self, feeders: usize, steps: u64) {
        self.progress = Some(Progress::new(feeders, steps));
    }

    fn goes_on(&mut self, done: Done) {
        if let Some(progress) = &mut self.progress {
            progress.tell(done, self.console);
        }
    }

    fn finds(&mut self, findings: &[Diagnostic]) {
        if let Some(progress) = &mut self.progress {
            progress.clear(self.console);
        }
        self.console.warn(findings);
    }
}

/// Runs what is missing of the study and returns the exit status.
///
/// # Errors
/// As [`run_study`].
pub fn run(
    arguments: &QstsArguments,
    out: &Path,
    models: &[ModelRef],
    question: &Question,
    console: &mut Console<'_>,
) -> Result<u8, Failure> {
    let spec = StudyRun {
        study: arguments.study.clone(),
        out: out.to_owned(),
        threads: arguments.threads,
        cluster: arguments.cluster.clone(),
        resume: arguments.resume,
        retry_failed: arguments.retry_failed,
    };
    let outcome = run_study(&spec, models, question, &mut OnConsole { console, progress: None })?;
    console.print(&summary(&spec, &outcome))?;
    if question.scenario.is_some() {
        console.print(&layers(&outcome))?;
    }
    if outcome.interrupted {
        let n = outcome.records.len();
        console.warn(&[Diagnostic::warning("RUN.INTERRUPTED", format!("interrupted: {n} of {} are whole", count(models.len(), "feeder")))
            .hint("Say the same again with --resume to run the others.")]);
        return Ok(INTERRUPTED);
    }
    Ok(u8::from(outcome.any_failed()))
}

/// Runs what is missing of the study.
///
/// # Errors
/// A folder that is no lake or is written by another run, a study that is there already and is not to be resumed, a full disk.
pub fn run_study(spec: &StudyRun, models: &[ModelRef], question: &Question, watch: &mut dyn Watch) -> Result<StudyOutcome, Failure> {
    let start = Instant::now();
    let place = LakePlace::open(&spec.out)?;
    let lake = Lake::open_or_create(place.here()).map_err(refused)?;
    place.take_in(&lake, &spec.study)?;
    let options = question.as_json();
    let options_hash = sha256_hex(options.to_string().as_bytes());
    let engine_version = env!("CARGO_PKG_VERSION");
    let mut manifest = RunManifest::new(&spec.study, engine_version);
    manifest.options = options;
    manifest.inputs = models.iter().map(|m| RunInput { feeder: m.feeder.clone(), model: m.shown(), input_hash: String::new() }).collect();
    let before: HashMap<String, FeederRecord> =
        lake.records(&spec.study).map_err(refused)?.into_iter().map(|r| (r.feeder.clone(), r)).collect();
    if !before.is_empty() && !spec.resume {
        return Err(Diagnostic::error("RUN.STUDY.EXISTS", format!("the study \"{}\" is in {} already", spec.study, spec.out.display()))
            .detail(format!("It holds {}.", count(before.len(), "feeder")))
            .hint("Say --resume to run only what is missing or has changed, --study NAME for a study beside it, or another --out.")
            .into());
    }
    let cache = HashCache::default();
    let jobs: Vec<Job> = models
        .iter()
        .map(|m| {
            // A feeder that was never run has no hash to be compared with.
            let hash = before.get(&m.feeder).map(|r| match &m.stored {
                Some(stored) => stored.digest.clone(),
                None => cache.of_record(&r.summary).unwrap_or_else(|| feeder::read(m, question, &cache).input_hash),
            });
            Job::new(&m.feeder, hash.unwrap_or_default(), &options_hash)
        })
        .collect();
    let run = lake.begin(&manifest).map_err(refused)?;
    place.send_manifest(&lake, &spec.study)?;
    let plan = place.plan(&run, &jobs, spec.retry_failed)?;
    watch.finds(&notes(&plan, spec.resume));

    let steps = u64::from(question.options.steps);
    watch.begins(plan.todo.len(), plan.todo.len() as u64 * steps);
    let Attempt { mut failures, fatal, solved_steps } = match &spec.cluster {
        Some(cluster) => {
            let asked = Asked { spec, place: &place, run: &run, models, jobs: &jobs, question, plan: &plan, options_hash: &options_hash };
            crate::cluster::feeders(cluster, &asked, watch)
        }
        None => {
            let shared = Shared {
                place: &place,
                run: &run,
                models,
                jobs: &jobs,
                question,
                cache: &cache,
                plan: &plan,
                next: AtomicUsize::new(0),
                steps: AtomicU64::new(0),
                stop: AtomicBool::new(false),
            };
            on_threads(&shared, spec.threads, watch)
        }
    };
    failures.sort_by_key(|(job, _)| *job);
    let mut findings: Vec<Diagnostic> = failures.iter().map(|(job, failure)| failed(&models[*job].feeder, failure)).collect();
    findings.extend(plan.failed.iter().map(|(job, reason)| {
        Diagnostic::error("RUN.FEEDER.FAILED_BEFORE", format!("feeder {} failed before and was not tried again", models[*job].feeder))
            .detail(reason.clone())
            .hint("Correct the model, or say --retry-failed.")
    }));

    let mut found: HashMap<String, FeederRecord> =
        lake.records(&spec.study).map_err(refused)?.into_iter().map(|r| (r.feeder.clone(), r)).collect();
    let records: Vec<FeederRecord> = models.iter().filter_map(|m| found.remove(&m.feeder)).collect();
    findings.extend(records.iter().filter_map(unsettled));
    watch.finds(&findings);
    if let Some(failure) = fatal {
        return Err(failure);
    }
    let interrupted = interrupt::asked();
    if records.len() == models.len() && !interrupted {
        for input in &mut manifest.inputs {
            let record = records.iter().find(|r| r.feeder == input.feeder);
            input.input_hash = record.map_or_else(String::new, |r| r.input_hash.clone());
        }
        run.write_manifest(&manifest).map_err(refused)?;
        place.send_manifest(&lake, &spec.study)?;
    }
    Ok(StudyOutcome { records, plan, models: models.len(), solved_steps, elapsed: start.elapsed(), interrupted })
}

/// What is worth knowing before a resumed run.
fn notes(plan: &Plan, resume: bool) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    for todo in &plan.todo {
        if let Cause::Torn { path, reason } = &todo.cause {
            notes.push(
                Diagnostic::warning("RUN.LAKE.TORN", format!("{} is not as it was written and has been set aside", path.display()))
                    .detail(reason.clone())
                    .hint("Its feeder is run again."),
            );
        }
    }
    if resume {
        let n = |is: fn(&Cause) -> bool| plan.todo.iter().filter(|t| is(&t.cause)).count();
        let causes = [
            (n(|c| matches!(c, Cause::NeverDone)), "missing"),
            (n(|c| matches!(c, Cause::Failed { .. })), "failed before"),
            (n(|c| matches!(c, Cause::InputChanged)), "with a changed model"),
            (n(|c| matches!(c, Cause::OptionsChanged)), "with other options"),
            (n(|c| matches!(c, Cause::EngineChanged { .. })), "of another version"),
            (n(|c| matches!(c, Cause::Torn { .. })), "torn"),
        ];
        let causes: Vec<String> = causes.into_iter().filter(|&(n, _)| n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let to_run = if causes.is_empty() { "nothing is left to run".to_owned() } else { format!("to run: {}", causes.join(", ")) };
        notes.push(Diagnostic::note("RUN.RESUMED", format!("{} there already; {to_run}", count(plan.done.len(), "feeder"))));
    }
    if !plan.others.is_empty() {
        let some: Vec<&str> = plan.others.iter().take(5).map(String::as_str).collect();
        let n = count(plan.others.len(), "feeder");
        notes
            .push(Diagnostic::note("RUN.STUDY.OTHERS", format!("the study holds {n} that this run does not name")).detail(some.join(", ")));
    }
    notes
}

/// A thread: feeders one after another until none is left or the run ends.
fn work(shared: &Shared<'_>, tell: &Sender<Ended>) {
    while !shared.stops() {
        let Some(todo) = shared.plan.todo.get(shared.next.fetch_add(1, Ordering::Relaxed)) else { return };
        let task = FeederTask {
            place: shared.place,
            run: shared.run,
            model: &shared.models[todo.job],
            job: &shared.jobs[todo.job],
            question: shared.question,
            cache: shared.cache,
        };
        let ended = task.run(&mut |steps| {
            shared.steps.fetch_add(u64::from(steps), Ordering::Relaxed);
            if shared.stops() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let tells = match ended {
            Ok(FeederEnd::Done) => Ended::Done,
            Ok(FeederEnd::Failed(failure)) => Ended::Failed(todo.job, failure),
            Ok(FeederEnd::Stopped) => return,
            Err(error) => {
                shared.stop.store(true, Ordering::Relaxed);
                Ended::Fatal(error)
            }
        };
        let _ = tell.send(tells);
    }
}

/// The feeders of the plan, on threads of this program.
fn on_threads(shared: &Shared<'_>, threads: Option<u16>, watch: &mut dyn Watch) -> Attempt {
    let threads = threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let mut attempt = Attempt::default();
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for _ in 0..threads.min(shared.plan.todo.len()) {
            let tell = tell.clone();
            scope.spawn(move || work(shared, &tell));
        }
        drop(tell);
        let mut done = Done::default();
        loop {
            match told.recv_timeout(progress::DRAW) {
                Ok(Ended::Done) => done.feeders += 1,
                Ok(Ended::Failed(job, failure)) => {
                    (done.feeders, done.failed) = (done.feeders + 1, done.failed + 1);
                    attempt.failures.push((job, failure));
                }
                Ok(Ended::Fatal(error)) => {
                    attempt.fatal.get_or_insert(error);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            done.steps = shared.steps.load(Ordering::Relaxed);
            watch.goes_on(done);
        }
    });
    attempt.solved_steps = shared.steps.load(Ordering::Relaxed);
    attempt
}

fn failed(feeder: &str, failure: &Failure) -> Diagnostic {
    let first = failure.errors().next();
    let message = first.map_or_else(
        || "no reason is known".to_owned(),
        |d| d.element.as_ref().map_or(d.message.clone(), |e| format!("{e}: {}", d.message)),
    );
    let mut d = Diagnostic::error("RUN.FEEDER.FAILED", format!("feeder {feeder}: {message}"));
    if let Some(first) = first {
        d.source.clone_from(&first.source);
        d.detail.clone_from(&first.detail);
        d.hint.clone_from(&first.hint);
    }
    d
}

fn unsettled(record: &FeederRecord) -> Option<Diagnostic> {
    let s = &record.summary;
    let n = s["unsettled"].as_u64().filter(|&n| n > 0)?;
    let (hour, node) = (s["first_unsettled"]["hour"].as_f64()?, s["first_unsettled"]["node"].as_str().unwrap_or("no node"));
    let steps = count(n as usize, "step");
    Some(
        Diagnostic::warning("RUN.STEP.UNSETTLED", format!("feeder {}: {steps} of {} did not settle", record.feeder, s["steps"]))
            .detail(format!("The first is hour {hour}; power is farthest from balance at {node}. They stand in no statistic."))
            .hint("The table unsettled_steps lists them; `gridtwin solve` of such a moment says more."),
    )
}

fn summary(spec: &StudyRun, outcome: &StudyOutcome) -> String {
    let StudyOutcome { records, plan, models, solved_steps, elapsed, .. } = outcome;
    let done: Vec<&FeederRecord> = records.iter().filter(|r| matches!(r.status, Status::Done)).collect();
    let sum = |key: &str| done.iter().filter_map(|r| r.summary[key].as_f64()).sum::<f64>();
    let with = |key: &str| done.iter().filter(|r| r.summary[key].as_u64().is_some_and(|n| n > 0)).count();
    let mut text = format!("study {} in {}\n", spec.study, spec.out.display());
    let mut table = Table::new(&["<", "<"]);
    let earlier = if plan.done.is_empty() { String::new() } else { format!(", {} of them before this run", plan.done.len()) };
    table.row(["feeders done".into(), format!("{} of {models}{earlier}", done.len())]);
    let failed = records.len() - done.len();
    if failed > 0 {
        table.row(["feeders failed".into(), failed.to_string()]);
    }
    if *solved_steps > 0 {
        let rate = *solved_steps as f64 / elapsed.as_secs_f64().max(1e-9);
        table.row([
            "steps of this run".into(),
            format!("{solved_steps} in {} ({} steps/s)", progress::duration(*elapsed), progress::short(rate)),
        ]);
    }
    if !done.is_empty() {
        let unsettled = sum("unsettled");
        if unsettled > 0.0 {
            table.row(["steps not settled".into(), format!("{unsettled} in {}", count(with("unsettled"), "feeder"))]);
        }
        let (energy, losses) = (sum("energy_kwh"), sum("losses_kwh"));
        table.row(["energy from the sources".into(), format!("{} MWh", fixed(energy / 1e3, 1))]);
        let share = if energy > 0.0 { format!(" ({} %)", fixed(losses / energy * 100.0, 2)) } else { String::new() };
        table.row(["losses".into(), format!("{} MWh{share}", fixed(losses / 1e3, 1))]);
        if done.iter().any(|r| !r.summary["nodes_outside_a"].is_null()) {
            table.row([
                "voltage outside range A".into(),
                format!("{} in {}", count(sum("nodes_outside_a") as usize, "node"), count(with("nodes_outside_a"), "feeder")),
            ]);
            table.row([
                "voltage outside range B".into(),
                format!("{} in {}", count(sum("nodes_outside_b") as usize, "node"), count(with("nodes_outside_b"), "feeder")),
            ]);
            table.row([
                "above the rating".into(),
                format!("{} in {}", count(sum("elements_overloaded") as usize, "element"), count(with("elements_overloaded"), "feeder")),
            ]);
        }
    }
    text += &table.render();
    text
}

/// What the layers of the scenario add to all feeders, and what the run took.
fn layers(outcome: &StudyOutcome) -> String {
    let records = outcome.records.iter().map(|r| &r.summary["scenario"]).filter(|s| s.is_object());
    let mut text = crate::scenario::layers_table(records);
    text += &format!("wall time {}, peak memory {}\n", progress::duration(outcome.elapsed), super::memory());
    text
}

pub(crate) fn refused(error: StoreError) -> Failure {
    Diagnostic::error("OUTPUT.LAKE.REFUSED", error.to_string()).hint(error.hint()).into()
}
