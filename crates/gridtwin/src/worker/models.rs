//! Jobs about models: import, preview, data quality.

use super::upload_files::UploadFiles;
use super::{Teller, project_dir};
use crate::cli::{Cli, Command, ProjectCommand};
use crate::failure::Failure;
use crate::model::{Model, import_options};
use crate::project::import::{Candidate, ImportRequest, import_model, read_candidate};
use crate::quality::QualityReport;
use clap::Parser;
use formats::gis::{self, GisOptions};
use formats::opendss::FileSource;
use formats::{ModelFormat, detect};
use network::{Diagnostic, ElementKind, Severity};
use serde_json::{Value, json};
use server::jobs::{ImportParams, NetworkParams, Spec};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use store::project::Project;

/// Rows of each list of a preview; the counts are those of all.
const PREVIEW_ROWS: usize = 1_000;
/// Rows of the result of a job that is kept in the database.
const RESULT_FINDINGS: usize = 200;
/// Name of a mapping that came with the request.
const MAPPING: &str = ".mapping-of-the-request.yaml";

/// Files of an upload, with a word of each that is read.
struct ToldFiles<'a> {
    files: &'a UploadFiles,
    read: AtomicU64,
    teller: &'a Teller,
}

impl FileSource for ToldFiles<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let n = self.read.fetch_add(1, Ordering::Relaxed);
        self.teller.progress(n, 0, "files", || format!("Reading {}", path.display()));
        self.files.read(path)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.files.list_dir(dir)
    }
}

/// Options given over the wire go through the command line's own parser, so that both understand the same.
pub(super) fn parsed(words: Vec<String>) -> Result<Command, Failure> {
    let parsed = Cli::try_parse_from(std::iter::once("gridtwin".to_owned()).chain(words)).map_err(|e| {
        let text = e.render().to_string();
        let first = text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default().trim_start_matches("error: ").to_owned();
        Diagnostic::error("JOB.PARAMETER.VALUE", "a parameter of the job cannot be used").detail(first).hint("Correct the parameter.")
    })?;
    Ok(parsed.command)
}

/// The upload's files and what is to be made of them.
fn request(spec: &Spec, params: &ImportParams) -> Result<(UploadFiles, ImportRequest), Failure> {
    let root =
        spec.upload.as_deref().ok_or_else(|| Failure::from(Diagnostic::error("JOB.PARAMETER.MISSING", "the job names no upload")))?;
    let gone = |e: io::Error| {
        Failure::from(
            Diagnostic::error("UPLOAD.FILE.UNREADABLE", "the files of the upload are gone")
                .detail(e.to_string())
                .hint("Upload them again."),
        )
    };
    let mut files = UploadFiles::new(root).map_err(gone)?;
    let o = &params.options;
    let mut words: Vec<String> = ["project", "import", "project", "model"].map(str::to_owned).to_vec();
    let mut option = |name: &str, value: &str| words.push(format!("--{name}={value}"));
    o.dss.iter().for_each(|c| option("dss", c));
    o.feeders.iter().for_each(|f| option("feeder", f));
    o.fix.iter().for_each(|f| option("fix", f));
    o.crs.iter().for_each(|c| option("crs", c));
    o.load_model.iter().for_each(|l| option("load-model", l));
    params.network.iter().for_each(|n| option("name", n));
    option("note", &params.note);
    for (flag, is_set) in [("lenient", o.lenient), ("strict", o.strict), ("controls-act", o.controls_act), ("lon-lat", o.lon_lat)] {
        if is_set {
            words.push(format!("--{flag}"));
        }
    }
    let arguments = match parsed(words)? {
        Command::Project(p) => match p.command {
            ProjectCommand::Import(a) => a,
            _ => unreachable!("the words ask for an import"),
        },
        _ => unreachable!("the words ask for an import"),
    };
    let model = match params.model.as_deref() {
        None | Some("") | Some(".") => PathBuf::from("."),
        Some(path) => PathBuf::from(path),
    };
    let mut import = arguments.import.clone();
    match &o.mapping {
        None | Some(Value::Null) => {}
        Some(mapping) => {
            // JSON is YAML, too.
            let text = mapping.as_str().map_or_else(|| mapping.to_string(), str::to_owned);
            // Tables that a mapping names lie beside it.
            let beside = if files.list_dir(&model).is_ok() { model.clone() } else { model.parent().unwrap_or(Path::new("")).to_owned() };
            let place = beside.join(MAPPING);
            files.give(place.clone(), text.into_bytes());
            import.mapping = Some(place);
        }
    }
    let request = ImportRequest {
        shown: Some(params.model.clone().filter(|m| !m.is_empty() && m != ".").unwrap_or_else(|| "upload".into())),
        model,
        dss: arguments.dss.clone(),
        lenient: arguments.lenient,
        strict: arguments.strict,
        import,
        name: arguments.name.clone(),
        author: spec.user.clone(),
        note: arguments.note.clone(),
        key: Some(spec.job.clone()).filter(|j| !j.is_empty()),
    };
    Ok((files, request))
}

