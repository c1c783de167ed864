//! Runs the commands of a script and keeps what they say as a [`Model`] of raw objects.
//!
//! The flow: [`Reader::compile`] opens a master, `run_file` its lines, `run_line` decides between a
//! command and a `property=value`, `edit` sets the properties of one object. What only a solver can
//! do is a [`Request`] to the [`Host`], made where the script says it, since a solution moves taps
//! and the script goes on from there.
//!
//! Errors are collected, so that one reading shows more than one slip; the model is handed out only
//! if there were none. After an error no more requests are made: the model is not what was meant.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use network::{Diagnostic, Disposition, Ledger, LedgerEntry, Severity};

use super::builtin;
use super::class::{ClassId, Group, Kind, PropertyDef, Usage, conversion, enums};
use super::command::{self, Action};
use super::fault::{Expected, Fault, ReadError};
use super::object::*;
use super::options::{self, OptionDef, OptionId, OptionKind, Options};
use super::pattern::Pattern;
use super::rpn::Calculator;
use super::text::{Variables, Word, Words, decode, ends_in_quotes, lines};
use super::value::{Converter, bus, clip, in_range, word_of};
use crate::files::{FileSource, Finder, join};

/// Everything a script said, before it is interpreted.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Name of the circuit, in lower case; none before `new circuit`.
    pub circuit: Option<Arc<str>>,
    pub objects: Store,
    pub options: Options,
    pub buses: Buses,
    pub sources: Sources,
    /// Commands run so far; the number of the last one, which assignments carry.
    pub commands: u32,
}

/// Where a script puts a bus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BusPlace {
    /// x and y, or longitude and latitude.
    pub xy: (f64, f64),
    /// The script says that these are degrees on the earth, and they are.
    pub is_on_earth: bool,
}

/// What a script says of buses. Names are in lower case.
#[derive(Debug, Clone, Default)]
pub struct Buses {
    pub coordinates: BTreeMap<Arc<str>, BusPlace>,
    /// Voltage bases in kV line to neutral: those of `SetkVBase`, and those that the host works out
    /// for `CalcVoltageBases`.
    pub base_kv_ln: HashMap<Arc<str>, f64>,
    /// The list of buses has been made by a command; `SetkVBase` reaches only buses on the list.
    pub listed: bool,
}

/// What a script asks of a solver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Solve,
    /// Works out `Buses::base_kv_ln` from a solution without loads.
    CalcVoltageBases,
    AllocateLoads,
    Estimate,
    MakeBusList,
    BuildY,
    Sample,
    UpdateStorage,
    Reset(Reset),
    Step(Step),
}

/// One step of a solution, as the commands with an underscore say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    InitSnapshot,
    SolveNoControl,
    SampleControls,
    DoControlActions,
    SolveDirect,
    SolvePowerFlow,
    Cleanup,
    FinishTimeStep,
}

/// What `Reset` puts back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    All,
    Monitors,
    Meters,
    Faults,
    Controls,
    Logs,
    KeepList,
}

/// Does what only a solver can.
pub trait Host {
    /// Answers one request. The host may change the model: bus voltage bases, and assignments
    /// appended to objects' logs (taps, capacitor states) so that later edits go on from there.
    ///
    /// # Returns
    /// Findings short of errors.
    ///
    /// # Errors
    /// The finding that keeps the request from being met; reading then fails.
    fn execute(&mut self, request: Request, model: &mut Model, at: &network::SourceRef) -> Result<Vec<Diagnostic>, Box<Diagnostic>>;
}

/// A host that only notes what it was asked.
#[derive(Debug, Clone, Default)]
pub struct RecordingHost {
    pub requests: Vec<(Request, network::SourceRef)>,
}

impl Host for RecordingHost {
    fn execute(&mut self, request: Request, _: &mut Model, at: &network::SourceRef) -> Result<Vec<Diagnostic>, Box<Diagnostic>> {
        self.requests.push((request, at.clone()));
        Ok(Vec::new())
    }
}

/// How to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Leave out, with a warning, what is unknown or not supported instead of failing.
    pub lenient: bool,
    /// Commands to run after the master, one after another.
    pub commands: Vec<String>,
}

/// What reading found beside the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    pub not_executed: Vec<NotExecuted>,
    /// Properties and options that were read and are not used, with the reason.
    pub ledger: Ledger,
    /// Warnings; in a failed reading also the errors.
    pub diagnostics: Vec<Diagnostic>,
}

/// A command that was accepted and not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotExecuted {
    pub command: &'static str,
    /// The line, shortened.
    pub text: String,
    pub source: network::SourceRef,
}

/// Errors after which reading gives up.
const MAX_ERRORS: usize = 50;
/// Warnings kept; more are counted by none.
const MAX_WARNINGS: usize = 1_000;
const MAX_DEPTH: usize = 100;
const MAX_REDIRECTS: usize = 20_000;
/// Lines of all files together, each file as often as it is read.
const MAX_LINES: usize = 10_000_000;
/// Assignments of all objects together, and of one. A script of ordinary size has a tenth; `like`
/// and `BatchEdit` could make more of a short text than memory holds.
const MAX_ASSIGNMENTS: usize = 5_000_000;
const MAX_ASSIGNMENTS_OF_ONE: usize = 20_000;

/// Reading has ended because of what was reported.
struct Stop;

type Run = Result<(), Stop>;

/// Reads scripts and commands one after another into one model.
pub struct Reader<'a> {
    model: Model,
    report: Report,
    host: &'a mut dyn Host,
    options: ReadOptions,
    finder: Finder<'a>,
    state: State,
    /// Properties and options not used: how often, and where first.
    unused: BTreeMap<(&'static str, &'static str), (usize, SourceRef, &'static str)>,
    data: HashMap<DataKey, Arc<DataFile>>,
}

/// Where the script is.
struct State {
    at: SourceRef,
    /// Folder that file names are seen from.
    dir: PathBuf,
    /// Files being read, outermost first.
    open: Vec<PathBuf>,
    redirects: usize,
    lines: usize,
    /// Buses that elements name, and the number of assignments when they were looked up.
    bus_names: (usize, HashSet<Arc<str>>),
    active: Option<ObjectId>,
    last_class: ClassId,
    variables: Variables,
    calculator: Calculator,
    assignments: usize,
    errors: usize,
    warned: HashSet<(&'static str, SourceRef)>,
}

#[derive(PartialEq, Eq, Hash)]
struct DataKey {
    path: PathBuf,
    form: DataForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum DataForm {
    /// Text, all leading columns of numbers.
    Table,
    /// Text, one column from 1, with a heading line or not.
    Column {
        column: usize,
        heading: bool,
    },
    Doubles,
    Singles,
}

impl<'a> Reader<'a> {
    pub fn new(files: &'a dyn FileSource, options: ReadOptions, host: &'a mut dyn Host) -> Reader<'a> {
        let mut reader = Reader {
            model: Model::default(),
            report: Report::default(),
            host,
            options,
            finder: Finder::new(files),
            state: State {
                at: SourceRef::default(),
                dir: PathBuf::new(),
                open: Vec::new(),
                redirects: 0,
                lines: 0,
                bus_names: (0, HashSet::new()),
                active: None,
                last_class: ClassId::Vsource,
                variables: Variables::default(),
                calculator: Calculator::default(),
                assignments: 0,
                errors: 0,
                warned: HashSet::new(),
            },
            unused: BTreeMap::new(),
            data: HashMap::new(),
        };
        for name in ["@lastfile", "@lastexportfile", "@lastshowfile", "@lastplotfile", "@lastredirectfile"] {
            reader.state.variables.set(name, "null");
        }
        reader.state.variables.set("@lastcompilefile", "null");
        reader.state.variables.set("@result", "null");
        reader.clear();
        reader
    }

