//! `gridtwin estimate`: the state of a network from measurements.

pub mod points;
mod report;

use crate::cli::{Controls, IterationArguments, ModelArguments, TableFormat};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::count;
use crate::result_folder::ResultFolder;
use crate::study_tables;
use crate::switching::arguments::{RatingWord, SeriesWord, StateArguments};
use crate::switching::{refused, settled};
use clap::Args;
use network::Diagnostic;
use powerflow::State;
use powerflow::estimation::{
    EstimationError, Estimator, Grid, Measurement, MeterClass, Options, Outcome, Plan, Quantity, Random, Site, simulate,
};
use std::path::PathBuf;
use std::sync::Arc;
use studies::contingency::When;

/// Files that a run may write; the last one is the sign that all are whole.
const FILES: &[&str] = &[
    "nodes.csv",
    "nodes.parquet",
    "flows.csv",
    "flows.parquet",
    "losses.csv",
    "losses.parquet",
    "measurements.csv",
    "measurements.parquet",
    "points.csv",
    "summary.json",
];

#[derive(Debug, Clone, Args)]
pub struct EstimateArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Measurements: a table with the columns quantity, element, terminal, phase, value, and sigma or class
    #[arg(long, value_name = "FILE", required_unless_present = "simulate_from_solution", conflicts_with = "simulate_from_solution")]
    pub measurements: Option<PathBuf>,
    /// Make the measurements from the solved network, with noise, for trials
    #[arg(long)]
    pub simulate_from_solution: bool,
    /// Seed of the noise
    #[arg(long, value_name = "N", default_value_t = 1, requires = "simulate_from_solution")]
    pub seed: u64,
    /// Accuracy class of simulated meters
    #[arg(long, value_name = "0.1|0.2|0.5|1", default_value = "0.5", value_parser = class, requires = "simulate_from_solution")]
    pub class: MeterClass,
    /// Probability that good measurements are found in error
    #[arg(long, value_name = "P", default_value_t = 0.01, value_parser = probability)]
    pub false_alarm: f64,
    /// Keep every measurement, also those found in error
    #[arg(long)]
    pub keep_bad_data: bool,
    /// How controls act in the solution whose taps and steps are taken [default: as the model says, or static]
    #[arg(long, value_enum)]
    pub controls: Option<Controls>,
    /// Write tables and summary.json into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Form of the tables
    #[arg(long, value_enum, default_value = "csv")]
    pub format: TableFormat,
    /// Print tables and summary as JSON
    #[arg(long)]
    pub json: bool,
}

fn class(text: &str) -> Result<MeterClass, String> {
    MeterClass::of_word(text).ok_or_else(|| "use 0.1, 0.2, 0.5 or 1".to_owned())
}

fn probability(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|p| *p > 0.0 && *p < 1.0).ok_or_else(|| "give a number between 0 and 1".to_owned())
}

