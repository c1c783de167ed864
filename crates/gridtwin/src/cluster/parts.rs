//! The parts of a study, done by a cluster.
//!
//! ```text
//! study here ── loop of n parts ─► jobs: some indices each ─► worker ─► process `gridtwin parts WORDS…`: the same study, up to the same loop
//!     goes on with their results ◄──────────────────────────────────────────┘
//! ```
//!
//! The process waits at its loop for indices, so what comes before the loop is done once for all jobs that a slot of a worker gets. It goes on to a later
//! loop with the results of the earlier ones, which travel with the question. A process of its own has the working folder, in which relative paths begin, and
//! costs a worker nothing but a job when it falls.

use super::carried::{Bytes, Loop, PARTS, PartsJob, PartsOutcome, PartsQuestion, StudyWords, WHOLE, WholeOutcome};
use super::command::address;
use super::feeders::{query, read, text, working_folder};
use crate::cli::{Cli, Command};
use crate::cluster::arguments::PartsArguments;
use crate::console::Console;
use crate::failure::Failure;
use crate::number::count;
use crate::qsts::interrupt;
use crate::{contingency, hosting, mitigate};
use ::cluster::{Address, client};
use clap::Parser;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use studies::hands::{Elsewhere, Hands, HandsError, Here, PartFailed};

/// Jobs of a loop for each slot: several, so that a slot whose parts were quick takes another one; few, as each may have to run a series.
const JOBS_OF_A_SLOT: usize = 4;
/// How often it is told how far it is.
const TELL: Duration = Duration::from_secs(30);
/// How long a process waits for another job.
const IDLE: Duration = Duration::from_secs(60);

/// A job as a process is told it, a line of JSON on its standard input; it answers with a [`PartsOutcome`] on a line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Message {
    /// Loops before that of the job, counted from 0; [`Loop::earlier`] begins behind those that the process knows.
    pub number: usize,
    pub of: Loop,
    pub job: PartsJob,
}

/// The command line of this program, without the cluster.
fn own_words() -> Result<StudyWords, Failure> {
    let mut words = Vec::new();
    let mut all = std::env::args_os().skip(1);
    while let Some(word) = all.next() {
        let word = word.into_string().map_err(|word| {
            Diagnostic::error("CLUSTER.WORDS.FORM", format!("\"{}\" cannot be told to a cluster", word.display()))
                .detail("It is no Unicode text.")
                .hint("Give the file another name.")
        })?;
        match word.as_str() {
            "--cluster" => drop(all.next()),
            w if w.starts_with("--cluster=") => {}
            _ => words.push(word),
        }
    }
    Ok(StudyWords { base: working_folder()?, words })
}

/// The workers of a cluster as hands.
///
/// # Errors
/// Text that is no address of a scheduler; words that are no text.
pub fn hands(cluster: &str, digest: &str) -> Result<Hands, Failure> {
    interrupt::watch();
    let (address, study) = (address(cluster)?, own_words()?);
    Ok(Hands::Elsewhere(Arc::new(Workers { address, study, digest: digest.to_owned(), earlier: Mutex::default() })))
}

struct Workers {
    address: Address,
    study: StudyWords,
    digest: String,
    /// Results of the loops that are done.
    earlier: Mutex<Vec<Vec<Bytes>>>,
}

