//! Rows of a study's tables for whoever shows some of them, without the query engine.

use crate::error::StoreError;
use crate::lake::{CommittedFile, Lake};
use crate::report::Value;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use std::ops::ControlFlow;
use std::time::SystemTime;

impl Lake {
    /// Shows the named columns of every row of a table of a study to `look`, with the row's feeder: of one feeder when it is named. A column that
    /// the table does not have is missing in every row.
    ///
    /// # Errors
    /// Records or files that cannot be read.
    pub fn each_row(
        &self,
        study: &str,
        feeder: Option<&str>,
        table: &str,
        columns: &[&str],
        look: &mut dyn FnMut(&str, &[Value]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut row = vec![Value::Missing; columns.len()];
        for file in self.files_of(study, feeder, table)? {
            let mut flow = ControlFlow::Continue(());
            file.each_batch(&mut |batch| {
                let found: Vec<Option<&ArrayRef>> = columns.iter().map(|c| batch.column_by_name(c)).collect();
                for i in 0..batch.num_rows() {
                    for (value, column) in row.iter_mut().zip(&found) {
                        *value = column.map_or(Value::Missing, |c| value_of(c.as_ref(), i));
                    }
                    flow = look(&file.feeder, &row);
                    if flow.is_break() {
                        break;
                    }
                }
                Ok(flow)
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Committed files of one table.
    fn files_of(&self, study: &str, feeder: Option<&str>, table: &str) -> Result<Vec<CommittedFile>, StoreError> {
        let records = match feeder {
            // One record instead of all of them.
            Some(feeder) => self.record(study, feeder)?.into_iter().collect(),
            None => self.records(study)?,
        };
        let of = |r: crate::record::FeederRecord| {
            let file = r.files.iter().find(|f| f.table == table)?.clone();
            let path = self.part_path(table, &r.study, &r.feeder);
            Some(CommittedFile { study: r.study, feeder: r.feeder, path, record: file })
        };
        Ok(records.into_iter().filter_map(of).collect())
    }

    /// Changes whenever a feeder of the study is committed or taken back, or its manifest is written.
    pub fn study_stamp(&self, study: &str) -> Option<String> {
        let dir = self.study_dir(study);
        let changed = |p: &std::path::Path| {
            let time = std::fs::metadata(p).and_then(|m| m.modified()).ok()?;
            time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|d| d.as_nanos())
        };
        let manifest = changed(&dir.join("run.json"))?;
        Some(format!("{manifest:x}-{:x}", changed(&dir.join("feeders")).unwrap_or(0)))
    }
}

fn value_of(column: &dyn Array, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Missing;
    }
    if let Some(c) = column.as_primitive_opt::<Float64Type>() {
        Value::Number(c.value(row))
    } else if let Some(c) = column.as_string_opt::<i32>() {
        Value::Text(c.value(row).to_owned())
    } else if let Some(c) = column.as_primitive_opt::<UInt32Type>() {
        Value::Count(c.value(row).into())
    } else if let Some(c) = column.as_primitive_opt::<UInt64Type>() {
        Value::Count(c.value(row))
    } else if let Some(c) = column.as_primitive_opt::<UInt8Type>() {
        Value::Count(c.value(row).into())
    } else if let Some(c) = column.as_boolean_opt() {
        Value::Flag(c.value(row))
    } else {
        Value::Missing
    }
}
