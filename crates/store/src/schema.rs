//! Result tables as Arrow schemas, and the check of a batch against them.

use crate::error::StoreError;
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use network::result_tables::{FEEDER, STUDY};
use network::{ColumnKind, ResultColumn, ResultTable, result_table};
use std::collections::HashMap;
use std::sync::Arc;

/// Keys under which a field carries its documentation into the Parquet file.
pub const UNIT: &str = "unit";
pub const MEANING: &str = "meaning";

/// The Arrow type of a kind of column.
pub fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Bool => DataType::Boolean,
        ColumnKind::U8 => DataType::UInt8,
        ColumnKind::U32 => DataType::UInt32,
        ColumnKind::U64 => DataType::UInt64,
        ColumnKind::F64 => DataType::Float64,
        ColumnKind::Text => DataType::Utf8,
    }
}

fn field(column: &ResultColumn) -> Field {
    let documentation = HashMap::from([(UNIT.to_owned(), column.unit.to_owned()), (MEANING.to_owned(), column.meaning.to_owned())]);
    Field::new(column.name, data_type(column.kind), column.nullable).with_metadata(documentation)
}

/// The schema of a table as it lies in the lake: study and feeder, then the table's own columns.
pub fn stored_schema(table: &ResultTable) -> SchemaRef {
    Arc::new(Schema::new([&STUDY, &FEEDER].into_iter().chain(table.columns).map(field).collect::<Vec<_>>()))
}

/// The schema under which batches like `given` are stored in `table`.
///
/// # Errors
/// A table whose name cannot be one; a known table with a column too few, too many, or of another type.
pub(crate) fn schema_for(table: &str, given: &Schema) -> Result<SchemaRef, StoreError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !table.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) || !table.bytes().all(plain) || table.len() > 100 {
        return Err(StoreError::TableName { table: table.to_owned() });
    }
    let wrong = |column: &str, expected: String, found: String| StoreError::Column {
        table: table.to_owned(),
        column: column.to_owned(),
        expected,
        found,
    };
    let Some(known) = result_table(table) else {
        if let Some(taken) = given.fields().iter().find(|f| f.name() == STUDY.name || f.name() == FEEDER.name) {
            return Err(wrong(taken.name(), "another name, since the lake adds this column".into(), "it in the batch".into()));
        }
        let front = [field(&STUDY), field(&FEEDER)].map(Arc::new);
        return Ok(Arc::new(Schema::new(front.into_iter().chain(given.fields().iter().cloned()).collect::<Vec<_>>())));
    };
    for (i, column) in known.columns.iter().enumerate() {
        match given.fields().get(i) {
            Some(f) if f.name() == column.name && *f.data_type() == data_type(column.kind) => {}
            Some(f) => {
                let expected = format!("{} {} as column {i}", column.name, data_type(column.kind));
                return Err(wrong(column.name, expected, format!("{} {}", f.name(), f.data_type())));
            }
            None => return Err(wrong(column.name, "it in the batch".into(), "no such column".into())),
        }
    }
    if let Some(f) = given.fields().get(known.columns.len()) {
        return Err(wrong(f.name(), "no such column".into(), "it in the batch".into()));
    }
    Ok(stored_schema(known))
}

/// The batch with study and feeder in front, under the stored schema.
///
/// # Errors
/// A missing value where the schema has none; columns that differ from those of the first batch.
pub(crate) fn stored_batch(
    table: &str,
    schema: &SchemaRef,
    batch: &RecordBatch,
    study: &str,
    feeder: &str,
) -> Result<RecordBatch, StoreError> {
    let same = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, batch.num_rows()))) as ArrayRef;
    let columns = [same(study), same(feeder)].into_iter().chain(batch.columns().iter().cloned()).collect();
    RecordBatch::try_new(schema.clone(), columns).map_err(|e| StoreError::Column {
        table: table.to_owned(),
        column: "of a batch".to_owned(),
        expected: "the table's columns".to_owned(),
        found: e.to_string(),
    })
}
