//! Everything about a factor that does not depend on values.
//!
//! With the rows permuted, let `parent(j)` be the row of the first entry below
//! the diagonal of column `j` of L: the *elimination tree* (Liu, "The role of
//! elimination trees in sparse factorization", SIAM J. Matrix Anal. Appl. 11,
//! 1990). It is found without L: for every entry `a_kj`, `j < k`, climb from
//! `j` to the root of its present tree and hang that root below `k`;
//! shortcuts to the last root found keep the climbs short.
//!
//! Row `k` of L consists of the nodes met when climbing from each `j` with
//! `a_kj ≠ 0` towards `k`, stopping at nodes already met. Visiting rows in
//! ascending order thus lists the entries of each column in ascending order.
//!
//! Any order in which children precede parents gives the same L up to
//! renumbering. The rows are numbered in postorder, which keeps a subtree, and
//! so the part of the work vector that it touches, together.

use super::{Pattern, SparseError, approximate_minimum_degree};
use std::sync::Arc;

const NONE: u32 = u32::MAX;

/// An entry of the lower triangle of the permuted matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Permuted row, larger than the permuted column.
    pub row: u32,
    /// Slot of the entry in the row of the matrix that the column maps to,
    /// that is, of the mirrored entry (column, row).
    pub upper: u32,
    /// Slot of the entry (row, column).
    pub lower: u32,
}

/// An entry of row `k` of L: it updates column `k`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update {
    pub column: u32,
    /// Its position in the arrays of L.
    pub position: u32,
}

/// Ordering, elimination tree and pattern of L; shared by all factors of
/// matrices on one pattern.
#[derive(Debug)]
pub struct Symbolic {
    pub(super) pattern: Arc<Pattern>,
    /// Caller's row of each permuted row, and back.
    pub(super) row_of: Vec<u32>,
    pub(super) position_of: Vec<u32>,
    pub(super) parent: Vec<u32>,
    /// Columns of L below the diagonal: `n + 1` starts and ascending rows.
    pub(super) l_start: Vec<u32>,
    pub(super) l_row: Vec<u32>,
    /// The same rows in the caller's numbering.
    pub(super) l_caller_row: Vec<u32>,
    /// Rows of L left of the diagonal.
    pub(super) update_start: Vec<u32>,
    pub(super) update: Vec<Update>,
    /// Lower triangle of the permuted matrix by columns.
    pub(super) entry_start: Vec<u32>,
    pub(super) entry: Vec<Entry>,
    /// Slot of the diagonal of each permuted row.
    pub(super) diagonal: Vec<u32>,
    /// Permuted rows before the trailing part.
    pub(super) leading: usize,
}

impl Symbolic {
    /// Orders by approximate minimum degree and finds the pattern of L.
    ///
    /// # Errors
    /// `TooLarge` when L has more entries than 32-bit indices can count.
    pub fn new(pattern: &Arc<Pattern>) -> Result<Self, SparseError> {
        Self::with_order(pattern, &approximate_minimum_degree(pattern))
    }

    /// The same with a given elimination order: a permutation of all rows.
    /// It is kept up to an equivalent renumbering.
    ///
    /// # Errors
    /// `Length` when `order` is not a permutation of the rows, `TooLarge`.
    pub fn with_order(pattern: &Arc<Pattern>, order: &[u32]) -> Result<Self, SparseError> {
        Self::with_leading(pattern, order, 0)
    }

    /// The same, where the first `leading` rows of the order stay the first ones: see [`super::quiet_first`].
    ///
    /// # Errors
    /// As [`Symbolic::with_order`].
    pub fn with_leading(pattern: &Arc<Pattern>, order: &[u32], leading: usize) -> Result<Self, SparseError> {
        let n = pattern.order();
        let mut position_of = vec![NONE; n];
        for (k, &i) in order.iter().enumerate() {
            if let Some(position) = position_of.get_mut(i as usize) {
                *position = k as u32;
            }
        }
        let placed = position_of.iter().filter(|&&k| k != NONE).count();
        if order.len() != n || placed != n {
            return Err(SparseError::Length { expected: n, got: if order.len() == n { placed } else { order.len() } });
        }

        let parent = elimination_tree(pattern, order, &position_of);
        // What comes before the trailing part must stay there, so its trees end at the border.
        let cut = |k: usize| if k < leading && parent[k] as usize >= leading { NONE } else { parent[k] };
        let new_of = postorder(&(0..n).map(cut).collect::<Vec<u32>>());
        let mut row_of = vec![0u32; n];
        let mut renumbered_parent = vec![NONE; n];
        for k in 0..n {
            row_of[new_of[k] as usize] = order[k];
            if parent[k] != NONE {
                renumbered_parent[new_of[k] as usize] = new_of[parent[k] as usize];
            }
        }
        let parent = renumbered_parent;
        for (k, &i) in row_of.iter().enumerate() {
            position_of[i as usize] = k as u32;
        }

        // Rows of L, then columns with the same numbering of entries.
        let mut update_start = Vec::with_capacity(n + 1);
        let mut update: Vec<Update> = Vec::with_capacity(pattern.entries());
        let mut count = vec![0u32; n];
        let mut met = vec![NONE; n];
        update_start.push(0);
        for k in 0..n {
            met[k] = k as u32;
            for &j in pattern.row(row_of[k]) {
                let mut j = position_of[j as usize];
                while (j as usize) < k && met[j as usize] != k as u32 {
                    met[j as usize] = k as u32;
                    update.push(Update { column: j, position: count[j as usize] });
                    count[j as usize] += 1;
                    j = parent[j as usize];
                }
            }
            if update.len() >= NONE as usize {
                return Err(SparseError::TooLarge { entries: update.len() as u64 });
            }
            let first = update_start[k] as usize;
            update[first..].sort_unstable_by_key(|u| u.column);
            update_start.push(update.len() as u32);
        }
        let mut l_start = Vec::with_capacity(n + 1);
        l_start.push(0);
        for k in 0..n {
            l_start.push(l_start[k] + count[k]);
        }
        let mut l_row = vec![0u32; update.len()];
        for k in 0..n {
            for u in &mut update[update_start[k] as usize..update_start[k + 1] as usize] {
                u.position += l_start[u.column as usize];
                l_row[u.position as usize] = k as u32;
            }
        }

        let mut entry_start = Vec::with_capacity(n + 1);
        let mut entry = Vec::with_capacity((pattern.entries() - n) / 2);
        entry_start.push(0);
        for (k, &i) in row_of.iter().enumerate() {
            for slot in pattern.starts()[i as usize]..pattern.starts()[i as usize + 1] {
                let row = position_of[pattern.columns()[slot as usize] as usize];
                if row as usize > k {
                    entry.push(Entry { row, upper: slot, lower: pattern.mirror_slots()[slot as usize] });
                }
            }
            entry_start.push(entry.len() as u32);
        }
        let diagonal = row_of.iter().map(|&i| pattern.diagonal_slots()[i as usize]).collect();

        let l_caller_row = l_row.iter().map(|&i| row_of[i as usize]).collect();

        Ok(Symbolic {
            pattern: Arc::clone(pattern),
            row_of,
            position_of,
            parent,
            l_start,
            l_row,
            l_caller_row,
            update_start,
            update,
            entry_start,
            entry,
            diagonal,
            leading: leading.min(n),
        })
    }

