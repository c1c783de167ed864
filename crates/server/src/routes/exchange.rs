//! The exchange of designs with other tools: export with previews, results judged, the same studies here, pictures. A design is handed over as text with each
//! request and nothing is kept: what it is of stands in its fingerprint.

use crate::access::Viewer;
use crate::problem::Problem;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use formats::exchange::{self, ExportOptions, MANIFEST, ManifestFile, ResultFile, Tool, samples};
use network::Diagnostic;
use network::design::criteria::Criteria;
use network::design::{Design, pictures};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};
use studies::acceptance::judge;
use studies::design_study;
use studies::sizing::{self, SizingOptions};
use studies::table::{Table, Value as Cell};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Longest design and criteria, characters.
const TEXT_MAX: usize = 4 << 20;
/// Largest file of results, bytes, and most files.
const RESULT_MAX: u64 = 64 << 20;
const RESULTS_MAX: usize = 40;
/// More equipment is refused: a study of it would keep the server busy for minutes.
const EQUIPMENT_MAX: usize = 2000;
/// A sizing is stopped then, between two rounds, and says that it was.
const SIZING_TIME: Duration = Duration::from_secs(100);
/// Rows of a table in an answer; `n_rows` says how many there are.
const ROWS_MAX: usize = 5000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sample))
        .routes(routes!(look))
        .routes(routes!(export))
        .routes(routes!(archive))
        .routes(routes!(validate))
        .routes(routes!(study))
        .routes(routes!(size))
}

/// What is begun with.
#[derive(Debug, Serialize, ToSchema)]
pub struct Samples {
    /// A design, YAML.
    pub design: String,
    /// The brief of a sizing, YAML; its layouts name the sample designs.
    pub sizing: String,
    /// The criteria as they are without any, JSON.
    pub criteria: String,
    /// Names of sample results for this design.
    pub results: Vec<String>,
}

/// The sample design, the usual criteria, and the names of sample results.
#[utoipa::path(get, path = "/api/exchange/samples", tag = "exchange", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Samples)))]
pub async fn sample(_: Viewer) -> Json<Samples> {
    Json(Samples {
        design: samples::DESIGN.to_owned(),
        sizing: samples::SIZING.to_owned(),
        criteria: exchange::write_criteria(&Criteria::default()),
        results: samples::RESULTS.iter().map(|(name, _)| (*name).to_owned()).collect(),
    })
}

/// A design.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DesignText {
    /// YAML or JSON.
    pub design: String,
}

/// A design that is to be exported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    /// YAML or JSON.
    pub design: String,
    #[schema(value_type = String, pattern = "etap|psse|windchill")]
    pub tool: Tool,
    /// Of the RAW file: 33, 34 or 35; 35 unless told.
    #[serde(default)]
    pub version: Option<u32>,
    /// A RAW file for each scenario too.
    #[serde(default)]
    pub scenario_cases: bool,
}

/// Results that are to be judged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateRequest {
    /// YAML or JSON.
    pub design: String,
    /// YAML or JSON; what it leaves out is as usual.
    #[serde(default)]
    pub criteria: Option<String>,
    /// Upload with the result files, and the manifest where there is one.
    #[serde(default)]
    pub upload: Option<String>,
    /// Sample results in place of an upload.
    #[serde(default)]
    pub sample: Option<String>,
}

/// A design that is to be studied.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StudyRequest {
    /// YAML or JSON.
    pub design: String,
    /// YAML or JSON; what it leaves out is as usual.
    #[serde(default)]
    pub criteria: Option<String>,
}

fn refused(title: &str, field: &str, findings: Vec<Diagnostic>) -> Problem {
    let first = findings.iter().find(|d| d.severity == network::Severity::Error).cloned();
    let code = first.map_or_else(|| "EXCHANGE.DESIGN.UNREADABLE".to_owned(), |d| d.code.to_string());
    let mut problem =
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title).code(code).field(field).hint("Mend what is listed, and send it again.");
    problem.findings = findings;
    problem
}

fn read_design(text: &str) -> Result<(Design, Vec<Diagnostic>), Problem> {
    if text.len() > TEXT_MAX {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The design is too long")
            .code("EXCHANGE.DESIGN.TOO_LARGE")
            .field("design")
            .hint("4 million characters are the most; use the command line for larger ones."));
    }
    let (design, found) = exchange::read_design(text, "design").map_err(|e| refused("The design is refused", "design", e.diagnostics))?;
    let n = design.unit_ids().count() + design.buses.len() + design.loads.len() + design.motors.len();
    if n > EQUIPMENT_MAX {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("The design has {n} buses and pieces of equipment"))
            .code("EXCHANGE.DESIGN.TOO_LARGE")
            .field("design")
            .hint(format!("{EQUIPMENT_MAX} are the most here; use the command line for larger ones.")));
    }
    Ok((design, found))
}

