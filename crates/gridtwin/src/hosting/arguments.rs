//! Arguments of `gridtwin hosting-capacity`.

use crate::cli::{Controls, IterationArguments, ModelArguments, TableFormat, positive, step_h};
use crate::hands::HandsArguments;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use studies::hosting::Criterion;

/// Methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MethodWord {
    /// One bus at a time; every size that is tried is solved
    Iterative,
    /// Random customers, one after another, in many draws
    Stochastic,
    /// One bus at a time, by superposition on one solution
    Streamlined,
}

/// What a resource does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DerWord {
    /// Delivers its size
    Generation,
    /// Draws it
    Load,
    /// Must be able to do either
    Both,
}

/// How a resource is joined to its bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Connection {
    /// To earth where the bus is tied to it, else between phases
    Auto,
    /// Phases to earth
    Wye,
    /// Between phases
    Delta,
}

/// Limits that are crossed without resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BaseWord {
    /// Nothing can be hosted
    Zero,
    /// Resources must not make it worse
    NotWorse,
}

/// Shapes that the series of --hours follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeriesWord {
    Yearly,
    Daily,
}

/// Proofs of an interval of sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProofWord {
    /// Taps may rest anywhere within their band
    Strict,
    /// Taps move one way as the size grows
    Quick,
    /// Every step is tried
    EveryStep,
}

/// Moments at which limits must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoursWord {
    Snapshot,
    Binding,
    All,
    Chosen(Vec<u32>),
}

/// Which buses get relaxations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelaxWord {
    None,
    All,
    Worst(u32),
}

#[derive(Debug, Clone, Args)]
pub struct HostingArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// How sizes are found
    #[arg(long, value_enum, default_value = "iterative")]
    pub method: MethodWord,
    /// What resources do; several are studied one after another
    #[arg(long, value_enum, value_delimiter = ',', default_value = "generation")]
    pub der: Vec<DerWord>,
    /// Only this bus; repeatable
    #[arg(long, value_name = "BUS")]
    pub bus: Vec<String>,
    /// Criteria that count, or "all" [default: solution, voltages, changes of voltage, unbalance, loadings]
    #[arg(long, value_delimiter = ',', value_name = "NAME,…", value_parser = criterion_or_all)]
    pub criteria: Vec<CriterionWord>,
    /// Limit of a criterion, which turns it on: over-voltage=1.058; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = limit)]
    pub limit: Vec<(Criterion, f64)>,
    /// What counts where a limit is crossed without resources
    #[arg(long, value_enum, default_value = "zero")]
    pub base_violations: BaseWord,
    /// Step of sizes, kW [default: 10 above 1 kV, else 1]
    #[arg(long = "step", value_name = "KW", value_parser = positive)]
    pub step_kw: Option<f64>,
    /// Largest size, kW [default: 50000 above 1 kV, else 2000]
    #[arg(long = "max", value_name = "KW", value_parser = positive)]
    pub max_kw: Option<f64>,
    /// How resources are joined to their bus
    #[arg(long, value_enum, default_value = "auto")]
    pub connection: Connection,
    /// Power factor of resources; negative absorbs vars while delivering
    #[arg(long, value_name = "PF", default_value_t = 1.0, allow_negative_numbers = true, value_parser = power_factor)]
    pub power_factor: f64,
    /// Moments: snapshot, binding (found from the series), all, or steps of the series (from 1) with commas
    #[arg(long, value_name = "WHICH", default_value = "snapshot", value_parser = hours)]
    pub hours: HoursWord,
    /// Shapes that the series follows
    #[arg(long, value_enum, default_value = "yearly")]
    pub series: SeriesWord,
    /// Steps of the series [default: 8760 yearly, 24 daily]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: Option<u32>,
    /// Length of a step with its unit: 1h, 15m, 30s
    #[arg(long = "step-length", value_name = "LENGTH", default_value = "1h", value_parser = step_h)]
    pub step_length_h: f64,
    /// Load shape of the model that the output of resources follows
    #[arg(long, value_name = "SHAPE")]
    pub profile: Option<String>,
    /// Keep the hosting capacity of every moment (operating envelopes)
    #[arg(long)]
    pub envelope: bool,
    /// How sure the search is that no smaller size crosses a limit [default: quick with --hours all, else strict]
    #[arg(long, value_enum)]
    pub proof: Option<ProofWord>,
    /// Find the hosting capacity under each criterion alone as well
    #[arg(long)]
    pub each_criterion: bool,
    /// Buses for which changes that would relax their limit are solved: none, all, or how many of those that host least
    /// [default: all of up to 200 buses, else 20]
    #[arg(long, value_name = "WHICH", value_parser = relax)]
    pub relax: Option<RelaxWord>,
    /// Seed of the draws
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Draws
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub draws: u32,
    /// Levels of penetration until every customer has a resource
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub levels: u32,
    /// Resources that a customer may get
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Size of a customer's resource, kW, evenly between two [default: by its load]
    #[arg(long, value_name = "LOW,HIGH", value_parser = span)]
    pub size: Option<(f64, f64)>,
    /// Size of a customer's resource as a share of its nominal load, evenly between two
    #[arg(long, value_name = "LOW,HIGH", default_value = "0.5,1.5", value_parser = span)]
    pub size_of_load: (f64, f64),
    /// Fault current of a resource over its rated current
    #[arg(long, value_name = "PU", default_value_t = 1.2, value_parser = positive)]
    pub fault_current: f64,
    /// How controls act [default: as the model says, or static]
    #[arg(long, value_enum)]
    pub controls: Option<Controls>,
    #[command(flatten)]
    pub iteration: IterationArguments,
    #[command(flatten)]
    pub hands: HandsArguments,
    /// Write tables, maps and summary.json into this folder instead of the report
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Form of the tables
    #[arg(long, value_enum, default_value = "csv")]
    pub format: TableFormat,
    /// Print summary and tables as JSON
    #[arg(long)]
    pub json: bool,
}

