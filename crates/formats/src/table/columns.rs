//! Which column is which: as a mapping says, else guessed from the headers.

use super::Table;
use crate::ImportError;
use network::{Diagnostic, SourceRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A column that a reader looks for.
#[derive(Clone, Copy, Debug)]
pub struct WantedColumn {
    /// Name of the field in mappings and reports.
    pub field: &'static str,
    /// Headers that mean this field, the likeliest first. Letters and digits count, case and the rest do not.
    pub aliases: &'static [&'static str],
    pub required: bool,
}

/// A mapping from fields to headers, as a profile keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ColumnMap(pub BTreeMap<String, String>);

impl ColumnMap {
    /// Reads a profile: YAML, `field: header` a line.
    ///
    /// # Errors
    /// Text that is no such mapping.
    pub fn from_yaml(text: &str, name: &str) -> Result<Self, ImportError> {
        serde_saphyr::from_str(text).map_err(|e| {
            Diagnostic::error("TABLE.MAPPING.UNREADABLE", "the mapping cannot be read")
                .at(&SourceRef::new(name, 0))
                .detail(format!("{e}."))
                .hint("write one \"field: header\" a line")
                .into()
        })
    }

    /// The profile as YAML.
    pub fn to_yaml(&self) -> String {
        // Quoted as JSON strings are, which YAML reads as they stand.
        self.0.iter().map(|(field, header)| format!("{field}: {}\n", serde_json::Value::from(header.as_str()))).collect()
    }
}

/// How sure a guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The mapping says so.
    Told,
    /// The header is one of the names of the field.
    High,
    /// The header holds one of the names of the field.
    Low,
}

/// One column that was found, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnGuess {
    pub field: String,
    pub header: String,
    pub column: usize,
    pub confidence: Confidence,
}

/// The columns of a table by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub found: Vec<ColumnGuess>,
    /// Headers that no field was found for.
    pub unused: Vec<String>,
}

/// Letters and digits of a header in lower case.
fn plain(header: &str) -> String {
    header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Columns {
    /// Finds the wanted columns among the headers of a table. Each column serves one field: what the mapping tells first, then exact
    /// names in the order of the wanted fields, then headers that hold a name of four letters or more.
    ///
    /// # Errors
    /// A mapping that names a field or header that is not there, and required fields for which no column was found.
    pub fn find(table: &Table, wanted: &[WantedColumn], told: &ColumnMap) -> Result<Self, ImportError> {
        let at = SourceRef::new(table.name.as_str(), 0);
        let headers: Vec<String> = table.headers.iter().map(|h| plain(h)).collect();
        let mut owner: Vec<Option<usize>> = vec![None; headers.len()];
        let mut by_field: Vec<Option<(usize, Confidence)>> = vec![None; wanted.len()];
        for (field, header) in &told.0 {
            let Some(f) = wanted.iter().position(|w| w.field == field) else {
                let fields: Vec<&str> = wanted.iter().map(|w| w.field).collect();
                return Err(Diagnostic::error(
                    "TABLE.MAPPING.UNKNOWN_FIELD",
                    format!("the mapping names a field \"{field}\" that this table does not have"),
                )
                .at(&at)
                .detail(format!("Fields: {}.", fields.join(", ")))
                .into());
            };
            let exact = table.headers.iter().position(|h| h == header);
            let Some(c) = exact.or_else(|| headers.iter().position(|h| *h == plain(header))) else {
                return Err(Diagnostic::error(
                    "TABLE.MAPPING.NO_COLUMN",
                    format!("the table has no column \"{header}\", which the mapping names for {field}"),
                )
                .at(&at)
                .detail(format!("Columns: {}.", table.headers.join(", ")))
                .into());
            };
            owner[c] = Some(f);
            by_field[f] = Some((c, Confidence::Told));
        }
        let exact = |alias: &str, header: &str| header == alias;
        let within = |alias: &str, header: &str| alias.len() >= 4 && header.contains(alias);
        for confidence in [Confidence::High, Confidence::Low] {
            let fits =
                |alias: &str, header: &str| if confidence == Confidence::High { exact(alias, header) } else { within(alias, header) };
            for (f, w) in wanted.iter().enumerate() {
                if by_field[f].is_some() {
                    continue;
                }
                let names = std::iter::once(plain(w.field)).chain(w.aliases.iter().map(|a| plain(a)));
                let column = names
                    .filter(|name| !name.is_empty())
                    .find_map(|name| (0..headers.len()).find(|&c| owner[c].is_none() && fits(&name, &headers[c])));
                if let Some(c) = column {
                    owner[c] = Some(f);
                    by_field[f] = Some((c, confidence));
                }
            }
        }
        let missing: Vec<&str> =
            wanted.iter().zip(&by_field).filter(|(w, found)| w.required && found.is_none()).map(|(w, _)| w.field).collect();
        if !missing.is_empty() {
            return Err(Diagnostic::error("TABLE.COLUMN.MISSING", format!("no column was found for: {}", missing.join(", ")))
                .at(&at)
                .detail(format!("Columns: {}.", table.headers.join(", ")))
                .hint("name the columns in a mapping (field: header)")
                .into());
        }
        let found = wanted.iter().zip(&by_field).filter_map(|(w, found)| {
            found.map(|(column, confidence)| ColumnGuess {
                field: w.field.to_owned(),
                header: table.headers[column].clone(),
                column,
                confidence,
            })
        });
        let unused = owner.iter().zip(&table.headers).filter(|(o, h)| o.is_none() && !h.is_empty()).map(|(_, h)| h.clone());
        Ok(Self { found: found.collect(), unused: unused.collect() })
    }

    /// Column of a field, if there is one.
    pub fn column(&self, field: &str) -> Option<usize> {
        self.found.iter().find(|g| g.field == field).map(|g| g.column)
    }

    /// The cell of a field in a row, trimmed; empty when the table has no such column.
    pub fn cell<'r>(&self, row: &'r super::Row, field: &str) -> &'r str {
        self.column(field).and_then(|c| row.cells.get(c)).map_or("", |c| c.trim())
    }

    /// The mapping that gives these columns again, to be kept as a profile.
    pub fn profile(&self) -> ColumnMap {
        ColumnMap(self.found.iter().map(|g| (g.field.clone(), g.header.clone())).collect())
    }
}
