//! Findings about a model: coded, placed, with a hint.

use crate::LonLat;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Where in a source a value or finding comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct SourceRef {
    /// File as the reader was given it; empty when the value has no file.
    pub file: Arc<str>,
    /// Line or row, counted from 1; 0 when unknown.
    pub line: u32,
}

impl SourceRef {
    pub fn new(file: impl Into<Arc<str>>, line: u32) -> Self {
        Self { file: file.into(), line }
    }

    pub fn is_known(&self) -> bool {
        !self.file.is_empty()
    }
}

impl fmt::Display for SourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.line) {
            (true, _) => write!(f, "(no source)"),
            (false, 0) => write!(f, "{}", self.file),
            (false, line) => write!(f, "{}:{line}", self.file),
        }
    }
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; the results stand.
    Note,
    /// Probably a slip; the results may not mean what the reader thinks.
    Warning,
    /// The model cannot be used as it is.
    Error,
}

/// One finding. Its `code` reads `STAGE.SUBJECT.FAULT` and is stable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub code: String,
    pub severity: Severity,
    /// Short and factual, lower case.
    pub message: String,
    /// The element at fault as `class.name`, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRef>,
    /// Where on the ground, when it has a place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<LonLat>,
    /// Sentences: the values at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    pub fn new(code: impl Into<String>, severity: Severity, message: impl Into<String>) -> Self {
        Self { code: code.into(), severity, message: message.into(), element: None, source: None, place: None, detail: None, hint: None }
    }

    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, message)
    }

    pub fn warning(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, message)
    }

    pub fn note(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Note, message)
    }

    pub fn element(mut self, element: impl Into<String>) -> Self {
        self.element = Some(element.into());
        self
    }

    pub fn at(mut self, source: &SourceRef) -> Self {
        if source.is_known() {
            self.source = Some(source.clone());
        }
        self
    }

    pub fn place(mut self, place: LonLat) -> Self {
        self.place = Some(place);
        self
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        write!(f, "{severity}[{}]: ", self.code)?;
        if let Some(element) = &self.element {
            write!(f, "{element}: ")?;
        }
        write!(f, "{}", self.message)?;
        if let Some(source) = &self.source {
            write!(f, "\n  at {source}")?;
        }
        if let Some(place) = &self.place {
            write!(f, "\n  at longitude {:.6}, latitude {:.6}", place.lon_deg, place.lat_deg)?;
        }
        if let Some(detail) = &self.detail {
            write!(f, "\n  {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}
