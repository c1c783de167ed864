//! `gridtwin flexibility`: programs of flexible demand on a model.

pub mod arguments;
mod report;

use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::count;
use crate::result_folder::{ResultFolder, cannot};
use crate::study_tables;
use arguments::{BaselineWord, FlexibilityArguments, FlexibilityCommand, LeastWord, RunArguments, SampleArguments};
use formats::flexibility::{read_flexibility, write_flexibility};
use formats::opendss::FileSource;
use network::Diagnostic;
use network::flexibility::Target;
use serde_json::json;
use studies::flexibility::{BaselineKind, FlexibilityOptions, FlexibilityResult, Least, SampleOptions, run as run_day, sample};

/// Every file that a run may write; the last one is the sign that all are whole.
const FILES: &[&str] = &[
    "events.csv",
    "events.parquet",
    "devices.csv",
    "devices.parquet",
    "steps.csv",
    "steps.parquet",
    "participants.csv",
    "participants.parquet",
    "transformers.csv",
    "transformers.parquet",
    "summary.json",
];

/// Runs the command. False where a target is missed.
///
/// # Errors
/// A model or document that is refused, a power flow that does not settle, a file that cannot be written.
pub fn run(arguments: &FlexibilityArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    match &arguments.command {
        FlexibilityCommand::Run(a) => day(a, console),
        FlexibilityCommand::Sample(a) => print_sample(a, console).map(|()| true),
    }
}

/// Devices meet a network phase by phase.
fn prepared(arguments: &crate::cli::ModelArguments) -> Result<Model, Failure> {
    let mut model = Model::prepare(arguments)?;
    if !model.network.is_transmission() {
        return Ok(model);
    }
    let what = Diagnostic::error("FLEXIBILITY.MODEL.TRANSMISSION", "flexible demand is a question to a distribution network")
        .detail(format!("{} is a balanced transmission case.", model.name))
        .hint("Write it phase by phase first: gridtwin convert MODEL --to opendss --out FILE.");
    let mut found = std::mem::take(&mut model.diagnostics);
    found.push(what);
    Err(Failure::new(found))
}

fn day(a: &RunArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let folder = a.out.as_deref().map(|dir| ResultFolder::prepare(dir, FILES)).transpose()?;
    let bytes = DiskFiles::default().read(&a.programs).map_err(|e| cannot("read", &a.programs, &e))?;
    let name = a.programs.display().to_string();
    let text = String::from_utf8(bytes).map_err(|_| {
        let what = Diagnostic::error("FLEXIBILITY.FILE.UNREADABLE", format!("{name} is no text in UTF-8"));
        Failure::from(what.hint("save it as UTF-8; a document is YAML or JSON"))
    })?;
    let model = prepared(&a.model)?;
    let (case, found) = read_flexibility(&text, &name, Some(&model.network))?;
    console.warn(&model.diagnostics);
    console.warn(&found);
    let options = FlexibilityOptions {
        least: match a.least {
            LeastWord::Energy => Least::CurtailedEnergy,
            LeastWord::Cost => Least::Cost,
        },
        baseline: match a.baseline {
            BaselineWord::HighFiveOfTen => BaselineKind::HighFiveOfTen,
            BaselineWord::Regression => BaselineKind::Regression,
        },
    };
    let result = run_day(&model.network, &case, &options).map_err(|e| Failure::new(e.diagnostics(&case)))?;
    console.warn(&result.findings);
    let is_met = result.events.iter().all(|e| e.missing.is_none());
    let tables = result.tables();
    let summary = summary(&model, &result);
    let mut written = String::new();
    if let (Some(folder), Some(dir)) = (&folder, &a.out) {
        let n = study_tables::write(folder, FILES, &tables, &summary, a.format)?;
        written = format!("wrote {} to {}\n", count(n, "file"), dir.display());
    }
    if a.json {
        console.json(&study_tables::as_json(&tables, summary))?;
    } else {
        console.print(&(report::render(&model.name, &case, &result, console.style) + &written))?;
    }
    Ok(is_met)
}

fn summary(model: &Model, r: &FlexibilityResult) -> serde_json::Value {
    json!({
        "model": model.name,
        "case": r.case,
        "events": r.events,
        "books": r.books,
        "mismatch_va": r.mismatch_va,
        "findings": r.findings,
    })
}

fn print_sample(a: &SampleArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let model = prepared(&a.model)?;
    let is_asked = a.target.is_some() || a.limit_kw.is_some();
    let target = is_asked.then(|| Target { element: a.target.clone(), limit_kw: a.limit_kw, limit_kva: None });
    let options = SampleOptions { n_devices: a.devices as usize, seed: a.seed, step_min: a.step, bus: a.bus.clone(), target };
    let case = sample(&model.network, &options);
    let mut faults = case.check();
    faults.extend(case.check_against(&model.network));
    if !faults.is_empty() {
        return Err(Failure::new(faults));
    }
    let text = write_flexibility(&case).map_err(|e| {
        Failure::from(
            Diagnostic::error("FLEXIBILITY.FILE.WRITE", "the document cannot be written").detail(format!("The writer says: {e}.")),
        )
    })?;
    console.print(&text)
}
