//! Samples that are in the log and not in a segment yet, by point.

use super::HOUR_US;
use super::sample::{Entry, PointId, Sample};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// The samples of one log file. Its generation is the number of that file.
#[derive(Debug, Default)]
pub(crate) struct Memtable {
    pub generation: u64,
    pub samples: usize,
    pub last_sequence: u64,
    /// Hours that have samples here.
    pub hours: BTreeMap<i64, usize>,
    columns: HashMap<PointId, Column>,
}

#[derive(Debug, Default)]
struct Column {
    /// In the order of arrival.
    entries: Vec<Entry>,
    out_of_order: bool,
}

impl Memtable {
    pub(crate) fn new(generation: u64) -> Self {
        Self { generation, ..Self::default() }
    }

    pub(crate) fn push(&mut self, sample: Sample) {
        *self.hours.entry(sample.entry.time.us.div_euclid(HOUR_US)).or_default() += 1;
        self.samples += 1;
        let column = self.columns.entry(sample.point).or_default();
        column.out_of_order |= column.entries.last().is_some_and(|l| l.time > sample.entry.time);
        column.entries.push(sample.entry);
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = PointId> + '_ {
        self.columns.keys().copied()
    }

    /// Samples of a point, sorted by time; of equal times the later one last.
    pub(crate) fn sorted(&self, point: PointId) -> Cow<'_, [Entry]> {
        match self.columns.get(&point) {
            None => Cow::Borrowed(&[]),
            Some(column) if column.out_of_order => {
                let mut entries = column.entries.clone();
                entries.sort_by_key(|e| e.time);
                Cow::Owned(entries)
            }
            Some(column) => Cow::Borrowed(&column.entries),
        }
    }

    /// Samples of a point from `from_us` on and before `to_us`, as [`Memtable::sorted`].
    pub(crate) fn range(&self, point: PointId, from_us: i64, to_us: i64) -> Vec<Entry> {
        let sorted = self.sorted(point);
        let from = sorted.partition_point(|e| e.time.us < from_us);
        let to = sorted.partition_point(|e| e.time.us < to_us);
        sorted[from..to.max(from)].to_vec()
    }

    /// The last sample of a point at or before `at_us`.
    pub(crate) fn at(&self, point: PointId, at_us: i64) -> Option<Entry> {
        let sorted = self.sorted(point);
        sorted.partition_point(|e| e.time.us <= at_us).checked_sub(1).map(|i| sorted[i].clone())
    }
}
