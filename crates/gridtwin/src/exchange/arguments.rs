//! What the commands about exchange can be asked.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub struct ExchangeArguments {
    #[command(subcommand)]
    pub command: ExchangeCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ExchangeCommand {
    /// Write a design for another tool: tables, a case, a manifest
    Export(ExportArguments),
    /// Judge results of other tools against the criteria: stages, margins, what has to change
    Validate(ValidateArguments),
    /// Run the same studies here and judge them: load flow of each scenario, short circuits and breaker duties, availability
    Study(StudyArguments),
    /// How available a design or a diagram is, exactly and over simulated histories; what matters most; failure modes by risk
    Availability(AvailabilityArguments),
    /// Size a plant: the least life-cycle cost with which every study passes, round by round
    Size(SizeArguments),
    /// Look a design over: what is wrong with it, its dispatch, its scenarios
    Check(CheckArguments),
    /// Draw a design: its single line, or its reliability blocks
    Picture(PictureArguments),
    /// Print the sample design, the brief of a sizing, a reliability diagram, or the criteria, to begin with
    Sample(SampleArguments),
}

/// Whom files are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    Etap,
    Psse,
    Windchill,
}

#[derive(Debug, Clone, Args)]
pub struct ExportArguments {
    /// Tool that the files are for
    pub tool: Tool,
    /// Design (YAML or JSON) [default: the sample that the program holds]
    pub design: Option<PathBuf>,
    /// Version of the RAW file: 33, 34 or 35
    #[arg(long, value_name = "N", default_value_t = 35, value_parser = clap::value_parser!(u32).range(33..=35))]
    pub version: u32,
    /// A RAW file for each scenario too
    #[arg(long)]
    pub scenario_cases: bool,
    /// Folder to write into; files of the same names are replaced
    #[arg(long, value_name = "DIR", required_unless_present = "zip")]
    pub out: Option<PathBuf>,
    /// One archive with all files and the manifest
    #[arg(long, value_name = "FILE")]
    pub zip: Option<PathBuf>,
    /// Print the manifest as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ValidateArguments {
    /// Result files: CSV, XLSX or RAW with solved voltages; a manifest.json among them is held against the design. Or the name of a sample: all-pass, ram-fail, voltage-fail, short-circuit-fail
    #[arg(required = true)]
    pub results: Vec<PathBuf>,
    /// Design that the results are of [default: the sample that the program holds]
    #[arg(long, value_name = "FILE")]
    pub design: Option<PathBuf>,
    /// Criteria (YAML or JSON) [default: those of `exchange sample criteria`]
    #[arg(long, value_name = "FILE")]
    pub criteria: Option<PathBuf>,
    /// Write a report with pictures: .html, .pdf, .md or .txt
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print as JSON, every row that failed among it
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct StudyArguments {
    /// Design (YAML or JSON) [default: the sample that the program holds]
    pub design: Option<PathBuf>,
    /// Criteria (YAML or JSON) [default: those of `exchange sample criteria`]
    #[arg(long, value_name = "FILE")]
    pub criteria: Option<PathBuf>,
    /// Folder for the tables: faults, partial currents, breaker duties, availability, importance
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write a report with pictures: .html, .pdf, .md or .txt
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print as JSON, every row that failed among it
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct AvailabilityArguments {
    /// Design (YAML or JSON) [default: the sample that the program holds]
    pub design: Option<PathBuf>,
    /// Reliability diagram (YAML or JSON) in place of a design: blocks within blocks, crews, spares, common causes
    #[arg(long, value_name = "FILE", conflicts_with = "design")]
    pub diagram: Option<PathBuf>,
    /// Criteria (YAML or JSON), for the target [default: the target of the diagram, or those of `exchange sample criteria`]
    #[arg(long, value_name = "FILE")]
    pub criteria: Option<PathBuf>,
    /// Simulated histories
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub histories: u32,
    /// Years of each that count
    #[arg(long, value_name = "YEARS", default_value_t = 20)]
    pub years: u32,
    /// Years before them that do not count: all is new at the beginning
    #[arg(long, value_name = "YEARS", default_value_t = 0)]
    pub warm_up: u32,
    /// Of the random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Folder for the tables: blocks, components, importance, cut sets, simulated figures, years, failure modes
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct SizeArguments {
    /// Brief (YAML or JSON): layouts, units, classes, costs [default: the sample that the program holds]
    pub brief: Option<PathBuf>,
    /// Criteria (YAML or JSON) [default: those of `exchange sample criteria`]
    #[arg(long, value_name = "FILE")]
    pub criteria: Option<PathBuf>,
    /// Rounds at most
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rounds: u32,
    /// Folder for the design that passes and the table of rounds
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write a report with pictures: .html, .pdf, .md or .txt
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print as JSON, every round among it
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct CheckArguments {
    /// Design (YAML or JSON) [default: the sample that the program holds]
    pub design: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    SingleLine,
    Blocks,
}

#[derive(Debug, Clone, Args)]
pub struct PictureArguments {
    /// What is drawn
    pub subject: Subject,
    /// Design (YAML or JSON) [default: the sample that the program holds]
    pub design: Option<PathBuf>,
    /// File to write (SVG)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// What can be begun with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SampleOf {
    Design,
    Sizing,
    Diagram,
    Criteria,
}

#[derive(Debug, Clone, Args)]
pub struct SampleArguments {
    /// Which
    pub of: SampleOf,
}
