//! From a master file to a network: the script, the solves it asks for, the final model.
//!
//! Scripts solve while they are read, and later lines edit what the solution left. So whenever a
//! command needs a solver, the model as it stands is lowered, handed to the engine, and what the
//! engine changed (taps, capacitor steps, stored energy, switches, the clock) is written back into
//! the raw objects as if the script had said it.

use std::path::Path;
use std::sync::Arc;

use network::{
    Diagnostic, ElementId, Engine, EngineError, LoadBasis, ModeOfChange, Network, Severity, SolveReport, StorageMode, SwitchState,
};

use super::class::{ClassId, Kind};
use super::fault::ReadError;
use super::lower::{self, LowerOptions, Lowered};
use super::object::{Assignment, ObjectId, SourceRef, Switching, Value};
use super::script::{Host, Model, ReadOptions, Reader, Report, Request, Reset};
use crate::files::FileSource;

/// What reading gives.
#[derive(Debug, Clone)]
pub struct ReadOutcome {
    /// The model after the last command.
    pub network: Network,
    /// What was found beside it: warnings, commands not executed, the ledger of what is not used.
    pub report: Report,
    /// How the last solve of the script went, if it asked for one.
    pub last_solve: Option<SolveReport>,
}

/// Reads a master file with all it redirects to, then runs `options.commands`.
///
/// # Inputs
/// * `files` - where the script's files come from.
/// * `engine` - solves when the script says so; it keeps the voltages of the last solution.
///
/// # Errors
/// All that is wrong with script and model, with the warnings found on the way.
pub fn read(files: &dyn FileSource, master: &Path, engine: &mut dyn Engine, options: &ReadOptions) -> Result<ReadOutcome, ReadError> {
    let mut host =
        EngineHost { engine, options: LowerOptions { lenient: options.lenient }, lowered: None, last_solve: None, errors: Vec::new() };
    let mut reader = Reader::new(files, options.clone(), &mut host);
    let mut run = reader.compile(master);
    for command in &options.commands {
        run = run.and_then(|()| reader.run(command));
    }
    let (model, mut report) = reader.finish();
    let EngineHost { mut lowered, last_solve, errors, .. } = host;
    if let Err(error) = run {
        // The script stops at the first error of a model; the others are as true.
        let mut diagnostics = error.diagnostics;
        for d in errors {
            if !diagnostics.contains(&d) {
                diagnostics.push(d);
            }
        }
        return Err(ReadError { diagnostics });
    }
    let cache = match lowered.take().filter(|cache| cache.fits(&model)) {
        Some(mut cache) => {
            cache.refresh(&model);
            cache
        }
        None => match Cache::new(&model, LowerOptions { lenient: options.lenient }) {
            Ok(cache) => cache,
            Err(errors) => {
                let mut diagnostics = report.diagnostics;
                diagnostics.extend(errors);
                return Err(ReadError { diagnostics });
            }
        },
    };
    report.diagnostics.extend(cache.lowered.diagnostics);
    Ok(ReadOutcome { network: cache.lowered.network, report, last_solve })
}

/// A lowered model, and what tells that the model has changed since.
struct Cache {
    lowered: Lowered,
    circuit: Option<Arc<str>>,
    size: (usize, usize, usize),
    names: Names,
}

/// Shapes and curves that options name, and the option that lowering refuses.
type Names = ([Option<Arc<str>>; 4], bool);

fn names(model: &Model) -> Names {
    let o = &model.options;
    let shapes = [Some(o.default_daily.clone()), Some(o.default_yearly.clone()), o.load_duration_curve.clone(), o.price_curve.clone()];
    (shapes, o.long_line_correction)
}

/// Objects, assignments and switchings of a model. They only ever grow, until `Clear`.
fn size(model: &Model) -> (usize, usize, usize) {
    let (mut assignments, mut switchings) = (0, 0);
    for (_, object) in model.objects.iter() {
        assignments += object.log.len();
        switchings += object.switching.len();
    }
    (model.objects.len(), assignments, switchings)
}

impl Cache {
    fn new(model: &Model, options: LowerOptions) -> Result<Self, Vec<Diagnostic>> {
        let lowered = lower::lower(model, options)?;
        Ok(Cache { lowered, circuit: model.circuit.clone(), size: size(model), names: names(model) })
    }

