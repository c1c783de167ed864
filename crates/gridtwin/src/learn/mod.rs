//! `gridtwin learn`: the modules of learning, and the models that they fit.
//!
//! ```text
//! words NAME=VALUE ─► inputs (files, queries of the lake, networks) ─► learning::module::{fit, apply} ─► print, tables, kept version
//! ```

pub mod inputs;
mod shown;

use crate::cli::TableFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::model_files::ModelFiles;
use crate::{project, study_tables};
use clap::{Args, Subcommand};
use inputs::Named;
use learning::module::{Answer, Model, Module, apply, fit};
use learning::modules::{MODULES, find};
use network::Diagnostic;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use store::models::{self, Approval, Keeper, ModelVersion};

#[derive(Debug, Clone, Args)]
pub struct LearnArguments {
    #[command(subcommand)]
    pub command: LearnCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum LearnCommand {
    /// The modules: what each answers
    Modules {
        /// As JSON, with inputs and settings
        #[arg(long)]
        json: bool,
    },
    /// What a module asks for: inputs with their columns, settings with their defaults
    About { module: String },
    /// Learn from inputs, and show how good it is on what was held out
    Fit(FitArguments),
    /// Ask a model that was kept
    Use(UseArguments),
    /// The models of a project with their versions
    Models {
        #[command(flatten)]
        place: Place,
        #[arg(long)]
        json: bool,
    },
    /// The card of a model: what it was made of, how good it is, when not to use it
    Card {
        #[command(flatten)]
        which: Which,
        #[arg(long)]
        json: bool,
    },
    /// Write down that a version may be used
    Approve {
        #[command(flatten)]
        which: Which,
        /// What was looked at
        #[arg(long, value_name = "TEXT")]
        note: String,
        /// Who approves [default: the user of this machine]
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Remove a version
    Remove {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Project that keeps the models
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Model, or MODEL@VERSION [default: the newest version]
    pub model: String,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Clone, Args)]
pub struct FitArguments {
    /// Module, as `gridtwin learn modules` lists them
    pub module: String,
    /// INPUT=FILE, INPUT=sql:QUERY, INPUT.COLUMN=HEADER, SETTING=VALUE
    #[arg(value_name = "NAME=VALUE")]
    pub words: Vec<String>,
    /// Project with the lake that queries ask, and the models
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Keep the model in the project under this name, as its next version
    #[arg(long, value_name = "NAME", requires = "project")]
    pub keep: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Clone, Args)]
pub struct UseArguments {
    #[command(flatten)]
    pub which: Which,
    /// INPUT=FILE, INPUT=sql:QUERY, INPUT.COLUMN=HEADER, SETTING=VALUE
    #[arg(value_name = "NAME=VALUE")]
    pub words: Vec<String>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Clone, Args)]
pub struct Output {
    /// Write the tables and summary.json into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Form of the tables
    #[arg(long, value_enum, default_value = "csv")]
    pub format: TableFormat,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
///
/// # Errors
/// Unknown modules or models, data that do not do, files that cannot be read or written.
pub fn run(arguments: &LearnArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    match &arguments.command {
        LearnCommand::Modules { json: true } => console.json(&MODULES.iter().map(|m| m.about()).collect::<Vec<_>>()),
        LearnCommand::Modules { json: false } => console.print(&shown::modules()),
        LearnCommand::About { module } => console.print(&shown::about(found(module)?.about())),
        LearnCommand::Fit(a) => fitted(a, console),
        LearnCommand::Use(a) => used(a, console),
        LearnCommand::Models { place, json } => {
            let (all, damaged) = models::list(&place.project)?;
            console.warn(&damaged.into_iter().flat_map(|e| Failure::from(e).diagnostics).collect::<Vec<_>>());
            if *json { console.json(&all) } else { console.print(&shown::models(&all)) }
        }
        LearnCommand::Card { which, json } => {
            let (version, _) = model_of(which)?;
            if *json { console.json(&version) } else { console.print(&shown::card(&version, console.style)) }
        }
        LearnCommand::Approve { which, note, by } => {
            let (version, _) = model_of(which)?;
            let by = project::author(by.as_deref());
            let word = Approval { by, time_utc: project::now(), note: note.clone() };
            models::approve(&which.place.project, &version.name, version.version, &word)?;
            console.print(&format!("{} version {} is approved by {}\n", version.name, version.version, word.by))
        }
        LearnCommand::Remove { which } => {
            let (version, _) = model_of(which)?;
            models::remove(&which.place.project, &version.name, version.version)?;
            console.print(&format!("removed {} version {}\n", version.name, version.version))
        }
    }
}

fn found(module: &str) -> Result<&'static dyn Module, Failure> {
    find(module).map_err(Failure::new)
}

/// Name and version of `MODEL@VERSION`.
///
/// # Errors
/// A version that is no number.
pub fn name_and_version(text: &str) -> Result<(&str, Option<u64>), Failure> {
    let Some((name, version)) = text.split_once('@') else { return Ok((text, None)) };
    match version.parse() {
        Ok(version) => Ok((name, Some(version))),
        Err(_) => Err(Diagnostic::error("LEARN.MODEL.VERSION", format!("\"{version}\" is no version"))
            .hint("Write MODEL@NUMBER, or MODEL for the newest.")
            .into()),
    }
}

