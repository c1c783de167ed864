//! `gridtwin contingency`: what becomes of a network without each of its elements.

mod report;

use crate::cli::Controls;
use crate::console::Console;
use crate::failure::Failure;
use crate::hands::GiveHands;
use crate::model::Model;
use crate::number::count;
use crate::result_folder::ResultFolder;
use crate::study_tables;
use crate::switching::arguments::{ContingencyArguments, IsolationWord};
use crate::switching::{base_finding, criteria, diagnostics, is_emergency, isolation, refused, restore_options, settled};
use network::Diagnostic;
use powerflow::newton;
use serde_json::Value as Json;
use studies::contingency::{ContingencyOptions, ContingencyResult, Selection, When, run as run_outages, transmission};
use studies::hands::Hands;
use studies::hosting::Criterion;
use studies::switching::Solved;

/// Files that a run may write; the last one is the sign that all are whole.
const FILES: &[&str] = &[
    "contingencies.csv",
    "contingencies.parquet",
    "violations.csv",
    "violations.parquet",
    "elements.csv",
    "elements.parquet",
    "overloads.csv",
    "overloads.parquet",
    "base.csv",
    "base.parquet",
    "steps.csv",
    "steps.parquet",
    "summary.json",
];

/// Refused plans that a row of outages keeps.
const TOLD: u16 = 3;

/// What the study found of a model.
pub struct Answer {
    pub result: ContingencyResult,
    pub tables: Vec<studies::table::Table>,
    pub summary: Json,
}

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, that a check refuses, that does not settle; elements or steps that it does not have; a file that cannot be written.
pub fn run(arguments: &ContingencyArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = arguments.answer.out.as_deref().map(|dir| ResultFolder::prepare(dir, FILES)).transpose()?;
    let (model, answer) = asked(arguments, &mut |digest| arguments.hands.hands(digest))?;
    console.warn(&model.diagnostics);
    let mut written = String::new();
    if let (Some(folder), Some(dir)) = (&folder, &arguments.answer.out) {
        let n = study_tables::write(folder, FILES, &answer.tables, &answer.summary, arguments.answer.format)?;
        written = format!("wrote {} to {}\n", count(n, "file"), dir.display());
    }
    if arguments.answer.json {
        return console.json(&study_tables::as_json(&answer.tables, answer.summary));
    }
    console.print(&(report::render(&model, arguments, &answer.result, console.style) + &written))
}

fn options(a: &ContingencyArguments, hands: Hands) -> ContingencyOptions {
    let named = a.lines || a.transformers || a.sources || a.generators || !a.outage.is_empty();
    let how = isolation(a.isolation.unwrap_or(if a.restore { IsolationWord::Switches } else { IsolationWord::Element }));
    let voltages = [Criterion::OverVoltage, Criterion::UnderVoltage];
    ContingencyOptions {
        selection: Selection {
            lines: a.lines || !named,
            transformers: a.transformers || !named,
            sources: a.sources || !named,
            generators: a.generators || !named,
            elements: a.outage.clone(),
        },
        pairs: a.pairs,
        criteria: criteria(&a.state),
        own_voltage_limits: !a.state.limit.iter().any(|(c, _)| voltages.contains(c)),
        emergency: is_emergency(&a.state),
        isolation: how,
        restore: a.restore.then(|| restore_options(&a.search, how, TOLD)),
        hands,
    }
}

/// Reads and studies the model that is asked about.
///
/// # Errors
/// As [`run`], but for files that are written; hands that cannot be had.
pub fn asked(arguments: &ContingencyArguments, hands: GiveHands<'_>) -> Result<(Model, Answer), Failure> {
    let (mut model, digest) = Model::prepare_hashed(&arguments.model)?;
    let answer = study(arguments, &mut model, hands(&digest)?)?;
    Ok((model, answer))
}

/// Studies a model that a check has let pass; what is found on the way stands in its findings.
///
/// # Errors
/// As [`run`], but for files.
pub fn study(arguments: &ContingencyArguments, model: &mut Model, hands: Hands) -> Result<Answer, Failure> {
    let options = options(arguments, hands);
    let found = if model.network.is_transmission() {
        if arguments.hours != When::Snapshot || arguments.restore {
            let what =
                Diagnostic::error("CONTINGENCY.MODEL.TRANSMISSION", "a transmission case has one moment and no switches to restore by")
                    .hint("Leave --hours and --restore out.");
            return Err(refused(model, vec![what]));
        }
        let defaults = newton::Options::default();
        let iteration = &arguments.state.iteration;
        let solver = newton::Options {
            controls: if arguments.state.controls == Some(Controls::Static) { newton::Controls::Active } else { newton::Controls::Locked },
            tolerance_pu: iteration.tolerance.unwrap_or(defaults.tolerance_pu),
            max_iterations: iteration.max_iterations.unwrap_or(defaults.max_iterations),
            max_control_rounds: iteration.max_control_iterations.unwrap_or(defaults.max_control_rounds),
            ..defaults
        };
        transmission::run(&model.network, &solver, &options)
    } else {
        let moments = settled(model, &arguments.state, &arguments.hours)?;
        run_outages(&moments, &options)
    };
    let result = match found {
        Ok(result) => result,
        Err(e) => {
            let what = diagnostics(&e, model);
            return Err(refused(model, what));
        }
    };
    for (moment, _, c) in &result.base {
        model.diagnostics.extend(base_finding(moment, c.n_kept));
    }
    let unsolved = result.cases.iter().filter(|c| c.at.iter().any(|a| matches!(a.condition.solved, Solved::No | Solved::Hunting))).count();
    if unsolved > 0 {
        model.diagnostics.push(
            Diagnostic::warning("CONTINGENCY.CASE.UNSOLVED", format!("{} without a solution", count(unsolved, "outage")))
                .detail("The power flow does not settle, or its controls go to and fro. Of the former no voltage or loading is told, of the latter those of the last round.")
                .hint("They come first in the table: look at what they take, and solve them alone (gridtwin solve --dss \"open …\")."),
        );
    }
    let tables = result.tables(&model.network);
    let summary = report::summary(model, &result);
    Ok(Answer { result, tables, summary })
}
