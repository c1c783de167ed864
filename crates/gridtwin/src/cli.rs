//! The command line: what can be asked, and the words it is asked with.

use crate::project::arguments::{
    ProjectDecideArguments, ProjectDecisionsArguments, ProjectMetersArguments, ProjectOutagesArguments, ProjectQualityArguments,
    ProjectReconcileArguments, ProjectWeatherArguments,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use formats::cyme::Correction;
use std::path::PathBuf;

/// GridTwin: the digital twin of an electricity grid, from the models that utilities have.
#[derive(Debug, Parser)]
#[command(name = "gridtwin", version, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 refused or not settled (the error stream says why), 2 wrong usage.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Solve a power flow: a report, or result files with --out
    Solve(SolveArguments),
    /// Short-circuit currents at every bus
    Faults(FaultArguments),
    /// How much generation or load each bus can host, by three methods
    HostingCapacity(Box<crate::hosting::arguments::HostingArguments>),
    /// What would mend a model's violations, what it costs, and what to buy with a budget
    Mitigate(Box<crate::mitigate::MitigateArguments>),
    /// What becomes of a network without each of its elements, and what restores supply
    Contingency(Box<crate::switching::arguments::ContingencyArguments>),
    /// How supply comes back after an outage: isolate, close ties, step by step
    Restoration(Box<crate::switching::arguments::RestorationArguments>),
    /// Which switches of a radial network to open for the least losses or overloads
    Reconfigure(Box<crate::switching::arguments::ReconfigureArguments>),
    /// Operations of a grid: telemetry, risk, the switches of least losses and risk, proven and learnt
    Operations(Box<crate::operations::OperationsArguments>),
    /// The state of a network from measurements: voltages, flows, and meters that lie
    Estimate(Box<crate::estimate::EstimateArguments>),
    /// Read and check a model without solving it
    Check(CheckArguments),
    /// What is in a model, and what of it was not used
    Info(InfoArguments),
    /// Measure warm solves per second, or steps of a time series per second with --steps
    Bench(BenchArguments),
    /// Make a synthetic utility: realistic feeders for demonstrations, tests and benchmarks
    Synth(SynthArguments),
    /// Step models through time: a report, or a results lake with --out
    Qsts(QstsArguments),
    /// Scenarios: vehicles, sun, storage, heat, weather, tariffs and changes stacked upon models
    Scenario(crate::scenario::arguments::ScenarioArguments),
    /// Ask a results lake in SQL
    Sql(SqlArguments),
    /// Ask in plain words: how a question is read, as SQL and as a scenario, and its answer
    Ask(crate::ask::AskArguments),
    /// Learn: forecasts, anomalies, risks, shapes, calibration; models are kept with their cards
    Learn(crate::learn::LearnArguments),
    /// Several owners fit one model together, each with rows that do not leave it
    Federated(crate::federated::arguments::FederatedArguments),
    /// Transient stability of a transmission case: faults, trips, critical clearing time, frequency
    Stability(crate::stability::StabilityArguments),
    /// Designs of on-site plants: out to ETAP, PSS/E and Windchill, their results back and judged, the same studies here
    Exchange(crate::exchange::arguments::ExchangeArguments),
    /// Flexible demand: programs, devices and events on a hot day; dispatch, rebound, baselines, payments
    Flexibility(crate::flexibility::arguments::FlexibilityArguments),
    /// Figures of a study in a results lake: overloads, voltages, losses, transformers, feeders
    Report(ReportArguments),
    /// What studies of a results lake have that another has not: violations new, worse, less or mended, by element and hour
    Comparison(crate::comparison::ComparisonArguments),
    /// Look after a results lake
    Lake(LakeArguments),
    /// Match the pieces of one source to those of another: a map to a model
    Reconcile(ReconcileArguments),
    /// Set a solution against results of another program, or against another model
    Compare(CompareArguments),
    /// Write a model in another format
    Convert(ConvertArguments),
    /// How good the data of a model are: completeness, ranges, references, energy balance
    Quality(QualityArguments),
    /// How often and how long supply will be interrupted, from failure rates over the topology
    Reliability(ReliabilityArguments),
    /// Reliability indices of outage records after IEEE 1366
    Outages(OutagesArguments),
    /// Weather from a service or a file, as one table
    Weather(WeatherArguments),
    /// Projects: networks with all their versions
    Project(ProjectArguments),
    /// Studies on several machines: the scheduler, the workers, and what is in object storage
    Cluster(crate::cluster::arguments::ClusterArguments),
    /// Serve projects to browsers and programs
    Serve(ServeArguments),
    /// Simulate a substation behind telecontrol: for training, and for trying the twin out
    Simulate(crate::simulate::arguments::SimulateArguments),
    /// Devices of telecontrol: check a document, read, watch, command and browse them
    Scada(crate::telecontrol::arguments::ScadaArguments),
    /// Users of the server
    User(UserArguments),
    /// Tokens of programs that use the server
    Token(TokenArguments),
    /// Who did what on the server
    Audit(AuditArguments),
    /// Write everything in a data folder or project to an archive, while programs work in it
    Backup(BackupArguments),
    /// Bring a backup back into a new folder
    Restore(RestoreArguments),
    /// Meter readings: checked, completed, added up; and which transformer each meter hangs on
    Meters(crate::meters::arguments::MetersArguments),
    /// One job of the server, told on the standard input
    #[command(hide = true)]
    Worker,
    /// Parts of a study for a worker of a cluster, told on the standard input
    #[command(hide = true)]
    Parts(crate::cluster::arguments::PartsArguments),
}