fn model_of(which: &Which) -> Result<(ModelVersion, Model), Failure> {
    let (name, version) = name_and_version(&which.model)?;
    kept(&which.place.project, name, version)
}

/// A model that was kept.
///
/// # Errors
/// One that is not there or was kept in another form.
pub fn kept(project: &Path, name: &str, version: Option<u64>) -> Result<(ModelVersion, Model), Failure> {
    let Some((of, model)) = models::find(project, name, version)? else {
        let (all, _) = models::list(project)?;
        let names: Vec<String> = all.iter().map(|v| format!("{}@{}", v.name, v.version)).collect();
        let what = Diagnostic::error(
            "LEARN.MODEL.UNKNOWN",
            format!("there is no model \"{name}\"{}", version.map_or(String::new(), |v| format!(" version {v}"))),
        );
        let there = if names.is_empty() { "The project keeps none.".to_owned() } else { format!("There are {}.", names.join(", ")) };
        return Err(what.detail(there).hint("Keep one with `gridtwin learn fit MODULE … --project DIR --keep NAME`.").into());
    };
    let model = serde_json::from_value(model).map_err(|e| {
        Failure::from(
            Diagnostic::error("LEARN.MODEL.UNREADABLE", "the model was kept in a form that this program does not read")
                .detail(format!("{e}."))
                .hint("Fit it again."),
        )
    })?;
    Ok((of, model))
}

/// Keeps the model of an answer.
///
/// # Errors
/// A module that keeps none; a name that cannot be; a file that cannot be written.
pub fn keep(project: &Path, name: &str, answer: &Answer, author: &str, module: &str, job: Option<&str>) -> Result<ModelVersion, Failure> {
    let Some(model) = &answer.model else {
        return Err(Diagnostic::error("LEARN.MODEL.NONE", format!("{module} keeps no model")).hint("Leave --keep out.").into());
    };
    let value = serde_json::to_value(model).expect("a model is plain data");
    let keeper = Keeper { author, time_utc: &project::now(), engine_version: env!("CARGO_PKG_VERSION"), job };
    Ok(models::keep(project, name, &value, keeper)?)
}

fn fitted(a: &FitArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let module = found(&a.module)?;
    if let Some(name) = a.keep.as_deref().filter(|n| !models::is_name(n)) {
        return Err(store::StoreError::ModelName { name: name.to_owned() }.into());
    }
    if let Some(project) = a.project.as_deref().filter(|p| !p.is_dir()) {
        let what = Diagnostic::error("LEARN.PROJECT.MISSING", format!("there is no folder {}", project.display()));
        return Err(what.hint("Name a project with --project DIR.").into());
    }
    if a.keep.is_some() && !module.about().keeps {
        return Err(Diagnostic::error("LEARN.MODEL.NONE", format!("{} keeps no model", a.module)).hint("Leave --keep out.").into());
    }
    let named = Named::of_words(module.about(), &a.words)?;
    let (question, findings) = inputs::read(module.about(), &named, &ModelFiles::default(), a.project.as_deref())?.question();
    console.warn(&findings);
    let answer = fit(module, &question).map_err(Failure::new)?;
    let kept = match (&a.keep, &a.project) {
        (Some(name), Some(project)) => Some(keep(project, name, &answer, &project::author(None), &a.module, None)?),
        _ => None,
    };
    told(&answer, kept.as_ref(), &a.output, console)
}

fn used(a: &UseArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (of, model) = model_of(&a.which)?;
    let module = found(&model.card.module)?;
    let named = Named::of_words(module.about(), &a.words)?;
    let files = ModelFiles::default();
    let (question, findings) = inputs::read(module.about(), &named, &files, Some(&a.which.place.project))?.question();
    console.warn(&findings);
    let answer = apply(module, &model, &question).map_err(Failure::new)?;
    told(&answer, Some(&of), &a.output, console)
}

/// Figures and model of an answer as JSON.
pub fn summary(answer: &Answer, kept: Option<&ModelVersion>) -> Json {
    json!({
        "headline": answer.headline,
        "figures": answer.figures,
        "notes": answer.notes,
        "card": answer.model.as_ref().map(|m| &m.card),
        "model": kept.map(|v| json!({ "name": v.name, "version": v.version, "sha256": v.sha256 })),
    })
}

fn told(answer: &Answer, kept: Option<&ModelVersion>, output: &Output, console: &mut Console<'_>) -> Result<(), Failure> {
    console.warn(&answer.notes);
    let mut written = String::new();
    if let Some(dir) = &output.out {
        // The summary is the sign that all tables are whole.
        let sign = dir.join("summary.json");
        match std::fs::remove_file(&sign) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(crate::result_folder::cannot("replace", &sign, &e)),
            _ => {}
        }
        for table in &answer.tables {
            if let Some(bytes) = study_tables::file_of(table.name, [table.clone()], output.format)? {
                store::files::write_whole(&dir.join(study_tables::file_name(table.name, output.format)), &bytes)?;
            }
        }
        let text = serde_json::to_string_pretty(&summary(answer, kept)).expect("plain data") + "\n";
        store::files::write_whole(&sign, text.as_bytes())?;
        written = format!("\nwrote {} tables and summary.json to {}\n", answer.tables.len(), dir.display());
    }
    if output.json {
        return console.json(&study_tables::as_json(&answer.tables, summary(answer, kept)));
    }
    console.print(&(shown::answer(answer, kept, console.style) + &written))
}
