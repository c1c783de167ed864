//! Versions of a network: kept by one transaction, listed, read back.

use super::database::{Cell, Database, Row};
use super::error::ProjectError;
use super::items::{self, Item};
use super::{Project, check_name, rejects};
use crate::files::sha256_hex;
use network::{
    Diagnostic, Disposition, ElementKind, Imported, Ledger, LedgerEntry, LonLat, Quantity, Reject, Severity, SourceRef, StudyFigure,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Option under which the key of an import is kept.
const KEY: &str = "import_key";

/// Rows of a section that are read at a time.
const PAGE: i64 = 4_000;

/// One file that a model was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceFile {
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
}

/// What an import gives to the project.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    /// Name of the network within the project.
    pub network: String,
    pub imported: &'a Imported,
    /// RFC 3339.
    pub time_utc: String,
    /// The model as it was named.
    pub model: String,
    /// Reader that made it: `opendss`, `cyme`, …
    pub importer: String,
    /// Version of this program.
    pub program: String,
    pub options: Value,
    pub author: String,
    pub note: String,
    pub sources: Vec<SourceFile>,
    /// Letters, digits and `-`. What was imported under a key before, by whatever process, is not imported again.
    pub key: Option<String>,
}

impl<'a> NewVersion<'a> {
    /// A version without further particulars, which are public fields.
    pub fn new(network: impl Into<String>, imported: &'a Imported, time_utc: impl Into<String>) -> Self {
        Self {
            network: network.into(),
            imported,
            time_utc: time_utc.into(),
            model: String::new(),
            importer: String::new(),
            program: String::new(),
            options: Value::Null,
            author: String::new(),
            note: String::new(),
            sources: Vec::new(),
            key: None,
        }
    }
}

/// What lists say of a version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VersionInfo {
    pub network: String,
    /// Counted from 1.
    pub number: u64,
    pub time_utc: String,
    pub model: String,
    pub importer: String,
    pub program: String,
    pub options: Value,
    pub author: String,
    pub note: String,
    pub buses: u64,
    pub elements: u64,
    pub errors: u64,
    pub warnings: u64,
    pub rejects: u64,
    /// Hash of all that the version holds; equal networks read from the same lines have the same.
    pub digest: String,
    #[serde(skip)]
    pub(crate) id: i64,
    #[serde(skip)]
    pub(crate) n_items: u64,
}

/// A version as it was imported.
#[derive(Clone, Debug)]
pub struct StoredVersion {
    pub info: VersionInfo,
    pub sources: Vec<SourceFile>,
    pub imported: Imported,
}

/// A bus, element, asset or entry of the catalogue as the tables have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredElement {
    /// Vector of the network that it is in.
    pub section: String,
    pub class: String,
    pub name: String,
    pub buses: Vec<String>,
    pub kv_ll: Option<f64>,
    pub phases: String,
    pub feeder: String,
    /// WGS 84, longitude first.
    pub wkt: Option<String>,
}

const VERSION_COLUMNS: &str = "SELECT n.name, v.number, v.time_utc, v.model, v.importer, v.program, v.options, v.author, v.note, v.n_buses, \
    v.n_elements, v.n_errors, v.n_warnings, v.n_rejects, v.digest, v.id, v.n_items FROM versions v JOIN networks n ON n.id = v.network";

fn version_of(row: &Row) -> VersionInfo {
    VersionInfo {
        network: row.text(0),
        number: row.number(1),
        time_utc: row.text(2),
        model: row.text(3),
        importer: row.text(4),
        program: row.text(5),
        options: serde_json::from_str(&row.text(6)).unwrap_or(Value::Null),
        author: row.text(7),
        note: row.text(8),
        buses: row.number(9),
        elements: row.number(10),
        errors: row.number(11),
        warnings: row.number(12),
        rejects: row.number(13),
        digest: row.text(14),
        id: row.integer(15).unwrap_or(0),
        n_items: row.number(16),
    }
}

