//! What all readers share: the error that keeps a model from being read.

use network::{Diagnostic, Severity};
use std::fmt;

/// Why a file was refused: findings, at least one of them an error.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportError {
    pub diagnostics: Vec<Diagnostic>,
}

impl ImportError {
    pub fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }
}

impl From<Diagnostic> for ImportError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = || self.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        match errors().next() {
            Some(first) => write!(f, "{first}")?,
            None => write!(f, "the file cannot be read")?,
        }
        match errors().count() {
            0 | 1 => Ok(()),
            n => write!(f, "\n  and {} more errors", n - 1),
        }
    }
}

impl std::error::Error for ImportError {}
