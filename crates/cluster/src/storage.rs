//! S3-compatible object storage: files of models and of a results lake as objects.
//!
//! Keys and endpoint come from the environment, by the names that other programs use too (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
//! `AWS_REGION`, `AWS_ENDPOINT_URL`); they are never part of a job. An object is there whole or not at all, so nothing is renamed.

use crate::error::ClusterError;
use futures::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, RetryConfig, WriteMultipart};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// How places in object storage begin.
pub const SCHEME: &str = "s3://";
/// Larger files are sent in parts of this size, bytes.
const PART_BYTES: usize = 32 << 20;
/// A request is tried so often and for so long before the storage counts as unreachable.
const RETRIES: usize = 4;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// A folder or file in object storage: `s3://bucket/key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub bucket: String,
    /// Without slashes at its ends; empty for the whole bucket.
    pub key: String,
}

impl Place {
    /// The place that a path means; nothing when it is one of a disk. A path keeps no two slashes side by side, so `s3:/` is taken as well.
    pub fn of_path(path: &Path) -> Option<Result<Self, ClusterError>> {
        let text = path.to_str()?;
        let rest = text.strip_prefix(SCHEME).or_else(|| text.strip_prefix("s3:/"))?;
        Some(format!("{SCHEME}{rest}").parse())
    }

    /// The place below this one.
    pub fn join(&self, below: &str) -> Self {
        let key = if self.key.is_empty() { below.to_owned() } else { format!("{}/{below}", self.key) };
        Self { bucket: self.bucket.clone(), key }
    }

    /// The last part of the key.
    pub fn file_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.key)
    }
}

impl FromStr for Place {
    type Err = ClusterError;

    fn from_str(text: &str) -> Result<Self, ClusterError> {
        let fault = |reason: &str| ClusterError::Place { text: text.to_owned(), reason: reason.to_owned() };
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| fault("It does not begin with s3://."))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(|c: char| c.is_whitespace() || c == '\\') {
            return Err(fault("It names no bucket."));
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in key.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or_else(|| fault("It leads out of the bucket."))?;
                }
                part => parts.push(part),
            }
        }
        Ok(Self { bucket: bucket.to_owned(), key: parts.join("/") })
    }
}

/// An object of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub place: Place,
    pub bytes: u64,
}

/// What lies directly in a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    pub folders: Vec<Place>,
    pub files: Vec<Entry>,
}

/// The requests of the process, on threads of their own, so that they can be waited for from any thread that may wait.
fn runtime() -> Result<&'static tokio::runtime::Runtime, ClusterError> {
    static RUNTIME: OnceLock<Result<tokio::runtime::Runtime, String>> = OnceLock::new();
    let made = RUNTIME
        .get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|e| e.to_string()));
    made.as_ref().map_err(|reason| ClusterError::Start { reason: reason.clone() })
}

/// Waits for a request from a thread that may wait, even one that belongs to another runtime.
fn wait<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> Result<T, ClusterError> {
    let (tell, told) = std::sync::mpsc::channel();
    runtime()?.spawn(async move {
        let _ = tell.send(request.await);
    });
    told.recv().map_err(|_| ClusterError::Start { reason: "a request to the storage ended without an answer".to_owned() })
}

/// The store of a bucket, one for the process.
fn store(place: &Place) -> Result<Arc<dyn ObjectStore>, ClusterError> {
    static STORES: OnceLock<Mutex<HashMap<String, Arc<dyn ObjectStore>>>> = OnceLock::new();
    let mut stores = STORES.get_or_init(Mutex::default).lock().unwrap_or_else(|e| e.into_inner());
    if let Some(known) = stores.get(&place.bucket) {
        return Ok(known.clone());
    }
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"].iter().find_map(|name| std::env::var(name).ok());
    let retry = RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(&place.bucket).with_retry(retry);
    if let Some(endpoint) = endpoint {
        // A server beside the program seldom has a certificate; who names http means it.
        builder = builder.with_allow_http(endpoint.starts_with("http://")).with_endpoint(endpoint);
    }
    let made: Arc<dyn ObjectStore> = Arc::new(builder.build().map_err(|e| refused("open", place, &e))?);
    stores.insert(place.bucket.clone(), made.clone());
    Ok(made)
}

fn refused(action: &'static str, place: &Place, error: &dyn fmt::Display) -> ClusterError {
    ClusterError::Storage { action, place: place.to_string(), reason: error.to_string() }
}

fn key(place: &Place) -> Result<Key, ClusterError> {
    Key::parse(&place.key).map_err(|e| ClusterError::Place { text: place.to_string(), reason: e.to_string() })
}

