//! `gridtwin project`: projects, their networks, and the versions that imports make.

pub mod arguments;
pub mod decisions;
mod diff;
mod export;
pub mod import;
pub mod meters;
pub mod quality;
pub mod reconcile;
pub mod records;
mod show;

use crate::cli::{ProjectArguments, ProjectCommand};
use crate::console::Console;
use crate::failure::Failure;
use crate::text;
use network::{Diagnostic, Severity};
use serde_json::json;
use std::path::Path;
use store::project::{Creation, Project, ProjectError};

/// Runs the command. Returns whether all is well; only `check` says that it is not without failing.
///
/// # Errors
/// What the store refuses, as a finding.
pub fn run(arguments: &ProjectArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    match &arguments.command {
        ProjectCommand::New(a) => {
            let creation = Creation {
                database: a.database.clone(),
                join: a.join,
                note: a.note.clone(),
                ..Creation::new(a.name.clone().unwrap_or_else(|| folder_name(&a.dir)), now())
            };
            let project = Project::create(&a.dir, &creation)?;
            console.print(&show::made(&project.info()?, console.style))?;
        }
        ProjectCommand::List(a) => return show::list(a, console),
        ProjectCommand::Info(a) => {
            let info = Project::open(&a.dir)?.info()?;
            if a.json { console.json(&info)? } else { console.print(&show::info(&info, console.style))? }
        }
        ProjectCommand::Import(a) => import::run(a, console)?,
        ProjectCommand::History(a) => {
            let versions = Project::open(&a.dir)?.history(a.network.as_deref())?;
            if a.json { console.json(&versions)? } else { console.print(&show::history(&versions, console.style))? }
        }
        ProjectCommand::Diff(a) => diff::run(a, console)?,
        ProjectCommand::Export(a) => export::run(a, console)?,
        ProjectCommand::Check(a) => {
            let project = Project::open(&a.dir)?;
            let findings = project.check()?;
            let n_versions = project.history(None)?.len();
            if a.json {
                console.json(&json!({ "project": project.name(), "versions": n_versions, "findings": findings }))?;
            } else {
                let tally = if findings.is_empty() { "no findings".to_owned() } else { text::tally(&findings) };
                let versions = crate::number::count(n_versions, "version");
                console.print(&format!(
                    "{}{}: {versions} read back, {tally}\n",
                    text::all_diagnostics(&findings, console.style),
                    project.name()
                ))?;
            }
            return Ok(findings.iter().all(|d| d.severity != Severity::Error));
        }
        ProjectCommand::Reconcile(a) => reconcile::run(a, console)?,
        ProjectCommand::Decide(a) => decisions::run(a, console)?,
        ProjectCommand::Decisions(a) => decisions::run_list(a, console)?,
        ProjectCommand::Meters(a) => meters::run(a, console)?,
        ProjectCommand::Outages(a) => records::run_outages(a, console)?,
        ProjectCommand::Weather(a) => records::run_weather(a, console)?,
        ProjectCommand::Quality(a) => return quality::run(a, console),
        ProjectCommand::Upgrade(a) => {
            let (before, after) = Project::upgrade(&a.dir, None)?;
            let told = if before == after { format!("schema {after} already") } else { format!("schema {before} is now schema {after}") };
            console.print(&format!("{}: {told}\n", a.dir.display()))?;
        }
    }
    Ok(true)
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        error.diagnostic().into()
    }
}

/// This moment, to the second.
pub(crate) fn now() -> String {
    let now = jiff::Timestamp::now();
    jiff::Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// Who works: as told, else the user of the system.
pub(crate) fn author(told: Option<&str>) -> String {
    let user = || ["USER", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok());
    told.map(str::to_owned).or_else(user).unwrap_or_default()
}

/// A project without a name of its own is called as its folder is.
fn folder_name(dir: &Path) -> String {
    let full = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    full.file_name().map_or_else(|| "project".to_owned(), |n| n.to_string_lossy().into_owned())
}

/// A file that cannot be written.
fn refused(path: &Path, error: impl std::fmt::Display) -> Failure {
    Diagnostic::error("PROJECT.EXPORT.REFUSED", format!("cannot write {}", path.display()))
        .detail(format!("The system says: {error}."))
        .hint("Check that the folder exists, that you may write it, and that the disk has room.")
        .into()
}