impl Command {
    /// The cluster that is to do a study which has no parts.
    pub fn whole_on_cluster(&self) -> Option<&str> {
        let whole = match self {
            Self::Reliability(a) => &a.whole,
            Self::Restoration(a) => &a.whole,
            Self::Reconfigure(a) => &a.whole,
            _ => return None,
        };
        whole.cluster.as_deref()
    }
}

/// Which model, and how it is read.
#[derive(Debug, Clone, Args, serde::Serialize, serde::Deserialize)]
pub struct ModelArguments {
    /// Model in any format: OpenDSS, PSS/E RAW, MATPOWER, CYME, map layers, tables, or a project
    pub model: PathBuf,
    /// Script command to run after an OpenDSS model is read; repeatable
    #[arg(long = "dss", value_name = "COMMAND")]
    pub dss: Vec<String>,
    /// Go on where the model says something that cannot be honoured or that a check refuses
    #[arg(long)]
    pub lenient: bool,
    /// Network of a project [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub network: Option<String>,
    /// Version of a project's network [default: the newest]
    #[arg(long, value_name = "N")]
    pub network_version: Option<u64>,
    #[command(flatten)]
    pub import: ImportArguments,
}

/// What the files of a model leave open.
#[derive(Debug, Clone, Default, Args, serde::Serialize, serde::Deserialize)]
pub struct ImportArguments {
    /// Which layer and field of a map is what (YAML) [default: guessed, and reported]
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Reference system of map layers that declare none, such as EPSG:25832
    #[arg(long, value_name = "CRS")]
    pub crs: Option<String>,
    /// Only this feeder or network of a CYME study; repeatable
    #[arg(long, value_name = "ID")]
    pub feeder: Vec<String>,
    /// Load model of a CYME study
    #[arg(long, value_name = "ID")]
    pub load_model: Option<String>,
    /// Correct a known slip of a CYME study: capacitor-kv, ganged-regulators, mutual-resistance:LINE=AB,BC,CA (ohm/km),
    /// regulator-taps:DEVICE=A,B,C, delta-load:SECTION; repeatable
    #[arg(long, value_name = "SLIP", value_parser = correction)]
    #[serde(with = "corrections")]
    pub fix: Vec<Correction>,
    /// Regulators and switched capacitors of a CYME study act, instead of keeping their saved positions
    #[arg(long)]
    pub controls_act: bool,
    /// Coordinates of a CYME study are longitude and latitude
    #[arg(long)]
    pub lon_lat: bool,
}

/// Corrections as the words of the command line.
mod corrections {
    use super::Correction;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(all: &[Correction], to: S) -> Result<S::Ok, S::Error> {
        all.iter().map(word).collect::<Vec<String>>().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Correction>, D::Error> {
        let words = Vec::<String>::deserialize(from)?;
        words.iter().map(|w| Correction::parse(w).ok_or_else(|| D::Error::custom(format!("\"{w}\" is no correction")))).collect()
    }

    pub fn word(correction: &Correction) -> String {
        match correction {
            Correction::CapacitorKv => "capacitor-kv".to_owned(),
            Correction::GangedRegulators => "ganged-regulators".to_owned(),
            Correction::MutualResistance { line, ohm_per_km: [ab, bc, ca] } => format!("mutual-resistance:{line}={ab},{bc},{ca}"),
            Correction::RegulatorTaps { device, taps } => {
                let taps = taps.map(|t| t.map_or("-".to_owned(), |t| t.to_string()));
                format!("regulator-taps:{device}={}", taps.join(","))
            }
            Correction::DeltaLoad { section } => format!("delta-load:{section}"),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::{Correction, word};

        #[test]
        fn words_come_back() {
            for text in
                ["capacitor-kv", "ganged-regulators", "mutual-resistance:601=0.1,0.25,0.3", "regulator-taps:R 1=3,-,-2", "delta-load:S1"]
            {
                assert_eq!(Correction::parse(text).map(|c| word(&c)).as_deref(), Some(text));
            }
        }
    }
}

/// How controls act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Controls {
    /// Regulators, capacitors and inverters act until all are satisfied
    Static,
    /// Everything stays as the model left it
    Off,
}

/// Kinds of solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// The power flow of one moment
    Snapshot,
    /// One solution of the linear network, loads as admittances
    Direct,
}

/// Limits of the iteration.
#[derive(Debug, Clone, Copy, Default, Args, serde::Serialize, serde::Deserialize)]
pub struct IterationArguments {
    /// Largest change of a voltage between two iterations, per unit [default: the model's, or 0.0001; of a time series 1e-6 at most]
    #[arg(long, value_name = "PU", value_parser = positive)]
    pub tolerance: Option<f64>,
    /// Iterations of one power flow [default: the model's if it names them, or 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_iterations: Option<u32>,
    /// Rounds of control actions [default: the model's if it names them, or 500]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_control_iterations: Option<u32>,
}

