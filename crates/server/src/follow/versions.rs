//! Versions of the model: whole texts in OpenDSS's language, one of which is followed.
//!
//! `versions.json` lists them, `N.dss` is the text of each; neither number nor text of one ever changes. The text of the model's own files is
//! a version too: the first, and again whenever the files have changed since, which then is the active one, as whoever changed them means it.

use crate::moment::rfc3339;
use crate::problem::Problem;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use store::files::write_whole;
use store::sha256_hex;
use utoipa::ToSchema;

/// Longest text of a version, octets.
pub(crate) const TEXT_MAX: usize = 8 << 20;

/// A version, without its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// The same as `version_number`, as text.
    pub version_id: String,
    pub version_number: u64,
    pub created_by: String,
    /// RFC 3339.
    pub created_at: String,
    pub description: String,
    pub is_active: bool,
    pub sha256: String,
    pub bytes: u64,
    /// It is what the files of the model said.
    pub of_files: bool,
}

/// All versions.
#[derive(Debug)]
pub(crate) struct Versions {
    folder: PathBuf,
    all: Vec<Version>,
}

fn fault(action: &str, place: &Path, why: impl std::fmt::Display) -> Vec<Diagnostic> {
    vec![
        Diagnostic::error("TWIN.FOLDER.FAILED", format!("cannot {action} {}", place.display()))
            .detail(format!("The reason: {why}."))
            .hint("Check the folder of --data, its rights and the disk."),
    ]
}

fn unknown(id: u64) -> Problem {
    Problem::not_found(format!("There is no version {id} of the model"))
        .code("TWIN.VERSION.UNKNOWN")
        .hint("GET /api/twin/versions lists all of them.")
}

fn to_problem(findings: Vec<Diagnostic>) -> Problem {
    // Places on the server stay in its log.
    Problem::internal(findings.first().map_or_else(String::new, |f| format!("{} {}", f.message, f.detail.as_deref().unwrap_or_default())))
}

impl Versions {
    pub(super) fn open(folder: &Path, of_files: &str, now_ms: i64) -> Result<Self, Vec<Diagnostic>> {
        std::fs::create_dir_all(folder).map_err(|e| fault("make the folder", folder, e))?;
        let list = folder.join("versions.json");
        let all: Vec<Version> = match std::fs::read(&list) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| fault("understand", &list, e))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(fault("read", &list, e)),
        };
        let mut versions = Self { folder: folder.to_owned(), all };
        let hash = sha256_hex(of_files.as_bytes());
        let newest_of_files = versions.all.iter().rev().find(|v| v.of_files);
        if newest_of_files.is_none_or(|v| v.sha256 != hash) {
            let description = if versions.all.is_empty() { "the model's files" } else { "the model's files, which were changed" };
            let version = versions.add_text(of_files, description, "console", now_ms, true)?;
            versions.turn_to(version.version_number)?;
        }
        Ok(versions)
    }

    fn write(&self, all: &[Version]) -> Result<(), Vec<Diagnostic>> {
        let place = self.folder.join("versions.json");
        let text = serde_json::to_vec_pretty(all).map_err(|e| fault("write", &place, e))?;
        write_whole(&place, &text).map_err(|e| fault("write", &place, e))
    }

    fn place(&self, id: u64) -> PathBuf {
        self.folder.join(format!("{id}.dss"))
    }

    fn add_text(&mut self, text: &str, description: &str, by: &str, now_ms: i64, of_files: bool) -> Result<Version, Vec<Diagnostic>> {
        let number = self.all.last().map_or(0, |v| v.version_number) + 1;
        let version = Version {
            version_id: number.to_string(),
            version_number: number,
            created_by: by.to_owned(),
            created_at: rfc3339(now_ms),
            description: description.to_owned(),
            is_active: false,
            sha256: sha256_hex(text.as_bytes()),
            bytes: text.len() as u64,
            of_files,
        };
        // The text first: a text that no list names is nothing.
        let place = self.place(number);
        write_whole(&place, text.as_bytes()).map_err(|e| fault("write", &place, e))?;
        let mut all = self.all.clone();
        all.push(version.clone());
        self.write(&all)?;
        self.all = all;
        Ok(version)
    }

    fn turn_to(&mut self, id: u64) -> Result<Version, Vec<Diagnostic>> {
        let mut all = self.all.clone();
        all.iter_mut().for_each(|v| v.is_active = v.version_number == id);
        self.write(&all)?;
        self.all = all;
        self.all.iter().find(|v| v.is_active).cloned().ok_or_else(|| fault("find", &self.place(id), "no such version"))
    }

    pub(crate) fn all(&self) -> &[Version] {
        &self.all
    }

    pub(crate) fn find(&self, id: u64) -> Result<&Version, Problem> {
        self.all.iter().find(|v| v.version_number == id).ok_or_else(|| unknown(id))
    }

    pub(crate) fn active(&self) -> Result<&Version, Problem> {
        self.all.iter().find(|v| v.is_active).ok_or_else(|| Problem::internal("no version of the model is active"))
    }

    fn read(&self, version: &Version) -> Result<String, Vec<Diagnostic>> {
        let place = self.place(version.version_number);
        let text = std::fs::read_to_string(&place).map_err(|e| fault("read", &place, e))?;
        if sha256_hex(text.as_bytes()) == version.sha256 { Ok(text) } else { Err(fault("read", &place, "it is not what was kept")) }
    }

    /// The active text, where it is not that of the files as they are.
    pub(super) fn changed_text(&self) -> Result<Option<String>, Vec<Diagnostic>> {
        let newest_of_files = self.all.iter().rev().find(|v| v.of_files).map(|v| &v.sha256);
        match self.all.iter().find(|v| v.is_active) {
            Some(active) if Some(&active.sha256) != newest_of_files => self.read(active).map(Some),
            _ => Ok(None),
        }
    }

    pub(crate) fn text(&self, id: u64) -> Result<String, Problem> {
        self.read(self.find(id)?).map_err(to_problem)
    }

    pub(crate) fn add(&mut self, text: &str, description: &str, by: &str, now_ms: i64) -> Result<Version, Problem> {
        self.add_text(text, description, by, now_ms, false).map_err(to_problem)
    }

    pub(super) fn activate(&mut self, id: u64) -> Result<Version, Problem> {
        self.find(id)?;
        self.turn_to(id).map_err(to_problem)
    }
}

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DiffLine {
    /// `same`, `removed` or `added`.
    pub change: &'static str,
    /// Number of the line in the text before and after, from 1.
    pub before: Option<usize>,
    pub after: Option<usize>,
    pub text: String,
}

