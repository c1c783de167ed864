//! Answers of studies that are tables: what a bus can host, what a failure costs. Each is a folder of its own and is never changed.
//!
//! ```text
//! PROJECT/analyses/ID/TABLE.parquet       columns carry their unit and meaning as metadata
//! PROJECT/analyses/ID/analysis.json       written last: what was asked, of which version, the summary, the tables; without it
//!                                         the folder is nobody's
//! ```

use crate::error::StoreError;
use crate::files::{self, PartialFile};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use network::Diagnostic;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const FOLDER: &str = "analyses";
const RECORD: &str = "analysis.json";
const FORMAT: u64 = 1;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisColumn {
    pub name: String,
    /// `text`, `number`, `count` or `flag`.
    pub kind: String,
    /// Empty where there is none.
    pub unit: String,
    pub meaning: String,
}

/// A table of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalysisTable {
    pub name: String,
    pub meaning: String,
    pub rows: u64,
    pub columns: Vec<AnalysisColumn>,
}

/// What was asked, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    pub format: u64,
    pub id: String,
    /// Kind of study: `hosting_capacity`, `reliability`, …
    pub study: String,
    pub network: String,
    pub version: u64,
    pub params: Value,
    pub author: String,
    /// RFC 3339.
    pub time_utc: String,
    pub engine_version: String,
    /// Figures for people.
    pub summary: Value,
    /// What a reader should know before the figures.
    pub findings: Vec<Diagnostic>,
    pub tables: Vec<AnalysisTable>,
}

/// One cell of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    Empty,
    Text(&'a str),
    Number(f64),
    Count(u64),
    Flag(bool),
}

/// The cell of a batch; empty where the column is none of the kinds of an answer's table.
pub fn cell(batch: &RecordBatch, column: usize, row: usize) -> Cell<'_> {
    let array = batch.column(column);
    if array.is_null(row) {
        return Cell::Empty;
    }
    match array.data_type() {
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row)),
        DataType::Float64 => Cell::Number(array.as_primitive::<Float64Type>().value(row)),
        DataType::UInt64 => Cell::Count(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Boolean => Cell::Flag(array.as_boolean().value(row)),
        _ => Cell::Empty,
    }
}

/// Tables on their way into a folder. Dropped before [`Writer::commit`], they are removed.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    tables: Vec<AnalysisTable>,
    is_done: bool,
}

fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn described(schema: &SchemaRef) -> Vec<AnalysisColumn> {
    let kind = |data: &DataType| match data {
        DataType::Float64 => "number",
        DataType::UInt64 => "count",
        DataType::Boolean => "flag",
        _ => "text",
    };
    let about = |f: &arrow_schema::Field, key: &str| f.metadata().get(key).cloned().unwrap_or_default();
    let column = |f: &std::sync::Arc<arrow_schema::Field>| AnalysisColumn {
        name: f.name().clone(),
        kind: kind(f.data_type()).to_owned(),
        unit: about(f, "unit"),
        meaning: about(f, "meaning"),
    };
    schema.fields().iter().map(column).collect()
}

impl Writer {
    /// Begins an answer in a project's folder. What a run that was cut off left under the same name goes.
    ///
    /// # Errors
    /// An answer of this name that is whole already; a folder that cannot be made.
    ///
    /// # Panics
    /// When `id` has other than letters, digits, `-` and `_`, which is a bug.
    pub fn begin(project: &Path, id: &str) -> Result<Self, StoreError> {
        assert!(is_id(id), "identities are letters and digits");
        let dir = project.join(FOLDER).join(id);
        if dir.join(RECORD).exists() {
            return Err(StoreError::Record { path: dir.join(RECORD), reason: "an answer is never changed, and this one is whole".into() });
        }
        remove_folder(&dir)?;
        fs::create_dir_all(&dir).map_err(|e| StoreError::writing(&dir, 0, e))?;
        Ok(Self { dir, tables: Vec::new(), is_done: false })
    }

