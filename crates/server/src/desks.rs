//! Desks on disk: each user's copies of feeders on which things are tried, kept action by action.
//!
//! ```text
//! DATA/desks/USER/NAME/desk.json        which model, which neighbourhoods
//!                     /journal.jsonl    every entry, a line each; what stands there was acknowledged or is the last, cut off, line
//!                     /results_api/     the four texts of document 002, made of the others
//! ```
//!
//! An action is solved first, then its line is written, then it holds and is answered. A line that could not be written whole is taken back.

use crate::journal::{Journal, failed};
use crate::moment::{now_ms, rfc3339_ms};
use crate::problem::Problem;
use axum::http::StatusCode;
use network::Network;
use network::neighbourhood::Neighbourhoods;
use powerflow::Session;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use studies::desk::journal::{Entry, last_to_undo, log_lines, registry_text, results_text, undoing};
use studies::desk::{Action, Desk, Refusal, Report};

/// Desk that a request without a name is for.
pub const DEFAULT: &str = "default";
/// Desks of one user.
pub const DESKS_MAX: usize = 1000;
/// Desks that are kept open; others are read again when they are asked for.
const OPEN_MAX: usize = 2000;
/// Models that are kept.
const MODELS_MAX: usize = 16;
/// Name that the feeder has which the program carries in itself.
pub const OWN_MODEL: &str = "ieee123";

/// The files of document 002.
pub const FILES: [&str; 4] = ["latest_api_results.txt", "management_log.txt", "dfp_registry.txt", "dfps_logs.txt"];

/// A network of a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelOf {
    pub project: String,
    #[serde(default)]
    pub network: Option<String>,
    #[serde(default)]
    pub version: Option<u64>,
}

/// What a desk is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Setup {
    /// None for the IEEE 123-node feeder.
    pub model: Option<ModelOf>,
    /// YAML; without it those of the feeder, or one a transformer.
    pub neighbourhoods: Option<String>,
    pub created_at: String,
}

/// A desk as lists show it.
#[derive(Clone, Debug, Serialize)]
pub struct DeskRow {
    pub name: String,
    pub model: String,
    pub created_at: String,
}

/// A desk that is in use.
#[derive(Debug)]
pub struct OpenDesk {
    pub desk: Desk,
    pub model: String,
    pub entries: Vec<Entry>,
    pub(crate) dir: PathBuf,
    journal: Journal,
}

/// What an action was answered.
#[derive(Debug)]
pub struct Done {
    pub entry: Entry,
    pub report: Report,
}

/// Reads the model of a project.
type ReadNetwork<'a> = &'a dyn Fn(&ModelOf) -> Result<Network, Problem>;

type Key = (String, String);

/// How a day of a desk is being run.
#[derive(Clone, Debug)]
pub enum DayRun {
    /// Since when, RFC 3339.
    Going(String),
    /// The last one ended without a result, after its request was answered.
    Failed(Box<Problem>),
}

/// Days that are run at once.
const RUNS_MAX: usize = 2;

/// All desks of a server.
#[derive(Debug)]
pub struct Desks {
    dir: PathBuf,
    open: Mutex<HashMap<Key, Arc<Mutex<OpenDesk>>>>,
    models: Mutex<HashMap<Setup, Desk>>,
    runs: Mutex<HashMap<Key, DayRun>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The problem of a refusal: 422 with the field of the first fault, and all of them.
pub fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Faults(faults) => {
            let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The request does not do").code("DESK.REQUEST.VALUE");
            if let Some(first) = faults.first() {
                problem = problem.field(first.field).hint(first.hint.clone());
                problem.title.clone_from(&first.message);
            }
            let all: Vec<String> = faults.iter().map(|f| format!("{}: {}; {}", f.field, f.message, f.hint)).collect();
            problem.detail(format!("{}. Nothing was changed.", all.join(". ")))
        }
        Refusal::Unsolved { message, hint } => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The feeder has no solution with it")
            .code("DESK.SOLVE.NOT_SETTLED")
            .detail(message)
            .hint(hint),
    }
}

impl Desks {
    pub fn new(data: &Path) -> Self {
        Self { dir: data.join("desks"), open: Mutex::default(), models: Mutex::default(), runs: Mutex::default() }
    }

    fn place(&self, user: &str, name: &str) -> Result<PathBuf, Problem> {
        if is_plain(name) {
            return Ok(self.of_user(user).join(name));
        }
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The name of the desk does not do").code("DESK.REQUEST.VALUE");
        Err(problem.field("desk").hint("Give 1 to 60 letters, digits, - or _."))
    }

