//! Documents of a design and of criteria: YAML or JSON with the names of their types.

use super::NAME_LIMIT;
use crate::ImportError;
use network::design::Design;
use network::design::criteria::Criteria;
use network::{Diagnostic, Severity, SourceRef};
use serde::de::DeserializeOwned;

pub(super) fn read_text<T: DeserializeOwned>(text: &str, name: &str, code: &str, what: &str) -> Result<T, ImportError> {
    read_document(text, name, code, what, "docs/formats/exchange.md lists the fields; models/exchange has a sample")
}

/// A document of a type's own fields; the hint says where they are told.
pub(crate) fn read_document<T: DeserializeOwned>(text: &str, name: &str, code: &str, what: &str, hint: &str) -> Result<T, ImportError> {
    let at = |line| SourceRef::new(name.chars().take(NAME_LIMIT).collect::<String>(), line);
    serde_saphyr::from_str(text).map_err(|e| {
        let line = e.location().map_or(0, |l| l.line() as u32);
        let message = e.to_string().lines().next().unwrap_or_default().to_owned();
        Diagnostic::error(code, format!("the {what} cannot be read")).at(&at(line)).detail(format!("{message}.")).hint(hint).into()
    })
}

/// Reads a design and looks it over; `name` is that of the file, for findings.
///
/// # Errors
/// A text that is no design, and what [`Design::check`] finds to be errors, all at once with its warnings.
pub fn read_design(text: &str, name: &str) -> Result<(Design, Vec<Diagnostic>), ImportError> {
    let design: Design = read_text(text, name, "EXCHANGE.DESIGN.UNREADABLE", "design")?;
    let at = SourceRef::new(name, 0);
    let findings: Vec<Diagnostic> = design.check().into_iter().map(|d| if d.source.is_none() { d.at(&at) } else { d }).collect();
    if findings.iter().any(|d| d.severity == Severity::Error) {
        return Err(ImportError::new(findings));
    }
    Ok((design, findings))
}

/// Reads criteria; what a document leaves out stays as it is by default.
///
/// # Errors
/// A text that is none, figures that are impossible: all at once.
pub fn read_criteria(text: &str, name: &str) -> Result<Criteria, ImportError> {
    let criteria: Criteria = read_text(text, name, "EXCHANGE.CRITERIA.UNREADABLE", "document of criteria")?;
    let at = SourceRef::new(name, 0);
    let findings: Vec<Diagnostic> = criteria.check().into_iter().map(|d| d.at(&at)).collect();
    if findings.is_empty() { Ok(criteria) } else { Err(ImportError::new(findings)) }
}

/// A design as JSON, which [`read_design`] reads back equal.
pub fn write_design(design: &Design) -> String {
    json_of(design)
}

/// Criteria as JSON.
pub fn write_criteria(criteria: &Criteria) -> String {
    json_of(criteria)
}

fn json_of<T: serde::Serialize>(value: &T) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
