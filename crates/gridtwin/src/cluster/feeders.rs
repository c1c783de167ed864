//! The feeders of a run into a lake, done by a cluster.

use super::carried::{FeederJob, FeederOutcome, FeedersQuestion, PAYLOAD, QSTS};
use super::command::address;
use super::work::VERSION;
use crate::failure::Failure;
use crate::qsts::interrupt;
use crate::qsts::lake_run::{Asked, Attempt, Watch, refused};
use crate::qsts::progress::Done;
use ::cluster::{ClusterError, Query, client};
use network::Diagnostic;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;

/// Jobs of one query. Ten thousand are some megabytes of plan; a larger run asks several queries, one after another.
const JOBS_OF_A_QUERY: usize = 10_000;

/// Has the feeders of the plan done.
pub fn feeders(cluster: &str, asked: &Asked<'_>, watch: &mut dyn Watch) -> Attempt {
    let mut attempt = Attempt::default();
    if let Err(failure) = try_feeders(cluster, asked, watch, &mut attempt) {
        attempt.fatal = Some(failure);
    }
    // What workers left half-written that were killed.
    if let Err(error) = asked.run.sweep() {
        attempt.fatal.get_or_insert(refused(error));
    }
    attempt
}

fn try_feeders(cluster: &str, asked: &Asked<'_>, watch: &mut dyn Watch, attempt: &mut Attempt) -> Result<(), Failure> {
    let address = address(cluster)?;
    let steps = u64::from(asked.question.options.steps);
    let question = FeedersQuestion {
        base: working_folder()?,
        out: if asked.place.is_remote() {
            asked.spec.out.clone()
        } else {
            std::path::absolute(&asked.spec.out).map_err(|e| no_folder(&e))?
        },
        study: asked.spec.study.clone(),
        // Objects are not locked.
        holder: if asked.place.is_remote() { String::new() } else { asked.run.holder().map_err(refused)? },
        question: asked.question.carried(),
        options_hash: asked.options_hash.to_owned(),
    };
    let query = query(QSTS, &question);
    let mut before = 0;
    for todo in asked.plan.todo.chunks(JOBS_OF_A_QUERY) {
        let jobs = todo.iter().map(|t| text(&FeederJob { model: asked.models[t.job].clone() })).collect();
        let outcomes = client::run(&address, &query, jobs, &mut |progress| {
            let feeders = before + progress.done;
            watch.goes_on(Done { feeders, steps: feeders as u64 * steps, workers: progress.workers, failed: attempt.failures.len() });
            if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let outcomes = match outcomes {
            Err(ClusterError::Interrupted) => return Ok(()),
            other => other?,
        };
        asked.place.take_in(asked.run.lake(), &asked.spec.study)?;
        let mut lost = Vec::new();
        for (todo, outcome) in todo.iter().zip(outcomes) {
            match read::<FeederOutcome>(&outcome.text)? {
                FeederOutcome::Done { steps } => attempt.solved_steps += steps,
                FeederOutcome::Failed { findings, steps } => {
                    attempt.solved_steps += steps;
                    attempt.failures.push((todo.job, Failure::new(findings)));
                }
            }
            let feeder = &asked.models[todo.job].feeder;
            if asked.run.lake().record(&asked.spec.study, feeder).map_err(refused)?.is_none() {
                lost.push(
                    Diagnostic::error("CLUSTER.FEEDER.LOST", format!("feeder {feeder} was done by {} and is not in the lake", outcome.worker))
                        .hint("Say the same again with --resume. Where the folder is shared over a network, check that all machines see what one writes."),
                );
            }
        }
        if !lost.is_empty() {
            return Err(Failure::new(lost));
        }
        before += todo.len();
    }
    Ok(())
}

/// A query of a study in this version's form.
pub(super) fn query(study: &str, question: &impl Serialize) -> Query {
    Query { version: VERSION.to_owned(), payload: PAYLOAD, study: study.to_owned(), question: text(question) }
}

pub(super) fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what is carried is plain data")
}

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|e| {
        Diagnostic::error("CLUSTER.OUTCOME.FORM", "an outcome of the cluster cannot be read")
            .detail(format!("What is wrong: {e}."))
            .hint("Please report it.")
            .into()
    })
}

/// Where relative paths of the command line begin.
pub(super) fn working_folder() -> Result<std::path::PathBuf, Failure> {
    std::env::current_dir().map_err(|e| no_folder(&e))
}

fn no_folder(error: &std::io::Error) -> Failure {
    Diagnostic::error("CLUSTER.FOLDER.REFUSED", "the working folder cannot be told").detail(format!("The system says: {error}.")).into()
}
