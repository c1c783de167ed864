//! SQL over a lake: every committed table, and the views over them. Read only.
//!
//! Only files with a commit record are seen, so that a query beside a running study, or after one that was killed, gives whole feeders.

use crate::error::StoreError;
use crate::files::PartialFile;
use crate::lake::Lake;
use crate::report::Value;
use crate::schema::{MEANING, UNIT, stored_schema};
use crate::views::{VIEWS, View};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::common::{DataFusionError, SchemaError};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use network::{RESULT_TABLES, result_table};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// What can be asked of a lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDescription {
    pub name: String,
    pub is_view: bool,
    pub meaning: String,
    /// Rows of a table; a view's are counted only by asking for them.
    pub rows: Option<u64>,
    pub columns: Vec<ColumnDescription>,
}

/// One column of a table or view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDescription {
    pub name: String,
    pub data_type: String,
    pub unit: String,
    pub meaning: String,
}

/// A lake opened for queries.
pub struct Database {
    context: SessionContext,
    runtime: Runtime,
    tables: BTreeMap<String, Table>,
    /// Views whose tables are all there.
    views: Vec<View>,
}

struct Table {
    schema: SchemaRef,
    files: Vec<PathBuf>,
    rows: u64,
}

impl Database {
    /// Registers all committed tables of a lake, and the views whose tables are there.
    ///
    /// # Errors
    /// Records that cannot be read, files that are missing or torn.
    pub fn open(lake: &Lake) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .build()
            .map_err(|e| StoreError::io("start the query engine for", lake.root(), e))?;
        let tables = committed_tables(lake)?;
        // Text as plain strings, and no guessing of partitions from the names of folders: the columns are in the files.
        let mut config = SessionConfig::new().with_information_schema(true);
        config.options_mut().execution.parquet.schema_force_view_types = false;
        let context = SessionContext::new_with_config(config);
        let mut database = Self { context, runtime, tables, views: Vec::new() };
        database.register().map_err(|e| database.explain(&e))?;
        Ok(database)
    }

    fn register(&mut self) -> Result<(), DataFusionError> {
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        for (name, table) in &self.tables {
            let urls = table.files.iter().map(|f| {
                let path = std::path::absolute(f).map_err(DataFusionError::IoError)?;
                ListingTableUrl::parse(path.to_string_lossy())
            });
            let config = ListingTableConfig::new_with_multi_paths(urls.collect::<Result<Vec<_>, _>>()?)
                .with_listing_options(options.clone())
                .with_schema(table.schema.clone());
            self.context.register_table(name.as_str(), Arc::new(ListingTable::try_new(config)?))?;
        }
        for view in VIEWS {
            if view.needs().all(|t| self.tables.contains_key(t)) {
                let provider = self.runtime.block_on(self.context.sql(view.sql()))?.into_view();
                self.context.register_table(view.name, provider)?;
                self.views.push(*view);
            }
        }
        Ok(())
    }

    /// Runs one query and shows its batches to `look`. `limit` cuts the answer after so many rows.
    /// Returns the answer's schema, which is there for no rows, too.
    ///
    /// # Errors
    /// A query that is wrong, with names that are near; one that would write; a torn file; what `look` returns.
    pub fn query(
        &self,
        sql: &str,
        limit: Option<usize>,
        look: &mut dyn FnMut(&RecordBatch) -> Result<(), StoreError>,
    ) -> Result<SchemaRef, StoreError> {
        let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let mut told: Option<StoreError> = None;
        let answered = self.runtime.block_on(async {
            let mut frame: DataFrame = self.context.sql_with_options(sql, read_only).await?;
            if limit.is_some() {
                frame = frame.limit(0, limit)?;
            }
            let schema: SchemaRef = Arc::new(frame.schema().as_arrow().clone());
            let mut stream = frame.execute_stream().await?;
            while let Some(batch) = next(&mut stream).await {
                if let Err(e) = look(&batch?) {
                    told = Some(e);
                    break;
                }
            }
            Ok(schema)
        });
        match (told, answered) {
            (Some(e), _) => Err(e),
            (None, Ok(schema)) => Ok(schema),
            (None, Err(e)) => Err(self.explain(&e)),
        }
    }

    /// Writes the answer to a query as a Parquet file, whole or not at all. Returns its rows.
    ///
    /// # Errors
    /// As [`Database::query`]; a file that cannot be written.
    pub fn export_parquet(&self, sql: &str, limit: Option<usize>, place: &Path) -> Result<u64, StoreError> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by("gridtwin".to_owned()).build();
        let mut open: Option<ArrowWriter<PartialFile>> = None;
        let start = |schema: SchemaRef| {
            ArrowWriter::try_new(PartialFile::create(place)?, schema, Some(properties.clone()))
                .map_err(|e| StoreError::Parquet { path: place.to_owned(), reason: e.to_string() })
        };
        let mut rows = 0;
        let schema = self.query(sql, limit, &mut |batch| {
            let writer = match open.as_mut() {
                Some(writer) => writer,
                None => open.insert(start(batch.schema())?),
            };
            rows += batch.num_rows() as u64;
            writer.write(batch).map_err(|e| writer.inner_mut().failed(e))
        })?;
        // An answer without rows has columns all the same.
        let mut writer = open.map_or_else(|| start(schema), Ok)?;
        if let Err(e) = writer.finish() {
            return Err(writer.inner_mut().failed(e));
        }
        writer.inner_mut().take().commit()?;
        Ok(rows)
    }

    /// Tables and views that can be asked, tables first.
    pub fn describe(&self) -> Vec<TableDescription> {
        let order = |name: &str| RESULT_TABLES.iter().position(|t| t.name == name).unwrap_or(usize::MAX);
        let mut tables: Vec<TableDescription> = self.tables.iter().map(|(name, table)| describe_table(name, table)).collect();
        tables.sort_by_key(|t| order(&t.name));
        tables.extend(self.views.iter().map(|v| self.describe_view(*v)));
        tables
    }

    fn describe_view(&self, view: View) -> TableDescription {
        let schema = self.runtime.block_on(self.context.table(view.name)).map(|f| f.schema().as_arrow().clone());
        let data_type = |name: &str| {
            let field = schema.as_ref().ok().and_then(|s| s.field_with_name(name).ok());
            field.map_or_else(String::new, |f| type_name(f.data_type()))
        };
        TableDescription {
            name: view.name.to_owned(),
            is_view: true,
            meaning: view.meaning().trim_end_matches('.').to_owned(),
            rows: None,
            columns: view
                .columns()
                .map(|c| ColumnDescription {
                    name: c.name.to_owned(),
                    data_type: data_type(c.name),
                    unit: c.unit.to_owned(),
                    meaning: c.meaning.to_owned(),
                })
                .collect(),
        }
    }

    /// An error of the query engine in one message, with names that are near a name that it does not know.
    fn explain(&self, error: &DataFusionError) -> StoreError {
        let root = error.find_root();
        if let DataFusionError::SchemaError(schema_error, _) = root
            && let SchemaError::FieldNotFound { field, valid_fields } = schema_error.as_ref()
        {
            let mut names: Vec<&str> = valid_fields.iter().map(|c| c.name.as_str()).collect();
            names.dedup();
            let hint = nearest(&field.name, &names).map(|near| format!("Perhaps {near}? ")).unwrap_or_default()
                + &format!("Its columns: {}.", names.join(", "));
            return StoreError::Sql { message: format!("there is no column \"{}\"", field.name), hint: Some(hint) };
        }
        let text = root.strip_backtrace();
        let text = text.trim().trim_end_matches('.');
        if let Some(name) = text.strip_prefix("Error during planning: table '").and_then(|t| t.split_once("' not found")) {
            return self.unknown_table(name.0.rsplit('.').next().unwrap_or(name.0));
        }
        let text =
            ["Error during planning: ", "SQL error: ", "Execution error: "].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
        let text = match text.strip_prefix("ParserError(\"").and_then(|t| t.strip_suffix("\")")) {
            Some(parser) => format!("the query cannot be read: {}", parser.replace("\\\"", "\"")),
            None => text.to_owned(),
        };
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let hint = (one_line.contains("not supported") && ["DDL", "DML", "Statement"].iter().any(|w| one_line.contains(w)))
            .then(|| "Queries read the lake and change nothing.".to_owned());
        StoreError::Sql { message: one_line, hint }
    }

    fn unknown_table(&self, name: &str) -> StoreError {
        let mut there: Vec<&str> = self.tables.keys().map(String::as_str).collect();
        there.extend(self.views.iter().map(|v| v.name));
        let known_view = VIEWS.iter().find(|v| v.name == name);
        let missing: Vec<&str> = known_view.map_or(Vec::new(), |v| v.needs().filter(|t| !self.tables.contains_key(*t)).collect());
        let message = if result_table(name).is_some() {
            format!("no run in this lake kept rows of the table \"{name}\"")
        } else if known_view.is_some() {
            format!("the view \"{name}\" needs tables of which no run in this lake kept rows: {}", missing.join(", "))
        } else {
            format!("there is no table \"{name}\"")
        };
        let near = nearest(name, &there).filter(|_| known_view.is_none() && result_table(name).is_none());
        let list = if there.is_empty() { "The lake holds no rows yet.".to_owned() } else { format!("There are: {}.", there.join(", ")) };
        let hint = near.map(|near| format!("Perhaps {near}? ")).unwrap_or_default() + &list;
        StoreError::Sql { message, hint: Some(hint) }
    }
}

