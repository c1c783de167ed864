//! `gridtwin scenario`: scenario files checked, laid upon models, and swept over.

pub mod arguments;
mod output;
pub mod sweep;

use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::model::Model;
use crate::model_files::ModelFiles;
use crate::number::{count, fixed};
use crate::qsts::models::{self, ModelRef};
use crate::text::{self, Table};
use arguments::{ScenarioApplyArguments, ScenarioArguments, ScenarioCheckArguments, ScenarioCommand, ScenarioSchemaArguments, SchemaForm};
use formats::opendss::FileSource;
use network::{Diagnostic, Network, Severity};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::sha256_hex;
use studies::scenario::{OF_ONE_NETWORK, Prepared, StackLedger, Stacked};

/// A scenario that may be run, and what it was read from.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub prepared: Arc<Prepared>,
    /// Warnings and notes of reading.
    pub findings: Vec<Diagnostic>,
    /// One hash over all files that it was read from.
    pub digest: String,
    pub path: PathBuf,
}

/// Reads a scenario and works out what does not depend on a network.
///
/// # Errors
/// All findings, when one of them is an error.
pub fn load(path: &Path) -> Result<Loaded, Failure> {
    load_from(&ModelFiles::default(), path)
}

/// As [`load`], with files from elsewhere.
///
/// # Errors
/// As [`load`].
pub fn load_from(files: &dyn FileSource, path: &Path) -> Result<Loaded, Failure> {
    let import = formats::scenario::read(files, path);
    let sound = import.is_sound();
    let Some(scenario) = import.scenario.filter(|_| sound) else { return Err(Failure::new(import.diagnostics)) };
    let mut text = String::new();
    for file in &import.files {
        let bytes = files.read(file).unwrap_or_default();
        text += &format!("{}\n{}\n", file.display(), sha256_hex(&bytes));
    }
    let prepared = Prepared::new(scenario, import.data).map_err(Failure::new)?;
    Ok(Loaded { prepared: Arc::new(prepared), findings: import.diagnostics, digest: sha256_hex(text.as_bytes()), path: path.to_owned() })
}

/// What of a scenario fits none of the models, or a model as such; models are read only as long as something is still to be found.
///
/// # Errors
/// A model that cannot be read.
pub fn check_models(
    prepared: &Prepared,
    models: &[ModelRef],
    read: &dyn Fn(&ModelRef) -> Result<Network, Failure>,
) -> Result<Vec<Diagnostic>, Failure> {
    let mut lacking: Option<Vec<Diagnostic>> = None;
    let mut others: Vec<Diagnostic> = Vec::new();
    for model in models {
        let network = read(model)?;
        let (of_one, rest): (Vec<_>, Vec<_>) =
            prepared.check(&network).into_iter().partition(|d| OF_ONE_NETWORK.contains(&d.code.as_str()));
        others.extend(rest);
        let same = |a: &Diagnostic, b: &Diagnostic| a.code == b.code && a.message == b.message && a.source == b.source;
        lacking = Some(match lacking {
            None => of_one,
            Some(before) => before.into_iter().filter(|d| of_one.iter().any(|o| same(d, o))).collect(),
        });
        if lacking.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
    }
    let mut found = lacking.unwrap_or_default();
    let mut seen = std::collections::HashSet::new();
    found.extend(others.into_iter().filter(|d| seen.insert((d.code.clone(), d.source.clone()))));
    Ok(found)
}

/// Reads the network of a model in any format.
///
/// # Errors
/// A model that cannot be read.
pub fn network_of(model: &ModelRef) -> Result<Network, Failure> {
    let read = match &model.stored {
        Some(s) => Model::of_version(&model.master, Some(&s.network), Some(s.version))?,
        None => Model::read_any(&ModelFiles::default(), &model.master, &[], false, &crate::cli::ImportArguments::default())?,
    };
    Ok(read.network)
}

/// Runs the command; false when errors were found.
///
/// # Errors
/// A file that cannot be read or written, a scenario that cannot be laid upon the model.
pub fn run(arguments: &ScenarioArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    match &arguments.command {
        ScenarioCommand::Check(a) => check(a, console),
        ScenarioCommand::Apply(a) => apply(a, console).map(|()| true),
        ScenarioCommand::Schema(a) => schema(a, console).map(|()| true),
        ScenarioCommand::Sweep(a) => sweep::run(a, console),
    }
}

fn schema(arguments: &ScenarioSchemaArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    match arguments.format {
        SchemaForm::Json => console.json(&formats::scenario::json_schema()),
        SchemaForm::Markdown => console.print(&formats::scenario::parameter_page()),
    }
}

fn check(arguments: &ScenarioCheckArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let import = formats::scenario::read(&DiskFiles::default(), &arguments.file);
    let mut findings = import.diagnostics;
    if let Some(scenario) = import.scenario {
        let names: Vec<String> = scenario.layers.iter().map(|l| format!("{} ({})", l.name, l.what.name())).collect();
        match Prepared::new(scenario.clone(), import.data) {
            Ok(prepared) => {
                findings.extend(prepared.findings.clone());
                if !arguments.models.is_empty() {
                    let models = models::find(&arguments.models)?;
                    findings.extend(check_models(&prepared, &models, &network_of)?);
                }
            }
            // Told already where a layer needs weather that is not there at all.
            Err(errors) => findings.extend(errors),
        }
        if !arguments.json {
            console.print(&format!("{}: {}\n", scenario.name, if names.is_empty() { "no layers".to_owned() } else { names.join(", ") }))?;
        }
    }
    if arguments.json {
        console.json(&findings)?;
    } else {
        console.print(&text::diagnostics(&findings, console.style))?;
        console.print(&format!("findings: {}\n", text::tally(&findings)))?;
    }
    Ok(findings.iter().all(|d| d.severity != Severity::Error))
}

