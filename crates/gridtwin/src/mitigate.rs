//! `gridtwin mitigate`: what would mend the violations of a model over a series, what it costs, and what to buy with a budget.

use crate::cli::{Controls, IterationArguments, ModelArguments, TableFormat, not_negative, positive, step_h};
use crate::console::Console;
use crate::failure::Failure;
use crate::hands::{GiveHands, HandsArguments};
use crate::hosting::arguments::SeriesWord;
use crate::model::Model;
use crate::model_files::ModelFiles;
use crate::number::{count, fixed};
use crate::qsts::feeder::shape_notes;
use crate::result_folder::ResultFolder;
use crate::study_tables;
use crate::text::Table as TextTable;
use crate::{scenario, solve};
use clap::Args;
use network::cost::CostCatalogue;
use network::{ControlMode, Diagnostic, SolutionMode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use studies::hands::Hands;
use studies::mitigation::{self, Mitigation, MitigationError, MitigationOptions};
use studies::time_series::{Keep, TimeSeriesOptions, VoltageLimits};

/// Every file that a run may write; the last one is the sign that all are whole.
const FILES: &[&str] = &[
    "violations.csv",
    "violations.parquet",
    "clusters.csv",
    "clusters.parquet",
    "candidates.csv",
    "candidates.parquet",
    "portfolio.csv",
    "portfolio.parquet",
    "summary.json",
];
/// Rows of a table that a terminal is shown.
const SHOWN: usize = 12;

#[derive(Debug, Clone, Args)]
pub struct MitigateArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Cost catalogue, YAML or JSON; --costs-template prints an empty one
    #[arg(long, value_name = "FILE", required_unless_present = "costs_template")]
    pub costs: Option<PathBuf>,
    /// Print an empty cost catalogue to be filled in, and end
    #[arg(long)]
    pub costs_template: bool,
    /// What may be spent, in the catalogue's currency [default: all that helps]
    #[arg(long, value_name = "AMOUNT", value_parser = not_negative)]
    pub budget: Option<f64>,
    /// Scenario that is laid upon the model before
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Changes that are solved for a cluster of violations at most
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub candidates: u32,
    /// Sets of changes that are solved for the portfolio at most; where no more fit the budget, all are, and the best is proven
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub sets: u32,
    /// Shapes that the series follows
    #[arg(long, value_enum, default_value = "yearly")]
    pub series: SeriesWord,
    /// Steps of the series [default: 8760 yearly, 24 daily]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub steps: Option<u32>,
    /// Length of a step with its unit: 1h, 15m, 30s
    #[arg(long = "step-length", value_name = "LENGTH", default_value = "1h", value_parser = step_h)]
    pub step_length_h: f64,
    /// Lower limit of voltages, pu
    #[arg(long, value_name = "PU", default_value_t = 0.95, value_parser = positive)]
    pub v_low: f64,
    /// Upper limit of voltages, pu
    #[arg(long, value_name = "PU", default_value_t = 1.05, value_parser = positive)]
    pub v_high: f64,
    /// How controls act [default: as the model says]
    #[arg(long, value_enum)]
    pub controls: Option<Controls>,
    #[command(flatten)]
    pub iteration: IterationArguments,
    #[command(flatten)]
    pub hands: HandsArguments,
    /// Write tables and summary.json into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Form of the tables
    #[arg(long, value_enum, default_value = "csv")]
    pub format: TableFormat,
    /// Print summary and tables as JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads a cost catalogue.
///
/// # Errors
/// A file that cannot be read, figures that are none.
pub fn catalogue(path: &Path) -> Result<CostCatalogue, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        Failure::from(
            Diagnostic::error("MITIGATION.COSTS.UNREADABLE", format!("cannot read {}", path.display()))
                .detail(format!("The system says: {e}."))
                .hint("Print an empty catalogue with gridtwin mitigate MODEL --costs-template, and fill it in."),
        )
    })?;
    formats::costs::read(&text, &path.display().to_string()).map_err(Failure::new)
}