/// Lines that are kept around a change.
const AROUND: usize = 3;
/// Edits beyond which two texts count as wholly different: the work grows with their square.
const EDITS_MAX: usize = 4_000;

/// What has changed from one text to another, line by line, with some lines around each change; and lines removed and added.
///
/// The shortest edit script after E. W. Myers, "An O(ND) difference algorithm and its variations", Algorithmica 1 (1986), 251-266.
pub(crate) fn diff(before: &str, after: &str) -> (Vec<DiffLine>, usize, usize) {
    let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    let (n, m) = (a.len() - tail, b.len() - tail);
    let mut lines: Vec<DiffLine> = (0..head).map(|i| same(&a, i, i)).collect();
    lines.extend(edits(&a, &b, head, n, m));
    lines.extend((0..tail).map(|k| same(&a, n + k, m + k)));
    let count = |change: &str| lines.iter().filter(|l| l.change == change).count();
    let (removed, added) = (count("removed"), count("added"));
    let changed: Vec<bool> = lines.iter().map(|l| l.change != "same").collect();
    let is_near = |i: usize| changed[i.saturating_sub(AROUND)..(i + AROUND + 1).min(changed.len())].contains(&true);
    let near: Vec<bool> = (0..lines.len()).map(is_near).collect();
    let mut keep = near.into_iter();
    lines.retain(|_| keep.next() == Some(true));
    (lines, removed, added)
}

fn same(a: &[&str], i: usize, j: usize) -> DiffLine {
    DiffLine { change: "same", before: Some(i + 1), after: Some(j + 1), text: a[i].to_owned() }
}

