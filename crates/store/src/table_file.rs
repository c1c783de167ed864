//! One table as the bytes of a Parquet file, for results that are a folder of files and no lake.

use crate::error::StoreError;
use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::path::Path;

/// The bytes of a Parquet file with the rows of batches of one schema, at least one; `name` stands in an error.
///
/// # Errors
/// Columns that Parquet cannot hold, batches of different columns, none at all.
pub fn parquet_bytes(name: &str, batches: impl IntoIterator<Item = RecordBatch>) -> Result<Vec<u8>, StoreError> {
    let failed = |reason: String| StoreError::Parquet { path: Path::new(name).to_owned(), reason };
    let mut batches = batches.into_iter();
    let first = batches.next().ok_or_else(|| failed("there is no batch".to_owned()))?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by("gridtwin".to_owned()).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), first.schema(), Some(properties)).map_err(|e| failed(e.to_string()))?;
    for batch in std::iter::once(first).chain(batches) {
        writer.write(&batch).map_err(|e| failed(e.to_string()))?;
    }
    writer.into_inner().map_err(|e| failed(e.to_string()))
}
