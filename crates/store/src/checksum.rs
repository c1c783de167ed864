//! A checksum of what a table says, whatever the order of its rows and files.
//!
//! Each row is written in a canonical form: for every column a tag byte (0 for a missing value), then the value (text with its length
//! in front; a number as the eight bytes of its pattern, every not-a-number as one). The checksum is the sum, modulo 2²⁵⁶, of the
//! SHA-256 of all rows. Two tables with the same rows, each as often, have the same sum; that two others do is as unlikely as any
//! collision found without looking for one. It says the same as a hash of the sorted rows, without holding them.

use crate::error::StoreError;
use crate::files::hex;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use sha2::{Digest, Sha256};

/// Rows and checksum of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableChecksum {
    pub table: String,
    pub rows: u64,
    /// 64 hexadecimal digits
    pub checksum: String,
}

/// The running sum.
#[derive(Default)]
pub(crate) struct ContentSum {
    rows: u64,
    /// Least significant first.
    sum: [u64; 4],
}

impl ContentSum {
    pub(crate) fn add(&mut self, table: &str, batch: &RecordBatch) -> Result<(), StoreError> {
        let schema = batch.schema();
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            if !is_known(column.data_type()) {
                return Err(StoreError::Column {
                    table: table.to_owned(),
                    column: field.name().clone(),
                    expected: "a flag, a number or a text".to_owned(),
                    found: column.data_type().to_string(),
                });
            }
        }
        let mut row = Vec::new();
        for i in 0..batch.num_rows() {
            row.clear();
            for column in batch.columns() {
                write_value(column, i, &mut row);
            }
            self.add_hash(&Sha256::digest(&row).into());
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn add_hash(&mut self, hash: &[u8; 32]) {
        let mut carry = false;
        for (limb, bytes) in self.sum.iter_mut().zip(hash.chunks_exact(8)) {
            let (sum, over) = limb.overflowing_add(u64::from_le_bytes(bytes.try_into().expect("eight bytes")));
            let (sum, over_by_carry) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = over || over_by_carry;
        }
    }

    pub(crate) fn finish(self, table: &str) -> TableChecksum {
        let bytes: Vec<u8> = self.sum.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect();
        TableChecksum { table: table.to_owned(), rows: self.rows, checksum: hex(&bytes) }
    }
}

fn is_known(data_type: &DataType) -> bool {
    use DataType::{Boolean, Float64, Int64, UInt8, UInt32, UInt64, Utf8};
    matches!(data_type, Boolean | Float64 | Int64 | UInt8 | UInt32 | UInt64 | Utf8)
}

fn write_value(column: &ArrayRef, i: usize, row: &mut Vec<u8>) {
    if column.is_null(i) {
        return row.push(0);
    }
    let (tag, number) = match column.data_type() {
        DataType::Boolean => (1, u64::from(column.as_boolean().value(i))),
        DataType::UInt8 => (2, u64::from(column.as_primitive::<UInt8Type>().value(i))),
        DataType::UInt32 => (3, u64::from(column.as_primitive::<UInt32Type>().value(i))),
        DataType::UInt64 => (4, column.as_primitive::<UInt64Type>().value(i)),
        DataType::Int64 => (5, column.as_primitive::<Int64Type>().value(i).cast_unsigned()),
        DataType::Float64 => {
            let x = column.as_primitive::<Float64Type>().value(i);
            (6, if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() })
        }
        _ => {
            let text = column.as_string::<i32>().value(i);
            row.push(7);
            row.extend((text.len() as u64).to_le_bytes());
            return row.extend(text.as_bytes());
        }
    };
    row.push(tag);
    row.extend(number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, StringArray};
    use std::sync::Arc;

    fn batch(names: &[&str], values: &[Option<f64>]) -> RecordBatch {
        let names = Arc::new(StringArray::from(names.to_vec())) as ArrayRef;
        RecordBatch::try_from_iter_with_nullable([("n", names, true), ("v", Arc::new(Float64Array::from(values.to_vec())), true)]).unwrap()
    }

    fn sum(batches: &[RecordBatch]) -> TableChecksum {
        let mut sum = ContentSum::default();
        for b in batches {
            sum.add("t", b).unwrap();
        }
        sum.finish("t")
    }

    #[test]
    fn order_does_not_count_and_content_does() {
        let whole = sum(&[batch(&["a", "b", "c"], &[Some(1.0), None, Some(3.0)])]);
        assert_eq!(whole, sum(&[batch(&["c"], &[Some(3.0)]), batch(&["b", "a"], &[None, Some(1.0)])]));
        assert_eq!((whole.rows, whole.checksum.len()), (3, 64));
        for other in [
            sum(&[batch(&["a", "b", "c"], &[Some(1.0), Some(0.0), Some(3.0)])]),
            sum(&[batch(&["a", "b", "c"], &[Some(3.0), None, Some(1.0)])]),
            sum(&[batch(&["a", "b"], &[Some(1.0), None])]),
            sum(&[batch(&["a", "b", "c", "c"], &[Some(1.0), None, Some(3.0), Some(3.0)])]),
            sum(&[batch(&["a", "b", "c"], &[Some(1.0), None, Some(3.0000000000000004)])]),
        ] {
            assert_ne!(whole.checksum, other.checksum);
        }
    }

    #[test]
    fn the_sum_carries() {
        let mut sum = ContentSum { rows: 0, sum: [u64::MAX, u64::MAX, 0, 0] };
        let mut one = [0; 32];
        one[0] = 1;
        sum.add_hash(&one);
        assert_eq!(sum.sum, [0, 0, 1, 0]);
    }
}
