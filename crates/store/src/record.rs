//! What is written down beside the tables: the manifest of a run, the commit record of a feeder.
//!
//! Nothing here holds a time of day or how long something took, so that a run that was interrupted and resumed leaves the very files
//! of one that was not.

use crate::error::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::Path;

/// One feeder that a run is to solve, and what its result depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub feeder: String,
    /// Hash of all files of the model.
    pub input_hash: String,
    /// Hash of all options that change the result.
    pub options_hash: String,
}

impl Job {
    pub fn new(feeder: impl Into<String>, input_hash: impl Into<String>, options_hash: impl Into<String>) -> Self {
        Self { feeder: feeder.into(), input_hash: input_hash.into(), options_hash: options_hash.into() }
    }
}

/// One model of a run, as its manifest tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInput {
    pub feeder: String,
    /// The model as it was named.
    pub model: String,
    /// Hash of all files of the model.
    pub input_hash: String,
}

/// Everything that is needed to run a study again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunManifest {
    pub study: String,
    pub engine_version: String,
    pub seed: Option<u64>,
    pub options: Value,
    pub inputs: Vec<RunInput>,
}

impl RunManifest {
    /// A manifest without options, seed and inputs, which are public fields.
    pub fn new(study: impl Into<String>, engine_version: impl Into<String>) -> Self {
        Self { study: study.into(), engine_version: engine_version.into(), seed: None, options: Value::Null, inputs: Vec::new() }
    }
}

/// How a feeder ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    Done,
    Failed { reason: String },
}

/// One table of a feeder on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    pub table: String,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
}

/// The commit record of a feeder: written last, it makes the feeder's tables count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeederRecord {
    pub study: String,
    pub feeder: String,
    #[serde(flatten)]
    pub status: Status,
    pub input_hash: String,
    pub options_hash: String,
    pub engine_version: String,
    /// In order of the tables' names.
    pub files: Vec<FileRecord>,
    /// What the study wants to know of the feeder without opening its tables.
    pub summary: Value,
}

/// Reads a JSON file; `None` where there is none.
pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("read", path, e)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| StoreError::Record { path: path.to_owned(), reason: e.to_string() })
}

pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("records are plain data");
    bytes.push(b'\n');
    bytes
}
