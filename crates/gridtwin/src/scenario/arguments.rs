//! What the commands about scenarios can be asked.

use crate::cli::ModelArguments;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct ScenarioArguments {
    #[command(subcommand)]
    pub command: ScenarioCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ScenarioCommand {
    /// Check a scenario file, and with --model what of it does not fit a network
    Check(ScenarioCheckArguments),
    /// Lay a scenario upon a model: the stacked network, and what each layer adds
    Apply(ScenarioApplyArguments),
    /// Print the JSON Schema of scenario files
    Schema(ScenarioSchemaArguments),
    /// Solve a scenario for many values of its parameters: one table of key figures
    Sweep(super::sweep::SweepArguments),
}

#[derive(Debug, Clone, Args)]
pub struct ScenarioCheckArguments {
    /// Scenario file, YAML or JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Models that it is for: master files, folders, lists of models, or a model in any format; repeatable
    #[arg(long = "model", value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ScenarioApplyArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Scenario file, YAML or JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Folder for the stacked network and the ledger
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the ledger as JSON, with the course of every layer
    #[arg(long)]
    pub json: bool,
}

/// Forms of the table of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaForm {
    /// JSON Schema, for editors and programs
    Json,
    /// The page of documentation
    Markdown,
}

#[derive(Debug, Clone, Args)]
pub struct ScenarioSchemaArguments {
    /// Form of the table of parameters
    #[arg(long, value_enum, default_value = "json")]
    pub format: SchemaForm,
}