    fn of_user(&self, user: &str) -> PathBuf {
        // A name that is no plain name of a folder has one that nothing else has.
        let folder = if is_plain(user) { user.to_owned() } else { format!("user-{}", &store::sha256_hex(user.as_bytes())[..32]) };
        self.dir.join(folder)
    }

    /// All desks of a user.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn list(&self, user: &str) -> Result<Vec<DeskRow>, Problem> {
        let dir = self.of_user(user);
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("read", &dir, &e)),
        };
        let mut rows = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Ok(setup) = read_setup(&entry.path()) {
                rows.push(DeskRow { name, model: model_name(&setup), created_at: setup.created_at });
            }
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    /// Makes a desk. `network` reads the model of a project.
    ///
    /// # Errors
    /// A name that is taken or does not do; a model that is not there; neighbourhoods that do not fit it.
    pub fn create(&self, user: &str, name: &str, setup: &Setup, network: ReadNetwork<'_>) -> Result<Arc<Mutex<OpenDesk>>, Problem> {
        let dir = self.place(user, name)?;
        if dir.join("desk.json").exists() {
            return Err(Problem::conflict(format!("There is a desk \"{name}\" already"))
                .field("name")
                .hint("Give another name, or delete it."));
        }
        if self.list(user)?.len() >= DESKS_MAX {
            return Err(Problem::conflict(format!("There are {DESKS_MAX} desks already")).hint("Delete some first."));
        }
        let desk = self.desk_of(setup, network)?;
        // A model that cannot be solved is told now.
        desk.before().map_err(refused)?;
        fs::create_dir_all(&dir).map_err(|e| failed("make the folder", &dir, &e))?;
        let text = serde_json::to_vec_pretty(setup).map_err(Problem::internal)?;
        store::files::write_whole(&dir.join("desk.json"), &text).map_err(Problem::internal)?;
        self.opened(user, name, dir, setup, desk)
    }

    /// A desk of a user; the default one is made when it is not there.
    ///
    /// # Errors
    /// No such desk, or one whose files are damaged.
    pub fn get(&self, user: &str, name: &str, network: ReadNetwork<'_>) -> Result<Arc<Mutex<OpenDesk>>, Problem> {
        if let Some(desk) = lock(&self.open).get(&(user.to_owned(), name.to_owned())) {
            return Ok(desk.clone());
        }
        let dir = self.place(user, name)?;
        if !dir.join("desk.json").exists() {
            if name != DEFAULT {
                let hint = "GET /api/desks lists yours; POST /api/desks makes one.";
                return Err(Problem::not_found(format!("There is no desk \"{name}\"")).field("desk").hint(hint));
            }
            let setup = Setup { model: None, neighbourhoods: None, created_at: rfc3339_ms(now_ms()) };
            return match self.create(user, name, &setup, network) {
                // Another request has made it meanwhile.
                Err(p) if p.status == StatusCode::CONFLICT.as_u16() => self.get(user, name, network),
                other => other,
            };
        }
        let setup = read_setup(&dir)?;
        let desk = self.desk_of(&setup, network)?;
        self.opened(user, name, dir, &setup, desk)
    }

    /// How the day of a desk is being run; none where it is not.
    pub fn day_run(&self, user: &str, name: &str) -> Option<DayRun> {
        lock(&self.runs).get(&(user.to_owned(), name.to_owned())).cloned()
    }

    /// Begins a run of a day.
    ///
    /// # Errors
    /// It is being run already; as many as can be run at once are.
    pub fn begin_day(&self, user: &str, name: &str) -> Result<(), Problem> {
        let mut runs = lock(&self.runs);
        let key = (user.to_owned(), name.to_owned());
        if matches!(runs.get(&key), Some(DayRun::Going(_))) {
            return Err(Problem::conflict("The day is being run already").hint("GET this day says when it is done."));
        }
        if runs.values().filter(|r| matches!(r, DayRun::Going(_))).count() >= RUNS_MAX {
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{RUNS_MAX} days are being run already"));
            return Err(problem.hint("Try again when one of them is done."));
        }
        runs.insert(key, DayRun::Going(rfc3339_ms(now_ms())));
        Ok(())
    }

    /// Ends a run; what went wrong is kept for those who ask.
    pub fn end_day(&self, user: &str, name: &str, outcome: &Result<(), Problem>) {
        let key = (user.to_owned(), name.to_owned());
        match outcome {
            Ok(()) => lock(&self.runs).remove(&key),
            Err(problem) => lock(&self.runs).insert(key, DayRun::Failed(Box::new(problem.clone()))),
        };
    }

    /// Forgets what went wrong with the last run.
    pub fn forget_day(&self, user: &str, name: &str) {
        let mut runs = lock(&self.runs);
        let key = (user.to_owned(), name.to_owned());
        if matches!(runs.get(&key), Some(DayRun::Failed(_))) {
            runs.remove(&key);
        }
    }

    /// Removes a desk with all that was done on it.
    ///
    /// # Errors
    /// No such desk; a folder that cannot be removed.
    pub fn remove(&self, user: &str, name: &str) -> Result<(), Problem> {
        let dir = self.place(user, name)?;
        if !dir.join("desk.json").exists() {
            return Err(Problem::not_found(format!("There is no desk \"{name}\"")).hint("GET /api/desks lists yours."));
        }
        lock(&self.open).remove(&(user.to_owned(), name.to_owned()));
        fs::remove_dir_all(&dir).map_err(|e| failed("remove", &dir, &e))
    }

    fn desk_of(&self, setup: &Setup, network: ReadNetwork<'_>) -> Result<Desk, Problem> {
        let key = Setup { created_at: String::new(), ..setup.clone() };
        if let Some(desk) = lock(&self.models).get(&key) {
            return Ok(desk.clone());
        }
        let network = match &setup.model {
            Some(of) => network(of)?,
            None => own_model()?,
        };
        let zones = match (&setup.neighbourhoods, &setup.model) {
            (Some(text), _) => formats::neighbourhoods::read(text, "neighbourhoods").map_err(|e| found(e.diagnostics))?,
            (None, None) => own_neighbourhoods()?,
            (None, Some(_)) => studies::desk::of_transformers(&network),
        };
        let desk = Desk::new(Arc::new(network), zones).map_err(found)?;
        let mut models = lock(&self.models);
        if models.len() >= MODELS_MAX {
            models.clear();
        }
        // A version that was not named may become another.
        if setup.model.as_ref().is_none_or(|m| m.version.is_some()) {
            models.insert(key, desk.clone());
        }
        Ok(desk)
    }

    fn opened(&self, user: &str, name: &str, dir: PathBuf, setup: &Setup, desk: Desk) -> Result<Arc<Mutex<OpenDesk>>, Problem> {
        let mut open = lock(&self.open);
        let key = (user.to_owned(), name.to_owned());
        if let Some(there) = open.get(&key) {
            return Ok(there.clone());
        }
        let opened = Arc::new(Mutex::new(OpenDesk::open(dir, setup, desk)?));
        if open.len() >= OPEN_MAX {
            // What nobody uses just now; each comes back from its files.
            open.retain(|_, d| Arc::strong_count(d) > 1);
        }
        open.insert(key, opened.clone());
        Ok(opened)
    }
}