    /// Writes a table that comes in batches of one schema, at least one of them.
    ///
    /// # Errors
    /// A disk that takes no more, columns that Parquet cannot hold, no batch at all.
    pub fn table(&mut self, name: &str, meaning: &str, batches: impl IntoIterator<Item = RecordBatch>) -> Result<(), StoreError> {
        let path = self.dir.join(format!("{name}.parquet"));
        let failed = |e: &dyn std::fmt::Display| StoreError::Parquet { path: path.clone(), reason: e.to_string() };
        let mut batches = batches.into_iter();
        let first = batches.next().ok_or_else(|| failed(&"there is no batch"))?;
        let columns = described(&first.schema());
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by("gridtwin".to_owned()).build();
        let file = PartialFile::create(&path)?;
        let mut writer = ArrowWriter::try_new(file, first.schema(), Some(properties)).map_err(|e| failed(&e))?;
        let mut rows = 0;
        for batch in std::iter::once(first).chain(batches) {
            rows += batch.num_rows() as u64;
            if let Err(e) = writer.write(&batch) {
                return Err(writer.inner_mut().failed(e));
            }
        }
        if let Err(e) = writer.finish() {
            return Err(writer.inner_mut().failed(e));
        }
        writer.inner_mut().take().commit()?;
        self.tables.push(AnalysisTable { name: name.to_owned(), meaning: meaning.to_owned(), rows, columns });
        Ok(())
    }

    /// Makes the answer whole. `of.tables` and `of.format` are set here.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn commit(mut self, mut of: Analysis) -> Result<Analysis, StoreError> {
        of.format = FORMAT;
        of.tables = std::mem::take(&mut self.tables);
        let text = serde_json::to_vec_pretty(&of).expect("a record is plain data");
        files::write_whole(&self.dir.join(RECORD), &text)?;
        self.is_done = true;
        Ok(of)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_done {
            // Best effort: the error that led here is the one to tell, and a folder without a record is nobody's.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn remove_folder(dir: &Path) -> Result<bool, StoreError> {
    match fs::remove_dir_all(dir) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(StoreError::io("remove", dir, e)),
    }
}

/// Every whole answer of a project, the newest first.
///
/// # Errors
/// A folder that cannot be listed.
pub fn list(project: &Path) -> Result<Vec<Analysis>, StoreError> {
    // A record that cannot be read is one answer fewer, not an end of all of them.
    let mut all: Vec<Analysis> =
        files::list(&project.join(FOLDER))?.iter().filter_map(|dir| read(&dir.join(RECORD)).ok().flatten()).collect();
    all.sort_by(|a, b| b.time_utc.cmp(&a.time_utc).then_with(|| a.id.cmp(&b.id)));
    Ok(all)
}

fn read(path: &Path) -> Result<Option<Analysis>, StoreError> {
    let damaged = |reason: String| StoreError::Record { path: path.to_owned(), reason };
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(StoreError::io("read", path, e)),
    };
    let of: Analysis = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
    if of.format != FORMAT {
        return Err(StoreError::OtherVersion { path: path.to_owned(), found: of.format, expected: FORMAT });
    }
    Ok(Some(of))
}

/// One answer; none when there is none of this name.
///
/// # Errors
/// A record that cannot be read.
pub fn find(project: &Path, id: &str) -> Result<Option<Analysis>, StoreError> {
    if is_id(id) { read(&project.join(FOLDER).join(id).join(RECORD)) } else { Ok(None) }
}

/// Removes an answer; whether there was one.
///
/// # Errors
/// Files that cannot be removed; without its record the answer is gone all the same.
pub fn remove(project: &Path, id: &str) -> Result<bool, StoreError> {
    if !is_id(id) {
        return Ok(false);
    }
    let dir = project.join(FOLDER).join(id);
    let was = files::remove(&dir.join(RECORD))?;
    remove_folder(&dir)?;
    Ok(was)
}

