//! `gridtwin qsts`: models through time, as a report or into a results lake.
//!
//! ```text
//! models ─► plan: what of them is missing in the lake ─► threads, a feeder each ─► tables and commit record, feeder by feeder
//!                                                             └─► progress, failures ─► summary, exit status
//! ```

pub mod feeder;
mod files;
pub mod interrupt;
pub mod lake_run;
pub mod models;
pub mod progress;
mod report;

use crate::cli::QstsArguments;
use crate::console::Console;
use crate::failure::Failure;
use feeder::Question;
use files::HashCache;
use network::Diagnostic;
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
    interrupt::watch();
    match (&arguments.out, &models[..]) {
        (Some(out), _) => lake_run::run(arguments, out, &models, &question, console),
        (None, [model]) => one(model, &question, console),
        (None, models) => Err(Diagnostic::error("RUN.OUT.NEEDED", format!("{} models need a folder for their results", models.len()))
            .hint("Say --out DIR; without it the results of one model are printed.")
            .into()),
    }
}

/// One model, whose results are printed.
fn one(model: &models::ModelRef, question: &Question, console: &mut Console<'_>) -> Result<u8, Failure> {
    let steps = u64::from(question.options.steps);
    let mut progress = Progress::new(1, steps);
    let mut drawn = std::time::Instant::now();
    let cache = HashCache::default();
    let mut watch = |done: u32| {
        if drawn.elapsed() >= progress::DRAW {
            drawn = std::time::Instant::now();
            progress.tell(Done { feeders: 0, failed: 0, steps: u64::from(done) }, console);
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
    Ok(if solved.result.stopped { INTERRUPTED } else { 0 })
}