    /// How many permuted rows at the head take no part in sweeps over the trailing part.
    pub fn leading(&self) -> usize {
        self.leading
    }

    /// Entries of L below the diagonal in the columns of the trailing part.
    pub fn trailing_entries(&self) -> usize {
        self.l_row.len() - self.l_start[self.leading] as usize
    }

    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    pub fn order(&self) -> usize {
        self.row_of.len()
    }

    /// The caller's rows in the order of elimination.
    pub fn permutation(&self) -> &[u32] {
        &self.row_of
    }

    /// Parent of each permuted row in the elimination tree; `None` at a root.
    pub fn parent(&self, k: u32) -> Option<u32> {
        self.parent.get(k as usize).copied().filter(|&p| p != NONE)
    }

    /// The number of entries of L below the diagonal.
    pub fn factor_entries(&self) -> usize {
        self.l_row.len()
    }

    /// Collects the permuted columns whose factor depends on an entry in one
    /// of the given rows or columns (caller's numbering): the paths to the
    /// root, ascending. `stamp` has one mark per row and must not contain
    /// `mark` yet. `OutOfRange` for a row outside the matrix.
    pub(super) fn affected(&self, changed: &[u32], stamp: &mut [u32], mark: u32, columns: &mut Vec<u32>) -> Result<(), SparseError> {
        columns.clear();
        let order = self.order() as u32;
        if let Some(&row) = changed.iter().find(|&&i| i >= order) {
            return Err(SparseError::OutOfRange { row, column: row, order });
        }
        for &i in changed {
            // An entry (i, j) belongs to the column that is eliminated first,
            // so columns of earlier neighbours count as changed as well.
            for &j in self.pattern.row(i) {
                let mut k = self.position_of[j as usize].min(self.position_of[i as usize]);
                while k != NONE && stamp[k as usize] != mark {
                    stamp[k as usize] = mark;
                    columns.push(k);
                    k = self.parent[k as usize];
                }
            }
        }
        columns.sort_unstable();
        Ok(())
    }
}

/// Parents in the elimination tree of the pattern permuted by `order`.
fn elimination_tree(pattern: &Pattern, order: &[u32], position_of: &[u32]) -> Vec<u32> {
    let n = order.len();
    let mut parent = vec![NONE; n];
    let mut shortcut = vec![NONE; n];
    for k in 0..n as u32 {
        for &j in pattern.row(order[k as usize]) {
            let mut j = position_of[j as usize];
            while j < k {
                let next = shortcut[j as usize];
                shortcut[j as usize] = k;
                if next == NONE {
                    parent[j as usize] = k;
                    break;
                }
                j = next;
            }
        }
    }
    parent
}

/// The postorder number of each node of a forest whose parents are larger
/// than their children.
fn postorder(parent: &[u32]) -> Vec<u32> {
    let n = parent.len();
    // Size of each subtree; a child's block of numbers ends where the blocks
    // of its later siblings begin, and a parent takes the last number of its
    // own block.
    let mut size = vec![1u32; n];
    for k in 0..n {
        if parent[k] != NONE {
            size[parent[k] as usize] += size[k];
        }
    }
    let mut block_end = vec![0u32; n];
    let mut roots_end = n as u32;
    let mut number = vec![0u32; n];
    for k in (0..n).rev() {
        let end = match parent[k] {
            NONE => &mut roots_end,
            p => &mut block_end[p as usize],
        };
        let mine = *end;
        *end -= size[k];
        number[k] = mine - 1;
        block_end[k] = mine - 1;
    }
    number
}