/// Hash of a version: of the hashes, names and places of its items, whatever the order of sections.
#[derive(Default)]
pub(crate) struct Digest(BTreeMap<String, Vec<String>>);

impl Digest {
    pub(crate) fn add(&mut self, item: &Item, hash: &str) {
        let sources: String = item.sources.iter().map(|s| format!(" {}:{}", s.file, s.line)).collect();
        let creation = item.creation.map_or(String::new(), |c| c.to_string());
        let row = format!("{} {} {creation} {hash}{sources}", item.position, item.key);
        self.0.entry(item.section.clone()).or_default().push(sha256_hex(row.as_bytes()));
    }

    pub(crate) fn finish(self) -> String {
        let text: String =
            self.0.into_iter().map(|(section, rows)| format!("{section} {}\n", sha256_hex(rows.concat().as_bytes()))).collect();
        sha256_hex(text.as_bytes())[..32].to_owned()
    }
}

/// Files that elements name as their source, each once.
#[derive(Default)]
struct FileNumbers {
    numbers: HashMap<Arc<str>, usize>,
    names: Vec<Arc<str>>,
}

impl FileNumbers {
    fn number(&mut self, file: &Arc<str>) -> usize {
        if let Some(&n) = self.numbers.get(file) {
            return n;
        }
        self.names.push(file.clone());
        self.numbers.insert(file.clone(), self.names.len() - 1);
        self.names.len() - 1
    }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn source_cells(source: Option<&SourceRef>) -> [Cell; 2] {
    match source {
        Some(s) => [s.file.as_ref().into(), s.line.into()],
        None => [Cell::Text(None), Cell::Integer(None)],
    }
}

fn source_of(row: &Row, column: usize) -> Option<SourceRef> {
    row.optional_text(column).map(|file| SourceRef::new(file, row.line(column + 1)))
}

impl Project {
    /// Keeps what an import gave as the next version of its network: all of it, or nothing.
    ///
    /// Then the rejected records are written as a CSV file into the folder `rejects`.
    ///
    /// # Errors
    /// A name that cannot be one, a network that contradicts itself, a second writer that does not end, a full disk.
    pub fn import(&self, new: &NewVersion<'_>) -> Result<VersionInfo, ProjectError> {
        check_name("network", &new.network)?;
        let project = self.id;
        let mut new = new.clone();
        if let Some(key) = &new.key {
            if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
                return Err(ProjectError::Name {
                    what: "key",
                    name: key.chars().take(40).collect(),
                    reason: "it holds other characters than letters, digits and -",
                });
            }
            if new.options.is_null() {
                new.options = Value::Object(serde_json::Map::new());
            }
            if let Some(options) = new.options.as_object_mut() {
                options.insert(KEY.to_owned(), key.as_str().into());
            }
        }
        let new = &new;
        let (network, number) = self.database().write(|database| {
            // In PostgreSQL this is what the second writer waits for; SQLite has let in only one.
            let lock = match database.dialect() {
                super::Dialect::Postgres => " FOR UPDATE",
                super::Dialect::Sqlite => "",
            };
            database.rows(&format!("SELECT id FROM projects WHERE id = $1{lock}"), &[project.into()])?;
            // Asked within the transaction, so that of two processes with one key the second sees what the first has kept.
            match new.key.as_deref().map(|key| of_key(database, project, key)).transpose()?.flatten() {
                Some(before) => Ok(before),
                None => Ok((new.network.clone(), insert_version(database, project, new)?)),
            }
        })?;
        self.write_rejects()?;
        self.version(Some(&network), Some(number))
    }

    /// The version that was imported under a key, see [`NewVersion::key`].
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn version_of_key(&self, key: &str) -> Result<Option<VersionInfo>, ProjectError> {
        let found = of_key(&mut self.database(), self.id, key)?;
        found.map(|(network, number)| self.version(Some(&network), Some(number))).transpose()
    }

