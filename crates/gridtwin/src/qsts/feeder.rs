//! One feeder of a run: read, check, step through time.

use super::files::{HashCache, HashedFiles};
use super::models::ModelRef;
use crate::cli::{IterationArguments, KeepItem, QstsArguments, SeriesControls, SeriesMode};
use crate::failure::Failure;
use crate::model::Model;
use crate::model_files::ModelFiles;
use crate::number::count;
use crate::scenario::{self, Loaded};
use crate::solve;
use network::{ControlMode, Diagnostic, Network, Severity, Shapes, SolutionMode};
use powerflow::metering::monitor::MonitorError;
use powerflow::{Observer, Outcome, State, Step, conclude, run_series};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use studies::time_series::{FeederResult, Keep, Series, Sink, TimeSeriesError, TimeSeriesOptions, VoltageLimits, run_feeder};

/// What every feeder of a run is asked.
#[derive(Debug, Clone)]
pub struct Question {
    pub options: TimeSeriesOptions,
    pub iteration: IterationArguments,
    pub dss: Vec<String>,
    pub lenient: bool,
    /// A report shows every step.
    pub prints_steps: bool,
    /// Laid upon every model.
    pub scenario: Option<Loaded>,
}

/// A question as another process is asked it: the scenario by its path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CarriedQuestion {
    options: TimeSeriesOptions,
    iteration: IterationArguments,
    dss: Vec<String>,
    lenient: bool,
    scenario: Option<PathBuf>,
}

impl CarriedQuestion {
    /// The question, with the scenario read again.
    ///
    /// # Errors
    /// A scenario that cannot be read.
    pub fn unpack(&self, files: &ModelFiles) -> Result<Question, Failure> {
        let scenario = self.scenario.as_deref().map(|path| scenario::load_from(files, path)).transpose()?;
        let Self { options, iteration, dss, lenient, .. } = self.clone();
        Ok(Question { options, iteration, dss, lenient, prints_steps: false, scenario })
    }

    /// Path of the scenario.
    pub fn scenario(&self) -> Option<&std::path::Path> {
        self.scenario.as_deref()
    }
}

impl Question {
    /// The question for another process.
    pub fn carried(&self) -> CarriedQuestion {
        CarriedQuestion {
            options: self.options.clone(),
            iteration: self.iteration,
            dss: self.dss.clone(),
            lenient: self.lenient,
            scenario: self.scenario.as_ref().map(|s| s.path.clone()),
        }
    }

    /// # Errors
    /// A length of the run that is no whole number of steps; a scenario that cannot be read or is not for the run.
    pub fn new(a: &QstsArguments) -> Result<Self, Failure> {
        let step_h = a.step.unwrap_or(1.0);
        let steps = match (a.steps, a.day) {
            (Some(steps), _) => steps,
            (None, day) => {
                let hours = if day { 24.0 } else { 8760.0 };
                let steps = hours / step_h;
                if (steps - steps.round()).abs() > 1e-6 * steps || steps.round() < 1.0 || steps > f64::from(u32::MAX) {
                    return Err(Diagnostic::error("RUN.OPTION.LENGTH", "the run is no whole number of steps")
                        .detail(format!("{hours} hours make {steps} steps of {step_h} hours."))
                        .hint("Choose another --step, or say --steps.")
                        .into());
                }
                steps.round() as u32
            }
        };
        let scenario = a.scenario.as_deref().map(scenario::load).transpose()?;
        let usual = if a.day && scenario.is_none() { SeriesMode::Daily } else { SeriesMode::Yearly };
        let mode = a.mode.unwrap_or(usual);
        if scenario.is_some() && mode != SeriesMode::Yearly {
            return Err(Diagnostic::error("RUN.SCENARIO.MODE", "a scenario is about the course of a year")
                .detail("Its layers change yearly shapes, which the mode asked for does not follow.")
                .hint("Leave --mode out; --day gives the first day of the year.")
                .into());
        }
        let mut limits = VoltageLimits::default();
        if let Some((low, high)) = a.range_a {
            (limits.a_low_pu, limits.a_high_pu) = (low, high);
        }
        if let Some((low, high)) = a.range_b {
            (limits.b_low_pu, limits.b_high_pu) = (low, high);
        }
        let options = TimeSeriesOptions {
            mode: match mode {
                SeriesMode::Yearly => SolutionMode::Yearly,
                SeriesMode::Daily => SolutionMode::Daily,
                SeriesMode::Duty => SolutionMode::DutyCycle,
                SeriesMode::Time => SolutionMode::GeneralTime,
            },
            steps,
            step_h,
            start_hour: 0,
            controls: a.controls.map(|c| match c {
                SeriesControls::Off => ControlMode::Off,
                SeriesControls::Static => ControlMode::Static,
                SeriesControls::Time => ControlMode::Time,
            }),
            tolerance_pu: a.iteration.tolerance,
            keep: if a.keep.is_empty() { Keep::default() } else { keep(&a.keep) },
            limits,
        };
        Ok(Self {
            options,
            iteration: a.iteration,
            dss: a.dss.clone(),
            lenient: a.lenient,
            prints_steps: a.keep.contains(&KeepItem::Steps),
            scenario,
        })
    }