/// Runs the command.
///
/// # Errors
/// A model, scenario or catalogue that cannot be read; a network that is none of a distribution; a file that cannot be written.
pub fn run(arguments: &MitigateArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    if arguments.costs_template {
        return console.print(&formats::costs::template());
    }
    let mut folder = None;
    let (model, found, summary) = asked(arguments, &mut |digest| {
        folder = arguments.out.as_deref().map(|dir| ResultFolder::prepare(dir, FILES)).transpose()?;
        arguments.hands.hands(digest)
    })?;
    console.warn(&model.diagnostics);
    let worth = summary["losses_per_kwh"].as_f64();
    let tables = found.tables(worth);
    if let Some(folder) = &folder {
        study_tables::write(folder, FILES, &tables, &summary, arguments.format)?;
    }
    if arguments.json {
        return console.json(&study_tables::as_json(&tables, summary));
    }
    let mut text = render(&model, &found, summary["currency"].as_str().unwrap_or_default());
    if let Some(dir) = &arguments.out {
        text.push_str(&format!("\nwrote {} and summary.json to {}\n", count(tables.len(), "table"), dir.display()));
    }
    console.print(&text)
}

/// Reads what is asked about, and studies it.
///
/// # Errors
/// As [`run`], but for files that are written; hands that cannot be had.
pub fn asked(arguments: &MitigateArguments, hands: GiveHands<'_>) -> Result<(Model, Mitigation, Value), Failure> {
    let costs = catalogue(arguments.costs.as_deref().unwrap_or(Path::new("")))?;
    let (mut model, mut read) = Model::read_hashed(&ModelFiles::default(), &arguments.model)?;
    if let Some(path) = &arguments.scenario {
        let loaded = scenario::load(path)?;
        model.network = scenario::lay(&loaded, &model.network)?.network;
        read.push_str(&loaded.digest);
    }
    model.preflight(arguments.model.lenient)?;
    read.push_str(&serde_json::to_string(&costs).expect("costs are plain data"));
    let hands = hands(&store::sha256_hex(read.as_bytes()))?;
    let (found, summary) = study(arguments, costs, &mut model, hands, &|_, _| ())?;
    Ok((model, found, summary))
}