#[derive(Debug, Clone, Args)]
pub struct SolveArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Write summary.json, nodes.csv and elements.csv into this folder instead of the report
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
    /// How controls act [default: as the model says, or static]
    #[arg(long, value_enum)]
    pub controls: Option<Controls>,
    /// Kind of solution
    #[arg(long, value_enum, default_value = "snapshot")]
    pub mode: Mode,
    #[command(flatten)]
    pub iteration: IterationArguments,
}

/// Forms of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    Csv,
    Parquet,
}

/// Kinds of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum FaultKind {
    /// Three-phase
    #[value(name = "3ph")]
    ThreePhase,
    /// Single line to ground
    Slg,
    /// Line to line
    Ll,
    /// Two lines to ground
    Llg,
}

#[derive(Debug, Clone, Args)]
pub struct FaultArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Write faultstudy.csv and faults.csv into this folder instead of the table
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Only this bus; repeatable
    #[arg(long, value_name = "BUS")]
    pub bus: Vec<String>,
    /// Kinds of fault [default: all]
    #[arg(long = "type", value_enum, value_delimiter = ',', value_name = "3ph,slg,ll,llg")]
    pub kinds: Vec<FaultKind>,
    /// Resistance of the fault, ohm
    #[arg(long, value_name = "OHM", default_value_t = 0.0001, value_parser = positive)]
    pub r: f64,
    /// Print the table as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ReliabilityArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub whole: crate::hands::WholeArguments,
    /// Hours from a failure until what can be switched has supply again
    #[arg(long, value_name = "H", default_value_t = 1.0, value_parser = not_negative)]
    pub switching_h: f64,
    /// Open switches stay open: what is parted from its source waits for the repair
    #[arg(long)]
    pub no_transfer: bool,
    /// Transfers count only where a power flow finds them within the limits of voltage and loading; what they cannot serve waits for the repair
    #[arg(long, conflicts_with_all = ["no_transfer", "no_switches", "no_fuses"])]
    pub check_transfers: bool,
    /// Limit that --check-transfers keeps: thermal-line=120; repeatable
    #[arg(long, value_name = "NAME=VALUE", requires = "check_transfers", value_parser = crate::switching::arguments::limit)]
    pub limit: Vec<(studies::hosting::Criterion, f64)>,
    /// As if there were no fuses
    #[arg(long)]
    pub no_fuses: bool,
    /// As if switches could not be opened
    #[arg(long)]
    pub no_switches: bool,
    /// Hours of repair in place of the model's, by class, as transformer=10; repeatable
    #[arg(long, value_name = "CLASS=H", value_parser = class_and_hours)]
    pub repair_h: Vec<(String, f64)>,
    /// Failure rates grow with loading: by this factor for each 100 % above --stress-above, in a power flow of the model
    #[arg(long, value_name = "SLOPE", default_value_t = 0.0, value_parser = not_negative)]
    pub stress: f64,
    /// Loading from which --stress counts, percent of the rating
    #[arg(long, value_name = "PCT", default_value_t = 80.0, value_parser = not_negative)]
    pub stress_above: f64,
    /// Write load_points.csv, elements.csv and summary.json into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the indices and load points as JSON
    #[arg(long)]
    pub json: bool,
}

fn class_and_hours(text: &str) -> Result<(String, f64), String> {
    let (class, hours) = text.split_once('=').ok_or("write CLASS=HOURS, as transformer=10")?;
    Ok((class.trim().to_owned(), not_negative(hours.trim())?))
}

/// Formats of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    Text,
    Json,
    /// SARIF 2.1.0, as code scanners exchange it
    Sarif,
}

#[derive(Debug, Clone, Args)]
pub struct CheckArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[arg(long, value_enum, default_value = "text")]
    pub format: CheckFormat,
}

#[derive(Debug, Clone, Args)]
pub struct InfoArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct BenchArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// How controls act
    #[arg(long, value_enum, default_value = "static")]
    pub controls: Controls,
    /// Load multipliers, taken in turn
    #[arg(long, value_delimiter = ',', default_value = "0.97,1.0,1.03", value_parser = positive)]
    pub loadmult: Vec<f64>,
    /// Timed solves
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub solves: u32,
    #[command(flatten)]
    pub iteration: IterationArguments,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
    /// Write the node voltages after the last solve, or of the sampled steps of a series
    #[arg(long, value_name = "FILE")]
    pub nodes_out: Option<PathBuf>,
    /// Of a transmission case: write the equations and the solution into this folder (admittance.csv, nodes.csv)
    #[arg(long, value_name = "DIR", conflicts_with = "steps")]
    pub equations_out: Option<PathBuf>,
    #[command(flatten)]
    pub series: SeriesBenchArguments,
}

/// Time series that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchSeries {
    /// Yearly shapes
    Yearly,
    /// Daily shapes
    Daily,
}

#[derive(Debug, Clone, Args)]
pub struct SeriesBenchArguments {
    /// Measure a time series of so many steps instead of solves
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with_all = ["solves", "loadmult"])]
    pub steps: Option<u32>,
    /// Shapes that the series follows
    #[arg(long, value_enum, default_value = "yearly", requires = "steps")]
    pub series: BenchSeries,
    /// Length of a step, s
    #[arg(long = "step", value_name = "SECONDS", default_value_t = 3600.0, value_parser = positive, requires = "steps")]
    pub step_s: f64,
    /// Take every step by itself, without batches
    #[arg(long, requires = "steps")]
    pub stepwise: bool,
    /// Run so many copies of the series side by side, each on a thread
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024), requires = "steps")]
    pub threads: u32,
    /// Write power, losses and the lowest and highest voltage of every step
    #[arg(long, value_name = "FILE", requires = "steps")]
    pub out_series: Option<PathBuf>,
    /// With --nodes-out: every so many steps [default: the last only]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), requires = "steps", requires = "nodes_out")]
    pub sample_every: Option<u32>,
}