    fn fits(&self, model: &Model) -> bool {
        let same_circuit = match (&self.circuit, &model.circuit) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same_circuit && self.size == size(model) && self.names == names(model)
    }

    /// Options, bases and coordinates are taken over anew: they change without a trace in the objects.
    fn refresh(&mut self, model: &Model) {
        lower::refresh(&mut self.lowered.network, model);
    }
}

/// Answers a script's requests with an engine.
struct EngineHost<'e> {
    engine: &'e mut dyn Engine,
    options: LowerOptions,
    lowered: Option<Cache>,
    last_solve: Option<SolveReport>,
    /// All errors of the lowering or solve that ended the reading.
    errors: Vec<Diagnostic>,
}

impl EngineHost<'_> {
    fn lower(&mut self, model: &Model) -> Result<&Lowered, Box<Diagnostic>> {
        let kept = self.lowered.take().filter(|cache| cache.fits(model));
        let cache = match kept {
            Some(mut cache) => {
                cache.refresh(model);
                cache
            }
            None => Cache::new(model, self.options).map_err(|errors| self.fail(errors))?,
        };
        Ok(&self.lowered.insert(cache).lowered)
    }

    /// Keeps all findings and hands on the first error.
    fn fail(&mut self, diagnostics: Vec<Diagnostic>) -> Box<Diagnostic> {
        let first = diagnostics.iter().find(|d| d.severity == Severity::Error).or(diagnostics.first()).cloned();
        self.errors = diagnostics;
        Box::new(first.unwrap_or_else(|| Diagnostic::error("READ.SOLVE.FAILED", "the solver gave up without a reason")))
    }

    fn engine_failure(&mut self, error: EngineError, at: &network::SourceRef) -> Box<Diagnostic> {
        let placed = error.diagnostics.into_iter().map(|d| if d.source.is_some() { d } else { d.at(at) });
        let placed = placed.collect();
        self.fail(placed)
    }

    fn solve(&mut self, model: &mut Model, at: &network::SourceRef, allocate: bool) -> Result<Vec<Diagnostic>, Box<Diagnostic>> {
        if model.options.restart {
            self.engine.forget_voltages();
            model.options.restart = false;
        }
        self.lower(model)?;
        let Some(cache) = &self.lowered else { return Ok(Vec::new()) };
        let network = &cache.lowered.network;
        let solved = if allocate { self.engine.allocate_loads(network) } else { self.engine.solve(network) };
        let report = match solved {
            Ok(report) => report,
            Err(error) => return Err(self.engine_failure(error, at)),
        };
        write_back(model, &cache.lowered, &report);
        if allocate {
            // Allocation is for the peak and leaves the multiplier there.
            model.options.solution.load_multiplier = 1.0;
            model.options.solution.mode = network::SolutionMode::Snapshot;
        }
        let findings = report.diagnostics.iter().cloned().map(|d| if d.source.is_some() { d } else { d.at(at) }).collect();
        self.last_solve = Some(report);
        Ok(findings)
    }

    fn voltage_bases(&mut self, model: &mut Model, at: &network::SourceRef) -> Result<Vec<Diagnostic>, Box<Diagnostic>> {
        self.lower(model)?;
        let Some(cache) = &self.lowered else { return Ok(Vec::new()) };
        let network = &cache.lowered.network;
        let bases = match self.engine.voltage_bases(network) {
            Ok(bases) => bases,
            Err(error) => return Err(self.engine_failure(error, at)),
        };
        for (bus, kv) in network.buses.iter().zip(bases) {
            // Only buses that enabled elements connect to are known to the solver.
            if !bus.nodes.is_empty() {
                model.buses.base_kv_ln.insert(Arc::from(bus.name.as_str()), kv);
            }
        }
        Ok(Vec::new())
    }

    /// A command that asks for something no solution here can do.
    fn refuse(&self, what: &str, at: &network::SourceRef) -> Result<Vec<Diagnostic>, Box<Diagnostic>> {
        let diagnostic = Diagnostic::error("READ.COMMAND.REFUSED", format!("{what} is not supported and would change the result")).at(at);
        if self.options.lenient {
            Ok(vec![Diagnostic { severity: Severity::Warning, ..diagnostic }])
        } else {
            Err(Box::new(diagnostic.hint("Remove the command, or read with --lenient to go on without it.")))
        }
    }
}