/// Root mean squares of the errors of node voltages, per unit, where the truth is known.
pub struct Errors {
    pub measured_pu: f64,
    pub estimated_pu: f64,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, that a check refuses, that does not settle; measurements that cannot be read or have no place; an estimation
/// that does not come to rest; a file that cannot be written.
pub fn run(arguments: &EstimateArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = arguments.out.as_deref().map(|dir| ResultFolder::prepare(dir, FILES)).transpose()?;
    let mut model = Model::prepare(&arguments.model)?;
    if model.network.is_transmission() {
        let what = Diagnostic::error("ESTIMATION.MODEL.TRANSMISSION", "a transmission case has no conductors to measure at")
            .hint("Write it as a model of three phases first: gridtwin convert --to opendss.");
        return Err(refused(&mut model, vec![what]));
    }
    let state = solved(&mut model, arguments)?;
    let grid = match Grid::of_state(&state) {
        Ok(grid) => Arc::new(grid),
        Err(e) => return Err(refused(&mut model, vec![e.diagnostic()])),
    };
    let measurements = match &arguments.measurements {
        Some(path) => points::read(path, state.circuit(), &grid)?,
        None => noisy(simulate(&grid, &state, &Plan::full(arguments.class)), arguments.seed),
    };
    let estimator = match Estimator::new(&grid, measurements) {
        Ok(estimator) => estimator,
        Err(e) => return Err(refused(&mut model, vec![finding(&e)])),
    };
    let options = Options { false_alarm: arguments.false_alarm, removes_bad_data: !arguments.keep_bad_data, ..Options::default() };
    let estimate = match estimator.estimate(&options, None) {
        Ok(Outcome::Settled(estimate)) => *estimate,
        Ok(Outcome::Unsettled(u)) => return Err(refused(&mut model, vec![u.diagnostic(&estimator)])),
        Err(e) => return Err(refused(&mut model, vec![finding(&e)])),
    };
    model.diagnostics.extend(estimate.diagnostics(&estimator));
    let errors = arguments.simulate_from_solution.then(|| errors(&estimator, &estimate, &state));
    console.warn(&model.diagnostics);
    let tables = report::tables(&estimator, &estimate);
    let summary = report::summary(&model, &estimator, &estimate, errors.as_ref());
    let mut written = String::new();
    if let (Some(folder), Some(dir)) = (&folder, &arguments.out) {
        let document = points::document(state.circuit(), &grid, estimator.measurements());
        let more = Some(("points.csv".to_owned(), document.into_bytes()));
        let n = study_tables::write_with(folder, FILES, &tables, more, &summary, arguments.format)?;
        written = format!("wrote {} to {}\n", count(n, "file"), dir.display());
    }
    if arguments.json {
        return console.json(&study_tables::as_json(&tables, summary));
    }
    console.print(&(report::render(&model, &estimator, &estimate, errors.as_ref(), console.style) + &written))
}

/// The snapshot from which taps, steps and switches are taken, and the truth of a simulation.
fn solved(model: &mut Model, arguments: &EstimateArguments) -> Result<State, Failure> {
    let of_state = StateArguments {
        criteria: Vec::new(),
        limit: Vec::new(),
        rating: RatingWord::Normal,
        series: SeriesWord::Yearly,
        steps: None,
        step_length_h: 1.0,
        controls: arguments.controls,
        iteration: IterationArguments::default(),
    };
    let mut moments = settled(model, &of_state, &When::Snapshot)?;
    match moments.pop() {
        Some(at) => Ok(at.state),
        None => unreachable!("a snapshot is one moment"),
    }
}

/// Measurements with errors of their deviations.
fn noisy(mut all: Vec<Measurement>, seed: u64) -> Vec<Measurement> {
    let mut random = Random::new(seed);
    all.iter_mut().for_each(|m| m.value += m.sigma * random.normal());
    all
}

fn errors(estimator: &Estimator, estimate: &powerflow::estimation::Estimate, state: &State) -> Errors {
    let grid = estimator.grid();
    let mean = |squares: Vec<f64>| if squares.is_empty() { f64::NAN } else { (squares.iter().sum::<f64>() / squares.len() as f64).sqrt() };
    let off = |n: u32, v: f64| ((v - state.voltages()[n as usize].norm()) / grid.v_base[n as usize]).powi(2);
    let measured = estimator.measurements().iter().filter_map(|m| match (m.quantity, m.site) {
        (Quantity::VoltageMagnitude, Site::Node(n)) => Some(off(n, m.value)),
        _ => None,
    });
    Errors {
        measured_pu: mean(measured.collect()),
        estimated_pu: mean(estimate.nodes.iter().filter_map(|n| Some(off(n.node, n.v_v?.0))).collect()),
    }
}

fn finding(error: &EstimationError) -> Diagnostic {
    let text = error.to_string();
    match error {
        EstimationError::NoMeasurement { .. } => Diagnostic::error("ESTIMATION.MEASUREMENT.NONE", text)
            .hint("Check the places of the measurements, and which parts a source feeds."),
        EstimationError::Option { .. } => Diagnostic::error("ESTIMATION.OPTION.REFUSED", text).hint("Correct the option."),
        _ => {
            Diagnostic::error("ESTIMATION.SYSTEM.FAILED", text).hint("Look for a deviation that is absurdly small, or an absurd impedance.")
        }
    }
}
