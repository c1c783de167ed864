//! `gridtwin worker`: one job of the server, in a process of its own.
//!
//! ```text
//! first line of the input: the job (server::jobs::Spec) ─► the functions of the commands ─► events, a line of JSON each
//! end of the input: whoever asked is gone, and so is this process
//! ```
//!
//! A process of its own can be ended at any moment: what the commands keep is kept whole or not at all, so that nothing has to be undone. It
//! also keeps the server alive whatever a hostile model makes of a reader.

mod analyses;
mod learning;
mod models;
mod moments;
mod receive;
mod reviews;
mod scenarios;
mod studies;
mod upload_files;

use crate::failure::Failure;
use crate::qsts::{INTERRUPTED, interrupt};
use network::{Diagnostic, Severity};
use serde_json::Value;
use server::jobs::{Event, Progress, Spec, Task};
use std::io::{BufRead, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a job tells how far it is.
const TELL: Duration = Duration::from_millis(200);
/// Longest job that is read, bytes: mappings of maps are the largest part.
const SPEC_MAX: u64 = 16 << 20;
/// Exit status when whoever asked is gone.
const ABANDONED: i32 = 3;
/// Lines of the log that findings may fill.
const LOGGED_FINDINGS: usize = 200;

/// Where a job tells what it does.
pub struct Teller {
    told: Mutex<Option<Instant>>,
}

impl Teller {
    fn send(&self, event: &Event) {
        let mut line = serde_json::to_string(event).unwrap_or_default();
        line.push('\n');
        let mut out = std::io::stdout().lock();
        if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
            std::process::exit(ABANDONED);
        }
    }

    /// How far the job is; most of the calls are left out.
    pub fn progress(&self, done: u64, total: u64, unit: &str, message: impl FnOnce() -> String) {
        {
            let mut told = self.told.lock().unwrap_or_else(|p| p.into_inner());
            if told.is_some_and(|at| at.elapsed() < TELL) {
                return;
            }
            *told = Some(Instant::now());
        }
        self.send(&Event::Progress(Progress { done, total, unit: unit.to_owned(), message: message() }));
    }

    /// A new part of the job begins, which is told in any case.
    pub fn stage(&self, message: &str) {
        *self.told.lock().unwrap_or_else(|p| p.into_inner()) = Some(Instant::now());
        self.send(&Event::Progress(Progress { done: 0, total: 0, unit: String::new(), message: message.to_owned() }));
        self.log("info", message);
    }

    pub fn log(&self, level: &str, text: &str) {
        self.send(&Event::Log { level: level.to_owned(), text: text.to_owned() });
    }

    /// Findings as lines of the log, the first few hundred of them.
    pub fn findings(&self, findings: &[Diagnostic]) {
        for d in findings.iter().take(LOGGED_FINDINGS) {
            let level = match d.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "info",
            };
            self.log(level, &d.to_string());
        }
        if findings.len() > LOGGED_FINDINGS {
            self.log("info", &format!("and {} more findings", findings.len() - LOGGED_FINDINGS));
        }
    }
}

/// Does the job that the standard input names. The exit status is 0 when an answer was given, whatever it is.
pub fn run() -> u8 {
    let mut line = String::new();
    let mut input = std::io::BufReader::new(std::io::stdin());
    let read = input.by_ref().take(SPEC_MAX).read_line(&mut line);
    let spec: Spec = match read.map_err(|e| e.to_string()).and_then(|_| serde_json::from_str(&line).map_err(|e| e.to_string())) {
        Ok(spec) => spec,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "gridtwin worker is started by the server, with a job on its input: {e}");
            return 2;
        }
    };
    std::thread::spawn(move || {
        // Whatever comes is the word to end; the end of the input says that nobody waits any more.
        let mut word = [0_u8; 64];
        while input.read(&mut word).is_ok_and(|n| n > 0) {
            interrupt::ask();
        }
        std::process::exit(ABANDONED);
    });
    interrupt::watch();
    // A study ends after the steps under way; all else is ended where it is.
    if !matches!(spec.task, Task::SolveYear(_)) {
        std::thread::spawn(|| {
            while !interrupt::asked() {
                std::thread::sleep(Duration::from_millis(20));
            }
            std::process::exit(i32::from(INTERRUPTED));
        });
    }
    let teller = Teller { told: Mutex::new(None) };
    let answer = catch_unwind(AssertUnwindSafe(|| perform(&spec, &teller)));
    let answer = answer.unwrap_or_else(|_| {
        let what = Diagnostic::error("JOB.PROGRAM.PANIC", "the program failed within this job");
        Err(what.hint("Please report it with the model or the parameters.").into())
    });
    if interrupt::asked() {
        return INTERRUPTED;
    }
    match answer {
        Ok(result) => teller.send(&Event::Result(result)),
        Err(failure) => teller.send(&Event::Problem { findings: failure.diagnostics }),
    }
    0
}

fn perform(spec: &Spec, teller: &Teller) -> Result<Value, Failure> {
    match &spec.task {
        Task::Receive(params) => receive::run(spec, params, teller),
        Task::Import(params) => models::import(spec, params, teller),
        Task::Preview(params) => models::preview(spec, params, teller),
        Task::Quality(params) => models::quality(spec, params, teller),
        Task::Reconcile(params) => reviews::reconcile(spec, params, teller),
        Task::MeterMap(params) => reviews::meter_map(spec, params, teller),
        Task::HostingCapacity(params) => analyses::hosting_capacity(spec, params, teller),
        Task::Mitigation(params) => analyses::mitigation(spec, params, teller),
        Task::Reliability(params) => analyses::reliability(spec, params, teller),
        Task::Contingency(params) => analyses::contingency(spec, params, teller),
        Task::Restoration(params) => analyses::restoration(spec, params, teller),
        Task::Reconfiguration(params) => analyses::reconfiguration(spec, params, teller),
        Task::Comparison(params) => analyses::comparison(spec, params, teller),
        Task::Scenario(params) => scenarios::stack(spec, params, teller),
        Task::Sweep(params) => scenarios::sweep(spec, params, teller),
        Task::ScenarioDraft(params) => scenarios::draft(spec, params),
        Task::SolveYear(params) => studies::solve(spec, params, teller),
        Task::Trial(params) => studies::trial(spec, params),
        Task::Snapshot(params) => moments::snapshot(spec, params),
        Task::Hour(params) => moments::hour(spec, params),
        Task::Series(params) => moments::series(spec, params),
        Task::Sql(params) => moments::sql(spec, params),
        Task::Report(params) => studies::report(spec, params, teller),
        Task::Learn(params) => learning::run(spec, params, teller),
        Task::Demo(params) => studies::demo(spec, params, teller),
    }
}

/// The folder of the project that the job is about.
fn project_dir(spec: &Spec) -> Result<&std::path::Path, Failure> {
    spec.project.as_deref().ok_or_else(|| Diagnostic::error("JOB.PARAMETER.MISSING", "the job names no project").into())
}