/// A criterion's name, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CriterionWord {
    One(Criterion),
    All,
}

fn known(text: &str) -> Result<Criterion, String> {
    let all = || Criterion::ALL.iter().skip(1).map(|c| c.name()).collect::<Vec<_>>().join(", ");
    Criterion::of_name(text.trim()).ok_or_else(|| format!("is none of {}", all()))
}

fn criterion_or_all(text: &str) -> Result<CriterionWord, String> {
    if text.trim() == "all" { Ok(CriterionWord::All) } else { known(text).map(CriterionWord::One) }
}

fn limit(text: &str) -> Result<(Criterion, f64), String> {
    let (name, value) = text.split_once('=').ok_or("needs a name and a value, such as over-voltage=1.058")?;
    let criterion = known(name)?;
    if criterion == Criterion::Solution {
        return Err("a solution has no limit to choose".to_owned());
    }
    let value: f64 = value.trim().parse().map_err(|_| "the value is no number".to_owned())?;
    if value.is_finite() { Ok((criterion, value)) } else { Err("the value is no number".to_owned()) }
}

fn hours(text: &str) -> Result<HoursWord, String> {
    match text.trim() {
        "snapshot" => Ok(HoursWord::Snapshot),
        "binding" => Ok(HoursWord::Binding),
        "all" => Ok(HoursWord::All),
        list => {
            let step = |t: &str| t.trim().parse::<u32>().ok().filter(|&s| s > 0);
            let steps: Option<Vec<u32>> = list.split(',').map(step).collect();
            steps.map(HoursWord::Chosen).ok_or_else(|| "is none of snapshot, binding, all, and no list of steps from 1".to_owned())
        }
    }
}

fn relax(text: &str) -> Result<RelaxWord, String> {
    match text.trim() {
        "none" => Ok(RelaxWord::None),
        "all" => Ok(RelaxWord::All),
        n => n.parse().map(RelaxWord::Worst).map_err(|_| "is none of none, all, and no number of buses".to_owned()),
    }
}

fn span(text: &str) -> Result<(f64, f64), String> {
    let (low, high) = text.split_once(',').ok_or("needs two numbers with a comma between them")?;
    let (low, high) = (positive(low)?, positive(high)?);
    if low <= high { Ok((low, high)) } else { Err("the first number must not be the larger one".to_owned()) }
}

fn power_factor(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(x) if x.abs() > 0.0 && x.abs() <= 1.0 => Ok(x),
        Ok(_) => Err("must lie between -1 and 1, and not be 0".to_owned()),
        Err(_) => Err("is no number".to_owned()),
    }
}