fn read_criteria(text: Option<&str>) -> Result<Criteria, Problem> {
    let Some(text) = text.filter(|t| !t.trim().is_empty()) else { return Ok(Criteria::default()) };
    if text.len() > TEXT_MAX {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The criteria are too long")
            .code("EXCHANGE.CRITERIA.VALUE")
            .field("criteria")
            .hint("4 million characters are the most."));
    }
    exchange::read_criteria(text, "criteria").map_err(|e| refused("The criteria are refused", "criteria", e.diagnostics))
}

/// A design as it was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct DesignLook {
    pub name: String,
    /// Of what is electrically relevant.
    pub fingerprint: String,
    /// Load, MW.
    pub load_mw: f64,
    /// How many of each kind of equipment there are.
    pub counts: BTreeMap<String, usize>,
    #[schema(value_type = Vec<Object>)]
    pub scenarios: Vec<Value>,
    /// Single line, SVG; null where it cannot be drawn.
    pub single_line_svg: Option<String>,
    /// Reliability blocks, SVG; null without blocks.
    pub blocks_svg: Option<String>,
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Diagnostic>,
}

/// Looks a design over: what is wrong with it, its scenarios, its pictures. Nothing is kept.
#[utoipa::path(post, path = "/api/exchange/design", tag = "exchange", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = DesignText, responses((status = 200, body = DesignLook), (status = 422, body = Problem)))]
pub async fn look(_: Viewer, Json(request): Json<DesignText>) -> Result<Json<DesignLook>, Problem> {
    blocking(move || {
        let (d, mut findings) = read_design(&request.design)?;
        let single_line_svg = match pictures::single_line(&d) {
            Ok(drawing) => Some(drawing.svg()),
            Err(faults) => {
                findings.extend(faults);
                None
            }
        };
        let kinds = [
            ("buses", d.buses.len()),
            ("generators", d.generators.len()),
            ("batteries", d.batteries.len()),
            ("pv_plants", d.pv_plants.len()),
            ("grid_feeds", d.grid_feeds.len()),
            ("transformers", d.transformers.len()),
            ("cables", d.cables.len()),
            ("loads", d.loads.len()),
            ("motors", d.motors.len()),
            ("breakers", d.breakers.len()),
            ("components", d.components.len()),
            ("blocks", d.blocks.len()),
        ];
        Ok(Json(DesignLook {
            name: d.name.clone(),
            fingerprint: d.fingerprint(),
            load_mw: d.load_mw(),
            counts: kinds.into_iter().map(|(name, n)| (name.to_owned(), n)).collect(),
            scenarios: d.scenarios().iter().map(|s| json!(s)).collect(),
            single_line_svg,
            blocks_svg: pictures::blocks(&d).map(|drawing| drawing.svg()),
            findings,
        }))
    })
    .await
}

/// A file of an export, before it is downloaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportedFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    /// `table` with headers and rows, `text` with lines, or `workbook` with sheets.
    #[schema(value_type = Object)]
    pub preview: Value,
}

/// What an export would give.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportLook {
    pub fingerprint: String,
    pub files: Vec<ExportedFile>,
    /// What is not carried over: how often, and why.
    #[schema(value_type = Vec<Object>)]
    pub dropped: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Diagnostic>,
}

fn exported(request: &ExportRequest) -> Result<exchange::Export, Problem> {
    let version = request.version.unwrap_or(35);
    if !(33..=35).contains(&version) {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("RAW version {version} is not written"))
            .code("EXCHANGE.EXPORT.VERSION")
            .field("version")
            .hint("Ask for 33, 34 or 35."));
    }
    let (design, _) = read_design(&request.design)?;
    let options = ExportOptions { version, scenario_cases: request.scenario_cases, ..ExportOptions::default() };
    exchange::export(&design, request.tool, &options).map_err(|findings| refused("The design cannot be exported", "design", findings))
}