impl Host for EngineHost<'_> {
    fn execute(&mut self, request: Request, model: &mut Model, at: &network::SourceRef) -> Result<Vec<Diagnostic>, Box<Diagnostic>> {
        match request {
            Request::Solve => self.solve(model, at, false),
            Request::AllocateLoads => self.solve(model, at, true),
            Request::CalcVoltageBases => self.voltage_bases(model, at),
            Request::Reset(Reset::All | Reset::Controls) => {
                self.engine.reset();
                Ok(Vec::new())
            }
            // Metering, logs and lists leave the model as it is.
            Request::Reset(_) | Request::MakeBusList | Request::BuildY | Request::Sample => Ok(Vec::new()),
            Request::Estimate => self.refuse("state estimation by a script", at),
            Request::UpdateStorage => self.refuse("updating stored energy outside a solution", at),
            Request::Step(_) => self.refuse("a single step of a solution", at),
        }
    }
}

/// Writes what a solution changed into the raw objects and the clock.
fn write_back(model: &mut Model, lowered: &Lowered, report: &SolveReport) {
    let point = &report.operating_point;
    model.options.solution.hour = point.hour;
    model.options.solution.second = point.second;
    let command = model.commands;
    for (id, change) in &point.changes {
        let Some(object) = lowered.object_of(*id) else { continue };
        let mut writer = Writer { model, object, command };
        match change {
            ModeOfChange::Tap { winding, tap_pu } => {
                let active = lowered.active_windings.get(&object).copied().unwrap_or(1);
                writer.set("Wdg", Value::Integer(*winding as i32 + 1));
                writer.set("Tap", Value::Real(*tap_pu));
                writer.set("Wdg", Value::Integer(active as i32));
            }
            ModeOfChange::CapacitorSteps(steps) => {
                writer.set("States", Value::Integers(steps.iter().map(|&closed| i32::from(closed)).collect()));
            }
            ModeOfChange::Closed { terminal, closed } => writer.switch(*terminal, closed),
            ModeOfChange::Storage { stored_kwh, state } => {
                let number = match state {
                    StorageMode::Charging => -1,
                    StorageMode::Idling => 0,
                    StorageMode::Discharging => 1,
                };
                writer.set("kWhStored", Value::Real(*stored_kwh));
                writer.set("State", Value::Enum(number));
            }
            ModeOfChange::AllocationFactor(factor) => {
                let property = if is_by_energy(&lowered.network, *id) { "CFactor" } else { "AllocationFactor" };
                writer.set(property, Value::Real(*factor));
            }
            ModeOfChange::SwitchState(state) => writer.set_state(*state),
        }
    }
}

fn is_by_energy(network: &Network, id: ElementId) -> bool {
    network.loads.get(id.index()).is_some_and(|load| matches!(load.basis, LoadBasis::Energy { .. }))
}

/// Appends to one object what the engine did, as commands would.
struct Writer<'m> {
    model: &'m mut Model,
    object: ObjectId,
    command: u32,
}

impl Writer<'_> {
    fn class(&self) -> ClassId {
        self.model.objects.get(self.object).class
    }

    fn set(&mut self, property: &str, value: Value) {
        let Some(property) = self.class().def().find(property) else { return };
        let assignment = Assignment { property, value, source: SourceRef::default(), command: self.command };
        self.model.objects.get_mut(self.object).log.push(assignment);
    }

    fn switch(&mut self, terminal: usize, closed: &[bool]) {
        let switching = &mut self.model.objects.get_mut(self.object).switching;
        for (i, closed) in closed.iter().enumerate() {
            switching.push(Switching {
                terminal: terminal as u16 + 1,
                conductor: i as u16 + 1,
                open: !closed,
                source: SourceRef::default(),
            });
        }
    }

    /// The state of a switch control, or of a protective device in all its phases.
    fn set_state(&mut self, state: SwitchState) {
        let number = match state {
            SwitchState::Open => 1,
            SwitchState::Closed => 2,
        };
        let def = self.class().def();
        let many = def.find("State").is_some_and(|p| matches!(def.properties[p as usize].kind, Kind::Enums(_)));
        self.set("State", if many { Value::Enums(vec![Some(number); 3].into()) } else { Value::Enum(number) });
    }
}