    /// Versions, oldest first, by network; of one network when it is named.
    ///
    /// # Errors
    /// No such network; a database that cannot be read.
    pub fn history(&self, network: Option<&str>) -> Result<Vec<VersionInfo>, ProjectError> {
        let sql = format!("{VERSION_COLUMNS} WHERE n.project = $1 AND ($2 = '' OR n.name = $2) ORDER BY n.name, v.number");
        let rows = self.database().rows(&sql, &[self.id.into(), network.unwrap_or_default().into()])?;
        match network {
            Some(name) if rows.is_empty() => Err(ProjectError::UnknownNetwork { name: name.to_owned(), known: self.networks()? }),
            _ => Ok(rows.iter().map(version_of).collect()),
        }
    }

    /// Names of the networks.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn networks(&self) -> Result<Vec<String>, ProjectError> {
        let rows = self.database().rows("SELECT name FROM networks WHERE project = $1 ORDER BY name", &[self.id.into()])?;
        Ok(rows.iter().map(|row| row.text(0)).collect())
    }

    /// One version: the newest when no number is told, of the only network when none is named.
    ///
    /// # Errors
    /// No such network or version; several networks and none named.
    pub fn version(&self, network: Option<&str>, number: Option<u64>) -> Result<VersionInfo, ProjectError> {
        let name = match network {
            Some(name) => name.to_owned(),
            None => {
                let known = self.networks()?;
                match known.as_slice() {
                    [only] => only.clone(),
                    _ => return Err(ProjectError::NetworkNotNamed { known }),
                }
            }
        };
        let versions = self.history(Some(&name))?;
        let newest = versions.last().map_or(0, |v| v.number);
        let wanted = number.unwrap_or(newest);
        let found = versions.into_iter().find(|v| v.number == wanted);
        found.ok_or(ProjectError::UnknownVersion { network: name, number: wanted, newest })
    }

    /// Reads a version back, with all that its import gave.
    ///
    /// # Errors
    /// As [`Project::version`]; a version that is no longer what was written.
    pub fn network(&self, network: Option<&str>, number: Option<u64>) -> Result<StoredVersion, ProjectError> {
        let info = self.version(network, number)?;
        self.database().read(|database| load(database, info))
    }

    /// Buses, elements, assets and entries of the catalogue of a version as rows, in the order of the network's vectors.
    ///
    /// # Errors
    /// As [`Project::version`].
    pub fn elements(&self, network: Option<&str>, number: Option<u64>) -> Result<Vec<StoredElement>, ProjectError> {
        let info = self.version(network, number)?;
        let mut rows: Vec<(Option<u64>, StoredElement)> = Vec::new();
        self.database().read(|database| {
            for_each_item(database, &info, &mut |item, _| {
                let buses = serde_json::from_str(&item.buses).unwrap_or_default();
                let row = StoredElement {
                    section: item.section,
                    class: item.class,
                    name: item.name,
                    buses,
                    kv_ll: item.kv_ll,
                    phases: item.phases,
                    feeder: item.feeder,
                    wkt: item.wkt,
                };
                rows.push((item.creation, row));
                Ok(())
            })
        })?;
        // Elements in the order of their creation, what is none before and after them as sections come.
        rows.sort_by_key(|(creation, row)| match (row.section.as_str(), creation) {
            ("buses", _) => (0, 0),
            (_, Some(creation)) => (1, *creation),
            _ => (2, 0),
        });
        Ok(rows.into_iter().map(|(_, row)| row).filter(|row| row.section != items::WHOLE).collect())
    }

    /// The file that holds the records which the import of a version rejected.
    pub fn rejects_path(&self, version: &VersionInfo) -> PathBuf {
        rejects::path(self.dir(), &version.network, version.number)
    }

    pub(super) fn rejects_of(&self, version: i64) -> Result<Vec<Reject>, ProjectError> {
        load_rejects(&mut self.database(), version)
    }

    /// Makes the CSV files of rejected records that are not there.
    fn write_rejects(&self) -> Result<(), ProjectError> {
        for version in self.history(None)?.iter().filter(|v| v.rejects > 0) {
            let path = self.rejects_path(version);
            if !path.is_file() {
                rejects::write(&path, &self.rejects_of(version.id)?)?;
            }
        }
        Ok(())
    }
}