    /// All that changes a result, for the manifest of a run and its hash.
    pub fn as_json(&self) -> Value {
        let o = &self.options;
        let series = match &o.keep.series {
            Series::None => json!([]),
            Series::Named(names) => json!(names),
            Series::All => json!("all"),
        };
        let mut all = json!({
            "mode": o.mode,
            "steps": o.steps,
            "step_h": o.step_h,
            "start_hour": o.start_hour,
            "controls": o.controls,
            "tolerance_pu": o.tolerance_pu,
            "max_iterations": self.iteration.max_iterations,
            "max_control_iterations": self.iteration.max_control_iterations,
            "keep": { "steps": o.keep.steps, "statistics": o.keep.statistics, "episodes": o.keep.episodes, "meters": o.keep.meters, "monitors": o.keep.monitors, "series": series },
            "range_a_pu": [o.limits.a_low_pu, o.limits.a_high_pu],
            "range_b_pu": [o.limits.b_low_pu, o.limits.b_high_pu],
            "dss": self.dss,
            "lenient": self.lenient,
        });
        if let Some(scenario) = &self.scenario {
            all["scenario"] = json!({ "name": scenario.prepared.scenario.name, "sha256": scenario.digest });
        }
        all
    }
}

fn keep(items: &[KeepItem]) -> Keep {
    let mut keep = Keep { steps: false, statistics: false, episodes: false, meters: false, monitors: false, series: Series::None };
    for item in items {
        let series = match item {
            KeepItem::Steps => {
                keep.steps = true;
                continue;
            }
            KeepItem::Statistics => {
                keep.statistics = true;
                continue;
            }
            KeepItem::Episodes => {
                keep.episodes = true;
                continue;
            }
            KeepItem::Meters => {
                keep.meters = true;
                continue;
            }
            KeepItem::Monitors => {
                keep.monitors = true;
                continue;
            }
            KeepItem::Series(name) => name.as_ref(),
            KeepItem::All => {
                (keep.steps, keep.statistics, keep.episodes, keep.meters, keep.monitors) = (true, true, true, true, true);
                None
            }
        };
        keep.series = match (std::mem::take(&mut keep.series), series) {
            (Series::All, _) | (_, None) => Series::All,
            (Series::None, Some(name)) => Series::Named(vec![name.clone()]),
            (Series::Named(mut names), Some(name)) => {
                names.push(name.clone());
                Series::Named(names)
            }
        };
    }
    keep
}

/// A feeder that was read.
pub struct Read {
    /// Hash of the files that were read.
    pub input_hash: String,
    /// The files, for the feeder's record.
    pub files: Value,
    /// The feeder ready to run, or why it cannot.
    pub ready: Result<Ready, Failure>,
}

/// A feeder ready to run.
pub struct Ready {
    model: Model,
    state: State,
    /// What the layers of a scenario add.
    stacked: Option<Value>,
}

/// Keeps the step that is wanted.
struct LastStep {
    wanted: u32,
    outcome: Option<Outcome>,
}

impl Observer for LastStep {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        if step.index < self.wanted {
            return ControlFlow::Continue(());
        }
        self.outcome = Some(conclude(step.state, &step.progress));
        ControlFlow::Break(())
    }
}

/// A feeder that was run.
pub struct Solved {
    /// Name of the circuit.
    pub circuit: String,
    pub controls: ControlMode,
    pub tolerance_pu: f64,
    pub result: FeederResult,
    /// What the layers of a scenario add.
    pub stacked: Option<Value>,
    /// Findings of reading and of the checks.
    pub findings: Vec<Diagnostic>,
}

/// Reads and checks a model.
pub fn read(model: &ModelRef, question: &Question, cache: &HashCache) -> Read {
    if let Some(s) = &model.stored {
        let read = Model::of_version(&cache.files().at(&model.master), Some(&s.network), Some(s.version));
        let files = json!([{ "path": model.shown(), "sha256": s.digest }]);
        return Read { input_hash: s.digest.clone(), files, ready: read.and_then(|m| prepare(m, question)) };
    }
    let files = HashedFiles::new(cache);
    let ready = Model::read_from(&files, &model.master, &question.dss, question.lenient).and_then(|m| prepare(m, question));
    Read { input_hash: files.hash(), files: files.list(), ready }
}

/// Lays the scenario upon a model, checks it and makes it ready.
///
/// # Errors
/// A transmission case, what the checks refuse, a circuit that cannot be compiled.
pub fn prepare(mut model: Model, question: &Question) -> Result<Ready, Failure> {
    if model.network.is_transmission() {
        return Err(Diagnostic::error("RUN.MODEL.TRANSMISSION", "a transmission case has no course through time")
            .detail(format!("{} is solved as one balanced moment.", model.name))
            .hint("Solve it as a snapshot.")
            .into());
    }
    let mut stacked = None;
    if let Some(scenario) = &question.scenario {
        let laid = scenario.prepared.apply(&model.network).map_err(Failure::new)?;
        stacked = Some(scenario::record(&laid.ledger));
        model.network = laid.network;
        model.diagnostics.extend(laid.findings);
    }
    model.preflight(question.lenient)?;
    let options = &question.options;
    // A series is solved more closely than models expect, so that their limits are meant for something else.
    solve::set_limits(&mut model.network.options, true, &question.iteration);
    options.apply(&mut model.network.options);
    let notes = shape_notes(&model.network, options);
    model.diagnostics.extend(notes);
    let state = model.session.series_state(&model.network, true);
    let state = state.map_err(|e| refused(&model, e.diagnostic()))?;
    Ok(Ready { model, state, stacked })
}

