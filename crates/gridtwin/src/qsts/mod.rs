//! `gridtwin qsts`: models through time, as a report or into a results lake.
//!
//! ```text
//! models ─► plan: what of them is missing in the lake ─► threads, a feeder each ─► tables and commit record, feeder by feeder
//!                                                             └─► progress, failures ─► summary, exit status
//! ```

pub mod feeder;
pub mod feeder_task;
pub mod files;
pub mod interrupt;
pub mod lake_run;
pub mod models;
pub mod progress;
mod report;

use crate::cli::QstsArguments;
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::scenario::{self, Loaded};
use feeder::Question;
use files::HashCache;
use network::{Diagnostic, Severity};
use progress::{Done, Progress};
use std::ops::ControlFlow;

/// Exit status of a run that was interrupted.
pub const INTERRUPTED: u8 = 130;

/// Runs the command and returns the exit status: 0 done, 1 refused or with failed feeders, 130 interrupted.
pub fn run(arguments: &QstsArguments, console: &mut Console<'_>) -> u8 {
    match dispatch(arguments, console) {
        Ok(status) => status,
        Err(failure) => {
            console.warn(&failure.diagnostics);
            1
        }
    }
}

fn dispatch(arguments: &QstsArguments, console: &mut Console<'_>) -> Result<u8, Failure> {
    let question = Question::new(arguments)?;
    let models = models::find(&arguments.models)?;
    if let Some(scenario) = &question.scenario {
        scenario_fits(scenario, &models, &question, console)?;
    }
    interrupt::watch();
    match (&arguments.out, &models[..]) {
        (Some(out), _) => lake_run::run(arguments, out, &models, &question, console),
        (None, [model]) => one(model, &question, console),
        (None, models) => Err(Diagnostic::error("RUN.OUT.NEEDED", format!("{} models need a folder for their results", models.len()))
            .hint("Say --out DIR; without it the results of one model are printed.")
            .into()),
    }
}

/// What of a scenario fits none of the models is refused before any runs.
fn scenario_fits(scenario: &Loaded, models: &[models::ModelRef], question: &Question, console: &mut Console<'_>) -> Result<(), Failure> {
    let read = |m: &models::ModelRef| -> Result<network::Network, Failure> {
        match &m.stored {
            Some(_) => scenario::network_of(m),
            None => Ok(Model::read_with(&m.master, &question.dss, question.lenient)?.network),
        }
    };
    let mut found = scenario.findings.clone();
    // One of several models that cannot be read is told when it is its turn.
    let lenient = |m: &models::ModelRef| if models.len() > 1 { Ok(read(m).unwrap_or_default()) } else { read(m) };
    found.extend(scenario::check_models(&scenario.prepared, models, &lenient)?);
    let scenario_step_h = scenario.prepared.scenario.step_h();
    if question.options.step_h > scenario_step_h * (1.0 + 1e-9) {
        let what = Diagnostic::warning("RUN.SCENARIO.STEP", "the steps of the run are longer than those of the scenario");
        let hours =
            format!("{} h against {scenario_step_h} h: a step shows one moment of the scenario, not its mean.", question.options.step_h);
        found.push(what.detail(hours).hint("Say --step with the scenario's step_min."));
    }
    if found.iter().any(|d| d.severity == Severity::Error) {
        return Err(Failure::new(found));
    }
    console.warn(&found);
    Ok(())
}

/// One model, whose results are printed.
fn one(model: &models::ModelRef, question: &Question, console: &mut Console<'_>) -> Result<u8, Failure> {
    let begun = std::time::Instant::now();
    let steps = u64::from(question.options.steps);
    let mut progress = Progress::new(1, steps);
    let mut drawn = std::time::Instant::now();
    let cache = HashCache::default();
    let mut watch = |done: u32| {
        if drawn.elapsed() >= progress::DRAW {
            drawn = std::time::Instant::now();
            progress.tell(Done { steps: u64::from(done), ..Done::default() }, console);
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut series = Vec::new();
    let ready = feeder::read(model, question, &cache).ready?;
    let solved = ready.run(question, &mut watch, &mut |batches| {
        series.extend(batches);
        ControlFlow::Continue(())
    });
    progress.clear(console);
    let solved = solved?;
    let text = report::render(model, question, &solved, &series, console.style);
    console.print(&text)?;
    if let Some(stacked) = &solved.stacked {
        console.print(&scenario::layers_table(std::iter::once(stacked)))?;
        console.print(&format!("wall time {}, peak memory {}\n", progress::duration(begun.elapsed()), memory()))?;
    }
    Ok(if solved.result.stopped { INTERRUPTED } else { 0 })
}

/// The largest memory held, for people.
pub(crate) fn memory() -> String {
    scenario::peak_memory_bytes().map_or("unknown".to_owned(), |bytes| format!("{:.0} MB", bytes as f64 / 1e6))
}
