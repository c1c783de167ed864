//! `gridtwin operations`: what a grid looks like now, what is at risk, and which switches to move, by the optimum, by rules and by what was learnt.
//!
//! ```text
//! generated network, or a model ─► studies::operations ─► optimum with its proof ─► learning::routing: policy, random policy ─► report, JSON
//! ```

mod shown;

use crate::cli::{ImportArguments, ModelArguments, positive};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::result_folder::cannot;
use crate::switching::arguments::SwitchesWord;
use crate::switching::{reconfigure, switches, write_network};
use clap::Args;
use learning::routing::{LearnError, LearnOptions, Learned, learn};
use network::{Diagnostic, Network};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;
use studies::operations::{
    Alert, Figures, GenerateOptions, LoadForecast, OperationsError, Optimum, OptimumOptions, Proof, Route, Routing, RoutingOptions, Scores,
    Telemetry, Thresholds, Variation, View, alerts, at_step, figures, generate, optimum, profile_forecast, scores, snapshot, telemetry,
    view,
};

/// Hours that loads are forecast for.
const FORECAST_H: u32 = 24;

#[derive(Debug, Clone, Args)]
pub struct OperationsArguments {
    /// Model in any format [default: a network is generated]
    pub model: Option<PathBuf>,
    /// Go on where the model says something that cannot be honoured or that a check refuses
    #[arg(long, requires = "model")]
    pub lenient: bool,
    /// Buses of the generated network
    #[arg(long, value_name = "N", default_value_t = 8, conflicts_with = "model")]
    pub nodes: u32,
    /// Generators among them
    #[arg(long, value_name = "G", default_value_t = 2, conflicts_with = "model")]
    pub generators: u32,
    /// Lines of it that stand open [default: a seventh of the nodes, at least 4]
    #[arg(long, value_name = "N", conflicts_with = "model")]
    pub ties: Option<u32>,
    /// Seed of the network, of its noise and of the policy
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Runs with this many seeds, one after another: each has its own generated network
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "write", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub seeds: u32,
    /// Hour of the day with its shapes and noise, from 0 [default: a snapshot]
    #[arg(long, value_name = "H")]
    pub step: Option<u32>,
    /// Episodes of learning; 0 for none
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub episodes: u32,
    /// What an element of risk 1 at its rating counts for, kW of losses
    #[arg(long, value_name = "KW", default_value_t = 10.0)]
    pub risk_weight: f64,
    /// Learning rate
    #[arg(long, value_name = "RATE", default_value_t = 0.01)]
    pub lr: f64,
    /// Reward of undecided choices at the beginning
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.05)]
    pub entropy: f64,
    /// Risk scores learnt elsewhere, a JSON object of scores by class.name or bus
    #[arg(long, value_name = "FILE")]
    pub risk: Option<PathBuf>,
    /// Ambient temperature, C
    #[arg(long, value_name = "C", default_value_t = 25.0, allow_negative_numbers = true)]
    pub ambient: f64,
    /// Loading from which an alert is given, percent
    #[arg(long, value_name = "PCT", default_value_t = 100.0, value_parser = positive)]
    pub alert_loading: f64,
    /// What counts as a switch
    #[arg(long, value_enum, default_value = "marked")]
    pub switches: SwitchesWord,
    /// Limits of voltage and loading do not count
    #[arg(long)]
    pub no_limits: bool,
    /// Nodes of branch and bound at most
    #[arg(long, value_name = "N", default_value_t = 3_000_000)]
    pub max_nodes: u64,
    /// Configurations that are all solved where no bound holds
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    pub max_trees: u32,
    /// Write the network with the best configuration to this OpenDSS script
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

/// One run.
#[derive(Debug, Serialize)]
pub struct Run {
    pub seed: u64,
    pub view: View,
    pub telemetry: Telemetry,
    pub figures: Figures,
    pub scores: Scores,
    pub alerts: Vec<Alert>,
    pub forecast: LoadForecast,
    pub optimum: Optimum,
    /// Of the best configuration.
    pub routes: Vec<Route>,
    pub learned: Option<Learned>,
    pub optimum_s: f64,
    pub learning_s: f64,
}

/// Runs the command.
///
/// # Errors
/// Options of which no network can be made; a model that cannot be read, that a check refuses, that does not settle, that is not radial; files that
/// cannot be read or written.
pub fn run(arguments: &OperationsArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let learned = learned_scores(arguments)?;
    let mut findings = Vec::new();
    let mut model = None;
    if let Some(path) = &arguments.model {
        let of_model = ModelArguments {
            model: path.clone(),
            dss: Vec::new(),
            lenient: arguments.lenient,
            network: None,
            network_version: None,
            import: ImportArguments::default(),
        };
        let mut read = Model::prepare(&of_model)?;
        findings.append(&mut read.diagnostics);
        model = Some(read.network);
    }
    let mut runs: Vec<Run> = Vec::new();
    for k in 0..u64::from(arguments.seeds) {
        let seed = arguments.seed.wrapping_add(k);
        let network = match &model {
            Some(network) => network.clone(),
            None => generate(&GenerateOptions { nodes: arguments.nodes, generators: arguments.generators, ties: arguments.ties, seed })
                .map_err(|e| refused(&e))?,
        };
        let run = one(arguments, &network, seed, &learned)?;
        findings.extend(found(&run));
        runs.push(run);
    }
    // What many runs have in common is said once.
    findings.dedup();
    console.warn(&findings);
    if arguments.json {
        return console.json(&runs);
    }
    console.print(&shown::all(arguments, &runs, console.style))
}

