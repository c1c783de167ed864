//! Findings of a file, each once, with the nearest name for what cannot be found.

use network::{Diagnostic, SourceRef};
use std::collections::HashSet;
use std::sync::Arc;

/// More findings than this are not kept: a file with so many is no configuration.
const FINDINGS_MAX: usize = 2000;

pub(super) struct Findings {
    file: Arc<str>,
    found: Vec<Diagnostic>,
    seen: HashSet<(String, u32, String)>,
}

impl Findings {
    pub fn new(file: &str) -> Self {
        Self { file: file.into(), found: Vec::new(), seen: HashSet::new() }
    }

    /// Adds a finding at a line, unless the same one is there: a type is used by many nodes.
    pub fn add(&mut self, line: u32, finding: Diagnostic) {
        if self.found.len() < FINDINGS_MAX && self.seen.insert((finding.code.clone(), line, finding.message.clone())) {
            self.found.push(finding.at(&SourceRef::new(self.file.clone(), line)));
        }
    }

    /// The findings by line.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| d.source.as_ref().map_or(0, |s| s.line));
        self.found
    }
}

/// A sentence that names what comes nearest to a name, for hints.
pub(super) fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = 1 + name.chars().count() / 3;
    among.map(|other| (edits(name, other, limit), other)).filter(|(d, _)| *d <= limit).min_by_key(|(d, _)| *d).map(|(_, other)| other)
}

/// Levenshtein distance without regard to case; anything above `limit` when the lengths alone differ by more.
fn edits(a: &str, b: &str, limit: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}
