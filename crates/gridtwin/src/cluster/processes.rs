//! The processes in which a worker does studies that are told as command lines.

use super::carried::{OF_PARTS, OF_WHOLE, PartsJob, PartsOutcome, PartsQuestion, StudyWords, WholeOutcome};
use super::feeders::text;
use super::parts::Message;
use ::cluster::query::{NoOutcome, Stop};
use ::cluster::worker;
use network::Diagnostic;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

/// How often a job looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

fn refuse(finding: Diagnostic) -> NoOutcome {
    NoOutcome::Refused(vec![finding])
}

fn lost(reason: &str) -> NoOutcome {
    refuse(
        Diagnostic::error("CLUSTER.PROCESS.LOST", format!("worker {} has lost the process of a study", worker::name()))
            .detail(reason.to_owned())
            .hint("Look whether its machine has memory enough, then ask again."),
    )
}

/// Processes that wait at a loop of their study.
#[derive(Default)]
pub struct Processes {
    idle: Mutex<Vec<Process>>,
}

/// One of them.
struct Process {
    study: StudyWords,
    digest: String,
    /// Loops that it knows the results of.
    number: usize,
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program with the words of a study, in the folder in which it was asked.
fn program(study: &StudyWords, known: &[&str]) -> Result<Command, NoOutcome> {
    let name = study.words.first().map_or("", String::as_str);
    if !known.contains(&name) {
        let what = format!("worker {} knows no study \"{name}\"", worker::name());
        return Err(refuse(Diagnostic::error("CLUSTER.STUDY.UNKNOWN", what).hint("Run the same version on all machines.")));
    }
    if !study.base.is_dir() {
        let what = format!("worker {} does not see the folder {}", worker::name(), study.base.display());
        return Err(refuse(
            Diagnostic::error("CLUSTER.STORAGE.UNSEEN", what)
                .detail("The study was asked in it.")
                .hint("Mount the shared folder under the same path on every machine."),
        ));
    }
    let own = std::env::current_exe().map_err(|e| lost(&format!("The system says: {e}.")))?;
    let mut command = Command::new(own);
    command.current_dir(&study.base).env("NO_COLOR", "1").stderr(Stdio::null());
    Ok(command)
}

impl Process {
    fn start(study: &StudyWords, digest: &str) -> Result<Self, NoOutcome> {
        let mut command = program(study, OF_PARTS)?;
        command.arg("parts").arg("--").args(&study.words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| lost(&format!("The system says: {e}.")))?;
        let (stdin, out) = (child.stdin.take().expect("piped"), BufReader::new(child.stdout.take().expect("piped")));
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        Ok(Self { study: study.clone(), digest: digest.to_owned(), number: 0, child, stdin, lines })
    }

    /// Does a job. Nothing where the process is gone.
    fn run(&mut self, asked: &PartsQuestion, job: &PartsJob, stop: &Stop) -> Result<Option<String>, NoOutcome> {
        let number = asked.of.earlier.len();
        let mut of = asked.of.clone();
        of.earlier.drain(..self.number);
        self.number = number;
        if writeln!(self.stdin, "{}", text(&Message { number, of, job: job.clone() })).and_then(|()| self.stdin.flush()).is_err() {
            return Ok(None);
        }
        loop {
            match self.lines.recv_timeout(LOOK) {
                Ok(line) => return Ok(Some(line)),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(None),
                Err(mpsc::RecvTimeoutError::Timeout) if stop.asked() => return Err(NoOutcome::Stopped),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Processes {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Process>> {
        self.idle.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Does some parts of a loop of a study.
    ///
    /// # Errors
    /// What keeps the study from being done here.
    pub fn parts(&self, asked: &PartsQuestion, job: &PartsJob, stop: &Stop) -> Result<String, NoOutcome> {
        let fits = |p: &Process| p.study == asked.study && p.digest == asked.of.digest && p.number <= asked.of.earlier.len();
        let waiting = {
            let mut idle = self.idle();
            // Those of other studies are not waited for.
            idle.retain(|p| fits(p));
            idle.pop()
        };
        let mut answered = None;
        if let Some(mut process) = waiting {
            // None where it waited too long, and has ended.
            answered = process.run(asked, job, stop)?.map(|said| (process, said));
        }
        let (process, said) = match answered {
            Some(answered) => answered,
            None => {
                let mut process = Process::start(&asked.study, &asked.of.digest)?;
                let said = process.run(asked, job, stop)?;
                (process, said.ok_or_else(|| lost("It ended without an answer."))?)
            }
        };
        match serde_json::from_str(&said) {
            Ok(PartsOutcome::Done(_)) => {
                self.idle().push(process);
                Ok(said)
            }
            // Wherever it is done it ends so, and so does the study.
            Ok(PartsOutcome::Failed { findings }) => Err(NoOutcome::Refused(findings)),
            Err(e) => Err(lost(&format!("It said something that is no answer: {e}."))),
        }
    }

    /// Does a study whole, and tells what it said.
    ///
    /// # Errors
    /// What keeps the study from being done here.
    pub fn whole(&self, study: &StudyWords, stop: &Stop) -> Result<String, NoOutcome> {
        let mut command = program(study, OF_WHOLE)?;
        command.args(&study.words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| lost(&format!("The system says: {e}.")))?;
        let (mut out, mut errors) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let out = std::thread::spawn(move || {
            let mut text = Vec::new();
            out.read_to_end(&mut text).map(|_| text)
        });
        let errors = std::thread::spawn(move || {
            let mut text = Vec::new();
            errors.read_to_end(&mut text).map(|_| text)
        });
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if stop.asked() => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(NoOutcome::Stopped);
                }
                Ok(None) => std::thread::sleep(LOOK),
                Err(e) => return Err(lost(&format!("The system says: {e}."))),
            }
        };
        let said = |text: std::thread::Result<std::io::Result<Vec<u8>>>| match text {
            Ok(Ok(text)) => String::from_utf8(text).map_err(|e| lost(&format!("It said something that is no text: {e}."))),
            Ok(Err(e)) => Err(lost(&format!("The system says: {e}."))),
            Err(_) => Err(lost("What it said could not be read.")),
        };
        let Some(code) = status.code() else { return Err(lost("It was killed.")) };
        Ok(text(&WholeOutcome { status: u8::try_from(code).unwrap_or(1), out: said(out.join())?, errors: said(errors.join())? }))
    }
}
