//! Arguments of `gridtwin contingency`, `gridtwin restoration` and `gridtwin reconfigure`.

use crate::cli::{Controls, IterationArguments, ModelArguments, TableFormat, positive, step_h};
use crate::hands::{HandsArguments, WholeArguments};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use studies::contingency::When;
use studies::hosting::Criterion;
use studies::switching::operator::CRITERIA;

/// Shapes that a series follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SeriesWord {
    Yearly,
    Daily,
}

/// How an outage is parted from the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IsolationWord {
    /// The element alone is out
    Element,
    /// A fault on it: the nearest switches part its zone
    Switches,
}

/// What counts as a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SwitchesWord {
    /// Switches, breakers and fuses of the model, and what stands open
    Marked,
    /// Every line as well
    Lines,
    /// Every line as well, at both ends
    Ends,
}

/// How plans are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SearchWord {
    /// Exact where the plans can be listed
    Auto,
    Exact,
    Heuristic,
}

/// What is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AimWord {
    Losses,
    Overload,
}

/// Ratings that loadings count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RatingWord {
    Normal,
    Emergency,
}

/// The network before anything is switched, and its limits.
#[derive(Debug, Clone, Args)]
pub struct StateArguments {
    /// Criteria that count [default: over-voltage, under-voltage, thermal-line, thermal-transformer]
    #[arg(long, value_delimiter = ',', value_name = "NAME,…", value_parser = criterion)]
    pub criteria: Vec<Criterion>,
    /// Limit of a criterion, which turns it on: under-voltage=0.94; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = limit)]
    pub limit: Vec<(Criterion, f64)>,
    /// Ratings that loadings count from
    #[arg(long, value_enum, default_value = "normal")]
    pub rating: RatingWord,
    /// Shapes that the series follows
    #[arg(long, value_enum, default_value = "yearly")]
    pub series: SeriesWord,
    /// Steps of the series [default: 8760 yearly, 24 daily]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: Option<u32>,
    /// Length of a step with its unit: 1h, 15m, 30s
    #[arg(long = "step-length", value_name = "LENGTH", default_value = "1h", value_parser = step_h)]
    pub step_length_h: f64,
    /// How controls act [default: as the model says, or static]
    #[arg(long, value_enum)]
    pub controls: Option<Controls>,
    #[command(flatten)]
    pub iteration: IterationArguments,
}