/// Studies a model that a check has let pass. `watch` is told how many of how many series are solved.
///
/// # Errors
/// A transmission case, options that no series can have, a network that cannot be compiled.
pub fn study(
    arguments: &MitigateArguments,
    costs: CostCatalogue,
    model: &mut Model,
    hands: Hands,
    watch: &(dyn Fn(usize, usize) + Sync),
) -> Result<(Mitigation, Value), Failure> {
    if model.network.is_transmission() {
        return Err(Diagnostic::error("MITIGATION.MODEL.TRANSMISSION", "changes are proposed for a distribution network")
            .detail(format!("{} is a balanced transmission case.", model.name))
            .hint("Write it phase by phase first: gridtwin convert MODEL --to opendss --out FILE.")
            .into());
    }
    let (mode, steps) = match arguments.series {
        SeriesWord::Yearly => (SolutionMode::Yearly, 8760),
        SeriesWord::Daily => (SolutionMode::Daily, 24),
    };
    let limits = VoltageLimits { a_low_pu: arguments.v_low, a_high_pu: arguments.v_high, ..VoltageLimits::default() };
    let series = TimeSeriesOptions {
        mode,
        steps: arguments.steps.unwrap_or(steps),
        step_h: arguments.step_length_h,
        controls: arguments.controls.map(|c| match c {
            Controls::Static => ControlMode::Static,
            Controls::Off => ControlMode::Off,
        }),
        tolerance_pu: arguments.iteration.tolerance,
        keep: Keep { steps: false, statistics: true, episodes: true, meters: false, ..Keep::default() },
        limits: VoltageLimits {
            b_low_pu: limits.b_low_pu.min(limits.a_low_pu),
            b_high_pu: limits.b_high_pu.max(limits.a_high_pu),
            ..limits
        },
        ..TimeSeriesOptions::default()
    };
    solve::set_limits(&mut model.network.options, true, &arguments.iteration);
    series.apply(&mut model.network.options);
    let notes = shape_notes(&model.network, &series);
    model.diagnostics.extend(notes);
    let options = MitigationOptions {
        series,
        costs,
        budget: arguments.budget,
        candidates_max: arguments.candidates as usize,
        sets_max: arguments.sets as usize,
        hands,
    };
    let found = mitigation::run(&model.network, &options, watch).map_err(|e| match e {
        MitigationError::Hands(e) => Failure::new(e.findings),
        e => Diagnostic::error("MITIGATION.STUDY.REFUSED", e.to_string()).hint("Mend the model until gridtwin qsts runs.").into(),
    })?;
    for (figure, n) in &found.without_cost {
        let what = network::cost::COST_FIGURES.iter().find(|(name, _)| name == figure).map_or("", |(_, what)| what);
        model.diagnostics.push(
            Diagnostic::warning(
                "MITIGATION.COSTS.MISSING",
                format!("{} not proposed: the catalogue has no figure {figure}", count(*n, "change")),
            )
            .hint(format!("Give {figure}: {what}.")),
        );
    }
    if found.base.unsettled > 0 {
        model.diagnostics.push(
            Diagnostic::warning("MITIGATION.SERIES.UNSETTLED", format!("{} did not settle", count(found.base.unsettled as usize, "step")))
                .detail("Of those steps nothing is known, with changes or without.".to_owned())
                .hint("See gridtwin qsts for the steps and the nodes."),
        );
    }
    let summary = summary(&model.network.name, &found, &options);
    Ok((found, summary))
}

fn summary(circuit: &str, found: &Mitigation, options: &MitigationOptions) -> Value {
    let mut kinds: Vec<&str> = Vec::new();
    for c in &found.clusters {
        if !kinds.contains(&c.kind.word()) {
            kinds.push(c.kind.word());
        }
    }
    let course = |c: &mitigation::Course| {
        json!({
            "violation_h": c.total_h(),
            "things": c.hours.len(),
            "loading_max_pct": c.loading_max_pct,
            "v_min_pu": c.v_min_pu,
            "v_max_pu": c.v_max_pu,
            "losses_kwh": c.losses_kwh,
            "unsettled": c.unsettled,
        })
    };
    json!({
        "circuit": circuit,
        "currency": options.costs.currency,
        "costs_source": options.costs.source,
        "losses_per_kwh": options.costs.losses_per_kwh,
        "budget": options.budget,
        "steps": options.series.steps,
        "step_h": options.series.step_h,
        "v_low_pu": options.series.limits.a_low_pu,
        "v_high_pu": options.series.limits.a_high_pu,
        "before": course(&found.base),
        "clusters": found.clusters.len(),
        "kinds": kinds,
        "candidates": found.candidates.len(),
        "portfolio": found.portfolio.as_ref().map(|p| json!({
            "changes": p.chosen.iter().map(|&c| found.candidates[c].words.as_str()).collect::<Vec<_>>(),
            "cost": p.cost,
            "expected_h": p.expected_h,
            "is_best": p.is_best,
            "mended_h": found.base.total_h() - p.course.total_h(),
            "after": course(&p.course),
        })),
    })
}

