//! What a worker does: each study by the function that does it on one machine too.

use super::carried::{
    FeederJob, FeederOutcome, FeedersQuestion, PARTS, PAYLOAD, QSTS, SWEEP, SampleJob, SampleOutcome, SamplesQuestion, WHOLE,
};
use super::feeders::text;
use super::processes::Processes;
use crate::failure::Failure;
use crate::lake_place::LakePlace;
use crate::model::Model;
use crate::model_files::ModelFiles;
use crate::qsts::feeder::Question;
use crate::qsts::feeder_task::{FeederEnd, FeederTask};
use crate::qsts::files::HashCache;
use crate::scenario::load_from;
use crate::scenario::sweep::Sweep;
use ::cluster::query::{NoOutcome, Stop};
use ::cluster::{Query, Work, worker};
use network::Diagnostic;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use store::{Job, Lake, Run, StoreError, sha256_hex};

/// Version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The studies that a worker knows.
#[derive(Default)]
pub struct Studies {
    /// The question last asked, read: its scenario may hold a year of many shapes.
    last: Mutex<Option<(String, Arc<Feeders>)>>,
    /// The same of a sweep, with its model.
    last_sweep: Mutex<Option<(String, Arc<Sweep>)>>,
    processes: Processes,
    /// Jobs that this process has begun; two of one feeder may be under way at once.
    begun: AtomicU64,
}

/// A question about feeders, ready for its jobs.
struct Feeders {
    asked: FeedersQuestion,
    question: Question,
    files: ModelFiles,
}

fn refuse(finding: Diagnostic) -> NoOutcome {
    NoOutcome::Refused(vec![finding])
}

impl Work for Studies {
    fn understands(&self) -> (&str, u32) {
        (VERSION, PAYLOAD)
    }