/// Where answers go.
#[derive(Debug, Clone, Args)]
pub struct AnswerArguments {
    /// Write tables and summary.json into this folder instead of the report
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
pub struct ContingencyArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Outages of lines [default without any of these: all kinds]
    #[arg(long)]
    pub lines: bool,
    /// Outages of transformers and regulators
    #[arg(long)]
    pub transformers: bool,
    /// Outages of sources
    #[arg(long)]
    pub sources: bool,
    /// Outages of generators, PV systems and storage
    #[arg(long)]
    pub generators: bool,
    /// Outage of this element, as line.13_18; repeatable
    #[arg(long, value_name = "ELEMENT")]
    pub outage: Vec<String>,
    /// As many pairs of these outages besides, those first whose members are worst alone
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub pairs: u32,
    /// What an outage takes [default: element, with --restore switches]
    #[arg(long, value_enum)]
    pub isolation: Option<IsolationWord>,
    /// Search which switches restore supply
    #[arg(long)]
    pub restore: bool,
    #[command(flatten)]
    pub search: SearchArguments,
    /// Moments: snapshot, peak (of the series), binding (its extremes), or steps of the series (from 1) with commas
    #[arg(long, value_name = "WHICH", default_value = "snapshot", value_parser = when)]
    pub hours: When,
    #[command(flatten)]
    pub state: StateArguments,
    #[command(flatten)]
    pub hands: HandsArguments,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

/// How switches may move.
#[derive(Debug, Clone, Args)]
pub struct SearchArguments {
    /// What counts as a switch
    #[arg(long, value_enum, default_value = "marked")]
    pub switches: SwitchesWord,
    /// How restoration is searched
    #[arg(long, value_enum, default_value = "auto")]
    pub search: SearchWord,
    /// Operations that a restoration may take, isolation not counted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub limit_operations: Option<u16>,
    /// Plans that are listed at most
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub max_plans: u32,
    /// Plans that are solved at most
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_solved: u32,
}

#[derive(Debug, Clone, Args)]
pub struct RestorationArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub whole: WholeArguments,
    /// Element that is out, as line.13_18; several are out together
    #[arg(long, value_name = "ELEMENT", required = true)]
    pub outage: Vec<String>,
    /// What the outage takes
    #[arg(long, value_enum, default_value = "switches")]
    pub isolation: IsolationWord,
    #[command(flatten)]
    pub search: SearchArguments,
    /// Refused plans that are told
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub told: u16,
    /// Moment: snapshot, peak (of the series), or a step of the series (from 1)
    #[arg(long, value_name = "WHICH", default_value = "snapshot", value_parser = moment)]
    pub hour: When,
    #[command(flatten)]
    pub state: StateArguments,
    /// Write the restored network to this OpenDSS script
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

#[derive(Debug, Clone, Args)]
pub struct ReconfigureArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub whole: WholeArguments,
    /// What is sought: least losses, or least overload
    #[arg(long = "for", value_enum, default_value = "losses")]
    pub aim: AimWord,
    /// What counts as a switch
    #[arg(long, value_enum, default_value = "marked")]
    pub switches: SwitchesWord,
    /// Operations at most; an exchange of two switches takes two
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    pub limit_operations: Option<u16>,
    /// Limits of voltage and loading do not count
    #[arg(long)]
    pub no_limits: bool,
    /// Trees that are all solved, which proves the answer; beyond, descents alone
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub max_trees: u32,
    /// Random trees that descents begin with besides
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub starts: u32,
    /// Seed of the random trees
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Moments: snapshot, peak (of the series), binding (its extremes), or steps of the series (from 1) with commas
    #[arg(long, value_name = "WHICH", default_value = "snapshot", value_parser = when)]
    pub hours: When,
    #[command(flatten)]
    pub state: StateArguments,
    /// Write the network found to this OpenDSS script
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    #[command(flatten)]
    pub answer: AnswerArguments,
}

fn criterion(text: &str) -> Result<Criterion, String> {
    let known = Criterion::of_name(text.trim()).filter(|c| CRITERIA.contains(c));
    known.ok_or_else(|| format!("is none of {}", CRITERIA.map(Criterion::name).join(", ")))
}

pub(crate) fn limit(text: &str) -> Result<(Criterion, f64), String> {
    let (name, value) = text.split_once('=').ok_or("needs a name and a value, such as under-voltage=0.94")?;
    Ok((criterion(name)?, positive(value.trim())?))
}

fn when(text: &str) -> Result<When, String> {
    match text.trim() {
        "snapshot" => Ok(When::Snapshot),
        "peak" => Ok(When::Peak),
        "binding" => Ok(When::Binding),
        list => {
            let step = |t: &str| t.trim().parse::<u32>().ok().filter(|&s| s > 0);
            let steps: Option<Vec<u32>> = list.split(',').map(step).collect();
            let mut steps = steps.ok_or("is none of snapshot, peak, binding, and no list of steps from 1")?;
            steps.sort_unstable();
            steps.dedup();
            Ok(When::Steps(steps))
        }
    }
}

fn moment(text: &str) -> Result<When, String> {
    match when(text) {
        Ok(When::Steps(steps)) if steps.len() == 1 => Ok(When::Steps(steps)),
        Ok(found @ (When::Snapshot | When::Peak)) => Ok(found),
        _ => Err("is none of snapshot, peak, and no step from 1".to_owned()),
    }
}