fn render(model: &Model, found: &Mitigation, currency: &str) -> String {
    let b = &found.base;
    if found.violations.is_empty() {
        return format!("{}: no voltage outside its band and no loading above its rating; there is nothing to mend\n", model.network.name);
    }
    let mut text = format!(
        "{}: {} h of violation at {} in {}; {} solved\n\nClusters\n",
        model.network.name,
        fixed(b.total_h(), 1),
        count(found.violations.len(), "thing"),
        count(found.clusters.len(), "cluster"),
        count(found.candidates.len(), "change")
    );
    let mut table = TextTable::new(&[">#", "<kind", ">things", ">hours", "<worst", ">value", "<least cost for an hour", ">mends h"]);
    for (k, c) in found.clusters.iter().take(SHOWN).enumerate() {
        let worst = &found.violations[c.violations[0]];
        let best = found.best_for(k);
        table.row([
            (k + 1).to_string(),
            c.kind.word().to_owned(),
            c.violations.len().to_string(),
            fixed(c.hours, 1),
            worst.thing.clone(),
            format!("{} {}", fixed(worst.worst, if worst.kind == mitigation::Kind::Overload { 1 } else { 4 }), worst.kind.unit()),
            best.map_or_else(|| "none helps".to_owned(), |c| c.words.clone()),
            best.map_or_else(String::new, |c| fixed(c.mended_h[k], 1)),
        ]);
    }
    text.push_str(&table.render());
    if found.clusters.len() > SHOWN {
        text.push_str(&format!("  … and {} more\n", found.clusters.len() - SHOWN));
    }
    text.push_str("\nChanges, each solved, by cost for an hour\n");
    let head = format!(">cost {currency}");
    let mut table = TextTable::new(&[">#", "<change", &head, ">mends h", ">makes h", ">cost/h", ">saves kWh", "<"]);
    for (i, c) in found.candidates.iter().take(SHOWN).enumerate() {
        table.row([
            (i + 1).to_string(),
            c.words.clone(),
            fixed(c.cost, 0),
            fixed(c.mended_h.iter().sum(), 1),
            fixed(c.new_h, 1),
            c.cost_per_h().map_or_else(|| "none".to_owned(), |x| fixed(x, 2)),
            fixed(b.losses_kwh - c.course.losses_kwh, 0),
            if found.portfolio.as_ref().is_some_and(|p| p.chosen.contains(&i)) { "chosen" } else { "" }.to_owned(),
        ]);
    }
    text.push_str(&table.render());
    if found.candidates.len() > SHOWN {
        text.push_str(&format!("  … and {} more; --out DIR writes them all\n", found.candidates.len() - SHOWN));
    }
    match &found.portfolio {
        None => text.push_str("\nNo change within the budget mends anything.\n"),
        Some(p) => {
            let a = &p.course;
            text.push_str(&format!(
                "\nPortfolio, solved as one network: {} {currency} mend {} of {} h, {} h are left{}\n",
                fixed(p.cost, 0),
                fixed(b.total_h() - a.total_h(), 1),
                fixed(b.total_h(), 1),
                fixed(a.total_h(), 1),
                if p.is_best { "; no set of these changes does better" } else { "" }
            ));
            for &c in &p.chosen {
                text.push_str(&format!("  {} ({} {currency})\n", found.candidates[c].words, fixed(found.candidates[c].cost, 0)));
            }
            let number = |x: Option<f64>, n| x.map_or_else(|| "none".to_owned(), |x| fixed(x, n));
            text.push_str(&format!(
                "  highest loading {} to {} %, lowest voltage {} to {} pu, highest {} to {} pu, losses {} to {} kWh\n",
                number(b.loading_max_pct, 1),
                number(a.loading_max_pct, 1),
                number(b.v_min_pu, 4),
                number(a.v_min_pu, 4),
                number(b.v_max_pu, 4),
                number(a.v_max_pu, 4),
                fixed(b.losses_kwh, 0),
                fixed(a.losses_kwh, 0)
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_files() {
        for (name, _) in studies::mitigation::tables::ALL {
            for form in ["csv", "parquet"] {
                assert!(FILES.contains(&format!("{name}.{form}").as_str()), "{name}.{form}");
            }
        }
    }
}