/// What hears how far it is, and says on the error stream every so often.
fn watch(jobs: usize) -> impl FnMut(client::Progress) -> ControlFlow<()> {
    let mut told = Instant::now();
    move |progress| {
        if told.elapsed() >= TELL {
            told = Instant::now();
            eprintln!("{} of {} done, on {}", progress.done, count(jobs, "job"), count(progress.workers, "worker"));
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Elsewhere for Workers {
    fn parts(&self, n: usize, _: Here<'_>) -> Result<Vec<Vec<u8>>, HandsError> {
        if n == 0 {
            return Ok(Vec::new());
        }
        let of_cluster = |e: ::cluster::ClusterError| HandsError { findings: e.diagnostics() };
        let slots = client::slots(&self.address, &mut watch(0)).map_err(of_cluster)?;
        let jobs = (slots.max(1) * JOBS_OF_A_SLOT).min(n);
        // Dealt out in turn, so that neighbours, which cost alike, are spread.
        let parts: Vec<Vec<usize>> = (0..jobs).map(|j| (j..n).step_by(jobs).collect()).collect();
        let mut earlier = self.earlier.lock().unwrap_or_else(|e| e.into_inner());
        let of = Loop { digest: self.digest.clone(), n, earlier: earlier.clone() };
        let query = query(PARTS, &PartsQuestion { study: self.study.clone(), of });
        let texts = parts.iter().map(|indices| text(&PartsJob { indices: indices.clone() })).collect();
        let outcomes = client::run(&self.address, &query, texts, &mut watch(jobs)).map_err(of_cluster)?;
        let mut results = vec![Bytes(Vec::new()); n];
        for (indices, outcome) in parts.iter().zip(&outcomes) {
            let outcome = read(&outcome.text).map_err(|f| HandsError { findings: f.diagnostics })?;
            match outcome {
                PartsOutcome::Done(done) if done.len() == indices.len() => {
                    indices.iter().zip(done).for_each(|(&i, bytes)| results[i] = bytes);
                }
                PartsOutcome::Done(done) => {
                    return Err(HandsError { findings: vec![wrong_number(done.len(), indices.len())] });
                }
                PartsOutcome::Failed { findings } => return Err(HandsError { findings }),
            }
        }
        earlier.push(results.clone());
        Ok(results.into_iter().map(|b| b.0).collect())
    }
}

fn wrong_number(found: usize, expected: usize) -> Diagnostic {
    Diagnostic::error("CLUSTER.OUTCOME.FORM", "an outcome of the cluster cannot be read")
        .detail(format!("A job has {found} results instead of {expected}."))
        .hint("Run the same version on all machines.")
}

/// Has a study without parts done by a worker, prints what it said, and returns its status.
///
/// # Errors
/// What keeps the cluster from doing it.
pub fn whole(cluster: &str, console: &mut Console<'_>) -> Result<u8, Failure> {
    interrupt::watch();
    let query = query(WHOLE, &own_words()?);
    let outcomes = client::run(&address(cluster)?, &query, vec![String::new()], &mut watch(1))?;
    let outcome: WholeOutcome = match outcomes.first() {
        Some(outcome) => read(&outcome.text)?,
        None => return Err(wrong_number(0, 1).into()),
    };
    console.note(&outcome.errors);
    console.print(&outcome.out)?;
    Ok(outcome.status)
}

/// The process of a worker: runs a study, and does the parts of its loops that it is told.
pub fn parts(arguments: &PartsArguments) -> u8 {
    let server = Arc::new(Process { jobs: Mutex::new(lines_of_stdin()), place: Mutex::default() });
    let hands = |digest: &str| {
        server.place().digest = digest.to_owned();
        Ok(Hands::Elsewhere(server.clone()))
    };
    let ended = study(&arguments.words, hands);
    // The study has met no loop, or one of its parts failed.
    let findings = match ended {
        Ok(()) => vec![differs("The study ends before the loop that was asked about.")],
        Err(failure) => failure.diagnostics,
    };
    answer(&PartsOutcome::Failed { findings });
    1
}

/// Runs the study that the words ask for.
fn study(words: &[String], mut hands: impl FnMut(&str) -> Result<Hands, Failure>) -> Result<(), Failure> {
    let form = |reason: String| Diagnostic::error("CLUSTER.WORDS.FORM", "the words of a study cannot be read").detail(reason);
    let cli = Cli::try_parse_from(std::iter::once("gridtwin").chain(words.iter().map(String::as_str)));
    match cli.map_err(|e| form(e.to_string()))?.command {
        Command::HostingCapacity(a) => hosting::asked(&a, &mut hands).map(drop),
        Command::Contingency(a) => contingency::asked(&a, &mut hands).map(drop),
        Command::Mitigate(a) => mitigate::asked(&a, &mut hands).map(drop),
        _ => Err(form("The study has no parts.".to_owned()).into()),
    }
}

fn lines_of_stdin() -> mpsc::Receiver<String> {
    let (tell, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn answer(outcome: &PartsOutcome) {
    let mut out = std::io::stdout().lock();
    // Nobody reads on where the worker is gone.
    let _ = writeln!(out, "{}", text(outcome)).and_then(|()| out.flush());
}

/// What a process says when it is told of a loop that its study does not have.
fn differs(detail: &str) -> Diagnostic {
    Diagnostic::error("CLUSTER.QUESTION.DIFFERS", "a worker reads another question than was asked")
        .detail(detail)
        .hint("Keep the models, the scenario and what it names in the shared folder, and leave them alone during the run.")
}

/// The hands of a process that a worker has started.
struct Process {
    jobs: Mutex<mpsc::Receiver<String>>,
    place: Mutex<Place>,
}

/// Where the study is.
#[derive(Default)]
struct Place {
    digest: String,
    /// Loops that it has met.
    loops: usize,
    /// Results of loops that it has not met.
    known: Vec<Vec<Bytes>>,
    /// The job of a later loop.
    waiting: Option<Message>,
}

impl Process {
    fn place(&self) -> std::sync::MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The next job; where none comes the process ends, and its worker starts another one when it needs it.
    fn next(&self, place: &mut Place) -> Result<Message, Diagnostic> {
        if let Some(message) = place.waiting.take() {
            return Ok(message);
        }
        match self.jobs.lock().unwrap_or_else(|e| e.into_inner()).recv_timeout(IDLE) {
            Ok(line) => serde_json::from_str(&line).map_err(|e| {
                Diagnostic::error("CLUSTER.JOB.FORM", "a worker cannot read the job")
                    .detail(format!("What is wrong: {e}."))
                    .hint("Run the same version on all machines.")
            }),
            Err(_) => std::process::exit(0),
        }
    }
}

impl Elsewhere for Process {
    fn parts(&self, n: usize, here: Here<'_>) -> Result<Vec<Vec<u8>>, HandsError> {
        let refused = |finding: Diagnostic| HandsError { findings: vec![finding] };
        if n == 0 {
            // Nobody is asked about a loop without parts.
            return Ok(Vec::new());
        }
        let mut place = self.place();
        loop {
            let mut message = self.next(&mut place).map_err(refused)?;
            place.known.append(&mut message.of.earlier);
            if message.of.digest != place.digest {
                return Err(refused(differs("The files of the study are not the same on this machine, or were changed since.")));
            }
            if message.number > place.loops {
                let done = (!place.known.is_empty()).then(|| place.known.remove(0));
                let Some(done) = done.filter(|d| d.len() == n) else {
                    return Err(refused(differs("An earlier loop of the study has another number of parts.")));
                };
                place.waiting = Some(message);
                place.loops += 1;
                return Ok(done.into_iter().map(|b| b.0).collect());
            }
            if message.of.n != n || message.job.indices.iter().any(|&i| i >= n) {
                return Err(refused(differs(&format!("A loop of the study has {n} parts instead of {}.", message.of.n))));
            }
            let done = here(&message.job.indices).map_err(|PartFailed| HandsError::default())?;
            answer(&PartsOutcome::Done(done.into_iter().map(Bytes).collect()));
        }
    }
}
