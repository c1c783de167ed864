//! Scenarios of a project: files of layers with all their versions, and the files of data that they name.
//!
//! ```text
//! PROJECT/scenario_files/FILE                    weather, shapes, parts to include: what drafts may name
//! PROJECT/scenarios/NAME/N/scenario.yaml         version N, with
//! PROJECT/scenarios/NAME/N/FILE                  the files as they were that it names
//! PROJECT/scenarios/NAME/N/version.json          written last: who, when, why; without it the folder is nobody's
//! PROJECT/scenarios/NAME/last                    after a removal: the last number that was given
//! ```
//!
//! A version is never changed and its number never given again, so that a study that names one is done again with that one or not at all.
//! Whoever saves says which version the change began with: what somebody else saved in between is not overwritten.

use crate::error::StoreError;
use crate::files::{self, sha256_hex};
use crate::names;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const FOLDER: &str = "scenarios";
const POOL: &str = "scenario_files";
const RECORD: &str = "version.json";
const LAST: &str = "last";
const FORMAT: u64 = 1;

/// Saves of this process, so that each has a name while it is written.
static SAVES: AtomicU64 = AtomicU64::new(0);

/// Name of the file of a version's text.
pub const TEXT: &str = "scenario.yaml";

/// One version of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioVersion {
    pub format: u64,
    pub name: String,
    /// Counted from 1.
    pub version: u64,
    /// What the scenario calls itself.
    pub title: String,
    /// Names and kinds of the layers, in their order.
    pub layers: Vec<(String, String)>,
    pub author: String,
    /// RFC 3339.
    pub time_utc: String,
    pub note: String,
    /// Of the text.
    pub sha256: String,
    /// Files that it names, as it names them.
    pub files: Vec<String>,
}

/// A file that scenarios may name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScenarioFile {
    pub name: String,
    pub bytes: u64,
}

/// Whether a name may be that of a scenario.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && name.chars().count() <= 100 && !name.chars().any(char::is_control)
}

/// Whether a name may be that of a file of data: a plain name, without folders.
pub fn is_file_name(name: &str) -> bool {
    let is_plain = matches!(Path::new(name).components().collect::<Vec<_>>()[..], [Component::Normal(only)] if only == name);
    let is_odd = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    is_plain && is_name(name) && !name.starts_with('.') && !name.chars().any(is_odd) && name != TEXT && name != RECORD
}

fn folder(project: &Path, name: &str) -> PathBuf {
    project.join(FOLDER).join(names::encode(name))
}

/// Whether a folder's name is that of a version, and not of one that is being written.
fn is_version(dir: &Path) -> bool {
    dir.file_name().is_some_and(|n| n.as_encoded_bytes().iter().all(u8::is_ascii_digit))
}

fn read_record(dir: &Path) -> Result<Option<ScenarioVersion>, StoreError> {
    let path = dir.join(RECORD);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(StoreError::io("read", &path, e)),
    };
    let of: ScenarioVersion =
        serde_json::from_slice(&bytes).map_err(|e| StoreError::Record { path: path.clone(), reason: e.to_string() })?;
    if of.format != FORMAT {
        return Err(StoreError::OtherVersion { path, found: of.format, expected: FORMAT });
    }
    Ok(Some(of))
}

/// Versions of a scenario, the newest first; none of one that is not there.
///
/// # Errors
/// A folder that cannot be listed, a record that cannot be read.
pub fn versions(project: &Path, name: &str) -> Result<Vec<ScenarioVersion>, StoreError> {
    let mut all = Vec::new();
    for dir in files::list(&folder(project, name))?.iter().filter(|d| is_version(d)) {
        all.extend(read_record(dir)?);
    }
    all.sort_by_key(|v| std::cmp::Reverse(v.version));
    Ok(all)
}

/// The newest version of every scenario, by name.
///
/// # Errors
/// As [`versions`].
pub fn list(project: &Path) -> Result<Vec<ScenarioVersion>, StoreError> {
    let mut newest = Vec::new();
    for dir in files::list(&project.join(FOLDER))? {
        let mut found: Option<ScenarioVersion> = None;
        for version in files::list(&dir)?.iter().filter(|d| is_version(d)) {
            let Some(record) = read_record(version)? else { continue };
            if found.as_ref().is_none_or(|f| f.version < record.version) {
                found = Some(record);
            }
        }
        newest.extend(found);
    }
    newest.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(newest)
}