    fn run(&self, query: &Query, job: &str, stop: &Stop) -> Result<String, NoOutcome> {
        match query.study.as_str() {
            QSTS => {
                let feeders = self.feeders(&query.question)?;
                feeders.run(&parse(job)?, self.begun.fetch_add(1, Ordering::Relaxed), stop)
            }
            SWEEP => sample(&*self.sweep(&query.question)?, &parse(job)?, stop),
            PARTS => self.processes.parts(&parse(&query.question)?, &parse(job)?, stop),
            WHOLE => self.processes.whole(&parse(&query.question)?, stop),
            other => {
                Err(refuse(Diagnostic::error("CLUSTER.STUDY.UNKNOWN", format!("worker {} knows no study \"{other}\"", worker::name()))))
            }
        }
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, NoOutcome> {
    serde_json::from_str(text).map_err(|e| {
        refuse(
            Diagnostic::error("CLUSTER.JOB.FORM", format!("worker {} cannot read the job", worker::name()))
                .detail(format!("What is wrong: {e}."))
                .hint("Run the same version on all machines."),
        )
    })
}

/// What a worker says when something that the client sees is not there for it.
fn unseen(what: &str, path: &Path, reason: &str) -> NoOutcome {
    refuse(
        Diagnostic::error("CLUSTER.STORAGE.UNSEEN", format!("worker {} does not see {what} {}", worker::name(), path.display()))
            .detail(reason.to_owned())
            .hint("Mount the shared folder under the same path on every machine, or use s3://bucket/folder for models and --out."),
    )
}

/// The errors of a failure in one text.
fn said(failure: &Failure) -> String {
    let texts: Vec<String> =
        failure.errors().map(|d| d.detail.as_ref().map_or(d.message.clone(), |detail| format!("{}: {detail}", d.message))).collect();
    texts.join("; ")
}

impl Studies {
    fn feeders(&self, text: &str) -> Result<Arc<Feeders>, NoOutcome> {
        once(&self.last, text, || Feeders::new(parse(text)?))
    }

    fn sweep(&self, text: &str) -> Result<Arc<Sweep>, NoOutcome> {
        once(&self.last_sweep, text, || read_sweep(&parse(text)?))
    }
}

/// What was made of the same text last, or made of it now; other jobs wait meanwhile.
fn once<T>(last: &Mutex<Option<(String, Arc<T>)>>, text: &str, make: impl FnOnce() -> Result<T, NoOutcome>) -> Result<Arc<T>, NoOutcome> {
    let mut last = last.lock().unwrap_or_else(|e| e.into_inner());
    if let Some((known, made)) = &*last
        && known == text
    {
        return Ok(made.clone());
    }
    let made = Arc::new(make()?);
    *last = Some((text.to_owned(), made.clone()));
    Ok(made)
}

/// Reads what the samples of a sweep share, and sees that it is what was asked about.
fn read_sweep(asked: &SamplesQuestion) -> Result<Sweep, NoOutcome> {
    let files = ModelFiles::beside(&asked.base);
    let sweep = &asked.sweep;
    for (what, path) in [("the scenario", &sweep.file), ("the model", &sweep.model.model)] {
        files.kind(path).map_err(|e| unseen(what, &files.at(path), &format!("The system says: {e}.")))?;
    }
    let refused = |failure: Failure| NoOutcome::Refused(failure.diagnostics);
    let loaded = load_from(&files, &sweep.file).map_err(refused)?;
    let (mut model, hash) = Model::read_hashed(&files, &sweep.model).map_err(refused)?;
    if (&hash, &loaded.digest) != (&sweep.model_hash, &sweep.scenario_hash) {
        return Err(differs("The files of the scenario or of the model are not the same on this machine, or were changed since."));
    }
    model.preflight(sweep.model.lenient).map_err(refused)?;
    Ok(Sweep::new(sweep, loaded.prepared, model.network))
}

fn sample(sweep: &Sweep, job: &SampleJob, stop: &Stop) -> Result<String, NoOutcome> {
    let solved = sweep.scenario(&job.values).map_err(Failure::new).and_then(|scenario| sweep.sample(&scenario, &|| stop.asked()));
    if stop.asked() {
        return Err(NoOutcome::Stopped);
    }
    Ok(text(&match solved {
        Ok(figures) => SampleOutcome::Figures(figures.iter().map(|f| f.map(f64::to_bits)).collect()),
        Err(failure) => SampleOutcome::Failed { findings: failure.diagnostics },
    }))
}

/// What a worker says when it reads other files than the client did.
fn differs(detail: &str) -> NoOutcome {
    refuse(
        Diagnostic::error("CLUSTER.QUESTION.DIFFERS", format!("worker {} reads another question than was asked", worker::name()))
            .detail(detail)
            .hint("Keep the models, the scenario and what it names in the shared folder, and leave them alone during the run."),
    )
}

impl Feeders {
    fn new(asked: FeedersQuestion) -> Result<Self, NoOutcome> {
        let files = ModelFiles::beside(&asked.base);
        if let Some(path) = asked.question.scenario() {
            files.kind(path).map_err(|e| unseen("the scenario", &files.at(path), &format!("The system says: {e}.")))?;
        }
        let question = asked.question.unpack(&files).map_err(|failure| NoOutcome::Refused(failure.diagnostics))?;
        let options_hash = sha256_hex(question.as_json().to_string().as_bytes());
        if options_hash != asked.options_hash {
            return Err(differs("The files of the scenario are not the same on this machine, or were changed since the study was begun."));
        }
        Ok(Self { asked, question, files })
    }

    fn run(&self, job: &FeederJob, number: u64, stop: &Stop) -> Result<String, NoOutcome> {
        let a = &self.asked;
        let place = LakePlace::open(&a.out).map_err(|failure| NoOutcome::Refused(failure.diagnostics))?;
        place.look().map_err(|failure| unseen("the results folder", &a.out, &said(&failure)))?;
        let lake = Lake::open_or_create(place.here()).map_err(broken)?;
        let writer = format!("{}-{number}", worker::name());
        let run = Run::join(lake, &a.study, VERSION, &a.holder, &writer).map_err(|e| match e {
            StoreError::NotHeld { .. } => unseen(
                "the run in the results folder",
                &a.out,
                "It is another folder than the one the study was begun with, or the run is over.",
            ),
            other => broken(other),
        })?;
        // Named by someone who sees it; a feeder that only this machine cannot read has not failed.
        self.files
            .kind(&job.model.master)
            .map_err(|e| unseen("the model", &self.files.at(&job.model.master), &format!("The system says: {e}.")))?;
        let cache = HashCache::new(self.files.clone());
        let task = FeederTask {
            place: &place,
            run: &run,
            model: &job.model,
            job: &Job::new(&job.model.feeder, "", &a.options_hash),
            question: &self.question,
            cache: &cache,
        };
        let mut steps = 0;
        let ended = task.run(&mut |new| {
            steps += u64::from(new);
            if stop.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match ended {
            Ok(FeederEnd::Done) => Ok(text(&FeederOutcome::Done { steps })),
            Ok(FeederEnd::Failed(failure)) => Ok(text(&FeederOutcome::Failed { findings: failure.diagnostics, steps })),
            Ok(FeederEnd::Stopped) => Err(NoOutcome::Stopped),
            Err(failure) => Err(NoOutcome::Refused(failure.diagnostics)),
        }
    }
}

fn broken(error: StoreError) -> NoOutcome {
    let hint = error.hint();
    refuse(Diagnostic::error("OUTPUT.LAKE.REFUSED", format!("worker {}: {error}", worker::name())).hint(hint))
}