fn found(findings: Vec<network::Diagnostic>) -> Problem {
    let first = findings.first().map_or_else(String::new, |d| d.message.clone());
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The neighbourhoods do not do");
    let hint = "Each finding says how to mend it.";
    Problem { findings, ..problem.code("DESK.NEIGHBOURHOOD.VALUE").field("neighbourhoods").detail(first).hint(hint) }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 60 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

fn model_name(setup: &Setup) -> String {
    setup.model.as_ref().map_or_else(
        || OWN_MODEL.to_owned(),
        |m| {
            let version = m.version.map_or_else(String::new, |v| format!(" version {v}"));
            format!("{}{}{version}", m.project, m.network.as_ref().map_or_else(String::new, |n| format!("/{n}")))
        },
    )
}

fn read_setup(dir: &Path) -> Result<Setup, Problem> {
    let place = dir.join("desk.json");
    let text = fs::read(&place).map_err(|e| failed("read", &place, &e))?;
    serde_json::from_slice(&text).map_err(|e| Problem::internal(format!("{} is damaged: {e}", place.display())))
}

/// The IEEE 123-node feeder.
fn own_model() -> Result<Network, Problem> {
    let files = formats::samples::ieee123();
    let master = Path::new(formats::samples::IEEE123_MASTER);
    let read = formats::opendss::read(&files, master, &mut Session::new(), &formats::opendss::ReadOptions::default());
    read.map(|r| r.network).map_err(|e| Problem::internal(format!("the feeder that ships cannot be read: {e}")))
}

fn own_neighbourhoods() -> Result<Neighbourhoods, Problem> {
    formats::neighbourhoods::read(formats::samples::IEEE123_NEIGHBOURHOODS, "neighbourhoods.yaml").map_err(|e| found(e.diagnostics))
}

impl OpenDesk {
    fn open(dir: PathBuf, setup: &Setup, mut desk: Desk) -> Result<Self, Problem> {
        let (journal, entries) = Journal::open::<Entry>(dir.join("journal.jsonl"))?;
        entries.iter().for_each(|e| desk.restore(&e.changes));
        let model = model_name(setup);
        Ok(Self { desk, model, entries, dir, journal })
    }

    /// Does what is asked: solved, written down, then true.
    ///
    /// # Errors
    /// What is wrong with it, or a journal that cannot be written; nothing is changed then.
    pub fn act(&mut self, user: &str, action: Action) -> Result<Done, Problem> {
        let at = rfc3339_ms(now_ms());
        let step = self.desk.ask(&action, &at).map_err(refused)?;
        let entry = Entry {
            seq: self.next(),
            at,
            user: user.to_owned(),
            action: Some(action),
            undoes: None,
            message: step.message.clone(),
            changes: step.changes.clone(),
            acts: step.acts.clone(),
            notes: step.notes.clone(),
        };
        self.keep(entry, step.report)
    }

    /// Takes back the last action that changed something.
    ///
    /// # Errors
    /// There is none; a journal that cannot be written.
    pub fn undo(&mut self, user: &str) -> Result<Done, Problem> {
        let Some(last) = last_to_undo(&self.entries) else {
            return Err(Problem::conflict("There is nothing to take back").hint("GET /api/desks/NAME/journal lists what was done."));
        };
        let changes = undoing(last);
        let message = format!("taken back: #{} {}", last.seq, last.message);
        let undoes = Some(last.seq);
        let mut after = self.desk.clone();
        after.restore(&changes);
        let report = after.report().map_err(refused)?;
        let entry = Entry {
            seq: self.next(),
            at: rfc3339_ms(now_ms()),
            user: user.to_owned(),
            action: None,
            undoes,
            message,
            changes,
            acts: Vec::new(),
            notes: Vec::new(),
        };
        self.keep(entry, report)
    }

    fn next(&self) -> u64 {
        self.entries.last().map_or(1, |e| e.seq + 1)
    }

    fn keep(&mut self, entry: Entry, report: Report) -> Result<Done, Problem> {
        self.journal.append(std::slice::from_ref(&entry))?;
        self.desk.restore(&entry.changes);
        self.entries.push(entry.clone());
        // Made of what is kept: a text that cannot be written now is written with the next.
        if let Err(e) = self.write_texts(&entry, &report) {
            tracing::warn!(place = %self.dir.display(), %e, "a text of a desk cannot be written");
        }
        Ok(Done { entry, report })
    }

    fn write_texts(&self, entry: &Entry, report: &Report) -> io::Result<()> {
        let dir = self.dir.join("results_api");
        fs::create_dir_all(&dir)?;
        let append = |name: &str, text: &str| OpenOptions::new().create(true).append(true).open(dir.join(name))?.write_all(text.as_bytes());
        let whole = |name: &str, text: String| {
            let beside = dir.join(format!("{name}.partial"));
            fs::write(&beside, text)?;
            fs::rename(beside, dir.join(name))
        };
        let lines = log_lines(entry);
        append(FILES[1], &lines)?;
        if entry.is_of_programs() {
            whole(FILES[2], registry_text(&self.desk))?;
            append(FILES[3], &lines)?;
        }
        if matches!(entry.action, Some(Action::RunSimulation { .. })) {
            whole(FILES[0], results_text(report, &self.model, &entry.at))?;
        }
        Ok(())
    }

    /// One of the four texts; empty before there is anything to say.
    ///
    /// # Errors
    /// Another name; a file that cannot be read.
    pub fn text(&self, name: &str) -> Result<String, Problem> {
        if !FILES.contains(&name) {
            return Err(Problem::not_found(format!("There is no file \"{name}\"")).hint(format!("There are {}.", FILES.join(", "))));
        }
        let place = self.dir.join("results_api").join(name);
        match fs::read_to_string(&place) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(e) => Err(failed("read", &place, &e)),
        }
    }
}
