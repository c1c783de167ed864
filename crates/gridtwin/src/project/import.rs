//! `gridtwin project import`: models become versions of networks.

use super::{author, now};
use crate::cli::{ImportArguments, ProjectImportArguments};
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::count;
use crate::text;
use formats::opendss::FileSource;
use network::{Diagnostic, Imported, Severity};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use store::project::{ChangeKind, NewVersion, Project, SourceFile, VersionInfo};
use store::sha256_hex;

/// What an import made, for programs.
#[derive(Serialize)]
pub struct Made {
    #[serde(flatten)]
    pub version: VersionInfo,
    /// Things added, removed and changed since the version before; none for a first version.
    pub since: Option<Since>,
    /// File of the rejected records.
    pub rejects_file: Option<PathBuf>,
    pub findings: Vec<Diagnostic>,
}

#[derive(Serialize)]
pub struct Since {
    pub version: u64,
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
}

/// Every model is a version of a network of its own, kept whole before the next is read.
pub(super) fn run(arguments: &ProjectImportArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    // A project that cannot be opened is told before models are read for minutes.
    let project = Project::open(&arguments.dir)?;
    if arguments.name.is_some() && arguments.files.len() > 1 {
        return Err(Diagnostic::error("PROJECT.IMPORT.ONE_NAME", "several models cannot have the one name that is given")
            .hint("Import them one by one, or without --name: each network then takes the name of its circuit.")
            .into());
    }
    let mut all = Vec::new();
    for file in &arguments.files {
        let made = import(&project, file, arguments)?;
        if !arguments.json {
            console.print(&render(&made, console.style))?;
            console.warn(&made.findings);
        }
        all.push(made);
    }
    if arguments.json { console.json(&all) } else { Ok(()) }
}

/// What is to be imported, and what of it is to be kept with the version.
#[derive(Debug, Clone, Default)]
pub struct ImportRequest {
    pub model: PathBuf,
    /// The model as the version tells it; its path without.
    pub shown: Option<String>,
    pub dss: Vec<String>,
    pub lenient: bool,
    /// Keep nothing of a model with errors.
    pub strict: bool,
    pub import: ImportArguments,
    /// Name of the network; the circuit's own without.
    pub name: Option<String>,
    pub author: String,
    pub note: String,
    /// Who imports the same twice under one key gets the version of the first time.
    pub key: Option<String>,
}

/// A model that was read and checked, before it is kept.
pub struct Candidate {
    pub imported: Imported,
    pub importer: String,
    /// Name that the network would get.
    pub name: String,
}

/// Reads and checks a model without keeping it.
///
/// # Errors
/// A model that cannot be read; with `strict` one that has errors.
pub fn read_candidate(files: &dyn FileSource, request: &ImportRequest) -> Result<Candidate, Failure> {
    let file = &request.model;
    let model = Model::read_any(files, file, &request.dss, request.lenient, &request.import)?;
    let importer = model.format.map_or_else(String::new, |f| f.to_string());
    let mut imported = into_imported(model);
    let mut found = network::check::check(&imported.network);
    if request.lenient {
        found.iter_mut().filter(|d| d.severity == Severity::Error).for_each(|d| d.severity = Severity::Warning);
    }
    imported.diagnostics.extend(found);
    if request.strict && imported.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(Failure::new(imported.diagnostics));
    }
    let stem = || file.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    let name = match &request.name {
        Some(name) => name.clone(),
        None if imported.network.name.trim().is_empty() => stem(),
        None => imported.network.name.clone(),
    };
    Ok(Candidate { imported, importer, name })
}

fn import(project: &Project, file: &Path, arguments: &ProjectImportArguments) -> Result<Made, Failure> {
    let request = ImportRequest {
        model: file.to_owned(),
        shown: None,
        dss: arguments.dss.clone(),
        lenient: arguments.lenient,
        strict: arguments.strict,
        import: arguments.import.clone(),
        name: arguments.name.clone(),
        author: author(arguments.author.as_deref()),
        note: arguments.note.clone(),
        key: None,
    };
    import_model(project, &DiskFiles::default(), &request)
}

/// Reads a model and keeps it as the next version of its network.
///
/// # Errors
/// As [`read_candidate`]; what the project refuses.
pub fn import_model(project: &Project, files: &dyn FileSource, request: &ImportRequest) -> Result<Made, Failure> {
    let files = RecordingFiles { files, seen: Mutex::default() };
    let Candidate { imported, importer, name } = read_candidate(&files, request)?;
    let new = NewVersion {
        model: request.shown.clone().unwrap_or_else(|| request.model.display().to_string()),
        importer,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        options: json!({ "commands": request.dss, "lenient": request.lenient }),
        author: request.author.clone(),
        note: request.note.clone(),
        sources: files.list(),
        key: request.key.clone(),
        ..NewVersion::new(name, &imported, now())
    };
    let version = project.import(&new)?;
    let since = match project.version_before(&version)? {
        None => None,
        Some(before) => {
            let difference = project.diff(&before, &version)?;
            let n = |kind| difference.count(kind);
            Some(Since {
                version: before.number,
                added: n(ChangeKind::Added),
                removed: n(ChangeKind::Removed),
                changed: n(ChangeKind::Changed),
            })
        }
    };
    let rejects_file = (version.rejects > 0).then(|| project.rejects_path(&version));
    server::prepare_map(project.dir(), version.clone(), imported.network, imported.diagnostics.clone());
    Ok(Made { version, since, rejects_file, findings: imported.diagnostics })
}

fn into_imported(model: Model) -> Imported {
    Imported {
        network: model.network,
        diagnostics: model.diagnostics,
        ledger: model.ledger,
        rejects: model.rejects,
        counts: model.counts,
        figures: model.figures,
    }
}

fn render(made: &Made, style: text::Style) -> String {
    let v = &made.version;
    let mut text = style.bold(&format!("{}, version {}", v.network, v.number)) + &format!("  ({})\n", v.model);
    text += &format!("  {}, {}", count(v.buses as usize, "bus"), count(v.elements as usize, "element"));
    text += &match &made.since {
        None => "\n".to_owned(),
        Some(s) if s.added + s.removed + s.changed == 0 => format!("; nothing has changed since version {}\n", s.version),
        Some(s) => format!("; {} added, {} removed, {} changed since version {}\n", s.added, s.removed, s.changed, s.version),
    };
    if v.errors > 0 {
        text += &format!("  it cannot be solved as it is: {}\n", count(v.errors as usize, "error"));
    }
    if let Some(path) = &made.rejects_file {
        text += &format!("  {} rejected, listed in {}\n", count(v.rejects as usize, "record"), path.display());
    }
    text
}

/// Files, with the hash of each that is read.
struct RecordingFiles<'a> {
    files: &'a dyn FileSource,
    seen: Mutex<BTreeMap<PathBuf, (String, u64)>>,
}

impl RecordingFiles<'_> {
    fn list(&self) -> Vec<SourceFile> {
        let seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        seen.iter()
            .map(|(path, (sha256, bytes))| SourceFile { path: path.display().to_string(), sha256: sha256.clone(), bytes: *bytes })
            .collect()
    }
}

impl FileSource for RecordingFiles<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = self.files.read(path)?;
        let record = (sha256_hex(&bytes), bytes.len() as u64);
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(path.to_owned(), record);
        Ok(bytes)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.files.list_dir(dir)
    }
}
