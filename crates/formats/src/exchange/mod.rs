//! Exchange of a design with other tools: out to ETAP, PSS/E and Windchill, and their results back.
//!
//! ```text
//! document ─► Design ─► export ─► files + manifest (fingerprint, SHA-256 of each) + ledger
//!                                        │ the other tool
//! files ─► kind by header ─► rows in our units ─► checked against the design ─► Results, or all faults and nothing
//! ```
//!
//! Layouts are those of document 000 (bvNexus Integration Package v2), matched by header and never by position; they are neutral tables that users
//! pair with their tool's fields, no native format of any of them.

mod design;
mod diagram;
pub mod etap;
mod headers;
mod number;
pub mod ram_tables;
mod results;
pub mod samples;
mod sheet;
mod sizing;
pub mod windchill;

pub(crate) use design::read_document;
pub use design::{read_criteria, read_design, write_criteria, write_design};
pub use diagram::{DiagramDocument, read_diagram};
pub use headers::ResultKind;
pub use results::{ImportedResults, ResultFile, read_results};
pub use sheet::{Cell, Sheet, archive, workbook};
pub use sizing::{read_sizing, sample_design};

use crate::psse;
use network::design::{Design, Scenario, sha256_hex};
use network::{Diagnostic, Disposition, Ledger, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest file name that findings repeat.
const NAME_LIMIT: usize = 500;

/// Whom files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    Etap,
    Psse,
    Windchill,
}

/// How a design is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportOptions {
    /// Of the RAW file: 33, 34 or 35.
    pub version: u32,
    /// A RAW file for each scenario too.
    pub scenario_cases: bool,
    /// The tree table of Windchill's import wizard too.
    pub tree_table: bool,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { version: 35, scenario_cases: false, tree_table: true }
    }
}

/// The beginning of a file, to be shown before it is downloaded.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Preview {
    Table {
        headers: Vec<String>,
        rows: Vec<Vec<String>>,
        /// Of the whole table.
        n_rows: usize,
    },
    Text {
        lines: Vec<String>,
        n_lines: usize,
    },
    Workbook {
        sheets: Vec<String>,
    },
}

/// A file to be handed over.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportFile {
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
    pub preview: Preview,
}

/// A file as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

/// What goes with the files: by it results are known to be of this design.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Of this layout.
    pub format: u32,
    pub program: String,
    pub tool: Tool,
    /// Of the RAW file; absent for other tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    pub design: String,
    /// Of what is electrically relevant, and of components and blocks.
    pub fingerprint: String,
    pub ram_fingerprint: String,
    pub files: Vec<ManifestFile>,
}

/// Name of the manifest among the files.
pub const MANIFEST: &str = "manifest.json";

/// What an export gave.
#[derive(Clone, Debug)]
pub struct Export {
    pub tool: Tool,
    pub files: Vec<ExportFile>,
    pub manifest: Manifest,
    pub ledger: Ledger,
    /// Warnings of the design and of scenarios.
    pub findings: Vec<Diagnostic>,
}

impl Export {
    /// The manifest as it stands beside the files.
    pub fn manifest_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.manifest).unwrap_or_default();
        text.push('\n');
        text
    }

    /// What is not carried over, and why, with how often it was met.
    pub fn dropped(&self) -> BTreeMap<(&str, &str), usize> {
        let mut dropped = BTreeMap::new();
        for entry in &self.ledger.entries {
            if let Disposition::Dropped { reason } = &entry.disposition {
                *dropped.entry((entry.field.as_str(), reason.as_str())).or_default() += 1;
            }
        }
        dropped
    }

    /// All files and the manifest in one archive; the same design gives the same bytes.
    pub fn zip(&self) -> Vec<u8> {
        let mut parts: Vec<(String, Vec<u8>)> = self.files.iter().map(|f| (f.name.clone(), f.bytes.clone())).collect();
        parts.push((MANIFEST.to_owned(), self.manifest_text().into_bytes()));
        archive(&parts)
    }
}

/// Reads a manifest.
///
/// # Errors
/// A text that is none.
pub fn read_manifest(bytes: &[u8], name: &str) -> Result<Manifest, crate::ImportError> {
    serde_json::from_slice(bytes).map_err(|e| {
        Diagnostic::error("EXCHANGE.MANIFEST.UNREADABLE", "the manifest cannot be read")
            .at(&network::SourceRef::new(name, e.line() as u32))
            .detail(format!("{e}."))
            .hint("take the manifest.json that was exported with the files")
            .into()
    })
}

const PREVIEW_ROWS: usize = 20;
const CSV: &str = "text/csv; charset=utf-8";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn table_file(name: &str, sheet: &Sheet) -> ExportFile {
    let text = |row: &Vec<Cell>| row.iter().map(|c| c.text().to_owned()).collect();
    let preview = Preview::Table {
        headers: sheet.headers.iter().map(|&h| h.to_owned()).collect(),
        rows: sheet.rows.iter().take(PREVIEW_ROWS).map(text).collect(),
        n_rows: sheet.rows.len(),
    };
    ExportFile { name: name.to_owned(), media_type: CSV, bytes: sheet.csv().into_bytes(), preview }
}

fn book_file(name: &str, sheets: &[Sheet]) -> ExportFile {
    let preview = Preview::Workbook { sheets: sheets.iter().map(|s| s.name.to_owned()).collect() };
    ExportFile { name: name.to_owned(), media_type: XLSX, bytes: workbook(sheets), preview }
}

fn text_file(name: String, text: String) -> ExportFile {
    let lines = text.lines().take(2 * PREVIEW_ROWS).map(str::to_owned).collect();
    let preview = Preview::Text { lines, n_lines: text.lines().count() };
    ExportFile { name, media_type: "text/plain; charset=utf-8", bytes: text.into_bytes(), preview }
}