/// The bytes of an object; nothing when there is none.
///
/// # Errors
/// Storage that cannot be reached or refuses.
pub fn get(place: &Place) -> Result<Option<Vec<u8>>, ClusterError> {
    let (store, key) = (store(place)?, key(place)?);
    let got = wait(async move {
        match store.get(&key).await {
            Ok(found) => found.bytes().await.map(|b| Some(b.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(e),
        }
    })?;
    got.map_err(|e| refused("read", place, &e))
}

/// Length of an object, bytes; nothing when there is none.
///
/// # Errors
/// Storage that cannot be reached or refuses.
pub fn length(place: &Place) -> Result<Option<u64>, ClusterError> {
    let (store, key) = (store(place)?, key(place)?);
    match wait(async move { store.head(&key).await })? {
        Ok(found) => Ok(Some(found.size)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(e) => Err(refused("look at", place, &e)),
    }
}

/// Writes an object.
///
/// # Errors
/// Storage that cannot be reached or refuses.
pub fn put(place: &Place, bytes: Vec<u8>) -> Result<(), ClusterError> {
    let (store, key) = (store(place)?, key(place)?);
    let done = wait(async move {
        if bytes.len() <= PART_BYTES {
            return store.put(&key, PutPayload::from(bytes)).await.map(|_| ());
        }
        // Seen by nobody before it is complete.
        let mut upload = WriteMultipart::new_with_chunk_size(store.put_multipart(&key).await?, PART_BYTES);
        for part in bytes.chunks(PART_BYTES) {
            upload.wait_for_capacity(2).await?;
            upload.write(part);
        }
        upload.finish().await.map(|_| ())
    })?;
    done.map_err(|e| refused("write", place, &e))
}

/// Removes an object; that it is not there is fine.
///
/// # Errors
/// Storage that cannot be reached or refuses.
pub fn remove(place: &Place) -> Result<(), ClusterError> {
    let (store, key) = (store(place)?, key(place)?);
    match wait(async move { store.delete(&key).await })? {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(e) => Err(refused("remove", place, &e)),
    }
}

/// Every object below a place, by name.
///
/// # Errors
/// Storage that cannot be reached or refuses.
pub fn list(place: &Place) -> Result<Vec<Entry>, ClusterError> {
    let (store, key, bucket) = (store(place)?, key(place)?, place.bucket.clone());
    let found = wait(async move { store.list(Some(&key)).try_collect::<Vec<_>>().await })?.map_err(|e| refused("list", place, &e))?;
    let mut entries: Vec<Entry> =
        found.into_iter().map(|o| Entry { place: Place { bucket: bucket.clone(), key: o.location.to_string() }, bytes: o.size }).collect();
    entries.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(entries)
}

/// What lies directly in a folder, by name.
///
/// # Errors
/// Storage that cannot be reached or refuses.
pub fn list_folder(place: &Place) -> Result<Folder, ClusterError> {
    let (store, key, bucket) = (store(place)?, key(place)?, place.bucket.clone());
    let found = wait(async move { store.list_with_delimiter(Some(&key)).await })?.map_err(|e| refused("list", place, &e))?;
    let at = |key: &Key| Place { bucket: bucket.clone(), key: key.to_string() };
    let mut folder = Folder {
        folders: found.common_prefixes.iter().map(at).collect(),
        files: found.objects.iter().map(|o| Entry { place: at(&o.location), bytes: o.size }).collect(),
    };
    folder.folders.sort();
    folder.files.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_text_and_paths() {
        let read = |text: &str| text.parse::<Place>().map(|p| p.to_string()).ok();
        assert_eq!(read("s3://grid/a/b/"), Some("s3://grid/a/b".into()));
        assert_eq!(read("s3://grid"), Some("s3://grid/".into()));
        assert_eq!(read("s3://grid/a/../b/./c"), Some("s3://grid/b/c".into()));
        for bad in ["", "s3://", "s3:///a", "grid/a", "s3://grid/../a"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        let path = Path::new("s3://grid/a").join("../b/x.dss");
        assert_eq!(Place::of_path(&path).unwrap().unwrap().to_string(), "s3://grid/b/x.dss");
        let collapsed: std::path::PathBuf = path.components().collect();
        assert_eq!(Place::of_path(&collapsed).unwrap().unwrap().to_string(), "s3://grid/b/x.dss");
        assert!(Place::of_path(Path::new("/data/s3")).is_none());
        assert_eq!("s3://grid".parse::<Place>().unwrap().join("x").to_string(), "s3://grid/x");
    }
}
