//! `gridtwin exchange`: a design out to other tools, their results back and judged, and its pictures.
//!
//! ```text
//! design ─► formats::exchange::export ─► files, manifest, ledger
//! files of results ─► formats::exchange::read_results ─► studies::acceptance::judge ─► stages, constraint updates
//! design ─► network::diagram, blocks ─► network::picture ─► SVG
//! ```

pub mod arguments;
mod availability;
mod report;
mod shown;
mod sizing;

use crate::cli::TableFormat;
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::result_folder::cannot;
use crate::study_tables;
use arguments::{
    CheckArguments, ExchangeArguments, ExchangeCommand, ExportArguments, PictureArguments, SampleOf, StudyArguments, Subject, Tool,
    ValidateArguments,
};
use formats::exchange::{self, ExportOptions, Manifest, ResultFile, samples};
use formats::opendss::FileSource;
use network::Diagnostic;
use network::design::criteria::Criteria;
use network::design::{Design, pictures};
use std::path::Path;
use store::files::write_whole;
use studies::acceptance::{Verdict, judge};
use studies::design_study;

/// Runs the command. False where a stage fails.
///
/// # Errors
/// Files that cannot be read or written, designs, criteria and results that are refused.
pub fn run(arguments: &ExchangeArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    match &arguments.command {
        ExchangeCommand::Export(a) => export(a, console).map(|()| true),
        ExchangeCommand::Validate(a) => validate(a, console),
        ExchangeCommand::Study(a) => study(a, console),
        ExchangeCommand::Availability(a) => availability::run(a, console),
        ExchangeCommand::Size(a) => sizing::run(a, console),
        ExchangeCommand::Check(a) => check(a, console).map(|()| true),
        ExchangeCommand::Picture(a) => picture(a, console).map(|()| true),
        ExchangeCommand::Sample(a) => console
            .print(&match a.of {
                SampleOf::Design => samples::DESIGN.to_owned(),
                SampleOf::Sizing => samples::SIZING.to_owned(),
                SampleOf::Diagram => samples::DIAGRAM.to_owned(),
                SampleOf::Criteria => exchange::write_criteria(&Criteria::default()),
            })
            .map(|()| true),
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    DiskFiles::default().read(path).map_err(|e| cannot("read", path, &e))
}

fn text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(bytes(path)?).map_err(|_| {
        let what = Diagnostic::error("EXCHANGE.FILE.TEXT", format!("{} is no text in UTF-8", path.display()));
        what.hint("save it as UTF-8; a design is YAML or JSON").into()
    })
}

/// The design of a file, or the sample, with what is to be said of it.
fn design(path: Option<&Path>) -> Result<(Design, Vec<Diagnostic>), Failure> {
    match path {
        Some(path) => Ok(exchange::read_design(&text(path)?, &path.display().to_string())?),
        None => Ok(exchange::read_design(samples::DESIGN, samples::DESIGN_NAME)?),
    }
}

fn criteria(path: Option<&Path>) -> Result<Criteria, Failure> {
    match path {
        Some(path) => Ok(exchange::read_criteria(&text(path)?, &path.display().to_string())?),
        None => Ok(Criteria::default()),
    }
}

fn export(arguments: &ExportArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (design, found) = design(arguments.design.as_deref())?;
    let tool = match arguments.tool {
        Tool::Etap => exchange::Tool::Etap,
        Tool::Psse => exchange::Tool::Psse,
        Tool::Windchill => exchange::Tool::Windchill,
    };
    let options = ExportOptions { version: arguments.version, scenario_cases: arguments.scenario_cases, ..ExportOptions::default() };
    let export = exchange::export(&design, tool, &options).map_err(Failure::new)?;
    if let Some(dir) = &arguments.out {
        std::fs::create_dir_all(dir).map_err(|e| cannot("make", dir, &e))?;
        for file in &export.files {
            write_whole(&dir.join(&file.name), &file.bytes)?;
        }
        // Last: a manifest says that all is there.
        write_whole(&dir.join(exchange::MANIFEST), export.manifest_text().as_bytes())?;
    }
    if let Some(path) = &arguments.zip {
        write_whole(path, &export.zip())?;
    }
    // The check of the design says the same again.
    let more = export.findings.iter().filter(|d| !found.contains(d)).cloned();
    console.warn(&found.iter().cloned().chain(more).collect::<Vec<_>>());
    if arguments.json { console.json(&export.manifest) } else { console.print(&shown::export(&design, &export, arguments)) }
}