#[derive(Debug, Clone, Args)]
pub struct SynthArguments {
    /// How many feeders
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub feeders: u64,
    /// Seed: the same one gives the same bytes on every machine
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Folder to write, new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Kinds of solution through time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeriesMode {
    /// Elements follow their yearly shapes
    Yearly,
    /// Elements follow their daily shapes
    Daily,
    /// Elements follow their duty shapes
    Duty,
    /// The clock runs; shapes as the model's load shape class says
    Time,
}

/// How controls act in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeriesControls {
    /// Everything stays as the model left it
    Off,
    /// All controls act until they are satisfied, within the step
    Static,
    /// Controls act when their delays have run out on the clock
    Time,
}

/// One thing to keep of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeepItem {
    Steps,
    Statistics,
    Episodes,
    Meters,
    Monitors,
    /// Full series of an element, bus or node; of all without a name.
    Series(Option<String>),
    All,
}

#[derive(Debug, Clone, Args)]
pub struct QstsArguments {
    /// OpenDSS master files, folders of models, or lists of models (.txt, .csv: a path a line, and a name after a comma)
    #[arg(required = true, value_name = "MODEL")]
    pub models: Vec<PathBuf>,
    /// A year of 8760 hours
    #[arg(long, group = "length")]
    pub year: bool,
    /// A day of 24 hours
    #[arg(long, group = "length")]
    pub day: bool,
    /// So many steps [default: a year]
    #[arg(long, group = "length", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: Option<u32>,
    /// Length of a step with its unit: 1h, 15m, 30s [default: 1h]
    #[arg(long, value_name = "LENGTH", value_parser = step_h)]
    pub step: Option<f64>,
    /// Which shapes the elements follow [default: daily with --day, else yearly]
    #[arg(long, value_enum)]
    pub mode: Option<SeriesMode>,
    /// How controls act [default: as the model says, or static]
    #[arg(long, value_enum)]
    pub controls: Option<SeriesControls>,
    /// Scenario (YAML or JSON) that is laid upon every model first
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    #[command(flatten)]
    pub iteration: IterationArguments,
    /// Write a results lake into this folder instead of a report
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Name of the study within the lake
    #[arg(long, value_name = "NAME", default_value = "base")]
    pub study: String,
    /// What to keep: steps, statistics, episodes, meters, monitors, series:NAME (an element, bus or node), series, all
    /// [default: steps,statistics,episodes,meters; without --out steps and series are printed only when named here]
    #[arg(long, value_delimiter = ',', value_name = "WHAT", value_parser = keep_item)]
    pub keep: Vec<KeepItem>,
    /// Voltages of range A, per unit
    #[arg(long, value_name = "LOW,HIGH", value_parser = voltage_range)]
    pub range_a: Option<(f64, f64)>,
    /// Voltages of range B, per unit
    #[arg(long, value_name = "LOW,HIGH", value_parser = voltage_range)]
    pub range_b: Option<(f64, f64)>,
    /// Feeders that run side by side [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Run the feeders on the workers of the cluster whose scheduler is there, df://HOST:PORT
    #[arg(long, value_name = "URL", requires = "out", conflicts_with = "threads")]
    pub cluster: Option<String>,
    /// Go on with a study: only what is missing, changed or torn is run
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// With --resume: try feeders that failed once more
    #[arg(long, requires = "resume")]
    pub retry_failed: bool,
    /// Script command to run after each model is read; repeatable
    #[arg(long = "dss", value_name = "COMMAND")]
    pub dss: Vec<String>,
    /// Go on where a model says something that cannot be honoured or that a check refuses
    #[arg(long)]
    pub lenient: bool,
}

/// A length of time with its unit, in hours.
pub(crate) fn step_h(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let hours = match unit {
        "h" => 1.0,
        "m" | "min" => 1.0 / 60.0,
        "s" => 1.0 / 3600.0,
        "" => return Err("needs a unit: h, m or s".to_owned()),
        _ => return Err(format!("the unit \"{unit}\" is none of h, m, s")),
    };
    Ok(positive(number)? * hours)
}

fn keep_item(text: &str) -> Result<KeepItem, String> {
    match text.trim() {
        "steps" => Ok(KeepItem::Steps),
        "statistics" => Ok(KeepItem::Statistics),
        "episodes" => Ok(KeepItem::Episodes),
        "meters" => Ok(KeepItem::Meters),
        "monitors" => Ok(KeepItem::Monitors),
        "series" => Ok(KeepItem::Series(None)),
        "all" => Ok(KeepItem::All),
        text => match text.strip_prefix("series:").map(str::trim) {
            Some(name) if !name.is_empty() => Ok(KeepItem::Series(Some(name.to_owned()))),
            _ => Err("is none of steps, statistics, episodes, meters, monitors, series:NAME, series, all".to_owned()),
        },
    }
}