/// Writes a design for a tool.
///
/// # Errors
/// Errors that the design's check finds, a scenario that cannot be, a version that is not written: all at once.
pub fn export(design: &Design, tool: Tool, options: &ExportOptions) -> Result<Export, Vec<Diagnostic>> {
    let mut findings = design.check();
    if findings.iter().any(|d| d.severity == Severity::Error) {
        return Err(findings);
    }
    let mut ledger = Ledger::default();
    let scenarios = design.scenarios();
    findings.extend(shortfalls(design, &scenarios)?);
    let mut files = Vec::new();
    match tool {
        Tool::Etap => {
            let sheets = [etap::equipment(design), etap::scenarios(&scenarios)];
            files.push(table_file("ETAP_Equipment_Import.csv", &sheets[0]));
            files.push(table_file("ETAP_Scenarios.csv", &sheets[1]));
            files.push(book_file("ETAP_Import.xlsx", &sheets));
            etap::ledger(design, &mut ledger);
        }
        Tool::Psse => {
            files.push(raw(design, None, options.version, &mut ledger)?);
            if options.scenario_cases {
                for s in &scenarios {
                    files.push(raw(design, Some(s), options.version, &mut ledger)?);
                }
            }
            files.push(table_file("PSSe_Scenarios.csv", &etap::scenarios(&scenarios)));
            psse_ledger(design, &mut ledger);
        }
        Tool::Windchill => {
            let mut sheets = vec![windchill::components(design), windchill::blocks(design), windchill::failure_modes(design)];
            let mut names = vec!["RAM_Component_Data.csv", "RAM_RBD_Structure.csv", "RAM_FMEA_Template.csv"];
            if options.tree_table {
                sheets.push(windchill::tree(design));
                names.push("RAM_System_Tree.csv");
            }
            files.extend(names.iter().zip(&sheets).map(|(name, sheet)| table_file(name, sheet)));
            files.push(book_file("Windchill_RAM.xlsx", &sheets));
            windchill::ledger(design, &mut ledger);
        }
    }
    let listed = |f: &ExportFile| ManifestFile { name: f.name.clone(), bytes: f.bytes.len() as u64, sha256: sha256_hex(&f.bytes) };
    let manifest = Manifest {
        format: 1,
        program: format!("GridTwin {}", env!("CARGO_PKG_VERSION")),
        tool,
        version: (tool == Tool::Psse).then_some(options.version),
        design: design.name.clone(),
        fingerprint: design.fingerprint(),
        ram_fingerprint: design.ram_fingerprint(),
        files: files.iter().map(listed).collect(),
    };
    Ok(Export { tool, files, manifest, ledger, findings })
}

/// Scenarios whose units cannot carry their load.
fn shortfalls(design: &Design, scenarios: &[Scenario]) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let (mut warnings, mut faults) = (Vec::new(), Vec::new());
    for s in scenarios {
        match design.in_scenario(s) {
            Ok(changed) => {
                let d = changed.base_dispatch();
                if d.shortfall_mw > 0.0 {
                    let what = format!("{:.1} MW of {:.1} MW cannot be carried by the units left", d.shortfall_mw, d.demand_mw);
                    let hint = "the swing bus carries it on paper: shed load or add capacity";
                    warnings.push(
                        Diagnostic::warning("EXCHANGE.SCENARIO.SHORTFALL", what).element(format!("scenario.{}", s.scenario_id)).hint(hint),
                    );
                }
            }
            Err(all) => faults.extend(all),
        }
    }
    if faults.is_empty() { Ok(warnings) } else { Err(faults) }
}

fn raw(design: &Design, scenario: Option<&Scenario>, version: u32, ledger: &mut Ledger) -> Result<ExportFile, Vec<Diagnostic>> {
    let (network, name) = match scenario {
        None => (design.network()?, format!("PSSe_Network_v{version}.raw")),
        Some(s) => {
            let plain: String =
                s.scenario_id.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
            (design.scenario_network(s)?.0, format!("PSSe_Network_v{version}_{plain}.raw"))
        }
    };
    let (text, written) = psse::write(&network, &psse::WriteOptions { version }).map_err(|e| e.diagnostics)?;
    if scenario.is_none() {
        ledger.entries.extend(written.entries);
    }
    Ok(text_file(name, text))
}

/// What a positive-sequence case has no place for, besides what its writer says.
fn psse_ledger(design: &Design, ledger: &mut Ledger) {
    let mut drop = |n: usize, field: &str, reason: &str| {
        for _ in 0..n {
            ledger.record(field, Disposition::Dropped { reason: reason.to_owned() }, None);
        }
    };
    drop(design.generators.len(), "generator.xd, x'd, h, x2, x0, earthing", "dynamic and sequence data stand in files of their own");
    drop(design.breakers.len(), "breaker", "a bus-branch case has no breakers");
    drop(design.cables.len(), "cable.r0, x0", "zero sequence stands in a file of its own");
    drop(design.transformers.len(), "transformer.vector group's shift", "angles are those of the positive sequence without the shift");
    drop(design.components.len(), "component, block, failure mode", "a power-flow case has no place for reliability");
    let fixed = design.batteries.iter().filter(|b| !b.holds_voltage).count() + design.pv_plants.len();
    for _ in 0..fixed {
        let formula = "a load of negative power: power factor 1, no voltage held".to_owned();
        ledger.record("battery, PV plant", Disposition::Converted { formula }, None);
    }
    for _ in &design.motors {
        ledger.record("motor", Disposition::Converted { formula: "a load of its rated power over efficiency".to_owned() }, None);
    }
}

#[cfg(test)]
mod tests;