    /// Reads a master file and all that it redirects to.
    ///
    /// # Errors
    /// All that is wrong, if anything is.
    pub fn compile(&mut self, master: &Path) -> Result<(), ReadError> {
        let name = master.to_string_lossy();
        self.state.at = SourceRef::default();
        let _ = self.redirect(&name, true);
        if self.state.errors == 0 && self.model.circuit.is_none() {
            let path = name.into_owned();
            let _ = self.fault(Fault::CircuitMissing { path }, None);
        }
        self.outcome()
    }

    /// Carries out one command that no file says, after a master was read or instead of one.
    ///
    /// # Errors
    /// As [`Reader::compile`].
    pub fn run(&mut self, line: &str) -> Result<(), ReadError> {
        self.state.at = SourceRef::default();
        for line in lines(line) {
            if self.run_line(line).is_err() {
                break;
            }
        }
        self.outcome()
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// The model and the report.
    pub fn finish(mut self) -> (Model, Report) {
        let entries = self.unused.iter().map(|((owner, name), (count, first, reason))| LedgerEntry {
            field: format!("{owner}.{name}"),
            disposition: Disposition::Dropped { reason: reason.to_string() },
            count: *count,
            first: Some(self.model.sources.place(*first)),
        });
        self.report.ledger.entries = entries.collect();
        (self.model, self.report)
    }

    fn outcome(&self) -> Result<(), ReadError> {
        if self.state.errors == 0 { Ok(()) } else { Err(ReadError { diagnostics: self.report.diagnostics.clone() }) }
    }

    // Findings.

    /// Notes a fault at the present place; stops reading if it cannot go on.
    fn fault(&mut self, fault: Fault, element: Option<String>) -> Run {
        let is_warning =
            matches!(fault, Fault::Inexact { .. } | Fault::RestIgnored { .. } | Fault::UnknownBus { .. } | Fault::CommentNotClosed)
                || self.options.lenient && fault.is_leaveable();
        let severity = if is_warning { Severity::Warning } else { Severity::Error };
        let mut diagnostic = fault.diagnostic(severity).at(&self.model.sources.place(self.state.at));
        if let Some(element) = element {
            diagnostic = diagnostic.element(element);
        }
        self.diagnostic(diagnostic, fault.is_fatal())
    }

    fn diagnostic(&mut self, diagnostic: Diagnostic, fatal: bool) -> Run {
        let is_error = diagnostic.severity == Severity::Error;
        if is_error || self.report.diagnostics.len() < MAX_WARNINGS {
            self.report.diagnostics.push(diagnostic);
        }
        if is_error {
            self.state.errors += 1;
            if fatal || self.state.errors >= MAX_ERRORS {
                return Err(Stop);
            }
        }
        Ok(())
    }

    fn fault_of(&mut self, fault: Fault, id: ObjectId) -> Run {
        let name = self.model.objects.get(id).full_name();
        self.fault(fault, Some(name))
    }

    // Files and lines.

    fn redirect(&mut self, name: &str, compile: bool) -> Run {
        if name.trim().is_empty() {
            return Ok(());
        }
        let (path, bytes) = match self.find(name) {
            Ok(found) => found,
            Err(fault) => return self.fault(fault, None),
        };
        let shown = path.to_string_lossy().into_owned();
        if self.state.open.contains(&path) {
            let through = self.state.open.iter().map(|p| p.to_string_lossy().into_owned()).collect();
            return self.fault(Fault::RedirectLoop { path: shown, through }, None);
        }
        self.state.redirects += 1;
        if self.state.redirects > MAX_REDIRECTS || self.state.open.len() >= MAX_DEPTH {
            return self.fault(Fault::TooManyRedirects { limit: MAX_REDIRECTS.min(MAX_DEPTH) }, None);
        }
        let text = match decode(&bytes) {
            Ok(text) => text,
            Err(e) => {
                return self.fault(Fault::NotText { path: shown, line: e.line, byte: e.byte }, None);
            }
        };
        if text.trim().is_empty() && self.state.open.is_empty() {
            return self.fault(Fault::EmptyFile { path: shown }, None);
        }

        let outer_dir = self.state.dir.clone();
        let outer_at = self.state.at;
        self.state.dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let inner_dir = self.state.dir.clone();
        self.state.open.push(path);
        let file = self.model.sources.add(&shown);
        let run = self.run_file(file, &text);
        self.state.open.pop();
        self.state.at = outer_at;
        self.state.variables.set("@lastfile", &shown);
        if compile {
            self.state.dir = inner_dir;
            self.state.variables.set("@lastcompilefile", &shown);
        } else {
            self.state.dir = outer_dir;
            self.state.variables.set("@lastredirectfile", &shown);
        }
        run
    }

    /// A file as the script names it; `.dss` is added to a name without an ending.
    fn find(&mut self, name: &str) -> Result<(PathBuf, Vec<u8>), Fault> {
        let dir = self.state.dir.clone();
        let first = self.finder.find(&dir, name);
        let found = match first {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && Path::new(name.trim()).extension().is_none() => {
                self.finder.find(&dir, &format!("{}.dss", name.trim())).map_err(|_| e)
            }
            other => other,
        };
        found.map_err(|e| Fault::MissingFile { name: clip(name), folder: dir.to_string_lossy().into_owned(), reason: e.kind().to_string() })
    }

    fn run_file(&mut self, file: FileId, text: &str) -> Run {
        let mut in_comment = None;
        let mut last = None;
        for (i, line) in lines(text).enumerate() {
            let line_number = u32::try_from(i + 1).unwrap_or(u32::MAX);
            self.state.at = SourceRef { file, line: line_number };
            self.state.lines += 1;
            if self.state.lines > MAX_LINES {
                return self.fault(Fault::TooManyLines { limit: MAX_LINES }, None);
            }
            if line.starts_with("/*") && in_comment.is_none() {
                in_comment = Some(self.state.at);
            }
            if in_comment.is_some() {
                if line.contains("*/") {
                    in_comment = None;
                }
                continue;
            }
            self.run_line(line)?;
            if !line.trim().is_empty() {
                last = Some((self.state.at, line));
            }
        }
        if let Some((at, _)) = last.filter(|(_, line)| ends_in_quotes(line)) {
            self.state.at = at;
            let path = self.model.sources.place(at).file.to_string();
            self.fault(Fault::UnfinishedFile { path }, None)?;
        }
        if let Some(start) = in_comment {
            self.state.at = start;
            self.fault(Fault::CommentNotClosed, None)?;
        }
        Ok(())
    }

    fn run_line(&mut self, line: &str) -> Run {
        let mut words = Words::of_line(line);
        let (name, value) = words.next_pair(&self.state.variables);
        if value.text.is_empty() {
            return Ok(());
        }
        self.model.commands = self.model.commands.saturating_add(1);
        if !name.is_empty() {
            return self.set_by_path(&name, value, words);
        }
        let Some(command) = command::find(&value.text) else {
            return self.fault(Fault::UnknownCommand { found: clip(&value.text) }, None);
        };
        if self.model.circuit.is_none() && !command.without_circuit {
            return self.fault(Fault::NoCircuit { command: command.name.to_string() }, None);
        }
        match command.action {
            Action::New => self.new_object(words),
            Action::Edit => self.edit_object(words),
            Action::More => match self.state.active {
                Some(id) => self.edit(id, words, None),
                None => self.fault(Fault::NoActiveElement { found: clip(line) }, None),
            },
            Action::Select => self.select(words),
            Action::BatchEdit => self.batch_edit(words),
            Action::Enable => self.enable(words, true),
            Action::Disable => self.enable(words, false),
            Action::Open => self.switch(words, true),
            Action::Close => self.switch(words, false),
            Action::Set => self.set_options(words),
            Action::Solve => self.solve(words),
            Action::Redirect | Action::Compile => {
                let (_, file) = words.next_pair(&self.state.variables);
                self.redirect(&file.text, matches!(command.action, Action::Compile))
            }
            Action::Clear => {
                self.clear();
                Ok(())
            }
            Action::Reset => self.reset(words),
            Action::Next => self.next(words),
            Action::Init => {
                self.model.options.restart = true;
                Ok(())
            }
            Action::SetKvBase => self.set_kv_base(words),
            Action::BusCoordinates { latitude_first } => self.bus_coordinates(words, latitude_first),
            Action::ChangeFolder => {
                let (_, folder) = words.next_pair(&self.state.variables);
                self.state.dir = join(&self.state.dir, &folder.text);
                Ok(())
            }
            Action::Variables => self.set_variables(words, line),
            Action::Comment => Ok(()),
            Action::Request(request) => self.request(request),
            Action::Query => {
                self.query(words);
                self.not_executed(command.name, line);
                Ok(())
            }
            Action::NotExecuted => {
                self.not_executed(command.name, line);
                Ok(())
            }
            Action::Refused(reason) => self.fault(Fault::RefusedCommand { command: command.name, reason }, None),
        }
    }

    fn not_executed(&mut self, command: &'static str, line: &str) {
        let source = self.model.sources.place(self.state.at);
        self.report.not_executed.push(NotExecuted { command, text: clip(line.trim()), source });
    }

    /// `? class.name.property`: OpenDSS answers and leaves the object active.
    fn query(&mut self, mut words: Words<'_>) {
        let (_, path) = words.next_pair(&self.state.variables);
        let parts: Vec<&str> = path.text.split('.').collect();
        if let [class, name @ .., _] = parts.as_slice()
            && let Some(class) = ClassId::find(class)
            && let Some(id) = self.model.objects.find(class, &name.join("."))
        {
            self.state.active = Some(id);
            self.state.last_class = class;
        }
    }

    fn request(&mut self, request: Request) -> Run {
        let lists_buses = matches!(
            request,
            Request::Solve
                | Request::CalcVoltageBases
                | Request::AllocateLoads
                | Request::Estimate
                | Request::MakeBusList
                | Request::Step(_)
        );
        self.model.buses.listed |= lists_buses;
        if self.state.errors > 0 {
            return Ok(());
        }
        let at = self.model.sources.place(self.state.at);
        match self.host.execute(request, &mut self.model, &at) {
            Ok(findings) => {
                for finding in findings {
                    self.diagnostic(finding, false)?;
                }
                Ok(())
            }
            Err(finding) => self.diagnostic(*finding, true),
        }
    }

    fn clear(&mut self) {
        let sources = std::mem::take(&mut self.model.sources);
        let options = self.model.options.cleared();
        let commands = self.model.commands;
        self.model = Model { sources, options, commands, ..Model::default() };
        self.state.active = None;
        self.state.last_class = ClassId::Vsource;
        self.state.assignments = 0;
        let at = std::mem::take(&mut self.state.at);
        for line in builtin::SCRIPT.lines() {
            // The built-in objects are in order; the tests read them.
            let _ = self.run_line(line);
        }
        self.state.active = None;
        self.state.at = at;
        self.unused.clear();
    }

    // Objects.

    /// The `class.name` at the head of a command, which may be called `object`.
    fn object_path(&mut self, words: &mut Words<'_>) -> Result<(String, String), Fault> {
        let (label, path) = words.next_pair(&self.state.variables);
        if !label.is_empty() && !super::class::starts_with_ignore_case("object", &label) {
            return Err(Fault::Unreadable {
                property: "object".to_string(),
                found: clip(&format!("{label}={}", path.text)),
                expected: Expected::OneOf(&[("class.name", 0), ("object=class.name", 0)]),
            });
        }
        let (class, name) = match path.text.split_once('.') {
            Some((class, name)) => (class.to_string(), self.state.variables.expand(name)),
            None => (String::new(), path.text.clone().into_owned()),
        };
        Ok((class, name.to_lowercase()))
    }

    fn class_of(&self, class: &str, name: &str) -> Result<ClassId, Fault> {
        if class.is_empty() {
            if let Some(known) = ClassId::find(name) {
                return Err(Fault::NameMissing { class: known.name() });
            }
            return Err(Fault::UnknownClass { found: clip(name) });
        }
        ClassId::find(class).ok_or_else(|| Fault::UnknownClass { found: clip(class) })
    }

    fn new_object(&mut self, mut words: Words<'_>) -> Run {
        let (class, name) = match self.object_path(&mut words) {
            Ok(path) => path,
            Err(fault) => return self.fault(fault, None),
        };
        if class.eq_ignore_ascii_case("circuit") {
            return self.new_circuit(&name, words);
        }
        let class = match self.class_of(&class, &name) {
            Ok(class) => class,
            Err(fault) => return self.unknown_class(fault),
        };
        self.state.last_class = class;
        if name.is_empty() {
            return self.fault(Fault::NameMissing { class: class.name() }, None);
        }
        let general = class.def().group == Group::General;
        if !general && self.model.circuit.is_none() {
            return self.fault(Fault::NoCircuit { command: format!("new {}.{name}", class.name()) }, None);
        }
        if let Some(id) = self.model.objects.find(class, &name) {
            if !general && !self.model.options.allow_duplicates {
                self.fault_of(Fault::Duplicate { class: class.name(), name }, id)?;
                self.state.active = Some(id);
                return self.edit(id, words, None);
            }
            if general {
                // Catalogue objects are redefined without a word, as in OpenDSS.
                self.state.active = Some(id);
                return self.edit(id, words, None);
            }
        }
        let id = self.add(class, &name);
        self.edit(id, words, None)
    }

    fn unknown_class(&mut self, fault: Fault) -> Run {
        // What follows with `~` belongs to the element that was not made.
        self.state.active = None;
        self.fault(fault, None)
    }

    fn add(&mut self, class: ClassId, name: &str) -> ObjectId {
        let options = &self.model.options;
        let id = self.model.objects.add(Object {
            class,
            name: Arc::from(name),
            enabled: true,
            source: self.state.at,
            log: Vec::new(),
            switching: Vec::new(),
            defaults: CreationDefaults {
                base_frequency_hz: options.solution.base_frequency_hz,
                earth_model: options::earth_model_number(options.solution.earth_model),
            },
        });
        self.state.active = Some(id);
        self.state.last_class = class;
        id
    }

    /// Makes the circuit and its source, which takes the rest of the line.
    fn new_circuit(&mut self, name: &str, words: Words<'_>) -> Run {
        if let Some(first) = &self.model.circuit {
            let name = first.to_string();
            return self.fault(Fault::SecondCircuit { name }, None);
        }
        if name.is_empty() {
            return self.fault(Fault::NameMissing { class: "Circuit" }, None);
        }
        self.model.options = self.model.options.cleared();
        self.model.circuit = Some(Arc::from(name));
        let source = self.add(ClassId::Vsource, "source");
        let bus1 = conversion::vsource::Property::Bus1 as u16;
        self.set_property(source, bus1, Word { text: "sourcebus".into(), quoted: false })?;
        self.edit(source, words, Some(bus1))
    }

    fn edit_object(&mut self, mut words: Words<'_>) -> Run {
        match self.named_object(&mut words) {
            Ok(Some(id)) => {
                self.state.active = Some(id);
                self.edit(id, words, None)
            }
            // OpenDSS takes `edit circuit.…` and does nothing.
            Ok(None) => Ok(()),
            Err(fault) => self.unknown_class(fault),
        }
    }

    /// The existing object at the head of a command; `None` for the circuit.
    fn named_object(&mut self, words: &mut Words<'_>) -> Result<Option<ObjectId>, Fault> {
        let (class, name) = self.object_path(words)?;
        if class.eq_ignore_ascii_case("circuit") {
            return Ok(None);
        }
        let class = if class.is_empty() && ClassId::find(&name).is_none() { self.state.last_class } else { self.class_of(&class, &name)? };
        self.state.last_class = class;
        match self.model.objects.find(class, &name) {
            Some(id) => Ok(Some(id)),
            None => Err(Fault::UnknownObject { class: class.name().to_string(), name: clip(&name), property: None }),
        }
    }

    fn select(&mut self, mut words: Words<'_>) -> Run {
        match self.named_object(&mut words) {
            Ok(Some(id)) => {
                self.state.active = Some(id);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(fault) => self.unknown_class(fault),
        }
    }

    fn batch_edit(&mut self, mut words: Words<'_>) -> Run {
        let (class, pattern) = match self.object_path(&mut words) {
            Ok(path) => path,
            Err(fault) => return self.fault(fault, None),
        };
        if class.eq_ignore_ascii_case("circuit") {
            return Ok(());
        }
        let class = match self.class_of(&class, &pattern) {
            Ok(class) => class,
            Err(fault) => return self.unknown_class(fault),
        };
        self.state.last_class = class;
        let compiled = match Pattern::new(&pattern) {
            Ok(compiled) => compiled,
            Err(reason) => return self.fault(Fault::BadPattern { pattern: clip(&pattern), reason }, None),
        };
        let objects = &self.model.objects;
        let ids: Vec<ObjectId> = objects.of_class(class).filter(|(_, o)| compiled.is_in(&o.name)).map(|(id, _)| id).collect();
        for id in ids {
            self.state.active = Some(id);
            self.edit(id, words.clone(), None)?;
        }
        Ok(())
    }

    fn enable(&mut self, mut words: Words<'_>, enabled: bool) -> Run {
        let mut all = words.clone();
        let (class, name) = match self.object_path(&mut all) {
            Ok(path) => path,
            Err(fault) => return self.fault(fault, None),
        };
        let ids = if name == "*" {
            match self.class_of(&class, &name) {
                Ok(class) => self.model.objects.of_class(class).map(|(id, _)| id).collect(),
                Err(fault) => return self.unknown_class(fault),
            }
        } else {
            match self.named_object(&mut words) {
                Ok(id) => id.into_iter().collect::<Vec<_>>(),
                Err(fault) => return self.unknown_class(fault),
            }
        };
        for id in ids {
            let class = self.model.objects.get(id).class;
            if let Some(property) = class.def().find("enabled").filter(|_| class.def().group != Group::General) {
                let text = if enabled { "yes" } else { "no" };
                self.set_property(id, property, Word { text: text.into(), quoted: false })?;
            }
        }
        Ok(())
    }

    fn switch(&mut self, mut words: Words<'_>, open: bool) -> Run {
        let id = match self.named_object(&mut words) {
            Ok(Some(id)) => id,
            Ok(None) => return Ok(()),
            Err(fault) => return self.unknown_class(fault),
        };
        let mut numbers = [1, 0];
        for (number, name) in numbers.iter_mut().zip(["terminal", "conductor"]) {
            let (_, word) = words.next_pair(&self.state.variables);
            if word.text.is_empty() {
                break;
            }
            match self.convert(|c| c.integer(name, &word.text)) {
                Ok(n) if (0..=1000).contains(&n) => *number = n as u16,
                _ => {
                    let expected = Expected::Terminal;
                    let fault = Fault::Unreadable { property: name.to_string(), found: clip(&word.text), expected };
                    return self.fault_of(fault, id);
                }
            }
        }
        let [terminal, conductor] = numbers;
        let source = self.state.at;
        let terminal = terminal.max(1);
        self.model.objects.get_mut(id).switching.push(Switching { terminal, conductor, open, source });
        self.state.active = Some(id);
        Ok(())
    }

    /// `class.name.property=value …`, `name.property=value …` or `property=value …`.
    fn set_by_path(&mut self, path: &str, value: Word<'_>, words: Words<'_>) -> Run {
        let mut parts: Vec<&str> = path.split('.').collect();
        let property = parts.pop().unwrap_or_default();
        if !parts.is_empty() {
            let class = if parts.len() == 1 {
                self.state.last_class
            } else {
                match ClassId::find(parts[0]) {
                    Some(class) => class,
                    None => return self.unknown_class(Fault::UnknownClass { found: clip(parts[0]) }),
                }
            };
            let name = if parts.len() == 1 { parts[0].to_string() } else { parts[1..].join(".") };
            let name = self.state.variables.expand(&name).to_lowercase();
            match self.model.objects.find(class, &name) {
                Some(id) => {
                    self.state.active = Some(id);
                    self.state.last_class = class;
                }
                None => {
                    let class = class.name().to_string();
                    return self.unknown_class(Fault::UnknownObject { class, name: clip(&name), property: None });
                }
            }
        }
        let Some(id) = self.state.active else {
            return self.fault(Fault::NoActiveElement { found: clip(path) }, None);
        };
        let class = self.model.objects.get(id).class.def();
        match class.find(property) {
            Some(number) => {
                self.set_property(id, number, value)?;
                self.edit(id, words, Some(number))
            }
            None => {
                let found = clip(property);
                self.fault_of(Fault::UnknownProperty { class: class.name, found }, id)?;
                self.edit(id, words, None)
            }
        }
    }

    /// Sets the properties that the rest of a line gives; one without a name is the one after
    /// `last`, or the first.
    fn edit(&mut self, id: ObjectId, mut words: Words<'_>, last: Option<u16>) -> Run {
        let class = self.model.objects.get(id).class.def();
        let mut next = last.map_or(0, |n| n as usize + 1);
        loop {
            let (name, value) = words.next_pair(&self.state.variables);
            if value.text.is_empty() {
                let rest = words.rest().trim();
                if !rest.is_empty() && !rest.starts_with('!') && !rest.starts_with("//") {
                    self.fault_of(Fault::RestIgnored { rest: clip(rest) }, id)?;
                }
                return Ok(());
            }
            let number = if name.is_empty() {
                if next >= class.properties.len() {
                    let (count, found) = (class.properties.len(), clip(&value.text));
                    self.fault_of(Fault::TooManyValues { class: class.name, count, found }, id)?;
                    continue;
                }
                next as u16
            } else {
                match class.find(&name) {
                    Some(number) => number,
                    None => {
                        self.fault_of(Fault::UnknownProperty { class: class.name, found: clip(&name) }, id)?;
                        next = 0;
                        continue;
                    }
                }
            };
            self.set_property(id, number, value)?;
            next = number as usize + 1;
        }
    }

    fn set_property(&mut self, id: ObjectId, number: u16, word: Word<'_>) -> Run {
        let class = self.model.objects.get(id).class;
        let property = &class.def().properties[number as usize];
        match property.usage {
            Usage::Used => {}
            Usage::NotNeeded(reason) => self.count_unused(class.name(), property.name, reason),
            Usage::Refused(reason) => {
                return self.fault_of(Fault::RefusedProperty { property: property.name, reason }, id);
            }
        }
        match property.kind {
            Kind::ReadOnly | Kind::Deprecated => return Ok(()),
            Kind::Like => return self.copy(id, number, &word.text),
            _ => {}
        }
        let value = match self.value(class, property, &word) {
            Ok(value) => value,
            Err(fault) => return self.fault_of(fault, id),
        };
        if let (Value::Boolean(enabled), "Enabled") = (&value, property.name) {
            self.model.objects.get_mut(id).enabled = *enabled;
        }
        self.assign(id, Assignment { property: number, value, source: self.state.at, command: self.model.commands })
    }

    fn assign(&mut self, id: ObjectId, assignment: Assignment) -> Run {
        self.state.assignments += 1;
        let log = &mut self.model.objects.get_mut(id).log;
        if log.len() >= MAX_ASSIGNMENTS_OF_ONE {
            return self.fault_of(Fault::TooManyAssignments { limit: MAX_ASSIGNMENTS_OF_ONE }, id);
        }
        log.push(assignment);
        if self.state.assignments > MAX_ASSIGNMENTS {
            return self.fault_of(Fault::TooManyAssignments { limit: MAX_ASSIGNMENTS }, id);
        }
        Ok(())
    }

    fn count_unused(&mut self, owner: &'static str, name: &'static str, reason: &'static str) {
        let entry = self.unused.entry((owner, name)).or_insert((0, self.state.at, reason));
        entry.0 += 1;
    }

    /// `like`: notes which object of its class this one takes after. What that means is the class's
    /// own matter, since OpenDSS's classes copy different parts.
    fn copy(&mut self, id: ObjectId, number: u16, other: &str) -> Run {
        let class = self.model.objects.get(id).class;
        if self.model.objects.find(class, other).is_none() {
            let (class, name) = (class.name().to_string(), clip(other));
            return self.fault_of(Fault::UnknownObject { class, name, property: Some("Like") }, id);
        }
        let value = Value::Object(Arc::from(other.to_lowercase()));
        self.assign(id, Assignment { property: number, value, source: self.state.at, command: self.model.commands })
    }

    // Values.

    fn convert<T>(&mut self, f: impl FnOnce(&mut Converter<'_>) -> T) -> T {
        let state = &mut self.state;
        f(&mut Converter { variables: &state.variables, calculator: &mut state.calculator })
    }

    fn value(&mut self, class: ClassId, property: &'static PropertyDef, word: &Word<'_>) -> Result<Value, Fault> {
        let name = property.name;
        let text: &str = &word.text;
        Ok(match property.kind {
            Kind::Real(range) => {
                let number = self.convert(|c| c.real(name, text))?;
                in_range(name, number, range)?;
                Value::Real(number)
            }
            Kind::Integer(range) => {
                let number = self.convert(|c| c.integer(name, text))?;
                in_range(name, f64::from(number), range)?;
                Value::Integer(number)
            }
            Kind::Seconds => Value::Real(self.seconds(name, text)?),
            Kind::Boolean | Kind::BooleanAction => Value::Boolean(self.boolean(name, text)),
            Kind::Text => Value::Text(Arc::from(text)),
            Kind::Enum(set) | Kind::Action(set) => Value::Enum(self.word(name, text, set)?),
            Kind::IntegerEnum(set) => {
                let number = self.convert(|c| c.integer(name, text))?;
                if !set.words.iter().any(|w| w.1 == number) {
                    let expected = Expected::NumberOf(set.words);
                    return Err(Fault::Unreadable { property: name.to_string(), found: clip(text), expected });
                }
                Value::Integer(number)
            }
            Kind::Reals => match self.number_file(text)? {
                Some(file) => Value::File(file),
                None => Value::Reals(self.convert(|c| c.reals(name, text))?),
            },
            Kind::Vector => {
                if text.eq_ignore_ascii_case("none") {
                    Value::Reals(Arc::from([]))
                } else {
                    Value::Reals(self.convert(|c| c.vector(name, text))?)
                }
            }
            Kind::Slots => Value::Slots(self.convert(|c| c.slots(name, text))?),
            Kind::Integers => Value::Integers(self.convert(|c| c.integers(name, text))?),
            Kind::Enums(set) => {
                let mut numbers = Vec::new();
                let mut words = Words::of_line(text);
                while let Some((word, _)) = words.next_word(&self.state.variables) {
                    let gap = word.text.is_empty();
                    numbers.push(if gap { None } else { Some(self.word(name, &word.text, set)?) });
                }
                Value::Enums(numbers.into())
            }
            Kind::Texts => {
                let texts = match self.text_file(text)? {
                    Some(texts) => texts,
                    None => self.convert(|c| c.texts(text)),
                };
                Value::Texts(texts.into_iter().map(Arc::from).collect())
            }
            Kind::Bus => Value::Bus(Arc::new(bus(name, text)?)),
            Kind::Buses => {
                let mut buses = Vec::new();
                let mut words = Words::of_line(text);
                while let Some((word, _)) = words.next_word(&self.state.variables) {
                    buses.push(if word.text.is_empty() { BusRef::default() } else { bus(name, &word.text)? });
                }
                Value::Buses(buses.into())
            }
            Kind::Complex => Value::Complex(self.convert(|c| c.complex(name, text))?),
            Kind::Matrix => Value::Matrix(Arc::new(self.convert(|c| c.rows(name, text))?)),
            Kind::Object(other) => Value::Object(self.object_name(property, other, text)?),
            Kind::Objects(other) => {
                let names = self.convert(|c| c.texts(text));
                let names: Result<Vec<_>, _> = names.iter().map(|n| self.object_name(property, other, n)).collect();
                Value::Objects(names?.into())
            }
            Kind::Element => Value::Object(self.element_name(property, text)?),
            Kind::Regulated => {
                let expanded = self.state.variables.expand(text).to_lowercase();
                let bare = match expanded.split_once('.') {
                    Some(("transformer" | "autotrans", bare)) => bare,
                    _ => &expanded,
                };
                let known = [ClassId::Transformer, ClassId::AutoTrans];
                if !known.iter().any(|&c| self.model.objects.find(c, bare).is_some()) {
                    let (class, name) = ("Transformer".to_string(), clip(text));
                    return Err(Fault::UnknownObject { class, name, property: Some(property.name) });
                }
                Value::Object(Arc::from(bare))
            }
            Kind::DataFile => {
                let form = match property.name {
                    "DblFile" => DataForm::Doubles,
                    "SngFile" => DataForm::Singles,
                    _ => DataForm::Table,
                };
                let _ = class;
                Value::File(self.data_file(text, form)?)
            }
            // Taken care of by the caller.
            Kind::Like | Kind::ReadOnly | Kind::Deprecated => Value::Text(Arc::from(text)),
        })
    }

    /// A yes or no by its first letter. OpenDSS takes every other word as no, `1` and `on`
    /// included; so it is here, with a warning.
    fn boolean(&mut self, name: &'static str, text: &str) -> bool {
        Converter::boolean(text).unwrap_or_else(|| {
            self.warn_once(
                name,
                Fault::Inexact {
                    property: name.to_string(),
                    found: clip(text),
                    taken: "no".to_string(),
                    known: vec!["yes", "no", "true", "false"],
                },
            );
            false
        })
    }

    /// The number of a word of a set.
    fn word(&mut self, name: &'static str, text: &str, set: &'static super::class::EnumDef) -> Result<i32, Fault> {
        let found = word_of(set, text);
        let inexact = |number: i32| Fault::Inexact {
            property: name.to_string(),
            found: clip(text),
            taken: set.word(number).unwrap_or_default().to_string(),
            known: set.words.iter().map(|w| w.0).collect(),
        };
        match found {
            Some(m) => {
                if !m.exact {
                    self.warn_once(name, inexact(m.number));
                }
                Ok(m.number)
            }
            // OpenDSS takes an unknown unit as none. A reader that agrees with it must, too, but says so.
            None if std::ptr::eq(set, &enums::LENGTH_UNIT) => {
                self.warn_once(name, inexact(0));
                Ok(0)
            }
            None => {
                let expected = Expected::OneOf(set.words);
                Err(Fault::Unreadable { property: name.to_string(), found: clip(text), expected })
            }
        }
    }

    fn warn_once(&mut self, name: &'static str, fault: Fault) {
        if self.state.warned.insert((name, self.state.at)) {
            let element = self.state.active.map(|id| self.model.objects.get(id).full_name());
            let _ = self.fault(fault, element);
        }
    }

    fn seconds(&mut self, name: &str, text: &str) -> Result<f64, Fault> {
        if let Ok(number) = self.convert(|c| c.real(name, text)) {
            return Ok(number);
        }
        let bad = || Fault::Unreadable { property: name.to_string(), found: clip(text), expected: Expected::Time };
        let unit = text.chars().next_back().ok_or_else(bad)?;
        let number: f64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| bad())?;
        let seconds = match unit {
            'h' => number * 3600.0,
            'm' => number * 60.0,
            's' => number,
            _ => return Err(bad()),
        };
        if seconds.is_finite() { Ok(seconds) } else { Err(bad()) }
    }

    /// A reference to an object that must exist by now.
    fn object_name(&self, property: &PropertyDef, class: ClassId, text: &str) -> Result<Arc<str>, Fault> {
        let name = self.state.variables.expand(text).to_lowercase();
        // Lists of conductors may mix the three kinds.
        let conductors = [ClassId::WireData, ClassId::CnData, ClassId::TsData];
        let objects = &self.model.objects;
        let bare = match name.split_once('.') {
            Some((prefix, rest)) if ClassId::find(prefix).is_some() && objects.find(class, &name).is_none() => rest,
            _ => &name,
        };
        let found = if conductors.contains(&class) {
            conductors.iter().any(|&c| objects.find(c, bare).is_some())
        } else {
            objects.find(class, bare).is_some()
        };
        if found {
            Ok(Arc::from(bare))
        } else {
            let class = class.name().to_string();
            Err(Fault::UnknownObject { class, name: clip(text), property: Some(property.name) })
        }
    }

    /// A reference to a circuit element as `class.name`; without a class it is looked for in all.
    fn element_name(&self, property: &PropertyDef, text: &str) -> Result<Arc<str>, Fault> {
        let full = text.to_lowercase();
        let objects = &self.model.objects;
        let missing =
            |class: &str, name: &str| Fault::UnknownObject { class: class.to_string(), name: clip(name), property: Some(property.name) };
        match full.split_once('.') {
            Some((class, name)) => {
                let id = ClassId::find(class).ok_or_else(|| Fault::UnknownClass { found: clip(class) })?;
                let name = self.state.variables.expand(name).to_lowercase();
                if objects.find(id, &name).is_none() {
                    return Err(missing(id.name(), &name));
                }
                Ok(Arc::from(format!("{}.{name}", class)))
            }
            None => {
                let elements = super::class::CLASSES.iter().filter(|c| c.group != Group::General);
                let mut found = elements.filter(|c| objects.find(c.id, &full).is_some());
                let class = found.next().ok_or_else(|| missing("Element", &full))?;
                Ok(Arc::from(format!("{}.{full}", class.name.to_lowercase())))
            }
        }
    }

    // Files of numbers and names.

    /// The file of `file=…`, `dblfile=…` or `sngfile=…`, if the text of an array is one.
    fn number_file(&mut self, text: &str) -> Result<Option<Arc<DataFile>>, Fault> {
        if !text.contains('=') {
            return Ok(None);
        }
        let mut words = Words::of_line(text);
        let (label, name) = words.next_pair(&self.state.variables);
        let mut form = match label.to_ascii_lowercase().as_str() {
            "file" => DataForm::Column { column: 1, heading: false },
            "dblfile" => DataForm::Doubles,
            "sngfile" => DataForm::Singles,
            _ => return Ok(None),
        };
        if let DataForm::Column { column, heading } = &mut form {
            loop {
                let (label, value) = words.next_pair(&self.state.variables);
                if value.text.is_empty() {
                    break;
                }
                match label.to_ascii_lowercase().as_str() {
                    "column" | "col" => {
                        let number = self.convert(|c| c.integer("column", &value.text))?;
                        in_range("column", f64::from(number), super::class::Range::Positive)?;
                        *column = number as usize;
                    }
                    "header" => *heading = Converter::boolean(&value.text).unwrap_or(false),
                    _ => {}
                }
            }
        }
        self.data_file(&name.text, form).map(Some)
    }

    fn data_file(&mut self, name: &str, form: DataForm) -> Result<Arc<DataFile>, Fault> {
        let key = DataKey { path: join(&self.state.dir, name), form };
        if let Some(file) = self.data.get(&key) {
            return Ok(file.clone());
        }
        let dir = self.state.dir.clone();
        let (path, bytes) = self.finder.find(&dir, name).map_err(|e| Fault::MissingFile {
            name: clip(name),
            folder: dir.to_string_lossy().into_owned(),
            reason: e.kind().to_string(),
        })?;
        let shown = path.to_string_lossy().into_owned();
        let file = match form {
            DataForm::Doubles => read_binary(&shown, &bytes, 8, |b| f64::from_le_bytes(b.try_into().unwrap_or_default())),
            DataForm::Singles => read_binary(&shown, &bytes, 4, |b| f64::from(f32::from_le_bytes(b.try_into().unwrap_or_default()))),
            DataForm::Table | DataForm::Column { .. } => {
                let text = decode(&bytes).map_err(|e| Fault::NotText { path: shown.clone(), line: e.line, byte: e.byte })?;
                self.convert(|c| read_table(c, &shown, &text, form))
            }
        }?;
        let file = Arc::new(file);
        self.data.insert(key, file.clone());
        Ok(file)
    }

    /// The first words of the lines of a file, if the text of a list is `file=…`.
    fn text_file(&mut self, text: &str) -> Result<Option<Vec<String>>, Fault> {
        if !text.contains('=') {
            return Ok(None);
        }
        let (label, name) = Words::of_line(text).next_pair(&self.state.variables);
        if !label.eq_ignore_ascii_case("file") {
            return Ok(None);
        }
        let (path, bytes) = self.find(&name.text)?;
        let text = decode(&bytes).map_err(|e| Fault::NotText { path: path.to_string_lossy().into_owned(), line: e.line, byte: e.byte })?;
        let first = |line| Words::of_line(line).next_pair(&self.state.variables).1.text.into_owned();
        Ok(Some(lines(&text).map(first).filter(|w: &String| !w.is_empty()).collect()))
    }

    // Options and the other commands.

    fn solve(&mut self, mut words: Words<'_>) -> Run {
        let mut probe = words.clone();
        let (_, first) = probe.next_pair(&self.state.variables);
        if first.text.eq_ignore_ascii_case("all") {
            words = probe;
        }
        self.set_options(words)?;
        self.request(Request::Solve)
    }

    fn set_options(&mut self, mut words: Words<'_>) -> Run {
        let mut next = 0;
        loop {
            let (name, value) = words.next_pair(&self.state.variables);
            if value.text.is_empty() {
                return Ok(());
            }
            let option = if name.is_empty() { options::OPTIONS.get(next) } else { options::find(&name) };
            let Some(option) = option else {
                let found = if name.is_empty() { &value.text } else { &name };
                self.fault(Fault::UnknownOption { found: clip(found) }, None)?;
                continue;
            };
            next = option.id as usize + 1;
            if self.model.circuit.is_none() && !option.without_circuit {
                return self.fault(Fault::NoCircuit { command: format!("set {}", option.name) }, None);
            }
            if let Err(fault) = self.set_option(option, &value) {
                self.fault(fault, None)?;
            }
        }
    }

    fn set_option(&mut self, option: &'static OptionDef, word: &Word<'_>) -> Result<(), Fault> {
        let name = option.name;
        let text: &str = &word.text;
        let (mut real, mut integer, mut boolean, mut reals) = (0.0, 0, false, Vec::new());
        match option.kind {
            OptionKind::Real => real = self.convert(|c| c.real(name, text))?,
            OptionKind::Integer => integer = self.convert(|c| c.integer(name, text))?,
            OptionKind::Boolean => boolean = self.boolean(name, text),
            OptionKind::Enum(set) => integer = self.word(name, text, set)?,
            OptionKind::StepSize => real = self.seconds(name, text)?,
            OptionKind::Reals | OptionKind::Time => reals = self.convert(|c| c.vector(name, text))?.to_vec(),
            OptionKind::Text | OptionKind::Texts => {}
            OptionKind::ReadOnly => return Ok(()),
        }
        if let Usage::NotNeeded(reason) = option.usage {
            self.count_unused("set", name, reason);
        }
        let count = |n: i32| u32::try_from(n.max(0)).unwrap_or(0);
        let lower = || -> Arc<str> { Arc::from(text.to_lowercase()) };
        self.model.options.texts.insert(name, Arc::from(text));
        let o = &mut self.model.options;
        let s = &mut o.solution;
        match option.id {
            OptionId::Hour => s.hour = i64::from(integer),
            OptionId::Sec => s.second = real,
            OptionId::Year => s.year = integer,
            OptionId::Frequency => s.frequency_hz = real,
            OptionId::StepSize | OptionId::H => s.step_s = real,
            OptionId::Mode => o.set_mode(options::solution_mode(integer)),
            OptionId::Random => s.random = options::random_type(integer),
            OptionId::Number => s.number = count(integer),
            OptionId::Time => {
                let part = |i: usize| reals.get(i).copied().unwrap_or(0.0);
                s.hour = part(0).round_ties_even() as i64;
                s.second = part(1);
            }
            OptionId::Tolerance => s.tolerance_pu = real,
            OptionId::MaxIterations => {
                s.max_iterations = count(integer);
                s.max_iterations_given = true;
            }
            OptionId::MinIterations => s.min_iterations = count(integer),
            OptionId::MaxControlIter => {
                s.max_control_iterations = count(integer);
                s.max_control_iterations_given = true;
            }
            OptionId::LoadModel => {
                s.load_model = options::load_model(integer);
                o.default_load_model = s.load_model;
            }
            OptionId::LoadMult => s.load_multiplier = real,
            OptionId::NormVMinPu => s.v_min_normal_pu = real,
            OptionId::NormVMaxPu => s.v_max_normal_pu = real,
            OptionId::EmergVMinPu => s.v_min_emergency_pu = real,
            OptionId::EmergVMaxPu => s.v_max_emergency_pu = real,
            OptionId::PctGrowth => s.default_growth_rate_pct = real,
            OptionId::UeWeight => s.ue_weight = real,
            OptionId::LossWeight => s.loss_weight = real,
            OptionId::Algorithm => s.algorithm = options::algorithm(integer),
            OptionId::Trapezoidal => s.trapezoidal = boolean,
            OptionId::ControlMode => {
                s.control_mode = options::control_mode(integer);
                o.default_control_mode = s.control_mode;
            }
            OptionId::GenMult => s.generation_multiplier = real,
            OptionId::CktModel => s.positive_sequence = integer == 1,
            OptionId::PriceSignal => s.price = real,
            OptionId::BaseFrequency => o.set_base_frequency(real),
            OptionId::DefaultBaseFrequency => {
                o.default_base_frequency_hz = real;
                o.set_base_frequency(real);
            }
            OptionId::EarthModel => s.earth_model = options::earth_model(integer),
            OptionId::NeglectLoadY => s.neglect_load_admittance = boolean,
            OptionId::NumAllocIterations => s.allocation_iterations = count(integer),
            OptionId::VoltageBases => s.voltage_bases_kv = reals,
            OptionId::LongLineCorrection => o.long_line_correction = boolean,
            OptionId::LoadShapeClass => o.load_shape_class = integer,
            OptionId::AllowDuplicates => o.allow_duplicates = boolean,
            OptionId::ZoneLock => o.zones_locked = boolean,
            OptionId::SeasonRating => o.seasonal_rating = boolean,
            OptionId::PctNormal => o.percent_normal = real,
            // OpenDSS leaves these two alone if there is no such shape.
            OptionId::DefaultDaily | OptionId::DefaultYearly if self.model.objects.find(ClassId::LoadShape, text).is_none() => {}
            OptionId::DefaultDaily => o.default_daily = lower(),
            OptionId::DefaultYearly => o.default_yearly = lower(),
            OptionId::LdCurve => {
                self.shape_exists(ClassId::LoadShape, text, name)?;
                self.model.options.load_duration_curve = Some(lower());
            }
            OptionId::PriceCurve => {
                self.shape_exists(ClassId::PriceShape, text, name)?;
                self.model.options.price_curve = Some(lower());
            }
            OptionId::SeasonSignal => {
                self.shape_exists(ClassId::XyCurve, text, name)?;
                self.model.options.season_signal = Some(lower());
            }
            OptionId::AllocationFactors => {
                in_range(name, real, super::class::Range::Positive)?;
                self.set_all_loads(conversion::load::Property::AllocationFactor as u16, real);
            }
            OptionId::CFactors => {
                in_range(name, real, super::class::Range::Positive)?;
                self.set_all_loads(conversion::load::Property::CFactor as u16, real);
            }
            OptionId::DataPath => self.state.dir = join(&self.state.dir, text),
            OptionId::Type | OptionId::Class => {
                let class = ClassId::find(text).ok_or_else(|| Fault::UnknownClass { found: clip(text) })?;
                self.state.last_class = class;
            }
            OptionId::Element | OptionId::Object => {
                let (class, object) = text.split_once('.').unwrap_or(("", text));
                let class = match class {
                    "" => self.state.last_class,
                    _ => ClassId::find(class).ok_or_else(|| Fault::UnknownClass { found: clip(class) })?,
                };
                let found = self.model.objects.find(class, object);
                let missing = || Fault::UnknownObject { class: class.name().to_string(), name: clip(object), property: None };
                self.state.active = Some(found.ok_or_else(missing)?);
                self.state.last_class = class;
            }
            _ => {}
        }
        Ok(())
    }

    fn shape_exists(&self, class: ClassId, name: &str, option: &'static str) -> Result<(), Fault> {
        match self.model.objects.find(class, name) {
            Some(_) => Ok(()),
            None => Err(Fault::UnknownObject { class: class.name().to_string(), name: clip(name), property: Some(option) }),
        }
    }

    fn set_all_loads(&mut self, property: u16, number: f64) {
        let ids: Vec<ObjectId> = self.model.objects.of_class(ClassId::Load).map(|(id, _)| id).collect();
        let (source, command) = (self.state.at, self.model.commands);
        for id in ids {
            let _ = self.assign(id, Assignment { property, value: Value::Real(number), source, command });
        }
    }

    fn reset(&mut self, mut words: Words<'_>) -> Run {
        let (_, word) = words.next_pair(&self.state.variables);
        let lower = word.text.to_ascii_lowercase();
        let what = match lower.as_bytes() {
            [] => Reset::All,
            [b'm', b'o', ..] => Reset::Monitors,
            [b'm', b'e', ..] => Reset::Meters,
            [b'f', ..] => Reset::Faults,
            [b'c', ..] => Reset::Controls,
            [b'e', ..] => Reset::Logs,
            [b'k', ..] => Reset::KeepList,
            _ => {
                let (found, expected) = (clip(&word.text), Expected::Reset);
                return self.fault(Fault::Unreadable { property: "reset".to_string(), found, expected }, None);
            }
        };
        self.request(Request::Reset(what))
    }

    fn next(&mut self, mut words: Words<'_>) -> Run {
        let (_, word) = words.next_pair(&self.state.variables);
        let s = &mut self.model.options.solution;
        match word.text.bytes().next().map(|b| b.to_ascii_lowercase()) {
            Some(b'y') => s.year = s.year.saturating_add(1),
            Some(b'h') => s.hour = s.hour.saturating_add(1),
            Some(b't') => {
                s.second += s.step_s;
                while s.second >= 3600.0 && s.second.is_finite() {
                    let hours = (s.second / 3600.0).floor();
                    s.hour = s.hour.saturating_add(hours as i64);
                    s.second -= hours * 3600.0;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// `setkvbase bus kvll=…` (or `kvln=…`). It reaches only a bus that is on the list.
    fn set_kv_base(&mut self, mut words: Words<'_>) -> Run {
        let (_, name) = words.next_pair(&self.state.variables);
        let (label, value) = words.next_pair(&self.state.variables);
        let name = name.text.to_lowercase();
        let kv = match self.convert(|c| c.real("kv", &value.text)) {
            Ok(kv) => kv,
            Err(fault) => return self.fault(fault, None),
        };
        if !self.model.buses.listed || !self.names_bus(&name) {
            return self.fault(Fault::UnknownBus { bus: clip(&name) }, None);
        }
        let kv_ln = if label.eq_ignore_ascii_case("kvln") { kv } else { kv / 3f64.sqrt() };
        self.model.buses.base_kv_ln.insert(Arc::from(name), kv_ln);
        Ok(())
    }

    /// Whether some element names the bus.
    fn names_bus(&mut self, name: &str) -> bool {
        let (counted, names) = &mut self.state.bus_names;
        if *counted != self.state.assignments {
            *counted = self.state.assignments;
            names.clear();
            for value in self.model.objects.iter().flat_map(|(_, o)| o.log.iter().map(|a| &a.value)) {
                match value {
                    Value::Bus(bus) => drop(names.insert(bus.name.clone())),
                    Value::Buses(buses) => names.extend(buses.iter().map(|b| b.name.clone())),
                    _ => {}
                }
            }
        }
        names.contains(name)
    }

    fn bus_coordinates(&mut self, mut words: Words<'_>, latitude_first: bool) -> Run {
        let (_, name) = words.next_pair(&self.state.variables);
        let (path, bytes) = match self.find(&name.text) {
            Ok(found) => found,
            Err(fault) => return self.fault(fault, None),
        };
        let shown = path.to_string_lossy().into_owned();
        let text = match decode(&bytes) {
            Ok(text) => text,
            Err(e) => return self.fault(Fault::NotText { path: shown, line: e.line, byte: e.byte }, None),
        };
        let outer = self.state.at;
        let file = self.model.sources.add(&shown);
        let variables = Variables::default();
        for (i, line) in lines(&text).enumerate() {
            let mut words = Words::of_line(line);
            let (_, bus) = words.next_pair(&variables);
            if bus.text.is_empty() {
                continue;
            }
            let mut number = || {
                let (_, word) = words.next_pair(&variables);
                word.text.parse::<f64>().ok().filter(|x| x.is_finite())
            };
            // A line without two numbers is a heading or names no bus; it says nothing of the grid.
            let (Some(first), Some(second)) = (number(), number()) else {
                self.state.at = SourceRef { file, line: i as u32 + 1 };
                let fault = Fault::Unreadable { property: "coordinates".to_string(), found: clip(line), expected: Expected::Coordinates };
                let place = self.model.sources.place(self.state.at);
                self.diagnostic(fault.diagnostic(Severity::Warning).at(&place), false)?;
                continue;
            };
            let xy = if latitude_first { (second, first) } else { (first, second) };
            let place = BusPlace { xy, is_on_earth: latitude_first && first.abs() <= 90.0 && second.abs() <= 180.0 };
            self.model.buses.coordinates.insert(Arc::from(bus.text.to_lowercase()), place);
        }
        self.state.at = outer;
        Ok(())
    }

    /// `var @a=1 @b=(…)`; without a value it asks, which nobody hears.
    fn set_variables(&mut self, mut words: Words<'_>, line: &str) -> Run {
        // Values are kept as they are written: a variable in one is looked up when it is used.
        let none = Variables::default();
        let mut asked = true;
        loop {
            let (name, value) = words.next_pair(&none);
            if value.text.is_empty() {
                break;
            }
            if name.is_empty() {
                continue;
            }
            asked = false;
            if !name.starts_with('@') {
                return self.fault(Fault::BadVariable { found: clip(&name) }, None);
            }
            self.state.variables.set(&name, &value.text);
        }
        if asked {
            self.not_executed("var", line);
        }
        Ok(())
    }
}

/// Rows of numbers of a text file. An empty line is a row of zeros, as OpenDSS reads it.
///
/// A table is as wide as its narrowest row, at most eight columns. What stands after the first
/// number of a row and is none may be a note; a wanted column must hold numbers.
fn read_table(c: &mut Converter<'_>, path: &str, text: &str, form: DataForm) -> Result<DataFile, Fault> {
    let (column, skip) = match form {
        DataForm::Column { column, heading } => (Some(column), usize::from(heading)),
        _ => (None, 0),
    };
    const WIDEST: usize = 8;
    let mut numbers: Vec<f64> = Vec::new();
    let mut width: Option<usize> = None;
    let mut empty_before = 0;
    for (i, line) in lines(text).enumerate().skip(skip) {
        let bad = |found: &str| Fault::BadNumberInFile { path: path.to_string(), line: i as u32 + 1, found: clip(found) };
        let mut words = Words::of_line(line);
        let mut row = [0.0; WIDEST];
        let mut count = 0;
        let mut position = 0;
        while let Some((word, _)) = words.next_word(c.variables) {
            position += 1;
            if column.is_some_and(|wanted| wanted != position) {
                continue;
            }
            match c.real("number", &word.text) {
                Ok(number) => row[count] = number,
                Err(_) if count > 0 => break,
                Err(_) => return Err(bad(&word.text)),
            }
            count += 1;
            if count == WIDEST || column.is_some() {
                break;
            }
        }
        if position > 0 && count == 0 {
            return Err(bad(line));
        }
        match width {
            None if count == 0 => empty_before += 1,
            None => {
                width = Some(count);
                numbers.resize(empty_before * count, 0.0);
                numbers.extend_from_slice(&row[..count]);
            }
            Some(wide) => {
                if count > 0 && count < wide {
                    let rows = numbers.len() / wide;
                    for r in 0..rows {
                        numbers.copy_within(r * wide..r * wide + count, r * count);
                    }
                    numbers.truncate(rows * count);
                    width = Some(count);
                }
                numbers.extend_from_slice(&row[..width.unwrap_or(wide)]);
            }
        }
    }
    let columns = width.unwrap_or_else(|| {
        numbers.resize(empty_before, 0.0);
        1
    });
    Ok(DataFile { path: Arc::from(path), columns, numbers })
}

fn read_binary(path: &str, bytes: &[u8], width: usize, number: fn(&[u8]) -> f64) -> Result<DataFile, Fault> {
    if !bytes.len().is_multiple_of(width) {
        return Err(Fault::TruncatedFile { path: path.to_string(), bytes: bytes.len(), width });
    }
    let numbers: Vec<f64> = bytes.chunks_exact(width).map(number).collect();
    if let Some(i) = numbers.iter().position(|x| !x.is_finite()) {
        let found = numbers[i].to_string();
        return Err(Fault::BadNumberInFile { path: path.to_string(), line: i as u32 + 1, found });
    }
    Ok(DataFile { path: Arc::from(path), columns: 1, numbers })
}