fn voltage_range(text: &str) -> Result<(f64, f64), String> {
    let (low, high) = text.split_once(',').ok_or("needs two numbers with a comma between them")?;
    let (low, high) = (positive(low)?, positive(high)?);
    if low < high { Ok((low, high)) } else { Err("the first number must be the smaller one".to_owned()) }
}

/// Forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    /// Aligned columns, numbers with seven digits
    Table,
    Csv,
    Json,
    Parquet,
}

#[derive(Debug, Clone, Args)]
pub struct SqlArguments {
    /// Query to answer
    #[arg(value_name = "SELECT", required_unless_present = "tables", conflicts_with = "tables")]
    pub query: Option<String>,
    /// Folder that a run wrote with --out
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// List tables, views and their columns with type, unit and meaning
    #[arg(long)]
    pub tables: bool,
    /// Form of the answer
    #[arg(long, value_enum, default_value = "table", requires_if("parquet", "out"))]
    pub format: AnswerFormat,
    /// Write the answer into this file
    #[arg(long, value_name = "FILE", conflicts_with = "tables")]
    pub out: Option<PathBuf>,
    /// At most so many rows [default: 200 of a printed table, all otherwise]
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

#[derive(Debug, Clone, Args)]
pub struct ReportArguments {
    /// Folder that a run wrote with --out
    pub dir: PathBuf,
    /// Study to report [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
    /// Set it against this study of the same lake: violations new, worse, less or mended
    #[arg(long, value_name = "NAME")]
    pub against: Option<String>,
    /// Report these feeders only (repeat for several)
    #[arg(long, value_name = "NAME")]
    pub feeder: Vec<String>,
    /// Tell what the study found in sentences, the weightiest first
    #[arg(long, conflicts_with_all = ["against", "feeder", "out"])]
    pub narrative: bool,
    /// With --narrative: as JSON, each figure with the cells that it is from
    #[arg(long, requires = "narrative")]
    pub json: bool,
    /// Feeders with pictures in .html and .pdf, the most pressing first
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub pictures: usize,
    /// Write the report into this file: .pdf, .html, .md, .txt; .xlsx with every row, .csv with every figure
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct CompareArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Results of another program (CSV, workbook, XML) or another model in any format [default: the results that came with the model]
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// Which column of the results is what (YAML) [default: guessed, and reported]
    #[arg(long, value_name = "FILE")]
    pub results_mapping: Option<PathBuf>,
    /// Sheet of a workbook of results [default: the first with rows]
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// With a project and --against a table: keep the results under this name, as a baseline of the network
    #[arg(long, value_name = "NAME", requires = "against")]
    pub keep: Option<String>,
    /// Baseline of a project's network [default: the results that came with the import, else the newest baseline]
    #[arg(long, value_name = "NAME", conflicts_with = "against")]
    pub baseline: Option<String>,
    /// How controls act [default: as the model says, or static]
    #[arg(long, value_enum)]
    pub controls: Option<Controls>,
    /// Refuse (exit status 1) when a voltage differs by more than this
    #[arg(long, value_name = "PU", value_parser = positive)]
    pub max_pu: Option<f64>,
    /// Write every compared figure into this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print the comparison as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub iteration: IterationArguments,
}

#[derive(Debug, Clone, Args)]
pub struct ReconcileArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// The other source, in any format
    #[arg(long, value_name = "MODEL")]
    pub with: PathBuf,
    /// Decisions (CSV: decision,a,b,reason; accept, reject or force), applied on every run
    #[arg(long, value_name = "FILE")]
    pub overrides: Option<PathBuf>,
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
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

/// Formats that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetFormat {
    /// OpenDSS script, with a file of coordinates
    Opendss,
    /// PSS/E RAW, version 33
    Raw33,
    /// PSS/E RAW, version 34
    Raw34,
    /// PSS/E RAW, version 35
    Raw35,
    /// MATPOWER case
    Matpower,
    /// CYME text study of three files, into a folder
    Cyme,
    /// GeoJSON, complete
    Geojson,
    /// Tables (CSV), a file a class, complete
    Csv,
}

#[derive(Debug, Clone, Args)]
pub struct ConvertArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Format to write
    #[arg(long, value_enum)]
    pub to: TargetFormat,
    /// File to write, or folder for formats of several files
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Write an unbalanced network as a balanced case also where the unbalance is large
    #[arg(long)]
    pub balanced: bool,
    /// What machines of a transmission case that hold a voltage become in three phases [default: power, or source where that does not settle]
    #[arg(long, value_enum)]
    pub machines: Option<Machines>,
    /// Print what became of every kind of value as JSON
    #[arg(long)]
    pub json: bool,
}

/// Forms of a report on data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QualityFormat {
    /// Tables for people
    Text,
    /// Everything, for programs
    Json,
    /// Findings with their places, for a map
    Geojson,
}

/// Forms of a machine that holds a voltage in a three-phase network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Machines {
    /// Generator of the solved P and Q
    Power,
    /// Source behind the machine's impedance that gives the solved P and Q
    Source,
}