/// Network and number of the version of a key.
fn of_key(database: &mut Database, project: i64, key: &str) -> Result<Option<(String, u64)>, ProjectError> {
    // Keys hold no character that means something in a pattern, and the options are written without blanks.
    let sql = "SELECT n.name, v.number FROM versions v JOIN networks n ON n.id = v.network WHERE n.project = $1 AND v.options LIKE $2";
    let pattern = format!("%{}%", serde_json::json!({ KEY: key }).to_string().trim_matches(['{', '}']));
    Ok(database.row(sql, &[project.into(), pattern.into()])?.map(|row| (row.text(0), row.number(1))))
}

fn insert_version(database: &mut Database, project: i64, new: &NewVersion<'_>) -> Result<u64, ProjectError> {
    let name: Cell = new.network.as_str().into();
    let found = database.row("SELECT id FROM networks WHERE project = $1 AND name = $2", &[project.into(), name.clone()])?;
    let network = match found {
        Some(row) => row.number(0) as i64,
        None => {
            let row = database.row("INSERT INTO networks (project, name) VALUES ($1, $2) RETURNING id", &[project.into(), name])?;
            row.map_or(0, |r| r.number(0)) as i64
        }
    };
    let last = database.row("SELECT id, number FROM versions WHERE network = $1 ORDER BY number DESC LIMIT 1", &[network.into()])?;
    let number = last.as_ref().map_or(0, |r| r.number(1)) + 1;
    let known: HashSet<String> = match &last {
        Some(row) => {
            let rows = database.rows("SELECT item FROM version_items WHERE version = $1", &[Cell::from(row.number(0) as i64)])?;
            rows.iter().map(|r| r.text(0)).collect()
        }
        None => HashSet::new(),
    };
    let imported = new.imported;
    let n_of = |severity| imported.diagnostics.iter().filter(|d| d.severity == severity).count();
    let sql = "INSERT INTO versions (network, number, time_utc, model, importer, program, options, author, note, digest, n_items, n_buses, \
        n_elements, n_errors, n_warnings, n_rejects) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', 0, $10, $11, $12, $13, $14) RETURNING id";
    let n_elements: usize = ElementKind::ALL.iter().map(|&k| imported.network.count(k)).sum();
    let values = [
        network.into(),
        Cell::from(number as i64),
        new.time_utc.as_str().into(),
        new.model.as_str().into(),
        new.importer.as_str().into(),
        new.program.as_str().into(),
        new.options.to_string().into(),
        new.author.as_str().into(),
        new.note.as_str().into(),
        imported.network.buses.len().into(),
        n_elements.into(),
        n_of(Severity::Error).into(),
        n_of(Severity::Warning).into(),
        imported.rejects.len().into(),
    ];
    let version = database.row(sql, &values)?.map_or(0, |r| r.number(0)) as i64;
    let (mut digest, mut n_items, mut files) = (Digest::default(), 0_usize, FileNumbers::default());
    let mut inserted: HashSet<String> = HashSet::new();
    items::of_network(&imported.network, &mut |items| {
        let mut contents = Vec::new();
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            let hash = item.hash();
            digest.add(&item, &hash);
            n_items += 1;
            let sources: Vec<String> = item.sources.iter().map(|s| format!("{}:{}", files.number(&s.file), s.line)).collect();
            rows.push(vec![
                version.into(),
                item.section.as_str().into(),
                item.position.into(),
                hash.as_str().into(),
                item.key.as_str().into(),
                item.creation.map(|c| c as i64).into(),
                sources.join(" ").into(),
            ]);
            if !known.contains(&hash) && inserted.insert(hash.clone()) {
                contents.push(vec![
                    hash.into(),
                    item.section.into(),
                    item.class.into(),
                    item.name.into(),
                    item.buses.into(),
                    item.kv_ll.into(),
                    item.phases.into(),
                    item.feeder.into(),
                    item.wkt.into(),
                    item.content.into(),
                ]);
            }
        }
        let columns = "items (hash, section, class, name, buses, kv_ll, phases, feeder, wkt, content)";
        database.insert(columns, 10, "ON CONFLICT (hash) DO NOTHING", contents)?;
        database.insert("version_items (version, section, position, item, item_key, creation, sources)", 7, "", rows)
    })?;
    let rows = |entries: Vec<Vec<Cell>>| -> Vec<Vec<Cell>> {
        let number = |i: usize| [Cell::from(version), Cell::from(i)];
        entries.into_iter().enumerate().map(|(i, row)| number(i).into_iter().chain(row).collect()).collect()
    };
    let names = files.names.iter().map(|f| vec![f.as_ref().into()]).collect();
    database.insert("source_names (version, position, path)", 3, "", rows(names))?;
    let read = new.sources.iter().map(|s| vec![s.path.as_str().into(), s.sha256.as_str().into(), (s.bytes as i64).into()]).collect();
    database.insert("sources (version, position, path, sha256, bytes)", 5, "", rows(read))?;
    let findings = imported.diagnostics.iter().map(finding_row).collect();
    let columns = "findings (version, position, code, severity, message, element, file, line, lon_deg, lat_deg, detail, hint)";
    database.insert(columns, 12, "", rows(findings))?;
    let ledger = imported.ledger.entries.iter().map(ledger_row).collect();
    database.insert("ledger (version, position, field, disposition, value, reason, n, file, line)", 9, "", rows(ledger))?;
    let rejected = imported
        .rejects
        .iter()
        .map(|r| vec![r.source.file.as_ref().into(), r.source.line.into(), r.reason.as_str().into(), r.text.as_str().into()]);
    database.insert("rejects (version, position, file, line, reason, record)", 6, "", rows(rejected.collect()))?;
    let counts = imported.counts.iter().map(|(what, n)| vec![what.as_str().into(), (*n).into()]).collect();
    database.insert("counts (version, position, what, n)", 4, "", rows(counts))?;
    let figures = imported.figures.iter().map(figure_row).collect();
    database.insert("study_figures (version, position, subject, phase, quantity, value, file, line)", 8, "", rows(figures))?;
    let sql = "UPDATE versions SET digest = $1, n_items = $2 WHERE id = $3";
    database.execute(sql, &[digest.finish().into(), n_items.into(), version.into()])?;
    Ok(number)
}