/// The middle part, `a[head..n]` against `b[head..m]`.
fn edits(a: &[&str], b: &[&str], head: usize, n: usize, m: usize) -> Vec<DiffLine> {
    let removed = |i: usize| DiffLine { change: "removed", before: Some(i + 1), after: None, text: a[i].to_owned() };
    let added = |j: usize| DiffLine { change: "added", before: None, after: Some(j + 1), text: b[j].to_owned() };
    let (rows, columns) = ((n - head) as isize, (m - head) as isize);
    let offset = rows + columns + 1;
    let at = |k: isize| (k + offset) as usize;
    let mut furthest = vec![0_isize; (2 * offset + 1) as usize];
    let mut trace: Vec<Vec<isize>> = Vec::new();
    let limit = ((rows + columns) as usize).min(EDITS_MAX) as isize;
    let mut found = None;
    'search: for d in 0..=limit {
        // Only the diagonals that were reached so far.
        trace.push(furthest[at(-d - 1)..=at(d + 1)].to_vec());
        for k in (-d..=d).step_by(2) {
            let down = k == -d || k != d && furthest[at(k - 1)] < furthest[at(k + 1)];
            let mut x = if down { furthest[at(k + 1)] } else { furthest[at(k - 1)] + 1 };
            while x < rows && x - k < columns && a[head + x as usize] == b[head + (x - k) as usize] {
                x += 1;
            }
            furthest[at(k)] = x;
            if x >= rows && x - k >= columns {
                found = Some(d);
                break 'search;
            }
        }
    }
    let Some(d) = found else {
        return (head..n).map(removed).chain((head..m).map(added)).collect();
    };
    let (mut x, mut y, mut lines) = (rows, columns, Vec::new());
    for d in (1..=d).rev() {
        let of = &trace[d as usize];
        let before = |k: isize| of[(k + d + 1) as usize];
        let k = x - y;
        let down = k == -d || k != d && before(k - 1) < before(k + 1);
        let from_k = if down { k + 1 } else { k - 1 };
        let (from_x, from_y) = (before(from_k), before(from_k) - from_k);
        while x > from_x && y > from_y && (x, y) != if down { (from_x, from_y + 1) } else { (from_x + 1, from_y) } {
            (x, y) = (x - 1, y - 1);
            lines.push(same(a, head + x as usize, head + y as usize));
        }
        lines.push(if down { added(head + from_y as usize) } else { removed(head + from_x as usize) });
        (x, y) = (from_x, from_y);
    }
    while x > 0 && y > 0 {
        (x, y) = (x - 1, y - 1);
        lines.push(same(a, head + x as usize, head + y as usize));
    }
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text after, made from the text before and all lines of the difference.
    fn applied(before: &str, after: &str) -> (String, usize) {
        let (a, b): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
        let lines = edits(&a, &b, 0, a.len(), b.len());
        let (mut i, mut j) = (0, 0);
        for line in &lines {
            if line.change != "added" {
                assert_eq!((line.before, a[i]), (Some(i + 1), line.text.as_str()));
                i += 1;
            }
            if line.change != "removed" {
                assert_eq!((line.after, b[j]), (Some(j + 1), line.text.as_str()));
                j += 1;
            }
        }
        assert_eq!((i, j), (a.len(), b.len()));
        let made: Vec<&str> = lines.iter().filter(|l| l.change != "removed").map(|l| l.text.as_str()).collect();
        (made.join("\n"), lines.iter().filter(|l| l.change != "same").count())
    }

    #[test]
    fn a_difference_leads_from_one_text_to_the_other() {
        // The pair of the paper, whose shortest script has five edits.
        assert_eq!(applied("a\nb\nc\na\nb\nb\na", "c\nb\na\nb\na\nc"), ("c\nb\na\nb\na\nc".to_owned(), 5));
        assert_eq!(applied("", "a\nb"), ("a\nb".to_owned(), 2));
        assert_eq!(applied("a\nb", ""), (String::new(), 2));
        assert_eq!(applied("a", "a"), ("a".to_owned(), 0));
        // Every pair of texts of up to four lines of two kinds.
        let texts: Vec<String> = (0..=4)
            .flat_map(|n| {
                (0..1_u32 << n).map(move |bits| (0..n).map(|i| if bits >> i & 1 == 1 { "x" } else { "y" }).collect::<Vec<_>>().join("\n"))
            })
            .collect();
        for before in &texts {
            for after in &texts {
                assert_eq!(applied(before, after).0, *after, "{before:?}");
                let (lines, removed, added) = diff(before, after);
                let counts = ["removed", "added"].map(|c| lines.iter().filter(|l| l.change == c).count());
                assert_eq!((counts, before == after), ([removed, added], removed + added == 0), "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn only_what_is_near_a_change_is_shown() {
        let before: String = (0..100).map(|i| format!("line {i}\n")).collect();
        let after = before.replace("line 50\n", "line fifty\n");
        let (lines, removed, added) = diff(&before, &after);
        assert_eq!((lines.len(), removed, added), (2 * AROUND + 2, 1, 1));
        assert_eq!((lines[0].before, lines[0].text.as_str()), (Some(48), "line 47"));
    }

    #[test]
    fn changed_files_are_a_version_and_count() {
        let dir = tempfile::tempdir().unwrap();
        let mut versions = Versions::open(dir.path(), "a", 0).unwrap();
        assert_eq!((versions.all().len(), versions.changed_text().unwrap()), (1, None));
        versions.add("b", "", "ada", 0).unwrap();
        versions.activate(2).unwrap();
        let versions = Versions::open(dir.path(), "a", 0).unwrap();
        assert_eq!(versions.changed_text().unwrap().as_deref(), Some("b"), "what was activated stays");
        let versions = Versions::open(dir.path(), "c", 0).unwrap();
        assert_eq!((versions.all().len(), versions.changed_text().unwrap()), (3, None), "the files were changed");
        assert!(versions.all()[2].is_active && versions.all()[2].of_files);
        std::fs::write(dir.path().join("2.dss"), "x").unwrap();
        assert!(versions.text(2).is_err(), "a text that was tampered with is not given");
    }
}
