//! Answers about large networks that are kept as files, so that a server that has just started need not read the network to show it.
//!
//! They follow from the version and the program alone: the name of a file is made from both, a folder holds those of one build of the
//! program, and the folders of others are removed at the start. A file begins with the hash of what follows, and counts as missing without it.

use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of all files together; beyond them the oldest go.
const BYTES_MAX: u64 = 2 << 30;
const HASH: usize = 32;

/// Where they are kept; nowhere when the build of the program cannot be told.
#[derive(Debug)]
pub struct Shelf(Option<PathBuf>);

impl Shelf {
    /// The shelf in the data folder.
    pub fn open(data: &Path) -> Self {
        let stamp = std::env::current_exe().and_then(fs::metadata).ok().and_then(|m| {
            let changed = m.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(format!("{:x}-{:x}", m.len(), changed.as_nanos()))
        });
        let all = data.join("cache");
        for folder in fs::read_dir(&all).into_iter().flatten().flatten() {
            if Some(folder.file_name().to_string_lossy().into_owned()) != stamp {
                // It only takes room; the next start tries again.
                let _ = fs::remove_dir_all(folder.path());
            }
        }
        Self(stamp.map(|s| all.join(s)))
    }

    fn place(&self, key: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|dir| dir.join(store::sha256_hex(key.as_bytes())))
    }

    /// What was kept under a name.
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.place(key)?).ok()?;
        let is_whole = bytes.len() >= HASH && Sha256::digest(&bytes[HASH..])[..] == bytes[..HASH];
        is_whole.then(|| bytes.split_off(HASH))
    }

    /// Keeps an answer. Where it cannot be kept it is made anew the next time.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let Some(place) = self.place(key) else { return };
        let mut content = Sha256::digest(bytes).to_vec();
        content.extend_from_slice(bytes);
        if let Err(e) = store::files::write_whole(&place, &content) {
            tracing::warn!("an answer cannot be kept: {e}");
        }
        self.make_room();
    }

    fn make_room(&self) {
        let Some(dir) = &self.0 else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|f| f.metadata().ok().and_then(|m| Some((m.modified().ok()?, m.len(), f.path()))))
            .collect();
        let mut bytes: u64 = files.iter().map(|f| f.1).sum();
        files.sort();
        for (_, length, path) in files {
            if bytes <= BYTES_MAX {
                break;
            }
            let _ = fs::remove_file(path);
            bytes -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_does_not() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(data.path().join("cache/of-another-build")).unwrap();
        let shelf = Shelf::open(data.path());
        assert!(!data.path().join("cache/of-another-build").exists());
        assert_eq!(shelf.get("a"), None);
        shelf.put("a", b"answer");
        assert_eq!(Shelf::open(data.path()).get("a").as_deref(), Some(&b"answer"[..]));
        let file = shelf.place("a").unwrap();
        let mut bytes = fs::read(&file).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&file, bytes).unwrap();
        assert_eq!(shelf.get("a"), None);
    }
}