fn validate(arguments: &ValidateArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let (design, mut found) = design(arguments.design.as_deref())?;
    let criteria = criteria(arguments.criteria.as_deref())?;
    let mut manifest: Option<Manifest> = None;
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for path in &arguments.results {
        if let Some(sample) = path.to_str().and_then(samples::results) {
            files.extend(sample.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())));
        } else if path.file_name().is_some_and(|n| n == exchange::MANIFEST) {
            manifest = Some(exchange::read_manifest(&bytes(path)?, &path.display().to_string())?);
        } else {
            files.push((path.display().to_string(), bytes(path)?));
        }
    }
    let files: Vec<ResultFile<'_>> = files.iter().map(|(name, bytes)| ResultFile { name, bytes }).collect();
    let imported = exchange::read_results(&design, &files, manifest.as_ref())?;
    let acceptance = judge(&design, &imported.results, &criteria);
    if let Some(path) = &arguments.report {
        report::write(path, &design, &acceptance, None, None)?;
    }
    found.extend(imported.findings.iter().cloned());
    console.warn(&found);
    if arguments.json {
        console.json(&acceptance)?;
    } else {
        console.print(&shown::acceptance(&design, &imported.found, &acceptance))?;
    }
    Ok(acceptance.overall != Verdict::Fail)
}

fn study(arguments: &StudyArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let (design, mut found) = design(arguments.design.as_deref())?;
    let criteria = criteria(arguments.criteria.as_deref())?;
    let own = design_study::run(&design, Some(criteria.ram.availability_min)).map_err(Failure::new)?;
    let acceptance = judge(&design, &own.results, &criteria);
    if let Some(dir) = &arguments.out {
        std::fs::create_dir_all(dir).map_err(|e| cannot("make", dir, &e))?;
        for table in own.tables() {
            let name = study_tables::file_name(table.name, TableFormat::Csv);
            if let Some(content) = study_tables::file_of(table.name, [table], TableFormat::Csv)? {
                write_whole(&dir.join(name), &content)?;
            }
        }
    }
    if let Some(path) = &arguments.report {
        report::write(path, &design, &acceptance, Some(&own), None)?;
    }
    found.extend(own.findings.iter().cloned());
    console.warn(&found);
    if arguments.json {
        console.json(&shown::study_json(&own, &acceptance))?;
    } else {
        console.print(&shown::study(&design, &own, &acceptance))?;
    }
    Ok(acceptance.overall != Verdict::Fail && !own.is_incomplete())
}

fn check(arguments: &CheckArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (design, found) = design(arguments.design.as_deref())?;
    console.warn(&found);
    if arguments.json { console.json(&shown::design_json(&design)) } else { console.print(&shown::design(&design)) }
}

fn picture(arguments: &PictureArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (design, found) = design(arguments.design.as_deref())?;
    console.warn(&found);
    let drawing = match arguments.subject {
        Subject::SingleLine => pictures::single_line(&design).map_err(Failure::new)?,
        Subject::Blocks => pictures::blocks(&design).ok_or_else(|| {
            let what = Diagnostic::error("EXCHANGE.DESIGN.NO_BLOCKS", "the design has no reliability blocks");
            Failure::from(what.hint("add `blocks` to the design; `gridtwin exchange sample design` shows some"))
        })?,
    };
    write_whole(&arguments.out, drawing.svg().as_bytes())?;
    console.print(&format!("{}: {}\n", arguments.out.display(), drawing.caption))
}
