//! What the commands about flexible demand can be asked.

use crate::cli::{ModelArguments, TableFormat};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct FlexibilityArguments {
    #[command(subcommand)]
    pub command: FlexibilityCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum FlexibilityCommand {
    /// A day of programs, devices and events: dispatch by optimisation under power flow, rebound, books, payments
    Run(RunArguments),
    /// Print a made-up document for a model: devices on a hot day, programs, an event
    Sample(SampleArguments),
}

/// What is least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LeastWord {
    /// Curtailed energy
    Energy,
    /// Incentives and what curtailing costs owners
    Cost,
}

/// By what participants are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BaselineWord {
    /// The five days of most energy of the last ten, adjusted to the day
    HighFiveOfTen,
    /// Least squares on temperature and the interval of the day
    Regression,
}

#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Programs, devices, events and the day (YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub programs: PathBuf,
    /// What is least
    #[arg(long, value_enum, default_value = "energy")]
    pub least: LeastWord,
    /// By what participants are paid
    #[arg(long, value_enum, default_value = "high-five-of-ten")]
    pub baseline: BaselineWord,
    /// Write tables and summary.json into this folder too
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Form of the tables
    #[arg(long, value_enum, default_value = "csv")]
    pub format: TableFormat,
    /// Print summary and tables as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct SampleArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// How many devices
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub devices: u32,
    /// Of the random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Step of the day, minutes: a divisor of 60
    #[arg(long, value_name = "MIN", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub step: u32,
    /// Put all devices at this bus [default: at the loads of the model, by their size]
    #[arg(long, value_name = "BUS")]
    pub bus: Option<String>,
    /// Transformer or line whose flow the event holds, as class.name [default: all that the sources deliver]
    #[arg(long, value_name = "ELEMENT")]
    pub target: Option<String>,
    /// Its limit, kW [default: the rating of the transformer]
    #[arg(long, value_name = "KW")]
    pub limit_kw: Option<f64>,
}
