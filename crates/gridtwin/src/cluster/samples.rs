//! The samples of a sweep, done by a cluster.

use super::carried::{SWEEP, SampleJob, SampleOutcome, SamplesQuestion};
use super::command::address;
use super::feeders::{query, read, text, working_folder};
use crate::console::Console;
use crate::failure::Failure;
use crate::number::count;
use crate::qsts::interrupt;
use crate::scenario::sweep::{FIGURES, Row, SweepAsked};
use ::cluster::{ClusterError, client};
use network::Diagnostic;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// How often it is told how far it is.
const TELL: Duration = Duration::from_secs(30);

/// Has the samples done, and returns what they came to in their order; none when it was interrupted.
///
/// # Errors
/// What keeps the cluster from doing them.
pub fn samples(cluster: &str, asked: &SweepAsked, rows: &[Vec<String>], console: &mut Console<'_>) -> Result<Vec<Row>, Failure> {
    let question = SamplesQuestion { base: working_folder()?, sweep: asked.clone() };
    let jobs = rows.iter().map(|row| text(&SampleJob { values: row.clone() })).collect();
    let mut told = Instant::now();
    let outcomes = client::run(&address(cluster)?, &query(SWEEP, &question), jobs, &mut |progress| {
        if told.elapsed() >= TELL {
            told = Instant::now();
            let (done, workers) = (progress.done, count(progress.workers, "worker"));
            console.note(&format!("{done} of {} done, on {workers}\n", count(rows.len(), "sample")));
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let outcomes = match outcomes {
        Err(ClusterError::Interrupted) => return Ok(Vec::new()),
        other => other?,
    };
    outcomes.iter().map(|outcome| row(read(&outcome.text)?)).collect()
}

fn row(outcome: SampleOutcome) -> Result<Row, Failure> {
    match outcome {
        SampleOutcome::Failed { findings } => Ok(Err(Failure::new(findings))),
        SampleOutcome::Figures(bits) => {
            let figures: Vec<Option<f64>> = bits.into_iter().map(|b| b.map(f64::from_bits)).collect();
            let figures = <[Option<f64>; FIGURES.len()]>::try_from(figures);
            let other = |found: Vec<_>| {
                Diagnostic::error("CLUSTER.OUTCOME.FORM", "an outcome of the cluster cannot be read")
                    .detail(format!("A sample has {} figures instead of {}.", found.len(), FIGURES.len()))
                    .hint("Run the same version on all machines.")
            };
            Ok(Ok(figures.map_err(other)?))
        }
    }
}
