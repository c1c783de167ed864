//! Fitted models of a project, with all their versions. A version is one file and is never changed; what people say of it stands beside it.
//!
//! ```text
//! PROJECT/models/NAME/000007.json            version 7: card and body as learning wrote them, who, when, with which program; its SHA-256
//! PROJECT/models/NAME/000007.approved.json   who approved it, when, and their words; not there before
//! ```

use crate::error::StoreError;
use crate::files::{self, sha256_hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "models";
const FORMAT: u64 = 1;
/// Longest name of a model.
const NAME_MAX: usize = 64;

/// A version without the body of its model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelVersion {
    pub name: String,
    /// Counted from 1.
    pub version: u64,
    pub author: String,
    /// RFC 3339.
    pub time_utc: String,
    pub engine_version: String,
    /// Of `model` as its text stands in the file.
    pub sha256: String,
    /// The card as `learning` wrote it.
    pub card: Value,
    pub approved: Option<Approval>,
}

/// Somebody's word that a version may be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: String,
    /// RFC 3339.
    pub time_utc: String,
    pub note: String,
}

/// Who keeps a model.
#[derive(Clone, Copy, Debug)]
pub struct Keeper<'a> {
    pub author: &'a str,
    /// RFC 3339.
    pub time_utc: &'a str,
    pub engine_version: &'a str,
    /// Job that fitted it: whatever happens between the model and the job's answer, the same job keeps one version.
    pub job: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    format: u64,
    name: String,
    version: u64,
    author: String,
    time_utc: String,
    engine_version: String,
    sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    model: Value,
}

/// Whether a name can be that of a model: lower-case letters, digits, `-` and `_`.
pub fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
}

fn folder(project: &Path, name: &str) -> PathBuf {
    project.join(FOLDER).join(name)
}

fn file(project: &Path, name: &str, version: u64) -> PathBuf {
    folder(project, name).join(format!("{version:06}.json"))
}

fn approval_file(project: &Path, name: &str, version: u64) -> PathBuf {
    folder(project, name).join(format!("{version:06}.approved.json"))
}

/// Keeps a model as the next version of its name. `model` is an object with a `card`. A job that has kept a version of the name already, and was begun again before
/// its answer was whole, gets that version: the one that may have been seen, approved or asked since.
///
/// # Errors
/// A name that cannot be one; a file that cannot be read or written.
pub fn keep(project: &Path, name: &str, model: &Value, keeper: Keeper<'_>) -> Result<ModelVersion, StoreError> {
    if !is_name(name) {
        return Err(StoreError::ModelName { name: name.chars().take(NAME_MAX).collect() });
    }
    if let Some(job) = keeper.job
        && let Some(record) = of_job(project, name, job)?
    {
        let approved = approval(project, name, record.version)?;
        return Ok(shown(record, approved));
    }
    let text = serde_json::to_string(model).expect("a model is plain data");
    let sha256 = sha256_hex(text.as_bytes());
    // Two who keep at once get two versions: the name of the file is taken by making it, and nobody takes one that is there.
    let mut version = versions(project, name)?.last().map_or(1, |v| v + 1);
    loop {
        let record = Record {
            format: FORMAT,
            name: name.to_owned(),
            version,
            author: keeper.author.to_owned(),
            time_utc: keeper.time_utc.to_owned(),
            engine_version: keeper.engine_version.to_owned(),
            sha256: sha256.clone(),
            job: keeper.job.map(str::to_owned),
            model: model.clone(),
        };
        let text = serde_json::to_vec(&record).expect("a record is plain data");
        if files::write_new(&file(project, name, version), &text)? {
            return Ok(shown(record, None));
        }
        version += 1;
    }
}