fn one(arguments: &OperationsArguments, network: &Network, seed: u64, learned: &BTreeMap<String, f64>) -> Result<Run, Failure> {
    let state = match arguments.step {
        Some(step) => at_step(network, seed, step, &Variation::default()),
        None => snapshot(network),
    };
    let state = state.map_err(|e| refused(&e))?;
    let options =
        RoutingOptions { risk_weight: arguments.risk_weight, switches: switches(arguments.switches), keep_limits: !arguments.no_limits };
    let mut routing = Routing::new(&state, &|o| scores(o, learned), &options).map_err(|e| refused(&e))?;
    let scores = scores(&routing.operator, learned).map_err(|e| refused(&e))?;
    let telemetry = telemetry(&routing.operator, &scores, arguments.ambient);
    let thresholds = Thresholds { loading_pct: arguments.alert_loading, ..Thresholds::default() };
    let start = Instant::now();
    let search =
        OptimumOptions { max_nodes: arguments.max_nodes, max_trees: arguments.max_trees as usize, seed, ..OptimumOptions::default() };
    let optimum = optimum(&mut routing, &search).map_err(|e| refused(&e))?;
    let optimum_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let learned = match arguments.episodes {
        0 => None,
        episodes => {
            let options = LearnOptions { episodes, rate: arguments.lr, entropy: arguments.entropy, seed, ..LearnOptions::default() };
            let reference = Some(optimum.best.value.objective_kw());
            Some(learn(&mut routing, &options, reference).map_err(|e| not_learnt(&e))?)
        }
    };
    let learning_s = start.elapsed().as_secs_f64();
    if let Some(path) = &arguments.write {
        write_network(network, &routing.operations(&optimum.best.closed), &[], path)?;
    }
    Ok(Run {
        seed,
        view: view(&state, options.switches),
        alerts: alerts(&telemetry, &thresholds),
        telemetry,
        figures: figures(&state, &[]),
        scores,
        forecast: profile_forecast(network, arguments.step.unwrap_or(0), FORECAST_H).map_err(|e| refused(&e))?,
        routes: routing.routes(&optimum.best.closed),
        optimum,
        learned,
        optimum_s,
        learning_s,
    })
}

/// Scores of the file that `--risk` names.
fn learned_scores(arguments: &OperationsArguments) -> Result<BTreeMap<String, f64>, Failure> {
    let Some(path) = &arguments.risk else { return Ok(BTreeMap::new()) };
    let text = std::fs::read_to_string(path).map_err(|e| cannot("read", path, &e))?;
    serde_json::from_str(&text).map_err(|e| {
        Diagnostic::error("OPERATIONS.RISK.FILE", "the file of risk scores cannot be understood")
            .detail(format!("{}: {e}.", path.display()))
            .hint("It is a JSON object of numbers from 0 to 1: {\"line.l3\": 0.4, \"n4\": 0.2}.")
            .into()
    })
}

fn refused(error: &OperationsError) -> Failure {
    let text = error.to_string();
    match error {
        OperationsError::Circuit(e) => e.diagnostic().into(),
        OperationsError::Graph(e) => reconfigure::diagnostic(e).into(),
        OperationsError::Unsettled { .. } => Diagnostic::error("OPERATIONS.BASE.UNSETTLED", text)
            .hint("Mend the model until gridtwin solve settles, which says where it does not.")
            .into(),
        OperationsError::Transmission => Diagnostic::error("OPERATIONS.MODEL.TRANSMISSION", text)
            .hint("Write it phase by phase first: gridtwin convert MODEL --to opendss --out FILE.")
            .into(),
        _ => Diagnostic::error("OPERATIONS.OPTION.VALUE", text).into(),
    }
}

fn not_learnt(error: &LearnError) -> Failure {
    match error {
        LearnError::Operations(e) => refused(e),
        LearnError::Circuit(e) => e.diagnostic().into(),
        _ => Diagnostic::error("OPERATIONS.OPTION.VALUE", error.to_string()).into(),
    }
}

/// What a reader should know before the figures.
fn found(run: &Run) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let o = &run.optimum;
    if !o.no_bound.is_empty() {
        let first: Vec<&str> = o.no_bound.iter().take(3).map(String::as_str).collect();
        let more = if o.no_bound.len() > 3 { format!("; and {} more", o.no_bound.len() - 3) } else { String::new() };
        found.push(
            Diagnostic::note("OPERATIONS.BOUND.NONE", "no bound of branch and bound holds for this network")
                .detail(format!("{}{more}.", first.join("; ")))
                .hint("Raise --max-trees to solve all configurations, which proves the best of them too."),
        );
    }
    if matches!(o.proof, Proof::Gap | Proof::None) {
        let gap = o.gap_pct.map_or("No gap is known.".to_owned(), |gap| format!("It is at most {gap:.2} % above the optimum."));
        found.push(
            Diagnostic::note("OPERATIONS.OPTIMUM.UNPROVEN", "the best configuration is not proven to be the best of all")
                .detail(gap)
                .hint("Raise --max-nodes, or --max-trees where no bound holds."),
        );
    }
    let policy = run.learned.as_ref().and_then(|l| l.greedy.value).filter(|v| v.is_admissible).map(|v| v.objective_kw());
    let exchange = o.exchange.value.objective_kw();
    if run.learned.is_some() && policy.is_none_or(|kw| kw > exchange * (1.0 + 1e-9)) {
        found.push(
            Diagnostic::note("OPERATIONS.POLICY.BEHIND", "the learnt policy is behind branch exchange")
                .detail(match policy {
                    Some(kw) => format!("Its objective is {kw:.3} kW, that of branch exchange {exchange:.3} kW (seed {}).", run.seed),
                    None => format!("Its configuration is not admissible (seed {}).", run.seed),
                })
                .hint("Give it more --episodes, or take the configuration of the optimum."),
        );
    }
    found
}