/// One value of an answer. What is no flag, number or text comes as text.
///
/// # Errors
/// A value that has no text.
pub fn value_at(array: &dyn Array, row: usize) -> Result<Value, StoreError> {
    if array.is_null(row) {
        return Ok(Value::Missing);
    }
    Ok(match array.data_type() {
        DataType::Boolean => Value::Flag(array.as_boolean().value(row)),
        DataType::UInt8 => Value::Count(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt32 => Value::Count(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => Value::Count(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Int32 => Value::Integer(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float32 => Value::Number(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Value::Number(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        _ => Value::Text(array_value_to_string(array, row).map_err(|e| StoreError::Sql { message: e.to_string(), hint: None })?),
    })
}

async fn next(stream: &mut datafusion::execution::SendableRecordBatchStream) -> Option<Result<RecordBatch, DataFusionError>> {
    std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// Committed files by table, each looked at for its length.
fn committed_tables(lake: &Lake) -> Result<BTreeMap<String, Table>, StoreError> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for file in lake.committed(None)? {
        file.check_length()?;
        let table = match tables.entry(file.record.table.clone()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let schema = match result_table(&file.record.table) {
                    Some(known) => stored_schema(known),
                    None => {
                        let unreadable = |reason: String| StoreError::Parquet { path: file.path.clone(), reason };
                        let opened = File::open(&file.path).map_err(|e| unreadable(e.to_string()))?;
                        ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|e| unreadable(e.to_string()))?.schema().clone()
                    }
                };
                entry.insert(Table { schema, files: Vec::new(), rows: 0 })
            }
        };
        table.files.push(file.path);
        table.rows += file.record.rows;
    }
    Ok(tables)
}

fn describe_table(name: &str, table: &Table) -> TableDescription {
    TableDescription {
        name: name.to_owned(),
        is_view: false,
        meaning: result_table(name).map_or("A table of a run", |t| t.meaning).to_owned(),
        rows: Some(table.rows),
        columns: describe_columns(&table.schema),
    }
}

fn describe_columns(schema: &Schema) -> Vec<ColumnDescription> {
    let text = |f: &arrow_schema::Field, key: &str| f.metadata().get(key).cloned().unwrap_or_default();
    schema
        .fields()
        .iter()
        .map(|f| ColumnDescription {
            name: f.name().clone(),
            data_type: type_name(f.data_type()),
            unit: text(f, UNIT),
            meaning: text(f, MEANING),
        })
        .collect()
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "bool".to_owned(),
        DataType::UInt8 => "u8".to_owned(),
        DataType::UInt32 => "u32".to_owned(),
        DataType::UInt64 => "u64".to_owned(),
        DataType::Int64 => "i64".to_owned(),
        DataType::Float64 => "f64".to_owned(),
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "text".to_owned(),
        other => other.to_string(),
    }
}

/// The name that differs least, if it differs by little.
fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let (distance, near) = names.iter().map(|n| (edit_distance(&name, n), *n)).min()?;
    (distance <= name.chars().count().div_ceil(3)).then_some(near)
}

/// Insertions, deletions and replacements that lead from one word to the other.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(nearest("stesp", &["steps", "meters"]), Some("steps"));
        assert_eq!(nearest("V_MIN", &["v_min_pu", "v_max_pu"]), None);
        assert_eq!(nearest("node_statistic", &["node_statistics", "steps"]), Some("node_statistics"));
    }
}