/// The version that a job has kept. Newest first, since a job that is tried again was begun not long ago; a version whose file is damaged is not the job's, or is
/// kept anew: its number stays taken.
fn of_job(project: &Path, name: &str, job: &str) -> Result<Option<Record>, StoreError> {
    for version in versions(project, name)?.into_iter().rev() {
        match read(project, name, version) {
            Ok(Some(record)) if record.job.as_deref() == Some(job) => return Ok(Some(record)),
            Ok(_) | Err(StoreError::Record { .. } | StoreError::Torn { .. } | StoreError::OtherVersion { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(None)
}

fn shown(record: Record, approved: Option<Approval>) -> ModelVersion {
    let card = record.model.get("card").cloned().unwrap_or_default();
    ModelVersion {
        name: record.name,
        version: record.version,
        author: record.author,
        time_utc: record.time_utc,
        engine_version: record.engine_version,
        sha256: record.sha256,
        card,
        approved,
    }
}

/// Versions of a name, ascending.
fn versions(project: &Path, name: &str) -> Result<Vec<u64>, StoreError> {
    let number = |path: &PathBuf| path.file_name()?.to_str()?.strip_suffix(".json")?.parse::<u64>().ok();
    let mut all: Vec<u64> = files::list(&folder(project, name))?.iter().filter_map(number).collect();
    all.sort_unstable();
    Ok(all)
}

fn read(project: &Path, name: &str, version: u64) -> Result<Option<Record>, StoreError> {
    let path = file(project, name, version);
    let damaged = |reason: String| StoreError::Record { path: path.clone(), reason };
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("read", &path, e)),
    };
    let record: Record = serde_json::from_slice(&text).map_err(|e| damaged(e.to_string()))?;
    if record.format != FORMAT {
        return Err(StoreError::OtherVersion { path: path.clone(), found: record.format, expected: FORMAT });
    }
    let text = serde_json::to_string(&record.model).map_err(|e| damaged(e.to_string()))?;
    if sha256_hex(text.as_bytes()) != record.sha256 {
        return Err(StoreError::Torn { path, reason: "the model does not have the checksum that it was kept with".into() });
    }
    Ok(Some(record))
}

fn approval(project: &Path, name: &str, version: u64) -> Result<Option<Approval>, StoreError> {
    let path = approval_file(project, name, version);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|e| StoreError::Record { path, reason: e.to_string() }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io("read", &path, e)),
    }
}

/// A version with its model; the newest unless told. None when there is none.
///
/// # Errors
/// A file that cannot be read, or is not what was kept.
pub fn find(project: &Path, name: &str, version: Option<u64>) -> Result<Option<(ModelVersion, Value)>, StoreError> {
    if !is_name(name) {
        return Ok(None);
    }
    let Some(version) = version.or(versions(project, name)?.last().copied()) else { return Ok(None) };
    let Some(mut record) = read(project, name, version)? else { return Ok(None) };
    let approved = approval(project, name, version)?;
    let model = record.model.clone();
    record.model = serde_json::json!({ "card": record.model.get("card") });
    Ok(Some((shown(record, approved), model)))
}