/// A version, the newest unless told; none when there is none.
///
/// # Errors
/// As [`versions`].
pub fn find(project: &Path, name: &str, version: Option<u64>) -> Result<Option<ScenarioVersion>, StoreError> {
    match version {
        Some(n) => read_record(&folder(project, name).join(n.to_string())),
        None => Ok(versions(project, name)?.into_iter().next()),
    }
}

/// Place of a version's text, its files beside it.
pub fn path(project: &Path, of: &ScenarioVersion) -> PathBuf {
    folder(project, &of.name).join(of.version.to_string()).join(TEXT)
}

/// A version's text.
///
/// # Errors
/// A file that cannot be read.
pub fn text(project: &Path, of: &ScenarioVersion) -> Result<String, StoreError> {
    let path = path(project, of);
    fs::read_to_string(&path).map_err(|e| StoreError::io("read", &path, e))
}

/// What came of saving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    As(ScenarioVersion),
    /// Nothing was saved: another version is the newest.
    Newer(u64),
}

/// Saves a version. `of.version`, `of.format` and `of.sha256` are set here. `base` is the version that the change began with, 0 for a new
/// scenario; `files` are what the text names, with their contents.
///
/// # Errors
/// Files that cannot be written; what was half-written is removed.
///
/// # Panics
/// When a name is none ([`is_name`], [`is_file_name`]), which is a bug.
pub fn save(project: &Path, mut of: ScenarioVersion, text: &str, base: u64, files: &[(String, Vec<u8>)]) -> Result<Saved, StoreError> {
    assert!(is_name(&of.name) && files.iter().all(|(n, _)| is_file_name(n)), "names are checked before");
    let newest = versions(project, &of.name)?.first().map_or(0, |v| v.version);
    if newest != base {
        return Ok(Saved::Newer(newest));
    }
    let home = folder(project, &of.name);
    fs::create_dir_all(&home).map_err(|e| StoreError::writing(&home, 0, e))?;
    let number = newest.max(last_removed(&home)?) + 1;
    // Written under a name of its own and put in its place when whole: of two who save at once one is first.
    let temporary = home.join(format!(".{}-{}", std::process::id(), SAVES.fetch_add(1, Ordering::Relaxed)));
    let place = home.join(number.to_string());
    let written = (|| {
        for (name, bytes) in files {
            files::write_whole(&temporary.join(name), bytes)?;
        }
        files::write_whole(&temporary.join(TEXT), text.as_bytes())?;
        (of.format, of.version, of.sha256) = (FORMAT, number, sha256_hex(text.as_bytes()));
        of.files = files.iter().map(|(n, _)| n.clone()).collect();
        files::write_whole(&temporary.join(RECORD), &serde_json::to_vec_pretty(&of).expect("a record is plain data"))?;
        match fs::rename(&temporary, &place) {
            Ok(()) => Ok(Saved::As(of)),
            Err(_) if place.join(RECORD).exists() => Ok(Saved::Newer(number)),
            Err(e) => Err(StoreError::writing(&place, 0, e)),
        }
    })();
    if !matches!(written, Ok(Saved::As(_))) {
        // Best effort: nobody reads a folder of such a name.
        let _ = fs::remove_dir_all(&temporary);
    }
    written
}

/// Removes a scenario with all its versions; whether there was one. Studies that were made with it keep their results.
///
/// # Errors
/// Files that cannot be removed.
pub fn remove(project: &Path, name: &str) -> Result<bool, StoreError> {
    let dir = folder(project, name);
    let Some(newest) = versions(project, name)?.first().map(|v| v.version) else { return Ok(false) };
    // The number stands before anything goes: cut off in between, it is not given again either.
    files::write_whole(&dir.join(LAST), newest.to_string().as_bytes())?;
    for path in files::list(&dir)?.iter().filter(|p| !p.ends_with(LAST)) {
        fs::remove_dir_all(path).map_err(|e| StoreError::io("remove", path, e))?;
    }
    Ok(true)
}

/// The last number that was given before a removal; 0 where nothing was removed.
fn last_removed(home: &Path) -> Result<u64, StoreError> {
    let path = home.join(LAST);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| StoreError::Record { path, reason: "it is no number".into() }),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(0),
        Err(e) => Err(StoreError::io("read", &path, e)),
    }
}

/// Folder of the files that drafts may name.
pub fn pool(project: &Path) -> PathBuf {
    project.join(POOL)
}