fn finding_row(d: &Diagnostic) -> Vec<Cell> {
    let [file, line] = source_cells(d.source.as_ref());
    vec![
        d.code.as_str().into(),
        severity_word(d.severity).into(),
        d.message.as_str().into(),
        d.element.as_deref().into(),
        file,
        line,
        d.place.map(|p| p.lon_deg).into(),
        d.place.map(|p| p.lat_deg).into(),
        d.detail.as_deref().into(),
        d.hint.as_deref().into(),
    ]
}

fn ledger_row(entry: &LedgerEntry) -> Vec<Cell> {
    let (word, value, reason) = match &entry.disposition {
        Disposition::Kept => ("kept", None, None),
        Disposition::Converted { formula } => ("converted", Some(formula.as_str()), None),
        Disposition::Defaulted { value, reason } => ("defaulted", Some(value.as_str()), Some(reason.as_str())),
        Disposition::Dropped { reason } => ("dropped", None, Some(reason.as_str())),
    };
    let [file, line] = source_cells(entry.first.as_ref());
    vec![entry.field.as_str().into(), word.into(), value.into(), reason.into(), entry.count.into(), file, line]
}

fn quantity_word(quantity: Quantity) -> String {
    serde_json::to_value(quantity).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn figure_row(f: &StudyFigure) -> Vec<Cell> {
    vec![
        f.subject.as_str().into(),
        f.phase.map(i64::from).into(),
        quantity_word(f.quantity).into(),
        Some(f.value).into(),
        f.source.file.as_ref().into(),
        f.source.line.into(),
    ]
}

fn damaged(info: &VersionInfo, reason: impl Into<String>) -> ProjectError {
    ProjectError::VersionDamaged { network: info.network.clone(), number: info.number, reason: reason.into() }
}

/// Hands every item of a version to `take`, with the hash that it is kept under.
pub(super) fn for_each_item(
    database: &mut Database,
    info: &VersionInfo,
    take: &mut dyn FnMut(Item, String) -> Result<(), ProjectError>,
) -> Result<(), ProjectError> {
    let names = database.rows("SELECT path FROM source_names WHERE version = $1 ORDER BY position", &[info.id.into()])?;
    let names: Vec<Arc<str>> = names.iter().map(|r| Arc::from(r.text(0))).collect();
    let sql = "SELECT section, MAX(position) FROM version_items WHERE version = $1 GROUP BY section ORDER BY section";
    let sections: Vec<(String, i64)> =
        database.rows(sql, &[info.id.into()])?.iter().map(|r| (r.text(0), r.integer(1).unwrap_or(0))).collect();
    let sql = "SELECT vi.position, vi.item, vi.item_key, vi.creation, vi.sources, i.class, i.name, i.buses, i.kv_ll, i.phases, i.feeder, i.wkt, \
        i.content, i.section FROM version_items vi JOIN items i ON i.hash = vi.item \
        WHERE vi.version = $1 AND vi.section = $2 AND vi.position >= $3 AND vi.position < $4 ORDER BY vi.position, vi.item_key";
    for (section, last) in sections {
        let mut from = 0;
        while from <= last {
            let rows = database.rows(sql, &[info.id.into(), section.as_str().into(), from.into(), (from + PAGE).into()])?;
            from += PAGE;
            for mut row in rows {
                let key = row.take_text(2);
                let source = |word: &str| {
                    let (file, line) = word.split_once(':')?;
                    Some(SourceRef { file: names.get(file.parse::<usize>().ok()?)?.clone(), line: line.parse().ok()? })
                };
                let sources: Option<Vec<SourceRef>> = row.text(4).split_whitespace().map(source).collect();
                let item = Item {
                    section: row.take_text(13),
                    position: u32::try_from(row.number(0)).map_err(|_| damaged(info, format!("{key} has an impossible position")))?,
                    creation: row.integer(3).and_then(|c| u64::try_from(c).ok()),
                    class: row.take_text(5),
                    name: row.take_text(6),
                    buses: row.take_text(7),
                    kv_ll: row.real(8),
                    phases: row.take_text(9),
                    feeder: row.take_text(10),
                    wkt: row.take_optional_text(11),
                    content: row.take_text(12),
                    sources: sources.ok_or_else(|| damaged(info, format!("the sources of {key} cannot be read")))?,
                    key,
                };
                take(item, row.take_text(1))?;
            }
        }
    }
    Ok(())
}

fn load(database: &mut Database, info: VersionInfo) -> Result<StoredVersion, ProjectError> {
    let (mut digest, mut all) = (Digest::default(), Vec::new());
    for_each_item(database, &info, &mut |item, hash| {
        if item.hash() != hash {
            return Err(damaged(&info, format!("{} has another content than was written", item.key)));
        }
        digest.add(&item, &hash);
        all.push(item);
        Ok(())
    })?;
    if all.len() as u64 != info.n_items {
        return Err(damaged(&info, format!("{} of {} items are there", all.len(), info.n_items)));
    }
    if digest.finish() != info.digest {
        return Err(damaged(&info, "its items are not those that were written"));
    }
    let network = items::to_network(all).map_err(|reason| damaged(&info, reason))?;
    let id: [Cell; 1] = [info.id.into()];
    let sql = "SELECT path, sha256, bytes FROM sources WHERE version = $1 ORDER BY position";
    let sources = database.rows(sql, &id)?.iter().map(|r| SourceFile { path: r.text(0), sha256: r.text(1), bytes: r.number(2) }).collect();
    let sql = "SELECT code, severity, message, element, file, line, lon_deg, lat_deg, detail, hint FROM findings WHERE version = $1 ORDER BY position";
    let diagnostics = database.rows(sql, &id)?.iter().map(finding_of).collect();
    let sql = "SELECT field, disposition, value, reason, n, file, line FROM ledger WHERE version = $1 ORDER BY position";
    let entries = database.rows(sql, &id)?.iter().map(ledger_of).collect::<Option<Vec<_>>>();
    let entries = entries.ok_or_else(|| damaged(&info, "its ledger has an unknown disposition"))?;
    let sql = "SELECT what, n FROM counts WHERE version = $1 ORDER BY position";
    let counts = database.rows(sql, &id)?.iter().map(|r| (r.text(0), r.number(1) as usize)).collect();
    let sql = "SELECT subject, phase, quantity, value, file, line FROM study_figures WHERE version = $1 ORDER BY position";
    let figures = database.rows(sql, &id)?.iter().map(figure_of).collect::<Option<Vec<_>>>();
    let figures = figures.ok_or_else(|| damaged(&info, "its study figures have an unknown quantity"))?;
    let rejects = load_rejects(database, info.id)?;
    let imported = Imported { network, diagnostics, ledger: Ledger { entries }, rejects, counts, figures };
    Ok(StoredVersion { info, sources, imported })
}

fn load_rejects(database: &mut Database, version: i64) -> Result<Vec<Reject>, ProjectError> {
    let sql = "SELECT file, line, reason, record FROM rejects WHERE version = $1 ORDER BY position";
    let rows = database.rows(sql, &[version.into()])?;
    Ok(rows.iter().map(|r| Reject { source: SourceRef::new(r.text(0), r.line(1)), reason: r.text(2), text: r.text(3) }).collect())
}

pub(super) fn finding_of(row: &Row) -> Diagnostic {
    let severity = match row.text(1).as_str() {
        "note" => Severity::Note,
        "warning" => Severity::Warning,
        _ => Severity::Error,
    };
    let mut d = Diagnostic::new(row.text(0), severity, row.text(2));
    d.element = row.optional_text(3);
    d.source = source_of(row, 4);
    d.place = row.real(6).zip(row.real(7)).map(|(lon_deg, lat_deg)| LonLat { lon_deg, lat_deg });
    d.detail = row.optional_text(8);
    d.hint = row.optional_text(9);
    d
}

pub(super) fn ledger_of(row: &Row) -> Option<LedgerEntry> {
    let disposition = match row.text(1).as_str() {
        "kept" => Disposition::Kept,
        "converted" => Disposition::Converted { formula: row.text(2) },
        "defaulted" => Disposition::Defaulted { value: row.text(2), reason: row.text(3) },
        "dropped" => Disposition::Dropped { reason: row.text(3) },
        _ => return None,
    };
    Some(LedgerEntry { field: row.text(0), disposition, count: row.number(4) as usize, first: source_of(row, 5) })
}

pub(super) fn figure_of(row: &Row) -> Option<StudyFigure> {
    Some(StudyFigure {
        subject: row.text(0),
        phase: row.integer(1).and_then(|p| u32::try_from(p).ok()),
        quantity: serde_json::from_value(Value::from(row.text(2))).ok()?,
        value: row.real(3).unwrap_or(f64::NAN),
        source: SourceRef::new(row.text(4), row.line(5)),
    })
}