/// What an export of a design for a tool would give: its files with the beginning of each, and what is not carried over.
#[utoipa::path(post, path = "/api/exchange/export", tag = "exchange", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = ExportRequest, responses((status = 200, body = ExportLook), (status = 422, body = Problem)))]
pub async fn export(_: Viewer, Json(request): Json<ExportRequest>) -> Result<Json<ExportLook>, Problem> {
    blocking(move || {
        let export = exported(&request)?;
        let sha: BTreeMap<&str, &ManifestFile> = export.manifest.files.iter().map(|f| (f.name.as_str(), f)).collect();
        let files = export
            .files
            .iter()
            .map(|f| ExportedFile {
                name: f.name.clone(),
                bytes: f.bytes.len() as u64,
                sha256: sha.get(f.name.as_str()).map(|m| m.sha256.clone()).unwrap_or_default(),
                preview: json!(f.preview),
            })
            .collect();
        let dropped = export.dropped().iter().map(|((field, reason), n)| json!({ "field": field, "reason": reason, "times": n })).collect();
        Ok(Json(ExportLook { fingerprint: export.manifest.fingerprint.clone(), files, dropped, findings: export.findings }))
    })
    .await
}

/// All files of an export with its manifest, as one archive.
#[utoipa::path(post, path = "/api/exchange/export/archive", tag = "exchange", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = ExportRequest, responses((status = 200, content_type = "application/zip", body = Vec<u8>), (status = 422, body = Problem)))]
pub async fn archive(_: Viewer, Json(request): Json<ExportRequest>) -> Result<Response, Problem> {
    blocking(move || {
        let export = exported(&request)?;
        let name = match request.tool {
            Tool::Etap => "etap.zip",
            Tool::Psse => "psse.zip",
            Tool::Windchill => "windchill.zip",
        };
        let head = [
            (header::CONTENT_TYPE, "application/zip".to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        ];
        Ok((head, export.zip()).into_response())
    })
    .await
}

/// A design judged.
#[derive(Debug, Serialize, ToSchema)]
pub struct Judged {
    /// Stages with metrics, limits, margins and the rows that failed; updates of constraints; availability by the design's own components.
    #[schema(value_type = Object)]
    pub acceptance: Value,
    /// Files or sheets and what each was found to be; empty of studies that ran here.
    pub found: Vec<FoundFile>,
    /// Scenarios solved, of all; null for results that were imported.
    pub solved: Option<[usize; 2]>,
    /// Tables of studies that ran here: name, meaning, columns, rows.
    #[schema(value_type = Vec<Object>)]
    pub tables: Vec<Value>,
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Diagnostic>,
}

/// A file of results.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundFile {
    pub name: String,
    pub kind: String,
}

/// Judges results of other tools against the criteria. All files are read or none; nothing is kept.
#[utoipa::path(post, path = "/api/exchange/validate", tag = "exchange", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = ValidateRequest, responses((status = 200, body = Judged), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn validate(State(app): State<App>, _: Viewer, Json(request): Json<ValidateRequest>) -> Result<Json<Judged>, Problem> {
    blocking(move || {
        let (design, mut findings) = read_design(&request.design)?;
        let criteria = read_criteria(request.criteria.as_deref())?;
        let mut manifest = None;
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        match (&request.upload, &request.sample) {
            (Some(id), None) => {
                let upload = crate::uploads::find(&app, id).map_err(|p| p.field("upload"))?;
                let dir = app.upload_files(id)?;
                if upload.files.len() > RESULTS_MAX {
                    return Err(unfit(
                        "upload",
                        format!("The upload has {} files", upload.files.len()),
                        format!("{RESULTS_MAX} are the most."),
                    ));
                }
                for file in &upload.files {
                    if file.bytes > RESULT_MAX {
                        return Err(unfit(
                            "upload",
                            format!("{} is larger than 64 MB", file.name),
                            "Send the result tables alone.".to_owned(),
                        ));
                    }
                    let bytes = fs::read(dir.join(&file.name)).map_err(Problem::internal)?;
                    if file.name.rsplit('/').next() == Some(MANIFEST) {
                        let read = exchange::read_manifest(&bytes, &file.name);
                        manifest = Some(read.map_err(|e| refused("The manifest is refused", "upload", e.diagnostics))?);
                    } else {
                        files.push((file.name.clone(), bytes));
                    }
                }
            }
            (None, Some(name)) => {
                let Some(sample) = samples::results(name) else {
                    return Err(unfit(
                        "sample",
                        "There are no such sample results".to_owned(),
                        "GET /api/exchange/samples names them.".to_owned(),
                    ));
                };
                files.extend(sample.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())));
            }
            _ => return Err(unfit("upload", "Results are needed".to_owned(), "Give either an upload or a sample.".to_owned())),
        }
        let files: Vec<ResultFile<'_>> = files.iter().map(|(name, bytes)| ResultFile { name, bytes }).collect();
        let imported = exchange::read_results(&design, &files, manifest.as_ref());
        let imported = imported.map_err(|e| refused("The results are refused, all of them", "upload", e.diagnostics))?;
        findings.extend(imported.findings);
        let found = imported.found.iter().map(|(name, kind)| FoundFile { name: name.clone(), kind: kind.words().to_owned() }).collect();
        let acceptance = json!(judge(&design, &imported.results, &criteria));
        Ok(Json(Judged { acceptance, found, solved: None, tables: Vec::new(), findings }))
    })
    .await
}

