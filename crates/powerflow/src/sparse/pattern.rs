//! The symmetric sparsity pattern of a grid matrix and the way from an entry
//! to the place where its value is stored.
//!
//! Rows are stored one after another with ascending columns. Since the pattern
//! is symmetric and holds the whole diagonal, the same arrays read as columns.
//! The position of an entry in this order is its *slot*; a matrix is then one
//! flat array of values by slot.

use super::SparseError;

/// Stands for a grounded conductor in the node list of an element: its rows
/// and columns are left out.
pub const GROUND: u32 = u32::MAX;

/// The slot of an entry that lies in a grounded row or column.
pub const NO_SLOT: u32 = u32::MAX;

/// A symmetric pattern of order `n` with a full diagonal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// `n + 1` starts of the rows.
    start: Vec<u32>,
    /// Column of each slot, ascending within a row.
    column: Vec<u32>,
    /// Slot of the diagonal of each row.
    diagonal: Vec<u32>,
    /// Slot of the mirrored entry of each slot.
    mirror: Vec<u32>,
}

/// Collects the entries of a pattern.
#[derive(Debug, Clone)]
pub struct PatternBuilder {
    order: u32,
    /// Entries below the diagonal as (larger, smaller) index.
    lower: Vec<(u32, u32)>,
}

impl PatternBuilder {
    /// A pattern of order `n` that has only its diagonal so far.
    pub fn new(n: u32) -> Self {
        PatternBuilder { order: n, lower: Vec::new() }
    }

    /// Adds the entries (`row`, `column`) and (`column`, `row`).
    ///
    /// # Errors
    /// `OutOfRange` when an index is not below the order.
    pub fn entry(&mut self, row: u32, column: u32) -> Result<(), SparseError> {
        if row >= self.order || column >= self.order {
            return Err(SparseError::OutOfRange { row, column, order: self.order });
        }
        if row != column {
            self.lower.push((row.max(column), row.min(column)));
        }
        Ok(())
    }

    /// Couples all nodes of an element with each other. `GROUND` is skipped;
    /// a node may occur more than once.
    ///
    /// # Errors
    /// `OutOfRange` when a node is neither `GROUND` nor below the order.
    pub fn clique(&mut self, nodes: &[u32]) -> Result<(), SparseError> {
        for (k, &row) in nodes.iter().enumerate() {
            if row == GROUND {
                continue;
            }
            self.entry(row, row)?;
            for &column in &nodes[..k] {
                if column != GROUND {
                    self.entry(row, column)?;
                }
            }
        }
        Ok(())
    }

    /// Sorts the entries and removes duplicates.
    ///
    /// # Errors
    /// `TooLarge` when the entries do not fit 32-bit slots.
    pub fn build(self) -> Result<Pattern, SparseError> {
        let n = self.order as usize;
        let most = 2 * self.lower.len() as u64 + self.order as u64;
        if most >= NO_SLOT as u64 {
            return Err(SparseError::TooLarge { entries: most });
        }
        // Bucket by row, with duplicates.
        let mut start = vec![0u32; n + 1];
        for &(i, j) in &self.lower {
            start[i as usize + 1] += 1;
            start[j as usize + 1] += 1;
        }
        for i in 0..n {
            start[i + 1] += start[i] + 1;
        }
        let mut next = start.clone();
        let mut column = vec![0u32; most as usize];
        let mut put = |i: u32, j: u32| {
            column[next[i as usize] as usize] = j;
            next[i as usize] += 1;
        };
        for i in 0..self.order {
            put(i, i);
        }
        for &(i, j) in &self.lower {
            put(i, j);
            put(j, i);
        }
        // Sort each row and close the gaps that duplicates leave.
        let mut kept = 0usize;
        for i in 0..n {
            let range = start[i] as usize..start[i + 1] as usize;
            column[range.clone()].sort_unstable();
            start[i] = kept as u32;
            for p in range {
                if kept == start[i] as usize || column[kept - 1] != column[p] {
                    column[kept] = column[p];
                    kept += 1;
                }
            }
        }
        start[n] = kept as u32;
        column.truncate(kept);
        column.shrink_to_fit();

        // Visiting rows in ascending order meets the entries of every column
        // in ascending order too, so one cursor per row finds the mirrors.
        let mut cursor: Vec<u32> = start[..n].to_vec();
        let mut mirror = vec![0u32; kept];
        let mut diagonal = vec![0u32; n];
        for i in 0..n {
            for p in start[i]..start[i + 1] {
                let j = column[p as usize] as usize;
                mirror[p as usize] = cursor[j];
                cursor[j] += 1;
                if i == j {
                    diagonal[i] = p;
                }
            }
        }
        Ok(Pattern { start, column, diagonal, mirror })
    }
}

impl Pattern {
    /// The pattern of order `n` that holds the given (row, column) entries,
    /// their mirrors and the diagonal.
    ///
    /// # Errors
    /// `OutOfRange` and `TooLarge`.
    pub fn new(n: u32, entries: impl IntoIterator<Item = (u32, u32)>) -> Result<Self, SparseError> {
        let mut builder = PatternBuilder::new(n);
        for (row, column) in entries {
            builder.entry(row, column)?;
        }
        builder.build()
    }

    /// The order `n` of the matrix.
    pub fn order(&self) -> usize {
        self.diagonal.len()
    }

    /// The number of stored entries, both triangles and diagonal.
    pub fn entries(&self) -> usize {
        self.column.len()
    }

    /// The columns of a row, ascending; empty for a row outside the matrix.
    pub fn row(&self, row: u32) -> &[u32] {
        match self.row_slots(row) {
            Some(range) => &self.column[range],
            None => &[],
        }
    }

    /// The slots of a row, or `None` outside the matrix.
    pub fn row_slots(&self, row: u32) -> Option<std::ops::Range<usize>> {
        let i = row as usize;
        (i < self.order()).then(|| self.start[i] as usize..self.start[i + 1] as usize)
    }

    /// The slot of entry (`row`, `column`), or `None` if it is not stored.
    pub fn slot(&self, row: u32, column: u32) -> Option<u32> {
        let range = self.row_slots(row)?;
        let first = range.start;
        self.column[range].binary_search(&column).ok().map(|p| (first + p) as u32)
    }

    /// The slots of an element's primitive matrix, row by row (`k * k` for `k`
    /// nodes); `NO_SLOT` in grounded rows and columns.
    ///
    /// # Errors
    /// `NotInPattern` when the nodes were not coupled in this pattern.
    pub fn clique_slots(&self, nodes: &[u32]) -> Result<Vec<u32>, SparseError> {
        let mut slots = Vec::with_capacity(nodes.len() * nodes.len());
        for &row in nodes {
            for &column in nodes {
                slots.push(if row == GROUND || column == GROUND {
                    NO_SLOT
                } else {
                    self.slot(row, column).ok_or(SparseError::NotInPattern { row, column })?
                });
            }
        }
        Ok(slots)
    }

    /// The slot of the diagonal of each row.
    pub fn diagonal_slots(&self) -> &[u32] {
        &self.diagonal
    }

    /// For the slot of (i, j) the slot of (j, i).
    pub fn mirror_slots(&self) -> &[u32] {
        &self.mirror
    }

    pub(super) fn starts(&self) -> &[u32] {
        &self.start
    }

    pub(super) fn columns(&self) -> &[u32] {
        &self.column
    }
}
