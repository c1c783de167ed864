//! Why a command could not do its job: diagnostics to print, exit status 1.

use network::{Diagnostic, Severity};
use std::fmt;

/// A refused or failed command. Its diagnostics go to the error stream; at least one is an error.
#[derive(Debug, Clone)]
pub struct Failure {
    pub diagnostics: Vec<Diagnostic>,
}

impl Failure {
    pub fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }

    /// The errors, without warnings and notes beside them.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error)
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

impl From<formats::ImportError> for Failure {
    fn from(error: formats::ImportError) -> Self {
        Self { diagnostics: error.diagnostics }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.diagnostics.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        use store::StoreError;
        let message = error.to_string();
        let diagnostic = match error {
            StoreError::Sql { .. } => Diagnostic::error("OUTPUT.SQL.REFUSED", message),
            _ => Diagnostic::error("OUTPUT.LAKE.REFUSED", message),
        };
        let hint = error.hint();
        if hint.is_empty() { diagnostic } else { diagnostic.hint(hint) }.into()
    }
}
