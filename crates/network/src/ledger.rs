//! The translation ledger: what became of everything a source said.

use crate::SourceRef;
use serde::{Deserialize, Serialize};

/// What an import or export did with a kind of value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "disposition", rename_all = "snake_case")]
pub enum Disposition {
    Kept,
    Converted { formula: String },
    Defaulted { value: String, reason: String },
    Dropped { reason: String },
}

/// One row of the ledger: a field of a kind of record, how often it came, and where first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Record and field as the source names them, `class.property`.
    pub field: String,
    #[serde(flatten)]
    pub disposition: Disposition,
    pub count: usize,
    pub first: Option<SourceRef>,
}

/// All rows of one import or export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub entries: Vec<LedgerEntry>,
}

impl Ledger {
    /// Counts one more value of `field` with this disposition.
    pub fn record(&mut self, field: &str, disposition: Disposition, source: Option<&SourceRef>) {
        match self.entries.iter_mut().find(|e| e.field == field && e.disposition == disposition) {
            Some(entry) => entry.count += 1,
            None => self.entries.push(LedgerEntry { field: field.to_owned(), disposition, count: 1, first: source.cloned() }),
        }
    }

    pub fn dropped(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.entries.iter().filter(|e| matches!(e.disposition, Disposition::Dropped { .. }))
    }
}