/// Files that drafts may name, by name.
///
/// # Errors
/// A folder that cannot be listed.
pub fn pool_files(project: &Path) -> Result<Vec<ScenarioFile>, StoreError> {
    let mut all = Vec::new();
    for path in files::list(&pool(project))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let (true, Ok(about)) = (is_file_name(&name) && !name.ends_with(files::PARTIAL), fs::metadata(&path)) {
            all.push(ScenarioFile { name, bytes: about.len() });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Puts a file where drafts may name it, in place of one of the same name. Versions that are saved keep theirs.
///
/// # Errors
/// A file that cannot be written.
///
/// # Panics
/// When the name is none, which is a bug.
pub fn put_file(project: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    assert!(is_file_name(name), "names are checked before");
    files::write_whole(&pool(project).join(name), bytes)
}

/// Takes a file away from drafts; whether there was one.
///
/// # Errors
/// A file that cannot be removed.
pub fn remove_file(project: &Path, name: &str) -> Result<bool, StoreError> {
    if is_file_name(name) { files::remove(&pool(project).join(name)) } else { Ok(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> ScenarioVersion {
        ScenarioVersion {
            format: 0,
            name: name.into(),
            version: 0,
            title: "High EV".into(),
            layers: vec![("ev".into(), "ev".into())],
            author: "a".into(),
            time_utc: "2026-01-01T00:00:00Z".into(),
            note: String::new(),
            sha256: String::new(),
            files: Vec::new(),
        }
    }

    #[test]
    fn versions_follow_one_another_and_none_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path();
        assert!(list(project).unwrap().is_empty() && find(project, "x/y", None).unwrap().is_none());
        let files = [("weather.csv".to_owned(), b"hour\n".to_vec())];
        let Saved::As(first) = save(project, of("x/y"), "a: 1", 0, &files).unwrap() else { panic!("nothing is newer") };
        assert_eq!((first.version, first.files.len()), (1, 1));
        // Somebody else began with the same state.
        assert_eq!(save(project, of("x/y"), "a: 2", 0, &[]).unwrap(), Saved::Newer(1));
        // Cut off in the middle, with the record written but not in its place.
        let cut = folder(project, "x/y").join(".1-7");
        std::fs::create_dir_all(&cut).unwrap();
        std::fs::write(cut.join(TEXT), "half").unwrap();
        std::fs::copy(folder(project, "x/y").join("1").join(RECORD), cut.join(RECORD)).unwrap();
        assert_eq!(find(project, "x/y", None).unwrap().unwrap().version, 1);
        let Saved::As(second) = save(project, of("x/y"), "a: 3", 1, &[]).unwrap() else { panic!("nothing is newer") };
        assert_eq!(second.version, 2);
        assert_eq!(text(project, &first).unwrap(), "a: 1");
        assert_eq!(text(project, &find(project, "x/y", Some(2)).unwrap().unwrap()).unwrap(), "a: 3");
        assert_eq!(list(project).unwrap(), [second]);
        assert_eq!(versions(project, "x/y").unwrap().iter().map(|v| v.version).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(std::fs::read(path(project, &first).with_file_name("weather.csv")).unwrap(), b"hour\n");
        assert!(remove(project, "x/y").unwrap() && !remove(project, "x/y").unwrap());
        assert!(list(project).unwrap().is_empty());
        // A study that named version 1 or 2 never meets another text under that number.
        let Saved::As(anew) = save(project, of("x/y"), "a: 4", 0, &[]).unwrap() else { panic!("nothing is newer") };
        assert_eq!(anew.version, 3);
        assert!(find(project, "x/y", Some(1)).unwrap().is_none() && find(project, "x/y", Some(2)).unwrap().is_none());
    }

    #[test]
    fn files_have_plain_names() {
        for bad in ["", ".", "..", "../a", "a/b", "a\\b", "/a", "c:a", ".hidden", "scenario.yaml", "version.json", "a\n", " a"] {
            assert!(!is_file_name(bad), "{bad:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        put_file(dir.path(), "wéather 1.csv", b"x").unwrap();
        put_file(dir.path(), "wéather 1.csv", b"xy").unwrap();
        assert_eq!(pool_files(dir.path()).unwrap(), [ScenarioFile { name: "wéather 1.csv".into(), bytes: 2 }]);
        assert!(!remove_file(dir.path(), "../wéather 1.csv").unwrap());
        assert!(remove_file(dir.path(), "wéather 1.csv").unwrap() && pool_files(dir.path()).unwrap().is_empty());
    }
}