/// What a reader of the results should know of the shapes: that there are none, or that they are not as long as the run.
pub(crate) fn shape_notes(network: &Network, options: &TimeSeriesOptions) -> Vec<Diagnostic> {
    let of_mode = |s: &Shapes| match options.mode {
        SolutionMode::Yearly => s.yearly,
        SolutionMode::Daily => s.daily,
        SolutionMode::DutyCycle => s.duty,
        _ => s.duty.or(s.daily).or(s.yearly),
    };
    let loads = network.loads.iter().filter(|l| l.common.enabled);
    let followed: BTreeSet<u32> = loads.clone().filter_map(|l| of_mode(&l.shapes)).map(|id| id.0).collect();
    if followed.is_empty() {
        if loads.count() == 0 {
            return Vec::new();
        }
        return vec![
            Diagnostic::note("RUN.SHAPE.NONE", "no load follows a shape in this mode, so all loads stay as they are")
                .hint("Give the loads shapes of the mode, or choose another --mode."),
        ];
    }
    let run_h = f64::from(options.steps) * options.step_h;
    let mut differing = Vec::new();
    for id in followed {
        let shape = &network.load_shapes[id as usize];
        let length_h = match &shape.hours {
            _ if shape.interval_h > 0.0 => shape.interval_h * shape.p.len() as f64,
            Some(hours) => hours.last().copied().unwrap_or(0.0),
            None => continue,
        };
        if (length_h - run_h).abs() > 1e-6 * run_h {
            differing.push(format!("{} has {length_h} h", shape.name));
        }
    }
    if differing.is_empty() {
        return Vec::new();
    }
    let (n, more) = (differing.len(), differing.len().saturating_sub(5));
    differing.truncate(5);
    let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
    vec![
        Diagnostic::note("RUN.SHAPE.REPEATS", format!("{} not as long as the run; a shorter one begins anew", count(n, "load shape")))
            .detail(format!("The run has {run_h} h; {}{rest}.", differing.join(", "))),
    ]
}

/// The errors found so far and the one that ended it.
fn refused(model: &Model, error: Diagnostic) -> Failure {
    let errors = model.diagnostics.iter().filter(|d| d.severity == Severity::Error).cloned();
    Failure::new(errors.chain([error]).collect())
}

impl Ready {
    /// Steps to one step, counted from 1, and concludes it as a solution of its own.
    ///
    /// # Errors
    /// A circuit that cannot be factored.
    pub fn solve_step(mut self, question: &Question, step: u32) -> Result<(Model, Outcome), Failure> {
        let mut last = LastStep { wanted: step.saturating_sub(1), outcome: None };
        run_series(&mut self.state, question.options.steps, &mut last).map_err(|e| refused(&self.model, e.diagnostic()))?;
        let outcome = last.outcome.ok_or_else(|| Diagnostic::error("RUN.OPTION.VALUE", "the study has no such step"))?;
        Ok((self.model, outcome))
    }

    /// Steps the feeder through time.
    ///
    /// # Errors
    /// A full series of what the model lacks; a circuit that cannot be factored.
    pub fn run(mut self, question: &Question, watch: &mut dyn FnMut(u32) -> ControlFlow<()>, sink: Sink<'_>) -> Result<Solved, Failure> {
        let result = run_feeder(&mut self.state, &question.options, watch, sink).map_err(|e| refused(&self.model, diagnostic(&e)))?;
        Ok(Solved {
            circuit: self.model.network.name.clone(),
            controls: self.state.options.control_mode,
            tolerance_pu: self.state.options.tolerance_pu,
            findings: self.model.diagnostics.into_iter().chain(result.refused_monitors.iter().map(refused_monitor)).collect(),
            stacked: self.stacked,
            result,
        })
    }
}

fn refused_monitor(error: &MonitorError) -> Diagnostic {
    Diagnostic::warning("RUN.MONITOR.REFUSED", error.to_string()).at(&error.monitor().source).hint("It records nothing.")
}

fn diagnostic(error: &TimeSeriesError) -> Diagnostic {
    match error {
        TimeSeriesError::Circuit(e) => e.diagnostic(),
        TimeSeriesError::Series(e) => Diagnostic::error("RUN.SERIES.UNKNOWN", e.to_string())
            .hint("`gridtwin info` lists what is in a model; nodes are written bus.1."),
        other => Diagnostic::error("RUN.OPTION.VALUE", other.to_string()).hint("Correct the option."),
    }
}