/// Every version of every model: names ascending, of each the newest version first. A file that cannot be read is told beside them.
///
/// # Errors
/// A folder that cannot be listed.
pub fn list(project: &Path) -> Result<(Vec<ModelVersion>, Vec<StoreError>), StoreError> {
    let (mut all, mut damaged) = (Vec::new(), Vec::new());
    for dir in files::list(&project.join(FOLDER))? {
        let Some(name) = dir.file_name().and_then(|n| n.to_str()).filter(|n| is_name(n)) else { continue };
        for version in versions(project, name)?.into_iter().rev() {
            match read(project, name, version).and_then(|r| Ok((r, approval(project, name, version)?))) {
                Ok((Some(record), approved)) => all.push(shown(record, approved)),
                Ok((None, _)) => {}
                Err(e) => damaged.push(e),
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name).then(b.version.cmp(&a.version)));
    Ok((all, damaged))
}

/// Writes down that somebody approved a version; whether there is such a version.
///
/// # Errors
/// A file that cannot be written.
pub fn approve(project: &Path, name: &str, version: u64, approval: &Approval) -> Result<bool, StoreError> {
    if !is_name(name) || read(project, name, version)?.is_none() {
        return Ok(false);
    }
    let text = serde_json::to_vec_pretty(approval).expect("an approval is plain data");
    files::write_whole(&approval_file(project, name, version), &text)?;
    Ok(true)
}

/// Removes a version; whether there was one. Its number is not given again while a later one is there.
///
/// # Errors
/// A file that cannot be removed.
pub fn remove(project: &Path, name: &str, version: u64) -> Result<bool, StoreError> {
    if !is_name(name) {
        return Ok(false);
    }
    files::remove(&approval_file(project, name, version))?;
    files::remove(&file(project, name, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEEPER: Keeper<'_> = Keeper { author: "ana", time_utc: "2026-01-01T00:00:00Z", engine_version: "0.1.0", job: None };

    #[test]
    fn versions_count_up_and_come_back_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path();
        assert!(list(project).unwrap().0.is_empty());
        let first = json!({"card": {"module": "m"}, "body": [0.1, 1e-300, 12_345_678.901_234_5]});
        let second = json!({"card": {"module": "m"}, "body": [2.0]});
        assert_eq!(keep(project, "load", &first, KEEPER).unwrap().version, 1);
        assert_eq!(keep(project, "load", &second, KEEPER).unwrap().version, 2);
        let (of, model) = find(project, "load", Some(1)).unwrap().unwrap();
        assert_eq!((of.author.as_str(), &of.card, model), ("ana", &first["card"], first.clone()));
        assert_eq!(find(project, "load", None).unwrap().unwrap().1, second);
        assert!(find(project, "load", Some(9)).unwrap().is_none() && find(project, "../load", None).unwrap().is_none());
        assert!(keep(project, "../x", &first, KEEPER).is_err());
        let listed: Vec<u64> = list(project).unwrap().0.iter().map(|v| v.version).collect();
        assert_eq!(listed, [2, 1]);
    }

    /// A job that ends between its model and its answer is begun again, and fits to the same end: there is one version of it, with its approval.
    #[test]
    fn a_job_that_is_tried_again_keeps_one_version() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path();
        let model = json!({"card": {}, "body": [1.0]});
        let of = |job| Keeper { job: Some(job), ..KEEPER };
        assert_eq!(keep(project, "m", &model, of("j-1")).unwrap().version, 1);
        assert_eq!(keep(project, "m", &model, of("j-2")).unwrap().version, 2);
        let word = Approval { by: "bo".into(), time_utc: "2026-01-02T00:00:00Z".into(), note: String::new() };
        approve(project, "m", 1, &word).unwrap();
        let again = keep(project, "m", &json!({"card": {}, "body": [2.0]}), of("j-1")).unwrap();
        assert_eq!((again.version, again.approved), (1, Some(word)));
        // Without a job, of another name, or after the version was removed, a version is new.
        assert_eq!(keep(project, "m", &model, KEEPER).unwrap().version, 3);
        assert_eq!(keep(project, "n", &model, of("j-1")).unwrap().version, 1);
        fs::write(file(project, "m", 3), b"{").unwrap();
        assert!(remove(project, "m", 2).unwrap());
        assert_eq!(keep(project, "m", &model, of("j-2")).unwrap().version, 4);
        let listed: Vec<u64> = list(project).unwrap().0.iter().filter(|v| v.name == "m").map(|v| v.version).collect();
        assert_eq!(listed, [4, 1]);
    }

    #[test]
    fn a_changed_model_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path();
        keep(project, "m", &json!({"card": {}, "body": {"bias": 1.5}}), KEEPER).unwrap();
        let path = file(project, "m", 1);
        let text = fs::read_to_string(&path).unwrap().replace("1.5", "2.5");
        fs::write(&path, text).unwrap();
        assert!(matches!(find(project, "m", None), Err(StoreError::Torn { .. })));
        let (whole, damaged) = list(project).unwrap();
        assert!(whole.is_empty() && damaged.len() == 1);
    }

    #[test]
    fn approvals_stand_beside_their_version() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path();
        keep(project, "m", &json!({"card": {}}), KEEPER).unwrap();
        let word = Approval { by: "bo".into(), time_utc: "2026-01-02T00:00:00Z".into(), note: "looked at".into() };
        assert!(approve(project, "m", 1, &word).unwrap() && !approve(project, "m", 2, &word).unwrap());
        assert_eq!(find(project, "m", None).unwrap().unwrap().0.approved, Some(word));
        assert!(remove(project, "m", 1).unwrap() && find(project, "m", None).unwrap().is_none());
    }
}