/// A table of a study: its columns with units, and rows as lists in their order.
fn table_json(table: &Table) -> Value {
    let cell = |v: &Cell| match v {
        Cell::Empty => Value::Null,
        Cell::Text(t) => json!(t),
        Cell::Number(x) => json!(x),
        Cell::Count(n) => json!(n),
        Cell::Flag(b) => json!(b),
    };
    let columns: Vec<Value> = table.columns.iter().map(|c| json!({ "name": c.name, "unit": c.unit, "meaning": c.meaning })).collect();
    let rows: Vec<Value> = table.rows.iter().take(ROWS_MAX).map(|r| r.iter().map(cell).collect()).collect();
    json!({ "name": table.name, "meaning": table.meaning, "columns": columns, "rows": rows, "n_rows": table.rows.len() })
}

fn unfit(field: &str, title: String, hint: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, title).code("EXCHANGE.RESULT.NEEDED").field(field).hint(hint)
}

/// Runs the same studies here and judges them: load flow of each scenario, short circuits with the duty of breakers, exact availability. Nothing is kept.
#[utoipa::path(post, path = "/api/exchange/study", tag = "exchange", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = StudyRequest, responses((status = 200, body = Judged), (status = 422, body = Problem)))]
pub async fn study(_: Viewer, Json(request): Json<StudyRequest>) -> Result<Json<Judged>, Problem> {
    blocking(move || {
        let (design, mut findings) = read_design(&request.design)?;
        let criteria = read_criteria(request.criteria.as_deref())?;
        let own = design_study::run(&design, Some(criteria.ram.availability_min));
        let own = own.map_err(|faults| refused("The design cannot be studied", "design", faults))?;
        findings.extend(own.findings.iter().cloned());
        let acceptance = json!(judge(&design, &own.results, &criteria));
        let tables = own.tables().iter().map(table_json).collect();
        Ok(Json(Judged { acceptance, found: Vec::new(), solved: Some([own.n_solved, own.n_scenarios]), tables, findings }))
    })
    .await
}

/// A plant that is to be sized.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SizingRequest {
    /// YAML or JSON; its layouts have their designs in them, or name the sample designs.
    pub brief: String,
    /// YAML or JSON; what it leaves out is as usual.
    #[serde(default)]
    pub criteria: Option<String>,
}

/// A plant that was sized.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sized {
    /// Status (`all_pass`, `infeasible`, `unsettled`), rounds with choices, cost, verdicts, failures and what each taught; the design that passes.
    #[schema(value_type = Object)]
    pub sizing: Value,
    /// Of the costs.
    pub currency: String,
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Diagnostic>,
}

/// Sizes a plant: the least life-cycle cost with which all studies pass. Each plant that is tried and fails becomes a constraint of the next round. Nothing is kept.
#[utoipa::path(post, path = "/api/exchange/sizing", tag = "exchange", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    request_body = SizingRequest, responses((status = 200, body = Sized), (status = 422, body = Problem)))]
pub async fn size(_: Viewer, Json(request): Json<SizingRequest>) -> Result<Json<Sized>, Problem> {
    blocking(move || {
        if request.brief.len() > TEXT_MAX {
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The brief is too long")
                .code("EXCHANGE.DESIGN.TOO_LARGE")
                .field("brief")
                .hint("4 million characters are the most; use the command line for larger ones."));
        }
        let read = exchange::read_sizing(&request.brief, "brief", exchange::sample_design);
        let (brief, mut findings) = read.map_err(|e| refused("The brief is refused", "brief", e.diagnostics))?;
        let criteria = read_criteria(request.criteria.as_deref())?;
        let end = Instant::now() + SIZING_TIME;
        let sized = sizing::run(&brief, &criteria, &SizingOptions::default(), |_| Instant::now() < end);
        let sized = sized.map_err(|faults| refused("The plant cannot be sized", "brief", faults))?;
        findings.extend(sized.findings.iter().cloned());
        Ok(Json(Sized { sizing: json!(sized), currency: brief.economics.currency, findings }))
    })
    .await
}
