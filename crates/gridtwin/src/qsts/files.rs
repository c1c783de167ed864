//! The files that a model is made of, hashed as they are read, so that a later run knows whether the model is still the same.

use crate::model_files::ModelFiles;
use formats::opendss::FileSource;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use store::sha256_hex;

/// Hashes of files by path, each computed once in a run: feeders of a utility share their shapes.
#[derive(Debug, Default)]
pub struct HashCache {
    files: ModelFiles,
    hashes: Mutex<HashMap<PathBuf, Option<String>>>,
}

impl HashCache {
    /// Of files from elsewhere.
    pub fn new(files: ModelFiles) -> Self {
        Self { files, hashes: Mutex::default() }
    }

    /// Where the files are read from.
    pub fn files(&self) -> &ModelFiles {
        &self.files
    }

    /// Hash of a file as it is now, or as it was when it was first asked for; `None` when it cannot be read.
    fn of_file(&self, path: &Path) -> Option<String> {
        if let Some(known) = self.hashes.lock().expect("no thread fails with the lock").get(path) {
            return known.clone();
        }
        let hash = self.files.read(path).ok().map(|bytes| sha256_hex(&bytes));
        self.hashes.lock().expect("no thread fails with the lock").insert(path.to_owned(), hash.clone());
        hash
    }

    fn of_bytes(&self, path: &Path, bytes: &[u8]) -> String {
        if let Some(Some(known)) = self.hashes.lock().expect("no thread fails with the lock").get(path) {
            return known.clone();
        }
        let hash = sha256_hex(bytes);
        self.hashes.lock().expect("no thread fails with the lock").insert(path.to_owned(), Some(hash.clone()));
        hash
    }

    /// Whether the files that a record names are what they were: their common hash as it is now.
    ///
    /// `None` when the record does not name its files.
    pub fn of_record(&self, summary: &Value) -> Option<String> {
        let files = summary["files"].as_array()?;
        let mut now = BTreeMap::new();
        for file in files {
            let path = file["path"].as_str()?;
            now.insert(PathBuf::from(path), self.of_file(Path::new(path)).unwrap_or_else(|| "missing".to_owned()));
        }
        Some(common_hash(&now))
    }
}

/// Files that keep account of what was read.
#[derive(Debug)]
pub struct HashedFiles<'a> {
    cache: &'a HashCache,
    read: Mutex<BTreeMap<PathBuf, String>>,
}

impl<'a> HashedFiles<'a> {
    pub fn new(cache: &'a HashCache) -> Self {
        Self { cache, read: Mutex::default() }
    }

    /// One hash over the names and contents of all files that were read.
    pub fn hash(&self) -> String {
        common_hash(&self.read.lock().expect("no thread fails with the lock"))
    }

    /// The files and their hashes, for the record of the feeder.
    pub fn list(&self) -> Value {
        let read = self.read.lock().expect("no thread fails with the lock");
        read.iter().map(|(path, hash)| json!({ "path": path.to_string_lossy(), "sha256": hash })).collect()
    }
}

impl FileSource for HashedFiles<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = self.cache.files.read(path);
        let hash = match &bytes {
            Ok(bytes) => self.cache.of_bytes(path, bytes),
            Err(_) => "missing".to_owned(),
        };
        self.read.lock().expect("no thread fails with the lock").insert(path.to_owned(), hash);
        bytes
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.cache.files.list_dir(dir)
    }
}

/// Files by name, so that the order of reading does not matter.
fn common_hash(files: &BTreeMap<PathBuf, String>) -> String {
    let text: String = files.iter().map(|(path, hash)| format!("{}\n{hash}\n", path.to_string_lossy())).collect();
    sha256_hex(text.as_bytes())
}