/// Goes through a table of an answer batch by batch, until `look` breaks.
///
/// # Errors
/// A table that the answer does not have, a file that is missing or damaged.
pub fn each_batch(
    project: &Path,
    of: &Analysis,
    table: &str,
    look: &mut dyn FnMut(&RecordBatch) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    if !of.tables.iter().any(|t| t.name == table) {
        return Err(StoreError::TableName { table: table.chars().take(60).collect() });
    }
    let path = project.join(FOLDER).join(&of.id).join(format!("{table}.parquet"));
    let unreadable = |e: &dyn std::fmt::Display| StoreError::Parquet { path: path.clone(), reason: e.to_string() };
    let file = File::open(&path).map_err(|e| StoreError::io("open", &path, e))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build()).map_err(|e| unreadable(&e))?;
    for batch in reader {
        if look(&batch.map_err(|e| unreadable(&e))?).is_break() {
            break;
        }
    }
    Ok(())
}

/// File of a table, for those who want all of it.
pub fn table_path(project: &Path, of: &Analysis, table: &str) -> Option<PathBuf> {
    of.tables.iter().any(|t| t.name == table).then(|| project.join(FOLDER).join(&of.id).join(format!("{table}.parquet")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, StringArray};
    use arrow_schema::{Field, Schema};
    use std::collections::HashMap;
    use std::sync::Arc;

    fn batch(n: usize) -> RecordBatch {
        let about = HashMap::from([("unit".to_owned(), "kW".to_owned()), ("meaning".to_owned(), "size".to_owned())]);
        let schema =
            Schema::new(vec![Field::new("bus", DataType::Utf8, true), Field::new("size_kw", DataType::Float64, true).with_metadata(about)]);
        let buses = StringArray::from_iter_values((0..n).map(|i| format!("b{i}")));
        let sizes = Float64Array::from_iter_values((0..n).map(|i| i as f64));
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(buses), Arc::new(sizes)]).unwrap()
    }

    fn asked(id: &str, time_utc: &str) -> Analysis {
        Analysis {
            format: 0,
            id: id.into(),
            study: "hosting_capacity".into(),
            network: "n".into(),
            version: 1,
            params: Value::Null,
            author: "a".into(),
            time_utc: time_utc.into(),
            engine_version: "0".into(),
            summary: Value::Null,
            findings: Vec::new(),
            tables: Vec::new(),
        }
    }

    #[test]
    fn an_answer_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path();
        assert!(list(project).unwrap().is_empty());
        // Cut off: nothing is there, and the next attempt finds no left-overs in its way.
        let mut cut = Writer::begin(project, "ab12").unwrap();
        cut.table("sizes", "sizes", [batch(3)]).unwrap();
        std::mem::forget(cut);
        assert!(find(project, "ab12").unwrap().is_none());
        let mut writer = Writer::begin(project, "ab12").unwrap();
        writer.table("sizes", "what fits", [batch(2), batch(3)]).unwrap();
        let kept = writer.commit(asked("ab12", "2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(
            (kept.tables[0].rows, kept.tables[0].columns[1].unit.as_str(), kept.tables[0].columns[1].kind.as_str()),
            (5, "kW", "number")
        );
        assert_eq!(find(project, "ab12").unwrap(), Some(kept.clone()));
        let mut rows = 0;
        each_batch(project, &kept, "sizes", &mut |b| {
            rows += b.num_rows();
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(rows, 5);
        assert!(each_batch(project, &kept, "../../x", &mut |_| ControlFlow::Continue(())).is_err());
        assert!(Writer::begin(project, "ab12").is_err(), "an answer is never changed");
        drop(Writer::begin(project, "gone").unwrap());
        let later = Writer::begin(project, "cd34").unwrap();
        later.commit(asked("cd34", "2026-02-01T00:00:00Z")).unwrap();
        assert_eq!(list(project).unwrap().iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), ["cd34", "ab12"]);
        assert!(remove(project, "ab12").unwrap() && !remove(project, "ab12").unwrap());
        assert!(!remove(project, "..").unwrap());
        assert_eq!(list(project).unwrap().len(), 1);
    }
}