fn apply(arguments: &ScenarioApplyArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let loaded = load(&arguments.file)?;
    let mut model = Model::read(&arguments.model)?;
    model.preflight(arguments.model.lenient)?;
    let stacked = lay(&loaded, &model.network)?;
    console.warn(&model.diagnostics);
    console.warn(&loaded.findings);
    console.warn(&stacked.findings);
    let written = match &arguments.out {
        Some(dir) => output::write(&stacked, dir)?,
        None => Vec::new(),
    };
    if arguments.json {
        return console.json(&stacked.ledger);
    }
    let mut text = summary(&stacked.ledger);
    for path in written {
        text += &format!("wrote {}\n", path.display());
    }
    console.print(&text)
}

/// The stacked network, checked.
///
/// # Errors
/// What of the scenario does not fit the network; a stacked network with faults.
pub fn lay(loaded: &Loaded, network: &Network) -> Result<Stacked, Failure> {
    let found = loaded.prepared.check(network);
    if found.iter().any(|d| d.severity == Severity::Error) {
        return Err(Failure::new(found));
    }
    let mut stacked = loaded.prepared.apply(network).map_err(Failure::new)?;
    stacked.findings.extend(found);
    let faults: Vec<Diagnostic> = network::check::check(&stacked.network).into_iter().filter(|d| d.severity == Severity::Error).collect();
    if faults.is_empty() { Ok(stacked) } else { Err(Failure::new(faults)) }
}

/// Figures of each layer.
pub fn summary(ledger: &StackLedger) -> String {
    let mut text = format!(
        "{} on {}: {} of {} min\n",
        ledger.scenario,
        ledger.network,
        count(ledger.base_kw.len(), "step"),
        fixed(ledger.step_h * 60.0, 0)
    );
    let mut table = Table::new(&["<layer", "<kind", ">units", ">customers", ">MWh", ">largest kW", ">at hour"]);
    let mut row = |name: &str, kind: &str, units: String, customers: String, course: &[f64]| {
        let (step, kw) = studies::scenario::peak(course);
        let mwh = course.iter().sum::<f64>() * ledger.step_h / 1000.0;
        table.row([name.into(), kind.into(), units, customers, fixed(mwh, 3), fixed(kw, 1), fixed((step + 1) as f64 * ledger.step_h, 2)]);
    };
    row("base", "", String::new(), String::new(), &ledger.base_kw);
    for l in &ledger.layers {
        row(&l.layer, &l.kind, l.units.to_string(), l.customers.to_string(), &l.profile_kw);
    }
    row("stacked", "", String::new(), String::new(), &ledger.stacked_kw);
    text += &table.render();
    text += &format!("base plus layers differ from stacked by {:.1e} of the peak\n", ledger.residual());
    for l in ledger.layers.iter().filter(|l| !l.facts.is_empty()) {
        text += &format!("{}\n", l.layer);
        for fact in &l.facts {
            text += &format!("  {fact}\n");
        }
    }
    text
}

/// The figures of a ledger that a feeder's record keeps.
pub fn record(ledger: &StackLedger) -> Value {
    let of = |course: &[f64]| {
        let (step, kw) = studies::scenario::peak(course);
        json!({ "energy_kwh": course.iter().sum::<f64>() * ledger.step_h, "peak_kw": kw, "peak_hour": (step + 1) as f64 * ledger.step_h })
    };
    let layers: Vec<Value> = ledger
        .layers
        .iter()
        .map(|l| {
            let mut figures = of(&l.profile_kw);
            (figures["layer"], figures["kind"], figures["units"], figures["customers"]) =
                (json!(l.layer), json!(l.kind), json!(l.units), json!(l.customers));
            figures
        })
        .collect();
    json!({ "scenario": ledger.scenario, "base": of(&ledger.base_kw), "layers": layers, "stacked": of(&ledger.stacked_kw), "residual": ledger.residual() })
}

/// Sums of the layers over the records of feeders: name, units, kWh.
pub fn totals<'a>(records: impl Iterator<Item = &'a Value>) -> Vec<(String, u64, f64)> {
    let mut order: Vec<String> = Vec::new();
    let mut sums: BTreeMap<String, (u64, f64)> = BTreeMap::new();
    for r in records {
        let base = json!({ "layer": "base", "energy_kwh": r["base"]["energy_kwh"], "units": 0 });
        let stacked = json!({ "layer": "stacked", "energy_kwh": r["stacked"]["energy_kwh"], "units": 0 });
        let layers = r["layers"].as_array().cloned().unwrap_or_default();
        for l in std::iter::once(&base).chain(&layers).chain([&stacked]) {
            let name = l["layer"].as_str().unwrap_or_default().to_owned();
            let sum = sums.entry(name.clone()).or_insert_with(|| {
                order.push(name);
                (0, 0.0)
            });
            sum.0 += l["units"].as_u64().unwrap_or(0);
            sum.1 += l["energy_kwh"].as_f64().unwrap_or(0.0);
        }
    }
    order.into_iter().map(|name| (name.clone(), sums[&name].0, sums[&name].1)).collect()
}

/// The sums of [`totals`] for people.
pub fn layers_table<'a>(records: impl Iterator<Item = &'a Value>) -> String {
    let mut table = Table::new(&["<layer", ">units", ">nominal MWh"]);
    for (name, units, kwh) in totals(records) {
        table.row([name, if units > 0 { units.to_string() } else { String::new() }, fixed(kwh / 1e3, 1)]);
    }
    table.render()
}

/// Largest memory that the process has held, bytes, where the system tells it.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kb: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(1024 * kb)
}
