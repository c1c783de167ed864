//! What an import said of a version, in pieces: findings, ledger, rejected records, figures, sources. The network itself is not read.

use super::Project;
use super::database::{Cell, Row};
use super::error::ProjectError;
use super::version::{SourceFile, VersionInfo, figure_of, finding_of, ledger_of};
use network::{Diagnostic, LedgerEntry, Reject, SourceRef, StudyFigure};

/// Which rows of a list, and which of them.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    pub limit: u64,
    pub offset: u64,
}

/// Which findings.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    /// `error`, `warning` or `note`.
    pub severity: Option<String>,
    pub code: Option<String>,
    /// As `line.650632`.
    pub element: Option<String>,
}

/// Rows that were asked for, and how many there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    pub items: Vec<T>,
    pub total: u64,
}

fn cell(n: u64) -> Cell {
    Cell::from(i64::try_from(n).unwrap_or(i64::MAX))
}

fn text(told: Option<&String>) -> Cell {
    Cell::from(told.cloned().unwrap_or_default())
}

impl Project {
    /// Rows `SELECT {columns} FROM {table} WHERE version = $1 {more}`; `values` are those of `more`, from `$2`.
    fn listed<T>(
        &self,
        version: &VersionInfo,
        (columns, table, more): (&str, &str, &str),
        mut values: Vec<Cell>,
        piece: &Piece,
        of: impl Fn(&Row) -> Option<T>,
    ) -> Result<Listed<T>, ProjectError> {
        values.insert(0, version.id.into());
        let mut database = self.database();
        let place = database.place().to_owned();
        let (rows, total) = database.read(|database| {
            let total = database.row(&format!("SELECT COUNT(*) FROM {table} WHERE version = $1 {more}"), &values)?;
            let (limit, offset) = (values.len() + 1, values.len() + 2);
            let sql = format!("SELECT {columns} FROM {table} WHERE version = $1 {more} ORDER BY position LIMIT ${limit} OFFSET ${offset}");
            values.extend([cell(piece.limit), cell(piece.offset)]);
            Ok((database.rows(&sql, &values)?, total.map_or(0, |r| r.number(0))))
        })?;
        let items = rows.iter().map(of).collect::<Option<Vec<T>>>();
        let items = items.ok_or(ProjectError::Damaged { place, reason: format!("a row of {table} has a word that is not known") })?;
        Ok(Listed { items, total })
    }

    /// Findings of the import of a version, in the order in which they were made.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn findings_of(&self, version: &VersionInfo, filter: &FindingFilter, piece: &Piece) -> Result<Listed<Diagnostic>, ProjectError> {
        let columns = "code, severity, message, element, file, line, lon_deg, lat_deg, detail, hint";
        let more = "AND ($2 = '' OR severity = $2) AND ($3 = '' OR code = $3) AND ($4 = '' OR element = $4)";
        let values = vec![text(filter.severity.as_ref()), text(filter.code.as_ref()), text(filter.element.as_ref())];
        self.listed(version, (columns, "findings", more), values, piece, |row| Some(finding_of(row)))
    }

    /// How often each code was found, by severity and code.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn finding_counts(&self, version: &VersionInfo) -> Result<Vec<(String, String, u64)>, ProjectError> {
        let sql = "SELECT severity, code, COUNT(*) FROM findings WHERE version = $1 GROUP BY severity, code ORDER BY severity, code";
        let rows = self.database().rows(sql, &[version.id.into()])?;
        Ok(rows.iter().map(|r| (r.text(0), r.text(1), r.number(2))).collect())
    }

    /// Rows of the ledger of a version; of one disposition (`kept`, `converted`, `defaulted`, `dropped`) when it is told.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn ledger_of(&self, version: &VersionInfo, disposition: Option<&str>, piece: &Piece) -> Result<Listed<LedgerEntry>, ProjectError> {
        let columns = "field, disposition, value, reason, n, file, line";
        let values = vec![Cell::from(disposition.unwrap_or_default())];
        self.listed(version, (columns, "ledger", "AND ($2 = '' OR disposition = $2)"), values, piece, ledger_of)
    }

    /// Records that the import of a version rejected.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn rejects_in(&self, version: &VersionInfo, piece: &Piece) -> Result<Listed<Reject>, ProjectError> {
        let of = |r: &Row| Some(Reject { source: SourceRef::new(r.text(0), r.line(1)), reason: r.text(2), text: r.text(3) });
        self.listed(version, ("file, line, reason, record", "rejects", ""), Vec::new(), piece, of)
    }

    /// Figures of studies that came with a version.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn figures_of(&self, version: &VersionInfo, piece: &Piece) -> Result<Listed<StudyFigure>, ProjectError> {
        self.listed(version, ("subject, phase, quantity, value, file, line", "study_figures", ""), Vec::new(), piece, figure_of)
    }

    /// Files that a version was read from.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn sources_of(&self, version: &VersionInfo, piece: &Piece) -> Result<Listed<SourceFile>, ProjectError> {
        let of = |r: &Row| Some(SourceFile { path: r.text(0), sha256: r.text(1), bytes: r.number(2) });
        self.listed(version, ("path, sha256, bytes", "sources", ""), Vec::new(), piece, of)
    }

    /// What the reader of a version counted.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn counts_of(&self, version: &VersionInfo) -> Result<Vec<(String, u64)>, ProjectError> {
        let rows = self.database().rows("SELECT what, n FROM counts WHERE version = $1 ORDER BY position", &[version.id.into()])?;
        Ok(rows.iter().map(|r| (r.text(0), r.number(1))).collect())
    }
}
