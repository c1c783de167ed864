//! What the commands about the work in a project can be asked: matches, decisions, meters, records, quality.

use crate::cli::{OutageReading, WeatherFetchArguments, WeatherImportArguments, positive};
use crate::meters::arguments::ReadingArguments;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Who does something, and why.
#[derive(Debug, Clone, Default, Args)]
pub struct WhoArguments {
    /// Who does it [default: the user]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectReconcileArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Network whose equipment is matched
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    pub network: Option<String>,
    /// Network to which it is matched
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    pub with: Option<String>,
    /// Version of --network [default: the newest]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub network_version: Option<u64>,
    /// Version of --with [default: the newest]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub with_version: Option<u64>,
    /// Candidates lie within this distance, m [default: 60]
    #[arg(long, value_name = "M", value_parser = positive)]
    pub radius: Option<f64>,
    /// Least score of a match, 0 to 1 [default: 0.55]
    #[arg(long, value_name = "SCORE", value_parser = positive)]
    pub least_score: Option<f64>,
    /// Write every match with its reasons into this file (CSV)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write every conflict with its place into this file (GeoJSON)
    #[arg(long, value_name = "FILE")]
    pub conflicts: Option<PathBuf>,
    /// List what has been reconciled and is kept
    #[arg(long)]
    pub list: bool,
    #[command(flatten)]
    pub who: WhoArguments,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectDecideArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Network of A, for decisions about matches
    #[arg(long, value_name = "NAME", requires = "with")]
    pub network: Option<String>,
    /// Network of B, for decisions about matches
    #[arg(long, value_name = "NAME", requires = "network")]
    pub with: Option<String>,
    /// The match is right; A and B as class:id; repeatable
    #[arg(long, value_name = "A=B", requires = "network")]
    pub accept: Vec<String>,
    /// The two are not the same; repeatable
    #[arg(long, value_name = "A=B", requires = "network")]
    pub reject: Vec<String>,
    /// The two are the same whatever their data say; repeatable
    #[arg(long, value_name = "A=B", requires = "network")]
    pub force: Vec<String>,
    /// Take back what was decided about a pair; repeatable
    #[arg(long, value_name = "A=B", requires = "network")]
    pub withdraw: Vec<String>,
    /// Decisions about matches (CSV: decision,a,b,note,author; accept, reject, force or withdraw)
    #[arg(long, value_name = "FILE", requires = "network")]
    pub matches: Option<PathBuf>,
    /// A meter hangs on this transformer, on none when nothing follows the sign; repeatable
    #[arg(long = "meter", value_name = "METER=TRANSFORMER")]
    pub meter: Vec<String>,
    /// Take back what was decided about a meter; repeatable
    #[arg(long, value_name = "METER")]
    pub withdraw_meter: Vec<String>,
    /// Decisions about meters (CSV: meter,transformer,note,author and, where some are taken back, decision: set or withdraw)
    #[arg(long, value_name = "FILE")]
    pub meters: Option<PathBuf>,
    /// A point of SCADA or a meter stands at the feeder's head; repeatable
    #[arg(long = "head", value_name = "FEEDER=POINT")]
    pub head: Vec<String>,
    /// Take back what stands at a feeder's head; repeatable
    #[arg(long, value_name = "FEEDER")]
    pub withdraw_head: Vec<String>,
    #[command(flatten)]
    pub who: WhoArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecisionKind {
    Matches,
    Meters,
    Heads,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Text,
    Csv,
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectDecisionsArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Only these
    #[arg(long, value_enum)]
    pub kind: Option<DecisionKind>,
    /// Those that were replaced or taken back, too
    #[arg(long)]
    pub all: bool,
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectMetersArguments {
    #[command(subcommand)]
    pub command: ProjectMetersCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ProjectMetersCommand {
    /// Read readings and SCADA series into the project's lake
    Import(ProjectReadingsArguments),
    /// Keep where meters stand, from a table
    Places(ProjectPlacesArguments),
    /// Find the transformer of every meter and keep the map
    Map(ProjectMapArguments),
    /// Add up all readings of the lake through the newest map: transformers, feeders
    Aggregate(ProjectAggregateArguments),
}

#[derive(Debug, Clone, Args)]
pub struct ProjectReadingsArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Files of readings: CSV (long or wide), NEM12, Parquet; gzip around text
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArguments,
    /// Interval of the sums, minutes [default: that of the readings]
    #[arg(long = "sum-interval", value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub sum_interval_min: Option<u32>,
    /// Rating of services, kW: readings above 1.5 times of it are refused
    #[arg(long, value_name = "KW", value_parser = positive)]
    pub rating_kw: Option<f64>,
    /// Leave gaps as they are
    #[arg(long)]
    pub no_estimate: bool,
    /// Name of the study within the lake [default: from what the files hold, so that the same files give the same one]
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectPlacesArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Tables of meters: meter, lon, lat; and feeder, phase, transformer, bus, demand_kw where they are known
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub who: WhoArguments,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectMapArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Only transformers of this network; repeatable [default: of all]
    #[arg(long, value_name = "NAME")]
    pub network: Vec<String>,
    /// Leave the voltages of the lake aside
    #[arg(long)]
    pub no_voltages: bool,
    /// Steps of voltages that are used, from the first one on
    #[arg(long, value_name = "N", default_value_t = super::meters::VOLTAGE_STEPS, value_parser = clap::value_parser!(u32).range(16..=40_000))]
    pub voltage_steps: u32,
    /// Infer although the data name a transformer
    #[arg(long)]
    pub ignore_explicit: bool,
    /// Nearest transformers that are looked at
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub candidates: u16,
    /// Transformers further away are none, m
    #[arg(long, value_name = "M", default_value_t = 400.0, value_parser = positive)]
    pub max_distance_m: f64,
    /// Write the map into this file (CSV)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub who: WhoArguments,
    /// Print the map as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectAggregateArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Interval of the sums, minutes [default: that of most readings]
    #[arg(long = "sum-interval", value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
    pub sum_interval_min: Option<u32>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectOutagesArguments {
    #[command(subcommand)]
    pub command: ProjectOutagesCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ProjectOutagesCommand {
    /// Keep outages of tables; what is there already is not doubled
    Import(ProjectOutageImportArguments),
    /// Reliability indices of all outages that are kept
    Report(ProjectOutageReportArguments),
}

#[derive(Debug, Clone, Args)]
pub struct ProjectOutageImportArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Tables of outages (CSV or workbook, packed with gzip or not), one row a step of restoration
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: OutageReading,
    #[command(flatten)]
    pub who: WhoArguments,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectOutageReportArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Customers served, on average over the period
    #[arg(long, value_name = "N", value_parser = positive)]
    pub customers: f64,
    /// Only this calendar year [default: every year in which an outage began]
    #[arg(long, value_name = "YEAR")]
    pub year: Option<i16>,
    /// Daily SAIDI of earlier years for the threshold of major event days: a table of dates and minutes
    #[arg(long, value_name = "FILE")]
    pub daily_saidi: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectWeatherArguments {
    #[command(subcommand)]
    pub command: ProjectWeatherCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ProjectWeatherCommand {
    /// Keep the weather of a file
    Import(ProjectWeatherImportArguments),
    /// Ask Open-Meteo, or a service that answers as it does, and keep the answer
    Fetch(ProjectWeatherFetchArguments),
    /// What weather is kept
    List(ProjectWeatherListArguments),
}

#[derive(Debug, Clone, Args)]
pub struct ProjectWeatherImportArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub import: WeatherImportArguments,
    #[command(flatten)]
    pub who: WhoArguments,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectWeatherFetchArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    #[command(flatten)]
    pub fetch: WeatherFetchArguments,
    #[command(flatten)]
    pub who: WhoArguments,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectWeatherListArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Write all values into this file (CSV)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print all values as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectQualityArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    pub format: crate::cli::QualityFormat,
}
