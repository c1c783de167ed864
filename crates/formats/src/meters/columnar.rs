//! Parquet: its rows are written as text and go the way of tables, so that columns, units, zones and faults are treated alike.
//!
//! A timestamp with a zone is an instant and is written as seconds since 1970; one without is a local time.

use super::{MeterReader, ReadingSink, Summary};
use crate::ImportError;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use network::calendar::civil_from_days;
use network::{Diagnostic, SourceRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::file::reader::ChunkReader;
use std::io::{self, Read, Write};

const BATCH_ROWS: usize = 4096;
/// Largest column of a row group after unpacking: what one page may at most take.
const MAX_CHUNK_BYTES: i64 = 1 << 30;
const TAB: u8 = b'\t';

/// Reads a Parquet file.
///
/// # Inputs
/// As [`MeterReader::read`]; the source is anything of which parts can be read, a file or bytes.
///
/// # Errors
/// A file that is none or damaged; as [`MeterReader::read`].
pub fn read_parquet<R: ChunkReader + 'static>(
    reader: &mut MeterReader,
    source: R,
    file: &str,
    sink: &mut dyn ReadingSink,
) -> Result<Summary, ImportError> {
    let damaged = |reason: String| -> ImportError {
        Diagnostic::error("METERS.PARQUET.UNREADABLE", "the Parquet file cannot be read")
            .at(&SourceRef::new(file, 0))
            .detail(format!("{reason}."))
            .hint("Copy or export the file again.")
            .into()
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(|e| damaged(e.to_string()))?;
    let metadata = builder.metadata().clone();
    let large = metadata.row_groups().iter().flat_map(|g| g.columns()).map(|c| c.uncompressed_size()).max().unwrap_or(0);
    if large > MAX_CHUNK_BYTES {
        return Err(damaged(format!("A column of a row group has {large} bytes, more than the limit of {MAX_CHUNK_BYTES}")));
    }
    let plain = |t: &DataType| kind(t).is_some();
    let roots: Vec<usize> = builder.schema().fields().iter().enumerate().filter(|(_, f)| plain(f.data_type())).map(|(i, _)| i).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(|e| damaged(e.to_string()))?;
    let mut text = AsText { batches, buffer: Vec::new(), at: 0, header: true };
    let mut summary = reader.read_text(&mut text, file, sink)?;
    summary.format = format!("Parquet, {}", summary.format);
    Ok(summary)
}

/// Batches as lines of tab-separated text.
struct AsText {
    batches: ParquetRecordBatchReader,
    buffer: Vec<u8>,
    at: usize,
    header: bool,
}

impl Read for AsText {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            let Some(batch) = self.batches.next() else { return Ok(0) };
            let batch = batch.map_err(io::Error::other)?;
            if std::mem::take(&mut self.header) {
                let names: Vec<String> = batch.schema().fields().iter().map(|f| f.name().replace(['\t', '\n', '\r'], " ")).collect();
                self.buffer.extend_from_slice(names.join("\t").as_bytes());
                self.buffer.push(b'\n');
            }
            write_batch(&batch, &mut self.buffer)?;
        }
        let n = out.len().min(self.buffer.len() - self.at);
        out[..n].copy_from_slice(&self.buffer[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum CellKind {
    Text,
    Other,
}

fn kind(t: &DataType) -> Option<CellKind> {
    use DataType as D;
    match t {
        D::Utf8 | D::LargeUtf8 | D::Utf8View => Some(CellKind::Text),
        D::Dictionary(k, v) if **k == D::Int32 && **v == D::Utf8 => Some(CellKind::Text),
        D::Int8
        | D::Int16
        | D::Int32
        | D::Int64
        | D::UInt8
        | D::UInt16
        | D::UInt32
        | D::UInt64
        | D::Float32
        | D::Float64
        | D::Boolean
        | D::Date32 => Some(CellKind::Other),
        D::Timestamp(..) | D::Decimal128(..) => Some(CellKind::Other),
        _ => None,
    }
}

fn write_batch(batch: &RecordBatch, out: &mut Vec<u8>) -> io::Result<()> {
    for row in 0..batch.num_rows() {
        for (c, column) in batch.columns().iter().enumerate() {
            if c > 0 {
                out.push(TAB);
            }
            if column.is_valid(row) {
                write_cell(column.as_ref(), row, out)?;
            }
        }
        out.push(b'\n');
    }
    Ok(())
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().map(|b| if matches!(b, TAB | b'\n' | b'\r' | b'"') { b' ' } else { b }));
}

fn write_cell(column: &dyn Array, row: usize, out: &mut Vec<u8>) -> io::Result<()> {
    use DataType as D;
    match column.data_type() {
        D::Utf8 => push_text(column.as_string::<i32>().value(row), out),
        D::LargeUtf8 => push_text(column.as_string::<i64>().value(row), out),
        D::Utf8View => push_text(column.as_string_view().value(row), out),
        D::Dictionary(..) => {
            let d = column.as_dictionary::<Int32Type>();
            let key = d.keys().value(row);
            let values = d.values().as_string::<i32>();
            if let Some(k) = usize::try_from(key).ok().filter(|k| *k < values.len()) {
                push_text(values.value(k), out);
            }
        }
        D::Int8 => write!(out, "{}", column.as_primitive::<Int8Type>().value(row))?,
        D::Int16 => write!(out, "{}", column.as_primitive::<Int16Type>().value(row))?,
        D::Int32 => write!(out, "{}", column.as_primitive::<Int32Type>().value(row))?,
        D::Int64 => write!(out, "{}", column.as_primitive::<Int64Type>().value(row))?,
        D::UInt8 => write!(out, "{}", column.as_primitive::<UInt8Type>().value(row))?,
        D::UInt16 => write!(out, "{}", column.as_primitive::<UInt16Type>().value(row))?,
        D::UInt32 => write!(out, "{}", column.as_primitive::<UInt32Type>().value(row))?,
        D::UInt64 => write!(out, "{}", column.as_primitive::<UInt64Type>().value(row))?,
        D::Float32 => write_float(f64::from(column.as_primitive::<Float32Type>().value(row)), out)?,
        D::Float64 => write_float(column.as_primitive::<Float64Type>().value(row), out)?,
        D::Boolean => out.push(if column.as_boolean().value(row) { b'1' } else { b'0' }),
        D::Decimal128(_, scale) => {
            let x = column.as_primitive::<Decimal128Type>().value(row);
            write_float(x as f64 / 10f64.powi(i32::from(*scale)), out)?;
        }
        D::Date32 => {
            let (y, m, d) = civil_from_days(i64::from(column.as_primitive::<Date32Type>().value(row)));
            write!(out, "{y:04}-{m:02}-{d:02}")?;
        }
        D::Timestamp(unit, zone) => {
            let (raw, per) = match unit {
                TimeUnit::Second => (column.as_primitive::<TimestampSecondType>().value(row), 1),
                TimeUnit::Millisecond => (column.as_primitive::<TimestampMillisecondType>().value(row), 1_000),
                TimeUnit::Microsecond => (column.as_primitive::<TimestampMicrosecondType>().value(row), 1_000_000),
                TimeUnit::Nanosecond => (column.as_primitive::<TimestampNanosecondType>().value(row), 1_000_000_000),
            };
            let s = raw.div_euclid(per);
            let (y, m, d) = civil_from_days(s.div_euclid(86_400));
            let clock = s.rem_euclid(86_400);
            write!(out, "{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}", clock / 3600, clock / 60 % 60, clock % 60)?;
            if zone.is_some() {
                out.push(b'Z');
            }
        }
        _ => {}
    }
    Ok(())
}

/// What is no number stays without a value.
fn write_float(x: f64, out: &mut Vec<u8>) -> io::Result<()> {
    if x.is_finite() { write!(out, "{x}") } else { Ok(()) }
}
