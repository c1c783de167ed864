//! `gridtwin convert`: a model of any format, written in another.

use crate::cli::{ConvertArguments, Machines, TargetFormat};
use crate::console::Console;
use crate::equivalent;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::count;
use crate::result_folder::{cannot, write_whole};
use crate::text::Table;
use formats::{cyme, gis, matpower, opendss, psse};
use network::{Diagnostic, Disposition, Ledger, Network};
use powerflow::equivalent::MachineForm;
use std::path::{Path, PathBuf};

/// Runs the command. Nothing is written unless all can be.
///
/// # Errors
/// A model that cannot be read, a network that has no form in the format, a file that cannot be written.
pub fn run(arguments: &ConvertArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let mut model = Model::read(&arguments.model)?;
    let form = arguments.machines.map(|m| match m {
        Machines::Power => MachineForm::Power,
        Machines::Source => MachineForm::Source,
    });
    let equivalent = equivalent::of_model(&mut model, arguments.to, arguments.balanced, form, arguments.model.lenient)?;
    console.warn(&model.diagnostics);
    let mut ledger = Ledger::default();
    let network = match &equivalent {
        Some(made) => {
            console.warn(&made.diagnostics);
            ledger = made.ledger.clone();
            &made.network
        }
        None => &model.network,
    };
    let (files, of_writing) = write(network, arguments.to, &arguments.out)?;
    ledger.entries.extend(of_writing.entries);
    for (path, text) in &files {
        if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            std::fs::create_dir_all(dir).map_err(|e| cannot("make the folder", dir, &e))?;
        }
        write_whole(path, text)?;
    }
    if arguments.json {
        return console.json(&ledger);
    }
    let names: Vec<String> = files.iter().map(|(p, _)| p.display().to_string()).collect();
    let mut text = format!("{}: wrote {}\n", model.name, names.join(", "));
    text.push_str(&ledger_table(&ledger));
    console.print(&text)
}

fn refused(error: impl std::fmt::Display) -> Failure {
    Diagnostic::error("OUTPUT.FORMAT.REFUSED", error.to_string()).into()
}

/// The files of a network in a format, with what became of its values.
///
/// # Errors
/// What of the network has no form in the format.
pub fn write(network: &Network, to: TargetFormat, out: &Path) -> Result<(Vec<(PathBuf, String)>, Ledger), Failure> {
    let one = |text: String| vec![(out.to_owned(), text)];
    Ok(match to {
        TargetFormat::Opendss => {
            let written = opendss::write(network, &opendss::WriteOptions::default()).map_err(refused)?;
            let mut files = Vec::new();
            // The script names the file of coordinates, which stands beside it.
            files.extend(written.coordinates.map(|text| (out.with_file_name(opendss::write::COORDINATES_FILE), text)));
            files.push((out.to_owned(), written.master));
            (files, written.ledger)
        }
        TargetFormat::Raw33 | TargetFormat::Raw34 | TargetFormat::Raw35 => {
            let version = match to {
                TargetFormat::Raw33 => 33,
                TargetFormat::Raw34 => 34,
                _ => 35,
            };
            let (text, ledger) = psse::write(network, &psse::WriteOptions { version }).map_err(refused)?;
            (one(text), ledger)
        }
        TargetFormat::Matpower => {
            let name = out.file_stem().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            let (text, ledger) = matpower::write(network, &name).map_err(refused)?;
            (one(text), ledger)
        }
        TargetFormat::Cyme => {
            let written = cyme::write(network, &cyme::WriteOptions::default()).map_err(refused)?;
            let files = [("network.txt", written.network), ("equipment.txt", written.equipment), ("load.txt", written.load)];
            (files.into_iter().map(|(name, text)| (out.join(name), text)).collect(), written.ledger)
        }
        TargetFormat::Geojson => (one(gis::export::write_geojson(network)?), Ledger::default()),
        TargetFormat::Csv => {
            let files = gis::export::write_csv(network)?;
            (files.into_iter().map(|f| (out.join(f.name), f.text)).collect(), Ledger::default())
        }
    })
}

/// What was not kept as it was.
fn ledger_table(ledger: &Ledger) -> String {
    let mut table = Table::new(&["<value", ">times", "<became"]);
    for e in &ledger.entries {
        let became = match &e.disposition {
            Disposition::Kept => continue,
            Disposition::Converted { formula } => format!("converted: {formula}"),
            Disposition::Defaulted { value, reason } => format!("{value} ({reason})"),
            Disposition::Dropped { reason } => format!("dropped: {reason}"),
        };
        table.row([e.field.clone(), e.count.to_string(), became]);
    }
    let kept: usize = ledger.entries.iter().filter(|e| e.disposition == Disposition::Kept).map(|e| e.count).sum();
    let mut text = if kept > 0 { format!("  {} kept as they were\n", count(kept, "value")) } else { String::new() };
    if !table.is_empty() {
        text.push_str(&table.render());
    }
    text
}