/// Keeps the model as the next version of its network, once for the job.
///
/// # Errors
/// A model that cannot be read, what the project refuses.
pub fn import(spec: &Spec, params: &ImportParams, teller: &Teller) -> Result<Value, Failure> {
    let project = Project::open(project_dir(spec)?)?;
    if let Some(made) = project.version_of_key(&spec.job)? {
        teller.log("info", "the version was kept before this attempt");
        return Ok(json!({ "network": made.network, "version": made.number, "info": made }));
    }
    let (files, mut request) = request(spec, params)?;
    teller.stage("Reading the model");
    if request.name.is_none() && request.model == Path::new(".") {
        // A folder without a name of its own would give an empty one.
        request.name = Some(read_name(&files, &request)?);
    }
    let told = ToldFiles { files: &files, read: AtomicU64::new(0), teller };
    let made = import_model(&project, &told, &request)?;
    teller.findings(&made.findings);
    let v = &made.version;
    teller.log("info", &format!("kept as version {} of {}: {} buses, {} elements", v.number, v.network, v.buses, v.elements));
    Ok(json!({
        "network": v.network,
        "version": v.number,
        "since": made.since,
        "findings": tally(&made.findings),
        "info": v,
    }))
}

/// The name that the circuit itself has; `network` when it has none.
fn read_name(files: &UploadFiles, request: &ImportRequest) -> Result<String, Failure> {
    let name = read_candidate(files, request)?.name;
    Ok(if name.trim().is_empty() { "network".into() } else { name })
}

/// Findings by severity.
fn tally(findings: &[Diagnostic]) -> Value {
    let n = |s: Severity| findings.iter().filter(|d| d.severity == s).count();
    json!({ "errors": n(Severity::Error), "warnings": n(Severity::Warning), "notes": n(Severity::Note) })
}

/// What an import would give, without keeping it.
///
/// # Errors
/// A model that cannot be read.
pub fn preview(spec: &Spec, params: &ImportParams, teller: &Teller) -> Result<Value, Failure> {
    let (files, request) = request(spec, params)?;
    let told = ToldFiles { files: &files, read: AtomicU64::new(0), teller };
    let format = detect(&told, &request.model);
    let is_mapping = request.model.extension().is_some_and(|e| e.eq_ignore_ascii_case("yaml") || e.eq_ignore_ascii_case("yml"));
    let (candidate, mapping) = if format == ModelFormat::Gis && !is_mapping {
        let options = import_options(&request.import, request.lenient);
        let layers = gis::LayerOptions { crs: options.crs, ..gis::LayerOptions::default() };
        let options = GisOptions { mapping_file: options.mapping, layers, ..GisOptions::default() };
        let (mut imported, mapping) = gis::read_with_mapping(&told, &request.model, &options)?;
        imported.diagnostics.extend(network::check::check(&imported.network));
        let name = request.name.clone().unwrap_or_else(|| imported.network.name.clone());
        (Candidate { imported, importer: format.to_string(), name }, Some(mapping))
    } else {
        (read_candidate(&told, &ImportRequest { strict: false, ..request.clone() })?, None)
    };
    let Candidate { imported, importer, name } = candidate;
    let network = &imported.network;
    let mut findings = imported.diagnostics;
    findings.sort_by_key(|d| std::cmp::Reverse(d.severity));
    let classes: Vec<Value> = ElementKind::ALL
        .iter()
        .map(|&k| (k, network.count(k)))
        .filter(|&(_, n)| n > 0)
        .map(|(k, n)| json!({ "class": k.class(), "count": n }))
        .collect();
    let mut by_code: BTreeMap<(std::cmp::Reverse<Severity>, &str), usize> = BTreeMap::new();
    for d in &findings {
        *by_code.entry((std::cmp::Reverse(d.severity), d.code.as_str())).or_default() += 1;
    }
    let codes: Vec<Value> = by_code.iter().map(|((s, code), n)| json!({ "severity": s.0, "code": code, "count": n })).collect();
    let counts: Vec<Value> = imported.counts.iter().map(|(what, n)| json!({ "what": what, "count": n })).collect();
    Ok(json!({
        "format": importer,
        "network": name,
        "buses": network.buses.len(),
        "classes": classes,
        "counts": counts,
        "findings_total": tally(&findings),
        "finding_codes": codes,
        "findings": findings.iter().take(PREVIEW_ROWS).collect::<Vec<_>>(),
        "ledger": imported.ledger.entries.iter().take(PREVIEW_ROWS).collect::<Vec<_>>(),
        "ledger_total": imported.ledger.entries.len(),
        "rejects": imported.rejects.iter().take(PREVIEW_ROWS).collect::<Vec<_>>(),
        "rejects_total": imported.rejects.len(),
        "figures_total": imported.figures.len(),
        "mapping": mapping,
    }))
}

/// How good the data of a network are.
///
/// # Errors
/// No such network; a file that cannot be written.
pub fn quality(spec: &Spec, params: &NetworkParams, teller: &Teller) -> Result<Value, Failure> {
    let mut model = Model::of_version(project_dir(spec)?, params.network.as_deref(), params.version)?;
    teller.stage("Looking at every value");
    let found = ::studies::quality::quality(&model.network);
    let mut findings = std::mem::take(&mut model.diagnostics);
    findings.extend(found.findings);
    findings.sort_by_key(|d| std::cmp::Reverse(d.severity));
    let report =
        QualityReport { model: model.name, completeness: found.completeness, balance: None, rejected: model.rejects.len(), findings };
    let text = serde_json::to_string_pretty(&report).expect("a report is plain data");
    super::studies::put(spec, "quality.json", text.as_bytes())?;
    let geojson = serde_json::to_string(&report.geojson()).expect("a report is plain data");
    super::studies::put(spec, "quality.geojson", geojson.as_bytes())?;
    Ok(json!({
        "completeness": report.completeness,
        "rejected": report.rejected,
        "findings_total": tally(&report.findings),
        "findings": report.findings.iter().take(RESULT_FINDINGS).collect::<Vec<_>>(),
        "files": ["quality.json", "quality.geojson"],
    }))
}