#[derive(Debug, Clone, Args)]
pub struct QualityArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Series at the feeder's head: a table of times and kW, MW or kWh
    #[arg(long, value_name = "FILE", requires = "metered")]
    pub head: Option<PathBuf>,
    /// Sum of the feeder's meters: a table of the same times and kW, MW or kWh, delivered less received
    #[arg(long, value_name = "FILE", requires = "head")]
    pub metered: Option<PathBuf>,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    pub format: QualityFormat,
    /// Write records that were not used into this file
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct WeatherArguments {
    #[command(subcommand)]
    pub command: WeatherCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum WeatherCommand {
    /// Ask Open-Meteo, or a service that answers as it does
    Fetch(WeatherFetchArguments),
    /// Read a kept answer, an EPW or TMY3 file, or a table
    Import(WeatherImportArguments),
}

/// Where weather goes.
#[derive(Debug, Clone, Args)]
pub struct WeatherOutput {
    /// Write a table (CSV) into this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write rows that were put aside into this file
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Print all values as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct WeatherFetchArguments {
    /// Latitude, degrees; once for each place
    #[arg(long, value_name = "DEG", required = true, allow_hyphen_values = true)]
    pub lat: Vec<f64>,
    /// Longitude, degrees; once for each place
    #[arg(long, value_name = "DEG", required = true, allow_hyphen_values = true)]
    pub lon: Vec<f64>,
    /// First day, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    pub start: Option<String>,
    /// Last day, YYYY-MM-DD
    #[arg(long, value_name = "DAY")]
    pub end: Option<String>,
    /// Ask for days to come instead of the archive
    #[arg(long)]
    pub forecast: bool,
    /// Days to come
    #[arg(long, value_name = "N", requires = "forecast")]
    pub forecast_days: Option<u32>,
    /// Address of the service [default: Open-Meteo's archive or forecast]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Key for a paid service
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Keep answers in this folder, and take them from there when the same is asked again
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Ask again even if the answer is kept
    #[arg(long, requires = "cache")]
    pub refresh: bool,
    #[command(flatten)]
    pub output: WeatherOutput,
}

#[derive(Debug, Clone, Args)]
pub struct WeatherImportArguments {
    /// Answer of Open-Meteo (JSON or CSV), EPW, TMY3, or a table with units in its headers
    pub file: PathBuf,
    /// Latitude of a table that does not say it, degrees
    #[arg(long, value_name = "DEG", allow_hyphen_values = true, requires = "lon")]
    pub lat: Option<f64>,
    /// Longitude of a table that does not say it, degrees
    #[arg(long, value_name = "DEG", allow_hyphen_values = true, requires = "lat")]
    pub lon: Option<f64>,
    /// Time zone of a table's moments [default: as they stand]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub time_zone: Option<String>,
    #[command(flatten)]
    pub output: WeatherOutput,
}

/// Order of day and month in dates such as 3/4/2024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DateOrderArgument {
    /// Month, day, year
    Mdy,
    /// Day, month, year
    Dmy,
}

/// How tables of outages are read.
#[derive(Debug, Clone, Default, Args)]
pub struct OutageReading {
    /// Which column is which: YAML, "field: header" a line [default: guessed from the headers, and reported]
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Sheet of a workbook [default: the first with rows]
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// Time zone of the records, such as America/Chicago or -06:00 [default: moments as they stand]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub time_zone: Option<String>,
    /// Order of dates such as 3/4/2024 [default: as the column shows]
    #[arg(long, value_enum)]
    pub date_order: Option<DateOrderArgument>,
}

#[derive(Debug, Clone, Args)]
pub struct OutagesArguments {
    /// Tables of outages (CSV or workbook, packed with gzip or not), one row a step of restoration
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Customers served, on average over the period
    #[arg(long, value_name = "N", value_parser = positive)]
    pub customers: f64,
    /// Only this calendar year [default: every year in which an outage began]
    #[arg(long, value_name = "YEAR")]
    pub year: Option<i16>,
    #[command(flatten)]
    pub reading: OutageReading,
    /// Daily SAIDI of earlier years for the threshold of major event days: a table of dates and minutes
    #[arg(long, value_name = "FILE")]
    pub daily_saidi: Option<PathBuf>,
    /// Write rows that were put aside into this file
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct LakeArguments {
    #[command(subcommand)]
    pub command: LakeCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum LakeCommand {
    /// Compare every file with its commit record, and print a checksum of every table's content
    Check(LakeCheckArguments),
}

#[derive(Debug, Clone, Args)]
pub struct LakeCheckArguments {
    /// Folder that a run wrote with --out
    pub dir: PathBuf,
    /// Checksums of this study only
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectArguments {
    #[command(subcommand)]
    pub command: ProjectCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ProjectCommand {
    /// Make a project: a folder with a database, or beside one
    New(ProjectNewArguments),
    /// List the projects of a folder or database
    List(ProjectListArguments),
    /// What a project holds
    Info(ProjectShowArguments),
    /// Read models and keep each as the next version of its network
    Import(ProjectImportArguments),
    /// List the versions of networks, newest first
    History(ProjectHistoryArguments),
    /// What changed between two versions, element by element
    Diff(ProjectDiffArguments),
    /// Elements, findings, rejected records, ledger, study figures or sources of a version, as a table
    Export(ProjectExportArguments),
    /// Read everything back and compare it with what was written
    Check(ProjectShowArguments),
    /// Bring the tables of an older project to what this program needs
    Upgrade(ProjectUpgradeArguments),
    /// Match the equipment of one network to that of another; decisions that are kept are applied
    Reconcile(ProjectReconcileArguments),
    /// Decide by hand, or take a decision back: matches, transformers of meters, points at feeder heads
    Decide(ProjectDecideArguments),
    /// List decisions
    Decisions(ProjectDecisionsArguments),
    /// Readings of meters, their map to transformers, and their sums
    Meters(ProjectMetersArguments),
    /// Outage records and reliability indices
    Outages(ProjectOutagesArguments),
    /// Weather
    Weather(ProjectWeatherArguments),
    /// How good the data of the whole project are
    Quality(ProjectQualityArguments),
}

#[derive(Debug, Clone, Args)]
pub struct ProjectNewArguments {
    /// Folder of the project; made when it is missing
    pub dir: PathBuf,
    /// Name of the project [default: that of the folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Keep networks in this PostgreSQL database instead of a file in the folder; without a password in it, PGPASSWORD or ~/.pgpass is asked
    #[arg(long, value_name = "postgres://...")]
    pub database: Option<String>,
    /// With --database: work on the project of this name that the database has already
    #[arg(long, requires = "database")]
    pub join: bool,
    /// What it is for
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectListArguments {
    /// Folder of projects, or address of a database (postgres://...)
    #[arg(default_value = ".")]
    pub place: String,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectShowArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectUpgradeArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectImportArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Models, each a version of a network of its own
    #[arg(required = true, value_name = "MODEL")]
    pub files: Vec<PathBuf>,
    /// Name of the network [default: that of the circuit, else of the file]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Why this version was made
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
    /// Who made it [default: the user]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
    /// Keep nothing of a model in which a check finds errors
    #[arg(long)]
    pub strict: bool,
    /// Script command to run after a model is read; repeatable
    #[arg(long = "dss", value_name = "COMMAND")]
    pub dss: Vec<String>,
    /// Go on where a model says something that cannot be honoured
    #[arg(long)]
    pub lenient: bool,
    #[command(flatten)]
    pub import: ImportArguments,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectHistoryArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Only this network
    #[arg(long, value_name = "NAME")]
    pub network: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

/// Forms of a list of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    Text,
    Csv,
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectDiffArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    /// Network [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub network: Option<String>,
    /// Version to compare from [default: the one before]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub from: Option<u64>,
    /// Version to compare to [default: the newest]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub to: Option<u64>,
    /// Compare from another network, its newest version or that of --from
    #[arg(long, value_name = "NAME")]
    pub other: Option<String>,
    #[arg(long, value_enum, default_value = "text")]
    pub format: DiffFormat,
}

/// Tables of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportWhat {
    /// Buses, elements, catalogue and assets with buses, voltage, phases, feeder and geometry
    Elements,
    /// What reading and checks found
    Findings,
    /// Records that could not be used
    Rejects,
    /// What was kept, converted, defaulted and dropped
    Ledger,
    /// Study results that came with the model
    Figures,
    /// Files that were read, with their hashes
    Sources,
}

/// Forms of an exported table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Csv,
    Json,
    /// Elements that have a place, as features of a map
    Geojson,
}

#[derive(Debug, Clone, Args)]
pub struct ProjectExportArguments {
    /// Folder of the project
    #[arg(value_name = "PROJECT")]
    pub dir: PathBuf,
    #[arg(long, value_enum, default_value = "elements")]
    pub what: ExportWhat,
    /// Network [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub network: Option<String>,
    /// Version [default: the newest]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub version: Option<u64>,
    #[arg(long, value_enum, default_value = "csv")]
    pub format: ExportFormat,
    /// Write it into this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A finite number above zero.
fn correction(text: &str) -> Result<Correction, String> {
    Correction::parse(text).ok_or_else(|| "is no correction; see the help of --fix".to_owned())
}

#[derive(Debug, Clone, Args)]
pub struct ServeArguments {
    /// Folder of projects, users and jobs; made when it is missing
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub address: Option<std::net::IpAddr>,
    /// Port; 0 takes a free one [default: 8080]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// PostgreSQL database for users, sessions and jobs [default: a file in the folder]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Make a project to look at, unless it is there: synthetic feeders and the IEEE 123-node feeder, solved for a year
    #[arg(long)]
    pub demo: bool,
    /// Follow a plant: document of the site (YAML) with its model, devices and alarms
    #[arg(long, value_name = "FILE")]
    pub twin: Option<PathBuf>,
    /// Show federated training: settings of a coordinator or participant that runs on this machine; repeatable
    #[arg(long, value_name = "FILE")]
    pub federated: Vec<PathBuf>,
    /// No login: everyone is an administrator. Only on loopback
    #[arg(long)]
    pub no_auth: bool,
    /// Certificate with its chain (PEM): the server speaks TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Other site whose pages may use the server, as https://grid.example.org; repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub cors: Vec<String>,
    /// Proxy whose word about the caller's address is believed; repeatable
    #[arg(long, value_name = "IP")]
    pub proxy: Vec<std::net::IpAddr>,
    /// Jobs that run at once [default: 1]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// What is logged: error, warn, info, debug, or a filter by module [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
    /// Log one JSON object a line
    #[arg(long)]
    pub log_json: bool,
    /// File of settings [default: gridtwin.toml in the folder]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where the server keeps users.
#[derive(Debug, Clone, Args)]
pub struct ServerDataArguments {
    /// Folder of the server
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// PostgreSQL database of the server [default: the file in the folder]
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub struct UserArguments {
    #[command(subcommand)]
    pub command: UserCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Add a user; prints a password unless one is given
    Add {
        name: String,
        /// ven, viewer, operator, engineer or admin
        #[arg(long)]
        role: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        server: ServerDataArguments,
    },
    /// All users
    List {
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerDataArguments,
    },
    /// Set a password and end the user's sessions; prints one unless it is given
    Passwd {
        name: String,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        server: ServerDataArguments,
    },
    /// Give a user another role
    Role {
        name: String,
        /// ven, viewer, operator, engineer or admin
        role: String,
        #[command(flatten)]
        server: ServerDataArguments,
    },
    /// Remove a user with sessions and tokens
    Remove {
        name: String,
        #[command(flatten)]
        server: ServerDataArguments,
    },
    /// Let a user log in again who failed too often
    Unlock {
        name: String,
        #[command(flatten)]
        server: ServerDataArguments,
    },
}

#[derive(Debug, Clone, Args)]
pub struct TokenArguments {
    #[command(subcommand)]
    pub command: TokenCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum TokenCommand {
    /// Make a token for a user; it is printed once
    Add {
        user: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do at most [default: the user's role]
        #[arg(long)]
        role: Option<String>,
        /// Days until it expires [default: it does not]
        #[arg(long)]
        days: Option<u32>,
        #[command(flatten)]
        server: ServerDataArguments,
    },
    /// All tokens, without their secrets
    List {
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerDataArguments,
    },
    /// Revoke a token
    Remove {
        id: i64,
        #[command(flatten)]
        server: ServerDataArguments,
    },
}

#[derive(Debug, Clone, Args)]
pub struct BackupArguments {
    /// Folder of the server (`serve --data`), or of one project
    #[arg(value_name = "DIR")]
    pub data: PathBuf,
    /// Archive to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace an archive that is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Clone, Args)]
pub struct RestoreArguments {
    /// Archive that `gridtwin backup` wrote
    #[arg(value_name = "FILE")]
    pub archive: PathBuf,
    /// Folder to bring back; new or empty
    #[arg(long, value_name = "DIR", required_unless_present = "check")]
    pub data: Option<PathBuf>,
    /// Only read the archive through and compare every file with its list
    #[arg(long, conflicts_with = "data")]
    pub check: bool,
}

#[derive(Debug, Clone, Args)]
pub struct AuditArguments {
    #[command(flatten)]
    pub server: ServerDataArguments,
    /// Only what this user did
    #[arg(long)]
    pub user: Option<String>,
    /// Only this action; with a dot at its end all that begin so, as login.
    #[arg(long)]
    pub action: Option<String>,
    /// Not before this time or day
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Before this time or day
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Entries at most, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
    /// See whether the log is whole: every entry carries a hash of itself and the one before
    #[arg(long)]
    pub check: bool,
    #[arg(long)]
    pub json: bool,
}

pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if x.is_finite() && x > 0.0 => Ok(x),
        Ok(_) => Err("must be a number above zero".to_owned()),
        Err(_) => Err("is no number".to_owned()),
    }
}

pub(crate) fn not_negative(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if x.is_finite() && x >= 0.0 => Ok(x),
        Ok(_) => Err("must be a number not below zero".to_owned()),
        Err(_) => Err("is no number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn kinds_and_commands_repeat() {
        let cli = Cli::try_parse_from(["gridtwin", "faults", "m.dss", "--type", "3ph,llg", "--dss", "a", "--dss", "b c"]).unwrap();
        let Command::Faults(a) = cli.command else { panic!("faults") };
        assert_eq!(a.kinds, [FaultKind::ThreePhase, FaultKind::Llg]);
        assert_eq!(a.model.dss, ["a", "b c"]);
        assert!(Cli::try_parse_from(["gridtwin", "solve", "m.dss", "--tolerance", "-1"]).is_err());
        assert!(Cli::try_parse_from(["gridtwin", "solve", "m.dss", "--max-iterations", "0"]).is_err());
    }

    #[test]
    fn lengths_of_time_have_a_unit() {
        assert_eq!(step_h("1h"), Ok(1.0));
        assert_eq!(step_h("15m"), Ok(0.25));
        assert_eq!(step_h(" 90 s"), Ok(0.025));
        for bad in ["1", "", "h", "0h", "-1h", "nanh", "1d", "1 h 2"] {
            assert!(step_h(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_through_time_is_asked_for_in_words() {
        let parse = |more: &[&str]| Cli::try_parse_from(["gridtwin", "qsts", "m.dss"].iter().chain(more));
        let Command::Qsts(a) = parse(&["--year", "--keep", "statistics,series:line.a", "--range-a", "0.95,1.05"]).unwrap().command else {
            panic!("qsts")
        };
        assert_eq!(a.keep, [KeepItem::Statistics, KeepItem::Series(Some("line.a".into()))]);
        assert_eq!(a.range_a, Some((0.95, 1.05)));
        for bad in [
            &["--year", "--day"][..],
            &["--steps", "0"],
            &["--step", "0h"],
            &["--resume"],
            &["--keep", "nothing"],
            &["--range-a", "1.05,0.95"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
